/* store/steps.h - steps of time, for the queries that fold readings into them.  Not for other rooms. */
#ifndef STORE_STEPS_H
#define STORE_STEPS_H

#include "store/reading.h"

/* Step k is [from + k * step_ms, + step_ms), cut at `to`. */
struct grid { struct wall from, to; int64_t step_ms; };
bool grid_make(struct grid *g, struct wall from, struct wall to, int64_t step_ms, struct err *err) MUST_USE;
bool grid_on_quarters(const struct grid *g);
bool grid_has(const struct grid *g, struct wall t);
int64_t grid_step(const struct grid *g, struct wall t);
int64_t quarter_mean(const struct quarter *q);          /* 0 when there is no value */

/* The parts of a rollup with their step: whole days where no step cuts one, else quarters. */
typedef bool grid_fn(void *ctx, int64_t step, const struct quarter *q);
bool grid_rollup(const struct grid *g, struct rollup *r, grid_fn *fn, void *ctx, struct err *err) MUST_USE;


/* Readings behind a grid that cuts quarters: whole quarters stand for themselves, of those that a step or an end cuts the readings come. */
enum { CUT_MS = 4 * QUARTER_MS };       /* shorter steps cut too many for that to be less work */
struct cutting { grid_fn *whole; void *whole_ctx; bool (*samples)(void *ctx, uint32_t sid, const struct sample *s, size_t n); void *samples_ctx; };
bool grid_cut(const struct grid *g, struct rollup *r, struct edge *raw, uint32_t sid, const struct cutting *to, struct err *err) MUST_USE;

#endif
