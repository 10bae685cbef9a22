#include "rules/statement.h"
#include "core/merkle.h"
#include "rules/exact.h"

#include <stdlib.h>
#include <string.h>

void statements_init(struct statements *s, const char *site_id)
{
	*s = (struct statements){ .roots = json_array(), .lineage = calloc(1, sizeof *s->lineage), .lineage_ids = calloc(1, sizeof *s->lineage_ids) };
	if (s->lineage && s->lineage_ids)
		s->lineage[s->n_lineage++] = site_id;
}

void statements_done(struct statements *s)
{
	json_decref(s->roots);
	for (size_t i = 0; i < s->n_meters; i++)
		free(s->meters[i].json);
	free(s->meters);
	free(s->attestations);
	free(s->claims);
	free(s->lineage);
	free(s->lineage_ids);
	buf_done(&s->findings);
	*s = (struct statements){ 0 };
}

static const char *text_of(const json_t *o, const char *key)
{
	return json_string_value(json_object_get(o, key));
}

static struct date date_of(const json_t *o, const char *key)
{
	struct date d = { 0 };
	const char *text = text_of(o, key);
	if (text && !date_parse(text, &d, NULL))
		d = (struct date){ 0 };
	return d;
}

static void *grown(void *rows, size_t n, size_t size)
{
	return realloc(rows, (n + 1) * size);
}

static bool add_attestation(struct statements *s, const json_t *p)
{
	const char *name = text_of(p, "name"), *value = text_of(p, "value");
	struct attestation a = { .name = name, .date = date_of(p, "date"), .text = text_of(p, "text"), .role = text_of(p, "role"), .by = text_of(p, "by"),
				 .evidence = text_of(p, "id"), .amount = text_of(p, "amount"), .signed_ = true,
				 .value = !value ? TRUTH_UNKNOWN : !strcmp(value, "yes") ? TRUTH_YES : TRUTH_NO };
	/* the newest is the last; a role speaks for itself alone, so that a word by the wrong one takes nobody else's away */
	for (size_t i = 0; i < s->n_attestations; i++) {
		if (!strcmp(s->attestations[i].name, name) && !strcmp(s->attestations[i].role, a.role)) {
			memmove(&s->attestations[i], &s->attestations[i + 1], (s->n_attestations - i - 1) * sizeof a);
			s->attestations[s->n_attestations - 1] = a;
			return true;
		}
	}
	struct attestation *rows = grown(s->attestations, s->n_attestations, sizeof *rows);
	if (!rows)
		return false;
	s->attestations = rows;
	rows[s->n_attestations++] = a;
	return true;
}

static bool add_claim(struct statements *s, const json_t *p)
{
	const json_t *c = json_object_get(p, "claim"), *fen = json_object_get(c, "amount_fen");
	struct claim *rows = grown(s->claims, s->n_claims, sizeof *rows);
	if (!rows)
		return false;
	s->claims = rows;
	rows[s->n_claims++] = (struct claim){ .id = text_of(p, "id"), .site = text_of(c, "site"), .company = text_of(c, "company"),
					      .policy = text_of(c, "policy"), .pending = json_is_true(json_object_get(c, "pending")),
					      .withdrawn = json_is_true(json_object_get(c, "withdrawn")), .level = text_of(c, "level"),
					      .amount_fen = json_is_integer(fen) ? json_integer_value(fen) : -1, .date = date_of(c, "date") };
	return true;
}

static bool add_lineage(struct statements *s, const json_t *p)
{
	const char **rows = grown(s->lineage, s->n_lineage, sizeof *rows);
	if (!rows)
		return false;
	s->lineage = rows;
	const char **ids = grown(s->lineage_ids, s->n_lineage, sizeof *ids);
	if (!ids)
		return false;
	s->lineage_ids = ids;
	ids[s->n_lineage] = text_of(p, "id");
	rows[s->n_lineage++] = text_of(p, "of");
	return true;
}

