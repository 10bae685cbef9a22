#include "store/impl.h"
#include "store/window.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char *const kind_names[LEAF_N] = {
	[LEAF_INTERVAL] = "interval", [LEAF_EVENT] = "event", [LEAF_CONFIG] = "config", [LEAF_PROFILE] = "profile", [LEAF_PACK] = "pack", [LEAF_KEY] = "key",
	[LEAF_CLOCK] = "clock", [LEAF_MANUAL] = "manual", [LEAF_CERTIFICATE] = "certificate", [LEAF_SESSION] = "session", [LEAF_SEGMENT] = "segment",
};

const char *leaf_kind_name(int kind)
{
	return kind >= 0 && kind < LEAF_N ? kind_names[kind] : "unknown";
}

void leaf_hash(const struct leaf *leaf, struct hash *out)
{
	merkle_record((uint8_t)leaf->kind, leaf->at, leaf->bytes, leaf->len, out);
}

int64_t store_clock_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

bool store_files_open(struct store *s, uint64_t epoch, struct err *err)
{
	if (s->open)
		return true;
	if (!evidence_open(&s->evidence, s->dir, s->o.vfs, s->o.read_only, epoch, err))
		return false;
	if (!journal_open(&s->journal, s->dir, s->o.vfs, s->o.read_only, err)) {
		evidence_close(&s->evidence);
		return false;
	}
	s->open = true;
	return true;
}

void store_files_close(struct store *s)
{
	if (!s->open)
		return;
	journal_close(&s->journal);
	evidence_close(&s->evidence);
	s->open = false;
}

/* Every run is a session of its own, on the disk before its first sample. */
static bool begin_session(struct store *s, struct err *err)
{
	struct entry e = { .kind = ENTRY_SESSION, .serial = s->evidence.state.serial + 1 };
	struct entry *list[] = { &e };
	if (!evidence_apply(&s->evidence, list, 1, (struct evidence_limits){ 0 }, err))
		return false;
	s->serial = s->durable_serial = e.serial;
	return true;
}

static bool load(struct store *s, struct err *err)
{
	const struct evidence_state *state = &s->evidence.state;
	uint64_t no, position;
	int64_t rows, pending, oldest;
	if (!journal_end(&s->journal, &no, &position, err) || !known_load(&s->known, &s->journal, err) ||
	    !db_number(&s->journal.db, "SELECT count(*) FROM journal", 0, &rows, err) ||
	    !db_number(&s->evidence.db, "SELECT count(*) FROM outbox WHERE delivered=0", 0, &pending, err) ||
	    !db_number(&s->evidence.db, "SELECT min(at) FROM outbox WHERE delivered=0", 0, &oldest, err))
		return false;
	if (state->position > position)         /* the last run ended on a full disk: what it kept in memory is gone */
		s->loss = (struct loss){ position, state->position - position, { 0 }, { 0 } };
	s->no = no;
	s->position = position > state->position ? position : state->position;
	s->tree = state->tree;
	s->next_seq = state->next_seq;
	s->session = state->session;
	s->status = (struct store_status){ .journal_rows = (uint64_t)rows, .leaves = state->tree.size, .outbox_pending = (uint64_t)pending, .oldest_pending = { oldest },
					   .durable_position = s->position, .durable_leaves = state->tree.size };
	snprintf(s->status.sentence, sizeof s->status.sentence, "store is well");
	return true;
}

static void init(struct store *s, const struct store_options *o)
{
	s->o = *o;
	s->o.queue_max = o->queue_max ? o->queue_max : 8192;
	s->o.retry_ms = o->retry_ms ? o->retry_ms : 1000;
	s->o.slow_ms = o->slow_ms ? o->slow_ms : 1000;
	s->o.tick_ms = o->tick_ms ? o->tick_ms : 1000;
	s->o.outbox_days = o->outbox_days ? o->outbox_days : 31;
	snprintf(s->dir, sizeof s->dir, "%s", o->dir);
	s->o.dir = s->dir;
	s->tail = &s->head;
	s->seconds_tail = &s->seconds;
	s->series_tail = &s->series;
	s->lock_fd = -1;
	pthread_condattr_t attr;
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_mutex_init(&s->mutex, NULL);
	pthread_cond_init(&s->work, &attr);
	pthread_cond_init(&s->done, &attr);
	pthread_condattr_destroy(&attr);
}

static bool start(struct store *s, struct err *err)
{
	struct err no_reserve;
	int64_t now = s->o.now.ms ? s->o.now.ms : (int64_t)time(NULL) * 1000;
	if (s->o.read_only)
		return store_files_open(s, 0, err) && load(s, err);
	if (!dir_make(s->dir, err) || (s->lock_fd = store_lock(s->dir, err)) < 0)
		return false;
	if (!s->o.vfs)
		segments_recover(s->dir);
	if (!store_files_open(s, (uint64_t)(now / 1000), err) || !begin_session(s, err) || !load(s, err))
		return false;
	if (!reserve_make(s, &no_reserve)) {      /* starting on a full disk is better than not starting */
		s->low = true;
		s->status.state = STORE_DISK_LOW;
		snprintf(s->status.sentence, sizeof s->status.sentence, "disk low: %.250s", no_reserve.text);
	}
	if (!(s->encoder = encoder_new(s->no + 1)) || !(s->compaction = compaction_new(s->dir, s->o.vfs)) ||
	    !(s->closing = closing_new(s->dir, s->o.vfs, store_own_leaf, s)))
		return err_memory(err);
	if (pthread_create(&s->thread, NULL, store_writer, s) != 0)
		return err_set(err, ERR_INTERNAL, "no thread for the store: %s", strerror(errno));
	s->threaded = true;
	return true;
}

