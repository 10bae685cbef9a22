/* The Modbus collector (TCP, RTU on serial lines, RTU over TCP): requests of targets become exchanges on shared connections, answers become readings. */
#include "collectors/modbus_conn.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

enum { ID_ROUNDS_MAX = 4, ID_OBJECTS = 7 };   /* basic and regular objects 0..6 */

struct target {
	struct tcp *self;
	struct modbus_conn *conn;
	void *device;
	uint8_t unit;
	struct exchange *pending;      /* of this target, linked by hand: few */
	struct target_stats stats;
};

/* An exchange with its owner's link; device identification gathers its parts here. */
struct job {
	struct exchange x;
	struct job *next_of_target;
	struct modbus_objects *objects;
};

struct tcp {
	struct modbus_bus bus;
	struct collector_env env;
	sd_event_source *io;
	struct job *spare;
	struct words words;
	struct modbus_objects server;
};

static void job_free(struct tcp *t, struct job *job)
{
	free(job->objects);
	job->objects = NULL;
	job->next_of_target = t->spare;
	t->spare = job;
}

static void unlink_job(struct target *t, struct job *job)
{
	struct job **p = (struct job **)(void *)&t->pending;
	while (*p != job)
		p = &(*p)->next_of_target;
	*p = job->next_of_target;
}

/* True when another part of the identification was asked for. */
static bool more_objects(struct job *job, const struct modbus_answer *answer)
{
	if (!job->objects)
		job->objects = calloc(1, sizeof *job->objects);
	if (!job->objects)
		return false;
	size_t before = job->objects->n;
	if (!modbus_device_id(answer->pdu, answer->pdu_len, job->objects, NULL) || !job->objects->more)
		return false;
	/* A device that always says "more", or says nothing new, ends here with what came. */
	if (++job->x.rounds >= ID_ROUNDS_MAX || job->objects->n == before)
		return false;
	job->x.wire.object = job->objects->next;
	modbus_conn_again(&job->x);
	return true;
}

static void put_objects(const struct job *job, const char *out[ID_OBJECTS], struct reading *r)
{
	for (size_t i = 0; i < ID_OBJECTS; i++)
		out[i] = "";
	for (size_t i = 0; job->objects && i < job->objects->n; i++) {
		uint8_t id = job->objects->at[i].id;
		if (id >= ID_OBJECTS)
			continue;
		out[id] = job->objects->at[i].text;
		r->n_objects = r->n_objects > id ? r->n_objects : id + 1u;
	}
	r->objects = out;
}

static void describe(const struct modbus_request *w, struct err *err)
{
	static const char *const names[] = { [1] = "coils", [2] = "discrete inputs", [3] = "holding registers", [4] = "input registers" };
	if (w->function < countof(names))
		err_wrap(err, "unit %u, %u %s at 0x%04x", w->unit, w->count, names[w->function], w->address);
	else
		err_wrap(err, "unit %u, %s", w->unit, w->function == MODBUS_DEVICE_ID ? "device identification" : "server id");
}

static void done(struct modbus_bus *bus, struct exchange *x, const struct outcome *o)
{
	struct tcp *self = (struct tcp *)(void *)bus;
	struct job *job = (struct job *)(void *)x;
	struct target *t = x->target;
	if (o->reason == REASON_NONE && x->wire.function == MODBUS_DEVICE_ID && more_objects(job, &o->answer))
		return;
	const char *objects[ID_OBJECTS];
	struct reading r;      /* all but the kilobyte of its sentence is cleared: this runs for every answer */
	memset((char *)&r + offsetof(struct reading, err) + sizeof r.err, 0, sizeof r - offsetof(struct reading, err) - sizeof r.err);
	r.request = x->request;
	r.at = o->at;
	r.reason = o->reason;
	r.err.kind = ERR_NONE;
	r.err.text[0] = 0;
	r.latency_us = x->begun_us ? o->now_us - x->begun_us : 0;
	r.exception = o->reason == REASON_EXCEPTION ? o->answer.exception : 0;
	t->stats.bus_time_us += r.latency_us;
	t->stats.retries += x->resent;
	t->stats.answers += o->reason == REASON_NONE || o->reason == REASON_EXCEPTION;
	t->stats.timeouts += o->reason == REASON_TIMEOUT;
	t->stats.errors += o->reason != REASON_NONE && o->reason != REASON_TIMEOUT;
	if (o->reason != REASON_NONE) {
		r.err = *o->err;
		describe(&x->wire, &r.err);
	} else if (x->wire.function == MODBUS_DEVICE_ID) {
		put_objects(job, objects, &r);
	} else if (x->wire.function == MODBUS_SERVER_ID) {
		modbus_server_id(o->answer.pdu, o->answer.pdu_len, &self->server);
		objects[0] = self->server.at[0].text;
		r.objects = objects;
		r.n_objects = 1;
	} else {
		modbus_words(o->answer.pdu, &x->wire, &self->words);
		r.words = self->words.at;
		r.n_words = self->words.n;
	}
	unlink_job(t, job);
	self->env.sink(self->env.ctx, t->device, &r);
	job_free(self, job);
}

