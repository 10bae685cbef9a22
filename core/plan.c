#include "core/plan.h"

#include <stdlib.h>
#include <string.h>

enum { DEFAULT_REQUEST_US = 4000, DEFAULT_WORD_US = 20, DEFAULT_OIDS = 20, PROTOCOL_WORDS = 125, PROTOCOL_BITS = 2000 };

/* A value's extent on its address line. */
struct span { uint32_t point; uint8_t space; uint32_t from, to; };     /* to: exclusive */

struct costs { int64_t request_us, word_us; uint32_t max_words, max_bits, max_oids; };

static uint32_t limit_of(uint32_t learnt, int64_t profile, uint32_t protocol)
{
	uint32_t v = protocol;
	if (profile > 0 && (uint32_t)profile < v)
		v = (uint32_t)profile;
	return learnt && learnt < v ? learnt : v;
}

static struct costs costs_of(const struct profile *p, const struct plan_limits *l)
{
	return (struct costs){
		.request_us = l && l->request_us > 0 ? l->request_us : DEFAULT_REQUEST_US,
		.word_us = l && l->word_us > 0 ? l->word_us : DEFAULT_WORD_US,
		.max_words = limit_of(l ? l->max_words : 0, p->max_words, PROTOCOL_WORDS),
		.max_bits = limit_of(l ? l->max_bits : 0, p->max_bits, PROTOCOL_BITS),
		.max_oids = limit_of(l ? l->max_oids : 0, p->max_oids, p->max_oids > DEFAULT_OIDS ? (uint32_t)p->max_oids : DEFAULT_OIDS),
	};
}

static bool is_bits(uint8_t space)
{
	return space == SPACE_COIL || space == SPACE_DISCRETE;
}

/* ---- which points are read at all ---- */

static bool in_ranges(const struct plan_hole *r, size_t n, uint8_t space, uint32_t from, uint32_t to)
{
	for (size_t i = 0; i < n; i++)
		if (r[i].space == space && r[i].from < to && from <= r[i].to)
			return true;
	return false;
}

static struct span span_of(const struct bound_point *p, uint32_t index)
{
	struct span s = { index, p->space, p->address, p->address + (uint32_t)p->coding.words };
	for (size_t i = 0; i < p->coding.n_parts; i++) {
		uint32_t at = p->coding.parts[i];
		s.from = i && s.from < at ? s.from : at;
		s.to = i && s.to > at + 1 ? s.to : at + 1;
	}
	return s;
}

static struct span span_of_guard(const struct guard *g, uint32_t index)
{
	return (struct span){ index, g->space, g->address, g->address + (uint32_t)g->coding.words };
}

static bool is_dead(const struct plan_limits *l, const struct bound_point *p, const struct span *s)
{
	if (!l)
		return false;
	for (size_t i = 0; p && p->oid && i < l->n_dead_oids; i++)
		if (!oid_compare(&l->dead_oids[i], p->oid))
			return true;
	return s->space && in_ranges(l->dead, l->n_dead, s->space, s->from, s->to);
}

static int by_address(const void *a, const void *b)
{
	const struct span *x = a, *y = b;
	if (x->space != y->space)
		return x->space < y->space ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return (x->point > y->point) - (x->point < y->point);
}

/* ---- building ---- */

struct maker {
	struct plan *p;
	const struct plan_limits *limits;
	struct costs costs;
	size_t room_requests, n_slots, n_guards;
	struct oid *oids;                /* of all SNMP requests, in order */
};

static bool add_request(struct maker *m, struct request r)
{
	struct plan *p = m->p;
	if (p->n == m->room_requests) {
		size_t room = m->room_requests ? m->room_requests * 2 : 8;
		struct request *more = realloc(p->requests, room * sizeof *more);
		if (more)
			p->requests = more;
		uint32_t *first = realloc(p->first, (room + 1) * sizeof *first);
		if (first)
			p->first = first;
		uint32_t *first_guard = realloc(p->first_guard, (room + 1) * sizeof *first_guard);
		if (first_guard)
			p->first_guard = first_guard;
		if (!more || !first || !first_guard)
			return false;
		m->room_requests = room;
	}
	r.id = (uint32_t)p->n;
	p->first[p->n] = (uint32_t)m->n_slots;
	p->first_guard[p->n] = (uint32_t)m->n_guards;
	p->requests[p->n++] = r;
	return true;
}

