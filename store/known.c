/* All series the store ever knew, by id: a hash table over the rows. */
#include "store/impl.h"

#include <stdlib.h>
#include <string.h>

static uint64_t hash_text(const char *s)
{
	uint64_t h = 1469598103934665603u;      /* FNV-1a */
	for (; *s; s++)
		h = (h ^ (uint8_t)*s) * 1099511628211u;
	return h;
}

static void slot_put(struct known *k, uint32_t row)
{
	size_t i = (size_t)hash_text(k->rows[row].id) & (k->n_slots - 1);
	while (k->slots[i])
		i = (i + 1) & (k->n_slots - 1);
	k->slots[i] = row + 1;
}

static bool make_room(struct known *k)
{
	if (k->n == k->room) {
		size_t room = k->room ? 2 * k->room : 256;
		struct stored_series *rows = realloc(k->rows, room * sizeof *rows);
		if (!rows)
			return false;
		k->rows = rows;
		k->room = room;
	}
	if (2 * (k->n + 1) <= k->n_slots)
		return true;
	size_t n = k->n_slots ? 2 * k->n_slots : 1024;
	uint32_t *slots = calloc(n, sizeof *slots);
	if (!slots)
		return false;
	free(k->slots);
	k->slots = slots;
	k->n_slots = n;
	for (uint32_t i = 0; i < k->n; i++)
		slot_put(k, i);
	return true;
}

/* The newest row that fits: a count that changes back and forth finds its numbers again. */
struct stored_series *known_find(const struct known *k, const struct series *s)
{
	if (!k->n_slots)
		return NULL;
	for (size_t i = (size_t)hash_text(s->id) & (k->n_slots - 1); k->slots[i]; i = (i + 1) & (k->n_slots - 1))
		if (stored_series_fits(&k->rows[k->slots[i] - 1], s))
			return &k->rows[k->slots[i] - 1];
	return NULL;
}

static struct stored_series *append(struct known *k, const struct series *s, uint32_t sid)
{
	struct stored_series row = { .sid = sid, .id = strdup(s->id), .label = s->label ? strdup(s->label) : NULL, .s = *s };
	if (!row.id || (s->label && !row.label) || !make_room(k)) {
		stored_series_done(&row);
		return NULL;
	}
	row.s.id = row.id;
	row.s.label = row.label;
	k->rows[k->n] = row;
	slot_put(k, (uint32_t)k->n);
	return &k->rows[k->n++];
}

struct stored_series *known_add(struct known *k, const struct series *s, struct err *err)
{
	struct stored_series *row = append(k, s, k->n ? k->rows[k->n - 1].sid + 1 : 0);
	if (!row)
		err_memory(err);
	return row;
}

static bool load_one(void *ctx, const struct stored_series *s)
{
	return append(ctx, &s->s, s->sid) != NULL;
}

bool known_load(struct store *s, struct err *err)
{
	int64_t n;
	if (!journal_series(&s->journal, load_one, &s->known, err) || !db_number(&s->journal.db, "SELECT count(*) FROM series", 0, &n, err))
		return false;
	return (size_t)n == s->known.n ? true : err_memory(err);
}

void known_done(struct known *k)
{
	for (size_t i = 0; i < k->n; i++)
		stored_series_done(&k->rows[i]);
	free(k->rows);
	free(k->slots);
	*k = (struct known){ 0 };
}
