/* rules/expr_load.h - shared by expr_load.c (operators), expr_leaf.c (literals and names) and expr_arms.c (operators with rows).
 *
 * Whatever cannot be loaded is a problem of the configuration, recorded with its place; the result is then NULL or false. */
#ifndef RULES_EXPR_LOAD_H
#define RULES_EXPR_LOAD_H

#include "rules/language.h"

/* An operator: the key of a mapping, with the arguments behind it. */
struct op;
typedef bool loader(struct loading *s, const struct conf_node *n, const struct op *op, struct expr *e);
enum shape { SHAPE_SAME, SHAPE_PRODUCT, SHAPE_QUOTIENT, SHAPE_TRUTHS, SHAPE_DAYS, SHAPE_DAY_NUMBER, SHAPE_ANY };
struct op {
	const char *key;
	expr_eval *eval;
	loader *load;
	enum value_type type;           /* of the result */
	enum shape shape;               /* of a plain list of arguments */
	size_t min, max;
	const char *keys[6];            /* the other keys of the mapping */
};

const struct expr *expr_problem(struct loading *s, const struct conf_node *n, const char *text);      /* NULL */
struct expr *expr_new(struct loading *s, expr_eval *eval, enum value_type type);
bool expr_take(struct expr *e, const struct expr *part);            /* adds what a part depends on; false: NULL, its problem is recorded */
bool expr_room(struct loading *s, struct expr *e, size_t n);
bool expr_arg(struct loading *s, const struct conf_node *n, const char *key, struct expr *e);
bool expr_same_unit(struct loading *s, const struct conf_node *n, const struct expr *a, const struct expr *b);
/* A branch gives what the other branches give. */
bool expr_same_kind(struct loading *s, const struct conf_node *n, struct expr *e, const struct expr *branch, bool first);

/* expr_leaf.c */
int expr_choice_named(const struct pack *p, const char *id, size_t len);      /* its number; -1: none */
bool expr_criterion(struct loading *s, const struct conf_node *n, struct expr *e);     /* the criterion of this id into e */
const struct expr *expr_leaf(struct loading *s, const struct conf_node *n);

/* expr_arms.c */
bool expr_row_keys(struct loading *s, const struct conf_node *row, const char *const *keys);
loader expr_load_case, expr_load_step, expr_load_piecewise, expr_load_class, expr_load_lookup, expr_load_weighted;

#endif
