/* rules/language.h - a loaded pack inside the room: figures, choices, statements, criteria, and the expressions they are made of.
 * What each key means stands in docs/writing-a-pack.md.  Everything lives in the struct conf it was loaded with.  Pure. */
#ifndef RULES_LANGUAGE_H
#define RULES_LANGUAGE_H

#include "rules/pack.h"
#include "core/merkle.h"
#include "rules/vocab.h"

enum { CHOICES_MAX = 8, OPTIONS_MAX = 8, READINGS_MAX = 512, EXPR_SIZE_MAX = 10000, EXPR_DEPTH_MAX = 100, EXPR_WORK_MAX = 1000000 };

struct choice_option { const char *id; struct bilingual title; };
struct choice {
	const char *id;
	struct bilingual title;
	const char *default_, *quote, *locator;
	struct conf_vec options;            /* struct choice_option; the default first in `first` */
	int first;                          /* index of the default option */
};

enum figure_use { USE_VERDICT, USE_INFORMATION };
struct figure {
	const char *id, *value, *source, *status, *quote, *locator;
	struct bilingual title;
	int use;
	struct exact number;
	struct unit unit;
	struct date date;                   /* a figure may be a day */
	bool is_date, bad;                  /* bad: its problem is recorded */
};

enum statement_kind { STATEMENT_YES_NO, STATEMENT_DATE, STATEMENT_AMOUNT, STATEMENT_TEXT };
struct statement {
	const char *id, *role, *unit, *quote, *locator;
	struct bilingual title, how;        /* how: what to do when it is missing */
	int kind;
	bool required, neutral;             /* neutral: a "no" decides nothing by itself */
	struct unit parsed;
};

struct expr;
struct env;
typedef struct value expr_eval(const struct expr *e, const struct env *env);
struct env {
	const struct pack *pack;
	const struct facts *facts;
	uint8_t option[CHOICES_MAX];        /* the reading: one option a choice */
};
struct fact_ref { const struct fact_row *row; const char *window, *name; };
/* One arm of case, step, bands, lookup or weighted mean. */
struct arm { const struct expr *when, *then; struct date from; const char *key; bool closed; };
struct expr {
	expr_eval *eval;
	enum value_type type;
	struct dim dim;
	struct unit unit;                   /* for printing */
	uint32_t choices;                   /* those it depends on, by bit */
	uint32_t size;                      /* nodes visited by one evaluation, definitions written out */
	uint32_t depth;
	bool asks;                          /* for a fact or a statement */
	const struct expr **args;
	size_t n;
	struct value literal;
	const struct fact_ref *refs;        /* a fact, one a reading of the choices in its name */
	const struct statement *statement;
	int choice;
	enum comparison op;
	const char *word;
	struct arm *arms;
	size_t n_arms;
	const struct expr *otherwise;
	enum rounding mode;
	size_t k;
};
struct named { const char *id; const struct expr *expr; const struct conf_node *node; };

/* A named test outside the criteria: sufficiency, reservations, exclusions. */
struct condition {
	const char *id, *quote, *locator;
	struct bilingual title, how;
	const struct conf_node *test_node;
	const struct expr *test;
};
struct rule {
	const char *id, *quote, *locator;
	struct bilingual title, how, open;  /* open: the assumption when an interval reaches over the limit */
	const char *open_id;
	int64_t digits;                     /* -1: by the value */
	const struct conf_node *test_node;
	const struct expr *test;
	struct conf_place place;
};
struct output {
	const char *id, *quote, *locator;
	struct bilingual title;
	const struct conf_node *value_node;
	const struct expr *value;
};
struct split_share { const char *who; struct bilingual title; struct ratio share; };
struct split_row { const char *key, *quote, *locator, *odd_to; struct conf_vec shares; };
struct vector { const char *name, *verdict, *amount; struct conf_vec reasons; const struct conf_node *set, *facts, *outputs; struct conf_place place; };

