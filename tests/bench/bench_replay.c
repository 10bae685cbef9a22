/* bench_replay [COUNTERS] [DAYS] - a year of 15-minute readings of 6,000 counters through ledger_push() and a window; the reference
 * is the least any fold must do: look up the counter, subtract, add.  Prints one line each; the figure to reach is 2 million readings/s. */
#include "core/kpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

static double cpu_s(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static long resident_kib(void)
{
	struct rusage r;
	getrusage(RUSAGE_SELF, &r);
	return r.ru_maxrss;
}

struct made { struct meter *meters; struct ledger_wiring *wiring; struct site site; char (*ids)[24]; };

/* 2 feeds, 80 row cabinets of IT, the rest rack counters. */
static void make(struct made *m, size_t n)
{
	m->meters = calloc(n, sizeof *m->meters);
	m->wiring = calloc(n, sizeof *m->wiring);
	m->ids = calloc(n, sizeof *m->ids);
	for (size_t i = 0; i < n; i++) {
		snprintf(m->ids[i], sizeof m->ids[i], "m%zu", i);
		m->meters[i] = (struct meter){ .id = m->ids[i], .role = i < 2 ? ROLE_SUPPLY : i < 82 ? ROLE_IT : ROLE_RACK, .parent_ix = i < 82 ? -1 : 2 + (int64_t)i % 80,
					       .point = POINT_ROW_CABINET, .p_max_mw = 4000000000, .factor = { 1, 1 }, .energy = "total.energy" };
		m->wiring[i] = (struct ledger_wiring){ (uint32_t)i, UINT32_MAX, { 10000, 1 }, 100000000, false, 900000, 1 };
	}
	m->site = (struct site){ .id = "bench", .interval_ms = 900000, .meters = { m->meters, n } };
}

struct sums { struct window *w; uint64_t intervals, events; long resident_kib; /* after the first day */ };
static void on_interval(void *ctx, const struct interval *iv)
{
	struct sums *s = ctx;
	s->intervals++;
	if (s->w)
		window_push(s->w, iv);
}
static void on_event(void *ctx, const struct ledger_event *ev)
{
	struct sums *s = ctx;
	(void)ev;
	s->events++;
}

enum { START_Q = 1963584 };      /* 2026-01-01 in quarters */

/* One sweep: every counter within nine seconds after the quarter. */
static void sweep(struct sample *out, const int64_t *value, size_t n, int64_t quarter)
{
	for (size_t i = 0; i < n; i++) {
		int64_t wall = quarter * 900000 + (int64_t)(i * 9000 / n);
		out[i] = (struct sample){ .series = (uint32_t)i, .quality = QUALITY_GOOD, .value = value[i] % 100000000,
					  .at = { { wall }, { wall - INT64_C(1767000000000) }, 1, true } };
	}
}

static double fold(const struct made *m, size_t n, int64_t quarters, bool window, struct sums *sums)
{
	struct sample *samples = calloc(n, sizeof *samples);
	int64_t *value = calloc(n, sizeof *value);
	struct ledger *l = ledger_new(&m->site, m->wiring, NULL);
	struct ledger_sink sink = { on_interval, on_event, sums };
	double spent = 0;
	if (window)
		sums->w = window_new(&m->site, (struct wall){ START_Q * INT64_C(900000) }, (struct wall){ (START_Q + quarters) * INT64_C(900000) }, NULL);
	for (int64_t q = 0; q <= quarters; q++) {
		for (size_t i = 0; i < n; i++)
			value[i] += i < 2 ? 50000 : 10 + (int64_t)(i * 7 + (size_t)q) % 40;
		sweep(samples, value, n, START_Q + q);
		double t = cpu_s();
		ledger_push(l, samples, n, samples[n - 1].at, &sink);
		spent += cpu_s() - t;
		sums->resident_kib = q == 96 ? resident_kib() : sums->resident_kib;
	}
	double t = cpu_s();
	ledger_finish(l, &sink);
	spent += cpu_s() - t;
	ledger_free(l);
	free(samples);
	free(value);
	return spent;
}

static double least(size_t n, int64_t quarters, int64_t *sum)
{
	struct sample *samples = calloc(n, sizeof *samples);
	int64_t *value = calloc(n, sizeof *value), *last = calloc(n, sizeof *last), *total = calloc(n, sizeof *total);
	double spent = 0;
	for (int64_t q = 0; q <= quarters; q++) {
		for (size_t i = 0; i < n; i++)
			value[i] += 10 + (int64_t)(i * 7 + (size_t)q) % 40;
		sweep(samples, value, n, START_Q + q);
		double t = cpu_s();
		for (size_t i = 0; i < n; i++) {
			uint32_t s = samples[i].series;
			total[s] += samples[i].value - last[s];
			last[s] = samples[i].value;
		}
		spent += cpu_s() - t;
	}
	for (size_t i = 0; i < n; i++)
		*sum += total[i];
	free(samples);
	free(value);
	free(last);
	free(total);
	return spent;
}

int main(int argc, char **argv)
{
	size_t n = argc > 1 ? strtoul(argv[1], NULL, 10) : 6000;
	int64_t quarters = (argc > 2 ? strtol(argv[2], NULL, 10) : 365) * 96, sum = 0;
	struct made m;
	struct sums plain = { 0 }, with = { 0 };
	if (n < 100 || quarters < 1)
		return fprintf(stderr, "bench_replay [COUNTERS >= 100] [DAYS >= 1]\n"), 64;
	make(&m, n);
	double readings = (double)n * (double)(quarters + 1);
	double a = least(n, quarters, &sum), b = fold(&m, n, quarters, false, &plain), c = fold(&m, n, quarters, true, &with);
	printf("%zu counters, %lld quarters, %.0f readings (checksum %lld)\n", n, (long long)quarters, readings, (long long)sum);
	printf("subtract and add (reference) %8.2f million readings/s\n", readings / a * 1e-6);
	printf("ledger_push                  %8.2f million readings/s, %llu intervals, %llu events\n", readings / b * 1e-6, (unsigned long long)plain.intervals,
	       (unsigned long long)plain.events);
	printf("ledger_push + window         %8.2f million readings/s\n", readings / c * 1e-6);
	printf("resident                     %8ld KiB at its highest; %ld KiB after a day\n", resident_kib(), with.resident_kib);
	window_free(with.w);
	free(m.meters);
	free(m.wiring);
	free(m.ids);
	return plain.intervals != (uint64_t)quarters + (quarters > 0);
}
