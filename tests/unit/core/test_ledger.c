#include "tests/unit/test.h"
#include "tests/unit/core/ledger_bench.h"
#include "core/amend.h"

/* One meter, poll 300 s, one count is 1 mW.h.  p_max 3600 mW is one count a second: cap(300 s) = 301. */
static const struct fold_row { const char *name; int64_t p_max_mw, modulus; bool net; const char *reads, *said; } fold_rows[] = {
	{ "plain", 3600, 0, false, "0=0 300=100 600=200 900=300", "300R" },
	{ "interpolated between the enclosing reads", 0, 0, false, "0=0 400=100 800=200 1200=300 1600=400 2000=500", "225R 225R 50+700sR(175P)" },
	{ "cumulative rounds half to even, never differences", 0, 0, false, "0=0 300=1 600=2 901=5 1200=6 1500=7 1800=8", "5R 3R" },
	{ "missing before the first read", 0, 0, false, "300=5 600=15 900=25", "20+300sR" },
	{ "a gap with both ends known is distributed", 0, 0, false, "0=0 300=10 1500=50 1800=60", "30D gap 30D" },
	{ "a gap without a boundary inside is plain", 0, 0, false, "0=0 300=10 800=50 900=60", "gap 60R" },
	{ "1.5 polls are no gap", 0, 0, false, "0=0 450=10 900=20", "20R" },
	{ "duplicate is silent", 0, 0, false, "0=0 300=10 300=10 600=20 900=30 900=30", "30R" },
	{ "conflict: the first stays", 0, 0, false, "0=0 300=10 300=11 600=20 900=30", "conflict 30R" },
	{ "order of arrival is free", 0, 0, false, "600=20 0=0 900=30 300=10", "30R" },
	{ "wrap", 3600, 1000, false, "0=900 300=50 600=60 900=70", "wrap 170R" },
	{ "wrap at the last possible count", 3600, 1000, false, "0=699 300=0 600=0 900=0", "wrap 301R" },
	{ "too far below the modulus for a wrap", 3600, 1000, false, "0=698 300=0 600=0 900=0 1200=0", "reset 0+300sR 0+600sR" },
	{ "no modulus: no wrap", 3600, 0, false, "0=900 300=50 600=60 900=70", "reset 20+300sR" },
	{ "no P_max: no wrap", 0, 1000, false, "0=900 300=50 600=60 900=70", "reset 20+300sR" },
	{ "reset", 3600, 100000, false, "0=500 300=10 600=20 900=30 1200=40 1500=50 1800=60", "reset 20+300sR 30R" },
	{ "drop and return", 3600, 0, false, "0=500 300=10 600=560 900=600", "drop_return 100R" },
	{ "drop and return after three", 3600, 0, false, "0=500 300=1 600=2 900=3 1200=1000 1500=1100 1800=1200", "375D drop_return 325D" },
	{ "a drop that returns too late is a reset", 3600, 0, false, "0=500 300=1 600=2 900=3 1200=4 1500=1000 1800=1100", "reset 2+300sR implausible 101+300sR" },
	{ "spike", 3600, 0, false, "0=0 300=5000 600=100 900=200", "spike 200R" },
	{ "spike seen three times", 3600, 0, false, "0=0 300=5000 600=5001 900=5002 1200=400 1500=500 1800=600", "300D spike 300D" },
	{ "implausible", 3600, 0, false, "0=0 300=5000 600=5100 900=5200 1200=5300 1500=5400 1800=5500", "implausible 200+300sR 300R" },
	{ "a count below zero is no wrap without modulus", 3600, 0, false, "0=0 300=-5 600=-5 900=-5", "reset 0+300sR" },
	{ "ambiguous whatever the sign", 3600, 300, false, "0=0 300=100 600=50 900=60", "ambiguous ambiguous ambiguous 0+900s-" },
	{ "frozen for four readings, then the rest at once", 3600, 0, false, "0=0 300=100 600=100 900=100 1200=100 1500=900 1800=1000",
	  "100R frozen correction:400 500D" },
	{ "two equal readings are not frozen", 3600, 0, false, "0=0 300=100 600=100 900=5000 1200=5100 1500=5200 1800=5300", "implausible 100+300sR 300R" },
	{ "a constant register alone is no finding", 3600, 0, false, "0=7 300=7 600=7 900=7 1200=7 1500=7 1800=7", "0R 0R" },
	{ "net register goes both ways", 3600, 0, true, "0=0 300=100 600=-50 900=-20", "-20R" },
	{ "net register too fast", 3600, 0, true, "0=0 300=-900 600=100 900=100", "drop_return 100R" },
	{ "net register goes round", 3600, 1000, true, "0=900 300=50 600=10 900=20", "wrap 120R" },
	{ "failed polls and then the value: a gap", 0, 0, false, "0=0 300=- 600=- 900=90", "gap 90R" },
	{ "zero is a reading, missing is not", 0, 0, false, "0=0 300=0 600=- 900=0", "gap 0R" },
	{ "unsynchronised is flagged, still counted", 0, 0, false, "0=0 !300=10 600=20 900=30", "30R" },
	{ "a nonsense jump without P_max is not believed beyond 72 TW.h", 0, 0, false, "0=0 300=9000000000000000000 600=9000000000000000001 900=9000000000000000002",
	  "implausible 2+300sR" },
	{ "silent for an hour: closed as missing, corrected when it returns", 0, 0, false, "0=0 300=300 9000=9000 9300=9300 9600=9600",
	  "300+600sR 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- 0+900s- correction:7800 gap 900D 600+300sR" },
};

