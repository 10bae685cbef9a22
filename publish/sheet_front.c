/* The first page: who, what, how much, by which rule, with which result, and where to sign. */
#include "publish/sheet.h"
#include "rules/pack.h"

#include <stdio.h>
#include <string.h>

/* ---- title ---- */

static void join(struct buf *out, const char *label, const char *value)
{
	if (*value)
		buf_printf(out, "%s%s %s", out->len ? "    " : "", label, value);
}

static void qr(struct sheet *s, double x, double y, double side)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_printf(&text, "PUED1 %s sha256:%s %s", s->number, s->hash, text_at(s->cert, "verification.locator"));
	if (text.data)
		draw_qr(s, x, y, side, text.data);
	put_pair(s, (struct box){ x - 12, y + side + 2, side + 24, 6.5, INK_SOFT, ALIGN_CENTER }, (struct pair){ "文件摘要与编号", "file hash and number" }, true, true);
}

static void title(struct sheet *s)
{
	static const struct pair names[2] = { { "数据中心电能利用效率核验证书", "Certificate of Data Center Power Usage Effectiveness" },
					      { "数据中心电能利用效率核验证书(中期)", "Interim Certificate of Data Center Power Usage Effectiveness" } };
	CLEANUP(buf_done) struct buf pack = { 0 }, dates = { 0 }, issued = { 0 };
	double w = TEXT_W - 104, top = s->y, title_size = s->zh_first ? (s->interim ? 19 : 22) : (s->interim ? 14.5 : 17);
	struct pair name = names[s->interim], policy = pair_at(s->cert, "identity.pack.title");
	s->y += put(s, (struct box){ MARGIN, s->y, w, title_size, INK_TITLE, ALIGN_LEFT }, first_of(s, name), true);
	s->y += put(s, (struct box){ MARGIN, s->y + 1, w, 11, INK_SOFT, ALIGN_LEFT }, second_of(s, name), true) + 5;
	s->y += put_pair(s, (struct box){ MARGIN, s->y, w, 9, INK_TEXT, ALIGN_LEFT }, policy, false, true);
	buf_printf(&pack, "%s %s", text_at(s->cert, "identity.pack.id"), text_at(s->cert, "identity.pack.version"));
	join(&dates, s->zh_first ? "编号 No." : "No. 编号", s->number);
	join(&dates, s->zh_first ? "规则包 pack" : "pack 规则包", pack.data);
	s->y += put(s, (struct box){ MARGIN, s->y + 3, w, 8, INK_TEXT, ALIGN_LEFT }, dates.data, true) + 3;
	buf_reset(&dates);
	local_text(s, text_at(s->cert, "issued"), &issued);
	join(&dates, s->zh_first ? "签发 issued" : "issued 签发", issued.data ? issued.data : "");
	join(&dates, s->zh_first ? "有效至 valid until" : "valid until 有效至", text_at(s->cert, "validity.until"));
	join(&dates, s->zh_first ? "替代 supersedes" : "supersedes 替代", text_at(s->cert, "validity.supersedes"));
	s->y += put(s, (struct box){ MARGIN, s->y + 2, w, 8, INK_TEXT, ALIGN_LEFT }, dates.data, true) + 2;
	qr(s, PAGE_W - MARGIN - 84, top, 80);
	s->y = (s->y > top + 102 ? s->y : top + 102) + 4;
	line(s, MARGIN, s->y, PAGE_W - MARGIN, s->y, 1.2, INK_TITLE);
	s->y += 6;
}

/* ---- applicant and site ---- */

struct field { struct pair label; const char *path; bool both, asked; };         /* asked: its absence is shown */

static double fields(struct sheet *s, double x, double y, double w, const struct field *list, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct pair value = list[i].both ? pair_at(s->cert, list[i].path) : (struct pair){ text_at(s->cert, list[i].path), "" };
		const char *first = list[i].both ? first_of(s, value) : value.zh;
		if (!*first && !list[i].asked)
			continue;
		if (!*first)
			value = (struct pair){ "未填写", "not stated" }, first = first_of(s, value);
		put_pair(s, (struct box){ x, y + 0.8, 74, 7, INK_SOFT, ALIGN_LEFT }, list[i].label, false, true);
		struct box b = { x + 76, y, w - 76, 8, INK_TEXT, ALIGN_LEFT };
		y += (list[i].both ? put_pair(s, b, value, true, true) : put(s, b, first, true)) + 1.6;
	}
	return y;
}

