/* What refusals teach about a device's limits. */
#include "core/plan.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SMALL_READ = 32 };      /* above it, exception 3 is taken as "too many", below as "not these" */

void plan_limits_done(struct plan_limits *l)
{
	free(l->holes);
	free(l->cuts);
	free(l->dead);
	free(l->dead_oids);
	*l = (struct plan_limits){ 0 };
}

static bool add_range(struct plan_hole **list, size_t *n, struct plan_hole hole, struct err *err)
{
	for (size_t i = 0; i < *n; i++)
		if ((*list)[i].space == hole.space && (*list)[i].from == hole.from && (*list)[i].to == hole.to)
			return true;
	struct plan_hole *more = realloc(*list, (*n + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	*list = more;
	more[(*n)++] = hole;
	return true;
}

static bool add_dead_oid(struct plan_limits *l, const struct oid *o, struct err *err)
{
	struct oid *more = realloc(l->dead_oids, (l->n_dead_oids + 1) * sizeof *more);
	if (!more)
		return err_memory(err);
	l->dead_oids = more;
	more[l->n_dead_oids].n = o->n;
	memcpy(more[l->n_dead_oids++].ids, o->ids, o->n * sizeof *o->ids);
	return true;
}

static struct plan_hole extent_of(const struct bound_point *b, uint8_t space)
{
	uint32_t from = b->address, to = b->address + (uint32_t)b->coding.words - 1;
	for (size_t i = 0; i < b->coding.n_parts; i++) {
		uint32_t at = b->coding.parts[i];
		from = i && from < at ? from : at;
		to = i && to > at ? to : at;
	}
	return (struct plan_hole){ space, (uint16_t)from, (uint16_t)to };
}

static int by_beginning(const void *a, const void *b)
{
	const struct plan_hole *x = a, *y = b;
	return (x->from > y->from) - (x->from < y->from);
}

/* Extents of what a request reads on purpose, ascending; overlapping values are one. */
static size_t extents(const struct plan *p, uint32_t id, struct plan_hole *out)
{
	const struct request *q = &p->requests[id];
	size_t all = 0, n = 0;
	for (uint32_t k = p->first[id]; k < p->first[id + 1]; k++)
		out[all++] = extent_of(&p->bound->points[p->slots[k].point], q->function);
	for (uint32_t k = p->first_guard[id]; k < p->first_guard[id + 1]; k++) {
		const struct guard *g = &p->bound->guards[p->guards[k].point];
		out[all++] = (struct plan_hole){ q->function, g->address, (uint16_t)(g->address + g->coding.words - 1) };
	}
	if (all)
		qsort(out, all, sizeof *out, by_beginning);
	for (size_t i = 0; i < all; i++) {
		if (n && out[n - 1].to >= out[i].from)
			out[n - 1].to = out[i].to > out[n - 1].to ? out[i].to : out[n - 1].to;
		else
			out[n++] = out[i];
	}
	return n;
}

static void forget_cuts(struct plan_limits *l, uint8_t space)
{
	size_t n = 0;
	for (size_t i = 0; i < l->n_cuts; i++)
		if (l->cuts[i].space != space)
			l->cuts[n++] = l->cuts[i];
	l->n_cuts = n;
}

static bool learn_modbus(const struct plan *p, const struct reading *r, struct plan_limits *l, struct err *err)
{
	const struct request *q = &p->requests[r->request->id];
	struct plan_hole *e = calloc(plan_slots(p, q->id) + p->first_guard[q->id + 1] - p->first_guard[q->id] + 1, sizeof *e);
	if (!e)
		return err_memory(err);
	size_t n = extents(p, q->id, e), gaps = 0;
	bool good = true, bits = q->function <= SPACE_DISCRETE;
	uint16_t *limit = bits ? &l->max_bits : &l->max_words;
	for (size_t i = 1; i < n; i++)
		if (e[i].from > e[i - 1].to + 1) {
			good &= add_range(&l->holes, &l->n_holes, (struct plan_hole){ q->function, (uint16_t)(e[i - 1].to + 1), (uint16_t)(e[i].from - 1) }, err);
			gaps++;
		}
	if (!gaps && n > 1 && r->exception == 3 && q->count > SMALL_READ)
		*limit = q->count / 2;
	else if (!gaps && n > 1)
		good = add_range(&l->cuts, &l->n_cuts, (struct plan_hole){ q->function, e[n / 2].from, e[n / 2].from }, err);
	else if (!gaps && n == 1) {
		good = add_range(&l->dead, &l->n_dead, e[0], err) && add_range(&l->holes, &l->n_holes, e[0], err);
		forget_cuts(l, q->function);
	}
	free(e);
	return good && n > 0;
}

static bool learn_snmp(const struct plan *p, const struct reading *r, struct plan_limits *l, struct err *err)
{
	const struct request *q = &p->requests[r->request->id];
	uint32_t first = p->first[q->id];
	if (plan_slots(p, q->id) > 1) {
		l->max_oids = (uint16_t)(q->n_oids / 2);
		return true;
	}
	return plan_slots(p, q->id) == 1 && add_dead_oid(l, p->bound->points[p->slots[first].point].oid, err);
}

bool plan_learn(const struct plan *p, const struct reading *r, struct plan_limits *l, struct err *err)
{
	if (r->reason != REASON_EXCEPTION || r->request->id >= p->n)
		return false;
	if (p->requests[r->request->id].kind == REQUEST_SNMP_GET)
		return r->n_vars == 0 && learn_snmp(p, r, l, err);
	bool teaches = r->exception >= 2 && r->exception <= 4;      /* 4: some meters for an address they do not have */
	return teaches && learn_modbus(p, r, l, err);
}

/* ---- as text ---- */

static const char *space_name(int space)
{
	for (const struct conf_name *s = space_names; s->name; s++)
		if (s->value == space)
			return s->name;
	return "?";
}

static void ranges_text(const char *key, const struct plan_hole *h, size_t n, struct buf *out)
{
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%s%s=%s:0x%04x-0x%04x", out->len ? " " : "", key, space_name(h[i].space), h[i].from, h[i].to);
}

void plan_limits_text(const struct plan_limits *l, struct buf *out)
{
	const struct { const char *key; int64_t value; } rows[] = { { "words", l->max_words }, { "bits", l->max_bits }, { "oids", l->max_oids },
								    { "request_us", l->request_us }, { "word_us", l->word_us } };
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].value)
			buf_printf(out, "%s%s=%lld", out->len ? " " : "", rows[i].key, (long long)rows[i].value);
	ranges_text("hole", l->holes, l->n_holes, out);
	ranges_text("cut", l->cuts, l->n_cuts, out);
	ranges_text("dead", l->dead, l->n_dead, out);
	for (size_t i = 0; i < l->n_dead_oids; i++) {
		buf_printf(out, "%sdead=oid:", out->len ? " " : "");
		oid_text(&l->dead_oids[i], out);
	}
}

