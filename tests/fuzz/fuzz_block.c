/* Any bytes as a block and as stamps: refused, or read into exactly the samples that the header promises. */
#include "store/block.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct block_head head;
	struct err err = { 0 };
	uint64_t n = 0;
	if (block_head(bytes, len, &head, &err) && head.n <= 65536) {
		struct sample *s = calloc(head.n + 1, sizeof *s);
		if (s && block_get(bytes, len, s, head.n, &err))
			for (size_t i = 0; i < head.n; i++)
				if (s[i].quality >= QUALITY_N || s[i].reason >= REASON_N)
					abort();
		free(s);
	}
	if (stamps_count(bytes, len, &n, &err) && n <= 65536) {
		struct sample *s = calloc(n + 1, sizeof *s);
		if (s)
			(void)!stamps_get(bytes, len, s, n, &err);
		free(s);
	}
	return 0;
}
