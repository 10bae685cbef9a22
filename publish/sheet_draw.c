/* Ink, text, tables and pages of a certificate sheet. */
#include "publish/sheet.h"

#include <stdio.h>
#include <string.h>

static const struct { double r, g, b; } inks[INK_N] = {
	[INK_TEXT] = { 0.10, 0.11, 0.13 }, [INK_SOFT] = { 0.38, 0.41, 0.45 }, [INK_TITLE] = { 0.09, 0.22, 0.38 }, [INK_LINE] = { 0.72, 0.75, 0.79 },
	[INK_BAND] = { 0.60, 0.74, 0.88 }, [INK_FILL] = { 0.90, 0.93, 0.96 }, [INK_GOOD] = { 0.05, 0.42, 0.22 }, [INK_BAD] = { 0.72, 0.09, 0.09 },
	[INK_WARN] = { 0.60, 0.36, 0.00 }, [INK_WHITE] = { 1, 1, 1 }, [INK_MARK] = { 0.975, 0.865, 0.865 },
};

void ink(struct sheet *s, enum ink colour)
{
	cairo_set_source_rgb(s->cr, inks[colour].r, inks[colour].g, inks[colour].b);
}

/* ---- text ---- */

static void set_font(struct sheet *s, double size)
{
	PangoFontDescription *font = pango_font_description_from_string("WenQuanYi Micro Hei");
	pango_font_description_set_absolute_size(font, size * PANGO_SCALE);
	pango_layout_set_font_description(s->layout, font);
	pango_font_description_free(font);
}

static double show(struct sheet *s, struct box b, bool draw)
{
	static const PangoAlignment alignments[] = { PANGO_ALIGN_LEFT, PANGO_ALIGN_CENTER, PANGO_ALIGN_RIGHT };
	int width, height;
	pango_layout_set_width(s->layout, (int)(b.w * PANGO_SCALE));
	pango_layout_set_alignment(s->layout, alignments[b.align]);
	pango_layout_get_size(s->layout, &width, &height);
	if (draw) {
		ink(s, b.ink);
		cairo_move_to(s->cr, b.x, b.y);
		pango_cairo_show_layout(s->cr, s->layout);
	}
	return (double)height / PANGO_SCALE;
}

double put(struct sheet *s, struct box b, const char *text, bool draw)
{
	if (!text || !*text)
		return 0;
	set_font(s, b.size);
	pango_layout_set_attributes(s->layout, NULL);
	pango_layout_set_text(s->layout, text, -1);
	return show(s, b, draw);
}

const char *first_of(const struct sheet *s, struct pair p)
{
	return s->zh_first ? p.zh : p.en;
}

const char *second_of(const struct sheet *s, struct pair p)
{
	return s->zh_first ? p.en : p.zh;
}

static void soften(PangoAttrList *list, PangoAttribute *a, size_t from)
{
	a->start_index = (guint)from;
	pango_attr_list_insert(list, a);
}

double put_pair(struct sheet *s, struct box b, struct pair p, bool stacked, bool draw)
{
	const char *first = first_of(s, p) ?: "", *second = second_of(s, p) ?: "";
	if (!*second || !strcmp(first, second))
		return put(s, b, first, draw);
	CLEANUP(buf_done) struct buf text = { 0 };
	buf_printf(&text, "%s%s", first, stacked ? "\n" : "  ");
	size_t from = text.len;
	buf_str(&text, second);
	if (text.failed)
		return 0;
	PangoAttrList *list = pango_attr_list_new();
	soften(list, pango_attr_scale_new(0.84), from);
	if (b.ink != INK_WHITE)
		soften(list, pango_attr_foreground_new((guint16)(inks[INK_SOFT].r * 65535), (guint16)(inks[INK_SOFT].g * 65535),
						       (guint16)(inks[INK_SOFT].b * 65535)), from);
	set_font(s, b.size);
	pango_layout_set_text(s->layout, text.data, (int)text.len);
	pango_layout_set_attributes(s->layout, list);
	pango_attr_list_unref(list);
	return show(s, b, draw);
}

/* ---- shapes ---- */

void line(struct sheet *s, double x0, double y0, double x1, double y1, double width, enum ink colour)
{
	ink(s, colour);
	cairo_set_line_width(s->cr, width);
	cairo_move_to(s->cr, x0, y0);
	cairo_line_to(s->cr, x1, y1);
	cairo_stroke(s->cr);
}

void disc(struct sheet *s, double x, double y, double radius, enum ink colour)
{
	ink(s, colour);
	cairo_new_path(s->cr);          /* text leaves a point behind, and an arc would begin with a line from it */
	cairo_arc(s->cr, x, y, radius, 0, 6.283185307);
	cairo_fill(s->cr);
}

void fill(struct sheet *s, double x, double y, double w, double h, enum ink colour, double alpha)
{
	cairo_set_source_rgba(s->cr, inks[colour].r, inks[colour].g, inks[colour].b, alpha);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_fill(s->cr);
}

void frame(struct sheet *s, double x, double y, double w, double h, double width, enum ink colour)
{
	ink(s, colour);
	cairo_set_line_width(s->cr, width);
	cairo_rectangle(s->cr, x, y, w, h);
	cairo_stroke(s->cr);
}

/* ---- pages ---- */

