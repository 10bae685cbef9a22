/* core/profile_read.h - the readers of a profile's parts; used by core/profile*.c only. */
#ifndef CORE_PROFILE_READ_H
#define CORE_PROFILE_READ_H

#include "core/type.h"

struct state_list { const char *name; struct conf_vec states; };

/* A profile while its library is being closed: rows are read when the parent's rows are known. */
struct draft {
	struct profile p;            /* first: a draft is its profile */
	struct conf_vec drop;        /* const char *: the parent's points that this one does not have */
	int64_t address_base;        /* -1: the parent's, else 0 */
	struct conf_vec state_lists; /* struct state_list; the parent's behind one's own */
	const struct draft *parent;
	const struct conf_node *points, *defaults, *cases;
	bool bad, linked, busy;
};

extern const struct conf_field draft_fields[], point_fields[];
extern const struct point point_start;           /* every member as if not written */
void clear_nulls(const struct conf_node *row, struct point *p);       /* `key: null` of a row: as if not written */

bool read_place_text(const char *text, struct place *out, struct conf *c);      /* "holding 0x34", "column e.318.1 @ $1" */
bool read_address(const char *text, uint16_t *out);          /* "0x34", "52" */
bool read_place(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_place_of(struct conf *c, const struct conf_node *n, void *out, const void *arg);   /* arg: "holding" */
bool read_oid(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_type(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_bit(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_bits(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_parts(struct conf *c, const struct conf_node *n, void *out, const void *arg);
bool read_one_or_list(struct conf *c, const struct conf_node *n, void *out, const void *arg);   /* arg: struct conf_list */
bool read_state_lists(struct conf *c, const struct conf_node *n, void *out, const void *arg);
extern const struct conf_range word_range;
extern const struct conf_list text_list, int_pair, test_list;

#define CODING_FIELDS(type_, member)                                                                                  \
	{ "type", read_type, offsetof(type_, member.type) }, { "order", conf_text, offsetof(type_, member.order_text) },  \
	{ "words", conf_int, offsetof(type_, member.words), 0, &word_range },                                             \
	{ "bit", read_bit, offsetof(type_, member) }, { "bits", read_bits, offsetof(type_, member) },                     \
	{ "parts", read_parts, offsetof(type_, member) }
#define CODING_START { .bit_first = -1, .bit_last = -1 }

#define TEST_FIELDS(type_, member)                                                                                    \
	{ "at", read_place, offsetof(type_, member at) }, { "oid", read_place_of, offsetof(type_, member at), 0, "oid" },  \
	{ "column", read_place_of, offsetof(type_, member at), 0, "column" },                                             \
	{ "holding", read_place_of, offsetof(type_, member at), 0, "holding" },                                           \
	{ "input", read_place_of, offsetof(type_, member at), 0, "input" }, CODING_FIELDS(type_, member coding),          \
	{ "equals", conf_text, offsetof(type_, member equals) }, { "not", conf_text, offsetof(type_, member not_equals) },    \
	{ "matches", conf_text, offsetof(type_, member matches) },                                                        \
	{ "not_matches", conf_text, offsetof(type_, member not_matches) },                                                \
	{ "version_from", conf_text, offsetof(type_, member version_from) },                                              \
	{ "version_to", conf_text, offsetof(type_, member version_to) },                                                  \
	{ "range", conf_list_of, offsetof(type_, member range), 0, &int_pair },                                           \
	{ "in", conf_list_of, offsetof(type_, member in), 0, &text_list },                                                \
	{ "exists", conf_bool, offsetof(type_, member exists) },                                                          \
	{ "optional", conf_bool, offsetof(type_, member optional) }

bool read_cases(struct conf *c, const struct conf_node *n, struct conf_vec *out);

#endif
