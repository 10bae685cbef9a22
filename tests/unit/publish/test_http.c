/* The HTTP server over real sockets on loopback: what it answers, what it refuses, and that slow or many clients do not hold it. */
#include "tests/unit/test.h"

#include "made_up.h"
#include "publish/web.h"
#include <arpa/inet.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BOUND_MS = 10000 };

static struct http *server;
static struct snapshot_slot *slot;

static bool history(void *ctx, const char *query, struct buf *out, struct err *err)
{
	(void)ctx;
	char series[40];
	if (!query_value(query, "series", series, sizeof series))
		return err_set(err, ERR_USAGE, "series is missing");
	buf_str(out, "{\"series\":");
	buf_json(out, series);
	buf_str(out, "}");
	return true;
}

static int start(int64_t deadline_ms)
{
	struct err err = { 0 };
	slot = snapshot_slot_new();
	server = http_start(&(struct http_options){ .slot = slot, .history = history, .deadline_ms = deadline_ms }, &err);
	if (!server)
		print_error("%s\n", err.text);
	return server ? 0 : -1;
}

static int usual(void **state)
{
	(void)state;
	int rc = start(0);
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 16, .devices = 5 }));
	return rc;
}

static int hurried(void **state)
{
	(void)state;
	int rc = start(150);
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 16, .devices = 5 }));
	return rc;
}

static int empty(void **state)
{
	(void)state;
	return start(0);
}

static int stop(void **state)
{
	(void)state;
	http_stop(server);
	snapshot_slot_free(slot);
	return 0;
}

static int dial(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_port = htons(http_port(server)), .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0 && connect(fd, (struct sockaddr *)&a, sizeof a) == 0);
	return fd;
}

static void say(int fd, const char *text, size_t len)
{
	while (len > 0) {
		ssize_t n = send(fd, text, len, MSG_NOSIGNAL);
		if (n <= 0)
			return;                  /* the server may close early; its answer says why */
		text += n;
		len -= (size_t)n;
	}
}

/* Everything until the server closes, or until `stop_at` has come; false when neither happens within the bound. */
static bool hear(int fd, const char *stop_at, struct buf *out)
{
	char bytes[65536];
	for (;;) {
		struct pollfd p = { fd, POLLIN, 0 };
		if (poll(&p, 1, BOUND_MS) != 1)
			return false;
		ssize_t n = recv(fd, bytes, sizeof bytes, 0);
		if (n <= 0)
			return !stop_at;
		buf_add(out, bytes, (size_t)n);
		if (stop_at && strstr(out->data, stop_at))
			return true;
	}
}

static int status_of(const struct buf *b)
{
	return b->len > 12 && !strncmp(b->data, "HTTP/1.", 7) ? atoi(b->data + 9) : 0;
}

static void ask(const char *request, size_t len, struct buf *out)
{
	int fd = dial();
	say(fd, request, len);
	assert_true(hear(fd, NULL, out));
	close(fd);
}

