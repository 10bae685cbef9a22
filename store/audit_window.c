/* Sealed readings: every block fits its sum and decodes, every window holds what it says, none is missing between two others. */
#include "store/rollup.h"
#include "store/window.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct window_audit {
	struct db *db, *journal;
	const char *name;
	char *first_bad;
	size_t size;
	bool any;
	struct db rollup;               /* sql NULL: there is none yet */
	uint64_t first_position, end, last_id, samples;
};

static bool bad(struct window_audit *a, const char *fmt, ...) PRINTF(2, 3);
static bool bad(struct window_audit *a, const char *fmt, ...)
{
	if (!a->first_bad[0]) {
		va_list args;
		int n = snprintf(a->first_bad, a->size, "%s: ", a->name);
		va_start(args, fmt);
		vsnprintf(a->first_bad + n, a->size - (size_t)n, fmt, args);
		va_end(args);
	}
	return false;
}

static bool count_keys(struct window_audit *a, const char *table, uint64_t id, int64_t *n)
{
	char sql[160];
	struct err err;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE key>=%llu AND key<%llu", table, (unsigned long long)id << WINDOW_KEY_BITS,
		 (unsigned long long)(id + 1) << WINDOW_KEY_BITS);
	return db_number(a->db, sql, 0, n, &err) || bad(a, "%.200s", err.text);
}

/* Quarters as they are kept against those of the readings. */
static bool check_rollup(struct window_audit *a, struct window_reader *rolls, uint64_t id, uint32_t sid, const struct sample *s, size_t n, struct err *err)
{
	CLEANUP(rollup_done) struct rollup r = { .days = NULL };
	struct quarter *q = NULL;
	size_t room = 0, count = 0, len;
	const void *bytes;
	int code = window_body(rolls, id, sid, &bytes, &len, err);
	bool good = code >= 0 && (code == 1 || bad(a, "window %llu: series %u has no rollup", (unsigned long long)id, sid));
	good = good && rollup_read(&r, bytes, len, err) && rollup_quarters(&r, err) && (quarters_of(s, n, &q, &room, &count) || err_memory(err));
	bool same = good && count == r.n_quarters;
	for (size_t i = 0; same && i < count; i++)
		same = memcmp(&q[i], &r.quarters[i], sizeof *q) == 0;
	free(q);
	query_reset(&rolls->block);
	return good && (same || err_set(err, ERR_EVIDENCE, "rollup.db: series %u says something else than its readings", sid));
}

static bool check_blocks(struct window_audit *a, const struct window *w)
{
	CLEANUP(query_done) struct query q = { 0 };
	CLEANUP(window_reader_done) struct window_reader r = { .db = NULL }, rolls = { .db = NULL };
	struct sample *s = NULL;
	struct err err = { 0 };
	uint64_t sum = 0;
	size_t n;
	int64_t rolled = 0;
	char sql[80];
	snprintf(sql, sizeof sql, "SELECT count(*) FROM window WHERE id=%llu", (unsigned long long)w->id);
	bool compare = a->rollup.sql && a->db != a->journal && db_number(&a->rollup, sql, 0, &rolled, &err) && rolled;
	bool good = window_reader_init(&r, a->db, &err) && (!compare || window_reader_init(&rolls, &a->rollup, &err)) && query_init(&q, a->db, "SELECT key & 4294967295 FROM block WHERE key>=? AND key<? ORDER BY key", &err);
	if (good) {
		query_int(&q, (int64_t)(w->id << WINDOW_KEY_BITS));
		query_int(&q, (int64_t)((w->id + 1) << WINDOW_KEY_BITS));
	}
	int code = 0;
	while (good && (code = query_step(&q, &err)) == 1) {
		uint32_t sid = (uint32_t)sqlite3_column_int64(q.stmt, 0);
		good = window_series(&r, w->id, sid, &s, &n, &err) && (!compare || check_rollup(a, &rolls, w->id, sid, s, n, &err));
		sum += good ? n : 0;
	}
	free(s);
	if (!good || code < 0)
		return bad(a, "window %llu: %.220s", (unsigned long long)w->id, err.text);
	return sum == w->n || bad(a, "window %llu: %llu samples instead of %llu", (unsigned long long)w->id, (unsigned long long)sum, (unsigned long long)w->n);
}

