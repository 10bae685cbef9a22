/* Cross-references of a site: every name resolved, every impossible tree refused with a sentence that names the row. */
#include "core/site_fields.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_SUGGESTIONS = 30 };

static const struct conf_node *at(const struct conf_node *n, const char *key)
{
	return conf_get(n, key) ?: n;
}

/* ---- ids ---- */

/* Both structs begin with their id. */
_Static_assert(offsetof(struct meter, id) == 0 && offsetof(struct device, id) == 0 && offsetof(struct rack, id) == 0, "id first");
struct table { const char *items; size_t size, n; };

static const char *id_at(const struct table *t, uint32_t i)
{
	return *(const char *const *)(t->items + i * t->size);
}

static int by_id(const void *a, const void *b, void *table)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	int d = strcmp(id_at(table, x), id_at(table, y));
	return d ? d : (x > y) - (x < y);
}

static void order(struct resolve *r, struct table t, const struct conf_node *const *nodes, const char *what, struct conf_vec *out)
{
	uint32_t *ix = conf_alloc(r->c, t.n * sizeof *ix + 1);
	if (!ix)
		return;
	for (uint32_t i = 0; i < t.n; i++)
		ix[i] = i;
	qsort_r(ix, t.n, sizeof *ix, by_id, &t);
	for (size_t i = 1; i < t.n; i++)
		if (!strcmp(id_at(&t, ix[i - 1]), id_at(&t, ix[i]))) {
			struct conf_place first = conf_place(nodes[ix[i - 1]]);
			conf_problem(r->c, at(nodes[ix[i]], "id"), "%s '%s' stands here twice (first in %s:%d); give one of them another id", what,
				     id_at(&t, ix[i]), first.file, first.line);
		}
	*out = (struct conf_vec){ ix, t.n };
}

void site_index(struct resolve *r)
{
	struct site *s = r->s;
	struct conf_vec racks;
	order(r, (struct table){ s->meters.items, sizeof(struct meter), s->meters.n }, r->meter_nodes, "meter", &s->meter_order);
	order(r, (struct table){ s->devices.items, sizeof(struct device), s->devices.n }, r->device_nodes, "device", &s->device_order);
	order(r, (struct table){ s->racks.items, sizeof(struct rack), s->racks.n }, r->rack_nodes, "rack", &racks);
}

