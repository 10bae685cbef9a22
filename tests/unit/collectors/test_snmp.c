/* The SNMP collector against a scripted agent.  Time is virtual, as in test_modbus_tcp.c. */
#include "collectors/snmp_internal.h"
#include "tests/unit/collectors/snmp_peer.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <unistd.h>

enum { DEADLINE_MS = 400, ANSWERS = 16 };

struct answer { enum reason reason; bool partial; size_t n; struct var *vars; char text[1000]; int64_t at_ms; };
struct world {
	sd_event *loop;
	int64_t now_ms;
	struct collector_env env;
	void *self;
	struct snmp_peer peer;
	struct answer answers[ANSWERS];
	size_t n_answers;
};

static struct stamp now(void *ctx)
{
	struct world *w = ctx;
	return (struct stamp){ .wall = { 1700000000000 + w->now_ms }, .boot = { w->now_ms }, .session = 1, .synced = true };
}

static void sink(void *ctx, void *device, const struct reading *r)
{
	struct world *w = device;
	struct answer *a = &w->answers[w->n_answers++];
	(void)ctx;
	*a = (struct answer){ .reason = r->reason, .partial = r->partial, .n = r->n_vars, .at_ms = w->now_ms };
	a->vars = calloc(r->n_vars + 1, sizeof *a->vars);
	memcpy(a->vars, r->vars ? r->vars : a->vars, r->n_vars * sizeof *a->vars);
	snprintf(a->text, sizeof a->text, "%s", r->err.text);
}

static void begin(struct world *w)
{
	struct err err = { 0 };
	memset(w, 0, sizeof *w);
	w->now_ms = 5000;
	assert_true(sd_event_new(&w->loop) >= 0);
	w->env = (struct collector_env){ .loop = w->loop, .clock = { now, w }, .sink = sink, .ctx = w, .seed = 7 };
	w->self = snmp.start(&w->env, &err);
	if (!w->self)
		fail_msg("%s", err.text);
	snmp_peer_start(&w->peer, w->loop, "127.0.0.1");
	w->peer.ctx = w;
}

static void end(struct world *w)
{
	for (size_t i = 0; i < w->n_answers; i++)
		free(w->answers[i].vars);
	snmp.stop(w->self);
	snmp_peer_stop(&w->peer);
	sd_event_unref(w->loop);
}

static struct target *attach(struct world *w, int version, bool any_source)
{
	struct endpoint ep = { .port = w->peer.port, .scheme = "snmp", .host = "127.0.0.1", .user = "public", .version = version, .any_source = any_source };
	struct err err = { 0 };
	struct target *t = snmp.attach(w->self, &ep, w, &err);
	assert_non_null(t);
	return t;
}

static void step(struct world *w)
{
	snmp.flush(w->self);
	for (int quiet = 0; quiet < 2;) {
		int rc = sd_event_run(w->loop, quiet ? 500 : 0);
		assert_true(rc >= 0);
		quiet = rc > 0 ? 0 : quiet + 1;
	}
	w->now_ms += 10;
	snmp.expire(w->self, (struct mono){ w->now_ms });
}

static void until(struct world *w, size_t answers)
{
	for (int i = 0; i < 2000 && w->n_answers < answers; i++)
		step(w);
	assert_int_equal(w->n_answers, answers);
}

static const struct answer *ask(struct world *w, struct target *t, const struct request *req)
{
	size_t n = w->n_answers;
	snmp.submit(t, req, (struct mono){ w->now_ms + DEADLINE_MS });
	until(w, n + 1);
	return &w->answers[n];
}

static struct oid name(uint32_t column, uint32_t row)
{
	struct oid o = { .n = row ? 9 : 8, .ids = { 1, 3, 6, 1, 4, 1, 99, column, row } };
	return o;
}

static bool is(const struct var *v, uint32_t column, uint32_t row)
{
	struct oid want = name(column, row);
	return v->type == VAR_INTEGER && v->integer == column * 1000 + row && oid_compare(&v->name, &want) == 0;
}

/* ---- behaviours ------------------------------------------------------------------------------------------------------ */

static void silent(struct snmp_peer *p, netsnmp_pdu *a) { (void)p, (void)a; }

static void first_lost(struct snmp_peer *p, netsnmp_pdu *a)
{
	if (p->requests > 1)
		snmp_peer_send(p, a);
}

static void other_request_first(struct snmp_peer *p, netsnmp_pdu *a)
{
	a->reqid ^= 0x55;
	snmp_peer_send(p, a);
	a->reqid ^= 0x55;
	snmp_peer_send(p, a);
}

