/* What a device says: model values as quantities of its kind. */
#include "tests/sim/fleet.h"
#include <stdlib.h>
#include <string.h>

enum { MILLION = 1000000, RATED_UPS_W = 600000 };

struct sight { struct fleet *f; const struct sim_device *d; struct wall t; };

static int64_t scaled(int64_t value, int64_t by, int64_t over)
{
	return over ? (int64_t)((__int128)value * by / over) : 0;
}

static int64_t chance(const struct sight *s, int what, int64_t period_ms, int64_t amplitude)
{
	return scaled(sim_chance(s->d->chance, (uint64_t)what, (uint64_t)(s->t.ms / period_ms)), amplitude, MILLION);
}

static int64_t power(const struct sight *s)
{
	return s->d->rack >= 0 ? model_rack_power_mw(s->f->model, s->d->rack, s->d->side) : s->d->node >= 0 ? model_power_mw(s->f->model, s->d->node) : 0;
}

static int64_t energy(const struct sight *s)
{
	int64_t mwh = s->d->rack >= 0 ? model_rack_energy_mwh(s->f->model, s->d->rack, s->d->side)
		      : s->d->node >= 0 ? model_energy_mwh(s->f->model, s->d->node) : 0;
	return mwh + s->d->offset_mwh;
}

static int64_t factor(const struct sight *s)
{
	return 975000 + sim_chance(s->d->chance, 1, 0) / 60;
}

static int64_t voltage(const struct sight *s, int phase)
{
	bool high = s->d->node >= 0 && model_node(s->f->model, s->d->node)->kind == NODE_UTILITY;
	int64_t base = high ? 5773500 : 230400;   /* 10 kV feeds, 400 V below */
	uint64_t where = (uint64_t)(8000 + s->d->side * 4 + phase);
	return base + scaled(sim_chance(s->f->seed, where, (uint64_t)(s->t.ms / 10000)), base, 100 * (int64_t)MILLION);
}

/* Phases are a little uneven; the third takes the rest, so that phases add up to the total. */
static int64_t phase_power(const struct sight *s, int phase, int64_t total)
{
	int64_t first = scaled(total, 333333 + sim_chance(s->d->chance, 2, 0) / 40, MILLION);
	int64_t second = scaled(total, 333333 + sim_chance(s->d->chance, 3, 0) / 40, MILLION);
	return phase == 0 ? first : phase == 1 ? second : total - first - second;
}

static int64_t current(const struct sight *s, int64_t power_mw, int phase)
{
	return scaled(scaled(power_mw, 1000, voltage(s, phase)), MILLION, factor(s));
}

static int64_t reactive(const struct sight *s)
{
	return scaled(power(s), 225000 - sim_chance(s->d->chance, 1, 0) / 13, MILLION);
}

/* Branch n of a cabinet is the feed of the n-th rack of its row. */
static int branch_rack(const struct sight *s, int branch)
{
	return model_node(s->f->model, s->d->node)->row * SIM_RACKS_A_ROW + branch;
}

static int64_t branch_power(const struct sight *s, int branch)
{
	return model_rack_power_mw(s->f->model, branch_rack(s, branch), s->d->side);
}

static int64_t branch_energy(const struct sight *s, int branch)
{
	return model_rack_energy_mwh(s->f->model, branch_rack(s, branch), s->d->side) +
	       ((int64_t)sim_chance(s->d->chance, 20, (uint64_t)branch) + MILLION) * 20000;
}

enum { OUTLETS = 12 };
struct share { int64_t before, own, sum; };
static struct share outlet_share(const struct sight *s, int outlet)
{
	struct share share = { 0 };
	for (int i = 0; i < OUTLETS; i++) {
		int64_t weight = 1500000 + sim_chance(s->d->chance, 21, (uint64_t)i);
		share.before += i < outlet ? weight : 0;
		share.own = i == outlet ? weight : share.own;
		share.sum += weight;
	}
	return share;
}

/* Cuts of the whole, so that outlets add up. */
static int64_t outlet_power(const struct sight *s, int outlet)
{
	struct share share = outlet_share(s, outlet);
	return scaled(power(s), share.before + share.own, share.sum) - scaled(power(s), share.before, share.sum);
}

