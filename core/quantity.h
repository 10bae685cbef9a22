/* core/quantity.h - the one vocabulary of quantities, scopes and units.
 *
 * A sample's value is an integer count of the quantity's base unit: milli of the coherent unit (mW, mV, mA, mHz, m°C, ...).
 * Energy registers are the exception: their value is the register's own count, and struct series says what a count is
 * worth in mW.h (domain.md 2.7 works in counts).  Names: IEC 61557-12, IEC 62053, RFC 1628; unit texts: UCUM.  Pure. */
#ifndef CORE_QUANTITY_H
#define CORE_QUANTITY_H

#include "core/conf.h"

enum quantity {
	Q_NONE, Q_ACTIVE_POWER, Q_APPARENT_POWER, Q_REACTIVE_POWER, Q_ENERGY, Q_REACTIVE_ENERGY, Q_APPARENT_ENERGY, Q_CURRENT,
	Q_VOLTAGE, Q_FREQUENCY, Q_POWER_FACTOR, Q_TEMPERATURE, Q_HUMIDITY, Q_DEW_POINT, Q_STATE, Q_LOAD, Q_COOLING_POWER,
	Q_COOLING_ENERGY, Q_FLOW, Q_VOLUME, Q_AIRFLOW, Q_PRESSURE, Q_FAN_SPEED, Q_VALVE_POSITION, Q_BATTERY_CHARGE,
	Q_BATTERY_RUNTIME, Q_BATTERY_VOLTAGE, Q_BATTERY_CURRENT, Q_BATTERY_TEMPERATURE, Q_RUN_HOURS, Q_COUNT, Q_SETTING,
	Q_ROTATION, Q_DISTORTION, Q_TIME, Q_PHASE_ANGLE, Q_AIR_SPEED, Q_N
};

/* Rated or configured values (settings, limits) are Q_SETTING-like: `configured` in the point, never summed. */
enum scope {
	SCOPE_NONE, SCOPE_TOTAL, SCOPE_PHASE, SCOPE_LINE, SCOPE_BANK, SCOPE_OUTLET, SCOPE_INLET, SCOPE_INPUT, SCOPE_OUTPUT,
	SCOPE_BYPASS, SCOPE_BATTERY, SCOPE_BRANCH, SCOPE_SENSOR, SCOPE_UNIT, SCOPE_NEUTRAL, SCOPE_SUPPLY, SCOPE_RETURN,
	SCOPE_ENTERING, SCOPE_LEAVING, SCOPE_AMBIENT, SCOPE_SYSTEM, SCOPE_N
};

struct quantity_row {
	const char *name;      /* "active_power" */
	const char *unit;      /* UCUM text shown to people and in probe: "W", "kW.h", "Cel", "%" */
	struct ratio base;     /* base units in one shown unit: 1000 (mW in a W), 1000000 (mWh in a kW.h) */
};
extern const struct quantity_row quantities[Q_N];
extern const char *const scope_names[SCOPE_N];
extern const struct conf_name quantity_names[], scope_conf_names[];   /* for conf_enum */

/* What a sane device may report, in base units; INT64_MIN/MAX where nothing can be said. */
void quantity_range(enum quantity q, int64_t *min, int64_t *max);

/* Factor from `unit` (UCUM, or an alias such as "degF", "kWh", "VA") into the base unit of q; offset for degF and K.
 * False when the unit does not measure q. */
bool unit_factor(enum quantity q, const char *unit, struct ratio *factor, int64_t *offset_base);

/* a*b and a/b in lowest terms; false when it does not fit (or b is 0). */
bool ratio_mul(struct ratio a, struct ratio b, struct ratio *out);
bool ratio_div(struct ratio a, struct ratio b, struct ratio *out);

/* Exact a*b/c rounded half to even; false when it does not fit. */
bool mul_div(int64_t a, int64_t b, int64_t c, int64_t *out);

/* Decimal text of value (base units of q, or counts worth `count` each) in the shown unit, shortest exact. */
void quantity_text(enum quantity q, int64_t value, struct ratio count, struct buf *out);

#endif
