/* puectl replay: a recording folded, its closed intervals and KPIs printed. */
#include "agent/ctl.h"
#include "agent/explain.h"
#include "agent/pack_admit.h"
#include "agent/replay.h"
#include "agent/statement.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct kept { struct interval iv; struct interval_row *rows; };

struct words { const char *config, *file, *from, *to, *by, *statements, *trust; int64_t step_ms; bool summary, leaves; };

struct out {
	struct ctl *ctl;
	const struct words *w;
	struct setup setup;
	struct window *window;
	bool fixed_window;
	struct window **periods;        /* of --by, oldest first: all stay, since corrections reach back */
	size_t n_periods, period_room;
	struct wall period_end;
	struct kept *intervals;
	size_t n, room;
	struct ledger_event *events;
	size_t n_events, event_room;
	bool failed;
	struct err err;
};

static bool grow(void *items, size_t n, size_t *room, size_t size)
{
	void **p = items;
	if (n < *room)
		return true;
	size_t more = *room ? *room * 2 : 64;
	void *grown = realloc(*p, more * size);
	if (!grown)
		return false;
	*p = grown;
	*room = more;
	return true;
}

static void print_leaf(struct buf *leaf)
{
	fwrite(leaf->data, 1, leaf->len, stdout);
	putchar('\n');
	buf_done(leaf);
}

/* First local day of the period that holds d, and of the next one. */
static void period_of(const char *by, struct date d, struct date *first, struct date *after)
{
	*first = *by == 'd' ? d : *by == 'm' ? (struct date){ d.year, d.month, 1 } : (struct date){ d.year, 1, 1 };
	*after = *by == 'd' ? date_of_days(date_days(d) + 1) : *by == 'y' ? (struct date){ d.year + 1, 1, 1 } :
		 d.month == 12 ? (struct date){ d.year + 1, 1, 1 } : (struct date){ d.year, (int8_t)(d.month + 1), 1 };
}

static bool period_push(struct out *o, const struct interval *iv)
{
	const struct zone *zone = &o->setup.zone;
	if (!o->n_periods || iv->from.ms >= o->period_end.ms) {
		struct date first, after;
		period_of(o->w->by, zone_date(zone, iv->from), &first, &after);
		o->period_end = zone_day_start(zone, after);
		if (!grow(&o->periods, o->n_periods, &o->period_room, sizeof *o->periods))
			return err_memory(&o->err);
		struct window *w = window_new(o->setup.site, zone_day_start(zone, first), o->period_end, &o->err);
		if (!w)
			return false;
		o->periods[o->n_periods++] = w;
	}
	window_push(o->periods[o->n_periods - 1], iv);
	return true;
}

static void on_interval(void *ctx, const struct interval *iv)
{
	struct out *o = ctx;
	if (o->failed)
		return;
	if (o->w->leaves) {
		struct buf leaf = { 0 };
		interval_leaf(o->setup.site, iv, &leaf);
		print_leaf(&leaf);
	}
	if (!o->window && !(o->window = window_new(o->setup.site, iv->from, iv->to, &o->err)))
		o->failed = true;
	if (!o->failed && !o->fixed_window && !window_extend(o->window, iv->to, &o->err))
		o->failed = true;
	if (!o->failed && o->w->by && !period_push(o, iv))
		o->failed = true;
	if (o->failed)
		return;
	window_push(o->window, iv);
	if (o->w->summary || o->w->leaves)
		return;
	struct interval_row *rows = malloc((iv->n + 1) * sizeof *rows);
	if (!rows || !grow(&o->intervals, o->n, &o->room, sizeof *o->intervals)) {
		free(rows);
		o->failed = !err_memory(&o->err);
		return;
	}
	memcpy(rows, iv->rows, iv->n * sizeof *rows);
	o->intervals[o->n].rows = rows;
	o->intervals[o->n++].iv = *iv;
}

