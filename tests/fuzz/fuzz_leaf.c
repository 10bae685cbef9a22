/* Any bytes as an evidence leaf: refused, or written again as the same bytes; a window takes it without harm. */
#include "tests/fuzz/fuzz_site_small.h"

#include <stdlib.h>

static void same(const struct buf *written, const uint8_t *bytes, size_t len)
{
	if (!written->failed && (written->len != len || memcmp(written->data, bytes, len) != 0))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf again = { 0 };
	struct interval iv;
	struct ledger_event ev;
	struct err err = { 0 };
	struct kpi k;
	struct window *w = window_new(&small_site, (struct wall){ INT64_C(1767225600000) }, (struct wall){ INT64_C(1767312000000) }, NULL);
	if (interval_of_leaf(&small_site, bytes, len, &iv, &err)) {
		/* rows of meters that the site does not have are left out: then it cannot be the same text */
		interval_leaf(&small_site, &iv, &again);
		if (again.len == len)
			same(&again, bytes, len);
		free((void *)(uintptr_t)iv.rows);
	} else if (!err.text[0]) {
		abort();
	}
	buf_reset(&again);
	if (event_of_leaf(&small_site, bytes, len, &ev, NULL) && ev.meter != UINT32_MAX && ev.curve.class_ < CLASS_COUNT) {
		event_leaf(&small_site, &ev, &again);
		if (again.len == len)
			same(&again, bytes, len);
	}
	if (w && window_leaf(w, bytes, len, NULL))
		window_kpi(w, NULL, &k);
	window_free(w);
	buf_done(&again);
	return 0;
}
