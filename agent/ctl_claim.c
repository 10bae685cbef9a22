/* puectl claim: grants asked for or given, and which sites this one was merged from; signed like every statement, an evidence
 * leaf of the running pued.  One grant a site and policy is checked against them (rules/judge.c). */
#include "agent/clock.h"
#include "agent/from_store.h"
#include "agent/signer.h"
#include "agent/statement.h"
#include "rules/exact.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct from_store_options store;
	const char *keys, *role, *by, *text, *issued, *policy, *amount, *of_site, *company, *level, *merged_from, *revoke;
	bool pending;
};

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = {
		{ "--keys", &w->keys }, { "--role", &w->role }, { "--by", &w->by }, { "--text", &w->text }, { "--issued", &w->issued },
		{ "--policy", &w->policy }, { "--amount", &w->amount }, { "--of", &w->of_site }, { "--company", &w->company }, { "--level", &w->level },
		{ "--merged-from", &w->merged_from }, { "--revoke", &w->revoke },
	};
	struct err err = { 0 };
	if (!from_store_arguments(ctl, &w->store, &err))
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
	if (!w->by)
		return ctl_usage(ctl, "--by is missing: who says so");
	if ((w->policy != NULL) + (w->merged_from != NULL) + (w->revoke != NULL) != 1)
		return ctl_usage(ctl, "one of --policy, --merged-from and --revoke is needed");
	return 0;
}

static void set_if(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static bool claim_members(const struct words *w, const struct site *site, json_t *o, struct err *err)
{
	json_t *claim = json_object();
	struct exact amount;
	struct unit unit, yuan;
	struct date day;
	int64_t fen;
	json_object_set_new(o, "claim", claim);
	set_if(claim, "site", w->of_site ? w->of_site : site->id);
	set_if(claim, "company", w->company ? w->company : site->applicant.code);
	set_if(claim, "policy", w->policy);
	set_if(claim, "level", w->level);
	json_object_set_new(claim, "pending", json_boolean(w->pending));
	if (w->store.date) {
		if (!date_parse(w->store.date, &day, err))
			return err_wrap(err, "--date");
		set_if(claim, "date", w->store.date);
	}
	if (!w->amount)
		return true;
	if (!unit_parse("yuan", &yuan) || !exact_parse(w->amount, &amount, &unit) || !dim_equal(unit.dim, yuan.dim) || !exact_int64(amount, &fen) || fen < 0)
		return err_set(err, ERR_USAGE, "--amount %s: write whole fen as yuan, for example '1000000 yuan'", w->amount);
	json_object_set_new(claim, "amount_fen", json_integer(fen));
	return true;
}

static bool members(const struct words *w, const struct site *site, struct wall issued, json_t *o, struct err *err)
{
	char when[WALL_TEXT];
	set_if(o, "kind", w->revoke ? "revocation" : w->merged_from ? "lineage" : "claim");
	set_if(o, "by", w->by);
	set_if(o, "role", w->role ? w->role : "applicant");
	set_if(o, "site", site->id);
	set_if(o, "issued", wall_text(issued, when));
	set_if(o, "text", w->text);
	set_if(o, "of", w->merged_from);
	set_if(o, "revokes", w->revoke);
	json_object_set_new(o, "simulated", json_boolean(site->simulated));
	return !w->policy || claim_members(w, site, o, err);
}

static bool put(const struct words *w, const struct setup *setup, json_t *o, char *path, size_t size, struct err *err)
{
	const char *state = w->store.state_dir ? w->store.state_dir : setup->site->state_dir;
	char keys[600];
	struct clock clock = { 0 };
	struct wall issued = clock_wall(&clock);
	CLEANUP(buf_done) struct buf payload = { 0 }, envelope = { 0 };
	snprintf(keys, sizeof keys, "%s/keys", state);
	if (w->issued && !wall_parse(w->issued, &issued, err))
		return err_wrap(err, "--issued");
	if (!members(w, setup->site, issued, o, err) || !statement_payload(o, &payload, err))
		return false;
	struct signer *signer = signer_open(w->keys ? w->keys : keys, err);
	bool good = signer && jws_make(signer_ops(signer), JWS_STATEMENT, payload.data, payload.len, false, &envelope, err) &&
		    statement_put(state, envelope.data, envelope.len, path, size, err);
	signer_free(signer);
	return good;
}

int ctl_claim(struct ctl *ctl)
{
	struct words w = { 0 };
	struct setup setup;
	struct err err = { 0 };
	char path[700];
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (!setup_load(w.store.config ? w.store.config : "/etc/pued/pued.yaml", &setup, NULL, &err))
		return ctl_fail(ctl, &err);
	json_t *o = json_object();
	bool good = put(&w, &setup, o, path, sizeof path, &err);
	if (good)
		printf("%s %s\n", json_string_value(json_object_get(o, "id")), path);
	json_decref(o);
	setup_done(&setup);
	return good ? 0 : ctl_fail(ctl, &err);
}