/* Corrections change what is kept, so that what is printed is the last word on every interval. */
static void correct(struct out *o, const struct ledger_event *ev)
{
	struct window_term term;
	window_term(o->window, ev->meter, &term);
	for (size_t i = 0; i < o->n; i++) {
		struct interval *iv = &o->intervals[i].iv;
		if (iv->to.ms > ev->curve.closed_to.ms || iv->to.ms <= ev->from.ms)
			continue;
		int64_t before = curve_at(ev, ev->from), gain = curve_at(ev, iv->to) - curve_at(ev, iv->from);
		iv->total_mwh += term.total_sign * gain;
		iv->it_mwh += term.it_sign * gain;
		iv->total_cumulative_mwh += term.total_sign * (curve_at(ev, iv->to) - before);
		iv->it_cumulative_mwh += term.it_sign * (curve_at(ev, iv->to) - before);
		int64_t a = iv->from.ms > ev->from.ms ? iv->from.ms : ev->from.ms, b = iv->to.ms < ev->to.ms ? iv->to.ms : ev->to.ms;
		for (size_t k = 0; k < iv->n; k++) {
			struct interval_row *r = &o->intervals[i].rows[k];
			if (r->meter != ev->meter)
				continue;
			r->energy_mwh += gain;
			r->cumulative_mwh += curve_at(ev, iv->to) - before;
			r->missing_ms -= ev->curve.was_missing && b > a ? b - a : 0;
			/* a boundary strictly inside the line makes an interval distributed */
			bool inside = b > a && ((iv->from.ms > ev->from.ms && iv->from.ms < ev->to.ms) || (iv->to.ms > ev->from.ms && iv->to.ms < ev->to.ms));
			r->class_ = inside && ev->curve.class_ == CLASS_D ? CLASS_D : r->class_ == CLASS_MISSING && r->missing_ms < iv->to.ms - iv->from.ms ? CLASS_R : r->class_;
			r->substituted_mwh = r->missing_ms ? r->substituted_mwh : 0;
			r->substitute_class = r->missing_ms ? r->substitute_class : CLASS_MISSING;
		}
	}
}

static void state(struct out *o, const struct ledger_event *ev)
{
	for (size_t i = 0; i < o->n; i++) {
		const struct interval *iv = &o->intervals[i].iv;
		for (size_t k = 0; k < iv->n; k++) {
			struct interval_row *r = &o->intervals[i].rows[k];
			if (r->meter != ev->meter || !manual_counts(ev, iv->from, iv->to, r->missing_ms, r->substitute_class))
				continue;
			r->substituted_mwh = manual_share(ev, iv->from, iv->to, r->missing_ms);
			r->substitute_class = CLASS_M;
		}
	}
}

static void on_event(void *ctx, const struct ledger_event *ev)
{
	struct out *o = ctx;
	if (o->failed)
		return;
	if (o->w->leaves) {
		struct buf leaf = { 0 };
		event_leaf(o->setup.site, ev, &leaf);
		print_leaf(&leaf);
	}
	if (o->window)
		window_event(o->window, ev);
	for (size_t i = 0; i < o->n_periods; i++)
		window_event(o->periods[i], ev);
	if (ev->kind == EVENT_CORRECTION && o->window)
		correct(o, ev);
	if (ev->kind == EVENT_MANUAL)
		state(o, ev);
	if (!grow(&o->events, o->n_events, &o->event_room, sizeof *o->events)) {
		o->failed = !err_memory(&o->err);
		return;
	}
	o->events[o->n_events++] = *ev;
}

/* What is known of the sums after all corrections. */
static void settle(struct out *o)
{
	for (size_t i = 0; i < o->n; i++) {
		struct interval *iv = &o->intervals[i].iv;
		int64_t missing[2];
		if (!window_missing(o->window, iv->from, missing))
			continue;       /* outside of --from, --to: as it was closed */
		iv->total_known |= iv->total_missing_ms && !missing[0];
		iv->it_known |= iv->it_missing_ms && !missing[1];
		iv->total_missing_ms = missing[0];
		iv->it_missing_ms = missing[1];
	}
}

/* ---- printing ---------------------------------------------------------------------------------------------------------------- */

static void json_flags(uint16_t flags)
{
	static const char *const names[] = { "late", "unsynced", "clock_step", "epoch_change", "gap" };
	bool any = false;
	printf("[");
	for (size_t i = 0; i < countof(names); i++)
		if (flags >> i & 1) {
			printf("%s\"%s\"", any ? "," : "", names[i]);
			any = true;
		}
	printf("]");
}

