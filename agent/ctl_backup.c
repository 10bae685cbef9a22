/* puectl backup and restore: online, verified, and never in place of what is there. */
#include "agent/ctl.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct words { const char *state, *words[1]; bool in_place; };

/* The one word of the verb and --state DIR. */
static int parse(struct ctl *ctl, struct words *w)
{
	w->state = "/var/lib/pued";
	for (int i = 1; i < ctl->argc; i++) {
		if (strcmp(ctl->argv[i], "--state") == 0 && i + 1 < ctl->argc)
			w->state = ctl->argv[++i];
		else if (strcmp(ctl->argv[i], "--rolled-back") == 0)
			w->in_place = true;
		else if (ctl->argv[i][0] == '-' || w->words[0])
			return ctl_usage(ctl, "'%s' is not expected here, or its value is missing", ctl->argv[i]);
		else
			w->words[0] = ctl->argv[i];
	}
	return !w->words[0] == w->in_place ? 0 : ctl_usage(ctl, w->in_place ? "--rolled-back takes no backup" : "which directory?");
}

static void print(const struct ctl *ctl, const char *done, const struct store_audit *a, const char *where)
{
	char root[65];
	hash_hex(&a->root, root);
	if (ctl->json)
		printf("{\"done\":\"%s\",\"size\":%llu,\"root\":\"%s\",\"epoch\":%llu}\n", done, (unsigned long long)a->leaves, root, (unsigned long long)a->epoch);
	else
		printf(ctl->lang == LANG_ZH ? "%s: %llu 条证据, 期号 %llu, 树根 %s\n" : "%s: %llu records of evidence, epoch %llu, root %s\n", where,
		       (unsigned long long)a->leaves, (unsigned long long)a->epoch, root);
}

int ctl_backup(struct ctl *ctl)
{
	struct words w = { 0 };
	struct err err = { 0 };
	struct store_audit audit;
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (!store_backup(w.state, w.words[0], &err) || !store_audit(w.words[0], NULL, &audit, &err))
		return ctl_fail(ctl, &err);
	print(ctl, "backup", &audit, w.words[0]);
	if (!ctl->json)
		printf(ctl->lang == LANG_ZH ? "备份不含 %s/keys: 私钥请另行复制到同样安全的地方\n" : "not in it: %s/keys; copy the private keys by themselves, to a place as safe\n", w.state);
	return 0;
}

int ctl_restore(struct ctl *ctl)
{
	struct words w = { 0 };
	struct err err = { 0 };
	struct store_audit audit;
	uint64_t epoch;
	int code = parse(ctl, &w);
	if (code)
		return code;
	struct wall now = { (int64_t)time(NULL) * 1000 };
	if (!(w.in_place ? store_new_epoch(w.state, now, &epoch, &err) : store_restore(w.words[0], w.state, now, &epoch, &err)) || !store_audit(w.state, NULL, &audit, &err))
		return ctl_fail(ctl, &err);
	print(ctl, "restore", &audit, w.state);
	if (!ctl->json)
		puts(ctl->lang == LANG_ZH ? "新的期号会出现在每份报告中: 接收方由此得知数据来自恢复的备份"
					  : "every report now carries the new epoch: the receiver sees that a backup was restored");
	return 0;
}
