#include "agent/pipeline.h"
#include "agent/record.h"
#include "agent/tree_head.h"
#include "agent/waiting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What waits for the next commit; texts lie in `bytes`, rows hold offsets because it grows. */
struct pending {
	struct buf bytes;
	struct { enum leaf_kind kind; struct wall at; size_t from, len; } *leaves;
	struct { uint64_t seq; struct wall at; size_t from, len; } *reports;
	size_t n_leaves, leaf_room, n_reports, report_room;
	bool failed;
};

enum { HEAD_EVERY_MS = 3600000 };      /* intervals that end on the hour */

struct pipeline {
	struct pipeline_options o;
	struct ledger *ledger;
	struct merkle tree;
	uint64_t seq, epoch;
	struct window *day;
	struct date day_of;
	struct waiting waiting;
	bool head_due;                          /* a tree head shall be signed with the next commit */
	struct mono sign_after;                 /* after a failure: not before */
	int64_t sign_pause_ms;
	uint64_t not_reported;                  /* intervals whose report found no room to wait */
	struct err sign_err;                    /* kind ERR_NONE: signing works */
	struct pending pending;
	struct buf scratch, topic;
	struct stamp now, folded;               /* folded: the time the ledger was told last */
	bool told;
	uint64_t events[EVENT_N];
	struct ledger_event recent[64];         /* since the last report; a report says the first of them, the evidence holds all */
	size_t n_recent;
	struct wall last_end;
	struct err report_err;
};

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

static void on_event(void *ctx, const struct ledger_event *ev)
{
	struct pipeline *p = ctx;
	p->events[ev->kind]++;
	if (p->o.reports && p->n_recent < countof(p->recent))
		p->recent[p->n_recent++] = *ev;
	buf_reset(&p->scratch);
	event_leaf(p->o.setup->site, ev, &p->scratch);
	pipeline_note(p, LEAF_EVENT, ev->to, p->scratch.data, p->scratch.len);
}

/* The day's window of the report: a new one when the local day changes. */
static bool day_window(struct pipeline *p, const struct interval *iv, struct err *err)
{
	const struct zone *zone = &p->o.setup->zone;
	struct date day = zone_date(zone, iv->from);
	if (!p->day || date_compare(day, p->day_of) != 0) {
		struct window *w = window_new(p->o.setup->site, zone_day_start(zone, day),
					      zone_day_start(zone, date_of_days(date_days(day) + 1)), err);
		if (!w)
			return false;
		window_free(p->day);
		p->day = w;
		p->day_of = day;
	}
	window_push(p->day, iv);
	return true;
}

/* The payload; it is signed with the next commit, or when the signer is back. */
static bool make_report(struct pipeline *p, const struct interval *iv, struct err *err)
{
	enum { WAITING_MAX_BYTES = 16 << 20 };
	struct hash root;
	struct kpi day;
	char root_hex[65];
	CLEANUP(buf_done) struct buf payload = { 0 };
	if (p->waiting.bytes > WAITING_MAX_BYTES) {
		p->not_reported++;      /* the evidence holds the interval all the same */
		return true;
	}
	merkle_root(&p->tree, &root);
	hash_hex(&root, root_hex);
	window_kpi(p->day, &p->o.setup->zone, &day);
	struct report_head head = { .epoch = p->epoch, .seq = p->seq, .tree_size = p->tree.size, .tree_root = root_hex,
				    .previous = p->waiting.previous, .made = p->now.wall, .events = p->recent, .n_events = p->n_recent };
	head.clock_offset_known = p->o.clock_offset && p->o.clock_offset(p->o.ctx, &head.clock_offset_us);
	if (!report_payload(p->o.setup->site, iv, &head, &day, &payload, err) ||
	    !waiting_add(&p->waiting, p->seq, iv->to, payload.data, payload.len, err))
		return err_wrap(err, "report %llu", (unsigned long long)p->seq);
	p->n_recent = 0;
	p->seq++;
	return true;
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

static void signing_works(struct pipeline *p)
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
		signing_works(p);
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
		signing_works(p);
	}
}

static void own_leaf(void *ctx, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	pipeline_note(ctx, kind, at, bytes, len);
}

static void on_interval(void *ctx, const struct interval *iv)
{
	struct pipeline *p = ctx;
	buf_reset(&p->scratch);
	interval_leaf(p->o.setup->site, iv, &p->scratch);
	pipeline_note(p, LEAF_INTERVAL, iv->from, p->scratch.data, p->scratch.len);
	p->last_end = iv->to;
	p->head_due |= p->o.reports && iv->to.ms % HEAD_EVERY_MS == 0;
	if (p->o.interval)
		p->o.interval(p->o.ctx, iv);
	if (!day_window(p, iv, &p->report_err) || (p->o.reports && !make_report(p, iv, &p->report_err)))
		p->pending.failed = true;
}

