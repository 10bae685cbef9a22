#include "agent/readings.h"
#include "agent/series_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool parse_time(const char *text, int64_t open, struct wall *out, struct err *err)
{
	struct date d;
	out->ms = open;
	if (!text || wall_parse(text, out, err))
		return true;
	if (!date_parse(text, &d, NULL))
		return false;
	out->ms = date_days(d) * 86400000;
	return true;
}

#define ROW(kind, name, value, field, ...) { name, CTL_##kind, offsetof(struct readings_words, field), value, __VA_ARGS__ }
const struct ctl_option readings_rows[] = {
	ROW(WHEN, "--from", "TIME", from_text, { "起(含);2026-01-31 为 UTC 零时", "from then on; 2026-01-31 is midnight UTC" }),
	ROW(WHEN, "--to", "TIME", to_text, { "止(不含)", "before then" }),
	ROW(DURATION, "--step", "15m", step_ms, { "按步长", "in steps of this length" }),
	ROW(FILE, "--state", "DIR", state, { "存储目录", "the store" }, "/var/lib/pued"),
	{ NULL },
};

int readings_times(struct ctl *ctl, struct readings_words *w)
{
	struct err err = { 0 };
	if (!parse_time(w->from_text, INT64_MIN, &w->from, &err) || !parse_time(w->to_text, INT64_MAX, &w->to, &err))
		return ctl_usage(ctl, "%s", err.text);
	if (w->from.ms >= w->to.ms)
		return ctl_usage(ctl, SAY(ctl, "所问时段的结束早于开始: --from %s --to %s", "the time asked for ends before it begins: --from %s --to %s"), w->from_text ? w->from_text : "",
				 w->to_text ? w->to_text : "");
	return 0;
}

static bool keep(void *ctx, uint32_t number, const struct series *s)
{
	struct readings *r = ctx;
	struct readings_series *more = realloc(r->rows, (r->n + 1) * sizeof *more);
	char *id = strdup(s->id);
	if (more)
		r->rows = more;
	if (!more || !id) {
		free(id);
		return false;
	}
	struct readings_series *row = &more[r->n++];
	*row = (struct readings_series){ .number = number, .id = id, .s = *s, .wanted = query_matches(r->pattern, id) };
	row->s.id = id;
	row->s.label = NULL;
	r->n_wanted += row->wanted;
	return true;
}

bool readings_open(const struct readings_words *w, struct readings *out, struct err *err)
{
	*out = (struct readings){ .reader = reader_open(w->state, err), .pattern = w->series };
	if (!out->reader || !reader_numbered_series(out->reader, keep, out, err)) {
		readings_close(out);
		return false;
	}
	if (w->series && out->n_wanted == 0) {
		err_set(err, ERR_INPUT, "no series '%s' in %s; puectl history lists them", w->series, w->state);
		readings_close(out);
		return false;
	}
	return true;
}

void readings_close(struct readings *r)
{
	for (size_t i = 0; i < r->n; i++)
		free(r->rows[i].id);
	free(r->rows);
	reader_close(r->reader);
	*r = (struct readings){ 0 };
}

const struct readings_series *readings_find(const struct readings *r, uint32_t number)
{
	size_t lo = 0, hi = r->n;
	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;
		if (r->rows[mid].number < number)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo < r->n && r->rows[lo].number == number ? &r->rows[lo] : NULL;
}

void reading_text(const struct series *s, const struct sample *sample, struct buf *out)
{
	if (sample_has_value(sample))
		quantity_text((enum quantity)s->quantity, sample->value, s->count, out);
}

void csv_field(struct buf *out, const char *text)
{
	bool formula = text[0] && strchr("=+-@\t\r", text[0]);
	if (!formula && !strpbrk(text, ",\"\r\n")) {
		buf_str(out, text);
		return;
	}
	buf_str(out, formula ? "\"'" : "\"");
	for (; *text; text++)
		buf_str(out, *text == '"' ? "\"\"" : (char[]){ *text, 0 });
	buf_str(out, "\"");
}

FILE *readings_spool(struct err *err)
{
	FILE *f = tmpfile();
	if (!f)
		err_set(err, ERR_IO, "no temporary file for the output: %s; set TMPDIR to a disk with room", strerror(errno));
	return f;
}

bool readings_deliver(FILE *spool, bool whole, struct err *err)
{
	char block[65536];
	size_t n;
	bool good = true;
	if (!spool || !whole) {
		if (spool)
			fclose(spool);
		return whole;
	}
	rewind(spool);
	while (good && (n = fread(block, 1, sizeof block, spool)) > 0)
		good = fwrite(block, 1, n, stdout) == n;
	good = good && !ferror(spool) && fflush(stdout) == 0;
	fclose(spool);
	return good || err_set(err, ERR_IO, "output: %s", strerror(errno));
}

void readings_walk_progress(void *ctl, uint64_t done, uint64_t total)
{
	readings_progress(((const struct ctl *)ctl)->verb->name, done, total);
}

void readings_progress(const char *what, uint64_t done, uint64_t total)
{
	enum { WIDTH = 40 };
	if (!isatty(2) || total == 0)
		return;
	int filled = (int)(done * WIDTH / total);
	fprintf(stderr, "\r%s [%.*s%*s] %3d %%%s", what, filled, "########################################", WIDTH - filled, "", (int)(done * 100 / total),
		done == total ? "\n" : "");
}

bool readings_say_dropped(const struct ctl *ctl, const struct readings *r, const struct readings_words *w, struct err *err)
{
	struct wall until;
	char at[WALL_TEXT];
	if (!reader_dropped(r->reader, &until, err))
		return false;
	if (until.ms && w->from.ms < until.ms)
		fprintf(stderr, ctl->lang == LANG_ZH ? "%s 之前的原始读数已按保留期删除; 用 --step 15m 查看其一刻钟汇总\n"
						     : "raw readings before %s were dropped by retention; their quarters of an hour are there: --step 15m\n", wall_text(until, at));
	return true;
}
