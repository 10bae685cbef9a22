/* publish/snapshot.h - an immutable picture of the running site: made by the pipeline, read by HTTP, metrics and puectl.
 * One pointer, swapped under a lock held for nanoseconds; snapshot_get() holds a reference, snapshot_put() drops it.
 *
 * The maker fills it before snapshot_set() and never after.  Texts and arrays come from snapshot_text() and
 * snapshot_array(): they live as long as the snapshot, so nothing in it points into live state except `site`, `zone` and
 * `pack`, and those live until `release`. */
#ifndef PUBLISH_SNAPSHOT_H
#define PUBLISH_SNAPSHOT_H

#include "core/kpi.h"
#include "rules/pack.h"

/* state: "up", "late", "down", "starting" (anything else is shown as it is). */
struct snapshot_device { const char *id, *profile, *endpoint, *state; uint64_t polls, failures, timeouts, late, retries; int64_t latency_us, last_good_ms; const char *error; };
struct snapshot_meter { const char *id, *label; int role; int64_t power_mw, energy_day_mwh; bool power_known; struct stamp at;
			bool energy_known; int64_t energy_mwh; };   /* energy_mwh: known energy since the ledger began */
struct snapshot_rack { const char *id, *hall, *row; int function; int64_t power_mw, rated_mw; bool power_known; };
struct snapshot_quarter { int64_t total_mwh, it_mwh; struct wall from; bool known; };
struct snapshot_event { enum ledger_event_kind kind; const char *meter; struct wall from, to; int64_t energy_mwh; const char *reason; };   /* meter NULL: the site */

struct snapshot_finding { const char *kind, *meter, *reason; struct wall from, to; int64_t residual_mwh; };   /* judged over from..to */

struct snapshot_device_event { uint64_t n; struct wall at; const char *device, *kind, *sentence; };

/* Poll times: buckets of `pued_poll_duration_seconds`, upper bounds in poll_bucket_us[]; the last bucket is +Inf. */
enum { POLL_BUCKETS = 9 };
extern const int64_t poll_bucket_us[POLL_BUCKETS - 1];

struct snapshot {
	const struct site *site;                 /* with zone and pack the owner's; lives until release(owner) */
	const struct zone *zone;
	struct stamp at;
	int64_t total_mw, it_mw; bool total_known, it_known;       /* power ratio: P_DC / P_IT, dashboards only */
	const char **power_lacks; size_t n_power_lacks;            /* ids of the meters that these sums need and that say nothing now */
	struct kpi day, month, year;             /* iPUE of local day and month, rolling year */
	struct ratio pue_limit;                  /* of the pack; printed figures stay on their side of it; {0,0}: none */
	/* domain: a role's name ("cooling"); day_mwh < 0: not known */
	struct { const char *domain; int64_t power_mw, day_mwh; bool power_unknown; } domains[12]; size_t n_domains;
	struct racks racks;
	struct verdict *verdict;                 /* NULL: not yet judged; see snapshot_judged() */
	const struct pack *pack;
	struct snapshot_device *devices; size_t n_devices;
	struct snapshot_meter *meters; size_t n_meters;
	struct snapshot_rack *rack_rows; size_t n_rack_rows;
	struct snapshot_quarter quarters[96]; size_t n_quarters;   /* last day, oldest first */
	struct snapshot_event *events; size_t n_events;            /* the latest, newest first; a few dozen */
	struct snapshot_finding *findings; size_t n_findings;      /* open ones */
	struct snapshot_device_event *device_events; size_t n_device_events;   /* the latest, newest first */
	uint64_t outbox_pending, outbox_sent, tree_size, epoch; int64_t outbox_oldest_s; char tree_root[65];
	const char *store_sentence, *mqtt_sentence; bool degraded;
	uint64_t event_counts[EVENT_N];
	uint64_t poll_counts[POLL_BUCKETS]; int64_t poll_sum_us;   /* per bucket, not cumulative */
	bool clock_offset_known; int64_t clock_offset_us;          /* adjtimex */
	struct wall reloaded;                    /* last good load of the configuration; ms 0: unknown */
	struct buf memory;                       /* freed with the snapshot */
	struct snapshot_chunk *chunks;           /* owner of texts and arrays */
	void (*release)(void *owner); void *owner;   /* called when the last reference goes, from any thread; NULL: nothing to do */
	int references;                          /* atomic */
};

static inline bool snapshot_has_ratio(const struct snapshot *s) { return s->total_known && s->it_known && s->it_mw > 0; }

struct snapshot *snapshot_new(void);                                     /* zeroed, one reference; NULL out of memory */
const char *snapshot_text(struct snapshot *s, const char *text);         /* a copy; "" when text is NULL or memory is out */
void *snapshot_array(struct snapshot *s, size_t n, size_t size);         /* zeroed; NULL when memory is out */
bool snapshot_judged(struct snapshot *s, const struct verdict *v);       /* s->verdict = a deep copy of v */

struct snapshot_slot;                            /* holds the current one */
struct snapshot_slot *snapshot_slot_new(void);
void snapshot_set(struct snapshot_slot *slot, struct snapshot *s);       /* takes */
const struct snapshot *snapshot_get(struct snapshot_slot *slot);         /* NULL before the first */
void snapshot_put(const struct snapshot *s);                             /* NULL is fine */
void snapshot_slot_free(struct snapshot_slot *slot);

#endif
