#include "agent/record.h"
#include "agent/signer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the newest leaf of a kind says of a subject. */
struct known { enum leaf_kind kind; char subject[80]; struct hash hash; };
struct record {
	struct known *rows;
	size_t n, room;
	struct err err;
	int64_t certificates_seen;
	uint32_t session;
	bool clock_told, synced;
	char zone[65];                  /* SHA-256 of the table that was told */
};

/* Which member of a leaf names its subject; NULL: the kind has one subject.  A path has one dot. */
static const struct { enum leaf_kind kind; const char *outer, *member; } subjects[] = {
	{ LEAF_CONFIG, NULL, NULL }, { LEAF_PACK, NULL, NULL }, { LEAF_PROFILE, NULL, "profile" }, { LEAF_KEY, "key", "kid" }, { LEAF_CERTIFICATE, NULL, "sha256" },
	{ LEAF_CLOCK, NULL, "zone" },
};

static int subject_row(enum leaf_kind kind)
{
	for (int i = 0; i < (int)countof(subjects); i++)
		if (subjects[i].kind == kind)
			return i;
	return -1;
}

static struct known *find(struct record *r, enum leaf_kind kind, const char *subject)
{
	for (size_t i = 0; i < r->n; i++)
		if (r->rows[i].kind == kind && !strcmp(r->rows[i].subject, subject))
			return &r->rows[i];
	return NULL;
}

static bool keep(struct record *r, enum leaf_kind kind, const char *subject, const struct hash *hash)
{
	struct known *k = find(r, kind, subject);
	if (!k && r->n == r->room) {
		size_t room = r->room ? r->room * 2 : 32;
		struct known *more = realloc(r->rows, room * sizeof *more);
		if (!more)
			return err_memory(&r->err);
		r->rows = more;
		r->room = room;
	}
	if (!k)
		k = &r->rows[r->n++];
	k->kind = kind;
	k->hash = *hash;
	snprintf(k->subject, sizeof k->subject, "%s", subject);
	return true;
}

static bool learn(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct record *r = ctx;
	struct hash hash;
	int row = subject_row(kind);
	(void)index, (void)at;
	if (row < 0)
		return true;
	sha256(bytes, len, &hash);
	json_t *root = subjects[row].member ? json_loadb(bytes, len, 0, NULL) : NULL;
	const char *subject = json_string_value(json_object_get(subjects[row].outer ? json_object_get(root, subjects[row].outer) : root, subjects[row].member));
	bool good = keep(r, kind, subject ? subject : "", &hash);
	if (kind == LEAF_CLOCK) {
		r->clock_told = true;
		r->synced = json_is_true(json_object_get(root, "synced"));
		r->session = (uint32_t)json_integer_value(json_object_get(root, "session"));
		const char *zone = json_string_value(json_object_get(root, "zone_sha256"));
		snprintf(r->zone, sizeof r->zone, "%s", zone ? zone : "");
	}
	json_decref(root);
	return good;
}

struct record *record_new(struct reader *reader, struct err *err)
{
	struct record *r = calloc(1, sizeof *r);
	if (!r) {
		err_memory(err);
		return NULL;
	}
	r->certificates_seen = -1;
	for (size_t i = 0; i < countof(subjects); i++)
		if (!reader_leaves(reader, subjects[i].kind, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, learn, r, err) || r->err.kind != ERR_NONE) {
			if (r->err.kind != ERR_NONE)
				*err = r->err;
			record_free(r);
			return NULL;
		}
	return r;
}

void record_free(struct record *r)
{
	if (r)
		free(r->rows);
	free(r);
}

bool record_knows(struct record *r, enum leaf_kind kind, const char *subject)
{
	return find(r, kind, subject) != NULL;
}

bool record_changed(struct record *r, int64_t changed)
{
	bool differs = changed != r->certificates_seen;
	r->certificates_seen = changed;
	return differs;
}

static bool note(struct record *r, struct pipeline *p, enum leaf_kind kind, const char *subject, struct wall at, const struct buf *text, struct err *err)
{
	struct hash hash;
	if (text->failed)
		return err_memory(err);
	sha256(text->data, text->len, &hash);
	const struct known *k = find(r, kind, subject);
	if (k && hash_equal(&k->hash, &hash))
		return true;
	if (!keep(r, kind, subject, &hash)) {
		*err = r->err;
		return false;
	}
	pipeline_note(p, kind, at, text->data, text->len);
	return true;
}

bool record_json(struct record *r, struct pipeline *p, enum leaf_kind kind, const char *subject, struct wall at, json_t *object, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	bool good = object ? json_canonical(object, &text, err) && note(r, p, kind, subject, at, &text, err) : err_memory(err);
	json_decref(object);
	return good;
}

