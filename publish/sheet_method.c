/* The last pages: findings and events, method, declarations, how to verify without us. */
#include "publish/sheet.h"

#include <stdio.h>
#include <string.h>

static void paragraph(struct sheet *s, struct pair text, double size, enum ink colour)
{
	struct box b = { MARGIN, s->y, TEXT_W, size, colour, ALIGN_LEFT };
	page_need(s, put_pair(s, b, text, true, false));
	b.y = s->y;
	s->y += put_pair(s, b, text, true, true) + 3;
}

/* ---- findings and events ---- */

static const struct { const char *kind; struct pair name; } kinds[] = {
	{ "wrap", { "寄存器翻转", "roll-over" } }, { "reset", { "寄存器清零", "reset" } }, { "spike", { "尖峰(剔除)", "spike, rejected" } },
	{ "drop_return", { "掉落后恢复", "drop and return" } }, { "ambiguous", { "多义(按缺失)", "ambiguous, missing" } },
	{ "implausible", { "不可信(按缺失)", "implausible, missing" } }, { "frozen", { "数值冻结", "frozen" } }, { "conflict", { "读数冲突", "conflict" } },
	{ "late", { "迟到数据", "late" } }, { "gap", { "数据间隙", "gap" } }, { "clock_step", { "时钟跳变", "clock step" } },
	{ "epoch", { "换表或变比变更", "epoch change" } }, { "session", { "系统重启", "restart" } }, { "finding", { "平衡校核发现", "balance finding" } },
	{ "power_mismatch", { "与功率不符", "power mismatch" } }, { "correction", { "事后更正", "correction" } }, { "manual", { "人工抄表", "read by hand" } },
};

static struct pair kind_of(const char *kind)
{
	for (size_t i = 0; i < countof(kinds); i++)
		if (!strcmp(kinds[i].kind, kind))
			return kinds[i].name;
	return (struct pair){ kind, kind };
}

static void event_counts(struct sheet *s)
{
	CLEANUP(buf_done) struct buf zh = { 0 }, en = { 0 };
	const char *kind;
	json_t *n;
	json_object_foreach((json_t *)(uintptr_t)at(s->cert, "results.events"), kind, n) {
		if (json_integer_value(n) <= 0)
			continue;
		buf_printf(&zh, "%s%s %lld", zh.len ? ",  " : "", kind_of(kind).zh, (long long)json_integer_value(n));
		buf_printf(&en, "%s%s %lld", en.len ? ",  " : "", kind_of(kind).en, (long long)json_integer_value(n));
	}
	if (!zh.len)
		paragraph(s, (struct pair){ "期间内没有事件。", "No events in the period." }, 8.5, INK_TEXT);
	else
		paragraph(s, (struct pair){ zh.data, en.data }, 8.5, INK_TEXT);
}

static void event_row(struct sheet *s, const struct table *t, const json_t *e)
{
	CLEANUP(buf_done) struct buf span = { 0 }, energy = { 0 }, reason = { 0 };
	struct pair kind = kind_of(text_at(e, "kind"));
	sentence_text(s, text_at(e, "reason"), &reason);
	buf_printf(&span, "%s\n%s", text_at(e, "from"), strcmp(text_at(e, "from"), text_at(e, "to")) ? text_at(e, "to") : "");
	if (json_is_integer(at(e, "energy_mwh")))
		energy_text(int_at(e, "energy_mwh"), &energy);
	const struct cell cells[] = { { first_of(s, kind), second_of(s, kind), INK_TEXT }, { or_dash(text_at(e, "meter")), NULL, INK_TEXT },
				      { span.data, NULL, INK_SOFT }, { or_dash(energy.data), NULL, INK_TEXT }, { or_dash(reason.data), NULL, INK_TEXT } };
	table_row(s, t, cells);
}

static void events(struct sheet *s)
{
	static const struct column columns[] = { { 84, ALIGN_LEFT, { "事件", "event" } }, { 80, ALIGN_LEFT, { "电表", "meter" } },
						 { 94, ALIGN_LEFT, { "起止 (UTC)", "from, to (UTC)" } }, { 78, ALIGN_RIGHT, { "涉及电能", "energy" } },
						 { 175, ALIGN_LEFT, { "说明", "reason" } } };
	static const struct table t = { columns, countof(columns), 7.5 };
	enum { MAX_ROWS = 60 };
	const json_t *list = at(s->cert, "results.event_list");
	size_t i;
	json_t *e;
	heading(s, (struct pair){ "发现与事件", "Findings and events" });
	event_counts(s);
	if (!json_array_size(list))
		return;
	table_head(s, &t);
	json_array_foreach(list, i, e)
		if (i < MAX_ROWS)
			event_row(s, &t, e);
	if (json_array_size(list) > MAX_ROWS)
		paragraph(s, (struct pair){ "其余见所附JSON的 /results/event_list。", "The others: /results/event_list of the attached JSON." }, 8, INK_TEXT);
	s->y += 4;
}

