#include "tests/unit/test.h"
#include "rules/value.h"

static const struct text_row { const char *name, *value, *limit; int digits; const char *text; } text_rows[] = {
	{ "plain", "1.243", "1.25", 3, "1.243" },
	{ "one mWh under the limit never prints as the limit", "1249999999/1000000000", "1.25", 3, "1.249999999" },
	{ "two digits", "1.2449", "1.25", 2, "1.24" },
	{ "exactly the limit", "1.25", "1.25", 3, "1.250" },
	{ "just above", "1.2500001", "1.25", 3, "1.2500001" },
	{ "half to even, down", "1.0005", NULL, 3, "1.000" },
	{ "half to even, up", "1.0015", NULL, 3, "1.002" },
	{ "above the half", "1.00051", NULL, 3, "1.001" },
	{ "a share", "76 %", "70 %", -1, "76 %" },
	{ "a third", "1/3", NULL, -1, "0.333" },
	{ "negative", "-0.5", NULL, -1, "-0.5" },
	{ "negative rounds to even", "-1.0005", NULL, 3, "-1.000" },
	{ "short decimals are whole", "1.25", NULL, -1, "1.25" },
	{ "money", "0.2 yuan/kW.h", NULL, -1, "0.2 yuan/kW.h" },
	{ "zero", "0", NULL, 0, "0" },
	{ "nearer than digits tell", "1250000000000000001/1000000000000000000", "1.25", 3, "1.250000000000000001" },
};

static struct exact number(const char *text, struct unit *unit)
{
	struct exact v;
	const char *slash = strchr(text, '/');
	struct ratio r;
	if (slash && !strchr(text, ' ')) {
		if (!ratio_parse(text, &r))
			fail_msg("%s", text);
		unit_parse("", unit);
		return exact_ratio(r);
	}
	if (!exact_parse(text, &v, unit))
		fail_msg("%s", text);
	return v;
}

static void prints_on_the_right_side(void **state)
{
	(void)state;
	for (const struct text_row *r = text_rows; r < text_rows + countof(text_rows); r++) {
		struct unit unit, other;
		char text[80];
		struct exact v = number(r->value, &unit), limit = r->limit ? number(r->limit, &other) : v;
		exact_text(v, &unit, r->limit ? &limit : NULL, r->digits, text, sizeof text);
		if (strcmp(text, r->text) != 0)
			fail_msg("row \"%s\": %s", r->name, text);
	}
}

static const struct unit_case { const char *name, *text; bool good; int64_t num, den; } unit_cases[] = {
	{ "energy", "5 GWh", true, 5000000000000, 1 }, { "energy, UCUM", "5 GW.h", true, 5000000000000, 1 }, { "money", "1000 yuan", true, 100000, 1 },
	{ "Chinese", "100 万元", true, 100000000, 1 },	{ "price", "0.2 yuan/kW.h", true, 20, 1000000 }, { "per tce", "1200 yuan/tce", true, 120000, 1000000 },
	{ "percent", "70 %", true, 7, 10 },		{ "no blank", "70%", true, 7, 10 },		  { "unknown unit", "5 furlong", false, 0, 0 },
	{ "no number", "yuan", false, 0, 0 },		{ "empty", "", false, 0, 0 },			  { "two units", "5 yuan/kW.h/x", false, 0, 0 },
	{ "exponent", "1e3 W", true, 1000000, 1 },
};

static void reads_units(void **state)
{
	(void)state;
	for (const struct unit_case *r = unit_cases; r < unit_cases + countof(unit_cases); r++) {
		struct exact v;
		struct unit unit;
		row_check(r, exact_parse(r->text, &v, &unit) == r->good);
		if (r->good)
			row_check(r, exact_compare(v, exact_ratio((struct ratio){ r->num, r->den })) == 0);
	}
}

static uint64_t next(uint64_t *seed)
{
	*seed = *seed * 6364136223846793005ULL + 1442695040888963407ULL;
	return *seed >> 16;
}

