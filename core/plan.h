/* core/plan.h - the fewest and cheapest requests that read all values of a device.
 *
 * Modbus: values are merged over gaps where that costs less time than another request, exactly (dynamic programming over the
 * sorted values: it terminates after n(n+1)/2 steps at most); never across a forbidden split, a learnt hole or the block limit.
 * SNMP: GETs of at most max_oids objects; a value, its companions and the objects that tell its scale stay in one GET.  Pure. */
#ifndef CORE_PLAN_H
#define CORE_PLAN_H

#include "core/bind.h"

struct plan_hole { uint8_t space; uint16_t from, to; };       /* inclusive: no read may touch an address in it unless a point is there */

/* Start from PLAN_LIMITS_DEFAULT or what was learnt.  0: the profile's or the protocol's. */
struct plan_limits {
	uint16_t max_words, max_bits, max_oids;
	int64_t request_us, word_us;     /* measured cost of a request and of one word more; 0: 4000 and 20 (TCP gateway) */
	struct plan_hole *holes;         /* owned; learnt, never bridged */
	size_t n_holes;
	struct plan_hole *cuts;          /* owned; no read crosses from before `from` to `from` */
	size_t n_cuts;
	struct plan_hole *dead;          /* owned; values that the device refuses even alone: not read again, missing */
	size_t n_dead;
	struct oid *dead_oids; size_t n_dead_oids;
};
void plan_limits_done(struct plan_limits *l);

struct plan_slot { uint32_t point; uint32_t at; };            /* first word or variable of the point in its request */

struct plan {
	const struct bound *bound;       /* borrowed */
	struct request *requests;        /* requests[i].id == i */
	size_t n;
	struct plan_slot *slots;         /* of all requests */
	uint32_t *first;                 /* n + 1: slots of request i are first[i] .. first[i + 1] - 1 */
	struct plan_slot *guards;        /* point: index into bound->guards; of request i: first_guard[i] .. first_guard[i + 1] - 1 */
	uint32_t *first_guard;
	uint32_t *dropped; size_t n_dropped;   /* points that no request reads (learnt as dead) */
	size_t max_slots;                /* of one request: room for decode_reading() */
	struct oid *oids;                /* of the SNMP requests */
};

/* The plan borrows `bound` for its life. */
struct plan *plan_make(const struct bound *bound, const struct plan_limits *limits, struct err *err);
void plan_free(struct plan *p);
static inline size_t plan_slots(const struct plan *p, uint32_t request) { return p->first[request + 1] - p->first[request]; }

/* The device refused a request (Modbus exception 2 or 3; SNMP tooBig as REASON_EXCEPTION with n_vars 0): put what that
 * teaches into *limits.  True: something was learnt, make a new plan.  Terminates: each lesson is a smaller limit (at
 * most 12), a gap or cut between two values, or a value given up, which forgets the cuts round it: with n values below
 * 2 (n + 1) (log2 n + 2) + 12 lessons in all, and one per refusal. */
bool plan_learn(const struct plan *p, const struct reading *refused, struct plan_limits *limits, struct err *err);
/* Learnt limits as one line of text for the store, and back: "words=60 hole=3:0x0010-0x0013 dead=...". */
void plan_limits_text(const struct plan_limits *l, struct buf *out);
bool plan_limits_parse(const char *text, struct plan_limits *out, struct err *err) MUST_USE;

/* One line a request: "holding 0x0034 +12  5 values, 2 words unused: total.power ..."; predicted time at the end. */
void plan_print(const struct plan *p, const struct plan_limits *limits, struct buf *out);
int64_t plan_cost_us(const struct plan *p, const struct plan_limits *limits);

#endif
