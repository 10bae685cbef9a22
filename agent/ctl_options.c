#include "agent/ctl.h"

#include "core/conf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const char *say(const struct ctl *ctl, struct bilingual text)
{
	return ctl->lang == LANG_ZH && text.zh ? text.zh : text.en;
}

enum { SLOTS_MAX = 64 };
struct slot { const struct ctl_option *row; char *field; bool given; };
struct slots { struct slot list[SLOTS_MAX]; size_t n; };

static const struct ctl_option common[] = {
	{ "--json", CTL_FLAG, offsetof(struct ctl, json), NULL, { "以 JSON 输出", "as JSON" } },
	{ "--lang", CTL_CHOICE, offsetof(struct ctl, lang_name), "zh|en", { "语言;否则取 LC_ALL、LANG", "language; else as LC_ALL or LANG say" } },
	{ "--help", CTL_FLAG, offsetof(struct ctl, help), NULL, { "显示本页", "this page" } },
	{ "-h", CTL_FLAG, offsetof(struct ctl, help), NULL, { NULL, NULL } },
	{ "--version", CTL_FLAG, offsetof(struct ctl, version), NULL, { "显示版本", "the version" } },
	{ NULL },
};

/* Groups become rows of their own; fields find their place behind `base`. */
static void lay_out(struct slots *s, const struct ctl_option *rows, char *base)
{
	for (; rows && rows->name; rows++)
		if (rows->kind == CTL_GROUP)
			lay_out(s, rows->group, base + rows->offset);
		else if (s->n < SLOTS_MAX)
			s->list[s->n++] = (struct slot){ rows, base + rows->offset, false };
}

static bool is_option(const struct ctl_option *row)
{
	return row->name[0] == '-';
}

/* Is it one of "a|b|c"? */
static bool among(const char *words, const char *word, size_t len)
{
	for (const char *w = words; *w;) {
		size_t n = strcspn(w, "|");
		if (n == len && strncmp(w, word, n) == 0)
			return true;
		w += n + (w[n] == '|');
	}
	return false;
}

/* ---- values by kind: NULL, or what the value should have been ------------------------------------------------------------------ */

static bool is_day(const char *text)
{
	struct date d;
	return date_parse(text, &d, NULL);
}

static bool is_time(const char *text)
{
	struct wall at;
	return wall_parse(text, &at, NULL);
}

static bool is_id(const char *text)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-";
	size_t len = strspn(text, letters);
	return len > 0 && len <= 64 && !text[len];
}

static bool take_duration(const struct ctl_option *row, const char *text, char *field)
{
	int64_t ms;
	if (!duration_ms_parse(text, &ms) || ms <= 0 || (row->max && (ms < row->min || ms > row->max)))
		return false;
	*(int64_t *)(void *)field = ms;
	return true;
}

static bool take_integer(const struct ctl_option *row, const char *text, char *field)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno || end == text || *end || n < row->min || n > row->max)
		return false;
	*(int64_t *)(void *)field = n;
	return true;
}

static bool fits(const struct ctl_option *row, const char *text, char *field)
{
	switch (row->kind) {
	case CTL_ID: return is_id(text);
	case CTL_DAY: return is_day(text);
	case CTL_TIME: return is_time(text);
	case CTL_WHEN: return is_day(text) || is_time(text);
	case CTL_CHOICE: return among(row->value, text, strlen(text));
	case CTL_DURATION: return take_duration(row, text, field);
	case CTL_INTEGER: return take_integer(row, text, field);
	default: return *text != 0;
	}
}

static int refuse(const struct ctl *ctl, const struct ctl_option *row, const char *text)
{
	static const struct bilingual wanted[] = {
		[CTL_ID] = { "字母、数字与 . _ -,至多 64 个", "letters, digits and . _ -, at most 64" },
		[CTL_DAY] = { "日期,如 2026-01-31", "a day such as 2026-01-31" },
		[CTL_TIME] = { "RFC 3339 时间,如 2026-01-31T08:00:00Z", "a time such as 2026-01-31T08:00:00Z" },
		[CTL_WHEN] = { "日期或 RFC 3339 时间,如 2026-01-31、2026-01-31T08:00:00Z", "a day or a time such as 2026-01-31 or 2026-01-31T08:00:00Z" },
		[CTL_DURATION] = { "时长,如 15m;单位 ms, s, m, h, d", "a duration such as 15m, in ms, s, m, h or d" },
	};
	if (row->kind == CTL_CHOICE)
		return ctl_usage(ctl, SAY(ctl, "%s:'%s' 不在 %s 之中", "%s: '%s' is none of %s"), row->name, text, row->value);
	if (row->kind == CTL_INTEGER)
		return ctl_usage(ctl, SAY(ctl, "%s:'%s' 不是 %lld 至 %lld 的整数", "%s: '%s' is not a whole number from %lld to %lld"), row->name, text, (long long)row->min,
				 (long long)row->max);
	if (row->kind == CTL_DURATION && row->max)
		return ctl_usage(ctl, SAY(ctl, "%s:'%s' 不是 %lldms 至 %lldms 的时长,如 500ms", "%s: '%s' is not a duration from %lldms to %lldms, such as 500ms"), row->name, text, (long long)row->min,
				 (long long)row->max);
	if (row->kind < countof(wanted) && wanted[row->kind].en)
		return ctl_usage(ctl, SAY(ctl, "%s:'%s' 应为%s", "%s: '%s' should be %s"), row->name, text, say(ctl, wanted[row->kind]));
	return ctl_usage(ctl, SAY(ctl, "%s 的值为空", "%s: its value is empty"), row->name);
}

