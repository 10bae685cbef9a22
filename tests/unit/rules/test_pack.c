/* Loads every pack of the tree and runs its own vectors; quotes are checked against the policy's text where it is at hand. */
#include "tests/unit/test.h"
#include "rules/pack.h"

#include <stdlib.h>

#ifndef PACKS
#define PACKS "."
#endif

static char *slurp(const char *path, size_t *len)
{
	FILE *f = fopen(path, "rb");
	CLEANUP(buf_done) struct buf b = { 0 };
	char block[8192];
	size_t n;
	if (!f)
		return NULL;
	while ((n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(&b, block, n);
	fclose(f);
	*len = b.len;
	return buf_take(&b);
}

int main(int argc, char **argv)
{
	int failed = 0;
	for (int i = 1; i < argc; i++) {
		struct conf *c = conf_new();
		CLEANUP(buf_done) struct buf report = { 0 };
		size_t len, run = 0, bad;
		char *text = slurp(argv[i], &len);
		if (!text) {
			printf("%s: cannot be read\n", argv[i]);
			return 1;
		}
		const struct pack *p = pack_load(c, argv[i], text, len, NULL);
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
		free(text);
		conf_free(c);
	}
	return failed || argc < 2;
}
