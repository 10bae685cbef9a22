/* agent/history_page.h - /api/v1/history: one series in steps, from a reader of its own on the store. */
#ifndef AGENT_HISTORY_PAGE_H
#define AGENT_HISTORY_PAGE_H

#include "core/buf.h"
#include "core/time.h"

struct snapshot_slot;
struct history_page { const char *state_dir; struct wall (*wall)(void *ctx); void *ctx; struct snapshot_slot *slot; };     /* the newest picture knows the site */
/* `query`: series=DEVICE/POINT, from=, to= (RFC 3339; default the last day), step= (5s .. 1d; default a 500th of the span).
 * {"from","to","series","step_ms","unit","rows":[[time, n, not good, min, max, mean, last, rolled], ...]}, times in milliseconds. */
bool history_answer(void *history_page, const char *query, struct buf *out, struct err *err);

#endif
