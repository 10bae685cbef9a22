/* The readers of core/conf.h: one function a type of value. */
#include "core/quantity.h"

#include <stdlib.h>
#include <string.h>

/* Edits that make b of a: a letter added, dropped or changed, or two neighbours exchanged ("prot"). */
static size_t distance(const char *a, const char *b)
{
	enum { MAX = 40 };
	size_t la = strlen(a), lb = strlen(b), rows[3][MAX + 1];
	if (la > MAX || lb > MAX)
		return MAX;
	for (size_t j = 0; j <= lb; j++)
		rows[0][j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t best = above[j - 1] + (a[i - 1] != b[j - 1]);
			if (above[j] + 1 < best)
				best = above[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] && before[j - 2] + 1 < best)
				best = before[j - 2] + 1;
			row[j] = best;
		}
	}
	return rows[la % 3][lb];
}

const char *conf_nearest(const char *word, const char *const *candidates, size_t n)
{
	const char *best = NULL;
	size_t limit = (strlen(word) - 1) / 2, best_distance = (limit < 2 ? limit : 2) + 1;
	for (size_t i = 0; i < n; i++) {
		size_t d = distance(word, candidates[i]);
		if (d < best_distance) {
			best = candidates[i];
			best_distance = d;
		}
	}
	size_t len = strlen(word);
	for (size_t i = 0; len >= 3 && best_distance > 1 && i < n; i++) {
		size_t l = strlen(candidates[i]);
		if (l > len && candidates[i][l - len - 1] == '_' && !strcmp(candidates[i] + l - len, word))
			return candidates[i];            /* "power" is rather active_power than power_factor */
	}
	for (size_t i = 0; !best && strlen(word) >= 3 && i < n; i++)
		if (!strncmp(word, candidates[i], strlen(word)))
			best = candidates[i];           /* "ups_out" */
	return best;
}

/* The rest of a text that a comma has cut: no value, and no word a key is made of. */
static bool cut_text(const struct conf_node *n, const struct conf_node *key)
{
	for (size_t i = 0; i < conf_count(n); i++)
		if (conf_key(n, i) == key && conf_kind(conf_item(n, i)) != CONF_NULL)
			return false;
	for (const char *p = conf_scalar(key); *p; p++)
		if (*p == ' ' || (unsigned char)*p >= 0x80)
			return true;
	return false;
}

static void unknown_key(struct conf *c, const struct conf_node *n, const struct conf_node *key, const struct conf_field *fields)
{
	const char *names[128];
	size_t count = 0;
	for (const struct conf_field *f = fields; f->key && count < countof(names); f++)
		names[count++] = f->key;
	const char *word = conf_scalar(key), *near = *word ? conf_nearest(word, names, count) : NULL;
	if (near)
		conf_problem(c, key, "unknown key '%s' in %s; did you mean '%s'?", word, conf_path(c, n), near);
	else if (*word && !word[strspn(word, "0123456789")])
		conf_problem(c, key, "unknown key '%s' in %s; a comma separates here: write 0.1, not 0,1", word, conf_path(c, n));
	else if (cut_text(n, key))
		conf_problem(c, key, "unknown key '%s' in %s; a comma separates here: put the whole text into double quotes", word, conf_path(c, n));
	else
		conf_problem(c, key, "unknown key '%s' in %s; remove it or see %s for the keys", word, conf_path(c, n), conf_manual(c));
}

static const struct conf_field *field_named(const struct conf_field *fields, const char *key)
{
	for (const struct conf_field *f = fields; f->key; f++)
		if (!strcmp(f->key, key))
			return f;
	return NULL;
}

bool conf_known_keys(struct conf *c, const struct conf_node *n, const struct conf_field *fields, const char *also)
{
	size_t before = conf_problem_count(c);
	for (size_t i = 0; i < conf_count(n); i++) {
		const char *word = conf_scalar(conf_key(n, i));
		if (word && strcmp(word, also) && !field_named(fields, word))
			unknown_key(c, n, conf_key(n, i), fields);
	}
	return conf_problem_count(c) == before;
}