/* Never falls, as a difference of two cuts might by one. */
static int64_t outlet_energy(const struct sight *s, int outlet)
{
	struct share share = outlet_share(s, outlet);
	return scaled(energy(s), share.own, share.sum);
}

static int64_t ups_input(const struct sight *s)
{
	return s->d->node > 0 ? model_power_mw(s->f->model, model_node(s->f->model, s->d->node)->parent) : 0;
}

static int64_t leaving(const struct sight *s)
{
	return model_chiller_runs(s->f->model, s->d->unit_no) ? 13000 + chance(s, 30, 60000, 300) : 16500 + chance(s, 30, 60000, 100);
}

static int64_t capacity(const struct sight *s)
{
	return model_chiller_runs(s->f->model, s->d->unit_no) ? scaled(power(s), MILLION, 260000000) : 0;
}

static int64_t value(const struct sight *s, enum point point, int i)
{
	int64_t mw = power(s);
	switch (point) {
	case PT_CONST:
		return i;
	case PT_POWER:
		return mw;
	case PT_APPARENT:
		return scaled(mw, MILLION, factor(s));
	case PT_REACTIVE:
		return reactive(s);
	case PT_FACTOR:
		return factor(s);
	case PT_ENERGY:
		return energy(s);
	case PT_FREQUENCY:
		return 50000 + scaled(sim_chance(s->f->seed, 8100, (uint64_t)(s->t.ms / 5000)), 20, MILLION);
	case PT_VOLTAGE:
		return voltage(s, i);
	case PT_VOLTAGE_LL:
		return scaled(voltage(s, i) + voltage(s, (i + 1) % 3), 866025, MILLION);
	case PT_VOLTAGE_MEAN:
		return (voltage(s, 0) + voltage(s, 1) + voltage(s, 2)) / 3;
	case PT_CURRENT:
		return s->d->rack >= 0 ? current(s, mw, i) : current(s, phase_power(s, i, mw), i);
	case PT_CURRENT_MEAN:
		return (current(s, phase_power(s, 0, mw), 0) + current(s, phase_power(s, 1, mw), 1) + current(s, phase_power(s, 2, mw), 2)) / 3;
	case PT_PHASE_POWER:
		return phase_power(s, i, mw);
	case PT_PHASE_APPARENT:
		return scaled(phase_power(s, i, mw), MILLION, factor(s));
	case PT_BRANCH_CURRENT:
		return current(s, branch_power(s, i), i % 3);
	case PT_BRANCH_POWER:
		return branch_power(s, i);
	case PT_BRANCH_ENERGY:
		return branch_energy(s, i);
	case PT_OUTLET_CURRENT:
		return current(s, outlet_power(s, i), 0);
	case PT_OUTLET_POWER:
		return outlet_power(s, i);
	case PT_OUTLET_ENERGY:
		return outlet_energy(s, i);
	case PT_LEAVING:
		return leaving(s);
	case PT_ENTERING:
		return leaving(s) + scaled(6000, capacity(s), MILLION);
	case PT_CAPACITY:
		return capacity(s);
	case PT_RUNNING:
		return model_chiller_runs(s->f->model, s->d->unit_no);
	case PT_LOAD:
		return scaled(mw, MILLION, RATED_UPS_W * INT64_C(1000));
	case PT_INPUT_POWER:
		return phase_power(s, i, ups_input(s));
	case PT_INPUT_CURRENT:
		return current(s, phase_power(s, i, ups_input(s)), i);
	case PT_BATTERY_MINUTES:
		return 9 + scaled(RATED_UPS_W * INT64_C(1000) - mw, 20, RATED_UPS_W * INT64_C(1000));
	case PT_BATTERY_TEMPERATURE:
		return 24000 + chance(s, 31, 3600000, 1500);
	case PT_TEMPERATURE:
		return 23500 + chance(s, 32, 300000, 900) + sim_chance(s->d->chance, 33, 0) / 800;
	case PT_HUMIDITY:
		return 45000 + chance(s, 34, 600000, 6000) + scaled(model_outdoor_mc(s->f->model), 150, 1000);
	case PT_COOLING:
		return 16500000 + chance(s, 35, 300000, 2500000);
	case PT_AIR_SUPPLY:
		return 20500 + chance(s, 36, 300000, 700);
	case PT_AIR_RETURN:
		return 33500 + chance(s, 37, 300000, 1500);
	case PT_FLOW:
		return 780 + chance(s, 38, 300000, 60);   /* ml/s */
	case PT_SERIAL:
		return strtoll(s->d->serial, NULL, 10);
	case PT_UPTIME:
		return (s->t.ms - s->f->start_ms) / 10;
	}
	return 0;
}

