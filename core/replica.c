#include "core/replica.h"

#include <stdlib.h>
#include <string.h>

struct word { uint8_t space; uint16_t address, value; };

struct replica {
	struct var *vars;                /* sorted before the first answer */
	size_t n_vars, room_vars;
	struct word *words;
	size_t n_words, room_words;
	const char *const *objects;
	size_t n_objects;
	bool sorted, strict;
	struct var *answer;
	size_t room_answer;
	uint16_t answer_words[2000];
};

struct replica *replica_new(void)
{
	return calloc(1, sizeof(struct replica));
}

void replica_free(struct replica *r)
{
	if (!r)
		return;
	free(r->vars);
	free(r->words);
	free(r->answer);
	free(r);
}

static bool room_for(void **items, size_t *room, size_t n, size_t size)
{
	if (n <= *room)
		return true;
	size_t more = *room ? *room * 2 : 64;
	while (more < n)
		more *= 2;
	void *p = realloc(*items, more * size);
	if (!p)
		return false;
	*items = p;
	*room = more;
	return true;
}

static size_t position(const struct replica *r, const struct oid *name);

bool replica_var(struct replica *r, const struct var *v)
{
	size_t at = r->sorted ? position(r, &v->name) : r->n_vars;
	if (at < r->n_vars && !oid_compare(&r->vars[at].name, &v->name)) {
		r->vars[at] = *v;
		return true;
	}
	if (r->sorted) {
		if (!room_for((void **)&r->vars, &r->room_vars, r->n_vars + 1, sizeof *r->vars))
			return false;
		memmove(&r->vars[at + 1], &r->vars[at], (r->n_vars - at) * sizeof *r->vars);
		r->vars[at] = *v;
		r->n_vars++;
		return true;
	}
	if (!room_for((void **)&r->vars, &r->room_vars, r->n_vars + 1, sizeof *r->vars))
		return false;
	r->vars[r->n_vars++] = *v;
	return true;
}

bool replica_words(struct replica *r, uint8_t space, uint16_t address, const uint16_t *words, size_t n)
{
	if (address + n > 65536 || !room_for((void **)&r->words, &r->room_words, r->n_words + n, sizeof *r->words))
		return false;
	for (size_t i = 0; i < n; i++)
		r->words[r->n_words++] = (struct word){ space, (uint16_t)(address + i), words[i] };
	return true;
}

void replica_strict(struct replica *r)
{
	r->strict = true;
}

void replica_objects(struct replica *r, const char *const *objects, size_t n)
{
	r->objects = objects;
	r->n_objects = n;
}

/* ---- .snmprec ---- */

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 32;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool set_text(struct var *v, const char *value, size_t len, bool hex)
{
	size_t n = 0;
	if (!hex) {
		n = len < TEXT_VALUE_MAX ? len : TEXT_VALUE_MAX;
		memcpy(v->text, value, n);
	} else {
		for (size_t i = 0; i + 1 < len && n < TEXT_VALUE_MAX; i += 2) {
			int hi = nibble(value[i]), lo = nibble(value[i + 1]);
			if (hi < 0 || lo < 0)
				return false;
			v->text[n++] = (char)(hi << 4 | lo);
		}
	}
	v->text[n] = 0;
	v->text_len = (uint16_t)n;
	return true;
}

/* 9f 78 04 and 9f 79 08: a float, a double, as net-snmp's agents wrap them; any other Opaque stays octets. */
static bool set_opaque(struct var *v)
{
	const uint8_t *p = (const uint8_t *)v->text;
	size_t n = v->text_len == 7 && !memcmp(p, "\x9f\x78\x04", 3) ? 4 : v->text_len == 11 && !memcmp(p, "\x9f\x79\x08", 3) ? 8 : 0;
	uint64_t bits = 0;
	for (size_t i = 0; i < n; i++)
		bits = bits << 8 | p[3 + i];
	uint32_t half = (uint32_t)bits;
	float f;
	memcpy(&f, &half, sizeof f);
	if (n == 4)
		v->real = (double)f;
	else if (n == 8)
		memcpy(&v->real, &bits, sizeof bits);
	v->type = n == 4 ? VAR_OPAQUE_FLOAT : n == 8 ? VAR_OPAQUE_DOUBLE : VAR_STRING;
	return true;
}

static const struct { int tag; enum var_type type; } tags[] = {
	{ 2, VAR_INTEGER }, { 4, VAR_STRING }, { 6, VAR_OID }, { 64, VAR_ADDRESS }, { 65, VAR_COUNTER32 }, { 66, VAR_UNSIGNED },
	{ 67, VAR_TICKS }, { 68, VAR_STRING }, { 70, VAR_COUNTER64 },
};

/* "2", "4x", ...; an unknown tag is skipped as the agent that was recorded would hardly be asked for it. */
static bool parse_value(struct var *v, const char *tag, const char *value, size_t len)
{
	char *end, text[TEXT_VALUE_MAX + 1];
	long number = strtol(tag, &end, 10);
	bool hex = *end == 'x';
	for (size_t i = 0; i < countof(tags); i++) {
		if (tags[i].tag != number)
			continue;
		v->type = tags[i].type;
		if (v->type == VAR_STRING || v->type == VAR_ADDRESS)
			return set_text(v, value, len, hex) && (number != 68 || set_opaque(v));
		size_t n = len < TEXT_VALUE_MAX ? len : TEXT_VALUE_MAX;
		memcpy(text, value, n);
		text[n] = 0;
		if (v->type == VAR_OID)
			return oid_parse(text, &v->oid);
		v->integer = v->type == VAR_COUNTER64 ? (int64_t)strtoull(text, &end, 10) : strtoll(text, &end, 10);
		return end != text;
	}
	return true;
}

