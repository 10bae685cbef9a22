/* puectl eligibility: the verdict of a pack on facts, from a file or from the store's evidence. */
#include "agent/from_store.h"
#include "agent/pack_admit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct words {
	const char *facts;
	bool why;
	struct assumption assumptions[CTL_MANY_MAX];
	size_t n_assumptions;
	struct from_store_options store;
	struct ctl_many assume;
};

/* What-if names must mean something: a fact, or a statement of the pack. */
static bool check_assumptions(const struct words *w, const struct pack *p, struct err *err)
{
	for (size_t i = 0; i < w->n_assumptions; i++)
		if (!pack_assumable(p, w->assumptions[i].fact, w->assumptions[i].value, err))
			return false;
	return true;
}

static json_t *reasons_json(const struct verdict *v)
{
	json_t *list = json_array();
	for (size_t i = 0; i < v->n_reasons; i++)
		json_array_append_new(list, json_pack("{s:s, s:s, s:s}", "id", v->reasons[i], "zh", v->reason_words[i].zh, "en", v->reason_words[i].en));
	return list;
}

static json_t *evidence_json(const struct judgement *j)
{
	struct hash root;
	char hex[65];
	if (!j)
		return json_null();
	merkle_root(&j->head, &root);
	hash_hex(&root, hex);
	return json_pack("{s:I, s:I, s:s}", "epoch", (json_int_t)j->epoch, "tree_size", (json_int_t)j->head.size, "tree_root", hex);
}

static json_t *outlook_json(const struct pack_outlook *o)
{
	static const char *const states[] = { "any_time", "no_event", "dated", "whole" };
	CLEANUP(buf_done) struct buf zh = { 0 }, en = { 0 };
	char interim[DATE_TEXT], whole[DATE_TEXT];
	pack_outlook_text(o, true, &zh);
	pack_outlook_text(o, false, &en);
	return json_pack("{s:s, s:s?, s:s?, s:b, s:{s:s, s:s}}", "state", states[o->state], "interim_complete", o->interim.year ? date_text(o->interim, interim) : NULL, "window_complete",
			 o->whole.year ? date_text(o->whole, whole) : NULL, "too_late", o->too_late, "sentence", "zh", zh.data ? zh.data : "", "en", en.data ? en.data : "");
}

