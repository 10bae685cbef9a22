/* The SNMP collector: net-snmp builds and parses, everything else is ours: sockets, timers, retries, limits, matching.
 *
 * One single-API session per agent, all on the loop thread (the library is not thread-safe), over shared sockets through a
 * transport of our own; answers are dispatched by source address.  Only GET, GETNEXT and GETBULK are ever sent.
 * Why each guard exists: requirements.md section 3 (net-snmp) and R25 to R29. */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>

#include "collectors/snmp_internal.h"
#include "collectors/snmp_packet.h"
#include "collectors/snmp_udp.h"
#include "collectors/snmp_var.h"

#include <errno.h>
#include <inttypes.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-event.h>
#include <time.h>
#include <unistd.h>

enum { SLOT_FD = 0, OIDS_START = 60, OIDS_MIN = 5, REPS_START = 10, REPS_MAX = 40, WALK_REQUESTS = 2000, WALK_VARS = 20000,
	LOOKUP_MS = 10000, RESOLVE_AGAIN_MS = 60000, POLL_LOOKUP_MS = 20, ROUNDS = 8,
	HELD_UP_MS = 100, HELD_UP_ROUNDS = 256 };

/* Freed by the library with the transport it begins with. */
struct carrier { netsnmp_transport transport; struct target *target; };

struct snmp {
	struct collector_env env;
	sd_event_source *io[UDP_FAMILIES];
	struct udp *udp;
	struct wheel wheel;
	struct stamp now;
	int64_t now_us, expired_ms;    /* expired_ms: when time-outs were looked at last */
	struct target *buckets[4096], *any, *dirty;
	netsnmp_large_fd_set fds;
	uint8_t *in;
	size_t n_in;
	struct packets *packets;
	struct job *spare;
	uint32_t last_id;
	struct var *scratch;
	size_t scratch_room;
};

static void look_at_clock(struct snmp *s)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	s->now_us = t.tv_sec * 1000000 + t.tv_nsec / 1000;
	s->now = s->env.clock.now(s->env.clock.ctx);
}

static void mark_dirty(struct target *t)
{
	if (t->dirty)
		return;
	t->dirty = true;
	t->next_dirty = t->self->dirty;
	t->self->dirty = t;
}

/* ---- the library's way to the wire --------------------------------------------------------------------------------- */

static int carrier_send(netsnmp_transport *transport, const void *bytes, int len, void **opaque, int *opaque_len)
{
	struct target *t = ((struct carrier *)(void *)transport)->target;
	(void)opaque, (void)opaque_len;
	return len > 0 && udp_queue(t->self->udp, &t->to, bytes, (size_t)len) ? len : -1;
}

static int carrier_receive(netsnmp_transport *transport, void *bytes, int size, void **opaque, int *opaque_len)
{
	const struct snmp *s = ((struct carrier *)(void *)transport)->target->self;
	(void)opaque, (void)opaque_len;
	int n = s->n_in < (size_t)size ? (int)s->n_in : size;
	memcpy(bytes, s->in, (size_t)n);
	return n;
}

static int carrier_close(netsnmp_transport *transport)
{
	transport->sock = -1;
	return 0;
}

static char *carrier_text(netsnmp_transport *transport, const void *data, int len)
{
	(void)transport, (void)data, (void)len;
	return strdup("agent");
}

netsnmp_transport *snmp_carrier(struct target *t)
{
	struct carrier *c = calloc(1, sizeof *c);
	if (!c)
		return NULL;
	c->target = t;
	c->transport = (netsnmp_transport){ .domain = netsnmpUDPDomain, .domain_length = (int)netsnmpUDPDomain_len, .sock = SLOT_FD,
		.msgMaxSize = 65507, .f_recv = carrier_receive, .f_send = carrier_send, .f_close = carrier_close, .f_fmtaddr = carrier_text };
	return &c->transport;
}

/* ---- building requests ------------------------------------------------------------------------------------------------ */

