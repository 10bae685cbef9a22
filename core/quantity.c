#include "core/quantity.h"

#include <string.h>

/* Base units are milli of the coherent unit.  Plausible limits are what no data center device exceeds (in base units); they
 * catch a wrong word order or an unlisted sentinel, not a bad sensor: profiles narrow them. */
#define ANY INT64_MIN, INT64_MAX
#define TO(max) -(int64_t)(max), (int64_t)(max)
enum dimension { D_POWER, D_VA, D_VAR, D_WH, D_VARH, D_VAH, D_A, D_V, D_HZ, D_ONE, D_TEMPERATURE, D_PERCENT, D_FLOW, D_VOLUME,
		 D_AIRFLOW, D_PRESSURE, D_TIME, D_ROTATION, D_ANGLE, D_SPEED, D_PLAIN };

const struct quantity_row quantities[Q_N] = {
	[Q_NONE] = { "none", "1", { 1, 1 } },
	[Q_ACTIVE_POWER] = { "active_power", "W", { 1000, 1 } },
	[Q_APPARENT_POWER] = { "apparent_power", "V.A", { 1000, 1 } },
	[Q_REACTIVE_POWER] = { "reactive_power", "var", { 1000, 1 } },
	[Q_ENERGY] = { "energy", "kW.h", { 1000000, 1 } },
	[Q_REACTIVE_ENERGY] = { "reactive_energy", "kvar.h", { 1000000, 1 } },
	[Q_APPARENT_ENERGY] = { "apparent_energy", "kV.A.h", { 1000000, 1 } },
	[Q_CURRENT] = { "current", "A", { 1000, 1 } },
	[Q_VOLTAGE] = { "voltage", "V", { 1000, 1 } },
	[Q_FREQUENCY] = { "frequency", "Hz", { 1000, 1 } },
	[Q_POWER_FACTOR] = { "power_factor", "1", { 1000, 1 } },
	[Q_TEMPERATURE] = { "temperature", "Cel", { 1000, 1 } },
	[Q_HUMIDITY] = { "humidity", "%", { 1000, 1 } },
	[Q_DEW_POINT] = { "dew_point", "Cel", { 1000, 1 } },
	[Q_STATE] = { "state", "1", { 1, 1 } },
	[Q_LOAD] = { "load", "%", { 1000, 1 } },
	[Q_COOLING_POWER] = { "cooling_power", "W", { 1000, 1 } },
	[Q_COOLING_ENERGY] = { "cooling_energy", "kW.h", { 1000000, 1 } },
	[Q_FLOW] = { "flow", "l/min", { 1000, 1 } },
	[Q_VOLUME] = { "volume", "m3", { 1000000, 1 } },
	[Q_AIRFLOW] = { "airflow", "cfm", { 1000, 1 } },
	[Q_PRESSURE] = { "pressure", "Pa", { 1000, 1 } },
	[Q_FAN_SPEED] = { "fan_speed", "%", { 1000, 1 } },
	[Q_VALVE_POSITION] = { "valve_position", "%", { 1000, 1 } },
	[Q_BATTERY_CHARGE] = { "battery_charge", "%", { 1000, 1 } },
	[Q_BATTERY_RUNTIME] = { "battery_runtime", "min", { 60000, 1 } },
	[Q_BATTERY_VOLTAGE] = { "battery_voltage", "V", { 1000, 1 } },
	[Q_BATTERY_CURRENT] = { "battery_current", "A", { 1000, 1 } },
	[Q_BATTERY_TEMPERATURE] = { "battery_temperature", "Cel", { 1000, 1 } },
	[Q_RUN_HOURS] = { "run_hours", "h", { 3600000, 1 } },
	[Q_COUNT] = { "count", "1", { 1, 1 } },
	[Q_SETTING] = { "setting", "1", { 1000, 1 } },
	[Q_ROTATION] = { "rotation", "/min", { 1000, 1 } },
	[Q_DISTORTION] = { "distortion", "%", { 1000, 1 } },
	[Q_TIME] = { "time", "s", { 1000, 1 } },
	[Q_PHASE_ANGLE] = { "phase_angle", "deg", { 1000, 1 } },
	[Q_AIR_SPEED] = { "air_speed", "m/s", { 1000, 1 } },
};

