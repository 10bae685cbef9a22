/* The checkpoint of the fold: a few words a meter, as variable-length integers, so that it is the same bytes on every machine.
 * A checkpoint is trusted no further than its shape: every number is bounded before it is used. */
#include "core/ledger_state.h"
#include "core/zigzag.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "PUEDLG1", of programs that knew no profiles, and "PUEDLG2", of those that watched no findings, are read too. */
static const char magic[8] = "PUEDLG3", magic_before[8] = "PUEDLG1", magic_unwatched[8] = "PUEDLG2";
enum { MAX_QUEUE = 1 << 20, MAX_OPEN = 4096, MAX_LIST = 1 << 20, MAX_INTERVAL_MS = 3600000 };

/* ---- integers ------------------------------------------------------------------------------------------------------------------ */

static void put(struct buf *b, int64_t v) { zigzag_put(b, v); }

static void put_text(struct buf *b, const char *text)
{
	put(b, (int64_t)strlen(text));
	buf_str(b, text);
}

struct in { const uint8_t *p, *end; bool bad, old, unwatched; };

static int64_t get(struct in *in) { return zigzag_get(&in->p, in->end, &in->bad); }

static int64_t get_in(struct in *in, int64_t min, int64_t max)
{
	int64_t v = get(in);
	in->bad |= v < min || v > max;
	return in->bad ? min : v;
}

static const int64_t time_bound = INT64_C(1) << 45;      /* the year 3084 */
static int64_t get_time(struct in *in)
{
	int64_t v = get(in);
	in->bad |= v != INT64_MIN && (v < -time_bound || v > time_bound);
	return in->bad ? 0 : v;
}

static void get_text(struct in *in, char *out, size_t size)
{
	size_t n = (size_t)get_in(in, 0, (int64_t)size - 1);
	if (in->bad || (size_t)(in->end - in->p) < n) {
		in->bad = true;
		n = 0;
	}
	memcpy(out, in->p, n);
	out[n] = 0;
	in->p += n;
}

/* ---- one meter -------------------------------------------------------------------------------------------------------------------- */

static void put_read(struct buf *b, const struct read *r, const struct read *before)
{
	put(b, r->wall_ms - before->wall_ms);
	put(b, r->boot_ms - before->boot_ms);
	put(b, (int64_t)((uint64_t)r->value - (uint64_t)before->value));
	put(b, r->session);
	put(b, r->reason | r->has_value << 8 | r->synced << 9);
}

static struct read get_read(struct in *in, const struct read *before)
{
	struct read r = { 0 };
	int64_t wall = get(in), boot = get(in);
	in->bad |= __builtin_add_overflow(wall, before->wall_ms, &r.wall_ms) || r.wall_ms < -time_bound || r.wall_ms > time_bound;
	in->bad |= __builtin_add_overflow(boot, before->boot_ms, &r.boot_ms) || r.boot_ms < -time_bound || r.boot_ms > time_bound;
	r.value = (int64_t)((uint64_t)get(in) + (uint64_t)before->value);
	r.session = (uint32_t)get_in(in, 0, UINT32_MAX);
	int64_t bits = get_in(in, 0, 0x3ff);
	r.reason = (uint8_t)(bits & 0xff);
	in->bad |= r.reason >= REASON_N;
	r.has_value = bits >> 8 & 1;
	r.synced = bits >> 9 & 1;
	if (in->bad)
		r = (struct read){ 0 };
	return r;
}

static void put_slot(struct buf *b, const struct slot *s)
{
	put(b, s->cumulative_mwh);
	put(b, s->energy_mwh);
	put(b, s->missing_ms);
	put(b, s->substituted_mwh);
	put(b, s->flags | s->class_ << 16 | s->substitute_class << 20);
}

static struct slot get_slot(struct in *in)
{
	struct slot s = { .cumulative_mwh = get(in) };
	s.energy_mwh = get(in);
	s.missing_ms = get_in(in, 0, 86400000);
	s.substituted_mwh = get(in);
	int64_t bits = get_in(in, 0, 0xffffff);
	s.flags = (uint16_t)bits;
	s.class_ = (uint8_t)(bits >> 16 & 15);
	s.substitute_class = (uint8_t)(bits >> 20 & 15);
	in->bad |= s.class_ >= CLASS_COUNT || s.substitute_class >= CLASS_COUNT;
	return s;
}

