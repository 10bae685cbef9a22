#include "agent/picture.h"
#include "core/balance.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A power reading speaks for the moment for so long: three polls, at least 30 s. */
static int64_t fresh_ms(const struct site *site, const struct meter *m)
{
	int64_t poll = m->device_ix >= 0 ? site_devices(site)[m->device_ix].poll_ms : 0;
	return poll * 3 > 30000 ? poll * 3 : 30000;
}

static void fill_meters(const struct picture_inputs *in, struct snapshot *s, int64_t *power, bool *known)
{
	const struct site *site = in->setup->site;
	const struct meter *meters = site_meters(site);
	s->n_meters = site->meters.n;
	s->meters = snapshot_array(s, s->n_meters, sizeof *s->meters);
	for (size_t i = 0; s->meters && i < s->n_meters; i++) {
		const struct sample *last = registry_last(in->registry, in->wiring[i].power_series);
		struct snapshot_meter *m = &s->meters[i];
		known[i] = last && sample_has_value(last) && in->now.wall.ms - last->at.wall.ms <= fresh_ms(site, &meters[i]);
		power[i] = known[i] ? last->value : 0;
		*m = (struct snapshot_meter){ .id = meters[i].id, .label = meters[i].label, .role = meters[i].role, .power_mw = power[i],
					      .power_known = known[i], .energy_day_mwh = -1 };
		if (last)
			m->at = last->at;
		if (in->wiring[i].energy_series != UINT32_MAX) {
			struct meter_view view;
			pipeline_meter(in->pipeline, (uint32_t)i, &view);
			m->energy_known = view.state != METER_UNSEEN;
			m->energy_mwh = view.cumulative_mwh;
		}
		if (in->judgement)
			m->energy_day_mwh = in->judgement->day_mwh[i];          /* known so far */
	}
}

/* One row a role: its power now and its energy of the day. */
static void fill_domains(const struct picture_inputs *in, struct snapshot *s, const int64_t *power, const bool *known, const struct live *live)
{
	static const int roles[] = { ROLE_SUPPLY, ROLE_PV, ROLE_GENERATOR, ROLE_EXPORT, ROLE_COOLING, ROLE_LIGHTING, ROLE_OTHER };
	const struct site *site = in->setup->site;
	const struct kpi *day = in->judgement ? &in->judgement->day : NULL;
	s->domains[0].domain = "it";
	s->domains[0].power_mw = live->it_mw;
	s->domains[0].power_unknown = !live->it_known;
	s->domains[0].day_mwh = day ? day->known_it_mwh : -1;
	s->n_domains = 1;
	for (size_t r = 0; r < countof(roles) && s->n_domains < countof(s->domains); r++) {
		int64_t sum, energy = 0;
		bool sum_known = live_role(in->tree, site, roles[r], power, known, &sum), energy_known = day != NULL, any = false;
		for (size_t i = 0; s->meters && i < s->n_meters; i++) {
			if (s->meters[i].role != roles[r])
				continue;
			any = true;
			energy_known = energy_known && s->meters[i].energy_day_mwh >= 0;
			energy += s->meters[i].energy_day_mwh;
		}
		if (!any)
			continue;
		s->domains[s->n_domains].domain = conf_name_of(role_names, roles[r]);
		s->domains[s->n_domains].power_mw = sum;
		s->domains[s->n_domains].power_unknown = !sum_known;
		s->domains[s->n_domains].day_mwh = energy_known ? energy : -1;
		s->n_domains++;
	}
}

static void fill_racks(const struct picture_inputs *in, struct snapshot *s, const int64_t *power, const bool *known)
{
	const struct site *site = in->setup->site;
	const struct rack *racks = site_racks(site);
	s->n_rack_rows = site->racks.n;
	s->rack_rows = snapshot_array(s, s->n_rack_rows, sizeof *s->rack_rows);
	for (size_t i = 0; s->rack_rows && i < s->n_rack_rows; i++) {
		const int64_t *feeds = racks[i].feed_ix.items;
		struct snapshot_rack *r = &s->rack_rows[i];
		*r = (struct snapshot_rack){ .id = racks[i].id, .hall = racks[i].hall, .row = racks[i].row, .function = racks[i].function,
					     .rated_mw = racks[i].rated_mw, .power_known = racks[i].feed_ix.n > 0 };
		for (size_t k = 0; k < racks[i].feed_ix.n; k++) {
			r->power_known = r->power_known && known[feeds[k]] && site_meters(site)[feeds[k]].role == ROLE_RACK;
			r->power_mw += power[feeds[k]];
		}
	}
}

