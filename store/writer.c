/* The writer thread: takes what callers handed over, makes rows of it, and puts it on the disk in order: journal first,
 * then evidence.  What the disk does not take stays in memory and is tried again; nothing here can delay a caller. */
#include "store/impl.h"
#include "store/window.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECOND_BYTES = 1 << 20, DROP_PAUSE_MS = 86400000 };      /* another program that fills the disk does not get all months in a row */

static void say(struct store *s, enum store_state state, const char *text)
{
	pthread_mutex_lock(&s->mutex);
	s->status.state = state;
	snprintf(s->status.sentence, sizeof s->status.sentence, "%.299s", text);
	pthread_mutex_unlock(&s->mutex);
}

static void add_loss(struct store *s, const struct loss *l)
{
	if (l->n == 0)
		return;
	if (s->loss.n == 0)
		s->loss = (struct loss){ l->position, 0, l->from, l->to };
	s->loss.n += l->n;
	s->loss.from.ms = l->from.ms < s->loss.from.ms ? l->from.ms : s->loss.from.ms;
	s->loss.to.ms = l->to.ms > s->loss.to.ms ? l->to.ms : s->loss.to.ms;
}

/* Counted, told, and recorded in the journal. */
static void lose(struct store *s, const struct loss *l)
{
	add_loss(s, l);
	pthread_mutex_lock(&s->mutex);
	s->status.dropped += l->n;
	pthread_mutex_unlock(&s->mutex);
}

/* Memory is bounded: the newest second goes, and that is counted, told, and recorded in the journal. */
static void drop(struct store *s, struct second *sec)
{
	struct loss l = { sec->position, sec->n, sec->from, sec->to };
	add_loss(s, &sec->loss);
	lose(s, &l);
	second_free(sec);
	encoder_restart(s->encoder);
}

static void close_second(struct store *s)
{
	struct loss lost;
	struct second *sec = encoder_close(s->encoder, &lost);
	if (!sec) {
		lose(s, &lost);
		return;
	}
	sec->mark = s->taken_mark;
	if (s->held_bytes + sec->bytes > HELD_BYTES) {
		drop(s, sec);
		return;
	}
	sec->loss = s->loss;
	s->loss = (struct loss){ 0 };
	s->held_bytes += sec->bytes;
	*s->seconds_tail = sec;
	s->seconds_tail = &sec->next;
}

static bool keep_entry(struct store *s, struct entry *e)
{
	if (s->n_entries == s->entries_room) {
		size_t room = s->entries_room ? 2 * s->entries_room : 64;
		struct entry **more = realloc(s->entries, room * sizeof *more);
		if (!more)
			return false;
		s->entries = more;
		s->entries_room = room;
	}
	e->serial = ++s->serial;
	s->entries[s->n_entries++] = e;
	return true;
}

static bool take_series(struct store *s, struct item *i)
{
	*s->series_tail = i->series;
	s->series_tail = &i->series->next;
	return true;
}

static bool take_batch(struct store *s, struct item *i)
{
	if (encoder_bytes(s->encoder) && encoder_next(s->encoder) != i->position)
		close_second(s);        /* batches were dropped between: positions inside one second have no holes */
	if (encoder_bytes(s->encoder) == 0)
		s->second_began_ms = store_clock_ms();
	encoder_batch(s->encoder, i->position, i->samples, i->n, i->now);
	if (encoder_bytes(s->encoder) > SECOND_BYTES)
		close_second(s);
	return true;
}

static bool take_entry(struct store *s, struct item *i)
{
	if (i->entry->kind == ENTRY_COMMIT)
		close_second(s);        /* what its checkpoint holds goes to the disk ahead of it */
	return keep_entry(s, i->entry);
}

