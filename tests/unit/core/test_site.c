#include "tests/unit/kit.h"
#include "tests/unit/test.h"
#include "core/site_factors.h"
#include "core/site_fields.h"

#include <jansson.h>
#include <stdlib.h>
#include <time.h>

static const char base[] =
	"version: 1\n"
	"site:\n"
	"  id: s1\n"
	"  name: {zh: 甲, en: A}\n"
	"  timezone: Asia/Shanghai\n"
	"  operation_start: 2016-05-01\n"
	"  retrofit_completed: 2025-01-10\n"
	"meters:\n"
	"  - {id: bus, role: bus}\n"
	"  - {id: feed, role: supply, parent: bus, device: m1, p_max: 4 MW, class: 0.5S}\n"
	"  - {id: cool, role: cooling, parent: bus, device: m2, p_max: 1 MW}\n"
	"  - {id: ups, role: it, point: ups_output, parent: bus, device: m3, p_max: 1 MW}\n"
	"  - {id: pump, role: non_it, parent: ups, device: m4, p_max: 15 kW}\n"
	"  - {id: r1a, role: rack, point: rack_inlet, parent: ups, device: p1, p_max: 7 kW}\n"
	"devices:\n"
	"  - {id: m1, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/1\"}\n"
	"  - {id: m2, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/2\"}\n"
	"  - {id: m3, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/3\"}\n"
	"  - {id: m4, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/4\"}\n"
	"  - {id: p1, profile: pdu, endpoint: \"snmp://10.0.1.1\", credential: read}\n"
	"racks:\n"
	"  - {id: r1, function: compute, rated: 4 kW, feeds: [r1a]}\n";

/* `from` NULL: the whole text; "": the end. */
static void edit(const char *from, const char *to, struct buf *out)
{
	const char *at = !*from ? base + strlen(base) : from == base ? base : strstr(base, from);
	if (!at)
		fail_msg("'%s' is not in the base text", from);
	buf_add(out, base, (size_t)(at - base));
	buf_str(out, to);
	buf_str(out, at + strlen(from));
}

/* Every CSV file has these bytes; NULL: there is none. */
static bool give(void *ctx, const char *path, struct buf *out, struct err *err)
{
	if (!ctx)
		return err_set(err, ERR_IO, "%s: No such file or directory", path);
	buf_str(out, ctx);
	return true;
}

static const struct site *load(struct conf *c, const char *text, const char *csv)
{
	return site_load(c, "s.yaml", text, strlen(text), (struct file_reader){ give, (void *)(uintptr_t)csv });
}

static const struct bad_row { const char *name, *from, *to, *csv, *report; bool good; } bad_rows[] = {
#include "tests/unit/core/site_bad_rows.h"
};

static void says_what_is_wrong(void **state)
{
	(void)state;
	int failed = 0;
	for (const struct bad_row *r = bad_rows; r < bad_rows + countof(bad_rows); r++) {
		struct conf *c = conf_new();
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		edit(r->from, r->to, &text);
		const struct site *s = load(c, text.data ? text.data : "", r->csv);
		conf_report(c, &report);
		bool same = !strcmp(report.data ? report.data : "", r->report), right = (s != NULL) == r->good;
		if (!same || !right)
			print_error("row \"%s\": %s, report:\n%s", r->name, s ? "accepted" : "refused", report.data ? report.data : "");
		failed += !same || !right;
		conf_free(c);
	}
	assert_int_equal(failed, 0);
}

/* A wrong key of every table gets the right one suggested. */
static const struct table_row { const char *name; const struct conf_field *fields; const char *from, *to; } tables[] = {
	{ "root", root_fields, "", "%s: 1\n" },
	{ "site", site_fields, "  id: s1\n", "  id: s1\n  %s: 1\n" },
	{ "meter", meter_fields, "class: 0.5S", "class: 0.5S, %s: 1" },
	{ "epoch", epoch_fields, "class: 0.5S", "class: 0.5S, epochs: [{%s: 1}]" },
	{ "device", device_fields, "profile: meter,", "profile: meter, %s: 1," },
	{ "rack", rack_fields, "{id: r1,", "{%s: 1, id: r1," },
	{ "column", rack_fields, "", "  - {csv: a.csv}\n" },
};

