/* core/ledger.h - the energy ledger: a fold over samples that closes 15-minute intervals.
 *
 * Live run, restart (checkpoint + journal tail), `puectl replay`, the hub's audit and certificate verification all call
 * ledger_push(); equality of the bytes they produce is a test and a feature.  Rules: domain.md 2.2, 2.3, 2.7.
 * A meter's energy is a curve, linear between accepted reads, never extrapolated.  Cumulative known energy is rounded to
 * the mW.h at boundaries, never differences, so that sums telescope: a year is one difference.  Pure. */
#ifndef CORE_LEDGER_H
#define CORE_LEDGER_H

#include "core/site.h"

/* How a meter's energy in an interval is known (domain.md 2.3). */
enum energy_class { CLASS_R, CLASS_D, CLASS_L, CLASS_I, CLASS_B, CLASS_P, CLASS_N, CLASS_M, CLASS_MISSING, CLASS_COUNT };

struct interval_row {               /* one per meter with energy, in site order */
	uint32_t meter;             /* index into site.meters */
	int64_t energy_mwh;         /* known energy in the interval = cumulative(to) - cumulative(from), meter.factor included */
	int64_t cumulative_mwh;     /* known energy since the ledger began, at `to` */
	int64_t missing_ms;         /* time inside the interval that is not known */
	int64_t substituted_mwh;    /* part of nothing above: class B/P/N/M/I energy, reported apart; its class below */
	uint8_t class_, substitute_class;
	uint16_t flags;             /* enum interval_flag */
};
enum interval_flag { INTERVAL_LATE = 1, INTERVAL_UNSYNCED = 2, INTERVAL_CLOCK_STEP = 4, INTERVAL_EPOCH_CHANGE = 8, INTERVAL_GAP = 16 };

/* [from_ms, to_ms) since the interval's beginning, not known of a meter that is a term of a sum. */
struct missing_part { uint32_t meter; int32_t from_ms, to_ms; };

/* An interval closes when every meter is known up to its end, at the latest when a meter has been silent for an hour (or 1.5
 * polls where those are longer): what is not known then is missing.  What becomes known afterwards (the gap ends and both
 * readings are good; a frozen register jumps) comes as EVENT_CORRECTION, which says exactly how closed intervals change. */
struct interval {
	struct wall from, to;       /* half-open, aligned to UTC */
	bool total_known, it_known; /* every term of the sum is known over the whole interval */
	int64_t total_mwh, it_mwh;  /* by the tree, known parts only */
	int64_t total_cumulative_mwh, it_cumulative_mwh;
	int64_t total_missing_ms, it_missing_ms;     /* time in which at least one term of the sum is not known */
	bool synced;
	uint16_t flags;             /* of the site: enum interval_flag, the union of the rows' flags */
	const struct interval_row *rows;
	size_t n;
	const struct missing_part *parts;    /* where terms lack a part of the interval, by meter and time */
	size_t n_parts;
};

/* EVENT_MANUAL: a person states ev.energy_mwh for [ev.from, ev.to), spread evenly: it stands in (class M) for what intervals of the
 * meter lack there, in place of P and N. */
enum ledger_event_kind {
	EVENT_WRAP, EVENT_RESET, EVENT_SPIKE, EVENT_DROP_RETURN, EVENT_AMBIGUOUS, EVENT_IMPLAUSIBLE, EVENT_FROZEN, EVENT_CONFLICT,
	EVENT_LATE, EVENT_GAP, EVENT_CLOCK_STEP, EVENT_EPOCH, EVENT_SESSION, EVENT_FINDING, EVENT_POWER_MISMATCH, EVENT_CORRECTION,
	EVENT_MANUAL,
	EVENT_N
};
/* EVENT_CORRECTION: between ev.from and ev.to the meter's known cumulative energy, which closed intervals hold as flat, becomes
 * a straight line from `start` to `end`, exact: whole mW.h + rest/den.  An interval of the meter that ends in (ev.from,
 * closed_to] gains curve_at(its end) - curve_at(its start) mW.h, and, when was_missing, as much missing time less as it shares
 * with [ev.from, ev.to).  Later intervals have the line in them already. */
