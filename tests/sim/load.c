#include "tests/sim/load.h"

enum { MILLION = 1000000, QUARTERS = 96, RUNNING_CHILLERS = 3 };

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

int64_t load_part(int64_t value, int64_t ppm)
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

int64_t load_it_mw(uint64_t seed, int row, int batch, int64_t day, int quarter)
{
	enum row_function f = model_row_function(row);
	int signal = row * 2 + batch;
	int64_t base = batch ? loads[f].batch_mw : loads[f].steady_mw, ppm = MILLION;
	int32_t hours[11][2];
	for (int i = 0; i < 11; i++)
		hours[i][0] = day_shape[i][0] * 4, hours[i][1] = day_shape[i][1];
	int64_t shape = table((const int32_t(*)[2])hours, 11, quarter);
	bool weekend = (day + 6) % 7 >= 5;   /* day 0 is a Sunday, 2024-12-01 */
	ppm += sim_chance(seed, 1000 + (uint64_t)row, 0) / 10;   /* rows differ by up to a tenth */
	ppm += sim_chance(seed, 2000 + (uint64_t)signal, (uint64_t)(day * QUARTERS + quarter)) / (batch ? 14 : 40);
	ppm += load_part(shape, batch ? loads[f].swing_ppm : 15000) / (weekend ? 2 : 1);
	ppm += load_part(sine((day - 100) * MILLION / 365), 10000);
	return load_part(base, ppm);
}

int64_t load_outdoor_mc(uint64_t seed, int64_t day, int quarter)
{
	int64_t now = sim_chance(seed, 1, (uint64_t)day) / 200, then = sim_chance(seed, 1, (uint64_t)day + 1) / 200;
	int64_t weather = now + (then - now) * quarter / QUARTERS;                    /* up to 5 K either way */
	int64_t season = load_part(sine((day + 31 - 110) * MILLION / 365), 15500);         /* coldest about 20 January */
	int64_t hour = load_part(sine((int64_t)(quarter - 36) * MILLION / QUARTERS), 5000);   /* warmest at 15:00 */
	return 13000 + season + hour + weather;
}

/* ---- plant: parts per million of the heat, by the wet bulb in milli-degrees ---- */

static const int32_t chiller_ppm[][2] = { { 1000, 3000 },    { 6000, 46000 },   { 12000, 118000 },
					  { 18000, 159000 }, { 24000, 195000 }, { 30000, 235000 } };
static const int32_t tower_ppm[][2] = { { -10000, 5000 }, { 2000, 12000 }, { 12000, 15000 }, { 28000, 19000 } };

static int64_t working(int64_t day, int quarter)
{
	static const int32_t shape[][2] = { { 28, 0 }, { 36, 1000 }, { 70, 1000 }, { 80, 100 }, { 92, 0 } };
	return table(shape, countof(shape), quarter) / ((day + 6) % 7 >= 5 ? 5 : 1);
}

static int64_t running(const struct heat *h, int unit, int64_t ppm, int64_t standby_mw)
{
	return (h->day / 7) % SIM_TRANSFORMERS == unit ? standby_mw : load_part(h->total_mw, ppm) / RUNNING_CHILLERS + standby_mw;
}

int64_t load_plant_mw(const struct node *n, const struct heat *h)
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
		return load_part(h->hall_mw[n->hall], 37000) / 2 + 600000;
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
