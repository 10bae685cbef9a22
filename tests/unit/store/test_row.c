#include "tests/unit/test.h"
#include "store/row.h"
#include "tests/unit/store/kit.h"

#include <stdlib.h>

enum { MANY = 5000 };
static struct sample made[MANY];
static uint64_t positions[MANY];

struct readback { size_t n; bool bad; };

static bool compare(void *ctx, uint64_t position, const struct sample *s)
{
	struct readback *r = ctx;
	r->bad |= r->n >= MANY || position != positions[r->n] || !sample_equal(s, &made[r->n]);
	r->n++;
	return true;
}

static const int64_t extremes[] = { 0, 1, -1, INT64_MAX, INT64_MIN, INT64_MAX - 1, INT64_MIN + 1, 127, 128, -128, 1LL << 53 };

/* What a value, a stamp, a position do in a row; each is the hardest case of its kind. */
static const struct row { const char *name; int values, stamps, order, qualities; } rows[] = {
	{ "steady device", 0, 0, 0, 0 },
	{ "extreme values", 1, 0, 0, 0 },
	{ "random values", 2, 0, 0, 0 },
	{ "every sample its own time", 0, 1, 0, 0 },
	{ "extreme times, clocks and sessions", 0, 2, 0, 0 },
	{ "random order of series, holes in the positions", 0, 0, 1, 0 },
	{ "every quality and reason", 0, 0, 0, 1 },
	{ "all at once", 2, 2, 1, 1 },
};

static void make(const struct row *r, struct rng *rng, size_t n)
{
	uint64_t position = 0;
	for (size_t i = 0; i < n; i++) {
		struct sample *s = &made[i];
		uint64_t dice = rng_next(rng);
		*s = (struct sample){ .series = r->order ? (uint32_t)(dice % SHARD_SERIES) : (uint32_t)i % 100, .at = { { 1767225600000 }, { 77 }, 3, true } };
		position += r->order ? dice >> 60 : 0;
		positions[i] = position++;
		s->value = r->values == 2 ? (int64_t)rng_next(rng) : r->values ? extremes[dice % countof(extremes)] : (int64_t)(1000 + dice % 10);
		if (r->stamps == 1) {
			s->at.wall.ms += (int64_t)i;
			s->at.boot.ms += (int64_t)i;
		} else if (r->stamps == 2) {
			s->at = (struct stamp){ { extremes[rng_next(rng) % countof(extremes)] }, { extremes[rng_next(rng) % countof(extremes)] },
						(uint32_t)rng_next(rng), rng_next(rng) % 2 };
		}
		if (r->qualities) {
			s->quality = (uint8_t)(rng_next(rng) % QUALITY_N);
			s->reason = (uint8_t)(rng_next(rng) % REASON_N);
			s->value = sample_has_value(s) ? s->value : 0;
		}
	}
}

static void write_row(struct row_writer *w, bool key, size_t from, size_t to)
{
	row_begin(w, key);
	for (size_t i = from; i < to; i++)
		row_sample(w, positions[i], made[i].series, &made[i]);
	row_end(w);
	assert_false(w->out.failed);
}

static void round_trip(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++)
		for (uint64_t seed = 1; seed <= 20; seed++) {
			struct rng rng = { seed };
			int64_t last[SHARD_SERIES], back[SHARD_SERIES];
			struct row_writer w = { .last = last };
			struct readback out = { 0 };
			size_t n = 1 + (size_t)(rng_next(&rng) % MANY), half = n / 2;
			make(r, &rng, n);
			write_row(&w, true, 0, half);
			row_check(r, row_read(w.out.data, w.out.len, back, compare, &out, NULL));
			write_row(&w, false, half, n);     /* the chain goes on */
			row_check(r, row_read(w.out.data, w.out.len, back, compare, &out, NULL));
			row_check(r, !out.bad && out.n == n);
			row_done(&w);
		}
}

static bool swallow(void *ctx, uint64_t position, const struct sample *s)
{
	(void)position;
	*(int *)ctx += s->series >= SHARD_SERIES || s->quality >= QUALITY_N || s->reason >= REASON_N;
	return true;
}

