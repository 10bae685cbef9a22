/* Any bytes as a profile, with its own tests run: reading, linking, discovery, plan and decoding of whatever it says. */
#include "core/decode.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct library *lib = library_new();
	struct buf report = { 0 }, findings = { 0 };
	struct err err = { 0 };
	size_t facts;
	library_add(lib, "fuzz.yaml", bytes, len);
	bool good = library_close(lib, &err);
	conf_report(library_conf(lib), &report);
	if (good != (conf_problem_count(library_conf(lib)) == 0))
		abort();        /* said good with problems, or bad without one */
	for (size_t i = 0; i < library_count(lib); i++)
		if (profile_test(library_at(lib, i), &facts, &findings) && !findings.len)
			abort();        /* a wrong value that nobody hears of */
	buf_done(&report);
	buf_done(&findings);
	library_free(lib);
	return 0;
}
