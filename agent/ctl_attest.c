/* puectl attest: what only people know, signed, dated and revocable; it becomes an evidence leaf of the running pued. */
#include "agent/stating.h"
#include "rules/statement.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct stating common;
	const char *evidence, *name, *value;
};

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = {
		{ "--keys", &w->common.keys }, { "--role", &w->common.role }, { "--by", &w->common.by }, { "--text", &w->common.text }, { "--evidence", &w->evidence },
		{ "--issued", &w->common.issued }, { "--revoke", &w->common.revoke },
	};
	const char **plain[] = { &w->name, &w->value };
	size_t n_plain = 0;
	struct err err = { 0 };
	if (!from_store_arguments(ctl, &w->common.store, &err))
		return ctl_usage(ctl, "%s", err.text);
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name))
			k++;
		if (k < countof(rows) && i + 1 < ctl->argc)
			*rows[k].value = ctl->argv[++i];
		else if (ctl->argv[i][0] == '-' || n_plain == countof(plain))
			return ctl_usage(ctl, "'%s' is not expected here", ctl->argv[i]);
		else
			*plain[n_plain++] = ctl->argv[i];
	}
	if (!w->common.revoke && (!w->name || !w->value))
		return ctl_usage(ctl, "NAME and a value are missing");
	return 0;
}

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

int ctl_attest(struct ctl *ctl)
{
	struct words w = { .common = { .kind = "attestation", .members = members, .fits = fits } };
	int code = parse(ctl, &w);
	if (code)
		return code;
	w.common.words = &w;
	return stating_run(ctl, &w.common);
}
