/* Splitting, batching, reordering within the watermark, doubling readings and restarting change no byte of the leaves. */
#include "tests/unit/test.h"
#include "tests/unit/core/ledger_bench.h"

enum { METERS = 6, MAX = 6000, RUNS = 60 };

/* A small generator of its own: the same numbers on every machine, printed seed. */
static uint64_t state_of_chance;
static uint32_t chance(uint32_t below)
{
	state_of_chance = state_of_chance * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(state_of_chance >> 33) % below;
}

struct stream { struct sample s[MAX]; size_t n; };

/* Readings with every trouble but late arrival, conflict and clock steps, which depend on order by their nature. */
static void make(struct stream *st, uint64_t seed)
{
	int64_t value[METERS], rate[METERS], base_boot = 5000000;
	uint32_t dead[METERS] = { 0 }, frozen[METERS] = { 0 }, session = 1;
	int64_t held[METERS];
	state_of_chance = seed;
	st->n = 0;
	for (int m = 0; m < METERS; m++) {
		value[m] = chance(100000);
		rate[m] = 1 + chance(200);
	}
	for (int64_t t = 0; t < 12 * 3600 && st->n + METERS < MAX; t += 300) {
		if (chance(60) == 0) {
			session++;
			base_boot = 1000;
			t += 300 * chance(20);
		}
		for (int m = 0; m < METERS; m++) {
			struct sample *s = &st->s[st->n];
			uint32_t what = chance(100);
			value[m] += rate[m] + chance(20);
			if (what == 0)
				value[m] = 0;
			if (what == 1)
				dead[m] = chance(40);
			if (what == 2) {
				frozen[m] = 4 + chance(20);
				held[m] = value[m];
			}
			*s = (struct sample){ .series = (uint32_t)m, .at = { .session = session, .synced = chance(30) != 0 } };
			s->at.wall.ms = BASE_MS + t * 1000 + chance(60000);
			s->at.boot.ms = base_boot + (s->at.wall.ms - BASE_MS);
			s->value = frozen[m] ? held[m] : value[m] % 100000;
			if (what == 3)
				s->value = chance(100000);
			if (what == 4) {
				s->quality = QUALITY_MISSING;
				s->reason = REASON_TIMEOUT;
			}
			frozen[m] -= frozen[m] > 0;
			if (dead[m]) {
				dead[m]--;
				continue;
			}
			st->n++;
		}
	}
}

static void bench_make(struct bench *b)
{
	bench_init(b);
	bench_meter(b, "bus", ROLE_BUS, -1)->energy = NULL;
	b->wiring[0].energy_series = UINT32_MAX;
	static const char *const ids[METERS] = { "feed", "cooling", "ups", "row-a", "row-b", "rack" };
	static const int roles[METERS] = { ROLE_SUPPLY, ROLE_COOLING, ROLE_DISTRIBUTION, ROLE_IT, ROLE_IT, ROLE_RACK };
	static const int64_t parents[METERS] = { 0, 0, 0, 3, 3, 4 };
	static const struct ratio counts[METERS] = { { 10000, 1 }, { 1, 1 }, { 1000, 3 }, { 7, 2 }, { 100, 1 }, { 999, 7 } };
	for (int m = 0; m < METERS; m++) {
		struct meter *meter = bench_meter(b, ids[m], roles[m], parents[m]);
		struct ledger_wiring *w = &b->wiring[m + 1];
		w->energy_series = (uint32_t)m;
		w->count_mwh = counts[m];
		w->modulus = 100000;
		meter->p_max_mw = 240 * counts[m].num * 12 / counts[m].den;
	}
}

enum how { ONE_BY_ONE, ONE_BATCH, BATCHES, SHUFFLED, DOUBLED, RESTARTED, ALL, HOWS };
static const char *const how_names[HOWS] = { "one by one", "one batch", "batches", "shuffled", "doubled", "restarted", "all at once" };

static void shuffle(struct stream *st)
{
	/* each reading waits up to six minutes: never behind the watermark */
	static int64_t due[MAX];
	for (size_t i = 0; i < st->n; i++)
		due[i] = st->s[i].at.wall.ms + chance(360000);
	for (size_t i = 1; i < st->n; i++)
		for (size_t k = i; k && due[k - 1] > due[k]; k--) {
			struct sample s = st->s[k];
			int64_t d = due[k];
			st->s[k] = st->s[k - 1], due[k] = due[k - 1];
			st->s[k - 1] = s, due[k - 1] = d;
		}
}

