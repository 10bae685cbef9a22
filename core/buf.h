/* core/buf.h - growable bytes, always NUL-terminated behind `len` once anything was added.
 * After a failed allocation `failed` stays true and every further call does nothing: check once, at the end.  Pure. */
#ifndef CORE_BUF_H
#define CORE_BUF_H

#include "core/base.h"
#include <stdarg.h>

struct buf {
	char *data;
	size_t len, room;
	bool failed;
};

void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_str(struct buf *b, const char *text);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF(2, 3);
/* A JSON string with its quotes; control characters, quotes, backslash and invalid UTF-8 are escaped (the last as U+FFFD). */
void buf_json(struct buf *b, const char *text);
/* Text for a terminal or a log: control characters, invalid UTF-8 and marks that turn the direction of writing become '?'. */
void buf_plain(struct buf *b, const char *text, size_t len);
void buf_reset(struct buf *b);              /* keeps the memory */
char *buf_take(struct buf *b);              /* the caller owns the result; NULL when failed or empty */
void buf_done(struct buf *b);

#endif
