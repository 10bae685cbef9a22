/* agent/issued.h - the certificates a store has issued and taken back: the leaves of its evidence, and the copies in STATE/certificates that no pued has
 * made leaves of yet.  A number names one certificate for good: a second one under it could be shown for the first. */
#ifndef AGENT_ISSUED_H
#define AGENT_ISSUED_H

#include "store/store.h"

enum issued_event { ISSUED, REVOKED };
struct issued {
	enum issued_event event;
	char number[200], supersedes[200];      /* "": none */
	char at[40];                            /* its own date */
	char tree_root[65];                     /* of the evidence it was made from */
	char sha256[65];                        /* of the file */
};
struct issued_list { struct issued *rows; size_t n; };

/* Copies count when a key of STATE/keys/trust.json signed them.  A store without keys has issued nothing. */
bool issued_read(const char *state_dir, struct reader *reader, struct issued_list *out, struct err *err) MUST_USE;
void issued_done(struct issued_list *l);

struct issued_wish { const char *number, *supersedes /* may be NULL */, *at, *tree_root; };
/* Is there a certificate of this number that is not the one wished for (of another date, evidence or predecessor)? */
bool issued_taken(const struct issued_list *l, const struct issued_wish *w);
/* May it be issued?  Its number is not taken; the one it supersedes was issued here, is not revoked and has no other successor.  ERR_USAGE. */
bool issued_allows(const struct issued_list *l, const struct issued_wish *w, struct err *err) MUST_USE;
/* May a certificate be taken back?  It was issued here and is not revoked. */
bool issued_revocable(const struct issued_list *l, const char *number, struct err *err) MUST_USE;

/* What a key of DIR signed, held to DIR/trust.json before it leaves: no file is written that its own site would refuse. */
bool signed_holds(const char *dir, const void *envelope, size_t len, struct err *err) MUST_USE;

#endif
