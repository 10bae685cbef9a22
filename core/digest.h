/* core/digest.h - SHA-256 of what comes in pieces: files larger than memory.  Pure. */
#ifndef CORE_DIGEST_H
#define CORE_DIGEST_H

#include "core/merkle.h"

struct digest;
struct digest *digest_new(void);                                     /* NULL: no memory */
void digest_add(struct digest *d, const void *bytes, size_t len);
/* The hash of all that was added; false when a step failed.  Frees; d NULL is false. */
bool digest_end(struct digest *d, struct hash *out) MUST_USE;
void digest_free(struct digest *d);                                  /* instead of digest_end() */

#endif
