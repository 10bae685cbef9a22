/* Life on site: readers that stay, descriptors that run out, memory that is not given.  Readings go on, nothing acknowledged is lost, it heals
 * by itself.  Full, failing and slow disks are in test_power.c. */
#include "tests/unit/test.h"
#include "tests/unit/store/days.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int clean(void **state)
{
	(void)state;
	kit_clean();
	return 0;
}

/* Memory: the n-th allocation fails, once: of the store's own code, or of SQLite's. */
static _Atomic long until_failure = -1, until_sqlite = -1;
static sqlite3_mem_methods sqlite_memory;
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static bool count_down(_Atomic long *n)
{
	return atomic_load(n) >= 0 && atomic_fetch_sub(n, 1) == 0;
}

static bool refused(void)
{
	return count_down(&until_failure);
}

static void *sqlite_malloc(int n)
{
	return count_down(&until_sqlite) ? NULL : sqlite_memory.xMalloc(n);
}

static void *sqlite_realloc(void *p, int n)
{
	return count_down(&until_sqlite) ? NULL : sqlite_memory.xRealloc(p, n);
}

static void take_over_sqlite_memory(void)
{
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_memory), SQLITE_OK);
	sqlite3_mem_methods mine = sqlite_memory;
	mine.xMalloc = sqlite_malloc;
	mine.xRealloc = sqlite_realloc;
	assert_int_equal(sqlite3_config(SQLITE_CONFIG_MALLOC, &mine), SQLITE_OK);
}

void *__wrap_malloc(size_t n)
{
	return refused() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return refused() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return refused() ? NULL : __real_realloc(p, n);
}

enum { STEPS = 10 };      /* the batch behind them is an empty one: without it nothing would be counted as lost */

/* One run in which the n-th allocation fails; true when the run had that many. */
static bool one_refusal(_Atomic long *counter, long n, bool *lost)
{
	struct store_options o = kit_options(kit_dir());
	struct store_status st = { .dropped = 0 };
	struct store_audit a;
	struct err err = { 0 };
	uint64_t acknowledged = 0;
	atomic_store(counter, n);
	struct store *s = store_open(&o, &err);
	bool good = s && store_series(s, kit_series(), KIT_SERIES, &err);
	for (uint64_t k = 0; good && k < STEPS; k++) {
		good = kit_step(s, k, &err) && store_flush(s, &err);
		if (good)
			store_status(s, &st);
		acknowledged = good ? st.durable_leaves : acknowledged;
	}
	if (s)
		store_status(s, &st);
	bool reached = atomic_load(counter) < 0;
	atomic_store(counter, -1);
	if (!good && !err.text[0])
		fail_msg("allocation %ld: a failure without a sentence", n);
	store_close(s);
	if (!good && !s)
		return reached;
	if (!store_audit(kit_dir(), NULL, &a, &err) || a.first_bad[0])
		fail_msg("allocation %ld: %s%s", n, err.text, a.first_bad);
	if (a.leaves < acknowledged)
		fail_msg("allocation %ld: %d of %d acknowledged leaves are there", n, (int)a.leaves, (int)acknowledged);
	struct kit_check want = { STEPS, STEPS / 3 };
	*lost = st.dropped > 0;
	if (good && !*lost && !kit_verify(&o, &want, &err))
		fail_msg("allocation %ld: %s", n, err.text);
	return reached;
}

static void refuse_everywhere(_Atomic long *counter, long step, long *allocations, long *losses)
{
	bool lost = false;
	*losses = 0;
	for (*allocations = 0; one_refusal(counter, *allocations, &lost); *allocations += step) {
		*losses += lost;
		lost = false;
		kit_clean();
		kit_dir();
	}
	printf("%ld allocations, every %ld refused once, %ld runs counted a loss\n", *allocations, step, *losses);
}

static bool is_long(void)
{
	return getenv("PUED_LONG") && atoi(getenv("PUED_LONG"));
}

static void memory_refused_everywhere(void **state)
{
	(void)state;
	long n, losses;
	refuse_everywhere(&until_failure, 1, &n, &losses);
	assert_true(n > 60);
	assert_true(losses > 5 && losses < n);
}

/* What SQLite could not do is tried again: nothing is lost at all. */
static void memory_refused_to_sqlite(void **state)
{
	(void)state;
	long n, losses;
	refuse_everywhere(&until_sqlite, is_long() ? 3 : 37, &n, &losses);
	assert_true(n > 1000);
	assert_int_equal(losses, 0);
}

