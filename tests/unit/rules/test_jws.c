#include "tests/unit/test.h"
#include "tests/unit/rules/signer.h"

#include <stdlib.h>

static const char payload[] = "{\"issued\":\"2026-03-01T00:00:00Z\",\"results\":{\"it_mwh\":1000,\"text\":\"PUE2 = 1.243 \xc2\xb1 0.006\","
			      "\"total_mwh\":1243},\"simulated\":false,\"site\":\"bd-1\"}";

struct world {
	struct test_signer signer;
	struct trust trust;
	struct buf envelope;
};

static void world_make(struct world *w, bool sm2, const char *trust_more, const char *text, bool view)
{
	CLEANUP(buf_done) struct buf store = { 0 };
	struct err err = { 0 };
	*w = (struct world){ 0 };
	test_signer_add_ed25519(&w->signer, 7);
	w->signer.ops.ctx = &w->signer;
	if (sm2)
		test_signer_add_sm2(&w->signer);
	trust_text(&store, &w->signer, trust_more);
	if (!trust_parse("trust", store.data, store.len, &w->trust, &err))
		fail_msg("%s", err.text);
	w->signer.ops.keys = w->signer.pubs;
	if (!jws_make(&w->signer.ops, JWS_CERTIFICATE, text, strlen(text), view, &w->envelope, &err))
		fail_msg("%s", err.text);
}

static void world_done(struct world *w)
{
	test_signer_done(&w->signer);
	trust_done(&w->trust);
	buf_done(&w->envelope);
}

static bool accepts(const struct trust *trust, const char *bytes, size_t len, struct jws_result *r, struct err *err)
{
	*err = (struct err){ 0 };
	return jws_verify(trust, bytes, len, JWS_CERTIFICATE, (struct wall){ 0 }, r, err);
}

static void makes_and_verifies(void **state)
{
	(void)state;
	for (int form = 0; form < 4; form++) {
		struct world w;
		struct jws_result r;
		struct err err;
		world_make(&w, form & 1, "", payload, form & 2);
		if (!accepts(&w.trust, w.envelope.data, w.envelope.len, &r, &err))
			fail_msg("%s", err.text);
		assert_int_equal(r.payload.len, strlen(payload));
		assert_memory_equal(r.payload.data, payload, strlen(payload));
		assert_string_equal(r.type, JWS_CERTIFICATE);
		assert_int_equal(r.n_signatures, form & 1 ? 2 : 1);
		assert_int_equal(r.dated.ms, 1772323200000);
		jws_result_done(&r);
		world_done(&w);
	}
}

/* Each byte of the file, changed: refused as evidence, never accepted, never another kind of failure. */
static void every_byte_counts(void **state)
{
	(void)state;
	for (int form = 0; form < 4; form++) {
		struct world w;
		world_make(&w, form & 1, "", payload, form & 2);
		for (size_t i = 0; i < w.envelope.len; i++)
			for (int flip = 0; flip < 3; flip++) {
				struct jws_result r;
				struct err err;
				char old = w.envelope.data[i];
				w.envelope.data[i] = flip == 0 ? (char)(old ^ 1) : flip == 1 ? ' ' : (char)(old ^ 0x20);
				if (w.envelope.data[i] != old) {
					if (accepts(&w.trust, w.envelope.data, w.envelope.len, &r, &err))
						fail_msg("form %d: byte %zu ('%c') changed and accepted", form, i, old);
					if (err.kind != ERR_EVIDENCE || !err.text[0])
						fail_msg("form %d: byte %zu: kind %d: %s", form, i, err.kind, err.text);
				}
				w.envelope.data[i] = old;
			}
		world_done(&w);
	}
}

static void every_cut_and_tail_is_refused(void **state)
{
	(void)state;
	struct world w;
	struct jws_result r;
	struct err err;
	world_make(&w, false, "", payload, true);
	for (size_t len = 0; len < w.envelope.len; len++) {
		assert_false(accepts(&w.trust, w.envelope.data, len, &r, &err));
		assert_int_equal(err.kind, ERR_EVIDENCE);
	}
	static const char *const tails[] = { " ", "\n", "x", "{}", "\0" };
	for (size_t i = 0; i < countof(tails); i++) {
		CLEANUP(buf_done) struct buf b = { 0 };
		buf_add(&b, w.envelope.data, w.envelope.len);
		buf_add(&b, tails[i], 1);
		assert_false(accepts(&w.trust, b.data, b.len, &r, &err));
	}
	world_done(&w);
}

