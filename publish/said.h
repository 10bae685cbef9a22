/* publish/said.h - what the program says in English, in Chinese: the sentences of web/said.zh.json, as web/said.js reads them.
 *
 * "%" of a sentence is a hole; a hole behind ": " or "(" may hold a sentence of its own, and "place: cause" is translated part by
 * part.  What is not there stays English.  Pure. */
#ifndef PUBLISH_SAID_H
#define PUBLISH_SAID_H

#include "core/buf.h"

struct said;
struct said *said_new(void);            /* NULL without memory: everything stays English */
void said_free(struct said *s);
void said_zh(const struct said *s, const char *english, struct buf *out);
/* A word of the vocabularies of web/zh.json: prefix "ev_" events, "fi_" findings, "ro_" roles, "su_" sums, "pa_" kinds of parts. */
void said_word_zh(const struct said *s, const char *prefix, const char *word, struct buf *out);

#endif
