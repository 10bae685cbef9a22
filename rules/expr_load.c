/* From YAML nodes to typed expressions: every name resolved, every unit checked, under every reading. */
#include "rules/language.h"

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

static const struct expr *load_problem(struct loading *s, const struct conf_node *n, const char *text)
{
	conf_problem(s->c, n, "%s", text);
	return NULL;
}

static struct expr *make(struct loading *s, expr_eval *eval, enum value_type type)
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
static bool take(struct expr *e, const struct expr *part)
{
	if (!e || !part)
		return false;
	e->choices |= part->choices;
	e->size = e->size > EXPR_SIZE_MAX ? e->size : e->size + part->size;
	return true;
}

static bool room_for(struct loading *s, struct expr *e, size_t n)
{
	e->args = conf_alloc(s->c, (n + 1) * sizeof *e->args);
	return e->args != NULL;
}

/* Leaves: literals and names */

static const struct expr *number_literal(struct loading *s, struct exact v, struct unit unit)
{
	struct expr *e = make(s, eval_literal, TYPE_NUMBER);
	if (!e)
		return NULL;
	e->literal = value_number(v, v);
	e->dim = unit.dim;
	e->unit = unit;
	return e;
}

static const struct expr *date_literal(struct loading *s, struct date d)
{
	struct expr *e = make(s, eval_literal, TYPE_DATE);
	if (e)
		e->literal = value_date(d, NULL);
	return e;
}

static const struct expr *truth_literal(struct loading *s, enum truth t)
{
	struct expr *e = make(s, eval_literal, TYPE_TRUTH);
	if (e)
		e->literal = value_truth(t, NULL);
	return e;
}

static int choice_named(const struct pack *p, const char *id, size_t len)
{
	for (size_t i = 0; i < p->choices.n; i++) {
		const char *name = ROWS(struct choice, p->choices)[i].id;
		if (name && strlen(name) == len && memcmp(name, id, len) == 0)
			return (int)i;
	}
	return -1;
}

/* "share.$definition.$network" under one reading; the choices met go into *mask.  False: unknown choice. */
static bool expand(const struct pack *p, const char *name, const uint8_t *option, uint32_t *mask, char *out, size_t size)
{
	size_t used = 0;
	while (*name && used + 70 < size) {
		if (*name != '$') {
			out[used++] = *name++;
			continue;
		}
		size_t n = strcspn(++name, ".$");
		int i = choice_named(p, name, n);
		if (i < 0)
			return false;
		const struct choice *c = &ROWS(struct choice, p->choices)[i];
		const char *id = ROWS(struct choice_option, c->options)[option[i]].id;
		*mask |= 1u << i;
		used += (size_t)snprintf(out + used, size - used, "%s", id ? id : "");
		name += n;
	}
	out[used] = 0;
	return !*name;
}

/* Next reading of the choices in mask, in the order of reading_index(); false after the last. */
static bool next_reading(const struct pack *p, uint32_t mask, uint8_t *option)
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

static bool fact_refs(struct loading *s, const struct conf_node *n, const char *template, struct expr *e)
{
	uint8_t option[CHOICES_MAX] = { 0 };
	char name[256];
	struct fact_ref *refs = conf_alloc(s->c, READINGS_MAX * sizeof *refs);
	size_t count = 0;
	if (!refs || !expand(s->pack, template, option, &e->choices, name, sizeof name))
		return refs ? (conf_problem(s->c, n, "'%s': an unknown choice behind '$'", template), false) : false;
	do {
		int window;
		uint32_t mask = 0;
		if (count == READINGS_MAX || !expand(s->pack, template, option, &mask, name, sizeof name))
			return conf_problem(s->c, n, "'%s': too many readings", template), false;
		const struct fact_row *row = fact_find(name, s->pack->window_names, s->pack->windows.n, &window);
		if (!row || (count && (row->type != refs[0].row->type))) {
			conf_problem(s->c, n, "'%s' is no fact%s; `puectl pack show --facts` lists them", name, row ? " of the same kind" : "");
			return false;
		}
		refs[count++] = (struct fact_ref){ row, window < 0 ? NULL : s->pack->window_names[window], row->name };
	} while (next_reading(s->pack, e->choices, option));
	e->refs = refs;
	e->type = refs[0].row->type;
	if (refs[0].row->unit && unit_parse(refs[0].row->unit, &e->unit))
		e->dim = e->unit.dim;
	return true;
}

