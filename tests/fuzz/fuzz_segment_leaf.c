/* Any bytes as what the evidence says of a month of raw readings: refused, or the one form of it, of a file in this directory. */
#include "store/closed.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct closed_leaf l;
	CLEANUP(buf_done) struct buf again = { 0 };
	if (!closed_leaf_get(bytes, len, &l))
		return 0;
	closed_leaf_put(&l, &again);
	if (again.failed)
		return 0;
	if (again.len != len || memcmp(again.data, bytes, len) != 0 || strchr(l.month.segment, '/') || !segment_is(l.month.segment))
		abort();
	return 0;
}
