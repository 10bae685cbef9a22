#include "made_up.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HALLS = 4, ROWS = 8, DAY_MS = 86400000, QUARTER_MS = 900000 };
static const int64_t default_at = 1773469230000;   /* 2026-03-14T06:20:30Z */

static const struct zone_shift plus8[] = { { { INT64_MIN }, 28800 } };
static const struct zone zone = { "Asia/Shanghai", plus8, 1 };

static const struct { const char *id, *label, *parent, *hall; int role; int64_t power_w, day_kwh; } tree[] = {
	{ "supply-a", "10 kV 进线 A", NULL, NULL, ROLE_SUPPLY, 1698000, 24790 },
	{ "supply-b", "10 kV 进线 B", NULL, NULL, ROLE_SUPPLY, 1554000, 22688 },
	{ "pv", "屋顶光伏", NULL, NULL, ROLE_PV, 84000, 1226 },
	{ "t1", "变压器 T1", "supply-a", NULL, ROLE_TRANSFORMER, 1672000, 24411 },
	{ "t2", "变压器 T2", "supply-b", NULL, ROLE_TRANSFORMER, 1530000, 22338 },
	{ "ups-1", "UPS 1 输入", "t1", "hall-1", ROLE_UPS_INPUT, 1404000, 20498 },
	{ "ups-2", "UPS 2 输入", "t2", "hall-2", ROLE_UPS_INPUT, 1385000, 20221 },
	{ "it-1", "UPS 1 输出", "ups-1", "hall-1", ROLE_IT, 1349000, 19695 },
	{ "it-2", "UPS 2 输出", "ups-2", "hall-2", ROLE_IT, 1331000, 19432 },
	{ "chillers", "冷水机组", "t1", NULL, ROLE_COOLING, 268000, 3912 },
	{ "pumps", "水泵与冷却塔", "t2", NULL, ROLE_COOLING, 145000, 2117 },
	{ "lighting", "照明", "t2", NULL, ROLE_LIGHTING, 12000, 288 },
	{ "offices", "办公", "t2", NULL, ROLE_OTHER, 21000, 431 },
};

static const char hostile_name[] = "<img src=x onerror=alert(1)><script>window.owned=1</script>\"'&";

const struct site *made_up_site(const struct made_up *how)
{
	static struct site sites[4];
	static struct meter meters[2][countof(tree)];
	struct site *s = &sites[(how->hostile ? 2 : 0) + (how->not_simulated ? 1 : 0)];
	struct meter *m = meters[how->hostile ? 1 : 0];
	if (s->id)
		return s;
	for (size_t i = 0; i < countof(tree); i++) {
		m[i] = (struct meter){ .id = tree[i].id, .label = tree[i].label, .parent = tree[i].parent, .role = tree[i].role,
				       .hall = tree[i].hall, .factor = { 1, 1 }, .device_ix = -1, .parent_ix = -1 };
		for (size_t j = 0; tree[i].parent && j < countof(tree); j++)
			if (!strcmp(tree[j].id, tree[i].parent))
				m[i].parent_ix = (int64_t)j;
	}
	*s = (struct site){ .id = "made-up", .zone = "Asia/Shanghai", .simulated = !how->not_simulated, .standard = "ISO/IEC 30134-2:2026",
			    .name = { "虚构数据中心（测试数据）", "Made-up data center (test data)" }, .interval_ms = QUARTER_MS };
	if (how->hostile)
		s->name = (struct bilingual){ hostile_name, hostile_name };
	s->meters = (struct conf_vec){ m, countof(tree) };
	return s;
}

