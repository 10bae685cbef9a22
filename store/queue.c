/* What callers hand over, and how they wait for it.  Nothing here touches a disk. */
#include "store/impl.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void entry_free(struct entry *e)
{
	if (!e)
		return;
	free(e->memory);
	free(e);
}

bool store_enqueue(struct store *s, struct item *i)
{
	i->mark = ++s->mark;
	i->next = NULL;
	*s->tail = i;
	s->tail = &i->next;
	s->depth++;
	s->queued_bytes += i->bytes;
	pthread_cond_signal(&s->work);
	return true;
}

static void count_loss(struct loss *l, uint64_t position, uint64_t n, struct wall from, struct wall to)
{
	if (l->n == 0)
		*l = (struct loss){ position, 0, from, to };
	l->n += n;
	l->from.ms = from.ms < l->from.ms ? from.ms : l->from.ms;
	l->to.ms = to.ms > l->to.ms ? to.ms : l->to.ms;
}

static bool queue_full(const struct store *s, size_t bytes)
{
	return s->depth >= s->o.queue_max || s->queued_bytes + bytes > QUEUE_BYTES;
}

uint64_t store_journal(struct store *s, const struct sample *samples, size_t n, struct stamp now)
{
	size_t bytes = sizeof(struct item) + n * sizeof *samples;
	struct item *i = malloc(bytes);
	bool told = true;       /* a reading of a series that has no number yet must not stand under another's */
	if (i) {
		*i = (struct item){ .kind = ITEM_BATCH, .now = now, .n = n, .bytes = bytes, .samples = (struct sample *)(void *)(i + 1) };
		for (size_t k = 0; k < n; k++) {
			i->samples[k] = samples[k];
			told = told && samples[k].series < s->n_sids;
			i->samples[k].series = told ? s->sids[samples[k].series] : 0;
		}
	}
	pthread_mutex_lock(&s->mutex);
	while (s->o.wait && i && queue_full(s, bytes) && !s->stop && s->status.state != STORE_FAILING)
		pthread_cond_wait(&s->done, &s->mutex);
	uint64_t position = s->position;
	s->position += n;
	if (i && told && !queue_full(s, bytes)) {
		i->position = position;
		store_enqueue(s, i);
		i = NULL;
	} else {
		if (n)
			count_loss(&s->lost, position, n, now.wall, now.wall);
		s->status.dropped += n;
		snprintf(s->status.sentence, sizeof s->status.sentence,
			 told ? "the disk is too slow: %llu readings since %lld were not kept; their energy is in the ledger, the raw values are not"
			      : "a series is not known to the store: %llu readings since %lld were not kept; their energy is in the ledger, the raw values are not",
			 (unsigned long long)s->status.dropped, (long long)s->lost.from.ms);
	}
	pthread_mutex_unlock(&s->mutex);
	free(i);
	return position + n;
}

bool store_series(struct store *s, const struct series *series, size_t n, struct err *err)
{
	return store_series_from(s, 0, series, n, err);
}

static bool room_for_sids(struct store *s, size_t n)
{
	if (n <= s->sids_room)
		return true;
	size_t room = n + n / 4 + 64;
	uint32_t *sids = realloc(s->sids, room * sizeof *sids);
	if (!sids)
		return false;
	s->sids = sids;
	s->sids_room = room;
	return true;
}

/* Adds what is new; the rows go to the disk ahead of the samples that use them. */
static bool number(struct store *s, const struct series *row, uint32_t *sid, struct err *err)
{
	*sid = UINT32_MAX;      /* read only: not in the store */
	return known_find(&s->known, row, sid) || s->o.read_only || known_add(&s->known, row, sid, err);
}

