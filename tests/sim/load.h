/* tests/sim/load.h - what IT, weather and plant do in a quarter of an hour: pure functions of seed, day and quarter.
 *
 * Days count from the model's epoch (2024-12-01, a Sunday), quarters from local midnight.  Whole numbers only, so that
 * every machine computes the same site. */
#ifndef SIM_LOAD_H
#define SIM_LOAD_H

#include "tests/sim/model.h"

/* Power of one part of the weight of a rack's feed, of the row's steady or batch signal. */
int64_t load_it_mw(uint64_t seed, int row, int batch, int64_t day, int quarter);
int64_t load_outdoor_mc(uint64_t seed, int64_t day, int quarter);

/* Heat to be moved: of the site, of the IT in each hall; wet bulb in milli-degrees. */
struct heat { int64_t total_mw, hall_mw[SIM_HALLS], wet_mc; int64_t day; int quarter; };
int64_t load_plant_mw(const struct node *n, const struct heat *h);

/* value * ppm / 1000000. */
int64_t load_part(int64_t value, int64_t ppm);

#endif
