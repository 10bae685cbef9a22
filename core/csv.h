/* core/csv.h - CSV files as engineers keep them (RFC 4180), read into conf nodes so that every cell has its place.
 *
 * A byte-order mark, CR LF or LF, and `;` or tab instead of the comma (when the first line has no comma) are accepted; blanks
 * around an unquoted cell are dropped, and so are lines without any text.  Refused, with file:line:column: bytes that are no UTF-8
 * (a spreadsheet saved as GBK), a quote that never closes, text behind a closing quote, a row longer than the first.  Pure. */
#ifndef CORE_CSV_H
#define CORE_CSV_H

#include "core/conf.h"

/* A sequence of rows, each a sequence of cells (CONF_SCALAR, or CONF_NULL when empty); the first row is the header.
 * NULL after a problem.  Columns count characters from 1, as in YAML. */
const struct conf_node *csv_parse(struct conf *c, const char *file, const void *bytes, size_t len);

/* The same for tables as vendors send them: titles above the headings, rows of any length, and the separator that most of the first
 * lines have, whatever stands in a title. */
const struct conf_node *csv_parse_ragged(struct conf *c, const char *file, const void *bytes, size_t len);

#endif
