/* What of a certificate is handed in: who, where, with which meters, month by month, and the evidence. */
#include "core/balance.h"
#include "rules/cert_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static json_t *day(struct date d)
{
	char text[DATE_TEXT];
	return d.year ? json_string(date_text(d, text)) : json_null();
}

static json_t *instant(struct wall t)
{
	char text[WALL_TEXT];
	return t.ms == INT64_MIN || t.ms == INT64_MAX ? json_null() : json_string(wall_text(t, text));
}

static json_t *ratio_text(struct ratio r)
{
	char text[48];
	if (r.den == 0 || r.num == r.den)
		return json_null();
	snprintf(text, sizeof text, r.den == 1 ? "%lld" : "%lld/%lld", (long long)r.num, (long long)r.den);
	return json_string(text);
}

/* As engraved ("300/5"), whoever multiplies by it; a bare multiplier where nobody gave the plate. */
static json_t *plate_text(struct plate plate, struct ratio multiplier)
{
	char text[48];
	if (!plate.primary)
		return ratio_text(multiplier);
	snprintf(text, sizeof text, "%lld/%lld", (long long)plate.primary, (long long)plate.secondary);
	return json_string(text);
}

static const char *name_of(const struct conf_name *names, int value)
{
	for (; names->name; names++)
		if (names->value == value)
			return names->name;
	return NULL;
}

static json_t *epoch_json(const struct meter_epoch *e)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o}", "from", instant(e->from), "to", instant(e->to), "serial",
			 cert_text(e->serial), "model", cert_text(e->model), "class", cert_text(e->meter_class), "ct_class", cert_text(e->ct_class), "pt_class",
			 cert_text(e->pt_class), "ct", plate_text(e->ct_plate, e->ct), "pt", plate_text(e->pt_plate, e->pt), "certificate", cert_text(e->certificate), "calibrated_until",
			 day(e->calibrated_until), "first", e->has_first ? json_integer(e->first) : json_null(), "last",
			 e->has_last ? json_integer(e->last) : json_null(), "reason", cert_text(e->reason), "by", cert_text(e->by));
}

static json_t *meter_json(const struct meter *m, uint32_t ix, const struct window *w)
{
	json_t *epochs = json_array();
	bool complete = false;
	int64_t energy = w ? window_meter_mwh(w, ix, &complete) : -1;
	for (size_t i = 0; i < m->epochs.n; i++)
		json_array_append_new(epochs, epoch_json(&((const struct meter_epoch *)m->epochs.items)[i]));
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:o, s:I, s:o, s:o}", "id", m->id, "label", cert_text(m->label), "role",
			 cert_text(name_of(role_names, m->role)), "point", m->point == POINT_NONE ? json_null() : cert_text(name_of(point_names, m->point)), "parent",
			 cert_text(m->parent), "hall", cert_text(m->hall), "device", cert_text(m->device), "factor", ratio_text(m->factor), "factor_source",
			 cert_text(m->factor_source), "known_mwh", (json_int_t)(w ? energy : 0), "energy_mwh", complete ? json_integer(energy) : json_null(), "epochs", epochs);
}

/* Rack meters are counted, not listed: a schedule of two thousand rows is for a machine, and the register is evidence already. */
static json_t *meters_json(const struct cert_inputs *in)
{
	json_t *list = json_array();
	for (size_t i = 0; i < in->site->meters.n; i++)
		if (site_meters(in->site)[i].role != ROLE_RACK && site_meters(in->site)[i].role != ROLE_BUS)
			json_array_append_new(list, meter_json(&site_meters(in->site)[i], (uint32_t)i, in->window));
	return list;
}

/* Energy by role of the topmost meters: carriers into the boundary, and flows inside it. */
static const struct { int role; const char *domain; bool carrier; } domains[] = {
	{ ROLE_SUPPLY, "supply", true }, { ROLE_PV, "pv", true }, { ROLE_GENERATOR, "generator", true }, { ROLE_FUEL, "fuel", true }, { ROLE_HEAT, "heat", true },
	{ ROLE_EXPORT, "export", true }, { ROLE_OTHER_USE, "other_use", true },
	{ ROLE_COOLING, "cooling", false }, { ROLE_LIGHTING, "lighting", false }, { ROLE_OTHER, "other", false },
};