static void folds(void **state)
{
	(void)state;
	int wrong = 0;
	for (const struct fold_row *r = fold_rows; r < fold_rows + countof(fold_rows); r++) {
		struct bench b;
		struct sample samples[64];
		bench_init(&b);
		struct meter *m = bench_meter(&b, "m", ROLE_SUPPLY, -1);
		m->p_max_mw = r->p_max_mw;
		m->direction = r->net ? DIRECTION_NET : DIRECTION_IMPORT;
		b.wiring[0].modulus = r->modulus;
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		struct ledger_sink sink = { bench_interval, bench_event, &b };
		size_t n = bench_parse(r->reads, 0, samples, countof(samples));
		for (size_t i = 0; i < n; i++)
			ledger_push(l, &samples[i], 1, samples[i].at, &sink);
		ledger_finish(l, &sink);
		if (strcmp(b.said.data ? b.said.data : "", r->said) != 0)
			printf("row \"%s\":\n  said     %s\n  expected %s\n", r->name, b.said.data ? b.said.data : "", r->said), wrong++;
		ledger_free(l);
		bench_done(&b);
	}
	assert_int_equal(wrong, 0);
}

/* ---- power: only checked against, or integrated where there is no register ------------------------------------------------------------- */

static void push_all(struct bench *b, struct ledger *l, const char *const *reads, size_t n)
{
	static struct sample all[512];
	struct ledger_sink sink = { bench_interval, bench_event, b };
	size_t total = 0;
	for (size_t i = 0; i < n; i++)
		total += bench_parse(reads[i], (uint32_t)i, all + total, countof(all) - total);
	/* in order of stamps, as polled */
	for (size_t i = 1; i < total; i++)
		for (size_t k = i; k && all[k - 1].at.wall.ms > all[k].at.wall.ms; k--) {
			struct sample s = all[k];
			all[k] = all[k - 1];
			all[k - 1] = s;
		}
	ledger_push(l, all, total, (struct stamp){ 0 }, &sink);
	ledger_finish(l, &sink);
}

