/* Any bytes as registers, as a variable, and as a recording: every decoder of every type and order, text numbers included.
 * What must hold: one sample a point, a value only inside its plausible range. */
#include "core/decode.h"
#include "core/replica.h"
#include "core/type.h"

#include <stdlib.h>
#include <string.h>

static const char yaml[] =
	"profile: fuzz\nrevision: 1\nsource: the fuzz target\npoints:\n"
	" - {name: a, quantity: voltage, at: holding 0, type: u16, unit: V, scale: 0.1, range: [0, 500], missing: [0xffff, 7..9]}\n"
	" - {name: b, quantity: temperature, at: holding 1, type: f32, order: cdab, unit: degF}\n"
	" - {name: c, quantity: energy, at: holding 3, type: u64, unit: kW.h, scale: 0.01, missing: all_ones}\n"
	" - {name: d, quantity: power_factor, at: holding 7, type: f64, transform: pf-4q}\n"
	" - {name: e, quantity: energy, at: holding 11, type: mod10k64, unit: W.h}\n"
	" - {name: f, quantity: current, at: holding 15, type: bcd32, order: dcba, unit: mA, scale: 1/3}\n"
	" - {name: g, quantity: active_power, at: holding 17, type: string, words: 8, unit: kW}\n"
	" - {name: h, at: holding 25, type: u16, bits: [4, 7], states: {0: off, 1: on}}\n";
static const char objects[] =
	"profile: fuzz\nrevision: 1\nsource: the fuzz target\npoints:\n"
	" - {name: t.*, quantity: temperature, at: column e.1.1, unit_from: text, label_from: column e.1.2, available: {column: e.1.3, equals: 1, optional: true}}\n"
	" - {name: p.*, quantity: energy, at: column e.1.4, unit: W.h, scale_from: {at: column e.1.5, as: digits}, index_parts: [string, int]}\n";

static struct library *library(const char *text)
{
	struct library *lib = library_new();
	struct err err;
	library_add(lib, "fuzz.yaml", text, strlen(text));
	if (!library_close(lib, &err))
		abort();
	return lib;
}

static void as_registers(const struct library *lib, const uint8_t *bytes, size_t len)
{
	struct err err;
	struct discover *d = discover_new(library_at(lib, 0), NULL, 0, &err);
	struct bound *b = discover_finish(d, &err);
	struct plan *p = plan_make(b, NULL, &err);
	uint16_t words[125] = { 0 };
	struct sample out[16];
	size_t n = len / 2 < 125 ? len / 2 : 125;
	memcpy(words, bytes, n * 2);
	for (size_t i = 0; i < p->n; i++) {
		struct reading r = { .request = &p->requests[i], .words = words, .n_words = len % 7 ? p->requests[i].count : n };
		if (decode_reading(p, &r, 0, out) != plan_slots(p, (uint32_t)i))
			abort();
		for (size_t k = 0; k < plan_slots(p, (uint32_t)i); k++) {
			const struct bound_point *q = &b->points[out[k].series];
			if (sample_has_value(&out[k]) && (out[k].value < q->min || out[k].value > q->max))
				abort();
		}
	}
	struct buf text = { 0 };
	decode_alternatives(words, n, Q_VOLTAGE, &text);
	buf_done(&text);
	plan_free(p);
	bound_free(b);
	discover_free(d);
}

static void as_recording(const struct library *lib, const uint8_t *bytes, size_t len)
{
	struct replica *r = replica_new();
	struct bound *b;
	struct sample *s;
	struct err err = { 0 };
	if (replica_snmprec(r, bytes, len, &err) && replica_probe(r, library_at(lib, 0), &b, &s, &err)) {
		for (size_t i = 0; i < b->n; i++)
			if (sample_has_value(&s[i]) && (s[i].value < b->points[i].min || s[i].value > b->points[i].max))
				abort();
		bound_free(b);
		free(s);
	}
	replica_free(r);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static struct library *registers, *variables;
	if (!registers) {
		registers = library(yaml);
		variables = library(objects);
	}
	as_registers(registers, bytes, len);
	as_recording(variables, bytes, len);
	return 0;
}
