#include "agent/explain.h"
#include "core/balance.h"
#include "core/kpi_table.h"
#include "core/uncertainty.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cell text(const char *s) { return (struct cell){ s ? CELL_TEXT : CELL_NONE, s, 0, NULL }; }
static struct cell said(const char *s) { return (struct cell){ s ? CELL_SAID : CELL_NONE, s, 0, NULL }; }
static struct cell named(const char *prefix, const char *s) { return (struct cell){ s ? CELL_WORD : CELL_NONE, s, 0, prefix }; }
static struct cell whole(int64_t v) { return (struct cell){ CELL_INT, NULL, v, NULL }; }
static struct cell mwh(int64_t v) { return (struct cell){ CELL_MWH, NULL, v, NULL }; }
static struct cell ms(int64_t v) { return (struct cell){ CELL_MS, NULL, v, NULL }; }
static struct cell ppm(int64_t v) { return (struct cell){ v < 0 ? CELL_NONE : CELL_PPM, NULL, v, NULL }; }
static struct cell yes(bool v) { return (struct cell){ CELL_BOOL, NULL, v, NULL }; }

#define BEGIN(key, zh, en, columns, single) out->begin(out->ctx, key, (struct bilingual){ zh, en }, columns, countof(columns), single)
#define ROW(...) out->row(out->ctx, (const struct cell[]){ __VA_ARGS__ })

static struct ratio limit_of(const struct explain *x) { return setup_pue_limit(x->setup); }

/* ---- the tables ----------------------------------------------------------------------------------------------------------------- */

static void kpi_table(const struct explain *x, const struct kpi *k, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "text", { "结果", "result" } }, { "kind", { "种类", "kind" } }, { "pue", { "数值", "value" } }, { "category", { "类别", "category" } },
		{ "from", { "起", "from" } }, { "to", { "止", "to" } },
		{ "total_mwh", { "E_DC", "E_DC" } }, { "it_mwh", { "E_IT", "E_IT" } },
		{ "known_total_mwh", { "全部已知 E_DC", "all known E_DC" } }, { "known_it_mwh", { "全部已知 E_IT", "all known E_IT" } },
		{ "intervals", { "时段数", "intervals" } }, { "intervals_known", { "全部已知的时段", "intervals wholly known" } },
		{ "complete_time_total_ppm", { "时间完整率 E_DC", "complete by time, E_DC" } }, { "complete_time_it_ppm", { "时间完整率 E_IT", "complete by time, E_IT" } },
		{ "complete_energy_total_ppm", { "电能完整率 E_DC", "complete by energy, E_DC" } }, { "complete_energy_it_ppm", { "电能完整率 E_IT", "complete by energy, E_IT" } },
		{ "unsynced_intervals", { "时钟未同步的时段", "intervals not synchronised" } }, { "late_intervals", { "有迟到读数的时段", "intervals with late readings" } },
		{ "u_ppm_rho0", { "U (k=2), 相关 0, 1e-6", "U (k=2), rho 0, 1e-6" } }, { "u_ppm_rho1", { "U (k=2), 相关 1, 1e-6", "U (k=2), rho 1, 1e-6" } },
		{ "k", { "k", "k" } }, { "why_u", { "为何没有不确定度", "why no uncertainty" } },
		{ "findings", { "平衡异常", "balance findings" } }, { "why_not", { "为何没有数值", "why no number" } },
	};
	static const char *const kinds[] = { [KPI_NONE] = "none", [KPI_PUE] = "PUE", [KPI_IPUE] = "iPUE" };
	CLEANUP(buf_done) struct buf line = { 0 };
	char number[48], a[WALL_TEXT], b[WALL_TEXT];
	kpi_text(k, x->setup->site, &x->setup->zone, limit_of(x), &line);
	bool has = k->kind != KPI_NONE && pue_text(k->total_mwh, k->it_mwh, limit_of(x), 3, number, sizeof number);
	BEGIN("kpi", "指标", "KPI", columns, true);
	ROW(said(line.data), text(kinds[k->kind]), text(has ? number : NULL), whole(k->category), text(wall_text(k->from, a)), text(wall_text(k->to, b)),
	    mwh(k->total_mwh), mwh(k->it_mwh), mwh(k->known_total_mwh), mwh(k->known_it_mwh), whole(k->intervals), whole(k->intervals_known),
	    ppm(k->complete_time_ppm[0]), ppm(k->complete_time_ppm[1]), ppm(k->complete_energy_ppm[0]), ppm(k->complete_energy_ppm[1]),
	    whole(k->unsynced_intervals), whole(k->late_intervals), k->u_ppm_rho0 < 0 ? text(NULL) : whole(k->u_ppm_rho0),
	    k->u_ppm_rho1 < 0 ? text(NULL) : whole(k->u_ppm_rho1), k->u_ppm_rho0 < 0 ? text(NULL) : whole(2), said(k->why_u[0] ? k->why_u : NULL), whole(k->findings), said(k->kind == KPI_NONE ? k->why_not : NULL));
	out->end(out->ctx);
}