/* Laws, on seeded fractions: what the compiler's 128 bits say where they suffice. */
static void arithmetic_is_exact(void **state)
{
	(void)state;
	uint64_t seed = 1;
	for (int i = 0; i < 100000; i++) {
		int64_t n[4];
		for (int k = 0; k < 4; k++)
			n[k] = (int64_t)(next(&seed) % 2000001) - 1000000;
		if (n[1] == 0 || n[3] == 0)
			continue;
		struct exact a = exact_ratio((struct ratio){ n[0], n[1] }), b = exact_ratio((struct ratio){ n[2], n[3] }), sum, back, product, quotient;
		assert_true(exact_add(a, b, &sum) && exact_sub(sum, b, &back) && exact_compare(back, a) == 0);
		assert_true(exact_mul(a, b, &product));
		if (b.num) {
			assert_true(exact_div(product, b, &quotient) && exact_compare(quotient, a) == 0);
		} else {
			assert_false(exact_div(product, b, &quotient));
		}
		__int128 left = (__int128)n[0] * n[3], right = (__int128)n[2] * n[1];
		int sign = (n[1] < 0) != (n[3] < 0) ? -1 : 1;
		assert_int_equal(exact_compare(a, b), sign * ((left > right) - (left < right)));
		assert_true(a.den > 0 && sum.den > 0 && product.den > 0);
	}
}

static void what_does_not_fit_is_said(void **state)
{
	(void)state;
	struct exact big = exact_int(INT64_MAX), out;
	assert_true(exact_mul(big, big, &out));
	assert_false(exact_mul(out, out, &out));
	struct value v = value_number(out, out), product = value_mul(v, v);
	assert_false(value_mul(product, product).known);
	assert_non_null(value_mul(product, product).missing);
	assert_false(value_div(value_int(1), value_int(0)).known);
	assert_string_equal(value_div(value_int(1), value_int(0)).missing, "a division by zero");
	assert_false(value_div(value_int(1), value_number(exact_int(-1), exact_int(1))).known);
}

static const struct compare_row { const char *name; int alo, ahi; bool open; enum comparison op; int blo; enum truth result; bool straddles; } compare_rows[] = {
	{ "below", 1, 2, false, CMP_LT, 3, TRUTH_YES, false },		  { "touches", 1, 3, false, CMP_LT, 3, TRUTH_UNKNOWN, true },
	{ "equal is not below", 3, 3, false, CMP_LT, 3, TRUTH_NO, false }, { "above", 4, 5, false, CMP_LT, 3, TRUTH_NO, false },
	{ "at most", 1, 3, false, CMP_LE, 3, TRUTH_YES, false },	  { "at least", 3, 9, false, CMP_GE, 3, TRUTH_YES, false },
	{ "more than", 3, 9, false, CMP_GT, 3, TRUTH_UNKNOWN, true },	  { "open, above already", 3, 3, true, CMP_LT, 3, TRUTH_NO, false },
	{ "open, not yet above", 2, 2, true, CMP_LT, 3, TRUTH_UNKNOWN, false }, { "open, at least", 3, 3, true, CMP_GE, 3, TRUTH_YES, false },
	{ "equal", 3, 3, false, CMP_EQ, 3, TRUTH_YES, false },		  { "may be equal", 2, 4, false, CMP_EQ, 3, TRUTH_UNKNOWN, true },
	{ "not equal", 4, 5, false, CMP_NE, 3, TRUTH_YES, false },
};

static void intervals_compare_in_three_values(void **state)
{
	(void)state;
	for (const struct compare_row *r = compare_rows; r < compare_rows + countof(compare_rows); r++) {
		struct value a = value_number(exact_int(r->alo), exact_int(r->ahi));
		a.open = r->open;
		struct value v = value_compare(a, r->op, value_int(r->blo));
		row_check(r, v.truth == r->result);
		row_check(r, v.straddles == r->straddles);
	}
}

static void k_of_n_in_three_values(void **state)
{
	(void)state;
	const enum truth all[] = { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };
	for (int i = 0; i < 27; i++) {
		struct value v[3];
		size_t yes = 0, unknown = 0;
		for (int k = 0, rest = i; k < 3; k++, rest /= 3) {
			v[k] = value_truth(all[rest % 3], "x");
			yes += all[rest % 3] == TRUTH_YES;
			unknown += all[rest % 3] == TRUTH_UNKNOWN;
		}
		for (size_t k = 1; k <= 3; k++) {
			enum truth want = yes >= k ? TRUTH_YES : yes + unknown < k ? TRUTH_NO : TRUTH_UNKNOWN;
			assert_int_equal(value_at_least(v, 3, k).truth, want);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prints_on_the_right_side),  cmocka_unit_test(reads_units),
		cmocka_unit_test(arithmetic_is_exact),	     cmocka_unit_test(what_does_not_fit_is_said),
		cmocka_unit_test(intervals_compare_in_three_values), cmocka_unit_test(k_of_n_in_three_values),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
