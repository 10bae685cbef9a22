#include "tests/unit/test.h"
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/signer.h"

#include <dirent.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64], last_error[1000];

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	(void)ctl, (void)fmt;
	return 64;
}

int ctl_fail(const struct ctl *ctl, const struct err *err)
{
	(void)ctl;
	snprintf(last_error, sizeof last_error, "%s", err->text);
	return err_exit_code(err);
}

static int keys7(const char *action, const char *a, const char *b, const char *c, const char *d, const char *e)
{
	char *argv[] = { (char *)(uintptr_t)action, (char[]){ "--dir" }, dir, (char *)(uintptr_t)a, (char *)(uintptr_t)b, (char *)(uintptr_t)c, (char *)(uintptr_t)d, (char *)(uintptr_t)e, NULL };
	struct ctl ctl = { .argv = argv, .verb = &verb_keys, .json = true, .words = calloc(1, verb_keys.size) };
	int code;
	while (argv[ctl.argc])
		ctl.argc++;
	if (ctl_options(&ctl, &code))
		code = verb_keys.run(&ctl);
	free(ctl.words);
	return code;
}

static int keys(const char *action, const char *a, const char *b, const char *c, const char *d)
{
	return keys7(action, a, b, c, d, NULL);
}

static char *in_dir(const char *name)
{
	static char path[4][400];
	static unsigned next;
	char *out = path[next++ % 4];
	snprintf(out, sizeof path[0], "%s/%s", dir, name);
	return out;
}

static int make_dir(void **state)
{
	(void)state;
	snprintf(dir, sizeof dir, "/tmp/pued-keys-XXXXXX");
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	(void)state;
	DIR *d = opendir(dir);
	for (struct dirent *e; d && (e = readdir(d));)
		unlink(in_dir(e->d_name));
	if (d)
		closedir(d);
	return rmdir(dir);
}

static bool verifies(const struct signer_ops *ops, const struct public_key *key)
{
	uint8_t sig[SIG_LEN];
	struct err err = { 0 };
	return ops->sign(ops->ctx, key, "bytes", 5, sig, &err) && sig_verify(key, "bytes", 5, sig, sizeof sig) && !sig_verify(key, "bytez", 5, sig, sizeof sig);
}

static void generate_and_sign(void **state)
{
	(void)state;
	struct err err = { 0 };
	assert_null(signer_open(dir, NULL, &err));
	assert_int_equal(err.kind, ERR_CONFIG);
	assert_non_null(strstr(err.text, "puectl keys generate"));
	assert_int_equal(keys("generate", "--alg", "both", "--site", "s-1"), 0);
	struct signer *s = signer_open(dir, NULL, &err);
	assert_non_null(s);
	const struct signer_ops *ops = signer_ops(s);
	assert_int_equal(ops->n_keys, 2);
	assert_int_equal(ops->keys[0].alg, SIG_ED25519);
	assert_int_equal(ops->keys[1].alg, SIG_SM2);
	for (size_t i = 0; i < 2; i++) {
		char name[80];
		struct stat st;
		snprintf(name, sizeof name, "%s.pem", ops->keys[i].kid);
		assert_int_equal(stat(in_dir(name), &st), 0);
		assert_int_equal(st.st_mode & 0777, 0600);
		assert_true(verifies(ops, &ops->keys[i]));
	}
	signer_free(s);
	CLEANUP(buf_done) struct buf text = { 0 };
	struct trust trust = { 0 };
	assert_true(file_read(in_dir("trust.json"), &text, &err));
	assert_true(trust_parse("trust.json", text.data, text.len, &trust, &err));
	assert_int_equal(trust.n, 2);
	assert_string_equal(trust.keys[0].site, "s-1");
	trust_done(&trust);
}

static void others_may_not_read(void **state)
{
	(void)state;
	struct err err = { 0 };
	assert_int_equal(keys("generate", NULL, NULL, NULL, NULL), 0);
	DIR *d = opendir(dir);
	for (struct dirent *e; (e = readdir(d));)
		if (strstr(e->d_name, ".pem"))
			chmod(in_dir(e->d_name), 0640);
	closedir(d);
	assert_null(signer_open(dir, NULL, &err));
	assert_int_equal(err.kind, ERR_DENIED);
}

