/* tests/sim/server_in.h - inside of the server: server.c (hosts and loop), wire.c (what goes out), modbus.c and snmp.c (what is
 * sent, and its faults). */
#ifndef SIM_SERVER_IN_H
#define SIM_SERVER_IN_H

#include "tests/sim/mibs.h"
#include "tests/sim/queue.h"
#include "tests/sim/server.h"
#include <netinet/in.h>

enum { UNITS = 256, REQUEST_MAX = 300, SEND_MAX = 1 << 16 };
enum source_kind { SOURCE_LISTENER, SOURCE_AGENT, SOURCE_CONNECTION, SOURCE_SIGNAL, SOURCE_INPUT };

struct source { enum source_kind kind; int fd; };       /* what epoll hands back; first member of those below */

struct host {
	struct source source;
	uint32_t address;
	bool snmp;
	const struct sim_device **units;  /* Modbus: by unit; SNMP: [0] */
	const struct sim_device *any;     /* the first device */
	int connections;
	bool faulty;                      /* a device of it has faults, or had them */
	int64_t busy_until_us;            /* a gateway serves one request at a time */
};

struct connection {
	struct source source;
	struct host *host;
	uint64_t serial;                  /* 0: not in use; late deliveries compare it */
	uint8_t in[REQUEST_MAX], *out;    /* out: what the socket did not take yet */
	size_t in_len, out_len;
	int64_t last_due_us;
	bool greeted;
	struct connection *next_free, *next;
};

struct server {
	struct fleet *fleet;
	struct mibs *mibs;
	struct server_options options;
	int epoll, other_fd;
	struct source signals, input;
	char line[1024];                  /* of standard input */
	size_t line_len;
	struct host *hosts;
	size_t n_hosts;
	struct connection *connections, *free_connections;
	struct queue queue;
	uint64_t serial, noises;
	int64_t now_us;                   /* of this turn of the loop, CLOCK_MONOTONIC */
	struct wall now;                  /* site time of this turn */
	FILE *log;
	bool stopping;
};

/* Sends at due_us (now or later), after all that was promised on this connection before. */
void send_on(struct server *s, struct connection *c, const void *bytes, size_t len, int64_t due_us);
void send_datagram(struct server *s, struct host *h, const struct sockaddr_in *peer, const void *bytes, size_t len, int64_t due_us,
		   bool other_source);
bool watch(struct server *s, struct source *source, uint32_t events, int op);   /* epoll_ctl */
void flush_out(struct server *s, struct connection *c);   /* the socket takes again */
void deliver_due(struct server *s);
void sweep(struct server *s);                             /* closed connections may be used again */
void close_connection(struct server *s, struct connection *c);
void note(struct server *s, const char *id, const char *fmt, ...) PRINTF(3, 4);
void noise(struct server *s, const struct sim_device *d, uint8_t *out, size_t len);

/* Takes whole requests out of c->in.  False: the connection is to be closed. */
bool modbus_serve(struct server *s, struct connection *c);
void modbus_greet(struct server *s, struct connection *c);
void snmp_serve(struct server *s, struct host *h, const struct sockaddr_in *peer, const uint8_t *request, size_t len);

#endif
