/* store/store.h - what survives: journal.db (raw readings), evidence.db (leaves, checkpoint, outbox).  SQLite WAL,
 * synchronous=FULL.  One writer thread with a bounded queue: a slow or full disk never delays a poll.
 *
 * Journal first: samples are in journal.db before the ledger's checkpoint that contains them is in evidence.db; a restart
 * loads the checkpoint and folds the journal's tail again.  Interval, events, checkpoint and report rows commit together.
 * Formats: docs/evidence-format.md. */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "core/merkle.h"
#include "core/sample.h"

struct store;
struct store_options {
	const char *dir;                   /* made 0700 when missing */
	bool read_only;                    /* puectl: no lock, no writer; only reader-like calls (restart, tail, outbox pending) */
	size_t queue_max;                  /* batches waiting for the writer; 0: default */
	int64_t retention_days;            /* raw readings; 0: kept for ever */
	int64_t reserve_bytes;             /* reserve file for a full disk; 0: 64 MiB, -1: none */
	struct wall now;                   /* names the epoch of a new store; 0: the system clock */
	const char *vfs;                   /* tests: SQLite VFS; NULL: the default */
	int64_t retry_ms;                  /* pause after a failed write; 0: 1000 */
	int64_t tick_ms;                   /* one journal commit per; 0: 1000 */
	int64_t slow_ms;                   /* a write that takes longer is told; 0: 1000 */
	int64_t seal_ms;                   /* how often it looks for an hour to seal; 0: a minute */
	bool wait;                         /* bulk loading: a full queue makes store_journal() wait instead of dropping */
	int64_t outbox_days;               /* delivered reports are kept so long for a receiver that asks again; 0: 31 */
	int64_t undelivered_days;          /* without a receiver that sends receipts: how long reports are kept; 0: for ever */
	void (*durable)(void *ctx);        /* new reports are durable (wakes the sender); called in the writer thread; may be NULL */
	void *durable_ctx;
	int64_t (*free_bytes)(const char *dir);   /* tests: room on the disk; NULL: statvfs */
};
enum store_state { STORE_OK, STORE_DISK_LOW, STORE_FAILING };       /* FAILING: kept in memory, tried again */
struct store_status { enum store_state state; char sentence[300]; uint64_t journal_rows, leaves, outbox_pending, queue_depth, dropped;
		      struct wall oldest_pending; int64_t bytes; uint64_t durable_position, durable_leaves, failures;
		      char housekeeping[200]; /* a disk that does not answer, or what keeps sealing or the write-ahead log from being done; "": well */ };

/* Fails when a second instance holds the directory (names its pid), on a newer schema (names both), on corruption. */
struct store *store_open(const struct store_options *o, struct err *err);
/* About how much memory SQLite may take in this process, pages kept for later included: then it takes the place of old ones. */
void store_memory(int64_t bytes);
void store_close(struct store *s);                                   /* drains the queue as far as the disk lets it; NULL is fine */
void store_status(struct store *s, struct store_status *out);        /* any thread; never waits for the disk */

/* Journal: hands over a batch (copied) of samples of one tick; returns the journal position after it (for checkpoints).
 * Positions ascend by one a sample.  n may be 0: time passed.  Never waits: when the queue is full the batch is counted
 * in `dropped` and a record of the loss goes into the journal. */
uint64_t store_journal(struct store *s, const struct sample *samples, size_t n, struct stamp now);
/* Series table of this run, by id; called once after open and after each reload, before store_journal() and
 * store_tail().  Indexes of samples refer to the last table. */
bool store_series(struct store *s, const struct series *series, size_t n, struct err *err) MUST_USE;
/* The same when the first `from` are as they were told last, and `series` are the n behind them: 10,000 devices come one after the other. */
bool store_series_from(struct store *s, size_t from, const struct series *series, size_t n, struct err *err) MUST_USE;

/* The numbers are part of each leaf's hash (merkle_record): never renumber. */
enum leaf_kind { LEAF_INTERVAL, LEAF_EVENT, LEAF_CONFIG, LEAF_PROFILE, LEAF_PACK, LEAF_KEY, LEAF_CLOCK, LEAF_MANUAL, LEAF_CERTIFICATE, LEAF_SESSION,
		 LEAF_SEGMENT, LEAF_N };
