#include "collectors/modbus_conn.h"
#include "collectors/modbus_rtu.h"
#include "collectors/serial.h"
#include "core/jitter.h"

#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum { BACKOFF_MS = 500, BACKOFF_MAX_MS = 30000, CONNECT_MS = 5000, CONNECT_NEXT_MS = 300, LOOKUP_MS = 10000, POLL_LOOKUP_MS = 20,
	FOREIGN_MAX = 3072, USER_TIMEOUT_MS = 10000, RESOLVE_AGAIN_MS = 60000, BATCH = 256,
	RTU_GAP_MS = 10, RTU_QUIET_MS = 200, MUTE_MS = 30000, MUTE_REQUESTS = 3,
	HELD_UP_MS = 100, HELD_UP_ROUNDS = 64 };

enum conn_state { CONN_DOWN, CONN_LOOKUP, CONN_CONNECTING, CONN_UP };

struct modbus_conn {
	struct timed timed;
	struct modbus_bus *bus;
	struct modbus_conn *next, *next_dirty;
	char *host;                            /* or path of the line */
	uint16_t port, transaction;
	unsigned users, failures;
	enum conn_state state;
	bool dirty, dead, proven;              /* proven: this connection gave an answer */
	int fd;
	struct lookup *lookup;
	struct addresses addresses;
	size_t address;
	int64_t resolved_ms, begun_ms, retry_ms, free_ms, min_gap_ms, quiet_ms;
	struct exchange *queue, **queue_end, *current;
	size_t foreign;                        /* bytes since the last request that belong to nobody */
	uint64_t late, foreign_total;
	int64_t heard_ms;                      /* the last byte, or when the connection came up */
	unsigned mute;                         /* requests since then that ran into their deadline */
	enum reason last_reason;
	struct err *last_err;                  /* NULL: none yet; a kilobyte, and most connections never fail */
	size_t n_rest;
	uint8_t rest[RTU_MAX + MODBUS_ADU_MAX];
	struct modbus_request last;            /* what the wire was last asked */
	bool rtu, is_serial;                   /* RTU frames; on a tty */
	struct serial line;
};

static int64_t clock_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void look_at_clock(struct modbus_bus *bus)
{
	bus->now = bus->env->clock.now(bus->env->clock.ctx);
	bus->now_us = clock_us();
}

static void kick(struct modbus_conn *c);
static void begin(struct modbus_conn *c);

static void free_conn(struct modbus_conn *c)
{
	free(c->last_err);
	free(c->host);
	free(c);
}

static void mark_dirty(struct modbus_conn *c)
{
	if (c->dirty)
		return;
	c->dirty = true;
	c->next_dirty = c->bus->dirty;
	c->bus->dirty = c;
}

static struct err last_err(const struct modbus_conn *c)
{
	static const struct err unknown = { ERR_UNAVAILABLE, "the connection failed" };
	return c->last_err ? *c->last_err : unknown;
}

static void unlink_exchange(struct exchange *x)
{
	struct modbus_conn *c = x->conn;
	wheel_cut(&c->bus->wheel, &x->timed.timer);
	if (x->prev) {
		*x->prev = x->next;
		if (x->next)
			x->next->prev = x->prev;
		else
			c->queue_end = x->prev;
		x->prev = NULL;
	}
	if (c->current == x) {
		c->current = NULL;
		c->free_ms = c->bus->now.boot.ms + c->min_gap_ms;
	}
}

static void finish(struct exchange *x, enum reason reason, const struct modbus_answer *answer, const struct err *err)
{
	struct modbus_conn *c = x->conn;
	struct modbus_bus *bus = c->bus;
	struct outcome o = { .reason = reason, .at = bus->now, .now_us = bus->now_us, .err = err };
	if (answer)
		o.answer = *answer;
	unlink_exchange(x);
	mark_dirty(c);
	bus->done(bus, x, &o);
}

static void close_socket(struct modbus_conn *c)
{
	if (c->fd >= 0)
		close(c->fd);   /* leaves the epoll set with it */
	c->fd = -1;
	c->n_rest = 0;
	c->proven = false;
	c->state = CONN_DOWN;
	wheel_cut(&c->bus->wheel, &c->timed.timer);
}

