#include "core/ledger_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the queue: a sorted ring --------------------------------------------------------------------------------------- */

static struct read *queue_at(const struct meter_fold *m, uint32_t i) { return &m->queue[(m->head + i) & (m->room - 1)]; }

static bool queue_grow(struct ledger *l, struct meter_fold *m)
{
	uint32_t room = m->room ? m->room * 2 : 4;
	struct read *q = malloc(room * sizeof *q);
	if (!q) {
		l->failed = true;
		return false;
	}
	for (uint32_t i = 0; i < m->len; i++)
		q[i] = *queue_at(m, i);
	free(m->queue);
	m->queue = q;
	m->room = room;
	m->head = 0;
	return true;
}

int read_order(const struct read *a, const struct read *b)
{
	if (a->session != b->session)
		return a->session < b->session ? -1 : 1;
	if (a->boot_ms != b->boot_ms)
		return a->boot_ms < b->boot_ms ? -1 : 1;
	return a->wall_ms < b->wall_ms ? -1 : a->wall_ms > b->wall_ms;
}

/* Rule 2: the same stamp and value again is nothing; with another value the first stays, and says so once a stamp. */
static void meet_again(struct ledger *l, struct meter_fold *m, struct read *old, const struct read *r)
{
	if (r->has_value && !old->has_value)
		*old = *r;      /* a poll that failed and one that did not: the value counts */
	if (!r->has_value || old->value == r->value)
		return;
	int64_t interval = interval_of(l, r->wall_ms);
	if (m->conflict_n++ && m->conflict_ms == r->wall_ms)
		return;
	m->conflict_ms = r->wall_ms;
	struct ledger_event *ev = ledger_event_new(l, EVENT_CONFLICT, meter_index(l, m), interval, r->wall_ms, r->wall_ms);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "two readings with one stamp: %lld and %lld; the first stays",
			 (long long)old->value, (long long)r->value);
}

bool meter_queue(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	uint32_t i = m->len;
	int order = 1;
	while (i && (order = read_order(r, queue_at(m, i - 1))) < 0)
		i--;
	if (i && order == 0) {
		meet_again(l, m, queue_at(m, i - 1), r);
		return true;
	}
	if (m->len == m->room && !queue_grow(l, m))
		return false;
	for (uint32_t k = m->len; k > i; k--)
		*queue_at(m, k) = *queue_at(m, k - 1);
	*queue_at(m, i) = *r;
	m->len++;
	return true;
}

/* ---- what a step means at the boundaries it passes ------------------------------------------------------------------- */

static uint16_t step_flags(const struct read *a, const struct read *b, bool gap)
{
	return (uint16_t)((gap ? INTERVAL_GAP : 0) | (a->synced && b->synced ? 0 : INTERVAL_UNSYNCED));
}

void meter_fill(struct ledger *l, struct meter_fold *m, int64_t to_ms)
{
	for (int64_t end = interval_end(l, m->next); m->done_ms < to_ms; end = interval_end(l, m->next)) {
		int64_t stop = end < to_ms ? end : to_ms;
		ledger_missing(l, m, m->done_ms, stop);
		m->missing_ms += stop - m->done_ms;
		m->flags |= INTERVAL_GAP;
		m->done_ms = stop;
		if (stop == end)
			ledger_record(l, m, level_round(m->level));
	}
}

/* The line from a at `from` to b at `to`, over the boundaries after m->done_ms. */
static void pass_line(struct ledger *l, struct meter_fold *m, struct level a, struct level b, int64_t from_ms, int64_t to_ms, bool spread, uint16_t flags)
{
	m->flags |= flags;
	for (int64_t end = interval_end(l, m->next); end <= to_ms; end = interval_end(l, m->next)) {
		bool inside = spread && end < to_ms;
		m->distributed |= inside;
		ledger_record(l, m, level_between(a, b, end - from_ms, to_ms - from_ms));
		m->distributed = inside;
		m->flags |= end < to_ms ? flags : 0;
	}
	m->done_ms = to_ms;
}

