#include "core/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool grow(struct buf *b, size_t more)
{
	if (b->failed || more > SIZE_MAX / 2 - b->len - 1) {
		b->failed = true;
		return false;
	}
	size_t want = b->len + more + 1;
	if (want <= b->room)
		return true;
	size_t room = b->room ? b->room : 64;
	while (room < want)
		room *= 2;
	char *data = realloc(b->data, room);
	if (!data) {
		b->failed = true;
		return false;
	}
	b->data = data;
	b->room = room;
	return true;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
	if (!grow(b, len))
		return;
	if (len)
		memcpy(b->data + b->len, bytes, len);
	b->len += len;
	b->data[b->len] = 0;
}

void buf_str(struct buf *b, const char *text)
{
	buf_add(b, text, strlen(text));
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list args, again;
	va_start(args, fmt);
	va_copy(again, args);
	int n = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	if (n >= 0 && grow(b, (size_t)n)) {
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}

/* Length of the valid UTF-8 sequence at s (1..4), 0 when it is not one (RFC 3629 section 4). */
static size_t utf8_step(const unsigned char *s, size_t len)
{
	static const struct { unsigned char lo, hi, second_lo, second_hi; size_t n; } rows[] = {
		{ 0x00, 0x7f, 0, 0, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		if (s[0] < rows[i].lo || s[0] > rows[i].hi || rows[i].n > len)
			continue;
		if (rows[i].n > 1 && (s[1] < rows[i].second_lo || s[1] > rows[i].second_hi))
			return 0;
		for (size_t k = 2; k < rows[i].n; k++)
			if ((s[k] & 0xc0) != 0x80)
				return 0;
		return rows[i].n;
	}
	return 0;
}

void buf_json(struct buf *b, const char *text)
{
	size_t left = strlen(text);
	buf_str(b, "\"");
	while (left) {
		unsigned char c = (unsigned char)*text;
		size_t n = utf8_step((const unsigned char *)text, left);
		if (n == 0) {
			buf_str(b, "\xef\xbf\xbd");
			n = 1;
		} else if (c == '"' || c == '\\') {
			buf_printf(b, "\\%c", c);
		} else if (c < 0x20 || c == 0x7f) {
			buf_printf(b, "\\u%04x", c);
		} else {
			buf_add(b, text, n);
		}
		text += n;
		left -= n;
	}
	buf_str(b, "\"");
}

/* Marks that turn the direction of what follows, and the line and paragraph separators: a terminal shows another text than was said. */
static bool reorders(const unsigned char *s, size_t n)
{
	return n == 3 && s[0] == 0xe2 && ((s[1] == 0x80 && (s[2] == 0x8e || s[2] == 0x8f || (s[2] >= 0xa8 && s[2] <= 0xae))) || (s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9));
}

void buf_plain(struct buf *b, const char *text, size_t len)
{
	while (len) {
		unsigned char c = (unsigned char)*text;
		size_t n = utf8_step((const unsigned char *)text, len);
		bool control = c < 0x20 || c == 0x7f || (c == 0xc2 && n == 2 && (unsigned char)text[1] < 0xa0);
		if (n == 0 || control || reorders((const unsigned char *)text, n))
			buf_str(b, "?");
		else
			buf_add(b, text, n);
		n = n ? n : 1;
		text += n;
		len -= n;
	}
}

void buf_reset(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = 0;
}

char *buf_take(struct buf *b)
{
	char *data = b->failed ? NULL : b->data;
	if (b->failed)
		free(b->data);
	*b = (struct buf){ 0 };
	return data;
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ 0 };
}
