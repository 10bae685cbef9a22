#include "agent/registry.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct slot { char *id; uint32_t number; };

struct registry {
	struct series *series;
	struct sample *last;     /* series UINT32_MAX: nothing yet */
	size_t n, room;
	void *by_id;             /* tsearch(3) tree of struct slot */
	bool changed;
};

struct registry *registry_new(void)
{
	return calloc(1, sizeof(struct registry));
}

static void free_entry(void *e)
{
	free(((struct slot *)e)->id);
	free(e);
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	tdestroy(r->by_id, free_entry);
	for (size_t i = 0; i < r->n; i++)
		free((void *)(uintptr_t)r->series[i].label);
	free(r->series);
	free(r->last);
	free(r);
}

static int by_id(const void *a, const void *b)
{
	return strcmp(((const struct slot *)a)->id, ((const struct slot *)b)->id);
}

uint32_t registry_find(const struct registry *r, const char *id)
{
	struct slot key = { (char *)(uintptr_t)id, 0 };
	struct slot **found = tfind(&key, &r->by_id, by_id);
	return found ? (*found)->number : UINT32_MAX;
}

static bool grow(struct registry *r)
{
	size_t room = r->room ? r->room * 2 : 256;
	struct series *series = realloc(r->series, room * sizeof *series);
	if (series)
		r->series = series;
	struct sample *last = series ? realloc(r->last, room * sizeof *last) : NULL;
	if (!last)
		return false;
	r->last = last;
	r->room = room;
	return true;
}

uint32_t registry_number(struct registry *r, const char *id, const struct series *row)
{
	uint32_t number = registry_find(r, id);
	if (number != UINT32_MAX)
		return number;
	struct slot *e = calloc(1, sizeof *e);
	if (!e || !(e->id = strdup(id)) || (r->n == r->room && !grow(r)) || !tsearch(e, &r->by_id, by_id)) {
		if (e)
			free(e->id);
		free(e);
		return UINT32_MAX;
	}
	e->number = number = (uint32_t)r->n++;
	r->series[number] = *row;
	r->series[number].id = e->id;
	r->series[number].label = row->label ? strdup(row->label) : NULL;
	r->last[number] = (struct sample){ .series = UINT32_MAX };
	r->changed = true;
	return number;
}

uint32_t registry_point(struct registry *r, const char *device, uint16_t device_ix, const struct bound *bound, size_t i)
{
	char id[200];
	struct series row;
	snprintf(id, sizeof id, "%s/%s", device, bound->points[i].name);
	bound_series(bound, i, id, device_ix, &row);
	uint32_t number = registry_number(r, id, &row);
	if (number == UINT32_MAX)
		return number;
	struct series *have = &r->series[number];
	if (have->quantity != row.quantity || have->scope != row.scope || have->count.num != row.count.num || have->count.den != row.count.den) {
		const char *kept = have->id, *label = have->label;
		*have = row;
		have->id = kept;
		have->label = label;
		r->changed = true;
	}
	return number;
}

const struct series *registry_series(const struct registry *r, size_t *n)
{
	*n = r->n;
	return r->series;
}

bool registry_changed(struct registry *r)
{
	bool changed = r->changed;
	r->changed = false;
	return changed;
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
