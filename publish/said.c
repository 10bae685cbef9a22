#include "publish/said.h"
#include "publish/web.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { HOLES = 9, DEEP = 6 };           /* {1} to {9}; a sentence in a sentence in ... */
struct said { json_t *rows, *words; };
struct hole { const char *from; size_t len; };
struct match { struct hole holes[HOLES]; size_t n; };

static json_t *file(const char *path)
{
	const struct web_asset *a = web_assets;
	while (a->path && strcmp(a->path, path) != 0)
		a++;
	return a->path ? json_loadb((const char *)a->bytes, a->len, 0, NULL) : NULL;
}

struct said *said_new(void)
{
	struct said *s = calloc(1, sizeof *s);
	if (s)
		*s = (struct said){ file("/assets/said.zh.json"), file("/assets/zh.json") };
	return s;
}

void said_free(struct said *s)
{
	if (!s)
		return;
	json_decref(s->rows);
	json_decref(s->words);
	free(s);
}

/* Behind ": " or "(" a hole takes anything, elsewhere nothing that holds ": ". */
static bool takes_all(const char *begin, const char *hole)
{
	return hole > begin && (hole[-1] == '(' || (hole - begin > 1 && hole[-1] == ' ' && hole[-2] == ':'));
}

/* Holes take as little as they can, from the left. */
static bool matches(const char *begin, const char *pattern, const char *text, const char *end, struct match *m)
{
	for (; *pattern && *pattern != '%'; pattern++, text++)
		if (text == end || *text != *pattern)
			return false;
	if (!*pattern)
		return text == end;
	size_t at = m->n++;
	for (const char *p = text; at < HOLES; p++) {
		m->n = at + 1;
		m->holes[at] = (struct hole){ text, (size_t)(p - text) };
		if (matches(begin, pattern + 1, p, end, m))
			return true;
		if (p == end || (!takes_all(begin, pattern) && p + 1 < end && p[0] == ':' && p[1] == ' '))
			break;
	}
	m->n = at;
	return false;
}

static void translate(const struct said *s, const char *text, size_t len, int deep, struct buf *out);

static void fill(const struct said *s, const char *zh, const struct match *m, int deep, struct buf *out)
{
	for (; *zh; zh++) {
		int hole = zh[0] == '{' && zh[1] >= '1' && zh[1] <= '9' && zh[2] == '}' ? zh[1] - '1' : -1;
		if (hole < 0) {
			buf_add(out, zh, 1);
			continue;
		}
		if ((size_t)hole < m->n)
			translate(s, m->holes[hole].from, m->holes[hole].len, deep + 1, out);
		zh += 2;
	}
}

static bool whole(const struct said *s, const char *text, size_t len, int deep, struct buf *out)
{
	const char *english;
	json_t *zh;
	json_object_foreach(s->rows, english, zh) {
		struct match m = { .n = 0 };
		if (!json_is_string(zh) || !matches(english, english, text, text + len, &m))
			continue;
		fill(s, json_string_value(zh), &m, deep, out);
		return true;
	}
	return false;
}

/* A part that has no sentence is translated further on; one that has, is. */
static bool by_parts(const struct said *s, const char *text, size_t len, int deep, struct buf *out)
{
	for (size_t at = 1; at + 2 < len; at++) {
		if (text[at] != ':' || text[at + 1] != ' ')
			continue;
		CLEANUP(buf_done) struct buf left = { 0 }, right = { 0 };
		const char *cause = text + at + 2;
		size_t rest = len - at - 2;
		bool l = whole(s, text, at, deep + 1, &left), r = whole(s, cause, rest, deep + 1, &right);
		if (!l && !r)
			continue;
		buf_add(out, l ? left.data : text, l ? left.len : at);
		buf_str(out, "：");
		if (r)
			buf_add(out, right.data, right.len);
		else
			translate(s, cause, rest, deep + 1, out);
		return true;
	}
	return false;
}

static void translate(const struct said *s, const char *text, size_t len, int deep, struct buf *out)
{
	if (!len || deep > DEEP || !(whole(s, text, len, deep, out) || by_parts(s, text, len, deep, out)))
		buf_add(out, text, len);
}

void said_zh(const struct said *s, const char *english, struct buf *out)
{
	if (s && s->rows)
		translate(s, english, strlen(english), 0, out);
	else
		buf_str(out, english);
}

void said_word_zh(const struct said *s, const char *prefix, const char *word, struct buf *out)
{
	CLEANUP(buf_done) struct buf key = { 0 };
	buf_printf(&key, "%s%s", prefix, word);
	const char *zh = s && key.data ? json_string_value(json_object_get(s->words, key.data)) : NULL;
	buf_str(out, zh ? zh : word);
}
