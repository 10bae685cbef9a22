/* The rows of a profile: maps, tests, scales, states, points. */
#include "core/profile_read.h"

#include <stdlib.h>
#include <string.h>

static const struct conf_name scale_names[] = { { "factor", SCALE_FACTOR }, { "divisor", SCALE_DIVISOR }, { "digits", SCALE_DIGITS },
						{ "exponent", SCALE_EXPONENT }, { "map", SCALE_MAP }, { NULL, 0 } };

/* ---- maps, tests, scales, units ---- */

static bool read_map(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct map *m = out;
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "%s must be a block of 'raw value: meaning' lines", conf_path(c, n));
		return false;
	}
	struct map_row *rows = conf_alloc(c, (conf_count(n) + 1) * sizeof *rows);
	for (size_t i = 0; rows && i < conf_count(n); i++) {
		rows[i] = (struct map_row){ conf_scalar(conf_key(n, i)), conf_scalar(conf_item(n, i)) };
		if (!rows[i].key || !rows[i].value) {
			conf_problem(c, conf_item(n, i), "%s must be one word or number", conf_path(c, conf_item(n, i)));
			return false;
		}
	}
	*m = (struct map){ rows, conf_count(n) };
	return rows != NULL;
}

const struct conf_list text_list = { conf_text, sizeof(const char *), NULL, 1, 0 };
const struct conf_list int_pair = { conf_int, sizeof(int64_t), NULL, 2, 2 };

static bool read_test(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_field fields[] = { TEST_FIELDS(struct test, ), { NULL } };
	struct test *t = out;
	(void)arg;
	*t = (struct test){ .coding = CODING_START };
	if (!conf_struct(c, n, t, fields))
		return false;
	if (!t->at.space && !t->at.oid) {
		conf_problem(c, n, "a test needs a place: add 'at: holding 0x0000' or 'at: oid ...'");
		return false;
	}
	return true;
}
const struct conf_list test_list = { read_test, sizeof(struct test), NULL, 0, 16 };

/* One entry or a list of them: a block alone is a list of one. */
bool read_one_or_list(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	const struct conf_list *list = arg;
	if (conf_kind(n) == CONF_SEQUENCE)
		return conf_list_of(c, n, out, list);
	void *item = conf_alloc(c, list->size);
	if (!item || !list->read(c, n, item, list->arg))
		return false;
	*(struct conf_vec *)out = (struct conf_vec){ item, 1 };
	return true;
}

static bool read_scale_source(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_field fields[] = {
		{ "at", read_place, offsetof(struct scale_source, at), CONF_REQUIRED },
		CODING_FIELDS(struct scale_source, coding),
		{ "as", conf_enum, offsetof(struct scale_source, as), 0, scale_names },
		{ "map", read_map, offsetof(struct scale_source, map) },
		{ NULL },
	};
	struct scale_source *s = out;
	(void)arg;
	*s = (struct scale_source){ .coding = CODING_START };
	if (conf_scalar(n)) {
		conf_problem(c, n, "scale_from must say where and how: {at: %s, as: divisor}; as is factor, divisor, digits or exponent", conf_scalar(n));
		return false;
	}
	if (!conf_struct(c, n, s, fields))
		return false;
	if (s->map.n)
		s->as = SCALE_MAP;
	for (size_t i = 0; i < s->map.n; i++) {
		struct ratio r;
		if (!ratio_parse(s->map.rows[i].value, &r)) {
			conf_problem(c, n, "scale '%s' of the map is not a number", s->map.rows[i].value);
			return false;
		}
	}
	return true;
}
static const struct conf_list scale_list = { read_scale_source, sizeof(struct scale_source), NULL, 1, 4 };

static bool read_unit_from(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	typedef __typeof__(((struct point *)0)->unit_from) unit_from;
	static const struct conf_field fields[] = {
		{ "at", read_place, offsetof(unit_from, at), CONF_REQUIRED },
		CODING_FIELDS(unit_from, coding),
		{ "map", read_map, offsetof(unit_from, map) },
		{ NULL },
	};
	unit_from *u = out;
	(void)arg;
	*u = (unit_from){ .coding = CODING_START };
	if (conf_scalar(n) && !strcmp(conf_scalar(n), "text")) {
		u->in_text = true;
		return true;
	}
	return conf_struct(c, n, u, fields);
}

/* ---- sentinels, states, arrays ---- */

/* "-1", "0xffff", "-32768..-32000" */
static bool missing_whole(const char *s, struct missing *out)
{
	struct missing m = { .kind = MISSING_RANGE };
	if (!whole_number(s, &m.min, &s))
		return false;
	m.max = m.min;
	if (!strncmp(s, "..", 2) && !whole_number(s + 2, &m.max, &s))
		return false;
	*out = m;
	return !*s && m.min <= m.max;
}

