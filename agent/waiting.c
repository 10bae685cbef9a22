#include "agent/waiting.h"
#include "core/merkle.h"

#include <stdlib.h>
#include <string.h>

void waiting_done(struct waiting *w)
{
	for (size_t i = 0; i < w->n; i++)
		free(w->rows[i].payload);
	free(w->rows);
	*w = (struct waiting){ 0 };
}

bool waiting_add(struct waiting *w, uint64_t seq, struct wall at, const void *payload, size_t len, struct err *err)
{
	if (w->n == w->room) {
		size_t room = w->room ? w->room * 2 : 16;
		struct waiting_report *more = realloc(w->rows, room * sizeof *more);
		if (!more)
			return err_memory(err);
		w->rows = more;
		w->room = room;
	}
	char *copy = malloc(len + 1);
	if (!copy)
		return err_memory(err);
	memcpy(copy, payload, len);
	copy[len] = 0;
	w->bytes += len;
	w->rows[w->n++] = (struct waiting_report){ seq, at, copy, len };
	return true;
}

static bool name_previous(const struct waiting_report *r, const char *previous, struct buf *out, struct err *err)
{
	json_t *root = json_read("report", r->payload, r->len, err);
	bool good = root && (json_object_set_new(root, "previous", previous[0] ? json_string(previous) : json_null()) == 0 || err_memory(err)) &&
		    json_canonical(root, out, err);
	json_decref(root);
	return good;
}

bool waiting_sign(struct waiting *w, const struct signer_ops *signer, struct buf *out, struct waiting_report *row, struct err *err)
{
	CLEANUP(buf_done) struct buf payload = { 0 };
	struct hash hash;
	buf_reset(out);
	if (!name_previous(&w->rows[0], w->previous, &payload, err) || !jws_make(signer, JWS_REPORT, payload.data, payload.len, false, out, err))
		return err_wrap(err, "report %llu", (unsigned long long)w->rows[0].seq);
	sha256(out->data, out->len, &hash);
	hash_hex(&hash, w->previous);
	*row = w->rows[0];
	w->bytes -= row->len;
	free(row->payload);
	row->payload = NULL;
	memmove(&w->rows[0], &w->rows[1], --w->n * sizeof *w->rows);
	return true;
}

void waiting_save(const struct waiting *w, struct buf *out)
{
	buf_str(out, "{\"previous\":");
	buf_json(out, w->previous);
	buf_str(out, ",\"waiting\":[");
	for (size_t i = 0; i < w->n; i++) {
		buf_printf(out, "%s{\"at\":%lld,\"payload\":", i ? "," : "", (long long)w->rows[i].at.ms);
		buf_json(out, w->rows[i].payload);
		buf_printf(out, ",\"seq\":%llu}", (unsigned long long)w->rows[i].seq);
	}
	buf_str(out, "]}\n");
}

static bool load_row(struct waiting *w, const json_t *row, struct err *err)
{
	const json_t *at = json_object_get(row, "at"), *seq = json_object_get(row, "seq"), *payload = json_object_get(row, "payload");
	if (!json_is_integer(at) || !json_is_integer(seq) || json_integer_value(seq) < 0 || !json_is_string(payload))
		return err_set(err, ERR_EVIDENCE, "checkpoint: a waiting report without time, number or payload");
	return waiting_add(w, (uint64_t)json_integer_value(seq), (struct wall){ json_integer_value(at) }, json_string_value(payload), json_string_length(payload), err);
}

bool waiting_load(struct waiting *w, const void *bytes, size_t len, size_t *used, struct err *err)
{
	const char *text = bytes, *end = len ? memchr(bytes, '\n', len) : NULL;
	struct waiting fresh = { 0 };
	*used = 0;
	if (!len || text[0] != '{')
		return true;            /* before reports could wait */
	if (!end)
		return err_set(err, ERR_EVIDENCE, "checkpoint: its first line does not end");
	json_t *root = json_read("checkpoint", text, (size_t)(end - text), err);
	const json_t *previous = json_object_get(root, "previous"), *rows = json_object_get(root, "waiting");
	bool good = root != NULL;
	if (good && (!json_is_string(previous) || json_string_length(previous) >= sizeof fresh.previous || !json_is_array(rows)))
		good = err_set(err, ERR_EVIDENCE, "checkpoint: its first line does not say which reports wait");
	for (size_t i = 0; good && i < json_array_size(rows); i++)
		good = load_row(&fresh, json_array_get(rows, i), err);
	if (good) {
		memcpy(fresh.previous, json_string_value(previous), json_string_length(previous) + 1);
		waiting_done(w);
		*w = fresh;
		*used = (size_t)(end - text) + 1;
	} else {
		waiting_done(&fresh);
	}
	json_decref(root);
	return good;
}
