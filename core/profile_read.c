/* From YAML nodes to the rows of core/profile.h. */
#include "core/profile_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct conf_name transport_names[] = { { "modbus", TRANSPORT_MODBUS }, { "snmp", TRANSPORT_SNMP }, { NULL, 0 } };
const struct conf_name space_names[] = { { "holding", SPACE_HOLDING }, { "input", SPACE_INPUT }, { "coil", SPACE_COIL },
					 { "discrete", SPACE_DISCRETE }, { NULL, 0 } };
const struct conf_name confidence_names[] = { { "recorded", CONFIDENCE_RECORDED }, { "documented", CONFIDENCE_DOCUMENTED },
					      { "reported", CONFIDENCE_REPORTED }, { "inferred", CONFIDENCE_INFERRED }, { NULL, 0 } };
static const struct conf_name scale_names[] = { { "factor", SCALE_FACTOR }, { "divisor", SCALE_DIVISOR }, { "digits", SCALE_DIGITS },
						{ "exponent", SCALE_EXPONENT }, { "map", SCALE_MAP }, { NULL, 0 } };
static const struct conf_name check_names[] = { { "power", CHECK_POWER }, { "sum", CHECK_SUM }, { NULL, 0 } };
static const struct conf_name function_code_names[] = { { "holding", SPACE_HOLDING }, { "input", SPACE_INPUT }, { "3", SPACE_HOLDING },
							{ "4", SPACE_INPUT }, { NULL, 0 } };

/* ---- places ---- */

/* "e.318.1" is enterprises.318.1, as people say it. */
static bool oid_short(const char *text, struct oid *out)
{
	static const struct { const char *prefix, *full; } rows[] = { { "e.", "1.3.6.1.4.1." }, { "mib-2.", "1.3.6.1.2.1." } };
	char full[1400];
	if (strlen(text) > sizeof full - 20)
		return false;
	strcpy(full, text);
	for (size_t i = 0; i < countof(rows); i++)
		if (!strncmp(text, rows[i].prefix, strlen(rows[i].prefix))) {
			strcpy(full, rows[i].full);
			strcat(full, text + strlen(rows[i].prefix));
		}
	return oid_parse(full, out);
}

static struct oid *keep_oid(struct conf *c, const struct oid *o)
{
	size_t size = offsetof(struct oid, ids) + (o->n ? o->n : 1) * sizeof *o->ids;
	struct oid *kept = conf_alloc(c, size);
	if (kept)
		memcpy(kept, o, size);
	return kept;
}

static bool address_of(const char *text, uint16_t *out)
{
	char *end;
	unsigned long v = strtoul(text, &end, 0);
	if (end == text || *end || v > UINT16_MAX || *text == '-')
		return false;
	*out = (uint16_t)v;
	return true;
}

bool read_place_text(const char *text, struct place *out, struct conf *c)
{
	char kind[16], where[1200], index[64] = "";
	struct place p = { 0 };
	struct oid oid;
	int n = sscanf(text, "%15s %1199s @ %63[^\n]", kind, where, index);
	if (n < 2)
		return false;
	for (const struct conf_name *s = space_names; s->name; s++)
		if (!strcmp(s->name, kind)) {
			p.space = (uint8_t)s->value;
			p.fresh = true;
			*out = p;
			return n == 2 && address_of(where, &out->address);
		}
	if (strcmp(kind, "oid") && strcmp(kind, "column"))
		return false;
	if (!oid_short(where, &oid) || oid.n < 2 || !(p.oid = keep_oid(c, &oid)))
		return false;
	p.column = kind[0] == 'c';
	p.index = n == 3 ? conf_copy(c, index) : NULL;
	*out = p;
	return true;
}

bool read_place(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct place p;
	if (!conf_scalar(n) || !read_place_text(conf_scalar(n), &p, c)) {
		conf_problem(c, n, "'%s' is no place of a value; write 'holding 0x0034', 'input 52', 'coil 3', 'discrete 3', "
				   "'oid e.318.1.1.26.4.3.1.5.1' or 'column e.318.1.1.26.4.3.1.5' (joined: '@ $1.$2' behind it)",
			     conf_scalar(n) ? conf_scalar(n) : conf_path(c, n));
		return false;
	}
	*(struct place *)out = p;
	return true;
}