static void parties(struct sheet *s)
{
	static const struct field applicant[] = {
		{ { "申报单位", "Applicant" }, "applicant.name", true, true }, { { "信用代码", "Code" }, "applicant.code", false, true },
		{ { "法定代表人", "Repr." }, "applicant.representative", false }, { { "联系方式", "Contact" }, "applicant.contact", false },
		{ { "单位地址", "Address" }, "applicant.address", false },
	};
	static const struct field site[] = {
		{ { "数据中心", "Site" }, "site.name", true, true }, { { "地址", "Address" }, "site.address", true, true },
		{ { "站点标识", "Site id" }, "site.id", false }, { { "行政区划", "Division" }, "site.administrative_code", false },
		{ { "边界图", "Boundary" }, "site.boundary", false }, { { "投运日期", "Operation" }, "site.operation_start", false },
		{ { "改造完成", "Retrofit" }, "site.retrofit_completed", false },
	};
	double half = TEXT_W / 2.0 - 8, y0 = fields(s, MARGIN, s->y, half, applicant, countof(applicant));
	double y1 = fields(s, MARGIN + half + 16, s->y, half, site, countof(site));
	s->y = (y0 > y1 ? y0 : y1) + 4;
}

/* ---- the number ---- */

static void number_text(const struct sheet *s, struct buf *out)
{
	const char *value = text_at(s->cert, "results.pue.value"), *u = text_at(s->cert, "results.pue.u");
	if (!*value)
		return;
	buf_printf(out, "%s = %s", text_at(s->cert, "results.pue.name"), value);
	if (*u)
		buf_printf(out, " ± %s (k = %lld)", u, (long long)int_at(s->cert, "results.pue.k"));
}

static void energies(const struct sheet *s, struct buf *out)
{
	buf_str(out, s->zh_first ? "总电能 E_DC  " : "Total energy E_DC  ");
	energy_text(int_at(s->cert, "results.energy.total_mwh"), out);
	buf_str(out, s->zh_first ? "    IT电能 E_IT  " : "    IT energy E_IT  ");
	energy_text(int_at(s->cert, "results.energy.it_mwh"), out);
}

static void completeness(const struct sheet *s, struct buf *out)
{
	static const struct { struct pair label; const char *path; } parts[] = {
		{ { "数据完整率: 总电能按时间", "Completeness: total by time" }, "results.completeness.time_ppm.total" },
		{ { "按电量", "by energy" }, "results.completeness.energy_ppm.total" },
		{ { "IT按时间", "IT by time" }, "results.completeness.time_ppm.it" },
		{ { "按电量", "by energy" }, "results.completeness.energy_ppm.it" },
	};
	for (size_t i = 0; i < countof(parts); i++) {
		buf_printf(out, "%s%s ", i ? ", " : "", first_of(s, parts[i].label));
		if (at(s->cert, parts[i].path))
			ppm_text(int_at(s->cert, parts[i].path), out);
		else
			buf_str(out, "—");
	}
}

static double number_lines(struct sheet *s, bool draw)
{
	CLEANUP(buf_done) struct buf big = { 0 }, energy = { 0 }, complete = { 0 };
	double x = MARGIN + 12, w = TEXT_W - 24, y = s->y + 7;
	number_text(s, &big);
	energies(s, &energy);
	completeness(s, &complete);
	if (big.len) {
		y += put(s, (struct box){ x, y, w, 21, INK_TITLE, ALIGN_LEFT }, big.data, draw) + 1;
		y += put(s, (struct box){ x, y, w, 8.5, INK_TEXT, ALIGN_LEFT }, text_at(s->cert, "results.pue.text"), draw) + 2;
	} else {
		y += put_pair(s, (struct box){ x, y, w, 15, INK_BAD, ALIGN_LEFT }, (struct pair){ "不能给出PUE数值", "No PUE can be stated" }, false, draw) + 2;
		y += put(s, (struct box){ x, y, w, 8.5, INK_TEXT, ALIGN_LEFT }, text_at(s->cert, "facts.kpi.why_not"), draw) + 2;
	}
	y += put(s, (struct box){ x, y, w, 8.5, INK_TEXT, ALIGN_LEFT }, energy.data, draw) + 1;
	y += put(s, (struct box){ x, y, w, 7.5, INK_SOFT, ALIGN_LEFT }, complete.data, draw);
	return y - s->y + 6;
}

