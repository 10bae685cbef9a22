/* rules/cert.h - the certificate as one canonical value: the 13 field groups of domain.md 5.1.  JSON is the truth; the PDF
 * is its picture.  Layout: docs/formats.md, "certificate JSON".  Pure.
 *
 * A certificate carries its own facts (facts_json) and, as evidence, the interval leaves at the window's ends and at each
 * month's end with their Merkle paths: cumulative energies telescope, so E_T and E_IT of window and months follow from
 * those few leaves, and verification computes them instead of believing them. */
#ifndef RULES_CERT_H
#define RULES_CERT_H

#include "core/merkle.h"
#include "rules/pack.h"

struct cert_inputs {
	const struct site *site;
	const struct zone *zone;
	const struct pack *pack;
	const struct facts *facts;
	const struct verdict *verdict;
	const char *number;                 /* certificate number */
	struct wall issued;
	const char *software, *supersedes;  /* "pued 0.1.0+abc123"; number of the one it replaces or NULL */
	const char *config_hash, *tree_root;
	uint64_t tree_size, epoch;
	const struct kpi *months; size_t n_months;      /* monthly rows of the window */
	const struct window *window;        /* per-meter energy; NULL: none */
	const struct ledger_event *events; size_t n_events; uint64_t event_counts[EVENT_N];
	/* cert_evidence_new() and cert_evidence_add(): leaves with inclusion paths.  Borrowed. */
	json_t *evidence;
};
/* Canonical JSON text (JSON_SORT_KEYS | JSON_COMPACT, no reals): the JWS payload.  Refuses what-if facts, and a verdict that is
 * not the one of these facts. */
bool cert_build(const struct cert_inputs *in, struct buf *out, struct err *err) MUST_USE;

/* The evidence object.  `path` is the leaf's inclusion path in the tree of tree_size leaves; kind and date are part of its hash.
 * `why` says what the leaf is for: "start", "first", "end", "last", "month", "unknown" (an interval that is not fully known), "marked" (one that
 * is, but not plainly), "event", "correction", "configuration", "statement".  omitted: what of "marked", "event" and
 * "correction" there was no room for.  Leaves of a kind stand in the order of the tree. */
enum { CERT_EVENTS = 200 };          /* how many events results.event_list shows */
json_t *cert_evidence_new(uint64_t epoch, uint64_t tree_size, const char *tree_root);
struct cert_leaf { uint64_t index; uint8_t kind; struct wall at; const void *bytes; size_t len; };
bool cert_evidence_add(json_t *evidence, const char *why, const struct cert_leaf *leaf, const struct hash *path, size_t n, struct err *err) MUST_USE;

struct cert_omitted { int64_t intervals, events, corrections; };     /* corrections: and manual readings, which change sums too */
void cert_evidence_omitted(json_t *evidence, const struct cert_omitted *omitted);

struct cert_check {
	char pointer[256];
	uint64_t leaves;
	bool from_evidence;           /* energies were recomputed from leaves */
	bool measured;                /* and all that is measured, racks included */
};
/* What was found, a line each; what could not be computed again reads "stated, not recomputed, because ...". */
struct cert_notes { struct { char zh[400], en[400]; } lines[24]; size_t n; };
void cert_note(struct cert_notes *notes, const char *zh, const char *en, ...) __attribute__((format(printf, 2, 4), format(printf, 3, 4)));
/* Recomputes verdict and printed figures from the certificate's own facts and the pack; names the pointer that differs. */
bool cert_recheck(const json_t *cert, const struct pack *pack, char *pointer, size_t size, struct err *err) MUST_USE;
/* Recomputes E_T and E_IT of window and months from the attached leaves. */
bool cert_recheck_evidence(const json_t *cert, struct cert_check *out, struct err *err) MUST_USE;
/* Folds window and months again from the attached leaves and the configuration in the evidence, and compares what follows: KPI with
 * completeness, classes, findings and U, racks and shares, meters, months, flows, and the window itself with what the pack asks for.  The
 * configuration counts as the statements attached amend it (core/amend.h), those by keys of `trust`.
 * Leaves must have been checked by cert_recheck_evidence().  Notes say what was computed and what could not be. */
bool cert_recheck_measured(const json_t *cert, const struct pack *pack, const struct trust *trust, struct cert_notes *notes, struct cert_check *out, struct err *err) MUST_USE;
/* Compares statements, claims and lineage with the signed leaves attached.  Lines in `unchecked`: statements by keys that `trust`
 * does not know, so that they could not be checked. */
bool cert_recheck_statements(const json_t *cert, const struct trust *trust, struct buf *unchecked, struct cert_check *out, struct err *err) MUST_USE;

#endif
