/* What of a pack can be checked before its expressions are read: figures, names, windows, shares, vectors. */
#include "rules/language.h"

#include <string.h>

/* Statuses of domain.md: text read, public material read (with its number), measured, decided here; m+ and m? are not verified. */
static bool status_known(const char *status, bool *verified)
{
	static const struct { const char *name; bool verified; } rows[] = {
		{ "S", true }, { "D", true }, { "M", true }, { "m+", false }, { "m?", false } };
	*verified = status[0] == 'P' && status[1] == ':' && status[2];
	for (size_t i = 0; i < countof(rows); i++)
		if (strcmp(rows[i].name, status) == 0) {
			*verified = rows[i].verified;
			return true;
		}
	return *verified;
}

static void check_figure(struct loading *s, struct figure *f, const struct conf_node *n)
{
	bool verified;
	f->bad = true;
	if (!f->id || !f->value || !f->source || !f->status)
		return;
	if (!status_known(f->status, &verified))
		conf_problem(s->c, conf_get(n, "status"), "'%s' is no status; S (text read), P:n (public material), M (measured), D (decided here), m+ or m? (not verified)", f->status);
	else if (!verified && f->use == USE_VERDICT && !s->pack->draft_figure)
		s->pack->draft_figure = f->id;
	if (!f->source[0])
		conf_problem(s->c, conf_get(n, "source"), "a figure needs a source");
	f->is_date = strlen(f->value) == 10 && date_parse(f->value, &f->date, NULL);
	f->bad = !f->is_date && !exact_parse(f->value, &f->number, &f->unit);
	if (f->bad)
		conf_problem(s->c, conf_get(n, "value"), "'%s' is no number with a known unit; write for example 1.25, 70 %%, 1000 yuan, 2.5 kW or 0.2 yuan/kW.h", f->value);
}

static void check_choice(struct loading *s, struct choice *choice, const struct conf_node *n)
{
	choice->first = -1;
	for (size_t i = 0; i < choice->options.n; i++) {
		const char *id = ROWS(struct choice_option, choice->options)[i].id;
		if (id && choice->default_ && strcmp(id, choice->default_) == 0)
			choice->first = (int)i;
	}
	if (choice->first < 0) {
		conf_problem(s->c, conf_get(n, "default") ? conf_get(n, "default") : n, "the default is none of the options; name one of their ids");
		choice->first = 0;
	}
}

static void check_statement(struct loading *s, struct statement *st, const struct conf_node *n)
{
	if (st->kind == STATEMENT_AMOUNT && (!st->unit || !unit_parse(st->unit, &st->parsed)))
		conf_problem(s->c, n, "an amount needs a `unit` that is known: yuan, kW.h, m3, ...");
	if (st->kind != STATEMENT_AMOUNT && st->unit)
		conf_problem(s->c, n, "only an amount has a `unit`; add `kind: amount` or remove it");
}

/* Ids of one kind are unique, so that a reason names one thing. */
static void check_unique(struct loading *s, const struct conf_vec *list, size_t size, const char *key, const char *what)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = *(const char *const *)((const char *)list->items + i * size);
			const char *b = *(const char *const *)((const char *)list->items + k * size);
			const struct conf_node *rows = conf_get(s->root, key), *again = conf_item(rows, i);
			if (!a || !b || strcmp(a, b) != 0)
				continue;
			conf_problem(s->c, conf_get(again, "id") ? conf_get(again, "id") : again, "%s '%s' stands twice (first in line %d); give one another id", what, a,
				     conf_place(conf_item(rows, k)).line);
			break;
		}
}

