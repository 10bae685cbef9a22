/* The other side of agent/signer_socket.h: reads what shall be signed, looks at it, signs it or says why not. */
#include "agent/signer_socket.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_S = 5, TURN_MS = 500 };

static bool read_all(int fd, struct buf *out, struct err *err)
{
	char chunk[16384];
	time_t end = time(NULL) + PATIENCE_S;
	for (;;) {
		ssize_t n = read(fd, chunk, sizeof chunk);
		if (n == 0)
			return out->failed ? err_memory(err) : true;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || time(NULL) > end)
			return err_set(err, ERR_UNAVAILABLE, "what shall be signed did not come within %d s", PATIENCE_S);
		if (out->len + (size_t)n > SIGNER_ASK_MAX)
			return err_set(err, ERR_RANGE, "more than %d bytes to sign", SIGNER_ASK_MAX);
		buf_add(out, chunk, (size_t)n);
	}
}

static bool sign_one(const struct signer_ops *signer, const char *site, const struct buf *text, uint8_t sig[SIG_LEN], struct err *err)
{
	struct jws_input in;
	if (!jws_input_read(text->data ? text->data : "", text->len, &in, err))
		return err_wrap(err, "refused");
	if (site && strcmp(site, in.site))
		return err_set(err, ERR_DENIED, "refused: a document of site %s; here only those of %s are signed", in.site, site);
	for (size_t i = 0; i < signer->n_keys; i++)
		if (!strcmp(signer->keys[i].kid, in.kid) && signer->keys[i].alg == in.alg)
			return signer->sign(signer->ctx, &signer->keys[i], text->data, text->len, sig, err);
	return err_set(err, ERR_CONFIG, "refused: key %s is not here, or may not sign", in.kid);
}

static void answer(int fd, const struct signer_ops *signer, const char *site)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct timeval patience = { PATIENCE_S, 0 };
	struct err err = { 0 };
	uint8_t out[1 + SIG_LEN] = { 0 };
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	if (read_all(fd, &text, &err) && sign_one(signer, site, &text, out + 1, &err)) {
		(void)!send(fd, out, sizeof out, MSG_NOSIGNAL);
		return;
	}
	char sentence[500];
	int n = snprintf(sentence, sizeof sentence, "\1%.490s", err.text);
	fprintf(stderr, "<4>%s\n", sentence + 1);
	(void)!send(fd, sentence, (size_t)n, MSG_NOSIGNAL);
}

void signer_serve(int fd, const struct signer_ops *signer, const char *site, const volatile bool *stop)
{
	struct pollfd p = { fd, POLLIN, 0 };
	while (!*stop) {
		if (poll(&p, 1, TURN_MS) != 1)
			continue;
		int peer = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (peer < 0)
			continue;
		answer(peer, signer, site);
		close(peer);
	}
}
