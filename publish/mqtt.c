#include "publish/mqtt_command.h"
#include "publish/mqtt_wire.h"
#include "publish/publish.h"

#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { IN_FLIGHT_MAX = 64, LIVE_MAX = 32, KEEPALIVE_S = 30, REACH_MS = 10000, UP_MS = 15000, GOODBYE_MS = 1000, SHORT_MS = 5000,
       REFUSED_STEPS = 5, LOOKS = 5 };

struct flight { int mid; uint64_t seq; };
struct live { char *topic, *payload; size_t len; bool retain; };

struct mqtt {
	struct mqtt_options o;
	char base[256], state_topic[300], receipt_topic[300], resend_topic[300];
	pthread_t thread;
	int event;
	pthread_mutex_t lock;                    /* the five below */
	bool stopping, work;
	struct mqtt_status status;
	struct live live[LIVE_MAX];
	size_t n_live;
	/* Of the thread alone. */
	uint64_t floor;                          /* every row up to here has its PUBACK, as far as this process knows */
	uint64_t random;
	unsigned short_lives;                    /* connections in a row that ended at once */
	char tls_why[256], library_says[256];
};

/* One connection. */
struct session {
	struct mqtt *m;
	struct mosquitto *mosq;
	bool up, over, refused, more;
	int64_t began_ms, up_ms, receipts_due_ms, retry_ms, look_ms;
	uint64_t look_from;                      /* asked for again: looked for `looks` more times, once a second */
	unsigned looks;
	uint64_t cursor;                         /* the last row looked at */
	struct flight flight[IN_FLIGHT_MAX];
	size_t n_flight;
	struct err err;                          /* why it is over */
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static struct wall wall_now(const struct mqtt *m)
{
	return m->o.wall ? m->o.wall(m->o.clock) : (struct wall){ 0 };
}

static void say(struct mqtt *m, const char *fmt, ...) PRINTF(2, 3);
static void say(struct mqtt *m, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	pthread_mutex_lock(&m->lock);
	vsnprintf(m->status.sentence, sizeof m->status.sentence, fmt, args);
	pthread_mutex_unlock(&m->lock);
	va_end(args);
}

static void count(struct mqtt *m, uint64_t *counter, uint64_t n)
{
	pthread_mutex_lock(&m->lock);
	*counter += n;
	pthread_mutex_unlock(&m->lock);
}

static bool stopping(struct mqtt *m)
{
	pthread_mutex_lock(&m->lock);
	bool yes = m->stopping;
	pthread_mutex_unlock(&m->lock);
	return yes;
}

static bool take_work(struct mqtt *m)
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

static void drain(struct mqtt *m)
{
	uint64_t n;
	ssize_t got = read(m->event, &n, sizeof n);
	(void)got;
}

/* ---- what goes out ---------------------------------------------------------------------------------------------- */

struct batch { struct session *s; struct row { uint64_t epoch, seq; char *topic, *payload; size_t len; } rows[IN_FLIGHT_MAX]; size_t n, seen; bool full; };

static bool in_flight(const struct session *s, uint64_t seq)
{
	for (size_t i = 0; i < s->n_flight; i++)
		if (s->flight[i].seq == seq)
			return true;
	return false;
}

/* A row that the broker has taken waits for its receipt; without a hub it waits for its retention and is not sent again. */
static bool waits(const struct mqtt *m, const struct outbox_item *it)
{
	if (it->sent.ms <= 0)
		return false;
	int64_t wait = m->o.receipt_wait_ms > 0 ? m->o.receipt_wait_ms : 600000;
	return !m->o.receipt || wall_now(m).ms - it->sent.ms < wait;
}

static void collect(void *ctx, const struct outbox_item *it)
{
	struct batch *b = ctx;
	b->seen++;
	if (b->n == 0 && (waits(b->s->m, it) || in_flight(b->s, it->seq))) {
		b->s->cursor = it->seq;
		return;
	}
	if (b->full || waits(b->s->m, it) || in_flight(b->s, it->seq))
		return;
	struct row *r = &b->rows[b->n];
	r->topic = strdup(it->topic);
	r->payload = malloc(it->len ? it->len : 1);
	if (!r->topic || !r->payload) {          /* this one and all behind it: next time */
		free(r->topic);
		free(r->payload);
		b->full = true;
		return;
	}
	memcpy(r->payload, it->payload, it->len);
	r->len = it->len;
	r->epoch = it->epoch;
	r->seq = it->seq;
	b->full = ++b->n == countof(b->rows);
}

static void batch_done(struct batch *b)
{
	for (size_t i = 0; i < b->n; i++) {
		free(b->rows[i].topic);
		free(b->rows[i].payload);
	}
}

static bool report_properties(const struct row *r, mosquitto_property **out)
{
	char epoch[24], seq[24];
	snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)r->epoch);
	snprintf(seq, sizeof seq, "%llu", (unsigned long long)r->seq);
	return mosquitto_property_add_string(out, MQTT_PROP_CONTENT_TYPE, "application/jose+json") == MOSQ_ERR_SUCCESS &&
	       mosquitto_property_add_string_pair(out, MQTT_PROP_USER_PROPERTY, "schema", "pued-report/1") == MOSQ_ERR_SUCCESS &&
	       mosquitto_property_add_string_pair(out, MQTT_PROP_USER_PROPERTY, "epoch", epoch) == MOSQ_ERR_SUCCESS &&
	       mosquitto_property_add_string_pair(out, MQTT_PROP_USER_PROPERTY, "seq", seq) == MOSQ_ERR_SUCCESS;
}

