/* CPU of polling SNMP v2c, decoding included, against a minimal epoll client with prebuilt requests, sendmmsg and recvmmsg that looks at nothing.
 * usage: bench_snmp [SATURATED [PACED [REQUESTS [ROUNDS]]]], the first two in agents */
#include "tests/bench/polling.h"
#include "core/replica.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

enum { POINTS = 10, BATCH = 64, SIZE = 1024 };
static uint16_t port;

/* ---- the agents: any GET is answered with 2300 for every object ------------------------------------------------------------- */

static size_t header(const uint8_t *p, size_t *len)
{
	if (p[1] < 128) {
		*len = p[1];
		return 2;
	}
	*len = p[1] == 0x81 ? p[2] : (size_t)(p[2] << 8 | p[3]);
	return p[1] == 0x81 ? 3 : 4;
}

static size_t wrap(uint8_t *at, uint8_t tag, size_t len)      /* always the long form, four bytes */
{
	at[0] = tag;
	at[1] = 0x82;
	at[2] = (uint8_t)(len >> 8);
	at[3] = (uint8_t)len;
	return 4;
}

/* Bench data only: walks a request that net-snmp or prebuilt() made. */
static size_t answer(const uint8_t *in, uint8_t *out)
{
	size_t len, at = header(in, &len), community, pdu;
	const uint8_t *version = in + at;
	size_t prefix = at + 3;
	prefix += header(in + prefix, &community);
	prefix += community;
	pdu = prefix + header(in + prefix, &len);
	size_t ids = header(in + pdu, &len) + len + 6;      /* request id, error status, error index */
	size_t list = pdu + ids;
	list += header(in + list, &len);
	uint8_t vars[SIZE];
	size_t n = 0;
	for (const uint8_t *v = in + list, *end = v + len; v < end;) {
		size_t vl, ol;
		v += header(v, &vl);
		size_t oh = header(v, &ol);
		n += wrap(vars + n, 0x30, oh + ol + 4);
		memcpy(vars + n, v, oh + ol);
		n += oh + ol;
		memcpy(vars + n, "\x02\x02\x08\xfc", 4);
		n += 4;
		v += vl;
	}
	size_t head = (size_t)(in + prefix - version), total = 0;
	total += wrap(out, 0x30, head + 4 + ids + 4 + n);
	memcpy(out + total, version, head);
	total += head;
	total += wrap(out + total, 0xa2, ids + 4 + n);
	memcpy(out + total, in + pdu, ids);
	total += ids;
	total += wrap(out + total, 0x30, n);
	memcpy(out + total, vars, n);
	return total + n;
}

static struct { struct mmsghdr heads[BATCH]; struct iovec parts[BATCH]; struct sockaddr_in from[BATCH]; uint8_t bytes[BATCH][SIZE]; uint8_t control[BATCH][64]; } io;

static void serve(int fd)
{
	static uint8_t out[SIZE];
	for (;;) {
		for (size_t i = 0; i < BATCH; i++) {
			io.parts[i] = (struct iovec){ io.bytes[i], SIZE };
			io.heads[i].msg_hdr = (struct msghdr){ .msg_name = &io.from[i], .msg_namelen = sizeof io.from[i], .msg_iov = &io.parts[i], .msg_iovlen = 1,
							       .msg_control = io.control[i], .msg_controllen = sizeof io.control[i] };
		}
		int n = recvmmsg(fd, io.heads, BATCH, MSG_WAITFORONE, NULL);
		for (int i = 0; i < n; i++) {
			size_t len = answer(io.bytes[i], out);
			memcpy(io.bytes[i], out, len);
			io.parts[i].iov_len = len;
			struct cmsghdr *c = CMSG_FIRSTHDR(&io.heads[i].msg_hdr);      /* answered from the address it was asked at */
			struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(c);
			info->ipi_spec_dst = info->ipi_addr;
			info->ipi_ifindex = 0;
		}
		if (n > 0)
			sendmmsg(fd, io.heads, (unsigned)n, 0);
	}
}

