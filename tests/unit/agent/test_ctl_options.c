#include "tests/unit/test.h"
#include "agent/ctl.h"

#include <stdarg.h>
#include <stdlib.h>

/* Every way to write an option, and every way to get one wrong: what is filled, or the sentence. */
static char sentence[500];

int ctl_usage(const struct ctl *ctl, const char *fmt, ...)
{
	va_list args;
	(void)ctl;
	va_start(args, fmt);
	vsnprintf(sentence, sizeof sentence, fmt, args);
	va_end(args);
	return 64;
}

struct inner { const char *config; };
struct words { const char *action, *file, *text, *day, *by, *site, *at; int64_t n, ms; bool why; struct ctl_many seen; struct inner inner; };
static const struct ctl_option inner_rows[] = { { "--config", CTL_FILE, offsetof(struct inner, config), "FILE", { "配置", "configuration" }, "/etc/x" }, { NULL } };
static const struct ctl_option rows[] = {
	OPT(CHOICE, "ACTION", "make|list", action, "做", "what to do", .needed = true),
	OPT(FILE, "FILE", NULL, file, "文件", "the file", .only = "make"),
	OPT(TEXT, "--text", "TEXT", text, "文", "text"),
	OPT(DAY, "--day", "DAY", day, "日", "a day", .with = "--by"),
	OPT(TEXT, "--by", "WHO", by, "人", "who", .only = "make", .needed = true),
	OPT(ID, "--site", "ID", site, "场所", "site"),
	OPT(TIME, "--at", "TIME", at, "时", "time"),
	OPT(INTEGER, "--n", "N", n, "数", "number", "5", .min = 1, .max = 9),
	OPT(DURATION, "--step", "15m", ms, "步", "step"),
	OPT(FLAG, "--why", NULL, why, "为何", "why"),
	OPT(FILE, "--seen", "FILE", seen, "见", "seen", .many = true),
	OPT_GROUP(inner, inner_rows),
	{ NULL },
};
static const struct verb verb = { "verb", { "动词", "a verb" }, { NULL, NULL }, NULL, rows, sizeof(struct words) };

static const struct row { const char *name, *line, *says; } table[] = {
	{ "all ways to write one", "make f --text a --by=b --seen x --seen=y --why --n 9 --step 90s", NULL },
	{ "options before words", "--by b make f", NULL },
	{ "a value that looks like an option, written as one", "list --text=--why", NULL },
	{ "- is a word", "make - --by b", NULL },
	{ "words behind --", "make --by b -- --why", NULL },
	{ "a number may be negative", "list --text -5", NULL },
	{ "common options anywhere", "list --json --lang zh", NULL },
	{ "a typing error", "list --txet a", "did you mean '--text'" },
	{ "nothing like it", "list --colour", "unknown option '--colour'" },
	{ "a short option", "list -x", "unknown option '-x'" },
	{ "no value", "list --text", "--text needs a value: TEXT" },
	{ "an option for a value", "list --text --why", "'--why' is an option" },
	{ "a common option for a value", "list --text --json", "'--json' is an option" },
	{ "the end of options for a value", "list --text --", "is an option" },
	{ "an empty value", "list --text=", "empty" },
	{ "a value for a flag", "list --why=1", "takes no value" },
	{ "twice", "list --text a --text b", "given twice" },
	{ "one word too many", "make f g --by b", "one argument too many: 'g'" },
	{ "no word", "", "ACTION is missing" },
	{ "none of the words", "eat", "none of make|list" },
	{ "part of a word", "mak", "none of make|list" },
	{ "two words in one", "make|list", "none of make|list" },
	{ "with another action", "list f", "FILE does not go with 'list', only with make" },
	{ "needed there", "make f", "--by WHO is missing" },
	{ "not needed here", "list", NULL },
	{ "alone", "list --day 2026-01-31", "--day comes together with --by" },
	{ "no such day", "list --day 2026-02-30", "a day such as" },
	{ "a day for a time", "list --at 2026-01-31", "a time such as" },
	{ "a time", "list --at 2026-01-31T00:00:00+08:00", NULL },
	{ "an id with a slash", "list --site ../x", "letters, digits" },
	{ "above", "list --n 10", "from 1 to 9" },
	{ "below", "list --n 0", "from 1 to 9" },
	{ "no number", "list --n 3x", "from 1 to 9" },
	{ "beyond all numbers", "list --n 99999999999999999999", "from 1 to 9" },
	{ "no unit", "list --step 15", "a duration such as 15m" },
	{ "no time at all", "list --step 0s", "a duration such as 15m" },
};

static bool read_line(const char *line, struct words *w, struct ctl *ctl, char **argv, char *room)
{
	int code;
	strcpy(room, line);
	*w = (struct words){ 0 };
	*ctl = (struct ctl){ .argv = argv, .verb = &verb, .words = w };
	for (char *s = room, *part; (part = strsep(&s, " "));)
		if (*part)
			argv[ctl->argc++] = part;
	argv[ctl->argc] = NULL;
	sentence[0] = 0;
	bool good = ctl_options(ctl, &code);
	assert_int_equal(code, good ? 0 : 64);
	return good;
}

static void every_row(void **state)
{
	(void)state;
	for (size_t i = 0; i < countof(table); i++) {
		struct words w;
		struct ctl ctl;
		char *argv[32], room[200];
		bool good = read_line(table[i].line, &w, &ctl, argv, room);
		if (good != !table[i].says || (table[i].says && !strstr(sentence, table[i].says)))
			fail_msg("%s: '%s' gave %s '%s'", table[i].name, table[i].line, good ? "good" : "bad", sentence);
	}
}

static void what_is_filled(void **state)
{
	struct words w;
	struct ctl ctl;
	char *argv[32], room[200];
	(void)state;
	assert_true(read_line(table[0].line, &w, &ctl, argv, room));
	assert_string_equal(w.action, "make");
	assert_string_equal(w.file, "f");
	assert_string_equal(w.by, "b");
	assert_string_equal(w.inner.config, "/etc/x");
	assert_true(w.n == 9 && w.ms == 90000 && w.why && w.seen.n == 2 && !strcmp(w.seen.list[1], "y"));
	assert_true(read_line("list --config c", &w, &ctl, argv, room));
	assert_true(w.n == 5 && !strcmp(w.inner.config, "c") && !w.why && !w.seen.n);
	assert_true(read_line("make --by b -- --why", &w, &ctl, argv, room));
	assert_true(!w.why && !strcmp(w.file, "--why"));
	assert_true(read_line("list --json --lang zh", &w, &ctl, argv, room));
	assert_true(ctl.json && !strcmp(ctl.lang_name, "zh"));
	assert_true(read_line("make --help", &w, &ctl, argv, room));    /* help does not ask for what is missing */
	assert_true(ctl.help);
}

static void usage(void **state)
{
	CLEANUP(buf_done) struct buf line = { 0 }, help = { 0 };
	(void)state;
	ctl_usage_line(&verb, LANG_EN, &line);
	assert_string_equal(line.data, "puectl verb make|list [FILE] [OPTIONS]");
	ctl_options_help(&verb, LANG_ZH, &help);
	assert_non_null(strstr(help.data, "--seen FILE"));
	assert_non_null(strstr(help.data, "(默认 /etc/x)"));
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(every_row), cmocka_unit_test(what_is_filled), cmocka_unit_test(usage) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
