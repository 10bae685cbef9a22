#include "collectors/modbus_frame.h"

#include <string.h>

static uint16_t be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static bool is_bits(uint8_t function)
{
	return function == MODBUS_READ_COILS || function == MODBUS_READ_INPUTS;
}

static bool is_read(uint8_t function)
{
	return function >= MODBUS_READ_COILS && function <= MODBUS_READ_INPUT;
}

bool modbus_request_ok(const struct modbus_request *req, struct err *err)
{
	if (req->function == MODBUS_SERVER_ID || req->function == MODBUS_DEVICE_ID)
		return true;
	if (!is_read(req->function))
		return err_set(err, ERR_CONFIG, "Modbus function %u does not read; only 1, 2, 3, 4, 17 and 43 are ever sent", req->function);
	unsigned max = is_bits(req->function) ? MODBUS_MAX_BITS : MODBUS_MAX_WORDS;
	if (req->count == 0 || req->count > max)
		return err_set(err, ERR_CONFIG, "a Modbus request holds 1 to %u values, not %u", max, req->count);
	if (req->address + req->count > 65536)
		return err_set(err, ERR_CONFIG, "%u values from 0x%04x reach beyond address 0xffff", req->count, req->address);
	return true;
}

size_t modbus_build_pdu(const struct modbus_request *req, uint8_t *out)
{
	out[0] = req->function;
	if (req->function == MODBUS_SERVER_ID)
		return 1;
	if (req->function == MODBUS_DEVICE_ID) {
		out[1] = 14;
		out[2] = 1;   /* basic objects: vendor, product code, revision */
		out[3] = req->object;
		return 4;
	}
	put16(out + 1, req->address);
	put16(out + 3, req->count);
	return 5;
}

size_t modbus_build(const struct modbus_request *req, uint8_t *out)
{
	size_t n = modbus_build_pdu(req, out + MBAP_SIZE);
	put16(out, req->transaction);
	put16(out + 2, 0);
	put16(out + 4, (unsigned)n + 1);
	out[6] = req->unit;
	return MBAP_SIZE + n;
}

static const char *const exceptions[] = {
	[1] = "illegal function", [2] = "illegal data address", [3] = "illegal data value", [4] = "server device failure",
	[5] = "acknowledge (still working on it)", [6] = "server device busy", [7] = "negative acknowledge",
	[8] = "memory parity error", [10] = "gateway path unavailable", [11] = "gateway target device failed to respond",
};

const char *modbus_exception_text(uint8_t code)
{
	return code < countof(exceptions) && exceptions[code] ? exceptions[code] : "unknown exception";
}

static enum frame bad(struct err *err, enum frame kind, const char *what, unsigned got, unsigned want)
{
	err_set(err, ERR_INPUT, "answer rejected: %s is %u, not %u", what, got, want);
	return kind;
}

static unsigned read_bytes(const struct modbus_request *req)
{
	return is_bits(req->function) ? (req->count + 7u) / 8u : req->count * 2u;
}

static enum frame check_device_id(const uint8_t *pdu, size_t len, struct err *err)
{
	struct modbus_objects objects = { 0 };
	return modbus_device_id(pdu, len, &objects, err) ? FRAME_DONE : FRAME_BAD;
}

enum frame modbus_check_pdu(const uint8_t *pdu, size_t len, const struct modbus_request *req, uint8_t *exception, struct err *err)
{
	if (len < 2)
		return bad(err, FRAME_BAD, "size of the answer", (unsigned)len, 2);
	if (pdu[0] == (req->function | 0x80)) {
		if (len != 2)
			return bad(err, FRAME_BAD, "size of the exception", (unsigned)len, 2);
		*exception = pdu[1];
		err_set(err, ERR_INPUT, "exception %u: %s", pdu[1], modbus_exception_text(pdu[1]));
		return FRAME_EXCEPTION;
	}
	if (pdu[0] != req->function)
		return bad(err, FRAME_BAD, "function", pdu[0], req->function);
	if (req->function == MODBUS_DEVICE_ID)
		return check_device_id(pdu, len, err);
	if (pdu[1] + 2u != len)
		return bad(err, FRAME_BAD, "byte count", pdu[1], (unsigned)len - 2);
	if (is_read(req->function) && pdu[1] != read_bytes(req))
		return bad(err, FRAME_BAD, "byte count", pdu[1], read_bytes(req));
	return FRAME_DONE;
}

