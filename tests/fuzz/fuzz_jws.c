#include "rules/jws.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Nothing but the seeds' own bytes may verify: the only trusted key signed none of what is made up here. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char keys[] = "{\"keys\":[{\"alg\":\"EdDSA\",\"kid\":\"139e3940e64b5491\","
				   "\"public\":\"O2onvM62pC1io6jQKm8Nc2UyFXcd4kOmOsBIoYtZ2ik\"}]}";
	static struct trust trust;
	struct jws_result r = { 0 };
	struct trust given = { 0 };
	struct err err = { 0 };
	if (!trust.n && !trust_parse("keys", keys, sizeof keys - 1, &trust, &err))
		abort();
	if (jws_verify(&trust, data, size, NULL, (struct wall){ 0 }, &r, &err))
		abort();
	if (err.kind != ERR_EVIDENCE || strlen(err.text) == 0)
		abort();
	jws_result_done(&r);
	if (trust_parse("given", data, size, &given, &err))
		trust_done(&given);
	return 0;
}
