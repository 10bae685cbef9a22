/* Power cuts at every change of the disk, with unsynced writes lost, torn and reordered; then a disk that fails, is full,
 * or is slow.  0 acknowledged lost, 0 doubled, the chain verifies, callers never wait. */
#include "tests/unit/test.h"
#include "store/db.h"
#include "tests/unit/store/faultvfs.h"
#include "tests/unit/store/kit.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { STEPS = 24 };

static bool is_long(void)
{
	return getenv("PUED_LONG") && atoi(getenv("PUED_LONG"));
}

static struct store_options options(void)
{
	struct store_options o = kit_options(kit_dir());
	o.vfs = FAULTVFS;
	return o;
}

/* The workload from where the store stands; *durable grows with every acknowledgement.  Ends when the power is gone. */
static void work(struct kit_check have, struct kit_check *durable)
{
	struct store_options o = options();
	struct err err;
	struct store *s = store_open(&o, &err);
	bool good = s && store_series(s, kit_series(), KIT_SERIES, &err) && kit_refold(s, have, &err);
	for (uint64_t k = have.batches; good && k < have.batches + STEPS; k++) {
		good = kit_step(s, k, &err);
		if (good && k % 2 == 0 && store_flush(s, &err))
			*durable = (struct kit_check){ k + 1, (k + 1) / 3 };
	}
	if (good && store_flush(s, &err))
		*durable = (struct kit_check){ have.batches + STEPS, (have.batches + STEPS) / 3 };
	store_close(s);
}

static uint64_t ops_of_a_run(void)
{
	struct kit_check durable = { 0 };
	fault_format();
	work((struct kit_check){ 0 }, &durable);
	assert_int_equal(durable.batches, STEPS);
	return fault_ops();
}

static void one_cut(uint64_t op, uint64_t seed)
{
	struct kit_check durable = { 0 }, have;
	struct err err = { 0 };
	struct store_options o = options();
	fault_format();
	fault_cut_at(op);
	work((struct kit_check){ 0 }, &durable);
	fault_power_on(seed);
	have = durable;
	if (!kit_verify(&o, &have, &err))
		fail_msg("cut at operation %llu, seed %llu: %s", (unsigned long long)op, (unsigned long long)seed, err.text);
	/* a second one, while the first is being recovered from */
	durable = have;
	fault_cut_at(fault_ops() + 1 + seed % 40);
	work(have, &durable);
	fault_power_on(seed + 1);
	have = durable;
	if (!kit_verify(&o, &have, &err))
		fail_msg("second cut after operation %llu, seed %llu: %s", (unsigned long long)op, (unsigned long long)seed, err.text);
}

static void power_cut_everywhere(void **state)
{
	(void)state;
	uint64_t ops = ops_of_a_run(), points = 0, wanted = is_long() ? 10000 : 500;
	printf("%llu operations a run, %llu points, two cuts each\n", (unsigned long long)ops, (unsigned long long)wanted);
	for (uint64_t seed = 1; points < wanted; seed++)
		for (uint64_t op = 1; op <= ops && points < wanted; op++, points++)
			one_cut(op, seed * 1000003 + op);
}

/* A later pued brings an older file up to its schema: all steps of it or none, wherever the power goes. */
static const char *const steps[] = { "CREATE TABLE a(x INTEGER); INSERT INTO a VALUES(1),(2),(3)", "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y=x*10",
				     "CREATE TABLE b AS SELECT x+y AS z FROM a; DROP TABLE a" };
static const char *const broken[] = { "", "ALTER TABLE a ADD COLUMN y INTEGER; UPDATE a SET y=x*10", "INSERT INTO nowhere VALUES(1)" };

static int64_t number_of(struct db *d, const char *sql)
{
	int64_t n;
	struct err err;
	if (!db_number(d, sql, -1, &n, &err))
		fail_msg("%s: %s", sql, err.text);
	return n;
}

