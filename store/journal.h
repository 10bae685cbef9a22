/* store/journal.h - journal.db: series table, one tick row and one row a shard per second, records of losses.
 * Table by table in docs/evidence-format.md.  Used by one thread. */
#ifndef STORE_JOURNAL_H
#define STORE_JOURNAL_H

#include "store/db.h"
#include "store/row.h"
#include "store/store.h"

/* Rows whose number is a multiple start every chain of differences anew: where a reader can begin. */
enum { CHAIN_TICKS = 60, SHARD_KEY_BITS = 16 };

/* A series as stored: number and attributes; its texts are its giver's. */
struct stored_series { uint32_t sid; struct series s; };
/* Series on their way to the disk, with their texts, in one piece of memory. */
struct new_series { struct new_series *next; size_t n; struct stored_series rows[]; };
/* May sid's numbers stand for those of s?  Another count or quantity is another series with the same id. */
bool stored_series_fits(const struct stored_series *have, const struct series *s);

/* Samples that were not kept, and why. */
struct loss { uint64_t position, n; struct wall from, to; };

/* About one second, encoded, on its way to the disk. */
struct second {
	struct second *next;
	uint64_t no, position, n, mark;         /* mark: queue number of its last batch */
	struct wall from, to;                   /* of the samples and batches in it */
	struct buf tick;
	struct shard_row { uint32_t shard; char *bytes; size_t len; } *rows;
	size_t n_rows, bytes;
	struct loss loss;                       /* before it; n 0: none */
};
void second_free(struct second *s);

struct encoder;
struct encoder *encoder_new(uint64_t no);          /* number of the first second; they ascend by one */
void encoder_free(struct encoder *e);
/* One batch; series of the samples are sids.  Out of memory: the open second is lost, as encoder_close() will tell. */
void encoder_batch(struct encoder *e, uint64_t position, const struct sample *samples, size_t n, struct stamp now);
uint64_t encoder_next(const struct encoder *e);       /* position after the open second */
size_t encoder_bytes(const struct encoder *e);       /* of the open second; 0: nothing open */
/* NULL when nothing is open, and when out of memory: then *lost is what was in it. */
struct second *encoder_close(struct encoder *e, struct loss *lost);
void encoder_restart(struct encoder *e);             /* a second was dropped: every chain begins anew */

struct journal { struct db db; };
bool journal_open(struct journal *j, const char *dir, const char *vfs, bool read_only, struct err *err) MUST_USE;
void journal_close(struct journal *j);
/* Last tick's number (0: none) and the first position never given out. */
bool journal_end(struct journal *j, uint64_t *no, uint64_t *position, struct err *err) MUST_USE;
bool journal_write(struct journal *j, const struct new_series *series, const struct second *first, struct err *err) MUST_USE;
typedef bool stored_series_fn(void *ctx, const struct stored_series *s);
bool journal_series(struct journal *j, stored_series_fn *fn, void *ctx, struct err *err) MUST_USE;
/* Batches in order, from the tick that holds `from` on (position) and from wall time `since`; sample.series is the sid.
 * `shard` -1: all; else only that shard's samples, batches without any are left out.  Reads CHAIN_TICKS ticks a snapshot. */
struct journal_range { uint64_t from; struct wall since, until; int64_t shard; };
bool journal_read(struct journal *j, struct journal_range range, store_sample_fn *fn, void *ctx, struct err *err) MUST_USE;
extern const struct db_schema journal_schema;
/* First record that does not fit its sum, its place or its neighbours; first_bad stays as it is when all is well. */
void journal_audit(struct db *journal, uint64_t checkpoint_position, char *first_bad, size_t size);

/* Checksum behind every body: first 8 bytes of SHA-256(key, 8 bytes big-endian || body). */
enum { BODY_SUM = 8 };
void body_sum(int64_t key, const void *bytes, size_t len, uint8_t out[BODY_SUM]);
bool body_good(int64_t key, const void *bytes, size_t *len);      /* *len without the sum */
/* A tick's covers its columns too: position, n, from, to (8 bytes each) stand ahead of the body. */
struct tick_columns { uint64_t no, position, n; struct wall from, to; };
void tick_sum(const struct tick_columns *t, const void *bytes, size_t len, uint8_t out[BODY_SUM]);
bool tick_good(const struct tick_columns *t, const void *bytes, size_t *len);
/* The same over the columns of a series and of a loss, as text (docs/evidence-format.md). */
void series_sum(const struct stored_series *s, uint8_t out[BODY_SUM]);
void loss_sum(const struct loss *l, uint8_t out[BODY_SUM]);

#endif
