/* What leaves as text: metrics, status, report payload; and the life of a snapshot. */
#include "tests/unit/test.h"

#include "made_up.h"
#include "publish/text.h"
#include <stdlib.h>

static const struct decimal_row { const char *name; int64_t num, den; int digits; const char *text; int64_t ppm; } decimal_rows[] = {
	{ "whole",                       1000, 1000, 0, "1", 1000000 },
	{ "half goes away from zero",    1, 8, 2, "0.13", 125000 },
	{ "carries into the whole part", 9999, 10000, 3, "1.000", 999900 },
	{ "leading zeros stay",          1001, 1000, 3, "1.001", 1001000 },
	{ "no denominator is no number", 1, 0, 3, "NaN", -1 },
	{ "ppm of a huge quotient is no number", INT64_MAX, 1, 0, "9223372036854775807", -1 },
	{ "negative",                    -5, 2, 1, "-2.5", -1 },
	{ "no negative zero",            -1, 1000, 1, "0.0", -1 },
};

static void decimals(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(decimal_rows); i++) {
		const struct decimal_row *r = &decimal_rows[i];
		CLEANUP(buf_done) struct buf b = { 0 };
		text_decimal(&b, r->num, r->den, r->digits);
		row_check(r, !strcmp(b.data, r->text));
		row_check(r, text_ppm(r->num, r->den) == r->ppm);
	}
}

static const struct made_up_row { const char *name; struct made_up how; } sites[] = {
	{ "a normal day", { 0 } },
	{ "nothing is known yet", { .early = true } },
	{ "names carry markup and quotes", { .hostile = true } },
	{ "not simulated, no verdict, no power", { .not_simulated = true, .no_verdict = true, .unknown_power = true } },
};

static bool has(const struct buf *b, const char *text)
{
	return b->data && strstr(b->data, text);
}

static void metrics_hold_their_values(void **state)
{
	(void)state;
	struct snapshot *s = made_up_snapshot(&(struct made_up){ 0 });
	CLEANUP(buf_done) struct buf b = { 0 };
	metrics_text(s, &b);
	static const char *const lines[] = {
		"\npued_power_ratio 1.244776\n",
		"\npued_pue_ratio{kind=\"iPUE\",category=\"1\",window=\"day\"} 1.244767\n",
		"\npued_power_watts{domain=\"total\"} 3336000.000\n",
		"\npued_completeness_ratio{window=\"month\",sum=\"total\",by=\"time\"} 0.996934\n",
		"\npued_energy_joules_total{meter=\"lighting\",domain=\"lighting\"} 383616000000.0\n",
		"\npued_racks{state=\"installed\"} 1024\n",
		"\npued_verdict{kind=\"INSUFFICIENT_DATA\"} 1\n",
		"\npued_rule_met{rule=\"pue\"} NaN\n",
		"\npued_site_info{site=\"made-up\",simulated=\"true\"} 1\n",
		"\npued_outbox_messages 3\n",
		"\npued_clock_offset_seconds -0.001830\n",
		"\npued_poll_duration_seconds_bucket{le=\"0.005\"} 1500\n",
		"\npued_poll_duration_seconds_bucket{le=\"+Inf\"} 1993\n",
	};
	for (size_t i = 0; i < countof(lines); i++)
		if (!has(&b, lines[i]))
			fail_msg("metrics lack %s", lines[i]);
	snapshot_put(s);
	s = made_up_snapshot(&(struct made_up){ .early = true });
	buf_reset(&b);
	metrics_text(s, &b);
	assert_false(has(&b, "\npued_power_ratio "));   /* unknown is absent, never 0 */
	assert_false(has(&b, "\npued_pue_ratio{"));
	snapshot_put(s);
}

