/* core/busload.h - how long a bus is busy with the plans of its devices: predicted, before anything is connected.
 * Serial timing: domain.md section 6 (11 bits a byte; 8 bytes ask, 5 + 2 x words answer; 50 ms turn-around).  Pure. */
#ifndef CORE_BUSLOAD_H
#define CORE_BUSLOAD_H

#include "core/plan.h"

/* Time of one sweep of a plan on a serial line; on Modbus/TCP use plan_cost_us(). */
int64_t plan_serial_us(const struct plan *p, int64_t baud);

/* One more device on a bus. */
struct busload { int64_t busy_ppm; int64_t poll_ms; bool mixed; size_t devices; };      /* poll_ms: of all, unless mixed */
void busload_add(struct busload *b, int64_t sweep_us, int64_t poll_ms);

#endif