static size_t queued(const struct modbus_conn *c)
{
	size_t n = 0;
	for (const struct exchange *x = c->queue; x; x = x->next)
		n++;
	return n;
}

/* Ends everything that waits: until the next try nothing could come back. */
static void fail_all(struct modbus_conn *c, enum reason reason, const struct err *err)
{
	struct err copy = *err;
	size_t n = queued(c);   /* what the sink adds meanwhile stands behind and waits for the next try */
	if (c->current)
		finish(c->current, reason, NULL, &copy);
	while (n-- && c->queue)
		finish(c->queue, reason, NULL, &copy);
}

static void back_off(struct modbus_conn *c, enum reason reason, const struct err *err)
{
	close_socket(c);
	c->failures++;
	c->last_reason = reason;
	if (c->last_err || (c->last_err = malloc(sizeof *c->last_err)))
		*c->last_err = *err;
	c->retry_ms = c->bus->now.boot.ms + jitter_backoff(&c->bus->seed, c->failures, BACKOFF_MS, BACKOFF_MAX_MS);
	fail_all(c, reason, err);
}

static enum reason reason_of(int error)
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
static void queue_first(struct modbus_conn *c, struct exchange *x)
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
static void broken(struct modbus_conn *c, enum reason reason, const struct err *err)
{
	struct exchange *x = c->current;
	bool again = c->proven && reason == REASON_CLOSED && x && !x->resent && c->n_rest == 0;
	bool idle = !x;
	if (again || (idle && c->proven)) {
		close_socket(c);
		mark_dirty(c);
		if (!again)
			return;
		c->current = NULL;
		x->resent = true;
		queue_first(c, x);
		return;
	}
	back_off(c, reason, err);
}

static void connect_failed(struct modbus_conn *c, int error)
{
	struct err err;
	char text[ADDRESS_TEXT];
	address_text(&c->addresses.at[c->address], text);
	if (error == ECONNREFUSED)
		err_set(&err, ERR_UNAVAILABLE, "connection refused: nothing listens at %s", text);
	else
		err_set(&err, ERR_UNAVAILABLE, "cannot connect to %s: %s", text, strerror(error));
	close_socket(c);
	if (++c->address < c->addresses.n) {
		begin(c);
		return;
	}
	c->address = 0;
	c->resolved_ms = INT64_MIN / 2;   /* the name may point elsewhere by now */
	back_off(c, reason_of(error), &err);
}

static void connected(struct modbus_conn *c)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };
	wheel_cut(&c->bus->wheel, &c->timed.timer);
	c->state = CONN_UP;
	c->foreign = 0;
	c->heard_ms = c->bus->now.boot.ms;
	c->mute = 0;
	epoll_ctl(c->bus->epoll_fd, EPOLL_CTL_MOD, c->fd, &event);
	mark_dirty(c);
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
		connect_failed(c, errno);
		return;
	}
	set_options(c->fd);
	int rc = connect(c->fd, &a->u.any, a->len);
	if ((rc < 0 && errno != EINPROGRESS) || epoll_ctl(c->bus->epoll_fd, EPOLL_CTL_ADD, c->fd, &event) < 0) {
		connect_failed(c, errno);
		return;
	}
	c->state = CONN_CONNECTING;
	c->begun_ms = c->bus->now.boot.ms;
	if (rc == 0) {
		connected(c);
		return;
	}
	bool more = c->address + 1 < c->addresses.n;
	wheel_set(&c->bus->wheel, &c->timed.timer, (struct mono){ c->begun_ms + (more ? CONNECT_NEXT_MS : CONNECT_MS) });
}

static void look_up(struct modbus_conn *c)
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
		back_off(c, REASON_UNREACHABLE, &err);
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
		mark_dirty(c);
		return;
	}
	if (c->fd >= 0)
		err_set(&err, ERR_IO, "%s cannot be watched: %s", c->host, strerror(errno));
	back_off(c, REASON_UNREACHABLE, &err);
}

