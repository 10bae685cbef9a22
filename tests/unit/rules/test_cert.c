#include "tests/unit/test.h"
#include "tests/unit/rules/cert_world.h"

#include <stdlib.h>

static struct world world;

static int setup(void **state)
{
	struct err err = { 0 };
	(void)state;
	if (!world_make(&world, PACK, (struct world_options){ 0 }, &err) || !world_certify(&world, &err)) {
		printf("%s\n", err.text);
		return -1;
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	world_done(&world);
	return 0;
}

static bool recheck(const json_t *cert, char *pointer, size_t size, struct err *err)
{
	struct cert_check check;
	if (!cert_recheck_evidence(cert, &check, err)) {
		snprintf(pointer, size, "%s", check.pointer);
		return false;
	}
	CLEANUP(buf_done) struct buf unchecked = { 0 };
	if (!cert_recheck_statements(cert, &world.trust, &unchecked, &check, err)) {
		snprintf(pointer, size, "%s", check.pointer);
		return false;
	}
	assert_int_equal(unchecked.len, 0);
	return cert_recheck(cert, world.pack, pointer, size, err);
}

static void a_certificate_holds(void **state)
{
	(void)state;
	struct jws_result r;
	struct err err = { 0 };
	struct cert_check check;
	char pointer[256];
	if (!jws_verify(&world.trust, world.envelope.data, world.envelope.len, JWS_CERTIFICATE, (struct wall){ 0 }, &r, &err))
		fail_msg("%s", err.text);
	json_t *cert = json_read("cert", r.payload.data, r.payload.len, &err);
	assert_non_null(cert);
	if (!recheck(cert, pointer, sizeof pointer, &err))
		fail_msg("%s: %s", pointer, err.text);
	assert_true(cert_recheck_evidence(cert, &check, &err));
	assert_true(check.from_evidence);
	assert_int_equal(check.leaves, 17);
	assert_string_equal(json_string_value(json_object_get(json_object_get(cert, "verdict"), "kind")), "ELIGIBLE_ROBUST");
	assert_string_equal(json_string_value(json_object_get(cert, "term")), "annual");
	static const char *const groups[] = { "identity", "applicant", "site", "method", "meters", "results", "verdict", "amount", "before_after", "evidence",
					      "declarations", "verification", "validity", "facts", "issued", "simulated", "term", "format" };
	for (size_t i = 0; i < countof(groups); i++)
		assert_non_null(json_object_get(cert, groups[i]));
	json_decref(cert);
	jws_result_done(&r);
}

static json_t *file_json(const char *path)
{
	size_t len;
	char *text = world_slurp(path, &len);
	json_t *json = text ? json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	free(text);
	if (!json)
		fail_msg("%s cannot be read", path);
	return json;
}

/* built-cert.json is what the builder makes, to the member; with REGENERATE set it is written again. */
static void the_built_example_is_made_here(void **state)
{
	(void)state;
	json_t *cert = json_loadb(world.payload.data, world.payload.len, 0, NULL);
	char pointer[256];
	if (getenv("REGENERATE")) {
		FILE *f = fopen(BUILT, "w");
		json_dumpf(cert, f, JSON_SORT_KEYS | JSON_INDENT(2));
		fputc('\n', f);
		fclose(f);
	}
	json_t *old = file_json(BUILT);
	if (json_difference(old, cert, pointer, sizeof pointer))
		fail_msg("tests/unit/rules/built-cert.json differs at %s; run this test with REGENERATE=1", pointer);
	json_decref(old);
	json_decref(cert);
}

/* First member that `shown` has and `built` has not, or has with another type (null fits all); lists by their first row. */
static bool layout_missing(const json_t *shown, const json_t *built, char *pointer, size_t size)
{
	const char *key;
	json_t *value;
	size_t n = strlen(pointer);
	if (json_is_array(shown) && json_is_array(built) && json_array_size(shown) && json_array_size(built)) {
		snprintf(pointer + n, size - n, "/0");
		if (layout_missing(json_array_get(shown, 0), json_array_get(built, 0), pointer, size))
			return true;
		pointer[n] = 0;
	}
	if (json_is_object(shown) && json_is_object(built) && json_object_get(shown, "wrap") == NULL)
		json_object_foreach((json_t *)(uintptr_t)shown, key, value) {
			const json_t *other = json_object_get(built, key);
			snprintf(pointer + n, size - n, "/%s", key);
			if (!other || layout_missing(value, other, pointer, size))
				return true;
			pointer[n] = 0;
		}
	bool same = json_typeof(shown) == json_typeof(built) || (json_is_boolean(shown) && json_is_boolean(built));
	return !same && !json_is_null(shown) && !json_is_null(built);
}

/* The example that others write against shows nothing that the builder does not make. */
static void the_shown_layout_is_what_is_built(void **state)
{
	(void)state;
	json_t *shown = file_json(EXAMPLE), *built = file_json(BUILT);
	char pointer[256] = "";
	if (layout_missing(shown, built, pointer, sizeof pointer))
		fail_msg("%s of example-cert.json is not made by the builder", pointer);
	json_decref(shown);
	json_decref(built);
}

/* A forger who holds the key: each change is signed anew, so that only the recheck stands in the way. */
static json_t *at(json_t *root, const char *path, char *last, size_t size)
{
	while (*path) {
		size_t n = strcspn(++path, "/");
		if (!path[n]) {
			snprintf(last, size, "%.*s", (int)n, path);
			return root;
		}
		char part[80];
		snprintf(part, sizeof part, "%.*s", (int)n, path);
		root = json_is_array(root) ? json_array_get(root, strtoul(part, NULL, 10)) : json_object_get(root, part);
		path += n;
	}
	return NULL;
}

static void change(json_t *cert, const char *path, json_t *value)
{
	char last[80];
	json_t *place = at(cert, path, last, sizeof last);
	if (!place)
		fail_msg("%s is no place in the certificate", path);
	if (json_is_array(place))
		json_array_set_new(place, strtoul(last, NULL, 10), value);
	else
		json_object_set_new(place, last, value);
}

static const struct forgery { const char *name, *path, *json, *pointer; } forgeries[] = {
	{ "a better PUE in the text", "/results/pue/value", "\"1.100\"", "/results/pue/value" },
	{ "a better verdict", "/verdict/kind", "\"ELIGIBLE_UNDER\"", "/verdict/kind" },
	{ "a higher amount", "/amount/upper_bound_fen", "100000001", "/amount/upper_bound_fen" },
	{ "another split", "/amount/split/0/fen", "1", "/amount/split/0/fen" },
	{ "a reason hidden", "/verdict/reasons", "[\"x\"]", "/verdict/reasons/0" },
	{ "less total energy, in the facts", "/facts/kpi/total_mwh", "1", "/facts/kpi/total_mwh" },
	{ "less known energy, in the facts", "/facts/kpi/known_total_mwh", "1", "/facts/kpi/known_total_mwh" },
	{ "more IT energy, in the facts", "/facts/kpi/known_it_mwh", "99999999999999", "/facts/kpi/known_it_mwh" },
	{ "more racks, in the facts", "/facts/racks/installed", "2000", "/verdict" },
	{ "another month", "/results/months/3/known_total_mwh", "1", "/results/months/3/known_total_mwh" },
	{ "a month's value in print", "/results/months/7/value", "\"1.100\"", "/results/months/7/value" },
	{ "a month's counted energy", "/results/months/7/total_mwh", "5", "/results/months/7" },
	{ "a meter's energy", "/meters/4/energy_mwh", "5", "/meters/4/energy_mwh" },
	{ "a leaf edited", "/evidence/leaves/0/leaf", "\"{}\"", "/evidence/leaves/0" },
	{ "a leaf moved", "/evidence/leaves/1/index", "17", "/evidence/leaves/1" },
	{ "a path shortened", "/evidence/leaves/2/path", "[]", "/evidence/leaves/2" },
	{ "another root", "/evidence/tree_root", "\"0000000000000000000000000000000000000000000000000000000000000000\"", "/evidence/leaves/0" },
	{ "another tree size", "/evidence/tree_size", "35138", "/evidence/leaves" },
	{ "another pack", "/identity/pack/sha256", "\"00\"", "/identity/pack/sha256" },
	{ "interim called annual", "/term", "\"interim\"", "/term" },
	{ "a limit in print", "/results/pue/limit", "\"1.3\"", "/results/pue/limit" },
	{ "a figure's source", "/method/figures/0/source", "\"?\"", "/method/figures/0/source" },
	{ "a quote", "/verdict/criteria/0/quote", "\"?\"", "/verdict/criteria/0/quote" },
	{ "a criterion", "/verdict/criteria/1/value", "\"1024\\u0020\"", "/verdict/criteria/1/value" },
	{ "another site than the facts'", "/site/id", "\"other\"", "/site/id" },
	{ "facts of nobody", "/facts", "{}", "/facts" },
	{ "no facts", "/facts", "null", "/facts" },
	{ "completion moved", "/facts/completed", "\"2023-01-01\"", "/verdict" },
	{ "an unsigned statement", "/facts/attestations/0/signed", "false", "/facts/attestations/0/signed" },
	{ "a statement put into another's mouth", "/facts/attestations/0/by", "\"王五\"", "/facts/attestations/0/by" },
	{ "another day of application", "/facts/applied", "\"2025-12-31\"", "/facts/applied" },
	{ "a rate that nobody approved", "/facts/approved_rate_fen", "100000", "/facts/approved_rate_fen" },
	{ "words beside the format", "/grant", "\"paid\"", "/grant" },
	{ "issued before it was judged", "/issued", "\"2026-01-09T09:59:59Z\"", "/issued" },
	{ "it replaces itself", "/validity/supersedes", "\"SIM-demo-baoding-2025-001\"", "/validity/supersedes" },
	{ "a statement added", "/facts/attestations", "[]", "/facts/attestations/0" },
	{ "a claim left out", "/facts/claims", "[{\"site\":\"x\"}]", "/facts/claims/0" },
	{ "a merger added", "/facts/lineage", "[\"demo-baoding\",\"old\"]", "/facts/lineage/1" },
	{ "end of validity", "/validity/until", "\"2099-01-01\"", "/validity/until" },
};

static void what_does_not_follow_is_named(void **state)
{
	(void)state;
	for (const struct forgery *f = forgeries; f < forgeries + countof(forgeries); f++) {
		json_t *cert = json_loadb(world.payload.data, world.payload.len, 0, NULL);
		struct err err = { 0 };
		char pointer[256] = "";
		change(cert, f->path, json_loads(f->json, JSON_DECODE_ANY, NULL));
		row_check(f, !recheck(cert, pointer, sizeof pointer, &err));
		row_check(f, err.kind == ERR_EVIDENCE);
		if (strncmp(pointer, f->pointer, strlen(f->pointer)) != 0)
			fail_msg("row \"%s\": named %s (%s)", f->name, pointer, err.text);
		json_decref(cert);
	}
}

/* Forgers without the key: seeded edits of the signed file, anywhere; none may pass. */
static void seeded_forgeries_fail(void **state)
{
	(void)state;
	uint64_t seed = 20260124, accepted = 0;
	for (int i = 0; i < 200; i++) {
		struct jws_result r;
		struct err err = { 0 };
		CLEANUP(buf_done) struct buf b = { 0 };
		buf_add(&b, world.envelope.data, world.envelope.len);
		seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
		size_t place = (size_t)(seed >> 20) % b.len, other = (size_t)(seed >> 40) % b.len;
		switch (seed >> 62) {
		case 0:
			b.data[place] = (char)(b.data[place] ^ (1 << (seed >> 59 & 7)));
			break;
		case 1:
			b.len = place;
			break;
		case 2: {
			char c = b.data[place];
			if (c == b.data[other])
				b.data[place] = (char)(c ^ 1);
			else
				b.data[place] = b.data[other];
			break;
		}
		default:
			memmove(b.data + place, b.data + place + 1, b.len - place - 1);
			b.len--;
		}
		accepted += jws_verify(&world.trust, b.data, b.len, JWS_CERTIFICATE, (struct wall){ 0 }, &r, &err);
		if (err.kind != ERR_EVIDENCE)
			fail_msg("seed step %d: kind %d: %s", i, err.kind, err.text);
	}
	assert_int_equal(accepted, 0);
}

static void a_window_with_gaps_is_interim_and_exact(void **state)
{
	(void)state;
	static struct world gaps;
	struct err err = { 0 };
	struct cert_check check;
	char pointer[256];
	if (!world_make(&gaps, PACK, (struct world_options){ .gaps = 40 }, &err) || !world_certify(&gaps, &err))
		fail_msg("%s", err.text);
	json_t *cert = json_loadb(gaps.payload.data, gaps.payload.len, 0, NULL);
	assert_string_equal(json_string_value(json_object_get(cert, "term")), "interim");
	assert_int_equal(gaps.facts.kpi.intervals - gaps.facts.kpi.intervals_known, 40);
	if (!cert_recheck_evidence(cert, &check, &err) || !cert_recheck(cert, gaps.pack, pointer, sizeof pointer, &err))
		fail_msg("%s", err.text);
	assert_true(check.from_evidence);
	/* hiding one of the leaves that are not known is noticed */
	json_array_remove(json_object_get(json_object_get(cert, "evidence"), "leaves"), 3);
	assert_false(cert_recheck_evidence(cert, &check, &err));
	json_decref(cert);
	world_done(&gaps);
}

/* A reader who does not know the people's keys is told so; nothing is silently believed. */
static void statements_by_unknown_keys_are_told(void **state)
{
	(void)state;
	struct test_signer other = { 0 };
	struct trust trust;
	struct err err = { 0 };
	struct cert_check check;
	CLEANUP(buf_done) struct buf text = { 0 }, unchecked = { 0 };
	json_t *cert = json_loadb(world.payload.data, world.payload.len, 0, NULL);
	test_signer_add_ed25519(&other, 77);
	trust_text(&text, &other, ",\"simulated\":true");
	assert_true(trust_parse("t", text.data, text.len, &trust, &err));
	assert_true(cert_recheck_statements(cert, &trust, &unchecked, &check, &err));
	assert_non_null(strstr(unchecked.data, "not in the trust store"));
	trust_done(&trust);
	test_signer_done(&other);
	json_decref(cert);
}

static void what_is_refused_to_be_certified(void **state)
{
	(void)state;
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf out = { 0 };
	struct cert_inputs in = world.inputs;
	struct facts facts = world.facts;
	struct assumption assumed = { "racks", "2000" };
	facts.assumptions = &assumed;
	facts.n_assumptions = 1;
	in.facts = &facts;
	assert_false(cert_build(&in, &out, &err));
	assert_non_null(strstr(err.text, "what-if"));
	facts = world.facts;
	facts.racks.installed = 10;
	assert_false(cert_build(&in, &out, &err));
	assert_non_null(strstr(err.text, "is not the one of these facts"));
	in = world.inputs;
	in.evidence = NULL;
	assert_false(cert_build(&in, &out, &err));
	in = world.inputs;
	in.number = "";
	assert_false(cert_build(&in, &out, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_certificate_holds),
		cmocka_unit_test(the_built_example_is_made_here),
		cmocka_unit_test(the_shown_layout_is_what_is_built),
		cmocka_unit_test(what_does_not_follow_is_named),
		cmocka_unit_test(seeded_forgeries_fail),
		cmocka_unit_test(a_window_with_gaps_is_interim_and_exact),
		cmocka_unit_test(statements_by_unknown_keys_are_told),
		cmocka_unit_test(what_is_refused_to_be_certified),
	};
	return cmocka_run_group_tests(tests, setup, teardown);
}
