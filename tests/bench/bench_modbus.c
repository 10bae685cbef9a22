/* CPU of polling Modbus/TCP, decoding included, against a minimal epoll client with prebuilt requests that looks at nothing.
 * usage: bench_modbus [CONNECTIONS [REQUESTS]] */
#include "tests/bench/bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { WORDS = 20, POINTS = 10, ANSWER = 9 + 2 * WORDS, TICK_US = 10000 };
static size_t n_conns = 200, n_requests = 400000;
static uint16_t port;

/* ---- the devices: 10 floats each -------------------------------------------------------------------------------------- */

static void serve(int listener)
{
	static uint8_t bytes[65536];
	struct epoll_event event = { .events = EPOLLIN, .data.fd = listener }, events[256];
	int ep = epoll_create1(0);
	epoll_ctl(ep, EPOLL_CTL_ADD, listener, &event);
	for (;;) {
		int n = epoll_wait(ep, events, 256, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd, on = 1;
			if (fd == listener) {
				event.data.fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
				setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
				epoll_ctl(ep, EPOLL_CTL_ADD, event.data.fd, &event);
				continue;
			}
			ssize_t got = recv(fd, bytes, sizeof bytes, 0);
			if (got <= 0) {
				close(fd);
				continue;
			}
			uint8_t out[ANSWER] = { bytes[0], bytes[1], 0, 0, 0, 3 + 2 * WORDS, bytes[6], 3, 2 * WORDS };
			for (size_t k = 0; k < WORDS; k += 2)
				out[9 + 2 * k] = 0x43, out[10 + 2 * k] = 0x66;      /* 230.0 */
			send(fd, out, sizeof out, MSG_NOSIGNAL);
		}
	}
}

static int listen_any(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 4096) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	port = ntohs(a.sin_port);
	return fd;
}

/* ---- reference ------------------------------------------------------------------------------------------------------------ */

struct plain { int ep, *fds; };
static const uint8_t question[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, WORDS };

static struct plain plain_open(void)
{
	struct plain p = { .ep = epoll_create1(0), .fds = calloc(n_conns, sizeof(int)) };
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	for (size_t i = 0; i < n_conns; i++) {
		int on = 1;
		p.fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		REQUIRE(connect(p.fds[i], (struct sockaddr *)&a, sizeof a) == 0);
		setsockopt(p.fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		struct epoll_event event = { .events = EPOLLIN, .data.fd = p.fds[i] };
		epoll_ctl(p.ep, EPOLL_CTL_ADD, p.fds[i], &event);
	}
	return p;
}

static void plain_close(struct plain *p)
{
	for (size_t i = 0; i < n_conns; i++)
		close(p->fds[i]);
	close(p->ep);
	free(p->fds);
}

/* One epoll_wait; sends again at once when `again`. */
static size_t plain_batch(struct plain *p, int timeout_ms, bool again)
{
	struct epoll_event events[256];
	uint8_t bytes[512];
	int n = epoll_wait(p->ep, events, 256, timeout_ms);
	for (int i = 0; i < n; i++) {
		REQUIRE(recv(events[i].data.fd, bytes, sizeof bytes, 0) == ANSWER);
		if (again)
			send(events[i].data.fd, question, sizeof question, MSG_NOSIGNAL);
	}
	return n > 0 ? (size_t)n : 0;
}

static struct result plain_saturated(void)
{
	struct plain p = plain_open();
	int64_t cpu = cpu_us(), wall = clock_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < n_conns; i++)
		send(p.fds[i], question, sizeof question, MSG_NOSIGNAL);
	size_t done = 0;
	while (done < n_requests)
		done += plain_batch(&p, -1, true);
	struct result r = { (double)(cpu_us() - cpu) / (double)done, (double)done * 1e6 / (double)(clock_us(CLOCK_MONOTONIC) - wall) };
	plain_close(&p);
	return r;
}

