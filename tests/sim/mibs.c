#include "tests/sim/mibs.h"
#include "tests/sim/registers.h"
#include <math.h>
#include <stdlib.h>

/* What a text or OID row says. */
enum say { SAY_NOTHING, SAY_DESCRIPTION, SAY_OBJECT, SAY_NAME, SAY_SERIAL, SAY_VENDOR, SAY_PRODUCT, SAY_INDEX, SAY_LITERAL };

enum { PT_SAME = 1000 };
/* One row of a table, repeated for `times` rows: `%d` in the OID is first, first+1, ...; index counts beside it.
 * raw = base units * num / den. */
struct mib_row {
	const char *oid;
	u_char type;
	int point;                 /* enum point, or PT_SAME: the index as it is, in every row */
	int index, first, times;
	int64_t num, den;
	enum say say;
	const char *literal;
};
#define TEXT(oid, what) { oid, ASN_OCTET_STR, PT_CONST, 0, 0, 1, 1, 1, what, NULL }
#define WORD(oid, text) { oid, ASN_OCTET_STR, PT_CONST, 0, 0, 1, 1, 1, SAY_LITERAL, text }
#define FIXED(oid, type, value) { oid, type, PT_CONST, value, 0, 1, 1, 1, SAY_NOTHING, NULL }
#define VALUE(oid, type, point, num, den) { oid, type, point, 0, 0, 1, num, den, SAY_NOTHING, NULL }
#define ROWS(oid, type, point, times, num, den) { oid, type, point, 0, 1, times, num, den, SAY_NOTHING, NULL }
#define SAME(oid, type, value, times) { oid, type, PT_SAME, value, 1, times, 1, 1, SAY_NOTHING, NULL }   /* a constant in each row */
#define INDEX(oid, times) { oid, ASN_INTEGER, PT_CONST, 1, 1, times, 1, 1, SAY_NOTHING, NULL }                     /* a row's own number */
#define SYSTEM                                                                                                     \
	TEXT("1.3.6.1.2.1.1.1.0", SAY_DESCRIPTION), { "1.3.6.1.2.1.1.2.0", ASN_OBJECT_ID, PT_CONST, 0, 0, 1, 1, 1, SAY_OBJECT, NULL }, \
	VALUE("1.3.6.1.2.1.1.3.0", ASN_TIMETICKS, PT_UPTIME, 1, 1), WORD("1.3.6.1.2.1.1.4.0", "simulated"),              \
	TEXT("1.3.6.1.2.1.1.5.0", SAY_NAME), WORD("1.3.6.1.2.1.1.6.0", "simulated data center")

/* RFC 1628; devices.md 1.16. */
#define UPSMIB "1.3.6.1.2.1.33.1."
static const struct mib_row ups[] = {
	SYSTEM,
	TEXT(UPSMIB "1.1.0", SAY_VENDOR), TEXT(UPSMIB "1.2.0", SAY_PRODUCT), WORD(UPSMIB "1.3.0", "1.0"), WORD(UPSMIB "1.4.0", "1.0"),
	TEXT(UPSMIB "1.5.0", SAY_NAME),
	FIXED(UPSMIB "2.1.0", ASN_INTEGER, 2), FIXED(UPSMIB "2.2.0", ASN_INTEGER, 0),
	VALUE(UPSMIB "2.3.0", ASN_INTEGER, PT_BATTERY_MINUTES, 1, 1), FIXED(UPSMIB "2.4.0", ASN_INTEGER, 100),
	FIXED(UPSMIB "2.5.0", ASN_INTEGER, 5440), FIXED(UPSMIB "2.6.0", ASN_INTEGER, 0),
	VALUE(UPSMIB "2.7.0", ASN_INTEGER, PT_BATTERY_TEMPERATURE, 1, 1000),
	FIXED(UPSMIB "3.1.0", ASN_COUNTER, 0), FIXED(UPSMIB "3.2.0", ASN_INTEGER, 3),
	ROWS(UPSMIB "3.3.1.2.%d", ASN_INTEGER, PT_FREQUENCY, 3, 1, 100), ROWS(UPSMIB "3.3.1.3.%d", ASN_INTEGER, PT_VOLTAGE, 3, 1, 1000),
	ROWS(UPSMIB "3.3.1.4.%d", ASN_INTEGER, PT_INPUT_CURRENT, 3, 1, 100), ROWS(UPSMIB "3.3.1.5.%d", ASN_INTEGER, PT_INPUT_POWER, 3, 1, 1000),
	FIXED(UPSMIB "4.1.0", ASN_INTEGER, 3), VALUE(UPSMIB "4.2.0", ASN_INTEGER, PT_FREQUENCY, 1, 100), FIXED(UPSMIB "4.3.0", ASN_INTEGER, 3),
	ROWS(UPSMIB "4.4.1.2.%d", ASN_INTEGER, PT_VOLTAGE, 3, 1, 1000), ROWS(UPSMIB "4.4.1.3.%d", ASN_INTEGER, PT_CURRENT, 3, 1, 100),
	ROWS(UPSMIB "4.4.1.4.%d", ASN_INTEGER, PT_PHASE_POWER, 3, 1, 1000), ROWS(UPSMIB "4.4.1.5.%d", ASN_INTEGER, PT_LOAD, 3, 1, 10000),
	FIXED(UPSMIB "5.1.0", ASN_INTEGER, 500), FIXED(UPSMIB "5.2.0", ASN_INTEGER, 0), FIXED(UPSMIB "6.1.0", ASN_GAUGE, 0),
};