static void windows(struct snapshot *s, const struct made_up *how)
{
	int64_t day = (s->at.wall.ms + 28800000) / DAY_MS * DAY_MS - 28800000;
	s->day = (struct kpi){ .from = { day }, .to = { s->at.wall.ms / QUARTER_MS * QUARTER_MS }, .kind = KPI_IPUE, .category = 1,
		.total_mwh = 48704000000, .it_mwh = 39127000000, .known_total_mwh = 48704000000, .known_it_mwh = 39127000000, .intervals = 57,
		.intervals_known = 57, .complete_time_ppm = { 1000000, 1000000 }, .complete_energy_ppm = { 1000000, 1000000 },
		.u_ppm_rho0 = 6120, .u_ppm_rho1 = 12400 };
	s->month = s->day;
	s->month.from.ms = day - 13 * (int64_t)DAY_MS;
	s->month.total_mwh = s->month.known_total_mwh = 1092345678901;
	s->month.it_mwh = s->month.known_it_mwh = 876543210987;
	s->month.intervals = 1305;
	s->month.intervals_known = 1301;
	s->month.complete_time_ppm[0] = 996934;
	s->month.complete_time_ppm[1] = 999233;
	s->month.complete_energy_ppm[0] = 997012;
	s->month.complete_energy_ppm[1] = 999233;
	s->year = (struct kpi){ .from = { day - 365 * (int64_t)DAY_MS }, .to = { day }, .kind = KPI_NONE, .category = 1, .intervals = 35040,
		.intervals_known = 28313, .u_ppm_rho0 = -1, .u_ppm_rho1 = -1, .complete_time_ppm = { 808019, 808019 },
		.complete_energy_ppm = { 811000, 811000 } };
	snprintf(s->year.why_not, sizeof s->year.why_not, "insufficient data: in no interval are all terms of E_DC and E_IT known");
	if (how->early) {
		s->day.kind = s->month.kind = KPI_NONE;
		snprintf(s->day.why_not, sizeof s->day.why_not, "insufficient data: in no interval are all terms of E_DC and E_IT known");
		snprintf(s->month.why_not, sizeof s->month.why_not, "insufficient data: in no interval are all terms of E_DC and E_IT known");
	}
}

static void quarters(struct snapshot *s)
{
	int64_t end = s->at.wall.ms / QUARTER_MS * QUARTER_MS;
	for (int i = 0; i < 96; i++) {
		int64_t it = 655000000 + 15000000 * ((i * 37) % 11) - 1500000 * ((i > 48 ? 96 - i : i) % 48);
		s->quarters[i] = (struct snapshot_quarter){ .total_mwh = it * (1215 + (i * 13) % 40) / 1000, .it_mwh = it,
			.from = { end - (96 - i) * (int64_t)QUARTER_MS }, .known = i < 40 || i > 42 };
	}
	s->n_quarters = 96;
}

static void domains(struct snapshot *s)
{
	static const struct { const char *name; int64_t power_mw, day_mwh; } rows[] = {
		{ "it", 2680000000, 39127000000 }, { "cooling", 413000000, 6029000000 }, { "lighting", 12000000, 288000000 },
		{ "other", 21000000, 431000000 }, { "supply", 3252000000, 47478000000 }, { "pv", 84000000, 1226000000 } };
	for (size_t i = 0; i < countof(rows); i++) {
		s->domains[i].domain = rows[i].name;
		s->domains[i].power_mw = rows[i].power_mw;
		s->domains[i].day_mwh = rows[i].day_mwh;
	}
	s->n_domains = countof(rows);
}

static void meters(struct snapshot *s)
{
	s->n_meters = countof(tree);
	s->meters = snapshot_array(s, s->n_meters, sizeof *s->meters);
	for (size_t i = 0; i < s->n_meters; i++)
		s->meters[i] = (struct snapshot_meter){ .id = tree[i].id, .label = tree[i].label, .role = tree[i].role, .at = s->at,
			.power_mw = tree[i].power_w * 1000, .power_known = strcmp(tree[i].id, "offices") != 0,
			.energy_day_mwh = tree[i].day_kwh * 1000000, .energy_known = true, .energy_mwh = tree[i].day_kwh * 370000000 };
}

static void racks(struct snapshot *s, const struct made_up *how)
{
	size_t n = how->racks ? how->racks : 1024;
	s->rack_rows = snapshot_array(s, n, sizeof *s->rack_rows);
	s->n_rack_rows = n;
	for (size_t i = 0; i < n; i++) {
		char id[40], hall[24], row[24];
		size_t h = i * HALLS / n, r = (i * HALLS % n) * ROWS / n;
		snprintf(hall, sizeof hall, "hall-%zu", h + 1);
		snprintf(row, sizeof row, "%c", (char)('A' + r));
		snprintf(id, sizeof id, "H%zu-%c%02zu", h + 1, (char)('A' + r), i % 32 + 1);
		int f = i % 29 == 7 ? FUNCTION_UNKNOWN : i % 17 == 3 ? FUNCTION_EMPTY : i % 11 == 5 ? FUNCTION_NETWORK
			: i % 7 == 2 ? FUNCTION_STORAGE : FUNCTION_COMPUTE;
		s->rack_rows[i] = (struct snapshot_rack){ .id = snapshot_text(s, how->hostile && i == 0 ? hostile_name : id),
			.hall = snapshot_text(s, hall), .row = snapshot_text(s, row), .function = f, .rated_mw = 4000000,
			.power_mw = f == FUNCTION_EMPTY ? 0 : 1200000 + (int64_t)(i * 7919 % 3100) * 1000, .power_known = i % 41 != 40 };
		s->racks.by_function[f]++;
	}
	s->racks.installed = (int64_t)n;
	s->racks.metered = (int64_t)n - 24;
	s->racks.in_use = (int64_t)n - 60;
	s->racks.unknown = s->racks.by_function[FUNCTION_UNKNOWN];
	s->racks.standard_milli = (int64_t)n * 1600;
	s->racks.rated_mw = (int64_t)n * 4000000;
	for (int d = 0; d < SHARE_N; d++)
		for (int v = 0; v < 4; v++)
			s->racks.share[d][v >> 1][v & 1] = (struct share){ 720 + d * 9 - (v & 2) * 25 - (v & 1) * 13, 1000,
				755 + d * 9 - (v & 2) * 25 - (v & 1) * 13, 1000, d != SHARE_C5 };
}

