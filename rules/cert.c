#include "rules/cert_parts.h"

#include <stdlib.h>
#include <string.h>

/* The verdict handed in must be the one these facts give: a certificate never says more than can be computed again. */
static bool same_verdict(const struct cert_inputs *in, const struct facts *f, struct err *err)
{
	struct verdict again;
	char pointer[256];
	if (!judge(in->pack, f, &again, err))
		return false;
	json_t *a = verdict_json(in->pack, in->verdict), *b = verdict_json(in->pack, &again);
	bool differs = json_difference(a, b, pointer, sizeof pointer);
	json_decref(a);
	json_decref(b);
	verdict_done(&again);
	return differs ? err_set(err, ERR_INTERNAL, "the verdict handed in is not the one of these facts (at %s)", pointer) : true;
}

bool cert_build(const struct cert_inputs *in, struct buf *out, struct err *err)
{
	struct facts f = *in->facts;
	f.site = in->site;
	f.zone = in->zone;
	if (f.n_assumptions)
		return err_set(err, ERR_INPUT, "what-if facts are not evidence: no certificate is made of them");
	if (!in->number || !in->number[0])
		return err_set(err, ERR_USAGE, "a certificate needs a number");
	if (!in->site->id || f.simulated != in->site->simulated)
		return err_set(err, ERR_INTERNAL, "facts and site do not agree whether the data is simulated");
	if (!same_verdict(in, &f, err))
		return false;
	json_t *cert = cert_derived(in->pack, &f, in->verdict);
	bool good = cert ? cert_add_given(cert, in, err) && json_canonical(cert, out, err) : err_memory(err);
	json_decref(cert);
	return good;
}

json_t *cert_evidence_new(uint64_t epoch, uint64_t tree_size, const char *tree_root)
{
	return json_pack("{s:I, s:I, s:s, s:[]}", "epoch", (json_int_t)epoch, "tree_size", (json_int_t)tree_size, "tree_root", tree_root, "leaves");
}

bool cert_evidence_add(json_t *evidence, const char *why, const struct cert_leaf *leaf, const struct hash *path, size_t n, struct err *err)
{
	json_t *hashes = json_array();
	char hex[65];
	for (size_t i = 0; i < n; i++) {
		hash_hex(&path[i], hex);
		json_array_append_new(hashes, json_string(hex));
	}
	json_t *row = json_pack("{s:s, s:I, s:i, s:I, s:s%, s:o}", "why", why, "index", (json_int_t)leaf->index, "kind", leaf->kind, "at",
				(json_int_t)leaf->at.ms, "leaf", leaf->bytes, leaf->len, "path", hashes);
	if (!row || json_array_append_new(json_object_get(evidence, "leaves"), row) != 0)
		return err_set(err, ERR_INTERNAL, "evidence leaf %llu cannot be attached: not text, or out of memory", (unsigned long long)leaf->index);
	return true;
}

void cert_evidence_omitted(json_t *evidence, const struct cert_omitted *omitted)
{
	json_object_set_new(evidence, "omitted", json_pack("{s:I, s:I, s:I}", "intervals", (json_int_t)omitted->intervals, "events", (json_int_t)omitted->events, "corrections",
							     (json_int_t)omitted->corrections));
}

/* First place at which what was computed again is not in the certificate; the certificate may hold more members. */
static bool missing_in(const json_t *made, const json_t *cert, char *pointer, size_t size)
{
	const char *key;
	json_t *value;
	char best[256] = "", here[256];
	json_object_foreach((json_t *)(uintptr_t)made, key, value) {
		const json_t *other = json_object_get(cert, key);
		char inner[200] = "";
		/* groups that hold members of both kinds are compared member by member */
		bool mixed = strcmp(key, "identity") == 0 || strcmp(key, "method") == 0 || strcmp(key, "results") == 0 || strcmp(key, "validity") == 0;
		bool differs = !other || (mixed && json_is_object(other) ? missing_in(value, other, inner, sizeof inner)
									   : json_difference(value, other, inner, sizeof inner));
		if (!differs)
			continue;
		snprintf(here, sizeof here, "/%s%s", key, inner);
		/* changed facts change much: the verdict is what people ask for first */
		bool first = strncmp(best, "/verdict", 8) != 0 && strcmp(key, "verdict") == 0;
		bool later = strncmp(best, "/verdict", 8) == 0 && strcmp(key, "verdict") != 0;
		if (!best[0] || first || (!later && strcmp(here, best) < 0))
			memcpy(best, here, sizeof best);
	}
	snprintf(pointer, size, "%s", best);
	return best[0] != 0;
}

