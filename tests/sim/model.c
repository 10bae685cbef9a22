#include "tests/sim/load.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IT_SIGNALS = SIM_ROWS * 2, UPS = SIM_HALLS * 2, SIGNALS_MAX = 160, QUARTERS = 96, CACHED = 4,
};
static const int64_t ups_rated_mw = 600000000, transformer_rated_mw = 2250000000;

struct term { int signal; int64_t weight; };

struct signal {                    /* how much it ripples inside a quarter, and the plant item it is */
	int ripple_ppm;
	int node;                  /* -1: an IT signal */
};

/* A day's quarters: power and energy so far, both in 60 mW / mW.h (60 mW over a minute is a mW.h). */
struct day {
	int64_t number, outdoor_mc[QUARTERS];
	int64_t power[QUARTERS][SIGNALS_MAX], before[QUARTERS][SIGNALS_MAX];
};

struct model {
	uint64_t seed;
	struct node nodes[SIM_NODES_MAX];
	struct term terms[SIM_NODES_MAX][2];
	int n_nodes, n_signals;
	struct signal signals[SIGNALS_MAX];
	int cable[UPS];            /* signal of the loss between UPS and cabinets */
	uint8_t weights[SIM_RACKS][2][2];   /* rack, side, signal of the row */
	int64_t (*days)[SIGNALS_MAX];       /* energy before day n */
	int64_t n_days;
	struct day cache[CACHED];
	const struct day *day;
	int quarter, next_cached;
	int64_t at_ms;
	int64_t energy[SIGNALS_MAX], power[SIGNALS_MAX];   /* mW.ms/60; 60 mW */
	int64_t node_energy[SIM_NODES_MAX], node_power[SIM_NODES_MAX];
};

/* ---- a quarter: signals from load and weather ---- */

static int64_t quadratic(int64_t load_mw, int64_t rated_mw, int64_t fixed_ppm, int64_t linear_ppm, int64_t square_ppm)
{
	int64_t square = (int64_t)((__int128)load_mw * load_mw / rated_mw);
	return load_part(rated_mw, fixed_ppm) + load_part(load_mw, linear_ppm) + load_part(square, square_ppm);
}

static int64_t own_loss(const struct model *m, const struct heat *h, int node, int64_t load_mw)
{
	switch (m->nodes[node].kind) {
	case NODE_UPS_IN:                         /* 96.7 % at half load */
		return quadratic(load_mw, ups_rated_mw, 9000, 8000, 14000);
	case NODE_UPS_OUT:                        /* cables to the cabinets */
		return quadratic(load_mw, ups_rated_mw, 0, 1500, 2000);
	case NODE_UTILITY:
		return 0;
	default:
		return load_plant_mw(&m->nodes[node], h);
	}
}

static void heat_of(const struct model *m, const int64_t *power, struct heat *h)
{
	for (int i = 0; i < m->n_nodes; i++) {
		const struct node *n = &m->nodes[i];
		if (n->kind != NODE_ROW)
			continue;
		int64_t mw = 0;
		for (int t = 0; t < 2; t++)
			mw += power[m->terms[i][t].signal] * 60 * m->terms[i][t].weight;
		h->hall_mw[n->hall] += mw;
		h->total_mw += mw;
	}
	h->total_mw += load_part(h->total_mw, 55000);   /* UPS rooms, fans and light end as heat too */
}

