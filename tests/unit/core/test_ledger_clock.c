/* Clock steps, restarts, pauses, and dates at which clocks go wrong.  Poll 300 s; the boot clock stands behind '@'. */
#include "tests/unit/test.h"
#include "tests/unit/core/ledger_bench.h"
#include "core/zone.h"

#define PLAIN "0=0@1000 300=10@1300 600=20@1600 900=30@1900 1200=40@2200 1500=50@2500 1800=60@2800"

static const struct clock_row { const char *name, *base; int64_t p_max_mw; const char *reads, *said; } clock_rows[] = {
	{ "plain", "2026-01-01T00:00:00Z", 3600, PLAIN, "30R 30R" },
	{ "year end", "2025-12-31T23:45:00Z", 3600, PLAIN, "30R 30R" },
	{ "end of 32-bit time", "2038-01-19T03:00:00Z", 3600, PLAIN, "30R 30R" },
	{ "leap day", "2028-02-28T23:45:00Z", 3600, PLAIN, "30R 30R" },
	{ "before the epoch", "1969-12-31T23:45:00Z", 3600, PLAIN, "30R 30R" },
	{ "leap second: one second twice", "2016-12-31T23:45:00Z", 3600,
	  "0=0@1000 300=10@1300 600=20@1600 899=30@1900 1199=40@2200 1499=50@2500 1799=60@2800 2099=70@3100", "30R 30R 10+601sR(20P)" },
	{ "step forward by 90 s: event, energy on the stamps, no gap", "2026-01-01T00:00:00Z", 3600,
	  "0=0@1000 300=10@1300 690=20@1600 990=30@1900 1290=40@2200 1590=50@2500 1890=60@2800", "clock_step 27R 30R 3+810sR(26P)" },
	{ "step back by 90 s", "2026-01-01T00:00:00Z", 3600, "0=0@1000 300=10@1300 600=20@1600 810=30@1900 1110=40@2200 1410=50@2500 1710=60@2800 2010=70@3100",
	  "clock_step 33R 30R 7+690sR(24P)" },
	{ "step back into what is covered: that reading is dropped", "2026-01-01T00:00:00Z", 3600,
	  "0=0@1000 300=10@1300 600=20@1600 500=30@1900 800=40@2200 1100=50@2500 1400=60@2800 1700=70@3100 2000=80@3400", "clock_step gap 43R 30R 7+700sR(28P)" },
	{ "step back by two hours: all is late until the clock has caught up", "2026-01-01T02:00:00Z", 3600,
	  "0=0@1000 300=10@1300 600=20@1600 900=30@1900 -6000=40@2200 -5700=50@2500 1200=330@9400 1500=340@9700 1800=350@10000",
	  "late 30R clock_step gap 320R" },
	{ "step of 4.9 s is slew", "2026-01-01T00:00:00Z", 3600, "0=0@1000 300=10@1300 604.9=20@1600 904.9=30@1900", "30R 0+895sR(30P)" },
	{ "suspended for two hours: one gap", "2026-01-01T00:00:00Z", 3600, "0=0@1000 300=10@1300 7500=50@8500 7800=60@8800 8100=70@9100",
	  "10+600sR 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- correction:38 gap 22D" },
	{ "paused machine, boot clock stands, the meter went on: more than the circuit can carry in 300 s", "2026-01-01T00:00:00Z", 3600,
	  "0=0@1000 300=100@1300 4500=4300@1600 4800=4310@1900 5100=4320@2200 5400=4330@2500",
	  "100+600sR 0+900s- 0+900s- 0+900s- implausible 0+900s- clock_step 30R" },
	{ "restart: elapsed is wall time, not the new boot clock's", "2026-01-01T00:00:00Z", 3600,
	  "0=0@90000 300=100@90300 900=700@60#2 1200=800@360#2 1500=900@660#2 1800=1000@960#2", "gap 700R session 300R" },
	{ "a machine without clock: 1970 until it is set, the years between are no intervals", "1970-01-01T00:00:00Z", 0,
	  "0=0@10 300=10@310 600=20@610 1767225600=30@910 1767225900=40@1210 1767226200=50@1510 1767226500=60@1810", "20+300sR gap clock_step 30R" },
	{ "restart without wall clock: 1970 until it is set", "2026-01-01T00:00:00Z", 0,
	  "0=0@90000 300=100@90300 -1767225500=200@100#2 900=700@400#2 1200=800@700#2 1500=900@1000#2 1800=1000@1300#2", "late session gap 700R clock_step 300R" },
};

