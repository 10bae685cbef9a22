/* puectl history [SERIES]: what one series said, raw or in steps; without a name, which series there are. */
#include "agent/history_many.h"
#include "agent/readings.h"

#include <stdio.h>
#include <string.h>

struct output { const struct ctl *ctl; const struct readings *r; const struct readings_series *row; struct buf line; uint64_t n; FILE *file; };

static void put_json(struct buf *b, const char *name, const char *value)
{
	buf_printf(b, ",\"%s\":", name);
	if (value)
		buf_json(b, value);
	else
		buf_str(b, "null");
}

static void flush_line(struct output *o)
{
	if (!o->line.failed)
		fprintf(o->file, "%s\n", o->line.data);
	buf_reset(&o->line);
	o->n++;
}

static bool raw(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct output *o = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++) {
		const struct sample *s = &samples[i];
		const struct readings_series *row = readings_find(o->r, s->series);
		CLEANUP(buf_done) struct buf value = { 0 };
		char at[WALL_TEXT];
		if (!row)
			continue;
		reading_text(&row->s, s, &value);
		const char *unit = quantities[row->s.quantity].unit;
		if (o->ctl->json) {
			buf_str(&o->line, o->n ? ",{\"time\":" : " {\"time\":");
			buf_json(&o->line, wall_text(s->at.wall, at));
			buf_printf(&o->line, ",\"value\":%s", value.len ? value.data : "null");
			put_json(&o->line, "unit", unit);
			put_json(&o->line, "quality", quality_text((enum quality)s->quality));
			put_json(&o->line, "reason", s->reason ? reason_text((enum reason)s->reason) : NULL);
			buf_str(&o->line, "}");
		} else {
			CLEANUP(buf_done) struct buf zh = { 0 }, why = { 0 };
			buf_printf(&o->line, "%-26s %16s %-8s %s%s%s", wall_text(s->at.wall, at), value.len ? value.data : "-", unit, ctl_said(o->ctl, quality_text((enum quality)s->quality), &zh),
				   s->reason ? ": " : "", s->reason ? ctl_said(o->ctl, reason_text((enum reason)s->reason), &why) : "");
		}
		flush_line(o);
	}
	return true;
}

static bool in_steps(void *ctx, const struct step *s)
{
	struct output *o = ctx;
	CLEANUP(buf_done) struct buf min = { 0 }, max = { 0 }, mean = { 0 }, last = { 0 };
	const struct series *series = s->series ? s->series : &o->row->s;
	const struct { struct buf *out; int64_t value; } texts[] = { { &min, s->min }, { &max, s->max }, { &mean, s->mean }, { &last, s->last } };
	char at[WALL_TEXT];
	for (size_t i = 0; i < countof(texts); i++)
		if (s->n)
			quantity_text((enum quantity)series->quantity, texts[i].value, series->count, texts[i].out);
		else
			buf_str(texts[i].out, o->ctl->json ? "null" : "-");
	if (o->ctl->json)
		buf_printf(&o->line, "%s{\"time\":\"%s\",\"n\":%lld,\"not_good\":%lld,\"min\":%s,\"max\":%s,\"mean\":%s,\"last\":%s,\"unit\":\"%s\",\"rolled\":%s}", o->n ? "," : " ",
			   wall_text(s->from, at), (long long)s->n, (long long)s->not_good, min.data, max.data, mean.data, last.data, quantities[series->quantity].unit, s->rolled ? "true" : "false");
	else
		buf_printf(&o->line, "%-22s %6lld %6lld %14s %14s %14s %14s %s%s", wall_text(s->from, at), (long long)s->n, (long long)s->not_good, min.data, max.data,
			   mean.data, last.data, quantities[series->quantity].unit, s->rolled ? "  (rollup)" : "");
	flush_line(o);
	return true;
}

