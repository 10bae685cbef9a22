/* From YAML nodes to typed expressions: every name resolved, every unit checked, under every reading. */
#include "rules/expr_load.h"

#include <stdio.h>
#include <string.h>

/* Statutory words and their operators (domain.md 3.1; Civil Code art. 1259).  A symbol stands for itself where no text is quoted. */
static const struct { const char *word; enum comparison op; } lexicon[] = {
	{ "大于", CMP_GT }, { "超过", CMP_GT }, { "高于", CMP_GT }, { "以外", CMP_GT },
	{ "低于", CMP_LT }, { "小于", CMP_LT }, { "不满", CMP_LT },
	{ "不低于", CMP_GE }, { "不少于", CMP_GE }, { "不小于", CMP_GE }, { "以上", CMP_GE }, { "届满", CMP_GE },
	{ "不超过", CMP_LE }, { "不高于", CMP_LE }, { "不大于", CMP_LE }, { "最高", CMP_LE }, { "以下", CMP_LE }, { "以内", CMP_LE },
	{ "above", CMP_GT }, { "more than", CMP_GT }, { "exceeds", CMP_GT }, { "below", CMP_LT }, { "less than", CMP_LT },
	{ "at least", CMP_GE }, { "not less than", CMP_GE }, { "at most", CMP_LE }, { "not more than", CMP_LE }, { "up to", CMP_LE },
	{ "<", CMP_LT }, { "<=", CMP_LE }, { ">", CMP_GT }, { ">=", CMP_GE }, { "=", CMP_EQ },
};

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
	conf_problem(s->c, n, "'%s' and '%s' do not measure the same", a->unit.name[0] ? a->unit.name : "a plain number",
		     b->unit.name[0] ? b->unit.name : "a plain number");
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
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item = sequence ? conf_item(list, i) : list;
		e->args[i] = expr_load(s, item);
		if (!expr_take(e, e->args[i]) || !fit_arg(s, item, op->shape, e, i))
			return false;
		e->n++;
	}
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
	e->word = conf_scalar(n);
	for (size_t i = 0; e->word && i < countof(lexicon); i++) {
		if (strcmp(lexicon[i].word, e->word) != 0)
			continue;
		if (lexicon[i].op == e->op)
			return true;
		conf_problem(s->c, n, "'%s' means %s, not %s; correct the operator or the word", e->word, comparison_names[lexicon[i].op],
			     comparison_names[e->op]);
		return false;
	}
	conf_problem(s->c, n, "'%s' is no comparison word that is known; docs/writing-a-pack.md lists them", e->word ? e->word : "");
	return false;
}

static bool load_compare(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *sign = conf_get(n, "op");
	if (!expr_room(s, e, 2) || !expr_arg(s, n, op->key, e) || !expr_arg(s, n, "limit", e))
		return false;
	if (!comparison_named(sign ? conf_scalar(sign) : NULL, &e->op))
		return expr_problem(s, sign ? sign : n, "`op` must be one of \"<\", \"<=\", \">\", \">=\", \"=\", \"!=\" (quoted)") != NULL;
	const struct expr *a = e->args[0], *b = e->args[1];
	if (a->type != b->type) {
		conf_problem(s->c, n, "a %s cannot be compared with a %s", value_type_names[a->type], value_type_names[b->type]);
		return false;
	}
	return (a->type != TYPE_NUMBER || expr_same_unit(s, n, a, b)) && check_word(s, conf_get(n, "word"), e);
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

static const struct expr *mapping_load(struct loading *s, const struct conf_node *n)
{
	const struct op *op = op_of(n);
	if (!op)
		return expr_problem(s, n, "no operator here that is known; docs/writing-a-pack.md lists them");
	struct expr *e = expr_new(s, op->eval, op->type);
	if (!e || !op_keys(s, n, op) || !op->load(s, n, op, e))
		return NULL;
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
