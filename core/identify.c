/* Which profile of the library fits a device. */
#include "core/discover.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum stage { STAGE_SYSTEM, STAGE_SERVER, STAGE_LIKELY, STAGE_GENERIC, STAGE_DONE };
enum { TEST_ROWS = 20 };

struct candidate { const struct profile *profile; int score; };

struct identify {
	const struct library *lib;
	enum transport transport;
	enum stage stage;
	bool asked;                      /* the stage's request is out */
	struct request request;
	struct oid system[3];            /* sysDescr.0, sysObjectID.0, sysName.0 */
	struct identity found;
	char server_id[256];
	bool has_object_id;
	struct oid object_id;
	struct discover *tests;
	struct candidate *candidates;
	size_t n_candidates;
	bool answered;                   /* anything at all */
	struct err err;                  /* the first failure */
};

struct identify *identify_new(const struct library *lib, enum transport transport, struct err *err)
{
	static const uint32_t objects[] = { 1, 2, 5 };
	struct identify *id = calloc(1, sizeof *id);
	if (!id || !(id->candidates = calloc(library_count(lib) + 1, sizeof *id->candidates))) {
		identify_free(id);
		err_memory(err);
		return NULL;
	}
	id->lib = lib;
	id->transport = transport;
	for (size_t i = 0; i < countof(objects); i++)
		id->system[i] = (struct oid){ 9, { 1, 3, 6, 1, 2, 1, 1, objects[i], 0 } };
	return id;
}

void identify_free(struct identify *id)
{
	if (!id)
		return;
	discover_free(id->tests);
	free(id->candidates);
	free(id);
}

/* ---- rules ---- */

/* Holds what the rule says about the device's own description?  *specific: it said something. */
static bool described(const struct identify *id, const struct rule *r, bool *specific, int *score)
{
	const struct { const char *glob, *text; } rows[] = {
		{ r->description, id->found.description }, { r->vendor, id->found.vendor }, { r->product, id->found.model },
		{ r->version, id->found.firmware }, { r->server_id, id->server_id } };
	*specific = false;
	*score = 0;
	if (r->object_id) {
		*specific = true;
		if (!id->has_object_id || !oid_under(&id->object_id, r->object_id))
			return false;
		*score += 100 + 10 * (int)r->object_id->n;
	}
	for (size_t i = 0; i < countof(rows); i++) {
		if (!rows[i].glob)
			continue;
		*specific = true;
		if (!glob_match(rows[i].glob, rows[i].text))
			return false;
		*score += 40;
	}
	return true;
}

static bool one_test(const struct identify *id, const struct test *t)
{
	const struct discover *d = id->tests;
	struct number n;
	enum reason why;
	if (t->at.space) {
		const struct known_words *w = discover_words(d, t->at.space, t->at.address);
		return w && w->n >= t->coding.words && coding_decode(&t->coding, w->words, &n, &why) && test_holds(t, &n);
	}
	const struct known *k = t->at.column ? discover_first(d, t->at.oid) : discover_find(d, t->at.oid);
	if (!t->at.column)
		return k && known_number(k, &t->coding, &n) && test_holds(t, &n);
	for (const struct known *end = d->known + d->n_known; k && k < end && oid_under(k->name, t->at.oid); k++)
		if (known_number(k, &t->coding, &n) && test_holds(t, &n))
			return true;
	return false;
}

static bool tests_hold(const struct identify *id, const struct rule *r, int *score)
{
	const struct test *t = r->all.items;
	if (r->test.at.oid || r->test.at.space) {
		if (!one_test(id, &r->test))
			return false;
		*score += 25;
	}
	for (size_t i = 0; i < r->all.n; i++) {
		if (!one_test(id, &t[i]))
			return false;
		*score += 25;
	}
	return true;
}

/* Calls `each` for every rule of this stage: in STAGE_LIKELY those that name the device, in STAGE_GENERIC those that only test values. */
static void each_rule(struct identify *id, void (*each)(struct identify *, const struct profile *, const struct rule *, int score))
{
	for (size_t i = 0; i < library_count(id->lib); i++) {
		const struct profile *p = library_at(id->lib, i);
		const struct rule *r = p->rules.items;
		if (p->abstract || p->transport != (int)id->transport)
			continue;
		for (size_t k = 0; k < p->rules.n; k++) {
			bool specific;
			int score;
			if (described(id, &r[k], &specific, &score) && specific == (id->stage == STAGE_LIKELY))
				each(id, p, &r[k], score + (int)p->priority);
		}
	}
}

static void want(struct identify *id, const struct profile *p, const struct rule *r, int score)
{
	(void)p, (void)score;
	struct conf_vec one = { (void *)&r->test, r->test.at.oid || r->test.at.space };
	discover_tests(id->tests, &one);
	discover_tests(id->tests, &r->all);
}

static void judge(struct identify *id, const struct profile *p, const struct rule *r, int score)
{
	if (!tests_hold(id, r, &score))
		return;
	for (size_t i = 0; i < id->n_candidates; i++)
		if (id->candidates[i].profile == p) {
			if (score > id->candidates[i].score)
				id->candidates[i].score = score;
			return;
		}
	id->candidates[id->n_candidates++] = (struct candidate){ p, score };
}

static int by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	return x->score != y->score ? (x->score < y->score ? 1 : -1) : strcmp(x->profile->name, y->profile->name);
}

/* ---- the machine ---- */

static void start_tests(struct identify *id)
{
	if (!(id->tests = discover_empty(&id->err))) {
		id->stage = STAGE_DONE;
		return;
	}
	id->tests->lenient = true;
	id->tests->max_rows = TEST_ROWS;
	each_rule(id, want);
}

