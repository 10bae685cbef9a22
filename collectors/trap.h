/* collectors/trap.h - is this datagram an SNMP trap?  Nothing more is wanted of it: a trap is a hint to look, never a value.
 *
 * Read as far as the kind of the message (version, community or v3 header, PDU tag) with net-snmp's own functions; nothing of
 * its contents is decoded, verified or kept, so that nothing of it can be believed.  Pure. */
#ifndef COLLECTORS_TRAP_H
#define COLLECTORS_TRAP_H

#include "core/base.h"

enum trap_kind { TRAP_NONE, TRAP_V1, TRAP_V2, TRAP_INFORM, TRAP_V3 };   /* V3: sealed; its kind stays unknown without keys */
enum trap_kind trap_kind_of(const void *bytes, size_t len);

/* What the receiving process tells for each source: the address it came from.  16 bytes, IPv4 as ::ffff:a.b.c.d. */
struct trap_notice { uint8_t from[16]; };

#endif
