/* puectl probe ENDPOINT: what is there, what it says now, and the block to paste into the configuration. */
#include "agent/ctl.h"
#include "agent/dialog.h"
#include "agent/probe_mqtt.h"
#include "agent/setup.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words { const char *endpoint, *profile, *state_dir, *config; int64_t timeout_ms, retries; bool decode, plan; };

/* ---- printing ----------------------------------------------------------------------------------------------------------- */

static const struct { const char *name, *en, *zh; size_t offset; } identity_rows[] = {
	{ "object_id", "sysObjectID", "sysObjectID", offsetof(struct identity, object_id) },
	{ "description", "description", "描述", offsetof(struct identity, description) },
	{ "name", "name", "名称", offsetof(struct identity, name) }, { "vendor", "vendor", "厂家", offsetof(struct identity, vendor) },
	{ "model", "model", "型号", offsetof(struct identity, model) }, { "firmware", "firmware", "固件", offsetof(struct identity, firmware) },
	{ "serial", "serial number", "序列号", offsetof(struct identity, serial) },
};

/* What the discovery read in detail is better than what identification saw. */
static void merge_identity(struct probe *p)
{
	if (!p->bound)
		return;
	const struct { char *to; size_t size; const char *from; } texts[] = {
		{ p->identity.vendor, sizeof p->identity.vendor, p->bound->vendor }, { p->identity.model, sizeof p->identity.model, p->bound->model },
		{ p->identity.firmware, sizeof p->identity.firmware, p->bound->firmware }, { p->identity.serial, sizeof p->identity.serial, p->bound->serial },
		{ p->identity.name, sizeof p->identity.name, p->bound->name },
	};
	for (size_t i = 0; i < countof(texts); i++)
		if (texts[i].from[0])
			snprintf(texts[i].to, texts[i].size, "%.*s", (int)texts[i].size - 1, texts[i].from);
	const struct profile *profile = p->bound->profile;
	if (!p->identity.vendor[0] && profile->vendor)
		snprintf(p->identity.vendor, sizeof p->identity.vendor, "%.*s", (int)sizeof p->identity.vendor - 1, profile->vendor);
	if (!p->identity.model[0] && profile->model)
		snprintf(p->identity.model, sizeof p->identity.model, "%.*s", (int)sizeof p->identity.model - 1, profile->model);
}

static void json_text(struct buf *b, const char *name, const char *text)
{
	buf_printf(b, "\"%s\": ", name);
	if (text)
		buf_json(b, text);
	else
		buf_str(b, "null");
}

static bool is_number(const struct bound_point *p)
{
	return p->quantity != Q_STATE || !p->point->states.n;
}

static void json_point(struct buf *b, const struct bound_point *p, const struct sample *s)
{
	CLEANUP(buf_done) struct buf value = { 0 };
	buf_str(b, "{");
	json_text(b, "name", p->name);
	buf_printf(b, ", \"quantity\": \"%s\", \"scope\": \"%s\", ", quantities[p->quantity].name, scope_names[p->scope]);
	json_text(b, "index", p->index);
	buf_str(b, ", \"value\": ");
	if (!sample_has_value(s)) {
		buf_str(b, "null");
	} else {
		bound_value_text(p, s->value, &value);
		if (is_number(p))
			buf_str(b, value.data);
		else
			buf_json(b, value.data);
	}
	buf_str(b, ", ");
	json_text(b, "unit", quantities[p->quantity].unit);
	buf_printf(b, ", \"quality\": \"%s\", ", quality_text(s->quality));
	if (s->reason != REASON_NONE) {
		json_text(b, "reason", reason_text(s->reason));
		buf_str(b, ", ");
	}
	if (p->configured)
		buf_str(b, "\"configured\": true, ");
	json_text(b, "source", p->source);
	buf_str(b, ", ");
	json_text(b, "label", p->label);
	buf_str(b, "}");
}

