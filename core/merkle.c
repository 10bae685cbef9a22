#include "core/merkle.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* EVP has no failure left here but memory; a hash of zeroes then verifies nothing. */
void sha256_pieces(const struct piece *pieces, size_t n, struct hash *out)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (size_t i = 0; good && i < n; i++)
		good = EVP_DigestUpdate(ctx, pieces[i].bytes, pieces[i].len) == 1;
	good = good && EVP_DigestFinal_ex(ctx, out->bytes, NULL) == 1;
	if (!good)
		memset(out, 0, sizeof *out);
	EVP_MD_CTX_free(ctx);
}

void sha256(const void *bytes, size_t len, struct hash *out)
{
	sha256_pieces(&(struct piece){ bytes, len }, 1, out);
}

void merkle_leaf(const void *bytes, size_t len, struct hash *out)
{
	struct piece pieces[] = { { "\0", 1 }, { bytes, len } };
	sha256_pieces(pieces, countof(pieces), out);
}

void merkle_record(uint8_t kind, struct wall at, const void *bytes, size_t len, struct hash *out)
{
	uint8_t head[10] = { 0, kind };
	for (int i = 0; i < 8; i++)
		head[2 + i] = (uint8_t)((uint64_t)at.ms >> (56 - 8 * i));
	struct piece pieces[] = { { head, sizeof head }, { bytes, len } };
	sha256_pieces(pieces, countof(pieces), out);
}

static void node(const struct hash *left, const struct hash *right, struct hash *out)
{
	struct piece pieces[] = { { "\1", 1 }, { left, HASH_LEN }, { right, HASH_LEN } };
	sha256_pieces(pieces, countof(pieces), out);
}

size_t merkle_peaks(uint64_t size)
{
	return (size_t)__builtin_popcountll(size);
}

void merkle_push(struct merkle *m, const struct hash *leaf)
{
	struct hash top = *leaf;
	size_t n = merkle_peaks(m->size);
	for (uint64_t bits = m->size; bits & 1; bits >>= 1)
		node(&m->peaks[--n], &top, &top);
	m->peaks[n] = top;
	m->size++;
}

void merkle_root(const struct merkle *m, struct hash *out)
{
	size_t n = merkle_peaks(m->size);
	if (n == 0) {
		sha256("", 0, out);
		return;
	}
	*out = m->peaks[--n];
	while (n)
		node(&m->peaks[--n], out, out);
}

/* MTH(D[lo:hi]) */
static bool range_root(uint64_t lo, uint64_t hi, merkle_leaf_at *leaf_at, void *ctx, struct hash *out)
{
	struct merkle m = { .size = 0 };
	for (uint64_t i = lo; i < hi; i++) {
		struct hash leaf;
		if (!leaf_at(ctx, i, &leaf))
			return false;
		merkle_push(&m, &leaf);
	}
	merkle_root(&m, out);
	return true;
}

/* Largest power of two below n; n > 1. */
static uint64_t split(uint64_t n)
{
	return UINT64_C(1) << (63 - __builtin_clzll(n - 1));
}

struct step { uint64_t lo, hi; };   /* a subtree whose root is one hash of the path, collected from the top */

static bool write_path(const struct step *steps, size_t n, merkle_leaf_at *leaf_at, void *ctx, struct hash *path)
{
	for (size_t i = 0; i < n; i++)   /* paths go from the leaf upwards */
		if (!range_root(steps[n - 1 - i].lo, steps[n - 1 - i].hi, leaf_at, ctx, &path[i]))
			return false;
	return true;
}

static size_t steps_to(uint64_t index, uint64_t size, struct step *steps)
{
	size_t depth = 0;
	uint64_t lo = 0, hi = size;
	while (hi - lo > 1) {
		uint64_t mid = lo + split(hi - lo);
		bool right = index >= mid;
		steps[depth++] = right ? (struct step){ lo, mid } : (struct step){ mid, hi };
		lo = right ? mid : lo;
		hi = right ? hi : mid;
	}
	return depth;
}

bool merkle_inclusion(uint64_t index, uint64_t size, merkle_leaf_at *leaf_at, void *ctx, struct hash *path, size_t *n)
{
	struct step steps[MERKLE_PATH_MAX];
	if (index >= size)
		return false;
	*n = steps_to(index, size, steps);
	return write_path(steps, *n, leaf_at, ctx, path);
}

bool merkle_nodes_init(struct merkle_nodes *t, uint64_t size, struct err *err)
{
	*t = (struct merkle_nodes){ .size = size };
	for (int k = 0; k < 64 && (k == 0 || size >> k); k++)
		if (!(t->levels[k] = calloc((size >> k) + 1, sizeof *t->levels[k]))) {
			merkle_nodes_done(t);
			return err_memory(err);
		}
	return true;
}

void merkle_nodes_done(struct merkle_nodes *t)
{
	for (size_t k = 0; k < countof(t->levels); k++)
		free(t->levels[k]);
	*t = (struct merkle_nodes){ 0 };
}

