#include "agent/life.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { IDENTIFY_AGAIN_MS = 60000, OVERRUN_AGAIN_MS = 60000, PARTIAL_AGAIN_MS = 600000, DISCOVER_AGAIN_MS = 3600000 };

/* After so many silent requests and no answer the device is given up for this cycle.  Many Modbus devices do not even refuse
 * functions 43 and 17, so that silence to them says little. */
static unsigned silent_enough(const struct life *l)
{
	static const unsigned limits[] = { [STAGE_IDENTIFY] = 4, [STAGE_DISCOVER] = 2, [STAGE_POLL] = 2 };
	return l->snmp ? 1 : limits[l->stage];
}

static bool is_silence(enum reason r)
{
	return r == REASON_TIMEOUT || r == REASON_REFUSED || r == REASON_UNREACHABLE || r == REASON_CLOSED;
}

/* A gateway that says its unit does not answer (exceptions 10 and 11) speaks for a silent unit. */
static bool is_silent(const struct reading *r)
{
	return is_silence(r->reason) || (r->reason == REASON_EXCEPTION && (r->exception == 10 || r->exception == 11));
}

const struct plan *life_plan(const struct life *l)
{
	return l->own_plan ? l->own_plan : l->shared ? l->shared->plan : NULL;
}

void life_error(struct life *l, const char *text)
{
	enum { LONGEST = 300 };
	char *old = l->error;
	l->error = text ? strndup(text, strcspn(text, "\n") < LONGEST ? strcspn(text, "\n") : LONGEST) : NULL;
	free(old);          /* afterwards: the text may come from it */
}

/* ---- a cycle's end ------------------------------------------------------------------------------------------------------- */

static void make_own_plan(struct life *l, struct stamp now)
{
	struct err err = { 0 };
	struct plan *plan = plan_make(l->shared->bound, &l->limits, &err);
	l->lesson = false;
	if (!plan) {
		life_error(l, err.text);
		return;
	}
	plan_free(l->own_plan);
	l->own_plan = plan;
	poller_learnt(l);
	CLEANUP(buf_done) struct buf text = { 0 };
	plan_limits_text(&l->limits, &text);
	poller_event(l, "limit", now, "the device refused a request; from now on it is asked with: %s", text.data ? text.data : "");
}

static void told_state(struct life *l, bool silent, bool overrun, struct stamp now)
{
	if (silent) {
		if (!l->was_down)
			l->state = "late";
		return;
	}
	if (l->was_down)
		poller_event(l, "up", now, "answers again");
	l->was_down = false;
	l->state = overrun ? "late" : l->shared ? "up" : "starting";
}

/* Which request made the cycle long, and what of it: the device, tries, or waiting behind its neighbours. */
static void why_late(const struct life *l, struct buf *out)
{
	const struct plan *plan = life_plan(l);
	if (l->slowest.ms > 0 && plan && l->slowest.at < plan->n) {
		int64_t waited = l->slowest.ms - l->slowest.wire_ms;
		buf_printf(out, "the longest of %u asked took %" PRId64 " ms", l->answered + l->silent, l->slowest.ms);
		if (l->slowest.tries > 1)
			buf_printf(out, " in %u tries", l->slowest.tries);
		if (waited * 4 > l->slowest.ms)
			buf_printf(out, ", %" PRId64 " ms of it waiting for its turn", waited);
		buf_str(out, " (");
		request_text(&plan->requests[l->slowest.at], out);
		buf_str(out, ")");
	}
	if (l->error || !out->len)
		buf_printf(out, "%s%s", out->len ? ": " : "", l->error ? l->error : "nothing was asked in that time");
}

static void cycle_over(struct life *l, struct stamp now)
{
	bool silent = l->answered == 0 && l->silent > 0;
	bool overrun = !l->surveyed && now.boot.ms - l->begun.ms > l->period_ms;   /* looking a device over may take longer, once */
	l->running = false;
	l->cycle_us = (now.boot.ms - l->begun.ms) * 1000;
	l->polls++;
	l->failures += l->reason != REASON_NONE;
	if (!silent && l->reason == REASON_NONE) {
		l->good++;
		l->last_good = now.wall;
		life_error(l, NULL);
	}
	poller_settle(l, now);
	if (l->rescaled)
		l->recheck_at = now.boot;       /* the next cycle begins with looking it over */
	told_state(l, silent, overrun, now);
	if (overrun && (!l->overrun_told.ms || now.boot.ms - l->overrun_told.ms >= OVERRUN_AGAIN_MS)) {
		CLEANUP(buf_done) struct buf why = { 0 };
		l->overrun_told = now.boot;
		why_late(l, &why);
		poller_event(l, "overrun", now, "one poll took %" PRId64 " ms, more than its period of %" PRId64 " ms: %s",
			     now.boot.ms - l->begun.ms, l->period_ms, why.data ? why.data : "");
	}
	if (l->lesson && l->shared)
		make_own_plan(l, now);
	poller_over(l, silent ? CYCLE_SILENT : CYCLE_ANSWERED, now);
}

