#include "tests/unit/test.h"
#include "tests/unit/store/days.h"

#include <stdlib.h>
#include <time.h>

const int64_t days_start = 1769817600000;

const struct series *days_series(void)
{
	static struct series rows[DAYS_SERIES];
	static char ids[DAYS_SERIES][16];
	for (int i = 0; i < DAYS_SERIES && !rows[i].id; i++) {
		snprintf(ids[i], sizeof ids[i], "d%d/p%d", i / 8, i % 8);
		rows[i] = (struct series){ .id = ids[i], .device = (uint16_t)(i / 8), .quantity = Q_ACTIVE_POWER, .count = { 1, 1 } };
	}
	return rows;
}

struct sample days_sample(uint64_t k, uint32_t i)
{
	struct rng r = { k * 1000 + i };
	int64_t t = (int64_t)k * DAYS_STEP_MS + (int64_t)(k * 7919 % 13) + (int64_t)(i / 8) * 3;
	struct sample s = { .series = i, .value = 100000 + (int64_t)(rng_next(&r) % 500), .at = { { days_start + t }, { t }, 1 + (uint32_t)(k / 5000), true } };
	if (rng_next(&r) % 50 == 0) {
		s.quality = QUALITY_MISSING;
		s.reason = REASON_TIMEOUT;
		s.value = 0;
	}
	return s;
}

struct store *days_open(struct store_options *o)
{
	struct err err;
	*o = kit_options(kit_dir());
	o->seal_ms = 1;
	o->wait = true;
	o->tick_ms = 100000;
	struct store *s = store_open(o, &err);
	if (!s || !store_series(s, days_series(), DAYS_SERIES, &err))
		fail_msg("%s", err.text);
	return s;
}

void days_feed(struct store *s, uint64_t from, uint64_t to)
{
	struct err err;
	for (uint64_t k = from; k < to; k++) {
		struct sample batch[DAYS_SERIES];
		for (uint32_t i = 0; i < DAYS_SERIES; i++)
			batch[i] = days_sample(k, i);
		struct stamp now = batch[DAYS_SERIES - 1].at;
		uint64_t position = store_journal(s, batch, DAYS_SERIES, now);
		if (k % 30 == 29) {
			struct commit c = { .checkpoint = "x", .checkpoint_len = 1, .journal_position = position };
			assert_true(store_commit(s, &c, &err));
		}
		if (!store_flush(s, &err))
			fail_msg("%s", err.text);
	}
}

int64_t days_number(const char *file, const char *sql)
{
	struct db d;
	int64_t n = -1;
	struct err err;
	const struct db_schema *schema = strcmp(file, "journal.db") == 0 ? &journal_schema : &segment_schema;
	if (!db_open(&d, kit_dir(), file, NULL, true, schema, &err))
		return -1;
	if (!db_number(&d, sql, -1, &n, &err))
		n = -1;
	db_close(&d);
	return n;
}

void days_wait(const char *file, const char *sql, int64_t wanted)
{
	for (int tries = 0; days_number(file, sql) != wanted; tries++) {
		struct timespec moment = { 0, 5000000 };
		if (tries > 4000)
			fail_msg("%s: %s is %lld, not %lld", file, sql, (long long)days_number(file, sql), (long long)wanted);
		nanosleep(&moment, NULL);
	}
}