static const struct expr *figure_named(struct loading *s, const char *name)
{
	for (size_t i = 0; i < s->pack->figures.n; i++) {
		const struct figure *f = &ROWS(struct figure, s->pack->figures)[i];
		if (f->id && strcmp(f->id, name) == 0)
			return f->is_date ? date_literal(s, f->date) : number_literal(s, f->number, f->unit);
	}
	return NULL;
}

static const struct expr *definition_named(struct loading *s, const char *name)
{
	for (size_t i = 0; i < s->pack->definitions.n; i++)
		if (strcmp(ROWS(struct named, s->pack->definitions)[i].id, name) == 0)
			return ROWS(struct named, s->pack->definitions)[i].expr;
	return NULL;
}

static const struct expr *statement_named(struct loading *s, const char *name)
{
	static const enum value_type types[] = { TYPE_TRUTH, TYPE_DATE, TYPE_NUMBER, TYPE_TEXT };
	for (size_t i = 0; i < s->pack->statements.n; i++) {
		const struct statement *st = &ROWS(struct statement, s->pack->statements)[i];
		if (!st->id || strcmp(st->id, name) != 0)
			continue;
		struct expr *e = make(s, eval_statement, types[st->kind]);
		if (!e)
			return NULL;
		e->statement = st;
		if (st->kind == STATEMENT_AMOUNT) {
			e->unit = st->parsed;
			e->dim = st->parsed.dim;
		}
		return e;
	}
	return NULL;
}

static const struct expr *criterion_named(struct loading *s, const char *name)
{
	for (size_t i = 0; s->criteria_names && i < s->pack->criteria.n; i++) {
		const struct rule *r = &ROWS(struct rule, s->pack->criteria)[i];
		if (!r->id || strcmp(r->id, name) != 0 || !r->test)
			continue;
		struct expr *e = make(s, eval_criterion, TYPE_TRUTH);
		if (e) {
			e->k = i;
			take(e, r->test);
		}
		return e;
	}
	return NULL;
}

static void name_problem(struct loading *s, const struct conf_node *n, const char *name)
{
	const char *words[256];
	size_t count = 0;
	for (size_t i = 0; i < fact_row_count && count < countof(words); i++)
		words[count++] = fact_rows[i].name;
	for (size_t i = 0; i < s->pack->figures.n && count < countof(words); i++)
		if (ROWS(struct figure, s->pack->figures)[i].id)
			words[count++] = ROWS(struct figure, s->pack->figures)[i].id;
	for (size_t i = 0; i < s->pack->definitions.n && count < countof(words); i++)
		words[count++] = ROWS(struct named, s->pack->definitions)[i].id;
	const char *near = conf_nearest(name, words, count);
	if (near)
		conf_problem(s->c, n, "'%s' is no fact, figure, definition or statement; did you mean '%s'?", name, near);
	else
		conf_problem(s->c, n, "'%s' is no fact, figure, definition or statement; `puectl pack show --facts` lists the facts", name);
}

static const struct expr *name_load(struct loading *s, const struct conf_node *n, const char *name)
{
	int window;
	const struct expr *e;
	if ((e = figure_named(s, name)) || (e = definition_named(s, name)) || (e = statement_named(s, name)) || (e = criterion_named(s, name)))
		return e;
	if (!strchr(name, '$') && !fact_find(name, s->pack->window_names, s->pack->windows.n, &window)) {
		name_problem(s, n, name);
		return NULL;
	}
	struct expr *fact = make(s, eval_fact, TYPE_NUMBER);
	return fact && fact_refs(s, n, name, fact) ? fact : NULL;
}

