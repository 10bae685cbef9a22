/* The decision: first match wins, every row prints its facts (domain.md 3.2, 3.6). */
#include "rules/judging.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASONS_MAX = 64 };

static void add_reason(struct judging *j, const char *id)
{
	struct verdict *v = j->out;
	if (!v->reasons)
		v->reasons = judging_alloc(j, REASONS_MAX * sizeof *v->reasons);
	if (v->reasons && v->n_reasons < REASONS_MAX)
		v->reasons[v->n_reasons++] = id;
}

static void add_note(struct judging *j, const char *zh, const char *en)
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
	char day[DATE_TEXT], last[DATE_TEXT];
	for (size_t i = 0; i < p->validity.events.n; i++) {
		const char *name = TEXTS(p->validity.events)[i];
		struct value v = fact_by_name(j, name);
		if (!v.known || (date_compare(v.date, p->validity.from) >= 0 && (!p->validity.until.year || date_compare(v.date, p->validity.until) <= 0)))
			continue;
		add_reason(j, name);
		if (p->validity.until_other.year && date_compare(v.date, p->validity.until_other) == 0)
			add_note(j, judging_text(j, "%s(%s)按另一计算法(至%s)在有效期内", name, date_text(v.date, day), date_text(p->validity.until_other, last)),
				 judging_text(j, "%s (%s) is inside by the other way of counting, until %s", name, day, last));
	}
	return j->out->n_reasons > 0;
}

/* A site is itself and all it was merged from. */
static bool of_site(const struct facts *f, const char *site)
{
	if (f->site && f->site->id && site && strcmp(f->site->id, site) == 0)
		return true;
	for (size_t i = 0; i < f->n_lineage; i++)
		if (site && f->lineage[i] && strcmp(f->lineage[i], site) == 0)
			return true;
	return false;
}