/* ---- one argument -------------------------------------------------------------------------------------------------------------- */

static int take(const struct ctl *ctl, struct slot *s, const char *text)
{
	const struct ctl_option *row = s->row;
	struct ctl_many *many = (void *)s->field;
	if (s->given && !row->many)
		return ctl_usage(ctl, SAY(ctl, "%s 只能给出一次", "%s is given twice"), row->name);
	if (!fits(row, text, s->field))
		return refuse(ctl, row, text);
	if (row->many && many->n == CTL_MANY_MAX)
		return ctl_usage(ctl, SAY(ctl, "%s 至多 %d 次", "%s: at most %d times"), row->name, CTL_MANY_MAX);
	if (row->many)
		many->list[many->n++] = text;
	else if (row->kind != CTL_INTEGER && row->kind != CTL_DURATION)
		*(const char **)(void *)s->field = text;
	s->given = true;
	return 0;
}

static int unknown(const struct ctl *ctl, const struct slots *s, const char *name)
{
	const char *names[SLOTS_MAX];
	size_t n = 0;
	for (size_t i = 0; i < s->n; i++)
		if (is_option(s->list[i].row))
			names[n++] = s->list[i].row->name;
	const char *near = conf_nearest(name, names, n);
	return near ? ctl_usage(ctl, SAY(ctl, "没有选项 '%s';是否 '%s'?", "unknown option '%s'; did you mean '%s'?"), name, near)
		    : ctl_usage(ctl, SAY(ctl, "没有选项 '%s'", "unknown option '%s'"), name);
}

/* An option at argv[*i], with its value behind it. */
static int option(const struct ctl *ctl, struct slots *s, int *i)
{
	char name[64];
	const char *arg = ctl->argv[*i], *equals = strchr(arg, '='), *next = ctl->argv[*i + 1];
	snprintf(name, sizeof name, "%.*s", (int)(equals ? equals - arg : (ptrdiff_t)strlen(arg)), arg);
	struct slot *slot = NULL;
	for (size_t k = 0; k < s->n && !slot; k++)
		if (strcmp(s->list[k].row->name, name) == 0)
			slot = &s->list[k];
	if (!slot)
		return unknown(ctl, s, name);
	if (slot->row->kind == CTL_FLAG) {
		slot->given = *(bool *)slot->field = true;
		return equals ? ctl_usage(ctl, SAY(ctl, "%s 不带值", "%s takes no value"), name) : 0;
	}
	if (equals)
		return take(ctl, slot, equals + 1);
	if (!next)
		return ctl_usage(ctl, SAY(ctl, "%s 缺少值 %s", "%s needs a value: %s"), name, slot->row->value);
	if (strncmp(next, "--", 2) == 0)
		return ctl_usage(ctl, SAY(ctl, "%s 缺少值 %s;'%s' 是选项(若确为其值,写作 %s=%s)", "%s needs a value: %s; '%s' is an option (if it is meant, write %s=%s)"), name,
				 slot->row->value, next, name, next);
	++*i;
	return take(ctl, slot, next);
}

static int word(const struct ctl *ctl, struct slots *s, const char *text)
{
	for (size_t k = 0; k < s->n; k++)
		if (!is_option(s->list[k].row) && (!s->list[k].given || s->list[k].row->many))
			return take(ctl, &s->list[k], text);
	return ctl_usage(ctl, SAY(ctl, "多余的参数 '%s'", "one argument too many: '%s'"), text);
}

static int arguments(const struct ctl *ctl, struct slots *s)
{
	int code = 0;
	bool options = true;
	for (int i = 0; i < ctl->argc && !code; i++) {
		const char *arg = ctl->argv[i];
		if (options && strcmp(arg, "--") == 0)
			options = false;
		else if (options && arg[0] == '-' && arg[1])
			code = option(ctl, s, &i);
		else
			code = word(ctl, s, arg);
	}
	return code;
}

/* ---- what must hold between them ------------------------------------------------------------------------------------------------- */

static const struct slot *named(const struct slots *s, const char *name)
{
	for (size_t k = 0; k < s->n; k++)
		if (strcmp(s->list[k].row->name, name) == 0)
			return &s->list[k];
	return NULL;
}

