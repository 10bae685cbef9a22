/* tests/sim/relay/relay.h - a wire that can be told to be bad, between a client and a server on loopback, TCP or UDP. */
#ifndef RELAY_RELAY_H
#define RELAY_RELAY_H

#include "core/err.h"
#include <netinet/in.h>

struct relay_options { struct sockaddr_in target; bool udp; uint16_t port; uint64_t seed; const char *rules; };
/* Prints its readiness line, then serves until SIGTERM or SIGINT; lines on standard input replace the rules.  README.md. */
bool relay_serve(const struct relay_options *options, struct err *err) MUST_USE;

#endif
