/* From YAML nodes to typed expressions: every name resolved, every unit checked, under every reading. */
#include "rules/expr_load.h"
#include "rules/lexicon.h"

#include <stdio.h>
#include <string.h>

const struct expr *expr_problem(struct loading *s, const struct conf_node *n, const char *text)
{
	conf_problem(s->c, n, "%s", text);
	return NULL;
}

struct expr *expr_new(struct loading *s, expr_eval *eval, enum value_type type)
{
	struct expr *e = conf_alloc(s->c, sizeof *e);
	if (e) {
		e->eval = eval;
		e->type = type;
		e->unit = unit_default(e->dim);
		e->size = 1;
	}
	return e;
}

/* Adds what a part depends on; NULL part: its problem is recorded already. */
bool expr_take(struct expr *e, const struct expr *part)
{
	if (!e || !part)
		return false;
	e->choices |= part->choices;
	e->size = e->size > EXPR_SIZE_MAX ? e->size : e->size + part->size;
	e->asks = e->asks || part->asks;
	e->depth = e->depth > part->depth ? e->depth : part->depth + 1;
	return true;
}

bool expr_room(struct loading *s, struct expr *e, size_t n)
{
	e->args = conf_alloc(s->c, (n + 1) * sizeof *e->args);
	return e->args != NULL;
}

static const char *need_number(const struct expr *e)
{
	return e->type == TYPE_NUMBER ? NULL : "a number is needed here";
}

bool expr_same_unit(struct loading *s, const struct conf_node *n, const struct expr *a, const struct expr *b)
{
	if (dim_equal(a->dim, b->dim))
		return true;
	conf_problem(s->c, n, "%s%s and %s%s do not measure the same; bring both to one unit (docs/writing-a-pack.md lists them)", a->unit.name[0] ? "a number in " : "",
		     a->unit.name[0] ? a->unit.name : "a plain number", b->unit.name[0] ? "one in " : "", b->unit.name[0] ? b->unit.name : "a plain number");
	return false;
}

static bool fit_arg(struct loading *s, const struct conf_node *n, enum shape shape, struct expr *e, size_t i)
{
	const struct expr *a = e->args[i];
	static const enum value_type wants[] = { TYPE_NUMBER, TYPE_NUMBER, TYPE_NUMBER, TYPE_TRUTH, TYPE_DATE };
	enum value_type want = shape == SHAPE_DAY_NUMBER ? (i ? TYPE_NUMBER : TYPE_DATE) : shape == SHAPE_ANY ? a->type : wants[shape];
	if (a->type != want) {
		conf_problem(s->c, n, "a %s is needed here, this is a %s", value_type_names[want], value_type_names[a->type]);
		return false;
	}
	if (shape == SHAPE_SAME && i)
		return expr_same_unit(s, n, e->args[0], a);
	if (shape == SHAPE_PRODUCT || shape == SHAPE_QUOTIENT)
		e->dim = i ? dim_mul(e->dim, a->dim, shape == SHAPE_PRODUCT ? 1 : -1) : a->dim;
	if (shape == SHAPE_QUOTIENT && i && a->eval == eval_literal && a->literal.lo.num == 0)
		return expr_problem(s, n, "a division by zero: this is always 0; divide by what is not") != NULL;
	return true;
}

static bool load_list(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *list = conf_get(n, op->key);
	bool sequence = conf_kind(list) == CONF_SEQUENCE;
	size_t count = sequence ? conf_count(list) : 1;
	if ((!sequence && op->min > 1) || count < op->min || count > op->max || !expr_room(s, e, count)) {
		conf_problem(s->c, list, "`%s` takes a list of %zu to %zu", op->key, op->min, op->max);
		return false;
	}
	bool good = true;
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item = sequence ? conf_item(list, i) : list;
		e->args[i] = expr_load(s, item);
		good = expr_take(e, e->args[i]) && (!good || fit_arg(s, item, op->shape, e, i)) && good;
		e->n += good;
	}
	if (!good)
		return false;
	if (op->shape == SHAPE_SAME) {
		e->dim = e->args[0]->dim;
		e->unit = e->args[0]->unit;
	} else if (op->type == TYPE_NUMBER) {
		e->unit = unit_default(e->dim);
	}
	e->k = op->eval == eval_all ? count : 1;
	return true;
}

bool expr_arg(struct loading *s, const struct conf_node *n, const char *key, struct expr *e)
{
	const struct conf_node *node = conf_get(n, key);
	if (!node) {
		conf_problem(s->c, n, "`%s` is missing here", key);
		return false;
	}
	e->args[e->n] = expr_load(s, node);
	return expr_take(e, e->args[e->n]) && ++e->n;
}

