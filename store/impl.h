/* store/impl.h - struct store, for the store's own files.
 *
 * Two threads touch it: callers (under `mutex`) and the writer.  What is below "writer" is the writer's alone. */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include "core/texts.h"
#include "store/closed.h"
#include "store/evidence.h"
#include "store/journal.h"
#include <pthread.h>

enum item_kind { ITEM_BATCH, ITEM_ENTRY, ITEM_SERIES };
/* What callers hand over.  Numbered, so that a flush knows what it waits for. */
struct item {
	struct item *next;
	enum item_kind kind;
	uint64_t mark;
	size_t bytes;
	uint64_t position;              /* BATCH */
	struct stamp now;
	size_t n;
	struct sample *samples;         /* BATCH: behind the item */
	struct new_series *series;      /* SERIES, owned */
	struct entry *entry;            /* ENTRY, owned */
};

/* All series ever, by id; sids ascend in rows.  A row is numbers: its texts are in `texts`, what many rows have in common in `kinds`. */
struct known_row { uint32_t sid, id, label, kind; uint16_t device; };
struct known { struct texts texts; struct intern kinds; struct known_row *rows; size_t n, room; struct slots slots; };

struct store {
	struct store_options o;
	char dir[3900];
	int lock_fd;
	pthread_t thread;
	bool threaded;

	pthread_mutex_t mutex;
	pthread_cond_t work, done;
	struct item *head, **tail;
	size_t depth, queued_bytes, entry_bytes;        /* entry_bytes: of evidence not yet durable */
	uint64_t mark, durable_mark, attempts_failed;
	bool stop, gave_up;
	int64_t writing_since_ms;       /* 0: the disk owes no answer */
	uint64_t flush_mark;            /* wanted durable as soon as may be: items up to this */
	struct loss lost;               /* dropped at the queue's mouth, not yet recorded */
	uint64_t position;              /* next journal position */
	struct merkle tree;             /* after all queued commits */
	uint64_t next_seq;
	struct store_status status;
	struct { uint64_t mark, epoch, from, to; } settled[64];     /* delivered, not yet applied (mark 0: unused): not offered again */
	struct own_leaf { struct own_leaf *next; struct wall at; size_t len; char bytes[]; } *own;   /* told by the store, not yet taken */
	uint32_t *sids;                 /* of this run's table; like `known`, of the one thread that hands over series and readings */
	size_t n_sids, sids_room;
	struct known known;
	uint32_t session;

	/* writer */
	struct evidence evidence;
	struct journal journal;
	bool open;                      /* both files */
	struct encoder *encoder;
	struct second *seconds, **seconds_tail;
	struct new_series *series, **series_tail;       /* to be written */
	struct entry **entries;
	size_t n_entries, entries_room;
	size_t held_bytes;              /* of seconds */
	uint64_t serial, durable_serial, taken_mark, no;       /* serial: last given; no: last tick on the disk */
	struct loss loss;               /* before the next second */
	int64_t second_began_ms, retry_at_ms, checkpoint_at_ms, drop_again_at_ms;
	int64_t seal_at_ms, seal_every_ms, big_at_ms;
	struct compaction *compaction;
	struct closing *closing;
	bool compact_now, closing_now, wal_held;
	bool low;                       /* disk low: raw readings wait in memory, evidence goes on */
};

void entry_free(struct entry *e);
bool store_enqueue(struct store *s, struct item *i);         /* takes; under mutex */
closing_tell_fn store_own_leaf;                              /* ctx: the store */
void *store_writer(void *store);                             /* the thread */
bool store_files_open(struct store *s, uint64_t epoch, struct err *err) MUST_USE;
void store_files_close(struct store *s);
/* known.c; what is given out borrows its texts from the table, until known_done(). */
bool known_load(struct known *k, struct journal *j, struct err *err) MUST_USE;      /* those that came since the last time */
struct stored_series known_at(const struct known *k, size_t row);
struct stored_series known_of(const struct known *k, uint32_t sid);                 /* one that is there */
bool known_next(const struct known *k, const char *id, size_t *at, struct stored_series *out);   /* next row with this id; *at is 0 at first */
bool known_find(const struct known *k, const struct series *s, uint32_t *sid);     /* whose numbers stand for those of s */
bool known_add(struct known *k, const struct series *s, uint32_t *sid, struct err *err) MUST_USE;
struct new_series *known_since(const struct known *k, size_t row, struct err *err); /* copies of rows row..n-1 */
void known_cut(struct known *k, size_t n);                   /* the first n stay: the others did not go to the disk */
void known_done(struct known *k);
void new_series_free(struct new_series *list);
int64_t store_clock_ms(void);                                /* CLOCK_MONOTONIC: pauses, not evidence */

/* upkeep.c, on the writer's thread */
void store_housekeeping(struct store *s, const char *fmt, ...) PRINTF(2, 3);
void store_upkeep_begin(struct store *s);
void store_upkeep(struct store *s);
void store_checkpoint(struct store *s, bool last);

/* reserve.c */
bool reserve_make(struct store *s, struct err *err) MUST_USE;
bool reserve_release(struct store *s);                       /* true when there was one */
bool reserve_room(struct store *s);                          /* is there room to make it again? */

/* dir.c: `dir` is made (0700) when it is not there; what happened in it survives the power; and in the directory that holds `path`. */
bool dir_make(const char *dir, struct err *err) MUST_USE;
bool dir_sync(const char *dir, struct err *err) MUST_USE;
bool dir_sync_parent(const char *path, struct err *err) MUST_USE;

/* lock.c: -1 with err that names the holder's pid. */
int store_lock(const char *dir, struct err *err);

enum { QUEUE_BYTES = 48 << 20, HELD_BYTES = 32 << 20, ENTRY_BYTES = 64 << 20, WAL_TRUNCATE = 32 << 20, WAL_MAX = 64 << 20, RESERVE_BYTES = 64 << 20 };

#endif
