#include "core/ledger_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- slots: what each meter recorded of the intervals that are still open ------------------------------------------------- */

bool ledger_slots_grow(struct ledger *l)
{
	uint32_t room = l->slot_room * 2;
	struct slot *slots = calloc(l->n * room, sizeof *slots);
	if (!slots) {
		l->failed = true;
		return false;
	}
	for (size_t i = 0; i < l->n; i++)
		for (int64_t k = l->next; k < l->meters[i].next; k++)
			slots[i * room + ((uint64_t)k & (room - 1))] = *slot_at(l, i, k);
	free(l->slots);
	l->slots = slots;
	l->slot_room = room;
	return true;
}

/* Closes the meter's part of the interval being filled, with the rounded cumulative energy at its end. */
void ledger_record(struct ledger *l, struct meter_fold *m, int64_t cumulative_mwh)
{
	if (m->next - l->next >= l->slot_room && !ledger_slots_grow(l))
		return;
	struct slot *s = slot_at(l, meter_index(l, m), m->next);
	*s = (struct slot){ .cumulative_mwh = cumulative_mwh, .energy_mwh = cumulative_mwh - m->boundary_mwh, .missing_ms = m->missing_ms,
			    .flags = m->flags, .substitute_class = CLASS_MISSING };
	s->class_ = m->missing_ms >= l->interval_ms ? CLASS_MISSING : m->distributed ? CLASS_D : CLASS_R;
	if (m->power_only && m->integral > 0) {
		s->substituted_mwh = (int64_t)div_half_even(m->integral, 2 * 3600000);
		s->substitute_class = CLASS_I;
	}
	m->integral = 0;
	m->boundary_mwh = cumulative_mwh;
	m->missing_ms = 0;
	m->distributed = false;
	m->flags = 0;
	m->next++;
}

#define ORDER(x, y) if ((x) != (y)) return (x) < (y) ? -1 : 1
static int segment_order(const void *a, const void *b)
{
	const struct segment *x = a, *y = b;
	ORDER(x->from_ms, y->from_ms);
	ORDER(x->meter, y->meter);
	return 0;
}

/* Missing time of terms, for the union over a sum (domain.md 2.7 rule 8). */
void ledger_missing(struct ledger *l, const struct meter_fold *m, int64_t from_ms, int64_t to_ms)
{
	if (!m->total_sign && !m->it_sign)
		return;
	if (l->n_segments == l->segment_room) {
		size_t room = l->segment_room ? l->segment_room * 2 : 64;
		struct segment *s = realloc(l->segments, room * sizeof *s);
		if (!s) {
			l->failed = true;
			return;
		}
		l->segments = s;
		l->segment_room = room;
	}
	struct segment new = { meter_index(l, m), from_ms, to_ms };
	l->segments_mixed |= l->n_segments > l->first_segment && segment_order(&l->segments[l->n_segments - 1], &new) > 0;
	l->segments[l->n_segments++] = new;
}

/* A time that begins or ends a stretch of what a meter lacks. */
void ledger_found(struct ledger *l, const struct meter_fold *m, int64_t from_ms, int64_t to_ms)
{
	size_t kept = l->first_segment;
	for (size_t i = l->first_segment; i < l->n_segments; i++) {
		struct segment s = l->segments[i];
		if (s.meter == meter_index(l, m) && s.to_ms > from_ms && s.from_ms < to_ms) {
			if (s.from_ms >= from_ms)
				s.from_ms = to_ms < s.to_ms ? to_ms : s.to_ms;
			else
				s.to_ms = from_ms;
		}
		if (s.from_ms < s.to_ms)
			l->segments[kept++] = s;
	}
	l->n_segments = kept;
	l->segments_mixed = true;
}

/* Closing keeps the order, so a year of intervals that close at once is sorted once, not once an interval. */
static void sort_segments(struct ledger *l)
{
	if (l->segments_mixed)
		qsort(l->segments + l->first_segment, l->n_segments - l->first_segment, sizeof *l->segments, segment_order);
	l->segments_mixed = false;
}

