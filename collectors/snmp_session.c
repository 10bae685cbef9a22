#include "collectors/snmp_internal.h"

#include <net-snmp/library/lcd_time.h>
#include <net-snmp/library/scapi.h>
#include <net-snmp/library/snmpusm.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

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

static const char *secret_of(const struct target *t)
{
	const struct endpoint *ep = &t->endpoint;
	return ep->credential && t->env->secret ? t->env->secret(t->env->ctx, ep->credential) : NULL;
}

const char *snmp_community(const struct target *t)
{
	return t->endpoint.user[0] || !t->endpoint.credential ? t->endpoint.user : secret_of(t);
}

/* ---- version 3: protocols and keys ------------------------------------------------------------------------------------- */

/* RFC 3414, RFC 7860, RFC 3826; AES-192/256 are no RFC and come in two ways of making the key (Blumenthal's draft, Cisco's). */
static const struct protocol { const char *name; int type; bool weak; } auths[] = {
	{ "sha", USM_CREATE_USER_AUTH_SHA1, false }, { "sha1", USM_CREATE_USER_AUTH_SHA1, false }, { "sha224", USM_CREATE_USER_AUTH_SHA224, false },
	{ "sha256", USM_CREATE_USER_AUTH_SHA256, false }, { "sha384", USM_CREATE_USER_AUTH_SHA384, false },
	{ "sha512", USM_CREATE_USER_AUTH_SHA512, false }, { "md5", USM_CREATE_USER_AUTH_MD5, true }, { NULL, 0, false },
}, privs[] = {
	{ "aes", USM_CREATE_USER_PRIV_AES, false }, { "aes128", USM_CREATE_USER_PRIV_AES, false }, { "aes192", USM_CREATE_USER_PRIV_AES192, false },
	{ "aes256", USM_CREATE_USER_PRIV_AES256, false }, { "aes192c", USM_CREATE_USER_PRIV_AES192_CISCO, false },
	{ "aes256c", USM_CREATE_USER_PRIV_AES256_CISCO, false }, { "des", USM_CREATE_USER_PRIV_DES, true }, { NULL, 0, false },
};

static bool find_protocol(const struct endpoint *ep, const char *option, const char *fallback, const struct protocol *rows,
			  const struct protocol **out, struct err *err)
{
	const char *name = endpoint_option(ep, option);
	name = name ? name : fallback;
	*out = NULL;
	if (!name)
		return true;
	for (; rows->name; rows++)
		if (strcmp(rows->name, name) == 0)
			break;
	if (!rows->name)
		return err_set(err, ERR_CONFIG, "%s=%s is not known; use %s", option, name, strcmp(option, "auth") ? "aes128, aes192, aes256, aes192c or aes256c" : "sha, sha224, sha256, sha384 or sha512");
	if (rows->weak && !ep->allow_weak)
		return err_set(err, ERR_CONFIG, "%s=%s is too weak; use %s, or say allow_weak: true for this device", option, name, strcmp(option, "auth") ? "aes128" : "sha256");
	*out = rows;
	return true;
}

/* The secret holds the authentication pass phrase in its first line and the privacy pass phrase in its second. */
struct phrases { char auth[256], priv[256]; };

static bool split_secret(const char *secret, struct phrases *out)
{
	size_t first = strcspn(secret, "\r\n");
	const char *rest = secret + first + strspn(secret + first, "\r\n");
	size_t second = strcspn(rest, "\r\n");
	if (first >= sizeof out->auth || second >= sizeof out->priv)
		return false;
	memcpy(out->auth, secret, first);
	out->auth[first] = 0;
	memcpy(out->priv, second ? rest : out->auth, second ? second : first);   /* one line: the same for both */
	out->priv[second ? second : first] = 0;
	return true;
}

static bool check_v3(struct target *t, struct err *err)
{
	const struct endpoint *ep = &t->endpoint;
	const char *secret = secret_of(t);
	struct phrases phrases;
	if (!ep->user[0])
		return err_set(err, ERR_CONFIG, "no user; write snmpv3://USER@HOST");
	bool plain = !ep->credential && !endpoint_option(ep, "auth") && !endpoint_option(ep, "priv");
	if (!find_protocol(ep, "auth", plain ? NULL : "sha256", auths, &t->auth, err) || !find_protocol(ep, "priv", plain ? NULL : "aes128", privs, &t->priv, err))
		return false;
	if (plain)
		return true;
	if (!secret)
		return err_set(err, ERR_CONFIG, "no secret named '%s'; put the authentication pass phrase into its first line, the privacy pass phrase into its second",
			       ep->credential ? ep->credential : "");
	bool good = split_secret(secret, &phrases) && strlen(phrases.auth) >= 8 && strlen(phrases.priv) >= 8;
	OPENSSL_cleanse(&phrases, sizeof phrases);
	return good ? true : err_set(err, ERR_CONFIG, "a pass phrase in credential '%s' is shorter than 8 or longer than 255 characters", ep->credential);
}

