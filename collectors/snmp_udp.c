#include "collectors/snmp_udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

/* IN_SIZE is no power of two: 64 buffers a page's multiple apart would all want the same few lines of the cache. */
enum { FAMILIES = 2, OUT_MAX = 128, OUT_SIZE = 1472, IN_MAX = 64, IN_SIZE = 2048 + 64, LONG_SIZE = 65536, ROUNDS = 8, BUFFER = 4 << 20 };

struct udp {
	int fd[FAMILIES];
	void (*got)(void *ctx, const struct address *from, const void *bytes, size_t len);
	void *ctx;
	struct out {
		size_t n;
		struct mmsghdr heads[OUT_MAX];
		struct iovec parts[OUT_MAX];
		struct address to[OUT_MAX];
		uint8_t bytes[OUT_MAX][OUT_SIZE];
	} out[FAMILIES];
	uint8_t in[IN_MAX][IN_SIZE];
	/* What is longer goes on here, where IN_SIZE bytes before it are left for its beginning; only touched pages cost memory. */
	uint8_t *longer;
	struct mmsghdr in_heads[IN_MAX];
	struct iovec in_parts[IN_MAX][2];
	struct address from[IN_MAX];
};

static int family_index(int family)
{
	return family == AF_INET6;
}

static int open_socket(int family, int epoll_fd)
{
	int fd = net_socket(family, SOCK_DGRAM), size = BUFFER, on = 1;
	struct epoll_event event = { .events = EPOLLIN };
	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event) == 0)
		return fd;
	close(fd);
	return -1;
}

/* What stays the same in every call. */
static void prepare(struct udp *u)
{
	for (size_t i = 0; i < IN_MAX; i++) {
		u->in_parts[i][0] = (struct iovec){ u->in[i], IN_SIZE };
		u->in_parts[i][1] = (struct iovec){ u->longer + i * LONG_SIZE + IN_SIZE, LONG_SIZE - IN_SIZE };
		u->in_heads[i].msg_hdr = (struct msghdr){ .msg_name = &u->from[i].u, .msg_iov = u->in_parts[i], .msg_iovlen = 2 };
	}
	for (size_t f = 0; f < FAMILIES; f++) {
		for (size_t i = 0; i < OUT_MAX; i++) {
			struct out *out = &u->out[f];
			out->parts[i].iov_base = out->bytes[i];
			out->heads[i].msg_hdr = (struct msghdr){ .msg_name = &out->to[i].u, .msg_iov = &out->parts[i], .msg_iovlen = 1 };
		}
	}
}

struct udp *udp_new(int epoll_fd, void (*got)(void *ctx, const struct address *from, const void *bytes, size_t len), void *ctx, struct err *err)
{
	struct udp *u = calloc(1, sizeof *u);
	if (!u) {
		err_memory(err);
		return NULL;
	}
	u->got = got;
	u->ctx = ctx;
	u->longer = mmap(NULL, (size_t)IN_MAX * LONG_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u->fd[0] = open_socket(AF_INET, epoll_fd);
	u->fd[1] = open_socket(AF_INET6, epoll_fd);
	if (u->longer == MAP_FAILED || (u->fd[0] < 0 && u->fd[1] < 0)) {
		err_set(err, ERR_IO, "cannot open a UDP socket: %s", strerror(errno));
		udp_free(u);
		return NULL;
	}
	prepare(u);
	return u;
}

void udp_free(struct udp *u)
{
	if (!u)
		return;
	for (size_t f = 0; f < FAMILIES; f++)
		if (u->fd[f] >= 0)
			close(u->fd[f]);
	if (u->longer != MAP_FAILED)
		munmap(u->longer, (size_t)IN_MAX * LONG_SIZE);
	free(u);
}

static void send_all(struct udp *u, int f)
{
	struct out *out = &u->out[f];
	size_t done = 0;
	while (done < out->n) {
		int sent = sendmmsg(u->fd[f], out->heads + done, (unsigned)(out->n - done), MSG_NOSIGNAL);
		/* A datagram that cannot leave (no route, full buffer) is a lost datagram: the others must not wait for it. */
		done += sent > 0 ? (size_t)sent : 1;
	}
	out->n = 0;
}

uint8_t *udp_copy(struct udp *u, const struct address *to, const void *bytes, size_t len)
{
	int f = family_index(to->u.any.sa_family);
	struct out *out = &u->out[f];
	if (u->fd[f] < 0 || len > OUT_SIZE)
		return NULL;
	if (out->n == OUT_MAX)
		send_all(u, f);
	size_t i = out->n++;
	memcpy(out->bytes[i], bytes, len);
	out->to[i] = *to;
	out->parts[i].iov_len = len;
	out->heads[i].msg_hdr.msg_namelen = to->len;
	return out->bytes[i];
}

bool udp_queue(struct udp *u, const struct address *to, const void *bytes, size_t len)
{
	int fd = u->fd[family_index(to->u.any.sa_family)];
	if (fd >= 0 && len > OUT_SIZE)
		return sendto(fd, bytes, len, MSG_NOSIGNAL, &to->u.any, to->len) == (ssize_t)len;
	return udp_copy(u, to, bytes, len);
}

void udp_flush(struct udp *u)
{
	for (int f = 0; f < FAMILIES; f++)
		if (u->out[f].n)
			send_all(u, f);
}

/* One datagram in one piece. */
static const uint8_t *whole(struct udp *u, size_t i, size_t len)
{
	if (len <= IN_SIZE)
		return u->in[i];
	return memcpy(u->longer + i * LONG_SIZE, u->in[i], IN_SIZE);
}

static int receive_some(struct udp *u, int fd)
{
	for (size_t i = 0; i < IN_MAX; i++)
		u->in_heads[i].msg_hdr.msg_namelen = sizeof u->from[i].u;
	int n = recvmmsg(fd, u->in_heads, IN_MAX, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		u->from[i].len = u->in_heads[i].msg_hdr.msg_namelen;
		u->got(u->ctx, &u->from[i], whole(u, (size_t)i, u->in_heads[i].msg_len), u->in_heads[i].msg_len);
	}
	return n;
}

void udp_receive(struct udp *u)
{
	for (int f = 0; f < FAMILIES; f++)
		for (int round = 0; u->fd[f] >= 0 && round < ROUNDS; round++)
			if (receive_some(u, u->fd[f]) < IN_MAX)
				break;
}
