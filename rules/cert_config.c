/* The site again, from the configuration that stands in the evidence.  A canonical text holds plain base units; the loader wants units
 * with every number, so they are put back by the tables that wrote them.  Whether that was right is not believed: the site that comes out must
 * have the same canonical text. */
#include "rules/cert_parts.h"
#include "core/site_fields.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* NULL: the value stands for "not stated", and the key goes. */
static json_t *with_unit(const json_t *value, enum print_unit unit)
{
	char text[64] = "";
	long long n = json_integer_value(value), mwh;
	int taken = 0;
	if (unit == PRINT_MWH && sscanf(json_string_value(value) ? json_string_value(value) : "", "%lld/1%n", &mwh, &taken) == 1 && taken)
		snprintf(text, sizeof text, "%lld.%06lld kW.h", mwh / 1000000, mwh % 1000000);
	else if (unit == PRINT_MS)
		snprintf(text, sizeof text, "%lldms", n);
	else if (unit == PRINT_MODULUS && n < 0)
		return json_string("none");
	else if (unit == PRINT_MODULUS && n > 0)
		snprintf(text, sizeof text, "%lld", n);
	else if (unit == PRINT_MW && n > 0)
		snprintf(text, sizeof text, "%lld mW", n);
	else if (unit == PRINT_MV && n > 0)
		snprintf(text, sizeof text, "%lld.%03lld V", n / 1000, n % 1000);
	else if (unit == PRINT_PPM && n >= 0)
		snprintf(text, sizeof text, "%lld.%04lld %%", n / 10000, n % 10000);
	return text[0] ? json_string(text) : NULL;
}

static void put_units(json_t *object, const struct conf_field *fields)
{
	for (const struct conf_field *f = fields; f->key; f++) {
		json_t *value = json_object_get(object, f->key), *text;
		enum print_unit unit = site_print_unit(f);
		if (!value || site_print_kind(f) == PRINT_STRUCT) {
			if (json_is_object(value))
				put_units(value, f->arg);
			continue;
		}
		if (unit == PRINT_PLAIN)
			continue;
		if ((text = with_unit(value, unit)))
			json_object_set_new(object, f->key, text);
		else
			json_object_del(object, f->key);
	}
}

static void each(json_t *list, const struct conf_field *fields, void (*fn)(json_t *item))
{
	size_t i;
	json_t *item;
	json_array_foreach(list, i, item) {
		put_units(item, fields);
		if (fn)
			fn(item);
	}
}

static struct ratio fraction(const json_t *object, const char *key)
{
	long long num, den;
	int taken = 0;
	const char *text = json_string_value(json_object_get(object, key));
	bool good = text && sscanf(text, "%lld/%lld%n", &num, &den, &taken) == 2 && !text[taken] && num > 0 && den > 0;
	return good ? (struct ratio){ num, den } : (struct ratio){ 1, 1 };
}

/* Where pued multiplies by the transformers, the canonical count has their ratios in it: it is taken apart again. */
static void part_count(json_t *epoch)
{
	static const char *const plates[] = { "ct", "pt" };
	const char *by = json_string_value(json_object_get(epoch, "applied_by"));
	struct ratio count = fraction(epoch, "count");
	__int128 num = count.num, den = count.den;
	if (!by || strcmp(by, "pued") != 0 || !json_is_string(json_object_get(epoch, "count")))
		return;
	for (size_t i = 0; i < countof(plates); i++) {
		struct ratio plate = fraction(epoch, plates[i]);
		if (__builtin_mul_overflow(num, (__int128)plate.den, &num) || __builtin_mul_overflow(den, (__int128)plate.num, &den))
			return;
	}
	if (num % den == 0 && num / den <= INT64_MAX)
		json_object_set_new(epoch, "count", json_sprintf("%lld/1", (long long)(num / den)));
}

/* A factor without a source is none. */
static void meter(json_t *m)
{
	static const char *const points[] = { "energy", "power" };
	const char *role = json_string_value(json_object_get(m, "role"));
	bool bus = role && strcmp(role, "bus") == 0;
	size_t i;
	json_t *epoch;
	for (i = 0; i < countof(points) && !bus; i++)
		if (!json_object_get(m, points[i]))
			json_object_set_new(m, points[i], json_string("none"));
	if (bus)
		json_object_del(m, "epochs");
	json_array_foreach(json_object_get(m, "epochs"), i, epoch)
		part_count(epoch);
	each(json_object_get(m, "epochs"), epoch_fields, NULL);
	if (!json_object_get(json_object_get(m, "factor"), "source"))
		json_object_del(m, "factor");
}