static void clocks(void **state)
{
	int wrong = 0;
	(void)state;
	for (const struct clock_row *r = clock_rows; r < clock_rows + countof(clock_rows); r++) {
		struct bench b;
		struct sample s[64];
		struct wall base;
		bench_init(&b);
		bench_meter(&b, "m", ROLE_SUPPLY, -1)->p_max_mw = r->p_max_mw;
		row_check(r, wall_parse(r->base, &base, NULL));
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		struct ledger_sink sink = { bench_interval, bench_event, &b };
		size_t n = bench_parse(r->reads, 0, s, countof(s));
		for (size_t i = 0; i < n; i++) {
			s[i].at.wall.ms += base.ms - BASE_MS;
			ledger_push(l, &s[i], 1, s[i].at, &sink);
		}
		ledger_finish(l, &sink);
		if (strcmp(b.said.data ? b.said.data : "", r->said))
			printf("row \"%s\":\n  said     %s\n  expected %s\n", r->name, b.said.data ? b.said.data : "", r->said), wrong++;
		ledger_free(l);
		bench_done(&b);
	}
	assert_int_equal(wrong, 0);
}

/* 23- and 25-hour days sum right: the day's window is as long as the day, its energy the difference of the register. */
static const struct zone_shift berlin[] = { { { 1729990800000 }, 3600 }, { { 1774746000000 }, 7200 }, { { 1792890000000 }, 3600 } };
static const struct day_row { const char *name, *day; int64_t intervals; } day_rows[] = {
	{ "spring", "2026-03-29", 92 }, { "autumn", "2026-10-25", 100 }, { "ordinary", "2026-06-01", 96 },
};

static void local_days(void **state)
{
	(void)state;
	struct zone zone = { .name = "Europe/Berlin", .shifts = berlin, .n = 3 };
	for (const struct day_row *r = day_rows; r < day_rows + countof(day_rows); r++) {
		struct bench b;
		struct date day;
		struct kpi k;
		bench_init(&b);
		bench_meter(&b, "feed", ROLE_SUPPLY, -1);
		bench_meter(&b, "it", ROLE_IT, 0);
		row_check(r, date_parse(r->day, &day, NULL));
		struct wall from = zone_day_start(&zone, day), to = zone_day_start(&zone, date_of_days(date_days(day) + 1));
		b.window = window_new(&b.site, from, to, NULL);
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		struct ledger_sink sink = { bench_interval, bench_event, &b };
		for (int64_t t = from.ms - 3600000; t <= to.ms + 3600000; t += 300000)
			for (uint32_t m = 0; m < 2; m++) {
				struct sample s = { .series = m, .value = (t - from.ms) / 300000 * (m ? 10 : 12), .at = { { t }, { t }, 1, true } };
				ledger_push(l, &s, 1, s.at, &sink);
			}
		ledger_finish(l, &sink);
		window_kpi(b.window, &zone, &k);
		row_check(r, k.intervals == r->intervals && k.intervals_known == r->intervals);
		row_check(r, k.total_mwh == r->intervals * 36 && k.it_mwh == r->intervals * 30);
		ledger_free(l);
		bench_done(&b);
	}
}

/* A register changes its worth, a meter its serial number: what lies between is missing, sums go on. */
static void epochs(void **state)
{
	(void)state;
	struct bench b;
	struct sample s[64];
	bench_init(&b);
	struct meter *m = bench_meter(&b, "m", ROLE_SUPPLY, -1);
	b.epochs[0][0] = (struct meter_epoch){ .from = { INT64_MIN }, .to = { BASE_MS + 700000 }, .count_mwh = { 1, 1 }, .ct = { 1, 1 }, .pt = { 1, 1 },
					       .has_last = true, .last = 35, .serial = "old" };
	b.epochs[0][1] = (struct meter_epoch){ .from = { BASE_MS + 800000 }, .to = { INT64_MAX }, .count_mwh = { 2, 1 }, .ct = { 1, 1 }, .pt = { 1, 1 },
					       .has_first = true, .first = 500, .serial = "new" };
	m->epochs = (struct conf_vec){ b.epochs[0], 2 };
	struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
	struct ledger_sink sink = { bench_interval, bench_event, &b };
	size_t n = bench_parse("0=0 300=15 600=30 900=505 1200=520 1500=535 1800=550", 0, s, countof(s));
	for (size_t i = 0; i < n; i++)
		ledger_push(l, &s[i], 1, s[i].at, &sink);
	ledger_finish(l, &sink);
	/* 35 counts of one, 100 s of exchange missing, then 5 and 45 counts of two */
	assert_string_equal(b.said.data, "epoch 45+100sR 90R");
	ledger_free(l);
	bench_done(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(clocks), cmocka_unit_test(local_days), cmocka_unit_test(epochs) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
