#include "tests/unit/test.h"
#include "core/csv.h"

/* Cells are shown as [a|b] with their columns where a row asks for them. */
static void show(const struct conf_node *rows, bool places, struct buf *out)
{
	for (size_t i = 0; i < conf_count(rows); i++) {
		const struct conf_node *row = conf_item(rows, i);
		for (size_t k = 0; k < conf_count(row); k++) {
			struct conf_place p = conf_place(conf_item(row, k));
			buf_printf(out, "%s%s", k ? "|" : "[", conf_scalar(conf_item(row, k)) ?: "");
			if (places)
				buf_printf(out, "@%d:%d", p.line, p.column);
		}
		buf_str(out, "]");
	}
}

static const struct good_row { const char *name, *text, *shown; bool places; } good_rows[] = {
	{ "plain", "a,b\n1,2\n", "[a|b][1|2]" },
	{ "CR LF, no last line end", "a,b\r\n1,2", "[a|b][1|2]" },
	{ "byte-order mark", "\xEF\xBB\xBF" "a\n1\n", "[a][1]" },
	{ "quotes", "a,b\n\"x, \"\"y\"\"\",\"two\nlines\"\n", "[a|b][x, \"y\"|two\nlines]" },
	{ "empty cells", "a,b,c\n,,3\n", "[a|b|c][||3]" },
	{ "short row", "a,b,c\n1\n", "[a|b|c][1]" },
	{ "padded row", "a\n1,,,\n", "[a][1]" },
	{ "empty lines", "a\n\n  \n,\n1\n", "[a][1]" },
	{ "semicolons", "a;b\n1,5;2\n", "[a|b][1,5|2]" },
	{ "tabs", "a\tb\n1\t2\n", "[a|b][1|2]" },
	{ "blanks around cells", "a , b\n  1  ,\" 2 \" \n", "[a|b][1| 2 ]" },
	{ "a quote inside a plain cell is text", "a\n3\" disk\n", "[a][3\" disk]" },
	{ "places count characters", "机房,b,c\n甲乙,\"x\ny\",z\n", "[机房@1:1|b@1:4|c@1:6][甲乙@2:1|x\ny@2:4|z@3:4]", true },
};

static void reads(void **state)
{
	(void)state;
	for (const struct good_row *r = good_rows; r < good_rows + countof(good_rows); r++) {
		struct conf *c = conf_new();
		struct buf shown = { 0 }, report = { 0 };
		const struct conf_node *rows = csv_parse(c, "t.csv", r->text, strlen(r->text));
		conf_report(c, &report);
		if (!rows)
			fail_msg("row \"%s\": %s", r->name, report.data);
		show(rows, r->places, &shown);
		if (strcmp(shown.data, r->shown))
			fail_msg("row \"%s\": got %s", r->name, shown.data);
		buf_done(&shown);
		buf_done(&report);
		conf_free(c);
	}
}

static const struct bad_row { const char *name, *text, *report; } bad_rows[] = {
	{ "empty", "", "t.csv:1:1: the file is empty; the first line names the columns\n" },
	{ "only blank lines", "\n\n", "t.csv:3:1: the file is empty; the first line names the columns\n" },
	{ "GBK", "a,\xBB\xFA\xB7\xBF\n", "t.csv:1:3: byte 0xbb is no UTF-8; save the sheet as 'CSV UTF-8'\n" },
	{ "truncated UTF-8", "a\n\xE6\x9C", "t.csv:2:1: byte 0xe6 is no UTF-8; save the sheet as 'CSV UTF-8'\n" },
	{ "open quote", "a,b\n1,\"2\n", "t.csv:2:3: this quote is never closed; close it, or double a quote that is text\n" },
	{ "text behind a quote", "a\n\"1\"2\n", "t.csv:2:4: text behind a closing quote; put the whole cell into quotes and double the quotes inside\n" },
	{ "long row", "a,b\n1,2,3\n", "t.csv:2:5: cell 3 of a row, but the header names 2 columns; quote a text that holds ','\n" },
};

static void refuses(void **state)
{
	(void)state;
	for (const struct bad_row *r = bad_rows; r < bad_rows + countof(bad_rows); r++) {
		struct conf *c = conf_new();
		struct buf report = { 0 };
		if (csv_parse(c, "t.csv", r->text, strlen(r->text)))
			fail_msg("row \"%s\": accepted", r->name);
		conf_report(c, &report);
		if (strcmp(report.data, r->report))
			fail_msg("row \"%s\": got\n%s", r->name, report.data);
		buf_done(&report);
		conf_free(c);
	}
}

static void nul_is_refused(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	assert_null(csv_parse(c, "t.csv", "a\0b\n", 4));
	assert_int_equal(conf_problem_count(c), 1);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(reads), cmocka_unit_test(refuses), cmocka_unit_test(nul_is_refused) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
