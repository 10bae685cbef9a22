#include "agent/history_many.h"
#include "agent/series_query.h"
#include "agent/setup.h"

#include <string.h>

enum { DAY_MS = 86400000, QUARTER_MS = 900000 };

struct output { const struct ctl *ctl; const struct readings *r; struct buf line; uint64_t n; FILE *file; };

static void flush_line(struct output *o)
{
	if (!o->line.failed)
		fprintf(o->file, "%s\n", o->line.data);
	buf_reset(&o->line);
	o->n++;
}

static bool put_sum(void *ctx, const struct step_sum *s)
{
	struct output *o = ctx;
	CLEANUP(buf_done) struct buf min = { 0 }, max = { 0 }, mean = { 0 }, last = { 0 };
	enum quantity q = (enum quantity)s->kind->quantity;
	const struct { struct buf *out; int64_t value; } texts[] = { { &min, s->min }, { &max, s->max }, { &mean, s->mean }, { &last, s->last } };
	char at[WALL_TEXT];
	for (size_t i = 0; i < countof(texts); i++)
		if (s->with_value)
			quantity_text(q, texts[i].value, s->kind->count, texts[i].out);
		else
			buf_str(texts[i].out, o->ctl->json ? "null" : "-");
	if (o->ctl->json)
		buf_printf(&o->line, "%s{\"time\":\"%s\",\"series\":%zu,\"with_value\":%zu,\"n\":%lld,\"not_good\":%lld,\"min\":%s,\"max\":%s,\"mean\":%s,\"last\":%s,\"unit\":\"%s\",\"rolled\":%s}",
			   o->n ? "," : " ", wall_text(s->from, at), s->series, s->with_value, (long long)s->n, (long long)s->not_good, min.data, max.data, mean.data, last.data,
			   quantities[q].unit, s->rolled ? "true" : "false");
	else
		buf_printf(&o->line, "%-22s %6zu/%-6zu %6lld %14s %14s %14s %14s %s%s", wall_text(s->from, at), s->with_value, s->series, (long long)s->not_good, min.data, max.data, mean.data, last.data,
			   quantities[q].unit, s->rolled ? "  (rollup)" : "");
	flush_line(o);
	return true;
}

static bool put_latest(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct output *o = ctx;
	const struct readings_series *row = readings_find(o->r, s->series);
	CLEANUP(buf_done) struct buf value = { 0 };
	char at[WALL_TEXT];
	(void)n, (void)now;
	if (!row || !row->wanted)
		return true;
	reading_text(&row->s, s, &value);
	const char *unit = quantities[row->s.quantity].unit, *quality = quality_text((enum quality)s->quality), *reason = s->reason ? reason_text((enum reason)s->reason) : NULL;
	if (o->ctl->json) {
		buf_str(&o->line, o->n ? ",{\"series\":" : " {\"series\":");
		buf_json(&o->line, row->id);
		buf_printf(&o->line, ",\"time\":\"%s\",\"value\":%s,\"unit\":\"%s\",\"quality\":\"%s\",\"reason\":", wall_text(s->at.wall, at), value.len ? value.data : "null", unit, quality);
		reason ? buf_json(&o->line, reason) : buf_str(&o->line, "null");
		buf_str(&o->line, "}");
	} else {
		CLEANUP(buf_done) struct buf plain = { 0 }, zh = { 0 }, why = { 0 };
		buf_plain(&plain, row->id, strlen(row->id));
		buf_printf(&o->line, "%-40s %-26s %16s %-8s %s%s%s", plain.data ? plain.data : "", wall_text(s->at.wall, at), value.len ? value.data : "-", unit,
			   ctl_said(o->ctl, quality, &zh), reason ? ": " : "", reason ? ctl_said(o->ctl, reason, &why) : "");
	}
	flush_line(o);
	return true;
}

static bool put_energy(void *ctx, const struct energy_step *s)
{
	struct output *o = ctx;
	CLEANUP(buf_done) struct buf energy = { 0 };
	char at[WALL_TEXT];
	quantity_text(Q_ENERGY, s->energy_mwh, (struct ratio){ 1, 1 }, &energy);
	if (o->ctl->json)
		buf_printf(&o->line, "%s{\"time\":\"%s\",\"energy\":%s,\"unit\":\"%s\",\"energy_mwh\":%lld,\"substituted_mwh\":%lld,\"missing_ms\":%lld,\"intervals\":%u,\"classes\":\"%s\"}", o->n ? "," : " ",
			   wall_text(s->from, at), energy.data, quantities[Q_ENERGY].unit, (long long)s->energy_mwh, (long long)s->substituted_mwh, (long long)s->missing_ms, s->intervals, s->classes);
	else
		buf_printf(&o->line, "%-22s %16s %s %8s %10.1f s %s", wall_text(s->from, at), energy.data, quantities[Q_ENERGY].unit, s->classes, (double)s->missing_ms / 1000, SAY(o->ctl, "缺失", "missing"));
	flush_line(o);
	return true;
}

