#include "tests/unit/test.h"
#include "core/sig.h"

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = 0;
	for (unsigned v; sscanf(hex + 2 * n, "%2x", &v) == 1; n++)
		out[n] = (uint8_t)v;
	return n;
}

static const struct row { const char *name; enum sig_alg alg; const char *key, *message, *sig; bool good; } rows[] = {
	{ "RFC 8032 7.1 test 1", SIG_ED25519, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b", true },
	{ "RFC 8032 7.1 test 2", SIG_ED25519, "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
	  "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00", true },
	{ "RFC 8032 7.1 test 3", SIG_ED25519, "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a", true },
	{ "another message", SIG_ED25519, "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af83",
	  "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a", false },
	{ "S above the group order (malleable)", SIG_ED25519, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" "4c8c7872aa064e049dbb3013fbf29380d25bf5f0595bbe24655141438e7a101b", false },
	{ "GB/T 32918.5 example A.2", SIG_SM2,
	  "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
	  "6d65737361676520646967657374",
	  "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa", true },
	{ "SM2, one bit of s", SIG_SM2,
	  "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad13",
	  "6d65737361676520646967657374",
	  "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1ab", false },
	{ "SM2, point not on the curve", SIG_SM2,
	  "0409f9df311e5421a150dd7d161e4bc5c672179fad1833fc076bb08ff356f35020ccea490ce26775a52dc6ea718cc1aa600aed05fbf35e084a6632f6072da9ad14",
	  "6d65737361676520646967657374",
	  "f5a03b0648d2c4630eeac513e1bb81a15944da3827d5b74143ac7eaceee720b3b1b6aa29df212fd8763182bc0d421ca1bb9038fd1f7f42d4840b69c485bbc1aa", false },
	{ "key of the wrong length", SIG_ED25519, "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f7075111", "",
	  "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155", false },
};

static void vectors(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		struct public_key key = { .alg = r->alg };
		uint8_t message[64], sig[80];
		key.len = unhex(r->key, key.bytes);
		size_t len = unhex(r->message, message), sig_len = unhex(r->sig, sig);
		row_check(r, sig_verify(&key, message, len, sig, sig_len) == r->good);
		sig[17] ^= 4;
		row_check(r, !sig_verify(&key, message, len, sig, sig_len));
		sig[17] ^= 4;
		row_check(r, !sig_verify(&key, message, len, sig, sig_len - 1));
		key.len--;
		row_check(r, !sig_verify(&key, message, len, sig, sig_len));
	}
}

static void kid_is_the_hash(void **state)
{
	(void)state;
	struct public_key key = { .alg = SIG_ED25519 };
	key.len = unhex(rows[0].key, key.bytes);
	public_key_kid(&key);
	assert_string_equal(key.kid, "21fe31dfa154a261");   /* sha256sum of the 32 bytes */
	enum sig_alg alg = SIG_N;
	assert_true(sig_alg_of_name("SM2", &alg) && alg == SIG_SM2);
	assert_true(sig_alg_of_name("EdDSA", &alg) && alg == SIG_ED25519);
	assert_false(sig_alg_of_name("none", &alg));
	assert_int_equal(sig_key_len(SIG_SM2), 65);
}

/* RFC 4648 section 10 without padding, then what a strict decoder refuses. */
static const struct b64 { const char *name, *bytes, *text; bool good; } b64s[] = {
	{ "empty", "", "", true }, { "f", "f", "Zg", true }, { "fo", "fo", "Zm8", true }, { "foo", "foo", "Zm9v", true },
	{ "foob", "foob", "Zm9vYg", true }, { "url alphabet", "\xfb\xff", "-_8", true },
	{ "padding", NULL, "Zg==", false }, { "plain alphabet", NULL, "+/8", false }, { "spare bits set", NULL, "Zh", false },
	{ "spare bits set in three", NULL, "Zm9", false }, { "one character", NULL, "Z", false }, { "white space", NULL, "Zm9v\n", false },
};

static void base64(void **state)
{
	(void)state;
	for (const struct b64 *r = b64s; r < b64s + countof(b64s); r++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		row_check(r, base64url_decode(r->text, strlen(r->text), &out) == r->good);
		if (!r->good)
			continue;
		row_check(r, out.len == strlen(r->bytes) && memcmp(out.data, r->bytes, out.len) == 0);
		buf_reset(&out);
		base64url_encode(r->bytes, strlen(r->bytes), &out);
		row_check(r, strcmp(out.data, r->text) == 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(vectors), cmocka_unit_test(kid_is_the_hash), cmocka_unit_test(base64) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