static void take(struct store *s, struct item *list)
{
	static bool (*const takers[])(struct store *, struct item *) = { [ITEM_BATCH] = take_batch, [ITEM_ENTRY] = take_entry, [ITEM_SERIES] = take_series };
	for (struct item *next; list; list = next) {
		next = list->next;
		s->taken_mark = list->mark;
		while (!takers[list->kind](s, list))    /* no memory for a pointer: nothing better to do than to wait for some */
			usleep(100000);
		free(list);
	}
}

static void forget_seconds(struct store *s, uint64_t up_to_no)
{
	while (s->seconds && s->seconds->no <= up_to_no) {
		struct second *sec = s->seconds;
		s->seconds = sec->next;
		if (!s->seconds)
			s->seconds_tail = &s->seconds;
		s->held_bytes -= sec->bytes;
		pthread_mutex_lock(&s->mutex);
		s->status.journal_rows += sec->n_rows;
		s->status.durable_position = sec->position + sec->n;
		pthread_mutex_unlock(&s->mutex);
		second_free(sec);
	}
}

static bool forget_entries(struct store *s, uint64_t up_to_serial)
{
	size_t n = 0, bytes = 0;
	bool reports = false;
	while (n < s->n_entries && s->entries[n]->serial <= up_to_serial) {
		reports |= s->entries[n]->commit.n_reports > 0;
		bytes += s->entries[n]->bytes;
		entry_free(s->entries[n++]);
	}
	if (n < s->n_entries)
		memmove(s->entries, s->entries + n, (s->n_entries - n) * sizeof *s->entries);
	s->n_entries -= n;
	pthread_mutex_lock(&s->mutex);
	s->entry_bytes -= bytes;
	pthread_mutex_unlock(&s->mutex);
	return reports;
}

static void forget_series(struct store *s)
{
	new_series_free(s->series);
	s->series = NULL;
	s->series_tail = &s->series;
}

/* After a failed write the files are not trusted: closed, opened, and asked how far they came.  What they have is not
 * written twice; what they no longer have although it was acknowledged is said, and nothing is written over it. */
static bool reopen(struct store *s, struct err *err)
{
	uint64_t no, position;
	if (s->open)
		return true;
	if (!store_files_open(s, 0, err))
		return false;
	if (!journal_end(&s->journal, &no, &position, err)) {
		store_files_close(s);
		return false;
	}
	if (s->evidence.state.serial < s->durable_serial || no < s->no) {
		err_set(err, ERR_EVIDENCE, "%s: after a failed write the disk lost what it had acknowledged (evidence record %llu of %llu, journal tick %llu of %llu); "
			"replace the disk and restore a backup", s->dir, (unsigned long long)s->evidence.state.serial, (unsigned long long)s->durable_serial,
			(unsigned long long)no, (unsigned long long)s->no);
		store_files_close(s);
		return false;
	}
	s->no = no;
	s->durable_serial = s->evidence.state.serial;
	forget_seconds(s, no);
	forget_entries(s, s->evidence.state.serial);
	return true;
}

static bool write_journal(struct store *s, struct err *err)
{
	if ((!s->seconds && !s->series) || s->low)
		return true;
	uint64_t last = s->seconds ? s->seconds->no : 0;
	for (const struct second *sec = s->seconds; sec; sec = sec->next)
		last = sec->no;
	if (!journal_write(&s->journal, s->series, s->seconds, err))
		return false;
	s->no = last ? last : s->no;
	forget_seconds(s, last);
	forget_series(s);
	return true;
}

static void count_pending(struct store *s)
{
	int64_t pending = 0, oldest = 0;
	if (!db_number(&s->evidence.db, "SELECT count(*) FROM outbox WHERE delivered=0", 0, &pending, NULL) ||
	    !db_number(&s->evidence.db, "SELECT at FROM outbox WHERE delivered=0 ORDER BY seq LIMIT 1", 0, &oldest, NULL))
		return;
	pthread_mutex_lock(&s->mutex);
	s->status.outbox_pending = (uint64_t)pending;
	s->status.oldest_pending.ms = oldest;
	s->status.durable_leaves = s->evidence.state.tree.size;
	for (size_t i = 0; i < countof(s->settled); i++)
		if (s->settled[i].mark <= s->taken_mark)
			s->settled[i].mark = 0;
	pthread_mutex_unlock(&s->mutex);
}

