/* bench_day [SERIES] [DIR]: a day of readings sealed, compacted and asked: bytes a sample, CPU of compaction, xz, sums of 200 series.
 *
 * 26 hours are taken in, one day of them is compacted.  With DIR the readings of the 200 series of that day are written there, as day.om (OpenMetrics) and
 * day.csv, for the references that bench_series.py runs; the answers of the store are printed in lines that it reads ("sum NAME CPU_US ANSWER"). */
#include "store/window.h"
#include "tests/bench/mix.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HOURS = 26, ASKED = 200, ROUNDS = 50, ROUNDS_RAW = 5 };

static void load(const char *dir, struct mix *m)
{
	struct err err;
	struct store *s = mix_store(dir, m->n_series);
	for (int64_t t = 0; t < HOURS * 3600; t++) {
		size_t n = mix_second(m, t);
		uint64_t position = store_journal(s, m->batch, n, (struct stamp){ { mix_start_ms + t * 1000 + 999 }, { 600000 + t * 1000 + 999 }, 1, true });
		struct commit c = { .checkpoint = "x", .checkpoint_len = 1, .journal_position = position };
		if ((t % 900 == 899 && !store_commit(s, &c, &err)) || (t % 30 == 29 && !store_flush(s, &err)))
			die("store", &err);
		if (t % 3600 != 3599)
			continue;
		store_close(s);         /* an hour at a time, as the writer does beside its work */
		struct journal j;
		bool did;
		if (!journal_open(&j, dir, NULL, false, &err) || !seal_hour(&j, UINT64_MAX >> 1, &did, &err))
			die("seal", &err);
		journal_close(&j);
		s = mix_store(dir, m->n_series);
	}
	store_close(s);
}

static struct usage compact(const char *dir)
{
	struct usage before = usage_now();
	struct compaction *c = compaction_new(dir, NULL);
	struct journal j;
	struct err err;
	bool did;
	if (!journal_open(&j, dir, NULL, false, &err))
		die("journal", &err);
	do {
		if (!compaction_step(c, &j, 1000, &did, &err))
			die("compaction", &err);
	} while (did || !compaction_idle(c));
	compaction_free(c);
	journal_close(&j);
	return usage_since(before);
}

static int64_t number(const char *dir, const char *file, const char *sql)
{
	struct db d;
	struct err err;
	int64_t n = 0;
	if (!db_open(&d, dir, file, NULL, true, strcmp(file, "journal.db") ? &segment_schema : &journal_schema, &err) || !db_number(&d, sql, 0, &n, &err))
		die(file, &err);
	db_close(&d);
	return n;
}

static double size_of(const char *dir, const char *file)
{
	char path[300];
	struct stat st = { 0 };
	snprintf(path, sizeof path, "%s/%s", dir, file);
	stat(path, &st);
	return (double)st.st_size;
}

static void sizes(const char *dir)
{
	static const char raw[] = "raw-2026-01.db";
	double n = (double)number(dir, raw, "SELECT sum(n) FROM window"), segment = size_of(dir, raw), rollup = size_of(dir, "rollup.db"), journal = size_of(dir, "journal.db");
	double blocks = (double)number(dir, raw, "SELECT sum(length(body)) FROM block"), stamps = (double)number(dir, raw, "SELECT sum(length(body)) FROM stamps");
	printf("%-44s %10.0f\n", "samples of the day", n);
	printf("%-44s %10.4f\n", "bytes a sample, values and qualities", blocks / n);
	printf("%-44s %10.4f\n", "bytes a sample, stamps", stamps / n);
	printf("%-44s %10.4f\n", "bytes a sample, segment file", segment / n);
	printf("%-44s %10.4f\n", "bytes a sample, quarters of an hour", rollup / n);
	printf("%-44s %10.4f\n", "bytes a sample, journal.db spread over a year", journal / (n * 365));
	printf("%-44s %10.4f\n", "bytes a sample, all in", (segment + rollup + journal / 365) / n);
	double hours = (double)number(dir, "journal.db", "SELECT sum(length(body)) FROM block") + (double)number(dir, "journal.db", "SELECT sum(length(body)) FROM stamps");
	int64_t in_hours = number(dir, "journal.db", "SELECT sum(n) FROM window");
	if (in_hours)
		printf("%-44s %10.4f\n", "bytes a sample, hours that wait for their day", hours / (double)in_hours);
}

struct values { int64_t v[10000]; size_t n; FILE *om, *csv; unsigned series; };

static bool keep(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct values *v = ctx;
	(void)n, (void)now;
	v->v[v->n++] = s->value;
	if (v->om)
		fprintf(v->om, "bench_reading{series=\"%u\"} %.3f %lld.%03lld\n", v->series, (double)s->value / 1000, (long long)(s->at.wall.ms / 1000), (long long)(s->at.wall.ms % 1000));
	if (v->csv)
		fprintf(v->csv, "%u,%lld,%lld\n", v->series, (long long)s->at.wall.ms, (long long)s->value);
	return v->n < countof(v->v);
}

static FILE *output(const char *dir, const char *name)
{
	char path[300];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return fopen(path, "w");
}

static double xz_bytes(const char *path)
{
	char command[400];
	double n = 0;
	snprintf(command, sizeof command, "xz -9e -c %s | wc -c", path);
	FILE *f = popen(command, "r");
	if (!f || fscanf(f, "%lf", &n) != 1)
		n = 0;
	if (f)
		pclose(f);
	return n;
}

