/* core/reading.h - requests and what came back, before any meaning: words or variables, never units.
 *
 * A collector ends every request exactly once with one reading, before its deadline.  The pure side made the request
 * (core/plan), and core/decode turns the reading into samples.  Pure values. */
#ifndef CORE_READING_H
#define CORE_READING_H

#include "core/sample.h"

enum { OID_MAX = 128, MODBUS_MAX_WORDS = 125, TEXT_VALUE_MAX = 255 };

struct oid { uint32_t n; uint32_t ids[OID_MAX]; };
bool oid_parse(const char *text, struct oid *out);                   /* "1.3.6.1..." with or without leading dot */
void oid_text(const struct oid *o, struct buf *out);
bool oid_equal(const struct oid *a, const struct oid *b);
int oid_compare(const struct oid *a, const struct oid *b);           /* lexicographic */
bool oid_under(const struct oid *o, const struct oid *prefix);

enum request_kind {
	REQUEST_MODBUS_READ,       /* function 1..4, address, count */
	REQUEST_MODBUS_DEVICE_ID,  /* function 43/14, basic objects */
	REQUEST_MODBUS_SERVER_ID,  /* function 17 */
	REQUEST_SNMP_GET,          /* oids[n] */
	REQUEST_SNMP_WALK,         /* the subtrees oids[n], each bounded by max_rows */
};

struct request {
	enum request_kind kind;
	uint32_t id;                        /* the plan's index; comes back in the reading */
	uint8_t function;                   /* Modbus */
	uint16_t address, count;            /* zero-based protocol address; registers or bits */
	const struct oid *oids;             /* SNMP; borrowed until the reading comes */
	size_t n_oids, max_rows;
};

enum var_type { VAR_NONE, VAR_INTEGER, VAR_UNSIGNED, VAR_COUNTER32, VAR_COUNTER64, VAR_TICKS, VAR_STRING, VAR_OID, VAR_ADDRESS,
		VAR_OPAQUE_FLOAT, VAR_OPAQUE_DOUBLE, VAR_NO_SUCH_OBJECT, VAR_NO_SUCH_INSTANCE, VAR_END_OF_VIEW };

struct var {
	struct oid name;
	enum var_type type;
	int64_t integer;                    /* INTEGER, UNSIGNED, COUNTER32, TICKS; COUNTER64 as uint64_t bits */
	double real;                        /* OPAQUE_* */
	uint16_t text_len;                  /* STRING (bounded bytes), ADDRESS */
	char text[TEXT_VALUE_MAX + 1];
	struct oid oid;                     /* VAR_OID */
};

/* "2 holding registers at 0x0034", "walk of 3 columns from 1.3.6.1.4.1.318.1": for sentences. */
void request_text(const struct request *r, struct buf *out);

struct reading {
	const struct request *request;
	struct stamp at;                    /* when the answer came */
	int64_t latency_us;
	enum reason reason;                 /* REASON_NONE: good answer */
	struct err err;                     /* sentence when reason is not NONE; names device, request and cause */
	uint8_t exception;                  /* Modbus exception code, 0 none */
	bool partial;                       /* walk cut by a limit or the deadline: what came is kept */
	const uint16_t *words;              /* Modbus, in wire order; bits one a word */
	size_t n_words;
	const char *const *objects;         /* device id objects / server id text, NUL-terminated */
	size_t n_objects;
	const struct var *vars;             /* SNMP */
	size_t n_vars;
};

#endif
