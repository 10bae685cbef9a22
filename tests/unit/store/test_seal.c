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

/* Of a month that is not closed yet no leaf tells: rollup.db does, and without that, the positions. */
static void nothing_sealed_may_be_missing(void **state)
{
	(void)state;
	static const struct row { const char *name, *remove, *other /* file, attached as r */, *sql, *names; } rows[] = {
		{ "a segment", "raw-2026-01.db", NULL, NULL, "raw-2026-01.db: missing, and no record says that it was dropped" },
		{ "a segment and the quarters", "raw-2026-01.db rollup.db", NULL, NULL, "journal.db: windows: the readings before position" },
		{ "the quarters of a window", "", "rollup.db", "DELETE FROM r.window; DELETE FROM r.block", "raw-2026-01.db: window 1: has no quarters" },
		{ "all quarters", "rollup.db", NULL, NULL, "raw-2026-01.db: window 1: has no quarters" },
		{ "that all segments are known", "", "rollup.db", "PRAGMA r.application_id=0", "rollup.db: its application_id" },
		{ "a segment emptied", "", "raw-2026-01.db", "DELETE FROM r.window; DELETE FROM r.block; DELETE FROM r.stamps", "raw-2026-01.db: 0 of the 1 windows" },
		{ "all windows", "raw-2026-01.db rollup.db", NULL, "DELETE FROM window; DELETE FROM block; DELETE FROM stamps", "journal.db: state: ticks up to" },
		{ "a segment put in place of another", "", "raw-2026-01.db", "UPDATE r.window SET id=id+1", "raw-2026-01.db: window 2 does not fit its sum" },
	};
	struct store_options o;
	struct store *s = days_open(&o);
	char command[900];
	days_feed(s, 0, DAYS_PER_DAY + 700);
	days_wait("raw-2026-01.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*) FROM window WHERE wall_to<1769904000000", 0);
	days_wait("journal.db", "SELECT count(*)>2 FROM window", 1);
	store_close(s);
	whole();
	snprintf(command, sizeof command, "mkdir %s/kept && cp %s/*.db %s/kept", kit_dir(), kit_dir(), kit_dir());
	assert_int_equal(system(command), 0);
	for (const struct row *row = rows; row < rows + countof(rows); row++) {
		struct store_audit a;
		struct db d;
		struct err err;
		snprintf(command, sizeof command, "cd %s && rm -f none %s", kit_dir(), row->remove);
		row_check(row, system(command) == 0);
		if (row->sql) {
			snprintf(command, sizeof command, "ATTACH '%s/%s' AS r", kit_dir(), row->other);
			row_check(row, db_open(&d, kit_dir(), "journal.db", NULL, false, &journal_schema, &err) && (!row->other || db_exec(&d, command, &err)));
			if (!db_exec(&d, row->sql, &err))
				fail_msg("row \"%s\": %s", row->name, err.text);
			db_close(&d);
		}
		row_check(row, store_audit(kit_dir(), NULL, &a, &err));
		if (!strstr(a.first_bad, row->names))
			fail_msg("row \"%s\": found \"%s\"", row->name, a.first_bad);
		snprintf(command, sizeof command, "rm -f %s/journal.db-* && cp %s/kept/*.db %s", kit_dir(), kit_dir(), kit_dir());
		row_check(row, system(command) == 0);
		whole();
	}
}

static void oldest_goes_first(void **state)
{
	(void)state;
	char path[300], gone[SEGMENT_NAME];
	struct stat st;
	static const char *const names[] = { "raw-2025-11.db", "raw-2026-02.db", "raw-x.db", "raw-2026-01.db-journal" };
	for (size_t i = 0; i < countof(names); i++) {
		snprintf(path, sizeof path, "%s/%s", kit_dir(), names[i]);
		fclose(fopen(path, "w"));
	}
	assert_true(segment_drop_oldest(kit_dir(), gone));
	assert_string_equal(gone, "raw-2025-11.db");
	assert_false(segment_drop_oldest(kit_dir(), gone));     /* the newest stays */
	snprintf(path, sizeof path, "%s/%s", kit_dir(), "raw-2026-02.db");
	assert_int_equal(stat(path, &st), 0);
	snprintf(path, sizeof path, "%s/%s", kit_dir(), "raw-x.db");
	assert_int_equal(stat(path, &st), 0);
}

static void bad_is(const char *name, const char *part)
{
	struct store_audit a;
	struct err err;
	if (!store_audit(kit_dir(), NULL, &a, &err))
		fail_msg("row \"%s\": %s", name, err.text);
	if (!strstr(a.first_bad, part))
		fail_msg("row \"%s\": found \"%s\"", name, a.first_bad);
}