/* Known energy by its class, and what stands in beside it. */
static void class_table(const struct explain *x, const struct kpi *k, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "sum", { "合计", "sum" } }, { "class", { "类", "class" } }, { "known_mwh", { "已知电能", "known energy" } },
		{ "substituted_mwh", { "替代值(另计)", "substituted (apart)" } },
	};
	(void)x;
	BEGIN("classes", "电能按类", "energy by class", columns, false);
	for (int side = 0; side < 2; side++) {
		for (int c = 0; c < CLASS_MISSING; c++) {
			const char letter[2] = { energy_class_letter((enum energy_class)c), 0 };
			if (k->class_mwh[side][c] || k->substituted_mwh[side][c])
				ROW(named("su_", side ? "it" : "total"), text(letter), mwh(k->class_mwh[side][c]), mwh(k->substituted_mwh[side][c]));
		}
	}
	out->end(out->ctx);
}

static void term_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "meter", { "电表", "meter" } }, { "role", { "角色", "role" } }, { "total", { "在 E_DC 中", "in E_DC" } }, { "it", { "在 E_IT 中", "in E_IT" } },
		{ "energy_mwh", { "电能", "energy" } }, { "registered_mwh", { "R 寄存器差", "R register" } }, { "distributed_mwh", { "D 分摊", "D distributed" } },
		{ "known_ms", { "已知时间", "known time" } }, { "missing_ms", { "缺失时间", "missing time" } }, { "substituted_mwh", { "替代值(另计)", "substituted (apart)" } },
	};
	const struct site *site = x->setup->site;
	BEGIN("terms", "各电表", "meters and terms", columns, false);
	for (size_t i = 0; i < site->meters.n; i++) {
		struct window_term t;
		window_term(x->window, (uint32_t)i, &t);
		const struct meter *m = &site_meters(site)[i];
		if (!t.known_ms && !t.missing_ms)
			continue;
		/* what a water meter counts is millilitres */
		struct cell sums[] = { mwh(t.energy_mwh), mwh(t.class_mwh[CLASS_R]), mwh(t.class_mwh[CLASS_D]), mwh(t.substituted_mwh) };
		for (size_t k = 0; m->role == ROLE_WATER && k < countof(sums); k++)
			sums[k].kind = CELL_ML;
		ROW(text(m->id), named("ro_", conf_name_of(role_names, m->role)), whole(t.total_sign), whole(t.it_sign), sums[0], sums[1], sums[2], ms(t.known_ms), ms(t.missing_ms),
		    sums[3]);
	}
	out->end(out->ctx);
}

static void open_time(struct wall t, char out[WALL_TEXT])
{
	if (t.ms == INT64_MIN || t.ms == INT64_MAX)
		snprintf(out, WALL_TEXT, "-");
	else
		wall_text(t, out);
}

