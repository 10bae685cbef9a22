/* The physics adds up: closed form against brute force, parents against children, whole milliwatt-hours. */
#include "tests/unit/test.h"
#include <stdlib.h>
#include "tests/sim/fleet.h"
#include "tests/sim/registers.h"

#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)

static struct wall at(int64_t ms)
{
	return (struct wall){ SIM_EPOCH_MS + ms };
}

static void go(struct model *m, int64_t ms)
{
	struct err err = { 0 };
	if (!model_at(m, at(ms), &err))
		fail_msg("%s", err.text);
}

/* Start, length and step of brute-force sums; the step divides a minute or is one. */
static const struct row { const char *name; int64_t from_ms, minutes; } spans[] = {
	{ "from the epoch", 0, 180 },
	{ "over a midnight", 31 * DAY_MS - HOUR_MS, 120 },
	{ "over a year's end", 396 * DAY_MS - HOUR_MS / 2, 60 },
	{ "a summer day", 230 * DAY_MS, 1440 },
	{ "far ahead", 3000 * DAY_MS + 7 * 60000, 30 },
};

static void closed_form_is_the_integral(void **state)
{
	(void)state;
	struct model *m = model_new(7);
	for (size_t r = 0; r < countof(spans); r++) {
		int n = model_nodes(m);
		int64_t before[SIM_NODES_MAX], sum[SIM_NODES_MAX] = { 0 };
		go(m, spans[r].from_ms);
		for (int i = 0; i < n; i++)
			before[i] = model_energy_exact(m, i);
		for (int64_t minute = 0; minute < spans[r].minutes; minute++) {
			go(m, spans[r].from_ms + minute * 60000 + 31);   /* any time in the minute: power is constant there */
			for (int i = 0; i < n; i++)
				sum[i] += model_power_mw(m, i) / 60 * 60000;
		}
		go(m, spans[r].from_ms + spans[r].minutes * 60000);
		for (int i = 0; i < n; i++)
			if (model_energy_exact(m, i) - before[i] != sum[i])
				fail_msg("row \"%s\": %s: %lld, sum of minutes %lld", spans[r].name, model_node(m, i)->id,
					 (long long)(model_energy_exact(m, i) - before[i]), (long long)sum[i]);
	}
	model_free(m);
}

static void energy_is_linear_inside_a_minute(void **state)
{
	(void)state;
	struct model *m = model_new(1);
	int64_t minute = 100 * DAY_MS + 13 * 60000;
	go(m, minute);
	int64_t start = model_energy_exact(m, 0), power = model_power_mw(m, 0) / 60;
	for (int64_t ms = 0; ms < 60000; ms += 997) {
		go(m, minute + ms);
		assert_int_equal(model_energy_exact(m, 0) - start, power * ms);
	}
	model_free(m);
}

static void parents_are_children_and_loss(void **state)
{
	(void)state;
	struct model *m = model_new(3);
	for (int64_t t = 0; t < 400 * DAY_MS; t += 11 * DAY_MS + 12345678) {
		go(m, t);
		int64_t children[SIM_NODES_MAX] = { 0 }, total = 0, it = 0;
		for (int i = model_nodes(m) - 1; i >= 0; i--) {
			const struct node *n = model_node(m, i);
			int64_t power = model_power_mw(m, i), loss = power - children[i];
			assert_true(power > 0);
			if (n->kind == NODE_TRANSFORMER)
				assert_int_equal(loss, 0);
			if (n->kind == NODE_UPS_IN)    /* efficiency within 0.94 .. 0.985 */
				assert_true(children[i] * 1000 > power * 940 && children[i] * 1000 < power * 985);
			if (n->kind == NODE_UPS_OUT)
				assert_true(loss > 0 && loss * 100 < power);
			if (n->kind == NODE_UTILITY)
				assert_true(loss > 0 && loss * 50 < power);
			if (n->parent >= 0)
				children[n->parent] += power;
			total += n->kind == NODE_UTILITY ? power : 0;
			it += n->kind == NODE_ROW ? power : 0;
		}
		assert_true(total > it && total * 10 < it * 16);
	}
	model_free(m);
}

static void racks_are_their_cabinets(void **state)
{
	(void)state;
	struct model *m = model_new(1);
	for (int64_t t = 59 * 60000; t < 300 * DAY_MS; t += 37 * DAY_MS + 7 * 60000) {
		go(m, t);   /* whole minutes: whole mW.h */
		for (int i = 0; i < model_nodes(m); i++) {
			const struct node *n = model_node(m, i);
			int64_t power = 0, energy = 0;
			assert_int_equal(model_energy_exact(m, i) % 60000, 0);
			if (n->kind != NODE_ROW)
				continue;
			for (int k = 0; k < SIM_RACKS_A_ROW; k++) {
				power += model_rack_power_mw(m, n->row * SIM_RACKS_A_ROW + k, n->side);
				energy += model_rack_energy_mwh(m, n->row * SIM_RACKS_A_ROW + k, n->side);
			}
			assert_int_equal(power, model_power_mw(m, i));
			assert_int_equal(energy, model_energy_mwh(m, i));
		}
	}
	model_free(m);
}

