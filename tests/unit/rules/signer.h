/* tests/unit/rules/signer.h - keys for tests: Ed25519 and SM2 made by OpenSSL, with their trust store. */
#ifndef TESTS_UNIT_RULES_SIGNER_H
#define TESTS_UNIT_RULES_SIGNER_H

#include "rules/jws.h"

struct test_key { struct public_key pub; void *pkey; };
struct test_signer { struct test_key keys[4]; size_t n; struct public_key pubs[4]; struct signer_ops ops; };
/* Ed25519 from a seed byte (the same key every time); SM2 is random. */
void test_signer_add_ed25519(struct test_signer *s, uint8_t seed);
void test_signer_add_sm2(struct test_signer *s);
void test_signer_done(struct test_signer *s);
/* One row of a trust store; `more` is JSON members with a leading comma, or "". */
void trust_row(struct buf *out, const struct public_key *key, const char *more);
/* {"keys":[...]} of all keys of s. */
void trust_text(struct buf *out, const struct test_signer *s, const char *more);

#endif
