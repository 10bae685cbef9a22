#include "tests/unit/test.h"
#include "core/merkle.h"

/* The eight leaves and nine roots every RFC 6962 / RFC 9162 implementation is tested with (certificate-transparency). */
static const struct vector { const char *name; uint8_t leaf[16]; size_t len; const char *root; } vectors[] = {
	{ "one, empty", { 0 }, 0, "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d" },
	{ "two", { 0x00 }, 1, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125" },
	{ "three", { 0x10 }, 1, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77" },
	{ "four", { 0x20, 0x21 }, 2, "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7" },
	{ "five", { 0x30, 0x31 }, 2, "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4" },
	{ "six", { 0x40, 0x41, 0x42, 0x43 }, 4, "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef" },
	{ "seven", { 0x50, 0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x57 }, 8, "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c" },
	{ "eight", { 0x60, 0x61, 0x62, 0x63, 0x64, 0x65, 0x66, 0x67, 0x68, 0x69, 0x6a, 0x6b, 0x6c, 0x6d, 0x6e, 0x6f }, 16,
	  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328" },
};

static void known_roots(void **state)
{
	(void)state;
	struct merkle m = { 0 };
	struct hash h;
	char hex[65];
	merkle_root(&m, &h);
	hash_hex(&h, hex);
	assert_string_equal(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	for (const struct vector *v = vectors; v < vectors + countof(vectors); v++) {
		merkle_leaf(v->leaf, v->len, &h);
		merkle_push(&m, &h);
		merkle_root(&m, &h);
		hash_hex(&h, hex);
		row_check(v, strcmp(hex, v->root) == 0);
	}
}

enum { SIZES = 65 };
static struct hash leaves[SIZES], roots[SIZES + 1];

static bool leaf_at(void *ctx, uint64_t index, struct hash *out)
{
	(void)ctx;
	*out = leaves[index];
	return true;
}

static bool leaf_lost(void *ctx, uint64_t index, struct hash *out)
{
	return index != *(uint64_t *)ctx && leaf_at(NULL, index, out);
}

static int grow(void **state)
{
	(void)state;
	struct merkle m = { 0 };
	merkle_root(&m, &roots[0]);
	for (uint64_t i = 0; i < SIZES; i++) {
		merkle_record((uint8_t)(i % 5), (struct wall){ (int64_t)i * 900000 }, &i, sizeof i, &leaves[i]);
		merkle_push(&m, &leaves[i]);
		merkle_root(&m, &roots[i + 1]);
	}
	return 0;
}

static void flip(struct hash *h, unsigned seed)
{
	h->bytes[seed % HASH_LEN] ^= (uint8_t)(1 << seed % 8);
}

/* Sizes 0..64, every index: the proof holds; with another index, another leaf, a flipped or missing hash it does not. */
static void every_inclusion(void **state)
{
	(void)state;
	for (uint64_t size = 0; size < SIZES; size++)
		for (uint64_t i = 0; i < size; i++) {
			struct hash path[MERKLE_PATH_MAX];
			size_t n = 99;
			assert_true(merkle_inclusion(i, size, leaf_at, NULL, path, &n));
			assert_true(merkle_verify_inclusion(&leaves[i], i, size, path, n, &roots[size]));
			for (uint64_t k = 0; k <= size; k++)
				if (k != i)
					assert_false(merkle_verify_inclusion(&leaves[i], k, size, path, n, &roots[size]));
			assert_false(merkle_verify_inclusion(&leaves[(i + 1) % SIZES], i, size, path, n, &roots[size]));
			assert_false(merkle_verify_inclusion(&leaves[i], i, size, path, n, &roots[size + 1]));
			assert_false(n && merkle_verify_inclusion(&leaves[i], i, size, path, n - 1, &roots[size]));
			path[n] = roots[3];
			assert_false(merkle_verify_inclusion(&leaves[i], i, size, path, n + 1, &roots[size]));
			for (size_t k = 0; k < n; k++) {
				flip(&path[k], (unsigned)(i + k));
				assert_false(merkle_verify_inclusion(&leaves[i], i, size, path, n, &roots[size]));
				flip(&path[k], (unsigned)(i + k));
			}
		}
}

/* The tree with all its nodes gives the same root and the same paths. */
static void nodes_agree(void **state)
{
	(void)state;
	struct merkle_nodes t;
	struct err err = { 0 };
	for (uint64_t size = 0; size < SIZES; size++) {
		struct hash root, path[MERKLE_PATH_MAX], other[MERKLE_PATH_MAX];
		size_t n, m;
		assert_true(merkle_nodes_init(&t, size, &err));
		memcpy(t.levels[0], leaves, size * sizeof *leaves);
		merkle_nodes_fill(&t, &root);
		assert_true(hash_equal(&root, &roots[size]));
		for (uint64_t i = 0; i < size; i++) {
			assert_true(merkle_inclusion(i, size, leaf_at, NULL, path, &n) && merkle_nodes_inclusion(&t, i, other, &m));
			assert_int_equal(n, m);
			assert_memory_equal(path, other, n * sizeof *path);
		}
		assert_false(merkle_nodes_inclusion(&t, size, other, &m));
		merkle_nodes_done(&t);
	}
}

static void every_consistency(void **state)
{
	(void)state;
	for (uint64_t size = 0; size < SIZES; size++)
		for (uint64_t old = 0; old <= size; old++) {
			struct hash path[MERKLE_PATH_MAX];
			size_t n = 99;
			assert_true(merkle_consistency(old, size, leaf_at, NULL, path, &n));
			assert_true(merkle_verify_consistency(old, &roots[old], size, &roots[size], path, n));
			if (old == 0)
				continue;
			struct hash wrong = roots[old];
			flip(&wrong, (unsigned)old);
			assert_false(merkle_verify_consistency(old, &wrong, size, &roots[size], path, n));
			assert_false(merkle_verify_consistency(old, &roots[old], size, &roots[size + 1], path, n));
			assert_false(n && merkle_verify_consistency(old, &roots[old], size, &roots[size], path, n - 1));
			for (size_t k = 0; k < n; k++) {
				flip(&path[k], (unsigned)(old + k));
				assert_false(merkle_verify_consistency(old, &roots[old], size, &roots[size], path, n));
				flip(&path[k], (unsigned)(old + k));
			}
		}
}

static void refusals(void **state)
{
	(void)state;
	struct hash path[MERKLE_PATH_MAX];
	size_t n;
	uint64_t lost = 5;
	assert_false(merkle_inclusion(7, 7, leaf_at, NULL, path, &n));
	assert_false(merkle_consistency(8, 7, leaf_at, NULL, path, &n));
	assert_false(merkle_inclusion(0, 8, leaf_lost, &lost, path, &n));
	assert_false(merkle_consistency(4, 8, leaf_lost, &lost, path, &n));
}

static void record_covers_everything(void **state)
{
	(void)state;
	struct hash a, b;
	merkle_record(1, (struct wall){ 1000 }, "x", 1, &a);
	static const struct { uint8_t kind; int64_t at; const char *bytes; } others[] = { { 2, 1000, "x" }, { 1, 1001, "x" }, { 1, 1000, "y" }, { 1, -1000, "x" } };
	for (size_t i = 0; i < countof(others); i++) {
		merkle_record(others[i].kind, (struct wall){ others[i].at }, others[i].bytes, 1, &b);
		assert_false(hash_equal(&a, &b));
	}
	uint8_t entry[] = { 1, 0, 0, 0, 0, 0, 0, 0x03, 0xe8, 'x' };
	merkle_leaf(entry, sizeof entry, &b);
	assert_true(hash_equal(&a, &b));
}

static void hex_is_strict(void **state)
{
	(void)state;
	struct hash h;
	char hex[65];
	hash_hex(&leaves[3], hex);
	assert_true(hash_of_hex(hex, &h) && hash_equal(&h, &leaves[3]));
	hex[63] = 0;
	assert_false(hash_of_hex(hex, &h));
	assert_false(hash_of_hex("g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", &h));
	assert_false(hash_of_hex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8550", &h));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(known_roots), cmocka_unit_test(every_inclusion), cmocka_unit_test(nodes_agree),
		cmocka_unit_test(every_consistency),
					    cmocka_unit_test(refusals), cmocka_unit_test(record_covers_everything), cmocka_unit_test(hex_is_strict) };
	return cmocka_run_group_tests(tests, grow, NULL);
}
