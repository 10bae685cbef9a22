#include "core/decode.h"
#include "core/type.h"

#include <string.h>

/* ---- from a raw number to base units ---- */

static bool within(const struct missing *m, int64_t v)
{
	return v >= m->min && v <= m->max;
}

/* 0x8000 written for an i16 and -1 for a u32 mean the bits: as numbers they could never be read. */
static bool same_bits(const struct missing *m, const struct number *n)
{
	if (!n->bits || n->too_large)
		return false;
	int64_t turn = (int64_t)1 << n->bits;
	return n->integer < 0 ? within(m, n->integer + turn) : n->integer >= turn / 2 && m->min == m->max && within(m, n->integer - turn);
}

/* What the profile wrote as a decimal, the device may hold as the nearest float. */
static bool real_within(const struct missing *m, double v)
{
	return (v >= m->low && v <= m->high) || (float)v == (float)m->low || (float)v == (float)m->high;
}

static bool is_sentinel(const struct point *p, const struct number *n)
{
	const struct missing *m = p->missing.items;
	for (size_t i = 0; i < p->missing.n; i++)
		switch (m[i].kind) {
		case MISSING_RANGE:
			if (n->kind == NUMBER_INTEGER && !n->too_large && (within(&m[i], n->integer) || same_bits(&m[i], n)))
				return true;
			if (n->kind == NUMBER_REAL && n->real >= (double)m[i].min && n->real <= (double)m[i].max)
				return true;
			break;
		case MISSING_REAL:
			if (n->kind != NUMBER_TEXT && !n->too_large && real_within(&m[i], n->kind == NUMBER_REAL ? n->real : (double)n->integer))
				return true;
			break;
		case MISSING_ALL_ONES:
			if (n->all_ones)
				return true;
			break;
		case MISSING_LARGEST:
			if (n->largest)
				return true;
			break;
		case MISSING_TEXT:
			if (n->kind == NUMBER_TEXT && glob_match(m[i].text, n->text))
				return true;
			break;
		case MISSING_NAN:                        /* never a value, named or not */
			break;
		}
	return false;
}

/* A text sentinel that looks like a number ("-1", "-99.9") is in the list as a number. */
static bool text_sentinel(const struct point *p, struct ratio value)
{
	struct number n = { .kind = value.den == 1 ? NUMBER_INTEGER : NUMBER_REAL, .integer = value.num, .real = (double)value.num / (double)value.den };
	return is_sentinel(p, &n);
}

static bool real_value(double raw, const struct bound_point *p, int64_t *value)
{
	double v = raw * p->factor_real;
	if (!(v > -9.2e18 && v < 9.2e18))
		return false;
	int64_t whole = (int64_t)v;
	double rest = v - (double)whole;
	if (rest > 0.5 || rest < -0.5 || ((rest == 0.5 || rest == -0.5) && (whole & 1)))
		whole += v < 0 ? -1 : 1;         /* half to even, as everywhere */
	return !__builtin_add_overflow(whole, p->offset, value);
}

/* "28.5 C": a unit that stands in the text wins over the profile's; an unknown one is no value. */
static bool text_value(const struct bound_point *p, const char *text, int64_t *value, enum reason *why)
{
	struct ratio number, factor = p->factor;
	int64_t offset = p->offset;
	const char *unit;
	*why = REASON_TYPE;
	if (!text_number(text, &number, &unit))
		return false;
	if (text_sentinel(p->point, number)) {
		*why = REASON_SENTINEL;
		return false;
	}
	char word[32];
	size_t len = strlen(unit);
	while (len && (unit[len - 1] == ' ' || unit[len - 1] == '\n' || unit[len - 1] == '\r'))
		len--;
	if (len >= sizeof word)
		return false;
	memcpy(word, unit, len);
	word[len] = 0;
	if (len) {
		struct ratio own;
		if (!unit_factor((enum quantity)p->quantity, word, &own, &offset) || !ratio_mul(p->point->scale, own, &factor))
			return false;
	}
	struct ratio all;
	*why = REASON_RANGE;
	return ratio_mul(number, factor, &all) && mul_div(all.num, 1, all.den, value) && !__builtin_add_overflow(*value, offset, value);
}

static bool state_of_text(const struct point *p, const char *text, int64_t *value)
{
	const struct state_name *s = p->states.items;
	for (size_t i = 0; i < p->states.n; i++)
		if (s[i].text && !strcasecmp(s[i].text, text)) {
			*value = s[i].value;
			return true;
		}
	return false;
}