bool conf_struct(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const struct conf_field *fields = arg;
	size_t before = conf_problem_count(c);
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "%s must be a block of 'key: value' lines", conf_path(c, n));
		return false;
	}
	for (size_t i = 0; i < conf_count(n); i++) {
		const struct conf_node *key = conf_key(n, i), *value = conf_item(n, i);
		const struct conf_field *f = conf_scalar(key) ? field_named(fields, conf_scalar(key)) : NULL;
		if (!conf_scalar(key))
			continue;               /* reported when parsed */
		if (!f)
			unknown_key(c, n, key, fields);
		else if (conf_kind(value) == CONF_NULL && (f->flags & CONF_CLEARABLE))
			continue;
		else if (conf_kind(value) == CONF_NULL)
			conf_problem(c, key, "key '%s' in %s has no value; write one or remove the line", f->key, conf_path(c, n));
		else if (f->read(c, value, (char *)out + f->offset, f->arg) && f->seen)
			*(bool *)((char *)out + f->seen - 1) = true;
	}
	for (const struct conf_field *f = fields; f->key; f++)
		if ((f->flags & CONF_REQUIRED) && !conf_get(n, f->key))
			conf_problem(c, n, "key '%s' is missing in %s; add it", f->key, conf_path(c, n));
	return conf_problem_count(c) == before;
}

bool conf_list_of(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const struct conf_list *list = arg;
	struct conf_vec *vec = out;
	size_t before = conf_problem_count(c), count = conf_count(n);
	if (conf_kind(n) != CONF_SEQUENCE) {
		conf_problem(c, n, "%s must be a list ('- ...' lines or [a, b])", conf_path(c, n));
		return false;
	}
	if (count < list->min || (list->max && count > list->max)) {
		conf_problem(c, n, "%s has %zu entries; %s %zu", conf_path(c, n), count,
			     count < list->min ? "it needs at least" : "it may have at most", count < list->min ? list->min : list->max);
		return false;
	}
	char *items = conf_alloc(c, count * list->size + 1);
	if (!items)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct conf_node *item = conf_item(n, i);
		if (conf_kind(item) == CONF_NULL)
			conf_problem(c, item, "%s is empty; write a value or remove the line", conf_path(c, item));
		else
			list->read(c, item, items + i * list->size, list->arg);
	}
	*vec = (struct conf_vec){ items, count };
	return conf_problem_count(c) == before;
}

/* The scalar's text, or NULL after a problem that names what was wanted. */
static const char *want(struct conf *c, const struct conf_node *n, const char *what)
{
	const char *text = conf_scalar(n);
	if (!text)
		conf_problem(c, n, "%s must be %s", conf_path(c, n), what);
	return text;
}

static bool refuse(struct conf *c, const struct conf_node *n, const char *what)
{
	conf_problem(c, n, "'%.60s' is not %s", conf_scalar(n), what);
	return false;
}

bool conf_text(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = want(c, n, "a text");
	if (text)
		*(const char **)out = text;
	return text != NULL;
}

bool conf_id(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	(void)arg;
	const char *text = want(c, n, "an id");
	if (!text)
		return false;
	if (!*text || strlen(text) > 64 || text[strspn(text, allowed)])
		return refuse(c, n, "an id; use 1 to 64 of A-Z a-z 0-9 . _ -");
	*(const char **)out = text;
	return true;
}

bool conf_bool(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = want(c, n, "true or false");
	if (!text)
		return false;
	if (strcmp(text, "true") && strcmp(text, "false"))
		return refuse(c, n, "true or false");
	*(bool *)out = text[0] == 't';
	return true;
}

static bool in_range(struct conf *c, const struct conf_node *n, int64_t value, const struct conf_range *range, int64_t unit, const char *suffix)
{
	if (!range || (value >= range->min && value <= range->max))
		return true;
	conf_problem(c, n, "'%s' is outside %lld..%lld%s", conf_scalar(n), (long long)(range->min / unit), (long long)(range->max / unit), suffix);
	return false;
}

