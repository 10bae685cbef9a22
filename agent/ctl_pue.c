/* puectl pue: the number with its full name; --explain: everything behind it. */
#include "agent/baseline_file.h"
#include "agent/clock.h"
#include "agent/explain.h"
#include "agent/gather.h"
#include "agent/pack_admit.h"
#include "agent/statement.h"
#include "core/site_factors.h"

#include <stdio.h>
#include <string.h>

struct words { struct gather_options gather; bool explain, html; const char *freeze, *keys, *made, *baseline, *trust, *kgce; };

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

/* A decimal of kg/kW.h on the command line: its source is whoever typed it. */
static bool coal_of(const struct words *w, const struct site *site, struct wall end, struct fact_factor *out, struct err *err)
{
	const struct site_factor *f = site_factor_at(site, FACTOR_COAL, (struct wall){ end.ms - 1 });
	struct ratio r;
	if (!w->kgce) {
		*out = f ? (struct fact_factor){ f->micro, f->source, f->status } : (struct fact_factor){ 0 };
		return true;
	}
	if (!ratio_parse(w->kgce, &r) || r.num <= 0 || r.num > 100 * r.den || ((__int128)r.num * 1000000) % r.den)
		return err_set(err, ERR_USAGE, "--kgce-per-kwh %s: write a decimal above 0 with at most six digits behind the point", w->kgce);
	*out = (struct fact_factor){ (int64_t)((__int128)r.num * 1000000 / r.den), "the command line", "m?" };
	return true;
}

/* The baseline of a file, else of the newest statement in the store.  *found: there is one. */
struct before { struct explain_baseline shown; json_t *root; struct statements statements; bool found; };

static bool find_baseline(const struct words *w, const struct gather *g, struct before *b, struct err *err)
{
	const char *state = w->gather.state_dir ? w->gather.state_dir : g->setup.site->state_dir;
	struct trust trust = { 0 };
	struct facts facts;
	if (w->baseline) {
		b->found = trust_load(w->trust, &trust, err) && baseline_read(w->baseline, &trust, &b->shown.then, &b->root, err);
		trust_done(&trust);
		return b->found;
	}
	if (w->gather.recording)
		return true;
	facts_unknown(&facts);
	struct reader *reader = reader_open(state, err);
	bool good = reader && statement_read(state, g->setup.site->id, reader, &b->statements, err);
	reader_close(reader);
	if (good)
		statements_into(&b->statements, &facts);
	b->shown.then = facts.baseline;
	b->found = good && facts.baseline.site;
	return good;
}

static bool compare(const struct words *w, const struct gather *g, struct before *b, struct err *err)
{
	struct kpi k;
	struct err why = { 0 };
	if (!find_baseline(w, g, b, err))
		return false;
	if (!b->found)
		return true;
	window_kpi(g->window, &g->setup.zone, &k);
	baseline_of_kpi(&k, g->setup.site, &b->shown.now);
	b->shown.comparable = baseline_compare(&b->shown.then, &b->shown.now, &b->shown.delta, &why);
	snprintf(b->shown.why, sizeof b->shown.why, "%s", why.text);
	return coal_of(w, g->setup.site, k.to, &b->shown.coal, err);
}

static void before_done(struct before *b)
{
	json_decref(b->root);
	statements_done(&b->statements);
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

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct gather g;
	struct err err = { 0 };
	struct buf out = { 0 };
	if (!gather_make(&w->gather, &g, &err))
		return ctl_fail(ctl, &err);
	struct before before = { 0 };
	if ((w->freeze && !freeze(w, &g, &err)) || !compare(w, &g, &before, &err)) {
		before_done(&before);
		gather_done(&g);
		return ctl_fail(ctl, &err);
	}
	struct explain x = { g.window, &g.setup, g.events, g.n_events, before.found ? &before.shown : NULL };
	write_out(w, ctl, &x, &out);
	before_done(&before);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	bool failed = out.failed;
	buf_done(&out);
	gather_done(&g);
	return failed ? 70 : 0;
}

static const struct ctl_option options[] = {
	OPT(FLAG, "--explain", NULL, explain, "每个电表、安装期、缺口、事件与不确定度", "every term, meter, epoch, gap, event and uncertainty"),
	OPT(FLAG, "--html", NULL, html, "打印成网页", "as a page"),
	OPT(FILE, "--freeze", "FILE", freeze, "签名冻结本窗口为改造前基线", "sign this window as the baseline before a retrofit", .with = "--keys"),
	OPT(FILE, "--keys", "DIR", keys, "签名密钥目录", "the signing keys", .with = "--freeze"),
	OPT(TIME, "--made", "TIME", made, "冻结的时间;默认现在", "when it is frozen; now when not given", .with = "--freeze"),
	OPT(FILE, "--baseline", "FILE", baseline, "与基线比较(仅供参考)", "compare with a baseline, as information", .with = "--trust"),
	OPT(FILE, "--trust", "KEYS", trust, "可信公钥:由人给出,从不取自文件", "keys you trust: given, never found in the file", .with = "--baseline"),
	OPT(TEXT, "--kgce-per-kwh", "FACTOR", kgce, "折标煤系数", "factor for coal equivalent"),
	OPT_GROUP(gather, gather_rows),
	{ NULL },
};

const struct verb verb_pue = { "pue", { "PUE 及其全部来历", "the PUE with its full name, and everything behind it" }, { NULL, NULL }, run, options, sizeof(struct words) };
