#include "agent/signer_socket.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool dial(const char *path, int *fd, struct err *err)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	if (strlen(path) >= sizeof to.sun_path)
		return err_set(err, ERR_CONFIG, "signer %s: the path of a socket has %zu characters at most", path, sizeof to.sun_path - 1);
	memcpy(to.sun_path, path, strlen(path) + 1);
	*fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (*fd >= 0 && connect(*fd, (const struct sockaddr *)&to, sizeof to) == 0)
		return true;
	int code = errno;
	if (*fd >= 0)
		close(*fd);
	return err_set(err, code == EACCES ? ERR_DENIED : ERR_UNAVAILABLE, "signer %s: %s; is pued-signer.socket running?", path, code == EAGAIN ? "busy" : strerror(code));
}

/* Waits for the socket, never longer than the rest of our patience. */
static bool ready(int fd, short what, int64_t deadline_ms)
{
	int64_t left = deadline_ms - now_ms();
	struct pollfd p = { fd, what, 0 };
	return left > 0 && poll(&p, 1, (int)left) == 1;
}

static bool send_all(int fd, const uint8_t *bytes, size_t len, int64_t deadline_ms)
{
	while (len) {
		ssize_t n = send(fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EPIPE)
			return true;            /* it has heard enough: the answer says why */
		if (n < 0 && (errno != EAGAIN || !ready(fd, POLLOUT, deadline_ms)))
			return false;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return shutdown(fd, SHUT_WR) == 0;
}

static bool receive_all(int fd, uint8_t *answer, size_t room, size_t *len, int64_t deadline_ms)
{
	*len = 0;
	for (;;) {
		ssize_t n = recv(fd, answer + *len, room - *len, 0);
		if (n > 0)
			*len += (size_t)n;
		if (n == 0 || *len == room)
			return true;
		if (n < 0 && (errno != EAGAIN || !ready(fd, POLLIN, deadline_ms)))
			return false;
	}
}

bool signer_ask(const char *socket, int64_t patience_ms, const struct public_key *key, const void *bytes, size_t len, uint8_t sig[SIG_LEN], struct err *err)
{
	int64_t deadline_ms = now_ms() + patience_ms;
	uint8_t answer[600];
	size_t n = 0;
	int fd = -1;
	if (!dial(socket, &fd, err))
		return false;
	bool answered = send_all(fd, bytes, len, deadline_ms) && receive_all(fd, answer, sizeof answer - 1, &n, deadline_ms) && n > 0;
	close(fd);
	if (!answered)
		return err_set(err, ERR_UNAVAILABLE, "signer %s: no answer within %lld ms", socket, (long long)patience_ms);
	if (answer[0] != 0 || n != 1 + SIG_LEN)
		return err_set(err, ERR_DENIED, "signer %s: %.*s", socket, (int)(n - 1), (const char *)answer + 1);
	if (!sig_verify(key, bytes, len, answer + 1, SIG_LEN))
		return err_set(err, ERR_EVIDENCE, "signer %s: its signature is not by key %s; compare keys/trust.json with the keys it has", socket, key->kid);
	memcpy(sig, answer + 1, SIG_LEN);
	return true;
}