static void garbage_first(struct snmp_peer *p, netsnmp_pdu *a)
{
	static const unsigned char junk[] = { 0x30, 0x84, 0xff, 0xff, 0xff, 0xff, 2, 1, 1, 4 };
	snmp_peer_raw(p, junk, sizeof junk);
	snmp_peer_raw(p, "hello", 5);
	snmp_peer_raw(p, "", 0);
	snmp_peer_send(p, a);
}

static void twice(struct snmp_peer *p, netsnmp_pdu *a)
{
	snmp_peer_send(p, a);
	snmp_peer_send(p, a);
}

static void other_name(struct snmp_peer *p, netsnmp_pdu *a)
{
	a->variables->name[a->variables->name_length - 1]++;
	snmp_peer_send(p, a);
}

static void one_more(struct snmp_peer *p, netsnmp_pdu *a)
{
	snmp_add_null_var(a, a->variables->name, a->variables->name_length);
	snmp_peer_send(p, a);
}

static void one_less(struct snmp_peer *p, netsnmp_pdu *a)
{
	netsnmp_variable_list *v = a->variables->next_variable;
	a->variables->next_variable = NULL;
	snmp_peer_send(p, a);
	snmp_free_varbind(v);
}

static void cut(struct snmp_peer *p, netsnmp_pdu *a)
{
	unsigned char b[65536];
	snmp_peer_raw(p, b, snmp_peer_bytes(a, b, sizeof b) - 3);
}

static void from_elsewhere(struct snmp_peer *p, netsnmp_pdu *a)
{
	struct snmp_peer other = { .to = p->to };
	struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1) };
	other.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(other.fd, (struct sockaddr *)&b, sizeof b), 0);
	snmp_peer_send(&other, a);
	close(other.fd);
}

static void stands_still(struct snmp_peer *p, netsnmp_pdu *a)
{
	for (netsnmp_variable_list *v = a->variables; v; v = v->next_variable)
		v->name[v->name_length - 1] = 3;
	snmp_peer_send(p, a);
}

/* ---- tests -------------------------------------------------------------------------------------------------------------- */

static const struct row {
	const char *name;
	void (*behave)(struct snmp_peer *, netsnmp_pdu *);
	bool any_source;
	enum reason reason;
	size_t requests;
	const char *says;
} rows[] = {
	{ "good", NULL, false, REASON_NONE, 1, NULL },
	{ "silent", silent, false, REASON_TIMEOUT, 2, "no answer from 127.0.0.1:" },
	{ "F-net-1 first datagram lost", first_lost, false, REASON_NONE, 2, NULL },
	{ "F-dev-27 stale answer first", other_request_first, false, REASON_NONE, 1, NULL },
	{ "F-dev-27 answer twice", twice, false, REASON_NONE, 1, NULL },
	{ "F-dev-28 from another address", from_elsewhere, false, REASON_TIMEOUT, 2, "no answer" },
	{ "F-dev-28 any source allowed", from_elsewhere, true, REASON_NONE, 1, NULL },
	{ "F-dev-29 stray datagrams first", garbage_first, false, REASON_NONE, 1, NULL },
	{ "F-dev-30 cut off", cut, false, REASON_TIMEOUT, 2, "no answer" },
	{ "F-dev-31 another name", other_name, false, REASON_MALFORMED, 1, "not those that were asked for" },
	{ "F-dev-31 one variable more", one_more, false, REASON_MALFORMED, 1, "more variables" },
	{ "F-dev-31 one variable less", one_less, false, REASON_MALFORMED, 1, "fewer variables" },
};

static void faults(void **state)
{
	(void)state;
	for (const struct row *r = rows; r < rows + countof(rows); r++) {
		struct world w;
		begin(&w);
		w.peer.behave = r->behave;
		struct target *t = attach(&w, 2, r->any_source);
		struct oid oids[] = { name(1, 4), name(2, 7) };
		struct request get = { .kind = REQUEST_SNMP_GET, .oids = oids, .n_oids = 2 };
		int64_t start = w.now_ms;
		const struct answer *a = ask(&w, t, &get);
		if (a->reason != r->reason || (r->says && !strstr(a->text, r->says)) || w.peer.requests != r->requests)
			fail_msg("row \"%s\": reason %d, \"%s\", %zu requests", r->name, a->reason, a->text, w.peer.requests);
		row_check(r, a->at_ms - start <= DEADLINE_MS + 20);
		row_check(r, r->reason != REASON_NONE || (a->n == 2 && is(&a->vars[0], 1, 4) && is(&a->vars[1], 2, 7)));
		w.peer.behave = NULL;
		a = ask(&w, t, &get);
		row_check(r, a->reason == REASON_NONE && is(&a->vars[1], 2, 7));
		snmp.detach(t);
		end(&w);
	}
}

