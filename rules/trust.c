#include "rules/jws.h"

#include <stdlib.h>
#include <string.h>

static bool key_alg(const json_t *row, struct public_key *key, struct err *err)
{
	const char *alg = json_string_value(json_object_get(row, "alg"));
	for (int i = 0; alg && i < SIG_N; i++)
		if (strcmp(alg, sig_alg_name((enum sig_alg)i)) == 0) {
			key->alg = (enum sig_alg)i;
			return true;
		}
	return err_set(err, ERR_CONFIG, "alg: '%.20s' is not EdDSA or SM2", alg ? alg : "");
}

static bool key_bytes(const json_t *row, struct public_key *key, struct err *err)
{
	static const size_t sizes[SIG_N] = { [SIG_ED25519] = 32, [SIG_SM2] = 65 };
	const char *text = json_string_value(json_object_get(row, "public")), *kid = json_string_value(json_object_get(row, "kid"));
	CLEANUP(buf_done) struct buf raw = { 0 };
	if (!text || !base64url_decode(text, strlen(text), &raw) || raw.len != sizes[key->alg])
		return err_set(err, ERR_CONFIG, "public: not %zu bytes of base64url without padding", sizes[key->alg]);
	memcpy(key->bytes, raw.data, raw.len);
	key->len = raw.len;
	public_key_kid(key);
	if (!kid || strcmp(kid, key->kid) != 0)
		return err_set(err, ERR_CONFIG, "kid: '%.40s' is not the name of this key, which is %s", kid ? kid : "", key->kid);
	return true;
}

static bool key_time(const json_t *row, const char *member, int64_t open, struct wall *out, struct err *err)
{
	const json_t *v = json_object_get(row, member);
	out->ms = open;
	if (!v || json_is_null(v))
		return true;
	if (!json_is_string(v))
		return err_set(err, ERR_CONFIG, "%s: not a time", member);
	return wall_parse(json_string_value(v), out, err) || err_wrap(err, "%s", member);
}

static bool key_members(const json_t *row, struct err *err)
{
	static const char *const known[] = { "kid", "alg", "public", "name", "site", "role", "simulated", "from", "until", "revoked" };
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)row, key, value) {
		size_t i = 0;
		while (i < countof(known) && strcmp(known[i], key) != 0)
			i++;
		if (i == countof(known))
			return err_set(err, ERR_CONFIG, "unknown member '%.40s'", key);
	}
	return json_is_object(row) ? true : err_set(err, ERR_CONFIG, "not an object");
}

static bool key_text(const json_t *row, const char *member, const char **out, struct err *err)
{
	const json_t *v = json_object_get(row, member);
	*out = json_string_value(v);
	return !v || json_is_null(v) || *out ? true : err_set(err, ERR_CONFIG, "%s: not a text", member);
}

static bool key_read(const json_t *row, struct trust_key *out, struct err *err)
{
	const json_t *name = json_object_get(row, "name"), *simulated = json_object_get(row, "simulated");
	if (!key_members(row, err) || !key_alg(row, &out->key, err) || !key_bytes(row, &out->key, err) ||
	    !key_text(row, "site", &out->site, err) || !key_text(row, "role", &out->role, err) ||
	    !key_time(row, "from", INT64_MIN, &out->from, err) || !key_time(row, "until", INT64_MAX, &out->until, err) ||
	    !key_time(row, "revoked", INT64_MAX, &out->revoked, err))
		return false;
	if (simulated && !json_is_boolean(simulated))
		return err_set(err, ERR_CONFIG, "simulated: not true or false");
	out->simulated = json_is_true(simulated);
	out->name.zh = json_string_value(json_object_get(name, "zh"));
	out->name.en = json_string_value(json_object_get(name, "en"));
	return true;
}

const struct trust_key *trust_find(const struct trust *t, const char *kid)
{
	for (size_t i = 0; i < t->n; i++)
		if (strcmp(t->keys[i].key.kid, kid) == 0)
			return &t->keys[i];
	return NULL;
}

bool trust_parse(const char *name, const void *bytes, size_t len, struct trust *out, struct err *err)
{
	struct trust t = { .root = json_read(name, bytes, len, err) };
	if (!t.root) {
		if (err)
			err->kind = ERR_CONFIG;
		return false;
	}
	const json_t *keys = json_object_get(t.root, "keys");
	size_t n = json_array_size(keys);
	bool good = json_object_size(t.root) == 1 && json_is_array(keys) && n > 0 ? true
		    : err_set(err, ERR_CONFIG, "%s: not a trust store; it is {\"keys\":[...]} with at least one key", name);
	t.keys = calloc(n + 1, sizeof *t.keys);
	if (good && !t.keys)
		good = err_memory(err);
	for (size_t i = 0; i < n && good; i++) {
		good = key_read(json_array_get(keys, i), &t.keys[i], err) || err_wrap(err, "%s: keys[%zu]", name, i);
		if (good && trust_find(&t, t.keys[i].key.kid))
			good = err_set(err, ERR_CONFIG, "%s: keys[%zu]: key %s stands twice", name, i, t.keys[i].key.kid);
		t.n += good;
	}
	if (good)
		*out = t;
	else
		trust_done(&t);
	return good;
}

static bool same_key(const struct trust_key *a, const struct trust_key *b)
{
	const char *sa = a->site ? a->site : "", *sb = b->site ? b->site : "";
	return a->key.len == b->key.len && memcmp(a->key.bytes, b->key.bytes, a->key.len) == 0 && a->simulated == b->simulated &&
	       a->from.ms == b->from.ms && a->until.ms == b->until.ms && a->revoked.ms == b->revoked.ms && strcmp(sa, sb) == 0;
}

bool trust_join(struct trust *a, struct trust *b, struct err *err)
{
	struct trust_key *more = realloc(a->keys, (a->n + b->n + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	a->keys = more;
	for (size_t i = 0; i < b->n; i++) {
		const struct trust_key *old = trust_find(a, b->keys[i].key.kid);
		if (old && !same_key(old, &b->keys[i]))
			return err_set(err, ERR_CONFIG, "key %s stands in two trust stores that disagree about it; remove one", old->key.kid);
		if (!old)
			a->keys[a->n++] = b->keys[i];
	}
	/* the texts of b's keys live in b->root: it is kept inside a's */
	if (!a->root)
		a->root = b->root;
	else if (json_object_set_new(a->root, b->keys[0].key.kid, b->root) != 0)
		return err_memory(err);
	free(b->keys);
	*b = (struct trust){ 0 };
	return true;
}

void trust_done(struct trust *t)
{
	if (!t)
		return;
	free(t->keys);
	json_decref(t->root);
	*t = (struct trust){ 0 };
}
