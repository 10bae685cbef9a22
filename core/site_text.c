/* The canonical text of a site's effective configuration: what the evidence says was in force. */
#include "core/site_factors.h"
#include "core/site_fields.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

static void print_struct(struct buf *out, const void *base, const struct conf_field *fields, bool *comma);

static void key(struct buf *out, const char *name, bool *comma)
{
	buf_printf(out, "%s\"%s\":", *comma ? "," : "", name);
	*comma = true;
}

static void print_node(struct buf *out, const struct conf_node *n)
{
	bool map = conf_kind(n) == CONF_MAPPING;
	if (conf_kind(n) == CONF_SCALAR || conf_kind(n) == CONF_NULL) {
		buf_json(out, conf_scalar(n) ?: "");
		return;
	}
	buf_str(out, map ? "{" : "[");
	for (size_t i = 0; i < conf_count(n); i++) {
		buf_str(out, i ? "," : "");
		if (map) {
			buf_json(out, conf_scalar(conf_key(n, i)) ?: "");
			buf_str(out, ":");
		}
		print_node(out, conf_item(n, i));
	}
	buf_str(out, map ? "}" : "]");
}

static void print_ids(struct buf *out, const struct conf_vec *ids)
{
	for (size_t i = 0; i < ids->n; i++) {
		buf_str(out, i ? "," : "[");
		buf_json(out, ((const char *const *)ids->items)[i]);
	}
	buf_str(out, "]");
}

/* A value that is not stated is left out, so that adding a key to the format later changes no text of today. */
static void print_field(struct buf *out, const void *p, const struct conf_field *f, bool *comma)
{
	char text[WALL_TEXT];
	const struct ratio *r = p;
	const struct plate *plate = p;
	const struct wall *wall = p;
	const struct date *date = p;
	const struct bilingual *both = p;
	const struct conf_vec *ids = p;
	const char *const *word = p;
	switch (site_print_kind(f)) {
	case PRINT_TEXT:
	case PRINT_SECRET:
		if (*word) {
			key(out, f->key, comma);
			buf_json(out, *word);
		}
		break;
	case PRINT_INT:
		key(out, f->key, comma);
		buf_printf(out, "%lld", (long long)*(const int64_t *)p);
		break;
	case PRINT_STATED:
		if (*(const int64_t *)p) {
			key(out, f->key, comma);
			buf_printf(out, "%lld", (long long)*(const int64_t *)p);
		}
		break;
	case PRINT_BOOL:
		key(out, f->key, comma);
		buf_str(out, *(const bool *)p ? "true" : "false");
		break;
	case PRINT_ENUM: {
		const char *name = conf_name_of(f->arg, *(const int *)p);
		if (*name != '?') {
			key(out, f->key, comma);
			buf_json(out, name);
		}
		break;
	}
	case PRINT_RATIO:
		if (r->den) {
			key(out, f->key, comma);
			buf_printf(out, "\"%lld/%lld\"", (long long)r->num, (long long)r->den);
		}
		break;
	case PRINT_PLATE:
		if (plate->primary) {
			key(out, f->key, comma);
			buf_printf(out, "\"%lld/%lld\"", (long long)plate->primary, (long long)plate->secondary);
		}
		break;
	case PRINT_WALL:
		if (wall->ms != INT64_MIN && wall->ms != INT64_MAX) {
			key(out, f->key, comma);
			buf_json(out, wall_text(*wall, text));
		}
		break;
	case PRINT_DATE:
		if (date->year) {
			key(out, f->key, comma);
			buf_json(out, date_text(*date, text));
		}
		break;
	case PRINT_IDS:
		if (ids->n) {
			key(out, f->key, comma);
			print_ids(out, ids);
		}
		break;
	case PRINT_BILINGUAL:
		if (both->zh) {
			key(out, f->key, comma);
			buf_str(out, "{\"zh\":");
			buf_json(out, both->zh);
			buf_str(out, ",\"en\":");
			buf_json(out, both->en);
			buf_str(out, "}");
		}
		break;
	case PRINT_STRUCT: {
		CLEANUP(buf_done) struct buf inner = { 0 };
		bool any = false;
		print_struct(&inner, p, f->arg, &any);
		if (any) {
			key(out, f->key, comma);
			buf_printf(out, "{%s}", inner.data);
		}
		break;
	}
	case PRINT_NODE:
		break;          /* lists: written by their owners below */
	}
}

