#include "publish/mqtt_command.h"

#include <jansson.h>
#include <string.h>

static bool number(const json_t *root, const char *key, int64_t least, uint64_t *out, struct err *err)
{
	const json_t *v = json_object_get(root, key);
	if (!json_is_integer(v))
		return err_set(err, ERR_INPUT, "member \"%s\" is missing or not an integer", key);
	if (json_integer_value(v) < least)
		return err_set(err, ERR_INPUT, "member \"%s\" is below %lld", key, (long long)least);
	*out = (uint64_t)json_integer_value(v);
	return true;
}

static bool read_range(const json_t *root, const char *site, struct mqtt_range *out, struct err *err)
{
	const char *name = json_string_value(json_object_get(root, "site"));
	struct mqtt_range r;
	if (!name || strcmp(name, site) != 0)
		return err_set(err, ERR_INPUT, "member \"site\" does not name this site (%s)", site);
	if (!number(root, "epoch", 0, &r.epoch, err) || !number(root, "from", 0, &r.from, err) || !number(root, "to", 0, &r.to, err))
		return false;
	if (json_object_size(root) != 4)
		return err_set(err, ERR_INPUT, "there are %zu members; epoch, from, site and to are the only ones", json_object_size(root));
	if (r.to < r.from)
		return err_set(err, ERR_INPUT, "the range ends (%llu) before it begins (%llu)", (unsigned long long)r.to, (unsigned long long)r.from);
	if (r.to - r.from >= MQTT_RANGE_MAX)
		return err_set(err, ERR_INPUT, "the range holds more than %d reports; ask in parts", MQTT_RANGE_MAX);
	*out = r;
	return true;
}

bool mqtt_range_parse(const char *site, const void *bytes, size_t len, struct mqtt_range *out, struct err *err)
{
	if (len > MQTT_COMMAND_MAX)
		return err_set(err, ERR_INPUT, "it has %zu bytes; at most %d are read", len, MQTT_COMMAND_MAX);
	json_error_t at;
	json_t *root = json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &at);
	if (!json_is_object(root)) {
		json_decref(root);
		return err_set(err, ERR_INPUT, "it is not a JSON object");
	}
	bool ok = read_range(root, site, out, err);
	json_decref(root);
	return ok;
}