static void missing_union(const struct ledger *l, int64_t to_ms, int64_t *total, int64_t *it)
{
	int64_t covered_total = INT64_MIN, covered_it = INT64_MIN;
	*total = *it = 0;
	for (size_t i = l->first_segment; i < l->n_segments && l->segments[i].from_ms < to_ms; i++) {
		const struct segment *s = &l->segments[i];
		const struct { bool term; int64_t *covered, *sum; } sums[] = {
			{ l->meters[s->meter].total_sign != 0, &covered_total, total }, { l->meters[s->meter].it_sign != 0, &covered_it, it },
		};
		for (size_t k = 0; k < countof(sums); k++) {
			if (!sums[k].term || s->to_ms <= *sums[k].covered)
				continue;
			*sums[k].sum += s->to_ms - (s->from_ms > *sums[k].covered ? s->from_ms : *sums[k].covered);
			*sums[k].covered = s->to_ms;
		}
	}
}

static int part_order(const void *a, const void *b)
{
	const struct missing_part *x = a, *y = b;
	ORDER(x->meter, y->meter);
	ORDER(x->from_ms, y->from_ms);
	return 0;
}

/* Where in the interval the terms lack something, those that lack all of it apart: with it, completeness by time stays exact
 * when corrections come. */
static void missing_parts(struct ledger *l, int64_t to_ms, struct interval *iv)
{
	int64_t from_ms = to_ms - l->interval_ms;
	size_t n = 0, kept = 0;
	for (size_t i = l->first_segment; i < l->n_segments && l->segments[i].from_ms < to_ms; i++, n++) {
		if (n == l->part_room) {
			size_t room = l->part_room ? l->part_room * 2 : 64;
			struct missing_part *p = realloc(l->parts, room * sizeof *p);
			if (!p) {
				l->failed = true;
				return;
			}
			l->parts = p;
			l->part_room = room;
		}
		const struct segment *s = &l->segments[i];
		l->parts[n] = (struct missing_part){ s->meter, (int32_t)(s->from_ms - from_ms), (int32_t)(s->to_ms - from_ms) };
	}
	if (n > 1)
		qsort(l->parts, n, sizeof *l->parts, part_order);
	for (size_t i = 0; i < n; i++) {
		struct missing_part *last = kept ? &l->parts[kept - 1] : NULL;
		if (last && last->meter == l->parts[i].meter && last->to_ms == l->parts[i].from_ms)
			last->to_ms = l->parts[i].to_ms;
		else
			l->parts[kept++] = l->parts[i];
	}
	n = kept;
	kept = 0;
	for (size_t i = 0; i < n; i++)
		if (l->parts[i].to_ms - l->parts[i].from_ms < l->interval_ms)
			l->parts[kept++] = l->parts[i];
	iv->parts = l->parts;
	iv->n_parts = kept;
}

/* A segment lies inside one interval, so those of closed intervals are the first. */
static void drop_segments(struct ledger *l, int64_t to_ms)
{
	while (l->first_segment < l->n_segments && l->segments[l->first_segment].from_ms < to_ms)
		l->first_segment++;
	if (l->first_segment < l->n_segments / 2 + 64)
		return;
	l->n_segments -= l->first_segment;
	if (l->n_segments)
		memmove(l->segments, l->segments + l->first_segment, l->n_segments * sizeof *l->segments);
	l->first_segment = 0;
}

/* ---- events wait for the close of their interval, so that their order does not depend on the order of arrival ------------- */

struct ledger_event *ledger_event_new(struct ledger *l, enum ledger_event_kind kind, uint32_t meter, int64_t interval, int64_t from_ms, int64_t to_ms)
{
	if (l->n_events == l->event_room) {
		size_t room = l->event_room ? l->event_room * 2 : 16;
		struct queued_event *q = realloc(l->events, room * sizeof *q);
		if (!q) {
			l->failed = true;
			return NULL;
		}
		l->events = q;
		l->event_room = room;
	}
	int64_t open = meter == UINT32_MAX ? l->next : l->meters[meter].step_next;
	struct queued_event *q = &l->events[l->n_events++];
	memset(q, 0, sizeof *q);
	q->interval = interval > open ? interval : open;
	q->seq = l->event_seq++;
	q->ev.kind = kind;
	q->ev.meter = meter;
	q->ev.from.ms = from_ms;
	q->ev.to.ms = to_ms;
	return &q->ev;
}

