/* tests/unit/publish/made_up.h - a snapshot of a site that does not exist, for tests of what leaves the program and for
 * looking at the page.  Every figure is invented; the site is marked simulated unless asked otherwise. */
#ifndef MADE_UP_H
#define MADE_UP_H

#include "publish/publish.h"

struct made_up {
	bool not_simulated, unknown_power, no_verdict, hostile, early;   /* hostile: names carry markup; early: nothing known yet */
	bool dead_gateway;                                               /* all units behind 127.9.1.1 are down */
	size_t racks, devices;                                           /* 0: 1024 and 130 */
	int64_t at_ms;                                                   /* 0: 2026-03-14T06:20:30Z */
};
struct snapshot *made_up_snapshot(const struct made_up *how);
const struct site *made_up_site(const struct made_up *how);

#endif
