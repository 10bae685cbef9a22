/* From discovery answers to the list of one device's values. */
#include "core/bind_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct binder {
	const struct discover *d;
	struct bound *b;
	size_t room;
	bool *used;                          /* overrides that matched something */
	struct err *err;
};

/* ---- numbers of a bound point ---- */

static bool is_energy(int q)
{
	return q == Q_ENERGY || q == Q_REACTIVE_ENERGY || q == Q_APPARENT_ENERGY || q == Q_COOLING_ENERGY;
}

static int64_t type_modulus(const struct instance *in)
{
	if (in->known && in->known->type == VAR_COUNTER32)
		return 4294967296;
	return in->p->coding.type ? in->p->coding.type->modulus : 0;
}

static bool set_energy(struct bound_point *bp, const struct instance *in, struct ratio factor)
{
	bool text = in->known && (in->known->type == VAR_STRING || in->known->type >= VAR_OPAQUE_FLOAT);
	bp->is_float = text || (bp->coding.type && (bp->coding.type->is_float || !bp->coding.type->words));
	bp->count = bp->is_float ? (struct ratio){ 1, 1 } : factor;
	bp->factor = bp->is_float ? factor : (struct ratio){ 1, 1 };
	bp->factor_real = bp->is_float ? (double)factor.num / (double)factor.den : 1;
	return factor.num > 0;
}

static bool set_modulus(struct bound_point *bp, const struct instance *in, struct ratio unit)
{
	struct ratio counts;
	bp->modulus = in->p->modulus_of_type ? type_modulus(in) : 0;
	if (!in->p->modulus.num)
		return true;
	if (!ratio_mul(in->p->modulus, unit, &counts) || !ratio_div(counts, bp->count, &counts) || counts.den != 1)
		return false;
	bp->modulus = counts.num;
	return true;
}

static int64_t saturated(struct ratio limit, struct ratio unit, int64_t offset)
{
	int64_t v;
	if (!mul_div(limit.num, unit.num, unit.den, &v) || !mul_div(v, 1, limit.den, &v) || __builtin_add_overflow(v, offset, &v))
		return limit.num < 0 ? INT64_MIN : INT64_MAX;
	return v;
}

static void set_range(struct bound_point *bp, const struct point *p, struct ratio unit, int64_t offset)
{
	const struct ratio *r = p->range.items;
	quantity_range((enum quantity)bp->quantity, &bp->min, &bp->max);
	if (p->range.n) {
		bp->min = saturated(r[0], unit, offset);
		bp->max = saturated(r[1], unit, offset);
	}
}

static bool set_numbers(struct binder *w, struct bound_point *bp, const struct instance *in, struct ratio scale, const char *unit)
{
	struct ratio factor, unit_ratio;
	int64_t unit_offset, own_offset;
	if (!unit || !unit_factor((enum quantity)bp->quantity, unit, &unit_ratio, &unit_offset) || !ratio_mul(scale, unit_ratio, &factor))
		return false;
	if (!mul_div(in->p->offset.num, unit_ratio.num, unit_ratio.den, &own_offset) || !mul_div(own_offset, 1, in->p->offset.den, &own_offset))
		return false;
	bp->offset = own_offset + unit_offset;
	bp->count = (struct ratio){ 1, 1 };
	bp->factor = factor;
	bp->factor_real = (double)factor.num / (double)factor.den;
	set_range(bp, in->p, unit_ratio, unit_offset);
	if (is_energy(bp->quantity) && !set_energy(bp, in, factor))
		return false;
	if (is_energy(bp->quantity) && !bp->is_float && in->p->range.n) {
		struct ratio back;                   /* limits are in mW.h so far: into counts */
		if (ratio_div((struct ratio){ 1, 1 }, bp->count, &back)) {
			bp->min = saturated((struct ratio){ bp->min, 1 }, back, 0);
			bp->max = saturated((struct ratio){ bp->max, 1 }, back, 0);
		}
	}
	if (set_modulus(bp, in, unit_ratio))
		return true;
	err_set(w->err, ERR_CONFIG, "%s:%d: point %s: modulus is not a whole number of counts; write it in %s, such as 2^32 counts times the scale",
		in->p->place.file, in->p->place.line, bp->name, unit);
	return false;
}

/* ---- one instance ---- */

