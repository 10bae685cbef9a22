#include "core/window_state.h"

#include <stdlib.h>
#include <string.h>

struct part_hole { uint32_t interval, unknown; int64_t sub_mwh, it_mwh; };
/* One sub-boundary: below a meter, or a hall.  Sums are over the intervals in which every member is wholly known. */
struct part {
	const char *hall;                /* NULL: below a meter */
	uint32_t meter, members;
	int64_t sub_mwh, it_mwh, intervals;
	struct part_hole *holes;         /* intervals in which a member lacks something, ascending */
	size_t n_holes, room;
	struct part_hole now;            /* the interval that is being pushed */
};
struct member { uint32_t part; int8_t sub, it; };
struct parts {
	struct part *all;
	size_t n;
	struct member **of;              /* each meter's memberships */
	uint16_t *n_of;
};

/* ---- who belongs to what ------------------------------------------------------------------------------------------------------------ */

static bool join(struct parts *p, size_t meter, size_t part, int sub, int it)
{
	if (!sub && !it)
		return true;
	for (size_t i = 0; i < p->n_of[meter]; i++)
		if (p->of[meter][i].part == part) {
			p->of[meter][i].sub = (int8_t)(p->of[meter][i].sub + sub);
			p->of[meter][i].it = (int8_t)(p->of[meter][i].it + it);
			return true;
		}
	struct member *grown = realloc(p->of[meter], (p->n_of[meter] + 1u) * sizeof *grown);
	if (!grown)
		return false;
	p->of[meter] = grown;
	grown[p->n_of[meter]++] = (struct member){ (uint32_t)part, (int8_t)sub, (int8_t)it };
	p->all[part].members++;
	return true;
}

/* A meter stands in the hall that it names, or in the one of the nearest meter above that names one. */
static const char *hall_of(const struct window *w, int64_t i)
{
	const struct meter *meters = site_meters(w->site);
	for (; i >= 0; i = w->tree.nodes[i].parent)
		if (meters[i].hall)
			return meters[i].hall;
	return NULL;
}

static bool same_hall(const char *a, const char *b) { return a && b && strcmp(a, b) == 0; }

/* What is not IT below an IT meter is taken off where that meter counts, whatever hall it names itself. */
static int64_t place_of_term(const struct window *w, int64_t i)
{
	if (w->tree.nodes[i].it_sign >= 0)
		return i;
	while (i >= 0 && w->tree.nodes[i].it_sign <= 0)
		i = w->tree.nodes[i].parent;
	return i;
}

/* Does the hall's energy pass a meter, or the sources of a bus, of this hall above this one? */
static bool counted_above(const struct window *w, int64_t i, const char *hall)
{
	for (int64_t p = w->tree.nodes[i].parent; p >= 0; p = w->tree.nodes[p].parent) {
		if (!same_hall(hall_of(w, p), hall))
			continue;
		if (w->tree.nodes[p].measured)
			return true;
		for (uint32_t c = w->first_child[p]; c != UINT32_MAX; c = w->next_child[c])
			if (w->tree.nodes[c].source)
				return true;
	}
	return false;
}

static int sub_sign_in_hall(const struct window *w, int64_t i, const char *hall)
{
	static const bool beside[ROLE_N] = { [ROLE_RACK] = true, [ROLE_REUSE] = true, [ROLE_WATER] = true, [ROLE_RENEWABLE] = true };
	const struct tree_node *n = &w->tree.nodes[i];
	if (!n->measured || beside[site_meters(w->site)[i].role])
		return 0;
	if (n->source || (n->total_sign > 0 && !n->electric))
		return 1;
	bool above = counted_above(w, i, hall);
	return n->total_sign < 0 ? -above : !above;
}

static bool join_halls(struct window *w, size_t i)
{
	const char *hall = hall_of(w, (int64_t)i), *it_hall = hall_of(w, place_of_term(w, (int64_t)i));
	bool good = true;
	for (size_t k = 0; k < w->parts->n && w->parts->all[k].hall && good; k++) {
		if (same_hall(w->parts->all[k].hall, hall))
			good = join(w->parts, i, k, sub_sign_in_hall(w, (int64_t)i, hall), 0);
		if (good && same_hall(w->parts->all[k].hall, it_hall))
			good = join(w->parts, i, k, 0, w->tree.nodes[i].it_sign);
	}
	return good;
}

/* Below a meter: what it passes, what else feeds there, less what leaves the site there. */
static bool join_above(struct window *w, size_t i, const uint32_t *part_of)
{
	const struct tree_node *n = &w->tree.nodes[i];
	int sub = n->source || n->total_sign < 0 ? n->total_sign : 0;
	bool good = part_of[i] == UINT32_MAX || join(w->parts, i, part_of[i], 1, 0);
	for (int64_t p = n->parent; p >= 0 && good; p = w->tree.nodes[p].parent)
		if (part_of[p] != UINT32_MAX)
			good = join(w->parts, i, part_of[p], n->electric ? sub : 0, n->it_sign);
	return good;
}

