#include "core/level.h"

enum { DEN_BITS = 40 };
static const int64_t mwh_max = INT64_C(1) << 56;    /* 72 TWh: a hundred such terms still sum in 64 bits */

__int128 div_floor(__int128 a, __int128 b)
{
	/* 64-bit division is several times faster and nearly always enough */
	if (a >= 0 && a <= INT64_MAX && b <= INT64_MAX)
		return (int64_t)a / (int64_t)b;
	__int128 q = a / b;
	return q * b > a ? q - 1 : q;
}

__int128 div_half_even(__int128 a, __int128 b)
{
	__int128 q = div_floor(a, b), rest = a - q * b;
	if (rest > b - rest || (rest == b - rest && q % 2 != 0))
		q++;
	return q;
}

bool level_add(struct level *l, int64_t units, int64_t num)
{
	__int128 sum = (__int128)units * num;
	/* |units| < 2^63 and num < 2^63: the product fits, the sum with rest < 2^40 too */
	sum += l->rest;
	__int128 whole = l->den == 1 ? sum : div_floor(sum, l->den);
	if (whole > mwh_max || whole < -mwh_max || whole + l->mwh > mwh_max || whole + l->mwh < -mwh_max)
		return false;
	l->mwh += (int64_t)whole;
	l->rest = (int64_t)(sum - whole * l->den);
	return true;
}

int64_t gcd64(int64_t a, int64_t b)
{
	while (b) {
		int64_t t = a % b;
		a = b;
		b = t;
	}
	return a;
}

void level_rebase(struct level *l, int64_t den)
{
	if (!l->rest) {
		l->den = den;
		return;
	}
	__int128 common = (__int128)l->den / gcd64(l->den, den) * den;
	if (common >> DEN_BITS) {
		l->mwh = level_round(*l);
		*l = (struct level){ l->mwh, 0, den };
		return;
	}
	l->rest *= (int64_t)common / l->den;
	l->den = (int64_t)common;
}

int64_t level_round(struct level l)
{
	/* half to even looks at the whole number too */
	return l.mwh + (l.rest * 2 > l.den || (l.rest * 2 == l.den && l.mwh % 2 != 0));
}

int64_t level_between(struct level a, struct level b, int64_t part, int64_t whole)
{
	if (part <= 0 || part >= whole)
		return level_round(part <= 0 ? a : b);
	/* (b - a) = step + frac/den; step * part = whole * q + r */
	__int128 along = ((__int128)b.mwh - a.mwh) * part;
	__int128 q = div_floor(along, whole), r = along - q * whole;
	__int128 over = (__int128)a.den * whole;
	__int128 rest = r * a.den + ((__int128)b.rest - a.rest) * part + (__int128)a.rest * whole;
	__int128 base = a.mwh + q, more = div_floor(rest, over);
	rest -= more * over;
	base += more;
	/* half to even must see the whole number, not only its fraction */
	if (rest > over - rest || (rest == over - rest && base % 2 != 0))
		base++;
	return (int64_t)base;
}
