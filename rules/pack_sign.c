/* A pack as JSON, and the signed statement that goes with its file. */
#include "rules/language.h"

#include <stdlib.h>
#include <string.h>

static json_t *text_or_null(const char *text)
{
	return text ? json_string(text) : json_null();
}

static json_t *bilingual_json(struct bilingual b)
{
	return json_pack("{s:o, s:o}", "zh", text_or_null(b.zh), "en", text_or_null(b.en));
}

json_t *figures_json(const struct pack *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->figures.n; i++) {
		const struct figure *f = &ROWS(struct figure, p->figures)[i];
		json_array_append_new(list, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:o, s:o, s:o}", "id", f->id, "value", f->value, "unit", f->unit.name, "source", f->source, "status",
						      f->status, "use", f->use == USE_VERDICT ? "verdict" : "information", "title", bilingual_json(f->title),
						      "quote", text_or_null(f->quote), "locator", text_or_null(f->locator)));
	}
	return list;
}

json_t *choices_json(const struct pack *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->choices.n; i++) {
		const struct choice *c = &ROWS(struct choice, p->choices)[i];
		json_t *options = json_array();
		for (size_t k = 0; k < c->options.n; k++) {
			const struct choice_option *o = &ROWS(struct choice_option, c->options)[k];
			json_array_append_new(options, json_pack("{s:s, s:o}", "id", o->id, "title", bilingual_json(o->title)));
		}
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:o, s:o}", "choice", c->id, "title", bilingual_json(c->title), "option", c->default_,
						      "text", bilingual_json(ROWS(struct choice_option, c->options)[c->first].title), "options", options));
	}
	return list;
}

static json_t *criteria_json(const struct pack *p)
{
	json_t *list = json_array();
	for (size_t i = 0; i < p->criteria.n; i++) {
		const struct rule *r = &ROWS(struct rule, p->criteria)[i];
		json_array_append_new(list, json_pack("{s:s, s:o, s:s, s:s, s:o}", "id", r->id, "title", bilingual_json(r->title), "quote", r->quote,
						      "locator", r->locator, "test", json_of_conf(r->test_node)));
	}
	return list;
}

static json_t *statements_json(const struct pack *p)
{
	static const char *const kinds[] = { "yes_no", "date", "amount", "text" };
	json_t *list = json_array();
	for (size_t i = 0; i < p->statements.n; i++) {
		const struct statement *st = &ROWS(struct statement, p->statements)[i];
		json_array_append_new(list, json_pack("{s:s, s:o, s:o, s:s, s:o, s:b}", "id", st->id, "title", bilingual_json(st->title), "how",
						      bilingual_json(st->how), "kind", kinds[st->kind], "role", text_or_null(st->role), "required",
						      st->required));
	}
	return list;
}

json_t *pack_json(const struct pack *p)
{
	char hash[65], from[DATE_TEXT], until[DATE_TEXT];
	pack_hash(p, hash);
	return json_pack("{s:s, s:s, s:s, s:s, s:o, s:s, s:b, s:{s:s, s:o}, s:{s:s, s:o, s:o, s:s}, s:o, s:o, s:o, s:o, s:I}", "id", p->id, "version",
			 p->version, "policy", p->policy, "level", p->level, "title", bilingual_json(p->title), "sha256", hash, "draft", p->draft, "validity",
			 "from", date_text(p->validity.from, from), "until",
			 p->validity.until.year ? json_string(date_text(p->validity.until, until)) : json_null(), "source", "name", p->source.name, "text",
			 text_or_null(p->source.text), "url", text_or_null(p->source.url), "status", p->source.status, "figures", figures_json(p), "choices",
			 choices_json(p), "statements", statements_json(p), "criteria", criteria_json(p), "vectors", (json_int_t)p->vectors.n);
}

