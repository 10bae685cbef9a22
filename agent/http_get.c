#include "agent/http_get.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { DEADLINE_MS = 5000, ANSWER_MAX = 64 << 20 };

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static int dial(uint16_t port, struct err *err)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0)
		return fd;
	err_set(err, ERR_UNAVAILABLE, "127.0.0.1:%u: %s; is pued running? systemctl status pued, or give its --port", port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

/* The server closes after its answer (HTTP/1.0): the end of the stream is the end of the answer. */
static bool listen_to(int fd, struct buf *answer, struct err *err)
{
	char bytes[65536];
	for (int64_t until = now_ms() + DEADLINE_MS;;) {
		int64_t left = until - now_ms();
		struct pollfd p = { fd, POLLIN, 0 };
		if (left <= 0 || poll(&p, 1, (int)left) <= 0)
			return err_set(err, ERR_UNAVAILABLE, "no whole answer within %d s", DEADLINE_MS / 1000);
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);
		if (n < 0)
			return err_set(err, ERR_IO, "%s", strerror(errno));
		if (n == 0)
			return true;
		buf_add(answer, bytes, (size_t)n);
		if (answer->failed || answer->len > ANSWER_MAX)
			return err_set(err, ERR_UNAVAILABLE, "the answer is larger than %d MiB", ANSWER_MAX >> 20);
	}
}

static bool refused(int status, const char *body, struct err *err)
{
	json_t *j = json_loads(body, 0, NULL);
	const char *why = json_string_value(json_object_get(j, "error"));
	err_set(err, ERR_UNAVAILABLE, "pued answers %d: %s", status, why ? why : "no reason given");
	json_decref(j);
	return false;
}

static bool take(const struct buf *answer, struct buf *body, struct err *err)
{
	const char *head = answer->len ? answer->data : "", *end = strstr(head, "\r\n\r\n"), *length = strcasestr(head, "\r\nContent-Length:");
	if (strncmp(head, "HTTP/1.", 7) != 0 || !end)
		return err_set(err, ERR_UNAVAILABLE, "what listens there does not speak HTTP");
	size_t size = answer->len - (size_t)(end + 4 - head);
	if (length && length < end && strtoull(length + 17, NULL, 10) != size)
		return err_set(err, ERR_UNAVAILABLE, "the answer was cut off");
	int status = atoi(head + 9);
	if (status != 200)
		return refused(status, end + 4, err);
	buf_add(body, end + 4, size);
	return !body->failed || err_memory(err);
}

bool http_get(uint16_t port, const char *path, struct buf *body, struct err *err)
{
	CLEANUP(buf_done) struct buf request = { 0 }, answer = { 0 };
	int fd = dial(port, err);
	if (fd < 0)
		return false;
	buf_printf(&request, "GET %s HTTP/1.0\r\nHost: 127.0.0.1:%u\r\n\r\n", path, port);
	bool good = send(fd, request.data, request.len, MSG_NOSIGNAL) == (ssize_t)request.len || err_set(err, ERR_IO, "%s", strerror(errno));
	good = good && listen_to(fd, &answer, err);
	close(fd);
	return (good && take(&answer, body, err)) || err_wrap(err, "127.0.0.1:%u%s", port, path);
}
