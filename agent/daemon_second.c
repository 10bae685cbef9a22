/* What happens each second and on a signal: time passes, the picture is drawn anew, whoever waits is told. */
#include "agent/daemon.h"
#include "agent/statement.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>

static struct picture_inputs picture_of(struct daemon *d)
{
	return (struct picture_inputs){ .setup = d->setup, .tree = &d->tree, .wiring = d->wiring, .registry = d->registry, .poller = d->poller, .device_events = d->events,
					.pipeline = d->pipeline, .store = d->store, .mqtt = d->mqtt,
					.now = clock_now(&d->clock), .clock = &d->clock, .loaded = d->loaded, .phase = d->phase };
}

/* One that was begun before a reload shows a site that is no more. */
static struct snapshot *draft(struct daemon *d, const struct picture_inputs *in)
{
	if (d->draft && d->draft->site != d->setup->site) {
		snapshot_put(d->draft);
		d->draft = NULL;
	}
	if (!d->draft)
		d->draft = picture_begin(in);
	return d->draft;
}

void daemon_show(struct daemon *d)
{
	char sentence[300];
	if (!d->slot)
		return;                 /* --import-only: nobody looks */
	struct picture_inputs in = picture_of(d);
	in.judgement = d->judge ? judge_latest(d->judge, sentence, sizeof sentence) : NULL;
	struct snapshot *s = draft(d, &in);
	d->draft = NULL;
	if (s && (s = picture_finish(&in, s)))
		snapshot_set(d->slot, s);
	judgement_put(in.judgement);
}

/* A broker that is away for some seconds is one line a minute, and one when it is back; reports wait in the outbox. */
static void tell_broker(struct daemon *d, const struct mqtt_status *mqtt)
{
	enum { PATIENCE_S = 5 };
	struct mono now = clock_now(&d->clock).boot;
	if (!d->mqtt || mqtt->connected) {
		if (d->broker_away_s > PATIENCE_S)
			log_line(LOG_NOTICE, NULL, now, "mqtt: %s", mqtt->sentence);
		d->broker_away_s = 0;
	} else if (++d->broker_away_s > PATIENCE_S) {
		log_line(LOG_WARN, "mqtt", now, "mqtt: %s; reports wait in the outbox", mqtt->sentence);
	}
}

/* Once a second: time passes for the ledger, a new picture, the service manager hears that we live. */
static void tell_manager(struct daemon *d)
{
	struct judgement *j = NULL;
	struct mqtt_status mqtt = { 0 };
	size_t up = 0, n = poller_count(d->poller);
	char sentence[300], pue[40] = "none yet";
	for (size_t i = 0; i < n; i++) {
		struct poller_device state;
		poller_device(d->poller, i, &state);
		up += !strcmp(state.state, "up");
	}
	if (d->mqtt)
		mqtt_status(d->mqtt, &mqtt);
	tell_broker(d, &mqtt);
	struct store_status store;
	store_status(d->store, &store);
	if ((j = judge_latest(d->judge, sentence, sizeof sentence)) && j->month.kind != KPI_NONE)
		pue_text(j->month.total_mwh, j->month.it_mwh, setup_pue_limit(d->setup), 3, pue, sizeof pue);
	sd_notifyf(0, "WATCHDOG=1\nSTATUS=%zu/%zu devices, iPUE%d of the month %s, outbox %llu", up, n,
		   j ? j->month.category : 0, pue, (unsigned long long)store.outbox_pending);
	judgement_put(j);
	if (store.state != STORE_OK)
		log_line(LOG_ERROR, "store", clock_now(&d->clock).boot, "%s", store.sentence);
	else if (store.housekeeping[0])
		log_line(LOG_WARN, "upkeep", clock_now(&d->clock).boot, "the store needs attention: %s", store.housekeeping);
}

