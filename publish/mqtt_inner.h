/* publish/mqtt_inner.h - what mqtt.c (thread and interface), mqtt_session.c (one connection) and mqtt_out.c (what it sends) share.
 * Not for other rooms. */
#ifndef PUBLISH_MQTT_INNER_H
#define PUBLISH_MQTT_INNER_H

#include "publish/mqtt_wire.h"
#include "publish/publish.h"
#include <pthread.h>

enum { IN_FLIGHT_MAX = 64, LIVE_MAX = 32, EVENTS_MAX = 256, KEEPALIVE_S = 30, REACH_MS = 10000, GOODBYE_MS = 1000, SHORT_MS = 5000,
       REFUSED_STEPS = 5, LOOKS = 5 };

struct flight { int mid; uint64_t seq; };
struct live { char *topic, *payload; size_t len; bool retain; };

struct mqtt {
	struct mqtt_options o;
	char base[256], state_topic[300], receipt_topic[300], resend_topic[300];
	pthread_t thread;
	int event;
	pthread_mutex_t lock;                    /* the seven below */
	bool stopping, work;
	struct mqtt_status status;
	struct live live[LIVE_MAX];
	size_t n_live;
	struct live events[EVENTS_MAX];          /* oldest first */
	size_t n_events;
	/* Of the thread alone. */
	uint64_t floor;                          /* every row up to here has its PUBACK, as far as this process knows */
	uint64_t random;
	unsigned short_lives;                    /* connections in a row that ended at once */
	struct mqtt_why why;
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

int64_t mqtt_now_ms(void);
struct wall mqtt_wall(const struct mqtt *m);
void mqtt_say(struct mqtt *m, const char *fmt, ...) PRINTF(2, 3);
void mqtt_count(struct mqtt *m, uint64_t *counter, uint64_t n);
bool mqtt_stopping(struct mqtt *m);
bool mqtt_take_work(struct mqtt *m);           /* was there an mqtt_wake() since? */
void mqtt_drain(struct mqtt *m);               /* empties the event descriptor */

/* One connection from reaching the broker to its end; s->err says why it ended.  The caller destroys s->mosq. */
void session_run(struct session *s);

void session_fill(struct session *s);          /* the window, from the outbox, in order */
void session_live(struct session *s);          /* what mqtt_now() left */
int mqtt_state(struct mqtt *m, const char *state, char *out, size_t size);

#endif
