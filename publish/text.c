#include "publish/text.h"

#include <string.h>

static const int64_t powers[] = { 1, 10, 100, 1000, 10000, 100000, 1000000, 10000000, 100000000, 1000000000 };

void text_decimal(struct buf *out, __int128 num, int64_t den, int digits)
{
	if (den <= 0) {
		buf_str(out, "NaN");
		return;
	}
	unsigned __int128 n = num < 0 ? -(unsigned __int128)num : (unsigned __int128)num;
	unsigned __int128 scaled = (n * (uint64_t)powers[digits] * 2 + (uint64_t)den) / ((unsigned __int128)den * 2);
	uint64_t whole = (uint64_t)(scaled / (uint64_t)powers[digits]);
	uint64_t part = (uint64_t)(scaled % (uint64_t)powers[digits]);
	buf_printf(out, "%s%llu", num < 0 && scaled ? "-" : "", (unsigned long long)whole);
	if (digits > 0)
		buf_printf(out, ".%0*llu", digits, (unsigned long long)part);
}

int64_t text_ppm(int64_t num, int64_t den)
{
	if (den <= 0 || num < 0)
		return -1;
	unsigned __int128 ppm = ((unsigned __int128)num * 2000000 + (uint64_t)den) / ((unsigned __int128)den * 2);
	return ppm > INT64_MAX ? -1 : (int64_t)ppm;
}

json_t *text_json(const char *text)
{
	if (!text)
		return json_null();
	json_t *j = json_string(text);
	if (j)
		return j;
	CLEANUP(buf_done) struct buf plain = { 0 };
	buf_plain(&plain, text, strlen(text));
	return json_string(plain.len ? plain.data : "");
}

const char *text_name(const struct conf_name *names, int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return "unknown";
}
