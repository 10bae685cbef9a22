/* agent/signer.h - the private keys: made, kept on disk or taken from a credential, and the one place that signs: here, or in
 * a process of its own (agent/signer_socket.h) that alone can read them.
 *
 * A key directory holds KID.pem (PKCS #8, mode 0600; a file readable by group or others is refused) and trust.json, the
 * public side (rules/jws.h says its form).  A key that has an end ("until") or is revoked there signs nothing more.
 * With $CREDENTIALS_DIRECTORY set, its files signing-key*.pem are used beside those of the directory. */
#ifndef AGENT_SIGNER_H
#define AGENT_SIGNER_H

#include "core/site.h"
#include "rules/jws.h"

struct signer;
/* The keys of the directory that may sign, Ed25519 first.  `wanted` picks: a kid, an algorithm (EdDSA, SM2) or a key's name in
 * trust.json; NULL or "site": all.  Fails when there is none, naming the command that makes one or those that are there. */
struct signer *signer_open(const char *dir, const char *wanted, struct err *err);
/* The same keys by their public side only; the signatures are made by the process that listens on `socket`. */
struct signer *signer_open_socket(const char *dir, const char *wanted, const char *socket, struct err *err);
/* How long a signature over the socket may take; 10 s at first. */
void signer_patience(struct signer *s, int64_t ms);
/* What a site's configuration says: `signer` and `signing_key`.  `dir`: its keys. */
struct signer *signer_of_site(const struct site *site, const char *dir, struct err *err);
void signer_free(struct signer *s);
/* Borrowed; any thread. */
const struct signer_ops *signer_ops(const struct signer *s);

/* A new private key in DIR/KID.pem (directory made 0700 when missing); its public side into *out. */
bool signer_generate(const char *dir, enum sig_alg alg, struct public_key *out, struct err *err) MUST_USE;
/* Opens one private key file; the caller owns the result (sign with signer_ops). */
struct signer *signer_open_key(const char *path, struct err *err);
/* DIR/trust.json as JSON, {"keys":[]} when there is none; the caller owns it. */
json_t *trust_file_load(const char *path, struct err *err);
bool trust_file_save(const char *path, const json_t *root, struct err *err) MUST_USE;
/* The entry of a kid; borrowed, NULL when there is none. */
json_t *trust_entry(const json_t *root, const char *kid);
bool trust_entry_signs(const json_t *entry);         /* neither ended nor revoked */

#endif