/* Making a key hashes a megabyte (RFC 3414 A.2): many devices share a pass phrase, so the last ones are kept. */
static struct key { uint8_t digest[32]; int type; size_t len; u_char ku[USM_AUTH_KU_LEN]; } keys[16];

static bool make_key(const struct protocol *auth, const char *phrase, u_char *out, size_t *len)
{
	static size_t turn;
	uint8_t digest[32];
	size_t n = USM_AUTH_KU_LEN, id_len = 0;
	if (EVP_Digest(phrase, strlen(phrase), digest, NULL, EVP_sha256(), NULL) != 1)
		return false;
	for (size_t i = 0; i < countof(keys); i++) {
		if (!keys[i].len || keys[i].type != auth->type || memcmp(keys[i].digest, digest, sizeof digest) != 0)
			continue;
		memcpy(out, keys[i].ku, keys[i].len);
		*len = keys[i].len;
		return true;
	}
	oid *id = sc_get_auth_oid(auth->type, &id_len);
	struct key *k = &keys[turn++ % countof(keys)];
	*k = (struct key){ .type = auth->type };
	if (!id || generate_Ku(id, (u_int)id_len, (const u_char *)phrase, strlen(phrase), k->ku, &n) != SNMPERR_SUCCESS)
		return false;
	memcpy(k->digest, digest, sizeof digest);
	k->len = n;
	memcpy(out, k->ku, n);
	*len = n;
	return true;
}

static bool fill_keys(struct target *t, netsnmp_session *want)
{
	struct phrases phrases;
	const char *secret = secret_of(t);
	if (!secret || !split_secret(secret, &phrases))
		return false;
	want->securityLevel = SNMP_SEC_LEVEL_AUTHPRIV;
	want->securityAuthProto = sc_get_auth_oid(t->auth->type, &want->securityAuthProtoLen);
	want->securityPrivProto = sc_get_priv_oid(t->priv->type, &want->securityPrivProtoLen);
	bool good = make_key(t->auth, phrases.auth, want->securityAuthKey, &want->securityAuthKeyLen) &&
		    make_key(t->auth, phrases.priv, want->securityPrivKey, &want->securityPrivKeyLen);
	OPENSSL_cleanse(&phrases, sizeof phrases);
	return good;
}

/* A user of this engine with other keys may still be there from before a change of the secret. */
static void forget_user(const netsnmp_session *want)
{
	struct usmUser *user = usm_get_user(want->securityEngineID, want->securityEngineIDLen, want->securityName);
	if (user) {
		usm_remove_user(user);
		usm_free_user(user);
	}
}

/* ---- sessions ------------------------------------------------------------------------------------------------------------ */

bool snmp_session_check(struct target *t, struct err *err)
{
	static const long versions[] = { [1] = SNMP_VERSION_1, [2] = SNMP_VERSION_2c, [3] = SNMP_VERSION_3 };
	t->version = (uint8_t)versions[t->endpoint.version];
	if (t->version == SNMP_VERSION_3)
		return check_v3(t, err);
	const char *community = snmp_community(t);
	if (!community)
		return err_set(err, ERR_CONFIG, "no secret named '%s'; put the community into that credential", t->endpoint.credential);
	if (!community[0])
		return err_set(err, ERR_CONFIG, "no community; name a credential, or write snmp://COMMUNITY@HOST for a probe");
	return true;
}

static bool fill_community(struct target *t, netsnmp_session *want)
{
	const char *community = snmp_community(t);
	want->community = (u_char *)(uintptr_t)community;
	want->community_len = community ? strlen(community) : 0;
	return community;
}

/* While the engine is not known, a request to no engine makes the agent say its id (RFC 3414 section 4): like any other request it
 * is sent, timed and dropped by us, so that nothing blocks.  The library's own discovery would. */
static bool fill_v3(struct target *t, netsnmp_session *want)
{
	static u_char nobody[] = { 0x80, 0, 0, 0, 0 };
	const char *context = endpoint_option(&t->endpoint, "context");
	bool known = t->engine_len > 0;
	want->flags |= SNMP_FLAGS_DONT_PROBE;
	want->securityModel = SNMP_SEC_MODEL_USM;
	want->securityLevel = SNMP_SEC_LEVEL_NOAUTH;
	want->securityName = t->endpoint.user;
	want->securityNameLen = strlen(want->securityName);
	want->contextName = (char *)(uintptr_t)(context ? context : "");
	want->contextNameLen = strlen(want->contextName);
	want->securityEngineID = want->contextEngineID = known ? t->engine : nobody;
	want->securityEngineIDLen = want->contextEngineIDLen = known ? t->engine_len : sizeof nobody;
	return !known || !t->auth || fill_keys(t, want);
}

