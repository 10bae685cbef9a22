/* puectl export: raw readings as CSV, JSON lines, OpenMetrics text or a recording, or the evidence's own bytes. */
#include "agent/export_recording.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { FEW = 64 };              /* series that are read one after the other; more are read together */

struct format;
struct out { struct ctl *ctl; const struct readings *r; const char *id; FILE *file; struct buf line; uint64_t lines; bool failed; struct wall from, to, newest; const struct format *format; };
struct format {
	const char *name, *head, *tail;
	void (*reading)(struct out *o, const struct readings_series *row, const struct sample *s);
	bool by_series;                 /* all of one series before the next */
	const char *steps_head;
	void (*step)(struct out *o, const char *id, const struct step *s);
};

static void csv(struct out *o, const struct readings_series *row, const struct sample *s)
{
	char at[WALL_TEXT];
	buf_printf(&o->line, "%s,", wall_text(s->at.wall, at));
	csv_field(&o->line, row->id);
	buf_str(&o->line, ",");
	reading_text(&row->s, s, &o->line);
	buf_printf(&o->line, ",%s,%s,%s,%u,%d\n", quantities[row->s.quantity].unit, quality_text((enum quality)s->quality),
		   s->reason ? reason_text((enum reason)s->reason) : "", s->at.session, s->at.synced);
}

static void jsonl(struct out *o, const struct readings_series *row, const struct sample *s)
{
	char at[WALL_TEXT];
	buf_printf(&o->line, "{\"time\":\"%s\",\"series\":", wall_text(s->at.wall, at));
	buf_json(&o->line, row->id);
	buf_str(&o->line, ",\"value\":");
	if (sample_has_value(s))
		reading_text(&row->s, s, &o->line);
	else
		buf_str(&o->line, "null");
	buf_printf(&o->line, ",\"unit\":\"%s\",\"quality\":\"%s\"", quantities[row->s.quantity].unit, quality_text((enum quality)s->quality));
	if (s->reason)
		buf_printf(&o->line, ",\"reason\":\"%s\"", reason_text((enum reason)s->reason));
	buf_printf(&o->line, ",\"session\":%u,\"synced\":%s}\n", s->at.session, s->at.synced ? "true" : "false");
}

static void label(struct buf *b, const char *text)
{
	for (; *text; text++)
		if (*text == '"' || *text == '\\')
			buf_printf(b, "\\%c", *text);
		else
			buf_str(b, *text == '\n' ? "\\n" : (char[]){ *text, 0 });
}

/* OpenMetrics knows no quality of a sample: what is not good is left out, so that a gap is a gap. */
static void openmetrics(struct out *o, const struct readings_series *row, const struct sample *s)
{
	if (s->quality != QUALITY_GOOD)
		return;
	int64_t ms = s->at.wall.ms;
	buf_str(&o->line, "pued_reading{series=\"");
	label(&o->line, row->id);
	buf_printf(&o->line, "\",quantity=\"%s\",unit=\"%s\"} ", quantities[row->s.quantity].name, quantities[row->s.quantity].unit);
	reading_text(&row->s, s, &o->line);
	buf_printf(&o->line, " %lld.%03lld\n", (long long)(ms / 1000), (long long)(ms % 1000));
}

/* Of a step: doubtful when any of its samples was not good, missing when none had a value; rolled up when the readings behind it are gone. */
static const char *step_quality(const struct step *s)
{
	return s->n == 0 ? "missing" : s->not_good ? "doubtful" : "good";
}

static void step_values(const struct step *s, const char *comma, const char *none, struct buf *out)
{
	const int64_t values[] = { s->min, s->max, s->mean, s->last };
	for (size_t i = 0; i < countof(values); i++) {
		buf_str(out, i ? comma : "");
		if (s->n && s->series)
			quantity_text((enum quantity)s->series->quantity, values[i], s->series->count, out);
		else
			buf_str(out, none);
	}
}

static const char *step_unit(const struct step *s)
{
	return s->series ? quantities[s->series->quantity].unit : "";
}

static void csv_step(struct out *o, const char *id, const struct step *s)
{
	char at[WALL_TEXT];
	buf_printf(&o->line, "%s,", wall_text(s->from, at));
	csv_field(&o->line, id);
	buf_printf(&o->line, ",%lld,%lld,", (long long)s->n, (long long)s->not_good);
	step_values(s, ",", "", &o->line);
	buf_printf(&o->line, ",%s,%s,%s\n", step_unit(s), step_quality(s), s->rolled ? "rollup" : "readings");
}

