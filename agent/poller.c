#include "agent/poller_inner.h"
#include "publish/snapshot.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

/* ---- services for lives --------------------------------------------------------------------------------------------- */

struct stamp poller_now(const struct poller *p)
{
	return p->o.clock.now(p->o.clock.ctx);
}

static void want_soon(struct poller *p)
{
	if (p->soon && !p->running)
		sd_event_source_set_enabled(p->soon, SD_EVENT_ONESHOT);
}

void poller_ask(struct life *l, const struct request *req, struct stamp now)
{
	/* `now` is when this batch of work began: with thousands of devices that may be long ago */
	int64_t end = poller_now(l->p).boot.ms + l->deadline_ms;
	(void)now;
	l->ops->submit(l->target, req, (struct mono){ end });
	want_soon(l->p);
}

static void count_time(struct poller *p, int64_t us)
{
	size_t i = 0;
	while (i < POLL_BUCKETS - 1 && us > poll_bucket_us[i])
		i++;
	p->times[i]++;
	p->times_sum_us += us;
}

void poller_over(struct life *l, enum cycle result, struct stamp now)
{
	struct poller *p = l->p;
	struct sched_state st;
	sched_end(p->sched, l->unit, result, now.boot);
	sched_state(p->sched, l->unit, &st);
	if (l->polls)
		count_time(p, l->cycle_us);
	if (st.breaker == BREAKER_OPEN && !l->was_down) {
		l->was_down = true;
		l->state = "down";
		poller_event(l, "down", now, "no answer %u times in a row, tried once a minute from now on: %s", st.silent, l->error ? l->error : "");
	}
	want_soon(p);
}

void poller_event(struct life *l, const char *kind, struct stamp now, const char *fmt, ...)
{
	char text[600];
	va_list args;
	if (!l->p->o.sink.event)
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	l->p->o.sink.event(l->p->o.sink.ctx, l->index, kind, text, now);
}

struct library *poller_library(const struct poller *p)
{
	return p->o.library;
}

const char *poller_secret(struct poller *p, const char *name)
{
	return p->o.secret ? p->o.secret(p->o.ctx, name) : NULL;
}

const char *poller_limits(const struct life *l)
{
	return l->p->o.sink.limits ? l->p->o.sink.limits(l->p->o.sink.ctx, l->index) : NULL;
}

void poller_learnt(struct life *l)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	plan_limits_text(&l->limits, &text);
	if (l->p->o.sink.learnt && text.data)
		l->p->o.sink.learnt(l->p->o.sink.ctx, l->index, text.data);
}

/* ---- running ------------------------------------------------------------------------------------------------------------ */

static void on_reading(void *ctx, void *device, const struct reading *reading)
{
	(void)ctx;
	life_answer(device, reading);
}

/* Begins what is due and sends it. */
static void run(struct poller *p, struct stamp now)
{
	uint32_t unit;
	bool trial, was = p->running;
	p->running = true;
	while (sched_begin(p->sched, now.boot, &unit, &trial))
		life_begin(p->by_unit[unit], now, trial);
	for (size_t i = 0; i < p->n_started; i++)
		p->started[i].ops->flush(p->started[i].self);
	p->running = was;
}

static void arm(struct poller *p)
{
	if (!p->timer)
		return;
	int64_t next = poller_next(p).ms, now = poller_now(p).boot.ms, latest = now + LATEST_MS;
	next = next > latest ? latest : next;
	next = (next + TICK_MS - 1) / TICK_MS * TICK_MS;
	sd_event_source_set_time(p->timer, next > now ? (uint64_t)next * 1000 : (uint64_t)now * 1000);
	sd_event_source_set_enabled(p->timer, SD_EVENT_ONESHOT);
}

void poller_tick(struct poller *p, struct stamp now)
{
	p->running = true;
	for (size_t i = 0; i < p->n_started; i++)
		p->started[i].ops->expire(p->started[i].self, now.boot);
	run(p, now);
	p->running = false;
	poller_deliver(p, now);
	arm(p);
}

struct mono poller_next(const struct poller *p)
{
	struct mono next = sched_next(p->sched);
	for (size_t i = 0; i < p->n_started; i++) {
		struct mono t = p->started[i].ops->next(p->started[i].self);
		if (t.ms < next.ms)
			next = t;
	}
	if (p->n_samples) {
		int64_t tick = (poller_now(p).boot.ms / TICK_MS + 1) * TICK_MS;
		next.ms = tick < next.ms ? tick : next.ms;
	}
	return next;
}

static int on_timer(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct poller *p = ctx;
	(void)source, (void)usec;
	poller_tick(p, poller_now(p));
	return 0;
}

static int on_soon(sd_event_source *source, void *ctx)
{
	struct poller *p = ctx;
	(void)source;
	run(p, poller_now(p));
	arm(p);
	return 0;
}

