#include "store/column.h"

#include <stdlib.h>
#include <string.h>
#include <zstd.h>

enum { MODEL_FLAT, MODEL_DELTA, MODEL_DELTA2, MODEL_N, GROUP = 64, PACK_BITS = 0, PACK_PLANES = 1, ZSTD_LEVEL = 9 };

static unsigned width_of(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
}

/* Residuals of a model into r; how many.  What goes ahead of them is written to head. */
static size_t residuals(unsigned model, const int64_t *v, size_t n, uint64_t *r, struct buf *head)
{
	size_t m = 0;
	if (n == 0)
		return 0;
	if (model == MODEL_FLAT) {
		int64_t min = v[0];
		for (size_t i = 1; i < n; i++)
			min = v[i] < min ? v[i] : min;
		varint_add(head, zigzag(min));
		for (size_t i = 0; i < n; i++)
			r[m++] = (uint64_t)v[i] - (uint64_t)min;
		return m;
	}
	varint_add(head, zigzag(v[0]));
	int64_t before = 0;
	for (size_t i = 1; i < n; i++) {
		int64_t d = wrap_sub(v[i], v[i - 1]);
		if (model == MODEL_DELTA)
			r[m++] = zigzag(d);
		else if (i == 1)
			varint_add(head, zigzag(d));
		else
			r[m++] = zigzag(wrap_sub(d, before));
		before = d;
	}
	return m;
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
		size_t bit = 8;
		for (size_t i = 0; i < k; i++)
			for (unsigned left = w, done = 0; left;) {
				unsigned room = 8 - (unsigned)(bit & 7), take = left < room ? left : room;
				bytes[bit >> 3] |= (uint8_t)((r[at + i] >> done & ((1u << take) - 1)) << (bit & 7));
				bit += take;
				done += take;
				left -= take;
			}
		buf_add(out, bytes, (bit + 7) / 8);
	}
}

/* A zstd frame of the byte planes; 0 when that failed. */
static size_t planes(const uint64_t *r, size_t m, unsigned k, uint8_t *plain, uint8_t *packed, size_t room)
{
	for (unsigned p = 0; p < k; p++)
		for (size_t i = 0; i < m; i++)
			plain[p * m + i] = (uint8_t)(r[i] >> (8 * p));
	size_t len = ZSTD_compress(packed, room, plain, m * k, ZSTD_LEVEL);
	return ZSTD_isError(len) ? 0 : len;
}

struct scratch { uint64_t *r; uint8_t *plain, *packed, *best; size_t room; };

static void scratch_done(struct scratch *s)
{
	free(s->r);
	free(s->plain);
	free(s->packed);
	free(s->best);
}

static bool scratch_make(struct scratch *s, size_t n, bool tight)
{
	s->room = ZSTD_compressBound(n * 8 + 8);
	s->r = malloc((n + 1) * sizeof *s->r);
	s->plain = tight ? malloc(n * 8 + 8) : NULL;
	s->packed = tight ? malloc(s->room) : NULL;
	s->best = tight ? malloc(s->room) : NULL;
	return s->r && (!tight || (s->plain && s->packed && s->best));
}

struct choice { unsigned model, packing, k; size_t cost, len; };

static unsigned planes_of(const uint64_t *r, size_t m)
{
	uint64_t all = 0;
	for (size_t i = 0; i < m; i++)
		all |= r[i];
	unsigned k = (width_of(all) + 7) / 8;
	return k ? k : 1;
}

static struct choice choose(const int64_t *v, size_t n, bool tight, struct scratch *s)
{
	struct choice best = { .cost = SIZE_MAX };
	for (unsigned model = 0; model < MODEL_N; model++) {
		CLEANUP(buf_done) struct buf head = { 0 };
		size_t m = residuals(model, v, n, s->r, &head), cost = head.len + bits_cost(s->r, m);
		if (cost < best.cost)
			best = (struct choice){ .model = model, .packing = PACK_BITS, .cost = cost };
		if (!tight || m < 32)
			continue;
		unsigned k = planes_of(s->r, m);
		size_t len = planes(s->r, m, k, s->plain, s->packed, s->room);
		if (len && head.len + 3 + len < best.cost) {
			best = (struct choice){ .model = model, .packing = PACK_PLANES, .k = k, .cost = head.len + 3 + len, .len = len };
			memcpy(s->best, s->packed, len);
		}
	}
	return best;
}