static int64_t find(const struct table *t, const struct conf_vec *order, const char *id)
{
	const uint32_t *ix = order->items;
	size_t lo = 0, hi = order->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		int d = strcmp(id_at(t, ix[mid]), id);
		if (!d)
			return ix[mid];
		if (d < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return -1;
}

static int64_t find_meter(const struct site *s, const char *id)
{
	struct table t = { s->meters.items, sizeof(struct meter), s->meters.n };
	return find(&t, &s->meter_order, id);
}

static int64_t find_device(const struct site *s, const char *id)
{
	struct table t = { s->devices.items, sizeof(struct device), s->devices.n };
	return find(&t, &s->device_order, id);
}

const struct meter *site_meter(const struct site *s, const char *id)
{
	int64_t i = find_meter(s, id);
	return i < 0 ? NULL : site_meters(s) + i;
}

const struct device *site_device(const struct site *s, const char *id)
{
	int64_t i = find_device(s, id);
	return i < 0 ? NULL : site_devices(s) + i;
}

static const char *nearest(struct resolve *r, struct table t, const char *word)
{
	if (!*word || !t.n || r->suggestions++ >= MAX_SUGGESTIONS)
		return NULL;
	const char **ids = malloc(t.n * sizeof(*ids));
	for (uint32_t i = 0; ids && i < t.n; i++)
		ids[i] = id_at(&t, i);
	const char *near = ids ? conf_nearest(word, ids, t.n) : NULL;
	free(ids);
	return near;
}

static const char *nearest_meter(struct resolve *r, const char *word)
{
	return nearest(r, (struct table){ r->s->meters.items, sizeof(struct meter), r->s->meters.n }, word);
}

/* "'x' is no meter; did you mean 'y'?" with the subject before it. */
static void no_such(struct resolve *r, const struct conf_node *n, const char *subject, const char *id, const char *what, const char *key,
		    const char *word, const char *near)
{
	if (near)
		conf_problem(r->c, n, "%s '%s': %s '%s' is no %s; did you mean '%s'?", subject, id, key, word, what, near);
	else
		conf_problem(r->c, n, "%s '%s': %s '%s' is no %s; add it to '%ss' or correct the name", subject, id, key, word, what, what);
}

/* ---- references ---- */

static void resolve_meter(struct resolve *r, struct meter *m, const struct conf_node *n)
{
	m->parent_ix = m->parent ? find_meter(r->s, m->parent) : -1;
	if (m->parent && m->parent_ix < 0)
		no_such(r, at(n, "parent"), "meter", m->id, "meter", "parent", m->parent, nearest_meter(r, m->parent));
	m->device_ix = m->device ? find_device(r->s, m->device) : -1;
	if (!m->device || m->device_ix >= 0)
		return;
	if (conf_get(n, "device"))
		no_such(r, conf_get(n, "device"), "meter", m->id, "device", "device", m->device,
			nearest(r, (struct table){ r->s->devices.items, sizeof(struct device), r->s->devices.n }, m->device));
	else
		conf_problem(r->c, n, "meter '%s' has no device; name it with 'device', or give a device the id '%s'%s", m->id, m->id,
			     m->parent ? ", or make it a bus if nothing measures here" : "");
}

static bool rack_level(const struct meter *m)
{
	return m->role == ROLE_RACK || m->point == POINT_RACK_INLET || m->point == POINT_RACK_OUTLET || m->point == POINT_IT_INPUT;
}

static void resolve_feed(struct resolve *r, const struct rack *q, uint32_t rack, size_t i, int64_t *owner, int64_t *out)
{
	const char *id = ((const char *const *)q->feeds.items)[i];
	const struct conf_node *n = at(r->rack_nodes[rack], "feeds");
	int64_t ix = find_meter(r->s, id);
	const struct meter *m = ix < 0 ? NULL : site_meters(r->s) + ix;
	out[i] = ix;
	n = conf_item(n, i) ?: n;
	if (!m) {
		no_such(r, n, "rack", q->id, "meter", "feed", id, nearest_meter(r, id));
	} else if (m->role != ROLE_RACK && m->role != ROLE_IT && m->role != ROLE_DISTRIBUTION) {
		conf_problem(r->c, n, "rack '%s': feed '%s' is a meter of role %s; a rack is fed by role rack, it or distribution", q->id, id,
			     conf_name_of(role_names, m->role));
	} else if (rack_level(m)) {
		if (owner[ix] == (int64_t)rack + 1)
			conf_problem(r->c, n, "rack '%s': feed '%s' stands here twice; remove one", q->id, id);
		else if (owner[ix])
			conf_problem(r->c, n, "rack '%s': feed '%s' is already a feed of rack '%s'; a rack's meter measures one rack", q->id, id,
				     site_racks(r->s)[owner[ix] - 1].id);
		owner[ix] = (int64_t)rack + 1;
	}
}

void site_resolve(struct resolve *r)
{
	struct meter *m = r->s->meters.items;
	struct rack *q = r->s->racks.items;
	int64_t *owner = calloc(r->s->meters.n + 1, sizeof *owner);
	for (size_t i = 0; i < r->s->meters.n; i++)
		resolve_meter(r, &m[i], r->meter_nodes[i]);
	for (uint32_t i = 0; owner && i < r->s->racks.n; i++) {
		int64_t *ix = conf_alloc(r->c, q[i].feeds.n * sizeof *ix + 1);
		for (size_t k = 0; ix && k < q[i].feeds.n; k++)
			resolve_feed(r, &q[i], i, k, owner, ix);
		q[i].feed_ix = (struct conf_vec){ ix, q[i].feeds.n };
	}
	free(owner);
}

/* ---- the tree ---- */

static bool report_cycle(struct resolve *r, uint32_t from)
{
	const struct meter *m = site_meters(r->s);
	CLEANUP(buf_done) struct buf way = { 0 };
	size_t shown = 0;
	buf_str(&way, m[from].id);
	for (int64_t i = m[from].parent_ix; i != from; i = m[i].parent_ix)
		if (shown++ < 12)
			buf_printf(&way, " -> %s", m[i].id);
	conf_problem(r->c, at(r->meter_nodes[from], "parent"), "meter '%s' is its own parent: %s%s -> %s; correct 'parent' of one of them", m[from].id,
		     way.data ? way.data : "", shown > 12 ? " -> ..." : "", m[from].id);
	return false;
}

static bool no_cycles(struct resolve *r)
{
	const struct meter *m = site_meters(r->s);
	size_t n = r->s->meters.n;
	uint32_t *walk = calloc(n + 1, sizeof *walk);
	bool good = walk;
	for (uint32_t i = 0; walk && i < n; i++) {
		int64_t j = i;
		while (j >= 0 && !walk[j]) {
			walk[j] = i + 1;
			j = m[j].parent_ix;
		}
		if (j >= 0 && walk[j] == i + 1)
			good = report_cycle(r, (uint32_t)j);
	}
	free(walk);
	return good;
}

/* What the tree demands of each role. */
enum { NEEDS_POINT = 1, TOP = 2, NOT_ELECTRIC = 4, NO_IT_BELOW = 8, END = 16 };
static const unsigned rules[ROLE_N] = {
	[ROLE_SUPPLY] = TOP, [ROLE_IT] = NEEDS_POINT, [ROLE_FUEL] = NOT_ELECTRIC, [ROLE_HEAT] = NOT_ELECTRIC, [ROLE_REUSE] = NOT_ELECTRIC,
	[ROLE_WATER] = NOT_ELECTRIC, [ROLE_RENEWABLE] = NOT_ELECTRIC, [ROLE_COOLING] = NO_IT_BELOW, [ROLE_LIGHTING] = NO_IT_BELOW,
	[ROLE_OTHER] = NO_IT_BELOW, [ROLE_NON_IT] = NO_IT_BELOW, [ROLE_EXPORT] = END, [ROLE_OTHER_USE] = END, [ROLE_PV] = END,
};

static const char *role_name(const struct meter *m)
{
	return conf_name_of(role_names, m->role);
}

static const struct meter *above(const struct site *s, const struct meter *m)
{
	return m->parent_ix < 0 ? NULL : site_meters(s) + m->parent_ix;
}

static const struct meter *above_of_role(const struct site *s, const struct meter *m, int role)
{
	for (const struct meter *p = above(s, m); p; p = above(s, p))
		if (p->role == role)
			return p;
	return NULL;
}

static void check_parent(struct resolve *r, const struct meter *m, const struct conf_node *n)
{
	const struct meter *p = above(r->s, m);
	if (!p)
		return;
	if (rules[m->role] & NOT_ELECTRIC)
		conf_problem(r->c, at(n, "parent"), "meter '%s' of role %s is no part of the electrical tree; remove its parent", m->id, role_name(m));
	else if ((rules[m->role] & TOP) && p->role != ROLE_BUS)
		conf_problem(r->c, at(n, "parent"), "meter '%s' is a supply, so its parent can only be the bus it is connected to, not '%s' of role %s", m->id,
			     p->id, role_name(p));
	else if (rules[p->role] & (NOT_ELECTRIC | END))
		conf_problem(r->c, at(n, "parent"), "meter '%s' cannot be below '%s' of role %s; name the meter or bus upstream of it", m->id, p->id, role_name(p));
	else if (p->role == ROLE_SUPPLY && p->parent)
		conf_problem(r->c, at(n, "parent"), "meter '%s' is below supply '%s', which meets bus '%s'; name the bus as parent", m->id, p->id, p->parent);
}

static void check_it(struct resolve *r, const struct meter *m, const struct conf_node *n)
{
	const struct meter *it = above_of_role(r->s, m, ROLE_IT), *p = above(r->s, m);
	if (m->role == ROLE_IT && it)
		conf_problem(r->c, at(n, "role"), "IT meter '%s' is below IT meter '%s': its energy would count twice; give one of them role %s", m->id, it->id,
			     rack_level(m) ? "rack" : "distribution");
	if (m->role == ROLE_NON_IT && !it)
		conf_problem(r->c, at(n, "role"), "meter '%s' is non_it, but no IT meter is above it, so there is nothing to take it off; use cooling, lighting or other",
			     m->id);
	if (m->role == ROLE_RACK && !it && m->parent)
		conf_warning(r->c, at(n, "parent"), "rack meter '%s' is below no IT meter: its energy is not in the IT energy", m->id);
	if (m->role != ROLE_IT && m->role != ROLE_RACK)
		return;
	for (; p; p = above(r->s, p))
		if (rules[p->role] & NO_IT_BELOW) {
			conf_problem(r->c, at(n, "parent"), "meter '%s' of role %s is below '%s' of role %s; IT energy cannot be overhead as well", m->id, role_name(m),
				     p->id, role_name(p));
			return;
		}
}

static void check_meter(struct resolve *r, const struct meter *m, const struct conf_node *n)
{
	if ((rules[m->role] & NEEDS_POINT) && m->point == POINT_NONE && !conf_get(n, "point"))
		conf_problem(r->c, n, "IT meter '%s' does not say where it measures; add 'point: ups_output', pdu_output, row_cabinet, rack_inlet, rack_outlet or "
			     "it_input", m->id);
	if (m->energy && !m->p_max_mw && !(rules[m->role] & NOT_ELECTRIC) && !conf_get(n, "p_max"))
		conf_warning(r->c, n, "meter '%s' has no 'p_max': no roll-over of its register will be accepted", m->id);
	if (m->device && !m->energy && !m->power)
		conf_problem(r->c, n, "meter '%s' reads neither energy nor power; name a point, or make it a bus", m->id);
}

struct reads { int64_t device; const char *energy; uint32_t meter; };

static int by_point(const void *a, const void *b)
{
	const struct reads *x = a, *y = b;
	int d = (x->device > y->device) - (x->device < y->device);
	if (!d)
		d = strcmp(x->energy, y->energy);
	return d ? d : (x->meter > y->meter) - (x->meter < y->meter);
}

/* One register counted as two meters would enter two sums. */
static void no_register_twice(struct resolve *r)
{
	const struct meter *m = site_meters(r->s);
	struct reads *list = malloc((r->s->meters.n + 1) * sizeof *list);
	size_t n = 0;
	for (uint32_t i = 0; list && i < r->s->meters.n; i++)
		if (m[i].device_ix >= 0 && m[i].energy)
			list[n++] = (struct reads){ m[i].device_ix, m[i].energy, i };
	if (list)
		qsort(list, n, sizeof *list, by_point);
	for (size_t i = 1; i < n; i++)
		if (list[i].device == list[i - 1].device && !strcmp(list[i].energy, list[i - 1].energy))
			conf_problem(r->c, at(r->meter_nodes[list[i].meter], "energy"), "meter '%s' reads %s of device '%s', and so does meter '%s': one register is one meter",
				     m[list[i].meter].id, list[i].energy, m[list[i].meter].device, m[list[i - 1].meter].id);
	free(list);
}

static const struct meter *root_of(const struct site *s, const struct meter *m)
{
	while (above(s, m))
		m = above(s, m);
	return m;
}

static bool is_source(const struct meter *m)
{
	return m->role == ROLE_SUPPLY || m->role == ROLE_PV || m->role == ROLE_GENERATOR;
}

/* Buses that a supply, a generator or PV meets. */
static bool *fed_buses(const struct site *s)
{
	bool *fed = calloc(s->meters.n + 1, sizeof *fed);
	for (size_t i = 0; fed && i < s->meters.n; i++)
		if (is_source(&site_meters(s)[i]) && site_meters(s)[i].parent_ix >= 0)
			fed[site_meters(s)[i].parent_ix] = true;
	return fed;
}

static void check_site(struct resolve *r)
{
	const struct site *s = r->s;
	const struct meter *m = site_meters(s);
	size_t supplies = 0, it = 0;
	bool *fed = fed_buses(s);
	for (size_t i = 0; i < s->meters.n; i++) {
		supplies += m[i].role == ROLE_SUPPLY;
		it += m[i].role == ROLE_IT;
	}
	if (!supplies)
		conf_warning(r->c, r->list, "no meter has role supply: what enters is not measured, so no PUE can be stated");
	if (!it)
		conf_warning(r->c, r->list, "no meter has role it: no PUE can be stated");
	for (size_t i = 0; fed && supplies && i < s->meters.n; i++) {
		const struct meter *root = root_of(s, &m[i]);
		bool reached = root->role == ROLE_SUPPLY || root->role == ROLE_GENERATOR || fed[root - m];
		if (m[i].role == ROLE_BUS && m[i].parent_ix < 0 && !fed[i])
			conf_warning(r->c, r->meter_nodes[i], "bus '%s' is fed by nothing; name it as parent of the supplies that meet there", m[i].id);
		else if (m[i].role == ROLE_IT && !reached && root->role != ROLE_BUS)
			conf_warning(r->c, r->meter_nodes[i], "IT meter '%s' is connected to no supply; name its parent, else E_IT may be no part of E_T", m[i].id);
	}
	free(fed);
}

void site_check_tree(struct resolve *r)
{
	const struct meter *m = site_meters(r->s);
	if (!no_cycles(r))
		return;
	for (size_t i = 0; i < r->s->meters.n; i++) {
		check_meter(r, &m[i], r->meter_nodes[i]);
		check_parent(r, &m[i], r->meter_nodes[i]);
		check_it(r, &m[i], r->meter_nodes[i]);
	}
	no_register_twice(r);
	check_site(r);
}
