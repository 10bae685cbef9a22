/* tests/unit/core/ledger_bench.h - a site of a few meters made by hand, and what the ledger says about readings written in one line.
 *
 * "0=5 300=10 600=-" : at second 0 the register shows 5, at 300 it shows 10, at 600 the poll failed.
 * "900=7@60" gives the boot clock (seconds), "900=7@5#2" session 2 too.  A leading '!' : the clock was not synchronised. */
#ifndef LEDGER_BENCH_H
#define LEDGER_BENCH_H

#include <stdlib.h>
#include "core/kpi.h"

#define BASE_MS INT64_C(1767225600000)      /* 2026-01-01T00:00:00Z */

struct bench {
	struct meter meters[16];
	struct ledger_wiring wiring[16];
	struct meter_epoch epochs[16][4];
	struct rack racks[16];
	struct site site;
	struct buf said;                    /* "300R 20+100D | wrap gap" */
	struct buf leaves;                  /* every leaf, in order */
	struct window *window;
	size_t intervals;
};

static inline struct meter *bench_meter(struct bench *b, const char *id, int role, int64_t parent)
{
	size_t i = b->site.meters.n++;
	b->meters[i] = (struct meter){ .id = id, .role = role, .parent_ix = parent, .device_ix = -1, .energy = "total.energy", .factor = { 1, 1 },
				       .point = role == ROLE_IT ? POINT_PDU_OUTPUT : POINT_NONE };
	b->wiring[i] = (struct ledger_wiring){ (uint32_t)i, UINT32_MAX, { 1, 1 }, 0, false, 300000, 1 };
	return &b->meters[i];
}

static inline void bench_init(struct bench *b)
{
	*b = (struct bench){ 0 };
	b->site = (struct site){ .id = "bench", .zone = "UTC", .interval_ms = 900000, .meters = { b->meters, 0 }, .racks = { b->racks, 0 } };
}

static inline void bench_done(struct bench *b)
{
	buf_done(&b->said);
	buf_done(&b->leaves);
	window_free(b->window);
}

static inline size_t bench_parse(const char *text, uint32_t series, struct sample *out, size_t room)
{
	size_t n = 0;
	while (*text && n < room) {
		char *end;
		struct sample s = { .series = series, .at = { .session = 1, .synced = *text != '!' } };
		text += *text == '!';
		s.at.wall.ms = BASE_MS + (int64_t)(strtod(text, &end) * 1000);
		s.at.boot.ms = s.at.wall.ms - BASE_MS + 1000000;
		text = end + 1;
		s.quality = *text == '-' && (text[1] == ' ' || text[1] == 0) ? QUALITY_MISSING : QUALITY_GOOD;
		s.reason = s.quality == QUALITY_GOOD ? REASON_NONE : REASON_TIMEOUT;
		s.value = s.quality == QUALITY_GOOD ? strtoll(text, &end, 10) : 0;
		text = s.quality == QUALITY_GOOD ? end : text + 1;
		if (*text == '@')
			s.at.boot.ms = strtoll(text + 1, &end, 10) * 1000, text = end;
		if (*text == '#')
			s.at.session = (uint32_t)strtoul(text + 1, &end, 10), text = end;
		out[n++] = s;
		while (*text == ' ')
			text++;
	}
	return n;
}

static inline void bench_interval(void *ctx, const struct interval *iv)
{
	struct bench *b = ctx;
	for (size_t i = 0; i < iv->n; i++) {
		const struct interval_row *r = &iv->rows[i];
		buf_printf(&b->said, "%s%lld", b->said.len ? i ? "," : " " : "", (long long)r->energy_mwh);
		if (r->missing_ms)
			buf_printf(&b->said, "+%llds", (long long)r->missing_ms / 1000);
		buf_printf(&b->said, "%c", energy_class_letter((enum energy_class)r->class_));
		if (r->substituted_mwh)
			buf_printf(&b->said, "(%lld%c)", (long long)r->substituted_mwh, energy_class_letter((enum energy_class)r->substitute_class));
	}
	interval_leaf(&b->site, iv, &b->leaves);
	buf_str(&b->leaves, "\n");
	b->intervals++;
	if (b->window)
		window_push(b->window, iv);
}

static inline void bench_event(void *ctx, const struct ledger_event *ev)
{
	struct bench *b = ctx;
	buf_printf(&b->said, "%s%s", b->said.len ? " " : "", ledger_event_name(ev->kind));
	if (ev->kind == EVENT_CORRECTION)
		buf_printf(&b->said, ":%lld", (long long)(curve_at(ev, ev->curve.closed_to) - curve_at(ev, ev->from)));
	event_leaf(&b->site, ev, &b->leaves);
	buf_str(&b->leaves, "\n");
	if (b->window)
		window_event(b->window, ev);
}

#endif
