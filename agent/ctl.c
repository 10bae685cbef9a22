/* puectl: one table of verbs; help and completion come from it. */
#include "agent/ctl.h"

#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *say(const struct ctl *ctl, struct bilingual text)
{
	return ctl->lang == LANG_ZH && text.zh ? text.zh : text.en;
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "puectl %s: ", ctl->verb->name);
	vfprintf(stderr, fmt, args);
	va_end(args);
	fprintf(stderr, "\nusage: puectl %s %s\n", ctl->verb->name, ctl->verb->args);
	return 64;
}

int ctl_fail(const struct ctl *ctl, const struct err *err)
{
	fprintf(stderr, "puectl %s: %s\n", ctl->verb->name, err->text);
	int code = err_exit_code(err);
	return code ? code : 70;
}

static enum lang lang_of(const char *name)
{
	return name && !strncmp(name, "zh", 2) ? LANG_ZH : LANG_EN;
}

static enum lang lang_of_environment(void)
{
	static const char *const names[] = { "LC_ALL", "LC_MESSAGES", "LANG" };
	for (size_t i = 0; i < countof(names); i++) {
		const char *value = getenv(names[i]);
		if (value && *value)
			return lang_of(value);
	}
	return LANG_EN;
}

static int help(const struct ctl *ctl, FILE *out)
{
	fprintf(out, ctl->lang == LANG_ZH ? "puectl: 数据中心电能与PUE,可核验\n\n用法: puectl 动词 [参数] [--json] [--lang zh|en]\n\n"
					  : "puectl - energy and PUE of a data center, verifiable\n\nusage: puectl VERB [ARGUMENTS] [--json] [--lang zh|en]\n\n");
	for (const struct verb *v = verbs; v->name; v++)
		fprintf(out, "  %-12s %s\n", v->name, say(ctl, v->about));
	fprintf(out, ctl->lang == LANG_ZH ? "\npuectl 动词 --help 显示该动词的参数。退出码: 0 成功, 10 不符合, 11 无法判定, 12 证据或签名无效, 64 用法, 78 配置。\n"
					  : "\npuectl VERB --help shows a verb's arguments.  Exit codes: 0 ok, 10 not eligible, 11 not decidable, 12 evidence or\nsignature invalid, 13 degraded, 64 usage, 69 unavailable, 74 I/O, 77 permission, 78 configuration.\n");
	return out == stdout ? 0 : 64;
}

static int verb_help(const struct ctl *ctl)
{
	printf("puectl %s %s\n%s\n", ctl->verb->name, ctl->verb->args, say(ctl, ctl->verb->about));
	const char *more = say(ctl, ctl->verb->more);
	if (more)
		printf("\n%s\n", more);
	return 0;
}

static const struct verb *verb_named(const char *name)
{
	for (const struct verb *v = verbs; v->name; v++)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

static int unknown_verb(const char *word)
{
	const char *names[64];
	size_t n = 0;
	for (const struct verb *v = verbs; v->name && n < countof(names); v++)
		names[n++] = v->name;
	const char *near = *word ? conf_nearest(word, names, n) : NULL;
	fprintf(stderr, near ? "puectl: no verb '%s'; did you mean '%s'?\n" : "puectl: no verb '%s'; puectl --help lists them\n", word, near);
	return 64;
}

/* Takes the options every verb has out of the arguments; false (and *code) when the run ends here. */
static bool common_options(struct ctl *ctl, int argc, char **argv, bool *wants_help, int *code)
{
	for (int i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--json")) {
			ctl->json = true;
		} else if (!strcmp(argv[i], "--lang") && i + 1 < argc) {
			ctl->lang = lang_of(argv[++i]);
		} else if (!strncmp(argv[i], "--lang=", 7)) {
			ctl->lang = lang_of(argv[i] + 7);
		} else if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
			*wants_help = true;
		} else if (!strcmp(argv[i], "--version")) {
			printf("puectl %s\n", PUED_VERSION);
			*code = 0;
			return false;
		} else {
			ctl->argv[ctl->argc++] = argv[i];
		}
	}
	ctl->argv[ctl->argc] = NULL;
	return true;
}

int main(int argc, char **argv)
{
	static const struct verb none = { .name = "", .args = "" };
	struct ctl ctl = { .lang = lang_of_environment(), .verb = &none, .argv = calloc((size_t)argc + 1, sizeof(char *)) };
	bool wants_help = false;
	int code = 70;
	setlocale(LC_CTYPE, "C.UTF-8");
	if (ctl.argv && common_options(&ctl, argc - 1, argv + 1, &wants_help, &code)) {
		const struct verb *verb = ctl.argc ? verb_named(ctl.argv[0]) : NULL;
		if (verb)
			ctl.verb = verb;
		if (!ctl.argc)
			code = help(&ctl, wants_help ? stdout : stderr);
		else if (!verb)
			code = unknown_verb(ctl.argv[0]);
		else
			code = wants_help ? verb_help(&ctl) : verb->run(&ctl);
	}
	free(ctl.argv);
	if (fflush(stdout) != 0 && code == 0)
		code = 74;
	return code;
}
