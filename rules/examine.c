/* One criterion under every reading the text leaves open, and the smallest sets of choices under which it holds. */
#include "rules/judging.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { UNDER_MAX = 12 };

void *judging_alloc(struct judging *j, size_t size)
{
	void *p = conf_alloc(j->arena, size);
	j->failed = j->failed || !p;
	return p;
}

const char *judging_text(struct judging *j, const char *fmt, ...)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	char text[2000];
	va_list args;
	va_start(args, fmt);
	vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	/* a cut text may end inside a character */
	buf_plain(&b, text, strlen(text));
	const char *kept = b.data ? conf_copy(j->arena, b.data) : "";
	j->failed = j->failed || b.failed || !kept;
	return kept ? kept : "";
}

static const struct choice *choice_at(const struct judging *j, size_t i)
{
	return &ROWS(struct choice, j->pack->choices)[i];
}

static size_t options(const struct judging *j, size_t i)
{
	return choice_at(j, i)->options.n;
}

static void read_all(struct judging *j, struct examined *x)
{
	uint32_t mask = x->rule->test->choices;
	struct env env = j->env;
	size_t n = 1;
	for (size_t i = 0; i < j->pack->choices.n; i++) {
		n *= mask >> i & 1 ? options(j, i) : 1;
		if (mask >> i & 1)
			env.option[i] = 0;
	}
	x->rows = judging_alloc(j, n * sizeof *x->rows);
	for (x->n = 0; x->rows && x->n < n; x->n++) {
		memcpy(x->rows[x->n].option, env.option, sizeof env.option);
		x->rows[x->n].value = expr_value(x->rule->test, &env);
		for (size_t i = j->pack->choices.n; i-- > 0;) {
			if (!(mask >> i & 1))
				continue;
			if (++env.option[i] < options(j, i))
				break;
			env.option[i] = 0;
		}
	}
}

/* A set of choices: for each an option, or -1 for any. */
struct part { int8_t option[CHOICES_MAX]; };

static bool holds(const struct examined *x, const struct part *part, size_t n_choices)
{
	for (size_t r = 0; r < x->n; r++) {
		bool inside = true;
		for (size_t i = 0; i < n_choices && inside; i++)
			inside = part->option[i] < 0 || part->option[i] == x->rows[r].option[i];
		const struct value *v = &x->rows[r].value;
		if (inside && v->truth != TRUTH_YES && !(x->assumed && v->truth == TRUTH_UNKNOWN && v->straddles))
			return false;
	}
	return true;
}

static size_t fixed(const struct part *part)
{
	size_t n = 0;
	for (size_t i = 0; i < CHOICES_MAX; i++)
		n += part->option[i] >= 0;
	return n;
}

/* Is `wide` the same as `part` with some choices left open? */
static bool covers(const struct part *wide, const struct part *part)
{
	for (size_t i = 0; i < CHOICES_MAX; i++)
		if (wide->option[i] >= 0 && wide->option[i] != part->option[i])
			return false;
	return true;
}

static bool next_part(const struct judging *j, uint32_t mask, struct part *part)
{
	for (size_t i = j->pack->choices.n; i-- > 0;) {
		if (!(mask >> i & 1))
			continue;
		if (++part->option[i] < (int8_t)options(j, i))
			return true;
		part->option[i] = -1;
	}
	return false;
}

static void add_under(struct judging *j, struct examined *x, const struct part *part)
{
	CLEANUP(buf_done) struct buf id = { 0 }, zh = { 0 }, en = { 0 };
	for (size_t i = 0; i < j->pack->choices.n; i++) {
		const struct choice *c = choice_at(j, i);
		if (part->option[i] < 0)
			continue;
		const struct choice_option *o = &ROWS(struct choice_option, c->options)[part->option[i]];
		buf_printf(&id, "%s%s=%s", id.len ? " " : "", c->id, o->id);
		buf_printf(&zh, "%s%s:%s", zh.len ? ",且" : "", c->title.zh, o->title.zh);
		buf_printf(&en, "%s%s: %s", en.len ? ", and " : "", c->title.en, o->title.en);
	}
	if (x->assumed) {
		const struct rule *r = x->rule;
		buf_printf(&id, "%s%s", id.len ? " " : "", r->open_id ? r->open_id : "assumption");
		buf_printf(&zh, "%s%s", zh.len ? ",且" : "", r->open.zh ? r->open.zh : "未知部分有利");
		buf_printf(&en, "%s%s", en.len ? ", and " : "", r->open.en ? r->open.en : "what is not known is favourable");
	}
	x->under[x->n_under] = judging_text(j, "%s", id.len ? id.data : "any");
	x->under_text[x->n_under] = (struct bilingual){ judging_text(j, "%s", zh.len ? zh.data : "任一读法"), judging_text(j, "%s", en.len ? en.data : "any reading") };
	x->n_under++;
}

/* Smallest first: a set that only narrows a kept one says nothing new. */
static void find_under(struct judging *j, struct examined *x)
{
	uint32_t mask = x->rule->test->choices;
	struct part kept[UNDER_MAX];
	x->under = judging_alloc(j, UNDER_MAX * sizeof *x->under);
	x->under_text = judging_alloc(j, UNDER_MAX * sizeof *x->under_text);
	for (size_t size = 0; x->under && x->under_text && size <= j->pack->choices.n; size++) {
		struct part part;
		memset(&part, -1, sizeof part);
		do {
			bool known = fixed(&part) != size || x->n_under == UNDER_MAX;
			for (size_t i = 0; i < x->n_under && !known; i++)
				known = covers(&kept[i], &part);
			if (known || !holds(x, &part, j->pack->choices.n))
				continue;
			kept[x->n_under] = part;
			add_under(j, x, &part);
		} while (next_part(j, mask, &part));
	}
}

void examine(struct judging *j, const struct rule *r, struct examined *out)
{
	size_t yes = 0, no = 0, straddling = 0;
	*out = (struct examined){ .rule = r };
	read_all(j, out);
	for (size_t i = 0; i < out->n; i++) {
		const struct value *v = &out->rows[i].value;
		yes += v->truth == TRUTH_YES;
		no += v->truth == TRUTH_NO;
		straddling += v->truth == TRUTH_UNKNOWN && v->straddles;
		if (v->truth == TRUTH_UNKNOWN && !v->straddles && !out->missing)
			out->missing = v->missing;
	}
	if (j->failed || yes == out->n || no == out->n) {
		out->standing = yes == out->n ? STANDS_YES : STANDS_NO;
		return;
	}
	out->standing = yes || straddling ? STANDS_UNDER : STANDS_UNKNOWN;
	out->assumed = !yes && straddling;
	if (out->standing == STANDS_UNDER)
		find_under(j, out);
}