/* Damaged bytes are refused or give other samples inside their bounds; they never crash. */
static void damage(void **state)
{
	(void)state;
	struct rng rng = { 4711 };
	int64_t last[SHARD_SERIES], back[SHARD_SERIES] = { 0 };
	struct row_writer w = { .last = last };
	int outside = 0;
	make(&rows[7], &rng, 300);
	write_row(&w, true, 0, 300);
	for (int i = 0; i < 20000; i++) {
		char *copy = malloc(w.out.len);
		size_t len = rng_next(&rng) % 4 ? w.out.len : (size_t)(rng_next(&rng) % w.out.len);
		memcpy(copy, w.out.data, w.out.len);
		copy[rng_next(&rng) % w.out.len] = (char)rng_next(&rng);
		struct err err;
		char *exact = malloc(len ? len : 1);
		memcpy(exact, copy, len);
		(void)!row_read(exact, len, back, swallow, &outside, &err);
		free(exact);
		free(copy);
	}
	assert_int_equal(outside, 0);
	row_done(&w);
}

static void ticks(void **state)
{
	(void)state;
	struct tick_writer t = { .wall = 0 };
	struct rng rng = { 9 };
	enum { N = 500 };
	struct stamp stamps[N];
	size_t ns[N], n;
	for (int round = 0; round < 3; round++) {
		tick_reset(&t);
		for (size_t i = 0; i < N; i++) {
			bool wild = round == 2;
			stamps[i] = (struct stamp){ { wild ? extremes[rng_next(&rng) % countof(extremes)] : 1767225600000 + (int64_t)i * 10 },
						    { wild ? (int64_t)rng_next(&rng) : 4000 + (int64_t)i * 10 }, (uint32_t)(round ? rng_next(&rng) % 3 : 2), round ? i % 2 : 1 };
			ns[i] = (size_t)(rng_next(&rng) % 1000);
			tick_batch(&t, ns[i], stamps[i]);
		}
		struct tick_reader r = tick_read(t.out.data, t.out.len);
		struct stamp now;
		for (size_t i = 0; i < N; i++) {
			assert_true(tick_next(&r, &n, &now));
			assert_int_equal(n, ns[i]);
			assert_true(now.wall.ms == stamps[i].wall.ms && now.boot.ms == stamps[i].boot.ms && now.session == stamps[i].session && now.synced == stamps[i].synced);
		}
		assert_false(tick_next(&r, &n, &now));
		assert_false(r.in.bad);
		if (round == 0)
			assert_true(t.out.len < N * 4);
	}
	struct tick_reader cut = tick_read("\x03\x00", 2);
	struct stamp now;
	assert_false(tick_next(&cut, &n, &now));
	assert_true(cut.in.bad);
	buf_done(&t.out);
}

static const struct varint_row { const char *name, *bytes; size_t len; bool good; uint64_t value; } varints[] = {
	{ "zero", "\x00", 1, true, 0 }, { "127", "\x7f", 1, true, 127 }, { "128", "\x80\x01", 2, true, 128 },
	{ "all ones", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX },
	{ "65 bits", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0 }, { "eleven bytes", "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11, false, 0 },
	{ "longer than needed", "\x81\x00", 2, false, 0 }, { "cut", "\x80", 1, false, 0 }, { "empty", "", 0, false, 0 },
};

static void varint(void **state)
{
	(void)state;
	for (const struct varint_row *r = varints; r < varints + countof(varints); r++) {
		struct cursor c = { (const uint8_t *)r->bytes, (const uint8_t *)r->bytes + r->len, false };
		uint64_t v = varint_get(&c);
		row_check(r, c.bad == !r->good && v == r->value && c.p == c.end);
		if (!r->good)
			continue;
		uint8_t out[VARINT_MAX];
		row_check(r, varint_put(out, v) == r->len && memcmp(out, r->bytes, r->len) == 0);
	}
	for (size_t i = 0; i < countof(extremes); i++)
		assert_true(unzigzag(zigzag(extremes[i])) == extremes[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(varint), cmocka_unit_test(round_trip), cmocka_unit_test(damage), cmocka_unit_test(ticks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
