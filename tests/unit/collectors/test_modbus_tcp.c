/* A hostile Modbus/TCP peer on loopback, in the same event loop, against the collector.  Time is virtual: it moves by a tick
 * whenever nothing happens on the sockets, so deadlines pass without waiting for them. */
#include "tests/unit/test.h"
#include "collectors/collector.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <systemd/sd-event.h>
#include <unistd.h>

enum { DEADLINE_MS = 300, SEEN_MAX = 64 };

struct peer;
struct answer { enum reason reason; unsigned exception, request; size_t n_words; uint16_t word; char text[1000]; int64_t at_ms; };
struct world {
	sd_event *loop;
	int64_t now_ms;
	const struct collector_ops *ops;
	struct collector_env env;
	void *self;
	int listener;
	sd_event_source *accept_source, *peer_source;
	uint16_t port;
	int fd;                         /* of the newest connection; -1 none */
	size_t accepted, n_seen, n_answers;
	struct { uint16_t transaction; uint8_t unit, function; uint16_t address, count; int64_t at_ms; } seen[SEEN_MAX];
	struct answer answers[SEEN_MAX];
	uint8_t in[64];
	size_t n_in;
	void (*behave)(struct world *w);        /* a whole request came: seen[n_seen - 1] */
	void (*greet)(struct world *w);         /* a connection came */
	void (*tick)(struct world *w);          /* 10 ms passed */
	uint8_t out[300];
	size_t n_out, at_out;
};

static struct stamp now(void *ctx)
{
	struct world *w = ctx;
	return (struct stamp){ .wall = { 1700000000000 + w->now_ms }, .boot = { w->now_ms }, .session = 1, .synced = true };
}

static void sink(void *ctx, void *device, const struct reading *r)
{
	struct world *w = ctx;
	struct answer *a = &w->answers[w->n_answers++];
	(void)device;
	*a = (struct answer){ .reason = r->reason, .exception = r->exception, .request = r->request->id, .n_words = r->n_words,
			      .word = r->n_words ? r->words[0] : 0, .at_ms = w->now_ms };
	snprintf(a->text, sizeof a->text, "%s", r->n_objects ? r->objects[r->n_objects - 1] : r->err.text);
}

static void say(struct world *w, const void *bytes, size_t n)
{
	if (w->fd >= 0)
		assert_int_equal(send(w->fd, bytes, n, MSG_NOSIGNAL), (ssize_t)n);
}

static void hang_up(struct world *w, bool reset)
{
	struct linger linger = { .l_onoff = 1 };
	if (reset)
		setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
	w->peer_source = sd_event_source_unref(w->peer_source);
	close(w->fd);
	w->fd = -1;
	w->n_in = 0;
}

/* The right answer to the newest request; every register is its address + 0x1000. */
static size_t right(struct world *w, uint8_t *out)
{
	size_t count = w->seen[w->n_seen - 1].count, n = 9 + 2 * count;
	uint16_t t = w->seen[w->n_seen - 1].transaction;
	const uint8_t head[] = { (uint8_t)(t >> 8), (uint8_t)t, 0, 0, (uint8_t)((3 + 2 * count) >> 8), (uint8_t)(3 + 2 * count),
				 w->seen[w->n_seen - 1].unit, w->seen[w->n_seen - 1].function, (uint8_t)(2 * count) };
	memcpy(out, head, sizeof head);
	for (size_t i = 0; i < count; i++) {
		unsigned v = 0x1000 + w->seen[w->n_seen - 1].address + (unsigned)i;
		out[9 + 2 * i] = (uint8_t)(v >> 8);
		out[10 + 2 * i] = (uint8_t)v;
	}
	return n;
}

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static int on_peer(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct world *w = ctx;
	(void)s, (void)revents;
	ssize_t got = recv(fd, w->in + w->n_in, sizeof w->in - w->n_in, 0);
	if (got <= 0) {
		hang_up(w, false);
		return 0;
	}
	w->n_in += (size_t)got;
	while (w->n_in >= 8) {
		size_t n = 6u + w->in[5];
		if (w->n_in < n)
			break;
		const uint8_t *p = w->in;
		assert_true(w->n_seen < SEEN_MAX);
		w->seen[w->n_seen].transaction = be16(p);
		w->seen[w->n_seen].unit = p[6];
		w->seen[w->n_seen].function = p[7];
		w->seen[w->n_seen].address = n >= 12 ? be16(p + 8) : p[10];
		w->seen[w->n_seen].count = n >= 12 ? be16(p + 10) : 0;
		w->seen[w->n_seen].at_ms = w->now_ms;
		w->n_seen++;
		memmove(w->in, w->in + n, w->n_in - n);
		w->n_in -= n;
		w->behave(w);
		if (w->fd < 0)
			break;
	}
	return 0;
}

