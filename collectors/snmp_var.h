/* collectors/snmp_var.h - net-snmp's variables as the project's own, bounded and typed.  Pure. */
#ifndef COLLECTORS_SNMP_VAR_H
#define COLLECTORS_SNMP_VAR_H

#include "core/reading.h"

struct variable_list;

/* False when the name is longer than OID_MAX or holds a number above 32 bits: such an answer is not trusted. */
bool snmp_var(const struct variable_list *in, struct var *out);
bool snmp_name_is(const struct variable_list *in, const struct oid *name);

/* SNMPv1/v2 error-status (RFC 3416 section 3). */
const char *snmp_error_text(long status);

#endif
