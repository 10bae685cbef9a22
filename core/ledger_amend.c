/* What people state about meters, taken into the fold. */
#include "core/ledger_state.h"
#include "core/amend.h"

#include <stdio.h>

/* Nothing of the meter from `at` on has been looked at: then the new edge is met as if it had always been known. */
static bool still_ahead(const struct ledger *l, const struct meter_fold *m, int64_t at_ms)
{
	return !l->fixed || (m->seen_ms < at_ms && m->done_ms <= at_ms);
}

/* ---- an exchange that is stated after its time was folded ------------------------------------------------------------------------
 *
 * Where the register broke, intervals have been closed without energy.  The exchange says what was counted on both sides of it: two
 * straight lines, from the last reading of the old meter and to the first of the new one, come as corrections.  Where the curve did
 * not break, or counts are worth something else since, what has been booked as known would have to change: that is refused. */

struct late { struct meter_fold *m; const struct meter_epoch *old, *next; uint32_t epoch; struct break_ gap; };

#define REBUILD "Evidence is not rewritten: state the change in the configuration's epochs and fold the readings (puectl export --format recording) into a new store " \
	"(pued --import), which stands beside this one"

static bool find_epochs(const struct meter *m, int64_t at_ms, struct late *x)
{
	const struct meter_epoch *e = m->epochs.items;
	for (uint32_t i = 0; i + 1 < m->epochs.n; i++) {
		if (e[i].to.ms != at_ms)
			continue;
		x->old = &e[i];
		x->next = &e[i + 1];
		x->epoch = i + 1;
		return i + 2 == m->epochs.n;
	}
	return false;
}

/* The break that the exchange explains; gap.to has no value while the new meter has not been read. */
static bool find_break(struct late *x)
{
	const struct meter_fold *m = x->m;
	int64_t at = x->old->to.ms, from = x->next->from.ms;
	x->gap = m->broken;
	if (m->n_pending && m->last.wall_ms <= at)
		x->gap = (struct break_){ true, m->last, m->pending[0] };
	else if (m->has_last && m->seen_ms <= at)
		return (x->gap = (struct break_){ true, m->last, { 0 } }).is;
	return x->gap.is && x->gap.from.wall_ms <= at && from <= x->gap.to.wall_ms;
}

/* Counts from a to b; false where the circuit cannot have carried them. */
static bool counted(const struct scale *s, const struct read *a, const struct read *b, int64_t *units)
{
	*units = 0;
	if (a->wall_ms == b->wall_ms)
		return a->value == b->value;
	enum step step = step_judge(s, a->value, b->value, scale_cap(s, read_elapsed(a, b)), units);
	return step == STEP_ACCEPT || step == STEP_WRAP;
}

static void mend(struct ledger *l, const struct late *x, const struct read *a, const struct read *b, int64_t units, struct level *level)
{
	struct meter_fold *m = x->m;
	int64_t recorded = interval_end(l, m->next - 1), from = a->wall_ms, to = b->wall_ms, open_from = from > recorded ? from : recorded;
	struct level start = *level;
	if (to <= from || !level_add(level, units, m->scale.parts))
		return;
	bool spread = meter_gap(m, read_elapsed(a, b)) && interval_end(l, interval_of(l, from)) < to;
	struct ledger_event *ev = from < recorded ? ledger_event_new(l, EVENT_CORRECTION, meter_index(l, m), m->next, from, to) : NULL;
	if (ev) {
		ev->curve = (struct ledger_curve){ start.mwh, start.rest, level->mwh, level->rest, level->den, { recorded }, true, spread ? CLASS_D : CLASS_R };
		ev->energy_mwh = level_round(*level) - level_round(start);
		snprintf(ev->reason, sizeof ev->reason, "the exchange was stated afterwards: what the %s meter counted is known", a->session == SESSION_NONE ? "new" : "old");
		m->boundary_mwh += curve_at(ev, (struct wall){ recorded }) - level_round(start);
	}
	if (open_from < to && open_from < m->done_ms) {
		int64_t open_to = to < m->done_ms ? to : m->done_ms;
		m->missing_ms -= open_to - open_from;
		ledger_found(l, m, open_from, open_to);
		m->distributed |= spread && from < recorded;
	}
}

static void enter_epoch(struct ledger *l, const struct late *x, const struct read *first)
{
	struct meter_fold *m = x->m;
	bool begun = first->wall_ms < m->done_ms;
	m->epoch = x->epoch;
	m->broken.is = false;
	if (x->gap.to.has_value || begun)
		meter_epoch_event(l, m, x->old, x->next, m->next);
	if (x->gap.to.has_value)
		return;
	m->in_epoch = m->has_last = begun;       /* one that begins later begins by itself */
	if (begun) {
		m->last = m->change = *first;
		m->run = 1;
	}
}

