/* puectl doctor: what usually goes wrong on a site, each finding with the command that fixes it. */
#include "agent/file.h"
#include "agent/running.h"
#include "agent/setup.h"
#include "agent/signer.h"
#include "store/store.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

enum finding { FINE, ADVICE, WRONG };
struct doctor { const struct ctl *ctl; struct running_options running; const char *state; bool closed; struct buf room; char keys[4096]; char text[2000], fix[400]; };
static const char *const marks[] = { [FINE] = "ok", [ADVICE] = "advice", [WRONG] = "WRONG" };

static enum finding found(struct doctor *d, enum finding f, const char *fix, const char *zh, const char *en, ...) __attribute__((format(printf, 4, 6), format(printf, 5, 6)));
static enum finding found(struct doctor *d, enum finding f, const char *fix, const char *zh, const char *en, ...)
{
	va_list args;
	va_start(args, en);
	vsnprintf(d->text, sizeof d->text, SAY(d->ctl, zh, en), args);
	va_end(args);
	snprintf(d->fix, sizeof d->fix, "%s", fix ? fix : "");
	return f;
}

/* What only the user of pued may see is not looked at: "permission denied" on every line would hide the one cause. */
static enum finding not_looked_at(struct doctor *d)
{
	return found(d, ADVICE, NULL, "未检查: 您无权读取 %s", "not looked at: you may not read %s", d->state);
}

static enum finding configuration(struct doctor *d)
{
	struct setup setup;
	struct err err = { 0 };
	char fix[300];
	const char *path = d->running.config;
	snprintf(fix, sizeof fix, "puectl check %.200s", path);
	if (access(path, F_OK) != 0)
		return found(d, ADVICE, "puectl doctor --config FILE; docs/first-site.md", "%s: 没有站点配置", "%s: no configuration of a site", path);
	bool good = setup_load(path, &setup, NULL, &err);
	err.text[strcspn(err.text, "\n")] = 0;           /* the first of them: puectl check has all */
	if (!good)
		return found(d, err.kind == ERR_DENIED ? ADVICE : WRONG, err.kind == ERR_DENIED ? "sudo -u pued puectl doctor" : fix, "%s", "%s", ctl_said(d->ctl, err.text, &d->room));
	size_t meters = setup.site->meters.n, devices = setup.site->devices.n;
	setup_done(&setup);
	return found(d, FINE, NULL, "%s 正确: %zu 块电表, %zu 台设备", "%s is good; meters: %zu, devices: %zu", path, meters, devices);
}

/* How many of its devices answer: the page and puectl top say which do not. */
static enum finding daemon_answers(struct doctor *d)
{
	struct err err = { 0 };
	struct running_options o = d->running;
	if (access(o.config, F_OK) != 0)
		o.config = NULL;
	json_t *status = running_port(&o, &err) ? running_status(&o, NULL, &err) : NULL, *device;
	if (!status)
		return found(d, ADVICE, "systemctl start pued; journalctl -u pued -n 50", "pued 没有应答: %s", "pued does not answer: %s", ctl_said(d->ctl, err.text, &d->room));
	json_t *devices = json_object_get(status, "devices");
	size_t i, down = 0, n = json_array_size(devices);
	json_array_foreach(devices, i, device)
		down += strcmp(json_string_value(json_object_get(device, "state")) ?: "", "up") != 0;
	json_decref(status);
	return down ? found(d, ADVICE, "puectl status; puectl top; puectl probe ENDPOINT", "pued 正在运行; %zu 台设备中 %zu 台没有正常应答", "pued runs; of %zu devices %zu do not answer as they should", n, down)
		    : found(d, FINE, NULL, "pued 正在运行, %zu 台设备都有应答", "pued runs, its devices answer: %zu", n);
}