/* Devices are there to be named by meters; how they are polled says nothing about energies. */
static void device(json_t *d)
{
	static const char *const kept[] = { "id", "profile", "endpoint", "any_source", "allow_weak" };
	json_t *copy = json_object();
	for (size_t i = 0; i < countof(kept); i++)
		json_object_set(copy, kept[i], json_object_get(d, kept[i]));
	json_object_clear(d);
	json_object_update(d, copy);
	json_decref(copy);
}

/* A factor of the site is written in millionths of kg/kW.h. */
static void site_factor(json_t *f)
{
	long long micro = json_integer_value(json_object_get(f, "micro"));
	json_object_set_new(f, "value", json_sprintf("%lld.%06lld kg/kW.h", micro / 1000000, micro % 1000000));
	json_object_del(f, "micro");
}

static json_t *loadable(const json_t *canonical)
{
	json_t *root = json_deep_copy(canonical), *f;
	size_t k;
	static const char *const dropped[] = { "mqtt", "http", "store" };
	for (size_t i = 0; i < countof(dropped); i++)
		json_object_del(root, dropped[i]);
	put_units(json_object_get(root, "site"), site_fields);
	json_array_foreach(json_object_get(root, "factors"), k, f)
		site_factor(f);
	each(json_object_get(root, "meters"), meter_fields, meter);
	each(json_object_get(root, "devices"), device_fields, device);
	each(json_object_get(root, "racks"), rack_fields, NULL);
	return root;
}

/* What energies and racks hang on must be the same to the member. */
static bool same_site(const json_t *canonical, const struct site *site, struct err *err)
{
	static const char *const members[] = { "site", "meters", "racks", "factors" };
	char *text = site_canonical(site);
	json_t *again = text ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(text);
	char pointer[200] = "";
	size_t i = 0;
	while (again && i < countof(members) && !json_difference(json_object_get(canonical, members[i]), json_object_get(again, members[i]), pointer, sizeof pointer))
		i++;
	json_decref(again);
	return i == countof(members) || err_set(err, ERR_INPUT, "this program reads it back to another one: /%s%s", members[i], pointer);
}

static bool no_files(void *ctx, const char *path, struct buf *out, struct err *err)
{
	(void)ctx, (void)out;
	return err_set(err, ERR_INPUT, "%s: a canonical configuration names no files", path);
}

static const struct site *load(struct conf *c, const json_t *canonical, struct err *err)
{
	json_t *root = loadable(canonical);
	char *text = json_dumps(root, JSON_COMPACT);
	const struct site *site = text ? site_load(c, "configuration", text, strlen(text), (struct file_reader){ no_files, NULL }) : NULL;
	bool memory = !text;
	free(text);
	json_decref(root);
	if (memory || !site)
		return (memory ? err_memory(err) : conf_ok(c, err)), NULL;
	return same_site(canonical, site, err) ? site : NULL;
}

const struct site *cert_site_of(struct conf *c, const char *leaf, size_t len, char sha256_hex[65], struct err *err)
{
	struct hash hash;
	json_t *root = json_loadb(leaf, len, JSON_REJECT_DUPLICATES, NULL);
	const json_t *text = json_object_get(root, "configuration");
	const char *stated = json_string_value(json_object_get(root, "sha256"));
	json_t *canonical = json_is_string(text) ? json_loadb(json_string_value(text), json_string_length(text), JSON_REJECT_DUPLICATES, NULL) : NULL;
	const struct site *site = NULL;
	if (text) {
		sha256(json_string_value(text), json_string_length(text), &hash);
		hash_hex(&hash, sha256_hex);
	}
	if (!canonical || !stated || strcmp(stated, sha256_hex) != 0)
		err_set(err, ERR_INPUT, "not a configuration as evidence holds it");
	else
		site = load(c, canonical, err);
	json_decref(canonical);
	json_decref(root);
	return site;
}
