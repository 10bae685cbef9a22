/* Any bytes as a vendor's table: either a sentence, or a profile that the library reads without a problem. */
#include "core/profile_import.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const int64_t bases[] = { -1, 1 };
	for (size_t i = 0; i < countof(bases); i++) {
		struct import_options o = { .name = "fuzz", .source = "a table", .address_base = bases[i] };
		struct buf yaml = { 0 };
		struct err err = { 0 };
		if (profile_import("fuzz.csv", bytes, len, &o, &yaml, &err)) {
			struct library *lib = library_new();
			library_add(lib, "fuzz.yaml", yaml.data, yaml.len);
			if (!library_close(lib, &err)) {
				fprintf(stderr, "%s\nmade of\n%.*s\nthis\n%s\n", err.text, (int)len, (const char *)bytes, yaml.data);
				abort();        /* a draft that nobody can read */
			}
			library_free(lib);
		} else if (!err.text[0]) {
			abort();                /* refused without a reason */
		}
		buf_done(&yaml);
	}
	return 0;
}
