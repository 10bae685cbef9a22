/* tests/unit/store/sealed.h - a store with everything a store may hold: leaves of all kinds, signed heads, reports in all states, a closed
 * month, a day, hours and ticks. */
#ifndef TEST_STORE_SEALED_H
#define TEST_STORE_SEALED_H

#include "tests/unit/store/days.h"

/* In kit_dir(); closed when it returns. */
void sealed_make(void);

#endif
