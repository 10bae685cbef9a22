#include "collectors/snmp_udp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* IN_SIZE is no power of two: buffers whose starts lie a page's multiple apart would all want the same few lines of the cache. */
enum { OUT_MAX = 128, OUT_SIZE = 1472, IN_SIZE = 65536 + 320, BUFFER = 4 << 20 };

struct udp {
	int fd[UDP_FAMILIES];
	struct out {
		size_t n;
		struct mmsghdr heads[OUT_MAX];
		struct iovec parts[OUT_MAX];
		struct address to[OUT_MAX];
		uint8_t bytes[OUT_MAX][OUT_SIZE];
	} out[UDP_FAMILIES];
	uint8_t *in;                         /* UDP_BATCH * IN_SIZE; only touched pages cost memory */
	struct mmsghdr in_heads[UDP_BATCH];
	struct iovec in_parts[UDP_BATCH];
	struct address from[UDP_BATCH];
	struct datagram got[UDP_BATCH];
};

static int family_index(int family)
{
	return family == AF_INET6;
}

static int open_socket(int family)
{
	int fd = net_socket(family, SOCK_DGRAM), size = BUFFER, on = 1;
	if (fd < 0)
		return -1;
	if (family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on);
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, sizeof size);
	return fd;
}

int udp_fd(const struct udp *u, size_t family)
{
	return u->fd[family];
}

/* What stays the same in every call. */
static void prepare(struct udp *u)
{
	for (size_t i = 0; i < UDP_BATCH; i++) {
		u->in_parts[i] = (struct iovec){ u->in + i * IN_SIZE, IN_SIZE };
		u->in_heads[i].msg_hdr = (struct msghdr){ .msg_name = &u->from[i].u, .msg_iov = &u->in_parts[i], .msg_iovlen = 1 };
	}
	for (size_t f = 0; f < UDP_FAMILIES; f++) {
		for (size_t i = 0; i < OUT_MAX; i++) {
			struct out *out = &u->out[f];
			out->parts[i].iov_base = out->bytes[i];
			out->heads[i].msg_hdr = (struct msghdr){ .msg_name = &out->to[i].u, .msg_iov = &out->parts[i], .msg_iovlen = 1 };
		}
	}
}

struct udp *udp_new(struct err *err)
{
	struct udp *u = calloc(1, sizeof *u);
	if (!u) {
		err_memory(err);
		return NULL;
	}
	u->in = mmap(NULL, (size_t)UDP_BATCH * IN_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	u->fd[0] = open_socket(AF_INET);
	u->fd[1] = open_socket(AF_INET6);
	if (u->in == MAP_FAILED || (u->fd[0] < 0 && u->fd[1] < 0)) {
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
	for (size_t f = 0; f < UDP_FAMILIES; f++)
		if (u->fd[f] >= 0)
			close(u->fd[f]);
	if (u->in != MAP_FAILED)
		munmap(u->in, (size_t)UDP_BATCH * IN_SIZE);
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
	for (int f = 0; f < UDP_FAMILIES; f++)
		if (u->out[f].n)
			send_all(u, f);
}

size_t udp_receive(struct udp *u, size_t family, const struct datagram **out)
{
	for (size_t i = 0; i < UDP_BATCH; i++)
		u->in_heads[i].msg_hdr.msg_namelen = sizeof u->from[i].u;
	int n = recvmmsg(u->fd[family], u->in_heads, UDP_BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++) {
		u->from[i].len = u->in_heads[i].msg_hdr.msg_namelen;
		u->got[i] = (struct datagram){ &u->from[i], u->in + (size_t)i * IN_SIZE, u->in_heads[i].msg_len };
	}
	*out = u->got;
	return n > 0 ? (size_t)n : 0;
}
