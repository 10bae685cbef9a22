#include "tests/sim/registers.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

enum type { U16, I16, U32, I32, I64, F32 };
static const struct { int words; bool is_signed; } types[] = {
	[U16] = { 1, false }, [I16] = { 1, true }, [U32] = { 2, false }, [I32] = { 2, true }, [I64] = { 4, true }, [F32] = { 2, true },
};
/* raw = base units * num / den; `times` values with `stride` words between, index counting up. */
struct row { uint16_t at; enum type type; enum point point; int index, times, stride; int64_t num, den; };

/* devices.md section 2 (source M iem3000.go); the other addresses are of the same list. */
static const struct row iem3000[] = {
	{ 129, U32, PT_SERIAL, 0, 1, 0, 1, 1 },
	{ 2999, F32, PT_CURRENT, 0, 3, 2, 1, 1000 },      { 3009, F32, PT_CURRENT_MEAN, 0, 1, 0, 1, 1000 },
	{ 3019, F32, PT_VOLTAGE_LL, 0, 3, 2, 1, 1000 },   { 3027, F32, PT_VOLTAGE, 0, 3, 2, 1, 1000 },
	{ 3035, F32, PT_VOLTAGE_MEAN, 0, 1, 0, 1, 1000 }, { 3053, F32, PT_PHASE_POWER, 0, 3, 2, 1, 1000000 },
	{ 3059, F32, PT_POWER, 0, 1, 0, 1, 1000000 },     { 3067, F32, PT_REACTIVE, 0, 1, 0, 1, 1000000 },
	{ 3075, F32, PT_APPARENT, 0, 1, 0, 1, 1000000 },  { 3083, F32, PT_FACTOR, 0, 1, 0, 1, 1000000 },
	{ 3109, F32, PT_FREQUENCY, 0, 1, 0, 1, 1000 },    { 3203, I64, PT_ENERGY, 0, 1, 0, 1, 1000 },
};
/* devices.md section 2 (source E). */
static const struct row adw300[] = {
	{ 20, U16, PT_VOLTAGE, 0, 3, 1, 1, 100 },
	{ 26, U16, PT_CURRENT, 0, 3, 1, 1, 10 },
	{ 36, I32, PT_POWER, 0, 1, 0, 1, 1000 },
	{ 62, I32, PT_ENERGY, 0, 1, 0, 1, 10000 },
};
/* A map of our own, for no real cabinet: tests/sim/README.md. */
static const struct row cabinet[] = {
	{ 0x0000, U16, PT_CONST, 0x5243, 1, 0, 1, 1 },       { 0x0001, U16, PT_CONST, 1, 1, 0, 1, 1 },
	{ 0x0002, U16, PT_CONST, SIM_RACKS_A_ROW, 1, 0, 1, 1 }, { 0x0010, U16, PT_VOLTAGE, 0, 3, 1, 1, 100 },
	{ 0x0013, U16, PT_FREQUENCY, 0, 1, 0, 1, 10 },       { 0x0014, U32, PT_CURRENT, 0, 3, 2, 1, 1 },
	{ 0x001a, I32, PT_PHASE_POWER, 0, 3, 2, 1, 1000 },   { 0x0020, I32, PT_POWER, 0, 1, 0, 1, 1000 },
	{ 0x0022, U32, PT_APPARENT, 0, 1, 0, 1, 1000 },      { 0x0024, I16, PT_FACTOR, 0, 1, 0, 1, 1000 },
	{ 0x0026, U32, PT_ENERGY, 0, 1, 0, 1, 10000 },       { 0x0100, U16, PT_BRANCH_CURRENT, 0, 32, 8, 1, 10 },
	{ 0x0102, U16, PT_BRANCH_POWER, 0, 32, 8, 1, 1000 }, { 0x0104, U32, PT_BRANCH_ENERGY, 0, 32, 8, 1, 10000 },
};
/* devices.md 2.2, listed number less one; the temperatures' unit of a tenth of a degree is ours. */
static const struct row chiller[] = {
	{ 12, U16, PT_CAPACITY, 0, 1, 0, 1, 10000 }, { 14, U16, PT_RUNNING, 0, 1, 0, 1, 1 },
	{ 15, I16, PT_ENTERING, 0, 1, 0, 1, 100 },   { 16, I16, PT_LEAVING, 0, 1, 0, 1, 100 },
	{ 24, U16, PT_CURRENT_MEAN, 0, 1, 0, 1, 1000 }, { 315, U16, PT_CONST, 1, 1, 0, 1, 1 },
};
/* devices.md 2.3. */
static const struct row climate[] = {
	{ 0, I16, PT_TEMPERATURE, 0, 1, 0, 1, 100 },
	{ 1, U16, PT_HUMIDITY, 0, 1, 0, 1, 100 },
};

