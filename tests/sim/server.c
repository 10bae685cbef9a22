#include "tests/sim/server_in.h"
#include "tests/sim/verbs.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { EVENTS = 256, DATAGRAMS_A_TURN = 64, CHECK_US = 50000, SPARE_FILES = 64 };

static void read_clocks(struct server *s)
{
	struct timespec mono, real;
	clock_gettime(CLOCK_MONOTONIC, &mono);
	clock_gettime(CLOCK_REALTIME, &real);
	s->now_us = mono.tv_sec * INT64_C(1000000) + mono.tv_nsec / 1000;
	s->now.ms = real.tv_sec * INT64_C(1000) + real.tv_nsec / 1000000 + s->options.offset_ms;
}

void note(struct server *s, const char *id, const char *fmt, ...)
{
	if (!s->log)
		return;
	va_list args;
	va_start(args, fmt);
	fprintf(s->log, "%lld %s ", (long long)s->now_us, id);
	vfprintf(s->log, fmt, args);
	fputc('\n', s->log);
	va_end(args);
}

void noise(struct server *s, const struct sim_device *d, uint8_t *out, size_t len)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)sim_chance(d->chance, 9000 + i, s->order);
	s->order++;
}

/* ---- the queue of things to send ---- */

static bool before(const struct delivery *a, const struct delivery *b)
{
	return a->due_us != b->due_us ? a->due_us < b->due_us : a->order < b->order;
}

static void push(struct server *s, struct delivery d)
{
	if (s->n_heap == s->heap_room) {
		size_t room = s->heap_room ? s->heap_room * 2 : 1024;
		struct delivery *heap = realloc(s->heap, room * sizeof *heap);
		if (!heap) {
			free(d.bytes);
			return;
		}
		s->heap = heap;
		s->heap_room = room;
	}
	d.order = s->order++;
	size_t at = s->n_heap++;
	for (; at && before(&d, &s->heap[(at - 1) / 2]); at = (at - 1) / 2)
		s->heap[at] = s->heap[(at - 1) / 2];
	s->heap[at] = d;
}

static struct delivery pop(struct server *s)
{
	struct delivery first = s->heap[0], last = s->heap[--s->n_heap];
	size_t at = 0;
	for (size_t child; (child = at * 2 + 1) < s->n_heap; at = child) {
		if (child + 1 < s->n_heap && before(&s->heap[child + 1], &s->heap[child]))
			child++;
		if (!before(&s->heap[child], &last))
			break;
		s->heap[at] = s->heap[child];
	}
	s->heap[at] = last;
	return first;
}

/* ---- connections ---- */

static bool watch(struct server *s, struct source *source, uint32_t events, int op)
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

static void sweep(struct server *s)
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

static void flush_out(struct server *s, struct connection *c)
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
	struct delivery d = { .due_us = due_us, .connection = c, .serial = c->serial, .len = len, .bytes = malloc(len) };
	if (!d.bytes)
		return;
	memcpy(d.bytes, bytes, len);
	push(s, d);
}

void send_datagram(struct server *s, struct host *h, const struct sockaddr_in *peer, const void *bytes, size_t len, int64_t due_us,
		   bool other_source)
{
	if (due_us <= s->now_us) {
		sendto(other_source ? s->other_fd : h->source.fd, bytes, len, MSG_DONTWAIT, (const struct sockaddr *)peer, sizeof *peer);
		return;
	}
	struct delivery d = { .due_us = due_us, .host = h, .peer = *peer, .other_source = other_source, .len = len, .bytes = malloc(len) };
	if (!d.bytes)
		return;
	memcpy(d.bytes, bytes, len);
	push(s, d);
}

static void deliver_due(struct server *s)
{
	while (s->n_heap && s->heap[0].due_us <= s->now_us) {
		struct delivery d = pop(s);
		if (d.host && d.host->source.fd >= 0)
			send_datagram(s, d.host, &d.peer, d.bytes, d.len, s->now_us, d.other_source);
		else if (d.connection && d.connection->serial == d.serial)
			write_out(s, d.connection, d.bytes, d.len);
		free(d.bytes);
	}
}