static bool recheck_facts(const json_t *cert, const struct pack *pack, const struct facts *f, char *pointer, size_t size, struct err *err)
{
	struct verdict v;
	json_t *site = site_facts_json(f->site);
	char inner[200];
	bool other_site = json_difference(site, json_object_get(cert, "site"), inner, sizeof inner);
	json_decref(site);
	if (other_site) {
		snprintf(pointer, size, "/site%s", inner);
		return err_set(err, ERR_EVIDENCE, "%s: site and facts do not agree", pointer);
	}
	if (!judge(pack, f, &v, err))
		return false;
	json_t *made = cert_derived(pack, f, &v);
	bool differs = !made || missing_in(made, cert, pointer, size);
	json_decref(made);
	verdict_done(&v);
	return differs ? err_set(err, ERR_EVIDENCE, "%s is not what follows from the certificate's own facts and pack %s %s", pointer, pack_id(pack), pack_version(pack)) : true;
}

static bool right_pack(const json_t *cert, const struct pack *pack, char *pointer, size_t size, struct err *err)
{
	char hash[65];
	const char *named = json_string_value(json_object_get(json_object_get(json_object_get(cert, "identity"), "pack"), "sha256"));
	pack_hash(pack, hash);
	if (named && strcmp(named, hash) == 0)
		return true;
	snprintf(pointer, size, "/identity/pack/sha256");
	return err_set(err, ERR_EVIDENCE, "%s: the certificate was made with another pack than %s %s (%.16s...)", pointer, pack_id(pack), pack_version(pack), hash);
}

/* A certificate holds what the format names and nothing beside it: words that nobody checks would stand under the signature. */
static bool known_members(const json_t *cert, char *pointer, size_t size, struct err *err)
{
	static const char *const members[] = { "amount", "applicant", "before_after", "declarations", "evidence", "facts", "format", "identity", "issued", "meters", "method", "operator",
					       "results", "simulated", "site", "term", "validity", "verdict", "verification" };
	const char *key;
	json_t *value;
	json_object_foreach((json_t *)(uintptr_t)cert, key, value) {
		size_t i = 0;
		while (i < countof(members) && strcmp(members[i], key) != 0)
			i++;
		if (i < countof(members))
			continue;
		snprintf(pointer, size, "/%.100s", key);
		return err_set(err, ERR_EVIDENCE, "%s: certificates of this format have no such member", pointer);
	}
	return true;
}

/* It is issued on the day it was judged for or later, wherever on earth that day is; and it replaces another one. */
static bool dates_fit(const json_t *cert, const struct facts *f, char *pointer, size_t size, struct err *err)
{
	enum { HOURS_AHEAD = 14 };
	static const struct zone utc = { 0 };
	const char *issued = json_string_value(json_object_get(cert, "issued")), *number = json_string_value(json_object_get(json_object_get(cert, "identity"), "number"));
	const char *supersedes = json_string_value(json_object_get(json_object_get(cert, "validity"), "supersedes"));
	struct wall at;
	char day[DATE_TEXT];
	if (!issued || !wall_parse(issued, &at, NULL) || at.ms < zone_day_start(&utc, f->judged).ms - HOURS_AHEAD * 3600000LL) {
		snprintf(pointer, size, "/issued");
		return err_set(err, ERR_EVIDENCE, "/issued: %s lies before the day of judging, %s", issued ? issued : "?", date_text(f->judged, day));
	}
	if (number && supersedes && strcmp(number, supersedes) == 0) {
		snprintf(pointer, size, "/validity/supersedes");
		return err_set(err, ERR_EVIDENCE, "/validity/supersedes: certificate %s cannot replace itself", number);
	}
	return true;
}

bool cert_recheck(const json_t *cert, const struct pack *pack, char *pointer, size_t size, struct err *err)
{
	struct facts f;
	json_t *root = NULL;
	CLEANUP(buf_done) struct buf text = { 0 };
	pointer[0] = 0;
	if (!known_members(cert, pointer, size, err) || !right_pack(cert, pack, pointer, size, err))
		return false;
	const json_t *facts = json_object_get(cert, "facts");
	if (!json_is_object(facts) || !json_canonical(facts, &text, err) || !facts_parse("facts", text.data, text.len, &f, &root, err)) {
		snprintf(pointer, size, "/facts");
		return json_is_object(facts) ? err_wrap(err, "/facts") : err_set(err, ERR_EVIDENCE, "/facts: the certificate carries no facts");
	}
	bool good = dates_fit(cert, &f, pointer, size, err) && recheck_facts(cert, pack, &f, pointer, size, err);
	facts_done(&f);
	json_decref(root);
	if (!good && err && err->kind == ERR_INPUT)
		err->kind = ERR_EVIDENCE;
	return good;
}
