/* Packed texts stay where they are and come back as they went in; equal rows have one number. */
#include "tests/unit/test.h"
#include "core/texts.h"

#include <stdlib.h>

static void texts_come_back(void **state)
{
	(void)state;
	enum { MANY = 20000 };
	struct texts t = { 0 };
	uint32_t *at = malloc(MANY * sizeof *at);
	const char *first = NULL;
	char text[40];
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "pdu-%d/outlet.%d.power", i / 27, i);
		at[i] = texts_add(&t, text);
		assert_true(at[i] != 0);
		first = i ? first : texts_at(&t, at[0]);
	}
	assert_ptr_equal(first, texts_at(&t, at[0]));   /* borrowers may keep it */
	for (int i = 0; i < MANY; i++) {
		snprintf(text, sizeof text, "pdu-%d/outlet.%d.power", i / 27, i);
		assert_string_equal(texts_at(&t, at[i]), text);
	}
	free(at);
	texts_done(&t);
}

static const struct row { const char *name; size_t length; } lengths[] = {
	{ "empty", 0 }, { "one", 1 }, { "fills a block to its end", 65534 }, { "one more than a block has", 65535 }, { "a block's size", 65536 }, { "many blocks", 300000 },
};

static void any_length(void **state)
{
	(void)state;
	struct texts t = { 0 };
	uint32_t at[countof(lengths)], small[countof(lengths)];
	char *text = malloc(300001);
	for (size_t i = 0; i < countof(lengths); i++) {
		memset(text, 'a' + (int)i, lengths[i].length);
		text[lengths[i].length] = 0;
		at[i] = texts_add(&t, text);
		small[i] = texts_add(&t, "small");
	}
	for (size_t i = 0; i < countof(lengths); i++) {
		row_check(&lengths[i], at[i] && small[i] && strlen(texts_at(&t, at[i])) == lengths[i].length);
		row_check(&lengths[i], !lengths[i].length || texts_at(&t, at[i])[lengths[i].length - 1] == 'a' + (int)i);
		row_check(&lengths[i], !strcmp(texts_at(&t, small[i]), "small"));
	}
	free(text);
	assert_int_equal(texts_add(&t, NULL), 0);
	assert_null(texts_at(&t, 0));
	texts_done(&t);
}

static void equal_rows_are_one(void **state)
{
	(void)state;
	struct pair { int64_t a; int32_t b, c; } row = { 0 };
	struct intern t = { .size = sizeof row };
	for (int round = 0; round < 2; round++)
		for (int i = 0; i < 1000; i++) {
			row = (struct pair){ .a = i % 10, .b = i / 10 };
			assert_int_equal(intern_add(&t, &row), (uint32_t)i);
		}
	for (uint32_t i = 0; i < 1000; i++) {
		memcpy(&row, intern_at(&t, i), sizeof row);
		assert_true(row.a == i % 10 && row.b == (int32_t)i / 10 && row.c == 0);
	}
	intern_done(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(texts_come_back), cmocka_unit_test(any_length), cmocka_unit_test(equal_rows_are_one) };
	return cmocka_run_group_tests(tests, NULL, NULL);
}
