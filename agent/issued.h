/* agent/issued.h - the certificates that left this store before (STATE/certificates): what a new one, or a revocation, must fit. */
#ifndef AGENT_ISSUED_H
#define AGENT_ISSUED_H

#include "core/err.h"
#include <stddef.h>

/* A number names one certificate; what is superseded was issued here and is not superseded yet; and with `once` (the pack gives one
 * grant a site) a second certificate of the same pack must supersede the one in force.  The same certificate again is fine. */
bool issued_fits(const char *state_dir, const void *envelope, size_t len, bool once, struct err *err) MUST_USE;
/* *issued: was a certificate of this number issued here? */
bool issued_number(const char *state_dir, const char *number, bool *issued, struct err *err) MUST_USE;

#endif