/* ---- stages ------------------------------------------------------------------------------------------------------------------ */

static void advance(struct life *l, struct stamp now);

static void ask(struct life *l, const struct request *req, struct stamp now)
{
	l->surveyed = l->surveyed || l->stage != STAGE_POLL;
	bool optional = req->kind == REQUEST_MODBUS_DEVICE_ID || req->kind == REQUEST_MODBUS_SERVER_ID;
	l->tries_left = optional ? 0 : l->retries;
	l->asked = now.boot;
	l->open.wire_ms = l->open.tries = 0;
	poller_ask(l, req, now);
}

static void give_up(struct life *l, const struct err *err, struct stamp now)
{
	life_error(l, err->text);
	if (l->reason == REASON_NONE)
		l->reason = REASON_IDENTITY;
	if (life_plan(l))
		poller_take_missing(l, 0, l->silent ? l->reason : REASON_IDENTITY, now);
	cycle_over(l, now);
}

static void identified(struct life *l, struct stamp now)
{
	struct err err = { 0 };
	struct identity found;
	bool good = identify_result(l->identify, &found, &err);
	identify_free(l->identify);
	l->identify = NULL;
	if (!good) {
		if (l->answered)
			l->hold = (struct mono){ now.boot.ms + IDENTIFY_AGAIN_MS };
		give_up(l, &err, now);
		return;
	}
	l->profile = found.profile;
	l->stage = STAGE_DISCOVER;
	poller_event(l, "identified", now, "is a %s (profile %s)", found.profile->title ? found.profile->title : found.model, found.profile->name);
	advance(l, now);
}

static void discovered(struct life *l, struct stamp now)
{
	struct err err = { 0 };
	struct bound *bound = discover_finish(l->discover, &err);
	discover_free(l->discover);
	l->discover = NULL;
	bool again = !bound && l->shared && l->answered && err.kind == ERR_UNAVAILABLE;
	if (!again && (!bound || !life_take_bound(l, bound, now, &err))) {
		if (l->auto_profile && l->answered)
			l->stage = STAGE_IDENTIFY, l->hold = (struct mono){ now.boot.ms + IDENTIFY_AGAIN_MS };
		give_up(l, &err, now);
		return;
	}
	l->stage = STAGE_POLL;
	/* Sensors are plugged in and outlets renamed while the agent runs; each device has its own time for looking again. */
	int64_t wait = again || l->shared->bound->partial ? PARTIAL_AGAIN_MS : DISCOVER_AGAIN_MS + (int64_t)(l->index % 3600) * 1000;
	l->recheck_at = (struct mono){ now.boot.ms + wait };
	l->at = 0;
	advance(l, now);
}

/* Identification looks for what the library knows now. */
static void renew_library(struct life *l)
{
	struct library *old = l->library;
	l->library = library_get(poller_library(l->p));
	library_free(old);
}

static void start_identify(struct life *l, struct stamp now)
{
	struct err err = { 0 };
	enum transport t = l->snmp ? TRANSPORT_SNMP : TRANSPORT_MODBUS;
	if (!l->identify) {
		renew_library(l);
		l->identify = identify_new(l->library, t, &err);
	}
	const struct request *req = l->identify ? identify_next(l->identify) : NULL;
	if (!l->identify)
		give_up(l, &err, now);
	else if (req)
		ask(l, req, now);
	else
		identified(l, now);
}

static void start_discover(struct life *l, struct stamp now)
{
	struct err err = { 0 };
	if (!l->discover)
		l->discover = discover_new(l->profile, l->overrides, l->n_overrides, &err);
	const struct request *req = l->discover ? discover_next(l->discover) : NULL;
	if (!l->discover)
		give_up(l, &err, now);
	else if (req)
		ask(l, req, now);
	else
		discovered(l, now);
}

