/* A past day's windows become one window in the segment file of its month, and quarters of an hour in rollup.db.  First the segment is committed,
 * then rollup.db, then the hours are deleted: what rollup.db has is closed, and its id tells that hours which are still there are the same. */
#include "store/impl.h"
#include "store/rollup.h"
#include "store/window.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAY_MS = 86400000, LATE_MS = 600000 };

void segment_name(struct wall t, char out[SEGMENT_NAME])
{
	struct date d = date_of_days(t.ms / DAY_MS - (t.ms % DAY_MS < 0));
	snprintf(out, SEGMENT_NAME, "raw-%04d-%02d.db", (int)(d.year % 10000), d.month % 100);
}

bool segment_is(const char *name)
{
	static const char form[] = "raw-0000-00.db";
	size_t i = 0;
	for (; form[i] && (form[i] == '0' ? name[i] >= '0' && name[i] <= '9' : name[i] == form[i]); i++)
		;
	return !form[i] && !name[i];
}

static int is_segment(const struct dirent *d)
{
	return segment_is(d->d_name);
}

size_t segment_list(const char *dir, char ***out)
{
	struct dirent **names = NULL;
	int n = scandir(dir, &names, is_segment, alphasort);
	*out = calloc((size_t)(n > 0 ? n : 0) + 1, sizeof **out);
	for (int i = 0; i < n; i++) {
		if (*out)
			(*out)[i] = strdup(names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return *out && n > 0 ? (size_t)n : 0;
}

static void recover(const char *dir, const char *name)
{
	char path[4300];
	struct db d;
	snprintf(path, sizeof path, "%s/%s-journal", dir, name);
	if (access(path, F_OK) == 0 && db_open(&d, dir, name, NULL, false, &segment_schema, &(struct err){ 0 }))
		db_close(&d);           /* its first read rolled back what was not committed */
}

void segments_recover(const char *dir)
{
	char **names;
	size_t n = segment_list(dir, &names);
	for (size_t i = 0; i < n; i++) {
		recover(dir, names[i]);
		free(names[i]);
	}
	free(names);
	recover(dir, "rollup.db");
}

bool segment_drop_oldest(const char *dir, char name[SEGMENT_NAME])
{
	char **names, path[4200];
	size_t n = segment_list(dir, &names);
	bool gone = n > 1 && names[0];
	if (gone) {
		snprintf(name, SEGMENT_NAME, "%s", names[0]);
		snprintf(path, sizeof path, "%s/%s", dir, names[0]);
		gone = unlink(path) == 0;
	}
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return gone;
}

enum phase { IDLE, COPYING, DELETING };
struct compaction {
	char dir[3900];
	const char *vfs;
	enum phase phase;
	struct db segment, rollup;
	struct window_writer writer, rolls;
	struct window *windows;                 /* of the day */
	size_t n_windows, next_window;
	uint32_t *sids;
	size_t n_sids, next_sid;
	struct sample *samples;
	size_t room;
	struct quarter *quarters;
	size_t quarter_room;
	struct buf body;
};

struct compaction *compaction_new(const char *dir, const char *vfs)
{
	struct compaction *c = calloc(1, sizeof *c);
	if (c) {
		snprintf(c->dir, sizeof c->dir, "%s", dir);
		c->vfs = vfs;
	}
	return c;
}

static void reset(struct compaction *c)
{
	window_writer_done(&c->writer);
	window_writer_done(&c->rolls);
	db_close(&c->segment);
	db_close(&c->rollup);
	free(c->windows);
	free(c->sids);
	free(c->samples);
	free(c->quarters);
	buf_done(&c->body);
	c->windows = NULL;
	c->sids = NULL;
	c->samples = NULL;
	c->quarters = NULL;
	c->n_windows = c->next_window = c->n_sids = c->next_sid = c->room = c->quarter_room = 0;
	c->phase = IDLE;
}

void compaction_free(struct compaction *c)
{
	if (c)
		reset(c);
	free(c);
}

bool compaction_idle(const struct compaction *c)
{
	return c->phase == IDLE;
}

static int64_t day_of(struct wall t)
{
	return t.ms / DAY_MS - (t.ms % DAY_MS < 0);
}

static bool same_day(void *ctx, const struct window *w)
{
	struct compaction *c = ctx;
	if (c->n_windows && day_of(w->to) != day_of(c->windows[0].to))
		return false;
	struct window *more = realloc(c->windows, (c->n_windows + 1) * sizeof *more);
	if (!more)
		return false;
	c->windows = more;
	more[c->n_windows++] = *w;
	return true;
}

static bool list_sids(struct compaction *c, struct journal *j, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &j->db, "SELECT DISTINCT key & 4294967295 FROM block WHERE key>=? AND key<? ORDER BY 1", err))
		return false;
	query_int(&q, (int64_t)(c->windows[0].id << WINDOW_KEY_BITS));
	query_int(&q, (int64_t)((c->windows[c->n_windows - 1].id + 1) << WINDOW_KEY_BITS));
	int code;
	size_t room = 0;
	while ((code = query_step(&q, err)) == 1) {
		if (c->n_sids == room) {
			room = room ? 2 * room : 1024;
			uint32_t *more = realloc(c->sids, room * sizeof *more);
			if (!more)
				return err_memory(err);
			c->sids = more;
		}
		c->sids[c->n_sids++] = (uint32_t)sqlite3_column_int64(q.stmt, 0);
	}
	return code == 0;
}