static bool check_window(void *ctx, const struct window *w)
{
	struct window_audit *a = ctx;
	int64_t blocks, stamps;
	if (a->any && w->id <= a->last_id)
		return true;            /* moved into a segment already */
	if (a->any && w->position < a->end)
		return bad(a, "window %llu: overlaps the one before", (unsigned long long)w->id);
	if (!count_keys(a, "block", w->id, &blocks) || !count_keys(a, "stamps", w->id, &stamps))
		return false;
	if ((uint64_t)blocks != w->blocks || (uint64_t)stamps != w->stamps)
		return bad(a, "window %llu: %lld of %llu blocks and %lld of %llu stamps are there", (unsigned long long)w->id, (long long)blocks,
			   (unsigned long long)w->blocks, (long long)stamps, (unsigned long long)w->stamps);
	if (!check_blocks(a, w))
		return false;
	if (!a->any)
		a->first_position = w->position;
	a->any = true;
	a->end = w->position + w->n;
	a->last_id = w->id_to;
	a->samples += w->n;
	return true;
}

static bool check_file(struct window_audit *a, struct db *db, const char *name)
{
	struct err err;
	a->db = db;
	a->name = name;
	return (window_list(db, check_window, a, &err) || bad(a, "%.250s", err.text)) && !a->first_bad[0];
}

/* All readings between the first window and the journal are in windows, or were recorded as lost. */
static bool check_total(struct window_audit *a, struct db *journal)
{
	char sql[160];
	int64_t sealed, lost;
	struct err err;
	a->name = "journal.db";
	if (!db_number(journal, "SELECT position FROM state", 0, &sealed, &err))
		return bad(a, "%.250s", err.text);
	uint64_t first = a->any ? a->first_position : 0;
	snprintf(sql, sizeof sql, "SELECT sum(n) FROM loss WHERE position>=%llu AND position<%lld", (unsigned long long)first, (long long)sealed);
	if (!db_number(journal, sql, 0, &lost, &err))
		return bad(a, "%.250s", err.text);
	if (a->any ? (uint64_t)sealed - first == a->samples + (uint64_t)lost : true)
		return true;
	return bad(a, "windows: %llu readings between positions %llu and %lld, a window is missing", (unsigned long long)a->samples, (unsigned long long)first, (long long)sealed);
}

static bool rolled_window(void *ctx, const struct window *w)
{
	struct window_audit *a = ctx;
	int64_t blocks;
	if (!count_keys(a, "block", w->id, &blocks))
		return false;
	return (uint64_t)blocks == w->blocks || bad(a, "window %llu: %lld of %llu series are there", (unsigned long long)w->id, (long long)blocks, (unsigned long long)w->blocks);
}

static bool open_rollup(struct window_audit *a, const char *dir)
{
	char path[4200];
	struct err err;
	snprintf(path, sizeof path, "%s/rollup.db", dir);
	if (access(path, F_OK) != 0)
		return true;
	a->name = "rollup.db";
	a->db = &a->rollup;
	return ((db_open(&a->rollup, dir, "rollup.db", NULL, true, &segment_schema, &err) && window_list(&a->rollup, rolled_window, a, &err)) || bad(a, "%.250s", err.text)) && !a->first_bad[0];
}

void window_audit(const char *dir, struct db *journal, char *first_bad, size_t size)
{
	struct window_audit a = { .first_bad = first_bad, .size = size, .journal = journal };
	char **names;
	size_t n = segment_list(dir, &names);
	bool good = !first_bad[0] && open_rollup(&a, dir);
	for (size_t i = 0; i < n; i++) {
		struct db d;
		struct err err;
		a.name = names[i];
		if (good && (good = db_open(&d, dir, names[i], NULL, true, &segment_schema, &err) || bad(&a, "%.200s", err.text))) {
			good = check_file(&a, &d, names[i]);
			db_close(&d);
		}
	}
	if (good && check_file(&a, journal, "journal.db"))
		check_total(&a, journal);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	db_close(&a.rollup);
}
