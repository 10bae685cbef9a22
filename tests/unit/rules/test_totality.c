/* No pack, however odd, hangs, crashes, or finds a site eligible of which nothing is known.  Seeded; the seed is printed when a row fails. */
#include "tests/unit/test.h"
#include "rules/pack.h"

#include <stdlib.h>

static uint64_t seed;

static unsigned below(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed >> 33) % n;
}

static void truth(struct buf *b, int depth);

static void literal(struct buf *b)
{
	buf_printf(b, "\"%u.%u\"", 1 + below(4), below(10));
}

/* Every number asks for a fact, so that nothing known makes nothing known. */
static void number(struct buf *b, int depth)
{
	static const char *const facts[] = { "pue", "category", "racks.installed", "racks_min.in_use", "share.c1.in.in", "share.c2.$reading.out", "before.pue", "part.pue", "halls.pue_most",
					     "meters.counted", "findings", "complete.energy.total", "pue_guarded" };
	static const char *const pairs[] = { "add", "sub", "mul", "div", "min", "max" };
	if (depth <= 0) {
		buf_str(b, facts[below(countof(facts))]);
		return;
	}
	switch (below(9)) {
	case 0: case 1:
		buf_printf(b, "{%s: [", pairs[below(countof(pairs))]);
		number(b, depth - 1);
		buf_str(b, ", ");
		below(2) ? literal(b) : number(b, depth - 1);
		buf_str(b, "]}");
		break;
	case 2:
		buf_str(b, "{clamp: [");
		number(b, depth - 1);
		buf_str(b, ", \"1\", \"9\"]}");
		break;
	case 3:
		buf_str(b, "{case: [{when: ");
		truth(b, depth - 1);
		buf_str(b, ", then: ");
		literal(b);
		buf_str(b, "}], else: ");
		literal(b);
		buf_str(b, "}");
		break;
	case 4:
		buf_str(b, "{step: judged, rows: [{from: 2020-01-01, value: ");
		number(b, depth - 1);
		buf_str(b, "}, {from: 2040-01-01, value: \"1\"}]}");
		break;
	case 5:
		buf_str(b, "{piecewise: ");
		number(b, depth - 1);
		buf_str(b, ", bands: [{upto: ");
		below(2) ? literal(b) : number(b, depth - 1);
		buf_str(b, ", rate: \"2\"}, {rate: \"3\"}]}");
		break;
	case 6:
		buf_str(b, "{class: ");
		number(b, depth - 1);
		buf_str(b, ", bands: [{upto: ");
		below(2) ? literal(b) : number(b, depth - 1);
		buf_str(b, ", closed: true, value: \"1\"}, {value: \"2\"}]}");
		break;
	case 7:
		buf_str(b, "{weighted_mean: [{value: ");
		number(b, depth - 1);
		buf_str(b, ", weight: ");
		below(2) ? literal(b) : number(b, depth - 1);
		buf_str(b, "}]}");
		break;
	default:
		buf_str(b, "{round: ");
		number(b, depth - 1);
		buf_str(b, ", to: 0.1, mode: up}");
	}
}

static void list(struct buf *b, unsigned n, int depth)
{
	for (unsigned i = 0; i < n; i++) {
		buf_str(b, i ? ", " : "[");
		truth(b, depth);
	}
	buf_str(b, "]");
}

static void truth(struct buf *b, int depth)
{
	static const char *const ops[] = { "<", "<=", ">", ">=", "=", "!=" };
	unsigned n = 1 + below(4), op = below(countof(ops));
	switch (depth > 0 ? below(7) : 6) {
	case 0: case 1:
		buf_str(b, below(2) ? "{all: " : "{any: ");
		list(b, n, depth - 1);
		buf_str(b, "}");
		break;
	case 2:
		buf_str(b, "{not: ");
		truth(b, depth - 1);
		buf_str(b, "}");
		break;
	case 3:
		buf_printf(b, "{at_least: %u, of: ", 1 + below(n));
		list(b, n, depth - 1);
		buf_str(b, "}");
		break;
	case 4:
		buf_str(b, "{compare: {count_true: ");
		list(b, n, depth - 1);
		buf_printf(b, "}, op: \">=\", word: \">=\", limit: \"%u\"}", 1 + below(n));
		break;
	case 5:
		buf_str(b, below(2) ? "said" : "pue_defined");
		break;
	default:
		buf_str(b, "{compare: ");
		number(b, depth - 1);
		buf_printf(b, ", op: \"%s\"%s%s%s, limit: ", ops[op], op < 5 ? ", word: \"" : "", op < 5 ? ops[op] : "", op < 5 ? "\"" : "");
		buf_printf(b, "\"0.%u\"}", 1 + below(9));
	}
}

static void head(struct buf *b)
{
	buf_str(b, "format: 1\npack: odd\nversion: 1.0.0\npolicy: odd\nlevel: city\ntitle: {zh: 怪, en: odd}\nsource: {name: 怪, status: S}\n"
		   "validity: {from: 2026-01-01, events: [judged]}\nwindow: {kind: calendar_year}\n"
		   "windows:\n  - {name: before, kind: preceding, months: 12}\n  - {name: part, kind: load_fraction, months: 12, load: 25 %, within: 5 %}\n"
		   "figures:\n  - {id: unused, value: 70 %, source: 一, status: S, quote: 一}\n"
		   "choices:\n  - {id: reading, title: {zh: 读法, en: reading}, default: in, options: [{id: in, title: {zh: 计, en: in}}, {id: out, title: {zh: 不计, en: out}}]}\n"
		   "statements:\n  - {id: said, title: {zh: 声明, en: said}, role: operator}\n");
}

