#include "rules/value.h"

#include <string.h>

const char *const value_type_names[] = { "number", "truth", "date", "text" };
const char *const comparison_names[CMP_COUNT] = { "<", "<=", ">", ">=", "=", "!=" };

static const char too_large[] = "a number too large to compute with";
static const char by_zero[] = "a division by zero";

struct value value_unknown(enum value_type type, const char *missing)
{
	return (struct value){ .type = type, .truth = TRUTH_UNKNOWN, .missing = missing };
}

struct value value_number(struct exact lo, struct exact hi)
{
	return (struct value){ .type = TYPE_NUMBER, .known = true, .lo = lo, .hi = hi };
}

struct value value_int(int64_t v)
{
	return value_number(exact_int(v), exact_int(v));
}

struct value value_truth(enum truth t, const char *missing)
{
	return (struct value){ .type = TYPE_TRUTH, .known = t != TRUTH_UNKNOWN, .truth = t, .missing = t == TRUTH_UNKNOWN ? missing : NULL };
}

struct value value_date(struct date d, const char *missing)
{
	return d.year == 0 ? value_unknown(TYPE_DATE, missing) : (struct value){ .type = TYPE_DATE, .known = true, .date = d };
}

struct value value_text(const char *text, const char *missing)
{
	return text ? (struct value){ .type = TYPE_TEXT, .known = true, .text = text } : value_unknown(TYPE_TEXT, missing);
}

static bool either_unknown(struct value a, struct value b, struct value *out)
{
	if (a.known && b.known)
		return false;
	*out = value_unknown(TYPE_NUMBER, a.known ? b.missing : a.missing);
	return true;
}

/* A number whose ends depend on what is not known carries the name of it along. */
static struct value carry(struct value out, struct value a, struct value b)
{
	if (out.known && !out.missing)
		out.missing = a.missing ? a.missing : b.missing;
	return out;
}

static struct value add(struct value a, struct value b)
{
	struct value out;
	if (either_unknown(a, b, &out))
		return out;
	out = value_number(a.lo, a.hi);
	out.open = a.open || b.open;
	if (!exact_add(a.lo, b.lo, &out.lo) || (!out.open && !exact_add(a.hi, b.hi, &out.hi)))
		return value_unknown(TYPE_NUMBER, too_large);
	return out;
}

static struct value sub(struct value a, struct value b)
{
	struct value out;
	if (either_unknown(a, b, &out))
		return out;
	if (b.open)
		return value_unknown(TYPE_NUMBER, "a difference with something that has no upper bound");
	out = value_number(a.lo, a.hi);
	out.open = a.open;
	if (!exact_sub(a.lo, b.hi, &out.lo) || (!out.open && !exact_sub(a.hi, b.lo, &out.hi)))
		return value_unknown(TYPE_NUMBER, too_large);
	return out;
}

static struct exact least(struct exact a, struct exact b)
{
	return exact_compare(a, b) <= 0 ? a : b;
}

static struct exact most(struct exact a, struct exact b)
{
	return exact_compare(a, b) >= 0 ? a : b;
}

/* The four corner products (or quotients) bound the result. */
static struct value corners(struct value a, struct value b, bool (*op)(struct exact, struct exact, struct exact *))
{
	struct exact c[4];
	if (!op(a.lo, b.lo, &c[0]) || !op(a.lo, b.hi, &c[1]) || !op(a.hi, b.lo, &c[2]) || !op(a.hi, b.hi, &c[3]))
		return value_unknown(TYPE_NUMBER, too_large);
	return value_number(least(least(c[0], c[1]), least(c[2], c[3])), most(most(c[0], c[1]), most(c[2], c[3])));
}

static struct value mul(struct value a, struct value b)
{
	struct value out;
	if (either_unknown(a, b, &out))
		return out;
	if (a.open || b.open)
		return value_unknown(TYPE_NUMBER, "a product with something that has no upper bound");
	return corners(a, b, exact_mul);
}

static struct value quotient(struct value a, struct value b)
{
	struct value out;
	const struct exact zero = { 0, 1 };
	if (either_unknown(a, b, &out))
		return out;
	if (a.open || b.open)
		return value_unknown(TYPE_NUMBER, "a quotient with something that has no upper bound");
	if (exact_compare(b.lo, zero) <= 0 && exact_compare(b.hi, zero) >= 0)
		return value_unknown(TYPE_NUMBER, by_zero);
	return corners(a, b, exact_div);
}