static void one_table(const struct table_row *t)
{
	for (const struct conf_field *f = t->fields; f->key; f++) {
		char typo[64], wanted[120], change[200], sheet[120];
		snprintf(typo, sizeof typo, "%c%s", f->key[0], f->key);        /* the first letter twice */
		snprintf(wanted, sizeof wanted, "'%s'%s", typo, strcmp(t->name, "column") ? " in " : "; did you mean");
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(change, sizeof change, t->to, typo);
#pragma GCC diagnostic pop
		snprintf(sheet, sizeof sheet, "%s,hall\nx,y\n", typo);
		struct conf *c = conf_new();
		CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
		edit(t->from, change, &text);
		assert_null(load(c, text.data, sheet));
		conf_report(c, &report);
		snprintf(change, sizeof change, "did you mean '%s'?", f->key);
		if (!strstr(report.data, wanted) || !strstr(report.data, change))
			fail_msg("table %s, key %s: got\n%s", t->name, f->key, report.data);
		conf_free(c);
	}
}

static void suggests_every_key(void **state)
{
	(void)state;
	for (const struct table_row *t = tables; t < tables + countof(tables); t++)
		one_table(t);
}

/* ---- what is read ---- */

static void resolves_names(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	const struct site *s = load(c, base, NULL);
	assert_non_null(s);
	const struct meter *ups = site_meter(s, "ups"), *m = site_meters(s);
	assert_string_equal(m[ups->parent_ix].id, "bus");
	assert_string_equal(site_devices(s)[ups->device_ix].id, "m3");
	assert_string_equal(ups->energy, "total.energy");
	assert_true(ups->energy_default && ups->power_default);
	assert_null(site_meter(s, "bus")->energy);
	assert_int_equal(site_meter(s, "bus")->device_ix, -1);
	assert_int_equal(site_meter(s, "feed")->p_max_mw, 4000000000);
	assert_int_equal(((const int64_t *)site_racks(s)->feed_ix.items)[0], site_meter(s, "r1a") - m);
	assert_null(site_meter(s, "nosuch"));
	assert_string_equal(site_device(s, "p1")->credential, "read");
	assert_int_equal(site_device(s, "p1")->poll_ms, 15000);
	assert_int_equal(site_device(s, "p1")->deadline_ms, 2000);
	assert_string_equal(s->standard, "ISO/IEC 30134-2:2026");
	assert_int_equal(s->interval_ms, 900000);
	conf_free(c);
}

static const struct ratio_row {
	const char *name, *extra;
	struct ratio profile, count;
	int64_t ct_primary_ma;
} ratio_rows[] = {
	{ "nothing said", "serial: x", { 10000, 1 }, { 10000, 1 }, 0 },
	{ "primary register: the ratio is only on record", "ct: 300/5, pt: 10000/100, applied_by: meter", { 10000, 1 }, { 10000, 1 }, 300000 },
	{ "secondary register", "ct: 300/5, pt: 10000/100, applied_by: pued", { 10000, 1 }, { 60000000, 1 }, 300000 },
	{ "ratio that does not divide", "ct: 400/3, applied_by: pued", { 1000, 1 }, { 400000, 3 }, 400000 },
	{ "count of the site", "count: 1 kWh", { 10000, 1 }, { 1000000, 1 }, 0 },
	{ "pulses, no whole mW.h", "count: 1/3000 kW.h", { 10000, 1 }, { 1000, 3 }, 0 },
	{ "count of the site, secondary", "count: 0.01 kWh, ct: 300/5, applied_by: pued", { 7, 1 }, { 600000, 1 }, 300000 },
	{ "no count anywhere", "ct: 300/5, applied_by: pued", { 0, 0 }, { 0, 0 }, 300000 },
	{ "too large", "ct: 99999999/1, pt: 99999999/1, applied_by: pued", { 1000000000000000, 1 }, { 0, 0 }, 99999999000 },
};

