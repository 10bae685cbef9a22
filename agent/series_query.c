#include "agent/series_query.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

bool query_matches(const char *patterns, const char *name)
{
	char one[256];
	if (!patterns || !*patterns)
		return true;
	for (const char *p = patterns; *p; p += strcspn(p, ","), p += *p == ',') {
		size_t len = strcspn(p, ",");
		if (len >= sizeof one)
			continue;
		memcpy(one, p, len);
		one[len] = 0;
		if (fnmatch(one, name, 0) == 0)
			return true;
	}
	return false;
}

struct names { const char *patterns; char **list; size_t n, room; bool failed; };

static bool keep_name(void *ctx, const char *id, const struct series *s)
{
	struct names *n = ctx;
	(void)s;
	if (!query_matches(n->patterns, id))
		return true;
	if (n->n == n->room) {
		size_t room = n->room ? 2 * n->room : 256;
		char **more = realloc(n->list, room * sizeof *more);
		n->failed = !more;
		if (!more)
			return false;
		n->list = more;
		n->room = room;
	}
	n->list[n->n] = strdup(id);
	n->failed = !n->list[n->n];
	n->n += !n->failed;
	return !n->failed;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Several rows of one id are one series. */
static void once_each(struct names *n)
{
	size_t kept = 0;
	if (n->n)
		qsort(n->list, n->n, sizeof *n->list, by_text);
	for (size_t i = 0; i < n->n; i++)
		if (kept && strcmp(n->list[kept - 1], n->list[i]) == 0)
			free(n->list[i]);
		else
			n->list[kept++] = n->list[i];
	n->n = kept;
}

bool query_sums(struct reader *r, const char *patterns, struct wall from, struct wall to, int64_t step_ms, step_sum_fn *fn, void *ctx, struct err *err)
{
	struct names names = { .patterns = patterns };
	bool good = reader_series(r, keep_name, &names, err) && (!names.failed || err_memory(err));
	once_each(&names);
	if (good && names.n == 0)
		good = err_set(err, ERR_INPUT, "no series matches '%s'; puectl history lists them", patterns);
	good = good && reader_sums(r, (const char *const *)names.list, names.n, from, to, step_ms, fn, ctx, err);
	for (size_t i = 0; i < names.n; i++)
		free(names.list[i]);
	free(names.list);
	return good;
}

struct energy { const struct site *site; uint32_t meter; struct wall from, to; int64_t step_ms; struct energy_step now; bool open, stopped; energy_step_fn *fn; void *ctx; struct err err; };

static void close_step(struct energy *e)
{
	if (e->open)
		e->stopped = e->stopped || !e->fn(e->ctx, &e->now);
	e->open = false;
}

static void add_row(struct energy *e, const struct interval *iv, const struct interval_row *row)
{
	struct wall from = { e->from.ms + (iv->from.ms - e->from.ms) / e->step_ms * e->step_ms };
	if (e->open && e->now.from.ms != from.ms)
		close_step(e);
	if (!e->open)
		e->now = (struct energy_step){ .from = from, .to = { from.ms + e->step_ms } };
	e->open = true;
	e->now.energy_mwh += row->energy_mwh;
	e->now.substituted_mwh += row->substituted_mwh;
	e->now.missing_ms += row->missing_ms;
	e->now.intervals++;
	char letter = energy_class_letter((enum energy_class)row->class_);
	if (!strchr(e->now.classes, letter))
		e->now.classes[strlen(e->now.classes)] = letter;
}

static bool on_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct energy *e = ctx;
	struct interval iv;
	(void)index, (void)kind, (void)at;
	if (!interval_of_leaf(e->site, bytes, len, &iv, &e->err))
		return false;
	for (size_t i = 0; i < iv.n; i++)
		if (iv.rows[i].meter == e->meter)
			add_row(e, &iv, &iv.rows[i]);
	free((void *)(uintptr_t)iv.rows);
	return !e->stopped;
}

bool query_energy(struct reader *r, const struct site *site, const char *meter, struct wall from, struct wall to, int64_t step_ms, energy_step_fn *fn, void *ctx, struct err *err)
{
	struct energy e = { .site = site, .meter = UINT32_MAX, .from = from, .to = to, .step_ms = step_ms, .fn = fn, .ctx = ctx };
	const struct meter *found = site_meter(site, meter);
	if (found)
		e.meter = (uint32_t)(found - site_meters(site));
	else
		return err_set(err, ERR_INPUT, "no meter '%s' in the configuration", meter);
	if (from.ms >= to.ms)
		return err_set(err, ERR_USAGE, "the time asked for ends before it begins");
	if (step_ms < site->interval_ms || step_ms % site->interval_ms || from.ms % site->interval_ms)
		return err_set(err, ERR_USAGE, "energies are known for whole intervals of %lld minutes: begin on one, and take a step of one or several", (long long)(site->interval_ms / 60000));
	bool good = reader_leaves(r, LEAF_INTERVAL, from, to, on_leaf, &e, err);
	if (good && e.err.kind != ERR_NONE) {
		*err = e.err;
		return false;
	}
	if (good)
		close_step(&e);
	return good;
}
