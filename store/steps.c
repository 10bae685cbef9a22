/* One series in steps of time: minimum, maximum, mean, last. */
#include "store/store.h"

#include <stdlib.h>
#include <string.h>

struct fold {
	struct wall from;
	int64_t step_ms;
	step_fn *fn;
	void *ctx;
	struct series *rows;            /* by stored number */
	size_t n_rows;
	struct step now;
	__int128 sum;
	uint32_t series;
	bool open, stopped;
};

/* Half to even, as everything that is rounded for people. */
static int64_t mean_of(__int128 sum, int64_t n)
{
	__int128 q = sum / n, r = sum % n, twice = (r < 0 ? -r : r) * 2;
	if (twice > n || (twice == n && (q & 1)))
		q += sum < 0 ? -1 : 1;
	return (int64_t)q;
}

static void close_step(struct fold *f)
{
	if (!f->open)
		return;
	f->now.mean = f->now.n ? mean_of(f->sum, f->now.n) : 0;
	f->now.series = f->series < f->n_rows ? &f->rows[f->series] : NULL;
	f->stopped = f->stopped || !f->fn(f->ctx, &f->now);
	f->open = false;
}

static void add(struct fold *f, const struct sample *s)
{
	int64_t k = (s->at.wall.ms - f->from.ms) / f->step_ms;
	struct wall from = { f->from.ms + k * f->step_ms };
	if (f->open && (from.ms != f->now.from.ms || s->series != f->series))
		close_step(f);
	if (!f->open) {
		f->now = (struct step){ .from = from };
		f->sum = 0;
		f->series = s->series;
		f->open = true;
	}
	f->now.not_good += s->quality != QUALITY_GOOD;
	if (!sample_has_value(s))
		return;
	f->now.min = f->now.n == 0 || s->value < f->now.min ? s->value : f->now.min;
	f->now.max = f->now.n == 0 || s->value > f->now.max ? s->value : f->now.max;
	f->now.last = s->value;
	f->now.n++;
	f->sum += s->value;
}

static bool add_batch(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct fold *f = ctx;
	(void)now;
	for (size_t i = 0; i < n && !f->stopped; i++)
		add(f, &samples[i]);
	return !f->stopped;
}

static bool keep_row(void *ctx, uint32_t number, const struct series *s)
{
	struct fold *f = ctx;
	if (number >= f->n_rows) {
		size_t n = number + 256;
		struct series *more = realloc(f->rows, n * sizeof *more);
		if (!more)
			return false;
		memset(more + f->n_rows, 0, (n - f->n_rows) * sizeof *more);
		f->rows = more;
		f->n_rows = n;
	}
	f->rows[number] = *s;
	f->rows[number].id = f->rows[number].label = NULL;      /* borrowed from a row that is gone by then */
	return true;
}

bool reader_steps(struct reader *r, const char *series_id, struct wall from, struct wall to, int64_t step_ms, step_fn *fn, void *ctx, struct err *err)
{
	struct fold f = { .from = from, .step_ms = step_ms, .fn = fn, .ctx = ctx };
	if (step_ms <= 0)
		return err_set(err, ERR_USAGE, "a step of %lld ms", (long long)step_ms);
	if (from.ms == INT64_MIN)
		f.from.ms = 0;          /* steps are aligned to UTC */
	bool good = reader_numbered_series(r, keep_row, &f, err) && reader_history(r, series_id, from, to, add_batch, &f, err);
	if (good && !f.stopped)
		close_step(&f);
	free(f.rows);
	return good;
}
