/* publish/mqtt_wire.h - reaching a broker: TCP with a deadline, TLS with exact reasons.  Used by the MQTT thread and by
 * `puectl probe mqtt`. */
#ifndef PUBLISH_MQTT_WIRE_H
#define PUBLISH_MQTT_WIRE_H

#include "core/site.h"
#include <mosquitto.h>
#include <openssl/ssl.h>

/* Is anyone listening?  Tries every address of host, `deadline_ms` in all; ends early when `wake_fd` (-1: none) is readable.
 * The library's own connect has no deadline; this one has, and names the address and the cause. */
bool mqtt_reach(const char *host, int64_t port, int wake_fd, int deadline_ms, struct err *err) MUST_USE;

/* TLS as the site asks: CA file, client certificate and key, host name checked, TLS 1.2 at least.  Why a handshake failed is left
 * in `why` (at least 256 bytes, must outlive the context). */
SSL_CTX *mqtt_tls(const struct site *site, char *why, struct err *err);
/* "the client certificate FILE ends on 2026-05-01"; empty unless it ends within 30 days of `now`. */
void mqtt_certificate_warning(const struct site *site, struct wall now, char *out, size_t size);

/* What a TLS handshake left behind: our own check of the certificate, and the library's word. */
struct mqtt_why { char verify[256], library[256]; };

/* A client of the library with protocol version, user and TLS as the site asks, and nobody's loop: ours is poll().  `why` must
 * outlive it.  NULL with err. */
struct mosquitto *mqtt_client(const struct site *site, const char *id, const char *password, void *ctx, struct mqtt_why *why, struct err *err);
/* For the library's log callback: keeps the first reason of a failed handshake. */
void mqtt_why_log(struct mqtt_why *why, int level, const char *text);
/* Sentences; both return false.  mqtt_why_err() does nothing (and returns true) when there is no reason. */
bool mqtt_refused(const struct site *site, int connack, struct err *err);
bool mqtt_why_err(const struct site *site, const struct mqtt_why *why, bool before_connack, struct err *err);

/* The way of a report, step by step, for `puectl probe mqtt`: address, connection (TLS and password), subscribe, publish, read back on
 * BASE/probe.  `step` hears each step with its sentence; the first that fails ends it. */
enum mqtt_step { MQTT_STEP_REACH, MQTT_STEP_CONNECT, MQTT_STEP_SUBSCRIBE, MQTT_STEP_PUBLISH, MQTT_STEP_READ_BACK, MQTT_STEP_N };
extern const char *const mqtt_step_names[MQTT_STEP_N];
typedef void mqtt_step_fn(void *ctx, enum mqtt_step step, bool good, const char *sentence);
bool mqtt_probe(const struct site *site, const char *password, int deadline_ms, mqtt_step_fn *fn, void *ctx, struct err *err) MUST_USE;

#endif
