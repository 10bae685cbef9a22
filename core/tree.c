#include "core/tree.h"

#include <stdlib.h>

/* Sign in E_T by role; all other roles are no term. */
static const int8_t total_signs[ROLE_N] = {
	[ROLE_SUPPLY] = 1, [ROLE_PV] = 1, [ROLE_GENERATOR] = 1, [ROLE_FUEL] = 1, [ROLE_HEAT] = 1,
	[ROLE_EXPORT] = -1, [ROLE_OTHER_USE] = -1,
};
/* Roles that feed the bus they name as parent. */
static const bool sources[ROLE_N] = { [ROLE_SUPPLY] = true, [ROLE_PV] = true, [ROLE_GENERATOR] = true };
static const bool not_electric[ROLE_N] = { [ROLE_FUEL] = true, [ROLE_HEAT] = true, [ROLE_REUSE] = true, [ROLE_WATER] = true, [ROLE_RENEWABLE] = true };
static const bool electric_input[ROLE_N] = { [ROLE_SUPPLY] = true };

/* The nearest ancestor with one of two roles, -1 none.  Call after the cycle check. */
static int64_t ancestor(const struct tree *t, const struct meter *meters, int64_t i, int role)
{
	for (int64_t p = t->nodes[i].parent; p >= 0; p = t->nodes[p].parent)
		if (meters[p].role == role)
			return p;
	return -1;
}

static bool acyclic(const struct tree *t, const struct meter *meters, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		size_t steps = 0;
		for (int64_t p = t->nodes[i].parent; p >= 0; p = t->nodes[p].parent) {
			if (p >= (int64_t)t->n)
				return err_set(err, ERR_CONFIG, "meter %s: its parent %s does not exist; name a meter of this site",
					       meters[i].id, meters[i].parent ? meters[i].parent : "?");
			if (++steps > t->n)
				return err_set(err, ERR_CONFIG, "meter %s: its parents run in a circle; one of them must be a root", meters[i].id);
		}
	}
	return true;
}

static bool is_fuel_pair(int a, int b)
{
	return (a == ROLE_FUEL && b == ROLE_GENERATOR) || (a == ROLE_GENERATOR && b == ROLE_FUEL);
}

static bool counted_once(const struct tree *t, const struct meter *meters, struct err *err)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct meter *m = &meters[i];
		int64_t above = m->role == ROLE_IT ? ancestor(t, meters, (int64_t)i, ROLE_IT) :
				electric_input[m->role] ? ancestor(t, meters, (int64_t)i, m->role) : -1;
		if (above >= 0)
			return err_set(err, ERR_CONFIG, "meter %s (%s) lies below meter %s of the same role: its energy would count twice; "
				       "give one of them another role (rack, distribution)", m->id, m->role == ROLE_IT ? "it" : "supply", meters[above].id);
		int64_t p = t->nodes[i].parent;
		if (p >= 0 && is_fuel_pair(m->role, meters[p].role))
			return err_set(err, ERR_CONFIG, "meters %s and %s: a generator counts by its fuel or by its output, once; remove one of them",
				       meters[p].id, m->id);
	}
	return true;
}

static void set_signs(struct tree *t, const struct meter *meters)
{
	for (size_t i = 0; i < t->n; i++) {
		struct tree_node *n = &t->nodes[i];
		int64_t it = ancestor(t, meters, (int64_t)i, ROLE_IT), non_it = ancestor(t, meters, (int64_t)i, ROLE_NON_IT);
		bool inner_non_it = non_it >= 0 && it >= 0 && tree_under(t, non_it, it);
		n->total_sign = total_signs[meters[i].role];
		n->it_sign = meters[i].role == ROLE_IT ? 1 : meters[i].role == ROLE_NON_IT && it >= 0 && !inner_non_it ? -1 : 0;
		n->source = sources[meters[i].role] && n->parent >= 0;
		n->electric = !not_electric[meters[i].role];
		n->measured = meters[i].energy != NULL || meters[i].power != NULL;
		if (n->parent >= 0 && n->electric)
			t->nodes[n->parent].n_children++;
	}
}

bool tree_init(struct tree *t, const struct site *site, struct err *err)
{
	const struct meter *meters = site_meters(site);
	size_t n = site->meters.n;
	struct tree made = { n, calloc(n ? n : 1, sizeof(struct tree_node)) };
	if (!made.nodes)
		return err_memory(err);
	for (size_t i = 0; i < n; i++)
		made.nodes[i].parent = meters[i].parent_ix;
	if (!acyclic(&made, meters, err) || !counted_once(&made, meters, err)) {
		tree_done(&made);
		return false;
	}
	set_signs(&made, meters);
	*t = made;
	return true;
}

void tree_done(struct tree *t)
{
	free(t->nodes);
	*t = (struct tree){ 0 };
}

bool tree_under(const struct tree *t, int64_t below, int64_t above)
{
	for (int64_t p = t->nodes[below].parent; p >= 0; p = t->nodes[p].parent)
		if (p == above)
			return true;
	return false;
}

bool tree_has_total(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->nodes[i].total_sign > 0)
			return true;
	return false;
}

bool tree_has_it(const struct tree *t)
{
	for (size_t i = 0; i < t->n; i++)
		if (t->nodes[i].it_sign > 0)
			return true;
	return false;
}

int tree_category(const struct tree *t, const struct site *site)
{
	int worst = 4;
	for (size_t i = 0; i < t->n; i++)
		if (t->nodes[i].it_sign > 0 && point_category(site_meters(site)[i].point) < worst)
			worst = point_category(site_meters(site)[i].point);
	return worst == 4 ? 0 : worst;
}