static bool apply_overrides(struct binder *w, struct bound_point *bp, struct ratio *scale, const char **unit, bool *drop)
{
	for (size_t i = 0; i < w->d->n_overrides; i++) {
		const struct point_override *o = &w->d->overrides[i];
		struct ratio factor;
		int64_t offset, moved = bp->address + o->address_shift;
		if (!glob_match(o->point, bp->name))
			continue;
		w->used[i] = true;
		if (o->scale.den)
			*scale = o->scale;
		if (o->unit && !unit_factor((enum quantity)bp->quantity, o->unit, &factor, &offset)) {
			if (strpbrk(o->point, "*?"))
				continue;            /* "*" with a unit is meant for the points that it measures */
			return err_set(w->err, ERR_CONFIG, "%s:%d: unit '%s' does not measure %s of point %s", o->place.file, o->place.line,
				       o->unit, quantities[bp->quantity].name, bp->name);
		}
		if (o->unit)
			*unit = o->unit;
		if (o->order) {
			if (!(bp->coding.order_text = arena_copy(&w->b->arena, o->order)))
				return err_memory(w->err);
			if (!coding_resolve(&bp->coding) && !strpbrk(o->point, "*?"))
				return err_set(w->err, ERR_CONFIG, "%s:%d: order '%s' does not fit point %s", o->place.file, o->place.line,
					       o->order, bp->name);
		}
		if (o->space && bp->space >= SPACE_HOLDING)
			bp->space = (uint8_t)o->space;
		if (bp->space && (moved < 0 || moved + bp->coding.words > 65536))
			return err_set(w->err, ERR_CONFIG, "%s:%d: address_shift moves point %s out of 0..65535", o->place.file, o->place.line, bp->name);
		if (bp->space) {
			bp->address = (uint16_t)moved;
			for (size_t k = 0; k < bp->coding.n_parts; k++)
				bp->coding.parts[k] = (uint16_t)(bp->coding.parts[k] + o->address_shift);
		}
		*drop |= o->drop;
	}
	return true;
}

static bool set_companions(struct binder *w, struct bound_point *bp, const struct instance *in)
{
	const struct test *t = in->p->available.items;
	struct oid name;
	if (!in->p->available.n || !in->known)
		return true;
	bp->companions = arena_alloc(&w->b->arena, in->p->available.n * sizeof *bp->companions);
	if (!bp->companions)
		return false;
	for (size_t i = 0; i < in->p->available.n; i++) {
		if (!join_oid(&t[i].at, in, &name))
			continue;
		if (t[i].optional && !discover_find(w->d, &name))
			continue;            /* firmware without it: nothing to ask */
		struct oid *kept = oid_keep(&w->b->arena, &name);
		if (!kept)
			return false;
		bp->companions[bp->n_companions++] = (struct companion){ kept, &t[i] };
	}
	return true;
}

static int64_t guard_at(struct bound *b, const struct place *at, const struct oid *name)
{
	for (uint32_t i = 0; i < b->n_guards; i++)
		if (name ? b->guards[i].oid && oid_equal(b->guards[i].oid, name) : b->guards[i].space == at->space && b->guards[i].address == at->address)
			return i;
	struct guard *more = realloc(b->guards, (b->n_guards + 1) * sizeof *more);
	if (!more)
		return -1;
	b->guards = more;
	b->guards[b->n_guards] = (struct guard){ .space = at->space, .address = at->address };
	return b->n_guards++;
}

static bool add_guard(struct binder *w, const struct instance *in, const struct place *at, const struct coding *coding, uint32_t *out, uint8_t *n)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct number was;
	struct oid name;
	if ((!at->oid && !at->space) || !look_up(w->d, at, coding, in, &was))
		return true;                 /* there is none: the profile's own unit holds */
	bool is_oid = !at->space;
	int64_t i = is_oid && !join_oid(at, in, &name) ? -1 : guard_at(w->b, at, is_oid ? &name : NULL);
	if (i < 0)
		return false;
	struct guard *g = &w->b->guards[i];
	number_text(&was, &text);
	if (!g->was) {
		g->coding = *coding;
		g->was = arena_copy(&w->b->arena, text.data ? text.data : "");
		g->oid = is_oid ? oid_keep(&w->b->arena, &name) : NULL;
	}
	out[(*n)++] = (uint32_t)i;
	return g->was && (!is_oid || g->oid);
}

static bool set_guards(struct binder *w, struct bound_point *bp, const struct instance *in)
{
	const struct scale_source *s = in->p->scale_from.items;
	size_t n = in->p->scale_from.n;
	uint32_t *list = arena_alloc(&w->b->arena, (n + 1) * sizeof *list);
	bp->guards = list;
	for (size_t i = 0; list && i < n && i < UINT8_MAX - 1; i++)
		if (!add_guard(w, in, &s[i].at, &s[i].coding, list, &bp->n_guards))
			return false;
	return list && add_guard(w, in, &in->p->unit_from.at, &in->p->unit_from.coding, list, &bp->n_guards);
}

