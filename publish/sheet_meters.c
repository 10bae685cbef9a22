/* The meter schedule: every meter with its epochs, as it was installed. */
#include "publish/sheet.h"

#include <stdio.h>
#include <string.h>

enum { MANY = 150 };    /* above it, rack meters are counted here and listed in the attached JSON */

static void word(const struct sheet *s, const char *id, struct buf *out)
{
	if (*id)
		buf_printf(out, "%s%s", out->len ? ", " : "", first_of(s, word_of(id)));
}

static void classes(const json_t *e, struct buf *out)
{
	buf_printf(out, "%s / %s / %s", or_dash(text_at(e, "class")), or_dash(text_at(e, "ct_class")), or_dash(text_at(e, "pt_class")));
}

static void ratios(const json_t *e, struct buf *out)
{
	if (*text_at(e, "ct"))
		buf_printf(out, "CT %s", text_at(e, "ct"));
	if (*text_at(e, "pt"))
		buf_printf(out, "%sPT %s", out->len ? " " : "", text_at(e, "pt"));
}

static void reading(const json_t *e, const char *key, struct buf *out)
{
	const json_t *value = at(e, key);
	if (json_is_integer(value))
		buf_printf(out, "%lld", (long long)json_integer_value(value));
	else
		buf_str(out, or_dash(json_string_value(value)));
}

/* Local, to the minute: an exchange has a time of day. */
static void ends(const struct sheet *s, const json_t *e, struct buf *out)
{
	static const char *const keys[] = { "from", "to" };
	for (size_t i = 0; i < countof(keys); i++) {
		CLEANUP(buf_done) struct buf at = { 0 };
		local_text(s, text_at(e, keys[i]), &at);
		buf_printf(out, "%s%.16s", i ? " …\n" : "", or_dash(at.data));
	}
}

static void span(const struct sheet *s, const json_t *e, struct buf *out)
{
	if (!at(e, "from") && !at(e, "to"))
		buf_str(out, s->zh_first ? "整个期间" : "whole period");
	else
		ends(s, e, out);
}

static void readings(const json_t *e, struct buf *out)
{
	if (at(e, "first") || at(e, "last")) {
		reading(e, "first", out);
		buf_str(out, " … ");
		reading(e, "last", out);
	}
	if (*text_at(e, "reason"))
		buf_printf(out, "%s%s %s", out->len ? "\n" : "", text_at(e, "reason"), text_at(e, "by"));
}

static void epoch_row(struct sheet *s, const struct table *t, const json_t *m, const json_t *e, bool first)
{
	CLEANUP(buf_done) struct buf role = { 0 }, class_text = { 0 }, ratio = { 0 }, period = { 0 }, registers = { 0 }, energy = { 0 };
	word(s, text_at(m, "role"), &role);
	word(s, text_at(m, "point"), &role);
	if (*text_at(m, "factor") && strcmp(text_at(m, "factor"), "1"))
		buf_printf(&role, "\n× %s %s", text_at(m, "factor"), text_at(m, "factor_source"));
	classes(e, &class_text);
	ratios(e, &ratio);
	span(s, e, &period);
	readings(e, &registers);
	bool whole = json_is_integer(at(m, "energy_mwh"));
	energy_text(int_at(m, whole ? "energy_mwh" : "known_mwh"), &energy);
	const struct cell cells[] = {
		{ first ? text_at(m, "id") : "", first ? text_at(m, "label") : NULL, INK_TEXT }, { first ? role.data : "", first ? text_at(m, "hall") : NULL, INK_TEXT },
		{ or_dash(text_at(e, "serial")), text_at(e, "model"), INK_TEXT }, { class_text.data, ratio.data, INK_TEXT },
		{ or_dash(text_at(e, "certificate")), text_at(e, "calibrated_until"), INK_TEXT }, { period.data, registers.data, INK_TEXT },
		{ first ? or_dash(energy.data) : "", !first || whole ? NULL : s->zh_first ? "已知部分" : "known part", INK_TITLE },
	};
	table_row(s, t, cells);
}

static void meter(struct sheet *s, const struct table *t, const json_t *m)
{
	const json_t *epochs = at(m, "epochs");
	size_t i;
	json_t *e;
	if (!json_array_size(epochs)) {
		epoch_row(s, t, m, NULL, true);
		return;
	}
	json_array_foreach(epochs, i, e)
		epoch_row(s, t, m, e, i == 0);
}

static void left_out(struct sheet *s, size_t n)
{
	char zh[120], en[160];
	if (!n)
		return;
	snprintf(zh, sizeof zh, "另有 %zu 块机架电表,见所附JSON的 /meters。", n);
	snprintf(en, sizeof en, "%zu rack meters more: see /meters of the attached JSON.", n);
	s->y += 3;
	s->y += put_pair(s, (struct box){ MARGIN, s->y, TEXT_W, 8, INK_TEXT, ALIGN_LEFT }, (struct pair){ zh, en }, false, true);
}

void sheet_meters(struct sheet *s)
{
	static const struct column columns[] = {
		{ 86, ALIGN_LEFT, { "电表", "meter" } }, { 64, ALIGN_LEFT, { "角色、测点", "role, point" } }, { 74, ALIGN_LEFT, { "编号、型号", "serial, model" } },
		{ 66, ALIGN_LEFT, { "准确度 表/CT/PT", "class, ratio" } }, { 72, ALIGN_LEFT, { "校准证书、有效至", "calibration" } },
		{ 77, ALIGN_LEFT, { "时期、示数", "epoch, readings" } }, { 72, ALIGN_RIGHT, { "期间电能", "energy" } },
	};
	static const struct table t = { columns, countof(columns), 7 };
	const json_t *list = at(s->cert, "meters");
	bool short_list = json_array_size(list) > MANY;
	size_t i, skipped = 0;
	json_t *m;
	heading(s, (struct pair){ "计量器具清单", "Meter schedule" });
	table_head(s, &t);
	json_array_foreach(list, i, m) {
		if (short_list && !strcmp(text_at(m, "role"), "rack"))
			skipped++;
		else
			meter(s, &t, m);
	}
	left_out(s, skipped);
	s->y += 4;
}
