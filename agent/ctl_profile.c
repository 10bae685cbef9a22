/* puectl profile list|show|test|import: the library of devices, for those who extend it. */
#include "agent/ctl.h"
#include "agent/encoding.h"
#include "agent/file.h"
#include "agent/setup.h"
#include "core/decode.h"
#include "core/profile_import.h"
#include "core/replica.h"
#include "core/script.h"
#include "core/type.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words { const char *what, *name, *recording, *profile, *vendor, *model, *source; int64_t base; };

static const char *name_of(const struct conf_name *names, int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return "?";
}

static void json_member(struct buf *b, const char *key, const char *value, bool more)
{
	buf_printf(b, "\"%s\": ", key);
	if (value)
		buf_json(b, value);
	else
		buf_str(b, "null");
	buf_str(b, more ? ", " : "");
}

/* ---- list ---- */

static void list_json(const struct library *lib, struct buf *b)
{
	buf_str(b, "[");
	for (size_t i = 0; i < library_count(lib); i++) {
		const struct profile *p = library_at(lib, i);
		buf_str(b, i ? ",\n {" : "\n {");
		json_member(b, "profile", p->name, true);
		json_member(b, "title", p->title, true);
		json_member(b, "vendor", p->vendor, true);
		json_member(b, "model", p->model, true);
		json_member(b, "transport", name_of(transport_names, p->transport), true);
		json_member(b, "confidence", name_of(confidence_names, p->confidence), true);
		json_member(b, "source", p->source, true);
		buf_printf(b, "\"revision\": %lld, \"points\": %zu, \"identified\": %s}", (long long)p->revision, p->points.n, p->rules.n ? "true" : "false");
	}
	buf_str(b, "\n]\n");
}

static void list_text(const struct library *lib, struct buf *b)
{
	for (size_t i = 0; i < library_count(lib); i++) {
		const struct profile *p = library_at(lib, i);
		buf_printf(b, "%-24s %-6s %-10s %3zu  %s\n", p->name, name_of(transport_names, p->transport), name_of(confidence_names, p->confidence), p->points.n,
			   p->title ? p->title : "");
	}
}

/* ---- show ---- */

static void place_text(const struct place *at, struct buf *b)
{
	if (at->space) {
		buf_printf(b, "%s 0x%04X", name_of(space_names, at->space), at->address);
		return;
	}
	buf_str(b, at->column ? "column " : "oid ");
	oid_text(at->oid, b);
}

static void scale_text(const struct point *p, struct buf *b)
{
	if (p->scale.den == 1)
		buf_printf(b, "%lld", (long long)p->scale.num);
	else
		buf_printf(b, "%lld/%lld", (long long)p->scale.num, (long long)p->scale.den);
}

static void show_point(const struct point *p, bool json, bool first, struct buf *b)
{
	CLEANUP(buf_done) struct buf at = { 0 }, scale = { 0 };
	place_text(&p->at, &at);
	scale_text(p, &scale);
	const char *unit = p->unit ? p->unit : "(row)";
	if (!json) {
		buf_printf(b, "  %-28s %-16s %-8s %-10s %-6s %-10s %s%s\n", p->name, quantities[p->quantity].name, unit, scale.data, p->coding.type ? p->coding.type->name : "auto",
			   name_of(confidence_names, p->confidence), at.data, p->configured ? "  [setting]" : "");
		return;
	}
	buf_str(b, first ? "\n  {" : ",\n  {");
	json_member(b, "name", p->name, true);
	json_member(b, "quantity", quantities[p->quantity].name, true);
	json_member(b, "scope", scope_names[p->scope], true);
	json_member(b, "at", at.data, true);
	json_member(b, "type", p->coding.type ? p->coding.type->name : NULL, true);
	json_member(b, "unit", p->unit, true);
	json_member(b, "scale", scale.data, true);
	buf_printf(b, "\"configured\": %s, \"resettable\": %s, ", p->configured ? "true" : "false", p->resettable ? "true" : "false");
	json_member(b, "confidence", name_of(confidence_names, p->confidence), true);
	json_member(b, "source", p->source, false);
	buf_str(b, "}");
}

static void show(const struct profile *p, bool json, struct buf *b)
{
	if (json) {
		buf_str(b, "{");
		json_member(b, "profile", p->name, true);
		json_member(b, "title", p->title, true);
		json_member(b, "vendor", p->vendor, true);
		json_member(b, "model", p->model, true);
		json_member(b, "transport", name_of(transport_names, p->transport), true);
		json_member(b, "extends", p->extends, true);
		json_member(b, "source", p->source, true);
		json_member(b, "file", p->place.file, true);
		buf_printf(b, "\"revision\": %lld, \"points\": [", (long long)p->revision);
	} else {
		buf_printf(b, "%s, revision %lld: %s\n%s\n%s\n", p->name, (long long)p->revision, p->title ? p->title : "", p->source, p->place.file);
	}
	for (size_t i = 0; i < p->points.n; i++)
		show_point(&profile_points(p)[i], json, i == 0, b);
	buf_str(b, json ? "\n]}\n" : "");
}

/* ---- test ---- */