static void add_name(netsnmp_pdu *pdu, const struct oid *name)
{
	oid ids[OID_MAX];
	for (size_t i = 0; i < name->n; i++)
		ids[i] = name->ids[i];
	snmp_add_null_var(pdu, ids, name->n);
}

static netsnmp_pdu *build_get(struct target *t, struct job *job)
{
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
	size_t limit = job->part && job->part < t->max_oids ? job->part : t->max_oids;
	job->n_asked = 0;
	for (size_t i = job->first; pdu && i < job->request->n_oids && job->n_asked < limit && job->n_asked < ASKED_MAX; i++) {
		if (job->state && job->state[i])
			continue;
		job->asked[job->n_asked++] = (uint16_t)i;
		add_name(pdu, &job->request->oids[i]);
	}
	return pdu;
}

static netsnmp_pdu *build_walk(struct target *t, struct job *job)
{
	bool v1 = t->version == SNMP_VERSION_1;
	netsnmp_pdu *pdu = snmp_pdu_create(v1 ? SNMP_MSG_GETNEXT : SNMP_MSG_GETBULK);
	if (!pdu)
		return NULL;
	if (!v1) {
		pdu->non_repeaters = 0;
		pdu->max_repetitions = t->repetitions;
	}
	add_name(pdu, &job->last);
	return pdu;
}

static netsnmp_pdu *build_discovery(void)
{
	static const struct oid uptime = { 9, { 1, 3, 6, 1, 2, 1, 1, 3, 0 } };
	netsnmp_pdu *pdu = snmp_pdu_create(SNMP_MSG_GET);
	if (!pdu)
		return NULL;
	/* Asked in nobody's name (RFC 3414 section 4), so that the report can be taken before the user is known for that engine. */
	pdu->version = SNMP_VERSION_3;
	pdu->securityName = strdup("");
	pdu->securityModel = SNMP_SEC_MODEL_USM;
	pdu->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
	add_name(pdu, &uptime);
	return pdu;
}

static bool is_walk(const struct job *job)
{
	return job->request->kind == REQUEST_SNMP_WALK;
}

/* ---- what came ----------------------------------------------------------------------------------------------------------- */

static struct var *room_for(struct job *job, size_t more)
{
	if (job->n_vars + more > job->room) {
		size_t room = (job->n_vars + more) * 2;
		struct var *vars = realloc(job->vars, room * sizeof *vars);
		if (!vars)
			return NULL;
		job->vars = vars;
		job->room = room;
	}
	return job->vars + job->n_vars;
}

struct err *snmp_why(struct job *job)
{
	if (!job->err && (job->err = malloc(sizeof *job->err)))
		*job->err = (struct err){ 0 };
	return job->err;
}

static enum step fail(struct job *job, enum reason reason)
{
	job->reason = reason;
	return STEP_END;
}

static enum step fail_memory(struct job *job)
{
	err_memory(snmp_why(job));
	return fail(job, REASON_MALFORMED);
}

/* An answer that is not one to what was asked is worth nothing, whole. */
static enum step mismatch(struct job *job, const char *what)
{
	err_set(snmp_why(job), ERR_INPUT, "answer rejected: %s", what);
	return fail(job, REASON_MALFORMED);
}

/* Room for all values of a GET that needs more than one datagram. */
static bool many_parts(struct job *job)
{
	size_t n = job->request->n_oids;
	if (job->state)
		return true;
	job->state = calloc(n, 1);
	job->vars = calloc(n, sizeof *job->vars);
	if (!job->state || !job->vars)
		return false;
	job->room = n;
	for (size_t i = 0; i < n; i++)
		job->vars[i].name = job->request->oids[i];
	return true;
}

static bool all_done(struct job *job)
{
	while (job->first < job->request->n_oids && job->state[job->first])
		job->first++;
	return job->first == job->request->n_oids;
}

static enum step next_part(struct job *job)
{
	if (!all_done(job))
		return STEP_SEND;
	job->n_vars = job->request->n_oids;
	return STEP_END;
}