static int open_agents(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, SOCK_DGRAM, 0), on = 1, room = 8 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
	REQUIRE(bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &size) == 0);
	port = ntohs(a.sin_port);
	return fd;
}

static uint32_t agent_address(size_t i)
{
	return 0x7f010101u + (uint32_t)(i / 250 << 8) + (uint32_t)(i % 250);
}

/* ---- reference ------------------------------------------------------------------------------------------------------------------- */

static uint8_t question[SIZE];
static size_t n_question;

/* GET of 1.3.6.1.4.1.99.1.N.0, N = 1..POINTS. */
static void prebuild(void)
{
	uint8_t vars[SIZE];
	size_t n = 0;
	for (uint8_t i = 1; i <= POINTS; i++) {
		const uint8_t v[] = { 0x30, 13, 6, 9, 0x2b, 6, 1, 4, 1, 99, 1, i, 0, 5, 0 };
		memcpy(vars + n, v, sizeof v);
		n += sizeof v;
	}
	const uint8_t head[] = { 2, 1, 1, 4, 6, 'p', 'u', 'b', 'l', 'i', 'c' }, ids[] = { 2, 4, 0x12, 0x34, 0x56, 0x78, 2, 1, 0, 2, 1, 0 };
	size_t at = wrap(question, 0x30, sizeof head + 4 + sizeof ids + 4 + n);
	memcpy(question + at, head, sizeof head);
	at += sizeof head;
	at += wrap(question + at, 0xa0, sizeof ids + 4 + n);
	memcpy(question + at, ids, sizeof ids);
	at += sizeof ids;
	at += wrap(question + at, 0x30, n);
	memcpy(question + at, vars, n);
	n_question = at + n;
}

struct plain { struct client client; int fd, ep; struct sockaddr_in *to; size_t n, done; bool again; };

static void plain_send(int fd, const struct sockaddr_in *to, size_t n)
{
	static struct mmsghdr heads[BATCH];
	struct iovec part = { question, n_question };
	while (n) {
		size_t k = n < BATCH ? n : BATCH;
		for (size_t i = 0; i < k; i++)
			heads[i].msg_hdr = (struct msghdr){ .msg_name = (void *)(uintptr_t)&to[i], .msg_namelen = sizeof *to, .msg_iov = &part, .msg_iovlen = 1 };
		REQUIRE(sendmmsg(fd, heads, (unsigned)k, 0) == (int)k);
		to += k;
		n -= k;
	}
}

static void plain_ask(void *ctx, size_t first, size_t n)
{
	struct plain *p = ctx;
	plain_send(p->fd, p->to + first, n);
}

static int plain_receive(int fd)
{
	for (size_t i = 0; i < BATCH; i++) {
		io.parts[i] = (struct iovec){ io.bytes[i], SIZE };
		io.heads[i].msg_hdr = (struct msghdr){ .msg_name = &io.from[i], .msg_namelen = sizeof io.from[i], .msg_iov = &io.parts[i], .msg_iovlen = 1 };
	}
	return recvmmsg(fd, io.heads, BATCH, MSG_DONTWAIT, NULL);
}

static void plain_wait(void *ctx, int64_t most_us)
{
	struct plain *p = ctx;
	struct epoll_event ready;
	int n = epoll_wait(p->ep, &ready, 1, (int)(most_us / 1000)) > 0 ? plain_receive(p->fd) : 0;
	if (n <= 0)
		return;
	p->done += (size_t)n;
	if (p->again)
		plain_send(p->fd, io.from, (size_t)n);
}

