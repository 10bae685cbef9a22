/* tests/sim/mibs.h - what the SNMP devices of the simulator show: RFC 1628, PowerNet rPDU2 and InRow, Raritan PX2. */
#ifndef SIM_MIBS_H
#define SIM_MIBS_H

#include "tests/sim/agent.h"
#include "tests/sim/fleet.h"

struct mibs;
struct mibs *mibs_new(struct err *err);
void mibs_free(struct mibs *m);

/* One device at one time, as an agent to ask.  `ask` holds what the view points to; it lives as long as the view. */
struct mib_ask { struct fleet *f; const struct sim_device *self, *shown; enum device_class as; struct wall t; const struct mibs *mibs; oid object[32]; char text[16]; };
struct agent_view mibs_view(const struct mibs *m, struct fleet *f, const struct sim_device *d, struct wall t, struct mib_ask *ask);

#endif