static int64_t *scale_words(struct scale *s, size_t i)
{
	int64_t *const words[] = { &s->num, &s->den, &s->parts, &s->count_num, &s->count_den, &s->fraction, &s->modulus, &s->p_max_mw };
	return i < countof(words) ? words[i] : NULL;
}

static void put_meter(const struct ledger *l, const struct meter_fold *m, struct buf *b)
{
	static const struct read zero;
	struct scale scale = m->scale;
	put_text(b, m->meter->id);
	for (size_t i = 0; scale_words(&scale, i); i++)
		put(b, *scale_words(&scale, i));
	put(b, scale.net);
	put(b, m->in_epoch);
	put(b, meter_edge(m));
	put(b, m->level.mwh);
	put(b, m->level.rest);
	put(b, m->level.den);
	put(b, m->has_last);
	put_read(b, &m->last, &zero);
	put_read(b, &m->change, &m->last);
	put(b, m->run);
	put(b, m->n_pending);
	put(b, m->pending_step);
	for (uint32_t i = 0; i < m->n_pending; i++)
		put_read(b, &m->pending[i], &m->last);
	put(b, m->n_recent);
	for (size_t i = 0; i < countof(m->recent); i++) {
		put(b, m->recent[i].wall_ms);
		put(b, m->recent[i].value);
	}
	put(b, m->seen_ms);
	put(b, m->done_ms);
	put(b, m->next);
	put(b, m->boundary_mwh);
	put(b, m->missing_ms);
	put(b, m->distributed | m->flags << 1);
	put(b, m->cause);
	put(b, m->late);
	put(b, m->late_from_ms);
	put(b, m->late_to_ms);
	put(b, m->conflict_n);
	put(b, m->conflict_ms);
	put(b, (int64_t)m->integral);
	put(b, m->mismatches);
	for (int64_t k = l->next; l->fixed && k < m->next; k++)
		put_slot(b, slot_at(l, meter_index(l, m), k));
	put(b, m->len);
	struct read before = m->last;
	for (uint32_t i = 0; i < m->len; i++) {
		const struct read *r = &m->queue[(m->head + i) & (m->room - 1)];
		put_read(b, r, &before);
		before = *r;
	}
	put(b, m->power != NULL);
	for (size_t i = 0; m->power && i < POWER_BUCKETS; i++) {
		put(b, m->power[i].n ? m->power[i].interval : -1);
		put(b, m->power[i].min_mw);
		put(b, m->power[i].max_mw);
	}
	put(b, m->profile != NULL);
	for (size_t i = 0; m->profile && i < HOURS_A_WEEK; i++) {
		put(b, m->profile[i].n);
		if (!m->profile[i].n)
			continue;
		put(b, m->profile[i].week);
		put(b, m->profile[i].mwh);
	}
}

static bool get_profile(struct meter_fold *m, struct in *in)
{
	if (!get_in(in, 0, 1))
		return true;
	m->profile = calloc(HOURS_A_WEEK, sizeof *m->profile);
	for (size_t i = 0; m->profile && i < HOURS_A_WEEK; i++) {
		struct profile_hour *h = &m->profile[i];
		h->n = (uint16_t)get_in(in, 0, 4);
		if (!h->n)
			continue;
		h->week = (uint16_t)get_in(in, 0, UINT16_MAX);
		h->mwh = get(in);
	}
	return m->profile != NULL;
}

static bool get_queue(struct meter_fold *m, struct in *in)
{
	uint32_t n = (uint32_t)get_in(in, 0, MAX_QUEUE), room = 4;
	struct read before = m->last;
	while (room < n)
		room *= 2;
	if (in->bad || !n)
		return true;
	if ((size_t)(in->end - in->p) / 5 < n) {        /* a reading takes five bytes at least */
		in->bad = true;
		return true;
	}
	if (!(m->queue = calloc(room, sizeof *m->queue)))
		return false;
	m->room = room;
	for (; m->len < n && !in->bad; m->len++) {
		struct read r = get_read(in, &before);
		in->bad |= m->len && read_order(&m->queue[m->len - 1], &r) >= 0;
		before = m->queue[m->len] = r;
	}
	return true;
}

