/* store/closed.h - months of raw readings that nothing is added to any more, as records of evidence.
 *
 * A segment is closed when there is a newer one.  Its SHA-256 and that of its rollups become a leaf; when retention wants it gone, a second leaf
 * says so, and only when that is durable is the file unlinked.  Leaves are told by the store and committed by its caller
 * (store_own_leaves); each is told again after a restart as long as evidence.db has not got it. */
#ifndef STORE_CLOSED_H
#define STORE_CLOSED_H

#include "store/evidence.h"
#include "store/window.h"

/* Of the closed windows in one segment. */
struct month { char segment[SEGMENT_NAME]; struct wall from, to; uint64_t id, id_to, windows, readings; };
/* From rollup.db, oldest first; the caller frees. */
bool months_list(struct db *rollup, struct month **list, size_t *n, struct err *err) MUST_USE;

/* One line of JSON, docs/evidence-format.md; *dropped tells which of the two it is. */
struct closed_leaf { struct month month; uint64_t bytes; struct hash file, rollups; bool dropped; char reason[40]; };
void closed_leaf_put(const struct closed_leaf *l, struct buf *out);
bool closed_leaf_get(const void *bytes, size_t len, struct closed_leaf *out);

/* SHA-256 over the rollups of a month: per block u64(key), u64(length), body. */
bool rollups_hash(struct db *rollup, const struct month *m, struct hash *out, struct err *err) MUST_USE;

/* For verification: files of `dir` against these leaves, in the order of the tree; first_bad stays as it is when all is well. */
void closed_audit(const char *dir, const struct closed_leaf *list, size_t n, struct store_audit *out);
bool closed_was_dropped(const struct closed_leaf *list, size_t n, const char *segment);
/* Segments of `dir`, then the windows of the journal: whole, and all that there ever were, but for those that a leaf calls dropped. */
void window_audit(const char *dir, struct db *journal, const struct closed_leaf *list, size_t n, char *first_bad, size_t size);

/* In small steps, on the writer's thread.  `tell` gets each new leaf once a run; its wall time is the month's end. */
struct closing;
typedef bool closing_tell_fn(void *ctx, struct wall at, const void *bytes, size_t len);
struct closing *closing_new(const char *dir, const char *vfs, closing_tell_fn *tell, void *ctx);
void closing_free(struct closing *c);
/* expire: segments whose month ended before go.  *more: call again soon. */
bool closing_step(struct closing *c, struct evidence *e, struct wall expire, bool *more, struct err *err) MUST_USE;
/* The disk was full and the segment went at once; its leaf will say so. */
void closing_dropped(struct closing *c, const char *segment);

#endif