static void many_names(struct oid *oids, size_t n)
{
	for (uint32_t i = 0; i < n; i++)
		oids[i] = name(1 + i / PEER_ROWS, 1 + i % PEER_ROWS);
}

/* F-dev-24: tooBig splits, and the size that worked is remembered. */
static void too_big_splits(void **state)
{
	(void)state;
	struct world w;
	struct oid oids[50];
	many_names(oids, 50);
	begin(&w);
	w.peer.error_limit = 8;
	struct target *t = attach(&w, 2, false);
	struct request get = { .kind = REQUEST_SNMP_GET, .oids = oids, .n_oids = 50 };
	const struct answer *a = ask(&w, t, &get);
	assert_int_equal(a->reason, REASON_NONE);
	assert_int_equal(a->n, 50);
	for (uint32_t i = 0; i < 50; i++)
		assert_true(is(&a->vars[i], 1 + i / PEER_ROWS, 1 + i % PEER_ROWS));
	w.peer.requests = 0;
	a = ask(&w, t, &get);
	assert_int_equal(a->n, 50);
	assert_true(w.peer.requests <= 12);
	snmp.detach(t);
	end(&w);
}

/* F-dev-25: one bad object costs no other; v1 has no exception values and must be split. */
static void one_bad_object(void **state)
{
	(void)state;
	for (int version = 1; version <= 2; version++) {
		struct world w;
		begin(&w);
		w.peer.broken = version == 1 ? 2 : 0;
		w.peer.missing = version == 1 ? 0 : 2;
		struct target *t = attach(&w, version, false);
		struct oid oids[] = { name(1, 1), name(2, 1), name(3, 1) };
		struct request get = { .kind = REQUEST_SNMP_GET, .oids = oids, .n_oids = 3 };
		const struct answer *a = ask(&w, t, &get);
		assert_int_equal(a->reason, REASON_NONE);
		assert_int_equal(a->n, 3);
		assert_true(is(&a->vars[0], 1, 1) && is(&a->vars[2], 3, 1));
		assert_int_equal(a->vars[1].type, version == 1 ? VAR_NO_SUCH_OBJECT : VAR_NO_SUCH_INSTANCE);
		assert_int_equal(oid_compare(&a->vars[1].name, &oids[1]), 0);
		snmp.detach(t);
		end(&w);
	}
}

static const struct walk_row {
	const char *name;
	int version, error_limit;
	size_t max_rows;
	void (*behave)(struct snmp_peer *, netsnmp_pdu *);
	enum reason reason;
	bool partial;
	size_t n, requests;
} walk_rows[] = {
	{ "v2c", 2, 0, 100, NULL, REASON_NONE, false, 50, 8 },
	{ "v1 by GETNEXT", 1, 0, 100, NULL, REASON_NONE, false, 50, 60 },
	{ "F-dev-24 too big", 2, 4, 100, NULL, REASON_NONE, false, 50, 24 },
	{ "F-dev-26 row limit", 2, 0, 7, NULL, REASON_NONE, true, 14, 4 },
	{ "F-dev-26 stands still", 2, 0, 100, stands_still, REASON_NONE, true, 2, 2 },
	{ "silent", 2, 0, 100, silent, REASON_TIMEOUT, false, 0, 2 },
};

static void walks(void **state)
{
	(void)state;
	for (const struct walk_row *r = walk_rows; r < walk_rows + countof(walk_rows); r++) {
		struct world w;
		begin(&w);
		w.peer.error_limit = r->error_limit;
		w.peer.behave = r->behave;
		struct target *t = attach(&w, r->version, false);
		struct oid columns[] = { name(1, 0), name(3, 0) };
		struct request walk = { .kind = REQUEST_SNMP_WALK, .oids = columns, .n_oids = 2, .max_rows = r->max_rows };
		const struct answer *a = ask(&w, t, &walk);
		if (a->reason != r->reason || a->partial != r->partial || a->n != r->n || w.peer.requests > r->requests)
			fail_msg("row \"%s\": reason %d (%s), partial %d, %zu values, %zu requests", r->name, a->reason, a->text, a->partial, a->n, w.peer.requests);
		for (uint32_t i = 0; i < a->n && a->n == 50; i++)
			row_check(r, is(&a->vars[i], i < 25 ? 1 : 3, 1 + i % 25));
		snmp.detach(t);
		end(&w);
	}
}

/* R5: the deadline of a walk keeps what came. */
static void stops_answering(struct snmp_peer *p, netsnmp_pdu *a)
{
	if (p->requests <= 2)
		snmp_peer_send(p, a);
}