/* Thousands of devices have few profiles: a text that stands at the neighbour, too, is copied once. */
struct copied { const char *from, *to; };
static const char *copy_of(struct snapshot *s, struct copied *last, const char *text)
{
	if (!last->to || last->from != text)
		*last = (struct copied){ text, snapshot_text(s, text) };
	return last->to;
}

void picture_devices(const struct picture_inputs *in, struct snapshot *s, size_t n)
{
	const struct site *site = in->setup->site;
	struct copied profile = { 0 };
	for (; s->devices && n && s->n_devices < site->devices.n; n--, s->n_devices++) {
		size_t i = s->n_devices;
		const struct device *d = &site_devices(site)[i];
		struct poller_device state = { .id = d->id, .profile = d->profile, .endpoint = d->endpoint, .state = "starting" };
		if (in->poller)
			poller_device(in->poller, i, &state);
		s->devices[i] = (struct snapshot_device){
			.id = d->id, .profile = copy_of(s, &profile, state.profile), .endpoint = d->endpoint, .state = state.state,
			.polls = state.polls, .failures = state.failures, .timeouts = state.timeouts, .late = state.late, .retries = state.stats.retries,
			.latency_us = state.latency_us, .last_good_ms = state.last_good.ms,
			.error = state.error ? snapshot_text(s, state.error) : NULL };
	}
}

static void fill_device_events(const struct picture_inputs *in, struct snapshot *s)
{
	struct device_event latest[DEVICE_EVENTS_KEPT];
	size_t n = in->device_events ? device_events_latest(in->device_events, latest) : 0;
	s->device_events = snapshot_array(s, n, sizeof *s->device_events);
	for (size_t i = 0; s->device_events && i < n; i++)
		s->device_events[i] = (struct snapshot_device_event){ latest[i].n, latest[i].at, snapshot_text(s, latest[i].device),
								      snapshot_text(s, latest[i].kind), snapshot_text(s, latest[i].sentence) };
	s->n_device_events = s->device_events ? n : 0;
}

static void fill_events(const struct judgement *j, struct snapshot *s)
{
	size_t n = j->n_latest < JUDGEMENT_LATEST ? j->n_latest : JUDGEMENT_LATEST;
	s->events = snapshot_array(s, n, sizeof *s->events);
	for (size_t i = 0; s->events && i < n; i++) {
		const struct ledger_event *ev = &j->latest[(j->n_latest - 1 - i) % JUDGEMENT_LATEST];
		s->events[i] = (struct snapshot_event){ .kind = ev->kind, .from = ev->from, .to = ev->to, .energy_mwh = ev->energy_mwh,
			.meter = ev->meter == UINT32_MAX ? NULL : site_meters(s->site)[ev->meter].id, .reason = snapshot_text(s, ev->reason) };
	}
	s->n_events = s->events ? n : 0;
	memcpy(s->event_counts, j->event_counts, sizeof s->event_counts);
}

static void fill_findings(const struct judgement *j, struct snapshot *s)
{
	s->findings = snapshot_array(s, j->n_open, sizeof *s->findings);
	for (size_t i = 0; s->findings && i < j->n_open; i++) {
		const struct ledger_event *ev = &j->open[i];
		s->findings[i] = (struct snapshot_finding){ finding_name(ev->finding), ev->meter == UINT32_MAX ? NULL : site_meters(s->site)[ev->meter].id,
							    snapshot_text(s, ev->reason), ev->from, ev->to, ev->energy_mwh };
	}
	s->n_findings = s->findings ? j->n_open : 0;
}

static void fill_judgement(const struct picture_inputs *in, struct snapshot *s)
{
	struct judgement *j = in->judgement;
	s->pack = in->setup->pack;
	if (s->pack)
		s->pue_limit = pack_pue_limit(s->pack);
	if (!j) {
		/* racks are known from the inventory alone */
		racks_at(s->site, in->now.wall, NULL, s->pack ? pack_standard_rack_mw(s->pack) : 2500000, &s->racks);
		return;
	}
	s->day = j->day;
	s->month = j->month;
	s->year = j->kpi;
	s->racks = j->facts.racks;
	if (j->judged)
		snapshot_judged(s, &j->verdict);
	s->n_quarters = j->n_quarters;
	for (size_t i = 0; i < j->n_quarters; i++)
		s->quarters[i] = (struct snapshot_quarter){ j->quarters[i].total_mwh, j->quarters[i].it_mwh, j->quarters[i].from, j->quarters[i].known };
	fill_events(j, s);
	fill_findings(j, s);
}

