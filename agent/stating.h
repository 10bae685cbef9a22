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
	/* NULL is fine: does it fit what the pack (NULL: none is named) asks for? */
	bool (*fits)(const void *words, const struct pack *pack, const char *role, struct err *err);
	const void *words;
};
extern const struct ctl_option stating_rows[];       /* what all of them take */
/* Prints the statement's id and file and, in a second line, what was said; returns the exit code. */
int stating_run(const struct ctl *ctl, const struct stating *s);
/* Who says what, in one language, from a statement's payload. */
void stating_said(const json_t *o, bool zh, struct buf *out);
bool stating_role(const char *role, struct err *err) MUST_USE;       /* one of the four */
/* Is there a statement with this id, in the evidence or waiting?  *said gets it in words. */
bool stating_revokable(const char *state, const struct site *site, const char *id, bool zh, struct buf *said, struct err *err) MUST_USE;
void stating_set(json_t *o, const char *key, const char *text);      /* nothing when text is NULL */

#endif