static void open_connection(struct modbus_conn *c)
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
		back_off(c, REASON_UNREACHABLE, &err);
		return;
	}
	c->state = CONN_LOOKUP;
	c->begun_ms = now;
	look_up(c);
}

static void send_next(struct modbus_conn *c)
{
	uint8_t bytes[MODBUS_ADU_MAX];
	struct exchange *x = c->queue;
	int64_t deadline = x->timed.timer.at.ms;
	unlink_exchange(x);
	wheel_set(&c->bus->wheel, &x->timed.timer, (struct mono){ deadline });
	c->current = x;
	c->foreign = 0;
	x->wire.transaction = ++c->transaction;
	x->begun_us = c->bus->now_us;
	c->last = x->wire;
	size_t n = c->rtu ? rtu_build(&x->wire, bytes) : modbus_build(&x->wire, bytes);
	ssize_t sent = c->is_serial ? write(c->fd, bytes, n) : send(c->fd, bytes, n, MSG_NOSIGNAL);
	if (sent == (ssize_t)n)
		return;
	struct err err;
	int error = sent < 0 ? errno : EAGAIN;
	err_set(&err, ERR_UNAVAILABLE, "connection lost while sending: %s", strerror(error));
	broken(c, error == EAGAIN ? REASON_UNREACHABLE : REASON_CLOSED, &err);
}

/* What ends before the next try could only wait for its deadline. */
static void end_hopeless(struct modbus_conn *c)
{
	struct err err = last_err(c);
	for (size_t n = queued(c); n; n--) {
		struct exchange *x = c->queue;
		while (x && x->timed.timer.at.ms > c->retry_ms)
			x = x->next;
		if (!x)
			return;
		finish(x, c->last_reason, NULL, &err);
	}
}

/* Does what can be done for the queue now. */
static void kick(struct modbus_conn *c)
{
	int64_t now = c->bus->now.boot.ms;
	if (c->dead || c->current || !c->queue || c->state == CONN_LOOKUP || c->state == CONN_CONNECTING)
		return;
	int64_t free_ms = c->free_ms > c->quiet_ms ? c->free_ms : c->quiet_ms;
	if (c->state == CONN_UP && now >= free_ms) {
		send_next(c);
		return;
	}
	if (c->state == CONN_DOWN && now >= c->retry_ms) {
		open_connection(c);
		return;
	}
	wheel_set(&c->bus->wheel, &c->timed.timer, (struct mono){ c->state == CONN_UP ? free_ms : c->retry_ms });
	if (c->state == CONN_UP)
		return;
	end_hopeless(c);
}

static void lost_framing(struct modbus_conn *c, const uint8_t *bytes, size_t len, const struct err *cause)
{
	struct err err = *cause;
	const char *speaks = modbus_foreign(bytes, len);
	if (speaks)
		err_set(&err, ERR_INPUT, "speaks %s, not Modbus/TCP; is the port right?", speaks);
	else
		err_wrap(&err, "connection dropped");
	back_off(c, REASON_MALFORMED, &err);
}

static bool foreign(struct modbus_conn *c, size_t bytes)
{
	c->foreign += bytes;
	c->foreign_total += bytes;
	if (c->foreign <= FOREIGN_MAX)
		return false;
	struct err err;
	err_set(&err, ERR_INPUT, "more than %d bytes came that answer nothing; connection dropped", FOREIGN_MAX);
	back_off(c, REASON_MALFORMED, &err);
	return true;
}