static void multiplies_once(void **state)
{
	(void)state;
	for (const struct ratio_row *r = ratio_rows; r < ratio_rows + countof(ratio_rows); r++) {
		struct conf *c = conf_new();
		char extra[200];
		CLEANUP(buf_done) struct buf text = { 0 };
		snprintf(extra, sizeof extra, "class: 0.5S, %s", r->extra);
		edit("class: 0.5S", extra, &text);
		const struct site *s = load(c, text.data, NULL);
		row_check(r, s);
		const struct meter_epoch *e = site_meter(s, "feed")->epochs.items;
		struct ratio count = epoch_count(e, r->profile);
		row_check(r, count.num == r->count.num && count.den == r->count.den);
		row_check(r, e->ct_primary_ma == r->ct_primary_ma);
		row_check(r, !strcmp(e->meter_class, "0.5S"));
		conf_free(c);
	}
}

static void epochs_inherit(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	edit("class: 0.5S", "class: 0.5S, ct: 300/5, applied_by: pued, epochs: [{serial: A, to: 2025-06-30T10:00:00+08:00, last: 99}, "
			    "{serial: B, from: 2025-06-30T10:35:00+08:00, first: 0, ct: 600/5, class: 0.2S}]", &text);
	const struct site *s = load(c, text.data, NULL);
	assert_non_null(s);
	const struct meter *m = site_meter(s, "feed");
	const struct meter_epoch *e = m->epochs.items;
	assert_int_equal(m->epochs.n, 2);
	assert_true(e[0].from.ms == INT64_MIN && e[1].to.ms == INT64_MAX && e[0].to.ms == 1751248800000);
	assert_true(e[0].has_last && e[0].last == 99 && !e[0].has_first && e[1].has_first && e[1].first == 0);
	assert_true(e[0].ct.num == 60 && e[1].ct.num == 120);
	assert_string_equal(e[0].meter_class, "0.5S");
	assert_string_equal(e[1].meter_class, "0.2S");
	conf_free(c);
}

static const struct group_row { const char *name, *entry, *ids; } group_rows[] = {
	{ "numbers", "{for: {n: 1..3}, id: x<n>}", "x1 x2 x3" },
	{ "leading zeros", "{for: {n: 08..11}, id: x<n>}", "x08 x09 x10 x11" },
	{ "letters", "{for: {n: a..c}, id: x<n>}", "xa xb xc" },
	{ "list", "{for: {n: [p, 7]}, id: x<n>}", "xp x7" },
	{ "the last runs fastest", "{for: {h: 1..2, n: [a, b]}, id: h<h><n>}", "h1a h1b h2a h2b" },
	{ "sums", "{for: {n: 01..02}, id: x<n+10>-<n+0>-<n-1>}", "x11-1-0 x12-2-1" },
	{ "running number", "{for: {n: [a, b, c]}, id: x<#>-<#+30>}", "x1-31 x2-32 x3-33" },
	{ "a lone bracket is text", "{for: {n: 1..1}, id: x<n>, hall: h}", "x1" },
};

static void expands_groups(void **state)
{
	(void)state;
	for (const struct group_row *r = group_rows; r < group_rows + countof(group_rows); r++) {
		struct conf *c = conf_new();
		char line[200];
		CLEANUP(buf_done) struct buf text = { 0 }, ids = { 0 }, report = { 0 };
		snprintf(line, sizeof line, "  - %s\n", r->entry);
		edit("", line, &text);
		const struct site *s = load(c, text.data, NULL);
		conf_report(c, &report);
		if (!s)
			fail_msg("row \"%s\": %s", r->name, report.data);
		for (size_t i = 1; i < s->racks.n; i++)
			buf_printf(&ids, "%s%s", i > 1 ? " " : "", site_racks(s)[i].id);
		row_check(r, !strcmp(ids.data, r->ids));
		conf_free(c);
	}
}

