/* rules/vocab.h - the names of facts that a pack may ask for, one row each: type, dimension and how it is read from
 * struct facts.  docs/writing-a-pack.md lists them; `puectl pack show --facts` prints this table.  Pure. */
#ifndef RULES_VOCAB_H
#define RULES_VOCAB_H

#include "rules/value.h"

struct fact_row;
/* What a fact is of: the main window, or a further one. */
struct fact_source { const struct facts *facts; const struct kpi *kpi; struct date from, to; };
struct fact_row {
	const char *name;
	enum value_type type;
	const char *unit;               /* dimension and display unit */
	bool windowed;                  /* also under a further window's name: "baseline.pue" */
	struct value (*get)(const struct fact_source *s, const struct fact_row *row);
	size_t offset;                  /* of the field, where `get` reads one */
	const char *about;
};
extern const struct fact_row fact_rows[];
extern const size_t fact_row_count;

/* `windows`: names of further windows of the pack.  *window: index into them, -1 for the main one. */
const struct fact_row *fact_find(const char *name, const char *const *windows, size_t n_windows, int *window);
struct value fact_value(const struct facts *f, const struct fact_row *row, const char *window);
bool fact_covers(const char *assumed, const char *name);
bool fact_assumable(const char *fact);         /* does --assume know this name? */
/* The assumption that replaces a fact of this full name, or NULL. */
const char *fact_assumed(const struct facts *f, const char *name);
/* The value an assumption's text stands for; unknown when it does not fit the row. */
struct value fact_assumed_value(const struct fact_row *row, const char *text);

#endif
