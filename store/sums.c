/* Sums over many series, step by step: each series' mean, minimum, maximum and last value of a step, added up. */
#include "store/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STEPS_MAX = 200000 };

/* What one series said in the step it is in. */
struct slot { struct quarter now; int64_t step; bool open; };
struct total { __int128 mean, min, max, last; int64_t n, not_good; size_t with_value; bool any, rolled; };
struct sums {
	struct grid grid;
	const char *const *ids;         /* ascending */
	size_t n_ids;
	struct summand { uint32_t sid, slot; } *parts;  /* by sid */
	size_t n_parts, room, found;
	struct sids sids;               /* of the parts */
	struct slot *slots;             /* one an id */
	struct total *totals;
	int64_t n_totals;
	struct series first;            /* all must be of its kind */
	char first_id[120];
	struct err *err;
};

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool same_kind(struct sums *s, const struct stored_series *row)
{
	if (s->n_parts == 0) {
		s->first = row->s;
		s->first.id = s->first.label = NULL;
		snprintf(s->first_id, sizeof s->first_id, "%s", row->s.id);
		return true;
	}
	if (row->s.quantity == s->first.quantity && row->s.count.num == s->first.count.num && row->s.count.den == s->first.count.den)
		return true;
	return err_set(s->err, ERR_INPUT, "a sum needs series of one kind: %s is %s in %s, %s is %s in %s%s", s->first_id, quantities[s->first.quantity].name, quantities[s->first.quantity].unit,
		       row->s.id, quantities[row->s.quantity].name, quantities[row->s.quantity].unit, row->s.quantity == s->first.quantity ? ", of registers that count in other steps" : "");
}

static int by_sid(const void *a, const void *b)
{
	const struct summand *x = a, *y = b;
	return x->sid < y->sid ? -1 : x->sid > y->sid;
}

static bool add_id(struct sums *s, const struct known *known, uint32_t slot)
{
	struct stored_series row;
	size_t at = 0;
	bool any = false;
	while (known_next(known, s->ids[slot], &at, &row)) {
		if (!same_kind(s, &row))
			return false;
		if (s->n_parts == s->room) {
			size_t room = s->room ? 2 * s->room : 256;
			struct summand *more = realloc(s->parts, room * sizeof *more);
			if (!more)
				return err_memory(s->err);
			s->parts = more;
			s->room = room;
		}
		s->parts[s->n_parts++] = (struct summand){ row.sid, slot };
		any = true;
	}
	s->found += any;
	return true;
}