static const struct { uint8_t dimension; int64_t min, max; } limits[Q_N] = {
	[Q_NONE] = { D_PLAIN, ANY },
	[Q_ACTIVE_POWER] = { D_POWER, TO(1000000000000) },           /* 1 GW */
	[Q_APPARENT_POWER] = { D_VA, TO(1000000000000) },
	[Q_REACTIVE_POWER] = { D_VAR, TO(1000000000000) },
	[Q_ENERGY] = { D_WH, ANY },
	[Q_REACTIVE_ENERGY] = { D_VARH, ANY },
	[Q_APPARENT_ENERGY] = { D_VAH, ANY },
	[Q_CURRENT] = { D_A, TO(100000000) },                        /* 100 kA */
	[Q_VOLTAGE] = { D_V, TO(1000000000) },                       /* 1 MV */
	[Q_FREQUENCY] = { D_HZ, 0, 1000000 },
	[Q_POWER_FACTOR] = { D_ONE, -1010, 1010 },
	[Q_TEMPERATURE] = { D_TEMPERATURE, -100000, 300000 },
	[Q_HUMIDITY] = { D_PERCENT, 0, 105000 },
	[Q_DEW_POINT] = { D_TEMPERATURE, -100000, 100000 },
	[Q_STATE] = { D_PLAIN, ANY },
	[Q_LOAD] = { D_PERCENT, -100000, 1000000 },
	[Q_COOLING_POWER] = { D_POWER, TO(1000000000000) },
	[Q_COOLING_ENERGY] = { D_WH, ANY },
	[Q_FLOW] = { D_FLOW, TO(10000000000) },
	[Q_VOLUME] = { D_VOLUME, ANY },
	[Q_AIRFLOW] = { D_AIRFLOW, TO(10000000000) },
	[Q_PRESSURE] = { D_PRESSURE, TO(100000000000) },
	[Q_FAN_SPEED] = { D_PERCENT, 0, 200000 },
	[Q_VALVE_POSITION] = { D_PERCENT, -10000, 110000 },
	[Q_BATTERY_CHARGE] = { D_PERCENT, 0, 110000 },
	[Q_BATTERY_RUNTIME] = { D_TIME, 0, 5256000000 },             /* 10 years of minutes would be a sentinel; 2 months */
	[Q_BATTERY_VOLTAGE] = { D_V, TO(10000000) },
	[Q_BATTERY_CURRENT] = { D_A, TO(100000000) },
	[Q_BATTERY_TEMPERATURE] = { D_TEMPERATURE, -60000, 150000 },
	[Q_RUN_HOURS] = { D_TIME, 0, INT64_MAX },
	[Q_COUNT] = { D_PLAIN, ANY },
	[Q_SETTING] = { D_ONE, ANY },
	[Q_ROTATION] = { D_ROTATION, 0, 1000000000 },
	[Q_DISTORTION] = { D_PERCENT, 0, 1000000 },
	[Q_TIME] = { D_TIME, ANY },
	[Q_PHASE_ANGLE] = { D_ANGLE, -360000, 360000 },
	[Q_AIR_SPEED] = { D_SPEED, -100000, 100000 },                /* a probe may tell the direction */
};

const char *const scope_names[SCOPE_N] = {
	[SCOPE_NONE] = "none", [SCOPE_TOTAL] = "total", [SCOPE_PHASE] = "phase", [SCOPE_LINE] = "line", [SCOPE_BANK] = "bank",
	[SCOPE_OUTLET] = "outlet", [SCOPE_INLET] = "inlet", [SCOPE_INPUT] = "input", [SCOPE_OUTPUT] = "output",
	[SCOPE_BYPASS] = "bypass", [SCOPE_BATTERY] = "battery", [SCOPE_BRANCH] = "branch", [SCOPE_SENSOR] = "sensor",
	[SCOPE_UNIT] = "unit", [SCOPE_NEUTRAL] = "neutral", [SCOPE_SUPPLY] = "supply", [SCOPE_RETURN] = "return",
	[SCOPE_ENTERING] = "entering", [SCOPE_LEAVING] = "leaving", [SCOPE_AMBIENT] = "ambient", [SCOPE_SYSTEM] = "system",
};

