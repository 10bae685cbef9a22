#include "collectors/modbus_inner.h"
#include "core/jitter.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

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

static void free_conn(struct modbus_conn *c)
{
	free(c->last_err);
	free(c->host);
	free(c);
}

void conn_mark_dirty(struct modbus_conn *c)
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

void exchange_finish(struct exchange *x, enum reason reason, const struct modbus_answer *answer, const struct err *err)
{
	struct modbus_conn *c = x->conn;
	struct modbus_bus *bus = c->bus;
	struct outcome o = { .reason = reason, .at = bus->now, .now_us = bus->now_us, .err = err };
	if (answer)
		o.answer = *answer;
	unlink_exchange(x);
	conn_mark_dirty(c);
	bus->done(bus, x, &o);
}

void conn_close(struct modbus_conn *c)
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
void conn_fail_all(struct modbus_conn *c, enum reason reason, const struct err *err)
{
	struct err copy = *err;
	size_t n = queued(c);   /* what the sink adds meanwhile stands behind and waits for the next try */
	if (c->current)
		exchange_finish(c->current, reason, NULL, &copy);
	while (n-- && c->queue)
		exchange_finish(c->queue, reason, NULL, &copy);
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
	conn_broken(c, error == EAGAIN ? REASON_UNREACHABLE : REASON_CLOSED, &err);
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
		exchange_finish(x, c->last_reason, NULL, &err);
	}
}

/* Would a late answer to what ran out pass for one to this?  The same question again may have it: it is the same value, a little older. */
static bool is_alike(const struct modbus_request *late, const struct modbus_request *next)
{
	return late->unit == next->unit && late->function == next->function && late->count == next->count && late->address != next->address;
}

static int64_t later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Does what can be done for the queue now. */
static void kick(struct modbus_conn *c)
{
	int64_t now = c->bus->now.boot.ms;
	if (c->dead || c->current || !c->queue || c->state == CONN_LOOKUP || c->state == CONN_CONNECTING)
		return;
	int64_t free_ms = later(c->free_ms, c->quiet_ms);
	if (c->rtu && now < c->alike_ms && is_alike(&c->unanswered, &c->queue->wire))
		free_ms = later(free_ms, c->alike_ms);
	if (c->state == CONN_UP && now >= free_ms) {
		send_next(c);
		return;
	}
	if (c->state == CONN_DOWN && now >= c->retry_ms) {
		conn_open(c);
		return;
	}
	wheel_set(&c->bus->wheel, &c->timed.timer, (struct mono){ c->state == CONN_UP ? free_ms : c->retry_ms });
	if (c->state == CONN_UP)
		return;
	end_hopeless(c);
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
 * answer meets no new question; and longer, half as long as the question had, where the next one is of the same unit and shape. */
static void be_quiet(struct modbus_conn *c, const struct exchange *x)
{
	int64_t alike = x->budget_ms / 2 < RTU_ALIKE_MS ? x->budget_ms / 2 : RTU_ALIKE_MS;
	c->n_rest = 0;
	c->quiet_ms = c->bus->now.boot.ms + RTU_QUIET_MS;
	c->alike_ms = c->bus->now.boot.ms + alike;
	c->unanswered = x->wire;
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
		be_quiet(c, x);
	if (half || mute)
		conn_close(c);   /* the rest of that answer must never meet another request */
	exchange_finish(x, unreachable ? REASON_UNREACHABLE : REASON_TIMEOUT, NULL, &err);
}

static void conn_due(struct modbus_conn *c)
{
	if (c->state == CONN_LOOKUP)
		conn_look_up(c);
	else if (c->state == CONN_CONNECTING)
		conn_connect_failed(c, ETIMEDOUT);
	else
		conn_mark_dirty(c);
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
					   .resolved_ms = INT64_MIN / 2, .retry_ms = INT64_MIN, .free_ms = INT64_MIN, .quiet_ms = INT64_MIN, .alike_ms = INT64_MIN,
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
	conn_close(c);
	lookup_free(c->lookup);
	c->dead = true;
	conn_mark_dirty(c);   /* whoever runs next frees it; events of this batch may still name it */
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
	conn_mark_dirty(c);
}

void modbus_conn_cut(struct exchange *x)
{
	unlink_exchange(x);
	conn_mark_dirty(x->conn);
}

void modbus_conn_again(struct exchange *x)
{
	struct modbus_conn *c = x->conn;
	conn_queue_first(c, x);
	wheel_set(&c->bus->wheel, &x->timed.timer, x->timed.timer.at);
	conn_mark_dirty(c);
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
