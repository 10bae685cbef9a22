/* core/bind.h - from a profile and what one device has (rows, labels, scales, units) to its list of values.
 *
 * A machine like identify: run each request of discover_next() and push its reading, then discover_finish().  Modbus
 * profiles without scale registers need no request at all.  SNMP: the walks and GETs of exactly the columns that the
 * profile names; after that only GETs of known objects are made (requirements.md R28).  Pure. */
#ifndef CORE_BIND_H
#define CORE_BIND_H

#include "core/arena.h"
#include "core/profile.h"

struct companion { struct oid *oid; const struct test *test; };

/* Where a device tells a scale or a unit, and what it told at discovery.  It is read with the values in each poll: while it says
 * something else, what it scales is no value (a wrong power of ten looks right). */
struct guard { uint8_t space; uint16_t address; struct coding coding; struct oid *oid; const char *was; };

/* One value of one device.  Texts belong to the bound. */
struct bound_point {
	const char *name;            /* unique in the device, [A-Za-z0-9._-]: "outlet.10.power" */
	const char *index;           /* "10", "1.2", "" for a value without index */
	const char *label;           /* the device's or the profile's words; NULL: none; not trusted */
	const char *source;          /* "1.3.6.1.4.1.318.1.1.26.4.3.1.5.1" or "holding 0x0034": of the value itself */
	const struct point *point;   /* the profile's row: states, missing rules, confidence, source */
	uint8_t quantity, scope;     /* enum quantity, enum scope */
	bool configured;             /* setting or rating: never summed */
	bool duplicate;              /* another point has the same value: never summed */
	bool resettable;
	bool is_float;               /* energy from a float or text register: counts of 1 mW.h, no modulus */
	struct ratio count;          /* for struct series: {1,1} but for energy registers (mW.h of one count) */
	int64_t modulus;             /* counts; 0: none declared */

	/* for plan and decode */
	uint8_t space;               /* Modbus */
	uint16_t address;
	struct coding coding;
	struct oid *oid;             /* SNMP: of the value */
	struct companion *companions;        /* SNMP: objects read with the value; it is missing unless all tests hold */
	uint8_t n_companions, n_guards;
	const uint32_t *guards;      /* into bound.guards */
	struct ratio factor;         /* raw -> base units (raw -> counts is 1/1 for integer energy) */
	double factor_real;          /* the same for float registers */
	int64_t offset;              /* base units, added last */
	int64_t min, max;            /* plausible, base units, inclusive; INT64_MIN/MAX open */
};

struct bound {
	const struct profile *profile;
	struct bound_point *points;
	size_t n;
	struct guard *guards;
	uint32_t n_guards;
	bool partial;                /* a walk was cut: rows may be missing; discover again later */
	uint32_t n_unscaled;         /* rows that are no points because what their scale_from names is 0 or not there */
	const char *unscaled;        /* the first of them: its name; NULL: none */
	char vendor[128], model[128], firmware[128], serial[128], name[128];   /* "" when the device does not say: identity check */
	struct arena arena;
};

struct discover;
/* `overrides` are borrowed until discover_free(); may be NULL with n 0. */
struct discover *discover_new(const struct profile *profile, const struct point_override *overrides, size_t n, struct err *err);
const struct request *discover_next(struct discover *d);
void discover_push(struct discover *d, const struct reading *reading);
/* The caller owns the result.  NULL: ERR_UNAVAILABLE when a request got no answer (try again), ERR_INPUT when the device
 * has no value of this profile, ERR_CONFIG when an override names no point or has a wrong unit. */
struct bound *discover_finish(struct discover *d, struct err *err);
void discover_free(struct discover *d);

void bound_free(struct bound *b);
/* Two devices with equal bounds may share one bound and one plan: both are immutable (thousands of PDUs of one model then
 * cost the memory of one).  The identity texts are not compared: keep serial and the like beside the device before sharing. */
bool bound_equal(const struct bound *a, const struct bound *b);
/* Index of the point with this name, or -1. */
int64_t bound_find(const struct bound *b, const char *name);
/* Fills a series row: id is "DEVICE/POINT" and must be given by the caller, who keeps it. */
void bound_series(const struct bound *b, size_t i, const char *id, uint16_t device, struct series *out);

/* The name of a state value ("normal"), NULL when the profile names none. */
const char *bound_state(const struct bound_point *p, int64_t value);
/* Value as people and `probe` see it: number in quantities[].unit, or the state's name, "unknown state 7" where
 * the profile names others but not this one; never called for a missing sample. */
void bound_value_text(const struct bound_point *p, int64_t value, struct buf *out);

#endif