static void print_json(const char *endpoint, const struct probe *p, struct buf *b)
{
	buf_str(b, "{");
	json_text(b, "endpoint", endpoint);
	buf_str(b, ", ");
	json_text(b, "profile", p->identity.profile ? p->identity.profile->name : NULL);
	buf_str(b, ", \"identity\": {");
	bool first = true;
	for (size_t i = 0; i < countof(identity_rows); i++) {
		const char *text = (const char *)&p->identity + identity_rows[i].offset;
		if (!text[0])
			continue;
		buf_str(b, first ? "" : ", ");
		json_text(b, identity_rows[i].name, text);
		first = false;
	}
	buf_str(b, "}");
	if (p->why_not[0]) {
		buf_str(b, ", ");
		json_text(b, "note", p->why_not);
	}
	if (p->findings.len) {
		buf_str(b, ", ");
		json_text(b, "findings", p->findings.data);
	}
	if (p->bound && p->bound->partial)
		buf_str(b, ", \"partial\": true");
	CLEANUP(buf_done) struct buf limits = { 0 };
	plan_limits_text(&p->limits, &limits);
	if (limits.len) {
		buf_str(b, ", ");
		json_text(b, "learnt", limits.data);
	}
	buf_str(b, ", \"points\": [");
	for (size_t i = 0; p->bound && i < p->bound->n; i++) {
		buf_str(b, i ? ",\n  " : "\n  ");
		json_point(b, &p->bound->points[i], &p->samples[i]);
	}
	buf_str(b, "]}\n");
}

static void plain(struct buf *b, const char *text)
{
	buf_plain(b, text, strlen(text));
}

static void print_identity(struct ctl *ctl, const struct probe *p, struct buf *b)
{
	for (size_t i = 0; i < countof(identity_rows); i++) {
		const char *text = (const char *)&p->identity + identity_rows[i].offset;
		if (!text[0])
			continue;
		buf_printf(b, "%s: ", say(ctl, (struct bilingual){ identity_rows[i].zh, identity_rows[i].en }));
		plain(b, text);
		buf_str(b, "\n");
	}
	if (p->identity.profile) {
		const struct profile *f = p->identity.profile;
		buf_printf(b, "%s: %s%s%s%s\n", say(ctl, (struct bilingual){ "设备模板", "profile" }), f->name, f->title ? " (" : "", f->title ? f->title : "", f->title ? ")" : "");
		buf_printf(b, "%s: %s\n", say(ctl, (struct bilingual){ "依据", "source" }), f->source ? f->source : "-");
	} else {
		buf_printf(b, "%s\n", say(ctl, (struct bilingual){ "设备模板: 无匹配；可用 --profile 指定，或按 docs/writing-a-profile 编写",
								   "profile: none of the library matches; name one with --profile, or write one (docs/writing-a-profile)" }));
	}
}

static void print_point(const struct bound_point *p, const struct sample *s, struct buf *b)
{
	CLEANUP(buf_done) struct buf value = { 0 };
	if (sample_has_value(s))
		bound_value_text(p, s->value, &value);
	else
		buf_printf(&value, "- (%s)", reason_text(s->reason));
	const char *unit = sample_has_value(s) && is_number(p) && quantities[p->quantity].unit ? quantities[p->quantity].unit : "";
	buf_printf(b, "  %-28s %14s %-6s %-8s %-30s ", p->name, value.data ? value.data : "", unit, quality_text(s->quality), p->source);
	if (p->label)
		plain(b, p->label);
	buf_str(b, "\n");
}

static void print_decode(const struct probe *p, size_t i, struct buf *b)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!p->n_words[i])
		return;
	decode_alternatives(p->words + i * PROBE_WORDS, p->n_words[i], (enum quantity)p->bound->points[i].quantity, &text);
	for (const char *line = text.data; line && *line;) {
		size_t n = strcspn(line, "\n");
		buf_printf(b, "      %.*s\n", (int)n, line);
		line += n + (line[n] == '\n');
	}
}

