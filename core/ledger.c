#include "core/ledger_state.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const event_names[EVENT_N] = {
	[EVENT_WRAP] = "wrap", [EVENT_RESET] = "reset", [EVENT_SPIKE] = "spike", [EVENT_DROP_RETURN] = "drop_return", [EVENT_AMBIGUOUS] = "ambiguous",
	[EVENT_IMPLAUSIBLE] = "implausible", [EVENT_FROZEN] = "frozen", [EVENT_CONFLICT] = "conflict", [EVENT_LATE] = "late", [EVENT_GAP] = "gap",
	[EVENT_CLOCK_STEP] = "clock_step", [EVENT_EPOCH] = "epoch", [EVENT_SESSION] = "session", [EVENT_FINDING] = "finding",
	[EVENT_POWER_MISMATCH] = "power_mismatch", [EVENT_CORRECTION] = "correction",
	[EVENT_MANUAL] = "manual",
};

const char *ledger_event_name(enum ledger_event_kind kind)
{
	return (unsigned)kind < EVENT_N ? event_names[kind] : "?";
}

int64_t curve_at(const struct ledger_event *ev, struct wall t)
{
	struct level a = { ev->curve.start_mwh, ev->curve.start_rest, ev->curve.den }, b = { ev->curve.end_mwh, ev->curve.end_rest, ev->curve.den };
	return level_between(a, b, t.ms - ev->from.ms, ev->to.ms - ev->from.ms);
}

/* ---- construction ------------------------------------------------------------------------------------------------------- */

static void chain(uint32_t *table, uint32_t n, uint32_t series, uint32_t *next, uint32_t meter)
{
	*next = UINT32_MAX;
	if (series >= n)
		return;
	*next = table[series];
	table[series] = meter;
}

static bool scales_fit(const struct ledger *l, struct err *err)
{
	for (size_t i = 0; i < l->n; i++) {
		const struct meter *m = l->meters[i].meter;
		const struct meter_epoch *e = m->epochs.items;
		for (size_t k = 0; k < (m->epochs.n ? m->epochs.n : 1); k++) {
			struct scale s;
			if (!scale_of(m, m->epochs.n ? &e[k] : NULL, &l->wiring[i], &s))
				return err_set(err, ERR_CONFIG, "meter %s, epoch %zu: one count is worth no exact number of mW.h; "
					       "state count, ratios and factor with fewer digits", m->id, k + 1);
			if (m->epochs.n && k && e[k].from.ms < e[k - 1].to.ms)
				return err_set(err, ERR_CONFIG, "meter %s: epoch %zu begins before epoch %zu ends; one register has one meter at a time",
					       m->id, k + 1, k);
		}
	}
	return true;
}

static void wire(struct ledger *l, size_t i)
{
	struct meter_fold *m = &l->meters[i];
	const struct meter *meter = &site_meters(l->site)[i];
	const struct ledger_wiring *w = &l->wiring[i];
	bool has_energy = meter->energy || w->energy_series != UINT32_MAX, has_power = meter->power || w->power_series != UINT32_MAX;
	*m = (struct meter_fold){ .meter = meter, .wiring = w, .poll_ms = w->poll_ms, .seen_ms = INT64_MIN, .cap_dt = -1,
				   .total_sign = l->tree.nodes[i].total_sign, .it_sign = l->tree.nodes[i].it_sign, .level = { .den = 1 },
				   .scale = { .num = 1, .den = 1, .parts = 1, .count_num = 1, .count_den = 1, .fraction = 1 } };
	m->silence_ms = w->poll_ms * 3 / 2 > SILENCE_MS ? w->poll_ms * 3 / 2 : SILENCE_MS;
	l->lead_ms = m->silence_ms + 2 * SILENCE_MS > l->lead_ms ? m->silence_ms + 2 * SILENCE_MS : l->lead_ms;
	m->power_only = !has_energy && has_power;
	l->tree.nodes[i].measured = has_energy;
	chain(l->by_energy, l->n_series, w->energy_series, &m->same_energy, (uint32_t)i);
	chain(l->by_power, l->n_series, w->power_series, &m->same_power, (uint32_t)i);
	if (has_energy || has_power)
		l->rows[l->n_rows++] = (uint32_t)i;
	else if (m->total_sign || m->it_sign) {
		l->total_possible &= !m->total_sign;
		l->it_possible &= !m->it_sign;
	}
}