static void check_split(struct loading *s)
{
	const struct pack *p = s->pack;
	if (p->split.stated && p->split.by && strcmp(p->split.by, "site.jurisdiction") != 0)
		conf_problem(s->c, conf_get(conf_get(s->root, "split"), "by"), "split.by: only site.jurisdiction is known");
	for (size_t i = 0; i < p->split.rows.n; i++) {
		const struct split_row *row = &ROWS(struct split_row, p->split.rows)[i];
		const struct conf_node *at = conf_item(conf_get(conf_get(s->root, "split"), "rows"), i);
		struct exact sum = { 0, 1 };
		bool odd = !row->odd_to, good = true;
		for (size_t k = 0; k < row->shares.n; k++) {
			const struct split_share *share = &ROWS(struct split_share, row->shares)[k];
			good = good && exact_add(sum, exact_ratio(share->share), &sum);
			odd = odd || (share->who && strcmp(share->who, row->odd_to) == 0);
		}
		if (!good || exact_compare(sum, exact_int(1)) != 0)
			conf_problem(s->c, at, "the shares of split row '%s' do not add up to 1 (100 %%); correct one of them", row->key ? row->key : "?");
		if (!odd || (row->shares.n > 1 && !row->odd_to))
			conf_problem(s->c, at, "split row '%s' needs `odd_to`, one of its own `who`: where the odd fen goes", row->key ? row->key : "?");
	}
}

/* A further window is one that can be made of a site's records: docs/writing-a-pack.md, "Windows". */
static void check_further(struct loading *s, const struct pack_window_spec *w, const struct conf_node *at)
{
	const struct conf_node *kind = conf_get(at, "kind");
	int window;
	if (!w->name)
		conf_problem(s->c, at, "a further window needs a `name`: its facts are NAME.pue, NAME.it_energy, ...");
	else if (strchr(w->name, '.') || fact_find(w->name, NULL, 0, &window))
		conf_problem(s->c, conf_get(at, "name"), "'%s' cannot name a window: %s", w->name, strchr(w->name, '.') ? "without a point, please" : "a fact has this name");
	if (kind && w->kind != WINDOW_PRECEDING && w->kind != WINDOW_LOAD_FRACTION)
		conf_problem(s->c, kind, "a further window is `preceding` (the months before the main one) or `load_fraction`");
	else if (kind && w->months == 0)
		conf_problem(s->c, at, "`months` is missing here: how many, 12 for a year");
	if (w->kind == WINDOW_LOAD_FRACTION && (w->load.num <= 0 || w->within.den <= 0))
		conf_problem(s->c, at, "a window at a load needs `load: 25 %%` and `within: 5 %%`: IT power over the racks' rated power, and how far from it");
}

static void check_windows(struct loading *s)
{
	struct pack *p = s->pack;
	const struct pack_window_spec *w = &p->window;
	const struct conf_node *at = conf_get(s->root, "window"), *list = conf_get(s->root, "windows");
	if (w->kind != WINDOW_SNAPSHOT && w->kind != WINDOW_CALENDAR_YEAR && w->months == 0)
		conf_problem(s->c, at, "window.months is missing: how many months, 12 for a year");
	if (w->kind == WINDOW_PRECEDING || w->kind == WINDOW_LOAD_FRACTION)
		conf_problem(s->c, at, "the main window is rolling, calendar_year, since or snapshot; further ones stand in `windows`");
	if (w->kind == WINDOW_SINCE && !w->event)
		conf_problem(s->c, at, "a window of kind `since` needs `not_before`: completed or operation_start");
	p->window_names = conf_alloc(s->c, (p->windows.n + 1) * sizeof *p->window_names);
	for (size_t i = 0; p->window_names && i < p->windows.n; i++) {
		w = &ROWS(struct pack_window_spec, p->windows)[i];
		p->window_names[i] = w->name ? w->name : "?";
		check_further(s, w, conf_item(list, i));
	}
}