static char *source_text(struct binder *w, const struct bound_point *bp)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	if (bp->oid) {
		oid_text(bp->oid, &b);
	} else {
		for (const struct conf_name *s = space_names; s->name; s++)
			if (s->value == bp->space)
				buf_printf(&b, "%s 0x%04X", s->name, bp->address);
		if (bp->coding.bit_first >= 0)
			buf_printf(&b, " bit %lld", (long long)bp->coding.bit_first);
	}
	return b.data ? arena_copy(&w->b->arena, b.data) : NULL;
}

static struct bound_point *next_point(struct binder *w)
{
	if (w->b->n == w->room) {
		size_t room = w->room ? w->room * 2 : 32;
		struct bound_point *more = realloc(w->b->points, room * sizeof *more);
		if (!more)
			return NULL;
		w->b->points = more;
		w->room = room;
	}
	w->b->points[w->b->n] = (struct bound_point){ 0 };
	return &w->b->points[w->b->n];
}

static bool bind_instance(struct binder *w, struct instance *in)
{
	CLEANUP(buf_done) struct buf room = { 0 };
	const struct point *p = in->p;
	struct ratio scale = p->scale;
	bool drop = false;
	show_index(in);
	if (!row_passes(w->d, in))
		return true;
	if (!row_scale(w->d, in, &scale)) {
		if (!w->b->n_unscaled++)
			w->b->unscaled = bound_name(&w->b->arena, in);
		return true;
	}
	const char *unit = row_unit(w->d, in, &room);
	struct bound_point *bp = next_point(w);
	if (!bp)
		return err_memory(w->err);
	*bp = (struct bound_point){ .point = p, .name = bound_name(&w->b->arena, in), .index = arena_copy(&w->b->arena, in->shown),
		.quantity = (uint8_t)p->quantity, .scope = (uint8_t)p->scope, .configured = p->configured,
		.resettable = p->resettable, .space = p->at.space, .address = in->address, .coding = p->coding };
	if (in->known && !(bp->oid = oid_keep(&w->b->arena, in->known->name)))
		return err_memory(w->err);
	uint16_t moved = (uint16_t)(in->address - p->at.address);
	for (size_t k = 0; k < bp->coding.n_parts; k++)
		bp->coding.parts[k] = (uint16_t)(bp->coding.parts[k] + moved);
	if (!bp->name || !bp->index)
		return err_memory(w->err);
	if (!apply_overrides(w, bp, &scale, &unit, &drop))
		return false;
	if (drop)
		return true;
	struct err before = *w->err;
	if (!set_numbers(w, bp, in, scale, unit))
		return w->err->kind == before.kind;     /* a row in another unit is not this point; a bad modulus is an error */
	bp->source = source_text(w, bp);
	bp->label = row_label(w->d, &w->b->arena, in);
	bool guarded = in->p->scale_from.n || in->p->unit_from.at.oid || in->p->unit_from.at.space;
	if (!bp->source || !set_companions(w, bp, in) || (guarded && !set_guards(w, bp, in)))
		return err_memory(w->err);
	w->b->n++;
	return true;
}

/* ---- all instances of a row ---- */

static bool bind_registers(struct binder *w, const struct point *p)
{
	const struct repeat *r = p->repeat.items, one = { 1, 0, 1 };
	struct repeat outer = p->repeat.n ? r[0] : one, inner = p->repeat.n > 1 ? r[1] : one;
	for (int64_t i = 0; i < outer.count; i++)
		for (int64_t k = 0; k < inner.count; k++) {
			struct instance in = { .p = p };
			int64_t address = p->at.address + i * outer.stride + k * inner.stride;
			if (p->repeat.n > 0)
				in.index[in.n++] = (uint32_t)(outer.first + i);
			if (p->repeat.n > 1)
				in.index[in.n++] = (uint32_t)(inner.first + k);
			in.n_row = in.n;
			if (address + p->coding.words > 65536)
				continue;
			in.address = (uint16_t)address;
			if (!bind_instance(w, &in))
				return false;
		}
	return true;
}

