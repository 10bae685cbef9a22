#include "tests/unit/test.h"
#include "core/amend.h"

static const char site_text[] =
	"version: 1\n"
	"site:\n"
	"  id: s1\n"
	"  name: {zh: 甲, en: A}\n"
	"  timezone: Asia/Shanghai\n"
	"meters:\n"
	"  - {id: bus, role: bus}\n"
	"  - {id: feed, role: supply, parent: bus, device: m1, p_max: 4 MW, count: 1 kW.h, modulus: 1000000}\n"
	"  - {id: tie, role: supply, parent: bus, device: m2, p_max: 1 MW, direction: net, count: 1 kW.h}\n"
	"  - {id: huge, role: it, point: ups_output, parent: bus, device: m3, count: 1000 MWh, direction: net}\n"
	"  - {id: plain, role: it, point: ups_output, parent: bus, device: m4, p_max: 1 MW}\n"
	"  - {id: old, role: it, point: ups_output, parent: bus, device: m5, p_max: 1 MW, count: 1 kW.h,\n"
	"     epochs: [{serial: A, to: \"2026-03-01T00:00:00+08:00\", last: 50}, {serial: B, from: \"2026-03-01T00:00:00+08:00\", first: 0, to: \"2026-06-01T00:00:00+08:00\"}]}\n"
	"devices:\n"
	"  - {id: m1, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/1\"}\n"
	"  - {id: m2, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/2\"}\n"
	"  - {id: m3, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/3\"}\n"
	"  - {id: m4, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/4\"}\n"
	"  - {id: m5, profile: meter, endpoint: \"modbus+tcp://10.0.0.5/5\"}\n";

static bool no_file(void *ctx, const char *path, struct buf *out, struct err *err)
{
	(void)ctx, (void)out;
	return err_set(err, ERR_IO, "%s: No such file or directory", path);
}

#define DAY(d, t) "\"2026-04-" d "T" t ":00+08:00\""
#define EXCHANGE(id, at, more) "{\"id\":\"" id "\",\"at\":" at "," more ",\"reason\":\"r\"}"
#define READING(id, from, to, more) "{\"id\":\"" id "\",\"from\":" from ",\"to\":" to "," more ",\"reason\":\"r\"}"

/* `why` NULL: the word counts; `mwh` is then what a reading amounts to. */
static const struct word_row { const char *name; bool reading; const char *json, *why; int64_t mwh; } word_rows[] = {
	{ "an exchange", false, EXCHANGE("feed", DAY("02", "10:00"), "\"last\":77,\"first\":3"), NULL, 0 },
	{ "of no meter", false, EXCHANGE("nobody", DAY("02", "10:00"), "\"last\":77,\"first\":3"), "the site has no meter 'nobody'", 0 },
	{ "of a busbar", false, EXCHANGE("bus", DAY("02", "10:00"), "\"last\":77,\"first\":3"), "there is nothing to exchange", 0 },
	{ "backwards", false, EXCHANGE("feed", DAY("02", "10:00"), "\"from\":" DAY("01", "10:00") ",\"last\":77,\"first\":3"), "is before the old one's last", 0 },
	{ "above the modulus", false, EXCHANGE("feed", DAY("02", "10:00"), "\"last\":1000000,\"first\":3"), "cannot show 1000000 (last)", 0 },
	{ "new one above its modulus", false, EXCHANGE("feed", DAY("02", "10:00"), "\"last\":1,\"first\":100,\"modulus\":100"), "cannot show 100 (first)", 0 },
	{ "before the last epoch", false, EXCHANGE("old", "\"2026-02-01T00:00:00+08:00\"", "\"last\":1,\"first\":2"), "epochs overlap", 0 },
	{ "known already", false, EXCHANGE("old", "\"2026-03-01T00:00:00+08:00\"", "\"last\":1,\"first\":2"), "is known already", 0 },
	{ "two in a day", false, EXCHANGE("old", "\"2026-03-01T10:00:00+08:00\"", "\"last\":1,\"first\":2"), "a second exchange within a day", 0 },
	{ "after the meter's end", false, EXCHANGE("old", "\"2026-06-01T00:00:00+08:00\"", "\"last\":1,\"first\":2"), "its last epoch ends", 0 },
	{ "a count against the profile", false, EXCHANGE("plain", DAY("02", "10:00"), "\"last\":1,\"first\":2,\"count\":\"1 kW.h\""), "comes from the profile", 0 },
	{ "no last", false, EXCHANGE("feed", DAY("02", "10:00"), "\"first\":3"), "last", 0 },
	{ "an unknown key", false, EXCHANGE("feed", DAY("02", "10:00"), "\"last\":1,\"first\":3,\"serail\":\"x\""), "serial", 0 },
	{ "no JSON", false, "{", "", 0 },

	{ "an energy", true, READING("feed", DAY("02", "10:00"), DAY("02", "11:00"), "\"energy\":\"30 kW.h\""), NULL, 30000000 },
	{ "a difference", true, READING("feed", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":100,\"last\":130"), NULL, 30000000 },
	{ "a net difference", true, READING("tie", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":130,\"last\":100"), NULL, -30000000 },
	{ "a negative energy", true, READING("feed", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":130,\"last\":100"), "the energy is negative", 0 },
	{ "more than the circuit carries", true, READING("tie", DAY("02", "10:00"), DAY("02", "11:00"), "\"energy\":\"1001 kW.h\""), "more than its circuit", 0 },
	{ "as much as it carries", true, READING("tie", DAY("02", "10:00"), DAY("02", "11:00"), "\"energy\":\"1000 kW.h\""), NULL, 1000000000 },
	{ "more, backwards", true, READING("tie", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":1001,\"last\":0"), "more than its circuit", 0 },
	{ "too large to be written", true, READING("huge", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":0,\"last\":9000000000"), "no energy that can be written", 0 },
	{ "too large, backwards", true, READING("huge", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":9000000000,\"last\":0"), "no energy that can be written", 0 },
	{ "nothing stated", true, READING("feed", DAY("02", "10:00"), DAY("02", "11:00"), "\"document\":\"d\""), "either the energy", 0 },
	{ "both stated", true, READING("feed", DAY("02", "10:00"), DAY("02", "11:00"), "\"energy\":\"1 kW.h\",\"first\":1,\"last\":2"), "either the energy", 0 },
	{ "one end only", true, READING("feed", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":1"), "either the energy", 0 },
	{ "backwards in time", true, READING("feed", DAY("02", "11:00"), DAY("02", "10:00"), "\"energy\":\"1 kW.h\""), "'to' must come after 'from'", 0 },
	{ "for years", true, READING("feed", "\"2024-01-01T00:00:00Z\"", "\"2026-01-01T00:00:00Z\"", "\"energy\":\"1 kW.h\""), "400 days", 0 },
	{ "over a change of meters", true, READING("old", "\"2026-02-01T00:00:00Z\"", "\"2026-04-01T00:00:00Z\"", "\"first\":1,\"last\":2"), "was changed between", 0 },
	{ "a count that the profile has", true, READING("plain", DAY("02", "10:00"), DAY("02", "11:00"), "\"first\":1,\"last\":2"), "state the energy", 0 },
	{ "of a busbar", true, READING("bus", DAY("02", "10:00"), DAY("02", "11:00"), "\"energy\":\"1 kW.h\""), "busbar", 0 },
};

