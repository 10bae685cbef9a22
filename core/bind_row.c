/* What the rest of a row says about its value: index, name, label, scale, unit. */
#include "core/bind_row.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- templates: $1..$9, $*, $row, $index, $label ---- */

static void index_text(const uint32_t *index, uint32_t n, struct buf *out)
{
	for (uint32_t i = 0; i < n; i++)
		buf_printf(out, "%s%u", i ? "." : "", index[i]);
}

/* Sub-identifiers of a part of the index as the profile's index_parts read them; without those a part is one sub-identifier. */
struct part { uint32_t first, text, end; bool is_text; };      /* text: behind a length in front of it */

static bool index_part(const struct instance *in, size_t k, struct part *out)
{
	const char *const *parts = in->p->index_parts.items;
	size_t n = in->p->index_parts.n;
	uint32_t at = 0;
	*out = (struct part){ (uint32_t)k, (uint32_t)k, (uint32_t)k + 1, false };
	for (size_t i = 0; i < n && i <= k; i++) {
		uint32_t len = 1, front = !strcmp(parts[i], "string");
		if (at >= in->n_row)
			return false;
		if (front)
			len = in->index[at];
		else if (!strncmp(parts[i], "string:", 7))
			len = (uint32_t)strtoul(parts[i] + 7, NULL, 10);
		else if (!strcmp(parts[i], "rest"))
			len = in->n_row - at;
		uint32_t left = in->n_row - at - front;
		*out = (struct part){ at, at + front, at + front + (len < left ? len : left), strcmp(parts[i], "int") != 0 };
		at = out->end;
	}
	return (!n || k < n) && out->end <= in->n;
}

static void part_text(const struct instance *in, const struct part *part, struct buf *out)
{
	for (uint32_t i = part->text; i < part->end; i++) {
		if (part->is_text)
			buf_printf(out, "%c", in->index[i] && in->index[i] < 256 ? (char)in->index[i] : '?');
		else
			buf_printf(out, "%u", in->index[i]);
	}
}

/* For a name or label; with `join` for the index of another column, where a text stays numbers. */
static void expand(const char *template, bool join, const struct instance *in, const char *label, struct buf *out)
{
	for (const char *p = template; *p; p++) {
		if (*p != '$') {
			buf_add(out, p, 1);
		} else if (p[1] >= '1' && p[1] <= '9') {
			struct part part;
			if (index_part(in, (size_t)(p[1] - '1'), &part)) {
				if (join)
					index_text(in->index + part.first, part.end - part.first, out);
				else
					part_text(in, &part, out);
			}
			p++;
		} else if (p[1] == '*') {
			index_text(in->index, in->n, out);
			p++;
		} else if (!strncmp(p + 1, "row", 3)) {
			index_text(in->index, in->n_row, out);
			p += 3;
		} else if (!strncmp(p + 1, "index", 5)) {
			buf_str(out, in->shown);
			p += 5;
		} else if (!strncmp(p + 1, "label", 5)) {
			buf_str(out, label ? label : "");
			p += 5;
		} else {
			buf_add(out, p, 1);
		}
	}
}

static void shown_parts(const struct instance *in, struct buf *out)
{
	struct part part;
	for (size_t k = 0; k < in->p->index_parts.n && index_part(in, k, &part); k++) {
		buf_str(out, k ? "." : "");
		part_text(in, &part, out);
	}
}

void show_index(struct instance *in)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	in->shown[0] = 0;
	if (in->p->index_shown)
		expand(in->p->index_shown, false, in, NULL, &b);
	else if (in->p->index_parts.n)
		shown_parts(in, &b);
	else {
		bool at_home = in->n_row > 1 && in->p->home == (int64_t)in->index[0];
		index_text(in->index + at_home, in->n_row - at_home, &b);
	}
	snprintf(in->shown, sizeof in->shown, "%s", b.data ? b.data : "");
}

/* "outlet.*.power" + "10" -> "outlet.10.power"; at the plain index -> "outlet.power". */
char *bound_name(struct arena *a, const struct instance *in)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	const char *name = in->p->name, *star = strchr(name, '*');
	CLEANUP(buf_done) struct buf b = { 0 };
	if (!star)
		return arena_copy(a, name);
	buf_add(&b, name, (size_t)(star - name));
	if (in->p->plain && !strcmp(in->p->plain, in->shown)) {
		star += star[1] == '.';
		if (!star[0] && b.len)
			b.data[--b.len] = 0;         /* "power.*" at the plain index */
	} else {
		for (const char *s = in->shown; *s; s++)
			buf_printf(&b, "%c", strchr(allowed, *s) ? *s : '_');
	}
	buf_str(&b, star + 1);
	return b.data ? arena_copy(a, b.data) : NULL;
}

/* ---- joins ---- */