static int on_accept(sd_event_source *s, int listener, uint32_t revents, void *ctx)
{
	struct world *w = ctx;
	(void)s, (void)revents;
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	assert_true(fd >= 0);
	w->accepted++;
	if (w->fd >= 0)
		hang_up(w, false);
	w->fd = fd;
	sd_event_add_io(w->loop, &w->peer_source, fd, EPOLLIN, on_peer, w);
	if (w->greet)
		w->greet(w);
	return 0;
}

static void begin(struct world *w, const struct collector_ops *ops)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof a;
	memset(w, 0, sizeof *w);
	w->now_ms = 5000;
	w->fd = -1;
	w->ops = ops;
	assert_true(sd_event_new(&w->loop) >= 0);
	w->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(w->listener, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(w->listener, 16), 0);
	assert_int_equal(getsockname(w->listener, (struct sockaddr *)&a, &size), 0);
	w->port = ntohs(a.sin_port);
	sd_event_add_io(w->loop, &w->accept_source, w->listener, EPOLLIN, on_accept, w);
	w->env = (struct collector_env){ .loop = w->loop, .clock = { now, w }, .sink = sink, .ctx = w, .seed = 7 };
	struct err err = { 0 };
	w->self = ops->start(&w->env, &err);
	if (!w->self)
		fail_msg("%s", err.text);
}

static void end(struct world *w)
{
	w->ops->stop(w->self);
	if (w->fd >= 0)
		hang_up(w, false);
	sd_event_source_unref(w->accept_source);
	if (w->listener >= 0)
		close(w->listener);
	sd_event_unref(w->loop);
}

static struct target *attach(struct world *w, uint8_t unit, int64_t min_gap_ms)
{
	struct endpoint ep = { .port = w->port, .unit = unit, .min_gap_ms = min_gap_ms, .scheme = "modbus+tcp", .host = "127.0.0.1" };
	struct err err = { 0 };
	struct target *t = w->ops->attach(w->self, &ep, w, &err);
	assert_non_null(t);
	return t;
}

static void ask(struct world *w, struct target *t, const struct request *req)
{
	w->ops->submit(t, req, (struct mono){ w->now_ms + DEADLINE_MS });
}

static void step(struct world *w)
{
	w->ops->flush(w->self);
	int quiet = 0;
	while (quiet < 2) {
		int rc = sd_event_run(w->loop, quiet ? 500 : 0);
		assert_true(rc >= 0);
		quiet = rc > 0 ? 0 : quiet + 1;
	}
	w->now_ms += 10;
	if (w->tick)
		w->tick(w);
	w->ops->expire(w->self, (struct mono){ w->now_ms });
}

static void until(struct world *w, size_t answers)
{
	for (int i = 0; i < 4000 && w->n_answers < answers; i++)
		step(w);
	assert_int_equal(w->n_answers, answers);
}

/* ---- behaviours -------------------------------------------------------------------------------------------------- */

static void answer_right(struct world *w)
{
	uint8_t b[300];
	say(w, b, right(w, b));
}

