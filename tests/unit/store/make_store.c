/* make_store DIR [BATCHES]: a store of the workload of kit.c, for tests in other languages. */
#include "tests/unit/store/kit.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	struct err err = { 0 };
	uint64_t n = argc > 2 ? strtoull(argv[2], NULL, 10) : 120;
	struct store_options o = kit_options(argc > 1 ? argv[1] : "");
	struct store *s = argc > 1 ? store_open(&o, &err) : NULL;
	bool good = s && store_series(s, kit_series(), KIT_SERIES, &err);
	for (uint64_t k = 0; good && k < n; k++) {
		good = kit_step(s, k, &err) && (k % 16 != 15 || store_flush(s, &err));
		if (good && k % 30 == 29) {
			struct commit head = { .signed_head = "{}", .signed_head_len = 2, .at = { 1767225600000 } };
			good = store_commit(s, &head, &err);
		}
	}
	good = good && store_flush(s, &err);
	store_close(s);
	if (!good)
		fprintf(stderr, "make_store: %s\n", argc > 1 ? err.text : "which directory?");
	return good ? 0 : 1;
}