/* Beside the verdict, as a certificate has it, the facts it was judged on, and where they stand. */
static void print_json(const struct pack *p, const struct verdict *v, const struct pack_outlook *o, const struct facts *f, const struct judgement *j)
{
	json_t *json = verdict_json(p, v);
	json_object_set_new(json, "reason_words", reasons_json(v));
	json_object_set_new(json, "facts", facts_json(f));
	json_object_set_new(json, "evidence", evidence_json(j));
	json_object_set_new(json, "outlook", outlook_json(o));
	json_dumpf(json, stdout, JSON_INDENT(2) | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(json);
}

static void print_short(const struct ctl *ctl, const struct verdict *v)
{
	printf("%s%s: %s\n", v->assumed ? say(ctl, (struct bilingual){ "[假设,不是证据] ", "[WHAT-IF, NOT EVIDENCE] " }) : "", verdict_names[v->kind],
	       say(ctl, v->sentence));
	CLEANUP(buf_done) struct buf reasons = { 0 };
	verdict_reasons_text(v, ctl->lang == LANG_ZH, &reasons);
	fputs(reasons.data ? reasons.data : "", stdout);
}

/* Where the facts stand: leaves of the site's tree, or a file that proves nothing. */
static void evidence_text(const struct ctl *ctl, const struct judgement *j, struct buf *out)
{
	struct hash root;
	char hex[65];
	if (!j) {
		buf_str(out, say(ctl, (struct bilingual){ "证据:无,事实取自所给文件\n", "evidence: none, the facts are those of the file given\n" }));
		return;
	}
	merkle_root(&j->head, &root);
	hash_hex(&root, hex);
	buf_printf(out, ctl->lang == LANG_ZH ? "证据:第 %llu 期证据树 %llu 条,树根 %s;机架清单与计量以其中的配置为准,声明按编号在其中\n"
					     : "evidence: tree of epoch %llu, %llu leaves, root %s; racks and metering are those of the configuration in it, statements stand in it by their ids\n",
		   (unsigned long long)j->epoch, (unsigned long long)j->head.size, hex);
}

static int report(const struct ctl *ctl, const struct words *w, const struct pack *p, const struct verdict *v, const struct pack_outlook *o, const struct facts *f,
		  const struct judgement *j)
{
	CLEANUP(buf_done) struct buf text = { 0 };
	if (ctl->json) {
		print_json(p, v, o, f, j);
	} else if (w->why) {
		verdict_text(p, v, ctl->lang == LANG_ZH, &text);
		facts_said(p, f, ctl->lang == LANG_ZH, &text);
		evidence_text(ctl, j, &text);
		buf_str(&text, ctl->lang == LANG_ZH ? "何时可判定:" : "when it becomes decidable: ");
		pack_outlook_text(o, ctl->lang == LANG_ZH, &text);
		buf_str(&text, "\n");
		fputs(text.data ? text.data : "", stdout);
	} else {
		print_short(ctl, v);
	}
	return verdict_exit_code(v->kind);
}

static int judge_and_report(const struct ctl *ctl, const struct words *w, const struct pack *p, struct facts *f, const struct judgement *j)
{
	struct err err = { 0 };
	struct verdict v = { 0 };
	f->assumptions = w->assumptions;
	f->n_assumptions = w->n_assumptions;
	if (!check_assumptions(w, p, &err) || !judge(p, f, &v, &err))
		return ctl_fail(ctl, &err);
	struct pack_outlook outlook;
	pack_outlook_of(p, f, &outlook);
	int code = report(ctl, w, p, &v, &outlook, f, j);
	verdict_done(&v);
	return code;
}

static bool admitted_pack(const struct words *w, struct conf *conf, const struct pack **out, struct err *err)
{
	char id[128], path[PATH_MAX];
	const char *name = w->store.pack ? w->store.pack : pack_only(id, sizeof id, err);
	struct trust trust = { 0 };
	const struct pack *p = name ? pack_find(conf, name, path, sizeof path, err) : NULL;
	/* as with a store: keys that were given must be readable, the installed ones are used where there are any */
	bool trusted = p && trust_load(w->store.trust ? w->store.trust : "/etc/pued/trust", &trust, w->store.trust ? err : NULL);
	bool good = p && (!w->store.trust || trusted) && pack_admit(p, path, trusted ? &trust : NULL, err);
	trust_done(&trust);
	*out = p;
	return good;
}

static int from_facts(const struct ctl *ctl, const struct words *w)
{
	struct err err = { 0 };
	struct conf *conf = conf_new();
	CLEANUP(buf_done) struct buf text = { 0 };
	struct facts f;
	json_t *root = NULL;
	const struct pack *p = NULL;
	int code;
	if (!admitted_pack(w, conf, &p, &err) || !file_read(w->facts, &text, &err) || !facts_parse(w->facts, text.data, text.len, &f, &root, &err)) {
		code = ctl_fail(ctl, &err);
	} else {
		code = judge_and_report(ctl, w, p, &f, NULL);
		facts_done(&f);
	}
	json_decref(root);
	conf_free(conf);
	return code;
}

static int from_evidence(const struct ctl *ctl, const struct words *w)
{
	struct err err = { 0 };
	struct from_store s;
	int code;
	if (!from_store_open(&w->store, &s, &err))
		return ctl_fail(ctl, &err);
	if (!s.setup.pack) {
		err_set(&err, s.setup.pack_refused[0] ? ERR_EVIDENCE : ERR_CONFIG, "%s",
			s.setup.pack_refused[0] ? s.setup.pack_refused : "the configuration names no policy pack; add `pack: NAME` or use --pack NAME");
		code = ctl_fail(ctl, &err);
	} else {
		struct facts f = s.judgement->facts;
		code = judge_and_report(ctl, w, s.setup.pack, &f, s.judgement);
		from_store_note_waiting(ctl, &s);
	}
	from_store_close(&s);
	return code;
}

static int run(struct ctl *ctl)
{
	struct words *w = ctl->words;
	for (size_t i = 0; i < w->assume.n; i++) {
		const char *text = w->assume.list[i], *equals = strchr(text, '=');
		if (!equals || equals == text || !equals[1])
			return ctl_usage(ctl, SAY(ctl, "--assume %s:应写作 FACT=VALUE,如 racks=1010", "--assume %s: write FACT=VALUE, for example racks=1010"), text);
		*(char *)(uintptr_t)equals = 0;
		w->assumptions[w->n_assumptions++] = (struct assumption){ text, equals + 1 };
	}
	return w->facts ? from_facts(ctl, w) : from_evidence(ctl, w);
}

static const struct ctl_option options[] = {
	OPT(FLAG, "--why", NULL, why, "逐项列出数值、限值、裕度、读法与原文", "each criterion with value, limit, margin, readings and quoted text"),
	OPT(FILE, "--facts", "FILE", facts, "不用存储,判定一个事实文件", "judge a file of facts, without a store"),
	OPT(TEXT, "--assume", "FACT=VALUE", assume, "假设,例如 racks=1010;结果标明不是证据", "what-if, for example racks=1010; marked as not evidence", .many = true),
	OPT(FILE, "--pack", "NAME|FILE", store.pack, "规则包;默认取自配置", "the policy pack; else the configuration's"),
	OPT(DAY, "--date", "DAY", store.date, "判定之日;默认最新证据的本地日期", "the day of judging; else the local day of the newest evidence"),
	OPT(FILE, "--trust", "KEYS", store.trust, "规则包发布者的可信公钥", "keys you trust to sign packs"),
	OPT_GROUP(store, from_store_rows),
	{ NULL },
};

const struct verb verb_eligibility = {
	"eligibility", { "按规则包判定是否符合条件", "is the site eligible under a policy pack, by what margin, and what is missing" },
	{ "退出码: 0 符合, 10 不符合, 11 无法判定或取决于读法", "Exit codes: 0 eligible, 10 not eligible, 11 not decidable or depending on the reading" }, run, options, sizeof(struct words),
};
