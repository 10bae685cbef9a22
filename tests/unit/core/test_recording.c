#include "tests/unit/test.h"
#include "core/recording.h"

enum { UNREADABLE = -1 };       /* in place of ms: the time and the series are read, the rest is not */
static const struct line_row { const char *name, *line; enum recording kind; int64_t ms; const char *id; int64_t digits; int places; enum quality quality; int64_t boot; } rows[] = {
	{ "whole", "2025-01-01T00:00:00+08:00 feed-a/total.energy 48211744 good 1234567", RECORDING_READING, 1735660800000, "feed-a/total.energy", 48211744, 0, QUALITY_GOOD, 1234567 },
	{ "short", "2025-01-01T00:00:00Z a/b 5", RECORDING_READING, 1735689600000, "a/b", 5, 0, QUALITY_GOOD, -1 },
	{ "milliseconds", "2025-01-01T00:00:00.250Z a/b 5", RECORDING_READING, 1735689600250, "a/b", 5, 0, QUALITY_GOOD, -1 },
	{ "day 31", "2025-01-31T00:00:00Z a/b 5", RECORDING_READING, 1738281600000, "a/b", 5, 0, QUALITY_GOOD, -1 },
	{ "decimal", "2025-01-01T00:00:00Z a/b -12.50", RECORDING_READING, 1735689600000, "a/b", -1250, 2, QUALITY_GOOD, -1 },
	{ "none", "2025-01-01T00:00:00Z a/b -", RECORDING_READING, 1735689600000, "a/b", 0, 0, QUALITY_MISSING, -1 },
	{ "bad", "2025-01-01T00:00:00Z a/b 7 bad", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_BAD, -1 },
	{ "tabs and carriage return", "2025-01-01T00:00:00Z\ta/b\t7\r", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_GOOD, -1 },
	{ "commas", "2025-01-01T00:00:00Z,a/b,7,bad,55", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_BAD, 55 },
	{ "monotonic without quality", "2025-01-01T00:00:00Z a/b 7 1500\r", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_GOOD, 1500 },
	{ "none, with monotonic", "2025-01-01T00:00:00Z a/b - 1500", RECORDING_READING, 1735689600000, "a/b", 0, 0, QUALITY_MISSING, 1500 },
	{ "byte order mark", "\xef\xbb\xbf" "2025-01-01T00:00:00Z a/b 7", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_GOOD, -1 },
	{ "leap second", "2016-12-31T23:59:60Z a/b 7", RECORDING_READING, 1483228799999, "a/b", 7, 0, QUALITY_GOOD, -1 },
	{ "quality in capitals", "2025-01-01T00:00:00Z a/b 7 GOOD 1500", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_GOOD, 1500 },
	{ "quality as a word", "2025-01-01T00:00:00Z a/b 7 Bad", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_BAD, -1 },
	{ "remark behind", "2025-01-01T00:00:00Z a/b 7 good # as read", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_GOOD, -1 },
	{ "remark behind the value", "2025-01-01T00:00:00Z a/b 7 #as read", RECORDING_READING, 1735689600000, "a/b", 7, 0, QUALITY_GOOD, -1 },
	{ "a remark is no value", "2025-01-01T00:00:00Z a/b # 7", RECORDING_READING, UNREADABLE },
	{ "a hash inside a name", "2025-01-01T00:00:00Z a/b#1 7", RECORDING_READING, 1735689600000, "a/b#1", 7, 0, QUALITY_GOOD, -1 },
	{ "text", "2025-01-01T00:00:00Z a/state \"on battery\" good", RECORDING_READING, UNREADABLE },
	{ "session without blank", "#session\r", RECORDING_SESSION },
	{ "session behind blanks", "  # session", RECORDING_SESSION },
	{ "two monotonics", "2025-01-01T00:00:00Z a/b 7 1500 1500", RECORDING_READING, UNREADABLE },
	{ "a blank line of another system", "\r", RECORDING_NOTHING },
	{ "remark", "# anything", RECORDING_NOTHING },
	{ "blank", "   ", RECORDING_NOTHING },
	{ "session", "# session", RECORDING_SESSION },
	{ "span", "# span 2025-01-01T00:00:00Z 2026-01-01T00:00:00Z", RECORDING_SPAN, 1735689600000, "", 0, 0, QUALITY_GOOD, -1 },
	{ "poll", "# poll 15m", RECORDING_POLL, 900000, "", 0, 0, QUALITY_GOOD, -1 },
	{ "a remark about polls", "# poll as often as you can", RECORDING_NOTHING },
	{ "a poll of no duration", "# poll 15minutes", RECORDING_BAD },
	{ "a poll of nothing", "# poll 0s", RECORDING_BAD },
	{ "no offset", "2025-01-01T00:00:00 a/b 5", RECORDING_BAD },
	{ "month 13", "2025-13-01T00:00:00Z a/b 5", RECORDING_BAD },
	{ "February 30", "2025-02-30T00:00:00Z a/b 5", RECORDING_BAD },
	{ "no slash", "2025-01-01T00:00:00Z ab 5", RECORDING_BAD },
	{ "no value", "2025-01-01T00:00:00Z a/b", RECORDING_READING, UNREADABLE },
	{ "two points", "2025-01-01T00:00:00Z a/b 1.2.3", RECORDING_READING, UNREADABLE },
	{ "too many digits", "2025-01-01T00:00:00Z a/b 99999999999999999999", RECORDING_READING, UNREADABLE },
	{ "unknown quality", "2025-01-01T00:00:00Z a/b 1 fine", RECORDING_READING, UNREADABLE },
	{ "good without value", "2025-01-01T00:00:00Z a/b - good", RECORDING_READING, UNREADABLE },
	{ "rest", "2025-01-01T00:00:00Z a/b 1 good 5 6", RECORDING_READING, UNREADABLE },
};

