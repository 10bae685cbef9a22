#include "store/column.h"
#include "store/range.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MODEL_FLAT, MODEL_DELTA, MODEL_DELTA2, MODEL_LINE, MODEL_MEAN, MODEL_N = MODEL_MEAN + 3, GROUP = 64, PACK_BITS = 0, PACK_RANGE = 1, SCALED = 128, FRACTION = 8 };

static unsigned width_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Running mean of the values seen, with FRACTION bits behind the point; wraps, and wraps back the same way. */
static int64_t mean_round(int64_t mean)
{
	return wrap_add(mean, 1 << (FRACTION - 1)) >> FRACTION;
}

static int64_t mean_next(int64_t mean, int64_t v, unsigned shift)
{
	return wrap_add(mean, wrap_sub((int64_t)((uint64_t)v << FRACTION), mean) >> shift);
}

static unsigned mean_shift(unsigned model)
{
	return 2 * (model - MODEL_MEAN + 1);
}

static size_t residual_count(unsigned model, size_t n)
{
	return model == MODEL_FLAT || model == MODEL_LINE ? n : model == MODEL_DELTA2 ? (n > 1 ? n - 2 : 0) : n - 1;
}

static int64_t minimum(const int64_t *v, size_t n)
{
	int64_t min = v[0];
	for (size_t i = 1; i < n; i++)
		min = v[i] < min ? v[i] : min;
	return min;
}

static void flat(const int64_t *v, size_t n, uint64_t *r, struct buf *head)
{
	int64_t min = minimum(v, n);
	varint_add(head, zigzag(min));
	for (size_t i = 0; i < n; i++)
		r[i] = (uint64_t)v[i] - (uint64_t)min;
}

static void delta(const int64_t *v, size_t n, uint64_t *r, struct buf *head)
{
	varint_add(head, zigzag(v[0]));
	for (size_t i = 1; i < n; i++)
		r[i - 1] = zigzag(wrap_sub(v[i], v[i - 1]));
}

static void delta2(const int64_t *v, size_t n, uint64_t *r, struct buf *head)
{
	varint_add(head, zigzag(v[0]));
	if (n > 1)
		varint_add(head, zigzag(wrap_sub(v[1], v[0])));
	for (size_t i = 2; i < n; i++)
		r[i - 2] = zigzag(wrap_sub(wrap_sub(v[i], v[i - 1]), wrap_sub(v[i - 1], v[i - 2])));
}

static void line(const int64_t *v, size_t n, uint64_t *r, struct buf *head)
{
	int64_t whole = wrap_sub(v[n - 1], v[0]), steps = n > 1 ? (int64_t)n - 1 : 1, step = whole / steps, rest = whole % steps, base = v[0];
	step += rest * 2 >= steps ? 1 : rest * -2 >= steps ? -1 : 0;
	for (size_t i = 0; i < n; i++) {
		int64_t off = wrap_sub(v[i], (int64_t)((uint64_t)step * i));
		base = off < base ? off : base;
	}
	varint_add(head, zigzag(base));
	varint_add(head, zigzag(step));
	for (size_t i = 0; i < n; i++)
		r[i] = (uint64_t)v[i] - (uint64_t)step * i - (uint64_t)base;
}

static void mean(const int64_t *v, size_t n, unsigned shift, uint64_t *r, struct buf *head)
{
	int64_t m = (int64_t)((uint64_t)v[0] << FRACTION);
	varint_add(head, zigzag(v[0]));
	for (size_t i = 1; i < n; i++) {
		r[i - 1] = zigzag(wrap_sub(v[i], mean_round(m)));
		m = mean_next(m, v[i], shift);
	}
}

/* Residuals of a model into r; how many.  What goes ahead of them is written to head. */
static size_t residuals(unsigned model, const int64_t *v, size_t n, uint64_t *r, struct buf *head)
{
	static void (*const simple[])(const int64_t *, size_t, uint64_t *, struct buf *) = { flat, delta, delta2, line };
	if (model < MODEL_MEAN)
		simple[model](v, n, r, head);
	else
		mean(v, n, mean_shift(model), r, head);
	return residual_count(model, n);
}

static size_t bits_cost(const uint64_t *r, size_t m)
{
	size_t cost = 0;
	for (size_t at = 0; at < m; at += GROUP) {
		size_t k = m - at < GROUP ? m - at : GROUP;
		uint64_t all = 0;
		for (size_t i = 0; i < k; i++)
			all |= r[at + i];
		cost += 1 + (k * width_of(all) + 7) / 8;
	}
	return cost;
}

