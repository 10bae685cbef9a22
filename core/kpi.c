#include "core/uncertainty.h"
#include "core/balance.h"
#include "core/level.h"
#include "core/window_state.h"

#include <stdio.h>
#include <string.h>

bool pue_below(int64_t total_mwh, int64_t it_mwh, struct ratio limit)
{
	if (it_mwh <= 0 || it_mwh >= total_mwh || limit.den <= 0)
		return false;   /* doubtful data is never eligible */
	return (__int128)total_mwh * limit.den < (__int128)it_mwh * limit.num;
}

static int sign128(__int128 x) { return (x > 0) - (x < 0); }

/* On which side of the limit is scaled/10^digits? */
static int side_of(__int128 scaled, __int128 power, struct ratio limit)
{
	return limit.den > 0 ? sign128(scaled * limit.den - power * limit.num) : 0;
}

bool pue_text(int64_t total_mwh, int64_t it_mwh, struct ratio limit, int digits, char *out, size_t size)
{
	if (it_mwh <= 0 || it_mwh >= total_mwh || digits < 0 || digits > 9)
		return false;
	int exact = limit.den > 0 ? sign128((__int128)total_mwh * limit.den - (__int128)it_mwh * limit.num) : 0;
	__int128 power = 1, text = 0;
	for (int i = 0; i < digits; i++)
		power *= 10;
	text = div_half_even(total_mwh * power, it_mwh);
	if (side_of(text, power, limit) != exact) {
		/* one digit more; and if that still reaches the limit, cut away from it instead of rounding */
		power *= 10;
		digits++;
		text = div_half_even(total_mwh * power, it_mwh);
		if (side_of(text, power, limit) != exact)
			text = div_floor(total_mwh * power, it_mwh) + (exact > 0);
	}
	long long whole = (long long)(text / power), rest = (long long)(text % power);
	snprintf(out, size, "%lld%s%.*lld", whole, digits ? "." : "", digits, rest);
	if (!digits)
		snprintf(out, size, "%lld", whole);
	return true;
}

/* ---- completeness (domain.md 2.7 rule 8) ---------------------------------------------------------------------------------- */

static int64_t ppm(__int128 part, __int128 whole) { return whole > 0 ? (int64_t)div_floor(part * 1000000, whole) : 0; }

static int64_t time_ppm(const struct window *w, int side)
{
	int64_t known = 0;
	for (size_t i = 0; i < w->n && w->possible[side]; i++)
		known += w->intervals[i].seen ? w->interval_ms - w->intervals[i].missing_ms[side] : 0;
	return ppm(known, (__int128)w->interval_ms * (__int128)w->n);
}

/* known / (known + missing at the meter's mean known power); a meter never known counts at its P_max, without one by time. */
static int64_t energy_ppm(const struct window *w, int side)
{
	__int128 known = 0, missing = 0;
	int64_t span = (int64_t)w->n * w->interval_ms;
	for (size_t i = 0; i < w->site->meters.n; i++) {
		const struct window_term *t = &w->meters[i].term;
		int64_t gone = span - t->known_ms, e = t->energy_mwh < 0 ? -t->energy_mwh : t->energy_mwh;
		if (!(side ? t->it_sign : t->total_sign))
			continue;
		known += e;
		missing += t->known_ms > 0 ? (__int128)e * gone / t->known_ms : (__int128)site_meters(w->site)[i].p_max_mw * gone / 3600000;
		if (!t->known_ms && gone && !site_meters(w->site)[i].p_max_mw)
			return time_ppm(w, side);
	}
	return known + missing > 0 ? ppm(known, known + missing) : time_ppm(w, side);
}

/* ---- the number and its kind ------------------------------------------------------------------------------------------------ */

static bool at_midnight(const struct zone *zone, struct wall t)
{
	return zone_day_start(zone, zone_date(zone, t)).ms == t.ms;
}

/* 12 continuous months: local midnight to local midnight a year later. */
static bool is_annual(const struct zone *zone, struct wall from, struct wall to)
{
	static const struct zone utc = { .name = "UTC" };
	zone = zone ? zone : &utc;
	if (!at_midnight(zone, from) || !at_midnight(zone, to))
		return false;
	struct date a = zone_date(zone, from), b = zone_date(zone, to);
	bool leap_day = a.month == 2 && a.day == 29 && b.month == 3 && b.day == 1;
	return b.year == a.year + 1 && (leap_day || (a.month == b.month && a.day == b.day));
}

