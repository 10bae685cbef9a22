/* Nobody alters a sealed store unseen: seeded changes of single bytes and rows in every table of every file, each found, and the record
 * that is named first is the altered one. */
#include "tests/unit/test.h"
#include "tests/unit/store/sealed.h"

#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 500, LONG_ROUNDS = 10000 };

/* The files, and what a sentence about a record of a table must say. */
static const struct table { const char *file, *table, *says; } tables[] = {
	{ "evidence.db", "leaf", "leaf " },         { "evidence.db", "head", "signed head" },      { "evidence.db", "outbox", "report|outbox" },
	{ "evidence.db", "state", "state" },        { "evidence.db", "checkpoint", "checkpoint" }, { "journal.db", "tick", "journal" },
	{ "journal.db", "journal", "journal" },     { "journal.db", "series", "series" },          { "journal.db", "state", "journal" },
	{ "journal.db", "window", "window" },       { "journal.db", "block", "window" },           { "journal.db", "stamps", "window" },
	{ "raw-2026-01.db", "window", "raw-2026-01.db: changed" }, { "raw-2026-01.db", "block", "raw-2026-01.db: changed" },
	{ "raw-2026-01.db", "stamps", "raw-2026-01.db: changed" }, { "raw-2026-02.db", "window", "raw-2026-02.db|window" },
	{ "raw-2026-02.db", "block", "raw-2026-02.db" },           { "raw-2026-02.db", "stamps", "raw-2026-02.db" },
	{ "rollup.db", "window", "rollup.db" },     { "rollup.db", "block", "rollup.db" },
};
static struct { const char *name; char *bytes; size_t len; } kept[] = { { "evidence.db", NULL, 0 }, { "journal.db", NULL, 0 }, { "raw-2026-01.db", NULL, 0 },
									{ "raw-2026-02.db", NULL, 0 }, { "rollup.db", NULL, 0 } };

static const char *path_of(const char *name)
{
	static char path[300];
	snprintf(path, sizeof path, "%s/%s", kit_dir(), name);
	return path;
}

static sqlite3 *open_file(const char *name)
{
	sqlite3 *sql;
	assert_int_equal(sqlite3_open(path_of(name), &sql), SQLITE_OK);
	sqlite3_exec(sql, "PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY", NULL, NULL, NULL);
	return sql;
}

static void keep_files(void)
{
	for (size_t i = 0; i < countof(kept); i++) {
		sqlite3 *sql;
		if (strcmp(kept[i].name, "raw-2026-01.db")) {       /* a closed one must not be touched: its bytes are evidence */
			assert_int_equal(sqlite3_open(path_of(kept[i].name), &sql), SQLITE_OK);
			assert_int_equal(sqlite3_exec(sql, "PRAGMA journal_mode=DELETE", NULL, NULL, NULL), SQLITE_OK);
			sqlite3_close(sql);
		}
		FILE *f = fopen(path_of(kept[i].name), "rb");
		assert_non_null(f);
		fseek(f, 0, SEEK_END);
		kept[i].len = (size_t)ftell(f);
		rewind(f);
		kept[i].bytes = malloc(kept[i].len);
		assert_int_equal(fread(kept[i].bytes, 1, kept[i].len, f), kept[i].len);
		fclose(f);
	}
}

static void put_back(const char *name)
{
	for (size_t i = 0; i < countof(kept); i++) {
		if (strcmp(kept[i].name, name))
			continue;
		FILE *f = fopen(path_of(name), "wb");
		assert_int_equal(fwrite(kept[i].bytes, 1, kept[i].len, f), kept[i].len);
		fclose(f);
	}
	char extra[400];
	static const char *const ends[] = { "-wal", "-shm", "-journal" };
	for (size_t i = 0; i < countof(ends); i++) {
		snprintf(extra, sizeof extra, "%s%s", path_of(name), ends[i]);
		unlink(extra);
	}
}

