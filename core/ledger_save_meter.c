/* One meter in the checkpoint: its scale, its readings that are not folded yet, its slots. */
#include "core/ledger_saved.h"

#include <stdlib.h>

enum { MAX_QUEUE = 1 << 20 };

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

void saved_meter_put(const struct ledger *l, const struct meter_fold *m, struct buf *b)
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
	put(b, m->broken.is | m->outside << 1);
	if (m->broken.is) {
		put_read(b, &m->broken.from, &m->last);
		put_read(b, &m->broken.to, &m->broken.from);
	}
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
	put(b, m->power ? POWER_BUCKETS : 0);
	for (size_t i = 0; m->power && i < POWER_BUCKETS; i++) {
		put(b, m->power[i].used ? (int64_t)m->power[i].interval : -1);
		put(b, m->power[i].min_mw);
		put(b, m->power[i].max_mw);
	}
	put(b, m->profile != NULL);
	for (size_t i = 0; m->profile && i < HOURS_A_WEEK; i++) {
		struct profile_hour h = hour_of(m->profile[i]);
		put(b, h.n);
		if (!h.n)
			continue;
		put(b, h.week);
		put(b, h.mwh);
	}
}

static bool get_profile(struct meter_fold *m, struct in *in)
{
	if (!get_in(in, 0, 1))
		return true;
	m->profile = calloc(HOURS_A_WEEK, sizeof *m->profile);
	for (size_t i = 0; m->profile && i < HOURS_A_WEEK; i++) {
		struct profile_hour h = { .n = (uint8_t)get_in(in, 0, HOUR_MOST) };
		if (!h.n)
			continue;
		h.week = (uint16_t)get_in(in, 0, UINT16_MAX);
		h.mwh = get_in(in, -hour_mwh_bound, hour_mwh_bound - 1);
		m->profile[i] = hour_pack(h);
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
	enum { ONCE_BUCKETS = 16 };             /* of a checkpoint that says 1 */
	int64_t n = get_in(in, 0, POWER_BUCKETS);
	if (!n)
		return true;
	if (!(m->power = calloc(POWER_BUCKETS, sizeof *m->power)))
		return false;
	for (size_t i = n == 1 ? ONCE_BUCKETS : (size_t)n; i-- > 0;) {
		int64_t interval = get_in(in, -1, UINT32_MAX), min_mw = get(in), max_mw = get(in);
		struct power_bucket *b = &m->power[interval < 0 ? 0 : interval % POWER_BUCKETS];
		if (interval >= 0 && (!b->used || b->interval < interval))
			*b = (struct power_bucket){ .interval = (uint32_t)interval, .min_mw = min_mw, .max_mw = max_mw, .used = true };
	}
	return true;
}

bool saved_meter_get(const struct ledger *l, struct meter_fold *m, int64_t *edge_ms, struct slot *slots, struct in *in)
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
	int64_t broken = in->unbroken ? 0 : get_in(in, 0, 3);
	m->broken.is = broken & 1;
	m->outside = broken >> 1;
	if (m->broken.is) {
		m->broken.from = get_read(in, &m->last);
		m->broken.to = get_read(in, &m->broken.from);
	}
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
	m->next = get_interval(l, in);
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