int64_t sim_counts(enum point point, int64_t value, int64_t num, int64_t den)
{
	bool cut = point == PT_ENERGY || point == PT_BRANCH_ENERGY || point == PT_OUTLET_ENERGY;
	int64_t half = cut ? 0 : value < 0 ? -den / 2 : den / 2;
	return (value * num + half) / den;
}

/* ---- faults of value ---- */

/* What goes through the current transformers. */
static bool by_ratio(enum point point)
{
	static const enum point points[] = { PT_POWER, PT_APPARENT, PT_REACTIVE, PT_CURRENT, PT_CURRENT_MEAN, PT_PHASE_POWER, PT_PHASE_APPARENT };
	for (size_t i = 0; i < countof(points); i++)
		if (points[i] == point)
			return true;
	return false;
}

static bool counted(struct fleet *f, const struct sim_device *d, struct wall t, int64_t *counts)
{
	struct sight s = { f, d, t };
	int64_t count = classes[d->class].count_mwh;
	if (!count || !model_at(f->model, t, NULL))
		return false;
	*counts = energy(&s) / count;
	return true;
}

static struct wall seen_time(const struct sim_device *d, struct wall t)
{
	const struct fault *frozen = fleet_fault(d, FAULT_FROZEN, t);
	return frozen ? frozen->from : t;
}

bool fleet_register(struct fleet *f, const struct sim_device *d, struct wall t, int64_t *counts)
{
	const struct fault *reset = fleet_fault(d, FAULT_COUNTER_RESET, t);
	const struct fault *wrap = NULL;
	for (int i = 0; i < d->n_faults; i++)
		wrap = d->faults[i]->kind == FAULT_WRAP ? d->faults[i] : wrap;
	int64_t span = wrap && wrap->arg ? wrap->arg : classes[d->class].modulus, then = 0, now;
	t = seen_time(d, t);
	if (!counted(f, d, t, &now) || (reset && !counted(f, d, reset->from, &then)))
		return false;
	if (wrap && !reset && !counted(f, d, wrap->from, &then))
		return false;
	int64_t total = now;
	now -= then - (reset ? reset->arg : 0);
	const struct fault *ratio = fleet_fault(d, FAULT_RATIO, t);
	if (ratio) {   /* what was counted since then, by another factor */
		if (!counted(f, d, ratio->from, &then))
			return false;
		now += scaled(total - then, ratio->arg - 100, 100);
	}
	*counts = span ? ((now % span) + span) % span : now;
	return true;
}

bool fleet_value(struct fleet *f, const struct sim_device *d, struct wall t, enum point point, int index, int64_t *out)
{
	struct sight s = { f, d, seen_time(d, t) };
	int64_t counts;
	if (point == PT_ENERGY && classes[d->class].count_mwh) {
		if (!fleet_register(f, d, t, &counts))
			return false;
		*out = counts * classes[d->class].count_mwh;
		return true;
	}
	if (point == PT_UPTIME) {
		for (int i = 0; i < d->n_faults; i++)
			if (d->faults[i]->kind == FAULT_RESTART && t.ms >= d->faults[i]->from.ms) {
				*out = (t.ms - d->faults[i]->from.ms) / 10;
				return true;
			}
		s.t = t;
	}
	if (!model_at(f->model, s.t, NULL))
		return false;
	*out = value(&s, point, index);
	const struct fault *ratio = fleet_fault(d, FAULT_RATIO, t);
	if (ratio && by_ratio(point))
		*out = scaled(*out, ratio->arg, 100);
	return true;
}
