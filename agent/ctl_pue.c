/* puectl pue: the number with its full name; --explain: everything behind it. */
#include "agent/explain.h"
#include "agent/gather.h"

#include <stdio.h>
#include <string.h>

struct words { struct gather_options gather; bool explain, html; const char *baseline; };

static int parse(struct ctl *ctl, struct words *w)
{
	struct err err = { 0 };
	if (!gather_arguments(ctl, &w->gather, &err))
		return ctl_usage(ctl, "%s", err.text);
	for (int i = 1; i < ctl->argc; i++) {
		if (!strcmp(ctl->argv[i], "--explain"))
			w->explain = true;
		else if (!strcmp(ctl->argv[i], "--html"))
			w->html = true;
		else
			return ctl_usage(ctl, "'%s' is not expected here", ctl->argv[i]);
	}
	return 0;
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
	struct explain x = { g.window, &g.setup, g.events, g.n_events };
	write_out(&w, ctl, &x, &out);
	fwrite(out.data ? out.data : "", 1, out.len, stdout);
	bool failed = out.failed;
	buf_done(&out);
	gather_done(&g);
	return failed ? 70 : ferror(stdout) ? 74 : 0;
}
