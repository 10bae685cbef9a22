/* agent/certificate.h - from a judgement to a signed certificate: collects the evidence leaves and their Merkle paths. */
#ifndef AGENT_CERTIFICATE_H
#define AGENT_CERTIFICATE_H

#include "agent/from_store.h"
#include "rules/cert.h"
#include "rules/jws.h"

struct certificate_options { const char *number; struct wall issued; const char *supersedes; bool no_configuration; };
/* no_configuration: it is left out of the evidence (addresses of devices stand in it); what hangs on it cannot then be recomputed. */
/* Signed envelope with view into `out`.  Refused (ERR_RANGE) when nothing was judged. */
bool certificate_make(const struct from_store *f, const struct signer_ops *signer, const struct certificate_options *o, struct buf *out,
		      struct err *err) MUST_USE;

#endif
