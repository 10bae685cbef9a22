#include "agent/registry.h"
#include "core/texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What thousands of series have in common: kept once. */
struct kind { int64_t modulus; struct ratio count, raw_factor; uint8_t quantity, scope; bool configured, is_float; };

struct row { uint32_t id, label, kind, last; uint16_t device; };     /* last: its place among `last` + 1; 0: not watched */

struct registry {
	struct row *rows;
	size_t n, room;
	struct intern kinds;
	struct texts texts;
	struct sample *last;     /* series UINT32_MAX: nothing yet */
	size_t n_last, last_room;
	struct slots slots;      /* by id */
	size_t untold;           /* the first that is new or other than it was told; n: none */
	bool learnt, remeant;
};

struct registry *registry_new(void)
{
	struct registry *r = calloc(1, sizeof *r);
	if (r)
		r->kinds.size = sizeof(struct kind);
	return r;
}

void registry_free(struct registry *r)
{
	if (!r)
		return;
	texts_done(&r->texts);
	intern_done(&r->kinds);
	slots_done(&r->slots);
	free(r->rows);
	free(r->last);
	free(r);
}

size_t registry_count(const struct registry *r)
{
	return r->n;
}

const char *registry_id(const struct registry *r, uint32_t series)
{
	return texts_at(&r->texts, r->rows[series].id);
}

static uint64_t hash_of_id(const void *registry, uint32_t series)
{
	return hash_text(registry_id(registry, series));
}

static void touched(struct registry *r, size_t number)
{
	if (number < r->untold)
		r->untold = number;
}

uint32_t registry_find(const struct registry *r, const char *id)
{
	uint64_t hash = hash_text(id);
	uint32_t number;
	for (size_t step = 0; (number = slots_next(&r->slots, hash, &step)) != UINT32_MAX;)
		if (strcmp(registry_id(r, number), id) == 0)
			break;
	return number;
}

static bool make_room(struct registry *r)
{
	struct row *rows = r->n == r->room ? quarter_more(r->rows, &r->room, sizeof *rows) : r->rows;
	if (!rows)
		return false;
	r->rows = rows;
	return slots_room(&r->slots, (uint32_t)r->n, hash_of_id, r);
}

static uint32_t kind_of(struct registry *r, const struct registry_facts *f)
{
	struct kind k;
	memset(&k, 0, sizeof k);
	k.modulus = f->modulus;
	k.count = f->row.count;
	k.raw_factor = f->raw_factor;
	k.quantity = f->row.quantity;
	k.scope = f->row.scope;
	k.configured = f->row.configured;
	k.is_float = f->is_float;
	return intern_add(&r->kinds, &k);
}

uint32_t registry_reserve(struct registry *r, const char *id, const struct registry_facts *facts)
{
	uint32_t number = registry_find(r, id);
	if (number != UINT32_MAX)
		return number;
	if (!make_room(r))
		return UINT32_MAX;
	const char *label = facts->row.label;
	struct row row = { .id = texts_add(&r->texts, id), .label = texts_add(&r->texts, label), .kind = kind_of(r, facts), .device = facts->row.device };
	if (!row.id || (label && !row.label) || row.kind == UINT32_MAX)
		return UINT32_MAX;
	slots_put(&r->slots, hash_text(id), (uint32_t)r->n);
	r->rows[r->n] = row;
	return (uint32_t)r->n++;
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
	const struct row *row = &r->rows[series];
	const struct kind *k = intern_at(&r->kinds, row->kind);
	return (struct registry_facts){
		.row = { .id = texts_at(&r->texts, row->id), .device = row->device, .quantity = k->quantity, .scope = k->scope, .configured = k->configured,
			 .count = k->count, .label = texts_at(&r->texts, row->label) },
		.modulus = k->modulus, .is_float = k->is_float, .raw_factor = k->raw_factor,
	};
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
		uint32_t kind = kind_of(r, &fresh);
		if (kind == UINT32_MAX)
			return UINT32_MAX;
		r->rows[number].kind = kind;
		r->rows[number].device = device_ix;
		touched(r, number);
		r->learnt = true;
		r->remeant = r->remeant || have.row.count.num;
	}
	return number;
}

void registry_devices(struct registry *r, const struct site *site)
{
	char device[200] = "";
	uint16_t at = 0;
	bool there = false;
	for (uint32_t i = 0; i < r->n; i++) {
		const char *id = registry_id(r, i);
		size_t len = strcspn(id, "/");
		if (strncmp(device, id, len) || device[len]) {          /* a device's series mostly follow each other */
			snprintf(device, sizeof device, "%.*s", (int)len, id);
			const struct device *d = site_device(site, device);
			there = d != NULL;
			at = d ? (uint16_t)(d - site_devices(site)) : 0;
		}
		if (there && r->rows[i].device != at) {
			touched(r, i);
			r->rows[i].device = at;
		}
	}
}

bool registry_learnt(const struct registry *r)
{
	return r->learnt;
}

bool registry_remeant(const struct registry *r)
{
	return r->remeant;
}

void registry_rewired(struct registry *r)
{
	r->learnt = r->remeant = false;
}

bool registry_untold(const struct registry *r, size_t *from)
{
	*from = r->untold;
	return *from < r->n;
}

void registry_told(struct registry *r)
{
	r->untold = r->n;
}

bool registry_watch(struct registry *r, uint32_t series)
{
	if (series >= r->n || r->rows[series].last)
		return true;
	struct sample *last = r->n_last == r->last_room ? quarter_more(r->last, &r->last_room, sizeof *last) : r->last;
	if (!last)
		return false;
	r->last = last;
	last[r->n_last++] = (struct sample){ .series = UINT32_MAX };
	r->rows[series].last = (uint32_t)r->n_last;
	return true;
}

void registry_keep(struct registry *r, const struct sample *samples, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (samples[i].series < r->n && r->rows[samples[i].series].last)
			r->last[r->rows[samples[i].series].last - 1] = samples[i];
}

const struct sample *registry_last(const struct registry *r, uint32_t series)
{
	const struct sample *last = series < r->n && r->rows[series].last ? &r->last[r->rows[series].last - 1] : NULL;
	return last && last->series != UINT32_MAX ? last : NULL;
}
