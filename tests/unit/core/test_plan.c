#include "tests/unit/test.h"
#include "core/decode.h"
#include "core/replica.h"

#include <stdlib.h>

static struct library *library_of(const char *yaml)
{
	struct library *lib = library_new();
	struct err err = { 0 };
	library_add(lib, "test.yaml", yaml, strlen(yaml));
	if (!library_close(lib, &err))
		fail_msg("%s", err.text);
	return lib;
}

static struct bound *bound_of(const struct library *lib)
{
	struct err err = { 0 };
	struct discover *d = discover_new(library_at(lib, 0), NULL, 0, &err);
	assert_null(discover_next(d));
	struct bound *b = discover_finish(d, &err);
	if (!b)
		fail_msg("%s", err.text);
	discover_free(d);
	return b;
}

#define HEAD "profile: t\nrevision: 1\nsource: invented\n"
#define AT(name, where) " - {name: " name ", quantity: voltage, unit: V, at: " where "}\n"

static const struct row { const char *name, *yaml; struct plan_limits limits; const char *plan; } rows[] = {
	{ "neighbours are one request", HEAD "points:\n" AT("a", "holding 0") AT("b", "holding 1"), { 0 }, "holding 0x0000 +2" },
	{ "a small gap is cheaper than a request", HEAD "points:\n" AT("a", "holding 0") AT("b", "holding 40"), { 0 }, "holding 0x0000 +41" },
	{ "a wide gap is not, at measured costs", HEAD "points:\n" AT("a", "holding 0") AT("b", "holding 40"), { .request_us = 100, .word_us = 20 },
	  "holding 0x0000 +1;holding 0x0028 +1" },
	{ "never above 125 words", HEAD "points:\n" AT("a", "holding 0") AT("b", "holding 125"), { .request_us = 1000000 }, "holding 0x0000 +1;holding 0x007d +1" },
	{ "exactly 125 words", HEAD "points:\n" AT("a", "holding 0") AT("b", "holding 124"), { .request_us = 1000000 }, "holding 0x0000 +125" },
	{ "the profile's limit", HEAD "max_words: 10\npoints:\n" AT("a", "holding 0") AT("b", "holding 10"), { 0 }, "holding 0x0000 +1;holding 0x000a +1" },
	{ "a learnt limit", HEAD "points:\n" AT("a", "holding 0") AT("b", "holding 10"), { .max_words = 8 }, "holding 0x0000 +1;holding 0x000a +1" },
	{ "no gaps for a strict meter", HEAD "no_gaps: true\npoints:\n" AT("a", "holding 0") AT("b", "holding 2"), { 0 }, "holding 0x0000 +1;holding 0x0002 +1" },
	{ "functions do not mix", HEAD "points:\n" AT("a", "holding 0") AT("b", "input 1"), { 0 }, "holding 0x0000 +1;input 0x0001 +1" },
	{ "blocks are not crossed", HEAD "blocks: [holding 0..3]\npoints:\n" AT("a", "holding 3") AT("b", "holding 4"), { 0 }, "holding 0x0003 +1;holding 0x0004 +1" },
	{ "overlapping values are read once", HEAD "points:\n - {name: a, at: holding 5, bit: 0, states: {0: off, 1: on}}\n - {name: b, at: holding 5, bit: 1, states: {0: off, 1: on}}\n",
	  { 0 }, "holding 0x0005 +1" },
	{ "parts apart are one request", HEAD "points:\n - {name: a, quantity: energy, unit: kW.h, at: holding 8, type: u32, parts: [8, 2]}\n", { 0 }, "holding 0x0002 +7" },
	{ "coils by bits", HEAD "points:\n - {name: c.*, at: coil 0, states: {0: off, 1: on}, repeat: {count: 300, stride: 1}}\n", { 0 }, "coil 0x0000 +300" },
	{ "address base 1", HEAD "address_base: 1\npoints:\n" AT("a", "holding 3060"), { 0 }, "holding 0x0bf3 +1" },
};

