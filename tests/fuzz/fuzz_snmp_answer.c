/* Any bytes as an answer to one kept question, read by us and by net-snmp.  What we take as an answer net-snmp takes as well, with the same
 * id, no error, the same names and the same values; what we leave is left. */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collectors/snmp_packet.h"
#include "collectors/snmp_var.h"

#include <stdlib.h>

enum { OBJECTS = 12, ID = 0x01020304 };
static struct oid names[OBJECTS];
static const struct request request = { .kind = REQUEST_SNMP_GET, .oids = names, .n_oids = OBJECTS };
static struct packets *kept;
static uint16_t hints[2];

static void check(bool good)
{
	if (!good)
		abort();
}

/* 1.3.6.1.4.1.99.N.0, and the last ones with numbers of several bytes. */
static void prepare(void)
{
	for (uint32_t i = 0; i < OBJECTS; i++)
		names[i] = (struct oid){ 9, { 1, 3, 6, 1, 4, 1, i < 10 ? 99 : 318000, i + 1, 0 } };
	kept = packets_new();
	check(kept);
	snmp_disable_log();
	netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
}

static void check_same(const netsnmp_pdu *pdu, const struct var *vars)
{
	static struct var theirs;
	size_t n = 0;
	check(pdu->command == SNMP_MSG_RESPONSE && pdu->errstat == SNMP_ERR_NOERROR && pdu->reqid == ID);
	for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable, n++) {
		check(n < OBJECTS && snmp_name_is(v, &names[n]) && snmp_var(v, &theirs));
		check(theirs.type == vars[n].type && theirs.text_len == vars[n].text_len && memcmp(theirs.text, vars[n].text, theirs.text_len + 1u) == 0);
		if (theirs.type == VAR_INTEGER || theirs.type == VAR_UNSIGNED || theirs.type == VAR_COUNTER32 || theirs.type == VAR_COUNTER64 || theirs.type == VAR_TICKS)
			check(theirs.integer == vars[n].integer);
	}
	check(n == OBJECTS);
}

static void try(long version, const uint8_t *bytes, size_t len)
{
	static struct var vars[OBJECTS];
	struct packet asked;
	check(packet_get(kept, &hints[version], version, "public", &request, &asked) && asked.n_names == OBJECTS);
	if (!answer_read(&asked, ID, bytes, len, vars))
		return;
	netsnmp_session session;
	netsnmp_pdu *pdu = calloc(1, sizeof *pdu);
	u_char *copy = malloc(len);
	check(pdu && copy);
	memcpy(copy, bytes, len);
	snmp_sess_init(&session);
	session.version = version;
	check(snmp_parse(NULL, &session, pdu, copy, len) == SNMP_ERR_NOERROR);
	check_same(pdu, vars);
	snmp_free_pdu(pdu);
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	if (!kept)
		prepare();
	try(SNMP_VERSION_1, bytes, len);
	try(SNMP_VERSION_2c, bytes, len);
	return 0;
}
