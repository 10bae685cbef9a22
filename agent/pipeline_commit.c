/* What became evidence since the last commit, signed where it must be, written as one. */
#include "agent/pipeline_inner.h"
#include "agent/tree_head.h"

#include <stdlib.h>
#include <string.h>

static bool room_for(void **rows, size_t *room, size_t n, size_t size)
{
	if (n < *room)
		return true;
	size_t more = *room ? *room * 2 : 32;
	void *grown = realloc(*rows, more * size);
	if (!grown)
		return false;
	*rows = grown;
	*room = more;
	return true;
}

void pipeline_note(struct pipeline *p, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct pending *w = &p->pending;
	struct leaf leaf = { kind, at, bytes, len };
	struct hash hash;
	if (!room_for((void **)&w->leaves, &w->leaf_room, w->n_leaves, sizeof *w->leaves)) {
		w->failed = true;
		return;
	}
	leaf_hash(&leaf, &hash);
	merkle_push(&p->tree, &hash);
	w->leaves[w->n_leaves].kind = kind;
	w->leaves[w->n_leaves].at = at;
	w->leaves[w->n_leaves].from = w->bytes.len;
	w->leaves[w->n_leaves].len = len;
	w->n_leaves++;
	buf_add(&w->bytes, bytes, len);
	p->head_due |= kind != LEAF_INTERVAL && kind != LEAF_EVENT;
}

/* After a failure: at once the first time, then twice as long each time, a minute at most. */
static bool sign_failed(struct pipeline *p, const struct err *err)
{
	enum { FIRST_MS = 1000, LONGEST_MS = 60000 };
	p->sign_err = *err;
	p->sign_pause_ms = p->sign_pause_ms ? p->sign_pause_ms * 2 : FIRST_MS;
	if (p->sign_pause_ms > LONGEST_MS)
		p->sign_pause_ms = LONGEST_MS;
	p->sign_after.ms = p->now.boot.ms + p->sign_pause_ms;
	return false;
}

static bool may_sign(const struct pipeline *p)
{
	/* a recording's boot clock runs too fast to wait by: what is not signed during an import is signed after it */
	return p->o.signer && (p->sign_err.kind == ERR_NONE || (p->o.reports && p->now.boot.ms >= p->sign_after.ms));
}

void pipeline_signing_works(struct pipeline *p)
{
	p->sign_err = (struct err){ 0 };
	p->sign_pause_ms = 0;
}

/* Waiting reports become rows of the outbox, in order, as far as the signer goes. */
static void sign_reports(struct pipeline *p)
{
	struct pending *w = &p->pending;
	struct waiting_report row;
	struct err err = { 0 };
	while (p->waiting.n && may_sign(p)) {
		if (!room_for((void **)&w->reports, &w->report_room, w->n_reports, sizeof *w->reports)) {
			w->failed = true;
			return;
		}
		if (!waiting_sign(&p->waiting, p->o.signer, &p->scratch, &row, &err)) {
			sign_failed(p, &err);
			return;
		}
		pipeline_signing_works(p);
		w->reports[w->n_reports].seq = row.seq;
		w->reports[w->n_reports].at = row.at;
		w->reports[w->n_reports].from = w->bytes.len;
		w->reports[w->n_reports].len = p->scratch.len;
		w->n_reports++;
		buf_add(&w->bytes, p->scratch.data, p->scratch.len);
	}
}

/* The head of the tree as this commit leaves it; "" when none is due or nobody signs: it stays due. */
static void sign_head(struct pipeline *p, struct buf *out)
{
	struct tree_head head = { .epoch = p->epoch, .size = p->tree.size, .made = p->now.wall };
	CLEANUP(buf_done) struct buf payload = { 0 };
	struct err err = { 0 };
	if (!p->head_due || !head.size || !may_sign(p))
		return;
	merkle_root(&p->tree, &head.root);
	if (!tree_head_payload(p->o.setup->site, &head, &payload, &err) || !jws_make(p->o.signer, JWS_HEAD, payload.data, payload.len, false, out, &err)) {
		buf_reset(out);
		sign_failed(p, &err);
	} else {
		pipeline_signing_works(p);
	}
}

static void own_leaf(void *ctx, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	pipeline_note(ctx, kind, at, bytes, len);
}

/* A configuration of megabytes is noted once. */
static void reuse(struct buf *b)
{
	enum { USUAL = 256 << 10 };
	if (b->room > USUAL)
		buf_done(b);
	else
		buf_reset(b);
}

/* Interval, events, checkpoint and reports go into one commit. */
static bool commit(struct pipeline *p, uint64_t position, struct err *err)
{
	struct pending *w = &p->pending;
	struct leaf *leaves = calloc(w->n_leaves + 1, sizeof *leaves);
	struct outbox_row *reports = calloc(w->n_reports + 1, sizeof *reports);
	CLEANUP(buf_done) struct buf checkpoint = { 0 }, head = { 0 };
	sign_head(p, &head);
	bool good = leaves && reports && !w->bytes.failed && !w->failed;
	for (size_t i = 0; good && i < w->n_leaves; i++)
		leaves[i] = (struct leaf){ w->leaves[i].kind, w->leaves[i].at, w->bytes.data + w->leaves[i].from, w->leaves[i].len };
	for (size_t i = 0; good && i < w->n_reports; i++)
		reports[i] = (struct outbox_row){ w->reports[i].seq, p->topic.data, w->bytes.data + w->reports[i].from, w->reports[i].len, w->reports[i].at };
	if (good) {
		waiting_save(&p->waiting, &checkpoint);
		ledger_save(p->ledger, &checkpoint);
		struct commit c = { .leaves = leaves, .n_leaves = w->n_leaves, .reports = reports, .n_reports = w->n_reports,
				    .checkpoint = checkpoint.data, .checkpoint_len = checkpoint.len, .journal_position = position,
				    .tree = p->tree, .signed_head = head.len ? head.data : NULL, .signed_head_len = head.len, .at = p->now.wall };
		good = store_commit(p->o.store, &c, err);
	} else if (p->report_err.kind != ERR_NONE) {
		*err = p->report_err;
	} else {
		err_memory(err);
	}
	free(leaves);
	free(reports);
	if (!good)
		return err_wrap(err, "evidence of %zu records is not written", w->n_leaves);
	p->head_due = p->head_due && !head.len;
	w->n_leaves = w->n_reports = 0;
	reuse(&w->bytes);
	return true;
}

bool pipeline_settle(struct pipeline *p, uint64_t position, struct wall before, struct err *err)
{
	store_own_leaves(p->o.store, own_leaf, p);      /* a month that a full disk took is told at once: until then its absence is a bad record */
	sign_reports(p);
	if (!p->pending.n_leaves && !p->pending.n_reports && !(p->head_due && p->tree.size && may_sign(p)))
		return true;
	if (!commit(p, position, err))
		return false;
	if (p->o.closed && p->last_end.ms != before.ms)
		p->o.closed(p->o.ctx, p->last_end);
	return true;
}

/* The journal's position for a commit without readings.  It bears the time up to which the ledger has been told, not the hour of
 * writing: a restart folds it, and would close what lies between a history and today. */
uint64_t pipeline_mark(struct pipeline *p, struct stamp now)
{
	struct wall closed = ledger_closed_to(p->ledger);
	if (p->told)
		now = p->folded;
	else if (closed.ms != INT64_MIN)
		now.wall = closed;
	return store_journal(p->o.store, NULL, 0, now);
}
