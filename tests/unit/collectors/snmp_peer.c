#include "tests/unit/collectors/snmp_peer.h"
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

static const oid base[] = { 1, 3, 6, 1, 4, 1, 99 };
enum { BASE = sizeof base / sizeof base[0] };

static bool find(const oid *name, size_t n, long *value)
{
	if (n != BASE + 2 || memcmp(name, base, sizeof base) != 0)
		return false;
	*value = (long)(name[BASE] * 1000 + name[BASE + 1]);
	return name[BASE] >= 1 && name[BASE] <= PEER_COLUMNS && name[BASE + 1] >= 1 && name[BASE + 1] <= PEER_ROWS;
}

/* The first object behind `name`; false at the end. */
static bool next(const oid *name, size_t n, oid *out)
{
	memcpy(out, base, sizeof base);
	for (out[BASE] = 1; out[BASE] <= PEER_COLUMNS; out[BASE]++)
		for (out[BASE + 1] = 1; out[BASE + 1] <= PEER_ROWS; out[BASE + 1]++)
			if (snmp_oid_compare(out, BASE + 2, name, n) > 0)
				return true;
	return false;
}

static void add_value(netsnmp_pdu *pdu, const oid *name, size_t n)
{
	long value;
	if (find(name, n, &value))
		snmp_pdu_add_variable(pdu, name, n, ASN_INTEGER, &value, sizeof value);
	else
		snmp_pdu_add_variable(pdu, name, n, SNMP_NOSUCHOBJECT, NULL, 0);
}

static void copy_names(netsnmp_pdu *to, const netsnmp_pdu *from)
{
	for (const netsnmp_variable_list *v = from->variables; v; v = v->next_variable)
		snmp_add_null_var(to, v->name, v->name_length);
}

static bool get(struct snmp_peer *p, const netsnmp_pdu *request, netsnmp_pdu *answer)
{
	long index = 1;
	for (const netsnmp_variable_list *v = request->variables; v; v = v->next_variable, index++) {
		if (v->name_length != BASE + 2 || v->name[BASE] != p->broken || !p->broken)
			continue;
		answer->errstat = SNMP_ERR_NOSUCHNAME;
		answer->errindex = index;
		copy_names(answer, request);
		return true;
	}
	for (const netsnmp_variable_list *v = request->variables; v; v = v->next_variable) {
		if (p->missing && v->name_length == BASE + 2 && v->name[BASE] == p->missing)
			snmp_pdu_add_variable(answer, v->name, v->name_length, SNMP_NOSUCHINSTANCE, NULL, 0);
		else
			add_value(answer, v->name, v->name_length);
	}
	return true;
}

static void walk(const netsnmp_pdu *request, netsnmp_pdu *answer, long repetitions)
{
	oid name[MAX_OID_LEN];
	size_t n = request->variables->name_length;
	memcpy(name, request->variables->name, n * sizeof(oid));
	for (long i = 0; i < repetitions; i++) {
		oid found[MAX_OID_LEN];
		if (!next(name, n, found)) {
			if (request->version == SNMP_VERSION_1) {
				answer->errstat = SNMP_ERR_NOSUCHNAME;
				answer->errindex = 1;
				copy_names(answer, request);
			} else {
				snmp_pdu_add_variable(answer, name, n, SNMP_ENDOFMIBVIEW, NULL, 0);
			}
			return;
		}
		memcpy(name, found, sizeof name);
		n = BASE + 2;
		add_value(answer, name, n);
	}
}

size_t snmp_peer_bytes(netsnmp_pdu *answer, unsigned char *out, size_t size)
{
	netsnmp_session session;
	snmp_sess_init(&session);
	session.version = answer->version;
	unsigned char *packet = calloc(1, 65536), *block = packet;
	size_t n = 65536, offset = 0;
	assert_true(snmp_build(&block, &n, &offset, &session, answer) >= 0);
	assert_true(offset <= size);
	memcpy(out, block + n - offset, offset);
	free(block);
	return offset;
}

void snmp_peer_raw(struct snmp_peer *p, const void *bytes, size_t n)
{
	assert_int_equal(sendto(p->fd, bytes, n, 0, (struct sockaddr *)&p->to, sizeof p->to), (ssize_t)n);
}

void snmp_peer_send(struct snmp_peer *p, netsnmp_pdu *answer)
{
	unsigned char out[65536];
	snmp_peer_raw(p, out, snmp_peer_bytes(answer, out, sizeof out));
}

static void serve(struct snmp_peer *p, unsigned char *bytes, size_t len)
{
	netsnmp_session session;
	netsnmp_pdu *request = calloc(1, sizeof *request);
	snmp_sess_init(&session);
	assert_int_equal(snmp_parse(NULL, &session, request, bytes, len), 0);
	p->requests++;
	p->last_command = request->command;
	p->last_vars = 0;
	for (const netsnmp_variable_list *v = request->variables; v; v = v->next_variable)
		p->last_vars++;
	netsnmp_pdu *answer = snmp_pdu_create(SNMP_MSG_RESPONSE);
	answer->version = request->version;
	answer->reqid = request->reqid;
	answer->community = (u_char *)strdup("public");
	answer->community_len = 6;
	bool bulk = request->command == SNMP_MSG_GETBULK;
	size_t wanted = bulk ? (size_t)request->max_repetitions : p->last_vars;
	if (p->error_limit && wanted > (size_t)p->error_limit) {
		answer->errstat = SNMP_ERR_TOOBIG;
		if (!bulk)
			copy_names(answer, request);
	} else if (request->command == SNMP_MSG_GET) {
		get(p, request, answer);
	} else {
		walk(request, answer, bulk ? request->max_repetitions : 1);
	}
	if (p->behave)
		p->behave(p, answer);
	else
		snmp_peer_send(p, answer);
	snmp_free_pdu(answer);
	snmp_free_pdu(request);
}

static int on_request(sd_event_source *s, int fd, uint32_t revents, void *ctx)
{
	struct snmp_peer *p = ctx;
	unsigned char bytes[65536];
	socklen_t size = sizeof p->to;
	(void)s, (void)revents;
	ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&p->to, &size);
	assert_true(n > 0);
	serve(p, bytes, (size_t)n);
	return 0;
}

void snmp_peer_start(struct snmp_peer *p, sd_event *loop, const char *address)
{
	struct sockaddr_in a = { .sin_family = AF_INET };
	socklen_t size = sizeof a;
	inet_pton(AF_INET, address, &a.sin_addr);
	p->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(p->fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(p->fd, (struct sockaddr *)&a, &size), 0);
	p->port = ntohs(a.sin_port);
	sd_event_add_io(loop, &p->source, p->fd, EPOLLIN, on_request, p);
}

void snmp_peer_stop(struct snmp_peer *p)
{
	sd_event_source_unref(p->source);
	close(p->fd);
}
