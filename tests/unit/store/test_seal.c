/* Hours become blocks, days become segments, months go: and every reading is given once, as it was, wherever it lies. */
#include "tests/unit/test.h"
#include "tests/unit/store/days.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct seen { uint64_t next, total; uint32_t series; bool bad; };

static bool in_order(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct seen *h = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		struct sample want = days_sample(h->next++, h->series);
		h->bad |= !sample_equal(&s[i], &want);
	}
	return !h->bad;
}

static bool count_all(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct seen *h = ctx;
	(void)s, (void)now;
	h->total += n;
	return true;
}

static void all_is_there_in(const char *dir, uint64_t batches)
{
	struct err err;
	struct reader *r = reader_open(dir, &err);
	struct wall low = { INT64_MIN }, high = { INT64_MAX };
	assert_non_null(r);
	for (uint32_t i = 0; i < DAYS_SERIES; i += 5) {
		struct seen h = { .series = i };
		if (!reader_history(r, days_series()[i].id, low, high, in_order, &h, &err))
			fail_msg("%s", err.text);
		if (h.bad || h.next != batches)
			fail_msg("series %u: %llu of %llu, %s", i, (unsigned long long)h.next, (unsigned long long)batches, h.bad ? "one differs" : "");
	}
	struct seen part = { .series = 3, .next = 1000 }, all = { 0 };
	assert_true(reader_history(r, days_series()[3].id, days_sample(1000, 3).at.wall, days_sample(3000, 3).at.wall, in_order, &part, &err));
	assert_false(part.bad);
	assert_int_equal(part.next, batches < 1000 ? 1000 : batches < 3000 ? batches : 3000);
	assert_true(reader_readings(r, low, high, count_all, &all, &err));
	assert_int_equal(all.total, batches * DAYS_SERIES);
	reader_close(r);
}

static void all_is_there(uint64_t batches)
{
	all_is_there_in(kit_dir(), batches);
}

static void whole(void)
{
	struct store_audit a;
	struct err err;
	if (!store_audit(kit_dir(), NULL, &a, &err))
		fail_msg("%s", err.text);
	assert_string_equal(a.first_bad, "");
}

static int clean(void **state)
{
	(void)state;
	kit_clean();
	return 0;
}

static void hours_then_days(void **state)
{
	(void)state;
	struct store_options o;
	struct store *s = days_open(&o);
	const uint64_t batches = DAYS_PER_DAY * 2 + 400;
	days_feed(s, 0, 500);
	days_wait("journal.db", "SELECT count(*)>0 FROM window", 1);     /* some hours are sealed, the last ones are not */
	all_is_there(500);
	whole();
	days_feed(s, 500, batches);
	days_wait("raw-2026-01.db", "SELECT count(*) FROM window", 1);
	days_wait("raw-2026-02.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*)<20 FROM window", 1);
	all_is_there(batches);
	whole();
	struct store_status st;
	store_status(s, &st);
	assert_string_equal(st.housekeeping, "");
	store_close(s);
	all_is_there(batches);
	struct err err;
	char copy[200], fresh[200];
	uint64_t epoch;
	snprintf(copy, sizeof copy, "%s/copy", kit_dir());
	snprintf(fresh, sizeof fresh, "%s/fresh", kit_dir());
	if (!store_backup(kit_dir(), copy, &err) || !store_restore(copy, fresh, (struct wall){ days_start }, &epoch, &err))
		fail_msg("%s", err.text);
	all_is_there_in(fresh, batches);
	s = days_open(&o);             /* and goes on after a restart */
	struct restart r;
	assert_true(store_restart(s, &r, &err));
	struct seen tail = { 0 };
	assert_true(store_tail(s, r.journal_position, count_all, &tail, &err));
	assert_int_equal(tail.total, batches * DAYS_SERIES - r.journal_position);
	assert_false(store_tail(s, 0, count_all, &tail, &err));
	assert_int_equal(err.kind, ERR_RANGE);
	restart_done(&r);
	days_feed(s, batches, batches + 300);
	all_is_there(batches + 300);
	store_close(s);
}

/* Changes of what is sealed, and where they must be found. */
static const struct tamper { const char *name, *file, *sql, *names; } tampers[] = {
	{ "a byte of a block", "raw-2026-01.db", "UPDATE block SET body=substr(body,1,9)||x'00'||substr(body,11) WHERE key=(SELECT max(key) FROM block)", "raw-2026-01.db: window" },
	{ "a block deleted", "raw-2026-01.db", "DELETE FROM block WHERE key=(SELECT min(key) FROM block)", "raw-2026-01.db: window" },
	{ "blocks of two series swapped", "raw-2026-01.db", "UPDATE block SET key=-1 WHERE key=(SELECT min(key) FROM block); UPDATE block SET key=key-1; UPDATE block SET key=key+25 WHERE key=-2", "raw-2026-01.db: window" },
	{ "stamps altered", "raw-2026-01.db", "UPDATE stamps SET body=zeroblob(20)", "raw-2026-01.db: window" },
	{ "a window's dates", "journal.db", "UPDATE window SET wall_from=wall_from-1 WHERE id=(SELECT max(id) FROM window)", "journal.db: journal.db: window" },
	{ "a window deleted", "journal.db", "DELETE FROM window WHERE id=(SELECT max(id) FROM window)", "a window is missing" },
};

