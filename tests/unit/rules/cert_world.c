#include "tests/unit/rules/cert_world.h"
#include "tests/unit/kit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char site_yaml[] =
	"version: 1\n"
	"site:\n"
	"  id: demo-baoding\n"
	"  name: {zh: 演示数据中心, en: Demonstration data center}\n"
	"  address: {zh: 河北省保定市示例路1号, en: \"1 Example Road, Baoding, Hebei\"}\n"
	"  timezone: Asia/Shanghai\n"
	"  simulated: true\n"
	"  administrative_code: \"130600\"\n"
	"  jurisdiction: city_district\n"
	"  applicant: {name: {zh: 示例云计算有限公司, en: \"Example Cloud Co., Ltd.\"}, representative: 李四, contact: 0312-0000000}\n"
	"  operation_start: 2016-05-01\n"
	"  retrofit_completed: 2024-11-30\n"
	"  boundary: drawing E-01 rev 3\n"
	"  standard: \"ISO/IEC 30134-2:2026\"\n"
	"defaults:\n"
	"  meters: {class: 0.2S, ct_class: 0.2S, applied_by: meter}\n"
	"meters:\n"
	"  - {id: mains-a, role: supply, p_max: 4 MW, device: d, energy: e1, serial: A1, certificate: CAL-1, calibrated_until: 2026-06-30}\n"
	"  - {id: mains-b, role: supply, p_max: 4 MW, device: d, energy: e2, serial: A2, certificate: CAL-2, calibrated_until: 2026-06-30}\n"
	"  - {id: ups-1, role: it, point: pdu_output, parent: mains-a, p_max: 3 MW, device: d, energy: e3, class: 0.5S, ct_class: 0.5S, serial: U1}\n"
	"  - {id: ups-2, role: it, point: pdu_output, parent: mains-b, p_max: 3 MW, device: d, energy: e4, class: 0.5S, ct_class: 0.5S, serial: U2}\n"
	"  - {id: chillers, role: cooling, parent: mains-a, p_max: 1 MW, device: d, energy: e5, serial: C1}\n"
	"  - {id: lighting, role: lighting, parent: mains-b, p_max: 100 kW, device: d, energy: e6, class: 1, serial: L1}\n"
	"devices:\n"
	"  - {id: d, profile: p, endpoint: \"modbus+tcp://10.0.0.1/1\"}\n";

/* Row feeds of the IT meters: what C3 and racks in use are counted by. */
static const char racks_yaml[] =
	"racks:\n"
	"  - {for: {n: 001..760}, id: c<n>, hall: h1, row: r1, function: compute, rated: 4 kW, feeds: [ups-1]}\n"
	"  - {for: {n: 001..200}, id: s<n>, hall: h1, row: r2, function: storage, rated: 4 kW, feeds: [ups-2]}\n"
	"  - {for: {n: 001..040}, id: n<n>, hall: h1, row: r2, function: network, rated: 4 kW, feeds: [ups-2]}\n"
	"  - {for: {n: 001..024}, id: e<n>, hall: h1, row: r2, function: empty, rated: 4 kW, removed: \"2025-06-30T16:00:00Z\"}\n";

char *world_slurp(const char *path, size_t *len)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	if (!kit_file(path, &b))
		return NULL;
	*len = b.len;
	return buf_take(&b);
}

static bool no_files(void *ctx, const char *path, struct buf *out, struct err *err)
{
	(void)ctx, (void)out;
	return err_set(err, ERR_IO, "%s: not here", path);
}

static bool load(struct world *w, const char *pack_path, struct err *err)
{
	size_t len;
	char *text = world_slurp(pack_path, &len);
	w->conf = conf_new();
	w->pack_conf = conf_new();
	CLEANUP(buf_done) struct buf yaml = { 0 };
	buf_printf(&yaml, "%s%s", site_yaml, w->options.configured ? racks_yaml : "");
	w->site = site_load(w->conf, "site.yaml", yaml.data, yaml.len, (struct file_reader){ no_files, NULL });
	w->pack = text ? pack_load(w->pack_conf, "pack.yaml", text, len, NULL) : NULL;
	free(text);
	if (!w->site || !w->pack)
		return conf_ok(w->conf, err) && conf_ok(w->pack_conf, err) ? err_set(err, ERR_INTERNAL, "world: %s", pack_path) : false;
	return true;
}