static bool parse_range(const char *value, struct plan_hole *out)
{
	char name[16];
	unsigned from, to;
	if (sscanf(value, "%15[a-z]:%x-%x", name, &from, &to) != 3 || from > to || to > UINT16_MAX)
		return false;
	for (const struct conf_name *s = space_names; s->name; s++)
		if (!strcmp(s->name, name)) {
			*out = (struct plan_hole){ (uint8_t)s->value, (uint16_t)from, (uint16_t)to };
			return true;
		}
	return false;
}

static bool parse_word(struct plan_limits *l, const char *key, const char *value, struct err *err)
{
	struct plan_hole h;
	struct oid o;
	char *end;
	long long v = strtoll(value, &end, 10);
	bool number = end != value && !*end && v >= 0;
	if (!strcmp(key, "dead") && !strncmp(value, "oid:", 4))
		return oid_parse(value + 4, &o) && add_dead_oid(l, &o, err);
	if (!strcmp(key, "hole"))
		return parse_range(value, &h) && add_range(&l->holes, &l->n_holes, h, err);
	if (!strcmp(key, "cut"))
		return parse_range(value, &h) && add_range(&l->cuts, &l->n_cuts, h, err);
	if (!strcmp(key, "dead"))
		return parse_range(value, &h) && add_range(&l->dead, &l->n_dead, h, err);
	const struct { const char *key; uint16_t *small; int64_t *large; } rows[] = {
		{ "words", &l->max_words, NULL }, { "bits", &l->max_bits, NULL }, { "oids", &l->max_oids, NULL },
		{ "request_us", NULL, &l->request_us }, { "word_us", NULL, &l->word_us } };
	for (size_t i = 0; i < countof(rows); i++) {
		if (strcmp(rows[i].key, key))
			continue;
		if (rows[i].large)
			*rows[i].large = v;
		else
			*rows[i].small = (uint16_t)v;
		return number && (rows[i].large || v <= UINT16_MAX);
	}
	return false;
}

bool plan_limits_parse(const char *text, struct plan_limits *out, struct err *err)
{
	struct plan_limits l = { 0 };
	char word[1500];
	int used;
	for (const char *p = text; sscanf(p, " %1499s%n", word, &used) == 1; p += used) {
		char *equal = strchr(word, '=');
		if (equal)
			*equal++ = 0;
		if (!equal || !parse_word(&l, word, equal, err)) {
			plan_limits_done(&l);
			return err_set(err, ERR_INPUT, "learnt limits: '%.60s' is not understood; forget them and learn again", word);
		}
	}
	*out = l;
	return true;
}
