/* store/rollup.h - what a series said in each quarter of an hour (UTC), kept for ever in rollup.db.  Pure.
 *
 * An hour is four quarters, a day the heads: sums, minima and maxima add up exactly, so no coarser copy is stored.  A quarter in which
 * nothing was said is not there.  Body byte by byte in docs/evidence-format.md. */
#ifndef STORE_ROLLUP_H
#define STORE_ROLLUP_H

#include "core/sample.h"
#include "store/column.h"

enum { QUARTER_MS = 900000, QUARTERS_A_DAY = 96, ROLLUP_QUARTERS = 1 << 16, ROLLUP_DAYS = 1 << 12 };

/* n: samples with a value; not_good: samples that were not good, with a value or without.  n 0: min, max, last and sum are 0. */
struct quarter { int64_t at /* number since 1970 */, n, not_good, min, max, last; __int128 sum; };
/* The same over a UTC day (at: its number) and how many quarters of the body belong to it. */
struct rollup_day { struct quarter all; size_t quarters; };

int64_t quarter_of(struct wall t);
void quarter_add(struct quarter *q, const struct sample *s);
void quarter_merge(struct quarter *q, const struct quarter *later);

/* Readings in the order they came; quarters ascend as long as the wall clock does.  *out grows, the caller frees; false: no memory. */
bool quarters_of(const struct sample *s, size_t n, struct quarter **out, size_t *room, size_t *n_out) MUST_USE;
void rollup_put(const struct quarter *q, size_t n, struct buf *out);

/* Whole days without a look at the quarters; *out grows, the caller frees. */
struct rollup { struct cursor in; size_t n_quarters, n_days; struct rollup_day *days; struct quarter *quarters; size_t days_room, quarters_room; };
bool rollup_read(struct rollup *r, const void *bytes, size_t len, struct err *err) MUST_USE;     /* heads; bytes are borrowed until rollup_quarters() */
bool rollup_quarters(struct rollup *r, struct err *err) MUST_USE;
void rollup_done(struct rollup *r);

#endif
