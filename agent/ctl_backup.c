/* puectl backup and restore: online, verified, and never in place of what is there. */
#include "agent/ctl.h"
#include "store/store.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

struct words { const char *state, *directory; bool in_place; };

static void print(const struct ctl *ctl, const char *done, const struct store_audit *a, const char *where)
{
	char root[65];
	hash_hex(&a->root, root);
	if (ctl->json)
		printf("{\"done\":\"%s\",\"size\":%llu,\"root\":\"%s\",\"epoch\":%llu}\n", done, (unsigned long long)a->leaves, root, (unsigned long long)a->epoch);
	else
		printf(ctl->lang == LANG_ZH ? "%s: %llu 条证据%.0s, 期号 %llu, 树根 %s\n" : "%s: %llu record%s of evidence, epoch %llu, root %s\n", where,
		       (unsigned long long)a->leaves, plural(a->leaves), (unsigned long long)a->epoch, root);
}

static int backup(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct err err = { 0 };
	struct store_audit audit;
	reader_close(reader_open(w->state, &err));     /* says best who may read it */
	if (err.kind == ERR_DENIED || !store_backup(w->state, w->directory, &err) || !store_audit(w->directory, NULL, &audit, &err))
		return ctl_fail(ctl, &err);
	print(ctl, "backup", &audit, w->directory);
	if (!ctl->json)
		printf(ctl->lang == LANG_ZH ? "备份不含 %s/keys: 私钥请另行复制到同样安全的地方\n" : "not in it: %s/keys; copy the private keys by themselves, to a place as safe\n", w->state);
	return 0;
}

static int restore(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct err err = { 0 };
	struct store_audit audit;
	uint64_t epoch;
	if (!w->directory == !w->in_place)
		return ctl_usage(ctl, "%s", SAY(ctl, "给出备份目录,或 --rolled-back,二者之一", "a backup, or --rolled-back: one of the two"));
	struct wall now = { (int64_t)time(NULL) * 1000 };
	if (!(w->in_place ? store_new_epoch(w->state, now, &epoch, &err) : store_restore(w->directory, w->state, now, &epoch, &err)) || !store_audit(w->state, NULL, &audit, &err))
		return ctl_fail(ctl, &err);
	print(ctl, "restore", &audit, w->state);
	if (!ctl->json)
		puts(ctl->lang == LANG_ZH ? "新的期号会出现在每份报告中: 接收方由此得知数据来自恢复的备份"
					  : "every report now carries the new epoch: the receiver sees that a backup was restored");
	return 0;
}

static const struct ctl_option backup_options[] = {
	OPT(FILE, "DIRECTORY", NULL, directory, "备份写入的新目录", "a new directory for the copy", .needed = true),
	OPT(FILE, "--state", "DIR", state, "存储目录", "the store", "/var/lib/pued"),
	{ NULL },
};

const struct verb verb_backup = { "backup", { "在线备份存储", "copy the living store, verified" }, { NULL, NULL }, backup, backup_options, sizeof(struct words) };

static const struct ctl_option restore_options[] = {
	OPT(FILE, "BACKUP", NULL, directory, "puectl backup 写出的目录", "what puectl backup wrote"),
	OPT(FLAG, "--rolled-back", NULL, in_place, "整机快照回退之后:就地开始新的期号", "after a snapshot of the whole machine was put back: begin a new epoch in place, before pued starts again"),
	OPT(FILE, "--state", "DIR", state, "存储目录", "the store", "/var/lib/pued"),
	{ NULL },
};

const struct verb verb_restore = { "restore", { "恢复备份(产生新的期号)", "bring a backup back, with a new epoch that receivers see" }, { NULL, NULL }, restore, restore_options,
				   sizeof(struct words) };
