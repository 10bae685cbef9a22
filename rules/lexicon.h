/* rules/lexicon.h - statutory comparison words and the operator each one means (domain.md 3.1; Civil Code art. 1259).  Pure. */
#ifndef RULES_LEXICON_H
#define RULES_LEXICON_H

#include "rules/value.h"

#include <stddef.h>

/* What a word means; false: no word that is known.  A symbol stands for itself where no text is quoted. */
bool lexicon_operator(const char *word, enum comparison *out);
/* Does the word stand in the quote as a word of its own?  低于 does not stand in 不低于. */
bool lexicon_stands(const char *quote, const char *word);
/* The first comparison word that stands in a quote, or NULL. */
const char *lexicon_first(const char *quote);
/* The nearest known word, or NULL. */
const char *lexicon_nearest(const char *word);

#endif