static void end_tests(struct identify *id)
{
	discover_sort(id->tests);
	each_rule(id, judge);
	if (id->n_candidates)
		qsort(id->candidates, id->n_candidates, sizeof *id->candidates, by_score);
	discover_free(id->tests);
	id->tests = NULL;
	id->stage = id->n_candidates || id->stage == STAGE_GENERIC ? STAGE_DONE : STAGE_GENERIC;
}

const struct request *identify_next(struct identify *id)
{
	if (id->stage == STAGE_SYSTEM && id->transport == TRANSPORT_SNMP) {
		id->request = (struct request){ .kind = REQUEST_SNMP_GET, .oids = id->system, .n_oids = countof(id->system) };
		return &id->request;
	}
	if (id->stage == STAGE_SYSTEM || id->stage == STAGE_SERVER) {
		id->request = (struct request){ .kind = id->stage == STAGE_SYSTEM ? REQUEST_MODBUS_DEVICE_ID : REQUEST_MODBUS_SERVER_ID };
		return &id->request;
	}
	while (id->stage != STAGE_DONE) {
		if (!id->tests)
			start_tests(id);
		const struct request *q = id->tests ? discover_next(id->tests) : NULL;
		if (q)
			return q;
		if (id->tests)
			end_tests(id);
	}
	return NULL;
}

static void take_system(struct identify *id, const struct reading *r)
{
	for (size_t i = 0; i < r->n_vars; i++) {
		const struct var *v = &r->vars[i];
		CLEANUP(buf_done) struct buf b = { 0 };
		if (!oid_compare(&v->name, &id->system[1]) && v->type == VAR_OID) {
			id->has_object_id = oid_join(&v->oid, NULL, 0, &id->object_id);
			oid_text(&v->oid, &b);
			snprintf(id->found.object_id, sizeof id->found.object_id, "%s", b.data ? b.data : "");
		} else if (!oid_compare(&v->name, &id->system[0]) && v->type == VAR_STRING) {
			snprintf(id->found.description, sizeof id->found.description, "%.*s", (int)v->text_len, v->text);
		} else if (!oid_compare(&v->name, &id->system[2]) && v->type == VAR_STRING) {
			snprintf(id->found.name, sizeof id->found.name, "%.*s", (int)v->text_len, v->text);
		}
	}
}

static void take_objects(struct identify *id, const struct reading *r)
{
	char *const rooms[] = { id->found.vendor, id->found.model, id->found.firmware };
	if (id->stage == STAGE_SERVER) {
		for (size_t i = 0; i < r->n_objects && !id->server_id[0]; i++)
			snprintf(id->server_id, sizeof id->server_id, "%s", r->objects[i] ? r->objects[i] : "");
		return;
	}
	for (size_t i = 0; i < r->n_objects && i < countof(rooms); i++)
		snprintf(rooms[i], sizeof id->found.vendor, "%s", r->objects[i] ? r->objects[i] : "");
}

void identify_push(struct identify *id, const struct reading *r)
{
	/* an exception is an answer: somebody is there */
	bool answer = r->reason == REASON_NONE || r->reason == REASON_EXCEPTION || r->reason == REASON_NO_SUCH_OBJECT;
	id->answered |= answer;
	if (!answer && !id->err.kind)
		id->err = r->err;
	if (id->stage == STAGE_SYSTEM && id->transport == TRANSPORT_SNMP) {
		take_system(id, r);
		id->stage = answer ? STAGE_LIKELY : STAGE_DONE;
	} else if (id->stage == STAGE_SYSTEM || id->stage == STAGE_SERVER) {
		bool gone = r->reason == REASON_REFUSED || r->reason == REASON_UNREACHABLE;
		if (r->reason == REASON_NONE)
			take_objects(id, r);
		id->stage = gone ? STAGE_DONE : id->stage == STAGE_SYSTEM ? STAGE_SERVER : STAGE_LIKELY;
	} else if (id->tests) {
		discover_push(id->tests, r);
	}
}

bool identify_result(const struct identify *id, struct identity *out, struct err *err)
{
	struct identity found = id->found;
	if (!id->answered) {
		if (err)
			*err = id->err;
		return id->err.kind ? false : err_set(err, ERR_UNAVAILABLE, "the device answered nothing");
	}
	if (id->n_candidates) {
		const struct profile *p = id->candidates[0].profile;
		found.profile = p;
		found.score = id->candidates[0].score;
		if (!found.vendor[0])
			snprintf(found.vendor, sizeof found.vendor, "%s", p->vendor ? p->vendor : "");
		if (!found.model[0])
			snprintf(found.model, sizeof found.model, "%s", p->model ? p->model : "");
	}
	*out = found;
	if (found.profile)
		return true;
	if (!found.object_id[0])        /* Modbus: what it says of itself is shown beside this */
		return err_set(err, ERR_INPUT, "no profile fits what this device says or holds; name one with --profile, or write one: docs/writing-a-profile.md");
	return err_set(err, ERR_INPUT, "no profile fits this device (%s%s); name one with --profile, or write one: docs/writing-a-profile.md",
		       found.object_id, found.description[0] ? ", it describes itself" : "");
}

size_t identify_candidates(const struct identify *id, const struct profile **out, int *scores, size_t room)
{
	size_t n = id->n_candidates < room ? id->n_candidates : room;
	for (size_t i = 0; i < n; i++) {
		out[i] = id->candidates[i].profile;
		scores[i] = id->candidates[i].score;
	}
	return id->n_candidates;
}
