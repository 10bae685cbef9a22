/* core/window_state.h - inside core/window.c, core/kpi.c, core/balance.c only: what a window remembers. */
#ifndef CORE_WINDOW_STATE_H
#define CORE_WINDOW_STATE_H

#include "core/kpi.h"
#include "core/site_factors.h"
#include "core/tree.h"

struct window_interval {
	int64_t mwh[2];                  /* [0] total, [1] IT: known parts */
	int32_t missing_ms[2];           /* at least one term not known */
	uint16_t unknown[2];             /* terms not wholly known */
	uint16_t flags;
	bool seen;
	bool stale;                      /* a correction came: missing_ms is made anew from the holes when it is asked for */
};
static inline bool interval_known_both(const struct window_interval *in)
{
	return in->seen && !in->unknown[0] && !in->unknown[1] && !in->missing_ms[0] && !in->missing_ms[1];
}
/* What a meter does not know of an interval: remembered so that a correction can take it away. */
struct span { int32_t from_ms, to_ms; };              /* since the interval's beginning */
/* Holes, of a meter and of a part, begin with the number of their interval: this compares by it. */
int hole_order(const void *a, const void *b);
struct window_hole {
	uint32_t interval;
	int32_t missing_ms;
	int64_t substituted_mwh;
	struct span *spans;              /* where it is, of terms; none: all of the interval, or not said */
	uint16_t n_spans;
	uint8_t substitute_class;
};
struct window_meter {
	struct window_term term;
	int factor_kind;                 /* enum factor_kind of its CO2; FACTOR_N none */
	__int128 co2;                    /* mW.h x 1e-6 kg/kW.h = 1e-6 mg */
	bool no_factor;                  /* energy at a time for which no factor holds */
	struct window_hole *holes;
	size_t n_holes, room;
};
struct window_now { int64_t own, below, fed; uint32_t sources; bool own_known, known; };   /* one node in one interval */
struct window_sums { int64_t above, below, intervals, runs; bool in_run; };                 /* over intervals in which all is known */
struct window {
	const struct site *site;
	struct tree tree;
	struct wall from, to;
	int64_t interval_ms;
	size_t n, room;
	struct window_interval *intervals;
	struct window_meter *meters;
	int64_t events[EVENT_N];
	uint32_t *order;                 /* meters, children before parents */
	uint32_t *first_child, *next_child;      /* UINT32_MAX none */
	struct window_now *now;
	struct window_sums *sums;
	struct parts *parts;             /* core/partial.c */
	bool possible[2];                /* every term has a register */
	bool failed;
};

/* Missing time of intervals that corrections changed; before missing_ms is read. */
void window_settle(const struct window *w);
bool balance_init(struct window *w);
void balance_push(struct window *w, const struct interval *iv);
void balance_done(struct window *w);
bool partial_init(struct window *w);
void partial_push(struct window *w, size_t ix, const struct interval *iv);
/* A correction gives a meter `gain` in an interval; `filled`: nothing of the interval is missing any more. */
void partial_correct(struct window *w, size_t ix, uint32_t meter, int64_t gain, bool filled);
void partial_done(struct window *w);
/* Judges every node of which at least `least` intervals are known; `all` has room for one a meter.  How many it wrote. */
struct balance;
size_t balance_judge(const struct window *w, int64_t least, struct balance *all);

#endif
