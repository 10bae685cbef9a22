/* The MQTT thread against a real broker on loopback: nothing lost, order kept, exact reasons. */
#include "tests/unit/test.h"

#include "broker.h"
#include "made_up.h"
#include "publish/mqtt_command.h"
#include "publish/mqtt_wire.h"
#include <arpa/inet.h>
#include <mosquitto.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { ROWS = 200, BOUND_MS = 20000 };

/* ---- a small outbox in memory ---- */

static struct {
	pthread_mutex_t lock;
	struct { bool present, delivered; struct wall sent; } row[ROWS + 1];   /* by seq, 1.. */
	uint64_t sent_calls, order_breaks, last_sent, fetched_max;
	char topic[64];
} box;

static void box_reset(size_t rows)
{
	memset(&box, 0, sizeof box);
	pthread_mutex_init(&box.lock, NULL);
	snprintf(box.topic, sizeof box.topic, "pued/v1/made-up/report/15m");
	for (size_t i = 1; i <= rows; i++)
		box.row[i].present = true;
}

static bool box_pending(void *store, uint64_t after, size_t max, void (*fn)(void *, const struct outbox_item *), void *ctx, struct err *err)
{
	(void)store;
	(void)err;
	pthread_mutex_lock(&box.lock);
	if (max > box.fetched_max)
		box.fetched_max = max;
	for (uint64_t i = after + 1; i <= ROWS && max > 0; i++) {
		if (!box.row[i].present || box.row[i].delivered)
			continue;
		char text[32];
		int n = snprintf(text, sizeof text, "report %llu", (unsigned long long)i);
		struct outbox_item it = { .epoch = 1, .seq = i, .topic = box.topic, .payload = text, .len = (size_t)n, .sent = box.row[i].sent };
		fn(ctx, &it);
		max--;
	}
	pthread_mutex_unlock(&box.lock);
	return true;
}

static void box_sent(void *store, uint64_t seq, struct wall at)
{
	(void)store;
	pthread_mutex_lock(&box.lock);
	box.row[seq].sent = at;
	box.sent_calls++;
	if (seq < box.last_sent)
		box.order_breaks++;
	box.last_sent = seq;
	pthread_mutex_unlock(&box.lock);
}

static void box_delivered(void *store, uint64_t epoch, uint64_t from, uint64_t to)
{
	(void)store;
	pthread_mutex_lock(&box.lock);
	for (uint64_t i = from; epoch == 1 && i <= to && i <= ROWS; i++)
		box.row[i].delivered = true;
	pthread_mutex_unlock(&box.lock);
}

static void box_again(void *store, uint64_t epoch, uint64_t from, uint64_t to)
{
	(void)store;
	pthread_mutex_lock(&box.lock);
	for (uint64_t i = from; epoch == 1 && i <= to && i <= ROWS; i++) {
		box.row[i].delivered = false;
		box.row[i].sent.ms = 0;
	}
	pthread_mutex_unlock(&box.lock);
}

static const struct outbox_ops box_ops = { box_pending, box_sent, box_delivered, box_again };

static size_t box_count(bool delivered)
{
	size_t n = 0;
	pthread_mutex_lock(&box.lock);
	for (size_t i = 1; i <= ROWS; i++)
		n += box.row[i].present && (delivered ? box.row[i].delivered : box.row[i].sent.ms > 0);
	pthread_mutex_unlock(&box.lock);
	return n;
}

/* ---- a receiver ---- */

static struct {
	struct mosquitto *mosq;
	bool subscribed, receipts;
	unsigned seen[ROWS + 1];
	uint64_t last, first_order_breaks, n;
	char state[400], event[900], event_topic[100];
	unsigned events;
	unsigned long long event_n, event_breaks;
} ear;

static void ear_connected(struct mosquitto *mosq, void *ctx, int rc)
{
	(void)ctx;
	if (rc == 0)
		mosquitto_subscribe(mosq, NULL, "pued/v1/made-up/#", 1);
}

static void ear_subscribed(struct mosquitto *mosq, void *ctx, int mid, int n, const int *granted)
{
	(void)mosq; (void)ctx; (void)mid; (void)n; (void)granted;
	ear.subscribed = true;
}

