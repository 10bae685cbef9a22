#include "rules/exact.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef __int128 wide;               /* the compiler's type has no name of one word */
typedef unsigned __int128 uwide;

static uwide magnitude(wide v)
{
	return v < 0 ? -(uwide)v : (uwide)v;
}

static uwide gcd(uwide a, uwide b)
{
	while (b) {
		uwide r = a % b;
		a = b;
		b = r;
	}
	return a;
}

/* Lowest terms with den > 0.  The most negative number is refused: its magnitude is no number of the type. */
static bool reduced(wide num, wide den, struct exact *out)
{
	const wide lowest = (wide)1 << 126;
	if (den == 0 || num <= -lowest || num >= lowest || den <= -lowest || den >= lowest)
		return false;
	uwide g = gcd(magnitude(num), magnitude(den));
	wide sign = den < 0 ? -1 : 1;
	*out = (struct exact){ sign * (num / (wide)g), sign * (den / (wide)g) };
	return true;
}

struct exact exact_int(int64_t v)
{
	return (struct exact){ v, 1 };
}

struct exact exact_ratio(struct ratio r)
{
	struct exact out = { 0, 1 };
	return reduced(r.num, r.den, &out) ? out : (struct exact){ 0, 1 };
}

bool exact_add(struct exact a, struct exact b, struct exact *out)
{
	wide g = (wide)gcd(magnitude(a.den), magnitude(b.den)), left, right, num, den;
	return !__builtin_mul_overflow(a.num, b.den / g, &left) && !__builtin_mul_overflow(b.num, a.den / g, &right) &&
	       !__builtin_add_overflow(left, right, &num) && !__builtin_mul_overflow(a.den, b.den / g, &den) && reduced(num, den, out);
}

bool exact_sub(struct exact a, struct exact b, struct exact *out)
{
	return exact_add(a, (struct exact){ -b.num, b.den }, out);
}

bool exact_mul(struct exact a, struct exact b, struct exact *out)
{
	wide g = (wide)gcd(magnitude(a.num), magnitude(b.den)), h = (wide)gcd(magnitude(b.num), magnitude(a.den)), num, den;
	return !__builtin_mul_overflow(a.num / g, b.num / h, &num) && !__builtin_mul_overflow(a.den / h, b.den / g, &den) &&
	       reduced(num, den, out);
}

bool exact_div(struct exact a, struct exact b, struct exact *out)
{
	struct exact inverse = { b.den, b.num };
	if (b.num == 0)
		return false;
	if (b.num < 0)
		inverse = (struct exact){ -b.den, -b.num };
	return exact_mul(a, inverse, out);
}

static wide floor_div(wide a, wide b)
{
	return a / b - (a % b < 0);
}

/* By continued fractions: no product, so nothing overflows. */
int exact_compare(struct exact a, struct exact b)
{
	for (int sign = 1;; sign = -sign) {
		wide qa = floor_div(a.num, a.den), qb = floor_div(b.num, b.den);
		if (qa != qb)
			return qa < qb ? -sign : sign;
		wide ra = a.num - qa * a.den, rb = b.num - qb * b.den;
		if (ra == 0 || rb == 0)
			return ra == rb ? 0 : ra == 0 ? -sign : sign;
		a = (struct exact){ a.den, ra };
		b = (struct exact){ b.den, rb };
	}
}

bool exact_round(struct exact v, struct exact step, enum rounding mode, struct exact *out)
{
	struct exact n;
	if (step.num <= 0 || !exact_div(v, step, &n))
		return false;
	wide q = floor_div(n.num, n.den), twice = 2 * (n.num - q * n.den);
	bool up = mode == ROUND_UP ? twice > 0 : mode == ROUND_HALF_EVEN && (twice > n.den || (twice == n.den && q % 2 != 0));
	return exact_mul((struct exact){ q + up, 1 }, step, out);
}

bool exact_int64(struct exact v, int64_t *out)
{
	if (v.den != 1 || v.num > INT64_MAX || v.num < INT64_MIN)
		return false;
	*out = (int64_t)v.num;
	return true;
}

bool dim_equal(struct dim a, struct dim b)
{
	return memcmp(&a, &b, sizeof a) == 0;
}

struct dim dim_mul(struct dim a, struct dim b, int sign)
{
	for (int i = 0; i < DIM_COUNT; i++)
		a.power[i] = (int8_t)(a.power[i] + sign * b.power[i]);
	return a;
}

/* One row a unit; both spellings where people write two. */
static const struct unit_row { const char *name; int dimension; int64_t num, den; } unit_rows[] = {
	{ "", -1, 1, 1 }, { "%", -1, 1, 100 }, { "ppm", -1, 1, 1000000 }, { "rack", -1, 1, 1 },
	{ "W.h", DIM_ENERGY, 1000, 1 }, { "kW.h", DIM_ENERGY, 1000000, 1 }, { "MW.h", DIM_ENERGY, 1000000000, 1 },
	{ "GW.h", DIM_ENERGY, 1000000000000, 1 }, { "mW.h", DIM_ENERGY, 1, 1 },
	{ "Wh", DIM_ENERGY, 1000, 1 }, { "kWh", DIM_ENERGY, 1000000, 1 }, { "MWh", DIM_ENERGY, 1000000000, 1 },
	{ "GWh", DIM_ENERGY, 1000000000000, 1 },
	{ "fen", DIM_MONEY, 1, 1 }, { "yuan", DIM_MONEY, 100, 1 }, { "元", DIM_MONEY, 100, 1 }, { "万元", DIM_MONEY, 1000000, 1 },
	{ "gce", DIM_MASS, 1, 1 }, { "kgce", DIM_MASS, 1000, 1 }, { "tce", DIM_MASS, 1000000, 1 },
	{ "g", DIM_MASS, 1, 1 }, { "kg", DIM_MASS, 1000, 1 }, { "t", DIM_MASS, 1000000, 1 },
	{ "W", DIM_POWER, 1000, 1 }, { "kW", DIM_POWER, 1000000, 1 }, { "MW", DIM_POWER, 1000000000, 1 },
	{ "L", DIM_VOLUME, 1, 1 }, { "m3", DIM_VOLUME, 1000, 1 },
};