/* "-99.9", "1e9..1e30", "-1..-0.1": for floats and for numbers in texts.  "1..2.5" is from 1: the points belong to the range. */
static bool missing_real(const char *s, struct missing *out)
{
	const char *dots = strstr(s, "..");
	char first[48], *end;
	size_t n = dots ? (size_t)(dots - s) : strlen(s);
	if (!n || n >= sizeof first || strspn(s, "+-.eE0123456789") != strlen(s))
		return false;
	memcpy(first, s, n);
	first[n] = 0;
	struct missing m = { .kind = MISSING_REAL, .low = strtod(first, &end) };
	bool good = end != first && !*end;
	m.high = dots ? strtod(dots + 2, &end) : m.low;
	*out = m;
	return good && (!dots || (end != dots + 2 && !*end)) && m.low <= m.high;
}

static bool read_missing(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct { const char *word; enum missing_kind kind; } words[] = {
		{ "all_ones", MISSING_ALL_ONES }, { "largest", MISSING_LARGEST }, { "nan", MISSING_NAN } };
	(void)arg;
	struct missing *m = out;
	const char *s = conf_scalar(n);
	if (!s) {
		conf_problem(c, n, "%s must be a raw value, a range 'A..B', all_ones, largest, nan or a \"text\"", conf_path(c, n));
		return false;
	}
	for (size_t i = 0; !conf_quoted(n) && i < countof(words); i++)
		if (!strcmp(s, words[i].word)) {
			*m = (struct missing){ .kind = words[i].kind };
			return true;
		}
	if (!conf_quoted(n) && (missing_whole(s, m) || missing_real(s, m)))
		return true;
	if (!conf_quoted(n) && strstr(s, "..") && strchr("+-.0123456789", *s)) {
		conf_problem(c, n, "'%s' is no range of raw values; write A..B with A not above B, such as -32768..-32000 or 1e9..1e30", s);
		return false;
	}
	*m = (struct missing){ .kind = MISSING_TEXT, .text = s };
	return true;
}
static const struct conf_list missing_list = { read_missing, sizeof(struct missing), NULL, 0, 32 };

static bool read_states(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct map m;
	if (!read_map(c, n, &m, NULL))
		return false;
	struct state_name *s = conf_alloc(c, (m.n + 1) * sizeof *s);
	for (size_t i = 0; s && i < m.n; i++) {
		const char *rest;
		int64_t v = 0;
		bool number = whole_number(m.rows[i].key, &v, &rest) && !*rest && !conf_quoted(conf_key(n, i));
		/* a text's own number is its place in the list, so that it can be stored */
		s[i] = (struct state_name){ number ? v : (int64_t)i, number ? NULL : m.rows[i].key, m.rows[i].value };
	}
	*(struct conf_vec *)out = (struct conf_vec){ s, m.n };
	return s != NULL;
}

static bool read_states_or_name(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	struct point *p = out;
	p->states_of = conf_scalar(n);
	return p->states_of || read_states(c, n, &p->states, arg);
}

bool read_state_lists(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "state_lists must be a block of 'name: {1: normal, ...}' lines");
		return false;
	}
	struct state_list *lists = conf_alloc(c, (conf_count(n) + 1) * sizeof *lists);
	for (size_t i = 0; lists && i < conf_count(n); i++) {
		lists[i].name = conf_scalar(conf_key(n, i));
		if (!read_states(c, conf_item(n, i), &lists[i].states, NULL))
			return false;
	}
	*(struct conf_vec *)out = (struct conf_vec){ lists, conf_count(n) };
	return lists != NULL;
}

static bool read_repeat(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_range count = { 1, 10000 }, stride = { 0, 65535 }, first = { 0, 100000 };
	static const struct conf_field fields[] = {
		{ "count", conf_int, offsetof(struct repeat, count), CONF_REQUIRED, &count },
		{ "stride", conf_int, offsetof(struct repeat, stride), CONF_REQUIRED, &stride },
		{ "first", conf_int, offsetof(struct repeat, first), 0, &first },
		{ NULL },
	};
	(void)arg;
	*(struct repeat *)out = (struct repeat){ .first = 1 };
	return conf_struct(c, n, out, fields);
}
static const struct conf_list repeat_list = { read_repeat, sizeof(struct repeat), NULL, 1, 2 };
static const struct conf_list place_list = { read_place, sizeof(struct place), NULL, 1, 4 };
static const struct conf_list ratio_pair = { conf_ratio, sizeof(struct ratio), NULL, 2, 2 };
static const struct conf_range suffix_range = { 0, UINT32_MAX };