static void silent(struct world *w)
{
	(void)w;
}

static void half_frame(struct world *w)
{
	uint8_t b[300];
	right(w, b);
	say(w, b, w->at_out);
}

static void begin_drip(struct world *w)
{
	w->n_out = right(w, w->out);
	w->at_out = 0;
}

static void drip(struct world *w)
{
	if (w->at_out < w->n_out && w->now_ms % 50 == 0 && w->fd >= 0)
		say(w, w->out + w->at_out++, 1);
}

static void foreign_then_right(struct world *w)
{
	uint8_t b[300];
	size_t n = right(w, b);
	b[1] ^= 0x55;
	b[9] = 0xee;
	say(w, b, n);
	answer_right(w);
}

static void right_twice(struct world *w)
{
	answer_right(w);
	answer_right(w);
}

static void patched(struct world *w, size_t at, uint8_t value)
{
	uint8_t b[300];
	size_t n = right(w, b);
	b[at] = value;
	say(w, b, n);
}
static void wrong_protocol(struct world *w) { patched(w, 3, 1); }
static void wrong_unit(struct world *w) { patched(w, 6, 77); }
static void wrong_function(struct world *w) { patched(w, 7, 4); }
static void wrong_byte_count(struct world *w) { patched(w, 8, 2); }
static void short_length(struct world *w) { patched(w, 5, 5); }
static void zero_length(struct world *w) { patched(w, 5, 0); }

static void exception_6(struct world *w)
{
	uint16_t t = w->seen[w->n_seen - 1].transaction;
	const uint8_t b[] = { (uint8_t)(t >> 8), (uint8_t)t, 0, 0, 0, 3, w->seen[w->n_seen - 1].unit, 0x83, 6 };
	say(w, b, sizeof b);
}

static uint8_t exception_code;
static void exception_any(struct world *w)
{
	uint16_t t = w->seen[w->n_seen - 1].transaction;
	const uint8_t b[] = { (uint8_t)(t >> 8), (uint8_t)t, 0, 0, 0, 3, w->seen[w->n_seen - 1].unit, 0x83, exception_code };
	say(w, b, sizeof b);
}

static void close_now(struct world *w) { hang_up(w, false); }
static void reset_now(struct world *w) { hang_up(w, true); }
static void ssh(struct world *w) { say(w, "SSH-2.0-OpenSSH_9.2\r\n", 21); }
static void http(struct world *w) { say(w, "HTTP/1.1 400 Bad Request\r\n\r\n", 28); }

static void half_then_close(struct world *w)
{
	uint8_t b[300];
	right(w, b);
	say(w, b, 8);
	hang_up(w, false);
}

