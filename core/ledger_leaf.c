/* The canonical text of evidence leaves, and back.  One way to write each value, so that equal intervals are equal bytes;
 * reading accepts exactly what is written (docs/ledger.md). */
#include "core/ledger.h"

#include <stdlib.h>
#include <string.h>

static const char class_letters[CLASS_COUNT + 1] = "RDLIBPNM-";
char energy_class_letter(enum energy_class c) { return (unsigned)c < CLASS_COUNT ? class_letters[c] : '?'; }

/* ---- writing ------------------------------------------------------------------------------------------------------------------- */

static void write_sum(struct buf *out, const char *name, bool known, int64_t mwh, int64_t cumulative, int64_t missing_ms)
{
	buf_printf(out, ",\"%s\":{\"known\":%s,\"mwh\":%lld,\"cumulative\":%lld,\"missing_ms\":%lld}", name, known ? "true" : "false", (long long)mwh,
		   (long long)cumulative, (long long)missing_ms);
}

static void write_row(const struct site *site, const struct interval_row *r, struct buf *out)
{
	bool plain = r->class_ == CLASS_R && !r->missing_ms && !r->flags && !r->substituted_mwh && r->substitute_class == CLASS_MISSING;
	buf_str(out, "[");
	buf_json(out, site_meters(site)[r->meter].id);
	buf_printf(out, ",%lld,%lld", (long long)r->energy_mwh, (long long)r->cumulative_mwh);
	if (!plain)
		buf_printf(out, ",\"%c\",%lld,%u,%lld,\"%c\"", class_letters[r->class_], (long long)r->missing_ms, r->flags,
			   (long long)r->substituted_mwh, class_letters[r->substitute_class]);
	buf_str(out, "]");
}

static void write_parts(const struct site *site, const struct interval *iv, struct buf *out)
{
	for (size_t i = 0; i < iv->n_parts; i++) {
		buf_str(out, i ? ",[" : ",\"parts\":[[");
		buf_json(out, site_meters(site)[iv->parts[i].meter].id);
		buf_printf(out, ",%d,%d]", iv->parts[i].from_ms, iv->parts[i].to_ms);
	}
	buf_str(out, iv->n_parts ? "]" : "");
}

void interval_leaf(const struct site *site, const struct interval *iv, struct buf *out)
{
	buf_printf(out, "{\"type\":\"interval\",\"from\":%lld,\"to\":%lld,\"synced\":%s,\"flags\":%u", (long long)iv->from.ms, (long long)iv->to.ms,
		   iv->synced ? "true" : "false", iv->flags);
	write_sum(out, "total", iv->total_known, iv->total_mwh, iv->total_cumulative_mwh, iv->total_missing_ms);
	write_sum(out, "it", iv->it_known, iv->it_mwh, iv->it_cumulative_mwh, iv->it_missing_ms);
	write_parts(site, iv, out);
	buf_str(out, ",\"meters\":[");
	for (size_t i = 0; i < iv->n; i++) {
		buf_str(out, i ? "," : "");
		write_row(site, &iv->rows[i], out);
	}
	buf_str(out, "]}");
}

void event_leaf(const struct site *site, const struct ledger_event *ev, struct buf *out)
{
	buf_printf(out, "{\"type\":\"event\",\"kind\":\"%s\",\"meter\":", ledger_event_name(ev->kind));
	if (ev->meter == UINT32_MAX)
		buf_str(out, "null");
	else
		buf_json(out, site_meters(site)[ev->meter].id);
	buf_printf(out, ",\"from\":%lld,\"to\":%lld,\"mwh\":%lld,\"finding\":%u", (long long)ev->from.ms, (long long)ev->to.ms, (long long)ev->energy_mwh, ev->finding);
	if (ev->kind == EVENT_CORRECTION) {
		const struct ledger_curve *c = &ev->curve;
		buf_printf(out, ",\"curve\":{\"start\":[%lld,%lld],\"end\":[%lld,%lld],\"den\":%lld,\"closed_to\":%lld,\"was_missing\":%s,\"class\":\"%c\"}",
			   (long long)c->start_mwh, (long long)c->start_rest, (long long)c->end_mwh, (long long)c->end_rest, (long long)c->den,
			   (long long)c->closed_to.ms, c->was_missing ? "true" : "false", class_letters[c->class_]);
	}
	buf_str(out, ",\"reason\":");
	buf_json(out, ev->reason);
	buf_str(out, "}");
}

