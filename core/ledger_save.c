/* The checkpoint of the fold: a few words a meter, as variable-length integers, so that it is the same bytes on every machine.
 * A checkpoint is trusted no further than its shape: every number is bounded before it is used. */
#include "core/ledger_saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "PUEDLG1", of programs that knew no profiles, and "PUEDLG2", of those that watched no findings,
 * and "PUEDLG3", of those that kept no breaks, are read too. */
static const char magic[8] = "PUEDLG4", magic_before[8] = "PUEDLG1", magic_unwatched[8] = "PUEDLG2", magic_unbroken[8] = "PUEDLG3";
enum { MAX_LIST = 1 << 20, MAX_INTERVAL_MS = 3600000 };

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
		saved_meter_put(l, &l->meters[l->rows[k]], out);
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

/* What was read by the old register says nothing about the new one. */
static void begin_anew(struct ledger *l, struct meter_fold *m, uint32_t index, bool had_last)
{
	m->has_last = m->broken.is = false;
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
	if (saved->in_epoch == was_in && (!was_in || scale_same(&was, &saved->scale)) && saved->level.den % saved->scale.den == 0) {
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
		memory = saved_meter_get(l, &saved, &edge, slots, in);
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
		int64_t from = get_in(in, -time_bound, time_bound), to = get_in(in, -time_bound, time_bound);
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
	l->next = get_interval(l, in);
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
	struct in in = { .p = bytes, .end = (const uint8_t *)bytes + len };
	in.old = len >= sizeof magic && memcmp(bytes, magic_before, sizeof magic) == 0;
	in.unwatched = in.old || (len >= sizeof magic && memcmp(bytes, magic_unwatched, sizeof magic) == 0);
	in.unbroken = in.unwatched || (len >= sizeof magic && memcmp(bytes, magic_unbroken, sizeof magic) == 0);
	if (!in.unbroken && (len < sizeof magic || memcmp(bytes, magic, sizeof magic) != 0))
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
