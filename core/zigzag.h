/* core/zigzag.h - whole numbers in as few bytes as they need: 7 bits a byte, least first, the sign in the lowest bit.  The same bytes on
 * every machine; for checkpoints.  Pure. */
#ifndef CORE_ZIGZAG_H
#define CORE_ZIGZAG_H

#include "core/buf.h"

void zigzag_put(struct buf *b, int64_t v);
/* Moves *p on; 0 and *bad at the end of the bytes, or when a number does not end within 64 bits. */
int64_t zigzag_get(const uint8_t **p, const uint8_t *end, bool *bad);

#endif
