/* An hour of journal rows becomes one window of blocks, in one transaction. */
#include "store/window.h"

#include <stdlib.h>
#include <string.h>

enum { HOUR_MS = 3600000, GRACE_MS = 300000, PASS_SAMPLES = 500000 };

struct run { struct sample *s; size_t n, room; };
struct gather { struct run runs[SHARD_SERIES]; size_t counts[SHARD_SERIES], first, end; bool counting, failed; };

static bool gather_sample(void *ctx, uint64_t position, const struct sample *s)
{
	struct gather *g = ctx;
	size_t low = s->series;
	struct run *r = &g->runs[low];
	(void)position;
	if (g->counting) {
		g->counts[low]++;
		return true;
	}
	if (low < g->first || low >= g->end)
		return true;
	if (r->n == r->room) {
		size_t room = g->counts[low];
		struct sample *more = realloc(r->s, room * sizeof *more);
		if (!more || room <= r->n) {
			g->failed = true;
			return false;
		}
		r->s = more;
		r->room = room;
	}
	r->s[r->n++] = *s;
	return true;
}

/* The rows of one shard alone, in order: a series' samples need no merging with other shards. */
static bool shard_rows(struct journal *j, struct gather *g, uint64_t shard, uint64_t first, uint64_t cut, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	int64_t *last = calloc(SHARD_SERIES, sizeof *last);
	bool good = (last || err_memory(err)) && query_init(&q, &j->db, "SELECT body FROM journal WHERE key=?", err);
	for (uint64_t no = first; good && no < cut; no++) {
		int64_t key = (int64_t)(no << SHARD_KEY_BITS | shard);
		query_reset(&q);
		query_int(&q, key);
		int code = query_step(&q, err);
		good = code >= 0;
		if (code != 1)
			continue;
		size_t len = (size_t)sqlite3_column_bytes(q.stmt, 0);
		const void *bytes = sqlite3_column_blob(q.stmt, 0);
		good = (body_good(key, bytes, &len) || err_set(err, ERR_EVIDENCE, "journal.db: row %lld does not fit its checksum", (long long)key)) &&
		       row_read(bytes, len, last, gather_sample, g, err) && !g->failed;
	}
	free(last);
	return good && (!g->failed || err_memory(err));
}

static void gather_free(struct gather *g)
{
	for (size_t i = 0; g && i < SHARD_SERIES; i++)
		free(g->runs[i].s);
	free(g);
}

static void gather_reset(struct gather *g)
{
	for (size_t i = 0; i < SHARD_SERIES; i++) {
		free(g->runs[i].s);
		g->runs[i] = (struct run){ 0 };
	}
}

static bool seal_shard(struct journal *j, struct window_writer *w, uint64_t shard, uint64_t cut, struct gather *g, struct err *err)
{
	memset(g->counts, 0, sizeof g->counts);
	g->counting = true;
	if (!shard_rows(j, g, shard, w->w.id, cut, err))
		return false;
	g->counting = false;
	for (g->first = 0; g->first < SHARD_SERIES; g->first = g->end) {
		size_t sum = 0;
		for (g->end = g->first; g->end < SHARD_SERIES && (g->end == g->first || sum + g->counts[g->end] <= PASS_SAMPLES); g->end++)
			sum += g->counts[g->end];
		if (sum == 0)
			continue;
		if (!shard_rows(j, g, shard, w->w.id, cut, err))
			return false;
		for (size_t i = g->first; i < g->end; i++)
			if (!window_add(w, (uint32_t)(shard << SHARD_BITS | i), g->runs[i].s, g->runs[i].n, err))
				return false;
		gather_reset(g);
	}
	return true;
}

static bool shards_before(struct journal *j, uint64_t cut, uint64_t **list, size_t *n, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &j->db, "SELECT DISTINCT key & 65535 FROM journal WHERE key<? ORDER BY 1", err))
		return false;
	query_int(&q, (int64_t)(cut << SHARD_KEY_BITS));
	int code;
	while ((code = query_step(&q, err)) == 1) {
		uint64_t *more = realloc(*list, (*n + 1) * sizeof *more);
		if (!more)
			return err_memory(err);
		*list = more;
		more[(*n)++] = (uint64_t)sqlite3_column_int64(q.stmt, 0);
	}
	return code == 0;
}

