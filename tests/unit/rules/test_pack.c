/* Loads every pack of the tree and runs its own vectors; quotes are checked against the policy's text where it is at hand. */
#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "rules/pack.h"

#include <stdlib.h>

#ifndef PACKS
#define PACKS "."
#endif

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		struct conf *c = conf_new();
		CLEANUP(buf_done) struct buf report = { 0 }, text = { 0 };
		size_t run = 0, bad;
		if (!kit_file(argv[i], &text)) {
			printf("%s: cannot be read\n", argv[i]);
			return 1;
		}
		const struct pack *p = pack_load(c, argv[i], text.data, text.len, NULL);
		if (!p) {
			conf_report(c, &report);
			printf("%s", report.data);
			failed++;
		} else {
			bad = pack_test(p, &report, &run);
			printf("%s%s %s: %zu vectors, %zu failed%s\n", report.data ? report.data : "", pack_id(p), pack_version(p), run, bad,
			       pack_draft(p) ? " (draft)" : "");
			failed += bad > 0 || run == 0;
		}
		conf_free(c);
	}
	return failed || argc < 2;
}