static const struct expr *scalar_load(struct loading *s, const struct conf_node *n)
{
	const char *text = conf_scalar(n);
	struct exact v;
	struct unit unit;
	struct date d;
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return truth_literal(s, text[0] == 't' ? TRUTH_YES : TRUTH_NO);
	if (strlen(text) == 10 && date_parse(text, &d, NULL))
		return date_literal(s, d);
	if (!strchr("+-.0123456789", text[0]))
		return name_load(s, n, text);
	if (exact_parse(text, &v, &unit))
		return number_literal(s, v, unit);
	conf_problem(s->c, n, "'%s' is no number with a known unit; write for example 1.25, 70 %%, 1000 yuan or 0.2 yuan/kW.h", text);
	return NULL;
}

/* Operators */

struct op;
typedef bool loader(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e);
enum shape { SHAPE_SAME, SHAPE_PRODUCT, SHAPE_QUOTIENT, SHAPE_TRUTHS, SHAPE_DAYS, SHAPE_DAY_NUMBER, SHAPE_ANY };
static const struct op {
	const char *key;
	expr_eval *eval;
	loader *load;
	enum value_type type;           /* of the result */
	enum shape shape;               /* of a plain list of arguments */
	size_t min, max;
	const char *keys[6];            /* the other keys of the mapping */
} ops[];

static const char *need_number(const struct expr *e)
{
	return e->type == TYPE_NUMBER ? NULL : "a number is needed here";
}

static bool same_unit(struct loading *s, const struct conf_node *n, const struct expr *a, const struct expr *b)
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
		return same_unit(s, n, e->args[0], a);
	if (shape == SHAPE_PRODUCT || shape == SHAPE_QUOTIENT)
		e->dim = i ? dim_mul(e->dim, a->dim, shape == SHAPE_PRODUCT ? 1 : -1) : a->dim;
	return true;
}

