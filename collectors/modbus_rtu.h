/* collectors/modbus_rtu.h - Modbus RTU frames as bytes: unit, PDU, CRC-16.
 *
 * A serial line has no lengths and no transaction ids: noise, echoes of our own request and answers of other units stand in the
 * same stream.  An answer is found by looking for a frame of the right unit and function whose CRC holds (requirements.md R31).
 * Source: MODBUS over Serial Line V1.02 (2.5.1, 6.2.2).  Pure. */
#ifndef COLLECTORS_MODBUS_RTU_H
#define COLLECTORS_MODBUS_RTU_H

#include "collectors/modbus_frame.h"

enum { RTU_MAX = 256 };

uint16_t rtu_crc(const uint8_t *bytes, size_t len);
/* Bytes of the request; at most 8 of `out` (RTU_MAX) are used. */
size_t rtu_build(const struct modbus_request *req, uint8_t *out);

/* Like modbus_parse(): FRAME_MORE (bytes [0, *skip) belong to nobody and may go), FRAME_DONE, FRAME_EXCEPTION, FRAME_BAD (an answer of that
 * unit and function with a good CRC, but structurally wrong).  For the last three out->used counts from `buf`, foreign bytes before
 * the frame included; *skip is how many those are. */
enum frame rtu_parse(const uint8_t *buf, size_t len, const struct modbus_request *req, size_t *skip, struct modbus_answer *out, struct err *err);

#endif
