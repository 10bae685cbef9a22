/* agent/traps.h - SNMP traps: received by a small process of its own (pued-traps), which tells only who sent one. */
#ifndef AGENT_TRAPS_H
#define AGENT_TRAPS_H

#include "collectors/trap.h"
#include "core/err.h"

#include <systemd/sd-event.h>

struct traps;
struct traps_options {
	sd_event *loop;
	const char *listen;              /* "ADDRESS:PORT", "[IPV6]:PORT", or "systemd": a socket unit named traps; borrowed until return */
	void (*trap)(void *ctx, const struct trap_notice *n);
	void (*trouble)(void *ctx, const char *sentence);        /* the process ended and will be started again */
	void *ctx;
};
/* Opens the socket and starts the process; starts it again when it ends, after 1 s doubling up to a minute. */
struct traps *traps_start(const struct traps_options *o, struct err *err);
void traps_stop(struct traps *t);        /* NULL is fine */

#endif
