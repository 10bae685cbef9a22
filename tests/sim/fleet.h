/* tests/sim/fleet.h - the devices that show the model to the network: who stands where and what it says at a time.
 *
 * Devices quantise to the counts of their registers and are otherwise exact, so that a PUE from registers can be compared
 * with the truth of the model.  A fault may change what a device says (fault.h); it never changes the model. */
#ifndef SIM_FLEET_H
#define SIM_FLEET_H

#include "tests/sim/fault.h"
#include "tests/sim/model.h"

enum device_class {
	CLASS_IEM3000, CLASS_ADW300, CLASS_CABINET, CLASS_CHILLER, CLASS_CLIMATE,   /* Modbus/TCP */
	CLASS_UPS, CLASS_RPDU2, CLASS_PX2, CLASS_INROW,                              /* SNMP */
	CLASSES
};
struct class_row {
	const char *profile, *energy_point, *vendor, *product;   /* energy_point NULL: no energy register */
	bool snmp;
	int64_t count_mwh, modulus;                              /* of the energy register; modulus in counts, 0: never met */
	int poll_s;
};
extern const struct class_row classes[CLASSES];

struct sim_device {
	char id[20], serial[16];
	enum device_class class;
	int node;                  /* of the model; -1: none */
	int rack, side, hall, unit_no;
	uint32_t address;          /* 127.x.y.z, host order */
	uint8_t unit;              /* Modbus */
	bool meter;                /* its register is in the ledger, so in history and site.yaml's meters */
	int64_t offset_mwh;        /* the register at the model's epoch */
	uint64_t chance;           /* seed of its own small differences */
	const struct fault *faults[FAULTS_A_DEVICE];
	int n_faults;
};

struct fleet {
	struct model *model;       /* borrowed */
	uint64_t seed;
	struct sim_device *devices;
	size_t n;
	struct fault **faults;     /* owned; devices point to them */
	size_t n_faults;
	int64_t start_ms;          /* site time at which devices last started (sysUpTime) */
};

/* How many devices show the site.  `racks_polled` racks (a multiple of 32, spread over all rows) have their two PDUs and a
 * climate sensor; crahs: the InRow units too; `extra`: so many more meters and so many more PDUs, each at an address of
 * its own, that show rack feeds once more (for benchmarks). */
struct fleet_size { int racks_polled, extra; bool crahs; };
enum { FLEET_EXTRA_MAX = 20000 };
struct fleet *fleet_new(struct model *m, uint64_t seed, struct fleet_size size, struct err *err);
void fleet_free(struct fleet *f);
struct sim_device *fleet_find(struct fleet *f, const char *id);
/* Gives a copy of the fault to the devices it names; a name that fits no device is an error. */
bool fleet_fault_add(struct fleet *f, const struct fault *fault, struct err *err) MUST_USE;
/* Takes all faults from the devices that fit the pattern. */
void fleet_fault_clear(struct fleet *f, const char *pattern);
/* The fault of this kind that acts on d now, or NULL. */
const struct fault *fleet_fault(const struct sim_device *d, enum fault_kind kind, struct wall now);

/* Base units: mW, mVA, mvar, mV, mA, mHz, m°C, m%, mW.h; power factor and shares in ppm; states as they are. */
enum point {
	PT_CONST, PT_POWER, PT_APPARENT, PT_REACTIVE, PT_FACTOR, PT_ENERGY, PT_FREQUENCY, PT_VOLTAGE, PT_VOLTAGE_LL, PT_VOLTAGE_MEAN, PT_CURRENT,
	PT_CURRENT_MEAN, PT_PHASE_POWER, PT_PHASE_APPARENT, PT_BRANCH_CURRENT, PT_BRANCH_POWER, PT_BRANCH_ENERGY, PT_OUTLET_CURRENT, PT_OUTLET_POWER,
	PT_OUTLET_ENERGY, PT_LEAVING, PT_ENTERING, PT_CAPACITY, PT_RUNNING, PT_LOAD, PT_INPUT_POWER, PT_INPUT_CURRENT, PT_BATTERY_MINUTES,
	PT_BATTERY_TEMPERATURE, PT_TEMPERATURE, PT_HUMIDITY, PT_COOLING, PT_AIR_SUPPLY, PT_AIR_RETURN, PT_FLOW, PT_UPTIME, PT_SERIAL
};
/* What device d says at site time t; faults of value (frozen, counter-reset, wrap, swapped) included.  False outside the model. */
bool fleet_value(struct fleet *f, const struct sim_device *d, struct wall t, enum point point, int index, int64_t *out);
/* value * num / den as a device counts it: energy is cut, everything else is rounded, half away from zero. */
int64_t sim_counts(enum point point, int64_t value, int64_t num, int64_t den);
/* The energy register in counts, already modulo its span. */
bool fleet_register(struct fleet *f, const struct sim_device *d, struct wall t, int64_t *counts);

#endif