static bool scratch_room(struct snmp *s, size_t n)
{
	if (n <= s->scratch_room)
		return true;
	struct var *vars = realloc(s->scratch, n * sizeof *vars);
	if (!vars)
		return false;
	s->scratch = vars;
	s->scratch_room = n;
	return true;
}

static void learn_more(struct target *t, const struct job *job)
{
	if (job->n_asked != t->max_oids || t->max_oids >= OIDS_START)
		return;
	if (t->grow_left) {
		t->grow_left--;
		return;
	}
	t->max_oids = (uint16_t)(t->max_oids + 5);
	t->grow_left = t->grow_wait;
}

static enum step got_all(struct target *t, struct job *job)
{
	learn_more(t, job);
	job->n_vars = job->n_asked;
	return STEP_END;
}

static enum step take_get(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	bool whole = job->n_asked == job->request->n_oids;
	if (whole ? !scratch_room(t->self, job->n_asked) : !many_parts(job))
		return fail_memory(job);
	size_t n = 0;
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable, n++) {
		if (n == job->n_asked)
			return mismatch(job, "it holds more variables than were asked for");
		size_t at = job->asked[n];
		if (!snmp_name_is(v, &job->request->oids[at]))
			return mismatch(job, "its variables are not those that were asked for");
		if (!snmp_var(v, whole ? &t->self->scratch[at] : &job->vars[at]))
			return mismatch(job, "a name in it is not an object identifier");
	}
	if (n != job->n_asked)
		return mismatch(job, "it holds fewer variables than were asked for");
	if (whole)
		return got_all(t, job);
	learn_more(t, job);
	for (size_t i = 0; i < n; i++)
		job->state[job->asked[i]] = 1;
	return next_part(job);
}

/* error-status of a GET: too big means smaller parts, an error on one object must not cost the others (R4). */
static enum step get_error(struct target *t, struct job *job, long status, long index)
{
	err_set(snmp_why(job), ERR_INPUT, "the agent answers error %ld: %s", status, snmp_error_text(status));
	bool too_big = status == SNMP_ERR_TOOBIG;
	if (job->n_asked > 1 && (too_big || index < 1 || (size_t)index > job->n_asked)) {
		job->part = (job->n_asked + 1) / 2;
		if (too_big)
			t->max_oids = (uint16_t)job->part;
		return many_parts(job) ? STEP_SEND : fail_memory(job);
	}
	if (too_big || job->request->n_oids == 1)
		return fail(job, status == SNMP_ERR_NOSUCHNAME ? REASON_NO_SUCH_OBJECT : REASON_EXCEPTION);
	if (!many_parts(job))
		return fail_memory(job);
	size_t at = job->asked[job->n_asked == 1 ? 0 : (size_t)index - 1];
	job->state[at] = 1;
	job->vars[at].type = status == SNMP_ERR_NOSUCHNAME ? VAR_NO_SUCH_OBJECT : VAR_NONE;
	return next_part(job);
}

static enum step next_column(struct job *job)
{
	if (++job->column >= job->request->n_oids)
		return STEP_END;
	job->last = job->request->oids[job->column];
	job->rows = 0;
	return STEP_SEND;
}

static enum step cut_walk(struct job *job, const char *why)
{
	char text[200];
	snprintf(text, sizeof text, "%s", why);
	job->partial = true;
	err_set(snmp_why(job), ERR_INPUT, "walk cut: %s", text);
	return next_column(job);
}

static enum step take_walk(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	const struct oid *prefix = &job->request->oids[job->column];
	size_t n = 0, limit = t->version == SNMP_VERSION_1 ? 1 : (size_t)t->repetitions;
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable, n++) {
		struct var *var = room_for(job, 1);
		if (!var)
			return fail_memory(job);
		if (n == limit)
			return mismatch(job, "it holds more variables than were asked for");
		if (!snmp_var(v, var))
			return mismatch(job, "a name in it is not an object identifier");
		if (var->type == VAR_END_OF_VIEW || !oid_under(&var->name, prefix))
			return next_column(job);
		/* An agent that repeats or goes back would be walked for ever (F-dev-26). */
		if (oid_compare(&var->name, &job->last) <= 0)
			return cut_walk(job, "the agent's next object is not behind the last one");
		if (job->request->max_rows && job->rows >= job->request->max_rows)
			return cut_walk(job, "more rows than the limit");
		job->last = var->name;
		job->rows++;
		if (++job->n_vars >= WALK_VARS) {
			job->column = job->request->n_oids;
			return cut_walk(job, "more values than the limit");
		}
	}
	if (n == 0)
		return mismatch(job, "it holds no variable");
	if (n == limit && t->repetitions < t->repetitions_max)
		t->repetitions++;
	return STEP_SEND;
}

