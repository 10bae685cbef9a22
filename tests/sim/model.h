/* tests/sim/model.h - the physics of one data center: 1,024 racks, 32 rows, 4 halls, 2 feeds.  Integers only.
 *
 * Power is constant within each minute and a multiple of 60 mW, so the energy of every whole minute is a whole number of
 * mW.h and the tree adds up to the mW.h at every whole minute: a node is the sum of its children and its own loss.
 *
 * Everything is built from signals (per row two IT signals, per plant item one, per loss one).  A signal has a base value
 * per quarter of an hour, from calendar, weather and seeded noise, and inside the quarter a seeded ripple whose sum is
 * zero; so energy at any time is closed form: days before + quarters before + minutes before + part of a minute.
 * Losses and cooling follow the base value of what they serve.  A rack's feed is a fixed whole-number mix of its row's two
 * signals, so racks add up to their row cabinet exactly.  The model is its own invention; the ratios are common figures. */
#ifndef SIM_MODEL_H
#define SIM_MODEL_H

#include "core/time.h"

enum {
	SIM_HALLS = 4, SIM_ROWS = 32, SIM_RACKS_A_ROW = 32, SIM_RACKS = SIM_ROWS * SIM_RACKS_A_ROW, SIM_TRANSFORMERS = 4, SIM_NODES_MAX = 160,
	SIM_OFFSET_S = 8 * 3600   /* local time of the site; Asia/Shanghai has had no summer time since 1991 */
};
/* Energies count from here: 2024-12-01T00:00+08:00; the model ends ten years later. */
#define SIM_EPOCH_MS INT64_C(1732982400000)
enum { SIM_DAYS = 3650 };

enum node_kind {
	NODE_UTILITY, NODE_TRANSFORMER, NODE_UPS_IN, NODE_UPS_OUT, NODE_ROW, NODE_CHILLER, NODE_CHILLED_PUMP, NODE_CONDENSER_PUMP,
	NODE_TOWER, NODE_CRAH, NODE_LIGHTING, NODE_OFFICE, NODE_SECURITY, NODE_AUXILIARY, NODE_KINDS
};
enum row_function { ROW_COMPUTE, ROW_STORAGE, ROW_NETWORK };

/* Parents come before their children.  side: 0 A, 1 B; hall, row and unit count from 0, -1 where there is none. */
struct node { char id[16]; enum node_kind kind; int parent, side, hall, row, unit; };

struct model;
struct model *model_new(uint64_t seed);
void model_free(struct model *m);

int model_nodes(const struct model *m);
const struct node *model_node(const struct model *m, int node);
int model_find(const struct model *m, const char *id);           /* -1: no such node */
enum row_function model_row_function(int row);

/* Moves the model to a time; all below speak of it.  False outside the model's ten years. */
bool model_at(struct model *m, struct wall t, struct err *err) MUST_USE;
int64_t model_energy_mwh(const struct model *m, int node);        /* since the epoch, cut to the mW.h */
int64_t model_power_mw(const struct model *m, int node);          /* of the minute */
int64_t model_rack_energy_mwh(const struct model *m, int rack, int side);
int64_t model_rack_power_mw(const struct model *m, int rack, int side);
/* Exact energy in mW.ms / 60, for checks that cut nothing. */
int64_t model_energy_exact(const struct model *m, int node);
int64_t model_outdoor_mc(const struct model *m);                  /* dry bulb, of the quarter */
bool model_chiller_runs(const struct model *m, int unit);

/* Seeded chance as a pure function: -1000000..1000000. */
int32_t sim_chance(uint64_t seed, uint64_t what, uint64_t when);

#endif
