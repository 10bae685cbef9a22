/* tests/sim/snmprec.h - a recording of an SNMP device as a table to answer from.
 *
 * What snmpwalk prints (core/walk.h), or one `OID|TAG|VALUE` a line.  Tags: 2 Integer32, 4 OctetString, 5 Null, 6 OID, 64 IpAddress, 65 Counter32, 66 Gauge32,
 * 67 TimeTicks, 68 Opaque, 70 Counter64; suffix `x`: VALUE is hex octets.  Rows are served in lexicographic OID order,
 * whatever the order of the file; of two rows with one OID the first counts. */
#ifndef SIM_SNMPREC_H
#define SIM_SNMPREC_H

#include "core/buf.h"
#include "tests/sim/agent.h"

struct snmprec;
/* NULL with err naming the line of the first problem. */
struct snmprec *snmprec_parse(const char *text, size_t len, struct err *err);
void snmprec_free(struct snmprec *r);
/* Borrows r. */
struct agent_view snmprec_view(struct snmprec *r);

#endif
