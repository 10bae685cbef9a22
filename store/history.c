/* Readings as they were taken: of one series, of all, the newest of each. */
#include "store/reading.h"

#include <stdlib.h>
#include <string.h>

struct give_series { series_fn *fn; void *ctx; };

static bool give_series(void *ctx, const struct stored_series *s)
{
	struct give_series *g = ctx;
	return g->fn(g->ctx, s->s.id, &s->s);
}

bool reader_series(struct reader *r, series_fn *fn, void *ctx, struct err *err)
{
	LOCKED(r);
	return journal_series(&r->journal, give_series, &(struct give_series){ fn, ctx }, err);
}

struct numbered { numbered_series_fn *fn; void *ctx; };

static bool give_numbered(void *ctx, const struct stored_series *s)
{
	struct numbered *g = ctx;
	return g->fn(g->ctx, s->sid, &s->s);
}

bool reader_numbered_series(struct reader *r, numbered_series_fn *fn, void *ctx, struct err *err)
{
	LOCKED(r);
	return journal_series(&r->journal, give_numbered, &(struct numbered){ fn, ctx }, err);
}

static int by_sid(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	return x < y ? -1 : x > y;
}

bool sids_find(struct reader *r, const char *id, struct sids *out, struct err *err)
{
	struct stored_series s;
	size_t at = 0;
	bool good = known_load(&r->known, &r->journal, err);
	for (size_t i = 0; good && !id && i < r->known.n; i++)
		good = sids_add(out, r->known.rows[i].sid) || err_memory(err);
	while (good && id && known_next(&r->known, id, &at, &s))
		good = sids_add(out, s.sid) || err_memory(err);
	if (good && out->n)
		qsort(out->list, out->n, sizeof *out->list, by_sid);
	return good && (!id || out->n || err_set(err, ERR_INPUT, "no series '%s' in this store; puectl history without a name lists them", id));
}

struct giving { struct wall from, to; store_sample_fn *fn; void *ctx; };

static bool one_by_one(void *ctx, uint32_t sid, const struct sample *s, size_t n)
{
	const struct giving *g = ctx;
	bool go_on = true;
	(void)sid;
	for (size_t i = 0; i < n && go_on; i++)
		if (s[i].at.wall.ms >= g->from.ms && s[i].at.wall.ms < g->to.ms)
			go_on = g->fn(g->ctx, &s[i], 1, s[i].at);
	return go_on;
}

bool reader_history(struct reader *r, const char *series_id, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(sids_done) struct sids sids = { .list = NULL };
	struct giving g = { from, to, fn, ctx };
	LOCKED(r);
	if (!sids_find(r, series_id, &sids, err))
		return false;
	struct walk w = { .r = r, .from = from, .to = to, .sids = sids.list, .n = sids.n, .samples = one_by_one, .ctx = &g };
	return walk_closed(&w, err) && walk_open(&w, err);
}

bool reader_readings(struct reader *r, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(sids_done) struct sids sids = { .list = NULL };
	struct giving g = { from, to, fn, ctx };
	LOCKED(r);
	if (!sids_find(r, NULL, &sids, err))
		return false;
	struct walk w = { .r = r, .from = from, .to = to, .sids = sids.list, .n = sids.n, .samples = one_by_one, .ctx = &g };
	bool good = walk_closed(&w, err);
	uint64_t after = w.after;
	for (size_t i = 0; good && !w.stopped && i < sids.n; i += WALK_CHUNK) {
		w.sids = sids.list + i;
		w.n = sids.n - i < WALK_CHUNK ? sids.n - i : WALK_CHUNK;
		w.after = after;
		good = walk_open(&w, err);
	}
	return good;
}