static void fill_peers(const struct picture_inputs *in, struct snapshot *s)
{
	struct store_status store;
	struct mqtt_status mqtt = { .sentence = "no broker is configured; reports stay in the outbox" };
	struct pipeline_state state;
	struct hash root;
	store_status(in->store, &store);
	pipeline_state(in->pipeline, &state);
	if (in->mqtt)
		mqtt_status(in->mqtt, &mqtt);
	merkle_root(&state.tree, &root);
	hash_hex(&root, s->tree_root);
	s->tree_size = state.tree.size;
	s->epoch = state.epoch;
	s->outbox_pending = store.outbox_pending;
	s->outbox_sent = mqtt.sent;
	s->outbox_oldest_s = store.oldest_pending.ms ? (in->now.wall.ms - store.oldest_pending.ms) / 1000 : 0;
	s->store_sentence = snapshot_text(s, store.state == STORE_OK && strcmp(in->phase, "live") ? in->phase : store.sentence);
	s->mqtt_sentence = snapshot_text(s, mqtt.sentence);
	if (store.state == STORE_OK && store.housekeeping[0]) {
		char text[300];
		snprintf(text, sizeof text, "the store needs attention: %s", store.housekeeping);
		s->store_sentence = snapshot_text(s, text);
	}
	s->degraded = store.state != STORE_OK || state.not_signing;
	if (store.state == STORE_OK && state.not_signing) {
		CLEANUP(buf_done) struct buf text = { 0 };
		buf_printf(&text, "nothing is signed, %llu reports wait: %s", (unsigned long long)state.unsigned_reports, state.not_signing);
		s->store_sentence = snapshot_text(s, text.failed ? "nothing is signed" : text.data);
	}
}

static void release_setup(void *setup)
{
	setup_put(setup);
}

static void fill_power_lacks(const struct picture_inputs *in, struct snapshot *s, const bool *known)
{
	size_t n = in->setup->site->meters.n;
	s->power_lacks = snapshot_array(s, n, sizeof *s->power_lacks);
	for (size_t i = 0; s->power_lacks && i < n; i++)
		if (!known[i] && (in->tree->nodes[i].total_sign || in->tree->nodes[i].it_sign))
			s->power_lacks[s->n_power_lacks++] = s->meters[i].id;
}

struct snapshot *picture_begin(const struct picture_inputs *in)
{
	struct snapshot *s = snapshot_new();
	if (!s)
		return NULL;
	s->site = in->setup->site;
	s->owner = setup_get(in->setup);
	s->release = release_setup;
	s->devices = snapshot_array(s, s->site->devices.n, sizeof *s->devices);
	return s;
}

struct snapshot *picture_finish(const struct picture_inputs *in, struct snapshot *s)
{
	const struct site *site = in->setup->site;
	int64_t *power = calloc(site->meters.n + 1, sizeof *power);
	bool *known = calloc(site->meters.n + 1, sizeof *known);
	if (!s || !power || !known) {
		snapshot_put(s);
		free(power);
		free(known);
		return NULL;
	}
	struct live live;
	s->zone = &in->setup->zone;
	s->at = in->now;
	s->reloaded = in->loaded;
	fill_meters(in, s, power, known);
	live_sum(in->tree, site, power, known, &live);
	s->total_mw = live.total_mw;
	s->it_mw = live.it_mw;
	s->total_known = live.total_known;
	s->it_known = live.it_known;
	fill_power_lacks(in, s, known);
	fill_domains(in, s, power, known, &live);
	fill_racks(in, s, power, known);
	picture_devices(in, s, SIZE_MAX);
	if (in->poller)
		poller_times(in->poller, s->poll_counts, &s->poll_sum_us);
	fill_device_events(in, s);
	fill_judgement(in, s);
	fill_peers(in, s);
	s->clock_offset_known = clock_offset(in->clock, &s->clock_offset_us);
	free(power);
	free(known);
	return s;
}
