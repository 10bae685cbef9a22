/* The eight recordings of real devices as other units of the same make would give them: rows in another order, objects missing, tables of
 * other devices beside, another firmware's text.  Whatever is missing, a value that is still given is the one that the whole recording gives:
 * never another one, never a scale that is not there.  Skipped where there are no recordings (../shared or $PUED_SHARED). */
#include "tests/unit/core/library_kit.h"
#include "tests/unit/test.h"
#include "core/decode.h"
#include "core/replica.h"

#include <stdlib.h>

enum { SKIPPED = 77, MAX_LINES = 2000, SUBSETS = 60 };

static const char *const files[] = { "apc-inrow", "apc_ap8853", "eatonpdu_2", "generex-ups_cs141", "huaweiups_ups2000", "hwg-poseidon", "raritan-pdu_px2", "sentry3_3phase" };

struct recording { struct buf bytes; char *lines[MAX_LINES]; size_t n; };
struct value { char source[200]; int quantity; int64_t value; bool has; };
struct picture { struct value *values; size_t n; char profile[64]; };

static struct library *lib;
static struct recording recordings[countof(files)];
static size_t wrong, compared;

static bool read_recording(const char *shared, const char *name, struct recording *r)
{
	char path[1000], *save = NULL;
	snprintf(path, sizeof path, "%s/recordings/%s.snmprec", shared, name);
	if (!kit_file(path, &r->bytes))
		return false;
	for (char *line = strtok_r(r->bytes.data, "\r\n", &save); line && r->n < MAX_LINES; line = strtok_r(NULL, "\r\n", &save))
		r->lines[r->n++] = line;
	return true;
}

/* What a probe of these lines sees; false when no profile fits. */
static bool look(char *const *lines, size_t n, struct picture *out)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct replica *r = replica_new();
	struct identity who;
	struct bound *b = NULL;
	struct sample *s = NULL;
	struct err err = { 0 };
	for (size_t i = 0; i < n; i++)
		buf_printf(&text, "%s\n", lines[i]);
	bool good = r && text.len && replica_snmprec(r, text.data, text.len, &err) && replica_identify(r, lib, TRANSPORT_SNMP, &who, &err) &&
		    replica_probe(r, who.profile, &b, &s, &err);
	*out = (struct picture){ 0 };
	if (good) {
		snprintf(out->profile, sizeof out->profile, "%s", who.profile->name);
		out->values = calloc(b->n + 1, sizeof *out->values);
		for (size_t i = 0; out->values && i < b->n; i++) {
			struct value *v = &out->values[out->n++];
			snprintf(v->source, sizeof v->source, "%s", b->points[i].source);
			v->quantity = b->points[i].quantity;
			v->value = s[i].value;
			v->has = sample_has_value(&s[i]);
		}
	}
	bound_free(b);
	free(s);
	replica_free(r);
	return good;
}

static const struct value *find(const struct picture *p, const struct value *like)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->values[i].quantity == like->quantity && !strcmp(p->values[i].source, like->source))
			return &p->values[i];
	return NULL;
}

/* Nothing of `now` may be another value than the whole device gave. */
static size_t compare(const char *file, const char *what, const struct picture *whole, const struct picture *now)
{
	size_t kept = 0;
	for (size_t i = 0; i < now->n; i++) {
		const struct value *v = &now->values[i], *was = v->has ? find(whole, v) : NULL;
		if (!v->has || !was)
			continue;
		compared++;
		kept += was->has;
		if (was->has && was->value == v->value)
			continue;
		if (wrong++ < 40)
			printf("WRONG %s, %s: %s of %s is %lld, was %lld%s\n", file, what, v->source, now->profile, (long long)v->value, (long long)was->value, was->has ? "" : " (no value)");
	}
	return kept;
}

static size_t with_value(const struct picture *p)
{
	size_t n = 0;
	for (size_t i = 0; i < p->n; i++)
		n += p->values[i].has;
	return n;
}

static uint64_t state = 42;
static size_t below(size_t n)
{
	state = state * 6364136223846793005u + 1442695040888963407u;
	return (size_t)((state >> 33) % n);
}

