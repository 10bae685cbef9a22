/* collectors/snmp_packet.h - GET datagrams kept as net-snmp built them: polling asks the same question again and again, of one device and
 * of all others of its model.  Only the request id is put in anew.  Versions 1 and 2c. */
#ifndef COLLECTORS_SNMP_PACKET_H
#define COLLECTORS_SNMP_PACKET_H

#include "collectors/snmp_answer.h"

struct packets;
struct packets *packets_new(void);
void packets_free(struct packets *p);

/* The datagram that asks for all objects of `req`; valid until the next call.  *hint is where it was found last (any number at first): a
 * right one saves the search.  False when it cannot be built. */
bool packet_get(struct packets *p, uint16_t *hint, long version, const char *community, const struct request *req, struct packet *out);
/* The very datagram that packet_get() handed out with this hint and `built`; false when it is no longer kept. */
bool packet_again(const struct packets *p, uint16_t hint, uint32_t built, struct packet *out);
void packet_put_id(const struct packet *packet, uint8_t *bytes, uint32_t id);
/* Ids always take four bytes, so that they fit the place; never 0. */
uint32_t packet_id(uint32_t last);

#endif
