/* Before and after a retrofit: information, never a condition of a pack that does not say so. */
#include "publish/sheet.h"

#include <stdio.h>
#include <string.h>

static void u_part(int64_t ppm, struct buf *out)
{
	buf_printf(out, "%lld.%04lld", (long long)((ppm + 99) / 1000000), (long long)((ppm + 99) / 100 % 10000));    /* upwards */
}

static void row(struct sheet *s, const struct table *t, struct pair name, const char *value, struct pair remark)
{
	const struct cell cells[] = { { first_of(s, name), second_of(s, name), INK_TEXT }, { or_dash(value), NULL, INK_TITLE },
				      { first_of(s, remark), second_of(s, remark), INK_SOFT } };
	table_row(s, t, cells);
}

static void difference(struct sheet *s, const struct table *t, const json_t *b)
{
	CLEANUP(buf_done) struct buf delta = { 0 }, zh = { 0 }, en = { 0 };
	const json_t *a = at(b, "u.u_ppm_rho0"), *c = at(b, "u.u_ppm_rho1");
	buf_printf(&delta, "%s", text_at(b, "delta_pue"));
	if (a && c) {
		buf_str(&delta, " ± ");
		u_part(json_integer_value(a) > json_integer_value(c) ? json_integer_value(a) : json_integer_value(c), &delta);
		buf_str(&delta, " (k=2)");
	} else {
		buf_str(&zh, "不确定度未给出;");
		buf_str(&en, "uncertainty not stated; ");
	}
	buf_str(&zh, "改造后减改造前,未按气候与负荷修正");
	buf_str(&en, "after less before, not normalised for weather or load");
	if (json_is_true(at(b, "seasons_differ"))) {
		buf_str(&zh, ";非完整年度,季节不同");
		buf_str(&en, "; not two whole years: seasons differ");
	}
	row(s, t, (struct pair){ "PUE变化", "change of PUE" }, delta.data, (struct pair){ zh.data, en.data });
}

static void saved(struct sheet *s, const struct table *t, const json_t *b)
{
	CLEANUP(buf_done) struct buf zh = { 0 }, en = { 0 };
	const char *status = text_at(b, "coal.status");
	bool open = status[0] == 'm';
	row(s, t, (struct pair){ "节约电能", "energy saved" }, text_at(b, "saved"),
	    (struct pair){ "改造后IT电能 × 改造前PUE − 改造后总电能", "IT energy after × PUE before − total energy after" });
	if (!at(b, "coal"))
		return;
	int64_t micro = int_at(b, "coal.micro_kg_per_kwh");
	buf_printf(&zh, "%lld.%06lld kgce/kW·h,来源:%s%s", (long long)(micro / 1000000), (long long)(micro % 1000000), text_at(b, "coal.source"), open ? "(未经核对)" : "");
	buf_printf(&en, "source: %s%s", text_at(b, "coal.source"), open ? " (not checked against the text)" : "");
	row(s, t, (struct pair){ "折标准煤", "coal equivalent" }, text_at(b, "coal.text"), (struct pair){ zh.data, en.data });
}

void sheet_retrofit(struct sheet *s)
{
	static const struct column columns[] = { { 96, ALIGN_LEFT, { "项目", "item" } }, { 150, ALIGN_LEFT, { "数值", "value" } },
						 { 265, ALIGN_LEFT, { "说明", "remark" } } };
	static const struct table t = { columns, countof(columns), 7.5 };
	const json_t *b = at(s->cert, "before_after"), *base = at(b, "baseline");
	CLEANUP(buf_done) struct buf then = { 0 }, now = { 0 }, zh = { 0 }, en = { 0 };
	if (!base)
		return;
	heading(s, (struct pair){ "改造前后(仅供参考,不是条件)", "Before and after the retrofit (information, no condition)" });
	table_head(s, &t);
	buf_printf(&then, "%s = %s", text_at(base, "name"), or_dash(text_at(base, "value")));
	buf_printf(&zh, "%s 至 %s,%s%s%s", text_at(base, "first_day"), text_at(base, "last_day"), text_at(base, "source"), *text_at(base, "by") ? ",签署:" : "", text_at(base, "by"));
	buf_printf(&en, "%s to %s", text_at(base, "first_day"), text_at(base, "last_day"));
	row(s, &t, (struct pair){ "改造前", "before" }, then.data, (struct pair){ zh.data, en.data });
	buf_printf(&now, "%s = %s", or_dash(text_at(s->cert, "results.pue.name")), or_dash(text_at(s->cert, "results.pue.value")));
	row(s, &t, (struct pair){ "改造后", "after" }, now.data, (struct pair){ "本证书的期间", "the period of this certificate" });
	if (at(b, "delta_pue")) {
		difference(s, &t, b);
		saved(s, &t, b);
	} else {
		row(s, &t, (struct pair){ "不可比", "not comparable" }, "—", (struct pair){ text_at(b, "why_not"), NULL });
	}
	s->y += 4;
}