static void jsonl_step(struct out *o, const char *id, const struct step *s)
{
	char at[WALL_TEXT];
	buf_printf(&o->line, "{\"time\":\"%s\",\"series\":", wall_text(s->from, at));
	buf_json(&o->line, id);
	buf_printf(&o->line, ",\"n\":%lld,\"not_good\":%lld,\"min_max_mean_last\":[", (long long)s->n, (long long)s->not_good);
	step_values(s, ",", "null", &o->line);
	buf_printf(&o->line, "],\"unit\":\"%s\",\"quality\":\"%s\",\"rolled\":%s}\n", step_unit(s), step_quality(s), s->rolled ? "true" : "false");
}

/* The mean alone: each metric must stand in one piece, and minima and maxima would need a walk of their own. */
static void openmetrics_step(struct out *o, const char *id, const struct step *s)
{
	if (s->n == 0 || !s->series)
		return;
	buf_str(&o->line, "pued_reading_mean{series=\"");
	label(&o->line, id);
	buf_printf(&o->line, "\",quantity=\"%s\",unit=\"%s\"} ", quantities[s->series->quantity].name, step_unit(s));
	quantity_text((enum quantity)s->series->quantity, s->mean, s->series->count, &o->line);
	buf_printf(&o->line, " %lld.%03lld\n", (long long)(s->from.ms / 1000), (long long)(s->from.ms % 1000));
}

static const struct format formats[] = {
	{ "csv", "time,series,value,unit,quality,reason,session,synced\n", "", csv, false, "time,series,n,not_good,min,max,mean,last,unit,quality,source\n", csv_step },
	{ "jsonl", "", "", jsonl, false, "", jsonl_step },
	{ "openmetrics", "# HELP pued_reading Readings as they were taken, in the unit of the label.\n# TYPE pued_reading gauge\n", "# EOF\n", openmetrics, true,
	  "# HELP pued_reading_mean Mean of the readings of each step, in the unit of the label.\n# TYPE pued_reading_mean gauge\n", openmetrics_step },
};

static bool write_line(struct out *o)
{
	o->failed = o->line.failed || (o->line.len && fwrite(o->line.data, 1, o->line.len, o->file) != o->line.len);
	o->lines += o->line.len > 0;
	buf_reset(&o->line);
	return !o->failed;
}

static bool give(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct out *o = ctx;
	(void)now;
	for (size_t i = 0; i < n && !o->failed; i++) {
		const struct readings_series *row = readings_find(o->r, samples[i].series);
		if (!row || !row->wanted || samples[i].at.wall.ms < o->from.ms || samples[i].at.wall.ms >= o->to.ms)
			continue;
		o->format->reading(o, row, &samples[i]);
		write_line(o);
	}
	return !o->failed;
}

static bool give_step(void *ctx, const struct step *s)
{
	struct out *o = ctx;
	o->format->step(o, o->id, s);
	return write_line(o);
}

static bool one_by_one(struct out *o, int64_t step_ms, struct err *err)
{
	uint64_t done = 0;
	for (size_t i = 0; i < o->r->n && !o->failed; i++) {
		const char *id = o->r->rows[i].id;
		bool repeated = false;          /* several rows of one id: one walk gives them all */
		for (size_t k = 0; k < i && !repeated; k++)
			repeated = o->r->rows[k].wanted && strcmp(o->r->rows[k].id, id) == 0;
		if (!o->r->rows[i].wanted)
			continue;
		o->id = id;
		if (!repeated && !(step_ms ? reader_steps(o->r->reader, id, o->from, o->to, step_ms, give_step, o, err) : reader_history(o->r->reader, id, o->from, o->to, give, o, err)))
			return false;
		readings_progress("export", ++done, o->r->n_wanted);
	}
	return true;
}

static bool leaf(void *ctx, uint64_t index, enum leaf_kind kind, struct wall at, const void *bytes, size_t len)
{
	struct out *o = ctx;
	char text[WALL_TEXT];
	buf_printf(&o->line, "{\"index\":%llu,\"kind\":\"%s\",\"at\":\"%s\",\"bytes\":", (unsigned long long)index, leaf_kind_name((int)kind), wall_text(at, text));
	if (len && ((const char *)bytes)[0] == '{')
		buf_add(&o->line, bytes, len);
	else {
		CLEANUP(buf_done) struct buf copy = { 0 };
		buf_add(&copy, bytes, len);
		buf_json(&o->line, copy.data ? copy.data : "");
	}
	buf_str(&o->line, "}\n");
	return write_line(o);
}

