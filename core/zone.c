#include "core/zone.h"

void zone_bytes(const struct zone *z, struct buf *out)
{
	buf_printf(out, "%s\n", z->name);
	for (size_t i = 0; i < z->n; i++)
		buf_printf(out, "%lld %d\n", (long long)z->shifts[i].from.ms, z->shifts[i].offset_s);
}

int32_t zone_offset(const struct zone *z, struct wall t)
{
	int32_t offset = z->n ? z->shifts[0].offset_s : 0;
	for (size_t i = 0; i < z->n && z->shifts[i].from.ms <= t.ms; i++)
		offset = z->shifts[i].offset_s;
	return offset;
}

struct date zone_date(const struct zone *z, struct wall t)
{
	int64_t local = t.ms + (int64_t)zone_offset(z, t) * 1000;
	return date_of_days(local / 86400000 - (local % 86400000 < 0));
}

struct wall zone_day_start(const struct zone *z, struct date d)
{
	int64_t local = date_days(d) * 86400000;
	struct wall first = { INT64_MAX };
	/* local midnight under each offset near it; the earliest instant that really lies on that day wins */
	for (size_t i = 0; i < (z->n ? z->n : 1); i++) {
		int32_t offset = z->n ? z->shifts[i].offset_s : 0;
		struct wall t = { local - (int64_t)offset * 1000 };
		if (zone_offset(z, t) == offset && t.ms < first.ms)
			first = t;
		/* midnight fell into a jump forward: the day starts at the transition */
		if (i && z->shifts[i].from.ms < first.ms && date_compare(zone_date(z, z->shifts[i].from), d) == 0 &&
		    date_compare(zone_date(z, (struct wall){ z->shifts[i].from.ms - 1 }), d) < 0)
			first = z->shifts[i].from;
	}
	return first;
}
