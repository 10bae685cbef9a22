/* puectl verify: is this file what a key we trust has signed, and does what it says follow from its own evidence?  Offline; one
 * sentence, then the trace.  With --store alone: the evidence of a store, walked from the first leaf. */
#include "agent/file.h"
#include "agent/pack_admit.h"
#include "agent/verify.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* exit 0: that of the error's kind */
static const struct { const char *word; int exit; struct bilingual text; } causes[CAUSE_N] = {
	[CAUSE_ALTERED] = { "altered", 12, { "内容、签名或证据不相符", "content, signature or evidence does not hold" } },
	[CAUSE_UNKNOWN_KEY] = { "unknown_key", 12, { "签名公钥不在信任库中", "signed by a key that is not trusted" } },
	[CAUSE_KEY_TIME] = { "key_time", 20, { "签名公钥已被撤销或不在有效期内", "signed by a key that is revoked or outside its time" } },
	[CAUSE_CUT] = { "cut", 21, { "文件不完整(被截断)", "the file is cut short" } },
	[CAUSE_OTHER_SITE] = { "other_site", 22, { "文件属于另一场所", "the file is of another site" } },
	[CAUSE_REPLAYED] = { "replayed", 23, { "文件此前已收到,或已被替代", "the file was received before, or has been superseded" } },
	[CAUSE_REVOKED] = { "revoked", 24, { "证书已被撤销", "the certificate was revoked" } },
	[CAUSE_PACK_UNSIGNED] = { "pack_unsigned", 25, { "规则包没有可信的签名", "the policy pack has no trusted signature" } },
	[CAUSE_PACK_EDITED] = { "pack_edited", 26, { "规则包被改动:版本号相同而内容不同", "the policy pack was edited: same version, other content" } },
	[CAUSE_PACK_UNKNOWN] = { "pack_unknown", 27, { "没有证书所用版本的规则包", "the version of the policy pack that was used is not here" } },
	[CAUSE_OTHER] = { "error", 0, { "无法核验", "it cannot be verified" } },
};

bool verify_fails(struct verify *v, enum cause cause, struct err *err, const char *fmt, ...)
{
	char text[800];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	v->cause = cause;
	return err_set(err, ERR_EVIDENCE, "%s", text);
}

const char *verify_text(const json_t *root, const char *member)
{
	const char *text = json_string_value(json_object_get(root, member));
	return text ? text : "?";
}

const char *verify_site(const json_t *payload)
{
	const json_t *site = json_object_get(payload, "site");
	return json_is_object(site) ? verify_text(site, "id") : verify_text(payload, "site");
}

static bool load_trust(struct verify *v, struct err *err)
{
	const char *path = v->w->trust ? v->w->trust : "/etc/pued/trust";
	if (trust_load(path, &v->trust, err))
		return true;
	return v->w->trust ? false : err_set(err, ERR_USAGE, "--trust KEYS is missing, and there is no installed trust store in %s; trust is given, never found in the file", path);
}

/* A report is one line: a newline that the receiving program put behind it is not part of it. */
static void drop_newline(struct buf *b)
{
	if (b->len > 2 && b->data[1] == '"' && b->data[b->len - 1] == '\n')
		b->len--;
}

static enum cause cause_of(enum jws_fault fault)
{
	return fault == JWS_UNKNOWN_KEY ? CAUSE_UNKNOWN_KEY : fault == JWS_KEY_TIME ? CAUSE_KEY_TIME : fault == JWS_CUT ? CAUSE_CUT : CAUSE_ALTERED;
}

json_t *verify_open(struct verify *v, const char *path, const char *type, struct err *err)
{
	struct jws_result r;
	CLEANUP(buf_done) struct buf bytes = { 0 };
	if (!file_read(path, &bytes, err))
		return NULL;
	drop_newline(&bytes);
	if (!jws_verify(&v->trust, bytes.data, bytes.len, type, (struct wall){ 0 }, &r, err)) {
		v->cause = cause_of(r.fault);
		err_wrap(err, "%s", path);
		return NULL;
	}
	json_t *root = json_read(path, r.payload.data, r.payload.len, err);
	jws_result_done(&r);
	return root;
}

