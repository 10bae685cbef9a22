/* rules/facts.h - everything a policy may ask about a site, as values with provenance.  Built from closed windows,
 * racks and signed statements; or read from a JSON file (puectl eligibility --facts).  Format: docs/formats.md.  Pure. */
#ifndef RULES_FACTS_H
#define RULES_FACTS_H

#include "core/kpi.h"
#include <jansson.h>

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

struct attestation { const char *name; enum truth value; struct date date; const char *text, *role, *by, *evidence; bool signed_, revoked; };
struct claim { const char *site, *company, *policy; bool pending; int64_t amount_fen; struct date date; const char *id; };

struct facts {
	const struct site *site;
	struct kpi kpi;                     /* of the window the pack asks for */
	struct racks racks, racks_min;      /* at the window's end; the minimum over the window */
	struct date judged;                 /* the day of judging: an argument, never today */
	struct date window_from, window_to; /* local dates, inclusive */
	struct date completed, applied;     /* year 0: not stated */
	const struct attestation *attestations; size_t n_attestations;
	const struct claim *claims; size_t n_claims;
	const char *const *lineage; size_t n_lineage;      /* the site and all it was merged from */
	int64_t approved_rate_fen;          /* 0: not stated, then the pack's bound */
	bool simulated;
};

/* Canonical JSON (sorted keys, compact, integers) and back.  The result of facts_parse lives in *root: keep it until done. */
json_t *facts_json(const struct facts *f);
bool facts_parse(const char *name, const void *bytes, size_t len, struct facts *out, json_t **root, struct err *err) MUST_USE;

#endif
