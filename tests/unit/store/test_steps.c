/* Readings in steps, and sums of many series: what a simple fold over the readings gives, whether raw or rolled up, before and
 * after the raw segments are gone. */
#include "tests/unit/test.h"
#include "store/steps.h"
#include "tests/unit/store/days.h"

#include <stdlib.h>
#include <unistd.h>

enum { BATCHES = DAYS_PER_DAY * 2 + 400, STEPS_MAX = 20000, HOUR = 3600000 };
static const int64_t day = 86400000;

static int make(void **state)
{
	(void)state;
	struct store_options o;
	kit_clean();
	struct store *s = days_open(&o);
	days_feed(s, 0, BATCHES);
	days_wait("raw-2026-02.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*)<20 FROM window", 1);
	store_close(s);
	return 0;
}

static int clean(void **state)
{
	(void)state;
	kit_clean();
	return 0;
}

/* The model: one pass over what was handed over. */
static size_t model(uint32_t i, int64_t from, int64_t to, int64_t step, struct step *out)
{
	size_t n = 0;
	__int128 sum = 0;
	for (uint64_t k = 0; k < BATCHES; k++) {
		struct sample s = days_sample(k, i);
		if (s.at.wall.ms < from || s.at.wall.ms >= to)
			continue;
		int64_t at = from + (s.at.wall.ms - from) / step * step;
		if (n == 0 || out[n - 1].from.ms != at) {
			out[n++] = (struct step){ .from = { at } };
			sum = 0;
		}
		struct step *w = &out[n - 1];
		w->not_good += s.quality != QUALITY_GOOD;
		if (!sample_has_value(&s))
			continue;
		w->min = w->n == 0 || s.value < w->min ? s.value : w->min;
		w->max = w->n == 0 || s.value > w->max ? s.value : w->max;
		w->last = s.value;
		sum += s.value;
		w->n++;
		w->mean = (int64_t)((sum * 2 + w->n) / (w->n * 2));     /* values are positive, halves are looked at below */
		if ((sum * 2 + w->n) % (w->n * 2) == 0 && w->mean % 2)
			w->mean--;
	}
	return n;
}

struct kept { struct step list[STEPS_MAX]; size_t n, rolled; };

static bool keep(void *ctx, const struct step *s)
{
	struct kept *k = ctx;
	assert_true(k->n < STEPS_MAX);
	k->list[k->n++] = *s;
	k->rolled += s->rolled;
	assert_non_null(s->series);
	assert_int_equal(s->series->quantity, Q_ACTIVE_POWER);
	return true;
}

static void same_step(const char *name, const struct step *a, const struct step *b)
{
	if (a->from.ms != b->from.ms || a->n != b->n || a->not_good != b->not_good || a->min != b->min || a->max != b->max || a->last != b->last || a->mean != b->mean)
		fail_msg("row \"%s\": step at %lld: n %lld, %lld doubtful, %lld..%lld, mean %lld, last %lld; not %lld: %lld, %lld, %lld..%lld, %lld, %lld", name, (long long)a->from.ms,
			 (long long)a->n, (long long)a->not_good, (long long)a->min, (long long)a->max, (long long)a->mean, (long long)a->last, (long long)b->from.ms, (long long)b->n,
			 (long long)b->not_good, (long long)b->min, (long long)b->max, (long long)b->mean, (long long)b->last);
}

