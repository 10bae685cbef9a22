/* collectors/modbus_conn.h - Modbus connections: one per host:port or serial line, shared by all its units, one request on the wire.
 *
 * Exchanges wait in a queue and end exactly once, through `done`, before their deadline.  A time-out never closes the
 * connection unless an answer was left half received (framing is then lost), or not one byte came for half a minute in which it
 * was asked three times (a gateway that forgot it).  Late answers are recognised by transaction
 * id and dropped.  A lost connection comes back with exponential back-off and seeded jitter. */
#ifndef COLLECTORS_MODBUS_CONN_H
#define COLLECTORS_MODBUS_CONN_H

#include "collectors/collector.h"
#include "collectors/modbus_frame.h"
#include "collectors/net.h"
#include "core/wheel.h"

enum timed_kind { TIMED_CONN, TIMED_EXCHANGE };
struct timed { struct timer timer; enum timed_kind kind; };

struct modbus_conn;
struct exchange {
	struct timed timed;                 /* the deadline */
	struct exchange *next, **prev;      /* queue of the connection */
	struct modbus_conn *conn;
	struct target *target;
	const struct request *request;
	struct modbus_request wire;
	int64_t begun_us;                   /* when it was last sent */
	int64_t budget_ms;
	unsigned rounds;                    /* device identification in several parts */
	bool resent;
};

/* How an exchange ended: reason NONE or EXCEPTION come with an answer, all but NONE with a sentence. */
struct outcome { enum reason reason; struct modbus_answer answer; struct stamp at; int64_t now_us; const struct err *err; };

struct modbus_bus {
	const struct collector_env *env;
	void (*done)(struct modbus_bus *bus, struct exchange *x, const struct outcome *o);
	int epoll_fd;
	struct wheel wheel;
	struct modbus_conn *buckets[1024], *dirty;
	uint64_t seed;
	struct stamp now;                   /* of the batch at work */
	int64_t now_us, expired_ms;         /* expired_ms: when time-outs were looked at last */
	uint8_t block[1024 + MODBUS_ADU_MAX];
};

bool modbus_bus_init(struct modbus_bus *bus, const struct collector_env *env, struct err *err) MUST_USE;
void modbus_bus_done(struct modbus_bus *bus);

/* The connection of host:port or line, counted; NULL with err.  The largest min_gap of its users holds. */
struct modbus_conn *modbus_conn_get(struct modbus_bus *bus, const struct endpoint *ep, struct err *err);
void modbus_conn_put(struct modbus_conn *conn);

void modbus_conn_add(struct modbus_conn *conn, struct exchange *x, struct mono deadline);
void modbus_conn_cut(struct exchange *x);           /* ends it silently; what comes for it is late */
/* From inside done(): the same exchange goes on at once with its changed `wire` and old deadline. */
void modbus_conn_again(struct exchange *x);
void modbus_conn_counts(const struct modbus_conn *conn, uint64_t *late, uint64_t *foreign);

void modbus_bus_flush(struct modbus_bus *bus);
void modbus_bus_expire(struct modbus_bus *bus, struct mono now);
int modbus_bus_ready(struct modbus_bus *bus);       /* the epoll descriptor is readable; how many connections had something */

#endif
