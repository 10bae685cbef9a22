/* Facts as JSON: one table a struct, read and written by the same rows. */
#include "rules/facts_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define F(type, name, kind, field) { name, kind, offsetof(type, field), NULL, 0 }
#define SUB(type, name, field, rows) { name, FIELD_OBJECT, offsetof(type, field), rows, 0 }

static const struct field_row pair_rows[] = { { "total", FIELD_COUNT, 0, NULL, 0 }, { "it", FIELD_COUNT, sizeof(int64_t), NULL, 0 }, { NULL } };
#define CLASS(name, id) { name, FIELD_COUNT, id * sizeof(int64_t), NULL, 0 }
static const struct field_row class_rows[] = { CLASS("R", CLASS_R), CLASS("D", CLASS_D), CLASS("L", CLASS_L), CLASS("I", CLASS_I), CLASS("B", CLASS_B),
					       CLASS("P", CLASS_P), CLASS("N", CLASS_N), CLASS("M", CLASS_M), CLASS("missing", CLASS_MISSING), { NULL } };
static const struct field_row side_rows[] = { { "total", FIELD_OBJECT, 0, class_rows, 0 },
					      { "it", FIELD_OBJECT, CLASS_COUNT * sizeof(int64_t), class_rows, 0 }, { NULL } };
static const struct field_row kpi_rows[] = {
	F(struct kpi, "from", FIELD_WALL, from), F(struct kpi, "to", FIELD_WALL, to), F(struct kpi, "kind", FIELD_KIND, kind),
	F(struct kpi, "category", FIELD_SMALL, category),
	F(struct kpi, "total_mwh", FIELD_INTEGER, total_mwh), F(struct kpi, "it_mwh", FIELD_INTEGER, it_mwh),
	F(struct kpi, "known_total_mwh", FIELD_INTEGER, known_total_mwh), F(struct kpi, "known_it_mwh", FIELD_INTEGER, known_it_mwh),
	F(struct kpi, "intervals", FIELD_COUNT, intervals), F(struct kpi, "intervals_known", FIELD_COUNT, intervals_known),
	SUB(struct kpi, "complete_time_ppm", complete_time_ppm, pair_rows), SUB(struct kpi, "complete_energy_ppm", complete_energy_ppm, pair_rows),
	SUB(struct kpi, "class_mwh", class_mwh, side_rows), SUB(struct kpi, "substituted_mwh", substituted_mwh, side_rows),
	F(struct kpi, "unsynced_intervals", FIELD_COUNT, unsynced_intervals), F(struct kpi, "late_intervals", FIELD_COUNT, late_intervals),
	F(struct kpi, "findings", FIELD_COUNT, findings),
	F(struct kpi, "u_ppm_rho0", FIELD_COUNT, u_ppm_rho0), F(struct kpi, "u_ppm_rho1", FIELD_COUNT, u_ppm_rho1),
	{ "why_not", FIELD_CHARS, offsetof(struct kpi, why_not), NULL, sizeof((struct kpi *)0)->why_not }, { NULL },
};

#define FUNCTION_OF(name, id) { name, FIELD_COUNT, id * sizeof(int64_t), NULL, 0 }
static const struct field_row function_rows[] = { FUNCTION_OF("unknown", FUNCTION_UNKNOWN), FUNCTION_OF("compute", FUNCTION_COMPUTE),
						  FUNCTION_OF("storage", FUNCTION_STORAGE), FUNCTION_OF("network", FUNCTION_NETWORK),
						  FUNCTION_OF("other", FUNCTION_OTHER), FUNCTION_OF("empty", FUNCTION_EMPTY), { NULL } };
static const struct field_row rack_rows[] = {
	F(struct racks, "installed", FIELD_COUNT, installed), F(struct racks, "metered", FIELD_COUNT, metered), F(struct racks, "in_use", FIELD_COUNT, in_use),
	F(struct racks, "unknown", FIELD_COUNT, unknown), SUB(struct racks, "by_function", by_function, function_rows),
	F(struct racks, "standard_milli", FIELD_COUNT, standard_milli), F(struct racks, "rated_mw", FIELD_COUNT, rated_mw),
	F(struct racks, "shares", FIELD_SHARES, share), { NULL },
};

