#include "rules/cert.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Facts that parse are written back to the same facts; the same bytes as a certificate are rechecked without a crash. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct facts f, again;
	json_t *root, *root2;
	struct err err = { 0 };
	struct cert_check check;
	if (facts_parse("facts", data, size, &f, &root, &err)) {
		json_t *out = facts_json(&f), *cert = json_pack("{s:O, s:O}", "facts", out, "evidence", root);
		char *text = json_dumps(out, JSON_SORT_KEYS | JSON_COMPACT);
		if (!text || !facts_parse("again", text, strlen(text), &again, &root2, &err))
			abort();
		json_t *out2 = facts_json(&again);
		if (!json_equal(out, out2))
			abort();
		if (cert_recheck_evidence(cert, &check, &err))
			abort();
		json_decref(cert);
		json_decref(out);
		json_decref(out2);
		json_decref(root2);
		facts_done(&again);
		facts_done(&f);
		json_decref(root);
		free(text);
	}
	json_t *cert = json_loadb((const char *)data, size, JSON_REJECT_DUPLICATES, NULL);
	if (cert && cert_recheck_evidence(cert, &check, &err) && !json_object_get(cert, "evidence"))
		abort();
	json_decref(cert);
	return 0;
}
