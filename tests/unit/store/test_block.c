#include "tests/unit/test.h"
#include "store/block.h"
#include "tests/unit/store/kit.h"

#include <stdlib.h>

enum { MANY = 9000 };
static int64_t in[MANY], back[MANY];

/* What a column may hold; each the hardest of its kind. */
static int64_t constant(struct rng *r, size_t i) { (void)r, (void)i; return -42; }
static int64_t counter(struct rng *r, size_t i) { return 1000000 + (int64_t)i * 7 + (int64_t)(rng_next(r) % 2); }
static int64_t noise(struct rng *r, size_t i) { (void)i; return 250000 + (int64_t)(rng_next(r) % 2000); }
static int64_t stamps(struct rng *r, size_t i) { return 1767225600000 + (int64_t)i * 10000 + (int64_t)(rng_next(r) % 7); }
static int64_t random_bits(struct rng *r, size_t i) { (void)i; return (int64_t)rng_next(r); }
static int64_t extremes(struct rng *r, size_t i) { (void)i; return rng_next(r) % 2 ? INT64_MAX : INT64_MIN; }
static int64_t rare_jump(struct rng *r, size_t i) { (void)i; return rng_next(r) % 500 ? 5 : (int64_t)rng_next(r); }
static int64_t widths(struct rng *r, size_t i) { return (int64_t)(rng_next(r) >> (i / 64 % 64)); }
static const struct row { const char *name; int64_t (*make)(struct rng *, size_t); double bytes_each; } rows[] = {
	{ "constant", constant, 0.05 }, { "counter", counter, 0.5 }, { "noise", noise, 2 }, { "stamps with jitter", stamps, 1 },
	{ "random bits", random_bits, 8.2 }, { "extremes, every difference wraps", extremes, 9 }, { "rare jumps", rare_jump, 2 }, { "every width", widths, 9 },
};

static void columns(void **state)
{
	(void)state;
	static const size_t sizes[] = { 0, 1, 2, 3, 63, 64, 65, 127, 128, 129, 360, 8640 };
	for (const struct row *r = rows; r < rows + countof(rows); r++)
		for (size_t k = 0; k < countof(sizes); k++)
			for (int tight = 0; tight < 2; tight++) {
				struct rng rng = { k * 31 + 7 };
				CLEANUP(buf_done) struct buf out = { 0 };
				for (size_t i = 0; i < sizes[k]; i++)
					in[i] = r->make(&rng, i);
				column_put(in, sizes[k], tight, &out);
				row_check(r, !out.failed);
				struct cursor c = { (uint8_t *)out.data, (uint8_t *)out.data + out.len, false };
				row_check(r, column_get(&c, back, sizes[k]) && c.p == c.end);
				row_check(r, memcmp(in, back, sizes[k] * sizeof *in) == 0);
				for (size_t part = 0; part <= sizes[k]; part += 1 + sizes[k] / 7) {
					c = (struct cursor){ (uint8_t *)out.data, (uint8_t *)out.data + out.len, false };
					memset(back, 0, sizeof back);
					row_check(r, column_first(&c, back, sizes[k], part) && memcmp(in, back, part * sizeof *in) == 0);
				}
				if (sizes[k] > 1000)
					row_check(r, (double)out.len < (double)sizes[k] * r->bytes_each);
			}
}

static size_t make_samples(struct sample *s, size_t n, struct rng *rng)
{
	for (size_t i = 0; i < n; i++) {
		uint64_t dice = rng_next(rng);
		s[i] = (struct sample){ .quality = dice % 17 == 0 ? QUALITY_MISSING : dice % 29 == 0 ? QUALITY_STALE : QUALITY_GOOD,
					.value = (int64_t)(dice % 1000), .at = { { 1767225600000 + (int64_t)i * 1000 }, { 77 + (int64_t)i * 1000 }, 3 + (uint32_t)(i / 300), i % 400 != 7 } };
		s[i].reason = s[i].quality == QUALITY_MISSING ? (uint8_t)(1 + dice % (REASON_N - 1)) : 0;
		s[i].value = sample_has_value(&s[i]) ? s[i].value : 0;
	}
	return n;
}

