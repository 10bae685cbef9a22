/* core/script.h - the recording of a device as text (docs/formats-recording.md): what it holds, and how that changes with time.
 *
 *	1.3.6.1.2.1.1.2.0|6|1.3.6.1.4.1.318          an object, as .snmprec has it
 *	.1.3.6.1.2.1.1.5.0 = STRING: "x"              or all of it as snmpwalk prints it (core/walk.h): without times
 *	holding 0x0034 0x4366 0x6666                 words from an address on; input, coil, discrete likewise
 *	object 0 Acme                                 device identification (43/14)
 *	@ 90s                                         what follows holds from 90 s after the beginning
 *	silent                                        until the next '@' it says nothing
 *
 * Time is an argument, so days of it run in a test of milliseconds.  Pure. */
#ifndef CORE_SCRIPT_H
#define CORE_SCRIPT_H

#include "core/replica.h"

struct script;
/* Copies the text; every line is read here, so that a wrong one is told at the start: "line N: ...". */
struct script *script_new(const void *bytes, size_t len, struct err *err);
void script_free(struct script *s);                    /* NULL is fine */
bool script_has_objects(const struct script *s);       /* an SNMP device */
size_t script_left_out(const struct script *s);        /* objects of a walk under a name that only a MIB knows */
/* The device as it is so long after the beginning; time never goes back.  NULL: it is silent (or memory is out). */
struct replica *script_at(struct script *s, int64_t elapsed_ms);

#endif
