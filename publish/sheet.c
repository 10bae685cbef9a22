#include "publish/said.h"
#include "publish/sheet.h"

#include "core/merkle.h"
#include "core/sig.h"
#include "core/time.h"
#include "publish/publish.h"
#include "rules/jws.h"

#include <cairo-pdf.h>
#include <stdio.h>
#include <string.h>

/* ---- the certificate's JSON ---- */

const json_t *at(const json_t *value, const char *path)
{
	while (value && *path) {
		size_t len = strcspn(path, ".");
		char key[64];
		if (len >= sizeof key)
			return NULL;
		memcpy(key, path, len);
		key[len] = 0;
		value = json_object_get(value, key);
		path += len + (path[len] == '.');
	}
	return json_is_null(value) ? NULL : value;
}

const char *text_at(const json_t *value, const char *path)
{
	return json_string_value(at(value, path)) ?: "";
}

int64_t int_at(const json_t *value, const char *path)
{
	return json_integer_value(at(value, path));
}

struct pair pair_at(const json_t *value, const char *path)
{
	const json_t *both = at(value, path);
	const char *one = json_string_value(both);
	return one ? (struct pair){ one, one } : (struct pair){ text_at(both, "zh"), text_at(both, "en") };
}

static void grouped(int64_t n, struct buf *out)
{
	char digits[24];
	int len = snprintf(digits, sizeof digits, "%lld", (long long)(n < 0 ? -n : n));
	buf_str(out, n < 0 ? "-" : "");
	for (int i = 0; i < len; i++)
		buf_printf(out, "%s%c", i && (len - i) % 3 == 0 ? "," : "", digits[i]);
}

/* Half to even at the last digit shown (GB/T 8170), once. */
static int64_t rounded(int64_t value, int64_t unit)
{
	int64_t q = value / unit, rest = value % unit, twice = rest * 2;
	if (twice > unit || (twice == unit && q % 2))
		q++;
	if (twice < -unit || (twice == -unit && q % 2))
		q--;
	return q;
}

void energy_text(int64_t mwh, struct buf *out)
{
	int64_t tenths = rounded(mwh, 100000);
	grouped(tenths / 10, out);
	buf_printf(out, ".%lld kW·h", (long long)(tenths < 0 ? -tenths % 10 : tenths % 10));
}

void ppm_text(int64_t ppm, struct buf *out)
{
	/* a share that is not whole never prints as 100 % */
	int64_t shown = ppm < 1000000 && rounded(ppm, 100) == 10000 ? 9999 : rounded(ppm, 100);
	buf_printf(out, "%lld.%02lld %%", (long long)(shown / 100), (long long)(shown % 100));
}

void yuan_text(int64_t fen, struct buf *out)
{
	grouped(fen / 100, out);
	buf_printf(out, ".%02lld", (long long)(fen % 100));
}

void percent_text(int64_t num, int64_t den, struct buf *out)
{
	__int128 scaled = (__int128)num * 10000, q = den > 0 ? scaled / den : 0, rest = den > 0 ? scaled % den : 0;
	if (rest * 2 > den || (rest * 2 == den && q % 2))
		q++;
	buf_printf(out, "%lld.%02lld %%", (long long)(q / 100), (long long)(q % 100));
}

struct fraction fraction_of(const json_t *pair)
{
	struct fraction f = { json_integer_value(json_array_get(pair, 0)), json_integer_value(json_array_get(pair, 1)) };
	if (f.den && f.num % 1000000 == 0 && f.den % 1000000 == 0)
		f = (struct fraction){ f.num / 1000000, f.den / 1000000 };
	return f;
}

/* ---- words ---- */

