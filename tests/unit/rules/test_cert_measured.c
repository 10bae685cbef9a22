/* What is measured, folded again from a certificate's own leaves and configuration; and a forger who holds the key. */
#include "tests/unit/test.h"
#include "tests/unit/rules/cert_world.h"

#include <stdlib.h>

enum { WINDOW_START = 96, WINDOW_END = WORLD_INTERVALS, JANUARY_END = WINDOW_START + 31 * 96 };
static struct world world;

static bool recheck(const struct world *w, const json_t *cert, struct cert_notes *notes, struct cert_check *check, struct err *err)
{
	CLEANUP(buf_done) struct buf unchecked = { 0 };
	char pointer[256] = "";
	if (!cert_recheck_evidence(cert, check, err) || !cert_recheck_measured(cert, w->pack, &w->trust, notes, check, err) ||
	    !cert_recheck_statements(cert, &w->trust, &unchecked, &(struct cert_check){ 0 }, err))
		return false;
	bool good = cert_recheck(cert, w->pack, pointer, sizeof pointer, err);
	if (!good)
		snprintf(check->pointer, sizeof check->pointer, "%s", pointer);
	return good;
}

static void make(struct world *w, struct world_options options)
{
	struct err err = { 0 };
	options.configured = true;
	if (!world_make(w, PACK, options, &err) || !world_certify(w, &err))
		fail_msg("%s", err.text);
}

