/* Readers find rows by indexes and by row numbers: a tree that lacks a row would hide it, while the table read from end to end is whole.  SQLite's
 * integrity_check tells that too, but reads the table again for each tree; here each is held to the one pass in which the leaves are hashed. */
#include "store/audit_index.h"
#include "store/evidence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char by_number[] = "SELECT 1 FROM leaf NOT INDEXED WHERE ix=?";
static const char by_hash[] = "SELECT ix,hash FROM leaf INDEXED BY leaf_hash ORDER BY ix";

void index_audit_begin(struct index_audit *a, struct db *evidence, char *first_bad, size_t size)
{
	struct err err;
	*a = (struct index_audit){ .db = evidence, .first_bad = first_bad, .size = size };
	if (!query_init(&a->by_number, evidence, by_number, &err) || !query_init(&a->by_hash, evidence, by_hash, &err))
		snprintf(first_bad, size, "%s: its indexes cannot be read: %.200s", evidence->name, err.text);
}

void index_audit_done(struct index_audit *a)
{
	query_done(&a->by_number);
	query_done(&a->by_hash);
	free(a->keys);
}

static void hides(struct index_audit *a, int64_t row, const char *tree)
{
	if (!a->first_bad[0])
		snprintf(a->first_bad, a->size, "%s: row %lld is missing from the index %s, or stands in a wrong place there", a->db->name, (long long)row, tree);
}

static bool keep(struct index_audit *a, struct leaf_key key)
{
	if (a->n == a->cap) {
		size_t cap = a->cap ? 2 * a->cap : 4096;
		struct leaf_key *more = realloc(a->keys, cap * sizeof *more);
		if (!more)
			return false;
		a->keys = more;
		a->cap = cap;
	}
	a->keys[a->n++] = key;
	return true;
}

void index_audit_leaf(struct index_audit *a, struct leaf_key key, const struct hash *hash)
{
	struct err err;
	if (a->first_bad[0])
		return;
	sqlite3_reset(a->by_number.stmt);
	sqlite3_bind_int64(a->by_number.stmt, 1, key.ix);
	sqlite3_stmt *shown = a->by_hash.stmt;
	if (query_step(&a->by_number, &err) != 1)
		hides(a, key.ix, "of row numbers");
	else if (query_step(&a->by_hash, &err) != 1 || sqlite3_column_int64(shown, 0) != key.ix || sqlite3_column_bytes(shown, 1) != HASH_LEN ||
	         memcmp(sqlite3_column_blob(shown, 1), hash->bytes, HASH_LEN) != 0)
		hides(a, key.ix, "leaf_hash");
	else if (!keep(a, key))
		snprintf(a->first_bad, a->size, "leaf %lld: out of memory", (long long)key.ix);
}

#define ORDER(a, b) ((a) < (b) ? -1 : (a) > (b))
static int by_at(const void *x, const void *y)
{
	const struct leaf_key *a = x, *b = y;
	return a->at != b->at ? ORDER(a->at, b->at) : ORDER(a->ix, b->ix);
}
static int by_kind(const void *x, const void *y)
{
	const struct leaf_key *a = x, *b = y;
	return a->kind != b->kind ? ORDER(a->kind, b->kind) : ORDER(a->ix, b->ix);
}

/* An index whose rows are all there, in the right order from end to end, is one in which a search finds each. */
static const struct {
	const char *name, *sql;
	int (*order)(const void *, const void *);
} leaf_indexes[] = {
	{ "leaf_at", "SELECT ix,0,at FROM leaf INDEXED BY leaf_at ORDER BY at,ix", by_at },
	{ "leaf_kind", "SELECT ix,kind,0 FROM leaf INDEXED BY leaf_kind ORDER BY kind,ix", by_kind },
};

static void check_leaf_index(struct index_audit *a, size_t i)
{
	CLEANUP(query_done) struct query shown = { 0 };
	struct err err;
	if (!query_init(&shown, a->db, leaf_indexes[i].sql, &err)) {
		snprintf(a->first_bad, a->size, "%s: its indexes cannot be read: %.200s", a->db->name, err.text);
		return;
	}
	if (a->n)
		qsort(a->keys, a->n, sizeof *a->keys, leaf_indexes[i].order);
	for (size_t k = 0; k < a->n; k++) {
		struct leaf_key key = a->keys[k];
		int code = query_step(&shown, &err);
		struct leaf_key there = { sqlite3_column_int64(shown.stmt, 0), sqlite3_column_int64(shown.stmt, 1), sqlite3_column_int64(shown.stmt, 2) };
		if (code != 1 || leaf_indexes[i].order(&key, &there) != 0) {
			hides(a, key.ix, leaf_indexes[i].name);
			return;
		}
	}
	if (query_step(&shown, &err) != 0)
		hides(a, sqlite3_column_int64(shown.stmt, 0), leaf_indexes[i].name);
}

/* The small tables: rows that a search for their number or their state would miss. */
static const struct { const char *name, *lost; } searches[] = {
	{ "outbox", "SELECT seq FROM outbox a NOT INDEXED WHERE NOT EXISTS (SELECT 1 FROM outbox b NOT INDEXED WHERE b.seq=a.seq)" },
	{ "head", "SELECT size FROM head a WHERE NOT EXISTS (SELECT 1 FROM head b WHERE b.size=a.size)" },
	{ "outbox_pending", "SELECT seq FROM outbox a NOT INDEXED WHERE delivered=0 AND NOT EXISTS"
	  " (SELECT 1 FROM outbox b INDEXED BY outbox_pending WHERE b.delivered=0 AND b.seq=a.seq)" },
};

void index_audit_end(struct index_audit *a)
{
	struct err unreadable;
	if (!a->first_bad[0] && query_step(&a->by_hash, &unreadable) != 0)
		hides(a, sqlite3_column_int64(a->by_hash.stmt, 0), "leaf_hash");
	for (size_t i = 0; i < countof(leaf_indexes) && !a->first_bad[0]; i++)
		check_leaf_index(a, i);
	for (size_t i = 0; i < countof(searches) && !a->first_bad[0]; i++) {
		CLEANUP(query_done) struct query lost = { 0 };
		struct err err;
		int code = query_init(&lost, a->db, searches[i].lost, &err) ? query_step(&lost, &err) : -1;
		if (code < 0)
			snprintf(a->first_bad, a->size, "%s: its indexes cannot be read: %.200s", a->db->name, err.text);
		else if (code == 1)
			hides(a, sqlite3_column_int64(lost.stmt, 0), searches[i].name);
	}
}
