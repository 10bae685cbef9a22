/* The raw readings of the last hours: every body fits its sum, every tick holds what it says, no tick is missing. */
#include "store/journal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct journal_audit {
	struct db *db;
	char *first_bad;
	size_t size;
	uint64_t next_position, no, checkpoint;
	uint64_t counted;                       /* samples in the rows of the open tick */
	uint64_t position, n, shard;
	struct { int64_t last[SHARD_SERIES]; } **chains;
	uint8_t *known;
	size_t n_known;
	uint64_t n_series;
};

static bool bad(struct journal_audit *a, const char *fmt, ...) PRINTF(2, 3);
static bool bad(struct journal_audit *a, const char *fmt, ...)
{
	if (!a->first_bad[0]) {
		va_list args;
		va_start(args, fmt);
		vsnprintf(a->first_bad, a->size, fmt, args);
		va_end(args);
	}
	return false;
}

static bool count_sample(void *ctx, uint64_t position, const struct sample *s)
{
	struct journal_audit *a = ctx;
	uint64_t sid = a->shard << SHARD_BITS | s->series;
	if (position < a->position || position - a->position >= a->n)
		return bad(a, "journal tick %llu, shard %llu: a sample of another tick", (unsigned long long)a->no, (unsigned long long)a->shard);
	if (sid >= a->n_known || !a->known[sid])
		return bad(a, "journal tick %llu: series %llu is not in the table", (unsigned long long)a->no, (unsigned long long)sid);
	a->counted++;
	return true;
}

static bool check_rows(struct journal_audit *a, struct query *q)
{
	struct err err;
	int code;
	query_reset(q);
	query_int(q, (int64_t)(a->no << SHARD_KEY_BITS));
	query_int(q, (int64_t)(a->no << SHARD_KEY_BITS | ((1u << SHARD_KEY_BITS) - 1)));
	a->counted = 0;
	while ((code = query_step(q, &err)) == 1) {
		int64_t key = sqlite3_column_int64(q->stmt, 0);
		size_t len = (size_t)sqlite3_column_bytes(q->stmt, 1);
		const void *bytes = sqlite3_column_blob(q->stmt, 1);
		a->shard = (uint64_t)key & ((1u << SHARD_KEY_BITS) - 1);
		if (sqlite3_column_type(q->stmt, 1) != SQLITE_BLOB || !body_good(key, bytes, &len))
			return bad(a, "journal tick %llu, shard %llu: does not fit its checksum", (unsigned long long)a->no, (unsigned long long)a->shard);
		if (!a->chains[a->shard] && !(a->chains[a->shard] = calloc(1, sizeof **a->chains)))
			return bad(a, "out of memory");
		if (!row_read(bytes, len, a->chains[a->shard]->last, count_sample, a, &err))
			return bad(a, "journal tick %llu, shard %llu: %.200s", (unsigned long long)a->no, (unsigned long long)a->shard, err.text);
	}
	return code == 0 || bad(a, "journal tick %llu: %.200s", (unsigned long long)a->no, err.text);
}

static bool check_batches(struct journal_audit *a, const void *body, size_t len)
{
	struct tick_reader t = tick_read(body, len);
	struct stamp now;
	uint64_t sum = 0;
	for (size_t n; tick_next(&t, &n, &now);)
		sum += n;
	return (!t.in.bad && sum == a->n) || bad(a, "journal tick %llu: its batches are not its samples", (unsigned long long)a->no);
}

/* Positions go on from tick to tick; a hole is a recorded loss. */
static bool check_position(struct journal_audit *a, uint64_t to)
{
	int64_t lost;
	char sql[160];
	struct err err;
	if (to == a->next_position)
		return true;
	snprintf(sql, sizeof sql, "SELECT sum(n) FROM loss WHERE position>=%lld AND position<%lld", (long long)a->next_position, (long long)to);
	if (to > a->next_position && db_number(a->db, sql, 0, &lost, &err) && (uint64_t)lost == to - a->next_position)
		return true;
	return bad(a, "journal tick %llu: begins at position %llu, the one before ended at %llu: rows are missing or were moved", (unsigned long long)a->no,
		   (unsigned long long)to, (unsigned long long)a->next_position);
}

static bool check_ticks(struct journal_audit *a)
{
	CLEANUP(query_done) struct query ticks = { 0 }, rows = { 0 };
	struct err err;
	if (!query_init(&ticks, a->db, "SELECT no,position,n,body,wall_from,wall_to FROM tick ORDER BY no", &err) ||
	    !query_init(&rows, a->db, "SELECT key,body FROM journal WHERE key>=? AND key<=? ORDER BY key", &err))
		return bad(a, "%.250s", err.text);
	int code;
	int64_t n_rows, seen = 0;
	while ((code = query_step(&ticks, &err)) == 1) {
		a->no = (uint64_t)sqlite3_column_int64(ticks.stmt, 0);
		a->position = (uint64_t)sqlite3_column_int64(ticks.stmt, 1);
		a->n = (uint64_t)sqlite3_column_int64(ticks.stmt, 2);
		size_t len = (size_t)sqlite3_column_bytes(ticks.stmt, 3);
		const void *body = sqlite3_column_blob(ticks.stmt, 3);
		struct tick_columns t = { a->no, a->position, a->n, { sqlite3_column_int64(ticks.stmt, 4) }, { sqlite3_column_int64(ticks.stmt, 5) } };
		if (!tick_good(&t, body, &len))
			return bad(a, "journal tick %llu: does not fit its checksum", (unsigned long long)a->no);
		if (!check_position(a, a->position) || !check_batches(a, body, len) || !check_rows(a, &rows))
			return false;
		if (a->counted != a->n)
			return bad(a, "journal tick %llu: %llu of its %llu samples are there: a row is missing", (unsigned long long)a->no, (unsigned long long)a->counted,
				   (unsigned long long)a->n);
		a->next_position = a->position + a->n;
	}
	if (code < 0)
		return bad(a, "journal after tick %llu: %.200s", (unsigned long long)a->no, err.text);
	if (!db_number(a->db, "SELECT count(*) FROM journal", 0, &n_rows, &err) ||
	    !db_number(a->db, "SELECT count(*) FROM journal WHERE key>>16 IN (SELECT no FROM tick)", 0, &seen, &err))
		return bad(a, "%.250s", err.text);
	return n_rows == seen || bad(a, "journal: %lld rows belong to no tick", (long long)(n_rows - seen));
}

