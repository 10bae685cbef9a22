#include "publish/mqtt_inner.h"

#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
	return !m->o.receipt || mqtt_wall(m).ms - it->sent.ms < wait;
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
	mqtt_count(m, &m->status.failed, 1);
	mqtt_say(m, "report %llu (%zu bytes) is kept: %s%s", (unsigned long long)r->seq, r->len, mosquitto_strerror(rc),
	    rc == MOSQ_ERR_OVERSIZE_PACKET ? "; raise the broker's packet limit" : "");
	return false;
}

/* Fills the window from the outbox, in order.  A row that cannot be published now holds back those behind it. */
void session_fill(struct session *s)
{
	struct mqtt *m = s->m;
	while (s->more && s->n_flight < m->o.in_flight && mqtt_now_ms() >= s->retry_ms) {
		struct batch b = { .s = s };
		size_t room = m->o.in_flight - s->n_flight;
		struct err err = { 0 };
		if (!m->o.outbox->pending(m->o.store, s->cursor, room, collect, &b, &err)) {
			mqtt_say(m, "the outbox cannot be read: %s", err.text);
			s->retry_ms = mqtt_now_ms() + 1000;
		} else {
			s->more = b.seen > 0;
			size_t i = 0;
			while (i < b.n && publish_row(s, &b.rows[i]))
				s->cursor = b.rows[i++].seq;
			if (i < b.n)
				s->retry_ms = mqtt_now_ms() + 5000;
		}
		batch_done(&b);
	}
}

void session_live(struct session *s)
{
	struct mqtt *m = s->m;
	struct live live[LIVE_MAX + EVENTS_MAX];
	pthread_mutex_lock(&m->lock);
	size_t n = m->n_live;
	memcpy(live, m->live, n * sizeof *live);
	memcpy(live + n, m->events, m->n_events * sizeof *live);
	n += m->n_events;
	m->n_live = m->n_events = 0;
	pthread_mutex_unlock(&m->lock);
	for (size_t i = 0; i < n; i++) {
		mosquitto_publish(s->mosq, NULL, live[i].topic, (int)live[i].len, live[i].payload, 0, live[i].retain);
		free(live[i].topic);
		free(live[i].payload);
	}
}

int mqtt_state(struct mqtt *m, const char *state, char *out, size_t size)
{
	char at[WALL_TEXT];
	return snprintf(out, size, "{\"at\":\"%s\",\"schema\":\"pued-state/1\",\"simulated\":%s,\"site\":\"%s\",\"software\":\"pued %s\",\"state\":\"%s\"}",
			wall_text(mqtt_wall(m), at), m->o.site->simulated ? "true" : "false", m->o.site->id, PUED_VERSION, state);
}