/* Descriptors: no file can be opened any more while the store runs. */
static rlim_t descriptors_in_use(void)
{
	rlim_t top = 0;
	DIR *d = opendir("/proc/self/fd");
	for (struct dirent *e; d && (e = readdir(d));)
		if (atoi(e->d_name) >= (int)top)
			top = (rlim_t)atoi(e->d_name) + 1;
	if (d)
		closedir(d);
	return top;
}

enum { TAKEN_MAX = 2048 };

/* Numbers below the top that are free are taken, so that the limit is what it says. */
static void fill_holes(int *taken, size_t *n)
{
	int top = (int)descriptors_in_use();
	*n = 0;
	for (int fd = open("/dev/null", O_RDONLY); fd >= 0 && *n < TAKEN_MAX; fd = open("/dev/null", O_RDONLY)) {
		taken[(*n)++] = fd;
		if (fd >= top - 1)
			break;
	}
}

static void free_holes(const int *taken, size_t n)
{
	for (size_t i = 0; i < n; i++)
		close(taken[i]);
}

static void limit_descriptors(rlim_t n)
{
	struct rlimit limit;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = n;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
}

static void no_descriptor_at_the_nth_open(void **state)
{
	(void)state;
	struct rlimit before;
	struct store_options o = kit_options(kit_dir());
	struct err err = { 0 };
	getrlimit(RLIMIT_NOFILE, &before);
	int failures = 0;
	int taken[TAKEN_MAX];
	size_t n;
	fill_holes(taken, &n);
	for (rlim_t spare = 0; spare < 16; spare++) {
		limit_descriptors(descriptors_in_use() - 1 + spare);
		struct store *s = store_open(&o, &err);
		assert_true(s || err.text[0]);
		failures += !s;
		store_close(s);
		limit_descriptors(before.rlim_cur);
		s = store_open(&o, &err);
		if (!s)
			fail_msg("with %d spare descriptors, afterwards: %s", (int)spare, err.text);
		store_close(s);
	}
	free_holes(taken, n);
	printf("%d of 16 opens failed\n", failures);
	assert_true(failures > 2 && failures < 16);
}

/* Compaction needs files of its own: without a descriptor it says so, readings go on, and when there are some it goes on by itself. */
static void no_descriptor_while_running(void **state)
{
	(void)state;
	struct rlimit before;
	struct store_options o;
	struct store_status st;
	getrlimit(RLIMIT_NOFILE, &before);
	struct store *s = days_open(&o);
	days_feed(s, 0, DAYS_PER_DAY - 200);
	int taken[TAKEN_MAX];
	size_t n;
	fill_holes(taken, &n);
	limit_descriptors(descriptors_in_use() - 1);
	days_feed(s, DAYS_PER_DAY - 200, DAYS_PER_DAY + 400);           /* fails when one is not durable */
	for (int tries = 0; tries < 4000; tries++) {
		struct timespec moment = { 0, 5000000 };
		store_status(s, &st);
		if (st.housekeeping[0])
			break;
		nanosleep(&moment, NULL);
	}
	assert_non_null(strstr(st.housekeeping, "unable to open"));
	assert_int_equal(st.state, STORE_OK);
	limit_descriptors(before.rlim_cur);
	free_holes(taken, n);
	days_wait("raw-2026-01.db", "SELECT count(*) FROM window", 1);
	for (int tries = 0; tries < 4000 && st.housekeeping[0]; tries++) {
		struct timespec moment = { 0, 5000000 };
		store_status(s, &st);
		nanosleep(&moment, NULL);
	}
	assert_string_equal(st.housekeeping, "");
	assert_int_equal(st.dropped, 0);
	store_close(s);
}

/* Readers: 160 MB of journal go by while one stays open, and while one's caller does not come back. */
enum { WIDE = 2000, WAL_LIMIT = 64 << 20 };

static struct store *open_wide(void)
{
	struct store_options o = kit_options(kit_dir());
	struct err err;
	static struct series rows[WIDE];
	static char ids[WIDE][16];
	for (int i = 0; i < WIDE; i++) {
		snprintf(ids[i], sizeof ids[i], "w/%d", i);
		rows[i] = (struct series){ .id = ids[i], .quantity = Q_ACTIVE_POWER, .count = { 1, 1 } };
	}
	o.wait = true;
	o.seal_ms = 1000000;
	struct store *s = store_open(&o, &err);
	assert_true(s && store_series(s, rows, WIDE, &err));
	return s;
}

