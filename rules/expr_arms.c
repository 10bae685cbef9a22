/* Operators with rows: case, step, piecewise, class, lookup, weighted mean. */
#include "rules/expr_load.h"

#include <stdio.h>
#include <string.h>

static bool arms_of(struct loading *s, const struct conf_node *n, const char *key, struct expr *e, const struct conf_node **list)
{
	*list = conf_get(n, key);
	size_t count = *list ? conf_count(*list) : 0;
	if (conf_kind(*list) != CONF_SEQUENCE || count == 0 || count > 64)
		return expr_problem(s, n, "a list of 1 to 64 rows is needed here") != NULL;
	e->arms = conf_alloc(s->c, count * sizeof *e->arms);
	return e->arms != NULL;
}

bool expr_row_keys(struct loading *s, const struct conf_node *row, const char *const *keys)
{
	bool good = true;
	size_t count = 0;
	if (conf_kind(row) != CONF_MAPPING)
		return expr_problem(s, row, "a mapping is needed here") != NULL;
	while (keys[count])
		count++;
	for (size_t i = 0; i < conf_count(row); i++) {
		const char *key = conf_scalar(conf_key(row, i)), *near = NULL;
		size_t k = 0;
		while (keys[k] && (!key || strcmp(keys[k], key) != 0))
			k++;
		if (keys[k])
			continue;
		near = key ? conf_nearest(key, keys, count) : NULL;
		conf_problem(s->c, conf_key(row, i), "unknown key '%s' beside '%s'%s%s%s", key ? key : "", keys[0], near ? "; did you mean '" : "; remove it",
			     near ? near : "", near ? "'?" : "");
		good = false;
	}
	return good;
}

static bool load_otherwise(struct loading *s, const struct conf_node *n, const char *key, struct expr *e, bool needed)
{
	const struct conf_node *node = conf_get(n, key);
	if (!node)
		return !needed || expr_problem(s, n, "`else` is missing: what holds when no row does; rules are total") != NULL;
	e->otherwise = expr_load(s, node);
	return expr_same_kind(s, node, e, e->otherwise, false);
}

bool expr_load_case(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "when", "then", NULL };
	const struct conf_node *list;
	if (!arms_of(s, n, op->key, e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		struct arm *a = &e->arms[i];
		if (!expr_row_keys(s, row, keys) || !conf_get(row, "when") || !conf_get(row, "then"))
			return expr_problem(s, row, "a row of `case` has `when` and `then`") != NULL;
		a->when = expr_load_as(s, conf_get(row, "when"), TYPE_TRUTH, NULL);
		a->then = expr_load(s, conf_get(row, "then"));
		if (!expr_take(e, a->when) || !expr_same_kind(s, row, e, a->then, i == 0))
			return false;
		e->n_arms++;
	}
	return load_otherwise(s, n, "else", e, true);
}

bool expr_load_step(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "from", "value", NULL };
	const struct conf_node *list;
	if (!expr_room(s, e, 1) || !expr_arg(s, n, op->key, e) || !arms_of(s, n, "rows", e, &list))
		return false;
	if (e->args[0]->type != TYPE_DATE)
		return expr_problem(s, n, "`step` is a function of a day") != NULL;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		struct arm *a = &e->arms[i];
		if (!expr_row_keys(s, row, keys) || !conf_get(row, "from") || !conf_get(row, "value"))
			return expr_problem(s, row, "a row of `step` has `from` and `value`") != NULL;
		if (!conf_date(s->c, conf_get(row, "from"), &a->from, NULL))
			return false;
		if (i && date_compare(a->from, e->arms[i - 1].from) <= 0)
			return expr_problem(s, row, "the rows must ascend by day") != NULL;
		a->then = expr_load(s, conf_get(row, "value"));
		if (!expr_same_kind(s, row, e, a->then, i == 0))
			return false;
		e->n_arms++;
	}
	return load_otherwise(s, n, "before", e, false);
}

/* Rows of bands: `upto` (a border, ascending, the last row without it) and what holds there. */
static bool load_border(struct loading *s, const struct conf_node *row, struct expr *e, size_t i, size_t count)
{
	const struct conf_node *node = conf_get(row, "upto");
	struct arm *a = &e->arms[i];
	if (!node)
		return i + 1 == count || expr_problem(s, row, "only the last row is without `upto`") != NULL;
	a->when = expr_load_as(s, node, TYPE_NUMBER, NULL);
	/* twice: a border is looked at from both ends of an interval */
	if (!expr_take(e, a->when) || !expr_take(e, a->when) || !expr_same_unit(s, node, e->args[0], a->when))
		return false;
	const struct arm *before = i ? &e->arms[i - 1] : NULL;
	bool fixed = a->when->eval == eval_literal && before && before->when && before->when->eval == eval_literal;
	if (fixed && exact_compare(before->when->literal.lo, a->when->literal.lo) >= 0)
		return expr_problem(s, node, "the borders must ascend") != NULL;
	return true;
}