/* `holding: 0x10` in a rule or test, the short form of `at: holding 0x10`; arg: the kind. */
static bool read_place_of(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	char text[1300];
	const char *s = conf_scalar(n);
	struct place p;
	snprintf(text, sizeof text, "%s %.1200s", (const char *)arg, s ? s : "");
	if (!s || !read_place_text(text, &p, c)) {
		conf_problem(c, n, "'%s' is no address or object id", s ? s : conf_path(c, n));
		return false;
	}
	*(struct place *)out = p;
	return true;
}

static bool read_oid(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct oid o;
	if (!conf_scalar(n) || !oid_short(conf_scalar(n), &o)) {
		conf_problem(c, n, "'%s' is no object id; write 1.3.6.1.4.1.318 or e.318", conf_scalar(n) ? conf_scalar(n) : conf_path(c, n));
		return false;
	}
	*(struct oid **)out = keep_oid(c, &o);
	return *(struct oid **)out != NULL;
}

/* ---- codings ---- */

static bool read_type(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	const char *text = conf_scalar(n), *names[40];
	size_t count = 0;
	const struct type_row *t = text ? type_find(text) : NULL;
	if (t) {
		*(const struct type_row **)out = t;
		return true;
	}
	for (t = types; t->name && count < countof(names); t++)
		names[count++] = t->name;
	const char *near = text && *text ? conf_nearest(text, names, count) : NULL;
	CLEANUP(buf_done) struct buf all = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
	conf_problem(c, n, near ? "type '%s' is not known; did you mean '%s'?" : "type '%s' is not known; use one of %s",
		     text ? text : "?", near ? near : all.data);
	return false;
}

static const struct conf_range word_range = { 1, 125 }, bit_range = { 0, 63 }, port16 = { 0, 65535 };

static bool read_bit(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct coding *k = out;
	if (!conf_int(c, n, &k->bit_first, &bit_range))
		return false;
	k->bit_last = k->bit_first;
	return true;
}

static const struct conf_list bit_pair = { conf_int, sizeof(int64_t), &bit_range, 2, 2 };

static bool read_bits(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct coding *k = out;
	struct conf_vec pair;
	if (!conf_list_of(c, n, &pair, &bit_pair))
		return false;
	const int64_t *v = pair.items;
	if (v[0] > v[1]) {
		conf_problem(c, n, "bits are [lowest, highest], bit 0 is the least significant");
		return false;
	}
	k->bit_first = v[0];
	k->bit_last = v[1];
	return true;
}

static const struct conf_list part_list = { conf_int, sizeof(int64_t), &port16, 1, 4 };

static bool read_parts(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct coding *k = out;
	struct conf_vec list;
	if (!conf_list_of(c, n, &list, &part_list))
		return false;
	for (size_t i = 0; i < list.n; i++)
		k->parts[i] = (uint16_t)((const int64_t *)list.items)[i];
	k->n_parts = (uint8_t)list.n;
	return true;
}

#define CODING_FIELDS(type_, member)                                                                                  \
	{ "type", read_type, offsetof(type_, member.type) }, { "order", conf_text, offsetof(type_, member.order_text) },  \
	{ "words", conf_int, offsetof(type_, member.words), 0, &word_range },                                             \
	{ "bit", read_bit, offsetof(type_, member) }, { "bits", read_bits, offsetof(type_, member) },                     \
	{ "parts", read_parts, offsetof(type_, member) }
#define CODING_START { .bit_first = -1, .bit_last = -1 }

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

static const struct conf_list text_list = { conf_text, sizeof(const char *), NULL, 1, 0 };
static const struct conf_list int_pair = { conf_int, sizeof(int64_t), NULL, 2, 2 };