static bool scaled(const struct bound_point *p, const struct number *n, int64_t *value, enum reason *why)
{
	int64_t v;
	*why = REASON_RANGE;
	switch (n->kind) {
	case NUMBER_INTEGER:
		if (n->too_large || !mul_div(n->integer, p->factor.num, p->factor.den, &v) || __builtin_add_overflow(v, p->offset, &v))
			return false;
		break;
	case NUMBER_REAL:
		if (!real_value(n->real, p, &v))
			return false;
		break;
	default:
		if (p->quantity == Q_STATE && state_of_text(p->point, n->text, &v))
			break;
		if (!text_value(p, n->text, &v, why))
			return false;
	}
	v = transform_apply(p->point->transform, v);
	if (v < p->min || v > p->max) {
		*why = REASON_RANGE;
		return false;
	}
	*value = v;
	return true;
}

static bool finish(const struct bound_point *p, const struct number *n, int64_t *value, enum reason *why)
{
	if (p->point->missing.n && is_sentinel(p->point, n)) {
		*why = REASON_SENTINEL;
		return false;
	}
	return scaled(p, n, value, why);
}

bool decode_words(const struct bound_point *p, const uint16_t *words, int64_t *value, enum reason *why)
{
	struct number n;
	return coding_decode(&p->coding, words, &n, why) && finish(p, &n, value, why);
}

bool decode_var(const struct bound_point *p, const struct var *v, int64_t *value, enum reason *why)
{
	struct number n;
	return coding_decode_var(&p->coding, v, &n, why) && finish(p, &n, value, why);
}

/* ---- a whole reading ---- */

/* Out of range is a value that was there and is not believed: bad.  Everything else is no value: missing. */
static void put(struct sample *s, bool good, int64_t value, enum reason why)
{
	s->value = good ? value : 0;
	s->reason = (uint8_t)(good ? REASON_NONE : why);
	s->quality = (uint8_t)(good ? QUALITY_GOOD : why == REASON_RANGE ? QUALITY_BAD : QUALITY_MISSING);
}

static bool matches(const struct request *q, const struct reading *r)
{
	if (q->kind == REQUEST_MODBUS_READ)
		return r->n_words == q->count && r->words;
	if (r->n_vars != q->n_oids)
		return false;
	for (size_t i = 0; i < q->n_oids; i++)
		if (!oid_equal(&r->vars[i].name, &q->oids[i]))
			return false;
	return true;
}

/* Do the objects beside the value say that it exists? */
static bool available(const struct bound_point *p, const struct var *vars, enum reason *why)
{
	for (size_t i = 0; i < p->n_companions; i++) {
		struct number n;
		if (!coding_decode_var(&p->companions[i].test->coding, &vars[i], &n, why) || !test_holds(p->companions[i].test, &n)) {
			*why = REASON_NOT_AVAILABLE;
			return false;
		}
	}
	return true;
}

static bool says_the_same(const struct guard *g, const struct reading *r, uint32_t at)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct number n;
	enum reason why;
	bool read = g->oid ? coding_decode_var(&g->coding, &r->vars[at], &n, &why) : coding_decode(&g->coding, r->words + at, &n, &why);
	if (read)
		number_text(&n, &text);
	return read && !text.failed && !strcmp(text.data ? text.data : "", g->was);
}

static bool rescaled(const struct plan *plan, const struct reading *r)
{
	uint32_t id = r->request->id;
	for (uint32_t k = plan->first_guard[id]; k < plan->first_guard[id + 1]; k++)
		if (!says_the_same(&plan->bound->guards[plan->guards[k].point], r, plan->guards[k].at))
			return true;
	return false;
}

bool decode_rescaled(const struct plan *plan, const struct reading *r)
{
	return r->request->id < plan->n && r->reason == REASON_NONE && matches(&plan->requests[r->request->id], r) && rescaled(plan, r);
}

static void decode_slot(const struct bound_point *p, const struct reading *r, uint32_t at, struct sample *s)
{
	enum reason why = REASON_NONE;
	int64_t value = 0;
	bool good;
	if (r->request->kind == REQUEST_MODBUS_READ) {
		uint16_t parts[4];
		const uint16_t *words = r->words + at;
		for (size_t i = 0; i < p->coding.n_parts; i++)
			parts[i] = r->words[p->coding.parts[i] - r->request->address];
		good = decode_words(p, p->coding.n_parts ? parts : words, &value, &why);
	} else {
		good = available(p, r->vars + at + 1, &why) && decode_var(p, &r->vars[at], &value, &why);
	}
	put(s, good, value, why);
}

