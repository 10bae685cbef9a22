/* The pictures of a certificate sheet.  Doubles here are places on paper; every printed figure is the JSON's own text. */
#include "publish/sheet.h"

#include <math.h>
#include <qrencode.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void draw_qr(struct sheet *s, double x, double y, double side, const char *text)
{
	QRcode *code = QRcode_encodeString8bit(text, 0, QR_ECLEVEL_M);
	if (!code)
		return;         /* too long for a code: the text itself stands on the last page */
	enum { QUIET = 3 };
	double module = side / (code->width + 2 * QUIET);
	fill(s, x, y, side, side, INK_WHITE, 1);
	cairo_set_source_rgb(s->cr, 0, 0, 0);
	for (int row = 0; row < code->width; row++)
		for (int col = 0; col < code->width; col++)
			if (code->data[row * code->width + col] & 1)
				cairo_rectangle(s->cr, x + (col + QUIET) * module, y + (row + QUIET) * module, module, module);
	cairo_fill(s->cr);
	QRcode_free(code);
}

/* ---- monthly PUE ---- */

struct month { const json_t *json; double value, u; bool known; };
struct plot { double x, y, w, h, lo, hi, limit; struct month months[36]; size_t n; };

static void read_months(struct plot *p, const json_t *months, double limit)
{
	size_t i;
	json_t *m;
	*p = (struct plot){ .lo = limit > 0 ? limit : 9, .hi = limit > 0 ? limit : 0, .limit = limit };
	json_array_foreach(months, i, m) {
		if (p->n == 36)
			break;
		struct month *k = &p->months[p->n++];
		int64_t total = int_at(m, "total_mwh"), it = int_at(m, "it_mwh"), u = int_at(m, "u_ppm_rho1");
		k->json = m;
		k->known = *text_at(m, "value") && it > 0;
		k->value = k->known ? (double)total / (double)it : 0;
		k->u = k->known && u > 0 ? (double)u / 1e6 : 0;
		if (k->known && k->value - k->u < p->lo)
			p->lo = k->value - k->u;
		if (k->known && k->value + k->u > p->hi)
			p->hi = k->value + k->u;
	}
	if (p->lo > p->hi)
		p->lo = 1, p->hi = 2;
	double room = fmax((p->hi - p->lo) * 0.15, 0.01);
	p->lo = floor((p->lo - room) * 50) / 50;
	p->hi = ceil((p->hi + room) * 50) / 50;
}

static double px(const struct plot *p, double i)
{
	return p->x + p->w * (i + 0.5) / (double)p->n;
}

static double py(const struct plot *p, double value)
{
	return p->y + p->h * (p->hi - value) / (p->hi - p->lo);
}

static void draw_scale(struct sheet *s, const struct plot *p)
{
	static const double steps[] = { 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50 };
	enum { LINES_MAX = 12 };
	size_t k = 0;
	char text[24];
	while (k + 1 < countof(steps) && (p->hi - p->lo) / steps[k] > LINES_MAX)
		k++;
	double step = (p->hi - p->lo) / steps[k] > LINES_MAX ? (p->hi - p->lo) / LINES_MAX : steps[k];
	for (int i = (int)ceil(p->lo / step - 1e-6); i * step <= p->hi + 1e-6; i++) {
		line(s, p->x, py(p, i * step), p->x + p->w, py(p, i * step), 0.3, INK_LINE);
		snprintf(text, sizeof text, "%.2f", i * step);
		put(s, (struct box){ p->x - 34, py(p, i * step) - 5, 30, 7.5, INK_SOFT, ALIGN_RIGHT }, text, true);
	}
	for (size_t i = 0; i < p->n; i++)
		put(s, (struct box){ px(p, (double)i) - 24, p->y + p->h + 3, 48, 7, INK_SOFT, ALIGN_CENTER }, text_at(p->months[i].json, "month"), true);
}

