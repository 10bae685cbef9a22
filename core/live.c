#include "core/live.h"

static void add(int sign, const struct meter *m, int64_t power_mw, bool known, int64_t *sum, bool *all)
{
	int64_t scaled;
	if (!sign)
		return;
	if (!known || !mul_div(power_mw, m->factor.num ? m->factor.num : 1, m->factor.den ? m->factor.den : 1, &scaled))
		*all = false;
	else
		*sum += sign * scaled;
}

void live_sum(const struct tree *tree, const struct site *site, const int64_t *power_mw, const bool *known, struct live *out)
{
	*out = (struct live){ .total_known = true, .it_known = true };
	const struct meter *meters = site_meters(site);
	for (size_t i = 0; i < tree->n; i++) {
		add(tree->nodes[i].total_sign, &meters[i], power_mw[i], known[i], &out->total_mw, &out->total_known);
		add(tree->nodes[i].it_sign, &meters[i], power_mw[i], known[i], &out->it_mw, &out->it_known);
	}
}

static bool below_its_like(const struct tree *tree, const struct meter *meters, size_t i)
{
	for (int64_t p = tree->nodes[i].parent; p >= 0; p = tree->nodes[p].parent)
		if (meters[p].role == meters[i].role)
			return true;
	return false;
}

bool live_role(const struct tree *tree, const struct site *site, int role, const int64_t *power_mw, const bool *known, int64_t *sum_mw)
{
	const struct meter *meters = site_meters(site);
	bool all = true;
	size_t count = 0;
	*sum_mw = 0;
	for (size_t i = 0; i < tree->n; i++) {
		if (meters[i].role != role || below_its_like(tree, meters, i))
			continue;
		count++;
		add(1, &meters[i], power_mw[i], known[i], sum_mw, &all);
	}
	return all && count;
}