static void quarter_power(const struct model *m, int64_t day, int quarter, int64_t outdoor_mc, int64_t *power)
{
	int64_t load[SIM_NODES_MAX] = { 0 };
	struct heat h = { .day = day, .quarter = quarter, .wet_mc = load_part(outdoor_mc, 850000) - 2500 };
	for (int s = 0; s < IT_SIGNALS; s++)
		power[s] = load_it_mw(m->seed, s / 2, s % 2, day, quarter) / 60;
	heat_of(m, power, &h);
	for (int i = m->n_nodes - 1; i >= 0; i--) {
		const struct node *n = &m->nodes[i];
		int own = m->terms[i][0].signal;
		if (n->kind == NODE_ROW) {
			for (int t = 0; t < 2; t++)
				load[i] += power[m->terms[i][t].signal] * 60 * m->terms[i][t].weight;
		} else if (own >= 0) {
			int64_t mw = own_loss(m, &h, i, load[i]);
			mw += load_part(mw, sim_chance(m->seed, 3000 + (uint64_t)own, (uint64_t)(day * QUARTERS + quarter)) / 60);
			power[own] = mw / 60;
			load[i] += power[own] * 60;
		}
		if (n->kind == NODE_TRANSFORMER) {   /* measured at 400 V; its loss is the feed's own, above the meter */
			int loss = m->terms[n->parent][n->unit % 2].signal;
			power[loss] = quadratic(load[i], transformer_rated_mw, 1300, 0, 9000) / 60;
			load[n->parent] += power[loss] * 60;
		}
		if (n->parent >= 0)
			load[n->parent] += load[i];
	}
}

static void fill_day(const struct model *m, int64_t number, struct day *day)
{
	day->number = number;
	memset(day->before[0], 0, sizeof day->before[0]);
	for (int q = 0; q < QUARTERS; q++) {
		day->outdoor_mc[q] = load_outdoor_mc(m->seed, number, q);
		quarter_power(m, number, q, day->outdoor_mc[q], day->power[q]);
		for (int s = 0; q + 1 < QUARTERS && s < m->n_signals; s++)
			day->before[q + 1][s] = day->before[q][s] + day->power[q][s] * 15;
	}
}

static const struct day *day_of(struct model *m, int64_t number)
{
	for (int i = 0; i < CACHED; i++)
		if (m->cache[i].number == number)
			return &m->cache[i];
	struct day *day = &m->cache[m->next_cached];
	m->next_cached = (m->next_cached + 1) % CACHED;
	while (m->n_days <= number) {
		int64_t done = m->n_days - 1;
		fill_day(m, done, day);
		for (int s = 0; s < m->n_signals; s++)
			m->days[done + 1][s] = m->days[done][s] + day->before[QUARTERS - 1][s] + day->power[QUARTERS - 1][s] * 15;
		m->n_days++;
	}
	fill_day(m, number, day);
	return day;
}

/* ---- an instant ---- */

/* Energy the ripple has added since the quarter began, in 60 mW.min; 0 at both ends of the quarter. */
static int64_t ripple(const struct model *m, int signal, int64_t quarter_number, int minute)
{
	if (minute == 0 || minute == 15)
		return 0;
	int64_t power = m->day->power[m->quarter][signal];
	int32_t chance = sim_chance(m->seed, 4000 + (uint64_t)signal, (uint64_t)(quarter_number * 16 + minute));
	return load_part(load_part(power, m->signals[signal].ripple_ppm), chance);
}

bool model_at(struct model *m, struct wall t, struct err *err)
{
	int64_t ms = t.ms - SIM_EPOCH_MS;
	char text[WALL_TEXT];
	if (ms == m->at_ms)
		return true;
	if (ms < 0 || ms >= (int64_t)SIM_DAYS * 86400000)
		return err_set(err, ERR_RANGE, "%s is outside the simulated years 2024-12-01 to 2034-11-28", wall_text(t, text));
	m->at_ms = ms;
	m->day = day_of(m, ms / 86400000);
	m->quarter = (int)(ms / 900000 % QUARTERS);
	int minute = (int)(ms / 60000 % 15);
	int64_t rest_ms = ms % 60000;
	for (int s = 0; s < m->n_signals; s++) {
		int64_t before = ripple(m, s, ms / 900000, minute), after = ripple(m, s, ms / 900000, minute + 1);
		int64_t power = m->day->power[m->quarter][s];
		m->power[s] = power + after - before;
		m->energy[s] = (m->days[m->day->number][s] + m->day->before[m->quarter][s] + power * minute + before) * 60000 +
			       m->power[s] * rest_ms;
	}
	memset(m->node_energy, 0, sizeof m->node_energy);
	memset(m->node_power, 0, sizeof m->node_power);
	for (int i = m->n_nodes - 1; i >= 0; i--) {
		for (int k = 0; k < 2; k++) {
			struct term term = m->terms[i][k];
			if (term.signal < 0)
				continue;
			m->node_energy[i] += m->energy[term.signal] * term.weight;
			m->node_power[i] += m->power[term.signal] * term.weight;
		}
		if (m->nodes[i].parent >= 0) {
			m->node_energy[m->nodes[i].parent] += m->node_energy[i];
			m->node_power[m->nodes[i].parent] += m->node_power[i];
		}
	}
	return true;
}

