/* What people get wrong when they write a pack: each slip, and what is said about it - place, cause, next step, all at once.
 * The base is city.yaml, the example of docs/writing-a-pack.md.  Argument: that file. */
#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "rules/pack.h"

#include <stdlib.h>

static struct buf base;

/* `from` in the base becomes `to`; from NULL: `to` is the whole file. */
static const struct slip { const char *name, *from, *to, *said; } slips[] = {
	{ "a key that is not known", "level: city",
	  "level: city\nmayor: nobody",
	  "city.yaml:6:1: unknown key 'mayor' in the file; remove it or see docs/writing-a-pack.md for the keys\n" },
	{ "a misspelt key", "criteria:",
	  "critera:",
	  "city.yaml:1:1: key 'criteria' is missing in the file; add it\n"
	  "city.yaml:41:1: unknown key 'critera' in the file; did you mean 'criteria'?\n" },
	{ "a misspelt key beside an operator", "word: 低于",
	  "wrod: 低于",
	  "city.yaml:47:35: unknown key 'wrod' beside 'compare'; did you mean 'word'?\n" },
	{ "a misspelt operator", "{compare: pue, op: \"<\", word: 低于",
	  "{comapre: pue, op: \"<\", word: 低于",
	  "city.yaml:47:12: 'comapre' is no operator; did you mean 'compare'?\n" },
	{ "racks compared with power", "limit: rack_limit",
	  "limit: 500 kW",
	  "city.yaml:52:61: a plain number and one in kW do not measure the same; bring both to one unit (docs/writing-a-pack.md lists them)\n" },
	{ "99 for 99 %", "limit: 99 %",
	  "limit: \"99\"",
	  "city.yaml:37:116: the fact is a share, at most 1 (100 %), and the limit is more; with a percent sign: 99 %, not 99\n" },
	{ "money without its unit", "value: 500000 yuan",
	  "value: \"500000\"",
	  "city.yaml:57:8: 'yuan' is needed here, this is in 'plain numbers'\n" },
	{ "the cap as a bare number", "cap: cap\n",
	  "cap: \"500000\"\n",
	  "city.yaml:57:8: 'yuan' is needed here, this is in 'plain numbers'\n" },
	{ "a division by zero", "reservations:\n",
	  "definitions: {z: {div: [\"1\", \"0\"]}}\nreservations:\n",
	  "city.yaml:38:30: a division by zero: this is always 0; divide by what is not\n" },
	{ "a choice that is not there", "compare: racks.$count",
	  "compare: racks.$counts",
	  "city.yaml:52:21: 'racks.$counts': an unknown choice behind '$'\n" },
	{ "a selector without its role", "limit: rack_limit",
	  "limit: energy.",
	  "city.yaml:52:61: 'energy.' is no fact, figure, definition or statement; did you mean 'energy.pv'?\n" },
	{ "a word that means the other operator", "word: 低于, limit",
	  "word: 不低于, limit",
	  "city.yaml:47:41: '不低于' means >=, not <; correct the operator or the word\n" },
	{ "a comparison without its word", "word: 低于, limit",
	  "limit",
	  "city.yaml:47:11: no comparison here carries a `word` that stands in the quote as a word of its own; the quote says '低于', which means <: write op: \"<\", word: 低于\n" },
	{ "a figure without a source", "source: 第三条, status: S, quote: PUE低于1.3",
	  "status: S, quote: PUE低于1.3",
	  "city.yaml:14:5: key 'source' is missing in figures[0]; add it\n" },
	{ "a source that is empty", "source: 第三条, status: S, quote: PUE低于1.3",
	  "source: \"\", status: S, quote: PUE低于1.3",
	  "city.yaml:14:43: a figure needs a source\n" },
	{ "a status that is none", "status: S, quote: PUE低于1.3",
	  "status: read, quote: PUE低于1.3",
	  "city.yaml:14:56: 'read' is no status; S (text read), P:n (public material), M (measured), D (decided here), m+ or m? (not verified)\n" },
	{ "the end before the beginning", "until: 2028-12-31",
	  "until: 2025-12-31",
	  "city.yaml:9:37: the validity ends before it begins; exchange `from` and `until`, or correct one\n" },
	{ "a date in another form", "until: 2028-12-31",
	  "until: 2028/12/31",
	  "city.yaml:9:37: '2028/12/31' is not a date; write YYYY-MM-DD\n" },
	{ "a day that is none", "until: 2028-12-31",
	  "until: 2028-02-30",
	  "city.yaml:9:37: '2028-02-30' is not a date; write YYYY-MM-DD\n" },
	{ "two criteria of one id", "- id: racks\n",
	  "- id: pue\n",
	  "city.yaml:48:9: criterion 'pue' stands twice (first in line 42); give one another id\n" },
	{ "two figures of one id", "id: rack_limit",
	  "id: pue_limit",
	  "city.yaml:15:10: figure 'pue_limit' stands twice (first in line 14); give one another id\n"
	  "city.yaml:52:61: 'rack_limit' is no fact, figure, definition or statement; did you mean 'rate_limit'?\n" },
	{ "a tab", "  - id: pue\n",
	  "	- id: pue\n",
	  "city.yaml:42:1: not YAML: while scanning for the next token: found character that cannot start any token; check indentation (spaces, no tabs) and quotes\n" },
	{ "a key twice", "level: city",
	  "level: city\nlevel: city",
	  "city.yaml:6:1: key 'level' stands here twice (first in line 5); remove one\n" },
	{ "an operator without quotes", "op: \">\", word: 超过",
	  "op: >, word: 超过",
	  "city.yaml:52:39: not YAML: while scanning for the next token: found character that cannot start any token; check indentation (spaces, no tabs) and quotes\n" },
	{ "the word as the operator, and the operator twice", "word: 超过",
	  "op: 大于",
	  "city.yaml:52:11: no comparison here carries a `word` that stands in the quote as a word of its own; the quote says '超过', which means >: write op: \">\", word: 超过\n"
	  "city.yaml:52:44: key 'op' stands here twice (first in line 52); remove one\n" },
	{ "a misspelt verdict", "verdict: NOT_ELIGIBLE, reasons: [pue]",
	  "verdict: NOT_ELIGABLE, reasons: [pue]",
	  "city.yaml:73:72: 'NOT_ELIGABLE' is no verdict; did you mean 'NOT_ELIGIBLE'?\n" },
	{ "a window of no kind", "kind: rolling",
	  "kind: monthly",
	  "city.yaml:11:16: 'monthly' is not known for window.kind; use one of rolling, calendar_year, since, snapshot, preceding, load_fraction\n" },
	{ "a window that is not asked for", "compare: pue,",
	  "compare: before.pue,",
	  "city.yaml:47:21: 'before' is no window of this pack; add it: windows: [{name: before, kind: preceding, months: 12}]\n" },
	{ "energy compared with power", "compare: complete.energy.total, op: \">=\", limit: 99 %",
	  "compare: it_energy, op: \">=\", limit: rated_power",
	  "city.yaml:37:104: a number in kW.h and one in kW do not measure the same; bring both to one unit (docs/writing-a-pack.md lists them)\n" },
	{ "a case without else", "], else: rate_limit}",
	  "]}",
	  "city.yaml:55:9: `else` is missing: what holds when no row does; rules are total\n" },
	{ "steps out of order", "limit: pue_limit}",
	  "limit: {step: judged, rows: [{from: 2027-01-01, value: \"1.3\"}, {from: 2026-01-01, value: \"1.2\"}]}}",
	  "city.yaml:47:108: the rows must ascend by day\n" },
	{ "bands out of order", "rate: {case: [{when: {known: approved_rate}, then: approved_rate}], else: rate_limit}",
	  "rate: {piecewise: racks.installed, bands: [{upto: \"20\", rate: 1 yuan}, {upto: \"10\", rate: 2 yuan}]}",
	  "city.yaml:55:81: the borders must ascend\n" },
	{ "definitions in a circle", "sufficiency:\n",
	  "definitions:\n  a: {add: [b, \"1\"]}\n  b: {add: [a, \"1\"]}\nsufficiency:\n",
	  "city.yaml:36:13: definition 'b' stands below or is this one; a definition sees only those above it: move it up, without a circle\n" },
	{ "a definition by itself", "sufficiency:\n",
	  "definitions:\n  a: {add: [a, \"1\"]}\nsufficiency:\n",
	  "city.yaml:36:13: definition 'a' stands below or is this one; a definition sees only those above it: move it up, without a circle\n" },
	{ "a definition with the name of a fact", "sufficiency:\n",
	  "definitions:\n  pue: {add: [it_energy, it_energy]}\nsufficiency:\n",
	  "city.yaml:36:3: definition 'pue' has the name of a fact; give it another\n"
	  "city.yaml:49:52: a number in kW.h and a plain number do not measure the same; bring both to one unit (docs/writing-a-pack.md lists them)\n" },
	{ "a definition with the name of a figure", "sufficiency:\n",
	  "definitions:\n  cap: {add: [it_energy, it_energy]}\nsufficiency:\n",
	  "city.yaml:36:3: definition 'cap' has the name of a figure; give it another\n" },
	{ "nested too deep", "test: pue_defined",
	  "test: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: {not: pue_defined}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}}",
	  "city.yaml:36:442: nested deeper than 64 levels; flatten it\n" },
	{ "a pack of another format", "format: 1\npack",
	  "format: 2\npack",
	  "city.yaml:1:9: pack format '2' is not known here, which reads format 1; use a newer pued or an older pack\n" },
	{ "no pack", "format: 1\npack",
	  "pack",
	  "city.yaml:1:1: this is no policy pack: key 'format' is missing; a pack begins with the line `format: 1`\n" },
	{ "shares of more than all", "amount:\n",
	  "split: {by: site.jurisdiction, rows: [{key: city, shares: [{who: city, title: {zh: 市, en: c}, share: 60 %}, {who: d, title: {zh: 市, en: c}, share: 50 %}], odd_to: city}], else: unspecified}\namount:\n",
	  "city.yaml:54:39: the shares of split row 'city' do not add up to 1 (100 %); correct one of them\n" },
	{ "three of two", "limit: rack_limit}",
	  "limit: rack_limit}\ndecide: {at_least: 3, of: [pue, racks]}",
	  "city.yaml:53:9: more conditions are asked for than there are\n" },
	{ "a criterion that is none", "limit: rack_limit}",
	  "limit: rack_limit}\ndecide: {all: [pue, rack]}",
	  "city.yaml:53:21: 'rack' is no criterion; did you mean 'racks'?\n" },
	{ "two slips in one line", "op: \"<\", word: 低于",
	  "op: \"=<\", wrod: 低于",
	  "city.yaml:47:30: `op` must be one of \"<\", \"<=\", \">\", \">=\", \"=\", \"!=\" (quoted); the policy's word goes into `word`\n"
	  "city.yaml:47:36: unknown key 'wrod' beside 'compare'; did you mean 'word'?\n" },
	{ "a unit that is none", "id: pue_limit, value: \"1.3\"",
	  "id: pue_limit, value: \"1.3 kV\"",
	  "city.yaml:14:28: '1.3 kV' is no number with a known unit; write for example 1.25, 70 %, 1000 yuan, 2.5 kW or 0.2 yuan/kW.h\n" },
	{ "a decimal comma", "value: \"1.3\"",
	  "value: 1,3",
	  "city.yaml:14:30: unknown key '3' in figures[0]; a comma separates here: write 0.1, not 0,1\n" },
	{ "an empty file", NULL,
	  "",
	  "city.yaml:1:1: the file is empty\n" },
	{ "超过 inside 不超过", "quote: 机架数超过500架\n    locator: 第三条\n    test: {compare: racks.$count, op: \">\", word: 超过",
	  "quote: 机架数不超过500架\n    locator: 第三条\n    test: {compare: racks.$count, op: \">\", word: 超过",
	  "city.yaml:52:11: no comparison here carries a `word` that stands in the quote as a word of its own; the quote says '不超过', which means <=: write op: \"<=\", word: 不超过\n" },
	{ "a word behind a negation", "quote: PUE低于1.3\n    locator: 第三条\n    digits",
	  "quote: PUE不应低于1.3\n    locator: 第三条\n    digits",
	  "city.yaml:47:11: no comparison here carries a `word` that stands in the quote, and the quote has none that is known; quote the words that compare\n" },
	{ "a full-width colon", "    digits: 3",
	  "    digits：3",
	  "city.yaml:46:11: a full-width colon stands behind this key; write ': ', the half-width colon and a space\n"
	  "city.yaml:47:5: not YAML: while scanning a simple key: could not find expected ':'; check indentation (spaces, no tabs) and quotes\n" },
	{ "an alias", "limit: pue_limit}",
	  "limit: &a pue_limit}\n    how: *a",
	  "city.yaml:47:52: aliases (*name) are not read; write the value out\n" },
	{ "a figure that is none", "  cap: cap\n",
	  "  cap: kap\n",
	  "city.yaml:57:8: 'kap' is no fact, figure, definition or statement; did you mean 'cap'?\n" },
	{ "an amount without its unit, an output that is none", "verdict: ELIGIBLE_ROBUST, amount: 480000 yuan",
	  "verdict: ELIGIBLE_ROBUST, amount: 480000, outputs: {class: A}",
	  "city.yaml:72:58: '480000' is no amount of money; write for example 500000 yuan\n"
	  "city.yaml:72:76: 'class' is none of the outputs\n" },
	{ "facts and figures that are none", "requires: [applied]",
	  "requires: [aplied]\nstandard_rack: rack",
	  "city.yaml:33:12: requires: 'aplied' is no fact; did you mean 'applied'?\n"
	  "city.yaml:34:16: 'rack' is no figure; add it: figures: - {id: rack, value: 2.5 kW, source: ..., status: ...}\n" },
	{ "a criterion asked for by a criterion", "test: {compare: pue, op",
	  "test: {holds: racks}\n    x: {compare: pue, op",
	  "city.yaml:47:11: `holds` asks for a criterion, which only `amount` and `outputs` can: they stand behind the criteria\n"
	  "city.yaml:48:5: unknown key 'x' in criteria[0]; remove it or see docs/writing-a-pack.md for the keys\n" },
	{ "a default that is none", "default: installed",
	  "default: instaled",
	  "city.yaml:22:14: the default is none of the options; name one of their ids\n" },
	{ "an event that is none", "events: [applied]",
	  "events: [aplied]",
	  "city.yaml:9:58: validity.events: 'aplied' is none of completed, applied, window.from, window.to, judged\n" },
	{ "kilometres", "limit: 99 %",
	  "limit: 99 km",
	  "city.yaml:37:116: '99 km' is no number with a known unit; write for example 1.25, 70 %, 1000 yuan or 0.2 yuan/kW.h (docs/writing-a-pack.md lists the units)\n" },
	{ "further windows of no use", "requires: [applied]",
	  "windows: [{name: before, kind: calendar_year}, {name: load, kind: load_fraction, months: 12, load: 25}]\nrequires: [applied]",
	  "city.yaml:33:32: a further window is `preceding` (the months before the main one) or `load_fraction`\n"
	  "city.yaml:33:48: a window at a load needs `load: 25 %` and `within: 5 %`: IT power over the racks' rated power, and how far from it\n"
	  "city.yaml:33:100: '25' is no share between 0 and 1\n" },	{ "a text with a comma, not in quotes", "source: {name: ", "source: {name: 试行,修订, x: ",
	  "city.yaml:7:19: unknown key '修订' in source; a comma separates here: put the whole text into double quotes\n"
	  "city.yaml:7:23: unknown key 'x' in source; remove it or see docs/writing-a-pack.md for the keys\n" },
	{ "known, as a criterion", "test: {compare: pue, op: \"<\", word: 低于, limit: pue_limit}", "test: {known: pue}",
	  "city.yaml:47:11: `known` makes a yes or a no of what is lacking; a criterion stays undecided then: what must be known goes into `requires`, a `required` statement or `sufficiency`\n" },
};

