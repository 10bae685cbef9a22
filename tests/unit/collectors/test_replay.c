/* A recorded device through the poller in virtual time: hours in milliseconds. */
#include "tests/unit/test.h"
#include "agent/poller.h"
#include "core/script.h"
#include "core/site.h"

#include <stdlib.h>
#include <unistd.h>

static const char profile_text[] =
	"profile: meter\nrevision: 1\nsource: invented for this test\nidentify: {vendor: Acme, product: PM100}\npoints:\n"
	"  - {name: total.power, quantity: active_power, at: holding 1, type: u16, unit: W}\n"
	"  - {name: total.voltage, quantity: voltage, at: holding 3, type: u16, unit: V}\n";
static const char recording[] =
	"# what a meter said\nobject 0 Acme\nobject 1 PM100\nholding 1 100\nholding 3 230\n@ 30m\nsilent\n@ 1h\nholding 1 0x12c\n";

struct world { int64_t now_ms; struct sample last[2]; unsigned good, missing, down, up; };

static struct stamp now(void *ctx)
{
	const struct world *w = ctx;
	return (struct stamp){ .wall = { 1700000000000 + w->now_ms }, .boot = { w->now_ms }, .session = 1, .synced = true };
}

static uint32_t on_series(void *ctx, size_t device, const struct bound *bound, size_t point)
{
	(void)ctx, (void)device, (void)bound;
	return (uint32_t)point;
}

static void on_samples(void *ctx, const struct sample *samples, size_t n, struct stamp at)
{
	struct world *w = ctx;
	(void)at;
	for (size_t i = 0; i < n; i++) {
		w->last[samples[i].series] = samples[i];
		w->good += samples[i].quality == QUALITY_GOOD;
		w->missing += samples[i].quality == QUALITY_MISSING;
	}
}

static void on_event(void *ctx, size_t device, const char *kind, const char *sentence, struct stamp at)
{
	struct world *w = ctx;
	(void)device, (void)sentence, (void)at;
	w->down += !strcmp(kind, "down");
	w->up += !strcmp(kind, "up");
}

static void run(struct world *w, struct poller *p, int64_t until_ms)
{
	for (; w->now_ms < until_ms; w->now_ms += 1000)
		poller_tick(p, now(w));
}

static void plays_hours(void **state)
{
	(void)state;
	char path[] = "/tmp/pued-replay-XXXXXX", endpoint[64];
	int fd = mkstemp(path);
	assert_true(fd >= 0 && write(fd, recording, sizeof recording - 1) == (ssize_t)sizeof recording - 1);
	close(fd);
	snprintf(endpoint, sizeof endpoint, "replay:%s", path);
	struct err err = { 0 };
	struct world w = { .now_ms = 10000 };
	struct library *lib = library_new();
	library_add(lib, "meter.yaml", profile_text, strlen(profile_text));
	assert_true(library_close(lib, &err));
	struct device device = { .id = "m", .endpoint = endpoint, .poll_ms = 10000, .deadline_ms = 2000 };
	struct site site = { .devices = { &device, 1 } };
	struct poller_options o = { .clock = { now, &w }, .collectors = collectors, .library = lib, .site = &site, .seed = 5,
				    .sink = { .series = on_series, .samples = on_samples, .event = on_event, .ctx = &w } };
	struct poller *p = poller_new(&o, &err);
	if (!p)
		fail_msg("%s", err.text);
	run(&w, p, 10000 + 29 * 60000);
	assert_in_range(w.good, 2 * 29 * 6 - 10, 2 * 29 * 6 + 10);
	assert_int_equal(w.missing, 2);         /* the first read went over address 2, which no line names: refused, learnt */
	assert_int_equal(w.last[0].value, 100000);
	run(&w, p, 10000 + 59 * 60000);
	assert_int_equal(w.down, 1);
	assert_int_equal(w.last[0].reason, REASON_TIMEOUT);
	run(&w, p, 10000 + 65 * 60000);
	assert_int_equal(w.up, 1);
	assert_int_equal(w.last[0].quality, QUALITY_GOOD);
	assert_int_equal(w.last[0].value, 300000);
	assert_int_equal(w.last[1].value, 230000);         /* what was not named again stays */
	poller_free(p);
	library_free(lib);
	unlink(path);
}

static void words_and_objects(void **state)
{
	(void)state;
	static const struct { const char *name, *text, *says; } bad[] = {
		{ "no number", "holding 1 x\n", "line 1: no 'holding ADDRESS WORD" }, { "too large", "\n# a\ninput 1 65536\n", "line 3" },
		{ "no value", "coil 7\n", "line 1" }, { "objects out of order", "object 1 A\n", "ascending from 0" },
		{ "time goes back", "@ 9s\n@ 5s\n", "line 2: no '@ TIME'" }, { "no unit", "@ 9\n", "line 1" }, { "unknown word", "register 1 2\n", "neither" },
		{ "half an object", "1.3.6.1.2|4\n", "OID|TAG|VALUE" }, { "beyond the last address", "holding 65535 1 2\n", "line 1" } };
	for (size_t i = 0; i < countof(bad); i++) {
		struct err err = { 0 };
		struct script *s = script_new(bad[i].text, strlen(bad[i].text), &err);
		row_check(&bad[i], !s && strstr(err.text, bad[i].says));
	}
	/* objects change in place, also when nobody asked in between; a word that no line names is refused, never 0 */
	static const char text[] = "1.3.6.1.2.1.2.0|2|5\n1.3.6.1.2.1.1.0|2|1\n@ 5s\n1.3.6.1.2.1.1.0|2|2\n1.3.6.1.2.1.1.5|2|9\n1.3.6.1.2.1.1.0|2|3\nholding 4 7\n";
	struct oid names[3];
	assert_true(oid_parse("1.3.6.1.2.1.1.0", &names[0]) && oid_parse("1.3.6.1.2.1.1.5", &names[1]) && oid_parse("1.3.6.1.2.1.2.0", &names[2]));
	struct script *s = script_new(text, strlen(text), NULL);
	struct request get = { .kind = REQUEST_SNMP_GET, .oids = names, .n_oids = 3 }, read = { .kind = REQUEST_MODBUS_READ, .function = 3, .address = 4, .count = 1 };
	struct reading out;
	assert_true(s && script_has_objects(s));
	replica_answer(script_at(s, 60000), &get, (struct stamp){ 0 }, &out);
	assert_int_equal(out.n_vars, 3);
	assert_int_equal(out.vars[0].integer, 3);
	assert_int_equal(out.vars[1].integer, 9);
	assert_int_equal(out.vars[2].integer, 5);
	replica_answer(script_at(s, 60000), &read, (struct stamp){ 0 }, &out);
	assert_true(out.n_words == 1 && out.words[0] == 7);
	read.count = 2;
	replica_answer(script_at(s, 60000), &read, (struct stamp){ 0 }, &out);
	assert_int_equal(out.reason, REASON_EXCEPTION);
	script_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(plays_hours), cmocka_unit_test(words_and_objects) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
