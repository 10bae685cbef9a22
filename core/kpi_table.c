#include "core/kpi_table.h"
#include "core/level.h"
#include "core/uncertainty.h"
#include "core/window_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Known energy of all meters of a role; *complete when there is one and none lacks anything. */
static int64_t of_role(const struct window *w, int role, bool *any, bool *complete)
{
	int64_t sum = 0;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		bool all;
		if (site_meters(w->site)[i].role != role)
			continue;
		sum += window_meter_mwh(w, (uint32_t)i, &all);
		*any = true;
		*complete &= all;
	}
	return sum;
}

static void defined(struct kpi_row *r, __int128 num, __int128 den)
{
	r->defined = den > 0;
	r->num = num;
	r->den = den;
	r->why_not = r->defined ? NULL : "the denominator is zero";
}

/* E_T or E_IT of the window, only where no term of it lacks anything: a partial sum below a whole one would be a wrong number. */
static bool whole_sum(const struct window *w, int side, int64_t *mwh)
{
	bool whole = w->possible[side] && !w->failed;
	*mwh = 0;
	for (size_t i = 0; i < w->n && whole; i++) {
		whole = w->intervals[i].seen && !w->intervals[i].unknown[side] && !w->intervals[i].missing_ms[side];
		*mwh += whole ? w->intervals[i].mwh[side] : 0;
	}
	return whole;
}

static const char *const lacks[2] = { "E_DC is not known over the whole window", "E_IT is not known over the whole window" };

/* Energies of roles, those in `less` subtracted, over E_T (side 0) or E_IT (side 1) x den_factor. */
struct role_ratio { enum kpi_row_id row; int roles[2], less, side; __int128 factor; bool at_most_one; };

static void ratio_of_roles(const struct window *w, const struct role_ratio *q, struct kpi_row *r)
{
	bool any = false, complete = true, ignored = false;
	int64_t sum = 0, den;
	for (size_t i = 0; i < countof(q->roles); i++)
		sum += q->roles[i] >= 0 ? of_role(w, q->roles[i], &any, &complete) : 0;
	int64_t less = any && q->less >= 0 ? of_role(w, q->less, &ignored, &complete) : 0;
	bool whole = whole_sum(w, q->side, &den);
	r->why_not = !any ? "no meter measures this" : !complete ? "a meter of this lacks part of the window" : lacks[q->side];
	if (!any || !complete || !whole)
		return;
	if (less > sum || (q->at_most_one && sum - less > den))
		r->why_not = less > sum ? "more is exported than generated on the site" : "more than all energy of the site: a kilowatt-hour is counted twice";
	else
		defined(r, (sum - less) * q->factor, den);
}

/* CO2 of every carrier that enters, each kilowatt-hour with the factor that held then (core/site_factors.h). */
static void carbon(const struct window *w, struct kpi_row *r)
{
	__int128 co2 = 0;
	int64_t it;
	bool factors = true, complete = true, all;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		const struct window_meter *m = &w->meters[i];
		if (!m->term.total_sign || factor_of_role(site_meters(w->site)[i].role) == FACTOR_N)
			continue;
		window_meter_mwh(w, (uint32_t)i, &all);
		factors &= m->factor_kind < FACTOR_N && !m->no_factor;
		complete &= all;
		co2 += m->term.total_sign * m->co2;
	}
	bool whole = whole_sum(w, 1, &it);
	r->why_not = !factors ? "no CO2 factor holds for a carrier over the whole window: state it with its source ('factors' of the configuration)" :
		     !complete ? lacks[0] : lacks[1];
	if (factors && complete && whole)
		defined(r, co2, (__int128)it * 1000000);
}

/* Topmost meters of overheads, and what is not IT below the IT. */
static bool is_overhead(const struct window *w, size_t i)
{
	static const bool roles[ROLE_N] = { [ROLE_COOLING] = true, [ROLE_LIGHTING] = true, [ROLE_OTHER] = true };
	const struct meter *meters = site_meters(w->site);
	if (!roles[meters[i].role])
		return w->meters[i].term.it_sign < 0;
	for (int64_t p = w->tree.nodes[i].parent; p >= 0; p = w->tree.nodes[p].parent)
		if (roles[meters[p].role] || w->meters[p].term.it_sign < 0)
			return false;
	return true;
}

/* PUE = 1 + E_O / E_I where every overhead has a meter of its own: its uncertainty is that of a small part, and what has none. */
static void overhead(const struct window *w, const struct kpi *k, struct kpi_row *r)
{
	size_t n = w->site->meters.n, at = 0, its = 0;
	double *u = calloc(2 * n + 1, sizeof *u);
	int64_t over = 0;
	bool stated = u != NULL, complete = true;
	for (size_t i = 0; i < n && u; i++) {
		const struct window_term *t = &w->meters[i].term;
		bool part = is_overhead(w, i), all = true;
		struct chain c;
		if (!part && !t->it_sign)
			continue;
		meter_chain(w, (uint32_t)i, &c);
		double x = chain_u(&c);
		stated &= x >= 0;
		if (t->it_sign)
			u[2 * n - its++] = x;
		if (part) {
			over += window_meter_mwh(w, (uint32_t)i, &all);
			u[at++] = x;
			complete &= all;
		}
	}
	/* distribution losses have no meter: what they and unmetered loads take must be small against what is metered */
	int64_t rest = k->total_mwh - k->it_mwh - over;
	bool whole = complete && k->kind != KPI_NONE && k->intervals_known == k->intervals && at && rest >= 0 && rest < (k->total_mwh - k->it_mwh) / 50;
	r->why_not = "not every overhead has a meter of its own (98 % of E_DC - E_IT), or something is missing";
	if (whole) {
		defined(r, (__int128)k->it_mwh + over, k->it_mwh);
		double both = pue_u_overhead((double)over, sum_u(u, at, 0), (double)k->it_mwh, sum_u(u + 2 * n - its + 1, its, 0));
		int64_t without = (int64_t)div_floor((__int128)rest * 1000000 + k->it_mwh - 1, k->it_mwh);
		r->u_ppm = stated ? expanded_ppm(both, 2) + without : -1;
	}
	free(u);
}

