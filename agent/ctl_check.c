/* puectl check: a configuration against everything it names, without touching the network. */
#include "agent/check_site.h"
#include "agent/ctl.h"
#include "agent/setup.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void as_json(void *ctx, struct conf_place place, bool warning, const char *text)
{
	struct buf *out = ctx;
	buf_str(out, out->data[out->len - 1] == '[' ? "{\"file\":" : ",{\"file\":");
	buf_json(out, place.file ?: "");
	buf_printf(out, ",\"line\":%d,\"column\":%d,\"level\":\"%s\",\"text\":", place.line, place.column, warning ? "warning" : "error");
	buf_json(out, text);
	buf_str(out, "}");
}

static int category_of(const struct site *s)
{
	int worst = 0;
	for (size_t i = 0; i < s->meters.n; i++) {
		int category = site_meters(s)[i].role == ROLE_IT ? point_category(site_meters(s)[i].point) : 0;
		worst = !worst || (category && category < worst) ? category : worst;
	}
	return worst;
}

static void print_json(const char *path, const struct conf *c, const struct site *s)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	buf_str(&out, "{\"file\":");
	buf_json(&out, path);
	buf_printf(&out, ",\"ok\":%s,\"errors\":%zu,\"warnings\":%zu,\"findings\":[", conf_problem_count(c) ? "false" : "true", conf_said(c, false),
		   conf_said(c, true));
	conf_each(c, as_json, &out);
	buf_str(&out, "]");
	if (s)
		buf_printf(&out, ",\"site\":\"%s\",\"meters\":%zu,\"devices\":%zu,\"racks\":%zu,\"category\":%d", s->id ?: "", s->meters.n, s->devices.n, s->racks.n,
			   category_of(s));
	buf_str(&out, "}");
	puts(out.data);
}

static void print_text(const struct ctl *ctl, const char *path, const struct conf *c, const struct site *s)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	conf_report(c, &out);
	fputs(out.data ? out.data : "", stdout);
	if (s && !conf_problem_count(c) && ctl->lang == LANG_ZH)
		printf("%s: 配置正确。站点 %s:%zu 块电表,%zu 台设备,%zu 个机架;PUE 类别 %d;%zu 条警告\n", path, s->id, s->meters.n, s->devices.n, s->racks.n,
		       category_of(s), conf_said(c, true));
	else if (s && !conf_problem_count(c))
		printf("%s: ok. Site %s: %zu meter%s, %zu device%s, %zu rack%s; PUE category %d; %zu warning%s\n", path, s->id, s->meters.n, plural(s->meters.n),
		       s->devices.n, plural(s->devices.n), s->racks.n, plural(s->racks.n), category_of(s), conf_said(c, true), plural(conf_said(c, true)));
	else if (ctl->lang == LANG_ZH)
		printf("%s: %zu 个错误,%zu 条警告\n", path, conf_said(c, false), conf_said(c, true));
	else
		printf("%s: %zu error%s, %zu warning%s\n", path, conf_said(c, false), plural(conf_said(c, false)), conf_said(c, true), plural(conf_said(c, true)));
}

/* What the site names outside its own files. */
static void check_named(struct conf *c, const struct site *s, const struct conf_node *root)
{
	struct err err = { 0 };
	struct zone zone = { 0 };
	const struct conf_node *site = conf_get(root, "site"), *pack = conf_get(root, "pack");
	struct conf *packs = conf_new();
	struct library *lib = library_load(&err);
	if (lib) {
		check_devices(c, s, lib);
		check_buses(c, s, lib);
	} else {
		conf_problem(c, conf_get(root, "devices"), "profiles: %s", err.text);
	}
	if (s->zone && !zone_load(s->zone, &zone, &err))
		conf_problem(c, conf_get(site, "timezone"), "%s", err.text);
	if (packs && s->pack && !pack_open(packs, s->pack, NULL, &err))
		conf_problem(c, pack, "%s", err.text);
	zone_done(&zone);
	library_free(lib);
	conf_free(packs);
}

static int check(const struct ctl *ctl, const char *path, bool effective)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!file_read(path, &text, &err))
		return ctl_fail(ctl, &err);
	struct conf *c = conf_new();
	const struct site *s = c ? site_read(c, path, text.data, text.len, file_reader_beside(path)) : NULL;
	if (s)
		check_named(c, s, s->node);
	char *canonical = s && effective && !conf_problem_count(c) ? site_canonical(s) : NULL;
	if (canonical)
		puts(canonical);
	else if (ctl->json)
		print_json(path, c, s);
	else
		print_text(ctl, path, c, s);
	free(canonical);
	int code = !c ? 70 : conf_problem_count(c) ? 78 : 0;
	conf_free(c);
	return code;
}

struct words { const char *file; bool effective; };

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	return check(ctl, w->file, w->effective);
}

static const struct ctl_option options[] = {
	OPT(FILE, "FILE", NULL, file, "站点配置", "the site's configuration", "/etc/pued/pued.yaml"),
	OPT(FLAG, "--effective", NULL, effective, "打印全部默认值补齐后的配置", "print it with every default filled in"),
	{ NULL },
};

const struct verb verb_check = { "check", { "检查站点配置(不接触网络)", "check a site configuration, without network" }, { NULL, NULL }, run, options, sizeof(struct words) };
