/* puectl status: one screen of what the running pued says. */
#include "agent/running.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LABEL = 16 };

struct screen { const struct ctl *ctl; const json_t *status; struct buf out, room, zh; };

static void label(struct screen *s, struct bilingual name)
{
	running_pad(&s->out, name.en ? say(s->ctl, name) : "", LABEL);
}

static const char *text(struct screen *s, const json_t *o, const char *key)
{
	return running_text(o, key, &s->room);
}

static const char *sentence(struct screen *s, const json_t *o, const char *key)
{
	return ctl_said(s->ctl, text(s, o, key), &s->zh);
}

static const json_t *member(const struct screen *s, const char *key)
{
	return json_object_get(s->status, key);
}

static void kilowatt(struct screen *s, const json_t *o, const char *key)
{
	json_int_t mw = running_number(o, key, -1);
	if (json_is_integer(json_object_get(o, key)))
		buf_printf(&s->out, "%s%lld.%lld kW", mw < 0 ? "-" : "", llabs(mw) / 1000000, llabs(mw) / 100000 % 10);
	else
		buf_str(&s->out, "-");
}

static void site(struct screen *s)
{
	const json_t *o = member(s, "site");
	if (json_is_true(json_object_get(o, "simulated")))
		buf_str(&s->out, "*** 模拟数据 / SIMULATED ***\n");
	label(s, (struct bilingual){ "站点", "site" });
	buf_str(&s->out, text(s, json_object_get(o, "name"), s->ctl->lang == LANG_ZH ? "zh" : "en"));
	buf_printf(&s->out, " (%s)\n", text(s, o, "id"));
	label(s, (struct bilingual){ "时间", "at" });
	struct wall at;
	char local[WALL_TEXT];
	const char *utc = json_string_value(member(s, "at"));
	if (utc && wall_parse(utc, &at, NULL))
		utc = wall_text_at((struct wall){ at.ms / 1000 * 1000 }, (int32_t)running_number(o, "offset_s", 0), local);
	bool synced = json_is_true(json_object_get(member(s, "clock"), "synced"));
	buf_printf(&s->out, "%s, %s\n", utc ? utc : "-", say(s->ctl, synced ? (struct bilingual){ "时钟已同步", "clock synchronised" } : (struct bilingual){ "时钟未同步", "clock not synchronised" }));
}

static void power(struct screen *s)
{
	const json_t *p = member(s, "power");
	label(s, (struct bilingual){ "功率比(此刻)", "power ratio now" });
	buf_printf(&s->out, "%s  (", text(s, p, "ratio"));
	kilowatt(s, p, "total_mw");
	buf_str(&s->out, " / ");
	kilowatt(s, p, "it_mw");
	buf_str(&s->out, ")\n");
	const json_t *lacks = json_object_get(p, "lacks"), *id;
	json_int_t n = running_number(p, "lacks_count", 0);
	size_t i;
	if (n)
		buf_printf(&s->out, "  %s (%" JSON_INTEGER_FORMAT "):", say(s->ctl, (struct bilingual){ "这些电表没有新的功率读数", "no fresh power of these meters" }), n);
	json_array_foreach(lacks, i, id) {
		buf_str(&s->out, " ");
		buf_plain(&s->out, json_string_value(id) ? json_string_value(id) : "", json_string_length(id));
	}
	if (n)
		buf_str(&s->out, n > (json_int_t)i ? " ...\n" : "\n");
}

static void windows(struct screen *s)
{
	static const struct { const char *key; struct bilingual name; } rows[] = {
		{ "day", { "今日", "today" } }, { "month", { "本月", "this month" } }, { "year", { "12 个月", "12 months" } } };
	for (size_t i = 0; i < countof(rows); i++) {
		label(s, rows[i].name);
		buf_printf(&s->out, "%s\n", sentence(s, member(s, rows[i].key), "text"));
	}
}

static void verdict(struct screen *s)
{
	const json_t *v = member(s, "verdict");
	label(s, (struct bilingual){ "判定", "verdict" });
	if (!json_is_object(v)) {
		buf_printf(&s->out, "%s\n", say(s->ctl, (struct bilingual){ "尚未判定", "not judged yet" }));
		return;
	}
	if (s->ctl->lang == LANG_EN)
		buf_printf(&s->out, "%s: ", text(s, v, "kind"));
	buf_printf(&s->out, "%s\n", text(s, json_object_get(v, "sentence"), s->ctl->lang == LANG_ZH ? "zh" : "en"));
}

