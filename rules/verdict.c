/* A verdict in words and as JSON. */
#include "rules/judging.h"

#include <stdio.h>
#include <string.h>

const struct bilingual verdict_sentences[VERDICT_N] = {
	[VERDICT_ELIGIBLE_ROBUST] = { "符合条件:按文本留下的每一种读法均满足。是否给予补贴由主管部门决定。",
				      "Eligible under every reading that the text leaves open. Whether a grant is given is for the authority to decide." },
	[VERDICT_ELIGIBLE_UNDER] = { "在所列读法或条件下符合条件,由主管部门认定。", "Eligible under the readings or conditions listed; the authority decides." },
	[VERDICT_NOT_ELIGIBLE] = { "不符合条件:所列各项不满足。", "Not eligible: the items listed are not met." },
	[VERDICT_INCOMPLETE] = { "材料不全:所列各项尚未由有关人员签字说明。", "Incomplete: the items listed have not been stated and signed." },
	[VERDICT_INSUFFICIENT_DATA] = { "数据不足,不能判定:所列各项不满足或未知。既不是符合,也不是不符合。",
					"Not decidable: the data listed is lacking or doubtful. This says neither eligible nor not eligible." },
	[VERDICT_OUTSIDE_VALIDITY] = { "不在措施有效期内:所列日期在有效期之外。", "Outside the validity of the measures: the dates listed lie outside." },
	[VERDICT_ALREADY_CLAIMED] = { "该场所(含合并前的场所)已获一次性补贴。", "The one-off grant has already been given for this site or one it was merged from." },
};

/* Facts and causes in Chinese; English is the name's own description. */
static const struct { const char *key, *zh, *en; } words[] = {
	{ "pue", "PUE", NULL }, { "pue_guarded", "PUE 及其不确定度", NULL }, { "total_energy", "总电量", NULL }, { "it_energy", "信息设备电量", NULL },
	{ "category", "测量类别", NULL }, { "complete.time.total", "总电量时间完整率", NULL }, { "complete.time.it", "信息设备电量时间完整率", NULL },
	{ "complete.energy.total", "总电量能量完整率", NULL }, { "complete.energy.it", "信息设备电量能量完整率", NULL },
	{ "energy_share.estimated", "推算电量占比", NULL }, { "energy_share.integrated", "功率积分电量占比", NULL }, { "energy_share.nominal", "按额定值计的电量占比", NULL },
	{ "energy_share.manual", "人工录入电量占比", NULL }, { "energy_share.distributed", "分摊电量占比", NULL },
	{ "clock.unsynced", "时钟未同步的区间占比", NULL }, { "late", "补传区间占比", NULL }, { "findings", "平衡校核发现的问题", NULL },
	{ "window.from", "窗口起始日", NULL }, { "window.to", "窗口截止日", NULL }, { "window.days", "窗口天数", NULL }, { "window.annual", "是否整十二个月", NULL },
	{ "judged", "判定日", NULL }, { "completed", "改造完成日", NULL }, { "applied", "申报日", NULL }, { "operation_start", "投运日", NULL },
	{ "site.id", "场所编号", NULL }, { "site.jurisdiction", "管辖类型", NULL }, { "site.administrative_code", "行政区划代码", NULL },
	{ "approved_rate", "核定的每机架标准", NULL }, { "racks.installed", "机架数(安装)", NULL }, { "racks.in_use", "机架数(在用)", NULL },
	{ "racks.metered", "机架数(有电量计量)", NULL }, { "racks.standard", "标准机架数", NULL }, { "racks.unknown", "功能未知的机架数", NULL },
	{ "rated_power", "机架额定功率", NULL },
	{ "share.c1.in.in", "计算功能占比C1", NULL }, { "share.c1.in.out", "计算功能占比C1", NULL }, { "share.c1.out.in", "计算功能占比C1", NULL }, { "share.c1.out.out", "计算功能占比C1", NULL },
	{ "share.c2.in.in", "计算功能占比C2", NULL }, { "share.c2.in.out", "计算功能占比C2", NULL }, { "share.c2.out.in", "计算功能占比C2", NULL }, { "share.c2.out.out", "计算功能占比C2", NULL },
	{ "share.c3.in.in", "计算功能占比C3", NULL }, { "share.c3.in.out", "计算功能占比C3", NULL }, { "share.c3.out.in", "计算功能占比C3", NULL }, { "share.c3.out.out", "计算功能占比C3", NULL },
	{ "baseline", "基准期电量", "energies of the baseline window" },
	{ "an interval reaches over the limit", "区间跨越限值", NULL }, { "the uncertainty is not stated", "不确定度未给出", NULL },
	{ "a number too large to compute with", "数值过大", NULL }, { "a division by zero", "除数为零", NULL },
	{ "no PUE: energies of the window are not known", "窗口电量未知,没有PUE", NULL }, { "no PUE: an energy is negative or not known", "电量为负或未知,没有PUE", NULL },
	{ "no PUE: IT energy is 0", "信息设备电量为0,没有PUE", NULL }, { "no PUE: IT energy is not below total energy", "信息设备电量不小于总电量,没有PUE", NULL },
	{ "an interval reaches over a class border", "区间跨越等级界限", NULL }, { "a day before the first row of a step", "日期早于分段的第一行", NULL },
	{ "revoked", "已撤回", NULL }, { "not signed", "未签署", NULL }, { "signed by another role", "签署人的角色不符", NULL },
	{ "a row for this key in the table", "表中没有该项", NULL }, { "an assumption of another kind or unit than the fact", "假设值的类型或单位不符", NULL },
};