static int64_t divisor_of(const struct values *v)
{
	int64_t g = 0;
	for (size_t i = 1; i < v->n; i++)
		for (int64_t a = llabs(v->v[i] - v->v[0]), rest; a; a = rest) {
			rest = g ? g % a : 0;
			g = a;
		}
	return g ? g : 1;
}

/* The series asked for, out of the store again: for the references, and as columns of 32-bit differences for xz. */
static void readings(const char *dir, const char *out, size_t asked)
{
	static struct values v;
	char path[300], scaled[300];
	struct err err;
	struct reader *r = reader_open(dir, &err);
	FILE *plain, *divided;
	snprintf(path, sizeof path, "%s/deltas", dir);
	snprintf(scaled, sizeof scaled, "%s/deltas-scaled", dir);
	if (!r || !(plain = fopen(path, "w")) || !(divided = fopen(scaled, "w")))
		die("readings", &err);
	if (out) {
		v.om = output(out, "day.om");
		v.csv = output(out, "day.csv");
		if (v.om)
			fputs("# TYPE bench_reading gauge\n", v.om);
	}
	for (size_t i = 0; i < asked; i++) {
		char id[64];
		snprintf(id, sizeof id, "device-%zu/point.%zu", i / MIX_POINTS, i % MIX_POINTS);
		v.n = 0;
		v.series = (unsigned)i;
		if (!reader_history(r, id, (struct wall){ mix_start_ms }, (struct wall){ mix_start_ms + MIX_DAY_S * 1000LL }, keep, &v, &err))
			die("history", &err);
		int64_t g = divisor_of(&v);
		for (size_t k = 1; k < v.n; k++) {
			int32_t d = (int32_t)(v.v[k] - v.v[k - 1]), q = (int32_t)((v.v[k] - v.v[k - 1]) / g);
			fwrite(&d, sizeof d, 1, plain);
			fwrite(&q, sizeof q, 1, divided);
		}
	}
	reader_close(r);
	fclose(plain);
	fclose(divided);
	if (v.om) {
		fputs("# EOF\n", v.om);
		fclose(v.om);
		fclose(v.csv);
	}
	char sql[200];
	snprintf(sql, sizeof sql, "SELECT sum(length(body)) FROM block WHERE key & 4294967295 < %zu", asked);
	double n = (double)asked * MIX_DAY_S / MIX_PERIOD_S, ours = (double)number(dir, "raw-2026-01.db", sql) / n;
	printf("%-44s %10.4f\n", "the series asked for: values, qualities, heads", ours);
	printf("%-44s %10.4f\n", "their differences, 32 bits each, xz -9e", xz_bytes(path) / n);
	printf("%-44s %10.4f\n", "the same divided by their common divisor", xz_bytes(scaled) / n);
}

static bool add_up(void *ctx, const struct step_sum *s)
{
	*(double *)ctx += (double)s->mean / 1000;
	return true;
}

static void sum(const char *dir, const char *name, size_t asked, int64_t from_ms, int64_t step_ms, int rounds)
{
	const char *ids[ASKED];
	char names[ASKED][64];
	struct err err;
	double answer = 0;
	for (size_t i = 0; i < asked; i++) {
		snprintf(names[i], sizeof names[i], "device-%zu/point.%zu", i / MIX_POINTS, i % MIX_POINTS);
		ids[i] = names[i];
	}
	struct reader *r = reader_open(dir, &err);
	struct usage before = usage_now();
	for (int i = 0; i < rounds; i++) {
		answer = 0;
		if (!r || !reader_sums(r, ids, asked, (struct wall){ from_ms }, (struct wall){ mix_start_ms + MIX_DAY_S * 1000LL }, step_ms, add_up, &answer, &err))
			die("sum", &err);
	}
	struct usage u = usage_since(before);
	reader_close(r);
	printf("sum %s %.0f %.6f\n", name, u.cpu_s * 1e6 / rounds, answer);
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000, asked = n < ASKED ? n : ASKED;
	char dir[] = "bench-day-XXXXXX";
	if (!mkdtemp(dir))
		return 1;
	struct mix m = mix_new(n);
	load(dir, &m);
	struct usage u = compact(dir);
	printf("%zu series at %d s, seed %d\n", n, MIX_PERIOD_S, MIX_SEED);
	printf("%-44s %10.4f\n", "CPU us a sample, compaction of a day", u.cpu_s * 1e6 / ((double)n * MIX_DAY_S / MIX_PERIOD_S));
	printf("%-44s %10.4f\n", "bytes written a sample, compaction", (double)u.written / ((double)n * MIX_DAY_S / MIX_PERIOD_S));
	sizes(dir);
	readings(dir, argc > 2 ? argv[2] : NULL, asked);
	sum(dir, "day", asked, mix_start_ms, MIX_DAY_S * 1000LL, ROUNDS);
	sum(dir, "quarters", asked, mix_start_ms, 900000, ROUNDS);
	sum(dir, "cut", asked, mix_start_ms + 1, MIX_DAY_S * 1000LL, ROUNDS_RAW);
	sum(dir, "noon", asked, mix_start_ms + MIX_DAY_S * 500LL + 1, MIX_DAY_S * 1000LL, ROUNDS_RAW);
	sum(dir, "raw", asked, mix_start_ms + 1, 899999, ROUNDS_RAW);
	mix_free(&m);
	dir_bytes(dir, true);
	return 0;
}