static void migration(void **state)
{
	(void)state;
	static const bool logs[] = { false, true };
	int old = 0, fresh = 0;
	for (size_t k = 0; k < countof(logs); k++)
		for (uint64_t op = 1, done = 0; !done; op++) {
			const struct db_schema before = { steps, 1, 0, logs[k] }, after = { steps, 3, 0, logs[k] }, bad = { broken, 3, 0, logs[k] };
			struct err err;
			struct db d;
			fault_format();
			assert_true(db_open(&d, kit_dir(), "m.db", FAULTVFS, false, &before, &err));
			db_close(&d);
			assert_false(db_open(&d, kit_dir(), "m.db", FAULTVFS, true, &after, &err));
			assert_non_null(strstr(err.text, "start pued once"));
			assert_false(db_open(&d, kit_dir(), "m.db", FAULTVFS, false, &bad, &err));
			uint64_t from = fault_ops();
			fault_cut_at(from + op);
			if (db_open(&d, kit_dir(), "m.db", FAULTVFS, false, &after, &err))
				db_close(&d);
			done = fault_ops() < from + op;
			fault_power_on(op);
			if (db_open(&d, kit_dir(), "m.db", FAULTVFS, false, &before, &err)) {
				assert_int_equal(number_of(&d, "SELECT count(*)*10+sum(x) FROM a"), 36);
				assert_int_equal(number_of(&d, "SELECT count(*) FROM pragma_table_info('a')"), 1);
				db_close(&d);
				old++;
			} else {
				assert_non_null(strstr(err.text, "schema 3, this pued"));
				fresh++;
			}
			assert_true(db_open(&d, kit_dir(), "m.db", FAULTVFS, false, &after, &err));
			assert_int_equal(number_of(&d, "SELECT sum(z) FROM b"), 66);
			assert_int_equal(number_of(&d, "PRAGMA user_version"), 3);
			db_close(&d);
		}
	printf("%d cuts left the old schema, %d the new one\n", old, fresh);
	assert_true(old > 4 && fresh > 1);
}

/* One failure of each kind at each operation: the caller sees nothing of it, and in the end all is there. */
static const struct fault { const char *name; int code; uint64_t times; } faults[] = {
	{ "I/O error, once", SQLITE_IOERR, 1 }, { "I/O error, three times", SQLITE_IOERR, 3 }, { "disk full, once", SQLITE_FULL, 1 },
	{ "read-only file system for a while", SQLITE_READONLY, 5 },
};

/* Until all is durable and the state is good again; bounded by attempts, which come every millisecond. */
static struct store_status healed(struct store *s)
{
	struct store_status st;
	struct err err;
	for (int tries = 0; tries < 2000; tries++) {
		bool good = store_flush(s, &err);
		store_status(s, &st);
		if (good && st.state == STORE_OK)
			break;
		struct timespec attempt = { 0, 1000000 };
		nanosleep(&attempt, NULL);
	}
	return st;
}

static void one_failure(const struct fault *f, uint64_t op)
{
	struct store_options o = options();
	struct err err = { 0 };
	o.retry_ms = 1;
	fault_format();
	struct store *s = store_open(&o, &err);
	row_check(f, s && store_series(s, kit_series(), KIT_SERIES, &err));
	row_check(f, store_flush(s, &err));
	fault_fail(fault_ops() + op, f->times, f->code);
	for (uint64_t k = 0; k < STEPS; k++) {
		row_check(f, kit_step(s, k, &err));
		if (k % 2 == 0)
			(void)!store_flush(s, &err);
	}
	struct store_status st = healed(s);
	if (st.state != STORE_OK || st.dropped)
		fail_msg("row \"%s\" at operation %llu: %s", f->name, (unsigned long long)op, st.sentence);
	store_close(s);
	fault_fail(0, 0, 0);
	struct kit_check want = { STEPS, STEPS / 3 };
	if (!kit_verify(&o, &want, &err))
		fail_msg("row \"%s\" at operation %llu: %s", f->name, (unsigned long long)op, err.text);
}

static void failure_everywhere(void **state)
{
	(void)state;
	uint64_t ops = ops_of_a_run();
	for (const struct fault *f = faults; f < faults + countof(faults); f++)
		for (uint64_t op = 1; op <= ops; op += is_long() ? 1 : 3)
			one_failure(f, op);
}

/* A failed open is a sentence, not a crash, whatever operation fails. */
static void failure_at_open(void **state)
{
	(void)state;
	struct store_options o = options();
	for (uint64_t op = 1; op < 60; op++) {
		struct err err = { 0 };
		fault_format();
		fault_fail(op, 1, SQLITE_IOERR);
		struct store *s = store_open(&o, &err);
		assert_true(s || err.text[0]);
		store_close(s);
		fault_fail(0, 0, 0);
		s = store_open(&o, &err);
		if (!s)
			fail_msg("after a failure at operation %llu: %s", (unsigned long long)op, err.text);
		store_close(s);
	}
}

