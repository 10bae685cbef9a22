/* make_store DIR [BATCHES]: a store of the workload of kit.c, part of it sealed, for tests in other languages. */
#include "core/sig.h"
#include "store/window.h"
#include "tests/unit/store/kit.h"

#include <stdio.h>
#include <stdlib.h>

/* An envelope in form, by nobody. */
static bool sign_head(struct store *s, struct err *err)
{
	struct merkle tree;
	struct hash root;
	char hex[65];
	CLEANUP(buf_done) struct buf payload = { 0 }, text = { 0 }, envelope = { 0 };
	store_tree(s, &tree);
	merkle_root(&tree, &root);
	hash_hex(&root, hex);
	buf_printf(&payload, "{\"epoch\":1767225600,\"root\":\"%s\",\"size\":%llu}", hex, (unsigned long long)tree.size);
	base64url_encode(payload.data, payload.len, &text);
	buf_printf(&envelope, "{\"payload\":\"%s\",\"signatures\":[]}", text.data);
	struct commit head = { .signed_head = envelope.data, .signed_head_len = envelope.len, .at = { 1767225600000 } };
	return store_commit(s, &head, err);
}

/* Three hours later there is something to seal. */
static bool seal(struct store *s, const char *dir, struct err *err)
{
	struct sample late = { .series = 7, .value = 1, .at = { { 1767225600000 + 10800000 }, { 10805000 }, 9, true } };
	struct journal j;
	bool did = false;
	store_journal(s, &late, 1, late.at);
	if (!store_flush(s, err) || !journal_open(&j, dir, NULL, false, err))
		return false;
	bool good = seal_hour(&j, INT64_MAX, &did, err) && (did || err_set(err, ERR_INTERNAL, "nothing was sealed"));
	journal_close(&j);
	return good;
}

int main(int argc, char **argv)
{
	struct err err = { 0 };
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 120;
	struct store_options o = kit_options(argc > 1 ? argv[1] : "");
	struct store *s = argc > 1 ? store_open(&o, &err) : NULL;
	bool good = s && store_series(s, kit_series(), KIT_SERIES, &err);
	for (uint64_t k = 0; good && k < n; k++) {
		good = kit_step(s, k, &err) && store_flush(s, &err);
		if (good && k % 30 == 29) {
			good = sign_head(s, &err);
		}
	}
	good = good && (n < 130 || seal(s, argv[1], &err));
	store_close(s);
	if (!good)
		fprintf(stderr, "make_store: %s\n", argc > 1 ? err.text : "which directory?");
	return good ? 0 : 1;
}
