/* A recording of a device instead of the device: every request is answered from it at once, by the program's clock. */
#include "collectors/collector.h"
#include "core/script.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILE_MAX_BYTES = 64 << 20 };

struct pending { struct pending *next; struct target *target; const struct request *req; struct mono deadline; };

struct replays { struct collector_env env; struct pending *first, **end; };

struct target {
	struct replays *self;
	void *device;
	struct script *script;
	struct mono begun;
	struct target_stats stats;
	char file[256];
};

static void *replay_start(const struct collector_env *env, struct err *err)
{
	struct replays *s = calloc(1, sizeof *s);
	if (!s) {
		err_memory(err);
		return NULL;
	}
	s->env = *env;
	s->end = &s->first;
	return s;
}

static bool read_file(const char *path, struct buf *out, struct err *err)
{
	char part[65536];
	FILE *f = fopen(path, "re");
	if (!f)
		return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	for (size_t n; (n = fread(part, 1, sizeof part, f)) && out->len <= FILE_MAX_BYTES;)
		buf_add(out, part, n);
	bool bad = ferror(f);
	fclose(f);
	if (bad)
		return err_set(err, ERR_IO, "%s: cannot be read", path);
	return out->len <= FILE_MAX_BYTES ? !out->failed || err_memory(err) : err_set(err, ERR_INPUT, "%s: longer than 64 MiB", path);
}

static struct target *replay_attach(void *self, const struct endpoint *ep, void *device, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct replays *s = self;
	struct target *t = calloc(1, sizeof *t);
	if (!t) {
		err_memory(err);
		return NULL;
	}
	*t = (struct target){ .self = s, .device = device, .begun = s->env.clock.now(s->env.clock.ctx).boot };
	snprintf(t->file, sizeof t->file, "%s", ep->host);
	if (!read_file(ep->host, &text, err) || (!(t->script = script_new(text.data ? text.data : "", text.len, err)) && !err_wrap(err, "%s", ep->host))) {
		free(t);
		return NULL;
	}
	return t;
}

static void replay_submit(struct target *t, const struct request *req, struct mono deadline)
{
	struct pending *p = calloc(1, sizeof *p);
	if (!p)
		return;
	*p = (struct pending){ .target = t, .req = req, .deadline = deadline };
	t->stats.requests++;
	*t->self->end = p;
	t->self->end = &p->next;
}

static void silent(const struct pending *p, struct stamp now, struct reading *out)
{
	*out = (struct reading){ .request = p->req, .at = now, .reason = REASON_TIMEOUT };
	err_set(&out->err, ERR_UNAVAILABLE, "%s: silent at this time of the recording", p->target->file);
}

/* Takes out and answers what can be: the sink may submit more, which is answered in the same pass. */
static void answer(struct replays *s, struct stamp now)
{
	for (struct pending **at = &s->first, *p; (p = *at);) {
		struct target *t = p->target;
		struct replica *r = script_at(t->script, now.boot.ms - t->begun.ms);
		struct reading out;
		if (!r && now.boot.ms < p->deadline.ms) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		if (!p->next)
			s->end = at;
		if (r)
			replica_answer(r, p->req, now, &out);
		else
			silent(p, now, &out);
		if (r && out.reason != REASON_NONE)
			err_wrap(&out.err, "%s", t->file);
		t->stats.answers += out.reason == REASON_NONE;
		t->stats.timeouts += out.reason == REASON_TIMEOUT;
		t->stats.errors += out.reason == REASON_EXCEPTION;
		free(p);
		s->env.sink(s->env.ctx, t->device, &out);
		at = &s->first;                  /* the list may be another one now */
	}
}

static void replay_flush(void *self)
{
	struct replays *s = self;
	answer(s, s->env.clock.now(s->env.clock.ctx));
}

static void replay_expire(void *self, struct mono now)
{
	(void)now;
	replay_flush(self);
}

static struct mono replay_next(void *self)
{
	const struct replays *s = self;
	struct mono next = { INT64_MAX };
	for (const struct pending *p = s->first; p; p = p->next)
		next.ms = p->deadline.ms < next.ms ? p->deadline.ms : next.ms;
	return next;
}

static void replay_stats(const struct target *t, struct target_stats *out)
{
	*out = t->stats;
}

static void replay_detach(struct target *t)
{
	struct replays *s = t->self;
	for (struct pending **at = &s->first, *p; (p = *at);) {
		if (p->target != t) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		free(p);
	}
	s->end = &s->first;
	while (*s->end)
		s->end = &(*s->end)->next;
	script_free(t->script);
	free(t);
}

static void replay_stop(void *self)
{
	struct replays *s = self;
	for (struct pending *p = s ? s->first : NULL, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	free(s);
}

static const char *const schemes[] = { "replay", NULL };
const struct collector_ops replay = {
	.schemes = schemes, .start = replay_start, .attach = replay_attach, .submit = replay_submit, .flush = replay_flush, .expire = replay_expire,
	.next = replay_next, .stats = replay_stats, .detach = replay_detach, .stop = replay_stop,
};
