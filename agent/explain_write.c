/* The three writers of agent/explain: text, JSON, HTML. */
#include "agent/explain.h"
#include "publish/said.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS_MAX = 32 };
struct writer {
	struct buf *out;
	enum lang lang;
	struct said *said;              /* NULL: as it is */
	bool brief;                     /* only the tables people want at a glance */
	bool skip, single, first_table, first_row;
	const struct column *columns;
	size_t n;
	struct buf cells;               /* text: every cell with its NUL, until the table is whole */
};

static const char *word(const struct writer *w, struct bilingual t) { return w->lang == LANG_ZH ? t.zh : t.en; }

static void decimal(int64_t v, int64_t unit, int places, struct buf *out)
{
	uint64_t u = v < 0 ? -(uint64_t)v : (uint64_t)v;
	buf_printf(out, "%s%llu.%0*llu", v < 0 ? "-" : "", (unsigned long long)(u / (uint64_t)unit), places, (unsigned long long)(u % (uint64_t)unit));
}

static void in_language(const struct writer *w, const struct cell *c, struct buf *out)
{
	CLEANUP(buf_done) struct buf said = { 0 };
	if (w->lang == LANG_ZH && c->kind == CELL_SAID)
		said_zh(w->said, c->text, &said);
	else if (w->lang == LANG_ZH)
		said_word_zh(w->said, c->prefix, c->text, &said);
	else
		buf_str(&said, c->text);
	buf_plain(out, said.data ? said.data : "", said.len);
}

/* As people read it. */
static void cell_text(const struct writer *w, const struct cell *c, struct buf *out)
{
	switch (c->kind) {
	case CELL_SAID:
	case CELL_WORD: in_language(w, c, out); break;
	case CELL_TEXT: buf_plain(out, c->text, strlen(c->text)); break;
	case CELL_INT: buf_printf(out, "%lld", (long long)c->value); break;
	case CELL_MWH: decimal(c->value, 1000000, 6, out); buf_str(out, " kW.h"); break;
	case CELL_ML: decimal(c->value, 1000000, 6, out); buf_str(out, " m3"); break;
	case CELL_MS: decimal(c->value / 36, 100000, 5, out); buf_str(out, " h"); break;
	case CELL_PPM: decimal(c->value, 10000, 4, out); buf_str(out, " %"); break;
	case CELL_BOOL: buf_str(out, w->lang == LANG_ZH ? c->value ? "是" : "否" : c->value ? "yes" : "no"); break;
	case CELL_NONE: buf_str(out, "-"); break;
	}
}

/* ---- text: columns as wide as their widest cell ------------------------------------------------------------------------------------ */

static void text_begin(void *ctx, const char *key, struct bilingual title, const struct column *columns, size_t n, bool single)
{
	struct writer *w = ctx;
	w->columns = columns;
	w->n = n < COLUMNS_MAX ? n : COLUMNS_MAX;
	w->single = single;
	w->skip = w->brief && strcmp(key, "kpi") && strcmp(key, "partials") && strcmp(key, "retrofit");
	buf_reset(&w->cells);
	if (w->skip)
		return;
	buf_printf(w->out, "\n%s\n", word(w, title));
	for (size_t i = 0; i < w->n && !single; i++)
		buf_add(&w->cells, word(w, columns[i].title), strlen(word(w, columns[i].title)) + 1);
}

static void text_row(void *ctx, const struct cell *cells)
{
	struct writer *w = ctx;
	for (size_t i = 0; i < w->n && !w->skip; i++) {
		if (!w->single) {
			cell_text(w, &cells[i], &w->cells);
			buf_add(&w->cells, "", 1);
		} else if (cells[i].kind != CELL_NONE) {
			buf_printf(w->out, "  %s: ", word(w, w->columns[i].title));
			cell_text(w, &cells[i], w->out);
			buf_str(w->out, "\n");
		}
	}
}