const char *leaf_kind_name(int kind);                                /* "interval", ...; "unknown" */
struct leaf { enum leaf_kind kind; struct wall at; const void *bytes; size_t len; };
/* What merkle_push() wants for this leaf. */
void leaf_hash(const struct leaf *leaf, struct hash *out);
struct outbox_row { uint64_t seq; const char *topic; const void *payload; size_t len; struct wall at; };
/* One commit in evidence.db: all or nothing, in the order of the calls, after every earlier journal batch is durable. */
struct commit {
	const struct leaf *leaves; size_t n_leaves;
	const struct outbox_row *reports; size_t n_reports;     /* seq assigned by the caller, ascending */
	const void *checkpoint; size_t checkpoint_len;          /* NULL: unchanged */
	uint64_t journal_position;                              /* the checkpoint holds all samples before it */
	struct merkle tree;                                     /* state after the leaves; size 0: the store computes it */
	const void *signed_head; size_t signed_head_len;        /* JWS of a tree head of this size; NULL: none */
	struct wall at;                                         /* of the signed head */
};
/* Copied and queued.  Fails when `tree` is not the earlier tree with these leaves pushed (ERR_INTERNAL), when seq does
 * not ascend, and when more than 64 MiB of commits wait for a disk that takes none. */
bool store_commit(struct store *s, const struct commit *c, struct err *err) MUST_USE;
/* What the store itself has to tell (LEAF_SEGMENT: a month of raw readings is closed, or was dropped): put it into the next commit.  Each leaf comes once,
 * and again after a restart until it is durable; without this call nothing is dropped by retention.  Any thread. */
typedef void store_leaf_fn(void *ctx, enum leaf_kind kind, struct wall at, const void *bytes, size_t len);
void store_own_leaves(struct store *s, store_leaf_fn *fn, void *ctx);
bool store_flush(struct store *s, struct err *err) MUST_USE;         /* waits until all queued is durable (not from the loop) */
void store_tree(struct store *s, struct merkle *out);                /* after everything committed so far, durable or not */

/* Restart.  session is new with every open for writing; epoch is new with every store and every restored backup. */
struct restart { struct buf checkpoint; uint64_t journal_position, next_seq; struct merkle tree; uint64_t epoch; uint32_t session; };
bool store_restart(struct store *s, struct restart *out, struct err *err) MUST_USE;
void restart_done(struct restart *r);
/* Batches from position `from` on exactly as they were handed to store_journal(), one call a batch (`now` is the batch's);
 * of a batch that `from` cuts, the rest.  Positions before the
 * checkpoint may be sealed (ERR_RANGE).  Samples of series that are no longer configured are left out. */