static const struct field_row bilingual_rows[] = { F(struct bilingual, "zh", FIELD_TEXT, zh), F(struct bilingual, "en", FIELD_TEXT, en), { NULL } };
static const struct field_row site_rows[] = {
	F(struct site, "id", FIELD_TEXT, id), SUB(struct site, "name", name, bilingual_rows), SUB(struct site, "address", address, bilingual_rows),
	F(struct site, "zone", FIELD_TEXT, zone), F(struct site, "administrative_code", FIELD_TEXT, administrative_code),
	F(struct site, "jurisdiction", FIELD_TEXT, jurisdiction), F(struct site, "operation_start", FIELD_DATE, operation_start),
	F(struct site, "retrofit_completed", FIELD_DATE, retrofit_completed), F(struct site, "boundary", FIELD_TEXT, boundary),
	F(struct site, "standard", FIELD_TEXT, standard), { NULL },
};

static const struct field_row attestation_rows[] = {
	F(struct attestation, "name", FIELD_TEXT, name), F(struct attestation, "value", FIELD_TRUTH, value), F(struct attestation, "date", FIELD_DATE, date),
	F(struct attestation, "text", FIELD_TEXT, text), F(struct attestation, "role", FIELD_TEXT, role), F(struct attestation, "by", FIELD_TEXT, by),
	F(struct attestation, "evidence", FIELD_TEXT, evidence), F(struct attestation, "amount", FIELD_TEXT, amount),
	F(struct attestation, "signed", FIELD_BOOL, signed_), F(struct attestation, "revoked", FIELD_BOOL, revoked), { NULL },
};
static const struct field_row claim_rows[] = {
	F(struct claim, "site", FIELD_TEXT, site), F(struct claim, "company", FIELD_TEXT, company), F(struct claim, "policy", FIELD_TEXT, policy),
	F(struct claim, "pending", FIELD_BOOL, pending), F(struct claim, "withdrawn", FIELD_BOOL, withdrawn), F(struct claim, "amount_fen", FIELD_COUNT, amount_fen),
	F(struct claim, "date", FIELD_DATE, date), F(struct claim, "id", FIELD_TEXT, id), F(struct claim, "level", FIELD_TEXT, level), { NULL },
};
static const struct field_row window_rows[] = {
	F(struct named_window, "name", FIELD_TEXT, name), F(struct named_window, "from", FIELD_DATE, from), F(struct named_window, "to", FIELD_DATE, to),
	SUB(struct named_window, "kpi", kpi, kpi_rows), { NULL },
};
static const struct field_row baseline_rows[] = {
	F(struct baseline, "from", FIELD_WALL, from), F(struct baseline, "to", FIELD_WALL, to), F(struct baseline, "kind", FIELD_KIND, kind),
	F(struct baseline, "category", FIELD_SMALL, category), F(struct baseline, "total_mwh", FIELD_INTEGER, total_mwh),
	F(struct baseline, "it_mwh", FIELD_INTEGER, it_mwh), F(struct baseline, "u_ppm_rho0", FIELD_COUNT, u_ppm_rho0),
	F(struct baseline, "u_ppm_rho1", FIELD_COUNT, u_ppm_rho1), F(struct baseline, "site", FIELD_TEXT, site),
	F(struct baseline, "boundary", FIELD_TEXT, boundary), F(struct baseline, "simulated", FIELD_BOOL, simulated),
	F(struct baseline, "standard", FIELD_TEXT, standard), F(struct baseline, "source", FIELD_TEXT, source), F(struct baseline, "id", FIELD_TEXT, id),
	F(struct baseline, "by", FIELD_TEXT, by), { NULL },
};
static const struct field_row factor_rows[] = {
	F(struct fact_factor, "micro_kg_per_kwh", FIELD_RATE, micro), F(struct fact_factor, "source", FIELD_TEXT, source),
	F(struct fact_factor, "status", FIELD_TEXT, status), { NULL },
};
static const struct field_row days_rows[] = { F(struct facts, "from", FIELD_DATE, window_from), F(struct facts, "to", FIELD_DATE, window_to), { NULL } };

