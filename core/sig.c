#include "core/sig.h"
#include "core/merkle.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <string.h>

static EVP_PKEY *ed25519_key(const struct public_key *key)
{
	return EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key->bytes, key->len);
}

static EVP_PKEY *sm2_key(const struct public_key *key)
{
	EVP_PKEY *pkey = NULL;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "SM2", NULL);
	char group[] = "SM2";
	uint8_t point[sizeof key->bytes];
	memcpy(point, key->bytes, sizeof point);
	OSSL_PARAM params[] = {
		OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 3),
		OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, key->len),
		OSSL_PARAM_END,
	};
	if (ctx && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return pkey;
}

static bool ed25519_verify(EVP_PKEY *pkey, const void *bytes, size_t len, const uint8_t *sig)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	bool good = md && EVP_DigestVerifyInit(md, NULL, NULL, NULL, pkey) == 1 && EVP_DigestVerify(md, sig, SIG_LEN, bytes, len) == 1;
	EVP_MD_CTX_free(md);
	return good;
}

/* OpenSSL wants the DER form of r and s. */
static int sm2_der(const uint8_t *sig, uint8_t **der)
{
	ECDSA_SIG *pair = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(sig, 32, NULL), *s = BN_bin2bn(sig + 32, 32, NULL);
	int len = -1;
	if (pair && r && s && ECDSA_SIG_set0(pair, r, s) == 1) {
		r = s = NULL;
		len = i2d_ECDSA_SIG(pair, der);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(pair);
	return len;
}

/* Without the id OpenSSL 3 verifies against an empty one: a different signature scheme. */
static bool sm2_verify(EVP_PKEY *pkey, const void *bytes, size_t len, const uint8_t *sig)
{
	uint8_t *der = NULL;
	int der_len = sm2_der(sig, &der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(pkey, NULL);
	bool good = der_len > 0 && md && ctx && EVP_PKEY_CTX_set1_id(ctx, SM2_DISTID, sizeof SM2_DISTID - 1) > 0;
	if (good) {
		EVP_MD_CTX_set_pkey_ctx(md, ctx);
		good = EVP_DigestVerifyInit(md, NULL, EVP_sm3(), NULL, pkey) == 1 &&
		       EVP_DigestVerify(md, der, (size_t)der_len, bytes, len) == 1;
	}
	EVP_MD_CTX_free(md);
	EVP_PKEY_CTX_free(ctx);
	OPENSSL_free(der);
	return good;
}

static const struct alg {
	const char *name;
	size_t key_len;
	EVP_PKEY *(*key)(const struct public_key *);
	bool (*verify)(EVP_PKEY *, const void *, size_t, const uint8_t *);
} algs[SIG_N] = {
	[SIG_ED25519] = { "EdDSA", 32, ed25519_key, ed25519_verify },
	[SIG_SM2] = { "SM2", 65, sm2_key, sm2_verify },
};

void public_key_kid(struct public_key *key)
{
	struct hash h;
	char hex[65];
	sha256(key->bytes, key->len, &h);
	hash_hex(&h, hex);
	memcpy(key->kid, hex, 16);
	key->kid[16] = 0;
}

bool sig_verify(const struct public_key *key, const void *bytes, size_t len, const uint8_t *sig, size_t sig_len)
{
	if ((unsigned)key->alg >= SIG_N || sig_len != SIG_LEN || key->len != algs[key->alg].key_len)
		return false;
	EVP_PKEY *pkey = algs[key->alg].key(key);
	bool good = pkey && algs[key->alg].verify(pkey, len ? bytes : "", len, sig);
	EVP_PKEY_free(pkey);
	return good;
}

const char *sig_alg_name(enum sig_alg alg)
{
	return algs[alg].name;
}

bool sig_alg_of_name(const char *name, enum sig_alg *out)
{
	for (size_t i = 0; i < SIG_N; i++)
		if (strcmp(algs[i].name, name) == 0) {
			*out = (enum sig_alg)i;
			return true;
		}
	return false;
}

size_t sig_key_len(enum sig_alg alg)
{
	return algs[alg].key_len;
}

static const char digits64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const void *bytes, size_t len, struct buf *out)
{
	const uint8_t *p = bytes;
	buf_add(out, "", 0);
	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t v = (uint32_t)p[i] << 16 | (n > 1 ? (uint32_t)p[i + 1] << 8 : 0) | (n > 2 ? p[i + 2] : 0);
		char four[4];
		for (int k = 0; k < 4; k++)
			four[k] = digits64[v >> (18 - 6 * k) & 63];
		buf_add(out, four, n + 1);
	}
}

static int digit64(char c)
{
	const char *p = c ? strchr(digits64, c) : NULL;
	return p ? (int)(p - digits64) : -1;
}

/* RFC 4648 section 3.5: unused bits must be zero, or one signature would have several texts. */
bool base64url_decode(const char *text, size_t len, struct buf *out)
{
	if (len % 4 == 1)
		return false;
	buf_add(out, "", 0);
	for (size_t i = 0; i < len; i += 4) {
		size_t n = len - i < 4 ? len - i : 4;
		uint32_t v = 0;
		for (size_t k = 0; k < 4; k++) {
			int d = k < n ? digit64(text[i + k]) : 0;
			if (d < 0)
				return false;
			v = v << 6 | (uint32_t)d;
		}
		if ((n == 2 && (v & 0xffff)) || (n == 3 && (v & 0xff)))
			return false;
		uint8_t three[3] = { (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
		buf_add(out, three, n - 1);
	}
	return !out->failed;
}
