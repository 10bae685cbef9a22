/* collectors/modbus_frame.h - Modbus/TCP frames as bytes: building requests, judging answers.
 *
 * Only functions that read exist: 1..4, 17 (server id) and 43/14 (device identification).  Addresses are zero-based
 * protocol addresses.  Source: MODBUS Application Protocol V1.1b3 (6.1-6.4, 6.13, 6.21, 7) and MODBUS Messaging on TCP/IP
 * Implementation Guide V1.0b (3.1.3: MBAP header).  Pure. */
#ifndef COLLECTORS_MODBUS_FRAME_H
#define COLLECTORS_MODBUS_FRAME_H

#include "core/reading.h"

enum { MBAP_SIZE = 7, MODBUS_PDU_MAX = 253, MODBUS_ADU_MAX = MBAP_SIZE + MODBUS_PDU_MAX, MODBUS_MAX_BITS = 2000, MODBUS_OBJECTS_MAX = 16 };
enum { MODBUS_READ_COILS = 1, MODBUS_READ_INPUTS, MODBUS_READ_HOLDING, MODBUS_READ_INPUT, MODBUS_SERVER_ID = 17, MODBUS_DEVICE_ID = 43 };

struct modbus_request {
	uint16_t transaction;
	uint8_t unit, function;
	uint16_t address, count;       /* functions 1..4 */
	uint8_t object;                /* function 43: first object asked for */
};

struct words { uint16_t n, at[MODBUS_MAX_BITS]; };    /* registers in wire order; bits one a word */

/* Objects of 43/14 in `id` order as the device sent them; text is bounded and NUL-terminated, other control bytes kept. */
struct modbus_objects {
	size_t n;
	struct { uint8_t id; char text[246]; } at[MODBUS_OBJECTS_MAX];
	bool more;                     /* ask again from `next` */
	uint8_t next;
};

/* False when count or address lie outside what the protocol can ask for; nothing is written then. */
bool modbus_request_ok(const struct modbus_request *req, struct err *err) MUST_USE;
/* Bytes of the request, MBAP first; the request must be ok.  `out` holds MODBUS_ADU_MAX bytes; 12 at most are used. */
size_t modbus_build(const struct modbus_request *req, uint8_t *out);
size_t modbus_build_pdu(const struct modbus_request *req, uint8_t *out);

/* What stands at the head of a stream of bytes. */
enum frame {
	FRAME_MORE,        /* bytes are missing */
	FRAME_DONE,        /* the answer to req */
	FRAME_EXCEPTION,   /* the device refused req; *exception says why */
	FRAME_OTHER,       /* a whole frame of another transaction: skip it and wait on */
	FRAME_BAD,         /* the answer to req, but structurally wrong: reject it, framing still holds */
	FRAME_LOST,        /* not Modbus/TCP or framing lost: the connection is worth nothing any more */
};

/* One whole Modbus/TCP answer?  Checks transaction, protocol 0, length, unit, function and byte count against req.
 * *used is the size of the frame for everything but FRAME_MORE and FRAME_LOST.  *body / *body_len is the PDU inside `buf` for
 * FRAME_DONE.  err says which field is wrong for FRAME_BAD and FRAME_LOST, and which exception for FRAME_EXCEPTION. */
struct modbus_answer { size_t used; const uint8_t *pdu; size_t pdu_len; uint8_t exception; };
enum frame modbus_parse(const uint8_t *buf, size_t len, const struct modbus_request *req, struct modbus_answer *out, struct err *err);

/* The same for a bare PDU (function code first), as RTU carries it: FRAME_DONE, FRAME_EXCEPTION or FRAME_BAD. */
enum frame modbus_check_pdu(const uint8_t *pdu, size_t len, const struct modbus_request *req, uint8_t *exception, struct err *err);

/* Content of a checked PDU. */
void modbus_words(const uint8_t *pdu, const struct modbus_request *req, struct words *out);
bool modbus_device_id(const uint8_t *pdu, size_t len, struct modbus_objects *out, struct err *err) MUST_USE;   /* adds to out */
void modbus_server_id(const uint8_t *pdu, size_t len, struct modbus_objects *out);

const char *modbus_exception_text(uint8_t code);
/* "HTTP", "SSH", ...: what a port that is not Modbus/TCP seems to speak; NULL when nothing is recognised. */
const char *modbus_foreign(const uint8_t *buf, size_t len);

#endif