static void criterion(struct buf *b, unsigned i)
{
	buf_printf(b, "  - id: c%u\n    title: {zh: 项, en: it}\n    quote: \"< <= > >= = ;\"\n    locator: 一\n    test: ", i);
}

static const char tail[] = "facts: {format: 1, site: {id: s-1}, judged: 2027-02-01}\nvectors:\n  - {name: nothing known, verdict: INSUFFICIENT_DATA}\n";

static void test_nothing_known(void **state)
{
	(void)state;
	unsigned loaded = 0;
	for (unsigned round = 1; round <= 2000; round++) {
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		size_t run;
		seed = round * 0x9e3779b97f4a7c15ull;
		head(&text);
		buf_str(&text, "criteria:\n");
		unsigned n = 1 + below(3);
		for (unsigned i = 0; i < n; i++) {
			criterion(&text, i);
			truth(&text, 5);
			buf_str(&text, "\n");
		}
		if (n > 1 && below(2))
			buf_str(&text, below(2) ? "decide: {any: [c0, c1]}\n" : "decide: {all: [c0, {not: c1}]}\n");
		buf_str(&text, tail);
		const struct pack *p = pack_load(c, "odd.yaml", text.data, text.len, NULL);
		loaded += p != NULL;
		if (p && pack_test(p, &report, &run))
			fail_msg("round %u: %s\n%s", round, report.data, text.data);
		conf_free(c);
	}
	/* the grammar above is the language's: nearly all of them load, but for a symbol that is no word of the quote */
	assert_true(loaded > 1000);
}

/* Definitions that each stand twice, or deep, in the next: refused by size, not by patience or a stack. */
static void test_deep(void **state)
{
	static const char *const links[] = { "{add: [d%u, d%u]}", "{max: [d%u, d%u]}", "{piecewise: d%u, bands: [{upto: d%u, rate: \"1\"}, {rate: \"1\"}]}",
					     "{class: \"1\", bands: [{upto: d%u, closed: true, value: \"1\"}, {value: d%u}]}", "{weighted_mean: [{value: d%u, weight: d%u}]}",
					     "{case: [{when: {compare: d%u, op: \">\", limit: \"1\"}, then: \"1\"}], else: d%u}", "{clamp: [d%u, d%u, \"1\"]}", "{add: [d%u, \"1\"]}" };
	(void)state;
	for (size_t k = 0; k < countof(links); k++) {
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		head(&text);
		buf_str(&text, "definitions:\n  d0: category\n");
		for (unsigned i = 1; i < 3000; i++) {
			buf_printf(&text, "  d%u: ", i);
			char line[200];
			const char *at = links[k];
			size_t used = 0;
			for (; *at && used + 12 < sizeof line; at++)
				if (at[0] == '%' && at[1] == 'u') {
					used += (size_t)snprintf(line + used, sizeof line - used, "%u", i - 1);
					at++;
				} else {
					line[used++] = *at;
				}
			line[used] = 0;
			buf_printf(&text, "%s\n", line);
		}
		buf_str(&text, "criteria:\n");
		criterion(&text, 0);
		buf_str(&text, "{compare: d2999, op: \">\", word: \">\", limit: \"1\"}\n");
		buf_str(&text, tail);
		assert_null(pack_load(c, "deep.yaml", text.data, text.len, NULL));
		conf_report(c, &report);
		assert_true(strstr(report.data, "nested deeper than 100") || strstr(report.data, "grows too large"));
		conf_free(c);
	}
}

/* What a pack says of every site alike is no criterion. */
static void test_constant(void **state)
{
	static const char *const tests[] = { "true", "{compare: \"1\", op: \"<\", word: \"<\", limit: \"2\"}", "{not: false}", "{compare: unused, op: \">\", word: \">\", limit: 1 %}" };
	(void)state;
	for (size_t i = 0; i < countof(tests); i++) {
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		head(&text);
		buf_str(&text, "criteria:\n");
		criterion(&text, 0);
		buf_printf(&text, "%s\n%s", tests[i], tail);
		assert_null(pack_load(c, "constant.yaml", text.data, text.len, NULL));
		conf_report(c, &report);
		assert_non_null(strstr(report.data, "this asks for no fact and no statement"));
		conf_free(c);
	}
}

/* `known` as a criterion: what is lacking would decide. */
static void test_known(void **state)
{
	static const char *const tests[] = { "{known: pue}", "{not: {known: pue}}", "{any: [{all: [{known: said}]}, said]}" };
	(void)state;
	for (size_t i = 0; i < countof(tests); i++) {
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		head(&text);
		buf_str(&text, "criteria:\n");
		criterion(&text, 0);
		buf_printf(&text, "%s\n%s", tests[i], tail);
		assert_null(pack_load(c, "known.yaml", text.data, text.len, NULL));
		conf_report(c, &report);
		assert_non_null(strstr(report.data, "`known` makes a yes or a no"));
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_nothing_known), cmocka_unit_test(test_deep), cmocka_unit_test(test_constant), cmocka_unit_test(test_known) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