/* The part of a line that intervals have been recorded flat for. */
static void correct(struct ledger *l, struct meter_fold *m, struct level a, struct level b, int64_t from_ms, int64_t to_ms, bool was_missing, bool spread)
{
	int64_t recorded = interval_end(l, m->next - 1);
	struct ledger_event *ev = ledger_event_new(l, EVENT_CORRECTION, meter_index(l, m), interval_of(l, to_ms - 1), from_ms, to_ms);
	if (ev) {
		ev->curve = (struct ledger_curve){ a.mwh, a.rest, b.mwh, b.rest, a.den, { recorded }, was_missing, spread ? CLASS_D : CLASS_R };
		ev->energy_mwh = level_round(b) - level_round(a);
		snprintf(ev->reason, sizeof ev->reason, was_missing ? "the gap ended: its energy is known and distributed over it" :
			 "the register stood still: its energy is distributed since it last changed");
	}
	int64_t at = recorded < to_ms ? recorded : to_ms;
	m->boundary_mwh = level_between(a, b, at - from_ms, to_ms - from_ms);
	m->distributed |= spread && recorded > from_ms && recorded < to_ms;
}

static void gap_event(struct ledger *l, struct meter_fold *m, const struct read *from, const struct read *to, uint8_t cause, const int64_t *energy_mwh)
{
	struct ledger_event *ev = ledger_event_new(l, EVENT_GAP, meter_index(l, m), interval_of(l, to->wall_ms - 1), from->wall_ms, to->wall_ms);
	if (!ev)
		return;
	ev->energy_mwh = energy_mwh ? *energy_mwh : 0;
	snprintf(ev->reason, sizeof ev->reason, "no reading for %lld s, polled every %lld s (%s): %s", (long long)(read_elapsed(from, to) / 1000),
		 (long long)(m->poll_ms / 1000), cause ? reason_text(cause) : from->session != to->session ? "restart" : "no failure recorded",
		 energy_mwh ? "energy known, distributed" : "energy not known");
}

bool meter_gap(const struct meter_fold *m, int64_t elapsed_ms) { return m->poll_ms > 0 && elapsed_ms * 2 > m->poll_ms * 3; }

static void take(struct meter_fold *m, const struct read *r, bool changed)
{
	m->run = changed ? 1 : m->run + 1;
	if (changed)
		m->change = *r;
	m->last = *r;
	m->cause = REASON_NONE;
}

/* The curve starts again at r; what lies before is missing. */
static void restart_at(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	if (m->done_ms < r->wall_ms)
		meter_fill(l, m, r->wall_ms);
	m->flags |= r->synced ? 0 : INTERVAL_UNSYNCED;
	take(m, r, true);
	m->has_last = true;
}

static struct ledger_event *step_event(struct ledger *l, struct meter_fold *m, enum ledger_event_kind kind, const struct read *from, const struct read *to)
{
	return ledger_event_new(l, kind, meter_index(l, m), interval_of(l, to->wall_ms - 1), from->wall_ms, to->wall_ms);
}

/* Known energy from `from` (which has the level of m->last) to r. */
static bool known(struct ledger *l, struct meter_fold *m, const struct read *from, const struct read *r, int64_t units, bool spread)
{
	struct level a = m->level, b = a;
	if (!level_add(&b, units, m->scale.parts))
		return false;
	uint16_t flags = step_flags(&m->last, r, spread);
	int64_t recorded = interval_end(l, m->next - 1);
	bool was_missing = m->done_ms > m->last.wall_ms;
	if (from != &m->last && recorded > from->wall_ms)
		correct(l, m, a, b, from->wall_ms, r->wall_ms, false, true);
	if (was_missing)        /* a frozen register's line is drawn already: then only the time becomes known */
		correct(l, m, from == &m->last ? a : b, b, m->last.wall_ms, r->wall_ms, true, spread);
	if (from != &m->last && was_missing)
		m->boundary_mwh = level_between(a, b, (recorded < r->wall_ms ? recorded : r->wall_ms) - from->wall_ms, r->wall_ms - from->wall_ms);
	if (r->wall_ms > m->done_ms)
		pass_line(l, m, a, b, from->wall_ms, r->wall_ms, spread, flags);
	m->level = b;
	take(m, r, units != 0);
	return true;
}

/* ---- the decision table (rule 4) --------------------------------------------------------------------------------------- */

static int64_t cap_of(struct meter_fold *m, int64_t dt_ms)
{
	if (dt_ms != m->cap_dt) {
		m->cap_dt = dt_ms;
		m->cap = scale_cap(&m->scale, dt_ms);
	}
	return m->cap;
}

