/* What of a certificate follows from its facts and the pack. */
#include "rules/cert_parts.h"

#include <stdio.h>
#include <string.h>

json_t *cert_text(const char *text)
{
	return text ? json_string(text) : json_null();
}

json_t *cert_bilingual(struct bilingual b)
{
	return json_pack("{s:o, s:o}", "zh", cert_text(b.zh), "en", cert_text(b.en));
}

static json_t *day(struct date d)
{
	char text[DATE_TEXT];
	return d.year ? json_string(date_text(d, text)) : json_null();
}

static json_t *ppm(int64_t v)
{
	return v < 0 ? json_null() : json_integer(v);
}

static json_t *pair(const int64_t v[2])
{
	return json_pack("{s:o, s:o}", "total", ppm(v[0]), "it", ppm(v[1]));
}

static bool annual(const struct facts *f)
{
	struct value v = fact_value(f, fact_find("window.annual", NULL, 0, &(int){ 0 }), NULL);
	return v.truth == TRUTH_YES;
}

/* U to three digits, rounded up. */
static json_t *u_text(const struct kpi *k)
{
	char text[40];
	int64_t u = k->u_ppm_rho0 > k->u_ppm_rho1 ? k->u_ppm_rho0 : k->u_ppm_rho1;
	if (k->u_ppm_rho0 < 0 || k->u_ppm_rho1 < 0)
		return json_null();
	snprintf(text, sizeof text, "%lld.%03lld", (long long)((u + 999) / 1000000), (long long)((u + 999) / 1000 % 1000));
	return json_string(text);
}

static json_t *pue_json(const struct pack *p, const struct facts *f, const struct verdict *v)
{
	const struct kpi *k = &f->kpi;
	struct ratio limit = pack_pue_limit(p);
	char number[64] = "", name[16], border[48] = "";
	CLEANUP(buf_done) struct buf text = { 0 };
	struct unit plain;
	bool has = pue_text(k->total_mwh, k->it_mwh, limit, 3, number, sizeof number) && k->kind != KPI_NONE;
	kpi_text(k, f->site, f->zone, limit, &text);
	snprintf(name, sizeof name, "%s%d", annual(f) ? "PUE" : "iPUE", k->category);
	if (limit.den && unit_parse("", &plain))
		exact_text(exact_ratio(limit), &plain, NULL, 2, border, sizeof border);
	return json_pack("{s:s, s:o, s:o, s:o, s:o, s:o, s:i, s:o, s:b, s:b}", "text", text.data ? text.data : "", "name", has ? json_string(name) : json_null(),
			 "value", has ? json_string(number) : json_null(), "u", u_text(k), "u_ppm_rho0", ppm(k->u_ppm_rho0), "u_ppm_rho1", ppm(k->u_ppm_rho1),
			 "k", 2, "limit", border[0] ? json_string(border) : json_null(), "below", limit.den && pue_below(k->total_mwh, k->it_mwh, limit),
			 "guarded", v->guarded);
}

static json_t *window_json(const struct facts *f)
{
	char from[WALL_TEXT], to[WALL_TEXT];
	const struct kpi *k = &f->kpi;
	return json_pack("{s:o, s:o, s:s, s:s, s:b, s:I, s:I}", "from", day(f->window_from), "to", day(f->window_to), "from_utc", wall_text(k->from, from),
			 "to_utc", wall_text(k->to, to), "annual", annual(f), "intervals", (json_int_t)k->intervals, "intervals_known",
			 (json_int_t)k->intervals_known);
}

static json_t *energy_text(int64_t mwh)
{
	char text[80];
	struct unit kwh;
	if (mwh < 0 || !unit_parse("kW.h", &kwh))
		return json_null();
	exact_text(exact_int(mwh), &kwh, NULL, 0, text, sizeof text);
	return json_string(text);
}