static int64_t wal_size(void)
{
	char path[300];
	struct stat st;
	snprintf(path, sizeof path, "%s/journal.db-wal", kit_dir());
	return stat(path, &st) == 0 ? st.st_size : 0;
}

struct pouring { struct store *s; struct rng rng; uint64_t k; int64_t largest, bytes; };

/* Random values: each takes ten bytes. */
static void pour(struct pouring *p, int64_t bytes)
{
	static struct sample batch[WIDE];
	struct err err;
	for (int64_t end = p->bytes + bytes; p->bytes < end; p->k++) {
		struct stamp now = { { 1767225600000 + (int64_t)p->k }, { 5000 + (int64_t)p->k }, 1, true };
		for (uint32_t i = 0; i < WIDE; i++)
			batch[i] = (struct sample){ .series = i, .value = (int64_t)rng_next(&p->rng), .at = now };
		store_journal(p->s, batch, WIDE, now);
		p->bytes += WIDE * 10;
		if (p->k % 16 == 15 && !store_flush(p->s, &err))
			fail_msg("%s", err.text);
		int64_t wal = wal_size();
		p->largest = wal > p->largest ? wal : p->largest;
	}
}

static bool slow_caller(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	(void)s, (void)n, (void)now;
	pour(ctx, 100 << 20);
	return false;
}

/* Folding back is asked for a second after the WAL has grown; a flush a little later finds it small. */
static void readers_do_not_hold_the_log(void **state)
{
	(void)state;
	struct pouring p = { .s = open_wide(), .rng = { 20260101 } };
	struct err err;
	pour(&p, 4 << 20);
	struct reader *idle = reader_open(kit_dir(), &err), *slow = reader_open(kit_dir(), &err);
	assert_true(idle && slow);
	assert_true(reader_history(slow, "w/7", (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, slow_caller, &p, &err));
	pour(&p, 60 << 20);
	printf("%lld MB written, log at most %lld MB\n", (long long)(p.bytes >> 20), (long long)(p.largest >> 20));
	assert_true(p.largest < WAL_LIMIT);
	reader_close(slow);
	reader_close(idle);
	store_close(p.s);
}

/* Another program's snapshot cannot be taken away from it: readings go on, and the alarm names file and cause. */
static void a_foreign_snapshot_is_named(void **state)
{
	(void)state;
	struct pouring p = { .s = open_wide(), .rng = { 7 } };
	struct store_status st;
	char path[300];
	sqlite3 *sql;
	struct err err;
	pour(&p, 1 << 20);
	snprintf(path, sizeof path, "%s/journal.db", kit_dir());
	assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
	assert_int_equal(sqlite3_exec(sql, "BEGIN; SELECT count(*) FROM tick", NULL, NULL, NULL), SQLITE_OK);
	pour(&p, 110 << 20);
	for (int tries = 0; tries < 600; tries++) {
		struct timespec moment = { 0, 10000000 };
		pour(&p, 1 << 15);
		store_status(p.s, &st);
		if (st.housekeeping[0])
			break;
		nanosleep(&moment, NULL);
	}
	assert_non_null(strstr(st.housekeeping, "journal.db-wal has"));
	assert_true(st.state == STORE_OK && st.dropped == 0);
	sqlite3_close(sql);
	for (int tries = 0; tries < 600 && wal_size() > WAL_LIMIT / 2; tries++) {
		struct timespec moment = { 0, 10000000 };
		pour(&p, 1 << 15);
		assert_true(store_flush(p.s, &err));
		nanosleep(&moment, NULL);
	}
	assert_true(wal_size() <= WAL_LIMIT / 2);
	store_close(p.s);
}

int main(void)
{
	take_over_sqlite_memory();
#define TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)
	const struct CMUnitTest tests[] = { TEST(memory_refused_everywhere), TEST(memory_refused_to_sqlite), TEST(no_descriptor_at_the_nth_open), TEST(no_descriptor_while_running), TEST(readers_do_not_hold_the_log),
					    TEST(a_foreign_snapshot_is_named) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
