/* tests/unit/collectors/snmp_peer.h - a scripted SNMP agent on a loopback socket, in the same event loop.  It parses and builds with
 * net-snmp; a behaviour function may change what it is about to send, or send something else, or nothing. */
#ifndef SNMP_PEER_H
#define SNMP_PEER_H

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collectors/collector.h"
#include <arpa/inet.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>

enum { PEER_COLUMNS = 3, PEER_ROWS = 25 };   /* 1.3.6.1.4.1.99.COLUMN.ROW, an INTEGER COLUMN * 1000 + ROW */

struct snmp_peer {
	int fd;
	uint16_t port;
	sd_event_source *source;
	size_t requests, last_vars;
	long last_command;
	int error_limit;             /* more variables than this: tooBig; 0: none */
	uint32_t missing;            /* column that GET does not have; 0: none */
	uint32_t broken;             /* column that makes the whole GET an error (v1) */
	void (*behave)(struct snmp_peer *p, netsnmp_pdu *answer);    /* NULL: answer right */
	struct sockaddr_in to;
	void *ctx;
};

void snmp_peer_start(struct snmp_peer *p, sd_event *loop, const char *address);
void snmp_peer_stop(struct snmp_peer *p);
void snmp_peer_send(struct snmp_peer *p, netsnmp_pdu *answer);                      /* builds and sends; `answer` stays the caller's */
size_t snmp_peer_bytes(netsnmp_pdu *answer, unsigned char *out, size_t size);
void snmp_peer_raw(struct snmp_peer *p, const void *bytes, size_t n);

#endif