static void json_row(const struct out *o, const struct interval_row *r)
{
	printf("{\"id\":\"%s\",\"energy_mwh\":%lld,\"cumulative_mwh\":%lld,\"missing_ms\":%lld,\"class\":\"%c\",\"flags\":", site_meters(o->setup.site)[r->meter].id,
	       (long long)r->energy_mwh, (long long)r->cumulative_mwh, (long long)r->missing_ms, energy_class_letter(r->class_));
	json_flags(r->flags);
	if (r->substitute_class != CLASS_MISSING)
		printf(",\"substituted_mwh\":%lld,\"substitute_class\":\"%c\"", (long long)r->substituted_mwh, energy_class_letter(r->substitute_class));
	printf("}");
}

static void json_interval(const struct out *o, const struct kept *k)
{
	const struct interval *iv = &k->iv;
	char a[WALL_TEXT], b[WALL_TEXT];
	printf("{\"from\":\"%s\",\"to\":\"%s\",\"total_known\":%s,\"it_known\":%s,\"total_mwh\":%lld,\"it_mwh\":%lld,\"total_cumulative_mwh\":%lld,"
	       "\"it_cumulative_mwh\":%lld,\"total_missing_ms\":%lld,\"it_missing_ms\":%lld,\"synced\":%s,\"flags\":",
	       wall_text(iv->from, a), wall_text(iv->to, b), iv->total_known ? "true" : "false", iv->it_known ? "true" : "false", (long long)iv->total_mwh,
	       (long long)iv->it_mwh, (long long)iv->total_cumulative_mwh, (long long)iv->it_cumulative_mwh, (long long)iv->total_missing_ms,
	       (long long)iv->it_missing_ms, iv->synced ? "true" : "false");
	json_flags(iv->flags);
	printf(",\"meters\":[");
	for (size_t i = 0; i < iv->n; i++) {
		fputs(i ? "," : "", stdout);
		json_row(o, &k->rows[i]);
	}
	printf("]}");
}

static void json_event(const struct out *o, const struct ledger_event *ev)
{
	char a[WALL_TEXT], b[WALL_TEXT];
	struct buf reason = { 0 };
	buf_json(&reason, ev->reason);
	printf("{\"kind\":\"%s\",\"meter\":", ledger_event_name(ev->kind));
	printf(ev->meter == UINT32_MAX ? "null" : "\"%s\"", ev->meter == UINT32_MAX ? "" : site_meters(o->setup.site)[ev->meter].id);
	printf(",\"from\":\"%s\",\"to\":\"%s\",\"energy_mwh\":%lld,\"reason\":%s}", wall_text(ev->from, a), wall_text(ev->to, b), (long long)ev->energy_mwh,
	       reason.data ? reason.data : "\"\"");
	buf_done(&reason);
}

static void json_periods(const struct out *o)
{
	static const char *const kinds[] = { [KPI_NONE] = "none", [KPI_PUE] = "PUE", [KPI_IPUE] = "iPUE" };
	printf(",\n\"periods\":[");
	for (size_t i = 0; i < o->n_periods; i++) {
		struct buf line = { 0 }, quoted = { 0 };
		struct kpi k;
		char a[WALL_TEXT], b[WALL_TEXT], number[48];
		window_kpi(o->periods[i], &o->setup.zone, &k);
		kpi_text(&k, o->setup.site, &o->setup.zone, setup_pue_limit(&o->setup), &line);
		buf_json(&quoted, line.data ? line.data : "");
		bool has = k.kind != KPI_NONE && pue_text(k.total_mwh, k.it_mwh, setup_pue_limit(&o->setup), 3, number, sizeof number);
		printf("%s{\"from\":\"%s\",\"to\":\"%s\",\"kind\":\"%s\",\"category\":%d,\"pue\":%s%s%s,\"total_mwh\":%lld,\"it_mwh\":%lld,\"known_total_mwh\":%lld,"
		       "\"known_it_mwh\":%lld,\"intervals\":%lld,\"intervals_known\":%lld,\"text\":%s}", i ? ",\n" : "\n", wall_text(k.from, a), wall_text(k.to, b),
		       kinds[k.kind], k.category, has ? "\"" : "", has ? number : "null", has ? "\"" : "", (long long)k.total_mwh, (long long)k.it_mwh,
		       (long long)k.known_total_mwh, (long long)k.known_it_mwh, (long long)k.intervals, (long long)k.intervals_known, quoted.data ? quoted.data : "\"\"");
		buf_done(&line);
		buf_done(&quoted);
	}
	printf("]");
}

