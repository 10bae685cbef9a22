/* The scheduler in virtual time against a model of buses: a living unit takes COST_MS, a dead one its whole deadline. */
#include "tests/unit/test.h"
#include "core/sched.h"
#include <stdlib.h>

enum { DEADLINE_MS = 1000, UNITS_MAX = 256 };

struct unit_model { uint32_t number; bool dead, slow; int64_t ends_ms, last_start_ms, gap_max_ms; uint64_t starts; size_t bus; };
struct site {
	struct sched *s;
	int64_t now_ms, cost_ms;
	struct unit_model units[UNITS_MAX];
	size_t n, by_number[UNITS_MAX];
	uint64_t starts_of_dead;
};

static void begin(struct site *m, int64_t cost_ms)
{
	memset(m, 0, sizeof *m);
	m->now_ms = 77777;
	m->cost_ms = cost_ms;
	m->s = sched_new((struct sched_options){ .seed = 42 }, (struct mono){ m->now_ms });
}

static void add(struct site *m, const char *bus, int64_t period_ms, bool dead)
{
	struct unit_model *u = &m->units[m->n];
	*u = (struct unit_model){ .dead = dead, .ends_ms = -1, .last_start_ms = -1 };
	u->number = sched_add(m->s, bus, 1, period_ms, (struct mono){ m->now_ms });
	m->by_number[u->number] = m->n++;
}

static void run(struct site *m, int64_t ms)
{
	for (int64_t end = m->now_ms + ms; m->now_ms < end; m->now_ms += 10) {
		for (size_t i = 0; i < m->n; i++) {
			struct unit_model *u = &m->units[i];
			if (u->ends_ms < 0 || u->ends_ms > m->now_ms)
				continue;
			u->ends_ms = -1;
			sched_end(m->s, u->number, u->dead ? CYCLE_SILENT : CYCLE_ANSWERED, (struct mono){ m->now_ms });
		}
		uint32_t number;
		bool trial;
		while (sched_begin(m->s, (struct mono){ m->now_ms }, &number, &trial)) {
			struct unit_model *u = &m->units[m->by_number[number]];
			assert_true(u->ends_ms < 0);
			if (u->last_start_ms >= 0 && m->now_ms - u->last_start_ms > u->gap_max_ms)
				u->gap_max_ms = m->now_ms - u->last_start_ms;
			u->last_start_ms = m->now_ms;
			u->starts++;
			u->ends_ms = m->now_ms + (u->dead ? DEADLINE_MS : m->cost_ms);
		}
	}
}

static struct sched_state state_of(struct site *m, size_t i)
{
	struct sched_state st;
	sched_state(m->s, m->units[i].number, &st);
	return st;
}

static void reset_gaps(struct site *m)
{
	for (size_t i = 0; i < m->n; i++)
		m->units[i].gap_max_ms = 0, m->units[i].starts = 0;
}

/* R1: a line that is just full with living units; one of them dies. */
static void one_dead_unit_costs_five_percent(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 100);
	for (size_t i = 0; i < 9; i++)
		add(&m, "gw", 1000, false);
	add(&m, "gw", 1000, true);
	run(&m, 20000);
	assert_int_equal(state_of(&m, 9).breaker, BREAKER_OPEN);
	reset_gaps(&m);
	run(&m, 600000);
	for (size_t i = 0; i < 9; i++)
		assert_true(m.units[i].starts * 105 >= 600 * 100);        /* mean period <= 1.05 s */
	assert_true(m.units[9].starts >= 4 && m.units[9].starts <= 10);   /* at most one trial a minute */
	sched_free(m.s);
}

/* Many dead units on one line: their trials together stay below 5 % of the line. */
static void many_dead_units(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 20);
	for (size_t i = 0; i < 20; i++)
		add(&m, "line", 2000, i >= 10);
	run(&m, 90000);
	reset_gaps(&m);
	run(&m, 600000);
	for (size_t i = 0; i < 10; i++)
		assert_true(m.units[i].starts * 105 >= 300 * 100);
	uint64_t trials = 0;
	for (size_t i = 10; i < 20; i++)
		trials += m.units[i].starts;
	assert_true(trials * DEADLINE_MS <= 600000 / 20 + DEADLINE_MS && trials > 10);
	sched_free(m.s);
}

