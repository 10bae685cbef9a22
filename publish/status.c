/* /api/v1/status: one object, described in docs/formats-publish.md.  Integers with their unit in the name; texts that are
 * already rounded once (`value`, `text`, `ratio`) are for showing, the integers beside them for computing. */
#include "publish/status_parts.h"
#include "publish/publish.h"
#include "publish/text.h"

#include <stdlib.h>
#include <string.h>

static json_t *wall_json(struct wall t)
{
	char text[WALL_TEXT];
	return t.ms == INT64_MIN || t.ms == INT64_MAX ? json_null() : json_string(wall_text(t, text));
}

static json_t *both_json(struct bilingual b)
{
	return json_pack("{so so}", "en", text_json(b.en ? b.en : b.zh), "zh", text_json(b.zh ? b.zh : b.en));
}

static json_t *pair_json(const int64_t v[2])
{
	return json_pack("[II]", (json_int_t)v[0], (json_int_t)v[1]);
}

/* -1 stands for "not known" in snapshots; on the wire that is null. */
static json_t *count_json(int64_t n)
{
	return n < 0 ? json_null() : json_integer(n);
}

static json_t *taken(struct buf *b)
{
	json_t *j = text_json(b->failed || !b->len ? NULL : b->data);
	buf_done(b);
	return j;
}

static json_t *status_kpi(const struct snapshot *s, const struct kpi *k)
{
	static const char *const kinds[] = { [KPI_NONE] = "none", [KPI_PUE] = "PUE", [KPI_IPUE] = "iPUE" };
	char name[16] = "", value[64] = "";
	if (k->kind != KPI_NONE) {
		snprintf(name, sizeof name, "%s%d", kinds[k->kind], k->category & 7);
		if (!pue_text(k->total_mwh, k->it_mwh, s->pue_limit, 3, value, sizeof value))
			value[0] = 0;
	}
	struct buf text = { 0 };
	kpi_text(k, s->site, s->zone, s->pue_limit, &text);
	const int64_t u[2] = { k->u_ppm_rho0, k->u_ppm_rho1 };
	bool stated = k->kind != KPI_NONE && u[0] >= 0 && u[1] >= 0;
	return json_pack("{ss so si so so so so so sI sI sI sI sI sI so so sI sI sI so}",
		"kind", kinds[k->kind], "name", text_json(*name ? name : NULL), "category", k->category,
		"from", wall_json(k->from), "to", wall_json(k->to), "value", text_json(*value ? value : NULL), "text", taken(&text),
		"uncertainty_ppm", stated ? pair_json(u) : json_null(),
		"total_mwh", (json_int_t)k->total_mwh, "it_mwh", (json_int_t)k->it_mwh,
		"known_total_mwh", (json_int_t)k->known_total_mwh, "known_it_mwh", (json_int_t)k->known_it_mwh,
		"intervals", (json_int_t)k->intervals, "intervals_known", (json_int_t)k->intervals_known,
		"complete_time_ppm", pair_json(k->complete_time_ppm), "complete_energy_ppm", pair_json(k->complete_energy_ppm),
		"unsynced_intervals", (json_int_t)k->unsynced_intervals, "late_intervals", (json_int_t)k->late_intervals,
		"findings", (json_int_t)k->findings, "why_not", text_json(k->kind == KPI_NONE && k->why_not[0] ? k->why_not : NULL));
}

static json_t *power_json(const struct snapshot *s)
{
	enum { NAMED = 16 };
	bool ratio = snapshot_has_ratio(s);
	struct buf text = { 0 };
	json_t *lacks = json_array();
	for (size_t i = 0; i < s->n_power_lacks && i < NAMED; i++)
		json_array_append_new(lacks, text_json(s->power_lacks[i]));
	if (ratio)
		text_decimal(&text, s->total_mw, s->it_mw, 3);
	json_t *words = taken(&text);
	return json_pack("{sb so so so sI so so}", "known", ratio,
		"total_mw", s->total_known ? json_integer(s->total_mw) : json_null(),
		"it_mw", s->it_known ? json_integer(s->it_mw) : json_null(),
		"lacks", lacks, "lacks_count", (json_int_t)s->n_power_lacks,
		"ratio", words, "ratio_ppm", ratio ? count_json(text_ppm(s->total_mw, s->it_mw)) : json_null());
}