/* What was put in belongs to the request added last. */
static void end_request(struct maker *m)
{
	m->p->first[m->p->n] = (uint32_t)m->n_slots;
	m->p->first_guard[m->p->n] = (uint32_t)m->n_guards;
}

static bool block_edge_between(const struct profile *p, uint8_t space, uint32_t from, uint32_t to)
{
	const struct block *b = p->blocks.items;
	for (size_t i = 0; i < p->blocks.n; i++) {
		if (b[i].space != space)
			continue;
		bool touches = b[i].from < (int64_t)to && (int64_t)from <= b[i].to;
		bool inside = b[i].from <= (int64_t)from && (int64_t)to <= b[i].to + 1;
		if (touches && !inside)
			return true;
	}
	return false;
}

/* May values first..last (sorted) be read at once? */
static bool one_request(const struct maker *m, const struct span *s, size_t first, size_t last, uint32_t end)
{
	const struct profile *p = m->p->bound->profile;
	const struct plan_limits *l = m->limits;
	uint32_t limit = is_bits(s[first].space) ? m->costs.max_bits : m->costs.max_words;
	if (s[first].space != s[last].space || end - s[first].from > limit)
		return false;
	if (first == last)
		return true;
	if (block_edge_between(p, s[first].space, s[first].from, end))
		return false;
	for (size_t i = 0; l && i < l->n_cuts; i++)
		if (l->cuts[i].space == s[first].space && l->cuts[i].from > s[first].from && l->cuts[i].from < end)
			return false;
	uint32_t reached = s[first].to;
	for (size_t i = first + 1; i <= last; i++) {
		if (s[i].from > reached && (p->no_gaps || (l && in_ranges(l->holes, l->n_holes, s[i].space, reached, s[i].from))))
			return false;
		reached = s[i].to > reached ? s[i].to : reached;
	}
	return true;
}

/* best[i]: cheapest way to read values 0..i-1; from[i]: where its last request begins.  n(n+1)/2 steps at most. */
static bool partition(const struct maker *m, const struct span *s, size_t n, int64_t *best, uint32_t *from)
{
	best[0] = 0;
	for (size_t i = 1; i <= n; i++) {
		uint32_t end = s[i - 1].to;
		best[i] = INT64_MAX;
		for (size_t k = i; k-- > 0;) {
			end = s[k].to > end ? s[k].to : end;
			bool alone = k == i - 1;
			if (!alone && !one_request(m, s, k, i - 1, end)) {
				uint32_t limit = is_bits(s[k].space) ? m->costs.max_bits : m->costs.max_words;
				if (s[k].space != s[i - 1].space || s[i - 1].from - s[k].from > limit)
					break;
				continue;
			}
			uint32_t words = is_bits(s[k].space) ? (end - s[k].from + 15) / 16 : end - s[k].from;
			int64_t cost = best[k] + m->costs.request_us + m->costs.word_us * words;
			if (cost < best[i]) {
				best[i] = cost;
				from[i] = (uint32_t)k;
			}
		}
	}
	return true;
}

/* Guards are numbered behind the points. */
static void put_span(struct maker *m, const struct span *s, uint32_t begin)
{
	const struct bound *b = m->p->bound;
	if (s->point >= b->n)
		m->p->guards[m->n_guards++] = (struct plan_slot){ s->point - (uint32_t)b->n, s->from - begin };
	else
		m->p->slots[m->n_slots++] = (struct plan_slot){ s->point, b->points[s->point].coding.n_parts ? 0 : s->from - begin };
}

