#include "tests/unit/test.h"
#include "core/jitter.h"
#include "core/wheel.h"
#include <stdlib.h>

enum { N = 2000, SEED = 20260731 };

/* A plain array is the model: every timer comes once, never early, at most one tick late. */
static void agrees_with_a_plain_array(void **state)
{
	(void)state;
	static struct timer timers[N];
	static int64_t at[N];
	struct wheel w;
	uint64_t seed = SEED;
	int64_t now = 123456;
	print_message("seed %d\n", SEED);
	wheel_init(&w, (struct mono){ now });
	memset(timers, 0, sizeof timers);
	for (size_t i = 0; i < N; i++)
		wheel_set(&w, &timers[i], (struct mono){ at[i] = now + (int64_t)(jitter_next(&seed) % 40000) - 100 });
	size_t left = N;
	while (left) {
		now += (int64_t)(jitter_next(&seed) % (jitter_next(&seed) % 50 ? 40 : 15000));
		for (struct timer *t; (t = wheel_due(&w, (struct mono){ now }));) {
			size_t i = (size_t)(t - timers);
			assert_true(at[i] <= now);
			at[i] = INT64_MAX;
			left--;
			if (jitter_next(&seed) % 8 == 0 && now < 200000) {
				wheel_set(&w, t, (struct mono){ at[i] = now + 1 + (int64_t)(jitter_next(&seed) % 30000) });
				left++;
			}
		}
		for (size_t i = 0; i < N; i++)
			assert_true(at[i] > now - WHEEL_TICK_MS);
		size_t k = jitter_next(&seed) % N;
		if (timer_is_set(&timers[k]) && jitter_next(&seed) % 2) {
			wheel_cut(&w, &timers[k]);
			at[k] = INT64_MAX;
			left--;
		}
		assert_int_equal(w.n, left);
	}
	assert_true(wheel_next(&w).ms == INT64_MAX);
}

static void next_is_never_late(void **state)
{
	(void)state;
	struct wheel w;
	uint64_t seed = SEED;
	for (int round = 0; round < 500; round++) {
		struct timer t = { 0 };
		int64_t now = (int64_t)(jitter_next(&seed) % 100000), due = now + (int64_t)(jitter_next(&seed) % 30000);
		wheel_init(&w, (struct mono){ now });
		wheel_set(&w, &t, (struct mono){ due });
		int steps = 0;
		while (!wheel_due(&w, (struct mono){ now })) {
			now = wheel_next(&w).ms;
			assert_true(steps++ < 10);
		}
		assert_true(now >= due && now < due + WHEEL_TICK_MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(agrees_with_a_plain_array), cmocka_unit_test(next_is_never_late) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
