#include "tests/bench/devices.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 64, SIZE = 2048, EVENTS = 256, FDS = 65536 };
volatile int devices_end;

static const struct devices_options *opt;
static int64_t now_ms;
static int epoll_fd;

/* ---- values ----------------------------------------------------------------------------------------------------------------------- */

static uint32_t mix(uint32_t x)
{
	x = (x ^ x >> 16) * 0x7feb352d;
	x = (x ^ x >> 15) * 0x846ca68b;
	return x ^ x >> 16;
}

/* In tenths: most move by a few tenths from second to second, some do not. */
static int32_t value(uint32_t device, uint32_t k)
{
	if (!opt->moving)
		return 2300;
	uint32_t second = (uint32_t)(now_ms / 1000), base = mix(device * 32 + k);
	int32_t wander = k % 3 ? (int32_t)(mix(base ^ second) % 9) - 4 : 0;
	return 2000 + (int32_t)(base % 500) + wander;
}

/* 0.01 kW.h counts of a few kW: a count every few seconds. */
static uint32_t counter(uint32_t device)
{
	return opt->moving ? (uint32_t)(now_ms * (int64_t)(1 + mix(device) % 7) / 10000) % 100000000 : 0;
}

/* ---- what was asked when --------------------------------------------------------------------------------------------------------- */

static uint32_t last_asked[2][1 << 24];      /* by kind and the address's lower three bytes; only touched pages cost memory */

static void asked(int kind, uint32_t device)
{
	struct gaps *g = opt->gaps;
	if (!g)
		return;
	uint32_t *last = &last_asked[kind][device & 0xffffff], now = (uint32_t)now_ms;
	uint32_t gap = now - *last;
	g->asked++;
	if (*last)
		g->counts[gap < GAP_MOST_MS ? gap : GAP_MOST_MS]++;
	*last = now;
}

int64_t gaps_quantile(const struct gaps *g, uint64_t per_100000)
{
	uint64_t all = 0, seen = 0;
	for (size_t i = 0; i <= GAP_MOST_MS; i++)
		all += g->counts[i];
	for (size_t i = 0; i <= GAP_MOST_MS; i++)
		if ((seen += g->counts[i]) * 100000 >= all * per_100000 && all)
			return (int64_t)i;
	return 0;
}

uint64_t gaps_above(const struct gaps *g, int64_t ms)
{
	uint64_t n = 0;
	for (int64_t i = ms + 1; i <= GAP_MOST_MS; i++)
		n += g->counts[i];
	return n;
}

/* ---- meters ------------------------------------------------------------------------------------------------------------------------ */

static uint32_t device_of[FDS];