/* The endpoint as a configuration has it: without the community, and without credential=..., which is a key of its own there. */
static void put_endpoint(const struct endpoint *ep, const char *text, struct buf *b)
{
	const char *at = strrchr(text, '@'), *mark = strstr(text, "://"), *option = ep->version == 3 ? strstr(text, "credential=") : NULL;
	bool secret = ep->user[0] && ep->version < 3 && at && mark;
	if (secret) {
		buf_add(b, text, (size_t)(mark + 3 - text));
		text = at + 1;
	}
	if (!option || option == text || !strchr("?&", option[-1])) {
		buf_str(b, text);
		return;
	}
	size_t len = strcspn(option, "&");
	buf_add(b, text, (size_t)(option - text - (option[len] == 0)));        /* the sign in front goes with the last one */
	buf_str(b, option[len] ? option + len + 1 : "");
}

/* "device-10-0-0-11-3": host, port where it is not the usual one (two devices behind one address), unit; an id has 64 letters. */
static void put_id(const struct endpoint *ep, struct buf *b)
{
	CLEANUP(buf_done) struct buf id = { 0 };
	bool modbus = !strncmp(ep->scheme, "modbus", 6), port = ep->port && ep->port != (modbus ? 502 : 161);
	char tail[24] = "";
	if (port)
		snprintf(tail, sizeof tail, "-%u", ep->port);
	if (modbus)
		snprintf(tail + strlen(tail), sizeof tail - strlen(tail), "-%u", ep->unit);
	size_t room = 64 - strlen("device-") - strlen(tail), len = strlen(ep->host);
	for (const char *c = ep->host + (len > room ? len - room : 0); *c; c++)
		buf_add(&id, (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ? c : "-", 1);
	buf_printf(b, "device-%s%s", id.data ? id.data + strspn(id.data, "-") : "", tail);
}

/* The block to paste.  A community is a secret: it goes into a credential, never into the file. */
static void print_block(struct ctl *ctl, const struct endpoint *ep, const struct words *o, const struct probe *p, struct buf *b)
{
	static const struct bilingual community = { "团体字存入此凭据", "put the community into this credential" },
				      phrases = { "第一行认证口令，第二行加密口令", "its first line authenticates, its second line encrypts" };
	bool v3 = ep->version == 3, secret = ep->user[0] && ep->version < 3 && strchr(o->endpoint, '@');
	buf_printf(b, "\n%s\n\ndevices:\n  - id: ", say(ctl, (struct bilingual){ "可直接粘贴到配置文件:", "To paste into the configuration:" }));
	put_id(ep, b);
	buf_printf(b, "\n    profile: %s\n    endpoint: \"", p->identity.profile->name);
	put_endpoint(ep, o->endpoint, b);
	buf_str(b, "\"\n");
	if (secret || v3)
		buf_printf(b, "    credential: %s   # %s\n", ep->credential ? ep->credential : v3 ? "snmp-v3" : "snmp-read", say(ctl, v3 ? phrases : community));
}

static void print_human(struct ctl *ctl, const struct endpoint *ep, const struct words *o, const struct probe *p, struct buf *b)
{
	print_identity(ctl, p, b);
	if (p->why_not[0])
		buf_printf(b, "%s\n", p->why_not);
	for (size_t i = 0; p->bound && i < p->bound->n; i++) {
		print_point(&p->bound->points[i], &p->samples[i], b);
		if (o->decode)
			print_decode(p, i, b);
	}
	if (p->findings.len)
		buf_printf(b, "%s\n%s", say(ctl, (struct bilingual){ "注意: 下列数值互相矛盾, 不被采用", "note: these values contradict each other and are not taken" }), p->findings.data);
	if (p->bound && p->bound->partial)
		buf_printf(b, "%s\n", say(ctl, (struct bilingual){ "注意: 部分表被限制截断, 可能缺行", "note: a table was cut by a limit; rows may be missing" }));
	if (p->bound && p->bound->n_unscaled)
		buf_printf(b, "%s: %s (%u)\n", say(ctl, (struct bilingual){ "注意: 倍率为 0 或读不到, 未列出", "note: left out, because the scale they name is 0 or not there" }),
			   p->bound->unscaled ? p->bound->unscaled : "?", p->bound->n_unscaled);
	CLEANUP(buf_done) struct buf limits = { 0 };
	plan_limits_text(&p->limits, &limits);
	if (limits.len)
		buf_printf(b, "%s: %s\n", say(ctl, (struct bilingual){ "学到的请求限制", "learnt request limits" }), limits.data);
	if (o->plan && p->plan)
		plan_print(p->plan, &p->limits, b);
	if (p->bound)
		print_block(ctl, ep, o, p, b);
}

/* --profile takes a file, too: what is being written need not be installed to be tried. */
static struct library *read_library(struct words *o, struct err *err)
{
	CLEANUP(buf_done) struct buf report = { 0 };
	if (!o->profile || !is_profile_file(o->profile))
		return library_load(err);
	struct library *library = library_with(o->profile, &o->profile, &report, err);
	if (!library && report.len)
		err_set(err, ERR_CONFIG, "%.*s", (int)report.len - 1, report.data);
	return library;
}

static int run(struct ctl *ctl)
{
	struct words *o = ctl->words;
	struct err err = { 0 };
	struct endpoint ep;
	struct probe probe = { 0 };
	if (strcmp(o->endpoint, "mqtt") == 0)
		return probe_mqtt_file(ctl, o->config);
	if (!endpoint_parse(o->endpoint, &ep, &err)) {
		err.kind = ERR_USAGE;
		return ctl_fail(ctl, &err);
	}
	ep.credential = endpoint_option(&ep, "credential");
	struct library *library = read_library(o, &err);
	if (!library)
		return ctl_fail(ctl, &err);
	struct probe_options po = { .library = library, .timeout_ms = o->timeout_ms, .retries = (int)o->retries };
	if (o->profile && !(po.profile = library_find(library, o->profile))) {
		const char *near = library_nearest(library, o->profile);
		err_set(&err, ERR_USAGE, "profile '%s' is not known%s%s%s; `puectl profile list` shows all", o->profile, near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
		library_free(library);
		return ctl_fail(ctl, &err);
	}
	struct secrets *secrets = secrets_new(o->state_dir);
	struct dialog *d = dialog_new(secrets, &err);
	CLEANUP(buf_done) struct buf out = { 0 };
	bool good = d && probe_run(d, &ep, &po, &probe, &err);
	if (good) {
		merge_identity(&probe);
		if (ctl->json)
			print_json(o->endpoint, &probe, &out);
		else
			print_human(ctl, &ep, o, &probe, &out);
		good = out.failed ? err_memory(&err) : true;
	}
	if (good)
		fwrite(out.data ? out.data : "", 1, out.len, stdout);
	probe_done(&probe);
	dialog_free(d);
	secrets_free(secrets);
	library_free(library);
	return good ? 0 : ctl_fail(ctl, &err);
}

static const struct ctl_option options[] = {
	OPT(TEXT, "ENDPOINT", NULL, endpoint, "设备地址,如 modbus+tcp://10.0.0.11/1;mqtt 则检验消息代理", "the device, such as modbus+tcp://10.0.0.11/1; mqtt tries the broker", .needed = true),
	OPT(FILE, "--profile", "NAME|FILE.yaml", profile, "用此设备模板;默认自动识别", "read it by this profile; else it is identified"),
	OPT(FLAG, "--decode", NULL, decode, "另列各种字序的读法", "the readings of every word order as well"),
	OPT(FLAG, "--plan", NULL, plan, "显示请求的安排", "how the requests are laid out"),
	OPT(DURATION, "--timeout", "1s", timeout_ms, "每个请求的时限", "deadline of a request", "1s", .min = 10, .max = 60000),
	OPT(INTEGER, "--retries", "N", retries, "重试次数", "how often a request is repeated", "1", .min = 0, .max = 10),
	OPT(FILE, "--state", "DIR", state_dir, "凭据所在的存储目录", "the store, where credentials are", "/var/lib/pued"),
	OPT(FILE, "--config", "FILE", config, "站点配置,mqtt 用", "the site's configuration, for mqtt", "/etc/pued/pued.yaml"),
	{ NULL },
};

const struct verb verb_probe = { "probe", { "识别设备并显示解码后的数值", "identify a device and print its decoded points" }, { NULL, NULL }, run, options, sizeof(struct words) };
