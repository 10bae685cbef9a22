/* core/balance.h - does the electrical tree close?  (domain.md 2.6, 2.7 rule 10)
 *
 * Per node: residual = E_node x (1 - declared losses) - sum of its children; on a bus: what feeds it less what it feeds.
 * |residual| > k u, k = 3, is a finding: wrong CT ratio, swapped CT, missing child, a load that nobody meters.  Only intervals
 * in which the node and all its children are known count.  Classes that are not stated are taken as 1 % each.  Pure. */
#ifndef CORE_BALANCE_H
#define CORE_BALANCE_H

#include "core/kpi.h"

enum finding_kind { FINDING_NONE, FINDING_MORE_ABOVE, FINDING_MORE_BELOW, FINDING_UPS_EFFICIENCY, FINDING_IT_OVER_TOTAL,
		    FINDING_LOW_LOAD, FINDING_IN_RANGE,      /* of a CT and its class, no matter of the balance: core/uncertainty.h */
		    FINDING_N };
/* FINDING_NONE and FINDING_IN_RANGE say that a finding is gone. */
bool finding_is_open(enum finding_kind kind);
const char *finding_name(enum finding_kind kind);

struct balance {
	uint32_t node;                   /* meter index */
	int64_t above_mwh, below_mwh;    /* declared losses taken off `above` */
	int64_t residual_mwh, u_mwh;     /* standard uncertainty of the residual, rounded up */
	int64_t intervals;               /* over how many */
	bool assumed;                    /* a class is not stated */
	enum finding_kind finding;       /* FINDING_NONE: it closes */
	int64_t suspect;                 /* meter that explains this finding and its neighbour's; -1: none */
	char reason[360];
};
/* Every node that can be checked, in site order; returns the number of findings.  `fn` may be NULL. */
typedef void balance_fn(void *ctx, const struct balance *b);
int64_t window_findings(const struct window *w, balance_fn *fn, void *ctx);

/* The same question asked once a day while intervals close, so that a finding becomes evidence when it appears and when it goes.
 *
 * Days are UTC days.  When the last interval of a day has closed every node of which at least twelve hours were wholly known is judged over
 * that day, and every CT's load; what differs from the day before is one event each: EVENT_FINDING with the finding's kind, or with
 * FINDING_NONE (FINDING_IN_RANGE) when it is gone.  A node that could not be judged keeps what it had.  A part of ledger_push(): saved in its
 * checkpoint, made again by every refold. */
struct watch;
typedef void watch_fn(void *ctx, const struct ledger_event *ev);
struct watch *watch_new(const struct site *site, struct err *err);
void watch_free(struct watch *w);
void watch_push(struct watch *w, const struct interval *iv, watch_fn *fn, void *ctx);
void watch_finish(struct watch *w, watch_fn *fn, void *ctx);     /* end of a recording: the begun day is judged as it is */
/* A checkpoint of another tree gives the open findings by id, and its day begins anew. */
void watch_save(const struct watch *w, struct buf *out);
bool watch_load(struct watch *w, const void *bytes, size_t len) MUST_USE;

#endif
