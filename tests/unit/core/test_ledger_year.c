/* A site that was off for a year: its intervals close in many short calls, without memory for all of them, and say the same bytes as
 * when they close one by one. */
#include <time.h>
#include "tests/unit/test.h"
#include "tests/unit/core/ledger_bench.h"

enum { METERS = 16, DAYS = 365 };

static void site_make(struct bench *b)
{
	bench_init(b);
	bench_meter(b, "feed", ROLE_SUPPLY, -1)->nominal_mw = 7200000;
	static char ids[METERS][8];
	for (int m = 1; m < METERS; m++) {
		snprintf(ids[m], sizeof ids[m], "it-%d", m);
		bench_meter(b, ids[m], ROLE_IT, 0);
	}
}

static void read_all(struct ledger *l, int64_t second, int64_t value, const struct ledger_sink *sink)
{
	struct sample s[METERS];
	struct wall at = { BASE_MS + second * 1000 };
	for (uint32_t m = 0; m < METERS; m++)
		s[m] = (struct sample){ .series = m, .value = value * (m ? 1 : METERS), .at = { at, { at.ms }, 1, true } };
	ledger_push(l, s, METERS, s[0].at, sink);
}

struct count { struct bench *b; size_t in_call, most; };
static void on_interval(void *ctx, const struct interval *iv)
{
	struct count *c = ctx;
	c->in_call++;
	interval_leaf(&c->b->site, iv, &c->b->leaves);
	buf_str(&c->b->leaves, "\n");
	c->b->intervals++;
}

static void on_event(void *ctx, const struct ledger_event *ev)
{
	struct count *c = ctx;
	event_leaf(&c->b->site, ev, &c->b->leaves);
	buf_str(&c->b->leaves, "\n");
}

/* Readings for two hours, a year of nothing, readings for two hours; `hourly`: time passes for the ledger in between. */
static void fold(struct count *c, bool hourly, bool after_at_once)
{
	struct ledger_sink sink = { on_interval, on_event, c };
	struct ledger *l = ledger_new(&c->b->site, c->b->wiring, NULL);
	int64_t back = (int64_t)DAYS * 86400;
	for (int64_t t = 0; t <= 7200; t += 300)
		read_all(l, t, t, &sink);
	for (int64_t t = 7200; hourly && t < back; t += 3600)
		ledger_push(l, NULL, 0, (struct stamp){ .wall = { BASE_MS + t * 1000 } }, &sink);
	double longest = 0;
	for (int calls = 0; calls < 20000 && !hourly; calls++) {
		struct timespec a, b;
		size_t before = c->b->intervals;
		c->in_call = 0;
		clock_gettime(CLOCK_MONOTONIC, &a);
		ledger_push(l, NULL, 0, (struct stamp){ .wall = { BASE_MS + back * 1000 - 1000 } }, &sink);
		clock_gettime(CLOCK_MONOTONIC, &b);
		double ms = (double)(b.tv_sec - a.tv_sec) * 1e3 + (double)(b.tv_nsec - a.tv_nsec) / 1e6;
		longest = ms > longest ? ms : longest;
		c->most = c->in_call > c->most ? c->in_call : c->most;
		if (c->b->intervals == before || (after_at_once && calls == 3))
			break;
	}
	for (int64_t t = 0; t <= 7200; t += 300)
		read_all(l, back + t, 7200 + back + t, &sink);
	struct buf checkpoint = { 0 };
	ledger_save(l, &checkpoint);
	if (!after_at_once)
		assert_true(checkpoint.len < 200000);
	buf_done(&checkpoint);
	ledger_finish(l, &sink);
	ledger_free(l);
	if (!hourly)
		printf("a year of nothing: %zu intervals in one call at most, the longest took %.1f ms\n", c->most, longest);
}

static void a_year_at_once(void **state)
{
	(void)state;
	struct bench one, many, mixed;
	site_make(&one), site_make(&many), site_make(&mixed);
	struct count a = { &one, 0, 0 }, b = { &many, 0, 0 }, c = { &mixed, 0, 0 };
	fold(&a, true, false);
	fold(&b, false, false);
	fold(&c, false, true);
	assert_int_equal(one.intervals, (size_t)DAYS * 96 + 8);
	assert_true(b.most > 4 && b.most <= 4000 / METERS + 4);
	assert_int_equal(one.leaves.len, many.leaves.len);
	assert_memory_equal(one.leaves.data, many.leaves.data, one.leaves.len);
	assert_int_equal(one.leaves.len, mixed.leaves.len);
	assert_memory_equal(one.leaves.data, mixed.leaves.data, one.leaves.len);
	bench_done(&one), bench_done(&many), bench_done(&mixed);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(a_year_at_once) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