#define H "Host: 127.0.0.1\r\n"
static const struct row { const char *name, *request; int status; const char *has, *lacks; } rows[] = {
	{ "page",                      "GET / HTTP/1.1\r\n" H "\r\n", 200, "Content-Type: text/html", NULL },
	{ "policy forbids all else",   "GET / HTTP/1.1\r\n" H "\r\n", 200, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-ancestors 'none'", "unsafe-inline" },
	{ "no framing, no guessing",   "GET / HTTP/1.1\r\n" H "\r\n", 200, "X-Frame-Options: DENY\r\nReferrer-Policy: no-referrer", NULL },
	{ "script",                    "GET /assets/app.js HTTP/1.1\r\n" H "\r\n", 200, "Content-Type: text/javascript", NULL },
	{ "one request a connection",  "GET / HTTP/1.1\r\n" H "\r\nGET /metrics HTTP/1.1\r\n" H "\r\n", 200, "Connection: close", "pued_build_info" },
	{ "metrics",                   "GET /metrics HTTP/1.1\r\n" H "\r\n", 200, "\npued_power_ratio 1.244776\n", NULL },
	{ "status",                    "GET /api/v1/status HTTP/1.1\r\n" H "\r\n", 200, "\"schema\":\"pued-status/1\"", NULL },
	{ "status with a query",       "GET /api/v1/status?x=1 HTTP/1.1\r\n" H "\r\n", 200, "pued-status/1", NULL },
	{ "head has no body",          "HEAD /metrics HTTP/1.1\r\n" H "\r\n", 200, "Content-Length: ", "pued_" },
	{ "history",                   "GET /api/v1/history?series=pdu-1%2Fpower HTTP/1.1\r\n" H "\r\n", 200, "{\"series\":\"pdu-1/power\"}", NULL },
	{ "history without series",    "GET /api/v1/history HTTP/1.1\r\n" H "\r\n", 400, "{\"error\":\"series is missing\"}", NULL },
	{ "localhost with a port",     "GET /metrics HTTP/1.1\r\nHost: LocalHost:8080\r\n\r\n", 200, NULL, NULL },
	{ "IPv6 name",                 "GET /metrics HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", 200, NULL, NULL },
	{ "old client with host",      "GET /metrics HTTP/1.0\r\n" H "\r\n", 200, NULL, NULL },
	/* DNS rebinding, cross-site */
	{ "foreign host name",         "GET /metrics HTTP/1.1\r\nHost: evil.example\r\n\r\n", 421, NULL, "pued_" },
	{ "host that begins right",    "GET /metrics HTTP/1.1\r\nHost: 127.0.0.1.evil.example\r\n\r\n", 421, NULL, "pued_" },
	{ "host with user part",       "GET /metrics HTTP/1.1\r\nHost: localhost:80@evil.example\r\n\r\n", 421, NULL, "pued_" },
	{ "no host",                   "GET /metrics HTTP/1.1\r\n\r\n", 400, NULL, "pued_" },
	{ "two hosts",                 "GET /metrics HTTP/1.1\r\n" H "Host: evil.example\r\n\r\n", 400, NULL, "pued_" },
	{ "foreign origin",            "GET /api/v1/status HTTP/1.1\r\n" H "Origin: http://evil.example\r\n\r\n", 403, NULL, "pued-status" },
	{ "null origin",               "GET /api/v1/status HTTP/1.1\r\n" H "Origin: null\r\n\r\n", 403, NULL, "pued-status" },
	{ "own origin",                "GET /api/v1/status HTTP/1.1\r\n" H "Origin: http://127.0.0.1\r\n\r\n", 200, NULL, NULL },
	{ "fetched by another site",   "GET /api/v1/status HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: no-cors\r\n\r\n", 403, NULL, "pued-status" },
	{ "opened by a link",          "GET / HTTP/1.1\r\n" H "Sec-Fetch-Site: cross-site\r\nSec-Fetch-Mode: navigate\r\n\r\n", 200, NULL, NULL },
	/* methods */
	{ "POST",                      "POST /api/v1/status HTTP/1.1\r\n" H "Content-Length: 0\r\n\r\n", 405, "Allow: GET, HEAD", NULL },
	{ "DELETE",                    "DELETE / HTTP/1.1\r\n" H "\r\n", 405, NULL, NULL },
	{ "TRACE",                     "TRACE / HTTP/1.1\r\n" H "\r\n", 405, NULL, NULL },
	{ "CONNECT",                   "CONNECT evil.example:80 HTTP/1.1\r\n" H "\r\n", 405, NULL, NULL },
	{ "an invented method",        "FROB / HTTP/1.1\r\n" H "\r\n", 405, NULL, NULL },
	{ "lower case method",         "get / HTTP/1.1\r\n" H "\r\n", 405, NULL, NULL },
	/* framing */
	{ "length and chunks",         "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, NULL, "<html" },
	{ "two lengths",               "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400, NULL, "<html" },
	{ "a body",                    "GET / HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 400, NULL, "<html" },
	{ "length that is no number",  "GET / HTTP/1.1\r\n" H "Content-Length: abc\r\n\r\n", 400, NULL, "simulated" },
	{ "huge body",                 "GET / HTTP/1.1\r\n" H "Content-Length: 70000\r\n\r\n", 413, NULL, "<html" },
	{ "POST of a huge body",       "POST / HTTP/1.1\r\n" H "Content-Length: 99999999\r\n\r\n", 413, NULL, NULL },
	{ "endless chunks",            "POST / HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\nffffff\r\n", 405, NULL, NULL },
	{ "absolute target",           "GET http://evil.example/ HTTP/1.1\r\n" H "\r\n", 400, NULL, "<html" },
	/* paths */
	{ "parent folders",            "GET /../../etc/passwd HTTP/1.1\r\n" H "\r\n", 404, NULL, "root:" },
	{ "encoded parent folders",    "GET /assets/%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\n" H "\r\n", 404, NULL, "root:" },
	{ "twice encoded",             "GET /assets/%252e%252e%252fetc/passwd HTTP/1.1\r\n" H "\r\n", 404, NULL, "root:" },
	{ "backslashes",               "GET /assets/..\\..\\etc\\passwd HTTP/1.1\r\n" H "\r\n", 404, NULL, "root:" },
	{ "encoded NUL",               "GET /assets/app.js%00.html HTTP/1.1\r\n" H "\r\n", 404, NULL, NULL },
	{ "file of the server",        "GET /proc/self/environ HTTP/1.1\r\n" H "\r\n", 404, NULL, "PATH=" },
	{ "nothing there",             "GET /assets/ HTTP/1.1\r\n" H "\r\n", 404, "the page is at /", NULL },
};

static void requests(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(rows); i++) {
		CLEANUP(buf_done) struct buf b = { 0 };
		ask(rows[i].request, strlen(rows[i].request), &b);
		if (status_of(&b) != rows[i].status)
			fail_msg("row \"%s\": %d: %.300s", rows[i].name, status_of(&b), b.len ? b.data : "(closed)");
		row_check(&rows[i], !rows[i].has || strstr(b.data, rows[i].has));
		row_check(&rows[i], !rows[i].lacks || !strstr(b.data, rows[i].lacks));
	}
}

/* What the library itself refuses is closed or answered with 4xx; what counts is that nothing is served. */
static void broken_requests_get_nothing(void **state)
{
	(void)state;
	static const struct { const char *name, *request; } broken[] = {
		{ "HTTP/0.9", "GET /metrics\r\n\r\n" }, { "a version of tomorrow", "GET /metrics HTTP/2.0\r\n" H "\r\n" },
		{ "no version", "GET /metrics \r\n" H "\r\n" }, { "not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n" },
		{ "folded header", "GET /metrics HTTP/1.1\r\nHost: evil\r\n .example\r\n\r\n" },
		{ "header without colon", "GET /metrics HTTP/1.1\r\nHost 127.0.0.1\r\n\r\n" },
	};
	for (size_t i = 0; i < countof(broken); i++) {
		CLEANUP(buf_done) struct buf b = { 0 };
		int fd = dial();
		say(fd, broken[i].request, strlen(broken[i].request));
		shutdown(fd, SHUT_WR);
		row_check(&broken[i], hear(fd, NULL, &b));
		close(fd);
		row_check(&broken[i], !b.len || (status_of(&b) >= 400 && !strstr(b.data, "pued_build")));
	}
}

static void big_headers_are_refused(void **state)
{
	(void)state;
	static const size_t sizes[] = { 9000, 20000, 1000000 };
	for (size_t i = 0; i < countof(sizes); i++) {
		CLEANUP(buf_done) struct buf q = { 0 }, b = { 0 };
		buf_str(&q, "GET /metrics HTTP/1.1\r\n" H "X: ");
		for (size_t j = 0; j < sizes[i]; j++)
			buf_str(&q, "a");
		buf_str(&q, "\r\n\r\n");
		int fd = dial();
		say(fd, q.data, q.len);
		assert_true(hear(fd, NULL, &b));
		close(fd);
		/* Closing before all was read may cut the answer off: then there is none. */
		assert_true(b.len == 0 || status_of(&b) == 431 || status_of(&b) == 413);
	}
	CLEANUP(buf_done) struct buf q = { 0 }, b = { 0 };
	buf_str(&q, "GET /api/v1/history?series=");
	for (size_t j = 0; j < 2100; j++)
		buf_str(&q, "a");
	buf_str(&q, " HTTP/1.1\r\n" H "\r\n");
	ask(q.data, q.len, &b);
	assert_int_equal(status_of(&b), 414);
}

static void nothing_measured_yet(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf b = { 0 };
	static const char request[] = "GET /metrics HTTP/1.1\r\n" H "\r\n";
	ask(request, strlen(request), &b);
	assert_int_equal(status_of(&b), 503);
	assert_non_null(strstr(b.data, "nothing has been measured yet"));
}

static void unchanged_assets_cost_nothing(void **state)
{
	(void)state;
	for (const struct web_asset *a = web_assets; a->path; a++) {
		CLEANUP(buf_done) struct buf q = { 0 }, b = { 0 };
		buf_printf(&q, "GET %s HTTP/1.1\r\n" H "If-None-Match: %s\r\n\r\n", a->path, a->etag);
		ask(q.data, q.len, &b);
		assert_int_equal(status_of(&b), 304);
		assert_null(strstr(b.data, "\r\n\r\n")[4] ? "body" : NULL);
	}
}

/* A byte at a time, each within the library's own idle time: the whole request has a deadline. */
static void slow_client_is_ended(void **state)
{
	(void)state;
	int fd = dial(), sent = 0;
	static const char request[] = "GET /metrics HTTP/1.1\r\n" H "X: ";
	say(fd, request, strlen(request));
	bool closed = false;
	for (; sent < 5000 && !closed; sent++) {
		char c;
		struct pollfd p = { fd, POLLIN, 0 };
		closed = send(fd, "a", 1, MSG_NOSIGNAL) != 1 || (poll(&p, 1, 5) == 1 && recv(fd, &c, 1, 0) <= 0);
	}
	close(fd);
	assert_true(closed);
	struct http_counts n;
	http_counts(server, &n);
	assert_int_equal(n.expired, 1);
}

static void slow_reader_is_ended(void **state)
{
	(void)state;
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 60000 }));   /* more than the socket buffers hold */
	int fd = dial(), size = 4096;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	static const char request[] = "GET /api/v1/status HTTP/1.1\r\n" H "\r\n";
	say(fd, request, strlen(request));
	struct http_counts n = { 0 };
	for (int i = 0; i < 2000 && n.expired == 0; i++) {
		poll(NULL, 0, 5);
		http_counts(server, &n);
	}
	assert_int_equal(n.expired, 1);
	close(fd);
}

