/* agent/series_query.h - questions over many series, for the pages and for puectl: sums, newest values, energies of a meter. */
#ifndef AGENT_SERIES_QUERY_H
#define AGENT_SERIES_QUERY_H

#include "core/ledger.h"
#include "store/store.h"

/* All series whose name matches one of the patterns (commas between them; * and ?), added up.  ERR_INPUT when none does, or they are not of one kind. */
bool query_sums(struct reader *r, const char *patterns, struct wall from, struct wall to, int64_t step_ms, step_sum_fn *fn, void *ctx, struct err *err) MUST_USE;
/* Does a name match one of the patterns?  "" and NULL match all. */
bool query_matches(const char *patterns, const char *name);

/* Energy of a meter in steps of whole intervals, from the evidence: the ledger's own exact numbers, roll-overs and gaps included, never a difference of
 * registers.  What a person or a later reading corrected is in events, not here (puectl pue --explain has both).  classes: the letters of core/ledger.h that occur. */
struct energy_step { struct wall from, to; int64_t energy_mwh, substituted_mwh, missing_ms; uint32_t intervals; char classes[CLASS_COUNT + 1]; };
typedef bool energy_step_fn(void *ctx, const struct energy_step *s);
bool query_energy(struct reader *r, const struct site *site, const char *meter, struct wall from, struct wall to, int64_t step_ms, energy_step_fn *fn, void *ctx, struct err *err) MUST_USE;

#endif
