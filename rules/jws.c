#include "rules/jws.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SIGNATURES_MAX = 4, SIGNATURE_LEN = 64 };

/* Making */

static void add_signed_bytes(struct buf *b, const struct buf *header, const struct buf *payload)
{
	buf_add(b, header->data, header->len);
	buf_str(b, ".");
	buf_add(b, payload->data, payload->len);
}

static bool sign_one(const struct signer_ops *signer, const struct public_key *key, const char *type, const struct buf *payload64,
		     json_t *signatures, struct err *err)
{
	CLEANUP(buf_done) struct buf header = { 0 }, header64 = { 0 }, to_sign = { 0 }, sig64 = { 0 };
	uint8_t sig[SIGNATURE_LEN];
	buf_printf(&header, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}", sig_alg_name(key->alg), key->kid, type);
	if (!header.failed)
		base64url_encode(header.data, header.len, &header64);
	add_signed_bytes(&to_sign, &header64, payload64);
	if (header.failed || header64.failed || to_sign.failed)
		return err_memory(err);
	if (!signer->sign(signer->ctx, key, to_sign.data, to_sign.len, sig, err))
		return err_wrap(err, "signing with key %s", key->kid);
	base64url_encode(sig, sizeof sig, &sig64);
	if (sig64.failed || json_array_append_new(signatures, json_pack("{s:s, s:s}", "protected", header64.data, "signature", sig64.data)) != 0)
		return err_memory(err);
	return true;
}

/* The one spelling of an envelope; any other byte is refused by jws_verify(). */
static bool envelope_text(const json_t *envelope, struct buf *out, struct err *err)
{
	bool view = json_object_get(envelope, "view") != NULL;
	char *text = json_dumps(envelope, JSON_SORT_KEYS | (view ? JSON_INDENT(2) : JSON_COMPACT));
	if (!text)
		return err_memory(err);
	buf_str(out, text);
	if (view)
		buf_str(out, "\n");
	free(text);
	return out->failed ? err_memory(err) : true;
}

/* What every signed document says of itself: whose, real or simulated, when. */
struct claims {
	const char *site;
	bool simulated;
	struct wall dated;
};

static bool payload_claims(const json_t *payload, struct claims *out, struct err *err)
{
	const json_t *site = json_object_get(payload, "site"), *simulated = json_object_get(payload, "simulated");
	const json_t *dated = json_object_get(payload, "issued");
	if (!dated)
		dated = json_object_get(payload, "made");
	out->site = json_string_value(json_is_object(site) ? json_object_get(site, "id") : site);
	out->simulated = json_is_true(simulated);
	if (!out->site || !json_is_boolean(simulated) || !json_is_string(dated))
		return err_set(err, ERR_INPUT, "the document does not say its site, whether it is simulated, and when it was issued");
	return wall_parse(json_string_value(dated), &out->dated, err) || err_wrap(err, "date of the document");
}

static json_t *payload_read(const void *bytes, size_t len, struct claims *claims, struct err *err)
{
	CLEANUP(buf_done) struct buf canonical = { 0 };
	json_t *root = json_read("payload", bytes, len, err);
	if (!root)
		return NULL;
	if (json_canonical(root, &canonical, err)) {
		if (canonical.len == len && memcmp(canonical.data, bytes, len) == 0 && payload_claims(root, claims, err))
			return root;
		if (canonical.len != len || memcmp(canonical.data, bytes, len) != 0)
			err_set(err, ERR_INPUT, "payload: not in canonical form (sorted members, no blanks)");
	}
	json_decref(root);
	return NULL;
}

bool jws_make(const struct signer_ops *signer, const char *type, const void *payload, size_t len, bool with_view, struct buf *out,
	      struct err *err)
{
	struct claims claims;
	CLEANUP(buf_done) struct buf payload64 = { 0 };
	json_t *view = payload_read(payload, len, &claims, err);
	if (!view)
		return false;
	base64url_encode(payload, len, &payload64);
	json_t *signatures = json_array();
	json_t *envelope = json_pack("{s:s, s:o}", "payload", payload64.failed ? "" : payload64.data, "signatures", signatures);
	bool good = envelope && !payload64.failed ? true : err_memory(err);
	if (good && signer->n_keys == 0)
		good = err_set(err, ERR_CONFIG, "no key to sign with");
	for (size_t i = 0; i < signer->n_keys && good; i++)
		good = sign_one(signer, &signer->keys[i], type, &payload64, signatures, err);
	if (good && with_view && json_object_set(envelope, "view", view) != 0)
		good = err_memory(err);
	good = good && envelope_text(envelope, out, err);
	json_decref(envelope);
	json_decref(view);
	return good;
}

