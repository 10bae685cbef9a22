#include "tests/sim/verbs.h"
#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static const struct option_row *option_of(const struct option_row *rows, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(rows[i].name, name))
			return &rows[i];
	return NULL;
}

bool options_parse(int argc, char **argv, const struct option_row *rows, size_t n, const char **plain, struct err *err)
{
	for (int i = 0; i < argc; i++) {
		const struct option_row *row = option_of(rows, n, argv[i]);
		if (row && row->flag)
			*row->value = "yes";
		else if (row && i + 1 < argc)
			*row->value = argv[++i];
		else if (row)
			return err_set(err, ERR_USAGE, "%s needs a value", argv[i]);
		else if (argv[i][0] == '-' && argv[i][1])
			return err_set(err, ERR_USAGE, "unknown option %s", argv[i]);
		else if (!plain || *plain)
			return err_set(err, ERR_USAGE, "what is `%s`?", argv[i]);
		else
			*plain = argv[i];
	}
	return true;
}

bool number_parse(const char *option, const char *text, int64_t low, int64_t high, int64_t *out, struct err *err)
{
	char *end;
	errno = 0;
	int64_t value = strtoll(text, &end, 10);
	if (end == text || *end || errno || value < low || value > high)
		return err_set(err, ERR_USAGE, "%s: `%s` is not a number from %lld to %lld", option, text, (long long)low,
			       (long long)high);
	*out = value;
	return true;
}

int listener(int type, uint32_t address, uint16_t *port, struct err *err)
{
	struct sockaddr_in sa = { .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(address) };
	socklen_t len = sizeof sa;
	int one = 1, fd = socket(AF_INET, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd >= 0 && type == SOCK_STREAM)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof sa) && (type != SOCK_STREAM || !listen(fd, 1024)) &&
	    !getsockname(fd, (struct sockaddr *)&sa, &len)) {
		*port = ntohs(sa.sin_port);
		return fd;
	}
	err_set(err, errno == EADDRINUSE ? ERR_UNAVAILABLE : ERR_IO, "%s:%u: %s", inet_ntoa(sa.sin_addr), *port, strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

bool speaks_through(int fd)
{
	struct stat st;
	return !fstat(fd, &st) && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
}
