/* agent/export_recording.h - `puectl export --format recording`: the meters' readings in the form that `puectl replay` and `pued --import` fold
 * (docs/formats-recording.md), in order of time. */
#ifndef AGENT_EXPORT_RECORDING_H
#define AGENT_EXPORT_RECORDING_H

#include "agent/readings.h"

/* Values are what the device gave, as the profile of the configuration says; a register of which that is not known, or that was stored with
 * another count, is refused with a sentence and never written with a wrong number.  *lines: how many readings. */
bool export_recording(const struct readings *r, const struct readings_words *w, FILE *out, uint64_t *lines, struct err *err) MUST_USE;

#endif