static void put_bits(const uint64_t *r, size_t m, struct buf *out)
{
	for (size_t at = 0; at < m; at += GROUP) {
		size_t k = m - at < GROUP ? m - at : GROUP;
		uint64_t all = 0;
		uint8_t bytes[1 + GROUP * 8] = { 0 };
		for (size_t i = 0; i < k; i++)
			all |= r[at + i];
		unsigned w = width_of(all);
		bytes[0] = (uint8_t)w;
		uint8_t *p = bytes + 1;
		unsigned __int128 held = 0;
		unsigned have = 0;
		for (size_t i = 0; i < k; i++) {
			held |= (unsigned __int128)r[at + i] << have;
			for (have += w; have >= 8; have -= 8, held >>= 8)
				*p++ = (uint8_t)held;
		}
		if (have)
			*p++ = (uint8_t)held;
		buf_add(out, bytes, (size_t)(p - bytes));
	}
}

/* What the range coder will about need, in bits: the entropy of the widths, and the bits below them. */
static double range_cost(const uint64_t *r, size_t m)
{
	size_t count[65] = { 0 };
	double cost = 0;
	for (size_t i = 0; i < m; i++)
		count[width_of(r[i])]++;
	for (unsigned w = 0; w < countof(count); w++)
		if (count[w])
			cost += (double)count[w] * (log2((double)m / (double)count[w]) + (w > 1 ? w - 1 : 0));
	return cost;
}

/* Greatest g that divides all distances from the minimum; 1 when they do not fit into 63 bits. */
static uint64_t common_divisor(const int64_t *v, size_t n, int64_t min)
{
	uint64_t g = 0;
	for (size_t i = 0; i < n && g != 1; i++) {
		uint64_t a = (uint64_t)v[i] - (uint64_t)min, b = g;
		if (a > INT64_MAX)
			return 1;
		if (g && a % g == 0)
			continue;
		while (b) {
			uint64_t rest = a % b;
			a = b;
			b = rest;
		}
		g = a;
	}
	return g ? g : 1;
}

struct scratch { uint64_t *r; int64_t *v; uint8_t *packed; struct buf head; };

static void scratch_done(struct scratch *s)
{
	free(s->r);
	free(s->v);
	free(s->packed);
	buf_done(&s->head);
}

static double cost_of(unsigned model, const int64_t *v, size_t n, bool tight, struct scratch *s)
{
	s->head.len = 0;
	size_t m = residuals(model, v, n, s->r, &s->head);
	return 8 * (double)s->head.len + (tight ? range_cost(s->r, m) : 8 * (double)bits_cost(s->r, m));
}

/* By four pieces of a long column: a day looks alike everywhere, or at least four times. */
static unsigned choose(const int64_t *v, size_t n, bool tight, struct scratch *s)
{
	enum { PIECE = 512, PIECES = 4 };
	unsigned best = 0;
	double least = INFINITY;
	for (unsigned model = 0; model < (tight ? MODEL_N : MODEL_LINE); model++) {
		double cost = 0;
		if (n <= PIECE * PIECES)
			cost = cost_of(model, v, n, tight, s);
		else
			for (size_t i = 0; i < PIECES; i++)
				cost += cost_of(model, v + (n - PIECE) / (PIECES - 1) * i, PIECE, tight, s);
		if (cost < least) {
			least = cost;
			best = model;
		}
	}
	return best;
}

static void put_column(const int64_t *v, size_t n, unsigned scaled, const struct buf *scale, bool tight, struct scratch *s, struct buf *out)
{
	unsigned model = n ? choose(v, n, tight, s) : MODEL_FLAT;
	CLEANUP(buf_done) struct buf head = { 0 };
	size_t m = n ? residuals(model, v, n, s->r, &head) : 0, bits = bits_cost(s->r, m), len = tight && bits > 3 ? range_put(s->r, m, s->packed, bits - 1) : 0;
	unsigned packing = len ? PACK_RANGE : PACK_BITS;
	buf_add(out, &(uint8_t){ (uint8_t)(model | packing << 4 | scaled) }, 1);
	buf_add(out, scale->data ? scale->data : "", scale->len);
	buf_add(out, head.data ? head.data : "", head.len);
	out->failed |= head.failed || scale->failed;
	if (packing == PACK_RANGE) {
		varint_add(out, len);
		buf_add(out, s->packed, len);
	} else {
		put_bits(s->r, m, out);
	}
}

