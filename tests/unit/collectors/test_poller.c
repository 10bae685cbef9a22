/* Devices' lives in virtual time: a collector of replicas instead of a wire. */
#include "tests/unit/test.h"
#include "agent/poller.h"
#include "core/replica.h"
#include "core/site.h"

#include <inttypes.h>
#include <stdlib.h>

enum { DEVICES_MAX = 40, POINTS_MAX = 8, COST_MS = 10 };

static const char profile_text[] =
	"profile: meter\nrevision: 1\ntitle: Test meter\nsource: invented for this test\n"
	"identify: {holding: 0, type: u16, equals: 0x1234}\n"
	"identity: {serial: {at: holding 0x500, type: string, words: 2}}\n"
	"points:\n"
	"  - {name: total.power, quantity: active_power, at: holding 1, type: u16, unit: W}\n"
	"  - {name: total.voltage, quantity: voltage, at: holding 2, type: u16, unit: V}\n"
	"  - {name: far.current, quantity: current, at: holding 0x400, type: u16, unit: A}\n"
	"checks:\n  - {rule: power, power: total.power, voltage: total.voltage, current: far.current}\n";

struct fake_device { struct replica *replica; bool dead; int silent_at, slow_at, max_words; int64_t slow_ms, wait_ms; size_t attached, detached, requests; };
struct fake_request { const struct request *req; struct target *target; int64_t answer_ms, deadline_ms, asked_ms, wait_ms; bool open; };
struct target { void *device; struct fake_device *fake; };

struct world {
	int64_t now_ms;
	struct poller *poller;
	struct collector_env env;
	struct fake_device fakes[DEVICES_MAX];
	struct fake_request open[DEVICES_MAX];
	struct library *library;
	struct device devices[DEVICES_MAX];
	struct site site;
	struct sample last[DEVICES_MAX][POINTS_MAX];
	uint64_t good[DEVICES_MAX], missing[DEVICES_MAX];
	int64_t first_good_ms[DEVICES_MAX], last_good_ms[DEVICES_MAX], gap_max_ms[DEVICES_MAX];
	char events[4000], learnt[200], overrun[400];
};
static struct world *world;      /* the collector's start() has no other way to it */

static struct stamp now(void *ctx)
{
	struct world *w = ctx;
	return (struct stamp){ .wall = { 1700000000000 + w->now_ms }, .boot = { w->now_ms }, .session = 1, .synced = true };
}

/* ---- the collector ---------------------------------------------------------------------------------------------------- */

static void *fake_start(const struct collector_env *env, struct err *err)
{
	(void)err;
	world->env = *env;
	return world;
}

static struct target *fake_attach(void *self, const struct endpoint *ep, void *device, struct err *err)
{
	struct world *w = self;
	struct target *t = calloc(1, sizeof *t);
	(void)err;
	t->device = device;
	t->fake = &w->fakes[ep->unit];
	t->fake->attached++;
	return t;
}

static void fake_submit(struct target *t, const struct request *req, struct mono deadline)
{
	size_t i = 0;
	while (world->open[i].open)
		i++;
	assert_true(i < DEVICES_MAX);
	t->fake->requests++;
	bool silent = t->fake->dead || (t->fake->silent_at >= 0 && req->address == t->fake->silent_at);
	bool slow = req->address == t->fake->slow_at;
	int64_t wait = slow ? t->fake->wait_ms : 0, cost = slow ? t->fake->slow_ms : COST_MS;     /* its turn comes after wait: only then its deadline runs */
	world->open[i] = (struct fake_request){ .req = req, .target = t, .open = true, .deadline_ms = deadline.ms, .asked_ms = world->now_ms, .wait_ms = wait,
						.answer_ms = silent ? INT64_MAX : world->now_ms + wait + cost };
}

