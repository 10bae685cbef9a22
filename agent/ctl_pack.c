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

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = { { "--text", &w->text }, { "--keys", &w->keys }, { "--site", &w->site } };
	const char **plain[] = { &w->what, &w->pack };
	size_t n = 0;
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name) != 0)
			k++;
		if (strcmp(ctl->argv[i], "--facts") == 0)
			w->facts = true;
		else if (strcmp(ctl->argv[i], "--simulated") == 0)
			w->simulated = true;
		else if (k < countof(rows) && i + 1 < ctl->argc)
			*rows[k].value = ctl->argv[++i];
		else if (ctl->argv[i][0] == '-' || n == countof(plain))
			return ctl_usage(ctl, "'%s' is not expected here", ctl->argv[i]);
		else
			*plain[n++] = ctl->argv[i];
	}
	return w->what ? 0 : ctl_usage(ctl, "what? list, check, test, show or sign");
}

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
	printf(ctl->lang == LANG_ZH ? "%s %s:%zu 个算例,%zu 个不符\n" : "%s %s: %zu vectors, %zu failed\n", pack_id(p), pack_version(p), run, failed);
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
	if (!w->keys)
		return ctl_usage(ctl, "--keys DIR is missing: the publisher's key directory (puectl keys generate --role publisher)");
	struct signer *signer = signer_open(w->keys, NULL, &err);
	snprintf(beside, sizeof beside, "%s.jws", path);
	bool good = signer && pack_statement(p, w->site ? w->site : "publisher", clock_wall(&clock), w->simulated, &payload, &err) &&
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

int ctl_pack(struct ctl *ctl)
{
	struct words w = { 0 };
	char path[PATH_MAX];
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (strcmp(w.what, "list") == 0)
		return list(ctl);
	bool known = strcmp(w.what, "check") == 0 || strcmp(w.what, "test") == 0 || strcmp(w.what, "show") == 0 || strcmp(w.what, "sign") == 0;
	if (!known || !w.pack)
		return ctl_usage(ctl, known ? "which pack? a file or a name" : "'%s' is none of list, check, test, show, sign", w.what);
	struct conf *conf = conf_new();
	const struct pack *p = load(ctl, &w, conf, path, sizeof path, &code);
	if (p)
		code = strcmp(w.what, "check") == 0 ? check(ctl, &w, p) : strcmp(w.what, "test") == 0 ? test(ctl, p)
		       : strcmp(w.what, "show") == 0 ? show(ctl, &w, p) : sign(ctl, &w, p, path);
	conf_free(conf);
	return code;
}
