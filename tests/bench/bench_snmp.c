/* CPU of polling SNMP v2c, decoding included, against a minimal client with prebuilt requests, sendmmsg and recvmmsg that looks at nothing.
 * usage: bench_snmp [SATURATED_AGENTS [PACED_AGENTS [REQUESTS]]] */
#include "tests/bench/bench.h"
#include "core/replica.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

enum { POINTS = 10, BATCH = 64, SIZE = 1024, TICK_US = 10000 };
static size_t n_agents, n_requests = 300000;
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

static int plain_receive(int fd)
{
	for (size_t i = 0; i < BATCH; i++) {
		io.parts[i] = (struct iovec){ io.bytes[i], SIZE };
		io.heads[i].msg_hdr = (struct msghdr){ .msg_name = &io.from[i], .msg_namelen = sizeof io.from[i], .msg_iov = &io.parts[i], .msg_iovlen = 1 };
	}
	return recvmmsg(fd, io.heads, BATCH, MSG_DONTWAIT, NULL);
}

static int plain_open(void)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0), room = 8 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	return fd;
}

static struct sockaddr_in *addresses(void)
{
	struct sockaddr_in *to = calloc(n_agents, sizeof *to);
	for (size_t i = 0; i < n_agents; i++)
		to[i] = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(agent_address(i)) };
	return to;
}

static struct result plain_saturated(void)
{
	int fd = plain_open();
	struct sockaddr_in *to = addresses();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t cpu = cpu_us(), wall = clock_us(CLOCK_MONOTONIC);
	size_t done = 0;
	plain_send(fd, to, n_agents);
	while (done < n_requests) {
		if (poll(&p, 1, 200) == 0)
			plain_send(fd, to, n_agents);      /* lost on the way: begin anew */
		int n = plain_receive(fd);
		if (n <= 0)
			continue;
		done += (size_t)n;
		plain_send(fd, io.from, (size_t)n);
	}
	struct result r = { (double)(cpu_us() - cpu) / (double)done, (double)done * 1e6 / (double)(clock_us(CLOCK_MONOTONIC) - wall) };
	close(fd);
	free(to);
	return r;
}

static struct result plain_paced(int seconds)
{
	int fd = plain_open(), n;
	struct sockaddr_in *to = addresses();
	struct pollfd p = { .fd = fd, .events = POLLIN };
	int64_t cpu = cpu_us(), start = clock_us(CLOCK_MONOTONIC), left;
	size_t sent = 0, done = 0;
	for (int tick = 0; tick < seconds * 100; tick++) {
		size_t due = (size_t)(tick + 1) * n_agents / 100, k = due - sent, from = sent % n_agents;
		size_t first = k < n_agents - from ? k : n_agents - from;
		plain_send(fd, to + from, first);
		plain_send(fd, to, k - first);
		sent = due;
		int64_t next = start + (int64_t)(tick + 1) * TICK_US;
		while ((left = (next - clock_us(CLOCK_MONOTONIC)) / 1000) > 0)
			if (poll(&p, 1, (int)left) > 0 && (n = plain_receive(fd)) > 0)
				done += (size_t)n;
		sleep_until(next);
	}
	struct result r = { (double)(cpu_us() - cpu) / (double)done, (double)done / seconds };
	close(fd);
	free(to);
	return r;
}

/* ---- ours ---------------------------------------------------------------------------------------------------------------------------- */

struct ours { sd_event *loop; struct collector_env env; void *self; struct target **targets; struct plan *plan; struct sample samples[64]; size_t done, lost; bool again; };

static void on_reading(void *ctx, void *device, const struct reading *r)
{
	struct ours *o = ctx;
	if (r->reason != REASON_NONE) {
		o->lost++;
	} else {
		REQUIRE(decode_reading(o->plan, r, 0, o->samples) == POINTS && o->samples[9].value == 230000);
		o->done++;
	}
	if (o->again)
		snmp.submit(*(struct target **)device, r->request, (struct mono){ r->at.boot.ms + 1000 });
}

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

static void ours_open(struct ours *o, struct plan *plan)
{
	struct err err = { 0 };
	*o = (struct ours){ .plan = plan, .targets = calloc(n_agents, sizeof *o->targets) };
	REQUIRE(sd_event_new(&o->loop) >= 0);
	o->env = (struct collector_env){ .loop = o->loop, .clock = { bench_now, NULL }, .sink = on_reading, .ctx = o, .seed = 1 };
	o->self = snmp.start(&o->env, &err);
	REQUIRE(o->self);
	for (size_t i = 0; i < n_agents; i++) {
		struct endpoint ep = { .scheme = "snmp", .port = port, .user = "public", .version = 2 };
		struct in_addr a = { htonl(agent_address(i)) };
		snprintf(ep.host, sizeof ep.host, "%s", inet_ntoa(a));
		o->targets[i] = snmp.attach(o->self, &ep, &o->targets[i], &err);
		REQUIRE(o->targets[i]);
	}
}

