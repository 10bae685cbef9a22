/* agent/device_events.h - what happens to devices (down, up, overrun, limit learnt, identity changed, ...), for people.
 *
 * A device has one line of a kind a minute, a kind has ten lines a minute whatever the number of devices; what is held back is
 * counted exactly and told in one line when its minute is over.  The latest events stay for the page.  One thread; time is given. */
#ifndef AGENT_DEVICE_EVENTS_H
#define AGENT_DEVICE_EVENTS_H

#include "core/time.h"
#include "core/base.h"

enum { DEVICE_EVENTS_KEPT = 40 };
struct device_event { uint64_t n; struct wall at; const char *device, *kind, *sentence; };    /* n: running number of this run, from 1 */

struct device_events;
/* `line` gets each line for the log; good: the news is not a worry. */
struct device_events *device_events_new(void (*line)(void *ctx, bool good, const char *text), void *ctx);
void device_events_free(struct device_events *e);                    /* NULL is fine */
/* Returns the event as kept, until the next call. */
struct device_event device_events_take(struct device_events *e, const char *device, const char *kind, const char *sentence, struct stamp now);
void device_events_tick(struct device_events *e, struct stamp now);  /* once a second: tells what was held back */
/* Newest first. */
size_t device_events_latest(const struct device_events *e, struct device_event out[DEVICE_EVENTS_KEPT]);

#endif
