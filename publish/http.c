#include "publish/http_inner.h"
#include "publish/web.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct http {
	struct http_options o;
	struct MHD_Daemon *daemon;
	struct streams *streams;
	struct clients clients;
	pthread_t reaper;
	bool reaping;
	uint16_t port;
};

/* One request: its target as it came, query included. */
struct request_line { char uri[HTTP_URI_MAX + 2]; };

struct reply { struct MHD_Response *response; unsigned status; const char *type, *cache, *etag; };

static struct MHD_Response *taken(struct buf *b)
{
	if (b->failed)
		return NULL;
	size_t len = b->len;
	char *bytes = buf_take(b);
	return bytes ? MHD_create_response_from_buffer(len, bytes, MHD_RESPMEM_MUST_FREE) : NULL;
}

static struct reply sentence(unsigned status, const char *text)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	buf_str(&b, "{\"error\":");
	buf_json(&b, text);
	buf_str(&b, "}\n");
	return (struct reply){ taken(&b), status, "application/json", "no-store", NULL };
}

static struct reply from_snapshot(struct http *h, void (*write)(const struct snapshot *, struct buf *), const char *type)
{
	const struct snapshot *s = snapshot_get(h->o.slot);
	if (!s)
		return sentence(503, "nothing has been measured yet; try again in a second");
	CLEANUP(buf_done) struct buf b = { 0 };
	write(s, &b);
	snapshot_put(s);
	return (struct reply){ taken(&b), 200, type, "no-store", NULL };
}

static struct reply get_metrics(struct http *h, struct MHD_Connection *c, const char *query)
{
	(void)c;
	(void)query;
	return from_snapshot(h, metrics_text, "text/plain; version=0.0.4; charset=utf-8");
}

static struct reply get_status(struct http *h, struct MHD_Connection *c, const char *query)
{
	(void)c;
	(void)query;
	return from_snapshot(h, status_json, "application/json");
}

static struct reply from_answer(struct http *h, bool (*answer)(void *, const char *, struct buf *, struct err *), const char *query)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	struct err err = { 0 };
	if (!answer(h->o.ctx, query, &b, &err))
		return sentence(err.kind == ERR_USAGE || err.kind == ERR_INPUT || err.kind == ERR_RANGE ? 400 : 503, err.text);
	return (struct reply){ taken(&b), 200, "application/json", "no-store", NULL };
}

static struct reply get_history(struct http *h, struct MHD_Connection *c, const char *query)
{
	(void)c;
	return h->o.history ? from_answer(h, h->o.history, query) : sentence(404, "this program keeps no history");
}

static struct client *client_of(struct MHD_Connection *c)
{
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
	return info ? info->socket_context : NULL;
}

