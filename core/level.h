/* core/level.h - an exact cumulative energy, and a point on the straight line between two of them.
 *
 * A level is mwh + rest/den mW.h with 0 <= rest < den.  Levels are added and interpolated exactly and rounded only when
 * printed at a boundary (domain.md 2.7 rule 6), half to even (GB/T 8170).  128-bit products; no doubles.  Pure. */
#ifndef CORE_LEVEL_H
#define CORE_LEVEL_H

#include "core/conf.h"

struct level { int64_t mwh, rest, den; };

/* level + units * num/den, where den is the level's; false (and unchanged) when the result leaves +-2^56 mW.h (72 TW.h). */
bool level_add(struct level *l, int64_t units, int64_t num);
/* Puts the level over another denominator; a fraction that does not fit 2^40 is rounded half to even. */
void level_rebase(struct level *l, int64_t den);
/* Rounded mW.h. */
int64_t level_round(struct level l);
/* Rounded mW.h of a + (b - a) * part/whole, 0 <= part <= whole, whole > 0; a and b over the same den. */
int64_t level_between(struct level a, struct level b, int64_t part, int64_t whole);

int64_t gcd64(int64_t a, int64_t b);               /* of non-negative numbers */
/* a/b rounded half to even, b > 0. */
__int128 div_half_even(__int128 a, __int128 b);
__int128 div_floor(__int128 a, __int128 b);

#endif
