/* A job's life: looked up, sent, sent again, advanced by answers, ended by its deadline. */
#include "collectors/snmp_internal.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct job *snmp_job_new(struct snmp *s)
{
	struct job *job = s->spare;
	if (job) {
		s->spare = job->next;
		s->n_spare--;
	} else if (!(job = malloc(sizeof *job))) {
		return NULL;
	}
	memset(job, 0, offsetof(struct job, asked));
	return job;
}

void snmp_job_free(struct snmp *s, struct job *job)
{
	free(job->vars);
	free(job->state);
	free(job->err);
	if (s->n_spare == SPARE_JOBS) {
		free(job);
		return;
	}
	job->next = s->spare;
	s->spare = job;
	s->n_spare++;
}

/* Takes the open request out of the library without an answer. */
void snmp_forget_open(struct target *t)
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
	bool scratch = !snmp_is_walk(job) && !job->state;
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
		err_wrap(&r.err, "%s %zu object%s", snmp_is_walk(job) ? "walk of" : "get of", job->request->n_oids, job->request->n_oids == 1 ? "" : "s");
	}
	t->stats.bus_time_us += r.latency_us;
	t->stats.answers += r.reason == REASON_NONE;
	t->stats.timeouts += r.reason == REASON_TIMEOUT;
	t->stats.errors += r.reason != REASON_NONE && r.reason != REASON_TIMEOUT;
	if (t->jobs)
		snmp_mark_dirty(t);
	s->env.sink(s->env.ctx, t->device, &r);
	snmp_job_free(s, job);
}

static void finish_with(struct target *t, enum reason reason, const struct err *err)
{
	t->jobs->reason = reason;
	if (snmp_why(t->jobs))
		*t->jobs->err = *err;
	finish(t);
}

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
	snmp_forget_open(t);
	if (t->addresses.n)
		address_text(&t->to, where);
	err_set(snmp_why(job), ERR_UNAVAILABLE, "%s answer from %s within %" PRId64 " ms", job->n_vars || job->state ? "no complete" : "no", where, job->budget_ms);
	bool some = snmp_is_walk(job) ? job->n_vars > 0 : job->state && job->first > 0;
	if (some) {
		job->partial = true;
		job->n_vars = snmp_is_walk(job) ? job->n_vars : job->request->n_oids;
	}
	job->reason = some ? REASON_NONE : REASON_TIMEOUT;
	if (snmp_is_walk(job) && t->repetitions > 1)
		t->repetitions = (t->repetitions + 1) / 2;
	if (!snmp_is_walk(job) && job->n_asked > OIDS_MIN && t->max_oids > OIDS_MIN && t->proven)
		fewer_oids(t);
	if (t->addresses.n > 1)
		snmp_use_address(t, (t->address + 1) % t->addresses.n);   /* both families get their chance */
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
	if (snmp_is_walk(job) || t->version == SNMP_VERSION_3 || job->state || job->part || n > t->max_oids || n > ASKED_MAX)
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
	netsnmp_pdu *pdu = snmp_pdu(t);
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

void snmp_advance(struct target *t)
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
	if (snmp_is_walk(job))
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

void snmp_run_dirty(struct snmp *s)
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

void snmp_timer_due(struct target *t)
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
