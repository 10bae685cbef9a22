/* agent/poller_inner.h - between the files of the poller only. */
#ifndef AGENT_POLLER_INNER_H
#define AGENT_POLLER_INNER_H

#include "agent/life.h"
#include "publish/snapshot.h"

#include <systemd/sd-event.h>

enum { COLLECTORS_MAX = 8, TICK_MS = 10, LATEST_MS = 1000 };

struct poller {
	struct poller_options o;
	struct collector_env env;
	struct { const struct collector_ops *ops; void *self; } started[COLLECTORS_MAX];
	size_t n_started;
	struct sched *sched;
	struct life **lives, **by_unit;      /* site order; scheduler's numbers */
	size_t n, n_units;
	struct shared *shared;
	struct sample *samples;
	size_t n_samples, room;
	sd_event_source *timer, *soon;
	bool running;                        /* inside tick or run: asking needs no wake-up */
	uint64_t times[POLLER_BUCKETS];
	int64_t times_sum_us;
};

enum { NOT_READ = UINT32_MAX };      /* series of a held sample that did not come in this cycle */

struct stamp poller_now(const struct poller *p);
void poller_deliver(struct poller *p, struct stamp now);     /* what is there goes to the sink */
void poller_hold_none(struct life *l);

#endif
