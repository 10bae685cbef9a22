/* core/wheel.h - many deadlines, few of them due: a hashed timer wheel (Varghese and Lauck, 1987, scheme 6) of 10 ms slots.
 *
 * Adding, moving and removing are O(1); wheel_due() looks only at the slots that passed since the last call.  A timer is
 * embedded in what it times; it is in at most one wheel.  Deadlines are rounded up to the slot, never down.  Pure. */
#ifndef CORE_WHEEL_H
#define CORE_WHEEL_H

#include "core/time.h"

enum { WHEEL_TICK_MS = 10, WHEEL_SLOTS = 1024 };

struct timer {
	struct timer *next, **prev;    /* prev NULL: not set */
	struct mono at;
};

struct wheel {
	struct timer *slots[WHEEL_SLOTS];
	uint64_t used[WHEEL_SLOTS / 64];   /* a bit per slot that may hold something */
	int64_t tick;                      /* slots up to and including this one were looked at */
	size_t n;
};

void wheel_init(struct wheel *w, struct mono now);
void wheel_set(struct wheel *w, struct timer *t, struct mono at);      /* adds or moves */
void wheel_cut(struct wheel *w, struct timer *t);                      /* removes; nothing when not set */
static inline bool timer_is_set(const struct timer *t) { return t->prev; }

/* Takes out one timer whose time has come, NULL when none is left; call until NULL. */
struct timer *wheel_due(struct wheel *w, struct mono now);

/* When wheel_due() should be called again: never later than the earliest deadline's slot; INT64_MAX when empty.  May be
 * early (once a turn of the wheel) for deadlines more than a turn away. */
struct mono wheel_next(const struct wheel *w);

#endif