static void order_of_asking_does_not_matter(void **state)
{
	(void)state;
	struct model *forth = model_new(5), *back = model_new(5), *other = model_new(6);
	enum { TIMES = 40 };
	int64_t there[TIMES], differing = 0;
	for (int i = 0; i < TIMES; i++) {
		go(forth, i * (9 * DAY_MS + 1234567));
		there[i] = model_energy_exact(forth, 0);
		go(other, i * (9 * DAY_MS + 1234567));
		differing += model_energy_exact(other, 0) != there[i];
	}
	for (int i = TIMES - 1; i >= 0; i--) {
		go(back, i * (9 * DAY_MS + 1234567));
		assert_int_equal(model_energy_exact(back, 0), there[i]);
	}
	assert_int_equal(differing, TIMES - 1);   /* another seed is another site; at the epoch all are 0 */
	model_free(forth);
	model_free(back);
	model_free(other);
}

static void a_year_is_a_good_data_center(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 4; seed++) {
		struct model *m = model_new(seed);
		int64_t sums[2][3] = { { 0 } };   /* total, IT, compute */
		for (int end = 0; end < 2; end++) {
			go(m, (31 + end * 365) * DAY_MS);
			for (int i = 0; i < model_nodes(m); i++) {
				const struct node *n = model_node(m, i);
				sums[end][0] += n->kind == NODE_UTILITY ? model_energy_mwh(m, i) : 0;
				sums[end][1] += n->kind == NODE_ROW ? model_energy_mwh(m, i) : 0;
				sums[end][2] += n->kind == NODE_ROW && model_row_function(n->row) == ROW_COMPUTE ? model_energy_mwh(m, i) : 0;
			}
		}
		int64_t total = sums[1][0] - sums[0][0], it = sums[1][1] - sums[0][1], compute = sums[1][2] - sums[0][2];
		assert_true(total * 1000 > it * 1225 && total * 1000 < it * 1243);
		assert_true(compute * 100 > it * 77 && compute * 100 < it * 83);
		model_free(m);
	}
}

static void outside_the_years_is_refused(void **state)
{
	(void)state;
	struct model *m = model_new(1);
	struct err err = { 0 };
	assert_false(model_at(m, at(-1), &err));
	assert_int_equal(err.kind, ERR_RANGE);
	assert_false(model_at(m, at(SIM_DAYS * DAY_MS), &err));
	model_free(m);
}

static const struct fault_row_test { const char *text, *error; enum fault_kind kind; int64_t arg, from_ms, to_ms; } faults[] = {
	{ "ups-1=dead", NULL, FAULT_DEAD, 0, 1000, INT64_MAX },
	{ "pdu-*%20=slow:250@5s..7.5s", NULL, FAULT_SLOW, 250, 6000, 8500 },
	{ "a=counter-reset@2026-01-01T00:00:00+08:00", NULL, FAULT_COUNTER_RESET, 0, 1767196800000, INT64_MAX },
	{ "a=exception:6@..3s", NULL, FAULT_EXCEPTION, 6, 1000, 4000 },
	{ "a", "not DEVICE=KIND", 0, 0, 0, 0 },
	{ "a=ded", "no fault is called", 0, 0, 0, 0 },
	{ "a=slow:x", "not a number", 0, 0, 0, 0 },
	{ "a%0=dead", "percent", 0, 0, 0, 0 },
	{ "a=dead@noon", "fault `a=dead@noon`", 0, 0, 0, 0 },
};

static void faults_are_read(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(faults); i++) {
		struct err err = { 0 };
		struct fault f;
		bool good = fault_parse(faults[i].text, (struct wall){ 1000 }, &f, &err);
		if (good != !faults[i].error || (!good && !strstr(err.text, faults[i].error)))
			fail_msg("row \"%s\": %s", faults[i].text, err.text);
		if (good && (f.kind != faults[i].kind || f.arg != faults[i].arg || f.from.ms != faults[i].from_ms || f.to.ms != faults[i].to_ms))
			fail_msg("row \"%s\" is read otherwise", faults[i].text);
	}
}

/* Every register of energy through faults, at times beside FROM. */
static void registers_follow_their_faults(void **state)
{
	(void)state;
	struct model *m = model_new(1);
	struct err err = { 0 };
	struct fleet *f = fleet_new(m, 1, (struct fleet_size){ .racks_polled = 32 }, &err);
	struct wall from = at(40 * DAY_MS);
	char texts[3][64] = { "rc-h1r1a=counter-reset", "rc-h1r2a=wrap", "rc-h1r3a=frozen" };
	for (int i = 0; i < 3; i++) {
		struct fault fault;
		assert_true(fault_parse(texts[i], from, &fault, &err));
		assert_true(fleet_fault_add(f, &fault, &err));
	}
	int64_t before[3], then[3], after[3];
	const char *ids[] = { "rc-h1r1a", "rc-h1r2a", "rc-h1r3a" };
	for (int i = 0; i < 3; i++) {
		assert_true(fleet_register(f, fleet_find(f, ids[i]), (struct wall){ from.ms - 60000 }, &before[i]));
		assert_true(fleet_register(f, fleet_find(f, ids[i]), from, &then[i]));
		assert_true(fleet_register(f, fleet_find(f, ids[i]), (struct wall){ from.ms + 3600000 }, &after[i]));
	}
	assert_true(before[0] > 1000 && then[0] == 0 && after[0] > 1000 && after[0] < 10000);
	assert_true(before[1] > (INT64_C(1) << 32) - 100 && then[1] == 0 && after[1] > 1000);
	assert_true(before[2] < then[2] && then[2] == after[2]);
	fleet_free(f);
	model_free(m);
}