static const struct map {
	const struct row *rows;
	size_t n;
	uint16_t first, last;          /* addresses that can be read */
	unsigned functions;            /* bit n: FC n */
	uint16_t bits;                 /* discrete inputs from 0, all on */
	bool identifies;               /* 43/14 */
} register_maps[] = {
	[CLASS_IEM3000] = { iem3000, countof(iem3000), 100, 3300, 1 << 3, 0, true },
	[CLASS_ADW300] = { adw300, countof(adw300), 0, 199, 1 << 3, 0, false },
	[CLASS_CABINET] = { cabinet, countof(cabinet), 0, 0x01ff, 1 << 3 | 1 << 4 | 1 << 2, 32, true },
	[CLASS_CHILLER] = { chiller, countof(chiller), 0, 399, 1 << 3, 0, false },
	[CLASS_CLIMATE] = { climate, countof(climate), 0, 15, 1 << 3 | 1 << 4, 0, false },
};

static uint64_t float_bits(double value)
{
	float narrow = (float)value;
	uint32_t bits;
	memcpy(&bits, &narrow, sizeof bits);
	return bits;
}

static uint64_t raw(const struct row *row, int64_t value)
{
	if (row->type == F32)
		return float_bits((double)value * (double)row->num / (double)row->den);
	int64_t counts = sim_counts(row->point, value, row->num, row->den);
	int bits = types[row->type].words * 16;
	if (bits == 64 || row->point == PT_ENERGY)
		return (uint64_t)counts;
	int64_t high = types[row->type].is_signed ? (INT64_C(1) << (bits - 1)) - 1 : (INT64_C(1) << bits) - 1;
	int64_t low = types[row->type].is_signed ? -high - 1 : 0;
	return (uint64_t)(counts > high ? high : counts < low ? low : counts);   /* registers saturate */
}

/* As devices say it: NaN and infinities in floats, all ones or the largest number in integers. */
static uint64_t no_value(enum type type, int64_t how)
{
	if (type == F32)
		return how == 0 ? 0x7fc00000 : how == 1 ? 0x7f800000 : 0x7f7fffff;
	uint64_t ones = types[type].words == 4 ? UINT64_MAX : (UINT64_C(1) << 16 * types[type].words) - 1;
	return how == 0 && !types[type].is_signed ? ones : types[type].is_signed ? ones >> 1 : ones - 1;
}

struct read { struct fleet *f; const struct sim_device *shown, *self; struct wall t; uint16_t from, count; uint8_t *words; bool reversed; };

static bool put_value(const struct read *r, const struct row *row, int i)
{
	int words = types[row->type].words, at = row->at + i * row->stride;
	int64_t value;
	if (at + words <= r->from || at >= r->from + r->count)
		return true;
	if (!fleet_value(r->f, r->shown, r->t, row->point, row->index + i, &value))
		return false;
	const struct fault *none = row->point == PT_CONST ? NULL : fleet_fault(r->self, FAULT_NO_VALUE, r->t);
	uint64_t bits = none ? no_value(row->type, none->arg) : raw(row, value);
	for (int w = 0; w < words; w++) {
		int place = at + w - r->from;
		unsigned word = (unsigned)(bits >> 16 * (r->reversed ? w : words - 1 - w)) & 0xffff;
		if (place < 0 || place >= r->count)
			continue;
		r->words[place * 2] = (uint8_t)(word >> 8);
		r->words[place * 2 + 1] = (uint8_t)word;
	}
	return true;
}

static bool put_values(const struct read *r, const struct map *map)
{
	for (size_t k = 0; k < map->n; k++) {
		const struct row *row = &map->rows[k];
		for (int i = 0; i < row->times; i++)
			if (!put_value(r, row, i))
				return false;
	}
	return true;
}

const struct sim_device *registers_shown(struct fleet *f, const struct sim_device *d, struct wall t, enum device_class *as)
{
	const struct fault *swapped = fleet_fault(d, FAULT_SWAPPED, t);
	*as = d->class;
	if (swapped && swapped->text[0]) {
		const struct sim_device *other = fleet_find(f, swapped->text);
		*as = other->class;
		return other;
	}
	if (swapped)
		*as = d->class == CLASS_IEM3000 ? CLASS_ADW300 : d->class == CLASS_ADW300 ? CLASS_IEM3000 : d->class == CLASS_RPDU2 ? CLASS_PX2
		    : d->class == CLASS_PX2 ? CLASS_RPDU2 : d->class == CLASS_UPS ? CLASS_RPDU2 : CLASS_ADW300;
	return d;
}

