#include "agent/history_page.h"
#include "agent/series_page.h"
#include "publish/publish.h"
#include "store/store.h"

#include <stdio.h>

enum { DAY_MS = 86400000, ROWS = 500, ROWS_MAX = 20000 };

struct rows { struct buf *out; bool any; const char *unit; };

static bool put_row(void *ctx, const struct step *s)
{
	struct rows *r = ctx;
	const int64_t values[] = { s->min, s->max, s->mean, s->last };
	enum quantity q = s->series ? (enum quantity)s->series->quantity : Q_NONE;
	if (s->series)
		r->unit = quantities[q].unit;
	buf_printf(r->out, "%s[%lld,%lld,%lld", r->any ? "," : "", (long long)s->from.ms, (long long)s->n, (long long)s->not_good);
	for (size_t i = 0; i < countof(values); i++) {
		buf_str(r->out, ",");
		if (s->n && s->series)
			quantity_text(q, values[i], s->series->count, r->out);
		else
			buf_str(r->out, "null");
	}
	buf_str(r->out, s->rolled ? ",true]" : ",false]");
	r->any = true;
	return true;
}

static bool time_of(const char *query, const char *key, struct wall fallback, struct wall *out, struct err *err)
{
	char text[64];
	*out = fallback;
	return !query_value(query, key, text, sizeof text) || wall_parse(text, out, err) || err_wrap(err, "%s", key);
}

static bool step_of(const char *query, int64_t span_ms, int64_t *out, struct err *err)
{
	char text[32];
	*out = span_ms / ROWS < 1000 ? 1000 : span_ms / ROWS / 1000 * 1000;
	if (query_value(query, "step", text, sizeof text)) {
		if (!duration_ms_parse(text, out) || *out <= 0)
			return err_set(err, ERR_USAGE, "step '%s' is not a duration; write 5s, 15m, 1h or 1d", text);
	}
	return span_ms / *out <= ROWS_MAX || err_set(err, ERR_USAGE, "more than %d rows; take a longer step", ROWS_MAX);
}

bool page_span(const struct history_page *page, const char *query, struct page_span *out, struct err *err)
{
	struct wall now = page->wall(page->ctx);
	if (!time_of(query, "to", now, &out->to, err) || !time_of(query, "from", (struct wall){ out->to.ms - DAY_MS }, &out->from, err))
		return false;
	if (out->from.ms >= out->to.ms)
		return err_set(err, ERR_USAGE, "from must lie before to");
	return step_of(query, out->to.ms - out->from.ms, &out->step_ms, err);
}

bool history_answer(void *ctx, const char *query, struct buf *out, struct err *err)
{
	const struct history_page *page = ctx;
	char series[200];
	struct page_span span;
	struct rows rows = { .out = out };
	if (!query_value(query, "series", series, sizeof series))
		return err_set(err, ERR_USAGE, "series is missing; write ?series=DEVICE/POINT");
	if (!page_span(page, query, &span, err))
		return false;
	struct reader *reader = reader_open(page->state_dir, err);
	if (!reader)
		return false;
	buf_str(out, "{\"series\":");
	buf_json(out, series);
	buf_printf(out, ",\"from\":%lld,\"to\":%lld,\"step_ms\":%lld,\"rows\":[", (long long)span.from.ms, (long long)span.to.ms, (long long)span.step_ms);
	bool good = reader_steps(reader, series, span.from, span.to, span.step_ms, put_row, &rows, err);
	reader_close(reader);
	buf_str(out, "],\"unit\":");
	rows.unit ? buf_json(out, rows.unit) : buf_str(out, "null");
	buf_str(out, "}");
	return good && (!out->failed || err_memory(err));
}
