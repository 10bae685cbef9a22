/* Any bytes as quarters of an hour: refused, or days that are the sums of their quarters, and the same again when they are written. */
#include "store/rollup.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct rollup r, again;
	struct err err = { 0 };
	if (!rollup_read(&r, bytes, len, &err) || !rollup_quarters(&r, &err)) {
		if (!err.text[0])
			abort();
		return 0;
	}
	CLEANUP(buf_done) struct buf out = { 0 };
	rollup_put(r.quarters, r.n_quarters, &out);
	if (out.failed)
		return 0;
	if (!rollup_read(&again, out.data, out.len, &err) || !rollup_quarters(&again, &err) || again.n_quarters != r.n_quarters)
		abort();
	for (size_t i = 0; i < r.n_quarters; i++) {
		const struct quarter *a = &r.quarters[i], *b = &again.quarters[i];
		if (a->at != b->at || a->n != b->n || a->not_good != b->not_good || a->min != b->min || a->max != b->max || a->last != b->last || a->sum != b->sum)
			abort();
	}
	return 0;
}
