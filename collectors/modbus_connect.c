/* A connection coming up, failing, and being tried again. */
#include "collectors/modbus_inner.h"
#include "core/jitter.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

void conn_back_off(struct modbus_conn *c, enum reason reason, const struct err *err)
{
	conn_close(c);
	c->failures++;
	c->last_reason = reason;
	if (c->last_err || (c->last_err = malloc(sizeof *c->last_err)))
		*c->last_err = *err;
	c->retry_ms = c->bus->now.boot.ms + jitter_backoff(&c->bus->seed, c->failures, BACKOFF_MS, BACKOFF_MAX_MS);
	conn_fail_all(c, reason, err);
}

enum reason conn_reason(int error)
{
	static const struct { int error; enum reason reason; } rows[] = {
		{ ECONNREFUSED, REASON_REFUSED }, { ECONNRESET, REASON_CLOSED }, { EPIPE, REASON_CLOSED }, { ETIMEDOUT, REASON_TIMEOUT },
	};
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].error == error)
			return rows[i].reason;
	return REASON_UNREACHABLE;
}

/* To the front: it was on the wire already. */
void conn_queue_first(struct modbus_conn *c, struct exchange *x)
{
	x->next = c->queue;
	x->prev = &c->queue;
	if (x->next)
		x->next->prev = &x->next;
	else
		c->queue_end = &x->next;
	c->queue = x;
}

/* An established connection broke.  One that had worked is opened again at once and the request sent again, once: gateways
 * close idle connections, and reading twice does no harm. */
void conn_broken(struct modbus_conn *c, enum reason reason, const struct err *err)
{
	struct exchange *x = c->current;
	bool again = c->proven && reason == REASON_CLOSED && x && !x->resent && c->n_rest == 0;
	bool idle = !x;
	if (again || (idle && c->proven)) {
		conn_close(c);
		conn_mark_dirty(c);
		if (!again)
			return;
		c->current = NULL;
		x->resent = true;
		conn_queue_first(c, x);
		return;
	}
	conn_back_off(c, reason, err);
}

static void begin(struct modbus_conn *c);

void conn_connect_failed(struct modbus_conn *c, int error)
{
	struct err err;
	char text[ADDRESS_TEXT];
	address_text(&c->addresses.at[c->address], text);
	if (error == ECONNREFUSED)
		err_set(&err, ERR_UNAVAILABLE, "connection refused: nothing listens at %s", text);
	else
		err_set(&err, ERR_UNAVAILABLE, "cannot connect to %s: %s", text, strerror(error));
	conn_close(c);
	if (++c->address < c->addresses.n) {
		begin(c);
		return;
	}
	c->address = 0;
	c->resolved_ms = INT64_MIN / 2;   /* the name may point elsewhere by now */
	conn_back_off(c, conn_reason(error), &err);
}

void conn_connected(struct modbus_conn *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };
	wheel_cut(&c->bus->wheel, &c->timed.timer);
	c->state = CONN_UP;
	c->foreign = 0;
	c->heard_ms = c->bus->now.boot.ms;
	c->mute = 0;
	epoll_ctl(c->bus->epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
	conn_mark_dirty(c);
}

static void set_options(int fd)
{
	static const struct { int level, name, value; } rows[] = {
		{ IPPROTO_TCP, TCP_NODELAY, 1 }, { IPPROTO_TCP, TCP_USER_TIMEOUT, USER_TIMEOUT_MS }, { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 15 }, { IPPROTO_TCP, TCP_KEEPINTVL, 5 }, { IPPROTO_TCP, TCP_KEEPCNT, 3 },
	};
	for (size_t i = 0; i < countof(rows); i++)
		setsockopt(fd, rows[i].level, rows[i].name, &rows[i].value, sizeof rows[i].value);
}

/* Tries the address at c->address. */
static void begin(struct modbus_conn *c)
{
	const struct address *a = &c->addresses.at[c->address];
	struct epoll_event event = { .events = EPOLLOUT, .data.ptr = c };
	c->fd = net_socket(a->u.any.sa_family, SOCK_STREAM);
	if (c->fd < 0) {
		conn_connect_failed(c, errno);
		return;
	}
	set_options(c->fd);
	int rc = connect(c->fd, &a->u.any, a->len);
	if ((rc < 0 && errno != EINPROGRESS) || epoll_ctl(c->bus->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) {
		conn_connect_failed(c, errno);
		return;
	}
	c->state = CONN_CONNECTING;
	c->begun_ms = c->bus->now.boot.ms;
	if (rc == 0) {
		conn_connected(c);
		return;
	}
	bool more = c->address + 1 < c->addresses.n;
	wheel_set(&c->bus->wheel, &c->timed.timer, (struct mono){ c->begun_ms + (more ? CONNECT_NEXT_MS : CONNECT_MS) });
}

void conn_look_up(struct modbus_conn *c)
{
	struct err err = { 0 };
	struct addresses found;
	int64_t now = c->bus->now.boot.ms;
	enum lookup_state state = lookup_poll(c->lookup, &found, &err);
	if (state == LOOKUP_BUSY && now - c->begun_ms < LOOKUP_MS) {
		wheel_set(&c->bus->wheel, &c->timed.timer, (struct mono){ now + POLL_LOOKUP_MS });
		return;
	}
	if (state == LOOKUP_BUSY)
		err_set(&err, ERR_UNAVAILABLE, "cannot find the address of '%s': the name server does not answer", c->host);
	lookup_free(c->lookup);
	c->lookup = NULL;
	c->state = CONN_DOWN;
	if (state == LOOKUP_DONE) {
		c->addresses = found;
		c->resolved_ms = now;
	} else if (!c->addresses.n) {   /* otherwise the last known address is kept */
		conn_back_off(c, REASON_UNREACHABLE, &err);
		return;
	}
	c->address = 0;
	begin(c);
}

static void open_line(struct modbus_conn *c)
{
	struct err err = { 0 };
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = c };
	c->fd = serial_open(&c->line, &err);
	if (c->fd >= 0 && epoll_ctl(c->bus->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) == 0) {
		c->state = CONN_UP;
		c->foreign = 0;
		conn_mark_dirty(c);
		return;
	}
	if (c->fd >= 0)
		err_set(&err, ERR_IO, "%s cannot be watched: %s", c->host, strerror(errno));
	conn_back_off(c, REASON_UNREACHABLE, &err);
}

void conn_open(struct modbus_conn *c)
{
	int64_t now = c->bus->now.boot.ms;
	if (c->is_serial) {
		open_line(c);
		return;
	}
	if (c->addresses.n && now - c->resolved_ms < RESOLVE_AGAIN_MS) {
		c->address = 0;
		begin(c);
		return;
	}
	c->lookup = lookup_new(c->host, c->port);
	if (!c->lookup) {
		struct err err;
		err_memory(&err);
		conn_back_off(c, REASON_UNREACHABLE, &err);
		return;
	}
	c->state = CONN_LOOKUP;
	c->begun_ms = now;
	conn_look_up(c);
}
