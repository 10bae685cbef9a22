/* core/ledger_saved.h - words of the checkpoint and one meter in it, for the two halves of core/ledger_save.c.
 *
 * Variable-length integers; what is read is bounded before it is used, and `bad` stays true once something was not. */
#ifndef CORE_LEDGER_SAVED_H
#define CORE_LEDGER_SAVED_H

#include "core/ledger_state.h"
#include "core/zigzag.h"

#include <string.h>

enum { MAX_OPEN = 4096 };       /* intervals that a meter may be ahead */

static inline void put(struct buf *b, int64_t v) { zigzag_put(b, v); }

static inline void put_text(struct buf *b, const char *text)
{
	put(b, (int64_t)strlen(text));
	buf_str(b, text);
}

struct in { const uint8_t *p, *end; bool bad, old, unwatched, unbroken; };

static inline int64_t get(struct in *in) { return zigzag_get(&in->p, in->end, &in->bad); }

static inline int64_t get_in(struct in *in, int64_t min, int64_t max)
{
	int64_t v = get(in);
	in->bad |= v < min || v > max;
	return in->bad ? min : v;
}

static const int64_t time_bound = INT64_C(1) << 45;      /* the year 3084 */
static inline int64_t get_time(struct in *in)
{
	int64_t v = get(in);
	in->bad |= v != INT64_MIN && (v < -time_bound || v > time_bound);
	return in->bad ? 0 : v;
}

/* The number of an interval that a time of this bound lies in: its ends are times, too. */
static inline int64_t get_interval(const struct ledger *l, struct in *in)
{
	return get_in(in, interval_of(l, -time_bound), interval_of(l, time_bound));
}

static inline void get_text(struct in *in, char *out, size_t size)
{
	size_t n = (size_t)get_in(in, 0, (int64_t)size - 1);
	if (in->bad || (size_t)(in->end - in->p) < n) {
		in->bad = true;
		n = 0;
	}
	memcpy(out, in->p, n);
	out[n] = 0;
	in->p += n;
}

void saved_meter_put(const struct ledger *l, const struct meter_fold *m, struct buf *b);
/* The state of a meter as saved, into a scratch meter; what it is used for is decided afterwards.  False: no memory. */
bool saved_meter_get(const struct ledger *l, struct meter_fold *m, int64_t *edge_ms, struct slot *slots, struct in *in);

#endif
