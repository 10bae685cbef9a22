/* core/time.h - the two clocks.  Time is never a bare integer.  Pure: reading a clock is the edge's work.
 *
 * wall: UTC, milliseconds since 1970-01-01 (no leap seconds, as POSIX).  mono: CLOCK_BOOTTIME in milliseconds,
 * comparable only inside one session (one boot of one machine, or one part of a recording). */
#ifndef CORE_TIME_H
#define CORE_TIME_H

#include "core/err.h"

struct wall { int64_t ms; };
struct mono { int64_t ms; };

/* When something was seen: both clocks, the session of the boot clock, and whether wall was synchronised (adjtimex). */
struct stamp {
	struct wall wall;
	struct mono boot;
	uint32_t session;
	bool synced;
};

/* RFC 3339.  Parsing takes any offset and up to nine fraction digits (cut to ms); a time without offset is refused.
 * Printing is UTC with 'Z', or with an offset of `offset_s` seconds; fraction only when not zero. */
bool wall_parse(const char *text, struct wall *out, struct err *err) MUST_USE;
enum { WALL_TEXT = 40 };
const char *wall_text(struct wall t, char out[WALL_TEXT]);
const char *wall_text_at(struct wall t, int32_t offset_s, char out[WALL_TEXT]);

/* Civil date arithmetic, proleptic Gregorian.  Days are days since 1970-01-01. */
struct date { int32_t year; int8_t month, day; };
int64_t date_days(struct date d);
struct date date_of_days(int64_t days);
bool date_parse(const char *text, struct date *out, struct err *err) MUST_USE;   /* 2026-01-31 */
enum { DATE_TEXT = 16 };
const char *date_text(struct date d, char out[DATE_TEXT]);
int date_compare(struct date a, struct date b);

#endif