static bool get_power(struct meter_fold *m, struct in *in)
{
	if (!get_in(in, 0, 1))
		return true;
	m->power = calloc(POWER_BUCKETS, sizeof *m->power);
	for (size_t i = 0; m->power && i < POWER_BUCKETS; i++) {
		struct power_bucket *b = &m->power[i];
		b->interval = get(in);
		b->min_mw = get(in);
		b->max_mw = get(in);
		b->n = b->interval != -1;
	}
	return m->power != NULL;
}

/* The state of a meter as saved, into a scratch meter; what it is used for is decided afterwards. */
static bool get_meter(const struct ledger *l, struct meter_fold *m, int64_t *edge_ms, struct slot *slots, struct in *in)
{
	static const struct read zero;
	for (size_t i = 0; scale_words(&m->scale, i); i++)
		*scale_words(&m->scale, i) = get_in(in, i < 6 ? 1 : 0, INT64_MAX);
	m->scale.net = get_in(in, 0, 1);
	m->in_epoch = get_in(in, 0, 1);
	*edge_ms = get_time(in);
	m->level.mwh = get_in(in, -(INT64_C(1) << 57), INT64_C(1) << 57);
	m->level.rest = get(in);
	m->level.den = get_in(in, 1, INT64_C(1) << 40);
	in->bad |= m->level.rest < 0 || m->level.rest >= m->level.den;
	m->has_last = get_in(in, 0, 1);
	m->last = get_read(in, &zero);
	m->change = get_read(in, &m->last);
	m->run = (uint32_t)get_in(in, 0, UINT32_MAX);
	m->n_pending = (uint32_t)get_in(in, 0, LOOK_AHEAD);
	m->pending_step = (enum step)get_in(in, 0, STEP_N - 1);
	for (uint32_t i = 0; i < m->n_pending; i++)
		m->pending[i] = get_read(in, &m->last);
	m->n_recent = (uint32_t)get_in(in, 0, UINT32_MAX);
	for (size_t i = 0; i < countof(m->recent); i++) {
		m->recent[i].wall_ms = get_time(in);
		m->recent[i].value = get(in);
	}
	m->seen_ms = get_time(in);
	m->done_ms = get_time(in);
	m->next = get_in(in, -time_bound, time_bound);
	m->boundary_mwh = get(in);
	m->missing_ms = get_in(in, 0, 86400000);
	int64_t bits = get_in(in, 0, 0x1ffff);
	m->distributed = bits & 1;
	m->flags = (uint16_t)(bits >> 1);
	m->cause = (uint8_t)get_in(in, 0, REASON_N - 1);
	m->late = (uint32_t)get_in(in, 0, UINT32_MAX);
	m->late_from_ms = get_time(in);
	m->late_to_ms = get_time(in);
	m->conflict_n = (uint32_t)get_in(in, 0, UINT32_MAX);
	m->conflict_ms = get(in);
	m->integral = get(in);
	m->mismatches = (uint32_t)get_in(in, 0, UINT32_MAX);
	in->bad |= l->fixed && (m->next < l->next || m->next - l->next > MAX_OPEN || interval_of(l, m->done_ms) != m->next);
	for (int64_t k = l->next; l->fixed && !in->bad && k < m->next; k++)
		slots[k - l->next] = get_slot(in);
	return get_queue(m, in) && get_power(m, in) && (in->old || get_profile(m, in));
}

/* ---- the site -------------------------------------------------------------------------------------------------------------------- */

static void put_event(const struct ledger *l, const struct queued_event *q, struct buf *b)
{
	CLEANUP(buf_done) struct buf leaf = { 0 };
	event_leaf(l->site, &q->ev, &leaf);
	put(b, q->interval);
	put(b, (int64_t)q->seq);
	put_text(b, leaf.data ? leaf.data : "");
}

static bool get_event(struct ledger *l, struct in *in, struct err *err)
{
	int64_t interval = get(in), seq = get(in);
	char leaf[2048];
	struct ledger_event ev;
	get_text(in, leaf, sizeof leaf);
	if (in->bad)
		return true;
	if (!event_of_leaf(l->site, leaf, strlen(leaf), &ev, err))
		return false;
	/* corrections of a meter that is no more change no sum */
	if (ev.kind == EVENT_CORRECTION && (ev.meter == UINT32_MAX || ev.curve.class_ >= CLASS_COUNT))
		return true;
	struct ledger_event *out = ledger_event_new(l, ev.kind, ev.meter, interval, 0, 0);
	if (!out)
		return err_memory(err);
	*out = ev;
	l->events[l->n_events - 1].interval = interval;
	l->events[l->n_events - 1].seq = (uint64_t)seq;
	l->event_seq--;         /* it has its number already */
	return true;
}

