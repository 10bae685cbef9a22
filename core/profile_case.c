/* A profile's own tests: known words or variables and the values they must decode to. */
#include "core/decode.h"
#include "core/profile_read.h"
#include "core/replica.h"

#include <stdlib.h>
#include <string.h>

/* ---- reading ---- */

static bool read_words(struct conf *c, const struct conf_node *n, struct test_input *in)
{
	static const struct conf_range range = { -32768, 65535 };     /* -950 as a manual would write the word */
	bool list = conf_kind(n) == CONF_SEQUENCE;
	size_t count = list ? conf_count(n) : 1;
	uint16_t *words = conf_alloc(c, (count + 1) * sizeof *words);
	for (size_t i = 0; words && i < count; i++) {
		int64_t v;
		if (!conf_int(c, list ? conf_item(n, i) : n, &v, &range))
			return false;
		words[i] = (uint16_t)v;
	}
	in->words = words;
	in->n = count;
	return words != NULL;
}

static bool read_given(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	struct conf_vec *vec = out;
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "given must be a block such as 'holding 0x0034: [0x4348, 0x0000]' or 'oid e.318...: 114'");
		return false;
	}
	struct test_input *rows = conf_alloc(c, (conf_count(n) + 1) * sizeof *rows);
	for (size_t i = 0; rows && i < conf_count(n); i++) {
		const struct conf_node *value = conf_item(n, i);
		if (!read_place(c, conf_key(n, i), &rows[i].at, NULL))
			return false;
		if (rows[i].at.space) {
			if (!read_words(c, value, &rows[i]))
				return false;
			continue;
		}
		rows[i].value = conf_scalar(value);
		rows[i].text = conf_quoted(value);
		if (!rows[i].value) {
			conf_problem(c, value, "the value of an object is a number, a \"text\" or oid:1.3.6...");
			return false;
		}
	}
	*vec = (struct conf_vec){ rows, conf_count(n) };
	return rows != NULL;
}

static bool read_expect(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	(void)arg;
	if (conf_kind(n) != CONF_MAPPING) {
		conf_problem(c, n, "expect must be a block such as 'total.power: 1140'");
		return false;
	}
	struct test_expect *rows = conf_alloc(c, (conf_count(n) + 1) * sizeof *rows);
	for (size_t i = 0; rows && i < conf_count(n); i++) {
		rows[i] = (struct test_expect){ conf_scalar(conf_key(n, i)), conf_scalar(conf_item(n, i)), conf_place(conf_key(n, i)) };
		if (!rows[i].value) {
			conf_problem(c, conf_item(n, i), "expected values are numbers in the shown unit, state names, or none");
			return false;
		}
	}
	*(struct conf_vec *)out = (struct conf_vec){ rows, conf_count(n) };
	return rows != NULL;
}

static bool read_case(struct conf *c, const struct conf_node *n, void *out, const void *arg)
{
	static const struct conf_field fields[] = {
		{ "name", conf_text, offsetof(struct profile_case, name), CONF_REQUIRED },
		{ "source", conf_text, offsetof(struct profile_case, source) },
		{ "given", read_given, offsetof(struct profile_case, given), CONF_REQUIRED },
		{ "expect", read_expect, offsetof(struct profile_case, expect), CONF_REQUIRED },
		{ NULL },
	};
	struct profile_case *k = out;
	(void)arg;
	*k = (struct profile_case){ .place = conf_place(n) };
	return conf_struct(c, n, k, fields);
}

bool read_cases(struct conf *c, const struct conf_node *n, struct conf_vec *out)
{
	static const struct conf_list list = { read_case, sizeof(struct profile_case), NULL, 1, 0 };
	return conf_list_of(c, n, out, &list);
}

/* ---- the device of a test ---- */

static bool give_var(struct replica *r, const struct test_input *in)
{
	struct var *v = calloc(1, sizeof *v);
	const char *rest;
	int64_t number = 0;
	if (!v)
		return false;
	v->name.n = in->at.oid->n;
	memcpy(v->name.ids, in->at.oid->ids, v->name.n * sizeof *v->name.ids);
	bool whole = whole_number(in->value, &number, &rest) && !*rest;
	if (!in->text && !strncmp(in->value, "oid:", 4) && oid_parse(in->value + 4, &v->oid)) {
		v->type = VAR_OID;
	} else if (!in->text && whole) {
		v->type = number > UINT32_MAX ? VAR_COUNTER64 : number > INT32_MAX ? VAR_UNSIGNED : VAR_INTEGER;
		v->integer = number;
	} else {
		size_t len = strlen(in->value) < TEXT_VALUE_MAX ? strlen(in->value) : TEXT_VALUE_MAX;
		v->type = VAR_STRING;
		memcpy(v->text, in->value, len);
		v->text_len = (uint16_t)len;
	}
	bool good = replica_var(r, v);
	free(v);
	return good;
}

struct replica *profile_case_replica(const struct profile_case *c)
{
	struct replica *r = replica_new();
	const struct test_input *in = c->given.items;
	bool good = r != NULL;
	for (size_t i = 0; good && i < c->given.n; i++)
		good = in[i].at.space ? replica_words(r, in[i].at.space, in[i].at.address, in[i].words, in[i].n) : give_var(r, &in[i]);
	if (good)
		return r;
	replica_free(r);
	return NULL;
}

