/* core/jitter.h - back-off with seeded jitter.  Pure. */
#ifndef CORE_JITTER_H
#define CORE_JITTER_H

#include "core/base.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
static inline uint64_t jitter_next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);
	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* Wait before try `failures` + 1 (failures >= 1): base * 2^(failures-1), at most max, then 75 to 125 % of it. */
static inline int64_t jitter_backoff(uint64_t *seed, unsigned failures, int64_t base_ms, int64_t max_ms)
{
	int64_t wait = failures > 16 ? max_ms : base_ms << (failures - 1);
	wait = wait > max_ms ? max_ms : wait;
	return wait * 3 / 4 + (int64_t)(jitter_next(seed) % (uint64_t)(wait / 2 + 1));
}

#endif
