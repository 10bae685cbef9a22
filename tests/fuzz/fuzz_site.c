/* Any bytes as site.yaml, and the part behind a NUL as every CSV file it names. */
#include "core/site.h"

#include <stdlib.h>
#include <string.h>

struct text { const uint8_t *bytes; size_t len; };

static bool give(void *ctx, const char *path, struct buf *out, struct err *err)
{
	const struct text *csv = ctx;
	(void)path, (void)err;
	buf_add(out, csv->bytes, csv->len);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	const uint8_t *end = len ? memchr(bytes, 0, len) : NULL;
	size_t yaml = end ? (size_t)(end - bytes) : len;
	struct text csv = { end ? end + 1 : bytes, end ? len - yaml - 1 : 0 };
	struct conf *c = conf_new();
	struct buf report = { 0 };
	const struct site *s = site_load(c, "fuzz.yaml", bytes, yaml, (struct file_reader){ give, &csv });
	conf_report(c, &report);
	if ((s != NULL) != (conf_problem_count(c) == 0))
		abort();        /* a site without problems, or problems: never both, never neither */
	buf_done(&report);
	conf_free(c);
	return 0;
}
