#include "tests/unit/test.h"
#include "core/conf.h"

struct pet { const char *name; int64_t legs, poll_ms, power_mw; int kind; bool tame, tame_seen; struct ratio scale; struct conf_vec toys; struct date born; };

static const struct conf_name kinds[] = { { "cat", 1 }, { "dog", 2 }, { "hamster", 3 }, { NULL } };
static const struct conf_range leg_range = { 0, 8 };
static const struct conf_list toys = { conf_text, sizeof(const char *), NULL, 0, 2 };
static const struct conf_field pet_fields[] = {
	{ "name", conf_id, offsetof(struct pet, name), CONF_REQUIRED },
	{ "kind", conf_enum, offsetof(struct pet, kind), CONF_REQUIRED, kinds },
	{ "legs", conf_int, offsetof(struct pet, legs), 0, &leg_range },
	{ "poll", conf_duration_ms, offsetof(struct pet, poll_ms) },
	{ "power", conf_power_mw, offsetof(struct pet, power_mw) },
	{ "scale", conf_ratio, offsetof(struct pet, scale) },
	{ "tame", conf_bool, offsetof(struct pet, tame), 0, NULL, CONF_SEEN(struct pet, tame_seen) },
	{ "toys", conf_list_of, offsetof(struct pet, toys), 0, &toys },
	{ "born", conf_date, offsetof(struct pet, born) },
	{ NULL }
};
static const struct conf_list pets = { conf_struct, sizeof(struct pet), pet_fields, 1, 0 };
struct home { struct conf_vec pets; };
static const struct conf_field home_fields[] = { { "pets", conf_list_of, offsetof(struct home, pets), CONF_REQUIRED, &pets }, { NULL } };

static void reads_all_types(void **state)
{
	(void)state;
	static const char text[] =
		"pets:\n"
		"  - {name: tom, kind: cat, legs: 0x4, poll: 1.5s, power: 2.5 kW, scale: 0.01, tame: false, toys: [no, ball], born: 2020-02-29}\n";
	struct conf *c = conf_new();
	struct home h = { 0 };
	const struct conf_node *root = conf_parse(c, "pets.yaml", text, sizeof text - 1);
	assert_true(conf_struct(c, root, &h, home_fields));
	assert_true(conf_ok(c, NULL));
	const struct pet *p = h.pets.items;
	assert_int_equal(h.pets.n, 1);
	assert_string_equal(p->name, "tom");
	assert_int_equal(p->kind, 1);
	assert_int_equal(p->legs, 4);
	assert_int_equal(p->poll_ms, 1500);
	assert_int_equal(p->power_mw, 2500000);
	assert_true(p->scale.num == 1 && p->scale.den == 100);
	assert_true(!p->tame && p->tame_seen);
	assert_string_equal(((const char **)p->toys.items)[0], "no");   /* stays a text */
	conf_free(c);
}