static bool publish_row(struct session *s, const struct row *r)
{
	struct mqtt *m = s->m;
	mosquitto_property *properties = NULL;
	int mid = 0, rc = MOSQ_ERR_NOMEM;
	if (m->o.site->mqtt.version != 5 || report_properties(r, &properties))
		rc = mosquitto_publish_v5(s->mosq, &mid, r->topic, (int)r->len, r->payload, 1, false, properties);
	mosquitto_property_free_all(&properties);
	if (rc == MOSQ_ERR_SUCCESS) {
		s->flight[s->n_flight++] = (struct flight){ mid, r->seq };
		return true;
	}
	count(m, &m->status.failed, 1);
	say(m, "report %llu (%zu bytes) is kept: %s%s", (unsigned long long)r->seq, r->len, mosquitto_strerror(rc),
	    rc == MOSQ_ERR_OVERSIZE_PACKET ? "; raise the broker's packet limit" : "");
	return false;
}

/* Fills the window from the outbox, in order.  A row that cannot be published now holds back those behind it. */
static void fill(struct session *s)
{
	struct mqtt *m = s->m;
	while (s->more && s->n_flight < m->o.in_flight && now_ms() >= s->retry_ms) {
		struct batch b = { .s = s };
		size_t room = m->o.in_flight - s->n_flight;
		struct err err = { 0 };
		if (!m->o.outbox->pending(m->o.store, s->cursor, room, collect, &b, &err)) {
			say(m, "the outbox cannot be read: %s", err.text);
			s->retry_ms = now_ms() + 1000;
		} else {
			s->more = b.seen > 0;
			size_t i = 0;
			while (i < b.n && publish_row(s, &b.rows[i]))
				s->cursor = b.rows[i++].seq;
			if (i < b.n)
				s->retry_ms = now_ms() + 5000;
		}
		batch_done(&b);
	}
}

static void send_live(struct session *s)
{
	struct mqtt *m = s->m;
	struct live live[LIVE_MAX];
	pthread_mutex_lock(&m->lock);
	size_t n = m->n_live;
	memcpy(live, m->live, n * sizeof *live);
	m->n_live = 0;
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < n; i++) {
		mosquitto_publish(s->mosq, NULL, live[i].topic, (int)live[i].len, live[i].payload, 0, live[i].retain);
		free(live[i].topic);
		free(live[i].payload);
	}
}

