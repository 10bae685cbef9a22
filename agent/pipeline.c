#include "agent/pipeline_inner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
bool pipeline_day(struct pipeline *p, const struct interval *iv, struct err *err)
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
	if (!pipeline_day(p, iv, &p->report_err) || (p->o.reports && !make_report(p, iv, &p->report_err)))
		p->pending.failed = true;
}

const struct ledger_sink *pipeline_sink(struct pipeline *p, struct ledger_sink *sink)
{
	*sink = (struct ledger_sink){ .interval = on_interval, .event = on_event, .ctx = p };
	return sink;
}

void pipeline_tell(struct pipeline *p, struct stamp now)
{
	p->folded = now;
	p->told = true;
}

bool pipeline_push(struct pipeline *p, const struct sample *samples, size_t n, struct stamp now, struct err *err)
{
	struct ledger_sink sink;
	struct wall before = p->last_end;
	p->now = now;
	pipeline_tell(p, now);
	uint64_t position = store_journal(p->o.store, samples, n, now);
	ledger_push(p->ledger, samples, n, now, pipeline_sink(p, &sink));
	return pipeline_settle(p, position, before, err);
}

bool pipeline_finish(struct pipeline *p, struct stamp now, struct err *err)
{
	struct ledger_sink sink;
	struct wall before = p->last_end;
	p->now = now;
	uint64_t position = pipeline_mark(p, now);
	ledger_finish(p->ledger, pipeline_sink(p, &sink));
	return pipeline_settle(p, position, before, err);
}

bool pipeline_head(struct pipeline *p, struct stamp now, struct err *err)
{
	p->now = now;
	p->head_due = true;
	return pipeline_settle(p, pipeline_mark(p, now), p->last_end, err);
}

void pipeline_signer(struct pipeline *p, const struct signer_ops *signer, const struct err *why_not)
{
	p->o.signer = signer;
	pipeline_signing_works(p);
	if (!signer)
		p->sign_err = *why_not;
}

bool pipeline_amend(struct pipeline *p, const struct site *site, uint32_t meter, struct wall at, struct err *err)
{
	return ledger_amend(p->ledger, site, meter, at, err);
}

bool pipeline_manual(struct pipeline *p, const struct manual_reading *r, struct err *err)
{
	return ledger_manual(p->ledger, r, err);
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