static void add_flows(json_t *results, const struct cert_inputs *in)
{
	json_t *carriers = json_array(), *flows = json_array();
	const struct kpi *k = &in->facts->kpi;
	int64_t rest = k->total_mwh - k->it_mwh;
	json_array_append_new(flows, json_pack("{s:s, s:I}", "domain", "it", "mwh", (json_int_t)k->it_mwh));
	for (size_t i = 0; i < countof(domains); i++) {
		int64_t mwh = in->facts->selection.role_mwh[domains[i].role];
		if (mwh < 0)
			continue;
		json_array_append_new(domains[i].carrier ? carriers : flows,
				      json_pack("{s:s, s:I}", domains[i].carrier ? "role" : "domain", domains[i].domain, "mwh", (json_int_t)mwh));
		rest -= domains[i].carrier ? 0 : mwh;
	}
	if (k->kind == KPI_PUE && rest >= 0)
		json_array_append_new(flows, json_pack("{s:s, s:I}", "domain", "losses_and_other", "mwh", (json_int_t)rest));
	json_object_set_new(results, "carriers", carriers);
	json_object_set_new(results, "flows", flows);
}

json_t *cert_month_json(const struct kpi *k, const struct site *site, const struct zone *zone, struct ratio limit)
{
	char number[64], name[16], month[16];
	CLEANUP(buf_done) struct buf text = { 0 };
	struct date from = zone_date(zone, k->from), to = zone_date(zone, (struct wall){ k->to.ms - 1 });
	bool has = k->kind != KPI_NONE && pue_text(k->total_mwh, k->it_mwh, limit, 3, number, sizeof number);
	snprintf(name, sizeof name, "iPUE%d", k->category);
	snprintf(month, sizeof month, "%04d-%02d", from.year, from.month);
	kpi_text(k, site, zone, limit, &text);
	json_t *row = kpi_json(k);
	json_t *add = json_pack("{s:s, s:o, s:o, s:o, s:o, s:s, s:o, s:o}", "month", month, "from", day(from), "to", day(to), "name", has ? json_string(name) : json_null(),
				"value", has ? json_string(number) : json_null(), "text", text.data ? text.data : "", "from_utc", instant(k->from), "to_utc",
				instant(k->to));
	json_object_update(row, add);
	json_decref(add);
	return row;
}

bool cert_month_parse(const json_t *row, struct kpi *out, struct err *err)
{
	static const char *const apart[] = { "month", "from", "to", "name", "value", "text", "from_utc", "to_utc", NULL };
	json_t *copy = json_deep_copy(row);
	bool good = json_is_object(copy);
	/* the row's days stand where the KPI's instants do */
	json_object_set(copy, "from", json_object_get(row, "from_utc"));
	json_object_set(copy, "to", json_object_get(row, "to_utc"));
	kpi_unknown(out);
	good = good && kpi_parse(copy, out, apart, err);
	json_decref(copy);
	return good;
}

static json_t *event_json(const struct ledger_event *e, const struct site *site)
{
	const char *meter = e->meter < site->meters.n ? site_meters(site)[e->meter].id : NULL;
	return json_pack("{s:s, s:o, s:o, s:o, s:I, s:s}", "kind", ledger_event_name(e->kind), "meter", cert_text(meter), "from", instant(e->from), "to", instant(e->to),
			 "energy_mwh", (json_int_t)e->energy_mwh, "reason", e->reason);
}

/* Closure residuals (domain.md 5.1 group 6): every finding, and the nodes that close, up to a number that a person may read. */
enum { BALANCE_ROWS = 300 };
struct balance_rows { json_t *list; const struct site *site; };

static void balance_row(void *ctx, const struct balance *b)
{
	const struct balance_rows *rows = ctx;
	const struct meter *meters = site_meters(rows->site);
	if (!b->finding && json_array_size(rows->list) >= BALANCE_ROWS)
		return;
	json_array_append_new(rows->list, json_pack("{s:o, s:s, s:o, s:I, s:I, s:I, s:I, s:b, s:s}", "node", cert_text(b->node == UINT32_MAX ? NULL : meters[b->node].id),
						    "finding", finding_name(b->finding), "suspect", cert_text(b->suspect < 0 ? NULL : meters[b->suspect].id), "above_mwh",
						    (json_int_t)b->above_mwh, "below_mwh", (json_int_t)b->below_mwh, "residual_mwh", (json_int_t)b->residual_mwh, "u_mwh",
						    (json_int_t)b->u_mwh, "class_assumed", b->assumed, "reason", b->reason));
}

static json_t *balance_rows_json(const struct cert_inputs *in)
{
	struct balance_rows rows = { json_array(), in->site };
	if (in->window)
		window_findings(in->window, balance_row, &rows);
	return rows.list;
}

