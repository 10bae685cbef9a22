/* rules/exact.h - exact numbers with a dimension, and intervals of them.
 *
 * A number is a fraction of 128-bit integers in lowest terms, so that 100*E_T < 125*E_IT is decided exactly and never by
 * rounding.  What does not fit is reported as unknown by the caller: evaluation is total.  Dimensions are exponents
 * (yuan/kW.h is money^1 energy^-1), checked when a pack is loaded.  Base units: mW.h, fen, gram, mW, litre.  Pure. */
#ifndef RULES_EXACT_H
#define RULES_EXACT_H

#include "core/conf.h"

struct exact { __int128 num, den; };            /* den > 0, lowest terms */

struct exact exact_int(int64_t v);
struct exact exact_ratio(struct ratio r);
/* False: does not fit in 128 bits, or division by zero. */
bool exact_add(struct exact a, struct exact b, struct exact *out) MUST_USE;
bool exact_sub(struct exact a, struct exact b, struct exact *out) MUST_USE;
bool exact_mul(struct exact a, struct exact b, struct exact *out) MUST_USE;
bool exact_div(struct exact a, struct exact b, struct exact *out) MUST_USE;
int exact_compare(struct exact a, struct exact b);             /* -1, 0, 1; exact for all values */
enum rounding { ROUND_HALF_EVEN, ROUND_DOWN, ROUND_UP };       /* down and up: toward -inf and +inf */
/* To a multiple of step (> 0). */
bool exact_round(struct exact v, struct exact step, enum rounding mode, struct exact *out) MUST_USE;
bool exact_int64(struct exact v, int64_t *out) MUST_USE;       /* an integer that fits */

enum dimension { DIM_ENERGY, DIM_MONEY, DIM_MASS, DIM_POWER, DIM_VOLUME, DIM_COUNT };
struct dim { int8_t power[DIM_COUNT]; };
bool dim_equal(struct dim a, struct dim b);
struct dim dim_mul(struct dim a, struct dim b, int sign);      /* sign -1: a/b */

/* "yuan/kW.h", "%", "tce", "": factor is base units in one of it. */
struct unit { char name[32]; struct dim dim; struct exact factor; };
bool unit_parse(const char *text, struct unit *out);
struct unit unit_default(struct dim dim);                      /* kW.h, yuan, tce, kW, m3; for others the base */
/* "1000 yuan", "70 %", "1.25", "0.2 yuan/kW.h". */
bool exact_parse(const char *text, struct exact *value, struct unit *unit);

/* v in `unit`, rounded once to `digits` (half to even, GB/T 8170) or to as many more as it takes to stand on the same side of
 * *limit as the exact value; digits -1: as few as an exact integer needs, else 3 (2 for % and money).  With the unit's name. */
void exact_text(struct exact v, const struct unit *unit, const struct exact *limit, int digits, char *out, size_t size);

#endif
