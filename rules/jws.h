/* rules/jws.h - signed envelopes: JWS general JSON serialization (RFC 7515), payload bytes travel verbatim.
 *
 * {"payload":"...","signatures":[{"protected":"...","signature":"..."}], "view":{...}}   `view` is the readable copy of the
 * payload; verification compares the two and names the JSON pointer that differs.  Trust is given, never found in the
 * file: an unknown key is ERR_EVIDENCE (exit 12).  Signing bytes: BASE64URL(protected) "." BASE64URL(payload).  Pure. */
#ifndef RULES_JWS_H
#define RULES_JWS_H

#include "core/sig.h"
#include "core/time.h"
#include <jansson.h>

/* Who signs: agent/signer fills this; it is handed bytes and returns a signature. */
struct signer_ops { bool (*sign)(void *ctx, enum sig_alg alg, const void *bytes, size_t len, uint8_t sig[64], struct err *err);
		    void *ctx; const struct public_key *keys; size_t n_keys; };

/* `type` goes into the protected header as "typ": "pued-report+json", "pued-certificate+json", ... */
bool jws_make(const struct signer_ops *signer, const char *type, const void *payload, size_t len, bool with_view, struct buf *out, struct err *err) MUST_USE;

/* Trust store: JSON {"keys":[{"kid","alg","public" (base64url),"name":{zh,en},"site", "simulated":bool,"from","until","revoked"}]}
 * A key is good for signatures dated inside [from, until) and before revoked. */
struct trust_key { struct public_key key; const char *site; bool simulated; struct wall from, until, revoked; struct { const char *zh, *en; } name; };
struct trust { struct trust_key *keys; size_t n; json_t *root; };
bool trust_parse(const char *name, const void *bytes, size_t len, struct trust *out, struct err *err) MUST_USE;
void trust_done(struct trust *t);

struct jws_result { struct buf payload; const struct trust_key *key; char type[64]; char differs[256]; };  /* differs: JSON pointer */
/* True: at least one signature by a trusted key verifies, every signature of a known key verifies, view equals payload. */
bool jws_verify(const struct trust *trust, const void *bytes, size_t len, const char *type, struct wall at, struct jws_result *out, struct err *err) MUST_USE;
void jws_result_done(struct jws_result *r);
/* First JSON pointer (RFC 6901) at which a and b differ; false when equal. */
bool json_difference(const json_t *a, const json_t *b, char *pointer, size_t size);

#endif
