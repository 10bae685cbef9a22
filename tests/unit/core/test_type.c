#include "tests/unit/test.h"
#include "core/decode.h"
#include "core/type.h"

#include <math.h>

/* ---- every type and order ---- */

static const struct row {
	const char *name, *type, *order;
	uint16_t words[4];
	bool good;
	int64_t integer;
	double real;
	enum reason why;
} rows[] = {
	{ "u16", "u16", "abcd", { 0xFFFE }, true, 65534 },
	{ "u16 with its bytes swapped", "u16", "badc", { 0x3412 }, true, 0x1234 },
	{ "u16 has no word order", "u16", "cdab", { 0x1234 }, true, 0x1234 },
	{ "i16 negative", "i16", "abcd", { 0xFFCD }, true, -51 },
	{ "u32 most significant first", "u32", "abcd", { 0x0012, 0xD687 }, true, 1234567 },
	{ "u32 least significant word first", "u32", "cdab", { 0xD687, 0x0012 }, true, 1234567 },
	{ "u32 bytes swapped", "u32", "badc", { 0x1200, 0x87D6 }, true, 1234567 },
	{ "u32 little endian", "u32", "dcba", { 0x87D6, 0x1200 }, true, 1234567 },
	{ "u32 above 2^31", "u32", "abcd", { 0xFFFF, 0xFFFE }, true, 4294967294 },
	{ "i32 negative", "i32", "abcd", { 0xFFFF, 0xFFFE }, true, -2 },
	{ "i32 LSW negative", "i32", "cdab", { 0xFFFE, 0xFFFF }, true, -2 },
	{ "u48", "u48", "abcd", { 0x0001, 0, 0 }, true, 4294967296 },
	{ "i48 negative", "i48", "abcd", { 0xFFFF, 0xFFFF, 0xFFFF }, true, -1 },
	{ "u64", "u64", "abcd", { 0, 1, 0, 0 }, true, 4294967296 },
	{ "u64 word swapped", "u64", "cdab", { 0, 0, 1, 0 }, true, 4294967296 },
	{ "i64 negative", "i64", "abcd", { 0xFFFF, 0xFFFF, 0xFFFF, 0xFFFE }, true, -2 },
	{ "i64 little endian", "i64", "dcba", { 0xFEFF, 0xFFFF, 0xFFFF, 0xFFFF }, true, -2 },
	{ "u64 halves swapped, spelled", "u64", "efghabcd", { 0, 0x0005, 0, 0x0001 }, true, 0x100000005 },
	{ "f32", "f32", "abcd", { 0x4366, 0x6666 }, true, 0, 230.39999389648438 },
	{ "f32 word swapped", "f32", "cdab", { 0x6666, 0x4366 }, true, 0, 230.39999389648438 },
	{ "f32 byte swapped", "f32", "badc", { 0x6643, 0x6666 }, true, 0, 230.39999389648438 },
	{ "f32 little endian", "f32", "dcba", { 0x6666, 0x6643 }, true, 0, 230.39999389648438 },
	{ "f32 not a number", "f32", "abcd", { 0x7FC0, 0 }, false, .why = REASON_NAN },
	{ "f32 infinity", "f32", "abcd", { 0xFF80, 0 }, false, .why = REASON_NAN },
	{ "f64", "f64", "abcd", { 0x405E, 0xDD2F, 0x1A9F, 0xBE77 }, true, 0, 123.456 },
	{ "f64 word swapped", "f64", "cdab", { 0xBE77, 0x1A9F, 0xDD2F, 0x405E }, true, 0, 123.456 },
	{ "f64 not a number", "f64", "abcd", { 0x7FF8, 0, 0, 0 }, false, .why = REASON_NAN },
	{ "bcd16", "bcd16", "abcd", { 0x1234 }, true, 1234 },
	{ "bcd32", "bcd32", "abcd", { 0x0012, 0x3456 }, true, 123456 },
	{ "bcd32 word swapped", "bcd32", "cdab", { 0x3456, 0x0012 }, true, 123456 },
	{ "bcd48", "bcd48", "abcd", { 0x0001, 0x2345, 0x6789 }, true, 123456789 },
	{ "bcd64", "bcd64", "abcd", { 0x1234, 0x5678, 0x9012, 0x3456 }, true, 1234567890123456 },
	{ "bcd with a hex digit", "bcd32", "abcd", { 0x00A2, 0x3456 }, false, .why = REASON_TYPE },
	{ "bcd all ones", "bcd32", "abcd", { 0xFFFF, 0xFFFF }, false, .why = REASON_SENTINEL },
	{ "mod10k32", "mod10k32", "abcd", { 1234, 5678 }, true, 12345678 },
	{ "mod10k32 low word first", "mod10k32", "cdab", { 5678, 1234 }, true, 12345678 },
	{ "mod10k48", "mod10k48", "abcd", { 1, 2, 3 }, true, 100020003 },
	{ "mod10k64", "mod10k64", "abcd", { 1, 0, 0, 1 }, true, 1000000000001 },
	{ "mod10k above 9999", "mod10k32", "abcd", { 10000, 0 }, false, .why = REASON_TYPE },
	{ "sign and magnitude", "sm16", "abcd", { 0x8005 }, true, -5 },
	{ "sign and magnitude 32", "sm32", "abcd", { 0x8000, 0x0005 }, true, -5 },
};