static const struct power_row { const char *name; bool has_register; const char *energy, *power, *said; } power_rows[] = {
	{ "the register agrees with its power", true, "0=0 900=900 1800=1800 2700=2700 3600=3600 4500=4500", "0=3600 900=3600 1800=3600 2700=3600 3600=3600",
	  "900R 900R 900R 900R 900R" },
	{ "ten times too much: a scale is wrong", true, "0=0 900=9000 1800=18000 2700=27000 3600=36000 4500=45000", "0=3600 900=3600 1800=3600 2700=3600 3600=3600",
	  "9000R 9000R 9000R power_mismatch 9000R 9000R" },
	{ "a tenth of it, three times only, then right", true, "0=0 900=90 1800=180 2700=270 3600=1170 4500=2070", "0=3600 900=3600 1800=3600 2700=3600 3600=3600",
	  "90R 90R 90R 900R 900R" },
	{ "power only: integrated, class I, never known energy", false, "", "0=3600 900=3600 1800=7200 2700=7200",
	  "0+900s-(900I) 0+900s-(1350I) 0+900s-(1800I)" },
	{ "power only, with a gap: what was seen", false, "", "0=3600 900=3600 3600=3600 4500=3600", "0+900s-(900I) 0+900s- 0+900s- 0+900s- 0+900s-(900I)" },
};

static void powers(void **state)
{
	int wrong = 0;
	(void)state;
	for (const struct power_row *r = power_rows; r < power_rows + countof(power_rows); r++) {
		struct bench b;
		bench_init(&b);
		struct meter *m = bench_meter(&b, "m", ROLE_SUPPLY, -1);
		m->power = "total.power";
		b.wiring[0] = (struct ledger_wiring){ r->has_register ? 0 : UINT32_MAX, 1, { 1, 1 }, 0, false, 900000, 1 };
		if (!r->has_register)
			m->energy = NULL;
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		push_all(&b, l, (const char *const[]){ r->energy, r->power }, 2);
		if (strcmp(b.said.data ? b.said.data : "", r->said))
			printf("row \"%s\":\n  said     %s\n  expected %s\n", r->name, b.said.data ? b.said.data : "", r->said), wrong++;
		ledger_free(l);
		bench_done(&b);
	}
	assert_int_equal(wrong, 0);
}

/* ---- what stands in for what is missing ------------------------------------------------------------------------------------------------ */

/* A feed with two meters below it; the second one, "it", lacks something.  900 s polls; a word a meter. */
static const struct substitute_row { const char *name; int64_t nominal_mw, loss_ppm; const char *feed, *cool, *it, *said; } substitute_rows[] = {
	{ "balance of the node", 0, 0, "0=0 900=1000 1800=2000", "0=0 900=300 1800=600", "0=-", "1000R,300R,0+900s-(700B) 1000R,300R,0+900s-(700B)" },
	{ "declared losses are taken off first", 0, 100000, "0=0 900=1000 1800=2000", "0=0 900=300 1800=600", "0=-", "1000R,300R,0+900s-(600B) 1000R,300R,0+900s-(600B)" },
	{ "what the meter itself knows of the interval is not estimated again", 0, 0, "0=0 900=1000 1800=2000", "0=0 900=300 1800=600", "600=0 900=200",
	  "1000R,300R,200+600sR(500B) 1000R,300R,0+900s-(700B)" },
	{ "more below than above is no estimate", 0, 0, "0=0 900=200 1800=400", "0=0 900=300 1800=600", "0=-", "200R,300R,0+900s- 200R,300R,0+900s-" },
	{ "a sibling lacks something: nominal power", 3600, 0, "0=0 900=1000 1800=2000", "0=0 900=300", "0=-",
	  "1000R,300R,0+900s-(700B) 1000R,0+900s-,0+900s-(900N)" },
	{ "of a part of the interval", 3600, 0, "0=0 900=1000", "0=-", "900=100 1200=300", "1000R,0+900s-,0+900s-(900N) 0+900s-(1000P),0+900s-,200+600sR(600N)" },
	{ "the hour's other quarters before the nominal power", 3600, 0, "0=0 900=1000 1800=2000", "900=-", "0=0 900=500", "1000R,0+900s-(500B),500R 1000R,0+900s-,0+900s-(500P)" },
	{ "zero is an energy too: a nominal power is not asked", 3600, 0, "0=0 900=0 1800=0", "0=0 900=0 1800=0", "0=-", "0R,0R,0+900s- 0R,0R,0+900s-" },
};

