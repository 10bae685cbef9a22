/* core/recording.h - the text format of readings (docs/formats-recording.md): one reading a line,
 *
 *	2025-01-01T00:00:00+08:00 feed-a/total.energy 48211744 good 1234567
 *	TIME DEVICE/POINT VALUE [QUALITY [MONOTONIC-MS]]
 *
 * VALUE is what the device gives: the register's count, or a decimal for a float register; `-` for none.  What stands behind a '#' that
 * begins a word, and a line without words, say nothing, except "# session": the monotonic clock starts anew from here, "# span TIME TIME": what
 * the recording covers, so that progress can be shown, and "# poll 15m": how far apart its readings are, before the first.  Pure. */
#ifndef CORE_RECORDING_H
#define CORE_RECORDING_H

#include "core/sample.h"

enum { RECORDING_ID = 160 };
struct recording_line {
	struct wall wall, until;    /* until: of a span */
	char id[RECORDING_ID];
	bool has_value, has_boot;
	int64_t digits;             /* value = digits / 10^places, exact */
	int places;
	enum quality quality;
	struct mono boot;
	int64_t poll_ms;            /* of RECORDING_POLL */
	const char *unreadable;     /* time and series can be read, the rest cannot, and this is why: an error where somebody needs the series */
	int column;                 /* of what cannot be read, from 1 */
};
enum recording { RECORDING_READING, RECORDING_NOTHING, RECORDING_SESSION, RECORDING_SPAN, RECORDING_POLL, RECORDING_BAD };
/* One line without its newline.  RECORDING_BAD: err says which column and why; nothing of the line is used.  A device has points
 * that are text, and a recording may hold them: see `unreadable`, which has neither value nor quality. */
enum recording recording_parse(const char *line, size_t len, struct recording_line *out, struct err *err);

int64_t recording_power(int n);        /* n 0..18 */
/* The sample's value: digits / 10^places * factor (no factor: 1).  False when that is no whole number, unless it may be rounded (half
 * to even): a float register's last decimals are below its own step, a fraction of a count is not rounded away silently. */
bool recording_value(const struct recording_line *line, struct ratio factor, bool rounds, int64_t *value);

#endif