/* One word across the page, as large as it fits. */
static void watermark(struct sheet *s, const char *text, double size, double cy)
{
	int width, height;
	set_font(s, size);
	pango_layout_set_attributes(s->layout, NULL);
	pango_layout_set_width(s->layout, -1);
	pango_layout_set_alignment(s->layout, PANGO_ALIGN_LEFT);
	pango_layout_set_text(s->layout, text, -1);
	pango_layout_get_size(s->layout, &width, &height);
	cairo_save(s->cr);
	cairo_translate(s->cr, PAGE_W / 2.0, cy);
	cairo_rotate(s->cr, -0.70);
	cairo_move_to(s->cr, -(double)width / PANGO_SCALE / 2, -(double)height / PANGO_SCALE / 2);
	ink(s, INK_MARK);
	pango_cairo_show_layout(s->cr, s->layout);
	cairo_restore(s->cr);
}

static double banner(struct sheet *s, double y, enum ink colour, struct pair words)
{
	fill(s, 0, y, PAGE_W, 17, colour, 1);
	put_pair(s, (struct box){ MARGIN, y + 2, TEXT_W, 10, INK_WHITE, ALIGN_CENTER }, words, false, true);
	return y + 17;
}

void page_begin(struct sheet *s)
{
	double y = 0;
	s->page++;
	if (s->simulated) {
		watermark(s, s->zh_first ? "模拟数据" : "SIMULATED", s->zh_first ? 150 : 118, 300);
		watermark(s, s->zh_first ? "SIMULATED" : "模拟数据", s->zh_first ? 92 : 110, 560);
		y = banner(s, y, INK_BAD, (struct pair){ "模拟数据,不得用于任何申报", "SIMULATED DATA, not for any application" });
	}
	if (s->interim) {
		watermark(s, s->zh_first ? "中期 INTERIM" : "INTERIM 中期", s->simulated ? 46 : 84, s->simulated ? 706 : 420);
		y = banner(s, y, INK_WARN, (struct pair){ "中期证书:期间不是连续十二个月", "INTERIM: the period is not twelve continuous months" });
	}
	s->y = y + 26;
}

static void footer(struct sheet *s)
{
	double y = PAGE_H - 42;
	char text[320];
	line(s, MARGIN, y, PAGE_W - MARGIN, y, 0.5, INK_LINE);
	snprintf(text, sizeof text, "%s %s    SHA-256 %.16s…    %s %s", s->zh_first ? "编号" : "No.", s->number, s->hash, s->zh_first ? "签名密钥" : "key",
		 s->keys);
	put(s, (struct box){ MARGIN, y + 4, TEXT_W - 60, 7, INK_SOFT, ALIGN_LEFT }, text, true);
	snprintf(text, sizeof text, "%d / %d", s->page, s->pages);
	put(s, (struct box){ PAGE_W - MARGIN - 60, y + 4, 60, 7, INK_SOFT, ALIGN_RIGHT }, text, true);
}

void page_end(struct sheet *s)
{
	footer(s);
	cairo_show_page(s->cr);
}

void page_need(struct sheet *s, double height)
{
	if (s->y + height <= BOTTOM)
		return;
	page_end(s);
	page_begin(s);
}

void heading(struct sheet *s, struct pair title)
{
	page_need(s, 96);
	s->y += 8;
	fill(s, MARGIN, s->y + 2, 3, 13, INK_TITLE, 1);
	s->y += put_pair(s, (struct box){ MARGIN + 9, s->y, TEXT_W - 9, 12, INK_TITLE, ALIGN_LEFT }, title, false, true) + 5;
}

/* ---- tables ---- */

enum { PAD = 3 };

static double head_height(struct sheet *s, const struct table *t, bool draw)
{
	double x = MARGIN, height = 0;
	for (size_t i = 0; i < t->n; x += t->columns[i].w, i++) {
		double h = put_pair(s, (struct box){ x + PAD, s->y + PAD, t->columns[i].w - 2 * PAD, t->size, INK_TITLE, t->columns[i].align }, t->columns[i].head,
				    true, draw);
		height = h > height ? h : height;
	}
	return height + 2 * PAD;
}

void table_head(struct sheet *s, const struct table *t)
{
	double height = head_height(s, t, false);
	page_need(s, height + 30);
	fill(s, MARGIN, s->y, TEXT_W, height, INK_FILL, 0.75);
	head_height(s, t, true);
	line(s, MARGIN, s->y + height, PAGE_W - MARGIN, s->y + height, 0.8, INK_TITLE);
	s->y += height;
}

static double row_height(struct sheet *s, const struct table *t, const struct cell *cells, bool draw)
{
	double x = MARGIN, height = 0;
	for (size_t i = 0; i < t->n; x += t->columns[i].w, i++) {
		struct box b = { x + PAD, s->y + PAD, t->columns[i].w - 2 * PAD, t->size, cells[i].ink, t->columns[i].align };
		double h = put(s, b, cells[i].first, draw);
		b.y += h;
		b.size *= 0.84;
		b.ink = INK_SOFT;
		h += put(s, b, cells[i].second, draw);
		height = h > height ? h : height;
	}
	return height + 2 * PAD;
}

void table_row(struct sheet *s, const struct table *t, const struct cell *cells)
{
	double height = row_height(s, t, cells, false);
	if (s->y + height > BOTTOM) {
		page_end(s);
		page_begin(s);
		table_head(s, t);
	}
	row_height(s, t, cells, true);
	s->y += height;
	line(s, MARGIN, s->y, PAGE_W - MARGIN, s->y, 0.4, INK_LINE);
}