/* Which register a meter's energy is read from: 32 bits of its name (FNV-1a), to know it again. */
static int64_t register_sum(const struct meter *m)
{
	const char *const parts[] = { m->device ? m->device : "", "/", m->device && m->energy ? m->energy : "" };
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < countof(parts); i++)
		for (const char *p = parts[i]; *p; p++)
			h = (h ^ (unsigned char)*p) * 16777619u;
	return h;
}

void ledger_save(const struct ledger *l, struct buf *out)
{
	buf_add(out, magic, sizeof magic);
	put(out, l->interval_ms);
	put(out, l->begun | l->fixed << 1 | l->has_clock << 2 | l->clock.synced << 3);
	put(out, l->newest_ms);
	put(out, l->begin_ms);
	put(out, l->next);
	put(out, l->sweep_ms);
	put(out, l->total_mwh);
	put(out, l->it_mwh);
	put(out, l->clock.wall.ms);
	put(out, l->clock.boot.ms);
	put(out, l->clock.session);
	put(out, (int64_t)l->event_seq);
	put(out, l->n_rows);
	for (uint32_t k = 0; k < l->n_rows; k++)
		put_meter(l, &l->meters[l->rows[k]], out);
	put(out, (int64_t)l->n_steps);
	for (size_t i = 0; i < l->n_steps; i++) {
		put(out, l->steps[i].from_ms);
		put(out, l->steps[i].to_ms);
	}
	put(out, (int64_t)l->n_sessions);
	for (size_t i = 0; i < l->n_sessions; i++) {
		put(out, l->sessions[i].session);
		put(out, l->sessions[i].first_ms);
		put(out, l->sessions[i].last_ms);
		put(out, l->sessions[i].told);
	}
	put(out, (int64_t)(l->n_segments - l->first_segment));
	for (size_t i = l->first_segment; i < l->n_segments; i++) {
		put_text(out, site_meters(l->site)[l->segments[i].meter].id);
		put(out, l->segments[i].from_ms);
		put(out, l->segments[i].to_ms);
	}
	put(out, (int64_t)l->n_events);
	for (size_t i = 0; i < l->n_events; i++)
		put_event(l, &l->events[i], out);
	CLEANUP(buf_done) struct buf watch = { 0 };
	watch_save(l->watch, &watch);
	put(out, (int64_t)watch.len);
	buf_add(out, watch.data, watch.len);
	out->failed |= watch.failed;
	for (uint32_t k = 0; k < l->n_rows; k++) {
		const struct meter *m = l->meters[l->rows[k]].meter;
		put_text(out, m->id);
		put(out, register_sum(m));
	}
}

/* Same meter, same worth of a count: it goes on.  Another worth: the old epoch ends with its last reading. */
static bool same_scale(const struct scale *a, const struct scale *b)
{
	return (__int128)a->num * b->den == (__int128)b->num * a->den && (__int128)a->count_num * b->count_den == (__int128)b->count_num * a->count_den &&
	       a->fraction == b->fraction && a->modulus == b->modulus && a->p_max_mw == b->p_max_mw && a->net == b->net;
}

/* What was read by the old register says nothing about the new one. */
static void begin_anew(struct ledger *l, struct meter_fold *m, uint32_t index, bool had_last)
{
	m->has_last = false;
	m->n_pending = 0;
	free(m->queue);
	m->queue = NULL;
	m->head = m->len = m->room = 0;
	struct ledger_event *ev = had_last ? ledger_event_new(l, EVENT_EPOCH, index, m->next, m->last.wall_ms, m->done_ms) : NULL;
	if (ev)
		snprintf(ev->reason, sizeof ev->reason, "the configuration of this meter changed: its curve begins anew with the next reading");
	m->flags |= INTERVAL_EPOCH_CHANGE;
}

/* Puts a saved meter into the ledger: what did not change goes on; where the worth of a count changed, or the register, the
 * curve ends and begins anew with the next reading. */