/* Well-formed frames of transactions that nobody asked for. */
static void flood(struct world *w)
{
	uint8_t b[300];
	for (int i = 0; i < 600 && w->fd >= 0; i++) {
		size_t n = right(w, b);
		b[0] ^= 0x80;
		if (send(w->fd, b, n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
			break;
	}
}

static const struct request two = { .kind = REQUEST_MODBUS_READ, .id = 5, .function = 3, .address = 0x34, .count = 2 };

static const struct fault_row {
	const char *name;
	void (*behave)(struct world *w), (*greet)(struct world *w), (*tick)(struct world *w);
	enum reason reason;
	size_t requests, connections;      /* seen by the peer for one request */
	const char *says;
} fault_rows[] = {
	{ "F-dev-1 accepts, never answers", silent, NULL, NULL, REASON_TIMEOUT, 1, 1, "unit 3, 2 holding registers at 0x0034: no answer within 300 ms" },
	{ "F-dev-3 dripped byte by byte", begin_drip, NULL, drip, REASON_TIMEOUT, 1, 1, "bytes of an answer" },
	{ "F-dev-4 foreign transaction id first", foreign_then_right, NULL, NULL, REASON_NONE, 1, 1, NULL },
	{ "F-dev-6 protocol id", wrong_protocol, NULL, NULL, REASON_MALFORMED, 1, 1, "protocol id is 1" },
	{ "F-dev-6 unit", wrong_unit, NULL, NULL, REASON_MALFORMED, 1, 1, "unit is 77" },
	{ "F-dev-6 length too short", short_length, NULL, NULL, REASON_MALFORMED, 1, 1, "byte count" },
	{ "F-dev-6 length 0", zero_length, NULL, NULL, REASON_MALFORMED, 1, 1, "length field is 0" },
	{ "F-dev-7 exception", exception_6, NULL, NULL, REASON_EXCEPTION, 1, 1, "exception 6: server device busy" },
	{ "F-dev-8 function", wrong_function, NULL, NULL, REASON_MALFORMED, 1, 1, "function is 4" },
	{ "F-dev-8 byte count", wrong_byte_count, NULL, NULL, REASON_MALFORMED, 1, 1, "byte count is 2" },
	{ "F-dev-9 closes on accept", silent, close_now, NULL, REASON_CLOSED, 0, 1, "closed the connection" },
	{ "F-dev-9 closes on request", close_now, NULL, NULL, REASON_CLOSED, 1, 1, "closed the connection" },
	{ "F-dev-9 resets on request", reset_now, NULL, NULL, REASON_CLOSED, 1, 1, "reset" },
	{ "F-dev-9 closes inside an answer", half_then_close, NULL, NULL, REASON_CLOSED, 1, 1, "middle of an answer" },
	{ "F-dev-10 speaks SSH", silent, ssh, NULL, REASON_MALFORMED, 1, 1, "speaks SSH, not Modbus/TCP" },
	{ "F-dev-10 speaks HTTP", http, NULL, NULL, REASON_MALFORMED, 1, 1, "speaks HTTP, not Modbus/TCP" },
	{ "F-dev-11 endless foreign frames", flood, NULL, NULL, REASON_MALFORMED, 1, 1, "answer nothing" },
	{ "F-dev-27 answer twice", right_twice, NULL, NULL, REASON_NONE, 1, 1, NULL },
};

static void faults(void **state)
{
	(void)state;
	for (const struct fault_row *r = fault_rows; r < fault_rows + countof(fault_rows); r++) {
		struct world w;
		begin(&w, &modbus_tcp);
		w.behave = r->behave;
		w.greet = r->greet;
		w.tick = r->tick;
		struct target *t = attach(&w, 3, 0);
		int64_t start = w.now_ms;
		ask(&w, t, &two);
		until(&w, 1);
		const struct answer *a = &w.answers[0];
		if (a->reason != r->reason || (r->says && !strstr(a->text, r->says)) || w.n_seen > r->requests || w.accepted != r->connections)
			fail_msg("row \"%s\": reason %d, \"%s\", %zu requests, %zu connections", r->name, a->reason, a->text, w.n_seen, w.accepted);
		row_check(r, a->at_ms - start <= DEADLINE_MS + 20);
		row_check(r, r->reason != REASON_NONE || (a->n_words == 2 && a->word == 0x1034));
		/* Whatever happened: the device is read again without restart once it behaves. */
		w.behave = answer_right;
		w.greet = w.tick = NULL;
		size_t n = 1;
		for (int i = 0; i < 40 && w.answers[n - 1].reason != REASON_NONE; i++) {
			for (int k = 0; k < 20; k++)
				step(&w);
			ask(&w, t, &two);
			until(&w, ++n);
		}
		row_check(r, w.answers[n - 1].reason == REASON_NONE && w.answers[n - 1].word == 0x1034);
		w.ops->detach(t);
		end(&w);
	}
}

static void cut_at_every_byte(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	struct target *t = attach(&w, 3, 0);
	for (size_t cut = 1; cut < 13; cut++) {
		size_t n = w.n_answers, connections = w.accepted;
		w.behave = half_frame;
		w.at_out = cut;
		ask(&w, t, &two);
		until(&w, n + 1);
		assert_int_equal(w.answers[n].reason, REASON_TIMEOUT);
		w.behave = answer_right;
		ask(&w, t, &two);
		until(&w, n + 2);
		assert_int_equal(w.answers[n + 1].reason, REASON_NONE);      /* the remains met nobody */
		assert_int_equal(w.answers[n + 1].word, 0x1034);
		assert_true(w.accepted == connections + 1 || cut == 1);
		w.n_answers = w.n_seen = 0;
	}
	w.ops->detach(t);
	end(&w);
}

/* R3: a time-out keeps the shared connection; the late answer is dropped and never given to the next request. */
static void late_answers_are_dropped(void **state)
{
	(void)state;
	struct world w;
	uint8_t late[300];
	begin(&w, &modbus_tcp);
	w.behave = silent;
	struct target *a = attach(&w, 3, 0), *b = attach(&w, 4, 0);
	ask(&w, a, &two);
	until(&w, 1);
	assert_int_equal(w.answers[0].reason, REASON_TIMEOUT);
	size_t n = right(&w, late);
	late[9] = 0xbb;
	say(&w, late, n);
	ask(&w, b, &two);
	w.behave = answer_right;
	until(&w, 2);
	assert_int_equal(w.answers[1].reason, REASON_NONE);
	assert_int_equal(w.answers[1].word, 0x1034);
	assert_int_equal(w.accepted, 1);
	struct target_stats stats;
	w.ops->stats(b, &stats);
	assert_int_equal(stats.late, 1);
	w.ops->detach(a);
	w.ops->detach(b);
	end(&w);
}

/* R9, F-dev-12: one connection for all units, one request at a time. */
static size_t open_questions;
static void counts_open(struct world *w)
{
	open_questions++;
	assert_int_equal(open_questions, 1);
	w->n_out = right(w, w->out);
}
static void answer_on_tick(struct world *w)
{
	if (!w->n_out || w->fd < 0)
		return;
	open_questions--;
	say(w, w->out, w->n_out);
	w->n_out = 0;
}

static void units_share_one_connection(void **state)
{
	(void)state;
	struct world w;
	struct target *t[8];
	open_questions = 0;
	begin(&w, &modbus_tcp);
	w.behave = counts_open;
	w.tick = answer_on_tick;
	for (uint8_t i = 0; i < 8; i++) {
		t[i] = attach(&w, (uint8_t)(i + 1), 0);
		ask(&w, t[i], &two);
	}
	until(&w, 8);
	assert_int_equal(w.accepted, 1);
	for (size_t i = 0; i < 8; i++) {
		assert_int_equal(w.answers[i].reason, REASON_NONE);
		assert_int_equal(w.seen[i].unit, i + 1);       /* in the order asked */
		w.ops->detach(t[i]);
	}
	end(&w);
}

/* R12: the gap holds between any two requests of the endpoint, whichever unit asks. */
static void minimum_gap(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = answer_right;
	struct target *a = attach(&w, 1, 50), *b = attach(&w, 2, 0);
	ask(&w, a, &two);
	ask(&w, b, &two);
	ask(&w, a, &two);
	until(&w, 3);
	assert_true(w.seen[1].at_ms - w.seen[0].at_ms >= 50);
	assert_true(w.seen[2].at_ms - w.seen[1].at_ms >= 50);
	/* The endpoint is detached and attached again by a reload: the gap still holds. */
	struct target *c = attach(&w, 1, 50);
	w.ops->detach(a);
	ask(&w, c, &two);
	until(&w, 4);
	assert_true(w.seen[3].at_ms - w.seen[2].at_ms >= 50);
	assert_int_equal(w.accepted, 1);
	w.ops->detach(b);
	w.ops->detach(c);
	end(&w);
}

/* A gateway that closes idle connections costs no value: opened again and asked again inside the same deadline. */
static void idle_close_is_invisible(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = answer_right;
	struct target *t = attach(&w, 1, 0);
	ask(&w, t, &two);
	until(&w, 1);
	w.behave = close_now;
	ask(&w, t, &two);
	w.ops->flush(w.self);
	while (w.fd >= 0)
		sd_event_run(w.loop, 1000000);
	w.behave = answer_right;
	until(&w, 2);
	assert_int_equal(w.answers[1].reason, REASON_NONE);
	assert_int_equal(w.accepted, 2);
	w.ops->detach(t);
	end(&w);
}

/* F-dev-7: each code has its meaning in the error and is asked once: who is busy is asked again at the next poll, not at once. */
static void every_exception_has_its_meaning(void **state)
{
	(void)state;
	static const struct { uint8_t code; const char *says; } rows[] = {
		{ 1, "illegal function" }, { 2, "illegal data address" }, { 3, "illegal data value" }, { 4, "server device failure" }, { 5, "acknowledge" },
		{ 6, "busy" }, { 7, "negative acknowledge" }, { 8, "memory parity" }, { 9, "unknown exception" }, { 10, "gateway path unavailable" },
		{ 11, "gateway target device failed to respond" }, { 12, "unknown exception" }, { 0, "unknown exception" }, { 255, "unknown exception" } };
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = exception_any;
	struct target *t = attach(&w, 3, 0);
	for (size_t i = 0; i < countof(rows); i++) {
		exception_code = rows[i].code;
		ask(&w, t, &two);
		until(&w, i + 1);
		char code[40];
		snprintf(code, sizeof code, "exception %u: ", rows[i].code);
		if (w.answers[i].reason != REASON_EXCEPTION || w.answers[i].exception != rows[i].code || !strstr(w.answers[i].text, code) || !strstr(w.answers[i].text, rows[i].says))
			fail_msg("exception %u: %s", rows[i].code, w.answers[i].text);
	}
	assert_int_equal(w.n_seen, countof(rows));
	assert_int_equal(w.accepted, 1);
	w.ops->detach(t);
	end(&w);
}

static void forgotten_then_right(struct world *w)
{
	uint8_t out[300];
	if (w->accepted > 1)
		say(w, out, right(w, out));
}

/* R8: a gateway that forgot the connection says nothing on it for ever, and its kernel says that all is well. */
static void forgotten_connection(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = forgotten_then_right;
	struct target *a = attach(&w, 1, 0), *b = attach(&w, 2, 0);
	int64_t begun = w.now_ms;
	size_t n = 0;
	while (w.accepted < 2 && w.now_ms - begun < 120000) {
		ask(&w, n % 2 ? a : b, &two);
		until(&w, ++n);
		assert_true(w.answers[n - 1].reason == REASON_TIMEOUT || w.accepted == 2);
		w.n_seen = n = w.n_answers = 0;
		w.now_ms += 4000;
	}
	assert_in_range(w.now_ms - begun, 30000, 45000);
	ask(&w, a, &two);
	until(&w, 1);
	assert_int_equal(w.answers[0].reason, REASON_NONE);
	/* one unit that is silent while another answers costs nobody the connection */
	w.ops->detach(a);
	w.ops->detach(b);
	end(&w);
}

/* F-dev-9: a refusing port is not hammered; requests during the back-off end at once or when it is over. */
static void refused_backs_off(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.accept_source = sd_event_source_unref(w.accept_source);
	close(w.listener);
	w.listener = -1;
	struct target *t = attach(&w, 1, 0);
	for (size_t i = 0; i < 30; i++) {
		ask(&w, t, &two);
		until(&w, i + 1);
		assert_int_equal(w.answers[i].reason, REASON_REFUSED);
		assert_non_null(strstr(w.answers[i].text, "connection refused: nothing listens at 127.0.0.1"));
	}
	w.ops->detach(t);
	end(&w);
}

static void detach_ends_silently(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = silent;
	struct target *a = attach(&w, 1, 0), *b = attach(&w, 2, 0);
	ask(&w, a, &two);
	ask(&w, b, &two);
	step(&w);
	w.ops->detach(a);
	until(&w, 1);
	step(&w);
	assert_int_equal(w.n_answers, 1);
	w.ops->detach(b);
	end(&w);
}

static void identify(struct world *w)
{
	uint16_t t = w->seen[w->n_seen - 1].transaction;
	uint8_t first[] = { 0, 0, 0, 0, 0, 12, 9, 43, 14, 1, 1, 0xff, 1, 1, 0, 2, 'A', 'B' };
	uint8_t second[] = { 0, 0, 0, 0, 0, 12, 9, 43, 14, 1, 1, 0, 0, 1, 1, 2, 'C', 'D' };
	uint8_t *b = w->seen[w->n_seen - 1].address ? second : first;
	b[0] = (uint8_t)(t >> 8);
	b[1] = (uint8_t)t;
	say(w, b, sizeof first);
}

static void identification_in_parts(void **state)
{
	(void)state;
	static const struct request id = { .kind = REQUEST_MODBUS_DEVICE_ID };
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = identify;
	struct target *t = attach(&w, 9, 0);
	ask(&w, t, &id);
	until(&w, 1);
	assert_int_equal(w.answers[0].reason, REASON_NONE);
	assert_string_equal(w.answers[0].text, "CD");
	assert_int_equal(w.n_seen, 2);
	assert_int_equal(w.seen[1].address, 1);
	w.ops->detach(t);
	end(&w);
}

/* F-net-4, F-net-5: a name is looked up beside the loop; where ::1 comes first and nobody listens there, 127.0.0.1 is tried. */
static void names_and_both_families(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = answer_right;
	struct endpoint ep = { .port = w.port, .unit = 1, .scheme = "modbus+tcp", .host = "localhost" };
	struct endpoint nowhere = { .port = w.port, .unit = 1, .scheme = "modbus+tcp", .host = "no..such.name" };
	struct err err = { 0 };
	struct target *t = w.ops->attach(w.self, &ep, &w, &err), *n = w.ops->attach(w.self, &nowhere, &w, &err);
	w.ops->submit(n, &two, (struct mono){ w.now_ms + 30000 });
	w.ops->submit(t, &two, (struct mono){ w.now_ms + 30000 });
	until(&w, 2);
	size_t good = w.answers[0].reason == REASON_NONE ? 0 : 1;
	assert_int_equal(w.answers[good].reason, REASON_NONE);
	assert_int_equal(w.answers[!good].reason, REASON_UNREACHABLE);
	assert_non_null(strstr(w.answers[!good].text, "no..such.name"));
	w.ops->detach(t);
	w.ops->detach(n);
	end(&w);
}

/* R26: our sockets stay out of the range of select(). */
static void sockets_are_high(void **state)
{
	(void)state;
	struct world w;
	begin(&w, &modbus_tcp);
	w.behave = answer_right;
	int before = dup(0);
	close(before);
	struct target *t = attach(&w, 1, 0);
	ask(&w, t, &two);
	until(&w, 1);
	int after = dup(0);
	close(after);
	assert_true(after <= before + 1);      /* the peer's own end took one, the collector's none */
	w.ops->detach(t);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults), cmocka_unit_test(cut_at_every_byte), cmocka_unit_test(late_answers_are_dropped),
		cmocka_unit_test(units_share_one_connection), cmocka_unit_test(minimum_gap), cmocka_unit_test(idle_close_is_invisible),
		cmocka_unit_test(every_exception_has_its_meaning), cmocka_unit_test(forgotten_connection), cmocka_unit_test(refused_backs_off), cmocka_unit_test(detach_ends_silently), cmocka_unit_test(identification_in_parts),
		cmocka_unit_test(names_and_both_families), cmocka_unit_test(sockets_are_high),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