static void replace(struct buf *b, const char *from, const char *to)
{
	char *at = strstr(b->data, from);
	CLEANUP(buf_done) struct buf out = { 0 };
	if (!at)
		fail_msg("'%s' is not in the text", from);
	buf_add(&out, b->data, (size_t)(at - b->data));
	buf_str(&out, to);
	buf_str(&out, at + strlen(from));
	buf_done(b);
	*b = out;
	out = (struct buf){ 0 };
}

/* Edits of the file, with what the sentence must name. */
static const struct edit { const char *name, *from, *to, *says, *differs; } edits[] = {
	{ "digit in the view", "\"total_mwh\": 1243", "\"total_mwh\": 1242", "/results/total_mwh", "/results/total_mwh" },
	{ "text in the view", "1.243 ", "1.143 ", "/results/text", "/results/text" },
	{ "member added to the view", "\"simulated\": false", "\"simulated\": false, \"x\": 1", "/x", "/x" },
	{ "escape in the view", "bd-1", "bd\\u002d1", "as it was written", "" },
	{ "blank", "\"simulated\": false", "\"simulated\":  false", "as it was written", "" },
	{ "a member of the envelope", "\"payload\":", "\"extra\": 1, \"payload\":", "unknown member 'extra'", "" },
	{ "an unprotected header", "\"protected\":", "\"header\": {}, \"protected\":", "unknown member 'header'", "" },
	{ "a member twice", "\"simulated\": false", "\"simulated\": false, \"simulated\": false", "duplicate", "" },
	{ "a real number", "\"total_mwh\": 1243", "\"total_mwh\": 1243.0", "/results/total_mwh", "" },
	{ "padding", "\",\n  \"signatures\"", "=\",\n  \"signatures\"", "base64url", "" },
	{ "no signature", "\"signatures\": [", "\"signatures\": [], \"x\": [", "unknown member 'x'", "" },
};

static void edits_are_named(void **state)
{
	(void)state;
	for (const struct edit *e = edits; e < edits + countof(edits); e++) {
		struct world w;
		struct jws_result r;
		struct err err;
		world_make(&w, false, "", payload, true);
		replace(&w.envelope, e->from, e->to);
		row_check(e, !accepts(&w.trust, w.envelope.data, w.envelope.len, &r, &err));
		row_check(e, err.kind == ERR_EVIDENCE);
		if (!strstr(err.text, e->says))
			fail_msg("row \"%s\": says: %s", e->name, err.text);
		row_check(e, strcmp(r.differs, e->differs) == 0);
		world_done(&w);
	}
}

/* Headers put together by an attacker who holds no key, or another one. */
static const struct forge { const char *name, *header, *says; } forges[] = {
	{ "alg none", "{\"alg\":\"none\",\"kid\":\"%s\",\"typ\":\"pued-certificate+json\"}", "alg 'none'" },
	{ "alg confusion", "{\"alg\":\"SM2\",\"kid\":\"%s\",\"typ\":\"pued-certificate+json\"}", "alg 'SM2'" },
	{ "HMAC with the public key", "{\"alg\":\"HS256\",\"kid\":\"%s\",\"typ\":\"pued-certificate+json\"}", "alg 'HS256'" },
	{ "wrong type", "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"pued-report+json\"}", "pued-report+json" },
	{ "no type", "{\"alg\":\"EdDSA\",\"kid\":\"%s\"}", "required" },
	{ "crit", "{\"alg\":\"EdDSA\",\"crit\":[\"b64\"],\"kid\":\"%s\",\"typ\":\"pued-certificate+json\"}", "unknown member 'crit'" },
	{ "embedded key", "{\"alg\":\"EdDSA\",\"jwk\":{},\"kid\":\"%s\",\"typ\":\"pued-certificate+json\"}", "unknown member 'jwk'" },
	{ "right header, signature of another header", "{\"alg\":\"EdDSA\",\"kid\":\"%s\", \"typ\":\"pued-certificate+json\"}", "does not fit" },
};

static void forged_headers_are_refused(void **state)
{
	(void)state;
	for (const struct forge *f = forges; f < forges + countof(forges); f++) {
		struct world w;
		struct jws_result r;
		struct err err;
		CLEANUP(buf_done) struct buf text = { 0 };
		char plain[300];
		world_make(&w, false, "", payload, true);
		snprintf(plain, sizeof plain, "{\"alg\":\"EdDSA\",\"kid\":\"%s\",\"typ\":\"pued-certificate+json\"}", w.signer.pubs[0].kid);
		base64url_encode(plain, strlen(plain), &text);
		CLEANUP(buf_done) struct buf forged = { 0 };
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(plain, sizeof plain, f->header, w.signer.pubs[0].kid);
#pragma GCC diagnostic pop
		base64url_encode(plain, strlen(plain), &forged);
		replace(&w.envelope, text.data, forged.data);
		row_check(f, !accepts(&w.trust, w.envelope.data, w.envelope.len, &r, &err));
		if (err.kind != ERR_EVIDENCE || !strstr(err.text, f->says))
			fail_msg("row \"%s\": says: %s", f->name, err.text);
		world_done(&w);
	}
}