/* The library with one file more; every problem of that file goes to stderr. */
static struct library *library_and(const char *path, const char **name, int *code)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf report = { 0 };
	struct library *lib = library_with(path, name, &report, &err);
	fputs(report.data ? report.data : "", stderr);
	if (!lib && !report.len)
		fprintf(stderr, "puectl profile: %s\n", err.text);
	*code = lib ? 0 : err_exit_code(&err);
	return lib;
}

static size_t test_one(const struct ctl *ctl, const struct profile *p, struct buf *out)
{
	size_t facts, wrong = profile_test(p, &facts, out);
	if (!ctl->json)
		buf_printf(out, ctl->lang == LANG_ZH ? "%s:%zu 个数值%.0s,%zu 个不符\n" : "%s: %zu value%s, %zu wrong\n", p->name, facts, plural(facts), wrong);
	return wrong;
}

/* Under the values: what was not made a point, for who wonders. */
static void left_out_text(const struct bound *b, struct buf *out)
{
	if (b->n_unscaled)
		buf_printf(out, "# left out: %s%s: what scale_from names is 0 or not there\n", b->unscaled ? b->unscaled : "?", b->n_unscaled > 1 ? " and others" : "");
}

/* What the recording holds where no value could be made of it: who writes a profile wants to see that. */
static void raw_text(struct replica *r, const struct bound_point *p, struct buf *out)
{
	const struct request q = p->oid ? (struct request){ .kind = REQUEST_SNMP_GET, .oids = p->oid, .n_oids = 1 }
					: (struct request){ .kind = REQUEST_MODBUS_READ, .function = p->space, .address = p->address, .count = (uint16_t)(p->coding.n_parts ? 0 : p->coding.words) };
	struct reading got;
	replica_answer(r, &q, (struct stamp){ 0 }, &got);
	for (size_t i = 0; i < got.n_words && i < 8; i++)
		buf_printf(out, "%s0x%04x", i ? " " : "", got.words[i]);
	const struct var *v = got.n_vars ? &got.vars[0] : NULL;
	if (!v || v->type >= VAR_NO_SUCH_OBJECT)
		return;
	if (v->type == VAR_STRING) {
		buf_str(out, "\"");
		buf_plain(out, v->text, v->text_len < 40 ? v->text_len : 40);
		buf_str(out, "\"");
	} else if (v->type == VAR_OPAQUE_FLOAT || v->type == VAR_OPAQUE_DOUBLE) {
		buf_printf(out, "%g", v->real);
	} else if (v->type == VAR_COUNTER64) {
		buf_printf(out, "%llu", (unsigned long long)v->integer);
	} else if (v->type != VAR_OID && v->type != VAR_ADDRESS) {
		buf_printf(out, "%lld", (long long)v->integer);
	}
}

static void recorded_text(struct replica *r, const struct bound *b, const struct sample *s, struct buf *out)
{
	buf_printf(out, "%s\n", b->profile->name);
	for (size_t i = 0; i < b->n; i++) {
		CLEANUP(buf_done) struct buf value = { 0 }, raw = { 0 };
		if (sample_has_value(&s[i])) {
			bound_value_text(&b->points[i], s[i].value, &value);
		} else {
			raw_text(r, &b->points[i], &raw);
			buf_printf(&value, "- (%s%s%s)", reason_text((enum reason)s[i].reason), raw.len ? ": " : "", raw.len ? raw.data : "");
		}
		buf_printf(out, "%-28s %16s %-6s %s\n", b->points[i].name, value.data, quantities[b->points[i].quantity].unit, b->points[i].source);
	}
}

/* Would this device find this profile by itself? */
static void identified_text(struct replica *r, const struct library *lib, const struct profile *p, struct buf *out)
{
	struct identity who = { 0 };
	struct err err = { 0 };
	bool found = replica_identify(r, lib, (enum transport)p->transport, &who, &err);
	if (!found || who.profile != p)
		buf_printf(out, "# identification takes %s%s\n", found ? "another profile: " : "no profile: none of the rules holds", found ? who.profile->name : "");
}

/* A recording (docs/formats-recording.md) is read as a probe would read the device. */
static int test_recording(const struct ctl *ctl, const struct library *lib, const struct profile *p, const char *path)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf bytes = { 0 }, out = { 0 };
	struct identity who = { 0 };
	struct bound *b = NULL;
	struct sample *s = NULL;
	struct script *script = file_read(path, &bytes, &err) ? script_new(bytes.data ? bytes.data : "", bytes.len, &err) : NULL;
	struct replica *r = script ? script_at(script, 0) : NULL;
	int by = script && script_has_objects(script) ? TRANSPORT_SNMP : TRANSPORT_MODBUS;
	bool good = script && (r || err_set(&err, ERR_INPUT, "it is silent at its beginning"));
	if (good && p && p->transport != by)
		good = err_set(&err, ERR_INPUT, "this is the recording of %s device, and profile %s reads %s", by == TRANSPORT_SNMP ? "an SNMP" : "a Modbus",
			       p->name, p->transport == TRANSPORT_SNMP ? "objects" : "registers");
	good = good && (p || replica_identify(r, lib, (enum transport)by, &who, &err)) && replica_probe(r, p ? p : who.profile, &b, &s, &err);
	if (good && script_left_out(script))
		fprintf(stderr, "%s: %zu objects under names that only a MIB knows are left out; walk with -On\n", path, script_left_out(script));
	if (good) {
		recorded_text(r, b, s, &out);
		left_out_text(b, &out);
		if (p && p->rules.n)
			identified_text(r, lib, p, &out);
	} else
		err_wrap(&err, "%s", path);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	bound_free(b);
	free(s);
	script_free(script);
	return good ? 0 : ctl_fail(ctl, &err);
}