bool store_series_from(struct store *s, size_t from, const struct series *series, size_t n, struct err *err)
{
	size_t before = s->known.n;
	if (from > s->n_sids)
		return err_set(err, ERR_INTERNAL, "series from number %zu on, where %zu are told", from, s->n_sids);
	if (!room_for_sids(s, from + n))
		return err_memory(err);
	uint32_t *sids = malloc((n + 1) * sizeof *sids);
	bool good = sids ? true : err_memory(err);
	for (size_t k = 0; good && k < n; k++)
		good = number(s, &series[k], &sids[k], err);
	bool fresh = good && s->known.n > before;
	struct item *i = fresh ? calloc(1, sizeof *i) : NULL;
	if (fresh)
		good = i ? (i->series = known_since(&s->known, before, err)) != NULL : err_memory(err);
	if (!good) {
		known_cut(&s->known, before);
		free(i);
		free(sids);
		return false;
	}
	memcpy(s->sids + from, sids, n * sizeof *sids);
	s->n_sids = from + n;
	free(sids);
	if (i) {
		i->kind = ITEM_SERIES;
		pthread_mutex_lock(&s->mutex);
		store_enqueue(s, i);
		pthread_mutex_unlock(&s->mutex);
	}
	return true;
}

/* One block of memory for everything a commit points to. */
struct slab { char *at; };

static void *put(struct slab *a, const void *bytes, size_t len)
{
	void *out = a->at;
	if (len)
		memcpy(out, bytes, len);
	a->at += (len + 15) & ~(size_t)15;
	return out;
}

static size_t commit_size(const struct commit *c)
{
	size_t size = 256 + c->n_leaves * (sizeof *c->leaves + sizeof(struct hash) + 16) + c->n_reports * (sizeof *c->reports + 64) + c->checkpoint_len + c->signed_head_len;
	for (size_t i = 0; i < c->n_leaves; i++)
		size += c->leaves[i].len + 16;
	for (size_t i = 0; i < c->n_reports; i++)
		size += c->reports[i].len + strlen(c->reports[i].topic) + 48;
	return size;
}

static struct entry *copy_commit(const struct commit *c, struct err *err)
{
	struct entry *e = calloc(1, sizeof *e);
	size_t size = commit_size(c);
	char *memory = e ? malloc(size) : NULL;
	if (!memory) {
		free(e);
		err_memory(err);
		return NULL;
	}
	struct slab a = { memory };
	*e = (struct entry){ .kind = ENTRY_COMMIT, .commit = *c, .bytes = size + sizeof *e, .memory = memory };
	e->hashes = put(&a, NULL, 0);
	a.at += c->n_leaves * sizeof(struct hash);
	struct leaf *leaves = put(&a, c->leaves, c->n_leaves * sizeof *leaves);
	struct outbox_row *reports = put(&a, c->reports, c->n_reports * sizeof *reports);
	for (size_t i = 0; i < c->n_leaves; i++) {
		leaves[i].bytes = put(&a, c->leaves[i].bytes, c->leaves[i].len);
		leaf_hash(&leaves[i], &e->hashes[i]);
	}
	for (size_t i = 0; i < c->n_reports; i++) {
		reports[i].topic = put(&a, c->reports[i].topic, strlen(c->reports[i].topic) + 1);
		reports[i].payload = put(&a, c->reports[i].payload, c->reports[i].len);
	}
	e->commit.leaves = leaves;
	e->commit.reports = reports;
	e->commit.checkpoint = c->checkpoint ? put(&a, c->checkpoint, c->checkpoint_len) : NULL;
	e->commit.signed_head = c->signed_head ? put(&a, c->signed_head, c->signed_head_len) : NULL;
	return e;
}