bool conf_int(struct conf *c, const struct conf_node *n, void *out, const void *range)
{
	const char *text = want(c, n, "a whole number");
	if (!text)
		return false;
	bool hex = !strncmp(text, "0x", 2) || !strncmp(text, "0X", 2);
	const char *digits = text + (*text == '-' || *text == '+'), *set = hex ? "0123456789abcdefABCDEF" : "0123456789";
	if (hex)
		digits = text + 2;
	size_t len = strspn(digits, set);
	if (!len || digits[len] || len > (hex ? 15 : 18))
		return refuse(c, n, "a whole number");
	int64_t value = strtoll(text, NULL, hex ? 16 : 10);
	if (!in_range(c, n, value, range, 1, ""))
		return false;
	*(int64_t *)out = value;
	return true;
}

bool conf_enum(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const struct conf_name *names = arg;
	const char *text = want(c, n, "a word"), *list[128];
	if (!text)
		return false;
	size_t count = 0;
	for (const struct conf_name *p = names; p->name; p++) {
		if (!strcmp(p->name, text)) {
			*(int *)out = p->value;
			return true;
		}
		if (count < countof(list))
			list[count++] = p->name;
	}
	const char *near = *text ? conf_nearest(text, list, count) : NULL;
	if (near) {
		conf_problem(c, n, "'%.60s' is not known for %s; did you mean '%s'?", text, conf_path(c, n), near);
		return false;
	}
	CLEANUP(buf_done) struct buf all = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", list[i]);
	conf_problem(c, n, "'%.60s' is not known for %s; use one of %s", text, conf_path(c, n), all.data ? all.data : "(none)");
	return false;
}

/* "<number><space?><unit>" with an exact result in the smallest unit. */
struct unit_row { const char *unit; int64_t factor; };

static bool ratio_in(const char *text, const struct unit_row *units, size_t n, struct ratio *out)
{
	size_t number = strspn(text, "+-0123456789.eE/");
	char digits[48];
	/* the exponent's letter may be the unit's first: "5 EW" is no unit here, so only a digit may follow an e */
	if (number >= sizeof digits || !number)
		return false;
	memcpy(digits, text, number);
	digits[number] = 0;
	const char *unit = text + number + strspn(text + number, " ");
	for (size_t i = 0; i < n; i++)
		if (!strcmp(units[i].unit, unit))
			return ratio_parse(digits, out) && ratio_mul(*out, (struct ratio){ units[i].factor, 1 }, out);
	return false;
}

static bool exact_in(const char *text, const struct unit_row *units, size_t n, int64_t *out)
{
	struct ratio r;
	if (!ratio_in(text, units, n, &r) || r.den != 1)
		return false;
	*out = r.num;
	return true;
}

bool duration_ms_parse(const char *text, int64_t *ms)
{
	static const struct unit_row units[] = { { "ms", 1 }, { "s", 1000 }, { "m", 60000 }, { "min", 60000 }, { "h", 3600000 }, { "d", 86400000 } };
	int64_t value;
	if (!exact_in(text, units, countof(units), &value) || value < 0)
		return false;
	*ms = value;
	return true;
}

bool conf_duration_ms(struct conf *c, const struct conf_node *n, void *out, const void *range)
{
	const char *text = want(c, n, "a duration such as 5s");
	int64_t value;
	if (!text)
		return false;
	if (!duration_ms_parse(text, &value))
		return refuse(c, n, "a duration; write a number and ms, s, m, h or d, such as 5s");
	if (!in_range(c, n, value, range, 1, " ms"))
		return false;
	*(int64_t *)out = value;
	return true;
}

bool conf_power_mw(struct conf *c, const struct conf_node *n, void *out, const void *range)
{
	static const struct unit_row units[] = { { "mW", 1 }, { "W", 1000 }, { "kW", 1000000 }, { "MW", 1000000000 } };
	const char *text = want(c, n, "a power such as 2.5 kW");
	int64_t value;
	if (!text)
		return false;
	if (!exact_in(text, units, countof(units), &value))
		return refuse(c, n, "a power; write a number and W, kW or MW, such as 2.5 kW");
	if (!in_range(c, n, value, range, 1000, " W"))
		return false;
	*(int64_t *)out = value;
	return true;
}