static int not_known(const struct ctl *ctl, const struct library *lib, const char *name)
{
	struct err err = { 0 };
	const char *near = library_nearest(lib, name);
	err_set(&err, ERR_USAGE, near ? "profile '%s' is not known; did you mean '%s'?" : "profile '%s' is not known; `puectl profile list` shows all", name, near);
	return ctl_fail(ctl, &err);
}

static int run_test(const struct ctl *ctl, const struct words *w, const struct library *lib, const char *name)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	const struct profile *p = name ? library_find(lib, name) : NULL;
	size_t wrong = 0;
	if (name && !p)
		return not_known(ctl, lib, name);
	if (w->recording)
		return test_recording(ctl, lib, p, w->recording);
	for (size_t i = 0; i < library_count(lib); i++)
		if (!p || library_at(lib, i) == p)
			wrong += test_one(ctl, library_at(lib, i), &out);
	if (ctl->json)
		printf("{\"wrong\": %zu}\n", wrong);
	fputs(out.data ? out.data : "", ctl->json ? stderr : stdout);
	return wrong ? 78 : 0;
}

/* ---- import ---- */

static int import(const struct ctl *ctl, const struct words *w)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf bytes = { 0 }, text = { 0 }, yaml = { 0 };
	const char *how;
	struct import_options o = { .name = w->profile, .vendor = w->vendor, .model = w->model, .source = w->source, .address_base = w->base };
	if (!file_read(w->name, &bytes, &err) || !to_utf8(bytes.data ? bytes.data : "", bytes.len, &text, &how, &err) ||
	    !profile_import(w->name, text.data ? text.data : "", text.len, &o, &yaml, &err))
		return ctl_fail(ctl, &err);
	if (*how)
		printf("# The table is no UTF-8 and was read as %s: look at the names.\n", how);
	fwrite(yaml.data, 1, yaml.len, stdout);
	return 0;
}

static int with_library(struct ctl *ctl, const struct words *w)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	const char *name = w->name;
	int code = 0;
	struct library *lib = w->name && is_profile_file(w->name) ? library_and(w->name, &name, &code) : library_load(&err);
	if (!lib)
		return code ? code : ctl_fail(ctl, &err);
	if (!strcmp(w->what, "list"))
		(ctl->json ? list_json : list_text)(lib, &out);
	else if (!strcmp(w->what, "test"))
		code = run_test(ctl, w, lib, name);
	else if (!library_find(lib, name))
		code = not_known(ctl, lib, name);
	else
		show(library_find(lib, name), ctl->json, &out);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	library_free(lib);
	return code;
}

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	if (!w->name && (!strcmp(w->what, "show") || !strcmp(w->what, "import")))
		return ctl_usage(ctl, "%s", SAY(ctl, "缺少 NAME|FILE", "NAME|FILE is missing"));
	return !strcmp(w->what, "import") ? import(ctl, w) : with_library(ctl, w);
}

static const struct ctl_option options[] = {
	OPT(CHOICE, "ACTION", "list|show|test|import", what, "做什么", "what to do", .needed = true),
	OPT(TEXT, "NAME|FILE", NULL, name, "设备模板的名称,或 .yaml 文件;import 为 CSV 点表", "a profile's name or its .yaml file; with import the vendor's table as CSV"),
	OPT(FILE, "--recording", "FILE", recording, "按该模板读取一份录制", "reads a recording as this profile would", .only = "test"),
	OPT(ID, "--name", "NAME", profile, "新模板的名称", "name of the new profile", .only = "import"),
	OPT(TEXT, "--vendor", "V", vendor, "厂家", "its vendor", .only = "import"),
	OPT(TEXT, "--model", "M", model, "型号", "its model", .only = "import"),
	OPT(TEXT, "--source", "TEXT", source, "点表出处", "where the table is from", .only = "import"),
	OPT(INTEGER, "--base", "N", base, "首寄存器的编号:0、1 或 40001;-1 自动", "number of the first register: 0, 1 or 40001; -1 finds it", "-1", .min = -1, .max = 65535),
	{ NULL },
};

const struct verb verb_profile = {
	"profile", { "设备模板:列出、显示、试验、从点表导入", "device profiles: list, show, test, import from a vendor's table" },
	{ "test    运行模板内的算例;给出文件则先检查格式\nimport  由CSV点表生成初稿(标准输出)", "test    runs the tests inside profiles; a FILE is checked first\nimport  a first draft from a CSV table, to standard output" },
	run, options, sizeof(struct words),
};
