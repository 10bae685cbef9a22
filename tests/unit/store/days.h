/* tests/unit/store/days.h - days of readings, foretold sample by sample, in a store that seals as it goes. */
#ifndef TEST_STORE_DAYS_H
#define TEST_STORE_DAYS_H

#include "store/window.h"
#include "tests/unit/store/kit.h"

enum { DAYS_SERIES = 24, DAYS_STEP_MS = 30000, DAYS_PER_DAY = 86400000 / DAYS_STEP_MS };
extern const int64_t days_start;                        /* 2026-01-31: the next day is in another month */
const struct series *days_series(void);
/* Sample of series i in batch k; batches of a device lie a few ms apart, every 50th value is missing. */
struct sample days_sample(uint64_t k, uint32_t i);
struct store *days_open(struct store_options *o);
void days_feed(struct store *s, uint64_t from, uint64_t to);
int64_t days_number(const char *file, const char *sql); /* -1: no such file or row */
/* The writer seals and compacts by itself, in small steps; bounded waiting for its housekeeping. */
void days_wait(const char *file, const char *sql, int64_t wanted);

#endif
