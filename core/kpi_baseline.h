/* core/kpi_baseline.h - before and after a retrofit: a frozen PUE against that of a window.  Information, never a condition unless a
 * pack says so (domain.md 3.2 row 2.2).  Not normalised for weather or load.  Exact.  Pure. */
#ifndef CORE_KPI_BASELINE_H
#define CORE_KPI_BASELINE_H

#include "core/kpi.h"

struct baseline {
	struct wall from, to;
	enum kpi_kind kind;
	int category;
	int64_t total_mwh, it_mwh;
	const char *site, *boundary;            /* site NULL: there is no baseline */
	int64_t u_ppm_rho0, u_ppm_rho1;         /* U (k = 2) of its PUE in 1e-6; -1 not stated */
	bool simulated;
	const char *standard, *source, *id, *by;        /* source: what it was frozen from; id, by: of the statement; NULL: none */
};
struct baseline_delta {
	int64_t delta_micro;                    /* PUE now - PUE then, in 1e-6, half to even: negative is better */
	/* U of the difference, both windows independent: meters that stay pull it down, so this is the upper bound.  -1 not stated. */
	int64_t u_ppm_rho0, u_ppm_rho1;
	int64_t saved_mwh;                      /* E_IT now x PUE then - E_T now, half to even */
	bool seasons;                           /* one of the two is no whole year: seasons differ */
};
/* Borrows the site's texts.  Also for a window that has no PUE: comparing refuses it. */
void baseline_of_kpi(const struct kpi *k, const struct site *site, struct baseline *out);
/* False with a sentence: another site, boundary or category, a doubtful pair, simulated against measured, no time in between. */
bool baseline_compare(const struct baseline *then, const struct baseline *now, struct baseline_delta *out, struct err *err) MUST_USE;
/* Coal equivalent of an energy in grams, half to even; micro: 1e-6 kg/kW.h. */
int64_t coal_grams(int64_t mwh, int64_t micro);

#endif