static json_t *energies_json(const struct facts *f)
{
	const struct kpi *k = &f->kpi;
	json_t *kpi = kpi_json(k);
	json_t *out = json_pack("{s:o, s:o, s:o, s:o, s:O, s:O, s:{s:o, s:o}}", "total_mwh", ppm(k->total_mwh), "it_mwh", ppm(k->it_mwh), "known_total_mwh",
				ppm(k->known_total_mwh), "known_it_mwh", ppm(k->known_it_mwh), "classes", json_object_get(kpi, "class_mwh"), "substituted",
				json_object_get(kpi, "substituted_mwh"), "text", "total", energy_text(k->total_mwh), "it", energy_text(k->it_mwh));
	json_decref(kpi);
	return out;
}

static json_t *results_json(const struct pack *p, const struct facts *f, const struct verdict *v)
{
	return json_pack("{s:o, s:o, s:o, s:{s:o, s:o}, s:o, s:o}", "pue", pue_json(p, f, v), "window", window_json(f), "energy", energies_json(f), "completeness",
			 "time_ppm", pair(f->kpi.complete_time_ppm), "energy_ppm", pair(f->kpi.complete_energy_ppm), "racks", racks_json(&f->racks), "racks_min",
			 racks_json(&f->racks_min));
}

static json_t *unverified_json(const struct pack *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->figures.n; i++)
		if (ROWS(struct figure, p->figures)[i].status[0] == 'm')
			json_array_append_new(list, json_string(ROWS(struct figure, p->figures)[i].id));
	return list;
}

static json_t *method_json(const struct pack *p, const struct facts *f)
{
	return json_pack("{s:o, s:i, s:s, s:o, s:o, s:o}", "boundary", cert_text(f->site->boundary), "category", f->kpi.category, "method",
			 f->method ? f->method : "mains", "choices", choices_json(p), "figures", figures_json(p), "unverified", unverified_json(p));
}

static json_t *claims_json(const struct facts *f)
{
	json_t *facts = facts_json(f), *claims = json_incref(json_object_get(facts, "claims"));
	json_decref(facts);
	return claims;
}

static json_t *amount_json(const struct facts *f, const struct verdict *v, const json_t *verdict)
{
	char zh[120], en[120];
	long long yuan = (long long)(v->amount_fen / 100), fen = (long long)(v->amount_fen % 100);
	snprintf(zh, sizeof zh, "上限 %lld.%02lld 元(不是核定额)", yuan, fen);
	snprintf(en, sizeof en, "at most %lld.%02lld yuan; a bound, not a grant", yuan, fen);
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:o, s:O, s:o}", "currency", "CNY", "upper_bound_fen", (json_int_t)v->amount_fen, "rate_fen",
			 (json_int_t)v->rate_fen, "cap_fen", (json_int_t)v->cap_fen, "racks", (json_int_t)v->counted_racks, "text",
			 cert_bilingual((struct bilingual){ zh, en }), "split", json_object_get(verdict, "split"), "claims", claims_json(f));
}

/* The baseline of a statement; else the further window of that name which the pack asks for. */
static bool baseline_of(const struct facts *f, struct baseline *out)
{
	*out = f->baseline;
	for (size_t i = 0; i < f->n_windows && !out->site; i++) {
		if (strcmp(f->windows[i].name, "baseline") != 0)
			continue;
		baseline_of_kpi(&f->windows[i].kpi, f->site, out);
		out->simulated = f->simulated;
		out->source = "the pack's window 'baseline'";
	}
	return out->site != NULL;
}

static json_t *baseline_side(const struct baseline *b, const struct facts *f, struct ratio limit)
{
	char number[64], name[16];
	static const struct zone utc = { .name = "UTC" };
	const struct zone *zone = f->zone ? f->zone : &utc;
	bool has = b->kind != KPI_NONE && pue_text(b->total_mwh, b->it_mwh, limit, 3, number, sizeof number);
	snprintf(name, sizeof name, "%s%d", b->kind == KPI_PUE ? "PUE" : "iPUE", b->category);
	json_t *side = baseline_json(b);
	json_object_set_new(side, "name", has ? json_string(name) : json_null());
	json_object_set_new(side, "value", has ? json_string(number) : json_null());
	json_object_set_new(side, "first_day", day(zone_date(zone, b->from)));
	json_object_set_new(side, "last_day", day(zone_date(zone, (struct wall){ b->to.ms - 1 })));
	return side;
}

