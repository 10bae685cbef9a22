/* Leaves of expressions: literals, and names with every reading they have. */
#include "rules/expr_load.h"

#include <stdio.h>
#include <string.h>

static const struct expr *number_literal(struct loading *s, struct exact v, struct unit unit)
{
	struct expr *e = expr_new(s, eval_literal, TYPE_NUMBER);
	if (!e)
		return NULL;
	e->literal = value_number(v, v);
	e->dim = unit.dim;
	e->unit = unit;
	return e;
}

static const struct expr *date_literal(struct loading *s, struct date d)
{
	struct expr *e = expr_new(s, eval_literal, TYPE_DATE);
	if (e)
		e->literal = value_date(d, NULL);
	return e;
}

static const struct expr *truth_literal(struct loading *s, enum truth t)
{
	struct expr *e = expr_new(s, eval_literal, TYPE_TRUTH);
	if (e)
		e->literal = value_truth(t, NULL);
	return e;
}

int expr_choice_named(const struct pack *p, const char *id, size_t len)
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
		int i = expr_choice_named(p, name, n);
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
	} while (reading_next(s->pack, e->choices, option));
	e->refs = refs;
	e->asks = true;
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
			return f->bad ? NULL : f->is_date ? date_literal(s, f->date) : number_literal(s, f->number, f->unit);
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
		struct expr *e = expr_new(s, eval_statement, types[st->kind]);
		if (!e)
			return NULL;
		e->statement = st;
		e->asks = true;
		if (st->kind == STATEMENT_AMOUNT) {
			e->unit = st->parsed;
			e->dim = st->parsed.dim;
		}
		return e;
	}
	return NULL;
}

/* The ids of a list whose rows begin with one, behind those in `out`. */
static size_t ids_of(const struct conf_vec *list, size_t size, const char **out, size_t n, size_t max)
{
	for (size_t i = 0; i < list->n && n < max; i++) {
		const char *id = *(const char *const *)((const char *)list->items + i * size);
		if (id)
			out[n++] = id;
	}
	return n;
}

bool expr_criterion(struct loading *s, const struct conf_node *n, struct expr *e)
{
	const char *name = conf_scalar(n), *ids[64];
	for (size_t i = 0; name && i < s->pack->criteria.n; i++) {
		const struct rule *r = &ROWS(struct rule, s->pack->criteria)[i];
		if (!r->id || strcmp(r->id, name) != 0)
			continue;
		e->k = i;
		return expr_take(e, r->test);
	}
	size_t count = ids_of(&s->pack->criteria, sizeof(struct rule), ids, 0, countof(ids));
	const char *near = name ? conf_nearest(name, ids, count) : NULL;
	conf_problem(s->c, n, "'%s' is no criterion%s%s%s", name ? name : "", near ? "; did you mean '" : "; `criteria` has their ids", near ? near : "", near ? "'?" : "");
	return false;
}

/* A name that stands nowhere above: is it a definition that comes later, or of a window that is not asked for? */
static bool later_definition(struct loading *s, const struct conf_node *n, const char *name)
{
	const struct conf_node *list = s->pack->definitions_node;
	if (!list || conf_kind(list) != CONF_MAPPING || !conf_get(list, name))
		return false;
	for (size_t i = 0; i < s->pack->failed.n; i++)
		if (strcmp(TEXTS(s->pack->failed)[i], name) == 0)
			return true;                            /* its own problem is recorded */
	conf_problem(s->c, n, "definition '%s' stands below or is this one; a definition sees only those above it: move it up, without a circle", name);
	return true;
}

static bool other_window(struct loading *s, const struct conf_node *n, const char *name)
{
	const char *dot = strchr(name, '.');
	int window;
	for (size_t i = 0; dot && i < s->pack->windows.n; i++)
		if (strncmp(name, s->pack->window_names[i], (size_t)(dot - name)) == 0 && !s->pack->window_names[i][dot - name]) {
			conf_problem(s->c, n, "'%s' is no fact of a window; `puectl pack show --facts` marks those that are with [windowed]", dot + 1);
			return true;
		}
	const struct fact_row *row = dot ? fact_find(dot + 1, NULL, 0, &window) : NULL;
	if (!row || !row->windowed)
		return false;
	conf_problem(s->c, n, "'%.*s' is no window of this pack; add it: windows: [{name: %.*s, kind: preceding, months: 12}]", (int)(dot - name), name, (int)(dot - name), name);
	return true;
}

static void name_problem(struct loading *s, const struct conf_node *n, const char *name)
{
	const char *words[512];
	size_t count = 0;
	if (later_definition(s, n, name) || other_window(s, n, name))
		return;
	for (size_t i = 0; i < fact_row_count && count < countof(words); i++)
		words[count++] = fact_rows[i].name;
	count = ids_of(&s->pack->figures, sizeof(struct figure), words, count, countof(words));
	count = ids_of(&s->pack->statements, sizeof(struct statement), words, count, countof(words));
	count = ids_of(&s->pack->definitions, sizeof(struct named), words, count, countof(words));
	const char *near = conf_nearest(name, words, count);
	if (near)
		conf_problem(s->c, n, "'%s' is no fact, figure, definition or statement; did you mean '%s'?", name, near);
	else
		conf_problem(s->c, n, "'%s' is no fact, figure, definition or statement; `puectl pack show --facts` lists the facts; a text that stands for itself is {text: ...}",
			     name);
}

static bool figure_known(const struct pack *p, const char *name)
{
	for (size_t i = 0; i < p->figures.n; i++)
		if (ROWS(struct figure, p->figures)[i].id && strcmp(ROWS(struct figure, p->figures)[i].id, name) == 0)
			return true;
	return false;
}

static const struct expr *name_load(struct loading *s, const struct conf_node *n, const char *name)
{
	int window;
	const struct expr *e;
	if (s->criteria_names) {
		struct expr *criterion = expr_new(s, eval_criterion, TYPE_TRUTH);
		return criterion && expr_criterion(s, n, criterion) ? criterion : NULL;
	}
	if ((e = figure_named(s, name)) || (e = definition_named(s, name)) || (e = statement_named(s, name)) || figure_known(s->pack, name))
		return e;
	if (!strchr(name, '$') && !fact_find(name, s->pack->window_names, s->pack->windows.n, &window)) {
		name_problem(s, n, name);
		return NULL;
	}
	struct expr *fact = expr_new(s, eval_fact, TYPE_NUMBER);
	return fact && fact_refs(s, n, name, fact) ? fact : NULL;
}

const struct expr *expr_leaf(struct loading *s, const struct conf_node *n)
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
	conf_problem(s->c, n, "'%s' is no number with a known unit; write for example 1.25, 70 %%, 1000 yuan or 0.2 yuan/kW.h (docs/writing-a-pack.md lists the units)", text);
	return NULL;
}
