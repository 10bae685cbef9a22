#include "publish/publish.h"

#include <string.h>

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* application/x-www-form-urlencoded, one value; control characters are no part of any name or time asked for here. */
static bool decode(const char *from, size_t len, char *out, size_t size)
{
	size_t n = 0;
	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)from[i];
		if (c == '%') {
			int high = i + 2 < len ? hex(from[i + 1]) : -1, low = i + 2 < len ? hex(from[i + 2]) : -1;
			if (high < 0 || low < 0)
				return false;
			c = high * 16 + low;
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c < 0x20 || c == 0x7f || n + 1 >= size)
			return false;
		out[n++] = (char)c;
	}
	out[n] = 0;
	json_t *text = json_string(out);   /* refuses what is not UTF-8 */
	json_decref(text);
	return text != NULL;
}

bool query_value(const char *query, const char *key, char *out, size_t size)
{
	size_t key_len = strlen(key), len = 0;
	const char *found = NULL;
	for (const char *p = query; p && *p;) {
		size_t part = strcspn(p, "&");
		if (part > key_len && !strncmp(p, key, key_len) && p[key_len] == '=') {
			if (found)
				return false;
			found = p + key_len + 1;
			len = part - key_len - 1;
		}
		p += part + (p[part] == '&');
	}
	return found && decode(found, len, out, size);
}