int64_t model_energy_exact(const struct model *m, int node)
{
	return m->node_energy[node];
}

int64_t model_energy_mwh(const struct model *m, int node)
{
	return m->node_energy[node] / 60000;
}

int64_t model_power_mw(const struct model *m, int node)
{
	return m->node_power[node] * 60;
}

static int64_t rack_mix(const struct model *m, const int64_t *signals, int rack, int side)
{
	int row = rack / SIM_RACKS_A_ROW;
	const uint8_t *w = m->weights[rack][side];
	return signals[row * 2] * w[0] + signals[row * 2 + 1] * w[1];
}

int64_t model_rack_energy_mwh(const struct model *m, int rack, int side)
{
	return rack_mix(m, m->energy, rack, side) / 60000;
}

int64_t model_rack_power_mw(const struct model *m, int rack, int side)
{
	return rack_mix(m, m->power, rack, side) * 60;
}

bool model_chiller_runs(const struct model *m, int unit)
{
	return (m->day->number / 7) % SIM_TRANSFORMERS != unit;
}

int64_t model_outdoor_mc(const struct model *m)
{
	return m->day->outdoor_mc[m->quarter];
}

/* ---- the tree ---- */

static int add(struct model *m, enum node_kind kind, int parent, int side, int hall, int row, int unit)
{
	int i = m->n_nodes++;
	m->nodes[i] = (struct node){ .kind = kind, .parent = parent, .side = side, .hall = hall, .row = row, .unit = unit };
	m->terms[i][0].signal = m->terms[i][1].signal = -1;
	return i;
}

static int own(struct model *m, int node, int term, int ripple_ppm)
{
	int s = m->n_signals++;
	m->signals[s] = (struct signal){ .ripple_ppm = ripple_ppm, .node = node };
	m->terms[node][term] = (struct term){ .signal = s, .weight = 1 };
	return s;
}

#define NAME(node, ...) snprintf(m->nodes[node].id, sizeof m->nodes[node].id, __VA_ARGS__)

static void add_ups(struct model *m, int transformer, int side, int hall)
{
	int in = add(m, NODE_UPS_IN, transformer, side, hall, -1, hall * 2 + side);
	int out = add(m, NODE_UPS_OUT, in, side, hall, -1, hall * 2 + side);
	NAME(in, "ups-h%d%c-in", hall + 1, 'a' + side);
	NAME(out, "ups-h%d%c-out", hall + 1, 'a' + side);
	own(m, in, 0, 3000);
	m->cable[hall * 2 + side] = own(m, out, 0, 3000);
	for (int row = hall * 8; row < hall * 8 + 8; row++) {
		int cabinet = add(m, NODE_ROW, out, side, hall, row, row % 8);
		NAME(cabinet, "rc-h%dr%d%c", hall + 1, row % 8 + 1, 'a' + side);
		for (int k = 0; k < 2; k++) {
			m->terms[cabinet][k] = (struct term){ .signal = row * 2 + k };
			for (int r = row * SIM_RACKS_A_ROW; r < (row + 1) * SIM_RACKS_A_ROW; r++)
				m->terms[cabinet][k].weight += m->weights[r][side][k];
		}
	}
}