static void one_key(json_t *root, size_t i, char kid[17])
{
	snprintf(kid, 17, "%s", json_string_value(json_object_get(json_array_get(json_object_get(root, "keys"), i), "kid")));
}

/* Old reports stay verifiable, new ones are signed by the successor, and the old key vouches for it. */
static void rotation(void **state)
{
	(void)state;
	struct err err = { 0 };
	char first[17], second[17], name[80];
	assert_int_equal(keys("rotate", NULL, NULL, NULL, NULL), 78);
	assert_int_equal(keys("generate", "--site", "s-1", "--from", "2026-01-01T00:00:00Z"), 0);
	assert_int_equal(keys("rotate", "--at", "2026-07-01T00:00:00Z", NULL, NULL), 0);
	json_t *root = trust_file_load(in_dir("trust.json"), &err);
	one_key(root, 0, first);
	one_key(root, 1, second);
	assert_false(trust_entry_signs(trust_entry(root, first)));
	assert_true(trust_entry_signs(trust_entry(root, second)));
	json_decref(root);
	struct signer *s = signer_open(dir, NULL, &err);
	assert_int_equal(signer_ops(s)->n_keys, 1);
	assert_string_equal(signer_ops(s)->keys[0].kid, second);
	signer_free(s);
	CLEANUP(buf_done) struct buf text = { 0 }, jws = { 0 };
	struct trust trust = { 0 };
	struct jws_result result = { 0 };
	assert_true(file_read(in_dir("trust.json"), &text, &err) && trust_parse("trust", text.data, text.len, &trust, &err));
	snprintf(name, sizeof name, "%s.statement.json", second);
	assert_true(file_read(in_dir(name), &jws, &err));
	if (!jws_verify(&trust, jws.data, jws.len, JWS_STATEMENT, (struct wall){ 0 }, &result, &err))
		fail_msg("%s", err.text);
	assert_string_equal(result.key->key.kid, first);
	assert_non_null(strstr(result.payload.data, second));
	jws_result_done(&result);
	trust_done(&trust);
}

static void revoked_signs_nothing(void **state)
{
	(void)state;
	struct err err = { 0 };
	char kid[17];
	assert_int_equal(keys("generate", NULL, NULL, NULL, NULL), 0);
	json_t *root = trust_file_load(in_dir("trust.json"), &err);
	one_key(root, 0, kid);
	json_decref(root);
	assert_int_equal(keys("revoke", NULL, NULL, NULL, NULL), 64);
	assert_int_equal(keys("revoke", "0000", NULL, NULL, NULL), 78);
	assert_int_equal(keys("revoke", kid, "--at", "2026-02-01T00:00:00Z", NULL), 0);
	assert_int_equal(keys("revoke", kid, NULL, NULL, NULL), 78);
	assert_null(signer_open(dir, NULL, &err));
	assert_int_equal(keys("list", NULL, NULL, NULL, NULL), 0);
	assert_int_equal(keys("trust", NULL, NULL, NULL, NULL), 0);
}

/* A regulator who trusts the old key takes the new one from its statement, and then the old one ends. */
static void successor(void **state)
{
	(void)state;
	struct err err = { 0 };
	char first[17], second[17], store[400], name[80];
	assert_int_equal(keys("generate", "--site", "s-1", "--from", "2026-01-01T00:00:00Z"), 0);
	snprintf(store, sizeof store, "%s", in_dir("store.json"));
	assert_int_equal(keys("trust", in_dir("trust.json"), "--store", store, NULL), 0);
	assert_int_equal(keys("rotate", "--at", "2026-07-01T00:00:00Z", NULL, NULL), 0);
	json_t *root = trust_file_load(in_dir("trust.json"), &err);
	one_key(root, 0, first);
	one_key(root, 1, second);
	json_decref(root);
	snprintf(name, sizeof name, "%s.statement.json", second);
	assert_int_equal(keys7("trust", in_dir(name), "--store", store, "--at", "2026-07-01T00:00:05Z"), 0);
	root = trust_file_load(store, &err);
	assert_int_equal(json_array_size(json_object_get(root, "keys")), 2);
	assert_non_null(trust_entry(root, second));
	assert_string_equal(json_string_value(json_object_get(trust_entry(root, first), "until")), "2026-07-01T00:01:00Z");
	json_decref(root);
	/* the old key has ended: what it names from now on is not believed, whatever date it puts on it */
	assert_int_equal(keys7("trust", in_dir(name), "--store", store, "--at", "2026-07-02T00:00:00Z"), 12);
	assert_non_null(strstr(last_error, "was valid until"));
	/* nor is a statement believed that no trusted key signed */
	CLEANUP(buf_done) struct buf text = { 0 };
	assert_true(file_read(in_dir(name), &text, &err));
	char *at = strstr(text.data, second);
	assert_non_null(at);
	at[0] ^= 1;
	assert_true(file_write(in_dir("forged.json"), text.data, text.len, 0644, &err));
	assert_int_equal(keys7("trust", in_dir("forged.json"), "--store", store, "--at", "2026-07-01T00:00:05Z"), 12);
}

