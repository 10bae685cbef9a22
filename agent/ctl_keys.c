/* puectl keys generate|list|trust|rotate|revoke */
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/signer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

struct words {
	const char *action, *dir, *site, *role, *zh, *en, *alg, *at, *store, *word;   /* word: KID or FILE */
	bool simulated;
	struct wall now;                /* the same */
	char when[WALL_TEXT];           /* --at, or now */
	char overlap_end[WALL_TEXT];    /* a rotated key's end: what the running pued signs meanwhile still holds */
	char just_before[WALL_TEXT];    /* a key is good until before its end: date of its last word */
	char path[4096];                /* DIR/trust.json */
};

static int prepare(struct words *o)
{
	struct wall at = { (int64_t)time(NULL) * 1000 };
	struct err err = { 0 };
	enum { OVERLAP_MS = 60000 };
	if (o->at && !wall_parse(o->at, &at, &err))
		return 64;
	o->now = at;
	wall_text(at, o->when);
	wall_text((struct wall){ at.ms + OVERLAP_MS }, o->overlap_end);
	wall_text((struct wall){ at.ms - 1000 }, o->just_before);
	return snprintf(o->path, sizeof o->path, "%s/trust.json", o->dir) < (int)sizeof o->path ? 0 : 64;
}

static json_t *public_entry(const struct public_key *key, const struct words *o)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	base64url_encode(key->bytes, key->len, &text);
	const char *en = o->en ? o->en : o->site ? o->site : "pued", *zh = o->zh ? o->zh : en;
	if (text.failed)
		return NULL;
	return json_pack("{s:s,s:s,s:s,s:{s:s,s:s},s:s?,s:s?,s:b,s:s,s:n,s:n}", "kid", key->kid, "alg", sig_alg_name(key->alg), "public", text.data,
			 "name", "zh", zh, "en", en, "site", o->site, "role", o->role, "simulated", o->simulated, "from", o->when, "until", "revoked");
}

static bool generate_one(json_t *root, enum sig_alg alg, const struct words *o, json_t *made, struct err *err)
{
	struct public_key key;
	if (!signer_generate(o->dir, alg, &key, err))
		return false;
	json_t *entry = public_entry(&key, o);
	if (!entry || json_array_append(made, entry) != 0 || json_array_append_new(json_object_get(root, "keys"), entry) != 0)
		return err_memory(err);
	return trust_file_save(o->path, root, err);
}

static void print_keys(const struct ctl *ctl, const json_t *list)
{
	if (ctl->json) {
		json_t *out = json_pack("{s:O}", "keys", list);
		json_dumpf(out, stdout, JSON_INDENT(1));
		putchar('\n');
		json_decref(out);
		return;
	}
	size_t i;
	const json_t *e;
	printf("%-16s  %-5s  %-20s  %-20s  %-20s  %s\n", "kid", "alg", "from", "until", "revoked", "site");
	json_array_foreach(list, i, e) {
		const char *until = json_string_value(json_object_get(e, "until")), *revoked = json_string_value(json_object_get(e, "revoked"));
		const char *from = json_string_value(json_object_get(e, "from")), *site = json_string_value(json_object_get(e, "site"));
		CLEANUP(buf_done) struct buf plain = { 0 };
		buf_plain(&plain, site ? site : "", site ? strlen(site) : 0);
		printf("%-16s  %-5s  %-20s  %-20s  %-20s  %s%s\n", json_string_value(json_object_get(e, "kid")),
		       json_string_value(json_object_get(e, "alg")), from ? from : "-", until ? until : "-", revoked ? revoked : "-",
		       plain.data ? plain.data : "", json_is_true(json_object_get(e, "simulated")) ? " SIMULATED" : "");
	}
}

