/* rules/cert_parts.h - the parts of a certificate, inside the room.  What cert_derived() makes follows from facts and pack alone;
 * cert_recheck() makes it again and compares. */
#ifndef RULES_CERT_PARTS_H
#define RULES_CERT_PARTS_H

#include "rules/cert.h"
#include "rules/facts_json.h"
#include "rules/language.h"
#include "rules/statement.h"

/* Members of the certificate that follow from pack, facts and verdict: some whole, some (`identity`, `method`, ...) in part. */
json_t *cert_derived(const struct pack *p, const struct facts *f, const struct verdict *v);
/* Members that are handed in: applicant, site, meters, monthly rows, events, evidence, declarations, verification. */
bool cert_add_given(json_t *cert, const struct cert_inputs *in, struct err *err) MUST_USE;
/* One row of results.months. */
json_t *cert_month_json(const struct kpi *k, const struct site *site, const struct zone *zone, struct ratio limit);
bool cert_month_parse(const json_t *row, struct kpi *out, struct err *err) MUST_USE;
/* Kinds of leaves that a certificate reads (docs/evidence-format.md). */
enum { CERT_LEAF_INTERVAL = 0, CERT_LEAF_EVENT = 1, CERT_LEAF_CONFIG = 2, CERT_LEAF_MANUAL = 7 };

json_t *cert_bilingual(struct bilingual b);
json_t *cert_text(const char *text);      /* null for NULL */
/* The site of a configuration leaf, and the SHA-256 of its canonical text.  It lives in `c`.  NULL with err when this program cannot
 * read it back to the same configuration. */
const struct site *cert_site_of(struct conf *c, const char *leaf, size_t len, char sha256_hex[65], struct err *err);
/* The statements in the leaves, in their order; done with statements_done(), also after false. */
bool cert_statements_read(const json_t *cert, const struct trust *trust, struct statements *s, struct err *err) MUST_USE;

#endif