static void ear_message(struct mosquitto *mosq, void *ctx, const struct mosquitto_message *m)
{
	(void)ctx;
	if (strstr(m->topic, "/state")) {
		snprintf(ear.state, sizeof ear.state, "%.*s", m->payloadlen, (const char *)m->payload);
		return;
	}
	if (strstr(m->topic, "/event/")) {
		snprintf(ear.event, sizeof ear.event, "%.*s", m->payloadlen, (const char *)m->payload);
		snprintf(ear.event_topic, sizeof ear.event_topic, "%s", m->topic);
		const char *n = strstr(ear.event, "\"n\":");
		unsigned long long number = n ? strtoull(n + 4, NULL, 10) : 0;
		ear.event_breaks += number <= ear.event_n;
		ear.event_n = number;
		ear.events++;
		return;
	}
	if (!strstr(m->topic, "/report/"))
		return;
	char text[32];
	snprintf(text, sizeof text, "%.*s", m->payloadlen, (const char *)m->payload);
	unsigned long long seq = strtoull(text + strlen("report "), NULL, 10);
	assert_in_range(seq, 1, ROWS);
	if (ear.seen[seq]++ == 0) {
		if (seq < ear.last)
			ear.first_order_breaks++;
		ear.last = seq;
		ear.n++;
	}
	if (ear.receipts) {
		char receipt[128];
		int n = snprintf(receipt, sizeof receipt, "signed:{\"epoch\":1,\"from\":%llu,\"site\":\"made-up\",\"to\":%llu}", seq, seq);
		mosquitto_publish(mosq, NULL, "pued/v1/made-up/receipt", n, receipt, 1, false);
	}
}

static void ear_open(struct broker *b)
{
	ear.mosq = mosquitto_new(NULL, true, NULL);
	mosquitto_connect_callback_set(ear.mosq, ear_connected);
	mosquitto_subscribe_callback_set(ear.mosq, ear_subscribed);
	mosquitto_message_callback_set(ear.mosq, ear_message);
	assert_int_equal(mosquitto_connect(ear.mosq, "127.0.0.1", b->port, 30), 0);
	for (int i = 0; i < 1000 && !ear.subscribed; i++)
		mosquitto_loop(ear.mosq, 20, 1);
	assert_true(ear.subscribed);
}

static void ear_close(void)
{
	mosquitto_destroy(ear.mosq);
	ear.mosq = NULL;
	ear.subscribed = false;
}

/* Runs the receiver (when there is one) until the condition holds; false after the bound. */
#define until(condition) ({                                                                                        \
	int left_ = BOUND_MS / 10;                                                                                 \
	while (!(condition) && left_-- > 0) {                                                                      \
		if (ear.mosq)                                                                                      \
			mosquitto_loop(ear.mosq, 10, 1);                                                           \
		else                                                                                               \
			poll(NULL, 0, 10);                                                                         \
	}                                                                                                          \
	(condition); })

/* ---- helpers ---- */

