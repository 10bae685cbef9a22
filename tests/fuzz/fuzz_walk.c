/* Any bytes as the output of snmpwalk: what is taken, a recording's reader takes as well. */
#include "core/replica.h"
#include "core/walk.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct buf out = { 0 };
	struct err err = { 0 };
	size_t left_out;
	(void)walk_is(bytes, len);
	if (walk_to_snmprec(bytes, len, &out, &left_out, &err)) {
		struct replica *r = replica_new();
		if (r && out.len && !replica_snmprec(r, out.data, out.len, &err)) {
			fprintf(stderr, "%s\n%s", err.text, out.data);
			abort();
		}
		replica_free(r);
	} else if (!err.text[0]) {
		abort();                        /* refused without a reason */
	}
	buf_done(&out);
	return 0;
}
