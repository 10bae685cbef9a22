#include "core/csv.h"

#include <string.h>

enum { MAX_CELLS = 256, MAX_CELL = 4096, MAX_CSV = 32 << 20 };

struct reader {
	struct conf *c;
	const char *file, *p, *end;
	int line, column;
	char separator;
};

static struct conf_place here(const struct reader *r)
{
	return (struct conf_place){ r->file, r->line, r->column };
}

static bool stop(const struct reader *r)
{
	return r->p == r->end;
}

static void step(struct reader *r)
{
	if (*r->p == '\n') {
		r->line++;
		r->column = 1;
	} else if (((unsigned char)*r->p & 0xC0) != 0x80) {
		r->column++;            /* a character, however many bytes it has */
	}
	r->p++;
}

/* Length of the UTF-8 character at p, 0 when it is none. */
static size_t utf8(const unsigned char *p, size_t left)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xC2 && p[0] < 0xE0 ? 2 : (p[0] & 0xF0) == 0xE0 ? 3 : p[0] >= 0xF0 && p[0] < 0xF5 ? 4 : 0;
	if (!n || n > left || !p[0])
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	return n;
}

static bool check_text(struct reader r)
{
	while (!stop(&r)) {
		size_t n = utf8((const unsigned char *)r.p, (size_t)(r.end - r.p));
		if (!n) {
			conf_problem_at(r.c, here(&r), "byte 0x%02x is no UTF-8; save the sheet as 'CSV UTF-8'", (unsigned char)*r.p);
			return false;
		}
		while (n--)
			step(&r);
	}
	return true;
}

static char separator_of(const char *p, const char *end)
{
	size_t line = (size_t)((const char *)(memchr(p, '\n', (size_t)(end - p)) ?: end) - p);
	if (memchr(p, ',', line))
		return ',';
	return memchr(p, ';', line) ? ';' : memchr(p, '\t', line) ? '\t' : ',';
}

/* Of three kinds the one that stands in the most of the first lines, outside quotes; of equals the first: a decimal comma is no separator
 * where semicolons or tabs stand as well. */
static char separator_of_most(const char *p, const char *end)
{
	static const char kinds[] = ";\t,";
	size_t lines[sizeof kinds] = { 0 };
	for (int line = 0; p < end && line < 30; line++) {
		const char *stop = memchr(p, '\n', (size_t)(end - p));
		bool quoted = false, seen[sizeof kinds] = { false };
		for (const char *at = p; at < (stop ? stop : end); at++) {
			const char *kind = *at ? strchr(kinds, *at) : NULL;
			quoted ^= *at == '"';
			if (kind && !quoted)
				seen[kind - kinds] = true;
		}
		for (size_t i = 0; kinds[i]; i++)
			lines[i] += seen[i];
		p = stop ? stop + 1 : end;
	}
	size_t best = 0;
	for (size_t i = 1; kinds[i]; i++)
		best = lines[i] > lines[best] ? i : best;
	return lines[best] ? kinds[best] : ',';
}

static bool at_line_end(const struct reader *r)
{
	return stop(r) || *r->p == '\n' || (*r->p == '\r' && (r->p + 1 == r->end || r->p[1] == '\n'));
}

static bool quoted_cell(struct reader *r, struct buf *text)
{
	struct conf_place open = here(r);
	step(r);
	for (;; step(r)) {
		if (stop(r)) {
			conf_problem_at(r->c, open, "this quote is never closed; close it, or double a quote that is text");
			return false;
		}
		if (*r->p != '"') {
			buf_add(text, r->p, 1);
			continue;
		}
		if (r->p + 1 == r->end || r->p[1] != '"')
			break;
		buf_str(text, "\"");
		step(r);
	}
	step(r);
	while (!at_line_end(r) && *r->p == ' ')
		step(r);
	if (!at_line_end(r) && *r->p != r->separator) {
		conf_problem_at(r->c, here(r), "text behind a closing quote; put the whole cell into quotes and double the quotes inside");
		return false;
	}
	return true;
}

