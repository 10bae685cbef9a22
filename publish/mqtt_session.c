#include "publish/mqtt_command.h"
#include "publish/mqtt_inner.h"

#include <errno.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* ---- what comes back -------------------------------------------------------------------------------------------- */

static void send_state(struct session *s, const char *state)
{
	char text[400];
	int n = mqtt_state(s->m, state, text, sizeof text);
	mosquitto_publish(s->mosq, NULL, s->m->state_topic, n, text, 1, true);
}

static void on_connect(struct mosquitto *mosq, void *ctx, int rc, int flags, const mosquitto_property *properties)
{
	struct session *s = ctx;
	struct mqtt *m = s->m;
	(void)flags;
	(void)properties;
	const struct site *site = m->o.site;
	if (rc != 0) {
		s->over = s->refused = true;
		mqtt_refused(site, rc, &s->err);
		return;
	}
	s->up = s->more = true;
	s->up_ms = mqtt_now_ms();
	s->cursor = m->floor;
	SSL *ssl = mosquitto_ssl_get(mosq);
	char warning[200];
	mqtt_certificate_warning(site, (struct wall){ (int64_t)time(NULL) * 1000 }, warning, sizeof warning);
	pthread_mutex_lock(&m->lock);
	m->status.connected = true;
	m->status.connects++;
	pthread_mutex_unlock(&m->lock);
	mqtt_say(m, "connected to %s:%lld (%s)%s%s", site->mqtt.host, (long long)site->mqtt.port, ssl ? SSL_get_version(ssl) : "not encrypted",
	    *warning ? "; " : "", warning);
	send_state(s, "online");
	mosquitto_subscribe(mosq, NULL, m->receipt_topic, 1);
	mosquitto_subscribe(mosq, NULL, m->resend_topic, 1);
}

static void on_publish(struct mosquitto *mosq, void *ctx, int mid, int rc, const mosquitto_property *properties)
{
	struct session *s = ctx;
	struct mqtt *m = s->m;
	(void)mosq;
	(void)properties;
	size_t i = 0;
	while (i < s->n_flight && s->flight[i].mid != mid)
		i++;
	if (i == s->n_flight)
		return;   /* state or live message */
	uint64_t seq = s->flight[i].seq;
	memmove(&s->flight[i], &s->flight[i + 1], (--s->n_flight - i) * sizeof s->flight[0]);
	if (rc >= 0x80) {
		mqtt_count(m, &m->status.failed, 1);
		s->over = s->refused = true;
		err_set(&s->err, ERR_DENIED, "broker %s:%lld does not take report %llu: %s; check the broker's access list for topic %s/#",
			m->o.site->mqtt.host, (long long)m->o.site->mqtt.port, (unsigned long long)seq, mosquitto_reason_string(rc), m->base);
		return;
	}
	m->o.outbox->sent(m->o.store, seq, mqtt_wall(m));
	/* The floor rises only over rows that nothing in flight lies below. */
	uint64_t least = UINT64_MAX;
	for (size_t j = 0; j < s->n_flight; j++)
		if (s->flight[j].seq < least)
			least = s->flight[j].seq;
	if (seq < least && seq > m->floor)
		m->floor = seq;
	m->short_lives = 0;
	mqtt_count(m, &m->status.sent, 1);
}

static void receipt(struct session *s, const void *bytes, size_t len)
{
	struct mqtt *m = s->m;
	CLEANUP(buf_done) struct buf payload = { 0 };
	struct err err = { 0 };
	struct mqtt_range r;
	if (!m->o.receipt)
		err_set(&err, ERR_EVIDENCE, "no key is trusted for receipts here");
	else if (len > MQTT_RECEIPT_MAX)
		err_set(&err, ERR_INPUT, "it has %zu bytes; at most %d are read", len, MQTT_RECEIPT_MAX);
	else if (m->o.receipt(m->o.receipt_ctx, bytes, len, &payload, &err) &&
		 mqtt_range_parse(m->o.site->id, payload.data, payload.len, &r, &err)) {
		m->o.outbox->delivered(m->o.store, r.epoch, r.from, r.to);
		mqtt_count(m, &m->status.receipts, 1);
		return;
	}
	mqtt_count(m, &m->status.refused_commands, 1);
	mqtt_say(m, "connected; a receipt was refused: %s", err.text);
}

