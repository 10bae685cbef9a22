#include "agent/certificate.h"

#include <stdio.h>
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

/* Which leaves a certificate carries: those that end a boundary of the window or of one of its months, intervals and events that say
 * more than plain energies, the configuration, and statements. */
struct kept { struct buf bytes; uint64_t index; struct wall at; enum leaf_kind kind; };
struct collect {
	const struct from_store *f;
	struct hashes hashes;
	json_t *evidence;
	struct err err;
	/* the newest interval leaf before the window: its cumulative values are those of the window's start; and the newest inside */
	struct kept start, last;
	struct kept config;
	size_t n_corrections, n_marked, n_events, marked_bytes;
	struct cert_omitted omitted;
	bool in_window;
};
enum { CORRECTIONS_MAX = 1000, MARKED_MAX = 1000, MARKED_BYTES = 4 << 20, EVENTS_MAX = 200 };
_Static_assert((int)JUDGEMENT_EVENTS == (int)CERT_EVENTS, "the certificate's list of events is the judgement's");

/* A row that says more than its energies has texts behind its numbers (docs/evidence-format.md). */
static bool plain(const struct interval *iv, const void *bytes, size_t len)
{
	static const char more[] = ",\"";
	const char *rows = memmem(bytes, len, "\"meters\":[", 10);
	return iv->synced && !iv->flags && rows && !memmem(rows, len - (size_t)(rows - (const char *)bytes), more, sizeof more - 1);
}

/* Room is for what matters most: how many were left out is told. */
static bool room_for_marked(struct collect *c, size_t len)
{
	bool room = c->n_marked < MARKED_MAX && c->marked_bytes + len <= MARKED_BYTES;
	c->n_marked += room;
	c->marked_bytes += room ? len : 0;
	c->omitted.intervals += !room;
	return room;
}

static const char *reason_for(struct collect *c, const struct interval *iv, const struct cert_leaf *leaf)
{
	const struct judgement *j = c->f->judgement;
	if (iv->to.ms == j->asked.to.ms)
		return "end";
	for (size_t i = 0; i < j->n_months; i++)
		if (iv->to.ms == j->months[i].to.ms)
			return "month";
	if (!iv->total_known || !iv->it_known)
		return "unknown";
	return plain(iv, leaf->bytes, leaf->len) || !room_for_marked(c, leaf->len) ? NULL : "marked";
}

static bool keep(struct collect *c, struct kept *k, const struct cert_leaf *leaf)
{
	buf_reset(&k->bytes);
	buf_add(&k->bytes, leaf->bytes, leaf->len);
	k->index = leaf->index;
	k->at = leaf->at;
	k->kind = (enum leaf_kind)leaf->kind;
	return !k->bytes.failed || err_memory(&c->err);
}

static bool attach(struct collect *c, const char *why, const struct cert_leaf *leaf)
{
	struct hash path[64];
	size_t n;
	if (!merkle_inclusion(leaf->index, c->hashes.n, hash_at, &c->hashes, path, &n))
		return err_set(&c->err, ERR_EVIDENCE, "no path for evidence leaf %llu", (unsigned long long)leaf->index);
	return cert_evidence_add(c->evidence, why, leaf, path, n, &c->err);
}

static bool attach_kept(struct collect *c, const char *why, struct kept *k)
{
	struct cert_leaf leaf = { k->index, (uint8_t)k->kind, k->at, k->bytes.data, k->bytes.len };
	bool good = !k->bytes.len || attach(c, why, &leaf);
	buf_reset(&k->bytes);
	return good;
}

static bool take_interval(struct collect *c, const struct cert_leaf *leaf)
{
	const struct pack_window *w = &c->f->judgement->asked;
	struct interval iv;
	if (!interval_of_leaf(c->f->setup.site, leaf->bytes, leaf->len, &iv, &c->err))
		return false;
	free((void *)(uintptr_t)iv.rows);
	if (iv.to.ms <= w->from.ms)
		return keep(c, &c->start, leaf);
	if (iv.from.ms >= w->to.ms)
		return true;
	const char *why = reason_for(c, &iv, leaf);
	if (!c->in_window) {
		c->in_window = true;
		/* the ledger begins with the window: its start is the first leaf less its own energy */
		if (!c->start.bytes.len && !why)
			why = "first";
		if (!attach_kept(c, "start", &c->start))
			return false;
	}
	if (!why)
		return keep(c, &c->last, leaf);
	buf_reset(&c->last.bytes);
	return attach(c, why, leaf);
}

