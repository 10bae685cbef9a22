/* Energy that stands in for what a meter does not know (domain.md 2.1, 2.3): beside known energy, never inside it.
 *
 * By precedence: I integrated power (recorded already), B balance of its node, P what the same hour of the week last was, N the
 * nominal power of the configuration.  M, by a person's word, comes as an event and takes the place of P and N. */
#include "core/ledger_state.h"

#include <stdlib.h>

enum { HOUR_MS = 3600000, WEEKS_KEPT = 4 };

/* Rule 9, class B: parent less declared losses less siblings, all of them wholly known, less what the meter itself knows. */
static bool balance(const struct ledger *l, const struct interval_row *row, __int128 *out)
{
	const struct tree_node *node = &l->tree.nodes[row->meter];
	if (node->parent < 0 || node->source || !node->electric)
		return false;
	const struct meter *parent = &site_meters(l->site)[node->parent];
	__int128 energy = 0;
	bool known = true;
	if (parent->role != ROLE_BUS) {
		const struct slot *p = slot_at(l, (size_t)node->parent, l->next);
		known = l->tree.nodes[node->parent].measured && !p->missing_ms;
		energy = p->energy_mwh - div_half_even((__int128)p->energy_mwh * parent->loss_ppm, 1000000);
	}
	for (size_t i = 0; i < l->n && known; i++) {
		const struct tree_node *other = &l->tree.nodes[i];
		if (other->parent != node->parent || i == row->meter || !other->electric)
			continue;
		const struct slot *s = slot_at(l, i, l->next);
		known = other->measured && !s->missing_ms;
		energy += other->source ? s->energy_mwh : -s->energy_mwh;
	}
	*out = energy - row->energy_mwh;
	return known;
}

static void place_in_week(const struct ledger *l, uint32_t *slot, uint16_t *week)
{
	int64_t hour = (int64_t)div_floor((__int128)l->next * l->interval_ms, HOUR_MS);
	int64_t w = (int64_t)div_floor(hour, HOURS_A_WEEK);
	*slot = (uint32_t)(hour - w * HOURS_A_WEEK);
	*week = (uint16_t)w;
}

void ledger_learn(struct ledger *l, const struct interval_row *row)
{
	struct meter_fold *m = &l->meters[row->meter];
	uint32_t slot;
	uint16_t week;
	if ((!m->total_sign && !m->it_sign) || row->missing_ms || row->class_ != CLASS_R)
		return;
	if (!m->profile && !(m->profile = calloc(HOURS_A_WEEK, sizeof *m->profile)))
		return;         /* an estimate less, no energy lost */
	place_in_week(l, &slot, &week);
	struct profile_hour h = hour_of(m->profile[slot]);
	if (!h.n || h.week != week)
		h = (struct profile_hour){ .week = week };
	__int128 mwh = (__int128)h.mwh + row->energy_mwh;
	if (h.n < HOUR_MOST && mwh < hour_mwh_bound && mwh >= -hour_mwh_bound)
		h = (struct profile_hour){ (int64_t)mwh, week, h.n + 1 };
	m->profile[slot] = hour_pack(h);
}

/* Class P: the mean interval of the same hour of the week (UTC) when it was last known, four weeks back at most. */
static bool by_profile(const struct ledger *l, const struct interval_row *row, __int128 *out)
{
	const struct meter_fold *m = &l->meters[row->meter];
	uint32_t slot;
	uint16_t week;
	place_in_week(l, &slot, &week);
	struct profile_hour h = hour_of(m->profile ? m->profile[slot] : 0);
	if (!h.n || (uint16_t)(week - h.week) > WEEKS_KEPT)
		return false;
	*out = div_half_even((__int128)h.mwh * row->missing_ms, (__int128)h.n * l->interval_ms);
	return true;
}

/* Class N: what the configuration calls its nominal power. */
static bool nominal(const struct ledger *l, const struct interval_row *row, __int128 *out)
{
	const struct meter *m = l->meters[row->meter].meter;
	struct ratio f = m->factor.num > 0 && m->factor.den > 0 ? m->factor : (struct ratio){ 1, 1 };
	if (m->nominal_mw <= 0)
		return false;
	*out = div_half_even((__int128)m->nominal_mw * f.num * row->missing_ms, (__int128)f.den * HOUR_MS);
	return true;
}

void ledger_substitute(const struct ledger *l, struct interval_row *row)
{
	static const struct { enum energy_class class_; bool (*estimate)(const struct ledger *, const struct interval_row *, __int128 *); } rows[] = {
		{ CLASS_B, balance }, { CLASS_P, by_profile }, { CLASS_N, nominal },
	};
	__int128 energy;
	if (row->substituted_mwh)
		return;
	for (size_t i = 0; i < countof(rows); i++) {
		if (!rows[i].estimate(l, row, &energy) || energy < 0 || energy > INT64_MAX)
			continue;
		row->substituted_mwh = (int64_t)energy;
		row->substitute_class = (uint8_t)rows[i].class_;
		return;
	}
}