static enum finding clock_synced(struct doctor *d)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);
	if (state == TIME_ERROR || (t.status & STA_UNSYNC))
		return found(d, WRONG, "apt-get install chrony && systemctl enable --now chrony", "时钟未同步: 读数将如此标明, 超出规则包限度则不能出具证书", "the clock is not synchronised: readings are marked so, certificates refuse them beyond the pack's limit");
	return found(d, FINE, NULL, "时钟已同步, 估计误差 %ld us", "the clock is synchronised, estimated error %ld us", t.esterror);
}

static enum finding state_directory(struct doctor *d)
{
	struct stat st;
	char fix[300];
	snprintf(fix, sizeof fix, "chmod 700 %.200s", d->state);
	if (stat(d->state, &st) != 0 && errno == ENOENT)
		return found(d, ADVICE, "systemctl start pued, or puectl doctor --state DIR", "%s: 尚不存在", "%s: it is not there yet", d->state);
	if ((d->closed = access(d->state, R_OK | X_OK) != 0))
		return found(d, ADVICE, "sudo -u pued puectl doctor", "%s: 您无权读取, 以下相关各项未检查", "%s: not readable by you; what is in it is not looked at", d->state);
	if (st.st_mode & 077)
		return found(d, WRONG, fix, "%s 对他人开放 (权限 %04o)", "%s is open to others (mode %04o)", d->state, (unsigned)st.st_mode & 07777);
	return found(d, FINE, NULL, "%s 只属于 uid %u", "%s belongs to uid %u alone", d->state, st.st_uid);
}

static enum finding disk_room(struct doctor *d)
{
	struct statvfs v;
	if (statvfs(d->state, &v) != 0)
		return found(d, ADVICE, NULL, "%s: %s", "%s: %s", d->state, strerror(errno));
	uint64_t mib = (uint64_t)v.f_bavail * v.f_frsize >> 20;
	if (mib < 256 || v.f_favail < 100)
		return found(d, WRONG, "journalctl --vacuum-size=100M", "存储所在磁盘只剩 %llu MiB, 可建 %llu 个文件", "%llu MiB and %llu files are left on the disk of the store", (unsigned long long)mib, (unsigned long long)v.f_favail);
	return found(d, mib < 2048 ? ADVICE : FINE, mib < 2048 ? "make room, or store: {raw_days: ...} in the configuration" : NULL, "存储可用 %llu MiB", "%llu MiB free for the store", (unsigned long long)mib);
}

/* Where the units put it (systemd/pued-signer.socket). */
#define SIGNER_SOCKET "/run/pued-signer/socket"

static enum finding signing_key(struct doctor *d)
{
	struct err err = { 0 };
	char fix[300];
	if (d->closed)
		return not_looked_at(d);
	struct signer *s = signer_open(d->keys, NULL, &err);
	if (!s && err.kind == ERR_CONFIG && (s = signer_open_socket(d->keys, NULL, SIGNER_SOCKET, NULL))) {
		bool there = access(SIGNER_SOCKET, F_OK) == 0;
		size_t n = signer_ops(s)->n_keys;
		signer_free(s);
		return found(d, there ? FINE : WRONG, there ? NULL : "systemctl enable --now pued-signer.socket (or, without it: puectl keys generate)",
			     there ? "公钥 %zu 个, 私钥在 pued-signer" : "公钥 %zu 个, 没有私钥, 且 " SIGNER_SOCKET " 不存在",
			     there ? "public keys here: %zu; the private ones are with pued-signer" : "public keys here: %zu, no private one, and " SIGNER_SOCKET " is not there", n);
	}
	if (!s) {
		snprintf(fix, sizeof fix, err.kind == ERR_DENIED ? "chmod 600 %.200s/*.pem" : "puectl keys generate --dir %.200s", d->keys);
		return found(d, WRONG, fix, "%s", "%s", ctl_said(d->ctl, err.text, &d->room));
	}
	size_t n = signer_ops(s)->n_keys;
	char kid[64];
	snprintf(kid, sizeof kid, "%s", signer_ops(s)->keys[0].kid);
	signer_free(s);
	return found(d, FINE, NULL, "签名密钥 %zu 个, 首个为 %s", "keys to sign with: %zu, the first is %s", n, kid);
}