/* ---- closure of the tree ---- */

static void balance(struct sheet *s)
{
	static const struct column columns[] = { { 80, ALIGN_LEFT, { "节点", "node" } }, { 84, ALIGN_RIGHT, { "差额", "residual" } }, { 84, ALIGN_RIGHT, { "3u", "3u" } },
						 { 263, ALIGN_LEFT, { "说明", "reason" } } };
	static const struct table t = { columns, countof(columns), 7.5 };
	const json_t *list = at(s->cert, "results.balance");
	CLEANUP(buf_done) struct buf zh = { 0 }, en = { 0 };
	size_t i, found = 0;
	json_t *b;
	if (!json_array_size(list))
		return;
	json_array_foreach(list, i, b)
		found += strcmp(text_at(b, "finding"), "closes") != 0;
	heading(s, (struct pair){ "电能平衡校核", "Closure of the electrical tree" });
	buf_printf(&zh, "校核节点 %zu 个(k = 3),异常 %zu 处。", json_array_size(list), found);
	buf_printf(&en, "Nodes checked: %zu (k = 3). Findings: %zu.", json_array_size(list), found);
	paragraph(s, (struct pair){ zh.data, en.data }, 8.5, INK_TEXT);
	if (found)
		table_head(s, &t);
	json_array_foreach(list, i, b) {
		CLEANUP(buf_done) struct buf residual = { 0 }, limit = { 0 }, reason = { 0 };
		if (!strcmp(text_at(b, "finding"), "closes"))
			continue;
		energy_text(int_at(b, "residual_mwh"), &residual);
		energy_text(3 * int_at(b, "u_mwh"), &limit);
		sentence_text(s, text_at(b, "reason"), &reason);
		const struct cell cells[] = { { *text_at(b, "node") ? text_at(b, "node") : "—", NULL, INK_TEXT }, { residual.data, NULL, INK_TITLE }, { limit.data, NULL, INK_TEXT },
					      { or_dash(reason.data), NULL, INK_TEXT } };
		table_row(s, &t, cells);
	}
	s->y += 4;
}

/* ---- method ---- */

static void two(struct sheet *s, struct pair label, const char *first, const char *second)
{
	if (!first || !*first)
		return;
	struct box value = { MARGIN + 128, s->y, TEXT_W - 128, 8.5, INK_TEXT, ALIGN_LEFT };
	struct pair both = s->zh_first ? (struct pair){ first, second } : (struct pair){ second, first };
	double h = second ? put_pair(s, value, both, false, false) : put(s, value, first, false);
	struct box name = { MARGIN, s->y, 124, 8, INK_SOFT, ALIGN_LEFT };
	double wanted = put_pair(s, name, label, false, false);
	h = h > wanted ? h : wanted;
	page_need(s, h);
	name.y = value.y = s->y;
	put_pair(s, name, label, false, true);
	if (second)
		put_pair(s, value, both, false, true);
	else
		put(s, value, first, true);
	s->y += h + 2.5;
}

static void basics(struct sheet *s)
{
	static const struct { struct pair label; const char *path; } rows[] = {
		{ { "计量边界图", "boundary drawing" }, "method.boundary" }, { { "能量来源", "source of energy" }, "method.energy_source" },
		{ { "期间", "window" }, "method.window" }, { { "方法", "method" }, "method.method" }, { { "标准版本", "edition" }, "identity.edition" },
	};
	CLEANUP(buf_done) struct buf points = { 0 };
	char text[64];
	size_t i;
	json_t *p;
	for (size_t k = 0; k < countof(rows); k++) {
		struct pair value = word_of(text_at(s->cert, rows[k].path));
		two(s, rows[k].label, first_of(s, value), strcmp(value.zh, value.en) ? second_of(s, value) : NULL);
	}
	snprintf(text, sizeof text, "%lld", (long long)int_at(s->cert, "method.category"));
	two(s, (struct pair){ "PUE类别(最差测点)", "category, worst point" }, text, NULL);
	json_array_foreach(at(s->cert, "method.points"), i, p)
		buf_printf(&points, "%s%s", points.len ? ", " : "", first_of(s, word_of(json_string_value(p) ?: "")));
	two(s, (struct pair){ "IT测点", "IT measuring points" }, points.data, NULL);
	snprintf(text, sizeof text, "%lld min", (long long)(int_at(s->cert, "method.interval_ms") / 60000));
	two(s, (struct pair){ "结算间隔", "interval" }, text, NULL);
}

