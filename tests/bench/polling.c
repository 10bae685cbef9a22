#include "tests/bench/polling.h"

enum { TICK_US = 10000, WINDOW = 100, ROUNDS_MAX = 31 };

/* ---- the loops -------------------------------------------------------------------------------------------------------------- */

static void tick(const struct client *c)
{
	if (c->tick)
		c->tick(c->ctx);
}

/* One loop for both cases: answers until `until` or `enough` answers are there. */
static void listen_until(const struct client *c, int64_t until, size_t enough)
{
	int64_t left;
	do {      /* at least once, or a late tick would never hear its answers */
		left = until - clock_us(CLOCK_MONOTONIC);
		c->wait(c->ctx, left > 0 ? left : 0);
	} while (left > 1000 && *c->done < enough);
}

static void saturate(const struct client *c, const struct poll_case *k)
{
	int64_t next = clock_us(CLOCK_MONOTONIC);
	*c->again = true;
	c->ask(c->ctx, 0, k->devices);
	while (*c->done < k->requests) {
		next += TICK_US;
		listen_until(c, next, k->requests);
		tick(c);
	}
}

static void ask_round(const struct client *c, size_t devices, size_t from, size_t n)
{
	size_t at = from % devices, first = n < devices - at ? n : devices - at;
	c->ask(c->ctx, at, first);
	if (n > first)
		c->ask(c->ctx, 0, n - first);
}

static void pace(const struct client *c, const struct poll_case *k)
{
	int64_t next = clock_us(CLOCK_MONOTONIC);
	size_t sent = 0;
	*c->again = false;
	for (int i = 0; i < k->seconds * 100; i++) {
		size_t due = (size_t)(i + 1) * k->devices / 100;
		if (due > sent)
			ask_round(c, k->devices, sent, due - sent);
		sent = due;
		next += TICK_US;
		listen_until(c, next, SIZE_MAX);
		sleep_until(next);
		tick(c);
	}
}

static struct result measure(const struct poll_case *k, struct poll_side side)
{
	struct client *c = side.open(k->devices);
	*c->done = 0;
	int64_t cpu = cpu_us(), wall = clock_us(CLOCK_MONOTONIC);
	(k->seconds ? pace : saturate)(c, k);
	cpu = cpu_us() - cpu;
	wall = clock_us(CLOCK_MONOTONIC) - wall;
	REQUIRE(*c->done);
	struct result r = { (double)cpu / (double)*c->done, (double)*c->done * 1e6 / (double)wall };
	side.close(c);
	return r;
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

void poll_head(void)
{
	printf("| | CPU a request | reference | ratio | from | to | limit | rate |\n|---|---|---|---|---|---|---|---|\n");
}

void poll_compare(const struct poll_case *k, struct poll_side reference, struct poll_side ours)
{
	double theirs[ROUNDS_MAX], mine[ROUNDS_MAX], ratio[ROUNDS_MAX], rate[ROUNDS_MAX];
	size_t n = k->rounds < ROUNDS_MAX ? (size_t)k->rounds : ROUNDS_MAX;
	for (size_t i = 0; i < n; i++) {
		struct result a = measure(k, reference), b = measure(k, ours);
		theirs[i] = a.cpu_us;
		mine[i] = b.cpu_us;
		ratio[i] = b.cpu_us / a.cpu_us;
		rate[i] = b.per_s;
	}
	qsort(theirs, n, sizeof *theirs, by_size);
	qsort(mine, n, sizeof *mine, by_size);
	qsort(ratio, n, sizeof *ratio, by_size);
	qsort(rate, n, sizeof *rate, by_size);
	printf("| %s | %.2f us | %.2f us | %.2f | %.2f | %.2f | %.1f | %.0f/s |\n", k->name, mine[n / 2], theirs[n / 2], ratio[n / 2], ratio[0], ratio[n - 1],
	       k->limit, rate[n / 2]);
	fflush(stdout);
}

/* ---- ours ---------------------------------------------------------------------------------------------------------------------- */

struct ours_options ours_options;

struct ours {
	struct client client;
	sd_event *loop;
	struct collector_env env;
	void *self;
	struct target **targets;
	size_t n, done, lost;
	bool again;
	struct sample samples[64];
};

static void on_reading(void *ctx, void *device, const struct reading *r)
{
	struct ours *o = ctx;
	const struct ours_options *k = &ours_options;
	if (r->reason != REASON_NONE) {
		o->lost++;
	} else {
		REQUIRE(decode_reading(k->plan, r, 0, o->samples) == k->points && o->samples[k->points - 1].value == k->last);
		o->done++;
	}
	if (o->again)
		k->ops->submit(*(struct target **)device, r->request, (struct mono){ r->at.boot.ms + 1000 });
}

static void ours_ask(void *ctx, size_t first, size_t n)
{
	struct ours *o = ctx;
	int64_t now = bench_now(NULL).boot.ms;
	for (size_t i = first; i < first + n; i++)
		ours_options.ops->submit(o->targets[i], &ours_options.plan->requests[0], (struct mono){ now + 1000 });
	ours_options.ops->flush(o->self);
}

static void ours_wait(void *ctx, int64_t most_us)
{
	struct ours *o = ctx;
	sd_event_run(o->loop, (uint64_t)most_us);
}

static void ours_tick(void *ctx)
{
	struct ours *o = ctx;
	ours_options.ops->expire(o->self, bench_now(NULL).boot);
}

/* Names are resolved and connections made at the first request: not part of what is measured. */
static void ours_warm(struct ours *o)
{
	for (size_t i = 0; i < o->n || o->done + o->lost < o->n;) {
		size_t k = o->n - i < WINDOW ? o->n - i : WINDOW;
		if (k)
			ours_ask(o, i, k);
		i += k;
		while (o->done + o->lost < i) {
			ours_wait(o, TICK_US);
			ours_tick(o);
		}
	}
	o->done = o->lost = 0;
}

static struct client *ours_open(size_t devices)
{
	struct err err = { 0 };
	struct ours *o = calloc(1, sizeof *o);
	REQUIRE(o && (o->targets = calloc(devices, sizeof(struct target *))) && sd_event_new(&o->loop) >= 0);
	o->n = devices;
	o->client = (struct client){ .ctx = o, .ask = ours_ask, .wait = ours_wait, .tick = ours_tick, .done = &o->done, .again = &o->again };
	o->env = (struct collector_env){ .loop = o->loop, .clock = { bench_now, NULL }, .sink = on_reading, .ctx = o, .seed = 1 };
	o->self = ours_options.ops->start(&o->env, &err);
	REQUIRE(o->self);
	for (size_t i = 0; i < devices; i++) {
		struct endpoint ep = { 0 };
		ours_options.endpoint(i, &ep);
		o->targets[i] = ours_options.ops->attach(o->self, &ep, &o->targets[i], &err);
		REQUIRE(o->targets[i]);
	}
	ours_warm(o);
	return &o->client;
}

static void ours_close(struct client *c)
{
	struct ours *o = c->ctx;
	if (o->lost)
		printf("(%zu requests without an answer)\n", o->lost);
	for (size_t i = 0; i < o->n; i++)
		ours_options.ops->detach(o->targets[i]);
	ours_options.ops->stop(o->self);
	sd_event_unref(o->loop);
	free(o->targets);
	free(o);
}

const struct poll_side ours_side = { ours_open, ours_close };