static bool load_at_least(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct op list = { .key = "of", .eval = eval_at_least, .type = TYPE_TRUTH, .shape = SHAPE_TRUTHS, .min = 1, .max = op->max };
	int64_t k;
	const struct conf_range range = { 1, 63 };
	if (!conf_get(n, "of"))
		return expr_problem(s, n, "`of` is missing here: the list of conditions") != NULL;
	if (!conf_int(s->c, conf_get(n, op->key), &k, &range) || !load_list(s, n, &list, e))
		return false;
	e->k = (size_t)k;
	if (e->k > e->n)
		return expr_problem(s, n, "more conditions are asked for than there are") != NULL;
	return true;
}

static bool comparison_named(const char *text, enum comparison *out)
{
	for (int i = 0; text && i < CMP_COUNT; i++)
		if (strcmp(comparison_names[i], text) == 0) {
			*out = (enum comparison)i;
			return true;
		}
	return false;
}

/* A word must be in the lexicon, with this operator: `>` and `>=` are data, never a slip. */
static bool check_word(struct loading *s, const struct conf_node *n, struct expr *e)
{
	if (!n)
		return true;
	enum comparison means;
	e->word = conf_scalar(n);
	if (e->word && lexicon_operator(e->word, &means)) {
		if (means == e->op)
			return true;
		conf_problem(s->c, n, "'%s' means %s, not %s; correct the operator or the word", e->word, comparison_names[means], comparison_names[e->op]);
		return false;
	}
	const char *near = e->word ? lexicon_nearest(e->word) : NULL;
	conf_problem(s->c, n, "'%s' is no comparison word that is known%s%s%s; docs/writing-a-pack.md lists them", e->word ? e->word : "", near ? "; did you mean '" : "",
		     near ? near : "", near ? "'?" : "");
	return false;
}

/* A share is 0 to 1, written 0 % to 100 %: a bare 99 beside it is a slip for 99 %. */
static bool check_share(struct loading *s, const struct conf_node *n, const struct expr *a, const struct expr *b)
{
	bool share = a->eval == eval_fact && strcmp(a->unit.name, "%") == 0, bare = b->eval == eval_literal && !b->unit.name[0];
	if (!share || !bare || exact_compare(b->literal.lo, exact_int(1)) <= 0)
		return true;
	conf_problem(s->c, n, "the fact is a share, at most 1 (100 %%), and the limit is more; with a percent sign: 99 %%, not 99");
	return false;
}

static bool load_compare(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *sign = conf_get(n, "op"), *limit = conf_get(n, "limit");
	bool room = expr_room(s, e, 2), good = room && expr_arg(s, n, op->key, e);
	good = room && expr_arg(s, n, "limit", e) && good;
	if (!comparison_named(sign ? conf_scalar(sign) : NULL, &e->op))
		return expr_problem(s, sign ? sign : n, sign ? "`op` must be one of \"<\", \"<=\", \">\", \">=\", \"=\", \"!=\" (quoted); the policy's word goes into `word`"
							     : "`op` is missing here: one of \"<\", \"<=\", \">\", \">=\", \"=\", \"!=\" (quoted)") != NULL;
	if (!(check_word(s, conf_get(n, "word"), e) && good))
		return false;
	const struct expr *a = e->args[0], *b = e->args[1];
	if (a->type != b->type) {
		conf_problem(s->c, limit, "a %s cannot be compared with a %s", value_type_names[a->type], value_type_names[b->type]);
		return false;
	}
	return a->type != TYPE_NUMBER || (expr_same_unit(s, limit, a, b) && check_share(s, limit, a, b));
}

/* All branches of one type and unit; the result takes theirs. */
bool expr_same_kind(struct loading *s, const struct conf_node *n, struct expr *e, const struct expr *branch, bool first)
{
	if (!expr_take(e, branch))
		return false;
	if (first) {
		e->type = branch->type;
		e->dim = branch->dim;
		e->unit = branch->unit;
	}
	if (branch->type != e->type)
		return expr_problem(s, n, "the branches are of different kinds") != NULL;
	return e->type != TYPE_NUMBER || expr_same_unit(s, n, e, branch);
}

