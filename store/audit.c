/* puectl verify --store: everything is recomputed from the leaves up; the first record that does not fit is named. */
#include "store/audit_index.h"
#include "store/impl.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct audit {
	struct db evidence, journal;
	struct store_audit out;
	struct store_witness *witnesses;        /* ascending */
	size_t n_witnesses, next_witness;
	uint64_t last_good;                     /* size of the last witness that fits */
	uint64_t restored_epoch;                /* of the last leaf that tells of a restore; 0: none */
	uint64_t restored_at;                   /* its index */
	struct merkle tree;
	struct evidence_state state;
	struct hash outbox, heads;
	struct closed_leaf *closed;
	size_t n_closed;
	struct index_audit indexes;
};

/* Only the first is kept: later ones may be its consequence. */
static void bad(struct audit *a, const char *fmt, ...) PRINTF(2, 3);
static void bad(struct audit *a, const char *fmt, ...)
{
	if (a->out.first_bad[0])
		return;
	va_list args;
	va_start(args, fmt);
	vsnprintf(a->out.first_bad, sizeof a->out.first_bad, fmt, args);
	va_end(args);
}

/* Column types as one letter each: i integer, b blob, t text, t or NULL: T. */
static bool types_are(sqlite3_stmt *stmt, const char *types)
{
	static const struct { char letter; int type; } letters[] = { { 'i', SQLITE_INTEGER }, { 'b', SQLITE_BLOB }, { 't', SQLITE_TEXT }, { 'T', SQLITE_TEXT } };
	for (int c = 0; types[c]; c++)
		for (size_t i = 0; i < countof(letters); i++)
			if (letters[i].letter == types[c] && sqlite3_column_type(stmt, c) != letters[i].type &&
			    !(types[c] == 'T' && sqlite3_column_type(stmt, c) == SQLITE_NULL))
				return false;
	return true;
}

static bool blob_is(sqlite3_stmt *stmt, int column, const void *bytes, size_t len)
{
	return (size_t)sqlite3_column_bytes(stmt, column) == len && memcmp(sqlite3_column_blob(stmt, column), bytes, len) == 0;
}

/* Runs `row` over every row.  What SQLite itself cannot read is a bad record too. */
static void each(struct audit *a, struct db *d, const char *sql, const char *types, const char *what, void (*row)(struct audit *, sqlite3_stmt *))
{
	CLEANUP(query_done) struct query q = { 0 };
	struct err err;
	int64_t last = -1;
	int code = -1;
	if (a->out.first_bad[0])
		return;
	if (query_init(&q, d, sql, &err))
		while (!a->out.first_bad[0] && (code = query_step(&q, &err)) == 1) {
			last = sqlite3_column_int64(q.stmt, 0);
			if (types_are(q.stmt, types))
				row(a, q.stmt);
			else
				bad(a, "%s %lld: a column is of another type", what, (long long)last);
		}
	if (code < 0 && last < 0)
		bad(a, "%s: %.200s", what, err.text);
	else if (code < 0)
		bad(a, "%s after %lld: %.200s", what, (long long)last, err.text);
}

static void check_witnesses(struct audit *a)
{
	while (a->next_witness < a->n_witnesses && a->witnesses[a->next_witness].size == a->tree.size) {
		const struct store_witness *w = &a->witnesses[a->next_witness++];
		struct hash root;
		merkle_root(&a->tree, &root);
		if (hash_equal(&root, &w->root))
			a->last_good = w->size;
		else
			bad(a, "leaf %llu..%llu: %s of %llu leaves has another root: a record in this range was rewritten%s", (unsigned long long)a->last_good,
			    (unsigned long long)w->size - 1, w->name, (unsigned long long)w->size, w->own ? "" : ", or an older copy was put back and went on from there");
	}
}

/* A restore tells its new epoch in a leaf (store/backup.c writes it in this one form). */
static void check_restored(struct audit *a, const struct leaf *l, uint64_t ix)
{
	char text[200], again[200];
	unsigned long long epoch, previous;
	snprintf(text, sizeof text, "%.*s", (int)(l->len < sizeof text ? l->len : 0), (const char *)l->bytes);
	if (sscanf(text, "{\"epoch\":%llu,\"event\":\"restored\",\"previous_epoch\":%llu}", &epoch, &previous) != 2)
		return;
	int n = snprintf(again, sizeof again, "{\"epoch\":%llu,\"event\":\"restored\",\"previous_epoch\":%llu}", epoch, previous);
	if (n < 0 || (size_t)n != l->len || memcmp(again, l->bytes, l->len) != 0)
		return;
	if (epoch <= previous || (a->restored_epoch && previous != a->restored_epoch))
		bad(a, "leaf %llu: a restore from epoch %llu to %llu, but the epoch before was %llu", (unsigned long long)ix, previous, epoch, (unsigned long long)a->restored_epoch);
	a->restored_epoch = epoch;
	a->restored_at = ix;
}

