/* core/sample.h - what one series said at one time, and how good it is.  Pure values.
 *
 * A stale value is never re-stamped: `at` is the time the device was read.  A missing value is a sample with its reason,
 * never a 0 and never the last value again. */
#ifndef CORE_SAMPLE_H
#define CORE_SAMPLE_H

#include "core/quantity.h"

enum quality { QUALITY_GOOD, QUALITY_STALE, QUALITY_SUBSTITUTED, QUALITY_BAD, QUALITY_MISSING, QUALITY_N };

/* Why a value is not good.  Text by reason_text(); each is one line of docs/formats.md. */
enum reason {
	REASON_NONE,
	REASON_TIMEOUT, REASON_REFUSED, REASON_UNREACHABLE, REASON_CLOSED,        /* wire */
	REASON_MALFORMED, REASON_EXCEPTION, REASON_NO_SUCH_OBJECT,                /* answer */
	REASON_SENTINEL, REASON_NOT_AVAILABLE, REASON_NAN, REASON_TYPE,           /* device says none; not a number */
	REASON_RANGE, REASON_IMPLAUSIBLE, REASON_FROZEN, REASON_IDENTITY,         /* plausibility */
	REASON_BREAKER, REASON_NOT_POLLED, REASON_CLOCK, REASON_MANUAL,
	REASON_RESCALED,                                                          /* its scale or unit is another one now */
	REASON_N
};

struct series {
	const char *id;            /* "DEVICE/POINT", unique in the site; the key in store, recordings and evidence */
	uint16_t device;           /* index into site.devices */
	uint8_t quantity, scope;   /* enum quantity, enum scope */
	bool configured;           /* a setting or rating: never summed */
	struct ratio count;        /* one count of `value` in base units; {1,1} except for energy registers */
	const char *label;         /* device's own name of the row, may be NULL; not trusted */
};

struct sample {
	uint32_t series;           /* index into the run's series table */
	uint8_t quality, reason;   /* enum quality, enum reason */
	int64_t value;             /* undefined unless quality is good, stale or substituted */
	struct stamp at;
};

const char *quality_text(enum quality q);
const char *reason_text(enum reason r);
bool quality_of_text(const char *text, enum quality *out);
static inline bool sample_has_value(const struct sample *s) { return s->quality <= QUALITY_SUBSTITUTED; }

#endif
