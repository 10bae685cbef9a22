/* Reading profiles: what is refused and what the message says; inheritance; import from tables. */
#include "tests/unit/test.h"
#include "core/decode.h"
#include "core/profile_import.h"
#include "core/replica.h"

#include <stdlib.h>

#define HEAD "profile: t\nrevision: 1\nsource: invented\n"
#define POINT(rest) HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: holding 1" rest "}\n"

static const struct bad_row { const char *name, *yaml, *says; } bad_rows[] = {
	{ "no source", "profile: t\nrevision: 1\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n", "key 'source' is missing" },
	{ "unknown key", POINT(", sclae: 0.1"), "test.yaml:5:57: unknown key 'sclae' in points[0]; did you mean 'scale'?" },
	{ "unknown quantity", HEAD "points:\n - {name: a, quantity: voltag, unit: V, at: holding 1}\n", "did you mean 'voltage'?" },
	{ "no unit", HEAD "points:\n - {name: a, quantity: voltage, at: holding 1}\n", "has no unit; add 'unit: V'" },
	{ "wrong unit", HEAD "points:\n - {name: a, quantity: voltage, unit: kW, at: holding 1}\n", "unit 'kW' does not measure voltage; use V" },
	{ "no place", HEAD "points:\n - {name: a, quantity: voltage, unit: V}\n", "has no place; add 'at: ...'" },
	{ "no place of a value", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: register 5}\n", "is no place of a value; write 'holding 0x0034'" },
	{ "address too large", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: holding 70000}\n", "is no place of a value" },
	{ "value ends behind the last address", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: holding 0xffff, type: u32}\n", "ends behind address 0xffff" },
	{ "type", POINT(", type: wobble7"), "type 'wobble7' is not known; use one of u16, i16" },
	{ "order", POINT(", type: u32, order: abdd"), "order 'abdd' does not fit type u32" },
	{ "bit", POINT(", bit: 16"), "bit 16 does not exist in type u16" },
	{ "scale 0", POINT(", scale: 0"), "scale 0 would hide the value" },
	{ "range reversed", POINT(", range: [10, 1]"), "range is [smallest, largest]" },
	{ "star without table", HEAD "points:\n - {name: a.*, quantity: voltage, unit: V, at: holding 1}\n", "has a * but its place is one value" },
	{ "table without star", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: column e.1.2}\n", "needs a * for the row's index" },
	{ "two kinds of places", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n - {name: b, quantity: voltage, unit: V, at: oid e.1.0}\n", "either Modbus or SNMP" },
	{ "a name twice", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n - {name: a, quantity: voltage, unit: V, at: holding 2}\n", "stands here twice" },
	{ "parent unknown", HEAD "extends: u\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n", "extends: there is no profile 'u'" },
	{ "extends itself", "profile: t\nrevision: 1\nsource: x\nextends: t\n", "extends itself in the end" },
	{ "no points", HEAD, "has no points" },
	{ "string without length", POINT(", type: string"), "add 'words: N'" },
	{ "parts", POINT(", type: u32, parts: [1, 2, 3]"), "3 parts for a type of 2 words" },
	{ "states by an unknown list", HEAD "points:\n - {name: a, at: holding 1, states: onoff}\n", "there is no list 'onoff'" },
	{ "address below the base", HEAD "address_base: 40001\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 5}\n", "below address_base" },
	{ "a check without its points", HEAD "checks:\n - {rule: sum, total: a}\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n", "needs total and parts" },
	{ "an empty rule", HEAD "identify: {}\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n", "must test something" },
	{ "null where there must be something", HEAD "points:\n - {name: a, quantity: voltage, unit: V, at: null}\n", "key 'at' in points[0] has no value" },
	{ "a type as others write it", POINT(", type: FLOAT32"), "type 'FLOAT32' is not known; did you mean 'f32'?" },
	{ "a quantity cut short", HEAD "points:\n - {name: a, quantity: power, unit: W, at: holding 1}\n", "did you mean 'active_power'?" },
	{ "units are named", HEAD "points:\n - {name: a, quantity: active_power, unit: kw, at: holding 1}\n", "use W or a multiple of it: W, kW, MW" },
	{ "a decimal comma", POINT(", scale: 0,1"), "a comma separates here: write 0.1, not 0,1" },
	{ "the right page", POINT(", xyzzy: 1"), "see docs/writing-a-profile.md for the keys" },
	{ "half a range", POINT(", missing: 65535.."), "is no range of raw values; write A..B" },
	{ "largest of an unsigned type", POINT(", type: u16, missing: [1, largest]"), "'largest' is 0x7fff.. of a signed type, and u16 is none; write all_ones, or the value" },
	{ "parts too far apart", POINT(", type: u32, parts: [1, 200]"), "span 200 registers and are read with one request" },
	{ "a range the wrong way round", POINT(", missing: -1..-10"), "with A not above B" },
	{ "a scale without how", POINT(", scale_from: holding 5"), "{at: holding 5, as: divisor}" },
	{ "air speed is no fan speed", HEAD "points:\n - {name: a, quantity: fan_speed, unit: m/s, at: holding 1}\n", "unit 'm/s' does not measure fan_speed" },
	{ "a test of nothing", HEAD "identify: {all: [{equals: 5}]}\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n", "a test needs a place" },
};

static void bad_profiles(void **state)
{
	(void)state;
	for (const struct bad_row *r = bad_rows; r < bad_rows + countof(bad_rows); r++) {
		struct library *lib = library_new();
		struct err err = { 0 };
		CLEANUP(buf_done) struct buf report = { 0 };
		library_add(lib, "test.yaml", r->yaml, strlen(r->yaml));
		bool good = library_close(lib, &err);
		conf_report(library_conf(lib), &report);
		if (good || !report.data || !strstr(report.data, r->says))
			fail_msg("row \"%s\": says\n%s, expected \"%s\"", r->name, report.data ? report.data : "nothing", r->says);
		row_check(r, library_count(lib) == 0);           /* a bad profile is not usable */
		library_free(lib);
	}
}

static void add(struct library *lib, const char *file, const char *text)
{
	library_add(lib, file, text, strlen(text));
}

static void inheritance(void **state)
{
	(void)state;
	struct library *lib = library_new();
	struct err err = { 0 };
	add(lib, "child.yaml", "profile: child\nrevision: 1\nsource: y\nextends: parent\ndrop: [c.*]\npoints:\n - {name: a, unit: kV}\n - {name: d, quantity: current, unit: A, at: holding 9}\n");
	add(lib, "parent.yaml", "profile: parent\nrevision: 1\nsource: x\nmax_words: 7\naddress_base: 1\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 2, scale: 0.1}\n"
				" - {name: b, quantity: voltage, unit: V, at: holding 3}\n - {name: c.*, quantity: voltage, unit: V, at: holding 4, repeat: {count: 2, stride: 1}}\n");
	add(lib, "broken.yaml", "profile: broken\nrevision: 1\nsource: x\n");
	assert_false(library_close(lib, &err));              /* one file is bad ... */
	assert_int_equal(library_count(lib), 2);              /* ... the others work */
	const struct profile *p = library_find(lib, "child");
	assert_non_null(p);
	assert_int_equal(p->points.n, 3);
	const struct point *a = &profile_points(p)[0], *b = &profile_points(p)[1], *d = &profile_points(p)[2];
	assert_string_equal(a->unit, "kV");                  /* changed */
	assert_int_equal(a->scale.den, 10);                   /* kept */
	assert_int_equal(a->at.address, 1);                   /* the parent's base, once */
	assert_int_equal(b->at.address, 2);
	assert_int_equal(d->at.address, 8);                   /* the parent's base holds for the child's own rows too */
	assert_int_equal(p->max_words, 7);
	assert_string_equal(library_nearest(lib, "chidl"), "child");
	library_free(lib);
}

/* `key: null` takes away what `defaults` or the parent gave. */
static void null_clears(void **state)
{
	(void)state;
	struct library *lib = library_new();
	struct err err = { 0 };
	add(lib, "parent.yaml", "profile: parent\nrevision: 1\nsource: x\ndefaults: {missing: -1, label_from: column e.1.9, scale_from: {at: column e.1.8, as: digits}}\npoints:\n"
				" - {name: a.*, quantity: voltage, unit: V, at: column e.1.1, modulus: 10}\n - {name: b.*, quantity: voltage, unit: V, at: column e.1.2, label_from: null, scale_from: null, missing: null}\n");
	add(lib, "child.yaml", "profile: child\nrevision: 1\nsource: y\nextends: parent\npoints:\n - {name: a.*, scale_from: ~, modulus: null}\n");
	if (!library_close(lib, &err))
		fail_msg("%s", err.text);
	const struct point *a = &profile_points(library_find(lib, "parent"))[0], *b = a + 1, *c = &profile_points(library_find(lib, "child"))[0];
	assert_true(a->missing.n == 1 && a->label_from.n == 1 && a->scale_from.n == 1 && a->modulus.num == 10);
	assert_true(!b->missing.n && !b->label_from.n && !b->scale_from.n);
	assert_true(c->missing.n == 1 && c->label_from.n == 1 && !c->scale_from.n && !c->modulus.num);
	library_free(lib);
}

/* A library of this one profile, whose own tests hold with so many facts. */
static struct library *holds(const char *name, const char *yaml, size_t facts)
{
	struct library *lib = library_new();
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf findings = { 0 };
	size_t n = 0;
	add(lib, "p.yaml", yaml);
	if (!library_close(lib, &err))
		fail_msg("%s", err.text);
	if (profile_test(library_find(lib, name), &n, &findings))
		fail_msg("%s", findings.data ? findings.data : "a test fails");
	assert_int_equal(n, facts);
	return lib;
}

/* F-dev-18: what a device sends for "no value" is no value, of registers and of texts; one count beside it is one. */
static void sentinels_are_no_values(void **state)
{
	(void)state;
	library_free(holds("p", "profile: p\nrevision: 1\nsource: x\ndefaults: {quantity: voltage, unit: V}\npoints:\n"
			   " - {name: nan, at: holding 0, type: f32}\n - {name: snan, at: holding 2, type: f32}\n - {name: inf, at: holding 4, type: f32}\n - {name: huge, at: holding 6, type: f32}\n"
			   " - {name: ones, at: holding 8, type: u32, scale: 0.0001, missing: all_ones}\n - {name: near_ones, at: holding 10, type: u32, scale: 0.0001, missing: all_ones}\n"
			   " - {name: largest, at: holding 12, type: i16, missing: largest}\n - {name: near_largest, at: holding 13, type: i16, missing: largest}\n"
			   " - {name: extreme, at: holding 14, type: i16, missing: -32768..-32000}\n - {name: near_extreme, at: holding 15, type: i16, missing: -32768..-32000}\n"
			   " - {name: bcd, at: holding 16, type: bcd16}\n - {name: mod10k, at: holding 17, type: mod10k32}\n"
			   "tests:\n - {name: t, given: {holding 0: [0x7fc0, 0, 0xff80, 1, 0x7f80, 0, 0x7f7f, 0xffff, 0xffff, 0xffff, 0xffff, 0xfffe, 0x7fff, 0x7ffe, -32100, -31999, 0x12AB, 10000, 0]},\n"
			   "    expect: {nan: none, snan: none, inf: none, huge: none, ones: none, near_ones: 429496.729, largest: none, near_largest: 32766, extreme: none, near_extreme: -31999, bcd: none, mod10k: none}}\n", 12));
	library_free(holds("s", "profile: s\nrevision: 1\nsource: x\ndefaults: {quantity: voltage, unit: V, missing: [-1, \"N/A\"]}\npoints:\n"
			   " - {name: a, at: oid e.1.1.0}\n - {name: b, at: oid e.1.2.0}\n - {name: c, at: oid e.1.3.0}\n - {name: d, at: oid e.1.4.0}\n - {name: e, at: oid e.1.5.0}\n"
			   "tests:\n - {name: t, given: {oid e.1.1.0: -1, oid e.1.2.0: \"N/A\", oid e.1.3.0: \"\", oid e.1.4.0: \"--\", oid e.1.5.0: \"230.5\"}, expect: {a: none, b: none, c: none, d: none, e: 230.5}}\n", 5));
}

/* As strangers write them: bits of the other sign, decimals for floats and texts, ranges of them; leading zeros are no octal. */
static void sentinels_as_people_write_them(void **state)
{
	(void)state;
	library_free(holds("p", "profile: p\nrevision: 1\nsource: x\ndefaults: {quantity: voltage, unit: V}\npoints:\n"
			   " - {name: hex_i16, at: holding 0, type: i16, missing: 0x8000}\n - {name: ones_i16, at: holding 1, type: i16, missing: [32767, 65535]}\n"
			   " - {name: minus_u16, at: holding 2, missing: -1}\n - {name: minus_u32, at: holding 3, type: u32, missing: -1}\n"
			   " - {name: near_u32, at: holding 5, type: u32, scale: 0.0001, missing: -1}\n - {name: f_decimal, at: holding 7, type: f32, missing: -99.9}\n"
			   " - {name: f_range, at: holding 9, type: f32, missing: 1e9..1e30}\n - {name: f_near, at: holding 11, type: f32, missing: [-99.9, 1e9..1e30]}\n"
			   " - {name: range_u32, at: holding 13, type: u32, scale: 0.0001, missing: -2147483648..-1}\n - {name: octal, at: holding 0015, missing: 010}\n"
			   " - {name: bcd_is_no_pattern, at: holding 16, type: sm16, missing: 0x8005}\n"
			   "tests:\n - {name: t, given: {holding 0: [0x8000, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xfffe, 0xc2c7, 0xcccd, 0x4f00, 0, 0xc2c7, 0x3333, 0xf000, 0, 8], holding 0016: [0x8005]},\n"
			   "    expect: {hex_i16: none, ones_i16: none, minus_u16: none, minus_u32: none, near_u32: 429496.729, f_decimal: none, f_range: none, f_near: -99.6, range_u32: 402653.184, octal: 8,\n"
			   "     bcd_is_no_pattern: -5}}\n", 11));
	library_free(holds("s", "profile: s\nrevision: 1\nsource: x\ndefaults: {quantity: temperature, unit: Cel, missing: [-99.9, 900.5..1000, -1]}\npoints:\n"
			   " - {name: a, at: oid e.1.1.0}\n - {name: b, at: oid e.1.2.0}\n - {name: c, at: oid e.1.3.0}\n - {name: d, at: oid e.1.4.0}\n - {name: e, at: oid e.1.5.0}\n"
			   "tests:\n - {name: t, given: {oid e.1.1.0: \"-99.90 C\", oid e.1.2.0: \"999.9\", oid e.1.3.0: \"-99.8\", oid e.1.4.0: 4294967295, oid e.1.5.0: \"1,234\"}, expect: {a: none, b: none, c: -99.8, d: none, e: none}}\n", 5));
}

/* A part of the index is what index_parts says: a text in names and labels, its numbers in a join. */
static void index_parts_in_templates(void **state)
{
	(void)state;
	library_free(holds("p", "profile: p\nrevision: 1\nsource: x\npoints:\n - {name: outlet.*.power, quantity: active_power, unit: W, at: column e.1.3, index_parts: [string, int], index_shown: $1-$2,\n"
			   "    label: \"$2 of $1\", where: {at: \"column e.1.4 @ $1\", equals: 7}}\n"
			   "tests:\n - {name: t, given: {oid e.1.3.2.65.66.1: 114, oid e.1.3.2.65.66.2: 115, oid e.1.3.1.67.1: 9, oid e.1.4.2.65.66: 7, oid e.1.4.1.67: 8}, expect: {outlet.AB-1.power: 114, outlet.AB-2.power: 115}}\n", 2));
}

/* The addresses of `given` are counted as those of the points. */
static void given_by_the_same_base(void **state)
{
	(void)state;
	struct library *lib = holds("p", "profile: p\nrevision: 1\nsource: x\naddress_base: 40001\nidentify: {holding: 40001, equals: 7}\npoints:\n - {name: total.power, quantity: active_power, unit: W, at: holding 40053, type: u32}\n"
			   "tests:\n - {name: t, given: {holding 40053: [0, 99], holding 40001: 7}, expect: {total.power: 99}}\n", 1);
	assert_int_equal(profile_points(library_find(lib, "p"))[0].at.address, 52);
	library_free(lib);
}

static void first_of_a_name_wins(void **state)
{
	(void)state;
	struct library *lib = library_new();
	struct err err = { 0 };
	add(lib, "/etc/site.yaml", "profile: t\nrevision: 2\nsource: site\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n");
	add(lib, "/usr/t.yaml", "profile: t\nrevision: 1\nsource: vendor\npoints:\n - {name: a, quantity: voltage, unit: V, at: holding 1}\n");
	assert_true(library_close(lib, &err));
	assert_string_equal(library_find(lib, "t")->source, "site");
	assert_int_equal(conf_warning_count(library_conf(lib)), 1);
	library_free(lib);
}

/* ---- import ---- */

static const char table[] =
	"Name,FC,Register address,Data type,Unit,Scale,Description\n"
	"Voltage L1-N,3,0x0000,uint16,V,0.1,\n"
	"Total Active Power,4,18,INT32,W,x10,all phases\n"
	"Total Active Power,4,20,INT32,W,/10,\n"
	"Total Energy,3,40,uint32,kWh,0.01,\n"
	"Humidity,3,50,uint16,%,0.1,\n"
	"PF,3,51,int16,,0.001,\n"
	"Model,3,60,string,,,\n"
	"Distance,3,70,uint16,furlong,1,\n"
	"\xe7\x94\xb5\xe6\xb5\x81,3,71,float,A,,\n";

/* Tables as vendors send them: a title above the headings, a mark in front, semicolons, decimal commas, merged cells, the unit in the name. */
static const char messy[] =
	"\xef\xbb\xbfRegister list MX3;;;;;\n;;;;;\nGroup;Reg.;Name;Data format;Unit / Einheit;Faktor\n"
	"Voltages;40001;Voltage L1-N [V];UINT32;;0,1\n;40003;Voltage L2-N (V);UINT32;-;0,1\nPower;400013;Active power;S32;kW;0,001\n"
	"Energy;4x0015;Active energy import;Unsigned 64 bit;kWh;1/10\nClimate;30001;Room temperature;INT16;\xc2\xb0" "C;0,1\n;1A0H;Fan speed;weird;%;1\n;12.5;Nonsense;U16;V;1\n";
static const char hexed[] = "Parameter,Address (hex),Function,Type,Unit,Resolution\nSupply air,0100,04,S16,degC,0.1\nReturn air,10A,FC04,U16,degC,\"0,1\"\nHours,0x0104-0x0105,04,U32,h,1\n";

static const char titled[] = "ACME PM100, register map, rev. C\n\nStart reg,Qty,Signal,Signed,Unit,Gain,R/W\n32080,2,Active power,I32,kW,1000,RO\n32106,2,Energy,U32 (LSW first),kWh,100,R/W\n40003,1,CT,u16,A,,RW\n"
			     "40004,1,Reset,u16,A,,W\n65535,2,Last,u32,V,1,\n";
static const char scaled[] = "Modbus address;Name;Type;Unit;Scaling\n\"30,001\";a;U16;V;\xc3\xb7" "10\n30002..30003;b;U32;V;10^-2\n30004;c;U16;V;10\n30005;d;U16;V;value/10\n30006;e;U16;V;1,000\n30007;f;U16;V;\xc3\x97 0,5\n"
			     "30008;g;U16;0.1 V;\n30009;h;U16;V;1:4\n";

static const char merged[] = ";;;Register table;;;\nNo;Name;;Address;Type;Unit;Factor\n1;Phase A;Voltage;40001;UINT16;V;0.1\n2;;Current;40002;UINT16;A;0.01\n"
			     "3;Phase B;Voltage;40005;UINT16;V;0.1\n4;Total energy;;40009;UINT32;kWh;0.01\n";

static void import_messy(void **state)
{
	(void)state;
	static const struct { const char *table; size_t len; const char *says[9]; size_t points; } rows[] = {
		{ messy, sizeof messy - 1, { "quantity: voltage, at: holding 0x0000, type: u32, unit: \"V\", scale: 1/10", "quantity: voltage, at: holding 0x0002, type: u32, unit: \"V\"",
		  "quantity: active_power, at: holding 0x000C, type: i32, unit: \"kW\", scale: 1/1000", "quantity: energy, at: holding 0x000E, type: u64, unit: \"kWh\", scale: 1/10",
		  "quantity: temperature, at: input 0x0000, type: i16", "at: holding 0x01A0, type: u16, unit: \"%\", label: \"Fan speed\"}   # the type was not understood: check",
		  "# line 10 left out (no address): Nonsense" }, 6 },
		{ hexed, sizeof hexed - 1, { "at: input 0x0100, type: i16", "at: input 0x010A, type: u16, unit: \"degC\", scale: 1/10", "at: input 0x0104, type: u32, unit: \"h\"" }, 3 },
		{ titled, sizeof titled - 1, { "at: input 0x081F, type: i32, unit: \"kW\", scale: 1/1000, label", "type: u32, order: cdab, unit: \"kWh\", scale: 1/100, resettable: true",
		  "at: holding 0x0002, type: u16, unit: \"A\", configured: true", "(only written): Reset", "(it ends behind address 0xffff): Last", "# 4 addresses such as 40053 or 32080 were read by their leading digit" }, 3 },
		{ scaled, sizeof scaled - 1, { "{name: point_1, quantity: voltage, at: input 0x0000, type: u16, unit: \"V\", scale: 1/10,", "at: input 0x0001, type: u32, unit: \"V\", scale: 1/100,",
		  "scale: 10, label: \"c\"}   # taken as times 10; where the register holds so many times the value, it is 1/10", "label: \"d\"}   # the scale was not understood", "label: \"e\"}   # the scale was not understood",
		  "unit: \"V\", scale: 1/2, label: \"f\"}\n", "unit: \"V\", scale: 1/10, label: \"g\"}\n", "unit: \"V\", scale: 1/4, label: \"h\"}\n" }, 8 },
		{ merged, sizeof merged - 1, { "{name: phase_a_voltage,", "{name: phase_a_current, quantity: current, at: holding 0x0001", "{name: phase_b_voltage,", "{name: total_energy," }, 4 } };
	for (size_t i = 0; i < countof(rows); i++) {
		const struct import_options o = { .name = "acme", .address_base = -1 };
		CLEANUP(buf_done) struct buf yaml = { 0 };
		struct err err = { 0 };
		if (!profile_import("t.csv", rows[i].table, rows[i].len, &o, &yaml, &err))
			fail_msg("%s", err.text);
		for (size_t k = 0; k < countof(rows[i].says) && rows[i].says[k]; k++)
			if (!strstr(yaml.data, rows[i].says[k]))
				fail_msg("\"%s\" is not in\n%s", rows[i].says[k], yaml.data);
		struct library *lib = library_new();
		library_add(lib, "acme.yaml", yaml.data, yaml.len);
		if (!library_close(lib, &err))
			fail_msg("%s\n%s", err.text, yaml.data);
		assert_int_equal(library_find(lib, "acme")->points.n, rows[i].points);
		library_free(lib);
	}
}

static void import(void **state)
{
	(void)state;
	const struct import_options o = { .name = "acme", .vendor = "ACME \"x\"", .address_base = -1 };
	CLEANUP(buf_done) struct buf yaml = { 0 };
	struct err err = { 0 };
	assert_true(profile_import("t.csv", table, sizeof table - 1, &o, &yaml, &err));
	static const char *const says[] = {
		"{name: voltage_l1_n, quantity: voltage, at: holding 0x0000, type: u16, unit: \"V\", scale: 1/10",
		"{name: total_active_power, quantity: active_power, at: input 0x0012, type: i32, unit: \"W\", scale: 10, label: \"all phases\"}",
		"{name: total_active_power_3, quantity: active_power, at: input 0x0014, type: i32, unit: \"W\", scale: 1/10",
		"{name: total_energy, quantity: energy, at: holding 0x0028, type: u32, unit: \"kWh\", scale: 1/100", "quantity: humidity",
		"{name: pf, quantity: power_factor, at: holding 0x0033, type: i16, scale: 1/1000", "# line 8 left out (a text): Model",
		"# line 9 left out (unit not known): Distance", "{name: point_9, quantity: current, at: holding 0x0047, type: f32" };
	for (size_t i = 0; i < countof(says); i++)
		if (!strstr(yaml.data, says[i]))
			fail_msg("\"%s\" is not in\n%s", says[i], yaml.data);
	/* what was made is a profile */
	struct library *lib = library_new();
	library_add(lib, "acme.yaml", yaml.data, yaml.len);
	if (!library_close(lib, &err))
		fail_msg("%s", err.text);
	assert_int_equal(library_find(lib, "acme")->points.n, 7);
	library_free(lib);
	buf_reset(&yaml);
	static const char listed[] = "name;address;type;unit\na;40010;u16;V\nb;30011;u16;A\n";
	assert_true(profile_import("t.csv", listed, sizeof listed - 1, &o, &yaml, &err));
	assert_non_null(strstr(yaml.data, "at: holding 0x0009"));
	assert_non_null(strstr(yaml.data, "at: input 0x000A"));
	buf_reset(&yaml);
	static const char objects[] = "name,oid,unit,factor\nPower,1.3.6.1.4.1.9.1.0,W,1\nOutlet power,.1.3.6.1.4.1.9.2.1.4,W,0.1\n";
	assert_true(profile_import("t.csv", objects, sizeof objects - 1, &o, &yaml, &err));
	assert_non_null(strstr(yaml.data, "{name: power, quantity: active_power, at: oid 1.3.6.1.4.1.9.1.0"));
	assert_non_null(strstr(yaml.data, "{name: outlet_power.*, quantity: active_power, at: column 1.3.6.1.4.1.9.2.1.4"));
	assert_false(profile_import("t.csv", "a,b\n1,2\n", 8, &o, &yaml, &err));
	assert_non_null(strstr(err.text, "looks like addresses"));
}

/* ---- joins, filters and texts of tables ---- */

static void text_states_and_partial_walks(void **state)
{
	(void)state;
	static const char yaml[] = HEAD "points:\n"
		" - {name: s.*, at: column e.1.1.1.2, states: {\"OK\": normal, \"FAIL\": alarm}}\n"
		" - {name: t.*, quantity: temperature, at: column e.1.1.1.3, unit_from: text}\n"
		"tests:\n - name: texts\n   given:\n"
		"    oid e.1.1.1.2.1: \"ok\"\n    oid e.1.1.1.2.2: \"FAIL\"\n    oid e.1.1.1.2.3: \"maybe\"\n"
		"    oid e.1.1.1.3.1: \"28,5 C\"\n    oid e.1.1.1.3.2: \"77.0 F\"\n    oid e.1.1.1.3.3: \"5 furlong\"\n"
		"   expect: {s.1: normal, s.2: alarm, s.3: none, t.1: 28.5, t.2: 25, t.3: none}\n";
	struct library *lib = library_new();
	struct err err = { 0 };
	CLEANUP(buf_done) struct buf findings = { 0 };
	size_t facts;
	add(lib, "t.yaml", yaml);
	if (!library_close(lib, &err))
		fail_msg("%s", err.text);
	if (profile_test(library_at(lib, 0), &facts, &findings))
		fail_msg("%s", findings.data);
	assert_int_equal(facts, 6);
	/* a wrong expectation is found, with its place */
	library_free(lib);
	lib = library_new();
	add(lib, "t.yaml", POINT("") "tests:\n - {name: wrong, given: {holding 1: 230}, expect: {a: 231}}\n");
	assert_true(library_close(lib, &err));
	assert_int_equal(profile_test(library_at(lib, 0), &facts, &findings), 1);
	assert_int_equal(strncmp(findings.data, "t.yaml:7:", 9), 0);
	assert_non_null(strstr(findings.data, "test \"wrong\": a is 230, expected 231"));
	library_free(lib);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(bad_profiles), cmocka_unit_test(inheritance), cmocka_unit_test(null_clears), cmocka_unit_test(sentinels_are_no_values), cmocka_unit_test(sentinels_as_people_write_them), cmocka_unit_test(index_parts_in_templates), cmocka_unit_test(given_by_the_same_base), cmocka_unit_test(first_of_a_name_wins), cmocka_unit_test(import), cmocka_unit_test(import_messy),
					    cmocka_unit_test(text_states_and_partial_walks) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
