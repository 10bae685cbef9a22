#include "store/range.h"

#include <string.h>

enum { PROB_BITS = 15, PROB_ONE = 1 << PROB_BITS, PROB_MIN = 32, TOP = 1 << 24, RATES = 128, CLASSES = 3, CONTEXTS = CLASSES * CLASSES, LEARNING = 3, RAW = 8 };

/* 1 / (k + 1.5) in 1/65536: the first bits teach much, later ones little. */
#define R1(k) (131072 / (2 * (k) + 3))
#define R4(k) R1(k), R1((k) + 1), R1((k) + 2), R1((k) + 3)
#define R16(k) R4(k), R4((k) + 4), R4((k) + 8), R4((k) + 12)
static const int32_t rates[RATES] = { R16(0), R16(16), R16(32), R16(48), R16(64), R16(80), R16(96), R16(112) };

/* p: of a 0, in 1/32768. */
struct prob { uint16_t p, seen; };
struct model { struct prob zero[CONTEXTS], width[CONTEXTS][64], below[64][1 << LEARNING]; unsigned before, before2; };
struct coder {
	uint32_t low, range, code;
	uint8_t *out;
	const uint8_t *in, *end;
	size_t n, room;
	bool full;
};

static void model_init(struct model *m)
{
	memset(m, 0, sizeof *m);
	struct prob *all = m->zero;
	for (size_t i = 0; i < offsetof(struct model, before) / sizeof *all; i++)
		all[i].p = PROB_ONE / 2;
}

static inline void learn(struct prob *p, unsigned bit)
{
	int32_t target = bit ? PROB_MIN : PROB_ONE - PROB_MIN;
	p->p = (uint16_t)(p->p + (((target - p->p) * rates[p->seen]) >> 16));
	p->seen = (uint16_t)(p->seen + (p->seen < RATES - 1));
}

static inline struct prob *zero_of(struct model *m)
{
	return &m->zero[m->before * CLASSES + m->before2];
}

static inline struct prob *width_of(struct model *m)
{
	return m->width[m->before * CLASSES + m->before2];
}

static inline void remember(struct model *m, unsigned width)
{
	m->before2 = m->before;
	m->before = width < CLASSES - 1 ? width : CLASSES - 1;
}

static void put_byte(struct coder *c)
{
	if (c->n < c->room)
		c->out[c->n++] = (uint8_t)(c->low >> 24);
	else
		c->full = true;
	c->low <<= 8;
	c->range <<= 8;
}

static inline void add(struct coder *c, uint32_t amount)
{
	c->low += amount;
	if (c->low < amount)            /* carry */
		for (size_t i = c->n; i-- > 0 && ++c->out[i] == 0;)
			;
}

static inline void put_bit(struct coder *c, struct prob *p, unsigned bit)
{
	uint32_t bound = (c->range >> PROB_BITS) * p->p;
	if (bit) {
		add(c, bound);
		c->range -= bound;
	} else {
		c->range = bound;
	}
	learn(p, bit);
	while (c->range < TOP)
		put_byte(c);
}

static void put_raw(struct coder *c, uint64_t v, unsigned bits)
{
	for (unsigned left = bits; left;) {
		unsigned k = left < RAW ? left : RAW;
		left -= k;
		c->range >>= k;
		add(c, c->range * (uint32_t)(v >> left & ((1u << k) - 1)));
		while (c->range < TOP)
			put_byte(c);
	}
}

static void put_tree(struct coder *c, struct prob *tree, unsigned v, unsigned bits)
{
	unsigned node = 1;
	for (unsigned k = bits; k--;) {
		unsigned bit = v >> k & 1;
		put_bit(c, &tree[node], bit);
		node = node << 1 | bit;
	}
}