static void fake_expire(void *self, struct mono at)
{
	struct world *w = self;
	for (size_t i = 0; i < DEVICES_MAX; i++) {
		struct fake_request r = w->open[i];
		if (!r.open || (at.ms < r.answer_ms && at.ms < r.deadline_ms))
			continue;
		struct reading reading = { .request = r.req, .at = now(w), .reason = REASON_TIMEOUT };
		w->open[i].open = false;
		if (r.answer_ms <= at.ms && r.target->fake->max_words && r.req->count > r.target->fake->max_words) {
			reading.reason = REASON_EXCEPTION;
			reading.exception = 2;
		} else if (r.answer_ms <= at.ms) {
			replica_answer(r.target->fake->replica, r.req, reading.at, &reading);
		}
		if (reading.reason != REASON_NONE)
			snprintf(reading.err.text, sizeof reading.err.text, "fake: %s", reason_text(reading.reason));
		reading.latency_us = (w->now_ms - r.asked_ms - r.wait_ms) * 1000;
		w->env.sink(w->env.ctx, r.target->device, &reading);
	}
}

static void fake_flush(void *self) { (void)self; }
static struct mono fake_next(void *self) { (void)self; return (struct mono){ INT64_MAX }; }
static void fake_stats(const struct target *t, struct target_stats *out) { *out = (struct target_stats){ .requests = t->fake->requests }; }
static void fake_stop(void *self) { (void)self; }

static void fake_detach(struct target *t)
{
	for (size_t i = 0; i < DEVICES_MAX; i++)
		if (world->open[i].target == t)
			world->open[i].open = false;
	t->fake->detached++;
	free(t);
}

static const char *const schemes[] = { "modbus+tcp", NULL };
static const struct collector_ops fake = { schemes, fake_start, fake_attach, fake_submit, fake_flush, fake_expire, fake_next, fake_stats, fake_detach, fake_stop };
static const struct collector_ops *const fakes[] = { &fake, NULL };

/* ---- what the poller says --------------------------------------------------------------------------------------------------- */

static uint32_t on_series(void *ctx, size_t device, const struct bound *bound, size_t point)
{
	(void)ctx, (void)bound;
	return (uint32_t)(device * POINTS_MAX + point);
}

static void on_samples(void *ctx, const struct sample *samples, size_t n, struct stamp at)
{
	struct world *w = ctx;
	for (size_t i = 0; i < n; i++) {
		size_t d = samples[i].series / POINTS_MAX;
		w->last[d][samples[i].series % POINTS_MAX] = samples[i];
		bool good = samples[i].quality == QUALITY_GOOD;
		w->good[d] += good;
		w->missing[d] += !good;
		if (!good || samples[i].series % POINTS_MAX)
			continue;
		if (w->first_good_ms[d] == 0)
			w->first_good_ms[d] = at.boot.ms;
		else if (at.boot.ms - w->last_good_ms[d] > w->gap_max_ms[d])
			w->gap_max_ms[d] = at.boot.ms - w->last_good_ms[d];
		w->last_good_ms[d] = at.boot.ms;
	}
}

static void on_event(void *ctx, size_t device, const char *kind, const char *sentence, struct stamp at)
{
	struct world *w = ctx;
	size_t n = strlen(w->events);
	(void)at;
	snprintf(w->events + n, sizeof w->events - n, "%zu:%s ", device, kind);
	if (!strcmp(kind, "overrun"))
		snprintf(w->overrun, sizeof w->overrun, "%s", sentence);
}

static void on_learnt(void *ctx, size_t device, const char *limits)
{
	(void)device;
	snprintf(((struct world *)ctx)->learnt, sizeof world->learnt, "%s", limits);
}

/* ---- set up --------------------------------------------------------------------------------------------------------------------- */