static struct client *plain_open(size_t n)
{
	struct plain *p = calloc(1, sizeof *p);
	int room = 8 << 20;
	REQUIRE(p && (p->to = calloc(n, sizeof *p->to)));
	p->n = n;
	p->fd = socket(AF_INET, SOCK_DGRAM, 0);
	setsockopt(p->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	struct epoll_event event = { .events = EPOLLIN };
	p->ep = epoll_create1(0);
	epoll_ctl(p->ep, EPOLL_CTL_ADD, p->fd, &event);
	p->client = (struct client){ .ctx = p, .ask = plain_ask, .wait = plain_wait, .done = &p->done, .again = &p->again };
	for (size_t i = 0; i < n; i++)
		p->to[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(agent_address(i)) };
	return &p->client;
}

static void plain_close(struct client *c)
{
	struct plain *p = c->ctx;
	close(p->fd);
	close(p->ep);
	free(p->to);
	free(p);
}

/* ---- ours ---------------------------------------------------------------------------------------------------------------------------- */

static struct plan *make_plan(struct library *lib)
{
	static const struct plan_limits none;
	struct err err = { 0 };
	struct buf text = { 0 };
	struct replica *replica = replica_new();
	buf_str(&text, "profile: bench\nrevision: 1\nsource: invented\npoints:\n");
	for (uint32_t i = 1; i <= POINTS; i++) {
		struct var v = { .name = { 10, { 1, 3, 6, 1, 4, 1, 99, 1, i, 0 } }, .type = VAR_INTEGER, .integer = 2300 };
		buf_printf(&text, "  - {name: v%u, quantity: voltage, at: oid 1.3.6.1.4.1.99.1.%u.0, unit: V, scale: 0.1}\n", i, i);
		REQUIRE(replica_var(replica, &v));
	}
	library_add(lib, "bench.yaml", text.data, text.len);
	if (!library_close(lib, &err))
		fprintf(stderr, "%s\n", err.text);
	const struct profile *profile = library_find(lib, "bench");
	REQUIRE(profile);
	struct discover *d = discover_new(profile, NULL, 0, &err);
	const struct request *req;
	while ((req = discover_next(d))) {
		struct reading r;
		replica_answer(replica, req, bench_now(NULL), &r);
		discover_push(d, &r);
	}
	struct bound *bound = discover_finish(d, &err);
	if (!bound)
		fprintf(stderr, "%s\n", err.text);
	REQUIRE(bound && bound->n == POINTS);
	discover_free(d);
	replica_free(replica);
	buf_done(&text);
	struct plan *plan = plan_make(bound, &none, &err);
	REQUIRE(plan && plan->n == 1);
	return plan;
}

static void endpoint(size_t i, struct endpoint *out)
{
	struct in_addr a = { htonl(agent_address(i)) };
	*out = (struct endpoint){ .scheme = "snmp", .port = port, .user = "public", .version = 2 };
	snprintf(out->host, sizeof out->host, "%s", inet_ntoa(a));
}

static size_t number(int argc, char **argv, int i, size_t otherwise)
{
	return argc > i ? strtoul(argv[i], NULL, 10) : otherwise;
}

int main(int argc, char **argv)
{
	int rounds = (int)number(argc, argv, 4, 5);
	const struct poll_case saturated = { "saturated", number(argc, argv, 1, 200), number(argc, argv, 3, 300000), 0, 1.3, rounds };
	const struct poll_case paced = { "paced, once a second", number(argc, argv, 2, 5000), 0, 3, 1.7, rounds };
	int fd = open_agents();
	pid_t server = bench_fork(serve, fd);
	close(fd);
	prebuild();
	struct library *lib = library_new();
	struct plan *plan = make_plan(lib);
	ours_options = (struct ours_options){ &snmp, plan, POINTS, 230000, endpoint };
	printf("SNMP v2c, GET of %d objects, all decoded; %zu agents saturated, %zu paced\n\n", POINTS, saturated.devices, paced.devices);
	poll_head();
	poll_compare(&saturated, (struct poll_side){ plain_open, plain_close }, ours_side);
	poll_compare(&paced, (struct poll_side){ plain_open, plain_close }, ours_side);
	bound_free((struct bound *)(uintptr_t)plan->bound);
	plan_free(plan);
	library_free(lib);
	bench_end(server);
	return 0;
}