static struct value lesser(struct value a, struct value b)
{
	struct value out;
	if (either_unknown(a, b, &out))
		return out;
	out = value_number(least(a.lo, b.lo), a.open ? b.hi : b.open ? a.hi : least(a.hi, b.hi));
	out.open = a.open && b.open;
	return out;
}

static struct value greater(struct value a, struct value b)
{
	struct value out;
	if (either_unknown(a, b, &out))
		return out;
	out = value_number(most(a.lo, b.lo), most(a.hi, b.hi));
	out.open = a.open || b.open;
	return out;
}

struct value value_add(struct value a, struct value b) { return carry(add(a, b), a, b); }
struct value value_sub(struct value a, struct value b) { return carry(sub(a, b), a, b); }
struct value value_mul(struct value a, struct value b) { return carry(mul(a, b), a, b); }
struct value value_div(struct value a, struct value b) { return carry(quotient(a, b), a, b); }
struct value value_min(struct value a, struct value b) { return carry(lesser(a, b), a, b); }
struct value value_max(struct value a, struct value b) { return carry(greater(a, b), a, b); }

struct value value_round(struct value v, struct exact step, enum rounding mode)
{
	if (!v.known)
		return v;
	if (!exact_round(v.lo, step, mode, &v.lo) || (!v.open && !exact_round(v.hi, step, mode, &v.hi)))
		return value_unknown(TYPE_NUMBER, too_large);
	return v;
}

/* Order of two intervals: is every a below (resp. not above) every b? */
static bool all_below(struct value a, struct value b, bool strict)
{
	return !a.open && exact_compare(a.hi, b.lo) < (strict ? 0 : 1);
}

static struct value decided(bool yes, bool no)
{
	struct value v = value_truth(yes ? TRUTH_YES : no ? TRUTH_NO : TRUTH_UNKNOWN, "an interval reaches over the limit");
	v.straddles = !yes && !no;
	return v;
}

static struct value compare_numbers(struct value a, enum comparison op, struct value b)
{
	bool below = all_below(a, b, true), at_most = all_below(a, b, false), above = all_below(b, a, true), at_least = all_below(b, a, false);
	bool equal = at_most && at_least;
	struct value out = op == CMP_LT ? decided(below, at_least) : op == CMP_LE ? decided(at_most, above)
			   : op == CMP_GT ? decided(above, at_most) : op == CMP_GE ? decided(at_least, below)
			   : op == CMP_EQ ? decided(equal, below || above) : decided(below || above, equal);
	if (out.straddles && (a.open || b.open)) {
		out.straddles = false;
		out.missing = "the uncertainty is not stated";
	} else if (out.straddles && (a.missing || b.missing)) {
		/* not a range that was measured: something is lacking, and nothing may be assumed about it */
		out.straddles = false;
		out.missing = a.missing ? a.missing : b.missing;
	}
	return out;
}

static struct value compare_order(int order, enum comparison op)
{
	const bool results[CMP_COUNT] = { order < 0, order <= 0, order > 0, order >= 0, order == 0, order != 0 };
	return value_truth(results[op] ? TRUTH_YES : TRUTH_NO, NULL);
}

struct value value_compare(struct value a, enum comparison op, struct value b)
{
	if (!a.known || !b.known)
		return value_unknown(TYPE_TRUTH, a.known ? b.missing : a.missing);
	if (a.type == TYPE_NUMBER)
		return compare_numbers(a, op, b);
	if (a.type == TYPE_DATE)
		return compare_order(date_compare(a.date, b.date), op);
	if (a.type == TYPE_TEXT)
		return compare_order(strcmp(a.text, b.text), op);
	return compare_order((a.truth == TRUTH_YES) - (b.truth == TRUTH_YES), op);
}

struct value value_not(struct value a)
{
	if (a.truth != TRUTH_UNKNOWN)
		a.truth = a.truth == TRUTH_YES ? TRUTH_NO : TRUTH_YES;
	return a;
}

struct value value_at_least(const struct value *v, size_t n, size_t k)
{
	size_t yes = 0, unknown = 0;
	struct value out = value_truth(TRUTH_NO, NULL);
	bool straddles = true;
	const char *missing = NULL;
	for (size_t i = 0; i < n; i++) {
		yes += v[i].truth == TRUTH_YES;
		if (v[i].truth != TRUTH_UNKNOWN)
			continue;
		unknown++;
		straddles = straddles && v[i].straddles;
		if (!missing || !v[i].straddles)
			missing = v[i].missing;
	}
	if (yes >= k)
		return value_truth(TRUTH_YES, NULL);
	if (yes + unknown < k)
		return out;
	out = value_unknown(TYPE_TRUTH, missing);
	out.straddles = straddles;
	return out;
}
