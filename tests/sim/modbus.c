#include "tests/sim/server_in.h"
#include "tests/sim/registers.h"
#include <string.h>

enum { HEADER = 7, FRAME_MAX = HEADER + MODBUS_PDU_MAX };

static void put16(uint8_t *out, int64_t value)
{
	out[0] = (uint8_t)(value >> 8);
	out[1] = (uint8_t)value;
}

static unsigned get16(const uint8_t *in)
{
	return (unsigned)(in[0] << 8 | in[1]);
}

static uint16_t crc16(const uint8_t *bytes, size_t len)
{
	unsigned crc = 0xffff;
	for (size_t i = 0; i < len; i++) {
		crc ^= bytes[i];
		for (int k = 0; k < 8; k++)
			crc = crc & 1 ? crc >> 1 ^ 0xa001 : crc >> 1;
	}
	return (uint16_t)crc;
}

/* Faults that change bytes of an answer, one row each. */
struct spoiler { enum fault_kind kind; void (*apply)(uint8_t *frame, size_t *len, int64_t arg); };

static void spoil_unit(uint8_t *frame, size_t *len, int64_t arg)
{
	(void)len, (void)arg;
	frame[6] ^= 0x55;
}

static void spoil_length(uint8_t *frame, size_t *len, int64_t arg)
{
	(void)len;
	put16(frame + 4, arg);
}

static void spoil_protocol(uint8_t *frame, size_t *len, int64_t arg)
{
	(void)len;
	put16(frame + 2, arg);
}

static void spoil_count(uint8_t *frame, size_t *len, int64_t arg)
{
	(void)arg;
	if (*len < HEADER + 6 || frame[7] & 0x80)
		return;
	*len -= 2;
	frame[8] = (uint8_t)(frame[8] - 2);
	put16(frame + 4, (int64_t)*len - 6);
}

static void spoil_transaction(uint8_t *frame, size_t *len, int64_t arg)
{
	(void)len, (void)arg;
	frame[0] ^= 0x40;
}

static const struct spoiler spoilers[] = {
	{ FAULT_BAD_UNIT, spoil_unit }, { FAULT_BAD_LENGTH, spoil_length }, { FAULT_BAD_PROTOCOL, spoil_protocol },
	{ FAULT_BAD_COUNT, spoil_count },
};