static void devices(struct snapshot *s, const struct made_up *how)
{
	static const char *const profiles[] = { "apc-rpdu2", "raritan-px2", "ups-rfc1628", "acrel-amc", "made-up-chiller" };
	size_t n = how->devices ? how->devices : 130;
	s->devices = snapshot_array(s, n, sizeof *s->devices);
	s->n_devices = n;
	for (size_t i = 0; i < n; i++) {
		char id[40], endpoint[64];
		bool modbus = i % 5 > 2, down = i % 61 == 17, late = i % 47 == 9;
		snprintf(id, sizeof id, "%s-%03zu", modbus ? "meter" : "pdu", i + 1);
		snprintf(endpoint, sizeof endpoint, modbus ? "modbus+tcp://127.9.0.%zu:502/1" : "snmp://127.8.0.%zu", i + 1);
		if (how->dead_gateway && modbus && i >= 100) {
			snprintf(endpoint, sizeof endpoint, "modbus+tcp://127.9.1.1:502/%zu", i - 99);
			down = true;
		}
		s->devices[i] = (struct snapshot_device){ .id = snapshot_text(s, how->hostile && i == 0 ? hostile_name : id),
			.profile = profiles[i % 5], .endpoint = snapshot_text(s, endpoint), .state = down ? "down" : late ? "late" : "up",
			.polls = 5000 + i, .failures = down ? 311 : i % 3, .timeouts = down ? 300 : 0, .late = late ? 12 : 0,
			.latency_us = 1500 + (int64_t)(i * 131 % 9000), .last_good_ms = s->at.wall.ms - (down ? 1860000 : 4000),
			.error = down ? snapshot_text(s, "unit 1, 2 holding registers at 0x0034: no answer within 1000 ms") : NULL };
	}
	for (size_t i = 0; i < POLL_BUCKETS; i++)
		s->poll_counts[i] = 1000 >> i;
	s->poll_sum_us = 7654321;
}

static void device_events(struct snapshot *s, const struct made_up *how)
{
	static const struct { const char *device, *kind, *sentence; int64_t ago_s; } rows[] = {
		{ "rc-h1r1a", "down", "no answer 3 times in a row, tried once a minute from now on: timed out", 1860 },
		{ "ups-h1a", "identity", "its serial number changed from 'A1' to 'B2': is this still the same device?", 9000 },
	};
	s->n_device_events = countof(rows);
	s->device_events = snapshot_array(s, s->n_device_events, sizeof *s->device_events);
	for (size_t i = 0; i < s->n_device_events; i++)
		s->device_events[i] = (struct snapshot_device_event){ countof(rows) - i, { s->at.wall.ms - rows[i].ago_s * 1000 }, rows[i].device, rows[i].kind,
			how->hostile && i == 0 ? hostile_name : rows[i].sentence };
}

