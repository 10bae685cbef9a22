/* The journal read back: ticks in order, the rows of all shards merged by position. */
#include "store/journal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct chain { int64_t last[SHARD_SERIES]; };

struct merge {
	struct journal_range range;
	store_sample_fn *fn;
	void *ctx;
	struct chain **chains;          /* by shard */
	size_t n_chains;
	struct sample *samples;         /* of the open tick, by position - tick.position */
	bool *there;
	size_t room;
	uint64_t position, n, shard;    /* of the open tick; shard: of the row being read */
	bool stopped;
};

static void merge_done(struct merge *m)
{
	for (size_t i = 0; i < m->n_chains; i++)
		free(m->chains[i]);
	free(m->chains);
	free(m->samples);
	free(m->there);
}

static struct chain *chain_at(struct merge *m, uint64_t shard)
{
	if (shard >= m->n_chains) {
		size_t n = (size_t)shard + 16;
		struct chain **more = realloc(m->chains, n * sizeof *more);
		if (!more)
			return NULL;
		memset(more + m->n_chains, 0, (n - m->n_chains) * sizeof *more);
		m->chains = more;
		m->n_chains = n;
	}
	if (!m->chains[shard])
		m->chains[shard] = calloc(1, sizeof **m->chains);
	return m->chains[shard];
}

static bool place(void *ctx, uint64_t position, const struct sample *s)
{
	struct merge *m = ctx;
	if (position < m->position || position - m->position >= m->n)
		return true;      /* row_read() cannot know the tick's bounds; what is outside is counted as missing */
	size_t i = (size_t)(position - m->position);
	m->samples[i] = *s;
	m->samples[i].series |= (uint32_t)(m->shard << SHARD_BITS);
	m->there[i] = true;
	return true;
}

static bool make_room(struct merge *m, struct err *err)
{
	if (m->n > m->room) {
		struct sample *samples = realloc(m->samples, m->n * sizeof *samples);
		if (samples)
			m->samples = samples;
		bool *there = realloc(m->there, m->n);
		if (there)
			m->there = there;
		if (!samples || !there)
			return err_memory(err);
		m->room = m->n;
	}
	if (m->n)
		memset(m->there, 0, m->n);
	return true;
}

static bool read_rows(struct merge *m, struct query *q, uint64_t no, struct err *err)
{
	uint64_t low = m->range.shard < 0 ? 0 : (uint64_t)m->range.shard, high = m->range.shard < 0 ? (1u << SHARD_KEY_BITS) - 1 : low;
	query_reset(q);
	query_int(q, (int64_t)(no << SHARD_KEY_BITS | low));
	query_int(q, (int64_t)(no << SHARD_KEY_BITS | high));
	int code;
	while ((code = query_step(q, err)) == 1) {
		int64_t key = sqlite3_column_int64(q->stmt, 0);
		const void *bytes = sqlite3_column_blob(q->stmt, 1);
		size_t len = (size_t)sqlite3_column_bytes(q->stmt, 1);
		m->shard = (uint64_t)key & ((1u << SHARD_KEY_BITS) - 1);
		struct chain *chain = chain_at(m, m->shard);
		if (!chain)
			return err_memory(err);
		if (!body_good(key, bytes, &len))
			return err_set(err, ERR_EVIDENCE, "journal.db: row %lld (tick %llu, shard %llu) does not fit its checksum", (long long)key,
				       (unsigned long long)no, (unsigned long long)m->shard);
		if (!row_read(bytes, len, chain->last, place, m, err))
			return err_wrap(err, "journal.db: row %lld", (long long)key);
	}
	return code == 0;
}

/* Moves the samples that are there together; how many of [first, first + n) they are. */
static size_t pack(struct merge *m, size_t first, size_t n, size_t *at)
{
	size_t out = *at;
	for (size_t i = first; i < first + n; i++)
		if (m->there[i])
			m->samples[(*at)++] = m->samples[i];
	return *at - out;
}

static bool give(struct merge *m, const void *tick, size_t len, struct err *err)
{
	struct tick_reader t = tick_read(tick, len);
	struct stamp now;
	size_t n, first = 0, packed = 0;
	while (!m->stopped && tick_next(&t, &n, &now)) {
		if (n > m->n - first)
			return err_set(err, ERR_EVIDENCE, "journal.db: a tick's batches hold more samples than the tick");
		uint64_t end = m->position + first + n;
		size_t skip = m->range.from > m->position + first ? (size_t)(m->range.from - m->position - first) : 0;
		bool wanted = n == 0 ? m->position + first >= m->range.from : end > m->range.from;
		if (wanted) {
			size_t start = packed, have = pack(m, first + skip, n - skip, &packed);
			if (have || m->range.shard < 0)
				m->stopped = !m->fn(m->ctx, m->samples + start, have, now);
		}
		first += n;
	}
	return !t.in.bad || err_set(err, ERR_EVIDENCE, "journal.db: damaged tick at position %llu", (unsigned long long)m->position);
}

