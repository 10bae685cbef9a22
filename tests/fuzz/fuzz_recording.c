/* Any bytes as a recording: every line is a reading, nothing, or a sentence; what is a reading goes through the fold, and every
 * leaf that comes out reads back. */
#include "core/recording.h"
#include "tests/fuzz/fuzz_site_small.h"

#include <stdlib.h>

static void check(bool (*read)(const struct buf *leaf), struct buf *leaf)
{
	if (!leaf->failed && !read(leaf))
		abort();
	buf_done(leaf);
}

static bool read_interval(const struct buf *leaf)
{
	struct interval back;
	if (!interval_of_leaf(&small_site, leaf->data, leaf->len, &back, NULL))
		return false;
	free((void *)(uintptr_t)back.rows);
	return true;
}

static bool read_event(const struct buf *leaf)
{
	struct ledger_event back;
	return event_of_leaf(&small_site, leaf->data, leaf->len, &back, NULL);
}

static int leaves;      /* a mutated date closes a year of intervals: the first tell as much as all */

static void on_interval(void *ctx, const struct interval *iv)
{
	struct buf leaf = { 0 };
	window_push(ctx, iv);
	if (leaves++ > 50)
		return;
	interval_leaf(&small_site, iv, &leaf);
	check(read_interval, &leaf);
}

static void on_event(void *ctx, const struct ledger_event *ev)
{
	struct buf leaf = { 0 };
	event_leaf(&small_site, ev, &leaf);
	check(read_event, &leaf);
	window_event(ctx, ev);
}

static void take(struct ledger *l, const struct recording_line *r, uint32_t session, const struct ledger_sink *sink)
{
	int64_t series = small_find(r->id);
	struct sample s = { .quality = (uint8_t)r->quality, .series = (uint32_t)series,
			    .at = { r->wall, { r->has_boot ? r->boot.ms : r->wall.ms }, session, true } };
	/* a mutated month closes thousands of intervals and teaches nothing; a mutated year leaps */
	int64_t days = (r->wall.ms - INT64_C(1767225600000)) / 86400000;
	if (days < -9 || (days > 9 && days < 1000))
		return;
	if (series < 0 || (r->has_value && !recording_value(r, (struct ratio){ small_wiring[1 + (series % 3)].fraction, 1 }, false, &s.value)))
		return;
	ledger_push(l, &s, 1, s.at, sink);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct window *w = window_new(&small_site, (struct wall){ INT64_C(1767225600000) }, (struct wall){ INT64_C(1767312000000) }, NULL);
	struct ledger *l = ledger_new(&small_site, small_wiring, NULL);
	struct ledger_sink sink = { on_interval, on_event, w };
	struct kpi k;
	uint32_t session = 1;
	leaves = 0;
	while (w && l && len) {
		const uint8_t *end = memchr(bytes, '\n', len);
		size_t n = end ? (size_t)(end - bytes) : len;
		struct recording_line line = { 0 };
		struct err err = { 0 };
		enum recording what = recording_parse((const char *)bytes, n, &line, &err);
		if ((what == RECORDING_BAD) != (err.text[0] != 0))
			abort();
		session += what == RECORDING_SESSION;
		if (what == RECORDING_READING)
			take(l, &line, session, &sink);
		bytes += n + (end != NULL);
		len -= n + (end != NULL);
	}
	if (w && l) {
		ledger_finish(l, &sink);
		window_kpi(w, NULL, &k);
		if (k.kind != KPI_NONE && (k.it_mwh <= 0 || k.it_mwh >= k.total_mwh))
			abort();        /* a number that looks right and is not */
	}
	ledger_free(l);
	window_free(w);
	return 0;
}