#define ROLE(name, id) { name, FIELD_COUNT, id * sizeof(int64_t), NULL, 0 }
static const struct field_row role_rows[] = {
	ROLE("supply", ROLE_SUPPLY), ROLE("pv", ROLE_PV), ROLE("generator", ROLE_GENERATOR), ROLE("fuel", ROLE_FUEL), ROLE("heat", ROLE_HEAT), ROLE("export", ROLE_EXPORT),
	ROLE("other_use", ROLE_OTHER_USE), ROLE("transformer", ROLE_TRANSFORMER), ROLE("ups_input", ROLE_UPS_INPUT), ROLE("distribution", ROLE_DISTRIBUTION), ROLE("it", ROLE_IT),
	ROLE("non_it", ROLE_NON_IT), ROLE("cooling", ROLE_COOLING), ROLE("lighting", ROLE_LIGHTING), ROLE("other", ROLE_OTHER), ROLE("rack", ROLE_RACK), ROLE("reuse", ROLE_REUSE),
	ROLE("renewable", ROLE_RENEWABLE), { NULL },
};
static const struct field_row point_rows[] = {
	ROLE("ups_output", POINT_UPS_OUTPUT), ROLE("pdu_output", POINT_PDU_OUTPUT), ROLE("row_cabinet", POINT_ROW_CABINET), ROLE("rack_inlet", POINT_RACK_INLET),
	ROLE("rack_outlet", POINT_RACK_OUTLET), ROLE("it_input", POINT_IT_INPUT), { NULL },
};
static const struct field_row hall_rows[] = {
	F(struct hall_energy, "total_mwh", FIELD_COUNT, sub_mwh), F(struct hall_energy, "it_mwh", FIELD_COUNT, it_mwh), { NULL },
};
static const struct field_row selection_rows[] = {
	SUB(struct selection, "role_mwh", role_mwh, role_rows), SUB(struct selection, "point_mwh", point_mwh, point_rows), F(struct selection, "halls", FIELD_COUNT, halls),
	SUB(struct selection, "hall_least", least, hall_rows), SUB(struct selection, "hall_most", most, hall_rows), F(struct selection, "meters", FIELD_COUNT, meters),
	F(struct selection, "class_ppm", FIELD_COUNT, class_ppm), F(struct selection, "uncalibrated", FIELD_COUNT, uncalibrated), { NULL },
};

/* Members of facts that are plain; site, zone and the lists stand apart. */
static const struct field_row facts_rows[] = {
	F(struct facts, "judged", FIELD_DATE, judged), { "window", FIELD_OBJECT, 0, days_rows, 0 },
	F(struct facts, "completed", FIELD_DATE, completed), F(struct facts, "applied", FIELD_DATE, applied), F(struct facts, "method", FIELD_TEXT, method),
	F(struct facts, "approved_rate_fen", FIELD_RATE, approved_rate_fen), F(struct facts, "simulated", FIELD_BOOL, simulated),
	SUB(struct facts, "kpi", kpi, kpi_rows), SUB(struct facts, "racks", racks, rack_rows), SUB(struct facts, "racks_min", racks_min, rack_rows),
	SUB(struct facts, "selection", selection, selection_rows), { NULL },
};

enum { LISTS = 3, LIST_MAX = 10000 };
static const struct list_row {
	const char *name;
	const struct field_row *rows;
	size_t size, items, n;
} lists[LISTS] = {
	{ "attestations", attestation_rows, sizeof(struct attestation), offsetof(struct facts, attestations), offsetof(struct facts, n_attestations) },
	{ "claims", claim_rows, sizeof(struct claim), offsetof(struct facts, claims), offsetof(struct facts, n_claims) },
	{ "windows", window_rows, sizeof(struct named_window), offsetof(struct facts, windows), offsetof(struct facts, n_windows) },
};

