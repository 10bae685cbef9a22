/* All series the store ever knew, by id: a hash table over the rows. */
#include "store/impl.h"

#include <stdlib.h>
#include <string.h>

struct kind { struct ratio count; uint8_t quantity, scope; bool configured; };

static uint32_t kind_of(struct known *k, const struct series *s)
{
	struct kind kind;
	memset(&kind, 0, sizeof kind);
	kind.count = s->count;
	kind.quantity = s->quantity;
	kind.scope = s->scope;
	kind.configured = s->configured;
	k->kinds.size = sizeof kind;
	return intern_add(&k->kinds, &kind);
}

static const char *id_of(const struct known *k, uint32_t row)
{
	return texts_at(&k->texts, k->rows[row].id);
}

struct stored_series known_at(const struct known *k, size_t row)
{
	const struct known_row *r = &k->rows[row];
	const struct kind *kind = intern_at(&k->kinds, r->kind);
	return (struct stored_series){ .sid = r->sid, .s = { .id = texts_at(&k->texts, r->id), .device = r->device, .quantity = kind->quantity, .scope = kind->scope,
							     .configured = kind->configured, .count = kind->count, .label = texts_at(&k->texts, r->label) } };
}

static uint64_t hash_of_id(const void *known, uint32_t row)
{
	return hash_text(id_of(known, row));
}

static bool make_room(struct known *k)
{
	struct known_row *rows = k->n == k->room ? quarter_more(k->rows, &k->room, sizeof *rows) : k->rows;
	if (!rows)
		return false;
	k->rows = rows;
	return slots_room(&k->slots, (uint32_t)k->n, hash_of_id, k);
}

bool known_next(const struct known *k, const char *id, size_t *at, struct stored_series *out)
{
	uint64_t hash = hash_text(id);
	uint32_t row;
	while ((row = slots_next(&k->slots, hash, at)) != UINT32_MAX) {
		if (strcmp(id_of(k, row), id) != 0)
			continue;
		*out = known_at(k, row);
		return true;
	}
	return false;
}

/* A count that changes back and forth finds its numbers again. */
bool known_find(const struct known *k, const struct series *s, uint32_t *sid)
{
	struct stored_series row;
	for (size_t at = 0; known_next(k, s->id, &at, &row);)
		if (stored_series_fits(&row, s)) {
			*sid = row.sid;
			return true;
		}
	return false;
}

static bool append(struct known *k, const struct series *s, uint32_t sid)
{
	struct known_row row = { .sid = sid, .id = texts_add(&k->texts, s->id), .label = texts_add(&k->texts, s->label), .kind = kind_of(k, s), .device = s->device };
	if (!row.id || (s->label && !row.label) || row.kind == UINT32_MAX || !make_room(k))
		return false;
	k->rows[k->n] = row;
	slots_put(&k->slots, hash_text(s->id), (uint32_t)k->n);
	k->n++;
	return true;
}

bool known_add(struct known *k, const struct series *s, uint32_t *sid, struct err *err)
{
	uint32_t next = k->n ? k->rows[k->n - 1].sid + 1 : 0;
	if (!append(k, s, next))
		return err_memory(err);
	*sid = next;
	return true;
}

static size_t text_size(const char *text)
{
	return text ? strlen(text) + 1 : 0;
}

static const char *text_put(char **at, const char *text)
{
	size_t size = text_size(text);
	char *copy = size ? memcpy(*at, text, size) : NULL;
	*at += size;
	return copy;
}

struct new_series *known_since(const struct known *k, size_t row, struct err *err)
{
	size_t n = k->n - row, size = sizeof(struct new_series) + n * sizeof(struct stored_series);
	for (size_t i = row; i < k->n; i++)
		size += text_size(id_of(k, (uint32_t)i)) + text_size(texts_at(&k->texts, k->rows[i].label));
	struct new_series *out = malloc(size);
	if (!out) {
		err_memory(err);
		return NULL;
	}
	*out = (struct new_series){ .n = n };
	char *at = (char *)&out->rows[n];
	for (size_t i = 0; i < n; i++) {
		struct stored_series s = known_at(k, row + i);
		s.s.id = text_put(&at, s.s.id);
		s.s.label = text_put(&at, s.s.label);
		out->rows[i] = s;
	}
	return out;
}

void new_series_free(struct new_series *list)
{
	for (struct new_series *next; list; list = next) {
		next = list->next;
		free(list);
	}
}

void known_cut(struct known *k, size_t n)
{
	if (n >= k->n)
		return;
	k->n = n;               /* their texts stay */
	memset(k->slots.at, 0, k->slots.n * sizeof *k->slots.at);
	for (uint32_t i = 0; i < k->n; i++)
		slots_put(&k->slots, hash_of_id(k, i), i);
}

struct stored_series known_of(const struct known *k, uint32_t sid)
{
	size_t lo = 0, hi = k->n;
	while (hi - lo > 1) {
		size_t mid = lo + (hi - lo) / 2;
		*(k->rows[mid].sid <= sid ? &lo : &hi) = mid;
	}
	return known_at(k, lo);
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
	texts_done(&k->texts);
	intern_done(&k->kinds);
	free(k->rows);
	slots_done(&k->slots);
	*k = (struct known){ 0 };
}
