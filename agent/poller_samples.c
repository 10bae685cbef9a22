/* From readings to samples: decoded as they come, held for a cycle where its values are judged together, handed on a tick at a time. */
#include "agent/poller_inner.h"
#include "core/decode.h"

#include <stdlib.h>
#include <string.h>

enum { SAMPLES_AT_ONCE = 8192 };

void poller_deliver(struct poller *p, struct stamp now)
{
	if (!p->n_samples)
		return;
	size_t n = p->n_samples;
	p->n_samples = 0;
	p->o.sink.samples(p->o.sink.ctx, p->samples, n, now);
}

/* When thousands of devices answer at once their samples go on in parts: the room for them stays small. */
static struct sample *room_for(struct poller *p, size_t n)
{
	if (p->n_samples >= SAMPLES_AT_ONCE)
		poller_deliver(p, poller_now(p));
	if (p->n_samples + n > p->room) {
		size_t room = p->n_samples + n + SAMPLES_AT_ONCE / 4;
		struct sample *samples = realloc(p->samples, room * sizeof *samples);
		if (!samples)
			return NULL;
		p->samples = samples;
		p->room = room;
	}
	return p->samples + p->n_samples;
}

static void keep(struct life *l, struct sample *out, size_t n)
{
	size_t kept = 0;
	for (size_t i = 0; i < n; i++) {
		out[i].series = l->series[out[i].series];
		if (out[i].series != UINT32_MAX)
			out[kept++] = out[i];
	}
	l->p->n_samples += kept;
}

void poller_take(struct life *l, const struct reading *r)
{
	struct sample *out = room_for(l->p, plan_slots(life_plan(l), r->request->id));
	size_t n = out ? decode_reading(life_plan(l), r, 0, out) : 0;
	l->rescaled |= decode_rescaled(life_plan(l), r);
	if (!l->held && out) {
		keep(l, out, n);
		return;
	}
	for (size_t i = 0; i < n; i++)
		l->held[out[i].series] = out[i];
}

enum { PLAUSIBLE_AGAIN = 10 };

void poller_hold_none(struct life *l)
{
	for (size_t i = 0; i < l->shared->bound->n; i++)
		l->held[i] = (struct sample){ .series = NOT_READ, .quality = QUALITY_MISSING, .reason = REASON_NOT_POLLED };
}

/* One event when a rule is broken, one when it has held for some polls again. */
static void tell_findings(struct life *l, size_t found, const char *text, struct stamp now)
{
	l->plausible = found ? 0 : l->plausible + 1;
	if (found)
		life_error(l, text);
	if (found && !l->implausible) {
		l->implausible = true;
		poller_event(l, "implausible", now, "%.*s", (int)strcspn(text, "\n"), text);
	} else if (l->implausible && l->plausible == PLAUSIBLE_AGAIN) {
		l->implausible = false;
		poller_event(l, "plausible", now, "its values fit each other again");
	}
}

/* What was scaled by what the device says no more is not a value. */
static void take_back(struct life *l)
{
	const struct bound *b = l->shared->bound;
	for (size_t i = 0; l->rescaled && i < b->n; i++)
		if (b->points[i].n_guards && l->held[i].series != NOT_READ) {
			l->held[i].quality = QUALITY_MISSING;
			l->held[i].reason = REASON_RESCALED;
		}
}

void poller_settle(struct life *l, struct stamp now)
{
	CLEANUP(buf_done) struct buf findings = { 0 };
	size_t n = 0;
	if (!l->held)
		return;
	struct sample *out = room_for(l->p, l->shared->bound->n);
	take_back(l);
	size_t found = checks_run(l->shared->checks, l->held, true, &findings);
	tell_findings(l, found, findings.data ? findings.data : "", now);
	for (size_t i = 0; out && i < l->shared->bound->n; i++)
		if (l->held[i].series != NOT_READ)
			out[n++] = l->held[i];
	if (out)
		keep(l, out, n);
	poller_hold_none(l);
}

void poller_take_missing(struct life *l, uint32_t from, enum reason why, struct stamp now)
{
	const struct plan *plan = life_plan(l);
	for (uint32_t i = from; i < plan->n; i++) {
		struct reading r = { .request = &plan->requests[i], .at = now, .reason = why };
		poller_take(l, &r);
	}
}
