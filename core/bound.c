/* Questions to a bound device. */
#include "core/bind.h"

#include <stdlib.h>
#include <string.h>

void bound_free(struct bound *b)
{
	if (!b)
		return;
	free(b->points);
	free(b->guards);
	arena_done(&b->arena);
	free(b);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

static bool same_point(const struct bound_point *a, const struct bound_point *b)
{
	return a->point == b->point && !strcmp(a->name, b->name) && same_text(a->label, b->label) && !strcmp(a->source, b->source) &&
	       a->factor.num == b->factor.num && a->factor.den == b->factor.den && a->offset == b->offset &&
	       a->count.num == b->count.num && a->count.den == b->count.den && a->modulus == b->modulus && a->space == b->space &&
	       !memcmp(a->coding.order, b->coding.order, sizeof a->coding.order);
}

bool bound_equal(const struct bound *a, const struct bound *b)
{
	if (a->profile != b->profile || a->n != b->n || a->partial != b->partial || a->n_guards != b->n_guards)
		return false;
	for (size_t i = 0; i < a->n_guards; i++)
		if (strcmp(a->guards[i].was, b->guards[i].was) != 0)
			return false;
	for (size_t i = 0; i < a->n; i++)
		if (!same_point(&a->points[i], &b->points[i]))
			return false;
	return true;
}

int64_t bound_find(const struct bound *b, const char *name)
{
	for (size_t i = 0; i < b->n; i++)
		if (!strcmp(b->points[i].name, name))
			return (int64_t)i;
	return -1;
}

void bound_series(const struct bound *b, size_t i, const char *id, uint16_t device, struct series *out)
{
	const struct bound_point *p = &b->points[i];
	*out = (struct series){ .id = id, .device = device, .quantity = p->quantity, .scope = p->scope, .configured = p->configured,
				.count = p->count, .label = p->label };
}

const char *bound_state(const struct bound_point *p, int64_t value)
{
	const struct state_name *s = p->point->states.items;
	for (size_t i = 0; i < p->point->states.n; i++)
		if (s[i].value == value)
			return s[i].name;
	return NULL;
}

void bound_value_text(const struct bound_point *p, int64_t value, struct buf *out)
{
	const char *state = p->quantity == Q_STATE ? bound_state(p, value) : NULL;
	if (state)
		buf_str(out, state);
	else if (p->quantity == Q_STATE && p->point->states.n)
		buf_printf(out, "unknown state %lld", (long long)value);        /* a bare number would pass for a measurement */
	else
		quantity_text((enum quantity)p->quantity, value, p->count, out);
}