static int on_ready(sd_event_source *source, int fd, uint32_t revents, void *ctx)
{
	(void)source, (void)fd, (void)revents;
	modbus_bus_ready(&((struct tcp *)ctx)->bus);
	return 0;
}

static void tcp_stop(void *ctx)
{
	struct tcp *t = ctx;
	if (!t)
		return;
	modbus_bus_done(&t->bus);
	sd_event_source_unref(t->io);
	for (struct job *job; (job = t->spare);) {
		t->spare = job->next_of_target;
		free(job);
	}
	free(t);
}

static void *tcp_start(const struct collector_env *env, struct err *err)
{
	struct tcp *t = calloc(1, sizeof *t);
	if (!t) {
		err_memory(err);
		return NULL;
	}
	t->env = *env;
	t->bus.done = done;
	if (!modbus_bus_init(&t->bus, &t->env, err)) {
		free(t);
		return NULL;
	}
	/* One source for all connections: sd-event costs a system call and more for each of its own events. */
	int rc = sd_event_add_io(env->loop, &t->io, t->bus.epoll_fd, 1 /* EPOLLIN */, on_ready, t);
	if (rc < 0) {
		err_set(err, ERR_IO, "event loop: %s", strerror(-rc));
		tcp_stop(t);
		return NULL;
	}
	return t;
}

static struct target *tcp_attach(void *ctx, const struct endpoint *ep, void *device, struct err *err)
{
	struct tcp *self = ctx;
	struct target *t = calloc(1, sizeof *t);
	if (!t) {
		err_memory(err);
		return NULL;
	}
	t->conn = modbus_conn_get(&self->bus, ep, err);
	if (!t->conn) {
		free(t);
		return NULL;
	}
	t->self = self;
	t->device = device;
	t->unit = ep->unit;
	return t;
}

static void tcp_submit(struct target *t, const struct request *req, struct mono deadline)
{
	static const uint8_t functions[] = { [REQUEST_MODBUS_DEVICE_ID] = MODBUS_DEVICE_ID, [REQUEST_MODBUS_SERVER_ID] = MODBUS_SERVER_ID };
	struct tcp *self = t->self;
	struct job *job = self->spare;
	if (job)
		self->spare = job->next_of_target;
	else
		job = malloc(sizeof *job);
	if (!job)
		return;
	*job = (struct job){ .x.target = t, .x.request = req, .next_of_target = (struct job *)(void *)t->pending };
	job->x.wire = (struct modbus_request){ .unit = t->unit, .address = req->address, .count = req->count,
		.function = req->kind == REQUEST_MODBUS_READ ? req->function : functions[req->kind] };
	job->x.budget_ms = deadline.ms - self->env.clock.now(self->env.clock.ctx).boot.ms;
	t->pending = &job->x;
	t->stats.requests++;
	modbus_conn_add(t->conn, &job->x, deadline);
}

static void tcp_detach(struct target *t)
{
	for (struct job *job; (job = (struct job *)(void *)t->pending);) {
		t->pending = (struct exchange *)(void *)job->next_of_target;
		modbus_conn_cut(&job->x);
		job_free(t->self, job);
	}
	modbus_conn_put(t->conn);
	free(t);
}

static void tcp_flush(void *ctx)
{
	modbus_bus_flush(&((struct tcp *)ctx)->bus);
}

static void tcp_expire(void *ctx, struct mono now)
{
	modbus_bus_expire(&((struct tcp *)ctx)->bus, now);
}

static struct mono tcp_next(void *ctx)
{
	const struct tcp *t = ctx;
	return t->bus.dirty ? t->bus.now.boot : wheel_next(&t->bus.wheel);
}

static void tcp_stats(const struct target *t, struct target_stats *out)
{
	*out = t->stats;
	modbus_conn_counts(t->conn, &out->late, &out->foreign);
}

static const char *const schemes[] = { "modbus+tcp", "modbus+rtu", "modbus+rtutcp", NULL };
const struct collector_ops modbus_tcp = {
	.schemes = schemes, .start = tcp_start, .attach = tcp_attach, .submit = tcp_submit, .flush = tcp_flush, .expire = tcp_expire,
	.next = tcp_next, .stats = tcp_stats, .detach = tcp_detach, .stop = tcp_stop,
};