struct facts_memory {
	struct site site;
	struct zone zone;
	struct zone_shift *shifts;
	void *lists[LISTS];
	const char **lineage;
};

static void fill_unknown(const struct field_row *rows, void *base)
{
	for (; rows->name; rows++) {
		char *at = (char *)base + rows->offset;
		if (rows->kind == FIELD_OBJECT)
			fill_unknown(rows->rows, at);
		else if (rows->kind == FIELD_COUNT || rows->kind == FIELD_INTEGER)
			memcpy(at, &(int64_t){ -1 }, sizeof(int64_t));
		else if (rows->kind == FIELD_SMALL)
			memcpy(at, &(int){ -1 }, sizeof(int));
		else if (rows->kind == FIELD_TRUTH)
			*(enum truth *)(void *)at = TRUTH_UNKNOWN;
	}
}

void kpi_unknown(struct kpi *k)
{
	*k = (struct kpi){ 0 };
	fill_unknown(kpi_rows, k);
}

void racks_unknown(struct racks *r)
{
	*r = (struct racks){ 0 };
	fill_unknown(rack_rows, r);
}

void facts_unknown(struct facts *f)
{
	*f = (struct facts){ 0 };
	fill_unknown(facts_rows, f);
}

json_t *kpi_json(const struct kpi *k)
{
	return fields_json(kpi_rows, k);
}

bool kpi_parse(const json_t *object, struct kpi *out, const char *const *apart, struct err *err)
{
	return fields_parse(kpi_rows, object, out, apart, err);
}

json_t *baseline_json(const struct baseline *b)
{
	return fields_json(baseline_rows, b);
}

bool baseline_parse(const json_t *object, struct baseline *out, struct err *err)
{
	struct baseline b = { 0 };
	fill_unknown(baseline_rows, &b);
	if (!fields_parse(baseline_rows, object, &b, NULL, err))
		return false;
	if (!b.site || b.from.ms >= b.to.ms || b.category < 0)
		return err_set(err, ERR_INPUT, "a baseline needs site, from, to and category");
	*out = b;
	return true;
}

json_t *racks_json(const struct racks *r)
{
	return fields_json(rack_rows, r);
}

json_t *selection_json(const struct selection *s)
{
	return fields_json(selection_rows, s);
}

json_t *site_facts_json(const struct site *s)
{
	return fields_json(site_rows, s);
}

/* The rows of the zone that hold between two instants. */
static json_t *zone_json(const struct zone *z, struct wall from, struct wall to)
{
	json_t *shifts = json_array();
	char text[WALL_TEXT];
	for (size_t i = 0; i < z->n; i++) {
		bool ended = i + 1 < z->n && z->shifts[i + 1].from.ms <= from.ms;
		if (!ended && (z->shifts[i].from.ms < to.ms || json_array_size(shifts) == 0))
			json_array_append_new(shifts, json_pack("[s, i]", wall_text(z->shifts[i].from, text), (int)z->shifts[i].offset_s));
	}
	return json_pack("{s:s, s:o}", "name", z->name, "shifts", shifts);
}

json_t *facts_json(const struct facts *f)
{
	json_t *root = fields_json(facts_rows, f), *lineage = json_array();
	json_object_set_new(root, "format", json_integer(1));
	json_object_set_new(root, "site", f->site ? site_facts_json(f->site) : json_null());
	json_object_set_new(root, "zone", f->zone ? zone_json(f->zone, f->kpi.from, f->kpi.to) : json_null());
	for (size_t i = 0; i < LISTS; i++) {
		const char *items;
		size_t n;
		json_t *list = json_array();
		memcpy(&items, (const char *)f + lists[i].items, sizeof items);
		memcpy(&n, (const char *)f + lists[i].n, sizeof n);
		for (size_t k = 0; k < n; k++)
			json_array_append_new(list, fields_json(lists[i].rows, items + k * lists[i].size));
		json_object_set_new(root, lists[i].name, list);
	}
	/* only where there is one: facts of yesterday stay the same bytes */
	if (f->baseline.site)
		json_object_set_new(root, "baseline", baseline_json(&f->baseline));
	if (f->coal.micro)
		json_object_set_new(root, "coal_equivalent", fields_json(factor_rows, &f->coal));
	for (size_t i = 0; i < f->n_lineage; i++)
		json_array_append_new(lineage, json_string(f->lineage[i]));
	json_object_set_new(root, "lineage", lineage);
	return root;
}

