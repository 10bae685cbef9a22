/* Every construct of a pack's language decides both ways, and neither way when what it asks for is not known or reaches over the limit. */
#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "rules/pack.h"

#include <stdlib.h>

static const char head[] =
	"format: 1\npack: construct\nversion: 1.0.0\npolicy: construct\nlevel: city\ntitle: {zh: 试, en: test}\nsource: {name: 试, status: S}\n"
	"validity: {from: 2026-01-01, events: [judged]}\nwindow: {kind: calendar_year}\n"
	"windows:\n  - {name: before, kind: preceding, months: 12}\n  - {name: part, kind: load_fraction, months: 12, load: 25 %, within: 5 %}\n"
	"figures:\n  - {id: limit, value: 70 %, source: 一, status: S, quote: 不低于70%}\n"
	"choices:\n  - {id: reading, title: {zh: 读法, en: reading}, default: a, options: [{id: a, title: {zh: 甲, en: a}}, {id: b, title: {zh: 乙, en: b}}]}\n"
	"statements:\n"
	"  - {id: said, title: {zh: 声明, en: said}, role: operator}\n"
	"  - {id: day, title: {zh: 日, en: day}, kind: date, role: operator}\n"
	"  - {id: sum, title: {zh: 额, en: sum}, kind: amount, unit: yuan, role: operator}\n"
	"  - {id: grade, title: {zh: 级, en: grade}, kind: text, role: operator}\n"
	"definitions:\n  defined: {mul: [share.c1.in.in, \"2\"]}\n"
	"criteria:\n  - id: it\n    title: {zh: 项, en: it}\n    quote: 不低于70%\n    locator: 一\n    test: ";
static const char facts[] = "\nfacts: {format: 1, site: {id: s-1}, judged: 2027-02-01, window: {from: 2026-01-01, to: 2026-12-31}}\nvectors:\n";

#define AT_LEAST(value, limit) "{compare: " value ", op: \">=\", word: 不低于, limit: " limit "}"
#define X "share.c1.in.in"
#define SHARE(lo, hi) "racks: {shares: [{id: c1, network: in, empty: in, lo: [" lo ", 100], hi: [" hi ", 100]}]}"
#define GOOD SHARE("70", "80")
#define BAD SHARE("60", "69")
#define OVER SHARE("60", "80")
#define SAID(what) "attestations: [{name: said, role: operator, signed: true, date: 2027-01-01, value: " what "}]"
#define STATED(name, what) "attestations: [{name: " name ", role: operator, signed: true, " what "}]"
#define KPI(what) "kpi: {kind: PUE, category: 2, total_mwh: 1250, it_mwh: 1000, " what "}"
#define WINDOW(name, total) "kpi: {kind: PUE, category: 2, total_mwh: 1250, it_mwh: 1000}, windows: [{name: " name ", from: 2025-01-01, to: 2025-12-31, kpi: {kind: PUE, category: 2, total_mwh: " total ", it_mwh: 1000}}]"
#define RACKS(what) "racks: {" what "}"
#define SELECT(what) KPI("") ", selection: {" what "}"
enum open { NONE, UNDER, LACKING };          /* what an interval over the limit comes to */