static enum step walk_error(struct target *t, struct job *job, long status)
{
	if (status == SNMP_ERR_NOSUCHNAME)
		return next_column(job);   /* v1: the end of the view */
	if (status == SNMP_ERR_TOOBIG && t->repetitions > 1) {
		t->repetitions = t->repetitions_max = (t->repetitions + 1) / 2;
		return STEP_SEND;
	}
	err_set(snmp_why(job), ERR_INPUT, "the agent answers error %ld: %s", status, snmp_error_text(status));
	job->partial = true;
	return job->n_vars ? next_column(job) : fail(job, REASON_EXCEPTION);
}

static enum step take(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	if (pdu->command == SNMP_MSG_REPORT)
		return snmp_report(t, job, pdu);
	if (pdu->command != SNMP_MSG_RESPONSE || snmp_discovering(t))
		return mismatch(job, "it is not a response");
	if (pdu->errstat != SNMP_ERR_NOERROR)
		return is_walk(job) ? walk_error(t, job, pdu->errstat) : get_error(t, job, pdu->errstat, pdu->errindex);
	return is_walk(job) ? take_walk(t, job, pdu) : take_get(t, job, pdu);
}

/* Called inside the library: it still holds the request, so only note here what is to be done next. */
int snmp_answered(int operation, netsnmp_session *session, int reqid, netsnmp_pdu *pdu, void *ctx)
{
	struct target *t = ctx;
	(void)session, (void)reqid;
	if (operation == NETSNMP_CALLBACK_OP_RESEND || operation == NETSNMP_CALLBACK_OP_CONNECT)
		return 1;
	t->waiting = false;
	if (operation == NETSNMP_CALLBACK_OP_RECEIVED_MESSAGE && pdu && t->jobs)
		t->step = take(t, t->jobs, pdu);
	if (t->step == STEP_WAIT) {
		t->step = STEP_NONE;
		t->waiting = true;
	}
	return 1;
}

/* ---- a job's life ---------------------------------------------------------------------------------------------------------- */

static struct job *new_job(struct snmp *s)
{
	struct job *job = s->spare;
	if (job)
		s->spare = job->next;
	else if (!(job = malloc(sizeof *job)))
		return NULL;
	memset(job, 0, offsetof(struct job, asked));
	return job;
}

static void free_job(struct snmp *s, struct job *job)
{
	free(job->vars);
	free(job->state);
	free(job->err);
	job->next = s->spare;
	s->spare = job;
}

/* Takes the open request out of the library without an answer. */
static void forget_open(struct target *t)
{
	if (t->fast_id)
		t->waiting = false;
	t->fast_id = 0;
	if (!t->waiting || !t->session)
		return;
	snmp_sess_session(t->session)->retries = -1;
	snmp_sess_timeout(t->session);
	t->waiting = false;
}

