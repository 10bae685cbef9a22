#include "core/time.h"

#include <stdio.h>
#include <string.h>

/* Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms": days_from_civil, civil_from_days. */
int64_t date_days(struct date d)
{
	int64_t y = d.year - (d.month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (d.month + (d.month > 2 ? -3 : 9)) + 2) / 5 + d.day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
	return era * 146097 + doe - 719468;
}

struct date date_of_days(int64_t days)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;
	int64_t month = mp < 10 ? mp + 3 : mp - 9;
	return (struct date){ .year = (int32_t)(yoe + era * 400 + (month <= 2)), .month = (int8_t)month,
			      .day = (int8_t)(doy - (153 * mp + 2) / 5 + 1) };
}

int date_compare(struct date a, struct date b)
{
	int64_t x = date_days(a), y = date_days(b);
	return (x > y) - (x < y);
}

static bool digits(const char **p, int n, int *out)
{
	int v = 0;
	for (int i = 0; i < n; i++, (*p)++) {
		if (**p < '0' || **p > '9')
			return false;
		v = v * 10 + (**p - '0');
	}
	*out = v;
	return true;
}

static bool mark(const char **p, char c)
{
	return **p == c && (*p)++;
}

static bool date_step(const char **p, struct date *out)
{
	int y, m, d;
	if (!digits(p, 4, &y) || !mark(p, '-') || !digits(p, 2, &m) || !mark(p, '-') || !digits(p, 2, &d))
		return false;
	struct date date = { .year = y, .month = (int8_t)m, .day = (int8_t)d };
	if (m < 1 || m > 12 || d < 1 || date_compare(date_of_days(date_days(date)), date) != 0 ||
	    date_of_days(date_days(date)).month != m)
		return false;
	*out = date;
	return true;
}

bool date_parse(const char *text, struct date *out, struct err *err)
{
	const char *p = text;
	struct date d;
	if (!date_step(&p, &d) || *p)
		return err_set(err, ERR_INPUT, "'%.40s' is not a date; write YYYY-MM-DD", text);
	*out = d;
	return true;
}

const char *date_text(struct date d, char out[DATE_TEXT])
{
	snprintf(out, DATE_TEXT, "%04d-%02d-%02d", d.year % 10000, d.month, d.day);
	return out;
}

static bool offset_step(const char **p, int64_t *offset_s)
{
	int h, m;
	if (mark(p, 'Z') || mark(p, 'z')) {
		*offset_s = 0;
		return true;
	}
	int64_t sign = **p == '-' ? -1 : 1;
	if (**p != '+' && **p != '-')
		return false;
	(*p)++;
	if (!digits(p, 2, &h) || !mark(p, ':') || !digits(p, 2, &m) || h > 23 || m > 59)
		return false;
	*offset_s = sign * (h * 3600 + m * 60);
	return true;
}

static bool wall_step(const char **p, struct wall *out)
{
	struct date d;
	int h, m, s;
	int64_t ms = 0, offset_s;
	if (!date_step(p, &d) || (**p != 'T' && **p != 't' && **p != ' '))
		return false;
	(*p)++;
	if (!digits(p, 2, &h) || !mark(p, ':') || !digits(p, 2, &m) || !mark(p, ':') || !digits(p, 2, &s))
		return false;
	if (h > 23 || m > 59 || s > 60)
		return false;
	if (mark(p, '.')) {
		int n = 0;
		for (int64_t unit = 100; **p >= '0' && **p <= '9' && n < 9; (*p)++, n++, unit /= 10)
			ms += unit * (**p - '0');
		if (n == 0)
			return false;
	}
	if (!offset_step(p, &offset_s))
		return false;
	/* a leap second 23:59:60 is the last millisecond of 23:59:59: POSIX time has no place for it */
	if (s == 60) {
		s = 59;
		ms = 999;
	}
	out->ms = ((date_days(d) * 24 + h) * 60 + m) * 60000 + s * 1000 + ms - offset_s * 1000;
	return true;
}

bool wall_parse(const char *text, struct wall *out, struct err *err)
{
	const char *p = text;
	struct wall t;
	if (!wall_step(&p, &t) || *p)
		return err_set(err, ERR_INPUT, "'%.40s' is not a time with its offset; write 2026-01-31T08:15:00+08:00", text);
	*out = t;
	return true;
}

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

const char *wall_text_at(struct wall t, int32_t offset_s, char out[WALL_TEXT])
{
	int64_t local = t.ms + (int64_t)offset_s * 1000;
	int64_t days = floor_div(local, 86400000), in_day = local - days * 86400000;
	char date[DATE_TEXT], fraction[8] = "", zone[8] = "Z";
	date_text(date_of_days(days), date);
	if (in_day % 1000)
		snprintf(fraction, sizeof fraction, ".%03d", (int)(in_day % 1000));
	if (offset_s) {
		int minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
		snprintf(zone, sizeof zone, "%c%02d:%02d", offset_s < 0 ? '-' : '+', minutes / 60 % 100, minutes % 60);
	}
	snprintf(out, WALL_TEXT, "%sT%02d:%02d:%02d%s%s", date, (int)(in_day / 3600000), (int)(in_day / 60000 % 60),
		 (int)(in_day / 1000 % 60), fraction, zone);
	return out;
}

const char *wall_text(struct wall t, char out[WALL_TEXT])
{
	return wall_text_at(t, 0, out);
}