static const struct pdu_row { const char *name, *device; uint8_t request[6]; size_t len; uint8_t answer[8]; size_t answer_len; } pdus[] = {
	{ "signature of a cabinet", "rc-h1r1a", { 3, 0, 0, 0, 3 }, 5, { 3, 6, 0x52, 0x43, 0, 1, 0, 32 }, 8 },
	{ "the same as input registers", "rc-h1r1a", { 4, 0, 0, 0, 3 }, 5, { 4, 6, 0x52, 0x43, 0, 1, 0, 32 }, 8 },
	{ "breakers", "rc-h1r1a", { 2, 0, 0, 0, 11 }, 5, { 2, 2, 0xff, 0x07 }, 4 },
	{ "no coils", "rc-h1r1a", { 1, 0, 0, 0, 1 }, 5, { 0x81, 1 }, 2 },
	{ "writing is unknown", "rc-h1r1a", { 6, 0, 0, 0, 1 }, 5, { 0x86, 1 }, 2 },
	{ "none is no count", "rc-h1r1a", { 3, 0, 0, 0, 0 }, 5, { 0x83, 3 }, 2 },
	{ "126 are too many", "rc-h1r1a", { 3, 0, 0, 0, 126 }, 5, { 0x83, 3 }, 2 },
	{ "outside the map", "utility-a", { 3, 0, 0, 0, 2 }, 5, { 0x83, 2 }, 2 },
	{ "last registers of the map", "chiller-1-plc", { 3, 1, 0x8e, 0, 2 }, 5, { 3, 4, 0, 0, 0, 0 }, 6 },
	{ "one past the map", "chiller-1-plc", { 3, 1, 0x8f, 0, 2 }, 5, { 0x83, 2 }, 2 },
	{ "metric units", "chiller-1-plc", { 3, 1, 0x3b, 0, 1 }, 5, { 3, 2, 0, 1 }, 4 },
	{ "no input registers", "utility-a", { 4, 0x0b, 0xf3, 0, 2 }, 5, { 0x84, 1 }, 2 },
	{ "a request cut short", "rc-h1r1a", { 3, 0, 0, 0 }, 4, { 0x83, 3 }, 2 },
	{ "no identification", "chiller-1", { 0x2b, 0x0e, 1, 0 }, 4, { 0xab, 1 }, 2 },
};

static void requests_are_answered(void **state)
{
	(void)state;
	struct model *m = model_new(1);
	struct err err = { 0 };
	struct fleet *f = fleet_new(m, 1, (struct fleet_size){ .racks_polled = 32 }, &err);
	for (size_t i = 0; i < countof(pdus); i++) {
		uint8_t out[MODBUS_PDU_MAX];
		size_t len = registers_answer(f, fleet_find(f, pdus[i].device), at(DAY_MS), pdus[i].request, pdus[i].len, out);
		row_check(&pdus[i], len == pdus[i].answer_len);
		row_check(&pdus[i], !memcmp(out, pdus[i].answer, len));
	}
	fleet_free(f);
	model_free(m);
}

/* Ids, addresses with units, and serial numbers are each one device's own, at both scales. */
static void devices_are_distinct(void **state)
{
	(void)state;
	struct model *m = model_new(1);
	struct err err = { 0 };
	struct fleet *f = fleet_new(m, 1, (struct fleet_size){ SIM_RACKS, 700, true }, &err);
	assert_true(f->n > 3000);
	for (size_t i = 0; i < f->n; i++) {
		const struct sim_device *a = &f->devices[i];
		assert_int_equal(a->address >> 24, 127);
		for (size_t k = 0; k < i; k++) {
			const struct sim_device *b = &f->devices[k];
			if (!strcmp(a->id, b->id) || !strcmp(a->serial, b->serial) || (a->address == b->address && a->unit == b->unit))
				fail_msg("%s and %s are alike", a->id, b->id);
		}
	}
	fleet_free(f);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(closed_form_is_the_integral), cmocka_unit_test(energy_is_linear_inside_a_minute),
		cmocka_unit_test(parents_are_children_and_loss), cmocka_unit_test(racks_are_their_cabinets),
		cmocka_unit_test(order_of_asking_does_not_matter), cmocka_unit_test(a_year_is_a_good_data_center),
		cmocka_unit_test(outside_the_years_is_refused), cmocka_unit_test(faults_are_read),
		cmocka_unit_test(registers_follow_their_faults), cmocka_unit_test(requests_are_answered), cmocka_unit_test(devices_are_distinct),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
