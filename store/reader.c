/* Reading a living store: many short snapshots, so that the WAL can always be folded back. */
#include "store/impl.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_ROWS = 256 };

struct reader { struct evidence evidence; struct journal journal; pthread_mutex_t mutex; };

struct reader *reader_open(const char *dir, struct err *err)
{
	struct reader *r = calloc(1, sizeof *r);
	if (!r) {
		err_memory(err);
		return NULL;
	}
	if (evidence_open(&r->evidence, dir, NULL, true, 0, err)) {
		if (journal_open(&r->journal, dir, NULL, true, err)) {
			pthread_mutex_init(&r->mutex, NULL);
			return r;
		}
		evidence_close(&r->evidence);
	}
	free(r);
	return NULL;
}

void reader_close(struct reader *r)
{
	if (!r)
		return;
	journal_close(&r->journal);
	evidence_close(&r->evidence);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

static void unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}
#define LOCKED(r) CLEANUP(unlock) pthread_mutex_t *held = &(r)->mutex; pthread_mutex_lock(held)

struct leaf_walk { int kind; struct wall from, to; leaf_fn *fn; void *ctx; int64_t next, last; bool stopped; };

static bool leaf_chunk(struct reader *r, struct leaf_walk *w, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &r->evidence.db, "SELECT ix,kind,at,bytes FROM leaf WHERE ix>=? AND ix<=? ORDER BY ix LIMIT ?", err))
		return false;
	query_int(&q, w->next);
	query_int(&q, w->last);
	query_int(&q, CHUNK_ROWS);
	int code, n = 0;
	while (!w->stopped && (code = query_step(&q, err)) == 1) {
		int64_t ix = sqlite3_column_int64(q.stmt, 0), kind = sqlite3_column_int64(q.stmt, 1);
		struct wall at = { sqlite3_column_int64(q.stmt, 2) };
		w->next = ix + 1;
		n++;
		if ((w->kind < 0 || w->kind == kind) && at.ms >= w->from.ms && at.ms < w->to.ms)
			w->stopped = !w->fn(w->ctx, (uint64_t)ix, (enum leaf_kind)kind, at, sqlite3_column_blob(q.stmt, 3), (size_t)sqlite3_column_bytes(q.stmt, 3));
	}
	if (n < CHUNK_ROWS)
		w->next = INT64_MAX;
	return w->stopped || code == 0;
}

static bool leaf_bounds(struct reader *r, struct leaf_walk *w, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &r->evidence.db, "SELECT min(ix),max(ix) FROM leaf WHERE at>=? AND at<?", err))
		return false;
	query_int(&q, w->from.ms);
	query_int(&q, w->to.ms);
	int code = query_step(&q, err);
	bool none = code != 1 || sqlite3_column_type(q.stmt, 0) == SQLITE_NULL;
	w->next = none ? INT64_MAX : sqlite3_column_int64(q.stmt, 0);
	w->last = none ? -1 : sqlite3_column_int64(q.stmt, 1);
	return code >= 0;
}

bool reader_leaves(struct reader *r, int kind, struct wall from, struct wall to, leaf_fn *fn, void *ctx, struct err *err)
{
	struct leaf_walk w = { .kind = kind, .from = from, .to = to, .fn = fn, .ctx = ctx };
	LOCKED(r);
	if (!leaf_bounds(r, &w, err))
		return false;
	while (!w.stopped && w.next <= w.last)
		if (!leaf_chunk(r, &w, err))
			return false;
	return true;
}

bool reader_last(struct reader *r, enum leaf_kind kind, uint64_t *index, struct wall *at, struct err *err)
{
	LOCKED(r);
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &r->evidence.db, "SELECT ix,at FROM leaf WHERE kind=? ORDER BY ix DESC LIMIT 1", err))
		return false;
	query_int(&q, kind);
	int code = query_step(&q, err);
	if (code == 0)
		return err_set(err, ERR_RANGE, "the store has no %s yet", leaf_kind_name(kind));
	if (code != 1)
		return false;
	*index = (uint64_t)sqlite3_column_int64(q.stmt, 0);
	at->ms = sqlite3_column_int64(q.stmt, 1);
	return true;
}

bool reader_head(struct reader *r, struct merkle *out, uint64_t *epoch, struct err *err)
{
	struct evidence_state s;
	bool there;
	LOCKED(r);
	if (!evidence_state_read(&r->evidence.db, &s, &there, err))
		return false;
	if (!there)
		return err_set(err, ERR_EVIDENCE, "evidence.db has no state");
	*out = s.tree;
	*epoch = s.epoch;
	return true;
}