static void finish(struct target *t)
{
	struct snmp *s = t->self;
	struct job *job = t->jobs;
	bool scratch = !is_walk(job) && !job->state;
	struct reading r;
	memset((char *)&r + offsetof(struct reading, err) + sizeof r.err, 0, sizeof r - offsetof(struct reading, err) - sizeof r.err);
	r.request = job->request;
	r.at = s->now;
	r.reason = job->reason;
	r.partial = job->partial;
	r.err.kind = job->err ? job->err->kind : ERR_NONE;
	r.err.text[0] = 0;
	if (job->err)
		memcpy(r.err.text, job->err->text, strlen(job->err->text) + 1);
	t->jobs = job->next;
	t->step = STEP_NONE;
	r.latency_us = s->now_us - job->begun_us;
	if (r.reason == REASON_NONE) {
		r.vars = scratch ? s->scratch : job->vars;
		r.n_vars = job->n_vars;
	} else {
		err_wrap(&r.err, "%s %zu object%s", is_walk(job) ? "walk of" : "get of", job->request->n_oids, job->request->n_oids == 1 ? "" : "s");
	}
	t->stats.bus_time_us += r.latency_us;
	t->stats.answers += r.reason == REASON_NONE;
	t->stats.timeouts += r.reason == REASON_TIMEOUT;
	t->stats.errors += r.reason != REASON_NONE && r.reason != REASON_TIMEOUT;
	if (t->jobs)
		mark_dirty(t);
	s->env.sink(s->env.ctx, t->device, &r);
	free_job(s, job);
}

static void finish_with(struct target *t, enum reason reason, const struct err *err)
{
	t->jobs->reason = reason;
	if (snmp_why(t->jobs))
		*t->jobs->err = *err;
	finish(t);
}

static void use_address(struct target *t, size_t i);

/* Lost by chance, or larger than the path lets through (F-net-7): smaller from now on, and each loss makes the next try of more rarer,
 * so that a black hole costs a cycle now and then and not every other one. */
static void fewer_oids(struct target *t)
{
	enum { WAIT_FIRST = 64, WAIT_MAX = 4096 };
	t->max_oids = (uint16_t)(t->max_oids / 2 < OIDS_MIN ? OIDS_MIN : t->max_oids / 2);
	t->grow_wait = t->grow_wait == 0 ? WAIT_FIRST : t->grow_wait < WAIT_MAX ? (uint16_t)(t->grow_wait * 2) : WAIT_MAX;
	t->grow_left = t->grow_wait;
}

/* The deadline is there: what came is kept and flagged (R5). */
static void out_of_time(struct target *t)
{
	struct job *job = t->jobs;
	char where[ADDRESS_TEXT] = "?";
	forget_open(t);
	if (t->addresses.n)
		address_text(&t->to, where);
	err_set(snmp_why(job), ERR_UNAVAILABLE, "%s answer from %s within %" PRId64 " ms", job->n_vars || job->state ? "no complete" : "no", where, job->budget_ms);
	bool some = is_walk(job) ? job->n_vars > 0 : job->state && job->first > 0;
	if (some) {
		job->partial = true;
		job->n_vars = is_walk(job) ? job->n_vars : job->request->n_oids;
	}
	job->reason = some ? REASON_NONE : REASON_TIMEOUT;
	if (is_walk(job) && t->repetitions > 1)
		t->repetitions = (t->repetitions + 1) / 2;
	if (!is_walk(job) && job->n_asked > OIDS_MIN && t->max_oids > OIDS_MIN && t->proven)
		fewer_oids(t);
	if (t->addresses.n > 1)
		use_address(t, (t->address + 1) % t->addresses.n);   /* both families get their chance */
	finish(t);
}

/* The usual poll: a whole GET that fits one datagram, asked as it was asked before.  Everything else goes through the library. */
static bool send_kept(struct target *t)
{
	struct snmp *s = t->self;
	struct job *job = t->jobs;
	const char *community;
	struct packet packet;
	size_t n = job->request->n_oids;
	if (is_walk(job) || t->version == SNMP_VERSION_3 || job->state || job->part || n > t->max_oids || n > ASKED_MAX)
		return false;
	if (!t->fast_id)
		s->last_id = packet_id(s->last_id);
	uint32_t id = t->fast_id ? t->fast_id : s->last_id;
	community = t->community[0] ? t->community : snmp_community(t);
	if (!community || !packet_get(s->packets, &t->hints[job->request->id % HINTS], t->version, community, job->request, &packet))
		return false;
	uint8_t *copy = udp_copy(s->udp, &t->to, packet.bytes, packet.len);
	if (!copy)
		return false;
	packet_put_id(&packet, copy, id);
	job->n_asked = n;
	t->fast_id = id;
	t->fast_built = packet.built;
	return true;
}