static int together(const struct ctl *ctl, const struct slots *s)
{
	const struct slot *first = s->n && s->list[0].row->kind == CTL_CHOICE && !is_option(s->list[0].row) ? &s->list[0] : NULL;
	const char *action = first && first->given ? *(const char **)(void *)first->field : "";
	for (size_t k = 0; k < s->n; k++) {
		const struct ctl_option *row = s->list[k].row;
		bool belongs = !row->only || among(row->only, action, strlen(action)), given = s->list[k].given;
		const struct slot *other = given && row->with ? named(s, row->with) : NULL;
		if (given && !belongs)
			return ctl_usage(ctl, SAY(ctl, "%s 不用于 %s,只用于 %s", "%s does not go with '%s', only with %s"), row->name, action, row->only);
		if (!given && belongs && row->needed)
			return ctl_usage(ctl, SAY(ctl, "缺少 %s%s%s:%s", "%s%s%s is missing: %s"), row->name, is_option(row) ? " " : "", is_option(row) ? row->value : "", say(ctl, row->about));
		if (other && !other->given)
			return ctl_usage(ctl, SAY(ctl, "%s 须与 %s 一起给出", "%s comes together with %s"), row->name, row->with);
	}
	return 0;
}

static void presets(struct slots *s)
{
	for (size_t k = 0; k < s->n; k++) {
		const struct ctl_option *row = s->list[k].row;
		if (row->preset && fits(row, row->preset, s->list[k].field) && row->kind != CTL_INTEGER && row->kind != CTL_DURATION)
			*(const char **)(void *)s->list[k].field = row->preset;
	}
}

bool ctl_options(struct ctl *ctl, int *code)
{
	struct slots s = { .n = 0 };
	lay_out(&s, ctl->verb->options, ctl->words);
	lay_out(&s, common, (char *)ctl);
	presets(&s);
	*code = arguments(ctl, &s);
	if (*code == 0 && !ctl->help && !ctl->version)
		*code = together(ctl, &s);
	return *code == 0;
}

/* ---- usage and help -------------------------------------------------------------------------------------------------------------- */

static const char *shown(const struct ctl_option *row)
{
	return row->kind == CTL_CHOICE && row->value ? row->value : row->name;
}

static void in_usage(const struct ctl_option *row, struct buf *out)
{
	bool always = row->needed && !row->only;
	if (!is_option(row))
		buf_printf(out, always ? " %s%s" : " [%s]%s", shown(row), row->many ? "..." : "");
	else if (always)
		buf_printf(out, " %s %s", row->name, row->value);
}

void ctl_usage_line(const struct verb *verb, enum lang lang, struct buf *out)
{
	struct slots s = { .n = 0 };
	lay_out(&s, verb->options, NULL);
	buf_printf(out, "puectl %s", verb->name);
	for (size_t k = 0; k < s.n; k++)
		in_usage(s.list[k].row, out);
	buf_str(out, lang == LANG_ZH ? " [选项]" : " [OPTIONS]");
}

static void about(const struct ctl_option *row, enum lang lang, struct buf *out)
{
	bool zh = lang == LANG_ZH;
	if (row->only)
		buf_printf(out, "%s: ", row->only);
	buf_str(out, zh ? row->about.zh : row->about.en);
	if (row->preset)
		buf_printf(out, zh ? "(默认 %s)" : " (default %s)", row->preset);
	if (row->many)
		buf_str(out, zh ? "(可多次)" : " (may be repeated)");
}

static void left(const struct ctl_option *row, struct buf *out)
{
	buf_printf(out, "%s%s%s", is_option(row) ? row->name : shown(row), is_option(row) && row->value ? " " : "", is_option(row) && row->value ? row->value : "");
}

static void all_rows(const struct verb *verb, struct slots *s)
{
	lay_out(s, verb->options, NULL);
	lay_out(s, common, NULL);
}

void ctl_options_help(const struct verb *verb, enum lang lang, struct buf *out)
{
	enum { COLUMN = 24 };
	struct slots s = { .n = 0 };
	all_rows(verb, &s);
	for (size_t k = 0; k < s.n; k++) {
		CLEANUP(buf_done) struct buf name = { 0 };
		if (!s.list[k].row->about.en)
			continue;
		left(s.list[k].row, &name);
		buf_printf(out, "  %-*s  ", COLUMN, name.data);
		if (name.len > COLUMN)
			buf_printf(out, "\n  %*s  ", COLUMN, "");
		about(s.list[k].row, lang, out);
		buf_str(out, "\n");
	}
}

/* A cell of a table must not end at a bar inside it. */
static void cell(const char *text, struct buf *out)
{
	for (; *text; text++)
		buf_str(out, *text == '|' ? "\\|" : (char[]){ *text, 0 });
}

void ctl_options_page(const struct verb *verb, struct buf *out)
{
	struct slots s = { .n = 0 };
	lay_out(&s, verb->options, NULL);
	buf_str(out, s.n ? "| | | |\n|---|---|---|\n" : "");
	for (size_t k = 0; k < s.n; k++) {
		CLEANUP(buf_done) struct buf name = { 0 }, en = { 0 }, zh = { 0 };
		left(s.list[k].row, &name);
		about(s.list[k].row, LANG_EN, &en);
		about(s.list[k].row, LANG_ZH, &zh);
		buf_str(out, "| `");
		cell(name.data, out);
		buf_str(out, "` | ");
		cell(en.data, out);
		buf_str(out, " | ");
		cell(zh.data, out);
		buf_str(out, " |\n");
	}
}