static int event_order(const void *a, const void *b)
{
	const struct queued_event *x = a, *y = b;
	ORDER(x->interval, y->interval);
	ORDER(x->ev.to.ms, y->ev.to.ms);
	ORDER(x->ev.from.ms, y->ev.from.ms);
	ORDER(x->ev.meter, y->ev.meter);
	ORDER(x->seq, y->seq);
	return 0;
}

/* A corrected part of closed intervals moves the site's cumulative energies too. */
static void corrected_totals(struct ledger *l, const struct ledger_event *ev)
{
	const struct meter_fold *m = &l->meters[ev->meter];
	int64_t gain = curve_at(ev, ev->curve.closed_to) - curve_at(ev, ev->from);
	l->total_mwh += m->total_sign * gain;
	l->it_mwh += m->it_sign * gain;
}

/* An event found while closing belongs to the interval being closed, however far its meter has been read. */
static struct ledger_event *close_event(struct ledger *l, enum ledger_event_kind kind, uint32_t meter, int64_t from_ms, int64_t to_ms)
{
	struct ledger_event *ev = ledger_event_new(l, kind, meter, l->next, from_ms, to_ms);
	if (ev)
		l->events[l->n_events - 1].interval = l->next;
	return ev;
}

static void late_event(struct ledger *l, struct meter_fold *m)
{
	struct ledger_event *ev = close_event(l, EVENT_LATE, meter_index(l, m), m->late_from_ms, m->late_to_ms);
	if (!ev)
		return;
	snprintf(ev->reason, sizeof ev->reason, "%u reading%s came more than 15 min after newer ones: no closed total changes", m->late, m->late == 1 ? "" : "s");
	m->late = 0;
}

static void session_events(struct ledger *l, int64_t to_ms)
{
	for (size_t i = 1; i < l->n_sessions && l->sessions[i].first_ms < to_ms; i++) {
		struct session_seen *s = &l->sessions[i];
		struct ledger_event *ev = s->told ? NULL : close_event(l, EVENT_SESSION, UINT32_MAX, l->sessions[i - 1].last_ms, s->first_ms);
		if (ev)
			snprintf(ev->reason, sizeof ev->reason, "the collector started again: session %u after %u", s->session, l->sessions[i - 1].session);
		s->told = true;
	}
	while (l->n_sessions > 1 && l->sessions[1].told && l->sessions[1].first_ms < to_ms)
		memmove(l->sessions, l->sessions + 1, --l->n_sessions * sizeof *l->sessions);
}

static void emit_events(struct ledger *l, const struct ledger_sink *sink)
{
	size_t n = 0;
	if (l->n_events > 1)
		qsort(l->events, l->n_events, sizeof *l->events, event_order);
	for (; n < l->n_events && l->events[n].interval <= l->next; n++) {
		if (l->events[n].ev.kind == EVENT_CORRECTION)
			corrected_totals(l, &l->events[n].ev);
		if (sink && sink->event)
			sink->event(sink->ctx, &l->events[n].ev);
	}
	if (n)
		memmove(l->events, l->events + n, (l->n_events - n) * sizeof *l->events);
	l->n_events -= n;
}

/* ---- power: the register must lie between what the least and the most power seen would give ------------------------------- */

void ledger_power(struct ledger *l, struct meter_fold *m, int64_t wall_ms, int64_t power_mw)
{
	int64_t interval = interval_of(l, wall_ms);
	if (!m->power && !(m->power = calloc(POWER_BUCKETS, sizeof *m->power)))
		return;     /* a cross-check less, no energy lost */
	struct power_bucket *b = &m->power[(uint64_t)interval % POWER_BUCKETS];
	if (interval < 0 || interval > UINT32_MAX)
		return;
	if (!b->used || b->interval != interval) {
		if (b->used && b->interval > interval)
			return;
		*b = (struct power_bucket){ .interval = (uint32_t)interval, .min_mw = power_mw, .max_mw = power_mw, .used = true };
	}
	b->min_mw = power_mw < b->min_mw ? power_mw : b->min_mw;
	b->max_mw = power_mw > b->max_mw ? power_mw : b->max_mw;
}

