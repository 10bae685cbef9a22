/* A criterion in words: value, limit, margin, and why.  What is printed never contradicts the result. */
#include "rules/judging.h"

#include <stdio.h>
#include <string.h>

void value_print(const struct expr *e, const struct value *v, const struct exact *limit, int digits, char *out, size_t size)
{
	char lo[80], hi[80], date[DATE_TEXT];
	if (!v->known) {
		snprintf(out, size, "?");
	} else if (v->type == TYPE_NUMBER) {
		exact_text(v->lo, &e->unit, limit, digits, lo, sizeof lo);
		if (!v->open)
			exact_text(v->hi, &e->unit, limit, digits, hi, sizeof hi);
		if (v->open)
			snprintf(out, size, "%s..?", lo);
		else if (exact_compare(v->lo, v->hi) == 0)
			snprintf(out, size, "%s", lo);
		else
			snprintf(out, size, "%s..%s", lo, hi);
	} else if (v->type == TYPE_DATE) {
		snprintf(out, size, "%s", date_text(v->date, date));
	} else if (v->type == TYPE_TEXT) {
		snprintf(out, size, "%s", v->text);
	} else {
		snprintf(out, size, "%s", v->truth == TRUTH_YES ? "yes" : "no");
	}
}

static const char *label(struct judging *j, const struct examined *x, const uint8_t *option)
{
	CLEANUP(buf_done) struct buf b = { 0 };
	for (size_t i = 0; i < j->pack->choices.n; i++) {
		const struct choice *c = &ROWS(struct choice, j->pack->choices)[i];
		if (x->rule->test->choices >> i & 1)
			buf_printf(&b, "%s%s=%s", b.len ? " " : "", c->id, ROWS(struct choice_option, c->options)[option[i]].id);
	}
	return judging_text(j, "%s", b.data ? b.data : "");
}

static const struct exact *limit_of(const struct expr *e, const struct env *env, struct exact *out)
{
	struct value v = expr_value(e->args[1], env);
	if (!v.known || v.type != TYPE_NUMBER)
		return NULL;
	*out = v.lo;
	return out;
}

static const char *value_under(struct judging *j, const struct examined *x, const struct env *env)
{
	char text[160];
	struct exact border;
	const struct expr *e = expr_comparison(x->rule->test, env);
	if (!e)
		return "";
	struct value v = expr_value(e->args[0], env);
	value_print(e->args[1]->unit.name[0] ? e->args[1] : e->args[0], &v, limit_of(e, env, &border), (int)x->rule->digits, text, sizeof text);
	return judging_text(j, "%s", text);
}

static void add_readings(struct judging *j, const struct examined *x, struct criterion *out)
{
	struct reading_result *rows = x->rule->test->choices ? judging_alloc(j, x->n * sizeof *rows) : NULL;
	struct env env = j->env;
	for (size_t i = 0; rows && i < x->n; i++) {
		memcpy(env.option, x->rows[i].option, sizeof env.option);
		rows[i] = (struct reading_result){ label(j, x, env.option), x->rows[i].value.truth, value_under(j, x, &env) };
	}
	out->readings = rows;
	out->n_readings = rows ? x->n : 0;
}

/* Distance to the limit, positive on the good side. */
static void margin_print(const struct expr *e, const struct value *v, const struct value *limit, int digits, char *out, size_t size)
{
	const struct exact zero = { 0, 1 };
	struct exact m;
	bool below = e->op == CMP_LT || e->op == CMP_LE;
	if (!v->known || !limit->known || v->type != TYPE_NUMBER || v->open || limit->open || e->op >= CMP_EQ)
		return;
	if (!(below ? exact_sub(limit->lo, v->hi, &m) : exact_sub(v->lo, limit->hi, &m)))
		return;
	exact_text(m, e->args[1]->unit.name[0] ? &e->args[1]->unit : &e->args[0]->unit, &zero, digits, out, size);
}

/* U of a PUE, rounded up; for other values the interval says it. */
static void uncertainty_print(const struct judging *j, const struct expr *e, char *out, size_t size)
{
	const struct expr *v = e->args[0];
	if (v->eval != eval_fact || strcmp(v->refs[0].name, "pue") != 0)
		return;
	int64_t a = j->facts->kpi.u_ppm_rho0, b = j->facts->kpi.u_ppm_rho1, u = a > b ? a : b;
	if (a < 0 || b < 0)
		snprintf(out, size, "?");
	else
		snprintf(out, size, "%lld.%03lld", (long long)((u + 999) / 1000 / 1000), (long long)((u + 999) / 1000 % 1000));
}