/* Takes whole frames off `bytes`; false when the connection is gone. */
static bool take_frames(struct modbus_conn *c, const uint8_t *bytes, size_t len)
{
	while (len) {
		struct err err;
		struct modbus_answer answer = { 0 };
		struct exchange *x = c->current;
		err.kind = ERR_NONE;   /* not its kilobyte of text: this runs for every answer */
		err.text[0] = 0;
		enum frame frame = modbus_parse(bytes, len, &c->last, &answer, &err);
		if (frame == FRAME_MORE)
			break;
		if (frame == FRAME_LOST) {
			lost_framing(c, bytes, len, &err);
			return false;
		}
		bytes += answer.used;
		len -= answer.used;
		if (frame == FRAME_OTHER || !x) {
			c->late++;
			if (foreign(c, answer.used))
				return false;
			continue;
		}
		c->proven = true;
		c->failures = 0;
		static const enum reason reasons[] = { [FRAME_DONE] = REASON_NONE, [FRAME_EXCEPTION] = REASON_EXCEPTION, [FRAME_BAD] = REASON_MALFORMED };
		bool doubtful = frame == FRAME_BAD && len > 0;   /* its length field may be the lie */
		finish(x, reasons[frame], &answer, &err);
		if (doubtful)
			close_socket(c);
		if (c->fd < 0)
			return false;
	}
	memmove(c->rest, bytes, len);   /* less than a frame: it fits */
	c->n_rest = len;
	return true;
}

static bool take_rtu(struct modbus_conn *c, const uint8_t *bytes, size_t len)
{
	struct err err = { 0 };
	struct modbus_answer answer = { 0 };
	struct exchange *x = c->current;
	size_t skip = len;
	enum frame frame = FRAME_MORE;
	if (!x) {   /* other units answering another master, or a late answer */
		c->late++;
		c->foreign_total += len;
		c->n_rest = 0;
		return true;
	}
	if (c->bus->now.boot.ms >= c->quiet_ms)
		frame = rtu_parse(bytes, len, &c->last, &skip, &answer, &err);
	if (skip && foreign(c, skip))
		return false;
	if (frame == FRAME_MORE) {
		c->n_rest = len - skip < sizeof c->rest ? len - skip : 0;
		memmove(c->rest, bytes + skip, c->n_rest);
		return true;
	}
	c->n_rest = 0;   /* what follows an answer was asked by nobody */
	c->proven = true;
	c->failures = 0;
	finish(x, frame == FRAME_DONE ? REASON_NONE : frame == FRAME_EXCEPTION ? REASON_EXCEPTION : REASON_MALFORMED, &answer, &err);
	return c->fd >= 0;
}

static void receive(struct modbus_conn *c)
{
	uint8_t *block = c->bus->block;
	size_t n = c->n_rest, room = sizeof c->bus->block - n;
	memcpy(block, c->rest, n);
	ssize_t got = c->is_serial ? read(c->fd, block + n, room) : recv(c->fd, block + n, room, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		c->heard_ms = c->bus->now.boot.ms;
		c->mute = 0;
		(c->rtu ? take_rtu : take_frames)(c, block, n + (size_t)got);
		return;
	}
	struct err err;
	if (got == 0)
		err_set(&err, ERR_UNAVAILABLE, "the peer closed the connection%s", n ? " in the middle of an answer" : "");
	else
		err_set(&err, ERR_UNAVAILABLE, "connection lost: %s", strerror(errno));
	broken(c, got == 0 ? REASON_CLOSED : reason_of(errno), &err);
}

static void conn_event(struct modbus_conn *c, uint32_t events)
{
	if (c->dead || c->fd < 0)
		return;
	if (c->state == CONN_UP) {
		receive(c);
		return;
	}
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error == 0 && (events & EPOLLHUP) && !(events & EPOLLOUT))
		error = ECONNRESET;
	if (error)
		connect_failed(c, error);
	else
		connected(c);
}

static void run_dirty(struct modbus_bus *bus)
{
	/* Only those that are dirty now: a sink that asks again at once must not keep the loop here. */
	struct modbus_conn *c = bus->dirty, *next;
	bus->dirty = NULL;
	for (; c; c = next) {
		next = c->next_dirty;
		c->dirty = false;
		if (c->dead)
			free_conn(c);
		else
			kick(c);
	}
}

int modbus_bus_ready(struct modbus_bus *bus)
{
	struct epoll_event events[BATCH];
	int n = epoll_wait(bus->epoll_fd, events, BATCH, 0);
	look_at_clock(bus);
	for (int i = 0; i < n; i++)
		conn_event(events[i].data.ptr, events[i].events);
	run_dirty(bus);
	return n;
}