static void adopt(struct ledger *l, struct meter_fold *m, struct meter_fold *saved, int64_t edge_ms)
{
	struct scale was = saved->scale;
	bool was_in = saved->in_epoch, had_last = saved->has_last;
	saved->meter = m->meter;
	saved->wiring = m->wiring;
	saved->poll_ms = m->poll_ms;
	saved->silence_ms = m->silence_ms;
	saved->total_sign = m->total_sign;
	saved->it_sign = m->it_sign;
	saved->same_energy = m->same_energy;
	saved->same_power = m->same_power;
	saved->power_only = m->power_only;
	meter_enter(saved, was_in, edge_ms);
	if (saved->in_epoch == was_in && (!was_in || same_scale(&was, &saved->scale)) && saved->level.den % saved->scale.den == 0) {
		saved->scale.parts = saved->scale.num * (saved->level.den / saved->scale.den);
	} else {
		level_rebase(&saved->level, saved->scale.den);
		saved->scale.parts = saved->scale.num * (saved->level.den / saved->scale.den);
		begin_anew(l, saved, meter_index(l, m), had_last);
	}
	*m = *saved;
}

static bool place_slots(struct ledger *l, const struct meter_fold *m, const struct slot *slots)
{
	while (m->next - l->next > (int64_t)l->slot_room)
		if (!ledger_slots_grow(l))
			return false;
	for (int64_t k = l->next; k < m->next; k++)
		*slot_at(l, meter_index(l, m), k) = slots[k - l->next];
	return true;
}

static struct meter_fold *meter_named(struct ledger *l, const char *id, size_t hint)
{
	for (size_t i = 0; i < l->n; i++) {
		struct meter_fold *m = &l->meters[(hint + i) % l->n];
		if (strcmp(m->meter->id, id) == 0)
			return m;
	}
	return NULL;
}

static bool get_meters(struct ledger *l, struct in *in, struct err *err)
{
	int64_t n = get_in(in, 0, MAX_LIST);
	struct slot *slots = malloc(MAX_OPEN * sizeof *slots);
	bool *seen = calloc(l->n + 1, sizeof *seen), memory = slots && seen;
	for (int64_t i = 0; i < n && !in->bad && memory; i++) {
		struct meter_fold saved = { .cap_dt = -1 };
		int64_t edge = 0;
		char id[80];
		get_text(in, id, sizeof id);
		memory = get_meter(l, &saved, &edge, slots, in);
		struct meter_fold *m = in->bad || !memory ? NULL : meter_named(l, id, (size_t)i);
		if (m && !seen[m - l->meters]) {
			seen[m - l->meters] = true;
			adopt(l, m, &saved, edge);
			memory = !l->fixed || place_slots(l, m, slots);
		} else {
			free(saved.queue);
			free(saved.power);
			free(saved.profile);
		}
	}
	for (size_t i = 0; i < l->n && l->fixed; i++) {
		struct meter_fold *m = &l->meters[i];
		if (seen && !seen[i]) {          /* new since then */
			m->next = l->next;
			m->done_ms = interval_end(l, l->next) - l->interval_ms;
		}
	}
	free(slots);
	free(seen);
	return memory || err_memory(err);
}

/* A meter that is wired to another register now: two registers with one scale are still two. */
static void get_registers(struct ledger *l, struct in *in)
{
	for (size_t hint = 0; in->p < in->end && !in->bad; hint++) {
		char id[80];
		get_text(in, id, sizeof id);
		int64_t sum = get_in(in, 0, UINT32_MAX);
		struct meter_fold *m = in->bad ? NULL : meter_named(l, id, hint);
		if (m && m->has_last && sum != register_sum(m->meter))
			begin_anew(l, m, meter_index(l, m), true);
	}
}

/* `count` records of `size` bytes; NULL when there are none. */
static void *list(struct in *in, size_t size, size_t *count, bool *memory)
{
	int64_t n = get_in(in, 0, MAX_LIST);
	*count = 0;
	in->bad |= n > in->end - in->p;
	if (in->bad || !n)
		return NULL;
	void *p = calloc((size_t)n, size);
	*memory &= p != NULL;
	*count = p ? (size_t)n : 0;
	return p;
}