static int state_payload(struct mqtt *m, const char *state, char *out, size_t size)
{
	char at[WALL_TEXT];
	return snprintf(out, size, "{\"at\":\"%s\",\"schema\":\"pued-state/1\",\"simulated\":%s,\"site\":\"%s\",\"software\":\"pued %s\",\"state\":\"%s\"}",
			wall_text(wall_now(m), at), m->o.site->simulated ? "true" : "false", m->o.site->id, PUED_VERSION, state);
}

static void send_state(struct session *s, const char *state)
{
	char text[400];
	int n = state_payload(s->m, state, text, sizeof text);
	mosquitto_publish(s->mosq, NULL, s->m->state_topic, n, text, 1, true);
}

/* ---- what comes back -------------------------------------------------------------------------------------------- */

static void on_connect(struct mosquitto *mosq, void *ctx, int rc, int flags, const mosquitto_property *properties)
{
	struct session *s = ctx;
	struct mqtt *m = s->m;
	(void)flags;
	(void)properties;
	const struct site *site = m->o.site;
	if (rc != 0) {
		bool v5 = site->mqtt.version == 5;
		bool denied = v5 ? rc == MQTT_RC_BAD_USERNAME_OR_PASSWORD || rc == MQTT_RC_NOT_AUTHORIZED || rc == MQTT_RC_BANNED : rc == 4 || rc == 5;
		s->over = s->refused = true;
		err_set(&s->err, denied ? ERR_DENIED : ERR_UNAVAILABLE, "broker %s:%lld refuses %s%s%s: %s; %s", site->mqtt.host,
			(long long)site->mqtt.port, site->mqtt.user ? "user \"" : "a client without user", site->mqtt.user ? site->mqtt.user : "",
			site->mqtt.user ? "\"" : "", v5 ? mosquitto_reason_string(rc) : mosquitto_connack_string(rc),
			denied ? "check mqtt.user and the credential of mqtt.password" : "see the broker's log");
		return;
	}
	s->up = s->more = true;
	s->up_ms = now_ms();
	s->cursor = m->floor;
	SSL *ssl = mosquitto_ssl_get(mosq);
	char warning[200];
	mqtt_certificate_warning(site, (struct wall){ (int64_t)time(NULL) * 1000 }, warning, sizeof warning);
	pthread_mutex_lock(&m->lock);
	m->status.connected = true;
	m->status.connects++;
	pthread_mutex_unlock(&m->lock);
	say(m, "connected to %s:%lld (%s)%s%s", site->mqtt.host, (long long)site->mqtt.port, ssl ? SSL_get_version(ssl) : "not encrypted",
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
		count(m, &m->status.failed, 1);
		s->over = s->refused = true;
		err_set(&s->err, ERR_DENIED, "broker %s:%lld does not take report %llu: %s; check the broker's access list for topic %s/#",
			m->o.site->mqtt.host, (long long)m->o.site->mqtt.port, (unsigned long long)seq, mosquitto_reason_string(rc), m->base);
		return;
	}
	m->o.outbox->sent(m->o.store, seq, wall_now(m));
	/* The floor rises only over rows that nothing in flight lies below. */
	uint64_t least = UINT64_MAX;
	for (size_t j = 0; j < s->n_flight; j++)
		if (s->flight[j].seq < least)
			least = s->flight[j].seq;
	if (seq < least && seq > m->floor)
		m->floor = seq;
	m->short_lives = 0;
	count(m, &m->status.sent, 1);
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
		count(m, &m->status.receipts, 1);
		return;
	}
	count(m, &m->status.refused_commands, 1);
	say(m, "connected; a receipt was refused: %s", err.text);
}

static void resend(struct session *s, const void *bytes, size_t len)
{
	struct mqtt *m = s->m;
	struct mqtt_range r;
	struct err err = { 0 };
	if (!mqtt_range_parse(m->o.site->id, bytes, len, &r, &err)) {
		count(m, &m->status.refused_commands, 1);
		say(m, "connected; a request to send again was refused: %s", err.text);
		return;
	}
	m->o.outbox->again(m->o.store, r.epoch, r.from, r.to);
	count(m, &m->status.resends, 1);
	uint64_t before = r.from ? r.from - 1 : 0;
	if (before < m->floor)
		m->floor = before;
	/* The store's writer may need a moment until the rows are pending again. */
	s->look_from = s->looks && s->look_from < before ? s->look_from : before;
	s->looks = LOOKS;
	s->look_ms = now_ms();
}

