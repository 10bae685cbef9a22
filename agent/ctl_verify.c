/* puectl verify: is this file what a key we trust has signed, and does what it says follow from its own evidence?  Offline; one
 * sentence, then the trace.  With --store: the evidence of a store, walked from the first leaf. */
#include "agent/ctl.h"
#include "agent/file.h"
#include "agent/pack_admit.h"
#include "rules/cert.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* agent/verify_store.c */
int verify_store(struct ctl *ctl, const char *dir);

enum { TRACE_MAX = 32, REVOKED_MAX = 64 };
struct words { const char *file, *trust, *pack, *site, *store, *head, *at, *revoked[REVOKED_MAX]; size_t n_revoked; };
struct trace { char lines[TRACE_MAX][400]; size_t n; };
struct verify {
	const struct ctl *ctl;
	const struct words *w;
	struct trust trust;
	struct jws_result jws;
	json_t *payload;
	struct trace trace;
	char pointer[256];
	char sentence[600];
};

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = { { "--trust", &w->trust }, { "--pack", &w->pack }, { "--site", &w->site },
									   { "--store", &w->store }, { "--head", &w->head }, { "--at", &w->at } };
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		bool more = i + 1 < ctl->argc;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name) != 0)
			k++;
		if (k < countof(rows) && more)
			*rows[k].value = ctl->argv[++i];
		else if (strcmp(ctl->argv[i], "--revoked") == 0 && more && w->n_revoked < REVOKED_MAX)
			w->revoked[w->n_revoked++] = ctl->argv[++i];
		else if ((ctl->argv[i][0] == '-' && ctl->argv[i][1]) || w->file)
			return ctl_usage(ctl, "'%s' is not expected here, or its value is missing", ctl->argv[i]);
		else
			w->file = ctl->argv[i];
	}
	return w->file || w->store ? 0 : ctl_usage(ctl, "which file?");
}

static void step(struct verify *v, const char *fmt, ...) PRINTF(2, 3);
static void step(struct verify *v, const char *fmt, ...)
{
	va_list args;
	if (v->trace.n == TRACE_MAX)
		return;
	va_start(args, fmt);
	vsnprintf(v->trace.lines[v->trace.n++], sizeof v->trace.lines[0], fmt, args);
	va_end(args);
}

static const char *text_at(const json_t *root, const char *member)
{
	const char *text = json_string_value(json_object_get(root, member));
	return text ? text : "?";
}

static const char *site_of(const json_t *payload)
{
	const json_t *site = json_object_get(payload, "site");
	return json_is_object(site) ? text_at(site, "id") : text_at(payload, "site");
}

static const char *by_lang(const struct ctl *ctl, const json_t *bilingual)
{
	return text_at(bilingual, ctl->lang == LANG_ZH ? "zh" : "en");
}

static bool load_trust(struct verify *v, struct err *err)
{
	const char *path = v->w->trust ? v->w->trust : "/etc/pued/trust";
	if (trust_load(path, &v->trust, err))
		return true;
	return v->w->trust ? false : err_set(err, ERR_USAGE, "--trust KEYS is missing, and there is no installed trust store in %s; trust is given, never found in the file", path);
}

static bool check_signature(struct verify *v, struct err *err)
{
	char dated[WALL_TEXT];
	struct wall at = { 0 };
	CLEANUP(buf_done) struct buf bytes = { 0 };
	if (!file_read(v->w->file, &bytes, err) || (v->w->at && !wall_parse(v->w->at, &at, err)))
		return false;
	/* a report is one line: a newline that the receiving program put behind it is not part of it */
	if (bytes.len > 2 && bytes.data[1] == '"' && bytes.data[bytes.len - 1] == '\n')
		bytes.len--;
	if (!jws_verify(&v->trust, bytes.data, bytes.len, NULL, at, &v->jws, err)) {
		snprintf(v->pointer, sizeof v->pointer, "%s", v->jws.differs);
		return false;
	}
	v->payload = json_read("payload", v->jws.payload.data, v->jws.payload.len, err);
	const struct trust_key *k = v->jws.key;
	step(v, "signed by key %s%s%s%s%s (%zu signature%s), dated %s", k->key.kid, k->name.en ? ", " : "", k->name.en ? k->name.en : "", k->role ? ", role " : "",
	     k->role ? k->role : "", v->jws.n_signatures, v->jws.n_signatures > 1 ? "s" : "", wall_text(v->jws.dated, dated));
	step(v, "type %s, site %s%s", v->jws.type, site_of(v->payload), json_is_true(json_object_get(v->payload, "simulated")) ? ", SIMULATED data" : "");
	return v->payload != NULL;
}

