/* puectl racks: the four rack counts and the compute share as intervals, at the end of a period; --list: every rack. */
#include "agent/explain.h"
#include "agent/gather.h"

#include <stdio.h>
#include <string.h>

struct words { struct gather_options gather; bool list, config_only; };

static int print(const struct words *w, const struct ctl *ctl, const struct explain *x, struct wall at)
{
	struct buf out = { 0 };
	if (ctl->json) {
		buf_str(&out, "{");
		explain_racks_members(x, at, w->list, &out);
		buf_str(&out, "}\n");
	} else {
		explain_racks_text(x, at, w->list, ctl->lang, &out);
	}
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	int code = out.failed ? 70 : 0;
	buf_done(&out);
	return code;
}

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	struct gather g = { 0 };
	struct err err = { 0 };
	if (w->config_only ? !setup_load(w->gather.config, &g.setup, NULL, &err) : !gather_make(&w->gather, &g, &err))
		return ctl_fail(ctl, &err);
	struct explain x = { g.window, &g.setup, NULL, 0 };
	struct kpi k = { .to = { INT64_MAX } };
	if (g.window)
		window_kpi(g.window, &g.setup.zone, &k);
	int code = print(w, ctl, &x, (struct wall){ k.to.ms - 1 });
	gather_done(&g);
	return code;
}

static const struct ctl_option options[] = {
	OPT(FLAG, "--list", NULL, list, "逐架列出", "every rack"),
	OPT(FLAG, "--config-only", NULL, config_only, "只看配置,不看电能", "from the configuration alone, nothing measured"),
	OPT_GROUP(gather, gather_rows),
	{ NULL },
};

const struct verb verb_racks = { "racks", { "机架数与计算功能占比(区间)", "rack counts, and the compute share as intervals" }, { NULL, NULL }, run, options, sizeof(struct words) };