/* ---- devices ---------------------------------------------------------------------------------------------------------------- */

static void *collector_of(struct poller *p, const struct collector_ops *ops, struct err *err)
{
	for (size_t i = 0; i < p->n_started; i++)
		if (p->started[i].ops == ops)
			return p->started[i].self;
	if (p->n_started == COLLECTORS_MAX) {
		err_set(err, ERR_INTERNAL, "more than %d collectors", COLLECTORS_MAX);
		return NULL;
	}
	void *self = ops->start(&p->env, err);
	if (self) {
		p->started[p->n_started].ops = ops;
		p->started[p->n_started++].self = self;
	}
	return self;
}

static const struct collector_ops *ops_for(const struct poller *p, const char *scheme)
{
	for (const struct collector_ops *const *c = p->o.collectors; *c; c++)
		for (const char *const *s = (*c)->schemes; *s; s++)
			if (strcmp(*s, scheme) == 0)
				return *c;
	return NULL;
}

static bool keep_unit(struct poller *p, struct life *l)
{
	if (l->unit >= p->n_units) {
		size_t n = l->unit + 256;
		struct life **units = realloc(p->by_unit, n * sizeof *units);
		if (!units)
			return false;
		p->by_unit = units;
		p->n_units = n;
	}
	p->by_unit[l->unit] = l;
	return true;
}

static unsigned slots_of(const struct endpoint *ep)
{
	const char *text = endpoint_option(ep, "max_connections");
	long n = text ? strtol(text, NULL, 10) : 1;
	return n >= 1 && n <= 64 ? (unsigned)n : 1;
}

/* It stays in the list, down, with its sentence: the others go on (R7). */
static void cannot_attach(struct poller *p, struct life *l, struct err *err)
{
	if (!err->text[0])
		err_memory(err);
	life_error(l, err->text);
	l->state = "down";
	poller_event(l, "down", poller_now(p), "cannot be read: %s", err->text);
}

static void attach(struct poller *p, struct life *l)
{
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf bus = { 0 };
	if (!strcmp(l->state, "down"))
		return;
	l->ops = ops_for(p, l->ep->scheme);
	if (!l->ops)
		err_set(&err, ERR_CONFIG, "nothing here reads %s endpoints", l->ep->scheme);
	l->collector = l->ops ? collector_of(p, l->ops, &err) : NULL;
	l->target = l->collector ? l->ops->attach(l->collector, l->ep, l, &err) : NULL;
	endpoint_bus(l->ep, &bus);
	l->slots = slots_of(l->ep);
	l->bus = l->target ? buf_take(&bus) : NULL;
	free(l->ep);            /* the collector keeps what it needs of it */
	l->ep = NULL;
	if (!l->target || !l->bus)
		cannot_attach(p, l, &err);
}

/* Once all are attached: that takes long with thousands of them, and their first cycles are to begin from then on. */
static void schedule(struct poller *p, struct life *l)
{
	struct err err = { 0 };
	l->unit = sched_add(p->sched, l->bus, l->slots, l->period_ms, poller_now(p).boot);
	free(l->bus);
	l->bus = NULL;
	if (l->unit != UINT32_MAX && keep_unit(p, l))
		return;
	if (l->unit != UINT32_MAX)
		sched_remove(p->sched, l->unit);
	l->unit = UINT32_MAX;
	cannot_attach(p, l, &err);
}

static void detach(struct poller *p, struct life *l)
{
	l->running = false;
	if (l->target)
		l->ops->detach(l->target);
	if (l->unit != UINT32_MAX)
		sched_remove(p->sched, l->unit);
	life_free(l);
}

/* The life of the same device, nearest place first: most stay where they were. */
static struct life *take_same(struct poller *p, struct life **lives, size_t n, size_t from, const struct device *d)
{
	char *key = n ? life_key(p, d) : NULL;
	struct life *found = NULL;
	for (size_t k = 0; key && k < n && !found; k++) {
		size_t i = (from + k) % n;
		if (!lives[i] || strcmp(lives[i]->key, key) != 0 || !life_fits(lives[i], p->o.library))
			continue;
		found = lives[i];
		lives[i] = NULL;
	}
	free(key);
	return found;
}