/* Wraps instead of failing: window_push() has found out before that such numbers do not fit. */
static int64_t sum(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void sums(const struct window *w, struct kpi *k)
{
	bool possible = w->possible[0] && w->possible[1];
	for (size_t i = 0; i < w->n; i++) {
		const struct window_interval *in = &w->intervals[i];
		k->known_total_mwh = sum(k->known_total_mwh, in->mwh[0]);
		k->known_it_mwh = sum(k->known_it_mwh, in->mwh[1]);
		k->unsynced_intervals += (in->flags & INTERVAL_UNSYNCED) != 0;
		k->late_intervals += (in->flags & INTERVAL_LATE) != 0;
		if (!possible || !interval_known_both(in))
			continue;
		k->intervals_known++;
		k->total_mwh = sum(k->total_mwh, in->mwh[0]);
		k->it_mwh = sum(k->it_mwh, in->mwh[1]);
	}
	k->intervals = (int64_t)w->n;
}

static void by_class(const struct window *w, struct kpi *k)
{
	for (size_t i = 0; i < w->site->meters.n; i++) {
		const struct window_term *t = &w->meters[i].term;
		const int sign[2] = { t->total_sign, t->it_sign };
		for (int side = 0; side < 2; side++) {
			for (int c = 0; c < CLASS_COUNT && sign[side]; c++)
				k->class_mwh[side][c] += sign[side] * t->class_mwh[c];
			for (size_t h = 0; h < w->meters[i].n_holes && sign[side]; h++) {
				const struct window_hole *hole = &w->meters[i].holes[h];
				if (hole->substituted_mwh && hole->substitute_class < CLASS_COUNT)
					k->substituted_mwh[side][hole->substitute_class] = sum(k->substituted_mwh[side][hole->substitute_class],
											       hole->substituted_mwh < 0 ? -hole->substituted_mwh : hole->substituted_mwh);
			}
		}
	}
}

static const char *doubt(const struct window *w, const struct kpi *k)
{
	if (!tree_has_total(&w->tree))
		return "no meter measures what enters the site (role supply): only a partial PUE (pPUE) can be stated";
	if (!tree_has_it(&w->tree))
		return "no meter measures IT energy (role it): no PUE can be stated";
	if (!w->possible[0] || !w->possible[1])
		return "a term of the sums has no register: no PUE can be stated";
	if (!k->category)
		return "the measuring point of an IT meter is not stated, so the PUE has no category";
	if (w->failed)
		return "a number left its range, or memory ran out: nothing is stated";
	if (!k->intervals_known)
		return "insufficient data: in no interval are all terms of E_DC and E_IT known";
	if (k->it_mwh <= 0)
		return "insufficient data: E_IT is zero";
	if (k->it_mwh >= k->total_mwh)
		return "insufficient data: E_IT is not below E_DC; a meter is wrong or missing";
	return NULL;
}

void window_kpi(const struct window *w, const struct zone *zone, struct kpi *out)
{
	struct kpi k = { .from = w->from, .to = w->to, .category = tree_category(&w->tree, w->site), .u_ppm_rho0 = -1, .u_ppm_rho1 = -1 };
	window_settle(w);
	k.year = is_annual(zone, w->from, w->to);
	sums(w, &k);
	by_class(w, &k);
	memcpy(k.events, w->events, sizeof k.events);
	for (int side = 0; side < 2; side++) {
		k.complete_time_ppm[side] = time_ppm(w, side);
		k.complete_energy_ppm[side] = w->possible[side] ? energy_ppm(w, side) : 0;
	}
	const char *reason = doubt(w, &k);
	if (reason)
		snprintf(k.why_not, sizeof k.why_not, "%s", reason);
	else
		k.kind = k.intervals_known == k.intervals && k.year ? KPI_PUE : KPI_IPUE;
	if (k.kind != KPI_NONE)
		window_uncertainty(w, k.total_mwh, k.it_mwh, &k.u_ppm_rho0, &k.u_ppm_rho1, k.why_u, sizeof k.why_u);
	k.findings = window_findings(w, NULL, NULL);
	*out = k;
}

/* ---- its text --------------------------------------------------------------------------------------------------------------- */

static void period_text(const struct kpi *k, const struct zone *zone, struct buf *out)
{
	static const struct zone utc = { .name = "UTC" };
	char a[WALL_TEXT], b[WALL_TEXT];
	zone = zone ? zone : &utc;
	if (at_midnight(zone, k->from) && at_midnight(zone, k->to)) {
		date_text(zone_date(zone, k->from), a);
		date_text(zone_date(zone, (struct wall){ k->to.ms - 1 }), b);
	} else {
		wall_text_at(k->from, zone_offset(zone, k->from), a);
		wall_text_at(k->to, zone_offset(zone, k->to), b);
	}
	buf_printf(out, "%s..%s", a, b);
}

static int64_t least(const int64_t v[2]) { return v[0] < v[1] ? v[0] : v[1]; }

void kpi_text(const struct kpi *k, const struct site *site, const struct zone *zone, struct ratio limit, struct buf *out)
{
	char number[48];
	int64_t u = k->u_ppm_rho1 > k->u_ppm_rho0 ? k->u_ppm_rho1 : k->u_ppm_rho0, complete = least(k->complete_energy_ppm) / 100;
	if (k->kind == KPI_NONE || !pue_text(k->total_mwh, k->it_mwh, limit, 3, number, sizeof number)) {
		buf_str(out, "no PUE, ");
		period_text(k, zone, out);
		buf_printf(out, ": %s", k->why_not[0] ? k->why_not : "E_IT is not below E_DC");
		return;
	}
	buf_printf(out, "%s%d = %s ", k->kind == KPI_PUE ? "PUE" : "iPUE", k->category, number);
	if (u >= 0)
		buf_printf(out, "± %lld.%03lld (k=2), ", (long long)(u + 999) / 1000000, (long long)(u + 999) / 1000 % 1000);
	else
		buf_str(out, "(uncertainty not stated), ");
	period_text(k, zone, out);
	buf_printf(out, ", completeness %lld.%02lld %%, %s", (long long)complete / 100, (long long)complete % 100,
		   site->standard ? site->standard : "ISO/IEC 30134-2:2026");
}