static void make_device(struct world *w, size_t i, const char *profile, const char *host)
{
	static char texts[DEVICES_MAX][2][64];
	snprintf(texts[i][0], 64, "d%zu", i);
	snprintf(texts[i][1], 64, "modbus+tcp://%s/%zu", host, i);
	w->devices[i] = (struct device){ .id = texts[i][0], .profile = profile, .endpoint = texts[i][1], .poll_ms = 1000, .deadline_ms = 500, .retries = 0 };
	struct fake_device *f = &w->fakes[i];
	uint16_t low[] = { 0x1234, (uint16_t)(100 + i), 230 }, far[] = { 7 }, serial[] = { 0x5330, 0x3031 };
	f->replica = replica_new();
	f->silent_at = f->slow_at = -1;
	assert_true(replica_words(f->replica, 3, 0, low, 3) && replica_words(f->replica, 3, 0x400, far, 1) && replica_words(f->replica, 3, 0x500, serial, 2));
}

static struct world *begin(size_t n, const char *profile, bool one_bus)
{
	struct err err = { 0 };
	struct world *w = world = calloc(1, sizeof *w);
	char host[32];
	w->now_ms = 10000;
	w->library = library_new();
	library_add(w->library, "meter.yaml", profile_text, strlen(profile_text));
	if (!library_close(w->library, &err))
		fail_msg("%s", err.text);
	for (size_t i = 0; i < n; i++) {
		snprintf(host, sizeof host, one_bus ? "gw" : "h%zu", i);
		make_device(w, i, profile, host);
	}
	w->site.devices = (struct conf_vec){ w->devices, n };
	return w;
}

static void go(struct world *w)
{
	struct err err = { 0 };
	struct poller_options o = { .clock = { now, w }, .collectors = fakes, .library = w->library, .site = &w->site, .seed = 3,
				    .sink = { .series = on_series, .samples = on_samples, .event = on_event, .ctx = w, .learnt = on_learnt } };
	w->poller = poller_new(&o, &err);
	if (!w->poller)
		fail_msg("%s", err.text);
}

static void run(struct world *w, int64_t ms)
{
	for (int64_t end = w->now_ms + ms; w->now_ms < end; w->now_ms += 10)
		poller_tick(w->poller, now(w));
}

static void end(struct world *w)
{
	poller_free(w->poller);
	library_free(w->library);
	for (size_t i = 0; i < DEVICES_MAX; i++)
		replica_free(w->fakes[i].replica);
	free(w);
}

static struct poller_device device(struct world *w, size_t i)
{
	struct poller_device d;
	poller_device(w->poller, i, &d);
	return d;
}

/* ---- tests ------------------------------------------------------------------------------------------------------------------------ */

static void healthy(void **state)
{
	(void)state;
	struct world *w = begin(3, "meter", false);
	go(w);
	run(w, 10000);
	for (size_t i = 0; i < 3; i++) {
		assert_in_range(w->good[i], 27, 33);
		assert_int_equal(w->missing[i], 0);
		assert_int_equal(w->last[i][0].value, (100 + (int64_t)i) * 1000);
		assert_int_equal(w->last[i][2].value, 7000);
		assert_true(w->gap_max_ms[i] <= 1010);
		assert_string_equal(device(w, i).state, "up");
		assert_int_equal(device(w, i).failures, 0);
	}
	end(w);
}

static void identifies_itself(void **state)
{
	(void)state;
	struct world *w = begin(2, NULL, false);
	uint16_t other[] = { 0x9999 };
	assert_true(replica_words(w->fakes[1].replica, 3, 0, other, 1));
	go(w);
	run(w, 8000);
	assert_string_equal(device(w, 0).profile, "meter");
	assert_true(w->good[0] > 10);
	assert_non_null(strstr(w->events, "0:identified"));
	assert_null(device(w, 1).profile);
	assert_non_null(device(w, 1).error);
	assert_true(w->fakes[1].requests < 10);        /* what is not known is not asked again and again */
	end(w);
}