static void look_again(struct session *s)
{
	if (!s->looks || now_ms() < s->look_ms)
		return;
	s->looks--;
	s->look_ms = now_ms() + 1000;
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
		count(s->m, &s->m->status.refused_commands, 1);
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
	if (level == MOSQ_LOG_ERR && strstr(text, "OpenSSL Error") && !s->m->library_says[0]) {
		const char *reason = strrchr(text, ':');   /* error:0A000412:SSL routines::sslv3 alert bad certificate */
		snprintf(s->m->library_says, sizeof s->m->library_says, "%s", reason && reason[1] ? reason + 1 : text);
	}
}

/* ---- one connection --------------------------------------------------------------------------------------------- */

static bool library(struct session *s, int rc, const char *what)
{
	return rc == MOSQ_ERR_SUCCESS || err_set(&s->err, ERR_INTERNAL, "MQTT library, %s: %s", what, mosquitto_strerror(rc));
}

static bool prepare(struct session *s)
{
	struct mqtt *m = s->m;
	const struct site *site = m->o.site;
	char id[200], will[400];
	snprintf(id, sizeof id, "pued-%s", site->id);
	s->mosq = mosquitto_new(id, true, s);
	if (!s->mosq)
		return err_memory(&s->err);
	/* Our thread, our poll(): the library's own loop fails above descriptor 1023. */
	mosquitto_threaded_set(s->mosq, true);
	mosquitto_max_inflight_messages_set(s->mosq, (unsigned)m->o.in_flight + 1);
	mosquitto_connect_v5_callback_set(s->mosq, on_connect);
	mosquitto_publish_v5_callback_set(s->mosq, on_publish);
	mosquitto_message_v5_callback_set(s->mosq, on_message);
	mosquitto_disconnect_v5_callback_set(s->mosq, on_disconnect);
	mosquitto_log_callback_set(s->mosq, on_log);
	int version = site->mqtt.version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
	int n = state_payload(m, "offline", will, sizeof will);
	if (!library(s, mosquitto_int_option(s->mosq, MOSQ_OPT_PROTOCOL_VERSION, version), "version") ||
	    !library(s, mosquitto_int_option(s->mosq, MOSQ_OPT_TCP_NODELAY, 1), "no delay") ||
	    !library(s, mosquitto_will_set_v5(s->mosq, m->state_topic, n, will, 1, true, NULL), "last will"))
		return false;
	if (site->mqtt.user && !library(s, mosquitto_username_pw_set(s->mosq, site->mqtt.user, m->o.password), "user"))
		return false;
	if (!site->mqtt.tls)
		return true;
	SSL_CTX *tls = mqtt_tls(site, m->tls_why, &s->err);
	if (!tls)
		return false;
	int rc = mosquitto_void_option(s->mosq, MOSQ_OPT_SSL_CTX, tls);
	SSL_CTX_free(tls);
	return library(s, rc, "TLS") && library(s, mosquitto_int_option(s->mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0), "TLS");
}

/* The sentence of a connection that ended without one. */
static void explain(struct session *s, int rc, int error)
{
	struct mqtt *m = s->m;
	const struct site *site = m->o.site;
	if (s->err.kind)
		return;
	const char *where = s->up ? "lost the connection" : "no MQTT connection";
	if (m->tls_why[0] || m->library_says[0])
		err_set(&s->err, ERR_DENIED, "broker %s:%lld: TLS: %s%s", site->mqtt.host, (long long)site->mqtt.port,
			m->tls_why[0] ? m->tls_why : m->library_says,
			strstr(m->library_says, "unexpected eof") || strstr(m->library_says, "wrong version") ? "; does this port speak TLS?" : "");
	else if (m->short_lives >= 2)
		err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld: the connection ends soon after each start (%u times): do two agents use the site id %s?",
			site->mqtt.host, (long long)site->mqtt.port, m->short_lives + 1, site->id);
	else
		err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld: %s: %s", site->mqtt.host, (long long)site->mqtt.port, where,
			rc == MOSQ_ERR_ERRNO ? strerror(error) : rc == MOSQ_ERR_SUCCESS || rc == MOSQ_ERR_CONN_LOST ? "the broker closed it" : mosquitto_strerror(rc));
	s->refused = m->tls_why[0] || m->library_says[0];
}

