/* agent/pipeline.h - the way of a sample through the program, as a list of calls:
 *
 *	samples -> store_journal -> ledger_push -> (an interval closes) leaves + tree -> signed report -> store_commit
 *
 * All on the loop thread; nothing here waits for a disk or a peer. */
#ifndef AGENT_PIPELINE_H
#define AGENT_PIPELINE_H

#include "agent/setup.h"
#include "agent/signer.h"
#include "core/ledger.h"
#include "publish/publish.h"
#include "store/store.h"

struct pipeline;
struct pipeline_options {
	const struct setup *setup;
	const struct ledger_wiring *wiring;      /* one row a meter; borrowed */
	struct store *store;
	const struct signer_ops *signer;         /* NULL: nobody signs; reports wait */
	bool reports;                            /* false: back-filling, closed intervals go into evidence but not into the outbox */
	bool (*clock_offset)(void *ctx, int64_t *us); /* adjtimex, for reports; may be NULL */
	void (*closed)(void *ctx, struct wall end);   /* an interval was committed; may be NULL */
	void (*interval)(void *ctx, const struct interval *);   /* each closed interval, before its commit; may be NULL */
	void *ctx;
};
/* Restores the checkpoint and folds the journal's tail. */
struct pipeline *pipeline_new(const struct pipeline_options *o, struct reader *reader, struct stamp now, struct err *err);
void pipeline_free(struct pipeline *p);

/* Goes on with another configuration or wiring, in memory: what did not change is continued, what changed begins anew
 * (ledger_load()); the change is a leaf.  Both are borrowed; on failure the old ones go on. */
struct record;
bool pipeline_reload(struct pipeline *p, const struct setup *setup, const struct ledger_wiring *wiring, struct record *record, struct reader *reader,
		     struct stamp now, struct err *err) MUST_USE;

/* One tick's samples; n may be 0 (time passes).  False when evidence could not be queued: the sentence is the alarm, polling goes on. */
bool pipeline_push(struct pipeline *p, const struct sample *samples, size_t n, struct stamp now, struct err *err) MUST_USE;
/* Signs the tree's head as it stands now: at a clean end. */
bool pipeline_head(struct pipeline *p, struct stamp now, struct err *err) MUST_USE;
/* Other keys from now on; NULL: none may sign, *why_not says why. */
void pipeline_signer(struct pipeline *p, const struct signer_ops *signer, const struct err *why_not);
/* End of a recording. */
bool pipeline_finish(struct pipeline *p, struct stamp now, struct err *err) MUST_USE;
/* One more leaf: configuration, pack, profile, key, clock, manual entry, certificate.  Committed with the next push. */
void pipeline_note(struct pipeline *p, enum leaf_kind kind, struct wall at, const void *bytes, size_t len);

struct pipeline_state { uint64_t seq, epoch, committed /* leaves, durable or not */, events[EVENT_N]; struct merkle tree; struct wall last_end;
			uint64_t unsigned_reports, not_reported; const char *not_signing; /* why, until the next call; NULL: signing works */ };
/* How a meter of the site stands in the ledger. */
void pipeline_meter(const struct pipeline *p, uint32_t meter, struct meter_view *out);
void pipeline_state(const struct pipeline *p, struct pipeline_state *out);

#endif