static void print_json(const struct out *o, const struct replay_stats *stats)
{
	struct buf kpi = { 0 };
	printf("{\"site\":\"%s\",\"simulated\":%s,\"readings\":%llu,\"ignored\":%llu,\n\"intervals\":[", o->setup.site->id,
	       o->setup.site->simulated ? "true" : "false", (unsigned long long)stats->readings, (unsigned long long)stats->ignored);
	for (size_t i = 0; i < o->n; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		json_interval(o, &o->intervals[i]);
	}
	printf("],\n\"events\":[");
	for (size_t i = 0; i < o->n_events; i++) {
		fputs(i ? ",\n" : "\n", stdout);
		json_event(o, &o->events[i]);
	}
	printf("]");
	if (o->window) {
		struct explain x = { o->window, &o->setup, NULL, 0 };
		explain_members(&x, &kpi);
		printf(",\n%s", kpi.data ? kpi.data : "");
	}
	if (o->w->by)
		json_periods(o);
	printf("}\n");
	buf_done(&kpi);
}

static void print_text(const struct out *o, const struct replay_stats *stats)
{
	char a[WALL_TEXT];
	struct buf text = { 0 };
	bool zh = o->ctl->lang == LANG_ZH;
	const struct zone *zone = &o->setup.zone;
	if (o->n)
		printf("%-25s %16s %16s  %s\n", zh ? "时段" : "interval", zh ? "总电能 kW.h" : "E_DC kW.h", zh ? "IT 电能 kW.h" : "E_IT kW.h", "");
	for (size_t i = 0; i < o->n; i++) {
		const struct interval *iv = &o->intervals[i].iv;
		printf("%-25s %9lld.%06lld %9lld.%06lld  %s%s%s\n", wall_text_at(iv->from, zone_offset(zone, iv->from), a), (long long)iv->total_mwh / 1000000,
		       llabs(iv->total_mwh) % 1000000, (long long)iv->it_mwh / 1000000, llabs(iv->it_mwh) % 1000000,
		       iv->total_known && iv->it_known ? "" : zh ? "缺 " : "missing ", iv->flags & INTERVAL_CLOCK_STEP ? zh ? "校时 " : "clock " : "",
		       iv->synced ? "" : zh ? "时钟未同步" : "not synchronised");
	}
	for (size_t i = 0; i < o->n_events; i++) {
		const struct ledger_event *ev = &o->events[i];
		printf("%s %-14s %-12s %s\n", wall_text_at(ev->to, zone_offset(zone, ev->to), a), ledger_event_name(ev->kind),
		       ev->meter == UINT32_MAX ? "-" : site_meters(o->setup.site)[ev->meter].id, ev->reason);
	}
	for (size_t i = 0; i < o->n_periods; i++) {
		struct kpi k;
		window_kpi(o->periods[i], zone, &k);
		kpi_text(&k, o->setup.site, zone, setup_pue_limit(&o->setup), &text);
		buf_str(&text, "\n");
	}
	fputs(text.data ? text.data : "", stdout);
	buf_reset(&text);
	printf("%llu %s", (unsigned long long)stats->readings, zh ? "个读数" : "readings");
	if (stats->ignored)
		printf(zh ? ",%llu 个不属于任何电表(首个: %s)" : ", %llu of no meter of this site (first: %s)", (unsigned long long)stats->ignored, stats->first_ignored);
	printf("\n");
	struct explain x = { o->window, &o->setup, NULL, 0 };
	if (o->window)
		explain_text(&x, o->ctl->lang, false, &text);
	fputs(text.data ? text.data : "", stdout);
	buf_done(&text);
}