static bool load_list(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *list = conf_get(n, op->key);
	bool sequence = conf_kind(list) == CONF_SEQUENCE;
	size_t count = sequence ? conf_count(list) : 1;
	if ((!sequence && op->min > 1) || count < op->min || count > op->max || !room_for(s, e, count)) {
		conf_problem(s->c, list, "`%s` takes a list of %zu to %zu", op->key, op->min, op->max);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item = sequence ? conf_item(list, i) : list;
		e->args[i] = expr_load(s, item);
		if (!take(e, e->args[i]) || !fit_arg(s, item, op->shape, e, i))
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

static bool load_arg(struct loading *s, const struct conf_node *n, const char *key, struct expr *e)
{
	const struct conf_node *node = conf_get(n, key);
	if (!node) {
		conf_problem(s->c, n, "`%s` is missing here", key);
		return false;
	}
	e->args[e->n] = expr_load(s, node);
	return take(e, e->args[e->n]) && ++e->n;
}

static bool load_at_least(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct op list = { .key = "of", .eval = eval_at_least, .type = TYPE_TRUTH, .shape = SHAPE_TRUTHS, .min = 1, .max = op->max };
	int64_t k;
	const struct conf_range range = { 1, 63 };
	if (!conf_get(n, "of"))
		return load_problem(s, n, "`of` is missing here: the list of conditions") != NULL;
	if (!conf_int(s->c, conf_get(n, op->key), &k, &range) || !load_list(s, n, &list, e))
		return false;
	e->k = (size_t)k;
	if (e->k > e->n)
		return load_problem(s, n, "more conditions are asked for than there are") != NULL;
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
	if (!room_for(s, e, 2) || !load_arg(s, n, op->key, e) || !load_arg(s, n, "limit", e))
		return false;
	if (!comparison_named(sign ? conf_scalar(sign) : NULL, &e->op))
		return load_problem(s, sign ? sign : n, "`op` must be one of \"<\", \"<=\", \">\", \">=\", \"=\", \"!=\" (quoted)") != NULL;
	const struct expr *a = e->args[0], *b = e->args[1];
	if (a->type != b->type) {
		conf_problem(s->c, n, "a %s cannot be compared with a %s", value_type_names[a->type], value_type_names[b->type]);
		return false;
	}
	return (a->type != TYPE_NUMBER || same_unit(s, n, a, b)) && check_word(s, conf_get(n, "word"), e);
}

/* All branches of one type and unit; the result takes theirs. */
static bool same_kind(struct loading *s, const struct conf_node *n, struct expr *e, const struct expr *branch, bool first)
{
	if (!take(e, branch))
		return false;
	if (first) {
		e->type = branch->type;
		e->dim = branch->dim;
		e->unit = branch->unit;
	}
	if (branch->type != e->type)
		return load_problem(s, n, "the branches are of different kinds") != NULL;
	return e->type != TYPE_NUMBER || same_unit(s, n, e, branch);
}

static bool load_choose(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const char *id = conf_scalar(conf_get(n, op->key));
	const struct conf_node *options = conf_get(n, "options");
	int choice = id ? choice_named(s->pack, id, strlen(id)) : -1;
	if (choice < 0 || conf_kind(options) != CONF_MAPPING)
		return load_problem(s, n, choice < 0 ? "`choose` names a choice of this pack" : "`options` is missing: one expression an option") != NULL;
	const struct choice *c = &ROWS(struct choice, s->pack->choices)[choice];
	e->choice = choice;
	if (!room_for(s, e, c->options.n))
		return false;
	for (size_t i = 0; i < c->options.n; i++) {
		const char *option = ROWS(struct choice_option, c->options)[i].id;
		const struct conf_node *node = option ? conf_get(options, option) : NULL;
		if (!node) {
			conf_problem(s->c, options, "option '%s' of choice '%s' is missing here", option ? option : "?", id);
			return false;
		}
		e->args[i] = expr_load(s, node);
		if (!same_kind(s, node, e, e->args[i], i == 0))
			return false;
		e->n++;
	}
	if (conf_count(options) != c->options.n)
		return load_problem(s, options, "an option that the choice does not have") != NULL;
	e->choices |= 1u << choice;
	return true;
}

static bool arms_of(struct loading *s, const struct conf_node *n, const char *key, struct expr *e, const struct conf_node **list)
{
	*list = conf_get(n, key);
	size_t count = *list ? conf_count(*list) : 0;
	if (conf_kind(*list) != CONF_SEQUENCE || count == 0 || count > 64)
		return load_problem(s, n, "a list of 1 to 64 rows is needed here") != NULL;
	e->arms = conf_alloc(s->c, count * sizeof *e->arms);
	return e->arms != NULL;
}

static bool row_keys(struct loading *s, const struct conf_node *row, const char *const *keys)
{
	if (conf_kind(row) != CONF_MAPPING)
		return load_problem(s, row, "a mapping is needed here") != NULL;
	for (size_t i = 0; i < conf_count(row); i++) {
		const char *key = conf_scalar(conf_key(row, i));
		size_t k = 0;
		while (keys[k] && (!key || strcmp(keys[k], key) != 0))
			k++;
		if (!keys[k]) {
			conf_problem(s->c, conf_key(row, i), "unknown key '%s'", key ? key : "");
			return false;
		}
	}
	return true;
}

static bool load_otherwise(struct loading *s, const struct conf_node *n, const char *key, struct expr *e, bool needed)
{
	const struct conf_node *node = conf_get(n, key);
	if (!node)
		return !needed || load_problem(s, n, "`else` is missing: rules are total") != NULL;
	e->otherwise = expr_load(s, node);
	return same_kind(s, node, e, e->otherwise, false);
}

static bool load_case(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "when", "then", NULL };
	const struct conf_node *list;
	if (!arms_of(s, n, op->key, e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		struct arm *a = &e->arms[i];
		if (!row_keys(s, row, keys) || !conf_get(row, "when") || !conf_get(row, "then"))
			return load_problem(s, row, "a row of `case` has `when` and `then`") != NULL;
		a->when = expr_load_as(s, conf_get(row, "when"), TYPE_TRUTH, NULL);
		a->then = expr_load(s, conf_get(row, "then"));
		if (!take(e, a->when) || !same_kind(s, row, e, a->then, i == 0))
			return false;
		e->n_arms++;
	}
	return load_otherwise(s, n, "else", e, true);
}

static bool load_step(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "from", "value", NULL };
	const struct conf_node *list;
	if (!room_for(s, e, 1) || !load_arg(s, n, op->key, e) || !arms_of(s, n, "rows", e, &list))
		return false;
	if (e->args[0]->type != TYPE_DATE)
		return load_problem(s, n, "`step` is a function of a day") != NULL;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		struct arm *a = &e->arms[i];
		if (!row_keys(s, row, keys) || !conf_get(row, "from") || !conf_get(row, "value"))
			return load_problem(s, row, "a row of `step` has `from` and `value`") != NULL;
		if (!conf_date(s->c, conf_get(row, "from"), &a->from, NULL))
			return false;
		if (i && date_compare(a->from, e->arms[i - 1].from) <= 0)
			return load_problem(s, row, "the rows must ascend by day") != NULL;
		a->then = expr_load(s, conf_get(row, "value"));
		if (!same_kind(s, row, e, a->then, i == 0))
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
		return i + 1 == count || load_problem(s, row, "only the last row is without `upto`") != NULL;
	a->when = expr_load_as(s, node, TYPE_NUMBER, NULL);
	if (!take(e, a->when) || !same_unit(s, node, e->args[0], a->when))
		return false;
	const struct arm *before = i ? &e->arms[i - 1] : NULL;
	bool fixed = a->when->eval == eval_literal && before && before->when && before->when->eval == eval_literal;
	if (fixed && exact_compare(before->when->literal.lo, a->when->literal.lo) >= 0)
		return load_problem(s, node, "the borders must ascend") != NULL;
	return true;
}

static bool load_piecewise(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "upto", "rate", NULL };
	const struct exact zero = { 0, 1 };
	const struct conf_node *list;
	struct expr rates = { 0 };
	if (!room_for(s, e, 1) || !load_arg(s, n, op->key, e) || !arms_of(s, n, "bands", e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		if (!row_keys(s, row, keys) || !conf_get(row, "rate") || !load_border(s, row, e, i, conf_count(list)))
			return load_problem(s, row, "a row of `bands` has `rate`, and `upto` except in the last") != NULL;
		const struct expr *rate = e->arms[i].then = expr_load_as(s, conf_get(row, "rate"), TYPE_NUMBER, NULL);
		if (!same_kind(s, row, &rates, rate, i == 0))
			return false;
		if (rate->eval != eval_literal || exact_compare(rate->literal.lo, zero) < 0)
			return load_problem(s, row, "a rate is a number or a figure, not below 0") != NULL;
		e->n_arms++;
	}
	e->dim = dim_mul(e->args[0]->dim, rates.dim, 1);
	e->unit = unit_default(e->dim);
	return true;
}

static bool load_class(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "upto", "closed", "is", NULL };
	const struct conf_node *list;
	if (!room_for(s, e, 1) || !load_arg(s, n, op->key, e) || !arms_of(s, n, "bands", e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i), *closed = conf_get(row, "closed");
		struct arm *a = &e->arms[i];
		if (!row_keys(s, row, keys) || !load_border(s, row, e, i, conf_count(list)))
			return false;
		if (!(a->key = conf_scalar(conf_get(row, "is"))))
			return load_problem(s, row, "`is` is missing: the name of the class") != NULL;
		if (closed && !conf_bool(s->c, closed, &a->closed, NULL))
			return false;
		if (a->when && !closed)
			return load_problem(s, row, "`closed` is missing: does the class hold its upper border?") != NULL;
		e->n_arms++;
	}
	return true;
}

