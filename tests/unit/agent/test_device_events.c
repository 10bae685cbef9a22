/* Lines of the log are few whatever happens, and nothing is lost from their counts. */
#include "tests/unit/test.h"
#include "agent/device_events.h"

#include <stdlib.h>

struct log { size_t lines, good; char text[20000]; };

static void line(void *ctx, bool good, const char *text)
{
	struct log *l = ctx;
	size_t n = strlen(l->text);
	l->lines++;
	l->good += good;
	snprintf(l->text + n, sizeof l->text - n, "%s\n", text);
}

static struct stamp at(int64_t s)
{
	return (struct stamp){ .wall = { 1700000000000 + s * 1000 }, .boot = { s * 1000 } };
}

static void take(struct device_events *e, size_t device, const char *kind, int64_t s)
{
	char id[20];
	snprintf(id, sizeof id, "d%zu", device);
	device_events_take(e, id, kind, "no answer", at(s));
}

/* 514 devices refuse at once: ten lines, and one that counts the rest. */
static void many_devices_at_once(void **state)
{
	(void)state;
	struct log l = { 0 };
	struct device_events *e = device_events_new(line, &l);
	for (size_t i = 0; i < 514; i++)
		take(e, i, "down", 100);
	assert_int_equal(l.lines, 10);
	for (int64_t s = 100; s < 159; s++)
		device_events_tick(e, at(s));
	assert_int_equal(l.lines, 10);
	device_events_tick(e, at(160));
	assert_int_equal(l.lines, 11);
	assert_non_null(strstr(l.text, "down: 504 more within a minute: d10, d11, d12, ..."));
	take(e, 0, "up", 161);                   /* another kind has its own lines */
	assert_int_equal(l.good, 1);
	struct device_event latest[DEVICE_EVENTS_KEPT];
	assert_int_equal(device_events_latest(e, latest), DEVICE_EVENTS_KEPT);
	assert_int_equal(latest[0].n, 515);
	assert_string_equal(latest[0].kind, "up");
	assert_string_equal(latest[1].device, "d513");
	device_events_free(e);
}

/* One device that flaps 1,000 times in a minute: its first line, then one with the count. */
static void one_device_again_and_again(void **state)
{
	(void)state;
	struct log l = { 0 };
	struct device_events *e = device_events_new(line, &l);
	for (int64_t i = 0; i < 1000; i++)
		device_events_take(e, "a", "overrun", i == 999 ? "the last" : "slow", at(i * 50 / 1000));
	take(e, 1, "overrun", 10);               /* a neighbour is heard all the same */
	assert_int_equal(l.lines, 2);
	device_events_tick(e, at(60));
	assert_int_equal(l.lines, 3);
	assert_non_null(strstr(l.text, "a: the last (999 of this kind within a minute)"));
	device_events_tick(e, at(200));
	assert_int_equal(l.lines, 3);
	device_events_free(e);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(many_devices_at_once), cmocka_unit_test(one_device_again_and_again) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
