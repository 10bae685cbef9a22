/* rules/facts_json.h - structs as JSON objects by tables: the same rows read and write.  Inside the room. */
#ifndef RULES_FACTS_JSON_H
#define RULES_FACTS_JSON_H

#include "rules/facts.h"
#include "rules/jws.h"

enum field_kind {
	FIELD_COUNT,      /* int64_t; -1 is null */
	FIELD_INTEGER,    /* int64_t; missing is -1, but negative numbers are kept: they are findings */
	FIELD_SMALL,      /* int; -1 is null */
	FIELD_RATE,       /* int64_t; 0 is null */
	FIELD_TEXT,       /* const char *; NULL is null */
	FIELD_CHARS,      /* char[size]; "" is null */
	FIELD_DATE,       /* struct date; year 0 is null */
	FIELD_WALL,       /* struct wall */
	FIELD_BOOL,
	FIELD_TRUTH,      /* enum truth: "yes", "no", null */
	FIELD_KIND,       /* enum kpi_kind */
	FIELD_SHARES,     /* struct share [SHARE_N][2][2] */
	FIELD_OBJECT,     /* nested rows */
};
struct field_row { const char *name; enum field_kind kind; size_t offset; const struct field_row *rows; size_t size; };

json_t *fields_json(const struct field_row *rows, const void *base);
/* Missing members leave *base alone; unknown ones are refused, except those in `apart` (may be NULL). */
bool fields_parse(const struct field_row *rows, const json_t *object, void *base, const char *const *apart, struct err *err) MUST_USE;
bool kpi_parse(const json_t *object, struct kpi *out, const char *const *apart, struct err *err) MUST_USE;   /* into kpi_unknown() */
json_t *selection_json(const struct selection *s);
json_t *racks_json(const struct racks *r);
json_t *site_facts_json(const struct site *s);

#endif
