/* core/merkle.h - RFC 9162 section 2.1 Merkle tree over evidence leaves, SHA-256.  Pure.
 * Leaf hash SHA-256(0x00 || bytes), node hash SHA-256(0x01 || left || right). */
#ifndef CORE_MERKLE_H
#define CORE_MERKLE_H

#include "core/err.h"

struct hash { uint8_t bytes[32]; };
struct merkle { uint64_t size; struct hash peaks[64]; };   /* peaks of the perfect subtrees, largest first; append-only state */

void sha256(const void *bytes, size_t len, struct hash *out);
void merkle_leaf(const void *bytes, size_t len, struct hash *out);
void merkle_push(struct merkle *m, const struct hash *leaf);
void merkle_root(const struct merkle *m, struct hash *out);         /* SHA-256("") for the empty tree */
/* Proofs read node hashes through `leaf_at`; false when that fails. */
typedef bool merkle_leaf_at(void *ctx, uint64_t index, struct hash *out);
bool merkle_inclusion(uint64_t index, uint64_t size, merkle_leaf_at *leaf_at, void *ctx, struct hash *path, size_t *n);
bool merkle_consistency(uint64_t old_size, uint64_t size, merkle_leaf_at *leaf_at, void *ctx, struct hash *path, size_t *n);
bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *path, size_t n, const struct hash *root);
bool merkle_verify_consistency(uint64_t old_size, const struct hash *old_root, uint64_t size, const struct hash *root, const struct hash *path, size_t n);
void hash_hex(const struct hash *h, char out[65]);

#endif
