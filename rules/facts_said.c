/* What a verdict was judged on, in words: so that a reader sees what was stated by whom, and what was measured how well. */
#include "rules/judging.h"

#include <stdio.h>
#include <string.h>

static void day(struct date d, bool zh, struct buf *out)
{
	char text[DATE_TEXT];
	buf_str(out, d.year ? date_text(d, text) : zh ? "未说明" : "not stated");
}

static void percent(int64_t ppm, struct buf *out)
{
	if (ppm < 0)
		buf_str(out, "?");
	else /* downwards: what is not whole never reads as whole */
		buf_printf(out, "%lld.%02lld %%", (long long)(ppm / 10000), (long long)(ppm / 100 % 100));
}

static void kwh(int64_t mwh, struct buf *out)
{
	if (mwh < 0)
		buf_str(out, "?");
	else
		buf_printf(out, "%lld.%06lld kW·h", (long long)(mwh / 1000000), (long long)(mwh % 1000000));
}

static void micro(int64_t ppm, struct buf *out)
{
	if (ppm < 0)
		buf_str(out, "?");
	else
		buf_printf(out, "%lld.%06lld", (long long)(ppm / 1000000), (long long)(ppm % 1000000));
}

static void measured(const struct facts *f, bool zh, struct buf *out)
{
	const struct kpi *k = &f->kpi;
	static const char *const kinds[] = { [KPI_NONE] = "-", [KPI_PUE] = "PUE", [KPI_IPUE] = "iPUE" };
	buf_str(out, zh ? "  测量期 " : "  window ");
	day(f->window_from, zh, out);
	buf_str(out, zh ? " 至 " : " to ");
	day(f->window_to, zh, out);
	buf_printf(out, zh ? ":%s,测量类别 %d,总电量 " : ": %s, category %d, total energy ", kinds[k->kind], (int)k->category);
	kwh(k->total_mwh, out);
	buf_str(out, zh ? ",信息设备电量 " : ", IT energy ");
	kwh(k->it_mwh, out);
	buf_str(out, zh ? "\n  完整率(总电量、信息设备):按时间 " : "\n  completeness (total, IT): by time ");
	percent(k->complete_time_ppm[0], out);
	buf_str(out, zh ? "、" : ", ");
	percent(k->complete_time_ppm[1], out);
	buf_str(out, zh ? ",按电量 " : "; by energy ");
	percent(k->complete_energy_ppm[0], out);
	buf_str(out, zh ? "、" : ", ");
	percent(k->complete_energy_ppm[1], out);
	buf_str(out, zh ? ";PUE 的扩展不确定度 U(k=2):ρ=0 " : "; expanded uncertainty U of the PUE (k=2): rho 0 ");
	micro(k->u_ppm_rho0, out);
	buf_str(out, zh ? ",ρ=1 " : ", rho 1 ");
	micro(k->u_ppm_rho1, out);
	buf_str(out, "\n");
}

static void stated(const struct pack *p, const struct statement *st, const struct facts *f, bool zh, struct buf *out)
{
	const struct attestation *a = statement_find(st, f);
	const char *fault = a ? statement_fault(st, a) : NULL;
	char text[DATE_TEXT];
	buf_printf(out, "  %s [%s]%s", zh ? st->title.zh : st->title.en, st->id, zh ? ":" : ": ");
	if (!a) {
		buf_str(out, zh ? "无人说明\n" : "nobody has stated it\n");
		return;
	}
	buf_str(out, st->kind == STATEMENT_YES_NO ? (zh ? (a->value == TRUTH_YES ? "是" : "否") : a->value == TRUTH_YES ? "yes" : "no")
		     : st->kind == STATEMENT_AMOUNT ? (a->amount ? a->amount : "?") : st->kind == STATEMENT_DATE ? date_text(a->date, text) : a->text ? a->text : "?");
	buf_printf(out, zh ? ",%s(%s)" : ", by %s (%s)", a->by ? a->by : "?", a->role ? a->role : "?");
	if (a->evidence)
		buf_printf(out, zh ? ",声明 %s" : ", statement %s", a->evidence);
	if (fault)
		buf_printf(out, zh ? ";不计入:%s" : "; does not count: %s", zh ? missing_words(p, fault).zh : fault);
	buf_str(out, "\n");
}

static void claimed(const struct claim *c, bool zh, struct buf *out)
{
	static const struct bilingual state[] = { { "已获", "given" }, { "待定", "pending" }, { "已撤回", "withdrawn" } };
	struct bilingual s = state[c->withdrawn ? 2 : c->pending ? 1 : 0];
	buf_printf(out, zh ? "  补贴登记:政策 %s,场所 %s,%s" : "  claim: policy %s, site %s, %s", c->policy ? c->policy : "?", c->site ? c->site : "?", zh ? s.zh : s.en);
	if (c->amount_fen >= 0)
		buf_printf(out, zh ? ",%lld.%02lld 元" : ", %lld.%02lld yuan", (long long)(c->amount_fen / 100), (long long)(c->amount_fen % 100));
	if (c->id)
		buf_printf(out, zh ? ",声明 %s" : ", statement %s", c->id);
	buf_str(out, "\n");
}

void facts_said(const struct pack *p, const struct facts *f, bool zh, struct buf *out)
{
	buf_str(out, zh ? "判定所依据:\n" : "judged on:\n");
	measured(f, zh, out);
	buf_str(out, zh ? "  改造完成日 " : "  retrofit completed ");
	day(f->completed, zh, out);
	buf_str(out, zh ? ",申报日 " : ", applied ");
	day(f->applied, zh, out);
	buf_str(out, "\n");
	for (size_t i = 0; i < p->statements.n; i++)
		stated(p, &ROWS(struct statement, p->statements)[i], f, zh, out);
	for (size_t i = 0; i < f->n_claims; i++)
		claimed(&f->claims[i], zh, out);
	for (size_t i = 1; i < f->n_lineage; i++)
		buf_printf(out, zh ? "  由场所 %s 合并而来\n" : "  merged from site %s\n", f->lineage[i]);
}