static void put_number(struct coder *c, struct model *m, uint64_t u)
{
	unsigned width = u ? 64 - (unsigned)__builtin_clzll(u) : 0;
	put_bit(c, zero_of(m), width != 0);
	if (width) {
		unsigned below = width - 1, learning = below < LEARNING ? below : LEARNING;
		put_tree(c, width_of(m), below, 6);
		put_tree(c, m->below[below], (unsigned)(u >> (below - learning) & ((1u << learning) - 1)), learning);
		put_raw(c, u, below - learning);
	}
	remember(m, width);
}

/* The number in [low, low + range) with the most zeros behind it; zeros at the end need no bytes. */
static void finish(struct coder *c)
{
	uint64_t last = (uint64_t)c->low + c->range - 1;
	unsigned zeros = 32;
	while (zeros && (last >> zeros << zeros) < c->low)
		zeros--;
	add(c, (uint32_t)((last >> zeros << zeros) - c->low));
	for (int i = 0; i < 4; i++)
		put_byte(c);
	while (c->n && c->out[c->n - 1] == 0)
		c->n--;
}

size_t range_put(const uint64_t *u, size_t n, uint8_t *out, size_t room)
{
	struct model m;
	struct coder c = { .range = UINT32_MAX, .out = out, .room = room };
	model_init(&m);
	for (size_t i = 0; i < n && !c.full; i++)
		put_number(&c, &m, u[i]);
	finish(&c);
	if (c.n == 0 && room)
		out[c.n++] = 0;         /* an empty code is one byte: 0 bytes say that it did not fit */
	return c.full ? 0 : c.n;
}

static inline void next_byte(struct coder *c)
{
	c->code = c->code << 8 | (c->in < c->end ? *c->in++ : 0);
	c->range <<= 8;
}

static inline unsigned get_bit(struct coder *c, struct prob *p)
{
	uint32_t bound = (c->range >> PROB_BITS) * p->p;
	unsigned bit = c->code >= bound;
	c->code -= bit ? bound : 0;
	c->range = bit ? c->range - bound : bound;
	learn(p, bit);
	while (c->range < TOP)
		next_byte(c);
	return bit;
}

static uint64_t get_raw(struct coder *c, unsigned bits)
{
	uint64_t v = 0;
	for (unsigned left = bits; left;) {
		unsigned k = left < RAW ? left : RAW;
		left -= k;
		c->range >>= k;
		uint32_t digit = c->code / c->range;
		digit = digit < 1u << k ? digit : (1u << k) - 1;
		c->code -= digit * c->range;
		v = v << k | digit;
		while (c->range < TOP)
			next_byte(c);
	}
	return v;
}

static unsigned get_tree(struct coder *c, struct prob *tree, unsigned bits)
{
	unsigned node = 1;
	for (unsigned k = 0; k < bits; k++)
		node = node << 1 | get_bit(c, &tree[node]);
	return node - (1u << bits);
}

static uint64_t get_number(struct coder *c, struct model *m)
{
	unsigned width = 0;
	uint64_t u = 0;
	if (get_bit(c, zero_of(m))) {
		unsigned below = get_tree(c, width_of(m), 6), learning = below < LEARNING ? below : LEARNING;
		width = below + 1;
		u = 1u << learning | get_tree(c, m->below[below], learning);
		u = u << (below - learning) | get_raw(c, below - learning);
	}
	remember(m, width);
	return u;
}

static const uint8_t *get(const uint8_t *bytes, size_t len, uint64_t *u, size_t n)
{
	struct model m;
	struct coder c = { .in = bytes, .end = bytes + len };
	model_init(&m);
	for (int i = 0; i < 4; i++)
		next_byte(&c);
	c.range = UINT32_MAX;
	for (size_t i = 0; i < n; i++)
		u[i] = get_number(&c, &m);
	return c.in;
}

bool range_get(const uint8_t *bytes, size_t len, uint64_t *u, size_t n)
{
	return get(bytes, len, u, n) == bytes + len;
}

void range_first(const uint8_t *bytes, size_t len, uint64_t *u, size_t n)
{
	(void)get(bytes, len, u, n);
}
