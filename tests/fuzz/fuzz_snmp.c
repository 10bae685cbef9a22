/* Any bytes as a datagram of an SNMP agent: net-snmp's parser, then our variables. */
#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>

#include "collectors/snmp_var.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static bool quiet;
	netsnmp_session session;
	netsnmp_pdu *pdu = calloc(1, sizeof *pdu);
	u_char *copy = malloc(len + 1);
	if (!quiet) {
		snmp_disable_log();
		netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);
		quiet = true;
	}
	memcpy(copy, bytes, len);
	snmp_sess_init(&session);
	session.version = SNMP_DEFAULT_VERSION;
	if (snmp_parse(NULL, &session, pdu, copy, len) == 0) {
		for (const netsnmp_variable_list *v = pdu->variables; v; v = v->next_variable) {
			struct var var;
			if (snmp_var(v, &var) && (var.name.n > OID_MAX || var.text_len > TEXT_VALUE_MAX || var.text[var.text_len]))
				abort();
		}
		snmp_error_text(pdu->errstat);
	}
	snmp_free_pdu(pdu);
	free(copy);
	return 0;
}
