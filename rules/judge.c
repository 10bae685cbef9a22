/* The decision: first match wins, every row prints its facts (domain.md 3.2, 3.6). */
#include "rules/judging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS_MAX = 64 };

static void add_reason(struct judging *j, const char *id, struct bilingual words)
{
	struct verdict *v = j->out;
	if (!v->reasons) {
		v->reasons = judging_alloc(j, REASONS_MAX * sizeof *v->reasons);
		v->reason_words = judging_alloc(j, REASONS_MAX * sizeof *v->reason_words);
	}
	if (!v->reasons || !v->reason_words || v->n_reasons == REASONS_MAX)
		return;
	((struct bilingual *)(uintptr_t)v->reason_words)[v->n_reasons] = (struct bilingual){ words.zh ? words.zh : id, words.en ? words.en : id };
	v->reasons[v->n_reasons++] = id;
}

void judging_note(struct judging *j, const char *zh, const char *en)
{
	enum { NOTES_MAX = 32 };
	struct verdict *v = j->out;
	struct bilingual *notes = (struct bilingual *)(uintptr_t)v->notes;
	if (!notes)
		v->notes = notes = judging_alloc(j, NOTES_MAX * sizeof *notes);
	if (notes && v->n_notes < NOTES_MAX)
		notes[v->n_notes++] = (struct bilingual){ zh, en };
}

/* A row of the decision table: true when it matched; it has then added its reasons. */
typedef bool row(struct judging *j);

static struct value fact_by_name(const struct judging *j, const char *name)
{
	int window;
	const struct fact_row *r = fact_find(name, NULL, 0, &window);
	return r ? fact_value(j->facts, r, NULL) : value_unknown(TYPE_DATE, name);
}

/* 1: what lies outside the measures' own time is outside, not ineligible. */
static bool outside_validity(struct judging *j)
{
	const struct pack *p = j->pack;
	char day[DATE_TEXT], first[DATE_TEXT], last[DATE_TEXT];
	for (size_t i = 0; i < p->validity.events.n; i++) {
		const char *name = TEXTS(p->validity.events)[i];
		struct value v = fact_by_name(j, name);
		if (!v.known || (date_compare(v.date, p->validity.from) >= 0 && (!p->validity.until.year || date_compare(v.date, p->validity.until) <= 0)))
			continue;
		struct bilingual words = missing_words(p, name);
		const char *end_zh = p->validity.until.year ? date_text(p->validity.until, last) : "无期限", *end_en = p->validity.until.year ? last : "no end";
		add_reason(j, name, (struct bilingual){ judging_text(j, "%s %s 不在有效期 %s 至 %s 内", words.zh, date_text(v.date, day), date_text(p->validity.from, first), end_zh),
							judging_text(j, "%s: %s lies outside %s to %s", words.en, day, first, end_en) });
		if (p->validity.until_other.year && date_compare(v.date, p->validity.until_other) == 0)
			judging_note(j, judging_text(j, "%s(%s)按另一计算法(至%s)在有效期内", name, date_text(v.date, day), date_text(p->validity.until_other, last)),
				 judging_text(j, "%s (%s) is inside by the other way of counting, until %s", name, day, last));
	}
	return j->out->n_reasons > 0;
}

/* A site is itself and all it was merged from. */
bool judging_of_site(const struct facts *f, const char *site)
{
	if (f->site && f->site->id && site && strcmp(f->site->id, site) == 0)
		return true;
	for (size_t i = 0; i < f->n_lineage; i++)
		if (site && f->lineage[i] && strcmp(f->lineage[i], site) == 0)
			return true;
	return false;
}

static const char *yuan(struct judging *j, const struct claim *c, bool zh)
{
	return c->amount_fen < 0 ? "" : judging_text(j, zh ? ",%lld.%02lld 元" : ", %lld.%02lld yuan", (long long)(c->amount_fen / 100), (long long)(c->amount_fen % 100));
}

/* 2: once per site and policy, whatever the company's code. */
static bool already_claimed(struct judging *j)
{
	const struct facts *f = j->facts;
	char day[DATE_TEXT];
	for (size_t i = 0; j->pack->once.per && i < f->n_claims; i++) {
		const struct claim *c = &f->claims[i];
		if (c->withdrawn || !c->policy || strcmp(c->policy, j->pack->policy) != 0 || !judging_of_site(f, c->site))
			continue;
		if (!c->pending)
			add_reason(j, judging_text(j, "claim:%s", c->id ? c->id : c->site),
				   (struct bilingual){ judging_text(j, "场所 %s 已获本政策补贴%s%s%s", c->site, c->date.year ? "," : "", c->date.year ? date_text(c->date, day) : "", yuan(j, c, true)),
						       judging_text(j, "site %s has had a grant of this policy%s%s%s", c->site, c->date.year ? ", " : "", c->date.year ? day : "", yuan(j, c, false)) });
		else
			judging_note(j, judging_text(j, "场所 %s 另有待定申请%s%s%s", c->site, c->id ? " " : "", c->id ? c->id : "", yuan(j, c, true)),
				 judging_text(j, "a claim of site %s is pending%s%s%s", c->site, c->id ? ": " : "", c->id ? c->id : "", yuan(j, c, false)));
	}
	return j->out->n_reasons > 0;
}