static void number(struct sheet *s)
{
	double height = number_lines(s, false);
	fill(s, MARGIN, s->y, TEXT_W, height, INK_FILL, 0.6);
	fill(s, MARGIN, s->y, 4, height, INK_TITLE, 1);
	number_lines(s, true);
	s->y += height + 6;
}

/* ---- racks and compute share ---- */

static bool less(struct fraction a, struct fraction b)
{
	return (__int128)a.num * b.den < (__int128)b.num * a.den;
}

/* Over all ways to count network and empty racks: from the smallest to the largest. */
static void share_of(const json_t *shares, const char *id, struct buf *value, struct buf *exact)
{
	struct fraction lo = { 0, 0 }, hi = { 0, 0 };
	size_t i;
	json_t *share;
	json_array_foreach(shares, i, share) {
		struct fraction a = fraction_of(at(share, "lo")), b = fraction_of(at(share, "hi"));
		if (strcmp(text_at(share, "id"), id) || a.den <= 0 || b.den <= 0)
			continue;
		if (!lo.den || less(a, lo))
			lo = a;
		if (!hi.den || less(hi, b))
			hi = b;
	}
	if (!lo.den)
		return;
	percent_text(lo.num, lo.den, value);
	buf_printf(exact, "%lld/%lld", (long long)lo.num, (long long)lo.den);
	if (!less(lo, hi))
		return;
	buf_str(value, " … ");
	percent_text(hi.num, hi.den, value);
	buf_printf(exact, " … %lld/%lld", (long long)hi.num, (long long)hi.den);
}

static void stat(struct sheet *s, double x, double w, struct pair label, const char *value)
{
	double h = put(s, (struct box){ x, s->y, w, 11, INK_TITLE, ALIGN_LEFT }, or_dash(value), true);
	put_pair(s, (struct box){ x, s->y + h, w, 7, INK_SOFT, ALIGN_LEFT }, label, true, true);
}

static void rack_stats(struct sheet *s)
{
	static const struct { struct pair label; const char *path; } counts[] = {
		{ { "机架(已装)", "racks installed" }, "results.racks.installed" }, { { "在用", "in use" }, "results.racks.in_use" },
		{ { "已计量", "metered" }, "results.racks.metered" },
	};
	char text[32];
	double w = TEXT_W / 4.0;
	for (size_t i = 0; i < countof(counts); i++) {
		const json_t *n = at(s->cert, counts[i].path);
		snprintf(text, sizeof text, n && json_integer_value(n) >= 0 ? "%lld" : "—", (long long)json_integer_value(n));
		stat(s, MARGIN + (double)i * w, w - 8, counts[i].label, text);
	}
	int64_t standard = int_at(s->cert, "results.racks.standard_milli");
	snprintf(text, sizeof text, "%lld.%lld", (long long)(standard / 1000), (long long)(standard % 1000 / 100));
	stat(s, MARGIN + 3 * w, w - 8, (struct pair){ "标准机架(2.5 kW)", "standard racks of 2.5 kW" }, text);
	s->y += 35;
}