static void half_a_walk_is_kept(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	w.peer.behave = stops_answering;
	struct target *t = attach(&w, 2, false);
	struct oid columns[] = { name(1, 0), name(2, 0) };
	struct request walk = { .kind = REQUEST_SNMP_WALK, .oids = columns, .n_oids = 2, .max_rows = 100 };
	const struct answer *a = ask(&w, t, &walk);
	assert_int_equal(a->reason, REASON_NONE);
	assert_true(a->partial && a->n >= 20 && is(&a->vars[0], 1, 1));
	assert_non_null(strstr(a->text, "no complete answer"));
	snmp.detach(t);
	end(&w);
}

/* F-dev-30: every mutation of a good answer is survived, and none of them makes a value for another object. */
static struct { size_t at; unsigned char flip; } mutation;
static void mutated(struct snmp_peer *p, netsnmp_pdu *a)
{
	unsigned char b[65536];
	size_t n = snmp_peer_bytes(a, b, sizeof b);
	b[mutation.at % n] ^= mutation.flip;
	snmp_peer_raw(p, b, n);
	snmp_peer_send(p, a);
}

static void mutations_are_survived(void **state)
{
	(void)state;
	static const unsigned char flips[] = { 0x01, 0x80, 0xff };
	for (size_t f = 0; f < countof(flips); f++) {
		struct world w;
		begin(&w);
		w.peer.behave = mutated;
		struct target *t = attach(&w, 2, false);
		struct oid oids[] = { name(1, 4), name(2, 7) };
		struct request get = { .kind = REQUEST_SNMP_GET, .oids = oids, .n_oids = 2 };
		mutation.flip = flips[f];
		for (mutation.at = 0; mutation.at < 60; mutation.at++) {
			const struct answer *a = ask(&w, t, &get);
			for (size_t i = 0; i < a->n; i++)
				assert_int_equal(oid_compare(&a->vars[i].name, &oids[i]), 0);
			free(w.answers[0].vars);
			w.n_answers = 0;
		}
		snmp.detach(t);
		end(&w);
	}
}

static void needs_a_community(void **state)
{
	(void)state;
	struct world w;
	struct endpoint ep = { .port = 161, .scheme = "snmp", .host = "127.0.0.1", .version = 2 };
	struct err err = { 0 };
	begin(&w);
	assert_null(snmp.attach(w.self, &ep, &w, &err));
	assert_non_null(strstr(err.text, "no community"));
	end(&w);
}

static void set_address(struct addresses *a, uint32_t host, uint16_t port)
{
	a->at[a->n++] = (struct address){ .len = sizeof(struct sockaddr_in), .u.v4 = { .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(host) } };
}

/* A name with several addresses: the one that is silent costs a poll, the next one's answer is known by its source. */
static void second_address_answers(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	struct target *t = attach(&w, 2, false);
	struct oid oid = name(1, 4);
	struct request get = { .kind = REQUEST_SNMP_GET, .oids = &oid, .n_oids = 1 };
	struct addresses both = { 0 };
	set_address(&both, INADDR_LOOPBACK + 1, w.peer.port);
	set_address(&both, INADDR_LOOPBACK, w.peer.port);
	snmp_set_addresses(t, &both);
	assert_int_equal(ask(&w, t, &get)->reason, REASON_TIMEOUT);
	assert_int_equal(ask(&w, t, &get)->reason, REASON_NONE);
	assert_int_equal(ask(&w, t, &get)->reason, REASON_NONE);
	snmp.detach(t);
	end(&w);
}

/* The timer of an answered request is left where it is: it must neither end nor repeat a later one before its time. */
static void answered_timer_does_not_count(void **state)
{
	(void)state;
	struct world w;
	begin(&w);
	struct target *t = attach(&w, 2, false);
	struct oid oid = name(1, 4);
	struct request get = { .kind = REQUEST_SNMP_GET, .oids = &oid, .n_oids = 1 };
	assert_int_equal(ask(&w, t, &get)->reason, REASON_NONE);
	while (w.now_ms < 5000 + DEADLINE_MS - 30)
		step(&w);
	w.peer.behave = silent;
	int64_t begun = w.now_ms;
	assert_int_equal(ask(&w, t, &get)->reason, REASON_TIMEOUT);
	assert_in_range(w.answers[1].at_ms - begun, DEADLINE_MS, DEADLINE_MS + 30);
	assert_int_equal(w.peer.requests, 3);      /* the second one asked twice */
	snmp.detach(t);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(second_address_answers), cmocka_unit_test(answered_timer_does_not_count),
		cmocka_unit_test(faults), cmocka_unit_test(too_big_splits), cmocka_unit_test(one_bad_object), cmocka_unit_test(walks),
		cmocka_unit_test(half_a_walk_is_kept), cmocka_unit_test(mutations_are_survived), cmocka_unit_test(needs_a_community),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