/* 100 E_T = 125 E_IT is not below 1.25, one mW.h less is: the page and the metrics show a number on the verdict's side. */
static const struct limit_row { const char *name; int64_t total_mwh; const char *page, *metric; } at_the_limit[] = {
	{ "at the limit", 1250000000, "\"value\":\"1.250\"", "window=\"day\"} 1.250000\n" },
	{ "one mW.h below", 1249999999, "\"value\":\"1.2499\"", "window=\"day\"} 1.2499999\n" },
	{ "one mW.h above", 1250000001, "\"value\":\"1.2501\"", "window=\"day\"} 1.2500001\n" },
};

static void digits_never_contradict(void **state)
{
	(void)state;
	for (const struct limit_row *r = at_the_limit; r < at_the_limit + countof(at_the_limit); r++) {
		struct snapshot *s = made_up_snapshot(&(struct made_up){ 0 });
		s->day.total_mwh = s->day.known_total_mwh = r->total_mwh;
		s->day.it_mwh = s->day.known_it_mwh = 1000000000;
		CLEANUP(buf_done) struct buf metrics = { 0 }, status = { 0 };
		metrics_text(s, &metrics);
		status_json(s, &status);
		row_check(r, has(&metrics, r->metric));
		row_check(r, has(&status, r->page));
		snapshot_put(s);
	}
}

static void promtool_finds_nothing(void **state)
{
	(void)state;
	if (system("command -v promtool >/dev/null 2>&1") != 0) {
		print_message("promtool is not installed: not checked\n");
		skip();
	}
	for (size_t i = 0; i < countof(sites); i++) {
		struct snapshot *s = made_up_snapshot(&sites[i].how);
		CLEANUP(buf_done) struct buf b = { 0 };
		metrics_text(s, &b);
		snapshot_put(s);
		FILE *p = popen("promtool check metrics", "w");
		assert_non_null(p);
		fwrite(b.data, 1, b.len, p);
		row_check(&sites[i], pclose(p) == 0);
	}
}

/* Names of metrics in the queries of a dashboard, wherever they stand in it. */
static void queried(const json_t *j, const struct buf *metrics, size_t *n)
{
	const char *key;
	json_t *value;
	size_t i;
	if (json_is_array(j))
		json_array_foreach(j, i, value)
			queried(value, metrics, n);
	if (!json_is_object(j))
		return;
	json_object_foreach((json_t *)(uintptr_t)j, key, value) {
		const char *expr = strcmp(key, "expr") ? NULL : json_string_value(value);
		for (const char *p = expr; p && (p = strstr(p, "pued_")); ) {
			size_t len = strspn(p, "abcdefghijklmnopqrstuvwxyz_");
			char line[80];
			snprintf(line, sizeof line, "\n%.*s", (int)len, p);
			const char *found = strstr(metrics->data, line);
			if (!found || (found[len + 1] != '{' && found[len + 1] != ' '))
				fail_msg("the dashboard asks for %.*s, which no metric is called", (int)len, p);
			p += len;
			++*n;
		}
		queried(value, metrics, n);
	}
}

static void grafana_asks_for_what_there_is(void **state)
{
	(void)state;
	struct snapshot *s = made_up_snapshot(&(struct made_up){ 0 });
	CLEANUP(buf_done) struct buf b = { 0 };
	metrics_text(s, &b);
	json_error_t at;
	json_t *dashboard = json_load_file(SOURCE_ROOT "/docs/grafana/pued.json", JSON_REJECT_DUPLICATES, &at);
	if (!dashboard)
		fail_msg("docs/grafana/pued.json:%d: %s", at.line, at.text);
	size_t n = 0;
	queried(dashboard, &b, &n);
	assert_true(n >= 20);
	json_decref(dashboard);
	snapshot_put(s);
}

