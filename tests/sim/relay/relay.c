/* In one thread; a line on standard input replaces the rules and is answered by `ok` or `bad: ...`, so that a test changes
 * the wire at a moment of its own, not of the clock. */
#include "tests/sim/relay/relay.h"
#include "tests/sim/relay/rules.h"
#include "tests/sim/model.h"
#include "tests/sim/queue.h"
#include "tests/sim/verbs.h"
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { CHUNK = 65536, HELD_MAX = 4 << 20, REORDER_US = 30000, CHECK_US = 20000, EVENTS = 64 };
enum kind { KIND_LISTENER, KIND_END, KIND_SIGNAL, KIND_RULES };

struct link;
struct delivery;
/* One side of a link; bytes read here go to the other end. */
struct end {
	enum kind kind;
	int fd;
	struct link *link;
	enum way way;              /* of what is read here: up at the client's end */
	int64_t seen, last_due_us;
	size_t held;               /* bytes promised to the other end */
	bool ended, stalled, injected, paused;
	struct delivery *blocked;  /* of what was read here: waits for another try, and all behind it */
	struct sockaddr_in peer;   /* of a UDP client */
};
struct link {
	struct end client, server;
	int64_t number;            /* 0: closed */
	struct link *next;
};
enum what { WHAT_BYTES, WHAT_END, WHAT_CLOSE, WHAT_RESET };
struct delivery { struct queued queued; enum what what; struct link *link; int64_t number; struct end *to, *from; size_t sent, len; uint8_t bytes[]; };

struct relay {
	bool udp, stopping;
	uint16_t port;
	struct sockaddr_in target;
	uint64_t seed, draws;
	int epoll;
	struct end listener, signals, input;
	struct rules rules;
	struct link *links;
	struct queue queue;
	int64_t now_us, numbers, passed[2], lost;
	char line[4096];
	size_t line_len;
};

static void read_clock(struct relay *r)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	r->now_us = now.tv_sec * INT64_C(1000000) + now.tv_nsec / 1000;
}

/* 0 .. below-1, from the seed. */
static int64_t draw(struct relay *r, int64_t below)
{
	return below > 0 ? ((int64_t)sim_chance(r->seed, 1, r->draws++) + 1000000) % below : 0;
}

static bool hits(struct relay *r, enum action action, const struct end *e)
{
	const struct rule *rule = rules_find(&r->rules, action, e->way, e->link->number, r->now_us);
	return rule && draw(r, 100) < rule->arg;
}

static const struct rule *find(const struct relay *r, enum action action, const struct end *e)
{
	return rules_find(&r->rules, action, e->way, e->link->number, r->now_us);
}

static struct end *other(struct end *e)
{
	return e == &e->link->client ? &e->link->server : &e->link->client;
}

static bool watch(struct relay *r, struct end *e, uint32_t events, int op)
{
	struct epoll_event event = { .events = events, .data.ptr = e };
	return !epoll_ctl(r->epoll, op, e->fd, &event);
}

/* ---- later ---- */

static void promise(struct relay *r, struct end *from, enum what what, const uint8_t *bytes, size_t len, int64_t due_us)
{
	struct delivery *d = malloc(sizeof *d + len);
	if (!d)
		abort();
	*d = (struct delivery){ .queued.due_us = due_us, .what = what, .link = from->link, .number = from->link->number, .to = other(from),
				.from = from, .len = len };
	if (len)
		memcpy(d->bytes, bytes, len);
	from->held += len;
	queue_push(&r->queue, &d->queued);
}

/* ---- links ---- */

