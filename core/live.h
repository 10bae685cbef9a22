/* core/live.h - powers of the moment summed over the electrical tree, for dashboards: P_DC, P_IT and by role.
 * The terms are those of the energies (core/tree.h), with stated factors.  A ratio of these is a "power ratio", never a PUE.  Pure. */
#ifndef CORE_LIVE_H
#define CORE_LIVE_H

#include "core/tree.h"

struct live { int64_t total_mw, it_mw; bool total_known, it_known; };
/* power_mw and known have one entry a meter, in site order. */
void live_sum(const struct tree *tree, const struct site *site, const int64_t *power_mw, const bool *known, struct live *out);
/* Sum of the meters of a role that have no meter of the same role above them; false when one of them is not known or there is none. */
bool live_role(const struct tree *tree, const struct site *site, int role, const int64_t *power_mw, const bool *known, int64_t *sum_mw);

#endif
