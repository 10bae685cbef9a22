#include "tests/unit/test.h"
#include "core/outbox.h"
#include "store/db.h"
#include "tests/unit/store/kit.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int clean(void **state)
{
	(void)state;
	kit_clean();
	return 0;
}

static struct store *open_kit(void)
{
	struct store_options o = kit_options(kit_dir());
	struct err err;
	struct store *s = store_open(&o, &err);
	if (!s)
		fail_msg("%s", err.text);
	assert_true(store_series(s, kit_series(), KIT_SERIES, &err));
	return s;
}

static void run(struct store *s, uint64_t from, uint64_t to)
{
	struct err err;
	for (uint64_t k = from; k < to; k++)
		if (!kit_step(s, k, &err))
			fail_msg("step %d: %s", (int)k, err.text);
}

static void flush(struct store *s)
{
	struct err err;
	if (!store_flush(s, &err))
		fail_msg("%s", err.text);
}

static void verify(uint64_t batches, uint64_t commits)
{
	struct store_options o = kit_options(kit_dir());
	struct kit_check want = { batches, commits };
	struct err err = { 0 };
	if (!kit_verify(&o, &want, &err))
		fail_msg("%s", err.text);
	assert_int_equal(want.batches, batches);
	assert_int_equal(want.commits, commits);
}

static void restart_gives_back_what_was_handed_over(void **state)
{
	(void)state;
	struct store *s = open_kit();
	run(s, 0, 1000);
	flush(s);
	store_close(s);
	verify(1000, 333);
	verify(1000, 333);
}

static void many_runs(void **state)
{
	(void)state;
	for (uint64_t run_no = 0; run_no < 6; run_no++) {
		struct store *s = open_kit();
		struct restart r;
		assert_true(store_restart(s, &r, NULL));
		assert_int_equal(r.session, run_no + 1);
		assert_int_equal(r.epoch, 1767225600);
		restart_done(&r);
		run(s, run_no * 37, run_no * 37 + 37);
		if (run_no % 2)
			flush(s);
		store_close(s);
	}
	verify(222, 74);
}

struct count { uint64_t n, batches; };

static bool count_samples(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct count *c = ctx;
	(void)samples, (void)now;
	c->n += n;
	c->batches++;
	return true;
}

static void tail_begins_anywhere(void **state)
{
	(void)state;
	struct store *s = open_kit();
	uint64_t total = kit_position(60);
	run(s, 0, 60);
	flush(s);
	for (uint64_t from = 0; from <= total; from++) {
		struct count c = { 0 };
		assert_true(store_tail(s, from, count_samples, &c, NULL));
		assert_int_equal(c.n, total - from);
	}
	store_close(s);
}

/* A series that left the configuration is left out of the tail, one that came is numbered anew. */
static void reload(void **state)
{
	(void)state;
	struct store *s = open_kit();
	struct series fewer[3] = { kit_series()[5], kit_series()[0], { .id = "new/one", .quantity = Q_ENERGY, .count = { 1, 1 } } };
	struct sample all[3];
	struct stamp now = { { 1000 }, { 10 }, 1, true };
	struct err err;
	struct count c = { 0 };
	for (uint32_t i = 0; i < 3; i++)
		all[i] = (struct sample){ .series = i * 5, .value = 7, .at = now };
	store_journal(s, all, 3, now);          /* series 0, 5, 10 */
	assert_true(store_series(s, fewer, 3, &err));
	for (uint32_t i = 0; i < 3; i++)
		all[i].series = i;
	store_journal(s, all, 3, now);
	flush(s);
	assert_true(store_tail(s, 0, count_samples, &c, &err));
	assert_int_equal(c.n, 5);
	store_close(s);
	s = open_kit();
	c.n = 0;
	assert_true(store_tail(s, 0, count_samples, &c, &err));
	assert_int_equal(c.n, 5);               /* new/one is gone again, 10 is back */
	store_close(s);
}

struct history { struct sample seen[2000]; size_t n; };

static bool keep(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct history *h = ctx;
	(void)now;
	assert_int_equal(n, 1);
	h->seen[h->n++] = samples[0];
	return true;
}

