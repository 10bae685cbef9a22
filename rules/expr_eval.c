#include "rules/language.h"

#include <string.h>

enum { ARGS_MAX = 64 };

static struct value arg(const struct expr *e, size_t i, const struct env *env)
{
	return expr_value(e->args[i], env);
}

struct value eval_literal(const struct expr *e, const struct env *env)
{
	(void)env;
	return e->literal;
}

/* Place of a reading among those of the choices in `mask`. */
static size_t reading_index(const struct env *env, uint32_t mask)
{
	size_t index = 0;
	for (size_t i = 0; i < env->pack->choices.n; i++)
		if (mask >> i & 1)
			index = index * ROWS(struct choice, env->pack->choices)[i].options.n + env->option[i];
	return index;
}

bool reading_next(const struct pack *p, uint32_t mask, uint8_t *option)
{
	for (size_t i = p->choices.n; i-- > 0;) {
		if (!(mask >> i & 1))
			continue;
		if (++option[i] < ROWS(struct choice, p->choices)[i].options.n)
			return true;
		option[i] = 0;
	}
	return false;
}

struct value eval_fact(const struct expr *e, const struct env *env)
{
	const struct fact_ref *ref = &e->refs[reading_index(env, e->choices)];
	return fact_value(env->facts, ref->row, ref->window);
}

static struct value fold(const struct expr *e, const struct env *env, struct value (*op)(struct value, struct value))
{
	struct value v = arg(e, 0, env);
	for (size_t i = 1; i < e->n; i++)
		v = op(v, arg(e, i, env));
	return v;
}

struct value eval_add(const struct expr *e, const struct env *env) { return fold(e, env, value_add); }
struct value eval_sub(const struct expr *e, const struct env *env) { return fold(e, env, value_sub); }
struct value eval_mul(const struct expr *e, const struct env *env) { return fold(e, env, value_mul); }
struct value eval_div(const struct expr *e, const struct env *env) { return fold(e, env, value_div); }
struct value eval_min(const struct expr *e, const struct env *env) { return fold(e, env, value_min); }
struct value eval_max(const struct expr *e, const struct env *env) { return fold(e, env, value_max); }

struct value eval_clamp(const struct expr *e, const struct env *env)
{
	return value_min(value_max(arg(e, 0, env), arg(e, 1, env)), arg(e, 2, env));
}

struct value eval_round(const struct expr *e, const struct env *env)
{
	struct value step = arg(e, 1, env);
	return step.known ? value_round(arg(e, 0, env), step.lo, e->mode) : step;
}

static size_t truths(const struct expr *e, const struct env *env, struct value *out)
{
	for (size_t i = 0; i < e->n && i < ARGS_MAX; i++)
		out[i] = arg(e, i, env);
	return e->n < ARGS_MAX ? e->n : ARGS_MAX;
}

struct value eval_at_least(const struct expr *e, const struct env *env)
{
	struct value v[ARGS_MAX];
	size_t n = truths(e, env, v);
	return value_at_least(v, n, e->k);
}

struct value eval_all(const struct expr *e, const struct env *env) { return eval_at_least(e, env); }
struct value eval_any(const struct expr *e, const struct env *env) { return eval_at_least(e, env); }
struct value eval_not(const struct expr *e, const struct env *env) { return value_not(arg(e, 0, env)); }

struct value eval_count(const struct expr *e, const struct env *env)
{
	struct value v[ARGS_MAX];
	size_t n = truths(e, env, v);
	int64_t yes = 0, unknown = 0;
	const char *missing = NULL;
	for (size_t i = 0; i < n; i++) {
		yes += v[i].truth == TRUTH_YES;
		unknown += v[i].truth == TRUTH_UNKNOWN;
		if (v[i].truth == TRUTH_UNKNOWN && !v[i].straddles && !missing)
			missing = v[i].missing;
	}
	struct value out = value_number(exact_int(yes), exact_int(yes + unknown));
	out.missing = missing;
	return out;
}

struct value eval_compare(const struct expr *e, const struct env *env)
{
	return value_compare(arg(e, 0, env), e->op, arg(e, 1, env));
}

struct value eval_choose(const struct expr *e, const struct env *env)
{
	return expr_value(e->args[env->option[e->choice]], env);
}

/* The first arm that holds; an arm that may hold makes the whole unknown. */
struct value eval_case(const struct expr *e, const struct env *env)
{
	for (size_t i = 0; i < e->n_arms; i++) {
		struct value when = expr_value(e->arms[i].when, env);
		if (when.truth == TRUTH_YES)
			return expr_value(e->arms[i].then, env);
		if (when.truth == TRUTH_UNKNOWN)
			return value_unknown(e->type, when.missing);
	}
	return expr_value(e->otherwise, env);
}

