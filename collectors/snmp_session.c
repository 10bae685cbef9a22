#include "collectors/snmp_internal.h"

#include <stdlib.h>
#include <string.h>

void snmp_library(void)
{
	static bool done;
	if (done)
		return;
	done = true;
	/* MIB files and configuration of the host change nothing here, and reading them is slow and a risk. */
	setenv("MIBS", "", 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_READ_CONFIGS, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DONT_PERSIST_STATE, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_LOAD, 1);
	netsnmp_ds_set_boolean(NETSNMP_DS_LIBRARY_ID, NETSNMP_DS_LIB_DISABLE_PERSISTENT_SAVE, 1);
	snmp_disable_log();
	netsnmp_register_loghandler(NETSNMP_LOGHANDLER_NONE, LOG_DEBUG);   /* without any handler the library writes to stderr */
	init_snmp("pued");
}

static const char *community_of(const struct target *t)
{
	const struct endpoint *ep = &t->endpoint;
	return ep->user[0] || !ep->credential || !t->env->secret ? ep->user : t->env->secret(t->env->ctx, ep->credential);
}

bool snmp_session_check(struct target *t, struct err *err)
{
	static const long versions[] = { [1] = SNMP_VERSION_1, [2] = SNMP_VERSION_2c, [3] = SNMP_VERSION_3 };
	t->version = versions[t->endpoint.version];
	if (t->version == SNMP_VERSION_3)
		return err_set(err, ERR_CONFIG, "SNMPv3 is not built into this version yet; use snmp:// with v=2c");
	const char *community = community_of(t);
	if (!community)
		return err_set(err, ERR_CONFIG, "no secret named '%s'; put the community into that credential", t->endpoint.credential);
	if (!community[0])
		return err_set(err, ERR_CONFIG, "no community; name a credential, or write snmp://COMMUNITY@HOST for a probe");
	return true;
}

bool snmp_session_ready(struct target *t, struct err *err)
{
	if (t->session)
		return true;
	netsnmp_session want;
	const char *community = community_of(t);
	snmp_sess_init(&want);
	want.version = t->version;
	want.timeout = 1;      /* microsecond: always over, so that a time-out happens exactly when we say so */
	want.retries = 1;
	want.community = (u_char *)(uintptr_t)community;
	want.community_len = community ? strlen(community) : 0;
	netsnmp_transport *carrier = snmp_carrier(t);
	if (!carrier || !community)
		return err_memory(err);
	t->session = snmp_sess_add(&want, carrier, NULL, NULL);
	if (!t->session)
		return err_set(err, ERR_INTERNAL, "net-snmp: cannot make a session");
	return true;
}

void snmp_session_close(struct target *t)
{
	if (t->session)
		snmp_sess_close(t->session);
	t->session = NULL;
}

enum step snmp_report(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	(void)t, (void)pdu;
	err_set(&job->err, ERR_INPUT, "answer rejected: a report where none is due");
	job->reason = REASON_MALFORMED;
	return STEP_END;
}