static bool write_evidence(struct store *s, struct err *err)
{
	struct evidence_limits limits = { s->o.outbox_days, s->o.undelivered_days };
	if (s->n_entries == 0)
		return true;
	if (!evidence_apply(&s->evidence, s->entries, s->n_entries, limits, err))
		return false;
	s->durable_serial = s->evidence.state.serial;
	bool reports = forget_entries(s, s->evidence.state.serial);
	count_pending(s);
	if (reports && s->o.durable)
		s->o.durable(s->o.durable_ctx);
	return true;
}

/* What was dropped stays dropped: only when the disk's room for evidence, or the memory for raw readings, comes to its end. */
static bool drop_oldest(struct store *s)
{
	char segment[SEGMENT_NAME];
	if (!segment_drop_oldest(s->dir, segment))
		return false;
	closing_dropped(s->closing, segment);
	s->drop_again_at_ms = store_clock_ms() + DROP_PAUSE_MS;
	store_housekeeping(s, "disk full: %s, the oldest month of raw readings, was dropped; its quarters of an hour are kept", segment);
	return true;
}

/* A full disk: the reserve goes, raw readings wait in memory, evidence is written.  Where that fills up too, raw readings of the oldest month go. */
static void disk_low(struct store *s, const char *cause)
{
	char text[300];
	bool had = reserve_release(s);
	if (s->low && !had) {
		if (drop_oldest(s))
			s->retry_at_ms = 0;
		return;
	}
	s->low = true;
	s->retry_at_ms = 0;             /* at once: there is room now */
	snprintf(text, sizeof text, "disk low (%.160s): evidence and reports go on, raw readings wait in memory; free some space, it heals by itself", cause);
	say(s, STORE_DISK_LOW, text);
}

static void failed(struct store *s, const struct err *err)
{
	bool full = s->open && (s->evidence.db.full || s->journal.db.full);
	char text[300];
	compaction_free(s->compaction);
	s->compaction = compaction_new(s->dir, s->o.vfs);
	store_files_close(s);
	s->retry_at_ms = store_clock_ms() + s->o.retry_ms;
	if (full)
		disk_low(s, err->text);
	if (s->retry_at_ms) {
		snprintf(text, sizeof text, "cannot store (%.180s): kept in memory, tried again every %lld ms", err->text, (long long)s->o.retry_ms);
		say(s, STORE_FAILING, text);
	}
	pthread_mutex_lock(&s->mutex);
	s->status.failures++;
	if (s->retry_at_ms) {           /* who waits has an answer; a new request waits for the next attempt */
		s->flush_mark = 0;
		s->attempts_failed++;
	}
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->mutex);
}

static void heal(struct store *s)
{
	struct err err;
	if (s->low && s->held_bytes > HELD_BYTES / 2 && store_clock_ms() >= s->drop_again_at_ms)
		drop_oldest(s);
	if (!s->low || !reserve_room(s) || !reserve_make(s, &err))
		return;
	s->low = false;
	s->retry_at_ms = 0;
}

static void well(struct store *s)
{
	pthread_mutex_lock(&s->mutex);
	if (s->status.state != STORE_OK && !s->low) {
		s->status.state = STORE_OK;
		snprintf(s->status.sentence, sizeof s->status.sentence,
			 s->status.dropped ? "store is well again; %llu readings were not kept meanwhile" : "store is well again, nothing was lost",
			 (unsigned long long)s->status.dropped);
	} else if (s->status.state == STORE_FAILING) {
		s->status.state = STORE_DISK_LOW;
		snprintf(s->status.sentence, sizeof s->status.sentence, "disk low: evidence and reports go on, raw readings wait in memory; free some space, it heals by itself");
	}
	bool all = !s->seconds && s->n_entries == 0 && !s->series && encoder_bytes(s->encoder) == 0;
	if (all)
		s->durable_mark = s->taken_mark;
	if (s->seconds && s->low && s->flush_mark > s->durable_mark) {
		s->attempts_failed++;   /* a flush while raw readings wait in memory: the answer is no */
		s->flush_mark = 0;
	}
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->mutex);
}

