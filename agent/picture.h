/* agent/picture.h - the snapshot of the moment, put together from what the loop thread knows and the last judgement. */
#ifndef AGENT_PICTURE_H
#define AGENT_PICTURE_H

#include "agent/clock.h"
#include "agent/device_events.h"
#include "agent/judgement.h"
#include "agent/pipeline.h"
#include "agent/poller.h"
#include "agent/registry.h"
#include "core/live.h"
#include "publish/publish.h"

struct picture_inputs {
	struct setup *setup;                    /* the picture keeps it */
	const struct tree *tree;                /* of the site */
	const struct ledger_wiring *wiring;
	const struct registry *registry;
	const struct poller *poller;            /* NULL while history is folded */
	const struct pipeline *pipeline;
	const struct device_events *device_events;   /* NULL: none yet */
	struct judgement *judgement;            /* NULL: none yet */
	struct store *store;
	struct mqtt *mqtt;                      /* NULL: none */
	struct stamp now;
	struct clock *clock;
	struct wall loaded;                     /* when the configuration was read */
	const char *phase;                      /* "live", or a sentence: "folding history, 2025-03" */
};
/* NULL: out of memory.  Thousands of devices take longer than polls may wait: they can be drawn some at a time before the rest. */
struct snapshot *picture_begin(const struct picture_inputs *in);
void picture_devices(const struct picture_inputs *in, struct snapshot *s, size_t n);    /* the next n, or what is left of them */
struct snapshot *picture_finish(const struct picture_inputs *in, struct snapshot *s);   /* takes s; what is left, and all else */

#endif