/* mWh of a meter in an interval: the IT load is flat, the chillers follow the season; all integers, so that sums are exact. */
static int64_t energy_of(size_t meter, size_t i)
{
	int64_t it = 325000000 + (int64_t)(i % 97) * 1000;
	int64_t day = (int64_t)(i / 96) % 365, season = day < 182 ? day : 365 - day;
	int64_t cool = 90000000 + season * 400000, light = 3000000;
	switch (meter) {
	case 0:
		return it + cool + 4000000;
	case 1:
		return it + light + 4000000;
	case 2:
	case 3:
		return it;
	case 4:
		return cool;
	default:
		return light;
	}
}

static void make_interval(struct world *w, size_t i, int64_t start_ms, int64_t cumulative[6], struct interval *iv, struct interval_row *rows)
{
	bool gap = i >= 5000 && i < 5000 + w->options.gaps, frozen = i >= w->options.frozen_from && i < w->options.frozen_to;
	*iv = (struct interval){ .from = { start_ms + (int64_t)i * 900000 }, .to = { start_ms + (int64_t)(i + 1) * 900000 }, .total_known = !gap, .it_known = true,
				 .synced = true, .rows = rows, .n = 6, .flags = w->options.exchanged && i == 9000 ? INTERVAL_EPOCH_CHANGE : 0, .total_missing_ms = gap ? 900000 : 0 };
	for (size_t m = 0; m < 6; m++) {
		bool missing = gap && m == 0;
		int64_t e = missing || (frozen && m == 0) ? 0 : energy_of(m, i);
		cumulative[m] += e;
		rows[m] = (struct interval_row){ .meter = (uint32_t)m, .energy_mwh = e, .cumulative_mwh = cumulative[m], .missing_ms = missing ? 900000 : 0,
						 .class_ = missing ? CLASS_MISSING : CLASS_R, .substitute_class = CLASS_MISSING };
	}
	iv->total_mwh = rows[0].energy_mwh + rows[1].energy_mwh;
	iv->it_mwh = rows[2].energy_mwh + rows[3].energy_mwh;
	iv->total_cumulative_mwh = cumulative[0] + cumulative[1];
	iv->it_cumulative_mwh = cumulative[2] + cumulative[3];
}

/* The register that stood still jumps when the last frozen interval is closed: a line from its old value, which the intervals to come
 * have in them already. */
static void unfreeze(struct world *w, int64_t start_ms, int64_t cumulative[6])
{
	struct ledger_event *ev = &w->correction;
	int64_t from = start_ms + (int64_t)w->options.frozen_from * 900000, closed = start_ms + (int64_t)w->options.frozen_to * 900000, sum = 0;
	for (size_t i = w->options.frozen_from; i < w->options.frozen_to; i++)
		sum += energy_of(0, i);
	*ev = (struct ledger_event){ .kind = EVENT_CORRECTION, .from = { from }, .to = { closed + w->options.behind_ms }, .reason = "a frozen register moved",
				     .curve = { .start_mwh = cumulative[0], .den = 1, .closed_to = { closed }, .class_ = CLASS_D } };
	ev->curve.end_mwh = cumulative[0] + sum + sum / 7 * (w->options.behind_ms / 450000);
	cumulative[0] += curve_at(ev, ev->curve.closed_to) - curve_at(ev, ev->from);
}

enum { KIND_EVENT = 1, KIND_CONFIG = 2, KIND_MANUAL = 7 };     /* docs/evidence-format.md */