/* The last row that begins on or before the day. */
struct value eval_step(const struct expr *e, const struct env *env)
{
	struct value day = arg(e, 0, env);
	const struct expr *then = e->otherwise;
	if (!day.known)
		return value_unknown(e->type, day.missing);
	for (size_t i = 0; i < e->n_arms && date_compare(e->arms[i].from, day.date) <= 0; i++)
		then = e->arms[i].then;
	return then ? expr_value(then, env) : value_unknown(e->type, "a day before the first row of a step");
}

/* Marginal rates: each band's rate on the part inside it. */
static struct value piecewise_at(const struct expr *e, const struct env *env, struct exact x)
{
	struct value sum = value_number((struct exact){ 0, 1 }, (struct exact){ 0, 1 });
	struct value from = sum, point = value_number(x, x);
	for (size_t i = 0; i < e->n_arms; i++) {
		const struct arm *band = &e->arms[i];
		struct value to = band->when ? value_min(expr_value(band->when, env), point) : point;
		struct value inside = value_max(value_sub(to, from), value_number((struct exact){ 0, 1 }, (struct exact){ 0, 1 }));
		sum = value_add(sum, value_mul(inside, expr_value(band->then, env)));
		from = value_max(from, to);
	}
	return sum;
}

struct value eval_piecewise(const struct expr *e, const struct env *env)
{
	struct value x = arg(e, 0, env);
	if (!x.known || x.open)
		return value_unknown(TYPE_NUMBER, x.known ? "a rate on something that has no upper bound" : x.missing);
	struct value lo = piecewise_at(e, env, x.lo), hi = piecewise_at(e, env, x.hi);
	if (!lo.known || !hi.known)
		return lo.known ? hi : lo;
	/* rates are never negative (checked on loading), so the sum rises with x */
	struct value out = value_number(lo.lo, hi.hi);
	out.missing = x.missing ? x.missing : lo.missing;
	return out;
}

/* The band x lies in; n_arms: it cannot be told, for a border is not known, or reaches over x itself. */
static size_t band_of(const struct expr *e, const struct env *env, struct exact x)
{
	for (size_t i = 0; i < e->n_arms; i++) {
		const struct arm *band = &e->arms[i];
		struct value end = band->when ? expr_value(band->when, env) : value_int(0);
		if (!band->when)
			return i;
		if (!end.known || end.open)
			return e->n_arms;
		int lo = exact_compare(x, end.lo), hi = exact_compare(x, end.hi);
		bool below = lo < 0 || (lo == 0 && band->closed), above = hi > 0 || (hi == 0 && !band->closed);
		if (below || !above)
			return below ? i : e->n_arms;
	}
	return e->n_arms;
}

struct value eval_class(const struct expr *e, const struct env *env)
{
	struct value x = arg(e, 0, env);
	if (!x.known)
		return value_unknown(e->type, x.missing);
	size_t lo = band_of(e, env, x.lo), hi = x.open ? e->n_arms : band_of(e, env, x.hi);
	if (lo == e->n_arms || lo != hi)
		return value_unknown(e->type, x.missing ? x.missing : "an interval reaches over a class border");
	return e->arms[lo].key ? value_text(e->arms[lo].key, NULL) : expr_value(e->arms[lo].then, env);
}

struct value eval_lookup(const struct expr *e, const struct env *env)
{
	struct value key = arg(e, 0, env);
	if (!key.known)
		return value_unknown(e->type, key.missing);
	for (size_t i = 0; i < e->n_arms; i++)
		if (strcmp(e->arms[i].key, key.text) == 0)
			return expr_value(e->arms[i].then, env);
	return e->otherwise ? expr_value(e->otherwise, env) : value_unknown(e->type, "a row for this key in the table");
}

struct value eval_weighted(const struct expr *e, const struct env *env)
{
	struct value sum = value_int(0), weights = sum;
	for (size_t i = 0; i < e->n_arms; i++) {
		struct value w = expr_value(e->arms[i].when, env);
		sum = value_add(sum, value_mul(expr_value(e->arms[i].then, env), w));
		weights = value_add(weights, w);
	}
	return value_div(sum, weights);
}

struct value eval_is(const struct expr *e, const struct env *env)
{
	struct value v = arg(e, 0, env);
	if (!v.known)
		return value_unknown(TYPE_TRUTH, v.missing);
	for (size_t i = 0; i < e->n_arms; i++)
		if (strcmp(e->arms[i].key, v.text) == 0)
			return value_truth(TRUTH_YES, NULL);
	return value_truth(TRUTH_NO, NULL);
}

struct value eval_known(const struct expr *e, const struct env *env)
{
	return value_truth(arg(e, 0, env).known ? TRUTH_YES : TRUTH_NO, NULL);
}

