/* collectors/snmp_udp.h - one UDP socket a family for all SNMP agents: datagrams leave and arrive many a system call.
 *
 * Knows nothing of SNMP: bytes with an address go out at udp_flush(), bytes with their source come in by udp_receive(). */
#ifndef COLLECTORS_SNMP_UDP_H
#define COLLECTORS_SNMP_UDP_H

#include "collectors/net.h"

struct udp;
struct udp *udp_new(struct err *err);
void udp_free(struct udp *u);
enum { UDP_FAMILIES = 2 };
int udp_fd(const struct udp *u, size_t family);      /* to watch for input; -1: this host has no such family */

/* Copies the datagram into the queue; false when this host has no socket of that family or the datagram is too long. */
bool udp_queue(struct udp *u, const struct address *to, const void *bytes, size_t len);
/* Queues a copy and says where it lies, so that a number in it can be changed; valid until the next call.  NULL as udp_queue(), and when it
 * is longer than what any network carries whole. */
uint8_t *udp_copy(struct udp *u, const struct address *to, const void *bytes, size_t len);
void udp_flush(struct udp *u);
enum { UDP_BATCH = 64 };
struct datagram { const struct address *from; uint8_t *bytes; size_t len; };
/* What came, at most a batch of it: fewer than that means that nothing is left.  Valid until the next call. */
size_t udp_receive(struct udp *u, size_t family, const struct datagram **out);

#endif
