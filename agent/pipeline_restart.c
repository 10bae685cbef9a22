/* From the store into memory: at a start, and when another configuration goes on with the same ledger. */
#include "agent/pipeline_inner.h"
#include "agent/record.h"

#include <stdlib.h>
#include <string.h>

static bool fold_tail(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct pipeline *p = ctx;
	struct ledger_sink sink;
	p->now = now;
	pipeline_tell(p, now);
	ledger_push(p->ledger, samples, n, now, pipeline_sink(p, &sink));
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
	bool good = pipeline_day(f->p, &iv, &f->err);
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
	return pipeline_settle(p, pipeline_mark(p, now), p->last_end, err);
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
	(void)!pipeline_settle(p, pipeline_mark(p, now), p->last_end, &later);
	return true;
}