static void epoch_table(const struct explain *x, struct wall end, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "meter", { "电表", "meter" } }, { "serial", { "编号", "serial" } }, { "from", { "起", "from" } }, { "to", { "止", "to" } },
		{ "count_mwh", { "每字电能 mW.h", "one count, mW.h" } }, { "class", { "等级", "class" } }, { "ct", { "CT 等级", "CT class" } }, { "pt", { "PT 等级", "PT class" } },
		{ "certificate", { "检定证书", "certificate" } },
		{ "calibrated_until", { "检定有效至", "calibrated until" } }, { "expired", { "已过期", "expired" } }, { "reason", { "更换原因", "reason" } },
	};
	const struct site *site = x->setup->site;
	BEGIN("epochs", "电表安装期", "meter epochs", columns, false);
	for (size_t i = 0; i < site->meters.n; i++) {
		const struct meter *m = &site_meters(site)[i];
		const struct meter_epoch *e = m->epochs.items;
		struct window_term t;
		window_term(x->window, (uint32_t)i, &t);
		for (size_t k = 0; k < m->epochs.n && (t.known_ms || t.missing_ms); k++) {
			char a[WALL_TEXT], b[WALL_TEXT], count[48];
			struct ratio r = epoch_count(&e[k], (struct ratio){ 0, 0 });
			open_time(e[k].from, a);
			open_time(e[k].to, b);
			char until[DATE_TEXT] = "";
			bool dated = e[k].calibrated_until.year != 0;
			/* the last day of validity, against the last day of the epoch inside the window */
			struct date last = zone_date(&x->setup->zone, (struct wall){ (e[k].to.ms < end.ms ? e[k].to.ms : end.ms) - 1 });
			if (dated)
				date_text(e[k].calibrated_until, until);
			snprintf(count, sizeof count, r.den == 1 ? "%lld" : "%lld/%lld", (long long)r.num, (long long)r.den);
			ROW(text(m->id), text(e[k].serial), text(a), text(b), text(r.num > 0 ? count : NULL), text(e[k].meter_class), text(e[k].ct_class),
			    text(e[k].pt_class), text(e[k].certificate), text(dated ? until : NULL),
			    dated ? yes(date_compare(e[k].calibrated_until, last) < 0) : text(NULL), text(e[k].reason));
		}
	}
	out->end(out->ctx);
}

static void uncertainty_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "meter", { "电表", "meter" } }, { "meter_limit_ppm", { "电表误差限", "meter limit" } }, { "ct_limit_ppm", { "CT 误差限", "CT limit" } },
		{ "pt_limit_ppm", { "PT 误差限", "PT limit" } }, { "factor_u_ppm", { "系数 u", "factor u" } }, { "count_mwh", { "一个字", "one count" } },
		{ "ct_load_ppm", { "CT 平均负荷", "mean CT load" } }, { "ct_range_ppm", { "等级起于", "class holds from" } }, { "why_not", { "为何没有", "why not" } },
		{ "u_mwh", { "标准不确定度", "standard uncertainty" } },
	};
	const struct site *site = x->setup->site;
	BEGIN("uncertainty", "不确定度 (JJF 1059.1, 均匀分布 a/√3)", "uncertainty (GUM: limit a is uniform, u = a/√3)", columns, false);
	for (size_t i = 0; i < site->meters.n; i++) {
		struct window_term t;
		struct chain c;
		window_term(x->window, (uint32_t)i, &t);
		if (!t.total_sign && !t.it_sign)
			continue;
		meter_chain(x->window, (uint32_t)i, &c);
		int64_t u = chain_u_mwh(&c);
		char why[160] = "";
		chain_lacks(site, (uint32_t)i, &c, why, sizeof why);
		ROW(text(site_meters(site)[i].id), ppm(c.meter_ppm), ppm(c.ct_ppm), ppm(c.pt_ppm), ppm(c.factor_u_ppm), c.count_mwh ? mwh(c.count_mwh) : text(NULL), ppm(c.load_ppm),
		    c.load_ppm < 0 ? text(NULL) : ppm(c.range_ppm), said(why[0] ? why : NULL), u < 0 ? text(NULL) : mwh(u));
	}
	out->end(out->ctx);
}

static void partial_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "name", { "范围", "boundary" } }, { "of", { "种类", "of" } }, { "ppue", { "pPUE", "pPUE" } }, { "sub_mwh", { "范围电能", "energy inside" } },
		{ "it_mwh", { "范围内 IT 电能", "IT energy inside" } }, { "intervals", { "时段数", "intervals" } }, { "complete", { "完整", "complete" } },
	};
	struct partial p;
	BEGIN("partials", "局部 pPUE", "partial PUE", columns, false);
	for (size_t i = 0; i < window_partials(x->window); i++) {
		char number[48];
		if (!window_partial(x->window, i, &p))
			continue;
		bool has = pue_text(p.sub_mwh, p.it_mwh, limit_of(x), 3, number, sizeof number);
		ROW(text(p.name), named("pa_", p.hall ? "hall" : "meter"), text(has ? number : NULL), mwh(p.sub_mwh), mwh(p.it_mwh), whole(p.intervals), yes(p.complete));
	}
	out->end(out->ctx);
}

