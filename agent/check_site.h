/* agent/check_site.h - a site against what it names: profiles, their points, endpoints, bus time.  No network.
 * Problems and warnings go to `c`, the conf the site was read with. */
#ifndef AGENT_CHECK_SITE_H
#define AGENT_CHECK_SITE_H

#include "core/profile.h"
#include "core/site.h"

/* Profiles known and of the endpoint's protocol, endpoints whole, points that meters and overrides name in the profile and of
 * the right quantity. */
void check_devices(struct conf *c, const struct site *s, const struct library *lib);
/* Warns of Modbus buses that will be busy for more than 80 % of the time. */
void check_buses(struct conf *c, const struct site *s, const struct library *lib);

#endif