static void close_link(struct relay *r, struct link *l, bool reset)
{
	(void)r;
	if (!l->number)
		return;
	for (struct end *e = &l->client; e; e = e == &l->client ? &l->server : NULL) {
		struct linger linger = { 1, 0 };
		if (e->fd >= 0 && reset)
			setsockopt(e->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
		if (e->fd >= 0)
			close(e->fd);
		e->fd = -1;
	}
	l->number = 0;
}

static void sweep(struct relay *r)
{
	for (struct link **at = &r->links; *at;) {
		struct link *l = *at;
		bool promised = false;   /* late deliveries still point here */
		for (size_t i = 0; !l->number && i < r->queue.n; i++)
			promised = promised || ((struct delivery *)r->queue.heap[i])->link == l;
		if (l->number || promised) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		free(l);
	}
}

static struct link *open_link(struct relay *r, int client_fd)
{
	struct link *l = calloc(1, sizeof *l);
	int one = 1, fd = socket(AF_INET, (r->udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (!l || fd < 0 || (connect(fd, (struct sockaddr *)&r->target, sizeof r->target) && errno != EINPROGRESS)) {
		free(l);
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	l->number = ++r->numbers;
	l->client = (struct end){ .kind = KIND_END, .fd = client_fd, .link = l, .way = WAY_UP };
	l->server = (struct end){ .kind = KIND_END, .fd = fd, .link = l, .way = WAY_DOWN };
	l->next = r->links;
	r->links = l;
	watch(r, &l->server, EPOLLIN, EPOLL_CTL_ADD);
	if (client_fd >= 0)
		watch(r, &l->client, EPOLLIN, EPOLL_CTL_ADD);
	if (!r->udp) {
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
		setsockopt(client_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	}
	return l;
}

static void accept_all(struct relay *r)
{
	int fd;
	while ((fd = accept4(r->listener.fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		if (!open_link(r, fd))
			close(fd);
}

/* ---- streams ---- */

static int64_t due(struct relay *r, struct end *e)
{
	const struct rule *delay = find(r, ACTION_DELAY, e);
	int64_t at = r->now_us + (delay ? delay->arg * 1000 + draw(r, delay->extra * 1000 + 1) : 0);
	return at < e->last_due_us ? e->last_due_us : at;
}

static void pass_stream(struct relay *r, struct end *e, uint8_t *bytes, size_t len)
{
	const struct rule *inject = find(r, ACTION_INJECT, e), *drip = find(r, ACTION_DRIP, e);
	int64_t at = due(r, e);
	if (len && hits(r, ACTION_GARBLE, e))
		bytes[draw(r, (int64_t)len)] ^= (uint8_t)(1 << draw(r, 8));
	if (inject && !e->injected)
		promise(r, e, WHAT_BYTES, inject->bytes, inject->n_bytes, at);
	e->injected = true;
	for (size_t i = 0; drip && i < len; i++, at += drip->arg * 1000)
		promise(r, e, WHAT_BYTES, bytes + i, 1, at);
	if (!drip && len)
		promise(r, e, WHAT_BYTES, bytes, len, at);
	e->last_due_us = at;
}

/* The first limit on the bytes of this way, if this read reaches it. */
static const struct rule *limit(struct relay *r, struct end *e, size_t *len)
{
	static const enum action limits[] = { ACTION_CUT, ACTION_RESET, ACTION_STALL };
	const struct rule *first = NULL;
	for (size_t i = 0; i < countof(limits); i++) {
		const struct rule *rule = find(r, limits[i], e);
		if (rule && rule->arg - e->seen <= (int64_t)*len) {
			*len = rule->arg > e->seen ? (size_t)(rule->arg - e->seen) : 0;
			first = rule;
		}
	}
	return first;
}

static void read_stream(struct relay *r, struct end *e)
{
	uint8_t bytes[CHUNK];
	ssize_t n = recv(e->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0) {
		close_link(r, e->link, true);
		return;
	}
	if (n == 0) {
		e->ended = true;
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, e->fd, NULL);
		if (!e->stalled)
			promise(r, e, WHAT_END, NULL, 0, due(r, e));
		return;
	}
	size_t len = (size_t)n;
	if (e->stalled)
		return;   /* taken and kept */
	const struct rule *stop = limit(r, e, &len);
	pass_stream(r, e, bytes, len);
	e->seen += (int64_t)len;
	if (!stop)
		return;
	e->stalled = true;
	if (stop->action != ACTION_STALL)
		promise(r, e, stop->action == ACTION_RESET ? WHAT_RESET : WHAT_CLOSE, NULL, 0, e->last_due_us);
}

/* ---- datagrams ---- */

static void pass_datagram(struct relay *r, struct end *e, uint8_t *bytes, size_t len)
{
	const struct rule *rule;
	if (find(r, ACTION_PARTITION, e) || hits(r, ACTION_LOSS, e) || ((rule = find(r, ACTION_DROP_ABOVE, e)) && (int64_t)len > rule->arg)) {
		r->lost++;
		return;
	}
	if ((rule = find(r, ACTION_TRUNCATE, e)) && (int64_t)len > rule->arg)
		len = (size_t)rule->arg;
	if (len && hits(r, ACTION_GARBLE, e))
		bytes[draw(r, (int64_t)len)] ^= (uint8_t)(1 << draw(r, 8));
	rule = find(r, ACTION_DELAY, e);
	int64_t at = r->now_us + (rule ? rule->arg * 1000 + draw(r, rule->extra * 1000 + 1) : 0);
	if ((rule = find(r, ACTION_INJECT, e)))
		promise(r, e, WHAT_BYTES, rule->bytes, rule->n_bytes, at);
	promise(r, e, WHAT_BYTES, bytes, len, at + (hits(r, ACTION_REORDER, e) ? REORDER_US : 0));
	if (hits(r, ACTION_DUPLICATE, e))
		promise(r, e, WHAT_BYTES, bytes, len, at + 1000);
}

static void read_clients(struct relay *r)
{
	uint8_t bytes[CHUNK];
	struct sockaddr_in peer;
	socklen_t size = sizeof peer;
	ssize_t n;
	while ((n = recvfrom(r->listener.fd, bytes, sizeof bytes, MSG_DONTWAIT, (struct sockaddr *)&peer, &size)) >= 0) {
		struct link *l = r->links;
		while (l && !(l->number && l->client.peer.sin_port == peer.sin_port && l->client.peer.sin_addr.s_addr == peer.sin_addr.s_addr))
			l = l->next;
		if (!l && (l = open_link(r, -1)))
			l->client.peer = peer;
		if (l)
			pass_datagram(r, &l->client, bytes, (size_t)n);
		size = sizeof peer;
	}
}

static void read_server(struct relay *r, struct end *e)
{
	uint8_t bytes[CHUNK];
	ssize_t n;
	while ((n = recv(e->fd, bytes, sizeof bytes, MSG_DONTWAIT)) >= 0)
		pass_datagram(r, e, bytes, (size_t)n);
}

/* ---- the loop ---- */

static void again(struct relay *r, struct delivery *d, int64_t after_us)
{
	d->queued.due_us = r->now_us + after_us;
	d->from->blocked = d;
	queue_push(&r->queue, &d->queued);
}

/* False: d waits for another try. */
static bool send_stream(struct relay *r, struct delivery *d)
{
	while (d->sent < d->len) {
		ssize_t n = send(d->to->fd, d->bytes + d->sent, d->len - d->sent, MSG_NOSIGNAL);
		if (n < 0 && (errno == EAGAIN || errno == ENOTCONN)) {   /* not connected yet, or a slow reader */
			again(r, d, 2000);
			return false;
		}
		if (n < 0) {
			close_link(r, d->link, true);
			return true;
		}
		d->sent += (size_t)n;
		d->from->held -= (size_t)n;
		r->passed[d->from->way == WAY_DOWN] += n;
	}
	return true;
}

static void send_datagram(struct relay *r, struct delivery *d)
{
	const struct end *to = d->to;
	if (to->fd < 0)
		sendto(r->listener.fd, d->bytes, d->len, MSG_DONTWAIT, (const struct sockaddr *)&to->peer, sizeof to->peer);
	else
		send(to->fd, d->bytes, d->len, MSG_DONTWAIT);
	d->from->held -= d->len;
	r->passed[d->from->way == WAY_DOWN] += (int64_t)d->len;
}

static void deliver(struct relay *r, struct delivery *d)
{
	bool gone = d->link->number != d->number || !d->link->number, kept = false;
	struct delivery *first = gone || r->udp ? NULL : d->from->blocked;
	if (first && first != d) {   /* bytes keep their order */
		d->queued.due_us = first->queued.due_us;
		queue_push(&r->queue, &d->queued);
		return;
	}
	if (first)
		d->from->blocked = NULL;
	if (!gone && !r->udp && find(r, ACTION_PARTITION, d->from)) {
		again(r, d, CHECK_US);
		return;
	}
	if (!gone && r->udp)
		send_datagram(r, d);
	else if (!gone && (d->what == WHAT_CLOSE || d->what == WHAT_RESET))
		close_link(r, d->link, d->what == WHAT_RESET);
	else if (!gone && d->what == WHAT_END) {
		shutdown(d->to->fd, SHUT_WR);
		if (d->to->ended)
			close_link(r, d->link, false);
	} else if (!gone) {
		kept = !send_stream(r, d);
	}
	if (!kept)
		free(d);
}

static void deliver_due(struct relay *r)
{
	for (struct delivery *d; (d = (struct delivery *)queue_pop(&r->queue, r->now_us));)
		deliver(r, d);
}

/* Refusing is a closed listener; a peer that reads nothing stops the reading of the other. */
static bool check(struct relay *r, struct err *err)
{
	bool refuse = rules_find(&r->rules, ACTION_REFUSE, WAY_UP, 0, r->now_us);
	if (refuse && r->listener.fd >= 0) {
		close(r->listener.fd);
		r->listener.fd = -1;
		for (struct link *l = r->links; l; l = l->next)
			close_link(r, l, true);
	} else if (!refuse && r->listener.fd < 0) {
		r->listener.fd = listener(r->udp ? SOCK_DGRAM : SOCK_STREAM, INADDR_LOOPBACK, &r->port, err);
		if (r->listener.fd < 0)
			return false;
		watch(r, &r->listener, EPOLLIN, EPOLL_CTL_ADD);
	}
	for (struct link *l = r->udp ? NULL : r->links; l; l = l->next)
		for (struct end *e = &l->client; l->number && e; e = e == &l->client ? &l->server : NULL) {
			bool pause = e->held > HELD_MAX;
			if (pause != e->paused && !e->ended)
				watch(r, e, pause ? 0 : EPOLLIN, EPOLL_CTL_MOD);
			e->paused = pause;
		}
	return true;
}

static bool set_rules(struct relay *r, char *line, struct err *err)
{
	struct rules rules = { .since_us = r->now_us };
	for (char *rest = line, *word; (word = strsep(&rest, " \t"));) {
		if (!*word)
			continue;
		if (rules.n == RULES_MAX)
			return err_set(err, ERR_USAGE, "more than %d rules", RULES_MAX);
		if (!rule_parse(word, &rules.list[rules.n], err))
			return false;
		rules.n++;
	}
	r->rules = rules;
	return true;
}

static void read_input(struct relay *r)
{
	ssize_t n = read(r->input.fd, r->line + r->line_len, sizeof r->line - 1 - r->line_len);
	if (n <= 0 && !(n < 0 && errno == EAGAIN))
		epoll_ctl(r->epoll, EPOLL_CTL_DEL, r->input.fd, NULL);
	if (n <= 0)
		return;
	r->line_len += (size_t)n;
	r->line[r->line_len] = 0;
	for (char *end; (end = strchr(r->line, '\n'));) {
		struct err err = { 0 };
		*end = 0;
		bool good = set_rules(r, r->line, &err) && check(r, &err);   /* holds before it is confirmed */
		if (good)
			puts("ok");
		else
			printf("bad: %s\n", err.text);
		fflush(stdout);
		r->line_len -= (size_t)(end + 1 - r->line);
		memmove(r->line, end + 1, r->line_len + 1);
	}
	if (r->line_len == sizeof r->line - 1)
		r->line_len = 0;
}

static void handle(struct relay *r, struct end *e)
{
	switch (e->kind) {
	case KIND_SIGNAL:
		r->stopping = true;
		break;
	case KIND_RULES:
		read_input(r);
		break;
	case KIND_LISTENER:
		if (e->fd >= 0 && r->udp)
			read_clients(r);
		else if (e->fd >= 0)
			accept_all(r);
		break;
	case KIND_END:
		if (e->fd >= 0 && r->udp)
			read_server(r, e);
		else if (e->fd >= 0 && !e->ended)
			read_stream(r, e);
	}
}

static bool run(struct relay *r, struct err *err)
{
	struct epoll_event events[EVENTS];
	while (!r->stopping) {
		int64_t next = r->rules.n || r->links ? r->now_us + CHECK_US : INT64_MAX;
		if (queue_next(&r->queue) < next)
			next = queue_next(&r->queue);
		int64_t wait_us = next - r->now_us;
		int n = epoll_wait(r->epoll, events, EVENTS, next == INT64_MAX ? -1 : wait_us < 0 ? 0 : (int)((wait_us + 999) / 1000));
		if (n < 0 && errno != EINTR)
			return err_set(err, ERR_IO, "epoll: %s", strerror(errno));
		read_clock(r);
		if (!check(r, err))
			return false;
		deliver_due(r);
		for (int i = 0; i < n; i++)
			handle(r, events[i].data.ptr);
		deliver_due(r);
		sweep(r);
	}
	return true;
}

static bool open_relay(struct relay *r, struct err *err)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	r->epoll = epoll_create1(EPOLL_CLOEXEC);
	r->signals = (struct end){ .kind = KIND_SIGNAL, .fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK) };
	r->listener = (struct end){ .kind = KIND_LISTENER, .fd = -1 };
	r->input = (struct end){ .kind = KIND_RULES, .fd = 0 };
	if (r->epoll < 0 || r->signals.fd < 0 || !watch(r, &r->signals, EPOLLIN, EPOLL_CTL_ADD))
		return err_set(err, ERR_IO, "epoll, signalfd: %s", strerror(errno));
	if (speaks_through(STDIN_FILENO))
		watch(r, &r->input, EPOLLIN, EPOLL_CTL_ADD);
	return true;
}

bool relay_serve(const struct relay_options *options, struct err *err)
{
	static struct relay r;
	char line[sizeof r.line];
	r.udp = options->udp;
	r.seed = options->seed;
	r.port = options->port;
	r.target = options->target;
	read_clock(&r);
	snprintf(line, sizeof line, "%s", options->rules);
	if (!set_rules(&r, line, err) || !open_relay(&r, err))
		return false;
	r.listener.fd = listener(r.udp ? SOCK_DGRAM : SOCK_STREAM, INADDR_LOOPBACK, &r.port, err);
	if (r.listener.fd < 0 || !watch(&r, &r.listener, EPOLLIN, EPOLL_CTL_ADD) || !check(&r, err))
		return false;
	printf("listening 127.0.0.1:%u\n", r.port);
	fflush(stdout);
	if (!run(&r, err))
		return false;
	printf("connections %lld up %lld down %lld lost %lld\n", (long long)r.numbers, (long long)r.passed[0], (long long)r.passed[1], (long long)r.lost);
	return true;
}
