/* agent/life.h - inside the poller: one device's life, a cycle at a time.
 *
 * A cycle goes through stages as far as it gets: identify (no profile given), discover (what the device has), poll.  It asks one
 * request at a time; life_answer() takes what came and asks the next; when nothing is left the poller hears life_over. */
#ifndef AGENT_LIFE_H
#define AGENT_LIFE_H

#include "agent/poller.h"
#include "core/decode.h"
#include "core/sched.h"
#include "core/site.h"

/* Devices of one model share what is equal: points and plan. */
struct shared { struct bound *bound; struct plan *plan; struct checks *checks; size_t refs; struct shared *next; };

enum stage { STAGE_IDENTIFY, STAGE_DISCOVER, STAGE_POLL };

struct life {
	struct poller *p;
	size_t index;                        /* in the site */
	char *id, *endpoint_text, *key;      /* key: everything that makes it another device when it changes */
	struct endpoint *ep;                 /* until it is attached */
	char *bus;                           /* until it is scheduled */
	unsigned slots;                      /* of the bus */
	bool snmp;
	int64_t deadline_ms, retries, period_ms;
	struct point_override *overrides;    /* its own: the site may go while a discovery runs */
	size_t n_overrides;
	const struct collector_ops *ops;     /* NULL: the endpoint is wrong; `error` says why */
	void *collector;
	struct target *target;
	uint32_t unit;                       /* of the scheduler; UINT32_MAX none */

	const struct profile *profile;       /* NULL until identified */
	struct library *library;             /* profile's, kept */
	bool auto_profile;
	struct identify *identify;
	struct discover *discover;
	struct shared *shared;
	struct plan *own_plan;               /* after a lesson; else the shared one */
	struct plan_limits limits;
	bool lesson;                         /* make a new plan when the cycle is over */
	uint32_t *series;                    /* number of each point */
	struct sample *held;                 /* a cycle's values by point, until they are judged together; NULL: nothing asks for that */
	unsigned plausible;                  /* cycles in a row without a finding */
	bool implausible;                    /* told */
	bool rescaled;                       /* in this cycle it told another scale or unit than at discovery */
	char *serial, *model, *firmware;     /* NULL: it did not say */

	enum stage stage;
	bool running, was_down, surveyed;   /* surveyed: identified or discovered in this cycle */
	uint32_t at;                         /* request of the plan */
	int64_t tries_left;
	unsigned answered, silent;           /* requests of this cycle */
	struct asked { int64_t ms, wire_ms; uint32_t at; unsigned tries; } open, slowest;   /* of the plan's requests in this cycle: from asking to its end */
	struct mono asked;                   /* the open one */
	struct mono begun, cycle_end, hold, recheck_at;   /* hold: not identified again before; recheck_at: discovered again */
	enum reason reason;                  /* of the last failure in this cycle */

	uint64_t polls, good, failures, timeouts;
	int64_t latency_us, cycle_us;
	struct wall last_good;
	struct mono overrun_told, hinted;
	const char *state;                   /* a literal */
	char *error;                         /* NULL: none */
};

/* Fills in what the site says; on a wrong endpoint `error` is set and the life never begins a cycle. */
struct life *life_new(struct poller *p, size_t index, const struct device *d);
void life_free(struct life *l);
char *life_key(struct poller *p, const struct device *d);
/* Would a life made now from this library read the device in the same way? */
bool life_fits(const struct life *l, const struct library *library);

/* The points as they were bound go, with their series and plan: others come, or the end. */
void life_drop_points(struct life *l);
/* Takes the bound: goes on with it, or with the one it has when both are equal; what changed is told. */
bool life_take_bound(struct life *l, struct bound *bound, struct stamp now, struct err *err) MUST_USE;

void life_begin(struct life *l, struct stamp now, bool trial);
void life_answer(struct life *l, const struct reading *r);

const struct plan *life_plan(const struct life *l);
void life_error(struct life *l, const char *sentence);       /* its first line is kept; NULL: none */

/* poller.c, for life.c */
void poller_ask(struct life *l, const struct request *req, struct stamp now);
void poller_over(struct life *l, enum cycle result, struct stamp now);
void poller_take(struct life *l, const struct reading *r);              /* decodes into the tick's samples */
void poller_settle(struct life *l, struct stamp now);                   /* the cycle's values are together: checked, then samples too */
void poller_take_missing(struct life *l, uint32_t from, enum reason why, struct stamp now);     /* requests from..n-1 of the plan */
void poller_event(struct life *l, const char *kind, struct stamp now, const char *fmt, ...) PRINTF(4, 5);
struct library *poller_library(const struct poller *p);
const char *poller_secret(struct poller *p, const char *name);           /* NULL: none of this name */
/* Takes the bound; NULL: out of memory. */
struct shared *poller_share(struct poller *p, struct bound *bound, struct err *err);
void poller_unshare(struct poller *p, struct shared *s);
bool poller_series(struct life *l);                                      /* numbers for l->shared->bound */
const char *poller_limits(const struct life *l);                         /* learnt before a restart; NULL none */
void poller_learnt(struct life *l);

#endif
