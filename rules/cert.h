/* rules/cert.h - the certificate as one canonical value: the 13 field groups of domain.md 5.1.  JSON is the truth; the PDF
 * is its picture.  Pure. */
#ifndef RULES_CERT_H
#define RULES_CERT_H

#include "rules/pack.h"

struct cert_inputs {
	const struct site *site;
	const struct zone *zone;
	const struct pack *pack;
	const struct facts *facts;
	const struct verdict *verdict;
	const char *number;                 /* certificate number */
	struct wall issued;
	const char *software, *supersedes;  /* "pued 0.1.0+abc123" */
	const char *config_hash, *tree_root;
	uint64_t tree_size, epoch;
	const struct kpi *months; size_t n_months;      /* monthly rows of the window */
	const struct window *window;
	const struct ledger_event *events; size_t n_events; uint64_t event_counts[EVENT_N];
	/* Evidence that lets the verifier recompute: leaves with inclusion paths (first and last interval, or all). */
	json_t *evidence;
};
/* Canonical JSON text (JSON_SORT_KEYS | JSON_COMPACT, no reals): the JWS payload. */
bool cert_build(const struct cert_inputs *in, struct buf *out, struct err *err) MUST_USE;
/* Recomputes verdict and printed figures from the certificate's own facts and the pack; names the pointer that differs. */
bool cert_recheck(const json_t *cert, const struct pack *pack, char *pointer, size_t size, struct err *err) MUST_USE;

#endif