static bool generate(struct ctl *ctl, json_t *root, const struct words *o, struct err *err)
{
	static const struct { const char *name; bool alg[SIG_N]; } choices[] = {
		{ "ed25519", { [SIG_ED25519] = true } }, { "sm2", { [SIG_SM2] = true } }, { "both", { true, true } },
	};
	for (size_t i = 0; i < countof(choices); i++) {
		if (strcmp(o->alg, choices[i].name) != 0)
			continue;
		json_t *made = json_array();
		bool good = made != NULL;
		for (int alg = 0; good && alg < SIG_N; alg++)
			good = !choices[i].alg[alg] || generate_one(root, (enum sig_alg)alg, o, made, err);
		if (good)
			print_keys(ctl, made);
		json_decref(made);
		return good;
	}
	return false;
}

static bool list(struct ctl *ctl, json_t *root, const struct words *o, struct err *err)
{
	(void)err;
	if (json_array_size(json_object_get(root, "keys")) == 0)
		fprintf(stderr, SAY(ctl, "%s: 没有密钥;puectl keys generate 生成\n", "%s: no keys; puectl keys generate makes one\n"), o->dir);
	print_keys(ctl, json_object_get(root, "keys"));
	return true;
}

/* The statement by which the old key names its successor: a regulator who trusts the old one need not be asked again. */
static bool statement(const struct words *o, const char *old_kid, const json_t *successor, struct err *err)
{
	char path[sizeof o->path + 64];
	snprintf(path, sizeof path, "%s/%s.pem", o->dir, old_kid);
	struct signer *s = signer_open_key(path, err);
	json_t *payload = json_pack("{s:s,s:s,s:s,s:s,s:b,s:O,s:s}", "statement", "key-rotation", "kid", old_kid, "issued", o->just_before, "site", o->site ? o->site : "",
				    "simulated", o->simulated, "successor", successor, "until", o->overlap_end);
	CLEANUP(buf_done) struct buf text = { 0 }, jws = { 0 };
	snprintf(path, sizeof path, "%s/%s.statement.json", o->dir, json_string_value(json_object_get(successor, "kid")));
	bool good = s && payload && json_canonical(payload, &text, err) && jws_make(signer_ops(s), JWS_STATEMENT, text.data, text.len, true, &jws, err) &&
		    file_write(path, jws.data, jws.len, 0644, err);
	signer_free(s);
	json_decref(payload);
	return good;
}

static bool rotate_one(json_t *root, json_t *old, struct words o, json_t *made, struct err *err)
{
	const char *name = json_string_value(json_object_get(old, "alg")), *kid = json_string_value(json_object_get(old, "kid"));
	enum sig_alg alg;
	if (!name || !kid || !sig_alg_of_name(name, &alg))
		return err_set(err, ERR_INPUT, "%s: a key without kid or with an unknown algorithm", o.path);
	const json_t *names = json_object_get(old, "name");
	o.site = json_string_value(json_object_get(old, "site"));
	o.en = o.en ? o.en : json_string_value(json_object_get(names, "en"));
	o.zh = o.zh ? o.zh : json_string_value(json_object_get(names, "zh"));
	o.role = json_string_value(json_object_get(old, "role"));
	o.simulated = json_is_true(json_object_get(old, "simulated"));
	if (!generate_one(root, alg, &o, made, err) || !statement(&o, kid, json_array_get(made, json_array_size(made) - 1), err))
		return false;
	return json_object_set_new(old, "until", json_string(o.overlap_end)) == 0 ? true : err_memory(err);
}

static bool rotate(struct ctl *ctl, json_t *root, const struct words *o, struct err *err)
{
	json_t *made = json_array(), *keys = json_object_get(root, "keys");
	size_t n = json_array_size(keys), rotated = 0;
	bool good = made != NULL;
	for (size_t i = 0; good && i < n; i++) {
		json_t *old = json_array_get(keys, i);
		if (!trust_entry_signs(old) || (o->word && strcmp(o->word, json_string_value(json_object_get(old, "kid")))))
			continue;
		good = rotate_one(root, old, *o, made, err);
		rotated++;
	}
	if (good && rotated == 0)
		good = o->word ? err_set(err, ERR_CONFIG, "%s: no key '%s' in use; puectl keys list shows them", o->path, o->word)
			       : err_set(err, ERR_CONFIG, "%s: no key in use to rotate; make one with: puectl keys generate", o->path);
	good = good && trust_file_save(o->path, root, err);
	if (good)
		print_keys(ctl, made);
	json_decref(made);
	return good;
}