/* Under mutex.  A tree that does not fit would be evidence that no one can verify: refused at once. */
static bool check_commit(struct store *s, struct entry *e, struct merkle *tree, struct err *err)
{
	const struct commit *c = &e->commit;
	struct hash want, have;
	*tree = s->tree;
	for (size_t i = 0; i < c->n_leaves; i++)
		merkle_push(tree, &e->hashes[i]);
	merkle_root(tree, &want);
	merkle_root(&c->tree, &have);
	if (c->tree.size && (c->tree.size != tree->size || !hash_equal(&want, &have)))
		return err_set(err, ERR_INTERNAL, "commit of %zu leaves: its tree of size %llu is not the store's with these leaves (size %llu)", c->n_leaves,
			       (unsigned long long)c->tree.size, (unsigned long long)tree->size);
	uint64_t seq = s->next_seq;
	for (size_t i = 0; i < c->n_reports; i++) {
		if (c->reports[i].seq < seq)
			return err_set(err, ERR_INTERNAL, "report %llu: sequence numbers ascend, the next is %llu", (unsigned long long)c->reports[i].seq, (unsigned long long)seq);
		seq = c->reports[i].seq + 1;
	}
	if (c->checkpoint && c->journal_position > s->position)
		return err_set(err, ERR_INTERNAL, "checkpoint at journal position %llu, which was never given out", (unsigned long long)c->journal_position);
	if (s->entry_bytes + e->bytes > ENTRY_BYTES)
		return err_set(err, ERR_IO, "%s: evidence of %zu bytes waits for a disk that takes none; free the disk, nothing is lost yet", s->dir, s->entry_bytes);
	return true;
}

static bool enqueue_entry(struct store *s, struct entry *e)
{
	struct item *i = calloc(1, sizeof *i);
	if (!i)
		return false;
	*i = (struct item){ .kind = ITEM_ENTRY, .entry = e };
	s->entry_bytes += e->bytes;
	return store_enqueue(s, i);
}

bool store_commit(struct store *s, const struct commit *c, struct err *err)
{
	struct entry *e = s->o.read_only ? NULL : copy_commit(c, err);
	struct merkle tree;
	if (!e)
		return s->o.read_only ? err_set(err, ERR_USAGE, "%s is open for reading only", s->dir) : false;
	pthread_mutex_lock(&s->mutex);
	bool good = check_commit(s, e, &tree, err) && (enqueue_entry(s, e) || err_memory(err));
	if (good) {
		s->tree = tree;
		if (c->n_reports)
			s->next_seq = c->reports[c->n_reports - 1].seq + 1;
		s->status.leaves = tree.size;
	}
	pthread_mutex_unlock(&s->mutex);
	if (!good)
		entry_free(e);
	return good;
}

bool store_flush(struct store *s, struct err *err)
{
	if (!s->threaded)
		return err_set(err, ERR_USAGE, "%s is open for reading only", s->dir);
	pthread_mutex_lock(&s->mutex);
	uint64_t mark = s->mark, failed = s->attempts_failed;
	if (s->durable_mark < mark)
		s->flush_mark = mark;
	pthread_cond_signal(&s->work);
	while (s->durable_mark < mark && s->attempts_failed == failed && !s->gave_up)
		pthread_cond_wait(&s->done, &s->mutex);
	bool good = s->durable_mark >= mark;
	if (!good)
		err_set(err, ERR_IO, "%s", s->status.sentence);
	pthread_mutex_unlock(&s->mutex);
	return good;
}

bool store_own_leaf(void *store, struct wall at, const void *bytes, size_t len)
{
	struct store *s = store;
	struct own_leaf *l = malloc(sizeof *l + len), **end = &s->own;
	if (!l)
		return false;
	*l = (struct own_leaf){ .at = at, .len = len };
	memcpy(l->bytes, bytes, len);
	pthread_mutex_lock(&s->mutex);
	while (*end)
		end = &(*end)->next;
	*end = l;
	pthread_mutex_unlock(&s->mutex);
	return true;
}

void store_own_leaves(struct store *s, store_leaf_fn *fn, void *ctx)
{
	pthread_mutex_lock(&s->mutex);
	struct own_leaf *list = s->own;
	s->own = NULL;
	pthread_mutex_unlock(&s->mutex);
	for (struct own_leaf *next; list; list = next) {
		next = list->next;
		fn(ctx, LEAF_SEGMENT, list->at, list->bytes, list->len);
		free(list);
	}
}