static bool run(sqlite3 *sql, const char *fmt, ...) PRINTF(2, 3);
static bool run(sqlite3 *sql, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	char *text = sqlite3_vmprintf(fmt, args);
	va_end(args);
	bool good = sqlite3_exec(sql, text, NULL, NULL, NULL) == SQLITE_OK && sqlite3_changes(sql) > 0;
	sqlite3_free(text);
	return good;
}

static int64_t number(sqlite3 *sql, const char *fmt, ...) PRINTF(2, 3);
static int64_t number(sqlite3 *sql, const char *fmt, ...)
{
	sqlite3_stmt *q = NULL;
	va_list args;
	va_start(args, fmt);
	char *text = sqlite3_vmprintf(fmt, args);
	va_end(args);
	int64_t n = INT64_MIN;
	if (sqlite3_prepare_v2(sql, text, -1, &q, NULL) == SQLITE_OK && sqlite3_step(q) == SQLITE_ROW && sqlite3_column_type(q, 0) != SQLITE_NULL)
		n = sqlite3_column_int64(q, 0);
	sqlite3_finalize(q);
	sqlite3_free(text);
	return n;
}

static int64_t any_row(sqlite3 *sql, const char *table, struct rng *rng)
{
	int64_t n = number(sql, "SELECT count(*) FROM %s", table);
	return n > 0 ? number(sql, "SELECT rowid FROM %s LIMIT 1 OFFSET %lld", table, (long long)(rng_next(rng) % (uint64_t)n)) : INT64_MIN;
}

struct change { const struct table *t; int64_t row, other; const char *what; };

/* Name of a random column of the table; the caller frees it with sqlite3_free(). */
static char *any_column(sqlite3 *sql, const char *table, struct rng *rng)
{
	sqlite3_stmt *q;
	int64_t n = number(sql, "SELECT count(*) FROM pragma_table_info('%s')", table);
	char *text = sqlite3_mprintf("SELECT name FROM pragma_table_info('%s') LIMIT 1 OFFSET %lld", table, (long long)(rng_next(rng) % (uint64_t)n)), *name;
	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &q, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(q), SQLITE_ROW);
	name = sqlite3_mprintf("%s", (const char *)sqlite3_column_text(q, 0));
	sqlite3_finalize(q);
	sqlite3_free(text);
	return name;
}

/* A bit of an integer, of one byte of a blob, of one letter of a text. */
static bool cell(sqlite3 *sql, struct change *c, struct rng *rng)
{
	sqlite3_stmt *read, *write;
	char *column = any_column(sql, c->t->table, rng), *text = sqlite3_mprintf("SELECT %s FROM %s WHERE rowid=%lld", column, c->t->table, (long long)c->row);
	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &read, NULL), SQLITE_OK);
	sqlite3_free(text);
	assert_int_equal(sqlite3_step(read), SQLITE_ROW);
	text = sqlite3_mprintf("UPDATE %s SET %s=? WHERE rowid=%lld", c->t->table, column, (long long)c->row);
	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &write, NULL), SQLITE_OK);
	sqlite3_free(text);
	int type = sqlite3_column_type(read, 0), len = type == SQLITE_NULL ? 0 : sqlite3_column_bytes(read, 0);
	char *bytes = malloc((size_t)len + 1);
	bool possible = type == SQLITE_INTEGER || len > 0;
	if (type == SQLITE_INTEGER) {
		sqlite3_bind_int64(write, 1, sqlite3_column_int64(read, 0) ^ (sqlite3_int64)(1u << rng_next(rng) % 20));
	} else if (possible) {
		memcpy(bytes, sqlite3_column_blob(read, 0), (size_t)len);
		bytes[rng_next(rng) % (uint64_t)len] ^= (char)(1 << rng_next(rng) % (type == SQLITE_TEXT ? 5 : 8));
		if (type == SQLITE_TEXT)
			sqlite3_bind_text(write, 1, bytes, len, SQLITE_STATIC);
		else
			sqlite3_bind_blob(write, 1, bytes, len, SQLITE_STATIC);
	}
	sqlite3_finalize(read);
	possible = possible && sqlite3_step(write) == SQLITE_DONE;
	/* a key of a row that moved: the record is missing where it was, or one too many where it is now */
	if (possible && number(sql, "SELECT rowid FROM %s WHERE rowid=%lld", c->t->table, (long long)c->row) == INT64_MIN)
		c->other = INT64_MAX;
	sqlite3_finalize(write);
	sqlite3_free(column);
	free(bytes);
	return possible;
}