/* Every connection once a second, what is due together each tick of 10 ms. */
static struct result plain_paced(int seconds)
{
	struct plain p = plain_open();
	int64_t cpu = cpu_us(), start = clock_us(CLOCK_MONOTONIC);
	size_t sent = 0, done = 0;
	for (int tick = 0; tick < seconds * 100; tick++) {
		for (size_t due = (size_t)(tick + 1) * n_conns / 100; sent < due; sent++)
			send(p.fds[sent % n_conns], question, sizeof question, MSG_NOSIGNAL);
		int64_t next = start + (int64_t)(tick + 1) * TICK_US, left;
		while ((left = (next - clock_us(CLOCK_MONOTONIC)) / 1000) > 0)
			done += plain_batch(&p, (int)left, false);
		sleep_until(next);
	}
	while (done < sent)
		done += plain_batch(&p, 1000, false);
	struct result r = { (double)(cpu_us() - cpu) / (double)done, (double)done / seconds };
	plain_close(&p);
	return r;
}

/* ---- ours --------------------------------------------------------------------------------------------------------------------- */

static const char profile_text[] = "profile: bench\nrevision: 1\nsource: invented\npoints:\n"
	"  - {name: \"v.*\", quantity: voltage, at: holding 0, type: f32, order: abcd, unit: V, repeat: {count: 10, stride: 2, first: 1}}\n";

struct ours { sd_event *loop; struct collector_env env; void *self; struct target **targets; struct plan *plan; struct sample samples[64]; size_t done; bool again; };

static void on_reading(void *ctx, void *device, const struct reading *r)
{
	struct ours *o = ctx;
	REQUIRE(r->reason == REASON_NONE);
	REQUIRE(decode_reading(o->plan, r, 0, o->samples) == POINTS && o->samples[9].value == 230000);
	o->done++;
	if (o->again)
		modbus_tcp.submit(*(struct target **)device, r->request, (struct mono){ r->at.boot.ms + 1000 });
}

static struct plan *make_plan(struct library *lib)
{
	static const struct plan_limits none;
	struct err err = { 0 };
	library_add(lib, "bench.yaml", profile_text, strlen(profile_text));
	if (!library_close(lib, &err))
		fprintf(stderr, "%s\n", err.text);
	const struct profile *profile = library_find(lib, "bench");
	REQUIRE(profile);
	struct discover *d = discover_new(profile, NULL, 0, &err);
	REQUIRE(d && !discover_next(d));
	struct bound *bound = discover_finish(d, &err);
	if (!bound)
		fprintf(stderr, "%s\n", err.text);
	REQUIRE(bound && bound->n == POINTS);
	discover_free(d);
	struct plan *plan = plan_make(bound, &none, &err);
	REQUIRE(plan && plan->n == 1);
	return plan;
}

static void ours_open(struct ours *o, struct plan *plan)
{
	struct err err = { 0 };
	*o = (struct ours){ .plan = plan, .targets = calloc(n_conns, sizeof *o->targets) };
	REQUIRE(sd_event_new(&o->loop) >= 0);
	o->env = (struct collector_env){ .loop = o->loop, .clock = { bench_now, NULL }, .sink = on_reading, .ctx = o, .seed = 1 };
	o->self = modbus_tcp.start(&o->env, &err);
	REQUIRE(o->self);
	for (size_t i = 0; i < n_conns; i++) {
		/* a host name of its own each, so that each has a connection of its own */
		struct endpoint ep = { .scheme = "modbus+tcp", .port = port, .unit = 1 };
		snprintf(ep.host, sizeof ep.host, "127.%zu.%zu.1", 1 + i / 250, 1 + i % 250);
		o->targets[i] = modbus_tcp.attach(o->self, &ep, &o->targets[i], &err);
		REQUIRE(o->targets[i]);
	}
}