static void words(void **state)
{
	struct conf *c = conf_new();
	struct err err = { 0 };
	const struct site *site = site_load(c, "s.yaml", site_text, sizeof site_text - 1, (struct file_reader){ no_file, NULL });
	(void)state;
	if (!conf_ok(c, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < sizeof word_rows / sizeof word_rows[0]; i++) {
		const struct word_row *row = &word_rows[i];
		struct meter_words w = { .id = "0123", .by = "Han Mei", .json = row->json, .reading = row->reading };
		struct amendment *a = amend(site, &w, 1, &err);
		size_t n;
		row_check(row, a && w.counts == !row->why);
		if (row->why && !strstr(w.why, row->why))
			fail_msg("row \"%s\" says: %s", row->name, w.why);
		const struct manual_reading *r = amended_readings(a, &n);
		row_check(row, n == (row->reading && !row->why));
		row_check(row, !n || r->energy_mwh == row->mwh);
		amendment_free(a);
	}
	conf_free(c);
}

/* What an exchange leaves: the old epoch ends with its last reading, the new one begins with its first, and is the same installation. */
static void epochs(void **state)
{
	struct conf *c = conf_new();
	struct err err = { 0 };
	const struct site *site = site_load(c, "s.yaml", site_text, sizeof site_text - 1, (struct file_reader){ no_file, NULL });
	struct meter_words w[] = {
		{ .id = "0a", .by = "Han Mei", .json = EXCHANGE("feed", DAY("02", "10:00"), "\"from\":" DAY("02", "11:00") ",\"last\":77,\"first\":3,\"serial\":\"B7\"") },
		{ .id = "0b", .by = "Han Mei", .json = EXCHANGE("feed", DAY("01", "10:00"), "\"last\":70,\"first\":3") },
		{ .id = "0c", .by = "Han Mei", .json = EXCHANGE("feed", DAY("05", "10:00"), "\"last\":9,\"first\":0,\"modulus\":10000") },
	};
	struct amendment *a = amend(site, w, 3, &err);
	struct exchange_place place;
	(void)state;
	assert_true(a && w[0].counts && !w[1].counts && w[2].counts);
	assert_non_null(strstr(w[1].why, "epochs overlap"));
	const struct meter *m = &site_meters(amended_site(a))[1], *before = &site_meters(site)[1];
	const struct meter_epoch *e = m->epochs.items;
	assert_int_equal(before->epochs.n, 1);
	assert_int_equal(m->epochs.n, 3);
	assert_true(e[0].has_last && e[0].last == 77 && e[1].has_first && e[1].first == 3 && e[1].has_last && e[1].last == 9 && e[2].first == 0);
	assert_true(e[1].from.ms - e[0].to.ms == 3600000 && e[1].to.ms == e[2].from.ms);
	assert_string_equal(e[1].serial, "B7");
	assert_null(e[2].serial);
	assert_true(e[1].modulus == 1000000 && e[2].modulus == 10000 && e[2].count_mwh.num == e[0].count_mwh.num && e[2].count_mwh.den == e[0].count_mwh.den);
	assert_true(amended_place(a, "0c", &place) && place.meter == 1 && place.at.ms == e[1].to.ms && !amended_place(a, "0b", &place));
	amendment_free(a);
	conf_free(c);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(words), cmocka_unit_test(epochs) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
