#include "tests/unit/test.h"
#include "tests/unit/core/ledger_bench.h"
#include <math.h>
#include "core/balance.h"
#include "core/kpi_baseline.h"
#include "core/kpi_table.h"
#include "core/level.h"
#include "core/selection.h"
#include "core/site_factors.h"
#include "core/tree.h"
#include "core/uncertainty.h"

/* ---- the number ------------------------------------------------------------------------------------------------------------------ */

static const struct pue_row { const char *name; int64_t total, it; struct ratio limit; int digits; const char *text; bool below; } pue_rows[] = {
	{ "well under", 1243, 1000, { 125, 100 }, 3, "1.243", true },
	{ "one mWh under", 1249999999, 1000000000, { 125, 100 }, 3, "1.2499", true },
	{ "a little under", 12496, 10000, { 125, 100 }, 3, "1.2496", true },
	{ "exactly the limit", 1250, 1000, { 125, 100 }, 3, "1.250", false },
	{ "one mWh over", 1250000001, 1000000000, { 125, 100 }, 3, "1.2501", false },
	{ "half to even, down", 12445, 10000, { 125, 100 }, 3, "1.244", true },
	{ "half to even, up", 12435, 10000, { 125, 100 }, 3, "1.244", true },
	{ "no limit: rounded", 1249999999, 1000000000, { 0, 0 }, 3, "1.250", false },
	{ "no IT energy", 1000, 0, { 125, 100 }, 3, NULL, false },
	{ "IT equals total", 1000, 1000, { 125, 100 }, 3, NULL, false },
	{ "IT above total", 1000, 1001, { 125, 100 }, 3, NULL, false },
	{ "negative", -5, 3, { 125, 100 }, 3, NULL, false },
	{ "a year of a gigawatt", 10950000000000000, 8760000000000000, { 125, 100 }, 3, "1.250", false },
	{ "a year of a gigawatt less one mW.h", 10949999999999999, 8760000000000000, { 125, 100 }, 3, "1.2499", true },
	{ "limit that no decimal hits", 4000000001, 3000000000, { 4, 3 }, 3, "1.3334", false },
	{ "large", 99999999, 1000, { 0, 0 }, 3, "99999.999", false },
	{ "no digits", 1999, 1000, { 0, 0 }, 0, "2", false },
};

static void prints_on_its_side(void **state)
{
	(void)state;
	for (const struct pue_row *r = pue_rows; r < pue_rows + countof(pue_rows); r++) {
		char text[48] = "";
		row_check(r, pue_text(r->total, r->it, r->limit, r->digits, text, sizeof text) == (r->text != NULL));
		if (r->text && strcmp(text, r->text))
			fail_msg("row \"%s\": %s, expected %s", r->name, text, r->text);
		row_check(r, pue_below(r->total, r->it, r->limit) == r->below);
	}
}

/* 100 E_T = 125 E_IT is not below 1.25, one mWh less is; the digits never contradict; scaling changes nothing; more total is more PUE. */
static void boundary_is_exact(void **state)
{
	(void)state;
	const struct ratio limit = { 125, 100 };
	uint64_t x = 42;
	for (int i = 0; i < 20000; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		int64_t it = (int64_t)(x >> 20) % 1000000000000 / 4 * 4 + 4, total = it / 4 * 5;
		char at[48], under[48];
		assert_false(pue_below(total, it, limit));
		assert_true(pue_below(total - 1, it, limit) || it <= 4);
		assert_true(pue_text(total, it, limit, 3, at, sizeof at) && !strcmp(at, "1.250"));
		assert_true(it <= 4 || (pue_text(total - 1, it, limit, 3, under, sizeof under) && strtod(under, NULL) < 1.25));
		assert_true(pue_below(7 * (total - 1), 7 * it, limit) == pue_below(total - 1, it, limit));
		assert_false(pue_below(total + (int64_t)(x & 0xffff), it, limit));
	}
}

/* ---- levels ------------------------------------------------------------------------------------------------------------------------- */

static const struct level_row { const char *name; struct level a, b; int64_t part, whole, mwh; } level_rows[] = {
	{ "middle", { 0, 0, 1 }, { 100, 0, 1 }, 1, 2, 50 },
	{ "half to even, even", { 0, 0, 1 }, { 5, 0, 1 }, 1, 2, 2 },
	{ "half to even, odd", { 0, 0, 1 }, { 3, 0, 1 }, 1, 2, 2 },
	{ "fraction of a count", { 0, 1, 3 }, { 0, 2, 3 }, 1, 2, 0 },
	{ "fraction adds up", { 10, 2, 3 }, { 11, 1, 3 }, 1, 2, 11 },
	{ "negative (net register)", { 0, 0, 1 }, { -5, 0, 1 }, 1, 2, -2 },
	{ "negative, odd", { -1, 0, 1 }, { -4, 0, 1 }, 1, 2, -2 },
	{ "before", { 7, 0, 1 }, { 9, 0, 1 }, -5, 10, 7 },
	{ "after", { 7, 0, 1 }, { 9, 0, 1 }, 15, 10, 9 },
	{ "large", { INT64_C(1) << 55, 0, 1 }, { INT64_C(1) << 56, 0, 1 }, INT64_C(1) << 44, INT64_C(1) << 45, (INT64_C(1) << 55) / 2 * 3 },
};

