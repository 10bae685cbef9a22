/* store/row.h - one row of the journal: what one shard of SHARD_SERIES series said in about a second.  Pure.
 *
 * A row is a list of records, each a varint tag (kind = tag & 3, argument = tag >> 2):
 *   RUN      argument n: then varint (position - expected position), zigzag (series - expected series), and for qualities
 *            with a value n zigzag value differences.  The samples have consecutive series and positions, one stamp, one
 *            quality; expected = the one after the run before, 0 at first.  Differences are to the series' value before,
 *            in this row or the row before of the same shard; in a key row every series starts at 0.
 *   AT       then zigzag milliseconds from the wall time before (0 at first); boot time moves by the same.
 *   CLOCK    argument session: then varint synced (0, 1), zigzag (boot - wall).
 *   QUALITY  argument quality + 8 * reason; good without reason at first.
 * Ahead of the records: one byte version (1), one byte flags (1: key row).
 *
 * A tick is the list of batches of a second: per batch varint 2*n + c, zigzag wall milliseconds from the batch before (0 at
 * first), and when c is 1 varint session, varint synced, zigzag (boot - wall), which hold until changed. */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "core/sample.h"
#include "store/varint.h"

enum { SHARD_BITS = 10, SHARD_SERIES = 1 << SHARD_BITS };

struct row_clock { int64_t offset; uint32_t session; bool synced; };   /* offset: boot - wall */
struct row_writer {
	struct buf out;
	int64_t *last;                  /* SHARD_SERIES values; the caller's, kept from row to row */
	struct row_clock clock;
	int64_t wall;
	uint64_t next_position;
	uint32_t next_series, run_series;
	uint8_t quality, reason;
	size_t run;                     /* samples of the open run; its values wait in `values` */
	uint64_t run_position;
	struct buf values;
};
void row_begin(struct row_writer *w, bool key);                 /* key: zeroes last[] */
/* series inside the shard; positions ascend. */
void row_sample(struct row_writer *w, uint64_t position, uint32_t series, const struct sample *s);
void row_end(struct row_writer *w);                             /* w->out is whole; failed when out of memory */
void row_done(struct row_writer *w);

/* sample.series is the number inside the shard; false stops. */
typedef bool row_fn(void *ctx, uint64_t position, const struct sample *s);
/* False with ERR_EVIDENCE for bytes that row_end() did not make.  last[] as in the writer. */
bool row_read(const void *bytes, size_t len, int64_t last[SHARD_SERIES], row_fn *fn, void *ctx, struct err *err) MUST_USE;

struct tick_writer { struct buf out; struct row_clock clock; int64_t wall; };
void tick_batch(struct tick_writer *t, size_t n, struct stamp now);
void tick_reset(struct tick_writer *t);
struct tick_reader { struct cursor in; struct row_clock clock; int64_t wall; };
struct tick_reader tick_read(const void *bytes, size_t len);
bool tick_next(struct tick_reader *t, size_t *n, struct stamp *now);    /* false: at the end, or t->in.bad */

#endif