#define Q(q, name) { name, q }
const struct conf_name quantity_names[] = {
	Q(Q_ACTIVE_POWER, "active_power"), Q(Q_APPARENT_POWER, "apparent_power"), Q(Q_REACTIVE_POWER, "reactive_power"),
	Q(Q_ENERGY, "energy"), Q(Q_REACTIVE_ENERGY, "reactive_energy"), Q(Q_APPARENT_ENERGY, "apparent_energy"),
	Q(Q_CURRENT, "current"), Q(Q_VOLTAGE, "voltage"), Q(Q_FREQUENCY, "frequency"), Q(Q_POWER_FACTOR, "power_factor"),
	Q(Q_TEMPERATURE, "temperature"), Q(Q_HUMIDITY, "humidity"), Q(Q_DEW_POINT, "dew_point"), Q(Q_STATE, "state"),
	Q(Q_LOAD, "load"), Q(Q_COOLING_POWER, "cooling_power"), Q(Q_COOLING_ENERGY, "cooling_energy"), Q(Q_FLOW, "flow"),
	Q(Q_VOLUME, "volume"), Q(Q_AIRFLOW, "airflow"), Q(Q_PRESSURE, "pressure"), Q(Q_FAN_SPEED, "fan_speed"),
	Q(Q_VALVE_POSITION, "valve_position"), Q(Q_BATTERY_CHARGE, "battery_charge"), Q(Q_BATTERY_RUNTIME, "battery_runtime"),
	Q(Q_BATTERY_VOLTAGE, "battery_voltage"), Q(Q_BATTERY_CURRENT, "battery_current"),
	Q(Q_BATTERY_TEMPERATURE, "battery_temperature"), Q(Q_RUN_HOURS, "run_hours"), Q(Q_COUNT, "count"), Q(Q_SETTING, "setting"),
	Q(Q_ROTATION, "rotation"), Q(Q_DISTORTION, "distortion"), Q(Q_TIME, "time"), Q(Q_PHASE_ANGLE, "phase_angle"), Q(Q_AIR_SPEED, "air_speed"), { NULL, 0 },
};

const struct conf_name scope_conf_names[] = {
	Q(SCOPE_TOTAL, "total"), Q(SCOPE_PHASE, "phase"), Q(SCOPE_LINE, "line"), Q(SCOPE_BANK, "bank"), Q(SCOPE_OUTLET, "outlet"),
	Q(SCOPE_INLET, "inlet"), Q(SCOPE_INPUT, "input"), Q(SCOPE_OUTPUT, "output"), Q(SCOPE_BYPASS, "bypass"),
	Q(SCOPE_BATTERY, "battery"), Q(SCOPE_BRANCH, "branch"), Q(SCOPE_SENSOR, "sensor"), Q(SCOPE_UNIT, "unit"),
	Q(SCOPE_NEUTRAL, "neutral"), Q(SCOPE_SUPPLY, "supply"), Q(SCOPE_RETURN, "return"), Q(SCOPE_ENTERING, "entering"),
	Q(SCOPE_LEAVING, "leaving"), Q(SCOPE_AMBIENT, "ambient"), Q(SCOPE_SYSTEM, "system"), { NULL, 0 },
};

