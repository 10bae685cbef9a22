/* Nobody alters a store unseen: seeded changes of single bytes and rows, each found and named; copies and their epochs. */
#include "tests/unit/test.h"
#include "core/outbox.h"
#include "store/closed.h"
#include "tests/unit/store/kit.h"

#include <stdlib.h>
#include <unistd.h>

#define HEX64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
enum { STEPS = 240 };
static struct hash early_root;          /* of the tree of 40 leaves */

static int make(void **state)
{
	(void)state;
	kit_clean();
	struct store_options o = kit_options(kit_dir());
	struct err err;
	struct store *s = store_open(&o, &err);
	if (!s || !store_series(s, kit_series(), KIT_SERIES, &err))
		return -1;
	for (uint64_t k = 0; k < STEPS; k++) {
		struct merkle tree;
		if (!kit_step(s, k, &err))
			return -1;
		store_tree(s, &tree);
		if (tree.size == 40 || (tree.size == 80 && k % 3 == 2)) {
			if (tree.size == 40)
				merkle_root(&tree, &early_root);
			struct commit head = { .signed_head = "a signed head", .signed_head_len = 13, .at = { 42 } };
			if (!store_commit(s, &head, &err))
				return -1;
		}
		if (k % 40 == 39 && !store_flush(s, &err))
			return -1;
	}
	store_outbox()->sent(s, 3, (struct wall){ 77 });
	store_outbox()->delivered(s, 1767225600, 1, 2);
	bool good = store_flush(s, &err);
	store_close(s);
	return good ? 0 : -1;
}

static int clean(void **state)
{
	(void)state;
	kit_clean();
	return 0;
}

static void audit(struct store_audit *out)
{
	struct err err;
	memset(out, 0, sizeof *out);
	if (!store_audit(kit_dir(), NULL, out, &err))
		snprintf(out->first_bad, sizeof out->first_bad, "%.200s", err.text);
}