size_t decode_reading(const struct plan *plan, const struct reading *r, uint32_t first_series, struct sample *out)
{
	uint32_t id = r->request->id;
	if (id >= plan->n)
		return 0;
	const struct request *q = &plan->requests[id];
	const struct plan_slot *slot = plan->slots + plan->first[id], *end = plan->slots + plan->first[id + 1];
	enum reason whole = r->reason == REASON_NONE && !matches(q, r) ? REASON_MALFORMED : r->reason;
	bool other_scale = whole == REASON_NONE && rescaled(plan, r);
	for (struct sample *s = out; slot < end; slot++, s++) {
		*s = (struct sample){ .series = first_series + slot->point, .at = r->at };
		if (whole != REASON_NONE)
			put(s, false, 0, whole == REASON_RANGE ? REASON_MALFORMED : whole);
		else if (other_scale && plan->bound->points[slot->point].n_guards)
			put(s, false, 0, REASON_RESCALED);
		else
			decode_slot(&plan->bound->points[slot->point], r, slot->at, s);
	}
	return plan_slots(plan, id);
}

size_t decode_dropped(const struct plan *plan, struct stamp at, uint32_t first_series, struct sample *out)
{
	for (size_t i = 0; i < plan->n_dropped; i++)
		out[i] = (struct sample){ .series = first_series + plan->dropped[i], .at = at, .quality = QUALITY_MISSING, .reason = REASON_EXCEPTION };
	return plan->n_dropped;
}

/* ---- for people: every reading of the same words ---- */

static const struct { enum quantity q; double lo, hi; } usual[] = {
	{ Q_VOLTAGE, 80, 500 }, { Q_FREQUENCY, 45, 65 }, { Q_POWER_FACTOR, -1, 1 }, { Q_TEMPERATURE, -20, 80 }, { Q_HUMIDITY, 5, 100 },
	{ Q_CURRENT, 0.01, 5000 }, { Q_ACTIVE_POWER, 1, 5e6 }, { Q_ENERGY, 1, 1e9 }, { Q_BATTERY_CHARGE, 1, 100 }, { Q_LOAD, 0.1, 150 },
};

/* Registers hold 1, 1/10 or 1/100 of the unit; floats the unit itself. */
static bool looks_like(enum quantity q, const struct number *n)
{
	if (n->kind == NUMBER_TEXT || n->too_large)
		return false;
	for (size_t i = 0; i < countof(usual); i++) {
		if (usual[i].q != q)
			continue;
		double v = n->kind == NUMBER_REAL ? n->real : (double)n->integer;
		for (double scale = 1; scale >= (n->kind == NUMBER_REAL ? 1 : 0.005); scale /= 10)
			if (v * scale >= usual[i].lo && v * scale <= usual[i].hi)
				return true;
	}
	return false;
}

void decode_alternatives(const uint16_t *words, size_t n, enum quantity q, struct buf *out)
{
	for (const struct type_row *t = types; t->name; t++) {
		if (!t->words || t->words > n || !strcmp(t->name, "bit"))
			continue;
		for (const char *const *order = order_names; *order; order++) {
			struct coding c = { .type = t, .order_text = *order, .bit_first = -1, .bit_last = -1 };
			struct number v;
			enum reason why = REASON_NONE;
			if (t->words == 1 && (order - order_names) % 2)
				continue;            /* one word has no word order */
			if (!coding_resolve(&c))
				continue;
			bool good = coding_decode(&c, words, &v, &why);
			buf_printf(out, "%-9s %-5s ", t->name, t->words == 1 ? (order == order_names ? "ab" : "ba") : *order);
			if (!good)
				buf_printf(out, "%s\n", reason_text(why));
			else if (v.kind == NUMBER_REAL)
				buf_printf(out, "%.7g%s\n", v.real, looks_like(q, &v) ? "   <- plausible" : "");
			else if (v.too_large)
				buf_printf(out, "%llu\n", (unsigned long long)(uint64_t)v.integer);
			else
				buf_printf(out, "%lld%s\n", (long long)v.integer, looks_like(q, &v) ? "   <- plausible" : "");
		}
	}
}
