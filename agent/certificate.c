#include "agent/certificate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Which leaves a certificate carries: those that end a boundary of the window or of one of its months, intervals and events that say
 * more than plain energies, the configuration, and statements.  Intervals are picked while the judgement reads them; all get their paths at the end,
 * when the tree's hashes are read once. */
struct kept { const char *why; struct buf bytes; uint64_t index; struct wall at; enum leaf_kind kind; };
struct certificate_leaves {
	struct judgement_watch watch;
	struct kept *list;              /* intervals of the window to attach, in their order */
	size_t n, room;
	struct kept first, last;        /* of the window, why or not */
	/* the rest is filled when they are attached */
	const struct from_store *f;
	struct merkle_nodes tree;
	json_t *evidence;
	struct err err;
	struct kept start, config;      /* start: the newest before the window, whose cumulative values are those of its start */
	size_t n_corrections, n_marked, n_events, marked_bytes;
	struct cert_omitted omitted;
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
static bool room_for_marked(struct certificate_leaves *c, size_t len)
{
	bool room = c->n_marked < MARKED_MAX && c->marked_bytes + len <= MARKED_BYTES;
	c->n_marked += room;
	c->marked_bytes += room ? len : 0;
	c->omitted.intervals += !room;
	return room;
}

static const char *reason_for(struct certificate_leaves *c, const struct judgement *j, const struct interval *iv, const void *bytes, size_t len)
{
	if (iv->to.ms == j->asked.to.ms)
		return "end";
	for (size_t i = 0; i < j->n_months; i++)
		if (iv->to.ms == j->months[i].to.ms)
			return "month";
	if (!iv->total_known || !iv->it_known)
		return "unknown";
	return plain(iv, bytes, len) || !room_for_marked(c, len) ? NULL : "marked";
}

static bool keep(struct kept *k, const char *why, const struct cert_leaf *leaf, struct err *err)
{
	buf_reset(&k->bytes);
	buf_add(&k->bytes, leaf->bytes, leaf->len);
	k->why = why;
	k->index = leaf->index;
	k->at = leaf->at;
	k->kind = (enum leaf_kind)leaf->kind;
	return !k->bytes.failed || err_memory(err);
}

static bool keep_in_list(struct certificate_leaves *c, const char *why, const struct cert_leaf *leaf, struct err *err)
{
	if (c->n == c->room) {
		size_t room = c->room ? c->room * 2 : 64;
		struct kept *grown = realloc(c->list, room * sizeof *grown);
		if (!grown)
			return err_memory(err);
		c->list = grown;
		c->room = room;
	}
	c->list[c->n] = (struct kept){ 0 };
	return keep(&c->list[c->n++], why, leaf, err);
}

static bool take_interval(void *ctx, const struct judgement *j, uint64_t index, struct wall at, const struct interval *iv, const void *bytes, size_t len, struct err *err)
{
	struct certificate_leaves *c = ctx;
	struct cert_leaf leaf = { index, LEAF_INTERVAL, at, bytes, len };
	if (index >= j->head.size || iv->to.ms <= j->asked.from.ms || iv->from.ms >= j->asked.to.ms)
		return true;            /* newer than the judgement's tree head, or another time */
	const char *why = reason_for(c, j, iv, bytes, len);
	if (!c->first.bytes.len && !keep(&c->first, why, &leaf, err))
		return false;
	return keep(&c->last, why, &leaf, err) && (!why || keep_in_list(c, why, &leaf, err));
}

struct certificate_leaves *certificate_leaves_new(struct err *err)
{
	struct certificate_leaves *c = calloc(1, sizeof *c);
	if (c)
		c->watch = (struct judgement_watch){ take_interval, c };
	else
		err_memory(err);
	return c;
}

const struct judgement_watch *certificate_leaves_watch(const struct certificate_leaves *c)
{
	return &c->watch;
}

void certificate_leaves_free(struct certificate_leaves *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->n; i++)
		buf_done(&c->list[i].bytes);
	buf_done(&c->first.bytes);
	buf_done(&c->last.bytes);
	buf_done(&c->start.bytes);
	buf_done(&c->config.bytes);
	merkle_nodes_done(&c->tree);
	json_decref(c->evidence);
	free(c->list);
	free(c);
}

/* ---- attaching ---- */

static bool attach(struct certificate_leaves *c, const char *why, const struct cert_leaf *leaf)
{
	struct hash path[MERKLE_PATH_MAX];
	size_t n;
	if (!merkle_nodes_inclusion(&c->tree, leaf->index, path, &n))
		return err_set(&c->err, ERR_EVIDENCE, "no path for evidence leaf %llu", (unsigned long long)leaf->index);
	return cert_evidence_add(c->evidence, why, leaf, path, n, &c->err);
}

static bool attach_kept(struct certificate_leaves *c, const char *why, const struct kept *k)
{
	struct cert_leaf leaf = { k->index, (uint8_t)k->kind, k->at, k->bytes.data, k->bytes.len };
	return !k->bytes.len || attach(c, why, &leaf);
}

