/* agent/sheet_file.h - the certificate's PDF as a file: drawn by publish/sheet, the signed JSON attached with qpdf. */
#ifndef AGENT_SHEET_FILE_H
#define AGENT_SHEET_FILE_H

#include "core/err.h"

/* `envelope` is the signed certificate; lang "zh" or "en" is first on the sheet.  Without the qpdf program the PDF is
 * written without attachment and err says so (ERR_UNAVAILABLE). */
bool sheet_file_write(const char *path, const void *envelope, size_t len, const char *lang, struct err *err) MUST_USE;

#endif