static void reads_sheets(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	edit("", "  - {csv: a.csv, rated: 2.5 kW}\n", &text);
	const struct site *s = load(c, text.data, "编号,机房,功能,额定功率,供电,备注\nq1,h2,计算,,,\"a, b\"\nq2,h2,Storage,6 kW,ups,\n");
	assert_non_null(s);
	const struct rack *q = site_racks(s) + 1;
	assert_int_equal(s->racks.n, 3);
	assert_string_equal(q[0].id, "q1");
	assert_string_equal(q[0].hall, "h2");
	assert_int_equal(q[0].function, FUNCTION_COMPUTE);
	assert_int_equal(q[0].rated_mw, 2500000);
	assert_int_equal(q[1].function, FUNCTION_STORAGE);
	assert_int_equal(q[1].rated_mw, 6000000);
	assert_int_equal(q[1].feeds.n, 1);
	conf_free(c);
}

static void maps_columns(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	edit("racks:\n", "  - {csv: a.csv, id: \"dev-<name>\", profile: pdu, endpoint: \"snmp://<primary_ip4>\", credential: read}\nracks:\n", &text);
	const struct site *s = load(c, text.data, "Name,Status,Primary IP4,Site\nA1,Active,10.9.0.7/24,DC\n");
	assert_non_null(s);
	const struct device *d = site_device(s, "dev-A1");
	assert_non_null(d);
	assert_string_equal(d->endpoint, "snmp://10.9.0.7");
	conf_free(c);
}

static void defaults_hold(void **state)
{
	(void)state;
	struct conf *c = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	edit("", "defaults: {meters: {class: 1, ct_class: 0.5}, devices: {poll: 1s}, racks: {hall: h9, function: storage}}\n", &text);
	const struct site *s = load(c, text.data, NULL);
	assert_non_null(s);
	const struct meter_epoch *feed = site_meter(s, "feed")->epochs.items, *cool = site_meter(s, "cool")->epochs.items;
	assert_string_equal(feed->meter_class, "0.5S");
	assert_string_equal(feed->ct_class, "0.5");
	assert_string_equal(cool->meter_class, "1");
	assert_int_equal(site_device(s, "m1")->poll_ms, 1000);
	assert_int_equal(site_device(s, "m1")->deadline_ms, 1000);      /* never longer than the period */
	assert_string_equal(site_racks(s)->hall, "h9");
	assert_int_equal(site_racks(s)->function, FUNCTION_COMPUTE);
	conf_free(c);
}

/* ---- the canonical text ---- */

static void canonical_ignores_writing(void **state)
{
	(void)state;
	struct conf *a = conf_new(), *b = conf_new(), *d = conf_new();
	CLEANUP(buf_done) struct buf other = { 0 }, changed = { 0 };
	edit("  - {id: r1, function: compute, rated: 4 kW, feeds: [r1a]}\n",
	     "  # written another way\n  - for: {n: 1..1}\n    feeds: [r<n>a]\n    rated: 4000 W\n    function: compute\n    id: r<n>\n", &other);
	edit("rated: 4 kW", "rated: 4001 W", &changed);
	const struct site *x = load(a, base, NULL), *y = load(b, other.data, NULL), *z = load(d, changed.data, NULL);
	char *one = site_canonical(x), *again = site_canonical(y), *another = site_canonical(z);
	assert_string_equal(one, again);
	assert_string_not_equal(one, another);
	assert_null(strstr(one, "credentials"));
	free(one);
	free(again);
	free(another);
	conf_free(a);
	conf_free(b);
	conf_free(d);
}

/* ---- the documentation's examples are files that work ---- */

static void sheet_of_example(struct buf *out, const char *path)
{
	if (strstr(path, "devices"))
		for (int i = 0; i < 80; i++)
			buf_printf(out, "%spdu-%c%02d%c,apc,snmp://10.2.0.%d,read\n", i ? "" : "id,profile,endpoint,credential\n", "ab"[i / 40], i / 2 % 20 + 1,
				   "xy"[i % 2], i + 1);
	else
		buf_str(out, "id,hall\nz1,h2\n");
}

