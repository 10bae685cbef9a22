/* tests/unit/test.h - cmocka with its includes; a test is a table, one row a reason. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>
#include "core/base.h"

/* Fails with the row's name, so that a red test says why the row exists. */
#define row_check(row, what)                                                                                       \
	do {                                                                                                       \
		if (!(what))                                                                                       \
			fail_msg("row \"%s\": %s", (row)->name, #what);                                            \
	} while (0)

#endif
