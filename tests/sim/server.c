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
		out[i] = (uint8_t)sim_chance(d->chance, 9000 + i, s->noises);
	s->noises++;
}

/* ---- connections ---- */

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
		if (!h->faulty)
			continue;
		bool down = is_down(s, h);
		if (down && h->source.fd >= 0)
			close_host(s, h);
		else if (!down && h->source.fd < 0)
			open_host(s, h, NULL);   /* tried again at the next check */
	}
}

/* `fault SPEC` or `clear PATTERN`; it holds before it is confirmed. */
static bool obey(struct server *s, char *line, struct err *err)
{
	struct fault fault;
	if (!strncmp(line, "clear ", 6))
		fleet_fault_clear(s->fleet, line + 6);
	else if (strncmp(line, "fault ", 6))
		return err_set(err, ERR_USAGE, "`%.40s` is neither `fault SPEC` nor `clear PATTERN`", line);
	else if (!fault_parse(line + 6, s->now, &fault, err) || !fleet_fault_add(s->fleet, &fault, err))
		return false;
	for (size_t i = 0; i < s->n_hosts; i++)
		for (int u = 0; u < (s->hosts[i].snmp ? 1 : UNITS); u++)
			s->hosts[i].faulty = s->hosts[i].faulty || (s->hosts[i].units[u] && s->hosts[i].units[u]->n_faults);
	check_hosts(s);
	return true;
}

static void read_input(struct server *s)
{
	ssize_t n = read(s->input.fd, s->line + s->line_len, sizeof s->line - 1 - s->line_len);
	if (n <= 0) {
		epoll_ctl(s->epoll, EPOLL_CTL_DEL, s->input.fd, NULL);
		return;
	}
	s->line_len += (size_t)n;
	s->line[s->line_len] = 0;
	for (char *end; (end = strchr(s->line, '\n'));) {
		struct err err = { 0 };
		*end = 0;
		if (obey(s, s->line, &err))
			puts("ok");
		else
			printf("bad: %s\n", err.text);
		fflush(stdout);
		s->line_len -= (size_t)(end + 1 - s->line);
		memmove(s->line, end + 1, s->line_len + 1);
	}
	s->line_len = s->line_len == sizeof s->line - 1 ? 0 : s->line_len;
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
		h->faulty = h->faulty || d->n_faults;
	}
	return true;
}

static bool enough_files(const struct server *s, struct err *err)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit))
		return err_set(err, ERR_IO, "getrlimit: %s", strerror(errno));
	size_t need = s->n_hosts + SPARE_FILES;
	for (size_t i = 0; i < s->n_hosts; i++)
		need += !s->hosts[i].snmp;   /* a connection each */
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	if (limit.rlim_cur >= need)
		return true;
	return err_set(err, ERR_UNAVAILABLE, "%zu addresses need %zu open files, the limit is %llu: raise it (ulimit -n), or poll fewer devices",
		       s->n_hosts, need, (unsigned long long)limit.rlim_cur);
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
	s->input = (struct source){ SOURCE_INPUT, STDIN_FILENO };
	if (speaks_through(STDIN_FILENO))
		watch(s, &s->input, EPOLLIN, EPOLL_CTL_ADD);
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
	if (s->log)
		setvbuf(s->log, NULL, _IOLBF, 0);       /* a test reads it while it grows */
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
	case SOURCE_INPUT:
		read_input(s);
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
	int64_t next = queue_next(&s->queue);
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
	queue_done(&s->queue);
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