static void take_connection(void)
{
	struct sockaddr_in a = { 0 };
	socklen_t size = sizeof a;
	int on = 1, fd = accept4(opt->listener, NULL, NULL, SOCK_NONBLOCK);
	if (fd < 0 || fd >= FDS)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	getsockname(fd, (struct sockaddr *)&a, &size);
	device_of[fd] = ntohl(a.sin_addr.s_addr);
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

static uint32_t pair(uint32_t device, uint32_t k)
{
	if (k == DEVICE_VALUES - 1 || k >= DEVICE_COUNTERS)
		return counter(device + k);
	float v = (float)value(device, k) / 10;
	uint32_t bits;
	memcpy(&bits, &v, sizeof bits);
	return bits;
}

/* One question, whole: it is sent in one piece. */
static void serve_meter(int fd)
{
	uint8_t in[512], out[9 + 250];
	ssize_t got = recv(fd, in, sizeof in, 0);
	if (got <= 0) {
		close(fd);
		return;
	}
	asked(0, device_of[fd]);
	unsigned first = (unsigned)(in[8] << 8 | in[9]), words = in[11] <= 125 ? in[11] : 125;
	if (opt->silent || got < 12)
		return;
	memcpy(out, in, 8);
	out[4] = (uint8_t)((3 + 2 * words) >> 8);
	out[5] = (uint8_t)(3 + 2 * words);
	out[8] = (uint8_t)(2 * words);
	for (unsigned i = 0; i < words; i++) {
		uint32_t bits = pair(device_of[fd], (first + i) / 2);
		uint16_t word = (uint16_t)((first + i) % 2 ? bits : bits >> 16);
		out[9 + 2 * i] = (uint8_t)(word >> 8);
		out[10 + 2 * i] = (uint8_t)word;
	}
	send(fd, out, 9 + 2 * words, MSG_NOSIGNAL);
}

/* ---- agents -------------------------------------------------------------------------------------------------------------------------- */

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

/* Value of the object whose last number but one is k + 1: INTEGER, or Counter32. */
static size_t put_value(uint8_t *at, uint32_t device, uint32_t k)
{
	bool last = k == DEVICE_VALUES - 1 || k >= AGENT_COUNTERS;
	uint32_t v = last ? counter(device + k) : (uint32_t)value(device, k);
	if (!last && v < 0x8000) {
		const uint8_t bytes[] = { 2, 2, (uint8_t)(v >> 8), (uint8_t)v };
		memcpy(at, bytes, sizeof bytes);
		return sizeof bytes;
	}
	const uint8_t bytes[] = { last ? 0x41 : 2, 4, (uint8_t)(v >> 24), (uint8_t)(v >> 16), (uint8_t)(v >> 8), (uint8_t)v };
	memcpy(at, bytes, sizeof bytes);
	return sizeof bytes;
}

/* Walks a GET that net-snmp or a benchmark's reference made. */
static size_t answer(const uint8_t *in, uint32_t device, uint8_t *out)
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
	for (const uint8_t *v = in + list, *end = v + len; v < end && n + 128 < SIZE;) {
		size_t vl, ol;
		v += header(v, &vl);
		size_t oh = header(v, &ol);
		uint8_t bytes[8];
		size_t value_len = put_value(bytes, device, (uint32_t)v[oh + ol - 2] - 1);
		n += wrap(vars + n, 0x30, oh + ol + value_len);
		memcpy(vars + n, v, oh + ol);
		n += oh + ol;
		memcpy(vars + n, bytes, value_len);
		n += value_len;
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

static void serve_agents(void)
{
	static uint8_t out[SIZE * 2];
	for (size_t i = 0; i < BATCH; i++) {
		io.parts[i] = (struct iovec){ io.bytes[i], SIZE };
		io.heads[i].msg_hdr = (struct msghdr){ .msg_name = &io.from[i], .msg_namelen = sizeof io.from[i], .msg_iov = &io.parts[i], .msg_iovlen = 1,
						       .msg_control = io.control[i], .msg_controllen = sizeof io.control[i] };
	}
	int n = recvmmsg(opt->udp, io.heads, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		struct cmsghdr *c = CMSG_FIRSTHDR(&io.heads[i].msg_hdr);      /* answered from the address it was asked at */
		struct in_pktinfo *info = (struct in_pktinfo *)(void *)CMSG_DATA(c);
		uint32_t device = ntohl(info->ipi_addr.s_addr);
		asked(1, device);
		size_t len = opt->silent ? 0 : answer(io.bytes[i], device, out);
		memcpy(io.bytes[i], out, len);
		io.parts[i].iov_len = len;
		info->ipi_spec_dst = info->ipi_addr;
		info->ipi_ifindex = 0;
	}
	if (n > 0 && !opt->silent)
		sendmmsg(opt->udp, io.heads, (unsigned)n, 0);
}

/* ---- serving -------------------------------------------------------------------------------------------------------------------------- */

static int open_any(int type, uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(*port) };
	socklen_t size = sizeof a;
	int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0), on = 1, room = 8 << 20;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
	if (type == SOCK_DGRAM)
		setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof on);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof a) != 0 || getsockname(fd, (struct sockaddr *)&a, &size) != 0)
		return -1;
	*port = ntohs(a.sin_port);
	return fd;
}

int devices_listen(uint16_t *port)
{
	int fd = open_any(SOCK_STREAM, port);
	return fd >= 0 && listen(fd, 4096) == 0 ? fd : -1;
}

int devices_bind(uint16_t *port)
{
	return open_any(SOCK_DGRAM, port);
}

static void watch(int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };
	if (fd >= 0)
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
}

void devices_serve(const struct devices_options *o)
{
	struct epoll_event events[EVENTS];
	struct timespec t;
	opt = o;
	epoll_fd = epoll_create1(0);
	watch(o->listener);
	watch(o->udp);
	while (!devices_end) {
		int n = epoll_wait(epoll_fd, events, EVENTS, -1);
		clock_gettime(CLOCK_REALTIME, &t);
		now_ms = t.tv_sec * 1000 + t.tv_nsec / 1000000;
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == o->listener)
				take_connection();
			else if (fd == o->udp)
				serve_agents();
			else
				serve_meter(fd);
		}
	}
	close(epoll_fd);
}