static void unknown(struct ledger *l, struct meter_fold *m, const struct read *r, enum ledger_event_kind kind, const char *why)
{
	struct ledger_event *ev = step_event(l, m, kind, &m->last, r);
	int64_t elapsed = read_elapsed(&m->last, r);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "register from %lld to %lld in %lld s: %s", (long long)m->last.value,
			 (long long)r->value, (long long)(elapsed / 1000), why);
	if (meter_gap(m, elapsed))
		gap_event(l, m, &m->last, r, m->cause, NULL);
	m->broken = (struct break_){ true, m->last, *r };
	restart_at(l, m, r);
}

/* Rule 5. */
static bool frozen(struct ledger *l, struct meter_fold *m, const struct read *r, int64_t units)
{
	if (m->run < 3 || units > scale_cap(&m->scale, read_elapsed(&m->change, r)))
		return false;
	struct read change = m->change;
	uint32_t run = m->run;
	struct ledger_event *ev = step_event(l, m, EVENT_FROZEN, &change, r);
	int64_t before = level_round(m->level);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "register stood at %lld for %u readings, then %lld: energy distributed since it last changed",
			 (long long)change.value, run, (long long)r->value);
	size_t ix = l->n_events;
	if (!known(l, m, &change, r, units, true)) {
		if (ev)
			l->n_events--;
		return false;
	}
	if (ev)
		l->events[ix - 1].ev.energy_mwh = level_round(m->level) - before;
	return true;
}

static void accept(struct ledger *l, struct meter_fold *m, const struct read *r, enum step step, int64_t units, const char *named)
{
	int64_t elapsed = read_elapsed(&m->last, r), before = level_round(m->level);
	struct read from = m->last;
	bool gap = meter_gap(m, elapsed);
	uint8_t cause = m->cause;
	if (!known(l, m, &m->last, r, units, gap)) {
		unknown(l, m, r, EVENT_IMPLAUSIBLE, "more energy than can be represented; missing");
		return;
	}
	int64_t energy = level_round(m->level) - before;
	struct ledger_event *ev = step == STEP_WRAP ? step_event(l, m, EVENT_WRAP, &from, r) : NULL;
	if (ev) {
		ev->energy_mwh = energy;
		snprintf(ev->reason, sizeof ev->reason, "register went round from %lld to %lld (modulus %lld)", (long long)from.value,
			 (long long)r->value, (long long)m->scale.modulus);
	}
	if (gap && !named)
		gap_event(l, m, &from, r, cause, &energy);
}

static void feed(struct ledger *l, struct meter_fold *m, const struct read *r);

static void decide_against(struct ledger *l, struct meter_fold *m)
{
	struct read waiting[1 + LOOK_AHEAD];
	uint32_t n = m->n_pending;
	memcpy(waiting, m->pending, sizeof waiting);
	m->n_pending = 0;
	if (m->pending_step == STEP_LOW)
		unknown(l, m, &waiting[0], EVENT_RESET, "counted from zero again; what was lost is missing");
	else
		unknown(l, m, &waiting[0], EVENT_IMPLAUSIBLE, "more than the circuit can carry; missing");
	for (uint32_t i = 1; i < n; i++)
		feed(l, m, &waiting[i]);
}

void meter_decide(struct ledger *l, struct meter_fold *m)
{
	while (m->n_pending)
		decide_against(l, m);
}

static void look_ahead(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	int64_t units;
	enum step step = step_judge(&m->scale, m->last.value, r->value, cap_of(m, read_elapsed(&m->last, r)), &units);
	if (step == STEP_ACCEPT) {
		bool low = m->pending_step == STEP_LOW;
		struct ledger_event *ev = step_event(l, m, low ? EVENT_DROP_RETURN : EVENT_SPIKE, &m->last, r);
		if (ev)
			snprintf(ev->reason, sizeof ev->reason, "%lld between %lld and %lld: %u reading%s rejected, energy known", (long long)m->pending[0].value,
				 (long long)m->last.value, (long long)r->value, m->n_pending, m->n_pending == 1 ? "" : "s");
		m->n_pending = 0;
		accept(l, m, r, step, units, "rejected");
		return;
	}
	m->pending[m->n_pending++] = *r;
	if (m->n_pending == 1 + LOOK_AHEAD)
		decide_against(l, m);
}

static void wait_for(struct meter_fold *m, const struct read *r, enum step step)
{
	m->pending[0] = *r;
	m->n_pending = 1;
	m->pending_step = step;
}

