/* Prometheus text format 0.0.4: base units, ratios 0..1, counters end in _total.  Names: requirements "Metrics"; every name
 * is listed in docs/formats-publish.md and queried names of docs/grafana/ are checked against this file's output. */
#include "publish/publish.h"
#include "publish/text.h"

#include <string.h>

static void head(struct buf *out, const char *name, const char *type, const char *help)
{
	buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* Label values come from devices and people: control characters and broken UTF-8 go, quotes are escaped. */
static void label(struct buf *out, const char *key, const char *value)
{
	CLEANUP(buf_done) struct buf plain = { 0 };
	buf_plain(&plain, value ? value : "", value ? strlen(value) : 0);
	char last = out->len ? out->data[out->len - 1] : 0;
	buf_printf(out, "%s%s=\"", last == '{' ? "" : ",", key);
	for (size_t i = 0; i < plain.len; i++) {
		if (plain.data[i] == '"' || plain.data[i] == '\\')
			buf_str(out, "\\");
		buf_add(out, plain.data + i, 1);
	}
	buf_str(out, "\"");
}

static void value(struct buf *out, __int128 num, int64_t den, int digits)
{
	buf_str(out, " ");
	text_decimal(out, num, den, digits);
	buf_str(out, "\n");
}

static void plain_gauge(struct buf *out, const char *name, const char *help, __int128 num, int64_t den, int digits)
{
	head(out, name, "gauge", help);
	buf_str(out, name);
	value(out, num, den, digits);
}

static void labelled(struct buf *out, const char *name, const char *key, const char *text, __int128 num, int64_t den, int digits)
{
	buf_printf(out, "%s{", name);
	label(out, key, text);
	buf_str(out, "}");
	value(out, num, den, digits);
}

static void about(const struct snapshot *s, struct buf *out)
{
	head(out, "pued_build_info", "gauge", "Version of the running agent.");
	labelled(out, "pued_build_info", "version", PUED_VERSION, 1, 1, 0);
	head(out, "pued_site_info", "gauge", "Site the agent measures; simulated=true marks data of a simulator.");
	buf_str(out, "pued_site_info{");
	label(out, "site", s->site->id);
	label(out, "simulated", s->site->simulated ? "true" : "false");
	buf_str(out, "} 1\n");
	plain_gauge(out, "pued_degraded", "1 when the agent works with less than it should (store, broker or clock).", s->degraded, 1, 0);
	plain_gauge(out, "pued_clock_synced", "1 when the clock is synchronised.", s->at.synced, 1, 0);
	if (s->clock_offset_known)
		plain_gauge(out, "pued_clock_offset_seconds", "Estimated offset of the clock.", s->clock_offset_us, 1000000, 6);
	if (s->reloaded.ms)
		plain_gauge(out, "pued_config_reload_success_timestamp_seconds", "Time of the last good load of the configuration.",
			    s->reloaded.ms, 1000, 3);
}

static const struct window_row { const char *name; size_t offset; } windows[] = {
	{ "day", offsetof(struct snapshot, day) },
	{ "month", offsetof(struct snapshot, month) },
	{ "year", offsetof(struct snapshot, year) },
};

static const struct kpi *window_of(const struct snapshot *s, const struct window_row *w)
{
	return (const struct kpi *)((const char *)s + w->offset);
}

static void pue(const struct snapshot *s, struct buf *out)
{
	head(out, "pued_power_ratio", "gauge", "Total power over IT power now; not a PUE.");
	if (snapshot_has_ratio(s)) {
		buf_str(out, "pued_power_ratio");
		value(out, s->total_mw, s->it_mw, 6);
	}
	head(out, "pued_pue_ratio", "gauge", "PUE (12 months) or interim PUE (any other window) of closed intervals.");
	for (size_t i = 0; i < countof(windows); i++) {
		const struct kpi *k = window_of(s, &windows[i]);
		char number[48];
		if (k->kind == KPI_NONE || !pue_text(k->total_mwh, k->it_mwh, s->pue_limit, 6, number, sizeof number))
			continue;
		buf_str(out, "pued_pue_ratio{");
		label(out, "kind", k->kind == KPI_PUE ? "PUE" : "iPUE");
		char category[2] = { (char)('0' + (k->category & 7)), 0 };
		label(out, "category", category);
		label(out, "window", windows[i].name);
		buf_printf(out, "} %s\n", number);
	}
}

static void completeness(const struct snapshot *s, struct buf *out)
{
	static const char *const sums[] = { "total", "it" };
	head(out, "pued_completeness_ratio", "gauge", "Known part of a window, by time and by energy, for the total and the IT energy.");
	for (size_t i = 0; i < countof(windows); i++) {
		const struct kpi *k = window_of(s, &windows[i]);
		for (size_t j = 0; j < countof(sums) && k->intervals > 0; j++) {
			const struct { const char *by; int64_t ppm; } rows[] = {
				{ "time", k->complete_time_ppm[j] }, { "energy", k->complete_energy_ppm[j] } };
			for (size_t r = 0; r < countof(rows); r++) {
				buf_str(out, "pued_completeness_ratio{");
				label(out, "window", windows[i].name);
				label(out, "sum", sums[j]);
				label(out, "by", rows[r].by);
				buf_str(out, "}");
				value(out, rows[r].ppm, 1000000, 6);
			}
		}
	}
}

static void power_and_energy(const struct snapshot *s, struct buf *out)
{
	head(out, "pued_power_watts", "gauge", "Active power by domain.");
	if (s->total_known)
		labelled(out, "pued_power_watts", "domain", "total", s->total_mw, 1000, 3);
	if (s->it_known)
		labelled(out, "pued_power_watts", "domain", "it_load", s->it_mw, 1000, 3);
	for (size_t i = 0; i < s->n_domains; i++)
		if (!s->domains[i].power_unknown)
			labelled(out, "pued_power_watts", "domain", s->domains[i].domain, s->domains[i].power_mw, 1000, 3);
	head(out, "pued_energy_joules_total", "counter", "Known energy of a meter since its ledger began.");
	for (size_t i = 0; i < s->n_meters; i++) {
		if (!s->meters[i].energy_known)
			continue;
		buf_str(out, "pued_energy_joules_total{");
		label(out, "meter", s->meters[i].id);
		label(out, "domain", text_name(role_names, s->meters[i].role));
		buf_str(out, "}");
		value(out, (__int128)s->meters[i].energy_mwh * 36, 10, 1);
	}
}

static void racks(const struct snapshot *s, struct buf *out)
{
	static const char *const definitions[SHARE_N] = { "C1", "C2", "C3", "C5" };
	const struct { const char *state; int64_t n; } rows[] = {
		{ "installed", s->racks.installed }, { "metered", s->racks.metered }, { "in_use", s->racks.in_use },
		{ "unknown_function", s->racks.unknown } };
	head(out, "pued_racks", "gauge", "Racks by state.");
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].n >= 0)
			labelled(out, "pued_racks", "state", rows[i].state, rows[i].n, 1, 0);
	head(out, "pued_compute_share_ratio", "gauge", "Bounds of the compute share by definition; network and empty racks in or out.");
	for (int d = 0; d < SHARE_N; d++)
		for (int v = 0; v < 8; v++) {
			const struct share *h = &s->racks.share[d][v >> 2 & 1][v >> 1 & 1];
			if (!h->defined)
				continue;
			buf_str(out, "pued_compute_share_ratio{");
			label(out, "definition", definitions[d]);
			label(out, "network", v & 4 ? "in" : "out");
			label(out, "empty", v & 2 ? "in" : "out");
			label(out, "bound", v & 1 ? "high" : "low");
			buf_str(out, "}");
			value(out, v & 1 ? h->hi_num : h->lo_num, v & 1 ? h->hi_den : h->lo_den, 6);
		}
}