/* signing_key picks by kid, algorithm or name; a name goes on to the successor. */
static void selection(void **state)
{
	(void)state;
	struct err err = { 0 };
	assert_int_equal(keys("generate", "--alg", "both", "--name", "main"), 0);
	assert_int_equal(keys("generate", "--name", "spare", NULL, NULL), 0);
	const struct { const char *wanted; size_t n; } want[] = { { NULL, 3 }, { "site", 3 }, { "main", 2 }, { "spare", 1 }, { "SM2", 1 }, { "eddsa", 2 } };
	for (size_t i = 0; i < countof(want); i++) {
		struct signer *s = signer_open(dir, want[i].wanted, &err);
		assert_non_null(s);
		assert_int_equal(signer_ops(s)->n_keys, want[i].n);
		for (size_t k = 0; k < want[i].n; k++)     /* each signature is by the key it names, also with two of one algorithm */
			assert_true(verifies(signer_ops(s), &signer_ops(s)->keys[k]));
		struct signer *one = signer_open(dir, signer_ops(s)->keys[0].kid, &err);
		assert_non_null(one);
		assert_int_equal(signer_ops(one)->n_keys, 1);
		signer_free(one);
		signer_free(s);
	}
	assert_null(signer_open(dir, "mein", &err));
	assert_non_null(strstr(err.text, "signing_key 'mein'"));
	assert_non_null(strstr(err.text, "(spare)"));
	assert_int_equal(keys("rotate", NULL, NULL, NULL, NULL), 0);
	struct signer *s = signer_open(dir, "main", &err);
	assert_non_null(s);
	assert_int_equal(signer_ops(s)->n_keys, 2);
	signer_free(s);
}

static void import(void **state)
{
	(void)state;
	struct err err = { 0 };
	char file[400], store[400];
	assert_int_equal(keys("generate", NULL, NULL, NULL, NULL), 0);
	snprintf(file, sizeof file, "%s", in_dir("trust.json"));
	snprintf(store, sizeof store, "%s", in_dir("store.json"));
	assert_int_equal(keys("trust", file, "--store", store, NULL), 0);
	assert_int_equal(keys("trust", file, "--store", store, NULL), 0);
	json_t *root = trust_file_load(store, &err);
	assert_int_equal(json_array_size(json_object_get(root, "keys")), 1);
	json_decref(root);
	assert_true(file_write(in_dir("bad.json"), "{\"keys\":3}", 10, 0644, &err));
	assert_int_equal(keys("trust", in_dir("bad.json"), "--store", store, NULL), 65);
	assert_int_equal(keys("trust", in_dir("bad.json"), "--what", NULL, NULL), 64);
	assert_int_equal(keys("sing", NULL, NULL, NULL, NULL), 64);
}

int main(void)
{
	unsetenv("CREDENTIALS_DIRECTORY");
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(generate_and_sign, make_dir, remove_dir), cmocka_unit_test_setup_teardown(others_may_not_read, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(rotation, make_dir, remove_dir), cmocka_unit_test_setup_teardown(revoked_signs_nothing, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(import, make_dir, remove_dir), cmocka_unit_test_setup_teardown(successor, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(selection, make_dir, remove_dir),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
