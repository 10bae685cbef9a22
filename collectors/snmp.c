/* The SNMP collector: net-snmp builds and parses, everything else is ours: sockets, timers, retries, limits, matching.
 *
 * One single-API session per agent, all on the loop thread (the library is not thread-safe), over shared sockets through a
 * transport of our own; answers are dispatched by source address.  Only GET, GETNEXT and GETBULK are ever sent.
 * Why each guard exists: requirements.md section 3 (net-snmp) and R25 to R29. */
#include "collectors/snmp_internal.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

void snmp_look_at_clock(struct snmp *s)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	s->now_us = t.tv_sec * 1000000 + t.tv_nsec / 1000;
	s->now = s->env.clock.now(s->env.clock.ctx);
}

void snmp_mark_dirty(struct target *t)
{
	if (t->dirty)
		return;
	t->dirty = true;
	t->next_dirty = t->self->dirty;
	t->self->dirty = t;
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct snmp *s = ctx;
	(void)source, (void)revents;
	snmp_read_answers(s, fd == udp_fd(s->udp, 0) ? 0 : 1, ROUNDS);
	return 0;
}

static void snmp_expire(void *ctx, struct mono now)
{
	struct snmp *s = ctx;
	struct timer *timer;
	bool looked = false;
	/* The process was held up: what came in the meantime is read before it is called late. */
	for (size_t family = 0; s->expired_ms && now.ms - s->expired_ms > HELD_UP_MS && family < 2; family++)
		if (udp_fd(s->udp, family) >= 0)
			snmp_read_answers(s, family, HELD_UP_ROUNDS);
	s->expired_ms = now.ms;
	while ((timer = wheel_due(&s->wheel, now))) {
		if (!looked)
			snmp_look_at_clock(s);
		looked = true;
		snmp_timer_due((struct target *)(void *)timer);
	}
	if (looked)
		snmp_run_dirty(s);
}

static void snmp_flush(void *ctx)
{
	struct snmp *s = ctx;
	if (!s->dirty)
		return;
	snmp_look_at_clock(s);
	snmp_run_dirty(s);
}

static struct mono snmp_next(void *ctx)
{
	const struct snmp *s = ctx;
	return s->dirty ? s->now.boot : wheel_next(&s->wheel);
}

static void snmp_stop(void *ctx)
{
	struct snmp *s = ctx;
	if (!s)
		return;
	snmp_run_dirty(s);
	for (size_t i = 0; i < UDP_FAMILIES; i++)
		sd_event_source_unref(s->io[i]);
	udp_free(s->udp);
	netsnmp_large_fd_set_cleanup(&s->fds);
	packets_free(s->packets);
	for (struct job *job; (job = s->spare);) {
		s->spare = job->next;
		free(job);
	}
	free(s->scratch);
	free(s);
}

static bool watch(struct snmp *s, struct err *err)
{
	for (size_t i = 0; i < UDP_FAMILIES; i++)
		if (udp_fd(s->udp, i) >= 0 && sd_event_add_io(s->env.loop, &s->io[i], udp_fd(s->udp, i), EPOLLIN, on_ready, s) < 0)
			return err_set(err, ERR_IO, "cannot watch the SNMP socket");
	return true;
}

static void *snmp_start(const struct collector_env *env, struct err *err)
{
	struct snmp *s = calloc(1, sizeof *s);
	if (!s) {
		err_memory(err);
		return NULL;
	}
	s->env = *env;
	net_raise_limit();
	/* The library takes 64 KiB for each datagram and gives them back: without this the heap shrinks and grows, and faults, each time. */
	mallopt(M_TRIM_THRESHOLD, 8 << 20);
	mallopt(M_TOP_PAD, 1 << 20);
	snmp_library();
	netsnmp_large_fd_set_init(&s->fds, 1024);
	s->packets = packets_new();
	s->last_id = (uint32_t)env->seed & 0x7fffffff;
	if (!s->packets)
		err_memory(err);
	if (!s->packets || !(s->udp = udp_new(err)) || !watch(s, err)) {
		snmp_stop(s);
		return NULL;
	}
	snmp_look_at_clock(s);
	wheel_init(&s->wheel, s->now.boot);
	return s;
}

