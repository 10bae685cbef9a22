/* store/range.h - an adaptive range coder of small numbers.  Pure.
 *
 * Every number u is bits, each coded with a probability that learns from what came before (docs/evidence-format.md):
 * "u is 0"; else width - 1 of u in six bits, high bit first; then the bits below the top one, the first three of them learning, the rest as
 * they are.  The first two know how wide the two numbers before were.  Noise of a sigma of 11 steps costs 5.6 bits, its entropy
 * is 5.5; bytes of it through zstd -9 cost 6.6 (docs/benchmarks-store.md). */
#ifndef STORE_RANGE_H
#define STORE_RANGE_H

#include "core/base.h"

/* Bytes written; 0 when they do not fit into `room`. */
size_t range_put(const uint64_t *u, size_t n, uint8_t *out, size_t room);
/* n numbers from exactly len bytes; any bytes give some numbers.  False: bytes are left over. */
bool range_get(const uint8_t *bytes, size_t len, uint64_t *u, size_t n);
void range_first(const uint8_t *bytes, size_t len, uint64_t *u, size_t n);       /* the first n of more */

#endif