static struct reply get_stream(struct http *h, struct MHD_Connection *c, const char *query)
{
	(void)query;
	struct client *x = client_of(c);
	struct MHD_Response *r = x ? streams_response(h->streams, c, MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Last-Event-ID")) : NULL;
	if (!r)
		return sentence(503, "too many live streams are open; ask /api/v1/status instead");
	pthread_mutex_lock(&h->clients.lock);
	h->clients.streams += !x->stream;
	x->stream = true;
	pthread_mutex_unlock(&h->clients.lock);
	return (struct reply){ r, 200, "text/event-stream", "no-store", NULL };
}

static const struct route { const char *path; struct reply (*get)(struct http *, struct MHD_Connection *, const char *query); } routes[] = {
	{ "/metrics", get_metrics }, { "/api/v1/status", get_status }, { "/api/v1/history", get_history }, { "/api/v1/stream", get_stream },
};

static struct reply get_asset(struct MHD_Connection *c, const struct web_asset *a)
{
	const char *have = MHD_lookup_connection_value(c, MHD_HEADER_KIND, "If-None-Match");
	bool same = have && !strcmp(have, a->etag);
	void *bytes = (void *)(uintptr_t)a->bytes;
	struct MHD_Response *r = MHD_create_response_from_buffer(same ? 0 : a->len, bytes, MHD_RESPMEM_PERSISTENT);
	return (struct reply){ r, same ? 304 : 200, a->type, "no-cache", a->etag };
}

static struct reply route(struct http *h, struct MHD_Connection *c, const char *path, const char *query)
{
	for (size_t i = 0; i < countof(routes); i++)
		if (!strcmp(path, routes[i].path))
			return routes[i].get(h, c, query);
	for (const struct http_page *p = h->o.pages; p && p->path; p++)
		if (!strcmp(path, p->path))
			return from_answer(h, p->answer, query);
	for (const struct web_asset *a = web_assets; a->path; a++)
		if (!strcmp(path, a->path))
			return get_asset(c, a);
	return sentence(404, "there is nothing here; the page is at /");
}

static enum MHD_Result send_reply(struct MHD_Connection *c, const struct reply *r)
{
	if (!r->response)
		return MHD_NO;
	const struct { const char *name, *value; } headers[] = {
		{ "Content-Type", r->type }, { "Cache-Control", r->cache }, { "ETag", r->etag }, { "Allow", r->status == 405 ? "GET, HEAD" : NULL },
		{ "Connection", "close" },
		{ "Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
					     "frame-ancestors 'none'; base-uri 'none'; form-action 'none'" },
		{ "X-Content-Type-Options", "nosniff" }, { "X-Frame-Options", "DENY" }, { "Referrer-Policy", "no-referrer" },
		{ "Cross-Origin-Resource-Policy", "same-origin" }, { "Cross-Origin-Opener-Policy", "same-origin" },
		{ "Permissions-Policy", "camera=(), geolocation=(), microphone=()" },
	};
	for (size_t i = 0; i < countof(headers); i++)
		if (headers[i].value)
			MHD_add_response_header(r->response, headers[i].name, headers[i].value);
	enum MHD_Result rc = MHD_queue_response(c, r->status, r->response);
	MHD_destroy_response(r->response);
	return rc;
}

static void *remember_uri(void *ctx, const char *uri, struct MHD_Connection *c)
{
	(void)ctx;
	(void)c;
	struct request_line *line = malloc(sizeof *line);
	if (line)
		strncpy(line->uri, uri, sizeof line->uri - 1)[sizeof line->uri - 1] = 0;   /* too long stays too long */
	return line;
}

/* Paths are compared as they came, never decoded: nothing here has a name that needs it. */
static enum MHD_Result answer(void *ctx, struct MHD_Connection *c, const char *url, const char *method, const char *version,
			      const char *upload, size_t *upload_size, void **request)
{
	struct http *h = ctx;
	struct request_line *line = *request;
	(void)url;
	(void)upload;
	(void)upload_size;
	struct client *x = client_of(c);
	if (x) {
		pthread_mutex_lock(&h->clients.lock);
		x->asked = true;
		pthread_mutex_unlock(&h->clients.lock);
	}
	const char *why = "";
	unsigned status = http_refusal(c, method, version, line ? line->uri : NULL, h->port, &why);
	char *query = line ? strchr(line->uri, '?') : NULL;
	if (query)
		*query++ = 0;
	struct reply r = status ? sentence(status, why) : route(h, c, line->uri, query ? query : "");
	return send_reply(c, &r);
}

static void completed(void *ctx, struct MHD_Connection *c, void **request, enum MHD_RequestTerminationCode why)
{
	(void)ctx;
	(void)c;
	(void)why;
	free(*request);
	*request = NULL;
}

static void connected(void *ctx, struct MHD_Connection *c, void **socket_context, enum MHD_ConnectionNotificationCode what)
{
	struct http *h = ctx;
	if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
		clients_remove(&h->clients, *socket_context);
		*socket_context = NULL;
		return;
	}
	const union MHD_ConnectionInfo *info = MHD_get_connection_info(c, MHD_CONNECTION_INFO_CONNECTION_FD);
	*socket_context = info ? clients_add(&h->clients, info->connect_fd) : NULL;
}

/* Watches ages and wakes streams; sleeps without limit while nobody is there. */
static void *reap(void *ctx)
{
	struct http *h = ctx;
	for (;;) {
		int64_t now = http_now_ms();
		int wait = clients_expire(&h->clients, now);
		streams_tick(h->streams, now);
		pthread_mutex_lock(&h->clients.lock);
		bool stop = h->clients.stopping;
		pthread_mutex_unlock(&h->clients.lock);
		if (stop)
			return NULL;
		struct pollfd p = { h->clients.event, POLLIN, 0 };
		if (poll(&p, 1, wait) > 0) {
			uint64_t n;
			ssize_t got = read(h->clients.event, &n, sizeof n);
			(void)got;
		}
	}
}

