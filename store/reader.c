/* Reading a living store: many short snapshots, so that the WAL can always be folded back. */
#include "store/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_ROWS = 256, HASH_ROWS = 8192 };

static bool has_store(const char *dir, struct err *err)
{
	char path[4096];
	snprintf(path, sizeof path, "%s/evidence.db", dir);
	if (access(path, R_OK) == 0)
		return true;
	if (errno == EACCES)
		return err_set(err, ERR_DENIED, "%s: not readable by you; run this as the user of pued", path);
	return err_set(err, ERR_IO, "no evidence in %s yet; start pued, or name the state directory", dir);
}

struct reader *reader_open(const char *dir, struct err *err)
{
	struct reader *r = calloc(1, sizeof *r);
	if (!r) {
		err_memory(err);
		return NULL;
	}
	if (!has_store(dir, err)) {
		free(r);
		return NULL;
	}
	snprintf(r->dir, sizeof r->dir, "%s", dir);
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
	known_done(&r->known);
	db_close(&r->segment);
	db_close(&r->rollup);
	journal_close(&r->journal);
	evidence_close(&r->evidence);
	pthread_mutex_destroy(&r->mutex);
	free(r);
}

void reader_unlock(pthread_mutex_t **m)
{
	pthread_mutex_unlock(*m);
}

void reader_progress(struct reader *r, reader_progress_fn *fn, void *ctx)
{
	r->progress = fn;
	r->progress_ctx = ctx;
}

struct leaf_walk { int kind; struct wall from, to; leaf_fn *fn; void *ctx; int64_t next, last; bool stopped; };

static bool leaf_chunk(struct reader *r, struct leaf_walk *w, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	/* all but the intervals are few: by leaf_kind */
	bool few = w->kind > LEAF_INTERVAL;
	if (!query_init(&q, &r->evidence.db, few ? "SELECT ix,kind,at,bytes FROM leaf WHERE kind=? AND ix>=? AND ix<=? ORDER BY ix LIMIT ?"
						 : "SELECT ix,kind,at,bytes FROM leaf WHERE ix>=? AND ix<=? ORDER BY ix LIMIT ?", err))
		return false;
	if (few)
		query_int(&q, w->kind);
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

static bool hashes_chunk(struct reader *r, uint64_t *at, uint64_t n, struct hash *out, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	uint64_t first = *at;
	if (!query_init(&q, &r->evidence.db, "SELECT ix,hash FROM leaf INDEXED BY leaf_hash WHERE ix>=? AND ix<? ORDER BY ix LIMIT ?", err))
		return false;
	query_int(&q, (int64_t)first);
	query_int(&q, (int64_t)n);
	query_int(&q, HASH_ROWS);
	int code;
	while ((code = query_step(&q, err)) == 1 && (uint64_t)sqlite3_column_int64(q.stmt, 0) == *at && sqlite3_column_bytes(q.stmt, 1) == HASH_LEN)
		memcpy(out[(*at)++].bytes, sqlite3_column_blob(q.stmt, 1), HASH_LEN);
	if (code < 0)
		return false;
	return (code == 0 && *at > first) || err_set(err, ERR_EVIDENCE, "evidence leaf %llu is missing or altered; run puectl verify --store", (unsigned long long)*at);
}

bool reader_leaf_hashes(struct reader *r, uint64_t n, struct hash *out, struct err *err)
{
	LOCKED(r);
	for (uint64_t at = 0; at < n;)
		if (!hashes_chunk(r, &at, n, out, err))
			return false;
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
