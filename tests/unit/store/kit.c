#include "tests/unit/store/kit.h"
#include "core/outbox.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

const char *kit_dir(void)
{
	if (!dir[0]) {
		const char *shm = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
		snprintf(dir, sizeof dir, "%s/pued-store-XXXXXX", shm);
		if (!mkdtemp(dir))
			abort();
	}
	return dir;
}

void kit_remove(const char *path)
{
	DIR *d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		char full[600];
		struct stat st;
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		snprintf(full, sizeof full, "%s/%s", path, e->d_name);
		if (lstat(full, &st) == 0 && S_ISDIR(st.st_mode))
			kit_remove(full);
		else
			unlink(full);
	}
	if (d)
		closedir(d);
	rmdir(path);
}

void kit_clean(void)
{
	if (dir[0])
		kit_remove(dir);
	dir[0] = 0;
}

const struct series *kit_series(void)
{
	static struct series rows[KIT_SERIES];
	static char ids[KIT_SERIES][24];
	for (int i = 0; i < KIT_SERIES && !rows[i].id; i++) {
		snprintf(ids[i], sizeof ids[i], "dev-%02d/point.%d", i / 8, i % 8);
		rows[i] = (struct series){ .id = ids[i], .device = (uint16_t)(i / 8), .quantity = (uint8_t)(i % 3 ? Q_ACTIVE_POWER : Q_ENERGY), .count = { i % 3 ? 1 : 10000, 1 } };
	}
	return rows;
}

size_t kit_batch(uint64_t k, struct sample out[KIT_SERIES], struct stamp *now)
{
	struct rng r = { k * 7919 + 1 };
	size_t n = k % 11 == 10 ? 0 : 1 + (size_t)(rng_next(&r) % KIT_SERIES);
	int64_t wall = 1767225600000 + (int64_t)k * 137;
	*now = (struct stamp){ { wall }, { 5000 + (int64_t)k * 137 }, 1 + (uint32_t)(k / 50), k % 7 != 3 };
	uint32_t first = (uint32_t)(rng_next(&r) % KIT_SERIES);
	for (size_t i = 0; i < n; i++) {
		uint64_t dice = rng_next(&r);
		struct sample *s = &out[i];
		*s = (struct sample){ .series = (first + (uint32_t)i) % KIT_SERIES, .at = *now };
		s->at.wall.ms -= (int64_t)(i / 8 * 3);
		s->at.boot.ms -= (int64_t)(i / 8 * 3);
		s->quality = dice % 20 == 0 ? QUALITY_MISSING : dice % 31 == 0 ? QUALITY_STALE : QUALITY_GOOD;
		s->reason = s->quality == QUALITY_MISSING ? REASON_TIMEOUT : REASON_NONE;
		s->value = s->quality == QUALITY_MISSING ? 0 : dice % 97 == 0 ? (int64_t)rng_next(&r) : (int64_t)(k * 100 + dice % 50);
	}
	return n;
}

uint64_t kit_position(uint64_t k)
{
	uint64_t sum = 0;
	struct sample samples[KIT_SERIES];
	struct stamp now;
	for (uint64_t i = 0; i < k; i++)
		sum += kit_batch(i, samples, &now);
	return sum;
}

static bool stamp_equal(struct stamp a, struct stamp b)
{
	return a.wall.ms == b.wall.ms && a.boot.ms == b.boot.ms && a.session == b.session && a.synced == b.synced;
}

bool sample_equal(const struct sample *a, const struct sample *b)
{
	return a->series == b->series && a->quality == b->quality && a->reason == b->reason && a->value == b->value && stamp_equal(a->at, b->at);
}

static struct leaf kit_leaf(uint64_t commit, int which, char text[80])
{
	int n = snprintf(text, 80, "{\"commit\":%llu,\"which\":%d}", (unsigned long long)commit, which);
	return (struct leaf){ which ? (enum leaf_kind)(1 + commit % (LEAF_N - 1)) : LEAF_INTERVAL, { 1767225600000 + (int64_t)commit * 900000 }, text, (size_t)n };
}

static bool commit_batch(struct store *s, uint64_t k, uint64_t position, struct err *err)
{
	char texts[2][80], report[80], checkpoint[80];
	struct leaf leaves[] = { kit_leaf(k / 3, 0, texts[0]), kit_leaf(k / 3, 1, texts[1]) };
	int report_len = snprintf(report, sizeof report, "report %llu", (unsigned long long)(k / 3 + 1));
	struct outbox_row row = { k / 3 + 1, "pued/v1/test/interval/15m", report, (size_t)report_len, leaves[0].at };
	int len = snprintf(checkpoint, sizeof checkpoint, "%llu", (unsigned long long)k);
	struct commit c = { .leaves = leaves, .n_leaves = 2, .reports = &row, .n_reports = 1, .checkpoint = checkpoint, .checkpoint_len = (size_t)len, .journal_position = position };
	return store_commit(s, &c, err);
}

