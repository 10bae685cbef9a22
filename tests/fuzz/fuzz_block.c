/* Any bytes as a block and as stamps: refused, or read into exactly the samples that the header promises; the first ones alone are the same. */
#include "store/block.h"

#include <stdlib.h>

static void first_are_the_same(const uint8_t *bytes, size_t len, const struct sample *s, size_t n)
{
	struct err err = { 0 };
	struct sample *t = calloc(n + 1, sizeof *t);
	size_t k = n / 3;
	if (t && !block_first(bytes, len, t, n, k, &err))
		abort();
	for (size_t i = 0; t && i < k; i++)
		if (t[i].value != s[i].value || t[i].quality != s[i].quality || t[i].reason != s[i].reason)
			abort();
	free(t);
}

static void first_stamps_are_the_same(const uint8_t *bytes, size_t len, const struct sample *s, size_t n)
{
	struct err err = { 0 };
	struct sample *t = calloc(n + 1, sizeof *t);
	if (t && !stamps_first(bytes, len, t, n / 3, &err))
		abort();
	for (size_t i = 0; t && i < n / 3; i++)
		if (t[i].at.wall.ms != s[i].at.wall.ms)
			abort();
	free(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct block_head head;
	struct err err = { 0 };
	uint64_t n = 0;
	if (block_head(bytes, len, &head, &err) && head.n <= 65536) {
		struct sample *s = calloc(head.n + 1, sizeof *s);
		if (s && block_get(bytes, len, s, head.n, &err)) {
			for (size_t i = 0; i < head.n; i++)
				if (s[i].quality >= QUALITY_N || s[i].reason >= REASON_N)
					abort();
			first_are_the_same(bytes, len, s, head.n);
		} else if (s) {
			(void)!block_first(bytes, len, s, head.n, head.n / 2, &err);
		}
		free(s);
	}
	if (stamps_count(bytes, len, &n, &err) && n <= 65536) {
		struct sample *s = calloc(n + 1, sizeof *s);
		if (s && stamps_get(bytes, len, s, n, &err))
			first_stamps_are_the_same(bytes, len, s, n);
		free(s);
	}
	return 0;
}
