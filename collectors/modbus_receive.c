/* What comes in on a connection: frames, found and matched with what was asked; everything else is counted and dropped. */
#include "collectors/modbus_inner.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

static void lost_framing(struct modbus_conn *c, const uint8_t *bytes, size_t len, const struct err *cause)
{
	struct err err = *cause;
	const char *speaks = modbus_foreign(bytes, len);
	if (speaks)
		err_set(&err, ERR_INPUT, "speaks %s, not Modbus/TCP; is the port right?", speaks);
	else
		err_wrap(&err, "connection dropped");
	conn_back_off(c, REASON_MALFORMED, &err);
}

static bool foreign(struct modbus_conn *c, size_t bytes)
{
	c->foreign += bytes;
	c->foreign_total += bytes;
	if (c->foreign <= FOREIGN_MAX)
		return false;
	struct err err;
	err_set(&err, ERR_INPUT, "more than %d bytes came that answer nothing; connection dropped", FOREIGN_MAX);
	conn_back_off(c, REASON_MALFORMED, &err);
	return true;
}

/* Takes whole frames off `bytes`; false when the connection is gone. */
static bool take_frames(struct modbus_conn *c, const uint8_t *bytes, size_t len)
{
	while (len) {
		struct err err;
		struct modbus_answer answer = { 0 };
		struct exchange *x = c->current;
		err.kind = ERR_NONE;   /* not its kilobyte of text: this runs for every answer */
		err.text[0] = 0;
		enum frame frame = modbus_parse(bytes, len, &c->last, &answer, &err);
		if (frame == FRAME_MORE)
			break;
		if (frame == FRAME_LOST) {
			lost_framing(c, bytes, len, &err);
			return false;
		}
		bytes += answer.used;
		len -= answer.used;
		if (frame == FRAME_OTHER || !x) {
			c->late++;
			if (foreign(c, answer.used))
				return false;
			continue;
		}
		c->proven = true;
		c->failures = 0;
		static const enum reason reasons[] = { [FRAME_DONE] = REASON_NONE, [FRAME_EXCEPTION] = REASON_EXCEPTION, [FRAME_BAD] = REASON_MALFORMED };
		bool doubtful = frame == FRAME_BAD && len > 0;   /* its length field may be the lie */
		exchange_finish(x, reasons[frame], &answer, &err);
		if (doubtful)
			conn_close(c);
		if (c->fd < 0)
			return false;
	}
	memmove(c->rest, bytes, len);   /* less than a frame: it fits */
	c->n_rest = len;
	return true;
}

static bool take_rtu(struct modbus_conn *c, const uint8_t *bytes, size_t len)
{
	struct err err = { 0 };
	struct modbus_answer answer = { 0 };
	struct exchange *x = c->current;
	size_t skip = len;
	enum frame frame = FRAME_MORE;
	if (!x) {   /* other units answering another master, or a late answer */
		c->late++;
		c->foreign_total += len;
		c->n_rest = 0;
		return true;
	}
	if (c->bus->now.boot.ms >= c->quiet_ms)
		frame = rtu_parse(bytes, len, &c->last, &skip, &answer, &err);
	if (skip && foreign(c, skip))
		return false;
	if (frame == FRAME_MORE) {
		c->n_rest = len - skip < sizeof c->rest ? len - skip : 0;
		memmove(c->rest, bytes + skip, c->n_rest);
		return true;
	}
	c->n_rest = 0;   /* what follows an answer was asked by nobody */
	c->proven = true;
	c->failures = 0;
	exchange_finish(x, frame == FRAME_DONE ? REASON_NONE : frame == FRAME_EXCEPTION ? REASON_EXCEPTION : REASON_MALFORMED, &answer, &err);
	return c->fd >= 0;
}

static void receive(struct modbus_conn *c)
{
	uint8_t *block = c->bus->block;
	size_t n = c->n_rest, room = sizeof c->bus->block - n;
	memcpy(block, c->rest, n);
	ssize_t got = c->is_serial ? read(c->fd, block + n, room) : recv(c->fd, block + n, room, 0);
	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (got > 0) {
		c->heard_ms = c->bus->now.boot.ms;
		c->mute = 0;
		(c->rtu ? take_rtu : take_frames)(c, block, n + (size_t)got);
		return;
	}
	struct err err;
	if (got == 0)
		err_set(&err, ERR_UNAVAILABLE, "the peer closed the connection%s", n ? " in the middle of an answer" : "");
	else
		err_set(&err, ERR_UNAVAILABLE, "connection lost: %s", strerror(errno));
	conn_broken(c, got == 0 ? REASON_CLOSED : conn_reason(errno), &err);
}

void conn_event(struct modbus_conn *c, uint32_t events)
{
	if (c->dead || c->fd < 0)
		return;
	if (c->state == CONN_UP) {
		receive(c);
		return;
	}
	int error = 0;
	socklen_t size = sizeof error;
	getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error == 0 && (events & EPOLLHUP) && !(events & EPOLLOUT))
		error = ECONNRESET;
	if (error)
		conn_connect_failed(c, error);
	else
		conn_connected(c);
}
