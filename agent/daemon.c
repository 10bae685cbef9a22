/* How a pued comes up, in order, and how it ends. */
#include "agent/daemon.h"
#include "agent/recorded.h"
#include "agent/series_page.h"
#include "agent/statement.h"
#include "agent/wiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

static bool clock_offset_of(void *ctx, int64_t *us)
{
	return clock_offset(&((struct daemon *)ctx)->clock, us);
}

static void on_closed(void *ctx, struct wall end)
{
	struct daemon *d = ctx;
	(void)end;
	d->closed = true;
}

static bool open_store(struct daemon *d, struct err *err)
{
	struct store_options so = { .dir = d->state_dir, .now = clock_wall(&d->clock), .retention_days = d->setup->site->raw_days,
				   .undelivered_days = d->setup->site->mqtt.outbox_days };
	struct restart r = { 0 };
	if (!(d->store = store_open(&so, err)) || !store_restart(d->store, &r, err))
		return false;
	d->clock.session = r.session * SESSIONS_A_RUN + SESSIONS_A_RUN - 1;
	restart_done(&r);
	snprintf(d->keys_dir, sizeof d->keys_dir, "%s/keys", d->state_dir);
	return (d->reader = reader_open(d->state_dir, err)) && (d->signer = signer_of_site(d->setup->site, d->keys_dir, err));
}

/* Meters get their series before any device answers, so that the ledger's wiring never changes under it. */
static bool open_ledger(struct daemon *d, struct err *err)
{
	if (!(d->registry = registry_new()))
		return err_memory(err);
	return tree_init(&d->tree, d->setup->site, err) && wiring_make(d->setup->site, d->setup->library, d->registry, 0, &d->wiring, err);
}

bool daemon_tell_store(struct daemon *d, struct err *err)
{
	enum { AT_ONCE = 512 };
	struct series rows[AT_ONCE];
	size_t from, end = registry_count(d->registry);
	if (!registry_untold(d->registry, &from))
		return true;
	while (from < end) {
		size_t n = end - from < AT_ONCE ? end - from : AT_ONCE;
		for (size_t i = 0; i < n; i++)
			rows[i] = registry_facts(d->registry, (uint32_t)(from + i)).row;
		if (!store_series_from(d->store, from, rows, n, err))
			return false;
		from += n;
	}
	registry_told(d->registry);
	return true;
}

/* Registers whose scale only the device knew, and the poll distance after an import. */
static bool rewire(struct daemon *d, struct err *err)
{
	struct ledger_wiring *fresh;
	if (!wiring_make(d->setup->site, d->setup->library, d->registry, 0, &fresh, err))
		return false;
	free(d->wiring);
	d->wiring = fresh;
	return true;
}

bool daemon_pipeline(struct daemon *d, bool reports, struct err *err)
{
	struct pipeline_options po = { .setup = d->setup, .wiring = d->wiring, .store = d->store, .signer = d->signer ? signer_ops(d->signer) : NULL,
				       .reports = reports, .closed = on_closed, .interval = reports ? NULL : daemon_import_interval, .clock_offset = clock_offset_of, .ctx = d };
	struct stamp now = clock_now(&d->clock);
	pipeline_free(d->pipeline);
	d->pipeline = NULL;
	amending_free(d->amending);
	d->amending = NULL;
	if (!daemon_tell_store(d, err) || !store_flush(d->store, err) || !(d->amending = amending_load(d->state_dir, d->setup->site, d->reader, err)))
		return false;
	po.site = amending_site(d->amending);
	if (!(d->pipeline = pipeline_new(&po, d->reader, now, err)))
		return false;
	return daemon_record_setup(d, now, err);
}

bool daemon_open_pages(struct daemon *d, struct err *err)
{
	const struct site *site = d->setup->site;
	struct http_options ho = { .address = site->http.address, .port = (uint16_t)(d->o.http_port >= 0 ? d->o.http_port : site->http.port), .slot = d->slot };
	if (!(d->slot) && !(d->slot = snapshot_slot_new()))
		return err_memory(err);
	ho.slot = d->slot;
	static const struct http_page pages[] = { { "/api/v1/sum", sum_answer }, { "/api/v1/latest", latest_answer }, { "/api/v1/energy", energy_answer }, { NULL } };
	d->history = (struct history_page){ d->state_dir, clock_wall, &d->clock, d->slot };
	ho.pages = pages;
	ho.history = history_answer;
	ho.ctx = &d->history;
	daemon_show(d);
	if (!(d->http = http_start(&ho, err)))
		return false;
	log_line(LOG_NOTICE, NULL, clock_now(&d->clock).boot, "pages: http://%s:%u/", ho.address, http_port(d->http));
	return true;
}

