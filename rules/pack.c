/* Loading a pack: schema, then names, units, words, quotes; a pack that loads can be judged with, whatever the facts. */
#include "rules/pack_fields.h"

#include "core/merkle.h"

#include <stdlib.h>
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
	if (!f->id || !f->value || !f->source || !f->status)
		return;
	if (!status_known(f->status, &verified))
		conf_problem(s->c, conf_get(n, "status"), "'%s' is no status; S, P:n, M, D, m+ or m?", f->status);
	else if (!verified && f->use == USE_VERDICT && !s->pack->draft_figure)
		s->pack->draft_figure = f->id;
	if (!f->source[0])
		conf_problem(s->c, conf_get(n, "source"), "a figure needs a source");
	f->is_date = strlen(f->value) == 10 && date_parse(f->value, &f->date, NULL);
	if (!f->is_date && !exact_parse(f->value, &f->number, &f->unit))
		conf_problem(s->c, conf_get(n, "value"), "'%s' is no number with a known unit", f->value);
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
		conf_problem(s->c, n, "the default is none of the options");
		choice->first = 0;
	}
}

static void check_statement(struct loading *s, struct statement *st, const struct conf_node *n)
{
	if (st->kind == STATEMENT_AMOUNT && (!st->unit || !unit_parse(st->unit, &st->parsed)))
		conf_problem(s->c, n, "an amount needs a `unit` that is known");
	if (st->kind != STATEMENT_AMOUNT && st->unit)
		conf_problem(s->c, n, "only an amount has a `unit`");
}

static void load_definitions(struct loading *s)
{
	struct pack *p = s->pack;
	const struct conf_node *n = p->definitions_node;
	struct named *rows = conf_alloc(s->c, (conf_count(n) + 1) * sizeof *rows);
	if (!rows || !n)
		return;
	if (conf_kind(n) != CONF_MAPPING)
		conf_problem(s->c, n, "`definitions` is a block of `name: expression` lines");
	p->definitions.items = rows;
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *id = conf_scalar(conf_key(n, i));
		const struct expr *e = id ? expr_load(s, conf_item(n, i)) : NULL;
		/* a definition sees only those above it: no circles */
		if (e)
			rows[p->definitions.n++] = (struct named){ id, e, conf_item(n, i) };
	}
}

static void load_conditions(struct loading *s, struct conf_vec *list)
{
	struct condition *rows = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (rows[i].test_node)
			rows[i].test = expr_load_as(s, rows[i].test_node, TYPE_TRUTH, NULL);
}

/* The comparison word stands in the text that is quoted, at least under the default reading. */
static bool word_quoted(const struct expr *e, const char *quote)
{
	if (!e)
		return false;
	if (e->eval == eval_compare)
		return e->word && strstr(quote, e->word);
	for (size_t i = 0; i < e->n; i++)
		if (e->type == TYPE_TRUTH && word_quoted(e->args[i], quote))
			return true;
	for (size_t i = 0; i < e->n_arms; i++)
		if (e->type == TYPE_TRUTH && e->arms[i].then && word_quoted(e->arms[i].then, quote))
			return true;
	return false;
}

static bool compares(const struct expr *e)
{
	if (e->eval == eval_compare)
		return true;
	for (size_t i = 0; i < e->n; i++)
		if (e->args[i]->type == TYPE_TRUTH && compares(e->args[i]))
			return true;
	return false;
}

static size_t readings_of(const struct pack *p, uint32_t mask)
{
	size_t n = 1;
	for (size_t i = 0; i < p->choices.n; i++)
		if (mask >> i & 1)
			n *= ROWS(struct choice, p->choices)[i].options.n;
	return n;
}

static void load_criteria(struct loading *s)
{
	struct rule *rows = s->pack->criteria.items;
	for (size_t i = 0; i < s->pack->criteria.n; i++) {
		struct rule *r = &rows[i];
		if (r->test_node)
			r->test = expr_load_as(s, r->test_node, TYPE_TRUTH, NULL);
		if (r->test && r->quote && compares(r->test) && !word_quoted(r->test, r->quote))
			conf_problem(s->c, r->test_node, "no comparison here carries a `word` that stands in the quote");
		if (r->test && readings_of(s->pack, r->test->choices) > READINGS_MAX)
			conf_problem(s->c, r->test_node, "more than %d readings", READINGS_MAX);
	}
}