static void share_stats(struct sheet *s)
{
	static const struct { const char *id; struct pair label; } shares[] = {
		{ "c1", { "计算功能占比:按机架", "compute share by racks" } }, { "c2", { "按额定功率", "by rated power" } },
		{ "c3", { "按实测电能", "by measured energy" } }, { "c5", { "按IT额定功率", "by IT nominal power" } },
	};
	const json_t *list = at(s->cert, "results.racks.shares");
	double w = TEXT_W / 4.0;
	for (size_t i = 0; i < countof(shares); i++) {
		CLEANUP(buf_done) struct buf value = { 0 }, exact = { 0 };
		share_of(list, shares[i].id, &value, &exact);
		double x = MARGIN + (double)i * w;
		stat(s, x, w - 8, shares[i].label, value.data ? value.data : "");
		/* fractions of racks say more than percents; of energies they are long */
		if (!strcmp(shares[i].id, "c1"))
			put(s, (struct box){ x, s->y + 31, w - 8, 6.5, INK_SOFT, ALIGN_LEFT }, exact.data, true);
	}
	s->y += 43;
}

/* ---- criteria ---- */

static const struct { const char *id; struct pair words; enum ink ink; } results[] = {
	{ "yes", { "满足", "met" }, INK_GOOD }, { "no", { "不满足", "not met" }, INK_BAD }, { "unknown", { "未定", "undecided" }, INK_WARN },
};

static size_t result_of(const json_t *criterion)
{
	for (size_t i = 0; i < countof(results); i++)
		if (!strcmp(results[i].id, text_at(criterion, "result")))
			return i;
	return 2;
}

static void criterion(struct sheet *s, const struct table *t, const json_t *c)
{
	CLEANUP(buf_done) struct buf name = { 0 }, text = { 0 }, limit = { 0 }, value = { 0 };
	struct pair title = pair_at(c, "title"), why = pair_at(c, "why");
	size_t result = result_of(c);
	bool depends = json_is_true(at(c, "depends"));
	buf_printf(&name, "%s  %s", first_of(s, title), strcmp(title.zh, title.en) ? second_of(s, title) : "");
	if (*text_at(c, "quote"))
		buf_printf(&text, "「%s」 %s\n", text_at(c, "quote"), text_at(c, "locator"));
	buf_printf(&text, "%s%s%s", first_of(s, why), s->tight ? "" : "\n", s->tight || !strcmp(why.zh, why.en) ? "" : second_of(s, why));
	buf_printf(&limit, "%s %s", text_at(c, "op"), text_at(c, "limit"));
	buf_str(&value, text_at(c, "value"));
	if (*text_at(c, "uncertainty"))
		buf_printf(&value, " ± %s", text_at(c, "uncertainty"));
	struct pair word = depends ? (struct pair){ "视读法而定", "depends on reading" } : results[result].words;
	const struct cell cells[] = {
		{ name.data, text.data, INK_TEXT }, { limit.data, text_at(c, "word"), INK_TEXT }, { value.data, NULL, INK_TEXT }, { text_at(c, "margin"), NULL, INK_TEXT },
		{ first_of(s, word), second_of(s, word), depends ? INK_WARN : results[result].ink },
	};
	table_row(s, t, cells);
}

static void criteria(struct sheet *s)
{
	static const struct column columns[] = {
		{ 222, ALIGN_LEFT, { "条件与条文", "criterion and its text" } }, { 72, ALIGN_LEFT, { "规则、限值", "rule, limit" } },
		{ 92, ALIGN_LEFT, { "实测值", "value" } }, { 60, ALIGN_LEFT, { "余量", "margin" } }, { 65, ALIGN_LEFT, { "结论", "result" } },
	};
	static const struct table t = { columns, countof(columns), 8 };
	const json_t *list = at(s->cert, "verdict.criteria");
	size_t i;
	json_t *c;
	table_head(s, &t);
	json_array_foreach(list, i, c)
		criterion(s, &t, c);
	s->y += 4;
}

/* ---- verdict and amount ---- */

static const struct { const char *kind; struct pair words; enum ink ink; } verdicts[] = {
	{ "ELIGIBLE_ROBUST", { "符合条件", "ELIGIBLE" }, INK_GOOD }, { "ELIGIBLE_UNDER", { "在所列读法下符合,由主管部门认定", "ELIGIBLE UNDER THE READINGS NAMED" }, INK_WARN },
	{ "NOT_ELIGIBLE", { "不符合条件", "NOT ELIGIBLE" }, INK_BAD }, { "INCOMPLETE", { "材料不全", "INCOMPLETE" }, INK_WARN },
	{ "INSUFFICIENT_DATA", { "数据不足,无法判定", "INSUFFICIENT DATA" }, INK_WARN }, { "OUTSIDE_VALIDITY", { "不在政策有效期内", "OUTSIDE VALIDITY" }, INK_BAD },
	{ "ALREADY_CLAIMED", { "已享受过该政策", "ALREADY CLAIMED" }, INK_BAD },
};

