/* core/texts.h - many short texts, packed, each named by 32 bits; and rows that are often equal, each kept once.  Pure.
 *
 * For tables of hundreds of thousands of rows: a row then holds two or three numbers instead of pointers and copies. */
#ifndef CORE_TEXTS_H
#define CORE_TEXTS_H

#include "core/base.h"

struct texts { char **blocks; size_t n_blocks, used; };

uint32_t texts_add(struct texts *t, const char *text);       /* 0: out of memory, or text is NULL */
const char *texts_at(const struct texts *t, uint32_t at);    /* stays where it is until texts_done(); NULL for 0 */
void texts_done(struct texts *t);

/* Rows of `size` bytes, compared byte by byte: clear them (padding too) before filling them. */
struct intern { size_t size; unsigned char *rows; uint32_t n, room, *slots; size_t n_slots; };

uint32_t intern_add(struct intern *t, const void *row);      /* the row's number; UINT32_MAX: out of memory */
static inline const void *intern_at(const struct intern *t, uint32_t n) { return t->rows + n * t->size; }   /* until the next intern_add() */
void intern_done(struct intern *t);

/* FNV-1a */
uint64_t hash_text(const char *text);
uint64_t hash_bytes(const void *bytes, size_t len);

#endif
