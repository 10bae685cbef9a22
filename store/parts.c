/* Which closed windows there are, and in which file: rollup.db lists them all, also those whose segment was dropped. */
#include "store/reading.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct listing { struct parts *out; struct wall from, to; uint64_t after, below, first_rolled; bool rolled, failed; char month[SEGMENT_NAME], first_month[SEGMENT_NAME]; };

static bool add_part(struct parts *out, const struct window *w, const char *segment, bool rolled)
{
	if (out->n == out->room) {
		size_t room = out->room ? 2 * out->room : 64;
		struct part *more = realloc(out->list, room * sizeof *more);
		if (!more)
			return false;
		out->list = more;
		out->room = room;
	}
	struct part *p = &out->list[out->n++];
	*p = (struct part){ .w = *w, .rolled = rolled };
	snprintf(p->segment, sizeof p->segment, "%s", segment);
	return true;
}

/* Windows go into the segment of their month, and never into an older one than the window before: a closed segment stays as it is. */
static bool list_one(void *ctx, const struct window *w)
{
	struct listing *l = ctx;
	char month[SEGMENT_NAME];
	if (l->rolled) {
		segment_name(w->to, month);
		if (strcmp(month, l->month) > 0)
			memcpy(l->month, month, sizeof month);
		if (!l->first_month[0]) {
			memcpy(l->first_month, l->month, sizeof l->month);
			l->first_rolled = w->id;
		}
	}
	if (w->id >= l->below)
		return true;
	l->out->last = w->id_to > l->out->last ? w->id_to : l->out->last;
	if (w->id <= l->after || w->to.ms < l->from.ms || w->from.ms >= l->to.ms)
		return true;
	l->failed = !add_part(l->out, w, l->month, l->rolled);
	return !l->failed;
}

/* False without an error: there is none yet. */
static bool open_rollups(struct reader *r, struct err *err)
{
	if (r->rollup.sql)
		return true;
	return db_there(r->dir, "rollup.db") && db_open(&r->rollup, r->dir, "rollup.db", NULL, true, &segment_schema, err);
}

/* Segments that are older than rollup.db: their windows below the first rolled one. */
static bool list_unrolled(struct reader *r, struct listing *l, struct err *err)
{
	char **names;
	size_t n = segment_list(r->dir, &names);
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		struct part p = { .rolled = false };
		bool there = false;
		snprintf(p.segment, sizeof p.segment, "%s", names[i]);
		if (good && db_there(r->dir, names[i]) && (!l->first_month[0] || strcmp(names[i], l->first_month) <= 0) && (good = part_open(r, &p, &there, err)) && there) {
			memcpy(l->month, p.segment, sizeof l->month);
			good = window_list(&r->segment, list_one, l, err);
		}
		free(names[i]);
	}
	free(names);
	return good;
}

static int by_id(const void *a, const void *b)
{
	const struct part *x = a, *y = b;
	return x->w.id < y->w.id ? -1 : x->w.id > y->w.id;
}

bool parts_list(struct reader *r, struct wall from, struct wall to, uint64_t after, struct parts *out, struct err *err)
{
	struct listing l = { .out = out, .from = from, .to = to, .after = after, .below = UINT64_MAX, .rolled = true };
	int64_t complete = 0;
	struct err none = { 0 };
	out->n = 0;
	out->last = after;
	if (open_rollups(r, &none)) {
		if (!db_number(&r->rollup, "PRAGMA application_id", 0, &complete, err) || !window_list(&r->rollup, list_one, &l, err))
			return false;
	} else if (none.kind != ERR_NONE) {
		*err = none;
		return false;
	}
	if (!complete) {
		l.rolled = false;
		l.below = l.first_month[0] ? l.first_rolled : UINT64_MAX;
		if (!list_unrolled(r, &l, err))
			return false;
		if (out->n)
			qsort(out->list, out->n, sizeof *out->list, by_id);
	}
	return !l.failed || err_memory(err);
}

bool part_open(struct reader *r, const struct part *p, bool *there, struct err *err)
{
	char path[4096];
	*there = true;
	snprintf(path, sizeof path, "%s/%s", r->dir, p->segment);
	if (access(path, F_OK) != 0) {
		*there = false;
		return errno == ENOENT || err_set(err, ERR_IO, "%s: %s", path, strerror(errno));
	}
	if (strcmp(r->segment_name, p->segment) == 0)
		return true;
	db_close(&r->segment);
	r->segment_name[0] = 0;
	if (!db_open(&r->segment, r->dir, p->segment, NULL, true, &segment_schema, err))
		return false;
	snprintf(r->segment_name, sizeof r->segment_name, "%s", p->segment);
	return true;
}

bool reader_dropped(struct reader *r, struct wall *until, struct err *err)
{
	struct parts all = { .list = NULL };
	LOCKED(r);
	bool good = parts_list(r, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, 0, &all, err), there = true;
	until->ms = 0;
	for (size_t i = 0; good && i < all.n; i++) {
		if (i == 0 || strcmp(all.list[i].segment, all.list[i - 1].segment) != 0)
			good = part_open(r, &all.list[i], &there, err);
		if (good && !there && all.list[i].w.to.ms > until->ms)
			until->ms = all.list[i].w.to.ms;
	}
	free(all.list);
	return good;
}
