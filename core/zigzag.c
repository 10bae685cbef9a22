#include "core/zigzag.h"

void zigzag_put(struct buf *b, int64_t v)
{
	uint64_t u = ((uint64_t)v << 1) ^ (uint64_t)(v >> 63);
	uint8_t bytes[10];
	size_t n = 0;
	for (; u >= 0x80; u >>= 7)
		bytes[n++] = (uint8_t)(u | 0x80);
	bytes[n++] = (uint8_t)u;
	buf_add(b, bytes, n);
}

int64_t zigzag_get(const uint8_t **p, const uint8_t *end, bool *bad)
{
	uint64_t u = 0;
	for (int shift = 0; shift < 64 && *p < end; shift += 7) {
		uint8_t byte = *(*p)++;
		u |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return (int64_t)(u >> 1) ^ -(int64_t)(u & 1);
	}
	*bad = true;
	return 0;
}