static void one_look(const char *file, const char *what, const struct picture *whole, char *const *lines, size_t n, bool all)
{
	struct picture now;
	if (look(lines, n, &now)) {
		size_t kept = compare(file, what, whole, &now);
		if (all && kept != with_value(whole) && wrong++ < 40)
			printf("WRONG %s, %s: %zu values of %zu are left, profile %s\n", file, what, kept, with_value(whole), now.profile);
	} else if (all && wrong++ < 40) {
		printf("WRONG %s, %s: no profile fits\n", file, what);
	}
	free(now.values);
}

static void each_line_missing(const char *file, const struct recording *r, const struct picture *whole)
{
	char *lines[MAX_LINES];
	for (size_t gone = 0; gone < r->n; gone++) {
		size_t n = 0;
		for (size_t i = 0; i < r->n; i++)
			if (i != gone)
				lines[n++] = r->lines[i];
		one_look(file, r->lines[gone], whole, lines, n, false);
	}
}

static void subsets(const char *file, const struct recording *r, const struct picture *whole)
{
	char *lines[MAX_LINES], what[40];
	for (size_t k = 0; k < SUBSETS; k++) {
		size_t n = 0;
		for (size_t i = 0; i < r->n; i++)
			if (below(100) < 30 + k)
				lines[n++] = r->lines[i];
		snprintf(what, sizeof what, "subset %zu", k);
		one_look(file, what, whole, lines, n, false);
	}
}

static void shuffled(const char *file, const struct recording *r, const struct picture *whole)
{
	char *lines[MAX_LINES];
	memcpy(lines, r->lines, r->n * sizeof *lines);
	for (size_t i = r->n; i > 1; i--) {
		size_t k = below(i);
		char *t = lines[i - 1];
		lines[i - 1] = lines[k];
		lines[k] = t;
	}
	one_look(file, "in another order", whole, lines, r->n, true);
}

static bool is_system(const char *line)
{
	return !strncmp(line, "1.3.6.1.2.1.1.", 14);
}

/* Another device's tables beside one's own: a card that answers for two. */
static void beside_others(const char *file, const struct recording *r, const struct picture *whole)
{
	static char *lines[MAX_LINES * 2];
	for (size_t o = 0; o < countof(files); o++) {
		size_t n = 0;
		if (r == &recordings[o])
			continue;
		for (size_t i = 0; i < r->n; i++)
			lines[n++] = r->lines[i];
		for (size_t i = 0; i < recordings[o].n; i++) {
			bool known = is_system(recordings[o].lines[i]);
			size_t name = strcspn(recordings[o].lines[i], "|");
			for (size_t k = 0; k < r->n && !known; k++)
				known = !strncmp(recordings[o].lines[i], r->lines[k], name + 1);
			if (!known)
				lines[n++] = recordings[o].lines[i];
		}
		one_look(file, files[o], whole, lines, n, true);
	}
}

static void other_firmware(const char *file, const struct recording *r, const struct picture *whole)
{
	char *lines[MAX_LINES];
	memcpy(lines, r->lines, r->n * sizeof *lines);
	for (size_t i = 0; i < r->n; i++)
		if (!strncmp(lines[i], "1.3.6.1.2.1.1.1.0|", 18))
			lines[i] = (char *)"1.3.6.1.2.1.1.1.0|4|Version 99.1 (2031) of something";
	one_look(file, "another firmware's text", whole, lines, r->n, false);
}

int main(void)
{
	const char *shared = getenv("PUED_SHARED") ? getenv("PUED_SHARED") : SHARED;
	for (size_t i = 0; i < countof(files); i++)
		if (!read_recording(shared, files[i], &recordings[i])) {
			printf("skipped: no recordings beside the project (%s)\n", shared);
			return SKIPPED;
		}
	lib = kit_library();
	for (size_t i = 0; lib && i < countof(files); i++) {
		struct picture whole;
		if (!look(recordings[i].lines, recordings[i].n, &whole)) {
			printf("WRONG %s: not read\n", files[i]);
			wrong++;
		}
		shuffled(files[i], &recordings[i], &whole);
		other_firmware(files[i], &recordings[i], &whole);
		beside_others(files[i], &recordings[i], &whole);
		subsets(files[i], &recordings[i], &whole);
		each_line_missing(files[i], &recordings[i], &whole);
		printf("%s: %zu values, %zu lines\n", files[i], with_value(&whole), recordings[i].n);
		free(whole.values);
	}
	printf("%zu values compared, %zu wrong\n", compared, wrong);
	for (size_t i = 0; i < countof(files); i++)
		buf_done(&recordings[i].bytes);
	library_free(lib);
	return wrong || !compared;
}
