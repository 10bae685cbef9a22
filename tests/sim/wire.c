/* What goes out: streams with what the socket did not take, datagrams, and both later when a fault says so. */
#include "tests/sim/server_in.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Something to send later. */
struct delivery {
	struct queued queued;
	struct connection *connection;    /* NULL: a datagram */
	uint64_t serial;
	struct host *host;
	struct sockaddr_in peer;
	bool other_source;
	size_t len;
	uint8_t bytes[];
};

static void later(struct server *s, struct delivery d, const void *bytes, size_t len)
{
	struct delivery *copy = malloc(sizeof d + len);
	if (!copy)
		return;
	*copy = d;
	copy->len = len;
	memcpy(copy->bytes, bytes, len);
	queue_push(&s->queue, &copy->queued);
}

bool watch(struct server *s, struct source *source, uint32_t events, int op)
{
	struct epoll_event e = { .events = events, .data.ptr = source };
	return !epoll_ctl(s->epoll, op, source->fd, &e);
}

void close_connection(struct server *s, struct connection *c)
{
	if (!c->serial)
		return;
	note(s, c->host->any->id, "closed");
	close(c->source.fd);
	free(c->out);
	c->host->connections--;
	c->serial = 0;   /* its deliveries find nobody; it is used again from the next turn on */
}

void sweep(struct server *s)
{
	for (struct connection **at = &s->connections; *at;) {
		struct connection *c = *at;
		if (c->serial) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		c->next_free = s->free_connections;
		s->free_connections = c;
	}
}

static void write_out(struct server *s, struct connection *c, const uint8_t *bytes, size_t len)
{
	ssize_t n = c->out_len ? 0 : send(c->source.fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		close_connection(s, c);
		return;
	}
	size_t left = len - (n > 0 ? (size_t)n : 0);
	if (!left)
		return;
	uint8_t *out = c->out_len + left > SEND_MAX * 256u ? NULL : realloc(c->out, c->out_len + left);
	if (!out) {
		close_connection(s, c);   /* a peer that never reads */
		return;
	}
	memcpy(out + c->out_len, bytes + len - left, left);
	c->out = out;
	c->out_len += left;
	watch(s, &c->source, EPOLLIN | EPOLLOUT, EPOLL_CTL_MOD);
}

void flush_out(struct server *s, struct connection *c)
{
	ssize_t n = send(c->source.fd, c->out, c->out_len, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN) {
		close_connection(s, c);
		return;
	}
	if (n > 0) {
		memmove(c->out, c->out + n, c->out_len - (size_t)n);
		c->out_len -= (size_t)n;
	}
	if (!c->out_len)
		watch(s, &c->source, EPOLLIN, EPOLL_CTL_MOD);
}

void send_on(struct server *s, struct connection *c, const void *bytes, size_t len, int64_t due_us)
{
	if (!c->serial)
		return;
	if (due_us < c->last_due_us)
		due_us = c->last_due_us;
	if (due_us <= s->now_us) {
		write_out(s, c, bytes, len);
		return;
	}
	c->last_due_us = due_us;
	later(s, (struct delivery){ .queued.due_us = due_us, .connection = c, .serial = c->serial }, bytes, len);
}

void send_datagram(struct server *s, struct host *h, const struct sockaddr_in *peer, const void *bytes, size_t len, int64_t due_us,
		   bool other_source)
{
	if (due_us <= s->now_us) {
		sendto(other_source ? s->other_fd : h->source.fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)peer, sizeof *peer);
		return;
	}
	later(s, (struct delivery){ .queued.due_us = due_us, .host = h, .peer = *peer, .other_source = other_source }, bytes, len);
}

void deliver_due(struct server *s)
{
	for (struct delivery *d; (d = (struct delivery *)queue_pop(&s->queue, s->now_us)); free(d)) {
		if (d->host && d->host->source.fd >= 0)
			send_datagram(s, d->host, &d->peer, d->bytes, d->len, s->now_us, d->other_source);
		else if (d->connection && d->connection->serial == d->serial)
			write_out(s, d->connection, d->bytes, d->len);
	}
}
