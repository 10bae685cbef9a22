/* tests/unit/store/kit.h - a directory of its own, seeded numbers, and a workload whose every byte can be foretold. */
#ifndef TEST_STORE_KIT_H
#define TEST_STORE_KIT_H

#include "store/store.h"

struct rng { uint64_t s; };
static inline uint64_t rng_next(struct rng *r)          /* splitmix64 */
{
	uint64_t z = (r->s += 0x9e3779b97f4a7c15u);
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
	return z ^ (z >> 31);
}

enum { KIT_SERIES = 40 };
const char *kit_dir(void);                              /* made on first use, removed with all in it by kit_clean() */
void kit_clean(void);
void kit_remove(const char *dir);
const struct series *kit_series(void);                  /* KIT_SERIES of them */
/* Batch k of the workload, always the same: its samples (at most KIT_SERIES) and stamp. */
size_t kit_batch(uint64_t k, struct sample out[KIT_SERIES], struct stamp *now);
uint64_t kit_position(uint64_t k);                      /* samples in the batches before k */
bool sample_equal(const struct sample *a, const struct sample *b);
/* Step k: batch k, and with every third a commit of two leaves, a report and a checkpoint that says k. */
bool kit_step(struct store *s, uint64_t k, struct err *err);
struct kit_check { uint64_t batches, commits; };        /* what must be there at least; out: what is */
/* What a program does after a restart: the commits that the journal has and the evidence has not. */
bool kit_refold(struct store *s, struct kit_check have, struct err *err);
/* Opens the store of `dir` and finds exactly a prefix of the workload, at least *want; fails with a sentence. */
bool kit_verify(const struct store_options *o, struct kit_check *want, struct err *err);
struct store_options kit_options(const char *dir);

#endif