static bool delete_row(sqlite3 *sql, struct change *c, struct rng *rng)
{
	(void)rng;
	return run(sql, "DELETE FROM %s WHERE rowid=%lld", c->t->table, (long long)c->row);
}

/* A record once more, behind the last one. */
static bool insert_row(sqlite3 *sql, struct change *c, struct rng *rng)
{
	(void)rng;
	sqlite3_stmt *q;
	CLEANUP(buf_done) struct buf columns = { 0 };
	c->other = number(sql, "SELECT max(rowid)+1 FROM %s", c->t->table);
	char *text = sqlite3_mprintf("SELECT name,pk FROM pragma_table_info('%s')", c->t->table);
	assert_int_equal(sqlite3_prepare_v2(sql, text, -1, &q, NULL), SQLITE_OK);
	sqlite3_free(text);
	while (sqlite3_step(q) == SQLITE_ROW) {
		buf_str(&columns, columns.len ? "," : "");
		if (sqlite3_column_int(q, 1))
			buf_printf(&columns, "%lld", (long long)c->other);
		else
			buf_str(&columns, (const char *)sqlite3_column_text(q, 0));
	}
	sqlite3_finalize(q);
	return run(sql, "INSERT INTO %s SELECT %s FROM %s WHERE rowid=%lld", c->t->table, columns.data, c->t->table, (long long)c->row);
}

static bool swap_rows(sqlite3 *sql, struct change *c, struct rng *rng)
{
	c->other = any_row(sql, c->t->table, rng);
	return c->other != c->row && run(sql, "UPDATE %s SET rowid=-7 WHERE rowid=%lld", c->t->table, (long long)c->row) &&
	       run(sql, "UPDATE %s SET rowid=%lld WHERE rowid=%lld", c->t->table, (long long)c->row, (long long)c->other) &&
	       run(sql, "UPDATE %s SET rowid=%lld WHERE rowid=-7", c->t->table, (long long)c->other);
}

/* Yesterday, in tables that have a date. */
static bool back_date(sqlite3 *sql, struct change *c, struct rng *rng)
{
	(void)rng;
	static const char *const dates[] = { "at", "wall_from" };
	for (size_t i = 0; i < countof(dates); i++)
		if (run(sql, "UPDATE %s SET %s=%s-86400000 WHERE rowid=%lld", c->t->table, dates[i], dates[i], (long long)c->row))
			return true;
	return false;
}

static const struct { const char *name; bool (*make)(sqlite3 *, struct change *, struct rng *); unsigned weight; } kinds[] = {
	{ "byte", cell, 6 }, { "deletion", delete_row, 1 }, { "insertion", insert_row, 1 }, { "reordering", swap_rows, 1 }, { "back-dating", back_date, 1 },
};

static void audit(struct store_audit *out)
{
	struct err err;
	memset(out, 0, sizeof *out);
	if (!store_audit(kit_dir(), NULL, out, &err))
		snprintf(out->first_bad, sizeof out->first_bad, "%.290s", err.text);
}

static bool says(const char *sentence, const char *words)
{
	char word[60];
	for (const char *p = words; *p;) {
		size_t n = strcspn(p, "|");
		snprintf(word, sizeof word, "%.*s", (int)n, p);
		if (strstr(sentence, word))
			return true;
		p += n + (p[n] == '|');
	}
	return false;
}

