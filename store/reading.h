/* store/reading.h - struct reader and the walk over readings, for the store's own files.
 *
 * Where readings lie, oldest first: closed windows (a day each) in the segment of their month, their rollups in rollup.db; windows of hours and the
 * journal in journal.db.  A window is closed when rollup.db has it.  Nothing here holds a snapshot of journal.db while a caller's function
 * runs: what lies there is taken into memory first, so that a slow reader cannot make its write-ahead log grow. */
#ifndef STORE_READING_H
#define STORE_READING_H

#include "store/impl.h"
#include "store/rollup.h"
#include "store/window.h"

struct reader {
	struct evidence evidence;
	struct journal journal;
	pthread_mutex_t mutex;
	char dir[3900];
	struct known known;                     /* as of the last look */
	struct db rollup, segment;              /* opened when first needed */
	char segment_name[SEGMENT_NAME];        /* "": none is open */
	reader_progress_fn *progress;
	void *progress_ctx;
};
void reader_unlock(pthread_mutex_t **m);
#define LOCKED(r) CLEANUP(reader_unlock) pthread_mutex_t *held = &(r)->mutex; pthread_mutex_lock(held)

/* A closed window.  rolled: rollup.db has it (segments older than rollup.db may hold some that it has not). */
struct part { struct window w; char segment[SEGMENT_NAME]; bool rolled; };
struct parts { struct part *list; size_t n, room; uint64_t last; /* id_to of the newest, wanted or not; `after` when there is none */ };
/* Closed windows that have readings in [from, to) and an id above `after`. */
bool parts_list(struct reader *r, struct wall from, struct wall to, uint64_t after, struct parts *out, struct err *err) MUST_USE;
/* The segment's file; *there false: it was dropped. */
bool part_open(struct reader *r, const struct part *p, bool *there, struct err *err) MUST_USE;

/* What to read.  sids ascend.  Samples may lie outside [from, to): the taker looks.  `rollups`: quarters may stand for the readings of a
 * window that lies in [from, to) as a whole, or whose edge is on a quarter; of a dropped one they always do. */
struct edge;
struct walk {
	struct reader *r;
	struct wall from, to;
	const uint32_t *sids;
	size_t n;
	bool rollups, quick /* takers only add up: a file is locked once for all series, not once each */, stopped;
	uint64_t after;
	bool (*samples)(void *ctx, uint32_t sid, const struct sample *s, size_t n);
	bool (*quarters)(void *ctx, uint32_t sid, struct rollup *q, bool dropped, struct err *err);     /* NULL: what was dropped is left out */
	bool (*cut)(void *ctx, uint32_t sid, struct rollup *q, struct edge *raw, struct err *err);       /* quarters, and the readings of those that are cut; NULL: all readings */
	void *ctx;
};
/* The first readings of a series in a window (wall time, value, quality), k or a few more. */
struct edge { struct window_reader in; uint64_t id; struct sample *s; size_t n; };
bool edge_read(struct edge *e, uint32_t sid, size_t k, struct err *err) MUST_USE;
/* The closed ones first (w->after is then the last of them), then, with that, the rest.  False from a taker stops: w->stopped, no error unless *err is set. */
bool walk_closed(struct walk *w, struct err *err) MUST_USE;
bool walk_open(struct walk *w, struct err *err) MUST_USE;

/* Series by id: all rows with it, ascending. */
struct sids { uint32_t *list; size_t n, room; };
bool sids_add(struct sids *s, uint32_t sid);
void sids_done(struct sids *s);
bool sids_find(struct reader *r, const char *id /* NULL: all */, struct sids *out, struct err *err) MUST_USE;      /* an id without a series is ERR_INPUT */
enum { WALK_CHUNK = 64 };       /* series at a time of walk_open(): an hour of them fits into memory, and its snapshot is short */

#endif