/* UCUM first, then what vendors write.  Conversions: NIST SP 811 (2008) appendix B.8, exact ones by definition. */
static const struct unit_row { uint8_t dimension; const char *unit; struct ratio factor; int64_t offset; } units[] = {
	{ D_POWER, "W", { 1000, 1 } }, { D_POWER, "kW", { 1000000, 1 } }, { D_POWER, "MW", { 1000000000, 1 } },
	{ D_POWER, "mW", { 1, 1 } }, { D_POWER, "Watts", { 1000, 1 } }, { D_POWER, "Watt", { 1000, 1 } },
	{ D_POWER, "[Btu_IT]/h", { 29307107, 100000 } }, { D_POWER, "BTU/h", { 29307107, 100000 } },
	{ D_POWER, "RT", { 35168528, 10 } }, { D_POWER, "tons", { 35168528, 10 } }, { D_POWER, "kcal/h", { 1163, 1 } },
	{ D_VA, "V.A", { 1000, 1 } }, { D_VA, "VA", { 1000, 1 } }, { D_VA, "kV.A", { 1000000, 1 } }, { D_VA, "kVA", { 1000000, 1 } },
	{ D_VA, "MV.A", { 1000000000, 1 } }, { D_VA, "MVA", { 1000000000, 1 } },
	{ D_VAR, "var", { 1000, 1 } }, { D_VAR, "kvar", { 1000000, 1 } }, { D_VAR, "Mvar", { 1000000000, 1 } },
	{ D_VAR, "VAr", { 1000, 1 } }, { D_VAR, "VAR", { 1000, 1 } }, { D_VAR, "kVAr", { 1000000, 1 } }, { D_VAR, "kVAR", { 1000000, 1 } },
	{ D_WH, "W.h", { 1000, 1 } }, { D_WH, "Wh", { 1000, 1 } }, { D_WH, "kW.h", { 1000000, 1 } }, { D_WH, "kWh", { 1000000, 1 } },
	{ D_WH, "MW.h", { 1000000000, 1 } }, { D_WH, "MWh", { 1000000000, 1 } }, { D_WH, "GW.h", { 1000000000000, 1 } },
	{ D_WH, "GWh", { 1000000000000, 1 } }, { D_WH, "mW.h", { 1, 1 } }, { D_WH, "mWh", { 1, 1 } },
	{ D_WH, "J", { 5, 18 } }, { D_WH, "W.s", { 5, 18 } }, { D_WH, "Ws", { 5, 18 } }, { D_WH, "kJ", { 2500, 9 } },
	{ D_WH, "MJ", { 2500000, 9 } }, { D_WH, "GJ", { 2500000000, 9 } },
	{ D_VARH, "var.h", { 1000, 1 } }, { D_VARH, "varh", { 1000, 1 } }, { D_VARH, "kvar.h", { 1000000, 1 } },
	{ D_VARH, "kvarh", { 1000000, 1 } }, { D_VARH, "VARh", { 1000, 1 } }, { D_VARH, "kVARh", { 1000000, 1 } },
	{ D_VARH, "Mvar.h", { 1000000000, 1 } },
	{ D_VAH, "V.A.h", { 1000, 1 } }, { D_VAH, "VAh", { 1000, 1 } }, { D_VAH, "kV.A.h", { 1000000, 1 } }, { D_VAH, "kVAh", { 1000000, 1 } },
	{ D_VAH, "MV.A.h", { 1000000000, 1 } },
	{ D_A, "A", { 1000, 1 } }, { D_A, "mA", { 1, 1 } }, { D_A, "kA", { 1000000, 1 } }, { D_A, "Amps", { 1000, 1 } },
	{ D_V, "V", { 1000, 1 } }, { D_V, "mV", { 1, 1 } }, { D_V, "kV", { 1000000, 1 } }, { D_V, "Volts", { 1000, 1 } },
	{ D_HZ, "Hz", { 1000, 1 } }, { D_HZ, "mHz", { 1, 1 } }, { D_HZ, "kHz", { 1000000, 1 } },
	{ D_ONE, "1", { 1000, 1 } }, { D_ONE, "%", { 10, 1 } },
	{ D_TEMPERATURE, "Cel", { 1000, 1 } }, { D_TEMPERATURE, "degC", { 1000, 1 } }, { D_TEMPERATURE, "C", { 1000, 1 } },
	{ D_TEMPERATURE, "\xc2\xb0" "C", { 1000, 1 } }, { D_TEMPERATURE, "deg C", { 1000, 1 } }, { D_TEMPERATURE, "Celsius", { 1000, 1 } },
	{ D_TEMPERATURE, "\xe2\x84\x83", { 1000, 1 } },
	{ D_TEMPERATURE, "[degF]", { 5000, 9 }, -17778 }, { D_TEMPERATURE, "degF", { 5000, 9 }, -17778 },
	{ D_TEMPERATURE, "F", { 5000, 9 }, -17778 }, { D_TEMPERATURE, "\xc2\xb0" "F", { 5000, 9 }, -17778 },
	{ D_TEMPERATURE, "deg F", { 5000, 9 }, -17778 }, { D_TEMPERATURE, "Fahrenheit", { 5000, 9 }, -17778 },
	{ D_TEMPERATURE, "K", { 1000, 1 }, -273150 }, { D_TEMPERATURE, "mCel", { 1, 1 } },
	{ D_PERCENT, "%", { 1000, 1 } }, { D_PERCENT, "%RH", { 1000, 1 } }, { D_PERCENT, "%rH", { 1000, 1 } },
	{ D_PERCENT, "1", { 100000, 1 } }, { D_PERCENT, "percent", { 1000, 1 } }, { D_PERCENT, "% RH", { 1000, 1 } },
	{ D_FLOW, "l/min", { 1000, 1 } }, { D_FLOW, "L/min", { 1000, 1 } }, { D_FLOW, "l/s", { 60000, 1 } }, { D_FLOW, "L/s", { 60000, 1 } },
	{ D_FLOW, "l/h", { 50, 3 } }, { D_FLOW, "m3/h", { 50000, 3 } }, { D_FLOW, "m3/s", { 60000000, 1 } }, { D_FLOW, "m3/min", { 1000000, 1 } },
	{ D_FLOW, "[gal_us]/min", { 3785411784, 1000000 } }, { D_FLOW, "gpm", { 3785411784, 1000000 } }, { D_FLOW, "GPM", { 3785411784, 1000000 } },
	{ D_VOLUME, "m3", { 1000000, 1 } }, { D_VOLUME, "l", { 1000, 1 } }, { D_VOLUME, "L", { 1000, 1 } },
	{ D_VOLUME, "[gal_us]", { 3785411784, 1000000 } },
	{ D_AIRFLOW, "cfm", { 1000, 1 } }, { D_AIRFLOW, "CFM", { 1000, 1 } }, { D_AIRFLOW, "[cft_i]/min", { 1000, 1 } },
	/* 1 ft = 0.3048 m, so 1 cfm = 1.69901079552 m3/h */
	{ D_AIRFLOW, "m3/h", { 100000000000000, 169901079552 } }, { D_AIRFLOW, "m3/min", { 6000000000000000, 169901079552 } },
	{ D_AIRFLOW, "l/s", { 360000000000000, 169901079552 } }, { D_AIRFLOW, "L/s", { 360000000000000, 169901079552 } },
	{ D_AIRFLOW, "m3/s", { 360000000000000000, 169901079552 } },
	{ D_PRESSURE, "Pa", { 1000, 1 } }, { D_PRESSURE, "hPa", { 100000, 1 } }, { D_PRESSURE, "mbar", { 100000, 1 } },
	{ D_PRESSURE, "kPa", { 1000000, 1 } }, { D_PRESSURE, "bar", { 100000000, 1 } }, { D_PRESSURE, "MPa", { 1000000000, 1 } },
	{ D_PRESSURE, "psi", { 6894757, 1 } }, { D_PRESSURE, "[psi]", { 6894757, 1 } }, { D_PRESSURE, "inH2O", { 249089, 1 } },
	{ D_TIME, "s", { 1000, 1 } }, { D_TIME, "ms", { 1, 1 } }, { D_TIME, "cs", { 10, 1 } }, { D_TIME, "min", { 60000, 1 } },
	{ D_TIME, "h", { 3600000, 1 } }, { D_TIME, "d", { 86400000, 1 } },
	{ D_ROTATION, "/min", { 1000, 1 } }, { D_ROTATION, "rpm", { 1000, 1 } }, { D_ROTATION, "RPM", { 1000, 1 } },
	{ D_ANGLE, "deg", { 1000, 1 } },
	{ D_SPEED, "m/s", { 1000, 1 } }, { D_SPEED, "cm/s", { 10, 1 } }, { D_SPEED, "[ft_i]/min", { 508, 100 } }, { D_SPEED, "ft/min", { 508, 100 } }, { D_SPEED, "fpm", { 508, 100 } },
	{ D_PLAIN, "1", { 1, 1 } },
};

