#include "publish/mqtt_inner.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

int64_t mqtt_now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

struct wall mqtt_wall(const struct mqtt *m)
{
	return m->o.wall ? m->o.wall(m->o.clock) : (struct wall){ 0 };
}

void mqtt_say(struct mqtt *m, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	pthread_mutex_lock(&m->lock);
	vsnprintf(m->status.sentence, sizeof m->status.sentence, fmt, args);
	pthread_mutex_unlock(&m->lock);
	va_end(args);
}

void mqtt_count(struct mqtt *m, uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&m->lock);
	*counter += n;
	pthread_mutex_unlock(&m->lock);
}

bool mqtt_stopping(struct mqtt *m)
{
	pthread_mutex_lock(&m->lock);
	bool yes = m->stopping;
	pthread_mutex_unlock(&m->lock);
	return yes;
}

bool mqtt_take_work(struct mqtt *m)
{
	pthread_mutex_lock(&m->lock);
	bool yes = m->work;
	m->work = false;
	pthread_mutex_unlock(&m->lock);
	return yes;
}

static void signal_thread(struct mqtt *m)
{
	uint64_t one = 1;
	ssize_t n = write(m->event, &one, sizeof one);   /* EAGAIN: it is awake already */
	(void)n;
}

void mqtt_drain(struct mqtt *m)
{
	uint64_t n;
	ssize_t got = read(m->event, &n, sizeof n);
	(void)got;
}

static uint64_t chance(struct mqtt *m)
{
	m->random ^= m->random << 13;
	m->random ^= m->random >> 7;
	return m->random ^= m->random << 17;
}

/* Doubles from backoff_ms up to 64 times; half of it is chance, so that many agents do not come back as one. */
static void back_off(struct mqtt *m, unsigned step)
{
	int64_t base = m->o.backoff_ms << (step < 6 ? step : 6);
	int64_t until = mqtt_now_ms() + base / 2 + (int64_t)(chance(m) % (uint64_t)(base / 2 + 1));
	for (int64_t left; !mqtt_stopping(m) && (left = until - mqtt_now_ms()) > 0;) {
		struct pollfd p = { m->event, POLLIN, 0 };
		if (poll(&p, 1, (int)left) > 0)
			mqtt_drain(m);
	}
}

static void *run(void *ctx)
{
	struct mqtt *m = ctx;
	unsigned step = 0;
	while (!mqtt_stopping(m)) {
		mqtt_drain(m);
		struct session s = { .m = m };
		session_run(&s);
		mosquitto_destroy(s.mosq);
		pthread_mutex_lock(&m->lock);
		m->status.connected = false;
		pthread_mutex_unlock(&m->lock);
		if (mqtt_stopping(m))
			break;
		mqtt_say(m, "%s", s.err.text);
		step = s.refused && step < REFUSED_STEPS ? REFUSED_STEPS : s.up && m->short_lives < 2 ? 0 : step + 1;
		back_off(m, step);
	}
	return NULL;
}

static bool topics(struct mqtt *m, struct err *err)
{
	const char *prefix = m->o.site->mqtt.topic ? m->o.site->mqtt.topic : "pued/v1";
	int n = snprintf(m->base, sizeof m->base, "%s/%s", prefix, m->o.site->id);
	if (n < 0 || (size_t)n >= sizeof m->base)
		return err_set(err, ERR_CONFIG, "mqtt.topic %s is too long", prefix);
	snprintf(m->state_topic, sizeof m->state_topic, "%s/state", m->base);
	snprintf(m->receipt_topic, sizeof m->receipt_topic, "%s/receipt", m->base);
	snprintf(m->resend_topic, sizeof m->resend_topic, "%s/resend", m->base);
	return true;
}

static void defaults(struct mqtt_options *o)
{
	if (o->in_flight == 0 || o->in_flight > IN_FLIGHT_MAX)
		o->in_flight = o->in_flight ? IN_FLIGHT_MAX : 16;
	if (o->backoff_ms <= 0)
		o->backoff_ms = 1000;
	if (o->answer_ms <= 0)
		o->answer_ms = 15000;
}

static bool check(struct mqtt *m, struct err *err)
{
	if (!m->o.site->mqtt.host)
		return err_set(err, ERR_CONFIG, "mqtt.host is missing");
	if (!topics(m, err))
		return false;
	if (!m->o.site->mqtt.tls)
		return true;
	SSL_CTX *tls = mqtt_tls(m->o.site, m->why.verify, err);   /* files are read again at every connect: they may be renewed */
	SSL_CTX_free(tls);
	return tls != NULL;
}

/* Signals belong to the program's loop; a broken pipe is an error code here. */
static bool start_thread(struct mqtt *m, struct err *err)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int rc = pthread_create(&m->thread, NULL, run, m);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 || err_set(err, ERR_INTERNAL, "MQTT thread: %s", strerror(rc));
}

