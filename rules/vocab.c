#include "rules/vocab.h"

#include <string.h>

typedef struct value getter(const struct fact_source *s, const struct fact_row *row);

static int64_t field64(const void *base, size_t offset)
{
	int64_t v;
	memcpy(&v, (const char *)base + offset, sizeof v);
	return v;
}

static struct value known_count(int64_t v, const struct fact_row *row)
{
	return v < 0 ? value_unknown(TYPE_NUMBER, row->name) : value_int(v);
}

static struct value fraction(int64_t num, int64_t den, const struct fact_row *row)
{
	struct exact v;
	if (num < 0 || den <= 0 || !exact_div(exact_int(num), exact_int(den), &v))
		return value_unknown(TYPE_NUMBER, row->name);
	return value_number(v, v);
}

/* Energies and their quality */

static struct value get_kpi_count(const struct fact_source *s, const struct fact_row *row)
{
	return known_count(field64(s->kpi, row->offset), row);
}

static struct value get_kpi_ppm(const struct fact_source *s, const struct fact_row *row)
{
	return fraction(field64(s->kpi, row->offset), 1000000, row);
}

/* Doubtful energies make no PUE (domain.md 3.6 rule 7). */
static const char *no_pue(const struct kpi *k)
{
	if (k->kind == KPI_NONE)
		return k->why_not[0] ? k->why_not : "no PUE: energies of the window are not known";
	if (k->total_mwh < 0 || k->it_mwh < 0)
		return "no PUE: an energy is negative or not known";
	if (k->it_mwh == 0)
		return "no PUE: IT energy is 0";
	if (k->it_mwh >= k->total_mwh)
		return "no PUE: IT energy is not below total energy";
	return NULL;
}

static struct value get_pue(const struct fact_source *s, const struct fact_row *row)
{
	/* a what-if PUE keeps the uncertainty that was measured */
	const char *assumed = s->kpi == &s->facts->kpi ? fact_assumed(s->facts, "pue") : NULL;
	if (assumed)
		return fact_assumed_value(row, assumed);
	const char *why = no_pue(s->kpi);
	return why ? value_unknown(TYPE_NUMBER, why) : fraction(s->kpi->total_mwh, s->kpi->it_mwh, row);
}

/* PUE + U, U the larger of both correlation bounds; not stated: no upper end. */
static struct value get_pue_guarded(const struct fact_source *s, const struct fact_row *row)
{
	struct value v = get_pue(s, row);
	int64_t u0 = s->kpi->u_ppm_rho0, u1 = s->kpi->u_ppm_rho1;
	struct exact u;
	if (!v.known)
		return v;
	if (u0 < 0 || u1 < 0) {
		v.open = true;
		return v;
	}
	if (!exact_div(exact_int(u0 > u1 ? u0 : u1), exact_int(1000000), &u))
		return value_unknown(TYPE_NUMBER, row->name);
	return value_add(v, value_number(u, u));
}

static struct value get_pue_defined(const struct fact_source *s, const struct fact_row *row)
{
	(void)row;
	const char *why = no_pue(s->kpi);
	return why ? value_unknown(TYPE_TRUTH, why) : value_truth(TRUTH_YES, NULL);
}

static struct value get_energy(const struct fact_source *s, const struct fact_row *row)
{
	return s->kpi->kind == KPI_NONE ? value_unknown(TYPE_NUMBER, row->name) : get_kpi_count(s, row);
}

/* Share of energy in some classes, the larger of total and IT; substituted energy stands beside the sums. */
static struct value class_share(const struct fact_source *s, const struct fact_row *row, const enum energy_class *classes, size_t n)
{
	struct value worst = value_unknown(TYPE_NUMBER, row->name);
	for (int side = 0; side < 2; side++) {
		int64_t all = side ? s->kpi->known_it_mwh : s->kpi->known_total_mwh, sum = 0, beside = 0;
		for (size_t i = 0; i < n; i++) {
			int64_t in = s->kpi->class_mwh[side][classes[i]], out = s->kpi->substituted_mwh[side][classes[i]];
			if (in < 0 || out < 0 || __builtin_add_overflow(sum, in, &sum) || __builtin_add_overflow(beside, out, &beside))
				return value_unknown(TYPE_NUMBER, row->name);
		}
		if (all < 0 || __builtin_add_overflow(sum, beside, &sum) || __builtin_add_overflow(all, beside, &all))
			return value_unknown(TYPE_NUMBER, row->name);
		struct value share = fraction(sum, all, row);
		worst = side ? value_max(worst, share) : share;
	}
	return worst;
}