static uint32_t series_count(const struct ledger_wiring *w, size_t n)
{
	uint32_t count = 0;
	for (size_t i = 0; i < n; i++) {
		if (w[i].energy_series != UINT32_MAX && w[i].energy_series >= count)
			count = w[i].energy_series + 1;
		if (w[i].power_series != UINT32_MAX && w[i].power_series >= count)
			count = w[i].power_series + 1;
	}
	return count;
}

struct ledger *ledger_new(const struct site *site, const struct ledger_wiring *wiring, struct err *err)
{
	struct ledger *l = calloc(1, sizeof *l);
	if (!l) {
		err_memory(err);
		return NULL;
	}
	size_t n = site->meters.n, room = n ? n : 1;
	l->site = site;
	l->wiring = wiring;
	l->interval_ms = site->interval_ms > 0 ? site->interval_ms : 900000;
	l->n = n;
	l->n_series = series_count(wiring, n);
	l->slot_room = 8;
	l->meters = calloc(room, sizeof *l->meters);
	l->rows = calloc(room, sizeof *l->rows);
	l->out = calloc(room, sizeof *l->out);
	l->slots = calloc(room * l->slot_room, sizeof *l->slots);
	l->by_energy = malloc((l->n_series + 1) * sizeof *l->by_energy);
	l->by_power = malloc((l->n_series + 1) * sizeof *l->by_power);
	if (!l->meters || !l->rows || !l->out || !l->slots || !l->by_energy || !l->by_power) {
		err_memory(err);
		ledger_free(l);
		return NULL;
	}
	memset(l->by_energy, 0xff, (l->n_series + 1) * sizeof *l->by_energy);
	memset(l->by_power, 0xff, (l->n_series + 1) * sizeof *l->by_power);
	if (!(l->watch = watch_new(site, err)) || !tree_init(&l->tree, site, err)) {
		ledger_free(l);
		return NULL;
	}
	l->total_possible = tree_has_total(&l->tree);
	l->it_possible = tree_has_it(&l->tree);
	for (size_t i = 0; i < n; i++)
		wire(l, i);
	if (!scales_fit(l, err)) {
		ledger_free(l);
		return NULL;
	}
	return l;
}

void ledger_free(struct ledger *l)
{
	if (!l)
		return;
	for (size_t i = 0; l->meters && i < l->n; i++) {
		free(l->meters[i].queue);
		free(l->meters[i].power);
		free(l->meters[i].profile);
	}
	tree_done(&l->tree);
	watch_free(l->watch);
	free(l->meters);
	free(l->rows);
	free(l->out);
	free(l->slots);
	free(l->by_energy);
	free(l->by_power);
	free(l->steps);
	free(l->sessions);
	free(l->segments);
	free(l->parts);
	free(l->events);
	free(l);
}

/* ---- clocks (rule 3) ----------------------------------------------------------------------------------------------------- */

static void *grow(struct ledger *l, void *old, size_t n, size_t size)
{
	void *p = realloc(old, (n + 1) * size);
	l->failed |= !p;
	return p;
}

static void saw_session(struct ledger *l, const struct stamp *at)
{
	size_t i = l->n_sessions;
	while (i && l->sessions[i - 1].session > at->session)
		i--;
	if (i && l->sessions[i - 1].session == at->session) {
		struct session_seen *s = &l->sessions[i - 1];
		s->first_ms = at->wall.ms < s->first_ms ? at->wall.ms : s->first_ms;
		s->last_ms = at->wall.ms > s->last_ms ? at->wall.ms : s->last_ms;
		return;
	}
	struct session_seen *grown = grow(l, l->sessions, l->n_sessions, sizeof *grown);
	if (!grown)
		return;
	l->sessions = grown;
	memmove(grown + i + 1, grown + i, (l->n_sessions++ - i) * sizeof *grown);
	grown[i] = (struct session_seen){ at->session, at->wall.ms, at->wall.ms, false };
}

