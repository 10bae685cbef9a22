/* publish/snapshot.h - an immutable picture of the running site: made by the pipeline, read by HTTP, metrics and puectl.
 * One pointer, swapped atomically; snapshot_get() holds a reference, snapshot_put() drops it. */
#ifndef PUBLISH_SNAPSHOT_H
#define PUBLISH_SNAPSHOT_H

#include "core/kpi.h"
#include "rules/pack.h"

struct snapshot_device { const char *id, *profile, *endpoint, *state; uint64_t polls, failures, timeouts, late; int64_t latency_us, last_good_ms; const char *error; };
struct snapshot_meter { const char *id, *label; int role; int64_t power_mw, energy_day_mwh; bool power_known; struct stamp at; };
struct snapshot_rack { const char *id, *hall, *row; int function; int64_t power_mw, rated_mw; bool power_known; };
struct snapshot {
	const struct site *site;                 /* outlives every snapshot */
	const struct zone *zone;
	struct stamp at;
	int64_t total_mw, it_mw; bool power_known;   /* power ratio: P_DC / P_IT, dashboards only */
	struct kpi day, month, year;             /* iPUE of local day and month, rolling year */
	struct { const char *domain; int64_t power_mw, day_mwh; } domains[12]; size_t n_domains;
	struct racks racks;
	struct verdict *verdict;                 /* NULL: not yet judged */
	const struct pack *pack;
	struct snapshot_device *devices; size_t n_devices;
	struct snapshot_meter *meters; size_t n_meters;
	struct snapshot_rack *rack_rows; size_t n_rack_rows;
	struct { int64_t total_mwh, it_mwh; struct wall from; bool known; } quarters[96]; size_t n_quarters;   /* last day, oldest first */
	uint64_t outbox_pending, outbox_sent, tree_size, epoch; int64_t outbox_oldest_s; char tree_root[65];
	const char *store_sentence, *mqtt_sentence; bool degraded;
	uint64_t event_counts[EVENT_N];
	struct buf memory;                       /* owner of texts and arrays */
	int references;                          /* atomic */
};
struct snapshot_slot;                            /* holds the current one */
struct snapshot_slot *snapshot_slot_new(void);
void snapshot_set(struct snapshot_slot *slot, struct snapshot *s);       /* takes */
const struct snapshot *snapshot_get(struct snapshot_slot *slot);         /* NULL before the first */
void snapshot_put(const struct snapshot *s);
void snapshot_slot_free(struct snapshot_slot *slot);

#endif