static const struct row { const char *name, *test, *good, *bad, *over; enum open open; } rows[] = {
	{ ">=", AT_LEAST(X, "limit"), GOOD, BAD, OVER, UNDER },
	{ ">", "{any: [" AT_LEAST(X, "100 %") ", {compare: " X ", op: \">\", word: \">\", limit: 69 %}]}", GOOD, BAD, OVER, UNDER },
	{ "not <", "{all: [{not: {compare: " X ", op: \"<\", word: 低于, limit: limit}}, " AT_LEAST(X, "0 %") "]}", GOOD, BAD, OVER, UNDER },
	{ "<=", "{all: [" AT_LEAST("1", "0") ", {compare: {sub: [100 %, " X "]}, op: \"<=\", limit: 30 %}]}", GOOD, BAD, OVER, UNDER },
	{ "all", "{all: [" AT_LEAST(X, "limit") ", " AT_LEAST(X, "10 %") "]}", GOOD, BAD, OVER, UNDER },
	{ "any", "{any: [" AT_LEAST(X, "limit") ", " AT_LEAST(X, "99 %") "]}", GOOD, BAD, OVER, UNDER },
	{ "k of n", "{at_least: 2, of: [" AT_LEAST(X, "limit") ", " AT_LEAST(X, "10 %") ", " AT_LEAST(X, "99 %") "]}", GOOD, BAD, OVER, UNDER },
	{ "count_true", AT_LEAST("{count_true: [" AT_LEAST(X, "limit") ", " AT_LEAST(X, "10 %") "]}", "2"), GOOD, BAD, OVER, UNDER },
	{ "add", AT_LEAST("{add: [" X ", 10 %]}", "80 %"), GOOD, BAD, OVER, UNDER },
	{ "sub", AT_LEAST("{sub: [" X ", 10 %]}", "60 %"), GOOD, BAD, OVER, UNDER },
	{ "mul, and a definition", AT_LEAST("defined", "140 %"), GOOD, BAD, OVER, UNDER },
	{ "div", AT_LEAST("{div: [" X ", \"2\"]}", "35 %"), GOOD, BAD, OVER, UNDER },
	{ "min", AT_LEAST("{min: [" X ", 90 %]}", "limit"), GOOD, BAD, OVER, UNDER },
	{ "max", AT_LEAST("{max: [" X ", 1 %]}", "limit"), GOOD, BAD, OVER, UNDER },
	{ "clamp", AT_LEAST("{clamp: [" X ", 1 %, 90 %]}", "limit"), GOOD, BAD, OVER, UNDER },
	{ "round", AT_LEAST("{round: " X ", to: 10 %, mode: down}", "limit"), GOOD, BAD, OVER, UNDER },
	{ "choose", AT_LEAST("{choose: reading, options: {a: " X ", b: {mul: [" X ", \"1\"]}}}", "limit"), GOOD, BAD, OVER, UNDER },
	{ "case", AT_LEAST("{case: [{when: " AT_LEAST(X, "limit") ", then: \"1\"}], else: \"0\"}", "1"), GOOD, BAD, OVER, LACKING },
	{ "step", AT_LEAST("{step: judged, rows: [{from: 2026-01-01, value: " X "}]}", "limit"), GOOD, BAD, OVER, UNDER },
	{ "piecewise", AT_LEAST("{piecewise: " X ", bands: [{upto: 50 %, rate: \"1\"}, {rate: \"2\"}]}", "0.9"), GOOD, BAD, OVER, UNDER },
	{ "class", "{all: [" AT_LEAST(X, "1 %") ", {is: {class: " X ", bands: [{upto: 70 %, closed: false, is: low}, {is: high}]}, one_of: [high]}]}", GOOD, BAD, OVER, LACKING },
	{ "a value a class", AT_LEAST("{class: " X ", bands: [{upto: 70 %, closed: false, value: \"0\"}, {value: \"1\"}]}", "1"), GOOD, BAD, OVER, LACKING },
	{ "a class whose border is not known", AT_LEAST("{class: 50 %, bands: [{upto: " X ", closed: false, value: \"1\"}, {value: \"0\"}]}", "1"), GOOD, SHARE("40", "50"), SHARE("40", "60"), LACKING },
	{ "lookup", AT_LEAST("{lookup: {class: " X ", bands: [{upto: 70 %, closed: false, is: low}, {is: high}]}, table: {low: \"0\", high: \"1\"}}", "1"), GOOD, BAD, OVER, LACKING },
	{ "weighted mean", AT_LEAST("{weighted_mean: [{value: " X ", weight: \"1\"}, {value: " X ", weight: \"3\"}]}", "limit"), GOOD, BAD, OVER, UNDER },
	/* dates, texts, statements: never an interval */
	{ "years", AT_LEAST("{years_between: [operation_start, judged]}", "10"), "site: {id: s-1, operation_start: 2017-02-01}", "site: {id: s-1, operation_start: 2017-02-02}", NULL, NONE },
	{ "days", AT_LEAST("{days_between: [applied, judged]}", "31"), "applied: 2027-01-01", "applied: 2027-01-02", NULL, NONE },
	{ "months after", "{compare: {months_after: [completed, \"12\"]}, op: \"<=\", word: \"<=\", limit: judged}", "completed: 2026-02-01", "completed: 2026-02-02", NULL, NONE },
	{ "a step by date", AT_LEAST("{step: applied, before: \"1\", rows: [{from: 2027-01-01, value: \"0\"}]}", "1"), "applied: 2026-12-31", "applied: 2027-01-01", NULL, NONE },
	{ "a yes", "said", SAID("\"yes\""), SAID("\"no\""), NULL, NONE },
	{ "a counted yes", AT_LEAST("{count_true: [said]}", "1"), SAID("\"yes\""), SAID("\"no\""), NULL, NONE },
	{ "points for a yes", AT_LEAST("{add: [{mul: [{count_true: [said]}, \"10\"]}, \"5\"]}", "15"), SAID("\"yes\""), SAID("\"no\""), NULL, NONE },
	{ "a day stated", "{compare: day, op: \">=\", word: 不低于, limit: 2026-05-01}", STATED("day", "date: 2026-05-01"), STATED("day", "date: 2026-04-30"), NULL, NONE },
	{ "an amount stated", AT_LEAST("sum", "1 万元"), STATED("sum", "date: 2027-01-01, amount: 10000 yuan"), STATED("sum", "date: 2027-01-01, amount: 9999.99 yuan"), NULL, NONE },
	{ "a text stated", "{is: grade, one_of: [a, b]}", STATED("grade", "date: 2027-01-01, text: b"), STATED("grade", "date: 2027-01-01, text: c"), NULL, NONE },
	/* windows */
	{ "the months before", AT_LEAST("{sub: [before.pue, pue]}", "0.05"), WINDOW("before", "1300"), WINDOW("before", "1299"), NULL, NONE },
	{ "at a load", "{compare: part.pue, op: \"<=\", word: \"<=\", limit: \"1.46\"}", WINDOW("part", "1460"), WINDOW("part", "1461"), NULL, NONE },
	{ "days of the window", AT_LEAST("window.days", "365"), "window: {from: 2026-01-01, to: 2026-12-31}", "window: {from: 2026-01-01, to: 2026-12-30}", "window: null", LACKING },
	/* selectors */
	{ "racks in use", AT_LEAST("racks.in_use", "5"), RACKS("in_use: 5"), RACKS("in_use: 4"), NULL, NONE },
	{ "racks in use, the minimum", AT_LEAST("racks_min.in_use", "5"), "racks_min: {in_use: 5}", "racks_min: {in_use: 4}", NULL, NONE },
	{ "standard racks", AT_LEAST("racks.standard", "1.5"), RACKS("standard_milli: 1500"), RACKS("standard_milli: 1499"), NULL, NONE },
	{ "racks of a function", AT_LEAST("racks.storage", "5"), RACKS("by_function: {storage: 5}"), RACKS("by_function: {storage: 4}"), NULL, NONE },
	{ "a meter role", AT_LEAST("energy.renewable", "5 kWh"), SELECT("role_mwh: {renewable: 5000000}"), SELECT("role_mwh: {renewable: 4999999}"), NULL, NONE },
	{ "a measuring point", AT_LEAST("it_energy.rack_inlet", "5 kWh"), SELECT("point_mwh: {rack_inlet: 5000000}"), SELECT("point_mwh: {rack_inlet: 4999999}"), NULL, NONE },
	{ "halls", "{compare: halls.pue_most, op: \"<\", word: 低于, limit: \"1.4\"}", SELECT("hall_most: {total_mwh: 1399, it_mwh: 1000}"), SELECT("hall_most: {total_mwh: 1400, it_mwh: 1000}"), NULL, NONE },
	/* quality and evidence */
	{ "category", AT_LEAST("category", "2"), KPI("findings: 0"), "kpi: {kind: PUE, category: 1, total_mwh: 1250, it_mwh: 1000}", NULL, NONE },
	{ "completeness", AT_LEAST("complete.energy.it", "99 %"), KPI("complete_energy_ppm: {it: 990000}"), KPI("complete_energy_ppm: {it: 989999}"), NULL, NONE },
	{ "class of the meters", "{compare: meters.class, op: \"<=\", word: \"<=\", limit: 0.5 %}", SELECT("class_ppm: 5000"), SELECT("class_ppm: 5001"), NULL, NONE },
	{ "calibration", "{compare: meters.uncalibrated, op: \"=\", word: \"=\", limit: \"0\"}", SELECT("uncalibrated: 0"), SELECT("uncalibrated: 1"), NULL, NONE },
	{ "PUE", "{compare: pue, op: \"<=\", word: \"<=\", limit: \"1.25\"}", KPI("findings: 0"), "kpi: {kind: PUE, category: 1, total_mwh: 1251, it_mwh: 1000}",
	  "kpi: {kind: PUE, category: 1, total_mwh: 1251, it_mwh: 0}", LACKING },
	{ "PUE and its uncertainty", "{compare: pue_guarded, op: \"<=\", word: \"<=\", limit: \"1.26\"}", KPI("u_ppm_rho0: 5000, u_ppm_rho1: 10000"), KPI("u_ppm_rho0: 5000, u_ppm_rho1: 10001"),
	  KPI("u_ppm_rho0: null"), LACKING },
};