static void parses(void **state)
{
	(void)state;
	for (const struct line_row *r = rows; r < rows + countof(rows); r++) {
		struct recording_line out = { 0 };
		struct err err = { 0 };
		row_check(r, recording_parse(r->line, strlen(r->line), &out, &err) == r->kind);
		row_check(r, (r->kind == RECORDING_BAD) == (err.kind != ERR_NONE));
		row_check(r, r->kind != RECORDING_POLL || out.poll_ms == r->ms);
		if (r->kind != RECORDING_READING && r->kind != RECORDING_SPAN)
			continue;
		row_check(r, (r->ms == UNREADABLE) == !!out.unreadable);
		if (out.unreadable) {
			row_check(r, out.id[0] == 'a' && out.wall.ms == 1735689600000 && !out.has_value && !out.has_boot && out.column > 21);
			continue;
		}
		row_check(r, out.wall.ms == r->ms && !strcmp(out.id, r->id) && out.digits == r->digits && out.places == r->places);
		row_check(r, out.quality == r->quality && out.has_boot == (r->boot >= 0) && (r->boot < 0 || out.boot.ms == r->boot));
	}
}

static const struct value_row { const char *name; int64_t digits; int places; int64_t fraction; bool good; int64_t value; } value_rows[] = {
	{ "count", 42, 0, 1, true, 42 }, { "12.50 as thousandths", 1250, 2, 1000, true, 12500 }, { "12.0 is a count", 120, 1, 1, true, 12 },
	{ "half a count", 125, 1, 1, false, 0 }, { "overflow", INT64_MAX, 0, 1000, false, 0 }, { "zero fraction is one", 7, 0, 0, true, 7 },
};

static void scales(void **state)
{
	(void)state;
	for (const struct value_row *r = value_rows; r < value_rows + countof(value_rows); r++) {
		struct recording_line line = { .digits = r->digits, .places = r->places };
		int64_t v = -1;
		row_check(r, recording_value(&line, (struct ratio){ r->fraction, 1 }, false, &v) == r->good);
		row_check(r, !r->good || v == r->value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(parses), cmocka_unit_test(scales) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