static const char *share_text(const struct share *s, char *out, size_t size)
{
	if (!s->defined)
		return NULL;
	/* printed bounds never leave the exact interval's side: lower rounded down, upper rounded up, at 0.01 % */
	long long lo = (long long)((__int128)s->lo_num * 10000 / s->lo_den), hi = (long long)(((__int128)s->hi_num * 10000 + s->hi_den - 1) / s->hi_den);
	if (lo == hi)
		snprintf(out, size, "%lld.%02lld %%", lo / 100, lo % 100);
	else
		snprintf(out, size, "%lld.%02lld..%lld.%02lld %%", lo / 100, lo % 100, hi / 100, hi % 100);
	return out;
}

static void other_table(const struct explain *x, const struct kpi *k, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "id", { "指标", "KPI" } }, { "value", { "数值", "value" } }, { "unit", { "单位", "unit" } }, { "interim", { "不足一年", "interim" } }, { "u_ppm", { "U (k=2), 1e-6", "U (k=2), 1e-6" } },
		{ "formula", { "算式", "formula" } }, { "why_not", { "为何没有", "why not" } },
	};
	struct kpi_row rows[KPI_ROW_N];
	kpi_rows(x->window, k, rows);
	BEGIN("other_kpis", "其他指标", "other KPIs", columns, false);
	for (int i = 0; i < KPI_ROW_N; i++) {
		char value[64];
		/* what is a PUE stays on its side of the limit */
		bool is_pue = (i == KPI_ROW_R_M2 || i == KPI_ROW_OVERHEAD) && rows[i].defined;
		if (!is_pue || !pue_text((int64_t)rows[i].num, (int64_t)rows[i].den, limit_of(x), 4, value, sizeof value))
			kpi_row_text(&rows[i], 4, value, sizeof value);
		ROW(said(rows[i].id), text(rows[i].defined ? value : NULL), text(rows[i].unit), yes(rows[i].interim), rows[i].u_ppm < 0 ? text(NULL) : whole(rows[i].u_ppm),
		    said(rows[i].formula), said(rows[i].why_not));
	}
	out->end(out->ctx);
}

static void load_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "from_percent", { "IT 负荷率自 %", "IT load from, %" } }, { "to_percent", { "至 %", "to, %" } }, { "value", { "该负荷下的 PUE", "PUE at this load" } },
		{ "intervals", { "时段数", "intervals" } }, { "total_mwh", { "E_DC", "E_DC" } }, { "it_mwh", { "E_IT", "E_IT" } },
	};
	struct kpi_load loads[KPI_LOADS];
	BEGIN("loads", "不同 IT 负荷率下的 PUE(机架额定功率为 100 %)", "PUE at load fractions (100 %: rated power of the racks)", columns, false);
	bool rated = kpi_loads(x->window, loads);
	for (int i = 0; rated && i < KPI_LOADS; i++) {
		char value[48];
		bool has = loads[i].intervals && pue_text(loads[i].total_mwh, loads[i].it_mwh, limit_of(x), 3, value, sizeof value);
		if (loads[i].intervals)
			ROW(whole(i * 10), i + 1 < KPI_LOADS ? whole(i * 10 + 10) : text(NULL), text(has ? value : NULL), whole(loads[i].intervals), mwh(loads[i].total_mwh),
			    mwh(loads[i].it_mwh));
	}
	out->end(out->ctx);
}

static void rack_list(const struct explain *x, struct wall at, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "rack", { "机架", "rack" } }, { "hall", { "机房", "hall" } }, { "row", { "列", "row" } }, { "function", { "功能", "function" } },
		{ "rated_mw", { "额定功率 mW", "rated, mW" } }, { "feeds", { "供电电表数", "feeds" } }, { "energy_mwh", { "电能", "energy" } }, { "complete", { "完整", "complete" } },
	};
	const struct site *site = x->setup->site;
	BEGIN("rack_list", "各机架", "every rack", columns, false);
	for (size_t i = 0; i < site->racks.n; i++) {
		const struct rack *r = &site_racks(site)[i];
		const int64_t *ix = r->feed_ix.items;
		bool complete = x->window && r->feed_ix.n > 0, one = true;
		int64_t energy = 0;
		if (r->installed.ms > at.ms || r->removed.ms <= at.ms)
			continue;
		for (size_t k = 0; x->window && k < r->feed_ix.n; k++) {
			energy += window_meter_mwh(x->window, (uint32_t)ix[k], &one);
			complete &= one;
		}
		ROW(text(r->id), text(r->hall), text(r->row), named("fn_", conf_name_of(function_names, r->function)), whole(r->rated_mw), whole((int64_t)r->feed_ix.n),
		    x->window && r->feed_ix.n ? mwh(energy) : text(NULL), yes(complete));
	}
	out->end(out->ctx);
}

