/* puectl export: raw readings as CSV, JSON lines or OpenMetrics text, or the evidence's own bytes. */
#include "agent/readings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct out { const struct readings *r; FILE *file; struct buf line; bool failed; struct wall from, to, newest; const struct format *format; };
struct format {
	const char *name, *head, *tail;
	void (*reading)(struct out *o, const struct readings_series *row, const struct sample *s);
	bool by_series;                 /* all of one series before the next */
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

static const struct format formats[] = {
	{ "csv", "time,series,value,unit,quality,reason,session,synced\n", "", csv, false },
	{ "jsonl", "", "", jsonl, false },
	{ "openmetrics", "# HELP pued_reading Readings as they were taken, in the unit of the label.\n# TYPE pued_reading gauge\n", "# EOF\n", openmetrics, true },
};

static bool give(void *ctx, const struct sample *samples, size_t n, struct stamp now)
{
	struct out *o = ctx;
	(void)now;
	for (size_t i = 0; i < n && !o->failed; i++) {
		const struct readings_series *row = readings_find(o->r, samples[i].series);
		if (!row || !row->wanted || samples[i].at.wall.ms < o->from.ms || samples[i].at.wall.ms >= o->to.ms)
			continue;
		o->format->reading(o, row, &samples[i]);
		o->failed = o->line.failed || (o->line.len && fwrite(o->line.data, 1, o->line.len, o->file) != o->line.len);
		buf_reset(&o->line);
	}
	return !o->failed;
}

static bool one_by_one(struct out *o, struct err *err)
{
	uint64_t done = 0;
	for (size_t i = 0; i < o->r->n && !o->failed; i++) {
		const char *id = o->r->rows[i].id;
		bool repeated = false;          /* several rows of one id: one walk gives them all */
		for (size_t k = 0; k < i && !repeated; k++)
			repeated = o->r->rows[k].wanted && strcmp(o->r->rows[k].id, id) == 0;
		if (!o->r->rows[i].wanted)
			continue;
		if (!repeated && !reader_history(o->r->reader, id, o->from, o->to, give, o, err))
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
	o->failed = o->line.failed || fwrite(o->line.data, 1, o->line.len, o->file) != o->line.len;
	buf_reset(&o->line);
	return !o->failed;
}

static bool export(struct out *o, const struct readings_words *w, struct err *err)
{
	if (strcmp(w->format, "evidence") == 0)
		return reader_leaves(o->r->reader, -1, w->from, w->to, leaf, o, err);
	fputs(o->format->head, o->file);
	bool good = o->format->by_series ? one_by_one(o, err) : reader_readings(o->r->reader, w->from, w->to, give, o, err);
	fputs(o->format->tail, o->file);
	return good;
}

static bool to_file(struct out *o, const struct readings_words *w, struct err *err)
{
	o->file = w->out ? fopen(w->out, "wex") : readings_spool(err);
	if (!o->file)
		return !w->out ? false : err_set(err, errno == EACCES ? ERR_DENIED : ERR_IO, "%s: %s", w->out, strerror(errno));
	bool good = export(o, w, err);
	if (good && (o->failed || fflush(o->file) != 0 || ferror(o->file)))
		good = err_set(err, ERR_IO, "%s: %s", w->out ? w->out : "output", strerror(errno));
	if (!w->out)
		return readings_deliver(o->file, good, err);
	if (fclose(o->file) != 0 && good)
		good = err_set(err, ERR_IO, "%s: %s", w->out, strerror(errno));
	if (!good)
		unlink(w->out);
	return good;
}

int ctl_export(struct ctl *ctl)
{
	struct readings_words w = { .format = "csv" };
	struct readings r;
	struct err err = { 0 };
	struct out o = { .r = &r };
	int code = readings_parse(ctl, &w);
	if (code)
		return code;
	for (size_t i = 0; i < countof(formats); i++)
		if (strcmp(w.format, formats[i].name) == 0)
			o.format = &formats[i];
	if (!o.format && strcmp(w.format, "evidence") != 0)
		return ctl_usage(ctl, "--format is csv, jsonl, openmetrics or evidence, not '%s'", w.format);
	o.from = w.from;
	o.to = w.to;
	if (!readings_open(&w, &r, &err))
		return ctl_fail(ctl, &err);
	bool good = to_file(&o, &w, &err);
	buf_done(&o.line);
	readings_close(&r);
	return good ? 0 : ctl_fail(ctl, &err);
}