static void findings(struct screen *s)
{
	enum { SHOWN = 8 };
	const json_t *list = member(s, "findings"), *f;
	size_t i, n = json_array_size(list);
	label(s, (struct bilingual){ "异常", "findings" });
	if (n)
		buf_printf(&s->out, "%zu ", n);
	buf_printf(&s->out, "%s\n", say(s->ctl, n ? (struct bilingual){ "项未消除", "open" } : (struct bilingual){ "没有", "none open" }));
	json_array_foreach(list, i, f) {
		if (i >= SHOWN)
			continue;
		buf_str(&s->out, "  ");
		running_pad(&s->out, json_is_string(json_object_get(f, "meter")) ? text(s, f, "meter") : say(s->ctl, (struct bilingual){ "全站", "site" }), 22);
		buf_printf(&s->out, " %s\n", sentence(s, f, "reason"));
	}
	if (n > SHOWN)
		buf_printf(&s->out, "  + %zu; puectl pue --explain\n", n - SHOWN);
}

static void racks(struct screen *s)
{
	const json_t *r = member(s, "racks");
	label(s, (struct bilingual){ "机架", "racks" });
	const struct { const char *key; struct bilingual name; } rows[] = {
		{ "installed", { "已安装", "installed" } }, { "metered", { "有计量", "metered" } }, { "in_use", { "在用", "in use" } } };
	for (size_t i = 0; i < countof(rows); i++) {
		json_int_t n = running_number(r, rows[i].key, -1);
		if (n < 0)
			buf_printf(&s->out, "%s- %s", i ? ", " : "", say(s->ctl, rows[i].name));
		else
			buf_printf(&s->out, "%s%" JSON_INTEGER_FORMAT " %s", i ? ", " : "", n, say(s->ctl, rows[i].name));
	}
	buf_str(&s->out, "\n");
}

enum { STATES = 4 };
static const struct { const char *key; struct bilingual name; bool ill; } states[STATES] = {
	{ "up", { "正常", "up" }, false }, { "late", { "迟到", "late" }, true }, { "down", { "失联", "down" }, true }, { "starting", { "启动中", "starting" }, false } };

static size_t state_of(struct screen *s, const json_t *device)
{
	size_t k = 0;
	while (k < STATES - 1 && strcmp(text(s, device, "state"), states[k].key) != 0)
		k++;
	return k;
}

/* All units of a gateway are ill: one line, for the fault is most likely its own. */
static bool is_ill(const json_t *gateway)
{
	return running_number(gateway, "ill", 0) == running_number(gateway, "units", 0);
}

static bool on_ill_gateway(const json_t *gateways, const json_t *device)
{
	const char *name = json_string_value(json_object_get(device, "gateway"));
	const json_t *g;
	size_t i;
	json_array_foreach(gateways, i, g)
		if (name && is_ill(g) && !strcmp(json_string_value(json_object_get(g, "gateway")) ?: "", name))
			return true;
	return false;
}

static size_t ill_gateways(struct screen *s, const json_t *gateways, size_t most)
{
	const json_t *g;
	size_t i, n = 0;
	json_array_foreach(gateways, i, g) {
		if (!is_ill(g) || n++ >= most)
			continue;
		buf_printf(&s->out, "  %s%s%lld%s\n", text(s, g, "gateway"), say(s->ctl, (struct bilingual){ ": 其下设备均无应答, 共", ": none of its " }),
			   (long long)running_number(g, "units", 0), say(s->ctl, (struct bilingual){ "台; 请检查网关、其电源与线路", " units answers; look at the gateway, its power and its cable" }));
	}
	return n;
}

static void devices(struct screen *s)
{
	enum { SHOWN = 8 };
	size_t counts[STATES] = { 0 }, i, bad = 0;
	const json_t *list = member(s, "devices"), *d;
	json_array_foreach(list, i, d)
		counts[state_of(s, d)]++;
	label(s, (struct bilingual){ "设备", "devices" });
	for (size_t k = 0; k < STATES; k++)
		if (counts[k] || k == 0)
			buf_printf(&s->out, "%s%zu %s", k ? ", " : "", counts[k], say(s->ctl, states[k].name));
	buf_str(&s->out, "\n");
	const json_t *shared = member(s, "gateways");
	size_t gateways = ill_gateways(s, shared, SHOWN);
	json_array_foreach(list, i, d) {
		size_t k = state_of(s, d);
		if (!states[k].ill || on_ill_gateway(shared, d) || ++bad > SHOWN)
			continue;
		buf_str(&s->out, "  ");
		running_pad(&s->out, text(s, d, "id"), 22);
		buf_str(&s->out, " ");
		running_pad(&s->out, say(s->ctl, states[k].name), 6);
		buf_printf(&s->out, " %s\n", sentence(s, d, "error"));
	}
	if (bad > SHOWN || gateways > SHOWN)
		buf_printf(&s->out, "  + %zu; puectl top\n", (bad > SHOWN ? bad - SHOWN : 0) + (gateways > SHOWN ? gateways - SHOWN : 0));
}

