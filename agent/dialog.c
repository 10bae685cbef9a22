#include "agent/dialog.h"
#include "agent/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

enum { STARTED_MAX = 8, LESSONS_MAX = 64 };

struct dialog {
	sd_event *loop;
	struct clock clock;
	struct collector_env env;
	struct secrets *secrets;
	struct { const struct collector_ops *ops; void *self; } started[STARTED_MAX];
	size_t n_started, current;
	struct target *target;
	bool answered;
	enum reason reason;
	bool last_try;
	void (*take)(void *ctx, const struct reading *r);
	void *take_ctx;
};

static void on_reading(void *ctx, void *device, const struct reading *r)
{
	struct dialog *d = ctx;
	(void)device;
	d->answered = true;
	d->reason = r->reason;
	if (r->reason != REASON_TIMEOUT || d->last_try)
		d->take(d->take_ctx, r);
}

static const char *give_secret(void *ctx, const char *name)
{
	struct dialog *d = ctx;
	return d->secrets ? secret_get(d->secrets, name, NULL) : NULL;
}

struct dialog *dialog_new(struct secrets *secrets, struct err *err)
{
	struct dialog *d = calloc(1, sizeof *d);
	if (!d || sd_event_new(&d->loop) < 0) {
		free(d);
		err_memory(err);
		return NULL;
	}
	d->secrets = secrets;
	d->clock.session = 1;
	d->env = (struct collector_env){ .loop = d->loop, .clock = clock_ops_of(&d->clock), .sink = on_reading, .secret = give_secret, .ctx = d };
	d->env.seed = (uint64_t)clock_now(&d->clock).boot.ms;
	return d;
}

void dialog_free(struct dialog *d)
{
	if (!d)
		return;
	dialog_detach(d);
	for (size_t i = 0; i < d->n_started; i++)
		d->started[i].ops->stop(d->started[i].self);
	sd_event_unref(d->loop);
	free(d);
}

static bool start(struct dialog *d, const struct collector_ops *ops, struct err *err)
{
	for (d->current = 0; d->current < d->n_started; d->current++)
		if (d->started[d->current].ops == ops)
			return true;
	if (d->n_started == STARTED_MAX)
		return err_set(err, ERR_INTERNAL, "more than %d collectors", STARTED_MAX);
	void *self = ops->start(&d->env, err);
	if (!self)
		return false;
	d->started[d->n_started].ops = ops;
	d->started[d->n_started++].self = self;
	return true;
}

bool dialog_attach(struct dialog *d, const struct endpoint *ep, struct err *err)
{
	const struct collector_ops *ops = collector_for(ep->scheme);
	dialog_detach(d);
	if (!ops)
		return err_set(err, ERR_CONFIG, "nothing here reads %s endpoints", ep->scheme);
	if (!start(d, ops, err))
		return false;
	d->target = ops->attach(d->started[d->current].self, ep, d, err);
	return d->target;
}

void dialog_detach(struct dialog *d)
{
	if (d->target)
		d->started[d->current].ops->detach(d->target);
	d->target = NULL;
}

static void ask_once(struct dialog *d, const struct request *req, int64_t timeout_ms)
{
	const struct collector_ops *ops = d->started[d->current].ops;
	void *self = d->started[d->current].self;
	struct stamp now = clock_now(&d->clock);
	d->answered = false;
	ops->submit(d->target, req, (struct mono){ now.boot.ms + timeout_ms });
	ops->flush(self);
	while (!d->answered) {
		int64_t wait = ops->next(self).ms - clock_now(&d->clock).boot.ms;
		sd_event_run(d->loop, wait > 0 ? (uint64_t)(wait > 1000 ? 1000 : wait) * 1000 : 0);
		ops->expire(self, clock_now(&d->clock).boot);
		ops->flush(self);
	}
}

void dialog_ask(struct dialog *d, const struct request *req, int64_t timeout_ms, int retries,
		void (*take)(void *ctx, const struct reading *r), void *ctx)
{
	d->take = take;
	d->take_ctx = ctx;
	d->reason = REASON_TIMEOUT;
	for (int left = retries; left >= 0 && d->reason == REASON_TIMEOUT; left--) {
		d->last_try = left == 0;
		ask_once(d, req, timeout_ms);
	}
}

/* ---- probe ------------------------------------------------------------------------------------------------------------- */

struct probing {
	struct dialog *d;
	const struct probe_options *o;
	struct probe *out;
	struct identify *identify;
	struct discover *discover;
	unsigned answered;               /* by anything at all */
	bool lesson;
	struct err last;                 /* why the last request had no answer */
};

static void note(struct probing *p, const struct reading *r)
{
	if (r->reason == REASON_NONE || r->reason == REASON_EXCEPTION || r->reason == REASON_NO_SUCH_OBJECT)
		p->answered++;
	if (r->reason != REASON_NONE)
		p->last = r->err;
	else
		p->out->latency_us = r->latency_us;
}

static void take_identity(void *ctx, const struct reading *r)
{
	struct probing *p = ctx;
	note(p, r);
	identify_push(p->identify, r);
}

static void take_discovery(void *ctx, const struct reading *r)
{
	struct probing *p = ctx;
	note(p, r);
	discover_push(p->discover, r);
}

static void keep_words(struct probe *out, const struct reading *r)
{
	const struct plan *plan = out->plan;
	for (uint32_t i = plan->first[r->request->id]; i < plan->first[r->request->id + 1]; i++) {
		const struct plan_slot *slot = &plan->slots[i];
		size_t n = r->n_words - slot->at;
		n = n > PROBE_WORDS ? PROBE_WORDS : n;
		memcpy(out->words + slot->point * PROBE_WORDS, r->words + slot->at, n * sizeof *r->words);
		out->n_words[slot->point] = (uint8_t)n;
	}
}