static const struct unit_row *unit_row(const char *name, size_t len)
{
	for (size_t i = 0; i < countof(unit_rows); i++)
		if (strlen(unit_rows[i].name) == len && memcmp(unit_rows[i].name, name, len) == 0)
			return &unit_rows[i];
	return NULL;
}

static bool unit_step(struct unit *u, const char *name, size_t len, int sign)
{
	const struct unit_row *row = unit_row(name, len);
	struct exact factor;
	if (!row)
		return false;
	factor = sign > 0 ? (struct exact){ row->num, row->den } : (struct exact){ row->den, row->num };
	if (row->dimension >= 0)
		u->dim.power[row->dimension] = (int8_t)(u->dim.power[row->dimension] + sign);
	return exact_mul(u->factor, factor, &u->factor);
}

bool unit_parse(const char *text, struct unit *out)
{
	struct unit u = { .factor = { 1, 1 } };
	if (strlen(text) >= sizeof u.name)
		return false;
	strcpy(u.name, text);
	for (int sign = 1;; sign = -1) {
		const char *end = strchr(text, '/');
		if (!unit_step(&u, text, end ? (size_t)(end - text) : strlen(text), sign))
			return false;
		if (!end)
			break;
		text = end + 1;
	}
	*out = u;
	return true;
}

struct unit unit_default(struct dim dim)
{
	static const char *const names[DIM_COUNT] = { "kW.h", "yuan", "tce", "kW", "m3" };
	struct unit u = { .factor = { 1, 1 }, .dim = dim };
	for (int i = 0; i < DIM_COUNT; i++) {
		struct unit one;
		if (unit_parse(names[i], &one) && dim_equal(one.dim, dim))
			return one;
	}
	return u;
}

bool exact_parse(const char *text, struct exact *value, struct unit *unit)
{
	char number[48];
	size_t n = strspn(text, "+-0123456789.e");
	const char *rest = text + n;
	struct ratio r;
	struct unit u;
	if (n == 0 || n >= sizeof number)
		return false;
	memcpy(number, text, n);
	number[n] = 0;
	while (*rest == ' ')
		rest++;
	if (!ratio_parse(number, &r) || !unit_parse(rest, &u))
		return false;
	*unit = u;
	return exact_mul(exact_ratio(r), u.factor, value);
}

static bool decimal(struct exact rounded, int digits, char *out, size_t size)
{
	char whole[44];
	uwide scale = 1, v;
	for (int i = 0; i < digits; i++)
		scale *= 10;
	if (__builtin_mul_overflow(magnitude(rounded.num), scale / (uwide)rounded.den, &v))
		return false;
	size_t n = sizeof whole - 1;
	whole[n] = 0;
	for (int i = 0; n > 0 && (v || i <= digits); i++) {
		if (i == digits && digits)
			whole[--n] = '.';
		if (n)
			whole[--n] = (char)('0' + (int)(v % 10));
		v /= 10;
	}
	snprintf(out, size, "%s%s", rounded.num < 0 ? "-" : "", whole + n);
	return true;
}

/* As few as an exact short decimal needs; else three, for shares and money two. */
static int default_digits(struct exact scaled, const struct unit *unit)
{
	wide power = 1;
	for (int digits = 0; digits <= 4; digits++, power *= 10)
		if (power % scaled.den == 0)
			return digits;
	return strcmp(unit->name, "%") == 0 || unit->dim.power[DIM_MONEY] ? 2 : 3;
}

static bool same_side(struct exact rounded, struct exact v, const struct exact *limit)
{
	return !limit || exact_compare(rounded, *limit) == exact_compare(v, *limit);
}

/* `more` than the first rounding: until the text stands where the value stands. */
static bool decimal_on_side(struct exact v, const struct exact *limit, int digits, char *out, size_t size)
{
	enum { DIGITS_MAX = 24 };
	struct exact rounded, step = { 1, 1 };
	for (int i = 0; i < digits; i++)
		step.den *= 10;
	for (; digits <= DIGITS_MAX; digits++, step.den *= 10)
		if (exact_round(v, step, ROUND_HALF_EVEN, &rounded) && same_side(rounded, v, limit))
			return decimal(rounded, digits, out, size);
	return false;
}

void exact_text(struct exact v, const struct unit *unit, const struct exact *limit, int digits, char *out, size_t size)
{
	struct exact scaled = { 0, 1 }, border = { 0, 1 };
	char number[48] = "?", near[48];
	bool good = exact_div(v, unit->factor, &scaled) && (!limit || exact_div(*limit, unit->factor, &border));
	if (good && !decimal_on_side(scaled, limit ? &border : NULL, digits >= 0 ? digits : default_digits(scaled, unit), number, sizeof number) &&
	    limit && decimal_on_side(border, NULL, default_digits(border, unit), near, sizeof near))
		/* closer to the limit than digits tell */
		snprintf(number, sizeof number, "%c%.40s", exact_compare(v, *limit) < 0 ? '<' : '>', near);
	snprintf(out, size, "%s%s%s", number, unit->name[0] ? " " : "", unit->name);
}