static bool export(struct out *o, const struct readings_words *w, struct err *err)
{
	if (strcmp(w->format, "evidence") == 0)
		return reader_leaves(o->r->reader, -1, w->from, w->to, leaf, o, err);
	if (strcmp(w->format, "recording") == 0)
		return export_recording(o->r, w, o->file, &o->lines, err);
	bool by_series = o->format->by_series || w->step_ms || (w->series && o->r->n_wanted <= FEW);
	fputs(w->step_ms ? o->format->steps_head : o->format->head, o->file);
	if (!by_series)
		reader_progress(o->r->reader, readings_walk_progress, o->ctl);
	bool good = by_series ? one_by_one(o, w->step_ms, err) : reader_readings(o->r->reader, w->from, w->to, give, o, err);
	fputs(o->format->tail, o->file);
	return good;
}

/* Under another name until it is whole: a run that is broken off leaves nothing that looks like an export. */
static bool to_file(struct out *o, const struct readings_words *w, struct err *err)
{
	CLEANUP(buf_done) struct buf part = { 0 };
	buf_printf(&part, "%s.part", w->out ? w->out : "");
	if (w->out && access(w->out, F_OK) == 0)
		return err_set(err, ERR_IO, "%s: %s", w->out, strerror(EEXIST));
	o->file = w->out ? fopen(part.data, "we") : readings_spool(err);
	if (!o->file)
		return !w->out ? false : err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", w->out, strerror(errno));
	bool good = export(o, w, err);
	if (good && (o->failed || fflush(o->file) != 0 || ferror(o->file)))
		good = err_set(err, ERR_IO, "%s: %s", w->out ? w->out : "output", strerror(errno));
	if (!w->out)
		return readings_deliver(o->file, good, err);
	if (fclose(o->file) != 0 && good)
		good = err_set(err, ERR_IO, "%s: %s", w->out, strerror(errno));
	if (good && rename(part.data, w->out) != 0)
		good = err_set(err, ERR_IO, "%s: %s", w->out, strerror(errno));
	if (!good)
		unlink(part.data);
	return good;
}

struct words { struct readings_words r; };

static int run(struct ctl *ctl)
{
	struct readings_words *w = ctl->words;
	struct readings r;
	struct err err = { 0 };
	struct out o = { .ctl = ctl, .r = &r };
	int code = readings_times(ctl, w);
	if (code)
		return code;
	for (size_t i = 0; i < countof(formats); i++)
		if (strcmp(w->format, formats[i].name) == 0)
			o.format = &formats[i];
	if (!o.format && w->step_ms)
		return ctl_usage(ctl, SAY(ctl, "%s 原样导出,没有 --step", "%s is exported as it is; it has no --step"), w->format);
	o.from = w->from;
	o.to = w->to;
	if (!readings_open(w, &r, &err))
		return ctl_fail(ctl, &err);
	bool good = to_file(&o, w, &err) && (w->step_ms || !o.format || readings_say_dropped(ctl, &r, w, &err));
	if (good && o.lines == 0)
		fprintf(stderr, "%s\n", ctl->lang == LANG_ZH ? "该时段没有数据" : "nothing in this time");
	buf_done(&o.line);
	readings_close(&r);
	return good ? 0 : ctl_fail(ctl, &err);
}

static const struct ctl_option options[] = {
	OPT(TEXT, "PATTERN", NULL, r.series, "测点名,可含 *、? 与逗号;默认全部", "series by name, with *, ? and commas; all when not given"),
	OPT(CHOICE, "--format", "csv|jsonl|openmetrics|evidence|recording", r.format, "格式", "the form", "csv"),
	OPT(FILE, "--out", "FILE", r.out, "写入新文件", "into a new file"),
	OPT(FILE, "--config", "FILE", r.config, "站点配置,recording 用", "the site's configuration, for recording", "/etc/pued/pued.yaml"),
	OPT_GROUP(r, readings_rows),
	{ NULL },
};

const struct verb verb_export = {
	"export", { "导出读数或证据;recording 可再次折算", "raw readings as CSV, JSON lines, OpenMetrics or a recording, which folds again; or the evidence's own bytes" },
	{ "每行带单位与质量; --step 导出各步的最小、最大、平均与最后值\nrecording 为电表读数,puectl replay 与 pued --import 可再次折算: puectl export --format recording | puectl replay - --config FILE",
	  "Every row carries unit and quality; --step: minimum, maximum, mean and last of each step\nrecording: the meters' readings, which puectl replay and pued --import fold again: puectl export --format recording | puectl replay - --config FILE" }, run, options, sizeof(struct words),
};
