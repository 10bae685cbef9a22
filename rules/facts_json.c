#include "rules/facts_json.h"

#include <stdio.h>
#include <string.h>

static const char *const kind_names[] = { "none", "PUE", "iPUE" };
static const char *const truth_names[] = { "no", "yes", NULL };
static const struct { const char *name; enum share_id id; } share_names[] = {
	{ "c1", SHARE_C1 }, { "c2", SHARE_C2 }, { "c3", SHARE_C3 }, { "c5", SHARE_C5 } };

/* Writing: one function a kind of field. */

static json_t *count_json(const void *at)
{
	int64_t v;
	memcpy(&v, at, sizeof v);
	return v == -1 ? json_null() : json_integer(v);
}

static json_t *rate_json(const void *at)
{
	int64_t v;
	memcpy(&v, at, sizeof v);
	return v == 0 ? json_null() : json_integer(v);
}

static json_t *small_json(const void *at)
{
	int v;
	memcpy(&v, at, sizeof v);
	return v == -1 ? json_null() : json_integer(v);
}

static json_t *text_json(const void *at)
{
	const char *v;
	memcpy(&v, at, sizeof v);
	return v ? json_string(v) : json_null();
}

static json_t *chars_json(const void *at)
{
	const char *v = at;
	return v[0] ? json_string(v) : json_null();
}

static json_t *date_json(const void *at)
{
	struct date d;
	char text[DATE_TEXT];
	memcpy(&d, at, sizeof d);
	return d.year ? json_string(date_text(d, text)) : json_null();
}

static json_t *wall_json(const void *at)
{
	struct wall t;
	char text[WALL_TEXT];
	memcpy(&t, at, sizeof t);
	return json_string(wall_text(t, text));
}

static json_t *bool_json(const void *at)
{
	return json_boolean(*(const bool *)at);
}

static json_t *truth_json(const void *at)
{
	enum truth t;
	memcpy(&t, at, sizeof t);
	return t == TRUTH_UNKNOWN ? json_null() : json_string(truth_names[t]);
}

static json_t *kind_json(const void *at)
{
	enum kpi_kind k;
	memcpy(&k, at, sizeof k);
	return json_string(kind_names[k]);
}

static json_t *shares_json(const void *at)
{
	const struct share (*share)[2][2] = at;
	json_t *list = json_array();
	for (size_t i = 0; i < countof(share_names); i++)
		for (int network = 0; network < 2; network++)
			for (int empty = 0; empty < 2; empty++) {
				const struct share *s = &share[share_names[i].id][network][empty];
				if (s->defined)
					json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:[I, I], s:[I, I]}", "id", share_names[i].name, "network",
									      network ? "in" : "out", "empty", empty ? "in" : "out", "lo",
									      (json_int_t)s->lo_num, (json_int_t)s->lo_den, "hi", (json_int_t)s->hi_num,
									      (json_int_t)s->hi_den));
			}
	return list;
}

static json_t *field_json(const struct field_row *row, const void *at)
{
	static json_t *(*const writers[])(const void *) = {
		[FIELD_COUNT] = count_json, [FIELD_INTEGER] = count_json, [FIELD_SMALL] = small_json, [FIELD_RATE] = rate_json, [FIELD_TEXT] = text_json,
		[FIELD_CHARS] = chars_json, [FIELD_DATE] = date_json, [FIELD_WALL] = wall_json, [FIELD_BOOL] = bool_json, [FIELD_TRUTH] = truth_json,
		[FIELD_KIND] = kind_json, [FIELD_SHARES] = shares_json };
	return row->kind == FIELD_OBJECT ? fields_json(row->rows, at) : writers[row->kind](at);
}

json_t *fields_json(const struct field_row *rows, const void *base)
{
	json_t *object = json_object();
	for (; rows->name; rows++)
		json_object_set_new(object, rows->name, field_json(rows, (const char *)base + rows->offset));
	return object;
}

/* Reading */

static bool bad(const struct field_row *row, const char *what, struct err *err)
{
	return err_set(err, ERR_INPUT, "/%s: %s", row->name, what);
}

static bool integer_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	int64_t n = json_integer_value(v);
	if (!json_is_integer(v))
		return bad(row, "not a whole number", err);
	if (row->kind == FIELD_RATE && n == 0)
		return bad(row, "a rate of 0 is none; leave it out", err);
	if (row->kind == FIELD_COUNT && n < 0)
		return bad(row, "below 0; leave out what is not known", err);
	memcpy(at, &n, sizeof n);
	return true;
}

static bool small_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	int n = (int)json_integer_value(v);
	if (!json_is_integer(v) || json_integer_value(v) < 0 || json_integer_value(v) > 1000)
		return bad(row, "not a small whole number", err);
	memcpy(at, &n, sizeof n);
	return true;
}

static bool text_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	const char *text = json_string_value(v);
	if (!text)
		return bad(row, "not a text", err);
	memcpy(at, &text, sizeof text);
	return true;
}