static void events(struct snapshot *s, const struct made_up *how)
{
	static const struct { enum ledger_event_kind kind; const char *meter, *reason; int64_t ago_min, mwh; } rows[] = {
		{ EVENT_GAP, "pumps", "no reading for 2460 s, polled every 5 s (timed out): energy known, distributed", 830, 96000000 },
		{ EVENT_WRAP, "it-2", "register went round from 999998 to 3 (modulus 1000000)", 2210, 0 },
		{ EVENT_RESET, "chillers", "register from 8123456 to 32 in 30 s: counted from zero again; what was lost is missing", 4100, 5200000 },
		{ EVENT_CLOCK_STEP, NULL, "the clock stepped by +90.200 s", 7000, 0 },
	};
	s->n_events = countof(rows);
	s->events = snapshot_array(s, s->n_events, sizeof *s->events);
	for (size_t i = 0; i < s->n_events; i++) {
		int64_t from = s->at.wall.ms - rows[i].ago_min * 60000;
		s->events[i] = (struct snapshot_event){ rows[i].kind, rows[i].meter, { from }, { from + 2460000 }, rows[i].mwh,
			how->hostile && i == 0 ? hostile_name : rows[i].reason };
		s->event_counts[rows[i].kind]++;
	}
	s->findings = snapshot_array(s, 1, sizeof *s->findings);
	s->findings[0] = (struct snapshot_finding){ "more_above", "it-2", how->hostile ? hostile_name : "more_above: it-2: residual 64000000 mW.h, 3u 9000000 mW.h: more flows in than the meters below see",
						    { s->at.wall.ms - 90000000 }, { s->at.wall.ms - 3600000 }, 64000000 };
	s->n_findings = 1;
}

static void judged(struct snapshot *s)
{
	struct criterion rows[] = {
		{ .id = "share", .title = { "计算功能占比", "Compute share" }, .quote = "计算功能占比大于70%", .locator = "二(一)2", .word = "大于",
		  .result = TRUTH_YES, .value = "72.0 %..77.3 %", .limit = "> 70 %", .margin = "+2.0 %",
		  .why = { "除计入网络机架且计入空机架外，各口径下限均大于 70 %。", "The lower bound is above 70 % unless network and empty racks are counted." } },
		{ .id = "racks", .title = { "机架数", "Racks" }, .quote = "机架数不低于1000架", .locator = "二(一)2", .word = "不低于", .result = TRUTH_YES,
		  .value = "1024", .limit = ">= 1000", .margin = "+24", .why = { "已安装机架 1024 架。", "1024 racks are installed." } },
		{ .id = "pue", .title = { "PUE", "PUE" }, .quote = "PUE低于1.25", .locator = "二(一)2", .word = "低于", .result = TRUTH_UNKNOWN,
		  .value = "iPUE1 1.246", .limit = "< 1.25", .margin = "0.004", .uncertainty = "0.007..0.013",
		  .why = { "12 个月窗口尚不完整。", "The 12-month window is not complete." } },
	};
	const char *reasons[] = { "window_incomplete" };
	struct verdict v = { .kind = VERDICT_INSUFFICIENT_DATA, .criteria = rows, .n_criteria = countof(rows), .reasons = reasons, .n_reasons = 1,
		.sentence = { "数据不足：12 个月窗口有 6727 个时段缺数据，尚不能判定。",
			      "Insufficient data: 6727 intervals of the 12-month window are missing, so nothing can be decided yet." },
		.cap_fen = 100000000, .rate_fen = 100000, .counted_racks = 1024 };
	if (!snapshot_judged(s, &v))
		abort();
}

struct snapshot *made_up_snapshot(const struct made_up *how)
{
	struct snapshot *s = snapshot_new();
	if (!s)
		abort();
	s->site = made_up_site(how);
	s->zone = &zone;
	s->at = (struct stamp){ .wall = { how->at_ms ? how->at_ms : default_at }, .boot = { 1 }, .session = 1, .synced = true };
	s->total_known = !how->early;
	s->it_known = !how->unknown_power && !how->early;
	s->power_lacks = snapshot_array(s, 1, sizeof *s->power_lacks);
	s->n_power_lacks = how->unknown_power;
	s->power_lacks[0] = "it-1";
	s->total_mw = 3336000000;
	s->it_mw = 2680000000;
	s->pue_limit = (struct ratio){ 125, 100 };
	windows(s, how);
	if (!how->early) {
		quarters(s);
		domains(s);
	}
	meters(s);
	racks(s, how);
	devices(s, how);
	events(s, how);
	device_events(s, how);
	if (!how->no_verdict && !how->early)
		judged(s);
	s->outbox_pending = 3;
	s->outbox_sent = 1301;
	s->outbox_oldest_s = 2700;
	s->tree_size = 1320;
	s->epoch = 1;
	memset(s->tree_root, 'a', 64);
	s->store_sentence = "store is well";
	s->mqtt_sentence = how->hostile ? hostile_name : "connected to mqtt.example:8883 (TLSv1.3)";
	s->clock_offset_known = true;
	s->clock_offset_us = -1830;
	s->reloaded.ms = s->at.wall.ms - 3600000;
	return s;
}
