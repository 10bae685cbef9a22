/* tests/sim/server.h - all devices of a fleet on loopback, in one thread: one socket an address, one timer queue.
 *
 * Site time is the real clock plus a constant.  What a fault does to a connection or a datagram is here; what it does to
 * a value is in fleet.h. */
#ifndef SIM_SERVER_H
#define SIM_SERVER_H

#include "tests/sim/fleet.h"

struct server;
struct server_options {
	uint16_t modbus_port, snmp_port;   /* 0: a free one, the same for all addresses */
	int64_t offset_ms;                 /* site time less real time */
	int64_t latency_us;                /* every Modbus answer, one at a time a gateway */
	const char *log;                   /* file: one line for each request, connection and close; NULL: none */
};
/* Listens on every address; ports say which were taken. */
struct server *server_new(struct fleet *f, struct server_options *options, struct err *err);
/* Until SIGTERM or SIGINT. */
bool server_run(struct server *s, struct err *err) MUST_USE;
void server_free(struct server *s);
size_t server_hosts(const struct server *s);

#endif
