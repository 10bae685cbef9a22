#include "agent/from_store.h"
#include "agent/statement.h"

#include <stdio.h>
#include <string.h>

const struct ctl_option from_store_rows[] = {
	{ "--config", CTL_FILE, offsetof(struct from_store_options, config), "FILE", { "站点配置", "the site's configuration" }, "/etc/pued/pued.yaml" },
	{ "--state", CTL_FILE, offsetof(struct from_store_options, state_dir), "DIR", { "存储目录;默认取自配置", "the store; else as the configuration says" } },
	{ NULL },
};

static bool day_of_judging(const struct from_store_options *o, struct from_store *f, struct err *err)
{
	uint64_t index;
	struct wall at;
	if (o->date)
		return date_parse(o->date, &f->today, err) || err_wrap(err, "--date");
	if (!reader_last(f->reader, LEAF_INTERVAL, &index, &at, err))
		return false;
	f->today = zone_date(&f->setup.zone, (struct wall){ at.ms + f->setup.site->interval_ms });
	return true;
}

bool from_store_open(const struct from_store_options *o, struct from_store *out, struct err *err)
{
	struct from_store f = { 0 };
	bool good = setup_load(o->config ? o->config : "/etc/pued/pued.yaml", &f.setup, NULL, err);
	const char *pack = o->pack ? o->pack : good && o->trust ? f.setup.site->pack : NULL;
	if (good && pack)
		good = (f.setup.pack = pack_open(f.setup.pack_conf, pack, o->trust, err)) != NULL;
	if (good) {
		f.state_dir = o->state_dir ? o->state_dir : f.setup.site->state_dir;
		good = (f.reader = reader_open(f.state_dir, err)) && day_of_judging(o, &f, err);
	}
	/* the judgement keeps a pointer to the setup: it must be at its final place */
	*out = f;
	if (good)
		good = (out->judgement = judgement_make(&out->setup, out->state_dir, out->reader, out->today, o->watch, err)) != NULL;
	if (good)
		out->setup.site = out->judgement->setup.site;   /* as statements amend it */
	if (!good)
		from_store_close(out);
	return good;
}

void from_store_note_waiting(const struct ctl *ctl, const struct from_store *f)
{
	size_t n;
	struct err err = { 0 };
	if (!statement_waiting(f->state_dir, f->reader, &n, &err))
		fprintf(stderr, "%s\n", err.text);
	else if (n && ctl->lang == LANG_ZH)
		fprintf(stderr, "注意: %s/statements 中有 %zu 份已签署的说明尚未成为证据, 此次未计入; 启动 pued, 约一秒内即写入\n", f->state_dir, n);
	else if (n)
		fprintf(stderr, "note: %zu signed statement%s in %s/statements %s no evidence yet and %s not counted here; pued takes %s in within a second when it runs\n", n,
		        n == 1 ? "" : "s", f->state_dir, n == 1 ? "is" : "are", n == 1 ? "was" : "were", n == 1 ? "it" : "them");
}

void from_store_close(struct from_store *f)
{
	judgement_put(f->judgement);
	reader_close(f->reader);
	setup_done(&f->setup);
	*f = (struct from_store){ 0 };
}
