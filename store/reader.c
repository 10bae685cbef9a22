/* Reading a living store: many short snapshots, so that the WAL can always be folded back. */
#include "store/impl.h"
#include "store/window.h"

#include <stdio.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CHUNK_ROWS = 256 };

struct reader { struct evidence evidence; struct journal journal; pthread_mutex_t mutex; char dir[3900]; };

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

/* Readings of some series (sids NULL: of all), from the segments, the sealed hours, and the journal, each once. */
struct walk {
	struct wall from, to;
	const struct sids *only;
	store_sample_fn *fn;
	void *ctx;
	struct db *db;
	uint64_t after;                 /* windows up to this id were given already */
	uint64_t last;
	bool stopped;
	struct sample *samples;
	struct err *err;
	bool failed;
};

static bool give(struct walk *w, const struct sample *s, size_t n, const struct stamp *now)
{
	for (size_t i = 0; i < n && !w->stopped; i++) {
		bool wanted = s[i].at.wall.ms >= w->from.ms && s[i].at.wall.ms < w->to.ms;
		for (size_t k = 0; wanted && w->only && k <= w->only->n; k++) {
			wanted = k < w->only->n;
			if (wanted && w->only->list[k] == s[i].series)
				break;
		}
		if (wanted)
			w->stopped = !w->fn(w->ctx, &s[i], 1, now ? *now : s[i].at);
	}
	return !w->stopped;
}

static bool give_batch(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	return give(ctx, samples, n, &now);
}

static bool list_of(struct walk *w, uint64_t id, struct sids *out)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, w->db, "SELECT key & 4294967295 FROM block WHERE key>? AND key<? ORDER BY key LIMIT ?", w->err))
		return false;
	query_int(&q, (int64_t)(id << WINDOW_KEY_BITS) + (out->n ? (int64_t)out->list[out->n - 1] : -1));
	query_int(&q, (int64_t)((id + 1) << WINDOW_KEY_BITS));
	query_int(&q, countof(out->list));
	int code;
	out->n = 0;
	while ((code = query_step(&q, w->err)) == 1)
		out->list[out->n++] = (uint32_t)sqlite3_column_int64(q.stmt, 0);
	return code == 0;
}

static bool window_walk(void *ctx, const struct window *at)
{
	struct walk *w = ctx;
	w->last = at->id_to > w->last ? at->id_to : w->last;
	if (at->id <= w->after || at->to.ms < w->from.ms || at->from.ms >= w->to.ms)
		return true;
	CLEANUP(window_reader_done) struct window_reader r;
	struct sids chunk = { .n = 0 };
	size_t n;
	w->failed = !window_reader_init(&r, w->db, w->err);
	do {
		if (!w->only && !w->failed)
			w->failed = !list_of(w, at->id, &chunk);
		const struct sids *list = w->only ? w->only : &chunk;
		for (size_t i = 0; i < list->n && !w->failed && !w->stopped; i++) {
			w->failed = !window_series(&r, at->id, list->list[i], &w->samples, &n, w->err);
			if (!w->failed)
				give(w, w->samples, n, NULL);
		}
	} while (!w->only && chunk.n && !w->failed && !w->stopped);
	return !w->failed && !w->stopped;
}

static bool walk_windows(struct walk *w, struct db *db)
{
	w->db = db;
	bool good = window_list(db, window_walk, w, w->err) && !w->failed;
	w->after = w->last > w->after ? w->last : w->after;
	return good;
}

static bool walk_segments(struct walk *w, const char *dir)
{
	char **names;
	size_t n = segment_list(dir, &names);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		struct db d;
		if (good && !w->stopped && (good = db_open(&d, dir, names[i], NULL, true, &segment_schema, w->err))) {
			good = walk_windows(w, &d);
			db_close(&d);
		}
		free(names[i]);
	}
	free(names);
	return good;
}

/* The journal's snapshot is taken first: what moves into a segment meanwhile is in both, and given once. */
static bool walk_all(struct reader *r, struct walk *w)
{
	int64_t any;
	if (!db_exec(&r->journal.db, "BEGIN", w->err))
		return false;
	bool good = db_number(&r->journal.db, "SELECT count(*) FROM window", 0, &any, w->err) && walk_segments(w, r->dir) &&
		    (w->stopped || walk_windows(w, &r->journal.db));
	struct journal_range range = { .since = w->from, .until = w->to, .shard = w->only && w->only->n ? (int64_t)(w->only->list[0] >> SHARD_BITS) : -1 };
	for (size_t i = 1; w->only && i < w->only->n; i++)
		if (w->only->list[i] >> SHARD_BITS != range.shard)
			range.shard = -1;
	good = good && (w->stopped || journal_read(&r->journal, range, give_batch, w, w->err));
	good = db_exec(&r->journal.db, "COMMIT", good ? w->err : NULL) && good;
	free(w->samples);
	return good;
}

bool reader_history(struct reader *r, const char *series_id, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err)
{
	struct sids ids = { .id = series_id };
	LOCKED(r);
	if (!journal_series(&r->journal, match, &ids, err))
		return false;
	if (ids.n == 0)
		return err_set(err, ERR_INPUT, "no series '%s' in this store; puectl history without a name lists them", series_id);
	struct walk w = { .from = from, .to = to, .only = &ids, .fn = fn, .ctx = ctx, .err = err };
	return walk_all(r, &w);
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
	struct walk w = { .from = from, .to = to, .fn = fn, .ctx = ctx, .err = err };
	return walk_all(r, &w);
}