static bool revoke(struct ctl *ctl, json_t *root, const struct words *o, struct err *err)
{
	json_t *entry = o->word ? trust_entry(root, o->word) : NULL;
	if (!entry)
		return o->word ? err_set(err, ERR_CONFIG, "%s: no key '%s'; puectl keys list shows them", o->path, o->word)
			       : err_set(err, ERR_USAGE, "which key?  puectl keys revoke KID [--at TIME]");
	if (json_is_string(json_object_get(entry, "revoked")))
		return err_set(err, ERR_CONFIG, "key %s is revoked already, since %s", o->word, json_string_value(json_object_get(entry, "revoked")));
	if (json_object_set_new(entry, "revoked", json_string(o->when)) != 0)
		return err_memory(err);
	if (!trust_file_save(o->path, root, err))
		return false;
	json_t *one = json_pack("[O]", entry);
	print_keys(ctl, one);
	json_decref(one);
	return true;
}

/* A successor that a key we trust names, in place of the list of keys.  The key must be good now, not only when it says it signed:
 * who has stolen a revoked key could date its statement back. */
static json_t *successor(const struct buf *envelope, const char *store, struct wall now, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct trust trust = { 0 };
	struct jws_result jws = { 0 };
	json_t *list = NULL;
	if (!file_read(store, &text, err) || !trust_parse(store, text.data, text.len, &trust, err))
		return NULL;
	if (jws_verify(&trust, envelope->data, envelope->len, JWS_STATEMENT, now, &jws, err)) {
		json_t *payload = json_read("statement", jws.payload.data, jws.payload.len, err), *key = json_object_get(payload, "successor");
		const char *what = json_string_value(json_object_get(payload, "statement")), *until = json_string_value(json_object_get(payload, "until"));
		if (payload && what && !strcmp(what, "key-rotation") && json_is_object(key) && until)
			list = json_pack("{s:[O,{s:s,s:s}]}", "keys", key, "kid", jws.key->key.kid, "until", until);
		else if (payload)
			err_set(err, ERR_INPUT, "a statement, but not one by which a key names its successor");
		json_decref(payload);
		jws_result_done(&jws);
	}
	trust_done(&trust);
	return list;
}

static json_t *given_keys(const struct words *o, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (!file_read(o->word, &text, err))
		return NULL;
	json_t *root = json_loadb(text.data, text.len, 0, NULL);
	bool is_envelope = json_object_get(root, "signatures") != NULL;
	json_decref(root);
	json_t *list = is_envelope ? successor(&text, o->store, o->now, err) : trust_file_load(o->word, err);
	if (!list && is_envelope)
		err_wrap(err, "%s", o->word);
	return list;
}

/* Without FILE: the public side of this directory, to hand to who shall trust it.  With FILE: its keys join the trust store,
 * or the successor that one of the store's keys names in it. */