void column_put(const int64_t *v, size_t n, bool tight, struct buf *out)
{
	CLEANUP(scratch_done) struct scratch s = { 0 };
	if (!scratch_make(&s, n, tight)) {
		out->failed = true;
		return;
	}
	struct choice c = choose(v, n, tight, &s);
	uint8_t how = (uint8_t)(c.model | c.packing << 4);
	buf_add(out, &how, 1);
	size_t m = residuals(c.model, v, n, s.r, out);
	if (c.packing == PACK_BITS) {
		put_bits(s.r, m, out);
		return;
	}
	buf_add(out, &(uint8_t){ (uint8_t)c.k }, 1);
	varint_add(out, c.len);
	buf_add(out, s.best, c.len);
}

static bool get_bits(struct cursor *in, uint64_t *r, size_t m)
{
	for (size_t at = 0; at < m; at += GROUP) {
		size_t k = m - at < GROUP ? m - at : GROUP;
		if (in->p >= in->end || *in->p > 64)
			return false;
		unsigned w = *in->p++;
		size_t len = (k * w + 7) / 8;
		if ((size_t)(in->end - in->p) < len)
			return false;
		size_t bit = 0;
		for (size_t i = 0; i < k; i++) {
			uint64_t v = 0;
			for (unsigned done = 0; done < w;) {
				unsigned room = 8 - (unsigned)(bit & 7), take = w - done < room ? w - done : room;
				v |= (uint64_t)(in->p[bit >> 3] >> (bit & 7) & ((1u << take) - 1)) << done;
				bit += take;
				done += take;
			}
			r[at + i] = v;
		}
		in->p += len;
	}
	return true;
}

static bool get_planes(struct cursor *in, uint64_t *r, size_t m)
{
	if (in->p >= in->end)
		return false;
	unsigned k = *in->p++;
	uint64_t len = varint_get(in);
	if (in->bad || k < 1 || k > 8 || len > (uint64_t)(in->end - in->p))
		return false;
	uint8_t *plain = malloc(m * k + 1);
	bool good = plain && ZSTD_decompress(plain, m * k, in->p, (size_t)len) == m * k;
	for (size_t i = 0; good && i < m; i++) {
		r[i] = 0;
		for (unsigned p = 0; p < k; p++)
			r[i] |= (uint64_t)plain[p * m + i] << (8 * p);
	}
	free(plain);
	in->p += len;
	return good;
}

static void integrate(unsigned model, const uint64_t *r, size_t n, int64_t first, int64_t step, int64_t *v)
{
	for (size_t i = 0; i < n; i++) {
		if (model == MODEL_FLAT) {
			v[i] = (int64_t)((uint64_t)first + r[i]);
			continue;
		}
		if (i == 0) {
			v[0] = first;
			continue;
		}
		if (model == MODEL_DELTA)
			step = unzigzag(r[i - 1]);
		else if (i > 1)
			step = wrap_add(step, unzigzag(r[i - 2]));
		v[i] = wrap_add(v[i - 1], step);
	}
}

bool column_get(struct cursor *in, int64_t *v, size_t n)
{
	if (in->p >= in->end)
		return false;
	unsigned how = *in->p++, model = how & 15, packing = how >> 4;
	if (model >= MODEL_N || packing > PACK_PLANES)
		return false;
	if (n == 0)
		return packing == PACK_BITS;
	int64_t first = unzigzag(varint_get(in)), step = model == MODEL_DELTA2 && n > 1 ? unzigzag(varint_get(in)) : 0;
	size_t m = model == MODEL_FLAT ? n : model == MODEL_DELTA ? n - 1 : n > 1 ? n - 2 : 0;
	uint64_t *r = malloc((m + 1) * sizeof *r);
	bool good = r && !in->bad && (packing == PACK_BITS ? get_bits(in, r, m) : get_planes(in, r, m));
	if (good)
		integrate(model, r, n, first, step, v);
	free(r);
	return good;
}