static void mqtt_free(struct mqtt *m)
{
	for (size_t i = 0; i < m->n_live; i++) {
		free(m->live[i].topic);
		free(m->live[i].payload);
	}
	for (size_t i = 0; i < m->n_events; i++) {
		free(m->events[i].topic);
		free(m->events[i].payload);
	}
	if (m->event >= 0)
		close(m->event);
	pthread_mutex_destroy(&m->lock);
	free(m);
}

struct mqtt *mqtt_start(const struct mqtt_options *o, struct err *err)
{
	struct mqtt *m = calloc(1, sizeof *m);
	if (!m) {
		err_memory(err);
		return NULL;
	}
	m->o = *o;
	defaults(&m->o);
	pthread_mutex_init(&m->lock, NULL);
	m->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (getrandom(&m->random, sizeof m->random, GRND_NONBLOCK) != sizeof m->random || m->random == 0)
		m->random = 0x9e3779b97f4a7c15;
	mosquitto_lib_init();
	snprintf(m->status.sentence, sizeof m->status.sentence, "not connected yet");
	if (m->event < 0)
		err_set(err, ERR_IO, "MQTT: eventfd: %s", strerror(errno));
	else if (check(m, err) && start_thread(m, err))
		return m;
	err_wrap(err, "MQTT");
	mqtt_free(m);
	return NULL;
}

void mqtt_wake(struct mqtt *m)
{
	pthread_mutex_lock(&m->lock);
	m->work = true;
	pthread_mutex_unlock(&m->lock);
	signal_thread(m);
}

void mqtt_now(struct mqtt *m, const char *topic, const void *payload, size_t len, bool retain)
{
	struct live fresh = { strdup(topic), malloc(len ? len : 1), len, retain }, old = { 0 };
	if (!fresh.topic || !fresh.payload) {
		free(fresh.topic);
		free(fresh.payload);
		return;
	}
	memcpy(fresh.payload, payload, len);
	pthread_mutex_lock(&m->lock);
	size_t i = 0;
	while (i < m->n_live && strcmp(m->live[i].topic, topic) != 0)
		i++;
	if (i == LIVE_MAX) {                     /* the oldest gives way */
		old = m->live[0];
		memmove(&m->live[0], &m->live[1], (LIVE_MAX - 1) * sizeof m->live[0]);
		i = LIVE_MAX - 1;
	} else if (i == m->n_live) {
		m->n_live++;
	} else {
		old = m->live[i];                /* the latest of a topic wins */
	}
	m->live[i] = fresh;
	pthread_mutex_unlock(&m->lock);
	free(old.topic);
	free(old.payload);
	signal_thread(m);
}

static bool event_text(const struct mqtt *m, const struct mqtt_event *ev, struct buf *out)
{
	char at[WALL_TEXT];
	const struct { const char *key, *value; } rows[] = {
		{ "\"at\"", wall_text(ev->at, at) }, { ",\"device\"", ev->device }, { ",\"kind\"", ev->kind }, { ",\"schema\"", "pued-device-event/1" },
		{ ",\"sentence\"", ev->sentence }, { ",\"site\"", m->o.site->id },
	};
	buf_str(out, "{");
	for (size_t i = 0; i < countof(rows); i++) {
		buf_printf(out, "%s:", rows[i].key);
		buf_json(out, rows[i].value);
	}
	buf_printf(out, ",\"n\":%llu,\"simulated\":%s}", (unsigned long long)ev->n, m->o.site->simulated ? "true" : "false");
	return !out->failed;
}

void mqtt_event(struct mqtt *m, const struct mqtt_event *ev)
{
	struct buf topic = { 0 }, text = { 0 };
	struct live old = { 0 };
	buf_printf(&topic, "%s/event/%s", m->base, ev->device);
	if (topic.failed || !event_text(m, ev, &text)) {
		buf_done(&topic);
		buf_done(&text);
		return;
	}
	size_t len = text.len;
	struct live fresh = { buf_take(&topic), buf_take(&text), len, false };
	pthread_mutex_lock(&m->lock);
	if (m->n_events == EVENTS_MAX) {
		old = m->events[0];
		memmove(&m->events[0], &m->events[1], (EVENTS_MAX - 1) * sizeof m->events[0]);
		m->n_events--;
	}
	m->events[m->n_events++] = fresh;
	pthread_mutex_unlock(&m->lock);
	free(old.topic);
	free(old.payload);
	signal_thread(m);
}

void mqtt_status(struct mqtt *m, struct mqtt_status *out)
{
	pthread_mutex_lock(&m->lock);
	*out = m->status;
	pthread_mutex_unlock(&m->lock);
}

void mqtt_stop(struct mqtt *m)
{
	if (!m)
		return;
	pthread_mutex_lock(&m->lock);
	m->stopping = true;
	pthread_mutex_unlock(&m->lock);
	signal_thread(m);
	pthread_join(m->thread, NULL);
	mqtt_free(m);
}