static json_t *domains_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_domains; i++)
		json_array_append_new(list, json_pack("{so so so}", "domain", text_json(s->domains[i].domain),
			"power_mw", s->domains[i].power_unknown ? json_null() : json_integer(s->domains[i].power_mw),
			"day_mwh", count_json(s->domains[i].day_mwh)));
	return list;
}

static json_t *racks_json(const struct racks *r)
{
	json_t *functions = json_object();
	for (int f = 0; f < FUNCTION_N; f++)
		json_object_set_new(functions, text_name(function_names, f), json_integer(r->by_function[f]));
	return json_pack("{so so so so sI sI so}", "installed", count_json(r->installed), "metered", count_json(r->metered),
		"in_use", count_json(r->in_use), "unknown", count_json(r->unknown), "standard_milli", (json_int_t)r->standard_milli,
		"rated_mw", (json_int_t)r->rated_mw, "by_function", functions);
}

static json_t *shares_json(const struct racks *r)
{
	static const char *const ids[SHARE_N] = { "C1", "C2", "C3", "C5" };
	json_t *list = json_array();
	for (int d = 0; d < SHARE_N; d++)
		for (int v = 0; v < 4; v++) {
			const struct share *h = &r->share[d][v >> 1][v & 1];
			int64_t lo[2] = { h->lo_num, h->lo_den }, hi[2] = { h->hi_num, h->hi_den };
			json_array_append_new(list, json_pack("{ss sb sb sb so so so so}", "id", ids[d], "network", v >> 1, "empty", v & 1,
				"defined", h->defined,
				"low", h->defined ? pair_json(lo) : json_null(), "high", h->defined ? pair_json(hi) : json_null(),
				"low_ppm", h->defined ? count_json(text_ppm(lo[0], lo[1])) : json_null(),
				"high_ppm", h->defined ? count_json(text_ppm(hi[0], hi[1])) : json_null()));
		}
	return list;
}

static json_t *criterion_json(const struct criterion *c)
{
	static const char *const results[] = { [TRUTH_NO] = "no", [TRUTH_YES] = "yes", [TRUTH_UNKNOWN] = "unknown" };
	return json_pack("{so so so so so ss ss ss ss ss so so}", "id", text_json(c->id), "title", both_json(c->title),
		"quote", text_json(c->quote), "locator", text_json(c->locator), "word", text_json(c->word),
		"result", c->depends ? "depends" : results[c->result], "value", c->value, "limit", c->limit, "margin", c->margin,
		"uncertainty", c->uncertainty, "why", both_json(c->why), "evidence", text_json(c->evidence));
}

static json_t *status_pack(const struct pack *p)
{
	if (!p)
		return json_null();
	char hash[65] = "";
	pack_hash(p, hash);
	return json_pack("{so so ss sb}", "id", text_json(pack_id(p)), "version", text_json(pack_version(p)), "hash", hash,
		"draft", pack_draft(p));
}

static json_t *verdict_of(const struct snapshot *s)
{
	const struct verdict *v = s->verdict;
	if (!v)
		return json_null();
	json_t *criteria = json_array(), *reasons = json_array(), *split = json_array();
	for (size_t i = 0; i < v->n_criteria; i++)
		json_array_append_new(criteria, criterion_json(&v->criteria[i]));
	for (size_t i = 0; i < v->n_reasons; i++)
		json_array_append_new(reasons, text_json(v->reasons[i]));
	for (size_t i = 0; i < v->n_split; i++)
		json_array_append_new(split, json_pack("{so so}", "who", text_json(v->split[i].who), "fen", count_json(v->split[i].fen)));
	return json_pack("{ss so sb sI sI sI sI so so so}", "kind", verdict_names[v->kind], "sentence", both_json(v->sentence),
		"guarded", v->guarded, "amount_fen", (json_int_t)v->amount_fen, "rate_fen", (json_int_t)v->rate_fen,
		"cap_fen", (json_int_t)v->cap_fen, "counted_racks", (json_int_t)v->counted_racks, "criteria", criteria,
		"reasons", reasons, "split", split);
}

static json_t *quarters_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_quarters; i++) {
		const struct snapshot_quarter *q = &s->quarters[i];
		bool ratio = q->known && q->it_mwh > 0;
		json_array_append_new(list, json_pack("{so sb sI sI so}", "from", wall_json(q->from), "known", q->known,
			"total_mwh", (json_int_t)q->total_mwh, "it_mwh", (json_int_t)q->it_mwh,
			"ratio_ppm", ratio ? count_json(text_ppm(q->total_mwh, q->it_mwh)) : json_null()));
	}
	return list;
}