static void list(struct output *o)
{
	for (size_t i = 0; i < o->r->n; i++) {
		const struct readings_series *row = &o->r->rows[i];
		if (o->ctl->json) {
			buf_str(&o->line, o->n ? ",{\"series\":" : " {\"series\":");
			buf_json(&o->line, row->id);
			put_json(&o->line, "quantity", quantities[row->s.quantity].name);
			put_json(&o->line, "unit", quantities[row->s.quantity].unit);
			put_json(&o->line, "scope", scope_names[row->s.scope]);
			buf_str(&o->line, "}");
		} else {
			CLEANUP(buf_done) struct buf plain = { 0 };
			buf_plain(&plain, row->id, strlen(row->id));
			buf_printf(&o->line, "%-40s %-16s %s", plain.data ? plain.data : "", quantities[row->s.quantity].name, quantities[row->s.quantity].unit);
		}
		flush_line(o);
	}
}

static bool show(struct output *o, const struct readings_words *w, struct err *err)
{
	for (size_t i = 0; i < o->r->n; i++)
		if (o->r->rows[i].wanted)
			o->row = &o->r->rows[i];
	if (!o->ctl->json && w->step_ms)
		fputs(SAY(o->ctl, "起                       个数   存疑           最小           最大           平均           最后\n",
			    "from                        n  doubt            min            max           mean           last\n"), o->file);
	reader_progress(o->r->reader, readings_walk_progress, (void *)(uintptr_t)o->ctl);
	return w->step_ms ? reader_steps(o->r->reader, w->series, w->from, w->to, w->step_ms, in_steps, o, err)
			  : reader_history(o->r->reader, w->series, w->from, w->to, raw, o, err);
}

static bool one_series(const struct readings *r, const char *id, struct err *err)
{
	for (size_t i = 0; i < r->n; i++)
		if (strcmp(r->rows[i].id, id) == 0)
			return true;
	return err_set(err, ERR_INPUT, "'%s' names %zu series, history shows one; --sum adds them up, puectl export gives each", id, r->n_wanted);
}

struct words { struct readings_words r; };

static int run(struct ctl *ctl)
{
	struct readings_words *w = ctl->words;
	struct readings r;
	struct err err = { 0 };
	int code = readings_times(ctl, w);
	if (code)
		return code;
	if (w->sum || w->latest || w->energy)
		return history_many(ctl, w);
	if (!readings_open(w, &r, &err))
		return ctl_fail(ctl, &err);
	if (w->series && !one_series(&r, w->series, &err)) {
		readings_close(&r);
		return ctl_fail(ctl, &err);
	}
	struct output o = { .ctl = ctl, .r = &r, .file = readings_spool(&err) };
	bool good = o.file != NULL;
	if (good && ctl->json)
		fputs("[\n", o.file);
	if (good && w->series)
		good = show(&o, w, &err);
	else if (good)
		list(&o);
	if (good && ctl->json)
		fputs("]\n", o.file);
	good = readings_deliver(o.file, good, &err) && (!w->series || w->step_ms || readings_say_dropped(ctl, &r, w, &err));
	if (good && !ctl->json && o.n == 0)
		fprintf(stderr, "%s\n", ctl->lang == LANG_ZH ? "该时段没有读数" : "no readings in this time");
	buf_done(&o.line);
	readings_close(&r);
	return good ? 0 : ctl_fail(ctl, &err);
}

static const struct ctl_option options[] = {
	OPT(TEXT, "SERIES", NULL, r.series, "测点;--sum 与 --latest 可含 *、? 与逗号;无则列出全部", "the series; with --sum and --latest it may hold *, ? and commas; alone: which there are"),
	OPT(FLAG, "--sum", NULL, r.sum, "各步内所有匹配测点之和", "all matching series added up, step by step"),
	OPT(FLAG, "--latest", NULL, r.latest, "每个匹配测点的最新值", "the newest value of each matching series"),
	OPT(ID, "--energy", "METER", r.energy, "证据中一个电表每步的电量", "what a meter used in each step, from the evidence"),
	OPT_GROUP(r, readings_rows),
	OPT(FILE, "--config", "FILE", r.config, "站点配置,--energy 用", "the site's configuration, for --energy", "/etc/pued/pued.yaml"),
	{ NULL },
};

const struct verb verb_history = { "history", { "一个测点的读数,原始或按步长;多个测点之和、最新值、电表电量", "what one series said, raw or in steps; sums, newest values, energies; alone: which series there are" },
				   { NULL, NULL }, run, options, sizeof(struct words) };
