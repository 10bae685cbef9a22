/* What a device turned out to have, beside what it had before: another serial number, another scale, other points. */
#include "agent/life.h"

#include <stdlib.h>
#include <string.h>

/* Another serial, model or firmware at the same address: its values count as those of another device (F-dev-33). */
static void check_identity(struct life *l, const struct bound *b, struct stamp now)
{
	struct { const char *what, *now; char **was; } rows[] = {
		{ "serial number", b->serial, &l->serial }, { "model", b->model, &l->model }, { "firmware", b->firmware, &l->firmware },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		char *was = *rows[i].was;
		if (!rows[i].now[0] || (was && strcmp(was, rows[i].now) == 0))
			continue;
		if (was)
			poller_event(l, "identity", now, "its %s changed from '%s' to '%s': is this still the same device?", rows[i].what, was, rows[i].now);
		*rows[i].was = strdup(rows[i].now);
		free(was);
	}
}

/* The device tells another ratio, unit or decimal point than before (F-dev-16).  What tells it is read with the values, so none was taken by the old one. */
static void check_scales(struct life *l, const struct bound *now_bound, struct stamp now)
{
	const struct bound *was = l->shared ? l->shared->bound : NULL;
	const struct bound_point *first = NULL;
	size_t n = 0;
	for (size_t i = 0; was && was->profile == now_bound->profile && i < now_bound->n; i++) {
		const struct bound_point *p = &now_bound->points[i];
		int64_t k = p->point->scale_from.n || p->point->unit_from.at.oid || p->point->unit_from.at.space ? bound_find(was, p->name) : -1;
		if (k < 0)
			continue;
		const struct bound_point *o = &was->points[k];
		bool same = o->factor.num == p->factor.num && o->factor.den == p->factor.den && o->offset == p->offset && o->count.num == p->count.num && o->count.den == p->count.den;
		if (!same && !n++)
			first = p;
	}
	if (n)
		poller_event(l, "rescaled", now, "it tells another scale or unit than before (%zu points, %s), by which its values count from now on: "
			     "was a transformer ratio or a setting changed?", n, first->name);
}

bool life_take_bound(struct life *l, struct bound *bound, struct stamp now, struct err *err)
{
	check_identity(l, bound, now);
	if (l->shared && bound_equal(l->shared->bound, bound)) {
		bound_free(bound);
		return true;
	}
	check_scales(l, bound, now);
	struct shared *shared = poller_share(l->p, bound, err);
	if (!shared)
		return false;
	life_drop_points(l);
	l->shared = shared;
	if (!poller_series(l))
		return err_memory(err);
	if (l->limits.max_words || l->limits.max_bits || l->limits.max_oids || l->limits.n_holes || l->limits.n_cuts || l->limits.n_dead || l->limits.n_dead_oids) {
		l->own_plan = plan_make(shared->bound, &l->limits, err);
		return l->own_plan != NULL;
	}
	return true;
}