static bool give_example(void *ctx, const char *path, struct buf *out, struct err *err)
{
	(void)ctx, (void)err;
	sheet_of_example(out, path);
	return true;
}

static void examples_load(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf doc = { 0 };
	int examples = 0;
	assert_true(kit_file(SOURCE_ROOT "/docs/configuration.md", &doc));
	for (char *p = doc.data; (p = strstr(p, "```yaml\nversion: 1"));) {
		p += 8;
		char *end = strstr(p, "\n```");
		struct conf *c = conf_new();
		CLEANUP(buf_done) struct buf report = { 0 };
		const struct site *s = site_load(c, "example.yaml", p, (size_t)(end - p) + 1, (struct file_reader){ give_example, NULL });
		conf_report(c, &report);
		/* the one warning: a UPS that is watched but has no meter */
		if (!s || (report.len && !strstr(report.data, "1 device is read, but no meter uses it: ups-1\n")) || conf_warning_count(c) > 1)
			fail_msg("example %d:\n%s", examples + 1, report.data);
		examples++;
		conf_free(c);
		p = end;
	}
	assert_int_equal(examples, 2);
}

/* ---- docs/schema/site.schema.json knows the same keys and words ---- */

static const json_t *walk(const json_t *at, const char *path)
{
	char key[40];
	for (; at && *path; path += *path == '/') {
		size_t len = strcspn(path, "/");
		memcpy(key, path, len);
		key[len] = 0;
		at = json_object_get(at, key);
		path += len;
	}
	return at;
}

static const struct schema_row { const char *name; const struct conf_field *fields; } schema_rows[] = {
	{ "properties", root_fields }, { "properties/site/properties", site_fields }, { "$defs/meter/properties", meter_fields },
	{ "$defs/meter/properties/epochs/items/properties", epoch_fields }, { "$defs/device/properties", device_fields },
	{ "$defs/rack/properties", rack_fields }, { "$defs/factor_row/properties", site_factor_fields },
};
static const struct words_row { const char *name; const struct conf_name *words; } words_rows[] = {
	{ "$defs/meter/properties/role/enum", role_names }, { "$defs/meter/properties/point/enum", point_names },
	{ "$defs/meter/properties/direction/enum", direction_names }, { "$defs/meter/properties/applied_by/enum", applied_names },
	{ "$defs/rack/properties/function/enum", function_names }, { "$defs/factor_row/properties/kind/enum", factor_kind_names },
};

static void same_words(const struct words_row *r, const json_t *list)
{
	size_t n = 0;
	for (; r->words[n].name; n++)
		if (strcmp(json_string_value(json_array_get(list, n)) ?: "", r->words[n].name))
			fail_msg("%s: '%s' is missing or out of order", r->name, r->words[n].name);
	row_check(r, json_array_size(list) == n);
}

static void schema_agrees(void **state)
{
	(void)state;
	json_error_t error;
	json_t *schema = json_load_file(SOURCE_ROOT "/docs/schema/site.schema.json", 0, &error);
	if (!schema)
		fail_msg("%s", error.text);
	for (const struct schema_row *r = schema_rows; r < schema_rows + countof(schema_rows); r++) {
		const json_t *properties = walk(schema, r->name);
		size_t n = 0;
		for (; r->fields[n].key; n++)
			if (!json_object_get(properties, r->fields[n].key))
				fail_msg("%s: key '%s' is missing", r->name, r->fields[n].key);
		row_check(r, json_object_size(properties) == n);
	}
	for (const struct words_row *r = words_rows; r < words_rows + countof(words_rows); r++)
		same_words(r, walk(schema, r->name));
	json_decref(schema);
}

/* ---- size ---- */