/* Slips that load: the vectors tell them. */
static const struct slip wrong_vectors[] = {
	{ "a vector whose verdict is wrong", "kpi/total_mwh: 1300}, verdict: NOT_ELIGIBLE, reasons: [pue]", "kpi/total_mwh: 1300}, verdict: ELIGIBLE_ROBUST",
	  "city.yaml:73:5: vector \"exactly the PUE limit\": the verdict is NOT_ELIGIBLE, not ELIGIBLE_ROBUST; 'pue'\n" },
	{ "an amount that is wrong", "amount: 480000 yuan", "amount: 480000.01 yuan", "city.yaml:72:5: vector \"all is met\": the amount is 48000000 fen, not 480000.01 yuan\n" },
	{ "a reason that is wrong", "1300}, verdict: NOT_ELIGIBLE, reasons: [pue]", "1300}, verdict: NOT_ELIGIBLE, reasons: [racks]",
	  "city.yaml:73:5: vector \"exactly the PUE limit\": reasons are 'pue'\n" },
	{ "a place in the facts that is none", "set: {kpi/total_mwh: 1300}", "set: {kpi/totl_mwh: 1300}",
	  "city.yaml:73:5: vector \"exactly the PUE limit\": facts: /kpi: unknown member 'totl_mwh'\n" },
	{ "an edited threshold", "value: \"1.3\"", "value: \"1.299\"", "city.yaml:74:5: vector \"just below it\": the verdict is NOT_ELIGIBLE, not ELIGIBLE_ROBUST; 'pue'\n" },
};

