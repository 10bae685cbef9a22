/* agent/registry.h - the run's series: one number for each DEVICE/POINT, with the last sample of those that are watched.
 *
 * A site may have hundreds of thousands: a series costs some twenty bytes and its text, and what many of them have in common is kept once. */
#ifndef AGENT_REGISTRY_H
#define AGENT_REGISTRY_H

#include "core/bind.h"
#include "core/site.h"

struct registry;
/* What is known of a series beside its row: the register's modulus, and raw * raw_factor = sample value ({0,0}: not known). */
struct registry_facts { struct series row; int64_t modulus; bool is_float; struct ratio raw_factor; };
struct registry_facts registry_facts_of(const struct bound *bound, size_t point);      /* row.label borrowed from the bound */
struct registry *registry_new(void);
void registry_free(struct registry *r);
size_t registry_count(const struct registry *r);
/* The number of an id; makes one when there is none and then copies what is known. UINT32_MAX: out of memory. */
uint32_t registry_reserve(struct registry *r, const char *id, const struct registry_facts *facts);
struct registry_facts registry_facts(const struct registry *r, uint32_t series);
uint32_t registry_find(const struct registry *r, const char *id);       /* UINT32_MAX: none */
const char *registry_id(const struct registry *r, uint32_t series);     /* one that is there */
/* The number of point i of a device; what was reserved for it before learns its quantity and count. */
uint32_t registry_point(struct registry *r, const char *device, uint16_t device_ix, const struct bound *bound, size_t i);
void registry_devices(struct registry *r, const struct site *site);      /* rows name their device by its number in the site */

/* What the store was not told yet: series from..registry_count()-1.  registry_told(): it has taken them, all. */
bool registry_untold(const struct registry *r, size_t *from);
void registry_told(struct registry *r);
/* Since registry_rewired(): a series that was reserved is now known to be another, as its device says; a known count is worth something else. */
bool registry_learnt(const struct registry *r);
bool registry_remeant(const struct registry *r);
void registry_rewired(struct registry *r);

/* Its last sample is wanted from now on; UINT32_MAX and what is watched already are fine.  False: out of memory. */
bool registry_watch(struct registry *r, uint32_t series) MUST_USE;
void registry_keep(struct registry *r, const struct sample *samples, size_t n);
const struct sample *registry_last(const struct registry *r, uint32_t series);   /* NULL: nothing yet, or not watched */

#endif
