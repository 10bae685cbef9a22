/* publish/mqtt_wire.h - reaching a broker: TCP with a deadline, TLS with exact reasons.  Used by the MQTT thread and by
 * `puectl probe mqtt`. */
#ifndef PUBLISH_MQTT_WIRE_H
#define PUBLISH_MQTT_WIRE_H

#include "core/site.h"
#include <openssl/ssl.h>

/* Is anyone listening?  Tries every address of host, `deadline_ms` in all; ends early when `wake_fd` (-1: none) is readable.
 * The library's own connect has no deadline; this one has, and names the address and the cause. */
bool mqtt_reach(const char *host, int64_t port, int wake_fd, int deadline_ms, struct err *err) MUST_USE;

/* TLS as the site asks: CA file, client certificate and key, host name checked, TLS 1.2 at least.  Why a handshake failed is left
 * in `why` (at least 256 bytes, must outlive the context). */
SSL_CTX *mqtt_tls(const struct site *site, char *why, struct err *err);
/* "the client certificate FILE ends on 2026-05-01"; empty unless it ends within 30 days of `now`. */
void mqtt_certificate_warning(const struct site *site, struct wall now, char *out, size_t size);

#endif