static void keep_closed(struct audit *a, const struct leaf *l, uint64_t ix)
{
	struct closed_leaf *more = realloc(a->closed, (a->n_closed + 1) * sizeof *more);
	if (!more) {
		bad(a, "leaf %llu: out of memory", (unsigned long long)ix);
		return;
	}
	a->closed = more;
	if (closed_leaf_get(l->bytes, l->len, &more[a->n_closed]))
		a->n_closed++;
	else
		bad(a, "leaf %llu: says nothing that is known of a segment", (unsigned long long)ix);
}

static void check_leaf(struct audit *a, sqlite3_stmt *row)
{
	struct leaf l = { (enum leaf_kind)sqlite3_column_int64(row, 1), { sqlite3_column_int64(row, 2) }, sqlite3_column_blob(row, 3), (size_t)sqlite3_column_bytes(row, 3) };
	uint64_t ix = (uint64_t)sqlite3_column_int64(row, 0);
	int64_t kind = sqlite3_column_int64(row, 1);
	struct hash h;
	char at[WALL_TEXT];
	if (ix != a->tree.size) {
		bad(a, "leaf %llu: missing, the next one there is %lld", (unsigned long long)a->tree.size, (long long)ix);
		return;
	}
	leaf_hash(&l, &h);
	if (kind < 0 || kind >= LEAF_N)
		bad(a, "leaf %llu: unknown kind %lld", (unsigned long long)ix, (long long)kind);
	else if (!blob_is(row, 4, &h, HASH_LEN))
		bad(a, "leaf %llu (%s of %s): kind, date or bytes do not fit its hash", (unsigned long long)ix, leaf_kind_name((int)kind), wall_text(l.at, at));
	if (kind == LEAF_SESSION)
		check_restored(a, &l, ix);
	if (kind == LEAF_SEGMENT)
		keep_closed(a, &l, ix);
	index_audit_leaf(&a->indexes, (struct leaf_key){ (int64_t)ix, kind, l.at.ms }, &h);
	merkle_push(&a->tree, &h);
	check_witnesses(a);
}

/* What a head that knows more says of this store depends on whose time it is of. */
static void check_beyond(struct audit *a)
{
	const struct store_witness *w = a->next_witness < a->n_witnesses ? &a->witnesses[a->next_witness] : NULL;
	unsigned long long size = a->tree.size;
	if (!w)
		return;
	if (w->epoch && a->restored_epoch > w->epoch)
		bad(a, "leaf %llu: missing, %s of epoch %llu knows %llu leaves: a backup of %llu leaves was restored in epoch %llu, what came behind them is lost", size, w->name,
		    (unsigned long long)w->epoch, (unsigned long long)w->size, (unsigned long long)a->restored_at, (unsigned long long)a->restored_epoch);
	else
		bad(a, "leaf %llu: missing, %s knows %llu leaves: the end was cut off or an old copy restored", size, w->name, (unsigned long long)w->size);
}

static void check_epochs(struct audit *a)
{
	if (a->restored_epoch && a->restored_epoch != a->state.epoch)
		bad(a, "state: epoch %llu, but leaf %llu begins epoch %llu", (unsigned long long)a->state.epoch, (unsigned long long)a->restored_at,
		    (unsigned long long)a->restored_epoch);
	for (size_t i = 0; i < a->n_witnesses; i++)
		if (a->witnesses[i].epoch > a->state.epoch)
			bad(a, "state: epoch %llu, but %s is of epoch %llu: an old copy was put back", (unsigned long long)a->state.epoch, a->witnesses[i].name,
			    (unsigned long long)a->witnesses[i].epoch);
}

static void check_leaves(struct audit *a)
{
	check_witnesses(a);
	index_audit_begin(&a->indexes, &a->evidence, a->out.first_bad, sizeof a->out.first_bad);
	each(a, &a->evidence, "SELECT ix,kind,at,bytes,hash FROM leaf ORDER BY ix", "iiibb", "leaf", check_leaf);
	a->out.leaves = a->tree.size;
	merkle_root(&a->tree, &a->out.root);
	check_beyond(a);
}

