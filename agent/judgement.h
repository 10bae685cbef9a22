/* agent/judgement.h - closed intervals + a pack + a date -> KPIs, facts, verdict.  It reads the store's leaves and nothing
 * live, so pued, `puectl eligibility` and `puectl certificate` say the same on every machine. */
#ifndef AGENT_JUDGEMENT_H
#define AGENT_JUDGEMENT_H

#include "agent/further.h"
#include "core/merkle.h"
#include "rules/statement.h"
#include "store/store.h"

enum { JUDGEMENT_MONTHS = 24, JUDGEMENT_EVENTS = 200, JUDGEMENT_LATEST = 40, JUDGEMENT_OPEN = 100 };

struct judgement {
	struct setup setup;                    /* the one given, with the site as statements amend it; borrows the rest of it */
	struct amendment *amendment;
	struct pack_window asked;              /* the window the pack asks for */
	struct window *window, *day_window;    /* NULL once judgement_settle() let them go */
	int64_t *day_mwh;                      /* each meter's known energy of the day */
	struct further further;                /* the pack's further windows; facts point into them */
	struct kpi kpi, day, month;            /* day, month: the local day and month of the last closed interval */
	struct kpi months[JUDGEMENT_MONTHS];   /* of the asked window, oldest first */
	size_t n_months;
	struct facts facts;                    /* borrows site, windows and statements */
	struct statements statements;
	struct verdict verdict;
	bool judged;                           /* verdict is filled */
	char not_judged[300];                  /* else why */
	struct merkle head;
	uint64_t epoch;
	struct wall last;                      /* end of the last closed interval; 0: none */
	uint64_t event_counts[EVENT_N];
	struct ledger_event events[JUDGEMENT_EVENTS];   /* the first of the window */
	size_t n_events;
	struct ledger_event latest[JUDGEMENT_LATEST];   /* the last ones: number n is at n % JUDGEMENT_LATEST */
	size_t n_latest;                       /* how many there were */
	struct ledger_event open[JUDGEMENT_OPEN];       /* findings that appeared and are not gone */
	size_t n_open;
	struct { int64_t total_mwh, it_mwh; struct wall from; bool known; } quarters[96];
	size_t n_quarters;                     /* the last day, oldest first */
	struct setup *keeps;                   /* released with it; NULL: the caller's lives longer */
	int references;                        /* atomic */
};

/* Who wants to see the interval leaves too, in the same pass: window, tree head and the months' ends of `j` are there already.  Called under the
 * reader's lock. */
struct judgement_watch {
	bool (*interval)(void *ctx, const struct judgement *j, uint64_t index, struct wall at, const struct interval *iv, const void *bytes, size_t len, struct err *err);
	void *ctx;
};
/* `today`: the local date of judging, an argument.  watch: NULL is fine.  Heap; NULL with err. */
struct judgement *judgement_make(const struct setup *setup, const char *state_dir, struct reader *reader, struct date today, const struct judgement_watch *watch,
				 struct err *err);
/* For whoever keeps it and asks for figures alone: gives back the windows, most of its memory. */
void judgement_settle(struct judgement *j);
struct judgement *judgement_get(struct judgement *j);     /* one more reference */
void judgement_put(struct judgement *j);                  /* NULL is fine */

#endif
