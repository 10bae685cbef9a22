#include "agent/registry.h"
#include "core/arena.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct extra { int64_t modulus; bool is_float; struct ratio raw_factor; };

struct registry {
	struct series *series;
	struct extra *extra;
	struct sample *last;     /* series UINT32_MAX: nothing yet */
	size_t n, room;
	uint32_t *slots;         /* hash table by id of number + 1; 0: free */
	size_t n_slots;
	struct arena ids;
	size_t changed;          /* the first that is new or other than it was told; n: none */
	bool remeant;
};

struct registry *registry_new(void)
{
	return calloc(1, sizeof(struct registry));
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	arena_done(&r->ids);
	free(r->slots);
	for (size_t i = 0; i < r->n; i++)
		free((void *)(uintptr_t)r->series[i].label);
	free(r->series);
	free(r->extra);
	free(r->last);
	free(r);
}

/* The slot of this id, or the free one it would get; NULL while there are none. */
static uint32_t *slot_of(const struct registry *r, const char *id)
{
	uint64_t h = 14695981039346656037u;      /* FNV-1a */
	for (const char *p = id; *p; p++)
		h = (h ^ (uint8_t)*p) * 1099511628211u;
	for (size_t i = (size_t)h; r->n_slots; i++) {
		uint32_t *slot = &r->slots[i & (r->n_slots - 1)];
		if (!*slot || strcmp(r->series[*slot - 1].id, id) == 0)
			return slot;
	}
	return NULL;
}

static bool more_slots(struct registry *r)
{
	size_t n = r->n_slots ? 2 * r->n_slots : 1024;
	uint32_t *slots = calloc(n, sizeof *slots);
	if (!slots)
		return false;
	free(r->slots);
	r->slots = slots;
	r->n_slots = n;
	for (size_t i = 0; i < r->n; i++)
		*slot_of(r, r->series[i].id) = (uint32_t)i + 1;
	return true;
}

static void touched(struct registry *r, size_t number)
{
	if (number < r->changed)
		r->changed = number;
}

uint32_t registry_find(const struct registry *r, const char *id)
{
	uint32_t *slot = slot_of(r, id);
	return slot && *slot ? *slot - 1 : UINT32_MAX;
}

static bool grow(struct registry *r)
{
	size_t room = r->room ? r->room * 2 : 256;
	struct series *series = realloc(r->series, room * sizeof *series);
	if (series)
		r->series = series;
	struct sample *last = series ? realloc(r->last, room * sizeof *last) : NULL;
	if (last)
		r->last = last;
	struct extra *extra = last ? realloc(r->extra, room * sizeof *extra) : NULL;
	if (!extra)
		return false;
	r->extra = extra;
	r->room = room;
	return true;
}

uint32_t registry_reserve(struct registry *r, const char *id, const struct registry_facts *facts)
{
	uint32_t number = registry_find(r, id);
	if (number != UINT32_MAX)
		return number;
	if ((r->n == r->room && !grow(r)) || (2 * (r->n + 1) > r->n_slots && !more_slots(r)))
		return UINT32_MAX;
	char *own = arena_copy(&r->ids, id);
	if (!own)
		return UINT32_MAX;
	*slot_of(r, own) = (uint32_t)r->n + 1;
	number = (uint32_t)r->n++;
	r->series[number] = facts->row;
	r->series[number].id = own;
	r->series[number].label = facts->row.label ? strdup(facts->row.label) : NULL;
	r->extra[number] = (struct extra){ facts->modulus, facts->is_float, facts->raw_factor };
	r->last[number] = (struct sample){ .series = UINT32_MAX };
	return number;
}

struct registry_facts registry_facts_of(const struct bound *bound, size_t point)
{
	const struct bound_point *p = &bound->points[point];
	struct registry_facts f = { .modulus = p->modulus, .is_float = p->is_float, .raw_factor = p->factor };
	bound_series(bound, point, "", 0, &f.row);
	return f;
}

struct registry_facts registry_facts(const struct registry *r, uint32_t series)
{
	if (series >= r->n)
		return (struct registry_facts){ 0 };
	const struct extra *x = &r->extra[series];
	return (struct registry_facts){ r->series[series], x->modulus, x->is_float, x->raw_factor };
}

static bool same_meaning(const struct registry_facts *a, const struct registry_facts *b)
{
	return a->row.quantity == b->row.quantity && a->row.scope == b->row.scope && a->row.count.num == b->row.count.num &&
	       a->row.count.den == b->row.count.den && a->modulus == b->modulus && a->is_float == b->is_float;
}

uint32_t registry_point(struct registry *r, const char *device, uint16_t device_ix, const struct bound *bound, size_t i)
{
	char id[200];
	struct registry_facts fresh = registry_facts_of(bound, i);
	snprintf(id, sizeof id, "%s/%s", device, bound->points[i].name);
	fresh.row.device = device_ix;
	uint32_t number = registry_reserve(r, id, &fresh);
	if (number == UINT32_MAX)
		return number;
	struct registry_facts have = registry_facts(r, number);
	if (!same_meaning(&have, &fresh)) {
		fresh.row.id = have.row.id;
		fresh.row.label = have.row.label;
		r->series[number] = fresh.row;
		r->extra[number] = (struct extra){ fresh.modulus, fresh.is_float, fresh.raw_factor };
		touched(r, number);
		r->remeant = r->remeant || have.row.count.num;
	}
	return number;
}

void registry_devices(struct registry *r, const struct site *site)
{
	for (size_t i = 0; i < r->n; i++) {
		char id[200];
		snprintf(id, sizeof id, "%.*s", (int)strcspn(r->series[i].id, "/"), r->series[i].id);
		const struct device *d = site_device(site, id);
		uint16_t number = d ? (uint16_t)(d - site_devices(site)) : r->series[i].device;
		if (number != r->series[i].device)
			touched(r, i);
		r->series[i].device = number;
	}
}

bool registry_remeant(struct registry *r)
{
	bool remeant = r->remeant;
	r->remeant = false;
	return remeant;
}

const struct series *registry_series(const struct registry *r, size_t *n)
{
	*n = r->n;
	return r->series;
}

bool registry_changed(struct registry *r, size_t *from)
{
	*from = r->changed;
	r->changed = r->n;
	return *from < r->n;
}

void registry_keep(struct registry *r, const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (samples[i].series < r->n)
			r->last[samples[i].series] = samples[i];
}

const struct sample *registry_last(const struct registry *r, uint32_t series)
{
	return series < r->n && r->last[series].series != UINT32_MAX ? &r->last[series] : NULL;
}
