/* core/ledger_state.h - inside the ledger only: the state of the fold.
 *
 * One `struct meter_fold` a meter, in one array.  A reading waits in the meter's queue, sorted, until the watermark has
 * passed it; then ledger_advance() lets the decision table of domain.md 2.7 rule 4 take it and records what it means at
 * each interval boundary in the meter's slots.  Everything about a meter depends on its own readings in the order of their
 * stamps and on nothing else, which is why order of arrival, batches and restarts cannot change a byte. */
#ifndef CORE_LEDGER_STATE_H
#define CORE_LEDGER_STATE_H

#include "core/balance.h"
#include "core/ledger.h"
#include "core/level.h"
#include "core/tree.h"

enum { LOOK_AHEAD = 3, SESSION_NONE = UINT32_MAX, HOURS_A_WEEK = 168 };
#define WATERMARK_MS INT64_C(900000)
#define SILENCE_MS INT64_C(3600000)
#define CLOCK_STEP_MS INT64_C(5000)
/* A clock that was not set (1970) and then is, or years without a reading: no intervals are closed in between. */
#define LEAP_MS (INT64_C(400) * 86400000)
#define NEVER INT64_MAX

struct read {
	int64_t wall_ms, boot_ms, value;
	uint32_t session;
	uint8_t reason;                  /* enum reason when there is no value */
	bool has_value, synced;
};

struct slot { int64_t cumulative_mwh, energy_mwh, substituted_mwh, missing_ms; uint16_t flags; uint8_t class_, substitute_class; };

/* What one unit of a register is worth in the current epoch, and what is possible on its circuit. */
struct scale {
	int64_t num, den;                /* mW.h of one unit, meter.factor included */
	int64_t parts;                   /* the same in parts of the meter's level: num * level.den / den */
	int64_t count_num, count_den;    /* mW.h of one count, without factor: for the cap */
	int64_t fraction;                /* units in one count */
	int64_t modulus;                 /* units; 0 none */
	int64_t p_max_mw;                /* 0 none */
	bool net;
};

/* Where the curve broke last: the readings on both sides of what is missing.  An exchange that is stated afterwards mends it. */
struct break_ { bool is; struct read from, to; };

enum step { STEP_ACCEPT, STEP_WRAP, STEP_AMBIGUOUS, STEP_HIGH, STEP_LOW, STEP_N };

/* Thousands of meters have these: a few intervals, as many as can be open at the usual poll distances, and eight bytes an hour. */
enum { POWER_BUCKETS = 8 };
struct power_bucket { int64_t min_mw, max_mw; uint32_t interval; bool used; };       /* interval: its number since 1970 */

/* An hour of the week: the energy of its n known intervals (at most four), in that week.  Kept as one number: mW.h, week, n. */
enum { HOUR_MOST = 4, HOUR_SHIFT = 19 };
static const int64_t hour_mwh_bound = INT64_C(1) << (63 - HOUR_SHIFT);       /* 17.6 GW for an hour */
struct profile_hour { int64_t mwh; uint16_t week; uint8_t n; };
static inline int64_t hour_pack(struct profile_hour h) { return h.mwh * (INT64_C(1) << HOUR_SHIFT) | (int64_t)h.week << 3 | h.n; }
static inline struct profile_hour hour_of(int64_t packed) { return (struct profile_hour){ packed >> HOUR_SHIFT, (uint16_t)(packed >> 3), packed & 7 }; }

/* Intervals closed in one call, times their rows: a year that closes at once is spread over many calls. */
enum { ROWS_A_CALL = 4000, LEAST_A_CALL = 4 };

struct meter_fold {
	const struct meter *meter;
	const struct ledger_wiring *wiring;
	int64_t poll_ms, silence_ms;
	int8_t total_sign, it_sign;
	bool power_only;
	uint32_t same_energy, same_power;   /* next meter on the same series, UINT32_MAX none */

	struct read *queue;              /* ring, sorted by session and boot time */
	uint32_t head, len, room;

	uint32_t epoch;                  /* current, or next when !in_epoch */
	bool in_epoch;
	struct scale scale;

	bool has_last;
	struct read last, change;        /* last accepted reading; the first one with its value */
	uint32_t run;                    /* accepted readings in a row with this value */
	struct level level;              /* cumulative known energy at `last` */
	struct read pending[1 + LOOK_AHEAD];   /* an undecided reading and what came after it */
	uint32_t n_pending;
	enum step pending_step;

	struct { int64_t wall_ms, value; } recent[4];   /* taken lately: when one comes again it is a duplicate, not late */
	uint32_t n_recent;
	int64_t seen_ms;                 /* stamp of the newest reading taken, accepted or not; INT64_MIN none */
	int64_t done_ms;                 /* the curve is known or known to be missing up to here */
	int64_t next;                    /* interval being filled: number since 1970 */
	int64_t step_next;               /* `next` before the step being taken: where its events belong at the earliest */
	int64_t boundary_mwh;            /* rounded cumulative at its start */
	int64_t missing_ms;
	bool distributed;
	uint16_t flags;
	uint8_t cause;                   /* first failure since the last value */
	int64_t cap_dt, cap;             /* last cap computed */

	struct break_ broken;
	bool outside;                    /* of every epoch: said of this time */

	uint32_t late, conflict_n, dropped;
	int64_t late_from_ms, late_to_ms, conflict_ms;

