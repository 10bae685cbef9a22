/* agent/clock.h - the one place that reads the clocks.  A simulated site has a clock of its own: the real one plus a constant. */
#ifndef AGENT_CLOCK_H
#define AGENT_CLOCK_H

#include "collectors/collector.h"

struct clock {
	int64_t offset_ms;      /* 0 on a real site */
	uint32_t session;       /* of this run, from the store */
	bool simulated;         /* the site's clock is the simulator's: synchronised with it by construction */
	/* adjtimex(2) is asked once a second, not once a reading */
	struct mono checked;
	bool synced;
};

/* Of the loop thread alone: it remembers whether the clock was synchronised. */
struct stamp clock_now(void *clock);
/* Of any thread. */
struct wall clock_wall(void *clock);
/* Offset of the wall clock from its reference as the kernel knows it; false when there is none (not synchronised, simulated). */
bool clock_offset(void *clock, int64_t *us);
static inline struct clock_ops clock_ops_of(struct clock *c) { return (struct clock_ops){ .now = clock_now, .ctx = c }; }

#endif
