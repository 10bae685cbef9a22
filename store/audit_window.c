/* Sealed readings: every block fits its sum and decodes, every window holds what it says, none is missing between two others. */
#include "store/closed.h"
#include "store/rollup.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct window_audit {
	struct db *db, *journal;
	const char *name;
	char *first_bad;
	size_t size;
	bool any;
	struct db rollup;               /* sql NULL: there is none yet */
	uint64_t first_position, end, last_id, samples;
	const struct closed_leaf *closed;
	size_t n_closed;
	uint64_t rolled_end;            /* position after the windows of rollup.db */
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
	bool good = code >= 0 && (code == 1 || bad(a, "window %llu: series %u has no quarters in rollup.db", (unsigned long long)id, sid));
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

static bool lost_between(struct window_audit *a, uint64_t from, uint64_t to, int64_t *lost)
{
	char sql[160];
	struct err err;
	snprintf(sql, sizeof sql, "SELECT sum(n) FROM loss WHERE position>=%llu AND position<%llu", (unsigned long long)from, (unsigned long long)to);
	return db_number(a->journal, sql, 0, lost, &err) || bad(a, "%.250s", err.text);
}

/* Positions go on from window to window, over files; a hole is a recorded loss. */
static bool check_hole(struct window_audit *a, const struct window *w)
{
	int64_t lost;
	if (!a->any || w->position == a->end)
		return true;
	if (w->position < a->end)
		return bad(a, "window %llu: overlaps the one before", (unsigned long long)w->id);
	if (!lost_between(a, a->end, w->position, &lost))
		return false;
	return (uint64_t)lost == w->position - a->end || bad(a, "window %llu: begins at position %llu, the one before, %llu, ended at %llu: one between them is missing",
							     (unsigned long long)w->id, (unsigned long long)w->position, (unsigned long long)a->last_id, (unsigned long long)a->end);
}

/* A window of a segment is in rollup.db too, or, between the two commits, its hours are still in journal.db. */
static bool check_kept(struct window_audit *a, const struct window *w)
{
	char sql[80];
	struct err err;
	int64_t rolled = 0, hours = 0;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM window WHERE id=%llu", (unsigned long long)w->id);
	if (a->db == a->journal)
		return true;
	if ((a->rollup.sql && !db_number(&a->rollup, sql, 0, &rolled, &err)) || !db_number(a->journal, sql, 0, &hours, &err))
		return bad(a, "%.250s", err.text);
	return rolled || hours || bad(a, "window %llu: has no quarters in rollup.db", (unsigned long long)w->id);
}

