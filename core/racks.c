#include "core/window_state.h"

#include <stdlib.h>

/* Which functions are IT is a definition (domain.md 3.3, 2.7 rule 11): `other` is; network and empty racks are flags. */
static bool in_denominator(const struct rack *r, bool network, bool empty)
{
	return r->function == FUNCTION_NETWORK ? network : r->function == FUNCTION_EMPTY ? empty : true;
}

/* Computing part of a rack in ppm; unknown racks count apart. */
static int64_t compute_ppm(const struct rack *r)
{
	return r->compute_ppm >= 0 && r->compute_ppm <= 1000000 && r->function != FUNCTION_EMPTY ? r->compute_ppm :
	       r->function == FUNCTION_COMPUTE ? 1000000 : 0;
}
static bool is_unknown(const struct rack *r) { return r->function == FUNCTION_UNKNOWN && r->compute_ppm < 0; }
static bool stands(const struct rack *r, struct wall at) { return r->installed.ms <= at.ms && at.ms < r->removed.ms; }

/* C1 (weight 1) and C2, C5 (weight rated power): exact fractions, unknown racks none or all computing. */
static void weighed_share(const struct site *site, struct wall at, bool by_power, bool network, bool empty, struct share *out)
{
	struct share s = { 0 };
	bool rated = true;
	const struct rack *racks = site_racks(site);
	for (size_t i = 0; i < site->racks.n; i++) {
		const struct rack *r = &racks[i];
		if (!stands(r, at) || !in_denominator(r, network, empty))
			continue;
		int64_t weight = by_power ? r->rated_mw / 1000 : 1;     /* W: ppm of mW would leave 64 bits at 9 GW */
		rated = rated && (!by_power || r->rated_mw > 0);
		s.lo_den += weight * 1000000;
		s.lo_num += weight * compute_ppm(r);
		s.hi_num += weight * (is_unknown(r) ? 1000000 : compute_ppm(r));
	}
	s.hi_den = s.lo_den;
	s.defined = s.lo_den > 0 && rated;
	*out = s;
}

/* ---- C3: measured energy ----------------------------------------------------------------------------------------------------- */

enum feeds { FEEDS_NONE = 0, FEEDS_COMPUTE = 1, FEEDS_MAYBE = 2, FEEDS_REST = 4 };

static uint8_t fed_by(const struct rack *r)
{
	return is_unknown(r) ? FEEDS_MAYBE : compute_ppm(r) == 1000000 ? FEEDS_COMPUTE : compute_ppm(r) > 0 ? FEEDS_MAYBE : FEEDS_REST;
}

static void note_feeds(const struct site *site, struct wall at, uint8_t *feeds, uint32_t *count)
{
	const struct rack *racks = site_racks(site);
	for (size_t i = 0; i < site->racks.n; i++) {
		const int64_t *ix = racks[i].feed_ix.items;
		for (size_t k = 0; stands(&racks[i], at) && k < racks[i].feed_ix.n; k++) {
			if (ix[k] < 0 || ix[k] >= (int64_t)site->meters.n)
				continue;
			feeds[ix[k]] |= fed_by(&racks[i]);
			count[ix[k]]++;
		}
	}
}

/* What meters below this one feed. */
static void note_below(const struct window *w, const uint8_t *feeds, uint8_t *below)
{
	for (size_t i = 0; i < w->site->meters.n; i++)
		for (int64_t p = w->tree.nodes[i].parent; p >= 0; p = w->tree.nodes[p].parent)
			below[p] |= feeds[i];
}

/* Of the meter's energy, what is IT: a pump on its row is not.  False: the meter is not part of E_IT. */
static bool it_energy(const struct window *w, size_t meter, int64_t *out)
{
	bool term = w->meters[meter].term.it_sign > 0;
	for (int64_t p = w->tree.nodes[meter].parent; p >= 0 && !term; p = w->tree.nodes[p].parent)
		term = w->meters[p].term.it_sign > 0;
	*out = w->meters[meter].term.energy_mwh;
	for (size_t i = 0; i < w->site->meters.n; i++)
		for (int64_t p = w->meters[i].term.it_sign < 0 ? w->tree.nodes[i].parent : -1; p >= 0; p = w->tree.nodes[p].parent)
			*out -= p == (int64_t)meter ? w->meters[i].term.energy_mwh : 0;
	return term;
}

/* Energy of the meters chosen, each joule once: a meter below another chosen one adds nothing. */
static bool chosen_energy(const struct window *w, const bool *chosen, int64_t *sum)
{
	bool good = true;
	*sum = 0;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		bool inside = false;
		int64_t energy;
		for (int64_t p = w->tree.nodes[i].parent; chosen[i] && p >= 0; p = w->tree.nodes[p].parent)
			inside |= chosen[p];
		if (!chosen[i] || inside)
			continue;
		good &= it_energy(w, i, &energy);
		*sum += energy;
	}
	return good;
}

/* A rack that computes, or may, and that no meter feeds: its energy is in no bound. */
static bool all_fed(const struct site *site, struct wall at)
{
	for (size_t i = 0; i < site->racks.n; i++) {
		const struct rack *r = &site_racks(site)[i];
		if (stands(r, at) && fed_by(r) != FEEDS_REST && !r->feed_ix.n)
			return false;
	}
	return true;
}

static bool all_complete(const struct window *w, const uint8_t *feeds)
{
	for (size_t i = 0; i < w->site->meters.n; i++) {
		bool complete = true;
		if (feeds[i] || w->meters[i].term.it_sign)
			window_meter_mwh(w, (uint32_t)i, &complete);
		if (!complete)
			return false;
	}
	return true;
}

