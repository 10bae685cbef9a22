/* The statements of people that a certificate counts, against the signed leaves it carries: nobody's word is added or changed. */
#include "rules/cert_parts.h"
#include "rules/statement.h"

#include <stdio.h>
#include <string.h>

bool cert_statements_read(const json_t *cert, const struct trust *trust, struct statements *s, struct err *err)
{
	const char *site = json_string_value(json_object_get(json_object_get(json_object_get(cert, "facts"), "site"), "id"));
	statements_init(s, site ? site : "");
	const json_t *rows = json_object_get(json_object_get(cert, "evidence"), "leaves");
	for (size_t i = 0; i < json_array_size(rows); i++) {
		const json_t *row = json_array_get(rows, i), *leaf = json_object_get(row, "leaf");
		bool manual = json_integer_value(json_object_get(row, "kind")) == CERT_LEAF_MANUAL;
		if (manual && json_is_string(leaf) &&
		    !statements_add(s, trust, json_string_value(leaf), json_string_length(leaf), err))
			return false;
	}
	return true;
}

/* Members that follow from statements alone. */
static bool same_members(const json_t *made, const json_t *stated, struct cert_check *out)
{
	static const char *const members[] = { "attestations", "claims", "lineage", "baseline" };
	for (size_t i = 0; i < countof(members); i++) {
		char inner[200];
		if (!json_difference(json_object_get(made, members[i]), json_object_get(stated, members[i]), inner, sizeof inner))
			continue;
		snprintf(out->pointer, sizeof out->pointer, "/facts/%s%s", members[i], inner);
		return false;
	}
	return true;
}

/* The day of application and the rate that the authority approved are known from statements only. */
static bool same_values(const json_t *made, const json_t *stated, struct cert_check *out)
{
	const char *day = json_string_value(json_object_get(made, "applied")), *said = json_string_value(json_object_get(stated, "applied"));
	json_int_t rate = json_integer_value(json_object_get(made, "approved_rate_fen")), other = json_integer_value(json_object_get(stated, "approved_rate_fen"));
	bool days = (!day && !said) || (day && said && strcmp(day, said) == 0);
	if (!days || rate != other)
		snprintf(out->pointer, sizeof out->pointer, "/facts/%s", days ? "approved_rate_fen" : "applied");
	return days && rate == other;
}

bool cert_recheck_statements(const json_t *cert, const struct trust *trust, struct buf *unchecked, struct cert_check *out, struct err *err)
{
	struct statements s;
	struct facts f;
	const json_t *stated = json_object_get(cert, "facts");
	*out = (struct cert_check){ 0 };
	facts_unknown(&f);
	bool good = cert_statements_read(cert, trust, &s, err);
	statements_into(&s, &f);
	json_t *made = good ? facts_json(&f) : NULL;
	if (good && !(same_members(made, stated, out) && same_values(made, stated, out))) {
		/* a statement by a key this reader does not know is not proven wrong, only not proven */
		if (s.unknown_keys)
			buf_add(unchecked, s.findings.data, s.findings.len);
		else
			good = err_set(err, ERR_EVIDENCE, "%s: not what the signed statements in the evidence say", out->pointer);
	}
	out->leaves = s.n_attestations + s.n_claims + (s.baseline.site != NULL);
	json_decref(made);
	statements_done(&s);
	return good;
}
