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

void pack_further_of(const struct pack *p, size_t i, const struct pack_window *main, const struct zone *zone, struct pack_further *out)
{
	const struct pack_window_spec *w = &ROWS(struct pack_window_spec, p->windows)[i];
	struct date end = w->kind == WINDOW_PRECEDING ? first_of_month(main->first_day) : day_after(main->last_day);
	if (w->kind == WINDOW_LOAD_FRACTION && end.day != 1)
		end = first_of_month(end);          /* a snapshot: the whole months before it */
	struct date from = add_months(first_of_month(end), -w->months);
	*out = (struct pack_further){ .name = p->window_names[i], .from = zone_day_start(zone, from), .to = zone_day_start(zone, end), .first_day = from,
				      .last_day = date_of_days(date_days(end) - 1), .at_load = w->kind == WINDOW_LOAD_FRACTION, .load = w->load, .within = w->within };
}

bool pack_at_load(const struct pack_further *w, int64_t it_mwh, int64_t ms, int64_t rated_mw)
{
	/* |it * 3600000 / (ms * rated) - load| <= within, without a division */
	struct exact power, off;
	if (ms <= 0 || rated_mw <= 0 || it_mwh < 0 || !exact_mul(exact_int(it_mwh), exact_int(3600000), &power) || !exact_div(power, exact_int(ms), &power) ||
	    !exact_div(power, exact_int(rated_mw), &power) || !exact_sub(power, exact_ratio(w->load), &off))
		return false;
	off.num = off.num < 0 ? -off.num : off.num;
	return exact_compare(off, exact_ratio(w->within)) <= 0;
}
