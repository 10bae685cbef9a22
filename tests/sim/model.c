#include "tests/sim/model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	IT_SIGNALS = SIM_ROWS * 2, UPS = SIM_HALLS * 2, SIGNALS_MAX = 160, QUARTERS = 96, CACHED = 4, RUNNING_CHILLERS = 3,
	MILLION = 1000000,
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

/* ---- chance and calendar ---- */

static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15u;   /* splitmix64 */
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

int32_t sim_chance(uint64_t seed, uint64_t what, uint64_t when)
{
	return (int32_t)(mix(mix(seed ^ (what << 40)) ^ when) % (2 * MILLION + 1)) - MILLION;
}

/* Sine in ppm of a turn in ppm, by Bhaskara's formula: whole numbers, the same on every machine. */
static int64_t sine(int64_t turn)
{
	turn = ((turn % MILLION) + MILLION) % MILLION;
	int64_t half = turn % 500000, p = half * (500000 - half) / 1000;
	int64_t value = 16 * p * 1000 / ((5 * 250000000 - 4 * p) / 1000);
	return turn < 500000 ? value : -value;
}

static int64_t table(const int32_t (*rows)[2], size_t n, int64_t x)
{
	if (x <= rows[0][0])
		return rows[0][1];
	for (size_t i = 1; i < n; i++)
		if (x < rows[i][0])
			return rows[i - 1][1] + (rows[i][1] - rows[i - 1][1]) * (x - rows[i - 1][0]) / (rows[i][0] - rows[i - 1][0]);
	return rows[n - 1][1];
}

static int64_t part(int64_t value, int64_t ppm)
{
	return (int64_t)((__int128)value * ppm / MILLION);
}

/* ---- load and weather ---- */

enum row_function model_row_function(int row)
{
	int place = row % 8;
	return place < 6 ? ROW_COMPUTE : place == 6 || row >= 16 ? ROW_STORAGE : ROW_NETWORK;
}

/* mW of one part of a feed's weight (a rack's feed has about 51 parts: 25 steady, 25 batch) */
static const struct { int32_t steady_mw, batch_mw, swing_ppm; } loads[] = {
	[ROW_COMPUTE] = { 36000, 16000, 350000 },
	[ROW_STORAGE] = { 36000, 6000, 120000 },
	[ROW_NETWORK] = { 27000, 3000, 60000 },
};
/* Batch work by the hour of a working day, ppm of the swing. */
static const int32_t day_shape[25][2] = {
	{ 0, -300000 }, { 4, -800000 }, { 7, -600000 }, { 9, 300000 }, { 11, 900000 }, { 12, 600000 }, { 15, 1000000 },
	{ 18, 600000 }, { 20, 800000 }, { 23, 0 }, { 24, -300000 },
};

static int64_t it_power(const struct model *m, int row, int batch, int64_t day, int quarter)
{
	enum row_function f = model_row_function(row);
	int signal = row * 2 + batch;
	int64_t base = batch ? loads[f].batch_mw : loads[f].steady_mw, ppm = MILLION;
	int32_t hours[11][2];
	for (int i = 0; i < 11; i++)
		hours[i][0] = day_shape[i][0] * 4, hours[i][1] = day_shape[i][1];
	int64_t shape = table((const int32_t(*)[2])hours, 11, quarter);
	bool weekend = (day + 6) % 7 >= 5;   /* day 0 is a Sunday, 2024-12-01 */
	ppm += sim_chance(m->seed, 1000 + (uint64_t)row, 0) / 10;   /* rows differ by up to a tenth */
	ppm += sim_chance(m->seed, 2000 + (uint64_t)signal, (uint64_t)(day * QUARTERS + quarter)) / (batch ? 14 : 40);
	ppm += part(shape, batch ? loads[f].swing_ppm : 15000) / (weekend ? 2 : 1);
	ppm += part(sine((day - 100) * MILLION / 365), 10000);
	return part(base, ppm);
}

static int64_t outdoor(const struct model *m, int64_t day, int quarter)
{
	int64_t now = sim_chance(m->seed, 1, (uint64_t)day) / 200, then = sim_chance(m->seed, 1, (uint64_t)day + 1) / 200;
	int64_t weather = now + (then - now) * quarter / QUARTERS;                    /* up to 5 K either way */
	int64_t season = part(sine((day + 31 - 110) * MILLION / 365), 15500);         /* coldest about 20 January */
	int64_t hour = part(sine((int64_t)(quarter - 36) * MILLION / QUARTERS), 5000);   /* warmest at 15:00 */
	return 13000 + season + hour + weather;
}