static bool attach(struct world *w, const struct merkle_nodes *tree, const char *why, size_t i, struct err *err)
{
	struct hash path[MERKLE_PATH_MAX];
	size_t n;
	struct cert_leaf leaf = { .index = i, .kind = w->kinds[i], .at = { (int64_t)i }, .bytes = w->leaves[i].data, .len = w->leaves[i].len };
	return merkle_nodes_inclusion(tree, i, path, &n) && cert_evidence_add(w->evidence, why, &leaf, path, n, err);
}

/* What people state, signed, and their leaves behind the intervals. */
static const struct { const char *name, *role, *by, *value, *date; } said[WORLD_STATEMENTS] = {
	{ "retrofit", "applicant", "张三", "yes", "2025-12-30" }, { "cloud_center", "applicant", "张三", "yes", "2025-12-30" }, { "operator", "operator", "李四", "yes", "2025-12-30" },
	{ "applied", "applicant", "张三", NULL, "2026-01-09" } };

static bool state(struct world *w, size_t i, struct buf *envelope, struct err *err)
{
	CLEANUP(buf_done) struct buf payload = { 0 };
	json_t *o = json_pack("{s:s, s:s, s:s*, s:s, s:s, s:s, s:s, s:b, s:s}", "kind", "attestation", "name", said[i].name, "value", said[i].value, "role", said[i].role,
			      "by", said[i].by, "date", said[i].date, "site", "demo-baoding", "simulated", 1, "issued", "2025-12-30T00:00:00Z");
	bool good = statement_payload(o, &payload, err) && jws_make(&w->signer.ops, JWS_STATEMENT, payload.data, payload.len, false, envelope, err);
	json_decref(o);
	return good;
}

static void push_leaf(struct world *w, uint8_t kind)
{
	w->kinds[w->n] = kind;
	merkle_record(kind, (struct wall){ (int64_t)w->n }, w->leaves[w->n].data, w->leaves[w->n].len, &w->hashes[w->n]);
	merkle_push(&w->tree, &w->hashes[w->n]);
}

/* Nobody sees a leaf that is not attached: its hash may be any. */
static void push_unseen(struct world *w)
{
	memcpy(w->hashes[w->n].bytes, &w->n, sizeof w->n);
	merkle_push(&w->tree, &w->hashes[w->n]);
}

/* Why an interval is attached; NULL: it is not. */
static const char *reason_for(const struct world *w, size_t i)
{
	const int64_t to = 1735660800000LL + ((int64_t)i - 95) * 900000;
	if (i == 95)
		return "start";
	if (i + 1 == WORLD_INTERVALS)
		return "end";
	for (int m = 0; m < 12; m++)
		if (w->months[m].to.ms == to)
			return "month";
	return i >= 5000 && i < 5000 + w->options.gaps ? "unknown" : w->options.exchanged && i == 9000 ? "marked" : NULL;
}

static bool add_statements(struct world *w, struct err *err)
{
	statements_init(&w->statements, "demo-baoding");
	for (size_t i = 0; i < WORLD_STATEMENTS; i++, w->n++) {
		if (!state(w, i, &w->leaves[w->n], err) || !statements_add(&w->statements, &w->trust, w->leaves[w->n].data, w->leaves[w->n].len, err))
			return false;
		push_leaf(w, KIND_MANUAL);
	}
	return true;
}

static struct wall interval_start(size_t i)
{
	return (struct wall){ 1735660800000LL + ((int64_t)i - 96) * 900000 };
}