/* The newest one counts, as with attestations. */
static bool add_baseline(struct statements *s, const json_t *p)
{
	struct baseline b;
	struct err why = { 0 };
	if (!baseline_parse(json_object_get(p, "baseline"), &b, &why)) {
		buf_printf(&s->findings, "a baseline does not count: %s\n", why.text);
		return true;
	}
	b.id = text_of(p, "id");
	b.by = text_of(p, "by");
	s->baseline = b;
	return true;
}

static void drop_lineage(struct statements *s, const char *id)
{
	size_t n = s->n_lineage ? 1 : 0;
	for (size_t i = 1; i < s->n_lineage; i++) {
		if (!strcmp(s->lineage_ids[i], id))
			continue;
		s->lineage[n] = s->lineage[i];
		s->lineage_ids[n++] = s->lineage_ids[i];
	}
	s->n_lineage = n;
}

static bool add_revocation(struct statements *s, const json_t *p)
{
	const char *id = text_of(p, "revokes");
	for (size_t i = 0; i < s->n_attestations; i++)
		if (!strcmp(s->attestations[i].evidence, id))
			s->attestations[i].revoked = true;
	if (s->baseline.id && !strcmp(s->baseline.id, id))
		s->baseline = (struct baseline){ 0 };
	for (size_t i = 0; i < s->n_claims; i++)
		if (!strcmp(s->claims[i].id, id))
			s->claims[i].withdrawn = true;
	drop_lineage(s, id);
	for (size_t i = 0; i < s->n_meters; i++)
		s->meters[i].revoked |= !strcmp(s->meters[i].id, id);
	s->revokes = id;
	return true;
}

static bool finding(struct statements *s, const char *what)
{
	buf_printf(&s->findings, "%s\n", what);
	return true;
}

/* Its meter is one of this site: words about another site's do not count here. */
static bool add_meter(struct statements *s, const json_t *p)
{
	const char *site = text_of(p, "site"), *by = text_of(p, "by");
	bool reading = strcmp(text_of(p, "kind"), "reading") == 0;
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!site || !by || strcmp(site, s->lineage[0]))
		return finding(s, "a statement about a meter of another site, or by nobody, does not count");
	struct meter_statement *rows = grown(s->meters, s->n_meters, sizeof *rows);
	if (!rows)
		return false;
	s->meters = rows;
	if (!json_canonical(json_object_get(p, reading ? "reading" : "meter"), &text, NULL))
		return false;
	rows[s->n_meters] = (struct meter_statement){ .id = text_of(p, "id"), .by = by, .json = buf_take(&text), .reading = reading };
	return rows[s->n_meters].json && ++s->n_meters;
}

/* member: what a statement of this kind must have */
static const struct kind_row { const char *kind, *member; bool object; bool (*add)(struct statements *s, const json_t *p); } kinds[] = {
	{ "attestation", "name", false, add_attestation }, { "claim", "claim", true, add_claim },
	{ "lineage", "of", false, add_lineage },          { "baseline", "baseline", true, add_baseline },
	{ "meter", "meter", true, add_meter },            { "reading", "reading", true, add_meter },
	{ "revocation", "revokes", false, add_revocation },
};

/* The member a statement of its kind must have: a text, or an object. */
static bool has_member(const json_t *p, const struct kind_row *row)
{
	const json_t *m = json_object_get(p, row->member);
	return row->object ? json_is_object(m) : json_is_string(m);
}

static bool add_payload(struct statements *s, json_t *p, const struct trust_key *key)
{
	const char *kind = text_of(p, "kind"), *role = text_of(p, "role"), *id = text_of(p, "id");
	const struct kind_row *row = kinds;
	while (row < kinds + countof(kinds) && (!kind || strcmp(row->kind, kind)))
		row++;
	if (row == kinds + countof(kinds) || !id || !role || !has_member(p, row))
		return finding(s, "a signed statement of an unknown form does not count");
	if (key->role && strcmp(key->role, role) && strcmp(key->role, "agent"))
		return finding(s, "a statement is signed with a key of another role and does not count");
	return json_array_append(s->roots, p) == 0 && row->add(s, p);
}

