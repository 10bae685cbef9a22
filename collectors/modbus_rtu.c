#include "collectors/modbus_rtu.h"

#include <string.h>

uint16_t rtu_crc(const uint8_t *bytes, size_t len)
{
	uint16_t crc = 0xffff;
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1);
	}
	return crc;
}

size_t rtu_build(const struct modbus_request *req, uint8_t *out)
{
	out[0] = req->unit;
	size_t n = 1 + modbus_build_pdu(req, out + 1);
	uint16_t crc = rtu_crc(out, n);
	out[n] = (uint8_t)crc;            /* low byte first, unlike everything else in Modbus */
	out[n + 1] = (uint8_t)(crc >> 8);
	return n + 2;
}

/* Size that a frame beginning here would have, by its own words; 0 while it cannot be told yet. */
static size_t frame_size(const uint8_t *f, size_t len)
{
	if (len < 3)
		return 0;
	if (f[1] & 0x80)
		return 5;
	if (f[1] != MODBUS_DEVICE_ID)
		return 5u + f[2];
	size_t at = 8;   /* unit, function, 14, code, conformity, more, next, number of objects */
	if (len < at)
		return 0;
	for (unsigned i = 0; i < f[7]; i++) {
		if (len < at + 2)
			return 0;
		at += 2u + f[at + 1];
		if (at > RTU_MAX)
			return RTU_MAX + 1;
	}
	return at + 2;
}

static bool crc_holds(const uint8_t *f, size_t size)
{
	return rtu_crc(f, size - 2) == (f[size - 2] | f[size - 1] << 8);
}

static bool is_echo(const uint8_t *f, size_t len, const struct modbus_request *req, size_t *size)
{
	uint8_t sent[RTU_MAX];
	*size = rtu_build(req, sent);
	return len >= *size && memcmp(f, sent, *size) == 0;
}

/* What stands before our own echo answers an older question, however well it looks: RTU has no transaction ids. */
static size_t behind_echo(const uint8_t *buf, size_t len, const struct modbus_request *req)
{
	size_t behind = 0, echo;
	for (size_t i = 0; i < len; i++)
		if (buf[i] == req->unit && is_echo(buf + i, len - i, req, &echo))
			behind = i + echo;
	return behind;
}

enum frame rtu_parse(const uint8_t *buf, size_t len, const struct modbus_request *req, size_t *skip, struct modbus_answer *out, struct err *err)
{
	size_t keep = len;         /* first byte that a frame still under way may begin with */
	for (size_t i = behind_echo(buf, len, req); i < len; i++) {
		const uint8_t *f = buf + i;
		if (f[0] != req->unit)
			continue;
		if (len - i >= 2 && (f[1] & 0x7f) != req->function)
			continue;
		size_t size = frame_size(f, len - i);
		if (size > RTU_MAX)
			continue;
		if (size == 0 || size > len - i) {
			keep = i < keep ? i : keep;
			continue;
		}
		if (!crc_holds(f, size))
			continue;
		*skip = i;
		*out = (struct modbus_answer){ .used = i + size, .pdu = f + 1, .pdu_len = size - 3 };
		return modbus_check_pdu(out->pdu, out->pdu_len, req, &out->exception, err);
	}
	*skip = keep;
	return FRAME_MORE;
}
