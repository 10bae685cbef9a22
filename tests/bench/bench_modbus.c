/* CPU of polling Modbus/TCP, decoding included, against a minimal epoll client with prebuilt requests that looks at nothing.
 * usage: bench_modbus [SATURATED [PACED [REQUESTS [ROUNDS]]]], the first two in connections */
#include "tests/bench/polling.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { WORDS = 20, POINTS = 10, ANSWER = 9 + 2 * WORDS };
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

/* ---- reference ------------------------------------------------------------------------------------------------------------ */

struct plain { struct client client; int ep, *fds; size_t n, done; bool again; };
static const uint8_t question[] = { 0, 1, 0, 0, 0, 6, 1, 3, 0, 0, 0, WORDS };

static void plain_ask(void *ctx, size_t first, size_t n)
{
	struct plain *p = ctx;
	for (size_t i = first; i < first + n; i++)
		send(p->fds[i], question, sizeof question, MSG_NOSIGNAL);
}

static void plain_wait(void *ctx, int64_t most_us)
{
	struct plain *p = ctx;
	struct epoll_event events[256];
	uint8_t bytes[512];
	int n = epoll_wait(p->ep, events, 256, (int)(most_us / 1000));
	for (int i = 0; i < n; i++) {
		REQUIRE(recv(events[i].data.fd, bytes, sizeof bytes, 0) == ANSWER);
		if (p->again)
			send(events[i].data.fd, question, sizeof question, MSG_NOSIGNAL);
	}
	p->done += n > 0 ? (size_t)n : 0;
}

static struct client *plain_open(size_t n)
{
	struct plain *p = calloc(1, sizeof *p);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	REQUIRE(p && (p->fds = calloc(n, sizeof(int))));
	p->ep = epoll_create1(0);
	p->n = n;
	p->client = (struct client){ .ctx = p, .ask = plain_ask, .wait = plain_wait, .done = &p->done, .again = &p->again };
	for (size_t i = 0; i < n; i++) {
		int on = 1;
		p->fds[i] = socket(AF_INET, SOCK_STREAM, 0);
		REQUIRE(connect(p->fds[i], (struct sockaddr *)&a, sizeof a) == 0);
		setsockopt(p->fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
		struct epoll_event event = { .events = EPOLLIN, .data.fd = p->fds[i] };
		epoll_ctl(p->ep, EPOLL_CTL_ADD, p->fds[i], &event);
	}
	for (size_t i = 0; i < n; i += 100) {      /* each once, as ours is */
		size_t k = n - i < 100 ? n - i : 100;
		plain_ask(p, i, k);
		while (p->done < i + k)
			plain_wait(p, 1000000);
	}
	return &p->client;
}

static void plain_close(struct client *c)
{
	struct plain *p = c->ctx;
	for (size_t i = 0; i < p->n; i++)
		close(p->fds[i]);
	close(p->ep);
	free(p->fds);
	free(p);
}

/* ---- ours --------------------------------------------------------------------------------------------------------------------- */

static const char profile_text[] = "profile: bench\nrevision: 1\nsource: invented\npoints:\n"
	"  - {name: \"v.*\", quantity: voltage, at: holding 0, type: f32, order: abcd, unit: V, repeat: {count: 10, stride: 2, first: 1}}\n";

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

static void endpoint(size_t i, struct endpoint *out)
{
	/* a host of its own each, so that each has a connection of its own */
	*out = (struct endpoint){ .scheme = "modbus+tcp", .port = port, .unit = 1 };
	snprintf(out->host, sizeof out->host, "127.%zu.%zu.1", 1 + i / 250, 1 + i % 250);
}

static int listen_everywhere(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
	REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && listen(fd, 4096) == 0);
	REQUIRE(getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	port = ntohs(a.sin_port);
	return fd;
}

static size_t number(int argc, char **argv, int i, size_t otherwise)
{
	return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	int rounds = (int)number(argc, argv, 4, 5);
	const struct poll_case saturated = { "saturated", number(argc, argv, 1, 200), number(argc, argv, 3, 200000), 0, 1.3, rounds };
	const struct poll_case paced = { "paced, once a second", number(argc, argv, 2, 2000), 0, 3, 1.5, rounds };
	int listener = listen_everywhere();
	pid_t server = bench_fork(serve, listener);
	close(listener);
	struct library *lib = library_new();
	struct plan *plan = make_plan(lib);
	ours_options = (struct ours_options){ &modbus_tcp, plan, POINTS, 230000, endpoint };
	printf("Modbus/TCP, %d registers a request, %d values decoded; %zu connections saturated, %zu paced\n\n", WORDS, POINTS, saturated.devices, paced.devices);
	poll_head();
	poll_compare(&saturated, (struct poll_side){ plain_open, plain_close }, ours_side);
	poll_compare(&paced, (struct poll_side){ plain_open, plain_close }, ours_side);
	bound_free((struct bound *)(uintptr_t)plan->bound);
	plan_free(plan);
	library_free(lib);
	bench_end(server);
	return 0;
}