static void accept_all(struct server *s, struct host *h)
{
	int fd, one = 1;
	while ((fd = accept4(h->source.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		bool refused = h->connections && fleet_fault(h->any, FAULT_SINGLE, s->now);
		note(s, h->any->id, refused ? "connection refused, one is open" : "connected");
		struct connection *c = s->free_connections ? s->free_connections : refused ? NULL : calloc(1, sizeof *c);
		if (refused || !c) {
			close(fd);
			continue;
		}
		s->free_connections = c->next_free;
		*c = (struct connection){ .source = { SOURCE_CONNECTION, fd }, .host = h, .serial = ++s->serial, .next = s->connections };
		s->connections = c;
		h->connections++;
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		if (watch(s, &c->source, EPOLLIN, EPOLL_CTL_ADD))
			modbus_greet(s, c);
		else
			close_connection(s, c);
	}
}

static void read_connection(struct server *s, struct connection *c)
{
	ssize_t n = recv(c->source.fd, c->in + c->in_len, sizeof c->in - c->in_len, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		close_connection(s, c);
		return;
	}
	c->in_len += (size_t)n;
	if (!modbus_serve(s, c))
		close_connection(s, c);
}

static void read_datagrams(struct server *s, struct host *h)
{
	static uint8_t request[65536];
	for (int i = 0; i < DATAGRAMS_A_TURN; i++) {
		struct sockaddr_in peer;
		socklen_t len = sizeof peer;
		ssize_t n = recvfrom(h->source.fd, request, sizeof request, MSG_DONTWAIT, (struct sockaddr *)&peer, &len);
		if (n < 0)
			return;
		snmp_serve(s, h, &peer, request, (size_t)n);
	}
}

/* ---- hosts ---- */

/* A host is down while one of its devices refuses, or a Modbus device of it restarts. */
static bool is_down(const struct server *s, const struct host *h)
{
	for (int u = 0; u < (h->snmp ? 1 : UNITS); u++) {
		const struct sim_device *d = h->units[u];
		const struct fault *restart = d && !h->snmp ? fleet_fault(d, FAULT_RESTART, s->now) : NULL;
		if (d && fleet_fault(d, FAULT_REFUSING, s->now))
			return true;
		if (restart && s->now.ms < restart->from.ms + restart->arg)
			return true;
	}
	return false;
}

static bool open_host(struct server *s, struct host *h, struct err *err)
{
	uint16_t *port = h->snmp ? &s->options.snmp_port : &s->options.modbus_port;
	h->source.kind = h->snmp ? SOURCE_AGENT : SOURCE_LISTENER;
	h->source.fd = listener(h->snmp ? SOCK_DGRAM : SOCK_STREAM, h->address, port, err);
	if (h->source.fd < 0)
		return false;
	return watch(s, &h->source, EPOLLIN, EPOLL_CTL_ADD) || err_set(err, ERR_IO, "epoll: %s", strerror(errno));
}

static void close_host(struct server *s, struct host *h)
{
	if (h->source.fd >= 0)
		close(h->source.fd);
	h->source.fd = -1;
	for (struct connection *c = s->connections; c; c = c->next)
		if (c->serial && c->host == h)
			close_connection(s, c);
}

static void check_hosts(struct server *s)
{
	for (size_t i = 0; i < s->n_hosts; i++) {
		struct host *h = &s->hosts[i];
		bool down = is_down(s, h);
		if (down && h->source.fd >= 0)
			close_host(s, h);
		else if (!down && h->source.fd < 0)
			open_host(s, h, NULL);   /* tried again at the next check */
	}
}

static struct host *host_of(struct server *s, const struct sim_device *d)
{
	bool snmp = classes[d->class].snmp;
	for (size_t i = s->n_hosts; i-- > 0;)
		if (s->hosts[i].address == d->address && s->hosts[i].snmp == snmp)
			return &s->hosts[i];
	struct host *h = &s->hosts[s->n_hosts];
	*h = (struct host){ .source = { .fd = -1 }, .address = d->address, .snmp = snmp, .any = d };
	h->units = calloc(snmp ? 1 : UNITS, sizeof *h->units);
	s->n_hosts += h->units != NULL;
	return h->units ? h : NULL;
}

static bool make_hosts(struct server *s, struct err *err)
{
	s->hosts = calloc(s->fleet->n, sizeof *s->hosts);
	if (!s->hosts)
		return err_memory(err);
	for (size_t i = 0; i < s->fleet->n; i++) {
		const struct sim_device *d = &s->fleet->devices[i];
		struct host *h = host_of(s, d);
		if (!h)
			return err_memory(err);
		h->units[h->snmp ? 0 : d->unit] = d;
	}
	return true;
}

static bool enough_files(const struct server *s, struct err *err)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return err_set(err, ERR_IO, "getrlimit: %s", strerror(errno));
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= s->n_hosts * 2 + SPARE_FILES)
		return true;
	return err_set(err, ERR_UNAVAILABLE, "%zu addresses need %zu open files, the limit is %llu: raise it (ulimit -n), or poll fewer racks",
		       s->n_hosts, s->n_hosts * 2 + SPARE_FILES, (unsigned long long)limit.rlim_cur);
}

static bool open_all(struct server *s, struct err *err)
{
	for (size_t i = 0; i < s->n_hosts; i++)
		if (!is_down(s, &s->hosts[i]) && !open_host(s, &s->hosts[i], err))
			return false;
	uint16_t port = s->options.snmp_port;
	s->other_fd = listener(SOCK_DGRAM, (uint32_t)(127 << 24 | 99 << 16 | 1), &port, NULL);
	if (s->other_fd < 0)
		port = 0, s->other_fd = listener(SOCK_DGRAM, (uint32_t)(127 << 24 | 99 << 16 | 1), &port, err);
	return s->other_fd >= 0;
}

