#include "agent/running.h"
#include "agent/file.h"
#include "agent/http_get.h"

#include <stdlib.h>
#include <string.h>

enum { PORT = 8480 };

static bool port_of_file(const char *path, bool must, uint16_t *port, struct err *err)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct err why = { 0 };
	if (!file_read(path, &bytes, &why)) {
		if (err && must)
			*err = why;
		return !must;
	}
	struct conf *c = conf_new();
	const struct site *site = c ? site_load(c, path, bytes.data, bytes.len, file_reader_beside(path)) : NULL;
	if (site && site->http.port > 0)
		*port = (uint16_t)site->http.port;
	bool good = site || !must || (c && conf_ok(c, err));
	conf_free(c);
	return good;
}

const struct ctl_option running_rows[] = {
	{ "--port", CTL_INTEGER, offsetof(struct running_options, given_port), "N", { "本机端口;默认取自配置,否则 8480", "port on this machine; else the configuration's, else 8480" }, .min = 1, .max = 65535 },
	{ "--config", CTL_FILE, offsetof(struct running_options, config), "FILE", { "站点配置", "the site's configuration" } },
	{ NULL },
};

bool running_port(struct running_options *o, struct err *err)
{
	o->port = (uint16_t)(o->given_port ? o->given_port : PORT);
	return o->given_port || port_of_file(o->config ? o->config : "/etc/pued/pued.yaml", o->config != NULL, &o->port, err);
}

json_t *running_status(const struct running_options *o, struct buf *text, struct err *err)
{
	CLEANUP(buf_done) struct buf body = { 0 };
	json_error_t at;
	if (!http_get(o->port, "/api/v1/status", &body, err))
		return NULL;
	json_t *j = json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, &at);
	const char *schema = json_string_value(json_object_get(j, "schema"));
	if (!schema || strcmp(schema, "pued-status/1") != 0) {
		err_set(err, ERR_UNAVAILABLE, "127.0.0.1:%u: what listens there is not a pued of this version", o->port);
		json_decref(j);
		return NULL;
	}
	if (text)
		buf_add(text, body.data, body.len);
	return j;
}

const char *running_text(const json_t *o, const char *key, struct buf *room)
{
	const char *s = json_string_value(json_object_get(o, key));
	buf_reset(room);
	buf_plain(room, s ? s : "-", s ? strlen(s) : 1);
	return room->failed || !room->data ? "-" : room->data;
}

json_int_t running_number(const json_t *o, const char *key, json_int_t none)
{
	const json_t *v = json_object_get(o, key);
	return json_is_integer(v) ? json_integer_value(v) : none;
}

void running_pad(struct buf *out, const char *text, int columns)
{
	buf_str(out, text);
	for (const unsigned char *p = (const unsigned char *)text; *p; p++)
		if ((*p & 0xc0) != 0x80)
			columns -= *p >= 0xe3 ? 2 : 1;   /* from U+3000 on: Chinese text and its punctuation */
	for (; columns > 0; columns--)
		buf_str(out, " ");
}