struct ledger_curve {
	int64_t start_mwh, start_rest, end_mwh, end_rest, den;
	struct wall closed_to;
	bool was_missing;
	uint8_t class_;             /* that of the corrected intervals: CLASS_D */
};
struct ledger_event {
	enum ledger_event_kind kind;
	uint32_t meter;             /* UINT32_MAX: the site */
	struct wall from, to;       /* what it touches; for a gap its ends */
	int64_t energy_mwh;         /* known, missing or disputed energy where the kind has one */
	uint32_t finding;           /* EVENT_FINDING: enum finding_kind of core/balance.h, 0 when it is gone; else 0 */
	struct ledger_curve curve;  /* EVENT_CORRECTION */
	char reason[400];           /* a sentence, English; the kind is the stable part */
};
const char *ledger_event_name(enum ledger_event_kind kind);
/* Cumulative mW.h of a correction's line at t, rounded half to even; outside [from, to] its nearer end. */
int64_t curve_at(const struct ledger_event *ev, struct wall t);

char energy_class_letter(enum energy_class c);     /* R D L I B P N M, '-' for missing */

/* What is wired to what: for each meter the series of its energy register and of its power, or UINT32_MAX.
 * count_mwh and modulus are the profile's (an epoch of the site file that states its own wins); is_float: counts of 1 mW.h.
 * fraction: units of sample.value in one count (recordings of float registers without a profile: 1000 = three decimals); 0 is 1. */
struct ledger_wiring { uint32_t energy_series, power_series; struct ratio count_mwh; int64_t modulus; bool is_float; int64_t poll_ms, fraction; };

struct ledger;
struct ledger_sink {
	void (*interval)(void *ctx, const struct interval *);      /* in order of time, each exactly once */
	void (*event)(void *ctx, const struct ledger_event *);
	void *ctx;
};
/* Borrows site and wiring (one row a meter) for its life. */
struct ledger *ledger_new(const struct site *site, const struct ledger_wiring *wiring, struct err *err);
void ledger_free(struct ledger *l);
/* Samples of other series are ignored.  `now` counts as a stamp of the site: it lets intervals close when nothing comes
 * (watermark 15 min behind the newest stamp).  Callbacks come from inside this call; what they are given is borrowed. */
void ledger_push(struct ledger *l, const struct sample *samples, size_t n, struct stamp now, const struct ledger_sink *sink);
/* End of a recording: closes what can be closed (decides pending reads, drops the watermark). */
void ledger_finish(struct ledger *l, const struct ledger_sink *sink);
/* An exchange that a person stated: goes on with `site`, the ledger's own but for the epochs of this meter from `at` on (core/amend.h).
 * When the meter's time from `at` on has been folded already, the break of its curve that the exchange explains is mended by corrections.  Refused,
 * and nothing changes, when there is no such break, when known energy would have to change, or the new epoch's count does not fit. */
bool ledger_amend(struct ledger *l, const struct site *site, uint32_t meter, struct wall at, struct err *err) MUST_USE;
/* Energy of a meter by a person's word: an EVENT_MANUAL when the time is closed; never known energy. */
struct manual_reading;
bool ledger_manual(struct ledger *l, const struct manual_reading *r, struct err *err) MUST_USE;
/* Canonical checkpoint; loading it into a ledger of the same configuration continues byte for byte.  A checkpoint of
 * another configuration is loaded by meter id: what changed opens a new epoch. */
void ledger_save(const struct ledger *l, struct buf *out);
bool ledger_load(struct ledger *l, const void *bytes, size_t len, struct err *err) MUST_USE;

/* For pages and `puectl top`: how one meter stands now. */
enum meter_state { METER_UNSEEN, METER_KNOWN, METER_UNDECIDED, METER_SILENT, METER_OUT_OF_EPOCH };
struct meter_view { enum meter_state state; struct stamp last; int64_t last_count, cumulative_mwh; enum reason cause; uint32_t epoch; };
void ledger_meter(const struct ledger *l, uint32_t meter, struct meter_view *out);
struct wall ledger_closed_to(const struct ledger *l);          /* end of the last closed interval; INT64_MIN before the first */

/* Canonical bytes of the evidence leaf of an interval / event: one line of JSON, integers only (docs/ledger.md). */
void interval_leaf(const struct site *site, const struct interval *iv, struct buf *out);
void event_leaf(const struct site *site, const struct ledger_event *ev, struct buf *out);
/* Reads a leaf back; rows and parts are one allocation, the caller frees `rows`.  Used by audit, history and verification. */
bool interval_of_leaf(const struct site *site, const void *leaf, size_t len, struct interval *out, struct err *err) MUST_USE;
bool event_of_leaf(const struct site *site, const void *leaf, size_t len, struct ledger_event *out, struct err *err) MUST_USE;
enum ledger_leaf { LEDGER_LEAF_OTHER, LEDGER_LEAF_INTERVAL, LEDGER_LEAF_EVENT };
enum ledger_leaf ledger_leaf_kind(const void *leaf, size_t len);      /* by its first member, "type" */

#endif
