/* agent/dialog.h - one device asked step by step and waited for, for commands (probe, scan); the daemon has the poller. */
#ifndef AGENT_DIALOG_H
#define AGENT_DIALOG_H

#include "agent/secret.h"
#include "collectors/collector.h"
#include "core/decode.h"

struct dialog;
struct dialog *dialog_new(struct secrets *secrets, struct err *err);
void dialog_free(struct dialog *d);

bool dialog_attach(struct dialog *d, const struct endpoint *ep, struct err *err) MUST_USE;
void dialog_detach(struct dialog *d);

/* Sends and waits; `take` is called once, with the answer or why there is none.  Tried again `retries` times after a time-out. */
void dialog_ask(struct dialog *d, const struct request *req, int64_t timeout_ms, int retries,
		void (*take)(void *ctx, const struct reading *r), void *ctx);

/* What a device is and says now. */
struct probe {
	struct identity identity;
	struct bound *bound;             /* NULL: nothing of the library matches */
	struct plan *plan;
	struct plan_limits limits;       /* learnt on the way */
	struct sample *samples;          /* one a point of the bound, series = point */
	uint16_t *words;                 /* Modbus: up to PROBE_WORDS raw words of each point from its own address; n in n_words */
	uint8_t *n_words;
	int64_t latency_us;
	unsigned answered;               /* polls of the last round that were answered, of plan->n */
	struct buf findings;             /* of the profile's plausibility rules, one a line */
	char why_not[400];               /* a sentence when there is no bound, or no answer to a poll */
};
enum { PROBE_WORDS = 4 };
struct probe_options { const struct library *library; const struct profile *profile; int64_t timeout_ms; int retries; };

/* False when the device cannot be reached at all. */
bool probe_run(struct dialog *d, const struct endpoint *ep, const struct probe_options *o, struct probe *out, struct err *err) MUST_USE;
void probe_done(struct probe *p);

#endif
