/* tests/bench/mix.h - the data of the store's benchmarks, and what a run costs.
 *
 * Series read every 10 s, 20 points a device with one jittered stamp (0 to 23 ms); of 20 points 4 noisy powers, 4 noisy currents, 2 quantised energy
 * registers, 6 slow temperatures and voltages, 4 states; seeded. */
#ifndef BENCH_MIX_H
#define BENCH_MIX_H

#include "store/store.h"

enum { MIX_POINTS = 20, MIX_PERIOD_S = 10, MIX_DAY_S = 86400, MIX_SEED = 20260101 };
extern const int64_t mix_start_ms;                        /* 2026-01-01 */

struct mix { size_t n_series; struct mix_state { double level, sum; int64_t value; } *states; struct sample *batch; uint64_t samples; };
struct mix mix_new(size_t n_series);                      /* seeds anew */
void mix_free(struct mix *m);
/* Devices due in second t: a tenth of them; their samples are in m->batch. */
size_t mix_second(struct mix *m, int64_t t);
struct store *mix_store(const char *dir, size_t n_series);

struct usage { double cpu_s, wall_s; uint64_t written; };  /* written: the kernel's write_bytes */
struct usage usage_now(void);
struct usage usage_since(struct usage a);
double mix_generation(size_t n_series, int64_t seconds);  /* CPU of making the data alone */
uint64_t dir_bytes(const char *dir, bool remove);          /* of its files, without the reserve */
_Noreturn void die(const char *what, const struct err *err);

#endif
