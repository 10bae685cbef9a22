#include "agent/gather.h"
#include "agent/replay.h"
#include "agent/statement.h"

#include <stdlib.h>
#include <string.h>

#define ROW(kind, name, value, field, ...) { name, CTL_##kind, offsetof(struct gather_options, field), value, __VA_ARGS__ }
const struct ctl_option gather_rows[] = {
	ROW(DAY, "--from", "DAY", from, { "本地日期(含);默认最近十二个月", "local day, inclusive; the last twelve months when not given" }, .with = "--to"),
	ROW(DAY, "--to", "DAY", to, { "本地日期(含)", "local day, inclusive" }, .with = "--from"),
	ROW(FILE, "--recording", "FILE", recording, { "折算这份记录,不读存储;- 为标准输入", "fold this recording instead of reading the store; - is standard input" }),
	ROW(DURATION, "--step", "15m", step_ms, { "记录中读数的间隔", "how far apart the recording's readings are" }, .with = "--recording"),
	ROW(FILE, "--config", "FILE", config, { "站点配置", "the site's configuration" }, "/etc/pued/pued.yaml"),
	ROW(FILE, "--state", "DIR", state_dir, { "存储目录;默认取自配置", "the store; else as the configuration says" }),
	{ NULL },
};

static bool keep_event(struct gather *g, const struct ledger_event *ev)
{
	if (g->n_events == g->room) {
		size_t room = g->room ? g->room * 2 : 64;
		struct ledger_event *grown = realloc(g->events, room * sizeof *grown);
		if (!grown)
			return err_memory(&g->err);
		g->events = grown;
		g->room = room;
	}
	g->events[g->n_events++] = *ev;
	return true;
}

static void on_interval(void *ctx, const struct interval *iv)
{
	struct gather *g = ctx;
	if (g->err.kind != ERR_NONE)
		return;
	if (!g->window && g->whole)
		g->window = window_new(g->setup.site, iv->from, iv->to, &g->err);
	if (g->window && (!g->whole || window_extend(g->window, iv->to, &g->err)))
		window_push(g->window, iv);
}

static void on_event(void *ctx, const struct ledger_event *ev)
{
	struct gather *g = ctx;
	bool touches = g->whole || (ev->to.ms >= g->from.ms && ev->from.ms < g->to.ms);
	if (g->err.kind != ERR_NONE || !touches)
		return;
	if (g->window)
		window_event(g->window, ev);
	if (!keep_event(g, ev))
		return;
}

static bool on_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct gather *g = ctx;
	struct interval iv;
	struct ledger_event ev;
	(void)at;
	if (kind == LEAF_INTERVAL && interval_of_leaf(g->setup.site, bytes, len, &iv, &g->err)) {
		on_interval(g, &iv);
		free((void *)(uintptr_t)iv.rows);
	} else if (kind == LEAF_EVENT && event_of_leaf(g->setup.site, bytes, len, &ev, &g->err)) {
		on_event(g, &ev);
	}
	return g->err.kind == ERR_NONE || err_wrap(&g->err, "evidence leaf %llu", (unsigned long long)index);
}

static bool asked_period(const struct gather_options *o, struct gather *g, struct err *err)
{
	struct date from, to;
	if (!date_parse(o->from, &from, err) || !date_parse(o->to, &to, err))
		return err_wrap(err, "--from, --to");
	g->from = zone_day_start(&g->setup.zone, from);
	g->to = zone_day_start(&g->setup.zone, date_of_days(date_days(to) + 1));
	return (g->window = window_new(g->setup.site, g->from, g->to, err)) != NULL;
}

static bool first_leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	(void)index, (void)kind, (void)bytes, (void)len;
	*(struct wall *)ctx = at;
	return false;
}

/* Twelve months back from the last whole local day, but not before the first evidence. */
static bool usual_period(struct gather *g, struct reader *reader, struct err *err)
{
	uint64_t index;
	struct wall last;
	if (!reader_last(reader, LEAF_INTERVAL, &index, &last, err))
		return false;
	struct date day = zone_date(&g->setup.zone, (struct wall){ last.ms + g->setup.site->interval_ms }), back = { day.year - 1, day.month, day.day };
	if (back.month == 2 && back.day == 29)
		back.day = 28;
	g->to = zone_day_start(&g->setup.zone, day);
	g->from = zone_day_start(&g->setup.zone, back);
	struct wall first = { INT64_MAX };
	if (!reader_leaves(reader, LEAF_INTERVAL, (struct wall){ INT64_MIN }, (struct wall){ INT64_MAX }, first_leaf, &first, err))
		return false;
	if (first.ms != INT64_MAX && first.ms > g->from.ms)
		g->from = first;
	if (g->to.ms <= g->from.ms)
		g->to.ms = last.ms + g->setup.site->interval_ms;
	return (g->window = window_new(g->setup.site, g->from, g->to, err)) != NULL;
}

static bool from_store(const struct gather_options *o, struct gather *g, struct err *err)
{
	const char *state = o->state_dir ? o->state_dir : g->setup.site->state_dir;
	CLEANUP(buf_done) struct buf findings = { 0 };
	struct reader *reader = reader_open(state, err);
	bool good = reader && setup_amend_store(&g->setup, state, reader, &findings, err) &&
		    (o->from ? asked_period(o, g, err) : usual_period(g, reader, err)) && reader_leaves(reader, -1, g->from, (struct wall){ INT64_MAX }, on_leaf, g, err);
	reader_close(reader);
	return good;
}

bool gather_make(const struct gather_options *o, struct gather *out, struct err *err)
{
	struct gather *g = out;
	struct replay_stats stats;
	*g = (struct gather){ .whole = o->recording && !o->from };
	struct ledger_sink sink = { on_interval, on_event, g };
	bool good = setup_load(o->config ? o->config : "/etc/pued/pued.yaml", &g->setup, NULL, err) &&
		    (!o->recording ? from_store(o, g, err) : (!o->from || asked_period(o, g, err)) && replay_fold(&g->setup, o->recording, o->step_ms, &sink, &stats, err));
	if (good && g->err.kind != ERR_NONE) {
		*err = g->err;
		good = false;
	}
	if (good && !g->window)
		good = err_set(err, ERR_RANGE, "nothing is closed yet: no interval in %s", o->recording ? o->recording : "the store");
	if (!good)
		gather_done(g);
	return good;
}

void gather_done(struct gather *g)
{
	window_free(g->window);
	free(g->events);
	setup_done(&g->setup);
	*g = (struct gather){ 0 };
}
