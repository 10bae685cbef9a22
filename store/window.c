#include "store/window.h"

#include <stdlib.h>
#include <string.h>

static const char version_1[] = WINDOW_TABLES;
static const char *const steps[] = { version_1 };
/* Large pages waste less behind bodies of 2 kB; a rollup has 400 bytes, of which one is read at a time. */
const struct db_schema segment_schema = { steps, countof(steps), 32768, true }, rollup_schema = { steps, countof(steps), 0, true };

void window_sum(const struct window *w, uint8_t out[BODY_SUM])
{
	const struct tick_columns c = { w->id, w->id_to, w->position, { (int64_t)w->n }, w->from };
	const uint64_t rest[] = { (uint64_t)w->to.ms, w->blocks, w->stamps };
	uint8_t bytes[sizeof rest];
	for (size_t i = 0; i < sizeof rest; i++)
		bytes[i] = (uint8_t)(rest[i / 8] >> (56 - 8 * (i % 8)));
	tick_sum(&c, bytes, sizeof bytes, out);
}

bool window_begin(struct window_writer *w, struct db *db, struct window at, bool tight, struct err *err)
{
	*w = (struct window_writer){ .db = db, .w = at, .tight = tight };
	return query_init(&w->block, db, "INSERT OR REPLACE INTO block(key,body) VALUES(?,?)", err) &&
	       query_init(&w->stamps, db, "INSERT OR REPLACE INTO stamps(key,body) VALUES(?,?)", err);
}

static bool put_body(struct query *q, int64_t key, struct buf *body, struct err *err)
{
	uint8_t sum[BODY_SUM];
	body_sum(key, body->data, body->len, sum);
	buf_add(body, sum, sizeof sum);
	if (body->failed)
		return err_memory(err);
	query_int(q, key);
	query_blob(q, body->data, body->len);
	bool good = query_run(q, err);
	buf_reset(body);
	return good;
}

static bool share(struct window_writer *w, const struct sample *s, size_t n, uint64_t *number, struct err *err)
{
	for (size_t i = 0; i < countof(w->recent); i++) {
		const struct shared *r = &w->recent[i];
		if (r->s && r->n == n && r->s[0].at.wall.ms == s[0].at.wall.ms && r->s[n - 1].at.wall.ms == s[n - 1].at.wall.ms && stamps_same(r->s, s, n)) {
			*number = r->number;
			return true;
		}
	}
	struct shared *r = &w->recent[w->next_recent++ % countof(w->recent)];
	struct sample *copy = realloc(r->s, n * sizeof *copy);
	if (!copy)
		return err_memory(err);
	memcpy(copy, s, n * sizeof *copy);
	*r = (struct shared){ copy, n, w->w.stamps };
	*number = w->w.stamps++;
	stamps_put(s, n, w->tight, &w->scratch);
	return put_body(&w->stamps, (int64_t)(w->w.id << WINDOW_KEY_BITS | *number), &w->scratch, err);
}

bool window_add(struct window_writer *w, uint32_t sid, const struct sample *s, size_t n, struct err *err)
{
	uint64_t number = 0;
	if (n == 0)
		return true;
	if (n > BLOCK_MAX)
		return err_set(err, ERR_INTERNAL, "series %u: %zu samples are too many for one block", sid, n);
	if (!share(w, s, n, &number, err))
		return false;
	block_put(s, n, number, w->tight, &w->scratch);
	return window_add_body(w, sid, &w->scratch, n, err);
}

bool window_add_body(struct window_writer *w, uint32_t sid, struct buf *body, size_t n, struct err *err)
{
	w->w.blocks++;
	w->w.n += n;
	return put_body(&w->block, (int64_t)(w->w.id << WINDOW_KEY_BITS | sid), body, err);
}

bool window_end(struct window_writer *w, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	uint8_t sum[BODY_SUM];
	window_sum(&w->w, sum);
	if (!query_init(&q, w->db, "INSERT OR REPLACE INTO window(id,id_to,position,n,wall_from,wall_to,blocks,stamps,sum) VALUES(?,?,?,?,?,?,?,?,?)", err))
		return false;
	const int64_t numbers[] = { (int64_t)w->w.id, (int64_t)w->w.id_to, (int64_t)w->w.position, (int64_t)w->w.n, w->w.from.ms, w->w.to.ms,
				    (int64_t)w->w.blocks, (int64_t)w->w.stamps };
	for (size_t i = 0; i < countof(numbers); i++)
		query_int(&q, numbers[i]);
	query_blob(&q, sum, sizeof sum);
	return query_run(&q, err);
}

