/* make_sealed DIR: the store of sealed.c, for tests in other languages. */
#include "tests/unit/test.h"
#include "tests/unit/store/sealed.h"

static const char *to;

static void make(void **state)
{
	struct err err;
	(void)state;
	sealed_make();
	if (!store_backup(kit_dir(), to, &err))
		fail_msg("%s", err.text);
	kit_clean();
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(make) };
	if (argc != 2)
		return 64;
	to = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}
