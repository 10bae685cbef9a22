/* One series in steps of time: minimum, maximum, mean, last. */
#include "store/steps.h"

#include <stdlib.h>
#include <string.h>

/* Half to even, as everything that is rounded for people. */
int64_t quarter_mean(const struct quarter *q)
{
	if (q->n == 0)
		return 0;
	__int128 mean = q->sum / q->n, rest = q->sum % q->n, twice = (rest < 0 ? -rest : rest) * 2;
	if (twice > q->n || (twice == q->n && (mean & 1)))
		mean += q->sum < 0 ? -1 : 1;
	return (int64_t)mean;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

bool grid_has(const struct grid *g, struct wall t)
{
	return t.ms >= g->from.ms && t.ms < g->to.ms;
}

int64_t grid_step(const struct grid *g, struct wall t)
{
	return floor_div(t.ms - g->from.ms, g->step_ms);
}

static bool whole_in_a_step(const struct grid *g, struct wall from, int64_t width_ms)
{
	struct wall last = { from.ms + width_ms - 1 };
	return grid_has(g, from) && grid_has(g, last) && grid_step(g, from) == grid_step(g, last);
}

/* Of a dropped window: the whole quarters that begin in a step, where steps and quarters do not fit. */
static bool each_quarter(const struct grid *g, struct rollup *r, grid_fn *fn, void *ctx, struct err *err)
{
	if (!rollup_quarters(r, err))
		return false;
	for (size_t i = 0; i < r->n_quarters; i++) {
		struct wall from = { r->quarters[i].at * QUARTER_MS };
		if (grid_has(g, from) && (g->to.ms == INT64_MAX || from.ms + QUARTER_MS <= g->to.ms))
			if (!fn(ctx, grid_step(g, from), &r->quarters[i]))
				return false;
	}
	return true;
}

bool grid_rollup(const struct grid *g, struct rollup *r, grid_fn *fn, void *ctx, struct err *err)
{
	const int64_t day = (int64_t)QUARTER_MS * QUARTERS_A_DAY;
	bool heads = true;
	for (size_t i = 0; i < r->n_days; i++) {
		struct wall from = { r->days[i].all.at * day }, last = { from.ms + day - 1 };
		bool outside = last.ms < g->from.ms || from.ms >= g->to.ms;
		heads = heads && (outside || whole_in_a_step(g, from, day));
	}
	if (!heads)
		return each_quarter(g, r, fn, ctx, err);
	for (size_t i = 0; i < r->n_days; i++) {
		struct wall from = { r->days[i].all.at * day };
		if (grid_has(g, from) && !fn(ctx, grid_step(g, from), &r->days[i].all))
			return false;
	}
	return true;
}

enum fit { OUTSIDE, WHOLE, CUT };

static enum fit fit_of(const struct grid *g, const struct quarter *q)
{
	struct wall from = { q->at * QUARTER_MS }, last = { from.ms + QUARTER_MS - 1 };
	return last.ms < g->from.ms || from.ms >= g->to.ms ? OUTSIDE : whole_in_a_step(g, from, QUARTER_MS) ? WHOLE : CUT;
}

/* At least as many readings as there are up to the last quarter that is cut; 0: none is.  SIZE_MAX: the clock went back, and quarters have no order. */
static size_t needed(const struct grid *g, const struct rollup *r)
{
	size_t seen = 0, needed = 0;
	for (size_t i = 0; i < r->n_quarters; i++) {
		const struct quarter *q = &r->quarters[i];
		if (i && q->at <= q[-1].at)
			return SIZE_MAX;
		seen += (size_t)q->n + (size_t)q->not_good;
		needed = fit_of(g, q) == CUT ? seen : needed;
	}
	return needed;
}

bool grid_cut(const struct grid *g, struct rollup *r, struct edge *raw, uint32_t sid, const struct cutting *to, struct err *err)
{
	if (!rollup_quarters(r, err))
		return false;
	size_t k = needed(g, r), at = 0;
	raw->n = 0;
	if (k && !edge_read(raw, sid, k, err))
		return false;
	if (k == SIZE_MAX)
		return to->samples(to->samples_ctx, sid, raw->s, raw->n);
	for (size_t i = 0; i < r->n_quarters; i++) {
		const struct quarter *q = &r->quarters[i];
		enum fit fit = fit_of(g, q);
		if (fit == WHOLE && !to->whole(to->whole_ctx, grid_step(g, (struct wall){ q->at * QUARTER_MS }), q))
			return false;
		if (fit != CUT)
			continue;
		while (at < raw->n && quarter_of(raw->s[at].at.wall) < q->at)
			at++;
		size_t first = at;
		while (at < raw->n && quarter_of(raw->s[at].at.wall) == q->at)
			at++;
		if (at > first && !to->samples(to->samples_ctx, sid, raw->s + first, at - first))
			return false;
	}
	return true;
}

struct fold {
	struct grid grid;
	step_fn *fn;
	void *ctx;
	const struct known *known;
	struct series kind;             /* of the open step's series */
	struct quarter now;
	int64_t step;
	uint32_t series;
	bool open, stopped, dropped;
};

static void close_step(struct fold *f)
{
	if (!f->open)
		return;
	const struct quarter *q = &f->now;
	struct step s = { .from = { f->grid.from.ms + f->step * f->grid.step_ms }, .n = q->n, .not_good = q->not_good, .min = q->min, .max = q->max, .last = q->last,
			  .mean = quarter_mean(q), .rolled = f->dropped, .series = &f->kind };
	f->stopped = f->stopped || !f->fn(f->ctx, &s);
	f->open = false;
}

static void go_to(struct fold *f, int64_t step, uint32_t series)
{
	if (f->open && (step != f->step || series != f->series))
		close_step(f);
	if (f->open)
		return;
	f->now = (struct quarter){ .at = 0 };
	f->step = step;
	if (series != f->series || !f->kind.id)
		f->kind = known_of(f->known, series).s;
	f->series = series;
	f->open = true;
	f->dropped = false;
}

static bool add_samples(void *ctx, uint32_t sid, const struct sample *s, size_t n)
{
	struct fold *f = ctx;
	for (size_t i = 0; i < n && !f->stopped; i++) {
		if (!grid_has(&f->grid, s[i].at.wall))
			continue;
		go_to(f, grid_step(&f->grid, s[i].at.wall), sid);
		quarter_add(&f->now, &s[i]);
	}
	return !f->stopped;
}

struct adding { struct fold *f; uint32_t sid; bool dropped; };

static bool add_quarter(void *ctx, int64_t step, const struct quarter *q)
{
	struct adding *a = ctx;
	go_to(a->f, step, a->sid);
	quarter_merge(&a->f->now, q);
	a->f->dropped |= a->dropped;
	return !a->f->stopped;
}

static bool add_rollup(void *ctx, uint32_t sid, struct rollup *r, bool dropped, struct err *err)
{
	struct fold *f = ctx;
	return grid_rollup(&f->grid, r, add_quarter, &(struct adding){ f, sid, dropped }, err) && !f->stopped;
}

static bool add_cut(void *ctx, uint32_t sid, struct rollup *r, struct edge *raw, struct err *err)
{
	struct fold *f = ctx;
	struct cutting to = { add_quarter, &(struct adding){ f, sid, false }, add_samples, f };
	return grid_cut(&f->grid, r, raw, sid, &to, err) && !f->stopped;
}

bool grid_make(struct grid *g, struct wall from, struct wall to, int64_t step_ms, struct err *err)
{
	if (step_ms <= 0)
		return err_set(err, ERR_USAGE, "a step of %lld ms", (long long)step_ms);
	if (from.ms >= to.ms)
		return err_set(err, ERR_USAGE, "the time asked for ends before it begins");
	*g = (struct grid){ from, to, step_ms };
	if (from.ms == INT64_MIN)
		g->from.ms = 0;         /* steps are aligned to UTC */
	return true;
}

bool grid_on_quarters(const struct grid *g)
{
	return g->from.ms % QUARTER_MS == 0 && g->step_ms % QUARTER_MS == 0;
}

bool reader_steps(struct reader *r, const char *series_id, struct wall from, struct wall to, int64_t step_ms, step_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(sids_done) struct sids sids = { .list = NULL };
	struct fold f = { .fn = fn, .ctx = ctx, .known = &r->known };
	LOCKED(r);
	if (!grid_make(&f.grid, from, to, step_ms, err) || !sids_find(r, series_id, &sids, err))
		return false;
	struct walk w = { .r = r, .from = f.grid.from, .to = to, .sids = sids.list, .n = sids.n, .rollups = grid_on_quarters(&f.grid), .samples = add_samples, .quarters = add_rollup, .cut = step_ms >= CUT_MS ? add_cut : NULL, .ctx = &f };
	bool good = walk_closed(&w, err) && walk_open(&w, err);
	if (good && !f.stopped)
		close_step(&f);
	return good;
}