static void levels(void **state)
{
	(void)state;
	for (const struct level_row *r = level_rows; r < level_rows + countof(level_rows); r++)
		row_check(r, level_between(r->a, r->b, r->part, r->whole) == r->mwh);
	struct level l = { 0, 0, 6 };
	assert_true(level_add(&l, 5, 1) && l.mwh == 0 && l.rest == 5);
	assert_true(level_add(&l, -7, 1) && l.mwh == -1 && l.rest == 4);
	level_rebase(&l, 4);
	assert_true(l.den == 12 && l.rest == 8 && l.mwh == -1);
	assert_false(level_add(&l, INT64_MAX, INT64_MAX));
}

/* ---- uncertainty: the table of the domain reference ---------------------------------------------------------------------------------- */

static double parts(double total, int n, int64_t meter_ppm, int64_t ct_ppm, double rho)
{
	double u[2000];
	for (int i = 0; i < n; i++) {
		struct chain c = { .energy_mwh = (int64_t)(total / n), .meter_ppm = meter_ppm, .ct_ppm = ct_ppm };
		u[i] = chain_u(&c);
	}
	return sum_u(u, (size_t)n, rho);
}

static const struct u_row { const char *name; int feeds; int64_t feed_meter, feed_ct; int its; int64_t it_meter, it_ct; double rho_it; double expanded; } u_rows[] = {
	{ "one total + one IT meter, 0.5S + 0.5S", 1, 5000, 5000, 1, 5000, 5000, 0, 0.0144 },
	{ "same, class 1 + CT 0.5", 1, 10000, 5000, 1, 10000, 5000, 0, 0.0227 },
	{ "2 mains + 8 UPS, 0.5S + 0.5S, independent", 2, 5000, 5000, 8, 5000, 5000, 0, 0.0080 },
	{ "2 mains + 8 UPS, 0.5S + 0.5S, IT fully correlated", 2, 5000, 5000, 8, 5000, 5000, 1, 0.0124 },
	{ "2 mains 0.2S + 0.2S, 8 UPS 0.5S + 0.5S", 2, 2000, 2000, 8, 5000, 5000, 0, 0.0046 },
	{ "2 mains 0.5S, 2000 rack PDUs at 1 %, independent", 2, 5000, 5000, 2000, 10000, 0, 0, 0.0072 },
	{ "2 mains 0.5S, 2000 rack PDUs at 1 %, fully correlated", 2, 5000, 5000, 2000, 10000, 0, 1, 0.0160 },
};

static void uncertainty_table(void **state)
{
	(void)state;
	const double it = 1e12, total = 1.243e12;
	for (const struct u_row *r = u_rows; r < u_rows + countof(u_rows); r++) {
		double u = pue_u_mains(total, parts(total, r->feeds, r->feed_meter, r->feed_ct, 0), it, parts(it, r->its, r->it_meter, r->it_ct, r->rho_it), 0);
		if (fabs(2 * u - r->expanded) > 0.00006)
			fail_msg("row \"%s\": U = %.5f, expected %.4f", r->name, 2 * u, r->expanded);
	}
	static const struct { int64_t meter, ct; double expanded; } overhead[] = { { 10000, 5000, 0.0044 }, { 5000, 5000, 0.0028 } };
	for (size_t i = 0; i < countof(overhead); i++) {
		double o = total - it;
		double u = pue_u_overhead(o, parts(o, 1, overhead[i].meter, overhead[i].ct, 0), it, parts(it, 1, overhead[i].meter, overhead[i].ct, 0));
		assert_true(fabs(2 * u - overhead[i].expanded) < 0.00006);
	}
	assert_int_equal(expanded_ppm(0.0029999, 2), 6000);
	assert_int_equal(expanded_ppm(-1, 2), -1);
	struct chain unknown = { .energy_mwh = 1, .meter_ppm = -1 };
	assert_true(chain_u(&unknown) < 0);
}

/* ---- the tree: terms, refusals --------------------------------------------------------------------------------------------------------- */

static const struct tree_row { const char *name; int n; struct { int role; int64_t parent; } m[5]; const char *says; const char *signs; } tree_rows[] = {
	{ "two supplies, IT with a pump", 5, { { ROLE_BUS, -1 }, { ROLE_SUPPLY, 0 }, { ROLE_SUPPLY, 0 }, { ROLE_IT, 0 }, { ROLE_NON_IT, 3 } }, NULL, "00 +0 +0 0+ 0-" },
	{ "pv, export, other use", 4, { { ROLE_SUPPLY, -1 }, { ROLE_PV, 0 }, { ROLE_EXPORT, 0 }, { ROLE_OTHER_USE, 0 } }, NULL, "+0 +0 -0 -0" },
	{ "a pump that is not below IT", 3, { { ROLE_SUPPLY, -1 }, { ROLE_NON_IT, 0 }, { ROLE_IT, 0 } }, NULL, "+0 00 0+" },
	{ "non-IT below non-IT counts once", 4, { { ROLE_SUPPLY, -1 }, { ROLE_IT, 0 }, { ROLE_NON_IT, 1 }, { ROLE_NON_IT, 2 } }, NULL, "+0 0+ 0- 00" },
	{ "IT below IT", 3, { { ROLE_SUPPLY, -1 }, { ROLE_IT, 0 }, { ROLE_IT, 1 } }, "meter c (it) lies below meter b", NULL },
	{ "supply below supply", 2, { { ROLE_SUPPLY, -1 }, { ROLE_SUPPLY, 0 } }, "meter b (supply) lies below meter a", NULL },
	{ "cycle", 3, { { ROLE_SUPPLY, 2 }, { ROLE_IT, 0 }, { ROLE_COOLING, 1 } }, "run in a circle", NULL },
	{ "a parent that is not there", 1, { { ROLE_SUPPLY, 7 } }, "does not exist", NULL },
	{ "a generator by fuel and by output", 2, { { ROLE_GENERATOR, -1 }, { ROLE_FUEL, 0 } }, "a generator counts by its fuel or by its output", NULL },
};