/* Where the ledger begins with the window, its start is the first leaf less its own energy.  The newest leaf is there whatever it says. */
static bool attach_intervals(struct certificate_leaves *c)
{
	bool good = c->start.bytes.len ? attach_kept(c, "start", &c->start) : c->first.why || attach_kept(c, "first", &c->first);
	bool again = !c->start.bytes.len && c->first.index == c->last.index;
	for (size_t i = 0; good && i < c->n; i++)
		good = attach_kept(c, c->list[i].why, &c->list[i]);
	return good && (c->last.why || again || attach_kept(c, "last", &c->last));
}

/* Corrections of intervals already closed change sums, and so do manual readings; the others are listed. */
static bool take_event(struct certificate_leaves *c, const struct cert_leaf *leaf)
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
static bool take_config(struct certificate_leaves *c, const struct cert_leaf *leaf)
{
	char stated[80];
	snprintf(stated, sizeof stated, "\"sha256\":\"%s\"", c->f->setup.config_hash);
	buf_reset(&c->config.bytes);
	return !memmem(leaf->bytes, leaf->len, stated, strlen(stated)) || keep(&c->config, NULL, leaf, &c->err);
}

static bool take_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct certificate_leaves *c = ctx;
	struct cert_leaf leaf = { index, (uint8_t)kind, at, bytes, len };
	if (index >= c->tree.size)
		return true;
	return kind == LEAF_INTERVAL ? keep(&c->start, NULL, &leaf, &c->err)
	       : kind == LEAF_EVENT  ? take_event(c, &leaf)
	       : kind == LEAF_CONFIG ? take_config(c, &leaf)
				     : attach(c, "statement", &leaf);
}

static bool read_leaves(struct certificate_leaves *c, bool config, struct err *err)
{
	static const struct wall ever = { INT64_MIN }, end = { INT64_MAX };
	struct reader *r = c->f->reader;
	struct wall from = c->f->judgement->asked.from;
	return reader_leaves(r, LEAF_INTERVAL, (struct wall){ from.ms - 86400000LL }, from, take_leaf, c, err) && attach_intervals(c) &&
	       reader_leaves(r, LEAF_EVENT, from, end, take_leaf, c, err) &&
	       (!config || (reader_leaves(r, LEAF_CONFIG, ever, end, take_leaf, c, err) && attach_kept(c, "configuration", &c->config))) &&
	       reader_leaves(r, LEAF_MANUAL, ever, end, take_leaf, c, err);
}

static bool load_tree(struct certificate_leaves *c, const struct hash *root, struct err *err)
{
	struct hash have;
	if (!merkle_nodes_init(&c->tree, c->f->judgement->head.size, err) || !reader_leaf_hashes(c->f->reader, c->tree.size, c->tree.levels[0], err))
		return false;
	merkle_nodes_fill(&c->tree, &have);
	return hash_equal(&have, root) || err_set(err, ERR_EVIDENCE, "the hashes of the evidence leaves do not make the tree's root; run puectl verify --store");
}

static json_t *collect_evidence(const struct from_store *f, struct certificate_leaves *c, bool config, const struct hash *root, struct err *err)
{
	const struct judgement *j = f->judgement;
	char root_hex[65];
	c->f = f;
	hash_hex(root, root_hex);
	bool good = load_tree(c, root, err) && ((c->evidence = cert_evidence_new(j->epoch, j->head.size, root_hex)) || err_memory(err)) && read_leaves(c, config, err);
	if (c->err.kind != ERR_NONE) {
		*err = c->err;
		good = false;
	}
	if (good)
		cert_evidence_omitted(c->evidence, &c->omitted);
	return good ? c->evidence : NULL;
}

bool certificate_make(const struct from_store *f, struct certificate_leaves *leaves, const struct signer_ops *signer, const struct certificate_options *o, struct buf *out,
		      struct err *err)
{
	const struct judgement *j = f->judgement;
	struct hash root;
	char root_hex[65];
	CLEANUP(buf_done) struct buf payload = { 0 };
	if (!j->judged)
		return err_set(err, ERR_RANGE, "no certificate: %s", j->not_judged);
	merkle_root(&j->head, &root);
	hash_hex(&root, root_hex);
	json_t *evidence = collect_evidence(f, leaves, !o->no_configuration, &root, err);
	if (!evidence)
		return false;
	struct cert_inputs in = { .site = f->setup.site, .zone = &f->setup.zone, .pack = f->setup.pack, .facts = &j->facts, .verdict = &j->verdict,
				  .number = o->number, .issued = o->issued, .software = "pued " PUED_VERSION, .supersedes = o->supersedes,
				  .config_hash = f->setup.config_hash, .tree_root = root_hex, .tree_size = j->head.size, .epoch = j->epoch,
				  .months = j->months, .n_months = j->n_months, .window = j->window, .events = j->events,
				  .n_events = j->n_events, .evidence = evidence };
	memcpy(in.event_counts, j->event_counts, sizeof in.event_counts);
	return cert_build(&in, &payload, err) && jws_make(signer, JWS_CERTIFICATE, payload.data, payload.len, true, out, err);
}
