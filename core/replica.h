/* core/replica.h - a device made of known variables and words, for tests of profiles: answers requests as a device would.
 * Reads .snmprec recordings ("OID|TAG|VALUE", tag suffix x: hex octets).  Pure. */
#ifndef CORE_REPLICA_H
#define CORE_REPLICA_H

#include "core/reading.h"

struct replica;
struct replica *replica_new(void);
void replica_free(struct replica *r);
bool replica_var(struct replica *r, const struct var *v);
void replica_sort(struct replica *r);    /* from here on (and after an answer) a variable of the same name replaces the earlier one */
bool replica_words(struct replica *r, uint8_t space, uint16_t address, const uint16_t *words, size_t n);
/* Modbus device identification objects 0.. (vendor, product, revision). */
void replica_objects(struct replica *r, const char *const *objects, size_t n);
bool replica_snmprec(struct replica *r, const void *bytes, size_t len, struct err *err) MUST_USE;

/* Like a device that refuses to read over addresses it does not have: exception 2 instead of 0 for an unknown word. */
void replica_strict(struct replica *r);

/* The answer; `out` borrows from the replica until the next call.  Words between known ones read as 0; a read without any known
 * word gets exception 2. */
void replica_answer(struct replica *r, const struct request *req, struct stamp at, struct reading *out);

#endif