static int64_t room_left;

static int64_t room(const char *dir)
{
	(void)dir;
	return room_left;
}

/* The disk fills up: evidence goes on thanks to the reserve, raw readings wait, one alarm; then it heals by itself. */
static void full_disk(void **state)
{
	(void)state;
	struct store_options o = options();
	struct err err = { 0 };
	struct store_status st;
	struct stat reserve;
	char path[200];
	snprintf(path, sizeof path, "%s/reserve", kit_dir());
	o.retry_ms = 1;
	o.reserve_bytes = 1 << 20;
	o.free_bytes = room;
	room_left = 0;
	fault_format();
	struct store *s = store_open(&o, &err);
	assert_true(s && store_series(s, kit_series(), KIT_SERIES, &err) && store_flush(s, &err));
	assert_int_equal(stat(path, &reserve), 0);
	assert_int_equal(reserve.st_size, 1 << 20);
	uint64_t k = 0;
	for (; k < 30; k++)
		assert_true(kit_step(s, k, &err));
	assert_true(store_flush(s, &err));
	fault_quota(fault_used());
	for (bool low = false; !low && k < 3000; k++) {
		assert_true(kit_step(s, k, &err));
		if (k % 3 == 2)
			(void)!store_flush(s, &err);
		store_status(s, &st);
		low = stat(path, &reserve) != 0;
		if (low)
			fault_quota(fault_used() + (1 << 20));          /* what giving up the reserve does */
	}
	uint64_t leaves = 0;
	for (int i = 0; i < 30; i++, k++) {
		assert_true(kit_step(s, k, &err));
		(void)!store_flush(s, &err);
		store_status(s, &st);
		assert_true(st.durable_leaves >= leaves);
		leaves = st.durable_leaves;
	}
	assert_int_equal(st.state, STORE_DISK_LOW);
	assert_non_null(strstr(st.sentence, "evidence and reports go on"));
	assert_int_equal(st.dropped, 0);
	assert_true(leaves >= (k / 3 - 1) * 2);
	room_left = 64 << 20;
	fault_quota(-1);
	st = healed(s);
	assert_int_equal(st.state, STORE_OK);
	assert_non_null(strstr(st.sentence, "nothing was lost"));
	assert_int_equal(stat(path, &reserve), 0);
	store_close(s);
	struct kit_check want = { k, k / 3 };
	o.free_bytes = NULL;
	if (!kit_verify(&o, &want, &err))
		fail_msg("%s", err.text);
	unlink(path);
}

static bool is_there(const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s", kit_dir(), name);
	return access(path, F_OK) == 0;
}

/* Readings that take ten bytes each, until that many are handed over. */
static void pour(struct store *s, size_t bytes, struct rng *rng)
{
	enum { N = 2000 };
	static struct sample batch[N];
	static int64_t t = 1800000000000;
	for (size_t done = 0; done < bytes; done += N * 10, t += 1000) {
		struct stamp now = { { t }, { t }, 9, true };
		for (uint32_t i = 0; i < N; i++)
			batch[i] = (struct sample){ .series = i % KIT_SERIES, .value = (int64_t)rng_next(rng), .at = now };
		store_journal(s, batch, N, now);
	}
}

static bool gone_soon(struct store *s, const char *name)
{
	struct err err;
	for (int tries = 0; is_there(name) && tries < 4000; tries++) {
		struct timespec moment = { 0, 5000000 };
		(void)!store_flush(s, &err);
		nanosleep(&moment, NULL);
	}
	return !is_there(name);
}

