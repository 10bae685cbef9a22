#include "store/evidence.h"
#include "store/varint.h"

#include <string.h>

static const char version_1[] =
	"CREATE TABLE state(id INTEGER PRIMARY KEY CHECK(id=1), epoch INTEGER NOT NULL, session INTEGER NOT NULL, serial INTEGER NOT NULL,"
	" next_seq INTEGER NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL, peaks BLOB NOT NULL, root BLOB NOT NULL, outbox BLOB NOT NULL,"
	" heads BLOB NOT NULL, checkpoint BLOB NOT NULL, seal BLOB NOT NULL);"
	"CREATE TABLE leaf(ix INTEGER PRIMARY KEY, kind INTEGER NOT NULL, at INTEGER NOT NULL, bytes BLOB NOT NULL, hash BLOB NOT NULL);"
	"CREATE INDEX leaf_at ON leaf(at);"
	/* a hash without the leaf it stands behind; the few leaves that are no intervals without the many that are */
	"CREATE INDEX leaf_hash ON leaf(ix,hash);"
	"CREATE INDEX leaf_kind ON leaf(kind,ix);"
	"CREATE TABLE checkpoint(id INTEGER PRIMARY KEY CHECK(id=1), bytes BLOB NOT NULL);"
	"CREATE TABLE head(size INTEGER PRIMARY KEY, at INTEGER NOT NULL, jws BLOB NOT NULL, root BLOB NOT NULL, sum BLOB NOT NULL);"
	"CREATE TABLE outbox(seq INTEGER PRIMARY KEY, epoch INTEGER NOT NULL, at INTEGER NOT NULL, sent INTEGER NOT NULL, delivered INTEGER NOT NULL,"
	" topic TEXT NOT NULL, payload BLOB NOT NULL, sum BLOB NOT NULL);"
	"CREATE INDEX outbox_pending ON outbox(seq) WHERE delivered=0;";
static const char *const steps[] = { version_1 };
const struct db_schema evidence_schema = { steps, countof(steps) };

/* The sums take no buffer: they must not depend on whether there is memory for one. */
void evidence_seal(const struct evidence_state *s, struct hash *out)
{
	static const char name[] = "pued state 1";
	struct hash root;
	const uint64_t values[] = { s->epoch, s->session, s->serial, s->next_seq, s->position, s->tree.size };
	uint8_t numbers[8 * countof(values)];
	for (size_t i = 0; i < countof(values); i++)
		put_be64(numbers + 8 * i, values[i]);
	merkle_root(&s->tree, &root);
	const struct piece pieces[] = { { name, sizeof name - 1 }, { numbers, sizeof numbers }, { s->tree.peaks, merkle_peaks(s->tree.size) * HASH_LEN }, { &root, HASH_LEN },
					{ &s->outbox, HASH_LEN }, { &s->heads, HASH_LEN }, { &s->checkpoint, HASH_LEN } };
	sha256_pieces(pieces, countof(pieces), out);
}

void outbox_sum(const struct outbox_full *row, struct hash *out)
{
	static const char name[] = "pued outbox 1";
	const uint64_t values[] = { row->seq, row->epoch, (uint64_t)row->at.ms, (uint64_t)row->sent_ms, row->delivered, row->topic_len };
	uint8_t numbers[8 * countof(values)];
	for (size_t i = 0; i < countof(values); i++)
		put_be64(numbers + 8 * i, values[i]);
	const struct piece pieces[] = { { name, sizeof name - 1 }, { numbers, sizeof numbers }, { row->topic, row->topic_len }, { row->payload, row->len } };
	sha256_pieces(pieces, countof(pieces), out);
}

void head_sum(uint64_t size, struct wall at, const void *jws, size_t len, struct hash *out)
{
	static const char name[] = "pued head 1";
	uint8_t numbers[16];
	put_be64(numbers, size);
	put_be64(numbers + 8, (uint64_t)at.ms);
	const struct piece pieces[] = { { name, sizeof name - 1 }, { numbers, sizeof numbers }, { jws, len } };
	sha256_pieces(pieces, countof(pieces), out);
}

static void xor_in(struct hash *into, const void *bytes)
{
	for (size_t i = 0; i < HASH_LEN; i++)
		into->bytes[i] ^= ((const uint8_t *)bytes)[i];
}

static bool column_hash(sqlite3_stmt *stmt, int column, struct hash *out)
{
	if (sqlite3_column_bytes(stmt, column) != HASH_LEN)
		return false;
	memcpy(out->bytes, sqlite3_column_blob(stmt, column), HASH_LEN);
	return true;
}

