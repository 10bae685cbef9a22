/* agent/pipeline_inner.h - between the files of the pipeline only. */
#ifndef AGENT_PIPELINE_INNER_H
#define AGENT_PIPELINE_INNER_H

#include "agent/pipeline.h"
#include "agent/waiting.h"

/* What waits for the next commit; texts lie in `bytes`, rows hold offsets because it grows. */
struct pending {
	struct buf bytes;
	struct { enum leaf_kind kind; struct wall at; size_t from, len; } *leaves;
	struct { uint64_t seq; struct wall at; size_t from, len; } *reports;
	size_t n_leaves, leaf_room, n_reports, report_room;
	bool failed;
};

enum { HEAD_EVERY_MS = 3600000 };      /* intervals that end on the hour */

struct pipeline {
	struct pipeline_options o;
	struct ledger *ledger;
	struct merkle tree;
	uint64_t seq, epoch;
	struct window *day;
	struct date day_of;
	struct waiting waiting;
	bool head_due;                          /* a tree head shall be signed with the next commit */
	struct mono sign_after;                 /* after a failure: not before */
	int64_t sign_pause_ms;
	uint64_t not_reported;                  /* intervals whose report found no room to wait */
	struct err sign_err;                    /* kind ERR_NONE: signing works */
	struct pending pending;
	struct buf scratch, topic;
	struct stamp now, folded;               /* folded: the time the ledger was told last */
	bool told;
	uint64_t events[EVENT_N];
	struct ledger_event recent[64];         /* since the last report; a report says the first of them, the evidence holds all */
	size_t n_recent;
	struct wall last_end;
	struct err report_err;
};

/* pipeline.c */
const struct ledger_sink *pipeline_sink(struct pipeline *p, struct ledger_sink *sink);
bool pipeline_day(struct pipeline *p, const struct interval *iv, struct err *err) MUST_USE;
void pipeline_tell(struct pipeline *p, struct stamp now);        /* the ledger is told this time */

/* pipeline_commit.c.  `before`: end of the last interval when this call began. */
bool pipeline_settle(struct pipeline *p, uint64_t position, struct wall before, struct err *err) MUST_USE;
uint64_t pipeline_mark(struct pipeline *p, struct stamp now);
void pipeline_signing_works(struct pipeline *p);

#endif
