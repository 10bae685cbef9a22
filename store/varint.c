#include "store/varint.h"

void varint_add(struct buf *b, uint64_t v)
{
	uint8_t bytes[VARINT_MAX];
	buf_add(b, bytes, varint_put(bytes, v));
}

/* Refused: more than 64 bits, and an encoding longer than needed, so that a value has one form. */
uint64_t varint_get_slow(struct cursor *c)
{
	uint64_t v = 0;
	for (unsigned shift = 0; !c->bad && c->p < c->end && shift < 64; shift += 7) {
		uint8_t byte = *c->p++;
		if (shift == 63 && byte > 1)
			break;
		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte & 0x80)
			continue;
		if (byte == 0 && shift > 0)
			break;
		return v;
	}
	c->bad = true;
	c->p = c->end;
	return 0;
}