bool evidence_state_read(struct db *d, struct evidence_state *out, bool *there, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, d, "SELECT epoch,session,serial,next_seq,position,size,peaks,root,outbox,heads,checkpoint,seal FROM state", err))
		return false;
	int code = query_step(&q, err);
	*there = code == 1;
	if (code != 1)
		return code == 0;
	struct evidence_state s = {
		.epoch = (uint64_t)sqlite3_column_int64(q.stmt, 0), .session = (uint32_t)sqlite3_column_int64(q.stmt, 1),
		.serial = (uint64_t)sqlite3_column_int64(q.stmt, 2), .next_seq = (uint64_t)sqlite3_column_int64(q.stmt, 3),
		.position = (uint64_t)sqlite3_column_int64(q.stmt, 4), .tree.size = (uint64_t)sqlite3_column_int64(q.stmt, 5),
	};
	struct hash root, have_root, seal, have_seal;
	bool good = (size_t)sqlite3_column_bytes(q.stmt, 6) == merkle_peaks(s.tree.size) * HASH_LEN && column_hash(q.stmt, 7, &have_root) &&
		    column_hash(q.stmt, 8, &s.outbox) && column_hash(q.stmt, 9, &s.heads) &&
		    column_hash(q.stmt, 10, &s.checkpoint) && column_hash(q.stmt, 11, &have_seal);
	if (good && s.tree.size)
		memcpy(s.tree.peaks, sqlite3_column_blob(q.stmt, 6), merkle_peaks(s.tree.size) * HASH_LEN);
	if (good) {
		merkle_root(&s.tree, &root);
		evidence_seal(&s, &seal);
		good = hash_equal(&root, &have_root) && hash_equal(&seal, &have_seal);
	}
	if (!good)
		return err_set(err, ERR_EVIDENCE, "%s: table state does not fit its seal: the file was altered or is damaged; see puectl verify --store, restore a backup",
			       d->name);
	*out = s;
	return true;
}

bool evidence_state_write(struct evidence *e, const struct evidence_state *s, bool first, struct err *err)
{
	static const char insert[] = "INSERT INTO state(epoch,session,serial,next_seq,position,size,peaks,root,outbox,heads,checkpoint,seal,id) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,1)";
	static const char update[] = "UPDATE state SET epoch=?,session=?,serial=?,next_seq=?,position=?,size=?,peaks=?,root=?,outbox=?,heads=?,checkpoint=?,seal=?";
	CLEANUP(query_done) struct query q = { 0 };
	struct hash root, seal;
	merkle_root(&s->tree, &root);
	evidence_seal(s, &seal);
	if (!query_init(&q, &e->db, first ? insert : update, err))
		return false;
	const uint64_t numbers[] = { s->epoch, s->session, s->serial, s->next_seq, s->position, s->tree.size };
	for (size_t i = 0; i < countof(numbers); i++)
		query_int(&q, (int64_t)numbers[i]);
	query_blob(&q, s->tree.peaks, merkle_peaks(s->tree.size) * HASH_LEN);
	query_blob(&q, &root, HASH_LEN);
	query_blob(&q, &s->outbox, HASH_LEN);
	query_blob(&q, &s->heads, HASH_LEN);
	query_blob(&q, &s->checkpoint, HASH_LEN);
	query_blob(&q, &seal, HASH_LEN);
	return query_run(&q, err);
}

bool evidence_open(struct evidence *e, const char *dir, const char *vfs, bool read_only, uint64_t epoch, struct err *err)
{
	bool there;
	*e = (struct evidence){ .state.epoch = 0 };
	if (!db_open(&e->db, dir, "evidence.db", vfs, read_only, &evidence_schema, err))
		return false;
	if (!evidence_state_read(&e->db, &e->state, &there, err))
		goto failed;
	if (there)
		return true;
	if (read_only) {
		err_set(err, ERR_EVIDENCE, "%s/evidence.db: empty; pued has not run here", dir);
		goto failed;
	}
	e->state = (struct evidence_state){ .epoch = epoch, .next_seq = 1 };
	sha256("", 0, &e->state.checkpoint);
	if (evidence_state_write(e, &e->state, true, err))
		return true;
failed:
	evidence_close(e);
	return false;
}

void evidence_close(struct evidence *e)
{
	db_close(&e->db);
}

bool evidence_checkpoint(struct evidence *e, struct buf *out, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &e->db, "SELECT bytes FROM checkpoint", err))
		return false;
	int code = query_step(&q, err);
	if (code < 0)
		return false;
	if (code == 1)
		buf_add(out, sqlite3_column_blob(q.stmt, 0), (size_t)sqlite3_column_bytes(q.stmt, 0));
	struct hash have;
	sha256(out->data ? out->data : "", out->len, &have);
	if (out->failed)
		return err_memory(err);
	return hash_equal(&have, &e->state.checkpoint) ||
	       err_set(err, ERR_EVIDENCE, "%s: the ledger's checkpoint does not fit its hash: the file was altered or is damaged", e->db.name);
}