/* Trust rows: which documents a key is good for. */
static const struct trust_case { const char *name, *more; int64_t at_s; bool good; const char *says; } trust_cases[] = {
	{ "plain", "", 0, true, NULL },
	{ "of this site", ",\"site\":\"bd-1\"", 0, true, NULL },
	{ "of another site", ",\"site\":\"bd-2\"", 0, false, "of site bd-1" },
	{ "a simulation key under a real document", ",\"simulated\":true", 0, false, "simulated data only" },
	{ "from the same instant", ",\"from\":\"2026-03-01T00:00:00Z\"", 0, true, NULL },
	{ "from a second later", ",\"from\":\"2026-03-01T00:00:01Z\"", 0, false, "valid from" },
	{ "until the same instant", ",\"until\":\"2026-03-01T00:00:00Z\"", 0, false, "valid until" },
	{ "until a second later", ",\"until\":\"2026-03-01T00:00:01Z\"", 0, true, NULL },
	{ "revoked before", ",\"revoked\":\"2026-02-01T00:00:00Z\"", 0, false, "revoked" },
	{ "revoked after: old documents stay good", ",\"revoked\":\"2026-04-01T00:00:00Z\"", 0, true, NULL },
	{ "revoked when judged", ",\"revoked\":\"2026-04-01T00:00:00Z\"", 1775001600, false, "revoked" },
	{ "dated in the future", "", 1772323199, false, "still to come" },
	{ "seen at its own instant", "", 1772323200, true, NULL },
};

static void trust_decides(void **state)
{
	(void)state;
	for (const struct trust_case *t = trust_cases; t < trust_cases + countof(trust_cases); t++) {
		struct world w;
		struct jws_result r;
		struct err err = { 0 };
		world_make(&w, false, t->more, payload, false);
		bool good = jws_verify(&w.trust, w.envelope.data, w.envelope.len, NULL, (struct wall){ t->at_s * 1000 }, &r, &err);
		if (good != t->good || (!good && !strstr(err.text, t->says)))
			fail_msg("row \"%s\": %s", t->name, err.text);
		jws_result_done(&r);
		world_done(&w);
	}
}

static void unknown_and_extra_keys_are_refused(void **state)
{
	(void)state;
	struct world w, other;
	struct jws_result r;
	struct err err;
	world_make(&w, true, "", payload, true);
	world_make(&other, false, "", payload, true);
	/* the other trust store knows the Ed25519 key (same seed) but not the SM2 key beside it */
	assert_false(accepts(&other.trust, w.envelope.data, w.envelope.len, &r, &err));
	assert_non_null(strstr(err.text, "not in the trust store"));
	world_done(&other);

	json_t *envelope = json_loadb(w.envelope.data, w.envelope.len, 0, NULL);
	json_t *signatures = json_object_get(envelope, "signatures");
	json_array_append(signatures, json_array_get(signatures, 0));
	CLEANUP(buf_done) struct buf twice = { 0 };
	char *text = json_dumps(envelope, JSON_SORT_KEYS | JSON_INDENT(2));
	buf_printf(&twice, "%s\n", text);
	assert_false(accepts(&w.trust, twice.data, twice.len, &r, &err));
	assert_non_null(strstr(err.text, "signs twice"));
	free(text);
	json_decref(envelope);
	world_done(&w);
}

static const struct refused { const char *name, *payload, *says; } refusals[] = {
	{ "no site", "{\"issued\":\"2026-03-01T00:00:00Z\",\"simulated\":false}", "does not say" },
	{ "no date", "{\"simulated\":false,\"site\":\"a\"}", "does not say" },
	{ "not said whether simulated", "{\"issued\":\"2026-03-01T00:00:00Z\",\"site\":\"a\"}", "does not say" },
	{ "local time", "{\"issued\":\"2026-03-01T00:00:00\",\"simulated\":false,\"site\":\"a\"}", "date of the document" },
	{ "blank", "{\"issued\":\"2026-03-01T00:00:00Z\",\"simulated\":false, \"site\":\"a\"}", "canonical" },
	{ "order", "{\"site\":\"a\",\"issued\":\"2026-03-01T00:00:00Z\",\"simulated\":false}", "canonical" },
	{ "real", "{\"issued\":\"2026-03-01T00:00:00Z\",\"pue\":1.2,\"simulated\":false,\"site\":\"a\"}", "/pue" },
	{ "not an object", "[1]", "not a JSON object" },
};