static void plans(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		struct library *lib = library_of(r->yaml);
		struct bound *b = bound_of(lib);
		struct err err = { 0 };
		struct plan *p = plan_make(b, &r->limits, &err);
		CLEANUP(buf_done) struct buf text = { 0 };
		row_check(r, p != NULL);
		for (size_t i = 0; i < p->n; i++)
			buf_printf(&text, "%s%s 0x%04x +%u", i ? ";" : "", p->requests[i].function == 3 ? "holding" : p->requests[i].function == 4 ? "input" : "coil",
				   p->requests[i].address, p->requests[i].count);
		if (strcmp(text.data, r->plan))
			fail_msg("row \"%s\": %s, expected %s", r->name, text.data, r->plan);
		plan_free(p);
		bound_free(b);
		library_free(lib);
	}
}

/* ---- learning from refusals ---- */

static uint32_t seed = 20260131;
static uint32_t chance(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* A device that has only some registers, reads at most `most` words, and says 2 or 3 as it likes. */
struct strict { bool has[400]; uint32_t most; };

static bool serves(const struct strict *d, const struct request *q)
{
	for (uint32_t a = q->address; a < (uint32_t)q->address + q->count; a++)
		if (!d->has[a])
			return false;
	return q->count <= d->most;
}

static void learning_terminates_and_finds_all(void **state)
{
	(void)state;
	for (int round = 0; round < 60; round++) {
		CLEANUP(buf_done) struct buf yaml = { 0 };
		struct strict d = { .most = 2 + chance(60) };
		bool wanted[400] = { false };
		buf_str(&yaml, HEAD "points:\n");
		for (uint32_t a = 0; a < 399; a += 2) {
			d.has[a] = chance(10) > 0;
			d.has[a + 1] = d.has[a] || chance(2);
			wanted[a] = chance(3) > 0;
			if (wanted[a])
				buf_printf(&yaml, " - {name: p%u, quantity: voltage, unit: V, at: holding %u}\n", a, a);
		}
		struct library *lib = library_of(yaml.data);
		struct bound *b = bound_of(lib);
		struct plan_limits limits = { 0 };
		struct err err = { 0 };
		struct plan *p = plan_make(b, &limits, &err);
		size_t lessons = 0, most = 2 * (b->n + 1) * 12 + 12;
		bool again = true;
		while (again) {
			again = false;
			for (size_t i = 0; i < p->n && !again; i++) {
				struct reading r = { .request = &p->requests[i], .reason = REASON_EXCEPTION, .exception = (uint8_t)(2 + chance(2)) };
				again = !serves(&d, &p->requests[i]) && plan_learn(p, &r, &limits, &err);
			}
			if (!again)
				break;
			if (++lessons > most)
				fail_msg("seed round %d: %zu lessons for %zu values", round, lessons, b->n);
			/* what was learnt survives as text */
			CLEANUP(buf_done) struct buf text = { 0 };
			struct plan_limits copy;
			plan_limits_text(&limits, &text);
			assert_true(plan_limits_parse(text.data ? text.data : "", &copy, &err));
			plan_limits_done(&limits);
			limits = copy;
			plan_free(p);
			p = plan_make(b, &limits, &err);
			assert_non_null(p);
		}
		/* every register the device has is read, every other given up */
		bool read[400] = { false };
		for (size_t i = 0; i < p->n; i++)
			for (uint32_t k = p->first[i]; k < p->first[i + 1]; k++)
				read[b->points[p->slots[k].point].address] = true;
		for (uint32_t a = 0; a < 400; a++)
			if (read[a] != (wanted[a] && d.has[a]))
				fail_msg("round %d: register %u is %s", round, a, read[a] ? "read but absent" : "given up though present");
		plan_free(p);
		plan_limits_done(&limits);
		bound_free(b);
		library_free(lib);
	}
}

/* ---- readings ---- */

static const char two[] = HEAD "points:\n" AT("a", "holding 0") " - {name: b, quantity: voltage, unit: V, at: holding 1, scale: 0.1, range: [0, 300], missing: [0xffff, 7..9]}\n";

static const struct reading_row { const char *name; enum reason reason; size_t n; uint16_t words[3]; enum quality qa, qb; enum reason wa, wb; int64_t va, vb; } reading_rows[] = {
	{ "two values", REASON_NONE, 2, { 230, 2301 }, QUALITY_GOOD, QUALITY_GOOD, REASON_NONE, REASON_NONE, 230000, 230100 },
	{ "a sentinel spoils only its own value", REASON_NONE, 2, { 230, 0xffff }, QUALITY_GOOD, QUALITY_MISSING, REASON_NONE, REASON_SENTINEL, 230000, 0 },
	{ "a range of sentinels", REASON_NONE, 2, { 230, 8 }, QUALITY_GOOD, QUALITY_MISSING, REASON_NONE, REASON_SENTINEL, 230000, 0 },
	{ "out of the plausible range is bad", REASON_NONE, 2, { 230, 3001 }, QUALITY_GOOD, QUALITY_BAD, REASON_NONE, REASON_RANGE, 230000, 0 },
	{ "a word too few", REASON_NONE, 1, { 230 }, QUALITY_MISSING, QUALITY_MISSING, REASON_MALFORMED, REASON_MALFORMED, 0, 0 },
	{ "a word too many", REASON_NONE, 3, { 230, 2301, 1 }, QUALITY_MISSING, QUALITY_MISSING, REASON_MALFORMED, REASON_MALFORMED, 0, 0 },
	{ "timed out", REASON_TIMEOUT, 0, { 0 }, QUALITY_MISSING, QUALITY_MISSING, REASON_TIMEOUT, REASON_TIMEOUT, 0, 0 },
	{ "refused", REASON_EXCEPTION, 0, { 0 }, QUALITY_MISSING, QUALITY_MISSING, REASON_EXCEPTION, REASON_EXCEPTION, 0, 0 },
};

static void readings(void **state)
{
	(void)state;
	struct library *lib = library_of(two);
	struct bound *b = bound_of(lib);
	struct err err = { 0 };
	struct plan *p = plan_make(b, NULL, &err);
	for (const struct reading_row *r = reading_rows; r < reading_rows + countof(reading_rows); r++) {
		struct sample s[2] = { 0 };
		struct reading in = { .request = &p->requests[0], .at = { .wall = { 77 } }, .reason = r->reason, .words = r->words, .n_words = r->n };
		row_check(r, decode_reading(p, &in, 100, s) == 2);
		row_check(r, s[0].series == 100 && s[1].series == 101 && s[0].at.wall.ms == 77);
		row_check(r, s[0].quality == r->qa && s[1].quality == r->qb && s[0].reason == r->wa && s[1].reason == r->wb);
		row_check(r, s[0].value == r->va && s[1].value == r->vb);
	}
	plan_free(p);
	bound_free(b);
	library_free(lib);
}

/* Variables that are not those of the request: no value for anybody (F-dev-31). */
static void foreign_variables(void **state)
{
	(void)state;
	static const char yaml[] = HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: oid e.1.1.0}\n - {name: b, quantity: voltage, unit: V, at: oid e.1.2.0}\n";
	struct library *lib = library_of(yaml);
	struct err err = { 0 };
	struct replica *r = replica_new();
	struct var v[2] = { { .type = VAR_INTEGER, .integer = 5 }, { .type = VAR_INTEGER, .integer = 6 } };
	assert_true(oid_parse("1.3.6.1.4.1.1.1.0", &v[0].name) && oid_parse("1.3.6.1.4.1.1.2.0", &v[1].name));
	assert_true(replica_var(r, &v[0]) && replica_var(r, &v[1]));
	struct bound *b;
	struct sample *s;
	assert_true(replica_probe(r, library_at(lib, 0), &b, &s, &err));
	assert_int_equal(s[1].value, 6000);
	struct plan *p = plan_make(b, NULL, &err);
	struct sample out[2];
	struct var swapped[2] = { v[1], v[0] };
	struct reading in = { .request = &p->requests[0], .vars = swapped, .n_vars = 2 };
	assert_int_equal(decode_reading(p, &in, 0, out), 2);
	assert_int_equal(out[0].reason, REASON_MALFORMED);
	assert_int_equal(out[1].reason, REASON_MALFORMED);
	in = (struct reading){ .request = &p->requests[0], .vars = v, .n_vars = 1 };
	decode_reading(p, &in, 0, out);
	assert_int_equal(out[0].reason, REASON_MALFORMED);
	v[1].type = VAR_NO_SUCH_INSTANCE;
	in = (struct reading){ .request = &p->requests[0], .vars = v, .n_vars = 2 };
	decode_reading(p, &in, 0, out);
	assert_int_equal(out[0].value, 5000);
	assert_int_equal(out[1].reason, REASON_NO_SUCH_OBJECT);
	plan_free(p);
	bound_free(b);
	free(s);
	replica_free(r);
	library_free(lib);
}