static void feed(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	int64_t units = 0;
	if (!m->has_last) {
		restart_at(l, m, r);
		return;
	}
	if (m->n_pending) {
		look_ahead(l, m, r);
		return;
	}
	enum step step = step_judge(&m->scale, m->last.value, r->value, cap_of(m, read_elapsed(&m->last, r)), &units);
	switch (step) {
	case STEP_ACCEPT:
	case STEP_WRAP:
		accept(l, m, r, step, units, NULL);
		break;
	case STEP_AMBIGUOUS:
		unknown(l, m, r, EVENT_AMBIGUOUS, "the register may have gone round more than once; missing");
		break;
	case STEP_HIGH:
		if (!frozen(l, m, r, units))
			wait_for(m, r, step);
		break;
	default:
		wait_for(m, r, step);
	}
}

/* ---- power only: integrated, class I, never known energy (domain.md 2.1) -------------------------------------------------- */

static void integrate(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	bool joined = m->has_last && !meter_gap(m, read_elapsed(&m->last, r)) && m->done_ms <= m->last.wall_ms;
	int64_t at = m->last.wall_ms, power = m->last.value, span = r->wall_ms - at, rise = r->value - power;
	for (int64_t end = interval_end(l, m->next); joined && end <= r->wall_ms; end = interval_end(l, m->next)) {
		int64_t there = m->last.value + (int64_t)div_half_even((__int128)rise * (end - m->last.wall_ms), span);
		m->integral += (__int128)(power + there) * (end - at);
		at = end;
		power = there;
		meter_fill(l, m, end);
	}
	if (joined)
		m->integral += (__int128)(power + r->value) * (r->wall_ms - at);
	meter_fill(l, m, r->wall_ms);
	take(m, r, true);
	m->has_last = true;
}

/* ---- epochs ------------------------------------------------------------------------------------------------------------- */

static const struct meter_epoch whole_time = { .from = { INT64_MIN }, .to = { INT64_MAX }, .ct = { 1, 1 }, .pt = { 1, 1 } };
static size_t epoch_count_of(const struct meter_fold *m) { return m->meter->epochs.n ? m->meter->epochs.n : 1; }
static const struct meter_epoch *epoch_at(const struct meter_fold *m, size_t i)
{
	return i >= epoch_count_of(m) ? NULL : m->meter->epochs.n ? &((const struct meter_epoch *)m->meter->epochs.items)[i] : &whole_time;
}

static int64_t epoch_edge(const struct meter_fold *m)
{
	const struct meter_epoch *e = epoch_at(m, m->epoch);
	return !e ? NEVER : m->in_epoch ? e->to.ms : e->from.ms;
}

static void use_scale(struct meter_fold *m)
{
	if (!scale_of(m->meter, epoch_at(m, m->epoch), m->wiring, &m->scale))
		m->scale = (struct scale){ .num = 0, .den = 1, .count_num = 1, .count_den = 1, .fraction = 1 };
	/* the level may keep a finer denominator than the scale's: then counts are added in its parts */
	level_rebase(&m->level, m->scale.den);
	m->scale.parts = m->scale.num * (m->level.den / m->scale.den);
	m->cap_dt = -1;
	m->in_epoch = true;
}

struct read meter_stated(int64_t wall_ms, int64_t value)
{
	return (struct read){ .wall_ms = wall_ms, .value = value, .session = SESSION_NONE, .has_value = true, .synced = true };
}

static void epoch_end(struct ledger *l, struct meter_fold *m)
{
	const struct meter_epoch *e = epoch_at(m, m->epoch);
	struct read last = meter_stated(e->to.ms, e->last);
	meter_decide(l, m);
	if (e->has_last && m->has_last && m->last.wall_ms < e->to.ms)
		feed(l, m, &last);
	meter_decide(l, m);
	m->flags |= e->to.ms >= l->begin_ms ? INTERVAL_EPOCH_CHANGE : 0;
	m->has_last = m->in_epoch = false;
	m->epoch++;
}

void meter_epoch_event(struct ledger *l, struct meter_fold *m, const struct meter_epoch *before, const struct meter_epoch *e, int64_t interval)
{
	struct ledger_event *ev = ledger_event_new(l, EVENT_EPOCH, meter_index(l, m), interval, before->to.ms, e->from.ms);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "meter %s -> %s: %s", before->serial ? before->serial : "?", e->serial ? e->serial : "?",
			 e->reason ? e->reason : before->reason ? before->reason : "no reason stated");
	m->flags |= INTERVAL_EPOCH_CHANGE;
}