static bool loopback(const char *address, uint16_t port, struct sockaddr_storage *out, socklen_t *len)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)out;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
	memset(out, 0, sizeof *out);
	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*len = sizeof *v4;
		return (ntohl(v4->sin_addr.s_addr) >> 24) == 127;
	}
	if (inet_pton(AF_INET6, address, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*len = sizeof *v6;
		return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
	}
	return false;
}

static int listen_at(const char *address, uint16_t port, uint16_t *got, struct err *err)
{
	struct sockaddr_storage a;
	socklen_t len = 0;
	if (!loopback(address, port, &a, &len)) {
		err_set(err, ERR_CONFIG, "http.address %s: the page has no password and no TLS, so it listens on 127.0.0.1 only; reach it through "
			"a tunnel or a proxy that has both", address);
		return -1;
	}
	int fd = socket(a.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), one = 1;
	if (fd >= 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	if (fd < 0 || bind(fd, (struct sockaddr *)&a, len) != 0 || listen(fd, 128) != 0 || getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
		err_set(err, errno == EACCES ? ERR_DENIED : ERR_UNAVAILABLE, "%s:%u: %s%s", address, port, strerror(errno),
			errno == EADDRINUSE ? "; another program listens there: stop it, or set http.port" : "");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	*got = ntohs(a.ss_family == AF_INET ? ((struct sockaddr_in *)&a)->sin_port : ((struct sockaddr_in6 *)&a)->sin6_port);
	return fd;
}

static bool start_daemon(struct http *h, struct err *err)
{
	int fd = listen_at(h->o.address ? h->o.address : "127.0.0.1", h->o.port, &h->port, err);
	if (fd < 0)
		return false;
	/* epoll, because select() fails above descriptor 1023; two threads, so that one long history does not stop a page. */
	h->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_INTERNAL_POLLING_THREAD | MHD_ALLOW_SUSPEND_RESUME, h->port, NULL, NULL, answer, h,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_THREAD_POOL_SIZE, 2u, MHD_OPTION_CONNECTION_LIMIT, 4u * HTTP_CLIENTS,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)(HTTP_HEADER_MAX + 6144), MHD_OPTION_CONNECTION_TIMEOUT, 30u,
		MHD_OPTION_URI_LOG_CALLBACK, remember_uri, h, MHD_OPTION_NOTIFY_COMPLETED, completed, h,
		MHD_OPTION_NOTIFY_CONNECTION, connected, h, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
	if (!h->daemon) {
		close(fd);
		return err_set(err, ERR_INTERNAL, "the HTTP library did not start: %s", strerror(errno));
	}
	return true;
}

struct http *http_start(const struct http_options *o, struct err *err)
{
	struct http *h = calloc(1, sizeof *h);
	if (!h) {
		err_memory(err);
		return NULL;
	}
	h->o = *o;
	h->streams = streams_new(o->slot);
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);   /* threads inherit it: signals belong to the program's loop */
	bool ok = h->streams ? clients_init(&h->clients, o->deadline_ms, err) && start_daemon(h, err) : err_memory(err);
	if (ok) {
		int rc = pthread_create(&h->reaper, NULL, reap, h);
		h->reaping = rc == 0;
		ok = rc == 0 || err_set(err, ERR_INTERNAL, "thread: %s", strerror(rc));
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ok)
		return h;
	err_wrap(err, "HTTP");
	http_stop(h);
	return NULL;
}

uint16_t http_port(const struct http *h)
{
	return h->port;
}

void http_counts(struct http *h, struct http_counts *out)
{
	pthread_mutex_lock(&h->clients.lock);
	*out = (struct http_counts){ h->clients.n, h->clients.streams, h->clients.expired, h->clients.evicted };
	pthread_mutex_unlock(&h->clients.lock);
}

void http_stop(struct http *h)
{
	if (!h)
		return;
	if (h->reaping) {
		uint64_t one = 1;
		pthread_mutex_lock(&h->clients.lock);
		h->clients.stopping = true;
		pthread_mutex_unlock(&h->clients.lock);
		ssize_t n = write(h->clients.event, &one, sizeof one);
		(void)n;
		pthread_join(h->reaper, NULL);
	}
	if (h->streams)
		streams_stop(h->streams);
	if (h->daemon)
		MHD_stop_daemon(h->daemon);
	if (h->clients.first.next)
		clients_done(&h->clients);
	streams_free(h->streams);
	free(h);
}