/* The reading that the printed figures follow. */
static struct pair option_of(const json_t *choice)
{
	size_t i;
	json_t *o;
	json_array_foreach(at(choice, "options"), i, o)
		if (!strcmp(text_at(o, "id"), text_at(choice, "default")))
			return pair_at(o, "title");
	return (struct pair){ text_at(choice, "default"), text_at(choice, "default") };
}

static void other_options(const struct sheet *s, const json_t *choice, struct buf *out)
{
	size_t i, n = 0;
	json_t *o;
	json_array_foreach(at(choice, "options"), i, o)
		if (strcmp(text_at(o, "id"), text_at(choice, "default")))
			buf_printf(out, "%s%s", n++ ? ", " : s->zh_first ? " (亦作判定: " : " (judged as well: ", first_of(s, pair_at(o, "title")));
	buf_str(out, n ? ")" : "");
}

static void choices(struct sheet *s)
{
	size_t i;
	json_t *c;
	json_array_foreach(at(s->cert, "method.choices"), i, c) {
		struct pair taken = at(c, "text") ? pair_at(c, "text") : option_of(c);
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_str(&text, first_of(s, taken));
		other_options(s, c, &text);
		two(s, pair_at(c, "title"), text.data, second_of(s, taken));
	}
}

static void figures(struct sheet *s)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	size_t i;
	json_t *f;
	json_array_foreach(at(s->cert, "method.figures"), i, f) {
		buf_reset(&text);
		struct pair title = pair_at(f, "title");
		buf_printf(&text, "%s = %s  [%s] %s", *first_of(s, title) ? first_of(s, title) : text_at(f, "id"), text_at(f, "value"), text_at(f, "status"), text_at(f, "source"));
		two(s, i ? (struct pair){ "", "" } : (struct pair){ "所用数值及出处", "figures and sources" }, text.data, NULL);
	}
	if (json_array_size(at(s->cert, "method.unverified")))
		paragraph(s, (struct pair){ "使用了未经原文核实的数值,见所附JSON的 /method/unverified。", "Figures not verified against their text were used: /method/unverified." },
			  8.5, INK_BAD);
}

static void notes(struct sheet *s)
{
	size_t i;
	json_t *n;
	json_array_foreach(at(s->cert, "verdict.notes"), i, n)
		paragraph(s, pair_at(n, ""), 8.5, INK_TEXT);
}

static void method(struct sheet *s)
{
	heading(s, (struct pair){ "方法与读法", "Method and readings of the text" });
	basics(s);
	choices(s);
	figures(s);
	notes(s);
}

/* ---- declarations ---- */

static const struct { const char *value; struct pair words; } truths[] = { { "yes", { "是", "yes" } }, { "no", { "否", "no" } } };

static void attestation_row(struct sheet *s, const struct table *t, const json_t *a)
{
	struct pair value = { "未定", "unknown" }, name = word_of(text_at(a, "name"));
	CLEANUP(buf_done) struct buf state = { 0 };
	for (size_t i = 0; i < countof(truths); i++)
		if (!strcmp(truths[i].value, text_at(a, "value")))
			value = truths[i].words;
	/* a statement of a day, an amount or a word has that as its value */
	const char *other = *text_at(a, "amount") ? text_at(a, "amount") : *text_at(a, "text") ? text_at(a, "text") : text_at(a, "date");
	if (!at(a, "value") && *other)
		value = (struct pair){ other, NULL };
	bool is_signed = json_is_true(at(a, "signed")), revoked = json_is_true(at(a, "revoked"));
	buf_str(&state, revoked ? (s->zh_first ? "已撤销" : "revoked") : is_signed ? (s->zh_first ? "已签名" : "signed") : (s->zh_first ? "未签名" : "unsigned"));
	const struct cell cells[] = { { first_of(s, name), *text_at(a, "text") ? text_at(a, "text") : second_of(s, name), INK_TEXT }, { value.en ? first_of(s, value) : value.zh, value.en ? second_of(s, value) : NULL, INK_TEXT },
				      { or_dash(text_at(a, "by")), first_of(s, word_of(text_at(a, "role"))), INK_TEXT }, { or_dash(text_at(a, "date")), NULL, INK_TEXT },
				      { state.data, NULL, revoked || !is_signed ? INK_WARN : INK_GOOD }, { or_dash(text_at(a, "evidence")), NULL, INK_SOFT } };
	table_row(s, t, cells);
}

