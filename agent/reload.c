/* A changed configuration is taken in while everything runs.
 *
 * The files are read beside the loop.  Then, between two polls: ledger and evidence go on under the new description (the commit
 * point: before it nothing has changed), devices by difference, pages and broker only where their own lines changed.  What the
 * store was opened with cannot change under it: that is taken in by a restart onto the same state. */
#include "agent/daemon.h"
#include "agent/wiring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-daemon.h>

struct reloading {
	struct daemon *d;
	struct aside *reading, *goodbye;     /* the files; the old broker's connection */
	struct mqtt *old_mqtt;
	struct setup *fresh;
	struct buf report;
	struct err err;
	bool again;                          /* asked once more meanwhile */
};

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* ---- what changed ------------------------------------------------------------------------------------------------------ */

/* The line of the configuration whose change needs a restart; NULL: none. */
static const char *needs_restart(const struct site *a, const struct site *b, bool state_given)
{
	const struct { const char *line; bool same; } rows[] = {
		{ "site.id", same_text(a->id, b->id) },
		{ "site.simulated", a->simulated == b->simulated },
		{ "store.dir", state_given || same_text(a->state_dir, b->state_dir) },
		{ "store.raw_days", a->raw_days == b->raw_days },
		{ "mqtt.keep_days", a->mqtt.outbox_days == b->mqtt.outbox_days },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (!rows[i].same)
			return rows[i].line;
	return NULL;
}

static bool same_broker(const struct site *a, const struct site *b)
{
	const char *const texts[][2] = {
		{ a->mqtt.host, b->mqtt.host }, { a->mqtt.topic, b->mqtt.topic }, { a->mqtt.ca, b->mqtt.ca }, { a->mqtt.cert, b->mqtt.cert },
		{ a->mqtt.key, b->mqtt.key }, { a->mqtt.user, b->mqtt.user }, { a->mqtt.password, b->mqtt.password },
	};
	bool same = a->mqtt.port == b->mqtt.port && a->mqtt.version == b->mqtt.version && a->mqtt.tls == b->mqtt.tls;
	for (size_t i = 0; i < countof(texts); i++)
		same = same && same_text(texts[i][0], texts[i][1]);
	return same;
}

static bool same_pages(const struct daemon *d, const struct site *a, const struct site *b)
{
	return same_text(a->http.address, b->http.address) && (d->o.http_port >= 0 || a->http.port == b->http.port);
}

/* Meters with the same numbers and the same part in the sums. */
static bool same_meters(const struct site *a, const struct site *b)
{
	const struct meter *x = site_meters(a), *y = site_meters(b);
	bool same = a->meters.n == b->meters.n;
	for (size_t i = 0; same && i < a->meters.n; i++)
		same = same_text(x[i].id, y[i].id) && x[i].role == y[i].role && same_text(x[i].parent, y[i].parent);
	return same;
}

static bool same_pack(const struct setup *a, const struct setup *b)
{
	char x[65] = "", y[65] = "";
	if (a->pack)
		pack_hash(a->pack, x);
	if (b->pack)
		pack_hash(b->pack, y);
	return !strcmp(x, y) && !strcmp(a->pack_refused, b->pack_refused);
}

/* ---- taking it in -------------------------------------------------------------------------------------------------------- */

static bool take_ledger(struct daemon *d, struct setup *fresh, struct err *err)
{
	struct tree tree = { 0 };
	struct ledger_wiring *wiring = NULL;
	struct stamp now = clock_now(&d->clock);
	bool good = tree_init(&tree, fresh->site, err) && wiring_make(fresh->site, fresh->library, d->registry, 0, &wiring, err);
	if (good) {
		registry_devices(d->registry, fresh->site);
		good = daemon_tell_store(d, err) && pipeline_reload(d->pipeline, fresh, wiring, d->record, d->reader, now, err);
	}
	if (!good) {
		registry_devices(d->registry, d->setup->site);
		free(wiring);
		tree_done(&tree);
		return false;
	}
	free(d->wiring);
	d->wiring = wiring;
	tree_done(&d->tree);
	d->tree = tree;
	return true;
}

static void log_err(struct daemon *d, const char *what, const struct err *err)
{
	log_line(LOG_ERROR, NULL, clock_now(&d->clock).boot, "%s: %s", what, err->text);
}

/* The new listener first: where it cannot open, the old one stays. */
static void take_pages(struct daemon *d)
{
	struct err err = { 0 };
	struct http *old = d->http;
	if (daemon_open_pages(d, &err)) {
		http_stop(old);
		return;
	}
	d->http = old;
	log_err(d, "the pages stay where they were", &err);
}

static void take_traps(struct daemon *d)
{
	struct err err = { 0 };
	traps_stop(d->traps);
	d->traps = NULL;
	if (!daemon_open_traps(d, &err))
		log_err(d, "no traps are received until this is mended", &err);
}

static void say_goodbye(void *ctx)
{
	struct reloading *r = ctx;
	mqtt_stop(r->old_mqtt);
	r->old_mqtt = NULL;
}

static void goodbye_said(void *ctx)
{
	struct reloading *r = ctx;
	struct daemon *d = r->d;
	struct err err = { 0 };
	setup_put(d->mqtt_setup);
	d->mqtt_setup = NULL;
	if (!daemon_open_mqtt(d, &err))
		log_err(d, "no broker until this is mended", &err);
	aside_free(r->goodbye);
	r->goodbye = NULL;
}

/* Saying goodbye to a broker takes up to a second, which no poll should wait for. */
static void take_broker(struct reloading *r)
{
	struct daemon *d = r->d;
	struct err err = { 0 };
	if (r->goodbye)
		return;                  /* the one that is going already makes room for the newest */
	r->old_mqtt = d->mqtt;
	d->mqtt = NULL;
	if (r->old_mqtt && (r->goodbye = aside_start(d->loop, say_goodbye, goodbye_said, r, &err)))
		return;
	say_goodbye(r);
	goodbye_said(r);
}

static void take_in(struct reloading *r)
{
	struct daemon *d = r->d;
	struct setup *old = d->setup, *fresh = r->fresh;
	struct err err = { 0 };
	struct poller_change change;
	struct mono before = clock_now(&d->clock).boot;
	if (!take_ledger(d, fresh, &err)) {
		log_err(d, "reload refused, the running configuration stays", &err);
		setup_put(fresh);
		return;
	}
	bool traps = !same_text(old->site->traps.listen, fresh->site->traps.listen);
	bool broker = !same_broker(d->mqtt_setup ? d->mqtt_setup->site : old->site, fresh->site), pages = !same_pages(d, old->site, fresh->site);
	d->setup = fresh;
	d->keys_seen = -1;               /* the keys that sign may be others */
	d->loaded = clock_wall(&d->clock);
	if (!poller_reload(d->poller, fresh->site, fresh->library, &change, &err)) {
		log_err(d, "reload", &err);
		sd_event_exit(d->loop, err_exit_code(&err));
		return;
	}
	judge_setup(d->judge, fresh, same_meters(old->site, fresh->site));
	if (broker)
		take_broker(r);
	if (pages)
		take_pages(d);
	if (traps)
		take_traps(d);
	daemon_show(d);
	setup_put(old);
	struct mono after = clock_now(&d->clock).boot;
	log_line(LOG_NOTICE, NULL, after, "reload: taken in within %lld ms: %zu devices go on untouched, %zu came or changed, %zu left or changed%s%s",
		 (long long)(after.ms - before.ms), change.kept, change.added, change.removed, broker ? "; the broker's connection is made anew" : "",
		 pages ? "; the pages moved" : "");
}

static void decide(struct reloading *r)
{
	struct daemon *d = r->d;
	struct setup *fresh = r->fresh;
	struct mono now = clock_now(&d->clock).boot;
	if (!fresh) {
		log_line(LOG_ERROR, NULL, now, "reload refused, the running configuration stays: %s", r->report.len ? r->report.data : r->err.text);
		return;
	}
	if (fresh->warnings.len)
		log_line(LOG_WARN, NULL, now, "%s", fresh->warnings.data);
	bool same_profiles = library_equal(d->setup->library, fresh->library);
	if (same_profiles) {
		library_free(fresh->library);
		fresh->library = library_get(d->setup->library);
	}
	secrets_renew(d->secrets);
	const char *line = needs_restart(d->setup->site, fresh->site, d->o.state_dir != NULL);
	if (fresh->site->interval_ms != d->setup->site->interval_ms) {
		log_line(LOG_ERROR, NULL, now, "reload refused, the running configuration stays: the length of intervals cannot change within one store");
		setup_put(fresh);
	} else if (line) {
		log_line(LOG_NOTICE, NULL, now, "reload: %s is good; a change of %s needs a restart, which I do now", d->o.config, line);
		setup_put(fresh);
		sd_event_exit(d->loop, 3);
	} else if (!strcmp(fresh->config_hash, d->setup->config_hash) && same_profiles && same_pack(d->setup, fresh) && !secrets_changed(d->secrets)) {
		log_line(LOG_NOTICE, NULL, now, "reload: nothing changed");
		d->loaded = clock_wall(&d->clock);
		setup_put(fresh);
	} else {
		take_in(r);
	}
}

/* ---- reading ---------------------------------------------------------------------------------------------------------------- */

static void read_files(void *ctx)
{
	struct reloading *r = ctx;
	r->fresh = setup_open(r->d->o.config, &r->report, &r->err);
}

static void start_reading(struct reloading *r);

static void files_read(void *ctx)
{
	struct reloading *r = ctx;
	decide(r);
	r->fresh = NULL;
	aside_free(r->reading);
	r->reading = NULL;
	buf_reset(&r->report);
	r->err = (struct err){ 0 };
	if (r->again)
		start_reading(r);
	else
		sd_notify(0, "READY=1");
}

static void start_reading(struct reloading *r)
{
	struct err err = { 0 };
	r->again = false;
	if ((r->reading = aside_start(r->d->loop, read_files, files_read, r, &err)))
		return;
	log_err(r->d, "reload refused, the running configuration stays", &err);
	sd_notify(0, "READY=1");
}

void daemon_reload(struct daemon *d)
{
	if (!d->reloading && !(d->reloading = calloc(1, sizeof *d->reloading)))
		return;
	struct reloading *r = d->reloading;
	r->d = d;
	sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)clock_now(&d->clock).boot.ms * 1000);
	if (r->reading)
		r->again = true;
	else
		start_reading(r);
}

void reloading_free(struct reloading *r)
{
	if (!r)
		return;
	aside_free(r->reading);
	aside_free(r->goodbye);
	mqtt_stop(r->old_mqtt);
	setup_put(r->fresh);
	buf_done(&r->report);
	free(r);
}