/* Times in ms from the first reading's day; what is on quarters is answered from rollups where there are any. */
static const struct range { const char *name; int64_t from, to, step; } ranges[] = {
	{ "hours of all", 0, 3 * 86400000LL, HOUR }, { "quarters of all", 0, 3 * 86400000LL, QUARTER_MS }, { "days of all", 0, 3 * 86400000LL, 86400000 },
	{ "a day from noon to noon", 43200000, 129600000, 43200000 }, { "an hour that is cut at both ends", 600000, 2 * 86400000LL - 600000, HOUR },
	{ "an end between quarters", 0, 86400000 + 123456, QUARTER_MS }, { "a beginning between quarters", 4567, 86400000, QUARTER_MS }, { "minutes", 80000000, 90000000, 60000 },
	{ "7 minutes", 0, 40000000, 420000 }, { "over the end", 2 * 86400000LL, 9 * 86400000LL, HOUR },
	{ "a day but its first 3 ms", 3, 86400000, 86400000 }, { "a day and 5 ms of the next", 0, 86400005, 86400005 }, { "a day cut at noon", 43200000 + 61000, 86400000, 86400000 },
	{ "from noon to noon and a bit", 43200000 + 1, 129600000 + 7, 86400006 }, { "6 hours, each cut", 100000, 2 * 86400000LL, 6 * HOUR }, { "less than a quarter", 5000, 600000, 86400000 },
};

static void steps_are_the_fold(struct reader *r, bool dropped)
{
	static struct kept have;
	static struct step want[STEPS_MAX];
	struct err err = { 0 };
	for (const struct range *g = ranges; g < ranges + countof(ranges); g++)
		for (uint32_t i = 0; i < DAYS_SERIES; i += 7) {
			bool on_quarters = g->from % QUARTER_MS == 0 && g->step % QUARTER_MS == 0 && g->to % QUARTER_MS == 0;
			if (dropped && !on_quarters)
				continue;
			have.n = have.rolled = 0;
			if (!reader_steps(r, days_series()[i].id, (struct wall){ days_start + g->from }, (struct wall){ days_start + g->to }, g->step, keep, &have, &err))
				fail_msg("row \"%s\": %s", g->name, err.text);
			size_t n = model(i, days_start + g->from, days_start + g->to, g->step, want);
			row_check(g, n == have.n && n > 0);
			for (size_t k = 0; k < n; k++)
				same_step(g->name, &have.list[k], &want[k]);
			row_check(g, dropped || have.rolled == 0);
		}
}