/* 2: once per site and policy, whatever the company's code. */
static bool already_claimed(struct judging *j)
{
	const struct facts *f = j->facts;
	for (size_t i = 0; j->pack->once.per && i < f->n_claims; i++) {
		const struct claim *c = &f->claims[i];
		if (c->withdrawn || !c->policy || strcmp(c->policy, j->pack->policy) != 0 || !of_site(f, c->site))
			continue;
		if (!c->pending)
			add_reason(j, judging_text(j, "claim:%s", c->id ? c->id : c->site));
		else
			add_note(j, judging_text(j, "另有待定申请 %s(%s)", c->id ? c->id : "", c->site), judging_text(j, "claim %s of %s is pending", c->id ? c->id : "", c->site));
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
			add_reason(j, st->id);
	}
	for (size_t i = 0; i < p->exclusions.n; i++)
		if (expr_value(ROWS(struct condition, p->exclusions)[i].test, &j->env).truth == TRUTH_YES)
			add_reason(j, ROWS(struct condition, p->exclusions)[i].id);
	return j->out->n_reasons > 0;
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
		add_reason(j, st->id);
		if (fault)
			add_note(j, judging_text(j, "“%s”的声明无效(%s)", st->title.zh, fault), judging_text(j, "the statement on \"%s\" does not count: %s", st->title.en, fault));
		else
			add_note(j, judging_text(j, "尚缺声明“%s”。%s", st->title.zh, st->how.zh ? st->how.zh : ""),
				 judging_text(j, "not stated: %s. %s", st->title.en, st->how.en ? st->how.en : ""));
	}
	for (size_t i = 0; i < p->requires.n; i++) {
		const char *name = TEXTS(p->requires)[i];
		if (fact_by_name(j, name).known)
			continue;
		struct bilingual words = missing_words(p, name);
		add_reason(j, name);
		add_note(j, judging_text(j, "尚缺:%s", words.zh), judging_text(j, "not stated: %s", words.en));
	}
	for (size_t i = 0; i < p->exclusions.n; i++)
		if (expr_value(ROWS(struct condition, p->exclusions)[i].test, &j->env).truth == TRUTH_UNKNOWN)
			add_reason(j, ROWS(struct condition, p->exclusions)[i].id);
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
		add_reason(j, c->id);
		add_note(j, judging_text(j, "%s%s%s。%s", c->title.zh, v.known ? ":不满足" : ",缺少:", v.known ? "" : lacking.zh, c->how.zh ? c->how.zh : ""),
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
			add_reason(j, x->rule->id);
		for (size_t k = 0; standing == STANDS_UNDER && k < x->n_under; k++)
			add_reason(j, judging_text(j, "%s: %s", x->rule->id, x->under[k]));
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
		add_reason(j, c->id);
		add_note(j, c->title.zh, c->title.en);
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

/* Money */

static int64_t whole_fen(struct value v)
{
	struct exact down;
	int64_t fen;
	/* fractions of a fen are dropped; of an interval the upper end is the bound */
	return v.known && !v.open && exact_round(v.hi, exact_int(1), ROUND_DOWN, &down) && exact_int64(down, &fen) ? fen : -1;
}

static bool rate_allowed(const struct judging *j, struct err *err)
{
	const struct figure *bound = j->pack->amount.bound_figure;
	int64_t rate = j->facts->approved_rate_fen;
	if (!bound || rate == 0 || (rate > 0 && exact_compare(exact_int(rate), bound->number) <= 0))
		return true;
	return err_set(err, ERR_INPUT, "approved rate %lld.%02lld yuan is outside (0, %s]; correct the rate", (long long)(rate / 100),
		       (long long)(rate < 0 ? -rate % 100 : rate % 100), bound->value);
}

static int64_t amount_of(struct judging *j)
{
	const struct pack *p = j->pack;
	struct verdict *v = j->out;
	struct value s;
	if (p->amount.value) {
		s = expr_value(p->amount.value, &j->env);
	} else {
		struct value rate = expr_value(p->amount.rate, &j->env), count = expr_value(p->amount.count, &j->env);
		v->rate_fen = whole_fen(rate);
		v->counted_racks = whole_fen(count);
		s = value_mul(rate, count);
	}
	if (p->amount.cap) {
		struct value cap = expr_value(p->amount.cap, &j->env);
		v->cap_fen = whole_fen(cap);
		s = value_min(s, cap);
	}
	return whole_fen(s);
}

static void add_share(struct verdict *v, const char *who, struct bilingual title, int64_t fen)
{
	if (v->n_split == countof(v->split))
		return;
	v->split[v->n_split].who = who;
	v->split[v->n_split].title = title;
	v->split[v->n_split++].fen = fen;
}

/* Shares in whole fen; what is left by rounding goes where the row says, so that they sum exactly. */
static void split_amount(struct judging *j)
{
	const struct pack *p = j->pack;
	struct verdict *v = j->out;
	const char *key = j->facts->site ? j->facts->site->jurisdiction : NULL;
	for (size_t i = 0; i < p->split.rows.n; i++) {
		const struct split_row *r = &ROWS(struct split_row, p->split.rows)[i];
		int64_t left = v->amount_fen;
		if (!key || strcmp(r->key, key) != 0)
			continue;
		for (size_t k = 0; k < r->shares.n; k++) {
			const struct split_share *s = &ROWS(struct split_share, r->shares)[k];
			int64_t fen = (int64_t)((__int128)v->amount_fen * s->share.num / s->share.den);
			add_share(v, s->who, s->title, fen);
			left -= fen;
		}
		for (size_t k = 0; k < v->n_split; k++)
			if (r->odd_to && strcmp(v->split[k].who, r->odd_to) == 0)
				v->split[k].fen += left;
		return;
	}
	if (p->split.stated)
		add_share(v, "unspecified", (struct bilingual){ "未规定", "not specified" }, -1);
}

/* The overlap with one claim, in both languages; what was paid may not have been stated. */
static void note_claim(struct judging *j, const struct claim *c)
{
	int64_t limit = j->out->amount_fen, more = limit > c->amount_fen ? limit - c->amount_fen : 0;
	const char *zh = c->pending ? "待定申请" : "已付补贴", *en = c->pending ? "a pending" : "a paid";
	if (c->amount_fen < 0)
		add_note(j, judging_text(j, "与政策 %s 的%s重叠,其金额未说明:若可补足差额,至多再付上限减去该金额;若互斥,则不再支付", c->policy, zh),
			 judging_text(j, "overlaps with %s grant under policy %s of an amount not stated: if topped up, at most the bound less that amount; if exclusive, nothing more", en, c->policy));
	else
		add_note(j, judging_text(j, "与政策 %s 的%s %lld.%02lld 元重叠:若可补足差额,至多再付 %lld.%02lld 元;若互斥,则不再支付", c->policy, zh, (long long)(c->amount_fen / 100),
					 (long long)(c->amount_fen % 100), (long long)(more / 100), (long long)(more % 100)),
			 judging_text(j, "overlaps with %s %lld.%02lld yuan under policy %s: if topped up, at most %lld.%02lld yuan more; if exclusive, nothing more", en,
				      (long long)(c->amount_fen / 100), (long long)(c->amount_fen % 100), c->policy, (long long)(more / 100), (long long)(more % 100)));
}

/* From one object the applicant gets the greatest of overlapping grants of this level, never the sum. */
static void note_overlap(struct judging *j)
{
	const struct facts *f = j->facts;
	for (size_t i = 0; j->pack->overlap.rule && i < f->n_claims; i++) {
		const struct claim *c = &f->claims[i];
		bool other = !c->withdrawn && c->policy && strcmp(c->policy, j->pack->policy) != 0 && of_site(f, c->site);
		if (other && (!c->level || strcmp(c->level, j->pack->level) == 0))
			note_claim(j, c);
	}
}

static void add_amount(struct judging *j)
{
	struct verdict *v = j->out;
	if ((v->kind != VERDICT_ELIGIBLE_ROBUST && v->kind != VERDICT_ELIGIBLE_UNDER) || !j->pack->amount.stated)
		return;
	v->amount_fen = amount_of(j);
	if (v->amount_fen < 0) {
		v->amount_fen = 0;
		add_note(j, "金额无法计算", "the amount cannot be computed from these facts");
		return;
	}
	split_amount(j);
	note_overlap(j);
}

/* Outputs: under every reading that matters; more than one value is printed as all of them. */
static const char *output_text(struct judging *j, const struct output *o)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	struct rule r = { .id = o->id, .test = o->value, .digits = -1 };
	struct examined x = { 0 };
	examine(j, &r, &x);
	for (size_t i = 0; i < x.n; i++) {
		char text[160];
		value_print(o->value, &x.rows[i].value, NULL, -1, text, sizeof text);
		if (b.data && strstr(b.data, text))
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
		add_note(j, p->validity.other.zh, p->validity.other.en);
	for (size_t i = 0; i < p->figures.n; i++) {
		const struct figure *f = &ROWS(struct figure, p->figures)[i];
		if (f->status[0] == 'm')
			add_note(j, judging_text(j, "数值“%s”(%s)未经核实", f->title.zh ? f->title.zh : f->id, f->value),
				 judging_text(j, "the figure \"%s\" (%s) is not verified", f->title.en ? f->title.en : f->id, f->value));
	}
	if (j->facts->n_assumptions)
		add_note(j, "含假设,不是证据", "what-if: contains assumptions, not evidence");
	if (j->facts->simulated)
		add_note(j, "模拟数据", "SIMULATED data");
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
	add_amount(j);
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
	if (!rate_allowed(&j, err)) {
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
