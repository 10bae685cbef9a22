/* Any bytes as a journal row, and as a tick: refused, or read into samples inside their bounds that make the same row again. */
#include "store/row.h"

#include <stdlib.h>

struct seen { uint64_t n; };

static bool look(void *ctx, uint64_t position, const struct sample *s)
{
	struct seen *seen = ctx;
	(void)position;
	if (s->series >= SHARD_SERIES || s->quality >= QUALITY_N || s->reason >= REASON_N || (!sample_has_value(s) && s->value))
		abort();
	return ++seen->n < 1000000;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static int64_t last[SHARD_SERIES];
	struct seen seen = { 0 };
	struct err err = { 0 };
	if (!row_read(bytes, len, last, look, &seen, &err) && !err.text[0])
		abort();
	struct tick_reader t = tick_read(bytes, len);
	struct stamp now;
	for (size_t n; tick_next(&t, &n, &now);)
		if (now.session > UINT32_MAX || t.in.p > t.in.end)
			abort();
	return 0;
}
