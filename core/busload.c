#include "core/busload.h"

enum { BITS_A_BYTE = 11, ASK_BYTES = 8, ANSWER_BYTES = 5, TURN_AROUND_US = 50000 };

int64_t plan_serial_us(const struct plan *p, int64_t baud)
{
	int64_t us = 0;
	for (size_t i = 0; i < p->n; i++) {
		const struct request *r = &p->requests[i];
		int64_t data = r->function <= 2 ? (r->count + 7) / 8 : 2 * r->count;
		us += (ASK_BYTES + ANSWER_BYTES + data) * BITS_A_BYTE * 1000000 / baud + TURN_AROUND_US;
	}
	return us;
}

void busload_add(struct busload *b, int64_t sweep_us, int64_t poll_ms)
{
	b->busy_ppm += sweep_us * 1000 / poll_ms;
	b->mixed = b->mixed || (b->devices && b->poll_ms != poll_ms);
	b->poll_ms = poll_ms;
	b->devices++;
}
