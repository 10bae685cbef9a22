/* tests/bench/devices.h - the devices of the polling benchmarks: thousands of meters and agents in one process that costs as little as it can.
 *
 * Every 127.x.y.z is a device of its own, of both kinds.  Registers are pairs: pair k of a meter is the float value k, the last of
 * them a counter (u32); object k+1 of an agent is value k in tenths, the last one a counter.  Pairs and objects far behind are
 * counters, too.  Bench data only: what asks is ours. */
#ifndef BENCH_DEVICES_H
#define BENCH_DEVICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { DEVICE_VALUES = 27, DEVICE_COUNTERS = 500, AGENT_COUNTERS = 100 /* its number must fit a byte of the OID */ };

struct devices_options {
	int listener, udp;             /* -1: none.  devices_listen() and devices_bind() make them */
	bool moving;                   /* values change with time; else all are 230.0 and counters 0 */
	bool silent;                   /* connections are taken and questions read; nothing is answered */
	struct gaps *gaps;             /* NULL: not measured */
};
/* On all addresses; *port 0: any. */
int devices_listen(uint16_t *port);
int devices_bind(uint16_t *port);
void devices_serve(const struct devices_options *o);       /* until `devices_end` is set by a signal */
extern volatile int devices_end;

/* Distances between two questions to the same device, in milliseconds. */
enum { GAP_MOST_MS = 20000 };
struct gaps { uint64_t counts[GAP_MOST_MS + 1], asked; };
/* Smallest gap that `per_100000` of them do not exceed; 0 when there is none. */
int64_t gaps_quantile(const struct gaps *g, uint64_t per_100000);
uint64_t gaps_above(const struct gaps *g, int64_t ms);

#endif