/* Columns on a terminal: CJK characters take two (Unicode TR 11, the blocks that appear in our texts and names). */
static int columns_of(const char *s)
{
	int n = 0;
	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		n += (*p & 0xc0) == 0x80 ? 0 : *p >= 0xe3 && *p < 0xf0 ? 2 : 1;
	return n;
}

static void text_end(void *ctx)
{
	struct writer *w = ctx;
	int width[COLUMNS_MAX] = { 0 };
	size_t k = 0;
	if (w->single || w->skip || w->cells.failed)
		return;
	for (const char *p = w->cells.data; p && p < w->cells.data + w->cells.len; p += strlen(p) + 1, k++)
		width[k % w->n] = columns_of(p) > width[k % w->n] ? columns_of(p) : width[k % w->n];
	k = 0;
	for (const char *p = w->cells.data; p && p < w->cells.data + w->cells.len; p += strlen(p) + 1, k++) {
		bool last = (k + 1) % w->n == 0;
		buf_printf(w->out, "%s%s%*s%s", "  ", p, last ? 0 : width[k % w->n] - columns_of(p), "", last ? "\n" : "");
	}
}

void explain_text(const struct explain *x, enum lang lang, bool whole, struct buf *out)
{
	struct writer w = { .out = out, .lang = lang, .brief = !whole, .said = lang == LANG_ZH ? said_new() : NULL };
	struct table_writer t = { text_begin, text_row, text_end, &w };
	if (x->setup->site->simulated)
		buf_str(out, "模拟数据 / SIMULATED\n");
	explain_tables(x, &t);
	buf_done(&w.cells);
	said_free(w.said);
}

void explain_racks_text(const struct explain *x, struct wall at, bool list, enum lang lang, struct buf *out)
{
	struct writer w = { .out = out, .lang = lang, .said = lang == LANG_ZH ? said_new() : NULL };
	struct table_writer t = { text_begin, text_row, text_end, &w };
	if (x->setup->site->simulated)
		buf_str(out, "模拟数据 / SIMULATED\n");
	explain_rack_tables(x, at, list, &t);
	buf_done(&w.cells);
	said_free(w.said);
}

/* ---- JSON: integers as they are ------------------------------------------------------------------------------------------------------ */

static void json_begin(void *ctx, const char *key, struct bilingual title, const struct column *columns, size_t n, bool single)
{
	struct writer *w = ctx;
	(void)title;
	w->columns = columns;
	w->n = n;
	w->single = single;
	buf_printf(w->out, "%s\"%s\":%s", w->first_table ? "" : ",\n", key, single ? "" : "[");
	w->first_table = false;
	w->first_row = true;
}

static void json_cell(const struct cell *c, struct buf *out)
{
	switch (c->kind) {
	case CELL_TEXT:
	case CELL_SAID:
	case CELL_WORD: buf_json(out, c->text); break;
	case CELL_BOOL: buf_str(out, c->value ? "true" : "false"); break;
	case CELL_NONE: buf_str(out, "null"); break;
	default: buf_printf(out, "%lld", (long long)c->value);
	}
}

static void json_row(void *ctx, const struct cell *cells)
{
	struct writer *w = ctx;
	buf_str(w->out, w->first_row ? "{" : ",\n{");
	w->first_row = false;
	for (size_t i = 0; i < w->n; i++) {
		buf_printf(w->out, "%s\"%s\":", i ? "," : "", w->columns[i].key);
		json_cell(&cells[i], w->out);
	}
	buf_str(w->out, "}");
}

static void json_end(void *ctx)
{
	struct writer *w = ctx;
	buf_str(w->out, w->single ? "" : "]");
}

void explain_members(const struct explain *x, struct buf *out)
{
	struct writer w = { .out = out, .first_table = true };
	struct table_writer t = { json_begin, json_row, json_end, &w };
	explain_tables(x, &t);
}

