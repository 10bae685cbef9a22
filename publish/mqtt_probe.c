#include "publish/mqtt_wire.h"

#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

const char *const mqtt_step_names[MQTT_STEP_N] = { "reach", "connect", "subscribe", "publish", "read back" };

struct probe {
	const struct site *site;
	struct mosquitto *mosq;
	struct mqtt_why why;
	char topic[256], nonce[40];
	bool done[MQTT_STEP_N];
	bool over;
	struct err err;
};

static void on_connect(struct mosquitto *mosq, void *ctx, int rc, int flags, const mosquitto_property *properties)
{
	struct probe *p = ctx;
	(void)mosq, (void)flags, (void)properties;
	p->done[MQTT_STEP_CONNECT] = rc == 0;
	p->over = rc != 0 && !mqtt_refused(p->site, rc, &p->err);
}

static void on_subscribe(struct mosquitto *mosq, void *ctx, int mid, int n, const int *granted, const mosquitto_property *properties)
{
	struct probe *p = ctx;
	(void)mosq, (void)mid, (void)properties;
	p->done[MQTT_STEP_SUBSCRIBE] = n == 1 && granted[0] < 0x80;
	if (!p->done[MQTT_STEP_SUBSCRIBE])
		p->over = !err_set(&p->err, ERR_DENIED, "the broker does not let this client read %s; check its access list", p->topic);
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid, int rc, const mosquitto_property *properties)
{
	struct probe *p = ctx;
	(void)mosq, (void)mid, (void)properties;
	p->done[MQTT_STEP_PUBLISH] = rc < 0x80;
	if (rc >= 0x80)
		p->over = !err_set(&p->err, ERR_DENIED, "the broker does not let this client write %s: %s; check its access list", p->topic, mosquitto_reason_string(rc));
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m, const mosquitto_property *properties)
{
	struct probe *p = ctx;
	(void)mosq, (void)properties;
	size_t len = strlen(p->nonce);
	p->done[MQTT_STEP_READ_BACK] |= m->payloadlen == (int)len && !memcmp(m->payload, p->nonce, len);
}

static void on_log(struct mosquitto *mosq, void *ctx, int level, const char *text)
{
	struct probe *p = ctx;
	(void)mosq;
	mqtt_why_log(&p->why, level, text);
}

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Goes on until the step is done, the connection is over, or its time is up. */
static bool wait_for(struct probe *p, enum mqtt_step step, int deadline_ms)
{
	int rc = MOSQ_ERR_SUCCESS;
	for (int64_t until = now_ms() + deadline_ms; !p->done[step] && !p->over && rc == MOSQ_ERR_SUCCESS && now_ms() < until;) {
		struct pollfd fd = { mosquitto_socket(p->mosq), (short)(POLLIN | (mosquitto_want_write(p->mosq) ? POLLOUT : 0)), 0 };
		poll(&fd, 1, 100);
		if (fd.revents & (POLLIN | POLLERR | POLLHUP))
			rc = mosquitto_loop_read(p->mosq, 1);
		if (rc == MOSQ_ERR_SUCCESS && mosquitto_want_write(p->mosq))
			rc = mosquitto_loop_write(p->mosq, 1);
		if (rc == MOSQ_ERR_SUCCESS)
			rc = mosquitto_loop_misc(p->mosq);
	}
	if (p->done[step])
		return true;
	if (p->err.kind || !mqtt_why_err(p->site, &p->why, rc != MOSQ_ERR_SUCCESS && step == MQTT_STEP_CONNECT, &p->err))
		return false;
	if (rc != MOSQ_ERR_SUCCESS)
		return err_set(&p->err, ERR_UNAVAILABLE, "the broker closed the connection: %s", mosquitto_strerror(rc));
	return err_set(&p->err, ERR_UNAVAILABLE, "no answer within %d ms%s", deadline_ms,
		       step == MQTT_STEP_READ_BACK ? ": the message was taken and did not come back; the access list may forbid writing or reading the topic (MQTT 3.1.1 does not say)"
		       : step == MQTT_STEP_CONNECT ? "; is it an MQTT broker?" : "");
}