static bool get_lists(struct ledger *l, struct in *in, struct err *err)
{
	bool memory = true;
	l->steps = list(in, sizeof *l->steps, &l->n_steps, &memory);
	for (size_t i = 0; i < l->n_steps; i++) {
		l->steps[i].from_ms = get_time(in);
		l->steps[i].to_ms = get_time(in);
	}
	l->sessions = list(in, sizeof *l->sessions, &l->n_sessions, &memory);
	for (size_t i = 0; i < l->n_sessions; i++) {
		l->sessions[i].session = (uint32_t)get_in(in, 0, UINT32_MAX);
		l->sessions[i].first_ms = get_time(in);
		l->sessions[i].last_ms = get_time(in);
		l->sessions[i].told = get_in(in, 0, 1);
	}
	int64_t n = get_in(in, 0, MAX_LIST);
	for (int64_t i = 0; i < n && !in->bad; i++) {
		char id[80];
		get_text(in, id, sizeof id);
		int64_t from = get_time(in), to = get_time(in);
		in->bad |= to - from > MAX_INTERVAL_MS;
		const struct meter_fold *m = in->bad ? NULL : meter_named(l, id, 0);
		/* saved with intervals of another length: cut at the boundaries of these */
		for (int64_t stop; m && from < to; from = stop) {
			int64_t end = interval_end(l, interval_of(l, from));
			stop = end < to ? end : to;
			ledger_missing(l, m, from, stop);
		}
	}
	n = get_in(in, 0, MAX_LIST);
	for (int64_t i = 0; i < n && !in->bad; i++)
		if (!get_event(l, in, err))
			return false;
	if (!in->unwatched) {
		int64_t len = get_in(in, 0, in->end - in->p);
		if (in->bad || len > in->end - in->p || !watch_load(l->watch, in->p, (size_t)len))
			in->bad = true;
		else
			in->p += len;
	}
	get_registers(l, in);           /* checkpoints of before have none */
	return memory || err_memory(err);
}

static void get_head(struct ledger *l, struct in *in)
{
	int64_t bits = get_in(in, 0, 15);
	l->begun = bits & 1;
	l->fixed = bits >> 1 & 1;
	l->has_clock = bits >> 2 & 1;
	l->clock.synced = bits >> 3 & 1;
	l->newest_ms = get_time(in);
	l->begin_ms = get_time(in);
	l->next = get_in(in, -time_bound, time_bound);
	l->sweep_ms = get_time(in);
	l->total_mwh = get(in);
	l->it_mwh = get(in);
	l->clock.wall.ms = get_time(in);
	l->clock.boot.ms = get_time(in);
	l->clock.session = (uint32_t)get_in(in, 0, UINT32_MAX);
	l->event_seq = (uint64_t)get(in);
}

bool ledger_load(struct ledger *l, const void *bytes, size_t len, struct err *err)
{
	struct in in = { bytes, (const uint8_t *)bytes + len, false, false, false };
	in.old = len >= sizeof magic && memcmp(bytes, magic_before, sizeof magic) == 0;
	in.unwatched = in.old || (len >= sizeof magic && memcmp(bytes, magic_unwatched, sizeof magic) == 0);
	if (!in.unwatched && (len < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0))
		return err_set(err, ERR_EVIDENCE, "checkpoint: not one of this program's; fold the journal from its beginning");
	in.p += sizeof magic;
	struct ledger *fresh = ledger_new(l->site, l->wiring, err);
	if (!fresh)
		return false;
	int64_t interval_ms = get(&in);
	get_head(fresh, &in);
	bool good = in.bad || interval_ms != fresh->interval_ms || (get_meters(fresh, &in, err) && get_lists(fresh, &in, err));
	if (good && interval_ms != fresh->interval_ms)
		good = err_set(err, ERR_EVIDENCE, "checkpoint: its intervals are of another length; fold the journal from its beginning");
	else if (good && (in.bad || in.p != in.end))
		good = err_set(err, ERR_EVIDENCE, "checkpoint: damaged at byte %zu of %zu", (size_t)(in.p - (const uint8_t *)bytes), len);
	if (good && fresh->failed)
		good = err_memory(err);
	if (good) {
		struct ledger swap = *l;
		*l = *fresh;
		*fresh = swap;
	}
	ledger_free(fresh);
	return good;
}
