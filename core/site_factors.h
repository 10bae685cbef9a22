/* core/site_factors.h - figures of others that turn energies into something else: CO2 of the grid, coal equivalent.  They are data with a
 * source, a status and a validity, never constants of the program (docs/configuration.md, "factors").  Pure. */
#ifndef CORE_SITE_FACTORS_H
#define CORE_SITE_FACTORS_H

#include "core/site.h"

/* What each kind multiplies: the energy of meters of a role as it counts in E_DC, or energy saved. */
enum factor_kind { FACTOR_GRID_CO2, FACTOR_FUEL_CO2, FACTOR_GENERATOR_CO2, FACTOR_HEAT_CO2, FACTOR_COAL, FACTOR_N };
extern const struct conf_name factor_kind_names[];

struct site_factor {
	int kind;
	int64_t micro;                  /* 1e-6 kg/kW.h: exact, what has more decimals is refused */
	const char *source, *status;    /* status as in packs: S, P:n, M, D, m+, m?; "m?" (unverified) when not stated */
	struct wall from, to;           /* INT64_MIN/MAX when open */
	struct conf_place place;
};
static inline const struct site_factor *site_factors(const struct site *s) { return s->factors.items; }
/* The one that holds at an instant; NULL: none. */
const struct site_factor *site_factor_at(const struct site *s, int kind, struct wall at);
/* CO2 factor of the meters of a role and the sign of their energy; FACTOR_N: these cause none (PV, export, what is no term). */
int factor_of_role(int role);
/* Was this figure checked against its official text?  Unverified ones are named where they are used. */
bool factor_verified(const struct site_factor *f);

extern const struct conf_field site_factor_fields[];
extern const struct conf_list site_factor_list;
/* Two of one kind at the same time, an end before its begin. */
void site_factors_check(struct conf *c, const struct conf_node *list, const struct site *s);
void site_factors_canonical(const struct site *s, struct buf *out);

#endif