/* A dead device: every point is missing with its reason, one event, and it is hardly asked; back without restart. */
static void dies_and_comes_back(void **state)
{
	(void)state;
	struct world *w = begin(1, "meter", false);
	go(w);
	run(w, 5000);
	w->fakes[0].dead = true;
	uint64_t good = w->good[0];
	run(w, 10000);
	assert_int_equal(w->good[0], good);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(w->last[0][i].quality, QUALITY_MISSING);
		assert_int_equal(w->last[0][i].reason, REASON_TIMEOUT);
	}
	assert_string_equal(device(w, 0).state, "down");
	assert_string_equal(device(w, 0).breaker, "open");
	assert_string_equal(w->events, "0:down ");
	size_t requests = w->fakes[0].requests;
	run(w, 30000);
	assert_int_equal(w->fakes[0].requests, requests);
	w->fakes[0].dead = false;
	run(w, 80000);
	assert_string_equal(w->events, "0:down 0:up ");
	assert_string_equal(device(w, 0).state, "up");
	assert_true(w->good[0] > good + 60);
	end(w);
}

/* R4: one request of a device fails, the values of its others stay. */
static void one_request_fails(void **state)
{
	(void)state;
	struct world *w = begin(1, "meter", false);
	w->fakes[0].silent_at = 0x400;
	go(w);
	run(w, 5000);
	assert_int_equal(w->last[0][0].quality, QUALITY_GOOD);
	assert_int_equal(w->last[0][2].reason, REASON_TIMEOUT);
	assert_string_equal(device(w, 0).breaker, "closed");
	assert_true(device(w, 0).failures > 0);
	end(w);
}

/* R6: an overrun names the request that took longest and what of it, also when every request was answered. */
static void overruns_name_the_request(void **state)
{
	(void)state;
	static const struct row { const char *name; int slow_at; int64_t slow_ms, wait_ms; int silent_at; const char *says; } slow_rows[] = {
		{ "a slow answer", 0x400, 1500, 0, -1, "one poll took 1510 ms, more than its period of 1000 ms: the longest of 2 asked took 1500 ms (1 holding register at 0x0400)" },
		{ "behind its neighbours", 1, 100, 1400, -1, "the longest of 2 asked took 1500 ms, 1400 ms of it waiting for its turn (2 holding registers at 0x0001)" },
		{ "no answer", -1, 0, 0, 0x400, "the longest of 2 asked took 1600 ms in 2 tries (1 holding register at 0x0400): fake: timed out" },
	};
	for (const struct row *r = slow_rows; r < slow_rows + countof(slow_rows); r++) {
		struct world *w = begin(1, "meter", false);
		w->devices[0].deadline_ms = r->silent_at < 0 ? 3000 : 800;
		w->devices[0].retries = r->silent_at < 0 ? 0 : 1;
		go(w);
		run(w, 3000);
		w->fakes[0].slow_at = r->slow_at;
		w->fakes[0].slow_ms = r->slow_ms;
		w->fakes[0].wait_ms = r->wait_ms;
		w->fakes[0].silent_at = r->silent_at;
		row_check(r, !w->overrun[0]);
		run(w, 8000);
		if (!strstr(w->overrun, r->says))
			fail_msg("row \"%s\": \"%s\", expected \"%s\"", r->name, w->overrun, r->says);
		end(w);
	}
}

/* R1 end to end: a dead unit on a shared gateway. */
static void neighbours_are_not_late(void **state)
{
	(void)state;
	struct world *w = begin(10, "meter", true);
	w->fakes[4].dead = true;
	go(w);
	run(w, 15000);
	memset(w->gap_max_ms, 0, sizeof w->gap_max_ms);
	memset(w->good, 0, sizeof w->good);
	run(w, 300000);
	for (size_t i = 0; i < 10; i++) {
		if (i == 4)
			continue;
		assert_true(w->gap_max_ms[i] <= 1000 + 500 + 500);      /* at most one deadline of waiting, once a minute */
		assert_true(w->good[i] * 105 >= 3 * 300 * 100);
	}
	end(w);
}