bool snmp_session_ready(struct target *t, struct err *err)
{
	if (t->session && !t->reopen)
		return true;
	netsnmp_session want;
	snmp_session_close(t);
	snmp_sess_init(&want);
	want.version = t->version;
	want.timeout = 1;      /* microsecond: always over, so that a time-out happens exactly when we say so */
	want.retries = 1;
	bool filled = t->version == SNMP_VERSION_3 ? fill_v3(t, &want) : fill_community(t, &want);
	netsnmp_transport *carrier = filled ? snmp_carrier(t) : NULL;
	if (!filled)
		return err_set(err, ERR_CONFIG, "no usable secret in credential '%s'", t->endpoint.credential ? t->endpoint.credential : "");
	if (!carrier)
		return err_memory(err);
	if (t->engine_len)
		forget_user(&want);
	t->session = snmp_sess_add(&want, carrier, NULL, NULL);
	if (t->session && t->engine_len)
		usm_create_user_from_session(snmp_sess_session(t->session));
	OPENSSL_cleanse(want.securityAuthKey, sizeof want.securityAuthKey);
	OPENSSL_cleanse(want.securityPrivKey, sizeof want.securityPrivKey);
	t->reopen = false;
	return t->session ? true : err_set(err, ERR_INTERNAL, "net-snmp: cannot make a session");
}

void snmp_session_close(struct target *t)
{
	if (t->session)
		snmp_sess_close(t->session);
	t->session = NULL;
}

bool snmp_discovering(const struct target *t)
{
	return t->version == SNMP_VERSION_3 && !t->engine_len;
}

void snmp_forget_time(struct target *t)
{
	/* An engine that rebooted with its boots counter lost would be out of the time window for ever (R27). */
	if (t->version == SNMP_VERSION_3 && t->engine_len)
		free_enginetime(t->engine, t->engine_len);
}

static enum step found_engine(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	if (pdu->securityEngineIDLen < 5 || pdu->securityEngineIDLen > sizeof t->engine) {
		err_set(snmp_why(job), ERR_INPUT, "answer rejected: an engine id has 5 to 32 bytes, not %zu", pdu->securityEngineIDLen);
		job->reason = REASON_MALFORMED;
		return STEP_END;
	}
	memcpy(t->engine, pdu->securityEngineID, pdu->securityEngineIDLen);
	t->engine_len = pdu->securityEngineIDLen;
	t->reopen = true;
	return STEP_SEND;
}

enum step snmp_report(struct target *t, struct job *job, const netsnmp_pdu *pdu)
{
	static const struct { int type; const char *says; } rows[] = {
		{ SNMPERR_UNKNOWN_USER_NAME, "the agent does not know this user" },
		{ SNMPERR_UNSUPPORTED_SEC_LEVEL, "the agent does not take this security level for this user" },
		{ SNMPERR_AUTHENTICATION_FAILURE, "wrong authentication pass phrase or protocol" },
		{ SNMPERR_DECRYPTION_ERR, "wrong privacy pass phrase or protocol" },
		{ SNMPERR_NOT_IN_TIME_WINDOW, "the agent's clock of the engine could not be followed" },
		{ SNMPERR_UNKNOWN_ENG_ID, "the agent has another engine id by now" },
	};
	enum { REPORTS_MAX = 4 };        /* an engine, its clock, and one more of each: what says more than that says nothing */
	int type = t->version == SNMP_VERSION_3 ? snmpv3_get_report_type((netsnmp_pdu *)(uintptr_t)pdu) : SNMPERR_UNKNOWN_REPORT;
	if (++job->reports > REPORTS_MAX) {
		err_set(snmp_why(job), ERR_INPUT, "the agent answers nothing but reports; its engine id or clock changes with each");
		job->reason = REASON_REFUSED;
		t->engine_len = 0;
		t->reopen = true;
		return STEP_END;
	}
	if (t->version == SNMP_VERSION_3 && snmp_discovering(t))
		return found_engine(t, job, pdu);
	if (type == SNMPERR_NOT_IN_TIME_WINDOW && job->resyncs++ < 2)
		return STEP_WAIT;   /* the library took the agent's time from the report and sends again */
	if (type == SNMPERR_UNKNOWN_ENG_ID && t->engine_len && job->resyncs++ < 2) {
		t->engine_len = 0;
		t->reopen = true;
		return STEP_SEND;
	}
	const char *says = "an unexpected report";
	for (size_t i = 0; i < countof(rows); i++)
		if (rows[i].type == type)
			says = rows[i].says;
	err_set(snmp_why(job), ERR_DENIED, "%s", says);
	job->reason = REASON_REFUSED;
	return STEP_END;
}