static bool excluded(struct judging *j)
{
	const struct pack *p = j->pack;
	for (size_t i = 0; i < p->statements.n; i++) {
		const struct statement *st = &ROWS(struct statement, p->statements)[i];
		struct value v = st->required && !st->neutral && st->kind == STATEMENT_YES_NO ? statement_value(st, j->facts) : value_unknown(TYPE_TRUTH, NULL);
		if (v.truth == TRUTH_NO && v.known)
			add_reason(j, st->id, (struct bilingual){ judging_text(j, "声明为“否”:%s", st->title.zh), judging_text(j, "stated as \"no\": %s", st->title.en) });
	}
	for (size_t i = 0; i < p->exclusions.n; i++)
		if (expr_value(ROWS(struct condition, p->exclusions)[i].test, &j->env).truth == TRUTH_YES)
			add_reason(j, ROWS(struct condition, p->exclusions)[i].id, ROWS(struct condition, p->exclusions)[i].title);
	return j->out->n_reasons > 0;
}

static void require(struct judging *j, const char *name)
{
	if (fact_by_name(j, name).known)
		return;
	for (size_t i = 0; i < j->out->n_reasons; i++)
		if (strcmp(j->out->reasons[i], name) == 0)
			return;
	struct bilingual words = missing_words(j->pack, name);
	add_reason(j, name, words);
	judging_note(j, judging_text(j, "尚缺:%s", words.zh), judging_text(j, "not stated: %s", words.en));
}

/* 4: what only people know and have not said. */
static bool incomplete(struct judging *j)
{
	const struct pack *p = j->pack;
	for (size_t i = 0; i < p->statements.n; i++) {
		const struct statement *st = &ROWS(struct statement, p->statements)[i];
		if (!st->required || statement_value(st, j->facts).known)
			continue;
		const struct attestation *a = statement_find(st, j->facts);
		const char *fault = a ? statement_fault(st, a) : NULL;
		add_reason(j, st->id, st->title);
		if (fault)
			judging_note(j, judging_text(j, "“%s”的声明无效(%s)", st->title.zh, missing_words(p, fault).zh), judging_text(j, "the statement on \"%s\" does not count: %s", st->title.en, fault));
		else
			judging_note(j, judging_text(j, "尚缺声明“%s”。%s", st->title.zh, st->how.zh ? st->how.zh : ""),
				 judging_text(j, "not stated: %s. %s", st->title.en, st->how.en ? st->how.en : ""));
	}
	for (size_t i = 0; i < p->requires.n; i++)
		require(j, TEXTS(p->requires)[i]);
	/* an event that must lie inside the validity and is not known may lie outside */
	for (size_t i = 0; i < p->validity.events.n; i++)
		require(j, TEXTS(p->validity.events)[i]);
	for (size_t i = 0; i < p->exclusions.n; i++)
		if (expr_value(ROWS(struct condition, p->exclusions)[i].test, &j->env).truth == TRUTH_UNKNOWN)
			add_reason(j, ROWS(struct condition, p->exclusions)[i].id, ROWS(struct condition, p->exclusions)[i].title);
	return j->out->n_reasons > 0;
}

/* 5: doubtful data is never eligible and never "not eligible". */
static bool insufficient(struct judging *j)
{
	const struct pack *p = j->pack;
	for (size_t i = 0; i < p->sufficiency.n; i++) {
		const struct condition *c = &ROWS(struct condition, p->sufficiency)[i];
		struct value v = expr_value(c->test, &j->env);
		if (v.truth == TRUTH_YES)
			continue;
		struct bilingual lacking = missing_words(p, v.missing ? v.missing : "");
		add_reason(j, c->id, c->title);
		judging_note(j, judging_text(j, "%s%s%s。%s", c->title.zh, v.known ? ":不满足" : ",缺少:", v.known ? "" : lacking.zh, c->how.zh ? c->how.zh : ""),
			 judging_text(j, "%s%s%s. %s", c->title.en, v.known ? ": not met" : "; lacking: ", v.known ? "" : lacking.en, c->how.en ? c->how.en : ""));
	}
	return j->out->n_reasons > 0;
}