static bool two_days(const struct expr *e, const struct env *env, struct date *a, struct date *b, struct value *out)
{
	struct value x = arg(e, 0, env), y = arg(e, 1, env);
	*out = value_unknown(TYPE_NUMBER, x.known ? y.missing : x.missing);
	*a = x.date;
	*b = y.date;
	return x.known && y.known;
}

struct value eval_days(const struct expr *e, const struct env *env)
{
	struct date a, b;
	struct value out;
	return two_days(e, env, &a, &b, &out) ? value_int(date_days(b) - date_days(a)) : out;
}

struct value eval_years(const struct expr *e, const struct env *env)
{
	struct date a, b;
	struct value out;
	if (!two_days(e, env, &a, &b, &out))
		return out;
	bool before = b.month < a.month || (b.month == a.month && b.day < a.day);
	return value_int((int64_t)b.year - a.year - before);
}

struct value eval_months_after(const struct expr *e, const struct env *env)
{
	struct value day = arg(e, 0, env), n = arg(e, 1, env);
	int64_t months;
	if (!day.known || !n.known)
		return value_unknown(TYPE_DATE, day.known ? n.missing : day.missing);
	if (!exact_int64(n.lo, &months) || exact_compare(n.lo, n.hi) != 0 || n.open || months < -12000 || months > 12000)
		return value_unknown(TYPE_DATE, "a whole number of months");
	int64_t index = (int64_t)day.date.year * 12 + day.date.month - 1 + months;
	struct date d = { .year = (int32_t)(index / 12), .month = (int8_t)(index % 12 + 1), .day = day.date.day };
	/* the 31st of a shorter month is its last day (Civil Code: the corresponding day, else the last of the month) */
	while (d.day > 28 && date_of_days(date_days(d)).month != d.month)
		d.day--;
	return value_date(d, NULL);
}

const struct expr *expr_comparison(const struct expr *e, const struct env *env)
{
	while (e->eval == eval_choose)
		e = e->args[env->option[e->choice]];
	return e->eval == eval_compare ? e : NULL;
}

/* Statements of people */

const char *statement_fault(const struct statement *st, const struct attestation *a)
{
	if (a->revoked)
		return "revoked";
	if (!a->signed_)
		return "not signed";
	if (st->role && (!a->role || strcmp(st->role, a->role) != 0))
		return "signed by another role";
	return NULL;
}

/* The newest that counts; with none, the newest at all, so that its fault can be named. */
const struct attestation *statement_find(const struct statement *st, const struct facts *f)
{
	const struct attestation *best = NULL;
	for (size_t i = 0; i < f->n_attestations; i++) {
		const struct attestation *a = &f->attestations[i];
		if (strcmp(a->name, st->id) != 0)
			continue;
		bool good = !statement_fault(st, a), best_good = best && !statement_fault(st, best);
		int newer = best ? date_compare(a->date, best->date) : 1;
		/* on one day the "no" stands */
		if (!best || (good && !best_good) || (good == best_good && (newer > 0 || (newer == 0 && a->value == TRUTH_NO))))
			best = a;
	}
	return best;
}

struct value statement_value(const struct statement *st, const struct facts *f)
{
	static const enum value_type types[] = { TYPE_TRUTH, TYPE_DATE, TYPE_NUMBER, TYPE_TEXT };
	const struct attestation *a = statement_find(st, f);
	struct exact v;
	struct unit unit;
	const char *assumed = fact_assumed(f, st->id);
	if (assumed && st->kind == STATEMENT_YES_NO)
		return value_truth(strcmp(assumed, "yes") == 0 ? TRUTH_YES : TRUTH_NO, NULL);
	if (!assumed && (!a || statement_fault(st, a)))
		return value_unknown(types[st->kind], st->id);
	switch (st->kind) {
	case STATEMENT_YES_NO:
		return value_truth(a->value, st->id);
	case STATEMENT_DATE:
		return value_date(a ? a->date : (struct date){ 0 }, st->id);
	case STATEMENT_TEXT:
		return value_text(assumed ? assumed : a->text, st->id);
	default:
		if (!(assumed || a->amount) || !exact_parse(assumed ? assumed : a->amount, &v, &unit) || !dim_equal(unit.dim, st->parsed.dim))
			return value_unknown(TYPE_NUMBER, st->id);
		return value_number(v, v);
	}
}

struct value eval_statement(const struct expr *e, const struct env *env)
{
	return statement_value(e->statement, env->facts);
}

/* In `decide` a criterion stands for itself; judge.c reads the tree with its own lattice. */
struct value eval_criterion(const struct expr *e, const struct env *env)
{
	return expr_value(ROWS(struct rule, env->pack->criteria)[e->k].test, env);
}