/* rollup.db that begins with the first segment says so: it knows all closed windows. */
static bool open_rollup(struct compaction *c, struct err *err)
{
	char path[4200], **names;
	snprintf(path, sizeof path, "%s/rollup.db", c->dir);
	size_t n = segment_list(c->dir, &names);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	int64_t tables = 0;
	bool fresh = n == 0;
	return db_open(&c->rollup, c->dir, "rollup.db", c->vfs, false, &rollup_schema, err) &&
	       db_number(&c->rollup, "SELECT count(*) FROM window", 0, &tables, err) && (!fresh || tables || db_exec(&c->rollup, "PRAGMA application_id=1", err));
}

/* The segment of a window's month, but never one older than the newest there is: what was closed stays as it is. */
static void segment_for(const struct compaction *c, struct wall t, char out[SEGMENT_NAME])
{
	char **names;
	size_t n = segment_list(c->dir, &names);
	segment_name(t, out);
	if (n && names[n - 1] && strcmp(names[n - 1], out) > 0)
		memcpy(out, names[n - 1], SEGMENT_NAME - 1);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static bool begin_copy(struct compaction *c, struct journal *j, struct window at, struct err *err)
{
	char name[SEGMENT_NAME] = "";
	segment_for(c, at.to, name);
	c->phase = COPYING;
	return db_open(&c->segment, c->dir, name, c->vfs, false, &segment_schema, err) && db_exec(&c->segment, "BEGIN IMMEDIATE", err) &&
	       db_exec(&c->rollup, "BEGIN IMMEDIATE", err) && window_begin(&c->writer, &c->segment, at, true, err) && window_begin(&c->rolls, &c->rollup, at, true, err) &&
	       list_sids(c, j, err);
}

/* Is there a day to move, and nothing more to come into it? */
static bool begin(struct compaction *c, struct journal *j, struct err *err)
{
	int64_t newest, done;
	char sql[120];
	if (!window_list(&j->db, same_day, c, err) || !db_number(&j->db, "SELECT max(wall_to) FROM (SELECT wall_to FROM tick UNION ALL SELECT wall_to FROM window)", INT64_MIN, &newest, err))
		return false;
	if (c->n_windows == 0 || newest < (day_of(c->windows[0].to) + 1) * DAY_MS + LATE_MS) {
		reset(c);
		return true;
	}
	struct window at = c->windows[0];
	at.id_to = c->windows[c->n_windows - 1].id_to;
	at.to = c->windows[c->n_windows - 1].to;
	at.n = at.blocks = at.stamps = 0;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM window WHERE id=%llu AND id_to>=%llu", (unsigned long long)at.id, (unsigned long long)at.id_to);
	if (!open_rollup(c, err) || !db_number(&c->rollup, sql, 0, &done, err))
		return false;
	if (!done)
		return begin_copy(c, j, at, err);
	db_close(&c->rollup);           /* moved already, then the power went */
	c->phase = DELETING;
	return true;
}

static bool roll_up(struct compaction *c, uint32_t sid, size_t n, struct err *err)
{
	size_t quarters;
	if (n == 0)
		return true;
	if (!quarters_of(c->samples, n, &c->quarters, &c->quarter_room, &quarters))
		return err_memory(err);
	rollup_put(c->quarters, quarters, &c->body);
	return window_add_body(&c->rolls, sid, &c->body, n, err);
}

static bool copy_series(struct compaction *c, struct window_reader *r, uint32_t sid, struct err *err)
{
	struct sample *s = NULL;
	size_t have = 0, n;
	bool good = true;
	for (size_t i = 0; good && i < c->n_windows; i++) {
		good = window_series(r, c->windows[i].id, sid, &s, &n, err);
		if (good && have + n > c->room) {
			struct sample *more = realloc(c->samples, (have + n + 1024) * sizeof *more);
			if (!more) {
				good = err_memory(err);
				break;
			}
			c->samples = more;
			c->room = have + n + 1024;
		}
		if (good && n)
			memcpy(c->samples + have, s, n * sizeof *s);
		have += good ? n : 0;
	}
	free(s);
	return good && window_add(&c->writer, sid, c->samples, have, err) && roll_up(c, sid, have, err);
}

static bool copy(struct compaction *c, struct journal *j, int64_t until_ms, struct err *err)
{
	CLEANUP(window_reader_done) struct window_reader r;
	if (!window_reader_init(&r, &j->db, err))
		return false;
	while (c->next_sid < c->n_sids && store_clock_ms() < until_ms)
		if (!copy_series(c, &r, c->sids[c->next_sid++], err))
			return false;
	if (c->next_sid < c->n_sids)
		return true;
	if (!window_end(&c->writer, err) || !db_exec(&c->segment, "COMMIT", err) || !window_end(&c->rolls, err) || !db_exec(&c->rollup, "COMMIT", err))
		return false;
	window_writer_done(&c->writer);
	window_writer_done(&c->rolls);
	db_close(&c->segment);
	db_close(&c->rollup);
	c->phase = DELETING;
	return true;
}

/* One window a step. */
static bool delete(struct compaction *c, struct journal *j, bool *did, struct err *err)
{
	char sql[400];
	unsigned long long id = c->windows[c->next_window].id, low = id << WINDOW_KEY_BITS, high = (id + 1) << WINDOW_KEY_BITS;
	snprintf(sql, sizeof sql, "BEGIN IMMEDIATE; DELETE FROM block WHERE key>=%llu AND key<%llu; DELETE FROM stamps WHERE key>=%llu AND key<%llu;"
		 "DELETE FROM window WHERE id=%llu; COMMIT", low, high, low, high, id);
	if (!db_exec(&j->db, sql, err)) {
		sqlite3_exec(j->db.sql, "ROLLBACK", NULL, NULL, NULL);
		return false;
	}
	if (++c->next_window == c->n_windows) {
		*did = true;
		reset(c);
	}
	return true;
}

bool compaction_step(struct compaction *c, struct journal *j, int64_t budget_ms, bool *did, struct err *err)
{
	bool good;
	*did = false;
	if (c->phase == IDLE)
		good = begin(c, j, err);
	else if (c->phase == COPYING)
		good = copy(c, j, store_clock_ms() + budget_ms, err);
	else
		good = delete(c, j, did, err);
	if (!good)
		reset(c);       /* an unfinished transaction goes with its connection */
	return good;
}
