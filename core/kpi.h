/* core/kpi.h - KPIs of one closed window, folded from intervals: PUE and its kind, completeness, uncertainty.
 * Names and rules: ISO/IEC 30134-2 as quoted in docs/ledger.md (domain.md 1.1-1.3, 2.5, 2.7).  Exact integers.  Pure. */
#ifndef CORE_KPI_H
#define CORE_KPI_H

#include "core/ledger.h"

enum kpi_kind { KPI_NONE, KPI_PUE, KPI_IPUE };     /* PUE: 12 continuous months; anything else is interim */

struct kpi {
	struct wall from, to;
	enum kpi_kind kind;
	bool year;                          /* the window is 12 continuous months of the local calendar, whatever is known of it */
	int category;                       /* 1..3; 0: no IT meter */
	int64_t total_mwh, it_mwh;          /* PUE: whole window.  iPUE with gaps: intervals in which all terms are known */
	int64_t known_total_mwh, known_it_mwh;   /* all known energy of the window */
	int64_t intervals, intervals_known;
	int64_t complete_time_ppm[2], complete_energy_ppm[2];   /* [0] total, [1] IT */
	int64_t class_mwh[2][CLASS_COUNT];  /* energy by class, total and IT */
	int64_t unsynced_intervals, late_intervals, findings;
	/* Expanded uncertainty of PUE, k = 2, in 1e-6, rounded up; -1: not stated (a class is unknown). */
	int64_t u_ppm_rho0, u_ppm_rho1;
	/* energy by substitute class (B, P, N, M, I), never inside the sums above; without signs: what stands in for an export and
	 * what stands in for a supply do not cancel */
	int64_t substituted_mwh[2][CLASS_COUNT];
	int64_t events[EVENT_N];
	char why_u[160];                    /* when U is not stated: which meter lacks what */
	char why_not[200];                  /* when kind is KPI_NONE: why there is no number */
};

struct window;
struct window *window_new(const struct site *site, struct wall from, struct wall to, struct err *err);
void window_free(struct window *w);
/* Moves the end later: a window that grows with what is folded. */
bool window_extend(struct window *w, struct wall to, struct err *err) MUST_USE;
void window_push(struct window *w, const struct interval *iv);      /* intervals outside [from, to) are ignored */
/* Every event goes in, in the order of the sink or of the leaves: corrections change what was pushed, the rest is counted. */
void window_event(struct window *w, const struct ledger_event *ev);
/* An interval or event leaf as stored; other leaves are ignored. */
bool window_leaf(struct window *w, const void *leaf, size_t len, struct err *err) MUST_USE;
void window_kpi(const struct window *w, const struct zone *zone, struct kpi *out);

/* Per meter energy of the window (known), for domains, halls and racks; -1 when any part is missing. */
int64_t window_meter_mwh(const struct window *w, uint32_t meter, bool *complete);

/* One line of --explain and of the tree: a term of a sum with all that is known of its meter in the window. */
struct window_term {
	uint32_t meter;
	int total_sign, it_sign;            /* +1, -1, 0 in E_T and in E_IT */
	int64_t energy_mwh, known_ms, missing_ms, substituted_mwh, class_mwh[CLASS_COUNT];
};
/* What is still missing of an interval, of total and IT, after all corrections; false when the window has not seen it. */
bool window_missing(const struct window *w, struct wall from, int64_t missing_ms[2]);
/* EVENT_MANUAL: does it stand in for what an interval of its meter lacks, and with how much of it. */
bool manual_counts(const struct ledger_event *ev, struct wall from, struct wall to, int64_t missing_ms, uint8_t substitute);
int64_t manual_share(const struct ledger_event *ev, struct wall from, struct wall to, int64_t missing_ms);
void window_term(const struct window *w, uint32_t meter, struct window_term *out);
const struct site *window_site(const struct window *w);

/* Partial PUE of a sub-boundary, a hall (halls come first) or all below a meter: E_sub / E_IT,sub (ISO/IEC 30134-2), over the
 * intervals in which every meter of the two sums is wholly known; complete: that is all of the window.  A meter without a hall
 * stands in that of the nearest meter above that names one.  E_sub: topmost meters, sources inside, less exports and other uses;
 * E_IT,sub: the terms of E_IT there.  False: no IT energy. */
struct partial { const char *name; bool hall, complete; int64_t sub_mwh, it_mwh, intervals; };
size_t window_partials(const struct window *w);
bool window_partial(const struct window *w, size_t i, struct partial *out);

/* Exact: 100*E_T < 125*E_IT for limit 125/100; false when the pair is doubtful (it <= 0, it >= total). */
bool pue_below(int64_t total_mwh, int64_t it_mwh, struct ratio limit);
/* Shortest decimal text, at least `digits` digits behind the point, on the same side of `limit` as the exact value
 * (1.2499999 prints 1.2499, never 1.25); GB/T 8170 half to even otherwise.  limit {0,0}: none. */
bool pue_text(int64_t total_mwh, int64_t it_mwh, struct ratio limit, int digits, char *out, size_t size);
/* "PUE2 = 1.243 ± 0.006 (k=2), 2025-01-01..2025-12-31, completeness 99.98 %, ISO/IEC 30134-2:2026" */
void kpi_text(const struct kpi *k, const struct site *site, const struct zone *zone, struct ratio limit, struct buf *out);

/* Racks and compute share at a date (domain.md 3.3, 3.4): exact fractions, intervals over unknown racks. */
struct share { int64_t lo_num, lo_den, hi_num, hi_den; bool defined; };     /* undefined: denominator 0 or no inputs */
enum share_id { SHARE_C1, SHARE_C2, SHARE_C3, SHARE_C5, SHARE_N };
struct racks {
	int64_t installed, metered, in_use, unknown, by_function[FUNCTION_N];
	int64_t standard_milli;             /* sum rated / 2.5 kW, in 1/1000 racks, rounded down */
	int64_t rated_mw;
	/* [network racks in denominator?][empty racks in?] */
	struct share share[SHARE_N][2][2];
};
/* `window` may be NULL: then metered, in_use and C3 are undefined (-1). */
void racks_at(const struct site *site, struct wall at, const struct window *window, int64_t standard_rack_mw, struct racks *out);
/* The least of each count over [from, to); shares are those at `from`. */
void racks_least(const struct site *site, struct wall from, struct wall to, const struct window *window, int64_t standard_rack_mw, struct racks *out);

#endif