static void documents_that_cannot_be_signed(void **state)
{
	(void)state;
	struct test_signer s = { 0 };
	test_signer_add_ed25519(&s, 1);
	for (const struct refused *r = refusals; r < refusals + countof(refusals); r++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		struct err err = { 0 };
		row_check(r, !jws_make(&s.ops, JWS_CERTIFICATE, r->payload, strlen(r->payload), true, &out, &err));
		if (!strstr(err.text, r->says))
			fail_msg("row \"%s\": %s", r->name, err.text);
	}
	test_signer_done(&s);
}

static const struct store_case { const char *name, *from, *to, *says; } store_cases[] = {
	{ "not JSON", "{\"keys\"", "{keys", "not JSON" },
	{ "no keys", "{\"keys\":[", "{\"keys\":[],\"x\":[", "not a trust store" },
	{ "unknown member", "\"alg\"", "\"color\":1,\"alg\"", "unknown member 'color'" },
	{ "unknown algorithm", "EdDSA", "RS256", "RS256" },
	{ "name of another key", "\"kid\":\"", "\"kid\":\"0", "is not the name of this key" },
	{ "short key", "\"public\":\"", "\"public\":\"QUJD\",\"site\":\"", "32 bytes" },
};

static void bad_trust_stores_are_refused(void **state)
{
	(void)state;
	struct test_signer s = { 0 };
	test_signer_add_ed25519(&s, 1);
	for (const struct store_case *r = store_cases; r < store_cases + countof(store_cases); r++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		struct trust t = { 0 };
		struct err err = { 0 };
		trust_text(&text, &s, "");
		replace(&text, r->from, r->to);
		row_check(r, !trust_parse("keys.json", text.data, text.len, &t, &err));
		if (err.kind != ERR_CONFIG || !strstr(err.text, r->says))
			fail_msg("row \"%s\": %s", r->name, err.text);
	}
	test_signer_done(&s);
}

static const struct diff_row { const char *name, *a, *b, *pointer; } diff_rows[] = {
	{ "equal", "{\"a\":[1,{\"b\":null}]}", "{\"a\":[1,{\"b\":null}]}", NULL },
	{ "value", "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "/b" },
	{ "deep", "{\"a\":[0,{\"x\":\"y\"}]}", "{\"a\":[0,{\"x\":\"z\"}]}", "/a/1/x" },
	{ "missing", "{\"a\":1}", "{}", "/a" },
	{ "longer array", "[1]", "[1,2]", "/1" },
	{ "kind", "{\"a\":1}", "{\"a\":\"1\"}", "/a" },
	{ "escaped", "{\"a/b\":{\"m~n\":1}}", "{\"a/b\":{\"m~n\":2}}", "/a~1b/m~0n" },
	{ "the first in sorted order", "{\"z\":1,\"b\":1}", "{\"z\":2,\"b\":2}", "/b" },
	{ "the whole", "[1]", "{}", "" },
};

static void differences_are_pointed_at(void **state)
{
	(void)state;
	for (const struct diff_row *r = diff_rows; r < diff_rows + countof(diff_rows); r++) {
		char pointer[64] = "?";
		json_t *a = json_loads(r->a, 0, NULL), *b = json_loads(r->b, 0, NULL);
		bool differs = json_difference(a, b, pointer, sizeof pointer);
		row_check(r, differs == (r->pointer != NULL));
		row_check(r, !differs || strcmp(pointer, r->pointer) == 0);
		json_decref(a);
		json_decref(b);
	}
	char tiny[4];
	json_t *a = json_loads("{\"long name\":1}", 0, NULL), *b = json_object();
	assert_true(json_difference(a, b, tiny, sizeof tiny));
	assert_true(strlen(tiny) < sizeof tiny);
	json_decref(a);
	json_decref(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(makes_and_verifies),
		cmocka_unit_test(every_byte_counts),
		cmocka_unit_test(every_cut_and_tail_is_refused),
		cmocka_unit_test(edits_are_named),
		cmocka_unit_test(forged_headers_are_refused),
		cmocka_unit_test(trust_decides),
		cmocka_unit_test(unknown_and_extra_keys_are_refused),
		cmocka_unit_test(documents_that_cannot_be_signed),
		cmocka_unit_test(bad_trust_stores_are_refused),
		cmocka_unit_test(differences_are_pointed_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
