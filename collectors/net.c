#include "collectors/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

void net_raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int net_high(int fd)
{
	if (fd < 0 || fd >= FD_LOW_SLOTS)
		return fd;
	int high = fcntl(fd, F_DUPFD_CLOEXEC, FD_LOW_SLOTS);
	if (high < 0)
		return fd;
	close(fd);
	return high;
}

int net_socket(int family, int type)
{
	return net_high(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

bool address_equal(const struct address *a, const struct address *b)
{
	if (a->u.any.sa_family != b->u.any.sa_family)
		return false;
	if (a->u.any.sa_family == AF_INET)
		return a->u.v4.sin_port == b->u.v4.sin_port && a->u.v4.sin_addr.s_addr == b->u.v4.sin_addr.s_addr;
	return a->u.v6.sin6_port == b->u.v6.sin6_port && memcmp(&a->u.v6.sin6_addr, &b->u.v6.sin6_addr, 16) == 0;
}

uint64_t address_hash(const struct address *a)
{
	uint64_t h = 0;
	if (a->u.any.sa_family == AF_INET) {
		h = (uint64_t)a->u.v4.sin_addr.s_addr << 16 | a->u.v4.sin_port;
	} else {
		uint64_t part[2];
		memcpy(part, &a->u.v6.sin6_addr, 16);
		h = part[0] ^ part[1] * 31 ^ a->u.v6.sin6_port;
	}
	h = (h ^ h >> 31) * UINT64_C(0x9e3779b97f4a7c15);
	return h ^ h >> 32;
}

const char *address_text(const struct address *a, char out[ADDRESS_TEXT])
{
	char host[INET6_ADDRSTRLEN] = "?";
	bool v4 = a->u.any.sa_family == AF_INET;
	inet_ntop(a->u.any.sa_family, v4 ? (const void *)&a->u.v4.sin_addr : (const void *)&a->u.v6.sin6_addr, host, sizeof host);
	snprintf(out, ADDRESS_TEXT, v4 ? "%s:%u" : "[%s]:%u", host, ntohs(v4 ? a->u.v4.sin_port : a->u.v6.sin6_port));
	return out;
}

/* The request must live until libc is done with it, whoever asked: a lookup dropped while busy is freed by a later call. */
struct lookup {
	struct gaicb job;
	struct addrinfo hints, *numeric;
	struct lookup *next;
	uint16_t port;
	char host[256], service[8];
	bool numeric_done;
};

static struct lookup *orphans;

static void release(struct lookup *l)
{
	if (l->job.ar_result)
		freeaddrinfo(l->job.ar_result);
	if (l->numeric)
		freeaddrinfo(l->numeric);
	free(l);
}

static void reap(void)
{
	for (struct lookup **p = &orphans; *p;) {
		struct lookup *l = *p;
		if (gai_error(&l->job) == EAI_INPROGRESS) {
			p = &l->next;
			continue;
		}
		*p = l->next;
		release(l);
	}
}

struct lookup *lookup_new(const char *host, uint16_t port)
{
	reap();
	struct lookup *l = calloc(1, sizeof *l);
	if (!l)
		return NULL;
	l->port = port;
	l->hints = (struct addrinfo){ .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	snprintf(l->host, sizeof l->host, "%s", host);
	snprintf(l->service, sizeof l->service, "%u", port);
	l->numeric_done = getaddrinfo(l->host, l->service, &l->hints, &l->numeric) == 0;
	if (l->numeric_done)
		return l;
	l->numeric = NULL;
	l->hints.ai_flags = AI_NUMERICSERV;
	l->job = (struct gaicb){ .ar_name = l->host, .ar_service = l->service, .ar_request = &l->hints };
	struct gaicb *list[] = { &l->job };
	if (getaddrinfo_a(GAI_NOWAIT, list, 1, NULL) == 0)
		return l;
	free(l);
	return NULL;
}

enum lookup_state lookup_poll(struct lookup *l, struct addresses *out, struct err *err)
{
	int state = l->numeric_done ? 0 : gai_error(&l->job);
	if (state == EAI_INPROGRESS)
		return LOOKUP_BUSY;
	if (state != 0) {
		err_set(err, ERR_UNAVAILABLE, "cannot find the address of '%s': %s", l->host, gai_strerror(state));
		return LOOKUP_FAILED;
	}
	out->n = 0;
	for (struct addrinfo *a = l->numeric_done ? l->numeric : l->job.ar_result; a && out->n < ADDRESSES_MAX; a = a->ai_next) {
		struct address *to = &out->at[out->n];
		if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
			continue;
		to->len = a->ai_addrlen;
		memcpy(&to->u, a->ai_addr, a->ai_addrlen);
		out->n++;
	}
	if (out->n)
		return LOOKUP_DONE;
	err_set(err, ERR_UNAVAILABLE, "'%s' has no IPv4 or IPv6 address", l->host);
	return LOOKUP_FAILED;
}

bool lookup_is_numeric(const struct lookup *l)
{
	return l->numeric_done;
}

void lookup_free(struct lookup *l)
{
	if (!l)
		return;
	if (!l->numeric_done && gai_error(&l->job) == EAI_INPROGRESS && gai_cancel(&l->job) != EAI_CANCELED) {
		l->next = orphans;
		orphans = l;
		return;
	}
	release(l);
}