static void history_of_one_series(void **state)
{
	(void)state;
	static struct history h;
	struct store *s = open_kit();
	run(s, 0, 400);
	flush(s);
	struct err err;
	struct reader *r = reader_open(kit_dir(), &err);
	assert_non_null(r);
	struct wall from = { 1767225600000 + 50 * 137 }, to = { 1767225600000 + 300 * 137 };
	assert_true(reader_history(r, kit_series()[17].id, from, to, keep, &h, &err));
	size_t found = 0;
	for (uint64_t k = 0; k < 400; k++) {
		struct sample samples[KIT_SERIES];
		struct stamp now;
		size_t n = kit_batch(k, samples, &now);
		for (size_t i = 0; i < n; i++) {
			if (samples[i].series != 17 || samples[i].at.wall.ms < from.ms || samples[i].at.wall.ms >= to.ms)
				continue;
			assert_true(found < h.n && sample_equal(&samples[i], &h.seen[found]));
			found++;
		}
	}
	assert_true(found > 50 && found == h.n);
	assert_false(reader_history(r, "no/such", from, to, keep, &h, &err));
	assert_non_null(strstr(err.text, "no/such"));
	reader_close(r);
	store_close(s);
}

static bool count_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct count *c = ctx;
	struct leaf l = { kind, at, bytes, len };
	struct hash h;
	leaf_hash(&l, &h);
	(void)index;
	c->n++;
	return c->batches == 0 || c->n < c->batches;
}

static void leaves_and_proofs(void **state)
{
	(void)state;
	struct store *s = open_kit();
	run(s, 0, 3000);
	flush(s);
	struct err err;
	struct reader *r = reader_open(kit_dir(), &err);
	struct count all = { 0 }, events = { 0 }, some = { 0 }, stopped = { .batches = 5 };
	struct wall low = { INT64_MIN }, high = { INT64_MAX };
	assert_true(reader_leaves(r, -1, low, high, count_leaf, &all, &err));
	assert_int_equal(all.n, 2000);
	assert_true(reader_leaves(r, LEAF_EVENT, low, high, count_leaf, &events, &err));
	assert_int_equal(events.n, 100);       /* one of ten leaves beside the intervals */
	assert_true(reader_leaves(r, LEAF_INTERVAL, (struct wall){ 1767225600000 + 10 * 900000 }, (struct wall){ 1767225600000 + 30 * 900000 }, count_leaf, &some, &err));
	assert_int_equal(some.n, 20);
	assert_true(reader_leaves(r, -1, low, high, count_leaf, &stopped, &err));
	assert_int_equal(stopped.n, 5);
	struct merkle head, kept;
	uint64_t epoch;
	assert_true(reader_head(r, &head, &epoch, &err));
	store_tree(s, &kept);
	assert_int_equal(head.size, 2000);
	struct hash root, leaf, path[MERKLE_PATH_MAX];
	size_t n;
	merkle_root(&head, &root);
	assert_true(reader_leaf_hash(r, 777, &leaf));
	assert_true(merkle_inclusion(777, head.size, (merkle_leaf_at *)reader_leaf_hash, r, path, &n));
	assert_true(merkle_verify_inclusion(&leaf, 777, head.size, path, n, &root));
	assert_false(reader_leaf_hash(r, 2000, &leaf));
	static struct hash hashes[2001];
	assert_true(reader_leaf_hashes(r, 2000, hashes, &err));
	assert_true(hash_equal(&hashes[777], &leaf));
	assert_false(reader_leaf_hashes(r, 2001, hashes, &err));
	assert_int_equal(err.kind, ERR_EVIDENCE);
	reader_close(r);
	store_close(s);
}

