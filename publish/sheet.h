/* publish/sheet.h - drawing a certificate on A4; private to publish/sheet*.c.
 *
 * The certificate's JSON is the truth, this is its picture: nothing is calculated here but places on paper, and every figure is
 * a text of the JSON or an exact integer of it printed with its unit.  Each line says its thing twice, in Chinese and in
 * English; the language asked for stands first.  Units: PostScript points, origin at the top left. */
#ifndef PUBLISH_SHEET_H
#define PUBLISH_SHEET_H

#include "core/buf.h"
#include "core/err.h"
#include <cairo.h>
#include <jansson.h>
#include <pango/pangocairo.h>

enum { PAGE_W = 595, PAGE_H = 842, MARGIN = 42, TEXT_W = PAGE_W - 2 * MARGIN, BOTTOM = PAGE_H - 54 };

enum ink { INK_TEXT, INK_SOFT, INK_TITLE, INK_LINE, INK_BAND, INK_FILL, INK_GOOD, INK_BAD, INK_WARN, INK_WHITE, INK_MARK, INK_N };
enum align { ALIGN_LEFT, ALIGN_CENTER, ALIGN_RIGHT };

struct sheet {
	cairo_t *cr;
	PangoLayout *layout;
	const json_t *cert;
	const char *number;
	char hash[65];                  /* SHA-256 of the signed file */
	char keys[200];                 /* kids of its signatures */
	struct said *said;              /* for the program's own English sentences on a Chinese sheet; NULL on an English one */
	bool zh_first, simulated, interim, tight;       /* tight: the front page says its reasons in one language, to stay one page */
	double y;
	int page, pages;                /* pages 0: a dry run that counts them */
};

/* Both languages of a label; a value is given once and stands for both. */
struct pair { const char *zh, *en; };

/* ---- the certificate's JSON ---- */
const json_t *at(const json_t *value, const char *path);        /* "results.pue.text"; NULL when absent or null */
const char *text_at(const json_t *value, const char *path);     /* "" when it is no text */
int64_t int_at(const json_t *value, const char *path);          /* 0 when absent */
struct pair pair_at(const json_t *value, const char *path);     /* {zh, en} */
/* 28310000000000 mWh -> "28,310,000.0 kW·h"; exact to the digit shown. */
void energy_text(int64_t mwh, struct buf *out);
void ppm_text(int64_t ppm, struct buf *out);                    /* 999800 -> "99.98 %" */
void yuan_text(int64_t fen, struct buf *out);
void percent_text(int64_t num, int64_t den, struct buf *out);   /* 760 of 1000 -> "76.00 %", half to even */
/* A word of the JSON (role, point, method, attestation) in both languages; one that is not known stands for itself. */
struct pair word_of(const char *id);
/* A sentence of the program (an event's or balance's reason) in the sheet's first language. */
void sentence_text(const struct sheet *s, const char *english, struct buf *out);
/* [num, den] of a share, without the common scale of racks that count in part: 768000000/1024000000 is 768/1024. */
struct fraction { int64_t num, den; };
struct fraction fraction_of(const json_t *pair);
const char *or_dash(const char *text);
/* "2025-12-31T16:00:00Z" -> "2026-01-01 00:00:00 +08:00", by the time-zone table of the certificate; "" for "". */
void local_text(const struct sheet *s, const char *utc, struct buf *out);
/* "definition=c2 network=in" in the pack's own words; a word it does not explain stays as it is. */
void choice_words(const struct sheet *s, const char *choices, struct buf *out);
const json_t *by_id(const json_t *list, const char *key, const char *id, size_t len);

/* ---- sheet_draw.c ---- */
void ink(struct sheet *s, enum ink ink);
/* Draws text wrapped into a box; the height it took.  draw false: measures only. */
struct box { double x, y, w, size; enum ink ink; enum align align; };
double put(struct sheet *s, struct box box, const char *text, bool draw);
/* First language in the box's ink, the second soft and smaller, behind it or (stacked) on a line of its own. */
double put_pair(struct sheet *s, struct box box, struct pair pair, bool stacked, bool draw);
void line(struct sheet *s, double x0, double y0, double x1, double y1, double width, enum ink colour);
void fill(struct sheet *s, double x, double y, double w, double h, enum ink colour, double alpha);
void disc(struct sheet *s, double x, double y, double radius, enum ink colour);
void frame(struct sheet *s, double x, double y, double w, double h, double width, enum ink colour);
const char *first_of(const struct sheet *s, struct pair p);
const char *second_of(const struct sheet *s, struct pair p);

void page_begin(struct sheet *s);
void page_end(struct sheet *s);
void page_need(struct sheet *s, double height);         /* a new page when less is left */
void heading(struct sheet *s, struct pair title);

/* A table: the header again on every page it goes over; a row is never torn. */
struct column { double w; enum align align; struct pair head; };
struct cell { const char *first, *second; enum ink ink; };      /* second: soft, on its own line; NULL: none */
struct table { const struct column *columns; size_t n; double size; };
void table_head(struct sheet *s, const struct table *t);
void table_row(struct sheet *s, const struct table *t, const struct cell *cells);

/* ---- sheet_figures.c: each at (x, y) in a box of w x h ---- */
void draw_qr(struct sheet *s, double x, double y, double side, const char *text);
void draw_months(struct sheet *s, double x, double y, double w, double h);
void draw_flows(struct sheet *s, double x, double y, double w, double h);

/* ---- the pages ---- */
void sheet_front(struct sheet *s);      /* sheet_front.c: one page */
void sheet_energy(struct sheet *s);     /* sheet_energy.c: months, flows, classes; these go on where the last ended */
void sheet_retrofit(struct sheet *s);   /* sheet_retrofit.c: before and after, when there is a baseline */
void sheet_meters(struct sheet *s);     /* sheet_meters.c: the schedule */
void sheet_readings(struct sheet *s);   /* sheet_readings.c: each criterion under each reading, compute share by definition */
void sheet_method(struct sheet *s);     /* sheet_method.c: findings, events, method, declarations, verification */

#endif
