/* agent/tree_head.h - the signed tree head: what the evidence of a site was at one moment, in one line that fits on paper.
 * Payload of an envelope of type pued-head+json; docs/evidence-format.md. */
#ifndef AGENT_TREE_HEAD_H
#define AGENT_TREE_HEAD_H

#include "core/merkle.h"
#include "core/site.h"
#include "rules/jws.h"

struct tree_head { uint64_t epoch, size; struct hash root; struct wall made; };
bool tree_head_payload(const struct site *site, const struct tree_head *head, struct buf *out, struct err *err) MUST_USE;
/* Size, root and epoch (0: it does not say) of a head, report or certificate payload, or of {"size","root"}; false: it bears no witness. */
bool tree_head_of(const json_t *document, struct tree_head *out);
/* The payload inside an envelope, or the document itself when it is none; the caller owns it, NULL when it is no JSON. */
json_t *tree_head_document(const void *bytes, size_t len);

#endif