static void clock_stepped(struct ledger *l, const struct stamp *at, int64_t jump_ms)
{
	int64_t a = l->clock.wall.ms, b = at->wall.ms, low = a < b ? a : b, high = a < b ? b : a;
	struct step_range *grown = grow(l, l->steps, l->n_steps, sizeof *grown);
	if (!grown)
		return;
	l->steps = grown;
	grown[l->n_steps++] = (struct step_range){ low, high };
	struct ledger_event *ev = ledger_event_new(l, EVENT_CLOCK_STEP, UINT32_MAX, interval_of(l, high), low, high);
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "the clock stepped by %s%lld.%03lld s", jump_ms < 0 ? "-" : "+",
			 (long long)(jump_ms < 0 ? -jump_ms : jump_ms) / 1000, (long long)(jump_ms < 0 ? -jump_ms : jump_ms) % 1000);
}

static void watch_clock(struct ledger *l, const struct stamp *at)
{
	if (!l->n_sessions || l->sessions[l->n_sessions - 1].session != at->session || at->wall.ms > l->sessions[l->n_sessions - 1].last_ms ||
	    at->wall.ms < l->sessions[l->n_sessions - 1].first_ms)
		saw_session(l, at);
	if (l->has_clock && at->session == l->clock.session) {
		if (at->boot.ms < l->clock.boot.ms)
			return;
		int64_t jump = (at->wall.ms - at->boot.ms) - (l->clock.wall.ms - l->clock.boot.ms);
		if (jump > CLOCK_STEP_MS || jump < -CLOCK_STEP_MS)
			clock_stepped(l, at, jump);
	} else if (l->has_clock && at->session < l->clock.session) {
		return;
	}
	l->has_clock = true;
	l->clock = *at;
}

/* ---- the fold ------------------------------------------------------------------------------------------------------------- */

/* Before the watermark has passed the first stamp, an earlier one may still come; after that the first interval stands. */
void ledger_fix_begin(struct ledger *l)
{
	if (l->fixed)
		return;
	l->fixed = true;
	int64_t first = interval_of(l, l->begin_ms);
	l->next = first;
	for (size_t i = 0; i < l->n; i++) {
		struct meter_fold *m = &l->meters[i];
		m->next = first;
		m->done_ms = interval_end(l, first) - l->interval_ms;
	}
}

static void newest(struct ledger *l, int64_t ms)
{
	l->newest_ms = ms > l->newest_ms ? ms : l->newest_ms;
	if (!l->fixed && l->newest_ms - WATERMARK_MS > l->begin_ms) {
		ledger_fix_begin(l);
		l->sweep_ms = interval_end(l, l->next) + WATERMARK_MS;
	}
}

static bool seen_already(const struct meter_fold *m, const struct read *r)
{
	for (uint32_t i = 0; i < m->n_recent && i < countof(m->recent); i++)
		if (m->recent[i].wall_ms == r->wall_ms && m->recent[i].value == r->value)
			return true;
	for (uint32_t i = 0; i < m->len; i++) {
		const struct read *q = &m->queue[(m->head + i) & (m->room - 1)];
		if (q->wall_ms == r->wall_ms && q->value == r->value && q->has_value)
			return true;
	}
	return false;
}

static void too_late(struct meter_fold *m, const struct read *r)
{
	if (!r->has_value || seen_already(m, r))
		return;
	m->late_from_ms = !m->late || r->wall_ms < m->late_from_ms ? r->wall_ms : m->late_from_ms;
	m->late_to_ms = !m->late || r->wall_ms > m->late_to_ms ? r->wall_ms : m->late_to_ms;
	m->late++;
}