/* ---- reading ------------------------------------------------------------------------------------------------------------------- */

struct cursor { const char *p, *end; bool bad; };

/* Inlined, the length of what is expected is a constant: a year of 200 meters is 14 million small texts. */
#define INLINE static inline __attribute__((always_inline))

INLINE bool peek(const struct cursor *c, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(c->end - c->p) >= n && memcmp(c->p, text, n) == 0;
}

INLINE bool skip(struct cursor *c, const char *text)
{
	if (!peek(c, text))
		return false;
	c->p += strlen(text);
	return true;
}

INLINE void expect(struct cursor *c, const char *text)
{
	c->bad |= c->bad || !skip(c, text);
}

static int64_t number(struct cursor *c)
{
	bool negative = skip(c, "-");
	const char *from = c->p;
	int64_t v = 0;
	for (; c->p < c->end && *c->p >= '0' && *c->p <= '9'; c->p++)
		if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, *c->p - '0', &v)) {
			c->bad = true;
			return 0;
		}
	/* one way to write a number: no leading zeros, no -0 */
	c->bad |= c->p == from || (c->p - from > 1 && *from == '0') || (negative && v == 0) || (!negative && v == INT64_MIN);
	return negative || c->bad ? v : -v;
}

static int64_t bounded(struct cursor *c, int64_t min, int64_t max)
{
	int64_t v = number(c);
	c->bad |= v < min || v > max;
	return c->bad ? min : v;
}

static bool boolean(struct cursor *c)
{
	if (skip(c, "true"))
		return true;
	expect(c, "false");
	return false;
}

static int hex(char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1; }

/* What buf_json() writes: quote and backslash escaped, controls as \u00xx. */
static void string(struct cursor *c, char *out, size_t size)
{
	size_t n = 0;
	expect(c, "\"");
	while (!c->bad && c->p < c->end && *c->p != '"') {
		char ch = *c->p++;
		if ((unsigned char)ch < 0x20)
			c->bad = true;
		if (ch == '\\' && c->p < c->end && (*c->p == '"' || *c->p == '\\')) {
			ch = *c->p++;
		} else if (ch == '\\') {
			expect(c, "u00");
			int high = c->end - c->p >= 2 ? hex(c->p[0]) : -1, low = c->end - c->p >= 2 ? hex(c->p[1]) : -1;
			c->bad |= high < 0 || low < 0;
			ch = c->bad ? 0 : (char)(high * 16 + low);
			c->p += c->bad ? 0 : 2;
			c->bad |= ch == 0;
		}
		if (n + 1 >= size)
			c->bad = true;
		else
			out[n++] = ch;
	}
	out[n] = 0;
	expect(c, "\"");
}

static uint8_t letter(struct cursor *c)
{
	char text[4];
	string(c, text, sizeof text);
	const char *at = c->bad || !text[0] || text[1] ? NULL : strchr(class_letters, text[0]);
	c->bad |= !at;
	return at ? (uint8_t)(at - class_letters) : 0;
}

static void read_sum(struct cursor *c, const char *name, bool *known, int64_t *mwh, int64_t *cumulative, int64_t *missing_ms, int64_t span)
{
	expect(c, ",\"");
	expect(c, name);
	expect(c, "\":{\"known\":");
	*known = boolean(c);
	expect(c, ",\"mwh\":");
	*mwh = number(c);
	expect(c, ",\"cumulative\":");
	*cumulative = number(c);
	expect(c, ",\"missing_ms\":");
	*missing_ms = bounded(c, 0, span);
	expect(c, "}");
}

/* False for a meter that this site does not have (any more): its row says nothing here, the sums of the leaf stand. */
static bool find_meter(const struct site *site, const char *id, size_t hint, uint32_t *out)
{
	const struct meter *meters = site_meters(site);
	size_t n = site->meters.n;
	/* rows come in site order: the next one is nearly always where it is looked for first */
	for (size_t i = 0; i < n; i++) {
		size_t at = hint + i < n ? hint + i : (hint + i) % n;
		if (strcmp(meters[at].id, id) == 0) {
			*out = (uint32_t)at;
			return true;
		}
	}
	return false;
}

