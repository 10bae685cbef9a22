#include "core/sample.h"

#include <string.h>

static const char *const qualities[QUALITY_N] = {
	[QUALITY_GOOD] = "good", [QUALITY_STALE] = "stale", [QUALITY_SUBSTITUTED] = "substituted", [QUALITY_BAD] = "bad",
	[QUALITY_MISSING] = "missing",
};

static const char *const reasons[REASON_N] = {
	[REASON_NONE] = "none", [REASON_TIMEOUT] = "timed out", [REASON_REFUSED] = "refused", [REASON_UNREACHABLE] = "unreachable",
	[REASON_CLOSED] = "closed", [REASON_MALFORMED] = "malformed answer", [REASON_EXCEPTION] = "device refused",
	[REASON_NO_SUCH_OBJECT] = "no such object", [REASON_SENTINEL] = "device says: no value",
	[REASON_NOT_AVAILABLE] = "device says: not available", [REASON_NAN] = "not a number", [REASON_TYPE] = "wrong type",
	[REASON_RANGE] = "out of range", [REASON_IMPLAUSIBLE] = "implausible", [REASON_FROZEN] = "frozen",
	[REASON_IDENTITY] = "another device answers", [REASON_BREAKER] = "breaker open", [REASON_NOT_POLLED] = "not polled",
	[REASON_CLOCK] = "clock not set", [REASON_MANUAL] = "manual",
	[REASON_RESCALED] = "its scale or unit changed",
};

const char *quality_text(enum quality q)
{
	return q < QUALITY_N ? qualities[q] : "?";
}

const char *reason_text(enum reason r)
{
	return r < REASON_N ? reasons[r] : "?";
}

bool quality_of_text(const char *text, enum quality *out)
{
	for (size_t i = 0; i < QUALITY_N; i++)
		if (!strcmp(qualities[i], text)) {
			*out = (enum quality)i;
			return true;
		}
	return false;
}