/* PowerNet-MIB rPDU2, one phase, no outlets; devices.md 1.1, 1.2. */
#define RPDU2 "1.3.6.1.4.1.318.1.1.26."
static const struct mib_row rpdu2[] = {
	SYSTEM,
	FIXED("1.3.6.1.4.1.318.1.1.12.1.15.0", ASN_INTEGER, -1),
	VALUE("1.3.6.1.4.1.318.1.1.12.1.16.0", ASN_INTEGER, PT_POWER, 1, 1000),
	VALUE("1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1", ASN_GAUGE, PT_CURRENT, 1, 100),
	FIXED("1.3.6.1.4.1.318.1.1.12.2.3.1.1.4.1", ASN_INTEGER, 1), FIXED("1.3.6.1.4.1.318.1.1.12.2.3.1.1.5.1", ASN_INTEGER, 0),
	INDEX(RPDU2 "2.1.1.%d", 1), TEXT(RPDU2 "2.1.3.1", SAY_NAME), WORD(RPDU2 "2.1.6.1", "6.8.2"), TEXT(RPDU2 "2.1.8.1", SAY_PRODUCT),
	TEXT(RPDU2 "2.1.9.1", SAY_SERIAL),
	FIXED(RPDU2 "4.1.0", ASN_INTEGER, 1),
	INDEX(RPDU2 "4.3.1.1.%d", 1), FIXED(RPDU2 "4.3.1.2.1", ASN_INTEGER, 1), TEXT(RPDU2 "4.3.1.3.1", SAY_NAME),
	FIXED(RPDU2 "4.3.1.4.1", ASN_INTEGER, 2), VALUE(RPDU2 "4.3.1.5.1", ASN_INTEGER, PT_POWER, 1, 10000),
	VALUE(RPDU2 "4.3.1.9.1", ASN_INTEGER, PT_ENERGY, 1, 100000), WORD(RPDU2 "4.3.1.10.1", "12/20/2024 08:00:00"),
	FIXED(RPDU2 "4.3.1.12.1", ASN_INTEGER, 1), FIXED(RPDU2 "4.3.1.13.1", ASN_INTEGER, 1),
	VALUE(RPDU2 "4.3.1.16.1", ASN_INTEGER, PT_APPARENT, 1, 10000), VALUE(RPDU2 "4.3.1.17.1", ASN_INTEGER, PT_FACTOR, 1, 10000),
	INDEX(RPDU2 "6.3.1.1.%d", 1), FIXED(RPDU2 "6.3.1.2.1", ASN_INTEGER, 1), FIXED(RPDU2 "6.3.1.3.1", ASN_INTEGER, 1),
	FIXED(RPDU2 "6.3.1.4.1", ASN_INTEGER, 2), VALUE(RPDU2 "6.3.1.5.1", ASN_INTEGER, PT_CURRENT, 1, 100),
	VALUE(RPDU2 "6.3.1.6.1", ASN_INTEGER, PT_VOLTAGE, 1, 1000), VALUE(RPDU2 "6.3.1.7.1", ASN_INTEGER, PT_POWER, 1, 10000),
	VALUE(RPDU2 "6.3.1.8.1", ASN_INTEGER, PT_APPARENT, 1, 10000), VALUE(RPDU2 "6.3.1.9.1", ASN_INTEGER, PT_FACTOR, 1, 10000),
	VALUE(RPDU2 "10.2.2.1.8.1", ASN_INTEGER, PT_TEMPERATURE, 1, 100), VALUE(RPDU2 "10.2.2.1.10.1", ASN_INTEGER, PT_HUMIDITY, 1, 1000),
};

