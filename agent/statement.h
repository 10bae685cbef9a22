/* agent/statement.h - statements of people on their way into the evidence: `puectl attest` puts a signed file into
 * STATE/statements; pued makes a leaf of each (LEAF_MANUAL), once, and judging reads the leaves. */
#ifndef AGENT_STATEMENT_H
#define AGENT_STATEMENT_H

#include "agent/pipeline.h"
#include "rules/statement.h"

/* Writes STATE/statements/<name by content>.json; *path gets its name. */
bool statement_put(const char *state_dir, const void *envelope, size_t len, char *path, size_t size, struct err *err) MUST_USE;
/* Files that are no leaf yet become leaves of the pipeline's next commit.  *seen (0 at first) is the folder's time of change:
 * while it is the same there is nothing to do. */
bool statement_collect(const char *state_dir, int64_t *seen, struct reader *reader, struct pipeline *p, struct wall now, struct err *err) MUST_USE;
/* The store's statements as facts; `out` owns what f borrows.  Trust: STATE/keys/trust.json. */
bool statement_read(const char *state_dir, const char *site_id, struct reader *reader, struct statements *out, struct facts *f, struct err *err) MUST_USE;

#endif