static const char *english(const char *missing)
{
	for (size_t i = 0; i < fact_row_count; i++)
		if (strcmp(fact_rows[i].name, missing) == 0)
			return fact_rows[i].about;
	return missing;
}

/* agent/further.c names the window and its days in front of these. */
static const char *window_words(const char *missing)
{
	static const struct { const char *end, *zh; } rows[] = {
		{ ": no records", "该窗口没有记录" }, { ": the racks' rated power is not stated", "未说明机架额定功率,无法确定负载率" },
		{ ": in no interval was the load what the rule asks for", "窗口内没有负载率符合要求的区间" } };
	size_t len = strlen(missing);
	for (size_t i = 0; strncmp(missing, "window '", 8) == 0 && i < countof(rows); i++) {
		size_t n = strlen(rows[i].end);
		if (len > n && strcmp(missing + len - n, rows[i].end) == 0)
			return rows[i].zh;
	}
	return NULL;
}

struct bilingual missing_words(const struct pack *p, const char *missing)
{
	const char *window = window_words(missing);
	if (window)
		return (struct bilingual){ window, missing };
	for (size_t i = 0; i < p->statements.n; i++)
		if (strcmp(ROWS(struct statement, p->statements)[i].id, missing) == 0)
			return ROWS(struct statement, p->statements)[i].title;
	for (size_t i = 0; i < countof(words); i++)
		if (strcmp(words[i].key, missing) == 0)
			return (struct bilingual){ words[i].zh, words[i].en ? words[i].en : english(missing) };
	return (struct bilingual){ missing, english(missing) };
}

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *bilingual_json(struct bilingual b)
{
	return json_pack("{s:o, s:o}", "zh", text_or_null(b.zh), "en", text_or_null(b.en));
}

static const char *truth_name(enum truth t)
{
	static const char *const names[] = { "no", "yes", "unknown" };
	return names[t];
}

static json_t *readings_json(const struct criterion *c)
{
	json_t *list = json_array();
	for (size_t i = 0; i < c->n_readings; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "choices", c->readings[i].choices, "result",
						      truth_name(c->readings[i].result), "value", c->readings[i].value));
	return list;
}

static json_t *texts_json(const char *const *texts, size_t n)
{
	json_t *list = json_array();
	for (size_t i = 0; i < n; i++)
		json_array_append_new(list, json_string(texts[i]));
	return list;
}