/* Applying, inside a transaction, to a copy of the state */

static bool add_leaves(struct evidence *e, const struct entry *entry, struct evidence_state *s, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (entry->commit.n_leaves == 0)
		return true;
	if (!query_init(&q, &e->db, "INSERT INTO leaf(ix,kind,at,bytes,hash) VALUES(?,?,?,?,?)", err)) {
		q.stmt = NULL;
		return false;
	}
	for (size_t i = 0; i < entry->commit.n_leaves; i++) {
		const struct leaf *l = &entry->commit.leaves[i];
		query_int(&q, (int64_t)s->tree.size);
		query_int(&q, l->kind);
		query_int(&q, l->at.ms);
		query_blob(&q, l->bytes, l->len);
		query_blob(&q, &entry->hashes[i], HASH_LEN);
		if (!query_run(&q, err))
			return false;
		merkle_push(&s->tree, &entry->hashes[i]);
	}
	return true;
}

static bool add_report(struct evidence *e, const struct outbox_row *r, struct evidence_state *s, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	struct outbox_full full = { .seq = r->seq, .epoch = s->epoch, .at = r->at, .topic = r->topic, .topic_len = strlen(r->topic), .payload = r->payload, .len = r->len };
	struct hash h;
	outbox_sum(&full, &h);
	if (!query_init(&q, &e->db, "INSERT INTO outbox(seq,epoch,at,sent,delivered,topic,payload,sum) VALUES(?,?,?,0,0,?,?,?)", err))
		return false;
	query_int(&q, (int64_t)r->seq);
	query_int(&q, (int64_t)s->epoch);
	query_int(&q, r->at.ms);
	query_text(&q, r->topic);
	query_blob(&q, r->payload, r->len);
	query_blob(&q, &h, HASH_LEN);
	xor_in(&s->outbox, &h);
	s->next_seq = r->seq + 1;
	return query_run(&q, err);
}

static bool add_head(struct evidence *e, const struct commit *c, struct evidence_state *s, struct err *err)
{
	CLEANUP(query_done) struct query old = { 0 }, q = { 0 };
	struct hash root, h;
	if (!query_init(&old, &e->db, "DELETE FROM head WHERE size=? RETURNING sum", err))
		return false;
	query_int(&old, (int64_t)s->tree.size);
	int code;
	while ((code = query_step(&old, err)) == 1)
		if (column_hash(old.stmt, 0, &h))
			xor_in(&s->heads, &h);
	if (code < 0)
		return false;
	merkle_root(&s->tree, &root);
	head_sum(s->tree.size, c->at, c->signed_head, c->signed_head_len, &h);
	if (!query_init(&q, &e->db, "INSERT INTO head(size,at,jws,root,sum) VALUES(?,?,?,?,?)", err))
		return false;
	query_int(&q, (int64_t)s->tree.size);
	query_int(&q, c->at.ms);
	query_blob(&q, c->signed_head, c->signed_head_len);
	xor_in(&s->heads, &h);
	query_blob(&q, &root, HASH_LEN);
	query_blob(&q, &h, HASH_LEN);
	return query_run(&q, err);
}

static bool set_checkpoint(struct evidence *e, const struct commit *c, struct evidence_state *s, struct err *err)
{
	CLEANUP(query_done) struct query q = { 0 };
	if (!query_init(&q, &e->db, "INSERT OR REPLACE INTO checkpoint(id,bytes) VALUES(1,?)", err))
		return false;
	query_blob(&q, c->checkpoint, c->checkpoint_len);
	sha256(c->checkpoint, c->checkpoint_len, &s->checkpoint);
	s->position = c->journal_position;
	return query_run(&q, err);
}

/* Drops rows whose `at` is too old, and takes their sums out of the state. */
static bool expire(struct evidence *e, struct evidence_state *s, const char *which, int64_t before_ms, struct err *err)
{
	CLEANUP(buf_done) struct buf sql = { 0 };
	CLEANUP(query_done) struct query q = { 0 };
	buf_printf(&sql, "DELETE FROM outbox WHERE %s AND at<? RETURNING sum", which);
	if (sql.failed)
		return err_memory(err);
	if (!query_init(&q, &e->db, sql.data, err))
		return false;
	query_int(&q, before_ms);
	int code;
	while ((code = query_step(&q, err)) == 1) {
		struct hash h;
		if (column_hash(q.stmt, 0, &h))
			xor_in(&s->outbox, &h);
	}
	return code == 0;
}