static int setup(void **state)
{
	(void)state;
	make(&world, (struct world_options){ 0 });
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

static json_t *certificate(const struct world *w)
{
	return json_loadb(w->payload.data, w->payload.len, 0, NULL);
}

static void all_that_is_measured_is_folded_again(void **state)
{
	(void)state;
	struct cert_notes notes = { .n = 0 };
	struct cert_check check;
	struct err err = { 0 };
	json_t *cert = certificate(&world);
	if (!recheck(&world, cert, &notes, &check, &err))
		fail_msg("%s: %s", check.pointer, err.text);
	assert_true(check.measured);
	assert_int_equal(world.facts.racks.installed, 1000);
	assert_int_equal(world.facts.racks_min.installed, 1000);
	assert_int_equal(world.facts.racks.in_use, 1000);
	bool told = false;
	for (size_t i = 0; i < notes.n; i++)
		told |= strstr(notes.lines[i].en, "the other 35028 intervals were whole and unmarked: stated, not recomputed, because") != NULL;
	assert_true(told);
	json_decref(cert);
}

/* Corrections of a register that stood still: wherever the span lies, window and months get what belongs to them, to the mW.h. */
static const struct row { const char *name; size_t from, to; int64_t behind_ms; } corrections[] = {
	{ "inside a month", 1000, 1020, 0 },
	{ "inside, and the line goes on", 1000, 1020, 450000 },
	{ "over the window's start", 90, 100, 0 },
	{ "over the window's start, closed on it", 90, WINDOW_START, 450000 },
	{ "before the window, closed a day's last interval", 80, 95, 450000 },
	{ "from the ledger's first interval on", 0, 120, 0 },
	{ "over a month's end", JANUARY_END - 10, JANUARY_END + 10, 0 },
	{ "closed on a month's end", JANUARY_END - 10, JANUARY_END, 900000 },
	{ "begun on a month's end", JANUARY_END, JANUARY_END + 5, 0 },
	{ "over the window's end", WINDOW_END - 6, WINDOW_END, 900000 },
	{ "over all months", 50, WINDOW_END - 1, 0 },
};

static void corrections_over_a_boundary_are_exact(void **state)
{
	(void)state;
	for (const struct row *r = corrections; r < corrections + countof(corrections); r++) {
		static struct world w;
		struct cert_notes notes = { .n = 0 };
		struct cert_check check;
		struct err err = { 0 };
		make(&w, (struct world_options){ .frozen_from = r->from, .frozen_to = r->to, .behind_ms = r->behind_ms });
		json_t *cert = certificate(&w);
		if (!recheck(&w, cert, &notes, &check, &err))
			fail_msg("row \"%s\": %s: %s", r->name, check.pointer, err.text);
		row_check(r, check.measured);
		/* one mW.h more than the corrected sum is seen */
		json_t *kpi = json_object_get(json_object_get(cert, "facts"), "kpi");
		json_object_set_new(kpi, "known_total_mwh", json_integer(w.facts.kpi.known_total_mwh + 1));
		row_check(r, !recheck(&w, cert, &notes, &check, &err));
		json_decref(cert);
		world_done(&w);
	}
}

/* A gap leaves an interim window, and its leaves are attached: completeness, U and classes follow from them. */
static void a_gap_is_folded_again(void **state)
{
	(void)state;
	static struct world w;
	struct cert_notes notes = { .n = 0 };
	struct cert_check check;
	struct err err = { 0 };
	make(&w, (struct world_options){ .gaps = 40 });
	json_t *cert = certificate(&w);
	assert_true(w.facts.kpi.complete_time_ppm[0] < 1000000);
	if (!recheck(&w, cert, &notes, &check, &err))
		fail_msg("%s: %s", check.pointer, err.text);
	assert_true(check.measured);
	json_decref(cert);
	world_done(&w);
}

static bool is_told(const struct cert_notes *notes, const char *words)
{
	for (size_t i = 0; i < notes->n; i++)
		if (strstr(notes->lines[i].en, words))
			return true;
	return false;
}

static void remove_leaf(json_t *cert, json_int_t index)
{
	json_t *leaves = json_object_get(json_object_get(cert, "evidence"), "leaves");
	for (size_t i = json_array_size(leaves); i-- > 0;)
		if (json_integer_value(json_object_get(json_array_get(leaves, i), "index")) == index)
			json_array_remove(leaves, i);
}

/* What people signed about meters amends the configuration: another meter from the exchange on, energy by hand in a gap. */
static const struct word_row { const char *name; bool exchanged, by_hand; const char *told; } word_rows[] = {
	{ "an exchange", true, false, "meter exchanges: 1, manual readings: 0, as the signed statements" },
	{ "a manual reading", false, true, "meter exchanges: 0, manual readings: 1, as the signed statements" },
	{ "both", true, true, "meter exchanges: 1, manual readings: 1, as the signed statements" },
};

static void what_people_signed_about_meters_counts(void **state)
{
	(void)state;
	for (const struct word_row *r = word_rows; r < word_rows + countof(word_rows); r++) {
		static struct world w;
		struct cert_notes notes = { .n = 0 };
		struct cert_check check;
		struct err err = { 0 };
		make(&w, (struct world_options){ .gaps = 12, .exchanged = r->exchanged, .read_by_hand = r->by_hand });
		json_t *cert = certificate(&w);
		json_t *epochs = json_object_get(json_array_get(json_object_get(cert, "meters"), 0), "epochs");
		if (!recheck(&w, cert, &notes, &check, &err))
			fail_msg("row \"%s\": %s: %s", r->name, check.pointer, err.text);
		row_check(r, check.measured && is_told(&notes, r->told));
		row_check(r, json_array_size(epochs) == (r->exchanged ? 2 : 1));
		row_check(r, (w.facts.kpi.substituted_mwh[0][CLASS_M] == 7000000000) == r->by_hand);
		remove_leaf(cert, WORLD_INTERVALS + WORLD_STATEMENTS);
		notes.n = 0;
		row_check(r, !r->exchanged || !recheck(&w, cert, &notes, &check, &err));
		json_decref(cert);
		world_done(&w);
	}
}

/* An exchange that nobody trusted signed: not counted, and told; with its certificate's own texts changed, found. */
static void a_forged_exchange_is_not_counted(void **state)
{
	(void)state;
	static struct world w;
	struct cert_notes notes = { .n = 0 };
	struct cert_check check;
	struct err err = { 0 };
	make(&w, (struct world_options){ .exchanged = true, .word_forged = true });
	json_t *cert = certificate(&w);
	if (!recheck(&w, cert, &notes, &check, &err))
		fail_msg("%s: %s", check.pointer, err.text);
	assert_false(check.measured);
	assert_true(is_told(&notes, "stated, not recomputed, because a statement about a meter is signed by a key that the trust given does not have"));
	json_decref(cert);
	world_done(&w);
	/* signed by a trusted key, but other words than the certificate's */
	make(&w, (struct world_options){ .exchanged = true });
	cert = certificate(&w);
	json_t *epoch = json_array_get(json_object_get(json_array_get(json_object_get(cert, "meters"), 0), "epochs"), 1);
	json_object_set_new(epoch, "serial", json_string("C9"));
	assert_false(recheck(&w, cert, &notes, &check, &err));
	assert_string_equal(check.pointer, "/meters/0/epochs/1/serial");
	json_decref(cert);
	world_done(&w);
}

/* Leaves of a kind that stand in another order, or twice, are refused: order decides which statement counts. */
static void leaves_keep_their_order(void **state)
{
	(void)state;
	for (int twice = 0; twice < 2; twice++) {
		struct cert_check check;
		struct err err = { 0 };
		json_t *cert = certificate(&world), *leaves = json_object_get(json_object_get(cert, "evidence"), "leaves");
		size_t last = json_array_size(leaves) - 2;      /* the last statement; behind it the configuration */
		json_t *row = json_incref(json_array_get(leaves, last));
		if (!twice)
			json_array_remove(leaves, last);
		json_array_insert_new(leaves, last - 1, row);
		assert_false(cert_recheck_evidence(cert, &check, &err));
		assert_non_null(strstr(err.text, "not behind the one of its kind"));
		json_decref(cert);
	}
}

/* Too many corrections to attach: less is computed again, and that is told. */
static void omitted_corrections_are_told(void **state)
{
	(void)state;
	static struct world w;
	struct cert_notes notes = { .n = 0 };
	struct cert_check check;
	struct err err = { 0 };
	make(&w, (struct world_options){ .frozen_from = 2000, .frozen_to = 2040 });
	json_t *cert = certificate(&w), *evidence = json_object_get(cert, "evidence"), *leaves = json_object_get(evidence, "leaves");
	json_array_remove(leaves, json_array_size(leaves) - 2);
	json_object_set_new(json_object_get(evidence, "omitted"), "corrections", json_integer(1));
	if (!recheck(&w, cert, &notes, &check, &err))
		fail_msg("%s: %s", check.pointer, err.text);
	assert_false(check.measured);
	assert_true(is_told(&notes, "because there are too many corrections and manual readings to attach"));
	json_decref(cert);
	world_done(&w);
}

static void set_at(json_t *root, const char *path, json_t *value)
{
	char part[80];
	for (;;) {
		size_t n = strcspn(++path, "/");
		snprintf(part, sizeof part, "%.*s", (int)n, path);
		path += n;
		if (!*path)
			break;
		root = json_is_array(root) ? json_array_get(root, strtoul(part, NULL, 10)) : json_object_get(root, part);
	}
	if (json_is_array(root))
		json_array_set_new(root, strtoul(part, NULL, 10), value);
	else
		json_object_set_new(root, part, value);
}

static const struct forgery { const char *name, *path, *json, *pointer; } forgeries[] = {
	{ "a factor", "/facts/coal_equivalent", "{\"micro_kg_per_kwh\":400000,\"source\":\"x\",\"status\":\"S\"}", "/facts/coal_equivalent" },
	{ "more racks", "/facts/racks/installed", "2000", "/facts/racks/installed" },
	{ "racks in use", "/facts/racks/in_use", "1001", "/facts/racks/in_use" },
	{ "the least count", "/facts/racks_min/installed", "1024", "/facts/racks_min/installed" },
	{ "standard racks", "/facts/racks/standard_milli", "1", "/facts/racks/standard_milli" },
	{ "a share", "/facts/racks/shares/0/lo/0", "800000000", "/facts/racks/shares" },
	{ "a function", "/facts/racks/by_function/compute", "900", "/facts/racks/by_function/compute" },
	{ "completeness", "/facts/kpi/complete_energy_ppm/total", "999999", "/facts/kpi/complete_energy_ppm/total" },
	{ "completeness by time", "/facts/kpi/complete_time_ppm/it", "999999", "/facts/kpi/complete_time_ppm/it" },
	{ "a smaller uncertainty", "/facts/kpi/u_ppm_rho1", "10", "/facts/kpi/u_ppm_rho1" },
	{ "a class of energy", "/facts/kpi/class_mwh/total/D", "1", "/facts/kpi/class_mwh/total/D" },
	{ "a better category", "/facts/kpi/category", "3", "/facts/kpi/category" },
	{ "findings hidden", "/facts/kpi/findings", "7", "/facts/kpi/findings" },
	{ "unsynchronised intervals", "/facts/kpi/unsynced_intervals", "3", "/facts/kpi/unsynced_intervals" },
	{ "another year", "/facts/window/from", "\"2024-01-01\"", "/facts/window" },
	{ "an hour moved", "/facts/zone/shifts/0/1", "25200", "/results/months/0/from" },
	{ "a day of judging", "/facts/judged", "\"2026-03-10\"", "/facts/window" },
	{ "another operation start", "/facts/site/operation_start", "\"2010-01-01\"", "/facts/site/operation_start" },
	{ "another applicant", "/applicant/name/zh", "\"某公司\"", "/applicant/name/zh" },
	{ "a meter's class", "/meters/0/epochs/0/class", "\"0.5S\"", "/meters/0/epochs/0/class" },
	{ "a calibration", "/meters/0/epochs/0/calibrated_until", "\"2030-01-01\"", "/meters/0/epochs/0/calibrated_until" },
	{ "a flow", "/results/flows/1/mwh", "1", "/results/flows/1/mwh" },
	{ "a carrier", "/results/carriers/0/mwh", "1", "/results/carriers/0/mwh" },
	{ "a residual of the balance", "/results/balance/0/residual_mwh", "1", "/results/balance/0/residual_mwh" },
	{ "another time zone", "/facts/zone/name", "\"Asia/Tokyo\"", "/facts/zone/name" },
	{ "a meter's class hidden", "/facts/selection/class_ppm", "100", "/facts/selection/class_ppm" },
	{ "energy of a role", "/facts/selection/role_mwh/cooling", "1", "/facts/selection/role_mwh/cooling" },
	{ "uncalibrated meters", "/facts/selection/uncalibrated", "3", "/facts/selection/uncalibrated" },
	{ "an event", "/results/events", "{\"wrap\":1}", "/results/events/wrap" },
	{ "a month's completeness", "/results/months/2/complete_time_ppm/total", "999999", "/results/months/2" },
	{ "another configuration named", "/identity/config_sha256", "\"00\"", "/identity/config_sha256" },
};

static void what_is_stated_otherwise_is_named(void **state)
{
	(void)state;
	for (const struct forgery *f = forgeries; f < forgeries + countof(forgeries); f++) {
		struct cert_notes notes = { .n = 0 };
		struct cert_check check = { .pointer = "" };
		struct err err = { 0 };
		json_t *cert = certificate(&world);
		set_at(cert, f->path, json_loads(f->json, JSON_DECODE_ANY, NULL));
		row_check(f, !recheck(&world, cert, &notes, &check, &err));
		row_check(f, err.kind == ERR_EVIDENCE);
		if (strncmp(check.pointer, f->pointer, strlen(f->pointer)) != 0)
			fail_msg("row \"%s\": named %s (%s)", f->name, check.pointer, err.text);
		json_decref(cert);
	}
}

/* ---- seeded: any scalar of the certificate ------------------------------------------------------------------------------------- */

/* What an issuer says and no evidence can show. */
static const char *const said[] = { "/identity/number", "/identity/software", "/issued", "/validity/supersedes", "/validity/revocation", "/evidence/epoch", "/evidence/omitted",
				    "/verification", "/declarations" };

static bool is_said(const char *path)
{
	for (size_t i = 0; i < countof(said); i++)
		if (strncmp(path, said[i], strlen(said[i])) == 0)
			return true;
	return strncmp(path, "/evidence/leaves", 16) == 0 && strstr(path, "/why");
}

/* Counts scalars; at number `target` changes it and writes its place. */
static void visit(json_t *parent, json_t *v, const char *key, size_t index, size_t *count, size_t target, char *path, size_t size)
{
	const char *name;
	json_t *inner;
	size_t i, n = strlen(path);
	if (key)
		snprintf(path + n, size - n, "/%s", key);
	else
		snprintf(path + n, size - n, "/%zu", index);
	if (json_is_object(v)) {
		json_object_foreach(v, name, inner)
			if (*count <= target)
				visit(v, inner, name, 0, count, target, path, size);
	} else if (json_is_array(v)) {
		json_array_foreach(v, i, inner)
			if (*count <= target)
				visit(v, inner, NULL, i, count, target, path, size);
	} else if ((*count)++ == target) {
		json_t *other = json_is_integer(v) ? json_integer(json_integer_value(v) + 3) : json_is_string(v) ? json_pack("s+", json_string_value(v), "1")
				: json_is_true(v)  ? json_false() : json_is_null(v) ? json_integer(1) : json_true();
		if (key)
			json_object_set_new(parent, key, other);
		else
			json_array_set_new(parent, index, other);
		return;
	}
	if (*count <= target)
		path[n] = 0;
}

static void no_scalar_can_be_changed(void **state)
{
	(void)state;
	uint64_t seed = 20261124, tried = 0;
	json_t *cert = certificate(&world);
	size_t total = 0;
	char path[400] = "";
	const char *name;
	json_t *v;
	json_object_foreach(cert, name, v)
		visit(cert, v, name, 0, &total, SIZE_MAX - 1, path, sizeof path);
	json_decref(cert);
	const char *rounds = getenv("PUED_FORGERIES");         /* more of them, by hand */
	while (tried < (rounds ? strtoul(rounds, NULL, 10) : 100)) {
		struct cert_notes notes = { .n = 0 };
		struct cert_check check = { .pointer = "" };
		struct err err = { 0 };
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		size_t count = 0, target = (size_t)(seed >> 16) % total;
		cert = certificate(&world);
		path[0] = 0;
		json_object_foreach(cert, name, v)
			if (count <= target)
				visit(cert, v, name, 0, &count, target, path, sizeof path);
		if (!is_said(path)) {
			tried++;
			if (recheck(&world, cert, &notes, &check, &err))
				fail_msg("seed 20261124, %zu of %zu: %s was changed and nothing noticed", target, total, path);
		}
		json_decref(cert);
	}
}

/* A leaf that is missing is no way to hide what it says. */
static void leaves_cannot_be_left_out(void **state)
{
	(void)state;
	static struct world w;
	make(&w, (struct world_options){ .gaps = 12, .frozen_from = 2000, .frozen_to = 2040 });
	json_t *cert = certificate(&w);
	size_t n = json_array_size(json_object_get(json_object_get(cert, "evidence"), "leaves"));
	json_decref(cert);
	for (size_t i = 0; i < n; i++) {
		struct cert_notes notes = { .n = 0 };
		struct cert_check check;
		struct err err = { 0 };
		cert = certificate(&w);
		json_array_remove(json_object_get(json_object_get(cert, "evidence"), "leaves"), i);
		bool told = false, good = recheck(&w, cert, &notes, &check, &err);
		for (size_t k = 0; k < notes.n; k++)
			told |= strstr(notes.lines[k].en, "months: stated, not recomputed") != NULL;
		/* without configuration, or a leaf at an end, less is computed, and that is told */
		if (good && check.measured && !told)
			fail_msg("leaf %zu of %zu was left out, and nothing noticed", i, n);
		json_decref(cert);
	}
	world_done(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_that_is_measured_is_folded_again),
		cmocka_unit_test(corrections_over_a_boundary_are_exact),
		cmocka_unit_test(a_gap_is_folded_again),
		cmocka_unit_test(what_is_stated_otherwise_is_named),
		cmocka_unit_test(no_scalar_can_be_changed),
		cmocka_unit_test(leaves_cannot_be_left_out),
		cmocka_unit_test(what_people_signed_about_meters_counts),
		cmocka_unit_test(a_forged_exchange_is_not_counted),
		cmocka_unit_test(leaves_keep_their_order),
		cmocka_unit_test(omitted_corrections_are_told),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