static bool trust(struct ctl *ctl, json_t *root, const struct words *o, struct err *err)
{
	if (!o->word) {
		json_dumpf(root, stdout, JSON_INDENT(1) | JSON_SORT_KEYS);
		putchar('\n');
		return true;
	}
	json_t *given = given_keys(o, err), *into = given ? trust_file_load(o->store, err) : NULL, *added = json_array(), *entry;
	bool good = into && added;
	size_t i;
	if (good && json_array_size(json_object_get(given, "keys")) == 0)
		good = err_set(err, ERR_INPUT, "%s: no keys in it", o->word);
	json_array_foreach(good ? json_object_get(given, "keys") : NULL, i, entry) {
		const char *kid = json_string_value(json_object_get(entry, "kid"));
		json_t *have = kid ? trust_entry(into, kid) : NULL;
		if (have)      /* an end or a revocation may come later than the key */
			json_object_update(have, entry);
		else
			json_array_append(json_object_get(into, "keys"), entry);
		json_array_append(added, have ? have : entry);
	}
	good = good && trust_file_save(o->store, into, err);
	if (good)
		print_keys(ctl, added);
	json_decref(added);
	json_decref(into);
	json_decref(given);
	return good;
}

static const struct { const char *name; bool (*run)(struct ctl *, json_t *, const struct words *, struct err *); } actions[] = {
	{ "generate", generate }, { "list", list }, { "trust", trust }, { "rotate", rotate }, { "revoke", revoke },
};

static int run(struct ctl *ctl)
{
	struct words *o = ctl->words;
	struct err err = { 0 };
	size_t i = 0;
	int code = prepare(o);
	if (code)
		return code;
	while (i + 1 < countof(actions) && strcmp(o->action, actions[i].name) != 0)
		i++;
	json_t *root = trust_file_load(o->path, &err);
	bool good = root && actions[i].run(ctl, root, o, &err);
	json_decref(root);
	return good ? 0 : ctl_fail(ctl, &err);
}

static const struct ctl_option options[] = {
	OPT(CHOICE, "ACTION", "generate|list|trust|rotate|revoke", action, "做什么", "what to do", .needed = true),
	OPT(TEXT, "KID|FILE", NULL, word, "密钥号;trust 为公钥文件", "the key; with trust a file of public keys", .only = "trust|rotate|revoke"),
	OPT(FILE, "--dir", "DIR", dir, "密钥目录", "the directory of the keys", "/var/lib/pued/keys"),
	OPT(ID, "--site", "ID", site, "所属场所", "the site it signs for", .only = "generate"),
	OPT(TEXT, "--role", "ROLE", role, "角色,如 publisher", "its role, such as publisher", .only = "generate"),
	OPT(TEXT, "--name", "TEXT", en, "英文名称", "its name in English", .only = "generate|rotate"),
	OPT(TEXT, "--name-zh", "TEXT", zh, "中文名称", "its name in Chinese", .only = "generate|rotate"),
	OPT(CHOICE, "--alg", "ed25519|sm2|both", alg, "算法", "the algorithm", "ed25519"),
	OPT(FLAG, "--simulated", NULL, simulated, "模拟场所的密钥", "the key of a simulated site", .only = "generate"),
	OPT(TIME, "--from", "TIME", at, "生效时间;默认现在", "good from then on; now when not given", .only = "generate"),
	OPT(TIME, "--at", "TIME", at, "时刻;默认现在", "the moment; now when not given"),
	OPT(FILE, "--store", "FILE", store, "信任库", "the trust store", "/etc/pued/trust/keys.json"),
	{ NULL },
};

const struct verb verb_keys = {
	"keys", { "签名密钥与信任库", "signing keys and the trust store" },
	{ "generate  新密钥: KID.pem 与 trust.json\nlist      列出密钥\nrotate    新密钥接替,旧密钥签名确认;运行中的 pued 一秒内采用\nrevoke    自该时刻起所签文件一律拒绝 (退出码 20)\ntrust     打印公钥部分;给出文件则并入信任库 --store;文件可以是旧密钥指认继任者的声明",
	  "generate  a new key: KID.pem, and its public side in trust.json\nlist      the keys there are\nrotate    a successor for each key in use, or for KID, named in a statement that the old key signs; a running pued takes it up within a second\nrevoke    what it signs from that time on is refused (exit code 20)\ntrust     prints the public side; with FILE its keys join the trust store --store; FILE may be the statement by which a key in that store names its successor" },
	run, options, sizeof(struct words),
};
