/* publish/http_inner.h - what http.c, http_check.c, http_clients.c and http_stream.c share.  Not for other rooms. */
#ifndef PUBLISH_HTTP_INNER_H
#define PUBLISH_HTTP_INNER_H

#include "publish/publish.h"
#include <microhttpd.h>
#include <pthread.h>

enum { HTTP_CLIENTS = 64, HTTP_STREAMS = 8, HTTP_HEADER_MAX = 8192, HTTP_BODY_MAX = 65536, HTTP_URI_MAX = 2048 };

/* One TCP connection.  Every connection carries one request (Connection: close), so its age is the request's. */
struct client {
	struct client *next, *prev;              /* oldest first */
	int fd;
	int64_t since_ms;
	bool asked, stream;                      /* headers are complete; it is a live stream */
};

struct clients {
	pthread_mutex_t lock;
	struct client first;                     /* ring */
	size_t n, streams;
	int64_t deadline_ms;
	int event;
	bool stopping;
	uint64_t expired, evicted;
};

bool clients_init(struct clients *c, int64_t deadline_ms, struct err *err) MUST_USE;
void clients_done(struct clients *c);
struct client *clients_add(struct clients *c, int fd);       /* over the limit, the oldest that has not asked yet goes */
void clients_remove(struct clients *c, struct client *x);
/* Ends what is past the deadline; milliseconds until the next one is due (at most 500; -1: none is open). */
int clients_expire(struct clients *c, int64_t now_ms);
int64_t http_now_ms(void);

/* What is wrong with a request, before anything else looks at it: 0 or the status code, and a sentence. */
unsigned http_refusal(struct MHD_Connection *connection, const char *method, const char *version, const char *uri, uint16_t port, const char **why);

/* Live stream (Server-Sent Events): summary_json() of each new snapshot. */
struct streams;
struct streams *streams_new(struct snapshot_slot *slot);
void streams_free(struct streams *s);
struct MHD_Response *streams_response(struct streams *s, struct MHD_Connection *connection, const char *last_id);   /* NULL: too many */
void streams_tick(struct streams *s, int64_t now_ms);        /* wakes those that have something new */
void streams_stop(struct streams *s);                        /* ends all; before MHD_stop_daemon() */

#endif
