#include "tests/sim/snmprec.h"
#include "tests/sim/verbs.h"
#include "agent/file.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

static bool parse_listen(const char *text, uint32_t *address, uint16_t *port, struct err *err)
{
	char host[32];
	const char *colon = strrchr(text, ':');
	int64_t number;
	struct in_addr in;
	if (!colon || (size_t)(colon - text) >= sizeof host)
		return err_set(err, ERR_USAGE, "--listen: `%s` is not 127.x.y.z:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = 0;
	if (inet_pton(AF_INET, host, &in) != 1 || ntohl(in.s_addr) >> 24 != 127)
		return err_set(err, ERR_USAGE, "--listen: `%s` is not a loopback address", host);
	if (!number_parse("--listen", colon + 1, 0, 65535, &number, err))
		return false;
	*address = ntohl(in.s_addr);
	*port = (uint16_t)number;
	return true;
}

static void serve(int fd, const struct agent_view *view)
{
	static u_char request[65536], answer[AGENT_MAX_ANSWER];
	for (;;) {
		struct pollfd p = { .fd = fd, .events = POLLIN };
		if (poll(&p, 1, -1) < 0)
			continue;
		struct sockaddr_in peer;
		socklen_t len = sizeof peer;
		ssize_t n = recvfrom(fd, request, sizeof request, 0, (struct sockaddr *)&peer, &len);
		size_t size = n > 0 ? agent_answer(view, request, (size_t)n, answer, sizeof answer) : 0;
		if (size)
			sendto(fd, answer, size, 0, (struct sockaddr *)&peer, len);
	}
}

bool verb_snmprec(int argc, char **argv, struct err *err)
{
	const char *file = NULL, *listen_text = "127.0.0.1:0", *community = NULL, *max_size = "1472";
	const struct option_row rows[] = {
		{ "--listen", &listen_text, false }, { "--community", &community, false }, { "--max-size", &max_size, false },
	};
	uint32_t address = 0;
	uint16_t port = 0;
	int64_t size = 0;
	if (!options_parse(argc, argv, rows, countof(rows), &file, err) || !parse_listen(listen_text, &address, &port, err) ||
	    !number_parse("--max-size", max_size, 100, AGENT_MAX_ANSWER, &size, err))
		return false;
	if (!file)
		return err_set(err, ERR_USAGE, "name the .snmprec file");
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!file_read(file, &text, err))
		return false;
	struct snmprec *recording = snmprec_parse(text.data ? text.data : "", text.len, err);
	if (!recording)
		return err_wrap(err, "%s", file);
	int fd = listener(SOCK_DGRAM, address, &port, err);
	if (fd < 0) {
		snmprec_free(recording);
		return false;
	}
	struct agent_view view = snmprec_view(recording);
	view.community = community;
	view.max_size = (size_t)size;
	printf("listening %s:%u\n", inet_ntoa((struct in_addr){ htonl(address) }), port);
	fflush(stdout);
	serve(fd, &view);
	return true;
}
