/* puectl claim: grants asked for or given, and which sites this one was merged from; signed like every statement, an evidence
 * leaf of the running pued.  One grant a site and policy is checked against them (rules/judge.c). */
#include "agent/stating.h"
#include "rules/exact.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct stating common;
	const char *policy, *amount, *of_site, *company, *level, *merged_from;
	bool pending;
};

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = {
		{ "--keys", &w->common.keys }, { "--role", &w->common.role }, { "--by", &w->common.by }, { "--text", &w->common.text }, { "--issued", &w->common.issued },
		{ "--policy", &w->policy }, { "--amount", &w->amount }, { "--of", &w->of_site }, { "--company", &w->company }, { "--level", &w->level },
		{ "--merged-from", &w->merged_from }, { "--revoke", &w->common.revoke },
	};
	struct err err = { 0 };
	if (!from_store_arguments(ctl, &w->common.store, &err))
		return ctl_usage(ctl, "%s", err.text);
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name) != 0)
			k++;
		if (strcmp(ctl->argv[i], "--pending") == 0)
			w->pending = true;
		else if (k < countof(rows) && i + 1 < ctl->argc)
			*rows[k].value = ctl->argv[++i];
		else
			return ctl_usage(ctl, "'%s' is not expected here, or its value is missing", ctl->argv[i]);
	}
	if ((w->policy != NULL) + (w->merged_from != NULL) + (w->common.revoke != NULL) != 1)
		return ctl_usage(ctl, "one of --policy, --merged-from and --revoke is needed");
	return 0;
}

static bool claim_members(const struct words *w, const struct site *site, json_t *o, struct err *err)
{
	json_t *claim = json_object();
	struct exact amount;
	struct unit unit, yuan;
	struct date day;
	int64_t fen;
	json_object_set_new(o, "claim", claim);
	stating_set(claim, "site", w->of_site ? w->of_site : site->id);
	stating_set(claim, "company", w->company ? w->company : site->applicant.code);
	stating_set(claim, "policy", w->policy);
	stating_set(claim, "level", w->level);
	json_object_set_new(claim, "pending", json_boolean(w->pending));
	if (w->common.store.date) {
		if (!date_parse(w->common.store.date, &day, err))
			return err_wrap(err, "--date");
		stating_set(claim, "date", w->common.store.date);
	}
	if (!w->amount)
		return true;
	if (!unit_parse("yuan", &yuan) || !exact_parse(w->amount, &amount, &unit) || !dim_equal(unit.dim, yuan.dim) || !exact_int64(amount, &fen) || fen < 0)
		return err_set(err, ERR_USAGE, "--amount %s: write whole fen as yuan, for example '1000000 yuan'", w->amount);
	json_object_set_new(claim, "amount_fen", json_integer(fen));
	return true;
}

static bool members(const void *words, const struct site *site, json_t *o, struct err *err)
{
	const struct words *w = words;
	if (w->merged_from && strcmp(w->merged_from, site->id) == 0)
		return err_set(err, ERR_USAGE, "--merged-from %s: that is this site itself", w->merged_from);
	stating_set(o, "of", w->merged_from);
	return !w->policy || claim_members(w, site, o, err);
}

int ctl_claim(struct ctl *ctl)
{
	struct words w = { 0 };
	int code = parse(ctl, &w);
	if (code)
		return code;
	w.common.kind = w.merged_from ? "lineage" : "claim";
	w.common.members = members;
	w.common.words = &w;
	return stating_run(ctl, &w.common);
}