/* ---- site overrides ---- */

static void overrides(void **state)
{
	(void)state;
	struct library *lib = library_of(HEAD "points:\n - {name: total.power, quantity: active_power, unit: kW, at: holding 3059, type: f32}\n"
					      " - {name: total.voltage, quantity: voltage, unit: V, at: holding 3027, type: f32}\n");
	const struct point_override good[] = {
		{ .point = "total.power", .unit = "W", .order = "cdab", .space = SPACE_INPUT, .address_shift = -1 },
		{ .point = "total.voltage", .scale = { 1, 10 } } };
	struct err err = { 0 };
	struct discover *d = discover_new(library_at(lib, 0), good, 2, &err);
	assert_null(discover_next(d));
	struct bound *b = discover_finish(d, &err);
	discover_free(d);
	assert_non_null(b);
	const uint16_t words[] = { 0x6666, 0x4366 };
	int64_t v;
	enum reason why;
	assert_string_equal(b->points[0].source, "input 0x0BF2");
	assert_true(decode_words(&b->points[0], words, &v, &why));
	assert_int_equal(v, 230400);                 /* mW: the site says W and low word first */
	const uint16_t plain[] = { 0x4366, 0x6666 };
	assert_true(decode_words(&b->points[1], plain, &v, &why));
	assert_int_equal(v, 23040);
	bound_free(b);
	static const struct { const char *name; struct point_override o; const char *says; } bad[] = {
		{ "no such point", { .point = "total.pover", .unit = "W" }, "no such point" },
		{ "wrong unit", { .point = "total.power", .unit = "V" }, "does not measure" },
		{ "wrong order", { .point = "total.power", .order = "abdx" }, "does not fit" },
		{ "out of the address space", { .point = "total.power", .address_shift = -4000 }, "out of 0..65535" } };
	for (size_t i = 0; i < countof(bad); i++) {
		d = discover_new(library_at(lib, 0), &bad[i].o, 1, &err);
		row_check(&bad[i], discover_finish(d, &err) == NULL && err.kind == ERR_CONFIG && strstr(err.text, bad[i].says));
		discover_free(d);
	}
	library_free(lib);
}