static void check_state(struct audit *a)
{
	struct err err;
	bool there;
	struct hash root;
	if (!evidence_state_read(&a->evidence, &a->state, &there, &err))
		bad(a, "state: %.250s", err.text);
	else if (!there)
		bad(a, "state: the row is missing");
	else if (a->state.tree.size < a->tree.size)
		bad(a, "leaf %llu: added behind the tree head of %llu leaves", (unsigned long long)a->state.tree.size, (unsigned long long)a->state.tree.size);
	else if (a->state.tree.size > a->tree.size)
		bad(a, "leaf %llu: missing, the tree head has %llu leaves", (unsigned long long)a->tree.size, (unsigned long long)a->state.tree.size);
	merkle_root(&a->state.tree, &root);
	if (!hash_equal(&root, &a->out.root))
		bad(a, "leaf %llu..%llu: the root of the leaves is not the tree head's: a record in this range was rewritten", (unsigned long long)a->last_good,
		    (unsigned long long)a->tree.size - 1);
	a->out.epoch = a->state.epoch;
	check_epochs(a);
}

static void xor_in(struct hash *into, const struct hash *h)
{
	for (size_t i = 0; i < HASH_LEN; i++)
		into->bytes[i] ^= h->bytes[i];
}

static void check_head(struct audit *a, sqlite3_stmt *row)
{
	uint64_t size = (uint64_t)sqlite3_column_int64(row, 0);
	struct hash sum;
	head_sum(size, (struct wall){ sqlite3_column_int64(row, 1) }, sqlite3_column_blob(row, 2), (size_t)sqlite3_column_bytes(row, 2), &sum);
	if (!blob_is(row, 4, &sum, HASH_LEN))
		bad(a, "signed head %llu: does not fit its sum", (unsigned long long)size);
	xor_in(&a->heads, &sum);
}

static void check_checkpoint(struct audit *a)
{
	struct evidence e = { .db = a->evidence, .state = a->state };
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct err err;
	if (!evidence_checkpoint(&e, &bytes, &err))
		bad(a, "checkpoint: %.250s", err.text);
}

static void check_outbox(struct audit *a, sqlite3_stmt *row)
{
	struct outbox_full r = {
		.seq = (uint64_t)sqlite3_column_int64(row, 0), .epoch = (uint64_t)sqlite3_column_int64(row, 1), .at = { sqlite3_column_int64(row, 2) },
		.sent_ms = sqlite3_column_int64(row, 3), .delivered = sqlite3_column_int64(row, 4) != 0, .topic = (const char *)sqlite3_column_text(row, 5),
		.topic_len = (size_t)sqlite3_column_bytes(row, 5), .payload = sqlite3_column_blob(row, 6), .len = (size_t)sqlite3_column_bytes(row, 6),
	};
	struct hash sum;
	outbox_sum(&r, &sum);
	if (!blob_is(row, 7, &sum, HASH_LEN) || (uint64_t)sqlite3_column_int64(row, 4) > 1)
		bad(a, "report %llu: does not fit its sum", (unsigned long long)r.seq);
	if (r.seq >= a->state.next_seq)
		bad(a, "report %llu: beyond the last one given out, %llu", (unsigned long long)r.seq, (unsigned long long)a->state.next_seq - 1);
	xor_in(&a->outbox, &sum);
}