bool join_oid(const struct place *at, const struct instance *in, struct oid *out)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	struct oid index = { 0 };
	if (!at->column)
		return oid_join(at->oid, NULL, 0, out);
	if (!at->index)
		return oid_join(at->oid, in->index, in->n, out);
	expand(at->index, true, in, NULL, &b);
	return b.data && oid_parse(b.data, &index) && oid_join(at->oid, index.ids, index.n, out);
}

bool look_up(const struct discover *d, const struct place *at, const struct coding *c, const struct instance *in, struct number *out)
{
	struct oid name;
	enum reason why;
	if (at->space) {
		const struct known_words *words = discover_words(d, at->space, at->address);
		return words && words->n >= c->words && coding_decode(c, words->words, out, &why);
	}
	if (!join_oid(at, in, &name))
		return false;
	const struct known *k = discover_find(d, &name);
	return k && known_number(k, c, out);
}

bool row_passes(const struct discover *d, const struct instance *in)
{
	const struct test *t = in->p->where.items;
	for (size_t i = 0; i < in->p->where.n; i++) {
		struct number n;
		if (!test_holds(&t[i], look_up(d, &t[i].at, &t[i].coding, in, &n) ? &n : NULL))
			return false;
	}
	return true;
}

static const char *map_find(const struct map *m, const struct number *n)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	number_text(n, &b);
	for (size_t i = 0; b.data && i < m->n; i++) {
		const char *rest;
		int64_t v;
		bool number = n->kind == NUMBER_INTEGER && whole_number(m->rows[i].key, &v, &rest) && !*rest;
		if (number ? v == n->integer : !strcasecmp(m->rows[i].key, b.data))
			return m->rows[i].value;
	}
	return NULL;
}

static bool power_of_ten(int64_t exponent, struct ratio *out)
{
	char text[16];
	if (exponent < -18 || exponent > 18)
		return false;
	snprintf(text, sizeof text, "1e%d", (int)exponent);
	return ratio_parse(text, out);
}

static bool scale_of(const struct scale_source *s, const struct number *n, struct ratio *out)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	struct ratio r;
	const char *rest;
	if (s->as == SCALE_MAP) {
		const char *value = map_find(&s->map, n);
		return value && ratio_parse(value, out);
	}
	if (n->too_large)
		return false;
	number_text(n, &b);
	if (!b.data || !text_number(b.data, &r, &rest) || *rest)
		return false;
	switch (s->as) {
	case SCALE_DIGITS:
		return r.den == 1 && power_of_ten(-r.num, out);
	case SCALE_EXPONENT:
		return r.den == 1 && power_of_ten(r.num, out);
	case SCALE_DIVISOR:
		return r.num && ratio_div((struct ratio){ 1, 1 }, r, out);
	default:
		*out = r;
		return r.num != 0;
	}
}

/* The scale of one row; false when a part of it is not known: then the row has no value that could be trusted. */
bool row_scale(const struct discover *d, const struct instance *in, struct ratio *scale)
{
	const struct scale_source *s = in->p->scale_from.items;
	for (size_t i = 0; i < in->p->scale_from.n; i++) {
		struct number n;
		struct ratio r;
		if (!look_up(d, &s[i].at, &s[i].coding, in, &n) || !scale_of(&s[i], &n, &r) || !ratio_mul(*scale, r, scale))
			return false;
	}
	return true;
}

const char *row_unit(const struct discover *d, const struct instance *in, struct buf *room)
{
	const struct place *at = &in->p->unit_from.at;
	struct number n;
	if (!at->oid && !at->space)
		return in->p->unit;
	if (!look_up(d, at, &in->p->unit_from.coding, in, &n))
		return in->p->unit;                  /* the literal unit is the fallback that the profile wrote */
	const char *mapped = map_find(&in->p->unit_from.map, &n);
	if (mapped || in->p->unit_from.map.n)
		return mapped;
	number_text(&n, room);
	return room->data;
}

char *row_label(const struct discover *d, struct arena *a, const struct instance *in)
{
	CLEANUP(buf_done) struct buf joined = { 0 };
	CLEANUP(buf_done) struct buf all = { 0 };
	const struct place *at = in->p->label_from.items;
	for (size_t i = 0; i < in->p->label_from.n; i++) {
		struct number n;
		struct oid name;
		const struct known *k = join_oid(&at[i], in, &name) ? discover_find(d, &name) : NULL;
		if (!k || !known_number(k, NULL, &n) || (n.kind == NUMBER_TEXT && !n.text[0]))
			continue;
		buf_str(&joined, joined.len ? " " : "");
		number_text(&n, &joined);
	}
	bool embeds = in->p->label && strstr(in->p->label, "$label");
	if (in->p->label && (embeds || !joined.len))
		expand(in->p->label, false, in, joined.data, &all);
	else if (joined.len)
		buf_str(&all, joined.data);
	return all.len ? arena_copy(a, all.data) : NULL;
}
