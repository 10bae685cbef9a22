/* Readings of some series from wherever they lie, each once. */
#include "store/reading.h"

#include <stdlib.h>
#include <string.h>

bool sids_add(struct sids *s, uint32_t sid)
{
	if (s->n == s->room) {
		size_t room = s->room ? 2 * s->room : 64;
		uint32_t *more = realloc(s->list, room * sizeof *more);
		if (!more)
			return false;
		s->list = more;
		s->room = room;
	}
	s->list[s->n++] = sid;
	return true;
}

void sids_done(struct sids *s)
{
	free(s->list);
	*s = (struct sids){ .list = NULL };
}

static bool raw_part(struct walk *w, const struct part *p, struct err *err)
{
	CLEANUP(window_reader_done) struct window_reader in;
	struct sample *s = NULL;
	size_t n;
	bool good = window_reader_init(&in, &w->r->segment, err);
	for (size_t i = 0; good && !w->stopped && i < w->n; i++) {
		good = window_series(&in, p->w.id, w->sids[i], &s, &n, err);
		if (good && n)
			w->stopped = !w->samples(w->ctx, w->sids[i], s, n);
	}
	free(s);
	return good;
}

bool edge_read(struct edge *e, uint32_t sid, size_t k, struct err *err)
{
	return window_first(&e->in, e->id, sid, k, &e->s, &e->n, err);
}

static void edge_done(struct edge *e)
{
	window_reader_done(&e->in);
	free(e->s);
}

static bool rolled_part(struct walk *w, const struct part *p, bool dropped, struct edge *raw, struct err *err)
{
	CLEANUP(window_reader_done) struct window_reader in;
	CLEANUP(rollup_done) struct rollup rollup = { .days = NULL };
	bool good = window_reader_init(&in, &w->r->rollup, err);
	for (size_t i = 0; good && !w->stopped && i < w->n; i++) {
		const void *bytes;
		size_t len;
		int code = window_body(&in, p->w.id, w->sids[i], &bytes, &len, err);
		good = code >= 0 && (code == 0 || rollup_read(&rollup, bytes, len, err));
		if (good && code == 1) {
			struct err own = { 0 };
			w->stopped = raw ? !w->cut(w->ctx, w->sids[i], &rollup, raw, &own) : !w->quarters(w->ctx, w->sids[i], &rollup, dropped, &own);
			good = own.kind == ERR_NONE;
			if (!good)
				*err = own;
		}
		query_reset(&in.block);
	}
	return good;
}

/* Quarters say the same as the readings when no edge of what is asked for cuts one. */
static bool quarters_do(const struct walk *w, const struct part *p)
{
	bool from = w->from.ms <= p->w.from.ms || w->from.ms % QUARTER_MS == 0, to = w->to.ms > p->w.to.ms || w->to.ms % QUARTER_MS == 0;
	return p->rolled && w->rollups && from && to;
}

static bool cut_part(struct walk *w, const struct part *p, struct err *err)
{
	CLEANUP(edge_done) struct edge raw = { .id = p->w.id };
	return window_reader_init(&raw.in, &w->r->segment, err) && rolled_part(w, p, false, &raw, err);
}

static bool gone_part(struct walk *w, const struct part *p, struct err *err)
{
	return rolled_part(w, p, true, NULL, err);
}

static bool whole_part(struct walk *w, const struct part *p, struct err *err)
{
	return rolled_part(w, p, false, NULL, err);
}

/* One lock of a file for all series; a lock a statement costs more than the statement. */
static bool locked(struct walk *w, const struct part *p, struct db *file, bool (*part)(struct walk *, const struct part *, struct err *), struct err *err)
{
	bool hold = w->quick && w->n > 1, both = hold && part == cut_part;
	if (hold && !db_exec(file, "BEGIN", err))
		return false;
	bool good = (!both || db_exec(&w->r->rollup, "BEGIN", err)) && part(w, p, err);
	good = (!both || db_exec(&w->r->rollup, "COMMIT", good ? err : NULL)) && good;
	return (!hold || db_exec(file, "COMMIT", good ? err : NULL)) && good;
}

static bool one_part(struct walk *w, const struct part *p, struct err *err)
{
	bool there = false;
	if (quarters_do(w, p))
		return locked(w, p, &w->r->rollup, whole_part, err);
	if (!part_open(w->r, p, &there, err))
		return false;
	if (there)
		return locked(w, p, &w->r->segment, w->cut && p->rolled ? cut_part : raw_part, err);
	return !w->quarters || !p->rolled || locked(w, p, &w->r->rollup, gone_part, err);
}