static const struct { const char *id; struct pair name; } words[] = {
	{ "supply", { "市电进线", "supply" } }, { "pv", { "光伏", "PV" } }, { "generator", { "发电机", "generator" } }, { "fuel", { "燃料", "fuel" } },
	{ "heat", { "外购冷热", "heat" } }, { "export", { "外送", "export" } }, { "other_use", { "其他用户", "other use" } },
	{ "transformer", { "变压器", "transformer" } }, { "ups_input", { "UPS输入", "UPS input" } }, { "distribution", { "配电", "distribution" } },
	{ "it", { "IT", "IT" } }, { "non_it", { "非IT", "non-IT" } }, { "cooling", { "制冷", "cooling" } }, { "lighting", { "照明", "lighting" } },
	{ "other", { "其他", "other" } }, { "bus", { "母线", "bus" } }, { "rack", { "机架", "rack" } }, { "reuse", { "余热利用", "reuse" } },
	{ "water", { "用水", "water" } }, { "renewable", { "可再生", "renewable" } }, { "ups_output", { "UPS输出", "UPS output" } },
	{ "pdu_output", { "PDU输出", "PDU output" } }, { "row_cabinet", { "列头柜", "row cabinet" } }, { "rack_inlet", { "机架进线", "rack inlet" } },
	{ "rack_outlet", { "机架出线", "rack outlet" } }, { "it_input", { "IT设备输入", "IT input" } },
	{ "registers", { "累计寄存器差值", "differences of cumulative registers" } }, { "mains", { "总表法", "mains method" } },
	{ "overhead", { "辅助能耗法", "overhead method" } }, { "12 months, local calendar", { "当地日历连续十二个月", "12 months, local calendar" } },
	{ "retrofit", { "既有数据中心改造", "retrofit of an existing site" } }, { "cloud_center", { "云计算中心", "cloud computing center" } },
	{ "local calendar of the site", { "站点当地日历", "local calendar of the site" } }, { "applied", { "申报日期", "date of application" } },
	{ "retrofit_completed", { "改造完成日期", "retrofit completed" } }, { "approved_rate", { "核定标准", "rate approved" } },
	{ "jurisdiction", { "财政管辖", "jurisdiction" } }, { "share", { "计算功能占比", "compute share" } }, { "racks", { "机架数", "racks" } },
	{ "pue", { "电能利用效率", "PUE" } }, { "period", { "期间", "period" } }, { "operator", { "运营方", "operator" } }, { "applicant", { "申报单位", "applicant" } }, { "tester", { "检测机构", "tester" } },
	{ "authority", { "主管部门", "authority" } }, { "agent", { "监测系统", "monitor" } },
};

struct pair word_of(const char *id)
{
	for (size_t i = 0; i < countof(words); i++)
		if (!strcmp(words[i].id, id))
			return words[i].name;
	return (struct pair){ id, id };
}

void sentence_text(const struct sheet *s, const char *english, struct buf *out)
{
	if (s->said)
		said_zh(s->said, english, out);
	else
		buf_str(out, english);
}

const char *or_dash(const char *text)
{
	return text && *text ? text : "—";
}

void local_text(const struct sheet *s, const char *utc, struct buf *out)
{
	struct wall t, from;
	int64_t offset_s = 0;
	char text[WALL_TEXT];
	size_t i;
	json_t *shift;
	if (!wall_parse(utc, &t, NULL)) {
		buf_str(out, utc);
		return;
	}
	/* the first row also holds for all earlier time */
	json_array_foreach(at(s->cert, "facts.zone.shifts"), i, shift)
		if (wall_parse(json_string_value(json_array_get(shift, 0)) ?: "", &from, NULL) && (!i || from.ms <= t.ms))
			offset_s = json_integer_value(json_array_get(shift, 1));
	if (offset_s < -86400 || offset_s > 86400)
		offset_s = 0;
	t.ms += offset_s * 1000;
	wall_text(t, text);
	int64_t minutes = (offset_s < 0 ? -offset_s : offset_s) / 60;
	buf_printf(out, "%.10s %.8s %c%02lld:%02lld", text, text + 11, offset_s < 0 ? '-' : '+', (long long)(minutes / 60), (long long)(minutes % 60));
}

/* ---- what is signed ---- */

static void kid_of(const json_t *signature, struct sheet *s)
{
	const char *text = text_at(signature, "protected");
	CLEANUP(buf_done) struct buf bytes = { 0 };
	if (!base64url_decode(text, strlen(text), &bytes) || !bytes.data)
		return;
	json_t *header = json_loadb(bytes.data, bytes.len, 0, NULL);
	size_t used = strlen(s->keys);
	if (*text_at(header, "kid"))
		snprintf(s->keys + used, sizeof s->keys - used, "%s%.24s (%.10s)", used ? ", " : "", text_at(header, "kid"), text_at(header, "alg"));
	json_decref(header);
}

/* Hash and key ids of the signed file; false when the bytes are no envelope. */
static bool read_envelope(struct sheet *s, const void *envelope, size_t len, struct err *err)
{
	struct hash hash;
	json_t *root = json_read("certificate", envelope, len, err), *signature;
	size_t i;
	if (!root)
		return false;
	json_array_foreach(json_object_get(root, "signatures"), i, signature)
		kid_of(signature, s);
	json_decref(root);
	sha256(envelope, len, &hash);
	hash_hex(&hash, s->hash);
	return true;
}

/* ---- pages ---- */

static void draw_all(struct sheet *s)
{
	s->page = 0;
	sheet_front(s);
	page_begin(s);
	sheet_energy(s);
	sheet_retrofit(s);
	sheet_readings(s);
	sheet_meters(s);
	sheet_method(s);
	page_end(s);
}

static cairo_status_t collect(void *out, const unsigned char *bytes, unsigned len)
{
	buf_add(out, bytes, len);
	return ((struct buf *)out)->failed ? CAIRO_STATUS_NO_MEMORY : CAIRO_STATUS_SUCCESS;
}