static void read_row(struct cursor *c, struct interval_row *r, char *id, size_t size, int64_t span)
{
	expect(c, "[");
	string(c, id, size);
	expect(c, ",");
	*r = (struct interval_row){ .class_ = CLASS_R, .substitute_class = CLASS_MISSING };
	r->energy_mwh = number(c);
	expect(c, ",");
	r->cumulative_mwh = number(c);
	if (skip(c, ",")) {
		r->class_ = letter(c);
		expect(c, ",");
		r->missing_ms = bounded(c, 0, span);
		expect(c, ",");
		r->flags = (uint16_t)bounded(c, 0, UINT16_MAX);
		expect(c, ",");
		r->substituted_mwh = number(c);
		expect(c, ",");
		r->substitute_class = letter(c);
	}
	expect(c, "]");
}

/* Absent where no term lacks a part. */
static bool read_parts(struct cursor *c, const struct site *site, int64_t span, struct missing_part **parts, size_t *n)
{
	size_t room = 0;
	uint32_t last = 0;
	if (!skip(c, ",\"parts\":["))
		return true;
	for (bool more = !c->bad; more && !c->bad; more = skip(c, ",")) {
		struct missing_part p;
		char id[80];
		expect(c, "[");
		string(c, id, sizeof id);
		expect(c, ",");
		p.from_ms = (int32_t)bounded(c, 0, span - 1);
		expect(c, ",");
		p.to_ms = (int32_t)bounded(c, p.from_ms + 1, span);
		expect(c, "]");
		if (c->bad || !find_meter(site, id, last, &p.meter))
			continue;
		if (*n == room) {
			room = room ? room * 2 : 16;
			struct missing_part *grown = realloc(*parts, room * sizeof *grown);
			if (!grown)
				return false;
			*parts = grown;
		}
		last = p.meter;
		(*parts)[(*n)++] = p;
	}
	expect(c, "]");
	return true;
}

static bool read_rows(struct cursor *c, const struct site *site, int64_t span, struct interval_row **rows, size_t *n)
{
	size_t room = 0;
	uint32_t last = 0;
	expect(c, ",\"meters\":[");
	for (bool more = !c->bad && !peek(c, "]"); more && !c->bad; more = skip(c, ",")) {
		struct interval_row r;
		char id[80];
		read_row(c, &r, id, sizeof id, span);
		if (c->bad || !find_meter(site, id, *n ? (size_t)last + 1 : 0, &r.meter))
			continue;
		if (*n == room) {
			room = room ? room * 2 : site->meters.n + 1;
			struct interval_row *grown = realloc(*rows, room * sizeof *grown);
			if (!grown)
				return false;
			*rows = grown;
		}
		last = r.meter;
		(*rows)[(*n)++] = r;
	}
	expect(c, "]}");
	return true;
}

/* Behind the rows, in their allocation. */
static bool join_parts(struct interval *iv, struct interval_row **rows, const struct missing_part *parts)
{
	if (!iv->n_parts)
		return true;
	struct interval_row *both = realloc(*rows, iv->n * sizeof **rows + iv->n_parts * sizeof *parts);
	if (!both)
		return false;
	memcpy(both + iv->n, parts, iv->n_parts * sizeof *parts);
	iv->parts = (const struct missing_part *)(both + iv->n);
	*rows = both;
	return true;
}

static bool leaf_bad(const char *what, const struct cursor *c, const char *leaf, struct err *err)
{
	return err_set(err, ERR_EVIDENCE, "%s leaf: not as written at byte %zu", what, (size_t)(c->p - leaf));
}