static void energy_share(const struct window *w, struct wall at, const uint8_t *feeds, struct share *out)
{
	size_t n = w->site->meters.n;
	uint8_t *below = calloc(n + 1, sizeof *below);
	bool *least = calloc(n + 1, sizeof *least), *most = calloc(n + 1, sizeof *most);
	int64_t it = 0, lo = 0, hi = 0;
	if (below && least && most) {
		note_below(w, feeds, below);
		for (size_t i = 0; i < n; i++) {
			it += w->meters[i].term.it_sign * w->meters[i].term.energy_mwh;
			least[i] = feeds[i] == FEEDS_COMPUTE && !(below[i] & ~FEEDS_COMPUTE);
			most[i] = feeds[i] & (FEEDS_COMPUTE | FEEDS_MAYBE);
		}
		bool good = chosen_energy(w, least, &lo);
		good = chosen_energy(w, most, &hi) && good;
		*out = (struct share){ lo, it, hi < it ? hi : it, it, good && it > 0 && lo >= 0 && lo <= it && hi > 0 && all_complete(w, feeds) && all_fed(w->site, at) };
	}
	free(below);
	free(least);
	free(most);
}

/* ---- counts with measurement (rule 11) ------------------------------------------------------------------------------------------ */

static void measured_counts(const struct window *w, struct wall at, const uint32_t *count, struct racks *out)
{
	const struct rack *racks = site_racks(w->site);
	out->metered = out->in_use = 0;
	for (size_t i = 0; i < w->site->racks.n; i++) {
		const struct rack *r = &racks[i];
		const int64_t *ix = r->feed_ix.items;
		bool own = stands(r, at) && r->feed_ix.n > 0, live = false;
		int64_t energy = 0;
		for (size_t k = 0; stands(r, at) && k < r->feed_ix.n; k++) {
			bool complete;
			if (ix[k] < 0 || ix[k] >= (int64_t)w->site->meters.n) {
				own = false;
				continue;
			}
			int point = site_meters(w->site)[ix[k]].point;
			int64_t e = window_meter_mwh(w, (uint32_t)ix[k], &complete);
			own &= complete && count[ix[k]] == 1 && (point == POINT_RACK_INLET || point == POINT_RACK_OUTLET);
			live |= e > 0;
			energy += e;
		}
		out->metered += own && energy > 0;
		out->in_use += live && r->function != FUNCTION_EMPTY;
	}
}

static void with_window(const struct window *w, struct wall at, struct racks *out)
{
	uint8_t *feeds = calloc(w->site->meters.n + 1, sizeof *feeds);
	uint32_t *count = calloc(w->site->meters.n + 1, sizeof *count);
	if (feeds && count) {
		note_feeds(w->site, at, feeds, count);
		measured_counts(w, at, count, out);
		/* what a meter feeds is known by meter, not by rack: the flags cannot take network racks out of a row's energy */
		energy_share(w, at, feeds, &out->share[SHARE_C3][0][0]);
		for (int network = 0; network < 2; network++)
			for (int empty = 0; empty < 2; empty++)
				out->share[SHARE_C3][network][empty] = out->share[SHARE_C3][0][0];
	}
	free(feeds);
	free(count);
}

void racks_at(const struct site *site, struct wall at, const struct window *window, int64_t standard_rack_mw, struct racks *out)
{
	struct racks r = { .metered = -1, .in_use = -1 };
	const struct rack *racks = site_racks(site);
	for (size_t i = 0; i < site->racks.n; i++) {
		if (!stands(&racks[i], at))
			continue;
		r.installed++;
		r.unknown += is_unknown(&racks[i]);
		r.rated_mw += racks[i].rated_mw;
		if (racks[i].function >= 0 && racks[i].function < FUNCTION_N)
			r.by_function[racks[i].function]++;
	}
	if (standard_rack_mw > 0)
		r.standard_milli = (int64_t)((__int128)r.rated_mw * 1000 / standard_rack_mw);
	for (int network = 0; network < 2; network++)
		for (int empty = 0; empty < 2; empty++) {
			weighed_share(site, at, false, network, empty, &r.share[SHARE_C1][network][empty]);
			weighed_share(site, at, true, network, empty, &r.share[SHARE_C2][network][empty]);
			/* nominal power of what is installed: an empty rack has none */
			weighed_share(site, at, true, network, false, &r.share[SHARE_C5][network][empty]);
		}
	if (window)
		with_window(window, at, &r);
	*out = r;
}

static void keep_least(int64_t *a, int64_t b) { *a = b < *a ? b : *a; }

void racks_least(const struct site *site, struct wall from, struct wall to, const struct window *window, int64_t standard_rack_mw, struct racks *out)
{
	struct racks least, at;
	racks_at(site, from, window, standard_rack_mw, &least);
	for (size_t i = 0; i < site->racks.n; i++) {
		const struct rack *r = &site_racks(site)[i];
		if (r->removed.ms <= from.ms || r->removed.ms >= to.ms)
			continue;       /* counts fall only where a rack goes */
		racks_at(site, r->removed, window, standard_rack_mw, &at);
		keep_least(&least.installed, at.installed);
		keep_least(&least.metered, at.metered);
		keep_least(&least.in_use, at.in_use);
		keep_least(&least.standard_milli, at.standard_milli);
		keep_least(&least.rated_mw, at.rated_mw);
	}
	*out = least;
}
