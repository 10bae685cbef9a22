#include "core/recording.h"
#include "core/level.h"

#include <string.h>

static bool blank(char c) { return c == ' ' || c == '\t' || c == ','; }

/* The next word of the line; false at its end, or at the remark behind it.  A comma is a blank: recordings come from spreadsheets too. */
static bool word(const char **p, const char *end, const char **from, size_t *len)
{
	while (*p < end && blank(**p))
		(*p)++;
	*from = *p;
	while (*p < end && !blank(**p) && **p != '\r')
		(*p)++;
	*len = (size_t)(*p - *from);
	bool ends = !*len || **from == '#';
	*p = ends ? end : *p;
	return !ends;
}

static const int64_t year_3000_ms = INT64_C(32503680000000);

/* Two digits at p, as a number; -1 when they are none. */
static int two(const char *p)
{
	return p[0] >= '0' && p[0] <= '9' && p[1] >= '0' && p[1] <= '9' ? (p[0] - '0') * 10 + p[1] - '0' : -1;
}


/* "Z" or "+08:00". */
static bool short_offset(const char *p, int64_t *ms)
{
	*ms = 0;
	if (p[0] == 'Z')
		return p[1] == 0;
	int h, m;
	if ((p[0] != '+' && p[0] != '-') || strlen(p) != 6 || p[3] != ':' || (h = two(p + 1)) < 0 || h > 23 || (m = two(p + 4)) < 0 || m > 59)
		return false;
	*ms = (p[0] == '-' ? -1 : 1) * (h * 60 + m) * 60000LL;
	return true;
}

static bool parse_time(const char *text, size_t len, struct wall *out, struct err *err)
{
	char copy[48];
	if (len >= sizeof copy)
		return err_set(err, ERR_INPUT, "the time is too long");
	memcpy(copy, text, len);
	copy[len] = 0;
	/* the common form, days that every month has: everything else takes the full parser */
	int64_t offset_ms;
	if (len >= 20 && copy[4] == '-' && copy[7] == '-' && copy[10] == 'T' && copy[13] == ':' && copy[16] == ':' && short_offset(copy + 19, &offset_ms)) {
		int century = two(copy), year = two(copy + 2), month = two(copy + 5), day = two(copy + 8);
		int h = two(copy + 11), m = two(copy + 14), s = two(copy + 17);
		if (century >= 0 && year >= 0 && month >= 1 && month <= 12 && day >= 1 && day <= 28 && h >= 0 && h < 24 && m >= 0 && m < 60 && s >= 0 && s < 60) {
			struct date d = { century * 100 + year, (int8_t)month, (int8_t)day };
			out->ms = ((date_days(d) * 24 + h) * 60 + m) * 60000LL + s * 1000 - offset_ms;
			return true;
		}
	}
	return wall_parse(copy, out, err);
}

static bool parse_value(const char *p, size_t len, struct recording_line *out)
{
	const char *end = p + len;
	bool negative = *p == '-', point = false;
	out->digits = 0;
	out->places = 0;
	out->has_value = !(len == 1 && *p == '-');
	if (!out->has_value)
		return true;
	p += *p == '-' || *p == '+';
	if (p == end)
		return false;
	int n = 0;
	for (; p < end; p++) {
		if (*p == '.' && !point) {
			point = true;
			continue;
		}
		if (*p < '0' || *p > '9' || __builtin_mul_overflow(out->digits, 10, &out->digits) ||
		    __builtin_add_overflow(out->digits, *p - '0', &out->digits))
			return false;
		out->places += point;
		n++;
	}
	if (negative)
		out->digits = -out->digits;
	return n > 0;
}

/* The words in any case. */
static bool parse_quality(const char *from, size_t len, enum quality *out)
{
	char text[16];
	if (len >= sizeof text)
		return false;
	for (size_t i = 0; i < len; i++)
		text[i] = from[i] >= 'A' && from[i] <= 'Z' ? (char)(from[i] + ('a' - 'A')) : from[i];
	text[len] = 0;
	return quality_of_text(text, out);
}

static bool parse_boot(const char *p, size_t len, struct mono *out)
{
	int64_t v = 0;
	for (size_t i = 0; i < len; i++)
		if (p[i] < '0' || p[i] > '9' || __builtin_mul_overflow(v, 10, &v) || __builtin_add_overflow(v, p[i] - '0', &v))
			return false;
	out->ms = v;
	return len > 0 && v <= INT64_C(1) << 50;        /* 35,000 years: differences of clocks stay in range */
}

static enum recording bad(struct err *err, const char *line, const char *at, const char *what)
{
	err_set(err, ERR_INPUT, "column %d: %s", (int)(at - line) + 1, what);
	return RECORDING_BAD;
}

static bool parse_poll(const char *from, size_t len, int64_t *ms)
{
	char text[16];
	if (len >= sizeof text)
		return false;
	memcpy(text, from, len);
	text[len] = 0;
	return duration_ms_parse(text, ms) && *ms > 0 && *ms <= INT64_C(31) * 86400000;
}

