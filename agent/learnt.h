/* agent/learnt.h - request limits that devices taught (core/plan.h), one small file a device: STATE/learnt/DEVICE. */
#ifndef AGENT_LEARNT_H
#define AGENT_LEARNT_H

#include "core/buf.h"
#include "core/err.h"

bool learnt_put(const char *state_dir, const char *device, const char *limits, struct err *err) MUST_USE;
/* False when nothing was learnt. */
bool learnt_get(const char *state_dir, const char *device, struct buf *out);

#endif
