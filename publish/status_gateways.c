/* What several units share: a Modbus gateway, a serial line.  With all of them ill the fault is most likely its own. */
#include "publish/status_parts.h"

#include <string.h>

json_t *gateway_name(const struct snapshot_device *d)
{
	const char *unit = d->endpoint ? strrchr(d->endpoint, '/') : NULL;
	bool shared = unit && !strncmp(d->endpoint, "modbus", 6) && unit > d->endpoint && unit[-1] != '/';
	return shared ? json_stringn(d->endpoint, (size_t)(unit - d->endpoint)) : json_null();
}

static bool is_ill(const struct snapshot_device *d)
{
	return !strcmp(d->state, "late") || !strcmp(d->state, "down");
}

static void one_more(json_t *o, const char *key)
{
	json_object_set_new(o, key, json_integer(json_integer_value(json_object_get(o, key)) + 1));
}

json_t *gateways_json(const struct snapshot *s)
{
	json_t *by_name = json_object(), *list = json_array(), *g;
	for (size_t i = 0; i < s->n_devices; i++) {
		json_t *name = gateway_name(&s->devices[i]);
		const char *text = json_string_value(name);
		if (text && !(g = json_object_get(by_name, text)))
			json_object_set_new(by_name, text, g = json_pack("{ss si si}", "gateway", text, "units", 0, "ill", 0));
		if (text) {
			one_more(g, "units");
			if (is_ill(&s->devices[i]))
				one_more(g, "ill");
		}
		json_decref(name);
	}
	const char *key;
	json_object_foreach(by_name, key, g)
		if (json_integer_value(json_object_get(g, "units")) > 1)
			json_array_append(list, g);
	json_decref(by_name);
	return list;
}