static struct wall wall_of_test(void *ctx)
{
	(void)ctx;
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (struct wall){ 1773469230000 + (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000 };
}

/* Stands for the check of a signed envelope: what does not begin so was signed by nobody. */
static bool open_receipt(void *ctx, const void *bytes, size_t len, struct buf *payload, struct err *err)
{
	(void)ctx;
	if (len < 7 || memcmp(bytes, "signed:", 7) != 0)
		return err_set(err, ERR_EVIDENCE, "no trusted key signed it");
	buf_add(payload, (const char *)bytes + 7, len - 7);
	return true;
}

static struct site site_for(const struct broker *b)
{
	struct site s = *made_up_site(&(struct made_up){ 0 });
	s.mqtt.host = "127.0.0.1";
	s.mqtt.port = b->port;
	return s;
}

static struct mqtt *start(const struct site *s, const char *password, bool receipts, int64_t receipt_wait_ms)
{
	struct err err = { 0 };
	struct mqtt *m = mqtt_start(&(struct mqtt_options){ .site = s, .password = password, .outbox = &box_ops, .wall = wall_of_test, .backoff_ms = 4,
		.receipt = receipts ? open_receipt : NULL, .receipt_wait_ms = receipt_wait_ms, .in_flight = 8 }, &err);
	if (!m)
		fail_msg("%s", err.text);
	return m;
}

static struct mqtt_status status_of(struct mqtt *m)
{
	struct mqtt_status s;
	mqtt_status(m, &s);
	return s;
}

static int setup(void **state)
{
	(void)state;
	memset(&ear, 0, sizeof ear);
	return 0;
}

static void skip_without_broker(void)
{
	if (!broker_present()) {
		print_message("mosquitto is not installed: not tested\n");
		skip();
	}
}

/* ---- tests ---- */

static void plain_delivers_in_order(void **state, int64_t version)
{
	(void)state;
	skip_without_broker();
	struct broker b;
	broker_init(&b);
	broker_start(&b, "allow_anonymous true");
	box_reset(ROWS);
	ear_open(&b);
	struct site s = site_for(&b);
	s.mqtt.version = version;
	struct mqtt *m = start(&s, NULL, false, 0);
	assert_true(until(ear.n == ROWS && box_count(false) == ROWS));
	struct mqtt_status st = status_of(m);
	assert_true(st.connected);
	assert_non_null(strstr(st.sentence, "not encrypted"));
	assert_int_equal(st.sent, ROWS);
	assert_int_equal(ear.first_order_breaks, 0);
	assert_int_equal(box.order_breaks, 0);
	assert_true(box.fetched_max <= 8);
	for (size_t i = 1; i <= ROWS; i++)
		assert_int_equal(ear.seen[i], 1);
	assert_non_null(strstr(ear.state, "\"state\":\"online\""));
	assert_non_null(strstr(ear.state, "\"simulated\":true"));
	mqtt_stop(m);
	assert_true(until(strstr(ear.state, "\"state\":\"offline\"")));
	ear_close();
	broker_done(&b);
}

static void mqtt3(void **state) { plain_delivers_in_order(state, 3); }
static void mqtt5(void **state) { plain_delivers_in_order(state, 5); }

static void absent_then_appearing(void **state)
{
	(void)state;
	skip_without_broker();
	struct broker b;
	broker_init(&b);
	box_reset(5);
	struct site s = site_for(&b);
	struct mqtt *m = start(&s, NULL, false, 0);
	assert_true(until(strstr(status_of(m).sentence, "connection refused")));
	char place[40];
	snprintf(place, sizeof place, "broker 127.0.0.1:%u", b.port);
	assert_non_null(strstr(status_of(m).sentence, place));
	assert_int_equal(box_count(false), 0);
	broker_start(&b, "allow_anonymous true");
	assert_true(until(box_count(false) == 5));
	pthread_mutex_lock(&box.lock);
	box.row[6].present = true;   /* a report made while connected */
	pthread_mutex_unlock(&box.lock);
	mqtt_wake(m);
	assert_true(until(box_count(false) == 6));
	assert_int_equal(box.order_breaks, 0);
	mqtt_stop(m);
	broker_done(&b);
}

static void killed_and_back(void **state)
{
	(void)state;
	skip_without_broker();
	struct broker b;
	broker_init(&b);
	box_reset(40);
	ear.receipts = true;
	struct site s = site_for(&b);
	struct mqtt *m = start(&s, NULL, true, 300);
	for (size_t round = 1; round <= 5; round++) {
		broker_start(&b, "allow_anonymous true");
		ear_open(&b);
		size_t want = (round - 1) * 40 + 8;   /* at least eight of them in this round's connection */
		assert_true(until(ear.n >= want));
		broker_kill(&b);
		ear_close();
		pthread_mutex_lock(&box.lock);
		for (size_t i = 1; i <= (round + 1) * 40 && i <= ROWS; i++)
			box.row[i].present = true;
		pthread_mutex_unlock(&box.lock);
	}
	broker_start(&b, "allow_anonymous true");
	ear_open(&b);
	assert_true(until(box_count(true) == ROWS));
	for (size_t i = 1; i <= ROWS; i++)
		assert_true(ear.seen[i] >= 1);
	assert_true(status_of(m).connects >= 5);
	mqtt_stop(m);
	ear_close();
	broker_done(&b);
}

/* Events of devices wait for the broker, the newest 256 of them, and come in order; what a device says of itself stays a text. */
static void events_of_devices(void **state)
{
	(void)state;
	skip_without_broker();
	struct broker b;
	broker_init(&b);
	box_reset(0);
	struct site s = site_for(&b);
	struct mqtt *m = start(&s, NULL, true, 0);
	for (uint64_t n = 1; n <= 300; n++)
		mqtt_event(m, &(struct mqtt_event){ n, { 1700000000000 }, "pdu-07", n == 300 ? "identity" : "overrun", n == 300 ? "from \"A\" to '<b>\n\x01'" : "slow" });
	memset(&ear, 0, sizeof ear);
	broker_start(&b, "allow_anonymous true");
	ear_open(&b);
	assert_true(until(ear.event_n == 300));
	/* some may have gone to the broker before the receiver had subscribed */
	assert_in_range(ear.events, 0, 256);
	assert_int_equal(ear.event_breaks, 0);
	ear.events = 0;
	mqtt_event(m, &(struct mqtt_event){ 301, { 1700000000000 }, "pdu-07", "identity", "from \"A\" to '<b>\n\x01'" });
	assert_true(until(ear.events == 1));
	assert_string_equal(ear.event_topic, "pued/v1/made-up/event/pdu-07");
	json_error_t at;
	json_t *j = json_loads(ear.event, JSON_REJECT_DUPLICATES, &at);
	const char *texts[][2] = { { "device", "pdu-07" }, { "kind", "identity" }, { "schema", "pued-device-event/1" }, { "site", "made-up" },
				   { "sentence", "from \"A\" to '<b>\n\x01'" }, { "at", "2023-11-14T22:13:20Z" } };
	assert_non_null(j);
	for (size_t i = 0; i < countof(texts); i++)
		assert_string_equal(json_string_value(json_object_get(j, texts[i][0])), texts[i][1]);
	assert_int_equal(json_integer_value(json_object_get(j, "n")), 301);
	json_decref(j);
	mqtt_stop(m);
	ear_close();
	broker_done(&b);
}

static void resend_and_refused_commands(void **state)
{
	(void)state;
	skip_without_broker();
	struct broker b;
	broker_init(&b);
	broker_start(&b, "allow_anonymous true");
	box_reset(10);
	ear_open(&b);
	/* A retained command waits for whoever comes: stale, refused. */
	static const char stale[] = "{\"epoch\":1,\"from\":1,\"site\":\"made-up\",\"to\":9}";
	mosquitto_publish(ear.mosq, NULL, "pued/v1/made-up/resend", (int)strlen(stale), stale, 1, true);
	struct site s = site_for(&b);
	struct mqtt *m = start(&s, NULL, true, 0);
	assert_true(until(ear.n == 10 && status_of(m).refused_commands == 1));
	assert_int_equal(status_of(m).resends, 0);
	/* Nobody signed it: not a receipt. */
	mosquitto_publish(ear.mosq, NULL, "pued/v1/made-up/receipt", (int)strlen(stale), stale, 1, false);
	assert_true(until(status_of(m).refused_commands == 2));
	assert_non_null(strstr(status_of(m).sentence, "no trusted key signed it"));
	assert_int_equal(box_count(true), 0);
	static const char huge[5000] = { '{' };
	mosquitto_publish(ear.mosq, NULL, "pued/v1/made-up/receipt", sizeof huge, huge, 1, false);
	mosquitto_publish(ear.mosq, NULL, "pued/v1/made-up/resend", sizeof huge, huge, 1, false);
	assert_true(until(status_of(m).refused_commands == 4));
	/* Signed receipt for all, then a request for some: these come again, and only these. */
	static const char all[] = "signed:{\"epoch\":1,\"from\":1,\"site\":\"made-up\",\"to\":10}";
	mosquitto_publish(ear.mosq, NULL, "pued/v1/made-up/receipt", (int)strlen(all), all, 1, false);
	assert_true(until(box_count(true) == 10));
	static const char some[] = "{\"epoch\":1,\"from\":4,\"site\":\"made-up\",\"to\":6}";
	mosquitto_publish(ear.mosq, NULL, "pued/v1/made-up/resend", (int)strlen(some), some, 1, false);
	assert_true(until(ear.seen[4] == 2 && ear.seen[5] == 2 && ear.seen[6] == 2));
	assert_int_equal(ear.seen[3], 1);
	assert_int_equal(ear.seen[7], 1);
	mqtt_now(m, "pued/v1/made-up/pue", "{}", 2, true);
	mqtt_stop(m);
	ear_close();
	broker_done(&b);
}

static const struct refusal { const char *name, *config, *ca, *cert, *key, *user, *password, *host, *says; int64_t version; bool works; } refusals[] = {
	{ .name = "TLS with client certificate works", .config = "server", .ca = "ca", .cert = "client", .key = "client", .says = "connected to 127.0.0.1", .works = true },
	{ .name = "TLS by name works", .config = "server", .ca = "ca", .cert = "client", .key = "client", .host = "localhost", .says = "(TLSv1.3)", .works = true },
	{ .name = "MQTT 5 over TLS works", .config = "server", .ca = "ca", .cert = "client", .key = "client", .version = 5, .says = "(TLSv1.3)", .works = true },
	{ .name = "another CA", .config = "server", .ca = "other-ca", .cert = "client", .key = "client", .says = "self-signed certificate in certificate chain; check mqtt.ca" },
	{ .name = "certificate for another host", .config = "elsewhere", .ca = "ca", .cert = "client", .key = "client", .says = "mqtt.host is not a name in it" },
	{ .name = "certificate expired", .config = "expired", .ca = "ca", .cert = "client", .key = "client", .says = "certificate has expired; renew it" },
	{ .name = "certificate of tomorrow", .config = "early", .ca = "ca", .cert = "client", .key = "client", .says = "not yet valid" },
	{ .name = "no client certificate", .config = "server", .ca = "ca", .says = "client certificate" },
	{ .name = "client certificate of another CA", .config = "server", .ca = "ca", .cert = "stranger", .key = "stranger", .says = "client certificate" },
	{ .name = "right password works", .user = "pued", .password = "right", .says = "connected to", .works = true },
	{ .name = "wrong password", .user = "pued", .password = "wrong", .says = "refuses user \"pued\": Connection Refused: not authorised.; check mqtt.user" },
	{ .name = "wrong password, MQTT 5", .user = "pued", .password = "wrong", .version = 5, .says = "refuses user \"pued\": Not authorized; check mqtt.user" },
	{ .name = "no user", .says = "refuses a client without user" },
	{ .name = "not allowed to publish, MQTT 5", .user = "mute", .password = "right", .version = 5,
	  .says = "does not take report 1: Not authorized; check the broker's access list" },
	{ .name = "TLS to a plain port", .ca = "ca", .says = "does this port speak TLS?" },
};

struct heard { int steps, last; bool good; char sentence[600]; };

static void hear_step(void *ctx, enum mqtt_step step, bool good, const char *sentence)
{
	struct heard *h = ctx;
	h->steps++;
	h->last = (int)step;
	h->good = good;
	snprintf(h->sentence, sizeof h->sentence, "%s", sentence);
}

/* The probe says of the same broker the same as the thread does. */
static void probe_agrees(const struct refusal *r, const struct site *s)
{
	struct heard h = { 0 };
	struct err err = { 0 };
	bool good = mqtt_probe(s, r->password, 5000, hear_step, &h, &err);
	row_check(r, good == r->works && h.good == good);
	if (r->works) {
		row_check(r, h.steps == MQTT_STEP_N && h.last == MQTT_STEP_READ_BACK);
		return;
	}
	row_check(r, !strcmp(h.sentence, err.text));
	if ((!r->user || strcmp(r->user, "mute")) && !strstr(h.sentence, r->says))
		fail_msg("row \"%s\": step %d: %s", r->name, h.last, h.sentence);
	if (!r->user || strcmp(r->user, "mute"))
		row_check(r, h.last == MQTT_STEP_CONNECT && strstr(h.sentence, r->says));
	else
		row_check(r, h.last == MQTT_STEP_PUBLISH && strstr(h.sentence, "does not let this client write"));
}

static const char *file(const struct broker *b, const char *name, const char *end, char out[160])
{
	if (!name)
		return NULL;
	snprintf(out, 160, "%s/%s.%s", b->dir, name, end);
	return out;
}

static void passwords(struct broker *b)
{
	char command[300], path[128];
	snprintf(command, sizeof command, "mosquitto_passwd -c -b %s/passwd pued right && mosquitto_passwd -b %s/passwd mute right && chmod 0600 %s/passwd", b->dir, b->dir, b->dir);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof path, "%s/acl", b->dir);
	FILE *f = fopen(path, "w");
	fputs("user pued\ntopic readwrite #\nuser mute\ntopic read #\n", f);
	fclose(f);
}

