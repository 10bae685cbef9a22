/* A configuration in the evidence is read back to the site it was written from, whatever it holds: verification folds with it. */
#include "tests/unit/test.h"
#include "rules/cert_parts.h"
#include "tests/unit/kit.h"

#include <stdlib.h>
#include <string.h>

#define HEAD "version: 1\nsite: {id: s, name: A, timezone: Asia/Shanghai}\n"
#define DEVICES "devices:\n  - {id: m, profile: p, endpoint: \"modbus+tcp://10.0.0.1/1\"}\n  - {id: u, profile: p, endpoint: \"modbus+tcp://10.0.0.2/1\"}\n"

static const struct row { const char *name, *text; } rows[] = {
	{ "no registers and no power", HEAD "meters:\n  - {id: m, role: supply, p_max: 1 MW, power: none, class: 1}\n  - {id: u, role: it, parent: m, point: pdu_output, p_max: 1 MW, energy: none, class: 1}\n" DEVICES },
	{ "transformers that pued multiplies by", HEAD "meters:\n  - {id: m, role: supply, p_max: 3 MW, class: 0.5S, ct: 300/5, pt: 10000/100, applied_by: pued, count: 0.1 kWh, modulus: 1000000}\n" DEVICES },
	{ "ratios that are no whole numbers", HEAD "meters:\n  - {id: m, role: supply, p_max: 3 MW, class: 0.5S, ct: 200/3, applied_by: pued, count: 0.001 kWh}\n" DEVICES },
	{ "transformers that the meter has applied", HEAD "meters:\n  - {id: m, role: supply, p_max: 3 MW, class: 0.5S, ct: 300/5, applied_by: meter, count: 0.1 kWh}\n" DEVICES },
	{ "a count of the profile", HEAD "meters:\n  - {id: m, role: supply, p_max: 3 MW, class: 0.5S, ct: 300/5, applied_by: pued}\n" DEVICES },
	{ "a busbar", HEAD "meters:\n  - {id: m, role: supply, p_max: 1 MW, class: 1}\n  - {id: b, role: bus, parent: m, p_max: 1 MW}\n  - {id: u, role: it, parent: b, point: ups_output, p_max: 1 MW, class: 1}\n" DEVICES },
	{ "water", HEAD "meters:\n  - {id: m, role: supply, p_max: 1 MW, class: 1}\n  - {id: u, role: water}\n" DEVICES },
	{ "factor, losses, nominal voltage, net register", HEAD "meters:\n  - {id: m, role: supply, p_max: 1 MW, class: 1, direction: net, losses: 1.25 %, factor: {value: 1000/985, source: a sheet, uncertainty: 0.5 %}}\n" DEVICES },
	{ "exchanges", HEAD "meters:\n  - id: m\n    role: supply\n    p_max: 1 MW\n    class: 0.5S\n    epochs:\n"
		"      - {serial: A, to: 2025-06-30T10:00:00+08:00, last: 99, calibrated_until: 2026-01-01}\n"
		"      - {serial: B, from: 2025-06-30T10:35:00+08:00, first: 1, ct: 300/5, applied_by: pued, count: 0.01 kWh, reason: worn, by: Li}\n" DEVICES },
	{ "racks of every kind", HEAD "meters:\n  - {id: m, role: supply, p_max: 1 MW, class: 1}\n  - {id: u, role: it, parent: m, point: pdu_output, p_max: 1 MW, class: 1}\n" DEVICES
		"racks:\n  - {id: a, function: compute, rated: 4.5 kW, feeds: [u]}\n  - {id: b, function: empty, rated: 4 kW, removed: 2025-06-30T16:00:00Z}\n  - {id: c, hall: h, row: r, function: storage, rated: 6 kW}\n  - {id: d}\n" },
	{ "factors", HEAD "meters:\n  - {id: m, role: supply, p_max: 1 MW, class: 1}\n" DEVICES "factors:\n  - {kind: coal_equivalent, value: 0.1229 kg/kW.h, source: a table, status: m+}\n  - {kind: grid_co2, value: 530.6 g/kW.h, source: another, to: \"2025-01-01T00:00:00Z\"}\n  - {kind: grid_co2, value: 0.5 kg/kW.h, source: another, from: \"2025-01-01T00:00:00Z\", status: \"P:2\"}\n" },
};

static bool no_files(void *ctx, const char *path, struct buf *out, struct err *err)
{
	(void)ctx, (void)out;
	return err_set(err, ERR_IO, "%s: not here", path);
}

static bool reads_back(const char *canonical, struct err *err)
{
	struct hash hash;
	char hex[65], again[65];
	CLEANUP(buf_done) struct buf leaf = { 0 };
	struct conf *c = conf_new();
	sha256(canonical, strlen(canonical), &hash);
	hash_hex(&hash, hex);
	buf_str(&leaf, "{\"configuration\":");
	buf_json(&leaf, canonical);
	buf_printf(&leaf, ",\"sha256\":\"%s\"}", hex);
	bool good = cert_site_of(c, leaf.data, leaf.len, again, err) && !strcmp(hex, again);
	conf_free(c);
	return good;
}

static bool site_reads_back(const struct site *site, struct err *err)
{
	char *text = site_canonical(site);
	assert_non_null(text);
	bool good = reads_back(text, err);
	free(text);
	return good;
}

static void every_configuration_is_read_back(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		struct conf *c = conf_new();
		struct err err = { 0 };
		const struct site *site = site_load(c, r->name, r->text, strlen(r->text), (struct file_reader){ no_files, NULL });
		if (!site && !conf_ok(c, &err))
			fail_msg("row \"%s\": %s", r->name, err.text);
		if (!site_reads_back(site, &err))
			fail_msg("row \"%s\": %s", r->name, err.text);
		conf_free(c);
	}
}

static int n_files;
static char **files;
static void files_of_the_tree_are_read_back(void **state)
{
	(void)state;
	for (int i = 0; i < n_files; i++) {
		CLEANUP(buf_done) struct buf text = { 0 };
		struct conf *c = conf_new();
		struct err err = { 0 };
		assert_true(kit_file(files[i], &text));
		const struct site *site = site_load(c, files[i], text.data, text.len, (struct file_reader){ no_files, NULL });
		if (!site || !site_reads_back(site, &err))
			fail_msg("%s: %s", files[i], site ? err.text : "not a site");
		conf_free(c);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_configuration_is_read_back), cmocka_unit_test(files_of_the_tree_are_read_back) };
	n_files = argc - 1;
	files = argv + 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