/* PDU2-MIB, one inlet, 12 outlets; the quantity is the last index, digits beside it; devices.md 1.6. */
#define PX2 "1.3.6.1.4.1.13742.6."
#define INLET(q, unit, digits, point, num, den)                                                                    \
	FIXED(PX2 "3.3.4.1.6.1.1." #q, ASN_INTEGER, unit), FIXED(PX2 "3.3.4.1.7.1.1." #q, ASN_GAUGE, digits),      \
	FIXED(PX2 "5.2.3.1.2.1.1." #q, ASN_INTEGER, 1), FIXED(PX2 "5.2.3.1.3.1.1." #q, ASN_INTEGER, 4),            \
	VALUE(PX2 "5.2.3.1.4.1.1." #q, ASN_GAUGE, point, num, den)
#define OUTLET(q, unit, digits, point, num, den)                                                                   \
	SAME(PX2 "3.5.4.1.6.1.%d." #q, ASN_INTEGER, unit, 12), SAME(PX2 "3.5.4.1.7.1.%d." #q, ASN_GAUGE, digits, 12), \
	SAME(PX2 "5.4.3.1.2.1.%d." #q, ASN_INTEGER, 1, 12), SAME(PX2 "5.4.3.1.3.1.%d." #q, ASN_INTEGER, 4, 12),    \
	ROWS(PX2 "5.4.3.1.4.1.%d." #q, ASN_GAUGE, point, 12, num, den)
static const struct mib_row px2[] = {
	SYSTEM,
	TEXT(PX2 "3.2.1.1.2.1", SAY_VENDOR), TEXT(PX2 "3.2.1.1.3.1", SAY_PRODUCT), TEXT(PX2 "3.2.1.1.4.1", SAY_SERIAL),
	TEXT(PX2 "3.2.2.1.13.1", SAY_NAME),
	WORD(PX2 "3.3.3.1.2.1.1", "I1"),
	{ PX2 "3.5.3.1.2.1.%d", ASN_OCTET_STR, PT_CONST, 1, 1, 12, 1, 1, SAY_INDEX, NULL },
	INLET(1, 2, 3, PT_CURRENT, 1, 1), INLET(4, 1, 0, PT_VOLTAGE, 1, 1000), INLET(5, 3, 0, PT_POWER, 1, 1000),
	INLET(6, 4, 0, PT_APPARENT, 1, 1000), INLET(7, -1, 2, PT_FACTOR, 1, 10000), INLET(8, 5, 0, PT_ENERGY, 1, 1000),
	INLET(23, 8, 1, PT_FREQUENCY, 1, 100),
	OUTLET(1, 2, 3, PT_OUTLET_CURRENT, 1, 1), OUTLET(5, 3, 0, PT_OUTLET_POWER, 1, 1000), OUTLET(8, 5, 0, PT_OUTLET_ENERGY, 1, 1000),
	SAME(PX2 "5.4.3.1.3.1.%d.14", ASN_INTEGER, 7, 12),
};

/* PowerNet-MIB InRow RC; devices.md 1.3. */
#define INROW "1.3.6.1.4.1.318.1.1.13.3.2.2."
static const struct mib_row inrow[] = {
	SYSTEM,
	TEXT(INROW "1.2.0", SAY_NAME), TEXT(INROW "1.4.0", SAY_PRODUCT), TEXT(INROW "1.5.0", SAY_SERIAL),
	FIXED(INROW "2.1.0", ASN_INTEGER, 2), VALUE(INROW "2.2.0", ASN_INTEGER, PT_COOLING, 1, 100000),
	VALUE(INROW "2.3.0", ASN_INTEGER, PT_COOLING, 1, 100000), VALUE(INROW "2.7.0", ASN_INTEGER, PT_TEMPERATURE, 1, 100),
	VALUE(INROW "2.9.0", ASN_INTEGER, PT_AIR_SUPPLY, 1, 100), VALUE(INROW "2.11.0", ASN_INTEGER, PT_AIR_RETURN, 1, 100),
	FIXED(INROW "2.16.0", ASN_INTEGER, 620), VALUE(INROW "2.22.0", ASN_INTEGER, PT_FLOW, 1, 10),
	FIXED(INROW "2.24.0", ASN_INTEGER, 130), FIXED(INROW "2.26.0", ASN_INTEGER, 190),
};

static const struct { const struct mib_row *rows; size_t n; const char *object, *description; } sources[CLASSES] = {
	[CLASS_UPS] = { ups, countof(ups), "1.3.6.1.2.1.33", "simulated UPS 600 kVA, RFC 1628" },
	[CLASS_RPDU2] = { rpdu2, countof(rpdu2), "1.3.6.1.4.1.318.1.3.4.6", "APC Web/SNMP Management Card (simulated, MN:AP8853)" },
	[CLASS_PX2] = { px2, countof(px2), "1.3.6.1.4.1.13742.6", "PX2 030610 (simulated)" },
	[CLASS_INROW] = { inrow, countof(inrow), "1.3.6.1.4.1.318.1.3.14.5", "APC Web/SNMP Management Card (simulated, MN:ACRC103)" },
};

/* ---- the same rows, expanded and sorted once ---- */

struct cell { const struct mib_row *row; int index; };
struct mib { struct agent_row *rows; struct cell *cells; oid *names; size_t n; };
struct mibs { struct mib of[CLASSES]; };

static size_t read_oid(const char *text, oid *out)
{
	size_t n = 0;
	for (char *end; *text; text = *end ? end + 1 : end)
		out[n++] = strtoul(text, &end, 10);
	return n;
}

static int by_name(const void *a, const void *b)
{
	const struct agent_row *x = a, *y = b;
	return agent_compare(x->name, x->len, y->name, y->len);
}

static bool expand(struct mib *m, const struct mib_row *rows, size_t n)
{
	enum { LONGEST = 24 };
	for (size_t i = 0; i < n; i++)
		m->n += (size_t)rows[i].times;
	m->rows = calloc(m->n + 1, sizeof *m->rows);
	m->cells = calloc(m->n + 1, sizeof *m->cells);
	m->names = calloc((m->n + 1) * LONGEST, sizeof *m->names);
	if (!m->rows || !m->cells || !m->names)
		return false;
	size_t at = 0;
	for (size_t i = 0; i < n; i++) {
		for (int k = 0; k < rows[i].times; k++, at++) {
			char text[120];
			const char *mark = strstr(rows[i].oid, "%d");
			if (mark)
				snprintf(text, sizeof text, "%.*s%d%s", (int)(mark - rows[i].oid), rows[i].oid, rows[i].first + k, mark + 2);
			else
				snprintf(text, sizeof text, "%s", rows[i].oid);
			oid *name = m->names + at * LONGEST;
			m->rows[at] = (struct agent_row){ .name = name, .len = read_oid(text, name), .ref = (uint32_t)at };
			m->cells[at] = (struct cell){ &rows[i], rows[i].index + (rows[i].point == PT_SAME ? 0 : k) };
		}
	}
	qsort(m->rows, m->n, sizeof *m->rows, by_name);
	return true;
}

struct mibs *mibs_new(struct err *err)
{
	struct mibs *m = calloc(1, sizeof *m);
	bool good = m;
	for (int c = 0; good && c < CLASSES; c++)
		good = !sources[c].n || expand(&m->of[c], sources[c].rows, sources[c].n);
	if (good)
		return m;
	mibs_free(m);
	err_memory(err);
	return NULL;
}

void mibs_free(struct mibs *m)
{
	for (int c = 0; m && c < CLASSES; c++) {
		free(m->of[c].rows);
		free(m->of[c].cells);
		free(m->of[c].names);
	}
	free(m);
}

#define FILLER "0123456789012345678901234567890123456789012345678901234567890123456789"
static const char nasty_text[] = "=cmd|' /C calc'!A0<script>alert(1)</script>\"};\r\n\x1b[31m\x01\t\xff\xfe\xc3(${x}`id`" FILLER FILLER FILLER FILLER FILLER;

static const char *said(struct mib_ask *ask, const struct mib_row *row, int index)
{
	switch (row->say) {
	case SAY_INDEX:
		snprintf(ask->text, sizeof ask->text, "%d", index);
		return ask->text;
	case SAY_DESCRIPTION:
		return sources[ask->as].description;
	case SAY_NAME:
		return ask->shown->id;
	case SAY_SERIAL:
		return ask->shown->serial;
	case SAY_VENDOR:
		return classes[ask->as].vendor;
	case SAY_PRODUCT:
		return classes[ask->as].product;
	default:
		return row->literal;
	}
}

static bool value_of(void *ctx, const struct agent_row *at, struct agent_value *out)
{
	struct mib_ask *ask = ctx;
	const struct cell *cell = &ask->mibs->of[ask->as].cells[at->ref];
	const struct mib_row *row = cell->row;
	const struct fault *none = row->point == PT_CONST || row->point == PT_SAME ? NULL : fleet_fault(ask->self, FAULT_NO_VALUE, ask->t);
	*out = (struct agent_value){ .type = row->type };
	if (row->say == SAY_OBJECT) {
		out->len = read_oid(sources[ask->as].object, ask->object) * sizeof *ask->object;
		out->bytes = ask->object;
		return true;
	}
	if (row->say != SAY_NOTHING) {
		bool nasty = fleet_fault(ask->self, FAULT_NASTY_TEXT, ask->t);
		out->bytes = nasty ? nasty_text : said(ask, row, cell->index);
		out->len = strlen(out->bytes);
		return true;
	}
	int64_t value = cell->index;
	if (row->point != PT_SAME && row->point != PT_CONST && !fleet_value(ask->f, ask->shown, ask->t, (enum point)row->point, cell->index, &value))
		return false;
	if (none) {
		out->integer = none->arg || row->type != ASN_INTEGER ? INT32_MAX : -1;
		out->integer = row->type == ASN_INTEGER ? out->integer : 0xffffffff - (none->arg == 2);
		return true;
	}
	out->integer = sim_counts((enum point)row->point, value, row->num, row->den);
	if (row->type == ASN_TIMETICKS || row->type == ASN_GAUGE || row->type == ASN_COUNTER)
		out->integer &= 0xffffffff;
	return true;
}

struct agent_view mibs_view(const struct mibs *m, struct fleet *f, const struct sim_device *d, struct wall t, struct mib_ask *ask)
{
	*ask = (struct mib_ask){ .f = f, .t = t, .mibs = m, .self = d };
	const struct fault *endless = fleet_fault(d, FAULT_ENDLESS_WALK, t);
	ask->shown = registers_shown(f, d, t, &ask->as);
	const struct fault *exception = fleet_fault(d, FAULT_EXCEPTION, t), *big = fleet_fault(d, FAULT_TOO_BIG, t);
	return (struct agent_view){
		.rows = m->of[ask->as].rows, .n = m->of[ask->as].n, .value = value_of, .ctx = ask, .community = "public",
		.max_size = big ? (size_t)big->arg : 0, .error_status = exception ? (int)exception->arg : 0,
		.drop_last = fleet_fault(d, FAULT_BAD_COUNT, t), .other_names = fleet_fault(d, FAULT_OTHER_OID, t),
		.endless = endless ? (int)endless->arg + 1 : 0,
	};
}