static const struct { const char *name, *text; bool at_once; } greetings[] = {
	{ "ssh", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", true },
	{ "telnet", "\xff\xfd\x18\xff\xfd\x20\r\nlogin: ", true },
	{ "http", "HTTP/1.1 400 Bad Request\r\nContent-Type: text/html\r\nConnection: close\r\n\r\n<html>Bad Request</html>\r\n", false },
};

/* True when d speaks something else and has said it. */
static bool speaks(struct server *s, struct connection *c, const struct sim_device *d, bool at_once)
{
	const struct fault *f = fleet_fault(d, FAULT_SPEAKS, s->now);
	for (size_t i = 0; f && i < countof(greetings); i++)
		if (!strcmp(greetings[i].name, f->text) && greetings[i].at_once == at_once)
			send_on(s, c, greetings[i].text, strlen(greetings[i].text), s->now_us);
	return f && strcmp(f->text, "modbus-rtu");
}

void modbus_greet(struct server *s, struct connection *c)
{
	speaks(s, c, c->host->any, true);
}

static void flood(struct server *s, struct connection *c, int64_t kib, int64_t due_us)
{
	uint8_t block[1024];
	memset(block, 0, sizeof block);
	for (size_t at = 0; at + 16 <= sizeof block; at += 16)   /* whole foreign frames */
		memcpy(block + at, (const uint8_t[]){ 0xde, 0xad, 0, 0, 0, 10, 9, 3, 7 }, 9);
	for (int64_t i = 0; i < kib; i++)
		send_on(s, c, block, sizeof block, due_us);
}

static void send_spoilt(struct server *s, struct connection *c, const struct sim_device *d, uint8_t *frame, size_t len, int64_t due_us)
{
	const struct fault *f;
	for (size_t i = 0; i < countof(spoilers); i++)
		if ((f = fleet_fault(d, spoilers[i].kind, s->now)))
			spoilers[i].apply(frame, &len, f->arg);
	if ((f = fleet_fault(d, FAULT_FLOOD, s->now)))
		flood(s, c, f->arg, due_us);
	if ((f = fleet_fault(d, FAULT_FOREIGN_TRANSACTION, s->now))) {
		spoil_transaction(frame, &len, 0);
		send_on(s, c, frame, len, due_us);
		spoil_transaction(frame, &len, 0);   /* undone */
		if (!f->arg)
			return;
	}
	if ((f = fleet_fault(d, FAULT_GARBAGE, s->now))) {
		uint8_t random[FRAME_MAX];
		noise(s, d, random, len);
		send_on(s, c, random, len, due_us);
		if (!f->arg)
			return;
	}
	if ((f = fleet_fault(d, FAULT_STALL, s->now)))
		len = (size_t)f->arg < len ? (size_t)f->arg : len;
	const struct fault *drip = fleet_fault(d, FAULT_DRIP, s->now);
	for (size_t i = 0; drip && i < len; i++)
		send_on(s, c, frame + i, 1, due_us + (int64_t)i * drip->arg * 1000);
	if (!drip && len)
		send_on(s, c, frame, len, due_us);
}

/* A gateway serves one request after the other; a slow unit keeps the next one waiting. */
static int64_t due(struct server *s, struct host *h, const struct sim_device *d)
{
	const struct fault *slow = d ? fleet_fault(d, FAULT_SLOW, s->now) : NULL;
	int64_t begin = h->busy_until_us > s->now_us ? h->busy_until_us : s->now_us;
	int64_t end = begin + s->options.latency_us + (slow ? slow->arg * 1000 : 0);
	h->busy_until_us = end;
	return end;
}

static void serve_one(struct server *s, struct connection *c, const uint8_t *request, size_t pdu_len)
{
	const uint8_t *pdu = request + HEADER;
	const struct sim_device *d = c->host->units[request[6]];
	uint8_t frame[FRAME_MAX + 2];
	const struct fault *dead = d ? fleet_fault(d, FAULT_DEAD, s->now) : NULL;
	if (pdu_len >= 5 && pdu[0] <= 4)
		note(s, d ? d->id : "?", "fc%u unit %u at %u count %u", pdu[0], request[6], get16(pdu + 1), get16(pdu + 3));
	else
		note(s, d ? d->id : "?", "fc%u unit %u", pdu[0], request[6]);
	if (dead) {
		int64_t from = c->host->busy_until_us > s->now_us ? c->host->busy_until_us : s->now_us;
		c->host->busy_until_us = from + dead->arg * 1000;
		return;
	}
	if (d && speaks(s, c, d, false))
		return;
	int64_t due_us = due(s, c->host, d);
	size_t len = 2;
	if (d)
		len = registers_answer(s->fleet, d, s->now, pdu, pdu_len, frame + HEADER);
	else
		memcpy(frame + HEADER, (const uint8_t[]){ (uint8_t)(pdu[0] | 0x80), 0x0b }, 2);   /* gateway: no such target */
	if (d && fleet_fault(d, FAULT_SPEAKS, s->now)) {   /* modbus-rtu: no header, a CRC behind */
		frame[HEADER - 1] = request[6];
		uint16_t crc = crc16(frame + HEADER - 1, len + 1);
		memcpy(frame + HEADER + len, (const uint8_t[]){ (uint8_t)crc, (uint8_t)(crc >> 8) }, 2);
		send_on(s, c, frame + HEADER - 1, len + 3, due_us);
		return;
	}
	memcpy(frame, request, 4);
	put16(frame + 4, (int64_t)len + 1);
	frame[6] = request[6];
	if (d)
		send_spoilt(s, c, d, frame, HEADER + len, due_us);
	else
		send_on(s, c, frame, HEADER + len, due_us);
}

bool modbus_serve(struct server *s, struct connection *c)
{
	size_t at = 0;
	uint64_t serial = c->serial;
	while (c->serial == serial && c->in_len - at >= HEADER + 1) {
		const uint8_t *request = c->in + at;
		size_t length = get16(request + 4);
		if (get16(request + 2) || length < 2 || length > MODBUS_PDU_MAX + 1)
			return false;   /* not Modbus/TCP: a device closes */
		if (c->in_len - at < 6 + length)
			break;
		serve_one(s, c, request, length - 1);
		at += 6 + length;
	}
	if (c->serial != serial)
		return true;   /* closed meanwhile */
	memmove(c->in, c->in + at, c->in_len - at);
	c->in_len -= at;
	return true;
}
