#include "tests/unit/test.h"
#include "tests/unit/store/sealed.h"
#include "core/outbox.h"
#include "core/sig.h"

static const uint64_t epoch = 1767225600;

/* An envelope in form, by nobody. */
static void envelope(const struct merkle *tree, struct buf *out)
{
	struct hash root;
	char hex[65];
	CLEANUP(buf_done) struct buf payload = { 0 }, text = { 0 };
	merkle_root(tree, &root);
	hash_hex(&root, hex);
	buf_printf(&payload, "{\"epoch\":%llu,\"root\":\"%s\",\"size\":%llu}", (unsigned long long)epoch, hex, (unsigned long long)tree->size);
	base64url_encode(payload.data, payload.len, &text);
	buf_printf(out, "{\"payload\":\"%s\",\"signatures\":[]}", text.data);
}

/* A few leaves of this kind and a report that knows the tree; every second time its head is signed. */
static void step(struct store *s, enum leaf_kind kind, uint64_t seq)
{
	CLEANUP(buf_done) struct buf signed_head = { 0 };
	char texts[3][80];
	struct leaf leaves[3];
	struct merkle tree;
	struct err err;
	for (size_t i = 0; i < countof(leaves); i++) {
		int n = snprintf(texts[i], sizeof texts[i], "{\"of\":\"%s\",\"step\":%llu,\"which\":%zu}", leaf_kind_name((int)kind), (unsigned long long)seq, i);
		leaves[i] = (struct leaf){ kind, { days_start + (int64_t)seq * 900000 }, texts[i], (size_t)n };
	}
	store_tree(s, &tree);
	for (size_t i = 0; i < countof(leaves); i++) {
		struct hash h;
		leaf_hash(&leaves[i], &h);
		merkle_push(&tree, &h);
	}
	envelope(&tree, &signed_head);
	struct outbox_row report = { seq, "pued/v1/test/interval/15m", signed_head.data, signed_head.len, leaves[0].at };
	struct commit c = { .leaves = leaves, .n_leaves = countof(leaves), .reports = &report, .n_reports = 1, .tree = tree, .at = leaves[0].at };
	if (seq % 2 == 0) {
		c.signed_head = signed_head.data;
		c.signed_head_len = signed_head.len;
	}
	if (!store_commit(s, &c, &err))
		fail_msg("%s", err.text);
}

void sealed_make(void)
{
	struct store_options o;
	struct told t = { .n = 0 };
	struct store *s = days_open(&o);
	days_feed(s, 0, DAYS_PER_DAY * 2 + 400);
	days_wait("raw-2026-02.db", "SELECT count(*) FROM window", 1);
	days_wait("journal.db", "SELECT count(*)<20 AND count(*)>0 FROM window", 1);
	uint64_t seq = 0;
	for (int round = 0; round < 3; round++)
		for (int kind = LEAF_INTERVAL; kind < LEAF_SEGMENT; kind++)
			step(s, (enum leaf_kind)kind, ++seq);
	days_told(s, &t);
	days_commit_told(s, &t);
	store_outbox()->sent(s, 3, (struct wall){ 77 });
	store_outbox()->delivered(s, epoch, 1, 2);
	struct err err;
	if (!store_flush(s, &err))
		fail_msg("%s", err.text);
	store_close(s);
}
