/* agent/aside.h - work that may take long, beside the loop: on a thread of its own, its end told on the loop. */
#ifndef AGENT_ASIDE_H
#define AGENT_ASIDE_H

#include "core/err.h"

#include <systemd/sd-event.h>

struct aside;
/* work(ctx) on a thread; then done(ctx) on the loop thread, once.  NULL: it could not be started, nothing was called. */
struct aside *aside_start(sd_event *loop, void (*work)(void *ctx), void (*done)(void *ctx), void *ctx, struct err *err);
/* Waits for the thread; done() is not called when it was not yet.  May be called from done().  NULL is fine. */
void aside_free(struct aside *a);

#endif