static void print_struct(struct buf *out, const void *base, const struct conf_field *fields, bool *comma)
{
	for (const struct conf_field *f = fields; f->key; f++)
		if (!f->seen || *((const bool *)base + f->seen - 1))
			print_field(out, (const char *)base + f->offset, f, comma);
}

static void print_epochs(struct buf *out, const struct meter *m)
{
	const struct meter_epoch *epochs = m->epochs.items;
	buf_str(out, ",\"epochs\":[");
	for (size_t i = 0; i < m->epochs.n; i++) {
		bool comma = false;
		struct meter_epoch e = epochs[i];
		buf_str(out, i ? ",{" : "{");
		print_struct(out, &e, epoch_fields, &comma);
		buf_str(out, "}");
	}
	buf_str(out, "]");
}

void site_print_canonical(const struct root *root, const struct meter_entry *meters, const struct device_entry *devices, struct buf *out)
{
	const struct site *s = &root->site;
	const struct rack *racks = s->racks.items;
	bool comma = false;
	buf_str(out, "{");
	for (const struct conf_field *f = root_fields; f->key; f++)
		if (strcmp(f->key, "defaults") && (strcmp(f->key, "mqtt") || s->mqtt.host))
			print_field(out, (const char *)root + f->offset, f, &comma);
	site_factors_canonical(s, out);
	buf_str(out, ",\"meters\":[");
	for (size_t i = 0; i < s->meters.n; i++) {
		buf_str(out, i ? ",{" : "{");
		comma = false;
		for (const struct conf_field *f = meter_fields; f->key; f++)
			if (f->offset < offsetof(struct meter_entry, installed))        /* the rest is in the epochs */
				print_field(out, (const char *)&meters[i] + f->offset, f, &comma);
		print_epochs(out, &meters[i].m);
		buf_str(out, "}");
	}
	buf_str(out, "],\"devices\":[");
	for (size_t i = 0; i < s->devices.n; i++) {
		buf_str(out, i ? ",{" : "{");
		comma = false;
		print_struct(out, &devices[i], device_fields, &comma);
		if (devices[i].overrides) {
			buf_str(out, ",\"overrides\":");
			print_node(out, devices[i].overrides);
		}
		buf_str(out, "}");
	}
	buf_str(out, "],\"racks\":[");
	for (size_t i = 0; i < s->racks.n; i++) {
		buf_str(out, i ? ",{" : "{");
		comma = false;
		print_struct(out, &racks[i], rack_fields, &comma);
		buf_str(out, "}");
	}
	buf_str(out, "]}");
}

bool site_pack_canonical(struct conf *c, struct root *root, const struct meter_entry *meters, const struct device_entry *devices)
{
	enum { QUICK = 1 };
	CLEANUP(buf_done) struct buf text = { 0 };
	site_print_canonical(root, meters, devices, &text);
	size_t room = ZSTD_compressBound(text.len);
	void *packed = text.failed ? NULL : malloc(room), *kept = NULL;
	size_t len = packed ? ZSTD_compress(packed, room, text.data, text.len, QUICK) : 0;
	if (packed && !ZSTD_isError(len) && (kept = conf_alloc(c, len)))
		memcpy(kept, packed, len);
	free(packed);
	root->site.canonical.packed = kept;
	root->site.canonical.len = len;
	root->site.canonical.text_len = text.len;
	return kept;
}

char *site_canonical(const struct site *s)
{
	size_t n = s->canonical.text_len;
	char *text = s->canonical.packed ? malloc(n + 1) : NULL;
	if (!text || ZSTD_decompress(text, n, s->canonical.packed, s->canonical.len) != n) {
		free(text);
		return NULL;
	}
	text[n] = 0;
	return text;
}