/* "3 d", "5 h", "40 min", "12 s": whole ones of the largest. */
static void age(struct screen *s, json_int_t seconds)
{
	static const struct { json_int_t s; struct bilingual name; } units[] = { { 86400, { "天", "d" } }, { 3600, { "小时", "h" } }, { 60, { "分钟", "min" } }, { 1, { "秒", "s" } } };
	size_t i = 0;
	while (i + 1 < countof(units) && seconds < 2 * units[i].s)
		i++;
	buf_printf(&s->out, "%lld %s", (long long)(seconds / units[i].s), say(s->ctl, units[i].name));
}

static void peers(struct screen *s)
{
	const json_t *o = member(s, "outbox"), *e = member(s, "evidence");
	label(s, (struct bilingual){ "证据", "evidence" });
	buf_printf(&s->out, SAY(s->ctl, "%" JSON_INTEGER_FORMAT " 条, 期号 %" JSON_INTEGER_FORMAT ", 树根 %.16s...\n", "%" JSON_INTEGER_FORMAT " leaves, epoch %" JSON_INTEGER_FORMAT ", root %.16s...\n"),
		   running_number(e, "size", 0), running_number(e, "epoch", 0), text(s, e, "root"));
	label(s, (struct bilingual){ "发件箱", "outbox" });
	buf_printf(&s->out, SAY(s->ctl, "%" JSON_INTEGER_FORMAT " 份等待", "%" JSON_INTEGER_FORMAT " waiting"), running_number(o, "pending", 0));
	if (running_number(o, "pending", 0) > 0) {
		buf_str(&s->out, SAY(s->ctl, "(最早在 ", " (oldest "));
		age(s, running_number(o, "oldest_s", 0));
		buf_str(&s->out, SAY(s->ctl, "前)", ")"));
	}
	buf_printf(&s->out, SAY(s->ctl, ", %" JSON_INTEGER_FORMAT " 份已送达\n", ", %" JSON_INTEGER_FORMAT " sent\n"), running_number(o, "sent", 0));
	label(s, (struct bilingual){ "消息代理", "broker" });
	buf_printf(&s->out, "%s\n", sentence(s, s->status, "mqtt"));
	label(s, (struct bilingual){ "存储", "store" });
	buf_printf(&s->out, "%s\n", sentence(s, s->status, "store"));
	label(s, (struct bilingual){ "软件", "software" });
	buf_printf(&s->out, "%s\n", text(s, s->status, "software"));
}

static int run(struct ctl *ctl)
{
	struct running_options *o = ctl->words;
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf bytes = { 0 };
	json_t *status = running_port(o, &err) ? running_status(o, &bytes, &err) : NULL;
	if (!status)
		return ctl_fail(ctl, &err);
	bool degraded = json_is_true(json_object_get(status, "degraded"));
	if (ctl->json) {
		printf("%s\n", bytes.data);
	} else {
		static void (*const parts[])(struct screen *) = { site, power, windows, verdict, findings, racks, devices, peers };
		struct screen s = { .ctl = ctl, .status = status };
		for (size_t i = 0; i < countof(parts); i++)
			parts[i](&s);
		if (degraded)
			buf_str(&s.out, SAY(ctl, "\n降级;下一步: puectl doctor, puectl top\n", "\ndegraded; next: puectl doctor, puectl top\n"));
		fputs(s.out.data ? s.out.data : "", stdout);
		buf_done(&s.out);
		buf_done(&s.room);
		buf_done(&s.zh);
	}
	json_decref(status);
	return degraded ? 13 : 0;
}

const struct verb verb_status = { "status", { "运行中的 pued 的状态,一屏", "what the running pued says, on one screen" },
				  { "退出码: 0 正常, 13 降级, 69 没有应答", "Exit codes: 0 ok, 13 degraded, 69 no answer" }, run, running_rows, sizeof(struct running_options) };
