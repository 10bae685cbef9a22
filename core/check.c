/* Plausibility over one device's values at one time. */
#include "core/decode.h"

#include <stdlib.h>
#include <string.h>

/* One rule on one row of the device: the value it judges, and what it is compared with. */
struct row { const struct check *check; uint32_t value, *with; size_t n_with; };
struct checks { const struct bound *b; struct row *rows; size_t n, room; };

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

static int64_t with_star(const struct bound *b, const char *pattern, const char *star)
{
	CLEANUP(buf_done) struct buf name = { 0 };
	const char *at = strchr(pattern, '*');
	if (!at)
		return bound_find(b, pattern);
	buf_add(&name, pattern, (size_t)(at - pattern));
	buf_str(&name, star);
	buf_str(&name, at + 1);
	return name.data ? bound_find(b, name.data) : -1;
}

static bool value_at(const struct checker *k, uint32_t i, __int128 *v)
{
	if (k->s[i].quality != QUALITY_GOOD)
		return false;
	*v = k->s[i].value < 0 ? -(__int128)k->s[i].value : k->s[i].value;
	return true;
}

/* One step of the register, in base units, rounded up. */
static int64_t step(const struct checker *k, uint32_t i)
{
	struct ratio f = k->b->points[i].factor;
	return f.num / f.den + 1;
}

static void blame(struct checker *k, uint32_t i)
{
	if (!k->mark)
		return;
	k->s[i].quality = QUALITY_BAD;
	k->s[i].reason = REASON_IMPLAUSIBLE;
}

static void say_value(const struct checker *k, uint32_t i)
{
	const struct bound_point *p = &k->b->points[i];
	buf_printf(k->out, "%s = ", p->name);
	bound_value_text(p, k->s[i].value, k->out);
	buf_printf(k->out, " %s", quantities[p->quantity].unit);
}

static void check_power(struct checker *k, const struct row *r)
{
	const struct check *c = r->check;
	uint32_t vi = r->with[0], ai = r->with[1];
	__int128 p, v, a;
	if (!value_at(k, r->value, &p) || !value_at(k, vi, &v) || !value_at(k, ai, &a))
		return;
	/* mV * mA = uW; one register step of each factor is allowed on top of the tolerance */
	__int128 most = (v + step(k, vi)) * (a + step(k, ai)) * c->factor.num / c->factor.den / 1000;
	most += most * c->tolerance.num / c->tolerance.den + step(k, r->value);
	if (p <= most)
		return;
	say_value(k, r->value);
	buf_str(k->out, " is more than ");
	say_value(k, vi);
	buf_str(k->out, " times ");
	say_value(k, ai);
	buf_str(k->out, "; check unit and scale\n");
	k->found++;
	blame(k, r->value);
}

static void check_sum(struct checker *k, const struct row *r)
{
	const struct check *c = r->check;
	__int128 total, sum = 0, part, slack = step(k, r->value);
	if (!value_at(k, r->value, &total))
		return;
	for (size_t i = 0; i < r->n_with; i++) {
		if (!value_at(k, r->with[i], &part))
			return;         /* not whole: nothing can be said */
		sum += k->s[r->with[i]].value;
		slack += step(k, r->with[i]);
	}
	sum = sum < 0 ? -sum : sum;
	__int128 larger = sum > total ? sum : total, off = sum > total ? sum - total : total - sum;
	if (off <= larger * c->tolerance.num / c->tolerance.den + slack)
		return;
	say_value(k, r->value);
	buf_printf(k->out, " is not the sum of its %zu parts %s, which is ", r->n_with, c->parts);
	quantity_text((enum quantity)k->b->points[r->value].quantity, (int64_t)sum, (struct ratio){ 1, 1 }, k->out);
	buf_str(k->out, "; check unit, scale and what the parts are\n");
	k->found++;
	blame(k, r->value);
}

/* ---- which points a rule speaks of: found once a device model, not once a poll -------------------------------------------- */

static struct row *new_row(struct checks *k, const struct check *c, uint32_t value, size_t room)
{
	if (k->n == k->room) {
		size_t more = k->room ? k->room * 2 : 8;
		struct row *rows = realloc(k->rows, more * sizeof *rows);
		if (!rows)
			return NULL;
		k->rows = rows;
		k->room = more;
	}
	uint32_t *with = calloc(room, sizeof *with);
	if (!with)
		return NULL;
	k->rows[k->n] = (struct row){ .check = c, .value = value, .with = with };
	return &k->rows[k->n++];
}

static bool find_power(struct checks *k, const struct check *c)
{
	char star[128];
	for (uint32_t i = 0; i < k->b->n; i++) {
		if (!star_of(c->power, k->b->points[i].name, star, sizeof star))
			continue;
		int64_t vi = with_star(k->b, c->voltage, star), ai = with_star(k->b, c->current, star);
		if (vi < 0 || ai < 0)
			continue;
		struct row *r = new_row(k, c, i, 2);
		if (!r)
			return false;
		r->with[r->n_with++] = (uint32_t)vi;
		r->with[r->n_with++] = (uint32_t)ai;
	}
	return true;
}

static bool find_sum(struct checks *k, const struct check *c)
{
	char star[128];
	for (uint32_t t = 0; t < k->b->n; t++) {
		if (!star_of(c->total, k->b->points[t].name, star, sizeof star))
			continue;
		struct row *r = new_row(k, c, t, k->b->n);
		if (!r)
			return false;
		for (uint32_t i = 0; i < k->b->n; i++)
			if (i != t && star_of(c->parts, k->b->points[i].name, star, sizeof star))
				r->with[r->n_with++] = i;
		if (!r->n_with) {
			free(r->with);
			k->n--;
		}
	}
	return true;
}

struct checks *checks_make(const struct bound *bound)
{
	const struct check *c = bound->profile->checks.items;
	struct checks *k = calloc(1, sizeof *k);
	bool good = k != NULL;
	if (k)
		k->b = bound;
	for (size_t i = 0; good && i < bound->profile->checks.n; i++)
		good = (c[i].kind == CHECK_POWER ? find_power : find_sum)(k, &c[i]);
	if (good)
		return k;
	checks_free(k);
	return NULL;
}

void checks_free(struct checks *k)
{
	if (!k)
		return;
	for (size_t i = 0; i < k->n; i++)
		free(k->rows[i].with);
	free(k->rows);
	free(k);
}

bool checks_any(const struct checks *k)
{
	return k->n > 0;
}

size_t checks_run(const struct checks *k, struct sample *samples, bool mark, struct buf *findings)
{
	struct checker at = { k->b, samples, mark, findings, 0 };
	for (size_t i = 0; i < k->n; i++)
		(k->rows[i].check->kind == CHECK_POWER ? check_power : check_sum)(&at, &k->rows[i]);
	return at.found;
}
