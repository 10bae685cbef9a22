#include "core/type.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- one function a family of types ---- */

static uint64_t big(const uint8_t *be, size_t n)
{
	uint64_t v = 0;
	for (size_t i = 0; i < n; i++)
		v = v << 8 | be[i];
	return v;
}

static bool all_bytes(const uint8_t *be, size_t n, uint8_t first, uint8_t rest)
{
	for (size_t i = 0; i < n; i++)
		if (be[i] != (i ? rest : first))
			return false;
	return true;
}

static bool decode_unsigned(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	(void)why;
	uint64_t v = big(be, n);
	out->integer = (int64_t)v;
	out->too_large = v > INT64_MAX;
	out->all_ones = all_bytes(be, n, 0xff, 0xff);
	return true;
}

static bool decode_signed(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	(void)why;
	uint64_t v = big(be, n);
	unsigned shift = 64 - 8 * (unsigned)n;
	out->integer = (int64_t)(v << shift) >> shift;
	out->all_ones = all_bytes(be, n, 0xff, 0xff);
	out->largest = all_bytes(be, n, 0x7f, 0xff);
	return true;
}

static bool decode_sign_magnitude(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	(void)why;
	uint64_t v = big(be, n), sign = 1ull << (8 * n - 1);
	out->integer = (v & sign) ? -(int64_t)(v & ~sign) : (int64_t)v;
	out->all_ones = all_bytes(be, n, 0xff, 0xff);
	out->largest = all_bytes(be, n, 0x7f, 0xff);
	return true;
}

static bool decode_float(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	uint64_t v = big(be, n);
	if (n == 4) {
		uint32_t half = (uint32_t)v;
		float f;
		memcpy(&f, &half, sizeof f);
		out->real = (double)f;
	} else {
		memcpy(&out->real, &v, sizeof out->real);
	}
	out->kind = NUMBER_REAL;
	if (!isfinite(out->real)) {
		*why = REASON_NAN;
		return false;
	}
	return true;
}

static bool decode_bcd(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	if (all_bytes(be, n, 0xff, 0xff)) {
		*why = REASON_SENTINEL;          /* no BCD number, but the usual "no value" */
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		if ((be[i] >> 4) > 9 || (be[i] & 15) > 9) {
			*why = REASON_TYPE;
			return false;
		}
		out->integer = out->integer * 100 + (be[i] >> 4) * 10 + (be[i] & 15);
	}
	return true;
}

/* Each word holds four decimal digits: value = w0 * 10000^k + ... */
static bool decode_mod10k(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	if (all_bytes(be, n, 0xff, 0xff)) {
		*why = REASON_SENTINEL;
		return false;
	}
	for (size_t i = 0; i < n; i += 2) {
		uint64_t word = big(be + i, 2);
		if (word > 9999) {
			*why = REASON_TYPE;
			return false;
		}
		out->integer = out->integer * 10000 + (int64_t)word;
	}
	return true;
}

static bool decode_string(const uint8_t *be, size_t n, struct number *out, enum reason *why)
{
	(void)why;
	size_t len = 0;
	for (; len < n && len < TEXT_VALUE_MAX && be[len]; len++)
		out->text[len] = (char)be[len];
	while (len && out->text[len - 1] == ' ')
		len--;
	out->text[len] = 0;
	out->kind = NUMBER_TEXT;
	return true;
}

const struct type_row types[] = {
	{ "u16", 1, false, false, 65536, decode_unsigned },
	{ "i16", 1, true, false, 32768, decode_signed },
	{ "u32", 2, false, false, 4294967296, decode_unsigned },
	{ "i32", 2, true, false, 2147483648, decode_signed },
	{ "u48", 3, false, false, 281474976710656, decode_unsigned },
	{ "i48", 3, true, false, 140737488355328, decode_signed },
	{ "u64", 4, false, false, 0, decode_unsigned },
	{ "i64", 4, true, false, 0, decode_signed },
	{ "f32", 2, true, true, 0, decode_float },
	{ "f64", 4, true, true, 0, decode_float },
	{ "bcd16", 1, false, false, 10000, decode_bcd },
	{ "bcd32", 2, false, false, 100000000, decode_bcd },
	{ "bcd48", 3, false, false, 1000000000000, decode_bcd },
	{ "bcd64", 4, false, false, 10000000000000000, decode_bcd },
	{ "mod10k32", 2, false, false, 100000000, decode_mod10k },
	{ "mod10k48", 3, false, false, 1000000000000, decode_mod10k },
	{ "mod10k64", 4, false, false, 10000000000000000, decode_mod10k },
	{ "sm16", 1, true, false, 0, decode_sign_magnitude },
	{ "sm32", 2, true, false, 0, decode_sign_magnitude },
	{ "bit", 1, false, false, 0, decode_unsigned },
	{ "string", 0, false, false, 0, decode_string },
	{ NULL },
};