/* Outside by more than a tenth and two counts in four intervals running: a scale or a ratio is wrong (requirements.md R20). */
static void cross_check(struct ledger *l, struct meter_fold *m, const struct slot *s)
{
	const struct power_bucket *b = m->power ? &m->power[(uint64_t)l->next % POWER_BUCKETS] : NULL;
	if (!b || !b->used || b->interval != l->next || s->missing_ms || s->class_ != CLASS_R)
		return;
	__int128 least = (__int128)b->min_mw * l->interval_ms / 3600000, most = (__int128)b->max_mw * l->interval_ms / 3600000;
	int64_t slack = 2 * m->scale.num * m->scale.fraction / m->scale.den + 1;
	least -= (least < 0 ? -least : least) / 10 + slack;
	most += (most < 0 ? -most : most) / 10 + slack;
	if (s->energy_mwh >= least && s->energy_mwh <= most) {
		m->mismatches = 0;
		return;
	}
	if (++m->mismatches != 4)
		return;
	int64_t to = interval_end(l, l->next);
	struct ledger_event *ev = close_event(l, EVENT_POWER_MISMATCH, meter_index(l, m), to - 4 * l->interval_ms, to);
	if (!ev)
		return;
	ev->energy_mwh = s->energy_mwh;
	snprintf(ev->reason, sizeof ev->reason, "register says %lld mW.h in an interval, its power %lld..%lld mW: check scale and CT ratio",
		 (long long)s->energy_mwh, (long long)b->min_mw, (long long)b->max_mw);
}

/* ---- closing --------------------------------------------------------------------------------------------------------------- */

static void add_row(struct ledger *l, struct interval *iv, uint32_t meter, struct interval_row *row)
{
	const struct meter_fold *m = &l->meters[meter];
	const struct slot *s = slot_at(l, meter, l->next);
	*row = (struct interval_row){ .meter = meter, .energy_mwh = s->energy_mwh, .cumulative_mwh = s->cumulative_mwh, .missing_ms = s->missing_ms,
				      .substituted_mwh = s->substituted_mwh, .class_ = s->class_, .substitute_class = s->substitute_class, .flags = s->flags };
	iv->total_mwh += m->total_sign * row->energy_mwh;
	iv->it_mwh += m->it_sign * row->energy_mwh;
	iv->flags |= row->flags;
	if (row->missing_ms && m->total_sign)
		iv->total_known = false;
	if (row->missing_ms && m->it_sign)
		iv->it_known = false;
}

static void clock_flags(struct ledger *l, struct interval *iv)
{
	size_t kept = 0;
	for (size_t i = 0; i < l->n_steps; i++) {
		const struct step_range *s = &l->steps[i];
		if (s->from_ms < iv->to.ms && s->to_ms >= iv->from.ms)
			iv->flags |= INTERVAL_CLOCK_STEP;
		if (s->to_ms >= iv->to.ms)
			l->steps[kept++] = *s;
	}
	l->n_steps = kept;
}

static void close_one(struct ledger *l, const struct ledger_sink *sink)
{
	int64_t to = interval_end(l, l->next);
	struct interval iv = { .from = { to - l->interval_ms }, .to = { to }, .total_known = l->total_possible, .it_known = l->it_possible, .rows = l->out, .n = l->n_rows };
	for (size_t i = 0; i < l->n; i++) {
		if (l->meters[i].power)
			cross_check(l, &l->meters[i], slot_at(l, i, l->next));
		if (l->meters[i].late)
			late_event(l, &l->meters[i]);
	}
	session_events(l, to);
	emit_events(l, sink);
	for (uint32_t k = 0; k < l->n_rows; k++)
		add_row(l, &iv, l->rows[k], &l->out[k]);
	for (uint32_t k = 0; k < l->n_rows; k++) {
		if (l->out[k].missing_ms)
			ledger_substitute(l, &l->out[k]);
		else
			ledger_learn(l, &l->out[k]);
	}
	if (l->n_segments > l->first_segment) {
		sort_segments(l);
		missing_union(l, to, &iv.total_missing_ms, &iv.it_missing_ms);
		missing_parts(l, to, &iv);
		drop_segments(l, to);
	}
	iv.total_missing_ms = l->total_possible ? iv.total_missing_ms : l->interval_ms;
	iv.it_missing_ms = l->it_possible ? iv.it_missing_ms : l->interval_ms;
	clock_flags(l, &iv);
	iv.synced = !(iv.flags & INTERVAL_UNSYNCED);
	iv.total_cumulative_mwh = l->total_mwh += iv.total_mwh;
	iv.it_cumulative_mwh = l->it_mwh += iv.it_mwh;
	if (sink && sink->interval)
		sink->interval(sink->ctx, &iv);
	watch_push(l->watch, &iv, sink ? sink->event : NULL, sink ? sink->ctx : NULL);
	l->next++;
}