static void types_and_orders(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		struct coding c = { .type = type_find(r->type), .order_text = r->order, .bit_first = -1, .bit_last = -1 };
		struct number n;
		enum reason why = REASON_NONE;
		row_check(r, c.type != NULL);
		row_check(r, coding_resolve(&c));
		row_check(r, coding_decode(&c, r->words, &n, &why) == r->good);
		if (!r->good)
			row_check(r, why == r->why);
		else if (n.kind == NUMBER_REAL)
			row_check(r, n.real == r->real);
		else
			row_check(r, n.integer == r->integer);
	}
}

/* A row of the types' table without a row here would be a type nobody tested. */
static void every_type_has_a_row(void **state)
{
	(void)state;
	for (const struct type_row *t = types; t->name; t++) {
		bool seen = !strcmp(t->name, "string") || !strcmp(t->name, "bit");
		for (size_t i = 0; i < countof(rows); i++)
			seen |= !strcmp(rows[i].type, t->name);
		if (!seen)
			fail_msg("type %s has no row", t->name);
	}
}

static const struct order_row { const char *name, *type, *order; bool good; } order_rows[] = {
	{ "four letters fit eight bytes by name", "f64", "cdab", true }, { "a letter twice", "u32", "aabc", false },
	{ "too few letters", "u64", "abdc", false }, { "unknown letter", "u32", "abcx", false }, { "spelled", "u32", "bdac", true },
};

static void orders(void **state)
{
	(void)state;
	for (const struct order_row *r = order_rows; r < order_rows + countof(order_rows); r++) {
		struct coding c = { .type = type_find(r->type), .order_text = r->order, .bit_first = -1, .bit_last = -1 };
		row_check(r, coding_resolve(&c) == r->good);
	}
}

static void bits_and_strings(void **state)
{
	(void)state;
	struct coding bit = { .type = type_find("u16"), .bit_first = 3, .bit_last = 3 }, field = { .type = type_find("u16"), .bit_first = 8, .bit_last = 11 };
	struct coding text = { .type = type_find("string"), .words = 4, .bit_first = -1, .bit_last = -1 };
	struct number n;
	enum reason why;
	uint16_t word = 0x0A08, letters[] = { 0x414D, 0x3330, 0x3020, 0 };
	assert_true(coding_resolve(&bit) && coding_resolve(&field) && coding_resolve(&text));
	assert_true(coding_decode(&bit, &word, &n, &why) && n.integer == 1);
	assert_true(coding_decode(&field, &word, &n, &why) && n.integer == 10);
	assert_true(coding_decode(&text, letters, &n, &why));
	assert_string_equal(n.text, "AM300");
	text.order_text = "badc";
	uint16_t swapped[] = { 0x4D41, 0x3033, 0x2030, 0 };
	assert_true(coding_resolve(&text) && coding_decode(&text, swapped, &n, &why));
	assert_string_equal(n.text, "AM300");
}

/* A float of an SNMP agent that is none, or has no end. */
static void floats_that_are_none(void **state)
{
	(void)state;
	struct coding c = { .bit_first = -1, .bit_last = -1 };
	const double bad[] = { NAN, INFINITY, -INFINITY };
	for (size_t i = 0; i < countof(bad); i++) {
		struct var v = { .type = i ? VAR_OPAQUE_FLOAT : VAR_OPAQUE_DOUBLE, .real = bad[i] };
		struct number n;
		enum reason why = REASON_NONE;
		assert_false(coding_decode_var(&c, &v, &n, &why));
		assert_int_equal(why, REASON_NAN);
	}
}

/* ---- numbers in text ---- */

