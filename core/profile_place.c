/* Places and codings as a profile writes them. */
#include "core/profile_read.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const struct conf_name transport_names[] = { { "modbus", TRANSPORT_MODBUS }, { "snmp", TRANSPORT_SNMP }, { NULL, 0 } };
const struct conf_name space_names[] = { { "holding", SPACE_HOLDING }, { "input", SPACE_INPUT }, { "coil", SPACE_COIL },
					 { "discrete", SPACE_DISCRETE }, { NULL, 0 } };
const struct conf_name confidence_names[] = { { "recorded", CONFIDENCE_RECORDED }, { "documented", CONFIDENCE_DOCUMENTED },
					      { "reported", CONFIDENCE_REPORTED }, { "inferred", CONFIDENCE_INFERRED }, { NULL, 0 } };

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

bool read_address(const char *text, uint16_t *out)
{
	const char *rest;
	int64_t v;
	if (!whole_number(text, &v, &rest) || *rest || v < 0 || v > UINT16_MAX)
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
			return n == 2 && read_address(where, &out->address);
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
bool read_place_of(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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

bool read_oid(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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

bool read_type(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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
	static const struct { const char *word, *type; } others[] = {
		{ "uint16", "u16" }, { "int16", "i16" }, { "uint32", "u32" }, { "int32", "i32" }, { "uint64", "u64" }, { "int64", "i64" }, { "float", "f32" },
		{ "float32", "f32" }, { "single", "f32" }, { "real", "f32" }, { "double", "f64" }, { "float64", "f64" }, { "word", "u16" }, { "dword", "u32" },
		{ "bool", "bit" }, { "ascii", "string" }, { "bcd", "bcd16" } };
	const char *near = NULL;
	for (size_t i = 0; text && i < countof(others); i++)
		near = strcasecmp(others[i].word, text) ? near : others[i].type;
	near = near || !text || !*text ? near : conf_nearest(text, names, count);
	CLEANUP(buf_done) struct buf all = { 0 };
	for (size_t i = 0; i < count; i++)
		buf_printf(&all, "%s%s", i ? ", " : "", names[i]);
	conf_problem(c, n, near ? "type '%s' is not known; did you mean '%s'?" : "type '%s' is not known; use one of %s",
		     text ? text : "?", near ? near : all.data);
	return false;
}

const struct conf_range word_range = { 1, 125 };
static const struct conf_range bit_range = { 0, 63 }, port16 = { 0, 65535 };

bool read_bit(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct coding *k = out;
	if (!conf_int(c, n, &k->bit_first, &bit_range))
		return false;
	k->bit_last = k->bit_first;
	return true;
}

static const struct conf_list bit_pair = { conf_int, sizeof(int64_t), &bit_range, 2, 2 };

bool read_bits(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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

bool read_parts(struct conf *c, const struct conf_node *n, void *out, const void *arg)
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