/* F-dev-34 in small: from cold start a fifth is dead, each on a bus of its own; the others do not miss one beat. */
static void a_fifth_is_dead_from_the_start(void **state)
{
	(void)state;
	struct world *w = begin(40, "meter", false);
	for (size_t i = 0; i < 40; i += 5)
		w->fakes[i].dead = true;
	go(w);
	run(w, 60000);
	for (size_t i = 0; i < 40; i++) {
		if (w->fakes[i].dead) {
			assert_true(w->fakes[i].requests <= 4);
			assert_int_equal(w->good[i], 0);
			continue;
		}
		assert_true(w->first_good_ms[i] - 10000 <= 1100);
		assert_true(w->gap_max_ms[i] <= 1010);
		assert_int_equal(device(w, i).late, 0);
	}
	end(w);
}

/* R10: a device that takes few registers at a time teaches it, and it is kept. */
static void learns_limits(void **state)
{
	(void)state;
	struct world *w = begin(1, "meter", false);
	w->fakes[0].max_words = 1;
	go(w);
	run(w, 20000);
	assert_int_equal(w->last[0][0].quality, QUALITY_GOOD);
	assert_int_equal(w->last[0][1].quality, QUALITY_GOOD);
	assert_non_null(strstr(w->events, "0:limit"));
	assert_true(w->learnt[0]);
	size_t n = strlen(w->events);
	run(w, 20000);
	assert_int_equal(strlen(w->events), n);        /* and no more is learnt */
	end(w);
}

/* R22: a reload that changes one device leaves the others their connection and their phase. */
static void reload_by_difference(void **state)
{
	(void)state;
	struct err err = { 0 };
	struct poller_change change;
	struct world *w = begin(5, "meter", false);
	go(w);
	run(w, 5500);
	struct device fresh[5];
	memcpy(fresh, w->devices, sizeof fresh);
	fresh[0] = w->devices[4];          /* reordered */
	fresh[4] = w->devices[0];
	fresh[2].deadline_ms = 300;        /* changed */
	struct site site = { .devices = { fresh, 5 } };
	memset(w->gap_max_ms, 0, sizeof w->gap_max_ms);
	assert_true(poller_reload(w->poller, &site, w->library, &change, &err));
	run(w, 10000);
	for (size_t i = 0; i < 5; i++) {
		assert_int_equal(w->fakes[i].attached, i == 2 ? 2 : 1);
		assert_int_equal(w->fakes[i].detached, i == 2 ? 1 : 0);
		assert_true(i == 2 || w->gap_max_ms[i] <= 1010);
	}
	assert_string_equal(device(w, 0).id, "d4");
	struct site empty = { .devices = { fresh, 0 } };
	assert_true(poller_reload(w->poller, &empty, w->library, &change, &err));
	run(w, 100);
	assert_int_equal(poller_count(w->poller), 0);
	for (size_t i = 0; i < 5; i++)
		assert_int_equal(w->fakes[i].attached, w->fakes[i].detached);
	end(w);
}

/* P <= V x I over two requests of one poll: what breaks it is bad with its reason, its neighbours stay good, and it is told once. */
static void implausible_is_never_silent(void **state)
{
	(void)state;
	struct world *w = begin(2, "meter", false);
	go(w);
	run(w, 5000);
	uint16_t much[] = { 20000 }, little[] = { 100 };
	assert_true(replica_words(w->fakes[0].replica, 3, 1, much, 1));
	run(w, 5000);
	assert_int_equal(w->last[0][0].quality, QUALITY_BAD);
	assert_int_equal(w->last[0][0].reason, REASON_IMPLAUSIBLE);
	assert_int_equal(w->last[0][1].quality, QUALITY_GOOD);
	assert_int_equal(w->last[0][2].quality, QUALITY_GOOD);
	assert_int_equal(w->last[1][0].quality, QUALITY_GOOD);
	assert_non_null(strstr(device(w, 0).error, "total.power = 20000"));
	assert_non_null(strstr(w->events, "0:implausible"));
	assert_null(strstr(strstr(w->events, "0:implausible") + 5, "implausible"));
	assert_true(w->last_good_ms[0] < w->now_ms - 3000);
	assert_true(replica_words(w->fakes[0].replica, 3, 1, little, 1));
	run(w, 15000);
	assert_int_equal(w->last[0][0].quality, QUALITY_GOOD);
	assert_non_null(strstr(w->events, "0:plausible"));
	end(w);
}