void modbus_bus_flush(struct modbus_bus *bus)
{
	if (!bus->dirty)
		return;
	look_at_clock(bus);
	run_dirty(bus);
}

/* RTU has no transaction ids: after a time-out whatever still comes is let pass before the line is asked again, so that a late
 * answer meets no new question. */
static void be_quiet(struct modbus_conn *c)
{
	c->n_rest = 0;
	c->quiet_ms = c->bus->now.boot.ms + RTU_QUIET_MS;
}

/* A time-out is the unit's and keeps the connection that others share (R3).  But where no unit has said a byte for half a minute although
 * it was asked, it may be the connection that is lost: the gateway forgot it, and its kernel still says that all is well (R8). */
static bool is_mute(struct modbus_conn *c)
{
	return !c->is_serial && ++c->mute >= MUTE_REQUESTS && c->bus->now.boot.ms - c->heard_ms >= MUTE_MS;
}

static void exchange_late(struct exchange *x)
{
	struct modbus_conn *c = x->conn;
	struct err err;
	bool half = c->current == x && c->n_rest > 0 && !c->rtu, mute = c->current == x && is_mute(c);
	if (half)
		err_set(&err, ERR_UNAVAILABLE, "only %zu bytes of an answer within %" PRId64 " ms; connection dropped", c->n_rest, x->budget_ms);
	else if (mute)
		err_set(&err, ERR_UNAVAILABLE, "no answer within %" PRId64 " ms, and nothing at all for %d s; connected anew", x->budget_ms, MUTE_MS / 1000);
	else if (c->current == x)
		err_set(&err, ERR_UNAVAILABLE, "no answer within %" PRId64 " ms", x->budget_ms);
	else if (c->state == CONN_UP)
		err_set(&err, ERR_UNAVAILABLE, "not asked within %" PRId64 " ms: other requests kept the connection busy", x->budget_ms);
	else if (c->state == CONN_DOWN && c->failures)
		err = last_err(c);
	else
		err_set(&err, ERR_UNAVAILABLE, "no connection within %" PRId64 " ms", x->budget_ms);
	bool unreachable = c->state == CONN_CONNECTING || c->state == CONN_LOOKUP;
	if (c->rtu && c->current == x)
		be_quiet(c);
	if (half || mute)
		close_socket(c);   /* the rest of that answer must never meet another request */
	finish(x, unreachable ? REASON_UNREACHABLE : REASON_TIMEOUT, NULL, &err);
}

static void conn_due(struct modbus_conn *c)
{
	if (c->state == CONN_LOOKUP)
		look_up(c);
	else if (c->state == CONN_CONNECTING)
		connect_failed(c, ETIMEDOUT);
	else
		mark_dirty(c);
}

void modbus_bus_expire(struct modbus_bus *bus, struct mono now)
{
	struct timer *t;
	bool looked = false;
	int rounds = HELD_UP_ROUNDS;
	/* The process was held up: what came in the meantime is read before it is called late. */
	if (now.ms - bus->expired_ms > HELD_UP_MS && bus->expired_ms)
		while (modbus_bus_ready(bus) == BATCH && rounds--)
			;
	bus->expired_ms = now.ms;
	while ((t = wheel_due(&bus->wheel, now))) {
		struct timed *timed = (struct timed *)(void *)t;
		if (!looked)
			look_at_clock(bus);
		looked = true;
		if (timed->kind == TIMED_CONN)
			conn_due((struct modbus_conn *)(void *)timed);
		else
			exchange_late((struct exchange *)(void *)timed);
	}
	if (looked)
		run_dirty(bus);
}