/* ---- plausibility ---- */

static void plausibility(void **state)
{
	(void)state;
	struct library *lib = library_of(HEAD "points:\n"
		" - {name: phase.*.voltage, quantity: voltage, unit: V, at: holding 0, repeat: {count: 2, stride: 1}}\n"
		" - {name: phase.*.current, quantity: current, unit: A, scale: 0.1, at: holding 2, repeat: {count: 2, stride: 1}}\n"
		" - {name: phase.*.power, quantity: active_power, unit: W, at: holding 4, repeat: {count: 2, stride: 1}}\n"
		" - {name: total.power, quantity: active_power, unit: W, at: holding 6}\n"
		"checks:\n - {rule: power, power: phase.*.power, voltage: phase.*.voltage, current: phase.*.current}\n"
		" - {rule: sum, total: total.power, parts: phase.*.power}\n");
	struct bound *b = bound_of(lib);
	struct err err = { 0 };
	struct plan *p = plan_make(b, NULL, &err);
	struct checks *k = checks_make(b);
	assert_true(k && checks_any(k));
	static const struct { const char *name; uint16_t words[7]; size_t findings; int bad; } cases[] = {
		{ "all good", { 230, 231, 100, 50, 2250, 1100, 3350 }, 0, -1 },
		{ "power above V times I", { 230, 231, 100, 50, 22500, 1100, 23600 }, 1, 4 },
		{ "phases are not the total", { 230, 231, 100, 50, 2250, 1100, 335 }, 1, 6 },
		{ "idle is good", { 230, 231, 0, 0, 0, 5, 5 }, 0, -1 } };
	for (size_t i = 0; i < countof(cases); i++) {
		struct sample s[7];
		CLEANUP(buf_done) struct buf out = { 0 };
		struct reading in = { .request = &p->requests[0], .words = cases[i].words, .n_words = 7 };
		decode_reading(p, &in, 0, s);
		row_check(&cases[i], checks_run(k, s, true, &out) == cases[i].findings);
		for (int n = 0; n < 7; n++)
			row_check(&cases[i], (s[n].reason == REASON_IMPLAUSIBLE) == (n == cases[i].bad));
	}
	checks_free(k);
	plan_free(p);
	bound_free(b);
	library_free(lib);
}

