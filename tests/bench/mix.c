#include "tests/bench/mix.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

const int64_t mix_start_ms = 1767225600000;
static uint64_t rng_state = MIX_SEED;

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

/* Resolutions as devices have them: 1 W, 10 mA, 0.01 kWh, 0.1 degree, 0.1 V. */
static int64_t next_value(struct mix_state *s, unsigned point)
{
	unsigned kind = point % MIX_POINTS;
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
		s->sum += s->level / 360000.0 * 100 * MIX_PERIOD_S / 10;
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

struct mix mix_new(size_t n)
{
	struct mix m = { .n_series = n, .states = calloc(n, sizeof *m.states), .batch = calloc(n, sizeof *m.batch) };
	rng_state = MIX_SEED;
	return m;
}

void mix_free(struct mix *m)
{
	free(m->states);
	free(m->batch);
}

size_t mix_second(struct mix *m, int64_t t)
{
	size_t n = 0;
	for (size_t d = (size_t)(t % MIX_PERIOD_S); d * MIX_POINTS < m->n_series; d += MIX_PERIOD_S) {
		int64_t ms = mix_start_ms + t * 1000 + (int64_t)(rng() % 24);
		for (unsigned p = 0; p < MIX_POINTS && d * MIX_POINTS + p < m->n_series; p++) {
			size_t i = d * MIX_POINTS + p;
			m->batch[n++] = (struct sample){ .series = (uint32_t)i, .value = next_value(&m->states[i], p), .at = { { ms }, { ms - mix_start_ms + 600000 }, 1, true } };
		}
	}
	m->samples += n;
	return n;
}

double mix_generation(size_t n, int64_t seconds)
{
	struct mix m = mix_new(n);
	struct usage before = usage_now();
	for (int64_t t = 0; t < seconds; t++)
		mix_second(&m, t);
	mix_free(&m);
	return usage_since(before).cpu_s;
}

struct usage usage_now(void)
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

struct usage usage_since(struct usage a)
{
	struct usage b = usage_now();
	return (struct usage){ b.cpu_s - a.cpu_s, b.wall_s - a.wall_s, b.written - a.written };
}

uint64_t dir_bytes(const char *dir, bool remove)
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

void die(const char *what, const struct err *err)
{
	fprintf(stderr, "%s: %s\n", what, err ? err->text : "failed");
	exit(1);
}

struct store *mix_store(const char *dir, size_t n_series)
{
	struct store_options o = { .dir = dir, .reserve_bytes = -1, .wait = true, .tick_ms = 1000000, .now = { mix_start_ms } };
	struct series *rows = calloc(n_series, sizeof *rows);
	struct err err;
	struct store *s = store_open(&o, &err);
	if (!s || !rows)
		die("open", &err);
	for (size_t i = 0; i < n_series; i++) {
		char id[64];
		snprintf(id, sizeof id, "device-%zu/point.%zu", i / MIX_POINTS, i % MIX_POINTS);
		rows[i] = (struct series){ .id = strdup(id), .device = (uint16_t)(i / MIX_POINTS), .quantity = Q_ACTIVE_POWER, .count = { 1, 1 } };
	}
	if (!store_series(s, rows, n_series, &err))
		die("series", &err);
	for (size_t i = 0; i < n_series; i++)
		free((void *)(uintptr_t)rows[i].id);
	free(rows);
	return s;
}