static bool chars_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	if (!json_is_string(v) || json_string_length(v) >= row->size)
		return bad(row, "not a short text", err);
	strcpy(at, json_string_value(v));
	return true;
}

static bool date_field_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	struct date d;
	if (!json_is_string(v) || !date_parse(json_string_value(v), &d, NULL))
		return bad(row, "not a day; write YYYY-MM-DD", err);
	memcpy(at, &d, sizeof d);
	return true;
}

static bool wall_field_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	struct wall t;
	if (!json_is_string(v) || !wall_parse(json_string_value(v), &t, NULL))
		return bad(row, "not a time with its offset", err);
	memcpy(at, &t, sizeof t);
	return true;
}

static bool bool_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	if (!json_is_boolean(v))
		return bad(row, "not true or false", err);
	*(bool *)at = json_is_true(v);
	return true;
}

static bool named_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	const char *const *names = row->kind == FIELD_TRUTH ? truth_names : kind_names;
	const char *text = json_string_value(v);
	for (int i = 0; text && i < (row->kind == FIELD_TRUTH ? 2 : 3); i++)
		if (strcmp(names[i], text) == 0) {
			memcpy(at, &i, sizeof i);
			return true;
		}
	return bad(row, row->kind == FIELD_TRUTH ? "yes or no is needed" : "PUE, iPUE or none is needed", err);
}

static bool side(const json_t *row, const char *member, int *out)
{
	const char *text = json_string_value(json_object_get(row, member));
	*out = text && strcmp(text, "in") == 0;
	return text && (*out || strcmp(text, "out") == 0);
}

static bool fraction(const json_t *v, int64_t *num, int64_t *den)
{
	const json_t *n = json_array_get(v, 0), *d = json_array_get(v, 1);
	*num = json_integer_value(n);
	*den = json_integer_value(d);
	return json_array_size(v) == 2 && json_is_integer(n) && json_is_integer(d) && *den > 0 && *num >= 0;
}

static bool share_parse(const json_t *row, struct share (*share)[2][2])
{
	const char *id = json_string_value(json_object_get(row, "id"));
	struct share s = { .defined = true };
	int network, empty;
	if (!id || json_object_size(row) != 5 || !side(row, "network", &network) || !side(row, "empty", &empty) ||
	    !fraction(json_object_get(row, "lo"), &s.lo_num, &s.lo_den) || !fraction(json_object_get(row, "hi"), &s.hi_num, &s.hi_den))
		return false;
	for (size_t i = 0; i < countof(share_names); i++)
		if (strcmp(share_names[i].name, id) == 0) {
			share[share_names[i].id][network][empty] = s;
			return true;
		}
	return false;
}

static bool shares_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	size_t i;
	const json_t *item;
	if (!json_is_array(v))
		return bad(row, "not a list", err);
	json_array_foreach((json_t *)(uintptr_t)v, i, item)
		if (!share_parse(item, at))
			return err_set(err, ERR_INPUT, "/%s/%zu: {\"id\":c1|c2|c3|c5,\"network\":in|out,\"empty\":in|out,\"lo\":[n,d],\"hi\":[n,d]} is needed",
				       row->name, i);
	return true;
}

static bool field_parse(const struct field_row *row, const json_t *v, void *at, struct err *err)
{
	static bool (*const readers[])(const struct field_row *, const json_t *, void *, struct err *) = {
		[FIELD_COUNT] = integer_parse, [FIELD_INTEGER] = integer_parse, [FIELD_SMALL] = small_parse, [FIELD_RATE] = integer_parse,
		[FIELD_TEXT] = text_parse, [FIELD_CHARS] = chars_parse, [FIELD_DATE] = date_field_parse, [FIELD_WALL] = wall_field_parse,
		[FIELD_BOOL] = bool_parse, [FIELD_TRUTH] = named_parse, [FIELD_KIND] = named_parse, [FIELD_SHARES] = shares_parse };
	if (row->kind != FIELD_OBJECT)
		return readers[row->kind](row, v, at, err);
	return fields_parse(row->rows, v, at, NULL, err) || err_wrap(err, "/%s", row->name);
}

static bool listed(const char *const *list, const char *name)
{
	for (; list && *list; list++)
		if (strcmp(*list, name) == 0)
			return true;
	return false;
}

bool fields_parse(const struct field_row *rows, const json_t *object, void *base, const char *const *apart, struct err *err)
{
	const char *key;
	json_t *value;
	if (!json_is_object(object))
		return err_set(err, ERR_INPUT, "not an object");
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		const struct field_row *row = rows;
		while (row->name && strcmp(row->name, key) != 0)
			row++;
		if (!row->name && !listed(apart, key))
			return err_set(err, ERR_INPUT, "unknown member '%.60s'", key);
		if (row->name && !json_is_null(value) && !field_parse(row, value, (char *)base + row->offset, err))
			return false;
	}
	return true;
}