/* Reading */

static bool read_list(const json_t *root, const struct list_row *row, struct facts *f, void **memory, struct err *err)
{
	const json_t *list = json_object_get(root, row->name);
	size_t n = json_array_size(list);
	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || n > LIST_MAX)
		return err_set(err, ERR_INPUT, "/%s: not a list of at most %d", row->name, LIST_MAX);
	char *items = *memory = calloc(n + 1, row->size);
	if (!items)
		return err_memory(err);
	for (size_t i = 0; i < n; i++) {
		fill_unknown(row->rows, items + i * row->size);
		if (!fields_parse(row->rows, json_array_get(list, i), items + i * row->size, NULL, err))
			return err_wrap(err, "/%s/%zu", row->name, i);
		const char *first;
		memcpy(&first, items + i * row->size, sizeof first);
		if (!first)
			return err_set(err, ERR_INPUT, "/%s/%zu: /%s is missing", row->name, i, row->rows[0].name);
	}
	memcpy((char *)f + row->items, memory, sizeof *memory);
	memcpy((char *)f + row->n, &n, sizeof n);
	return true;
}

static bool read_lineage(const json_t *root, struct facts *f, struct err *err)
{
	const json_t *list = json_object_get(root, "lineage");
	size_t n = json_array_size(list);
	if (!list || json_is_null(list))
		return true;
	if (!json_is_array(list) || n > LIST_MAX)
		return err_set(err, ERR_INPUT, "/lineage: not a list");
	f->memory->lineage = calloc(n + 1, sizeof *f->memory->lineage);
	if (!f->memory->lineage)
		return err_memory(err);
	for (size_t i = 0; i < n; i++)
		if (!(f->memory->lineage[i] = json_string_value(json_array_get(list, i))))
			return err_set(err, ERR_INPUT, "/lineage/%zu: not a text", i);
	f->lineage = f->memory->lineage;
	f->n_lineage = n;
	return true;
}

static bool read_zone(const json_t *root, struct facts *f, struct err *err)
{
	const json_t *zone = json_object_get(root, "zone"), *shifts = json_object_get(zone, "shifts");
	const char *name = json_string_value(json_object_get(zone, "name"));
	size_t n = json_array_size(shifts);
	if (!zone || json_is_null(zone))
		return true;
	if (!name || strlen(name) >= sizeof f->memory->zone.name || n == 0 || n > LIST_MAX)
		return err_set(err, ERR_INPUT, "/zone: {\"name\",\"shifts\":[[time, offset in s],...]} is needed");
	f->memory->shifts = calloc(n, sizeof *f->memory->shifts);
	if (!f->memory->shifts)
		return err_memory(err);
	for (size_t i = 0; i < n; i++) {
		const json_t *row = json_array_get(shifts, i), *offset = json_array_get(row, 1);
		const char *from = json_string_value(json_array_get(row, 0));
		json_int_t s = json_integer_value(offset);
		if (!from || json_array_size(row) != 2 || !json_is_integer(offset) || s < -86400 || s > 86400 ||
		    !wall_parse(from, &f->memory->shifts[i].from, err))
			return err_set(err, ERR_INPUT, "/zone/shifts/%zu: [time, offset in s] is needed", i);
		f->memory->shifts[i].offset_s = (int32_t)s;
		if (i && f->memory->shifts[i].from.ms <= f->memory->shifts[i - 1].from.ms)
			return err_set(err, ERR_INPUT, "/zone/shifts/%zu: not ascending", i);
	}
	f->memory->zone.shifts = f->memory->shifts;
	f->memory->zone.n = n;
	strcpy(f->memory->zone.name, name);
	f->zone = &f->memory->zone;
	return true;
}