/* Runs sql on a file and undoes it by putting the very bytes back. */
static void tampered(const char *name, const char *file, const char *sql, const char *part)
{
	char command[900];
	struct db d;
	struct err err;
	snprintf(command, sizeof command, "cp %s/%s %s/kept", kit_dir(), file, kit_dir());
	assert_int_equal(system(command), 0);
	if (sql) {
		assert_true(db_open(&d, kit_dir(), file, NULL, false, &segment_schema, &err));
		if (!db_exec(&d, sql, &err))
			fail_msg("row \"%s\": %s", name, err.text);
		assert_true(db_exec(&d, "PRAGMA journal_mode=DELETE", &err));
		db_close(&d);
	} else {
		snprintf(command, sizeof command, "rm %s/%s", kit_dir(), file);
		assert_int_equal(system(command), 0);
	}
	bad_is(name, part);
	snprintf(command, sizeof command, "mv %s/kept %s/%s", kit_dir(), kit_dir(), file);
	assert_int_equal(system(command), 0);
	whole();
}

/* A month that is over becomes a leaf, and goes only when a second leaf says so; its quarters stay evidence. */
static void closed_months(void **state)
{
	(void)state;
	static const char resum[] = "UPDATE block SET body=substr(body,1,length(body)-9)||x'01'||substr(body,-8) WHERE key=(SELECT min(key) FROM block)";
	struct store_options o;
	struct store_audit a;
	struct told t = { .n = 0 };
	struct err err;
	char path[300];
	uint64_t epoch;
	snprintf(path, sizeof path, "%s/raw-2026-01.db", kit_dir());
	struct store *s = days_open(&o);
	days_feed(s, 0, DAYS_PER_DAY * 2 + 400);
	days_wait("raw-2026-02.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*)<20 FROM window", 1);
	days_told(s, &t);
	assert_non_null(strstr(t.text[0], "{\"event\":\"closed\",\"segment\":\"raw-2026-01.db\""));
	store_close(s);
	s = days_open(&o);              /* not committed: told again */
	days_told(s, &t);
	days_commit_told(s, &t);
	store_close(s);
	assert_true(store_audit(kit_dir(), NULL, &a, &err));
	assert_string_equal(a.first_bad, "");
	assert_true(a.segments == 1 && a.dropped == 0);
	tampered("a closed segment with a table more", "raw-2026-01.db", "CREATE TABLE more(x)", "raw-2026-01.db: changed since it was closed");
	tampered("a closed segment that is missing", "raw-2026-01.db", NULL, "raw-2026-01.db: missing, and no record says");
	tampered("a quarter altered", "rollup.db", resum, "rollup.db: the quarters of raw-2026-01.db changed");
	tampered("rollups missing", "rollup.db", NULL, "rollup.db");
	o.retention_days = 1;
	s = store_open(&o, &err);
	assert_true(s && store_series(s, days_series(), DAYS_SERIES, &err));
	days_feed(s, DAYS_PER_DAY * 2 + 400, DAYS_PER_DAY * 2 + 401);
	days_told(s, &t);
	assert_non_null(strstr(t.text[0], "\"reason\":\"retention\""));
	assert_int_equal(access(path, F_OK), 0);                /* still there: nothing durable says that it goes */
	days_commit_told(s, &t);
	for (int tries = 0; access(path, F_OK) == 0; tries++) {
		struct timespec moment = { 0, 5000000 };
		assert_true(tries < 4000);
		nanosleep(&moment, NULL);
	}
	store_close(s);
	assert_true(store_audit(kit_dir(), NULL, &a, &err));
	assert_string_equal(a.first_bad, "");
	assert_true(a.segments == 0 && a.dropped == 1);
	tampered("a quarter of a dropped month altered", "rollup.db", resum, "rollup.db: the quarters of raw-2026-01.db changed");
	char copy[200], fresh[200];
	snprintf(copy, sizeof copy, "%s/copy", kit_dir());
	snprintf(fresh, sizeof fresh, "%s/fresh", kit_dir());
	if (!store_backup(kit_dir(), copy, &err) || !store_restore(copy, fresh, (struct wall){ days_start }, &epoch, &err) || !store_audit(fresh, NULL, &a, &err))
		fail_msg("%s", err.text);
	assert_int_equal(a.dropped, 1);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)
	const struct CMUnitTest tests[] = { TEST(hours_then_days), TEST(sealed_is_sealed), TEST(interrupted_compaction), TEST(nothing_sealed_may_be_missing), TEST(oldest_goes_first), TEST(closed_months) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
