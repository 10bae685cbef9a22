/* core/type.h - raw words to a number: one table row a type, one for each named order.  Pure. */
#ifndef CORE_TYPE_H
#define CORE_TYPE_H

#include "core/profile.h"

enum number_kind { NUMBER_INTEGER, NUMBER_REAL, NUMBER_TEXT };

/* A raw value before scale, sentinels and plausibility. */
struct number {
	enum number_kind kind;
	int64_t integer;
	double real;
	bool all_ones;               /* every bit of the register is set */
	bool largest;                /* the largest positive value of a signed type: 0x7fff.. */
	bool too_large;              /* an unsigned 64-bit value above INT64_MAX */
	uint8_t bits;                /* of a two's complement or unsigned integer below 64 bits, else 0: its pattern has another sign, too */
	char text[TEXT_VALUE_MAX + 1];
};

struct type_row {
	const char *name;
	uint8_t words;               /* 0: of the point (string) */
	bool is_signed, is_float;
	int64_t modulus;             /* natural modulus of a counter in it, never negative in a signed type; 0: none that fits */
	/* be: words * 2 bytes, most significant first.  False with *why when the bytes are no number of this type. */
	bool (*decode)(const uint8_t *be, size_t n, struct number *out, enum reason *why);
};

extern const struct type_row types[];            /* ends with name NULL */
const struct type_row *type_find(const char *name);

/* Fills coding->order from its order_text ("abcd", "cdab", "badc", "dcba" for any size, or one letter a byte) and words from
 * its type.  False when the order is no permutation of the type's bytes. */
bool coding_resolve(struct coding *c);
/* All named orders, for probe --decode; ends with NULL. */
extern const char *const order_names[];

/* Words in wire order; bits taken out when the coding names some. */
bool coding_decode(const struct coding *c, const uint16_t *words, struct number *out, enum reason *why);
/* A variable's raw value; the coding's type reinterprets an integer ("i16", "u32") or is NULL. */
bool coding_decode_var(const struct coding *c, const struct var *v, struct number *out, enum reason *why);

/* "52", "0052", "-1", "0x0034": decimal unless 0x stands in front; leading zeros are no octal number, whatever C thinks.  *rest is
 * what follows.  False when no digit stands there or it does not fit. */
bool whole_number(const char *text, int64_t *value, const char **rest);

/* "-12.50 kW": an exact decimal (comma allowed as point) and what follows it, trimmed; false when no digit stands there.
 * "1,234" is a thousand to one half of the world and one and a quarter to the other: false.  "0,123" and "12,5" are clear. */
bool text_number(const char *text, struct ratio *value, const char **rest);

enum transform { TRANSFORM_NONE, TRANSFORM_PF_4Q, TRANSFORM_ABS };
extern const struct conf_name transform_names[];
/* On base units. */
int64_t transform_apply(int transform, int64_t value);

/* Does an observed value (NULL: absent) pass?  Missing members are not asked. */
/* As a profile would write it: 12, 0.5, "kW". */
void number_text(const struct number *n, struct buf *out);
bool test_holds(const struct test *t, const struct number *observed);

#endif