static void trace_key(struct verify *v, const struct trust_key *k, const char *dated)
{
	const char *en = k->name.en ? k->name.en : "", *zh = k->name.zh ? k->name.zh : en, *alg = sig_alg_name(k->key.alg);
	cert_note(&v->trace, "由密钥 %s(%s)签名%s%s%.0s%s%s,日期 %s", "signed by key %s (%s)%s%.0s%s%s%s, dated %s", k->key.kid, alg, zh[0] ? ", " : "", zh, en,
		  k->role ? ", " : "", k->role ? k->role : "", dated);
}

static bool check_signature(struct verify *v, struct err *err)
{
	char dated[WALL_TEXT];
	struct wall at = { 0 };
	if (!file_read(v->w->file, &v->bytes, err) || (v->w->at && !wall_parse(v->w->at, &at, err)))
		return false;
	drop_newline(&v->bytes);
	if (!jws_verify(&v->trust, v->bytes.data, v->bytes.len, NULL, at, &v->jws, err)) {
		snprintf(v->pointer, sizeof v->pointer, "%s", v->jws.differs);
		v->cause = cause_of(v->jws.fault);
		return false;
	}
	v->payload = json_read("payload", v->jws.payload.data, v->jws.payload.len, err);
	bool simulated = json_is_true(json_object_get(v->payload, "simulated"));
	wall_text(v->jws.dated, dated);
	for (size_t i = 0; i < v->jws.n_signatures; i++)
		trace_key(v, v->jws.keys[i], dated);
	cert_note(&v->trace, "类型 %s,场所 %s%s%.0s", "type %s, site %s%.0s%s", v->jws.type, verify_site(v->payload), simulated ? ",模拟数据" : "", simulated ? ", SIMULATED data" : "");
	return v->payload != NULL;
}

static bool check_site(struct verify *v, struct err *err)
{
	if (!v->w->site || strcmp(v->w->site, verify_site(v->payload)) == 0)
		return true;
	snprintf(v->pointer, sizeof v->pointer, "/site");
	return verify_fails(v, CAUSE_OTHER_SITE, err, "/site: this document is of site %s, not of %s", verify_site(v->payload), v->w->site);
}

static long long integer(const json_t *root, const char *member)
{
	return (long long)json_integer_value(json_object_get(root, member));
}

/* Reports are numbered: one that is not behind all that were received is an old one sent again. */
static bool check_sequence(struct verify *v, struct err *err)
{
	long long epoch = integer(v->payload, "epoch"), seq = integer(v->payload, "seq");
	for (size_t i = 0; i < v->w->seen.n; i++) {
		json_t *old = verify_open(v, v->w->seen.list[i], JWS_REPORT, err);
		bool behind = old && (integer(old, "epoch") < epoch || (integer(old, "epoch") == epoch && integer(old, "seq") < seq));
		bool other = old && strcmp(verify_site(old), verify_site(v->payload)) != 0;
		json_decref(old);
		if (old && !behind && !other)
			return verify_fails(v, CAUSE_REPLAYED, err, "/seq: report %lld of epoch %lld is not behind %s, which was received before", seq, epoch, v->w->seen.list[i]);
		if (!old)
			return false;
	}
	return true;
}