static enum finding evidence(struct doctor *d)
{
	struct store_audit a;
	struct err err = { 0 };
	char fix[300];
	if (d->closed)
		return not_looked_at(d);
	bool whole = store_audit(d->state, NULL, &a, &err);
	if (!whole && err.kind == ERR_IO)
		return found(d, ADVICE, "systemctl start pued", "还没有证据: %s", "no evidence yet: %s", ctl_said(d->ctl, err.text, &d->room));
	snprintf(fix, sizeof fix, "puectl restore BACKUP --state %.200s   (after moving the damaged files away)", d->state);
	if (!whole)
		return found(d, WRONG, err.kind == ERR_EVIDENCE ? fix : NULL, "%s", "%s", ctl_said(d->ctl, err.text, &d->room));
	if (a.first_bad[0])
		return found(d, WRONG, fix, "证据: 第一条有问题的记录: %s", "evidence: first bad record: %s", a.first_bad);
	return found(d, FINE, NULL, "%llu 条证据完好, 期号 %llu", "evidence is whole, %llu records, epoch %llu", (unsigned long long)a.leaves, (unsigned long long)a.epoch);
}

static enum finding outbox(struct doctor *d)
{
	struct store_options o = { .dir = d->state, .read_only = true };
	struct store_status st;
	if (d->closed)
		return not_looked_at(d);
	struct err err = { 0 };
	struct store *s = store_open(&o, &err);
	char at[WALL_TEXT];
	if (!s)
		return found(d, ADVICE, NULL, "未知: 证据无法打开", "not known: the evidence cannot be opened");
	store_status(s, &st);
	store_close(s);
	if (st.outbox_pending == 0)
		return found(d, FINE, NULL, "报告均已送达", "every report was delivered");
	return found(d, st.outbox_pending > 96 ? WRONG : FINE, st.outbox_pending > 96 ? "puectl probe mqtt" : NULL, "%llu 份报告等待接收方回执, 最早自 %s", "reports that wait for the receiver's receipt: %llu, the oldest since %s",
		     (unsigned long long)st.outbox_pending, wall_text(st.oldest_pending, at));
}

static int is_refused(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 8 && !strcmp(e->d_name + len - 8, ".refused");
}

/* What pued laid aside (agent/statement.h): somebody believes that it counts.  Each with the sentence that stands beside it. */
static enum finding statements(struct doctor *d)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct dirent **list;
	char dir[4096], path[4500], fix[400];
	if (d->closed)
		return not_looked_at(d);
	snprintf(dir, sizeof dir, "%s/statements", d->state);
	int n = scandir(dir, &list, is_refused, alphasort);
	if (n < 0 && errno != ENOENT)
		return found(d, ADVICE, NULL, "%s: %s", "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf why = { 0 };
		snprintf(path, sizeof path, "%s/%.*s.why", dir, (int)strlen(list[i]->d_name) - 8, list[i]->d_name);
		bool known = file_read(path, &why, NULL) && why.len;
		buf_printf(&text, "%s%s (%s)", i ? "; " : "", list[i]->d_name, known ? why.data : SAY(d->ctl, "原因的说明已不在", "the sentence that says why is gone"));
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (n <= 0)
		return found(d, FINE, NULL, "没有被拒绝的声明", "no statement was refused");
	snprintf(fix, sizeof fix, "state it again as it is right (puectl meter, puectl attest), then remove %.200s/*.refused and the *.why beside them", dir);
	return found(d, WRONG, fix, "%d 份声明无效: %s", "statements without effect: %d: %s", n, text.data ? text.data : "");
}