static bool load_lookup(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *table = conf_get(n, "table");
	if (!room_for(s, e, 1) || !load_arg(s, n, op->key, e))
		return false;
	if (e->args[0]->type != TYPE_TEXT || conf_kind(table) != CONF_MAPPING || conf_count(table) == 0)
		return load_problem(s, n, "`lookup` needs a text, and a `table` with a row for each of its values") != NULL;
	e->arms = conf_alloc(s->c, conf_count(table) * sizeof *e->arms);
	for (size_t i = 0; e->arms && i < conf_count(table); i++) {
		e->arms[i].key = conf_scalar(conf_key(table, i));
		e->arms[i].then = expr_load(s, conf_item(table, i));
		if (!same_kind(s, conf_item(table, i), e, e->arms[i].then, i == 0))
			return false;
		e->n_arms++;
	}
	return e->arms && load_otherwise(s, n, "else", e, false);
}

static bool load_weighted(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const char *const keys[] = { "value", "weight", NULL };
	const struct conf_node *list;
	struct expr weights = { 0 };
	if (!arms_of(s, n, op->key, e, &list))
		return false;
	for (size_t i = 0; i < conf_count(list); i++) {
		const struct conf_node *row = conf_item(list, i);
		struct arm *a = &e->arms[i];
		if (!row_keys(s, row, keys) || !conf_get(row, "value") || !conf_get(row, "weight"))
			return load_problem(s, row, "a row of `weighted_mean` has `value` and `weight`") != NULL;
		a->then = expr_load_as(s, conf_get(row, "value"), TYPE_NUMBER, NULL);
		a->when = expr_load_as(s, conf_get(row, "weight"), TYPE_NUMBER, NULL);
		if (!same_kind(s, row, e, a->then, i == 0) || !same_kind(s, row, &weights, a->when, i == 0))
			return false;
		e->choices |= weights.choices;
		e->n_arms++;
	}
	return true;
}