static struct value get_estimated(const struct fact_source *s, const struct fact_row *row)
{
	static const enum energy_class classes[] = { CLASS_B, CLASS_P };
	return class_share(s, row, classes, countof(classes));
}

/* One class; the row's offset is the class. */
static struct value get_class(const struct fact_source *s, const struct fact_row *row)
{
	const enum energy_class class_ = (enum energy_class)row->offset;
	return class_share(s, row, &class_, 1);
}

static struct value get_interval_share(const struct fact_source *s, const struct fact_row *row)
{
	return fraction(field64(s->kpi, row->offset), s->kpi->intervals, row);
}

static struct value get_category(const struct fact_source *s, const struct fact_row *row)
{
	return known_count(s->kpi->category, row);
}

/* The window */

static struct value get_window_from(const struct fact_source *s, const struct fact_row *row)
{
	return value_date(s->from, row->name);
}

static struct value get_window_to(const struct fact_source *s, const struct fact_row *row)
{
	return value_date(s->to, row->name);
}

/* Whole months from `from` to the day after `to`; -1 when the days do not match. */
static int64_t whole_months(struct date from, struct date to)
{
	struct date end = date_of_days(date_days(to) + 1);
	return end.day == from.day ? ((int64_t)end.year - from.year) * 12 + end.month - from.month : -1;
}

static struct value get_annual(const struct fact_source *s, const struct fact_row *row)
{
	if (s->from.year == 0 || s->to.year == 0)
		return value_unknown(TYPE_TRUTH, row->name);
	return value_truth(whole_months(s->from, s->to) == 12 && s->kpi->kind == KPI_PUE ? TRUTH_YES : TRUTH_NO, NULL);
}

static struct value get_days(const struct fact_source *s, const struct fact_row *row)
{
	if (s->from.year == 0 || s->to.year == 0)
		return value_unknown(TYPE_NUMBER, row->name);
	return value_int(date_days(s->to) - date_days(s->from) + 1);
}

/* Dates, texts, money */

static struct value get_date(const struct fact_source *s, const struct fact_row *row)
{
	struct date d;
	memcpy(&d, (const char *)s->facts + row->offset, sizeof d);
	return value_date(d, row->name);
}

static struct value get_site_date(const struct fact_source *s, const struct fact_row *row)
{
	struct date d = { 0 };
	if (s->facts->site)
		memcpy(&d, (const char *)s->facts->site + row->offset, sizeof d);
	return value_date(d, row->name);
}

static struct value get_site_text(const struct fact_source *s, const struct fact_row *row)
{
	const char *text = NULL;
	if (s->facts->site)
		memcpy(&text, (const char *)s->facts->site + row->offset, sizeof text);
	return value_text(text, row->name);
}

static struct value get_method(const struct fact_source *s, const struct fact_row *row)
{
	(void)row;
	return value_text(s->facts->method ? s->facts->method : "mains", NULL);
}

static struct value get_simulated(const struct fact_source *s, const struct fact_row *row)
{
	(void)row;
	return value_truth(s->facts->simulated ? TRUTH_YES : TRUTH_NO, NULL);
}

static struct value get_rate(const struct fact_source *s, const struct fact_row *row)
{
	return s->facts->approved_rate_fen == 0 ? value_unknown(TYPE_NUMBER, row->name) : value_int(s->facts->approved_rate_fen);
}

/* Racks and shares */

static struct value get_count(const struct fact_source *s, const struct fact_row *row)
{
	return known_count(field64(s->facts, row->offset), row);
}

static struct value get_standard(const struct fact_source *s, const struct fact_row *row)
{
	return fraction(field64(s->facts, row->offset), 1000, row);
}

static struct value get_share(const struct fact_source *s, const struct fact_row *row)
{
	struct share share;
	struct exact lo, hi;
	memcpy(&share, (const char *)s->facts + row->offset, sizeof share);
	if (!share.defined || share.lo_den <= 0 || share.hi_den <= 0 || share.lo_num < 0 || share.hi_num < 0 ||
	    !exact_div(exact_int(share.lo_num), exact_int(share.lo_den), &lo) || !exact_div(exact_int(share.hi_num), exact_int(share.hi_den), &hi) ||
	    exact_compare(lo, hi) > 0)
		return value_unknown(TYPE_NUMBER, row->name);
	return value_number(lo, hi);
}

