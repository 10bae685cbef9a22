/* The newest sample of every series: from the last minute of the journal, then further back for those that were not there. */
#include "store/reading.h"

#include <stdlib.h>
#include <string.h>

struct latest { struct sample *s; bool *there; size_t n, missing; uint64_t after; struct window_reader in; struct sample *room; struct err *err; };

static bool newest_of(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct latest *l = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		if (s[i].series >= l->n)
			continue;
		l->missing -= !l->there[s[i].series];
		l->there[s[i].series] = true;
		l->s[s[i].series] = s[i];
	}
	return true;
}

static bool from_journal(struct reader *r, struct latest *l, struct err *err)
{
	static const int64_t back_ms[] = { 60000, 600000, INT64_MAX };
	int64_t newest;
	if (!db_number(&r->journal.db, "SELECT max(wall_to) FROM tick", INT64_MIN, &newest, err))
		return false;
	for (size_t i = 0; newest != INT64_MIN && l->missing && i < countof(back_ms); i++) {
		struct journal_range range = { .since = { back_ms[i] == INT64_MAX ? INT64_MIN : newest - back_ms[i] }, .until = { INT64_MAX }, .shard = -1 };
		if (!journal_read(&r->journal, range, newest_of, l, err))
			return false;
	}
	return true;
}

struct ids { uint64_t *list; size_t n; bool failed; };

static bool keep_id(void *ctx, const struct window *w)
{
	struct ids *ids = ctx;
	uint64_t *more = realloc(ids->list, (ids->n + 1) * sizeof *more);
	ids->failed = !more;
	if (more) {
		ids->list = more;
		more[ids->n++] = w->id;
	}
	return !ids->failed;
}

static bool from_hour(struct latest *l, uint64_t id, struct err *err)
{
	for (uint32_t sid = 0; sid < l->n; sid++) {
		size_t n;
		if (l->there[sid])
			continue;
		if (!window_series(&l->in, id, sid, &l->room, &n, err))
			return false;
		if (n)
			newest_of(l, &l->room[n - 1], 1, l->room[n - 1].at);
	}
	return true;
}

static bool from_hours(struct reader *r, struct latest *l, struct err *err)
{
	struct ids ids = { .list = NULL };
	bool good = window_list(&r->journal.db, keep_id, &ids, err) && (!ids.failed || err_memory(err)) && window_reader_init(&l->in, &r->journal.db, err);
	while (good && l->missing && ids.n)
		good = from_hour(l, ids.list[--ids.n], err);
	window_reader_done(&l->in);
	free(ids.list);
	return good;
}

bool reader_latest(struct reader *r, store_sample_fn *fn, void *ctx, struct err *err)
{
	CLEANUP(sids_done) struct sids all = { .list = NULL };
	struct latest l = { .err = err };
	LOCKED(r);
	if (!sids_find(r, NULL, &all, err))
		return false;
	l.n = all.n ? all.list[all.n - 1] + 1 : 0;
	l.missing = all.n;
	l.s = calloc(l.n + 1, sizeof *l.s);
	l.there = calloc(l.n + 1, sizeof *l.there);
	bool good = ((l.s && l.there) || err_memory(err)) && db_exec(&r->journal.db, "BEGIN", err);
	if (good) {
		good = from_journal(r, &l, err) && from_hours(r, &l, err);
		good = db_exec(&r->journal.db, "COMMIT", good ? err : NULL) && good;
	}
	for (size_t i = 0; good && i < l.n; i++)
		if (l.there[i] && !fn(ctx, &l.s[i], 1, l.s[i].at))
			break;
	free(l.s);
	free(l.there);
	free(l.room);
	return good;
}
