/* tests/sim/agent.h - one SNMP agent as a pure function: request bytes in, answer bytes out.
 *
 * BER is net-snmp's (asn_*, snmp_pdu_*): nothing of it is written here.  GET, GETNEXT and GETBULK of v1 and v2c; SET is
 * refused.  An answer above `max_size` is tooBig, or for GETBULK cut to the variables that fit (RFC 3416 4.2.3). */
#ifndef SIM_AGENT_H
#define SIM_AGENT_H

#include <net-snmp/net-snmp-config.h>
#include <net-snmp/net-snmp-includes.h>
#include "core/err.h"

/* Value of a row: `type` is ASN_*; numbers in `integer` (Counter64 as its bits), else `bytes`/`len` (OIDs: an array of
 * net-snmp's oid, len in bytes).  Bytes are borrowed until the answer is built. */
struct agent_value { u_char type; int64_t integer; const void *bytes; size_t len; };

/* Rows are sorted by name, without doubles. */
struct agent_row { const oid *name; size_t len; uint32_t ref; };

struct agent_view {
	const struct agent_row *rows;
	size_t n;
	/* False: the row is there in the table but this device does not have it; it is skipped. */
	bool (*value)(void *ctx, const struct agent_row *row, struct agent_value *out);
	void *ctx;
	const char *community;          /* NULL: any */
	size_t max_size;                /* of an answer; 0: 1472, what fits an Ethernet frame */
	int error_status;               /* 0, or the error every request gets (fault) */
	long id_offset;                 /* added to the answer's request-id (fault) */
	bool drop_last, other_names;    /* faults: a variable less; names that were not asked */
	int endless;                    /* fault: walks 1 stay where they are, 2 go in a circle, 3 find new rows for ever */
};

enum { AGENT_MAX_ANSWER = 16384 };

/* Bytes of the answer in `out` (room >= max_size), 0 when there is none: malformed, foreign community or version. */
size_t agent_answer(const struct agent_view *view, const void *request, size_t len, void *out, size_t room);

/* -1, 0, 1 as strcmp, lexicographic by sub-identifier. */
int agent_compare(const oid *a, size_t a_len, const oid *b, size_t b_len);

#endif