/* Words about the first meter: as envelope leaves, and on top of the site that everything is folded with. */
static bool make_words(struct world *w, struct err *err)
{
	const struct world_options *o = &w->options;
	char at[WALL_TEXT], from[WALL_TEXT], to[WALL_TEXT], json[2][400];
	struct meter_words words[2];
	size_t n = 0;
	wall_text((struct wall){ interval_start(9000).ms + 300000 }, at);
	wall_text(interval_start(5000), from);
	wall_text(interval_start(5000 + o->gaps), to);
	snprintf(json[0], sizeof json[0], "{\"at\":\"%s\",\"class\":\"0.5S\",\"first\":0,\"id\":\"mains-a\",\"last\":5000,\"reason\":\"worn\",\"serial\":\"B1\"}", at);
	snprintf(json[1], sizeof json[1], "{\"energy\":\"7000 kW.h\",\"from\":\"%s\",\"id\":\"mains-a\",\"reason\":\"display read\",\"to\":\"%s\"}", from, to);
	if (o->exchanged)
		words[n++] = (struct meter_words){ .json = json[0] };
	if (o->read_by_hand)
		words[n++] = (struct meter_words){ .json = json[1], .reading = true };
	bool good = true;
	char ids[2][20];
	for (size_t i = 0; i < n && good; i++) {
		CLEANUP(buf_done) struct buf payload = { 0 };
		const char *member = words[i].reading ? "reading" : "meter";
		json_t *o2 = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:o}", "kind", member, "role", "operator", "by", "李四", "site", "demo-baoding", "simulated", 1, "issued",
				       "2025-12-30T00:00:00Z", member, json_loads(words[i].json, 0, NULL));
		good = statement_payload(o2, &payload, err) && jws_make(o->word_forged ? &w->stranger.ops : &w->signer.ops, JWS_STATEMENT, payload.data, payload.len, false, &w->words[i], err);
		snprintf(ids[i], sizeof ids[i], "%s", json_string_value(json_object_get(o2, "id")));
		words[i].id = ids[i];
		words[i].by = "李四";
		json_decref(o2);
	}
	w->n_words = n;
	if (!good || !(w->amendment = amend(w->site, words, n, err)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!words[i].counts)
			return err_set(err, ERR_INTERNAL, "world: %s", words[i].why);
	w->site = amended_site(w->amendment);
	return true;
}

static bool add_words(struct world *w, struct err *err)
{
	for (size_t i = 0; i < w->n_words; i++, w->n++) {
		w->leaves[w->n] = w->words[i];
		w->words[i] = (struct buf){ 0 };
		if (!statements_add(&w->statements, &w->trust, w->leaves[w->n].data, w->leaves[w->n].len, err))
			return false;
		push_leaf(w, KIND_MANUAL);
	}
	return true;
}

static void add_event(struct world *w, const struct ledger_event *ev)
{
	event_leaf(w->site, ev, &w->leaves[w->n]);
	push_leaf(w, KIND_EVENT);
	w->n++;
}

static void add_configuration(struct world *w)
{
	struct buf *b = &w->leaves[w->n];
	struct hash hash;
	char *text = site_canonical(w->site);
	if (!text)
		abort();
	sha256(text, strlen(text), &hash);
	hash_hex(&hash, w->config_hash);
	buf_str(b, "{\"configuration\":");
	buf_json(b, text);
	free(text);
	buf_printf(b, ",\"sha256\":\"%s\"}", w->config_hash);
	push_leaf(w, KIND_CONFIG);
	w->n++;
}

static void fill_racks(struct racks *r)
{
	racks_unknown(r);
	*r = (struct racks){ .installed = 1024, .metered = 1024, .in_use = 1000, .standard_milli = 1638400, .rated_mw = 4096000000 };
	r->by_function[FUNCTION_COMPUTE] = 760;
	r->by_function[FUNCTION_STORAGE] = 200;
	r->by_function[FUNCTION_NETWORK] = 40;
	r->by_function[FUNCTION_EMPTY] = 24;
	for (int n = 0; n < 2; n++)
		for (int e = 0; e < 2; e++) {
			int64_t all = 960 + 40 * n + 24 * e;
			r->share[SHARE_C1][n][e] = r->share[SHARE_C2][n][e] = (struct share){ 760, all, 760, all, true };
			r->share[SHARE_C3][n][e] = (struct share){ 78, 100, 78, 100, true };
		}
}

