#include "core/live.h"

/* What a meter's power counts for in a sum: +1, -1 or 0. */
static int total_sign(int role)
{
	static const int8_t signs[ROLE_N] = { [ROLE_SUPPLY] = 1, [ROLE_PV] = 1, [ROLE_GENERATOR] = 1, [ROLE_FUEL] = 1, [ROLE_HEAT] = 1,
					      [ROLE_EXPORT] = -1, [ROLE_OTHER_USE] = -1 };
	return signs[role];
}

static const struct meter *above(const struct site *site, const struct meter *m)
{
	return m->parent_ix < 0 ? NULL : &site_meters(site)[m->parent_ix];
}

static const struct meter *nearest(const struct site *site, const struct meter *m, int role)
{
	for (const struct meter *p = above(site, m); p; p = above(site, p))
		if (p->role == role)
			return p;
	return NULL;
}

static int it_sign(const struct site *site, const struct meter *m)
{
	if (m->role == ROLE_IT)
		return nearest(site, m, ROLE_IT) ? 0 : 1;
	bool topmost = m->role == ROLE_NON_IT && nearest(site, m, ROLE_IT) && !nearest(site, m, ROLE_NON_IT);
	return topmost ? -1 : 0;
}

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

void live_sum(const struct site *site, const int64_t *power_mw, const bool *known, struct live *out)
{
	*out = (struct live){ .total_known = true, .it_known = true };
	const struct meter *meters = site_meters(site);
	for (size_t i = 0; i < site->meters.n; i++) {
		add(total_sign(meters[i].role), &meters[i], power_mw[i], known[i], &out->total_mw, &out->total_known);
		add(it_sign(site, &meters[i]), &meters[i], power_mw[i], known[i], &out->it_mw, &out->it_known);
	}
}

bool live_role(const struct site *site, int role, const int64_t *power_mw, const bool *known, int64_t *sum_mw)
{
	const struct meter *meters = site_meters(site);
	bool all = true;
	size_t count = 0;
	*sum_mw = 0;
	for (size_t i = 0; i < site->meters.n; i++) {
		if (meters[i].role != role || nearest(site, &meters[i], role))
			continue;
		count++;
		add(1, &meters[i], power_mw[i], known[i], sum_mw, &all);
	}
	return all && count;
}
