/* Plausibility over one device's values at one time. */
#include "core/decode.h"

#include <stdlib.h>
#include <string.h>

struct checker {
	const struct bound *b;
	struct sample *s;
	bool mark;
	struct buf *out;
	size_t found;
};

/* What `*` of the pattern stands for in name; false when it does not match. */
static bool star_of(const char *pattern, const char *name, char *star, size_t room)
{
	const char *at = strchr(pattern, '*');
	size_t before = at ? (size_t)(at - pattern) : 0, after = at ? strlen(at + 1) : 0, len = strlen(name);
	star[0] = 0;
	if (!at)
		return !strcmp(pattern, name);
	if (len < before + after || len - before - after >= room || strncmp(pattern, name, before) || strcmp(name + len - after, at + 1))
		return false;
	memcpy(star, name + before, len - before - after);
	star[len - before - after] = 0;
	return star[0] != 0;
}

static int64_t with_star(const struct checker *k, const char *pattern, const char *star)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	const char *at = strchr(pattern, '*');
	if (!at)
		return bound_find(k->b, pattern);
	buf_add(&b, pattern, (size_t)(at - pattern));
	buf_str(&b, star);
	buf_str(&b, at + 1);
	return b.data ? bound_find(k->b, b.data) : -1;
}

static bool value_at(const struct checker *k, int64_t i, __int128 *v)
{
	if (i < 0 || k->s[i].quality != QUALITY_GOOD)
		return false;
	*v = k->s[i].value < 0 ? -(__int128)k->s[i].value : k->s[i].value;
	return true;
}

/* One step of the register, in base units, rounded up. */
static int64_t step(const struct checker *k, int64_t i)
{
	struct ratio f = k->b->points[i].factor;
	return f.num / f.den + 1;
}

static void blame(struct checker *k, int64_t i)
{
	if (!k->mark)
		return;
	k->s[i].quality = QUALITY_BAD;
	k->s[i].reason = REASON_IMPLAUSIBLE;
}

static void say_value(const struct checker *k, int64_t i)
{
	const struct bound_point *p = &k->b->points[i];
	buf_printf(k->out, "%s = ", p->name);
	bound_value_text(p, k->s[i].value, k->out);
	buf_printf(k->out, " %s", quantities[p->quantity].unit);
}

static void check_power(struct checker *k, const struct check *c)
{
	char star[128];
	for (size_t i = 0; i < k->b->n; i++) {
		__int128 p, v, a;
		if (!star_of(c->power, k->b->points[i].name, star, sizeof star))
			continue;
		int64_t vi = with_star(k, c->voltage, star), ai = with_star(k, c->current, star);
		if (!value_at(k, (int64_t)i, &p) || !value_at(k, vi, &v) || !value_at(k, ai, &a))
			continue;
		/* mV * mA = uW; one register step of each factor is allowed on top of the tolerance */
		__int128 most = (v + step(k, vi)) * (a + step(k, ai)) * c->factor.num / c->factor.den / 1000;
		most += most * c->tolerance.num / c->tolerance.den + step(k, (int64_t)i);
		if (p <= most)
			continue;
		say_value(k, (int64_t)i);
		buf_str(k->out, " is more than ");
		say_value(k, vi);
		buf_str(k->out, " times ");
		say_value(k, ai);
		buf_str(k->out, "; check unit and scale\n");
		k->found++;
		blame(k, (int64_t)i);
	}
}

static void check_sum(struct checker *k, const struct check *c)
{
	char star[128];
	for (size_t t = 0; t < k->b->n; t++) {
		__int128 total, sum = 0, part, slack;
		size_t n = 0;
		bool whole = true;
		if (!star_of(c->total, k->b->points[t].name, star, sizeof star) || !value_at(k, (int64_t)t, &total))
			continue;
		slack = step(k, (int64_t)t);
		for (size_t i = 0; i < k->b->n; i++) {
			char inner[128];
			if (i == t || !star_of(c->parts, k->b->points[i].name, inner, sizeof inner))
				continue;
			bool good = value_at(k, (int64_t)i, &part);
			whole &= good;
			if (!good)
				continue;
			sum += k->s[i].value;
			slack += step(k, (int64_t)i);
			n++;
		}
		sum = sum < 0 ? -sum : sum;
		__int128 larger = sum > total ? sum : total, off = sum > total ? sum - total : total - sum;
		if (!n || !whole || off <= larger * c->tolerance.num / c->tolerance.den + slack)
			continue;
		say_value(k, (int64_t)t);
		buf_printf(k->out, " is not the sum of its %zu parts %s, which is ", n, c->parts);
		quantity_text((enum quantity)k->b->points[t].quantity, (int64_t)sum, (struct ratio){ 1, 1 }, k->out);
		buf_str(k->out, "; check unit, scale and what the parts are\n");
		k->found++;
		blame(k, (int64_t)t);
	}
}

size_t decode_checks(const struct bound *bound, struct sample *samples, bool mark, struct buf *findings)
{
	struct checker k = { bound, samples, mark, findings, 0 };
	const struct check *c = bound->profile->checks.items;
	for (size_t i = 0; i < bound->profile->checks.n; i++)
		(c[i].kind == CHECK_POWER ? check_power : check_sum)(&k, &c[i]);
	return k.found;
}