static json_t *events_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_events; i++) {
		const struct snapshot_event *e = &s->events[i];
		json_array_append_new(list, json_pack("{ss so so so sI so}", "kind", ledger_event_name(e->kind), "meter", text_json(e->meter),
			"from", wall_json(e->from), "to", wall_json(e->to), "energy_mwh", (json_int_t)e->energy_mwh,
			"reason", text_json(e->reason)));
	}
	return list;
}

static json_t *findings_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_findings; i++) {
		const struct snapshot_finding *f = &s->findings[i];
		json_array_append_new(list, json_pack("{ss so so so sI so}", "kind", f->kind, "meter", text_json(f->meter), "from", wall_json(f->from),
			"to", wall_json(f->to), "residual_mwh", (json_int_t)f->residual_mwh, "reason", text_json(f->reason)));
	}
	return list;
}

static json_t *device_events_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_device_events; i++) {
		const struct snapshot_device_event *e = &s->device_events[i];
		json_array_append_new(list, json_pack("{sI so so so so}", "n", (json_int_t)e->n, "at", wall_json(e->at), "device", text_json(e->device),
			"kind", text_json(e->kind), "sentence", text_json(e->sentence)));
	}
	return list;
}

static json_t *event_counts_json(const struct snapshot *s)
{
	json_t *o = json_object();
	for (int k = 0; k < EVENT_N; k++)
		json_object_set_new(o, ledger_event_name((enum ledger_event_kind)k), json_integer((json_int_t)s->event_counts[k]));
	return o;
}

static json_t *devices_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_devices; i++) {
		const struct snapshot_device *d = &s->devices[i];
		json_array_append_new(list, json_pack("{so so so so so sI sI sI sI sI sI so so}", "id", text_json(d->id),
			"profile", text_json(d->profile), "endpoint", text_json(d->endpoint), "gateway", gateway_name(d), "state", text_json(d->state),
			"polls", (json_int_t)d->polls, "failures", (json_int_t)d->failures, "timeouts", (json_int_t)d->timeouts,
			"late", (json_int_t)d->late, "retries", (json_int_t)d->retries, "latency_us", (json_int_t)d->latency_us,
			"last_good", d->last_good_ms > 0 ? wall_json((struct wall){ d->last_good_ms }) : json_null(),
			"error", text_json(d->error && *d->error ? d->error : NULL)));
	}
	return list;
}

/* The meter of the configuration, for its place in the tree.  The snapshot's order is the site's: the first look hits. */
static const struct meter *meter_of(const struct site *site, size_t i, const char *id)
{
	const struct meter *m = site_meters(site);
	if (i < site->meters.n && !strcmp(m[i].id, id))
		return &m[i];
	for (size_t j = 0; j < site->meters.n; j++)
		if (!strcmp(m[j].id, id))
			return &m[j];
	return NULL;
}

static json_t *meters_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_meters; i++) {
		const struct snapshot_meter *m = &s->meters[i];
		const struct meter *c = meter_of(s->site, i, m->id);
		json_array_append_new(list, json_pack("{so so ss so so so so so so}", "id", text_json(m->id), "label", text_json(m->label),
			"role", text_name(role_names, m->role), "parent", text_json(c ? c->parent : NULL), "hall", text_json(c ? c->hall : NULL),
			"power_mw", m->power_known ? json_integer(m->power_mw) : json_null(), "at", m->at.wall.ms ? wall_json(m->at.wall) : json_null(),
			"day_mwh", count_json(m->energy_day_mwh), "energy_mwh", m->energy_known ? json_integer(m->energy_mwh) : json_null()));
	}
	return list;
}

static json_t *rack_rows_json(const struct snapshot *s)
{
	json_t *list = json_array();
	for (size_t i = 0; i < s->n_rack_rows; i++) {
		const struct snapshot_rack *r = &s->rack_rows[i];
		json_array_append_new(list, json_pack("{so so so ss so so}", "id", text_json(r->id), "hall", text_json(r->hall),
			"row", text_json(r->row), "function", text_name(function_names, r->function),
			"power_mw", r->power_known ? json_integer(r->power_mw) : json_null(),
			"rated_mw", r->rated_mw > 0 ? json_integer(r->rated_mw) : json_null()));
	}
	return list;
}