/* A wrong endpoint or profile is that device's trouble alone (R7). */
static void wrong_devices_do_not_stop_the_rest(void **state)
{
	(void)state;
	struct world *w = begin(3, "meter", false);
	w->devices[0].endpoint = "modbus+udp://x/1";
	w->devices[1].profile = "nonsense";
	go(w);
	run(w, 5000);
	assert_string_equal(device(w, 0).state, "down");
	assert_non_null(strstr(device(w, 0).error, "modbus+udp"));
	assert_non_null(strstr(device(w, 1).error, "nonsense"));
	assert_true(w->good[2] > 10);
	end(w);
}

/* F-dev-16: a meter whose register tells its transformer's ratio, changed on site: read with the values, so none is taken by the old one. */
static void changed_ratio_is_told(void **state)
{
	(void)state;
	static const char text[] = "profile: ct\nrevision: 1\nsource: invented\npoints:\n"
				   "  - {name: total.current, quantity: current, at: holding 2, type: u16, unit: mA, scale_from: {at: holding 0x400, as: factor}}\n";
	struct world *w = begin(1, "meter", false);
	struct err err = { 0 };
	uint16_t twice = 14;
	library_free(w->library);
	w->library = library_new();
	library_add(w->library, "ct.yaml", text, strlen(text));
	assert_true(library_close(w->library, &err));
	w->devices[0].profile = "ct";
	go(w);
	run(w, 5000);
	assert_int_equal(w->last[0][0].value, 230 * 7);
	assert_null(strstr(w->events, "rescaled"));
	assert_true(replica_words(w->fakes[0].replica, 3, 0x400, &twice, 1));
	int64_t changed_ms = w->now_ms, missing = 0, right = 0;
	while (w->now_ms < changed_ms + 10000) {
		run(w, 100);
		const struct sample *s = &w->last[0][0];
		if (s->at.boot.ms <= changed_ms + 100)
			continue;
		missing += s->quality == QUALITY_MISSING && s->reason == REASON_RESCALED;
		right += s->quality == QUALITY_GOOD && s->value == 230 * 14;
		assert_false(s->quality == QUALITY_GOOD && s->value != 230 * 14);
	}
	assert_true(missing > 0 && missing <= 15 && right > 50);        /* one poll's values, of one a second */
	assert_non_null(strstr(w->events, "0:rescaled"));
	assert_null(strstr(strstr(w->events, "0:rescaled") + 5, "rescaled"));
	end(w);
}

/* F-dev-33: another meter at the same address after an outage is noticed before its values count. */
static void swapped_device_is_noticed(void **state)
{
	(void)state;
	struct world *w = begin(1, NULL, false);
	go(w);
	run(w, 5000);
	w->fakes[0].dead = true;
	run(w, 10000);
	w->fakes[0].dead = false;
	run(w, 80000);
	assert_null(strstr(w->events, "identity"));       /* the same one again */
	uint16_t other[] = { 0x5330, 0x3032 };
	w->fakes[0].dead = true;
	run(w, 10000);
	assert_true(replica_words(w->fakes[0].replica, 3, 0x500, other, 2));
	w->fakes[0].dead = false;
	run(w, 80000);
	assert_non_null(strstr(w->events, "0:identity"));
	end(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(healthy), cmocka_unit_test(identifies_itself), cmocka_unit_test(dies_and_comes_back), cmocka_unit_test(one_request_fails), cmocka_unit_test(overruns_name_the_request),
		cmocka_unit_test(neighbours_are_not_late), cmocka_unit_test(a_fifth_is_dead_from_the_start), cmocka_unit_test(learns_limits), cmocka_unit_test(reload_by_difference), cmocka_unit_test(implausible_is_never_silent),
		cmocka_unit_test(wrong_devices_do_not_stop_the_rest), cmocka_unit_test(changed_ratio_is_told), cmocka_unit_test(swapped_device_is_noticed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