void column_put(const int64_t *v, size_t n, bool tight, struct buf *out)
{
	CLEANUP(scratch_done) struct scratch s = { .r = malloc((n + 1) * sizeof *s.r), .v = malloc((n + 1) * sizeof *s.v), .packed = tight ? malloc(n * 9 + 64) : NULL };
	CLEANUP(buf_done) struct buf scale = { 0 };
	if (!s.r || !s.v || (tight && !s.packed)) {
		out->failed = true;
		return;
	}
	int64_t min = n ? minimum(v, n) : 0;
	uint64_t g = common_divisor(v, n, min);
	if (g < 2) {
		put_column(v, n, 0, &scale, tight, &s, out);
		return;
	}
	varint_add(&scale, zigzag(min));
	varint_add(&scale, g);
	for (size_t i = 0; i < n; i++)
		s.v[i] = (int64_t)(((uint64_t)v[i] - (uint64_t)min) / g);
	put_column(s.v, n, SCALED, &scale, tight, &s, out);
}

/* Whole groups, until `wanted` of the m residuals are there. */
static bool get_bits(struct cursor *in, uint64_t *r, size_t m, size_t wanted)
{
	for (size_t at = 0; at < wanted; at += GROUP) {
		size_t k = m - at < GROUP ? m - at : GROUP;
		if (in->p >= in->end || *in->p > 64)
			return false;
		unsigned w = *in->p++;
		size_t len = (k * w + 7) / 8;
		if ((size_t)(in->end - in->p) < len)
			return false;
		const uint8_t *p = in->p;
		uint64_t mask = w == 64 ? UINT64_MAX : (1ull << w) - 1;
		unsigned __int128 held = 0;
		unsigned have = 0;
		for (size_t i = 0; i < k; i++) {
			for (; have < w; have += 8)
				held |= (unsigned __int128)*p++ << have;
			r[at + i] = (uint64_t)held & mask;
			held >>= w;
			have -= w;
		}
		in->p += len;
	}
	return true;
}

static bool get_range(struct cursor *in, uint64_t *r, size_t m, size_t wanted)
{
	uint64_t len = varint_get(in);
	if (in->bad || len > (uint64_t)(in->end - in->p))
		return false;
	const uint8_t *bytes = in->p;
	in->p += len;
	if (wanted == m)
		return range_get(bytes, (size_t)len, r, m);
	range_first(bytes, (size_t)len, r, wanted);
	return true;
}

static void from_differences(unsigned model, const uint64_t *r, size_t n, int64_t first, int64_t step, int64_t *v)
{
	v[0] = first;
	for (size_t i = 1; i < n; i++) {
		if (model == MODEL_DELTA)
			step = unzigzag(r[i - 1]);
		else if (i > 1)
			step = wrap_add(step, unzigzag(r[i - 2]));
		v[i] = wrap_add(v[i - 1], step);
	}
}

static void from_mean(unsigned shift, const uint64_t *r, size_t n, int64_t first, int64_t *v)
{
	int64_t m = (int64_t)((uint64_t)first << FRACTION);
	v[0] = first;
	for (size_t i = 1; i < n; i++) {
		v[i] = wrap_add(mean_round(m), unzigzag(r[i - 1]));
		m = mean_next(m, v[i], shift);
	}
}

static void integrate(unsigned model, const uint64_t *r, size_t n, int64_t first, int64_t step, int64_t *v)
{
	if (model >= MODEL_MEAN)
		from_mean(mean_shift(model), r, n, first, v);
	else if (model == MODEL_DELTA || model == MODEL_DELTA2)
		from_differences(model, r, n, first, step, v);
	else
		for (size_t i = 0; i < n; i++)
			v[i] = (int64_t)((uint64_t)first + (uint64_t)step * i + r[i]);
}

bool column_get(struct cursor *in, int64_t *v, size_t n)
{
	return column_first(in, v, n, n);
}

bool column_first(struct cursor *in, int64_t *v, size_t n, size_t k)
{
	if (in->p >= in->end)
		return false;
	unsigned how = *in->p++, model = how & 15, packing = how >> 4 & 7, scaled = how & SCALED;
	if (model >= MODEL_N || packing > PACK_RANGE)
		return false;
	if (n == 0)
		return packing == PACK_BITS && !scaled;
	int64_t min = scaled ? unzigzag(varint_get(in)) : 0;
	uint64_t g = scaled ? varint_get(in) : 1;
	bool has_step = model == MODEL_LINE || (model == MODEL_DELTA2 && n > 1);
	int64_t first = unzigzag(varint_get(in)), step = has_step ? unzigzag(varint_get(in)) : 0;
	size_t m = residual_count(model, n), wanted = k ? residual_count(model, k) : 0;
	uint64_t *r = malloc((wanted + GROUP) * sizeof *r);
	bool good = r && !in->bad && (!scaled || g > 1) && (packing == PACK_BITS ? get_bits(in, r, m, wanted) : get_range(in, r, m, wanted));
	if (good && k)
		integrate(model, r, k, first, step, v);
	for (size_t i = 0; good && scaled && i < k; i++)
		v[i] = (int64_t)((uint64_t)min + (uint64_t)v[i] * g);
	free(r);
	return good;
}
