/* agent/gather.h - a window with its events, from the store's evidence or from a recording: what `pue` and `racks` look at. */
#ifndef AGENT_GATHER_H
#define AGENT_GATHER_H

#include "agent/ctl.h"
#include "agent/setup.h"
#include "store/store.h"

struct gather {
	struct setup setup;
	struct window *window;
	struct ledger_event *events;    /* that touch the window, in order */
	size_t n_events, room;
	struct wall from, to;
	bool whole;                     /* no period asked: the window grows with what comes */
	struct err err;                 /* first failure of a callback */
};
struct gather_options {
	const char *config, *state_dir;         /* NULL: /etc/pued/pued.yaml, the configuration's */
	const char *recording;                  /* fold this instead of reading the store; "-" standard input */
	int64_t step_ms;                        /* how far apart the recording's readings are; 0: as it or the configuration says */
	const char *from, *to;                  /* local days, inclusive; NULL: see gather_make */
};
extern const struct ctl_option gather_rows[];           /* --config, --state, --recording, --step, --from, --to */
/* Without a period: a recording as a whole; of a store the twelve months that end with the last whole local day, or what there is. */
bool gather_make(const struct gather_options *o, struct gather *out, struct err *err) MUST_USE;
void gather_done(struct gather *g);

#endif
