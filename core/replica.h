/* core/replica.h - a device made of known variables and words, for tests of profiles: answers requests as a device would.
 * Reads .snmprec recordings ("OID|TAG|VALUE", tag suffix x: hex octets).  Pure. */
#ifndef CORE_REPLICA_H
#define CORE_REPLICA_H

#include "core/reading.h"

struct replica;
struct replica *replica_new(void);
void replica_free(struct replica *r);
bool replica_var(struct replica *r, const struct var *v);
bool replica_words(struct replica *r, uint8_t space, uint16_t address, const uint16_t *words, size_t n);
/* Modbus device identification objects 0.. (vendor, product, revision). */
void replica_objects(struct replica *r, const char *const *objects, size_t n);
bool replica_snmprec(struct replica *r, const void *bytes, size_t len, struct err *err) MUST_USE;

/* The answer; `out` borrows from the replica until the next call.  Words between known ones read as 0; a read without any known
 * word gets exception 2. */
void replica_answer(struct replica *r, const struct request *req, struct stamp at, struct reading *out);

#endif