static size_t verdict_of(const struct sheet *s)
{
	for (size_t i = 0; i < countof(verdicts); i++)
		if (!strcmp(verdicts[i].kind, text_at(s->cert, "verdict.kind")))
			return i;
	return 4;               /* an unknown word is no statement of eligibility */
}

static void split_text(const struct sheet *s, struct buf *out)
{
	size_t i;
	json_t *part;
	json_array_foreach(at(s->cert, "amount.split"), i, part) {
		buf_printf(out, "%s%s ", i ? ", " : "", first_of(s, pair_at(part, "title")));
		if (json_is_integer(at(part, "fen")) && int_at(part, "fen") >= 0)
			yuan_text(int_at(part, "fen"), out);
		else
			buf_str(out, s->zh_first ? "(条文未定)" : "(not stated by the text)");
	}
}

/* What is missing, what fails, or under which reading it holds. */
static void reasons_text(const struct sheet *s, struct buf *out)
{
	size_t i;
	json_t *reason;
	json_array_foreach(at(s->cert, "verdict.reasons"), i, reason) {
		const char *text = json_string_value(reason) ?: "", *colon = strstr(text, ": ");
		const json_t *c = colon ? by_id(at(s->cert, "verdict.criteria"), "id", text, (size_t)(colon - text)) : NULL;
		struct pair word = word_of(text);
		buf_str(out, i ? ";  " : s->zh_first ? "所列各项: " : "Items: ");
		if (c) {
			CLEANUP(buf_done) struct buf reading = { 0 };
			choice_words(s, colon + 2, &reading);
			buf_printf(out, "%s (%s)", first_of(s, pair_at(c, "title")), reading.data ? reading.data : "");
			continue;
		}
		buf_printf(out, "%s%s%s", first_of(s, word), strcmp(word.zh, word.en) ? " " : "", strcmp(word.zh, word.en) ? second_of(s, word) : "");
	}
}

static void outputs_text(const struct sheet *s, struct buf *out)
{
	size_t i;
	json_t *o;
	json_array_foreach(at(s->cert, "verdict.outputs"), i, o) {
		buf_printf(out, "%s%s ", out->len ? "    " : "", first_of(s, pair_at(o, "title")));
		verdict_value(text_at(o, "value"), s->zh_first, out);
	}
}

static double verdict_lines(struct sheet *s, bool draw)
{
	CLEANUP(buf_done) struct buf amount = { 0 }, split = { 0 }, reasons = { 0 };
	size_t v = verdict_of(s);
	double x = MARGIN + 12, w = TEXT_W - 24, y = s->y + 6;
	y += put_pair(s, (struct box){ x, y, w, 14, verdicts[v].ink, ALIGN_LEFT }, verdicts[v].words, false, draw) + 1;
	y += put_pair(s, (struct box){ x, y, w, 9, INK_TEXT, ALIGN_LEFT }, pair_at(s->cert, "verdict.sentence"), true, draw) + 2;
	reasons_text(s, &reasons);
	y += put(s, (struct box){ x, y, w, 8.5, verdicts[v].ink, ALIGN_LEFT }, reasons.data, draw) + (reasons.len ? 2 : 0);
	if (int_at(s->cert, "amount.upper_bound_fen") > 0) {
		buf_str(&amount, s->zh_first ? "补贴金额上限 " : "Upper bound of the subsidy ");
		yuan_text(int_at(s->cert, "amount.upper_bound_fen"), &amount);
		buf_str(&amount, s->zh_first ? " 元 (人民币)" : " yuan (CNY)");
		y += put(s, (struct box){ x, y, w, 11, INK_TITLE, ALIGN_LEFT }, amount.data, draw) + 1;
		split_text(s, &split);
		outputs_text(s, &split);
		y += put(s, (struct box){ x, y, w, 8, INK_TEXT, ALIGN_LEFT }, split.data, draw);
		y += put_pair(s, (struct box){ x, y, w, 7.5, INK_SOFT, ALIGN_LEFT },
			      (struct pair){ "上限不是拨款决定:是否给予、给予多少由主管部门决定。", "A bound, not a grant: whether and how much is the authority's decision." }, false, draw);
	}
	return y - s->y + 5;
}

