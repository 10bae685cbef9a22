/* rules/facts.h - everything a policy may ask about a site, as values with provenance.  Built from closed windows,
 * racks and signed statements; or read from a JSON file (puectl eligibility --facts).  Format: docs/formats.md, "facts".
 * A fact that is not known stays unknown: -1 in counts and ppm, year 0 in dates, NULL in texts; never 0.  Pure. */
#ifndef RULES_FACTS_H
#define RULES_FACTS_H

#include "core/kpi_baseline.h"
#include "core/selection.h"
#include <jansson.h>

enum truth { TRUTH_NO, TRUTH_YES, TRUTH_UNKNOWN };

/* What only people know: one signed statement.  Unsigned, revoked or by another role than the pack names: missing. */
struct attestation {
	const char *name;                   /* "retrofit", "cloud_center", ...: names of the pack */
	enum truth value;                   /* yes/no statements */
	struct date date;                   /* dates; else the day it was made */
	const char *text, *role, *by, *evidence;   /* evidence: leaf id or document hash */
	const char *amount;                 /* "30000000 yuan": an exact number with its unit, NULL: none */
	bool signed_, revoked;
};
/* A grant asked for or given.  Matched by site lineage, whatever the company code (domain.md 3.6 rule 8). */
struct claim {
	const char *site, *company, *policy;
	bool pending;
	int64_t amount_fen;                 /* -1: not stated */
	struct date date;
	const char *id;
	const char *level;                  /* "city", "province", ...; NULL: not stated.  Another level is no overlap */
	bool withdrawn;                     /* revoked, refused or superseded: no longer counts */
};
/* A further window the pack asks for ("baseline": the year before; "load25": at a load fraction). */
struct named_window { const char *name; struct kpi kpi; struct date from, to; };
/* What-if: `fact` (or all facts below it: "racks") reads as `value`.  Never evidence. */
struct assumption { const char *fact, *value; };

/* A figure of others that was used: its source goes with it.  micro 0: none. */
struct fact_factor { int64_t micro; const char *source, *status; };

struct facts {
	const struct site *site;
	const struct zone *zone;            /* local calendar of the window; NULL when dates are all there is */
	struct kpi kpi;                     /* of the window the pack asks for */
	struct racks racks, racks_min;      /* at the window's end; the minimum over the window */
	struct selection selection;         /* by role, measuring point and hall; how good the meters are */
	struct date judged;                 /* the day of judging: an argument, never today */
	struct date window_from, window_to; /* local dates, inclusive */
	struct date completed, applied;     /* year 0: not stated */
	const struct attestation *attestations; size_t n_attestations;
	const struct claim *claims; size_t n_claims;
	const char *const *lineage; size_t n_lineage;      /* the site and all it was merged from */
	int64_t approved_rate_fen;          /* 0: not stated, then the pack's bound */
	bool simulated;
	const char *method;                 /* "mains" (also when NULL), "overhead", "R_M1", "R_M2" */
	const struct named_window *windows; size_t n_windows;
	struct baseline baseline;           /* before the retrofit; site NULL: none */
	struct fact_factor coal;            /* 1e-6 kg/kW.h of standard coal, at the window's end */
	const struct assumption *assumptions; size_t n_assumptions;
	struct facts_memory *memory;        /* of facts_parse(); NULL otherwise */
};

/* All unknown: what facts_parse() starts from, and what a builder should start from. */
void facts_unknown(struct facts *f);
void kpi_unknown(struct kpi *k);
void racks_unknown(struct racks *r);

/* Canonical JSON (sorted keys, compact, integers) and back.  The texts of facts_parse live in *root and f->memory:
 * keep both until facts_done() and json_decref(). */
json_t *facts_json(const struct facts *f);
bool facts_parse(const char *name, const void *bytes, size_t len, struct facts *out, json_t **root, struct err *err) MUST_USE;
void facts_done(struct facts *f);
json_t *kpi_json(const struct kpi *k);
/* As a statement holds it and facts carry it; the texts of baseline_parse() live in the object. */
json_t *baseline_json(const struct baseline *b);
bool baseline_parse(const json_t *object, struct baseline *out, struct err *err) MUST_USE;

#endif
