/* publish/text.h - how exact values become text where they leave the program.  Pure. */
#ifndef PUBLISH_TEXT_H
#define PUBLISH_TEXT_H

#include "core/buf.h"
#include "core/conf.h"
#include <jansson.h>

/* num/den in decimal with `digits` (0..9) digits behind the point, half away from zero; "NaN" when den is not above 0.  For displays
 * and metrics only: figures that a limit decides are printed by pue_text(). */
void text_decimal(struct buf *out, __int128 num, int64_t den, int digits);

/* num/den in parts per million, half away from zero; -1 when den is not above 0 or the result does not fit. */
int64_t text_ppm(int64_t num, int64_t den);

/* A JSON string of text that may be NULL (null) or not UTF-8 (then made plain). */
json_t *text_json(const char *text);

/* Name of a value in a table of names that ends with NULL; "unknown" when it is not there. */
const char *text_name(const struct conf_name *names, int value);

#endif