bool walk_closed(struct walk *w, struct err *err)
{
	struct parts parts = { .list = NULL };
	bool good = parts_list(w->r, w->from, w->to, w->after, &parts, err);
	for (size_t i = 0; good && !w->stopped && i < parts.n; i++) {
		good = one_part(w, &parts.list[i], err);
		if (w->r->progress)
			w->r->progress(w->r->progress_ctx, i + 1, parts.n + 1);
	}
	w->after = parts.last;
	free(parts.list);
	return good;
}

/* What lies in journal.db, in memory, in order. */
struct taken { struct sample *s; size_t n, room; const struct walk *w; bool failed; };

static bool take(struct taken *t, const struct sample *s)
{
	if (s->at.wall.ms < t->w->from.ms || s->at.wall.ms >= t->w->to.ms)
		return true;
	if (t->n == t->room) {
		size_t room = t->room ? 2 * t->room : 1024;
		struct sample *more = realloc(t->s, room * sizeof *more);
		if (!more) {
			t->failed = true;
			return false;
		}
		t->s = more;
		t->room = room;
	}
	t->s[t->n++] = *s;
	return true;
}

static bool wanted(const struct walk *w, uint32_t sid)
{
	size_t lo = 0, hi = w->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (w->sids[mid] < sid)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < w->n && w->sids[lo] == sid;
}

static bool take_batch(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct taken *t = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++)
		if (wanted(t->w, s[i].series) && !take(t, &s[i]))
			return false;
	return true;
}

struct hours { struct taken *t; struct window_reader in; struct sample *s; struct err *err; bool failed; };

static bool take_hour(void *ctx, const struct window *at)
{
	struct hours *h = ctx;
	const struct walk *w = h->t->w;
	if (at->id <= w->after || at->to.ms < w->from.ms || at->from.ms >= w->to.ms)
		return true;
	for (size_t i = 0; i < w->n && !h->failed; i++) {
		size_t n;
		h->failed = !window_series(&h->in, at->id, w->sids[i], &h->s, &n, h->err);
		for (size_t k = 0; k < n && !h->failed; k++)
			h->failed = !take(h->t, &h->s[k]) && !err_memory(h->err);
	}
	return !h->failed;
}

static bool take_hours(struct walk *w, struct taken *t, struct err *err)
{
	struct hours h = { .t = t, .err = err };
	bool good = window_reader_init(&h.in, &w->r->journal.db, err) && window_list(&w->r->journal.db, take_hour, &h, err) && !h.failed;
	window_reader_done(&h.in);
	free(h.s);
	return good;
}

/* Of the journal, only the shard that all of them are in, when there is one. */
static int64_t shard_of(const struct walk *w)
{
	return w->n && w->sids[0] >> SHARD_BITS == w->sids[w->n - 1] >> SHARD_BITS ? (int64_t)(w->sids[0] >> SHARD_BITS) : -1;
}

static bool take_journal(struct walk *w, struct taken *t, struct err *err)
{
	struct journal_range range = { .since = w->from, .until = w->to, .shard = shard_of(w) };
	return journal_read(&w->r->journal, range, take_batch, t, err) && (!t->failed || err_memory(err));
}

static void give(struct walk *w, const struct taken *t)
{
	for (size_t i = 0, end; i < t->n && !w->stopped; i = end) {
		for (end = i + 1; end < t->n && t->s[end].series == t->s[i].series;)
			end++;
		w->stopped = !w->samples(w->ctx, t->s[i].series, t->s + i, end - i);
	}
}

/* The journal's snapshot is taken first: what was closed meanwhile is in both, and given once. */
bool walk_open(struct walk *w, struct err *err)
{
	struct db *journal = &w->r->journal.db;
	struct taken t = { .w = w };
	int64_t any;
	if (w->stopped)
		return true;
	if (!db_exec(journal, "BEGIN", err))
		return false;
	bool good = db_number(journal, "SELECT count(*) FROM window", 0, &any, err) && walk_closed(w, err) && (w->stopped || (take_hours(w, &t, err) && take_journal(w, &t, err)));
	good = db_exec(journal, "COMMIT", good ? err : NULL) && good;
	if (good)
		give(w, &t);
	free(t.s);
	return good;
}
