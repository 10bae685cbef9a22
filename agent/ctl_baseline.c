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

static int parse(struct ctl *ctl, struct words *w)
{
	const struct { const char *name; const char **value; } rows[] = {
		{ "--keys", &w->common.keys }, { "--role", &w->common.role }, { "--by", &w->common.by }, { "--text", &w->common.text }, { "--issued", &w->common.issued },
		{ "--revoke", &w->common.revoke }, { "--from", &w->from }, { "--to", &w->to }, { "--certificate", &w->certificate }, { "--file", &w->file },
		{ "--trust", &w->trust },
	};
	struct err err = { 0 };
	if (!from_store_arguments(ctl, &w->common.store, &err))
		return ctl_usage(ctl, "%s", err.text);
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name) != 0)
			k++;
		if (k == countof(rows) || i + 1 == ctl->argc)
			return ctl_usage(ctl, "'%s' is not expected here, or its value is missing", ctl->argv[i]);
		*rows[k].value = ctl->argv[++i];
	}
	if (!w->from != !w->to)
		return ctl_usage(ctl, "--from and --to come together");
	if ((w->from != NULL) + (w->certificate != NULL) + (w->file != NULL) + (w->common.revoke != NULL) != 1)
		return ctl_usage(ctl, "one of --from DAY --to DAY, --certificate FILE, --file FILE and --revoke ID is needed");
	if ((w->certificate || w->file) && !w->trust)
		return ctl_usage(ctl, "--trust KEYS is needed: trust is given, never found in the file");
	return 0;
}

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

int ctl_baseline(struct ctl *ctl)
{
	struct words w = { .common = { .kind = "baseline", .members = members } };
	int code = parse(ctl, &w);
	if (code)
		return code;
	w.common.words = &w;
	return stating_run(ctl, &w.common);
}
