#include "tests/sim/snmprec.h"
#include "core/walk.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>

struct snmprec {
	struct agent_row *rows;
	struct agent_value *values;
	size_t n, n_values, room;   /* rows, values, and what there is memory for */
};

static const struct tag { int tag; u_char type; enum { NUMBER, BYTES, NAME, ADDRESS, NOTHING } form; } tags[] = {
	{ 2, ASN_INTEGER, NUMBER },   { 4, ASN_OCTET_STR, BYTES },  { 5, ASN_NULL, NOTHING },       { 6, ASN_OBJECT_ID, NAME },
	{ 64, ASN_IPADDRESS, ADDRESS }, { 65, ASN_COUNTER, NUMBER }, { 66, ASN_GAUGE, NUMBER },     { 67, ASN_TIMETICKS, NUMBER },
	{ 68, ASN_OPAQUE, BYTES },    { 70, ASN_COUNTER64, NUMBER },
};

static bool parse_oid(const char *text, oid *ids, size_t *n)
{
	char *end;
	*n = 0;
	text += *text == '.';
	do {
		errno = 0;
		unsigned long id = strtoul(text, &end, 10);
		if (end == text || errno || id > UINT32_MAX || *n >= MAX_OID_LEN)
			return false;
		ids[(*n)++] = id;
		text = end + 1;
	} while (*end == '.');
	return *end == 0 && *n >= 2;
}

static bool parse_hex(const char *text, void *out, size_t *len)
{
	*len = 0;
	for (; text[0]; text += 2) {
		char pair[3] = { text[0], text[1], 0 }, *end;
		((unsigned char *)out)[(*len)++] = (unsigned char)strtoul(pair, &end, 16);
		if (end != pair + 2)
			return false;
	}
	return true;
}

/* `value->bytes` becomes memory of its own. */
static bool parse_value(const struct tag *tag, bool hex, const char *text, struct agent_value *value)
{
	oid ids[MAX_OID_LEN];
	size_t n = 0;
	char *end;
	*value = (struct agent_value){ .type = tag->type };
	unsigned char *bytes = malloc(strlen(text) + sizeof ids);
	if (!bytes)
		return false;
	value->bytes = bytes;
	if (hex && tag->form != NUMBER && tag->form != NAME)
		return parse_hex(text, bytes, &value->len);
	switch (tag->form) {
	case NUMBER:
		errno = 0;
		value->integer = *text == '-' ? strtoll(text, &end, 10) : (int64_t)strtoull(text, &end, 10);
		value->bytes = NULL;
		free(bytes);
		return end != text && !*end && !errno;
	case NAME:
		if (!parse_oid(text, ids, &n))
			return false;
		value->len = n * sizeof *ids;
		memcpy(bytes, ids, value->len);
		return true;
	case ADDRESS:
		value->len = 4;
		return inet_pton(AF_INET, text, bytes) == 1;
	case BYTES:
		value->len = strlen(text);
		memcpy(bytes, text, value->len);
		return true;
	case NOTHING:
		return true;
	}
	return false;
}

static bool grow(struct snmprec *r)
{
	if (r->n < r->room)
		return true;
	size_t room = r->room ? r->room * 2 : 256;
	void *rows = realloc(r->rows, room * sizeof *r->rows);
	if (rows)
		r->rows = rows;
	void *values = rows ? realloc(r->values, room * sizeof *r->values) : NULL;
	if (!values)
		return false;
	r->values = values;
	r->room = room;
	return true;
}

static bool parse_line(struct snmprec *r, char *line, struct err *err)
{
	char *tag_text = strchr(line, '|'), *text = tag_text ? strchr(tag_text + 1, '|') : NULL, *end;
	if (!text)
		return err_set(err, ERR_INPUT, "not OID|TAG|VALUE");
	*tag_text++ = 0;
	*text++ = 0;
	long number = strtol(tag_text, &end, 10);
	bool hex = *end == 'x';
	const struct tag *tag = NULL;
	for (size_t i = 0; i < countof(tags); i++)
		if (tags[i].tag == number && end != tag_text && !end[hex])
			tag = &tags[i];
	if (!tag)
		return err_set(err, ERR_INPUT, "unknown tag `%.20s`", tag_text);
	oid ids[MAX_OID_LEN];
	size_t n;
	if (!parse_oid(line, ids, &n))
		return err_set(err, ERR_INPUT, "`%.100s` is not an OID", line);
	if (!grow(r))
		return err_memory(err);
	oid *name = malloc(n * sizeof *name);
	if (!name)
		return err_memory(err);
	memcpy(name, ids, n * sizeof *name);
	r->rows[r->n] = (struct agent_row){ .name = name, .len = n, .ref = (uint32_t)r->n };
	bool good = parse_value(tag, hex, text, &r->values[r->n]);
	r->n++;
	r->n_values++;
	return good || err_set(err, ERR_INPUT, "the value `%.60s` does not fit tag %s", text, tag_text);
}

static int by_name(const void *a, const void *b)
{
	const struct agent_row *x = a, *y = b;
	int c = agent_compare(x->name, x->len, y->name, y->len);
	return c ? c : (x->ref > y->ref) - (x->ref < y->ref);
}

static void sort(struct snmprec *r)
{
	qsort(r->rows, r->n, sizeof *r->rows, by_name);
	size_t kept = 0;
	for (size_t i = 0; i < r->n; i++) {
		struct agent_row row = r->rows[i];
		if (kept && !agent_compare(r->rows[kept - 1].name, r->rows[kept - 1].len, row.name, row.len))
			free((void *)row.name);
		else
			r->rows[kept++] = row;
	}
	r->n = kept;   /* values are found by ref: those of dropped rows stay where they are */
}

struct snmprec *snmprec_parse(const char *text, size_t len, struct err *err)
{
	CLEANUP(buf_done) struct buf walked = { 0 };
	size_t left_out;
	if (walk_is(text, len)) {
		if (!walk_to_snmprec(text, len, &walked, &left_out, err))
			return NULL;
		text = walked.data ? walked.data : "";
		len = walked.len;
	}
	struct snmprec *r = calloc(1, sizeof *r);
	char *copy = r ? strndup(text, len) : NULL;
	if (!copy) {
		err_memory(err);
		free(r);
		return NULL;
	}
	size_t number = 0;
	char *rest = copy, *line;
	bool good = true;
	while (good && (line = strsep(&rest, "\n"))) {
		number++;
		line[strcspn(line, "\r")] = 0;
		if (*line && *line != '#')
			good = parse_line(r, line, err) || err_wrap(err, "line %zu", number);
	}
	free(copy);
	if (good) {
		sort(r);
		return r;
	}
	snmprec_free(r);
	return NULL;
}

void snmprec_free(struct snmprec *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		free((void *)r->rows[i].name);
	for (size_t i = 0; i < r->n_values; i++)
		free((void *)r->values[i].bytes);
	free(r->rows);
	free(r->values);
	free(r);
}

static bool value_of(void *ctx, const struct agent_row *row, struct agent_value *out)
{
	struct snmprec *r = ctx;
	*out = r->values[row->ref];
	return true;
}

struct agent_view snmprec_view(struct snmprec *r)
{
	return (struct agent_view){ .rows = r->rows, .n = r->n, .value = value_of, .ctx = r };
}