bool daemon_open_mqtt(struct daemon *d, struct err *err)
{
	const struct site *site = d->setup->site;
	if (!site->mqtt.host)
		return true;
	const char *password = site->mqtt.password ? secret_get(d->secrets, site->mqtt.password, err) : NULL;
	if (site->mqtt.password && !password)
		return err_wrap(err, "mqtt");
	struct mqtt_options mo = { .site = site, .password = password, .outbox = store_outbox(), .store = d->store, .wall = clock_wall, .clock = &d->clock };
	if (!(d->mqtt = mqtt_start(&mo, err)))
		return false;
	d->mqtt_setup = setup_get(d->setup);
	return true;
}

bool daemon_start(struct daemon *d, struct err *err)
{
	CLEANUP(buf_done) struct buf report = { 0 };
	if (!(d->setup = setup_open(d->o.config, &report, err))) {
		if (err->kind == ERR_IO)
			err->kind = ERR_CONFIG;         /* starting again would not help: 78 keeps the service manager from it */
		if (report.len) {
			log_line(LOG_ERROR, NULL, (struct mono){ 0 }, "%s", report.data);
			err_set(err, ERR_CONFIG, "%s is not good; nothing was started. `puectl check` says the same", d->o.config);
		}
		return false;
	}
	if (d->setup->warnings.len)
		fputs(d->setup->warnings.data, stderr);
	if (d->o.clock_offset_ms && !d->setup->site->simulated)
		return err_set(err, ERR_USAGE, "--clock-offset is only for a site with 'simulated: true'");
	d->clock.offset_ms = d->o.clock_offset_ms;
	d->clock.simulated = d->setup->site->simulated;
	d->loaded = clock_wall(&d->clock);
	d->state_dir = strdup(d->o.state_dir ? d->o.state_dir : d->setup->site->state_dir);
	if (!d->state_dir || !(d->secrets = secrets_new(d->state_dir)))
		return err_memory(err);
	return open_store(d, err) && open_ledger(d, err);
}

/* History first: the pages are there from the beginning and say what goes on. */
bool daemon_import_first(struct daemon *d, struct err *err)
{
	snprintf(d->phase, sizeof d->phase, "folding recorded readings");
	d->o.step_given = d->o.import_step_ms > 0;
	if (!d->o.step_given && !recorded_poll(d->o.import, &d->o.import_step_ms, err))
		return false;
	if (!d->o.import_step_ms)
		d->o.import_step_ms = IMPORT_STEP_MS;
	for (size_t i = 0; i < d->setup->site->meters.n; i++)
		d->wiring[i].poll_ms = d->o.import_step_ms;
	/* what was stated about the recorded time is known from its beginning */
	return daemon_pipeline(d, false, err) &&
	       statement_collect(d->state_dir, &d->statements_seen, d->reader, d->amending, d->pipeline, clock_now(&d->clock), err) &&
	       (d->o.import_only || daemon_open_pages(d, err)) && daemon_import(d, err);
}

bool daemon_go_live(struct daemon *d, struct err *err)
{
	snprintf(d->phase, sizeof d->phase, "live");
	if ((d->o.import && !rewire(d, err)) || !daemon_pipeline(d, true, err))
		return false;
	if (!d->judge && !(d->judge = judge_start(d->setup, d->state_dir, clock_wall, &d->clock, err)))
		return false;
	if ((!d->http && !daemon_open_pages(d, err)) || !daemon_open_mqtt(d, err) || !daemon_open_loop(d, err) || !daemon_open_poller(d, err) || !daemon_open_traps(d, err))
		return false;
	judge_wake(d->judge);
	return true;
}

void daemon_stop(struct daemon *d)
{
	struct err err = { 0 };
	reloading_free(d->reloading);
	traps_stop(d->traps);
	poller_free(d->poller);
	sd_event_unref(d->loop);
	mqtt_stop(d->mqtt);
	http_stop(d->http);
	judge_stop(d->judge);
	/* the last word of a run: a head over all of it */
	if (d->pipeline && !pipeline_head(d->pipeline, clock_now(&d->clock), &err))
		log_line(LOG_ERROR, NULL, clock_now(&d->clock).boot, "%s", err.text);
	if (d->store && !store_flush(d->store, &err))
		log_line(LOG_ERROR, NULL, clock_now(&d->clock).boot, "%s", err.text);
	pipeline_free(d->pipeline);
	amending_free(d->amending);
	record_free(d->record);
	reader_close(d->reader);
	store_close(d->store);
	signer_free(d->signer);
	free(d->wiring);
	tree_done(&d->tree);
	registry_free(d->registry);
	snapshot_put(d->draft);
	snapshot_slot_free(d->slot);
	device_events_free(d->events);
	buf_done(&d->limits);
	secrets_free(d->secrets);
	setup_put(d->mqtt_setup);
	setup_put(d->setup);
	free(d->state_dir);
}
