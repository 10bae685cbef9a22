#include "core/selection.h"

#include <string.h>

void selection_unknown(struct selection *s)
{
	*s = (struct selection){ .halls = -1, .least = { -1, -1 }, .most = { -1, -1 }, .meters = -1, .class_ppm = -1, .uncalibrated = -1 };
	for (size_t i = 0; i < ROLE_N; i++)
		s->role_mwh[i] = -1;
	for (size_t i = 0; i < POINT_N; i++)
		s->point_mwh[i] = -1;
}

static bool under_same_role(const struct site *s, const struct meter *m)
{
	const struct meter *all = site_meters(s);
	int64_t up = m->parent_ix;
	for (size_t guard = 0; up >= 0 && guard < s->meters.n; guard++, up = all[up].parent_ix)
		if (all[up].role == m->role)
			return true;
	return false;
}

/* A sum that one unknown part makes unknown. */
struct sum { int64_t mwh; bool any, lost; };

static void add(struct sum *s, int64_t mwh, bool complete)
{
	s->any = true;
	s->lost |= !complete || __builtin_add_overflow(s->mwh, mwh, &s->mwh);
}

static int64_t sum_of(const struct sum *s)
{
	return s->any && !s->lost && s->mwh >= 0 ? s->mwh : -1;
}

static void energies(const struct site *site, const struct window *w, struct selection *out)
{
	struct sum roles[ROLE_N] = { 0 }, points[POINT_N] = { 0 };
	for (size_t i = 0; i < site->meters.n; i++) {
		const struct meter *m = &site_meters(site)[i];
		struct window_term t;
		bool complete = false;
		int64_t mwh = window_meter_mwh(w, (uint32_t)i, &complete);
		window_term(w, (uint32_t)i, &t);
		if (!under_same_role(site, m))
			add(&roles[m->role], mwh, complete);
		if (t.it_sign > 0)
			add(&points[m->point], mwh, complete);
	}
	for (size_t i = 0; i < ROLE_N; i++)
		out->role_mwh[i] = sum_of(&roles[i]);
	for (size_t i = 0; i < POINT_N; i++)
		out->point_mwh[i] = sum_of(&points[i]);
	out->role_mwh[ROLE_WATER] = -1;         /* litres */
}

/* ---- halls ---- */

static bool less(struct hall_energy a, struct hall_energy b)
{
	return (__int128)a.sub_mwh * b.it_mwh < (__int128)b.sub_mwh * a.it_mwh;
}

static void halls(const struct window *w, struct selection *out)
{
	bool lost = false;
	out->halls = 0;
	for (size_t i = 0; i < window_partials(w); i++) {
		struct partial p = { 0 };
		bool has = window_partial(w, i, &p);
		if (!p.hall || (!has && p.intervals > 0))       /* without IT, as far as it is known */
			continue;
		struct hall_energy e = { p.sub_mwh, p.it_mwh };
		lost |= !p.complete;
		if (!has)
			continue;
		out->least = !out->halls || less(e, out->least) ? e : out->least;
		out->most = !out->halls || less(out->most, e) ? e : out->most;
		out->halls++;
	}
	if (lost)
		out->least = out->most = (struct hall_energy){ -1, -1 };
}

/* ---- meters ---- */

static bool calibrated(const struct meter_epoch *e, const struct zone *zone, struct wall to)
{
	struct wall end = e->to.ms < to.ms ? e->to : to;
	struct date last = zone_date(zone, (struct wall){ end.ms - 1 });
	return e->calibrated_until.year && date_compare(e->calibrated_until, last) >= 0;
}

static void meter(const struct meter *m, const struct zone *zone, struct wall from, struct wall to, struct selection *out, bool *unstated)
{
	bool good = m->epochs.n > 0;
	*unstated |= m->epochs.n == 0;
	for (size_t i = 0; i < m->epochs.n; i++) {
		const struct meter_epoch *e = &((const struct meter_epoch *)m->epochs.items)[i];
		if (e->to.ms <= from.ms || e->from.ms >= to.ms)
			continue;
		int64_t ppm = class_limit_ppm(e->meter_class);
		*unstated |= ppm < 0;
		out->class_ppm = ppm > out->class_ppm ? ppm : out->class_ppm;
		good &= calibrated(e, zone, to);
	}
	out->uncalibrated += !good;
}

static void quality(const struct site *site, const struct zone *zone, const struct window *w, struct wall from, struct wall to, struct selection *out)
{
	bool unstated = false;
	out->meters = out->uncalibrated = 0;
	for (size_t i = 0; i < site->meters.n; i++) {
		struct window_term t;
		window_term(w, (uint32_t)i, &t);
		if (!t.total_sign && !t.it_sign)
			continue;
		out->meters++;
		meter(&site_meters(site)[i], zone, from, to, out, &unstated);
	}
	if (unstated)
		out->class_ppm = -1;
}

void selection_of(const struct site *site, const struct zone *zone, const struct window *w, struct wall from, struct wall to, struct selection *out)
{
	selection_unknown(out);
	if (!w)
		return;
	energies(site, w, out);
	halls(w, out);
	quality(site, zone, w, from, to, out);
}
