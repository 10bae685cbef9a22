/* Any bytes as a checkpoint: refused with a sentence, or a ledger that goes on, and whose own checkpoint is loaded again. */
#include "tests/fuzz/fuzz_site_small.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct ledger *l = ledger_new(&small_site, small_wiring, NULL);
	struct err err = { 0 };
	struct buf saved = { 0 };
	if (!l)
		return 0;
	if (!ledger_load(l, bytes, len, &err)) {
		if (!err.text[0])
			abort();
	} else {
		struct sample s = { .series = 0, .value = 48211744, .at = { { INT64_C(1767229200000) }, { 5000000 }, 1, true } };
		ledger_save(l, &saved);
		struct ledger *again = ledger_new(&small_site, small_wiring, NULL);
		if (again && !saved.failed && !ledger_load(again, saved.data, saved.len, &err))
			abort();
		ledger_free(again);
		ledger_push(l, &s, 1, s.at, NULL);
	}
	buf_done(&saved);
	ledger_free(l);
	return 0;
}
