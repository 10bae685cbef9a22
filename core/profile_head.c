/* What a profile says of the whole device: rules, identity, limits, checks; and what a site says better. */
#include "core/profile_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct conf_name check_names[] = { { "power", CHECK_POWER }, { "sum", CHECK_SUM }, { NULL, 0 } };
static const struct conf_name function_code_names[] = { { "holding", SPACE_HOLDING }, { "input", SPACE_INPUT }, { "3", SPACE_HOLDING },
							{ "4", SPACE_INPUT }, { NULL, 0 } };

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
	if (s && sscanf(s, "%15s %23[0-9a-fA-Fx]..%23[0-9a-fA-Fx]", kind, from, to) == 3 && read_address(from, &first) &&
	    read_address(to, &last) && first <= last)
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