static struct value get_hall(const struct fact_source *s, const struct fact_row *row)
{
	struct hall_energy e;
	memcpy(&e, (const char *)s->facts + row->offset, sizeof e);
	return fraction(e.sub_mwh, e.it_mwh, row);
}

static struct value get_limit(const struct fact_source *s, const struct fact_row *row)
{
	return fraction(field64(s->facts, row->offset), 1000000, row);
}

#define KPI(field) offsetof(struct kpi, field)
#define FACTS(field) offsetof(struct facts, field)
#define SITE(field) offsetof(struct site, field)
#define RACKS(name, field, get, about) \
	{ "racks." name, TYPE_NUMBER, "", false, get, FACTS(racks.field), about }, \
	{ "racks_min." name, TYPE_NUMBER, "", false, get, FACTS(racks_min.field), about ", minimum over the window" }
#define SHARE(name, id, about) \
	{ "share." name ".in.in", TYPE_NUMBER, "%", false, get_share, FACTS(racks.share[id][1][1]), about "; network and empty racks in the denominator" }, \
	{ "share." name ".in.out", TYPE_NUMBER, "%", false, get_share, FACTS(racks.share[id][1][0]), about "; network racks in the denominator" }, \
	{ "share." name ".out.in", TYPE_NUMBER, "%", false, get_share, FACTS(racks.share[id][0][1]), about "; empty racks in the denominator" }, \
	{ "share." name ".out.out", TYPE_NUMBER, "%", false, get_share, FACTS(racks.share[id][0][0]), about "; neither network nor empty racks" }

#define ROLE(name, id, about) { "energy." name, TYPE_NUMBER, "kW.h", false, get_count, FACTS(selection.role_mwh[id]), about }
#define POINT(name, id, about) { "it_energy." name, TYPE_NUMBER, "kW.h", false, get_count, FACTS(selection.point_mwh[id]), "IT energy measured at " about }