static void check_validity(struct loading *s)
{
	struct pack *p = s->pack;
	const struct conf_node *at = conf_get(s->root, "validity");
	static const char *const events[] = { "completed", "applied", "window.to", "window.from", "judged" };
	for (size_t i = 0; i < p->validity.events.n; i++) {
		const char *name = TEXTS(p->validity.events)[i];
		size_t k = 0;
		while (name && k < countof(events) && strcmp(events[k], name) != 0)
			k++;
		if (k == countof(events))
			conf_problem(s->c, conf_item(conf_get(at, "events"), i), "validity.events: '%s' is none of completed, applied, window.from, window.to, judged", name ? name : "");
	}
	if (p->validity.until.year && date_compare(p->validity.until, p->validity.from) < 0)
		conf_problem(s->c, conf_get(at, "until"), "the validity ends before it begins; exchange `from` and `until`, or correct one");
}

static void check_requires(struct loading *s)
{
	const char *names[512];
	size_t n = 0;
	int window;
	for (size_t i = 0; i < fact_row_count && n < countof(names); i++)
		names[n++] = fact_rows[i].name;
	for (size_t i = 0; i < s->pack->requires.n; i++) {
		const char *name = TEXTS(s->pack->requires)[i];
		if (!name || fact_find(name, NULL, 0, &window))
			continue;
		const char *near = conf_nearest(name, names, n);
		conf_problem(s->c, conf_item(conf_get(s->root, "requires"), i), "requires: '%s' is no fact%s%s%s", name, near ? "; did you mean '" :
			     "; a statement is required by `required: true`", near ? near : "", near ? "'?" : "");
	}
}

static void check_standard_rack(struct loading *s)
{
	struct pack *p = s->pack;
	struct unit mw;
	const struct figure *f = pack_figure(p, p->standard_rack_figure);
	const struct conf_node *at = conf_get(s->root, "standard_rack");
	if (!p->standard_rack_figure || !unit_parse("W", &mw))
		return;
	if (!f)
		conf_problem(s->c, at, "'%s' is no figure; add it: figures: - {id: %s, value: 2.5 kW, source: ..., status: ...}", p->standard_rack_figure, p->standard_rack_figure);
	else if (!f->bad && (f->is_date || !dim_equal(f->unit.dim, mw.dim) || !exact_int64(f->number, &p->standard_rack_mw) || p->standard_rack_mw <= 0))
		conf_problem(s->c, at, "figure '%s' is no power above 0; a standard rack is for example 2.5 kW", p->standard_rack_figure);
}

/* One name, one thing: a figure that is called like a fact would change what every rule below means. */
static void check_name(struct loading *s, const struct conf_node *at, const char *id, const char *what)
{
	const struct pack *p = s->pack;
	int window;
	bool figure = strcmp(what, "figure") != 0 && pack_figure(p, id), statement = false;
	for (size_t i = 0; strcmp(what, "definition") == 0 && i < p->statements.n; i++) {
		const char *other = ROWS(struct statement, p->statements)[i].id;
		statement = statement || (other && strcmp(other, id) == 0);
	}
	const char *taken = fact_find(id, NULL, 0, &window) ? "fact" : figure ? "figure" : statement ? "statement" : NULL;
	if (taken)
		conf_problem(s->c, at, "%s '%s' has the name of a %s; give it another", what, id, taken);
}

static void check_names(struct loading *s)
{
	const struct pack *p = s->pack;
	const struct conf_node *figures = conf_get(s->root, "figures"), *statements = conf_get(s->root, "statements"), *definitions = p->definitions_node;
	for (size_t i = 0; i < p->figures.n; i++)
		if (ROWS(struct figure, p->figures)[i].id)
			check_name(s, conf_get(conf_item(figures, i), "id"), ROWS(struct figure, p->figures)[i].id, "figure");
	for (size_t i = 0; i < p->statements.n; i++)
		if (ROWS(struct statement, p->statements)[i].id)
			check_name(s, conf_get(conf_item(statements, i), "id"), ROWS(struct statement, p->statements)[i].id, "statement");
	for (size_t i = 0; definitions && conf_kind(definitions) == CONF_MAPPING && i < conf_count(definitions); i++)
		if (conf_scalar(conf_key(definitions, i)))
			check_name(s, conf_key(definitions, i), conf_scalar(conf_key(definitions, i)), "definition");
}