static void ours_close(struct ours *o)
{
	if (o->lost)
		printf("(%zu requests without an answer)\n", o->lost);
	for (size_t i = 0; i < n_agents; i++)
		snmp.detach(o->targets[i]);
	snmp.stop(o->self);
	sd_event_unref(o->loop);
	free(o->targets);
}

static void ours_ask(struct ours *o, size_t i)
{
	snmp.submit(o->targets[i], &o->plan->requests[0], (struct mono){ bench_now(NULL).boot.ms + 1000 });
}

/* Sessions are made at the first request: not part of what is measured. */
static void ours_warm(struct ours *o)
{
	for (size_t i = 0; i < n_agents; i++) {
		ours_ask(o, i);
		if (i % BATCH == BATCH - 1 || i + 1 == n_agents)
			snmp.flush(o->self);
		while (i + 1 - o->done - o->lost > 100) {
			sd_event_run(o->loop, 10000);
			snmp.expire(o->self, bench_now(NULL).boot);
		}
	}
	while (o->done + o->lost < n_agents) {
		sd_event_run(o->loop, 10000);
		snmp.expire(o->self, bench_now(NULL).boot);
	}
	o->done = o->lost = 0;
}

static struct result ours_saturated(struct plan *plan)
{
	struct ours o;
	ours_open(&o, plan);
	ours_warm(&o);
	o.again = true;
	int64_t cpu = cpu_us(), wall = clock_us(CLOCK_MONOTONIC), expired = wall;
	for (size_t i = 0; i < n_agents; i++)
		ours_ask(&o, i);
	snmp.flush(o.self);
	while (o.done < n_requests) {
		sd_event_run(o.loop, 10000);
		if (clock_us(CLOCK_MONOTONIC) - expired < TICK_US)
			continue;
		expired += TICK_US;
		snmp.expire(o.self, bench_now(NULL).boot);
	}
	struct result r = { (double)(cpu_us() - cpu) / (double)o.done, (double)o.done * 1e6 / (double)(clock_us(CLOCK_MONOTONIC) - wall) };
	ours_close(&o);
	return r;
}

static struct result ours_paced(struct plan *plan, int seconds)
{
	struct ours o;
	ours_open(&o, plan);
	ours_warm(&o);
	int64_t cpu = cpu_us(), start = clock_us(CLOCK_MONOTONIC), left;
	size_t sent = 0;
	for (int tick = 0; tick < seconds * 100; tick++) {
		for (size_t due = (size_t)(tick + 1) * n_agents / 100; sent < due; sent++)
			ours_ask(&o, sent % n_agents);
		snmp.flush(o.self);
		int64_t next = start + (int64_t)(tick + 1) * TICK_US;
		do {      /* at least once, or a late tick would never hear its answers */
			left = next - clock_us(CLOCK_MONOTONIC);
			sd_event_run(o.loop, left > 0 ? (uint64_t)left : 0);
		} while (left > 1000);
		sleep_until(next);
		snmp.expire(o.self, bench_now(NULL).boot);
	}
	struct result r = { (double)(cpu_us() - cpu) / (double)o.done, (double)o.done / seconds };
	ours_close(&o);
	return r;
}

int main(int argc, char **argv)
{
	size_t saturated = argc > 1 ? strtoul(argv[1], NULL, 10) : 200, paced = argc > 2 ? strtoul(argv[2], NULL, 10) : 5000;
	if (argc > 3)
		n_requests = strtoul(argv[3], NULL, 10);
	int fd = open_agents();
	pid_t server = bench_fork(serve, fd);
	close(fd);
	prebuild();
	struct library *lib = library_new();
	struct plan *plan = make_plan(lib);
	printf("SNMP v2c, GET of %d objects, all decoded; %zu agents saturated, %zu paced\n\n", POINTS, saturated, paced);
	printf("| | CPU a request | reference | ratio | limit | rate |\n|---|---|---|---|---|---|\n");
	n_agents = saturated;
	struct result reference = plain_saturated(), ours = ours_saturated(plan);
	bench_row("saturated", ours, reference, 1.3);
	n_agents = paced;
	reference = plain_paced(3);
	ours = ours_paced(plan, 3);
	bench_row("paced, once a second", ours, reference, 1.7);
	bound_free((struct bound *)(uintptr_t)plan->bound);
	plan_free(plan);
	library_free(lib);
	bench_end(server);
	return 0;
}
