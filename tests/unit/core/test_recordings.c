/* The facts of the eight recordings of real devices: ../shared/recordings/expected.csv beside the project, or $PUED_SHARED.
 * Every recording is identified, discovered, planned and decoded exactly as a device on the wire would be. */
#include "tests/unit/core/library_kit.h"
#include "tests/unit/test.h"
#include "core/decode.h"
#include "core/replica.h"

#include <math.h>
#include <stdlib.h>

enum { SKIPPED = 77, COLUMNS = 10 };

struct device { char name[80]; struct bound *bound; struct sample *samples; };

static bool probe(const struct library *lib, const char *shared, const char *name, struct device *d)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct replica *r = replica_new();
	struct identity who;
	struct err err = { 0 };
	char path[1000];
	snprintf(path, sizeof path, "%s/recordings/%s.snmprec", shared, name);
	snprintf(d->name, sizeof d->name, "%s", name);
	bool good = r && kit_file(path, &bytes) && replica_snmprec(r, bytes.data, bytes.len, &err) &&
		    replica_identify(r, lib, TRANSPORT_SNMP, &who, &err) && replica_probe(r, who.profile, &d->bound, &d->samples, &err);
	if (!good)
		fprintf(stderr, "%s: %s\n", name, err.text);
	else
		printf("%s: %s, %zu points\n", name, who.profile->name, d->bound->n);
	replica_free(r);
	return good;
}

/* One CSV line with quoted cells, in place. */
static size_t cells(char *line, char *out[COLUMNS])
{
	size_t n = 0;
	for (char *p = line; n < COLUMNS;) {
		bool quoted = *p == '"';
		out[n++] = p += quoted;
		p = quoted ? strchr(p, '"') : p + strcspn(p, ",\r\n");
		if (!p)
			return n;
		bool more = *p && (quoted ? p[1] == ',' : *p == ',');
		*p = 0;
		if (!more)
			return n;
		p += 1 + quoted;
	}
	return n;
}

static const char *our_quantity(const char *q)
{
	return strcmp(q, "water_flow") ? q : "flow";
}

static const char *our_unit(const char *u)
{
	static const char *const rows[][2] = { { "degC", "Cel" }, { "%RH", "%" }, { "kWh", "kW.h" }, { "VA", "V.A" }, { "label", "1" } };
	for (size_t i = 0; i < countof(rows); i++)
		if (!strcmp(rows[i][0], u))
			return rows[i][1];
	return u;
}

/* An empty text when the fact holds, else what is wrong. */
static void check_fact(const struct device *d, char *const c[COLUMNS], struct buf *wrong)
{
	const struct bound_point *p = NULL;
	CLEANUP(buf_done) struct buf got = { 0 };
	size_t at = 0;
	for (; at < d->bound->n; at++)
		if (!strcmp(d->bound->points[at].source, c[3])) {
			p = &d->bound->points[at];
			break;
		}
	if (!p) {
		buf_str(wrong, "no point reads it");
		return;
	}
	if (strcmp(quantities[p->quantity].name, our_quantity(c[1])) || strcmp(quantities[p->quantity].unit, our_unit(c[6])))
		buf_printf(wrong, "is %s in %s; ", quantities[p->quantity].name, quantities[p->quantity].unit);
	bool has = sample_has_value(&d->samples[at]);
	if (has)
		bound_value_text(p, d->samples[at].value, &got);
	const char *text = has && got.data ? got.data : "none";
	if (!strcmp(c[6], "label") || !strcmp(c[7], "none") || !has) {
		if (strcmp(text, c[7]))
			buf_printf(wrong, "%s is %s, expected %s", p->name, text, c[7]);
		return;
	}
	double want = atof(c[7]), have = atof(text);
	if (fabs(have - want) > fabs(want) * 0.001)
		buf_printf(wrong, "%s is %s, expected %s", p->name, text, c[7]);
}

int main(void)
{
	const char *shared = getenv("PUED_SHARED") ? getenv("PUED_SHARED") : SHARED;
	CLEANUP(buf_done) struct buf csv = { 0 };
	char path[1000], *save = NULL;
	snprintf(path, sizeof path, "%s/recordings/expected.csv", shared);
	if (!kit_file(path, &csv)) {
		printf("skipped: no recordings beside the project (%s)\n", path);
		return SKIPPED;
	}
	struct library *lib = kit_library();
	struct device devices[16] = { 0 };
	size_t n = 0, facts = 0, held = 0;
	strtok_r(csv.data, "\n", &save);                     /* header */
	for (char *line; lib && (line = strtok_r(NULL, "\n", &save));) {
		char *c[COLUMNS];
		CLEANUP(buf_done) struct buf wrong = { 0 };
		if (cells(line, c) < 8)
			continue;
		size_t i = 0;
		while (i < n && strcmp(devices[i].name, c[0]))
			i++;
		if (i == n && n < countof(devices))
			(void)!probe(lib, shared, c[0], &devices[n++]);
		facts++;
		if (i < n && devices[i].bound)
			check_fact(&devices[i], c, &wrong);
		else
			buf_str(&wrong, "the device was not read");
		held += !wrong.len;
		if (wrong.len)
			printf("WRONG %s %s %s %s: %s\n", c[0], c[1], c[2], c[3], wrong.data);
	}
	printf("%zu of %zu facts\n", held, facts);
	for (size_t i = 0; i < n; i++) {
		bound_free(devices[i].bound);
		free(devices[i].samples);
	}
	library_free(lib);
	return facts >= 138 && held == facts ? 0 : 1;
}