#define TEST_FIELDS(type_, member)                                                                                    \
	{ "at", read_place, offsetof(type_, member at) }, { "oid", read_place_of, offsetof(type_, member at), 0, "oid" },  \
	{ "column", read_place_of, offsetof(type_, member at), 0, "column" },                                             \
	{ "holding", read_place_of, offsetof(type_, member at), 0, "holding" },                                           \
	{ "input", read_place_of, offsetof(type_, member at), 0, "input" }, CODING_FIELDS(type_, member coding),          \
	{ "equals", conf_text, offsetof(type_, member equals) }, { "not", conf_text, offsetof(type_, member not_equals) },    \
	{ "matches", conf_text, offsetof(type_, member matches) },                                                        \
	{ "version_from", conf_text, offsetof(type_, member version_from) },                                              \
	{ "version_to", conf_text, offsetof(type_, member version_to) },                                                  \
	{ "range", conf_list_of, offsetof(type_, member range), 0, &int_pair },                                           \
	{ "in", conf_list_of, offsetof(type_, member in), 0, &text_list },                                                \
	{ "exists", conf_bool, offsetof(type_, member exists) },                                                          \
	{ "optional", conf_bool, offsetof(type_, member optional) }

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
static const struct conf_list test_list = { read_test, sizeof(struct test), NULL, 0, 16 };

/* One entry or a list of them: a block alone is a list of one. */
static bool read_one_or_list(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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
	char *end, *last;
	long long from = strtoll(s, &end, 0), to = from;
	if (!conf_quoted(n) && end != s && !strncmp(end, "..", 2)) {
		to = strtoll(end + 2, &last, 0);
		end = last;
	}
	if (!conf_quoted(n) && end != s && !*end && from <= to)
		*m = (struct missing){ .kind = MISSING_RANGE, .min = from, .max = to };
	else
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
		char *end;
		long long v = strtoll(m.rows[i].key, &end, 0);
		bool number = !*end && end != m.rows[i].key && !conf_quoted(conf_key(n, i));
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

static bool read_state_lists(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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
	{ "scale", conf_ratio, offsetof(struct point, scale) },
	{ "offset", conf_ratio, offsetof(struct point, offset) },
	{ "unit", conf_text, offsetof(struct point, unit) },
	{ "scale_from", read_one_or_list, offsetof(struct point, scale_from), 0, &scale_list },
	{ "unit_from", read_unit_from, offsetof(struct point, unit_from) },
	{ "label", conf_text, offsetof(struct point, label) },
	{ "label_from", read_one_or_list, offsetof(struct point, label_from), 0, &place_list },
	{ "where", read_one_or_list, offsetof(struct point, where), 0, &test_list },
	{ "available", read_one_or_list, offsetof(struct point, available), 0, &test_list },
	{ "missing", read_one_or_list, offsetof(struct point, missing), 0, &missing_list },
	{ "states", read_states_or_name, 0 },
	{ "repeat", read_one_or_list, offsetof(struct point, repeat), 0, &repeat_list },
	{ "index_parts", conf_list_of, offsetof(struct point, index_parts), 0, &text_list },
	{ "index_shown", conf_text, offsetof(struct point, index_shown) },
	{ "suffix", conf_int, offsetof(struct point, suffix), 0, &suffix_range },
	{ "home", conf_int, offsetof(struct point, home), 0, &suffix_range },
	{ "plain", conf_text, offsetof(struct point, plain) },
	{ "range", conf_list_of, offsetof(struct point, range), 0, &ratio_pair },
	{ "modulus", read_modulus, 0 },
	{ "configured", conf_bool, offsetof(struct point, configured) },
	{ "duplicate_of", conf_text, offsetof(struct point, duplicate_of) },
	{ "resettable", conf_bool, offsetof(struct point, resettable) },
	{ "transform", conf_enum, offsetof(struct point, transform), 0, transform_names },
	{ "confidence", conf_enum, offsetof(struct point, confidence), 0, confidence_names },
	{ "source", conf_text, offsetof(struct point, source) },
	{ NULL },
};

/* ---- rules, identity, checks, blocks ---- */

static bool read_rule(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_field fields[] = {
		{ "object_id", read_oid, offsetof(struct rule, object_id) },
		{ "description", conf_text, offsetof(struct rule, description) },
		{ "vendor", conf_text, offsetof(struct rule, vendor) },
		{ "product", conf_text, offsetof(struct rule, product) },
		{ "version", conf_text, offsetof(struct rule, version) },
		{ "server_id", conf_text, offsetof(struct rule, server_id) },
		TEST_FIELDS(struct rule, test.),
		{ "all", conf_list_of, offsetof(struct rule, all), 0, &test_list },
		{ NULL },
	};
	struct rule *r = out;
	(void)arg;
	*r = (struct rule){ .test = { .coding = CODING_START } };
	if (!conf_struct(c, n, r, fields))
		return false;
	if (!conf_count(n)) {
		conf_problem(c, n, "a rule of 'identify' must test something");
		return false;
	}
	return true;
}
static const struct conf_list rule_list = { read_rule, sizeof(struct rule), NULL, 1, 64 };

static bool read_identity(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const char *const whats[] = { "serial", "model", "firmware", "name", "vendor" };
	static const struct conf_field fields[] = {
		{ "at", read_place, offsetof(struct identity_source, at), CONF_REQUIRED },
		CODING_FIELDS(struct identity_source, coding),
		{ NULL },
	};
	(void)arg;
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "'identity' must be a block such as 'serial: oid ...'");
		return false;
	}
	struct identity_source *rows = conf_alloc(c, (conf_count(n) + 1) * sizeof *rows);
	bool good = rows != NULL;
	for (size_t i = 0; good && i < conf_count(n); i++) {
		const struct conf_node *value = conf_item(n, i);
		rows[i] = (struct identity_source){ .coding = CODING_START };
		for (size_t k = 0; k < countof(whats); k++)
			if (!strcmp(conf_scalar(conf_key(n, i)), whats[k]))
				rows[i].what = whats[k];
		if (!rows[i].what) {
			conf_problem(c, conf_key(n, i), "unknown key '%s' in identity; use serial, model, firmware, name or vendor",
				     conf_scalar(conf_key(n, i)));
			good = false;
		} else if (conf_scalar(value)) {
			good = read_place(c, value, &rows[i].at, NULL);
		} else {
			good = conf_struct(c, value, &rows[i], fields);
		}
	}
	if (good)
		*(struct conf_vec *)out = (struct conf_vec){ rows, conf_count(n) };
	return good;
}

