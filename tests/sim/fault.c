#include "tests/sim/fault.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct fault_row fault_kinds[FAULT_KINDS] = {
	[FAULT_DEAD] = { "dead", 0, 600000, 0, false, "takes requests, never answers; behind a gateway it holds the bus ARG ms" },
	[FAULT_SLOW] = { "slow", 1, 600000, 500, false, "answers ARG ms late" },
	[FAULT_REFUSING] = { "refusing", 0, 0, 0, false, "its port is closed (a gateway's: for all its units)" },
	[FAULT_RESTART] = { "restart", 0, 600000, 2000, false, "at FROM: connections end, silent for ARG ms, uptime from 0" },
	[FAULT_COUNTER_RESET] = { "counter-reset", 0, INT64_MAX, 0, false, "its energy register counts from ARG since FROM (a reset, or another meter)" },
	[FAULT_FROZEN] = { "frozen", 0, 0, 0, false, "says what it said at FROM" },
	[FAULT_WRONG_ORDER] = { "wrong-order", 0, 0, 0, false, "words of its values in the reverse order" },
	[FAULT_WRAP] = { "wrap", 0, INT64_MAX, 0, false, "its energy register rolls over at FROM; ARG: counts of the span" },
	[FAULT_SWAPPED] = { "swapped", 0, 0, 0, true, "answers as another device: ARG, or its neighbour's kind" },
	[FAULT_GARBAGE] = { "garbage", 0, 1, 0, false, "answers seeded noise; ARG 1: noise first, then the answer" },
	[FAULT_DRIP] = { "drip", 1, 60000, 100, false, "one byte each ARG ms" },
	[FAULT_STALL] = { "stall-mid-frame", 0, 300, 5, false, "sends ARG bytes of each answer, then nothing" },
	[FAULT_FOREIGN_TRANSACTION] = { "foreign-transaction", 0, 1, 0, false, "another transaction or request id; ARG 1: then the answer" },
	[FAULT_EXCEPTION] = { "exception", 1, 255, 2, false, "Modbus exception or SNMP error-status ARG" },
	[FAULT_SINGLE] = { "single-connection", 0, 0, 0, false, "closes every connection but the first" },
	[FAULT_SPEAKS] = { "speaks", 0, 0, 0, true, "greets as ARG: http, ssh, telnet, modbus-rtu" },
	[FAULT_BAD_UNIT] = { "bad-unit", 0, 0, 0, false, "unit of the answer's header is another" },
	[FAULT_BAD_LENGTH] = { "bad-length", 0, 65535, 3, false, "length field of the answer's header is ARG" },
	[FAULT_BAD_PROTOCOL] = { "bad-protocol", 1, 65535, 1, false, "protocol field of the answer's header is ARG" },
	[FAULT_BAD_COUNT] = { "bad-count", 0, 0, 0, false, "one register less than asked; SNMP: one variable less" },
	[FAULT_FLOOD] = { "flood", 1, 16384, 64, false, "ARG KiB of foreign frames before the answer" },
	[FAULT_OTHER_OID] = { "other-oid", 0, 0, 0, false, "answers with variables that were not asked" },
	[FAULT_ENDLESS_WALK] = { "endless-walk", 0, 2, 0, false, "GETNEXT and GETBULK: 0 stay where they are, 1 go in a circle, 2 find new rows for ever" },
	[FAULT_STRAY_FIRST] = { "stray-first", 0, 0, 0, false, "a datagram of noise before each good answer" },
	[FAULT_OTHER_SOURCE] = { "other-source", 0, 0, 0, false, "answers from another address" },
	[FAULT_TOO_BIG] = { "too-big", 60, 1472, 200, false, "answers above ARG bytes are tooBig" },
	[FAULT_RATIO] = { "ratio", 1, 100000000, 150, false, "measures ARG percent since FROM: a wrong CT ratio, scale or unit" },
	[FAULT_NO_VALUE] = { "no-value", 0, 2, 0, false, "every number is `not available`: 0 NaN, all ones or -1; 1 infinity; 2 the largest" },
	[FAULT_NASTY_TEXT] = { "nasty-text", 0, 0, 0, false, "its texts hold markup, control characters, a formula, bad UTF-8 and 400 bytes" },
};

static bool parse_kind(char *text, struct fault *f, struct err *err)
{
	char *arg = strchr(text, ':'), *end = NULL;
	if (arg)
		*arg++ = 0;
	size_t k = 0;
	while (k < FAULT_KINDS && strcmp(fault_kinds[k].name, text))
		k++;
	if (k == FAULT_KINDS)
		return err_set(err, ERR_USAGE, "no fault is called `%s`; see pued-sim faults", text);
	const struct fault_row *row = &fault_kinds[k];
	f->kind = (enum fault_kind)k;
	f->arg = row->usual;
	if (!arg)
		return true;
	if (row->text) {
		snprintf(f->text, sizeof f->text, "%s", arg);
		return true;
	}
	errno = 0;
	f->arg = strtoll(arg, &end, 10);
	if (end == arg || *end || errno || f->arg < row->low || f->arg > row->high)
		return err_set(err, ERR_USAGE, "%s: `%s` is not a number from %lld to %lld", text, arg, (long long)row->low,
			       (long long)row->high);
	return true;
}

static bool parse_time(const char *text, struct wall start, struct wall usual, struct wall *out, struct err *err)
{
	char *end;
	double seconds = strtod(text, &end);
	*out = usual;
	if (!*text)
		return true;
	if (end != text && end[0] == 's' && !end[1]) {
		out->ms = start.ms + (int64_t)(seconds * 1000);
		return true;
	}
	return wall_parse(text, out, err);
}

bool fault_parse(const char *text, struct wall start, struct fault *out, struct err *err)
{
	char copy[200];
	struct fault f = { .percent = 100, .from = start, .to = { INT64_MAX } };
	if ((size_t)snprintf(copy, sizeof copy, "%s", text) >= sizeof copy)
		return err_set(err, ERR_USAGE, "fault `%.40s...` is too long", text);
	char *kind = strchr(copy, '='), *at = kind ? strchr(kind, '@') : NULL;
	if (!kind)
		return err_set(err, ERR_USAGE, "fault `%s` is not DEVICE=KIND[:ARG][@FROM..TO]", text);
	*kind++ = 0;
	if (at)
		*at++ = 0;
	char *percent = strchr(copy, '%'), *to = at ? strstr(at, "..") : NULL;
	if (percent) {
		*percent++ = 0;
		f.percent = atoi(percent);
		if (f.percent < 1 || f.percent > 100)
			return err_set(err, ERR_USAGE, "fault `%s`: percent is 1 to 100", text);
	}
	if (to) {
		*to = 0;
		to += 2;
	}
	if (strlen(copy) >= sizeof f.pattern)
		return err_set(err, ERR_USAGE, "fault `%s`: the device's name is too long", text);
	memcpy(f.pattern, copy, strlen(copy) + 1);
	if (!parse_kind(kind, &f, err) || (at && !parse_time(at, start, start, &f.from, err)) ||
	    (to && !parse_time(to, start, f.to, &f.to, err)))
		return err_wrap(err, "fault `%s`", text);
	*out = f;
	return true;
}