static bool check_series_row(struct journal_audit *a, sqlite3_stmt *row)
{
	uint8_t sum[BODY_SUM];
	int64_t sid = sqlite3_column_int64(row, 0);
	struct stored_series s = { .sid = (uint32_t)sid };
	s.s = (struct series){ .id = (const char *)sqlite3_column_text(row, 1), .label = (const char *)sqlite3_column_text(row, 8), .device = (uint16_t)sqlite3_column_int64(row, 2), .quantity = (uint8_t)sqlite3_column_int64(row, 3), .scope = (uint8_t)sqlite3_column_int64(row, 4),
			       .configured = sqlite3_column_int64(row, 5) != 0, .count = { sqlite3_column_int64(row, 6), sqlite3_column_int64(row, 7) } };
	series_sum(&s, sum);
	const int64_t exact[] = { s.s.device, s.s.quantity, s.s.scope, s.s.configured };
	bool fits = sid >= 0 && sid < INT32_MAX && sqlite3_column_bytes(row, 9) == BODY_SUM && memcmp(sqlite3_column_blob(row, 9), sum, BODY_SUM) == 0;
	for (int i = 0; i < 4; i++)
		fits = fits && sqlite3_column_int64(row, 2 + i) == exact[i];
	if (!fits)
		return bad(a, "series %lld: does not fit its sum", (long long)sid);
	if ((uint64_t)sid != a->n_series++)
		return bad(a, "series %llu: missing", (unsigned long long)a->n_series - 1);
	if ((size_t)sid >= a->n_known) {
		size_t n = (size_t)sid + 1024;
		uint8_t *more = realloc(a->known, n);
		if (!more)
			return bad(a, "out of memory");
		memset(more + a->n_known, 0, n - a->n_known);
		a->known = more;
		a->n_known = n;
	}
	a->known[sid] = 1;
	return true;
}

static bool check_loss_row(struct journal_audit *a, sqlite3_stmt *row)
{
	uint8_t sum[BODY_SUM];
	struct loss l = { (uint64_t)sqlite3_column_int64(row, 0), (uint64_t)sqlite3_column_int64(row, 1), { sqlite3_column_int64(row, 2) }, { sqlite3_column_int64(row, 3) } };
	loss_sum(&l, sum);
	return (sqlite3_column_bytes(row, 4) == BODY_SUM && memcmp(sqlite3_column_blob(row, 4), sum, BODY_SUM) == 0) ||
	       bad(a, "loss %llu: does not fit its sum", (unsigned long long)l.position);
}

static bool each(struct journal_audit *a, const char *sql, bool (*fn)(struct journal_audit *, sqlite3_stmt *))
{
	CLEANUP(query_done) struct query q = { 0 };
	struct err err;
	int code = -1;
	if (query_init(&q, a->db, sql, &err))
		while ((code = query_step(&q, &err)) == 1)
			if (!fn(a, q.stmt))
				return false;
	return code == 0 || bad(a, "%.250s", err.text);
}

void journal_audit(struct db *journal, uint64_t checkpoint_position, char *first_bad, size_t size)
{
	struct journal_audit a = { .db = journal, .first_bad = first_bad, .size = size };
	struct err err;
	int64_t position;
	a.chains = calloc((size_t)1 << SHARD_KEY_BITS, sizeof *a.chains);
	bool good = a.chains ? true : bad(&a, "out of memory");
	good = good && each(&a, "SELECT sid,id,device,quantity,scope,configured,count_num,count_den,label,sum FROM series ORDER BY sid", check_series_row) &&
	       each(&a, "SELECT position,n,wall_from,wall_to,sum FROM loss ORDER BY position", check_loss_row);
	if (good && !db_number(journal, "SELECT position FROM state", 0, &position, &err))
		good = bad(&a, "%.250s", err.text);
	if (good) {
		a.next_position = (uint64_t)position;
		good = check_ticks(&a);
	}
	if (good && a.next_position < checkpoint_position)
		bad(&a, "journal: the readings from position %llu to %llu, which the checkpoint holds, are not there", (unsigned long long)a.next_position,
		    (unsigned long long)checkpoint_position);
	for (size_t i = 0; a.chains && i < (size_t)1 << SHARD_KEY_BITS; i++)
		free(a.chains[i]);
	free(a.chains);
	free(a.known);
}