static void blocks(void **state)
{
	(void)state;
	static struct sample s[2000], t[2000];
	static const size_t sizes[] = { 1, 2, 100, 360, 2000 };
	for (size_t k = 0; k < countof(sizes); k++)
		for (int tight = 0; tight < 2; tight++) {
			struct rng rng = { k + 5 };
			CLEANUP(buf_done) struct buf stamp_bytes = { 0 }, bytes = { 0 };
			size_t n = make_samples(s, sizes[k], &rng);
			struct block_head head;
			uint64_t count;
			struct err err;
			stamps_put(s, n, tight, &stamp_bytes);
			block_put(s, n, 12, tight, &bytes);
			memset(t, 0, sizeof t);
			assert_true(stamps_count(stamp_bytes.data, stamp_bytes.len, &count, &err) && count == n);
			assert_true(stamps_get(stamp_bytes.data, stamp_bytes.len, t, n, &err) && stamps_same(s, t, n));
			assert_true(block_get(bytes.data, bytes.len, t, n, &err));
			for (size_t i = 0; i < n; i++)
				assert_true(sample_equal(&s[i], &t[i]));
			for (size_t part = 0; part <= n; part += 1 + n / 7) {
				memset(t, 0, sizeof t);
				assert_true(stamps_first(stamp_bytes.data, stamp_bytes.len, t, part, &err) && block_first(bytes.data, bytes.len, t, n, part, &err));
				for (size_t i = 0; i < part; i++)
					assert_true(s[i].value == t[i].value && s[i].quality == t[i].quality && s[i].reason == t[i].reason && s[i].at.wall.ms == t[i].at.wall.ms);
			}
			assert_true(block_head(bytes.data, bytes.len, &head, &err));
			int64_t sum = 0, min = INT64_MAX, max = INT64_MIN, last = 0;
			uint64_t with = 0;
			for (size_t i = 0; i < n; i++) {
				if (!sample_has_value(&s[i]))
					continue;
				sum += s[i].value;
				min = s[i].value < min ? s[i].value : min;
				max = s[i].value > max ? s[i].value : max;
				last = s[i].value;
				with++;
			}
			assert_true(head.n == n && head.stamps == 12 && head.n_value == with && (!with || (head.sum == sum && head.min == min && head.max == max && head.last == last)));
		}
}

/* Damaged bytes are refused or give other numbers; they never crash, never allocate without bound. */
static void damage(void **state)
{
	(void)state;
	static struct sample s[360], t[360];
	struct rng rng = { 99 };
	make_samples(s, 360, &rng);
	for (int tight = 0; tight < 2; tight++) {
		CLEANUP(buf_done) struct buf bytes = { 0 }, stamp_bytes = { 0 };
		block_put(s, 360, 1, tight, &bytes);
		stamps_put(s, 360, tight, &stamp_bytes);
		for (int i = 0; i < 4000; i++) {
			struct buf *b = i % 2 ? &bytes : &stamp_bytes;
			size_t len = rng_next(&rng) % 3 ? b->len : (size_t)(rng_next(&rng) % b->len);
			char *copy = malloc(len + 1);
			memcpy(copy, b->data, len);
			if (len)
				copy[rng_next(&rng) % len] ^= (char)(1 << rng_next(&rng) % 8);
			(void)!(i % 2 ? block_get(copy, len, t, 360, NULL) : stamps_get(copy, len, t, 360, NULL));
			(void)!(i % 2 ? block_first(copy, len, t, 360, 70, NULL) : stamps_first(copy, len, t, 70, NULL));
			for (size_t k = 0; k < 360; k++)
				assert_true(t[k].quality < QUALITY_N && t[k].reason < REASON_N);
			free(copy);
		}
	}
}

/* A header that says something else than the values is damage, whoever computed the checksum anew. */
static void header(void **state)
{
	(void)state;
	static struct sample s[100], t[100];
	for (int tight = 0; tight < 2; tight++) {
		CLEANUP(buf_done) struct buf bytes = { 0 };
		for (size_t i = 0; i < 100; i++)
			s[i] = (struct sample){ .value = 20 + (int64_t)(i * 7 % 30) };
		block_put(s, 100, 1, tight, &bytes);
		assert_true(block_get(bytes.data, bytes.len, t, 100, NULL));
		/* version, stamps, n, n_value, then minimum, maximum, last, low and high of the sum (two bytes and one) */
		for (size_t at = 4; at < 10; at++) {
			bytes.data[at] ^= at == 8 || at == 9 ? 1 : 2;
			assert_false(block_get(bytes.data, bytes.len, t, 100, NULL));
			bytes.data[at] ^= at == 8 || at == 9 ? 1 : 2;
		}
		assert_true(block_get(bytes.data, bytes.len, t, 100, NULL));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(columns), cmocka_unit_test(blocks), cmocka_unit_test(header), cmocka_unit_test(damage) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