static bool emit_modbus(struct maker *m, const struct span *s, const uint32_t *from, size_t n)
{
	uint32_t *cuts = calloc(n + 1, sizeof *cuts);
	size_t count = 0;
	bool good = cuts != NULL;
	for (size_t i = n; good && i > 0; i = from[i])
		cuts[count++] = (uint32_t)i;
	for (size_t c = count, begin = 0; good && c-- > 0; begin = cuts[c]) {
		uint32_t end = 0;
		for (size_t i = begin; i < cuts[c]; i++)
			end = s[i].to > end ? s[i].to : end;
		good = add_request(m, (struct request){ .kind = REQUEST_MODBUS_READ, .function = s[begin].space,
			.address = (uint16_t)s[begin].from, .count = (uint16_t)(end - s[begin].from) });
		if (!good)
			break;
		for (size_t i = begin; i < cuts[c]; i++)
			put_span(m, &s[i], s[begin].from);
		end_request(m);
	}
	free(cuts);
	return good;
}

static bool plan_modbus(struct maker *m, struct span *s, size_t n)
{
	int64_t *best = calloc(n + 1, sizeof *best);
	uint32_t *from = calloc(n + 1, sizeof *from);
	if (n)
		qsort(s, n, sizeof *s, by_address);
	bool good = best && from && partition(m, s, n, best, from) && emit_modbus(m, s, from, n);
	free(best);
	free(from);
	return good;
}

static void put_oid(struct oid *out, const struct oid *o)
{
	out->n = o->n;
	memcpy(out->ids, o->ids, o->n * sizeof *o->ids);
}

/* The guards of a point that this GET does not have yet; how many objects they are. */
static size_t new_guards(const struct maker *m, const struct bound_point *p, size_t first, uint32_t *out)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n_guards; i++) {
		size_t k = first;
		while (k < m->n_guards && m->p->guards[k].point != p->guards[i])
			k++;
		if (k == m->n_guards)
			out[n++] = p->guards[i];
	}
	return n;
}

/* Objects in the bound's order, a value and its companions together, max_oids a GET; neighbours in the MIB stay neighbours. */
static bool plan_snmp(struct maker *m, const struct span *s, size_t n)
{
	const struct bound *b = m->p->bound;
	uint32_t fresh[UINT8_MAX];
	size_t total = 0, at = 0;
	for (size_t i = 0; i < n; i++)
		total += 1u + b->points[s[i].point].n_companions + b->points[s[i].point].n_guards;
	if (!(m->p->oids = calloc(total + 1, sizeof *m->p->oids)))
		return false;
	for (size_t i = 0; i < n;) {
		size_t begin = at, first_guard = m->n_guards;
		if (!add_request(m, (struct request){ .kind = REQUEST_SNMP_GET, .oids = m->p->oids + begin }))
			return false;
		for (; i < n; i++) {
			const struct bound_point *p = &b->points[s[i].point];
			size_t guards = new_guards(m, p, first_guard, fresh), need = 1u + p->n_companions + guards;
			if (at > begin && at - begin + need > m->costs.max_oids)
				break;
			m->p->slots[m->n_slots++] = (struct plan_slot){ s[i].point, (uint32_t)(at - begin) };
			put_oid(&m->p->oids[at++], p->oid);
			for (size_t c = 0; c < p->n_companions; c++)
				put_oid(&m->p->oids[at++], p->companions[c].oid);
			for (size_t g = 0; g < guards; g++) {
				m->p->guards[m->n_guards++] = (struct plan_slot){ fresh[g], (uint32_t)(at - begin) };
				put_oid(&m->p->oids[at++], b->guards[fresh[g]].oid);
			}
		}
		m->p->requests[m->p->n - 1].n_oids = at - begin;
		end_request(m);
	}
	return true;
}

/* How many guards the plan may hold: an SNMP one is in each GET that needs it. */
static size_t most_guards(const struct bound *b)
{
	size_t n = b->n_guards;
	for (size_t i = 0; b->profile->transport == TRANSPORT_SNMP && i < b->n; i++)
		n += b->points[i].n_guards;
	return n;
}