/* `decide`: criteria with all, any, at_least and not; nothing else, so that its lattice is known. */
static bool decide_shape(const struct expr *e)
{
	bool good = e->eval == eval_criterion || e->eval == eval_all || e->eval == eval_any || e->eval == eval_at_least || e->eval == eval_not;
	for (size_t i = 0; i < e->n && good; i++)
		good = decide_shape(e->args[i]);
	return good;
}

static void load_decide(struct loading *s)
{
	struct pack *p = s->pack;
	if (!p->decide_node)
		return;
	s->criteria_names = true;
	p->decide = expr_load_as(s, p->decide_node, TYPE_TRUTH, NULL);
	s->criteria_names = false;
	if (p->decide && !decide_shape(p->decide))
		conf_problem(s->c, p->decide_node, "`decide` joins criteria by all, any, at_least and not; put other tests into a criterion");
}

static const struct figure *figure_by_id(const struct pack *p, const char *id)
{
	for (size_t i = 0; id && i < p->figures.n; i++)
		if (ROWS(struct figure, p->figures)[i].id && strcmp(ROWS(struct figure, p->figures)[i].id, id) == 0)
			return &ROWS(struct figure, p->figures)[i];
	return NULL;
}

static const struct expr *load_part(struct loading *s, const struct conf_node *n, const struct unit *unit)
{
	return n ? expr_load_as(s, n, TYPE_NUMBER, unit) : NULL;
}

static void load_amount(struct loading *s)
{
	struct pack *p = s->pack;
	struct unit yuan, plain;
	if (!p->amount.stated || !unit_parse("yuan", &yuan) || !unit_parse("", &plain))
		return;
	bool product = p->amount.rate_node && p->amount.count_node;
	if (product == (p->amount.value_node != NULL) || (p->amount.rate_node != NULL) != (p->amount.count_node != NULL))
		conf_problem(s->c, NULL, "%s: `amount` has either `rate` and `count`, or `value`", p->file);
	p->amount.rate = load_part(s, p->amount.rate_node, &yuan);
	p->amount.count = load_part(s, p->amount.count_node, &plain);
	p->amount.cap = load_part(s, p->amount.cap_node, &yuan);
	p->amount.value = load_part(s, p->amount.value_node, &yuan);
	p->amount.bound_figure = figure_by_id(p, p->amount.bound);
	if (p->amount.bound && (!p->amount.bound_figure || !dim_equal(p->amount.bound_figure->unit.dim, yuan.dim)))
		conf_problem(s->c, NULL, "%s: amount.bound names a figure in yuan: the most an authority may set as rate", p->file);
}

static void check_split(struct loading *s)
{
	const struct pack *p = s->pack;
	if (p->split.stated && p->split.by && strcmp(p->split.by, "site.jurisdiction") != 0)
		conf_problem(s->c, NULL, "%s: split.by: only site.jurisdiction is known", p->file);
	for (size_t i = 0; i < p->split.rows.n; i++) {
		const struct split_row *row = &ROWS(struct split_row, p->split.rows)[i];
		struct exact sum = { 0, 1 };
		bool odd = !row->odd_to, good = true;
		for (size_t k = 0; k < row->shares.n; k++) {
			const struct split_share *share = &ROWS(struct split_share, row->shares)[k];
			good = good && exact_add(sum, exact_ratio(share->share), &sum);
			odd = odd || (share->who && strcmp(share->who, row->odd_to) == 0);
		}
		if (!good || exact_compare(sum, exact_int(1)) != 0)
			conf_problem(s->c, NULL, "%s: the shares of split row '%s' do not add up to 1", p->file, row->key ? row->key : "?");
		if (!odd || (row->shares.n > 1 && !row->odd_to))
			conf_problem(s->c, NULL, "%s: split row '%s' needs `odd_to`, one of its own: where the odd fen goes", p->file,
				     row->key ? row->key : "?");
	}
}

static void load_outputs(struct loading *s)
{
	struct output *rows = s->pack->outputs.items;
	for (size_t i = 0; i < s->pack->outputs.n; i++)
		if (rows[i].value_node)
			rows[i].value = expr_load(s, rows[i].value_node);
}

const char *const verdict_names[VERDICT_N] = { "ELIGIBLE_ROBUST", "ELIGIBLE_UNDER", "NOT_ELIGIBLE", "INCOMPLETE", "INSUFFICIENT_DATA",
					       "OUTSIDE_VALIDITY", "ALREADY_CLAIMED" };

