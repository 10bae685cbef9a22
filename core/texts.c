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

static uint32_t *slot_of(const struct intern *t, const void *row)
{
	for (size_t i = (size_t)hash_bytes(row, t->size);; i++) {
		uint32_t *slot = &t->slots[i & (t->n_slots - 1)];
		if (!*slot || !memcmp(intern_at(t, *slot - 1), row, t->size))
			return slot;
	}
}

static bool more_slots(struct intern *t)
{
	size_t n = t->n_slots ? 2 * t->n_slots : 64;
	uint32_t *slots = calloc(n, sizeof *slots);
	if (!slots)
		return false;
	free(t->slots);
	t->slots = slots;
	t->n_slots = n;
	for (uint32_t i = 0; i < t->n; i++)
		*slot_of(t, intern_at(t, i)) = i + 1;
	return true;
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
	if (2 * ((size_t)t->n + 1) > t->n_slots && !more_slots(t))
		return UINT32_MAX;
	uint32_t *slot = slot_of(t, row);
	if (*slot)
		return *slot - 1;
	if (t->n == t->room && !more_rows(t))
		return UINT32_MAX;
	memcpy(t->rows + t->n * t->size, row, t->size);
	*slot = ++t->n;
	return t->n - 1;
}

void intern_done(struct intern *t)
{
	free(t->rows);
	free(t->slots);
	*t = (struct intern){ .size = t->size };
}