/* Mean IT power over the rated power of the racks that stand at the window's end. */
static void load_fraction(const struct window *w, const struct kpi *k, struct kpi_row *r)
{
	struct racks racks;
	racks_at(w->site, (struct wall){ w->to.ms - 1 }, NULL, 0, &racks);
	r->why_not = "no rack states its rated power, or no interval is wholly known";
	if (racks.rated_mw > 0 && k->intervals_known > 0)
		defined(r, (__int128)k->it_mwh * 3600000, (__int128)racks.rated_mw * k->intervals_known * w->interval_ms);
}

bool kpi_loads(const struct window *w, struct kpi_load loads[KPI_LOADS])
{
	struct racks racks;
	racks_at(w->site, (struct wall){ w->to.ms - 1 }, NULL, 0, &racks);
	window_settle(w);
	memset(loads, 0, KPI_LOADS * sizeof *loads);
	__int128 rated = (__int128)racks.rated_mw * w->interval_ms;     /* mW.ms in an interval */
	for (size_t i = 0; rated > 0 && !w->failed && w->possible[0] && w->possible[1] && i < w->n; i++) {
		const struct window_interval *in = &w->intervals[i];
		__int128 tenth = (__int128)in->mwh[1] * 3600000 * 10 / rated;
		if (!interval_known_both(in) || in->mwh[1] <= 0)
			continue;
		struct kpi_load *l = &loads[tenth < KPI_LOADS - 1 ? (int)tenth : KPI_LOADS - 1];
		l->intervals++;
		l->total_mwh += in->mwh[0];
		l->it_mwh += in->mwh[1];
	}
	return rated > 0;
}

void kpi_rows(const struct window *w, const struct kpi *k, struct kpi_row rows[KPI_ROW_N])
{
	static const struct kpi_row empty[KPI_ROW_N] = {
		[KPI_ROW_R_M2] = { .id = "R_M2", .unit = "1", .formula = "E / E_IT over a full year (GB 40879-2021)" },
		[KPI_ROW_OVERHEAD] = { .id = "PUE by overheads", .unit = "1", .formula = "1 + E_O / E_IT" },
		[KPI_ROW_LOAD] = { .id = "load fraction", .unit = "1", .formula = "mean IT power / rated power of the racks" },
		[KPI_ROW_REF] = { .id = "REF", .unit = "1", .formula = "(renewable + PV - export) / E_DC (ISO/IEC 30134-3)" },
		[KPI_ROW_ERF] = { .id = "ERF", .unit = "1", .formula = "E_reuse / E_DC (ISO/IEC 30134-6)" },
		[KPI_ROW_WUE] = { .id = "WUE", .unit = "L/kW.h", .formula = "W_in / E_IT (ISO/IEC 30134-9)" },
		[KPI_ROW_CUE] = { .id = "CUE", .unit = "kg/kW.h", .formula = "CO2 of E_DC / E_IT (ISO/IEC 30134-8)" },
	};
	static const struct role_ratio ratios[] = {
		{ KPI_ROW_REF, { ROLE_RENEWABLE, ROLE_PV }, ROLE_EXPORT, 0, 1, true },
		{ KPI_ROW_ERF, { ROLE_REUSE, -1 }, -1, 0, 1, false },
		/* a water meter's register is folded in mL (the base unit of volume): mL/mW.h = 1000 L/kW.h */
		{ KPI_ROW_WUE, { ROLE_WATER, -1 }, -1, 1, 1000, false },
	};
	window_settle(w);
	memcpy(rows, empty, sizeof empty);
	for (int i = 0; i < KPI_ROW_N; i++)
		rows[i].u_ppm = -1;
	rows[KPI_ROW_R_M2].why_not = "only a full year without anything missing";
	if (k->kind == KPI_PUE) {
		defined(&rows[KPI_ROW_R_M2], k->total_mwh, k->it_mwh);
		rows[KPI_ROW_R_M2].u_ppm = k->u_ppm_rho1;
	}
	overhead(w, k, &rows[KPI_ROW_OVERHEAD]);
	load_fraction(w, k, &rows[KPI_ROW_LOAD]);
	for (size_t i = 0; i < countof(ratios); i++)
		ratio_of_roles(w, &ratios[i], &rows[ratios[i].row]);
	carbon(w, &rows[KPI_ROW_CUE]);
	for (int i = KPI_ROW_REF; i < KPI_ROW_N; i++)
		rows[i].interim = !k->year;
}

void kpi_row_text(const struct kpi_row *row, int digits, char *out, size_t size)
{
	__int128 power = 1;
	for (int i = 0; i < digits; i++)
		power *= 10;
	__int128 v = row->defined ? div_half_even(row->num * power, row->den) : 0, whole = v / power, rest = v % power;
	snprintf(out, size, "%s%lld.%0*lld", v < 0 ? "-" : "", (long long)(whole < 0 ? -whole : whole), digits, (long long)(rest < 0 ? -rest : rest));
}
