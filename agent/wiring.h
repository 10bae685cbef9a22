/* agent/wiring.h - which series is which meter's register, and what one count of it is worth.
 *
 * Known before any device answers where the profile says it alone (Modbus, SNMP objects with a fixed scale); a register whose scale
 * only the device knows is wired once the device was discovered: wiring_make() again, then the ledger continues from its checkpoint. */
#ifndef AGENT_WIRING_H
#define AGENT_WIRING_H

#include "agent/registry.h"
#include "core/ledger.h"

/* One row a meter, malloc'ed; series are reserved in the registry, and those of power watched.  poll_ms 0: the devices' own. */
bool wiring_make(const struct site *site, const struct library *library, struct registry *registry, int64_t poll_ms,
		 struct ledger_wiring **out, struct err *err) MUST_USE;
bool wiring_equal(const struct site *site, const struct ledger_wiring *a, const struct ledger_wiring *b);

#endif