static void flood_of_half_open_connections(void **state)
{
	(void)state;
	enum { FLOOD = 500 };
	static int fds[FLOOD];
	for (int i = 0; i < FLOOD; i++) {
		fds[i] = dial();
		say(fds[i], "GET / HT", 8);
	}
	for (int i = 0; i < 5; i++) {                    /* the newest client is served while the flood stands */
		CLEANUP(buf_done) struct buf b = { 0 };
		static const char request[] = "GET /metrics HTTP/1.1\r\n" H "\r\n";
		ask(request, strlen(request), &b);
		assert_int_equal(status_of(&b), 200);
	}
	struct http_counts n;
	http_counts(server, &n);
	assert_true(n.evicted >= FLOOD - 64);
	assert_int_equal(n.expired, 0);
	for (int i = 0; i < FLOOD; i++)
		close(fds[i]);
}

static void stream_tells_each_snapshot(void **state)
{
	(void)state;
	CLEANUP(buf_done) struct buf b = { 0 }, again = { 0 };
	int fd = dial();
	static const char request[] = "GET /api/v1/stream HTTP/1.1\r\n" H "\r\n";
	say(fd, request, strlen(request));
	assert_true(hear(fd, "id: 1773469230000\nevent: status\ndata: {", &b));
	assert_non_null(strstr(b.data, "Content-Type: text/event-stream"));
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 16, .at_ms = 1773469231000 }));
	assert_true(hear(fd, "id: 1773469231000\n", &b));
	close(fd);
	/* Who comes back with the last id is not told it twice. */
	fd = dial();
	static const char resume[] = "GET /api/v1/stream HTTP/1.1\r\n" H "Last-Event-ID: 1773469231000\r\n\r\n";
	say(fd, resume, strlen(resume));
	assert_true(hear(fd, "retry: 3000", &again));
	snapshot_set(slot, made_up_snapshot(&(struct made_up){ .racks = 16, .at_ms = 1773469232000 }));
	assert_true(hear(fd, "id: 1773469232000\n", &again));
	assert_null(strstr(again.data, "id: 1773469231000"));
	close(fd);
}