static struct target *snmp_attach(void *ctx, const struct endpoint *ep, void *device, struct err *err)
{
	struct snmp *s = ctx;
	size_t endpoint_size = offsetof(struct endpoint, options) + ep->options_len, align = _Alignof(struct target);
	size_t size = (offsetof(struct target, endpoint) + endpoint_size + align - 1) / align * align;
	struct target *t = aligned_alloc(align, size);
	if (!t) {
		err_memory(err);
		return NULL;
	}
	memset(t, 0, size);
	memcpy(&t->endpoint, ep, endpoint_size);
	t->self = s;
	t->env = &s->env;
	t->device = device;
	t->max_oids = OIDS_START;
	t->repetitions = REPS_START;
	t->repetitions_max = REPS_MAX;
	t->resolved_ms = INT64_MIN / 2;
	/* the name of the credential outlives the configuration it came from */
	t->credential = ep->credential ? strdup(ep->credential) : NULL;
	t->endpoint.credential = t->credential;
	if (strlen(ep->user) < sizeof t->community)
		memcpy(t->community, ep->user, strlen(ep->user));
	struct addresses found;
	struct lookup *numeric = lookup_new(ep->host, ep->port);
	if (numeric && lookup_poll(numeric, &found, NULL) == LOOKUP_DONE) {
		snmp_set_addresses(t, &found);
		t->numeric = lookup_is_numeric(numeric);
	}
	lookup_free(numeric);
	if ((ep->credential && !t->credential && !err_memory(err)) || !snmp_session_check(t, err)) {
		snmp_unhash(t);
		free(t->credential);
		free(t);
		return NULL;
	}
	if (ep->any_source) {
		t->next_any = s->any;
		s->any = t;
	}
	return t;
}

static void snmp_submit(struct target *t, const struct request *req, struct mono deadline)
{
	struct job *job = snmp_job_new(t->self);
	if (!job)
		return;
	job->request = req;
	job->deadline = deadline;
	job->budget_ms = t->jobs ? deadline.ms - t->self->env.clock.now(t->self->env.clock.ctx).boot.ms : 0;   /* 0: when it begins */
	struct job **end = &t->jobs;
	while (*end)
		end = &(*end)->next;
	*end = job;
	t->stats.requests++;
	snmp_mark_dirty(t);
}

static void snmp_detach(struct target *t)
{
	struct snmp *s = t->self;
	snmp_forget_open(t);
	snmp_unhash(t);
	for (struct target **p = &s->any; *p; p = &(*p)->next_any) {
		if (*p == t) {
			*p = t->next_any;
			break;
		}
	}
	wheel_cut(&s->wheel, &t->timer);
	for (struct job *job; (job = t->jobs);) {
		t->jobs = job->next;
		snmp_job_free(s, job);
	}
	lookup_free(t->lookup);
	snmp_session_close(t);
	t->dead = true;
	snmp_mark_dirty(t);
}

static void snmp_stats(const struct target *t, struct target_stats *out)
{
	*out = t->stats;
}

static bool snmp_at(const struct target *t, const uint8_t address[16])
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	for (size_t i = 0; i < t->addresses.n; i++) {
		const struct address *a = &t->addresses.at[i];
		bool v4 = a->u.any.sa_family == AF_INET;
		if (v4 ? !memcmp(address, mapped, 12) && !memcmp(address + 12, &a->u.v4.sin_addr, 4) : !memcmp(address, &a->u.v6.sin6_addr, 16))
			return true;
	}
	return false;
}

static const char *const schemes[] = { "snmp", "snmpv3", NULL };
const struct collector_ops snmp = {
	.schemes = schemes, .start = snmp_start, .attach = snmp_attach, .submit = snmp_submit, .flush = snmp_flush, .expire = snmp_expire,
	.next = snmp_next, .stats = snmp_stats, .detach = snmp_detach, .stop = snmp_stop, .at = snmp_at,
};