static int pause_ms(const struct session *s)
{
	int64_t now = now_ms(), until = now + 1000;
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
		drain(s->m);
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
	int64_t until = now_ms() + GOODBYE_MS;
	while (now_ms() < until && mosquitto_want_write(s->mosq) && turn(s, 50))
		;
	mosquitto_disconnect(s->mosq);
	while (now_ms() < until && mosquitto_want_write(s->mosq) && turn(s, 50))
		;
}

static void talk(struct session *s)
{
	struct mqtt *m = s->m;
	while (!stopping(m)) {
		if (!s->up && now_ms() - s->began_ms > UP_MS) {
			err_set(&s->err, ERR_UNAVAILABLE, "broker %s:%lld takes connections but does not answer; is it an MQTT broker%s?",
				m->o.site->mqtt.host, (long long)m->o.site->mqtt.port, m->o.site->mqtt.tls ? " with TLS" : " without TLS");
			return;
		}
		if (s->up && m->o.receipt && now_ms() >= s->receipts_due_ms) {   /* rows without a receipt are looked at again */
			s->receipts_due_ms = now_ms() + (m->o.receipt_wait_ms > 0 ? m->o.receipt_wait_ms : 600000);
			s->cursor = 0;
			s->more = true;
		}
		if (take_work(m))
			s->more = true;
		look_again(s);
		if (s->up) {
			send_live(s);
			fill(s);
		}
		if (!turn(s, pause_ms(s))) {
			explain(s, MOSQ_ERR_CONN_LOST, 0);
			return;
		}
	}
	goodbye(s);
}

static void connection(struct session *s)
{
	struct mqtt *m = s->m;
	const struct site *site = m->o.site;
	m->tls_why[0] = m->library_says[0] = 0;
	if (!mqtt_reach(site->mqtt.host, site->mqtt.port, m->event, REACH_MS, &s->err) || !prepare(s))
		return;
	s->began_ms = now_ms();
	int rc = mosquitto_connect_bind_v5(s->mosq, site->mqtt.host, (int)site->mqtt.port, KEEPALIVE_S, NULL, NULL);
	if (rc != MOSQ_ERR_SUCCESS)
		explain(s, rc, errno);
	else
		talk(s);
	bool brief = s->up && now_ms() - s->up_ms < SHORT_MS;
	m->short_lives = brief ? m->short_lives + 1 : 0;
}

/* ---- the thread ------------------------------------------------------------------------------------------------- */

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
	int64_t until = now_ms() + base / 2 + (int64_t)(chance(m) % (uint64_t)(base / 2 + 1));
	for (int64_t left; !stopping(m) && (left = until - now_ms()) > 0;) {
		struct pollfd p = { m->event, POLLIN, 0 };
		if (poll(&p, 1, (int)left) > 0)
			drain(m);
	}
}

static void *run(void *ctx)
{
	struct mqtt *m = ctx;
	unsigned step = 0;
	while (!stopping(m)) {
		drain(m);
		struct session s = { .m = m };
		connection(&s);
		mosquitto_destroy(s.mosq);
		pthread_mutex_lock(&m->lock);
		m->status.connected = false;
		pthread_mutex_unlock(&m->lock);
		if (stopping(m))
			break;
		say(m, "%s", s.err.text);
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
}

static bool check(struct mqtt *m, struct err *err)
{
	if (!m->o.site->mqtt.host)
		return err_set(err, ERR_CONFIG, "mqtt.host is missing");
	if (!topics(m, err))
		return false;
	if (!m->o.site->mqtt.tls)
		return true;
	SSL_CTX *tls = mqtt_tls(m->o.site, m->tls_why, err);   /* files are read again at every connect: they may be renewed */
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