static void three_meters(struct bench *b, int64_t nominal_mw, int64_t loss_ppm)
{
	bench_init(b);
	bench_meter(b, "feed", ROLE_SUPPLY, -1)->loss_ppm = loss_ppm;
	bench_meter(b, "cool", ROLE_COOLING, 0);
	bench_meter(b, "it", ROLE_IT, 0)->nominal_mw = nominal_mw;
	for (int m = 0; m < 3; m++)
		b->wiring[m].poll_ms = 900000;
}

static void substitutes(void **state)
{
	int wrong = 0;
	(void)state;
	for (const struct substitute_row *r = substitute_rows; r < substitute_rows + countof(substitute_rows); r++) {
		struct bench b;
		three_meters(&b, r->nominal_mw, r->loss_ppm);
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		push_all(&b, l, (const char *const[]){ r->feed, r->cool, r->it }, 3);
		if (strcmp(b.said.data ? b.said.data : "", r->said))
			printf("row \"%s\":\n  said     %s\n  expected %s\n", r->name, b.said.data ? b.said.data : "", r->said), wrong++;
		ledger_free(l);
		bench_done(&b);
	}
	assert_int_equal(wrong, 0);
}

/* Class P: the same hour of the week before; kept through a checkpoint, four weeks at most. */
static void profiles(void **state)
{
	static const struct { const char *name; int weeks; bool restart; const char *said; } rows[] = {
		{ "last week", 1, false, "P" }, { "through a checkpoint", 1, true, "P" }, { "four weeks ago", 4, false, "P" }, { "five weeks ago", 5, false, "-" },
	};
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct bench b;
		struct buf saved = { 0 };
		struct err err = { 0 };
		three_meters(&b, 0, 0);
		struct ledger_sink sink = { bench_interval, bench_event, &b };
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		int64_t step = 900, week = 7 * 86400, end = (int64_t)rows[i].weeks * week + 7200;
		/* Only the feed; in its first hour it carries what no other hour does; it is silent in the weeks between, and counts from zero then. */
		for (int64_t t = 0; t <= 3600; t += step) {
			struct sample s = { .series = 0, .value = t, .at = { { BASE_MS + t * 1000 }, { t * 1000 }, 1, true } };
			ledger_push(l, &s, 1, s.at, &sink);
		}
		for (int64_t t = 3600; t <= end; t += 3600) {
			if (rows[i].restart && t == 2 * 3600) {
				ledger_save(l, &saved);
				ledger_free(l);
				l = ledger_new(&b.site, b.wiring, NULL);
				assert_true(ledger_load(l, saved.data, saved.len, &err));
			}
			buf_reset(&b.said);
			ledger_push(l, NULL, 0, (struct stamp){ .wall = { BASE_MS + t * 1000 } }, &sink);
			bool same_hour = t - 3600 - 3600 == rows[i].weeks * week && strstr(b.said.data ? b.said.data : "", "0+900s-(900P)");
			if (t == end)
				row_check(&rows[i], same_hour == (rows[i].said[0] == 'P'));
		}
		ledger_free(l);
		buf_done(&saved);
		bench_done(&b);
	}
}

