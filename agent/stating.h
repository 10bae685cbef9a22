/* agent/stating.h - what `puectl attest` and `puectl claim` have in common: a person's statement is put together, signed and left
 * in STATE/statements, where pued makes an evidence leaf of it. */
#ifndef AGENT_STATING_H
#define AGENT_STATING_H

#include "agent/from_store.h"
#include <jansson.h>

struct stating {
	struct from_store_options store;
	const char *keys, *role, *by, *text, *issued, *revoke;       /* by is needed; revoke: id of the statement to take back */
	const char *kind;                                            /* "attestation", "claim", ... */
	/* Adds the members of this kind; not asked for a revocation. */
	bool (*members)(const void *words, const struct site *site, json_t *o, struct err *err);
	const void *words;
};
extern const struct ctl_option stating_rows[];       /* what all of them take */
/* Prints the statement's id and file; returns the exit code. */
int stating_run(const struct ctl *ctl, const struct stating *s);
void stating_set(json_t *o, const char *key, const char *text);      /* nothing when text is NULL */

#endif