static void resend(struct session *s, const void *bytes, size_t len)
{
	struct mqtt *m = s->m;
	struct mqtt_range r;
	struct err err = { 0 };
	if (!mqtt_range_parse(m->o.site->id, bytes, len, &r, &err)) {
		mqtt_count(m, &m->status.refused_commands, 1);
		mqtt_say(m, "connected; a request to send again was refused: %s", err.text);
		return;
	}
	m->o.outbox->again(m->o.store, r.epoch, r.from, r.to);
	mqtt_count(m, &m->status.resends, 1);
	uint64_t before = r.from ? r.from - 1 : 0;
	if (before < m->floor)
		m->floor = before;
	/* The store's writer may need a moment until the rows are pending again. */
	s->look_from = s->looks && s->look_from < before ? s->look_from : before;
	s->looks = LOOKS;
	s->look_ms = mqtt_now_ms();
}

static void look_again(struct session *s)
{
	if (!s->looks || mqtt_now_ms() < s->look_ms)
		return;
	s->looks--;
	s->look_ms = mqtt_now_ms() + 1000;
	if (s->look_from < s->cursor)
		s->cursor = s->look_from;
	s->more = true;
}

static void on_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *msg, const mosquitto_property *properties)
{
	struct session *s = ctx;
	(void)mosq;
	(void)properties;
	size_t len = msg->payloadlen > 0 ? (size_t)msg->payloadlen : 0;
	const void *bytes = len ? msg->payload : "";
	if (msg->retain)   /* stale: a command is for who listens now */
		mqtt_count(s->m, &s->m->status.refused_commands, 1);
	else if (!strcmp(msg->topic, s->m->receipt_topic))
		receipt(s, bytes, len);
	else if (!strcmp(msg->topic, s->m->resend_topic))
		resend(s, bytes, len);
}

static void on_disconnect(struct mosquitto *mosq, void *ctx, int rc, const mosquitto_property *properties)
{
	struct session *s = ctx;
	(void)mosq;
	(void)properties;
	if (!s->over && s->m->o.site->mqtt.version == 5 && rc >= 0x80)
		err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld ended the connection: %s%s", s->m->o.site->mqtt.host,
			(long long)s->m->o.site->mqtt.port, mosquitto_reason_string(rc),
			rc == MQTT_RC_SESSION_TAKEN_OVER ? "; two agents use one site id" : "");
	s->over = true;
}

static void on_log(struct mosquitto *mosq, void *ctx, int level, const char *text)
{
	struct session *s = ctx;
	(void)mosq;
	mqtt_why_log(&s->m->why, level, text);
}

/* ---- from the first word to the last ----------------------------------------------------------------------------- */

static bool prepare(struct session *s)
{
	struct mqtt *m = s->m;
	const struct site *site = m->o.site;
	char id[200], will[400];
	snprintf(id, sizeof id, "pued-%s", site->id);
	s->mosq = mqtt_client(site, id, m->o.password, s, &m->why, &s->err);
	if (!s->mosq)
		return false;
	mosquitto_max_inflight_messages_set(s->mosq, (unsigned)m->o.in_flight + 1);
	mosquitto_connect_v5_callback_set(s->mosq, on_connect);
	mosquitto_publish_v5_callback_set(s->mosq, on_publish);
	mosquitto_message_v5_callback_set(s->mosq, on_message);
	mosquitto_disconnect_v5_callback_set(s->mosq, on_disconnect);
	mosquitto_log_callback_set(s->mosq, on_log);
	int n = mqtt_state(m, "offline", will, sizeof will);
	int rc = mosquitto_will_set_v5(s->mosq, m->state_topic, n, will, 1, true, NULL);
	return rc == MOSQ_ERR_SUCCESS || err_set(&s->err, ERR_INTERNAL, "MQTT library, last will: %s", mosquitto_strerror(rc));
}

/* The sentence of a connection that ended without one. */
static void explain(struct session *s, int rc, int error)
{
	struct mqtt *m = s->m;
	const struct site *site = m->o.site;
	if (s->err.kind)
		return;
	const char *where = s->up ? "lost the connection" : "no MQTT connection";
	if (!mqtt_why_err(site, &m->why, !s->up, &s->err))
		s->refused = true;
	else if (m->short_lives >= 2)
		err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld: the connection ends soon after each start (%u times): do two agents use the site id %s?",
			site->mqtt.host, (long long)site->mqtt.port, m->short_lives + 1, site->id);
	else
		err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld: %s: %s", site->mqtt.host, (long long)site->mqtt.port, where,
			rc == MOSQ_ERR_ERRNO ? strerror(error) : rc == MOSQ_ERR_SUCCESS || rc == MOSQ_ERR_CONN_LOST ? "the broker closed it" : mosquitto_strerror(rc));
}