/* A symbol as word must stand in the quote too: the criterion quotes it. */
static void quote(struct buf *text)
{
	char *at = strstr(text->data, "quote: 不低于70%\n");
	CLEANUP(buf_done) struct buf more = { 0 };
	assert_non_null(at);
	buf_add(&more, text->data, (size_t)(at - text->data));
	buf_str(&more, "quote: \"不低于70%、低于、> = < <= \"\n");
	buf_str(&more, at + strlen("quote: 不低于70%\n"));
	buf_reset(text);
	buf_add(text, more.data, more.len);
}

static void vector(struct buf *text, const char *name, const char *with, const char *verdict)
{
	buf_printf(text, "  - {name: %s, verdict: %s, facts: {format: 1, site: {id: s-1}, judged: 2027-02-01, window: {from: 2026-01-01, to: 2026-12-31}%s%s}}\n", name, verdict,
		   with ? ", " : "", with ? with : "");
}

/* A member given twice in a row's facts: the later one counts, so the plain one goes. */
static void without_doubles(struct buf *text)
{
	static const char *const twice[][2] = { { "site: {id: s-1}, ", "site: {id: s-1, " }, { "window: {from: 2026-01-01, to: 2026-12-31}, ", "window: {from: 2026-01-01, to: 2026-12-3" } };
	for (size_t i = 0; i < countof(twice); i++)
		for (char *at = text->data; (at = strstr(at, twice[i][0]));) {
			char *end = strchr(at, '\n'), *again = strstr(at + strlen(twice[i][0]), i ? "window: " : twice[i][1]);
			if (again && again < end)
				memset(at, ' ', strlen(twice[i][0]));
			else
				at++;
		}
}

static void test_rows(void **state)
{
	static const char *const over[] = { [NONE] = NULL, [UNDER] = "ELIGIBLE_UNDER", [LACKING] = "INSUFFICIENT_DATA" };
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		const struct row *r = &rows[i];
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		size_t run = 0, failed = 0;
		buf_printf(&text, "%s%s%s", head, r->test, facts);
		quote(&text);
		vector(&text, "good", r->good, "ELIGIBLE_ROBUST");
		vector(&text, "bad", r->bad, "NOT_ELIGIBLE");
		if (strcmp(r->name, "days of the window") != 0)
			vector(&text, "nothing known", NULL, "INSUFFICIENT_DATA");
		if (r->open != NONE)
			vector(&text, "over", r->over, over[r->open]);
		without_doubles(&text);
		const struct pack *p = pack_load(c, "construct.yaml", text.data, text.len, NULL);
		if (p)
			failed = pack_test(p, &report, &run);
		else
			conf_report(c, &report);
		if (!p || failed)
			fail_msg("%s:\n%s\n%s", r->name, report.data, p ? "" : text.data);
		conf_free(c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_rows) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