static bool apply_commit(struct evidence *e, const struct entry *entry, struct evidence_state *s, struct evidence_limits limits, struct err *err)
{
	const int64_t day = 86400000;
	const struct commit *c = &entry->commit;
	if (!add_leaves(e, entry, s, err))
		return false;
	for (size_t i = 0; i < c->n_reports; i++)
		if (!add_report(e, &c->reports[i], s, err))
			return false;
	if (c->checkpoint && !set_checkpoint(e, c, s, err))
		return false;
	if (c->signed_head && !add_head(e, c, s, err))
		return false;
	if (c->n_reports == 0)
		return true;
	int64_t newest = c->reports[c->n_reports - 1].at.ms;
	return expire(e, s, "delivered=1", newest - limits.outbox_days * day, err) &&
	       (limits.undelivered_days == 0 || expire(e, s, "delivered=0", newest - limits.undelivered_days * day, err));
}

/* Rewrites sent and delivered of the rows in a range, with their sums. */
static bool mark(struct evidence *e, const struct entry *entry, struct evidence_state *s, struct evidence_limits limits, struct err *err)
{
	(void)limits;
	CLEANUP(query_done) struct query read = { 0 }, write = { 0 };
	bool any_epoch = entry->kind == ENTRY_SENT;
	uint64_t to = any_epoch ? entry->from : entry->to;
	if (!query_init(&read, &e->db, "SELECT seq,epoch,at,sent,delivered,topic,payload,sum FROM outbox WHERE seq>=? AND seq<=?", err) ||
	    !query_init(&write, &e->db, "UPDATE outbox SET sent=?,delivered=?,sum=? WHERE seq=?", err))
		return false;
	query_int(&read, (int64_t)(entry->from > INT64_MAX ? INT64_MAX : entry->from));
	query_int(&read, (int64_t)(to > INT64_MAX ? INT64_MAX : to));
	int code;
	while ((code = query_step(&read, err)) == 1) {
		struct outbox_full row = {
			.seq = (uint64_t)sqlite3_column_int64(read.stmt, 0), .epoch = (uint64_t)sqlite3_column_int64(read.stmt, 1),
			.at = { sqlite3_column_int64(read.stmt, 2) }, .sent_ms = sqlite3_column_int64(read.stmt, 3),
			.delivered = sqlite3_column_int64(read.stmt, 4) != 0, .topic = (const char *)sqlite3_column_text(read.stmt, 5),
			.topic_len = (size_t)sqlite3_column_bytes(read.stmt, 5), .payload = sqlite3_column_blob(read.stmt, 6),
			.len = (size_t)sqlite3_column_bytes(read.stmt, 6),
		};
		struct hash old, h;
		if (!any_epoch && row.epoch != entry->epoch)
			continue;
		if (!column_hash(read.stmt, 7, &old))
			return err_set(err, ERR_EVIDENCE, "%s: outbox row %llu has no sum", e->db.name, (unsigned long long)row.seq);
		row.sent_ms = entry->kind == ENTRY_SENT ? entry->at.ms : entry->kind == ENTRY_AGAIN ? 0 : row.sent_ms;
		row.delivered = entry->kind == ENTRY_DELIVERED || (entry->kind == ENTRY_SENT && row.delivered);
		outbox_sum(&row, &h);
		xor_in(&s->outbox, &old);
		xor_in(&s->outbox, &h);
		query_int(&write, row.sent_ms);
		query_int(&write, row.delivered);
		query_blob(&write, &h, HASH_LEN);
		query_int(&write, (int64_t)row.seq);
		if (!query_run(&write, err))
			return false;
	}
	return code == 0;
}

static bool apply_session(struct evidence *e, const struct entry *entry, struct evidence_state *s, struct evidence_limits limits, struct err *err)
{
	(void)e, (void)entry, (void)limits, (void)err;
	s->session++;
	return true;
}

bool evidence_apply(struct evidence *e, struct entry *const *entries, size_t n, struct evidence_limits limits, struct err *err)
{
	static bool (*const apply[])(struct evidence *, const struct entry *, struct evidence_state *, struct evidence_limits, struct err *) = {
		[ENTRY_COMMIT] = apply_commit, [ENTRY_SENT] = mark, [ENTRY_DELIVERED] = mark, [ENTRY_AGAIN] = mark, [ENTRY_SESSION] = apply_session,
	};
	struct evidence_state s = e->state;
	if (!db_exec(&e->db, "BEGIN IMMEDIATE", err))
		return false;
	bool good = true;
	for (size_t i = 0; good && i < n; i++) {
		good = apply[entries[i]->kind](e, entries[i], &s, limits, err);
		s.serial = entries[i]->serial;
	}
	good = good && evidence_state_write(e, &s, false, err) && db_exec(&e->db, "COMMIT", err);
	if (good)
		e->state = s;
	else
		sqlite3_exec(e->db.sql, "ROLLBACK", NULL, NULL, NULL);
	return good;
}