/* Exchanges and readings that people stated, as evidence has them (agent/statement.h). */
static bool stated(struct out *o, struct err *err)
{
	struct trust trust = { 0 };
	CLEANUP(buf_done) struct buf findings = { 0 };
	if (!o->w->statements)
		return true;
	bool good = trust_load(o->w->trust, &trust, err) && setup_amend_files(&o->setup, o->w->statements, &trust, &findings, err);
	if (findings.len)
		fputs(findings.data, stderr);
	trust_done(&trust);
	return good;
}

static bool fixed_window(struct out *o, struct err *err)
{
	struct date from, to;
	if (!o->w->from)
		return true;
	if (!date_parse(o->w->from, &from, err) || !date_parse(o->w->to, &to, err))
		return err_wrap(err, "--from, --to");
	struct date after = date_of_days(date_days(to) + 1);
	o->fixed_window = true;
	return (o->window = window_new(o->setup.site, zone_day_start(&o->setup.zone, from), zone_day_start(&o->setup.zone, after), err)) != NULL;
}

static void done(struct out *o)
{
	for (size_t i = 0; i < o->n; i++)
		free(o->intervals[i].rows);
	free(o->intervals);
	free(o->events);
	window_free(o->window);
	for (size_t i = 0; i < o->n_periods; i++)
		window_free(o->periods[i]);
	free(o->periods);
	setup_done(&o->setup);
}

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct out o = { .ctl = ctl, .w = w };
	struct replay_stats stats;
	struct err err = { 0 };
	struct ledger_sink sink = { on_interval, on_event, &o };
	bool good = setup_load(w->config, &o.setup, NULL, &err) && stated(&o, &err) && fixed_window(&o, &err) &&
		    replay_fold(&o.setup, w->file, w->step_ms, &sink, &stats, &err);
	if (good && o.failed) {
		good = false;
		err = o.err;
	}
	if (!good) {
		done(&o);
		return ctl_fail(ctl, &err);
	}
	if (o.window)
		settle(&o);
	else
		fprintf(stderr, ctl->lang == LANG_ZH ? "没有可关闭的时段: %s 中有 %llu 个读数\n" : "no interval can be closed: %s holds %llu readings of this site's meters\n", w->file,
			(unsigned long long)stats.readings);
	if (ctl->json && !w->leaves)
		print_json(&o, &stats);
	else if (!w->leaves)
		print_text(&o, &stats);
	done(&o);
	return 0;
}

static const struct ctl_option options[] = {
	OPT(FILE, "FILE", NULL, file, "记录;- 为标准输入", "the recording; - is standard input", .needed = true),
	OPT(FILE, "--config", "SITE.yaml", config, "站点配置", "the site's configuration", .needed = true),
	OPT(DURATION, "--step", "15m", step_ms, "读数的间隔;默认取记录中的 # poll 行,再取配置的轮询周期", "how far apart the readings are; else its '# poll' line, else the polls of the configuration"),
	OPT(DAY, "--from", "DAY", from, "指标的本地日期(含)", "local days of the KPIs, inclusive", .with = "--to"),
	OPT(DAY, "--to", "DAY", to, "其末日(含)", "the last of them", .with = "--from"),
	OPT(CHOICE, "--by", "day|month|year", by, "逐日、逐月或逐年的指标(站点本地日历)", "a KPI for each local day, month or year"),
	OPT(FLAG, "--summary", NULL, summary, "只打印指标", "KPIs only; memory does not grow"),
	OPT(FLAG, "--leaves", NULL, leaves, "打印证据叶原文", "the evidence leaves, byte for byte"),
	OPT(FILE, "--statements", "DIR", statements, "换表与人工抄表声明所在目录", "signed exchanges and manual readings", .with = "--trust"),
	OPT(FILE, "--trust", "KEYS", trust, "采信何人的声明:由人给出,从不取自其旁", "whose statements are believed: given, never found beside them", .with = "--statements"),
	{ NULL },
};

const struct verb verb_replay = { "replay", { "折算一份读数记录,打印时段与指标", "fold a recording of readings; print closed intervals and KPIs" }, { NULL, NULL }, run, options, sizeof(struct words) };
