#include "agent/encoding.h"

#include <errno.h>
#include <iconv.h>
#include <string.h>

static bool convert(const char *from, const char *bytes, size_t len, struct buf *out)
{
	char part[4096], *in = (char *)(uintptr_t)bytes;
	iconv_t c = iconv_open("UTF-8", from);
	bool good = c != (iconv_t)-1;
	size_t start = out->len;
	while (good && len) {
		char *to = part;
		size_t room = sizeof part;
		size_t n = iconv(c, &in, &len, &to, &room);
		good = n != (size_t)-1 || errno == E2BIG;
		buf_add(out, part, sizeof part - room);
	}
	if (c != (iconv_t)-1)
		iconv_close(c);
	if (!good) {
		out->len = start;
		if (out->data)
			out->data[start] = 0;
	}
	return good;
}

/* Nearly all characters above ASCII are such of GB 2312?  A Latin letter above ASCII is mostly followed by one of ASCII. */
static bool common_characters(const unsigned char *p, size_t len)
{
	size_t good = 0, all = 0;
	for (size_t i = 0; i + 1 < len; i++)
		if (p[i] >= 0x80) {
			all++;
			good += p[i] >= 0xA1 && p[i] <= 0xF7 && p[i + 1] >= 0xA1;       /* GB 2312 */
			i++;
		}
	return all && good * 10 >= all * 9;
}

bool to_utf8(const void *bytes, size_t len, struct buf *out, const char **how, struct err *err)
{
	const unsigned char *p = bytes;
	*how = "";
	if (len >= 2 && (!memcmp(p, "\xff\xfe", 2) || !memcmp(p, "\xfe\xff", 2)))
		*how = "UTF-16";
	else if (convert("UTF-8", bytes, len, out))
		return !out->failed || err_memory(err);
	else
		*how = common_characters(p, len) ? "GB18030" : "WINDOWS-1252";
	if (!convert(*how, bytes, len, out))
		return err_set(err, ERR_INPUT, "neither UTF-8 nor %s; save the sheet as 'CSV UTF-8'", *how);
	return !out->failed || err_memory(err);
}
