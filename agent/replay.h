/* agent/replay.h - a recording folded by the ledger, exactly as live readings would have been; memory does not grow with it. */
#ifndef AGENT_REPLAY_H
#define AGENT_REPLAY_H

#include "agent/setup.h"
#include "core/ledger.h"

struct replay_stats { uint64_t lines, readings, ignored; size_t ignored_series; char first_ignored[160]; };

/* Folds FILE ("-": standard input) of the site in `setup`.  step_ms: how far apart its readings are; 0: as its "# poll" line says, else
 * as the devices are polled.  A line that cannot be read stops it: FILE:LINE: column N: ... */
bool replay_fold(const struct setup *setup, const char *file, int64_t step_ms, const struct ledger_sink *sink, struct replay_stats *out, struct err *err) MUST_USE;

#endif
