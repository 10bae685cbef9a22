/* collectors/modbus_inner.h - one connection, shared by modbus_conn.c (queue, sending, deadlines), modbus_connect.c (coming up and going
 * down) and modbus_receive.c (what comes in). */
#ifndef COLLECTORS_MODBUS_INNER_H
#define COLLECTORS_MODBUS_INNER_H

#include "collectors/modbus_conn.h"
#include "collectors/modbus_rtu.h"
#include "collectors/serial.h"

enum { BACKOFF_MS = 500, BACKOFF_MAX_MS = 30000, CONNECT_MS = 5000, CONNECT_NEXT_MS = 300, LOOKUP_MS = 10000, POLL_LOOKUP_MS = 20,
	FOREIGN_MAX = 3072, USER_TIMEOUT_MS = 10000, RESOLVE_AGAIN_MS = 60000, BATCH = 256,
	RTU_GAP_MS = 10, RTU_QUIET_MS = 200, RTU_ALIKE_MS = 1000, MUTE_MS = 30000, MUTE_REQUESTS = 3,
	HELD_UP_MS = 100, HELD_UP_ROUNDS = 64 };

enum conn_state { CONN_DOWN, CONN_LOOKUP, CONN_CONNECTING, CONN_UP };

struct modbus_conn {
	struct timed timed;
	struct modbus_bus *bus;
	struct modbus_conn *next, *next_dirty;
	char *host;                            /* or path of the line */
	uint16_t port, transaction;
	unsigned users, failures;
	enum conn_state state;
	bool dirty, dead, proven;              /* proven: this connection gave an answer */
	int fd;
	struct lookup *lookup;
	struct addresses addresses;
	size_t address;
	int64_t resolved_ms, begun_ms, retry_ms, free_ms, min_gap_ms, quiet_ms;
	struct exchange *queue, **queue_end, *current;
	size_t foreign;                        /* bytes since the last request that belong to nobody */
	uint64_t late, foreign_total;
	int64_t heard_ms;                      /* the last byte, or when the connection came up */
	unsigned mute;                         /* requests since then that ran into their deadline */
	enum reason last_reason;
	struct err *last_err;                  /* NULL: none yet; a kilobyte, and most connections never fail */
	size_t n_rest;
	uint8_t rest[RTU_MAX + MODBUS_ADU_MAX];
	struct modbus_request last;            /* what the wire was last asked */
	struct modbus_request unanswered;      /* RTU: what ran into its deadline last; until alike_ms nothing is asked that its late answer would fit */
	int64_t alike_ms;
	bool rtu, is_serial;                   /* RTU frames; on a tty */
	struct serial line;
};

/* modbus_conn.c */
void conn_mark_dirty(struct modbus_conn *c);
void conn_close(struct modbus_conn *c);
void conn_fail_all(struct modbus_conn *c, enum reason reason, const struct err *err);
void exchange_finish(struct exchange *x, enum reason reason, const struct modbus_answer *answer, const struct err *err);

/* modbus_connect.c */
void conn_open(struct modbus_conn *c);
void conn_look_up(struct modbus_conn *c);                  /* asks again whether the address is known by now */
void conn_connected(struct modbus_conn *c);
void conn_connect_failed(struct modbus_conn *c, int error);
void conn_broken(struct modbus_conn *c, enum reason reason, const struct err *err);     /* what waited is asked again where that can help */
void conn_back_off(struct modbus_conn *c, enum reason reason, const struct err *err);   /* what waited has failed */
void conn_queue_first(struct modbus_conn *c, struct exchange *x);
enum reason conn_reason(int error);                        /* of an errno */

/* modbus_receive.c */
void conn_event(struct modbus_conn *c, uint32_t events);

#endif
