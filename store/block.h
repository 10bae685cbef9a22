/* store/block.h - what one series said in a window, and the stamps that the series of a device share.  Pure.
 *
 * Stamps: byte version 1, varint n, then columns (store/column.h) of wall milliseconds, of boot - wall, of 2 * session + synced.
 * Block: byte version 1, varint number of its stamps in the window, varint n, varint n_value; when n_value is not 0: zigzag
 * minimum, zigzag maximum, zigzag last, varint low and zigzag high 64 bits of the sum; then varint runs, each varint length
 * and byte quality + 8 * reason; then a column of the n_value values of samples whose quality has one. */
#ifndef STORE_BLOCK_H
#define STORE_BLOCK_H

#include "core/sample.h"
#include "store/column.h"

enum { BLOCK_MAX = 1 << 20 };           /* samples */
struct block_head { uint64_t stamps, n, n_value; int64_t min, max, last; __int128 sum; };

void stamps_put(const struct sample *s, size_t n, bool tight, struct buf *out);
bool stamps_same(const struct sample *a, const struct sample *b, size_t n);
void block_put(const struct sample *s, size_t n, uint64_t stamps, bool tight, struct buf *out);

/* The header alone: sums over a long time need no value. */
bool block_head(const void *bytes, size_t len, struct block_head *out, struct err *err) MUST_USE;
/* How many; then the stamps into s[n]. */
bool stamps_count(const void *bytes, size_t len, uint64_t *n, struct err *err) MUST_USE;
bool stamps_get(const void *bytes, size_t len, struct sample *s, size_t n, struct err *err) MUST_USE;
/* Values and qualities into s[n], whose stamps are there. */
bool block_get(const void *bytes, size_t len, struct sample *s, size_t n, struct err *err) MUST_USE;
/* Of n the first k alone, for sums that end in the middle: of the stamps only the wall time. */
bool stamps_first(const void *bytes, size_t len, struct sample *s, size_t k, struct err *err) MUST_USE;
bool block_first(const void *bytes, size_t len, struct sample *s, size_t n, size_t k, struct err *err) MUST_USE;

#endif
