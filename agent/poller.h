/* agent/poller.h - the life of the devices: attach -> identify or check identity -> discover -> poll by plan -> decode -> samples.
 *
 * Clock and collectors are parameters, so that days of it run in virtual time in a test.  All calls and callbacks on the
 * loop thread.  A device that does not answer delays no other; its points give missing samples with their reason. */
#ifndef AGENT_POLLER_H
#define AGENT_POLLER_H

#include "collectors/collector.h"
#include "core/bind.h"
#include "core/plan.h"

struct poller;
struct poller_sink {
	/* The device's points are known (first time, or again after a change): the run's number of point i.  Called once a point. */
	uint32_t (*series)(void *ctx, size_t device, const struct bound *bound, size_t point);
	/* The samples of one tick (10 ms), of all devices, in parts when they are very many; series are the numbers given above. */
	void (*samples)(void *ctx, const struct sample *samples, size_t n, struct stamp now);
	/* Dead, back, breaker, identity changed, limit learnt, overrun: one sentence a change.  May be NULL. */
	void (*event)(void *ctx, size_t device, const char *kind, const char *sentence, struct stamp now);
	void *ctx;
	/* Request limits that a device taught (plan_limits_text()): to be kept, and asked for again after a restart.  May be NULL. */
	void (*learnt)(void *ctx, size_t device, const char *limits);
	const char *(*limits)(void *ctx, size_t device);
};
struct poller_options {
	sd_event *loop;                      /* NULL in virtual time: then poller_tick() is called by the test */
	struct clock_ops clock;
	const struct collector_ops *const *collectors;
	struct library *library;             /* borrowed; devices keep references of their own to what they use */
	const struct site *site;             /* its devices, in site order; borrowed */
	const char *(*secret)(void *ctx, const char *name);
	struct poller_sink sink;
	void *ctx;                           /* of secret */
	uint64_t seed;                       /* phases and jitter */
};
struct poller *poller_new(const struct poller_options *o, struct err *err);
void poller_free(struct poller *p);
void poller_tick(struct poller *p, struct stamp now);
struct mono poller_next(const struct poller *p);     /* when poller_tick() is wanted at the latest */
/* Applies the difference: an untouched device keeps its connection and its phase and misses no poll.  Touched is whose address,
 * credential, profile (its text, too) or overrides differ; another period alone keeps the connection.  The old site may be freed
 * afterwards, and the caller's reference to the old library.  False, out of memory: devices may be missing; end the program. */
struct poller_change { size_t kept, added, removed; };       /* an altered device is removed and added */
bool poller_reload(struct poller *p, const struct site *site, struct library *library, struct poller_change *out, struct err *err) MUST_USE;

/* A device at this address (16 bytes, IPv4 as ::ffff:a.b.c.d) said that something happened: it is polled once more, at most once in
 * ten seconds.  Returns how many devices that were. */
size_t poller_hint(struct poller *p, const uint8_t address[16], struct stamp now);

struct poller_device {
	const char *id, *profile, *endpoint;             /* live until the next tick */
	const char *state;                               /* "starting", "up", "late", "down": for ever */
	struct target_stats stats;
	uint64_t polls, good, failures, timeouts, late;
	int64_t latency_us, bus_time_us;
	struct wall last_good;               /* ms 0: never */
	const char *error;                   /* last sentence; NULL none */
	const struct bound *bound;           /* NULL before discovery */
	const char *breaker;                 /* "closed", "half-open", "open" */
	int64_t next_ms;                     /* boot time of the next poll or trial */
};
size_t poller_count(const struct poller *p);
void poller_device(const struct poller *p, size_t i, struct poller_device *out);
enum { POLLER_BUCKETS = 9 };             /* poll times; upper bounds poll_bucket_us of publish/snapshot.h, then the rest */
void poller_times(const struct poller *p, uint64_t counts[POLLER_BUCKETS], int64_t *sum_us);

#endif