static void refusal(struct broker *b, const struct refusal *r)
{
	char config[700], ca[160], cert[160], key[160];
	if (r->config)
		snprintf(config, sizeof config, "allow_anonymous true\ncafile %s/ca.crt\ncertfile %s/%s.crt\nkeyfile %s/%s.key\nrequire_certificate true",
			 b->dir, b->dir, r->config, b->dir, r->config);
	else
		snprintf(config, sizeof config, "allow_anonymous false\npassword_file %s/passwd\nacl_file %s/acl", b->dir, b->dir);
	broker_start(b, config);
	box_reset(3);
	struct site s = site_for(b);
	s.mqtt.version = r->version;
	s.mqtt.host = r->host ? r->host : "127.0.0.1";
	s.mqtt.tls = r->ca != NULL;
	s.mqtt.ca = file(b, r->ca, "crt", ca);
	s.mqtt.cert = file(b, r->cert, "crt", cert);
	s.mqtt.key = file(b, r->key, "key", key);
	s.mqtt.user = r->user;
	struct mqtt *m = start(&s, r->password, false, 0);
	if (!until(strstr(status_of(m).sentence, r->says)))
		fail_msg("row \"%s\": %s", r->name, status_of(m).sentence);
	if (r->works)
		row_check(r, until(box_count(false) == 3));
	else
		row_check(r, box_count(false) == 0);   /* kept */
	mqtt_stop(m);
	probe_agrees(r, &s);
	broker_kill(b);
}