static const struct text_row { const char *name, *text; bool good; int64_t num, den; const char *rest; } text_rows[] = {
	{ "with unit", "28.5 C", true, 57, 2, "C" }, { "negative", "-3", true, -3, 1, "" }, { "comma", "29,6 %RH", true, 148, 5, "%RH" },
	{ "spaces", "  7  kW ", true, 7, 1, "kW " }, { "no number", "n/a", false, 0, 0, NULL }, { "empty", "", false, 0, 0, NULL },
	{ "sign alone", "-", false, 0, 0, NULL }, { "thousands are not guessed", "1.234.5", true, 617, 500, ".5" },
	{ "a thousand or one and a quarter", "1,250 kWh", false, 0, 0, NULL }, { "the same below zero", "-12,345", false, 0, 0, NULL },
	{ "below one", "0,125 A", true, 1, 8, "A" }, { "two digits behind", "1,25 A", true, 5, 4, "A" }, { "too long for thousands", "12345,678", true, 6172839, 500, "" },
	{ "a point is a point", "1.250", true, 5, 4, "" }, { "point at the end", "5.", true, 5, 1, "." }, { "forty digits", "1234567890123456789012345678901234567890", false, 0, 0, NULL },
};

static void text_numbers(void **state)
{
	(void)state;
	for (const struct text_row *r = text_rows; r < text_rows + countof(text_rows); r++) {
		struct ratio v;
		const char *rest;
		row_check(r, text_number(r->text, &v, &rest) == r->good);
		if (r->good)
			row_check(r, v.num == r->num && v.den == r->den && !strcmp(rest, r->rest));
	}
}

/* ---- units and exact arithmetic ---- */

static const struct unit_case { const char *name; enum quantity q; const char *unit; int64_t raw, value; bool good; } unit_cases[] = {
	{ "hundredths are the profile's, kW the unit's", Q_ACTIVE_POWER, "kW", 114, 114000000, true },
	{ "kVA is not power", Q_ACTIVE_POWER, "kVA", 1, 0, false }, { "Fahrenheit", Q_TEMPERATURE, "degF", 212, 100000, true },
	{ "Fahrenheit below zero", Q_TEMPERATURE, "degF", -40, -40000, true }, { "Kelvin", Q_TEMPERATURE, "K", 300, 26850, true },
	{ "joule", Q_ENERGY, "J", 3600000, 1000000, true }, { "gallons", Q_FLOW, "gpm", 100, 378541, true },
	{ "litres a second", Q_FLOW, "l/s", 1, 60000, true }, { "per mille of percent", Q_LOAD, "%", 27, 27000, true },
	{ "cubic metres an hour", Q_AIRFLOW, "m3/h", 1699, 999994, true },
};

static void units_convert(void **state)
{
	(void)state;
	for (const struct unit_case *r = unit_cases; r < unit_cases + countof(unit_cases); r++) {
		struct ratio f;
		int64_t offset, v;
		row_check(r, unit_factor(r->q, r->unit, &f, &offset) == r->good);
		if (!r->good)
			continue;
		row_check(r, mul_div(r->raw, f.num, f.den, &v));
		row_check(r, v + offset >= r->value - 1 && v + offset <= r->value + 1);
	}
}

static const struct div_row { const char *name; int64_t a, b, c, out; bool good; } div_rows[] = {
	{ "exact", 6, 7, 2, 21, true }, { "half to even down", 5, 1, 2, 2, true }, { "half to even up", 7, 1, 2, 4, true },
	{ "negative half", -5, 1, 2, -2, true }, { "negative", -7, 1, 3, -2, true }, { "wide product", INT64_MAX, INT64_MAX, INT64_MAX, INT64_MAX, true },
	{ "overflow", INT64_MAX, 2, 1, 0, false }, { "division by zero", 1, 1, 0, 0, false }, { "smallest", INT64_MIN, 1, 1, INT64_MIN, true },
	{ "smallest halved", INT64_MIN, 1, 2, INT64_MIN / 2, true }, { "smallest, sign turned", INT64_MIN, 1, -1, 0, false },
	{ "product just inside 64 bits", 3037000499, 3037000499, 10, 922337203092624900, true }, { "product just outside", 3037000500, 3037000500, 10, 922337203700025000, true },
	{ "negative divisor", 7, 1, -2, -4, true }, { "half of the largest divisor", INT64_MAX / 2, 1, INT64_MAX - 1, 0, true },
};

static void exact_division(void **state)
{
	(void)state;
	for (const struct div_row *r = div_rows; r < div_rows + countof(div_rows); r++) {
		int64_t out = 42;
		row_check(r, mul_div(r->a, r->b, r->c, &out) == r->good);
		row_check(r, out == (r->good ? r->out : 42));
	}
}

