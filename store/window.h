/* store/window.h - sealed readings: about an hour of all series in journal.db, a day in the segment file of its month.
 * Both have the same tables; a window's id is the number of its first tick, so windows never overlap and always ascend. */
#ifndef STORE_WINDOW_H
#define STORE_WINDOW_H

#include "store/block.h"
#include "store/journal.h"

#define WINDOW_TABLES                                                                                                        \
	"CREATE TABLE window(id INTEGER PRIMARY KEY, id_to INTEGER NOT NULL, position INTEGER NOT NULL, n INTEGER NOT NULL," \
	" wall_from INTEGER NOT NULL, wall_to INTEGER NOT NULL, blocks INTEGER NOT NULL, stamps INTEGER NOT NULL, sum BLOB NOT NULL);"  \
	"CREATE TABLE block(key INTEGER PRIMARY KEY, body BLOB NOT NULL);"                                                   \
	"CREATE TABLE stamps(key INTEGER PRIMARY KEY, body BLOB NOT NULL);"
extern const struct db_schema segment_schema, rollup_schema;

struct window { uint64_t id, id_to, position, n; struct wall from, to; uint64_t blocks, stamps; };
void window_sum(const struct window *w, uint8_t out[BODY_SUM]);
enum { WINDOW_KEY_BITS = 32 };          /* key = id << 32 | sid, or | number of the stamps */

/* Writing a window: stamps are shared by the series that have the same. */
struct window_writer {
	struct db *db;
	struct window w;
	bool tight;
	struct query block, stamps;
	struct shared { struct sample *s; size_t n; uint64_t number; } recent[16];     /* owned copies */
	size_t next_recent;
	struct buf scratch;
};
bool window_begin(struct window_writer *w, struct db *db, struct window at, bool tight, struct err *err) MUST_USE;
bool window_add(struct window_writer *w, uint32_t sid, const struct sample *s, size_t n, struct err *err) MUST_USE;
/* A body made elsewhere, of n samples (store/rollup.h); body is emptied. */
bool window_add_body(struct window_writer *w, uint32_t sid, struct buf *body, size_t n, struct err *err) MUST_USE;
bool window_end(struct window_writer *w, struct err *err) MUST_USE;
void window_writer_done(struct window_writer *w);

/* Reading one. */
typedef bool window_list_fn(void *ctx, const struct window *w);
bool window_list(struct db *db, window_list_fn *fn, void *ctx, struct err *err) MUST_USE;
/* Samples of one series in one window; *s grows as needed, the caller frees it; n 0: none. */
struct window_reader { struct db *db; struct query block, stamps; struct sample *cached; size_t n_cached; int64_t cached_key; };
bool window_reader_init(struct window_reader *r, struct db *db, struct err *err) MUST_USE;
bool window_series(struct window_reader *r, uint64_t id, uint32_t sid, struct sample **s, size_t *n, struct err *err) MUST_USE;
/* Its first samples, k or a few more, with wall time, value and quality alone; *n: how many.  Not to be mixed with window_series() in one reader. */
bool window_first(struct window_reader *r, uint64_t id, uint32_t sid, size_t k, struct sample **s, size_t *n, struct err *err) MUST_USE;
/* The bytes of a block, checked: 1 there, 0 not, -1 failed.  They live until the reader's next call; query_reset(&r->block) lets go of the snapshot. */
int window_body(struct window_reader *r, uint64_t id, uint32_t sid, const void **bytes, size_t *len, struct err *err);
void window_reader_done(struct window_reader *r);

/* Ticks that are older than the hour and inside the checkpoint become a window; *did says whether there were any. */
bool seal_hour(struct journal *j, uint64_t checkpoint_position, bool *did, struct err *err) MUST_USE;

/* Windows of past days become one window each in the segment of their month; in small steps. */
struct compaction;
/* Budget: about how long it may take.  *did: a day was finished.  */
struct compaction *compaction_new(const char *dir, const char *vfs);
bool compaction_step(struct compaction *c, struct journal *j, int64_t budget_ms, bool *did, struct err *err) MUST_USE;
void compaction_free(struct compaction *c);
bool compaction_idle(const struct compaction *c);

enum { SEGMENT_NAME = 24 };
void segment_name(struct wall t, char out[SEGMENT_NAME]);                 /* "raw-2026-01.db" */
bool segment_is(const char *name);                                        /* of that form, and so in no other directory */
/* Names of the segments of a directory, ascending; the caller frees each and the list. */
size_t segment_list(const char *dir, char ***out);
/* Puts right what a run left that ended in the middle of a compaction; a reader, which never writes, could not read such a file. */
void segments_recover(const char *dir);
/* Unlinks the oldest segment unless it is the only one, which is being written; true when one went. */
bool segment_drop_oldest(const char *dir, char name[SEGMENT_NAME]);

#endif