/* A port that is free on one address may be taken on the next: other free ports are tried. */
static bool open_on_free_ports(struct server *s, struct err *err)
{
	struct server_options wish = s->options;
	for (int tries = wish.modbus_port && wish.snmp_port ? 1 : 20; tries > 0; tries--) {
		s->options.modbus_port = wish.modbus_port;
		s->options.snmp_port = wish.snmp_port;
		struct err own = { 0 };
		if (open_all(s, &own))
			return true;
		for (size_t i = 0; i < s->n_hosts; i++)
			close_host(s, &s->hosts[i]);
		if (own.kind != ERR_UNAVAILABLE || tries == 1) {
			if (err)
				*err = own;
			return false;
		}
	}
	return false;
}

static bool open_signals(struct server *s, struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->signals = (struct source){ SOURCE_SIGNAL, signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) };
	if (s->epoll < 0 || s->signals.fd < 0 || !watch(s, &s->signals, EPOLLIN, EPOLL_CTL_ADD))
		return err_set(err, ERR_IO, "epoll, signalfd: %s", strerror(errno));
	return true;
}

struct server *server_new(struct fleet *f, struct server_options *options, struct err *err)
{
	struct server *s = calloc(1, sizeof *s);
	if (!s) {
		err_memory(err);
		return NULL;
	}
	s->fleet = f;
	s->options = *options;
	s->epoll = s->signals.fd = s->other_fd = -1;
	s->mibs = mibs_new(err);
	s->log = options->log ? fopen(options->log, "w") : NULL;
	read_clocks(s);
	f->start_ms = s->now.ms;
	if (options->log && !s->log)
		err_set(err, ERR_IO, "%s: %s", options->log, strerror(errno));
	else if (s->mibs && open_signals(s, err) && make_hosts(s, err) && enough_files(s, err) && open_on_free_ports(s, err)) {
		*options = s->options;
		return s;
	}
	server_free(s);
	return NULL;
}

static void handle(struct server *s, struct epoll_event *e)
{
	struct source *source = e->data.ptr;
	struct connection *c = (struct connection *)source;
	switch (source->kind) {
	case SOURCE_SIGNAL:
		s->stopping = true;
		break;
	case SOURCE_LISTENER:
		if (source->fd >= 0)
			accept_all(s, (struct host *)source);
		break;
	case SOURCE_AGENT:
		if (source->fd >= 0)
			read_datagrams(s, (struct host *)source);
		break;
	case SOURCE_CONNECTION:
		if (c->serial && e->events & EPOLLOUT)
			flush_out(s, c);
		if (c->serial && e->events & (EPOLLIN | EPOLLHUP | EPOLLERR))
			read_connection(s, c);
	}
}

static int wait_ms(const struct server *s, int64_t next_check_us)
{
	int64_t next = s->n_heap ? s->heap[0].due_us : INT64_MAX;
	if (s->fleet->n_faults && next_check_us < next)
		next = next_check_us;
	int64_t wait_us = next == INT64_MAX ? -1 : next - s->now_us;
	return wait_us < 0 && next != INT64_MAX ? 0 : wait_us < 0 ? -1 : (int)(wait_us / 1000 < 60000 ? (wait_us + 999) / 1000 : 60000);
}

bool server_run(struct server *s, struct err *err)
{
	struct epoll_event events[EVENTS];
	int64_t next_check_us = 0;
	while (!s->stopping) {
		int n = epoll_wait(s->epoll, events, EVENTS, wait_ms(s, next_check_us));
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_IO, "epoll: %s", strerror(errno));
		read_clocks(s);
		if (s->fleet->n_faults && s->now_us >= next_check_us) {
			check_hosts(s);
			next_check_us = s->now_us + CHECK_US;
		}
		deliver_due(s);
		for (int i = 0; i < n; i++)
			handle(s, &events[i]);
		sweep(s);
	}
	return true;
}

void server_free(struct server *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->n_hosts; i++) {
		close_host(s, &s->hosts[i]);
		free(s->hosts[i].units);
	}
	sweep(s);
	for (struct connection *c = s->free_connections, *next; c; c = next) {
		next = c->next_free;
		free(c);
	}
	while (s->n_heap)
		free(s->heap[--s->n_heap].bytes);
	free(s->heap);
	free(s->hosts);
	mibs_free(s->mibs);
	if (s->log)
		fclose(s->log);
	for (int *fd = (int[]){ s->epoll, s->signals.fd, s->other_fd, -2 }; *fd != -2; fd++)
		if (*fd >= 0)
			close(*fd);
	free(s);
}

size_t server_hosts(const struct server *s)
{
	return s->n_hosts;
}