static void trees(void **state)
{
	(void)state;
	static const char *const ids[] = { "a", "b", "c", "d", "e" };
	for (const struct tree_row *r = tree_rows; r < tree_rows + countof(tree_rows); r++) {
		struct bench b;
		struct tree t = { 0 };
		struct err err = { 0 };
		char signs[40] = "";
		bench_init(&b);
		for (int i = 0; i < r->n; i++)
			bench_meter(&b, ids[i], r->m[i].role, r->m[i].parent);
		row_check(r, tree_init(&t, &b.site, &err) == (r->says == NULL));
		if (r->says && !strstr(err.text, r->says))
			fail_msg("row \"%s\": %s", r->name, err.text);
		for (size_t i = 0; i < t.n; i++)
			snprintf(signs + strlen(signs), sizeof signs - strlen(signs), "%s%c%c", i ? " " : "", "-0+"[t.nodes[i].total_sign + 1], "-0+"[t.nodes[i].it_sign + 1]);
		row_check(r, !r->signs || !strcmp(signs, r->signs));
		tree_done(&t);
		bench_done(&b);
	}
}

/* ---- windows by hand: one interval a row of energies ------------------------------------------------------------------------------------ */

static struct window *window_of(struct bench *b, int intervals)
{
	return window_new(&b->site, (struct wall){ BASE_MS }, (struct wall){ BASE_MS + intervals * INT64_C(900000) }, NULL);
}

static void push(struct bench *b, struct window *w, int k, const int64_t *mwh, const int64_t *missing_ms)
{
	struct interval_row rows[16];
	struct interval iv = { .from = { BASE_MS + k * INT64_C(900000) }, .to = { BASE_MS + (k + 1) * INT64_C(900000) }, .synced = true, .rows = rows,
			       .total_known = true, .it_known = true };
	for (size_t i = 0; i < b->site.meters.n; i++) {
		struct window_term t;
		window_term(w, (uint32_t)i, &t);
		if (!b->meters[i].energy)
			continue;
		rows[iv.n] = (struct interval_row){ .meter = (uint32_t)i, .energy_mwh = mwh[i], .missing_ms = missing_ms ? missing_ms[i] : 0, .substitute_class = CLASS_MISSING };
		iv.total_mwh += t.total_sign * mwh[i];
		iv.it_mwh += t.it_sign * mwh[i];
		if (rows[iv.n].missing_ms && t.total_sign)
			iv.total_missing_ms = rows[iv.n].missing_ms, iv.total_known = false;
		if (rows[iv.n].missing_ms && t.it_sign)
			iv.it_missing_ms = rows[iv.n].missing_ms, iv.it_known = false;
		iv.n++;
	}
	window_push(w, &iv);
}

static void kpis(void **state)
{
	(void)state;
	struct bench b;
	struct kpi k;
	struct buf text = { 0 };
	bench_init(&b);
	bench_meter(&b, "feed", ROLE_SUPPLY, -1);
	bench_meter(&b, "it", ROLE_IT, 0);
	struct window *w = window_of(&b, 4);
	push(&b, w, 0, (int64_t[]){ 125, 100 }, NULL);
	push(&b, w, 1, (int64_t[]){ 60, 50 }, (int64_t[]){ 0, 450000 });
	push(&b, w, 2, (int64_t[]){ 130, 100 }, NULL);
	push(&b, w, 3, (int64_t[]){ 120, 100 }, NULL);
	window_kpi(w, NULL, &k);
	/* iPUE over the intervals in which all terms are known */
	assert_int_equal(k.kind, KPI_IPUE);
	assert_int_equal(k.total_mwh, 375);
	assert_int_equal(k.it_mwh, 300);
	assert_int_equal(k.known_total_mwh, 435);
	assert_int_equal(k.intervals_known, 3);
	assert_int_equal(k.complete_time_ppm[0], 1000000);
	assert_int_equal(k.complete_time_ppm[1], 875000);
	/* 350 known in 3.5 intervals, half an interval missing at that power: 350 / 400 */
	assert_int_equal(k.complete_energy_ppm[1], 875000);
	assert_int_equal(k.u_ppm_rho0, -1);
	kpi_text(&k, &b.site, NULL, (struct ratio){ 125, 100 }, &text);
	assert_string_equal(text.data, "iPUE2 = 1.250 (uncertainty not stated), 2026-01-01T00:00:00Z..2026-01-01T01:00:00Z, completeness 87.50 %, ISO/IEC 30134-2:2026");
	/* the gap ends: a correction makes the interval known */
	struct ledger_event ev = { .kind = EVENT_CORRECTION, .meter = 1, .from = { BASE_MS + 1350000 }, .to = { BASE_MS + 1800000 },
				   .curve = { 150, 0, 200, 0, 1, { BASE_MS + 1800000 }, true, CLASS_D } };
	window_event(w, &ev);
	window_kpi(w, NULL, &k);
	assert_int_equal(k.intervals_known, 4);
	assert_int_equal(k.it_mwh, 400);
	assert_int_equal(k.complete_time_ppm[1], 1000000);
	window_free(w);
	/* E_IT not below E_DC, and IT zero, are insufficient data */
	for (int64_t it = 0; it <= 200; it += 100) {
		w = window_of(&b, 1);
		push(&b, w, 0, (int64_t[]){ 100, it }, NULL);
		window_kpi(w, NULL, &k);
		assert_int_equal(k.kind, KPI_NONE);
		assert_non_null(strstr(k.why_not, "insufficient data"));
		window_free(w);
	}
	buf_done(&text);
	bench_done(&b);
}