static json_t *criterion_json(const struct criterion *c)
{
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:b, s:o, s:o}", "id", c->id, "title", bilingual_json(c->title),
			 "quote", text_or_null(c->quote), "locator", text_or_null(c->locator), "word", text_or_null(c->word), "op", text_or_null(c->op), "result",
			 truth_name(c->result), "value", c->value, "limit", c->limit, "margin", c->margin, "uncertainty", c->uncertainty, "why",
			 bilingual_json(c->why), "evidence", text_or_null(c->evidence), "depends", c->depends, "under",
			 texts_json(c->under, c->n_under), "readings", readings_json(c));
}

static json_t *split_json(const struct verdict *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n_split; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:o}", "who", v->split[i].who, "title", bilingual_json(v->split[i].title), "fen",
						      v->split[i].fen < 0 ? json_null() : json_integer(v->split[i].fen)));
	return list;
}

static json_t *outputs_json(const struct verdict *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n_outputs; i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:s}", "id", v->outputs[i].id, "title", bilingual_json(v->outputs[i].title), "value",
						      v->outputs[i].value));
	return list;
}

json_t *verdict_json(const struct pack *p, const struct verdict *v)
{
	char day[DATE_TEXT], hash[65];
	json_t *criteria = json_array(), *notes = json_array();
	for (size_t i = 0; i < v->n_criteria; i++)
		json_array_append_new(criteria, criterion_json(&v->criteria[i]));
	for (size_t i = 0; i < v->n_notes; i++)
		json_array_append_new(notes, bilingual_json(v->notes[i]));
	pack_hash(p, hash);
	return json_pack("{s:s, s:o, s:o, s:b, s:b, s:b, s:s, s:I, s:I, s:I, s:I, s:o, s:o, s:o, s:o, s:{s:s, s:s, s:s, s:o}}", "kind",
			 verdict_names[v->kind], "reasons", texts_json(v->reasons, v->n_reasons), "sentence", bilingual_json(v->sentence), "guarded",
			 v->guarded, "assumed", v->assumed, "simulated", v->simulated, "judged", date_text(v->judged, day), "amount_fen",
			 (json_int_t)v->amount_fen, "rate_fen", (json_int_t)v->rate_fen, "cap_fen", (json_int_t)v->cap_fen, "counted_racks",
			 (json_int_t)v->counted_racks, "split", split_json(v), "outputs", outputs_json(v), "notes", notes, "criteria", criteria,
			 "pack", "id", p->id, "version", p->version, "sha256", hash, "title", bilingual_json(p->title));
}

static const char *pick(struct bilingual b, bool chinese)
{
	const char *text = chinese ? b.zh : b.en;
	return text ? text : "";
}

/* Units that are words: a value is kept in one form, and read in either language. */
void verdict_value(const char *value, bool chinese, struct buf *out)
{
	static const struct { const char *unit, *zh; } units[] = { { " yuan", " 元" }, { " yuan/kW.h", " 元/kW·h" }, { " tce", " 吨标准煤" } };
	size_t len = strlen(value);
	for (size_t i = 0; chinese && i < countof(units); i++) {
		size_t n = strlen(units[i].unit);
		if (len >= n && !strcmp(value + len - n, units[i].unit)) {
			buf_printf(out, "%.*s%s", (int)(len - n), value, units[i].zh);
			return;
		}
	}
	buf_str(out, value);
}

/* "75 % 大于 70 %", the text's own word; in English its sign, with the word behind it. */
static void comparison_text(const struct criterion *c, bool chinese, struct buf *out)
{
	bool sign = !chinese && c->op;
	buf_str(out, chinese ? ":" : ": ");
	verdict_value(c->value, chinese, out);
	buf_printf(out, " %s ", sign ? c->op : c->word ? c->word : "");
	verdict_value(c->limit, chinese, out);
	if (sign && c->word)
		buf_printf(out, " (%s)", c->word);
}

