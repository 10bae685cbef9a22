#include "tests/sim/server_in.h"
#include <string.h>

static size_t answer(struct server *s, const struct sim_device *d, const uint8_t *request, size_t len, long id_offset, uint8_t *out)
{
	struct mib_ask ask;
	struct agent_view view = mibs_view(s->mibs, s->fleet, d, s->now, &ask);
	view.id_offset = id_offset;
	return agent_answer(&view, request, len, out, AGENT_MAX_ANSWER);
}

static bool restarting(const struct sim_device *d, struct wall now)
{
	const struct fault *f = fleet_fault(d, FAULT_RESTART, now);
	return f && now.ms < f->from.ms + f->arg;
}

void snmp_serve(struct server *s, struct host *h, const struct sockaddr_in *peer, const uint8_t *request, size_t len)
{
	static uint8_t out[AGENT_MAX_ANSWER];
	const struct sim_device *d = h->units[0];
	const struct fault *f;
	note(s, d->id, "snmp %zu bytes", len);
	if (fleet_fault(d, FAULT_DEAD, s->now) || restarting(d, s->now))
		return;
	int64_t due_us = s->now_us + ((f = fleet_fault(d, FAULT_SLOW, s->now)) ? f->arg * 1000 : 0);
	bool elsewhere = fleet_fault(d, FAULT_OTHER_SOURCE, s->now);
	const struct fault *garbage = fleet_fault(d, FAULT_GARBAGE, s->now);
	if (garbage || fleet_fault(d, FAULT_STRAY_FIRST, s->now)) {
		noise(s, d, out, 90);
		send_datagram(s, h, peer, out, 90, due_us, false);
		if (garbage && !garbage->arg)
			return;
	}
	if ((f = fleet_fault(d, FAULT_FOREIGN_TRANSACTION, s->now))) {
		size_t size = answer(s, d, request, len, 1000, out);
		if (size)
			send_datagram(s, h, peer, out, size, due_us, elsewhere);
		if (!f->arg)
			return;
	}
	size_t size = answer(s, d, request, len, 0, out);
	if (size && (f = fleet_fault(d, FAULT_STALL, s->now)))
		size = (size_t)f->arg < size ? (size_t)f->arg : size;   /* a datagram cut short */
	if (size)
		send_datagram(s, h, peer, out, size, due_us, elsewhere);
}
