/* core/merkle.h - RFC 9162 section 2.1 Merkle tree over evidence leaves, SHA-256.  Pure.
 * Leaf hash SHA-256(0x00 || entry), node hash SHA-256(0x01 || left || right).
 *
 * The entry of an evidence leaf is  kind (1 byte) || at (milliseconds, 8 bytes, big-endian) || bytes:  so kind and date
 * of a record cannot be altered either.  merkle_record() hashes it; merkle_leaf() is the plain RFC form. */
#ifndef CORE_MERKLE_H
#define CORE_MERKLE_H

#include "core/time.h"

enum { HASH_LEN = 32, MERKLE_PATH_MAX = 65 };
struct hash { uint8_t bytes[HASH_LEN]; };
struct merkle { uint64_t size; struct hash peaks[64]; };   /* peaks of the perfect subtrees, largest first; append-only state */

void sha256(const void *bytes, size_t len, struct hash *out);
struct piece { const void *bytes; size_t len; };
void sha256_pieces(const struct piece *pieces, size_t n, struct hash *out);     /* as if they were one; takes no memory but OpenSSL's own */
void merkle_leaf(const void *bytes, size_t len, struct hash *out);
/* Leaf hash of an evidence record (enum leaf_kind of store/store.h): what the trees of pued are made of. */
void merkle_record(uint8_t kind, struct wall at, const void *bytes, size_t len, struct hash *out);
void merkle_push(struct merkle *m, const struct hash *leaf);
void merkle_root(const struct merkle *m, struct hash *out);         /* SHA-256("") for the empty tree */
size_t merkle_peaks(uint64_t size);                                  /* how many of peaks[] are used */
/* Proofs read node hashes through `leaf_at`; false when that fails.  path has room for MERKLE_PATH_MAX. */
typedef bool merkle_leaf_at(void *ctx, uint64_t index, struct hash *out);
bool merkle_inclusion(uint64_t index, uint64_t size, merkle_leaf_at *leaf_at, void *ctx, struct hash *path, size_t *n);
/* Every node of a tree of `size` leaves, 64 bytes a leaf: for many paths, each of which then costs look-ups only. */
struct merkle_nodes { uint64_t size; struct hash *levels[64]; };        /* levels[k][i]: root of the leaves [i << k, (i + 1) << k) */
bool merkle_nodes_init(struct merkle_nodes *t, uint64_t size, struct err *err) MUST_USE;       /* then the caller fills levels[0] ... */
void merkle_nodes_fill(struct merkle_nodes *t, struct hash *root);      /* ... and this makes the rest from it, and the root */
bool merkle_nodes_inclusion(const struct merkle_nodes *t, uint64_t index, struct hash *path, size_t *n);
void merkle_nodes_done(struct merkle_nodes *t);
bool merkle_consistency(uint64_t old_size, uint64_t size, merkle_leaf_at *leaf_at, void *ctx, struct hash *path, size_t *n);
bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *path, size_t n, const struct hash *root);
/* old_size 0 is consistent with everything and has an empty path. */
bool merkle_verify_consistency(uint64_t old_size, const struct hash *old_root, uint64_t size, const struct hash *root, const struct hash *path, size_t n);
bool hash_equal(const struct hash *a, const struct hash *b);
void hash_hex(const struct hash *h, char out[65]);
bool hash_of_hex(const char *hex, struct hash *out);                 /* exactly 64 lower- or upper-case digits */

#endif