void explain_rack_tables(const struct explain *x, struct wall at, bool list, const struct table_writer *out)
{
	static const struct column counts[] = {
		{ "installed", { "安装", "installed" } }, { "metered", { "有计量电能", "with measured energy" } }, { "in_use", { "在用", "in use" } },
		{ "standard_milli", { "标准机架 (千分之一)", "standard racks (1/1000)" } }, { "unknown", { "功能未知", "unknown function" } },
		{ "compute", { "计算", "compute" } }, { "storage", { "存储", "storage" } }, { "network", { "网络", "network" } }, { "other", { "其他", "other" } }, { "empty", { "空", "empty" } },
	};
	static const struct column shares[] = {
		{ "definition", { "定义", "definition" } }, { "network_racks_in", { "含网络机架", "network racks in" } }, { "empty_racks_in", { "含空机架", "empty racks in" } },
		{ "share", { "计算占比", "compute share" } }, { "lo_num", { "下限分子", "least, numerator" } },
		{ "lo_den", { "下限分母", "denominator" } }, { "hi_num", { "上限分子", "most, numerator" } }, { "hi_den", { "上限分母", "denominator" } },
	};
	static const char *const names[SHARE_N] = { "C1 racks", "C2 rated power", "C3 measured energy", "C5 nominal power" };
	struct racks r;
	int64_t standard = x->setup->pack ? pack_standard_rack_mw(x->setup->pack) : 2500000;
	if (x->setup->pack && !standard)
		standard = 2500000;     /* a pack that does not count standard racks: the usual 2.5 kW */
	racks_at(x->setup->site, at, x->window, standard, &r);
	BEGIN("racks", "机架", "racks", counts, true);
	ROW(whole(r.installed), r.metered < 0 ? text(NULL) : whole(r.metered), r.in_use < 0 ? text(NULL) : whole(r.in_use), whole(r.standard_milli), whole(r.unknown), whole(r.by_function[FUNCTION_COMPUTE]),
	    whole(r.by_function[FUNCTION_STORAGE]), whole(r.by_function[FUNCTION_NETWORK]), whole(r.by_function[FUNCTION_OTHER]), whole(r.by_function[FUNCTION_EMPTY]));
	out->end(out->ctx);
	BEGIN("shares", "计算功能占比", "compute share", shares, false);
	for (int id = 0; id < SHARE_N; id++)
		for (int k = 0; k < 4; k++) {
			const struct share *s = &r.share[id][k / 2][k % 2];
			char t[64];
			ROW(said(names[id]), yes(k / 2), yes(k % 2), text(share_text(s, t, sizeof t)), s->defined ? whole(s->lo_num) : text(NULL), s->defined ? whole(s->lo_den) : text(NULL),
			    s->defined ? whole(s->hi_num) : text(NULL), s->defined ? whole(s->hi_den) : text(NULL));
		}
	out->end(out->ctx);
	if (list)
		rack_list(x, at, out);
}

struct balance_ctx { const struct explain *x; const struct table_writer *out; bool only_findings; };

static void balance_row(void *ctx, const struct balance *b)
{
	struct balance_ctx *c = ctx;
	const struct table_writer *out = c->out;
	const struct meter *meters = site_meters(c->x->setup->site);
	ROW(text(b->node == UINT32_MAX ? "site" : meters[b->node].id), named("fi_", finding_name(b->finding)), text(b->suspect < 0 ? NULL : meters[b->suspect].id),
	    mwh(b->above_mwh), mwh(b->below_mwh), mwh(b->residual_mwh), mwh(b->u_mwh), whole(b->intervals), yes(b->assumed), said(b->reason));
}

static void balance_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "node", { "节点", "node" } }, { "finding", { "结论", "finding" } }, { "suspect", { "可疑", "suspect" } }, { "above_mwh", { "上级(扣损耗)", "above, less losses" } },
		{ "below_mwh", { "下级之和", "below" } }, { "residual_mwh", { "差", "residual" } }, { "u_mwh", { "u", "u" } }, { "intervals", { "时段", "intervals" } },
		{ "assumed", { "等级为假设", "class assumed" } }, { "reason", { "说明", "reason" } },
	};
	struct balance_ctx ctx = { x, out, false };
	BEGIN("balance", "电能平衡 (k = 3)", "balance (k = 3)", columns, false);
	window_findings(x->window, balance_row, &ctx);
	out->end(out->ctx);
}