const struct fact_row fact_rows[] = {
	{ "pue", TYPE_NUMBER, "", true, get_pue, 0, "total energy over IT energy of the window" },
	{ "pue_guarded", TYPE_NUMBER, "", true, get_pue_guarded, 0, "PUE plus its expanded uncertainty (larger correlation bound)" },
	{ "pue_defined", TYPE_TRUTH, NULL, true, get_pue_defined, 0, "the energies allow a PUE: IT > 0 and total > IT" },
	{ "total_energy", TYPE_NUMBER, "kW.h", true, get_energy, KPI(total_mwh), "total energy of the window" },
	{ "it_energy", TYPE_NUMBER, "kW.h", true, get_energy, KPI(it_mwh), "IT energy of the window" },
	{ "category", TYPE_NUMBER, "", true, get_category, 0, "measurement category 1..3" },
	{ "complete.time.total", TYPE_NUMBER, "%", true, get_kpi_ppm, KPI(complete_time_ppm[0]), "time in which total energy is known" },
	{ "complete.time.it", TYPE_NUMBER, "%", true, get_kpi_ppm, KPI(complete_time_ppm[1]), "time in which IT energy is known" },
	{ "complete.energy.total", TYPE_NUMBER, "%", true, get_kpi_ppm, KPI(complete_energy_ppm[0]), "known share of total energy" },
	{ "complete.energy.it", TYPE_NUMBER, "%", true, get_kpi_ppm, KPI(complete_energy_ppm[1]), "known share of IT energy" },
	{ "energy_share.estimated", TYPE_NUMBER, "%", true, get_estimated, 0, "energy by balance or profile (classes B, P)" },
	{ "energy_share.integrated", TYPE_NUMBER, "%", true, get_class, CLASS_I, "energy integrated from power (class I)" },
	{ "energy_share.nominal", TYPE_NUMBER, "%", true, get_class, CLASS_N, "energy by nominal value (class N)" },
	{ "energy_share.manual", TYPE_NUMBER, "%", true, get_class, CLASS_M, "energy entered by hand (class M)" },
	{ "energy_share.distributed", TYPE_NUMBER, "%", true, get_class, CLASS_D, "known energy spread over a gap (class D)" },
	{ "clock.unsynced", TYPE_NUMBER, "%", true, get_interval_share, KPI(unsynced_intervals), "intervals read by an unsynchronised clock" },
	{ "late", TYPE_NUMBER, "%", true, get_interval_share, KPI(late_intervals), "intervals filled after their time" },
	{ "findings", TYPE_NUMBER, "", true, get_kpi_count, KPI(findings), "open findings of the balance check" },
	{ "window.from", TYPE_DATE, NULL, true, get_window_from, 0, "first day of the window" },
	{ "window.to", TYPE_DATE, NULL, true, get_window_to, 0, "last day of the window" },
	{ "window.days", TYPE_NUMBER, "", true, get_days, 0, "days of the window" },
	{ "window.annual", TYPE_TRUTH, NULL, true, get_annual, 0, "exactly twelve months with a whole PUE" },
	{ "judged", TYPE_DATE, NULL, false, get_date, FACTS(judged), "day of judging" },
	{ "completed", TYPE_DATE, NULL, false, get_date, FACTS(completed), "day the retrofit was completed" },
	{ "applied", TYPE_DATE, NULL, false, get_date, FACTS(applied), "day of the application" },
	{ "operation_start", TYPE_DATE, NULL, false, get_site_date, SITE(operation_start), "day the site went into operation" },
	{ "site.id", TYPE_TEXT, NULL, false, get_site_text, SITE(id), "the site's id" },
	{ "site.jurisdiction", TYPE_TEXT, NULL, false, get_site_text, SITE(jurisdiction), "kind of jurisdiction" },
	{ "site.administrative_code", TYPE_TEXT, NULL, false, get_site_text, SITE(administrative_code), "administrative code" },
	{ "method", TYPE_TEXT, NULL, false, get_method, 0, "mains, overhead, R_M1 or R_M2" },
	{ "simulated", TYPE_TRUTH, NULL, false, get_simulated, 0, "data of a simulator" },
	{ "approved_rate", TYPE_NUMBER, "yuan", false, get_rate, 0, "rate per rack set by the authority" },
	RACKS("installed", installed, get_count, "physical racks installed"),
	RACKS("in_use", in_use, get_count, "physical racks in use"),
	RACKS("metered", metered, get_count, "racks with measured energy"),
	RACKS("standard", standard_milli, get_standard, "standard racks: rated power by that of a standard rack"),
	RACKS("unknown", unknown, get_count, "racks whose function is not known"),
	RACKS("compute", by_function[FUNCTION_COMPUTE], get_count, "compute racks"),
	RACKS("storage", by_function[FUNCTION_STORAGE], get_count, "storage racks"),
	RACKS("network", by_function[FUNCTION_NETWORK], get_count, "network racks"),
	RACKS("other", by_function[FUNCTION_OTHER], get_count, "racks of another function"),
	RACKS("empty", by_function[FUNCTION_EMPTY], get_count, "empty racks"),
	{ "rated_power", TYPE_NUMBER, "kW", false, get_count, FACTS(racks.rated_mw), "sum of the racks' rated power" },
	SHARE("c1", SHARE_C1, "compute racks over IT racks"),
	SHARE("c2", SHARE_C2, "rated power of compute racks over that of IT racks"),
	SHARE("c3", SHARE_C3, "measured energy of compute racks over IT energy"),
	SHARE("c5", SHARE_C5, "installed nominal power of compute over IT"),
	ROLE("supply", ROLE_SUPPLY, "energy from the grid"), ROLE("pv", ROLE_PV, "energy of own photovoltaics"), ROLE("generator", ROLE_GENERATOR, "energy of own generators"),
	ROLE("fuel", ROLE_FUEL, "energy of fuel, converted"), ROLE("heat", ROLE_HEAT, "cold or heat bought, converted"), ROLE("export", ROLE_EXPORT, "energy sold back"),
	ROLE("other_use", ROLE_OTHER_USE, "energy of other users of the building"), ROLE("cooling", ROLE_COOLING, "energy of meters with the role cooling"),
	ROLE("lighting", ROLE_LIGHTING, "energy of meters with the role lighting"), ROLE("other", ROLE_OTHER, "energy of meters with the role other"),
	ROLE("reuse", ROLE_REUSE, "energy reused outside"), ROLE("renewable", ROLE_RENEWABLE, "renewable energy"),
	POINT("ups_output", POINT_UPS_OUTPUT, "the UPS output"), POINT("pdu_output", POINT_PDU_OUTPUT, "the PDU output"), POINT("row_cabinet", POINT_ROW_CABINET, "row cabinets"),
	POINT("rack_inlet", POINT_RACK_INLET, "rack inlets"), POINT("rack_outlet", POINT_RACK_OUTLET, "rack outlets"), POINT("it_input", POINT_IT_INPUT, "the input of IT equipment"),
	{ "halls", TYPE_NUMBER, "", false, get_count, FACTS(selection.halls), "halls with IT energy" },
	{ "halls.pue_least", TYPE_NUMBER, "", false, get_hall, FACTS(selection.least), "energy of a hall over its IT energy, the hall with the least" },
	{ "halls.pue_most", TYPE_NUMBER, "", false, get_hall, FACTS(selection.most), "the same, the hall with the most" },
	{ "meters.counted", TYPE_NUMBER, "", false, get_count, FACTS(selection.meters), "meters of which total and IT energy are made" },
	{ "meters.class", TYPE_NUMBER, "%", false, get_limit, FACTS(selection.class_ppm), "accuracy class of the worst of them, as its limit of error (0.5S: 0.5 %)" },
	{ "meters.uncalibrated", TYPE_NUMBER, "", false, get_count, FACTS(selection.uncalibrated), "of them: without a calibration that held over the whole window" },
};
const size_t fact_row_count = countof(fact_rows);

