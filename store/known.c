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
	struct stored_series row = { .sid = sid, .id = arena_copy(&k->texts, s->id), .label = arena_copy(&k->texts, s->label), .s = *s };
	if (!row.id || (s->label && !row.label) || !make_room(k))
		return NULL;
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

void known_cut(struct known *k, size_t n)
{
	k->n = n < k->n ? n : k->n;             /* their texts stay in the arena */
	if (k->n_slots)
		memset(k->slots, 0, k->n_slots * sizeof *k->slots);
	for (uint32_t i = 0; i < k->n; i++)
		slot_put(k, i);
}

const struct stored_series *known_row(const struct known *k, uint32_t sid)
{
	size_t lo = 0, hi = k->n;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		*(k->rows[mid].sid <= sid ? &lo : &hi) = mid;
	}
	return &k->rows[lo];
}

const struct stored_series *known_next(const struct known *k, const char *id, size_t *at)
{
	size_t home = k->n_slots ? (size_t)hash_text(id) & (k->n_slots - 1) : 0;
	for (; k->n_slots; (*at)++) {
		uint32_t slot = k->slots[(home + *at) & (k->n_slots - 1)];
		if (!slot)
			return NULL;
		if (strcmp(k->rows[slot - 1].id, id) == 0) {
			(*at)++;
			return &k->rows[slot - 1];
		}
	}
	return NULL;
}

struct loading { struct known *k; bool failed; };

static bool load_one(void *ctx, const struct stored_series *s)
{
	struct loading *l = ctx;
	bool have = l->k->n && s->sid <= l->k->rows[l->k->n - 1].sid;
	l->failed = !have && !append(l->k, &s->s, s->sid);
	return !l->failed;
}

bool known_load(struct known *k, struct journal *j, struct err *err)
{
	struct loading l = { .k = k };
	int64_t n;
	if (!db_number(&j->db, "SELECT max(sid)+1 FROM series", 0, &n, err))
		return false;
	if (k->n && (int64_t)k->rows[k->n - 1].sid + 1 >= n)
		return true;
	return journal_series(j, load_one, &l, err) && (!l.failed || err_memory(err));
}

void known_done(struct known *k)
{
	arena_done(&k->texts);
	free(k->rows);
	free(k->slots);
	*k = (struct known){ 0 };
}
