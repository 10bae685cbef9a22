/* puectl doctor: what usually goes wrong on a site, each finding with the command that fixes it. */
#include "agent/ctl.h"
#include "agent/file.h"
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
struct doctor { const char *state; char keys[4096]; char text[2000], fix[400]; };
static const char *const marks[] = { [FINE] = "ok", [ADVICE] = "advice", [WRONG] = "WRONG" };

static enum finding found(struct doctor *d, enum finding f, const char *fix, const char *fmt, ...) PRINTF(4, 5);
static enum finding found(struct doctor *d, enum finding f, const char *fix, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	vsnprintf(d->text, sizeof d->text, fmt, args);
	va_end(args);
	snprintf(d->fix, sizeof d->fix, "%s", fix ? fix : "");
	return f;
}

static enum finding clock_synced(struct doctor *d)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);
	if (state == TIME_ERROR || (t.status & STA_UNSYNC))
		return found(d, WRONG, "apt-get install chrony && systemctl enable --now chrony", "the clock is not synchronised: readings are marked so, certificates refuse them beyond the pack's limit");
	return found(d, FINE, NULL, "the clock is synchronised, estimated error %ld us", t.esterror);
}

static enum finding state_directory(struct doctor *d)
{
	struct stat st;
	char fix[300];
	snprintf(fix, sizeof fix, "chmod 700 %.200s", d->state);
	if (stat(d->state, &st) != 0)
		return found(d, errno == EACCES ? WRONG : ADVICE, "systemctl start pued", "%s: %s", d->state, strerror(errno));
	if (st.st_mode & 077)
		return found(d, WRONG, fix, "%s is open to others (mode %04o)", d->state, (unsigned)st.st_mode & 07777);
	return found(d, FINE, NULL, "%s belongs to uid %u alone", d->state, st.st_uid);
}

static enum finding disk_room(struct doctor *d)
{
	struct statvfs v;
	if (statvfs(d->state, &v) != 0)
		return found(d, ADVICE, NULL, "%s: %s", d->state, strerror(errno));
	uint64_t mib = (uint64_t)v.f_bavail * v.f_frsize >> 20;
	if (mib < 256 || v.f_favail < 100)
		return found(d, WRONG, "journalctl --vacuum-size=100M", "%llu MiB and %llu files are left on the disk of the store", (unsigned long long)mib, (unsigned long long)v.f_favail);
	return found(d, mib < 2048 ? ADVICE : FINE, mib < 2048 ? "make room, or store: {raw_days: ...} in the configuration" : NULL, "%llu MiB free for the store", (unsigned long long)mib);
}

/* Where the units put it (systemd/pued-signer.socket). */
#define SIGNER_SOCKET "/run/pued-signer/socket"

static enum finding signing_key(struct doctor *d)
{
	struct err err = { 0 };
	char fix[300];
	struct signer *s = signer_open(d->keys, NULL, &err);
	if (!s && err.kind == ERR_CONFIG && (s = signer_open_socket(d->keys, NULL, SIGNER_SOCKET, NULL))) {
		bool there = access(SIGNER_SOCKET, F_OK) == 0;
		size_t n = signer_ops(s)->n_keys;
		signer_free(s);
		return found(d, there ? FINE : WRONG, there ? NULL : "systemctl enable --now pued-signer.socket (or, without it: puectl keys generate)",
			     there ? "%zu public keys here, the private ones are with pued-signer" : "%zu public keys here and no private one, and " SIGNER_SOCKET " is not there", n);
	}
	if (!s) {
		snprintf(fix, sizeof fix, err.kind == ERR_DENIED ? "chmod 600 %.200s/*.pem" : "puectl keys generate --dir %.200s", d->keys);
		return found(d, WRONG, fix, "%s", err.text);
	}
	size_t n = signer_ops(s)->n_keys;
	char kid[64];
	snprintf(kid, sizeof kid, "%s", signer_ops(s)->keys[0].kid);
	signer_free(s);
	return found(d, FINE, NULL, "%zu key%s to sign with, the first is %s", n, n == 1 ? "" : "s", kid);
}

static enum finding evidence(struct doctor *d)
{
	struct store_audit a;
	struct err err = { 0 };
	char fix[300];
	if (!store_audit(d->state, NULL, &a, &err))
		return err.kind == ERR_IO ? found(d, ADVICE, "systemctl start pued", "%s", err.text) : found(d, WRONG, "puectl verify --store", "%s", err.text);
	snprintf(fix, sizeof fix, "puectl restore BACKUP --state %.200s   (after moving the damaged files away)", d->state);
	if (a.first_bad[0])
		return found(d, WRONG, fix, "evidence: first bad record: %s", a.first_bad);
	return found(d, FINE, NULL, "%llu records of evidence are whole, epoch %llu", (unsigned long long)a.leaves, (unsigned long long)a.epoch);
}