static void writing(struct store *s, int64_t since_ms)
{
	pthread_mutex_lock(&s->mutex);
	s->writing_since_ms = since_ms;
	pthread_mutex_unlock(&s->mutex);
}

static void try_write(struct store *s)
{
	s->retry_at_ms = 0;
	heal(s);
	for (int attempt = 0; attempt < 2 && s->retry_at_ms == 0; attempt++) {     /* twice: a full disk gives up its reserve */
		struct err err = { 0 };
		s->evidence.db.full = s->journal.db.full = false;
		if (reopen(s, &err) && write_journal(s, &err) && write_evidence(s, &err)) {
			well(s);
			return;
		}
		failed(s, &err);
	}
}

static void write_all(struct store *s)
{
	int64_t began = store_clock_ms();
	if (began < s->retry_at_ms)
		return;
	writing(s, began);
	try_write(s);
	writing(s, 0);
	int64_t took = store_clock_ms() - began;
	if (took > s->o.slow_ms)
		store_housekeeping(s, "the disk is slow: a commit took %lld ms; what was read meanwhile waited in memory", (long long)took);
}

static int64_t wake_at(const struct store *s)
{
	int64_t now = store_clock_ms(), at = now + (s->compact_now ? 100 : s->closing_now ? 20 : s->seal_every_ms < 5000 ? s->seal_every_ms : 5000);
	if (encoder_bytes(s->encoder) && s->second_began_ms + s->o.tick_ms < at)
		at = s->second_began_ms + s->o.tick_ms;
	if ((s->seconds || s->n_entries || s->low) && (s->retry_at_ms ? s->retry_at_ms : now + s->o.retry_ms) < at)
		at = s->retry_at_ms ? s->retry_at_ms : now + s->o.retry_ms;
	return at;
}

/* Waits for work; what was queued, with the loss at the queue's mouth. */
static struct item *await(struct store *s, bool *stop, bool *flush)
{
	int64_t at = wake_at(s);
	struct timespec t = { at / 1000, at % 1000 * 1000000 };
	pthread_mutex_lock(&s->mutex);
	while (!s->head && !s->stop && !(s->flush_mark > s->durable_mark && store_clock_ms() >= s->retry_at_ms))
		if (pthread_cond_timedwait(&s->work, &s->mutex, &t) != 0)
			break;
	struct item *list = s->head;
	s->head = NULL;
	s->tail = &s->head;
	s->depth = s->queued_bytes = 0;
	add_loss(s, &s->lost);
	s->lost = (struct loss){ 0 };
	*stop = s->stop;
	*flush = s->flush_mark > s->durable_mark;
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->mutex);
	return list;
}

void *store_writer(void *store)
{
	struct store *s = store;
	bool stop = false, flush = false;
	store_upkeep_begin(s);
	while (!stop) {
		take(s, await(s, &stop, &flush));
		bool due = encoder_bytes(s->encoder) && store_clock_ms() >= s->second_began_ms + s->o.tick_ms;
		if (due || flush || stop)
			close_second(s);
		if (stop) {
			s->retry_at_ms = 0;
			s->low = false;         /* a last try: a disk that is still full says so again */
		}
		if (s->seconds || s->n_entries || s->series || s->low || flush || stop)
			write_all(s);
		store_upkeep(s);
	}
	store_checkpoint(s, true);
	pthread_mutex_lock(&s->mutex);
	s->gave_up = true;
	pthread_cond_broadcast(&s->done);
	pthread_mutex_unlock(&s->mutex);
	return NULL;
}