static int pause_ms(const struct session *s)
{
	int64_t now = mqtt_now_ms(), until = now + 1000;
	if (s->more && s->n_flight < s->m->o.in_flight && s->retry_ms > now && s->retry_ms < until)
		until = s->retry_ms;
	return (int)(until - now);
}

/* Reads, writes, keeps alive; false when the connection is gone. */
static bool turn(struct session *s, int timeout_ms)
{
	int fd = mosquitto_socket(s->mosq), rc = MOSQ_ERR_SUCCESS;
	if (fd < 0)
		return false;
	struct pollfd p[2] = { { fd, (short)(POLLIN | (mosquitto_want_write(s->mosq) ? POLLOUT : 0)), 0 }, { s->m->event, POLLIN, 0 } };
	if (poll(p, 2, timeout_ms) < 0 && errno != EINTR)
		return false;
	if (p[1].revents)
		mqtt_drain(s->m);
	errno = 0;
	if (p[0].revents & (POLLIN | POLLERR | POLLHUP)) {
		SSL *ssl;
		do
			rc = mosquitto_loop_read(s->mosq, 1);
		while (rc == MOSQ_ERR_SUCCESS && (ssl = mosquitto_ssl_get(s->mosq)) && SSL_pending(ssl) > 0);
	}
	if (rc == MOSQ_ERR_SUCCESS && mosquitto_socket(s->mosq) >= 0 && mosquitto_want_write(s->mosq))
		rc = mosquitto_loop_write(s->mosq, 1);
	if (rc == MOSQ_ERR_SUCCESS && !s->over)
		rc = mosquitto_loop_misc(s->mosq);
	if (rc == MOSQ_ERR_SUCCESS)
		return !s->over;
	explain(s, rc, errno);
	return false;
}

static void goodbye(struct session *s)
{
	if (!s->up || s->over)
		return;
	send_state(s, "offline");
	int64_t until = mqtt_now_ms() + GOODBYE_MS;
	while (mqtt_now_ms() < until && mosquitto_want_write(s->mosq) && turn(s, 50))
		;
	mosquitto_disconnect(s->mosq);
	while (mqtt_now_ms() < until && mosquitto_want_write(s->mosq) && turn(s, 50))
		;
}

static void talk(struct session *s)
{
	struct mqtt *m = s->m;
	while (!mqtt_stopping(m)) {
		if (!s->up && mqtt_now_ms() - s->began_ms > m->o.answer_ms) {
			err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld takes connections but does not answer; is it an MQTT broker%s?",
				m->o.site->mqtt.host, (long long)m->o.site->mqtt.port, m->o.site->mqtt.tls ? " with TLS" : " without TLS");
			return;
		}
		if (s->up && m->o.receipt && mqtt_now_ms() >= s->receipts_due_ms) {   /* rows without a receipt are looked at again */
			s->receipts_due_ms = mqtt_now_ms() + (m->o.receipt_wait_ms > 0 ? m->o.receipt_wait_ms : 600000);
			s->cursor = 0;
			s->more = true;
		}
		if (mqtt_take_work(m))
			s->more = true;
		look_again(s);
		if (s->up) {
			session_live(s);
			session_fill(s);
		}
		if (!turn(s, pause_ms(s))) {
			explain(s, MOSQ_ERR_CONN_LOST, 0);
			return;
		}
	}
	goodbye(s);
}

void session_run(struct session *s)
{
	struct mqtt *m = s->m;
	const struct site *site = m->o.site;
	if (!mqtt_reach(site->mqtt.host, site->mqtt.port, m->event, REACH_MS, &s->err) || !prepare(s))
		return;
	s->began_ms = mqtt_now_ms();
	int rc = mosquitto_connect_bind_v5(s->mosq, site->mqtt.host, (int)site->mqtt.port, KEEPALIVE_S, NULL, NULL);
	if (rc != MOSQ_ERR_SUCCESS)
		explain(s, rc, errno);
	else
		talk(s);
	bool brief = s->up && mqtt_now_ms() - s->up_ms < SHORT_MS;
	m->short_lives = brief ? m->short_lives + 1 : 0;
}
