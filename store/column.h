/* store/column.h - a column of integers, packed.  Pure.
 *
 * byte: model + 16 * packing.  Models: 0 flat (zigzag minimum, then value - minimum), 1 delta (zigzag first, then zigzag
 * differences), 2 delta of delta (zigzag first, zigzag first difference, then zigzag differences of differences).
 * Packing 0, bits: per 64 residuals one byte width w (0..64) and their low w bits, low bit first, filled up to a byte.
 * Packing 1, planes: byte k (1..8), varint length of a zstd frame that holds n low bytes, then n second bytes, ... k times. */
#ifndef STORE_COLUMN_H
#define STORE_COLUMN_H

#include "store/varint.h"

/* tight: tries zstd for every model and keeps the shortest; else bits only. */
void column_put(const int64_t *v, size_t n, bool tight, struct buf *out);
/* Exactly n values; false for bytes that column_put() did not make. */
bool column_get(struct cursor *in, int64_t *v, size_t n);

#endif
