/* tests/unit/publish/broker.h - a real mosquitto on loopback, a listening receiver and a small CA, for tests. */
#ifndef BROKER_H
#define BROKER_H

#include "core/err.h"
#include <sys/types.h>

struct broker { pid_t pid; uint16_t port; char dir[64]; };
bool broker_present(void);
/* A free port and a directory of its own under /tmp. */
void broker_init(struct broker *b);
/* Starts it with these lines after the listener's and waits until it runs; the port stays the same from start to start. */
void broker_start(struct broker *b, const char *config);
void broker_kill(struct broker *b);         /* SIGKILL; nothing is saved */
void broker_done(struct broker *b);

/* Certificates: NAME.crt and NAME.key in dir, signed by ISSUER (NULL: itself, a CA); alt: "IP:127.0.0.1,DNS:localhost" or NULL. */
void make_cert(const char *dir, const char *name, const char *issuer, const char *alt, int from_days, int to_days);

#endif