static bool load_choose(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const char *id = conf_scalar(conf_get(n, op->key));
	const struct conf_node *options = conf_get(n, "options");
	int choice = id ? expr_choice_named(s->pack, id, strlen(id)) : -1;
	if (choice < 0 || conf_kind(options) != CONF_MAPPING)
		return expr_problem(s, n, choice < 0 ? "`choose` names a choice of this pack" : "`options` is missing: one expression an option") != NULL;
	const struct choice *c = &ROWS(struct choice, s->pack->choices)[choice];
	e->choice = choice;
	if (!expr_room(s, e, c->options.n))
		return false;
	for (size_t i = 0; i < c->options.n; i++) {
		const char *option = ROWS(struct choice_option, c->options)[i].id;
		const struct conf_node *node = option ? conf_get(options, option) : NULL;
		if (!node) {
			conf_problem(s->c, options, "option '%s' of choice '%s' is missing here", option ? option : "?", id);
			return false;
		}
		e->args[i] = expr_load(s, node);
		if (!expr_same_kind(s, node, e, e->args[i], i == 0))
			return false;
		e->n++;
	}
	if (conf_count(options) != c->options.n)
		return expr_problem(s, options, "an option that the choice does not have") != NULL;
	e->choices |= 1u << choice;
	return true;
}

static bool load_is(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *list = conf_get(n, "one_of");
	if (!expr_room(s, e, 1) || !expr_arg(s, n, op->key, e))
		return false;
	if (e->args[0]->type != TYPE_TEXT || conf_kind(list) != CONF_SEQUENCE || conf_count(list) == 0)
		return expr_problem(s, n, "`is` needs a text fact, and `one_of`, a list of texts") != NULL;
	e->arms = conf_alloc(s->c, conf_count(list) * sizeof *e->arms);
	for (size_t i = 0; e->arms && i < conf_count(list); i++) {
		if (!(e->arms[i].key = conf_scalar(conf_item(list, i))))
			return expr_problem(s, conf_item(list, i), "a text is needed here") != NULL;
		e->n_arms++;
	}
	return e->arms != NULL;
}

static bool load_round(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const struct conf_name modes[] = { { "half_even", ROUND_HALF_EVEN }, { "down", ROUND_DOWN }, { "up", ROUND_UP }, { NULL, 0 } };
	const struct exact zero = { 0, 1 };
	int mode;
	if (!expr_room(s, e, 2) || !expr_arg(s, n, op->key, e) || !expr_arg(s, n, "to", e))
		return false;
	const struct expr *to = e->args[1];
	if (need_number(e->args[0]) || to->type != TYPE_NUMBER || to->eval != eval_literal || exact_compare(to->literal.lo, zero) <= 0)
		return expr_problem(s, n, "`round` needs a number, and `to`, a step above 0") != NULL;
	if (!conf_get(n, "mode"))
		return expr_problem(s, n, "`mode` is missing: half_even, down or up") != NULL;
	if (!conf_enum(s->c, conf_get(n, "mode"), &mode, modes) || !expr_same_unit(s, n, e->args[0], to))
		return false;
	e->mode = (enum rounding)mode;
	e->dim = e->args[0]->dim;
	e->unit = e->args[0]->unit;
	return true;
}

static bool load_text(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const char *text = conf_scalar(conf_get(n, op->key));
	if (!text || !text[0])
		return expr_problem(s, n, "`text` is a text that stands for itself: {text: closed}") != NULL;
	e->literal = value_text(text, NULL);
	return true;
}

static bool load_holds(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *name = conf_get(n, op->key);
	if (!s->criteria_loaded)
		return expr_problem(s, n, "`holds` asks for a criterion, which only `amount` and `outputs` can: they stand behind the criteria") != NULL;
	return expr_criterion(s, name, e);
}

