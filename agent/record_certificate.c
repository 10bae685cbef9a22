/* Certificates are made by puectl, which writes no evidence: it leaves a copy in STATE/certificates, and pued makes a leaf of it. */
#include "agent/record.h"
#include "agent/signer.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

bool record_put_certificate(const char *state_dir, const void *envelope, size_t len, struct err *err)
{
	struct hash hash;
	char hex[65], path[4200];
	snprintf(path, sizeof path, "%s/certificates", state_dir);
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", path, strerror(errno));
	sha256(envelope, len, &hash);
	hash_hex(&hash, hex);
	snprintf(path, sizeof path, "%s/certificates/%.32s.json", state_dir, hex);
	return file_write(path, envelope, len, 0600, err);
}

static json_t *copy_of(const json_t *object, const char *member)
{
	json_t *value = json_object_get(object, member);
	return value ? json_incref(value) : json_null();
}

static json_t *issued(const json_t *payload, const char *kid, const char *sha)
{
	const json_t *evidence = json_object_get(payload, "evidence");
	return json_pack("{s:s,s:o,s:s,s:o,s:s,s:o,s:o,s:o}", "event", "issued", "issued", copy_of(payload, "issued"), "kid", kid, "number",
			 copy_of(json_object_get(payload, "identity"), "number"), "sha256", sha, "supersedes", copy_of(json_object_get(payload, "validity"), "supersedes"),
			 "tree_root", copy_of(evidence, "tree_root"), "tree_size", copy_of(evidence, "tree_size"));
}

static json_t *revoked(const json_t *payload, const char *kid, const char *sha)
{
	return json_pack("{s:s,s:o,s:s,s:o,s:o,s:s}", "event", "revoked", "issued", copy_of(payload, "issued"), "kid", kid, "number", copy_of(payload, "revokes"), "reason",
			 copy_of(payload, "reason"), "sha256", sha);
}

static const struct { const char *type; json_t *(*leaf)(const json_t *payload, const char *kid, const char *sha); } types[] = {
	{ JWS_CERTIFICATE, issued }, { JWS_REVOCATION, revoked },
};

static json_t *leaf_of(const struct trust *trust, const struct buf *text, const char *sha, struct err *err)
{
	struct jws_result jws = { 0 };
	json_t *leaf = NULL;
	if (!jws_verify(trust, text->data, text->len, NULL, (struct wall){ 0 }, &jws, err))
		return NULL;
	json_t *payload = json_read("payload", jws.payload.data, jws.payload.len, err);
	size_t i = 0;
	while (i < countof(types) && strcmp(types[i].type, jws.type))
		i++;
	if (payload && i == countof(types))
		err_set(err, ERR_INPUT, "%s is neither a certificate nor a revocation", jws.type);
	else if (payload && !(leaf = types[i].leaf(payload, jws.key->key.kid, sha)))
		err_memory(err);
	json_decref(payload);
	jws_result_done(&jws);
	return leaf;
}

static bool record_one(struct record *r, struct pipeline *p, const struct trust *trust, const char *path, struct wall at, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct hash hash;
	char hex[65];
	if (!file_read(path, &text, err))
		return false;
	sha256(text.data, text.len, &hash);
	hash_hex(&hash, hex);
	if (record_knows(r, LEAF_CERTIFICATE, hex))
		return true;
	json_t *leaf = leaf_of(trust, &text, hex, err);
	return leaf ? record_json(r, p, LEAF_CERTIFICATE, hex, at, leaf, err) : err_wrap(err, "%s: no leaf is made of it", path);
}

static int is_json(const struct dirent *e)
{
	size_t len = strlen(e->d_name);
	return e->d_name[0] != '.' && len > 5 && !strcmp(e->d_name + len - 5, ".json");
}

/* One bad file does not keep the others out; the last sentence is told. */
static bool record_all(struct record *r, struct pipeline *p, const struct trust *trust, const char *dir, struct wall at, struct err *err)
{
	struct dirent **list;
	char path[4600];
	bool good = true;
	int n = scandir(dir, &list, is_json, alphasort);
	for (int i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, list[i]->d_name);
		good = record_one(r, p, trust, path, at, err) && good;
		free(list[i]);
	}
	if (n >= 0)
		free(list);
	return good;
}

bool record_certificates(struct record *r, struct pipeline *p, const char *state_dir, struct wall at, struct err *err)
{
	char dir[4200], keys[4200];
	struct stat st;
	struct trust trust = { 0 };
	CLEANUP(buf_done) struct buf text = { 0 };
	snprintf(dir, sizeof dir, "%s/certificates", state_dir);
	if (stat(dir, &st) != 0 || !record_changed(r, (int64_t)st.st_mtim.tv_sec * 1000000000 + st.st_mtim.tv_nsec))
		return true;
	snprintf(keys, sizeof keys, "%s/keys/trust.json", state_dir);
	bool good = file_read(keys, &text, err) && trust_parse(keys, text.data, text.len, &trust, err) && record_all(r, p, &trust, dir, at, err);
	trust_done(&trust);
	return good;
}