/* The store refuses what would be evidence that no one can verify. */
static void refused_commits(void **state)
{
	(void)state;
	struct store *s = open_kit();
	struct err err;
	run(s, 0, 6);
	struct leaf leaf = { LEAF_EVENT, { 5 }, "x", 1 };
	struct hash h;
	struct merkle tree;
	store_tree(s, &tree);
	leaf_hash(&leaf, &h);
	merkle_push(&tree, &h);
	struct commit good = { .leaves = &leaf, .n_leaves = 1, .tree = tree }, wrong = good;
	wrong.tree.peaks[0].bytes[3] ^= 1;
	assert_false(store_commit(s, &wrong, &err));
	assert_int_equal(err.kind, ERR_INTERNAL);
	struct outbox_row old = { 1, "t", "x", 1, { 0 } };
	struct commit repeated = { .reports = &old, .n_reports = 1 };
	assert_false(store_commit(s, &repeated, &err));
	assert_non_null(strstr(err.text, "ascend"));
	struct commit ahead = { .checkpoint = "x", .checkpoint_len = 1, .journal_position = 1u << 30 };
	assert_false(store_commit(s, &ahead, &err));
	assert_true(store_commit(s, &good, &err));
	flush(s);
	struct store_status st;
	store_status(s, &st);
	assert_int_equal(st.leaves, 5);
	assert_int_equal(st.durable_leaves, 5);
	assert_int_equal(st.outbox_pending, 2);
	assert_int_equal(st.state, STORE_OK);
	store_close(s);
}

static void second_instance(void **state)
{
	(void)state;
	struct store *s = open_kit();
	struct store_options o = kit_options(kit_dir());
	struct err err;
	char pid[32];
	assert_null(store_open(&o, &err));
	snprintf(pid, sizeof pid, "process %d", getpid());
	assert_non_null(strstr(err.text, pid));
	o.read_only = true;
	struct store *reader = store_open(&o, &err);
	assert_non_null(reader);
	struct commit c = { .checkpoint = "x" };
	assert_false(store_commit(reader, &c, &err));
	store_close(reader);
	store_close(s);
}

static void newer_schema(void **state)
{
	(void)state;
	static const char *const files[] = { "evidence.db", "journal.db" };
	store_close(open_kit());
	for (size_t i = 0; i < countof(files); i++) {
		char path[200];
		sqlite3 *sql;
		struct err err;
		struct store_options o = kit_options(kit_dir());
		snprintf(path, sizeof path, "%s/%s", kit_dir(), files[i]);
		assert_int_equal(sqlite3_open(path, &sql), SQLITE_OK);
		assert_int_equal(sqlite3_exec(sql, "PRAGMA user_version=77", NULL, NULL, NULL), SQLITE_OK);
		assert_null(store_open(&o, &err));
		assert_int_equal(err.kind, ERR_CONFIG);
		assert_true(strstr(err.text, "77") && strstr(err.text, files[i]) && strstr(err.text, "knows up to 1"));
		sqlite3_exec(sql, "PRAGMA user_version=1", NULL, NULL, NULL);
		sqlite3_close(sql);
	}
	store_close(open_kit());
}

struct seqs { uint64_t list[50]; size_t n; };

static void note(void *ctx, const struct outbox_item *item)
{
	struct seqs *s = ctx;
	s->list[s->n++] = item->seq;
}

static size_t pending(struct store *s, uint64_t after, size_t max, struct seqs *out)
{
	out->n = 0;
	assert_true(store_outbox()->pending(s, after, max, note, out, NULL));
	return out->n;
}

/* A PUBACK deletes nothing; a receipt ends the sending; the receiver may ask again. */
static void outbox(void **state)
{
	(void)state;
	const struct outbox_ops *ops = store_outbox();
	struct store *s = open_kit();
	struct seqs seen;
	const uint64_t epoch = 1767225600;
	run(s, 0, 30);
	flush(s);
	assert_int_equal(pending(s, 0, 100, &seen), 10);
	assert_int_equal(pending(s, 4, 3, &seen), 3);
	assert_int_equal(seen.list[0], 5);
	ops->sent(s, 3, (struct wall){ 42 });
	flush(s);
	assert_int_equal(pending(s, 0, 100, &seen), 10);
	ops->delivered(s, epoch, 2, 6);
	assert_int_equal(pending(s, 0, 100, &seen), 5);         /* at once, not only when it is on the disk */
	flush(s);
	assert_int_equal(pending(s, 0, 100, &seen), 5);
	assert_int_equal(seen.list[1], 7);
	ops->delivered(s, epoch + 1, 1, 10);                    /* another epoch's receipt */
	flush(s);
	assert_int_equal(pending(s, 0, 100, &seen), 5);
	ops->again(s, epoch, 4, 5);
	flush(s);
	assert_int_equal(pending(s, 0, 100, &seen), 7);
	store_close(s);
	s = open_kit();
	assert_int_equal(pending(s, 0, 100, &seen), 7);
	store_close(s);
}

