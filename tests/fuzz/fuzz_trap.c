/* Any bytes as what arrives at the port of traps. */
#include "collectors/trap.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (trap_kind_of(bytes, len) > TRAP_V3)
		abort();
	return 0;
}