bool poller_reload(struct poller *p, const struct site *site, struct library *library, struct poller_change *out, struct err *err)
{
	size_t n = site->devices.n, n_old = p->n;
	struct life **lives = calloc(n ? n : 1, sizeof *lives), **old = p->lives;
	if (!lives)
		return err_memory(err);
	p->o.site = site;
	p->o.library = library;
	*out = (struct poller_change){ .removed = n_old };
	for (size_t i = 0; i < n; i++) {
		const struct device *d = &site_devices(site)[i];
		struct life *l = take_same(p, old, n_old, i, d);
		lives[i] = l ? l : life_new(p, i, d);
		out->kept += l != NULL;
		out->removed -= l != NULL;
		out->added += !l;
		if (!lives[i])
			continue;
		lives[i]->index = i;
		if (lives[i]->ep)
			lives[i]->ep->credential = d->credential;
		if (l && l->period_ms != d->poll_ms) {
			l->period_ms = d->poll_ms;
			sched_period(p->sched, l->unit, d->poll_ms, poller_now(p).boot);
		}
	}
	p->lives = lives;
	p->n = n;
	bool good = true;
	for (size_t i = 0; i < n; i++) {
		if (!lives[i])
			good = false;
		else if (!lives[i]->target)
			attach(p, lives[i]);   /* before the old ones go: what both share stays open */
	}
	for (size_t i = 0; i < n; i++)
		if (lives[i] && lives[i]->bus)
			schedule(p, lives[i]);
	for (size_t i = 0; i < n_old; i++)
		if (old[i])
			detach(p, old[i]);
	free(old);
	arm(p);
	return good ? true : err_memory(err);
}

/* ---- life of the poller ------------------------------------------------------------------------------------------------------- */

static bool open_sources(struct poller *p, struct err *err)
{
	if (!p->o.loop)
		return true;
	if (sd_event_add_time(p->o.loop, &p->timer, CLOCK_BOOTTIME, 0, 1, on_timer, p) < 0 ||
	    sd_event_add_defer(p->o.loop, &p->soon, on_soon, p) < 0)
		return err_set(err, ERR_INTERNAL, "cannot add the poller to the event loop");
	/* Answers that are there first, then what follows from them, together. */
	sd_event_source_set_priority(p->soon, SD_EVENT_PRIORITY_NORMAL + 1);
	sd_event_source_set_enabled(p->soon, SD_EVENT_OFF);
	return true;
}

static const char *give_secret(void *ctx, const char *name)
{
	return poller_secret(ctx, name);
}

struct poller *poller_new(const struct poller_options *o, struct err *err)
{
	struct poller *p = calloc(1, sizeof *p);
	if (!p) {
		err_memory(err);
		return NULL;
	}
	p->o = *o;
	p->env = (struct collector_env){ .loop = o->loop, .clock = o->clock, .sink = on_reading, .ctx = p, .seed = o->seed,
					 .secret = o->secret ? give_secret : NULL };
	p->sched = sched_new((struct sched_options){ .seed = o->seed }, poller_now(p).boot);
	struct poller_change all;
	if (!p->sched || !open_sources(p, err) || !poller_reload(p, o->site, o->library, &all, err)) {
		poller_free(p);
		return NULL;
	}
	return p;
}

void poller_free(struct poller *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->n; i++)
		if (p->lives[i])
			detach(p, p->lives[i]);
	for (size_t i = 0; i < p->n_started; i++)
		p->started[i].ops->stop(p->started[i].self);
	sd_event_source_unref(p->timer);
	sd_event_source_unref(p->soon);
	sched_free(p->sched);
	free(p->lives);
	free(p->by_unit);
	free(p->samples);
	free(p);
}

size_t poller_hint(struct poller *p, const uint8_t address[16], struct stamp now)
{
	enum { AGAIN_MS = 10000 };
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++) {
		struct life *l = p->lives[i];
		if (!l->target || !l->ops->at || !l->ops->at(l->target, address) || (l->hinted.ms && now.boot.ms - l->hinted.ms < AGAIN_MS) ||
		    !sched_early(p->sched, l->unit, now.boot))
			continue;
		l->hinted = now.boot;
		n++;
		poller_event(l, "trap", now, "sent a trap and is polled early");
	}
	if (n)
		want_soon(p);
	return n;
}

size_t poller_count(const struct poller *p)
{
	return p->n;
}

void poller_device(const struct poller *p, size_t i, struct poller_device *out)
{
	const struct life *l = p->lives[i];
	struct sched_state st = { .next = { INT64_MAX } };
	if (l->unit != UINT32_MAX)
		sched_state(p->sched, l->unit, &st);
	*out = (struct poller_device){ .id = l->id, .profile = l->profile ? l->profile->name : NULL, .endpoint = l->endpoint_text, .state = l->state,
		.polls = l->polls, .good = l->good, .failures = l->failures, .timeouts = l->timeouts, .late = st.late, .latency_us = l->latency_us,
		.last_good = l->last_good, .error = l->error, .bound = l->shared ? l->shared->bound : NULL,
		.breaker = breaker_names[st.breaker], .next_ms = st.next.ms };
	if (l->target)
		l->ops->stats(l->target, &out->stats);
	out->bus_time_us = out->stats.bus_time_us;
}

void poller_times(const struct poller *p, uint64_t counts[POLLER_BUCKETS], int64_t *sum_us)
{
	memcpy(counts, p->times, sizeof p->times);
	*sum_us = p->times_sum_us;
}
