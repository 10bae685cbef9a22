#include "agent/series_page.h"
#include "agent/series_query.h"
#include "core/site.h"
#include "publish/publish.h"

#include <stdlib.h>
#include <string.h>

enum { PATTERNS = 1500 };

struct rows { struct buf *out; bool any; const char *unit, *quantity; size_t series; const struct reader *reader; const char *patterns; struct name { char *id; struct series s; } *names; size_t n_names; bool failed; };

static const char *comma(struct rows *r)
{
	const char *text = r->any ? "," : "";
	r->any = true;
	return text;
}

static bool put_sum(void *ctx, const struct step_sum *s)
{
	struct rows *r = ctx;
	enum quantity q = (enum quantity)s->kind->quantity;
	const int64_t values[] = { s->min, s->max, s->mean, s->last };
	r->unit = quantities[q].unit;
	r->quantity = quantities[q].name;
	r->series = s->series;
	buf_printf(r->out, "%s[%lld,%zu,%lld,%lld", comma(r), (long long)s->from.ms, s->with_value, (long long)s->n, (long long)s->not_good);
	for (size_t i = 0; i < countof(values); i++) {
		buf_str(r->out, ",");
		if (s->with_value)
			quantity_text(q, values[i], s->kind->count, r->out);
		else
			buf_str(r->out, "null");
	}
	buf_str(r->out, s->rolled ? ",true]" : ",false]");
	return true;
}

static void put_text(struct buf *out, const char *text)
{
	text ? buf_json(out, text) : buf_str(out, "null");
}

bool sum_answer(void *ctx, const char *query, struct buf *out, struct err *err)
{
	const struct history_page *page = ctx;
	char patterns[PATTERNS];
	struct page_span span;
	struct rows rows = { .out = out };
	if (!query_value(query, "series", patterns, sizeof patterns))
		return err_set(err, ERR_USAGE, "series is missing; write ?series=PATTERN, with * and ?, and commas between several");
	if (!page_span(page, query, &span, err))
		return false;
	struct reader *reader = reader_open(page->state_dir, err);
	if (!reader)
		return false;
	buf_printf(out, "{\"from\":%lld,\"to\":%lld,\"step_ms\":%lld,\"rows\":[", (long long)span.from.ms, (long long)span.to.ms, (long long)span.step_ms);
	bool good = query_sums(reader, patterns, span.from, span.to, span.step_ms, put_sum, &rows, err);
	reader_close(reader);
	buf_printf(out, "],\"series\":%zu,\"quantity\":", rows.series);
	put_text(out, rows.quantity);
	buf_str(out, ",\"unit\":");
	put_text(out, rows.unit);
	buf_str(out, "}");
	return good && (!out->failed || err_memory(err));
}

static bool keep_name(void *ctx, uint32_t number, const struct series *s)
{
	struct rows *r = ctx;
	if (number >= r->n_names) {
		size_t n = number + 256;
		struct name *more = realloc(r->names, n * sizeof *more);
		r->failed = !more;
		if (!more)
			return false;
		memset(more + r->n_names, 0, (n - r->n_names) * sizeof *more);
		r->names = more;
		r->n_names = n;
	}
	if (query_matches(r->patterns, s->id)) {
		r->names[number] = (struct name){ strdup(s->id), *s };
		r->failed = !r->names[number].id;
	}
	return !r->failed;
}

static bool put_latest(void *ctx, const struct sample *s, size_t n, struct stamp now)
{
	struct rows *r = ctx;
	(void)n, (void)now;
	const struct name *name = s->series < r->n_names && r->names[s->series].id ? &r->names[s->series] : NULL;
	if (!name)
		return true;
	buf_printf(r->out, "%s[", comma(r));
	buf_json(r->out, name->id);
	buf_printf(r->out, ",%lld,", (long long)s->at.wall.ms);
	if (sample_has_value(s))
		quantity_text((enum quantity)name->s.quantity, s->value, name->s.count, r->out);
	else
		buf_str(r->out, "null");
	buf_str(r->out, ",");
	put_text(r->out, quantities[name->s.quantity].unit);
	buf_printf(r->out, ",\"%s\",", quality_text((enum quality)s->quality));
	put_text(r->out, s->reason ? reason_text((enum reason)s->reason) : NULL);
	buf_str(r->out, "]");
	return true;
}

bool latest_answer(void *ctx, const char *query, struct buf *out, struct err *err)
{
	const struct history_page *page = ctx;
	char patterns[PATTERNS] = "";
	struct rows rows = { .out = out, .patterns = patterns };
	if (strstr(query, "series=") && !query_value(query, "series", patterns, sizeof patterns))
		return err_set(err, ERR_USAGE, "series: given twice, too long, or not UTF-8");
	struct reader *reader = reader_open(page->state_dir, err);
	if (!reader)
		return false;
	buf_str(out, "{\"rows\":[");
	bool good = reader_numbered_series(reader, keep_name, &rows, err) && (!rows.failed || err_memory(err)) && reader_latest(reader, put_latest, &rows, err);
	reader_close(reader);
	buf_str(out, "]}");
	for (size_t i = 0; i < rows.n_names; i++)
		free(rows.names[i].id);
	free(rows.names);
	return good && (!out->failed || err_memory(err));
}

static bool put_energy(void *ctx, const struct energy_step *s)
{
	struct rows *r = ctx;
	buf_printf(r->out, "%s[%lld,%lld,%lld,%lld,\"%s\"]", comma(r), (long long)s->from.ms, (long long)s->energy_mwh, (long long)s->substituted_mwh, (long long)s->missing_ms, s->classes);
	return true;
}

static bool energy_of(const struct history_page *page, const struct site *site, const char *query, struct buf *out, struct err *err)
{
	char meter[200], step[32];
	struct page_span span;
	struct rows rows = { .out = out };
	if (!query_value(query, "meter", meter, sizeof meter))
		return err_set(err, ERR_USAGE, "meter is missing; write ?meter=ID");
	if (!page_span(page, query, &span, err))
		return false;
	if (!query_value(query, "step", step, sizeof step))
		span.step_ms = site->interval_ms;
	if (!strstr(query, "from="))
		span.from.ms -= span.from.ms % site->interval_ms;
	struct reader *reader = reader_open(page->state_dir, err);
	if (!reader)
		return false;
	buf_str(out, "{\"meter\":");
	buf_json(out, meter);
	buf_printf(out, ",\"from\":%lld,\"to\":%lld,\"step_ms\":%lld,\"unit\":\"mW.h\",\"rows\":[", (long long)span.from.ms, (long long)span.to.ms, (long long)span.step_ms);
	bool good = query_energy(reader, site, meter, span.from, span.to, span.step_ms, put_energy, &rows, err);
	reader_close(reader);
	buf_str(out, "]}");
	return good && (!out->failed || err_memory(err));
}

bool energy_answer(void *ctx, const char *query, struct buf *out, struct err *err)
{
	const struct history_page *page = ctx;
	const struct snapshot *s = snapshot_get(page->slot);
	if (!s)
		return err_set(err, ERR_UNAVAILABLE, "nothing has been measured yet; try again in a second");
	bool good = energy_of(page, s->site, query, out, err);
	snapshot_put(s);
	return good;
}