static void plain_cell(struct reader *r, struct buf *text)
{
	while (!at_line_end(r) && *r->p != r->separator) {
		buf_add(text, r->p, 1);
		step(r);
	}
	while (text->len && (text->data[text->len - 1] == ' ' || text->data[text->len - 1] == '\t'))
		text->data[--text->len] = 0;
}

static struct conf_node *cell(struct reader *r)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	while (!at_line_end(r) && *r->p == ' ')
		step(r);
	struct conf_place place = here(r);
	if (!at_line_end(r) && *r->p == '"') {
		if (!quoted_cell(r, &text))
			return NULL;
	} else {
		plain_cell(r, &text);
	}
	if (text.len > MAX_CELL) {
		conf_problem_at(r->c, place, "a cell of %zu bytes; %d are allowed", text.len, MAX_CELL);
		return NULL;
	}
	return conf_make_scalar(r->c, place, text.data ? text.data : "");
}

static bool row(struct reader *r, size_t width, struct conf_node *rows)
{
	struct conf_node *cells[MAX_CELLS], *node;
	struct conf_place place = here(r);
	size_t n = 0, filled = 0;
	for (bool more = true; more; n++) {
		if (n == MAX_CELLS || !(cells[n] = cell(r)))
			return n == MAX_CELLS ? conf_problem_at(r->c, place, "more than %d columns", MAX_CELLS), false : false;
		filled += conf_kind(cells[n]) == CONF_SCALAR;
		more = !at_line_end(r);
		if (more)
			step(r);        /* the separator */
	}
	while (!stop(r) && (*r->p == '\r' || *r->p == '\n')) {
		bool end = *r->p == '\n';
		step(r);
		if (end)
			break;
	}
	if (!filled)
		return true;
	while (n && width && n > width && conf_kind(cells[n - 1]) == CONF_NULL)
		n--;                    /* spreadsheets pad rows with empty cells */
	if (width && n > width) {
		conf_problem(r->c, cells[width], "cell %zu of a row, but the header names %zu columns; quote a text that holds '%c'", width + 1,
			     width, r->separator);
		return false;
	}
	if (!(node = conf_make(r->c, place, CONF_SEQUENCE, n)))
		return false;
	for (size_t i = 0; i < n; i++)
		conf_add(node, NULL, cells[i]);
	conf_add(rows, NULL, node);
	return true;
}

static const struct conf_node *parse(struct conf *c, const char *file, const void *bytes, size_t len, bool ragged)
{
	struct reader r = { .c = c, .file = conf_copy(c, file), .p = bytes, .end = (const char *)bytes + len, .line = 1, .column = 1 };
	if (!r.file)
		return NULL;
	if (len > MAX_CSV)
		return conf_problem_at(c, here(&r), "larger than 32 MiB"), NULL;
	if (len >= 3 && !memcmp(bytes, "\xEF\xBB\xBF", 3))
		r.p += 3;
	if (!check_text(r))
		return NULL;
	r.separator = (ragged ? separator_of_most : separator_of)(r.p, r.end);
	size_t lines = 1;
	for (const char *p = r.p; p < r.end; p++)
		lines += *p == '\n';
	struct conf_node *rows = conf_make(c, here(&r), CONF_SEQUENCE, lines);
	bool good = rows;
	while (good && !stop(&r))
		good = row(&r, ragged ? 0 : conf_count(conf_item(rows, 0)), rows) && good;
	if (good && !conf_count(rows))
		return conf_problem_at(c, here(&r), "the file is empty; the first line names the columns"), NULL;
	return good ? rows : NULL;
}

const struct conf_node *csv_parse(struct conf *c, const char *file, const void *bytes, size_t len)
{
	return parse(c, file, bytes, len, false);
}

const struct conf_node *csv_parse_ragged(struct conf *c, const char *file, const void *bytes, size_t len)
{
	return parse(c, file, bytes, len, true);
}