/* Chains of differences end with their group of ticks: one that has nothing of the time asked for is not looked at. */
static bool skip_group(struct journal *j, const struct merge *m, uint64_t no, uint64_t end, bool *skip, uint64_t *next, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &j->db, "SELECT (SELECT count(*) FROM tick WHERE no>=?1 AND no<?2 AND wall_to>=?3 AND wall_from<?4),(SELECT min(no) FROM tick WHERE no>=?2)", err))
		return false;
	const int64_t bounds[] = { (int64_t)no, (int64_t)end, m->range.since.ms, m->range.until.ms };
	for (size_t i = 0; i < countof(bounds); i++)
		query_int(&q, bounds[i]);
	if (query_step(&q, err) != 1)
		return false;
	*skip = sqlite3_column_int64(q.stmt, 0) == 0 && m->range.until.ms != INT64_MAX;
	*next = sqlite3_column_type(q.stmt, 1) == SQLITE_NULL ? 0 : (uint64_t)sqlite3_column_int64(q.stmt, 1);
	return true;
}

/* The ticks of the group that `no` is in, in one snapshot.  *next 0: no more. */
static bool read_chunk(struct journal *j, struct merge *m, uint64_t no, uint64_t *next, struct err *err)
{
	CLEANUP(query_done) struct query ticks = { 0 }, rows = { 0 };
	uint64_t end = (no / CHAIN_TICKS + 1) * CHAIN_TICKS;
	bool skip = false;
	if (!skip_group(j, m, no, end, &skip, next, err))
		return false;
	if (skip)
		return true;
	if (!query_init(&ticks, &j->db, "SELECT no,position,n,wall_from,wall_to,body FROM tick WHERE no>=? AND no<? ORDER BY no", err) ||
	    !query_init(&rows, &j->db, "SELECT key,body FROM journal WHERE key>=? AND key<=?", err))
		return false;
	query_int(&ticks, (int64_t)no);
	query_int(&ticks, (int64_t)end);
	int code;
	while ((code = query_step(&ticks, err)) == 1) {
		uint64_t at = (uint64_t)sqlite3_column_int64(ticks.stmt, 0);
		const void *body = sqlite3_column_blob(ticks.stmt, 5);
		size_t len = (size_t)sqlite3_column_bytes(ticks.stmt, 5);
		m->position = (uint64_t)sqlite3_column_int64(ticks.stmt, 1);
		m->n = (uint64_t)sqlite3_column_int64(ticks.stmt, 2);
		struct tick_columns t = { at, m->position, m->n, { sqlite3_column_int64(ticks.stmt, 3) }, { sqlite3_column_int64(ticks.stmt, 4) } };
		bool outside = t.to.ms < m->range.since.ms || t.from.ms >= m->range.until.ms;
		if (!tick_good(&t, body, &len) || m->n > INT32_MAX)
			return err_set(err, ERR_EVIDENCE, "journal.db: tick %llu does not fit its checksum", (unsigned long long)at);
		if (!make_room(m, err) || !read_rows(m, &rows, at, err) || (!outside && !give(m, body, len, err)))
			return false;
	}
	*next = m->stopped ? 0 : *next;
	return code == 0;
}

/* Number of the tick to begin with: of the chain that holds both `from` and `since`. */
static bool first_tick(struct journal *j, struct journal_range range, uint64_t *no, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &j->db, "SELECT min(no) FROM tick WHERE position+n>=? AND wall_to>=?", err))
		return false;
	query_int(&q, (int64_t)range.from);
	query_int(&q, range.since.ms);
	int code = query_step(&q, err);
	if (code < 0)
		return false;
	bool none = code == 0 || sqlite3_column_type(q.stmt, 0) == SQLITE_NULL;
	uint64_t first = none ? 0 : (uint64_t)sqlite3_column_int64(q.stmt, 0);
	*no = none ? UINT64_MAX : first - first % CHAIN_TICKS;
	return true;
}

bool journal_read(struct journal *j, struct journal_range range, store_sample_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(merge_done) struct merge m = { .range = range, .fn = fn, .ctx = ctx };
	uint64_t no;
	if (!first_tick(j, range, &no, err))
		return false;
	if (no == UINT64_MAX)
		return true;
	do {
		if (!read_chunk(j, &m, no, &no, err))
			return false;
	} while (no);
	return true;
}
