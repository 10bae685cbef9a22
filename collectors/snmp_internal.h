/* collectors/snmp_internal.h - shared by snmp.c (the collector), snmp_life.c (a job's life), snmp_job.c (questions and answers),
 * snmp_wire.c (the shared sockets) and snmp_session.c (library, versions, keys). */
#ifndef COLLECTORS_SNMP_INTERNAL_H
#define COLLECTORS_SNMP_INTERNAL_H

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include <net-snmp/library/large_fd_set.h>

#include "collectors/collector.h"
#include "collectors/net.h"
#include "collectors/snmp_packet.h"
#include "collectors/snmp_udp.h"
#include "core/wheel.h"

#include <systemd/sd-event.h>

enum { ASKED_MAX = 128, HINTS = 8 };
enum { SLOT_FD = 0, OIDS_START = 60, OIDS_MIN = 5, REPS_START = 10, REPS_MAX = 40, WALK_REQUESTS = 2000, WALK_VARS = 20000,
	LOOKUP_MS = 10000, RESOLVE_AGAIN_MS = 60000, POLL_LOOKUP_MS = 20, ROUNDS = 8,
	HELD_UP_MS = 100, HELD_UP_ROUNDS = 256, SPARE_JOBS = 256 };
enum step { STEP_NONE, STEP_SEND, STEP_END, STEP_WAIT };    /* what an answer leads to */

struct job {
	struct job *next;
	const struct request *request;
	struct mono deadline;
	int64_t begun_us, budget_ms;
	enum reason reason;
	bool partial;
	unsigned sent, resyncs, reports;
	struct var *vars;              /* collected; NULL while one datagram is enough */
	size_t n_vars, room;
	/* GET */
	uint8_t *state;                /* 1: this object is done */
	size_t first, part;            /* no open object before `first`; objects a datagram, 0: the target's */
	size_t n_asked;
	/* walk */
	size_t column, rows;
	struct err *err;               /* NULL: nothing went wrong */
	/* from here on not cleared for each request: kilobytes that are rarely used */
	uint16_t asked[ASKED_MAX];
	struct oid last;
};

struct snmp;
struct target {
	/* What each poll touches is in the first three lines of the cache: with thousands of agents, fetching them is most of what a poll costs. */
	_Alignas(64) struct timer timer;       /* first: the wheel hands it back.  May be set for earlier than `due`, and for nothing */
	struct target *next;           /* of those whose addresses share a bucket */
	struct address to;             /* addresses.at[address] */

	struct snmp *self;
	void *device;
	struct job *jobs;
	struct target *next_dirty;
	struct mono due;               /* when the open request must be looked at */
	uint32_t fast_id;              /* request id of a kept datagram that waits for its answer; 0: the library holds the request */
	uint32_t fast_built;           /* which datagram that was: packet_again() */
	struct lookup *lookup;
	uint8_t version;               /* SNMP_VERSION_... */
	enum step step;
	uint16_t max_oids;
	bool numeric, hashed, dirty, dead, waiting, proven;

	uint16_t hints[HINTS];         /* where the datagrams of its requests are kept */
	int64_t resolved_ms;
	struct target_stats stats;
	char community[24];            /* of the endpoint, when it is short enough and there is one */

	struct addresses addresses;
	size_t address, bucket;
	const struct collector_env *env;
	char *credential;              /* owned; endpoint.credential points to it */
	struct target *next_any;
	void *session;                 /* net-snmp's; NULL until the first request */
	const struct protocol *auth, *priv;    /* version 3; NULL: none */
	u_char engine[32];
	size_t engine_len;             /* 0: not known yet */
	bool reopen;                   /* the session must be made anew */
	long repetitions, repetitions_max;     /* of GETBULK; an agent that said tooBig is not asked for that much again */
	uint16_t grow_wait, grow_left;       /* answers of full size until more is tried; 0: at once */
	struct endpoint endpoint;      /* last: only so much of its options is there as is used */
};

struct snmp {
	struct collector_env env;
	sd_event_source *io[UDP_FAMILIES];
	struct udp *udp;
	struct wheel wheel;
	struct stamp now;
	int64_t now_us, expired_ms;    /* expired_ms: when time-outs were looked at last */
	struct target *buckets[4096], *any, *dirty;
	netsnmp_large_fd_set fds;
	uint8_t *in;
	size_t n_in;
	struct packets *packets;
	struct job *spare;             /* SPARE_JOBS at most: a burst of thousands is not kept */
	size_t n_spare;
	uint32_t last_id;
	struct var *scratch;
	size_t scratch_room;
};

static inline bool snmp_is_walk(const struct job *job)
{
	return job->request->kind == REQUEST_SNMP_WALK;
}

/* snmp.c */
void snmp_look_at_clock(struct snmp *s);
void snmp_mark_dirty(struct target *t);                     /* something is to be begun, or freed, with the next snmp_run_dirty() */

/* snmp_life.c */
struct job *snmp_job_new(struct snmp *s);
void snmp_job_free(struct snmp *s, struct job *job);
void snmp_forget_open(struct target *t);
void snmp_advance(struct target *t);                        /* after t->step was set */
void snmp_run_dirty(struct snmp *s);                        /* and sends what was queued */
void snmp_timer_due(struct target *t);

/* snmp_job.c */
netsnmp_pdu *snmp_pdu(struct target *t);                    /* the open job's next question; NULL: no memory */
int snmp_answered(int operation, netsnmp_session *session, int reqid, netsnmp_pdu *pdu, void *target);
enum step snmp_take(struct target *t, struct job *job, const netsnmp_pdu *pdu);
enum step snmp_got_all(struct target *t, struct job *job);  /* s->scratch holds all that was asked */
bool snmp_scratch_room(struct snmp *s, size_t n);
struct err *snmp_why(struct job *job);      /* where the sentence of its failure goes; NULL when there is no memory for it */

/* snmp_wire.c */
netsnmp_transport *snmp_carrier(struct target *t);
void snmp_set_addresses(struct target *t, const struct addresses *found);
void snmp_use_address(struct target *t, size_t i);
void snmp_unhash(struct target *t);
void snmp_read_answers(struct snmp *s, size_t family, int rounds);

/* snmp_session.c */
const char *snmp_community(const struct target *t);                 /* NULL: the credential is gone */
void snmp_library(void);                                            /* once a process: no files, no logs */
bool snmp_session_check(struct target *t, struct err *err) MUST_USE; /* is what the endpoint and its secret say usable? */
bool snmp_session_ready(struct target *t, struct err *err) MUST_USE;
void snmp_session_close(struct target *t);
bool snmp_discovering(const struct target *t);                      /* version 3, engine not known: the next request finds it */
void snmp_forget_time(struct target *t);
enum step snmp_report(struct target *t, struct job *job, const netsnmp_pdu *pdu);

#endif