/* Months of raw readings are given up last: not as long as the reserve and the memory do, one a day for raw readings, any but the newest for evidence. */
static void oldest_month_goes_last(void **state)
{
	(void)state;
	static const char *const months[] = { "raw-2025-01.db", "raw-2025-02.db", "raw-2025-03.db", "raw-2025-04.db" };
	struct store_options o = options();
	struct rng rng = { 12 };
	struct err err = { 0 };
	struct store_status st;
	o.retry_ms = 1;
	o.reserve_bytes = 1 << 20;
	o.free_bytes = room;
	o.wait = true;
	room_left = 0;
	fault_format();
	for (size_t i = 0; i < countof(months); i++) {
		char path[200];
		snprintf(path, sizeof path, "%s/%s", kit_dir(), months[i]);
		fclose(fopen(path, "w"));
	}
	struct store *s = store_open(&o, &err);
	assert_true(s && store_series(s, kit_series(), KIT_SERIES, &err) && store_flush(s, &err));
	fault_quota(fault_used());
	uint64_t k = 0;
	for (st.state = STORE_OK; st.state != STORE_DISK_LOW && k < 3000; k++) {
		assert_true(kit_step(s, k, &err));
		(void)!store_flush(s, &err);
		store_status(s, &st);
		if (!is_there("reserve"))
			fault_quota(fault_used() + (1 << 20));
	}
	assert_int_equal(st.state, STORE_DISK_LOW);
	pour(s, 10 << 20, &rng);
	(void)!store_flush(s, &err);
	assert_true(is_there(months[0]));               /* the reserve and the memory do */
	pour(s, 9 << 20, &rng);
	assert_true(gone_soon(s, months[0]));
	store_status(s, &st);
	assert_non_null(strstr(st.housekeeping, "raw-2025-01.db, the oldest month"));
	pour(s, 4 << 20, &rng);
	(void)!store_flush(s, &err);
	(void)!store_flush(s, &err);
	assert_true(is_there(months[1]));               /* one a day */
	fault_quota(fault_used());                      /* and now not even evidence has room */
	for (; is_there(months[2]) && k < 6000; k++) {
		assert_true(kit_step(s, k, &err));
		(void)!store_flush(s, &err);
	}
	assert_false(is_there(months[1]) || is_there(months[2]));
	assert_true(is_there(months[3]));               /* which is being written */
	room_left = 64 << 20;
	fault_quota(-1);
	st = healed(s);
	assert_int_equal(st.state, STORE_OK);
	assert_int_equal(st.dropped, 0);
	store_close(s);
	kit_clean();
	kit_dir();
}

/* Until the store says something with these words, or, for none, nothing any more; bounded. */
static struct store_status told(struct store *s, const char *words)
{
	struct store_status st;
	for (int tries = 0; tries < 4000; tries++) {
		struct timespec moment = { 0, 5000000 };
		store_status(s, &st);
		if (words[0] ? strstr(st.housekeeping, words) != NULL : !st.housekeeping[0])
			return st;
		nanosleep(&moment, NULL);
	}
	fail_msg("waited for \"%s\", the store says \"%s\"", words, st.housekeeping);
	return st;
}

/* A sync that takes 2 seconds, or for ever: callers go on at once, and what they said is there afterwards. */
static void slow_sync(void **state)
{
	(void)state;
	struct store_options o = options();
	struct err err = { 0 };
	struct store_status st;
	o.slow_ms = 5;
	o.seal_ms = 1;
	fault_format();
	struct store *s = store_open(&o, &err);
	assert_true(s && store_series(s, kit_series(), KIT_SERIES, &err) && kit_step(s, 0, &err));
	fault_hold_syncs(true);
	uint64_t k = 1;
	for (; k < 400 || fault_syncs_waiting() == 0; k++)       /* 400 polls go by while one sync is under way */
		assert_true(kit_step(s, k, &err));
	store_status(s, &st);
	assert_int_equal(st.dropped, 0);
	st = told(s, "has not answered");
	assert_int_equal(st.state, STORE_OK);
	fault_hold_syncs(false);
	assert_true(store_flush(s, &err));
	told(s, "");
	store_close(s);
	struct kit_check want = { k, k / 3 };
	if (!kit_verify(&o, &want, &err))
		fail_msg("%s", err.text);
	assert_int_equal(want.batches, k);
}

int main(void)
{
	fault_register();
	kit_dir();
	const struct CMUnitTest tests[] = { cmocka_unit_test(power_cut_everywhere), cmocka_unit_test(migration), cmocka_unit_test(failure_everywhere), cmocka_unit_test(failure_at_open),
					    cmocka_unit_test(full_disk), cmocka_unit_test(oldest_month_goes_last), cmocka_unit_test(slow_sync) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fault_format();
	kit_clean();
	return failed;
}
