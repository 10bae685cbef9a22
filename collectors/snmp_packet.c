#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collectors/snmp_packet.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 1024, MARK = 0x5a3c5a3c };

struct slot { uint64_t key; uint8_t *bytes; size_t len, id_at; };
struct packets { struct slot slots[SLOTS]; };

struct packets *packets_new(void)
{
	return calloc(1, sizeof(struct packets));
}

void packets_free(struct packets *p)
{
	for (size_t i = 0; p && i < SLOTS; i++)
		free(p->slots[i].bytes);
	free(p);
}

uint32_t packet_id(uint32_t last)
{
	return last >= 0x7ffffffe || last < 0x01000000 ? 0x01000000 : last + 1;
}

/* FNV-1a over everything that is in the datagram but the id.  Should two questions ever share a key, the answer would not match the objects
 * asked for and be rejected. */
static uint64_t key_of(long version, const char *community, const struct request *req)
{
	uint64_t h = UINT64_C(14695981039346656037) ^ (uint64_t)version;
	for (; *community; community++)
		h = (h ^ (unsigned char)*community) * UINT64_C(1099511628211);
	for (size_t i = 0; i < req->n_oids; i++) {
		h = (h ^ req->oids[i].n) * UINT64_C(1099511628211);
		for (size_t k = 0; k < req->oids[i].n; k++)
			h = (h ^ req->oids[i].ids[k]) * UINT64_C(1099511628211);
	}
	return h ? h : 1;
}

static bool build(struct slot *slot, long version, const char *community, const struct request *req)
{
	static const uint8_t mark[] = { 2, 4, 0x5a, 0x3c, 0x5a, 0x3c };
	netsnmp_session session;
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
	size_t room = 65536, used = 0;
	u_char *block = malloc(room);
	bool good = false;
	snmp_sess_init(&session);
	session.version = version;
	if (pdu && block) {
		pdu->version = version;
		pdu->reqid = MARK;
		pdu->community = (u_char *)strdup(community);
		pdu->community_len = strlen(community);
		for (size_t i = 0; i < req->n_oids; i++) {
			oid ids[OID_MAX];
			for (size_t k = 0; k < req->oids[i].n; k++)
				ids[k] = req->oids[i].ids[k];
			snmp_add_null_var(pdu, ids, req->oids[i].n);
		}
		good = pdu->community && snmp_build(&block, &room, &used, &session, pdu) >= 0;
	}
	const u_char *packet = block + room - used;      /* built from the end */
	const u_char *at = good ? memmem(packet, used, mark, sizeof mark) : NULL;
	uint8_t *bytes = at ? malloc(used) : NULL;
	if (bytes) {
		memcpy(bytes, packet, used);
		free(slot->bytes);
		*slot = (struct slot){ .bytes = bytes, .len = used, .id_at = (size_t)(at - packet) + 2 };
	}
	if (pdu)
		snmp_free_pdu(pdu);
	free(block);
	return bytes;
}

bool packet_get(struct packets *p, long version, const char *community, const struct request *req, uint32_t id, struct packet *out)
{
	uint64_t key = key_of(version, community, req);
	struct slot *slot = &p->slots[(key ^ key >> 32) % SLOTS];
	if (slot->key != key) {
		if (!build(slot, version, community, req))
			return false;
		slot->key = key;
	}
	uint8_t *at = slot->bytes + slot->id_at;
	at[0] = (uint8_t)(id >> 24);
	at[1] = (uint8_t)(id >> 16);
	at[2] = (uint8_t)(id >> 8);
	at[3] = (uint8_t)id;
	*out = (struct packet){ slot->bytes, slot->len };
	return true;
}