static void streams_are_few(void **state)
{
	(void)state;
	int fds[9];
	for (int i = 0; i < 9; i++) {
		CLEANUP(buf_done) struct buf b = { 0 };
		fds[i] = dial();
		static const char request[] = "GET /api/v1/stream HTTP/1.1\r\n" H "\r\n";
		say(fds[i], request, strlen(request));
		assert_true(hear(fds[i], "\r\n\r\n", &b));
		assert_int_equal(status_of(&b), i < 8 ? 200 : 503);
	}
	struct http_counts n;
	http_counts(server, &n);
	assert_int_equal(n.streams, 8);
	for (int i = 0; i < 9; i++)      /* stopped with streams open: http_stop() in the teardown must end */
		if (i % 2)
			close(fds[i]);
}

static void only_loopback(void **state)
{
	(void)state;
	static const struct { const char *name, *address; bool good; } addresses[] = {
		{ "all addresses", "0.0.0.0", false }, { "a private network", "10.1.2.3", false }, { "all of IPv6", "::", false },
		{ "a name", "localhost", false }, { "loopback", "127.0.0.1", true }, { "another of loopback", "127.9.9.9", true } };
	struct snapshot_slot *own = snapshot_slot_new();
	for (size_t i = 0; i < countof(addresses); i++) {
		struct err err = { 0 };
		struct http *h = http_start(&(struct http_options){ .address = addresses[i].address, .slot = own }, &err);
		row_check(&addresses[i], !h == !addresses[i].good);
		row_check(&addresses[i], h || (err.kind == ERR_CONFIG && strstr(err.text, "127.0.0.1 only")));
		http_stop(h);
	}
	struct err err = { 0 };
	struct http *first = http_start(&(struct http_options){ .slot = own }, &err);
	assert_non_null(first);
	assert_null(http_start(&(struct http_options){ .slot = own, .port = http_port(first) }, &err));
	assert_non_null(strstr(err.text, "another program listens there"));
	http_stop(first);
	snapshot_slot_free(own);
}