static enum finding descriptors(struct doctor *d)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return found(d, ADVICE, NULL, "打开文件数的上限: %s", "limit of open files: %s", strerror(errno));
	if (l.rlim_max < 8192)
		return found(d, ADVICE, "LimitNOFILE=65536 in the unit of pued", "至多 %llu 个打开的文件: 约够 %llu 台设备", "at most %llu open files: enough for about %llu devices", (unsigned long long)l.rlim_max,
			     (unsigned long long)(l.rlim_max > 256 ? l.rlim_max - 256 : 0));
	return found(d, FINE, NULL, "至多 %llu 个打开的文件", "up to %llu open files", (unsigned long long)l.rlim_max);
}

static const struct look { const char *name, *zh; enum finding (*run)(struct doctor *); } checks[] = {
	{ "config", "配置", configuration }, { "pued", "运行", daemon_answers }, { "clock", "时钟", clock_synced }, { "state", "存储", state_directory },
	{ "disk", "磁盘", disk_room }, { "key", "密钥", signing_key }, { "evidence", "证据", evidence }, { "statements", "声明", statements },
	{ "outbox", "发件箱", outbox }, { "limits", "限额", descriptors },
};

static void print(const struct ctl *ctl, const struct look *c, enum finding f, const struct doctor *d, bool first)
{
	CLEANUP(buf_done) struct buf line = { 0 };
	if (ctl->json) {
		buf_printf(&line, "%s{\"check\":\"%s\",\"result\":\"%s\",\"text\":", first ? " " : ",", c->name, marks[f]);
		buf_json(&line, d->text);
		buf_str(&line, ",\"fix\":");
		if (d->fix[0])
			buf_json(&line, d->fix);
		else
			buf_str(&line, "null");
		buf_str(&line, "}");
	} else {
		static const char *const zh[] = { [FINE] = "正常", [ADVICE] = "建议", [WRONG] = "有误" };
		running_pad(&line, SAY(ctl, zh[f], marks[f]), 8);
		running_pad(&line, SAY(ctl, c->zh, c->name), 11);
		buf_plain(&line, d->text, strlen(d->text));
		if (d->fix[0])
			buf_printf(&line, "\n%-18s -> %s", "", d->fix);
	}
	puts(line.failed ? "" : line.data);
}

struct words { const char *state, *keys; struct running_options running; };

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct doctor d = { .ctl = ctl, .state = w->state, .running = w->running };
	size_t n[3] = { 0 };
	snprintf(d.keys, sizeof d.keys, "%s%s", w->keys ? w->keys : w->state, w->keys ? "" : "/keys");
	if (!d.running.config)
		d.running.config = "/etc/pued/pued.yaml";
	if (ctl->json)
		puts("[");
	for (size_t i = 0; i < countof(checks); i++) {
		enum finding f = checks[i].run(&d);
		n[f]++;
		print(ctl, &checks[i], f, &d, i == 0);
	}
	buf_done(&d.room);
	if (ctl->json)
		puts("]");
	else
		printf(SAY(ctl, "\n有误 %zu 项, 建议 %zu 项%s\n", "\nwrong: %zu, advice: %zu%s\n"), n[WRONG], n[ADVICE],
		       n[WRONG] ? SAY(ctl, "; -> 之后是修复的命令", "; what stands behind -> mends it") : "");
	return n[WRONG] ? 13 : 0;
}

static const struct ctl_option options[] = {
	OPT(FILE, "--state", "DIR", state, "存储目录", "the store", "/var/lib/pued"),
	OPT(FILE, "--keys", "DIR", keys, "签名密钥目录;默认存储目录下的 keys", "the signing keys; else those of the store"),
	OPT_GROUP(running, running_rows),
	{ NULL },
};

const struct verb verb_doctor = { "doctor", { "检查常见问题并给出修复命令", "what usually goes wrong, each finding with the command that fixes it" },
				  { "退出码: 0 正常, 13 有需要修复的问题", "Exit codes: 0 well, 13 something needs fixing" }, run, options, sizeof(struct words) };