/* Verifying */

static bool only_members(const json_t *object, const char *const *names, size_t n, const char *what, struct err *err)
{
	const char *key;
	json_t *value;
	if (!json_is_object(object))
		return err_set(err, ERR_EVIDENCE, "%s: not an object", what);
	json_object_foreach((json_t *)(uintptr_t)object, key, value) {
		size_t i = 0;
		while (i < n && strcmp(names[i], key) != 0)
			i++;
		if (i == n)
			return err_set(err, ERR_EVIDENCE, "%s: unknown member '%.40s'", what, key);
	}
	return true;
}

static bool decode_member(const json_t *object, const char *name, struct buf *out, struct err *err)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_string(v) || !base64url_decode(json_string_value(v), json_string_length(v), out))
		return err_set(err, ERR_EVIDENCE, "%s: not base64url", name);
	return true;
}

struct header { const char *alg, *kid, *typ; };

static bool header_read(const json_t *root, struct header *out, struct err *err)
{
	static const char *const names[] = { "alg", "kid", "typ" };
	if (!only_members(root, names, countof(names), "protected header", err))
		return false;
	*out = (struct header){ json_string_value(json_object_get(root, "alg")), json_string_value(json_object_get(root, "kid")),
				json_string_value(json_object_get(root, "typ")) };
	return out->alg && out->kid && out->typ ? true : err_set(err, ERR_EVIDENCE, "protected header: alg, kid and typ are required");
}

static bool known_type(const char *type)
{
	static const char *const types[] = { JWS_REPORT, JWS_CERTIFICATE, JWS_PACK, JWS_STATEMENT, JWS_BASELINE, JWS_HEAD, JWS_REVOCATION };
	for (size_t i = 0; i < countof(types); i++)
		if (strcmp(type, types[i]) == 0)
			return true;
	return false;
}

/* The header in its one spelling: what is taken apart and put together again must be the same bytes. */
static bool input_header(const struct buf *bytes, struct jws_input *out, struct err *err)
{
	CLEANUP(buf_done) struct buf again = { 0 };
	struct header h = { NULL, NULL, NULL };
	json_t *root = json_read("protected header", bytes->data, bytes->len, err);
	bool good = root && header_read(root, &h, err);
	if (good && (!sig_alg_of_name(h.alg, &out->alg) || !known_type(h.typ)))
		good = err_set(err, ERR_INPUT, "alg '%.20s' and typ '%.60s' are not those of our documents", h.alg, h.typ);
	if (good) {
		snprintf(out->kid, sizeof out->kid, "%s", h.kid);
		snprintf(out->type, sizeof out->type, "%s", h.typ);
		buf_printf(&again, "{\"alg\":\"%s\",\"kid\":\"%s\",\"typ\":\"%s\"}", h.alg, h.kid, h.typ);
		good = (!again.failed && again.len == bytes->len && memcmp(again.data, bytes->data, again.len) == 0) ||
		       err_set(err, ERR_INPUT, "protected header: not in the form of our documents");
	}
	json_decref(root);
	return good;
}

bool jws_input_read(const void *bytes, size_t len, struct jws_input *out, struct err *err)
{
	const char *text = bytes, *dot = len ? memchr(bytes, '.', len) : NULL;
	CLEANUP(buf_done) struct buf header = { 0 }, payload = { 0 };
	struct jws_input in = { .alg = SIG_ED25519 };
	struct claims claims;
	if (!dot || !base64url_decode(text, (size_t)(dot - text), &header) || !base64url_decode(dot + 1, len - (size_t)(dot + 1 - text), &payload))
		return err_set(err, ERR_INPUT, "not the signing input of a JWS: BASE64URL(header) '.' BASE64URL(payload)");
	json_t *root = input_header(&header, &in, err) ? payload_read(payload.data, payload.len, &claims, err) : NULL;
	if (!root)
		return false;
	snprintf(in.site, sizeof in.site, "%s", claims.site);
	in.simulated = claims.simulated;
	in.dated = claims.dated;
	json_decref(root);
	*out = in;
	return true;
}