/* Every meter has recorded the interval to be closed; each is taken only as far as that needs, so that a year of silence fills
 * no slots ahead. */
static bool all_recorded(struct ledger *l, int64_t before_ms)
{
	bool all = true;
	for (uint32_t k = 0; k < l->n_rows; k++) {
		struct meter_fold *m = &l->meters[l->rows[k]];
		for (int64_t h = interval_end(l, l->next); m->next <= l->next; h += m->silence_ms) {
			meter_advance(l, m, h < before_ms ? h : before_ms);
			if (h >= before_ms)
				break;
		}
		all &= m->next > l->next;
	}
	return all;
}

static void fill_to_end(struct ledger *l, int64_t last)
{
	for (uint32_t k = 0; k < l->n_rows; k++) {
		struct meter_fold *m = &l->meters[l->rows[k]];
		meter_advance(l, m, l->newest_ms + 1);
		meter_decide(l, m);
		if (m->next <= last)
			meter_fill(l, m, interval_end(l, last));
	}
}

/* Decides and closes everything up to the newest stamp. */
static void close_all(struct ledger *l, const struct ledger_sink *sink)
{
	ledger_fix_begin(l);
	l->budget = INT64_MAX;
	ledger_close_until(l, sink);    /* what is far behind, without slots for all of it */
	int64_t last = interval_of(l, l->newest_ms - 1);
	fill_to_end(l, last);
	while (l->next <= last && !l->failed)
		close_one(l, sink);
}

void ledger_finish(struct ledger *l, const struct ledger_sink *sink)
{
	if (!l->begun || l->failed)
		return;
	close_all(l, sink);
	for (size_t i = 0; i < l->n_events; i++)
		l->events[i].interval = l->next;
	emit_events(l, sink);
	watch_finish(l->watch, sink ? sink->event : NULL, sink ? sink->ctx : NULL);
}

void ledger_leap(struct ledger *l, int64_t to_ms, const struct ledger_sink *sink)
{
	int64_t from_ms = l->newest_ms;
	close_all(l, sink);
	l->next = interval_of(l, to_ms);
	for (size_t i = 0; i < l->n; i++) {
		struct meter_fold *m = &l->meters[i];
		m->next = m->step_next = l->next;
		m->done_ms = interval_end(l, l->next) - l->interval_ms;
		m->has_last = m->broken.is = false;
		m->missing_ms = 0;
		m->distributed = false;
		m->flags = INTERVAL_GAP;
		m->integral = 0;
	}
	l->n_segments = l->first_segment = 0;
	l->newest_ms = to_ms;
	l->sweep_ms = interval_end(l, l->next) + WATERMARK_MS;
	struct ledger_event *ev = close_event(l, EVENT_GAP, UINT32_MAX, from_ms, to_ms);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "the stamps leap by %lld days: nothing is known of this time, all curves begin anew",
			 (long long)((to_ms - from_ms) / 86400000));
}

void ledger_close_until(struct ledger *l, const struct ledger_sink *sink)
{
	int64_t before = l->newest_ms - WATERMARK_MS;
	while (!l->failed && before >= interval_end(l, l->next)) {
		if (l->budget <= 0) {
			l->sweep_ms = l->newest_ms;     /* the rest with the next push */
			return;
		}
		if (!all_recorded(l, before)) {
			l->sweep_ms = l->newest_ms + 5000;
			return;
		}
		close_one(l, sink);
		l->budget--;
	}
	l->sweep_ms = interval_end(l, l->next) + WATERMARK_MS;
}