/* 12 months from any local midnight are a year; anything else is interim. */
static const struct zone_shift shanghai_shifts[] = { { { INT64_MIN }, 28800 } };
static const struct year_row { const char *name, *from, *to; enum kpi_kind kind; } year_rows[] = {
	{ "calendar year in UTC+8", "2025-12-31T16:00:00Z", "2026-12-31T16:00:00Z", KPI_PUE },
	{ "UTC year is not a local year", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z", KPI_IPUE },
	{ "from the middle of a month", "2026-03-14T16:00:00Z", "2027-03-14T16:00:00Z", KPI_PUE },
	{ "leap day to first of March", "2028-02-28T16:00:00Z", "2029-02-28T16:00:00Z", KPI_PUE },
	{ "364 days", "2025-12-31T16:00:00Z", "2026-12-30T16:00:00Z", KPI_IPUE },
	{ "eleven months", "2025-12-31T16:00:00Z", "2026-11-30T16:00:00Z", KPI_IPUE },
	{ "over 2038", "2037-12-31T16:00:00Z", "2038-12-31T16:00:00Z", KPI_PUE },
};

static void years(void **state)
{
	(void)state;
	struct zone zone = { .name = "Asia/Shanghai", .shifts = shanghai_shifts, .n = 1 };
	for (const struct year_row *r = year_rows; r < year_rows + countof(year_rows); r++) {
		struct bench b;
		struct wall from = { 0 }, to = { 0 };
		struct kpi k;
		bench_init(&b);
		bench_meter(&b, "feed", ROLE_SUPPLY, -1);
		bench_meter(&b, "it", ROLE_IT, 0);
		row_check(r, wall_parse(r->from, &from, NULL) && wall_parse(r->to, &to, NULL));
		struct window *w = window_new(&b.site, from, to, NULL);
		struct interval_row rows[2] = { { .meter = 0, .energy_mwh = 12, .substitute_class = CLASS_MISSING }, { .meter = 1, .energy_mwh = 10, .substitute_class = CLASS_MISSING } };
		for (int64_t t = from.ms; t < to.ms; t += 900000)
			window_push(w, &(struct interval){ .from = { t }, .to = { t + 900000 }, .total_known = true, .it_known = true, .total_mwh = 12, .it_mwh = 10,
							   .synced = true, .rows = rows, .n = 2 });
		window_kpi(w, &zone, &k);
		row_check(r, k.kind == r->kind);
		row_check(r, k.total_mwh == 12 * k.intervals);
		window_free(w);
		bench_done(&b);
	}
}

/* ---- balance ------------------------------------------------------------------------------------------------------------------------------ */

static const struct meter_epoch class_02 = { .from = { INT64_MIN }, .to = { INT64_MAX }, .ct = { 1, 1 }, .pt = { 1, 1 }, .meter_class = "0.2S" };
static const struct balance_row { const char *name; int64_t mwh[7]; const char *findings; } balance_rows[] = {
	/*                                bus  feed  cooling ups-in ups-out cab-1 cab-2 */
	{ "it closes", { 0, 2000000, 900000, 1100000, 1045000, 500000, 545000 }, "" },
	{ "within three u", { 0, 2000000, 897000, 1100000, 1045000, 500000, 545000 }, "" },
	{ "a wrong CT ratio: cab-1 at four fifths", { 0, 2000000, 900000, 1100000, 1045000, 400000, 545000 }, "ups-out:more_above" },
	{ "a swapped CT: ups-out at a third", { 0, 2000000, 900000, 1100000, 348333, 500000, 545000 }, "ups-in:ups_efficiency(ups-out) ups-out:more_below(ups-out)" },
	{ "feed twice as much", { 0, 4000000, 900000, 1100000, 1045000, 500000, 545000 }, "bus:more_above" },
	{ "a missing child", { 0, 2000000, 900000, 1100000, 1045000, 500000, 0 }, "ups-out:more_above" },
	{ "IT above everything", { 0, 2000000, 900000, 1100000, 1045000, 1500000, 1045000 }, "site:it_over_total ups-out:more_below" },
};

static void note_finding(void *ctx, const struct balance *b)
{
	static const char *const ids[] = { "bus", "feed", "cooling", "ups-in", "ups-out", "cab-1", "cab-2" };
	struct buf *out = ctx;
	if (!b->finding)
		return;
	buf_printf(out, "%s%s:%s", out->len ? " " : "", b->node == UINT32_MAX ? "site" : ids[b->node], finding_name(b->finding));
	if (b->suspect >= 0)
		buf_printf(out, "(%s)", ids[b->suspect]);
}

static void balances(void **state)
{
	(void)state;
	int wrong = 0;
	for (const struct balance_row *r = balance_rows; r < balance_rows + countof(balance_rows); r++) {
		struct bench b;
		struct buf found = { 0 };
		bench_init(&b);
		bench_meter(&b, "bus", ROLE_BUS, -1)->energy = NULL;
		bench_meter(&b, "feed", ROLE_SUPPLY, 0);
		bench_meter(&b, "cooling", ROLE_COOLING, 0);
		bench_meter(&b, "ups-in", ROLE_UPS_INPUT, 0)->loss_ppm = 50000;
		bench_meter(&b, "ups-out", ROLE_DISTRIBUTION, 3);
		bench_meter(&b, "cab-1", ROLE_IT, 4);
		bench_meter(&b, "cab-2", ROLE_IT, 4);
		for (size_t i = 0; i < b.site.meters.n; i++)
			b.meters[i].epochs = (struct conf_vec){ (void *)(uintptr_t)&class_02, 1 };
		struct window *w = window_of(&b, 1);
		push(&b, w, 0, r->mwh, NULL);
		int64_t n = window_findings(w, note_finding, &found);
		if (strcmp(found.data ? found.data : "", r->findings))
			printf("row \"%s\": %s, expected %s\n", r->name, found.data ? found.data : "", r->findings), wrong++;
		row_check(r, (n == 0) == !r->findings[0]);
		buf_done(&found);
		window_free(w);
		bench_done(&b);
	}
	assert_int_equal(wrong, 0);
}

/* ---- racks ------------------------------------------------------------------------------------------------------------------------------------ */

static void rack_shares(void **state)
{
	(void)state;
	struct bench b;
	struct racks r, least;
	static const int functions[] = { FUNCTION_COMPUTE, FUNCTION_COMPUTE, FUNCTION_STORAGE, FUNCTION_NETWORK, FUNCTION_OTHER, FUNCTION_UNKNOWN, FUNCTION_EMPTY };
	static int64_t feeds[countof(functions)];
	bench_init(&b);
	bench_meter(&b, "feed", ROLE_SUPPLY, -1);
	bench_meter(&b, "row", ROLE_IT, 0);
	for (size_t i = 0; i < countof(functions); i++) {
		char *id = (char *)(uintptr_t)"pdu";
		bench_meter(&b, id, ROLE_RACK, 1)->point = POINT_RACK_INLET;
		feeds[i] = 2 + (int64_t)i;
		b.racks[i] = (struct rack){ .id = "r", .function = functions[i], .rated_mw = i == 0 ? 10000000 : 2500000, .compute_ppm = -1,
					    .installed = { INT64_MIN }, .removed = { INT64_MAX }, .feed_ix = { &feeds[i], 1 } };
		b.site.racks.n++;
	}
	b.racks[2].removed = (struct wall){ BASE_MS + 450000 };
	struct window *w = window_of(&b, 1);
	push(&b, w, 0, (int64_t[]){ 1000, 900, 300, 100, 50, 20, 30, 200, 0 }, NULL);
	racks_at(&b.site, (struct wall){ BASE_MS }, w, 2500000, &r);
	assert_int_equal(r.installed, 7);
	assert_int_equal(r.unknown, 1);
	assert_int_equal(r.metered, 6);                 /* the empty one has no energy */
	assert_int_equal(r.in_use, 6);
	assert_int_equal(r.standard_milli, 10000);
	/* C1, network and empty racks out: compute 2, storage 1, other 1, unknown 1 */
	assert_int_equal(r.share[SHARE_C1][0][0].lo_num * 5, r.share[SHARE_C1][0][0].lo_den * 2);
	assert_int_equal(r.share[SHARE_C1][0][0].hi_num * 5, r.share[SHARE_C1][0][0].hi_den * 3);
	assert_int_equal(r.share[SHARE_C1][1][1].lo_num * 7, r.share[SHARE_C1][1][1].lo_den * 2);
	/* C2: 12.5 kW of 20 kW */
	assert_int_equal(r.share[SHARE_C2][0][0].lo_num * 8, r.share[SHARE_C2][0][0].lo_den * 5);
	/* C3: 400 of 900 for sure, 600 at most */
	assert_true(r.share[SHARE_C3][0][0].defined);
	assert_int_equal(r.share[SHARE_C3][0][0].lo_num, 400);
	assert_int_equal(r.share[SHARE_C3][0][0].hi_num, 600);
	assert_int_equal(r.share[SHARE_C3][0][0].lo_den, 900);
	racks_least(&b.site, (struct wall){ BASE_MS }, (struct wall){ BASE_MS + 900000 }, w, 2500000, &least);
	assert_int_equal(least.installed, 6);
	racks_at(&b.site, (struct wall){ BASE_MS }, NULL, 2500000, &r);
	assert_int_equal(r.metered, -1);
	assert_false(r.share[SHARE_C3][0][0].defined);
	window_free(w);
	bench_done(&b);
}

/* ---- the other KPIs, and before and after ---------------------------------------------------------------------------------------------- */

static void other_kpis(void **state)
{
	(void)state;
	struct bench b;
	struct kpi k;
	struct kpi_row rows[KPI_ROW_N];
	char text[64];
	bench_init(&b);
	bench_meter(&b, "feed", ROLE_SUPPLY, -1);
	bench_meter(&b, "it", ROLE_IT, 0);
	bench_meter(&b, "cooling", ROLE_COOLING, 0);
	bench_meter(&b, "green", ROLE_RENEWABLE, -1);
	bench_meter(&b, "heat", ROLE_REUSE, -1);
	bench_meter(&b, "water", ROLE_WATER, -1);
	b.racks[0] = (struct rack){ .id = "r", .function = FUNCTION_COMPUTE, .rated_mw = 8, .compute_ppm = -1, .installed = { INT64_MIN }, .removed = { INT64_MAX } };
	b.site.racks.n = 1;
	struct window *w = window_of(&b, 1);
	push(&b, w, 0, (int64_t[]){ 1250, 1000, 250, 625, 125, 2000 }, NULL);
	window_kpi(w, NULL, &k);
	kpi_rows(w, &k, rows);
	static const struct { int id; bool defined; const char *text; } expected[] = {
		{ KPI_ROW_R_M2, false, NULL }, { KPI_ROW_OVERHEAD, true, "1.2500" }, { KPI_ROW_LOAD, true, "500.0000" }, { KPI_ROW_REF, true, "0.5000" },
		{ KPI_ROW_ERF, true, "0.1000" }, { KPI_ROW_WUE, true, "2000.0000" }, { KPI_ROW_CUE, false, NULL },
	};
	for (size_t i = 0; i < countof(expected); i++) {
		const struct kpi_row *r = &rows[expected[i].id];
		kpi_row_text(r, 4, text, sizeof text);
		if (r->defined != expected[i].defined || (r->defined ? strcmp(text, expected[i].text) != 0 : !r->why_not))
			fail_msg("%s: %s", r->id, text);
	}
	window_free(w);
	/* something missing: no number of it */
	w = window_of(&b, 1);
	push(&b, w, 0, (int64_t[]){ 1250, 1000, 250, 625, 125, 2000 }, (int64_t[]){ 0, 0, 1000, 0, 1000, 0 });
	window_kpi(w, NULL, &k);
	kpi_rows(w, &k, rows);
	assert_false(rows[KPI_ROW_OVERHEAD].defined);
	assert_false(rows[KPI_ROW_ERF].defined);
	assert_true(rows[KPI_ROW_REF].defined);
	window_free(w);
	bench_done(&b);
}

/* Two intervals; roles feed, it, pv, export, generator, renewable.  A factor of the grid for each interval, one of them may be missing. */
static const struct input_row {
	const char *name;
	int64_t mwh[2][6], missing[6];
	int64_t grid_micro[2], generator_micro;
	const char *ref, *cue;                  /* NULL: no number */
} input_rows[] = {
	{ "one factor", { { 1250, 1000 }, { 1250, 1000 } }, { 0 }, { 500000, 500000 }, 0, "0.0000", "0.6250" },
	{ "the factor of its time", { { 1250, 1000 }, { 1250, 1000 } }, { 0 }, { 600000, 400000 }, 0, "0.0000", "0.6250" },
	{ "the factor of its time, unequal energies", { { 2500, 1000 }, { 1250, 1000 } }, { 0 }, { 600000, 400000 }, 0, "0.0000", "1.0000" },
	{ "no factor for the second half", { { 1250, 1000 }, { 1250, 1000 } }, { 0 }, { 500000, 0 }, 0, "0.0000", NULL },
	{ "PV has no CO2", { { 1000, 1000, 250 }, { 1000, 1000, 250 } }, { 0 }, { 500000, 500000 }, 0, "0.2000", "0.5000" },
	{ "PV sold is not used", { { 1250, 1000, 250, 250 }, { 1250, 1000, 250, 250 } }, { 0 }, { 500000, 500000 }, 0, "0.0000", "0.6250" },
	{ "more sold than made", { { 1250, 1000, 250, 251 }, { 1250, 1000, 250, 251 } }, { 0 }, { 500000, 500000 }, 0, NULL, "0.6250" },
	{ "a generator without a factor", { { 1250, 1000, 0, 0, 5 }, { 1250, 1000 } }, { 0 }, { 500000, 500000 }, 0, "0.0000", NULL },
	{ "a generator with one", { { 1200, 1000, 0, 0, 50 }, { 1250, 1000 } }, { 0 }, { 500000, 500000 }, 1000000, "0.0000", "0.6375" },
	{ "an idle generator needs none", { { 1250, 1000 }, { 1250, 1000 } }, { 0 }, { 500000, 500000 }, 0, "0.0000", "0.6250" },
	{ "certificates for half", { { 1250, 1000, 0, 0, 0, 625 }, { 1250, 1000, 0, 0, 0, 625 } }, { 0 }, { 500000, 500000 }, 0, "0.5000", "0.6250" },
	{ "more green than all", { { 1250, 1000, 0, 0, 0, 1251 }, { 1250, 1000, 0, 0, 0, 1251 } }, { 0 }, { 500000, 500000 }, 0, NULL, "0.6250" },
	{ "part of E_DC is missing", { { 1250, 1000 }, { 1250, 1000 } }, { 1000, 0 }, { 500000, 500000 }, 0, NULL, NULL },
	{ "part of E_IT is missing", { { 1250, 1000 }, { 1250, 1000 } }, { 0, 1000 }, { 500000, 500000 }, 0, "0.0000", NULL },
};

static void input_row(const struct input_row *r, int *wrong)
{
	struct bench b;
	struct kpi k;
	struct kpi_row rows[KPI_ROW_N];
	const struct wall middle = { BASE_MS + 900000 };
	struct site_factor factors[] = {
		{ .kind = FACTOR_GRID_CO2, .micro = r->grid_micro[0], .from = { INT64_MIN }, .to = middle },
		{ .kind = r->grid_micro[1] ? FACTOR_GRID_CO2 : FACTOR_COAL, .micro = r->grid_micro[1], .from = middle, .to = { INT64_MAX } },
		{ .kind = r->generator_micro ? FACTOR_GENERATOR_CO2 : FACTOR_COAL, .micro = r->generator_micro, .from = { INT64_MIN }, .to = { INT64_MAX } },
	};
	static const int roles[] = { ROLE_SUPPLY, ROLE_IT, ROLE_PV, ROLE_EXPORT, ROLE_GENERATOR, ROLE_RENEWABLE };
	bench_init(&b);
	for (size_t i = 0; i < countof(roles); i++)
		bench_meter(&b, "m", roles[i], roles[i] == ROLE_IT ? 0 : -1);
	b.site.factors = (struct conf_vec){ factors, countof(factors) };
	struct window *w = window_of(&b, 2);
	push(&b, w, 0, r->mwh[0], NULL);
	push(&b, w, 1, r->mwh[1], r->missing);
	window_kpi(w, NULL, &k);
	kpi_rows(w, &k, rows);
	const struct { int id; const char *text; } expected[] = { { KPI_ROW_REF, r->ref }, { KPI_ROW_CUE, r->cue } };
	for (size_t i = 0; i < countof(expected); i++) {
		const struct kpi_row *q = &rows[expected[i].id];
		char text[64] = "";
		kpi_row_text(q, 4, text, sizeof text);
		bool good = expected[i].text ? q->defined && !strcmp(text, expected[i].text) : !q->defined && q->why_not;
		if (!good || !q->interim)
			printf("row \"%s\": %s is %s (%s), expected %s\n", r->name, q->id, q->defined ? text : "none", q->why_not ? q->why_not : "", expected[i].text ? expected[i].text : "none"), ++*wrong;
	}
	window_free(w);
	bench_done(&b);
}

/* PUE at a load fraction: intervals by tenths of the racks' rated power, only the wholly known ones. */
static void loads(void **state)
{
	(void)state;
	struct bench b;
	struct kpi_load bins[KPI_LOADS];
	bench_init(&b);
	bench_meter(&b, "feed", ROLE_SUPPLY, -1);
	bench_meter(&b, "it", ROLE_IT, 0);
	struct window *w = window_of(&b, 6);
	assert_false(kpi_loads(w, bins));       /* no rack */
	/* 4000 mW rated: an interval of 15 minutes at full load is 1000 mW.h */
	b.racks[0] = (struct rack){ .id = "r", .function = FUNCTION_COMPUTE, .rated_mw = 4000, .compute_ppm = -1, .installed = { INT64_MIN }, .removed = { INT64_MAX } };
	b.site.racks.n = 1;
	push(&b, w, 0, (int64_t[]){ 300, 199 }, NULL);
	push(&b, w, 1, (int64_t[]){ 260, 200 }, NULL);
	push(&b, w, 2, (int64_t[]){ 390, 299 }, NULL);
	push(&b, w, 3, (int64_t[]){ 500, 250 }, (int64_t[]){ 1000, 0 });
	push(&b, w, 4, (int64_t[]){ 1250, 1000 }, NULL);
	push(&b, w, 5, (int64_t[]){ 3000, 2500 }, NULL);
	assert_true(kpi_loads(w, bins));
	static const struct kpi_load expected[KPI_LOADS] = { [1] = { 1, 300, 199 }, [2] = { 2, 650, 499 }, [10] = { 2, 4250, 3500 } };
	for (int i = 0; i < KPI_LOADS; i++)
		if (bins[i].intervals != expected[i].intervals || bins[i].total_mwh != expected[i].total_mwh || bins[i].it_mwh != expected[i].it_mwh)
			fail_msg("tenth %d: %lld intervals, %lld, %lld", i, (long long)bins[i].intervals, (long long)bins[i].total_mwh, (long long)bins[i].it_mwh);
	window_free(w);
}

static void kpi_inputs(void **state)
{
	int wrong = 0;
	(void)state;
	for (const struct input_row *r = input_rows; r < input_rows + countof(input_rows); r++)
		input_row(r, &wrong);
	assert_int_equal(wrong, 0);
}

static const struct baseline before = { { 0 }, { 1000 }, KPI_PUE, 2, 1600000000000000, 1000000000000000, "s", "B" };
static const struct base_row { const char *name; struct baseline now; const char *says; int64_t delta_micro, saved_mwh; } base_rows[] = {
	{ "better", { { 1000 }, { 2000 }, KPI_PUE, 2, 2486, 2000, "s", "B" }, NULL, -357000, 714 },
	{ "worse", { { 1000 }, { 2000 }, KPI_PUE, 2, 3400, 2000, "s", "B" }, NULL, 100000, -200 },
	{ "rounded half to even", { { 1000 }, { 2000 }, KPI_PUE, 2, 15, 11, "s", "B" }, NULL, -236364, 3 },
	{ "another site", { { 1000 }, { 2000 }, KPI_PUE, 2, 2486, 2000, "t", "B" }, "is of site s, not of t", 0, 0 },
	{ "another boundary", { { 1000 }, { 2000 }, KPI_PUE, 2, 2486, 2000, "s", "C" }, "boundary differs", 0, 0 },
	{ "no boundary stated", { { 1000 }, { 2000 }, KPI_PUE, 2, 2486, 2000, "s", NULL }, "boundary differs", 0, 0 },
	{ "another category", { { 1000 }, { 2000 }, KPI_PUE, 1, 2486, 2000, "s", "B" }, "category", 0, 0 },
	{ "no number", { { 1000 }, { 2000 }, KPI_NONE, 2, 2486, 2000, "s", "B" }, "the window has no PUE", 0, 0 },
	{ "simulated against measured", { { 1000 }, { 2000 }, KPI_PUE, 2, 2486, 2000, "s", "B", .simulated = true }, "simulated", 0, 0 },
	{ "overlap", { { 999 }, { 2000 }, KPI_PUE, 2, 2486, 2000, "s", "B" }, "ends after", 0, 0 },
};

static void baselines(void **state)
{
	(void)state;
	for (const struct base_row *r = base_rows; r < base_rows + countof(base_rows); r++) {
		struct baseline_delta d = { 0 };
		struct err err = { 0 };
		row_check(r, baseline_compare(&before, &r->now, &d, &err) == (r->says == NULL));
		row_check(r, r->says ? strstr(err.text, r->says) != NULL : d.delta_micro == r->delta_micro && d.saved_mwh == r->saved_mwh);
	}
	/* U of the difference: root of the sum of squares, rounded up; not stated when one is not; seasons are named */
	struct baseline then = before, now = base_rows[0].now;
	struct baseline_delta d;
	then.u_ppm_rho0 = 3000, now.u_ppm_rho0 = 4000, then.u_ppm_rho1 = -1, now.u_ppm_rho1 = 5000, now.kind = KPI_IPUE;
	assert_true(baseline_compare(&then, &now, &d, NULL) && d.u_ppm_rho0 == 5000 && d.u_ppm_rho1 == -1 && d.seasons);
	assert_int_equal(coal_grams(1000000000, 122900), 122900);      /* 1 MW.h */
	assert_int_equal(coal_grams(-15, 100000000), -2);              /* half to even */
	assert_int_equal(coal_grams(25, 100000000), 2);
}

/* What packs ask of roles, points, halls and meters: a part that is not known makes its sum unknown, never smaller. */
static const struct selection_row {
	const char *name;
	int64_t missing[4];         /* ms in the second of two intervals: feed, it-1 (hall A), it-2 (hall B), cooling (hall A) */
	int64_t cooling, cabinets, halls, most_sub, most_it;
} selection_rows[] = {
	{ "all known", { 0 }, 40, 180, 2, 120, 80 },
	{ "cooling lacks a part", { 0, 0, 0, 450000 }, -1, 180, 2, -1, -1 },
	{ "IT of a hall lacks a part", { 0, 450000 }, 40, -1, 2, -1, -1 },
	{ "the feed of no hall lacks a part", { 450000 }, 40, 180, 2, 120, 80 },
};

static void selections(void **state)
{
	(void)state;
	const struct zone utc = { "UTC", (struct zone_shift[]){ { { 0 }, 0 } }, 1 };
	for (const struct selection_row *r = selection_rows; r < selection_rows + countof(selection_rows); r++) {
		struct bench b;
		struct selection s;
		bench_init(&b);
		bench_meter(&b, "feed", ROLE_SUPPLY, -1);
		bench_meter(&b, "it-1", ROLE_IT, 0)->hall = "A";
		bench_meter(&b, "it-2", ROLE_IT, 0)->hall = "B";
		bench_meter(&b, "cooling", ROLE_COOLING, 0)->hall = "A";
		for (size_t i = 1; i < 3; i++)
			b.meters[i].point = POINT_ROW_CABINET;
		struct window *w = window_of(&b, 2);
		push(&b, w, 0, (int64_t[]){ 125, 40, 50, 20 }, NULL);
		push(&b, w, 1, (int64_t[]){ 125, 40, 50, 20 }, r->missing);
		selection_of(&b.site, &utc, w, (struct wall){ BASE_MS }, (struct wall){ BASE_MS + 1800000 }, &s);
		row_check(r, s.role_mwh[ROLE_COOLING] == r->cooling && s.role_mwh[ROLE_LIGHTING] == -1 && s.role_mwh[ROLE_WATER] == -1);
		row_check(r, s.point_mwh[POINT_ROW_CABINET] == r->cabinets && s.point_mwh[POINT_RACK_INLET] == -1);
		row_check(r, s.halls == r->halls && s.most.sub_mwh == r->most_sub && s.most.it_mwh == r->most_it);
		row_check(r, s.meters == 3 && s.uncalibrated == 3 && s.class_ppm == -1);      /* no epochs: nothing is stated */
		window_free(w);
		bench_done(&b);
	}
	/* a hall that is not known at any time is not passed over */
	struct bench b;
	struct selection s;
	bench_init(&b);
	bench_meter(&b, "feed", ROLE_SUPPLY, -1);
	bench_meter(&b, "it-1", ROLE_IT, 0)->hall = "A";
	bench_meter(&b, "it-2", ROLE_IT, 0)->hall = "B";
	struct window *w = window_of(&b, 1);
	push(&b, w, 0, (int64_t[]){ 125, 40, 0 }, (int64_t[]){ 0, 0, 900000 });
	selection_of(&b.site, &utc, w, (struct wall){ BASE_MS }, (struct wall){ BASE_MS + 900000 }, &s);
	assert_true(s.most.it_mwh == -1 && s.least.it_mwh == -1);
	window_free(w);
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selections), cmocka_unit_test(prints_on_its_side), cmocka_unit_test(boundary_is_exact), cmocka_unit_test(levels), cmocka_unit_test(uncertainty_table),
		cmocka_unit_test(trees), cmocka_unit_test(kpis), cmocka_unit_test(years), cmocka_unit_test(balances), cmocka_unit_test(rack_shares), cmocka_unit_test(other_kpis), cmocka_unit_test(loads), cmocka_unit_test(kpi_inputs), cmocka_unit_test(baselines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
