/* puectl pue: the number with its full name; --explain: everything behind it. */
#include "agent/baseline_file.h"
#include "agent/clock.h"
#include "agent/explain.h"
#include "agent/gather.h"
#include "agent/pack_admit.h"

#include <stdio.h>
#include <string.h>

struct words { struct gather_options gather; bool explain, html; const char *freeze, *keys, *made, *baseline, *trust, *kgce; };

static int parse(struct ctl *ctl, struct words *w)
{
	struct err err = { 0 };
	if (!gather_arguments(ctl, &w->gather, &err))
		return ctl_usage(ctl, "%s", err.text);
	const struct { const char *name; const char **value; } rows[] = {
		{ "--freeze", &w->freeze }, { "--keys", &w->keys }, { "--made", &w->made }, { "--baseline", &w->baseline }, { "--trust", &w->trust },
		{ "--kgce-per-kwh", &w->kgce },
	};
	for (int i = 1; i < ctl->argc; i++) {
		size_t k = 0;
		while (k < countof(rows) && strcmp(ctl->argv[i], rows[k].name))
			k++;
		if (k < countof(rows) && i + 1 < ctl->argc)
			*rows[k].value = ctl->argv[++i];
		else if (k < countof(rows))
			return ctl_usage(ctl, "%s needs a value", rows[k].name);
		else if (!strcmp(ctl->argv[i], "--explain"))
			w->explain = true;
		else if (!strcmp(ctl->argv[i], "--html"))
			w->html = true;
		else
			return ctl_usage(ctl, "'%s' is not expected here", ctl->argv[i]);
	}
	if (!w->freeze != !w->keys || !w->baseline != !w->trust)
		return ctl_usage(ctl, "--freeze FILE needs --keys DIR, --baseline FILE needs --trust KEYS: trust is given, never found in the file");
	return 0;
}

static bool freeze(const struct words *w, const struct gather *g, struct err *err)
{
	struct kpi k;
	struct wall made;
	window_kpi(g->window, &g->setup.zone, &k);
	if (w->made) {
		if (!wall_parse(w->made, &made, err))
			return err_wrap(err, "--made");
	} else {
		struct clock clock = { 0 };
		made = clock_now(&clock).wall;
	}
	struct signer *signer = signer_open(w->keys, NULL, err);
	bool good = signer && baseline_write(w->freeze, &k, g->setup.site, signer_ops(signer), made, err);
	signer_free(signer);
	return good;
}

static bool compare(const struct words *w, const struct gather *g, struct explain_baseline *out, json_t **root, struct err *err)
{
	struct trust trust = { 0 };
	struct kpi k;
	bool good = trust_load(w->trust, &trust, err) && baseline_read(w->baseline, &trust, &out->then, root, err);
	trust_done(&trust);
	if (good && w->kgce && !ratio_parse(w->kgce, &out->kgce_per_kwh))
		good = err_set(err, ERR_USAGE, "--kgce-per-kwh %s: write a decimal, for example 0.1229", w->kgce);
	if (!good)
		return false;
	window_kpi(g->window, &g->setup.zone, &k);
	baseline_of_kpi(&k, g->setup.site, &out->now);
	struct err why = { 0 };
	out->comparable = baseline_compare(&out->then, &out->now, &out->delta, &why);
	snprintf(out->why, sizeof out->why, "%s", why.text);
	return true;
}

static void write_out(const struct words *w, const struct ctl *ctl, const struct explain *x, struct buf *out)
{
	if (w->html) {
		explain_html(x, ctl->lang, out);
	} else if (ctl->json) {
		buf_str(out, "{\"site\":");
		buf_json(out, x->setup->site->id);
		buf_printf(out, ",\"simulated\":%s,\n", x->setup->site->simulated ? "true" : "false");
		explain_members(x, out);
		buf_str(out, "}\n");
	} else {
		explain_text(x, ctl->lang, w->explain, out);
	}
}

int ctl_pue(struct ctl *ctl)
{
	struct words w = { 0 };
	struct gather g;
	struct err err = { 0 };
	struct buf out = { 0 };
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (!gather_make(&w.gather, &g, &err))
		return ctl_fail(ctl, &err);
	struct explain_baseline baseline = { 0 };
	json_t *root = NULL;
	if ((w.freeze && !freeze(&w, &g, &err)) || (w.baseline && !compare(&w, &g, &baseline, &root, &err))) {
		gather_done(&g);
		return ctl_fail(ctl, &err);
	}
	struct explain x = { g.window, &g.setup, g.events, g.n_events, w.baseline ? &baseline : NULL };
	write_out(&w, ctl, &x, &out);
	json_decref(root);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	bool failed = out.failed;
	buf_done(&out);
	gather_done(&g);
	return failed ? 70 : ferror(stdout) ? 74 : 0;
}
