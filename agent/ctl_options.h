/* agent/ctl_options.h - the options and words of one verb of puectl as a table: parsing, usage, --help and docs/puectl.md come from it.
 *
 * `--name VALUE`, `--name=VALUE` and flags stand anywhere; `--` ends them.  Values are checked by kind, are never empty, and a value
 * that itself begins with `--` must be written with `=`: who forgets a value does not lose the option behind it.  Only rows with
 * `many` may be given twice.  Every mistake is one sentence, the usage line, and exit code 64. */
#ifndef AGENT_CTL_OPTIONS_H
#define AGENT_CTL_OPTIONS_H

#include "core/buf.h"
#include "core/site.h"

/* What a value is, and the field it fills: const char * (the text as given, checked) where nothing else is said. */
enum ctl_kind {
	CTL_FLAG,            /* bool */
	CTL_TEXT, CTL_FILE,
	CTL_ID,              /* as a configuration writes ids: [A-Za-z0-9._-]{1,64} */
	CTL_DAY,             /* 2026-01-31 */
	CTL_TIME,            /* RFC 3339 */
	CTL_WHEN,            /* either */
	CTL_CHOICE,          /* one of the words of `value`, "day|month|year" */
	CTL_DURATION,        /* int64_t, ms, above 0: "15m" */
	CTL_INTEGER,         /* int64_t, min..max */
	CTL_GROUP,           /* the rows of `group`, with their fields behind `offset` */
};
struct ctl_option {
	const char *name;                    /* "--from"; without a dash: the next word */
	enum ctl_kind kind;
	size_t offset;
	const char *value;                   /* as usage writes it */
	struct bilingual about;
	const char *preset;                  /* taken when it is not given */
	const char *only;                    /* goes with these first words: "rotate|revoke" */
	const char *with;                    /* comes together with this option */
	bool needed, many;                   /* many: the field is a struct ctl_many */
	int64_t min, max;
	const struct ctl_option *group;
};                                           /* a row without name ends a table */
/* A row whose field is in `struct words`, as the struct of a verb's words is called. */
#define OPT(kind, name, value, field, zh, en, ...) { name, CTL_##kind, offsetof(struct words, field), value, { zh, en }, __VA_ARGS__ }
#define OPT_GROUP(field, rows) { "group", CTL_GROUP, offsetof(struct words, field), .group = (rows) }

enum { CTL_MANY_MAX = 64 };
struct ctl_many { size_t n; const char *list[CTL_MANY_MAX]; };

struct ctl;
struct verb;
/* Reads ctl->argv by the verb's table into ctl->words.  false, and the exit code in *code, when nothing is left to run. */
bool ctl_options(struct ctl *ctl, int *code) MUST_USE;
/* "puectl check [FILE] [OPTIONS]" without a newline. */
void ctl_usage_line(const struct verb *verb, enum lang lang, struct buf *out);
/* The table, one row a line. */
void ctl_options_help(const struct verb *verb, enum lang lang, struct buf *out);
/* The same as rows of a page: option, English, Chinese. */
void ctl_options_page(const struct verb *verb, struct buf *out);

#endif