static void fill_facts(struct world *w)
{
	struct facts *f = &w->facts;
	facts_unknown(f);
	window_kpi(w->window, &w->zone, &f->kpi);
	fill_racks(&f->racks);
	f->racks_min = f->racks;
	if (w->options.configured) {
		racks_at(w->site, (struct wall){ f->kpi.to.ms - 1 }, w->window, pack_standard_rack_mw(w->pack), &f->racks);
		racks_least(w->site, f->kpi.from, f->kpi.to, w->window, pack_standard_rack_mw(w->pack), &f->racks_min);
	}
	selection_of(w->site, &w->zone, w->window, f->kpi.from, f->kpi.to, &f->selection);
	f->site = w->site;
	f->zone = &w->zone;
	f->simulated = true;
	f->judged = (struct date){ 2026, 1, 10 };
	f->window_from = (struct date){ 2025, 1, 1 };
	f->window_to = (struct date){ 2025, 12, 31 };
	f->completed = (struct date){ 2024, 11, 30 };
	statements_into(&w->statements, f);
}

/* What the ledger makes of the reading. */
static void state_by_hand(struct world *w)
{
	size_t n;
	const struct manual_reading *r = amended_readings(w->amendment, &n);
	w->manual = (struct ledger_event){ .kind = EVENT_MANUAL, .from = r->from, .to = r->to, .energy_mwh = r->energy_mwh, .reason = "display read" };
	window_event(w->window, &w->manual);
}

static bool fold(struct world *w, struct err *err)
{
	static const struct zone_shift shifts[] = { { { 0 }, 28800 } };
	const int64_t start = 1735660800000LL - 96 * 900000LL;     /* 2024-12-31T00:00+08:00 */
	struct wall from = { 1735660800000LL }, to = { 1767196800000LL };
	struct window *months[12];
	int64_t cumulative[6] = { 0 };
	w->zone = (struct zone){ "Asia/Shanghai", shifts, 1 };
	w->window = window_new(w->site, from, to, err);
	for (int8_t m = 0; m < 12; m++) {
		struct date a = { 2025, (int8_t)(m + 1), 1 }, b = m == 11 ? (struct date){ 2026, 1, 1 } : (struct date){ 2025, (int8_t)(m + 2), 1 };
		months[m] = window_new(w->site, zone_day_start(&w->zone, a), zone_day_start(&w->zone, b), err);
		w->months[m].to = zone_day_start(&w->zone, b);
	}
	w->hashes = calloc(WORLD_LEAVES, sizeof *w->hashes);
	w->leaves = calloc(WORLD_LEAVES, sizeof *w->leaves);
	w->kinds = calloc(WORLD_LEAVES, sizeof *w->kinds);
	for (w->n = 0; w->n < WORLD_INTERVALS; w->n++) {
		struct interval iv;
		struct interval_row rows[6];
		make_interval(w, w->n, start, cumulative, &iv, rows);
		if (reason_for(w, w->n)) {
			interval_leaf(w->site, &iv, &w->leaves[w->n]);
			push_leaf(w, 0);
		} else {
			push_unseen(w);
		}
		window_push(w->window, &iv);
		for (int m = 0; m < 12; m++)
			window_push(months[m], &iv);
		if (w->options.frozen_to && w->n + 1 == w->options.frozen_to)
			unfreeze(w, start, cumulative);
	}
	if (w->options.frozen_to)
		window_event(w->window, &w->correction);
	if (w->options.read_by_hand)
		state_by_hand(w);
	for (int m = 0; m < 12; m++) {
		if (w->options.frozen_to)
			window_event(months[m], &w->correction);
		if (w->options.read_by_hand)
			window_event(months[m], &w->manual);
		window_kpi(months[m], &w->zone, &w->months[m]);
		window_free(months[m]);
	}
	return true;
}

static bool collect(struct world *w, struct err *err)
{
	struct hash root;
	struct merkle_nodes tree;
	char hex[65];
	bool good = merkle_nodes_init(&tree, w->n, err);
	if (!good)
		return false;
	memcpy(tree.levels[0], w->hashes, w->n * sizeof *w->hashes);
	merkle_nodes_fill(&tree, &root);
	hash_hex(&root, hex);
	w->evidence = cert_evidence_new(1, w->n, hex);
	for (size_t i = 0; i < w->n && good; i++) {
		const char *why = i < WORLD_INTERVALS ? reason_for(w, i) : w->kinds[i] == KIND_MANUAL ? "statement" : w->kinds[i] == KIND_EVENT ? "correction" : "configuration";
		good = !why || attach(w, &tree, why, i, err);
	}
	cert_evidence_omitted(w->evidence, &(struct cert_omitted){ 0 });
	merkle_nodes_done(&tree);
	return good;
}