static const struct op ops[] = {
	{ "add", eval_add, load_list, TYPE_NUMBER, SHAPE_SAME, 1, 63, { NULL } },
	{ "sub", eval_sub, load_list, TYPE_NUMBER, SHAPE_SAME, 2, 2, { NULL } },
	{ "mul", eval_mul, load_list, TYPE_NUMBER, SHAPE_PRODUCT, 2, 8, { NULL } },
	{ "div", eval_div, load_list, TYPE_NUMBER, SHAPE_QUOTIENT, 2, 2, { NULL } },
	{ "min", eval_min, load_list, TYPE_NUMBER, SHAPE_SAME, 1, 63, { NULL } },
	{ "max", eval_max, load_list, TYPE_NUMBER, SHAPE_SAME, 1, 63, { NULL } },
	{ "clamp", eval_clamp, load_list, TYPE_NUMBER, SHAPE_SAME, 3, 3, { NULL } },
	{ "round", eval_round, load_round, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "to", "mode", NULL } },
	{ "all", eval_all, load_list, TYPE_TRUTH, SHAPE_TRUTHS, 1, 63, { NULL } },
	{ "any", eval_any, load_list, TYPE_TRUTH, SHAPE_TRUTHS, 1, 63, { NULL } },
	{ "not", eval_not, load_list, TYPE_TRUTH, SHAPE_TRUTHS, 1, 1, { NULL } },
	{ "at_least", eval_at_least, load_at_least, TYPE_TRUTH, SHAPE_TRUTHS, 1, 63, { "of", NULL } },
	{ "count_true", eval_count, load_list, TYPE_NUMBER, SHAPE_TRUTHS, 1, 63, { NULL } },
	{ "compare", eval_compare, load_compare, TYPE_TRUTH, SHAPE_ANY, 0, 0, { "op", "limit", "word", NULL } },
	{ "choose", eval_choose, load_choose, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "options", NULL } },
	{ "case", eval_case, expr_load_case, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "else", NULL } },
	{ "step", eval_step, expr_load_step, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "rows", "before", NULL } },
	{ "piecewise", eval_piecewise, expr_load_piecewise, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "bands", NULL } },
	{ "class", eval_class, expr_load_class, TYPE_TEXT, SHAPE_ANY, 0, 0, { "bands", NULL } },
	{ "lookup", eval_lookup, expr_load_lookup, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "table", "else", NULL } },
	{ "weighted_mean", eval_weighted, expr_load_weighted, TYPE_NUMBER, SHAPE_ANY, 0, 0, { NULL } },
	{ "is", eval_is, load_is, TYPE_TRUTH, SHAPE_ANY, 0, 0, { "one_of", NULL } },
	{ "known", eval_known, load_list, TYPE_TRUTH, SHAPE_ANY, 1, 1, { NULL } },
	{ "text", eval_literal, load_text, TYPE_TEXT, SHAPE_ANY, 0, 0, { NULL } },
	{ "holds", eval_criterion, load_holds, TYPE_TRUTH, SHAPE_ANY, 0, 0, { NULL } },
	{ "days_between", eval_days, load_list, TYPE_NUMBER, SHAPE_DAYS, 2, 2, { NULL } },
	{ "years_between", eval_years, load_list, TYPE_NUMBER, SHAPE_DAYS, 2, 2, { NULL } },
	{ "months_after", eval_months_after, load_list, TYPE_DATE, SHAPE_DAY_NUMBER, 2, 2, { NULL } },
};

static const struct op *op_of(const struct conf_node *n)
{
	for (size_t i = 0; i < countof(ops); i++)
		if (conf_get(n, ops[i].key))
			return &ops[i];
	return NULL;
}

static bool op_keys(struct loading *s, const struct conf_node *n, const struct op *op)
{
	const char *keys[8] = { op->key };
	for (size_t i = 0; op->keys[i]; i++)
		keys[i + 1] = op->keys[i];
	return expr_row_keys(s, n, keys);
}

static const struct expr *no_operator(struct loading *s, const struct conf_node *n)
{
	const char *names[countof(ops)], *near = NULL;
	for (size_t i = 0; i < countof(ops); i++)
		names[i] = ops[i].key;
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *key = conf_scalar(conf_key(n, i));
		if (!key || !(near = conf_nearest(key, names, countof(names))))
			continue;
		conf_problem(s->c, conf_key(n, i), "'%s' is no operator; did you mean '%s'?", key, near);
		return NULL;
	}
	return expr_problem(s, n, "no operator here that is known; docs/writing-a-pack.md lists them");
}

static const struct expr *mapping_load(struct loading *s, const struct conf_node *n)
{
	const struct op *op = op_of(n);
	if (!op)
		return no_operator(s, n);
	struct expr *e = expr_new(s, op->eval, op->type);
	if (!e)
		return NULL;
	/* both, so that two slips in one line are told at once */
	bool keys = op_keys(s, n, op), loaded = op->load(s, n, op, e);
	if (!keys || !loaded)
		return NULL;
	if (e->depth > EXPR_DEPTH_MAX)
		return expr_problem(s, n, "nested deeper than 100, with its definitions written out; flatten it");
	if (e->size > EXPR_SIZE_MAX)
		return expr_problem(s, n, "the expression grows too large, with its definitions written out");
	return e;
}

const struct expr *expr_load(struct loading *s, const struct conf_node *n)
{
	if (conf_kind(n) == CONF_SCALAR)
		return expr_leaf(s, n);
	if (conf_kind(n) == CONF_MAPPING)
		return mapping_load(s, n);
	return expr_problem(s, n, "a number, a name or an operator is needed here");
}

const struct expr *expr_load_as(struct loading *s, const struct conf_node *n, enum value_type type, const struct unit *unit)
{
	const struct expr *e = expr_load(s, n);
	if (!e)
		return NULL;
	if (e->type != type) {
		conf_problem(s->c, n, "a %s is needed here, this is a %s", value_type_names[type], value_type_names[e->type]);
		return NULL;
	}
	if (unit && !dim_equal(e->dim, unit->dim)) {
		conf_problem(s->c, n, "'%s' is needed here, this is in '%s'", unit->name, e->unit.name[0] ? e->unit.name : "plain numbers");
		return NULL;
	}
	return e;
}
