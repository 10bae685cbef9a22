/* collectors/collector.h - a collector moves words from a wire into a struct reading.
 *
 * It knows no units, meters or PUE.  It only ever reads from a device: no function that writes exists here.  It never
 * blocks the loop, and ends every request exactly once, with a reading or an error, before its deadline (the sink is
 * called from flush(), expire() or the event loop, never from inside submit()).  All calls come from the loop thread. */
#ifndef COLLECTORS_COLLECTOR_H
#define COLLECTORS_COLLECTOR_H

#include "core/reading.h"

typedef struct sd_event sd_event;

/* One clock interface for the whole program; `now` gives both clocks. */
struct clock_ops { struct stamp (*now)(void *ctx); void *ctx; };

struct collector_env {
	sd_event *loop;
	struct clock_ops clock;
	/* The answer.  `reading` and all it points to are borrowed until the sink returns. */
	void (*sink)(void *ctx, void *device, const struct reading *reading);
	void *ctx;
	/* Secret by credential name; NULL when absent.  Borrowed until return. */
	const char *(*secret)(void *ctx, const char *name);
	uint64_t seed;                 /* of back-off jitter */
};

/* Parsed form of "modbus+tcp://HOST:PORT/UNIT?..." (design.md section 5).  Parsing is pure: endpoint.c. */
struct endpoint {
	char scheme[16];               /* "modbus+tcp", "modbus+rtu", "modbus+rtutcp", "snmp", "snmpv3", "replay" */
	char host[256];                /* host, or device path of a serial line */
	uint16_t port;                 /* 502 / 161 by default */
	uint8_t unit;                  /* Modbus */
	char user[128];                /* SNMP community or v3 user; "" when by credential */
	int version;                   /* SNMP 1, 2 (v2c), 3 */
	size_t n_options, options_len;
	const char *credential;        /* name of the secret, from the configuration; borrowed; NULL none */
	int64_t min_gap_ms;            /* between two requests on this endpoint */
	bool any_source;               /* SNMP: take answers from another address (F-dev-28) */
	bool allow_weak;               /* SNMPv3: MD5 and DES */
	char options[400];             /* key and value in turn, each with its NUL; last: who keeps thousands cuts it at options_len */
};
bool endpoint_parse(const char *text, struct endpoint *out, struct err *err) MUST_USE;
/* Is an SNMP device behind it?  A recording (replay:) is one when its name ends in .snmprec, .snmpwalk or .walk. */
bool endpoint_is_snmp(const struct endpoint *ep);
/* Value of ?key=value; NULL when absent.  Borrowed from `ep`. */
const char *endpoint_option(const struct endpoint *ep, const char *key);
/* host:port (or the line) that all units behind it share. */
void endpoint_bus(const struct endpoint *ep, struct buf *out);

struct target;
struct target_stats { uint64_t requests, answers, timeouts, errors, retries, late, foreign; int64_t bus_time_us; };

struct collector_ops {
	const char *const *schemes;                                       /* NULL-terminated */
	void *(*start)(const struct collector_env *env, struct err *err);
	/* `device` is handed back to the sink. */
	struct target *(*attach)(void *self, const struct endpoint *ep, void *device, struct err *err);
	/* `req` is borrowed until its reading was delivered. */
	void (*submit)(struct target *t, const struct request *req, struct mono deadline);
	void (*flush)(void *self);                                        /* end of a tick: send all that was submitted */
	void (*expire)(void *self, struct mono now);                      /* ends what is past its deadline */
	struct mono (*next)(void *self);                                  /* earliest deadline or retry; INT64_MAX none */
	void (*stats)(const struct target *t, struct target_stats *out);
	void (*detach)(struct target *t);                                 /* pending requests end silently */
	void (*stop)(void *self);                                         /* NULL is fine */
	/* Is the device at this address (16 bytes, IPv4 as ::ffff:a.b.c.d)?  NULL: nobody needs to know. */
	bool (*at)(const struct target *t, const uint8_t address[16]);
};

extern const struct collector_ops modbus_tcp, snmp, replay;
extern const struct collector_ops *const collectors[];                    /* NULL-terminated */
const struct collector_ops *collector_for(const char *scheme);

#endif