static const struct ledger_sink *sink_of(struct pipeline *p, struct ledger_sink *sink)
{
	*sink = (struct ledger_sink){ .interval = on_interval, .event = on_event, .ctx = p };
	return sink;
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

static bool settle(struct pipeline *p, uint64_t position, struct wall before, struct err *err)
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
static uint64_t mark(struct pipeline *p, struct stamp now)
{
	struct wall closed = ledger_closed_to(p->ledger);
	if (p->told)
		now = p->folded;
	else if (closed.ms != INT64_MIN)
		now.wall = closed;
	return store_journal(p->o.store, NULL, 0, now);
}

static void tell(struct pipeline *p, struct stamp now)
{
	p->folded = now;
	p->told = true;
}

bool pipeline_push(struct pipeline *p, const struct sample *samples, size_t n, struct stamp now, struct err *err)
{
	struct ledger_sink sink;
	struct wall before = p->last_end;
	p->now = now;
	tell(p, now);
	uint64_t position = store_journal(p->o.store, samples, n, now);
	ledger_push(p->ledger, samples, n, now, sink_of(p, &sink));
	return settle(p, position, before, err);
}

bool pipeline_finish(struct pipeline *p, struct stamp now, struct err *err)
{
	struct ledger_sink sink;
	struct wall before = p->last_end;
	p->now = now;
	uint64_t position = mark(p, now);
	ledger_finish(p->ledger, sink_of(p, &sink));
	return settle(p, position, before, err);
}

bool pipeline_head(struct pipeline *p, struct stamp now, struct err *err)
{
	p->now = now;
	p->head_due = true;
	return settle(p, mark(p, now), p->last_end, err);
}

void pipeline_signer(struct pipeline *p, const struct signer_ops *signer, const struct err *why_not)
{
	p->o.signer = signer;
	signing_works(p);
	if (!signer)
		p->sign_err = *why_not;
}

static bool fold_tail(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct pipeline *p = ctx;
	struct ledger_sink sink;
	p->now = now;
	tell(p, now);
	ledger_push(p->ledger, samples, n, now, sink_of(p, &sink));
	return true;
}

static void name_topic(struct pipeline *p)
{
	const struct site *site = p->o.setup->site;
	buf_reset(&p->topic);
	buf_printf(&p->topic, "%s/%s/interval/15m", site->mqtt.topic ? site->mqtt.topic : "pued/v1", site->id);
}

/* The current day's intervals again, for the report's day figure. */
struct day_fold { struct pipeline *p; struct err err; };
static bool fold_day(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct day_fold *f = ctx;
	struct interval iv;
	(void)index, (void)kind, (void)at;
	if (!interval_of_leaf(f->p->o.setup->site, bytes, len, &iv, &f->err))
		return false;
	bool good = day_window(f->p, &iv, &f->err);
	f->p->last_end = iv.to;
	free((void *)(uintptr_t)iv.rows);
	return good;
}

static bool fold_today(struct pipeline *p, struct reader *reader, struct wall now, struct err *err)
{
	struct day_fold day = { .p = p };
	struct wall from = { now.ms - 2 * 86400000LL };
	if (!reader_leaves(reader, LEAF_INTERVAL, from, (struct wall){ INT64_MAX }, fold_day, &day, err))
		return false;
	if (day.err.kind != ERR_NONE) {
		*err = day.err;
		return false;
	}
	return true;
}

static bool restore(struct pipeline *p, struct reader *reader, struct stamp now, struct err *err)
{
	struct restart r = { 0 };
	bool good = store_restart(p->o.store, &r, err);
	if (good) {
		p->tree = r.tree;
		p->seq = r.next_seq;
		p->epoch = r.epoch;
		size_t used = 0;
		good = !r.checkpoint.len || (waiting_load(&p->waiting, r.checkpoint.data, r.checkpoint.len, &used, err) &&
					     ledger_load(p->ledger, r.checkpoint.data + used, r.checkpoint.len - used, err));
		p->seq += p->waiting.n;
	}
	uint64_t position = r.journal_position;
	restart_done(&r);
	if (!good || !fold_today(p, reader, now.wall, err))
		return false;
	if (!store_tail(p->o.store, position, fold_tail, p, err))
		return false;
	p->now = now;
	p->head_due = p->o.reports;
	return settle(p, mark(p, now), p->last_end, err);
}

struct pipeline *pipeline_new(const struct pipeline_options *o, struct reader *reader, struct stamp now, struct err *err)
{
	struct pipeline *p = calloc(1, sizeof *p);
	if (!p) {
		err_memory(err);
		return NULL;
	}
	p->o = *o;
	p->now = now;
	name_topic(p);
	p->ledger = ledger_new(o->site ? o->site : o->setup->site, o->wiring, err);
	if (!p->ledger || p->topic.failed || !restore(p, reader, now, err)) {
		pipeline_free(p);
		return NULL;
	}
	return p;
}

void pipeline_free(struct pipeline *p)
{
	if (!p)
		return;
	ledger_free(p->ledger);
	waiting_done(&p->waiting);
	window_free(p->day);
	free(p->pending.leaves);
	free(p->pending.reports);
	buf_done(&p->pending.bytes);
	buf_done(&p->scratch);
	buf_done(&p->topic);
	free(p);
}

bool pipeline_amend(struct pipeline *p, const struct site *site, uint32_t meter, struct wall at, struct err *err)
{
	return ledger_amend(p->ledger, site, meter, at, err);
}

bool pipeline_manual(struct pipeline *p, const struct manual_reading *r, struct err *err)
{
	return ledger_manual(p->ledger, r, err);
}

/* The same readings, the same open intervals, under another description. */
static struct ledger *ledger_moved(const struct ledger *old, const struct site *site, const struct ledger_wiring *wiring, struct err *err)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	ledger_save(old, &bytes);
	struct ledger *fresh = bytes.failed ? NULL : ledger_new(site, wiring, err);
	if (bytes.failed)
		err_memory(err);
	if (fresh && !ledger_load(fresh, bytes.data, bytes.len, err)) {
		ledger_free(fresh);
		return NULL;
	}
	return fresh;
}