/* Other buses do not notice at all; from cold start every living unit keeps its period to the tick. */
static void other_buses_are_untouched(void **state)
{
	(void)state;
	struct site m;
	char name[16];
	begin(&m, 10);
	for (size_t i = 0; i < 100; i++) {
		snprintf(name, sizeof name, "host-%zu", i);
		add(&m, name, 1000, i % 5 == 0);
	}
	run(&m, 120000);
	for (size_t i = 0; i < 100; i++) {
		if (m.units[i].dead)
			continue;
		assert_true(m.units[i].gap_max_ms <= 1010);
		assert_true(m.units[i].starts >= 119);
		assert_int_equal(state_of(&m, i).late, 0);
	}
	sched_free(m.s);
}

static void comes_back(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 10);
	add(&m, "a", 1000, true);
	run(&m, 10000);
	assert_int_equal(state_of(&m, 0).breaker, BREAKER_OPEN);
	assert_int_equal(m.units[0].starts, 3);
	m.units[0].dead = false;
	run(&m, 76000);
	assert_int_equal(state_of(&m, 0).breaker, BREAKER_CLOSED);
	uint64_t n = m.units[0].starts;
	run(&m, 10000);
	assert_true(m.units[0].starts >= n + 10);
	sched_free(m.s);
}

static void phases_are_spread(void **state)
{
	(void)state;
	struct site m;
	unsigned per_tick[100] = { 0 };
	begin(&m, 0);
	for (size_t i = 0; i < 200; i++) {
		char name[16];
		snprintf(name, sizeof name, "h%zu", i);
		add(&m, name, 1000, false);
	}
	run(&m, 3000);
	for (size_t i = 0; i < 200; i++)
		per_tick[m.units[i].last_start_ms / 10 % 100]++;
	for (size_t i = 0; i < 100; i++)
		assert_in_range(per_tick[i], 1, 3);
	sched_free(m.s);
}

/* A slow period begins within a second of start, then keeps its own phase. */
static void first_cycle_is_soon(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 10);
	for (size_t i = 0; i < 50; i++) {
		char name[16];
		snprintf(name, sizeof name, "h%zu", i);
		add(&m, name, 60000, false);
	}
	run(&m, 1010);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(m.units[i].starts, 1);
	run(&m, 75000);
	for (size_t i = 0; i < 50; i++)
		assert_in_range(m.units[i].starts, 2, 3);
	reset_gaps(&m);
	run(&m, 600000);
	for (size_t i = 0; i < 50; i++)
		assert_int_equal(m.units[i].starts, 10);
	sched_free(m.s);
}

/* Looking ten thousand devices over takes its time: they begin one crowd after the other, and none misses a beat by it. */
static void a_crowd_begins_in_turns(void **state)
{
	(void)state;
	enum { CROWD = 5000, A_SECOND = 2000 };
	static const struct period { const char *name; int64_t ms; } periods[] = { { "the spread itself", 1000 }, { "shorter", 300 }, { "longer, off the beat", 7000 } };
	for (size_t k = 0; k < countof(periods); k++) {
		struct sched *s = sched_new((struct sched_options){ .seed = 1 }, (struct mono){ 1000 });
		size_t begun = 0, in_tick;
		uint32_t unit, running[CROWD];
		bool trial;
		char bus[16];
		for (size_t i = 0; i < CROWD; i++) {
			snprintf(bus, sizeof bus, "h%zu", i);
			row_check(&periods[k], sched_add(s, bus, 1, periods[k].ms, (struct mono){ 1000 }) == i);
		}
		for (int64_t now = 1000; now <= 1000 + 3 * 1000; now += 10) {
			struct sched_state st;
			for (in_tick = 0; sched_begin(s, (struct mono){ now }, &unit, &trial);) {
				sched_state(s, unit, &st);
				begun += st.cycles == 1;
				running[in_tick++] = unit;
			}
			for (size_t i = 0; i < in_tick; i++)
				sched_end(s, running[i], CYCLE_ANSWERED, (struct mono){ now });
			row_check(&periods[k], begun <= (size_t)(now - 1000) * A_SECOND / 1000 + A_SECOND / 10);
		}
		row_check(&periods[k], begun == CROWD);
		for (uint32_t i = 0; i < CROWD; i++) {
			struct sched_state st;
			sched_state(s, i, &st);
			row_check(&periods[k], st.late == 0);
		}
		sched_free(s);
	}
}

