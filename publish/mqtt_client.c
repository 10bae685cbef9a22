#include "publish/mqtt_wire.h"

#include <mqtt_protocol.h>
#include <stdio.h>
#include <string.h>

static bool library(int rc, const char *what, struct err *err)
{
	return rc == MOSQ_ERR_SUCCESS || err_set(err, ERR_INTERNAL, "MQTT library, %s: %s", what, mosquitto_strerror(rc));
}

/* Our own context: the library's says "certificate verify failed" where people need the reason and the next step. */
static bool use_tls(struct mosquitto *mosq, const struct site *site, struct mqtt_why *why, struct err *err)
{
	SSL_CTX *tls = mqtt_tls(site, why->verify, err);
	if (!tls)
		return false;
	int rc = mosquitto_void_option(mosq, MOSQ_OPT_SSL_CTX, tls);
	SSL_CTX_free(tls);
	return library(rc, "TLS", err) && library(mosquitto_int_option(mosq, MOSQ_OPT_SSL_CTX_WITH_DEFAULTS, 0), "TLS", err);
}

struct mosquitto *mqtt_client(const struct site *site, const char *id, const char *password, void *ctx, struct mqtt_why *why, struct err *err)
{
	int version = site->mqtt.version == 5 ? MQTT_PROTOCOL_V5 : MQTT_PROTOCOL_V311;
	struct mosquitto *mosq = mosquitto_new(id, true, ctx);
	*why = (struct mqtt_why){ 0 };
	if (!mosq) {
		err_memory(err);
		return NULL;
	}
	mosquitto_threaded_set(mosq, true);      /* our thread, our poll(): the library's own loop fails above descriptor 1023 */
	if (library(mosquitto_int_option(mosq, MOSQ_OPT_PROTOCOL_VERSION, version), "version", err) &&
	    library(mosquitto_int_option(mosq, MOSQ_OPT_TCP_NODELAY, 1), "no delay", err) &&
	    (!site->mqtt.user || library(mosquitto_username_pw_set(mosq, site->mqtt.user, password), "user", err)) &&
	    (!site->mqtt.tls || use_tls(mosq, site, why, err)))
		return mosq;
	mosquitto_destroy(mosq);
	return NULL;
}

void mqtt_why_log(struct mqtt_why *why, int level, const char *text)
{
	if (level != MOSQ_LOG_ERR || !strstr(text, "OpenSSL Error") || why->library[0])
		return;
	const char *reason = strrchr(text, ':');   /* error:0A000412:SSL routines::sslv3 alert bad certificate */
	snprintf(why->library, sizeof why->library, "%s", reason && reason[1] ? reason + 1 : text);
}

bool mqtt_refused(const struct site *site, int connack, struct err *err)
{
	bool v5 = site->mqtt.version == 5;
	bool denied = v5 ? connack == MQTT_RC_BAD_USERNAME_OR_PASSWORD || connack == MQTT_RC_NOT_AUTHORIZED || connack == MQTT_RC_BANNED
			 : connack == 4 || connack == 5;
	return err_set(err, denied ? ERR_DENIED : ERR_UNAVAILABLE, "broker %s:%lld refuses %s%s%s: %s; %s", site->mqtt.host, (long long)site->mqtt.port,
		       site->mqtt.user ? "user \"" : "a client without user", site->mqtt.user ? site->mqtt.user : "", site->mqtt.user ? "\"" : "",
		       v5 ? mosquitto_reason_string(connack) : mosquitto_connack_string(connack),
		       denied ? "check mqtt.user and the credential of mqtt.password" : "see the broker's log");
}

/* The broker's alert may be lost when it closes while our first words are still on their way: then all that is left is the time at
 * which it closed. */
bool mqtt_why_err(const struct site *site, const struct mqtt_why *why, bool before_connack, struct err *err)
{
	const char *reason = why->verify[0] ? why->verify : why->library;
	if (!*reason && !(before_connack && site->mqtt.tls))
		return true;
	static const struct { const char *word, *next; } rows[] = {
		{ "unexpected eof", "; does this port speak TLS?" }, { "wrong version", "; does this port speak TLS?" },
		{ "alert", "; check the client certificate (mqtt.cert, mqtt.key)" } };
	const char *next = "";
	for (size_t i = 0; i < countof(rows) && !*next; i++)
		if (!why->verify[0] && strstr(reason, rows[i].word))
			next = rows[i].next;
	return err_set(err, ERR_DENIED, "broker %s:%lld: TLS: %s%s", site->mqtt.host, (long long)site->mqtt.port,
		       *reason ? reason : "the broker closes the connection before it says why; does it want a client certificate (mqtt.cert)?", next);
}
