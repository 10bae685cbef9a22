/* puectl pack list|check|test|show|sign: policy packs, for those who write them. */
#include "agent/clock.h"
#include "agent/pack_admit.h"
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/signer.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words { const char *what, *pack, *text, *keys, *site; bool facts, simulated; };

/* Loads it and prints every problem; NULL when there is one.  Quotes are checked where the text is given. */
static const struct pack *load(const struct ctl *ctl, const struct words *w, struct conf *conf, char *path, size_t size, int *code)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 }, bytes = { 0 }, report = { 0 };
	const char *dirs[] = { "/etc/pued/packs", data_dir("packs") };
	snprintf(path, size, "%s", w->pack);
	bool found = file_read(path, &bytes, &err);
	for (size_t i = 0; i < countof(dirs) && !found && !strchr(w->pack, '/'); i++) {
		snprintf(path, size, "%s/%s.yaml", dirs[i], w->pack);
		found = file_read(path, &bytes, NULL);
	}
	if (!found || (w->text && !file_read(w->text, &text, &err))) {
		*code = ctl_fail(ctl, &err);
		return NULL;
	}
	const struct pack *p = pack_load(conf, path, bytes.data, bytes.len, w->text ? text.data : NULL);
	conf_report(conf, &report);
	fputs(report.data ? report.data : "", stderr);
	*code = p ? 0 : 78;
	return p;
}

static int check(const struct ctl *ctl, const struct words *w, const struct pack *p)
{
	char hash[65];
	pack_hash(p, hash);
	printf(ctl->lang == LANG_ZH ? "%s %s:格式正确%s%s,SHA-256 %s\n" : "%s %s: well formed%s%s, SHA-256 %s\n", pack_id(p), pack_version(p),
	       w->text ? say(ctl, (struct bilingual){ ",引文与原文逐字节一致", ", every quote is in the text to the byte" }) : "",
	       pack_draft(p) ? say(ctl, (struct bilingual){ ",草案(含未核实内容),不作结论", ", a DRAFT (something is not verified): bears no verdict" }) : "", hash);
	return 0;
}

static int test(const struct ctl *ctl, const struct pack *p)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	size_t run = 0, failed = pack_test(p, &out, &run);
	fputs(out.data ? out.data : "", stdout);
	printf(ctl->lang == LANG_ZH ? "%s %s:%zu 个算例%.0s,%zu 个不符\n" : "%s %s: %zu vector%s, %zu failed\n", pack_id(p), pack_version(p), run, plural(run), failed);
	return failed ? 1 : 0;
}

static int show(const struct ctl *ctl, const struct words *w, const struct pack *p)
{
	if (!w->facts) {
		json_t *json = pack_json(p);
		json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(json);
		return 0;
	}
	CLEANUP(buf_done) struct buf out = { 0 };
	pack_facts_text(p, &out);
	(void)ctl;
	fputs(out.data ? out.data : "", stdout);
	return 0;
}

static int sign(const struct ctl *ctl, const struct words *w, const struct pack *p, const char *path)
{
	struct err err = { 0 };
	struct clock clock = { 0 };
	char beside[PATH_MAX + 8];
	CLEANUP(buf_done) struct buf payload = { 0 }, envelope = { 0 };
	struct signer *signer = signer_open(w->keys, NULL, &err);
	snprintf(beside, sizeof beside, "%s.jws", path);
	bool good = signer && pack_statement(p, w->site, clock_wall(&clock), w->simulated, &payload, &err) &&
		    jws_make(signer_ops(signer), JWS_PACK, payload.data, payload.len, true, &envelope, &err) &&
		    file_write(beside, envelope.data, envelope.len, 0644, &err);
	signer_free(signer);
	if (!good)
		return ctl_fail(ctl, &err);
	printf("%s\n", beside);
	return 0;
}

static int list(const struct ctl *ctl)
{
	const char *dir = data_dir("packs");
	struct dirent **names = NULL;
	int n = scandir(dir, &names, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char path[PATH_MAX], found[PATH_MAX];
		size_t len = strlen(names[i]->d_name);
		struct conf *conf = conf_new();
		struct err err = { 0 };
		const struct pack *p = NULL;
		snprintf(path, sizeof path, "%s/%s", dir, names[i]->d_name);
		if (conf && len > 5 && strcmp(names[i]->d_name + len - 5, ".yaml") == 0)
			p = pack_find(conf, path, found, sizeof found, &err);
		if (p)
			printf("%-28s %-8s %s%s\n", pack_id(p), pack_version(p), say(ctl, pack_title(p)),
			       pack_draft(p) ? say(ctl, (struct bilingual){ " [草案]", " [draft]" }) : "");
		conf_free(conf);
		free(names[i]);
	}
	free(names);
	return 0;
}

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	char path[PATH_MAX];
	int code;
	if (strcmp(w->what, "list") == 0)
		return list(ctl);
	struct conf *conf = conf_new();
	const struct pack *p = load(ctl, w, conf, path, sizeof path, &code);
	if (p)
		code = strcmp(w->what, "check") == 0 ? check(ctl, w, p) : strcmp(w->what, "test") == 0 ? test(ctl, p)
		       : strcmp(w->what, "show") == 0 ? show(ctl, w, p) : sign(ctl, w, p, path);
	conf_free(conf);
	return code;
}

static const struct ctl_option options[] = {
	OPT(CHOICE, "ACTION", "list|check|test|show|sign", what, "做什么", "what to do", .needed = true),
	OPT(FILE, "PACK", NULL, pack, "规则包:文件或名称", "the pack: a file or a name", .only = "check|test|show|sign", .needed = true),
	OPT(FILE, "--text", "POLICY.txt", text, "核对每一处引文", "every quote against the policy's text", .only = "check|test|show|sign"),
	OPT(FLAG, "--facts", NULL, facts, "列出可用的事实", "the facts a pack may ask for", .only = "show"),
	OPT(FILE, "--keys", "DIR", keys, "发布者的密钥目录(puectl keys generate --role publisher)", "the publisher's keys (puectl keys generate --role publisher)", .only = "sign", .needed = true),
	OPT(ID, "--site", "ID", site, "签名者", "who signs", "publisher"),
	OPT(FLAG, "--simulated", NULL, simulated, "模拟的规则包", "a simulated pack", .only = "sign"),
	{ NULL },
};

const struct verb verb_pack = {
	"pack", { "规则包:检查、试算、显示、签名", "policy packs: check, test, show, sign" },
	{ "check  格式、单位、用词\ntest   运行包内算例\nshow   显示内容\nsign   写出 PACK.jws", "check  form, units, words\ntest   run the vectors inside the pack\nshow   what it says\nsign   writes PACK.jws" },
	run, options, sizeof(struct words),
};