static void double_some(struct stream *st)
{
	for (size_t i = 0; i < st->n && st->n < MAX - 1; i++) {
		if (chance(10))
			continue;
		size_t to = i + 1 + chance(8);
		to = to > st->n ? st->n : to;
		memmove(&st->s[to + 1], &st->s[to], (st->n - to) * sizeof st->s[0]);
		st->s[to] = st->s[i];
		st->n++;
	}
}

static struct ledger *restart(struct bench *b, struct ledger *l)
{
	struct buf a = { 0 }, again = { 0 };
	struct err err = { 0 };
	ledger_save(l, &a);
	struct ledger *fresh = ledger_new(&b->site, b->wiring, NULL);
	if (!ledger_load(fresh, a.data, a.len, &err))
		fail_msg("%s", err.text);
	ledger_save(fresh, &again);
	assert_int_equal(a.len, again.len);
	assert_memory_equal(a.data, again.data, a.len);
	buf_done(&a);
	buf_done(&again);
	ledger_free(l);
	return fresh;
}

static void fold(struct bench *b, struct stream *st, enum how how)
{
	struct ledger_sink sink = { bench_interval, bench_event, b };
	struct ledger *l = ledger_new(&b->site, b->wiring, NULL);
	bool all = how == ALL;
	if (how == SHUFFLED || all)
		shuffle(st);
	if (how == DOUBLED || all)
		double_some(st);
	for (size_t i = 0, n; i < st->n; i += n) {
		n = how == ONE_BATCH ? st->n : how == BATCHES || all ? 1 + chance(40) : 1;
		n = n > st->n - i ? st->n - i : n;
		/* `now` never runs ahead of what has come, as in a replay */
		ledger_push(l, &st->s[i], n, st->s[i].at, &sink);
		if ((how == RESTARTED || all) && chance(how == RESTARTED ? 3 : 2) == 0)
			l = restart(b, l);
	}
	ledger_finish(l, &sink);
	ledger_free(l);
}

static void same_bytes(void **state)
{
	(void)state;
	static struct stream st;
	for (uint64_t seed = 1; seed <= RUNS; seed++) {
		struct bench first;
		bench_make(&first);
		make(&st, seed);
		fold(&first, &st, ONE_BY_ONE);
		assert_true(first.intervals > 40);
		for (enum how how = ONE_BATCH; how < HOWS; how++) {
			struct bench b;
			bench_make(&b);
			make(&st, seed);
			fold(&b, &st, how);
			if (b.leaves.len != first.leaves.len || memcmp(b.leaves.data, first.leaves.data, b.leaves.len)) {
				size_t at = 0;
				while (at < b.leaves.len && at < first.leaves.len && b.leaves.data[at] == first.leaves.data[at])
					at++;
				size_t from = at > 300 ? at - 300 : 0;
				fail_msg("seed %llu, %s differs at byte %zu:\n%.600s\n--- one by one:\n%.600s", (unsigned long long)seed, how_names[how], at,
					 b.leaves.data + from, first.leaves.data + from);
			}
			bench_done(&b);
		}
		bench_done(&first);
	}
}

/* Leaves read back say what was written, and a window made of them is the window made live. */
static void leaves_read_back(void **state)
{
	(void)state;
	static struct stream st;
	for (uint64_t seed = 1; seed <= 10; seed++) {
		struct bench b;
		struct kpi live, stored;
		bench_make(&b);
		make(&st, seed);
		struct wall from = { BASE_MS }, to = { BASE_MS + 14 * 3600000 };
		b.window = window_new(&b.site, from, to, NULL);
		fold(&b, &st, ONE_BY_ONE);
		struct window *w = window_new(&b.site, from, to, NULL);
		for (char *line = b.leaves.data, *end; (end = strchr(line, '\n')); line = end + 1) {
			struct err err = { 0 };
			if (!window_leaf(w, line, (size_t)(end - line), &err))
				fail_msg("%s: %.*s", err.text, (int)(end - line), line);
			/* a changed byte is refused or changes the record: here, that cut leaves are refused */
			assert_false(window_leaf(w, line, (size_t)(end - line) - 1, &err));
		}
		window_kpi(b.window, NULL, &live);
		window_kpi(w, NULL, &stored);
		assert_memory_equal(&live, &stored, sizeof live);
		window_free(w);
		bench_done(&b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(same_bytes), cmocka_unit_test(leaves_read_back) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