static bool verify_report(struct verify *v, struct err *err)
{
	const json_t *interval = json_object_get(v->payload, "interval"), *tree = json_object_get(v->payload, "tree");
	if (!json_is_integer(json_object_get(v->payload, "seq")) || !json_is_object(interval) || !json_is_object(tree))
		return verify_fails(v, CAUSE_ALTERED, err, "/seq: no report has this form: seq, interval and tree are needed");
	if (!check_sequence(v, err))
		return false;
	cert_note(&v->trace, "期号 %lld,序号 %lld,区间 %s 至 %s", "epoch %lld, sequence %lld, interval %s to %s", integer(v->payload, "epoch"), integer(v->payload, "seq"),
		  verify_text(interval, "from"), verify_text(interval, "to"));
	cert_note(&v->trace, "证据树 %lld 条,树根 %.16s...", "evidence tree of %lld leaves, root %.16s...", integer(tree, "size"), verify_text(tree, "root"));
	snprintf(v->sentence.zh, sizeof v->sentence.zh, "有效:场所 %s 的报告未被改动", verify_site(v->payload));
	snprintf(v->sentence.en, sizeof v->sentence.en, "VALID: the report of site %s is unaltered", verify_site(v->payload));
	return true;
}

static bool verify_head(struct verify *v, struct err *err)
{
	(void)err;
	cert_note(&v->trace, "期号 %lld,共 %lld 条,树根 %s", "epoch %lld, %lld leaves, root %s", integer(v->payload, "epoch"), integer(v->payload, "size"),
		  verify_text(v->payload, "root"));
	snprintf(v->sentence.zh, sizeof v->sentence.zh, "有效:场所 %s 的证据树头未被改动;puectl verify --store DIR --head FILE 用它核对一份存储", verify_site(v->payload));
	snprintf(v->sentence.en, sizeof v->sentence.en, "VALID: the tree head of site %s is unaltered; puectl verify --store DIR --head FILE compares a store with it",
		 verify_site(v->payload));
	return true;
}

static bool verify_other(struct verify *v, struct err *err)
{
	(void)err;
	snprintf(v->sentence.zh, sizeof v->sentence.zh, "有效:签名属于可信公钥,内容未被改动(%s)", v->jws.type);
	snprintf(v->sentence.en, sizeof v->sentence.en, "VALID: signed by a trusted key and unaltered (%s)", v->jws.type);
	return true;
}

static bool verify_by_type(struct verify *v, struct err *err)
{
	static const struct { const char *type; bool (*run)(struct verify *, struct err *); } rows[] = {
		{ JWS_CERTIFICATE, verify_certificate }, { JWS_REPORT, verify_report }, { JWS_PACK, verify_other }, { JWS_STATEMENT, verify_other },
		{ JWS_REVOCATION, verify_other }, { JWS_HEAD, verify_head } };
	for (size_t i = 0; i < countof(rows); i++)
		if (strcmp(rows[i].type, v->jws.type) == 0)
			return rows[i].run(v, err);
	return err_set(err, ERR_EVIDENCE, "document type '%s' is not known here", v->jws.type);
}

static const char *pick(const struct verify *v, const char *zh, const char *en)
{
	return v->ctl->lang == LANG_ZH ? zh : en;
}

static int exit_code(const struct verify *v, const struct err *err)
{
	return err->kind == ERR_EVIDENCE && causes[v->cause].exit ? causes[v->cause].exit : err_exit_code(err);
}

