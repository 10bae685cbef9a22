/* agent/secret.h - secrets by credential name: $CREDENTIALS_DIRECTORY/NAME (LoadCredential) or STATE/credentials/NAME.
 * A file readable by group or others is refused: a secret that everybody reads is none. */
#ifndef AGENT_SECRET_H
#define AGENT_SECRET_H

#include "core/err.h"

struct secrets;
struct secrets *secrets_new(const char *state_dir);
/* The text without a trailing newline; NULL with err when there is none or it is readable by others.  Owned by s. */
const char *secret_get(struct secrets *s, const char *name, struct err *err);
/* After a change of the files: what secret_get() gives from now on is read again.  Texts given before stay where they are. */
void secrets_renew(struct secrets *s);
/* Since secrets_renew(): does a text that was given differ from its file now?  Reads them. */
bool secrets_changed(struct secrets *s);
void secrets_free(struct secrets *s);    /* wipes */

#endif
