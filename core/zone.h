/* core/zone.h - local calendars from a transition table that the edge makes from tzdata and hands in.
 * The table used is part of the evidence: zone_bytes() is its canonical form.  Pure. */
#ifndef CORE_ZONE_H
#define CORE_ZONE_H

#include "core/buf.h"
#include "core/time.h"

struct zone_shift { struct wall from; int32_t offset_s; };   /* valid from `from` until the next row */

struct zone {
	char name[64];                 /* IANA name, "Asia/Shanghai" */
	const struct zone_shift *shifts;   /* ascending; the first row also holds for all earlier time */
	size_t n;
};

/* "NAME\n", then a line "MILLISECONDS OFFSET_SECONDS\n" a row. */
void zone_bytes(const struct zone *z, struct buf *out);
int32_t zone_offset(const struct zone *z, struct wall t);
struct date zone_date(const struct zone *z, struct wall t);           /* local civil date of an instant */
/* First instant of a local day (the day may have 23 or 25 hours). */
struct wall zone_day_start(const struct zone *z, struct date d);

#endif