static void take_values(void *ctx, const struct reading *r)
{
	struct probing *p = ctx;
	struct probe *out = p->out;
	struct sample *got = calloc(plan_slots(out->plan, r->request->id) + 1, sizeof *got);
	note(p, r);
	size_t n = got ? decode_reading(out->plan, r, 0, got) : 0;
	for (size_t i = 0; i < n; i++)
		out->samples[got[i].series] = got[i];
	free(got);
	if (r->reason == REASON_NONE)
		out->answered++;
	if (r->reason == REASON_NONE && r->n_words)
		keep_words(out, r);
	if (r->reason == REASON_EXCEPTION && plan_learn(out->plan, r, &out->limits, NULL))
		p->lesson = true;
}

static bool find_identity(struct probing *p, const struct endpoint *ep, struct err *err)
{
	enum transport t = endpoint_is_snmp(ep) ? TRANSPORT_SNMP : TRANSPORT_MODBUS;
	const struct request *req;
	p->identify = identify_new(p->o->library, t, err);
	if (!p->identify)
		return false;
	while ((req = identify_next(p->identify))) {
		bool optional = req->kind == REQUEST_MODBUS_DEVICE_ID || req->kind == REQUEST_MODBUS_SERVER_ID;
		dialog_ask(p->d, req, p->o->timeout_ms, optional ? 0 : p->o->retries, take_identity, p);
	}
	if (identify_result(p->identify, &p->out->identity, err))
		return true;
	if (!p->answered) {
		*err = p->last;
		return err_wrap(err, "no answer");
	}
	snprintf(p->out->why_not, sizeof p->out->why_not, "%.*s", (int)sizeof p->out->why_not - 1, err->text);
	return true;
}

static bool find_points(struct probing *p, const struct profile *profile, struct err *err)
{
	const struct request *req;
	p->discover = discover_new(profile, NULL, 0, err);
	if (!p->discover)
		return false;
	while ((req = discover_next(p->discover)))
		dialog_ask(p->d, req, p->o->timeout_ms, p->o->retries, take_discovery, p);
	p->out->bound = discover_finish(p->discover, err);
	if (p->out->bound)
		return true;
	if (!p->answered && p->last.text[0]) {
		*err = p->last;
		return err_wrap(err, "no answer");
	}
	return err_wrap(err, "profile %s", profile->name);
}

static bool room_for_values(struct probe *out)
{
	size_t n = out->bound->n + 1;
	out->samples = calloc(n, sizeof *out->samples);
	out->words = calloc(n * PROBE_WORDS, sizeof *out->words);
	out->n_words = calloc(n, 1);
	for (size_t i = 0; out->samples && i < n; i++)
		out->samples[i] = (struct sample){ .series = (uint32_t)i, .quality = QUALITY_MISSING, .reason = REASON_NOT_POLLED };
	return out->samples && out->words && out->n_words;
}

/* Polls until the device teaches nothing more: each lesson makes a smaller or differently cut plan. */
static bool poll_values(struct probing *p, struct err *err)
{
	struct probe *out = p->out;
	if (!room_for_values(out))
		return err_memory(err);
	for (int round = 0; round < LESSONS_MAX; round++) {
		p->lesson = false;
		out->answered = 0;
		plan_free(out->plan);
		out->plan = plan_make(out->bound, &out->limits, err);
		if (!out->plan)
			return false;
		for (uint32_t i = 0; i < out->plan->n; i++)
			dialog_ask(p->d, &out->plan->requests[i], p->o->timeout_ms, p->o->retries, take_values, p);
		if (!p->lesson)
			break;
	}
	struct checks *checks = checks_make(out->bound);
	if (checks)
		checks_run(checks, out->samples, true, &out->findings);
	checks_free(checks);
	for (size_t i = 0; i < out->plan->n_dropped; i++)
		out->samples[out->plan->dropped[i]] = (struct sample){ .series = out->plan->dropped[i], .quality = QUALITY_MISSING, .reason = REASON_EXCEPTION };
	if (!out->answered && out->plan->n) {
		if (!p->answered) {
			*err = p->last;
			return err_wrap(err, "no answer");
		}
		snprintf(out->why_not, sizeof out->why_not, "%.*s", (int)sizeof out->why_not - 1, p->last.text);
	}
	return true;
}

bool probe_run(struct dialog *d, const struct endpoint *ep, const struct probe_options *o, struct probe *out, struct err *err)
{
	struct probing p = { .d = d, .o = o, .out = out };
	*out = (struct probe){ 0 };
	bool good = dialog_attach(d, ep, err) && (o->profile || find_identity(&p, ep, err));
	const struct profile *profile = o->profile ? o->profile : out->identity.profile;
	if (good && profile) {
		out->identity.profile = profile;
		good = find_points(&p, profile, err) && poll_values(&p, err);
	}
	identify_free(p.identify);
	discover_free(p.discover);
	dialog_detach(d);
	if (!good)
		probe_done(out);
	return good;
}

void probe_done(struct probe *p)
{
	plan_free(p->plan);
	bound_free(p->bound);
	plan_limits_done(&p->limits);
	buf_done(&p->findings);
	free(p->samples);
	free(p->words);
	free(p->n_words);
	*p = (struct probe){ 0 };
}