static const struct unit_row energy_units[] = { { "Wh", 1000 }, { "W.h", 1000 }, { "kWh", 1000000 }, { "kW.h", 1000000 },
						{ "MWh", 1000000000 }, { "MW.h", 1000000000 }, { "GWh", 1000000000000 } };

bool conf_energy_mwh(struct conf *c, const struct conf_node *n, void *out, const void *range)
{
	const char *text = want(c, n, "an energy such as 100 kWh");
	int64_t value;
	if (!text)
		return false;
	if (!exact_in(text, energy_units, countof(energy_units), &value))
		return refuse(c, n, "an energy; write a number and Wh, kWh or MWh, such as 100 kWh");
	if (!in_range(c, n, value, range, 1000, " Wh"))
		return false;
	*(int64_t *)out = value;
	return true;
}

bool conf_count_mwh(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = want(c, n, "the worth of a count such as 0.01 kWh");
	struct ratio r;
	if (!text)
		return false;
	if (!ratio_in(text, energy_units, countof(energy_units), &r) || r.num <= 0)
		return refuse(c, n, "the worth of a count; write an energy above 0, such as 0.01 kWh or 1/3000 kWh");
	*(struct ratio *)out = r;
	return true;
}

bool conf_wall(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = want(c, n, "a time such as 2026-01-31T08:15:00+08:00");
	struct err err = { 0 };
	if (!text)
		return false;
	if (!wall_parse(text, out, &err)) {
		conf_problem(c, n, "%s", err.text);
		return false;
	}
	return true;
}

bool conf_date(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = want(c, n, "a date such as 2026-01-31");
	struct err err = { 0 };
	if (!text)
		return false;
	if (!date_parse(text, out, &err)) {
		conf_problem(c, n, "%s", err.text);
		return false;
	}
	return true;
}

bool conf_node_of(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)c, (void)arg;
	*(const struct conf_node **)out = n;
	return true;
}

static bool times_ten(int64_t *v, int times)
{
	for (; times > 0; times--)
		if (__builtin_mul_overflow(*v, 10, v))
			return false;
	return true;
}

static void reduce(struct ratio *r)
{
	int64_t a = r->num < 0 ? -r->num : r->num, b = r->den;
	while (b) {
		int64_t rest = a % b;
		a = b;
		b = rest;
	}
	if (a > 1) {
		r->num /= a;
		r->den /= a;
	}
}

/* Digits with an optional point; `places` counts digits behind it. */
static bool decimal(const char **p, int64_t *value, int *places)
{
	int n = 0;
	bool point = false;
	*value = 0;
	*places = 0;
	for (;; (*p)++) {
		if (**p == '.' && !point) {
			point = true;
			continue;
		}
		if (**p < '0' || **p > '9')
			break;
		if (__builtin_mul_overflow(*value, 10, value) || __builtin_add_overflow(*value, **p - '0', value))
			return false;
		*places += point;
		n++;
	}
	return n > 0;
}

bool ratio_parse(const char *text, struct ratio *out)
{
	const char *p = text;
	bool negative = *p == '-';
	struct ratio r = { 0, 1 };
	int places, exponent = 0, den_places;
	p += *p == '-' || *p == '+';
	if (!decimal(&p, &r.num, &places))
		return false;
	if (*p == 'e' || *p == 'E') {
		char *end;
		long e = strtol(p + 1, &end, 10);
		if (end == p + 1 || e < -18 || e > 18)
			return false;
		exponent = (int)e;
		p = end;
	} else if (*p == '/' && !places) {
		p++;
		if (!decimal(&p, &r.den, &den_places) || den_places || !r.den)
			return false;
	}
	if (*p || !times_ten(&r.num, exponent - places) || !times_ten(&r.den, places - exponent))
		return false;
	if (negative)
		r.num = -r.num;
	reduce(&r);
	*out = r;
	return true;
}

bool conf_ratio(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = want(c, n, "a number");
	if (!text)
		return false;
	if (!ratio_parse(text, out))
		return refuse(c, n, "a number; write 0.01, 12.5, 1e-3 or 1/3");
	return true;
}