static bool check_site(struct verify *v, struct err *err)
{
	if (!v->w->site || strcmp(v->w->site, site_of(v->payload)) == 0)
		return true;
	snprintf(v->pointer, sizeof v->pointer, "/site");
	return err_set(err, ERR_EVIDENCE, "/site: this document is of site %s, not of %s", site_of(v->payload), v->w->site);
}

/* Documents that take others back, by number. */
static bool check_revoked(struct verify *v, const char *number, struct err *err)
{
	for (size_t i = 0; i < v->w->n_revoked; i++) {
		struct jws_result r;
		CLEANUP(buf_done) struct buf bytes = { 0 };
		if (!file_read(v->w->revoked[i], &bytes, err) || !jws_verify(&v->trust, bytes.data, bytes.len, JWS_REVOCATION, (struct wall){ 0 }, &r, err))
			return err_wrap(err, "%s", v->w->revoked[i]);
		json_t *root = json_read("revocation", r.payload.data, r.payload.len, err);
		bool hit = root && strcmp(text_at(root, "revokes"), number) == 0 && strcmp(site_of(root), site_of(v->payload)) == 0;
		if (hit)
			err_set(err, ERR_EVIDENCE, "certificate %s was revoked on %s: %s", number, text_at(root, "issued"), text_at(root, "reason"));
		bool good = root && !hit;
		json_decref(root);
		jws_result_done(&r);
		if (!good)
			return false;
	}
	if (v->w->n_revoked)
		step(v, "not named by %zu revocation%s", v->w->n_revoked, v->w->n_revoked > 1 ? "s" : "");
	return true;
}

static bool judge_again(struct verify *v, struct conf *conf, struct err *err)
{
	char path[PATH_MAX];
	const json_t *named = json_object_get(json_object_get(v->payload, "identity"), "pack");
	const struct pack *p = pack_find(conf, v->w->pack ? v->w->pack : text_at(named, "id"), path, sizeof path, err);
	if (!p)
		return err_wrap(err, "the certificate was made with pack %s %s; give it with --pack FILE", text_at(named, "id"), text_at(named, "version"));
	if (!cert_recheck(v->payload, p, v->pointer, sizeof v->pointer, err))
		return false;
	if (!pack_shipped(p))
		step(v, "note: pack %s is not one that came with this program; its text is for you to judge", pack_id(p));
	step(v, "judged again by pack %s %s: verdict, figures and amount follow from the certificate's facts", pack_id(p), pack_version(p));
	return true;
}

static bool check_energies(struct verify *v, struct err *err)
{
	struct cert_check check;
	if (!cert_recheck_evidence(v->payload, &check, err)) {
		snprintf(v->pointer, sizeof v->pointer, "%s", check.pointer);
		return false;
	}
	const json_t *evidence = json_object_get(v->payload, "evidence");
	step(v, "%llu evidence leaves are in the tree of %lld leaves with root %.16s...", (unsigned long long)check.leaves,
	     (long long)json_integer_value(json_object_get(evidence, "tree_size")), text_at(evidence, "tree_root"));
	step(v, check.from_evidence ? "E_DC and E_IT of window and months follow from the cumulative energies in those leaves"
				    : "the attached leaves do not reach both ends of the window: its energies were NOT computed again");
	return true;
}

static bool check_statements(struct verify *v, struct err *err)
{
	struct cert_check check;
	CLEANUP(buf_done) struct buf unchecked = { 0 };
	if (!cert_recheck_statements(v->payload, &v->trust, &unchecked, &check, err)) {
		snprintf(v->pointer, sizeof v->pointer, "%s", check.pointer);
		return false;
	}
	if (unchecked.len)
		step(v, "statements of people were NOT all checked: %.*s", (int)strcspn(unchecked.data, "\n"), unchecked.data);
	else
		step(v, "%llu statements and claims of people are those in the signed leaves", (unsigned long long)check.leaves);
	return true;
}