static sqlite3 *open_file(const char *file)
{
	char path[200];
	sqlite3 *sql;
	snprintf(path, sizeof path, "%s/%s", kit_dir(), file);
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	sqlite3_exec(sql, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
	return sql;
}

static void sql_do(sqlite3 *sql, const char *text)
{
	char *message = NULL;
	if (sqlite3_exec(sql, text, NULL, NULL, &message) != SQLITE_OK)
		fail_msg("%s: %s", text, message);
}

static void good_store(void **state)
{
	(void)state;
	struct store_audit a;
	audit(&a);
	assert_string_equal(a.first_bad, "");
	assert_int_equal(a.leaves, STEPS / 3 * 2);
	assert_int_equal(a.epoch, 1767225600);
}

/* An index made of other rows than its definition says. */
#define FALSE_INDEX(name, made, said) \
	"DROP INDEX " name "; CREATE INDEX " name " ON " made "; PRAGMA writable_schema=ON;" \
	"UPDATE sqlite_master SET sql='CREATE INDEX " name " ON " said "' WHERE name='" name "'"

/* What an operator might do, and the record that must be named. */
static const struct row { const char *name, *file, *sql, *names; } rows[] = {
	{ "energy rewritten", "evidence.db", "UPDATE leaf SET bytes=x'7b7d' WHERE ix=17", "leaf 17 (session" },
	{ "leaf deleted", "evidence.db", "DELETE FROM leaf WHERE ix=33", "leaf 33: missing" },
	{ "last leaf deleted", "evidence.db", "DELETE FROM leaf WHERE ix=159", "leaf 159: missing" },
	{ "leaf added", "evidence.db", "INSERT INTO leaf SELECT 160,kind,at,bytes,hash FROM leaf WHERE ix=3", "leaf 160: added" },
	{ "two leaves swapped", "evidence.db", "UPDATE leaf SET ix=-1 WHERE ix=5; UPDATE leaf SET ix=5 WHERE ix=6; UPDATE leaf SET ix=6 WHERE ix=-1", "leaf 0..39: the signed head" },
	{ "back-dated", "evidence.db", "UPDATE leaf SET at=at-86400000 WHERE ix=99", "leaf 99 (key" },
	{ "another kind", "evidence.db", "UPDATE leaf SET kind=7 WHERE ix=98", "leaf 98 (manual" },
	{ "leaf copied over another, hash and all", "evidence.db", "UPDATE leaf SET (kind,at,bytes,hash)=(SELECT kind,at,bytes,hash FROM leaf WHERE ix=50) WHERE ix=52", "leaf 40..79: the signed head" },
	{ "tree head forged", "evidence.db", "UPDATE state SET root=zeroblob(32)", "state" },
	{ "epoch set back", "evidence.db", "UPDATE state SET epoch=epoch-1", "state" },
	{ "state deleted", "evidence.db", "DELETE FROM state", "state" },
	{ "report rewritten", "evidence.db", "UPDATE outbox SET payload=x'00' WHERE seq=9", "report 9" },
	{ "report to another topic", "evidence.db", "UPDATE outbox SET topic='x' WHERE seq=9", "report 9" },
	{ "report deleted", "evidence.db", "DELETE FROM outbox WHERE seq=9", "outbox: a report is missing" },
	{ "report marked delivered", "evidence.db", "UPDATE outbox SET delivered=1 WHERE seq=9", "report 9" },
	{ "checkpoint", "evidence.db", "UPDATE checkpoint SET bytes=x'31'", "checkpoint" },
	{ "signed head", "evidence.db", "UPDATE head SET jws=x'31' WHERE size=80", "signed head 80" },
	{ "signed head's root", "evidence.db", "UPDATE head SET root=zeroblob(32) WHERE size=40", "leaf 0..39: the signed head" },
	{ "signed head deleted", "evidence.db", "DELETE FROM head WHERE size=40", "signed heads: one is missing" },
	{ "a trigger that hides", "evidence.db", "CREATE TRIGGER t AFTER INSERT ON leaf BEGIN DELETE FROM outbox; END", "evidence.db: the tables" },
	{ "an index that hides a leaf", "evidence.db", FALSE_INDEX("leaf_kind", "leaf(kind,ix) WHERE ix<>7", "leaf(kind,ix)"), "row 7 is missing from the index leaf_kind" },
	{ "an index that dates a leaf otherwise", "evidence.db", FALSE_INDEX("leaf_at", "leaf(at+(ix=9))", "leaf(at)"), "row 9 is missing from the index leaf_at" },
	{ "an index with another hash", "evidence.db", FALSE_INDEX("leaf_hash", "leaf(ix,iif(ix=12,zeroblob(32),hash))", "leaf(ix,hash)"),
	  "row 12 is missing from the index leaf_hash" },
	{ "an index that shows no waiting report", "evidence.db", FALSE_INDEX("outbox_pending", "outbox(seq) WHERE delivered=1", "outbox(seq) WHERE delivered=0"),
	  "missing from the index outbox_pending" },
	{ "raw reading", "journal.db", "UPDATE journal SET body=zeroblob(length(body)) WHERE key=(SELECT min(key) FROM journal)", "journal tick" },
	{ "raw row deleted", "journal.db", "DELETE FROM journal WHERE key=(SELECT max(key) FROM journal)", "journal tick" },
	{ "tick deleted", "journal.db", "DELETE FROM tick WHERE no=(SELECT min(no) FROM tick)", "journal tick" },
	{ "last tick deleted", "journal.db", "DELETE FROM tick WHERE no=(SELECT max(no) FROM tick); DELETE FROM journal WHERE key>>16 NOT IN (SELECT no FROM tick)", "journal: the readings" },
	{ "time of a tick", "journal.db", "UPDATE tick SET wall_to=wall_to+1 WHERE no=(SELECT min(no) FROM tick)", "journal tick" },
	{ "unit of a register", "journal.db", "UPDATE series SET count_num=1 WHERE sid=0", "series 0" },
	{ "a series renamed", "journal.db", "UPDATE series SET id='other' WHERE sid=4", "series 4" },
	{ "a series deleted", "journal.db", "DELETE FROM series WHERE sid=4", "series 4: missing" },
};

/* The good files, kept in memory: put back after each change. */
static struct { const char *name; char *bytes; size_t len; } kept[] = { { "evidence.db", NULL, 0 }, { "journal.db", NULL, 0 } };

static void keep_store(void)
{
	for (size_t i = 0; i < countof(kept); i++) {
		char path[200];
		sqlite3 *sql = open_file(kept[i].name);
		sql_do(sql, "PRAGMA journal_mode=DELETE");      /* one file each */
		sqlite3_close(sql);
		snprintf(path, sizeof path, "%s/%s", kit_dir(), kept[i].name);
		FILE *f = fopen(path, "rb");
		fseek(f, 0, SEEK_END);
		kept[i].len = (size_t)ftell(f);
		rewind(f);
		free(kept[i].bytes);
		kept[i].bytes = malloc(kept[i].len);
		assert_int_equal(fread(kept[i].bytes, 1, kept[i].len, f), kept[i].len);
		fclose(f);
	}
}

static void put_back(const char *name)
{
	for (size_t i = 0; i < countof(kept); i++) {
		char path[200];
		if (strcmp(kept[i].name, name) != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", kit_dir(), name);
		FILE *f = fopen(path, "wb");
		assert_int_equal(fwrite(kept[i].bytes, 1, kept[i].len, f), kept[i].len);
		fclose(f);
	}
}

static void every_change_is_named(void **state)
{
	(void)state;
	struct store_audit a;
	keep_store();
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		sqlite3 *sql = open_file(r->file);
		sql_do(sql, r->sql);
		sqlite3_close(sql);
		audit(&a);
		if (!strstr(a.first_bad, r->names))
			fail_msg("row \"%s\": found \"%s\" instead of \"%s\"", r->name, a.first_bad, r->names);
		put_back(r->file);
	}
	audit(&a);
	assert_string_equal(a.first_bad, "");
}

/* Every cell of every table, one byte of it, by seed. */
struct cell { const char *file; char table[16], column[16]; int64_t row; };
static struct cell cells[20000];
static size_t n_cells;

static void list_cells(const char *file)
{
	sqlite3 *sql = open_file(file);
	sqlite3_stmt *tables, *columns, *keys;
	assert_int_equal(sqlite3_prepare_v2(sql, "SELECT name FROM sqlite_master WHERE type='table'", -1, &tables, NULL), SQLITE_OK);
	while (sqlite3_step(tables) == SQLITE_ROW) {
		const char *table = (const char *)sqlite3_column_text(tables, 0);
		char *text = sqlite3_mprintf("PRAGMA table_info(%s)", table);
		sqlite3_prepare_v2(sql, text, -1, &columns, NULL);
		sqlite3_free(text);
		while (sqlite3_step(columns) == SQLITE_ROW) {
			const char *column = (const char *)sqlite3_column_text(columns, 1);
			text = sqlite3_mprintf("SELECT rowid FROM %s WHERE %s IS NOT NULL", table, column);
			sqlite3_prepare_v2(sql, text, -1, &keys, NULL);
			sqlite3_free(text);
			while (sqlite3_step(keys) == SQLITE_ROW && n_cells < countof(cells)) {
				struct cell *c = &cells[n_cells++];
				*c = (struct cell){ .file = file, .row = sqlite3_column_int64(keys, 0) };
				snprintf(c->table, sizeof c->table, "%s", table);
				snprintf(c->column, sizeof c->column, "%s", column);
			}
			sqlite3_finalize(keys);
		}
		sqlite3_finalize(columns);
	}
	sqlite3_finalize(tables);
	sqlite3_close(sql);
}

/* One cell changed: integer +- a bit, one byte of a blob or text.  False when the change is none (a constraint refuses it). */
static bool mutate(sqlite3 *sql, const struct cell *c, struct rng *rng)
{
	sqlite3_stmt *read, *write;
	char *text = sqlite3_mprintf("SELECT %s FROM %s WHERE rowid=%lld", c->column, c->table, c->row);
	sqlite3_prepare_v2(sql, text, -1, &read, NULL);
	sqlite3_free(text);
	assert_int_equal(sqlite3_step(read), SQLITE_ROW);
	text = sqlite3_mprintf("UPDATE %s SET %s=? WHERE rowid=%lld", c->table, c->column, c->row);
	sqlite3_prepare_v2(sql, text, -1, &write, NULL);
	sqlite3_free(text);
	int type = sqlite3_column_type(read, 0), len = sqlite3_column_bytes(read, 0);
	char *bytes = malloc((size_t)len + 1);
	memcpy(bytes, type == SQLITE_INTEGER ? "" : (const char *)sqlite3_column_blob(read, 0), type == SQLITE_INTEGER ? 0 : (size_t)len);
	bool possible = type == SQLITE_INTEGER || len > 0;
	if (type == SQLITE_INTEGER)
		sqlite3_bind_int64(write, 1, sqlite3_column_int64(read, 0) ^ (sqlite3_int64)(1u << rng_next(rng) % 20));
	else if (len > 0) {
		bytes[rng_next(rng) % (uint64_t)len] ^= (char)(1 << rng_next(rng) % (type == SQLITE_TEXT ? 5 : 8));
		if (type == SQLITE_TEXT)
			sqlite3_bind_text(write, 1, bytes, len, SQLITE_STATIC);
		else
			sqlite3_bind_blob(write, 1, bytes, len, SQLITE_STATIC);
	}
	sqlite3_finalize(read);
	possible = possible && sqlite3_step(write) == SQLITE_DONE;
	sqlite3_finalize(write);
	free(bytes);
	return possible;
}

static void seeded_mutations(void **state)
{
	(void)state;
	const int rounds = getenv("PUED_LONG") && atoi(getenv("PUED_LONG")) ? 10000 : 600;
	const uint64_t seed = 20260101;
	struct rng rng = { seed };
	struct store_audit a;
	int made = 0;
	printf("seed %llu, %d rounds\n", (unsigned long long)seed, rounds);
	n_cells = 0;
	list_cells("evidence.db");
	size_t n_evidence = n_cells;
	list_cells("journal.db");
	keep_store();
	for (int i = 0; i < rounds; i++) {
		/* half of them in the evidence, whatever the number of raw rows */
		size_t which = i % 2 ? (size_t)(rng_next(&rng) % n_evidence) : n_evidence + (size_t)(rng_next(&rng) % (n_cells - n_evidence));
		const struct cell *c = &cells[which];
		sqlite3 *sql = open_file(c->file);
		bool changed = mutate(sql, c, &rng);
		sqlite3_close(sql);
		made += changed;
		audit(&a);
		if (changed && !a.first_bad[0])
			fail_msg("round %d: a change of %s.%s in row %lld was not found", i, c->table, c->column, (long long)c->row);
		if (!changed && a.first_bad[0])
			fail_msg("round %d: nothing was changed, but: %s", i, a.first_bad);
		put_back(c->file);
	}
	assert_true(made > rounds * 9 / 10);
}

/* Any byte of the file: found, or it changes nothing that is read (free space, statistics of the file's header). */
static void bit_rot(void **state)
{
	(void)state;
	struct rng rng = { 5 };
	struct store_audit good, a;
	audit(&good);
	keep_store();
	int found = 0;
	for (int i = 0; i < 300; i++) {
		char path[200];
		snprintf(path, sizeof path, "%s/evidence.db", kit_dir());
		FILE *f = fopen(path, "r+b");
		fseek(f, 0, SEEK_END);
		long at = (long)(rng_next(&rng) % (uint64_t)ftell(f));
		fseek(f, at, SEEK_SET);
		int c = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(c ^ (1 << rng_next(&rng) % 8), f);
		fclose(f);
		audit(&a);
		if (a.first_bad[0])
			found++;
		else
			assert_true(a.leaves == good.leaves && hash_equal(&a.root, &good.root) && a.epoch == good.epoch);
		put_back("evidence.db");
	}
	assert_true(found > 100);
}

/* A store whole in itself whose history was rewritten with everything recomputed: only a head kept elsewhere shows it. */
static void witness(void **state)
{
	(void)state;
	struct err err;
	struct store_audit a;
	struct store_witness good = { .size = 40, .epoch = 1767225600, .root = early_root, .name = "report 20" }, wrong = good, later = good,
			     beyond = { .size = 161, .root = early_root, .name = "the printed head" };
	wrong.root.bytes[0] ^= 1;
	later.epoch++;
	assert_true(store_audit_against(kit_dir(), &good, 1, &a, &err));
	assert_string_equal(a.first_bad, "");
	assert_true(store_audit_against(kit_dir(), &wrong, 1, &a, &err));
	assert_non_null(strstr(a.first_bad, "leaf 0..39: report 20 of 40 leaves has another root"));
	assert_non_null(strstr(a.first_bad, "an older copy was put back and went on"));
	/* an old copy that had time to grow: the newer epoch is what shows it */
	assert_true(store_audit_against(kit_dir(), &later, 1, &a, &err));
	assert_non_null(strstr(a.first_bad, "state: epoch 1767225600, but report 20 is of epoch 1767225601"));
	assert_true(store_audit_against(kit_dir(), &beyond, 1, &a, &err));
	assert_non_null(strstr(a.first_bad, "the printed head knows 161 leaves"));
}

static void backup_and_restore(void **state)
{
	(void)state;
	struct err err = { 0 };
	char copy[200], fresh[200];
	uint64_t epoch;
	snprintf(copy, sizeof copy, "%s/copy", kit_dir());
	snprintf(fresh, sizeof fresh, "%s/fresh", kit_dir());
	struct store_options o = kit_options(kit_dir());
	struct store *s = store_open(&o, &err);         /* the copy is made of a living store */
	assert_non_null(s);
	if (!store_backup(kit_dir(), copy, &err))
		fail_msg("%s", err.text);
	assert_false(store_backup(kit_dir(), copy, &err));
	store_close(s);
	assert_false(store_restore(copy, kit_dir(), (struct wall){ 1768000000000 }, &epoch, &err));
	assert_non_null(strstr(err.text, "exists already"));
	/* readings of another life do not stay among the restored ones */
	char command[1500];
	snprintf(command, sizeof command, "mkdir %s && cp %s/journal.db %s/raw-2025-12.db", fresh, copy, fresh);
	assert_int_equal(system(command), 0);
	assert_false(store_restore(copy, fresh, (struct wall){ 1768000000000 }, &epoch, &err));
	assert_non_null(strstr(err.text, "raw-2025-12.db exists already"));
	/* but those of a restore that was interrupted make way for the next */
	snprintf(command, sizeof command, "mkdir %s/restore.part && cp %s/evidence.db %s/restore.part && cp %s/journal.db %s", fresh, copy, fresh, copy, fresh);
	assert_int_equal(system(command), 0);
	if (!store_restore(copy, fresh, (struct wall){ 1768000000000 }, &epoch, &err))
		fail_msg("%s", err.text);
	assert_int_equal(epoch, 1768000000);
	struct store_audit a;
	snprintf(command, sizeof command, "cd %s && test -f evidence.db -a -f journal.db -a ! -e restore.part -a ! -e raw-2025-12.db", fresh);
	assert_int_equal(system(command), 0);
	assert_true(store_audit(fresh, NULL, &a, &err));
	assert_string_equal(a.first_bad, "");
	assert_int_equal(a.epoch, 1768000000);
	assert_int_equal(a.leaves, STEPS / 3 * 2 + 1);          /* and a leaf that tells of it */
	/* a head of the time before the restore, that knows more than the backup held */
	struct store_witness lost = { .size = 200, .epoch = 1767225600, .name = "the printed head" };
	assert_true(store_audit_against(fresh, &lost, 1, &a, &err));
	assert_non_null(strstr(a.first_bad, "the printed head of epoch 1767225600 knows 200 leaves: a backup of 160 leaves was restored in epoch 1768000000"));
	o = kit_options(fresh);
	s = store_open(&o, &err);
	struct restart r;
	assert_true(s && store_restart(s, &r, &err));
	assert_int_equal(r.next_seq, STEPS / 3 + 1);
	restart_done(&r);
	store_close(s);
	/* the clock went back: the epoch goes on all the same */
	kit_remove(fresh);
	assert_true(store_restore(copy, fresh, (struct wall){ 1000 }, &epoch, &err));
	assert_int_equal(epoch, 1767225601);
	/* a damaged copy is not restored */
	kit_remove(fresh);
	char path[300];
	sqlite3 *sql;
	snprintf(path, sizeof path, "%s/evidence.db", copy);
	sqlite3_open(path, &sql);
	sql_do(sql, "UPDATE leaf SET at=0 WHERE ix=4");
	sqlite3_close(sql);
	assert_false(store_restore(copy, fresh, (struct wall){ 1768000000000 }, &epoch, &err));
	assert_true(err.kind == ERR_EVIDENCE && strstr(err.text, "leaf 4"));
}

/* Leaves of a store that somebody made: what they name is looked for in no other directory, and there is one form of each. */
static void leaves_of_segments(void **state)
{
	(void)state;
	static const struct said { const char *name, *text; bool good; } said[] = {
		{ "closed", "{\"event\":\"closed\",\"segment\":\"raw-2026-01.db\",\"from\":1,\"to\":2,\"first\":1,\"last\":60,\"days\":1,\"readings\":9,\"bytes\":5,\"sha256\":\"" HEX64 "\",\"rollups\":\"" HEX64 "\"}", true },
		{ "dropped", "{\"event\":\"dropped\",\"segment\":\"raw-2026-01.db\",\"from\":1,\"to\":2,\"reason\":\"retention\"}", true },
		{ "of another directory", "{\"event\":\"dropped\",\"segment\":\"../../dev/zero\",\"from\":1,\"to\":2,\"reason\":\"retention\"}", false },
		{ "of another name", "{\"event\":\"dropped\",\"segment\":\"raw-2026-1.db\",\"from\":1,\"to\":2,\"reason\":\"retention\"}", false },
		{ "a blank", "{\"event\":\"dropped\",\"segment\":\"raw-2026-01.db\",\"from\": 1,\"to\":2,\"reason\":\"retention\"}", false },
		{ "a sign", "{\"event\":\"dropped\",\"segment\":\"raw-2026-01.db\",\"from\":+1,\"to\":2,\"reason\":\"retention\"}", false },
		{ "too large", "{\"event\":\"dropped\",\"segment\":\"raw-2026-01.db\",\"from\":1,\"to\":99999999999999999999,\"reason\":\"retention\"}", false },
		{ "more behind it", "{\"event\":\"dropped\",\"segment\":\"raw-2026-01.db\",\"from\":1,\"to\":2,\"reason\":\"retention\"} ", false },
	};
	struct closed_leaf l;
	for (const struct said *row = said; row < said + countof(said); row++)
		row_check(row, closed_leaf_get(row->text, strlen(row->text), &l) == row->good);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, make, clean)
	const struct CMUnitTest tests[] = { TEST(good_store), TEST(every_change_is_named), TEST(seeded_mutations), TEST(bit_rot), TEST(witness), TEST(leaves_of_segments), TEST(backup_and_restore) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	for (size_t i = 0; i < countof(kept); i++)
		free(kept[i].bytes);
	return failed;
}
