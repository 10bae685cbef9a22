/* core/sig.h - verifying signatures over bytes.  Signing is agent/signer's.  Pure (OpenSSL EVP only).
 * Ed25519: 32-byte public key, 64-byte signature (RFC 8032).  SM2 with SM3: 65-byte public point (04 || x || y), 64-byte
 * r||s, distinguishing id always "1234567812345678" (GB/T 32918; domain.md 5.3). */
#ifndef CORE_SIG_H
#define CORE_SIG_H

#include "core/buf.h"
#include "core/err.h"

#define SM2_DISTID "1234567812345678"

enum sig_alg { SIG_ED25519, SIG_SM2, SIG_N };
enum { SIG_LEN = 64 };
struct public_key { enum sig_alg alg; char kid[64]; uint8_t bytes[65]; size_t len; };
/* kid = first 16 hex digits of SHA-256 over the raw public key bytes. */
void public_key_kid(struct public_key *key);
/* False for anything that is not a good signature, a broken key or a wrong length among it. */
bool sig_verify(const struct public_key *key, const void *bytes, size_t len, const uint8_t *sig, size_t sig_len);
const char *sig_alg_name(enum sig_alg alg);       /* JWS "alg": "EdDSA", "SM2" */
bool sig_alg_of_name(const char *name, enum sig_alg *out);
size_t sig_key_len(enum sig_alg alg);             /* raw public key bytes: 32, 65 */

void base64url_encode(const void *bytes, size_t len, struct buf *out);
bool base64url_decode(const char *text, size_t len, struct buf *out);      /* strict: no padding, no other characters */

#endif
