/* core/walk.h - what snmpwalk, snmpbulkwalk and snmpget print, as the lines of a .snmprec recording.
 *
 * Reads the forms of net-snmp's -O options: -On ("." in front), names that begin with iso or SNMPv2-SMI::enterprises, -OQ and -Oq
 * (without types), -Oe, -Ot, -OT; texts and hex octets over many lines, "Wrong Type (should be ...)", units behind numbers, and
 * numbers that a MIB displays with a point (the point is taken out again: the device sent a whole number).  Objects under a name that
 * only a MIB knows are counted in *left_out.  Refused, with the line: what may be two values ("2.30" without its type), and what
 * is no answer.  Source: net-snmp 5.9 snmplib/mib.c, and its output over the same variables.  Pure. */
#ifndef CORE_WALK_H
#define CORE_WALK_H

#include "core/buf.h"
#include "core/err.h"

/* Is it a walk rather than a recording ("OID|TAG|VALUE") or a script?  What stands above the first answer (a prompt, complaints about
 * MIBs) is passed over. */
bool walk_is(const void *bytes, size_t len);

/* Appends "OID|TAG|VALUE" lines; texts as hex octets (tag 4x). */
bool walk_to_snmprec(const void *bytes, size_t len, struct buf *snmprec, size_t *left_out, struct err *err) MUST_USE;

#endif
