/* puectl: finds the verb, reads its arguments by its table, runs it. */
#include "agent/ctl.h"
#include "publish/said.h"

#include <errno.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *ctl_said(const struct ctl *ctl, const char *english, struct buf *room)
{
	static struct said *said;       /* for the whole run */
	if (ctl->lang != LANG_ZH)
		return english;
	said = said ? said : said_new();
	buf_reset(room);
	if (said)
		said_zh(said, english, room);
	return room->len ? room->data : english;
}

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf usage = { 0 };
	va_list args;
	va_start(args, fmt);
	fprintf(stderr, "puectl%s%s: ", ctl->verb->name[0] ? " " : "", ctl->verb->name);
	vfprintf(stderr, fmt, args);
	va_end(args);
	if (ctl->verb->name[0]) {
		ctl_usage_line(ctl->verb, ctl->lang, &usage);
		fprintf(stderr, SAY(ctl, "\n用法: %s\n选项见 puectl help %s\n", "\nusage: %s\npuectl help %s lists the options\n"), usage.data ? usage.data : "", ctl->verb->name);
	} else {
		fputs(SAY(ctl, "\n动词见 puectl help\n", "\npuectl help lists the verbs\n"), stderr);
	}
	return 64;
}

/* The next step, where the sentence comes from below and knows none. */
static const struct { enum err_kind kind; const char *ends; struct bilingual next; } next_steps[] = {
	{ ERR_DENIED, ": Permission denied", { ";请以 pued 用户运行: sudo -u pued puectl ...", "; run it as the user of pued: sudo -u pued puectl ..." } },
	{ ERR_IO, "/etc/pued/pued.yaml: No such file or directory",
	  { ";用 --config FILE 指出站点配置,或先写一份: docs/first-site.md", "; name the site's configuration (--config FILE), or write one first: docs/first-site.md" } },
};

int ctl_fail(const struct ctl *ctl, const struct err *err)
{
	CLEANUP(buf_done) struct buf room = { 0 };
	size_t len = strlen(err->text);
	fprintf(stderr, "puectl %s: %s", ctl->verb->name, ctl_said(ctl, err->text, &room));
	for (size_t i = 0; i < countof(next_steps); i++) {
		size_t n = strlen(next_steps[i].ends);
		if (err->kind == next_steps[i].kind && len >= n && strcmp(err->text + len - n, next_steps[i].ends) == 0)
			fputs(say(ctl, next_steps[i].next), stderr);
	}
	fputs("\n", stderr);
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

/* Mistakes in the arguments are told in the language that they ask for. */
static void early_language(struct ctl *ctl)
{
	for (int i = 0; i < ctl->argc && strcmp(ctl->argv[i], "--") != 0; i++)
		if (!strncmp(ctl->argv[i], "--lang=", 7))
			ctl->lang = lang_of(ctl->argv[i] + 7);
		else if (!strcmp(ctl->argv[i], "--lang") && ctl->argv[i + 1])
			ctl->lang = lang_of(ctl->argv[i + 1]);
}

/* The first word is the verb; options may stand before it. */
static const char *take_verb(struct ctl *ctl)
{
	int i = 0;
	while (i < ctl->argc && ctl->argv[i][0] == '-')
		i += strcmp(ctl->argv[i], "--lang") ? 1 : 2;
	if (i >= ctl->argc)
		return NULL;
	const char *word = ctl->argv[i];
	memmove(&ctl->argv[i], &ctl->argv[i + 1], (size_t)(ctl->argc - i) * sizeof *ctl->argv);
	ctl->argc--;
	return word;
}

static int run(struct ctl *ctl, const char *word)
{
	static const struct verb none = { .name = "" };
	const struct verb *verb = word ? verb_named(word) : NULL;
	int code;
	if (word && !verb)
		return ctl_unknown_verb(ctl, word);
	ctl->verb = verb ? verb : &none;
	ctl->words = calloc(1, ctl->verb->size + 1);
	if (!ctl->words)
		return 70;
	if (!ctl_options(ctl, &code))
		return code;
	if (ctl->version)
		return printf("puectl %s\n", PUED_VERSION) < 0 ? 74 : 0;
	if (!verb)
		return ctl_help_all(ctl, ctl->help ? stdout : stderr);
	return ctl->help ? ctl_help_verb(ctl, verb) : verb->run(ctl);
}

int main(int argc, char **argv)
{
	struct ctl ctl = { .argc = argc > 0 ? argc - 1 : 0, .argv = argv + (argc > 0), .lang = lang_of_environment() };
	setlocale(LC_CTYPE, "C.UTF-8");
	early_language(&ctl);
	int code = run(&ctl, take_verb(&ctl));
	free(ctl.words);
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (code == 74)
		return code;            /* the verb has said so */
	fprintf(stderr, SAY(&ctl, "puectl: 标准输出写入失败: %s\n", "puectl: standard output: %s; what came out is not whole\n"), errno ? strerror(errno) : "write failed");
	return code ? code : 74;
}