/* The last interval's leaf is read back from the store: it must be there. */
static bool all_durable(const struct pipeline *p, struct err *err)
{
	struct store_status store;
	store_status(p->o.store, &store);
	return store.durable_leaves >= p->tree.size - p->pending.n_leaves || store_flush(p->o.store, err);
}

/* Events that the next report will tell speak of meters by number; those of a meter that is no more are in the evidence alone. */
static void move_events(struct pipeline *p, const struct site *was, const struct site *now)
{
	size_t kept = 0;
	for (size_t i = 0; i < p->n_recent; i++) {
		struct ledger_event *ev = &p->recent[i];
		const struct meter *m = ev->meter == UINT32_MAX ? NULL : site_meter(now, site_meters(was)[ev->meter].id);
		if (!m && ev->meter != UINT32_MAX)
			continue;
		ev->meter = m ? (uint32_t)(m - site_meters(now)) : UINT32_MAX;
		p->recent[kept++] = *ev;
	}
	p->n_recent = kept;
}

bool pipeline_reload(struct pipeline *p, const struct setup *setup, const struct site *site, const struct ledger_wiring *wiring, struct record *record, struct reader *reader,
		     struct stamp now, struct err *err)
{
	struct pipeline old = *p;
	struct ledger *ledger = ledger_moved(p->ledger, site, wiring, err);
	if (!ledger)
		return false;
	p->ledger = ledger;
	p->o.wiring = wiring;
	if (setup == old.o.setup) {
		ledger_free(old.ledger);
		return true;
	}
	p->o.setup = setup;
	p->day = NULL;
	if (!all_durable(p, err) || !fold_today(p, reader, now.wall, err) || !record_setup(record, p, setup, now.wall, err)) {
		ledger_free(p->ledger);
		window_free(p->day);
		p->ledger = old.ledger;
		p->o = old.o;
		p->day = old.day;
		p->day_of = old.day_of;
		p->last_end = old.last_end;
		return false;
	}
	ledger_free(old.ledger);
	window_free(old.day);
	move_events(p, old.o.setup->site, setup->site);
	p->last_end = old.last_end;
	p->now = now;
	name_topic(p);
	/* with this commit a restart goes on from here, and never folds readings of before with the new description; where it cannot
	 * be queued now, the leaf waits and the next push says why */
	struct err later = { 0 };
	(void)!settle(p, mark(p, now), p->last_end, &later);
	return true;
}

void pipeline_meter(const struct pipeline *p, uint32_t meter, struct meter_view *out)
{
	ledger_meter(p->ledger, meter, out);
}

void pipeline_state(const struct pipeline *p, struct pipeline_state *out)
{
	*out = (struct pipeline_state){ .seq = p->seq, .epoch = p->epoch, .tree = p->tree, .last_end = p->last_end,
					.committed = p->tree.size - p->pending.n_leaves, .unsigned_reports = p->waiting.n, .not_reported = p->not_reported,
					.not_signing = p->sign_err.kind == ERR_NONE ? NULL : p->sign_err.text };
	memcpy(out->events, p->events, sizeof out->events);
}
