/* rules/jws.h - signed envelopes: JWS general JSON serialization (RFC 7515), payload bytes travel verbatim.
 *
 * {"payload":"...","signatures":[{"protected":"...","signature":"..."}],"view":{...}}   `view` is the readable copy of the
 * payload; verification compares the two and names the JSON pointer that differs.  Trust is given, never found in the
 * file: an unknown key is ERR_EVIDENCE (exit 12).  Signing bytes: BASE64URL(protected) "." BASE64URL(payload).
 *
 * Strict on purpose: exactly these members, exactly {"alg","kid","typ"} in each protected header, no unprotected header,
 * one signature a key, canonical base64url, and the envelope's own bytes in the one form that jws_make() writes (sorted;
 * with a view: two blanks a level and a final newline; without: compact).  So no byte of the file can change unseen.
 * Payload: canonical JSON (sorted, compact, no real numbers) that says whose and when: "site" (a text, or an object with
 * "id"), "simulated" (true/false) and "issued" or "made" (RFC 3339).  Pure. */
#ifndef RULES_JWS_H
#define RULES_JWS_H

#include "core/sig.h"
#include "core/time.h"
#include <jansson.h>

/* Who signs: agent/signer fills this; it is handed bytes and returns a signature by this one of its keys. */
struct signer_ops {
	bool (*sign)(void *ctx, const struct public_key *key, const void *bytes, size_t len, uint8_t sig[64], struct err *err);
	void *ctx;
	const struct public_key *keys;      /* one signature each, in this order */
	size_t n_keys;
};

/* Types in use; `type` goes into the protected header as "typ". */
#define JWS_REPORT "pued-report+json"
#define JWS_CERTIFICATE "pued-certificate+json"
#define JWS_PACK "pued-pack+json"
#define JWS_STATEMENT "pued-statement+json"
#define JWS_BASELINE "pued-baseline+json"
#define JWS_HEAD "pued-head+json"
#define JWS_REVOCATION "pued-revocation+json"

bool jws_make(const struct signer_ops *signer, const char *type, const void *payload, size_t len, bool with_view, struct buf *out,
	      struct err *err) MUST_USE;

/* What is asked to be signed, before it is: the bytes must be the signing input of an envelope as jws_make() makes them, of a type
 * above, with a payload that says whose and when.  ERR_INPUT otherwise: a signer that is asked over a socket signs nothing else. */
struct jws_input { enum sig_alg alg; char kid[64], type[64], site[128]; bool simulated; struct wall dated; };
bool jws_input_read(const void *bytes, size_t len, struct jws_input *out, struct err *err) MUST_USE;

/* Trust store (docs/formats.md): {"keys":[{"kid","alg","public" (base64url),"name":{zh,en},"site","role","simulated":bool,
 * "from","until","revoked"}]}.  A key is good for documents dated inside [from, until) and before revoked; with "site" only
 * for that site's documents; with "simulated" only for simulated ones, and without it only for real ones. */
struct trust_key {
	struct public_key key;
	const char *site, *role;            /* NULL: any */
	bool simulated;
	struct wall from, until, revoked;   /* INT64_MIN / INT64_MAX / INT64_MAX when open */
	struct { const char *zh, *en; } name;
};
struct trust {
	struct trust_key *keys;
	size_t n;
	json_t *root;
};
bool trust_parse(const char *name, const void *bytes, size_t len, struct trust *out, struct err *err) MUST_USE;
/* Adds b's keys to a (a kid in both must be the same key); b is emptied.  For a trust directory. */
bool trust_join(struct trust *a, struct trust *b, struct err *err) MUST_USE;
const struct trust_key *trust_find(const struct trust *t, const char *kid);
void trust_done(struct trust *t);

struct jws_result {
	struct buf payload;                 /* the signed bytes */
	const struct trust_key *key;        /* the first signature's */
	size_t n_signatures;
	struct wall dated;                  /* the document's own date */
	char type[64];
	char differs[256];                  /* JSON pointer into the payload, "" when the failure has no place */
};
/* `at` {0}: keys are judged at the document's own date; else at `at`, and a document dated after `at` is refused.
 * `type` NULL: any.  True: every signature is by a trusted key and verifies, and the view equals the payload.
 * On failure out->differs may name a place; out is emptied otherwise.  ERR_EVIDENCE, or ERR_INPUT when it is no envelope. */
bool jws_verify(const struct trust *trust, const void *bytes, size_t len, const char *type, struct wall at, struct jws_result *out,
		struct err *err) MUST_USE;
void jws_result_done(struct jws_result *r);

/* First JSON pointer (RFC 6901) at which a and b differ, in sorted order of members; false when equal. */
bool json_difference(const json_t *a, const json_t *b, char *pointer, size_t size);
/* Canonical text: sorted members, compact, UTF-8.  Fails on a real number, naming its pointer. */
bool json_canonical(const json_t *value, struct buf *out, struct err *err) MUST_USE;
/* One whole JSON object: duplicates, trailing bytes and real numbers refused.  NULL with err. */
json_t *json_read(const char *name, const void *bytes, size_t len, struct err *err);

#endif
