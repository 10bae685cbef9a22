/* tests/sim/registers.h - a Modbus device as a pure function: request PDU in, answer PDU out.
 *
 * Maps are rows of register_maps[] (registers.c), with their source.  FC 1-4, 17 and 43/14; every other function is
 * exception 1, a range outside the map exception 2, a bad count exception 3.  Registers between two values read as 0. */
#ifndef SIM_REGISTERS_H
#define SIM_REGISTERS_H

#include "tests/sim/fleet.h"

enum { MODBUS_PDU_MAX = 253 };

/* Bytes of the answer, always at least 2.  d's faults of content (wrong-order, swapped, exception) are in it. */
size_t registers_answer(struct fleet *f, const struct sim_device *d, struct wall t, const uint8_t *pdu, size_t len,
			uint8_t out[MODBUS_PDU_MAX]);

/* Whose map and values d shows: itself, or another when swapped. */
const struct sim_device *registers_shown(struct fleet *f, const struct sim_device *d, struct wall t, enum device_class *as);

#endif