static void verdict(struct sheet *s)
{
	double height = verdict_lines(s, false);
	page_need(s, height);
	fill(s, MARGIN, s->y, 4, height, verdicts[verdict_of(s)].ink, 1);
	frame(s, MARGIN, s->y, TEXT_W, height, 0.6, INK_LINE);
	verdict_lines(s, true);
	s->y += height + 6;
}

/* ---- signatures and seals ---- */

static void seal_box(struct sheet *s, double x, double w, double h, const json_t *slot)
{
	const double dashes[] = { 2, 2 };
	const char *by = text_at(slot, "by"), *date = text_at(slot, "date");
	char text[200];
	frame(s, x, s->y, w, h, 0.6, INK_LINE);
	put_pair(s, (struct box){ x + 6, s->y + 4, w - 12, 8.5, INK_TITLE, ALIGN_LEFT }, pair_at(slot, "title"), false, true);
	cairo_set_dash(s->cr, dashes, 2, 0);
	ink(s, INK_LINE);
	cairo_set_line_width(s->cr, 0.7);
	cairo_new_path(s->cr);
	cairo_arc(s->cr, x + w - 34, s->y + h - 31, 28, 0, 6.283185307);
	cairo_stroke(s->cr);
	cairo_set_dash(s->cr, NULL, 0, 0);
	put_pair(s, (struct box){ x + w - 61, s->y + h - 40, 54, 7, INK_SOFT, ALIGN_CENTER }, (struct pair){ "盖章", "seal" }, true, true);
	snprintf(text, sizeof text, "%s %s", s->zh_first ? "签字 signature" : "signature 签字", by);
	put(s, (struct box){ x + 6, s->y + h - 34, w - 72, 7, INK_SOFT, ALIGN_LEFT }, text, true);
	snprintf(text, sizeof text, "%s %s", s->zh_first ? "日期 date" : "date 日期", date);
	put(s, (struct box){ x + 6, s->y + h - 14, w - 72, 7, INK_SOFT, ALIGN_LEFT }, text, true);
	line(s, x + 6, s->y + h - 17, x + w - 66, s->y + h - 17, 0.4, INK_LINE);
}

static void signatures(struct sheet *s)
{
	const json_t *slots = at(s->cert, "declarations");
	size_t i, n = json_array_size(slots);
	json_t *slot;
	enum { HEIGHT = 74 };
	page_need(s, HEIGHT + 16);
	double w = n ? (TEXT_W - 8.0 * (double)(n - 1)) / (double)n : 0;
	json_array_foreach(slots, i, slot)
		seal_box(s, MARGIN + (double)i * (w + 8), w, HEIGHT, slot);
	s->y += HEIGHT + 4;
}

static void tree_head(struct sheet *s)
{
	char text[240];
	snprintf(text, sizeof text, "%s %lld    %s %.64s    %s", s->zh_first ? "证据树 tree size" : "tree size 证据树", (long long)int_at(s->cert, "evidence.tree_size"),
		 s->zh_first ? "树根 root" : "root 树根", text_at(s->cert, "evidence.tree_root"), text_at(s->cert, "identity.software"));
	page_need(s, 12);
	s->y += put(s, (struct box){ MARGIN, s->y, TEXT_W, 6.5, INK_SOFT, ALIGN_LEFT }, text, true);
}

void sheet_front(struct sheet *s)
{
	page_begin(s);
	title(s);
	parties(s);
	number(s);
	rack_stats(s);
	share_stats(s);
	criteria(s);
	verdict(s);
	signatures(s);
	tree_head(s);
	page_end(s);
}
