/* Series keep their numbers and texts; what the store was not told stays untold until it took it; only what is watched keeps its last sample. */
#include "tests/unit/test.h"
#include "agent/registry.h"

static const struct registry_facts volts = { .row = { .quantity = Q_VOLTAGE, .count = { 1, 1 } }, .raw_factor = { 100, 1 } };
static const struct registry_facts meter = { .row = { .quantity = Q_ENERGY, .count = { 10000, 1 }, .label = "Main", .device = 3 }, .modulus = 1000000, .raw_factor = { 1, 1 } };

static void numbers_and_texts(void **state)
{
	(void)state;
	enum { MANY = 5000 };
	struct registry *r = registry_new();
	char id[40];
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "d%u/v", i);
		assert_int_equal(registry_reserve(r, id, i % 2 ? &volts : &meter), i);
	}
	assert_int_equal(registry_count(r), MANY);
	for (uint32_t i = 0; i < MANY; i++) {
		snprintf(id, sizeof id, "d%u/v", i);
		assert_int_equal(registry_find(r, id), i);
		assert_string_equal(registry_id(r, i), id);
		struct registry_facts f = registry_facts(r, i);
		const struct registry_facts *want = i % 2 ? &volts : &meter;
		assert_true(f.row.quantity == want->row.quantity && f.row.count.num == want->row.count.num && f.modulus == want->modulus &&
			    f.raw_factor.num == want->raw_factor.num && f.row.device == want->row.device);
		assert_true(i % 2 ? !f.row.label : !strcmp(f.row.label, "Main"));
	}
	assert_int_equal(registry_find(r, "d5000/v"), UINT32_MAX);
	assert_int_equal(registry_facts(r, MANY).row.count.den, 0);
	registry_free(r);
}

/* The store had no memory for them: they are offered again, with what came meanwhile. */
static void untold_until_told(void **state)
{
	(void)state;
	struct registry *r = registry_new();
	size_t from = 99;
	assert_false(registry_untold(r, &from));
	registry_reserve(r, "a/v", &volts);
	assert_true(registry_untold(r, &from) && from == 0);
	registry_reserve(r, "b/v", &volts);
	assert_true(registry_untold(r, &from) && from == 0);
	registry_told(r);
	assert_false(registry_untold(r, &from));
	registry_reserve(r, "a/v", &meter);
	assert_false(registry_untold(r, &from));          /* known: nothing new */
	registry_reserve(r, "c/v", &volts);
	assert_true(registry_untold(r, &from) && from == 2);
	registry_free(r);
}

static const struct point point;
static struct bound_point energy = { .name = "e", .quantity = Q_ENERGY, .count = { 0, 1 }, .modulus = 0, .point = &point };

static void another_meaning(void **state)
{
	(void)state;
	struct bound b = { .points = &energy, .n = 1 };
	struct registry *r = registry_new();
	size_t from;
	energy.count = (struct ratio){ 0, 1 };
	assert_int_equal(registry_point(r, "m", 1, &b, 0), 0);
	registry_reserve(r, "n/v", &volts);
	registry_told(r);
	energy.count = (struct ratio){ 1000, 1 };
	registry_point(r, "m", 1, &b, 0);
	assert_true(registry_untold(r, &from) && from == 0);
	assert_true(registry_learnt(r) && !registry_remeant(r));          /* it was not known before */
	registry_told(r);
	energy.count = (struct ratio){ 10, 1 };
	registry_point(r, "m", 2, &b, 0);
	assert_true(registry_remeant(r) && registry_untold(r, &from) && from == 0);
	assert_int_equal(registry_facts(r, 0).row.count.num, 10);
	assert_int_equal(registry_facts(r, 0).row.device, 2);
	assert_true(registry_remeant(r));                 /* until the ledger goes on with it */
	registry_rewired(r);
	assert_false(registry_learnt(r) || registry_remeant(r));
	registry_free(r);
}

static void last_of_the_watched(void **state)
{
	(void)state;
	struct registry *r = registry_new();
	registry_reserve(r, "a/v", &volts);
	registry_reserve(r, "b/v", &volts);
	assert_true(registry_watch(r, 1) && registry_watch(r, 1) && registry_watch(r, UINT32_MAX) && registry_watch(r, 7));
	assert_null(registry_last(r, 1));
	const struct sample samples[] = { { .series = 0, .value = 5 }, { .series = 1, .value = 6 }, { .series = 1, .value = 7 }, { .series = 9 } };
	registry_keep(r, samples, countof(samples));
	assert_null(registry_last(r, 0));
	assert_null(registry_last(r, 9));
	assert_int_equal(registry_last(r, 1)->value, 7);
	registry_free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(numbers_and_texts), cmocka_unit_test(untold_until_told), cmocka_unit_test(another_meaning), cmocka_unit_test(last_of_the_watched) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
