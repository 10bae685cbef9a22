/* puectl reload: the configuration is checked here first, then the running pued is asked to take it in. */
#include "agent/from_store.h"
#include "agent/file.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool running_pid(const char *state_dir, pid_t *out, struct err *err)
{
	char path[600];
	CLEANUP(buf_done) struct buf text = { 0 };
	snprintf(path, sizeof path, "%s/lock", state_dir);
	if (!file_read(path, &text, err))
		return err->kind == ERR_DENIED ? false : err_set(err, ERR_UNAVAILABLE, "no pued runs on %s; start it, or give --state", state_dir);
	*out = (pid_t)strtol(text.data, NULL, 10);
	return *out > 1 || err_set(err, ERR_UNAVAILABLE, "%s names no process; is pued running?", path);
}

static int run(struct ctl *ctl)
{
	const struct from_store_options *o = ctl->words;
	struct setup setup;
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf report = { 0 };
	pid_t pid = 0;
	if (!setup_load(o->config, &setup, &report, &err)) {
		if (report.len)
			fputs(report.data, stderr);
		return ctl_fail(ctl, &err);
	}
	bool good = running_pid(o->state_dir ? o->state_dir : setup.site->state_dir, &pid, &err);
	if (good && kill(pid, SIGHUP) != 0)
		good = err_set(&err, errno == EPERM ? ERR_DENIED : ERR_UNAVAILABLE, "process %d: %s", (int)pid, strerror(errno));
	setup_done(&setup);
	if (!good)
		return ctl_fail(ctl, &err);
	printf(ctl->lang == LANG_ZH ? "配置无误,已通知 pued(进程 %d);结果见其日志\n" : "the configuration is good; pued (process %d) was told, its log says what it did\n", (int)pid);
	return 0;
}

const struct verb verb_reload = { "reload", { "检查配置,并让运行中的 pued 采用", "check the configuration and let the running pued take it in" }, { NULL, NULL }, run, from_store_rows,
				  sizeof(struct from_store_options) };
