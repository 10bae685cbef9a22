/* bench_store [SERIES] [HOURS]: the store beside a row per sample, in one run: bytes a sample, CPU, bytes written.
 *
 * Data: SERIES series read every 10 s, 20 points a device with one jittered stamp; of 20 points 8 noisy powers and currents,
 * 2 quantised energy registers, 6 slow temperatures and voltages, 4 states; seeded.  Both sides commit once a second at synchronous=FULL.
 * Bytes written are the kernel's (/proc/self/io write_bytes), so run it in a directory on a real disk.  The row-per-sample side
 * runs over the first ROW_MINUTES only: its cost a sample does not fall with time. */
#include "store/store.h"
#include "store/window.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { POINTS = 20, PERIOD_S = 10, ROW_MINUTES = 2 };
static uint64_t rng_state = 20260101;

static uint64_t rng(void)
{
	uint64_t z = (rng_state += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

/* About normal, sigma 1: twelve uniform numbers. */
static double normal(void)
{
	double sum = -6;
	for (int i = 0; i < 12; i++)
		sum += (double)(rng() >> 11) / 9007199254740992.0;
	return sum;
}

struct state { double level, sum; int64_t value; };

/* Resolutions as devices have them: 1 W, 10 mA, 0.01 kWh, 0.1 degree, 0.1 V. */
static int64_t next_value(struct state *s, unsigned point)
{
	unsigned kind = point % POINTS;
	if (s->level == 0)
		s->level = 200 + (double)(rng() % 4000);
	if (kind < 4) {                                  /* power: slow walk and noise of about 1 % */
		s->level += normal() * 0.3;
		return s->value = (int64_t)(s->level + normal() * s->level * 0.005) * 1000;
	}
	if (kind < 8) {                                  /* current, 10 mA */
		s->level += normal() * 0.02;
		return s->value = (int64_t)(s->level / 23 + normal() * 2) * 10;
	}
	if (kind < 10) {                                 /* register, 0.01 kWh */
		s->sum += s->level / 360000.0 * 100 * PERIOD_S / 10;
		return s->value = (int64_t)s->sum;
	}
	if (kind < 16) {                                 /* temperature, voltage: changes now and then */
		if (rng() % 30 == 0)
			s->level += normal() > 0 ? 1 : -1;
		return s->value = (int64_t)s->level * 100;
	}
	if (rng() % 20000 == 0)                          /* state */
		s->value = (int64_t)(rng() % 4);
	return s->value;
}

struct usage { double cpu_s, wall_s; uint64_t written; };

static struct usage usage_now(void)
{
	struct rusage r;
	struct timespec t;
	struct usage u = { 0 };
	char line[100];
	unsigned long long n;
	getrusage(RUSAGE_SELF, &r);
	clock_gettime(CLOCK_MONOTONIC, &t);
	u.cpu_s = (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec) / 1e6;
	u.wall_s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
	FILE *f = fopen("/proc/self/io", "r");
	while (f && fgets(line, sizeof line, f))
		if (sscanf(line, "write_bytes: %llu", &n) == 1)
			u.written = n;
	if (f)
		fclose(f);
	return u;
}

static struct usage since(struct usage a)
{
	struct usage b = usage_now();
	return (struct usage){ b.cpu_s - a.cpu_s, b.wall_s - a.wall_s, b.written - a.written };
}

static uint64_t dir_bytes(const char *dir, bool remove)
{
	uint64_t sum = 0;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));) {
		char path[600];
		struct stat st;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
			continue;
		sum += strcmp(e->d_name, "reserve") ? (uint64_t)st.st_size : 0;
		if (remove)
			unlink(path);
	}
	if (d)
		closedir(d);
	if (remove)
		rmdir(dir);
	return sum;
}

struct feed { size_t n_series; struct state *states; struct sample *batch; uint64_t samples; };

/* Devices due in this second: a tenth of them; each with its own jitter. */
static size_t second(struct feed *f, int64_t t)
{
	size_t n = 0;
	for (size_t d = (size_t)(t % PERIOD_S); d * POINTS < f->n_series; d += PERIOD_S) {
		int64_t ms = 1767225600000 + t * 1000 + (int64_t)(rng() % 24);
		for (unsigned p = 0; p < POINTS && d * POINTS + p < f->n_series; p++) {
			size_t i = d * POINTS + p;
			f->batch[n++] = (struct sample){ .series = (uint32_t)i, .value = next_value(&f->states[i], p), .at = { { ms }, { ms - 1767225000000 }, 1, true } };
		}
	}
	f->samples += n;
	return n;
}

static void die(const char *what, const struct err *err)
{
	fprintf(stderr, "bench_store: %s: %s\n", what, err->text);
	exit(1);
}

static struct store *open_store(const char *dir, size_t n_series)
{
	struct store_options o = { .dir = dir, .reserve_bytes = -1, .wait = true, .tick_ms = 1000000, .now = { 1767225600000 } };
	struct series *rows = calloc(n_series, sizeof *rows);
	struct err err;
	struct store *s = store_open(&o, &err);
	if (!s || !rows)
		die("open", &err);
	for (size_t i = 0; i < n_series; i++) {
		char id[64];
		snprintf(id, sizeof id, "device-%zu/point.%zu", i / POINTS, i % POINTS);
		rows[i] = (struct series){ .id = strdup(id), .device = (uint16_t)(i / POINTS), .quantity = Q_ACTIVE_POWER, .count = { 1, 1 } };
	}
	if (!store_series(s, rows, n_series, &err))
		die("series", &err);
	for (size_t i = 0; i < n_series; i++)
		free((void *)(uintptr_t)rows[i].id);
	free(rows);
	return s;
}

