/* agent/certificate.h - from a judgement to a signed certificate: collects the evidence leaves and their Merkle paths. */
#ifndef AGENT_CERTIFICATE_H
#define AGENT_CERTIFICATE_H

#include "agent/from_store.h"
#include "rules/cert.h"
#include "rules/jws.h"

struct certificate_options { const char *number; struct wall issued; const char *supersedes; bool no_configuration; };
/* no_configuration: it is left out of the evidence (addresses of devices stand in it); what hangs on it cannot then be recomputed. */
/* The interval leaves it carries are picked while the judgement of `f` reads them (from_store_options.watch), so that a year is read once. */
struct certificate_leaves;
struct certificate_leaves *certificate_leaves_new(struct err *err);     /* heap; NULL with err */
const struct judgement_watch *certificate_leaves_watch(const struct certificate_leaves *c);
void certificate_leaves_free(struct certificate_leaves *c);             /* NULL is fine */
/* Signed envelope with view into `out`.  Refused (ERR_RANGE) when nothing was judged.  Once with the same leaves. */
bool certificate_make(const struct from_store *f, struct certificate_leaves *leaves, const struct signer_ops *signer, const struct certificate_options *o, struct buf *out,
		      struct err *err) MUST_USE;

#endif