static void arrive(struct ledger *l, struct meter_fold *m, const struct read *r)
{
	int64_t before = l->newest_ms - WATERMARK_MS;
	if (r->wall_ms < before) {
		too_late(m, r);
		return;
	}
	if (!meter_queue(l, m, r) || !l->fixed)
		return;
	int64_t lead = interval_end(l, l->next) + l->lead_ms, to = before < lead ? before : lead;
	if (m->queue[m->head].wall_ms < to)
		meter_advance(l, m, to);
}

static void push_one(struct ledger *l, const struct sample *s, const struct ledger_sink *sink)
{
	uint32_t energy = l->by_energy[s->series], power = l->by_power[s->series];
	if (energy == UINT32_MAX && power == UINT32_MAX)
		return;
	struct read r = { .wall_ms = s->at.wall.ms, .boot_ms = s->at.boot.ms, .value = s->value, .session = s->at.session, .reason = s->reason,
			  .has_value = s->quality == QUALITY_GOOD, .synced = s->at.synced };
	r.value = r.has_value ? r.value : 0;
	bool early = l->begun && !l->fixed && r.wall_ms < l->begin_ms && r.wall_ms >= l->newest_ms - WATERMARK_MS;
	l->begin_ms = !l->begun || early ? r.wall_ms : l->begin_ms;
	l->newest_ms = l->begun ? l->newest_ms : r.wall_ms;
	l->begun = true;
	if (r.wall_ms - l->newest_ms > LEAP_MS)
		ledger_leap(l, r.wall_ms, sink);
	watch_clock(l, &s->at);
	newest(l, r.wall_ms);
	for (; energy != UINT32_MAX; energy = l->meters[energy].same_energy)
		arrive(l, &l->meters[energy], &r);
	for (; power != UINT32_MAX; power = l->meters[power].same_power) {
		if (l->meters[power].power_only)
			arrive(l, &l->meters[power], &r);
		else if (r.has_value && r.wall_ms >= l->newest_ms - WATERMARK_MS)
			ledger_power(l, &l->meters[power], r.wall_ms, r.value);
	}
	if (l->fixed && l->newest_ms >= l->sweep_ms)
		ledger_close_until(l, sink);
}

void ledger_push(struct ledger *l, const struct sample *samples, size_t n, struct stamp now, const struct ledger_sink *sink)
{
	l->budget = ROWS_A_CALL / (l->n_rows + 1) + LEAST_A_CALL + (int64_t)n;
	for (size_t i = 0; i < n; i++)
		if (samples[i].series < l->n_series)
			push_one(l, &samples[i], sink);
	if (!l->begun)
		return;
	if (now.wall.ms > l->newest_ms && now.wall.ms - l->newest_ms <= LEAP_MS)
		newest(l, now.wall.ms);
	if (l->fixed && l->newest_ms >= l->sweep_ms)
		ledger_close_until(l, sink);
}

/* ---- views ------------------------------------------------------------------------------------------------------------------ */

void ledger_meter(const struct ledger *l, uint32_t meter, struct meter_view *out)
{
	const struct meter_fold *m = &l->meters[meter];
	struct meter_view v = { .state = METER_UNSEEN, .cumulative_mwh = level_round(m->level), .cause = m->cause, .epoch = m->epoch };
	if (m->has_last)
		v = (struct meter_view){ METER_KNOWN, { { m->last.wall_ms }, { m->last.boot_ms }, m->last.session, m->last.synced }, m->last.value,
					 v.cumulative_mwh, m->cause, m->epoch };
	if (m->n_pending)
		v.state = METER_UNDECIDED;
	else if (m->has_last && l->newest_ms > m->seen_ms + m->silence_ms)
		v.state = METER_SILENT;
	if (l->fixed && !m->in_epoch)
		v.state = METER_OUT_OF_EPOCH;
	*out = v;
}

struct wall ledger_closed_to(const struct ledger *l)
{
	return (struct wall){ l->fixed ? interval_end(l, l->next - 1) : INT64_MIN };
}
