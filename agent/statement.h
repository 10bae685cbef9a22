/* agent/statement.h - statements of people on their way into the evidence: `puectl attest` puts a signed file into
 * STATE/statements; pued makes a leaf of each (LEAF_MANUAL), once, and judging reads the leaves. */
#ifndef AGENT_STATEMENT_H
#define AGENT_STATEMENT_H

#include "agent/pipeline.h"
#include "rules/statement.h"

/* Writes STATE/statements/<name by content>.json; *path gets its name. */
bool statement_put(const char *state_dir, const void *envelope, size_t len, char *path, size_t size, struct err *err) MUST_USE;
/* Files that are no leaf yet become leaves of the pipeline's next commit.  *seen (0 at first) is the folder's time of change:
 * while it is the same there is nothing to do.  A word about a meter that cannot count becomes no leaf: the file is renamed to
 * NAME.refused, the sentence is in NAME.why and in the log. */
struct amending;
bool statement_collect(const char *state_dir, int64_t *seen, struct reader *reader, struct amending *a, struct pipeline *p, struct stamp now, struct err *err) MUST_USE;
/* How many files in STATE/statements are no leaf yet, so count for nothing: the running pued takes them. */
bool statement_waiting(const char *state_dir, struct reader *reader, size_t *out, struct err *err) MUST_USE;
/* The store's statements.  Trust: STATE/keys/trust.json. */
bool statement_read(const char *state_dir, const char *site_id, struct reader *reader, struct statements *out, struct err *err) MUST_USE;
/* The site as the statements amend it; what does not count is in s->findings. */
struct amendment *statement_amend(const struct site *site, struct statements *s, struct err *err);

/* The setup's site as statements amend it: those of a store, or the *.json files of a directory (in the order they were issued,
 * revocations last).  What does not count is said in *findings, a line each. */
bool setup_amend_store(struct setup *setup, const char *state_dir, struct reader *reader, struct buf *findings, struct err *err) MUST_USE;
bool setup_amend_files(struct setup *setup, const char *dir, const struct trust *trust, struct buf *findings, struct err *err) MUST_USE;

/* What the running pued knows of statements about meters: the fold goes on with amending_site(). */
struct amending *amending_load(const char *state_dir, const struct site *site, struct reader *reader, struct err *err);
void amending_free(struct amending *a);
const struct site *amending_site(const struct amending *a);
/* The same statements on another configuration. */
bool amending_rebase(struct amending *a, const struct site *site, struct err *err) MUST_USE;
/* Is this envelope to become a leaf?  Words about a meter go into the fold first; false: refused, *why says so. */
bool amending_take(struct amending *a, const void *envelope, size_t len, struct pipeline *p, struct err *why) MUST_USE;

#endif
