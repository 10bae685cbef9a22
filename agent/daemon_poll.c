/* What the poller says goes on: series to the registry, samples to the pipeline, events to the log and to MQTT. */
#include "agent/daemon.h"
#include "agent/statement.h"
#include "agent/learnt.h"
#include "agent/wiring.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *give_secret(void *ctx, const char *name)
{
	struct daemon *d = ctx;
	struct err err = { 0 };
	const char *secret = secret_get(d->secrets, name, &err);
	if (!secret)
		log_line(LOG_ERROR, name, clock_now(&d->clock).boot, "%s", err.text);
	return secret;
}

static uint32_t on_series(void *ctx, size_t device, const struct bound *bound, size_t point)
{
	struct daemon *d = ctx;
	if (point == 0)
		daemon_record_profile(d, bound->profile);
	return registry_point(d->registry, site_devices(d->setup->site)[device].id, (uint16_t)device, bound, point);
}

bool daemon_wire_discovered(struct daemon *d, struct err *err)
{
	struct ledger_wiring *fresh;
	if (!registry_learnt(d->registry))
		return true;
	if (!wiring_make(d->setup->site, d->setup->library, d->registry, 0, &fresh, err))
		return false;
	if (wiring_equal(d->setup->site, d->wiring, fresh)) {
		free(fresh);
		registry_rewired(d->registry);
		return true;
	}
	if (!pipeline_reload(d->pipeline, d->setup, amending_site(d->amending), fresh, d->record, d->reader, clock_now(&d->clock), err)) {
		free(fresh);
		return false;
	}
	free(d->wiring);
	d->wiring = fresh;
	registry_rewired(d->registry);
	return true;
}

void daemon_push(struct daemon *d, const struct sample *samples, size_t n, struct stamp now)
{
	struct err err = { 0 };
	/* a register that means something else from this reading on must not be taken for the old one */
	if (!daemon_tell_store(d, &err) || (registry_remeant(d->registry) && !daemon_wire_discovered(d, &err)) || !pipeline_push(d->pipeline, samples, n, now, &err))
		log_line(LOG_ERROR, "evidence", now.boot, "%s", err.text);
}

static void on_samples(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct daemon *d = ctx;
	registry_keep(d->registry, samples, n);
	daemon_push(d, samples, n, now);
}

static void on_device_event(void *ctx, size_t device, const char *kind, const char *sentence, struct stamp now)
{
	struct daemon *d = ctx;
	struct device_event ev = device_events_take(d->events, site_devices(d->setup->site)[device].id, kind, sentence, now);
	if (d->mqtt)
		mqtt_event(d->mqtt, &(struct mqtt_event){ ev.n, ev.at, ev.device, ev.kind, ev.sentence });
}

static void device_line(void *ctx, bool good, const char *text)
{
	struct daemon *d = ctx;
	log_line(good ? LOG_NOTICE : LOG_WARN, NULL, clock_now(&d->clock).boot, "%s", text);
}

/* Limits that a device taught survive a restart. */
static void on_learnt(void *ctx, size_t device, const char *limits)
{
	struct daemon *d = ctx;
	struct err err = { 0 };
	const char *id = site_devices(d->setup->site)[device].id;
	if (!learnt_put(d->state_dir, id, limits, &err))
		log_line(LOG_WARN, "learnt", clock_now(&d->clock).boot, "%s: what it taught is not kept: %s", id, err.text);
}

static const char *kept_limits(void *ctx, size_t device)
{
	struct daemon *d = ctx;
	buf_reset(&d->limits);
	return learnt_get(d->state_dir, site_devices(d->setup->site)[device].id, &d->limits) ? d->limits.data : NULL;
}

bool daemon_open_poller(struct daemon *d, struct err *err)
{
	if (!(d->events = device_events_new(device_line, d)))
		return err_memory(err);
	struct poller_options po = { .loop = d->loop, .clock = clock_ops_of(&d->clock), .collectors = collectors, .library = d->setup->library,
				     .site = d->setup->site, .secret = give_secret, .ctx = d, .seed = (uint64_t)getpid() << 20 ^ d->clock.session,
				     .sink = { .series = on_series, .samples = on_samples, .event = on_device_event, .learnt = on_learnt, .limits = kept_limits, .ctx = d } };
	return (d->poller = poller_new(&po, err)) != NULL;
}

static void on_trap(void *ctx, const struct trap_notice *n)
{
	struct daemon *d = ctx;
	poller_hint(d->poller, n->from, clock_now(&d->clock));
}

static void on_trap_trouble(void *ctx, const char *sentence)
{
	log_line(LOG_WARN, "traps", clock_now(&((struct daemon *)ctx)->clock).boot, "traps: %s", sentence);
}

bool daemon_open_traps(struct daemon *d, struct err *err)
{
	const struct traps_options to = { .loop = d->loop, .listen = d->setup->site->traps.listen, .trap = on_trap, .trouble = on_trap_trouble, .ctx = d };
	return !to.listen || (d->traps = traps_start(&to, err));
}