static void text_with(const struct slip *s, struct buf *out)
{
	const char *at = s->from ? strstr(base.data, s->from) : NULL;
	if (!s->from) {
		buf_str(out, s->to);
		return;
	}
	assert_non_null(at);
	buf_add(out, base.data, (size_t)(at - base.data));
	buf_str(out, s->to);
	buf_str(out, at + strlen(s->from));
}

static void test_slips(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(slips); i++) {
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		text_with(&slips[i], &text);
		assert_null(pack_load(c, "city.yaml", text.data ? text.data : "", text.len, NULL));
		conf_report(c, &report);
		if (strcmp(report.data, slips[i].said) != 0)
			fail_msg("%s:\n%s", slips[i].name, report.data);
		conf_free(c);
	}
}

static void test_wrong_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(wrong_vectors); i++) {
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		struct conf *c = conf_new();
		size_t run;
		text_with(&wrong_vectors[i], &text);
		const struct pack *p = pack_load(c, "city.yaml", text.data, text.len, NULL);
		assert_non_null(p);
		assert_int_not_equal(pack_test(p, &report, &run), 0);
		if (!strstr(report.data, wrong_vectors[i].said))
			fail_msg("%s:\n%s", wrong_vectors[i].name, report.data);
		conf_free(c);
	}
}

/* The base itself is sound, so that each row above tells its own slip. */
static void test_base(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf report = { 0 };
	struct conf *c = conf_new();
	size_t run;
	const struct pack *p = pack_load(c, "city.yaml", base.data, base.len, NULL);
	assert_non_null(p);
	assert_int_equal(pack_test(p, &report, &run), 0);
	assert_int_equal(run, 8);
	conf_free(c);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_base), cmocka_unit_test(test_slips), cmocka_unit_test(test_wrong_vectors) };
	if (argc != 2 || !kit_file(argv[1], &base))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buf_done(&base);
	return failed;
}