void window_writer_done(struct window_writer *w)
{
	query_done(&w->block);
	query_done(&w->stamps);
	for (size_t i = 0; i < countof(w->recent); i++)
		free(w->recent[i].s);
	buf_done(&w->scratch);
	*w = (struct window_writer){ .db = NULL };
}

bool window_list(struct db *db, window_list_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, db, "SELECT id,id_to,position,n,wall_from,wall_to,blocks,stamps,sum FROM window ORDER BY id", err))
		return false;
	int code;
	while ((code = query_step(&q, err)) == 1) {
		struct window w = { (uint64_t)sqlite3_column_int64(q.stmt, 0), (uint64_t)sqlite3_column_int64(q.stmt, 1), (uint64_t)sqlite3_column_int64(q.stmt, 2),
				    (uint64_t)sqlite3_column_int64(q.stmt, 3), { sqlite3_column_int64(q.stmt, 4) }, { sqlite3_column_int64(q.stmt, 5) },
				    (uint64_t)sqlite3_column_int64(q.stmt, 6), (uint64_t)sqlite3_column_int64(q.stmt, 7) };
		uint8_t sum[BODY_SUM];
		window_sum(&w, sum);
		if (sqlite3_column_bytes(q.stmt, 8) != BODY_SUM || memcmp(sqlite3_column_blob(q.stmt, 8), sum, BODY_SUM) != 0)
			return err_set(err, ERR_EVIDENCE, "%s: window %llu does not fit its sum", db->name, (unsigned long long)w.id);
		if (!fn(ctx, &w))
			return true;
	}
	return code == 0;
}

bool window_reader_init(struct window_reader *r, struct db *db, struct err *err)
{
	*r = (struct window_reader){ .db = db, .cached_key = -1 };
	return query_init(&r->block, db, "SELECT body FROM block WHERE key=?", err) && query_init(&r->stamps, db, "SELECT body FROM stamps WHERE key=?", err);
}

void window_reader_done(struct window_reader *r)
{
	query_done(&r->block);
	query_done(&r->stamps);
	free(r->cached);
	*r = (struct window_reader){ .db = NULL };
}

/* 1: there, 0: not, -1: failed.  *bytes lives until the query is reset. */
static int body_at(struct query *q, int64_t key, const void **bytes, size_t *len, const char *what, struct err *err)
{
	query_reset(q);
	query_int(q, key);
	int code = query_step(q, err);
	if (code != 1)
		return code;
	*bytes = sqlite3_column_blob(q->stmt, 0);
	*len = (size_t)sqlite3_column_bytes(q->stmt, 0);
	if (body_good(key, *bytes, len))
		return 1;
	err_set(err, ERR_EVIDENCE, "%s: %s %lld of window %lld does not fit its checksum", q->d->name, what, (long long)(key & UINT32_MAX), (long long)(key >> WINDOW_KEY_BITS));
	return -1;
}

static bool load_stamps(struct window_reader *r, int64_t key, struct err *err)
{
	const void *bytes;
	size_t len;
	uint64_t n;
	if (r->cached_key == key)
		return true;
	int code = body_at(&r->stamps, key, &bytes, &len, "stamps", err);
	if (code != 1)
		return code < 0 ? false : err_set(err, ERR_EVIDENCE, "%s: stamps of key %lld are missing", r->db->name, (long long)key);
	if (!stamps_count(bytes, len, &n, err))
		return false;
	struct sample *s = realloc(r->cached, (n + 1) * sizeof *s);
	if (!s)
		return err_memory(err);
	r->cached = s;
	r->n_cached = n;
	r->cached_key = -1;
	bool good = stamps_get(bytes, len, s, n, err);
	query_reset(&r->stamps);
	if (good)
		r->cached_key = key;
	return good;
}

