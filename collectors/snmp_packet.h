/* collectors/snmp_packet.h - GET datagrams kept as net-snmp built them: polling asks the same question again and again, of one device and
 * of all others of its model.  Only the request id is put in anew.  Versions 1 and 2c. */
#ifndef COLLECTORS_SNMP_PACKET_H
#define COLLECTORS_SNMP_PACKET_H

#include "core/reading.h"

struct packets;
struct packets *packets_new(void);
void packets_free(struct packets *p);

struct packet { const uint8_t *bytes; size_t len; };
/* The datagram that asks for all objects of `req`; valid until the next call.  False when it cannot be built. */
bool packet_get(struct packets *p, long version, const char *community, const struct request *req, uint32_t id, struct packet *out);
/* Ids always take four bytes, so that they fit the place; never 0. */
uint32_t packet_id(uint32_t last);

#endif
