/* core/selection.h - what of a window belongs to a role, to a measuring point, to a hall; and how good the meters of its sums are.
 * Pure.  -1: there is none of it, or a part of it is not known; never 0 for either. */
#ifndef CORE_SELECTION_H
#define CORE_SELECTION_H

#include "core/kpi.h"

/* Energy of a hall over its IT energy (partial PUE). */
struct hall_energy { int64_t sub_mwh, it_mwh; };
struct selection {
	int64_t role_mwh[ROLE_N];           /* of the topmost meters of the role */
	int64_t point_mwh[POINT_N];         /* IT energy measured at this kind of point */
	int64_t halls;                      /* with IT energy in the window */
	struct hall_energy least, most;     /* by partial PUE, over all halls; not known when one of them is not */
	int64_t meters;                     /* terms of E_T or E_IT */
	int64_t class_ppm;                  /* limit of error of the worst of them; -1 when one states no class */
	int64_t uncalibrated;               /* of them: in the window at some time without a calibration that held */
};
void selection_unknown(struct selection *s);
/* `zone`: in which calendar a calibration ends.  w NULL: all unknown. */
void selection_of(const struct site *site, const struct zone *zone, const struct window *w, struct wall from, struct wall to, struct selection *out);

#endif