static bool start(struct probe *p, enum mqtt_step step)
{
	int rc = MOSQ_ERR_SUCCESS;
	if (step == MQTT_STEP_CONNECT)
		rc = mosquitto_connect_bind_v5(p->mosq, p->site->mqtt.host, (int)p->site->mqtt.port, 30, NULL, NULL);
	else if (step == MQTT_STEP_SUBSCRIBE)
		rc = mosquitto_subscribe(p->mosq, NULL, p->topic, 1);
	else if (step == MQTT_STEP_PUBLISH)
		rc = mosquitto_publish(p->mosq, NULL, p->topic, (int)strlen(p->nonce), p->nonce, 1, false);
	if (rc == MOSQ_ERR_SUCCESS || !mqtt_why_err(p->site, &p->why, false, &p->err))
		return rc == MOSQ_ERR_SUCCESS;
	return err_set(&p->err, ERR_UNAVAILABLE, "%s: %s", mqtt_step_names[step], mosquitto_strerror(rc));
}

static bool prepare(struct probe *p, const char *password)
{
	uint64_t chance = 0;
	char id[64];
	if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
		chance = (uint64_t)now_ms();
	snprintf(p->nonce, sizeof p->nonce, "probe-%016llx", (unsigned long long)chance);
	snprintf(id, sizeof id, "pued-%s", p->nonce);      /* not the agent's id: that would push a running one out */
	snprintf(p->topic, sizeof p->topic, "%s/%s/probe", p->site->mqtt.topic ? p->site->mqtt.topic : "pued/v1", p->site->id);
	p->mosq = mqtt_client(p->site, id, password, p, &p->why, &p->err);
	if (!p->mosq)
		return false;
	mosquitto_connect_v5_callback_set(p->mosq, on_connect);
	mosquitto_subscribe_v5_callback_set(p->mosq, on_subscribe);
	mosquitto_publish_v5_callback_set(p->mosq, on_publish);
	mosquitto_message_v5_callback_set(p->mosq, on_message);
	mosquitto_log_callback_set(p->mosq, on_log);
	return true;
}

static void describe(const struct probe *p, enum mqtt_step step, char *out, size_t size)
{
	SSL *ssl = p->mosq ? mosquitto_ssl_get(p->mosq) : NULL;
	char warning[200];
	mqtt_certificate_warning(p->site, (struct wall){ (int64_t)time(NULL) * 1000 }, warning, sizeof warning);
	if (step == MQTT_STEP_REACH)
		snprintf(out, size, "%s:%lld takes connections", p->site->mqtt.host, (long long)p->site->mqtt.port);
	else if (step == MQTT_STEP_CONNECT)
		snprintf(out, size, "%s, %s%s%s%s", ssl ? SSL_get_version(ssl) : "not encrypted", p->site->mqtt.user ? "user " : "no user",
			 p->site->mqtt.user ? p->site->mqtt.user : "", *warning ? "; " : "", warning);
	else
		snprintf(out, size, "%s", p->topic);
}

bool mqtt_probe(const struct site *site, const char *password, int deadline_ms, mqtt_step_fn *fn, void *ctx, struct err *err)
{
	struct probe p = { .site = site };
	bool good = true;
	mosquitto_lib_init();
	for (int i = 0; good && i < MQTT_STEP_N; i++) {
		enum mqtt_step step = (enum mqtt_step)i;
		char words[600];
		good = step == MQTT_STEP_REACH ? mqtt_reach(site->mqtt.host, site->mqtt.port, -1, deadline_ms, &p.err)
		     : (p.mosq || prepare(&p, password)) && start(&p, step) && wait_for(&p, step, deadline_ms);
		if (good)
			describe(&p, step, words, sizeof words);
		fn(ctx, step, good, good ? words : p.err.text);
	}
	if (p.mosq)
		mosquitto_disconnect(p.mosq);
	mosquitto_destroy(p.mosq);
	if (!good && err)
		*err = p.err;
	return good;
}
