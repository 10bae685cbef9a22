/* What people state about meters, taken into the fold. */
#include "core/ledger_state.h"
#include "core/amend.h"

#include <stdio.h>

/* Nothing of the meter from `at` on has been looked at: then the new edge is met as if it had always been known. */
static bool still_ahead(const struct ledger *l, const struct meter_fold *m, int64_t at_ms)
{
	return !l->fixed || (m->seen_ms < at_ms && m->done_ms <= at_ms);
}

static bool too_late(const struct ledger *l, const struct meter_fold *m, int64_t at_ms, struct err *err)
{
	char at[WALL_TEXT], done[WALL_TEXT];
	int64_t folded = m->seen_ms > m->done_ms ? m->seen_ms : m->done_ms;
	(void)l;
	return err_set(err, ERR_INPUT, "meter %s: its time from %s on has been folded already (to %s); what is closed is not rewritten. The register is counted on from "
		       "its next readings; state what was lost with puectl meter reading (class M), and put a new serial, ratio or count into the configuration's "
		       "epochs (puectl reload)", m->meter->id, wall_text((struct wall){ at_ms }, at),
		       wall_text((struct wall){ folded }, done));
}

bool ledger_amend(struct ledger *l, const struct site *site, uint32_t meter, struct wall at, struct err *err)
{
	const struct meter *m = &site_meters(site)[meter];
	const struct meter_epoch *e = m->epochs.items;
	struct scale s;
	if (!still_ahead(l, &l->meters[meter], at.ms))
		return too_late(l, &l->meters[meter], at.ms, err);
	if (m->epochs.n && !scale_of(m, &e[m->epochs.n - 1], &l->wiring[meter], &s))
		return err_set(err, ERR_INPUT, "meter %s: one count of the new meter is worth no exact number of mW.h; state count and ratios with fewer digits", m->id);
	l->site = site;
	for (size_t i = 0; i < l->n; i++)
		l->meters[i].meter = &site_meters(site)[i];
	return true;
}

bool ledger_manual(struct ledger *l, const struct manual_reading *r, struct err *err)
{
	const struct meter_fold *m = &l->meters[r->meter];
	char to[WALL_TEXT];
	if (m->wiring->energy_series == UINT32_MAX && m->wiring->power_series == UINT32_MAX)
		return err_set(err, ERR_INPUT, "meter %s has neither register nor power: no interval of it lacks anything", m->meter->id);
	if (l->begun && r->to.ms > l->newest_ms)
		return err_set(err, ERR_INPUT, "meter %s: %s has not come yet; a reading is stated when it was made", m->meter->id, wall_text(r->to, to));
	/* in the interval after it: those it speaks of are closed then */
	int64_t interval = interval_of(l, r->to.ms - 1) + 1;
	struct ledger_event *ev = ledger_event_new(l, EVENT_MANUAL, r->meter, interval, r->from.ms, r->to.ms);
	if (!ev)
		return err_memory(err);
	l->events[l->n_events - 1].interval = interval > l->next ? interval : l->next;
	ev->energy_mwh = r->energy_mwh;
	snprintf(ev->reason, sizeof ev->reason, "stated by %.60s: %.80s (statement %s)", r->by, r->reason, r->id);
	return true;
}