static void reasons_are_exact(void **state)
{
	(void)state;
	skip_without_broker();
	struct broker b;
	broker_init(&b);
	make_cert(b.dir, "ca", NULL, NULL, -10, 100);
	make_cert(b.dir, "other-ca", NULL, NULL, -10, 100);
	make_cert(b.dir, "server", "ca", "IP:127.0.0.1,DNS:localhost", -10, 100);
	make_cert(b.dir, "elsewhere", "ca", "DNS:elsewhere.example", -10, 100);
	make_cert(b.dir, "expired", "ca", "IP:127.0.0.1", -10, -1);
	make_cert(b.dir, "early", "ca", "IP:127.0.0.1", 1, 100);
	make_cert(b.dir, "client", "ca", NULL, -10, 100);
	make_cert(b.dir, "stranger", "other-ca", NULL, -10, 100);
	passwords(&b);
	for (size_t i = 0; i < countof(refusals); i++)
		refusal(&b, &refusals[i]);
	broker_done(&b);
}

static void bad_files_stop_the_start(void **state)
{
	(void)state;
	struct broker b;
	broker_init(&b);
	make_cert(b.dir, "ca", NULL, NULL, -1, 10);
	make_cert(b.dir, "client", "ca", NULL, -1, 10);
	make_cert(b.dir, "other", "ca", NULL, -1, 10);
	make_cert(b.dir, "open", "ca", NULL, -1, 10);
	char command[160];
	snprintf(command, sizeof command, "chmod 0644 %s/open.key", b.dir);
	assert_int_equal(system(command), 0);
	const struct { const char *name, *ca, *cert, *key, *says; } rows[] = {
		{ "no CA", NULL, NULL, NULL, "mqtt.tls needs mqtt.ca" },
		{ "CA file absent", "nowhere", NULL, NULL, "nowhere.crt cannot be used" },
		{ "certificate without key", "ca", "client", NULL, "mqtt.cert and mqtt.key go together" },
		{ "key of another certificate", "ca", "client", "other", "key values mismatch" },
		{ "key open to others", "ca", "open", "open", "chmod 0600" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		char ca[160], cert[160], key[160];
		struct site s = site_for(&b);
		struct err err = { 0 };
		s.mqtt.tls = true;
		s.mqtt.ca = file(&b, rows[i].ca, "crt", ca);
		s.mqtt.cert = file(&b, rows[i].cert, "crt", cert);
		s.mqtt.key = file(&b, rows[i].key, "key", key);
		row_check(&rows[i], !mqtt_start(&(struct mqtt_options){ .site = &s, .outbox = &box_ops }, &err));
		if (!strstr(err.text, rows[i].says) || err.kind != ERR_CONFIG)
			fail_msg("row \"%s\": %s", rows[i].name, err.text);
	}
	broker_done(&b);
}

static void two_agents(void **state)
{
	(void)state;
	skip_without_broker();
	static const int64_t versions[] = { 3, 5 };
	for (size_t i = 0; i < countof(versions); i++) {
		struct broker b;
		broker_init(&b);
		broker_start(&b, "allow_anonymous true");
		box_reset(0);
		struct site s = site_for(&b);
		s.mqtt.version = versions[i];
		struct mqtt *one = start(&s, NULL, false, 0), *two = start(&s, NULL, false, 0);
		assert_true(until(strstr(status_of(one).sentence, "two agents") || strstr(status_of(two).sentence, "two agents")));
		mqtt_stop(one);
		mqtt_stop(two);
		broker_done(&b);
	}
}

/* Takes connections, says nothing. */
static void mute_broker(void **state)
{
	(void)state;
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(fd >= 0 && bind(fd, (struct sockaddr *)&a, len) == 0 && listen(fd, 64) == 0 && getsockname(fd, (struct sockaddr *)&a, &len) == 0);
	box_reset(3);
	struct broker b = { .port = ntohs(a.sin_port) };
	struct site s = site_for(&b);
	struct err err = { 0 };
	struct mqtt *m = mqtt_start(&(struct mqtt_options){ .site = &s, .outbox = &box_ops, .wall = wall_of_test, .backoff_ms = 4, .answer_ms = 100 }, &err);
	assert_non_null(m);
	assert_true(until(strstr(status_of(m).sentence, "takes connections but does not answer; is it an MQTT broker without TLS?")));
	assert_int_equal(box_count(false), 0);
	mqtt_stop(m);
	close(fd);
}

static const struct command { const char *name, *text; bool good; } commands[] = {
	{ "good",                 "{\"epoch\":1,\"from\":4,\"site\":\"x\",\"to\":6}", true },
	{ "one report",           "{\"epoch\":1,\"from\":4,\"site\":\"x\",\"to\":4}", true },
	{ "of another site",      "{\"epoch\":1,\"from\":4,\"site\":\"y\",\"to\":6}", false },
	{ "no site",              "{\"epoch\":1,\"from\":4,\"to\":6}", false },
	{ "one member more",      "{\"epoch\":1,\"from\":4,\"site\":\"x\",\"to\":6,\"do\":\"reboot\"}", false },
	{ "a member twice",       "{\"epoch\":1,\"from\":4,\"from\":5,\"site\":\"x\",\"to\":6}", false },
	{ "negative",             "{\"epoch\":1,\"from\":-4,\"site\":\"x\",\"to\":6}", false },
	{ "real number",          "{\"epoch\":1,\"from\":4.0,\"site\":\"x\",\"to\":6}", false },
	{ "text for a number",    "{\"epoch\":1,\"from\":\"4\",\"site\":\"x\",\"to\":6}", false },
	{ "backwards",            "{\"epoch\":1,\"from\":7,\"site\":\"x\",\"to\":6}", false },
	{ "too much",             "{\"epoch\":1,\"from\":0,\"site\":\"x\",\"to\":100000}", false },
	{ "all of 64 bits",       "{\"epoch\":1,\"from\":0,\"site\":\"x\",\"to\":9223372036854775807}", false },
	{ "more than 64 bits",    "{\"epoch\":1,\"from\":4,\"site\":\"x\",\"to\":99999999999999999999}", false },
	{ "something behind it",  "{\"epoch\":1,\"from\":4,\"site\":\"x\",\"to\":6} {}", false },
	{ "a list",               "[1,4,6]", false },
	{ "nothing",              "", false },
};

static void commands_are_strict(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(commands); i++) {
		struct mqtt_range r = { 9, 9, 9 };
		struct err err = { 0 };
		row_check(&commands[i], mqtt_range_parse("x", commands[i].text, strlen(commands[i].text), &r, &err) == commands[i].good);
		row_check(&commands[i], commands[i].good ? r.epoch == 1 && r.from == 4 : r.epoch == 9 && err.text[0]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commands_are_strict), cmocka_unit_test(bad_files_stop_the_start), cmocka_unit_test_setup(mqtt3, setup),
		cmocka_unit_test_setup(mqtt5, setup), cmocka_unit_test_setup(absent_then_appearing, setup),
		cmocka_unit_test_setup(events_of_devices, setup), cmocka_unit_test_setup(resend_and_refused_commands, setup), cmocka_unit_test_setup(killed_and_back, setup),
		cmocka_unit_test_setup(two_agents, setup),
		cmocka_unit_test_setup(mute_broker, setup), cmocka_unit_test_setup(reasons_are_exact, setup) };
	mosquitto_lib_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