static void print_json(const struct verify *v, bool good, const struct err *err)
{
	json_t *trace = json_array();
	for (size_t i = 0; i < v->trace.n; i++)
		json_array_append_new(trace, json_string(pick(v, v->trace.lines[i].zh, v->trace.lines[i].en)));
	json_t *out = json_pack("{s:b, s:s, s:o, s:s, s:o, s:o, s:o}", "valid", good, "sentence", good ? pick(v, v->sentence.zh, v->sentence.en) : err->text, "trace", trace,
				"type", v->jws.type, "pointer", v->pointer[0] ? json_string(v->pointer) : json_null(), "kid",
				v->jws.key ? json_string(v->jws.key->key.kid) : json_null(), "cause",
				good ? json_null() : json_string(causes[err->kind == ERR_EVIDENCE ? v->cause : CAUSE_OTHER].word));
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

static int report(const struct verify *v, bool good, const struct err *err)
{
	if (v->ctl->json) {
		print_json(v, good, err);
		return good ? 0 : exit_code(v, err);
	}
	if (good)
		printf("%s\n", pick(v, v->sentence.zh, v->sentence.en));
	for (size_t i = 0; i < v->trace.n; i++)
		printf("  %s\n", pick(v, v->trace.lines[i].zh, v->trace.lines[i].en));
	if (good)
		return 0;
	fflush(stdout);
	struct bilingual why = causes[err->kind == ERR_EVIDENCE ? v->cause : CAUSE_OTHER].text;
	fprintf(stderr, v->ctl->lang == LANG_ZH ? "无效:%s:%s。%s\n" : "NOT VALID: %s: %s: %s\n", v->w->file, say(v->ctl, why), err->text);
	return exit_code(v, err);
}

static int run(struct ctl *ctl)
{
	const struct verify_words *w = ctl->words;
	struct err err = { 0 };
	int code;
	if (!w->store == !w->file)
		return ctl_usage(ctl, "%s", SAY(ctl, "给出文件,或 --store DIR,二者之一;存储与证书的核对: --store DIR --head FILE", "a FILE or --store DIR, one of the two; a store is compared with a certificate by --store DIR --head FILE"));
	if (w->store)
		return verify_store(ctl, w);
	struct verify *v = calloc(1, sizeof *v);
	if (!v)
		return 70;
	v->ctl = ctl;
	v->w = w;
	bool good = load_trust(v, &err);
	if (!good) {
		code = ctl_fail(ctl, &err);
	} else {
		good = check_signature(v, &err) && check_site(v, &err) && verify_by_type(v, &err);
		code = report(v, good, &err);
	}
	trust_done(&v->trust);
	json_decref(v->payload);
	jws_result_done(&v->jws);
	buf_done(&v->bytes);
	free(v);
	return code;
}

#define ROW(kind, name, value, field, ...) { name, CTL_##kind, offsetof(struct verify_words, field), value, __VA_ARGS__ }
static const struct ctl_option options[] = {
	ROW(FILE, "FILE", NULL, file, { "证书、报告、声明或树头", "a certificate, report, statement or tree head" }),
	ROW(FILE, "--trust", "KEYS", trust, { "可信公钥(文件或目录);从不取自被核验的文件;默认 /etc/pued/trust", "keys you trust (a file or a directory), never taken from the file itself; else /etc/pued/trust" }),
	ROW(FILE, "--pack", "FILE", pack, { "规则包文件;否则在已安装的各版本中按SHA-256查找", "the pack's file; else it is found by SHA-256 among all installed versions" }),
	ROW(ID, "--site", "ID", site, { "只接受该场所的文件", "only of this site" }),
	ROW(FILE, "--revoked", "FILE", revoked, { "撤销声明", "signed revocations" }, .many = true),
	ROW(FILE, "--seen", "FILE", seen, { "此前收到的文件:重复或已被替代者不予接受", "files received before: the same one again, or one they supersede, is refused" }, .many = true),
	ROW(TIME, "--at", "TIME", at, { "按该时刻核验公钥的有效期", "are the keys good at that time" }),
	ROW(FILE, "--store", "DIR", store, { "核验存储中的全部证据", "walk all evidence of a store" }),
	ROW(FILE, "--head", "FILE", head, { "别处保存的树头,与存储核对", "a tree head kept elsewhere, to compare the store with" }, .with = "--store", .many = true),
	{ NULL },
};

const struct verb verb_verify = {
	"verify", { "离线核验证书或报告", "verify a certificate or report, offline" },
	{ "退出码: 0 有效, 12 签名、内容或证据不符或公钥未知, 20 公钥被撤销或过期, 21 文件不完整, 22 另一场所, 23 重复或被替代, 24 证书被撤销, 25 规则包未签名, 26 规则包被改动, 27 没有该版本规则包",
	  "Exit codes: 0 valid, 12 content, signature or evidence does not hold, or unknown key, 20 key revoked or outside its time, 21 file cut short, 22 another site, 23 received before or superseded, 24 certificate revoked, 25 pack not signed, 26 pack edited, 27 pack version not here" },
	run, options, sizeof(struct verify_words),
};