bool reader_leaf_hash(struct reader *r, uint64_t index, struct hash *out)
{
	LOCKED(r);
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &r->evidence.db, "SELECT hash FROM leaf WHERE ix=?", NULL))
		return false;
	query_int(&q, (int64_t)index);
	if (query_step(&q, NULL) != 1 || sqlite3_column_bytes(q.stmt, 0) != HASH_LEN)
		return false;
	memcpy(out->bytes, sqlite3_column_blob(q.stmt, 0), HASH_LEN);
	return true;
}

static bool bytes_rows(struct reader *r, const char *sql, reader_bytes_fn *fn, void *ctx, struct err *err)
{
	LOCKED(r);
	int64_t after = -1;
	for (bool more = true; more;) {
		CLEANUP(query_done) struct query q = { 0 };
		if (!query_init(&q, &r->evidence.db, sql, err))
			return false;
		query_int(&q, after);
		query_int(&q, CHUNK_ROWS);
		int code, n = 0;
		while ((code = query_step(&q, err)) == 1) {
			n++;
			after = sqlite3_column_int64(q.stmt, 0);
			if (!fn(ctx, (uint64_t)after, (struct wall){ sqlite3_column_int64(q.stmt, 1) }, sqlite3_column_blob(q.stmt, 2), (size_t)sqlite3_column_bytes(q.stmt, 2)))
				return true;
		}
		if (code < 0)
			return false;
		more = n == CHUNK_ROWS;
	}
	return true;
}

bool reader_signed_heads(struct reader *r, reader_bytes_fn *fn, void *ctx, struct err *err)
{
	return bytes_rows(r, "SELECT size,at,jws FROM head WHERE size>? ORDER BY size LIMIT ?", fn, ctx, err);
}

bool reader_reports(struct reader *r, reader_bytes_fn *fn, void *ctx, struct err *err)
{
	return bytes_rows(r, "SELECT seq,at,payload FROM outbox WHERE seq>? ORDER BY seq LIMIT ?", fn, ctx, err);
}

struct give_series { series_fn *fn; void *ctx; };

static bool give_series(void *ctx, const struct stored_series *s)
{
	struct give_series *g = ctx;
	return g->fn(g->ctx, s->id, &s->s);
}

bool reader_series(struct reader *r, series_fn *fn, void *ctx, struct err *err)
{
	LOCKED(r);
	return journal_series(&r->journal, give_series, &(struct give_series){ fn, ctx }, err);
}

/* Numbers of an id. */
struct sids { const char *id; uint32_t list[64]; size_t n; };

static bool match(void *ctx, const struct stored_series *s)
{
	struct sids *m = ctx;
	if (strcmp(m->id, s->id) == 0 && m->n < countof(m->list))
		m->list[m->n++] = s->sid;
	return true;
}

struct pick { uint32_t sid; struct wall from, to; store_sample_fn *fn; void *ctx; bool stopped; };

static bool pick(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct pick *p = ctx;
	for (size_t i = 0; i < n && !p->stopped; i++)
		if (samples[i].series == p->sid && samples[i].at.wall.ms >= p->from.ms && samples[i].at.wall.ms < p->to.ms)
			p->stopped = !p->fn(p->ctx, &samples[i], 1, now);
	return !p->stopped;
}

bool reader_history(struct reader *r, const char *series_id, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err)
{
	struct sids ids = { .id = series_id };
	LOCKED(r);
	if (!journal_series(&r->journal, match, &ids, err))
		return false;
	if (ids.n == 0)
		return err_set(err, ERR_INPUT, "no series '%s' in this store; puectl history without a name lists them", series_id);
	bool stopped = false;
	for (size_t i = 0; i < ids.n && !stopped; i++) {
		struct pick p = { .sid = ids.list[i], .from = from, .to = to, .fn = fn, .ctx = ctx };
		struct journal_range range = { .since = from, .until = to, .shard = ids.list[i] >> SHARD_BITS };
		if (!journal_read(&r->journal, range, pick, &p, err))
			return false;
		stopped = p.stopped;
	}
	return true;
}

struct numbered { numbered_series_fn *fn; void *ctx; };

static bool give_numbered(void *ctx, const struct stored_series *s)
{
	struct numbered *g = ctx;
	return g->fn(g->ctx, s->sid, &s->s);
}

bool reader_numbered_series(struct reader *r, numbered_series_fn *fn, void *ctx, struct err *err)
{
	LOCKED(r);
	return journal_series(&r->journal, give_numbered, &(struct numbered){ fn, ctx }, err);
}

bool reader_readings(struct reader *r, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err)
{
	LOCKED(r);
	return journal_read(&r->journal, (struct journal_range){ .since = from, .until = to, .shard = -1 }, fn, ctx, err);
}
