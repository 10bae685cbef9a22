/* puectl baseline: freezes what a retrofit is compared with: a window of the site's own evidence, or an earlier certificate or frozen
 * file whose signature holds.  A signed statement like any other, an evidence leaf of the running pued. */
#include "agent/baseline_file.h"
#include "agent/file.h"
#include "agent/gather.h"
#include "agent/pack_admit.h"
#include "agent/stating.h"
#include "rules/cert.h"

#include <stdio.h>
#include <string.h>

struct words {
	struct stating common;
	const char *from, *to, *certificate, *file, *trust;
	struct baseline baseline;       /* made before the statement is put together */
	char source[300];
};

/* Texts that outlive what they were read from: everything a statement needs is copied into the object at once. */
static bool keep(struct words *w, json_t *o, const struct baseline *b, struct err *err)
{
	if (b->kind == KPI_NONE)
		return err_set(err, ERR_RANGE, "nothing to freeze: %s has no PUE", w->source);
	struct baseline kept = *b;
	kept.source = w->source;
	return json_object_set_new(o, "baseline", baseline_json(&kept)) == 0 || err_memory(err);
}

static bool from_evidence(struct words *w, json_t *o, struct err *err)
{
	struct gather g;
	struct kpi k;
	struct baseline b;
	const struct gather_options options = { .config = w->common.store.config, .state_dir = w->common.store.state_dir, .from = w->from, .to = w->to };
	if (!gather_make(&options, &g, err))
		return false;
	window_kpi(g.window, &g.setup.zone, &k);
	baseline_of_kpi(&k, g.setup.site, &b);
	snprintf(w->source, sizeof w->source, "evidence of this site, %s to %s", w->from, w->to);
	bool good = k.kind == KPI_NONE ? err_set(err, ERR_RANGE, "nothing to freeze: %s", k.why_not) : keep(w, o, &b, err);
	gather_done(&g);
	return good;
}

static bool from_facts(struct words *w, json_t *o, const json_t *cert, struct err *err)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	struct cert_check check;
	struct facts f;
	struct baseline b;
	json_t *root = NULL;
	const json_t *facts = json_object_get(cert, "facts");
	const char *number = json_string_value(json_object_get(json_object_get(cert, "identity"), "number"));
	if (!json_is_object(facts) || !cert_recheck_evidence(cert, &check, err) || !json_canonical(facts, &text, err) ||
	    !facts_parse("facts", text.data, text.len, &f, &root, err))
		return json_is_object(facts) ? false : err_set(err, ERR_EVIDENCE, "/facts: the certificate carries no facts");
	baseline_of_kpi(&f.kpi, f.site, &b);
	b.simulated = f.simulated;
	snprintf(w->source, sizeof w->source, "certificate %.200s", number ? number : "?");
	bool good = keep(w, o, &b, err);
	facts_done(&f);
	json_decref(root);
	return good;
}

static bool from_certificate(struct words *w, json_t *o, struct err *err)
{
	CLEANUP(buf_done) struct buf bytes = { 0 };
	struct trust trust = { 0 };
	struct jws_result r = { 0 };
	bool good = trust_load(w->trust, &trust, err) && file_read(w->certificate, &bytes, err) &&
		    (jws_verify(&trust, bytes.data, bytes.len, JWS_CERTIFICATE, (struct wall){ 0 }, &r, err) || err_wrap(err, "%s", w->certificate));
	json_t *cert = good ? json_read(w->certificate, r.payload.data, r.payload.len, err) : NULL;
	good = cert && (from_facts(w, o, cert, err) || err_wrap(err, "%s", w->certificate));
	json_decref(cert);
	jws_result_done(&r);
	trust_done(&trust);
	return good;
}

static bool from_file(struct words *w, json_t *o, struct err *err)
{
	struct trust trust = { 0 };
	struct baseline b;
	json_t *root = NULL;
	bool good = trust_load(w->trust, &trust, err) && baseline_read(w->file, &trust, &b, &root, err);
	snprintf(w->source, sizeof w->source, "%.280s", good && b.source ? b.source : w->file);
	good = good && keep(w, o, &b, err);
	json_decref(root);
	trust_done(&trust);
	return good;
}

static bool members(const void *words, const struct site *site, json_t *o, struct err *err)
{
	struct words *w = (struct words *)(uintptr_t)words;
	(void)site;
	return w->certificate ? from_certificate(w, o, err) : w->file ? from_file(w, o, err) : from_evidence(w, o, err);
}

static int run(struct ctl *ctl)
{
	struct words *w = ctl->words;
	if ((w->from != NULL) + (w->certificate != NULL) + (w->file != NULL) + (w->common.revoke != NULL) != 1)
		return ctl_usage(ctl, "%s", SAY(ctl, "--from 与 --to、--certificate、--file、--revoke 四者须给其一", "one of --from DAY --to DAY, --certificate FILE, --file FILE and --revoke ID is needed"));
	if ((w->certificate || w->file) && !w->trust)
		return ctl_usage(ctl, "%s", SAY(ctl, "须给出 --trust KEYS:可信公钥由人给出,从不取自文件", "--trust KEYS is needed: trust is given, never found in the file"));
	w->common.kind = "baseline";
	w->common.members = members;
	w->common.words = w;
	return stating_run(ctl, &w->common);
}

static const struct ctl_option options[] = {
	OPT(DAY, "--from", "DAY", from, "本站证据的一段本地日期(含)", "local days of this site's own evidence, inclusive", .with = "--to"),
	OPT(DAY, "--to", "DAY", to, "其末日(含)", "the last of them", .with = "--from"),
	OPT(FILE, "--certificate", "FILE", certificate, "早先的证书", "an earlier certificate"),
	OPT(FILE, "--file", "FILE", file, "puectl pue --freeze 写出的文件", "what puectl pue --freeze wrote"),
	OPT(FILE, "--trust", "KEYS", trust, "可信公钥(文件或目录)", "keys you trust, a file or a directory"),
	OPT_GROUP(common, stating_rows),
	{ NULL },
};

const struct verb verb_baseline = {
	"baseline", { "冻结改造前基线(签名,成为证据)", "freeze what a retrofit is compared with: signed, an evidence leaf" },
	{ "比较结果见 puectl pue 与证书,仅供参考", "The comparison is shown by puectl pue and in certificates, as information" }, run, options, sizeof(struct words),
};
