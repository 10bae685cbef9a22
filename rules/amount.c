/* The upper bound of a grant, how it is shared, and what it overlaps with. */
#include "rules/judging.h"

#include <string.h>

static int64_t whole_fen(struct value v)
{
	struct exact down;
	int64_t fen;
	/* fractions of a fen are dropped; of an interval the upper end is the bound */
	return v.known && !v.open && exact_round(v.hi, exact_int(1), ROUND_DOWN, &down) && exact_int64(down, &fen) ? fen : -1;
}

bool amount_rate_allowed(const struct judging *j, struct err *err)
{
	const struct figure *bound = j->pack->amount.bound_figure;
	int64_t rate = j->facts->approved_rate_fen;
	if (!bound || rate == 0 || (rate > 0 && exact_compare(exact_int(rate), bound->number) <= 0))
		return true;
	return err_set(err, ERR_INPUT, "approved rate %lld.%02lld yuan is outside (0, %s]; correct the rate", (long long)(rate / 100),
		       (long long)(rate < 0 ? -rate % 100 : rate % 100), bound->value);
}

/* Of one reading. */
struct sum { int64_t fen, rate_fen, cap_fen, counted; };

static struct sum sum_of(const struct pack *p, const struct env *env)
{
	struct sum out = { .rate_fen = 0 };
	struct value s;
	if (p->amount.value) {
		s = expr_value(p->amount.value, env);
	} else {
		struct value rate = expr_value(p->amount.rate, env), count = expr_value(p->amount.count, env);
		out.rate_fen = whole_fen(rate);
		out.counted = whole_fen(count);
		s = value_mul(rate, count);
	}
	if (p->amount.cap) {
		struct value cap = expr_value(p->amount.cap, env);
		out.cap_fen = whole_fen(cap);
		s = value_min(s, cap);
	}
	out.fen = whole_fen(s);
	return out;
}

/* The bound is that of the reading that gives most; one that gives nothing that can be told gives no bound. */
static int64_t amount_of(struct judging *j)
{
	const struct pack *p = j->pack;
	const struct expr *parts[] = { p->amount.value, p->amount.rate, p->amount.count, p->amount.cap };
	struct sum least = sum_of(p, &j->env), most = least;
	struct env env = j->env;
	uint32_t mask = 0;
	for (size_t i = 0; i < countof(parts); i++)
		mask |= parts[i] ? parts[i]->choices : 0;
	for (size_t i = 0; i < CHOICES_MAX; i++)
		env.option[i] = mask >> i & 1 ? 0 : env.option[i];
	do {
		struct sum s = sum_of(p, &env);
		least = s.fen < least.fen ? s : least;
		most = s.fen > most.fen ? s : most;
	} while (reading_next(p, mask, env.option));
	if (least.fen < 0)
		return -1;
	if (least.fen < most.fen)
		judging_note(j, judging_text(j, "金额取决于读法,自 %lld.%02lld 元起;所列为最高者", (long long)(least.fen / 100), (long long)(least.fen % 100)),
			 judging_text(j, "the amount depends on the reading, from %lld.%02lld yuan up; stated is the highest", (long long)(least.fen / 100), (long long)(least.fen % 100)));
	j->out->rate_fen = most.rate_fen;
	j->out->cap_fen = most.cap_fen;
	j->out->counted_racks = most.counted;
	return most.fen;
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
		judging_note(j, judging_text(j, "与政策 %s 的%s重叠,其金额未说明:若可补足差额,至多再付上限减去该金额;若互斥,则不再支付", c->policy, zh),
			 judging_text(j, "overlaps with %s grant under policy %s of an amount not stated: if topped up, at most the bound less that amount; if exclusive, nothing more", en, c->policy));
	else
		judging_note(j, judging_text(j, "与政策 %s 的%s %lld.%02lld 元重叠:若可补足差额,至多再付 %lld.%02lld 元;若互斥,则不再支付", c->policy, zh, (long long)(c->amount_fen / 100),
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
		bool other = !c->withdrawn && c->policy && strcmp(c->policy, j->pack->policy) != 0 && judging_of_site(f, c->site);
		if (other && (!c->level || strcmp(c->level, j->pack->level) == 0))
			note_claim(j, c);
	}
}

void amount_add(struct judging *j)
{
	struct verdict *v = j->out;
	if ((v->kind != VERDICT_ELIGIBLE_ROBUST && v->kind != VERDICT_ELIGIBLE_UNDER) || !j->pack->amount.stated)
		return;
	v->amount_fen = amount_of(j);
	if (v->amount_fen < 0) {
		v->amount_fen = 0;
		judging_note(j, "金额无法计算", "the amount cannot be computed from these facts");
		return;
	}
	split_amount(j);
	note_overlap(j);
}