static void verdict(const struct snapshot *s, struct buf *out)
{
	if (!s->verdict)
		return;
	head(out, "pued_verdict", "gauge", "1 for the verdict that holds.");
	for (int k = 0; k < VERDICT_N; k++)
		labelled(out, "pued_verdict", "kind", verdict_names[k], (int)s->verdict->kind == k, 1, 0);
	head(out, "pued_rule_met", "gauge", "1 met, 0 not met, NaN not decidable.");
	for (size_t i = 0; i < s->verdict->n_criteria; i++) {
		const struct criterion *c = &s->verdict->criteria[i];
		labelled(out, "pued_rule_met", "rule", c->id, c->result == TRUTH_YES, c->result == TRUTH_UNKNOWN ? 0 : 1, 0);
	}
}

static void polling(const struct snapshot *s, struct buf *out)
{
	uint64_t polls = 0, failures = 0, timeouts = 0, late = 0;
	head(out, "pued_device_up", "gauge", "1 when the device answers.");
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct snapshot_device *d = &s->devices[i];
		buf_str(out, "pued_device_up{");
		label(out, "device", d->id);
		label(out, "profile", d->profile);
		buf_str(out, "}");
		value(out, d->state && (!strcmp(d->state, "up") || !strcmp(d->state, "late")), 1, 0);
		polls += d->polls;
		failures += d->failures;
		timeouts += d->timeouts;
		late += d->late;
	}
	uint64_t errors = failures > timeouts ? failures - timeouts : 0;
	head(out, "pued_polls_total", "counter", "Polls by result.");
	labelled(out, "pued_polls_total", "result", "good", polls > failures ? polls - failures : 0, 1, 0);
	labelled(out, "pued_polls_total", "result", "error", errors, 1, 0);
	labelled(out, "pued_polls_total", "result", "timeout", timeouts, 1, 0);
	head(out, "pued_polls_late_total", "counter", "Polls that began after their time.");
	buf_str(out, "pued_polls_late_total");
	value(out, late, 1, 0);

	head(out, "pued_poll_duration_seconds", "histogram", "Time from request to answer.");
	uint64_t below = 0;
	for (size_t i = 0; i < POLL_BUCKETS; i++) {
		CLEANUP(buf_done) struct buf bound = { 0 };
		if (i < POLL_BUCKETS - 1)
			text_decimal(&bound, poll_bucket_us[i], 1000000, 3);
		below += s->poll_counts[i];
		labelled(out, "pued_poll_duration_seconds_bucket", "le", bound.len ? bound.data : "+Inf", below, 1, 0);
	}
	buf_str(out, "pued_poll_duration_seconds_sum");
	value(out, s->poll_sum_us, 1000000, 6);
	buf_str(out, "pued_poll_duration_seconds_count");
	value(out, below, 1, 0);
}

static void evidence(const struct snapshot *s, struct buf *out)
{
	plain_gauge(out, "pued_outbox_messages", "Reports not yet delivered.", s->outbox_pending, 1, 0);
	plain_gauge(out, "pued_outbox_oldest_seconds", "Age of the oldest report not yet delivered.", s->outbox_oldest_s, 1, 0);
	head(out, "pued_reports_sent_total", "counter", "Reports the broker has taken.");
	buf_str(out, "pued_reports_sent_total");
	value(out, s->outbox_sent, 1, 0);
	plain_gauge(out, "pued_evidence_leaves", "Leaves of the evidence tree.", s->tree_size, 1, 0);
	head(out, "pued_meter_events_total", "counter", "Events of the energy ledger.");
	for (int k = 0; k < EVENT_N; k++)
		labelled(out, "pued_meter_events_total", "kind", ledger_event_name((enum ledger_event_kind)k), s->event_counts[k], 1, 0);
}

void metrics_text(const struct snapshot *s, struct buf *out)
{
	static void (*const parts[])(const struct snapshot *, struct buf *) = {
		about, pue, completeness, power_and_energy, racks, verdict, polling, evidence };
	for (size_t i = 0; i < countof(parts); i++)
		parts[i](s, out);
}
