/* A pack's own vectors: facts in, verdict out. */
#include "rules/language.h"

#include <stdlib.h>
#include <string.h>

static json_t *scalar_json(const struct conf_node *n)
{
	const char *text = conf_scalar(n);
	char *end;
	if (conf_quoted(n) || !text[0])
		return json_string(text);
	if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
		return json_boolean(text[0] == 't');
	if (strcmp(text, "null") == 0 || strcmp(text, "~") == 0)
		return json_null();
	long long v = strtoll(text, &end, 10);
	return *end || strlen(text) > 18 ? json_string(text) : json_integer(v);
}

json_t *json_of_conf(const struct conf_node *n)
{
	switch (conf_kind(n)) {
	case CONF_SCALAR:
		return scalar_json(n);
	case CONF_SEQUENCE: {
		json_t *list = json_array();
		for (size_t i = 0; i < conf_count(n); i++)
			json_array_append_new(list, json_of_conf(conf_item(n, i)));
		return list;
	}
	case CONF_MAPPING: {
		json_t *object = json_object();
		for (size_t i = 0; i < conf_count(n); i++)
			if (conf_scalar(conf_key(n, i)))
				json_object_set_new(object, conf_scalar(conf_key(n, i)), json_of_conf(conf_item(n, i)));
		return object;
	}
	default:
		return json_null();
	}
}

/* "kpi/total_mwh" or "attestations/0/value"; members are made on the way. */
static bool set_path(json_t *root, const char *path, json_t *value)
{
	char part[80];
	for (;;) {
		size_t n = strcspn(path, "/");
		if (n == 0 || n >= sizeof part)
			return json_decref(value), false;
		memcpy(part, path, n);
		part[n] = 0;
		bool last = path[n] == 0;
		path += n + !last;
		if (json_is_array(root)) {
			size_t index = strtoul(part, NULL, 10);
			if (last)
				return (index == json_array_size(root) ? json_array_append_new(root, value) : json_array_set_new(root, index, value)) == 0;
			root = json_array_get(root, index);
		} else {
			json_t *next = json_object_get(root, part);
			if (last)
				return json_object_set_new(root, part, value) == 0;
			if (!next && json_object_set_new(root, part, next = json_object()) != 0)
				return json_decref(value), false;
			root = next;
		}
		if (!json_is_object(root) && !json_is_array(root))
			return json_decref(value), false;
	}
}

static json_t *vector_facts(const struct pack *p, const struct vector *v, struct err *err)
{
	json_t *facts = json_of_conf(v->facts ? v->facts : p->facts_node);
	for (size_t i = 0; i < conf_count(v->set); i++)
		if (!set_path(facts, conf_scalar(conf_key(v->set, i)) ? conf_scalar(conf_key(v->set, i)) : "", json_of_conf(conf_item(v->set, i)))) {
			err_set(err, ERR_CONFIG, "set: '%s' is no place in the facts", conf_scalar(conf_key(v->set, i)));
			json_decref(facts);
			return NULL;
		}
	return facts;
}

static bool expect_reasons(const struct vector *v, const struct verdict *got, struct buf *why)
{
	bool same = v->reasons.n == got->n_reasons;
	for (size_t i = 0; i < v->reasons.n; i++) {
		const char *want = TEXTS(v->reasons)[i];
		bool found = false;
		for (size_t k = 0; k < got->n_reasons; k++)
			found = found || strcmp(want, got->reasons[k]) == 0;
		same = same && found;
	}
	if (same || !v->reasons.items)
		return true;
	buf_str(why, "reasons are");
	for (size_t k = 0; k < got->n_reasons; k++)
		buf_printf(why, "%s '%s'", k ? "," : "", got->reasons[k]);
	return false;
}

static bool expect_amount(const struct vector *v, const struct verdict *got, struct buf *why)
{
	struct exact want;
	struct unit unit;
	if (!v->amount)
		return true;
	if (exact_parse(v->amount, &want, &unit) && exact_compare(want, exact_int(got->amount_fen)) == 0)
		return true;
	buf_printf(why, "the amount is %lld fen, not %s", (long long)got->amount_fen, v->amount);
	return false;
}

static bool expect_outputs(const struct vector *v, const struct verdict *got, struct buf *why)
{
	for (size_t i = 0; i < conf_count(v->outputs); i++) {
		const char *id = conf_scalar(conf_key(v->outputs, i)), *want = conf_scalar(conf_item(v->outputs, i));
		size_t k = 0;
		while (k < got->n_outputs && (!id || strcmp(got->outputs[k].id, id) != 0))
			k++;
		if (k < got->n_outputs && want && strcmp(got->outputs[k].value, want) == 0)
			continue;
		buf_printf(why, "output %s is '%s'", id ? id : "?", k < got->n_outputs ? got->outputs[k].value : "missing");
		return false;
	}
	return true;
}

static bool expect(const struct vector *v, const struct verdict *got, struct buf *why)
{
	if (strcmp(verdict_names[got->kind], v->verdict) != 0) {
		buf_printf(why, "the verdict is %s, not %s;", verdict_names[got->kind], v->verdict);
		for (size_t k = 0; k < got->n_reasons; k++)
			buf_printf(why, "%s '%s'", k ? "," : "", got->reasons[k]);
		for (size_t k = 0; k < got->n_notes; k++)
			buf_printf(why, "; %s", got->notes[k].en);
		return false;
	}
	return expect_reasons(v, got, why) && expect_amount(v, got, why) && expect_outputs(v, got, why);
}

/* "REFUSED" stands for facts that judging itself refuses. */
static bool run_vector(const struct pack *p, const struct vector *v, struct buf *why)
{
	struct err err = { 0 };
	struct facts facts;
	struct verdict got = { 0 };
	json_t *json = vector_facts(p, v, &err), *root = NULL;
	char *text = json ? json_dumps(json, JSON_SORT_KEYS | JSON_COMPACT) : NULL;
	bool read = text && facts_parse("facts", text, strlen(text), &facts, &root, &err);
	bool judged = read && judge_any(p, &facts, &got, &err);
	bool good = judged ? expect(v, &got, why) : strcmp(v->verdict, "REFUSED") == 0;
	if (!judged && !good)
		buf_str(why, err.text);
	verdict_done(&got);
	if (read)
		facts_done(&facts);
	free(text);
	json_decref(json);
	json_decref(root);
	return good;
}

size_t pack_test(const struct pack *p, struct buf *out, size_t *run)
{
	size_t failed = 0;
	for (size_t i = 0; i < p->vectors.n; i++) {
		const struct vector *v = &ROWS(struct vector, p->vectors)[i];
		CLEANUP(buf_done) struct buf why = { 0 };
		if (run_vector(p, v, &why))
			continue;
		failed++;
		buf_printf(out, "%s:%d:%d: vector \"%s\": %s\n", p->file, v->place.line, v->place.column, v->name, why.data ? why.data : "failed");
	}
	*run = p->vectors.n;
	return failed;
}
