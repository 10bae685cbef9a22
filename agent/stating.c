#include "agent/stating.h"
#include "agent/clock.h"
#include "agent/issued.h"
#include "agent/signer.h"
#include "agent/statement.h"

#include <stdio.h>

void stating_set(json_t *o, const char *key, const char *text)
{
	if (text)
		json_object_set_new(o, key, json_string(text));
}

static bool all_members(const struct stating *s, const struct site *site, json_t *o, struct err *err)
{
	char when[WALL_TEXT];
	struct clock clock = { 0 };
	struct wall issued = clock_wall(&clock);
	if (s->issued && !wall_parse(s->issued, &issued, err))
		return err_wrap(err, "--issued");
	stating_set(o, "kind", s->revoke ? "revocation" : s->kind);
	stating_set(o, "by", s->by);
	stating_set(o, "role", s->role);
	stating_set(o, "site", site->id);
	stating_set(o, "issued", wall_text(issued, when));
	stating_set(o, "text", s->text);
	stating_set(o, "revokes", s->revoke);
	json_object_set_new(o, "simulated", json_boolean(site->simulated));
	return s->revoke || s->members(s->words, site, o, err);
}

static const char *state_of(const struct stating *s, const struct site *site)
{
	return s->store.state_dir ? s->store.state_dir : site->state_dir;
}

static bool put(const struct stating *s, const struct site *site, json_t *o, char *path, size_t size, struct err *err)
{
	const char *state = state_of(s, site);
	char keys[600];
	CLEANUP(buf_done) struct buf payload = { 0 }, envelope = { 0 };
	snprintf(keys, sizeof keys, "%s/keys", state);
	if (!all_members(s, site, o, err) || !statement_payload(o, &payload, err))
		return false;
	struct signer *signer = s->keys ? signer_open(s->keys, NULL, err) : signer_of_site(site, keys, err);
	bool good = signer && jws_make(signer_ops(signer), JWS_STATEMENT, payload.data, payload.len, false, &envelope, err) &&
		    signed_holds(s->keys ? s->keys : keys, envelope.data, envelope.len, err) && statement_put(state, envelope.data, envelope.len, path, size, err);
	signer_free(signer);
	return good;
}

/* Nothing is signed that is known to count for nothing. */
static bool check(const struct ctl *ctl, const struct stating *s, struct setup *setup, struct buf *taken_back, struct err *err)
{
	const char *role = s->role ? s->role : "applicant";
	if (!stating_role(role, err))
		return false;
	if (s->revoke)
		return stating_revokable(state_of(s, setup->site), setup->site, s->revoke, ctl->lang == LANG_ZH, taken_back, err);
	if (s->store.pack && !(setup->pack = pack_open(setup->pack_conf, s->store.pack, NULL, err)))
		return false;
	return !s->fits || s->fits(s->words, setup->pack, role, err);
}

static void print(const struct ctl *ctl, const json_t *o, const char *path, const struct buf *taken_back)
{
	CLEANUP(buf_done) struct buf said = { 0 };
	stating_said(o, ctl->lang == LANG_ZH, &said);
	if (ctl->json) {
		json_t *out = json_pack("{s:O, s:s, s:O, s:s}", "id", json_object_get(o, "id"), "file", path, "statement", o, "sentence", said.data ? said.data : "");
		json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
		putchar('\n');
		json_decref(out);
		return;
	}
	printf("%s %s\n  %s", json_string_value(json_object_get(o, "id")), path, said.data ? said.data : "");
	if (taken_back->len)
		printf(ctl->lang == LANG_ZH ? "(%s)" : " (%s)", taken_back->data);
	printf("%s\n", say(ctl, (struct bilingual){ "。已签署;运行中的 pued 约一秒内写入证据,此后方才计入", ". Signed; a running pued makes it evidence within a second, and from then on it counts" }));
}
#define ROW(kind, name, value, field, ...) { name, CTL_##kind, offsetof(struct stating, field), value, __VA_ARGS__ }
const struct ctl_option stating_rows[] = {
	ROW(TEXT, "--by", "PERSON", by, { "何人所言", "who says so" }, .needed = true),
	ROW(TEXT, "--role", "ROLE", role, { "身份", "as what" }, "applicant"),
	ROW(TEXT, "--text", "TEXT", text, { "说明", "in words" }),
	ROW(TIME, "--issued", "TIME", issued, { "签署时间;默认现在", "when it is signed; now when not given" }),
	ROW(FILE, "--keys", "DIR", keys, { "签名密钥目录;默认取自站点", "the signing keys; else the site's" }),
	ROW(TEXT, "--revoke", "ID", revoke, { "收回该陈述", "takes that statement back" }),
	{ "group", CTL_GROUP, offsetof(struct stating, store), .group = from_store_rows },
	{ NULL },
};

int stating_run(const struct ctl *ctl, const struct stating *s)
{
	struct setup setup;
	struct err err = { 0 };
	char path[700];
	CLEANUP(buf_done) struct buf taken_back = { 0 };
	if (!setup_load(s->store.config ? s->store.config : "/etc/pued/pued.yaml", &setup, NULL, &err))
		return ctl_fail(ctl, &err);
	json_t *o = json_object();
	bool good = check(ctl, s, &setup, &taken_back, &err) && put(s, setup.site, o, path, sizeof path, &err);
	if (good)
		print(ctl, o, path, &taken_back);
	json_decref(o);
	setup_done(&setup);
	return good ? 0 : ctl_fail(ctl, &err);
}