static bool decode_series(struct window_reader *r, uint64_t id, uint32_t sid, const void *bytes, size_t len, struct sample **s, size_t *n, struct err *err)
{
	struct block_head head;
	if (!block_head(bytes, len, &head, err) || !load_stamps(r, (int64_t)(id << WINDOW_KEY_BITS | head.stamps), err))
		return false;
	if (head.n != r->n_cached)
		return err_set(err, ERR_EVIDENCE, "%s: series %u of window %llu has other stamps", r->db->name, sid, (unsigned long long)id);
	struct sample *more = realloc(*s, (head.n + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	*s = more;
	for (size_t i = 0; i < head.n; i++) {
		more[i] = r->cached[i];
		more[i].series = sid;
	}
	*n = head.n;
	return block_get(bytes, len, more, head.n, err);
}

bool window_series(struct window_reader *r, uint64_t id, uint32_t sid, struct sample **s, size_t *n, struct err *err)
{
	const void *bytes;
	size_t len;
	*n = 0;
	int code = body_at(&r->block, (int64_t)(id << WINDOW_KEY_BITS | sid), &bytes, &len, "series", err);
	bool good = code == 1 ? decode_series(r, id, sid, bytes, len, s, n, err) : code == 0;
	query_reset(&r->block);         /* no snapshot is held while the caller looks at the samples */
	return good;
}

/* Series of a device have about as many samples up to some time: in steps, so that they share their stamps. */
static size_t some(size_t k, size_t n)
{
	enum { AT_A_TIME = 64 };
	return k < n && n - k > AT_A_TIME ? (k / AT_A_TIME + 1) * AT_A_TIME : n;
}

static bool load_walls(struct window_reader *r, int64_t key, size_t k, size_t n, struct err *err)
{
	const void *bytes;
	size_t len;
	uint64_t have;
	if (r->cached_key == key && r->n_cached >= k)
		return true;
	int code = body_at(&r->stamps, key, &bytes, &len, "stamps", err);
	if (code != 1)
		return code < 0 ? false : err_set(err, ERR_EVIDENCE, "%s: stamps of key %lld are missing", r->db->name, (long long)key);
	if (!stamps_count(bytes, len, &have, err))
		return false;
	if (have != n)
		return err_set(err, ERR_EVIDENCE, "%s: a series of window %lld has other stamps", r->db->name, (long long)(key >> WINDOW_KEY_BITS));
	struct sample *s = realloc(r->cached, (k + 1) * sizeof *s);
	if (!s)
		return err_memory(err);
	r->cached = s;
	r->cached_key = -1;
	bool good = stamps_first(bytes, len, s, k, err);
	query_reset(&r->stamps);
	r->n_cached = good ? k : 0;
	r->cached_key = good ? key : -1;
	return good;
}

static bool decode_first(struct window_reader *r, uint64_t id, uint32_t sid, const void *bytes, size_t len, size_t k, struct sample **s, size_t *n, struct err *err)
{
	struct block_head head;
	if (!block_head(bytes, len, &head, err))
		return false;
	k = some(k, (size_t)head.n);
	if (!load_walls(r, (int64_t)(id << WINDOW_KEY_BITS | head.stamps), k, (size_t)head.n, err))
		return false;
	struct sample *more = realloc(*s, (k + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	*s = more;
	memcpy(more, r->cached, k * sizeof *more);
	for (size_t i = 0; i < k; i++)
		more[i].series = sid;
	*n = k;
	return block_first(bytes, len, more, (size_t)head.n, k, err);
}

bool window_first(struct window_reader *r, uint64_t id, uint32_t sid, size_t k, struct sample **s, size_t *n, struct err *err)
{
	const void *bytes;
	size_t len;
	*n = 0;
	int code = body_at(&r->block, (int64_t)(id << WINDOW_KEY_BITS | sid), &bytes, &len, "series", err);
	bool good = code == 1 ? decode_first(r, id, sid, bytes, len, k, s, n, err) : code == 0;
	query_reset(&r->block);
	return good;
}

int window_body(struct window_reader *r, uint64_t id, uint32_t sid, const void **bytes, size_t *len, struct err *err)
{
	return body_at(&r->block, (int64_t)(id << WINDOW_KEY_BITS | sid), bytes, len, "series", err);
}
