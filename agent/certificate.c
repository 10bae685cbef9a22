#include "agent/certificate.h"

#include <stdlib.h>
#include <string.h>

/* All leaf hashes of the tree, read once: a path needs many of them. */
struct hashes { struct hash *all; uint64_t n; };

static bool hash_at(void *ctx, uint64_t index, struct hash *out)
{
	const struct hashes *h = ctx;
	if (index >= h->n)
		return false;
	*out = h->all[index];
	return true;
}

static bool load_hashes(struct reader *reader, uint64_t n, struct hashes *out, struct err *err)
{
	*out = (struct hashes){ calloc(n + 1, sizeof *out->all), n };
	if (!out->all)
		return err_memory(err);
	for (uint64_t i = 0; i < n; i++)
		if (!reader_leaf_hash(reader, i, &out->all[i]))
			return err_set(err, ERR_EVIDENCE, "evidence leaf %llu is missing; run puectl verify --store", (unsigned long long)i);
	return true;
}

/* Which leaves a certificate carries: those that end a boundary of the window or of one of its months, and statements. */
struct collect {
	const struct from_store *f;
	struct hashes hashes;
	json_t *evidence;
	struct err err;
	/* the newest interval leaf before the window: its cumulative values are those of the window's start */
	struct buf start;
	uint64_t start_index;
	struct wall start_at;
	size_t n_corrections;
	bool in_window;
};
enum { CORRECTIONS_MAX = 1000 };

static const char *reason_for(const struct collect *c, const struct interval *iv)
{
	const struct judgement *j = c->f->judgement;
	if (iv->to.ms == j->asked.to.ms)
		return "end";
	for (size_t i = 0; i < j->n_months; i++)
		if (iv->to.ms == j->months[i].to.ms)
			return "month";
	return iv->total_known && iv->it_known ? NULL : "unknown";
}

static bool attach(struct collect *c, const char *why, const struct cert_leaf *leaf)
{
	struct hash path[64];
	size_t n;
	if (!merkle_inclusion(leaf->index, c->hashes.n, hash_at, &c->hashes, path, &n))
		return err_set(&c->err, ERR_EVIDENCE, "no path for evidence leaf %llu", (unsigned long long)leaf->index);
	return cert_evidence_add(c->evidence, why, leaf, path, n, &c->err);
}

static bool take_interval(struct collect *c, const struct cert_leaf *leaf)
{
	const struct pack_window *w = &c->f->judgement->asked;
	struct interval iv;
	if (!interval_of_leaf(c->f->setup.site, leaf->bytes, leaf->len, &iv, &c->err))
		return false;
	free((void *)(uintptr_t)iv.rows);
	if (iv.to.ms <= w->from.ms) {
		buf_reset(&c->start);
		buf_add(&c->start, leaf->bytes, leaf->len);
		c->start_index = leaf->index;
		c->start_at = leaf->at;
		return !c->start.failed || err_memory(&c->err);
	}
	if (iv.from.ms >= w->to.ms)
		return true;
	const char *why = reason_for(c, &iv);
	if (!c->in_window) {
		c->in_window = true;
		struct cert_leaf start = { c->start_index, LEAF_INTERVAL, c->start_at, c->start.data, c->start.len };
		if (c->start.len && !attach(c, "start", &start))
			return false;
		/* the ledger begins with the window: its start is the first leaf less its own energy */
		if (!c->start.len && !why)
			why = "first";
	}
	return !why || attach(c, why, leaf);
}

/* Corrections of intervals already closed: verification must know that there are some. */
static bool take_event(struct collect *c, const struct cert_leaf *leaf)
{
	const struct pack_window *w = &c->f->judgement->asked;
	struct ledger_event ev;
	if (!event_of_leaf(c->f->setup.site, leaf->bytes, leaf->len, &ev, &c->err))
		return false;
	if (ev.kind != EVENT_CORRECTION || ev.to.ms <= w->from.ms || ev.from.ms >= w->to.ms || c->n_corrections == CORRECTIONS_MAX)
		return true;
	c->n_corrections++;
	return attach(c, "correction", leaf);
}

static bool take_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct collect *c = ctx;
	struct cert_leaf leaf = { index, (uint8_t)kind, at, bytes, len };
	if (index >= c->hashes.n)
		return true;            /* newer than the judgement's tree head */
	return kind == LEAF_INTERVAL ? take_interval(c, &leaf)
	       : kind == LEAF_EVENT  ? take_event(c, &leaf)
				     : attach(c, "statement", &leaf);
}

static json_t *collect_evidence(const struct from_store *f, struct err *err)
{
	const struct judgement *j = f->judgement;
	struct hash root;
	char root_hex[65];
	struct collect c = { .f = f };
	merkle_root(&j->head, &root);
	hash_hex(&root, root_hex);
	bool good = load_hashes(f->reader, j->head.size, &c.hashes, err) &&
		    ((c.evidence = cert_evidence_new(j->epoch, j->head.size, root_hex)) || err_memory(err)) &&
		    reader_leaves(f->reader, LEAF_INTERVAL, (struct wall){ j->asked.from.ms - 86400000LL }, (struct wall){ INT64_MAX }, take_leaf, &c, err) &&
		    reader_leaves(f->reader, LEAF_EVENT, (struct wall){ j->asked.from.ms }, (struct wall){ INT64_MAX }, take_leaf, &c, err) &&
		    reader_leaves(f->reader, LEAF_MANUAL, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, take_leaf, &c, err);
	if (good && c.err.kind != ERR_NONE) {
		*err = c.err;
		good = false;
	}
	free(c.hashes.all);
	buf_done(&c.start);
	if (!good) {
		json_decref(c.evidence);
		return NULL;
	}
	return c.evidence;
}

bool certificate_make(const struct from_store *f, const struct signer_ops *signer, const struct certificate_options *o, struct buf *out, struct err *err)
{
	const struct judgement *j = f->judgement;
	struct hash root;
	char root_hex[65];
	CLEANUP(buf_done) struct buf payload = { 0 };
	if (!j->judged)
		return err_set(err, ERR_RANGE, "no certificate: %s", j->not_judged);
	json_t *evidence = collect_evidence(f, err);
	if (!evidence)
		return false;
	merkle_root(&j->head, &root);
	hash_hex(&root, root_hex);
	struct cert_inputs in = { .site = f->setup.site, .zone = &f->setup.zone, .pack = f->setup.pack, .facts = &j->facts, .verdict = &j->verdict,
				  .number = o->number, .issued = o->issued, .software = "pued " PUED_VERSION, .supersedes = o->supersedes,
				  .config_hash = f->setup.config_hash, .tree_root = root_hex, .tree_size = j->head.size, .epoch = j->epoch,
				  .months = j->months, .n_months = j->n_months, .window = j->window, .events = j->events,
				  .n_events = j->n_events, .evidence = evidence };
	memcpy(in.event_counts, j->event_counts, sizeof in.event_counts);
	bool good = cert_build(&in, &payload, err) && jws_make(signer, JWS_CERTIFICATE, payload.data, payload.len, true, out, err);
	json_decref(evidence);
	return good;
}