static bool key_is_good(const struct trust_key *key, const struct claims *claims, struct wall at, struct err *err)
{
	char limit[WALL_TEXT];
	const char *kid = key->key.kid;
	if (key->site && strcmp(key->site, claims->site) != 0)
		return err_set(err, ERR_EVIDENCE, "key %s signs for site %s only; this document is of site %s", kid, key->site, claims->site);
	if (key->simulated != claims->simulated)
		return err_set(err, ERR_EVIDENCE, key->simulated ? "key %s signs simulated data only; this document says it is real"
								 : "key %s signs real data only; this document says it is simulated", kid);
	if (at.ms < key->from.ms)
		return err_set(err, ERR_EVIDENCE, "key %s is valid from %s only", kid, wall_text(key->from, limit));
	if (at.ms >= key->until.ms)
		return err_set(err, ERR_EVIDENCE, "key %s was valid until %s only", kid, wall_text(key->until, limit));
	if (at.ms >= key->revoked.ms)
		return err_set(err, ERR_EVIDENCE, "key %s was revoked at %s", kid, wall_text(key->revoked, limit));
	return true;
}

/* One signature of the envelope: the checks that need no payload meaning come first. */
struct check {
	const struct trust *trust;
	const char *type;
	const json_t *payload64;
	const struct trust_key *seen[SIGNATURES_MAX];
	size_t n;
	char typ[64];
};

static bool signature_holds(const struct trust_key *key, const json_t *protected64, const struct check *c, const struct buf *sig)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	buf_str(&bytes, json_string_value(protected64));
	buf_str(&bytes, ".");
	buf_str(&bytes, json_string_value(c->payload64));
	return !bytes.failed && sig->len == SIGNATURE_LEN && sig_verify(&key->key, bytes.data, bytes.len, (const uint8_t *)sig->data, sig->len);
}

static bool header_agrees(struct check *c, const struct header *h, const struct trust_key **out, struct err *err)
{
	const struct trust_key *key = trust_find(c->trust, h->kid);
	if (!key)
		return err_set(err, ERR_EVIDENCE, "key %.40s is not in the trust store; nothing it signed is believed", h->kid);
	if (strcmp(h->alg, sig_alg_name(key->key.alg)) != 0)
		return err_set(err, ERR_EVIDENCE, "alg '%.20s' does not belong to key %s, which is %s", h->alg, h->kid, sig_alg_name(key->key.alg));
	if (c->type && strcmp(h->typ, c->type) != 0)
		return err_set(err, ERR_EVIDENCE, "typ '%.60s' where %s is expected", h->typ, c->type);
	if (c->n && strcmp(h->typ, c->typ) != 0)
		return err_set(err, ERR_EVIDENCE, "signatures name two types, '%.60s' and '%.60s'", c->typ, h->typ);
	for (size_t i = 0; i < c->n; i++)
		if (c->seen[i] == key)
			return err_set(err, ERR_EVIDENCE, "key %s signs twice", h->kid);
	*out = key;
	return true;
}

static bool check_signature(struct check *c, const json_t *row, struct err *err)
{
	static const char *const names[] = { "protected", "signature" };
	CLEANUP(buf_done) struct buf header_bytes = { 0 }, sig = { 0 };
	struct header h;
	const struct trust_key *key = NULL;
	if (!only_members(row, names, countof(names), "signature", err) || !decode_member(row, "protected", &header_bytes, err) ||
	    !decode_member(row, "signature", &sig, err))
		return false;
	json_t *root = json_read("protected header", header_bytes.data, header_bytes.len, err);
	bool good = root && header_read(root, &h, err) && header_agrees(c, &h, &key, err);
	if (good && !signature_holds(key, json_object_get(row, "protected"), c, &sig))
		good = err_set(err, ERR_EVIDENCE, "the signature by key %s does not fit: the content was changed after signing", h.kid);
	if (good) {
		c->seen[c->n++] = key;
		snprintf(c->typ, sizeof c->typ, "%s", h.typ);
	}
	json_decref(root);
	return good;
}

