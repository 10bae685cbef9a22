#include "core/wheel.h"

#include <string.h>

static int64_t tick_of(struct mono t)
{
	return t.ms >= INT64_MAX - WHEEL_TICK_MS ? INT64_MAX / WHEEL_TICK_MS : (t.ms + WHEEL_TICK_MS - 1) / WHEEL_TICK_MS;
}

static size_t slot_of(int64_t tick)
{
	return (size_t)((uint64_t)tick % WHEEL_SLOTS);
}

void wheel_init(struct wheel *w, struct mono now)
{
	memset(w, 0, sizeof *w);
	w->tick = now.ms / WHEEL_TICK_MS - 1;
}

void wheel_cut(struct wheel *w, struct timer *t)
{
	if (!t->prev)
		return;
	*t->prev = t->next;
	if (t->next)
		t->next->prev = t->prev;
	t->prev = NULL;
	w->n--;
}

void wheel_set(struct wheel *w, struct timer *t, struct mono at)
{
	wheel_cut(w, t);
	int64_t tick = tick_of(at);
	if (tick <= w->tick)
		tick = w->tick + 1;   /* already past: due at the next look */
	size_t slot = slot_of(tick);
	t->at = at;
	t->next = w->slots[slot];
	t->prev = &w->slots[slot];
	if (t->next)
		t->next->prev = &t->next;
	w->slots[slot] = t;
	w->used[slot / 64] |= UINT64_C(1) << (slot % 64);
	w->n++;
}

static struct timer *due_in(struct wheel *w, size_t slot, struct mono now)
{
	for (struct timer *t = w->slots[slot]; t; t = t->next) {
		if (t->at.ms <= now.ms) {
			wheel_cut(w, t);
			return t;
		}
	}
	if (!w->slots[slot])
		w->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	return NULL;
}

/* Distance from `from` to the next slot with its bit set, WHEEL_SLOTS when there is none. */
static int64_t next_used(const struct wheel *w, size_t from)
{
	for (size_t seen = 0; seen < WHEEL_SLOTS + 64;) {
		size_t at = (from + seen) % WHEEL_SLOTS;
		uint64_t bits = w->used[at / 64] >> (at % 64);
		if (bits)
			return (int64_t)seen + __builtin_ctzll(bits);
		seen += 64 - at % 64;
	}
	return WHEEL_SLOTS;
}

struct timer *wheel_due(struct wheel *w, struct mono now)
{
	int64_t last = now.ms / WHEEL_TICK_MS;
	if (last - w->tick > WHEEL_SLOTS)
		w->tick = last - WHEEL_SLOTS;   /* one whole turn sees every slot */
	while (w->tick < last) {
		int64_t skip = w->n ? next_used(w, slot_of(w->tick + 1)) : WHEEL_SLOTS;
		if (skip >= last - w->tick) {
			w->tick = last;
			break;
		}
		struct timer *t = due_in(w, slot_of(w->tick + 1 + skip), now);
		w->tick += skip;
		if (t)
			return t;   /* the same slot again at the next call */
		w->tick++;
	}
	return NULL;
}

struct mono wheel_next(const struct wheel *w)
{
	if (!w->n)
		return (struct mono){ INT64_MAX };
	return (struct mono){ (w->tick + 1 + next_used(w, slot_of(w->tick + 1))) * WHEEL_TICK_MS };
}
