/* store/evidence.h - evidence.db: leaves, tree state, checkpoint, outbox, signed heads.  Used by one thread.
 * Table by table in docs/evidence-format.md. */
#ifndef STORE_EVIDENCE_H
#define STORE_EVIDENCE_H

#include "store/db.h"
#include "store/store.h"

/* The one row of table state; `seal` covers all of it (evidence_seal). */
struct evidence_state {
	uint64_t epoch, serial, next_seq, position;
	uint32_t session;
	struct merkle tree;
	struct hash outbox;             /* XOR of the sums of all rows: a missing or added row shows */
	struct hash heads;              /* the same over the signed heads */
	struct hash checkpoint;         /* SHA-256 of its bytes; of "" when there is none */
};
struct evidence { struct db db; struct evidence_state state; };

enum entry_kind { ENTRY_COMMIT, ENTRY_SENT, ENTRY_DELIVERED, ENTRY_AGAIN, ENTRY_SESSION };
/* One change, applied whole.  serial counts them: after a failed commit it tells whether the disk has it or not. */
struct entry {
	enum entry_kind kind;
	uint64_t serial;
	struct commit commit;           /* COMMIT; its bytes are in `memory` */
	struct hash *hashes;            /* of commit.leaves */
	uint64_t epoch, from, to;       /* DELIVERED, AGAIN; SENT: from = seq */
	struct wall at;
	size_t bytes;                   /* memory held */
	void *memory;
};

struct evidence_limits { int64_t outbox_days, undelivered_days; };

/* Makes a new store's state with `epoch`.  Fails with ERR_EVIDENCE when the state does not fit its seal. */
bool evidence_open(struct evidence *e, const char *dir, const char *vfs, bool read_only, uint64_t epoch, struct err *err) MUST_USE;
void evidence_close(struct evidence *e);
/* All entries in one transaction; on failure nothing is changed, neither the file nor e->state, as far as the disk tells. */
bool evidence_apply(struct evidence *e, struct entry *const *entries, size_t n, struct evidence_limits limits, struct err *err) MUST_USE;
bool evidence_checkpoint(struct evidence *e, struct buf *out, struct err *err) MUST_USE;
void evidence_seal(const struct evidence_state *s, struct hash *out);
bool evidence_state_read(struct db *d, struct evidence_state *out, bool *there, struct err *err) MUST_USE;
bool evidence_state_write(struct evidence *e, const struct evidence_state *s, bool first, struct err *err) MUST_USE;

struct outbox_full { uint64_t seq, epoch; struct wall at; int64_t sent_ms; bool delivered; const char *topic; size_t topic_len; const void *payload; size_t len; };
void outbox_sum(const struct outbox_full *row, struct hash *out);
void head_sum(uint64_t size, struct wall at, const void *jws, size_t len, struct hash *out);
extern const struct db_schema evidence_schema;

#endif