static void steps(void **state)
{
	(void)state;
	struct err err;
	struct reader *r = reader_open(kit_dir(), &err);
	steps_are_the_fold(r, false);
	assert_false(reader_steps(r, days_series()[0].id, (struct wall){ 5 }, (struct wall){ 5 }, 1000, keep, NULL, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	assert_false(reader_steps(r, days_series()[0].id, (struct wall){ 0 }, (struct wall){ 5 }, 0, keep, NULL, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	reader_close(r);
}

struct kept_sums { struct step_sum list[STEPS_MAX]; size_t n; };

static bool keep_sum(void *ctx, const struct step_sum *s)
{
	struct kept_sums *k = ctx;
	k->list[k->n++] = *s;
	assert_int_equal(s->kind->quantity, Q_ACTIVE_POWER);
	return true;
}

static void sums_are_the_sum(struct reader *r, bool dropped)
{
	static struct kept_sums have;
	static struct step one[STEPS_MAX], want[STEPS_MAX];
	const char *ids[DAYS_SERIES + 1];
	struct err err = { 0 };
	for (uint32_t i = 0; i < DAYS_SERIES; i++)
		ids[i] = days_series()[DAYS_SERIES - 1 - i].id;
	ids[DAYS_SERIES] = "not/there";
	for (const struct range *g = ranges; g < ranges + countof(ranges); g++) {
		struct wall from = { days_start + g->from }, to = { days_start + g->to };
		size_t n = 0;
		if (dropped && (g->from % QUARTER_MS || g->step % QUARTER_MS || g->to % QUARTER_MS))
			continue;
		have.n = 0;
		if (!reader_sums(r, ids, DAYS_SERIES + 1, from, to, g->step, keep_sum, &have, &err))
			fail_msg("row \"%s\": %s", g->name, err.text);
		for (uint32_t i = 0; i < DAYS_SERIES; i++) {
			n = model(i, from.ms, to.ms, g->step, one);
			for (size_t k = 0; k < n; k++) {
				int64_t mean = (i ? want[k].mean : 0) + one[k].mean, last = (i ? want[k].last : 0) + one[k].last, min = (i ? want[k].min : 0) + one[k].min;
				int64_t count = (i ? want[k].n : 0) + one[k].n, doubt = (i ? want[k].not_good : 0) + one[k].not_good;
				want[k] = (struct step){ .from = one[k].from, .mean = mean, .last = last, .min = min, .n = count, .not_good = doubt };
			}
		}
		row_check(g, n == have.n && n > 0);
		for (size_t k = 0; k < n; k++) {
			const struct step_sum *s = &have.list[k];
			row_check(g, s->from.ms == want[k].from.ms && s->series == DAYS_SERIES && s->n == want[k].n && s->not_good == want[k].not_good);
			row_check(g, s->mean == want[k].mean && s->last == want[k].last && s->min == want[k].min && s->with_value <= DAYS_SERIES);
		}
	}
}

static void sums(void **state)
{
	(void)state;
	struct err err;
	struct reader *r = reader_open(kit_dir(), &err);
	const char *none[] = { "not/there" };
	struct wall from = { days_start }, to = { days_start + day };
	sums_are_the_sum(r, false);
	assert_false(reader_sums(r, none, 1, from, to, HOUR, keep_sum, NULL, &err));
	assert_int_equal(err.kind, ERR_INPUT);
	assert_false(reader_sums(r, none, 1, (struct wall){ INT64_MIN }, to, HOUR, keep_sum, NULL, &err));
	assert_non_null(strstr(err.text, "beginning and an end"));
	assert_false(reader_sums(r, none, 1, from, (struct wall){ days_start + 300 * day }, 1, keep_sum, NULL, &err));
	assert_int_equal(err.kind, ERR_USAGE);
	reader_close(r);
}

static bool newest(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	size_t *seen = ctx;
	struct sample want = days_sample(BATCHES - 1, s->series);
	(void)now;
	assert_int_equal(n, 1);
	assert_true(sample_equal(s, &want));
	(*seen)++;
	return true;
}

static void latest(void **state)
{
	(void)state;
	struct err err;
	size_t seen = 0;
	struct reader *r = reader_open(kit_dir(), &err);
	assert_true(reader_latest(r, newest, &seen, &err));
	assert_int_equal(seen, DAYS_SERIES);
	reader_close(r);
}

static bool count(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	(void)s, (void)now;
	*(size_t *)ctx += n;
	return true;
}

/* A long query does not look at a block: it goes on when every block is spoilt.  Then the files go, as retention lets them, and
 * quarters are still exact, marked; shorter steps are those quarters; raw readings are gone and said to be. */
static void without_the_readings(void **state)
{
	(void)state;
	static const char *const months[] = { "raw-2026-01.db", "raw-2026-02.db" };
	static struct kept have;
	struct err err = { 0 };
	struct wall until;
	char path[300];
	struct reader *r = reader_open(kit_dir(), &err);
	assert_true(reader_dropped(r, &until, &err) && until.ms == 0);
	for (size_t i = 0; i < countof(months); i++) {
		struct db d;
		assert_true(db_open(&d, kit_dir(), months[i], NULL, false, &segment_schema, &err));
		assert_true(db_exec(&d, "UPDATE block SET body=zeroblob(length(body)); UPDATE stamps SET body=zeroblob(length(body))", &err));
		db_close(&d);
	}
	assert_true(reader_steps(r, days_series()[3].id, (struct wall){ days_start }, (struct wall){ days_start + day }, HOUR, keep, &have, &err));
	assert_int_equal(have.n, 24);
	assert_false(reader_steps(r, days_series()[3].id, (struct wall){ days_start }, (struct wall){ days_start + day }, 60000, keep, &have, &err));
	assert_non_null(strstr(err.text, "checksum"));
	for (size_t i = 0; i < countof(months); i++) {
		snprintf(path, sizeof path, "%s/%s", kit_dir(), months[i]);
		assert_int_equal(unlink(path), 0);
	}
	steps_are_the_fold(r, true);
	sums_are_the_sum(r, true);
	have.n = have.rolled = 0;
	assert_true(reader_steps(r, days_series()[3].id, (struct wall){ days_start }, (struct wall){ days_start + HOUR }, 60000, keep, &have, &err));
	assert_true(have.n == 4 && have.rolled == 4 && have.list[1].from.ms == days_start + QUARTER_MS && have.list[1].n + have.list[1].not_good == QUARTER_MS / DAYS_STEP_MS);
	size_t raw = 0;
	assert_true(reader_history(r, days_series()[3].id, (struct wall){ days_start }, (struct wall){ days_start + day / 2 }, count, &raw, &err));
	assert_int_equal(raw, 0);
	assert_true(reader_dropped(r, &until, &err));
	assert_true(until.ms > days_start + 2 * day - HOUR && until.ms < days_start + 2 * day + HOUR);
	reader_close(r);
}

/* Quarters of any kind come back as they were: gaps, no value, extremes, a clock that was set back. */
static void round_trip(void **state)
{
	(void)state;
	struct rng rng = { 20260101 };
	struct rollup r = { .days = NULL };
	struct err err;
	for (int round = 0; round < 300; round++) {
		struct quarter q[400];
		size_t n = round < 3 ? (size_t)round : rng_next(&rng) % 400, days = 0;
		int64_t at = (int64_t)(rng_next(&rng) % 3000000) - 1500000;
		for (size_t i = 0; i < n; i++) {
			uint64_t dice = rng_next(&rng);
			at += dice % 50 == 0 ? -40 : dice % 9 == 0 ? 1 + (int64_t)(rng_next(&rng) % 300) : 1;
			q[i] = (struct quarter){ .at = at, .not_good = (int64_t)(dice % 5) };
			if (dice % 7 == 0)
				continue;
			int64_t wide = round % 3 ? (int64_t)(rng_next(&rng) % 10000) : (int64_t)rng_next(&rng);
			q[i].n = 1 + (int64_t)(dice % 90);
			q[i].min = wide;
			q[i].max = round % 3 ? wide + 50 : INT64_MAX;
			q[i].last = wide;
			q[i].sum = (__int128)wide * q[i].n;
		}
		CLEANUP(buf_done) struct buf out = { 0 };
		rollup_put(q, n, &out);
		assert_true(!out.failed && rollup_read(&r, out.data, out.len, &err) && rollup_quarters(&r, &err) && r.n_quarters == n);
		struct quarter all = { .n = 0 }, heads = { .n = 0 };
		for (size_t i = 0; i < n; i++) {
			const struct quarter *a = &q[i], *b = &r.quarters[i];
			assert_true(a->at == b->at && a->n == b->n && a->not_good == b->not_good && a->min == b->min && a->max == b->max && a->last == b->last && a->sum == b->sum);
			quarter_merge(&all, a);
		}
		for (size_t i = 0; i < r.n_days; i++) {
			quarter_merge(&heads, &r.days[i].all);
			days += r.days[i].quarters;
		}
		assert_true(days == n && all.n == heads.n && all.sum == heads.sum && all.min == heads.min && all.max == heads.max && all.last == heads.last);
		/* version, quarters and days (one or two bytes), the first day's number; then how many quarters it has, n, not good */
		if (r.n_days && r.days[0].all.n > 0 && r.days[0].all.n < 100) {
			size_t place = 2 + (n > 127) + (r.n_days > 127) + 1;
			while ((uint8_t)out.data[place] & 0x80)         /* the day's number */
				place++;
			place += 2;                                     /* and its quarters, fewer than 128 */
			out.data[place] ^= 1;
			assert_false(rollup_read(&r, out.data, out.len, &err) && rollup_quarters(&r, &err));
			out.data[place] ^= 1;
		}
		for (int i = 0; i < 40 && out.len; i++) {       /* damaged: refused or other numbers, never worse */
			size_t place = rng_next(&rng) % out.len;
			out.data[place] ^= (char)(1 << rng_next(&rng) % 8);
			(void)!(rollup_read(&r, out.data, rng_next(&rng) % 3 ? out.len : place, &err) && rollup_quarters(&r, &err));
		}
	}
	rollup_done(&r);
}

/* A clock that was set back leaves quarters that have no order: all readings are taken then, each once. */
static struct quarter added;
static size_t wholes;

static bool add_whole(void *ctx, int64_t step, const struct quarter *q)
{
	(void)ctx, (void)step;
	wholes++;
	quarter_merge(&added, q);
	return true;
}

static bool add_some(void *ctx, uint32_t sid, const struct sample *s, size_t n)
{
	const struct grid *g = ctx;
	(void)sid;
	for (size_t i = 0; i < n; i++)
		if (grid_has(g, s[i].at.wall))
			quarter_add(&added, &s[i]);
	return true;
}

static void cut_with_a_clock_set_back(void **state)
{
	(void)state;
	static const struct back { const char *name; int64_t set_back_ms; size_t wholes; } backs[] = { { "never", 0, 22 }, { "an hour", HOUR, 0 }, { "a day", 86400000, 0 } };
	enum { N = 2000, STEP = 30000 };
	static struct sample s[N];
	for (const struct back *b = backs; b < backs + countof(backs); b++) {
		struct grid g = { { days_start + 12345 }, { days_start + 12345 + 100 * 7 * STEP }, 200 * 86400000LL };
		struct quarter want = { .at = 0 }, *q = NULL;
		struct window at = { .id = 5, .id_to = 9, .from = { days_start }, .to = { days_start + N * STEP } };
		struct window_writer w;
		struct edge raw = { .id = 5 };
		CLEANUP(rollup_done) struct rollup r = { .days = NULL };
		CLEANUP(buf_done) struct buf body = { 0 };
		struct db d;
		struct err err;
		size_t room = 0, n_quarters;
		for (int i = 0; i < N; i++) {
			int64_t t = days_start + i * STEP - (i > 1000 ? b->set_back_ms : 0);
			s[i] = (struct sample){ .series = 3, .value = 100 + i % 77, .at = { { t }, { i * STEP }, 1, true }, .quality = i % 9 == 0 ? QUALITY_MISSING : QUALITY_GOOD };
			s[i].value = s[i].quality == QUALITY_MISSING ? 0 : s[i].value;
			if (grid_has(&g, s[i].at.wall))
				quarter_add(&want, &s[i]);
		}
		row_check(b, db_open(&d, kit_dir(), "raw-2031-01.db", NULL, false, &segment_schema, &err) && window_begin(&w, &d, at, true, &err) && window_add(&w, 3, s, N, &err) && window_end(&w, &err));
		window_writer_done(&w);
		row_check(b, quarters_of(s, N, &q, &room, &n_quarters) && window_reader_init(&raw.in, &d, &err));
		rollup_put(q, n_quarters, &body);
		added = (struct quarter){ .at = 0 };
		wholes = 0;
		const struct cutting to = { add_whole, NULL, add_some, &g };
		if (!rollup_read(&r, body.data, body.len, &err) || !grid_cut(&g, &r, &raw, 3, &to, &err))
			fail_msg("row \"%s\": %s", b->name, err.text);
		row_check(b, added.n == want.n && added.not_good == want.not_good && added.sum == want.sum && added.min == want.min && added.max == want.max);
		row_check(b, wholes == b->wholes);
		row_check(b, b->wholes == 0 || raw.n < N);      /* not all of it was decoded */
		window_reader_done(&raw.in);
		free(raw.s);
		free(q);
		db_close(&d);
		char path[300];
		snprintf(path, sizeof path, "%s/raw-2031-01.db", kit_dir());
		unlink(path);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(steps), cmocka_unit_test(sums), cmocka_unit_test(latest), cmocka_unit_test(without_the_readings),
					    cmocka_unit_test(round_trip), cmocka_unit_test(cut_with_a_clock_set_back) };
	return cmocka_run_group_tests(tests, make, clean);
}