static void criterion_text(const struct criterion *c, bool chinese, struct buf *out)
{
	static const struct bilingual marks[] = { { "不满足", "no" }, { "满足", "yes" }, { "不能判定", "not decidable" } };
	static const struct bilingual depends = { "取决于读法", "depends" };
	buf_printf(out, "  %s [%s] %s", pick(c->title, chinese), c->id, pick(c->depends ? depends : marks[c->result], chinese));
	if (c->value[0])
		comparison_text(c, chinese, out);
	if (c->margin[0]) {
		buf_str(out, chinese ? ",裕度 " : ", margin ");
		verdict_value(c->margin, chinese, out);
	}
	if (c->uncertainty[0])
		buf_printf(out, chinese ? ",不确定度 %s" : ", uncertainty %s", c->uncertainty);
	buf_printf(out, "\n    %s\n", pick(c->why, chinese));
	if (c->quote)
		buf_printf(out, chinese ? "    「%s」(%s)\n" : "    \"%s\" (%s)\n", c->quote, c->locator ? c->locator : "");
	for (size_t i = 0; c->depends && i < c->n_readings; i++)
		buf_printf(out, "      %-44s %-10s %s\n", c->readings[i].choices, pick(marks[c->readings[i].result], chinese), c->readings[i].value);
}

static void money_text(const struct verdict *v, bool chinese, struct buf *out)
{
	if (v->kind != VERDICT_ELIGIBLE_ROBUST && v->kind != VERDICT_ELIGIBLE_UNDER)
		return;
	if (v->amount_fen)
		buf_printf(out, chinese ? "补贴上限(不是核定额):%lld.%02lld 元\n" : "Upper bound of the grant (not a grant): %lld.%02lld yuan\n",
			   (long long)(v->amount_fen / 100), (long long)(v->amount_fen % 100));
	for (size_t i = 0; i < v->n_split; i++) {
		if (v->split[i].fen < 0)
			buf_printf(out, "  %s\n", pick(v->split[i].title, chinese));
		else
			buf_printf(out, chinese ? "  %s:%lld.%02lld 元\n" : "  %s: %lld.%02lld yuan\n", pick(v->split[i].title, chinese), (long long)(v->split[i].fen / 100),
				   (long long)(v->split[i].fen % 100));
	}
}

void verdict_reasons_text(const struct verdict *v, bool chinese, struct buf *out)
{
	for (size_t i = 0; i < v->n_reasons; i++)
		buf_printf(out, "  - %s [%s]\n", pick(v->reason_words[i], chinese), v->reasons[i]);
}

/* Simple acceptance is what the verdict goes by; whether the stricter one is met stands beside it (domain.md 2.5). */
static void guarded_text(const struct pack *p, const struct verdict *v, bool chinese, struct buf *out)
{
	static const struct bilingual said[] = { { "计入扩展不确定度后(ρ=0 与 ρ=1):未低于限值,或不确定度未给出", "with the uncertainty added (rho 0 and 1): not below the limit, or U is not stated" },
						  { "计入扩展不确定度后(ρ=0 与 ρ=1):仍低于限值", "with the uncertainty added (rho 0 and 1): below the limit too" } };
	if (pack_pue_limit(p).den)
		buf_printf(out, "    %s\n", pick(said[v->guarded], chinese));
}

void verdict_text(const struct pack *p, const struct verdict *v, bool chinese, struct buf *out)
{
	char day[DATE_TEXT];
	buf_printf(out, "%s%s: %s\n", v->assumed ? (chinese ? "[假设,不是证据] " : "[WHAT-IF, NOT EVIDENCE] ") : "", verdict_names[v->kind], pick(v->sentence, chinese));
	buf_printf(out, chinese ? "规则包 %s %s,判定日 %s\n" : "pack %s %s, judged %s\n", p->id, p->version, date_text(v->judged, day));
	verdict_reasons_text(v, chinese, out);
	for (size_t i = 0; i < v->n_criteria; i++)
		criterion_text(&v->criteria[i], chinese, out);
	guarded_text(p, v, chinese, out);
	money_text(v, chinese, out);
	for (size_t i = 0; i < v->n_outputs; i++) {
		buf_printf(out, chinese ? "%s:" : "%s: ", pick(v->outputs[i].title, chinese));
		verdict_value(v->outputs[i].value, chinese, out);
		buf_str(out, "\n");
	}
	for (size_t i = 0; i < v->n_notes; i++)
		buf_printf(out, "* %s\n", pick(v->notes[i], chinese));
}