static bool read_site(const json_t *root, struct facts *f, struct err *err)
{
	if (!fields_parse(site_rows, json_object_get(root, "site"), &f->memory->site, NULL, err))
		return err_wrap(err, "/site");
	if (!f->memory->site.id)
		return err_set(err, ERR_INPUT, "/site/id is missing");
	f->site = &f->memory->site;
	return true;
}

/* C1 from counts by function, for files written by hand (domain.md 3.3): IT racks = all but empty, network in or out. */
static void shares_from_counts(struct racks *r)
{
	const int64_t *n = r->by_function;
	for (int i = 0; i < FUNCTION_N; i++)
		if (n[i] < 0 || n[i] > 100000000)
			return;
	for (int network = 0; network < 2; network++)
		for (int empty = 0; empty < 2; empty++) {
			int64_t all = n[FUNCTION_COMPUTE] + n[FUNCTION_STORAGE] + n[FUNCTION_OTHER] + n[FUNCTION_UNKNOWN] +
				      (network ? n[FUNCTION_NETWORK] : 0) + (empty ? n[FUNCTION_EMPTY] : 0);
			if (all > 0)
				r->share[SHARE_C1][network][empty] = (struct share){ n[FUNCTION_COMPUTE], all, n[FUNCTION_COMPUTE] + n[FUNCTION_UNKNOWN], all, true };
		}
}

static bool facts_read(const json_t *root, struct facts *f, struct err *err)
{
	static const char *const apart[] = { "format", "site", "zone", "lineage", "attestations", "claims", "windows", "baseline", "coal_equivalent", NULL };
	const json_t *format = json_object_get(root, "format");
	if (!json_is_integer(format) || json_integer_value(format) != 1)
		return err_set(err, ERR_INPUT, "/format: format 1 is known here");
	if (!read_site(root, f, err) || !fields_parse(facts_rows, root, f, apart, err) || !read_zone(root, f, err) || !read_lineage(root, f, err))
		return false;
	for (size_t i = 0; i < LISTS; i++)
		if (!read_list(root, &lists[i], f, &f->memory->lists[i], err))
			return false;
	const json_t *baseline = json_object_get(root, "baseline"), *coal = json_object_get(root, "coal_equivalent");
	if (baseline && !json_is_null(baseline) && !baseline_parse(baseline, &f->baseline, err))
		return err_wrap(err, "/baseline");
	if (coal && !json_is_null(coal) && !fields_parse(factor_rows, coal, &f->coal, NULL, err))
		return err_wrap(err, "/coal_equivalent");
	if (f->coal.micro < 0 || (f->coal.micro && !f->coal.source))
		return err_set(err, ERR_INPUT, "/coal_equivalent: a factor above 0 and its source are needed");
	if (f->judged.year == 0)
		return err_set(err, ERR_INPUT, "/judged is missing: the day of judging is an argument");
	if (!json_object_get(json_object_get(root, "racks"), "shares"))
		shares_from_counts(&f->racks);
	return true;
}

bool facts_parse(const char *name, const void *bytes, size_t len, struct facts *out, json_t **root, struct err *err)
{
	struct facts f;
	json_t *json = json_read(name, bytes, len, err);
	if (!json)
		return false;
	facts_unknown(&f);
	f.memory = calloc(1, sizeof *f.memory);
	bool good = f.memory ? facts_read(json, &f, err) || err_wrap(err, "%s", name) : err_memory(err);
	if (!good) {
		facts_done(&f);
		json_decref(json);
		return false;
	}
	*out = f;
	*root = json;
	return true;
}

void facts_done(struct facts *f)
{
	if (!f || !f->memory)
		return;
	for (size_t i = 0; i < LISTS; i++)
		free(f->memory->lists[i]);
	free(f->memory->lineage);
	free(f->memory->shifts);
	free(f->memory);
	f->memory = NULL;
}