const struct type_row *type_find(const char *name)
{
	for (const struct type_row *t = types; t->name; t++)
		if (!strcmp(t->name, name))
			return t;
	return NULL;
}

/* ---- orders ---- */

const char *const order_names[] = { "abcd", "cdab", "badc", "dcba", NULL };

/* For n bytes: reverse the words, swap the bytes in each word. */
static const struct { const char *names[3]; bool reverse, swap; } orders[] = {
	{ { "abcd", "ab", "big" }, false, false },
	{ { "cdab", "word-swapped", "low-word-first" }, true, false },
	{ { "badc", "ba", "byte-swapped" }, false, true },
	{ { "dcba", "little", "little" }, true, true },
};

static bool order_named(const char *name, uint8_t order[8], size_t n)
{
	for (size_t i = 0; i < countof(orders); i++)
		for (size_t k = 0; k < countof(orders[i].names); k++)
			if (!strcasecmp(orders[i].names[k], name)) {
				for (size_t b = 0; b < n; b++) {
					size_t word = orders[i].reverse ? n / 2 - 1 - b / 2 : b / 2;
					order[b] = (uint8_t)(word * 2 + (orders[i].swap ? 1 - b % 2 : b % 2));
				}
				return true;
			}
	return false;
}

/* "ghefcdab": the letter says which byte of the value (a = most significant) stands at this place on the wire. */
static bool order_spelled(const char *name, uint8_t order[8], size_t n)
{
	bool seen[8] = { false };
	if (strlen(name) != n)
		return false;
	for (size_t wire = 0; wire < n; wire++) {
		size_t byte = (size_t)(name[wire] - 'a');
		if (byte >= n || seen[byte])
			return false;
		seen[byte] = true;
		order[byte] = (uint8_t)wire;
	}
	return true;
}

bool coding_resolve(struct coding *c)
{
	size_t words = c->type && c->type->words ? c->type->words : (size_t)c->words;
	size_t bytes = words * 2;
	c->words = (int64_t)words;
	for (size_t i = 0; i < 8; i++)
		c->order[i] = (uint8_t)i;
	if (!c->order_text)
		return true;
	if (c->type && !c->type->words)          /* strings: only whether bytes are swapped in each word */
		return order_named(c->order_text, c->order, 2);
	return bytes <= 8 && (order_named(c->order_text, c->order, bytes) || order_spelled(c->order_text, c->order, bytes));
}

/* ---- decoding ---- */

static void take_bits(const struct coding *c, struct number *out)
{
	if (c->bit_first < 0 || out->kind != NUMBER_INTEGER)
		return;
	uint64_t v = (uint64_t)out->integer >> c->bit_first;
	unsigned width = (unsigned)(c->bit_last - c->bit_first + 1);
	out->integer = (int64_t)(width < 64 ? v & ((1ull << width) - 1) : v);
	out->all_ones = out->largest = out->too_large = false;
	out->bits = 0;
}

/* u16, i32, ...: not decimal digits, not sign and magnitude. */
static uint8_t pattern_bits(const struct type_row *type)
{
	return strchr("ui", type->name[0]) && type->words < 4 ? (uint8_t)(type->words * 16) : 0;
}

bool coding_decode(const struct coding *c, const uint16_t *words, struct number *out, enum reason *why)
{
	uint8_t wire[2 * MODBUS_MAX_WORDS], be[2 * MODBUS_MAX_WORDS];
	size_t n = (size_t)c->words, bytes = n * 2;
	const struct type_row *type = c->type ? c->type : types;
	memset(out, 0, offsetof(struct number, text));
	out->text[0] = 0;
	if (!n || n > MODBUS_MAX_WORDS) {
		*why = REASON_TYPE;
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		wire[2 * i] = (uint8_t)(words[i] >> 8);
		wire[2 * i + 1] = (uint8_t)words[i];
	}
	bool long_text = !type->words;
	for (size_t i = 0; i < bytes; i++)
		be[i] = long_text ? wire[(i & ~(size_t)1) + c->order[i & 1]] : wire[c->order[i]];
	if (!type->decode(be, bytes, out, why))
		return false;
	out->bits = pattern_bits(type);
	take_bits(c, out);
	return true;
}

