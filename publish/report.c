/* Payload of the signed 15-minute report; docs/formats-publish.md describes every member.  Integers and texts only, sorted keys,
 * compact: the bytes are signed once and travel verbatim. */
#include "publish/publish.h"
#include "publish/text.h"

#include <stdlib.h>

static const char *const class_names[CLASS_COUNT] = {
	[CLASS_R] = "R", [CLASS_D] = "D", [CLASS_L] = "L", [CLASS_I] = "I", [CLASS_B] = "B",
	[CLASS_P] = "P", [CLASS_N] = "N", [CLASS_M] = "M", [CLASS_MISSING] = "missing" };

static const char *class_name(unsigned c)
{
	return c < CLASS_COUNT ? class_names[c] : "missing";
}

static json_t *wall_json(struct wall t)
{
	char text[WALL_TEXT];
	return json_string(wall_text(t, text));
}

/* Known share of the interval's time, rounded down: 1000000 only when nothing is missing. */
static int64_t complete_ppm(const struct interval *iv, int64_t missing_ms)
{
	int64_t length = iv->to.ms - iv->from.ms;
	int64_t known = missing_ms > length ? 0 : length - missing_ms;
	return known * 1000000 / length;
}

static json_t *sum_json(const struct interval *iv, bool known, int64_t mwh, int64_t cumulative, int64_t missing_ms)
{
	return json_pack("{sb sI sI sI sI}", "known", known, "energy_mwh", (json_int_t)mwh, "cumulative_mwh", (json_int_t)cumulative,
		"missing_ms", (json_int_t)missing_ms, "complete_time_ppm", (json_int_t)complete_ppm(iv, missing_ms));
}

static json_t *rows_json(const struct site *site, const struct interval *iv)
{
	json_t *rows = json_array();
	for (size_t i = 0; i < iv->n; i++) {
		const struct interval_row *r = &iv->rows[i];
		json_array_append_new(rows, json_pack("[ssIIIIsi]", site_meters(site)[r->meter].id, class_name(r->class_),
			(json_int_t)r->energy_mwh, (json_int_t)r->cumulative_mwh, (json_int_t)r->missing_ms,
			(json_int_t)r->substituted_mwh, class_name(r->substitute_class), (int)r->flags));
	}
	return json_pack("{s[ssssssss] so}", "columns", "meter", "class", "energy_mwh", "cumulative_mwh", "missing_ms",
		"substituted_mwh", "substitute_class", "flags", "rows", rows);
}

static json_t *events_json(const struct site *site, const struct report_head *head)
{
	json_t *list = json_array();
	for (size_t i = 0; i < head->n_events; i++) {
		const struct ledger_event *e = &head->events[i];
		const char *meter = e->meter < site->meters.n ? site_meters(site)[e->meter].id : NULL;
		json_array_append_new(list, json_pack("{ss so so so sI so}", "kind", ledger_event_name(e->kind), "meter", text_json(meter),
			"from", wall_json(e->from), "to", wall_json(e->to), "energy_mwh", (json_int_t)e->energy_mwh, "reason", text_json(e->reason)));
	}
	return list;
}

static json_t *day_json(const struct kpi *k)
{
	static const char *const kinds[] = { [KPI_NONE] = "none", [KPI_PUE] = "PUE", [KPI_IPUE] = "iPUE" };
	if (!k)
		return json_null();
	return json_pack("{ss si so so sI sI sI sI sI sI s[II] s[II]}", "kind", kinds[k->kind], "category", k->category,
		"from", wall_json(k->from), "to", wall_json(k->to), "total_mwh", (json_int_t)k->total_mwh, "it_mwh", (json_int_t)k->it_mwh,
		"known_total_mwh", (json_int_t)k->known_total_mwh, "known_it_mwh", (json_int_t)k->known_it_mwh,
		"intervals", (json_int_t)k->intervals, "intervals_known", (json_int_t)k->intervals_known,
		"complete_time_ppm", (json_int_t)k->complete_time_ppm[0], (json_int_t)k->complete_time_ppm[1],
		"complete_energy_ppm", (json_int_t)k->complete_energy_ppm[0], (json_int_t)k->complete_energy_ppm[1]);
}

static bool check(const struct site *site, const struct interval *iv, const struct report_head *head, struct err *err)
{
	if (iv->to.ms <= iv->from.ms)
		return err_set(err, ERR_INTERNAL, "report: an interval must end after it begins");
	if (!head->tree_root)
		return err_set(err, ERR_INTERNAL, "report: the evidence root is missing");
	for (size_t i = 0; i < iv->n; i++)
		if (iv->rows[i].meter >= site->meters.n)
			return err_set(err, ERR_INTERNAL, "report: row %zu names meter %u of %zu", i, iv->rows[i].meter, site->meters.n);
	return true;
}

bool report_payload(const struct site *site, const struct interval *iv, const struct report_head *head, const struct kpi *day,
		    struct buf *out, struct err *err)
{
	if (!check(site, iv, head, err))
		return err_wrap(err, "site %s", site->id);
	json_t *root = json_pack("{ss ss sb sI sI so s{so so sb} so so so so s{sI ss} so so s{sb so}}",
		"schema", "pued-report/1", "site", site->id, "simulated", site->simulated,
		"epoch", (json_int_t)head->epoch, "seq", (json_int_t)head->seq, "made", wall_json(head->made),
		"interval", "from", wall_json(iv->from), "to", wall_json(iv->to), "synced", iv->synced,
		"total", sum_json(iv, iv->total_known, iv->total_mwh, iv->total_cumulative_mwh, iv->total_missing_ms),
		"it", sum_json(iv, iv->it_known, iv->it_mwh, iv->it_cumulative_mwh, iv->it_missing_ms),
		"meters", rows_json(site, iv), "events", events_json(site, head),
		"tree", "size", (json_int_t)head->tree_size, "root", head->tree_root,
		"previous", text_json(head->previous && *head->previous ? head->previous : NULL), "day", day_json(day),
		"clock", "synced", iv->synced, "offset_us", head->clock_offset_known ? json_integer(head->clock_offset_us) : json_null());
	char *text = root ? json_dumps(root, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	json_decref(root);
	if (!text)
		return err_set(err, ERR_INTERNAL, "report %llu of site %s cannot be written as JSON: a text is not UTF-8, or memory is out",
			       (unsigned long long)head->seq, site->id);
	buf_str(out, text);
	free(text);
	return out->failed ? err_memory(err) : true;
}