static struct modbus_conn **bucket_of(struct modbus_bus *bus, const char *host, uint16_t port)
{
	uint32_t h = 2166136261u ^ port;   /* FNV-1a */
	for (const char *p = host; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return &bus->buckets[h % countof(bus->buckets)];
}

struct modbus_conn *modbus_conn_get(struct modbus_bus *bus, const struct endpoint *ep, struct err *err)
{
	struct modbus_conn **bucket = bucket_of(bus, ep->host, ep->port), *c = *bucket;
	bool rtu = strcmp(ep->scheme, "modbus+tcp") != 0, is_serial = strcmp(ep->scheme, "modbus+rtu") == 0;
	struct serial line = { 0 };
	if (is_serial && !serial_parse(ep, &line, err))
		return NULL;
	while (c && (c->port != ep->port || c->rtu != rtu || strcmp(c->host, ep->host) != 0))
		c = c->next;
	if (c && is_serial && (c->line.baud != line.baud || c->line.parity != line.parity || c->line.stop != line.stop || c->line.bits != line.bits)) {
		err_set(err, ERR_CONFIG, "%s: two devices on one line say different speed or parity", ep->host);
		return NULL;
	}
	if (!c) {
		char *host = strdup(ep->host);
		c = host ? calloc(1, sizeof *c) : NULL;
		if (!c) {
			free(host);
			err_memory(err);
			return NULL;
		}
		*c = (struct modbus_conn){ .bus = bus, .next = *bucket, .port = ep->port, .fd = -1, .timed.kind = TIMED_CONN,
					   .resolved_ms = INT64_MIN / 2, .retry_ms = INT64_MIN, .free_ms = INT64_MIN, .quiet_ms = INT64_MIN,
					   .rtu = rtu, .is_serial = is_serial, .line = line, .min_gap_ms = rtu ? RTU_GAP_MS : 0 };
		c->host = host;
		c->line.path = c->host;
		c->queue_end = &c->queue;
		c->transaction = (uint16_t)jitter_next(&bus->seed);   /* a restarted agent does not repeat ids still on the wire */
		*bucket = c;
	}
	c->users++;
	if (ep->min_gap_ms > c->min_gap_ms)
		c->min_gap_ms = ep->min_gap_ms;
	return c;
}

static void forget(struct modbus_conn *c)
{
	struct modbus_conn **p = bucket_of(c->bus, c->host, c->port);
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	close_socket(c);
	lookup_free(c->lookup);
	c->dead = true;
	mark_dirty(c);   /* whoever runs next frees it; events of this batch may still name it */
}

void modbus_conn_put(struct modbus_conn *c)
{
	if (--c->users == 0)
		forget(c);
}

void modbus_conn_add(struct modbus_conn *c, struct exchange *x, struct mono deadline)
{
	x->timed.kind = TIMED_EXCHANGE;
	x->conn = c;
	x->next = NULL;
	x->prev = c->queue_end;
	*c->queue_end = x;
	c->queue_end = &x->next;
	wheel_set(&c->bus->wheel, &x->timed.timer, deadline);
	mark_dirty(c);
}

void modbus_conn_cut(struct exchange *x)
{
	unlink_exchange(x);
	mark_dirty(x->conn);
}

void modbus_conn_again(struct exchange *x)
{
	struct modbus_conn *c = x->conn;
	queue_first(c, x);
	wheel_set(&c->bus->wheel, &x->timed.timer, x->timed.timer.at);
	mark_dirty(c);
}

void modbus_conn_counts(const struct modbus_conn *c, uint64_t *late, uint64_t *foreign_bytes)
{
	*late = c->late;
	*foreign_bytes = c->foreign_total;
}

bool modbus_bus_init(struct modbus_bus *bus, const struct collector_env *env, struct err *err)
{
	*bus = (struct modbus_bus){ .env = env, .seed = env->seed, .done = bus->done };
	net_raise_limit();
	bus->epoll_fd = net_high(epoll_create1(EPOLL_CLOEXEC));
	if (bus->epoll_fd < 0)
		return err_set(err, ERR_IO, "epoll_create1: %s", strerror(errno));
	look_at_clock(bus);
	wheel_init(&bus->wheel, bus->now.boot);
	return true;
}

void modbus_bus_done(struct modbus_bus *bus)
{
	run_dirty(bus);
	if (bus->epoll_fd >= 0)
		close(bus->epoll_fd);
	bus->epoll_fd = -1;
}
