/* core/sched.h - when each unit is polled: phases, turns on a shared bus, circuit breakers.  Time is an argument.
 *
 * A unit is a device with a period.  Units behind one gateway or line share a bus; a bus serves `slots` units at a time, in
 * the order they became due.  Starts are spread over the period, so that thousands of units are an even load; times are
 * rounded up to the 10 ms tick, so that what is due is released together.
 *
 * Breaker of a unit (requirements.md R1, R2): after `open_after` cycles without any answer it opens; an open unit is tried
 * once per `trial_ms` (doubling up to `trial_max_ms`, plus up to a quarter of seeded jitter), and trials take at most 5 % of
 * a bus's time, so that the dead cost the living nothing.  A good trial closes it and the unit is polled on.
 * Pure: every function is the same for the same calls. */
#ifndef CORE_SCHED_H
#define CORE_SCHED_H

#include "core/wheel.h"

struct sched_options {
	uint64_t seed;
	unsigned open_after;                   /* 0: 3 */
	int64_t trial_ms, trial_max_ms;        /* 0: 60 s, 120 s */
};

enum breaker { BREAKER_CLOSED, BREAKER_HALF_OPEN, BREAKER_OPEN };
extern const char *const breaker_names[];

/* How a cycle ended: ANSWERED when the device said anything, a refusal included; SILENT when nothing came back. */
enum cycle { CYCLE_ANSWERED, CYCLE_SILENT };

struct sched;
struct sched *sched_new(struct sched_options o, struct mono now);
void sched_free(struct sched *s);

/* Adds a unit on the bus with this key (made when new; `slots` of the first unit holds).  The first cycle begins within a
 * second (2000 units a second when more are added together), later ones at the unit's own phase.  Returns its number, stable until sched_remove(); UINT32_MAX: out of memory. */
uint32_t sched_add(struct sched *s, const char *bus, unsigned slots, int64_t period_ms, struct mono now);
/* A cycle that is under way ends with it. */
void sched_remove(struct sched *s, uint32_t unit);
/* Phase is kept when the period stays. */
void sched_period(struct sched *s, uint32_t unit, int64_t period_ms, struct mono now);

/* One cycle more, now, off the beat; the beats stay.  False: one is under way or waits its turn, the next is that near, or the breaker is open. */
bool sched_early(struct sched *s, uint32_t unit, struct mono now);

/* Takes the next unit whose cycle begins now; false when none is left at this time.  *trial: an open breaker's single try. */
bool sched_begin(struct sched *s, struct mono now, uint32_t *unit, bool *trial);
/* Every begun cycle ends exactly once. */
void sched_end(struct sched *s, uint32_t unit, enum cycle result, struct mono now);
/* When sched_begin() should be asked again; INT64_MAX: nothing to do. */
struct mono sched_next(const struct sched *s);

struct sched_state {
	enum breaker breaker;
	unsigned silent;                       /* cycles in a row */
	struct mono next;                      /* of the next cycle or trial */
	uint64_t cycles, late, trials;         /* late: beats of the period that passed without a start */
	int64_t delay_ms, delay_max_ms;        /* of the last start behind its due time; the largest one */
	bool running;
};
void sched_state(const struct sched *s, uint32_t unit, struct sched_state *out);

#endif