/* What a statement that could not be verified says it is. */
static void count_unknown(struct statements *s, const void *envelope, size_t len)
{
	static const char *const about_meters[] = { "meter", "reading", "revocation" };
	CLEANUP(buf_done) struct buf bytes = { 0 };
	json_t *outer = json_loadb(envelope, len, JSON_REJECT_DUPLICATES, NULL), *said = NULL;
	const json_t *payload = json_object_get(outer, "payload");
	if (json_is_string(payload) && base64url_decode(json_string_value(payload), json_string_length(payload), &bytes))
		said = json_loadb(bytes.data, bytes.len, JSON_REJECT_DUPLICATES, NULL);
	const char *kind = text_of(said, "kind");
	s->unknown_keys++;
	for (size_t i = 0; i < countof(about_meters); i++)
		s->unknown_meters += kind && !strcmp(kind, about_meters[i]);
	json_decref(said);
	json_decref(outer);
}

bool statements_add(struct statements *s, const struct trust *trust, const void *envelope, size_t len, struct err *err)
{
	struct jws_result r = { 0 };
	struct err why = { 0 };
	bool good = true;
	if (!jws_verify(trust, envelope, len, JWS_STATEMENT, (struct wall){ 0 }, &r, &why)) {
		finding(s, why.text);
		if (r.fault == JWS_UNKNOWN_KEY)
			count_unknown(s, envelope, len);
	} else {
		json_t *p = json_read("statement", r.payload.data, r.payload.len, &why);
		good = p ? add_payload(s, p, r.key) : finding(s, why.text);
		json_decref(p);
	}
	jws_result_done(&r);
	return good && !s->findings.failed ? true : err_memory(err);
}

int64_t statement_fen(const char *amount)
{
	struct exact v;
	struct unit unit, yuan;
	int64_t fen;
	return amount && unit_parse("yuan", &yuan) && exact_parse(amount, &v, &unit) && dim_equal(unit.dim, yuan.dim) && exact_int64(v, &fen) && fen > 0 ? fen : 0;
}

void statements_into(const struct statements *s, struct facts *f)
{
	f->attestations = s->attestations;
	f->n_attestations = s->n_attestations;
	f->claims = s->claims;
	f->n_claims = s->n_claims;
	f->lineage = s->lineage;
	f->n_lineage = s->n_lineage;
	f->baseline = s->baseline;
	for (const struct attestation *a = s->attestations; a < s->attestations + s->n_attestations; a++) {
		if (a->revoked)
			continue;
		if (!strcmp(a->name, "retrofit_completed") && a->date.year)
			f->completed = a->date;
		else if (!strcmp(a->name, "applied") && a->date.year)
			f->applied = a->date;
		else if (!strcmp(a->name, "approved_rate"))
			f->approved_rate_fen = statement_fen(a->amount);
	}
}

bool statements_words(const struct statements *s, struct meter_words **out, size_t *n, struct err *err)
{
	struct meter_words *w = calloc(s->n_meters + 1, sizeof *w);
	if (!w)
		return err_memory(err);
	*n = 0;
	for (size_t i = 0; i < s->n_meters; i++)
		if (!s->meters[i].revoked)
			w[(*n)++] = (struct meter_words){ .id = s->meters[i].id, .by = s->meters[i].by, .json = s->meters[i].json, .reading = s->meters[i].reading };
	*out = w;
	return true;
}

bool statement_payload(json_t *members, struct buf *out, struct err *err)
{
	struct hash hash;
	char hex[65];
	json_object_del(members, "id");
	json_object_set_new(members, "format", json_integer(1));
	if (!json_canonical(members, out, err))
		return false;
	sha256(out->data, out->len, &hash);
	hash_hex(&hash, hex);
	hex[16] = 0;
	json_object_set_new(members, "id", json_string(hex));
	buf_reset(out);
	return json_canonical(members, out, err);
}