static void declarations(struct sheet *s)
{
	static const struct column columns[] = { { 130, ALIGN_LEFT, { "声明事项", "statement" } }, { 60, ALIGN_LEFT, { "内容", "value" } },
						 { 120, ALIGN_LEFT, { "声明人", "by" } }, { 70, ALIGN_LEFT, { "日期", "date" } }, { 55, ALIGN_LEFT, { "状态", "state" } },
						 { 76, ALIGN_LEFT, { "证据", "evidence" } } };
	static const struct table t = { columns, countof(columns), 7.5 };
	const json_t *list = at(s->cert, "facts.attestations");
	size_t i;
	json_t *a;
	heading(s, (struct pair){ "声明", "Declarations" });
	paragraph(s, (struct pair){ "在首页签字盖章者对所填内容的真实性负责。测得的数值由签名的证据支撑,声明由声明人负责。",
				    "Whoever signs on the first page answers for the truth of what was declared. Measured figures rest on signed evidence, statements on those who made them." },
		  8.5, INK_TEXT);
	if (!json_array_size(list))
		return;
	table_head(s, &t);
	json_array_foreach(list, i, a)
		attestation_row(s, &t, a);
	s->y += 4;
}

/* ---- verification ---- */

static void verification(struct sheet *s)
{
	CLEANUP(buf_done) struct buf zh = { 0 }, en = { 0 };
	char text[80];
	size_t i;
	json_t *step;
	heading(s, (struct pair){ "离线核验", "Verifying without us" });
	paragraph(s, (struct pair){ "JSON是原件,本页是它的图示;原件作为附件 certificate.json 存于本PDF内(可用 qpdf --show-attachment 取出)。",
				    "The JSON is the original and this sheet its picture; it is attached to this PDF as certificate.json (qpdf --show-attachment takes it out)." },
		  8.5, INK_TEXT);
	json_array_foreach(at(s->cert, "verification.steps"), i, step) {
		struct pair p = pair_at(step, "");
		buf_printf(&zh, "%s%zu. %s", i ? "\n" : "", i + 1, p.zh);
		buf_printf(&en, "%s%zu. %s", i ? "\n" : "", i + 1, p.en);
	}
	if (zh.len)
		paragraph(s, (struct pair){ zh.data, en.data }, 8.5, INK_TEXT);
	two(s, (struct pair){ "命令", "command" }, text_at(s->cert, "verification.command"), NULL);
	two(s, (struct pair){ "文件SHA-256", "SHA-256 of the file" }, s->hash, NULL);
	two(s, (struct pair){ "签名密钥", "signing keys" }, s->keys, NULL);
	snprintf(text, sizeof text, "%lld / %lld", (long long)int_at(s->cert, "evidence.epoch"), (long long)int_at(s->cert, "evidence.tree_size"));
	two(s, (struct pair){ "证据树 期号/大小", "tree epoch / size" }, text, NULL);
	two(s, (struct pair){ "证据树根", "tree root" }, text_at(s->cert, "evidence.tree_root"), NULL);
	two(s, (struct pair){ "规则包SHA-256", "pack SHA-256" }, text_at(s->cert, "identity.pack.sha256"), NULL);
	two(s, (struct pair){ "配置SHA-256", "configuration SHA-256" }, text_at(s->cert, "identity.config_sha256"), NULL);
	two(s, (struct pair){ "定位", "locator" }, text_at(s->cert, "verification.locator"), NULL);
	two(s, (struct pair){ "撤销", "revocation" }, first_of(s, pair_at(s->cert, "validity.revocation")), second_of(s, pair_at(s->cert, "validity.revocation")));
}

void sheet_method(struct sheet *s)
{
	balance(s);
	events(s);
	method(s);
	declarations(s);
	verification(s);
}