static bool late_exchange(struct ledger *l, const struct site *site, uint32_t meter, int64_t at_ms, struct err *err)
{
	struct meter_fold *m = &l->meters[meter];
	struct late x = { .m = m };
	const char *id = m->meter->id;
	char at[WALL_TEXT], a[WALL_TEXT], b[WALL_TEXT];
	struct scale s;
	wall_text((struct wall){ at_ms }, at);
	if (!find_epochs(&site_meters(site)[meter], at_ms, &x))
		return err_set(err, ERR_INPUT, "meter %s: its time from %s on has been folded already, with this exchange in it; it cannot be taken back. " REBUILD, id, at);
	if (m->power_only || !find_break(&x)) {
		bool was = m->broken.is;
		return err_set(err, ERR_INPUT, "meter %s: its time from %s on has been folded already, and its register does not break there (last break: %s%s%s). " REBUILD, id, at,
			       was ? wall_text((struct wall){ m->broken.from.wall_ms }, a) : "none", was ? " to " : "", was ? wall_text((struct wall){ m->broken.to.wall_ms }, b) : "");
	}
	if (!scale_of(&site_meters(site)[meter], x.next, &l->wiring[meter], &s) || !scale_same(&s, &m->scale))
		return err_set(err, ERR_INPUT, "meter %s: its time from %s on has been folded already with the old meter's count, ratio and modulus. " REBUILD, id, at);
	struct read last = meter_stated(at_ms, x.old->last), first = meter_stated(x.next->from.ms, x.next->first);
	bool read_since = x.gap.to.has_value;
	int64_t before, after = 0;
	if (!counted(&s, &x.gap.from, &last, &before))
		return err_set(err, ERR_INPUT, "meter %s: the old meter's last reading %lld does not follow from %lld, which was read at %s; check it and --at", id,
			       (long long)last.value, (long long)x.gap.from.value, wall_text((struct wall){ x.gap.from.wall_ms }, a));
	if (read_since && !counted(&s, &first, &x.gap.to, &after))
		return err_set(err, ERR_INPUT, "meter %s: from the new meter's first reading %lld the register cannot have come to %lld, which was read at %s; check it and --from", id,
			       (long long)first.value, (long long)x.gap.to.value, wall_text((struct wall){ x.gap.to.wall_ms }, a));
	meter_decide(l, m);
	m->step_next = m->next;
	struct level level = m->level;
	mend(l, &x, &x.gap.from, &last, before, &level);
	if (read_since)
		mend(l, &x, &first, &x.gap.to, after, &level);
	m->level = level;
	enter_epoch(l, &x, &first);
	return true;
}

bool ledger_amend(struct ledger *l, const struct site *site, uint32_t meter, struct wall at, struct err *err)
{
	const struct meter *m = &site_meters(site)[meter];
	const struct meter_epoch *e = m->epochs.items;
	struct scale s;
	if (m->epochs.n && !scale_of(m, &e[m->epochs.n - 1], &l->wiring[meter], &s))
		return err_set(err, ERR_INPUT, "meter %s: one count of the new meter is worth no exact number of mW.h; state count and ratios with fewer digits", m->id);
	if (!still_ahead(l, &l->meters[meter], at.ms) && !late_exchange(l, site, meter, at.ms, err))
		return false;
	l->site = site;
	for (size_t i = 0; i < l->n; i++)
		l->meters[i].meter = &site_meters(site)[i];
	return true;
}

bool ledger_manual(struct ledger *l, const struct manual_reading *r, struct err *err)
{
	const struct meter_fold *m = &l->meters[r->meter];
	char to[WALL_TEXT];
	if (m->wiring->energy_series == UINT32_MAX && m->wiring->power_series == UINT32_MAX)
		return err_set(err, ERR_INPUT, "meter %s has neither register nor power: no interval of it lacks anything", m->meter->id);
	if (l->begun && r->to.ms > l->newest_ms)
		return err_set(err, ERR_INPUT, "meter %s: %s has not come yet; a reading is stated when it was made", m->meter->id, wall_text(r->to, to));
	/* in the interval after it: those it speaks of are closed then */
	int64_t interval = interval_of(l, r->to.ms - 1) + 1;
	struct ledger_event *ev = ledger_event_new(l, EVENT_MANUAL, r->meter, interval, r->from.ms, r->to.ms);
	if (!ev)
		return err_memory(err);
	l->events[l->n_events - 1].interval = interval > l->next ? interval : l->next;
	ev->energy_mwh = r->energy_mwh;
	snprintf(ev->reason, sizeof ev->reason, "stated by %.60s: %.80s (statement %s)", r->by, r->reason, r->id);
	return true;
}
