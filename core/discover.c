/* The requests of a discovery and what came back. */
#include "core/discover.h"

#include <stdlib.h>
#include <string.h>

enum { WALKS_A_REQUEST = 6, GETS_A_REQUEST = 16, OIDS_A_REQUEST = GETS_A_REQUEST, MAX_ROWS = 2000, MAX_KNOWN = 100000 };

struct oid *oid_keep(struct arena *a, const struct oid *o)
{
	size_t size = offsetof(struct oid, ids) + (o->n ? o->n : 1) * sizeof *o->ids;
	struct oid *kept = arena_alloc(a, size);
	return kept ? memcpy(kept, o, offsetof(struct oid, ids) + o->n * sizeof *o->ids) : NULL;
}

bool oid_join(const struct oid *prefix, const uint32_t *index, uint32_t n, struct oid *out)
{
	if (prefix->n + n > OID_MAX)
		return false;
	memcpy(out->ids, prefix->ids, prefix->n * sizeof *out->ids);
	if (n)
		memcpy(out->ids + prefix->n, index, n * sizeof *out->ids);
	out->n = prefix->n + n;
	return true;
}

static bool grow(void **items, size_t *room, size_t n, size_t size)
{
	if (n < *room)
		return true;
	size_t more = *room ? *room * 2 : 32;
	void *p = realloc(*items, more * size);
	if (!p)
		return false;
	*items = p;
	*room = more;
	return true;
}

static bool same_job(const struct job *a, const struct job *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->oid)
		return !oid_compare(a->oid, b->oid);
	return a->space == b->space && a->address == b->address && a->words == b->words;
}

static void add_job(struct discover *d, struct job job)
{
	for (size_t i = 0; i < d->n_jobs; i++)
		if (same_job(&d->jobs[i], &job))
			return;
	if (!grow((void **)&d->jobs, &d->room_jobs, d->n_jobs, sizeof *d->jobs)) {
		d->memory = true;
		return;
	}
	d->jobs[d->n_jobs++] = job;
}

static void want_place(struct discover *d, const struct place *p, const struct coding *c)
{
	if (p->oid)
		add_job(d, (struct job){ .kind = p->column ? REQUEST_SNMP_WALK : REQUEST_SNMP_GET, .oid = p->oid });
	else if (p->space)
		add_job(d, (struct job){ .kind = REQUEST_MODBUS_READ, .space = p->space, .address = p->address,
					 .words = (uint16_t)(c ? c->words : 1) });
}

void discover_tests(struct discover *d, const struct conf_vec *tests)
{
	const struct test *t = tests->items;
	for (size_t i = 0; i < tests->n; i++)
		want_place(d, &t[i].at, &t[i].coding);
}

static void want_point(struct discover *d, const struct point *p)
{
	if (p->at.oid)
		want_place(d, &p->at, &p->coding);
	const struct scale_source *s = p->scale_from.items;
	for (size_t i = 0; i < p->scale_from.n; i++)
		want_place(d, &s[i].at, &s[i].coding);
	const struct place *l = p->label_from.items;
	for (size_t i = 0; i < p->label_from.n; i++)
		want_place(d, &l[i], NULL);
	want_place(d, &p->unit_from.at, &p->unit_from.coding);
	discover_tests(d, &p->where);
	discover_tests(d, &p->available);
}

/* GETs first, then walks: each request is of one kind. */
static int by_kind(const void *a, const void *b)
{
	const struct job *x = a, *y = b;
	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->oid && y->oid)
		return oid_compare(x->oid, y->oid);
	return (x->address > y->address) - (x->address < y->address);
}

struct discover *discover_empty(struct err *err)
{
	struct discover *d = calloc(1, sizeof *d);
	if (!d) {
		err_memory(err);
		return NULL;
	}
	d->max_rows = MAX_ROWS;
	return d;
}

struct discover *discover_new(const struct profile *profile, const struct point_override *overrides, size_t n, struct err *err)
{
	struct discover *d = discover_empty(err);
	if (!d)
		return NULL;
	d->profile = profile;
	d->overrides = overrides;
	d->n_overrides = n;
	const struct point *p = profile_points(profile);
	for (size_t i = 0; i < profile->points.n; i++)
		want_point(d, &p[i]);
	const struct identity_source *s = profile->identity.items;
	for (size_t i = 0; i < profile->identity.n; i++)
		want_place(d, &s[i].at, &s[i].coding);
	if (d->n_jobs)
		qsort(d->jobs, d->n_jobs, sizeof *d->jobs, by_kind);
	return d;
}

void discover_free(struct discover *d)
{
	if (!d)
		return;
	free(d->jobs);
	free(d->oids);
	free(d->known);
	free(d->words);
	arena_done(&d->arena);
	free(d);
}

_Static_assert(WALKS_A_REQUEST <= OIDS_A_REQUEST, "a walk's names fit too");

static size_t batch_limit(const struct discover *d, enum request_kind kind)
{
	size_t profile = d->profile ? (size_t)d->profile->max_oids : 0;
	if (kind == REQUEST_SNMP_WALK)
		return WALKS_A_REQUEST;
	if (kind != REQUEST_SNMP_GET)
		return 1;
	return profile && profile < GETS_A_REQUEST ? profile : GETS_A_REQUEST;
}