static const struct shown_row { const char *name; enum quantity q; int64_t value; struct ratio count; const char *text; } shown_rows[] = {
	{ "power", Q_ACTIVE_POWER, 1140000, { 1, 1 }, "1140" }, { "fraction", Q_CURRENT, 680, { 1, 1 }, "0.68" },
	{ "negative", Q_ACTIVE_POWER, -4000, { 1, 1 }, "-4" }, { "energy in counts of 0.1 kWh", Q_ENERGY, 35128, { 100000, 1 }, "3512.8" },
	{ "energy in counts of 1 Wh", Q_ENERGY, 8185493, { 1000, 1 }, "8185.493" }, { "a third", Q_ENERGY, 1, { 1000000, 3 }, "0.333333333" },
	{ "minutes", Q_BATTERY_RUNTIME, 544 * 60000, { 1, 1 }, "544" }, { "zero", Q_VOLTAGE, 0, { 1, 1 }, "0" },
	{ "two thirds round up", Q_ENERGY, 2, { 1000000, 3 }, "0.666666667" },
};

static void values_are_shown(void **state)
{
	(void)state;
	for (const struct shown_row *r = shown_rows; r < shown_rows + countof(shown_rows); r++) {
		CLEANUP(buf_done) struct buf b = { 0 };
		quantity_text(r->q, r->value, r->count, &b);
		row_check(r, b.data && !strcmp(b.data, r->text));
	}
}

static void alternatives_mark_the_plausible(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf b = { 0 };
	const uint16_t words[] = { 0x6666, 0x4366, 0, 0 };       /* 230.4 V as a word-swapped float */
	decode_alternatives(words, 2, Q_VOLTAGE, &b);
	assert_non_null(strstr(b.data, "f32       cdab  230.4   <- plausible"));
	assert_null(strstr(b.data, "f32       abcd  2.720083e+23   <- plausible"));
	assert_null(strstr(b.data, "f64"));
}

static void globs(void **state)
{
	static const struct { const char *pattern, *text; bool good; } g[] = {
		{ "*UPS2000*", "SNMP Card for HUAWEI UPS2000", true }, { "pued-sim*", "PUED-SIM x", true }, { "a?c", "abc", true },
		{ "a*c*", "abcabd", true }, { "a*c", "abcabd", false }, { "", "", true }, { "", "x", false }, { "*", "", true }, { "abc", "ab", false } };
	(void)state;
	for (size_t i = 0; i < countof(g); i++)
		if (glob_match(g[i].pattern, g[i].text) != g[i].good)
			fail_msg("glob %s against %s", g[i].pattern, g[i].text);
}

static void tests_of_a_sibling(void **state)
{
	static const struct number text = { .kind = NUMBER_TEXT, .text = "PDU-Slave 2" }, seven = { .kind = NUMBER_INTEGER, .integer = 7 };
	static const struct { const char *name; struct test t; const struct number *n; bool holds; } t[] = {
		{ "matches", { .matches = "pdu*" }, &text, true }, { "matches another", { .matches = "ups*" }, &text, false },
		{ "must not match and does", { .not_matches = "*slave*" }, &text, false }, { "must not match and does not", { .not_matches = "*master*" }, &text, true },
		{ "both", { .matches = "pdu*", .not_matches = "*slave*" }, &text, false }, { "a number is no text", { .not_matches = "*7*" }, &seven, true },
		{ "nothing there", { .not_matches = "*slave*" }, NULL, false }, { "nothing there, optional", { .not_matches = "*slave*", .optional = true }, NULL, true },
		{ "equals", { .equals = "7" }, &seven, true }, { "not", { .not_equals = "7" }, &seven, false } };
	(void)state;
	for (size_t i = 0; i < countof(t); i++)
		if (test_holds(&t[i].t, t[i].n) != t[i].holds)
			fail_msg("%s", t[i].name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(types_and_orders), cmocka_unit_test(every_type_has_a_row), cmocka_unit_test(orders), cmocka_unit_test(bits_and_strings), cmocka_unit_test(floats_that_are_none),
		cmocka_unit_test(text_numbers), cmocka_unit_test(units_convert), cmocka_unit_test(exact_division), cmocka_unit_test(values_are_shown),
		cmocka_unit_test(alternatives_mark_the_plausible), cmocka_unit_test(globs), cmocka_unit_test(tests_of_a_sibling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