/* A commit is queued first and durable later: who reads the store hears of it when it is there. */
static void tell_readers(struct daemon *d)
{
	struct store_status store;
	struct pipeline_state state;
	store_status(d->store, &store);
	pipeline_state(d->pipeline, &state);
	if (!d->closed || store.durable_leaves < state.committed)
		return;
	d->closed = false;
	judge_wake(d->judge);
	if (d->mqtt)
		mqtt_wake(d->mqtt);
}

/* Reading the site and the first look at thousands of devices leave much free memory behind, in small pieces. */
static void give_back(struct daemon *d)
{
	enum { WORTH_IT = 3 << 20, EVERY_S = 10 };
	if (d->seconds++ % EVERY_S)
		return;
	size_t unused = mallinfo2().fordblks;
	if (unused > d->unused + WORTH_IT) {
		malloc_trim(1 << 20);
		unused = mallinfo2().fordblks;      /* pages given back still count in it */
		d->unused = unused;
	} else if (unused < d->unused) {
		d->unused = unused;
	}
}

static int on_second(sd_event_source *source, uint64_t usec, void *ctx)
{
	struct daemon *d = ctx;
	struct stamp now = clock_now(&d->clock);
	struct err err = { 0 };
	if (!statement_collect(d->state_dir, &d->statements_seen, d->reader, d->amending, d->pipeline, now, &err))
		log_line(LOG_ERROR, "statements", now.boot, "%s", err.text);
	daemon_record(d, now);
	daemon_push(d, NULL, 0, now);
	if (!daemon_wire_discovered(d, &err)) {
		log_line(LOG_ERROR, NULL, now.boot, "%s", err.text);
		return sd_event_exit(d->loop, err_exit_code(&err));
	}
	device_events_tick(d->events, now);
	tell_readers(d);
	daemon_show(d);
	tell_manager(d);
	give_back(d);
	sd_event_source_set_time(source, usec + 1000000);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

/* Some devices of the next picture: all of 10,000 at once would make polls wait. */
static int on_part(sd_event_source *source, uint64_t usec, void *ctx)
{
	enum { PARTS_A_SECOND = 40, AT_LEAST = 250 };
	struct daemon *d = ctx;
	struct picture_inputs in = picture_of(d);
	struct snapshot *s = draft(d, &in);
	size_t share = d->setup->site->devices.n / (PARTS_A_SECOND - PARTS_A_SECOND / 8);
	if (s)
		picture_devices(&in, s, share > AT_LEAST ? share : AT_LEAST);
	sd_event_source_set_time(source, usec + 1000000 / PARTS_A_SECOND);
	return sd_event_source_set_enabled(source, SD_EVENT_ONESHOT);
}

static int on_stop(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	struct daemon *d = ctx;
	(void)source;
	log_line(LOG_NOTICE, NULL, clock_now(&d->clock).boot, "stopping on signal %u", info->ssi_signo);
	return sd_event_exit(d->loop, 0);
}

static int on_reload(sd_event_source *source, const struct signalfd_siginfo *info, void *ctx)
{
	(void)source, (void)info;
	daemon_reload(ctx);
	return 0;
}

bool daemon_open_loop(struct daemon *d, struct err *err)
{
	enum { MANY_DEVICES = 1000 };
	uint64_t now;
	if (sd_event_default(&d->loop) < 0 || sd_event_now(d->loop, CLOCK_BOOTTIME, &now) < 0 ||
	    sd_event_add_signal(d->loop, NULL, SIGTERM, on_stop, d) < 0 || sd_event_add_signal(d->loop, NULL, SIGINT, on_stop, d) < 0 ||
	    sd_event_add_signal(d->loop, NULL, SIGHUP, on_reload, d) < 0 ||
	    sd_event_add_time(d->loop, NULL, CLOCK_BOOTTIME, now + 1000000, 10000, on_second, d) < 0 ||
	    (d->setup->site->devices.n >= MANY_DEVICES && sd_event_add_time(d->loop, NULL, CLOCK_BOOTTIME, now + 100000, 10000, on_part, d) < 0))
		return err_set(err, ERR_INTERNAL, "cannot start the event loop");
	return true;
}