/* Corrections of intervals already closed change sums, and so do manual readings; the others are listed. */
static bool take_event(struct collect *c, const struct cert_leaf *leaf)
{
	const struct pack_window *w = &c->f->judgement->asked;
	struct ledger_event ev;
	if (!event_of_leaf(c->f->setup.site, leaf->bytes, leaf->len, &ev, &c->err))
		return false;
	if (ev.to.ms < w->from.ms || ev.from.ms >= w->to.ms)
		return true;
	bool sums = ev.kind == EVENT_CORRECTION || ev.kind == EVENT_MANUAL;
	size_t *n = sums ? &c->n_corrections : &c->n_events;
	if ((*n)++ < (sums ? CORRECTIONS_MAX : EVENTS_MAX))
		return attach(c, ev.kind == EVENT_CORRECTION ? "correction" : "event", leaf);
	*(sums ? &c->omitted.corrections : &c->omitted.events) += 1;
	return true;
}

/* The configuration in force: the newest leaf, if it is the one that was judged by. */
static bool take_config(struct collect *c, const struct cert_leaf *leaf)
{
	char stated[80];
	snprintf(stated, sizeof stated, "\"sha256\":\"%s\"", c->f->setup.config_hash);
	buf_reset(&c->config.bytes);
	return !memmem(leaf->bytes, leaf->len, stated, strlen(stated)) || keep(c, &c->config, leaf);
}

static bool take_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct collect *c = ctx;
	struct cert_leaf leaf = { index, (uint8_t)kind, at, bytes, len };
	if (index >= c->hashes.n)
		return true;            /* newer than the judgement's tree head */
	return kind == LEAF_INTERVAL ? take_interval(c, &leaf)
	       : kind == LEAF_EVENT  ? take_event(c, &leaf)
	       : kind == LEAF_CONFIG ? take_config(c, &leaf)
				     : attach(c, "statement", &leaf);
}

static bool read_leaves(struct collect *c, bool config, struct err *err)
{
	static const struct wall ever = { INT64_MIN }, end = { INT64_MAX };
	struct reader *r = c->f->reader;
	struct wall from = c->f->judgement->asked.from;
	return reader_leaves(r, LEAF_INTERVAL, (struct wall){ from.ms - 86400000LL }, end, take_leaf, c, err) && attach_kept(c, "last", &c->last) &&
	       reader_leaves(r, LEAF_EVENT, from, end, take_leaf, c, err) &&
	       (!config || (reader_leaves(r, LEAF_CONFIG, ever, end, take_leaf, c, err) && attach_kept(c, "configuration", &c->config))) &&
	       reader_leaves(r, LEAF_MANUAL, ever, end, take_leaf, c, err);
}

static json_t *collect_evidence(const struct from_store *f, bool config, struct err *err)
{
	const struct judgement *j = f->judgement;
	struct hash root;
	char root_hex[65];
	struct collect c = { .f = f };
	merkle_root(&j->head, &root);
	hash_hex(&root, root_hex);
	bool good = load_hashes(f->reader, j->head.size, &c.hashes, err) &&
		    ((c.evidence = cert_evidence_new(j->epoch, j->head.size, root_hex)) || err_memory(err)) &&
		    read_leaves(&c, config, err);
	if (c.err.kind != ERR_NONE) {
		*err = c.err;
		good = false;
	}
	if (good)
		cert_evidence_omitted(c.evidence, &c.omitted);
	free(c.hashes.all);
	buf_done(&c.start.bytes);
	buf_done(&c.last.bytes);
	buf_done(&c.config.bytes);
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
	json_t *evidence = collect_evidence(f, !o->no_configuration, err);
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