static void list_parts(struct window *w, uint32_t *part_of)
{
	const struct meter *meters = site_meters(w->site);
	struct parts *p = w->parts;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		bool known = !meters[i].hall;
		for (size_t k = 0; k < p->n && !known; k++)
			known = same_hall(p->all[k].hall, meters[i].hall);
		if (!known)
			p->all[p->n++] = (struct part){ .hall = meters[i].hall };
	}
	memset(part_of, 0xff, w->site->meters.n * sizeof *part_of);
	for (size_t i = 0; i < w->site->meters.n; i++)
		if (w->tree.nodes[i].it_sign > 0)
			for (int64_t a = w->tree.nodes[i].parent; a >= 0; a = w->tree.nodes[a].parent)
				part_of[a] = w->tree.nodes[a].measured ? 0 : UINT32_MAX;
	for (size_t i = 0; i < w->site->meters.n; i++)
		if (part_of[i] != UINT32_MAX) {
			part_of[i] = (uint32_t)p->n;
			p->all[p->n++] = (struct part){ .meter = (uint32_t)i };
		}
}

bool partial_init(struct window *w)
{
	size_t n = w->site->meters.n;
	struct parts *p = w->parts = calloc(1, sizeof *p);
	uint32_t *part_of = malloc((n + 1) * sizeof *part_of);
	bool good = p && part_of;
	if (good) {
		p->all = calloc(2 * n + 1, sizeof *p->all);
		p->of = calloc(n + 1, sizeof *p->of);
		p->n_of = calloc(n + 1, sizeof *p->n_of);
		good = p->all && p->of && p->n_of;
	}
	if (good)
		list_parts(w, part_of);
	for (size_t i = 0; i < n && good; i++)
		good = join_halls(w, i) && join_above(w, i, part_of);
	free(part_of);
	return good;
}

void partial_done(struct window *w)
{
	struct parts *p = w->parts;
	if (!p)
		return;
	for (size_t i = 0; p->of && i < w->site->meters.n; i++)
		free(p->of[i]);
	for (size_t i = 0; p->all && i < p->n; i++)
		free(p->all[i].holes);
	free(p->of);
	free(p->n_of);
	free(p->all);
	free(p);
	w->parts = NULL;
}

/* ---- accumulation ---------------------------------------------------------------------------------------------------------------------- */

static void add(struct window *w, struct part *p, int64_t sub, int64_t it)
{
	w->failed |= __builtin_add_overflow(p->sub_mwh, sub, &p->sub_mwh);
	w->failed |= __builtin_add_overflow(p->it_mwh, it, &p->it_mwh);
}

static void keep_hole(struct window *w, struct part *p)
{
	if (p->n_holes == p->room) {
		size_t room = p->room ? p->room * 2 : 8;
		struct part_hole *grown = realloc(p->holes, room * sizeof *grown);
		if (!grown) {
			w->failed = true;
			return;
		}
		p->holes = grown;
		p->room = room;
	}
	p->holes[p->n_holes++] = p->now;
}

void partial_push(struct window *w, size_t ix, const struct interval *iv)
{
	struct parts *p = w->parts;
	for (size_t k = 0; k < p->n; k++)
		p->all[k].now = (struct part_hole){ (uint32_t)ix, p->all[k].members, 0, 0 };
	for (size_t i = 0; i < iv->n; i++) {
		const struct interval_row *r = &iv->rows[i];
		for (size_t k = 0; r->meter < w->site->meters.n && k < p->n_of[r->meter]; k++) {
			const struct member *m = &p->of[r->meter][k];
			struct part_hole *now = &p->all[m->part].now;
			w->failed |= __builtin_add_overflow(now->sub_mwh, m->sub * r->energy_mwh, &now->sub_mwh);
			w->failed |= __builtin_add_overflow(now->it_mwh, m->it * r->energy_mwh, &now->it_mwh);
			now->unknown -= !r->missing_ms;
		}
	}
	for (size_t k = 0; k < p->n; k++) {
		struct part *part = &p->all[k];
		if (part->now.unknown) {
			keep_hole(w, part);
			continue;
		}
		add(w, part, part->now.sub_mwh, part->now.it_mwh);
		part->intervals++;
	}
}

static struct part_hole *find_hole(struct part *p, size_t ix)
{
	struct part_hole key = { .interval = (uint32_t)ix };
	return p->n_holes ? bsearch(&key, p->holes, p->n_holes, sizeof key, hole_order) : NULL;
}

void partial_correct(struct window *w, size_t ix, uint32_t meter, int64_t gain, bool filled)
{
	for (size_t k = 0; k < w->parts->n_of[meter]; k++) {
		const struct member *m = &w->parts->of[meter][k];
		struct part *p = &w->parts->all[m->part];
		struct part_hole *h = find_hole(p, ix);
		if (!h || !h->unknown) {
			add(w, p, m->sub * gain, m->it * gain);
			continue;
		}
		h->sub_mwh += m->sub * gain;
		h->it_mwh += m->it * gain;
		h->unknown -= filled;
		if (h->unknown)
			continue;
		add(w, p, h->sub_mwh, h->it_mwh);
		p->intervals++;
	}
}

size_t window_partials(const struct window *w) { return w->parts->n; }

bool window_partial(const struct window *w, size_t i, struct partial *out)
{
	if (i >= w->parts->n || w->failed)
		return false;
	const struct part *p = &w->parts->all[i];
	*out = (struct partial){ .name = p->hall ? p->hall : site_meters(w->site)[p->meter].id, .hall = p->hall != NULL, .sub_mwh = p->sub_mwh,
				 .it_mwh = p->it_mwh, .intervals = p->intervals, .complete = p->intervals == (int64_t)w->n };
	return p->it_mwh > 0;
}