static bool read_check(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_field fields[] = {
		{ "rule", conf_enum, offsetof(struct check, kind), CONF_REQUIRED, check_names },
		{ "power", conf_text, offsetof(struct check, power) },
		{ "voltage", conf_text, offsetof(struct check, voltage) },
		{ "current", conf_text, offsetof(struct check, current) },
		{ "total", conf_text, offsetof(struct check, total) },
		{ "parts", conf_text, offsetof(struct check, parts) },
		{ "factor", conf_ratio, offsetof(struct check, factor) },
		{ "tolerance", conf_ratio, offsetof(struct check, tolerance) },
		{ NULL },
	};
	struct check *k = out;
	(void)arg;
	*k = (struct check){ .factor = { 1, 1 }, .tolerance = { 5, 100 } };
	if (!conf_struct(c, n, k, fields))
		return false;
	bool whole = k->kind == CHECK_POWER ? k->power && k->voltage && k->current : k->total && k->parts;
	if (!whole)
		conf_problem(c, n, "%s", k->kind == CHECK_POWER ? "rule 'power' needs power, voltage and current"
								 : "rule 'sum' needs total and parts");
	return whole;
}
static const struct conf_list check_list = { read_check, sizeof(struct check), NULL, 0, 64 };

/* "holding 0x0000..0x0010" */
static bool read_block(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct block *b = out;
	char kind[16], from[24], to[24];
	uint16_t first, last;
	const char *s = conf_scalar(n);
	if (s && sscanf(s, "%15s %23[0-9a-fA-Fx]..%23[0-9a-fA-Fx]", kind, from, to) == 3 && address_of(from, &first) &&
	    address_of(to, &last) && first <= last)
		for (const struct conf_name *p = space_names; p->name; p++)
			if (!strcmp(p->name, kind)) {
				*b = (struct block){ p->value, first, last };
				return true;
			}
	conf_problem(c, n, "'%s' is no block; write 'holding 0x0000..0x0010'", s ? s : conf_path(c, n));
	return false;
}
static const struct conf_list block_list = { read_block, sizeof(struct block), NULL, 1, 256 };