struct store *store_open(const struct store_options *o, struct err *err)
{
	struct store *s = calloc(1, sizeof *s);
	if (!s) {
		err_memory(err);
		return NULL;
	}
	init(s, o);
	if (start(s, err))
		return s;
	store_close(s);
	return NULL;
}

static void free_items(struct store *s)
{
	for (struct item *next; s->head; s->head = next) {
		next = s->head->next;
		if (s->head->entry)
			entry_free(s->head->entry);
		new_series_free(s->head->series);
		free(s->head);
	}
	for (struct own_leaf *next; s->own; s->own = next) {
		next = s->own->next;
		free(s->own);
	}
	for (size_t i = 0; i < s->n_entries; i++)
		entry_free(s->entries[i]);
	for (struct second *next; s->seconds; s->seconds = next) {
		next = s->seconds->next;
		second_free(s->seconds);
	}
	new_series_free(s->series);
}

void store_memory(int64_t bytes)
{
	sqlite3_soft_heap_limit64(bytes);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->threaded) {
		pthread_mutex_lock(&s->mutex);
		s->stop = true;
		pthread_cond_broadcast(&s->work);
		pthread_mutex_unlock(&s->mutex);
		pthread_join(s->thread, NULL);
	}
	compaction_free(s->compaction);
	closing_free(s->closing);
	store_files_close(s);
	if (s->lock_fd >= 0)
		close(s->lock_fd);
	free_items(s);
	free(s->entries);
	free(s->sids);
	encoder_free(s->encoder);
	known_done(&s->known);
	pthread_mutex_destroy(&s->mutex);
	pthread_cond_destroy(&s->work);
	pthread_cond_destroy(&s->done);
	free(s);
}

void store_status(struct store *s, struct store_status *out)
{
	pthread_mutex_lock(&s->mutex);
	*out = s->status;
	out->queue_depth = s->depth;
	int64_t waited_ms = s->writing_since_ms ? store_clock_ms() - s->writing_since_ms : 0;
	if (waited_ms > s->o.slow_ms)
		snprintf(out->housekeeping, sizeof out->housekeeping, "the disk has not answered for %lld ms; what is read waits in memory", (long long)waited_ms);
	pthread_mutex_unlock(&s->mutex);
}

void store_tree(struct store *s, struct merkle *out)
{
	pthread_mutex_lock(&s->mutex);
	*out = s->tree;
	pthread_mutex_unlock(&s->mutex);
}

bool store_restart(struct store *s, struct restart *out, struct err *err)
{
	/* on connections of its own: the writer's belong to the writer */
	struct evidence e;
	*out = (struct restart){ 0 };
	if (!evidence_open(&e, s->dir, s->o.vfs, true, 0, err))
		return false;
	bool good = evidence_checkpoint(&e, &out->checkpoint, err);
	const struct evidence_state *state = &e.state;
	out->journal_position = state->position;
	out->next_seq = state->next_seq;
	out->tree = state->tree;
	out->epoch = state->epoch;
	out->session = state->session;
	evidence_close(&e);
	if (!good)
		restart_done(out);
	return good;
}

void restart_done(struct restart *r)
{
	buf_done(&r->checkpoint);
}

/* Series numbers on the disk become indexes of this run's table. */
struct to_index { store_sample_fn *fn; void *ctx; uint32_t *index; size_t n_index; struct sample *room; size_t n_room; bool failed; };

static bool index_batch(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct to_index *t = ctx;
	size_t have = 0;
	if (n > t->n_room) {
		struct sample *room = realloc(t->room, n * sizeof *room);
		if (!room) {
			t->failed = true;
			return false;
		}
		t->room = room;
		t->n_room = n;
	}
	for (size_t i = 0; i < n; i++) {
		uint32_t index = samples[i].series < t->n_index ? t->index[samples[i].series] : UINT32_MAX;
		if (index == UINT32_MAX)
			continue;
		t->room[have] = samples[i];
		t->room[have++].series = index;
	}
	return t->fn(t->ctx, t->room, have, now);
}

/* What was sealed is behind every checkpoint, and gives its order no more. */
static bool tail_is_there(struct journal *j, uint64_t from, struct err *err)
{
	int64_t sealed;
	if (!db_number(&j->db, "SELECT position FROM state", 0, &sealed, err))
		return false;
	return from >= (uint64_t)sealed || err_set(err, ERR_RANGE, "journal.db: readings before position %lld are sealed; a restart begins at the checkpoint, not at %llu",
						   (long long)sealed, (unsigned long long)from);
}

bool store_tail(struct store *s, uint64_t from, store_sample_fn *fn, void *ctx, struct err *err)
{
	struct journal j;
	struct to_index t = { .fn = fn, .ctx = ctx, .n_index = s->known.n ? s->known.rows[s->known.n - 1].sid + 1 : 0 };
	t.index = malloc((t.n_index + 1) * sizeof *t.index);
	if (!t.index)
		return err_memory(err);
	memset(t.index, 0xff, t.n_index * sizeof *t.index);
	for (size_t i = 0; i < s->n_sids; i++)
		if (s->sids[i] < t.n_index)
			t.index[s->sids[i]] = (uint32_t)i;
	struct journal_range all = { .from = from, .since = { INT64_MIN }, .until = { INT64_MAX }, .shard = -1 };
	bool good = journal_open(&j, s->dir, s->o.vfs, true, err);
	if (good) {
		good = tail_is_there(&j, from, err) && journal_read(&j, all, index_batch, &t, err) && (!t.failed || err_memory(err));
		journal_close(&j);
	}
	free(t.index);
	free(t.room);
	return good;
}