/* ---- plant: parts per million of the heat, by the wet bulb in milli-degrees ---- */

static const int32_t chiller_ppm[][2] = { { 1000, 3000 },    { 6000, 46000 },   { 12000, 118000 },
					  { 18000, 159000 }, { 24000, 195000 }, { 30000, 235000 } };
static const int32_t tower_ppm[][2] = { { -10000, 5000 }, { 2000, 12000 }, { 12000, 15000 }, { 28000, 19000 } };

struct heat { int64_t total_mw, hall_mw[SIM_HALLS], wet_mc; int64_t day; int quarter; };

bool model_chiller_runs(const struct model *m, int unit)
{
	return (m->day->number / 7) % SIM_TRANSFORMERS != unit;
}

static int64_t working(int64_t day, int quarter)
{
	static const int32_t shape[][2] = { { 28, 0 }, { 36, 1000 }, { 70, 1000 }, { 80, 100 }, { 92, 0 } };
	return table(shape, countof(shape), quarter) / ((day + 6) % 7 >= 5 ? 5 : 1);
}

static int64_t running(const struct heat *h, int unit, int64_t ppm, int64_t standby_mw)
{
	return (h->day / 7) % SIM_TRANSFORMERS == unit ? standby_mw : part(h->total_mw, ppm) / RUNNING_CHILLERS + standby_mw;
}

static int64_t plant_power(const struct node *n, const struct heat *h)
{
	int64_t day_share = working(h->day, h->quarter);
	switch (n->kind) {
	case NODE_CHILLER:
		return running(h, n->unit, table(chiller_ppm, countof(chiller_ppm), h->wet_mc), 900000);
	case NODE_CHILLED_PUMP:
		return running(h, n->unit, 19000, 60000);
	case NODE_CONDENSER_PUMP:
		return running(h, n->unit, 17000, 60000);
	case NODE_TOWER:
		return running(h, n->unit, table(tower_ppm, countof(tower_ppm), h->wet_mc), h->wet_mc < 0 ? 2400000 : 60000);
	case NODE_CRAH:
		return part(h->hall_mw[n->hall], 37000) / 2 + 600000;
	case NODE_LIGHTING:
		return 900000 + day_share * 3600;
	case NODE_OFFICE:
		return 4200000 + day_share * 12000;
	case NODE_SECURITY:
		return 5400000;
	case NODE_AUXILIARY:
		return 1800000 + (h->wet_mc < 5000 ? 3000000 : 0);
	default:
		return 0;
	}
}

/* ---- a quarter: signals from load and weather ---- */

static int64_t quadratic(int64_t load_mw, int64_t rated_mw, int64_t fixed_ppm, int64_t linear_ppm, int64_t square_ppm)
{
	int64_t square = (int64_t)((__int128)load_mw * load_mw / rated_mw);
	return part(rated_mw, fixed_ppm) + part(load_mw, linear_ppm) + part(square, square_ppm);
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
		return plant_power(&m->nodes[node], h);
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
	h->total_mw += part(h->total_mw, 55000);   /* UPS rooms, fans and light end as heat too */
}

static void quarter_power(const struct model *m, int64_t day, int quarter, int64_t outdoor_mc, int64_t *power)
{
	int64_t load[SIM_NODES_MAX] = { 0 };
	struct heat h = { .day = day, .quarter = quarter, .wet_mc = part(outdoor_mc, 850000) - 2500 };
	for (int s = 0; s < IT_SIGNALS; s++)
		power[s] = it_power(m, s / 2, s % 2, day, quarter) / 60;
	heat_of(m, power, &h);
	for (int i = m->n_nodes - 1; i >= 0; i--) {
		const struct node *n = &m->nodes[i];
		int own = m->terms[i][0].signal;
		if (n->kind == NODE_ROW) {
			for (int t = 0; t < 2; t++)
				load[i] += power[m->terms[i][t].signal] * 60 * m->terms[i][t].weight;
		} else if (own >= 0) {
			int64_t mw = own_loss(m, &h, i, load[i]);
			mw += part(mw, sim_chance(m->seed, 3000 + (uint64_t)own, (uint64_t)(day * QUARTERS + quarter)) / 60);
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
		day->outdoor_mc[q] = outdoor(m, number, q);
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
	return part(part(power, m->signals[signal].ripple_ppm), chance);
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