static void event_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "kind", { "事件", "event" } }, { "meter", { "电表", "meter" } }, { "from", { "起", "from" } }, { "to", { "止", "to" } },
		{ "energy_mwh", { "电能", "energy" } }, { "reason", { "说明", "reason" } },
	};
	BEGIN("window_events", "事件", "events", columns, false);
	for (size_t i = 0; i < x->n_events; i++) {
		const struct ledger_event *ev = &x->events[i];
		char a[WALL_TEXT], b[WALL_TEXT];
		ROW(named("ev_", ledger_event_name(ev->kind)), text(ev->meter == UINT32_MAX ? NULL : site_meters(x->setup->site)[ev->meter].id), text(wall_text(ev->from, a)),
		    text(wall_text(ev->to, b)), mwh(ev->energy_mwh), said(ev->reason));
	}
	out->end(out->ctx);
}

static void baseline_table(const struct explain *x, const struct table_writer *out)
{
	static const struct column columns[] = {
		{ "from", { "基线起", "baseline from" } }, { "to", { "基线止", "baseline to" } }, { "source", { "基线来源", "frozen from" } },
		{ "statement", { "声明", "statement" } }, { "by", { "签署人", "by" } },
		{ "pue_then", { "改造前", "before" } }, { "pue_now", { "改造后", "after" } },
		{ "delta_micro", { "差(后减前), 1e-6", "delta (after less before), 1e-6" } }, { "u_ppm_rho0", { "差的 U (k=2), 相关 0, 1e-6", "its U (k=2), rho 0, 1e-6" } },
		{ "u_ppm_rho1", { "差的 U (k=2), 相关 1, 1e-6", "its U (k=2), rho 1, 1e-6" } }, { "seasons_differ", { "非完整年度", "not two whole years" } },
		{ "saved_mwh", { "节约电能", "energy saved" } }, { "saved_gce", { "节约标准煤, g", "coal equivalent saved, g" } },
		{ "coal_micro_kg_per_kwh", { "折标煤系数, 1e-6 kg/kW.h", "coal factor, 1e-6 kg/kW.h" } }, { "coal_source", { "系数来源", "its source" } },
		{ "coal_status", { "核对状态", "its status" } }, { "why_not", { "不可比", "not comparable" } },
	};
	const struct explain_baseline *b = x->baseline;
	char then[48], now[48], from[WALL_TEXT], to[WALL_TEXT];
	bool has = b->comparable && pue_text(b->then.total_mwh, b->then.it_mwh, limit_of(x), 3, then, sizeof then) &&
		   pue_text(b->now.total_mwh, b->now.it_mwh, limit_of(x), 3, now, sizeof now);
	bool coal = has && b->coal.micro > 0;
	BEGIN("retrofit", "改造前后(仅供参考)", "before and after (information only)", columns, true);
	ROW(text(wall_text(b->then.from, from)), text(wall_text(b->then.to, to)), text(b->then.source), text(b->then.id), text(b->then.by), text(has ? then : NULL),
	    text(has ? now : NULL), has ? whole(b->delta.delta_micro) : text(NULL), has && b->delta.u_ppm_rho0 >= 0 ? whole(b->delta.u_ppm_rho0) : text(NULL),
	    has && b->delta.u_ppm_rho1 >= 0 ? whole(b->delta.u_ppm_rho1) : text(NULL), has ? yes(b->delta.seasons) : text(NULL),
	    has ? mwh(b->delta.saved_mwh) : text(NULL), coal ? whole(coal_grams(b->delta.saved_mwh, b->coal.micro)) : text(NULL),
	    coal ? whole(b->coal.micro) : text(NULL), text(coal ? b->coal.source : NULL), text(coal ? b->coal.status : NULL), said(b->comparable ? NULL : b->why));
	out->end(out->ctx);
}

void explain_tables(const struct explain *x, const struct table_writer *out)
{
	struct kpi k;
	window_kpi(x->window, &x->setup->zone, &k);
	kpi_table(x, &k, out);
	class_table(x, &k, out);
	if (x->baseline)
		baseline_table(x, out);
	term_table(x, out);
	epoch_table(x, k.to, out);
	uncertainty_table(x, out);
	partial_table(x, out);
	other_table(x, &k, out);
	load_table(x, out);
	explain_rack_tables(x, (struct wall){ k.to.ms - 1 }, false, out);
	balance_table(x, out);
	if (x->events)
		event_table(x, out);
}