static enum finding outbox(struct doctor *d)
{
	struct store_options o = { .dir = d->state, .read_only = true };
	struct store_status st;
	struct err err = { 0 };
	struct store *s = store_open(&o, &err);
	char at[WALL_TEXT];
	if (!s)
		return found(d, ADVICE, NULL, "%s", err.text);
	store_status(s, &st);
	store_close(s);
	if (st.outbox_pending == 0)
		return found(d, FINE, NULL, "every report was delivered");
	return found(d, st.outbox_pending > 96 ? WRONG : FINE, st.outbox_pending > 96 ? "puectl probe mqtt" : NULL, "%llu reports wait for the receiver's receipt, the oldest since %s",
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
	snprintf(dir, sizeof dir, "%s/statements", d->state);
	int n = scandir(dir, &list, is_refused, alphasort);
	if (n < 0 && errno != ENOENT)
		return found(d, ADVICE, NULL, "%s: %s", dir, strerror(errno));
	for (int i = 0; i < n; i++) {
		CLEANUP(buf_done) struct buf why = { 0 };
		snprintf(path, sizeof path, "%s/%.*s.why", dir, (int)strlen(list[i]->d_name) - 8, list[i]->d_name);
		bool known = file_read(path, &why, NULL) && why.len;
		buf_printf(&text, "%s%s (%s)", i ? "; " : "", list[i]->d_name, known ? why.data : "the sentence that says why is gone");
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	if (n <= 0)
		return found(d, FINE, NULL, "no statement was refused");
	snprintf(fix, sizeof fix, "state it again as it is right (puectl meter, puectl attest), then remove %.200s/*.refused and the *.why beside them", dir);
	return found(d, WRONG, fix, "%d statement%s without effect: %s", n, n == 1 ? " is" : "s are", text.data ? text.data : "");
}

static enum finding descriptors(struct doctor *d)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l) != 0)
		return found(d, ADVICE, NULL, "limit of open files: %s", strerror(errno));
	if (l.rlim_max < 8192)
		return found(d, ADVICE, "LimitNOFILE=65536 in the unit of pued", "at most %llu open files: enough for about %llu devices", (unsigned long long)l.rlim_max,
			     (unsigned long long)(l.rlim_max > 256 ? l.rlim_max - 256 : 0));
	return found(d, FINE, NULL, "up to %llu open files", (unsigned long long)l.rlim_max);
}

static const struct check { const char *name; enum finding (*run)(struct doctor *); } checks[] = {
	{ "clock", clock_synced }, { "state", state_directory }, { "disk", disk_room }, { "key", signing_key }, { "evidence", evidence },
	{ "statements", statements }, { "outbox", outbox }, { "limits", descriptors },
};

static void print(const struct ctl *ctl, const struct check *c, enum finding f, const struct doctor *d, bool first)
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
		buf_printf(&line, "%-7s %-9s ", marks[f], c->name);
		buf_plain(&line, d->text, strlen(d->text));
		if (d->fix[0])
			buf_printf(&line, "\n%-17s -> %s", "", d->fix);
	}
	puts(line.failed ? "" : line.data);
}

struct words { const char *state, *keys; };

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct doctor d = { .state = w->state };
	bool wrong = false;
	snprintf(d.keys, sizeof d.keys, "%s%s", w->keys ? w->keys : w->state, w->keys ? "" : "/keys");
	if (ctl->json)
		puts("[");
	for (size_t i = 0; i < countof(checks); i++) {
		enum finding f = checks[i].run(&d);
		wrong |= f == WRONG;
		print(ctl, &checks[i], f, &d, i == 0);
	}
	if (ctl->json)
		puts("]");
	return wrong ? 13 : 0;
}

static const struct ctl_option options[] = {
	OPT(FILE, "--state", "DIR", state, "存储目录", "the store", "/var/lib/pued"),
	OPT(FILE, "--keys", "DIR", keys, "签名密钥目录;默认存储目录下的 keys", "the signing keys; else those of the store"),
	{ NULL },
};

const struct verb verb_doctor = { "doctor", { "检查常见问题并给出修复命令", "what usually goes wrong, each finding with the command that fixes it" },
				  { "退出码: 0 正常, 13 有需要修复的问题", "Exit codes: 0 well, 13 something needs fixing" }, run, options, sizeof(struct words) };