/* After a restart the journal may be ahead of the evidence: its tail is folded again, not stored again. */
bool kit_refold(struct store *s, struct kit_check have, struct err *err)
{
	for (uint64_t k = have.commits * 3; k < have.batches; k++)
		if (k % 3 == 2 && !commit_batch(s, k, kit_position(k + 1), err))
			return false;
	return true;
}

bool kit_step(struct store *s, uint64_t k, struct err *err)
{
	struct sample samples[KIT_SERIES];
	struct stamp now;
	size_t n = kit_batch(k, samples, &now);
	uint64_t position = store_journal(s, samples, n, now);
	return k % 3 != 2 || commit_batch(s, k, position, err);
}

struct tail_check { uint64_t k, position; struct err *err; };

static bool check_batch(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct tail_check *t = ctx;
	struct sample want[KIT_SERIES];
	struct stamp want_now;
	size_t want_n = kit_batch(t->k, want, &want_now);
	if (n != want_n || !stamp_equal(now, want_now))
		return err_set(t->err, ERR_EVIDENCE, "batch %llu: %zu samples instead of %zu", (unsigned long long)t->k, n, want_n);
	for (size_t i = 0; i < n; i++)
		if (!sample_equal(&samples[i], &want[i]))
			return err_set(t->err, ERR_EVIDENCE, "batch %llu, sample %zu differs: value %lld, not %lld", (unsigned long long)t->k, i, (long long)samples[i].value,
				       (long long)want[i].value);
	t->k++;
	return true;
}

struct outbox_check { uint64_t next; bool bad; };

static void check_report(void *ctx, const struct outbox_item *item)
{
	struct outbox_check *o = ctx;
	char want[80];
	int n = snprintf(want, sizeof want, "report %llu", (unsigned long long)o->next);
	o->bad |= item->seq != o->next || item->len != (size_t)n || memcmp(item->payload, want, item->len) != 0;
	o->next++;
}

bool kit_verify(const struct store_options *o, struct kit_check *want, struct err *err)
{
	struct restart r;
	*err = (struct err){ 0 };
	struct store *s = store_open(o, err);
	if (!s)
		return false;
	bool good = store_series(s, kit_series(), KIT_SERIES, err) && store_restart(s, &r, err);
	if (!good)
		goto out;
	uint64_t commits = r.tree.size / 2;
	struct merkle tree = { 0 };
	for (uint64_t i = 0; i < commits; i++)
		for (int which = 0; which < 2; which++) {
			char text[80];
			struct leaf l = kit_leaf(i, which, text);
			struct hash h;
			leaf_hash(&l, &h);
			merkle_push(&tree, &h);
		}
	struct hash a, b;
	merkle_root(&tree, &a);
	merkle_root(&r.tree, &b);
	struct tail_check t = { .err = err };
	struct outbox_check out = { .next = 1 };
	uint64_t at = commits ? strtoull(r.checkpoint.data, NULL, 10) + 1 : 0;
	if (!hash_equal(&a, &b) || r.tree.size % 2)
		good = err_set(err, ERR_EVIDENCE, "tree of %llu leaves is not the workload's", (unsigned long long)r.tree.size);
	else if (commits && (at != commits * 3 || r.journal_position != kit_position(at)))
		good = err_set(err, ERR_EVIDENCE, "checkpoint of batch %llu at position %llu does not belong to commit %llu", (unsigned long long)at,
			       (unsigned long long)r.journal_position, (unsigned long long)commits);
	else if (r.next_seq != commits + 1)
		good = err_set(err, ERR_EVIDENCE, "next report %llu after %llu commits", (unsigned long long)r.next_seq, (unsigned long long)commits);
	else
		good = store_outbox()->pending(s, 0, SIZE_MAX, check_report, &out, err) && store_tail(s, 0, check_batch, &t, err) && !err->text[0];
	if (good && (out.bad || out.next != commits + 1))
		good = err_set(err, ERR_EVIDENCE, "outbox holds up to report %llu of %llu, or another text", (unsigned long long)out.next - 1, (unsigned long long)commits);
	if (good && (t.k < want->batches || commits < want->commits || t.k < commits * 3))
		good = err_set(err, ERR_EVIDENCE, "lost: %llu of %llu batches and %llu of %llu commits are there", (unsigned long long)t.k, (unsigned long long)want->batches,
			       (unsigned long long)commits, (unsigned long long)want->commits);
	*want = (struct kit_check){ t.k, commits };
	restart_done(&r);
out:
	store_close(s);
	return good;
}

struct store_options kit_options(const char *d)
{
	return (struct store_options){ .dir = d, .reserve_bytes = -1, .tick_ms = 5, .retry_ms = 5, .now = { 1767225600000 } };
}