/* A flush asked for while the writer is busy with what came before: it is answered, not forgotten until the next tick. */
static void no_flush_is_forgotten(void **state)
{
	(void)state;
	struct store_options o = kit_options(kit_dir());
	struct err err;
	o.tick_ms = 1000000;
	struct store *s = store_open(&o, &err);
	assert_true(store_series(s, kit_series(), KIT_SERIES, &err));
	for (uint64_t k = 0; k < 3000; k++) {
		assert_true(kit_step(s, k, &err));
		if (k % 3 == 2)                 /* the commit has just woken the writer */
			assert_true(kit_step(s, ++k, &err) && store_flush(s, &err));
	}
	flush(s);
	store_close(s);
}

static void full_queue_is_counted(void **state)
{
	(void)state;
	struct store_options o = kit_options(kit_dir());
	struct err err;
	o.queue_max = 4;
	struct store *s = store_open(&o, &err);
	assert_true(store_series(s, kit_series(), KIT_SERIES, &err));
	struct sample one[100];
	uint64_t position = 0;
	for (uint32_t i = 0; i < 100; i++)
		one[i] = (struct sample){ .series = i % KIT_SERIES, .value = i, .at = { { 1000 }, { 1 }, 1, true } };
	for (int i = 0; i < 20000; i++)
		position = store_journal(s, one, 100, one[0].at);
	flush(s);
	struct store_status st;
	struct count c = { 0 };
	store_status(s, &st);
	assert_true(store_tail(s, 0, count_samples, &c, &err));
	assert_int_equal(position, 2000000);
	assert_int_equal(c.n + st.dropped, 2000000);            /* every reading is on the disk or counted */
	if (st.dropped)
		assert_non_null(strstr(st.sentence, "not kept"));
	store_close(s);
}

/* A reading of a series that was not told never stands under another series. */
static void untold_series_is_counted(void **state)
{
	(void)state;
	struct store_options o = kit_options(kit_dir());
	struct err err;
	struct store *s = store_open(&o, &err);
	assert_true(store_series(s, kit_series(), KIT_SERIES, &err));
	struct sample two[2] = { { .series = 0, .value = 1, .at = { { 1000 }, { 1 }, 1, true } }, { .series = KIT_SERIES, .value = 2, .at = { { 1000 }, { 1 }, 1, true } } };
	struct store_status st;
	struct count c = { 0 };
	assert_int_equal(store_journal(s, two, 1, two[0].at), 1);
	assert_int_equal(store_journal(s, two, 2, two[0].at), 3);
	flush(s);
	store_status(s, &st);
	assert_true(store_tail(s, 0, count_samples, &c, &err));
	assert_true(c.n == 1 && st.dropped == 2 && strstr(st.sentence, "not known to the store"));
	store_close(s);
}

static void read_only_without_a_store(void **state)
{
	(void)state;
	struct err err;
	assert_null(reader_open(kit_dir(), &err));
	assert_int_equal(err.kind, ERR_IO);
}

int main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, clean, clean)
	const struct CMUnitTest tests[] = {
		TEST(restart_gives_back_what_was_handed_over), TEST(many_runs), TEST(tail_begins_anywhere), TEST(reload), TEST(history_of_one_series),
		TEST(leaves_and_proofs), TEST(refused_commits), TEST(second_instance), TEST(newer_schema), TEST(outbox), TEST(no_flush_is_forgotten), TEST(full_queue_is_counted), TEST(untold_series_is_counted),
		TEST(read_only_without_a_store),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