static bool check_signatures(struct check *c, const json_t *signatures, struct err *err)
{
	size_t n = json_array_size(signatures);
	if (!json_is_array(signatures) || n == 0 || n > SIGNATURES_MAX)
		return err_set(err, ERR_EVIDENCE, "signatures: 1 to %d are expected", SIGNATURES_MAX);
	for (size_t i = 0; i < n; i++)
		if (!check_signature(c, json_array_get(signatures, i), err))
			return n > 1 ? err_wrap(err, "signature %zu", i + 1) : false;
	return true;
}

/* Where view and payload part; also after a failed signature, since it is the place people ask for. */
static void find_difference(const json_t *view, const struct buf *payload, char *differs, size_t size)
{
	json_t *root = payload->data ? json_loadb(payload->data, payload->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	if (view && root)
		json_difference(root, view, differs, size);
	json_decref(root);
}

static bool check_dates(const struct check *c, const struct claims *claims, struct wall at, struct err *err)
{
	char made[WALL_TEXT];
	if (at.ms && claims->dated.ms > at.ms)
		return err_set(err, ERR_EVIDENCE, "the document is dated %s, which is still to come", wall_text(claims->dated, made));
	for (size_t i = 0; i < c->n; i++)
		if (!key_is_good(c->seen[i], claims, at.ms ? at : claims->dated, err))
			return false;
	return true;
}

static bool check_view(const json_t *view, const json_t *payload, char *differs, size_t size, struct err *err)
{
	if (!view || !json_difference(payload, view, differs, size))
		return true;
	return err_set(err, ERR_EVIDENCE, "the readable view differs from what was signed at %s", differs[0] ? differs : "/");
}

/* Bytes outside the signed part (blanks, order, escapes) must be as jws_make() writes them. */
static bool check_spelling(const json_t *envelope, const void *bytes, size_t len, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!envelope_text(envelope, &text, err))
		return false;
	size_t i = 0;
	while (i < len && i < text.len && text.data[i] == ((const char *)bytes)[i])
		i++;
	if (i == len && i == text.len)
		return true;
	return err_set(err, ERR_EVIDENCE, "byte %zu is not as it was written (blanks, order or escapes were changed); use the file as issued", i);
}

static bool verify_envelope(const struct trust *trust, const json_t *envelope, const char *type, struct wall at, struct jws_result *r,
			    struct err *err)
{
	static const char *const names[] = { "payload", "signatures", "view" };
	const json_t *view = json_object_get(envelope, "view");
	struct check c = { .trust = trust, .type = type, .payload64 = json_object_get(envelope, "payload") };
	struct claims claims;
	if (!only_members(envelope, names, countof(names), "envelope", err) || !decode_member(envelope, "payload", &r->payload, err))
		return false;
	if (!check_signatures(&c, json_object_get(envelope, "signatures"), err)) {
		find_difference(view, &r->payload, r->differs, sizeof r->differs);
		return r->differs[0] ? err_wrap(err, "at %s", r->differs) : false;
	}
	json_t *payload = payload_read(r->payload.data, r->payload.len, &claims, err);
	bool good = payload && check_view(view, payload, r->differs, sizeof r->differs, err) && check_dates(&c, &claims, at, err);
	if (good) {
		r->key = c.seen[0];
		r->n_signatures = c.n;
		r->dated = claims.dated;
		snprintf(r->type, sizeof r->type, "%s", c.typ);
	}
	json_decref(payload);
	return good;
}

bool jws_verify(const struct trust *trust, const void *bytes, size_t len, const char *type, struct wall at, struct jws_result *out,
		struct err *err)
{
	struct err local = { 0 };
	struct err *e = err ? err : &local;
	struct jws_result r = { 0 };
	json_t *envelope = json_read("envelope", bytes, len, e);
	bool good = envelope && verify_envelope(trust, envelope, type, at, &r, e) && check_spelling(envelope, bytes, len, e);
	json_decref(envelope);
	if (!good) {
		if (e->kind == ERR_INPUT)
			e->kind = ERR_EVIDENCE;
		buf_done(&r.payload);
		*out = (struct jws_result){ 0 };
		memcpy(out->differs, r.differs, sizeof out->differs);
		return false;
	}
	*out = r;
	return true;
}

void jws_result_done(struct jws_result *r)
{
	if (!r)
		return;
	buf_done(&r->payload);
	*r = (struct jws_result){ 0 };
}
