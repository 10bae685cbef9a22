/* core/uncertainty.h - how uncertain an energy and a PUE are, after GUM / JJF 1059.1 (domain.md 2.5; docs/ledger.md).
 *
 * A device's limit of error a (of reading) is a uniform distribution: standard uncertainty a/sqrt(3).  One chain is the root
 * of the sum of squares of meter, CT, PT, factor, quantisation and timing.  Meters of one class and batch do not average out
 * for certain: sums are stated for correlation 0 and 1.  Doubles are allowed here and only here; what leaves is an integer
 * in 1e-6, rounded up.  Pure. */
#ifndef CORE_UNCERTAINTY_H
#define CORE_UNCERTAINTY_H

#include "core/kpi.h"

struct chain {
	int64_t energy_mwh;
	int64_t meter_ppm, ct_ppm, pt_ppm;      /* limits of error; 0: no such device; -1: not stated */
	int64_t factor_u_ppm;                   /* standard uncertainty of a stated factor */
	int64_t count_mwh;                      /* one count: two reads, each uniform over a count */
	int64_t timing_ppm;                     /* limit: clock against window */
	/* Mean load of the CT in the window: share of its rated current, power factor taken as 1; -1: not stated (voltage, plate).
	 * load_low: below the range in which its class holds, so that its limit of error is not known. */
	int64_t load_ppm, range_ppm;
	bool load_low;
};
/* Standard uncertainty in mW.h; negative when a class is not stated, or does not hold at the load. */
double chain_u(const struct chain *c);
int64_t chain_u_mwh(const struct chain *c);     /* rounded up; -1 when not stated */
/* Of a sum, from its terms' standard uncertainties, with correlation rho among them. */
double sum_u(const double *u, size_t n, double rho);
/* Standard uncertainty of PUE = total / it by the mains method (r = correlation between the two), and of 1 + overhead / it. */
double pue_u_mains(double total, double u_total, double it, double u_it, double r);
double pue_u_overhead(double overhead, double u_overhead, double it, double u_it);
/* U = k u in 1e-6, rounded up; -1 when u is negative. */
int64_t expanded_ppm(double u, double k);

/* Share of the rated current from which a CT's class holds (domain.md 2.4): S classes 5 %, others 20 %. */
int64_t class_range_ppm(const char *ct_class);
/* The chain of a meter in a window: classes of the worst of its epochs there. */
void meter_chain(const struct window *w, uint32_t meter, struct chain *out);
/* Why a meter's chain has no uncertainty ("class of feed-a is not stated"); false when it has one. */
bool chain_lacks(const struct site *site, uint32_t meter, const struct chain *c, char *out, size_t size);
/* k = 2, mains method, both bounds; -1 when a class is not stated (`why` says which). */
void window_uncertainty(const struct window *w, int64_t total_mwh, int64_t it_mwh, int64_t *rho0_ppm, int64_t *rho1_ppm, char *why, size_t size);

#endif
