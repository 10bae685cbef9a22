/* tests/bench/polling.h - the polling benchmarks' one way of measuring: two clients, a reference and ours, asked the same in turn.
 *
 * "Saturated": every device is asked again when its answer is there.  "Paced": every device once a second, what is due released together
 * each tick of 10 ms.  A figure is the CPU time of this process (user and system) for a request and its answer; the devices are a
 * process of their own. */
#ifndef BENCH_POLLING_H
#define BENCH_POLLING_H

#include "tests/bench/bench.h"

struct client {
	void *ctx;
	void (*ask)(void *ctx, size_t first, size_t n);      /* n devices from this one on; sent when it returns */
	void (*wait)(void *ctx, int64_t most_us);            /* takes answers in: once, at most this long */
	void (*tick)(void *ctx);                             /* every 10 ms; NULL: nothing to do */
	size_t *done;                                        /* answers so far */
	bool *again;                                         /* set: an answer asks its device anew */
};

struct poll_case {
	const char *name;
	size_t devices, requests;      /* saturated: that many requests */
	int seconds;                   /* paced, when above 0 */
	double limit;                  /* of ours / reference */
	int rounds;
};

/* Opens the client for `devices` devices and asks each once, so that connections and caches are there. */
struct poll_side { struct client *(*open)(size_t devices); void (*close)(struct client *c); };

/* The rounds of a case, reference and ours in turn: one row with the median of each and of the ratios, and the ratios' range. */
void poll_head(void);
void poll_compare(const struct poll_case *c, struct poll_side reference, struct poll_side ours);

/* ---- our side, for any collector ---- */

/* `endpoint` fills what is different from device to device; each answer must decode to `points` samples, the last of which is `last`. */
struct ours_options {
	const struct collector_ops *ops;
	struct plan *plan;
	size_t points;
	int64_t last;
	void (*endpoint)(size_t device, struct endpoint *out);
};
extern struct ours_options ours_options;
extern const struct poll_side ours_side;

#endif