static void check_vector(struct loading *s, const struct vector *v, const struct conf_node *at)
{
	const char *names[VERDICT_N + 1];
	size_t n = 0;
	struct exact amount;
	struct unit unit, yuan;
	for (int i = 0; i < VERDICT_N; i++)
		names[n++] = verdict_names[i];
	names[n++] = "REFUSED";
	bool known = !v->verdict;
	for (size_t i = 0; i < n && !known; i++)
		known = strcmp(names[i], v->verdict) == 0;
	if (!known) {
		const char *near = conf_nearest(v->verdict, names, n);
		conf_problem(s->c, conf_get(at, "verdict"), "'%s' is no verdict%s%s%s", v->verdict, near ? "; did you mean '" : "; docs/writing-a-pack.md lists them",
			     near ? near : "", near ? "'?" : "");
	}
	if (v->amount && (!exact_parse(v->amount, &amount, &unit) || !unit_parse("yuan", &yuan) || !dim_equal(unit.dim, yuan.dim)))
		conf_problem(s->c, conf_get(at, "amount"), "'%s' is no amount of money; write for example 500000 yuan", v->amount);
	for (size_t i = 0; i < conf_count(v->outputs); i++) {
		const char *id = conf_scalar(conf_key(v->outputs, i));
		size_t k = 0;
		while (id && k < s->pack->outputs.n && (!ROWS(struct output, s->pack->outputs)[k].id || strcmp(ROWS(struct output, s->pack->outputs)[k].id, id) != 0))
			k++;
		if (k == s->pack->outputs.n)
			conf_problem(s->c, conf_key(v->outputs, i), "'%s' is none of the outputs", id ? id : "");
	}
}

/* Everything that needs no expression. */
void pack_check(struct loading *s)
{
	struct pack *p = s->pack;
	const struct conf_node *root = s->root;
	for (size_t i = 0; i < p->figures.n; i++)
		check_figure(s, (struct figure *)p->figures.items + i, conf_item(conf_get(root, "figures"), i));
	for (size_t i = 0; i < p->choices.n; i++)
		check_choice(s, (struct choice *)p->choices.items + i, conf_item(conf_get(root, "choices"), i));
	for (size_t i = 0; i < p->statements.n; i++)
		check_statement(s, (struct statement *)p->statements.items + i, conf_item(conf_get(root, "statements"), i));
	check_unique(s, &p->figures, sizeof(struct figure), "figures", "figure");
	check_unique(s, &p->choices, sizeof(struct choice), "choices", "choice");
	check_unique(s, &p->statements, sizeof(struct statement), "statements", "statement");
	check_unique(s, &p->criteria, sizeof(struct rule), "criteria", "criterion");
	check_unique(s, &p->sufficiency, sizeof(struct condition), "sufficiency", "condition");
	check_unique(s, &p->reservations, sizeof(struct condition), "reservations", "reservation");
	check_unique(s, &p->exclusions, sizeof(struct condition), "exclusions", "exclusion");
	check_unique(s, &p->outputs, sizeof(struct output), "outputs", "output");
	check_names(s);
	check_windows(s);
	check_validity(s);
	check_requires(s);
	check_standard_rack(s);
	check_split(s);
	for (size_t i = 0; i < p->vectors.n; i++)
		check_vector(s, &ROWS(struct vector, p->vectors)[i], conf_item(conf_get(root, "vectors"), i));
}

const struct figure *pack_figure(const struct pack *p, const char *id)
{
	for (size_t i = 0; id && i < p->figures.n; i++)
		if (ROWS(struct figure, p->figures)[i].id && strcmp(ROWS(struct figure, p->figures)[i].id, id) == 0)
			return &ROWS(struct figure, p->figures)[i];
	return NULL;
}