static void large_site(void **state)
{
	(void)state;
	enum { N = 6000 };
	CLEANUP(buf_done) struct buf text = { 0 }, sheet = { 0 };
	edit("racks:\n", "  - {csv: a.csv}\nracks:\n", &text);
	buf_str(&sheet, "id,profile,endpoint,poll\n");
	for (int i = 0; i < N; i++)
		buf_printf(&sheet, "d%05d,apc,snmp://10.%d.%d.%d,15s\n", i, i / 65536 + 3, i / 256 % 256, i % 256);
	struct conf *c = conf_new();
	clock_t start = clock();
	const struct site *s = load(c, text.data, sheet.data);
	double seconds = (double)(clock() - start) / CLOCKS_PER_SEC;
	assert_non_null(s);
	assert_int_equal(s->devices.n, N + 5);
	assert_true(seconds < 30);      /* quadratic work would not end; the figure itself is tests/bench's */
	conf_free(c);
}

/* 5,000 wrong references: all counted, the report bounded. */
static void many_problems(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf text = { 0 }, report = { 0 };
	struct conf *c = conf_new();
	edit("", "  - {for: {n: 1..5000}, id: x<n>, feeds: [y<n>]}\n", &text);
	assert_null(load(c, text.data, NULL));
	assert_int_equal(conf_problem_count(c), 5000);
	conf_report(c, &report);
	assert_non_null(strstr(report.data, "... and 4000 more\n"));
	conf_free(c);
}

static const struct class_row { const char *name; int64_t ppm; } class_rows[] = {
	{ "0.2S", 2000 }, { "0.5S", 5000 }, { "0.5", 5000 }, { "1", 10000 }, { "2", 20000 }, { "1 %", 10000 }, { "1%", 10000 }, { "0.75 %", 7500 },
	{ "0.7", -1 }, { "S", -1 }, { "", -1 }, { "1.0S", -1 }, { "0 %", -1 }, { "50 %", -1 },
};

static void classes(void **state)
{
	(void)state;
	for (const struct class_row *r = class_rows; r < class_rows + countof(class_rows); r++)
		row_check(r, class_limit_ppm(r->name) == r->ppm);
	assert_int_equal(class_limit_ppm(NULL), -1);
}

static const struct identity_row { const char *name, *identity; } identity_rows[] = {
	{ "modbus+tcp://10.0.0.5/1", "modbus 10.0.0.5:502/1" }, { "modbus+tcp://10.0.0.5:1502/1", "modbus 10.0.0.5:1502/1" },
	{ "modbus+tcp://[fe80::1]/7", "modbus [fe80::1]:502/7" }, { "modbus+tcp://[fe80::1]:503/7", "modbus [fe80::1]:503/7" },
	{ "modbus+tcp://gw/1?x=1", "modbus gw:502/1" }, { "modbus+rtu:///dev/ttyS0?baud=9600&parity=even/3", "modbus /dev/ttyS0/3" },
	{ "modbus+rtutcp://gw:4001/3", "modbus gw:4001/3" }, { "snmp://public@h?v=1", "snmp h:161" }, { "snmpv3://u@h:1161", "snmp h:1161" },
	{ "modbus+tcp://gw", NULL }, { "modbus+tcp://gw/256", NULL }, { "modbus+tcp:///1", NULL }, { "snmp://", NULL }, { "http://h/1", NULL }, { "", NULL },
};

static void identities(void **state)
{
	(void)state;
	for (const struct identity_row *r = identity_rows; r < identity_rows + countof(identity_rows); r++) {
		CLEANUP(buf_done) struct buf out = { 0 };
		row_check(r, endpoint_identity(r->name, &out) == (r->identity != NULL));
		row_check(r, !r->identity || !strcmp(out.data, r->identity));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_is_wrong), cmocka_unit_test(suggests_every_key), cmocka_unit_test(resolves_names),
		cmocka_unit_test(multiplies_once), cmocka_unit_test(epochs_inherit), cmocka_unit_test(expands_groups), cmocka_unit_test(reads_sheets),
		cmocka_unit_test(maps_columns), cmocka_unit_test(defaults_hold), cmocka_unit_test(canonical_ignores_writing),
		cmocka_unit_test(examples_load), cmocka_unit_test(schema_agrees), cmocka_unit_test(large_site), cmocka_unit_test(many_problems), cmocka_unit_test(classes),
		cmocka_unit_test(identities),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