static const struct conf_range revision_range = { 1, 1000000 }, priority_range = { -1000, 1000 }, words_range = { 1, 125 },
			       bits_range = { 1, 2000 }, oids_range = { 1, 128 }, base_range = { 0, 65535 };

const struct conf_field draft_fields[] = {
	{ "profile", conf_id, offsetof(struct draft, p.name), CONF_REQUIRED },
	{ "title", conf_text, offsetof(struct draft, p.title) },
	{ "revision", conf_int, offsetof(struct draft, p.revision), CONF_REQUIRED, &revision_range },
	{ "vendor", conf_text, offsetof(struct draft, p.vendor) },
	{ "model", conf_text, offsetof(struct draft, p.model) },
	{ "source", conf_text, offsetof(struct draft, p.source), CONF_REQUIRED },
	{ "confidence", conf_enum, offsetof(struct draft, p.confidence), 0, confidence_names },
	{ "transport", conf_enum, offsetof(struct draft, p.transport), 0, transport_names },
	{ "extends", conf_id, offsetof(struct draft, p.extends) },
	{ "abstract", conf_bool, offsetof(struct draft, p.abstract) },
	{ "identify", read_one_or_list, offsetof(struct draft, p.rules), 0, &rule_list },
	{ "priority", conf_int, offsetof(struct draft, p.priority), 0, &priority_range },
	{ "identity", read_identity, offsetof(struct draft, p.identity) },
	{ "max_words", conf_int, offsetof(struct draft, p.max_words), 0, &words_range },
	{ "max_bits", conf_int, offsetof(struct draft, p.max_bits), 0, &bits_range },
	{ "max_oids", conf_int, offsetof(struct draft, p.max_oids), 0, &oids_range },
	{ "no_gaps", conf_bool, offsetof(struct draft, p.no_gaps) },
	{ "blocks", conf_list_of, offsetof(struct draft, p.blocks), 0, &block_list },
	{ "address_base", conf_int, offsetof(struct draft, address_base), 0, &base_range },
	{ "state_lists", read_state_lists, offsetof(struct draft, state_lists) },
	{ "defaults", conf_node_of, offsetof(struct draft, defaults) },
	{ "points", conf_node_of, offsetof(struct draft, points) },
	{ "drop", conf_list_of, offsetof(struct draft, drop), 0, &text_list },
	{ "checks", conf_list_of, offsetof(struct draft, p.checks), 0, &check_list },
	{ "tests", conf_node_of, offsetof(struct draft, cases) },
	{ NULL },
};

/* ---- site overrides ---- */

static bool read_override(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_range shift = { -65535, 65535 };
	static const struct conf_field fields[] = {
		{ "point", conf_text, offsetof(struct point_override, point), CONF_REQUIRED },
		{ "unit", conf_text, offsetof(struct point_override, unit) },
		{ "order", conf_text, offsetof(struct point_override, order) },
		{ "scale", conf_ratio, offsetof(struct point_override, scale) },
		{ "function", conf_enum, offsetof(struct point_override, space), 0, function_code_names },
		{ "address_shift", conf_int, offsetof(struct point_override, address_shift), 0, &shift },
		{ "drop", conf_bool, offsetof(struct point_override, drop) },
		{ NULL },
	};
	struct point_override *o = out;
	(void)arg;
	*o = (struct point_override){ .place = conf_place(n) };
	return conf_struct(c, n, o, fields);
}
const struct conf_list point_override_list = { read_override, sizeof(struct point_override), NULL, 1, 0 };