/* "leaf 17", or "leaf 40..79" around it; of two that changed places, either. */
static bool names_leaf(const char *sentence, const struct change *c)
{
	unsigned long long from, to;
	const char *at = strstr(sentence, "leaf ");
	int n = at ? sscanf(at, "leaf %llu..%llu", &from, &to) : 0;
	if (n < 1)
		return false;
	if (n == 1)
		to = from;
	bool one = c->row >= (int64_t)from && c->row <= (int64_t)to;
	bool other = c->other != INT64_MIN && (c->other == INT64_MAX || (c->other >= (int64_t)from && c->other <= (int64_t)to));
	return one || other;
}

static void seeded(void **state)
{
	(void)state;
	const bool whole = getenv("PUED_LONG") && atoi(getenv("PUED_LONG"));
	const int rounds = whole ? LONG_ROUNDS : ROUNDS;
	const uint64_t seed = 20260131;
	struct rng rng = { seed };
	struct store_audit a;
	int made[countof(kinds)] = { 0 }, total = 0, tries = 0;
	printf("seed %llu, %d changes\n", (unsigned long long)seed, rounds);
	audit(&a);
	assert_string_equal(a.first_bad, "");
	assert_true(a.segments == 1);
	keep_files();
	for (; total < rounds; tries++) {
		struct change c = { .t = &tables[tries % 2 ? 0 : rng_next(&rng) % countof(tables)], .other = INT64_MIN };   /* half of them among the leaves */
		size_t kind = 0;
		for (unsigned dice = (unsigned)(rng_next(&rng) % 10); dice >= kinds[kind].weight; kind++)
			dice -= kinds[kind].weight;
		sqlite3 *sql = open_file(c.t->file);
		c.row = any_row(sql, c.t->table, &rng);
		bool changed = c.row != INT64_MIN && kinds[kind].make(sql, &c, &rng);
		sqlite3_close(sql);
		if (changed) {
			audit(&a);
			total++;
			made[kind]++;
			if (!a.first_bad[0])
				fail_msg("change %d: a %s in %s of %s, row %lld, was not found", total, kinds[kind].name, c.t->table, c.t->file, (long long)c.row);
			if (!says(a.first_bad, c.t->says) || (c.t == &tables[0] && !names_leaf(a.first_bad, &c)))
				fail_msg("change %d: a %s in %s of %s, row %lld: \"%s\" names another record", total, kinds[kind].name, c.t->table, c.t->file, (long long)c.row, a.first_bad);
		}
		put_back(c.t->file);
	}
	for (size_t i = 0; i < countof(kinds); i++) {
		printf("%5d of kind %s\n", made[i], kinds[i].name);
		assert_true(made[i] > rounds / 50);
	}
	audit(&a);
	assert_string_equal(a.first_bad, "");
}

/* Every single byte of a closed month counts, whatever SQLite reads of it. */
static void closed_month_bytes(void **state)
{
	(void)state;
	struct rng rng = { 3 };
	struct store_audit a;
	for (int i = 0; i < 60; i++) {
		FILE *f = fopen(path_of("raw-2026-01.db"), "r+b");
		long at = (long)(rng_next(&rng) % kept[2].len);
		fseek(f, at, SEEK_SET);
		int c = fgetc(f);
		fseek(f, at, SEEK_SET);
		fputc(c ^ (1 << rng_next(&rng) % 8), f);
		fclose(f);
		audit(&a);
		if (!strstr(a.first_bad, "raw-2026-01.db"))
			fail_msg("byte %ld: \"%s\"", at, a.first_bad);
		put_back("raw-2026-01.db");
	}
}

static int make(void **state)
{
	(void)state;
	kit_clean();
	sealed_make();
	return 0;
}

static int clean(void **state)
{
	(void)state;
	kit_clean();
	for (size_t i = 0; i < countof(kept); i++)
		free(kept[i].bytes);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(seeded), cmocka_unit_test(closed_month_bytes) };
	return cmocka_run_group_tests(tests, make, clean);
}
