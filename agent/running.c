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

bool running_arguments(struct ctl *ctl, struct running_options *o, struct err *err)
{
	const char *config = NULL, *port = NULL;
	int kept = 1;
	for (int i = 1; i < ctl->argc; i++) {
		const char **to = !strcmp(ctl->argv[i], "--port") ? &port : !strcmp(ctl->argv[i], "--config") ? &config : NULL;
		if (to && !ctl->argv[i + 1])
			return err_set(err, ERR_USAGE, "%s needs a value", ctl->argv[i]);
		if (to)
			*to = ctl->argv[++i];
		else
			ctl->argv[kept++] = ctl->argv[i];
	}
	ctl->argv[kept] = NULL;
	ctl->argc = kept;
	char *end = NULL;
	long n = port ? strtol(port, &end, 10) : PORT;
	if (n < 1 || n > 65535 || (end && *end))
		return err_set(err, ERR_USAGE, "--port %s is not a port", port);
	o->port = (uint16_t)n;
	return port || port_of_file(config ? config : "/etc/pued/pued.yaml", config != NULL, &o->port, err);
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
