/* What devices of one model share, and the numbers of a device's series. */
#include "agent/poller_inner.h"

#include <stdlib.h>

struct shared *poller_share(struct poller *p, struct bound *bound, struct err *err)
{
	struct shared *s = p->shared;
	while (s && !(s->bound->profile == bound->profile && bound_equal(s->bound, bound)))
		s = s->next;
	if (s) {
		bound_free(bound);
		s->refs++;
		return s;
	}
	static const struct plan_limits none;
	s = calloc(1, sizeof *s);
	struct plan *plan = s ? plan_make(bound, &none, err) : NULL;
	struct checks *checks = plan ? checks_make(bound) : NULL;
	if (!checks) {
		if (!s || plan)
			err_memory(err);
		plan_free(plan);
		free(s);
		bound_free(bound);
		return NULL;
	}
	*s = (struct shared){ .bound = bound, .plan = plan, .checks = checks, .refs = 1, .next = p->shared };
	p->shared = s;
	return s;
}

void poller_unshare(struct poller *p, struct shared *s)
{
	if (!s || --s->refs)
		return;
	struct shared **at = &p->shared;
	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	checks_free(s->checks);
	plan_free(s->plan);
	bound_free(s->bound);
	free(s);
}

bool poller_series(struct life *l)
{
	const struct bound *b = l->shared->bound;
	l->series = calloc(b->n ? b->n : 1, sizeof *l->series);
	for (size_t i = 0; l->series && i < b->n; i++)
		l->series[i] = l->p->o.sink.series(l->p->o.sink.ctx, l->index, b, i);
	/* registers that tell a scale may be in another request than what they scale: all values of a cycle wait for each other */
	if (l->series && (checks_any(l->shared->checks) || (b->n_guards && !l->snmp))) {
		if (!(l->held = calloc(b->n, sizeof *l->held)))
			return false;
		poller_hold_none(l);
	}
	return l->series;
}