/* A timer that would fire earlier is left where it is: it looks again at `due` when it does.  So an answer needs not to take it out,
 * and an agent that is asked a thousand times a second moves its timer twice. */
static void look_at(struct target *t, struct mono due)
{
	t->due = due;
	if (!timer_is_set(&t->timer) || t->timer.at.ms > due.ms)
		wheel_set(&t->self->wheel, &t->timer, due);
}

static void set_timer(struct target *t)
{
	int64_t now = t->self->now.boot.ms, left = t->jobs->deadline.ms - now;
	look_at(t, (struct mono){ left > 100 ? now + left / 2 : t->jobs->deadline.ms });
}

static void send_part(struct target *t)
{
	struct job *job = t->jobs;
	struct err err;
	t->step = STEP_NONE;
	t->fast_id = 0;
	if (send_kept(t)) {
		t->waiting = true;
		set_timer(t);
		return;
	}
	err.kind = ERR_NONE;
	err.text[0] = 0;
	if (!snmp_session_ready(t, &err)) {
		finish_with(t, err.kind == ERR_UNAVAILABLE ? REASON_UNREACHABLE : REASON_MALFORMED, &err);
		return;
	}
	netsnmp_pdu *pdu = snmp_discovering(t) ? build_discovery() : is_walk(job) ? build_walk(t, job) : build_get(t, job);
	t->step = STEP_NONE;
	t->waiting = true;
	snmp_sess_session(t->session)->retries = 1;
	if (!pdu || ++job->sent > WALK_REQUESTS || !snmp_sess_async_send(t->session, pdu, snmp_answered, t)) {
		t->waiting = false;
		err_set(&err, ERR_UNAVAILABLE, "cannot send: %s", snmp_api_errstring(snmp_sess_session(t->session)->s_snmp_errno));
		if (pdu)
			snmp_free_pdu(pdu);
		finish_with(t, REASON_UNREACHABLE, &err);
		return;
	}
	set_timer(t);
}

static void advance(struct target *t)
{
	if (t->step == STEP_END)
		finish(t);
	else if (t->step == STEP_SEND)
		send_part(t);
}

static void look_up(struct target *t)
{
	struct snmp *s = t->self;
	struct err err = { 0 };
	struct addresses found;
	int64_t now = s->now.boot.ms;
	enum lookup_state state = lookup_poll(t->lookup, &found, &err);
	if (state == LOOKUP_BUSY && now < t->jobs->deadline.ms) {
		look_at(t, (struct mono){ now + POLL_LOOKUP_MS });
		return;
	}
	if (state == LOOKUP_BUSY)
		err_set(&err, ERR_UNAVAILABLE, "cannot find the address of '%s': the name server does not answer", t->endpoint.host);
	lookup_free(t->lookup);
	t->lookup = NULL;
	if (state == LOOKUP_DONE)
		snmp_set_addresses(t, &found);
	if (t->addresses.n)
		send_part(t);
	else
		finish_with(t, REASON_UNREACHABLE, &err);
}

static void start(struct target *t)
{
	struct job *job = t->jobs;
	int64_t now = t->self->now.boot.ms;
	job->begun_us = t->self->now_us;
	job->budget_ms = job->budget_ms ? job->budget_ms : job->deadline.ms - now;
	if (now >= job->deadline.ms) {
		out_of_time(t);
		return;
	}
	if (is_walk(job))
		job->last = job->request->oids[0];
	if (t->addresses.n && (t->numeric || now - t->resolved_ms < RESOLVE_AGAIN_MS)) {
		send_part(t);
		return;
	}
	t->lookup = lookup_new(t->endpoint.host, t->endpoint.port);
	if (t->lookup) {
		look_up(t);
		return;
	}
	struct err err;
	err_memory(&err);
	finish_with(t, REASON_UNREACHABLE, &err);
}

