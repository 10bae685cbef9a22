/* bench_store [SERIES] [HOURS]: taking readings in beside a row per sample, in one run: CPU and bytes written a sample.
 *
 * Both sides commit once a second at synchronous=FULL; ours seals its hours on the way.  Bytes written are the kernel's (/proc/self/io
 * write_bytes), so run it in a directory on a real disk.  The row-per-sample side runs over the first ROW_MINUTES only: its
 * cost a sample does not fall with time.  Compaction of days is bench_day's. */
#include "store/window.h"
#include "tests/bench/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_MINUTES = 2 };

static struct usage run_store(const char *dir, struct mix *f, int64_t seconds)
{
	struct err err;
	struct store *s = mix_store(dir, f->n_series);
	struct usage before = usage_now();
	for (int64_t t = 0; t < seconds; t++) {
		size_t n = mix_second(f, t);
		struct stamp now = { { mix_start_ms + t * 1000 + 999 }, { 600000 + t * 1000 + 999 }, 1, true };
		uint64_t position = store_journal(s, f->batch, n, now);
		struct commit c = { .checkpoint = "x", .checkpoint_len = 1, .journal_position = position };
		if ((t % 900 == 899 && !store_commit(s, &c, &err)) || !store_flush(s, &err))
			die("store", &err);
	}
	store_close(s);
	struct journal j;
	bool did;
	if (!journal_open(&j, dir, NULL, false, &err))
		die("seal", &err);
	while (seal_hour(&j, UINT64_MAX >> 1, &did, &err) && did)
		;
	journal_close(&j);
	return usage_since(before);
}

/* Two hundred earlier rows a series, in order and unmeasured: a table in use, where each series has pages of its own. */
static void fill_rows(struct db *d, struct query *q, size_t n_series)
{
	struct err err;
	if (!db_exec(d, "PRAGMA synchronous=OFF; BEGIN", &err))
		die("rows", &err);
	for (size_t i = 0; i < n_series; i++)
		for (int64_t k = 0; k < 200; k++) {
			query_int(q, (int64_t)i);
			query_int(q, mix_start_ms - (200 - k) * MIX_PERIOD_S * 1000);
			sqlite3_bind_double(q->stmt, ++q->bound, (double)k);
			query_int(q, 0);
			if (!query_run(q, &err))
				die("rows", &err);
		}
	if (!db_exec(d, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous=FULL", &err))
		die("rows", &err);
}

static struct usage run_rows(const char *path, struct mix *f, int64_t seconds)
{
	struct db d = { .name = "rows.db" };
	struct err err;
	struct query q;
	if (sqlite3_open(path, &d.sql) != SQLITE_OK ||
	    !db_exec(&d, "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
			 "CREATE TABLE sample(series INTEGER NOT NULL, at INTEGER NOT NULL, value REAL, quality INTEGER NOT NULL, PRIMARY KEY(series, at)) WITHOUT ROWID", &err) ||
	    !query_init(&q, &d, "INSERT OR REPLACE INTO sample VALUES(?,?,?,?)", &err))
		die("rows", &err);
	fill_rows(&d, &q, f->n_series);
	struct usage before = usage_now();
	for (int64_t t = 0; t < seconds; t++) {
		size_t n = mix_second(f, t);
		if (!db_exec(&d, "BEGIN", &err))
			die("rows", &err);
		for (size_t i = 0; i < n; i++) {
			query_int(&q, f->batch[i].series);
			query_int(&q, f->batch[i].at.wall.ms);
			sqlite3_bind_double(q.stmt, ++q.bound, (double)f->batch[i].value / 1000);
			query_int(&q, f->batch[i].quality);
			if (!query_run(&q, &err))
				die("rows", &err);
		}
		if (!db_exec(&d, "COMMIT", &err))
			die("rows", &err);
	}
	query_done(&q);
	sqlite3_close(d.sql);
	return usage_since(before);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	int64_t hours = argc > 2 ? atoll(argv[2]) : 3;
	char dir[] = "bench-store-XXXXXX", rows[64];
	if (!mkdtemp(dir))
		return 1;
	struct mix f = mix_new(n);
	struct usage ours = run_store(dir, &f, hours * 3600);
	ours.cpu_s -= mix_generation(n, hours * 3600);
	double a = (double)f.samples;
	mix_free(&f);
	snprintf(rows, sizeof rows, "%s/rows.db", dir);
	f = mix_new(n);
	struct usage theirs = run_rows(rows, &f, ROW_MINUTES * 60);
	theirs.cpu_s -= mix_generation(n, ROW_MINUTES * 60);
	struct stat st = { 0 };
	stat(rows, &st);
	double b = (double)f.samples, kept = b + 200 * (double)n;
	printf("%zu series at %d s, %lld hours: %.0f samples; seed %d\n", n, MIX_PERIOD_S, (long long)hours, a, MIX_SEED);
	printf("%-28s %12s %16s %8s\n", "", "store", "row per sample", "ratio");
	printf("%-28s %12.3f %16.3f %8.1f\n", "CPU us a sample", ours.cpu_s * 1e6 / a, theirs.cpu_s * 1e6 / b, theirs.cpu_s / b / (ours.cpu_s / a));
	printf("%-28s %12.3f %16.3f %8.1f\n", "bytes written a sample", (double)ours.written / a, (double)theirs.written / b,
	       ours.written ? (double)theirs.written / b / ((double)ours.written / a) : 0);
	printf("%-28s %12s %16.3f\n", "bytes kept a sample", "bench_day", (double)st.st_size / kept);
	mix_free(&f);
	dir_bytes(dir, true);
	return 0;
}