void pack_facts_text(const struct pack *p, struct buf *out)
{
	for (size_t i = 0; i < fact_row_count; i++) {
		const struct fact_row *r = &fact_rows[i];
		buf_printf(out, "%-26s %-7s %-6s %s%s\n", r->name, value_type_names[r->type], r->unit ? r->unit : "", r->about,
			   r->windowed ? " [windowed]" : "");
	}
	for (size_t i = 0; i < p->windows.n; i++)
		buf_printf(out, "%s.FACT: the windowed facts of window '%s'\n", p->window_names[i], p->window_names[i]);
	for (size_t i = 0; i < p->statements.n; i++)
		buf_printf(out, "%-26s statement, by %s: %s\n", ROWS(struct statement, p->statements)[i].id,
			   ROWS(struct statement, p->statements)[i].role ? ROWS(struct statement, p->statements)[i].role : "anybody",
			   ROWS(struct statement, p->statements)[i].title.en);
}

bool pack_assumable(const struct pack *p, const char *fact, const char *value, struct err *err)
{
	for (size_t i = 0; i < p->statements.n; i++)
		if (strcmp(ROWS(struct statement, p->statements)[i].id, fact) == 0)
			return true;
	if (!fact_assumable(fact))
		return err_set(err, ERR_USAGE, "--assume %s: no such fact; `puectl pack show --facts %s` lists them", fact, p->id);
	for (size_t i = 0; i < fact_row_count; i++)
		if (fact_covers(fact, fact_rows[i].name) && !fact_assumed_value(&fact_rows[i], value).known)
			return err_set(err, ERR_USAGE, "--assume %s=%s: the value must be a %s%s%s", fact, value, value_type_names[fact_rows[i].type],
				       fact_rows[i].unit && fact_rows[i].unit[0] ? " in " : "", fact_rows[i].unit ? fact_rows[i].unit : "");
	return true;
}

bool pack_statement(const struct pack *p, const char *site, struct wall issued, bool simulated, struct buf *out, struct err *err)
{
	char hash[65], when[WALL_TEXT];
	pack_hash(p, hash);
	json_t *root = json_pack("{s:s, s:s, s:s, s:s, s:b, s:s}", "pack", p->id, "version", p->version, "sha256", hash, "site", site, "simulated", simulated,
				 "issued", wall_text(issued, when));
	bool good = root ? json_canonical(root, out, err) : err_memory(err);
	json_decref(root);
	return good;
}

static bool names_pack(const json_t *root, const struct pack *p, struct err *err)
{
	char hash[65];
	const char *id = json_string_value(json_object_get(root, "pack")), *version = json_string_value(json_object_get(root, "version"));
	const char *signed_hash = json_string_value(json_object_get(root, "sha256"));
	pack_hash(p, hash);
	if (!id || strcmp(id, p->id) != 0 || !version || strcmp(version, p->version) != 0)
		return err_set(err, ERR_EVIDENCE, "the signature is of pack %s %s, not of %s %s", id ? id : "?", version ? version : "?", p->id, p->version);
	if (!signed_hash || strcmp(signed_hash, hash) != 0)
		return err_set(err, ERR_EVIDENCE, "pack %s %s was changed after it was signed: its SHA-256 is %.16s..., signed was %.16s...", p->id, p->version,
			       hash, signed_hash ? signed_hash : "nothing");
	return true;
}

bool pack_signature_check(const struct pack *p, const struct trust *trust, const void *envelope, size_t len, struct err *err)
{
	struct jws_result r;
	if (!jws_verify(trust, envelope, len, JWS_PACK, (struct wall){ 0 }, &r, err))
		return err_wrap(err, "signature of pack %s", p->id);
	json_t *root = json_read("pack statement", r.payload.data, r.payload.len, err);
	bool good = root && names_pack(root, p, err);
	if (good && r.key->role && strcmp(r.key->role, "publisher") != 0)
		good = err_set(err, ERR_EVIDENCE, "key %s is of role '%s', packs are signed by a publisher", r.key->key.kid, r.key->role);
	json_decref(root);
	jws_result_done(&r);
	return good;
}