static void run_dirty(struct snmp *s)
{
	struct target *t = s->dirty, *next;
	s->dirty = NULL;
	for (; t; t = next) {
		next = t->next_dirty;
		t->dirty = false;
		if (t->dead) {
			free(t->credential);
			free(t);
		} else if (t->jobs && !t->waiting && !t->lookup && t->step == STEP_NONE) {
			start(t);
		}
	}
	udp_flush(s->udp);
}

/* ---- dispatch ------------------------------------------------------------------------------------------------------------------ */

static struct target **bucket_of(struct snmp *s, const struct address *a)
{
	return &s->buckets[address_hash(a) % countof(s->buckets)];
}

static void unhash(struct target *t)
{
	struct target **p = &t->self->buckets[t->bucket];
	if (!t->hashed)
		return;
	while (*p && *p != t)
		p = &(*p)->next;
	if (*p)
		*p = t->next;
	t->hashed = false;
}

static void use_address(struct target *t, size_t i)
{
	unhash(t);
	t->address = i;
	t->to = t->addresses.at[i];
	struct target **bucket = bucket_of(t->self, &t->to);
	t->bucket = (size_t)(bucket - t->self->buckets);
	t->next = *bucket;
	*bucket = t;
	t->hashed = true;
}

void snmp_set_addresses(struct target *t, const struct addresses *found)
{
	unhash(t);
	t->addresses = *found;
	t->resolved_ms = t->self->now.boot.ms;
	use_address(t, 0);
}

static void copy_oid(struct oid *to, const struct oid *from)
{
	to->n = from->n;
	memcpy(to->ids, from->ids, from->n * sizeof *from->ids);
}

/* Read where it lies: what was asked for, without error, in the plainest form. */
static bool give_plain(struct target *t)
{
	struct snmp *s = t->self;
	struct job *job = t->jobs;
	struct packet asked;
	if (!packet_again(s->packets, t->hints[job->request->id % HINTS], t->fast_built, &asked) || asked.n_names != job->n_asked ||
	    !scratch_room(s, job->n_asked) || !answer_read(&asked, t->fast_id, s->in, s->n_in, s->scratch))
		return false;
	for (size_t i = 0; i < job->n_asked; i++)
		copy_oid(&s->scratch[i].name, &job->request->oids[i]);
	t->step = got_all(t, job);
	return true;
}

/* Parsed by the library, matched by us. */
static bool give_parsed(struct target *t)
{
	struct snmp *s = t->self;
	netsnmp_session session = { .version = t->version };
	netsnmp_pdu *pdu = calloc(1, sizeof *pdu);
	if (!pdu)
		return false;
	for (size_t i = 0; i < t->jobs->n_asked; i++)
		t->jobs->asked[i] = (uint16_t)i;
	bool good = snmp_parse(NULL, &session, pdu, s->in, s->n_in) == SNMP_ERR_NOERROR && pdu->reqid == (long)t->fast_id;
	if (good)
		t->step = take(t, t->jobs, pdu);
	snmp_free_pdu(pdu);
	return good;
}

/* The answer to a kept datagram. */
static void give_kept(struct target *t)
{
	if (!give_plain(t) && !give_parsed(t))
		return;
	t->waiting = false;
	t->fast_id = 0;
}

/* True when the datagram was the answer to t's open request. */
static bool give(struct target *t)
{
	struct snmp *s = t->self;
	if (!t->waiting)
		return false;
	if (t->fast_id) {
		give_kept(t);
	} else {
		NETSNMP_LARGE_FD_SET(SLOT_FD, &s->fds);   /* the library clears it when it reads */
		snmp_sess_read2(t->session, &s->fds);
	}
	if (t->waiting) {
		t->stats.foreign++;
		return false;
	}
	t->proven = true;
	advance(t);
	return true;
}

static void got(struct snmp *s, const struct datagram *d, struct target *first)
{
	s->in = d->bytes;
	s->n_in = d->len;
	struct target *next;
	for (struct target *t = first; t; t = next) {
		next = t->next;
		if (address_equal(d->from, &t->to) && give(t))
			return;
	}
	for (struct target *t = s->any; t; t = next) {
		next = t->next_any;
		if (give(t))
			return;
	}
}