static void overrun_skips_beats(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 2500);
	add(&m, "slow", 1000, false);
	run(&m, 30000);
	struct sched_state st = state_of(&m, 0);
	assert_in_range(st.cycles, 9, 11);
	assert_in_range(st.late, 18, 21);
	sched_free(m.s);
}

static void pause_makes_no_burst(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 0);
	add(&m, "a", 1000, false);
	run(&m, 5000);
	uint64_t n = m.units[0].starts;
	m.now_ms += 3600000;      /* suspended for an hour (F-host-13) */
	run(&m, 1000);
	assert_in_range(m.units[0].starts - n, 1, 2);
	sched_free(m.s);
}

/* A cycle more in between: the beats stay, and it is refused where it would say nothing new. */
static void early_cycle_keeps_the_beat(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 20);
	add(&m, "a", 10000, false);
	add(&m, "b", 10000, true);
	run(&m, 60000);
	struct sched_state before = state_of(&m, 0);
	int64_t beat = before.next.ms;
	run(&m, beat - m.now_ms - 5000);         /* in the middle between two beats */
	assert_true(sched_early(m.s, m.units[0].number, (struct mono){ m.now_ms }));
	run(&m, 100);
	assert_int_equal(state_of(&m, 0).cycles, before.cycles + 1);
	assert_int_equal(state_of(&m, 0).next.ms, beat);
	run(&m, beat - m.now_ms - 100);
	assert_false(sched_early(m.s, m.units[0].number, (struct mono){ m.now_ms }));   /* its own turn is that near */
	run(&m, 200);
	assert_int_equal(state_of(&m, 0).cycles, before.cycles + 2);
	assert_int_equal(state_of(&m, 0).next.ms, beat + 10000);
	assert_int_equal(state_of(&m, 0).late, 0);
	assert_int_equal(state_of(&m, 1).breaker, BREAKER_OPEN);
	assert_false(sched_early(m.s, m.units[1].number, (struct mono){ m.now_ms }));   /* one trial a minute is a promise */
	sched_free(m.s);
}

static void units_come_and_go(void **state)
{
	(void)state;
	struct site m;
	begin(&m, 100);
	for (size_t i = 0; i < 5; i++)
		add(&m, "gw", 1000, false);
	run(&m, 5050);
	uint64_t starts = m.units[4].starts;
	int64_t last = m.units[4].last_start_ms;
	for (size_t i = 0; i < 4; i++)
		sched_remove(m.s, m.units[i].number);
	m.units[0] = m.units[4];
	m.by_number[m.units[0].number] = 0;
	m.n = 1;
	run(&m, 10000);
	assert_int_equal(m.units[0].starts, starts + 10);       /* untouched: same beat */
	assert_int_equal((m.units[0].last_start_ms - last) % 1000 / 500, 0);
	sched_remove(m.s, m.units[0].number);
	assert_true(sched_next(m.s).ms == INT64_MAX);
	sched_free(m.s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_dead_unit_costs_five_percent), cmocka_unit_test(many_dead_units), cmocka_unit_test(other_buses_are_untouched),
		cmocka_unit_test(comes_back), cmocka_unit_test(phases_are_spread), cmocka_unit_test(first_cycle_is_soon), cmocka_unit_test(a_crowd_begins_in_turns),
		cmocka_unit_test(overrun_skips_beats), cmocka_unit_test(pause_makes_no_burst), cmocka_unit_test(early_cycle_keeps_the_beat), cmocka_unit_test(units_come_and_go),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