/* A range of the recursion begins at a multiple of its largest power of two, so that its perfect subtrees are all nodes. */
static void nodes_root(const struct merkle_nodes *t, uint64_t lo, uint64_t hi, struct hash *out)
{
	struct merkle m = { .size = hi - lo };
	size_t n = 0;
	for (int k = 63; k >= 0; k--)
		if (m.size >> k & 1) {
			m.peaks[n++] = t->levels[k][lo >> k];
			lo += UINT64_C(1) << k;
		}
	merkle_root(&m, out);
}

void merkle_nodes_fill(struct merkle_nodes *t, struct hash *root)
{
	for (int k = 1; k < 64 && t->levels[k]; k++)
		for (uint64_t i = 0; i < t->size >> k; i++)
			node(&t->levels[k - 1][2 * i], &t->levels[k - 1][2 * i + 1], &t->levels[k][i]);
	nodes_root(t, 0, t->size, root);
}

bool merkle_nodes_inclusion(const struct merkle_nodes *t, uint64_t index, struct hash *path, size_t *n)
{
	struct step steps[MERKLE_PATH_MAX];
	if (index >= t->size)
		return false;
	*n = steps_to(index, t->size, steps);
	for (size_t i = 0; i < *n; i++)
		nodes_root(t, steps[*n - 1 - i].lo, steps[*n - 1 - i].hi, &path[i]);
	return true;
}

/* SUBPROOF of RFC 9162 section 2.1.4.1: whole = the subtree is one the old tree has as a whole, so its root is known. */
bool merkle_consistency(uint64_t old_size, uint64_t size, merkle_leaf_at *leaf_at, void *ctx, struct hash *path, size_t *n)
{
	struct step steps[MERKLE_PATH_MAX];
	size_t depth = 0;
	uint64_t lo = 0, hi = size;
	bool whole = true;
	*n = 0;
	if (old_size > size)
		return false;
	if (old_size == 0 || old_size == size)
		return true;
	while (hi != old_size) {
		uint64_t mid = lo + split(hi - lo);
		bool right = old_size > mid;
		steps[depth++] = right ? (struct step){ lo, mid } : (struct step){ mid, hi };
		whole = whole && !right;
		lo = right ? mid : lo;
		hi = right ? hi : mid;
	}
	if (!whole)
		steps[depth++] = (struct step){ lo, hi };
	*n = depth;
	return write_path(steps, depth, leaf_at, ctx, path);
}

/* RFC 9162 section 2.1.3.2 */
bool merkle_verify_inclusion(const struct hash *leaf, uint64_t index, uint64_t size, const struct hash *path, size_t n, const struct hash *root)
{
	if (index >= size)
		return false;
	uint64_t fn = index, sn = size - 1;
	struct hash r = *leaf;
	for (size_t i = 0; i < n; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			node(&path[i], &r, &r);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			node(&r, &path[i], &r);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && hash_equal(&r, root);
}

/* RFC 9162 section 2.1.4.2 */
bool merkle_verify_consistency(uint64_t old_size, const struct hash *old_root, uint64_t size, const struct hash *root, const struct hash *path, size_t n)
{
	if (old_size > size)
		return false;
	if (old_size == 0)
		return n == 0;
	if (old_size == size)
		return n == 0 && hash_equal(old_root, root);
	bool power = (old_size & (old_size - 1)) == 0;
	if (n == 0 && !power)
		return false;
	uint64_t fn = old_size - 1, sn = size - 1;
	while (fn & 1) {
		fn >>= 1;
		sn >>= 1;
	}
	struct hash fr = power ? *old_root : path[0], sr = fr;
	for (size_t i = power ? 0 : 1; i < n; i++) {
		if (sn == 0)
			return false;
		if ((fn & 1) || fn == sn) {
			node(&path[i], &fr, &fr);
			node(&path[i], &sr, &sr);
			while (!(fn & 1) && fn) {
				fn >>= 1;
				sn >>= 1;
			}
		} else {
			node(&sr, &path[i], &sr);
		}
		fn >>= 1;
		sn >>= 1;
	}
	return sn == 0 && hash_equal(&fr, old_root) && hash_equal(&sr, root);
}

bool hash_equal(const struct hash *a, const struct hash *b)
{
	return memcmp(a->bytes, b->bytes, HASH_LEN) == 0;
}

void hash_hex(const struct hash *h, char out[65])
{
	for (size_t i = 0; i < HASH_LEN; i++) {
		out[2 * i] = "0123456789abcdef"[h->bytes[i] >> 4];
		out[2 * i + 1] = "0123456789abcdef"[h->bytes[i] & 15];
	}
	out[64] = 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdefABCDEF";
	const char *p = c ? strchr(digits, c) : NULL;
	return !p ? -1 : (int)(p - digits) > 15 ? (int)(p - digits) - 6 : (int)(p - digits);
}

bool hash_of_hex(const char *hex, struct hash *out)
{
	struct hash h;
	for (size_t i = 0; i < 64; i++) {
		int v = hex_digit(hex[i]);
		if (v < 0)
			return false;
		h.bytes[i / 2] = (uint8_t)(i % 2 ? h.bytes[i / 2] | v : v << 4);
	}
	if (hex[64])
		return false;
	*out = h;
	return true;
}
