#include "core/texts.h"

#include <stdlib.h>
#include <string.h>

enum { BLOCK_BITS = 16, BLOCK = 1 << BLOCK_BITS };

uint64_t hash_bytes(const void *bytes, size_t len)
{
	uint64_t h = 14695981039346656037u;
	for (const uint8_t *p = bytes, *end = p + len; p < end; p++)
		h = (h ^ *p) * 1099511628211u;
	return h;
}

uint64_t hash_text(const char *text)
{
	return hash_bytes(text, strlen(text));
}

static bool more_room(struct texts *t, size_t len)
{
	char **blocks = t->n_blocks < UINT16_MAX ? realloc(t->blocks, (t->n_blocks + 1) * sizeof *blocks) : NULL;
	if (!blocks)
		return false;
	t->blocks = blocks;
	if (!(blocks[t->n_blocks] = malloc(len > BLOCK - 1 ? len + 1 : BLOCK)))
		return false;
	t->n_blocks++;
	t->used = 1;                /* so that nothing is at 0 */
	return true;
}

uint32_t texts_add(struct texts *t, const char *text)
{
	size_t len = text ? strlen(text) + 1 : 0;
	if (!len || ((!t->n_blocks || t->used + len > BLOCK) && !more_room(t, len)))
		return 0;
	size_t at = (t->n_blocks - 1) << BLOCK_BITS | t->used;
	memcpy(t->blocks[t->n_blocks - 1] + t->used, text, len);
	t->used += len;
	return (uint32_t)at;
}

const char *texts_at(const struct texts *t, uint32_t at)
{
	return at ? t->blocks[at >> BLOCK_BITS] + (at & (BLOCK - 1)) : NULL;
}

void texts_done(struct texts *t)
{
	for (size_t i = 0; i < t->n_blocks; i++)
		free(t->blocks[i]);
	free(t->blocks);
	*t = (struct texts){ 0 };
}

void slots_put(struct slots *s, uint64_t hash, uint32_t number)
{
	while (s->at[hash & (s->n - 1)])
		hash++;
	s->at[hash & (s->n - 1)] = number + 1;
}

bool slots_room(struct slots *s, uint32_t n, uint64_t (*hash)(const void *rows, uint32_t number), const void *rows)
{
	if (4 * ((size_t)n + 1) <= 3 * s->n)
		return true;
	struct slots more = { .n = s->n ? 2 * s->n : 64 };
	more.at = calloc(more.n, sizeof *more.at);
	if (!more.at)
		return false;
	for (uint32_t i = 0; i < n; i++)
		slots_put(&more, hash(rows, i), i);
	free(s->at);
	*s = more;
	return true;
}

void slots_done(struct slots *s)
{
	free(s->at);
	*s = (struct slots){ 0 };
}

void *quarter_more(void *rows, size_t *room, size_t size)
{
	size_t more = *room + *room / 4 + 256;
	void *grown = realloc(rows, more * size);
	if (grown)
		*room = more;
	return grown;
}

static uint64_t hash_of_row(const void *intern, uint32_t number)
{
	const struct intern *t = intern;
	return hash_bytes(intern_at(t, number), t->size);
}

static bool more_rows(struct intern *t)
{
	uint32_t room = t->room ? 2 * t->room : 32;
	unsigned char *rows = realloc(t->rows, room * t->size);
	if (!rows)
		return false;
	t->rows = rows;
	t->room = room;
	return true;
}

uint32_t intern_add(struct intern *t, const void *row)
{
	uint64_t hash = hash_bytes(row, t->size);
	uint32_t number;
	for (size_t step = 0; (number = slots_next(&t->slots, hash, &step)) != UINT32_MAX;)
		if (!memcmp(intern_at(t, number), row, t->size))
			return number;
	if (!slots_room(&t->slots, t->n, hash_of_row, t) || (t->n == t->room && !more_rows(t)))
		return UINT32_MAX;
	memcpy(t->rows + t->n * t->size, row, t->size);
	slots_put(&t->slots, hash, t->n);
	return t->n++;
}

void intern_done(struct intern *t)
{
	free(t->rows);
	slots_done(&t->slots);
	*t = (struct intern){ .size = t->size };
}
