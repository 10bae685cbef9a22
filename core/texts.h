/* core/texts.h - many short texts, packed, each named by 32 bits; rows that are often equal, each kept once; a hash table of row numbers.  Pure.
 *
 * For tables of hundreds of thousands of rows: a row then holds two or three numbers instead of pointers and copies. */
#ifndef CORE_TEXTS_H
#define CORE_TEXTS_H

#include "core/base.h"

struct texts { char **blocks; size_t n_blocks, used; };

uint32_t texts_add(struct texts *t, const char *text);       /* 0: out of memory, or text is NULL */
const char *texts_at(const struct texts *t, uint32_t at);    /* stays where it is until texts_done(); NULL for 0 */
void texts_done(struct texts *t);

/* A hash table of row numbers (open addressing); hashes and comparing are the caller's. */
struct slots { uint32_t *at; size_t n; };

/* The numbers that may have this hash, one after the other (*step is 0 at first); UINT32_MAX: no more. */
static inline uint32_t slots_next(const struct slots *s, uint64_t hash, size_t *step)
{
	return s->n ? s->at[(hash + (*step)++) & (s->n - 1)] - 1 : UINT32_MAX;
}
/* Room for one more than the numbers 0..n-1, which are put in anew when the table grows. */
bool slots_room(struct slots *s, uint32_t n, uint64_t (*hash)(const void *rows, uint32_t number), const void *rows) MUST_USE;
void slots_put(struct slots *s, uint64_t hash, uint32_t number);
void slots_done(struct slots *s);

/* Rows for a quarter more: what was doubled last lies there half empty.  NULL: out of memory, the old ones stay. */
void *quarter_more(void *rows, size_t *room, size_t size);

/* Rows of `size` bytes, compared byte by byte: clear them (padding too) before filling them. */
struct intern { size_t size; unsigned char *rows; uint32_t n, room; struct slots slots; };

uint32_t intern_add(struct intern *t, const void *row);      /* the row's number; UINT32_MAX: out of memory */
static inline const void *intern_at(const struct intern *t, uint32_t n) { return t->rows + n * t->size; }   /* until the next intern_add() */
void intern_done(struct intern *t);

/* FNV-1a */
uint64_t hash_text(const char *text);
uint64_t hash_bytes(const void *bytes, size_t len);

#endif
