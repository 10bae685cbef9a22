#include "tests/unit/test.h"
#include "core/zone.h"

static const struct parse_row { const char *name, *text; bool good; int64_t ms; const char *printed; } parse_rows[] = {
	{ "epoch", "1970-01-01T00:00:00Z", true, 0, "1970-01-01T00:00:00Z" },
	{ "offset", "2026-01-01T00:00:00+08:00", true, 1767196800000, "2025-12-31T16:00:00Z" },
	{ "negative offset", "2025-12-31T11:00:00-05:00", true, 1767196800000, "2025-12-31T16:00:00Z" },
	{ "milliseconds", "2026-01-01T00:00:00.250Z", true, 1767225600250, "2026-01-01T00:00:00.250Z" },
	{ "nanoseconds are cut", "2026-01-01T00:00:00.250999999Z", true, 1767225600250, "2026-01-01T00:00:00.250Z" },
	{ "leap day", "2024-02-29T12:00:00Z", true, 1709208000000, "2024-02-29T12:00:00Z" },
	{ "no leap day", "2025-02-29T12:00:00Z", false, 0, NULL },
	{ "leap second stays in its minute", "2016-12-31T23:59:60Z", true, 1483228799999, "2016-12-31T23:59:59.999Z" },
	{ "after 2038", "2038-01-19T03:14:08Z", true, 2147483648000, "2038-01-19T03:14:08Z" },
	{ "before 1970", "1969-12-31T23:59:59.500Z", true, -500, "1969-12-31T23:59:59.500Z" },
	{ "no offset", "2026-01-01T00:00:00", false, 0, NULL },
	{ "month 13", "2026-13-01T00:00:00Z", false, 0, NULL },
	{ "hour 24", "2026-01-01T24:00:00Z", false, 0, NULL },
	{ "rest", "2026-01-01T00:00:00Zx", false, 0, NULL },
	{ "empty fraction", "2026-01-01T00:00:00.Z", false, 0, NULL },
};

static void parses(void **state)
{
	(void)state;
	for (const struct parse_row *r = parse_rows; r < parse_rows + countof(parse_rows); r++) {
		struct wall t = { 42 };
		struct err err = { 0 };
		char text[WALL_TEXT];
		row_check(r, wall_parse(r->text, &t, &err) == r->good);
		row_check(r, r->good ? t.ms == r->ms : t.ms == 42);
		if (r->good)
			row_check(r, strcmp(wall_text(t, text), r->printed) == 0);
	}
}

static void dates_round_trip(void **state)
{
	(void)state;
	for (int64_t d = -200000; d < 200000; d += 13)
		assert_int_equal(date_days(date_of_days(d)), d);
}

/* Europe/Berlin around 2026 and Asia/Shanghai; 23- and 25-hour days. */
static const struct zone_shift berlin[] = { { { 1729990800000 }, 3600 }, { { 1774746000000 }, 7200 }, { { 1792890000000 }, 3600 } };
static const struct zone_shift shanghai[] = { { { INT64_MIN }, 28800 } };
static const struct day_row { const char *name; const struct zone_shift *shifts; size_t n; const char *day; int hours; const char *start; } day_rows[] = {
	{ "spring", berlin, 3, "2026-03-29", 23, "2026-03-28T23:00:00Z" },
	{ "autumn", berlin, 3, "2026-10-25", 25, "2026-10-24T22:00:00Z" },
	{ "ordinary", berlin, 3, "2026-06-01", 24, "2026-05-31T22:00:00Z" },
	{ "fixed offset", shanghai, 1, "2026-01-01", 24, "2025-12-31T16:00:00Z" },
};

static void local_days(void **state)
{
	(void)state;
	for (const struct day_row *r = day_rows; r < day_rows + countof(day_rows); r++) {
		struct zone z = { .name = "test", .shifts = r->shifts, .n = r->n };
		struct date d;
		char text[WALL_TEXT];
		row_check(r, date_parse(r->day, &d, NULL));
		struct wall a = zone_day_start(&z, d), b = zone_day_start(&z, date_of_days(date_days(d) + 1));
		row_check(r, strcmp(wall_text(a, text), r->start) == 0);
		row_check(r, b.ms - a.ms == r->hours * 3600000);
		row_check(r, date_compare(zone_date(&z, a), d) == 0);
		row_check(r, date_compare(zone_date(&z, (struct wall){ b.ms - 1 }), d) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parses), cmocka_unit_test(dates_round_trip), cmocka_unit_test(local_days) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