/* Class M: stated afterwards, in place of P and N, never of what the balance says; a correction makes it needless. */
static void manual(void **state)
{
	static const struct { const char *name; int64_t nominal_mw, from_s, to_s, mwh; bool cool, back; int64_t m, n, b; } rows[] = {
		{ "in place of the nominal power", 3600, 900, 2700, 500, false, false, 500, 900, 0 },
		{ "a part of an interval", 0, 1800, 2250, 100, false, false, 100, 0, 0 },
		{ "a part does not drive out an estimate of the whole", 3600, 1800, 2250, 100, false, false, 0, 2700, 0 },
		{ "the balance measures, a person does not", 0, 900, 2700, 500, true, false, 0, 0, 4200 },
		{ "the meter comes back and knew it all", 3600, 900, 2700, 500, false, true, 0, 0, 0 },
	};
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		struct bench b;
		struct err err = { 0 };
		struct kpi k;
		three_meters(&b, rows[i].nominal_mw, 0);
		b.window = window_new(&b.site, (struct wall){ BASE_MS }, (struct wall){ BASE_MS + 2700000 }, NULL);
		struct ledger_sink sink = { bench_interval, bench_event, &b };
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		for (int64_t t = 0; t <= 9000; t += 900)
			for (uint32_t m = 0; m < 3; m++) {
				struct sample s = { .series = m, .value = t, .at = { { BASE_MS + t * 1000 }, { t * 1000 }, 1, true } };
				bool there = m == 0 ? true : m == 1 ? rows[i].cool : t == 0 || (rows[i].back && t > 7200);
				s.value = m == 0 ? t * 2 : m == 1 ? t * 4 / 9 : t;
				if (there)
					ledger_push(l, &s, 1, s.at, &sink);
				else
					ledger_push(l, NULL, 0, s.at, &sink);
			}
		struct manual_reading r = { 2, { BASE_MS + rows[i].from_s * 1000 }, { BASE_MS + rows[i].to_s * 1000 }, rows[i].mwh, "0123", "Han Mei", "display read" };
		row_check(&rows[i], ledger_manual(l, &r, &err));
		r.to.ms = BASE_MS + 86400000;
		row_check(&rows[i], !ledger_manual(l, &r, &err) && strstr(err.text, "has not come yet"));
		ledger_finish(l, &sink);
		window_kpi(b.window, NULL, &k);
		if (k.substituted_mwh[1][CLASS_M] != rows[i].m || k.substituted_mwh[1][CLASS_N] != rows[i].n || k.substituted_mwh[1][CLASS_B] != rows[i].b)
			printf("M %lld N %lld B %lld P %lld\n%s\n", (long long)k.substituted_mwh[1][CLASS_M], (long long)k.substituted_mwh[1][CLASS_N],
			       (long long)k.substituted_mwh[1][CLASS_B], (long long)k.substituted_mwh[1][CLASS_P], b.said.data);
		row_check(&rows[i], k.substituted_mwh[1][CLASS_M] == rows[i].m && k.substituted_mwh[1][CLASS_N] == rows[i].n && k.substituted_mwh[1][CLASS_B] == rows[i].b);
		row_check(&rows[i], k.known_it_mwh == (rows[i].back ? 2700 : 0));
		ledger_free(l);
		bench_done(&b);
	}
}

/* ---- a checkpoint of another configuration ------------------------------------------------------------------------------------------------ */

static void changed_configuration(void **state)
{
	(void)state;
	struct bench b;
	struct sample s[16];
	struct buf saved = { 0 };
	struct err err = { 0 };
	bench_init(&b);
	bench_meter(&b, "old", ROLE_SUPPLY, -1);
	bench_meter(&b, "kept", ROLE_IT, 0);
	struct ledger_sink sink = { bench_interval, bench_event, &b };
	struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
	size_t n = bench_parse("0=0 300=10 600=20 900=30 1200=40 1500=50 1800=60 2100=70", 0, s, countof(s));
	for (size_t i = 0; i < n; i++)
		for (uint32_t m = 0; m < 2; m++) {
			s[i].series = m;
			ledger_push(l, &s[i], 1, s[i].at, &sink);
		}
	ledger_save(l, &saved);
	ledger_free(l);
	/* "kept" goes on, "old" gets another count, a third meter is new; the order is another one */
	struct bench c;
	bench_init(&c);
	bench_meter(&c, "kept", ROLE_IT, 1);
	bench_meter(&c, "old", ROLE_SUPPLY, -1);
	bench_meter(&c, "new", ROLE_COOLING, 1);
	c.wiring[0].energy_series = 1;
	c.wiring[1] = (struct ledger_wiring){ 0, UINT32_MAX, { 2, 1 }, 0, false, 300000, 1 };
	c.meters[0].parent_ix = 1;
	sink.ctx = &c;
	l = ledger_new(&c.site, c.wiring, NULL);
	if (!ledger_load(l, saved.data, saved.len, &err))
		fail_msg("%s", err.text);
	n = bench_parse("2400=80 2700=90 3000=100 3300=110 3600=120", 0, s, countof(s));
	for (size_t i = 0; i < n; i++)
		for (uint32_t m = 0; m < 3; m++) {
			s[i].series = m;
			ledger_push(l, &s[i], 1, s[i].at, &sink);
		}
	ledger_finish(l, &sink);
	/* the checkpoint was taken 15 min behind the newest stamp: what the old register read there is not taken over */
	if (!strstr(c.said.data, "epoch") || !strstr(c.said.data, "30R,60R,30R"))
		fail_msg("%s", c.said.data);
	struct meter_view v;
	ledger_meter(l, 0, &v);
	assert_int_equal(v.cumulative_mwh, 120);
	static const struct { const char *name, *bytes; size_t len; } refused[] = {
		{ "empty", "", 0 }, { "another program's", "SQLite format 3", 15 }, { "cut", NULL, 40 },
	};
	for (size_t i = 0; i < countof(refused); i++) {
		err = (struct err){ 0 };
		row_check(&refused[i], !ledger_load(l, refused[i].bytes ? refused[i].bytes : saved.data, refused[i].len, &err) && err.text[0]);
	}
	/* a refused checkpoint leaves the ledger as it was */
	ledger_meter(l, 0, &v);
	assert_int_equal(v.cumulative_mwh, 120);
	ledger_free(l);
	buf_done(&saved);
	bench_done(&b);
	bench_done(&c);
}

