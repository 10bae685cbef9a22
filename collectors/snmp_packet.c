#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collectors/snmp_packet.h"

#include <stdlib.h>
#include <string.h>

enum { SETS = 512, WAYS = 8, MARK = 0x5a3c5a3c };

/* What it asks is kept beside the datagram and compared, not only its key: the answer's names are trusted by the datagram's. */
struct slot {
	uint8_t *bytes;                      /* NULL: nothing is kept here */
	struct span *names;
	uint32_t *objects;                   /* each as its length and its numbers, one behind the other */
	char *community;
	size_t len, id_at, n_names, n_oids;
	long version;
	uint32_t built;                      /* which building it was: never the same twice */
};
struct packets { struct slot slots[SETS * WAYS]; uint8_t turn[SETS]; uint32_t built; };

struct packets *packets_new(void)
{
	return calloc(1, sizeof(struct packets));
}

static void slot_done(struct slot *slot)
{
	free(slot->bytes);
	free(slot->names);
	free(slot->objects);
	free(slot->community);
	*slot = (struct slot){ 0 };
}

void packets_free(struct packets *p)
{
	for (size_t i = 0; p && i < countof(p->slots); i++)
		slot_done(&p->slots[i]);
	free(p);
}

uint32_t packet_id(uint32_t last)
{
	return last >= 0x7ffffffe || last < 0x01000000 ? 0x01000000 : last + 1;
}

void packet_put_id(const struct packet *packet, uint8_t *bytes, uint32_t id)
{
	uint8_t *at = bytes + packet->id_at;
	at[0] = (uint8_t)(id >> 24);
	at[1] = (uint8_t)(id >> 16);
	at[2] = (uint8_t)(id >> 8);
	at[3] = (uint8_t)id;
}

/* FNV-1a over everything that is in the datagram but the id: only a place to look at. */
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
	return h;
}

static size_t oid_size(const struct oid *o)
{
	return (1 + (size_t)o->n) * sizeof(uint32_t);
}

static bool asks(const struct slot *slot, long version, const char *community, const struct request *req)
{
	if (!slot->bytes || slot->version != version || slot->n_oids != req->n_oids || strcmp(slot->community, community) != 0)
		return false;
	const uint32_t *objects = slot->objects;
	for (size_t i = 0; i < req->n_oids; i++) {
		const struct oid *o = &req->oids[i];
		if (*objects != o->n || memcmp(objects + 1, o->ids, o->n * sizeof *o->ids) != 0)
			return false;
		objects += 1 + o->n;
	}
	return true;
}

static bool remember(struct slot *slot, long version, const char *community, const struct request *req)
{
	size_t size = 0;
	for (size_t i = 0; i < req->n_oids; i++)
		size += oid_size(&req->oids[i]);
	slot->objects = malloc(size ? size : 1);
	slot->names = calloc(req->n_oids ? req->n_oids : 1, sizeof *slot->names);
	slot->community = strdup(community);
	slot->version = version;
	slot->n_oids = req->n_oids;
	if (!slot->objects || !slot->names || !slot->community)
		return false;
	uint8_t *to = (uint8_t *)slot->objects;
	for (size_t i = 0; i < req->n_oids; to += oid_size(&req->oids[i]), i++)
		memcpy(to, &req->oids[i], oid_size(&req->oids[i]));
	slot->n_names = packet_names(slot->bytes, slot->len, slot->names, req->n_oids);
	if (slot->n_names != req->n_oids)
		slot->n_names = 0;
	return true;
}

static netsnmp_pdu *question(long version, const char *community, const struct request *req)
{
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
	if (!pdu)
		return NULL;
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
	return pdu;
}

static bool build(struct slot *slot, long version, const char *community, const struct request *req)
{
	static const uint8_t mark[] = { 2, 4, 0x5a, 0x3c, 0x5a, 0x3c };
	netsnmp_session session;
	netsnmp_pdu *pdu = question(version, community, req);
	size_t room = 65536, used = 0;
	u_char *block = malloc(room);
	snmp_sess_init(&session);
	session.version = version;
	slot_done(slot);
	bool hidden = memmem(community, strlen(community), mark, sizeof mark);      /* the first mark must be the id */
	bool good = pdu && block && pdu->community && !hidden && snmp_build(&block, &room, &used, &session, pdu) >= 0;
	const u_char *packet = block + room - used;      /* built from the end */
	const u_char *at = good ? memmem(packet, used, mark, sizeof mark) : NULL;
	slot->bytes = at ? malloc(used) : NULL;
	if (slot->bytes) {
		memcpy(slot->bytes, packet, used);
		slot->len = used;
		slot->id_at = (size_t)(at - packet) + 2;
	}
	if (pdu)
		snmp_free_pdu(pdu);
	free(block);
	if (slot->bytes && remember(slot, version, community, req))
		return true;
	slot_done(slot);
	return false;
}

static void hand_out(const struct slot *slot, struct packet *out)
{
	*out = (struct packet){ .bytes = slot->bytes, .len = slot->len, .id_at = slot->id_at, .version = (uint8_t)slot->version,
				.names = slot->names, .n_names = slot->n_names, .built = slot->built };
}

/* Where the question is, or where it is to be put. */
static struct slot *find(struct packets *p, long version, const char *community, const struct request *req)
{
	uint64_t key = key_of(version, community, req);
	size_t set = (size_t)((key ^ key >> 32) % SETS);
	struct slot *slots = p->slots + set * WAYS, *unused = NULL;
	for (size_t i = 0; i < WAYS; i++) {
		if (asks(&slots[i], version, community, req))
			return &slots[i];
		if (!unused && !slots[i].bytes)
			unused = &slots[i];
	}
	return unused ? unused : &slots[p->turn[set]++ % WAYS];
}

bool packet_get(struct packets *p, uint16_t *hint, long version, const char *community, const struct request *req, struct packet *out)
{
	struct slot *slot = &p->slots[*hint % countof(p->slots)];
	if (!asks(slot, version, community, req)) {
		slot = find(p, version, community, req);
		*hint = (uint16_t)(slot - p->slots);
	}
	if (!asks(slot, version, community, req)) {
		if (!build(slot, version, community, req))
			return false;
		slot->built = ++p->built;
	}
	hand_out(slot, out);
	return true;
}

bool packet_again(const struct packets *p, uint16_t hint, uint32_t built, struct packet *out)
{
	const struct slot *slot = &p->slots[hint % countof(p->slots)];
	if (!slot->bytes || slot->built != built)
		return false;
	hand_out(slot, out);
	return true;
}
