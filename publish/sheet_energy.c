/* The page of energies: months with their uncertainty, flows, classes. */
#include "publish/sheet.h"

#include <stdio.h>
#include <string.h>

static void u_text(int64_t ppm, struct buf *out)
{
	if (ppm < 0)
		buf_str(out, "—");
	else
		buf_printf(out, "%lld.%04lld", (long long)((ppm + 99) / 1000000), (long long)((ppm + 99) / 100 % 10000));        /* upwards */
}

static void month_row(struct sheet *s, const struct table *t, const json_t *m)
{
	CLEANUP(buf_done) struct buf total = { 0 }, it = { 0 }, u = { 0 }, complete = { 0 };
	const char *value = text_at(m, "value");
	energy_text(int_at(m, "total_mwh"), &total);
	energy_text(int_at(m, "it_mwh"), &it);
	u_text(at(m, "u_ppm_rho0") ? int_at(m, "u_ppm_rho0") : -1, &u);
	buf_str(&u, " / ");
	u_text(at(m, "u_ppm_rho1") ? int_at(m, "u_ppm_rho1") : -1, &u);
	ppm_text(int_at(m, "complete_time_ppm.total"), &complete);
	buf_str(&complete, " / ");
	ppm_text(int_at(m, "complete_time_ppm.it"), &complete);
	const struct cell cells[] = { { text_at(m, "month"), NULL, INK_TEXT }, { text_at(m, "name"), NULL, INK_SOFT }, { *value ? value : "—", NULL, INK_TITLE },
				      { u.data, NULL, INK_TEXT }, { total.data, NULL, INK_TEXT }, { it.data, NULL, INK_TEXT }, { complete.data, NULL, INK_TEXT } };
	table_row(s, t, cells);
}

static void months(struct sheet *s)
{
	static const struct column columns[] = {
		{ 50, ALIGN_LEFT, { "月份", "month" } }, { 42, ALIGN_LEFT, { "名称", "name" } }, { 44, ALIGN_RIGHT, { "数值", "value" } },
		{ 84, ALIGN_RIGHT, { "U (k=2), ρ = 0 / 1", "U (k=2), ρ = 0 / 1" } }, { 98, ALIGN_RIGHT, { "总电能", "total" } }, { 98, ALIGN_RIGHT, { "IT电能", "IT" } },
		{ 95, ALIGN_RIGHT, { "完整率 总 / IT", "complete, total / IT" } },
	};
	static const struct table t = { columns, countof(columns), 7.5 };
	size_t i;
	json_t *m;
	table_head(s, &t);
	json_array_foreach(at(s->cert, "results.months"), i, m)
		month_row(s, &t, m);
	s->y += 4;
}

static const struct { const char *id; struct pair name; } classes[] = {
	{ "R", { "寄存器差值", "register difference" } }, { "L", { "电表负荷曲线", "meter's load profile" } }, { "D", { "跨间隙分配", "distributed over a gap" } },
	{ "I", { "功率积分", "integrated power" } }, { "B", { "平衡替代", "balance" } }, { "P", { "同期替代", "profile" } }, { "N", { "额定替代", "nominal" } },
	{ "M", { "人工录入", "manual" } }, { "missing", { "缺失", "missing" } },
};

static void class_rows(struct sheet *s)
{
	static const struct column columns[] = { { 40, ALIGN_LEFT, { "类别", "class" } }, { 211, ALIGN_LEFT, { "电能的得来方式", "how the energy is known" } },
						 { 130, ALIGN_RIGHT, { "总电能", "total" } }, { 130, ALIGN_RIGHT, { "IT电能", "IT" } } };
	static const struct table t = { columns, countof(columns), 7.5 };
	table_head(s, &t);
	for (size_t i = 0; i < countof(classes); i++) {
		CLEANUP(buf_done) struct buf total = { 0 }, it = { 0 }, name = { 0 };
		char path[64];
		snprintf(path, sizeof path, "results.energy.classes.total.%s", classes[i].id);
		int64_t a = int_at(s->cert, path);
		snprintf(path, sizeof path, "results.energy.classes.it.%s", classes[i].id);
		int64_t b = int_at(s->cert, path);
		if (!a && !b)
			continue;
		energy_text(a, &total);
		energy_text(b, &it);
		buf_printf(&name, "%s  %s", first_of(s, classes[i].name), second_of(s, classes[i].name));
		const struct cell cells[] = { { classes[i].id, NULL, INK_TEXT }, { name.data, NULL, INK_TEXT }, { total.data, NULL, INK_TEXT }, { it.data, NULL, INK_TEXT } };
		table_row(s, &t, cells);
	}
	s->y += 4;
}

/* Sources and uses as far as each is known for the whole period; a picture of parts would not add up. */
static void flows(struct sheet *s)
{
	static const struct pair lacking = { "未绘制:有电表缺少期间内一部分的电量,各表已知部分见计量器具清单。",
					     "Not drawn: some meter lacks a part of the period. What is known of each stands in the meter schedule." };
	if (!json_array_size(at(s->cert, "results.months")))
		return;
	heading(s, (struct pair){ "电能流向", "Where the energy goes" });
	if (!json_array_size(at(s->cert, "results.carriers")) || !json_array_size(at(s->cert, "results.flows"))) {
		s->y += put_pair(s, (struct box){ MARGIN, s->y, TEXT_W, 8.5, INK_TEXT, ALIGN_LEFT }, lacking, true, true) + 6;
		return;
	}
	page_need(s, 170);
	draw_flows(s, MARGIN, s->y, TEXT_W, 158);
	s->y += 166;
}

void sheet_energy(struct sheet *s)
{
	if (json_array_size(at(s->cert, "results.months"))) {
		heading(s, (struct pair){ "逐月PUE、扩展不确定度带与限值", "PUE by month, with its expanded uncertainty and the limit" });
		draw_months(s, MARGIN, s->y, TEXT_W, 168);
		s->y += 174;
		months(s);
	}
	flows(s);
	heading(s, (struct pair){ "电能数据类别", "How the energy is known" });
	class_rows(s);
}