static size_t refuse(uint8_t function, int code, uint8_t *out)
{
	out[0] = (uint8_t)(function | 0x80);
	out[1] = (uint8_t)code;
	return 2;
}

static unsigned word_at(const uint8_t *bytes)
{
	return (unsigned)(bytes[0] << 8 | bytes[1]);
}

static size_t read_bits(const struct map *map, const uint8_t *pdu, uint8_t *out)
{
	unsigned from = word_at(pdu + 1), count = word_at(pdu + 3);
	if (count < 1 || count > 2000)
		return refuse(pdu[0], 3, out);
	if (from + count > map->bits)
		return refuse(pdu[0], 2, out);
	out[0] = pdu[0];
	out[1] = (uint8_t)((count + 7) / 8);
	memset(out + 2, 0xff, out[1]);
	if (count % 8)
		out[1 + out[1]] = (uint8_t)((1 << count % 8) - 1);
	return 2u + out[1];
}

static size_t read_words(struct read *r, const struct map *map, const uint8_t *pdu, uint8_t *out)
{
	unsigned from = word_at(pdu + 1), count = word_at(pdu + 3);
	if (count < 1 || count > 125)
		return refuse(pdu[0], 3, out);
	if (from < map->first || from + count > map->last + 1u)
		return refuse(pdu[0], 2, out);
	out[0] = pdu[0];
	out[1] = (uint8_t)(count * 2);
	memset(out + 2, 0, out[1]);
	r->from = (uint16_t)from;
	r->count = (uint16_t)count;
	r->words = out + 2;
	return put_values(r, map) ? 2u + out[1] : refuse(pdu[0], 4, out);
}

static size_t put_text(uint8_t *out, size_t at, int id, const char *text)
{
	size_t len = strlen(text);
	if (id >= 0) {
		out[at++] = (uint8_t)id;
		out[at++] = (uint8_t)len;
	}
	memcpy(out + at, text, len);
	return at + len;
}

static size_t identify(const struct sim_device *shown, enum device_class as, const uint8_t *pdu, size_t len, uint8_t *out)
{
	if (len < 4 || pdu[1] != 0x0e || pdu[2] < 1 || pdu[2] > 4)
		return refuse(pdu[0], len < 4 || pdu[1] != 0x0e ? 1 : 3, out);
	const char *objects[] = { classes[as].vendor, classes[as].product, "1.0" };
	bool one = pdu[2] == 4;
	unsigned first = pdu[3];
	(void)shown;
	if (first > 2 && one)
		return refuse(pdu[0], 2, out);
	first = first > 2 ? 0 : first;   /* an unknown first object starts again (specification 6.21) */
	memcpy(out, (const uint8_t[]){ 0x2b, 0x0e, pdu[2], 0x81, 0, 0, 0 }, 7);
	size_t at = 7;
	for (unsigned id = first; id < (one ? first + 1 : 3); id++, out[6]++)
		at = put_text(out, at, (int)id, objects[id]);
	return at;
}

static size_t server_id(const struct sim_device *shown, enum device_class as, uint8_t *out)
{
	char text[64];
	snprintf(text, sizeof text, "%s %s %s", classes[as].vendor, classes[as].product, shown->serial);
	out[0] = 0x11;
	size_t at = put_text(out, 2, -1, text);
	out[at++] = 0xff;   /* run indicator: on */
	out[1] = (uint8_t)(at - 2);
	return at;
}

size_t registers_answer(struct fleet *f, const struct sim_device *d, struct wall t, const uint8_t *pdu, size_t len,
			uint8_t out[MODBUS_PDU_MAX])
{
	enum device_class as;
	const struct sim_device *shown = registers_shown(f, d, t, &as);
	const struct fault *exception = fleet_fault(d, FAULT_EXCEPTION, t);
	if (exception)
		return refuse(pdu[0], (int)exception->arg, out);
	if (as > CLASS_CLIMATE)
		return refuse(pdu[0], 4, out);
	const struct map *map = &register_maps[as];
	struct read r = { .f = f, .shown = shown, .self = d, .t = t, .reversed = fleet_fault(d, FAULT_WRONG_ORDER, t) };
	if (pdu[0] == 0x2b && map->identifies)
		return identify(shown, as, pdu, len, out);
	if (pdu[0] == 0x11 && len == 1)
		return server_id(shown, as, out);
	if (pdu[0] < 1 || pdu[0] > 4 || !(map->functions & 1u << pdu[0]))
		return refuse(pdu[0], 1, out);
	if (len != 5)
		return refuse(pdu[0], 3, out);
	return pdu[0] <= 2 ? read_bits(map, pdu, out) : read_words(&r, map, pdu, out);
}