static void load_sentences(struct loading *s)
{
	const struct conf_node *n = s->pack->sentences_node;
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *key = conf_scalar(conf_key(n, i));
		size_t k = 0;
		while (k < VERDICT_N && (!key || strcmp(verdict_names[k], key) != 0))
			k++;
		if (k == VERDICT_N)
			conf_problem(s->c, conf_key(n, i), "'%s' is no verdict", key ? key : "");
		else if (!pack_bilingual(s->c, conf_item(n, i), &s->pack->sentences[k]))
			continue;
	}
}

/* Ids of one kind are unique, so that a reason names one thing. */
static void check_unique(struct loading *s, const struct conf_vec *list, size_t size, const char *what)
{
	for (size_t i = 0; i < list->n; i++)
		for (size_t k = 0; k < i; k++) {
			const char *a = *(const char *const *)((const char *)list->items + i * size);
			const char *b = *(const char *const *)((const char *)list->items + k * size);
			if (a && b && strcmp(a, b) == 0)
				conf_problem(s->c, NULL, "%s: %s '%s' stands twice", s->pack->file, what, a);
		}
}

/* Every quote of the pack, wherever it stands, is in the text to the byte. */
static void check_quotes(struct conf *c, const struct conf_node *n, const char *text)
{
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *key = conf_scalar(conf_key(n, i)), *value = conf_scalar(conf_item(n, i));
		if (key && value && (strcmp(key, "quote") == 0 || strcmp(key, "cap_quote") == 0) && !strstr(text, value))
			conf_problem(c, conf_item(n, i), "this quote is not in the text of the policy, to the byte");
		check_quotes(c, conf_item(n, i), text);
	}
}

static void check_windows(struct loading *s)
{
	struct pack *p = s->pack;
	const struct pack_window_spec *w = &p->window;
	if (w->kind != WINDOW_SNAPSHOT && w->kind != WINDOW_CALENDAR_YEAR && w->months == 0)
		conf_problem(s->c, NULL, "%s: window.months is missing", p->file);
	if (w->kind == WINDOW_PRECEDING || w->kind == WINDOW_LOAD_FRACTION)
		conf_problem(s->c, NULL, "%s: the main window is rolling, calendar_year, since or snapshot", p->file);
	if (w->kind == WINDOW_SINCE && !w->event)
		conf_problem(s->c, NULL, "%s: a window of kind `since` needs `not_before`", p->file);
	p->window_names = conf_alloc(s->c, (p->windows.n + 1) * sizeof *p->window_names);
	for (size_t i = 0; p->window_names && i < p->windows.n; i++) {
		p->window_names[i] = ROWS(struct pack_window_spec, p->windows)[i].name;
		if (!p->window_names[i]) {
			conf_problem(s->c, NULL, "%s: windows[%zu] needs a name", p->file, i);
			p->window_names[i] = "?";
		}
	}
}

static void check_validity(struct loading *s)
{
	struct pack *p = s->pack;
	static const char *const events[] = { "completed", "applied", "window.to", "window.from", "judged" };
	for (size_t i = 0; i < p->validity.events.n; i++) {
		const char *name = TEXTS(p->validity.events)[i];
		size_t k = 0;
		while (name && k < countof(events) && strcmp(events[k], name) != 0)
			k++;
		if (k == countof(events))
			conf_problem(s->c, NULL, "%s: validity.events: '%s' is none of completed, applied, window.from, window.to, judged", p->file, name);
	}
	if (p->validity.until.year && date_compare(p->validity.until, p->validity.from) < 0)
		conf_problem(s->c, NULL, "%s: the validity ends before it begins", p->file);
}

static void check_requires(struct loading *s)
{
	int window;
	for (size_t i = 0; i < s->pack->requires.n; i++) {
		const char *name = TEXTS(s->pack->requires)[i];
		if (name && !fact_find(name, NULL, 0, &window))
			conf_problem(s->c, NULL, "%s: requires: '%s' is no fact", s->pack->file, name);
	}
}

static void check_standard_rack(struct loading *s)
{
	struct pack *p = s->pack;
	struct unit mw;
	const struct figure *f = figure_by_id(p, p->standard_rack_figure);
	if (!p->standard_rack_figure || !unit_parse("W", &mw))
		return;
	if (!f || f->is_date || !dim_equal(f->unit.dim, mw.dim) || !exact_int64(f->number, &p->standard_rack_mw) || p->standard_rack_mw <= 0)
		conf_problem(s->c, NULL, "%s: standard_rack names a figure of power above 0", p->file);
}