bool expr_load_piecewise(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "upto", "rate", NULL };
	const struct exact zero = { 0, 1 };
	const struct conf_node *list;
	struct expr rates = { 0 };
	if (!expr_room(s, e, 1) || !expr_arg(s, n, op->key, e) || !arms_of(s, n, "bands", e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		if (!expr_row_keys(s, row, keys) || !load_border(s, row, e, i, conf_count(list)))
			return false;
		if (!conf_get(row, "rate"))
			return expr_problem(s, row, "a row of `bands` has `rate`, and `upto` except in the last") != NULL;
		const struct expr *rate = e->arms[i].then = expr_load_as(s, conf_get(row, "rate"), TYPE_NUMBER, NULL);
		if (!expr_same_kind(s, row, &rates, rate, i == 0))
			return false;
		expr_take(e, rate);
		if (rate->eval != eval_literal || exact_compare(rate->literal.lo, zero) < 0)
			return expr_problem(s, row, "a rate is a number or a figure, not below 0") != NULL;
		e->n_arms++;
	}
	e->dim = dim_mul(e->args[0]->dim, rates.dim, 1);
	e->unit = unit_default(e->dim);
	return true;
}

/* Rows give the name of a class (`is`), or all of them a value of one kind (`value`): a rate a class. */
bool expr_load_class(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "upto", "closed", "is", "value", NULL };
	const struct conf_node *list;
	if (!expr_room(s, e, 1) || !expr_arg(s, n, op->key, e) || !arms_of(s, n, "bands", e, &list))
		return false;
	bool values = conf_get(conf_item(list, 0), "value") != NULL;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i), *closed = conf_get(row, "closed");
		struct arm *a = &e->arms[i];
		if (!expr_row_keys(s, row, keys) || !load_border(s, row, e, i, conf_count(list)))
			return false;
		a->key = conf_scalar(conf_get(row, "is"));
		if ((a->key != NULL) == values || (conf_get(row, "value") != NULL) != values)
			return expr_problem(s, row, "a row of `class` has `is`, the name of the class, or else every row has `value`") != NULL;
		if (values && !expr_same_kind(s, row, e, a->then = expr_load(s, conf_get(row, "value")), i == 0))
			return false;
		if (closed && !conf_bool(s->c, closed, &a->closed, NULL))
			return false;
		if (a->when && !closed)
			return expr_problem(s, row, "`closed` is missing: does the class hold its upper border?") != NULL;
		e->n_arms++;
	}
	return true;
}

bool expr_load_lookup(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *table = conf_get(n, "table");
	if (!expr_room(s, e, 1) || !expr_arg(s, n, op->key, e))
		return false;
	if (e->args[0]->type != TYPE_TEXT || conf_kind(table) != CONF_MAPPING || conf_count(table) == 0)
		return expr_problem(s, n, "`lookup` needs a text, and a `table` with a row for each of its values") != NULL;
	e->arms = conf_alloc(s->c, conf_count(table) * sizeof *e->arms);
	for (size_t i = 0; e->arms && i < conf_count(table); i++) {
		e->arms[i].key = conf_scalar(conf_key(table, i));
		e->arms[i].then = expr_load(s, conf_item(table, i));
		if (!expr_same_kind(s, conf_item(table, i), e, e->arms[i].then, i == 0))
			return false;
		e->n_arms++;
	}
	return e->arms && load_otherwise(s, n, "else", e, false);
}

bool expr_load_weighted(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "value", "weight", NULL };
	const struct conf_node *list;
	struct expr weights = { 0 };
	if (!arms_of(s, n, op->key, e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		struct arm *a = &e->arms[i];
		if (!expr_row_keys(s, row, keys) || !conf_get(row, "value") || !conf_get(row, "weight"))
			return expr_problem(s, row, "a row of `weighted_mean` has `value` and `weight`") != NULL;
		a->then = expr_load_as(s, conf_get(row, "value"), TYPE_NUMBER, NULL);
		a->when = expr_load_as(s, conf_get(row, "weight"), TYPE_NUMBER, NULL);
		if (!expr_same_kind(s, row, e, a->then, i == 0) || !expr_same_kind(s, row, &weights, a->when, i == 0))
			return false;
		expr_take(e, a->when);
		e->n_arms++;
	}
	return true;
}