static void epoch_begin(struct ledger *l, struct meter_fold *m)
{
	const struct meter_epoch *e = epoch_at(m, m->epoch), *before = m->epoch ? epoch_at(m, m->epoch - 1) : NULL;
	use_scale(m);
	m->broken.is = m->outside = false;
	if (!before || e->from.ms < l->begin_ms)
		before = NULL;
	if (before)
		meter_epoch_event(l, m, before, e, interval_of(l, e->from.ms));
	if (e->has_first && e->from.ms >= l->begin_ms) {
		struct read first = meter_stated(e->from.ms, e->first);
		feed(l, m, &first);
	}
}

int64_t meter_edge(const struct meter_fold *m)
{
	return m->in_epoch ? epoch_at(m, m->epoch)->from.ms : m->epoch ? epoch_at(m, m->epoch - 1)->to.ms : INT64_MIN;
}

void meter_enter(struct meter_fold *m, bool in_epoch, int64_t edge_ms)
{
	int64_t at = in_epoch && m->has_last && m->last.wall_ms > edge_ms ? m->last.wall_ms : edge_ms;
	m->epoch = 0;
	m->in_epoch = false;
	for (const struct meter_epoch *e; (e = epoch_at(m, m->epoch)) && (in_epoch ? e->to.ms <= at : e->to.ms <= edge_ms && edge_ms != INT64_MIN); m->epoch++)
		;
	const struct meter_epoch *e = epoch_at(m, m->epoch);
	if (!in_epoch || !e || e->from.ms > at)
		return;
	m->in_epoch = true;
	m->cap_dt = -1;
	if (!scale_of(m->meter, e, m->wiring, &m->scale))
		m->scale = (struct scale){ .num = 0, .den = 1, .count_num = 1, .count_den = 1, .fraction = 1 };
}

/* A register is read before its first epoch or after its last: said once.  Between two epochs a meter is being exchanged. */
static void outside_epochs(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	const struct meter_epoch *before = m->epoch ? epoch_at(m, m->epoch - 1) : NULL, *next = epoch_at(m, m->epoch);
	char edge[WALL_TEXT];
	m->outside = true;
	struct ledger_event *ev = !before == !next ? NULL : ledger_event_new(l, EVENT_EPOCH, meter_index(l, m), interval_of(l, r->wall_ms), r->wall_ms, r->wall_ms);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, next ? "read before its first epoch, which begins %s: such readings count for nothing; if they should, correct the epochs" :
			 "read after its last epoch, which ended %s: such readings count for nothing; if they should, correct the epochs", wall_text(next ? next->from : before->to, edge));
}

/* ---- the loop ----------------------------------------------------------------------------------------------------------- */

static void process(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	if (!r->has_value) {
		m->cause = m->cause ? m->cause : r->reason;
		return;
	}
	if (r->wall_ms > m->seen_ms && !m->in_epoch && !m->outside)
		outside_epochs(l, m, r);
	if (r->wall_ms <= m->seen_ms || !m->in_epoch) {
		m->dropped++;   /* after a step back of the clock: covered already (rule 3); or no meter was there */
		return;
	}
	m->seen_ms = r->wall_ms;
	m->recent[m->n_recent % countof(m->recent)].wall_ms = r->wall_ms;
	m->recent[m->n_recent++ % countof(m->recent)].value = r->value;
	if (m->power_only)
		integrate(l, m, r);
	else
		feed(l, m, r);
}

/* When the boundary of the interval being filled stops waiting for this meter. */
static int64_t silent_from(const struct ledger *l, const struct meter_fold *m)
{
	int64_t end = interval_end(l, m->next), seen = m->seen_ms > l->begin_ms ? m->seen_ms : l->begin_ms;
	int64_t silent = m->in_epoch ? seen + m->silence_ms : end;
	return silent > end ? silent : end;
}

void meter_advance(struct ledger *l, struct meter_fold *m, int64_t before_ms)
{
	for (;;) {
		m->step_next = m->next;
		int64_t read = m->len ? queue_at(m, 0)->wall_ms : NEVER, edge = epoch_edge(m), silent = silent_from(l, m);
		if (edge < before_ms && edge <= read && edge <= silent) {
			if (m->in_epoch)
				epoch_end(l, m);
			else
				epoch_begin(l, m);
		} else if (read < before_ms && read <= silent) {
			struct read r = *queue_at(m, 0);
			m->head = (m->head + 1) & (m->room - 1);
			m->len--;
			process(l, m, &r);
		} else if (silent < before_ms && !l->failed) {
			meter_fill(l, m, interval_end(l, m->next));
		} else {
			return;
		}
	}
}