bool replica_identify(struct replica *r, const struct library *lib, enum transport transport, struct identity *out, struct err *err)
{
	struct identify *id = identify_new(lib, transport, err);
	const struct request *q;
	struct reading answer;
	if (!id)
		return false;
	while ((q = identify_next(id))) {
		replica_answer(r, q, (struct stamp){ 0 }, &answer);
		identify_push(id, &answer);
	}
	bool good = identify_result(id, out, err);
	identify_free(id);
	return good;
}

static struct bound *discover_replica(struct replica *r, const struct profile *profile, struct err *err)
{
	struct discover *d = discover_new(profile, NULL, 0, err);
	const struct request *q;
	struct reading answer;
	if (!d)
		return NULL;
	while ((q = discover_next(d))) {
		replica_answer(r, q, (struct stamp){ 0 }, &answer);
		discover_push(d, &answer);
	}
	struct bound *b = discover_finish(d, err);
	discover_free(d);
	return b;
}

/* Polls with a plan; what a replica does not have is learnt as on a wire. */
static bool poll_replica(struct replica *r, const struct bound *b, struct sample *samples, struct err *err)
{
	struct plan_limits limits = { 0 };
	struct plan *plan = plan_make(b, &limits, err);
	struct sample *some = calloc(b->n + 1, sizeof *some);
	bool again = true, good = plan && some;
	while (good && again) {
		again = false;
		for (size_t i = 0; i < plan->n && !again; i++) {
			struct reading answer;
			replica_answer(r, &plan->requests[i], (struct stamp){ 0 }, &answer);
			again = plan_learn(plan, &answer, &limits, err);
			size_t n = decode_reading(plan, &answer, 0, some);
			for (size_t k = 0; k < n; k++)
				samples[some[k].series] = some[k];
		}
		if (again) {
			plan_free(plan);
			good = (plan = plan_make(b, &limits, err)) != NULL;
		}
	}
	if (good)
		for (size_t i = 0, n = decode_dropped(plan, (struct stamp){ 0 }, 0, some); i < n; i++)
			samples[some[i].series] = some[i];
	plan_free(plan);
	plan_limits_done(&limits);
	free(some);
	return good;
}

bool replica_probe(struct replica *r, const struct profile *profile, struct bound **bound, struct sample **samples, struct err *err)
{
	struct bound *b = discover_replica(r, profile, err);
	struct sample *s = b ? calloc(b->n + 1, sizeof *s) : NULL;
	if (!s || !poll_replica(r, b, s, err)) {
		if (b && !s)
			err_memory(err);
		bound_free(b);
		free(s);
		return false;
	}
	*bound = b;
	*samples = s;
	return true;
}

/* ---- comparing ---- */

static bool compare(const struct bound *b, const struct sample *s, const struct test_expect *e, struct buf *got)
{
	int64_t i = bound_find(b, e->point);
	bool none = !strcmp(e->value, "none");
	struct ratio want, have;
	if (i < 0) {
		buf_str(got, "no such point; there are ");
		for (size_t k = 0; k < b->n && k < 8; k++)
			buf_printf(got, "%s%s", k ? ", " : "", b->points[k].name);
		buf_str(got, !b->n ? "none: nothing of 'given' is at the place of a point" : b->n > 8 ? ", ..." : "");
		return false;
	}
	if (!sample_has_value(&s[i])) {
		buf_printf(got, "no value (%s)", reason_text((enum reason)s[i].reason));
		return none;
	}
	bound_value_text(&b->points[i], s[i].value, got);
	if (got->data && !strcmp(got->data, e->value))
		return true;
	return got->data && ratio_parse(e->value, &want) && ratio_parse(got->data, &have) && want.num == have.num && want.den == have.den;
}

static size_t test_case(const struct profile *p, const struct profile_case *c, size_t *facts, struct buf *findings)
{
	struct replica *r = profile_case_replica(c);
	struct bound *b;
	struct sample *s;
	struct err err = { 0 };
	size_t wrong = 0;
	if (!r || !replica_probe(r, p, &b, &s, &err)) {
		buf_printf(findings, "%s:%d: test \"%s\": %s\n", c->place.file, c->place.line, c->name, err.text);
		replica_free(r);
		return 1;
	}
	const struct test_expect *e = c->expect.items;
	for (size_t i = 0; i < c->expect.n; i++, (*facts)++) {
		CLEANUP(buf_done) struct buf got = { 0 };
		if (compare(b, s, &e[i], &got))
			continue;
		int64_t at = bound_find(b, e[i].point);
		bool with_unit = at >= 0 && strchr("0123456789-", e[i].value[0]) && strchr(e[i].value, ' ');
		buf_printf(findings, "%s:%d: test \"%s\": %s is %s, expected %s", e[i].place.file, e[i].place.line, c->name, e[i].point, got.data ? got.data : "?", e[i].value);
		if (with_unit)
			buf_printf(findings, "; write the number alone, in %s", quantities[b->points[at].quantity].unit);
		buf_str(findings, "\n");
		wrong++;
	}
	bound_free(b);
	free(s);
	replica_free(r);
	return wrong;
}

size_t profile_test(const struct profile *p, size_t *facts, struct buf *findings)
{
	const struct profile_case *c = p->cases.items;
	size_t wrong = 0;
	*facts = 0;
	for (size_t i = 0; i < p->cases.n; i++)
		wrong += test_case(p, &c[i], facts, findings);
	return wrong;
}
