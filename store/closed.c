#include "store/closed.h"
#include "core/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEP_BYTES = 4 << 20, TOLD_MAX = 256 };

struct told { char segment[SEGMENT_NAME]; bool closed, dropped, full; };
struct closing {
	char dir[3900];
	const char *vfs;
	closing_tell_fn *tell;
	void *ctx;
	struct told told[TOLD_MAX];             /* in this run */
	size_t n_told;
	int fd;                                 /* of the segment being hashed; -1: none */
	struct month month;
	struct digest *digest;
	uint64_t bytes;
};

struct closing *closing_new(const char *dir, const char *vfs, closing_tell_fn *tell, void *ctx)
{
	struct closing *c = calloc(1, sizeof *c);
	if (c) {
		*c = (struct closing){ .vfs = vfs, .tell = tell, .ctx = ctx, .fd = -1 };
		snprintf(c->dir, sizeof c->dir, "%s", dir);
	}
	return c;
}

static void stop(struct closing *c)
{
	if (c->fd >= 0)
		close(c->fd);
	digest_free(c->digest);
	c->fd = -1;
	c->digest = NULL;
}

void closing_free(struct closing *c)
{
	if (c)
		stop(c);
	free(c);
}

/* Months are few; when the list is full (20 years in one run) the oldest is told again at worst. */
static struct told *told(struct closing *c, const char *segment)
{
	for (size_t i = 0; i < c->n_told; i++)
		if (strcmp(c->told[i].segment, segment) == 0)
			return &c->told[i];
	struct told *t = &c->told[c->n_told < TOLD_MAX ? c->n_told++ : 0];
	*t = (struct told){ .closed = false };
	snprintf(t->segment, sizeof t->segment, "%s", segment);
	return t;
}

void closing_dropped(struct closing *c, const char *segment)
{
	if (c)
		told(c, segment)->full = true;
}

/* What evidence.db says of a month: its leaves bear the month's end as their time. */
struct said { bool closed, dropped; };

static bool said_of(struct evidence *e, const struct month *m, struct said *out, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	*out = (struct said){ .closed = false };
	if (!query_init(&q, &e->db, "SELECT bytes FROM leaf WHERE at=? AND kind=?", err))
		return false;
	query_int(&q, m->to.ms);
	query_int(&q, LEAF_SEGMENT);
	int code;
	while ((code = query_step(&q, err)) == 1) {
		struct closed_leaf l;
		if (!closed_leaf_get(sqlite3_column_blob(q.stmt, 0), (size_t)sqlite3_column_bytes(q.stmt, 0), &l) || strcmp(l.month.segment, m->segment) != 0)
			continue;
		out->closed |= !l.dropped;
		out->dropped |= l.dropped;
	}
	return code == 0;
}

static bool tell(struct closing *c, const struct closed_leaf *l, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	closed_leaf_put(l, &text);
	if (text.failed || !c->tell(c->ctx, l->month.to, text.data, text.len))
		return err_memory(err);
	struct told *t = told(c, l->month.segment);
	t->closed |= !l->dropped;
	t->dropped |= l->dropped;
	return true;
}

static bool tell_dropped(struct closing *c, const struct month *m, const char *reason, struct err *err)
{
	struct closed_leaf l = { .month = *m, .dropped = true };
	snprintf(l.reason, sizeof l.reason, "%s", reason);
	return tell(c, &l, err);
}

static void path_of(const struct closing *c, const struct month *m, char path[4200])
{
	snprintf(path, 4200, "%s/%s", c->dir, m->segment);
}

static bool begin_hash(struct closing *c, const struct month *m, struct err *err)
{
	char path[4200];
	path_of(c, m, path);
	c->month = *m;
	c->bytes = 0;
	c->digest = digest_new();
	c->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (c->fd >= 0 && c->digest)
		return true;
	stop(c);
	return err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
}

static bool end_hash(struct closing *c, struct db *rollup, struct err *err)
{
	struct closed_leaf l = { .month = c->month, .bytes = c->bytes };
	struct digest *d = c->digest;
	c->digest = NULL;
	stop(c);
	return (digest_end(d, &l.file) || err_memory(err)) && rollups_hash(rollup, &l.month, &l.rollups, err) && tell(c, &l, err);
}

static bool hash_some(struct closing *c, struct db *rollup, struct err *err)
{
	uint8_t *block = malloc(STEP_BYTES);
	ssize_t n = block ? read(c->fd, block, STEP_BYTES) : -1;
	bool good = n >= 0 || err_set(err, ERR_IO, "%s: %s", c->month.segment, block ? strerror(errno) : "out of memory");
	if (good && n > 0) {
		digest_add(c->digest, block, (size_t)n);
		c->bytes += (uint64_t)n;
	}
	free(block);
	if (!good)
		stop(c);
	return good && (n > 0 || end_hash(c, rollup, err));
}

/* One month: closed, then wanted gone and said so, then gone. */
static bool one_month(struct closing *c, struct evidence *e, const struct month *m, bool expired, struct err *err)
{
	char path[4200];
	struct stat st;
	struct said said;
	struct told *t = told(c, m->segment);
	path_of(c, m, path);
	bool there = stat(path, &st) == 0 || errno != ENOENT;
	if (!said_of(e, m, &said, err))
		return false;
	if (!there)
		return said.dropped || t->dropped || tell_dropped(c, m, t->full ? "disk full" : "missing", err);
	if (!said.closed)
		return t->closed || begin_hash(c, m, err);
	if (!expired)
		return true;
	if (!said.dropped)
		return t->dropped || tell_dropped(c, m, "retention", err);
	return unlink(path) == 0 || errno == ENOENT || err_set(err, ERR_IO, "%s: cannot be dropped: %s", path, strerror(errno));
}

bool closing_step(struct closing *c, struct evidence *e, struct wall expire, bool *more, struct err *err)
{
	struct db rollup = { .sql = NULL };
	struct month *months = NULL;
	char before[SEGMENT_NAME];
	size_t n = 0;
	*more = false;
	if (c->vfs || (c->fd < 0 && !db_there(c->dir, "rollup.db")))
		return true;            /* files of another VFS are nothing that can be hashed */
	if (!db_open(&rollup, c->dir, "rollup.db", c->vfs, true, &segment_schema, err))
		return false;
	segment_name(expire, before);
	bool good = c->fd >= 0 ? hash_some(c, &rollup, err) : months_list(&rollup, &months, &n, err);
	for (size_t i = 0; good && i + 1 < n && c->fd < 0; i++)
		good = one_month(c, e, &months[i], expire.ms != INT64_MIN && strcmp(months[i].segment, before) < 0, err);
	*more = good && c->fd >= 0;
	db_close(&rollup);
	free(months);
	return good;
}