/* `decide` over the lattice: `all` is the least, `any` the greatest, k of n the k-th greatest. */
static enum standing standing_of(const struct judging *j, const struct expr *e)
{
	size_t counts[4] = { 0 }, at_least = 0;
	if (e->eval == eval_criterion)
		return j->criteria[e->k].standing;
	for (size_t i = 0; i < e->n; i++)
		counts[standing_of(j, e->args[i])]++;
	if (e->eval == eval_not) {
		static const enum standing opposite[] = { STANDS_YES, STANDS_UNKNOWN, STANDS_UNDER, STANDS_NO };
		return opposite[standing_of(j, e->args[0])];
	}
	for (int s = STANDS_YES; s > STANDS_NO; s--) {
		at_least += counts[s];
		if (at_least >= e->k)
			return (enum standing)s;
	}
	return STANDS_NO;
}

static enum standing decide(const struct judging *j)
{
	enum standing least = STANDS_YES;
	if (j->pack->decide)
		return standing_of(j, j->pack->decide);
	for (size_t i = 0; i < j->pack->criteria.n; i++)
		if (j->criteria[i].standing < least)
			least = j->criteria[i].standing;
	return least;
}

static void reasons_of(struct judging *j, enum standing standing)
{
	for (size_t i = 0; i < j->pack->criteria.n; i++) {
		const struct examined *x = &j->criteria[i];
		if (x->standing != standing)
			continue;
		if (standing != STANDS_UNDER)
			add_reason(j, x->rule->id, x->rule->title);
		for (size_t k = 0; standing == STANDS_UNDER && k < x->n_under; k++)
			add_reason(j, judging_text(j, "%s: %s", x->rule->id, x->under[k]),
				   (struct bilingual){ judging_text(j, "%s:%s", x->rule->title.zh, x->under_text[k].zh), judging_text(j, "%s: %s", x->rule->title.en, x->under_text[k].en) });
	}
}

/* Reservations: what never lets a verdict be robust (interim period, another method). */
static bool reserved(struct judging *j)
{
	bool any = false;
	for (size_t i = 0; i < j->pack->reservations.n; i++) {
		const struct condition *c = &ROWS(struct condition, j->pack->reservations)[i];
		if (expr_value(c->test, &j->env).truth == TRUTH_NO)
			continue;
		any = true;
		add_reason(j, c->id, c->title);
		judging_note(j, c->title.zh, c->title.en);
	}
	return any;
}

static enum verdict_kind by_criteria(struct judging *j)
{
	enum standing s = decide(j);
	if (s == STANDS_NO || s == STANDS_UNKNOWN) {
		reasons_of(j, s);
		return s == STANDS_NO ? VERDICT_NOT_ELIGIBLE : VERDICT_INSUFFICIENT_DATA;
	}
	if (s == STANDS_UNDER)
		reasons_of(j, STANDS_UNDER);
	return reserved(j) || s == STANDS_UNDER ? VERDICT_ELIGIBLE_UNDER : VERDICT_ELIGIBLE_ROBUST;
}

static const struct { row *matches; enum verdict_kind kind; } table[] = {
	{ outside_validity, VERDICT_OUTSIDE_VALIDITY },
	{ already_claimed, VERDICT_ALREADY_CLAIMED },
	{ excluded, VERDICT_NOT_ELIGIBLE },
	{ incomplete, VERDICT_INCOMPLETE },
	{ insufficient, VERDICT_INSUFFICIENT_DATA },
};

static enum verdict_kind decide_kind(struct judging *j)
{
	for (size_t i = 0; i < countof(table); i++)
		if (table[i].matches(j))
			return table[i].kind;
	return by_criteria(j);
}

/* Outputs: under every reading that matters; more than one value is printed as all of them. */
static const char *output_text(struct judging *j, const struct output *o)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	struct rule r = { .id = o->id, .test = o->value, .digits = -1 };
	struct examined x = { 0 };
	examine(j, &r, &x);
	for (size_t i = 0; i < x.n; i++) {
		char text[160], earlier[160];
		value_print(o->value, &x.rows[i].value, NULL, -1, text, sizeof text);
		bool told = false;
		for (size_t k = 0; k < i && !told; k++) {
			value_print(o->value, &x.rows[k].value, NULL, -1, earlier, sizeof earlier);
			told = strcmp(earlier, text) == 0;
		}
		if (told)
			continue;
		buf_printf(&b, "%s%s", b.len ? " | " : "", text);
	}
	return judging_text(j, "%s", b.data ? b.data : "?");
}

