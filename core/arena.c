#include "core/arena.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK = 4096 - 64 };

struct arena_block {
	struct arena_block *next;
	size_t used, room;
	max_align_t bytes[];
};

void *arena_alloc(struct arena *a, size_t size)
{
	size = (size + 15) & ~(size_t)15;
	if (!a->blocks || a->blocks->room - a->blocks->used < size) {
		size_t room = size > BLOCK ? size : BLOCK;
		struct arena_block *b = calloc(1, sizeof *b + room);
		if (!b)
			return NULL;
		*b = (struct arena_block){ .next = a->blocks, .room = room };
		a->blocks = b;
	}
	void *p = (char *)a->blocks->bytes + a->blocks->used;
	a->blocks->used += size;
	return p;
}

char *arena_copy(struct arena *a, const char *text)
{
	size_t len = text ? strlen(text) + 1 : 0;
	char *copy = len ? arena_alloc(a, len) : NULL;
	return copy ? memcpy(copy, text, len) : NULL;
}

void arena_done(struct arena *a)
{
	for (struct arena_block *b = a->blocks, *next; b; b = next) {
		next = b->next;
		free(b);
	}
	a->blocks = NULL;
}