	__int128 integral;               /* power only: 2 * mW * ms in the interval being filled */
	struct power_bucket *power;      /* register and power: envelope of the last intervals */
	uint32_t mismatches;
	int64_t *profile;                /* terms only: hour_pack() of each hour of the week, for class P */
};

struct queued_event { int64_t interval; uint64_t seq; struct ledger_event ev; };
struct segment { uint32_t meter; int64_t from_ms, to_ms; };      /* inside one interval */
struct step_range { int64_t from_ms, to_ms; };
struct session_seen { uint32_t session; int64_t first_ms, last_ms; bool told; };

struct ledger {
	const struct site *site;
	const struct ledger_wiring *wiring;
	struct tree tree;
	int64_t interval_ms;
	size_t n;                        /* meters */
	struct meter_fold *meters;
	uint32_t *rows, n_rows;          /* meters with energy, in site order */
	uint32_t *by_energy, *by_power, n_series;

	struct slot *slots;              /* [meter][interval & (room - 1)] */
	uint32_t slot_room;

	bool total_possible, it_possible;   /* every term has a register */
	bool begun, fixed;               /* a stamp has come; the first interval is final */
	int64_t newest_ms, begin_ms;
	int64_t next;                    /* first interval not closed */
	int64_t sweep_ms;                /* look at all meters when the newest stamp reaches this */
	int64_t total_mwh, it_mwh;       /* cumulative */

	bool has_clock;
	struct stamp clock;              /* the last stamp that moved the boot clock */
	struct step_range *steps; size_t n_steps;
	struct session_seen *sessions; size_t n_sessions;
	struct segment *segments; size_t first_segment, n_segments, segment_room;   /* first: those before belong to closed intervals */
	bool segments_mixed;             /* not in order of time */
	struct missing_part *parts; size_t part_room;      /* of the interval being closed */
	int64_t budget;                  /* intervals that may still be closed in this call */
	int64_t lead_ms;                 /* how far a meter is taken ahead of what is closed */
	struct queued_event *events; size_t n_events, event_room;
	uint64_t event_seq;
	struct interval_row *out;
	struct watch *watch;             /* findings of the day (core/balance.h) */
	bool failed;                     /* out of memory: nothing more is closed, so nothing wrong is */
};

static inline int64_t interval_of(const struct ledger *l, int64_t ms)
{
	int64_t q = ms / l->interval_ms;
	return q - (q * l->interval_ms > ms);
}
static inline int64_t interval_end(const struct ledger *l, int64_t interval) { return (interval + 1) * l->interval_ms; }
static inline uint32_t meter_index(const struct ledger *l, const struct meter_fold *m) { return (uint32_t)(m - l->meters); }
static inline struct slot *slot_at(const struct ledger *l, size_t meter, int64_t interval)
{
	return &l->slots[meter * l->slot_room + ((uint64_t)interval & (l->slot_room - 1))];
}

/* ledger_step.c: the decision table. */
int64_t read_elapsed(const struct read *a, const struct read *b);
int64_t scale_cap(const struct scale *s, int64_t dt_ms);
enum step step_judge(const struct scale *s, int64_t previous, int64_t current, int64_t cap, int64_t *units);
bool scale_same(const struct scale *a, const struct scale *b);
bool scale_of(const struct meter *m, const struct meter_epoch *e, const struct ledger_wiring *w, struct scale *out);

/* ledger_meter.c: takes everything of a meter that lies before `before_ms`. */
void meter_advance(struct ledger *l, struct meter_fold *m, int64_t before_ms);
void meter_decide(struct ledger *l, struct meter_fold *m);        /* no more readings: decides what is pending */
bool meter_queue(struct ledger *l, struct meter_fold *m, const struct read *r);
void meter_fill(struct ledger *l, struct meter_fold *m, int64_t to_ms);   /* missing up to there */
/* Where a meter stands among its epochs: the edge it passed last, and in a loaded state the epoch that goes on from there. */
int64_t meter_edge(const struct meter_fold *m);
void meter_enter(struct meter_fold *m, bool in_epoch, int64_t edge_ms);
struct read meter_stated(int64_t wall_ms, int64_t value);         /* a reading that epoch or person states */
bool meter_gap(const struct meter_fold *m, int64_t elapsed_ms);    /* longer than 1.5 polls */
void meter_epoch_event(struct ledger *l, struct meter_fold *m, const struct meter_epoch *before, const struct meter_epoch *e, int64_t interval);
int read_order(const struct read *a, const struct read *b);

/* ledger_close.c */
void ledger_record(struct ledger *l, struct meter_fold *m, int64_t cumulative_mwh);
void ledger_missing(struct ledger *l, const struct meter_fold *m, int64_t from_ms, int64_t to_ms);
void ledger_found(struct ledger *l, const struct meter_fold *m, int64_t from_ms, int64_t to_ms);     /* of open intervals, after all */
struct ledger_event *ledger_event_new(struct ledger *l, enum ledger_event_kind kind, uint32_t meter, int64_t interval, int64_t from_ms, int64_t to_ms);
void ledger_fix_begin(struct ledger *l);
bool ledger_slots_grow(struct ledger *l);
void ledger_leap(struct ledger *l, int64_t to_ms, const struct ledger_sink *sink);
void ledger_close_until(struct ledger *l, const struct ledger_sink *sink);
/* ledger_substitute.c */
void ledger_substitute(const struct ledger *l, struct interval_row *row);
void ledger_learn(struct ledger *l, const struct interval_row *row);
void ledger_power(struct ledger *l, struct meter_fold *m, int64_t wall_ms, int64_t power_mw);

#endif
