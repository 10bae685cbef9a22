/* core/decode.h - a reading becomes samples.  All scaling, byte orders, sentinels and plausibility of the project live here.
 *
 * Every point of the request gets exactly one sample, always: a value, or missing/bad with its reason.  A structurally wrong
 * answer (fewer or more words, other objects, other order) is a value for no point: all are missing, REASON_MALFORMED.
 * One bad variable spoils only its own point.  Pure. */
#ifndef CORE_DECODE_H
#define CORE_DECODE_H

#include "core/plan.h"

/* `reading->request` must be a request of this plan (its id is the index).  Sample k gets series = first_series + point index and
 * at = reading->at.  `out` has room for plan_slots(plan, request->id) samples; returns how many were written (always that number). */
size_t decode_reading(const struct plan *plan, const struct reading *reading, uint32_t first_series, struct sample *out);

/* Does the device tell another scale or unit in this reading than when it was discovered?  Its values that hang on one are then missing,
 * REASON_RESCALED, in this reading; those of other readings of the same cycle are for the caller to take back.  Discover again. */
bool decode_rescaled(const struct plan *plan, const struct reading *reading);

/* One value.  `words` in wire order (at least coding words).  False with *why when there is no value. */
bool decode_words(const struct bound_point *p, const uint16_t *words, int64_t *value, enum reason *why);
bool decode_var(const struct bound_point *p, const struct var *v, int64_t *value, enum reason *why);

/* Samples for every point that no request reads (plan->dropped): missing, REASON_EXCEPTION.  Room for n_dropped. */
size_t decode_dropped(const struct plan *plan, struct stamp at, uint32_t first_series, struct sample *out);

/* The profile's plausibility rules over one device's values of one poll: `samples[i]` belongs to point i.  Each finding is a
 * sentence naming the points; returns how many.  Samples that break a rule get quality bad, REASON_IMPLAUSIBLE when `mark`. */
struct checks;
struct checks *checks_make(const struct bound *bound);       /* borrows it; NULL: out of memory */
bool checks_any(const struct checks *k);                     /* does a rule speak of a point that this device has? */
size_t checks_run(const struct checks *k, struct sample *samples, bool mark, struct buf *findings);
void checks_free(struct checks *k);                          /* NULL is fine */

/* Every type and order over the same words, one a line, marking those plausible for `q` (Q_NONE: no marking).
 * For `puectl probe --decode`. */
void decode_alternatives(const uint16_t *words, size_t n, enum quantity q, struct buf *out);

/* Runs the profile's own test blocks; every mismatch is a sentence in `findings`.  Returns the number of mismatches;
 * *facts gets how many values were compared. */
size_t profile_test(const struct profile *profile, size_t *facts, struct buf *findings);

/* Discovers, plans and decodes a replica (core/replica.h) with one profile: what a probe would see.  The caller owns *bound; one
 * sample a point.  Used by tests and `puectl profile test --recording`. */
struct replica;
bool replica_probe(struct replica *r, const struct profile *profile, struct bound **bound, struct sample **samples, struct err *err) MUST_USE;
/* The best profile of the library for a replica. */
bool replica_identify(struct replica *r, const struct library *lib, enum transport transport, struct identity *out, struct err *err) MUST_USE;
/* A test block's given values as a replica; NULL when out of memory. */
struct replica *profile_case_replica(const struct profile_case *c);

#endif