bool world_make(struct world *w, const char *pack_path, struct world_options options, struct err *err)
{
	*w = (struct world){ .options = options };
	test_signer_add_ed25519(&w->signer, 9);
	test_signer_add_ed25519(&w->stranger, 10);
	w->signer.ops.ctx = &w->signer;
	w->signer.ops.keys = w->signer.pubs;
	w->stranger.ops.ctx = &w->stranger;
	w->stranger.ops.keys = w->stranger.pubs;
	trust_text(&w->trust_bytes, &w->signer, ",\"simulated\":true,\"site\":\"demo-baoding\"");
	if (!trust_parse("trust", w->trust_bytes.data, w->trust_bytes.len, &w->trust, err) || !load(w, pack_path, err) || !make_words(w, err) ||
	    !fold(w, err) || !add_statements(w, err) || !add_words(w, err))
		return false;
	if (options.frozen_to)
		add_event(w, &w->correction);
	if (options.read_by_hand)
		add_event(w, &w->manual);
	if (options.configured)
		add_configuration(w);
	if (!collect(w, err))
		return false;
	fill_facts(w);
	return true;
}

bool world_certify(struct world *w, struct err *err)
{
	struct hash root;
	static char hex[65];
	merkle_root(&w->tree, &root);
	hash_hex(&root, hex);
	verdict_done(&w->verdict);
	buf_reset(&w->payload);
	buf_reset(&w->envelope);
	if (!judge(w->pack, &w->facts, &w->verdict, err))
		return false;
	w->inputs = (struct cert_inputs){ .site = w->site, .zone = &w->zone, .pack = w->pack, .facts = &w->facts, .verdict = &w->verdict,
					  .number = w->options.number ? w->options.number : "SIM-demo-baoding-2025-001", .supersedes = w->options.supersedes, .issued = { 1768010400000LL }, .software = "pued 0.1.0",
					  .config_hash = w->options.configured ? w->config_hash : hex, .tree_root = hex, .tree_size = w->n, .epoch = 1, .months = w->months, .n_months = 12,
					  .window = w->window, .evidence = w->evidence };
	if (w->options.frozen_to && w->correction.to.ms >= w->facts.kpi.from.ms) {
		w->inputs.event_counts[EVENT_CORRECTION] = 1;
		w->inputs.events = &w->correction;
		w->inputs.n_events = 1;
	}
	if (w->options.read_by_hand) {
		w->inputs.event_counts[EVENT_MANUAL] = 1;
		w->inputs.events = &w->manual;
		w->inputs.n_events = 1;
	}
	if (!w->options.configured)
		w->inputs.event_counts[EVENT_WRAP] = 2;
	return cert_build(&w->inputs, &w->payload, err) && jws_make(&w->signer.ops, JWS_CERTIFICATE, w->payload.data, w->payload.len, true, &w->envelope, err);
}

void world_done(struct world *w)
{
	for (size_t i = 0; w->leaves && i < w->n; i++)
		buf_done(&w->leaves[i]);
	free(w->leaves);
	free(w->kinds);
	for (size_t i = 0; i < countof(w->words); i++)
		buf_done(&w->words[i]);
	free(w->hashes);
	window_free(w->window);
	amendment_free(w->amendment);
	statements_done(&w->statements);
	verdict_done(&w->verdict);
	json_decref(w->evidence);
	buf_done(&w->payload);
	buf_done(&w->envelope);
	buf_done(&w->trust_bytes);
	test_signer_done(&w->signer);
	test_signer_done(&w->stranger);
	trust_done(&w->trust);
	conf_free(w->conf);
	conf_free(w->pack_conf);
}
