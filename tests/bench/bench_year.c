/* bench_year: one series over a year in hours beside SQL rows; and a restart with an hour of journal of 20,000 series.
 *
 * The year: one device of 20 points at 10 s, closed day by day; the reference is a table with the rows of that one series alone. */
#include "store/window.h"
#include "tests/bench/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DAYS = 365, SITTING_S = 6 * 3600, SERIES = 20000, ROUNDS = 20 };
static const char id[] = "device-0/point.2";

static struct stamp at(int64_t t)
{
	return (struct stamp){ { mix_start_ms + t * 1000 + 999 }, { 600000 + t * 1000 + 999 }, 1, true };
}

static void settle(const char *dir)
{
	struct compaction *c = compaction_new(dir, NULL);
	struct journal j;
	struct err err;
	bool did;
	if (!journal_open(&j, dir, NULL, false, &err) || !seal_hour(&j, UINT64_MAX >> 1, &did, &err))
		die("seal", &err);
	do {
		if (!compaction_step(c, &j, 1000, &did, &err))
			die("compaction", &err);
	} while (did || !compaction_idle(c));
	compaction_free(c);
	journal_close(&j);
}

/* Both sides in one pass. */
static void load_year(const char *dir, sqlite3 *rows)
{
	struct mix m = mix_new(MIX_POINTS);
	struct store *s = mix_store(dir, MIX_POINTS);
	struct err err;
	sqlite3_stmt *q = NULL;
	if (sqlite3_exec(rows, "PRAGMA journal_mode=WAL; PRAGMA synchronous=OFF; CREATE TABLE sample(series INTEGER NOT NULL, at INTEGER NOT NULL, value REAL, quality INTEGER NOT NULL,"
			 " PRIMARY KEY(series, at)) WITHOUT ROWID; BEGIN", NULL, NULL, NULL) != SQLITE_OK || sqlite3_prepare_v2(rows, "INSERT INTO sample VALUES(2,?,?,0)", -1, &q, NULL) != SQLITE_OK)
		die("rows", NULL);
	for (int64_t t = 0; t < (int64_t)DAYS * MIX_DAY_S + 7200; t++) {
		size_t n = mix_second(&m, t);
		if (n) {
			store_journal(s, m.batch, n, at(t));
			sqlite3_bind_int64(q, 1, m.batch[2].at.wall.ms);
			sqlite3_bind_double(q, 2, (double)m.batch[2].value / 1000);
			sqlite3_step(q);
			sqlite3_reset(q);
		}
		if (t % 1800 == 1799 && !store_flush(s, &err))
			die("store", &err);
		if (t % SITTING_S == SITTING_S - 1) {
			store_close(s);
			settle(dir);
			s = mix_store(dir, MIX_POINTS);
		}
	}
	store_close(s);
	settle(dir);
	sqlite3_finalize(q);
	sqlite3_exec(rows, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL);
	mix_free(&m);
}

struct answer { uint64_t steps; int64_t n; double means; };

static bool take(void *ctx, const struct step *s)
{
	struct answer *a = ctx;
	a->steps++;
	a->n += s->n;
	a->means += (double)s->mean / 1000;
	return true;
}

static void year(void)
{
	char dir[] = "bench-year-XXXXXX", path[64];
	sqlite3 *rows;
	struct err err;
	struct answer ours = { 0 }, theirs = { 0 };
	if (!mkdtemp(dir))
		exit(1);
	snprintf(path, sizeof path, "%s/rows.db", dir);
	if (sqlite3_open(path, &rows) != SQLITE_OK)
		die("rows", NULL);
	load_year(dir, rows);
	struct wall from = { mix_start_ms }, to = { mix_start_ms + DAYS * (int64_t)MIX_DAY_S * 1000 };
	struct usage before = usage_now();
	for (int i = 0; i < ROUNDS; i++) {
		struct reader *r = reader_open(dir, &err);
		ours = (struct answer){ 0 };
		if (!r || !reader_steps(r, id, from, to, 3600000, take, &ours, &err))
			die("steps", &err);
		reader_close(r);
	}
	struct usage a = usage_since(before);
	sqlite3_stmt *q;
	char sql[300];
	snprintf(sql, sizeof sql, "SELECT at/3600000, count(*), min(value), max(value), avg(value) FROM sample WHERE series=2 AND at>=%lld AND at<%lld GROUP BY 1 ORDER BY 1", (long long)from.ms,
		 (long long)to.ms);
	if (sqlite3_prepare_v2(rows, sql, -1, &q, NULL) != SQLITE_OK)
		die("rows", NULL);
	before = usage_now();
	for (; sqlite3_step(q) == SQLITE_ROW; theirs.steps++) {
		theirs.n += sqlite3_column_int64(q, 1);
		theirs.means += sqlite3_column_double(q, 4);
	}
	struct usage b = usage_since(before);
	sqlite3_finalize(q);
	sqlite3_close(rows);
	printf("one series over a year in hours: %.2f ms CPU (%llu steps of %lld samples); SQL rows %.0f ms (%llu of %lld): %.0f times\n", a.cpu_s * 1e3 / ROUNDS, (unsigned long long)ours.steps,
	       (long long)ours.n, b.cpu_s * 1e3, (unsigned long long)theirs.steps, (long long)theirs.n, b.cpu_s / (a.cpu_s / ROUNDS));
	printf("mean of the hours' means: %.4f and %.4f\n", ours.means / (double)ours.steps, theirs.means / (double)theirs.steps);
	dir_bytes(dir, true);
}

static bool count(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	(void)s, (void)now;
	*(uint64_t *)ctx += n;
	return true;
}

/* An hour that is not sealed yet, and a checkpoint at its beginning: all of it is folded again. */
static void restart(void)
{
	char dir[] = "bench-restart-XXXXXX";
	struct err err;
	struct restart r;
	uint64_t samples = 0, newest = 0;
	if (!mkdtemp(dir))
		exit(1);
	struct mix m = mix_new(SERIES);
	struct store *s = mix_store(dir, SERIES);
	for (int64_t t = 0; t < 3600; t++) {
		size_t n = mix_second(&m, t);
		store_journal(s, m.batch, n, at(t));
		if (!store_flush(s, &err))
			die("store", &err);
	}
	store_close(s);
	struct usage before = usage_now();
	s = mix_store(dir, SERIES);
	struct usage open = usage_since(before);
	if (!store_restart(s, &r, &err) || !store_tail(s, r.journal_position, count, &samples, &err))
		die("restart", &err);
	struct usage tail = usage_since(before);
	struct reader *reader = reader_open(dir, &err);
	if (!reader || !reader_latest(reader, count, &newest, &err))
		die("latest", &err);
	struct usage all = usage_since(before);
	printf("restart with an hour of journal of %d series, %llu samples: open %.2f s CPU, folded again after %.2f s, newest of %llu series after %.2f s (wall %.2f s)\n", SERIES,
	       (unsigned long long)samples, open.cpu_s, tail.cpu_s, (unsigned long long)newest, all.cpu_s, all.wall_s);
	reader_close(reader);
	restart_done(&r);
	store_close(s);
	mix_free(&m);
	dir_bytes(dir, true);
}

int main(void)
{
	restart();
	year();
	return 0;
}
