/* rules/judging.h - inside the judge: a criterion under all its readings, and the words for it. */
#ifndef RULES_JUDGING_H
#define RULES_JUDGING_H

#include "rules/language.h"

/* How a criterion stands over all its readings; ordered, so that `all` is the least and `any` the greatest. */
enum standing { STANDS_NO, STANDS_UNKNOWN, STANDS_UNDER, STANDS_YES };

struct reading_row { uint8_t option[CHOICES_MAX]; struct value value; };
struct examined {
	const struct rule *rule;
	enum standing standing;
	bool assumed;                   /* STANDS_UNDER only by the rule's assumption about what is not known */
	struct reading_row *rows;
	size_t n;
	const char **under;             /* smallest sets of choices under which it holds */
	struct bilingual *under_text;
	size_t n_under;
	const char *missing;            /* STANDS_UNKNOWN: what is lacking */
};

struct judging {
	const struct pack *pack;
	const struct facts *facts;
	struct verdict *out;
	struct conf *arena;
	struct env env;                 /* the default reading */
	struct examined *criteria;
	bool failed;                    /* out of memory */
};

void *judging_alloc(struct judging *j, size_t size);
const char *judging_text(struct judging *j, const char *fmt, ...) PRINTF(2, 3);
void examine(struct judging *j, const struct rule *r, struct examined *out);
void describe(struct judging *j, const struct examined *x, struct criterion *out);
void judging_note(struct judging *j, const char *zh, const char *en);
bool judging_of_site(const struct facts *f, const char *site);        /* the site itself, or one it was merged from */
/* amount.c */
bool amount_rate_allowed(const struct judging *j, struct err *err) MUST_USE;
void amount_add(struct judging *j);
/* lo, or "lo..hi", in the expression's unit. */
void value_print(const struct expr *e, const struct value *v, const struct exact *limit, int digits, char *out, size_t size);
/* What is lacking, in words; a fact's name or a sentence of value.c. */
struct bilingual missing_words(const struct pack *p, const char *missing);
/* verdict_kind.c: the sentence of a verdict without its reasons. */
extern const struct bilingual verdict_sentences[VERDICT_N];

#endif