static struct bilingual join_under(struct judging *j, const struct examined *x)
{
	CLEANUP(buf_done) struct buf zh = { 0 }, en = { 0 };
	for (size_t i = 0; i < x->n_under; i++) {
		buf_printf(&zh, "%s%s", i ? ";或 " : "", x->under_text[i].zh);
		buf_printf(&en, "%s%s", i ? "; or " : "", x->under_text[i].en);
	}
	return (struct bilingual){ judging_text(j, "%s", zh.data ? zh.data : ""), judging_text(j, "%s", en.data ? en.data : "") };
}

static struct bilingual why(struct judging *j, const struct examined *x, const struct criterion *c)
{
	const struct rule *r = x->rule;
	const char *zh = r->how.zh ? r->how.zh : "", *en = r->how.en ? r->how.en : "";
	const char *open_zh = x->n > 1 ? "按每一种读法" : "", *open_en = x->n > 1 ? " under every reading" : "";
	struct bilingual words;
	/* joined of several comparisons, there is no one value to print */
	const char *value_zh = c->limit[0] ? judging_text(j, ":%s,限值 %s", c->value, c->limit) : "", *value_en = c->limit[0] ? judging_text(j, ": %s, limit %s", c->value, c->limit) : "";
	switch (x->standing) {
	case STANDS_YES:
		return (struct bilingual){ judging_text(j, "%s满足%s", open_zh, value_zh),
					   judging_text(j, "met%s%s", open_en, value_en) };
	case STANDS_NO:
		return (struct bilingual){ judging_text(j, "%s不满足%s。%s", open_zh, value_zh, zh),
					   judging_text(j, "not met%s%s. %s", open_en, value_en, en) };
	case STANDS_UNDER:
		words = join_under(j, x);
		if (!x->missing)
			return (struct bilingual){ judging_text(j, "取决于读法,在下列读法下满足:%s", words.zh), judging_text(j, "depends on the reading; met if %s", words.en) };
		struct bilingual lacking = missing_words(j->pack, x->missing);
		return (struct bilingual){ judging_text(j, "取决于读法,在下列读法下满足:%s;其余读法缺少:%s", words.zh, lacking.zh),
					   judging_text(j, "depends on the reading; met if %s; for other readings this is lacking: %s", words.en, lacking.en) };
	default:
		words = missing_words(j->pack, x->missing ? x->missing : "");
		return (struct bilingual){ judging_text(j, "无法判定,缺少:%s。%s", words.zh, zh), judging_text(j, "not decidable; lacking: %s. %s", words.en, en) };
	}
}

static const char *const op_signs[] = { [CMP_LT] = "<", [CMP_LE] = "<=", [CMP_GT] = ">", [CMP_GE] = ">=", [CMP_EQ] = "=", [CMP_NE] = "!=" };

void describe(struct judging *j, const struct examined *x, struct criterion *out)
{
	const struct rule *r = x->rule;
	const struct expr *e = expr_comparison(r->test, &j->env);
	static const enum truth results[] = { TRUTH_NO, TRUTH_UNKNOWN, TRUTH_UNKNOWN, TRUTH_YES };
	*out = (struct criterion){ .id = r->id, .title = r->title, .quote = r->quote, .locator = r->locator, .word = e ? e->word : NULL, .op = e ? op_signs[e->op] : NULL,
				   .result = results[x->standing], .depends = x->standing == STANDS_UNDER,
				   .under = x->under, .n_under = x->n_under };
	if (e) {
		struct value v = expr_value(e->args[0], &j->env), limit = expr_value(e->args[1], &j->env);
		snprintf(out->value, sizeof out->value, "%s", value_under(j, x, &j->env));
		value_print(e->args[1], &limit, NULL, -1, out->limit, sizeof out->limit);
		margin_print(e, &v, &limit, (int)r->digits, out->margin, sizeof out->margin);
		uncertainty_print(j, e, out->uncertainty, sizeof out->uncertainty);
	}
	add_readings(j, x, out);
	out->why = why(j, x, out);
}