bool record_setup(struct record *r, struct pipeline *p, const struct setup *s, struct wall at, struct err *err)
{
	char hash[65];
	char *text = site_canonical(s->site);
	json_t *leaf = text ? json_pack("{s:s,s:s}", "configuration", text, "sha256", s->config_hash) : NULL;
	free(text);
	if (!record_json(r, p, LEAF_CONFIG, "", at, leaf, err))
		return false;
	if (!s->pack)
		return true;
	pack_hash(s->pack, hash);
	return record_json(r, p, LEAF_PACK, "", at, json_pack("{s:s,s:s,s:s}", "pack", pack_id(s->pack), "sha256", hash, "version", pack_version(s->pack)), err);
}

bool record_profile(struct record *r, struct pipeline *p, const struct library *library, const struct profile *profile, struct wall at, struct err *err)
{
	json_t *extends = json_array();
	for (const struct profile *q = profile; extends && q->extends && (q = library_find(library, q->extends));)
		json_array_append_new(extends, json_pack("{s:s,s:s}", "profile", q->name, "sha256", q->sha256));
	return record_json(r, p, LEAF_PROFILE, profile->name, at,
			 json_pack("{s:o,s:s,s:I,s:s}", "extends", extends, "profile", profile->name, "revision", (json_int_t)profile->revision, "sha256", profile->sha256), err);
}

/* ---- keys ---- */

static const char *key_event(const json_t *entry)
{
	return json_is_string(json_object_get(entry, "revoked")) ? "revoked" : json_is_string(json_object_get(entry, "until")) ? "ended" : "made";
}

/* The envelope by which an older key names this one; NULL when there is none. */
static json_t *vouched(const char *dir, const char *kid)
{
	char path[4200];
	CLEANUP(buf_done) struct buf text = { 0 };
	snprintf(path, sizeof path, "%s/%.16s.statement.json", dir, kid);
	return file_read(path, &text, NULL) ? json_stringn(text.data, text.len) : NULL;
}

static bool record_key(struct record *r, struct pipeline *p, const char *dir, json_t *entry, struct wall at, struct err *err)
{
	const char *kid = json_string_value(json_object_get(entry, "kid"));
	if (!kid)
		return err_set(err, ERR_INPUT, "%s/trust.json: a key without kid", dir);
	json_t *statement = vouched(dir, kid);
	return record_json(r, p, LEAF_KEY, kid, at, json_pack("{s:s,s:O,s:o}", "event", key_event(entry), "key", entry, "statement", statement ? statement : json_null()), err);
}

/* A key that came as a credential need not be in the directory's list. */
static bool record_used(struct record *r, struct pipeline *p, const char *dir, const json_t *root, const struct signer_ops *signer, struct wall at, struct err *err)
{
	bool good = true;
	for (size_t i = 0; good && signer && i < signer->n_keys; i++) {
		const struct public_key *key = &signer->keys[i];
		CLEANUP(buf_done) struct buf text = { 0 };
		if (trust_entry(root, key->kid))
			continue;
		base64url_encode(key->bytes, key->len, &text);
		json_t *entry = text.failed ? NULL : json_pack("{s:s,s:s,s:s}", "alg", sig_alg_name(key->alg), "kid", key->kid, "public", text.data);
		good = entry ? record_key(r, p, dir, entry, at, err) : err_memory(err);
		json_decref(entry);
	}
	return good;
}

bool record_keys(struct record *r, struct pipeline *p, const char *dir, const struct signer_ops *signer, struct wall at, struct err *err)
{
	char path[4200];
	size_t i;
	json_t *entry;
	snprintf(path, sizeof path, "%s/trust.json", dir);
	json_t *root = trust_file_load(path, err);
	bool good = root != NULL;
	json_array_foreach(json_object_get(root, "keys"), i, entry)
		good = good && record_key(r, p, dir, entry, at, err);
	good = good && record_used(r, p, dir, root, signer, at, err);
	json_decref(root);
	return good;
}

/* ---- clock ---- */

bool record_clock(struct record *r, struct pipeline *p, const struct zone *zone, struct stamp now, bool offset_known, int64_t offset_us, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 }, line = { 0 };
	struct hash hash;
	char hex[65];
	zone_bytes(zone, &text);
	if (text.failed)
		return err_memory(err);
	sha256(text.data, text.len, &hash);
	hash_hex(&hash, hex);
	if (r->clock_told && r->synced == now.synced && r->session == now.session && !strcmp(r->zone, hex))
		return true;
	json_t *o = json_pack("{s:I,s:o,s:I,s:b,s:s,s:s}", "boot_ms", (json_int_t)now.boot.ms, "offset_us", offset_known ? json_integer(offset_us) : json_null(), "session",
			      (json_int_t)now.session, "synced", now.synced, "zone", zone->name, "zone_sha256", hex);
	bool good = o ? json_canonical(o, &line, err) : err_memory(err);
	json_decref(o);
	if (!good)
		return false;
	pipeline_note(p, LEAF_CLOCK, now.wall, line.data, line.len);
	r->clock_told = true;
	r->synced = now.synced;
	r->session = now.session;
	memcpy(r->zone, hex, sizeof hex);
	return true;
}