/* F-dev-16: the object that tells the scale is in the GET of what it scales, once for all of them; while it says something else they are no values. */
static void scale_is_read_with_the_values(void **state)
{
	(void)state;
	static const char yaml[] = HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: oid e.1.1.0, scale_from: {at: oid e.1.9.0, as: digits}}\n"
		" - {name: b, quantity: current, unit: A, at: oid e.1.2.0, scale_from: {at: oid e.1.9.0, as: digits}}\n - {name: c, quantity: frequency, unit: Hz, at: oid e.1.3.0}\n";
	static const char *const names[] = { "1.3.6.1.4.1.1.1.0", "1.3.6.1.4.1.1.2.0", "1.3.6.1.4.1.1.3.0", "1.3.6.1.4.1.1.9.0" };
	static const int64_t raw[] = { 2300, 160, 50, 1 };
	struct library *lib = library_of(yaml);
	struct err err = { 0 };
	struct replica *r = replica_new();
	struct var v[4] = { 0 };
	for (size_t i = 0; i < 4; i++) {
		v[i] = (struct var){ .type = VAR_INTEGER, .integer = raw[i] };
		assert_true(oid_parse(names[i], &v[i].name) && replica_var(r, &v[i]));
	}
	struct bound *b;
	struct sample *s, out[3];
	assert_true(replica_probe(r, library_at(lib, 0), &b, &s, &err));
	assert_int_equal(s[0].value, 230000);
	struct plan *p = plan_make(b, NULL, &err);
	assert_int_equal(p->n, 1);
	assert_int_equal(p->requests[0].n_oids, 4);
	struct var answer[4];
	for (size_t i = 0; i < 4; i++)
		for (size_t k = 0; k < 4; k++)
			if (oid_equal(&p->requests[0].oids[i], &v[k].name))
				answer[i] = v[k];
	struct reading in = { .request = &p->requests[0], .vars = answer, .n_vars = 4 };
	assert_false(decode_rescaled(p, &in));
	assert_int_equal(decode_reading(p, &in, 0, out), 3);
	assert_int_equal(out[1].value, 16000);
	for (size_t i = 0; i < 4; i++)
		if (oid_equal(&answer[i].name, &v[3].name))
			answer[i].integer = 2;
	assert_true(decode_rescaled(p, &in));
	decode_reading(p, &in, 0, out);
	assert_true(out[0].quality == QUALITY_MISSING && out[0].reason == REASON_RESCALED && out[1].reason == REASON_RESCALED);
	assert_int_equal(out[2].value, 50000);
	plan_free(p);
	free(s);
	bound_free(b);
	replica_free(r);
	library_free(lib);
}

/* A number that the profile has no name for is never shown as if it were a measurement. */
static void unlisted_state(void **state)
{
	(void)state;
	struct library *lib = library_of(HEAD "points:\n - {name: a, at: holding 0, states: {1: normal, 2: alarm}}\n");
	struct bound *b = bound_of(lib);
	static const struct { const char *name; int64_t value; const char *text; } cases[] = {
		{ "a listed one", 2, "alarm" }, { "an unlisted one", 7, "unknown state 7" }, { "a negative one", -1, "unknown state -1" } };
	for (size_t i = 0; i < countof(cases); i++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		bound_value_text(&b->points[0], cases[i].value, &out);
		row_check(&cases[i], !strcmp(out.data, cases[i].text));
	}
	bound_free(b);
	library_free(lib);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(plans), cmocka_unit_test(learning_terminates_and_finds_all), cmocka_unit_test(readings), cmocka_unit_test(foreign_variables), cmocka_unit_test(scale_is_read_with_the_values), cmocka_unit_test(unlisted_state),
		cmocka_unit_test(overrides), cmocka_unit_test(plausibility),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