static void status_is_json(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(sites); i++) {
		struct snapshot *s = made_up_snapshot(&sites[i].how);
		CLEANUP(buf_done) struct buf b = { 0 }, small = { 0 };
		status_json(s, &b);
		summary_json(s, &small);
		json_t *j = json_loadb(b.data, b.len, JSON_REJECT_DUPLICATES, NULL);
		json_t *k = json_loadb(small.data, small.len, JSON_REJECT_DUPLICATES, NULL);
		row_check(&sites[i], j && k && small.len < b.len);
		row_check(&sites[i], json_array_size(json_object_get(j, "devices")) == s->n_devices);
		row_check(&sites[i], json_array_size(json_object_get(j, "rack_rows")) == s->n_rack_rows);
		const char *key;
		json_t *value;
		json_object_foreach(k, key, value)
			row_check(&sites[i], json_equal(value, json_object_get(j, key)));
		json_object_foreach(j, key, value)
			if (!value)
				fail_msg("%s: %s is missing", sites[i].name, key);
		row_check(&sites[i], json_object_size(j) == 29);
		const json_t *power = json_object_get(j, "power");
		row_check(&sites[i], json_is_null(json_object_get(power, "total_mw")) == !s->total_known && json_is_null(json_object_get(power, "it_mw")) == !s->it_known);
		row_check(&sites[i], json_is_true(json_object_get(power, "known")) == (s->total_known && s->it_known) && json_is_null(json_object_get(power, "ratio")) != (s->total_known && s->it_known));
		row_check(&sites[i], json_array_size(json_object_get(power, "lacks")) == s->n_power_lacks);
		json_decref(j);
		json_decref(k);
		snapshot_put(s);
	}
}

static void broken_text_stays_json(void **state)
{
	(void)state;
	json_t *j = text_json("caf\xe9\x01\x02");
	assert_non_null(j);
	assert_string_equal(json_string_value(j), "caf???");
	json_decref(j);
	assert_true(json_is_null(text_json(NULL)));
}

static const struct interval_row report_rows[] = {
	{ .meter = 0, .energy_mwh = 425000001, .cumulative_mwh = 9007199254740993, .class_ = CLASS_R },
	{ .meter = 9, .energy_mwh = 66000000, .cumulative_mwh = 77, .missing_ms = 60000, .class_ = CLASS_MISSING, .substitute_class = CLASS_B,
	  .substituted_mwh = 4400000, .flags = INTERVAL_GAP },
};
static const struct interval report_interval = {
	.from = { 1773468000000 }, .to = { 1773468900000 }, .it_known = true, .total_mwh = 491000001, .it_mwh = 400000000,
	.total_cumulative_mwh = 12, .it_cumulative_mwh = 10, .total_missing_ms = 60000, .synced = true, .rows = report_rows, .n = 2 };

static const char report_text[] =
	"{\"clock\":{\"offset_us\":-7,\"synced\":true},"
	"\"day\":{\"category\":1,\"complete_energy_ppm\":[1000000,1000000],\"complete_time_ppm\":[1000000,1000000],\"from\":\"2026-03-13T16:00:00Z\","
	"\"intervals\":57,\"intervals_known\":57,\"it_mwh\":39127000000,\"kind\":\"iPUE\",\"known_it_mwh\":39127000000,\"known_total_mwh\":48704000000,"
	"\"to\":\"2026-03-14T06:15:00Z\",\"total_mwh\":48704000000},"
	"\"epoch\":1,\"events\":[{\"energy_mwh\":66000000,\"from\":\"2026-03-14T06:00:00Z\",\"kind\":\"gap\",\"meter\":\"chillers\",\"reason\":\"no answer\","
	"\"to\":\"2026-03-14T06:01:00Z\"}],"
	"\"interval\":{\"from\":\"2026-03-14T06:00:00Z\",\"synced\":true,\"to\":\"2026-03-14T06:15:00Z\"},"
	"\"it\":{\"complete_time_ppm\":1000000,\"cumulative_mwh\":10,\"energy_mwh\":400000000,\"known\":true,\"missing_ms\":0},"
	"\"made\":\"2026-03-14T06:15:01Z\","
	"\"meters\":{\"columns\":[\"meter\",\"class\",\"energy_mwh\",\"cumulative_mwh\",\"missing_ms\",\"substituted_mwh\",\"substitute_class\",\"flags\"],"
	"\"rows\":[[\"supply-a\",\"R\",425000001,9007199254740993,0,0,\"R\",0],[\"chillers\",\"missing\",66000000,77,60000,4400000,\"B\",16]]},"
	"\"previous\":null,\"schema\":\"pued-report/1\",\"seq\":7,\"simulated\":true,\"site\":\"made-up\","
	"\"total\":{\"complete_time_ppm\":933333,\"cumulative_mwh\":12,\"energy_mwh\":491000001,\"known\":false,\"missing_ms\":60000},"
	"\"tree\":{\"root\":\"00ff\",\"size\":21}}";