/* A meter that reads another device from now on: the same count, and yet no difference between the two registers is energy. */
static void another_register(void **state)
{
	(void)state;
	static const struct { const char *device, *energy; int64_t mwh; bool event; } rows[] = {
		{ "pdu-a", "total.energy", 120, false }, { "pdu-b", "total.energy", 40, true }, { "pdu-a", "inlet.1.energy", 40, true },
	};
	for (size_t k = 0; k < countof(rows); k++) {
		struct bench b, c;
		struct sample s[16];
		CLEANUP(buf_done) struct buf saved = { 0 };
		struct ledger_sink sink = { bench_interval, bench_event, &b };
		bench_init(&b);
		bench_meter(&b, "one", ROLE_SUPPLY, -1);
		b.meters[0].device = "pdu-a";
		b.meters[0].energy = "total.energy";
		struct ledger *l = ledger_new(&b.site, b.wiring, NULL);
		size_t n = bench_parse("0=0 300=10 600=20 900=30 1200=40 1500=50 1800=60 2100=70", 0, s, countof(s));
		for (size_t i = 0; i < n; i++)
			ledger_push(l, &s[i], 1, s[i].at, &sink);
		ledger_save(l, &saved);
		ledger_free(l);
		bench_init(&c);
		bench_meter(&c, "one", ROLE_SUPPLY, -1);
		c.meters[0].device = rows[k].device;
		c.meters[0].energy = rows[k].energy;
		sink.ctx = &c;
		l = ledger_new(&c.site, c.wiring, NULL);
		assert_true(ledger_load(l, saved.data, saved.len, NULL));
		n = bench_parse("2400=80 2700=90 3000=100 3300=110 3600=120", 0, s, countof(s));
		for (size_t i = 0; i < n; i++)
			ledger_push(l, &s[i], 1, s[i].at, &sink);
		ledger_finish(l, &sink);
		struct meter_view v;
		ledger_meter(l, 0, &v);
		if (!!strstr(c.said.data ? c.said.data : "", "epoch") != rows[k].event || (v.cumulative_mwh == 120) == rows[k].event)
			fail_msg("%s/%s: %lld mWh, %s", rows[k].device, rows[k].energy, (long long)v.cumulative_mwh, c.said.data ? c.said.data : "");
		ledger_free(l);
		bench_done(&b);
		bench_done(&c);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(folds), cmocka_unit_test(powers), cmocka_unit_test(substitutes), cmocka_unit_test(profiles), cmocka_unit_test(manual), cmocka_unit_test(changed_configuration), cmocka_unit_test(another_register) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