enum window_kind { WINDOW_ROLLING, WINDOW_CALENDAR_YEAR, WINDOW_SINCE, WINDOW_SNAPSHOT, WINDOW_PRECEDING, WINDOW_LOAD_FRACTION };
struct pack_window_spec { const char *name; int kind; int64_t months; const char *event; bool interim; struct date end_by; struct ratio load, within; };

struct pack {
	const char *file, *id, *version, *policy, *level;
	int64_t format;
	struct bilingual title;
	struct { const char *name, *text, *url, *quote, *status; } source;
	struct { struct date from, until, until_other; const char *quote, *locator; struct conf_vec events; struct bilingual other; } validity;
	struct { const char *per, *quote, *locator; } once;
	struct { const char *rule, *quote, *locator; } overlap;
	struct pack_window_spec window;
	struct conf_vec windows;            /* struct pack_window_spec: further ones */
	const char **window_names;
	struct ratio standard_rack_kw;
	int64_t standard_rack_mw;
	const char *standard_rack_figure;
	struct conf_vec figures, choices, statements, requires, definitions, sufficiency, reservations, exclusions, criteria, outputs, vectors;
	const struct conf_node *definitions_node, *decide_node, *sentences_node, *facts_node;
	const struct expr *decide;          /* over criteria; NULL: all of them */
	struct conf_vec failed;             /* while loading: definitions with a problem of their own */
	struct {
		const struct conf_node *rate_node, *count_node, *cap_node, *value_node;
		const struct expr *rate, *count, *cap, *value;
		const char *quote, *locator, *cap_quote, *bound;
		const struct figure *bound_figure;
		bool stated;
	} amount;
	struct { const char *by; struct conf_vec rows; const char *otherwise; bool stated; } split;
	struct bilingual sentences[VERDICT_N];
	struct hash hash;
	bool draft;
	const char *draft_figure;           /* the first unverified figure */
};

struct loading {
	struct conf *c;
	struct pack *pack;
	const struct conf_node *root;
	bool criteria_names;                /* `decide`: a name is that of a criterion */
	bool criteria_loaded;               /* `amount`, `outputs`: `holds` may name one */
};
/* pack_check.c */
void pack_check(struct loading *s);
const struct figure *pack_figure(const struct pack *p, const char *id);

/* expr_load.c */
const struct expr *expr_load(struct loading *s, const struct conf_node *n);
/* The same, of this type (and unit, when not NULL). */
const struct expr *expr_load_as(struct loading *s, const struct conf_node *n, enum value_type type, const struct unit *unit);
/* expr_eval.c */
static inline struct value expr_value(const struct expr *e, const struct env *env) { return e->eval(e, env); }
/* The comparison that decides e under this reading: itself, or through `choose`; NULL when e is no comparison. */
const struct expr *expr_comparison(const struct expr *e, const struct env *env);
struct value statement_value(const struct statement *st, const struct facts *f);
const struct attestation *statement_find(const struct statement *st, const struct facts *f);   /* valid or not; NULL: none */
const char *statement_fault(const struct statement *st, const struct attestation *a);          /* NULL: it counts */
extern expr_eval eval_literal, eval_fact, eval_add, eval_sub, eval_mul, eval_div, eval_min, eval_max, eval_clamp, eval_round, eval_all, eval_any,
	eval_not, eval_at_least, eval_count, eval_compare, eval_choose, eval_case, eval_step, eval_piecewise, eval_class, eval_lookup,
	eval_weighted, eval_is, eval_known, eval_years, eval_days, eval_months_after, eval_statement, eval_criterion;

/* The next reading of the choices in `mask`, the last choice fastest; false after the last, and then at the first again. */
bool reading_next(const struct pack *p, uint32_t mask, uint8_t *option);

/* Judging without the gate for drafts: the pack's own vectors. */
bool judge_any(const struct pack *p, const struct facts *f, struct verdict *out, struct err *err) MUST_USE;
json_t *figures_json(const struct pack *p);
json_t *choices_json(const struct pack *p);
json_t *json_of_conf(const struct conf_node *n);      /* unquoted integers, true, false, null; all else text */
#define ROWS(type, vec) ((const type *)(vec).items)
#define TEXTS(vec) ((const char *const *)(vec).items)

#endif
