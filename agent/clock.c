#include "agent/clock.h"

#include <sys/timex.h>
#include <time.h>

static int64_t read_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static bool kernel_synced(void)
{
	struct timex state = { 0 };
	int result = adjtimex(&state);      /* below 0: not allowed to ask, so not known to be synchronised */
	return result >= 0 && result != TIME_ERROR && !(state.status & STA_UNSYNC);
}

struct stamp clock_now(void *ctx)
{
	struct clock *c = ctx;
	struct mono boot = { read_ms(CLOCK_BOOTTIME) };
	if (!c->checked.ms || boot.ms - c->checked.ms >= 1000) {
		c->checked = boot;
		c->synced = c->simulated || kernel_synced();
	}
	return (struct stamp){ .wall = clock_wall(c), .boot = boot, .session = c->session, .synced = c->synced };
}

bool clock_offset(void *ctx, int64_t *us)
{
	const struct clock *c = ctx;
	struct timex state = { 0 };
	int result = c->simulated ? -1 : adjtimex(&state);
	if (result < 0 || result == TIME_ERROR || (state.status & STA_UNSYNC))
		return false;
	*us = state.status & STA_NANO ? state.offset / 1000 : state.offset;
	return true;
}

struct wall clock_wall(void *ctx)
{
	const struct clock *c = ctx;
	return (struct wall){ read_ms(CLOCK_REALTIME) + c->offset_ms };
}