static void add_results(json_t *results, const struct cert_inputs *in)
{
	json_t *months = json_array(), *counts = json_object(), *events = json_array();
	struct ratio limit = pack_pue_limit(in->pack);
	for (size_t i = 0; i < in->n_months; i++)
		json_array_append_new(months, cert_month_json(&in->months[i], in->site, in->zone, limit));
	for (int i = 0; i < EVENT_N; i++)
		if (in->event_counts[i])
			json_object_set_new(counts, ledger_event_name((enum ledger_event_kind)i), json_integer((json_int_t)in->event_counts[i]));
	for (size_t i = 0; i < in->n_events; i++)
		json_array_append_new(events, event_json(&in->events[i], in->site));
	json_object_set_new(results, "months", months);
	json_object_set_new(results, "events", counts);
	json_object_set_new(results, "event_list", events);
	json_object_set_new(results, "balance", balance_rows_json(in));
	add_flows(results, in);
}

static void add_method(json_t *method, const struct cert_inputs *in)
{
	json_t *points = json_array();
	for (int p = POINT_NONE + 1; p < POINT_N; p++)
		for (size_t i = 0; i < in->site->meters.n; i++) {
			const struct meter *m = &site_meters(in->site)[i];
			if (m->role != ROLE_IT || m->point != p)
				continue;
			json_array_append_new(points, cert_text(name_of(point_names, p)));
			break;
		}
	json_object_set_new(method, "points", points);
	json_object_set_new(method, "interval_ms", json_integer(in->site->interval_ms));
	json_object_set_new(method, "energy_source", json_string("registers"));
	json_object_set_new(method, "window", json_string("local calendar of the site"));
}

static void add_identity(json_t *cert, const struct cert_inputs *in)
{
	json_t *identity = json_object_get(cert, "identity"), *validity = json_object_get(cert, "validity");
	char issued[WALL_TEXT];
	json_object_set_new(cert, "issued", json_string(wall_text(in->issued, issued)));
	json_object_set_new(identity, "number", json_string(in->number));
	json_object_set_new(identity, "software", cert_text(in->software));
	json_object_set_new(identity, "config_sha256", cert_text(in->config_hash));
	json_object_set_new(identity, "key_id", cert_text(in->site->key_id));
	json_object_set_new(validity, "supersedes", cert_text(in->supersedes));
	json_object_set_new(validity, "revocation", cert_bilingual((struct bilingual){ "以签发方的撤销声明为准", "see the issuer's signed revocations" }));
}

static json_t *party_json(const struct party *p)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "name", cert_bilingual(p->name), "code", cert_text(p->code), "representative", cert_text(p->representative),
			 "contact", cert_text(p->contact), "address", cert_text(p->address));
}

static json_t *declarations_json(void)
{
	static const struct { const char *role; struct bilingual title; } slots[] = {
		{ "applicant", { "申报单位", "Applicant" } }, { "operator", { "运维工程师", "Operator's engineer" } }, { "tester", { "第三方检测机构", "Third-party tester" } } };
	json_t *list = json_array();
	for (size_t i = 0; i < countof(slots); i++)
		json_array_append_new(list, json_pack("{s:s, s:o, s:n, s:n}", "role", slots[i].role, "title", cert_bilingual(slots[i].title), "by", "date"));
	return list;
}

static json_t *verification_json(const struct cert_inputs *in)
{
	static const struct bilingual steps[] = {
		{ "用自己信任的公钥验证签名", "verify the signature with a key that you trust" },
		{ "核对可读视图与签名内容逐项一致", "compare the readable view with what was signed, member by member" },
		{ "由所附证据(区间记录及其默克尔路径)重新计算电量", "compute the energies again from the attached evidence (interval records and their Merkle paths)" },
		{ "由事实和规则包重新得出结论与金额", "judge the facts by the pack again: verdict and amount" },
	};
	CLEANUP(buf_done) struct buf locator = { 0 };
	json_t *list = json_array();
	buf_printf(&locator, "pued/v1/%s/certificate/%s", in->site->id, in->number);
	for (size_t i = 0; i < countof(steps); i++)
		json_array_append_new(list, cert_bilingual(steps[i]));
	return json_pack("{s:s, s:s, s:o}", "command", "puectl verify FILE --trust KEYS", "locator", locator.data ? locator.data : "", "steps", list);
}

bool cert_add_given(json_t *cert, const struct cert_inputs *in, struct err *err)
{
	add_identity(cert, in);
	add_method(json_object_get(cert, "method"), in);
	add_results(json_object_get(cert, "results"), in);
	json_object_set_new(cert, "site", site_facts_json(in->site));
	json_object_set_new(cert, "applicant", party_json(&in->site->applicant));
	json_object_set_new(cert, "operator", party_json(&in->site->operator_));
	json_object_set_new(cert, "meters", meters_json(in));
	json_object_set_new(cert, "declarations", declarations_json());
	json_object_set_new(cert, "verification", verification_json(in));
	json_object_set(cert, "evidence", in->evidence);
	return json_object_get(cert, "evidence") ? true : err_set(err, ERR_EVIDENCE, "a certificate needs evidence: tree size and root at least");
}