const struct request *discover_next(struct discover *d)
{
	if (d->failed || d->memory || d->next >= d->n_jobs)
		return NULL;
	const struct job *j = &d->jobs[d->next];
	size_t limit = batch_limit(d, j->kind);
	if (j->oid && !d->oids && !(d->oids = calloc(OIDS_A_REQUEST, sizeof *d->oids))) {
		d->memory = true;
		return NULL;
	}
	for (d->batch = 0; d->batch < limit && d->next + d->batch < d->n_jobs; d->batch++) {
		const struct job *k = &d->jobs[d->next + d->batch];
		if (k->kind != j->kind)
			break;
		if (k->oid)
			(void)!oid_join(k->oid, NULL, 0, &d->oids[d->batch]);
	}
	d->request = (struct request){ .kind = j->kind, .id = (uint32_t)d->next };
	if (j->oid) {
		d->request.oids = d->oids;
		d->request.n_oids = d->batch;
		d->request.max_rows = d->max_rows;
	} else {
		d->request.function = j->space;
		d->request.address = j->address;
		d->request.count = j->words;
	}
	return &d->request;
}

static bool asked(const struct discover *d, const struct oid *name)
{
	for (size_t i = 0; i < d->batch; i++) {
		const struct job *j = &d->jobs[d->next + i];
		if (j->kind == REQUEST_SNMP_WALK ? oid_under(name, j->oid) && name->n > j->oid->n : !oid_compare(name, j->oid))
			return true;
	}
	return false;
}

static void keep_var(struct discover *d, const struct var *v)
{
	bool value = v->type != VAR_NONE && v->type < VAR_NO_SUCH_OBJECT;
	if (!value || !asked(d, &v->name) || d->n_known >= MAX_KNOWN)
		return;
	if (!grow((void **)&d->known, &d->room_known, d->n_known, sizeof *d->known)) {
		d->memory = true;
		return;
	}
	struct known k = { .name = oid_keep(&d->arena, &v->name), .type = v->type, .integer = v->integer, .real = v->real };
	uint16_t len = v->text_len < TEXT_VALUE_MAX ? v->text_len : TEXT_VALUE_MAX;
	if (v->type == VAR_STRING && (k.text = arena_alloc(&d->arena, len + 1u))) {
		memcpy(k.text, v->text, len);
		k.text_len = len;
	}
	if (v->type == VAR_OID)
		k.oid = oid_keep(&d->arena, &v->oid);
	d->memory |= !k.name || (v->type == VAR_STRING && !k.text) || (v->type == VAR_OID && !k.oid);
	d->known[d->n_known++] = k;
}

static void keep_words(struct discover *d, const struct reading *r)
{
	const struct job *j = &d->jobs[d->next];
	if (r->n_words != j->words)
		return;
	struct known_words w = { j->space, j->address, j->words, arena_alloc(&d->arena, j->words * sizeof *w.words) };
	if (!w.words || !grow((void **)&d->words, &d->room_words, d->n_words, sizeof *d->words)) {
		d->memory = true;
		return;
	}
	memcpy(w.words, r->words, j->words * sizeof *w.words);
	d->words[d->n_words++] = w;
}

void discover_push(struct discover *d, const struct reading *r)
{
	bool refused = r->reason == REASON_EXCEPTION || r->reason == REASON_NO_SUCH_OBJECT;
	if (d->next >= d->n_jobs)
		return;
	if (r->reason != REASON_NONE && !refused && !d->lenient) {
		d->failed = true;
		d->err = r->err;
		if (!d->err.kind)
			err_set(&d->err, ERR_UNAVAILABLE, "discovery: %s", reason_text(r->reason));
		return;
	}
	for (size_t i = 0; i < r->n_vars; i++)
		keep_var(d, &r->vars[i]);
	if (r->reason == REASON_NONE && d->jobs[d->next].kind == REQUEST_MODBUS_READ)
		keep_words(d, r);
	d->partial |= r->partial;
	d->next += d->batch;
}

/* ---- lookups ---- */

static int by_oid(const void *a, const void *b)
{
	return oid_compare(((const struct known *)a)->name, ((const struct known *)b)->name);
}

void discover_sort(struct discover *d)
{
	if (d->memory || !d->n_known)
		return;
	qsort(d->known, d->n_known, sizeof *d->known, by_oid);
	size_t n = 1;
	for (size_t i = 1; i < d->n_known; i++)         /* a column and a scalar below it may both have brought it */
		if (oid_compare(d->known[i].name, d->known[n - 1].name))
			d->known[n++] = d->known[i];
	d->n_known = n;
}

static size_t lower_bound(const struct discover *d, const struct oid *name)
{
	size_t lo = 0, hi = d->n_known;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (oid_compare(d->known[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

const struct known *discover_find(const struct discover *d, const struct oid *name)
{
	size_t i = lower_bound(d, name);
	return i < d->n_known && !oid_compare(d->known[i].name, name) ? &d->known[i] : NULL;
}

const struct known *discover_first(const struct discover *d, const struct oid *prefix)
{
	size_t i = lower_bound(d, prefix);
	if (i < d->n_known && !oid_compare(d->known[i].name, prefix))
		i++;
	return i < d->n_known && oid_under(d->known[i].name, prefix) ? &d->known[i] : NULL;
}

bool known_number(const struct known *k, const struct coding *c, struct number *out)
{
	enum reason why;
	static const struct coding any = { .bit_first = -1, .bit_last = -1 };
	struct var v = { .type = k->type, .integer = k->integer, .real = k->real, .text_len = k->text_len };
	if (k->text)
		memcpy(v.text, k->text, k->text_len);
	if (k->oid && !oid_join(k->oid, NULL, 0, &v.oid))
		return false;
	return coding_decode_var(c ? c : &any, &v, out, &why);
}

const struct known_words *discover_words(const struct discover *d, uint8_t space, uint16_t address)
{
	for (size_t i = 0; i < d->n_words; i++)
		if (d->words[i].space == space && d->words[i].address == address)
			return &d->words[i];
	return NULL;
}
