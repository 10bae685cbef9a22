/* agent/waiting.h - reports that are made but not signed yet, oldest first.
 *
 * A signer that is away keeps no interval out of the evidence: the report's payload waits here, and in the checkpoint, so that
 * a restart loses none.  Each report names the one before by the hash of its envelope, which is known only once that is signed:
 * so they are signed in order, and the name is put in then. */
#ifndef AGENT_WAITING_H
#define AGENT_WAITING_H

#include "core/buf.h"
#include "core/time.h"
#include "rules/jws.h"

struct waiting_report { uint64_t seq; struct wall at; char *payload; size_t len; };
struct waiting {
	struct waiting_report *rows;
	size_t n, room, bytes;          /* bytes: of all payloads */
	char previous[65];              /* SHA-256 of the last signed envelope, hex; "" before the first */
};
void waiting_done(struct waiting *w);
bool waiting_add(struct waiting *w, uint64_t seq, struct wall at, const void *payload, size_t len, struct err *err) MUST_USE;
/* Signs the oldest and takes it out: its envelope into *out, its row (without payload) into *row. */
bool waiting_sign(struct waiting *w, const struct signer_ops *signer, struct buf *out, struct waiting_report *row, struct err *err) MUST_USE;
/* One line of JSON, ahead of the ledger's own bytes in the checkpoint. */
void waiting_save(const struct waiting *w, struct buf *out);
/* *used: length of that line; 0 for a checkpoint without one. */
bool waiting_load(struct waiting *w, const void *bytes, size_t len, size_t *used, struct err *err) MUST_USE;

#endif
