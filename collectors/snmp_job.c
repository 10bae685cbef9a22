/* What a job asks, as PDUs of net-snmp, and what came: matched with what was asked, part by part, row by row. */
#include "collectors/snmp_internal.h"
#include "collectors/snmp_var.h"

#include <stdlib.h>
#include <string.h>

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

netsnmp_pdu *snmp_pdu(struct target *t)
{
	struct job *job = t->jobs;
	return snmp_discovering(t) ? build_discovery() : snmp_is_walk(job) ? build_walk(t, job) : build_get(t, job);
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

bool snmp_scratch_room(struct snmp *s, size_t n)
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

enum step snmp_got_all(struct target *t, struct job *job)
{
	learn_more(t, job);
	job->n_vars = job->n_asked;
	return STEP_END;
}

static enum step take_get(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	bool whole = job->n_asked == job->request->n_oids;
	if (whole ? !snmp_scratch_room(t->self, job->n_asked) : !many_parts(job))
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
		return snmp_got_all(t, job);
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

enum step snmp_take(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	if (pdu->command == SNMP_MSG_REPORT)
		return snmp_report(t, job, pdu);
	if (pdu->command != SNMP_MSG_RESPONSE || snmp_discovering(t))
		return mismatch(job, "it is not a response");
	if (pdu->errstat != SNMP_ERR_NOERROR)
		return snmp_is_walk(job) ? walk_error(t, job, pdu->errstat) : get_error(t, job, pdu->errstat, pdu->errindex);
	return snmp_is_walk(job) ? take_walk(t, job, pdu) : take_get(t, job, pdu);
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
		t->step = snmp_take(t, t->jobs, pdu);
	if (t->step == STEP_WAIT) {
		t->step = STEP_NONE;
		t->waiting = true;
	}
	return 1;
}
