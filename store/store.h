/* store/store.h - what survives: journal.db (raw readings), evidence.db (leaves, checkpoint, outbox).  SQLite WAL,
 * synchronous=FULL.  One writer thread with a bounded queue: a slow or full disk never delays a poll.
 *
 * Journal first: samples are in journal.db before the ledger's checkpoint that contains them is in evidence.db; a restart
 * loads the checkpoint and folds the journal's tail again.  Interval, events, checkpoint and report rows commit together. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "core/merkle.h"
#include "core/sample.h"

struct store;
struct store_options {
	const char *dir;                   /* made 0700 when missing */
	bool read_only;                    /* puectl */
	size_t queue_max;                  /* batches waiting for the writer; 0: default */
	int64_t retention_days;            /* raw journal */
};
enum store_state { STORE_OK, STORE_DISK_LOW, STORE_FAILING };       /* FAILING: kept in memory, tried again */
struct store_status { enum store_state state; char sentence[300]; uint64_t journal_rows, leaves, outbox_pending, queue_depth, dropped;
		      struct wall oldest_pending; int64_t bytes; };

/* Fails when a second instance holds the directory (names its pid), on a newer schema (names both), on corruption. */
struct store *store_open(const struct store_options *o, struct err *err);
void store_close(struct store *s);                                   /* drains the queue */

/* Journal: hands over a batch (copied) of samples of one tick; returns the journal position after it (for checkpoints).
 * Positions ascend by one a sample. */
uint64_t store_journal(struct store *s, const struct sample *samples, size_t n, struct stamp now);
/* Series table of this run, by id; called once after open and after each reload, before store_journal().  Indexes of
 * samples refer to the last table. */
bool store_series(struct store *s, const struct series *series, size_t n, struct err *err) MUST_USE;

enum leaf_kind { LEAF_INTERVAL, LEAF_EVENT, LEAF_CONFIG, LEAF_PROFILE, LEAF_PACK, LEAF_KEY, LEAF_CLOCK, LEAF_MANUAL, LEAF_CERTIFICATE, LEAF_SESSION, LEAF_N };
struct leaf { enum leaf_kind kind; struct wall at; const void *bytes; size_t len; };
struct outbox_row { uint64_t seq; const char *topic; const void *payload; size_t len; struct wall at; };
/* One commit in evidence.db: all or nothing, in the order of the calls, after every earlier journal batch is durable. */
struct commit {
	const struct leaf *leaves; size_t n_leaves;
	const struct outbox_row *reports; size_t n_reports;     /* seq assigned by the caller, ascending */
	const void *checkpoint; size_t checkpoint_len;          /* NULL: unchanged */
	uint64_t journal_position;                              /* the checkpoint holds all samples before it */
	struct merkle tree;                                     /* state after the leaves */
};
bool store_commit(struct store *s, const struct commit *c, struct err *err) MUST_USE;   /* copied and queued */
bool store_flush(struct store *s, struct err *err) MUST_USE;         /* waits until all queued is durable (not from the loop) */

/* Restart. */
struct restart { struct buf checkpoint; uint64_t journal_position, next_seq; struct merkle tree; uint64_t epoch; uint32_t session; };
bool store_restart(struct store *s, struct restart *out, struct err *err) MUST_USE;
typedef bool store_sample_fn(void *ctx, const struct sample *samples, size_t n, struct stamp now);
bool store_tail(struct store *s, uint64_t from, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;

/* Reader: short snapshots, safe from any thread, also on a store opened read_only while pued runs. */
struct reader;
struct reader *reader_open(const char *dir, struct err *err);
void reader_close(struct reader *r);
typedef bool leaf_fn(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len);   /* false stops */
bool reader_leaves(struct reader *r, int kind /* -1 all */, struct wall from, struct wall to, leaf_fn *fn, void *ctx, struct err *err) MUST_USE;
bool reader_head(struct reader *r, struct merkle *out, uint64_t *epoch, struct err *err) MUST_USE;
bool reader_leaf_hash(struct reader *r, uint64_t index, struct hash *out);
/* One series, raw, in order of time. */
bool reader_history(struct reader *r, const char *series_id, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;
typedef bool series_fn(void *ctx, const char *id, const struct series *s);
bool reader_series(struct reader *r, series_fn *fn, void *ctx, struct err *err) MUST_USE;

/* Outbox, for publish/mqtt through the interface below (publish includes no store header). */
struct outbox_ops;
const struct outbox_ops *store_outbox(void);

/* puectl verify --store: walks everything, names the first bad record. */
struct store_audit { uint64_t leaves; char first_bad[300]; struct hash root; uint64_t epoch; };
bool store_audit(const char *dir, const struct merkle *head /* NULL: none kept elsewhere */, struct store_audit *out, struct err *err) MUST_USE;

#endif
