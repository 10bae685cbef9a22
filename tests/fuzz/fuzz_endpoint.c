/* Any text as an endpoint. */
#include "collectors/collector.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *text = malloc(len + 1);
	struct endpoint ep;
	struct err err = { 0 };
	struct buf bus = { 0 };
	memcpy(text, bytes, len);
	text[len] = 0;
	if (endpoint_parse(text, &ep, &err)) {
		endpoint_bus(&ep, &bus);
		if (!bus.len || !ep.host[0])
			abort();
		endpoint_option(&ep, "v");
	} else if (!err.text[0]) {
		abort();
	}
	buf_done(&bus);
	free(text);
	return 0;
}