bool unit_factor(enum quantity q, const char *unit, struct ratio *factor, int64_t *offset_base)
{
	for (const struct unit_row *u = units; u < units + countof(units); u++)
		if (u->dimension == limits[q].dimension && !strcmp(u->unit, unit)) {
			*factor = u->factor;
			*offset_base = u->offset;
			return true;
		}
	return false;
}

void quantity_range(enum quantity q, int64_t *min, int64_t *max)
{
	*min = limits[q].min;
	*max = limits[q].max;
}

static __int128 gcd128(__int128 a, __int128 b)
{
	a = a < 0 ? -a : a;
	b = b < 0 ? -b : b;
	while (b) {
		__int128 rest = a % b;
		a = b;
		b = rest;
	}
	return a;
}

static bool ratio_of(__int128 num, __int128 den, struct ratio *out)
{
	if (!den)
		return false;
	__int128 g = gcd128(num, den);
	num /= g;
	den /= g;
	if (den < 0) {
		num = -num;
		den = -den;
	}
	if (num > INT64_MAX || num < -INT64_MAX || den > INT64_MAX)
		return false;
	*out = (struct ratio){ (int64_t)num, (int64_t)den };
	return true;
}

bool ratio_mul(struct ratio a, struct ratio b, struct ratio *out)
{
	return ratio_of((__int128)a.num * b.num, (__int128)a.den * b.den, out);
}

