/* Which window a pack asks for, on a given day. */
#include "rules/language.h"

#include <string.h>

static struct date first_of_month(struct date d)
{
	return (struct date){ .year = d.year, .month = d.month, .day = 1 };
}

static struct date add_months(struct date first, int64_t months)
{
	int64_t index = (int64_t)first.year * 12 + first.month - 1 + months;
	return (struct date){ .year = (int32_t)(index / 12), .month = (int8_t)(index % 12 + 1), .day = 1 };
}

static struct date day_after(struct date d)
{
	return date_of_days(date_days(d) + 1);
}

static struct date earlier(struct date a, struct date b)
{
	return date_compare(a, b) < 0 ? a : b;
}

/* The first day of a month that lies on or after the event. */
static struct date month_on_or_after(struct date d)
{
	return d.day == 1 ? d : add_months(first_of_month(d), 1);
}

static struct date event_day(const struct pack_window_spec *w, const struct site *site)
{
	if (!w->event)
		return (struct date){ 0 };
	return strcmp(w->event, "operation_start") == 0 ? site->operation_start : site->retrofit_completed;
}

/* Days [from, end): `end` is the day after the last. */
struct days { struct date from, end; };

static struct days rolling(const struct pack_window_spec *w, struct date end, struct date event)
{
	struct days d = { add_months(first_of_month(end), -w->months), first_of_month(end) };
	struct date start = event.year ? month_on_or_after(event) : d.from;
	/* not yet enough months since the event: the interim window from there, if there is a whole month */
	if (w->interim && date_compare(start, d.from) > 0 && date_compare(add_months(start, 1), d.end) <= 0)
		d.from = start;
	return d;
}

static struct days since(const struct pack_window_spec *w, struct date end, struct date event)
{
	struct days d = { month_on_or_after(event), add_months(month_on_or_after(event), w->months) };
	if (w->interim && date_compare(d.end, end) > 0 && date_compare(add_months(d.from, 1), first_of_month(end)) <= 0)
		d.end = first_of_month(end);
	return d;
}

bool pack_window_of(const struct pack *p, const struct site *site, const struct zone *zone, struct date judged, struct pack_window *out,
		    struct err *err)
{
	const struct pack_window_spec *w = &p->window;
	struct date event = event_day(w, site), end = judged;
	struct days d;
	if (w->end_by.year)
		end = earlier(end, day_after(w->end_by));
	switch (w->kind) {
	case WINDOW_CALENDAR_YEAR:
		d = (struct days){ { end.year - 1, 1, 1 }, { end.year, 1, 1 } };
		break;
	case WINDOW_SNAPSHOT:
		d = (struct days){ judged, day_after(judged) };
		break;
	case WINDOW_SINCE:
		if (!event.year)
			return err_set(err, ERR_RANGE, "pack %s asks for a window since '%s', which the site does not state; add the date", p->id, w->event);
		d = since(w, end, event);
		break;
	default:
		d = rolling(w, end, event);
		break;
	}
	*out = (struct pack_window){ .from = zone_day_start(zone, d.from), .to = zone_day_start(zone, d.end), .first_day = d.from,
				     .last_day = date_of_days(date_days(d.end) - 1) };
	out->annual = date_compare(add_months(d.from, 12), d.end) == 0;
	return true;
}