/* A fallback font would be another picture on every machine: the one font is demanded. */
static bool font_is_there(PangoLayout *layout, struct err *err)
{
	PangoContext *context = pango_layout_get_context(layout);
	PangoFontDescription *want = pango_font_description_from_string("WenQuanYi Micro Hei 10");
	PangoFont *font = pango_context_load_font(context, want);
	PangoFontDescription *got = font ? pango_font_describe(font) : NULL;
	bool good = got && !strcmp(pango_font_description_get_family(got), "WenQuanYi Micro Hei");
	pango_font_description_free(want);
	pango_font_description_free(got);
	if (font)
		g_object_unref(font);
	return good || err_set(err, ERR_UNAVAILABLE, "the font WenQuanYi Micro Hei is missing; install fonts-wqy-microhei");
}

/* Glyphs stand where the font says, not on the pixels of a screen. */
static void paper_metrics(PangoLayout *layout)
{
	PangoContext *context = pango_layout_get_context(layout);
	cairo_font_options_t *options = cairo_font_options_create();
	cairo_font_options_set_hint_style(options, CAIRO_HINT_STYLE_NONE);
	cairo_font_options_set_hint_metrics(options, CAIRO_HINT_METRICS_OFF);
	pango_cairo_context_set_font_options(context, options);
	pango_context_set_round_glyph_positions(context, FALSE);
	cairo_font_options_destroy(options);
	pango_layout_context_changed(layout);
}

static void describe(cairo_surface_t *surface, const struct sheet *s)
{
	const char *issued = text_at(s->cert, "issued");
	CLEANUP(buf_done) struct buf title = { 0 };
	buf_printf(&title, "%s%s %s", s->simulated ? "[模拟数据 SIMULATED] " : "", "PUE certificate", s->number);
	if (title.data)
		cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_TITLE, title.data);
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATOR, text_at(s->cert, "identity.software"));
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_SUBJECT, s->hash);
	/* the same certificate is the same bytes: its own date, never today's */
	cairo_pdf_surface_set_metadata(surface, CAIRO_PDF_METADATA_CREATE_DATE, issued);
}

static bool render(struct sheet *s, struct buf *out, struct err *err)
{
	cairo_surface_t *surface = cairo_pdf_surface_create_for_stream(collect, out, PAGE_W, PAGE_H);
	describe(surface, s);
	s->cr = cairo_create(surface);
	/* a font map of its own: what it caches goes with it */
	PangoFontMap *fonts = pango_cairo_font_map_new();
	PangoContext *context = pango_font_map_create_context(fonts);
	s->layout = pango_layout_new(context);
	pango_layout_set_wrap(s->layout, PANGO_WRAP_WORD_CHAR);
	paper_metrics(s->layout);
	bool good = font_is_there(s->layout, err);
	if (good) {
		cairo_surface_t *dry = cairo_recording_surface_create(CAIRO_CONTENT_COLOR_ALPHA, NULL);
		cairo_t *cr = s->cr;
		s->cr = cairo_create(dry);
		s->page = s->pages = 0;
		sheet_front(s);
		s->tight = s->page > 1;
		draw_all(s);
		s->pages = s->page;
		cairo_destroy(s->cr);
		cairo_surface_destroy(dry);
		s->cr = cr;
		draw_all(s);
	}
	g_object_unref(s->layout);
	g_object_unref(context);
	g_object_unref(fonts);
	cairo_status_t status = cairo_status(s->cr);
	cairo_destroy(s->cr);
	cairo_surface_finish(surface);
	if (status == CAIRO_STATUS_SUCCESS)
		status = cairo_surface_status(surface);
	cairo_surface_destroy(surface);
	if (good && status != CAIRO_STATUS_SUCCESS)
		return err_set(err, ERR_INTERNAL, "sheet: %s", cairo_status_to_string(status));
	return good;
}

static bool is_certificate(const json_t *cert)
{
	struct wall issued;
	return *text_at(cert, "identity.number") && wall_parse(text_at(cert, "issued"), &issued, NULL) && json_is_boolean(at(cert, "simulated")) &&
	       at(cert, "verdict.kind") && at(cert, "results");
}

bool sheet_pdf(const json_t *cert, const void *envelope, size_t len, const char *lang, struct buf *out, struct err *err)
{
	if (!is_certificate(cert))
		return err_set(err, ERR_INPUT, "sheet: this is no certificate: number, issued, simulated, verdict and results are needed");
	struct sheet s = { .cert = cert, .number = text_at(cert, "identity.number"), .zh_first = !lang || strcmp(lang, "en"),
			   .simulated = json_is_true(at(cert, "simulated")), .interim = strcmp(text_at(cert, "term"), "annual") };
	s.said = s.zh_first ? said_new() : NULL;
	bool good = read_envelope(&s, envelope, len, err) && render(&s, out, err);
	said_free(s.said);
	return good;
}