static bool take_root(struct audit *a, int64_t size, uint64_t epoch, const void *root, const char *what, bool own, struct err *err)
{
	struct store_witness *more = realloc(a->witnesses, (a->n_witnesses + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	a->witnesses = more;
	struct store_witness *w = &more[a->n_witnesses++];
	*w = (struct store_witness){ .size = (uint64_t)size, .epoch = epoch, .own = own };
	memcpy(&w->root, root, HASH_LEN);
	snprintf(w->name, sizeof w->name, "%s", what);
	return true;
}

static int by_size(const void *a, const void *b)
{
	const struct store_witness *x = a, *y = b;
	return x->size < y->size ? -1 : x->size > y->size;
}

/* The store's own signed heads bear witness too: they bracket a rewritten record. */
static bool gather(struct audit *a, const struct store_witness *given, size_t n, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	for (size_t i = 0; i < n; i++)
		if (!take_root(a, (int64_t)given[i].size, given[i].epoch, &given[i].root, given[i].name, given[i].own, err))
			return false;
	struct err unreadable;
	if (query_init(&q, &a->evidence, "SELECT size,root FROM head ORDER BY size", &unreadable))
		while (query_step(&q, &unreadable) == 1) {
			if (sqlite3_column_bytes(q.stmt, 1) != HASH_LEN || sqlite3_column_int64(q.stmt, 0) < 0)
				bad(a, "signed head %lld: no root", (long long)sqlite3_column_int64(q.stmt, 0));
			else if (!take_root(a, sqlite3_column_int64(q.stmt, 0), 0, sqlite3_column_blob(q.stmt, 1), "the signed head", true, err))
				return false;
		}
	if (a->n_witnesses)
		qsort(a->witnesses, a->n_witnesses, sizeof *a->witnesses, by_size);
	return true;
}

/* A trigger or a view in the file could show one thing and keep another. */
static void check_schema(struct audit *a, struct db *d, const struct db_schema *schema)
{
	static const char sql[] = "SELECT group_concat(type||'|'||name||'|'||tbl_name||'|'||ifnull(sql,''),char(10)) FROM (SELECT * FROM sqlite_master ORDER BY name)";
	struct db fresh = { .name = "schema" };
	CLEANUP(query_done) struct query have = { 0 }, want = { 0 };
	struct err err;
	bool good = sqlite3_open(":memory:", &fresh.sql) == SQLITE_OK;
	for (int i = 0; good && i < schema->n; i++)
		good = db_exec(&fresh, schema->steps[i], &err);
	good = good && query_init(&want, &fresh, sql, &err) && query_step(&want, &err) == 1;
	if (good && !(query_init(&have, d, sql, &err) && query_step(&have, &err) == 1 && sqlite3_column_text(have.stmt, 0) &&
		      strcmp((const char *)sqlite3_column_text(have.stmt, 0), (const char *)sqlite3_column_text(want.stmt, 0)) == 0))
		bad(a, "%s: the tables are not those of schema %d", d->name, schema->n);
	query_done(&want);
	sqlite3_close(fresh.sql);
}

static bool evidence_audit(struct audit *a, const struct store_witness *given, size_t n, struct err *err)
{
	if (!gather(a, given, n, err))
		return false;
	check_leaves(a);
	check_state(a);
	each(a, &a->evidence, "SELECT size,at,jws,root,sum FROM head ORDER BY size", "iibbb", "signed head", check_head);
	if (!hash_equal(&a->heads, &a->state.heads))
		bad(a, "signed heads: one is missing or was added");
	if (!a->out.first_bad[0])
		check_checkpoint(a);
	each(a, &a->evidence, "SELECT seq,epoch,at,sent,delivered,topic,payload,sum FROM outbox ORDER BY seq", "iiiiitbb", "report", check_outbox);
	if (!hash_equal(&a->outbox, &a->state.outbox))
		bad(a, "outbox: a report is missing or was added");
	check_schema(a, &a->evidence, &evidence_schema);
	index_audit_end(&a->indexes);
	return true;
}

bool store_audit_against(const char *dir, const struct store_witness *witnesses, size_t n, struct store_audit *out, struct err *err)
{
	struct audit a = { .n_witnesses = 0 };
	if (!db_open(&a.evidence, dir, "evidence.db", NULL, true, &evidence_schema, err))
		return false;
	/* one snapshot each, evidence first: the journal is never behind its checkpoint */
	bool good = db_exec(&a.evidence, "BEGIN", err) && evidence_audit(&a, witnesses, n, err);
	if (good && !a.out.first_bad[0]) {
		good = db_open(&a.journal, dir, "journal.db", NULL, true, &journal_schema, err);
		if (good && (good = db_exec(&a.journal, "BEGIN", err))) {
			journal_audit(&a.journal, a.state.position, a.out.first_bad, sizeof a.out.first_bad);
			if (!a.out.first_bad[0])
				closed_audit(dir, a.closed, a.n_closed, &a.out);
			window_audit(dir, &a.journal, a.closed, a.n_closed, a.out.first_bad, sizeof a.out.first_bad);
			check_schema(&a, &a.journal, &journal_schema);
		}
		db_close(&a.journal);
	}
	index_audit_done(&a.indexes);
	db_close(&a.evidence);
	free(a.witnesses);
	free(a.closed);
	if (good)
		*out = a.out;
	return good;
}

bool store_audit(const char *dir, const struct merkle *head, struct store_audit *out, struct err *err)
{
	struct store_witness w = { .size = head ? head->size : 0, .name = "the head kept elsewhere" };
	if (head)
		merkle_root(head, &w.root);
	return store_audit_against(dir, &w, head ? 1 : 0, out, err);
}
