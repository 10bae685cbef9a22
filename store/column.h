/* store/column.h - a column of integers, packed.  Pure.
 *
 * byte: model + 16 * packing + 128 when scaled; byte by byte in docs/evidence-format.md.
 * Scaled: zigzag minimum, varint g >= 2 ahead of the rest, which is a column of (value - minimum) / g: devices count in 10 mA or 100 W.
 * Models, ahead of the residuals: 0 flat (zigzag minimum; value - minimum), 1 delta (zigzag first; zigzag differences), 2 delta of delta (zigzag
 * first, zigzag first difference; zigzag differences of differences), 3 line (zigzag base, zigzag step; value - base - i * step, not negative:
 * stamps with jitter), 4 to 6 mean (zigzag first; zigzag distance to the running mean of what came before, over 4, 16, 64 values: noise).
 * Packing 0, bits: per 64 residuals one byte width w (0..64) and their low w bits, low bit first, filled up to a byte.
 * Packing 1, range: varint length, then that many bytes of store/range.h. */
#ifndef STORE_COLUMN_H
#define STORE_COLUMN_H

#include "store/varint.h"

/* tight: all models, range coded where that is shorter; else models 0 to 2 and bits. */
void column_put(const int64_t *v, size_t n, bool tight, struct buf *out);
/* Exactly n values; false for bytes that column_put() did not make. */
bool column_get(struct cursor *in, int64_t *v, size_t n);
/* The first k of n; where the column ends is not known afterwards. */
bool column_first(struct cursor *in, int64_t *v, size_t n, size_t k);

#endif