static bool verify_certificate(struct verify *v, struct err *err)
{
	const json_t *identity = json_object_get(v->payload, "identity"), *verdict = json_object_get(v->payload, "verdict");
	const json_t *pue = json_object_get(json_object_get(v->payload, "results"), "pue"), *supersedes;
	const char *number = text_at(identity, "number");
	struct conf *conf = conf_new();
	bool good = conf && check_revoked(v, number, err) && check_energies(v, err) && check_statements(v, err) && judge_again(v, conf, err);
	conf_free(conf);
	if (!good)
		return false;
	supersedes = json_object_get(json_object_get(v->payload, "validity"), "supersedes");
	if (json_is_string(supersedes))
		step(v, "supersedes certificate %s", json_string_value(supersedes));
	step(v, "%s", text_at(pue, "text"));
	step(v, "%s: %s", text_at(verdict, "kind"), by_lang(v->ctl, json_object_get(verdict, "sentence")));
	bool simulated = json_is_true(json_object_get(v->payload, "simulated")), interim = strcmp(text_at(v->payload, "term"), "annual") != 0;
	snprintf(v->sentence, sizeof v->sentence,
		 v->ctl->lang == LANG_ZH ? "有效:证书 %s(场所 %s%s%s)未被改动,其结论由所附证据和规则得出" : "VALID: certificate %s (site %s%s%s) is unaltered, and what it says follows from its evidence and its pack",
		 number, site_of(v->payload), interim ? say(v->ctl, (struct bilingual){ ",中期", ", interim" }) : "",
		 simulated ? say(v->ctl, (struct bilingual){ ",模拟数据", ", SIMULATED" }) : "");
	return true;
}

static bool verify_report(struct verify *v, struct err *err)
{
	const json_t *interval = json_object_get(v->payload, "interval"), *tree = json_object_get(v->payload, "tree");
	(void)err;
	step(v, "epoch %lld, sequence %lld, interval %s to %s", (long long)json_integer_value(json_object_get(v->payload, "epoch")),
	     (long long)json_integer_value(json_object_get(v->payload, "seq")), text_at(interval, "from"), text_at(interval, "to"));
	step(v, "evidence tree of %lld leaves, root %.16s...", (long long)json_integer_value(json_object_get(tree, "size")), text_at(tree, "root"));
	snprintf(v->sentence, sizeof v->sentence, v->ctl->lang == LANG_ZH ? "有效:场所 %s 的报告未被改动" : "VALID: the report of site %s is unaltered", site_of(v->payload));
	return true;
}

static bool verify_head(struct verify *v, struct err *err)
{
	(void)err;
	step(v, "epoch %lld, %lld leaves, root %s", (long long)json_integer_value(json_object_get(v->payload, "epoch")),
	     (long long)json_integer_value(json_object_get(v->payload, "size")), text_at(v->payload, "root"));
	snprintf(v->sentence, sizeof v->sentence,
		 v->ctl->lang == LANG_ZH ? "有效:场所 %s 的证据树头未被改动" : "VALID: the tree head of site %s is unaltered; puectl verify --store DIR --head FILE compares a store with it", site_of(v->payload));
	return true;
}

static bool verify_other(struct verify *v, struct err *err)
{
	(void)err;
	snprintf(v->sentence, sizeof v->sentence, v->ctl->lang == LANG_ZH ? "有效:签名属于可信公钥,内容未被改动(%s)" : "VALID: signed by a trusted key and unaltered (%s)", v->jws.type);
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

static void print_json(const struct verify *v, bool good, const struct err *err)
{
	json_t *trace = json_array();
	for (size_t i = 0; i < v->trace.n; i++)
		json_array_append_new(trace, json_string(v->trace.lines[i]));
	json_t *out = json_pack("{s:b, s:s, s:o, s:s, s:o, s:o}", "valid", good, "sentence", good ? v->sentence : err->text, "trace", trace, "type", v->jws.type,
				"pointer", v->pointer[0] ? json_string(v->pointer) : json_null(), "kid", v->jws.key ? json_string(v->jws.key->key.kid) : json_null());
	json_dumpf(out, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(out);
}

static int report(const struct verify *v, bool good, const struct err *err)
{
	if (v->ctl->json) {
		print_json(v, good, err);
		return good ? 0 : err_exit_code(err);
	}
	if (good)
		printf("%s\n", v->sentence);
	for (size_t i = 0; i < v->trace.n; i++)
		printf("  %s\n", v->trace.lines[i]);
	if (good)
		return 0;
	fflush(stdout);
	fprintf(stderr, v->ctl->lang == LANG_ZH ? "无效:%s: %s\n" : "NOT VALID: %s: %s\n", v->w->file, err->text);
	return err_exit_code(err);
}

int ctl_verify(struct ctl *ctl)
{
	struct words w = { 0 };
	struct err err = { 0 };
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (w.store)
		return verify_store(ctl, w.store);
	struct verify *v = calloc(1, sizeof *v);
	if (!v)
		return 70;
	v->ctl = ctl;
	v->w = &w;
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
	free(v);
	return code;
}