static void add_outputs(struct judging *j)
{
	const struct pack *p = j->pack;
	struct verdict_output *rows = p->outputs.n ? judging_alloc(j, p->outputs.n * sizeof *rows) : NULL;
	for (size_t i = 0; rows && i < p->outputs.n; i++) {
		const struct output *o = &ROWS(struct output, p->outputs)[i];
		rows[i] = (struct verdict_output){ o->id, o->title, output_text(j, o) };
	}
	j->out->outputs = rows;
	j->out->n_outputs = rows ? p->outputs.n : 0;
}

static void add_standing_notes(struct judging *j)
{
	const struct pack *p = j->pack;
	if (p->validity.other.zh)
		judging_note(j, p->validity.other.zh, p->validity.other.en);
	for (size_t i = 0; i < p->figures.n; i++) {
		const struct figure *f = &ROWS(struct figure, p->figures)[i];
		if (f->status[0] == 'm')
			judging_note(j, judging_text(j, "数值“%s”(%s)未经核实", f->title.zh ? f->title.zh : f->id, f->value),
				 judging_text(j, "the figure \"%s\" (%s) is not verified", f->title.en ? f->title.en : f->id, f->value));
	}
	if (j->facts->n_assumptions)
		judging_note(j, "含假设,不是证据", "what-if: contains assumptions, not evidence");
	if (j->facts->simulated)
		judging_note(j, "模拟数据", "SIMULATED data");
}

static bool is_guarded(const struct judging *j)
{
	struct ratio limit = pack_pue_limit(j->pack);
	struct value v = fact_by_name(j, "pue_guarded");
	return limit.den && v.known && !v.open && exact_compare(v.hi, exact_ratio(limit)) < 0;
}

static void judge_all(struct judging *j)
{
	struct verdict *v = j->out;
	size_t n = j->pack->criteria.n;
	j->criteria = judging_alloc(j, n * sizeof *j->criteria);
	v->criteria = judging_alloc(j, n * sizeof *v->criteria);
	for (size_t i = 0; i < n && !j->failed; i++) {
		examine(j, &ROWS(struct rule, j->pack->criteria)[i], &j->criteria[i]);
		describe(j, &j->criteria[i], &v->criteria[i]);
		v->n_criteria++;
	}
	if (j->failed)
		return;
	v->kind = decide_kind(j);
	v->guarded = is_guarded(j);
	amount_add(j);
	add_outputs(j);
	add_standing_notes(j);
	v->sentence = j->pack->sentences[v->kind].zh ? j->pack->sentences[v->kind] : verdict_sentences[v->kind];
}

bool judge_any(const struct pack *p, const struct facts *f, struct verdict *out, struct err *err)
{
	struct verdict v = { .arena = conf_new(), .assumed = f->n_assumptions > 0, .simulated = f->simulated, .judged = f->judged };
	struct judging j = { .pack = p, .facts = f, .out = &v, .arena = v.arena, .env = { .pack = p, .facts = f } };
	if (!v.arena)
		return err_memory(err);
	if (!amount_rate_allowed(&j, err)) {
		conf_free(v.arena);
		return false;
	}
	for (size_t i = 0; i < p->choices.n; i++)
		j.env.option[i] = (uint8_t)ROWS(struct choice, p->choices)[i].first;
	judge_all(&j);
	if (j.failed) {
		conf_free(v.arena);
		return err_memory(err);
	}
	*out = v;
	return true;
}

bool judge(const struct pack *p, const struct facts *f, struct verdict *out, struct err *err)
{
	if (p->draft)
		return err_set(err, ERR_CONFIG, "pack %s %s is a draft (%s is not verified): it bears no verdict; read the text and set the status", p->id,
			       p->version, p->draft_figure);
	return judge_any(p, f, out, err);
}

void verdict_done(struct verdict *v)
{
	if (!v)
		return;
	conf_free(v->arena);
	buf_done(&v->memory);
	*v = (struct verdict){ 0 };
}

int verdict_exit_code(enum verdict_kind kind)
{
	static const int codes[VERDICT_N] = {
		[VERDICT_ELIGIBLE_ROBUST] = 0, [VERDICT_ELIGIBLE_UNDER] = 11, [VERDICT_INCOMPLETE] = 11, [VERDICT_INSUFFICIENT_DATA] = 11,
		[VERDICT_NOT_ELIGIBLE] = 10, [VERDICT_OUTSIDE_VALIDITY] = 10, [VERDICT_ALREADY_CLAIMED] = 10 };
	return codes[kind];
}