static const struct bad_row { const char *name, *text, *report; } bad_rows[] = {
	{ "typo of a key", "pets:\n  - {nme: tom, kind: cat}\n",
	  "p.yaml:2:5: key 'name' is missing in pets[0]; add it\np.yaml:2:6: unknown key 'nme' in pets[0]; did you mean 'name'?\n" },
	{ "typo of a value", "pets: [{name: tom, kind: hamstr}]\n", "p.yaml:1:26: 'hamstr' is not known for pets[0].kind; did you mean 'hamster'?\n" },
	{ "far from any value", "pets: [{name: tom, kind: elephant}]\n", "p.yaml:1:26: 'elephant' is not known for pets[0].kind; use one of cat, dog, hamster\n" },
	{ "all at once", "pets: [{name: 'a b', kind: cat, legs: 9}]\n",
	  "p.yaml:1:15: 'a b' is not an id; use 1 to 64 of A-Z a-z 0-9 . _ -\np.yaml:1:39: '9' is outside 0..8\n" },
	{ "duplicate key", "pets: [{name: a, name: b, kind: cat}]\n", "p.yaml:1:18: key 'name' stands here twice (first in line 1); remove one\n" },
	{ "bare duration", "pets: [{name: a, kind: cat, poll: 5}]\n", "p.yaml:1:35: '5' is not a duration; write a number and ms, s, m, h or d, such as 5s\n" },
	{ "power without unit", "pets: [{name: a, kind: cat, power: 5}]\n", "p.yaml:1:36: '5' is not a power; write a number and W, kW or MW, such as 2.5 kW\n" },
	{ "inexact power", "pets: [{name: a, kind: cat, power: 1/3 W}]\n", "p.yaml:1:36: '1/3 W' is not a power; write a number and W, kW or MW, such as 2.5 kW\n" },
	{ "yes is no bool", "pets: [{name: a, kind: cat, tame: yes}]\n", "p.yaml:1:35: 'yes' is not true or false\n" },
	{ "value missing", "pets:\n  - name: a\n    kind:\n", "p.yaml:3:5: key 'kind' in pets[0] has no value; write one or remove the line\n" },
	{ "alias", "pets: [&x {name: a, kind: cat}, *x]\n", "p.yaml:1:8: aliases (*name) are not read; write the value out\n" },
	{ "list too long", "pets: [{name: a, kind: cat, toys: [a, b, c]}]\n", "p.yaml:1:35: pets[0].toys has 3 entries; it may have at most 2\n" },
	{ "not a list", "pets: {name: a}\n", "p.yaml:1:7: pets must be a list ('- ...' lines or [a, b])\n" },
	{ "empty list", "pets: []\n", "p.yaml:1:7: pets has 0 entries; it needs at least 1\n" },
	{ "two documents", "pets: [{name: a, kind: cat}]\n---\npets: []\n", "p.yaml:3:1: a second document starts here; keep one document in a file\n" },
	{ "empty file", "", "p.yaml:1:1: the file is empty\n" },
	{ "not YAML", "pets: [\n", "p.yaml:2:1: not YAML: while parsing a flow node: did not find expected node content; check indentation (spaces, no tabs) and quotes\n" },
	{ "control characters are not echoed", "pets: [{name: \"a\\x1b[2J\", kind: cat}]\n", "p.yaml:1:15: 'a?[2J' is not an id; use 1 to 64 of A-Z a-z 0-9 . _ -\n" },
};

static void says_what_is_wrong(void **state)
{
	(void)state;
	for (const struct bad_row *r = bad_rows; r < bad_rows + countof(bad_rows); r++) {
		struct conf *c = conf_new();
		struct home h = { 0 };
		struct buf report = { 0 };
		const struct conf_node *root = conf_parse(c, "p.yaml", r->text, strlen(r->text));
		if (root)
			conf_struct(c, root, &h, home_fields);
		conf_report(c, &report);
		if (strcmp(report.data ? report.data : "", r->report))
			fail_msg("row \"%s\": got\n%s", r->name, report.data);
		buf_done(&report);
		conf_free(c);
	}
}

static void too_deep_is_refused(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	struct buf text = { 0 };
	for (int i = 0; i < 500; i++)
		buf_str(&text, "[");
	for (int i = 0; i < 500; i++)
		buf_str(&text, "]");
	assert_null(conf_parse(c, "deep.yaml", text.data, text.len));
	assert_int_equal(conf_problem_count(c), 1);
	buf_done(&text);
	conf_free(c);
}

static const struct ratio_row { const char *name; bool good; int64_t num, den; } ratio_rows[] = {
	{ "0.01", true, 1, 100 }, { "1e-3", true, 1, 1000 }, { "12.50", true, 25, 2 }, { "-4", true, -4, 1 }, { "1/3", true, 1, 3 },
	{ "4/8", true, 1, 2 }, { "2E3", true, 2000, 1 }, { ".5", true, 1, 2 }, { "0", true, 0, 1 }, { "", false, 0, 0 }, { "1/0", false, 0, 0 },
	{ "1.2.3", false, 0, 0 }, { "abc", false, 0, 0 }, { "1e99", false, 0, 0 }, { "99999999999999999999", false, 0, 0 }, { "0x10", false, 0, 0 },
};

static void ratios(void **state)
{
	(void)state;
	for (const struct ratio_row *r = ratio_rows; r < ratio_rows + countof(ratio_rows); r++) {
		struct ratio v;
		row_check(r, ratio_parse(r->name, &v) == r->good);
		if (r->good)
			row_check(r, v.num == r->num && v.den == r->den);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads_all_types), cmocka_unit_test(says_what_is_wrong),
					    cmocka_unit_test(too_deep_is_refused), cmocka_unit_test(ratios) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