typedef bool store_sample_fn(void *ctx, const struct sample *samples, size_t n, struct stamp now);
bool store_tail(struct store *s, uint64_t from, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;

/* Reader: short snapshots, safe from any thread, also on a store opened read_only while pued runs. */
struct reader;
struct reader *reader_open(const char *dir, struct err *err);
void reader_close(struct reader *r);
typedef bool leaf_fn(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len);   /* false stops */
/* In order of the tree; at inside [from, to). */
bool reader_leaves(struct reader *r, int kind /* -1 all */, struct wall from, struct wall to, leaf_fn *fn, void *ctx, struct err *err) MUST_USE;
/* The newest leaf of a kind; ERR_RANGE when there is none. */
bool reader_last(struct reader *r, enum leaf_kind kind, uint64_t *index, struct wall *at, struct err *err) MUST_USE;
bool reader_head(struct reader *r, struct merkle *out, uint64_t *epoch, struct err *err) MUST_USE;
bool reader_leaf_hash(struct reader *r, uint64_t index, struct hash *out);
/* The hashes of the first n leaves; ERR_EVIDENCE when one is missing. */
bool reader_leaf_hashes(struct reader *r, uint64_t n, struct hash *out, struct err *err) MUST_USE;
/* Signed tree heads and waiting reports, ascending: size (heads) or seq (reports), and the bytes. */
typedef bool reader_bytes_fn(void *ctx, uint64_t key, struct wall at, const void *bytes, size_t len);
bool reader_signed_heads(struct reader *r, reader_bytes_fn *fn, void *ctx, struct err *err) MUST_USE;
bool reader_reports(struct reader *r, reader_bytes_fn *fn, void *ctx, struct err *err) MUST_USE;
/* One series, raw, in order of time, at inside [from, to); samples[].series is the stored number of reader_series(). */
bool reader_history(struct reader *r, const char *series_id, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;
/* A series whose unit or count changed has several rows with one id, oldest first. */
typedef bool series_fn(void *ctx, const char *id, const struct series *s);
bool reader_series(struct reader *r, series_fn *fn, void *ctx, struct err *err) MUST_USE;

/* Raw readings of all series: closed days one after the other, series by series; then the last hours, 64 series at a time, in the order they came.
 * One sample a call; samples[].series is the stored number.  What retention dropped is not there: ask in steps. */
typedef bool numbered_series_fn(void *ctx, uint32_t number, const struct series *s);
bool reader_numbered_series(struct reader *r, numbered_series_fn *fn, void *ctx, struct err *err) MUST_USE;
bool reader_readings(struct reader *r, struct wall from, struct wall to, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;
/* The newest sample of each series that said something in the last hours (what lies in journal.db, about a day), series by series. */
bool reader_latest(struct reader *r, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;

/* One series in steps: [from + k * step_ms, + step_ms), only steps in which something was said; a step without any is a gap.  n: samples with a
 * value; not_good: samples that were not good, with one or without.  Mean is sum / n.
 * Steps of whole quarters of an hour (UTC) are answered from the rollups, which are kept for ever; `rolled`: the readings behind the step are gone.
 * Of those, a shorter step holds the quarters that begin in it: minimum, maximum and mean are the quarter's. */
struct step { struct wall from; int64_t n, not_good, min, max, last, mean; bool rolled; const struct series *series; };
typedef bool step_fn(void *ctx, const struct step *s);
bool reader_steps(struct reader *r, const char *series_id, struct wall from, struct wall to, int64_t step_ms, step_fn *fn, void *ctx, struct err *err) MUST_USE;
/* Sums over series of one quantity (thousands in one call), in steps: the mean, least, greatest and last values of all series added up.  with_value of
 * `series` had any: less is a sum with something missing.  ERR_INPUT: none is known, or they are of different kinds; ids that are
 * not in the store are not counted in `series`. */
struct step_sum { struct wall from; size_t series, with_value; int64_t n, not_good, mean, min, max, last; bool rolled; const struct series *kind; };
typedef bool step_sum_fn(void *ctx, const struct step_sum *s);
bool reader_sums(struct reader *r, const char *const *ids, size_t n, struct wall from, struct wall to, int64_t step_ms, step_sum_fn *fn, void *ctx, struct err *err) MUST_USE;
/* Called while readings are walked: parts done, of how many.  NULL: no more. */
typedef void reader_progress_fn(void *ctx, uint64_t done, uint64_t total);
void reader_progress(struct reader *r, reader_progress_fn *fn, void *ctx);
/* Up to when raw readings were dropped by retention (the end of the newest dropped window); ms 0: none were. */
bool reader_dropped(struct reader *r, struct wall *until, struct err *err) MUST_USE;

/* Outbox, for publish/mqtt through the interface below (publish includes no store header); `store` is a struct store. */
struct outbox_ops;
const struct outbox_ops *store_outbox(void);

/* puectl verify --store: walks everything, names the first bad record (first_bad is "" when all is well). */
struct store_audit { uint64_t leaves; char first_bad[300]; struct hash root; uint64_t epoch;
		     uint64_t segments, dropped;    /* closed months of raw readings: there and unchanged; dropped, as a leaf says */ };
bool store_audit(const char *dir, const struct merkle *head /* NULL: none kept elsewhere */, struct store_audit *out, struct err *err) MUST_USE;
/* Heads known from elsewhere (signed reports, receipts, a printed head): each must be a root this tree had, and of no later epoch
 * (0: it says none). */
struct store_witness { uint64_t size, epoch; struct hash root; bool own /* kept in this store itself */; char name[100]; };
bool store_audit_against(const char *dir, const struct store_witness *witnesses, size_t n, struct store_audit *out, struct err *err) MUST_USE;

/* A consistent copy of a living store into a new directory; restoring makes a new epoch (design.md decision 9). */
bool store_backup(const char *dir, const char *to, struct err *err) MUST_USE;
bool store_restore(const char *backup, const char *dir, struct wall now, uint64_t *epoch, struct err *err) MUST_USE;
/* The same in place, for a machine whose disk was set back as a whole (a snapshot of a virtual machine): nothing in it can tell. */
bool store_new_epoch(const char *dir, struct wall now, uint64_t *epoch, struct err *err) MUST_USE;

#endif