static bool check_window(void *ctx, const struct window *w)
{
	struct window_audit *a = ctx;
	int64_t blocks, stamps;
	if (a->any && w->id <= a->last_id)
		return true;            /* moved into a segment already */
	if (!check_kept(a, w) || !check_hole(a, w) || !count_keys(a, "block", w->id, &blocks) || !count_keys(a, "stamps", w->id, &stamps))
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

/* Rows that no window counts were added. */
static bool check_strays(struct window_audit *a)
{
	static const char *const tables[][2] = { { "block", "blocks" }, { "stamps", "stamps" } };
	char sql[120];
	int64_t more;
	struct err err;
	for (size_t i = 0; i < countof(tables); i++) {
		snprintf(sql, sizeof sql, "SELECT (SELECT count(*) FROM %s)-ifnull(sum(%s),0) FROM window", tables[i][0], tables[i][1]);
		if (!db_number(a->db, sql, 0, &more, &err))
			return bad(a, "%.250s", err.text);
		if (more)
			return bad(a, "window: %lld rows of table %s belong to none", (long long)more, tables[i][0]);
	}
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
	int64_t sealed, lost, no;
	struct err err;
	a->name = "journal.db";
	if (!db_number(journal, "SELECT position FROM state", 0, &sealed, &err) || !db_number(journal, "SELECT no FROM state", 0, &no, &err))
		return bad(a, "%.250s", err.text);
	uint64_t first = a->any ? a->first_position : 0;
	snprintf(sql, sizeof sql, "SELECT sum(n) FROM loss WHERE position>=%llu AND position<%lld", (unsigned long long)first, (long long)sealed);
	if (!db_number(journal, sql, 0, &lost, &err))
		return bad(a, "%.250s", err.text);
	if (a->any && (uint64_t)sealed - first != a->samples + (uint64_t)lost)
		return bad(a, "windows: %llu readings between positions %llu and %lld, a window is missing", (unsigned long long)a->samples, (unsigned long long)first, (long long)sealed);
	if (a->any ? (uint64_t)no != a->last_id : no || sealed)
		return bad(a, "state: ticks up to %lld are sealed, the windows go up to %llu", (long long)no, (unsigned long long)a->last_id);
	return true;
}

/* What was closed goes on from position 0, dropped or not. */
static bool rolled_window(void *ctx, const struct window *w)
{
	struct window_audit *a = ctx;
	int64_t blocks, lost;
	if (!lost_between(a, a->rolled_end, w->position, &lost))
		return false;
	if (w->position < a->rolled_end || (uint64_t)lost != w->position - a->rolled_end)
		return bad(a, "window %llu: begins at position %llu, the one before ended at %llu: one between them is missing", (unsigned long long)w->id,
			   (unsigned long long)w->position, (unsigned long long)a->rolled_end);
	a->rolled_end = w->position + w->n;
	if (!count_keys(a, "block", w->id, &blocks))
		return false;
	return (uint64_t)blocks == w->blocks || bad(a, "window %llu: %lld of %llu series are there", (unsigned long long)w->id, (long long)blocks, (unsigned long long)w->blocks);
}

static bool open_rollup(struct window_audit *a, const char *dir)
{
	struct err err;
	int64_t complete, windows;
	if (!db_there(dir, "rollup.db"))
		return true;
	a->name = "rollup.db";
	a->db = &a->rollup;
	if (!db_open(&a->rollup, dir, "rollup.db", NULL, true, &segment_schema, &err) || !db_number(&a->rollup, "PRAGMA application_id", 0, &complete, &err) ||
	    !db_number(&a->rollup, "SELECT count(*) FROM window", 0, &windows, &err))
		return bad(a, "%.250s", err.text);
	if (windows && complete != 1)
		return bad(a, "its application_id does not say that it knows every segment");
	return ((window_list(&a->rollup, rolled_window, a, &err)) || bad(a, "%.250s", err.text)) && !a->first_bad[0] && check_strays(a);
}

/* The windows that rollup.db has of a month are in its segment, unless a leaf says that it was dropped. */
static bool check_month(struct window_audit *a, const char *dir, const struct month *m)
{
	char sql[160];
	struct db d;
	struct err err;
	int64_t n = 0;
	a->name = m->segment;
	if (!db_there(dir, m->segment))
		return closed_was_dropped(a->closed, a->n_closed, m->segment) || bad(a, "missing, and no record says that it was dropped");
	snprintf(sql, sizeof sql, "SELECT count(*) FROM window WHERE id>=%llu AND id_to<=%llu", (unsigned long long)m->id, (unsigned long long)m->id_to);
	if (!db_open(&d, dir, m->segment, NULL, true, &segment_schema, &err))
		return bad(a, "%.250s", err.text);
	bool good = db_number(&d, sql, 0, &n, &err) || bad(a, "%.250s", err.text);
	db_close(&d);
	return good && ((uint64_t)n == m->windows || bad(a, "%lld of the %llu windows that rollup.db knows are there", (long long)n, (unsigned long long)m->windows));
}

static bool check_months(struct window_audit *a, const char *dir)
{
	struct month *list = NULL;
	size_t n = 0;
	struct err err;
	if (!a->rollup.sql)
		return true;
	bool good = months_list(&a->rollup, &list, &n, &err) || bad(a, "%.250s", err.text);
	for (size_t i = 0; good && i < n; i++)
		good = check_month(a, dir, &list[i]);
	free(list);
	return good;
}

/* The beginning: what is in no window and was not dropped was never there. */
static bool check_first(struct window_audit *a)
{
	int64_t lost;
	if (!a->any || a->rolled_end)
		return true;
	a->name = "journal.db";
	return lost_between(a, 0, a->first_position, &lost) && ((uint64_t)lost == a->first_position || bad(a, "windows: the readings before position %llu are missing",
															  (unsigned long long)a->first_position));
}

void window_audit(const char *dir, struct db *journal, const struct closed_leaf *list, size_t n_list, char *first_bad, size_t size)
{
	struct window_audit a = { .first_bad = first_bad, .size = size, .journal = journal, .closed = list, .n_closed = n_list };
	char **names;
	size_t n = segment_list(dir, &names);
	bool good = !first_bad[0] && open_rollup(&a, dir) && check_months(&a, dir);
	for (size_t i = 0; i < n; i++) {
		struct db d;
		struct err err;
		a.name = names[i];
		if (good && db_there(dir, names[i]) && (good = db_open(&d, dir, names[i], NULL, true, &segment_schema, &err) || bad(&a, "%.200s", err.text))) {
			good = check_file(&a, &d, names[i]) && check_strays(&a);
			db_close(&d);
		}
	}
	if (good && check_file(&a, journal, "journal.db") && check_total(&a, journal) && check_first(&a))
		check_strays(&a);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	db_close(&a.rollup);
}
