/* A statement in one sentence, for the person who has just signed it, and what a revocation takes back. */
#include "agent/file.h"
#include "agent/stating.h"
#include "agent/statement.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char *text_of(const json_t *o, const char *key)
{
	const char *text = json_string_value(json_object_get(o, key));
	return text ? text : "";
}

static const struct role_row { const char *name; struct bilingual words; } roles[] = {
	{ "applicant", { "申报单位", "applicant" } }, { "operator", { "运维方", "operator" } }, { "tester", { "检测方", "tester" } }, { "authority", { "主管部门", "authority" } } };

bool stating_role(const char *role, struct err *err)
{
	for (size_t i = 0; i < countof(roles); i++)
		if (strcmp(roles[i].name, role) == 0)
			return true;
	return err_set(err, ERR_USAGE, "--role %s: one of applicant, operator, tester, authority", role);
}

static void attestation_said(const json_t *o, bool zh, struct buf *out)
{
	const char *value = text_of(o, "value"), *amount = text_of(o, "amount"), *date = text_of(o, "date");
	bool stated = value[0] || amount[0];
	buf_printf(out, "%s%s%s", text_of(o, "name"), zh ? ":" : ": ", value[0] ? (zh ? (strcmp(value, "yes") == 0 ? "是" : "否") : value) : amount[0] ? amount : date);
	if (stated && date[0])
		buf_printf(out, zh ? "(%s)" : " (%s)", date);
}

static void claim_said(const json_t *o, bool zh, struct buf *out)
{
	const json_t *c = json_object_get(o, "claim"), *fen = json_object_get(c, "amount_fen");
	bool pending = json_is_true(json_object_get(c, "pending"));
	buf_printf(out, zh ? "%s政策 %s 的补贴,场所 %s" : "a grant %s under policy %s for site %s", zh ? (pending ? "已申请、待定:" : "已获") : pending ? "asked for, pending," : "given",
		   text_of(c, "policy"), text_of(c, "site"));
	if (fen)
		buf_printf(out, zh ? ",%lld.%02lld 元" : ", %lld.%02lld yuan", (long long)(json_integer_value(fen) / 100), (long long)(json_integer_value(fen) % 100));
	if (text_of(c, "date")[0])
		buf_printf(out, zh ? ",%s" : ", %s", text_of(c, "date"));
}

static void lineage_said(const json_t *o, bool zh, struct buf *out)
{
	buf_printf(out, zh ? "本场所由 %s 等合并而来" : "this site was merged from %s", text_of(o, "of"));
}

static void meter_said(const json_t *o, bool zh, struct buf *out)
{
	const json_t *m = json_object_get(o, "meter");
	buf_printf(out, zh ? "表计 %s 于 %s 更换,旧表末次读数 %lld,新表首次读数 %lld" : "meter %s was exchanged at %s, last reading %lld, first reading of the new one %lld", text_of(m, "id"),
		   text_of(m, "at"), (long long)json_integer_value(json_object_get(m, "last")), (long long)json_integer_value(json_object_get(m, "first")));
}

static void reading_said(const json_t *o, bool zh, struct buf *out)
{
	const json_t *r = json_object_get(o, "reading");
	buf_printf(out, zh ? "表计 %s 自 %s 至 %s 的人工读数" : "a reading by hand of meter %s from %s to %s", text_of(r, "id"), text_of(r, "from"), text_of(r, "to"));
}

static void baseline_said(const json_t *o, bool zh, struct buf *out)
{
	const json_t *b = json_object_get(o, "baseline");
	buf_printf(out, zh ? "改造前基准 %s 至 %s" : "the baseline of the retrofit, %s to %s", text_of(b, "from"), text_of(b, "to"));
}

static void revocation_said(const json_t *o, bool zh, struct buf *out)
{
	buf_printf(out, zh ? "撤回声明 %s" : "statement %s is taken back", text_of(o, "revokes"));
}

static const struct { const char *kind; void (*said)(const json_t *o, bool zh, struct buf *out); } kinds[] = {
	{ "attestation", attestation_said }, { "claim", claim_said },	   { "lineage", lineage_said },	      { "meter", meter_said },
	{ "reading", reading_said },	     { "baseline", baseline_said }, { "revocation", revocation_said },
};

void stating_said(const json_t *o, bool zh, struct buf *out)
{
	const char *role = text_of(o, "role");
	size_t i = 0, k = 0;
	while (i < countof(roles) - 1 && strcmp(roles[i].name, role) != 0)
		i++;
	while (k < countof(kinds) - 1 && strcmp(kinds[k].kind, text_of(o, "kind")) != 0)
		k++;
	buf_printf(out, zh ? "%s(%s):" : "%s (%s): ", text_of(o, "by"), zh ? roles[i].words.zh : roles[i].words.en);
	kinds[k].said(o, zh, out);
}

/* ---- what is there to be taken back ---- */

static bool in_evidence(const char *state, const struct site *site, const char *id, struct buf *said, bool zh, bool *out, struct err *err)
{
	char path[700];
	struct statements s;
	snprintf(path, sizeof path, "%s/evidence.db", state);
	if (access(path, F_OK) != 0)
		return true;
	struct reader *reader = reader_open(state, err);
	if (!reader)
		return false;
	bool good = statement_read(state, site->id, reader, &s, err);
	for (size_t i = 0; good && !*out && i < json_array_size(s.roots); i++) {
		const json_t *o = json_array_get(s.roots, i);
		*out = strcmp(text_of(o, "id"), id) == 0 && strcmp(text_of(o, "kind"), "revocation") != 0;
		if (*out)
			stating_said(o, zh, said);
	}
	statements_done(&s);
	reader_close(reader);
	return good;
}

/* One that waits to become evidence: its payload is enough to know it by. */
static bool waits(const char *path, const char *id, struct buf *said, bool zh)
{
	CLEANUP(buf_done) struct buf text = { 0 }, payload = { 0 };
	struct err err = { 0 };
	json_t *outer = file_read(path, &text, &err) ? json_loadb(text.data, text.len, JSON_REJECT_DUPLICATES, NULL) : NULL, *o = NULL;
	const json_t *p = json_object_get(outer, "payload");
	if (json_is_string(p) && base64url_decode(json_string_value(p), json_string_length(p), &payload))
		o = json_loadb(payload.data, payload.len, JSON_REJECT_DUPLICATES, NULL);
	bool found = strcmp(text_of(o, "id"), id) == 0 && strcmp(text_of(o, "kind"), "revocation") != 0;
	if (found)
		stating_said(o, zh, said);
	json_decref(o);
	json_decref(outer);
	return found;
}

static bool among_files(const char *state, const char *id, struct buf *said, bool zh)
{
	char dir[600], path[900];
	bool found = false;
	snprintf(dir, sizeof dir, "%s/statements", state);
	DIR *d = opendir(dir);
	for (struct dirent *e; d && !found && (e = readdir(d));) {
		size_t len = strlen(e->d_name);
		if (len < 5 || strcmp(e->d_name + len - 5, ".json") != 0)
			continue;
		snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
		found = waits(path, id, said, zh);
	}
	if (d)
		closedir(d);
	return found;
}

bool stating_revokable(const char *state, const struct site *site, const char *id, bool zh, struct buf *said, struct err *err)
{
	bool found = false;
	if (!in_evidence(state, site, id, said, zh, &found, err))
		return false;
	return found || among_files(state, id, said, zh) ||
	       err_set(err, ERR_INPUT, "--revoke %s: no statement with this id is in the evidence of site %s or waits to be; puectl attest, claim, meter and baseline print the id", id, site->id);
}