enum frame modbus_parse(const uint8_t *buf, size_t len, const struct modbus_request *req, struct modbus_answer *out, struct err *err)
{
	/* A foreign protocol is recognised by the first bytes, before a whole header came. */
	if (len >= 4 && be16(buf + 2) != 0)
		return bad(err, FRAME_LOST, "protocol id", be16(buf + 2), 0);
	if (len < 6)
		return FRAME_MORE;
	unsigned length = be16(buf + 4);
	if (length < 3 || length > MODBUS_PDU_MAX + 1) {
		err_set(err, ERR_INPUT, "answer rejected: length field is %u, not 3 to %u", length, MODBUS_PDU_MAX + 1);
		return FRAME_LOST;
	}
	if (len < 6 + length)
		return FRAME_MORE;
	struct modbus_answer got = { .used = 6 + length, .pdu = buf + MBAP_SIZE, .pdu_len = length - 1 };
	*out = got;
	if (be16(buf) != req->transaction)
		return FRAME_OTHER;
	if (buf[6] != req->unit)
		return bad(err, FRAME_BAD, "unit", buf[6], req->unit);
	return modbus_check_pdu(got.pdu, got.pdu_len, req, &out->exception, err);
}

static uint16_t bit_at(const uint8_t *bytes, unsigned i)
{
	return bytes[i / 8] & (1u << (i % 8)) ? 1 : 0;
}

void modbus_words(const uint8_t *pdu, const struct modbus_request *req, struct words *out)
{
	out->n = req->count;
	for (uint16_t i = 0; i < req->count; i++)
		out->at[i] = is_bits(req->function) ? bit_at(pdu + 2, i) : be16(pdu + 2 + 2 * i);
}

bool modbus_device_id(const uint8_t *pdu, size_t len, struct modbus_objects *out, struct err *err)
{
	/* function, 14, code, conformity, more follows, next object, number of objects, then (id, length, bytes) each */
	if (len < 7 || pdu[1] != 14)
		return err_set(err, ERR_INPUT, "answer rejected: device identification is not of type 14, or too short");
	const uint8_t *p = pdu + 7, *end = pdu + len;
	for (unsigned i = 0; i < pdu[6]; i++) {
		if (end - p < 2 || end - p - 2 < p[1])
			return err_set(err, ERR_INPUT, "answer rejected: object %u of %u of the device identification is cut off", i + 1, pdu[6]);
		if (out->n < MODBUS_OBJECTS_MAX) {
			size_t room = sizeof out->at[0].text - 1, n = p[1] < room ? p[1] : room;
			out->at[out->n].id = p[0];
			memcpy(out->at[out->n].text, p + 2, n);
			out->at[out->n].text[n] = 0;
			out->n++;
		}
		p += 2 + p[1];
	}
	if (p != end)
		return err_set(err, ERR_INPUT, "answer rejected: %td bytes behind the device identification", end - p);
	out->more = pdu[4] == 0xff;
	out->next = pdu[5];
	return true;
}

void modbus_server_id(const uint8_t *pdu, size_t len, struct modbus_objects *out)
{
	size_t room = sizeof out->at[0].text - 1, n = 0;
	*out = (struct modbus_objects){ .n = 1 };
	/* The content is the vendor's own; unprintable bytes (an id, a run indicator) are left out so that the text can be matched. */
	for (size_t i = 2; i < len && n < room; i++)
		if (pdu[i] >= 0x20 && pdu[i] < 0x7f)
			out->at[0].text[n++] = (char)pdu[i];
	out->at[0].text[n] = 0;
}

const char *modbus_foreign(const uint8_t *buf, size_t len)
{
	static const struct { const char *begin, *name; } rows[] = {
		{ "HTTP/", "HTTP" }, { "SSH-", "SSH" }, { "220 ", "FTP or SMTP" }, { "220-", "FTP or SMTP" }, { "\xff\xfb", "Telnet" },
		{ "\xff\xfd", "Telnet" }, { "RFB ", "VNC" }, { "\x15\x03", "TLS" }, { "\x16\x03", "TLS" }, { "<", "XML or HTML" },
		{ "{", "JSON" }, { "+OK", "POP3" }, { "* OK", "IMAP" }, { "-ERR", "Redis or POP3" }, { "AMQP", "AMQP" },
	};
	for (size_t i = 0; i < countof(rows); i++) {
		size_t n = strlen(rows[i].begin);
		if (len >= n && memcmp(buf, rows[i].begin, n) == 0)
			return rows[i].name;
	}
	size_t text = 0;
	while (text < len && ((buf[text] >= 0x20 && buf[text] < 0x7f) || buf[text] == '\r' || buf[text] == '\n' || buf[text] == '\t'))
		text++;
	return len >= 4 && text == len ? "a text protocol" : NULL;
}
