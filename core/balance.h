/* core/balance.h - does the electrical tree close?  (domain.md 2.6, 2.7 rule 10)
 *
 * Per node: residual = E_node x (1 - declared losses) - sum of its children; on a bus: what feeds it less what it feeds.
 * |residual| > k u, k = 3, is a finding: wrong CT ratio, swapped CT, missing child, a load that nobody meters.  Only intervals
 * in which the node and all its children are known count.  Classes that are not stated are taken as 1 % each.  Pure. */
#ifndef CORE_BALANCE_H
#define CORE_BALANCE_H

#include "core/kpi.h"

enum finding_kind { FINDING_NONE, FINDING_MORE_ABOVE, FINDING_MORE_BELOW, FINDING_UPS_EFFICIENCY, FINDING_IT_OVER_TOTAL, FINDING_N };
const char *finding_name(enum finding_kind kind);

struct balance {
	uint32_t node;                   /* meter index */
	int64_t above_mwh, below_mwh;    /* declared losses taken off `above` */
	int64_t residual_mwh, u_mwh;     /* standard uncertainty of the residual, rounded up */
	int64_t intervals;               /* over how many */
	bool assumed;                    /* a class is not stated */
	enum finding_kind finding;       /* FINDING_NONE: it closes */
	int64_t suspect;                 /* meter that explains this finding and its neighbour's; -1: none */
	char reason[200];
};
/* Every node that can be checked, in site order; returns the number of findings.  `fn` may be NULL. */
typedef void balance_fn(void *ctx, const struct balance *b);
int64_t window_findings(const struct window *w, balance_fn *fn, void *ctx);

#endif