static json_t *exact_delta(const struct baseline *then, const struct baseline *now)
{
	struct exact d, zero = { 0, 1 };
	struct unit plain;
	char text[64];
	bool good = exact_sub(exact_ratio((struct ratio){ now->total_mwh, now->it_mwh }), exact_ratio((struct ratio){ then->total_mwh, then->it_mwh }), &d) &&
		    unit_parse("", &plain);
	if (good)
		exact_text(d, &plain, &zero, 3, text, sizeof text);
	return good ? json_string(text) : json_null();
}

static json_t *coal_json(const struct facts *f, int64_t saved_mwh)
{
	char text[80];
	struct unit tce;
	struct exact zero = { 0, 1 };
	if (f->coal.micro <= 0 || !unit_parse("tce", &tce))
		return json_null();
	int64_t grams = coal_grams(saved_mwh, f->coal.micro);
	exact_text(exact_int(grams), &tce, &zero, 3, text, sizeof text);
	return json_pack("{s:s, s:I, s:I, s:o, s:o}", "text", text, "saved_g", (json_int_t)grams, "micro_kg_per_kwh", (json_int_t)f->coal.micro, "source",
			 cert_text(f->coal.source), "status", cert_text(f->coal.status));
}

/* Before and after a retrofit: information only (domain.md 3.2, row 2.2). */
static json_t *before_after_json(const struct facts *f, struct ratio limit)
{
	struct baseline then, now;
	struct baseline_delta d;
	struct err why = { 0 };
	char saved[80];
	struct unit kwh;
	struct exact zero = { 0, 1 };
	if (!baseline_of(f, &then))
		return json_null();
	baseline_of_kpi(&f->kpi, f->site, &now);
	now.simulated = f->simulated;
	json_t *out = json_pack("{s:o, s:s, s:n, s:n, s:n, s:n, s:n}", "baseline", baseline_side(&then, f, limit), "use", "information", "delta_pue", "u", "saved",
				"coal", "why_not");
	if (!baseline_compare(&then, &now, &d, &why)) {
		json_object_set_new(out, "why_not", json_string(why.text));
		return out;
	}
	if (unit_parse("kW.h", &kwh))
		exact_text(exact_int(d.saved_mwh), &kwh, &zero, 0, saved, sizeof saved);
	json_object_set_new(out, "delta_pue", exact_delta(&then, &now));
	json_object_set_new(out, "u", json_pack("{s:o, s:o, s:i}", "u_ppm_rho0", ppm(d.u_ppm_rho0), "u_ppm_rho1", ppm(d.u_ppm_rho1), "k", 2));
	json_object_set_new(out, "saved", json_string(saved));
	json_object_set_new(out, "saved_mwh", json_integer((json_int_t)d.saved_mwh));
	json_object_set_new(out, "seasons_differ", json_boolean(d.seasons));
	json_object_set_new(out, "coal", coal_json(f, d.saved_mwh));
	return out;
}

json_t *cert_derived(const struct pack *p, const struct facts *f, const struct verdict *v)
{
	json_t *verdict = verdict_json(p, v), *edition = cert_text(f->site->standard ? f->site->standard : "ISO/IEC 30134-2:2026");
	return json_pack("{s:i, s:s, s:b, s:{s:O, s:o}, s:o, s:o, s:o, s:o, s:o, s:{s:o}, s:o}", "format", 1, "term", annual(f) ? "annual" : "interim",
			 "simulated", f->simulated, "identity", "pack", json_object_get(verdict, "pack"), "edition", edition, "method", method_json(p, f),
			 "results", results_json(p, f, v), "amount", amount_json(f, v, verdict), "verdict", verdict, "before_after", before_after_json(f, pack_pue_limit(p)),
			 "validity", "until", p->validity.until.year ? day(p->validity.until) : json_null(), "facts", facts_json(f));
}
