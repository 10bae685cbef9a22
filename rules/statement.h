/* rules/statement.h - what only people know: signed, dated, revocable statements, each one evidence leaf (LEAF_MANUAL), and
 * how they become facts.  Format: docs/formats.md, "statement".  Pure.
 *
 * Payload of an envelope of type JWS_STATEMENT:
 *	{"by","format":1,"id","issued","kind","role","simulated","site", ...} and by kind
 *	attestation: "name", and "value" (yes|no), "date", "amount" ("800 yuan"), "text", "document" as far as they are stated
 *	claim:       "claim": {"site","company","policy","pending","withdrawn","amount_fen","date","level"}
 *	lineage:     "of": id of a site this one was merged from
 *	baseline:    "baseline": a frozen PUE (facts.h, baseline_json)
 *	meter:       "meter": {"id","at","last","first","reason", ...}   a meter exchange (core/amend.h)
 *	reading:     "reading": {"id","from","to","energy" or "first","last","reason"}   energy that nothing measured
 *	revocation:  "revokes": id of a statement
 * Names with a meaning of their own: "retrofit_completed" and "applied" (date), "approved_rate" (amount a rack). */
#ifndef RULES_STATEMENT_H
#define RULES_STATEMENT_H

#include "core/amend.h"
#include "rules/facts.h"
#include "rules/jws.h"

/* Words about a meter; a revoked one stays, marked. */
struct meter_statement { const char *id, *by; char *json; bool reading, revoked; };
struct statements {
	struct attestation *attestations; size_t n_attestations;
	struct claim *claims; size_t n_claims;
	const char **lineage, **lineage_ids; size_t n_lineage;   /* site and id of the statement; the first is the site itself, NULL */
	struct meter_statement *meters; size_t n_meters;
	const char *revokes;         /* what the last revocation names */
	struct baseline baseline;    /* the newest that is not revoked; site NULL: none */
	json_t *roots;               /* owner of all texts */
	struct buf findings;         /* a line for each statement that does not count, and why */
	size_t unknown_keys;         /* statements by keys that the trust store does not have: neither right nor wrong */
	size_t unknown_meters;       /* of those: words about meters, and revocations, which may be of such */
};
void statements_init(struct statements *s, const char *site_id);     /* the lineage starts with the site itself */
void statements_done(struct statements *s);
/* Adds one envelope, in the order of the evidence: a later attestation of the same name
 * by the same role takes the place of the earlier, a revocation marks what it names.  One that does not verify is a finding and counts for nothing.  False only for memory. */
bool statements_add(struct statements *s, const struct trust *trust, const void *envelope, size_t len, struct err *err) MUST_USE;
/* Borrowed by f until statements_done(). */
void statements_into(const struct statements *s, struct facts *f);

/* Words about meters that were not revoked, in order, for amend(); room for one more.  The array is the caller's, its texts are s's. */
bool statements_words(const struct statements *s, struct meter_words **out, size_t *n, struct err *err) MUST_USE;

/* Will it count, by this pack's statements and roles and the names above?  ERR_USAGE or ERR_INPUT with what is asked for. */
struct pack;
bool attestation_fits(const struct pack *p, const struct attestation *a, struct err *err) MUST_USE;
/* "800 yuan" -> fen, whole and above 0; else 0. */
int64_t statement_fen(const char *amount);

/* The canonical payload of a statement, from its members; "format", "id" (first 16 hex of SHA-256 of the rest) are added. */
bool statement_payload(json_t *members, struct buf *out, struct err *err) MUST_USE;

#endif
