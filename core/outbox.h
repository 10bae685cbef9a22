/* core/outbox.h - the interface between the durable outbox and whatever sends it.  A report is here before it leaves, and
 * stays until the receiver's own receipt (or the configured retention where there is no hub): a PUBACK is not a receipt. */
#ifndef CORE_OUTBOX_H
#define CORE_OUTBOX_H

#include "core/time.h"

/* sent: wall time of the last PUBACK; ms 0: never acknowledged, or asked for again. */
struct outbox_item { uint64_t epoch, seq; const char *topic; const void *payload; size_t len; struct wall sent; };
struct outbox_ops {
	/* Rows with seq > after that are not delivered, ascending, at most `max`; the callback copies.  Any thread. */
	bool (*pending)(void *store, uint64_t after, size_t max, void (*fn)(void *ctx, const struct outbox_item *), void *ctx, struct err *err);
	void (*sent)(void *store, uint64_t seq, struct wall at);                 /* PUBACK: remembered, kept */
	void (*delivered)(void *store, uint64_t epoch, uint64_t from, uint64_t to);   /* receipt: may be dropped */
	void (*again)(void *store, uint64_t epoch, uint64_t from, uint64_t to);  /* receiver asks: pending once more */
};

#endif