static struct slot *slot_at(struct sums *s, uint32_t sid)
{
	size_t lo = 0, hi = s->n_parts;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (s->parts[mid].sid < sid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return &s->slots[s->parts[lo].slot];
}

static void close_slot(struct sums *s, struct slot *slot)
{
	if (!slot->open)
		return;
	struct total *t = &s->totals[slot->step];
	const struct quarter *q = &slot->now;
	t->any = true;
	t->n += q->n;
	t->not_good += q->not_good;
	t->with_value += q->n > 0;
	t->mean += quarter_mean(q);
	t->min += q->min;
	t->max += q->max;
	t->last += q->last;
	slot->open = false;
}

/* False: the clock was set back into a step that is added up already; what is said there is doubt, not a second summand. */
static bool go_to(struct sums *s, struct slot *slot, int64_t step)
{
	if (slot->step > step) {
		s->totals[step].not_good++;
		return false;
	}
	if (slot->step != step)
		close_slot(s, slot);
	if (!slot->open)
		slot->now = (struct quarter){ .at = 0 };
	slot->open = true;
	slot->step = step;
	return true;
}

static bool add_samples(void *ctx, uint32_t sid, const struct sample *samples, size_t n)
{
	struct sums *s = ctx;
	struct slot *slot = slot_at(s, sid);
	for (size_t i = 0; i < n; i++)
		if (grid_has(&s->grid, samples[i].at.wall) && go_to(s, slot, grid_step(&s->grid, samples[i].at.wall)))
			quarter_add(&slot->now, &samples[i]);
	return true;
}

struct adding { struct sums *s; struct slot *slot; bool dropped; };

static bool add_quarter(void *ctx, int64_t step, const struct quarter *q)
{
	struct adding *a = ctx;
	if (go_to(a->s, a->slot, step))
		quarter_merge(&a->slot->now, q);
	a->s->totals[step].rolled |= a->dropped;
	return true;
}

static bool add_rollup(void *ctx, uint32_t sid, struct rollup *r, bool dropped, struct err *err)
{
	struct sums *s = ctx;
	return grid_rollup(&s->grid, r, add_quarter, &(struct adding){ s, slot_at(s, sid), dropped }, err);
}

static bool add_cut(void *ctx, uint32_t sid, struct rollup *r, struct edge *raw, struct err *err)
{
	struct sums *s = ctx;
	struct cutting to = { add_quarter, &(struct adding){ s, slot_at(s, sid), false }, add_samples, s };
	return grid_cut(&s->grid, r, raw, sid, &to, err);
}

static bool in_range(__int128 v)
{
	return v >= INT64_MIN && v <= INT64_MAX;
}

static bool give(struct sums *s, step_sum_fn *fn, void *ctx)
{
	for (int64_t k = 0; k < s->n_totals; k++) {
		const struct total *t = &s->totals[k];
		if (!t->any && !t->not_good)
			continue;
		if (!in_range(t->mean) || !in_range(t->min) || !in_range(t->max) || !in_range(t->last))
			return err_set(s->err, ERR_RANGE, "a sum of %zu series is beyond 63 bits", t->with_value);
		struct step_sum out = { .from = { s->grid.from.ms + k * s->grid.step_ms }, .series = s->found, .with_value = t->with_value, .n = t->n, .not_good = t->not_good,
					.mean = (int64_t)t->mean, .min = (int64_t)t->min, .max = (int64_t)t->max, .last = (int64_t)t->last, .rolled = t->rolled, .kind = &s->first };
		if (!fn(ctx, &out))
			break;
	}
	return true;
}

static bool prepare(struct sums *s, struct reader *r, struct err *err)
{
	if (!known_load(&r->known, &r->journal, err))
		return false;
	for (size_t i = 0; i < s->n_ids; i++)
		if ((i == 0 || strcmp(s->ids[i], s->ids[i - 1]) != 0) && !add_id(s, &r->known, (uint32_t)i))
			return false;
	if (s->n_parts == 0)
		return err_set(err, ERR_INPUT, "none of the %zu series is in this store; puectl history lists them", s->n_ids);
	qsort(s->parts, s->n_parts, sizeof *s->parts, by_sid);
	for (size_t i = 0; i < s->n_parts; i++)
		if (!sids_add(&s->sids, s->parts[i].sid))
			return err_memory(err);
	s->n_totals = (s->grid.to.ms - s->grid.from.ms - 1) / s->grid.step_ms + 1;
	s->slots = calloc(s->n_ids, sizeof *s->slots);
	s->totals = calloc((size_t)s->n_totals, sizeof *s->totals);
	return (s->slots && s->totals) || err_memory(err);
}

bool reader_sums(struct reader *r, const char *const *ids, size_t n, struct wall from, struct wall to, int64_t step_ms, step_sum_fn *fn, void *ctx, struct err *err)
{
	struct sums s = { .n_ids = n, .err = err };
	const char **sorted = malloc((n + 1) * sizeof *sorted);
	if (!sorted)
		return err_memory(err);
	if (n)
		memcpy(sorted, ids, n * sizeof *sorted);
	qsort(sorted, n, sizeof *sorted, by_text);
	s.ids = sorted;
	LOCKED(r);
	bool good = grid_make(&s.grid, from, to, step_ms, err);
	if (good && (from.ms == INT64_MIN || to.ms == INT64_MAX || (double)to.ms - (double)from.ms > (double)STEPS_MAX * (double)step_ms))
		good = err_set(err, ERR_USAGE, "a sum needs a beginning and an end, and at most %d steps between them", STEPS_MAX);
	good = good && prepare(&s, r, err);
	if (good) {
		struct walk w = { .r = r, .from = from, .to = to, .sids = s.sids.list, .n = s.sids.n, .rollups = grid_on_quarters(&s.grid), .quick = true, .samples = add_samples, .quarters = add_rollup, .cut = step_ms >= CUT_MS ? add_cut : NULL, .ctx = &s };
		good = walk_closed(&w, err);
		uint64_t after = w.after;
		for (size_t i = 0; good && i < s.sids.n; i += WALK_CHUNK) {
			w.sids = s.sids.list + i;
			w.n = s.sids.n - i < WALK_CHUNK ? s.sids.n - i : WALK_CHUNK;
			w.after = after;
			good = walk_open(&w, err);
		}
	}
	for (size_t i = 0; good && i < n; i++)
		close_slot(&s, &s.slots[i]);
	good = good && give(&s, fn, ctx);
	free(s.slots);
	free(s.totals);
	free(s.parts);
	sids_done(&s.sids);
	free(sorted);
	return good;
}
