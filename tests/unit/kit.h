/* tests/unit/kit.h - what several C tests need: whole files, and bytes written as hexadecimal. */
#ifndef TESTS_UNIT_KIT_H
#define TESTS_UNIT_KIT_H

#include "core/buf.h"
#include <stdio.h>

/* The whole file behind what `out` holds; false when it cannot be opened. */
static inline bool kit_file(const char *path, struct buf *out)
{
	FILE *f = fopen(path, "rb");
	char part[8192];
	if (!f)
		return false;
	for (size_t n; (n = fread(part, 1, sizeof part, f)) > 0;)
		buf_add(out, part, n);
	fclose(f);
	return !out->failed;
}

/* "01 ff 2a" as bytes; returns how many. */
static inline size_t kit_unhex(const char *text, uint8_t *out)
{
	size_t n = 0;
	unsigned v;
	int used;
	while (sscanf(text, " %2x%n", &v, &used) == 1) {
		out[n++] = (uint8_t)v;
		text += used;
	}
	return n;
}

#endif