/* Value and uncertainty of each run of neighbouring known months; a month without a value is a hole, never bridged. */
static void draw_run(struct sheet *s, const struct plot *p, size_t from, size_t to)
{
	const struct month *m = p->months;
	cairo_set_source_rgba(s->cr, 0.60, 0.74, 0.88, 0.75);
	cairo_move_to(s->cr, px(p, (double)from) - 5, py(p, m[from].value + m[from].u));
	for (size_t i = from; i <= to; i++)
		cairo_line_to(s->cr, px(p, (double)i), py(p, m[i].value + m[i].u));
	cairo_line_to(s->cr, px(p, (double)to) + 5, py(p, m[to].value + m[to].u));
	cairo_line_to(s->cr, px(p, (double)to) + 5, py(p, m[to].value - m[to].u));
	for (size_t i = to + 1; i-- > from;)
		cairo_line_to(s->cr, px(p, (double)i), py(p, m[i].value - m[i].u));
	cairo_line_to(s->cr, px(p, (double)from) - 5, py(p, m[from].value - m[from].u));
	cairo_close_path(s->cr);
	cairo_fill(s->cr);
	for (size_t i = from; i < to; i++)
		line(s, px(p, (double)i), py(p, m[i].value), px(p, (double)i + 1), py(p, m[i + 1].value), 1.2, INK_TITLE);
}

static void draw_values(struct sheet *s, const struct plot *p)
{
	for (size_t i = 0; i < p->n; i++) {
		const struct month *m = &p->months[i];
		if (!m->known) {
			put(s, (struct box){ px(p, (double)i) - 24, p->y + p->h - 14, 48, 8, INK_BAD, ALIGN_CENTER }, "—", true);
			continue;
		}
		disc(s, px(p, (double)i), py(p, m->value), 2, INK_TITLE);
		double y = py(p, m->value + m->u) - 11;
		if (p->limit > 0 && fabs(y + 5 - py(p, p->limit)) < 7)
			y = py(p, m->value - m->u) + 2;         /* the line of the limit would run through it */
		put(s, (struct box){ px(p, (double)i) - 22, y, 44, 7, INK_TITLE, ALIGN_CENTER }, text_at(m->json, "value"), true);
	}
}

static void draw_limit(struct sheet *s, const struct plot *p)
{
	const double dashes[] = { 5, 3 };
	char text[80];
	if (p->limit <= 0)
		return;
	cairo_set_dash(s->cr, dashes, 2, 0);
	line(s, p->x, py(p, p->limit), p->x + p->w, py(p, p->limit), 1, INK_BAD);
	cairo_set_dash(s->cr, NULL, 0, 0);
	snprintf(text, sizeof text, "%s %s", s->zh_first ? "限值 limit" : "limit 限值", text_at(s->cert, "results.pue.limit"));
	put(s, (struct box){ p->x + p->w - 90, py(p, p->limit) - 11, 88, 7.5, INK_BAD, ALIGN_RIGHT }, text, true);
}

void draw_months(struct sheet *s, double x, double y, double w, double h)
{
	struct plot p;
	read_months(&p, at(s->cert, "results.months"), strtod(text_at(s->cert, "results.pue.limit"), NULL));
	p.x = x + 36;
	p.y = y;
	p.w = w - 36;
	p.h = h - 16;
	if (!p.n)
		return;
	draw_scale(s, &p);
	for (size_t i = 0, k; i < p.n; i = k) {
		for (k = i; k < p.n && p.months[k].known;)
			k++;
		if (k > i)
			draw_run(s, &p, i, k - 1);
		else
			k++;
	}
	draw_limit(s, &p);
	draw_values(s, &p);
	frame(s, p.x, p.y, p.w, p.h, 0.6, INK_LINE);
}

/* ---- energy flows ---- */

static const struct { const char *id; struct pair name; double r, g, b; } domains[] = {
	{ "it", { "信息技术设备", "IT equipment" }, 0.16, 0.40, 0.64 }, { "cooling", { "制冷", "cooling" }, 0.25, 0.62, 0.68 },
	{ "lighting", { "照明", "lighting" }, 0.85, 0.68, 0.24 }, { "ups_losses", { "不间断电源损耗", "UPS losses" }, 0.66, 0.42, 0.55 },
	{ "other", { "其他", "other" }, 0.55, 0.57, 0.60 }, { "losses_and_other", { "损耗及其他", "losses and other" }, 0.55, 0.57, 0.60 },
	{ "non_it", { "不间断电源供电的非IT负荷", "UPS-fed non-IT load" }, 0.72, 0.50, 0.38 },
	{ "supply", { "市电", "utility supply" }, 0.30, 0.33, 0.38 }, { "pv", { "光伏", "photovoltaic" }, 0.30, 0.33, 0.38 },
	{ "generator", { "发电机", "generator" }, 0.30, 0.33, 0.38 }, { "fuel", { "燃料", "fuel" }, 0.30, 0.33, 0.38 },
	{ "heat", { "外购冷热", "heat and cold bought" }, 0.30, 0.33, 0.38 },
};

