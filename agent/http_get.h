/* agent/http_get.h - one GET from the running pued on this machine's loopback, for puectl. */
#ifndef AGENT_HTTP_GET_H
#define AGENT_HTTP_GET_H

#include "core/buf.h"
#include "core/err.h"

/* The body of http://127.0.0.1:PORT/PATH; ERR_UNAVAILABLE when nothing listens there, when it is no pued, or after 5 s in all.  An
 * answer that is not 200 is an error with the server's own sentence. */
bool http_get(uint16_t port, const char *path, struct buf *body, struct err *err) MUST_USE;

#endif