static const struct fact_row *row_named(const char *name)
{
	for (size_t i = 0; i < fact_row_count; i++)
		if (strcmp(fact_rows[i].name, name) == 0)
			return &fact_rows[i];
	return NULL;
}

const struct fact_row *fact_find(const char *name, const char *const *windows, size_t n_windows, int *window)
{
	*window = -1;
	for (size_t i = 0; i < n_windows; i++) {
		size_t n = strlen(windows[i]);
		if (strncmp(name, windows[i], n) != 0 || name[n] != '.')
			continue;
		const struct fact_row *row = row_named(name + n + 1);
		*window = (int)i;
		return row && row->windowed ? row : NULL;
	}
	return row_named(name);
}

static struct fact_source source_of(const struct facts *f, const char *window, bool *found)
{
	*found = true;
	if (!window)
		return (struct fact_source){ f, &f->kpi, f->window_from, f->window_to };
	for (size_t i = 0; i < f->n_windows; i++)
		if (strcmp(f->windows[i].name, window) == 0)
			return (struct fact_source){ f, &f->windows[i].kpi, f->windows[i].from, f->windows[i].to };
	*found = false;
	return (struct fact_source){ 0 };
}

/* "racks" stands for the counts of racks a rule can ask for, "share" for every definition; else the name itself. */
bool fact_covers(const char *fact, const char *name)
{
	static const char *const counts[] = { "installed", "in_use", "metered", "standard" };
	size_t n = strlen(fact);
	if (strcmp(fact, name) == 0 || strncmp(name, fact, n) != 0 || name[n] != '.')
		return strcmp(fact, name) == 0;
	if (strcmp(fact, "racks") != 0)
		return strcmp(fact, "share") == 0;
	for (size_t i = 0; i < countof(counts); i++)
		if (strcmp(name + n + 1, counts[i]) == 0)
			return true;
	return false;
}

const char *fact_assumed(const struct facts *f, const char *name)
{
	for (size_t i = 0; i < f->n_assumptions; i++)
		if (fact_covers(f->assumptions[i].fact, name))
			return f->assumptions[i].value;
	return NULL;
}

bool fact_assumable(const char *fact)
{
	for (size_t i = 0; i < fact_row_count; i++)
		if (fact_covers(fact, fact_rows[i].name))
			return true;
	return false;
}

struct value fact_value(const struct facts *f, const struct fact_row *row, const char *window)
{
	bool found;
	struct fact_source s = source_of(f, window, &found);
	const char *assumed = window ? NULL : fact_assumed(f, row->name);
	if (assumed)
		return fact_assumed_value(row, assumed);
	return found ? row->get(&s, row) : value_unknown(row->type, window);
}

struct value fact_assumed_value(const struct fact_row *row, const char *text)
{
	static const char bad[] = "an assumption of another kind or unit than the fact";
	struct exact v;
	struct unit unit, want;
	struct date d;
	if (row->type == TYPE_TEXT)
		return value_text(text, NULL);
	if (row->type == TYPE_DATE)
		return date_parse(text, &d, NULL) ? value_date(d, bad) : value_unknown(TYPE_DATE, bad);
	if (row->type == TYPE_TRUTH)
		return value_truth(strcmp(text, "yes") == 0 ? TRUTH_YES : strcmp(text, "no") == 0 ? TRUTH_NO : TRUTH_UNKNOWN, bad);
	if (!exact_parse(text, &v, &unit) || !unit_parse(row->unit, &want) || !dim_equal(unit.dim, want.dim))
		return value_unknown(TYPE_NUMBER, bad);
	return value_number(v, v);
}