static bool newest(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	int64_t *ms = ctx;
	(void)now;
	for (size_t i = 0; i < n; i++)
		*ms = s[i].at.wall.ms > *ms ? s[i].at.wall.ms : *ms;
	return true;
}

/* The last day that the store knows, on a quarter, when nothing else was said: its clock may be another one's, or it may lie still. */
static bool default_span(const struct output *o, struct readings_words *w, struct err *err)
{
	char from[WALL_TEXT], to[WALL_TEXT];
	int64_t last = INT64_MIN;
	uint64_t index;
	struct wall at;
	bool given = w->to.ms != INT64_MAX;
	if (!given && !reader_latest(o->r->reader, newest, &last, err))
		return false;
	if (!given && last == INT64_MIN && reader_last(o->r->reader, LEAF_INTERVAL, &index, &at, NULL))
		last = at.ms;
	if (!given && last != INT64_MIN)
		w->to.ms = (last / QUARTER_MS + 1) * QUARTER_MS;
	if (w->from.ms == INT64_MIN && w->to.ms != INT64_MAX)
		w->from.ms = w->to.ms - DAY_MS;
	if (!given && last != INT64_MIN)
		fprintf(stderr, SAY(o->ctl, "存储中的最后一段: %s 至 %s\n", "the last that the store knows: %s to %s\n"), wall_text(w->from, from), wall_text(w->to, to));
	w->step_ms = w->step_ms ? w->step_ms : QUARTER_MS;
	return w->to.ms != INT64_MAX || err_set(err, ERR_RANGE, "no reading in the last hours of the store; say which days with --from and --to");
}

static bool energy(struct output *o, const struct readings_words *w, struct err *err)
{
	struct setup setup;
	if (!setup_load(w->config, &setup, NULL, err))
		return false;
	bool good = query_energy(o->r->reader, setup.site, w->energy, w->from, w->to, w->step_ms, put_energy, o, err);
	setup_done(&setup);
	return good;
}

static bool answer(struct output *o, struct readings_words *w, struct err *err)
{
	if (w->latest)
		return reader_latest(o->r->reader, put_latest, o, err);
	if (!default_span(o, w, err))
		return false;
	if (w->energy)
		return energy(o, w, err);
	if (!o->ctl->json)
		fputs(SAY(o->ctl, "起                     有值/共有       存疑           最小           最大           平均           最后\n",
			"from                   with value/of  doubt            min            max           mean           last\n"), o->file);
	return query_sums(o->r->reader, w->series, w->from, w->to, w->step_ms, put_sum, o, err);
}

int history_many(struct ctl *ctl, struct readings_words *w)
{
	struct readings r;
	struct err err = { 0 };
	if (w->sum + w->latest + (w->energy != NULL) > 1)
		return ctl_usage(ctl, "one of --sum, --latest and --energy");
	if (w->energy && w->series)
		return ctl_usage(ctl, "--energy takes a meter, '%s' is one word too many", w->series);
	if (w->sum && !w->series)
		return ctl_usage(ctl, "--sum of which series? A pattern such as 'pdu-*/power'");
	if (!readings_open(w, &r, &err))
		return ctl_fail(ctl, &err);
	struct output o = { .ctl = ctl, .r = &r, .file = readings_spool(&err) };
	bool good = o.file != NULL;
	reader_progress(r.reader, readings_walk_progress, ctl);
	if (good && ctl->json)
		fputs("[\n", o.file);
	good = good && answer(&o, w, &err);
	if (good && ctl->json)
		fputs("]\n", o.file);
	good = readings_deliver(o.file, good, &err);
	if (good && !ctl->json && o.n == 0)
		fprintf(stderr, "%s\n", ctl->lang == LANG_ZH ? "该时段没有读数" : "no readings in this time");
	buf_done(&o.line);
	readings_close(&r);
	return good ? 0 : ctl_fail(ctl, &err);
}
