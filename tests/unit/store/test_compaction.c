/* Power cuts while hours are sealed and a day moves into its segment: at every change of the disk, with unsynced writes lost, torn and reordered.
 * Whatever is left, each reading is there once, and the whole verifies; at once, and after the work was done again. */
#include "tests/unit/test.h"
#include "store/evidence.h"
#include "store/window.h"
#include "tests/unit/store/faultvfs.h"
#include "tests/unit/store/kit.h"

#include <stdlib.h>
#include <unistd.h>

enum { SERIES = 6, STEP_MS = 120000, TICKS = 86400000 / STEP_MS + 30 };
static const int64_t start = 1769817600000;             /* 2026-01-31 */

static struct sample sample_of(uint64_t k, uint32_t i)
{
	struct rng r = { k * 100 + i };
	int64_t t = (int64_t)k * STEP_MS + (int64_t)(i / 3) * 7;
	return (struct sample){ .series = i, .value = 5000 + (int64_t)(rng_next(&r) % 300), .at = { { start + t }, { t }, 1, true } };
}

static void fill(void)
{
	struct encoder *e = encoder_new(1);
	struct second *first = NULL, **tail = &first;
	struct new_series *series = calloc(1, sizeof *series + SERIES * sizeof *series->rows);
	char ids[SERIES][8];
	struct journal j;
	struct evidence ev;
	struct loss lost;
	struct err err;
	assert_non_null(series);
	series->n = SERIES;
	for (uint32_t i = 0; i < SERIES; i++) {
		snprintf(ids[i], sizeof ids[i], "s%u", i);
		series->rows[i] = (struct stored_series){ i, { .id = ids[i], .quantity = Q_ACTIVE_POWER, .count = { 1, 1 } } };
	}
	for (uint64_t k = 0; k < TICKS; k++) {
		struct sample batch[SERIES];
		for (uint32_t i = 0; i < SERIES; i++)
			batch[i] = sample_of(k, i);
		encoder_batch(e, k * SERIES, batch, SERIES, batch[SERIES - 1].at);
		*tail = encoder_close(e, &lost);
		assert_non_null(*tail);
		tail = &(*tail)->next;
	}
	assert_true(evidence_open(&ev, kit_dir(), FAULTVFS, false, 7, &err) && journal_open(&j, kit_dir(), FAULTVFS, false, &err));
	if (!journal_write(&j, series, first, &err))
		fail_msg("%s", err.text);
	journal_close(&j);
	evidence_close(&ev);
	encoder_free(e);
	free(series);
	for (struct second *next; first; first = next) {
		next = first->next;
		second_free(first);
	}
}

/* Until there is nothing more to do, or the power is gone; true: all done. */
static bool work(void)
{
	struct journal j;
	struct err err = { 0 };
	bool did = true, good = journal_open(&j, kit_dir(), FAULTVFS, false, &err);
	if (!good)
		return false;
	while (good && did)
		good = seal_hour(&j, TICKS * SERIES, &did, &err);
	struct compaction *c = compaction_new(kit_dir(), FAULTVFS);
	do
		good = good && compaction_step(c, &j, 1000, &did, &err);
	while (good && (did || !compaction_idle(c)));
	compaction_free(c);
	if (good)               /* the journal's rows leave its log as they do in a run */
		sqlite3_wal_checkpoint_v2(j.db.sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
	journal_close(&j);
	return good;
}

/* What a start of pued does with each file: its first read recovers it. */
static void recover(void)
{
	static const struct { const char *name; const struct db_schema *schema; } all[] = {
		{ "evidence.db", &evidence_schema }, { "journal.db", &journal_schema }, { "rollup.db", &rollup_schema }, { "raw-2026-01.db", &segment_schema },
	};
	for (size_t i = 0; i < countof(all); i++) {
		struct db d;
		struct err err;
		if (fault_file_size(all[i].name) == 0)
			continue;
		if (!db_open(&d, kit_dir(), all[i].name, FAULTVFS, false, all[i].schema, &err))
			fail_msg("%s", err.text);
		db_close(&d);
	}
}

struct seen { uint64_t n; uint32_t series; bool bad; };

static bool see(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct seen *seen = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		struct sample want = sample_of(seen->n++, seen->series);
		seen->bad |= !sample_equal(&s[i], &want);
	}
	return true;
}

/* The store asks the real file system which segments there are. */
static void clean(void)
{
	static const char *const names[] = { "journal.db", "evidence.db", "rollup.db", "raw-2026-01.db" }, *const ends[] = { "", "-wal", "-shm", "-journal" };
	char path[200];
	for (size_t i = 0; i < countof(names) * countof(ends); i++) {
		snprintf(path, sizeof path, "%s/%s%s", kit_dir(), names[i / countof(ends)], ends[i % countof(ends)]);
		unlink(path);
	}
}

static void verify(const char *when, uint64_t op, uint64_t seed)
{
	struct store_audit a;
	struct err err = { 0 };
	clean();
	fault_export();
	if (!store_audit(kit_dir(), NULL, &a, &err) || a.first_bad[0])
		fail_msg("%s, cut at operation %llu, seed %llu: %s%s", when, (unsigned long long)op, (unsigned long long)seed, err.text, a.first_bad);
	struct reader *r = reader_open(kit_dir(), &err);
	assert_non_null(r);
	for (uint32_t i = 0; i < SERIES; i++) {
		struct seen seen = { .series = i };
		char id[8];
		snprintf(id, sizeof id, "s%u", i);
		if (!reader_history(r, id, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, see, &seen, &err) || seen.bad || seen.n != TICKS)
			fail_msg("%s, cut at operation %llu, seed %llu: series %u has %llu of %d readings%s; %s", when, (unsigned long long)op, (unsigned long long)seed, i, (unsigned long long)seen.n,
				 TICKS, seen.bad ? ", others than were written" : "", err.text);
	}
	reader_close(r);
}

static void power_cut_everywhere(void **state)
{
	(void)state;
	const bool is_long = getenv("PUED_LONG") && atoi(getenv("PUED_LONG"));
	fault_format();
	fill();
	uint64_t from = fault_ops();
	assert_true(work());
	uint64_t ops = fault_ops() - from, points = 0, wanted = is_long ? 4000 : 200;
	verify("without a cut", 0, 0);
	printf("%llu operations a run, %llu points, two cuts each\n", (unsigned long long)ops, (unsigned long long)wanted);
	for (uint64_t seed = 1; points < wanted; seed++)
		for (uint64_t op = 1 + (is_long ? 0 : seed % 3); op <= ops && points < wanted; op += is_long ? 1 : 3, points++) {
			const uint64_t chance = seed * 1000003 + op;
			fault_format();
			clean();
			fill();
			fault_cut_at(fault_ops() + op);
			(void)!work();
			fault_power_on(chance);
			recover();
			verify("afterwards", op, chance);
			fault_cut_at(fault_ops() + 1 + chance % 60);
			(void)!work();
			fault_power_on(chance + 1);
			recover();
			verify("after a second cut", op, chance);
			if (!work())
				fail_msg("cut at operation %llu, seed %llu: the work is not done again", (unsigned long long)op, (unsigned long long)chance);
			verify("in the end", op, chance);
		}
}

int main(void)
{
	fault_register();
	kit_dir();
	const struct CMUnitTest tests[] = { cmocka_unit_test(power_cut_everywhere) };
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	fault_format();
	kit_clean();
	return failed;
}