bool interval_of_leaf(const struct site *site, const void *leaf, size_t len, struct interval *out, struct err *err)
{
	struct cursor c = { leaf, (const char *)leaf + len, false };
	struct interval iv = { 0 };
	struct interval_row *rows = NULL;
	struct missing_part *parts = NULL;
	expect(&c, "{\"type\":\"interval\",\"from\":");
	iv.from.ms = number(&c);
	expect(&c, ",\"to\":");
	iv.to.ms = number(&c);
	int64_t span = 0;
	c.bad |= __builtin_sub_overflow(iv.to.ms, iv.from.ms, &span) || span <= 0 || span > 86400000;
	expect(&c, ",\"synced\":");
	iv.synced = boolean(&c);
	expect(&c, ",\"flags\":");
	iv.flags = (uint16_t)bounded(&c, 0, UINT16_MAX);
	read_sum(&c, "total", &iv.total_known, &iv.total_mwh, &iv.total_cumulative_mwh, &iv.total_missing_ms, span);
	read_sum(&c, "it", &iv.it_known, &iv.it_mwh, &iv.it_cumulative_mwh, &iv.it_missing_ms, span);
	bool memory = read_parts(&c, site, span, &parts, &iv.n_parts) && read_rows(&c, site, span, &rows, &iv.n) && join_parts(&iv, &rows, parts);
	free(parts);
	if (!memory || c.bad || c.p != c.end) {
		free(rows);
		return memory ? leaf_bad("interval", &c, leaf, err) : err_memory(err);
	}
	iv.rows = rows;
	*out = iv;
	return true;
}

static void read_curve(struct cursor *c, struct ledger_curve *v)
{
	const int64_t bound = INT64_C(1) << 62;
	expect(c, ",\"curve\":{\"start\":[");
	v->start_mwh = bounded(c, -bound, bound);
	expect(c, ",");
	v->start_rest = number(c);
	expect(c, "],\"end\":[");
	v->end_mwh = bounded(c, -bound, bound);
	expect(c, ",");
	v->end_rest = number(c);
	expect(c, "],\"den\":");
	v->den = bounded(c, 1, INT64_C(1) << 41);
	c->bad |= v->start_rest < 0 || v->start_rest >= v->den || v->end_rest < 0 || v->end_rest >= v->den;
	expect(c, ",\"closed_to\":");
	v->closed_to.ms = number(c);
	expect(c, ",\"was_missing\":");
	v->was_missing = boolean(c);
	expect(c, ",\"class\":");
	v->class_ = letter(c);
	expect(c, "}");
}

static enum ledger_event_kind kind_of(struct cursor *c)
{
	char name[32];
	string(c, name, sizeof name);
	for (int k = 0; k < EVENT_N && !c->bad; k++)
		if (strcmp(name, ledger_event_name((enum ledger_event_kind)k)) == 0)
			return (enum ledger_event_kind)k;
	c->bad = true;
	return EVENT_N;
}

bool event_of_leaf(const struct site *site, const void *leaf, size_t len, struct ledger_event *out, struct err *err)
{
	struct cursor c = { leaf, (const char *)leaf + len, false };
	struct ledger_event ev = { .meter = UINT32_MAX };
	char id[80] = "";
	expect(&c, "{\"type\":\"event\",\"kind\":");
	ev.kind = kind_of(&c);
	expect(&c, ",\"meter\":");
	if (!skip(&c, "null"))
		string(&c, id, sizeof id);
	expect(&c, ",\"from\":");
	ev.from.ms = number(&c);
	expect(&c, ",\"to\":");
	ev.to.ms = number(&c);
	expect(&c, ",\"mwh\":");
	ev.energy_mwh = number(&c);
	expect(&c, ",\"finding\":");
	ev.finding = (uint32_t)bounded(&c, 0, UINT32_MAX);
	if (!c.bad && ev.kind == EVENT_CORRECTION)
		read_curve(&c, &ev.curve);
	expect(&c, ",\"reason\":");
	string(&c, ev.reason, sizeof ev.reason);
	expect(&c, "}");
	int64_t span;
	c.bad |= (ev.kind == EVENT_CORRECTION || ev.kind == EVENT_MANUAL) && (__builtin_sub_overflow(ev.to.ms, ev.from.ms, &span) || span <= 0 || span > INT64_C(1) << 45);
	if (c.bad || c.p != c.end)
		return leaf_bad("event", &c, leaf, err);
	if (id[0] && !find_meter(site, id, 0, &ev.meter) && ev.kind == EVENT_CORRECTION)
		ev.curve.class_ = CLASS_COUNT;  /* corrects a meter that this site does not have: applies to nothing */
	*out = ev;
	return true;
}

enum ledger_leaf ledger_leaf_kind(const void *leaf, size_t len)
{
	struct cursor c = { leaf, (const char *)leaf + len, false };
	return peek(&c, "{\"type\":\"interval\",") ? LEDGER_LEAF_INTERVAL : peek(&c, "{\"type\":\"event\",") ? LEDGER_LEAF_EVENT : LEDGER_LEAF_OTHER;
}