static bool parse_line(struct replica *r, const char *line, size_t len)
{
	struct var *v = calloc(1, sizeof *v);
	char head[1400];
	const char *first = memchr(line, '|', len), *second = first ? memchr(first + 1, '|', (size_t)(line + len - first - 1)) : NULL;
	bool good = v && second && (size_t)(second - line) < sizeof head;
	if (good) {
		memcpy(head, line, (size_t)(second - line));
		head[second - line] = 0;
		head[first - line] = 0;
		good = oid_parse(head, &v->name) &&
		       parse_value(v, head + (first - line) + 1, second + 1, (size_t)(line + len - second - 1)) &&
		       (v->type == VAR_NONE || replica_var(r, v));
	}
	free(v);
	return good;
}

bool replica_snmprec(struct replica *r, const void *bytes, size_t len, struct err *err)
{
	const char *p = bytes, *end = p + len;
	for (int line = 1; p < end; line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		size_t n = (size_t)((stop ? stop : end) - p);
		if (n && p[n - 1] == '\r')
			n--;
		if (n && *p != '#' && !parse_line(r, p, n))
			return err_set(err, ERR_INPUT, "line %d is no 'OID|TAG|VALUE'", line);
		p = stop ? stop + 1 : end;
	}
	return true;
}

/* ---- answers ---- */

static int by_name(const void *a, const void *b)
{
	return oid_compare(&((const struct var *)a)->name, &((const struct var *)b)->name);
}

void replica_sort(struct replica *r)
{
	if (!r->sorted && r->n_vars)
		qsort(r->vars, r->n_vars, sizeof *r->vars, by_name);
	r->sorted = true;
}

static size_t position(const struct replica *r, const struct oid *name)
{
	size_t lo = 0, hi = r->n_vars;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (oid_compare(&r->vars[mid].name, name) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool put_var(struct replica *r, struct reading *out, const struct var *v)
{
	if (!room_for((void **)&r->answer, &r->room_answer, out->n_vars + 1, sizeof *r->answer))
		return false;
	r->answer[out->n_vars++] = *v;
	out->vars = r->answer;
	return true;
}

static void answer_get(struct replica *r, const struct request *q, struct reading *out)
{
	for (size_t i = 0; i < q->n_oids; i++) {
		size_t at = position(r, &q->oids[i]);
		if (at < r->n_vars && !oid_compare(&r->vars[at].name, &q->oids[i])) {
			(void)!put_var(r, out, &r->vars[at]);
			continue;
		}
		struct var none = { .type = VAR_NO_SUCH_INSTANCE };
		none.name.n = q->oids[i].n;
		memcpy(none.name.ids, q->oids[i].ids, none.name.n * sizeof *none.name.ids);
		(void)!put_var(r, out, &none);
	}
}

static void answer_walk(struct replica *r, const struct request *q, struct reading *out)
{
	for (size_t i = 0; i < q->n_oids; i++) {
		size_t rows = 0;
		for (size_t at = position(r, &q->oids[i]); at < r->n_vars && oid_under(&r->vars[at].name, &q->oids[i]); at++, rows++) {
			if (rows == q->max_rows) {
				out->partial = true;
				break;
			}
			(void)!put_var(r, out, &r->vars[at]);
		}
	}
}

static void answer_read(struct replica *r, const struct request *q, struct reading *out)
{
	bool any = false, known[countof(r->answer_words)] = { false };
	if (q->count > countof(r->answer_words))
		return;
	memset(r->answer_words, 0, q->count * sizeof *r->answer_words);
	for (size_t i = 0; i < r->n_words; i++) {
		const struct word *w = &r->words[i];
		if (w->space != q->function || w->address < q->address || w->address >= q->address + q->count)
			continue;
		r->answer_words[w->address - q->address] = w->value;
		any = known[w->address - q->address] = true;
	}
	for (size_t i = 0; r->strict && i < q->count; i++)
		any = any && known[i];
	out->words = r->answer_words;
	out->n_words = any ? q->count : 0;
	out->reason = any ? REASON_NONE : REASON_EXCEPTION;
	out->exception = any ? 0 : 2;
}

void replica_answer(struct replica *r, const struct request *req, struct stamp at, struct reading *out)
{
	replica_sort(r);
	*out = (struct reading){ .request = req, .at = at };
	switch (req->kind) {
	case REQUEST_SNMP_GET:
		answer_get(r, req, out);
		break;
	case REQUEST_SNMP_WALK:
		answer_walk(r, req, out);
		break;
	case REQUEST_MODBUS_READ:
		answer_read(r, req, out);
		break;
	case REQUEST_MODBUS_DEVICE_ID:
		out->objects = r->objects;
		out->n_objects = r->n_objects;
		out->reason = r->n_objects ? REASON_NONE : REASON_EXCEPTION;
		out->exception = r->n_objects ? 0 : 1;
		break;
	case REQUEST_MODBUS_SERVER_ID:
		out->reason = REASON_EXCEPTION;
		out->exception = 1;
		break;
	}
	if (out->reason != REASON_NONE)
		err_set(&out->err, ERR_UNAVAILABLE, "the replica has nothing there");
}