static bool from_integer(const struct coding *c, int64_t v, enum var_type wire, struct number *out, enum reason *why)
{
	bool wide = wire == VAR_COUNTER64;
	if (c->type && c->type->words && !c->type->is_float && !wide) {
		uint8_t be[8];
		size_t n = c->type->words * 2u;
		for (size_t i = 0; i < n; i++)
			be[i] = (uint8_t)((uint64_t)v >> (8 * (n - 1 - i)));
		out->bits = pattern_bits(c->type);
		return c->type->decode(be, n, out, why);
	}
	if (c->type && c->type->is_float && !wide) {    /* IEEE 754 bits in a 32-bit integer */
		uint8_t be[4] = { (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
		return decode_float(be, 4, out, why);
	}
	out->integer = v;
	out->bits = wide ? 0 : 32;
	out->too_large = wide && v < 0;
	out->all_ones = wide || wire == VAR_INTEGER ? v == -1 : v == UINT32_MAX;
	out->largest = wire == VAR_INTEGER && v == INT32_MAX;
	return true;
}

bool coding_decode_var(const struct coding *c, const struct var *v, struct number *out, enum reason *why)
{
	memset(out, 0, offsetof(struct number, text));
	out->text[0] = 0;
	switch (v->type) {
	case VAR_INTEGER:
	case VAR_UNSIGNED:
	case VAR_COUNTER32:
	case VAR_COUNTER64:
	case VAR_TICKS:
		if (!from_integer(c, v->integer, v->type, out, why))
			return false;
		take_bits(c, out);
		return true;
	case VAR_OPAQUE_FLOAT:
	case VAR_OPAQUE_DOUBLE:
		out->kind = NUMBER_REAL;
		out->real = v->real;
		*why = REASON_NAN;
		return isfinite(v->real);
	case VAR_STRING:
		out->kind = NUMBER_TEXT;
		for (size_t i = 0; i < v->text_len && i < TEXT_VALUE_MAX; i++)
			out->text[i] = v->text[i] ? v->text[i] : ' ';
		out->text[v->text_len < TEXT_VALUE_MAX ? v->text_len : TEXT_VALUE_MAX] = 0;
		return true;
	case VAR_OID: {
		CLEANUP(buf_done) struct buf b = { 0 };
		oid_text(&v->oid, &b);
		out->kind = NUMBER_TEXT;
		size_t len = b.len < TEXT_VALUE_MAX ? b.len : TEXT_VALUE_MAX;
		if (len)
			memcpy(out->text, b.data, len);
		out->text[len] = 0;
		return true;
	}
	case VAR_NONE:
	case VAR_NO_SUCH_OBJECT:
	case VAR_NO_SUCH_INSTANCE:
	case VAR_END_OF_VIEW:
		*why = REASON_NO_SUCH_OBJECT;
		return false;
	case VAR_ADDRESS:
		break;
	}
	*why = REASON_TYPE;
	return false;
}

bool whole_number(const char *text, int64_t *value, const char **rest)
{
	const char *digits = text + (*text == '-' || *text == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X') && isxdigit((unsigned char)digits[2]);
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, hex ? 16 : 10);
	if (!isdigit((unsigned char)*digits) || errno)
		return false;
	*value = v;
	*rest = end;
	return true;
}

/* One to three digits in front of a comma, the first no 0, and exactly three behind it. */
static bool thousands(const char *comma, char first, size_t in_front)
{
	return *comma == ',' && in_front <= 3 && first != '0' && strspn(comma + 1, "0123456789") == 3;
}

bool text_number(const char *text, struct ratio *value, const char **rest)
{
	char digits[48];
	size_t n = 0;
	while (isspace((unsigned char)*text))
		text++;
	if (*text == '-' || *text == '+')
		digits[n++] = *text++;
	bool point = false;
	size_t seen = 0;
	for (; n < sizeof digits - 1; text++) {
		bool separator = (*text == '.' || *text == ',') && !point && isdigit((unsigned char)text[1]);
		if (separator && seen && thousands(text, digits[n - seen], seen))
			return false;
		if (!separator && !isdigit((unsigned char)*text))
			break;
		digits[n++] = separator ? '.' : *text;
		point |= separator;
		seen += !separator;
	}
	digits[n] = 0;
	if (!seen || isdigit((unsigned char)*text) || !ratio_parse(digits, value))
		return false;
	while (isspace((unsigned char)*text))
		text++;
	*rest = text;
	return true;
}

/* ---- transforms ---- */

const struct conf_name transform_names[] = { { "pf-4q", TRANSFORM_PF_4Q }, { "abs", TRANSFORM_ABS }, { NULL, 0 } };

int64_t transform_apply(int transform, int64_t value)
{
	switch (transform) {
	case TRANSFORM_PF_4Q:                    /* Schneider: |register| above 1 means the other sign of reactive power */
		if (value > 1000)
			return 2000 - value;
		return value < -1000 ? -2000 - value : value;
	case TRANSFORM_ABS:
		return value < 0 && value != INT64_MIN ? -value : value;
	default:
		return value;
	}
}

/* ---- tests ---- */

bool glob_match(const char *pattern, const char *text)
{
	const char *star = NULL, *back = NULL;
	while (*text) {
		if (*pattern == '*') {
			star = pattern++;
			back = text;
		} else if (*pattern == '?' || tolower((unsigned char)*pattern) == tolower((unsigned char)*text)) {
			if (!*pattern)
				return false;
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++back;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

/* Dotted numbers; letters and other signs separate: "12.04.0055", "v1.10". */
static int version_compare(const char *a, const char *b)
{
	for (;;) {
		while (*a && !isdigit((unsigned char)*a))
			a++;
		while (*b && !isdigit((unsigned char)*b))
			b++;
		if (!*a || !*b)
			return (*a != 0) - (*b != 0);
		char *end_a, *end_b;
		unsigned long x = strtoul(a, &end_a, 10), y = strtoul(b, &end_b, 10);
		if (x != y)
			return x < y ? -1 : 1;
		a = end_a;
		b = end_b;
	}
}

static bool same(const struct number *n, const char *want)
{
	const char *rest;
	int64_t v;
	if (n->kind == NUMBER_TEXT)
		return !strcasecmp(n->text, want);
	if (!whole_number(want, &v, &rest) || *rest)
		return false;
	return n->kind == NUMBER_REAL ? n->real == (double)v : !n->too_large && n->integer == v;
}

static bool in_list(const struct number *n, const struct conf_vec *list)
{
	const char *const *items = list->items;
	for (size_t i = 0; i < list->n; i++)
		if (same(n, items[i]))
			return true;
	return false;
}

static bool in_range(const struct number *n, const int64_t *range)
{
	struct ratio r;
	const char *rest;
	if (n->kind == NUMBER_TEXT)
		return text_number(n->text, &r, &rest) && (__int128)r.num >= (__int128)range[0] * r.den &&
		       (__int128)r.num <= (__int128)range[1] * r.den;
	if (n->kind == NUMBER_REAL)
		return n->real >= (double)range[0] && n->real <= (double)range[1];
	return !n->too_large && n->integer >= range[0] && n->integer <= range[1];
}

void number_text(const struct number *n, struct buf *out)
{
	if (n->kind == NUMBER_TEXT)
		buf_str(out, n->text);
	else if (n->kind == NUMBER_REAL)
		buf_printf(out, "%.9g", n->real);
	else
		buf_printf(out, "%lld", (long long)n->integer);
}

bool test_holds(const struct test *t, const struct number *n)
{
	if (!n)
		return t->optional;
	const char *text = n->kind == NUMBER_TEXT ? n->text : "";
	return (!t->equals || same(n, t->equals)) && (!t->not_equals || !same(n, t->not_equals)) &&
	       (!t->matches || glob_match(t->matches, text)) && (!t->not_matches || !glob_match(t->not_matches, text)) && (!t->in.n || in_list(n, &t->in)) &&
	       (!t->range.n || in_range(n, t->range.items)) &&
	       (!t->version_from || version_compare(text, t->version_from) >= 0) &&
	       (!t->version_to || version_compare(text, t->version_to) <= 0);
}

/* "total.*.power" whose plain index is left out is also "total.power". */
static bool is_plain_name(const struct point *p, const char *name)
{
	const char *star = p->plain ? strchr(p->name, '*') : NULL;
	if (!star)
		return false;
	size_t before = (size_t)(star - p->name), after = star[1] == '.';
	return !strncmp(name, p->name, before) && !strcmp(name + before, star + 1 + after);
}

const struct point *profile_point_named(const struct profile *p, const char *name)
{
	for (size_t i = 0; i < p->points.n; i++)
		if (glob_match(profile_points(p)[i].name, name) || is_plain_name(&profile_points(p)[i], name))
			return &profile_points(p)[i];
	return NULL;
}
