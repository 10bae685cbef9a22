/* core/arena.h - memory of one owner, given back as a whole.  Pure. */
#ifndef CORE_ARENA_H
#define CORE_ARENA_H

#include "core/base.h"

struct arena_block;
struct arena { struct arena_block *blocks; };

void *arena_alloc(struct arena *a, size_t size);             /* zeroed; NULL when out of memory */
char *arena_copy(struct arena *a, const char *text);         /* NULL for NULL */
void arena_done(struct arena *a);

#endif