static bool bind_column(struct binder *w, const struct point *p)
{
	const struct known *k = discover_first(w->d, p->at.oid), *end = k ? w->d->known + w->d->n_known : NULL;
	for (; k && k < end && oid_under(k->name, p->at.oid); k++) {
		struct instance in = { .p = p, .known = k, .n = k->name->n - p->at.oid->n };
		memcpy(in.index, k->name->ids + p->at.oid->n, in.n * sizeof *in.index);
		in.n_row = in.n;
		if (p->suffix >= 0 && (!in.n || in.index[in.n - 1] != (uint32_t)p->suffix))
			continue;
		in.n_row -= p->suffix >= 0;
		if (!bind_instance(w, &in))
			return false;
	}
	return true;
}

static bool bind_point(struct binder *w, const struct point *p)
{
	if (p->at.space)
		return bind_registers(w, p);
	if (p->at.column)
		return bind_column(w, p);
	struct instance in = { .p = p, .known = discover_find(w->d, p->at.oid) };
	return !in.known || bind_instance(w, &in);
}

/* Two rows may end with the same name after odd characters were replaced: the later gets a number. */
static bool make_unique(struct bound *b)
{
	for (size_t i = 0; i < b->n; i++) {
		size_t same = 1;
		for (size_t k = 0; k < i && k < 5000; k++)
			same += !strcmp(b->points[k].name, b->points[i].name);
		if (same == 1)
			continue;
		char name[300];
		snprintf(name, sizeof name, "%.250s_%zu", b->points[i].name, same);
		if (!(b->points[i].name = arena_copy(&b->arena, name)))
			return false;
	}
	return true;
}

static void mark_duplicates(struct bound *b)
{
	for (size_t i = 0; i < b->n; i++)
		for (size_t k = 0; b->points[i].point->duplicate_of && k < b->n && !b->points[i].duplicate; k++)
			b->points[i].duplicate = k != i && glob_match(b->points[i].point->duplicate_of, b->points[k].name);
}

static void bind_identity(const struct binder *w)
{
	const struct profile *p = w->d->profile;
	const struct { const char *what; char *room; } rows[] = {
		{ "vendor", w->b->vendor }, { "model", w->b->model }, { "firmware", w->b->firmware }, { "serial", w->b->serial },
		{ "name", w->b->name } };
	const struct identity_source *s = p->identity.items;
	for (size_t i = 0; i < p->identity.n; i++) {
		CLEANUP(buf_done) struct buf b = { 0 };
		struct number n;
		const struct known *k = s[i].at.oid ? (s[i].at.column ? discover_first(w->d, s[i].at.oid) : discover_find(w->d, s[i].at.oid)) : NULL;
		bool have = k ? known_number(k, &s[i].coding, &n) : s[i].at.space && look_up(w->d, &s[i].at, &s[i].coding, NULL, &n);
		if (!have)
			continue;
		number_text(&n, &b);
		for (size_t r = 0; b.data && r < countof(rows); r++)
			if (!strcmp(rows[r].what, s[i].what))
				snprintf(rows[r].room, sizeof w->b->vendor, "%s", b.data);
	}
}

static bool bind_all(struct binder *w)
{
	const struct discover *d = w->d;
	const struct point *p = profile_points(d->profile);
	for (size_t i = 0; i < d->profile->points.n; i++)
		if (!bind_point(w, &p[i]))
			return false;
	if (!w->b->n)
		return err_set(w->err, ERR_INPUT, "the device has no value of profile %s; probe it without --profile to see what fits",
			       d->profile->name);
	for (size_t i = 0; i < d->n_overrides; i++)
		if (!w->used[i])
			return err_set(w->err, ERR_CONFIG, "%s:%d: override of point '%s': the device has no such point; see puectl probe for its points",
				       d->overrides[i].place.file ? d->overrides[i].place.file : "?", d->overrides[i].place.line, d->overrides[i].point);
	bind_identity(w);
	mark_duplicates(w->b);
	return make_unique(w->b) || err_memory(w->err);
}

struct bound *discover_finish(struct discover *d, struct err *err)
{
	struct err local = { 0 };
	struct binder w = { .d = d, .b = calloc(1, sizeof *w.b), .used = calloc(d->n_overrides + 1, sizeof(bool)), .err = &local };
	bool good = false;
	if (d->failed)
		local = d->err;
	else if (d->memory || !w.b || !w.used)
		err_memory(&local);
	else {
		discover_sort(d);
		w.b->profile = d->profile;
		w.b->partial = d->partial;
		good = bind_all(&w);
	}
	free(w.used);
	if (good)
		return w.b;
	bound_free(w.b);
	if (err)
		*err = local;
	return NULL;
}