static void next_poll(struct life *l, struct stamp now)
{
	const struct plan *plan = life_plan(l);
	if (l->at < plan->n && now.boot.ms < l->cycle_end.ms) {
		ask(l, &plan->requests[l->at], now);
		return;
	}
	if (l->at < plan->n) {
		poller_take_missing(l, l->at, REASON_TIMEOUT, now);
		l->reason = REASON_TIMEOUT;
		if (!l->error)
			life_error(l, "its other requests found no time within the period");
	}
	cycle_over(l, now);
}

static void advance(struct life *l, struct stamp now)
{
	static void (*const stages[])(struct life *, struct stamp) = { [STAGE_IDENTIFY] = start_identify, [STAGE_DISCOVER] = start_discover, [STAGE_POLL] = next_poll };
	stages[l->stage](l, now);
}

void life_begin(struct life *l, struct stamp now, bool trial)
{
	l->running = true;
	l->surveyed = false;
	l->begun = now.boot;
	l->cycle_end = (struct mono){ now.boot.ms + (l->period_ms > l->deadline_ms ? l->period_ms : l->deadline_ms) };
	l->answered = l->silent = 0;
	l->slowest.ms = 0;
	l->rescaled = false;
	l->reason = REASON_NONE;
	l->at = 0;
	if (l->stage == STAGE_POLL && (trial || now.boot.ms >= l->recheck_at.ms))
		l->stage = STAGE_DISCOVER;   /* who comes back may be another one */
	if (l->stage == STAGE_IDENTIFY && !l->identify && now.boot.ms < l->hold.ms) {
		l->running = false;
		poller_over(l, CYCLE_ANSWERED, now);
		return;
	}
	advance(l, now);
}

/* ---- answers --------------------------------------------------------------------------------------------------------------------- */

static void count(struct life *l, const struct reading *r)
{
	bool silent = is_silent(r);
	l->answered += !silent;
	l->silent += silent;
	l->timeouts += r->reason == REASON_TIMEOUT;
	l->latency_us = silent ? l->latency_us : r->latency_us;
	/* While it is being looked over, a refusal is an answer: "I do not have that". */
	if (r->reason != REASON_NONE && (silent || l->stage == STAGE_POLL)) {
		l->reason = r->reason;
		life_error(l, r->err.text);
	} else if (r->partial) {
		life_error(l, r->err.text);
	}
}

static void poll_answer(struct life *l, const struct reading *r)
{
	struct err err = { 0 };
	l->open.ms = r->at.boot.ms - l->asked.ms;
	l->open.at = l->at;
	if (l->open.ms > l->slowest.ms)
		l->slowest = l->open;
	poller_take(l, r);
	if (r->reason == REASON_EXCEPTION && !is_silent(r) && plan_learn(life_plan(l), r, &l->limits, &err))
		l->lesson = true;
	l->at++;
	/* A device that says nothing to its first request, or twice in one cycle, is not asked the rest. */
	if (is_silent(r) && (l->answered == 0 || l->silent >= silent_enough(l))) {
		poller_take_missing(l, l->at, r->reason, r->at);
		cycle_over(l, r->at);
		return;
	}
	next_poll(l, r->at);
}

void life_answer(struct life *l, const struct reading *r)
{
	if (!l->running)
		return;
	l->open.wire_ms += r->latency_us / 1000;
	l->open.tries++;
	if (r->reason == REASON_TIMEOUT && l->tries_left > 0 && r->at.boot.ms < l->cycle_end.ms) {
		l->tries_left--;
		l->timeouts++;
		poller_ask(l, r->request, r->at);
		return;
	}
	count(l, r);
	switch (l->stage) {
	case STAGE_IDENTIFY:
		identify_push(l->identify, r);
		break;
	case STAGE_DISCOVER:
		discover_push(l->discover, r);
		break;
	case STAGE_POLL:
		poll_answer(l, r);
		return;
	}
	if (is_silent(r) && l->answered == 0 && l->silent >= silent_enough(l)) {
		/* It says nothing at all: begin anew when it is tried again. */
		struct err err = r->err;
		identify_free(l->identify);
		discover_free(l->discover);
		l->identify = NULL;
		l->discover = NULL;
		give_up(l, &err, r->at);
		return;
	}
	advance(l, r->at);
}