static enum recording remark(const char *line, const char *p, const char *end, struct recording_line *out, struct err *err)
{
	const char *from;
	size_t n;
	struct recording_line span = { .quality = QUALITY_GOOD };
	if (!word(&p, end, &from, &n))
		return RECORDING_NOTHING;
	if (n == 7 && !memcmp(from, "session", 7))
		return RECORDING_SESSION;
	if (n == 4 && !memcmp(from, "poll", 4) && word(&p, end, &from, &n) && *from >= '0' && *from <= '9') {
		if (!parse_poll(from, n, &span.poll_ms))
			return bad(err, line, from, "the distance of the readings is no duration; write '# poll 15m'");
		*out = span;
		return RECORDING_POLL;
	}
	bool is_span = n == 4 && !memcmp(from, "span", 4) && word(&p, end, &from, &n) && parse_time(from, n, &span.wall, NULL) &&
		       word(&p, end, &from, &n) && parse_time(from, n, &span.until, NULL);
	if (is_span)
		*out = span;
	return is_span ? RECORDING_SPAN : RECORDING_NOTHING;
}

static bool is_number(const char *p, size_t n)
{
	size_t digits = 0, points = 0;
	for (size_t i = *p == '-' || *p == '+'; i < n; i++) {
		digits += p[i] >= '0' && p[i] <= '9';
		points += p[i] == '.';
	}
	return digits && points <= 1 && digits + points + (*p == '-' || *p == '+') == n;
}

/* VALUE [QUALITY [MONOTONIC-MS]]: NULL, or why not, and then *from is where. */
static const char *parse_rest(const char *p, const char *end, struct recording_line *r, const char **from)
{
	size_t n;
	if (!word(&p, end, from, &n))
		return "the value is missing; write '-' where the device gave none";
	const char *value = *from;
	if (!parse_value(value, n, r))
		return is_number(value, n) ? "more digits than any register has; is it the register's count?" : "not a number; write the register's count, a decimal, or '-'";
	if (!r->has_value)
		r->quality = QUALITY_MISSING;
	bool more = word(&p, end, from, &n), number = more && **from >= '0' && **from <= '9';      /* the quality may be left out */
	if (more && !number && !parse_quality(*from, n, &r->quality))
		return "unknown quality; use good, stale, substituted, bad or missing";
	if (number || (more && word(&p, end, from, &n))) {
		if (!parse_boot(*from, n, &r->boot))
			return "monotonic milliseconds must be a whole number";
		r->has_boot = true;
	}
	if (word(&p, end, from, &n))
		return "something stands behind the reading; write '#' before a remark";
	*from = value;
	return !r->has_value && r->quality <= QUALITY_SUBSTITUTED ? "a reading without value cannot be good; write missing or bad" : NULL;
}

enum recording recording_parse(const char *line, size_t len, struct recording_line *out, struct err *err)
{
	static const char mark[] = { '\xef', '\xbb', '\xbf' };          /* what some editors put before the first line */
	const char *end = line + len, *p = len >= sizeof mark && !memcmp(line, mark, sizeof mark) ? line + sizeof mark : line, *from = line;
	size_t n;
	struct recording_line r = { .quality = QUALITY_GOOD }, rest;
	while (p < end && blank(*p))
		p++;
	if (p < end && *p == '#')
		return remark(line, p + 1, end, out, err);
	if (!word(&p, end, &from, &n))
		return RECORDING_NOTHING;
	if (!parse_time(from, n, &r.wall, err)) {
		err_wrap(err, "column %d", (int)(from - line) + 1);
		return RECORDING_BAD;
	}
	if (r.wall.ms < 0 || r.wall.ms >= year_3000_ms)
		return bad(err, line, from, "a time before 1970 or after 2999 is no time of a reading; was the clock set?");
	if (!word(&p, end, &from, &n))
		return bad(err, line, from, "DEVICE/POINT is missing");
	if (n >= sizeof r.id || !memchr(from, '/', n))
		return bad(err, line, from, "expected DEVICE/POINT");
	memcpy(r.id, from, n);
	r.id[n] = 0;
	rest = r;
	r.unreadable = parse_rest(p, end, &rest, &from);
	r.column = (int)(from - line) + 1;
	*out = r.unreadable ? r : rest;
	return RECORDING_READING;
}

int64_t recording_power(int n)
{
	int64_t p = 1;
	while (n-- > 0)
		p *= 10;
	return p;
}

bool recording_value(const struct recording_line *line, struct ratio factor, bool rounds, int64_t *value)
{
	if (line->places > 18)
		return false;
	struct ratio f = factor.num ? factor : (struct ratio){ 1, 1 };
	__int128 scaled = (__int128)line->digits * f.num, over = (__int128)recording_power(line->places) * f.den;
	if (scaled % over && !rounds)
		return false;
	scaled = scaled % over ? div_half_even(scaled, over) : scaled / over;
	if (scaled > INT64_MAX || scaled < INT64_MIN)
		return false;
	*value = (int64_t)scaled;
	return true;
}