static size_t domain_of(const char *id)
{
	for (size_t i = 0; i < countof(domains); i++)
		if (!strcmp(domains[i].id, id))
			return i;
	return 4;               /* other */
}

static void ribbon(struct sheet *s, double x0, double y0, double x1, double y1, double h, const size_t colour)
{
	double mid = (x0 + x1) / 2;
	cairo_set_source_rgba(s->cr, domains[colour].r, domains[colour].g, domains[colour].b, 0.45);
	cairo_move_to(s->cr, x0, y0);
	cairo_curve_to(s->cr, mid, y0, mid, y1, x1, y1);
	cairo_line_to(s->cr, x1, y1 + h);
	cairo_curve_to(s->cr, mid, y1 + h, mid, y0 + h, x0, y0 + h);
	cairo_close_path(s->cr);
	cairo_fill(s->cr);
	cairo_set_source_rgb(s->cr, domains[colour].r, domains[colour].g, domains[colour].b);
	cairo_rectangle(s->cr, x1, y1, 7, h);
	cairo_fill(s->cr);
}

static void flow_label(struct sheet *s, double x, double y, double w, enum align align, size_t domain, const char *id, int64_t mwh)
{
	CLEANUP(buf_done) struct buf energy = { 0 };
	struct pair name = strcmp(domains[domain].id, id) ? (struct pair){ id, id } : domains[domain].name;
	energy_text(mwh, &energy);
	double h = put_pair(s, (struct box){ x, y, w, 8.5, INK_TEXT, align }, name, false, true);
	put(s, (struct box){ x, y + h, w, 8.5, INK_TITLE, align }, energy.data, true);
}

static double sum_of(const json_t *rows)
{
	double sum = 0;
	size_t i;
	json_t *row;
	json_array_foreach(rows, i, row)
		sum += fmax((double)int_at(row, "mwh"), 0);
	return sum;
}

void draw_flows(struct sheet *s, double x, double y, double w, double h)
{
	const json_t *sources = at(s->cert, "results.carriers"), *uses = at(s->cert, "results.flows");
	double in = sum_of(sources), out = sum_of(uses), left = x + 132, right = x + w - 170;
	size_t i, n = json_array_size(uses);
	json_t *row;
	if (in <= 0 || out <= 0)
		return;
	enum { GAP = 23 };
	double scale = (h - (double)(n - 1) * GAP) / fmax(in, out), from = y + (h - out * scale) / 2, to = y, source = y + (h - in * scale) / 2;
	json_array_foreach(uses, i, row) {
		double height = fmax((double)int_at(row, "mwh"), 0) * scale;
		size_t domain = domain_of(text_at(row, "domain"));
		ribbon(s, left + 9, from, right, to, height, domain);
		flow_label(s, right + 13, fmax(to, to + height / 2 - 12), 158, ALIGN_LEFT, domain, text_at(row, "domain"), int_at(row, "mwh"));
		from += height;
		to += height + GAP;
	}
	json_array_foreach(sources, i, row) {
		double height = fmax((double)int_at(row, "mwh"), 0) * scale;
		size_t domain = domain_of(text_at(row, "role"));
		cairo_set_source_rgb(s->cr, domains[domain].r, domains[domain].g, domains[domain].b);
		cairo_rectangle(s->cr, left, source, 9, height);
		cairo_fill(s->cr);
		flow_label(s, x, source + height / 2 - 12, 126, ALIGN_RIGHT, domain, text_at(row, "role"), int_at(row, "mwh"));
		source += height;
	}
}