static bool read_modulus(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct point *p = out;
	p->modulus_of_type = conf_scalar(n) && !strcmp(conf_scalar(n), "type");
	return p->modulus_of_type || conf_ratio(c, n, &p->modulus, NULL);
}

/* ---- points ---- */

const struct point point_start = {
	.coding = CODING_START, .scale = { 1, 1 }, .offset = { 0, 1 }, .unit_from = { .coding = CODING_START }, .modulus = { 0, 1 },
	.suffix = -1, .home = -1, .confidence = -1,
};

const struct conf_field point_fields[] = {
	{ "name", conf_text, offsetof(struct point, name) },
	{ "quantity", conf_enum, offsetof(struct point, quantity), 0, quantity_names },
	{ "scope", conf_enum, offsetof(struct point, scope), 0, scope_conf_names },
	{ "at", read_place, offsetof(struct point, at) },
	CODING_FIELDS(struct point, coding),
	{ "scale", conf_ratio, offsetof(struct point, scale), CONF_CLEARABLE },
	{ "offset", conf_ratio, offsetof(struct point, offset), CONF_CLEARABLE },
	{ "unit", conf_text, offsetof(struct point, unit), CONF_CLEARABLE },
	{ "scale_from", read_one_or_list, offsetof(struct point, scale_from), CONF_CLEARABLE, &scale_list },
	{ "unit_from", read_unit_from, offsetof(struct point, unit_from), CONF_CLEARABLE },
	{ "label", conf_text, offsetof(struct point, label), CONF_CLEARABLE },
	{ "label_from", read_one_or_list, offsetof(struct point, label_from), CONF_CLEARABLE, &place_list },
	{ "where", read_one_or_list, offsetof(struct point, where), CONF_CLEARABLE, &test_list },
	{ "available", read_one_or_list, offsetof(struct point, available), CONF_CLEARABLE, &test_list },
	{ "missing", read_one_or_list, offsetof(struct point, missing), CONF_CLEARABLE, &missing_list },
	{ "states", read_states_or_name, 0, CONF_CLEARABLE },
	{ "repeat", read_one_or_list, offsetof(struct point, repeat), 0, &repeat_list },
	{ "index_parts", conf_list_of, offsetof(struct point, index_parts), CONF_CLEARABLE, &text_list },
	{ "index_shown", conf_text, offsetof(struct point, index_shown), CONF_CLEARABLE },
	{ "suffix", conf_int, offsetof(struct point, suffix), CONF_CLEARABLE, &suffix_range },
	{ "home", conf_int, offsetof(struct point, home), CONF_CLEARABLE, &suffix_range },
	{ "plain", conf_text, offsetof(struct point, plain), CONF_CLEARABLE },
	{ "range", conf_list_of, offsetof(struct point, range), CONF_CLEARABLE, &ratio_pair },
	{ "modulus", read_modulus, 0, CONF_CLEARABLE },
	{ "configured", conf_bool, offsetof(struct point, configured) },
	{ "duplicate_of", conf_text, offsetof(struct point, duplicate_of), CONF_CLEARABLE },
	{ "resettable", conf_bool, offsetof(struct point, resettable) },
	{ "transform", conf_enum, offsetof(struct point, transform), 0, transform_names },
	{ "confidence", conf_enum, offsetof(struct point, confidence), 0, confidence_names },
	{ "source", conf_text, offsetof(struct point, source) },
	{ NULL },
};

/* What `key: null` takes away again: an inherited member becomes as if it was never written. */
#define CLEARS(member) { #member, offsetof(struct point, member), sizeof point_start.member }
static const struct { const char *key; size_t at, size; } clears[] = {
	CLEARS(scale), CLEARS(offset), CLEARS(unit), CLEARS(scale_from), CLEARS(unit_from), CLEARS(label), CLEARS(label_from), CLEARS(where), CLEARS(available),
	CLEARS(missing), CLEARS(states), { "states", offsetof(struct point, states_of), sizeof point_start.states_of }, CLEARS(range), CLEARS(modulus),
	{ "modulus", offsetof(struct point, modulus_of_type), sizeof point_start.modulus_of_type }, CLEARS(duplicate_of), CLEARS(suffix), CLEARS(home),
	CLEARS(plain), CLEARS(index_parts), CLEARS(index_shown),
};

void clear_nulls(const struct conf_node *row, struct point *p)
{
	for (size_t i = 0; i < conf_count(row); i++)
		for (size_t k = 0; conf_scalar(conf_key(row, i)) && conf_kind(conf_item(row, i)) == CONF_NULL && k < countof(clears); k++)
			if (!strcmp(clears[k].key, conf_scalar(conf_key(row, i))))
				memcpy((char *)p + clears[k].at, (const char *)&point_start + clears[k].at, clears[k].size);
}
