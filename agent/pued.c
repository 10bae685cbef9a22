/* pued: polls, keeps the ledger, publishes.  Wiring only. */
#include "agent/daemon.h"
#include "agent/learnt.h"
#include "agent/recorded.h"
#include "agent/series_page.h"
#include "agent/signer.h"
#include "agent/statement.h"
#include "agent/wiring.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <locale.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <unistd.h>

static const char usage[] =
	"usage: pued --config FILE [OPTIONS]\n\n"
	"  --config FILE          site configuration (docs/configuration.md)\n"
	"  --state DIR            state directory instead of the configuration's\n"
	"  --http-port N          port of the pages instead of the configuration's; 0: any free one\n"
	"  --import FILE          fold a recording of readings into the store first ('-': standard input), then go on live\n"
	"  --import-step TIME     distance of its readings, such as 5s; else its '# poll' line, else 15m\n"
	"  --import-only          end after the import\n"
	"  --clock-offset SECONDS the site's clock is the real one plus this; only for a site with 'simulated: true'\n"
	"  --version, --help\n";

static bool want_number(const char *text, int64_t *out)
{
	char *end;
	errno = 0;
	long long v = strtoll(text, &end, 10);
	if (errno || *end || end == text)
		return false;
	*out = v;
	return true;
}

/* -1: go on; else the exit code. */
static int options(int argc, char **argv, struct daemon_options *o)
{
	static const struct option rows[] = {
		{ "config", required_argument, NULL, 'c' }, { "state", required_argument, NULL, 's' },
		{ "http-port", required_argument, NULL, 'p' }, { "import", required_argument, NULL, 'i' },
		{ "import-step", required_argument, NULL, 't' }, { "import-only", no_argument, NULL, 'e' },
		{ "clock-offset", required_argument, NULL, 'o' }, { "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' }, { 0 },
	};
	int64_t seconds = 0;
	bool good = true;
	*o = (struct daemon_options){ .http_port = -1, .progress = isatty(2) };
	for (int c; good && (c = getopt_long(argc, argv, "", rows, NULL)) != -1;) {
		switch (c) {
		case 'c': o->config = optarg; break;
		case 's': o->state_dir = optarg; break;
		case 'i': o->import = optarg; break;
		case 'e': o->import_only = true; break;
		case 'p': good = want_number(optarg, &o->http_port); break;
		case 't': good = duration_ms_parse(optarg, &o->import_step_ms) && o->import_step_ms > 0; break;
		case 'o': good = want_number(optarg, &seconds); break;
		case 'v': printf("pued %s\n", PUED_VERSION); return 0;
		case 'h': fputs(usage, stdout); return 0;
		default: good = false;
		}
	}
	o->clock_offset_ms = seconds * 1000;
	if (good && o->config && optind == argc)
		return -1;
	fputs(good && o->config ? "pued: unexpected argument\n" : !o->config && good ? "pued: --config FILE is missing\n" : "pued: an option's value is not usable\n", stderr);
	fputs(usage, stderr);
	return 64;
}

/* Before the first thread: signals go to the loop's signalfd, never to a worker. */
static void block_signals(void)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static void raise_limits(void)
{
	struct rlimit files;
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	prctl(PR_SET_DUMPABLE, 0);      /* keys and secrets are in memory */
	signal(SIGPIPE, SIG_IGN);
}

/* Measured with 10,000 devices: an arena a thread and a threshold that grows with what was freed keep tens of megabytes that nobody uses. */
static void keep_heap_small(void)
{
	enum { ARENAS = 2, OWN_MAPPING = 256 << 10, SQLITE = 1 << 20 };
	store_memory(SQLITE);
	mallopt(M_ARENA_MAX, ARENAS);
	mallopt(M_MMAP_THRESHOLD, OWN_MAPPING);
}

static const char *give_secret(void *ctx, const char *name)
{
	struct daemon *d = ctx;
	struct err err = { 0 };
	const char *secret = secret_get(d->secrets, name, &err);
	if (!secret)
		log_line(LOG_ERROR, name, clock_now(&d->clock).boot, "%s", err.text);
	return secret;
}

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

/* Poller callbacks. */

static uint32_t on_series(void *ctx, size_t device, const struct bound *bound, size_t point)
{
	struct daemon *d = ctx;
	if (point == 0)
		daemon_record_profile(d, bound->profile);
	return registry_point(d->registry, site_devices(d->setup->site)[device].id, (uint16_t)device, bound, point);
}

/* A device was discovered and said what its counts are worth: the ledger goes on with the register wired. */
static bool wire_discovered(struct daemon *d, struct err *err)
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

static void push(struct daemon *d, const struct sample *samples, size_t n, struct stamp now)
{
	struct err err = { 0 };
	/* a register that means something else from this reading on must not be taken for the old one */
	if (!daemon_tell_store(d, &err) || (registry_remeant(d->registry) && !wire_discovered(d, &err)) || !pipeline_push(d->pipeline, samples, n, now, &err))
		log_line(LOG_ERROR, "evidence", now.boot, "%s", err.text);
}

static void on_samples(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct daemon *d = ctx;
	registry_keep(d->registry, samples, n);
	push(d, samples, n, now);
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
	push(d, NULL, 0, now);
	if (!wire_discovered(d, &err)) {
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

static bool open_loop(struct daemon *d, struct err *err)
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

static bool open_poller(struct daemon *d, struct err *err)
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

static bool start(struct daemon *d, struct err *err)
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
static bool import(struct daemon *d, struct err *err)
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

static bool go_live(struct daemon *d, struct err *err)
{
	snprintf(d->phase, sizeof d->phase, "live");
	if ((d->o.import && !rewire(d, err)) || !daemon_pipeline(d, true, err))
		return false;
	if (!d->judge && !(d->judge = judge_start(d->setup, d->state_dir, clock_wall, &d->clock, err)))
		return false;
	if ((!d->http && !daemon_open_pages(d, err)) || !daemon_open_mqtt(d, err) || !open_loop(d, err) || !open_poller(d, err) || !daemon_open_traps(d, err))
		return false;
	judge_wake(d->judge);
	return true;
}

static void stop(struct daemon *d)
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

/* What the service manager handed over goes on to the program that starts anew. */
static void keep_handed_over(void)
{
	for (int i = 0, n = sd_listen_fds(0); i < n; i++)
		fcntl(SD_LISTEN_FDS_START + i, F_SETFD, 0);
}

int main(int argc, char **argv)
{
	struct daemon d = { 0 };
	struct err err = { 0 };
	setlocale(LC_CTYPE, "C.UTF-8");
	int code = options(argc, argv, &d.o);
	if (code >= 0)
		return code;
	raise_limits();
	keep_heap_small();
	if (!d.o.import_only)
		block_signals();
	code = 0;
	if (!start(&d, &err) || (d.o.import && !import(&d, &err)) || (!d.o.import_only && !go_live(&d, &err))) {
		log_line(LOG_ERROR, NULL, (struct mono){ 0 }, "%s", err.text);
		code = err_exit_code(&err);
	} else if (!d.o.import_only) {
		sd_notify(0, "READY=1");
		code = sd_event_loop(d.loop);
		sd_notify(0, "STOPPING=1");
	}
	stop(&d);
	if (code == 3) {
		keep_handed_over();
		execv("/proc/self/exe", argv);
		code = 70;
	}
	return code < 0 ? 70 : code;
}