static void ours_close(struct ours *o)
{
	for (size_t i = 0; i < n_conns; i++)
		modbus_tcp.detach(o->targets[i]);
	modbus_tcp.stop(o->self);
	sd_event_unref(o->loop);
	free(o->targets);
}

static void ours_ask(struct ours *o, size_t i)
{
	modbus_tcp.submit(o->targets[i], &o->plan->requests[0], (struct mono){ bench_now(NULL).boot.ms + 1000 });
}

static void ours_connect(struct ours *o)
{
	for (size_t i = 0; i < n_conns; i++)
		ours_ask(o, i);
	modbus_tcp.flush(o->self);
	while (o->done < n_conns)
		sd_event_run(o->loop, 1000000);
	o->done = 0;
}

static struct result ours_saturated(struct plan *plan)
{
	struct ours o;
	ours_open(&o, plan);
	ours_connect(&o);
	o.again = true;
	int64_t cpu = cpu_us(), wall = clock_us(CLOCK_MONOTONIC);
	for (size_t i = 0; i < n_conns; i++)
		ours_ask(&o, i);
	modbus_tcp.flush(o.self);
	int64_t expired = wall;
	while (o.done < n_requests) {
		sd_event_run(o.loop, 1000000);
		if (clock_us(CLOCK_MONOTONIC) - expired < TICK_US)
			continue;
		expired += TICK_US;
		modbus_tcp.expire(o.self, bench_now(NULL).boot);
	}
	struct result r = { (double)(cpu_us() - cpu) / (double)o.done, (double)o.done * 1e6 / (double)(clock_us(CLOCK_MONOTONIC) - wall) };
	ours_close(&o);
	return r;
}

static struct result ours_paced(struct plan *plan, int seconds)
{
	struct ours o;
	ours_open(&o, plan);
	ours_connect(&o);
	int64_t cpu = cpu_us(), start = clock_us(CLOCK_MONOTONIC), left;
	size_t sent = 0;
	for (int tick = 0; tick < seconds * 100; tick++) {
		for (size_t due = (size_t)(tick + 1) * n_conns / 100; sent < due; sent++)
			ours_ask(&o, sent % n_conns);
		modbus_tcp.flush(o.self);
		int64_t next = start + (int64_t)(tick + 1) * TICK_US;
		do {      /* at least once, or a late tick would never hear its answers */
			left = next - clock_us(CLOCK_MONOTONIC);
			sd_event_run(o.loop, left > 0 ? (uint64_t)left : 0);
		} while (left > 1000);
		sleep_until(next);
		modbus_tcp.expire(o.self, bench_now(NULL).boot);
	}
	while (o.done < sent)
		sd_event_run(o.loop, 1000000);
	struct result r = { (double)(cpu_us() - cpu) / (double)o.done, (double)o.done / seconds };
	ours_close(&o);
	return r;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		n_conns = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		n_requests = strtoul(argv[2], NULL, 10);
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	close(listener);
	listener = listen_any();
	close(listener);
	/* any loopback address, so that ours can have a connection for each */
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port) };
	int on = 1;
	listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	REQUIRE(bind(listener, (struct sockaddr *)&a, sizeof a) == 0 && listen(listener, 4096) == 0);
	pid_t server = bench_fork(serve, listener);
	close(listener);
	struct library *lib = library_new();
	struct plan *plan = make_plan(lib);
	printf("Modbus/TCP, %zu connections, %d registers a request, %d values decoded\n\n", n_conns, WORDS, POINTS);
	printf("| | CPU a request | reference | ratio | limit | rate |\n|---|---|---|---|---|---|\n");
	struct result reference = plain_saturated(), ours = ours_saturated(plan);
	bench_row("saturated", ours, reference, 1.3);
	reference = plain_paced(3);
	ours = ours_paced(plan, 3);
	bench_row("paced, once a second", ours, reference, 1.5);
	bound_free((struct bound *)(uintptr_t)plan->bound);
	plan_free(plan);
	library_free(lib);
	bench_end(server);
	return 0;
}
