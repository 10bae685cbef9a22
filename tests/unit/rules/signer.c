#include "tests/unit/rules/signer.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static bool ed25519_sign(EVP_PKEY *pkey, const void *bytes, size_t len, uint8_t sig[64])
{
	size_t n = 64;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1 && EVP_DigestSign(md, sig, &n, bytes, len) == 1 && n == 64;
	EVP_MD_CTX_free(md);
	return good;
}

static bool sm2_sign(EVP_PKEY *pkey, const void *bytes, size_t len, uint8_t sig[64])
{
	uint8_t der[128];
	size_t n = sizeof der;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool good = EVP_PKEY_CTX_set1_id(ctx, "1234567812345678", 16) > 0;
	EVP_MD_CTX_set_pkey_ctx(md, ctx);
	good = good && EVP_DigestSignInit(md, NULL, EVP_sm3(), NULL, pkey) == 1 && EVP_DigestSign(md, der, &n, bytes, len) == 1;
	const unsigned char *p = der;
	ECDSA_SIG *pair = good ? d2i_ECDSA_SIG(NULL, &p, (long)n) : NULL;
	good = pair && BN_bn2binpad(ECDSA_SIG_get0_r(pair), sig, 32) == 32 && BN_bn2binpad(ECDSA_SIG_get0_s(pair), sig + 32, 32) == 32;
	ECDSA_SIG_free(pair);
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	return good;
}

static bool sign(void *ctx, const struct public_key *key, const void *bytes, size_t len, uint8_t sig[64], struct err *err)
{
	struct test_signer *s = ctx;
	for (size_t i = 0; i < s->n; i++)
		if (strcmp(s->keys[i].pub.kid, key->kid) == 0)
			return (key->alg == SIG_SM2 ? sm2_sign : ed25519_sign)(s->keys[i].pkey, bytes, len, sig) ? true
			       : err_set(err, ERR_INTERNAL, "test signer");
	return err_set(err, ERR_INTERNAL, "test signer: no such key");
}

static void add(struct test_signer *s, EVP_PKEY *pkey, struct public_key pub)
{
	public_key_kid(&pub);
	s->keys[s->n] = (struct test_key){ pub, pkey };
	s->pubs[s->n++] = pub;
	s->ops = (struct signer_ops){ .sign = sign, .ctx = s, .keys = s->pubs, .n_keys = s->n };
}

void test_signer_add_ed25519(struct test_signer *s, uint8_t seed)
{
	uint8_t secret[32];
	struct public_key pub = { .alg = SIG_ED25519, .len = 32 };
	memset(secret, seed, sizeof secret);
	EVP_PKEY *pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, sizeof secret);
	EVP_PKEY_get_raw_public_key(pkey, pub.bytes, &pub.len);
	add(s, pkey, pub);
}

void test_signer_add_sm2(struct test_signer *s)
{
	struct public_key pub = { .alg = SIG_SM2, .len = 65 };
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
	unsigned char *point = NULL;
	if (pkey && EVP_PKEY_get1_encoded_public_key(pkey, &point) == 65)
		memcpy(pub.bytes, point, 65);
	OPENSSL_free(point);
	add(s, pkey, pub);
}

void test_signer_done(struct test_signer *s)
{
	for (size_t i = 0; i < s->n; i++)
		EVP_PKEY_free(s->keys[i].pkey);
	*s = (struct test_signer){ 0 };
}

void trust_row(struct buf *out, const struct public_key *key, const char *more)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	base64url_encode(key->bytes, key->len, &text);
	buf_printf(out, "{\"kid\":\"%s\",\"alg\":\"%s\",\"public\":\"%s\"%s}", key->kid, sig_alg_name(key->alg), text.data, more);
}

void trust_text(struct buf *out, const struct test_signer *s, const char *more)
{
	buf_str(out, "{\"keys\":[");
	for (size_t i = 0; i < s->n; i++) {
		buf_str(out, i ? "," : "");
		trust_row(out, &s->pubs[i], more);
	}
	buf_str(out, "]}");
}
