/* puectl attest: what only people know, signed, dated and revocable; it becomes an evidence leaf of the running pued. */
#include "agent/stating.h"
#include "rules/statement.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct stating common;
	const char *evidence, *name, *value;
};

/* A value is yes or no, a date, or an amount with its unit. */
static bool set_value(json_t *o, const struct words *w, struct err *err)
{
	struct date d;
	if (!strcmp(w->value, "yes") || !strcmp(w->value, "no"))
		return json_object_set_new(o, "value", json_string(w->value)) == 0;
	if (date_parse(w->value, &d, NULL))
		return json_object_set_new(o, "date", json_string(w->value)) == 0;
	size_t digits = strspn(w->value, "0123456789.");
	if (digits && w->value[digits] == ' ' && w->value[digits + 1])
		return json_object_set_new(o, "amount", json_string(w->value)) == 0;
	return err_set(err, ERR_USAGE, "'%s' is neither yes or no, nor a date (2024-12-20), nor an amount with its unit ('800 yuan')", w->value);
}

static bool members(const void *words, const struct site *site, json_t *o, struct err *err)
{
	const struct words *w = words;
	(void)site;
	stating_set(o, "document", w->evidence);
	stating_set(o, "name", w->name);
	if (!set_value(o, w, err))
		return false;
	if (!json_object_get(o, "date"))
		stating_set(o, "date", w->common.store.date);
	return true;
}

/* Against the pack of the site, or of --pack: another name, role or kind of value would count for nothing. */
static bool fits(const void *words, const struct pack *pack, const char *role, struct err *err)
{
	const struct words *w = words;
	struct attestation a = { .name = w->name, .role = role, .text = w->common.text, .value = TRUTH_UNKNOWN };
	struct date d;
	if (date_parse(w->value, &d, NULL))
		a.date = d;
	else if (!strcmp(w->value, "yes") || !strcmp(w->value, "no"))
		a.value = !strcmp(w->value, "yes") ? TRUTH_YES : TRUTH_NO;
	else
		a.amount = w->value;
	return !pack || attestation_fits(pack, &a, err);
}

static int run(struct ctl *ctl)
{
	struct words *w = ctl->words;
	if (!w->common.revoke && (!w->name || !w->value))
		return ctl_usage(ctl, "%s", SAY(ctl, "缺少 NAME 与值", "NAME and a value are missing"));
	w->common.kind = "attestation";
	w->common.members = members;
	w->common.fits = fits;
	w->common.words = w;
	return stating_run(ctl, &w->common);
}

static const struct ctl_option options[] = {
	OPT(TEXT, "NAME", NULL, name, "规则包所问的事实", "what a pack asks for: puectl pack show PACK --facts"),
	OPT(TEXT, "VALUE", NULL, value, "yes、no、日期,或带单位的数量,如 '800 yuan'", "yes, no, a date, or an amount with its unit such as '800 yuan'"),
	OPT(DAY, "--date", "DAY", common.store.date, "事实的日期", "the day of the fact"),
	OPT(TEXT, "--evidence", "DOCUMENT", evidence, "依据的文件", "the document that shows it"),
	OPT_GROUP(common, stating_rows),
	{ NULL },
};

const struct verb verb_attest = { "attest", { "签署只有人知道的事实(改造、云计算中心、完成与申请日期)", "sign what only people know (retrofit, cloud center, completion and application dates)" },
				  { NULL, NULL }, run, options, sizeof(struct words) };
