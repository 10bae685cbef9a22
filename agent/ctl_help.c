/* puectl help: what there is to say to it, on a terminal or as docs/puectl.md; all from the tables of the verbs. */
#include "agent/ctl.h"
#include "core/conf.h"

#include <string.h>

static const struct { int code; struct bilingual means; } exit_codes[] = {
	{ 0, { "成功;符合;有效", "done; eligible; valid" } },
	{ 1, { "模板或规则包的算例不符", "a test inside a profile or pack failed" } },
	{ 10, { "不符合条件", "not eligible" } },
	{ 11, { "无法判定,或超出可表示的范围", "not decidable, or outside what can be represented" } },
	{ 12, { "证据、内容或签名无效", "evidence, content or signature does not hold" } },
	{ 13, { "降级:有需要处理的问题", "degraded: something needs attention" } },
	{ 20, { "verify: 公钥已撤销或不在有效期内", "verify: key revoked or outside its time" } },
	{ 21, { "verify: 文件不完整", "verify: file cut short" } },
	{ 22, { "verify: 属于另一场所", "verify: of another site" } },
	{ 23, { "verify: 此前已收到,或已被替代", "verify: received before, or superseded" } },
	{ 24, { "verify: 证书已被撤销", "verify: certificate revoked" } },
	{ 25, { "verify: 规则包没有可信签名", "verify: pack not signed" } },
	{ 26, { "verify: 规则包被改动", "verify: pack edited" } },
	{ 27, { "verify: 没有该版本的规则包", "verify: that version of the pack is not here" } },
	{ 64, { "用法错误", "wrong call" } },
	{ 65, { "输入文件有误", "a file given is malformed" } },
	{ 69, { "对方没有应答;pued 未运行", "no answer; pued does not run" } },
	{ 70, { "内部错误", "internal error" } },
	{ 74, { "读写失败", "input or output failed" } },
	{ 77, { "没有权限", "permission denied" } },
	{ 78, { "配置、模板或规则包有误", "configuration, profile or pack is wrong" } },
};

const struct verb *verb_named(const char *name)
{
	for (size_t i = 0; verbs[i]; i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

int ctl_unknown_verb(const struct ctl *ctl, const char *word)
{
	const char *names[64];
	size_t n = 0;
	for (size_t i = 0; verbs[i] && n < countof(names); i++)
		names[n++] = verbs[i]->name;
	const char *near = *word ? conf_nearest(word, names, n) : NULL;
	if (near)
		fprintf(stderr, SAY(ctl, "puectl: 没有动词 '%s';是否 '%s'?\n", "puectl: no verb '%s'; did you mean '%s'?\n"), word, near);
	else
		fprintf(stderr, SAY(ctl, "puectl: 没有动词 '%s';puectl help 列出全部\n", "puectl: no verb '%s'; puectl help lists them\n"), word);
	return 64;
}

int ctl_help_all(const struct ctl *ctl, FILE *out)
{
	fputs(SAY(ctl, "puectl: 数据中心电能与PUE,可核验\n\n用法: puectl 动词 [参数]\n\n", "puectl - energy and PUE of a data center, verifiable\n\nusage: puectl VERB [ARGUMENTS]\n\n"), out);
	for (size_t i = 0; verbs[i]; i++)
		fprintf(out, "  %-12s %s\n", verbs[i]->name, say(ctl, verbs[i]->about));
	fputs(SAY(ctl, "\n新站点: puectl check,然后 puectl doctor。运行中: puectl status,puectl top。\npuectl help 动词 显示其参数;每个动词都接 --json 与 --lang zh|en。\n\n退出码:",
		  "\nA new site: puectl check, then puectl doctor.  A running one: puectl status, puectl top.\n"
		  "puectl help VERB shows its arguments; every verb takes --json and --lang zh|en.\n\nExit codes:"), out);
	for (size_t i = 0; i < countof(exit_codes); i++)
		if (exit_codes[i].code < 20 || exit_codes[i].code > 27)
			fprintf(out, "\n  %2d  %s", exit_codes[i].code, say(ctl, exit_codes[i].means));
	fputs("\n", out);
	return out == stdout ? 0 : 64;
}

int ctl_help_verb(const struct ctl *ctl, const struct verb *verb)
{
	CLEANUP(buf_done) struct buf out = { 0 };
	const char *more = say(ctl, verb->more);
	ctl_usage_line(verb, ctl->lang, &out);
	buf_printf(&out, "\n%s\n\n", say(ctl, verb->about));
	ctl_options_help(verb, ctl->lang, &out);
	if (more)
		buf_printf(&out, "\n%s\n", more);
	fputs(out.data ? out.data : "", stdout);
	return 0;
}

static void page_verb(const struct verb *v, struct buf *out)
{
	buf_printf(out, "\n## %s\n\n`", v->name);
	ctl_usage_line(v, LANG_EN, out);
	buf_printf(out, "`\n\n%s. %s。\n\n", v->about.en, v->about.zh);
	ctl_options_page(v, out);
	if (v->more.en)
		buf_printf(out, "\n```\n%s\n\n%s\n```\n", v->more.en, v->more.zh);
}

/* docs/puectl.md, byte for byte: a test compares it. */
static void page(struct buf *out)
{
	buf_str(out, "# puectl\n\nWritten by `puectl help --page` from the tables the program itself reads; a test compares them.\n本页由 `puectl help --page` 生成。\n\n"
		     "Options stand anywhere, `--name VALUE` or `--name=VALUE`; `--` ends them. Every verb takes `--json`, `--lang zh|en` and `--help`.\n"
		     "Output goes to standard output, errors to standard error as one sentence: place, cause, next step.\n\n## Exit codes 退出码\n\n| | | |\n|---|---|---|\n");
	for (size_t i = 0; i < countof(exit_codes); i++)
		buf_printf(out, "| %d | %s | %s |\n", exit_codes[i].code, exit_codes[i].means.en, exit_codes[i].means.zh);
	for (size_t i = 0; verbs[i]; i++)
		page_verb(verbs[i], out);
}

struct words { const char *verb; bool page; };

static int run(struct ctl *ctl)
{
	const struct words *w = ctl->words;
	CLEANUP(buf_done) struct buf out = { 0 };
	if (w->page) {
		page(&out);
		fputs(out.data ? out.data : "", stdout);
		return 0;
	}
	const struct verb *verb = w->verb ? verb_named(w->verb) : NULL;
	return !w->verb ? ctl_help_all(ctl, stdout) : verb ? ctl_help_verb(ctl, verb) : ctl_unknown_verb(ctl, w->verb);
}

static const struct ctl_option options[] = {
	{ "VERB", CTL_TEXT, offsetof(struct words, verb), NULL, { "动词", "the verb" } },
	{ "--page", CTL_FLAG, offsetof(struct words, page), NULL, { "输出 docs/puectl.md", "prints docs/puectl.md" } },
	{ NULL },
};

const struct verb verb_help = { "help", { "动词的参数", "the arguments of a verb" }, { NULL, NULL }, run, options, sizeof(struct words) };
