/* tests/sim/queue.h - what is due later, earliest first; of two due at once, the one that was put in first. */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include "core/base.h"

struct queued { int64_t due_us; uint64_t order; };      /* first member of what is queued */
struct queue { struct queued **heap; size_t n, room; uint64_t order; };

/* Ends the process when memory is out: a simulator that forgets what it promised is of no use. */
void queue_push(struct queue *q, struct queued *item);
/* NULL when nothing is due by now. */
struct queued *queue_pop(struct queue *q, int64_t now_us);
int64_t queue_next(const struct queue *q);              /* INT64_MAX: empty */
void queue_done(struct queue *q);                       /* frees what is left with free() */

#endif
