/* agent/further.h - the further windows a pack asks for, filled in the same pass over the leaves as the main one: the months before it
 * (`preceding`), and the intervals in which IT power stood at a share of the racks' rated power (`load_fraction`).
 * A window without records stays unknown, with the reason; facts carry it like any other. */
#ifndef AGENT_FURTHER_H
#define AGENT_FURTHER_H

#include "agent/setup.h"
#include "core/kpi.h"

enum { FURTHER_MAX = 8 };                      /* as many as a pack may ask for */
struct further {
	const struct pack *pack;
	struct window *windows[FURTHER_MAX];
	struct pack_further spec[FURTHER_MAX];
	struct named_window named[FURTHER_MAX];
	size_t n;
	int64_t rated_mw;                      /* of the racks at the main window's end; 0: not known */
	int64_t at_load[FURTHER_MAX];          /* intervals that lay in the band */
};
/* `main`: the window the pack asks for.  pack NULL: none. */
bool further_open(const struct setup *setup, const struct pack_window *main, struct further *out, struct err *err) MUST_USE;
/* The first moment any of them needs, or `from`. */
struct wall further_from(const struct further *f, struct wall from);
void further_push(struct further *f, const struct interval *iv);
void further_event(struct further *f, const struct ledger_event *ev);
/* KPIs into `named`, to which facts may then point; the windows are released. */
void further_close(struct further *f, const struct zone *zone);
void further_done(struct further *f);

#endif
