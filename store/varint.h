/* store/varint.h - LEB128 integers of the journal and the blocks.  Pure.
 * Signed values are zigzag: 0, -1, 1, -2 are 0, 1, 2, 3.  Differences wrap (two's complement), so every int64 pair has one. */
#ifndef STORE_VARINT_H
#define STORE_VARINT_H

#include "core/buf.h"

static inline uint64_t zigzag(int64_t v)
{
	return ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
}

static inline int64_t unzigzag(uint64_t u)
{
	return (int64_t)((u >> 1) ^ (0 - (u & 1)));
}

/* a - b and a + b without overflow: arithmetic modulo 2^64. */
static inline int64_t wrap_sub(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a - (uint64_t)b);
}

static inline int64_t wrap_add(int64_t a, int64_t b)
{
	return (int64_t)((uint64_t)a + (uint64_t)b);
}

/* Numbers of a fixed length, in what is hashed. */
static inline void put_be64(uint8_t out[8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

enum { VARINT_MAX = 10 };
static inline size_t varint_put(uint8_t out[VARINT_MAX], uint64_t v)
{
	size_t n = 0;
	for (; v >= 0x80; v >>= 7)
		out[n++] = (uint8_t)(v | 0x80);
	out[n++] = (uint8_t)v;
	return n;
}

void varint_add(struct buf *b, uint64_t v);

/* Bytes being read; `bad` stays true after the first overrun and every further read gives 0. */
struct cursor { const uint8_t *p, *end; bool bad; };
uint64_t varint_get_slow(struct cursor *c);
static inline uint64_t varint_get(struct cursor *c)
{
	if (c->p < c->end && *c->p < 0x80)
		return *c->p++;
	return varint_get_slow(c);
}

#endif
