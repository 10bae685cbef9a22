#include "agent/pipeline.h"

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

struct pipeline {
	struct pipeline_options o;
	struct ledger *ledger;
	struct merkle tree;
	uint64_t seq, epoch;
	struct window *day;
	struct date day_of;
	char previous[65];
	struct pending pending;
	struct buf scratch, topic;
	struct stamp now;
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

static bool make_report(struct pipeline *p, const struct interval *iv, struct err *err)
{
	struct pending *w = &p->pending;
	struct hash root, hash;
	struct kpi day;
	char root_hex[65];
	CLEANUP(buf_done) struct buf payload = { 0 };
	if (!room_for((void **)&w->reports, &w->report_room, w->n_reports, sizeof *w->reports))
		return err_memory(err);
	merkle_root(&p->tree, &root);
	hash_hex(&root, root_hex);
	window_kpi(p->day, &p->o.setup->zone, &day);
	struct report_head head = { .epoch = p->epoch, .seq = p->seq, .tree_size = p->tree.size, .tree_root = root_hex,
				    .previous = p->previous, .made = p->now.wall, .events = p->recent, .n_events = p->n_recent };
	head.clock_offset_known = p->o.clock_offset && p->o.clock_offset(p->o.ctx, &head.clock_offset_us);
	buf_reset(&p->scratch);
	if (!report_payload(p->o.setup->site, iv, &head, &day, &payload, err) ||
	    !jws_make(p->o.signer, JWS_REPORT, payload.data, payload.len, false, &p->scratch, err))
		return err_wrap(err, "report %llu", (unsigned long long)p->seq);
	p->n_recent = 0;
	sha256(p->scratch.data, p->scratch.len, &hash);
	hash_hex(&hash, p->previous);
	w->reports[w->n_reports].seq = p->seq++;
	w->reports[w->n_reports].at = iv->to;
	w->reports[w->n_reports].from = w->bytes.len;
	w->reports[w->n_reports].len = p->scratch.len;
	w->n_reports++;
	buf_add(&w->bytes, p->scratch.data, p->scratch.len);
	return true;
}

static void on_interval(void *ctx, const struct interval *iv)
{
	struct pipeline *p = ctx;
	buf_reset(&p->scratch);
	interval_leaf(p->o.setup->site, iv, &p->scratch);
	pipeline_note(p, LEAF_INTERVAL, iv->from, p->scratch.data, p->scratch.len);
	p->last_end = iv->to;
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

/* Interval, events, checkpoint and reports go into one commit. */
static bool commit(struct pipeline *p, uint64_t position, struct err *err)
{
	struct pending *w = &p->pending;
	struct leaf *leaves = calloc(w->n_leaves + 1, sizeof *leaves);
	struct outbox_row *reports = calloc(w->n_reports + 1, sizeof *reports);
	CLEANUP(buf_done) struct buf checkpoint = { 0 };
	bool good = leaves && reports && !w->bytes.failed && !w->failed;
	for (size_t i = 0; good && i < w->n_leaves; i++)
		leaves[i] = (struct leaf){ w->leaves[i].kind, w->leaves[i].at, w->bytes.data + w->leaves[i].from, w->leaves[i].len };
	for (size_t i = 0; good && i < w->n_reports; i++)
		reports[i] = (struct outbox_row){ w->reports[i].seq, p->topic.data, w->bytes.data + w->reports[i].from, w->reports[i].len, w->reports[i].at };
	if (good) {
		ledger_save(p->ledger, &checkpoint);
		struct commit c = { .leaves = leaves, .n_leaves = w->n_leaves, .reports = reports, .n_reports = w->n_reports,
				    .checkpoint = checkpoint.data, .checkpoint_len = checkpoint.len, .journal_position = position,
				    .tree = p->tree, .at = p->now.wall };
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
	w->n_leaves = w->n_reports = 0;
	buf_reset(&w->bytes);
	return true;
}

static bool settle(struct pipeline *p, uint64_t position, struct wall before, struct err *err)
{
	if (!p->pending.n_leaves)
		return true;
	if (!commit(p, position, err))
		return false;
	if (p->o.closed && p->last_end.ms != before.ms)
		p->o.closed(p->o.ctx, p->last_end);
	return true;
}

bool pipeline_push(struct pipeline *p, const struct sample *samples, size_t n, struct stamp now, struct err *err)
{
	struct ledger_sink sink;
	struct wall before = p->last_end;
	p->now = now;
	uint64_t position = store_journal(p->o.store, samples, n, now);
	ledger_push(p->ledger, samples, n, now, sink_of(p, &sink));
	return settle(p, position, before, err);
}

bool pipeline_finish(struct pipeline *p, struct stamp now, struct err *err)
{
	struct ledger_sink sink;
	struct wall before = p->last_end;
	p->now = now;
	uint64_t position = store_journal(p->o.store, NULL, 0, now);
	ledger_finish(p->ledger, sink_of(p, &sink));
	return settle(p, position, before, err);
}

static bool fold_tail(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct pipeline *p = ctx;
	struct ledger_sink sink;
	p->now = now;
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
		good = !r.checkpoint.len || ledger_load(p->ledger, r.checkpoint.data, r.checkpoint.len, err);
	}
	uint64_t position = r.journal_position;
	restart_done(&r);
	if (!good || !fold_today(p, reader, now.wall, err))
		return false;
	return store_tail(p->o.store, position, fold_tail, p, err) && settle(p, store_journal(p->o.store, NULL, 0, now), p->last_end, err);
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
	p->ledger = ledger_new(o->setup->site, o->wiring, err);
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
	window_free(p->day);
	free(p->pending.leaves);
	free(p->pending.reports);
	buf_done(&p->pending.bytes);
	buf_done(&p->scratch);
	buf_done(&p->topic);
	free(p);
}

/* What the last leaf of a kind says; kept as its hash. */
static bool keep_last(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	(void)index, (void)kind, (void)at;
	sha256(bytes, len, ctx);
	return true;
}

static bool note_changed(struct pipeline *p, struct reader *reader, enum leaf_kind kind, struct wall at, const struct buf *text, struct err *err)
{
	struct hash last = { 0 }, now;
	if (text->failed)
		return err_memory(err);
	if (!reader_leaves(reader, kind, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, keep_last, &last, err))
		return false;
	sha256(text->data, text->len, &now);
	if (memcmp(&last, &now, sizeof now))
		pipeline_note(p, kind, at, text->data, text->len);
	return true;
}

bool pipeline_note_setup(struct pipeline *p, struct reader *reader, struct wall at, struct err *err)
{
	const struct setup *s = p->o.setup;
	CLEANUP(buf_done) struct buf config = { 0 }, pack = { 0 };
	buf_printf(&config, "{\"configuration\":");
	buf_json(&config, s->site->canonical);
	buf_printf(&config, ",\"sha256\":\"%s\"}", s->config_hash);
	if (!note_changed(p, reader, LEAF_CONFIG, at, &config, err))
		return false;
	if (!s->pack)
		return true;
	char hash[65];
	pack_hash(s->pack, hash);
	buf_str(&pack, "{\"pack\":");
	buf_json(&pack, pack_id(s->pack));
	buf_printf(&pack, ",\"sha256\":\"%s\",\"version\":", hash);
	buf_json(&pack, pack_version(s->pack));
	buf_str(&pack, "}");
	return note_changed(p, reader, LEAF_PACK, at, &pack, err);
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

bool pipeline_reload(struct pipeline *p, const struct setup *setup, const struct ledger_wiring *wiring, struct reader *reader,
		     struct stamp now, struct err *err)
{
	struct pipeline old = *p;
	struct ledger *ledger = ledger_moved(p->ledger, setup->site, wiring, err);
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
	if (!all_durable(p, err) || !fold_today(p, reader, now.wall, err) || !pipeline_note_setup(p, reader, now.wall, err)) {
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
	(void)!settle(p, store_journal(p->o.store, NULL, 0, now), p->last_end, &later);
	return true;
}

void pipeline_meter(const struct pipeline *p, uint32_t meter, struct meter_view *out)
{
	ledger_meter(p->ledger, meter, out);
}

void pipeline_state(const struct pipeline *p, struct pipeline_state *out)
{
	*out = (struct pipeline_state){ .seq = p->seq, .epoch = p->epoch, .tree = p->tree, .last_end = p->last_end,
					.committed = p->tree.size - p->pending.n_leaves };
	memcpy(out->events, p->events, sizeof out->events);
}
