/* rules/value.h - what an expression of a pack comes to: an exact interval, a three-valued truth, a day or a text; or unknown, with the
 * name of what is lacking.  Total: overflow and division by zero are unknown, with the reason.  Pure. */
#ifndef RULES_VALUE_H
#define RULES_VALUE_H

#include "rules/exact.h"
#include "rules/facts.h"

enum value_type { TYPE_NUMBER, TYPE_TRUTH, TYPE_DATE, TYPE_TEXT };
extern const char *const value_type_names[];

struct value {
	enum value_type type;
	bool known;
	bool open;                      /* number: no upper end (uncertainty not stated) */
	struct exact lo, hi;            /* number; hi undefined when open */
	enum truth truth;
	struct date date;
	const char *text;
	const char *missing;            /* not known, a truth that is unknown, or a number whose ends hang on what is not: what is lacking; static, or of facts or pack */
	bool straddles;                 /* a truth unknown only because an interval reaches over the limit */
};

struct value value_unknown(enum value_type type, const char *missing);
struct value value_number(struct exact lo, struct exact hi);
struct value value_int(int64_t v);                     /* v < 0 as a count would be unknown: the caller says */
struct value value_truth(enum truth t, const char *missing);
struct value value_date(struct date d, const char *missing);   /* year 0: unknown */
struct value value_text(const char *text, const char *missing);

/* Interval arithmetic; unknown operands win, with their reason. */
struct value value_add(struct value a, struct value b);
struct value value_sub(struct value a, struct value b);
struct value value_mul(struct value a, struct value b);
struct value value_div(struct value a, struct value b);
struct value value_min(struct value a, struct value b);
struct value value_max(struct value a, struct value b);
struct value value_round(struct value v, struct exact step, enum rounding mode);

enum comparison { CMP_LT, CMP_LE, CMP_GT, CMP_GE, CMP_EQ, CMP_NE, CMP_COUNT };
extern const char *const comparison_names[CMP_COUNT];
struct value value_compare(struct value a, enum comparison op, struct value b);

struct value value_not(struct value a);
/* yes when at least k of n hold, no when that cannot be any more. */
struct value value_at_least(const struct value *v, size_t n, size_t k);

#endif