/* With thousands of agents nothing of one is in the cache when its answer comes.  What all answers of a batch need is asked for in
 * turns, so that the memory works on all of it at once. */
static void got_batch(struct snmp *s, const struct datagram *d, size_t n)
{
	struct target **buckets[UDP_BATCH];
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(buckets[i] = bucket_of(s, d[i].from));
	for (size_t i = 0; i < n; i++)
		for (size_t line = 0; *buckets[i] && line < offsetof(struct target, addresses); line += 64)
			__builtin_prefetch((const char *)*buckets[i] + line);
	for (size_t i = 0; i < n; i++)
		if (*buckets[i] && (*buckets[i])->jobs)
			__builtin_prefetch((*buckets[i])->jobs);
	for (size_t i = 0; i < n; i++)
		got(s, &d[i], *buckets[i]);
}

/* What answers lead to is sent after each batch of them, so that the agents work while we read on. */
static void read_answers(struct snmp *s, size_t family, int rounds)
{
	size_t n = UDP_BATCH;
	const struct datagram *d;
	while (n == UDP_BATCH && rounds--) {
		look_at_clock(s);
		n = udp_receive(s->udp, family, &d);
		got_batch(s, d, n);
		run_dirty(s);
	}
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	struct snmp *s = ctx;
	(void)source, (void)revents;
	read_answers(s, fd == udp_fd(s->udp, 0) ? 0 : 1, ROUNDS);
	return 0;
}

static void timer_due(struct target *t)
{
	struct job *job = t->jobs;
	int64_t now = t->self->now.boot.ms;
	if (!job || !(t->waiting || t->lookup))
		return;
	if (now < t->due.ms) {
		look_at(t, t->due);
	} else if (t->lookup) {
		look_up(t);
	} else if (now >= job->deadline.ms) {
		out_of_time(t);
	} else {
		t->stats.retries++;
		snmp_forget_time(t);
		if (t->fast_id)
			send_kept(t);
		else if (t->session)
			snmp_sess_timeout(t->session);   /* every open request is past the library's own time-out: it sends again */
		look_at(t, job->deadline);
	}
}

/* ---- collector operations ---------------------------------------------------------------------------------------------------------- */

static void snmp_expire(void *ctx, struct mono now)
{
	struct snmp *s = ctx;
	struct timer *timer;
	bool looked = false;
	/* The process was held up: what came in the meantime is read before it is called late. */
	for (size_t family = 0; s->expired_ms && now.ms - s->expired_ms > HELD_UP_MS && family < 2; family++)
		if (udp_fd(s->udp, family) >= 0)
			read_answers(s, family, HELD_UP_ROUNDS);
	s->expired_ms = now.ms;
	while ((timer = wheel_due(&s->wheel, now))) {
		if (!looked)
			look_at_clock(s);
		looked = true;
		timer_due((struct target *)(void *)timer);
	}
	if (looked)
		run_dirty(s);
}

static void snmp_flush(void *ctx)
{
	struct snmp *s = ctx;
	if (!s->dirty)
		return;
	look_at_clock(s);
	run_dirty(s);
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
	run_dirty(s);
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
	look_at_clock(s);
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
		unhash(t);
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
	struct job *job = new_job(t->self);
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
	mark_dirty(t);
}

static void snmp_detach(struct target *t)
{
	struct snmp *s = t->self;
	forget_open(t);
	unhash(t);
	for (struct target **p = &s->any; *p; p = &(*p)->next_any) {
		if (*p == t) {
			*p = t->next_any;
			break;
		}
	}
	wheel_cut(&s->wheel, &t->timer);
	for (struct job *job; (job = t->jobs);) {
		t->jobs = job->next;
		free_job(s, job);
	}
	lookup_free(t->lookup);
	snmp_session_close(t);
	t->dead = true;
	mark_dirty(t);
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