void explain_racks_members(const struct explain *x, struct wall at, bool list, struct buf *out)
{
	struct writer w = { .out = out, .first_table = true };
	struct table_writer t = { json_begin, json_row, json_end, &w };
	explain_rack_tables(x, at, list, &t);
}

/* ---- HTML ------------------------------------------------------------------------------------------------------------------------------ */

static void html_text(struct buf *out, const char *s, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		const char *escaped = s[i] == '<' ? "&lt;" : s[i] == '>' ? "&gt;" : s[i] == '&' ? "&amp;" : s[i] == '"' ? "&quot;" : NULL;
		if (escaped)
			buf_str(out, escaped);
		else
			buf_add(out, &s[i], 1);
	}
}

static void html_cell(const struct writer *w, const struct cell *c)
{
	CLEANUP(buf_done) struct buf plain = { 0 };
	cell_text(w, c, &plain);
	bool number = !w->single && c->kind > CELL_WORD && c->kind != CELL_NONE && c->kind != CELL_BOOL;
	buf_str(w->out, number ? "<td class=\"n\">" : "<td>");
	if (plain.data)
		html_text(w->out, plain.data, plain.len);
	buf_str(w->out, "</td>");
}

static void html_begin(void *ctx, const char *key, struct bilingual title, const struct column *columns, size_t n, bool single)
{
	struct writer *w = ctx;
	w->columns = columns;
	w->n = n;
	w->single = single;
	buf_printf(w->out, "<h2 id=\"%s\">%s</h2>\n<table>\n", key, word(w, title));
	if (single)
		return;
	buf_str(w->out, "<tr>");
	for (size_t i = 0; i < n; i++)
		buf_printf(w->out, "<th>%s</th>", word(w, columns[i].title));
	buf_str(w->out, "</tr>\n");
}

static void html_row(void *ctx, const struct cell *cells)
{
	struct writer *w = ctx;
	if (!w->single)
		buf_str(w->out, "<tr>");
	for (size_t i = 0; i < w->n; i++) {
		if (w->single && cells[i].kind == CELL_NONE)
			continue;
		if (w->single)
			buf_printf(w->out, "<tr><th>%s</th>", word(w, w->columns[i].title));
		html_cell(w, &cells[i]);
		if (w->single)
			buf_str(w->out, "</tr>\n");
	}
	if (!w->single)
		buf_str(w->out, "</tr>\n");
}

static void html_end(void *ctx)
{
	buf_str(((struct writer *)ctx)->out, "</table>\n");
}

void explain_html(const struct explain *x, enum lang lang, struct buf *out)
{
	struct writer w = { .out = out, .lang = lang, .said = lang == LANG_ZH ? said_new() : NULL };
	struct table_writer t = { html_begin, html_row, html_end, &w };
	const struct site *site = x->setup->site;
	const char *name = lang == LANG_ZH ? site->name.zh : site->name.en;
	buf_printf(out, "<!DOCTYPE html>\n<html lang=\"%s\"><head><meta charset=\"utf-8\"><title>%s</title>\n<style>body{font:14px/1.5 sans-serif;margin:2em}"
		   "table{border-collapse:collapse;margin-bottom:1.5em}th,td{border:1px solid #bbb;padding:2px 8px;text-align:left}th{background:#f2f2f2}"
		   "td{white-space:nowrap}td:last-child{white-space:normal}td.n{white-space:nowrap;text-align:right;font-variant-numeric:tabular-nums}.simulated{color:#b00;font-weight:bold}</style></head><body>\n<h1>",
		   lang == LANG_ZH ? "zh" : "en", "PUE");
	html_text(out, name ? name : site->id, strlen(name ? name : site->id));
	buf_str(out, "</h1>\n");
	if (site->simulated)
		buf_str(out, "<p class=\"simulated\">模拟数据 / SIMULATED</p>\n");
	explain_tables(x, &t);
	said_free(w.said);
	buf_str(out, "</body></html>\n");
}