static void add_plant(struct model *m, int transformer, int side, int unit)
{
	static const struct { enum node_kind kind; const char *name; int ripple_ppm; } rows[] = {
		{ NODE_CHILLER, "chiller", 40000 }, { NODE_CHILLED_PUMP, "chwp", 8000 },
		{ NODE_CONDENSER_PUMP, "cwp", 8000 }, { NODE_TOWER, "tower", 30000 },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		int node = add(m, rows[i].kind, transformer, side, -1, -1, unit);
		NAME(node, "%s-%d", rows[i].name, unit + 1);
		own(m, node, 0, rows[i].ripple_ppm);
	}
	for (int hall = unit % 2 * 2; hall < unit % 2 * 2 + 2; hall++) {
		int node = add(m, NODE_CRAH, transformer, side, hall, -1, unit);
		NAME(node, "crah-h%d%c", hall + 1, 'a' + side);
		own(m, node, 0, 10000);
	}
	int lighting = add(m, NODE_LIGHTING, transformer, side, unit % 2 * 2 + side, -1, unit);
	NAME(lighting, "lighting-h%d", unit % 2 * 2 + side + 1);
	own(m, lighting, 0, 20000);
	static const struct { enum node_kind kind; const char *name; } last[] = {
		{ NODE_OFFICE, "office" }, { NODE_AUXILIARY, "aux-1" }, { NODE_SECURITY, "security" }, { NODE_AUXILIARY, "aux-2" },
	};
	int node = add(m, last[unit].kind, transformer, side, -1, -1, unit);
	NAME(node, "%s", last[unit].name);
	own(m, node, 0, 30000);
}

struct model *model_new(uint64_t seed)
{
	struct model *m = calloc(1, sizeof *m);
	if (m)
		m->days = calloc(SIM_DAYS + 1, sizeof *m->days);
	if (!m || !m->days) {
		model_free(m);
		return NULL;
	}
	m->seed = seed;
	m->n_days = 1;
	m->at_ms = INT64_MIN;
	for (int i = 0; i < CACHED; i++)
		m->cache[i].number = -1;
	for (int r = 0; r < SIM_RACKS; r++)
		for (int side = 0; side < 2; side++)
			for (int k = 0; k < 2; k++)
				m->weights[r][side][k] = (uint8_t)(25 + sim_chance(seed, 10 + (uint64_t)(side * 2 + k), (uint64_t)r) / 166667);
	m->n_signals = IT_SIGNALS;
	for (int s = 0; s < IT_SIGNALS; s++)
		m->signals[s] = (struct signal){ .ripple_ppm = s % 2 ? 30000 : 6000, .node = -1 };
	for (int side = 0; side < 2; side++) {
		int utility = add(m, NODE_UTILITY, -1, side, -1, -1, side);
		NAME(utility, "utility-%c", 'a' + side);
		for (int k = 0; k < 2; k++) {
			int transformer = add(m, NODE_TRANSFORMER, utility, side, -1, -1, side * 2 + k);
			NAME(transformer, "tx-%c%d", 'a' + side, k + 1);
			own(m, utility, k, 2000);
			add_ups(m, transformer, side, k * 2);
			add_ups(m, transformer, side, k * 2 + 1);
			add_plant(m, transformer, side, side * 2 + k);
		}
	}
	return m;
}

void model_free(struct model *m)
{
	if (m)
		free(m->days);
	free(m);
}

int model_nodes(const struct model *m)
{
	return m->n_nodes;
}

const struct node *model_node(const struct model *m, int node)
{
	return &m->nodes[node];
}

int model_find(const struct model *m, const char *id)
{
	for (int i = 0; i < m->n_nodes; i++)
		if (!strcmp(m->nodes[i].id, id))
			return i;
	return -1;
}