static json_t *site_json(const struct snapshot *s)
{
	return json_pack("{so so sb so si so}", "id", text_json(s->site->id), "name", both_json(s->site->name),
		"simulated", s->site->simulated, "zone", text_json(s->site->zone),
		"offset_s", s->zone ? (int)zone_offset(s->zone, s->at.wall) : 0, "standard", text_json(s->site->standard));
}

static json_t *evidence_json(const struct snapshot *s)
{
	return json_pack("{sI so sI}", "size", (json_int_t)s->tree_size, "root", text_json(s->tree_root[0] ? s->tree_root : NULL),
		"epoch", (json_int_t)s->epoch);
}

static json_t *outbox_json(const struct snapshot *s)
{
	return json_pack("{sI sI sI}", "pending", (json_int_t)s->outbox_pending, "sent", (json_int_t)s->outbox_sent,
		"oldest_s", (json_int_t)s->outbox_oldest_s);
}

static json_t *clock_json(const struct snapshot *s)
{
	return json_pack("{sb so}", "synced", s->at.synced, "offset_us", s->clock_offset_known ? json_integer(s->clock_offset_us) : json_null());
}

static json_t *day_of(const struct snapshot *s) { return status_kpi(s, &s->day); }
static json_t *month_of(const struct snapshot *s) { return status_kpi(s, &s->month); }
static json_t *year_of(const struct snapshot *s) { return status_kpi(s, &s->year); }
static json_t *racks_of(const struct snapshot *s) { return racks_json(&s->racks); }
static json_t *shares_of(const struct snapshot *s) { return shares_json(&s->racks); }
static json_t *pack_of(const struct snapshot *s) { return status_pack(s->pack); }
static json_t *at_of(const struct snapshot *s) { return wall_json(s->at.wall); }
static json_t *software_of(const struct snapshot *s) { (void)s; return json_string("pued " PUED_VERSION); }
static json_t *schema_of(const struct snapshot *s) { (void)s; return json_string("pued-status/1"); }
static json_t *store_of(const struct snapshot *s) { return text_json(s->store_sentence); }
static json_t *mqtt_of(const struct snapshot *s) { return text_json(s->mqtt_sentence); }
static json_t *degraded_of(const struct snapshot *s) { return json_boolean(s->degraded); }
static json_t *reloaded_of(const struct snapshot *s) { return s->reloaded.ms ? wall_json(s->reloaded) : json_null(); }

/* `small` rows also go into the live stream. */
static const struct part { const char *key; json_t *(*make)(const struct snapshot *); bool small; } parts[] = {
	{ "schema", schema_of, true }, { "software", software_of, true }, { "site", site_json, true }, { "at", at_of, true },
	{ "clock", clock_json, true }, { "power", power_json, true }, { "day", day_of, true }, { "month", month_of, true },
	{ "year", year_of, true }, { "domains", domains_json, true }, { "racks", racks_of, true }, { "shares", shares_of, true },
	{ "pack", pack_of, true }, { "verdict", verdict_of, true }, { "quarters", quarters_json, false }, { "outbox", outbox_json, true },
	{ "evidence", evidence_json, true }, { "store", store_of, true }, { "mqtt", mqtt_of, true }, { "degraded", degraded_of, true },
	{ "reloaded", reloaded_of, true }, { "event_counts", event_counts_json, true }, { "events", events_json, true },
	{ "findings", findings_json, true },
	{ "devices", devices_json, false }, { "gateways", gateways_json, false }, { "device_events", device_events_json, false }, { "meters", meters_json, false }, { "rack_rows", rack_rows_json, false },
};

static void dump(const struct snapshot *s, bool all, struct buf *out)
{
	json_t *root = json_object();
	for (size_t i = 0; i < countof(parts); i++)
		if (all || parts[i].small)
			json_object_set_new(root, parts[i].key, parts[i].make(s));
	char *text = json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);
	if (text)
		buf_str(out, text);
	else
		out->failed = true;
	free(text);
	json_decref(root);
}

void status_json(const struct snapshot *s, struct buf *out) { dump(s, true, out); }
void summary_json(const struct snapshot *s, struct buf *out) { dump(s, false, out); }
