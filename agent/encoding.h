/* agent/encoding.h - texts as spreadsheets save them, in UTF-8: UTF-16 by its mark, GB 18030, or Windows-1252 (where single letters are above
 * ASCII: a Chinese character has two bytes there).  The guess is told in *how, so that a person can look. */
#ifndef AGENT_ENCODING_H
#define AGENT_ENCODING_H

#include "core/buf.h"
#include "core/err.h"

/* *how: "" for UTF-8, else the name of what it was read as. */
bool to_utf8(const void *bytes, size_t len, struct buf *out, const char **how, struct err *err) MUST_USE;

#endif
