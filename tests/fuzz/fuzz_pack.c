#include "rules/pack.h"

#include <stdint.h>

/* A pack that loads can be judged with, whatever its vectors say; nothing may crash or hang. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *c = conf_new();
	CLEANUP(buf_done) struct buf out = { 0 };
	size_t run;
	const struct pack *p = c ? pack_load(c, "pack.yaml", data, size, NULL) : NULL;
	if (p) {
		pack_test(p, &out, &run);
		json_decref(pack_json(p));
		pack_pue_limit(p);
	} else if (c) {
		conf_report(c, &out);
	}
	conf_free(c);
	return 0;
}
