#include "collectors/trap.h"

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

enum { SEQUENCE = ASN_SEQUENCE | ASN_CONSTRUCTOR, COMMUNITY_MAX = 255 };

static enum trap_kind kind_of_pdu(u_char tag)
{
	switch (tag) {
	case SNMP_MSG_TRAP: return TRAP_V1;
	case SNMP_MSG_TRAP2: return TRAP_V2;
	case SNMP_MSG_INFORM: return TRAP_INFORM;
	default: return TRAP_NONE;
	}
}

enum trap_kind trap_kind_of(const void *bytes, size_t len)
{
	u_char copy[2048], *at = copy, type;
	u_char community[COMMUNITY_MAX + 1];
	size_t left = len, community_len = sizeof community;
	long version;
	if (!len || len > sizeof copy)
		return TRAP_NONE;
	memcpy(copy, bytes, len);        /* the library's functions are not const */
	if (!(at = asn_parse_sequence(at, &left, &type, SEQUENCE, "message")) || left > len - (size_t)(at - copy) ||
	    !(at = asn_parse_int(at, &left, &type, &version, sizeof version)))
		return TRAP_NONE;
	if (version == SNMP_VERSION_3)
		return asn_parse_sequence(at, &left, &type, SEQUENCE, "header") ? TRAP_V3 : TRAP_NONE;
	if ((version != SNMP_VERSION_1 && version != SNMP_VERSION_2c) || !(at = asn_parse_string(at, &left, &type, community, &community_len)) ||
	    !asn_parse_header(at, &left, &type))
		return TRAP_NONE;
	enum trap_kind kind = kind_of_pdu(type);
	return (kind == TRAP_V1) == (version == SNMP_VERSION_1) ? kind : TRAP_NONE;
}
