/* tests/sim/fault.h - what a device of the simulator can be made to do wrong, as text: DEVICE=KIND[:ARG][@FROM..TO]
 *
 * DEVICE is an id or a pattern (`pdu-*`), with `%N` behind it a seeded N percent of what it fits (`*%20`).  FROM and TO are
 * RFC 3339 (site time) or seconds after the start (`@5s..20s`); either may be missing.  Kinds: see fault_kinds[]. */
#ifndef SIM_FAULT_H
#define SIM_FAULT_H

#include "core/time.h"

enum fault_kind {
	FAULT_DEAD, FAULT_SLOW, FAULT_REFUSING, FAULT_RESTART, FAULT_COUNTER_RESET, FAULT_FROZEN, FAULT_WRONG_ORDER, FAULT_WRAP,
	FAULT_SWAPPED, FAULT_GARBAGE, FAULT_DRIP, FAULT_STALL, FAULT_FOREIGN_TRANSACTION, FAULT_EXCEPTION, FAULT_SINGLE, FAULT_SPEAKS,
	FAULT_BAD_UNIT, FAULT_BAD_LENGTH, FAULT_BAD_PROTOCOL, FAULT_BAD_COUNT, FAULT_FLOOD, FAULT_OTHER_OID, FAULT_ENDLESS_WALK,
	FAULT_STRAY_FIRST, FAULT_OTHER_SOURCE, FAULT_TOO_BIG, FAULT_RATIO, FAULT_NO_VALUE, FAULT_NASTY_TEXT, FAULT_KINDS
};
struct fault_row { const char *name; int64_t low, high, usual; bool text; const char *meaning; };
extern const struct fault_row fault_kinds[FAULT_KINDS];

enum { FAULTS_A_DEVICE = 6, FAULT_TEXT = 24 };
struct fault {
	char pattern[48];
	int percent;               /* 100: all that fit */
	enum fault_kind kind;
	int64_t arg;
	char text[FAULT_TEXT];     /* argument of kinds that take a word */
	struct wall from, to;      /* site time, half-open */
};
bool fault_parse(const char *text, struct wall start, struct fault *out, struct err *err) MUST_USE;

#endif
