/* Query strings: an accepted value fits, ends, and holds no control character. */
#include "publish/publish.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static const char *const keys[] = { "series", "from", "k" };
	char *query = malloc(len + 1), value[24];
	if (!query)
		return 0;
	memcpy(query, bytes, len);
	query[len] = 0;
	for (size_t i = 0; i < countof(keys); i++) {
		if (!query_value(query, keys[i], value, sizeof value))
			continue;
		if (strlen(value) >= sizeof value)
			abort();
		for (const char *c = value; *c; c++)
			if ((unsigned char)*c < 0x20 || *c == 0x7f)
				abort();
	}
	free(query);
	return 0;
}