static void check_parts(struct loading *s, const struct conf_node *root)
{
	struct pack *p = s->pack;
	for (size_t i = 0; i < p->figures.n; i++)
		check_figure(s, (struct figure *)p->figures.items + i, conf_item(conf_get(root, "figures"), i));
	for (size_t i = 0; i < p->choices.n; i++)
		check_choice(s, (struct choice *)p->choices.items + i, conf_item(conf_get(root, "choices"), i));
	for (size_t i = 0; i < p->statements.n; i++)
		check_statement(s, (struct statement *)p->statements.items + i, conf_item(conf_get(root, "statements"), i));
	check_unique(s, &p->figures, sizeof(struct figure), "figure");
	check_unique(s, &p->choices, sizeof(struct choice), "choice");
	check_unique(s, &p->statements, sizeof(struct statement), "statement");
	check_unique(s, &p->criteria, sizeof(struct rule), "criterion");
	check_unique(s, &p->sufficiency, sizeof(struct condition), "condition");
	check_unique(s, &p->outputs, sizeof(struct output), "output");
	check_windows(s);
	check_validity(s);
	check_requires(s);
	check_standard_rack(s);
	check_split(s);
}

static void load_parts(struct loading *s)
{
	load_definitions(s);
	load_conditions(s, &s->pack->sufficiency);
	load_conditions(s, &s->pack->reservations);
	load_conditions(s, &s->pack->exclusions);
	load_criteria(s);
	load_decide(s);
	load_amount(s);
	load_outputs(s);
	load_sentences(s);
}

const struct pack *pack_load(struct conf *c, const char *file, const void *bytes, size_t len, const char *quotes)
{
	size_t before = conf_problem_count(c);
	const struct conf_node *root = conf_parse(c, file, bytes, len), *format = conf_get(root, "format");
	struct pack *p = conf_alloc(c, sizeof *p);
	struct loading s = { .c = c, .pack = p };
	if (!root || !p)
		return NULL;
	/* the format first: a newer pack is refused by its number, not by keys that are not known yet */
	if (!format || !conf_scalar(format) || strcmp(conf_scalar(format), "1") != 0) {
		conf_problem(c, format ? format : root, "pack format '%s' is not known here, which reads format 1; use a newer pued or an older pack",
			     format && conf_scalar(format) ? conf_scalar(format) : "");
		return NULL;
	}
	p->file = conf_copy(c, file);
	sha256(bytes, len, &p->hash);
	bool shaped = conf_struct(c, root, p, pack_fields);
	check_parts(&s, root);
	if (shaped && conf_problem_count(c) == before)
		load_parts(&s);
	if (quotes)
		check_quotes(c, root, quotes);
	/* a pack made from second-hand material waits for somebody who reads the text itself (domain.md section 8) */
	if (!p->draft_figure && p->source.status && strcmp(p->source.status, "S") != 0)
		p->draft_figure = "source";
	p->draft = p->draft_figure != NULL;
	return conf_problem_count(c) == before ? p : NULL;
}

/* Reading a loaded pack */

const char *pack_id(const struct pack *p) { return p->id; }
const char *pack_version(const struct pack *p) { return p->version; }
bool pack_draft(const struct pack *p) { return p->draft; }
void pack_hash(const struct pack *p, char hex[65]) { hash_hex(&p->hash, hex); }
struct bilingual pack_title(const struct pack *p) { return p->title; }
int64_t pack_standard_rack_mw(const struct pack *p) { return p->standard_rack_mw; }
size_t pack_windows(const struct pack *p) { return p->windows.n; }
const char *pack_window_name(const struct pack *p, size_t i) { return i < p->windows.n ? p->window_names[i] : NULL; }

/* The first criterion that compares the PUE with a fixed number. */
struct ratio pack_pue_limit(const struct pack *p)
{
	struct env env = { .pack = p };
	for (size_t i = 0; i < p->choices.n; i++)
		env.option[i] = (uint8_t)ROWS(struct choice, p->choices)[i].first;
	for (size_t i = 0; i < p->criteria.n; i++) {
		const struct expr *e = expr_comparison(ROWS(struct rule, p->criteria)[i].test, &env);
		int64_t num, den;
		if (!e || e->args[0]->eval != eval_fact || strcmp(e->args[0]->refs[0].name, "pue") != 0 || e->args[1]->eval != eval_literal)
			continue;
		struct exact v = e->args[1]->literal.lo;
		if (exact_int64((struct exact){ v.num, 1 }, &num) && exact_int64((struct exact){ v.den, 1 }, &den))
			return (struct ratio){ num, den };
	}
	return (struct ratio){ 0, 0 };
}