struct plan *plan_make(const struct bound *bound, const struct plan_limits *limits, struct err *err)
{
	struct plan *p = calloc(1, sizeof *p);
	struct span *s = calloc(bound->n + bound->n_guards + 1, sizeof *s);
	struct maker m = { .p = p, .limits = limits, .costs = costs_of(bound->profile, limits) };
	size_t n = 0;
	bool good = p && s && (p->slots = calloc(bound->n + 1, sizeof *p->slots)) && (p->dropped = calloc(bound->n + 1, sizeof *p->dropped)) &&
		    (p->guards = calloc(most_guards(bound) + 1, sizeof *p->guards)) && (p->first = calloc(1, sizeof *p->first)) &&
		    (p->first_guard = calloc(1, sizeof *p->first_guard));
	for (uint32_t i = 0; good && i < bound->n; i++) {
		struct span one = span_of(&bound->points[i], i);
		bool too_long = one.space && !is_bits(one.space) && one.to - one.from > m.costs.max_words;
		if (too_long || is_dead(limits, &bound->points[i], &one))
			p->dropped[p->n_dropped++] = i;
		else
			s[n++] = one;
	}
	for (uint32_t i = 0; good && i < bound->n_guards; i++) {
		struct span one = span_of_guard(&bound->guards[i], (uint32_t)bound->n + i);
		if (bound->guards[i].space && !is_dead(limits, NULL, &one))
			s[n++] = one;
	}
	if (good) {
		p->bound = bound;
		good = bound->profile->transport == TRANSPORT_SNMP ? plan_snmp(&m, s, n) : plan_modbus(&m, s, n);
	}
	free(s);
	if (!good) {
		plan_free(p);
		err_memory(err);
		return NULL;
	}
	for (uint32_t i = 0; i < p->n; i++)
		if (plan_slots(p, i) > p->max_slots)
			p->max_slots = plan_slots(p, i);
	return p;
}

void plan_free(struct plan *p)
{
	if (!p)
		return;
	free(p->requests);
	free(p->slots);
	free(p->first);
	free(p->guards);
	free(p->first_guard);
	free(p->dropped);
	free(p->oids);
	free(p);
}

/* ---- printing ---- */

int64_t plan_cost_us(const struct plan *p, const struct plan_limits *limits)
{
	struct costs c = costs_of(p->bound->profile, limits);
	int64_t sum = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct request *q = &p->requests[i];
		int64_t words = q->kind == REQUEST_MODBUS_READ ? (is_bits(q->function) ? (q->count + 15) / 16 : q->count) : 0;
		sum += c.request_us + c.word_us * words;
	}
	return sum;
}

static uint32_t unused_words(const struct plan *p, uint32_t id)
{
	const struct request *q = &p->requests[id];
	uint32_t used = 0, reached = q->address;
	for (uint32_t k = p->first_guard[id]; k < p->first_guard[id + 1]; k++)
		used += (uint32_t)p->bound->guards[p->guards[k].point].coding.words;      /* none overlaps a value in the profiles known */
	for (uint32_t k = p->first[id]; k < p->first[id + 1]; k++) {
		struct span s = span_of(&p->bound->points[p->slots[k].point], 0);
		uint32_t from = s.from > reached ? s.from : reached;
		used += s.to > from ? s.to - from : 0;
		reached = s.to > reached ? s.to : reached;
	}
	return used < q->count ? q->count - used : 0;
}

void plan_print(const struct plan *p, const struct plan_limits *limits, struct buf *out)
{
	for (uint32_t i = 0; i < p->n; i++) {
		const struct request *q = &p->requests[i];
		if (q->kind == REQUEST_MODBUS_READ) {
			for (const struct conf_name *s = space_names; s->name; s++)
				if (s->value == q->function)
					buf_printf(out, "%s 0x%04x +%u", s->name, q->address, q->count);
			buf_printf(out, "  %zu values, %u unused:", plan_slots(p, i), unused_words(p, i));
		} else {
			buf_printf(out, "GET %zu objects  %zu values:", q->n_oids, plan_slots(p, i));
		}
		for (uint32_t k = p->first[i]; k < p->first[i + 1]; k++)
			buf_printf(out, " %s", p->bound->points[p->slots[k].point].name);
		if (p->first_guard[i + 1] > p->first_guard[i])
			buf_printf(out, " (and %u that tell a scale or unit)", p->first_guard[i + 1] - p->first_guard[i]);
		buf_str(out, "\n");
	}
	for (size_t i = 0; i < p->n_dropped; i++)
		buf_printf(out, "not read: %s\n", p->bound->points[p->dropped[i]].name);
	buf_printf(out, "%zu requests, %lld ms predicted\n", p->n, (long long)(plan_cost_us(p, limits) + 500) / 1000);
}