bool ratio_div(struct ratio a, struct ratio b, struct ratio *out)
{
	return ratio_of((__int128)a.num * b.den, (__int128)a.den * b.num, out);
}

/* Nearly every call: the compiler's 128-bit division takes ten times as long. */
static bool mul_div_64(int64_t a, int64_t b, int64_t c, int64_t *out)
{
	int64_t num;
	if (c <= 0 || c > INT64_MAX / 2 || __builtin_mul_overflow(a, b, &num))
		return false;
	if (c == 1) {
		*out = num;
		return true;
	}
	int64_t whole = num / c, rest = num % c;
	int64_t twice = 2 * (rest < 0 ? -rest : rest);
	if (twice > c || (twice == c && (whole & 1)))
		whole += num < 0 ? -1 : 1;
	*out = whole;
	return true;
}

bool mul_div(int64_t a, int64_t b, int64_t c, int64_t *out)
{
	if (!c)
		return false;
	if (mul_div_64(a, b, c, out))
		return true;
	__int128 num = (__int128)a * b, den = c;
	if (den < 0) {
		num = -num;
		den = -den;
	}
	__int128 whole = num / den, rest = num % den;
	__int128 twice = 2 * (rest < 0 ? -rest : rest);
	if (twice > den || (twice == den && (whole & 1)))
		whole += num < 0 ? -1 : 1;
	if (whole > INT64_MAX || whole < INT64_MIN)
		return false;
	*out = (int64_t)whole;
	return true;
}

static void whole_text(__int128 v, struct buf *out)
{
	char digits[48], *p = digits + sizeof digits;
	*--p = 0;
	do
		*--p = (char)('0' + (int)(v % 10));
	while (v /= 10);
	buf_str(out, p);
}

/* At most nine decimals; the last is rounded half to even. */
static void fraction_text(__int128 num, __int128 den, struct buf *out)
{
	enum { PLACES = 9 };
	__int128 power = 1000000000;
	/* keep rest * power inside 128 bits: den of a count ratio can be large */
	while (den > ((__int128)1 << 90)) {
		num >>= 1;
		den >>= 1;
	}
	__int128 whole = num / den, rest = (num % den) * power, part = rest / den, twice = 2 * (rest % den);
	if (twice > den || (twice == den && (part & 1)))
		part++;
	if (part == power) {
		whole++;
		part = 0;
	}
	whole_text(whole, out);
	if (!part)
		return;
	char digits[PLACES + 1];
	for (int i = PLACES - 1; i >= 0; i--, part /= 10)
		digits[i] = (char)('0' + (int)(part % 10));
	size_t n = PLACES;
	while (digits[n - 1] == '0')
		n--;
	buf_str(out, ".");
	buf_add(out, digits, n);
}

void quantity_text(enum quantity q, int64_t value, struct ratio count, struct buf *out)
{
	struct ratio shown;
	if (!ratio_div(count, quantities[q].base, &shown)) {
		buf_str(out, "?");
		return;
	}
	__int128 num = (__int128)value * shown.num;
	if (num < 0) {
		buf_str(out, "-");
		num = -num;
	}
	fraction_text(num, shown.den, out);
}