static void sealed_is_sealed(void **state)
{
	(void)state;
	struct store_options o;
	struct store *s = days_open(&o);
	days_feed(s, 0, DAYS_PER_DAY + 700);
	days_wait("raw-2026-01.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*)>2 FROM window WHERE wall_to>1769904000000", 1);
	days_wait("journal.db", "SELECT count(*) FROM window WHERE wall_to<1769904000000", 0);
	store_close(s);
	whole();
	for (const struct tamper *t = tampers; t < tampers + countof(tampers); t++) {
		struct db d;
		struct err err;
		struct store_audit a;
		const struct db_schema *schema = strcmp(t->file, "journal.db") == 0 ? &journal_schema : &segment_schema;
		char undo[600];
		assert_true(db_open(&d, kit_dir(), t->file, NULL, false, schema, &err));
		snprintf(undo, sizeof undo, "%s/kept.db", kit_dir());
		unlink(undo);
		snprintf(undo, sizeof undo, "VACUUM INTO '%s/kept.db'", kit_dir());
		assert_true(db_exec(&d, undo, &err));
		if (!db_exec(&d, t->sql, &err))
			fail_msg("row \"%s\": %s", t->name, err.text);
		db_close(&d);
		row_check(t, store_audit(kit_dir(), NULL, &a, &err));
		if (!strstr(a.first_bad, t->names))
			fail_msg("row \"%s\": found \"%s\"", t->name, a.first_bad);
		char from[300], to[300];
		snprintf(from, sizeof from, "%s/kept.db", kit_dir());
		snprintf(to, sizeof to, "%s/%s", kit_dir(), t->file);
		assert_int_equal(rename(from, to), 0);
		snprintf(to, sizeof to, "%s/%s-wal", kit_dir(), t->file);
		unlink(to);
		whole();
	}
}

/* The power goes after the segment is committed and before the hours are deleted: each reading still comes once. */
static void interrupted_compaction(void **state)
{
	(void)state;
	struct store_options o;
	struct store *s = days_open(&o);
	const uint64_t batches = DAYS_PER_DAY + 100;
	char command[700];
	days_feed(s, 0, DAYS_PER_DAY - 200);
	days_wait("journal.db", "SELECT count(*)>10 FROM window", 1);
	store_close(s);
	s = days_open(&o);
	days_feed(s, DAYS_PER_DAY - 200, batches);
	days_wait("raw-2026-01.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*) FROM window WHERE wall_to<1769904000000", 0);
	store_close(s);
	/* what an interruption leaves: the hours of the first day once more */
	struct db d;
	struct err err;
	assert_true(db_open(&d, kit_dir(), "journal.db", NULL, false, &journal_schema, &err));
	snprintf(command, sizeof command, "ATTACH '%s/raw-2026-01.db' AS seg; INSERT INTO window SELECT * FROM seg.window; INSERT INTO block SELECT * FROM seg.block;"
		 "INSERT INTO stamps SELECT * FROM seg.stamps", kit_dir());
	if (!db_exec(&d, command, &err))
		fail_msg("%s", err.text);
	db_close(&d);
	all_is_there(batches);
	whole();
	s = days_open(&o);
	days_wait("journal.db", "SELECT count(*) FROM window WHERE wall_to<1769904000000", 0);
	store_close(s);
	all_is_there(batches);
	whole();
}

static void retention(void **state)
{
	(void)state;
	char path[300];
	struct stat st;
	static const char *const names[] = { "raw-2025-11.db", "raw-2025-12.db", "raw-2026-01.db", "raw-2026-02.db", "raw-x.db", "raw-2026-01.db-journal" };
	for (size_t i = 0; i < countof(names); i++) {
		snprintf(path, sizeof path, "%s/%s", kit_dir(), names[i]);
		fclose(fopen(path, "w"));
	}
	struct wall before = { days_start };         /* 2026-01-31 */
	assert_true(segment_expire(kit_dir(), before));
	assert_true(segment_expire(kit_dir(), before));
	assert_false(segment_expire(kit_dir(), before));        /* January is not over by then */
	assert_true(segment_expire(kit_dir(), (struct wall){ INT64_MAX }));
	assert_false(segment_expire(kit_dir(), (struct wall){ INT64_MAX }));    /* the newest stays */
	snprintf(path, sizeof path, "%s/%s", kit_dir(), "raw-2026-02.db");
	assert_int_equal(stat(path, &st), 0);
	snprintf(path, sizeof path, "%s/%s", kit_dir(), "raw-x.db");
	assert_int_equal(stat(path, &st), 0);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)
	const struct CMUnitTest tests[] = { TEST(hours_then_days), TEST(sealed_is_sealed), TEST(interrupted_compaction), TEST(retention) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