static bool load_is(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	const struct conf_node *list = conf_get(n, "one_of");
	if (!room_for(s, e, 1) || !load_arg(s, n, op->key, e))
		return false;
	if (e->args[0]->type != TYPE_TEXT || conf_kind(list) != CONF_SEQUENCE || conf_count(list) == 0)
		return load_problem(s, n, "`is` needs a text fact, and `one_of`, a list of texts") != NULL;
	e->arms = conf_alloc(s->c, conf_count(list) * sizeof *e->arms);
	for (size_t i = 0; e->arms && i < conf_count(list); i++) {
		if (!(e->arms[i].key = conf_scalar(conf_item(list, i))))
			return load_problem(s, conf_item(list, i), "a text is needed here") != NULL;
		e->n_arms++;
	}
	return e->arms != NULL;
}

static bool load_round(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e)
{
	static const struct conf_name modes[] = { { "half_even", ROUND_HALF_EVEN }, { "down", ROUND_DOWN }, { "up", ROUND_UP }, { NULL, 0 } };
	const struct exact zero = { 0, 1 };
	int mode;
	if (!room_for(s, e, 2) || !load_arg(s, n, op->key, e) || !load_arg(s, n, "to", e))
		return false;
	const struct expr *to = e->args[1];
	if (need_number(e->args[0]) || to->type != TYPE_NUMBER || to->eval != eval_literal || exact_compare(to->literal.lo, zero) <= 0)
		return load_problem(s, n, "`round` needs a number, and `to`, a step above 0") != NULL;
	if (!conf_get(n, "mode"))
		return load_problem(s, n, "`mode` is missing: half_even, down or up") != NULL;
	if (!conf_enum(s->c, conf_get(n, "mode"), &mode, modes) || !same_unit(s, n, e->args[0], to))
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
	{ "case", eval_case, load_case, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "else", NULL } },
	{ "step", eval_step, load_step, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "rows", "before", NULL } },
	{ "piecewise", eval_piecewise, load_piecewise, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "bands", NULL } },
	{ "class", eval_class, load_class, TYPE_TEXT, SHAPE_ANY, 0, 0, { "bands", NULL } },
	{ "lookup", eval_lookup, load_lookup, TYPE_NUMBER, SHAPE_ANY, 0, 0, { "table", "else", NULL } },
	{ "weighted_mean", eval_weighted, load_weighted, TYPE_NUMBER, SHAPE_ANY, 0, 0, { NULL } },
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
	return row_keys(s, n, keys);
}

static const struct expr *mapping_load(struct loading *s, const struct conf_node *n)
{
	const struct op *op = op_of(n);
	if (!op)
		return load_problem(s, n, "no operator here that is known; docs/writing-a-pack.md lists them");
	struct expr *e = make(s, op->eval, op->type);
	if (!e || !op_keys(s, n, op) || !op->load(s, n, op, e))
		return NULL;
	if (e->size > EXPR_SIZE_MAX)
		return load_problem(s, n, "the expression grows too large, with its definitions written out");
	return e;
}

const struct expr *expr_load(struct loading *s, const struct conf_node *n)
{
	if (conf_kind(n) == CONF_SCALAR)
		return scalar_load(s, n);
	if (conf_kind(n) == CONF_MAPPING)
		return mapping_load(s, n);
	return load_problem(s, n, "a number, a name or an operator is needed here");
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
