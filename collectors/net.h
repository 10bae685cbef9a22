/* collectors/net.h - sockets for collectors: names looked up beside the loop, descriptors above the reach of select(). */
#ifndef COLLECTORS_NET_H
#define COLLECTORS_NET_H

#include "core/err.h"
#include <netinet/in.h>
#include <sys/socket.h>

/* Libraries that still use select() need descriptors below 1024; ours move above (requirements.md section 3). */
enum { FD_LOW_SLOTS = 1024 };

struct address {
	socklen_t len;
	union { struct sockaddr any; struct sockaddr_in v4; struct sockaddr_in6 v6; } u;
};
enum { ADDRESSES_MAX = 8, ADDRESS_TEXT = 64 };
struct addresses { size_t n; struct address at[ADDRESSES_MAX]; };

/* Raises the soft limit of descriptors to the hard one; once a process. */
void net_raise_limit(void);
/* Moves fd to 1024 or above; when the limit forbids it the low one is kept.  Close-on-exec.  -1 stays -1. */
int net_high(int fd);
int net_socket(int family, int type);       /* non-blocking, close-on-exec, high; -1 with errno */

bool address_equal(const struct address *a, const struct address *b);
uint64_t address_hash(const struct address *a);
const char *address_text(const struct address *a, char out[ADDRESS_TEXT]);

/* A name or numeric address becomes addresses.  Numeric ones are done at once; names are looked up by libc's own worker
 * threads (getaddrinfo_a), so that a slow name server delays nobody. */
struct lookup;
enum lookup_state { LOOKUP_BUSY, LOOKUP_DONE, LOOKUP_FAILED };
struct lookup *lookup_new(const char *host, uint16_t port);                 /* NULL: out of memory */
enum lookup_state lookup_poll(struct lookup *l, struct addresses *out, struct err *err);
bool lookup_is_numeric(const struct lookup *l);
void lookup_free(struct lookup *l);         /* also while busy */

#endif