/* The ticks [first, cut) as a window without its blocks. */
static bool frame(struct journal *j, uint64_t cut, struct window *w, uint64_t *next_position, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &j->db, "SELECT min(no),max(no),min(position),max(position+n),min(wall_from),max(wall_to) FROM tick WHERE no<?", err))
		return false;
	query_int(&q, (int64_t)cut);
	if (query_step(&q, err) != 1)
		return false;
	*w = (struct window){ .id = (uint64_t)sqlite3_column_int64(q.stmt, 0), .id_to = (uint64_t)sqlite3_column_int64(q.stmt, 1), .position = (uint64_t)sqlite3_column_int64(q.stmt, 2),
			      .from = { sqlite3_column_int64(q.stmt, 4) }, .to = { sqlite3_column_int64(q.stmt, 5) } };
	*next_position = (uint64_t)sqlite3_column_int64(q.stmt, 3);
	return true;
}

static bool run_with(struct db *d, const char *sql, int64_t a, int64_t b, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, d, sql, err))
		return false;
	query_int(&q, a);
	if (sqlite3_bind_parameter_count(q.stmt) > 1)
		query_int(&q, b);
	return query_run(&q, err);
}

static bool seal(struct journal *j, uint64_t cut, struct err *err)
{
	struct gather *g = calloc(1, sizeof *g);
	struct window_writer w = { .db = NULL };
	struct window at;
	uint64_t *shards = NULL, position;
	size_t n = 0;
	bool good = (g || err_memory(err)) && frame(j, cut, &at, &position, err) && window_begin(&w, &j->db, at, false, err) && shards_before(j, cut, &shards, &n, err);
	for (size_t i = 0; good && i < n; i++)
		good = seal_shard(j, &w, shards[i], cut, g, err);
	good = good && window_end(&w, err) && run_with(&j->db, "DELETE FROM journal WHERE key<?", (int64_t)(cut << SHARD_KEY_BITS), 0, err) &&
	       run_with(&j->db, "DELETE FROM tick WHERE no<?", (int64_t)cut, 0, err) &&
	       run_with(&j->db, "UPDATE state SET no=?,position=?", (int64_t)at.id_to, (int64_t)position, err);
	window_writer_done(&w);
	gather_free(g);
	free(shards);
	return good;
}

bool seal_hour(struct journal *j, uint64_t checkpoint_position, bool *did, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	int64_t newest, first, last;
	*did = false;
	if (!db_number(&j->db, "SELECT max(wall_to) FROM tick", INT64_MIN, &newest, err) || !db_number(&j->db, "SELECT min(no) FROM tick", -1, &first, err))
		return false;
	if (first < 0 || newest < HOUR_MS)
		return true;
	int64_t hour = (newest - GRACE_MS) / HOUR_MS * HOUR_MS;
	if (!query_init(&q, &j->db, "SELECT max(no) FROM tick WHERE wall_to<? AND position+n<=?", err))
		return false;
	query_int(&q, hour);
	query_int(&q, (int64_t)checkpoint_position);
	if (query_step(&q, err) != 1)
		return false;
	last = sqlite3_column_type(q.stmt, 0) == SQLITE_NULL ? -1 : sqlite3_column_int64(q.stmt, 0);
	query_reset(&q);
	int64_t cut = (last + 1) / CHAIN_TICKS * CHAIN_TICKS;
	if (cut <= first)
		return true;
	*did = db_exec(&j->db, "BEGIN IMMEDIATE", err) && seal(j, (uint64_t)cut, err) && db_exec(&j->db, "COMMIT", err);
	if (!*did)
		sqlite3_exec(j->db.sql, "ROLLBACK", NULL, NULL, NULL);
	return *did;
}