static void report_bytes(void **state)
{
	(void)state;
	struct snapshot *s = made_up_snapshot(&(struct made_up){ 0 });
	struct ledger_event ev = { .kind = EVENT_GAP, .meter = 9, .from = { 1773468000000 }, .to = { 1773468060000 }, .energy_mwh = 66000000, .reason = "no answer" };
	struct report_head head = { .epoch = 1, .seq = 7, .tree_size = 21, .tree_root = "00ff", .made = { 1773468901000 }, .events = &ev, .n_events = 1,
				    .clock_offset_known = true, .clock_offset_us = -7 };
	CLEANUP(buf_done) struct buf b = { 0 };
	struct err err = { 0 };
	if (!report_payload(s->site, &report_interval, &head, &s->day, &b, &err))
		fail_msg("%s", err.text);
	assert_string_equal(b.data, report_text);
	snapshot_put(s);
}

static void report_refuses(void **state)
{
	(void)state;
	const struct site *site = made_up_site(&(struct made_up){ 0 });
	struct interval_row stranger = { .meter = 4711 };
	const struct { const char *name; struct interval iv; const char *root, *says; } rows[] = {
		{ "a meter the site does not have", { .to = { 1 }, .rows = &stranger, .n = 1 }, "00", "meter 4711 of 13" },
		{ "an interval without length", { .n = 0 }, "00", "must end after it begins" },
		{ "no evidence root", { .to = { 1 } }, NULL, "root is missing" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		struct report_head head = { .tree_root = rows[i].root };
		CLEANUP(buf_done) struct buf b = { 0 };
		struct err err = { 0 };
		row_check(&rows[i], !report_payload(site, &rows[i].iv, &head, NULL, &b, &err));
		row_check(&rows[i], strstr(err.text, rows[i].says) && b.len == 0);
	}
}

static void snapshots_live_as_long_as_they_are_held(void **state)
{
	(void)state;
	struct snapshot_slot *slot = snapshot_slot_new();
	assert_null(snapshot_get(slot));
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 8, .devices = 3 }));
	const struct snapshot *held = snapshot_get(slot);
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 9 }));
	assert_int_equal(held->n_rack_rows, 8);
	assert_string_equal(held->devices[0].id, "pdu-001");
	assert_string_equal(held->verdict->criteria[1].limit, ">= 1000");
	snapshot_put(held);
	const struct snapshot *next = snapshot_get(slot);
	assert_int_equal(next->n_rack_rows, 9);
	snapshot_slot_free(slot);
	assert_int_equal(next->n_devices, 130);
	snapshot_put(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimals), cmocka_unit_test(metrics_hold_their_values), cmocka_unit_test(digits_never_contradict), cmocka_unit_test(promtool_finds_nothing),
		cmocka_unit_test(grafana_asks_for_what_there_is),
		cmocka_unit_test(status_is_json), cmocka_unit_test(broken_text_stays_json), cmocka_unit_test(report_bytes),
		cmocka_unit_test(report_refuses), cmocka_unit_test(snapshots_live_as_long_as_they_are_held) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
