/* puectl racks: the four rack counts and the compute share as intervals, at the end of a period; --list: every rack. */
#include "agent/explain.h"
#include "agent/gather.h"

#include <stdio.h>
#include <string.h>

struct words { struct gather_options gather; bool list, config_only; };

static int parse(struct ctl *ctl, struct words *w)
{
	struct err err = { 0 };
	if (!gather_arguments(ctl, &w->gather, &err))
		return ctl_usage(ctl, "%s", err.text);
	for (int i = 1; i < ctl->argc; i++) {
		if (!strcmp(ctl->argv[i], "--list"))
			w->list = true;
		else if (!strcmp(ctl->argv[i], "--config-only"))
			w->config_only = true;
		else
			return ctl_usage(ctl, "'%s' is not expected here", ctl->argv[i]);
	}
	return 0;
}

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
	int code = out.failed ? 70 : ferror(stdout) ? 74 : 0;
	buf_done(&out);
	return code;
}

int ctl_racks(struct ctl *ctl)
{
	struct words w = { 0 };
	struct gather g = { 0 };
	struct err err = { 0 };
	int code = parse(ctl, &w);
	if (code)
		return code;
	if (w.config_only ? !setup_load(w.gather.config ? w.gather.config : "/etc/pued/pued.yaml", &g.setup, NULL, &err) : !gather_make(&w.gather, &g, &err))
		return ctl_fail(ctl, &err);
	struct explain x = { g.window, &g.setup, NULL, 0 };
	struct kpi k = { .to = { INT64_MAX } };
	if (g.window)
		window_kpi(g.window, &g.setup.zone, &k);
	code = print(&w, ctl, &x, (struct wall){ k.to.ms - 1 });
	gather_done(&g);
	return code;
}
