/* puectl attest: what only people know, signed, dated and revocable; it becomes an evidence leaf of the running pued. */
#include "agent/clock.h"
#include "agent/file.h"
#include "agent/from_store.h"
#include "agent/signer.h"
#include "agent/statement.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct from_store_options store;
	const char *keys, *role, *by, *date, *text, *evidence, *issued, *revoke;
	const char *name, *value;
};

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = {
		{ "--keys", &w->keys }, { "--role", &w->role }, { "--by", &w->by }, { "--text", &w->text }, { "--evidence", &w->evidence },
		{ "--issued", &w->issued }, { "--revoke", &w->revoke },
	};
	const char **plain[] = { &w->name, &w->value };
	size_t n_plain = 0;
	struct err err = { 0 };
	if (!from_store_arguments(ctl, &w->store, &err))
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
	w->date = w->store.date;
	if (!w->revoke && (!w->name || !w->value))
		return ctl_usage(ctl, "NAME and a value are missing");
	if (!w->by)
		return ctl_usage(ctl, "--by is missing: who says so");
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

static void set_if(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static bool members(const struct words *w, const struct site *site, struct wall issued, json_t *o, struct err *err)
{
	char when[WALL_TEXT];
	set_if(o, "kind", w->revoke ? "revocation" : "attestation");
	set_if(o, "by", w->by);
	set_if(o, "role", w->role ? w->role : "applicant");
	set_if(o, "site", site->id);
	set_if(o, "issued", wall_text(issued, when));
	json_object_set_new(o, "simulated", json_boolean(site->simulated));
	set_if(o, "text", w->text);
	set_if(o, "document", w->evidence);
	if (w->revoke) {
		set_if(o, "revokes", w->revoke);
		return true;
	}
	set_if(o, "name", w->name);
	if (!set_value(o, w, err))
		return false;
	if (!json_object_get(o, "date"))
		set_if(o, "date", w->date);
	return true;
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

int ctl_attest(struct ctl *ctl)
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
