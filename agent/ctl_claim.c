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

static int run(struct ctl *ctl)
{
	struct words *w = ctl->words;
	if ((w->policy != NULL) + (w->merged_from != NULL) + (w->common.revoke != NULL) != 1)
		return ctl_usage(ctl, "%s", SAY(ctl, "--policy、--merged-from、--revoke 须给其一", "one of --policy, --merged-from and --revoke is needed"));
	w->common.kind = w->merged_from ? "lineage" : "claim";
	w->common.members = members;
	w->common.words = w;
	return stating_run(ctl, &w->common);
}

static const struct ctl_option options[] = {
	OPT(TEXT, "--policy", "POLICY", policy, "补贴政策", "the policy of the grant"),
	OPT(TEXT, "--amount", "'N yuan'", amount, "金额", "how much"),
	OPT(FLAG, "--pending", NULL, pending, "待定,尚未给予", "asked for, not given yet"),
	OPT(ID, "--of", "SITE", of_site, "哪一场所;默认本站", "of which site; this one when not given"),
	OPT(TEXT, "--company", "CODE", company, "申请单位代码;默认取自配置", "the applicant's code; else the configuration's"),
	OPT(TEXT, "--level", "LEVEL", level, "档次", "which step of the policy"),
	OPT(DAY, "--date", "DAY", common.store.date, "补贴的日期", "the day of the grant"),
	OPT(ID, "--merged-from", "SITE", merged_from, "本站由该场所合并而来", "this site was merged from that one"),
	OPT_GROUP(common, stating_rows),
	{ NULL },
};

const struct verb verb_claim = { "claim", { "登记已得或待定的补贴,以及合并前的场所", "state grants given or pending, and sites this one was merged from" }, { NULL, NULL }, run, options,
				 sizeof(struct words) };