/* Ours: journal, then the hours sealed and the days compacted, all counted. */
static struct usage run_store(const char *dir, struct feed *f, int64_t seconds)
{
	struct err err;
	struct store *s = open_store(dir, f->n_series);
	struct usage before = usage_now();
	for (int64_t t = 0; t < seconds; t++) {
		size_t n = second(f, t);
		struct stamp now = { { 1767225600000 + t * 1000 + 999 }, { 600000 + t * 1000 + 999 }, 1, true };
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
	struct compaction *c = compaction_new(dir, NULL);
	do {
		if (!compaction_step(c, &j, 1000, &did, &err))
			die("compaction", &err);
	} while (did || !compaction_idle(c));
	compaction_free(c);
	journal_close(&j);
	return since(before);
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
			query_int(q, 1767225600000 - (200 - k) * PERIOD_S * 1000);
			sqlite3_bind_double(q->stmt, ++q->bound, (double)k);
			query_int(q, 0);
			if (!query_run(q, &err))
				die("rows", &err);
		}
	if (!db_exec(d, "COMMIT; PRAGMA wal_checkpoint(TRUNCATE); PRAGMA synchronous=FULL", &err))
		die("rows", &err);
}

static struct usage run_rows(const char *path, struct feed *f, int64_t seconds)
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
		size_t n = second(f, t);
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
	return since(before);
}

static struct feed new_feed(size_t n)
{
	struct feed f = { .n_series = n, .states = calloc(n, sizeof(struct state)), .batch = calloc(n, sizeof(struct sample)) };
	rng_state = 20260101;
	return f;
}

static void free_feed(struct feed *f)
{
	free(f->states);
	free(f->batch);
}

/* What is sealed, in hours (journal.db) and in days (segments): bytes of the bodies and samples. */
static void sealed(const char *dir, const char *file, const struct db_schema *schema)
{
	struct db d;
	struct err err;
	int64_t n = 0, bytes = 0;
	if (!db_open(&d, dir, file, NULL, true, schema, &err))
		return;
	if (db_number(&d, "SELECT sum(n) FROM window", 0, &n, &err) && n &&
	    db_number(&d, "SELECT (SELECT sum(length(body)+10) FROM block)+(SELECT sum(length(body)+10) FROM stamps)", 0, &bytes, &err))
		printf("%-28s %12.3f  (%lld samples)\n", file, (double)bytes / (double)n, (long long)n);
	db_close(&d);
}

/* CPU of making the data alone; taken off both sides. */
static double generation(size_t n, int64_t seconds)
{
	struct feed f = new_feed(n);
	struct usage before = usage_now();
	for (int64_t t = 0; t < seconds; t++)
		second(&f, t);
	free_feed(&f);
	return since(before).cpu_s;
}

static bool count(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	(void)s, (void)now;
	*(uint64_t *)ctx += n;
	return true;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 2000;
	int64_t hours = argc > 2 ? atoll(argv[2]) : 26;
	char dir[] = "bench-store-XXXXXX", rows[64];
	if (!mkdtemp(dir))
		return 1;
	struct feed f = new_feed(n);
	struct usage ours = run_store(dir, &f, hours * 3600);
	ours.cpu_s -= generation(n, hours * 3600);
	uint64_t bytes = dir_bytes(dir, false), samples = f.samples;
	free_feed(&f);
	struct err err;
	struct reader *r = reader_open(dir, &err);
	uint64_t seen = 0;
	struct usage reading = usage_now();
	if (!r || !reader_history(r, "device-3/point.2", (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, count, &seen, &err))
		die("history", &err);
	reading = since(reading);
	reader_close(r);
	snprintf(rows, sizeof rows, "%s/rows.db", dir);
	f = new_feed(n);
	struct usage theirs = run_rows(rows, &f, ROW_MINUTES * 60);
	theirs.cpu_s -= generation(n, ROW_MINUTES * 60);
	struct stat st = { 0 };
	stat(rows, &st);
	double a = (double)samples, b = (double)f.samples, kept = b + 200 * (double)n;
	printf("%zu series at %d s, %lld hours: %llu samples; seed 20260101\n", n, PERIOD_S, (long long)hours, (unsigned long long)samples);
	printf("%-28s %12s %16s %8s\n", "", "store", "row per sample", "ratio");
	printf("%-28s %12.3f %16.3f %8.1f\n", "bytes kept a sample", (double)bytes / a, (double)st.st_size / kept, (double)st.st_size / kept / ((double)bytes / a));
	printf("%-28s %12.3f %16.3f %8.1f\n", "CPU us a sample", ours.cpu_s * 1e6 / a, theirs.cpu_s * 1e6 / b, theirs.cpu_s / b / (ours.cpu_s / a));
	printf("%-28s %12.3f %16.3f %8.1f\n", "bytes written a sample", (double)ours.written / a, (double)theirs.written / b,
	       ours.written ? (double)theirs.written / b / ((double)ours.written / a) : 0);
	printf("%-28s %12.2f  (%llu samples of one series)\n", "history ms", reading.wall_s * 1e3, (unsigned long long)seen);
	puts("bytes a sample, sealed, stamps and keys included:");
	sealed(dir, "journal.db", &journal_schema);
	char **names;
	size_t segments = segment_list(dir, &names);
	for (size_t i = 0; i < segments; i++) {
		sealed(dir, names[i], &segment_schema);
		free(names[i]);
	}
	free(names);
	free_feed(&f);
	dir_bytes(dir, true);
	return 0;
}