static const struct query { const char *name, *query, *value; } queries[] = {
	{ "plain", "a=1&k=v&b=2", "v" }, { "encoded", "k=a%2Fb%20c", "a/b c" }, { "plus is a space", "k=a+b", "a b" }, { "empty", "k=", "" },
	{ "absent", "kk=v&a=k", NULL }, { "twice", "k=1&k=2", NULL }, { "cut escape", "k=a%2", NULL }, { "no hex", "k=%zz", NULL },
	{ "NUL", "k=a%00b", NULL }, { "line end", "k=a%0ab", NULL }, { "not UTF-8", "k=%ff", NULL }, { "UTF-8", "k=%E6%9C%BA", "机" },
	{ "too long", "k=0123456789012345678901234567890123456789", NULL },
};

static void query_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(queries); i++) {
		char out[32];
		row_check(&queries[i], query_value(queries[i].query, "k", out, sizeof out) == (queries[i].value != NULL));
		row_check(&queries[i], !queries[i].value || !strcmp(out, queries[i].value));
	}
}

#define in(fixture, f) cmocka_unit_test_setup_teardown(f, fixture, stop)
int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(query_values), cmocka_unit_test(only_loopback), in(usual, requests), in(hurried, broken_requests_get_nothing),
		in(usual, big_headers_are_refused), in(empty, nothing_measured_yet), in(usual, unchanged_assets_cost_nothing),
		in(hurried, slow_client_is_ended), in(hurried, slow_reader_is_ended), in(usual, flood_of_half_open_connections),
		in(usual, stream_tells_each_snapshot), in(usual, streams_are_few) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
